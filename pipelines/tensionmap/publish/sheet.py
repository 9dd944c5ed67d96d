"""The printed map: one A4 page that is complete without a screen.

A page either keeps its promises or is not made: text that leaves its box, type below 9 pt, and letters that the font does not
have are refused with the text by name. Map shapes are cut at the frame, so nothing lies hidden outside or underneath.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from io import BytesIO
from itertools import zip_longest
from math import ceil, floor, inf
from pathlib import Path
from typing import Any

import geopandas as gpd
import matplotlib
import numpy as np
import pandas as pd
import shapely
from matplotlib import rc_context, rcdefaults
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, get_font
from matplotlib.ft2font import LoadFlags
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, PathPatch, Rectangle
from matplotlib.path import Path as Outline
from matplotlib.textpath import text_to_path

from tensionmap.errors import ReleaseError
from tensionmap.publish import style
from tensionmap.publish.style import Stroke, Symbol
from tensionmap.publish.words import Words
from tensionmap.tables import BANDS, Release

A4_MM = (210.0, 297.0)
MARGIN_MM = 10.0
GUTTER_MM = 5.0
KEY_MM = 11.8
INDEX_MM = 5.0
SCALE_ROW_MM, SCALE_BAR_MM = 12.5, 62.0
SMALLEST_MAP_MM = 45.0
PT_MM = 25.4 / 72
LINE_SPACING = 1.27
BODY_PT, HEADING_PT, SUMMARY_PT, BANNER_PT = 9.0, 10.0, 11.0, 10.5
TITLES = ((17.0, 1), (15.5, 1), (14.0, 1), (15.0, 2), (13.0, 2), (12.0, 2))
"""Sizes in points and numbers of lines that a title may take, the best first."""
RULE_MM = 8.0
FEWEST_RULES = 3
NAME_LINE_MM = BODY_PT * PT_MM * 1.08
KEY_ROW_MM, SHORT_ROW_MM, BLOCK_GAP_MM = 4.8, 4.9, 2.6
HOTSPOTS_LISTED = 6
ROUND = (1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.5, 8.0, 9.0)
SCALES = tuple(int(step * 10**power) for power in range(3, 8) for step in ROUND)
INDEX_SIDES_M = tuple(step * 10**power for power in range(2, 7) for step in (1, 2, 5))
WALKING_M_PER_MINUTE = 4000 / 60

Box = tuple[float, float, float, float]
"""West, south, east, north in millimetres of the page."""


def crime_sheet(release: Release, *, language: str, contacts: Sequence[str] = ()) -> bytes:
    """The crime map of ``release`` as a PDF of one A4 page.

    Parameters
    ----------
    release
        What the audience may see; nothing else is accepted.
    language
        'en', or a language that has a catalogue.
    contacts
        Lines printed under 'Whom to call'; without any, room is left to write them.

    Returns
    -------
    bytes
        The same for the same release, language and contacts.

    Raises
    ------
    ReleaseError
        If it is not a release, there is no cell to draw, or a text cannot be printed whole and legibly.

    Notes
    -----
    Squares are drawn in bands; a numbered outline is an area that passed the map-wide test. Border lines are the claims standing
    on the last day of the period. The sheet does not show who did anything, and a blank square is not a safe one.
    """
    return _sheet(release, "crime", language, contacts)


def tension_sheet(release: Release, *, language: str, contacts: Sequence[str] = ()) -> bytes:
    """The tension map of ``release`` as a PDF of one A4 page: disputes, claims, water and pasture, and joint work.

    Parameters, returns, raises and notes are those of ``crime_sheet``; squares with five or more joint repairs, agreements
    or meetings carry a mark.
    """
    return _sheet(release, "tension", language, contacts)


def place_labels(
    candidates: Sequence[Sequence[Box]], *, frame: Box, taken: Sequence[Box] = (), symbols: Sequence[Box | None] = ()
) -> list[int | None]:
    """Which candidate box each label takes, the first labels first; None for a label that has no room.

    Parameters
    ----------
    candidates
        For each label, in order of importance, its possible boxes, the best first.
    frame
        Boxes must lie inside it.
    taken
        Boxes that must stay free.
    symbols
        For each label the box of its own symbol, or None. A label whose symbol is covered by an earlier label has no room,
        and no later label covers the symbol of one that has.
    """
    occupied = np.array(taken, dtype=float).reshape(-1, 4)
    chosen: list[int | None] = []
    for boxes, symbol in zip_longest(candidates, symbols):
        is_covered = symbol is not None and _meets(symbol, occupied[len(taken) :])
        free = (number for number, box in enumerate(boxes) if _is_inside(box, frame) and not _meets(box, occupied))
        choice = None if is_covered else next(free, None)
        chosen.append(choice)
        if choice is not None:
            occupied = np.vstack([occupied, boxes[choice], *([symbol] if symbol else [])])
    return chosen


def _is_inside(box: Box, frame: Box) -> bool:
    return box[0] >= frame[0] and box[1] >= frame[1] and box[2] <= frame[2] and box[3] <= frame[3]


def _meets(box: Box, occupied: np.ndarray) -> bool:
    west, south, east, north = occupied.T
    return bool(((west < box[2]) & (east > box[0]) & (south < box[3]) & (north > box[1])).any())


def _sheet(release: Release, theme: str, language: str, contacts: Sequence[str]) -> bytes:
    if not isinstance(release, Release):
        raise ReleaseError(
            f"A sheet is drawn from a Release, not from a {type(release).__name__}. "
            "Make one in the stage 'protect'; a raw table cannot be printed."
        )
    words = Words(language)
    with rc_context():
        rcdefaults()
        matplotlib.rcParams.update({"pdf.fonttype": 42, "pdf.compression": 6, "hatch.linewidth": style.HATCH_LINE_PT})
        view = _view(release, theme)
        sheets = [_Layout(view, words, contacts, page, beside) for beside in (0, 1) for page in (A4_MM, A4_MM[::-1])]
        best = min(sheets, key=lambda sheet: sheet.scale)
        if best.scale == inf:
            raise best.refusal()
        return best.draw()


@dataclass(frozen=True)
class _View:
    """The rows of a release that one map draws, in metres, cut at its cells' bounds."""

    release: Release
    theme: str
    bounds: tuple[float, float, float, float]
    cells: gpd.GeoDataFrame
    joint_work: gpd.GeoDataFrame
    hotspots: gpd.GeoDataFrame
    points: gpd.GeoDataFrame | None
    settlements: gpd.GeoDataFrame
    claims: gpd.GeoDataFrame
    ended_claims: int
    resources: gpd.GeoDataFrame
    services: gpd.GeoDataFrame
    outside: Any
    digest: str

    @property
    def facts(self) -> Any:
        return self.release.facts

    @property
    def crs(self) -> Any:
        return self.cells.crs


def _view(release: Release, theme: str) -> _View:
    every = release.tables["cells"]
    if every.empty:
        raise ReleaseError("The release has no cells, so there is no area to draw. Check the study area in study.toml.")
    of_theme = every[every["theme"] == theme]
    bounds = tuple(every.total_bounds)
    frame = shapely.box(*bounds)
    filled = of_theme[of_theme["band"] != BANDS[0]].sort_values("cell_id", kind="stable")
    is_joint = (every["theme"] == "cooperation") & (every["band"] != BANDS[0])
    points = release.tables.get("points")
    claims, ended = _standing(release.background["claims"], release.facts.date_to)
    hotspots = release.tables["hotspots"]
    settlements = release.background["settlements"]
    study = shapely.coverage_union_all(every.drop_duplicates("cell_id").geometry.to_numpy())
    return _View(
        release=release,
        theme=theme,
        bounds=bounds,
        cells=filled,
        joint_work=every[is_joint & (theme == "tension")].sort_values("cell_id", kind="stable"),
        hotspots=_cut(_by_number(hotspots[hotspots["theme"] == theme]), frame),
        points=None if points is None else _cut(points[points["theme"] == theme], frame),
        settlements=_cut(settlements[settlements["kind"] != "district"], frame),
        claims=_cut(_as_lines(claims, bounds), frame),
        ended_claims=ended,
        resources=_cut(release.background["resources"], frame),
        services=_cut(release.background["services"], frame),
        outside=shapely.difference(frame, study),
        digest=release.digest,
    )


def _by_number(hotspots: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return hotspots.sort_values("hotspot_id", key=lambda ids: ids.str.zfill(9), kind="stable")


def _standing(claims: gpd.GeoDataFrame, day: str) -> tuple[gpd.GeoDataFrame, int]:
    """The claims that stand on ``day``, and how many ended before it."""
    at = pd.Timestamp(day)
    has_ended = claims["date_to"].notna() & (claims["date_to"] < at)
    is_future = claims["date_from"].notna() & (claims["date_from"] > at)
    return claims[~has_ended & ~is_future], int(has_ended.sum())


def _as_lines(claims: gpd.GeoDataFrame, bounds: tuple[float, float, float, float]) -> gpd.GeoDataFrame:
    """Claims as lines: areas become their outlines, without the study's edge and without what a line already says."""
    width = max(bounds[2] - bounds[0], bounds[3] - bounds[1])
    edge = shapely.box(*bounds).boundary.buffer(width / 500)
    lines = claims[claims["kind"] == "line"]
    areas = claims[claims["kind"] == "area"]
    outlines = areas.set_geometry(areas.geometry.boundary)
    rest = []
    for claimant, outline in zip(outlines["claimant"], outlines.geometry, strict=True):
        own = lines[lines["claimant"].map(lambda names, one=claimant: one in names.split(" + "))]
        rest.append(shapely.difference(outline, shapely.union_all([edge, *own.geometry.buffer(width / 60)])))
    return pd.concat([lines, outlines.set_geometry(gpd.GeoSeries(rest, index=outlines.index, crs=claims.crs))])


def _cut(layer: gpd.GeoDataFrame, frame: Any) -> gpd.GeoDataFrame:
    """``layer`` inside ``frame``; what only touches the frame is left out."""
    shapes = layer.geometry.to_numpy().copy()
    for place in np.flatnonzero(~shapely.covered_by(shapes, frame)):
        parts = shapely.get_parts(shapely.intersection(shapes[place], frame))
        whole = shapely.get_dimensions(parts) == shapely.get_dimensions(shapes[place])
        shapes[place] = shapely.union_all(parts[whole])
    cut = layer.set_geometry(gpd.GeoSeries(shapes, index=layer.index, crs=layer.crs))
    return cut[~cut.geometry.is_empty]


@dataclass(frozen=True)
class _Row:
    """A line of text, with the drawing that it explains before it."""

    text: str
    key: Callable[[_Page, float, float], None] | None = None


@dataclass(frozen=True)
class _Block:
    """A heading with rows under it; short rows may stand two by two; ``rules`` are lines to write on."""

    heading: str
    rows: tuple[_Row, ...] = ()
    short: tuple[_Row, ...] = ()
    rules: int = 0


def _title(view: _View, words: Words) -> str:
    months = words.months(view.facts.date_from, view.facts.date_to)
    if view.theme == "crime":
        return words("Crime map of {study}, {months}", study=view.facts.study, months=months)
    return words("Tension map of {study}, {months}", study=view.facts.study, months=months)


def _summary(view: _View, words: Words) -> str:
    number = view.facts.reports.get(view.theme, "")
    verdict = view.facts.verdicts.get(view.theme, "too few to tell")
    opening = words.label(number)
    if number.isdigit():
        exact = view.release.audience != "community"
        opening = words.number(int(number)) if exact else words("about {number}", number=words.number(int(number)))
    hot = int((view.hotspots["kind"] == "hot").sum())
    cold = len(view.hotspots) - hot
    parts = [words("Reports: {number}.", number=opening)] if opening else []
    if verdict == "too few to tell":
        parts.append(words("That is too few to tell whether any area stands out."))
    elif verdict == "none found":
        parts.append(words("No area stands out more than chance would explain."))
    elif not hot + cold:
        parts.append(words("An area stands out, but is not shown, to protect people."))
    if hot:
        parts.append(
            words.n(
                "In {n} numbered area there were more than chance would explain.",
                "In {n} numbered areas there were more than chance would explain.",
                hot,
            )
        )
    if cold:
        parts.append(
            words.n(
                "In {n} numbered area there were fewer than chance would explain.",
                "In {n} numbered areas there were fewer than chance would explain.",
                cold,
            )
        )
    return " ".join(parts)


def _banners(view: _View, words: Words) -> list[str]:
    found = []
    if view.release.audience == "police":
        found.append(words("INTERNAL: for the police only. Do not copy, do not hand on."))
    if view.release.audience == "research":
        found.append(words("INTERNAL: for research only. Do not copy, do not hand on."))
    if view.facts.is_invented:
        found.append(words("INVENTED TRAINING DATA: no place, person or report here is real."))
    return found


def _blocks(view: _View, words: Words, contacts: Sequence[str], index: Callable[[Any], str], side_mm: float) -> list[_Block]:
    found = [
        _counts_block(view, words, side_mm),
        _hotspots_block(view, words, index),
        _claims_block(view, words),
        _places_block(view, words),
        _doubt_block(view, words),
        _hidden_block(view, words),
        _sources_block(view, words),
        _contacts_block(words, contacts),
        _Block(words("Your notes, next meeting"), rules=FEWEST_RULES),
    ]
    return [block for block in found if block is not None]


def _counts_block(view: _View, words: Words, side_mm: float) -> _Block:
    rows = [_Row(words("{band} reports", band=words.label(band)), _band_key(band, side_mm)) for band in BANDS[:0:-1]]
    rows.append(_Row(words.label(BANDS[0]), _band_key(BANDS[0], side_mm)))
    if len(view.joint_work):
        rows.append(_Row(words("5 or more joint repairs, agreements or meetings"), _symbol_key(style.SYMBOLS["joint_work"])))
    if view.points is not None:
        rows.append(_Row(words("a single report, about here"), _symbol_key(style.SYMBOLS["report"])))
    if not view.outside.is_empty:
        rows.append(_Row(words("not part of the study: nothing is known"), _outside_key))
    km = words.number(view.facts.cell_m / 1000)
    rows.append(
        _Row(
            words(
                "Places are approximate: squares of {km} by {km} km. "
                "“Fewer than 5 or none” protects people; it does not mean safe.",
                km=km,
            )
        )
    )
    return _Block(words("Reports in a square"), tuple(rows))


def _hotspots_block(view: _View, words: Words, index: Callable[[Any], str]) -> _Block:
    kinds = [kind for kind in ("hot", "cold") if kind == "hot" or (view.hotspots["kind"] == kind).any()]
    meaning = {
        "hot": words("more reports than chance would explain"),
        "cold": words("fewer reports than chance would explain"),
    }
    rows = [_Row(meaning[kind], _hotspot_key(kind)) for kind in kinds]
    for row in view.hotspots.head(HOTSPOTS_LISTED).itertuples():
        locals_ = _split(row.near_local)
        names = [words.place(name, *locals_[i : i + 1]) for i, name in enumerate(_split(row.near))]
        facts = words(
            "{number} ({index}): {band} reports", number=row.hotspot_id, index=index(row.geometry), band=words.label(row.band)
        )
        rows.append(_Row(f"{facts}: {', '.join(names)}" if names else facts))
    more = len(view.hotspots) - HOTSPOTS_LISTED
    if more > 0:
        rows.append(_Row(words.n("and {n} more area on the map", "and {n} more areas on the map", more)))
    return _Block(words("Numbered areas"), tuple(rows))


def _claims_block(view: _View, words: Words) -> _Block:
    rows = []
    letters = _letters(view)
    kinds = view.claims[["status", "claimant"]].drop_duplicates().sort_values(["status", "claimant"])
    for status, claimant in kinds.itertuples(index=False):
        claims = view.claims[(view.claims["status"] == status) & (view.claims["claimant"] == claimant)]
        sources = ", ".join(sorted(set(claims["source"])))
        since = _since(claims, words)
        text = {
            "claimed": words("claimed by {claimant}{since}", claimant=claimant, since=since),
            "agreed": words("agreed: {claimant}{since}", claimant=claimant, since=since),
            "undetermined": words("undetermined: {claimant}{since}", claimant=claimant, since=since),
        }[status]
        rows.append(_Row(f"{letters[claimant]}: {text} ({sources})", _stroke_key(style.CLAIMS[status])))
    if not rows:
        rows.append(_Row(words("The study has no border claims here: none is drawn.")))
    if view.ended_claims:
        rows.append(
            _Row(
                words.n(
                    "{n} claim that ended before is not drawn.", "{n} claims that ended before are not drawn.", view.ended_claims
                )
            )
        )
    rows.append(_Row(words("Drawing a line, an area or a name does not mean that anybody accepts or endorses it.")))
    return _Block(words("Border claims as of {day}", day=words.day(view.facts.date_to)), tuple(rows))


def _since(claims: gpd.GeoDataFrame, words: Words) -> str:
    days = claims["date_from"].dropna().unique()
    return words(", since {day}", day=words.day(f"{pd.Timestamp(days[0]):%Y-%m-%d}")) if len(days) == 1 else ""


def _letters(view: _View) -> dict[str, str]:
    """Letters of each claimant as written in the claims: 'Norvia + Selmar' -> 'N+S'."""
    claimants = sorted(set(view.claims["claimant"]))
    single = style.claimant_letters([*view.facts.parties, *(name for names in claimants for name in names.split(" + "))])
    return {names: "+".join(single[name] for name in names.split(" + ")) for names in claimants}


def _places_block(view: _View, words: Words) -> _Block | None:
    seen = [*view.settlements["kind"], *view.resources["kind"], *view.services["kind"]]
    order = [*style.LINES, *style.GROUNDS, *style.SYMBOLS]
    short = [_Row(words.label(kind), _place_key(kind)) for kind in order if kind in seen]
    return _Block(words("Places"), short=tuple(short)) if short else None


def _doubt_block(view: _View, words: Words) -> _Block:
    facts, theme = view.facts, view.theme
    verdict = facts.verdicts.get(theme, "too few to tell")
    percent = words.number(round(facts.alpha * 100, 1))
    found = [
        words(
            "On maps where nothing is going on, an area would be numbered on at most {percent} of 100 "
            "({replicates} such maps were drawn).",
            percent=percent,
            replicates=words.number(facts.replicates),
        )
    ]
    if verdict == "too few to tell":
        found.append(words("Too few reports to tell: that is not the same as safe."))
    if verdict == "none found":
        found.append(words("No numbered area does not mean that there is no problem."))
    if facts.is_withheld.get(theme, False):
        found.append(words("At least one area that stands out is not shown: too few people live or reported there."))
    if theme in facts.unplaced_percent:
        found.append(words("Without a place exact enough for the map: {n} of 100 reports.", n=facts.unplaced_percent[theme]))
    if facts.missing_layers:
        kinds = ", ".join(words.label(kind) for kind in facts.missing_layers)
        found.append(words("The study has no data on: {kinds}.", kinds=kinds))
    found.append(words("Only what was reported is counted. More reports can mean more trust."))
    return _Block(words("How sure is this?"), tuple(_Row(text) for text in found))


def _hidden_block(view: _View, words: Words) -> _Block:
    found = [words("Violence in families, sexual violence, violence against children, recruitment: to protect those harmed.")]
    if view.release.audience == "community":
        found.append(words("Single reports, names, dates and exact numbers: so that nobody can be found."))
    if view.release.audience == "police":
        found.append(words("Names, texts and numbers of reports: they are not needed on a map."))
    if view.release.audience == "research":
        found.append(words("Single reports, names and dates: so that nobody can be found."))
    return _Block(words("What this map does not show, and why"), tuple(_Row(text) for text in found))


def _sources_block(view: _View, words: Words) -> _Block:
    found = []
    reporters = [words.label(name) for name in view.facts.reported_by]
    if len(reporters) == 1:
        found.append(words("All reports come from one side: {names}. What others saw is missing.", names=reporters[0]))
    elif reporters:
        found.append(
            words("Reports come from: {names}. Months, squares and kinds are the same for all.", names=", ".join(reporters))
        )
    found.append(_totals(view, words))
    return _Block(words("Who reported, and what"), tuple(_Row(text) for text in found if text))


def _totals(view: _View, words: Words) -> str:
    """Kinds of reports by band, the most frequent first."""
    totals = view.release.tables["totals"]
    of_theme = totals[totals["theme"] == view.theme]
    kinds = [(band, sorted(words.label(kind) for kind in of_theme[of_theme["band"] == band]["category"])) for band in BANDS[::-1]]
    return " ".join(words("{band}: {kinds}.", band=words.label(band), kinds=", ".join(names)) for band, names in kinds if names)


def _contacts_block(words: Words, contacts: Sequence[str]) -> _Block:
    return _Block(words("Whom to call"), tuple(_Row(text) for text in contacts), rules=0 if contacts else 2)


def _split(names: Any) -> list[str]:
    return names.split("|") if isinstance(names, str) and names else []


@dataclass
class _Page:
    """A page in millimetres from its south-west corner; refuses what cannot be read."""

    width: float
    height: float
    figure: Figure = field(init=False)
    axes: Axes = field(init=False)

    def __post_init__(self) -> None:
        self.figure = Figure(figsize=(self.width / 25.4, self.height / 25.4), frameon=False)
        self.axes = self.figure.add_axes((0, 0, 1, 1), frameon=False, xlim=(0, self.width), ylim=(0, self.height))
        self.axes.set_axis_off()

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = BODY_PT,
        face: str = "",
        colour: str = style.INK,
        z: float = 20,
        halo: bool = False,
    ) -> Box:
        """Write one line from ``x`` on the baseline ``y`` and return its box."""
        width = text_width_mm(text, size, face)
        box = (x, y - 0.24 * size * PT_MM, x + width, y + 0.76 * size * PT_MM)
        if not _is_inside(box, (0, 0, self.width, self.height)):
            raise ReleaseError(f"The text {_short(text)!r} would leave the page. Make it shorter.")
        font = _font(face)
        if halo:
            outline, codes = text_to_path.get_text_path(font, text, ismath=False)
            letters = Outline(np.reshape(outline, (-1, 2)) * size * PT_MM / text_to_path.FONT_SCALE + (x, y), codes)
            self.axes.add_patch(PathPatch(letters, fc=style.PAPER, ec=style.PAPER, lw=2.4, joinstyle="round", zorder=z - 0.5))
        self.axes.text(x, y, text, fontproperties=font, fontsize=size, color=colour, zorder=z, parse_math=False, clip_on=False)
        return box

    def shape(self, geometry: Any, **options: Any) -> None:
        """Draw lines or areas, already in millimetres."""
        outline = _outline(geometry)
        if outline is not None:
            self.axes.add_patch(PathPatch(outline, **{"joinstyle": "miter", **options}))

    def stroke(self, geometry: Any, stroke: Stroke, z: float) -> None:
        """Draw ``geometry`` as ``stroke`` says: halo, line, core, dots."""
        if stroke.halo_pt:
            self.shape(geometry, fill=False, lw=stroke.width_pt + 2 * stroke.halo_pt, ec=style.PAPER, zorder=z)
        self.shape(
            geometry, fill=False, lw=stroke.width_pt, ls=stroke.linestyle, ec=stroke.colour, zorder=z + 0.1, capstyle="butt"
        )
        if stroke.core_pt:
            self.shape(geometry, fill=False, lw=stroke.core_pt, ec=style.PAPER, zorder=z + 0.2)
        if stroke.dots_pt:
            points = [point for line in _lines(geometry) for point in _along(line, style.AGREED_DOT_SPACING_PT * PT_MM)]
            self.marks(points, "o", stroke.dots_pt, z + 0.3)

    def marks(
        self,
        points: Sequence[tuple[float, float]],
        marker: Any,
        size_pt: float,
        z: float,
        *,
        face: str = style.INK,
        edge: str = style.INK,
        edge_pt: float = 1.0,
        fill: Any = "full",
    ) -> None:
        """Draw one mark at each point."""
        if not points:
            return
        x, y = zip(*points, strict=True)
        look = {"mfc": face, "mec": edge, "mew": edge_pt, "fillstyle": fill, "markerfacecoloralt": style.PAPER}
        self.axes.add_line(Line2D(x, y, ls="", marker=marker, ms=size_pt, zorder=z, **look))

    def symbol(self, points: Sequence[tuple[float, float]], symbol: Symbol, z: float) -> None:
        """Draw a symbol at each point, with a white rim so that it stands free of lines."""
        if symbol.marker != "+":
            self.marks(points, symbol.marker, symbol.size_pt + 2, z - 0.1, face=style.PAPER, edge=style.PAPER, edge_pt=1.5)
        self.marks(points, symbol.marker, symbol.size_pt, z, face=style.INK if symbol.is_filled else style.PAPER)

    def pdf(self) -> bytes:
        """The page as a PDF without a time or a maker."""
        stream = BytesIO()
        self.figure.savefig(stream, format="pdf", metadata={"Creator": None, "Producer": None, "CreationDate": None})
        return stream.getvalue()


@lru_cache(maxsize=20_000)
def text_width_mm(text: str, size_pt: float, face: str = "") -> float:
    """How wide a line prints, in millimetres; refuses type that is too small and letters that the font does not have."""
    if size_pt < style.SMALLEST_TYPE_PT:
        raise ReleaseError(
            f"The text {_short(text)!r} would be printed at {size_pt:g} pt; below {style.SMALLEST_TYPE_PT:g} pt "
            "letters are lost in a copy."
        )
    font = get_font(str(_font_file(face)))
    missing = sorted({letter for letter in text if not font.get_char_index(ord(letter))})
    if missing:
        raise ReleaseError(
            f"The font has no letter for {', '.join(f'U+{ord(letter):04X}' for letter in missing)} in the text {_short(text)!r}. "
            "Write the text with other letters."
        )
    font.set_size(size_pt, 72)
    font.set_text(text, 0.0, flags=LoadFlags.NO_HINTING)
    width, _ = font.get_width_height()
    return float(width) / 64 * PT_MM


def wrap(text: str, width_mm: float, size_pt: float = BODY_PT, face: str = "") -> list[str]:
    """``text`` in lines no wider than ``width_mm``; a word that is wider by itself is refused by name."""
    lines: list[str] = []
    for word in text.split():
        if text_width_mm(word, size_pt, face) > width_mm:
            raise ReleaseError(f"The word {_short(word)!r} is wider than its box ({width_mm:.0f} mm). Make it shorter.")
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width_mm(longer, size_pt, face) <= width_mm:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."


def _font_file(face: str) -> Path:
    return Path(matplotlib.get_data_path(), "fonts", "ttf", f"DejaVuSans{face and f'-{face}'}.ttf")


def _font(face: str) -> FontProperties:
    return FontProperties(fname=_font_file(face))


def _line_mm(size_pt: float) -> float:
    return size_pt * PT_MM * LINE_SPACING


def _outline(geometry: Any) -> Outline | None:
    """All rings or lines of ``geometry`` as one matplotlib path."""
    rings = [
        ring
        for part in shapely.get_parts(geometry)
        for ring in (
            [part.exterior, *part.interiors] if part.geom_type == "Polygon" else [part] if part.geom_type == "LineString" else []
        )
    ]
    paths = [Outline(shapely.get_coordinates(ring), closed=ring.geom_type == "LinearRing") for ring in rings]
    return Outline.make_compound_path(*paths) if paths else None


def _lines(geometry: Any) -> list[Any]:
    parts = shapely.get_parts(geometry)
    lines = [part for part in parts if part.geom_type == "LineString"]
    merged = shapely.line_merge(shapely.multilinestrings(lines)) if lines else None
    return [] if merged is None else list(shapely.get_parts(merged))


def _along(line: Any, spacing: float) -> list[tuple[float, float]]:
    steps = np.arange(spacing / 2, line.length, spacing)
    return [(point.x, point.y) for point in shapely.line_interpolate_point(line, steps)]


def _coordinates(geometry: Iterable[Any]) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in shapely.get_coordinates(list(geometry))]


def _band_key(band: str, side_mm: float) -> Callable[[_Page, float, float], None]:
    def draw(page: _Page, x: float, y: float) -> None:
        if side_mm >= style.SMALLEST_HATCHED_MM or band == BANDS[0]:
            _swatch(page, x, y, style.BANDS[band].grey, style.BANDS[band].hatch)
        else:
            page.marks([(x + 5, y)], "s", _mark_pt(side_mm), 10, fill=style.MARKS[band])

    return draw


def _outside_key(page: _Page, x: float, y: float) -> None:
    _swatch(page, x, y, style.OUTSIDE_GREY, "")


def _swatch(page: _Page, x: float, y: float, grey: str, hatch: str) -> None:
    page.axes.add_patch(Rectangle((x, y - 2), 10, 4, facecolor=grey, edgecolor=style.INK, lw=0.8, hatch=hatch, zorder=10))


def _symbol_key(symbol: Symbol) -> Callable[[_Page, float, float], None]:
    return lambda page, x, y: page.symbol([(x + 5, y)], symbol, 10)


def _stroke_key(stroke: Stroke) -> Callable[[_Page, float, float], None]:
    return lambda page, x, y: page.stroke(shapely.LineString([(x, y), (x + 10.5, y)]), stroke, 10)


def _hotspot_key(kind: str) -> Callable[[_Page, float, float], None]:
    def draw(page: _Page, x: float, y: float) -> None:
        page.stroke(shapely.box(x + 0.5, y - 1.6, x + 10, y + 1.6), style.HOTSPOTS[kind], 10)

    return draw


def _place_key(kind: str) -> Callable[[_Page, float, float], None]:
    if kind in style.LINES:
        return _stroke_key(style.LINES[kind])
    if kind in style.SYMBOLS:
        return _symbol_key(style.SYMBOLS[kind])

    def draw(page: _Page, x: float, y: float) -> None:
        page.stroke(shapely.box(x, y - 2, x + 10, y + 2), style.GROUNDS[kind].outline, 10)
        page.marks([(x + 2.7, y), (x + 7.3, y)], _STREWN[kind], 6, 10, face="none")

    return draw


_STREWN = {
    "pasture": Outline([(-0.5, 0.3), (-0.15, -0.4), (0, 0.5), (0, -0.4), (0.5, 0.3), (0.15, -0.4)], [1, 2, 1, 2, 1, 2]),
    "forest": Outline([(-0.4, -0.25), (0, 0.5), (0.4, -0.25), (-0.4, -0.25), (0, -0.25), (0, -0.55)], [1, 2, 2, 2, 1, 2]),
}


def _mark_pt(side_mm: float) -> float:
    return max(side_mm / PT_MM, 6.5)


class _Layout:
    """One way of laying a sheet out: header, map at the largest round scale that fits, texts in columns under and beside it."""

    def __init__(
        self, view: _View, words: Words, contacts: Sequence[str], page_mm: tuple[float, float], columns_beside: int
    ) -> None:
        self.view, self.words, self.contacts = view, words, contacts
        self.width, self.height = page_mm
        self.inner = self.width - 2 * MARGIN_MM
        self.columns = 3 if self.width < self.height else 4
        self.column_mm = (self.inner - (self.columns - 1) * GUTTER_MM) / self.columns
        self.columns_below = self.columns - columns_beside
        self.map_mm = self.inner - columns_beside * (self.column_mm + GUTTER_MM)
        self.title_pt, self.title = self._fitting_title()
        self.summary = wrap(_summary(view, words), self.inner, SUMMARY_PT)
        self.banner = [line for text in _banners(view, words) for line in wrap(text, self.inner - 6, BANNER_PT, "Bold")]
        self.imprint = wrap(self._imprint(), self.inner)
        widest = self._scale_lines(8_888_888, 88_000, 888)
        self.scale_row_mm = max(SCALE_ROW_MM, len(widest) * _line_mm(BODY_PT) + 3.5)
        self.scale = self._largest_scale()

    def _fitting_title(self) -> tuple[float, list[str]]:
        title = _title(self.view, self.words)
        for size, most in TITLES:
            lines = wrap(title, self.inner, size, "Bold")
            if len(lines) <= most:
                return size, lines
        raise ReleaseError(
            f"The title {_short(title)!r} is longer than two lines. Choose a shorter name of the study in study.toml."
        )

    def _imprint(self) -> str:
        facts, words = self.view.facts, self.words
        return words(
            "Period: {first} to {last}. Projection: {crs}. Data digest: {digest}",
            first=words.day(facts.date_from),
            last=words.day(facts.date_to),
            crs=self.view.crs.name,
            digest=self.view.digest,
        )

    def _header_mm(self) -> float:
        banner = len(self.banner) * _line_mm(BANNER_PT) + 4.5 if self.banner else 0.0
        return banner + len(self.title) * _line_mm(self.title_pt) + len(self.summary) * _line_mm(SUMMARY_PT) + 3.0

    def _largest_scale(self) -> float:
        """The largest round scale at which the map fits over the texts; infinite if they leave too little room."""
        if self._free_mm() < SMALLEST_MAP_MM:
            return inf
        west, south, east, north = self.view.bounds
        need = max((east - west) / (self.map_mm - 2 * INDEX_MM), (north - south) / self._free_mm()) * 1000
        return next((scale for scale in SCALES if scale >= need), inf)

    def _free_mm(self) -> float:
        """Height left for the map."""
        return self._column_tops_mm() - 2 * INDEX_MM - self.scale_row_mm - self._lower_mm

    def _column_tops_mm(self) -> float:
        """Height from the header to the imprint."""
        return self.height - MARGIN_MM - self._header_mm() - self._floor_mm()

    def _floor_mm(self) -> float:
        return MARGIN_MM + len(self.imprint) * _line_mm(BODY_PT) + 1.0

    @cached_property
    def _widest(self) -> list[_Block]:
        return _blocks(self.view, self.words, self.contacts, lambda _: "W88", style.SMALLEST_HATCHED_MM)

    @cached_property
    def _column_of(self) -> list[int]:
        """The column of each block: those under the map as low as can be, and then in reading order if it costs little."""
        heights = np.array([self._block_mm(block) for block in self._widest])
        ways = np.indices((1, *(self.columns,) * (len(heights) - 1)), dtype=np.int8).reshape(len(heights), -1).T
        filled = np.stack([(ways == column) @ heights for column in range(self.columns)], axis=1)
        lower = filled[:, : self.columns_below].max(axis=1)
        beside = filled[:, self.columns_below :].max(axis=1, initial=0.0)
        lower = np.where(beside > self._column_tops_mm(), np.inf, lower)
        jumps = np.abs(np.diff(ways, axis=1)).sum(axis=1)
        near_best = lower <= lower.min() + 3.0
        return [int(column) for column in ways[near_best][np.argmin(jumps[near_best])]]

    @cached_property
    def _lower_mm(self) -> float:
        """Height of the columns under the map."""
        filled = [0.0] * self.columns
        for column, block in zip(self._column_of, self._widest, strict=True):
            filled[column] += self._block_mm(block)
        return max(filled[: self.columns_below])

    def refusal(self) -> ReleaseError:
        """Why the map does not fit."""
        longest = max(self._widest, key=self._block_mm)
        return ReleaseError(
            f"The texts under the map leave {max(self._free_mm(), 0):.0f} mm for it, and it needs {SMALLEST_MAP_MM:.0f} mm. "
            f"The longest stands under {longest.heading!r}: make contacts, names of sources or names of settlements shorter."
        )

    def _block_mm(self, block: _Block) -> float:
        heading = len(self._heading(block)) * _line_mm(HEADING_PT) + 0.8
        rows = sum(self._row_mm(row) for row in block.rows) + len(self._pairs(block)) * SHORT_ROW_MM
        return heading + rows + block.rules * RULE_MM + BLOCK_GAP_MM

    def _heading(self, block: _Block) -> list[str]:
        return wrap(block.heading, self.column_mm, HEADING_PT, "Bold")

    def _row_mm(self, row: _Row) -> float:
        lines = len(self._row_lines(row)) * _line_mm(BODY_PT)
        return max(lines, KEY_ROW_MM) + 0.6 if row.key else lines + 0.8

    def _row_lines(self, row: _Row) -> list[str]:
        return wrap(row.text, self.column_mm - (KEY_MM if row.key else 0))

    def _pairs(self, block: _Block) -> list[list[_Row]]:
        """Short rows two by two; those too wide for half a column alone, at the end."""
        room = self.column_mm / 2 - KEY_MM
        narrow = [row for row in block.short if text_width_mm(row.text, BODY_PT) <= room]
        return [narrow[n : n + 2] for n in range(0, len(narrow), 2)] + [[row] for row in block.short if row not in narrow]

    def _draw_block(self, page: _Page, block: _Block, x: float, y: float) -> float:
        floor_mm = self._floor_mm()
        for line in self._heading(block):
            page.text(x, y - HEADING_PT * PT_MM, line, size=HEADING_PT, face="Bold")
            y -= _line_mm(HEADING_PT)
        y -= 0.8
        for row in block.rows:
            self._draw_row(page, row, x, y)
            y -= self._row_mm(row)
        for pair in self._pairs(block):
            for number, row in enumerate(pair):
                self._draw_row(page, row, x + number * self.column_mm / 2, y)
            y -= SHORT_ROW_MM
        rules = max(block.rules, floor((y - floor_mm) / RULE_MM)) if block.rules == FEWEST_RULES else block.rules
        for _ in range(rules):
            y -= RULE_MM
            page.shape(shapely.LineString([(x, y), (x + self.column_mm, y)]), fill=False, lw=style.THINNEST_LINE_PT)
        if y < floor_mm - 0.01:
            raise ReleaseError(f"The text under {block.heading!r} leaves its column. Make contacts and names shorter.")
        return y - BLOCK_GAP_MM

    def _draw_row(self, page: _Page, row: _Row, x: float, y: float) -> None:
        lines = self._row_lines(row)
        indent = KEY_MM if row.key else 0.0
        height = max(len(lines) * _line_mm(BODY_PT), KEY_ROW_MM if row.key else 0.0)
        first = y - (height - len(lines) * _line_mm(BODY_PT)) / 2 - BODY_PT * PT_MM
        for number, line in enumerate(lines):
            page.text(x + indent, first - number * _line_mm(BODY_PT), line)
        if row.key:
            row.key(page, x, y - KEY_ROW_MM / 2)

    def draw(self) -> bytes:
        page = _Page(self.width, self.height)
        top = self._draw_header(page, self.height - MARGIN_MM)
        chart = _Chart(page, self.view, self.words, self.scale, top - INDEX_MM, MARGIN_MM + self.map_mm / 2)
        left_out = chart.draw()
        below = chart.frame[1] - INDEX_MM
        self._draw_scale_row(page, below, left_out)
        blocks = _blocks(self.view, self.words, self.contacts, chart.index, chart.side_mm)
        depths = [below - self.scale_row_mm] * self.columns_below + [top] * (self.columns - self.columns_below)
        for column, block in zip(self._column_of, blocks, strict=True):
            x = MARGIN_MM + column * (self.column_mm + GUTTER_MM)
            depths[column] = self._draw_block(page, block, x, depths[column])
        for number, line in enumerate(self.imprint[::-1]):
            page.text(MARGIN_MM, MARGIN_MM + 1 + number * _line_mm(BODY_PT), line)
        return page.pdf()

    def _draw_header(self, page: _Page, y: float) -> float:
        if self.banner:
            height = len(self.banner) * _line_mm(BANNER_PT) + 2.5
            page.shape(shapely.box(MARGIN_MM, y - height, self.width - MARGIN_MM, y), fill=False, ec=style.INK, lw=1.6, zorder=10)
            for number, line in enumerate(self.banner):
                x = self.width / 2 - text_width_mm(line, BANNER_PT, "Bold") / 2
                page.text(x, y - 4.6 - number * _line_mm(BANNER_PT), line, size=BANNER_PT, face="Bold")
            y -= height + 2
        for size, face, lines in ((self.title_pt, "Bold", self.title), (SUMMARY_PT, "", self.summary)):
            for line in lines:
                page.text(MARGIN_MM, y - size * PT_MM, line, size=size, face=face)
                y -= _line_mm(size)
        return y - 3.0

    def _draw_scale_row(self, page: _Page, top: float, left_out: int) -> None:
        words = self.words
        length_m = max(side for side in INDEX_SIDES_M if 2 * side / self.scale * 1000 <= SCALE_BAR_MM - 22)
        half, y = length_m / self.scale * 1000, top - 5.6
        for number, grey in enumerate((style.INK, style.PAPER)):
            page.axes.add_patch(
                Rectangle((MARGIN_MM + 2 + number * half, y), half, 1.6, facecolor=grey, edgecolor=style.INK, lw=0.8, zorder=10)
            )
        for number in range(3):
            km = words.number(number * length_m / 1000)
            label = words("{km} km", km=km) if number == 2 else km
            x = MARGIN_MM + 2 + number * half - text_width_mm(km, BODY_PT) / 2
            page.text(x, y + 2.4, label)
        for number, line in enumerate(self._scale_lines(self.scale, 2 * length_m, left_out)):
            page.text(MARGIN_MM + SCALE_BAR_MM, top - 3.2 - number * _line_mm(BODY_PT), line)
        self._draw_north(page, MARGIN_MM + self.map_mm - 8, top - 8.5)

    def _scale_lines(self, scale: float, length_m: float, left_out: int) -> list[str]:
        words = self.words
        minutes = round(length_m / WALKING_M_PER_MINUTE)
        km = words.number(length_m / 1000)
        if minutes <= 90:
            walk = words("On foot: {km} km in about {minutes} minutes.", km=km, minutes=minutes)
        else:
            walk = words("On foot: {km} km in about {hours} hours.", km=km, hours=words.number(round(minutes / 60)))
        lines = [words("Scale 1:{scale} on A4 paper.", scale=words.number(scale)), walk]
        if left_out:
            lines.append(words("Names without room on the map: {n}; such settlements are small dots.", n=left_out))
        return wrap(" ".join(lines), self.map_mm - SCALE_BAR_MM - 12)

    def _draw_north(self, page: _Page, x: float, y: float) -> None:
        letter = self.words.north
        page.shape(
            shapely.Polygon([(x, y + 7.5), (x - 1.6, y + 3), (x, y + 4), (x + 1.6, y + 3)]),
            facecolor=style.INK,
            ec=style.INK,
            lw=0.8,
        )
        page.shape(shapely.LineString([(x, y + 4), (x, y)]), fill=False, lw=1.0)
        page.text(x + 2.4, y + 1.6, letter, size=11, face="Bold")


class _Chart:
    """The map itself: metres of the study at a fixed scale in a frame on the page."""

    def __init__(self, page: _Page, view: _View, words: Words, scale: float, top: float, middle: float) -> None:
        self.page, self.view, self.words = page, view, words
        self.factor = 1000 / scale
        west, south, east, north = view.bounds
        width, height = (east - west) * self.factor, (north - south) * self.factor
        self.frame: Box = (middle - width / 2, top - height, middle + width / 2, top)
        self.side_mm = view.facts.cell_m * self.factor
        self.index_m = next(side for side in INDEX_SIDES_M if side * self.factor >= 20)
        self.taken: list[Box] = []

    def mm(self, geometry: Any) -> Any:
        """Geometry in metres -> millimetres of the page."""
        origin, corner = np.array(self.view.bounds[:2]), np.array(self.frame[:2])
        return shapely.transform(geometry, lambda xy: (xy - origin) * self.factor + corner)

    def index(self, geometry: Any) -> str:
        """The square of the margin index in which ``geometry`` lies: 'B3'."""
        point = geometry.representative_point()
        column = floor((point.x - self.view.bounds[0]) / self.index_m)
        row = floor((self.view.bounds[3] - point.y) / self.index_m)
        return f"{chr(ord('A') + column)}{row + 1}"

    def draw(self) -> int:
        """Draw the map; how many names had no room."""
        self._draw_ground()
        self._draw_cells()
        self._draw_lines()
        self._draw_claims()
        self._draw_hotspots()
        self._draw_symbols()
        self._draw_frame()
        return self._draw_names()

    def _draw_ground(self) -> None:
        page, view = self.page, self.view
        page.shape(self.mm(view.outside), facecolor=style.OUTSIDE_GREY, ec="none", zorder=1)
        for kind, ground in style.GROUNDS.items():
            for area in self.mm(view.resources[view.resources["kind"] == kind].geometry.to_numpy()):
                page.stroke(area, ground.outline, 4)
                page.marks(self._strewn(area), _STREWN[kind], 6, 2, face="none")

    def _strewn(self, area: Any) -> list[tuple[float, float]]:
        west, south, east, north = self.frame
        x, y = np.meshgrid(np.arange(west + 3, east, 6.0), np.arange(south + 3, north, 6.0))
        x[1::2] += 3.0
        inside = shapely.contains_xy(area.buffer(-1.3), x.ravel(), y.ravel())
        return list(zip(x.ravel()[inside].tolist(), y.ravel()[inside].tolist(), strict=True))

    def _draw_cells(self) -> None:
        page, cells = self.page, self.view.cells
        if self.side_mm >= 5:
            every = self.view.release.tables["cells"].drop_duplicates("cell_id")
            grid = shapely.union_all(self.mm(every.geometry.boundary.to_numpy()))
            page.shape(grid, fill=False, lw=0.8, ec="#c4c4c4", zorder=0.5)
        for band, look in style.BANDS.items():
            shapes = self.mm(cells[cells["band"] == band].geometry.to_numpy())
            if self.side_mm >= style.SMALLEST_HATCHED_MM:
                page.shape(shapes, facecolor=look.grey, edgecolor=style.INK, hatch=look.hatch, lw=0.8, zorder=3)
            elif band in style.MARKS:
                page.marks(_coordinates(shapely.centroid(shapes)), "s", _mark_pt(self.side_mm), 6, fill=style.MARKS[band])

    def _draw_lines(self) -> None:
        for z, (kind, layer) in zip((5.0, 5.4, 4.6), [(k, self._of_kind(k)) for k in style.LINES], strict=True):
            self.page.stroke(self.mm(shapely.union_all(layer.geometry.to_numpy())), style.LINES[kind], z)

    def _of_kind(self, kind: str) -> gpd.GeoDataFrame:
        layer = self.view.services if kind in set(self.view.services["kind"]) else self.view.resources
        return layer[layer["kind"] == kind]

    def _draw_claims(self) -> None:
        letters = _letters(self.view)
        for (status, claimant), claims in self.view.claims.groupby(["status", "claimant"], sort=True):
            line = self.mm(shapely.union_all(claims.geometry.to_numpy()))
            self.page.stroke(line, style.CLAIMS[status], 7)
            self._letter(_lines(line), letters[claimant])

    def _letter(self, lines: Sequence[Any], letters: str) -> None:
        """A claimant's letters on its lines, every 60 mm where there is room."""
        width, height = text_width_mm(letters, BODY_PT, "Bold"), BODY_PT * PT_MM
        labels = []
        for line in lines:
            pieces = max(1, round(line.length / 60)) if line.length > 8 else 0
            for piece in range(pieces):
                steps = (piece + np.array([0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8])) / pieces
                middles = _coordinates(shapely.line_interpolate_point(line, steps, normalized=True))
                labels.append([(x - width / 2, y - height / 2, x + width / 2, y + height / 2) for x, y in middles])
        for boxes, choice in zip(labels, place_labels(labels, frame=self.frame, taken=self.taken), strict=True):
            if choice is not None:
                west, south, _, _ = boxes[choice]
                self.page.text(west, south + 0.35, letters, face="Bold", z=9, halo=True)
                self.taken.append(boxes[choice])

    def _draw_hotspots(self) -> None:
        for row in self.view.hotspots.itertuples():
            shape = self.mm(row.geometry)
            self.page.stroke(shape, style.HOTSPOTS[row.kind], 8)
            text = str(row.hotspot_id)
            radius = max(2.5, text_width_mm(text, BODY_PT, "Bold") / 2 + 0.9)
            boxes = _corners(shape, radius)
            box = boxes[place_labels([boxes], frame=self.frame, taken=self.taken)[0] or 0]
            self.taken.append(box)
            self._number(text, (box[0] + radius, box[1] + radius), radius, row.kind == "hot")

    def _number(self, text: str, middle: tuple[float, float], radius: float, is_hot: bool) -> None:
        face, ink = (style.INK, style.PAPER) if is_hot else (style.PAPER, style.INK)
        self.page.axes.add_patch(Circle(middle, radius + 0.5, facecolor=style.PAPER, ec="none", zorder=14))
        self.page.axes.add_patch(Circle(middle, radius, facecolor=face, ec=style.INK, lw=1.2, zorder=14))
        width = text_width_mm(text, BODY_PT, "Bold")
        self.page.text(middle[0] - width / 2, middle[1] - 1.15, text, face="Bold", colour=ink, z=15)

    def _draw_symbols(self) -> None:
        view, page = self.view, self.page
        if len(view.joint_work):
            middles = _coordinates(self.mm(view.joint_work.geometry.centroid.to_numpy()))
            aside = max(self.side_mm / 4, 1.6)
            page.symbol([(x + aside, y + aside) for x, y in middles], style.SYMBOLS["joint_work"], 11)
        if view.points is not None:
            page.symbol(_coordinates(self.mm(view.points.geometry.to_numpy())), style.SYMBOLS["report"], 10)
        for layer in (view.resources, view.services):
            for kind, rows in layer.groupby("kind", sort=True):
                points = _coordinates(self.mm(rows.geometry[rows.geom_type == "Point"].to_numpy()))
                if kind in style.SYMBOLS and points:
                    page.symbol(points, style.SYMBOLS[kind], 12)
                    self.taken += [_symbol_box(point, style.SYMBOLS[kind]) for point in points]

    def _draw_frame(self) -> None:
        page, (west, south, east, north) = self.page, self.frame
        page.shape(shapely.box(*self.frame), fill=False, lw=1.2, ec=style.INK, zorder=16)
        step = self.index_m * self.factor
        for edge, length, names in ((0, east - west, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), (1, north - south, None)):
            for number in range(ceil(length / step - 1e-9)):
                near, far = number * step, min((number + 1) * step, length)
                if far - near >= 4:
                    self._margin_label(names[number] if names else str(number + 1), (near + far) / 2, edge)
                if far < length - 1e-9:
                    self._margin_tick(far, edge)

    def _margin_label(self, text: str, middle: float, edge: int) -> None:
        west, south, east, north = self.frame
        half = text_width_mm(text, BODY_PT) / 2
        if edge == 0:
            places = [(west + middle - half, north + 1.3), (west + middle - half, south - 3.7)]
        else:
            places = [(west - INDEX_MM / 2 - half, north - middle - 1.1), (east + INDEX_MM / 2 - half, north - middle - 1.1)]
        for x, y in places:
            self.page.text(x, y, text)

    def _margin_tick(self, at: float, edge: int) -> None:
        west, south, east, north = self.frame
        if edge == 0:
            ticks = [[(west + at, north), (west + at, north + 3.5)], [(west + at, south), (west + at, south - 3.5)]]
        else:
            ticks = [[(west, north - at), (west - 3.5, north - at)], [(east, north - at), (east + 3.5, north - at)]]
        self.page.shape(shapely.multilinestrings(ticks), fill=False, lw=0.8, zorder=16)

    def _draw_names(self) -> int:
        """Draw settlements with their names and the names of features; a settlement without room for its name is a dot."""
        busy = self._busy_shapes()
        names = [*self._settlement_names(), *self._feature_names()]
        candidates = [sorted(name.boxes, key=lambda box: shapely.intersects(busy, shapely.box(*box)).sum()) for name in names]
        chosen = place_labels(candidates, frame=self.frame, taken=self.taken, symbols=[name.symbol_box for name in names])
        for name, boxes, choice in zip(names, candidates, chosen, strict=True):
            if name.symbol is not None:
                self.page.symbol([name.point], style.UNNAMED if choice is None else name.symbol, 11 if choice is None else 12)
            if choice is not None:
                self._write_name(name, boxes[choice])
        return chosen.count(None)

    def _write_name(self, name: _Name, box: Box) -> None:
        west, south, east, _ = box
        for number, line in enumerate(name.lines, start=1):
            x = (west + east) / 2 - text_width_mm(line, BODY_PT, name.face) / 2
            y = south + 0.9 + (len(name.lines) - number) * NAME_LINE_MM
            self.page.text(x, y, line, face=name.face, z=13, halo=True)

    def _busy_shapes(self) -> Any:
        """Lines and filled squares, on which names would rather not stand."""
        view = self.view
        lines = [view.claims.geometry, view.hotspots.geometry.boundary, *(self._of_kind(kind).geometry for kind in style.LINES)]
        every = shapely.union_all([shape for layer in lines for shape in layer.to_numpy()])
        busy = self.mm(np.array([every, shapely.union_all(view.cells.geometry.to_numpy())]))
        shapely.prepare(busy)
        return busy

    def _settlement_names(self) -> list[_Name]:
        ranked = self.view.settlements.sort_values(["residents", "settlement_id"], ascending=[False, True], na_position="last")
        points = _coordinates(self.mm(ranked.geometry.to_numpy()))
        names = [
            self.words.names(_one_line(name), _one_line(local) if isinstance(local, str) else None)
            for name, local in zip(ranked["name"], ranked["name_local"], strict=True)
        ]
        return [
            _Name(lines, "", point, _around(point, lines, "", style.SYMBOLS[kind].size_pt), style.SYMBOLS[kind])
            for lines, point, kind in zip(names, points, ranked["kind"], strict=True)
        ]

    def _feature_names(self) -> list[_Name]:
        found = []
        for layer in (self.view.services, self.view.resources):
            for row in layer[layer["name"].notna()].itertuples():
                lines, shape = (_one_line(row.name),), self.mm(row.geometry)
                spots = _coordinates([shape]) if shape.geom_type == "Point" else _spots(shape)
                size = style.SYMBOLS[row.kind].size_pt if row.kind in style.SYMBOLS else 2.0 * (row.kind in style.LINES)
                boxes = [box for spot in spots for box in _around(spot, lines, "Oblique", size)]
                found.append(_Name(lines, "Oblique", spots[0], boxes))
        return found


@dataclass(frozen=True)
class _Name:
    """A name on the map: its lines, where it may stand, and the symbol that is drawn with it."""

    lines: tuple[str, ...]
    face: str
    point: tuple[float, float]
    boxes: list[Box]
    symbol: Symbol | None = None

    @property
    def symbol_box(self) -> Box | None:
        return None if self.symbol is None else _symbol_box(self.point, self.symbol)


def _symbol_box(point: tuple[float, float], symbol: Symbol) -> Box:
    half = symbol.size_pt * PT_MM / 2
    return (point[0] - half, point[1] - half, point[0] + half, point[1] + half)


def _around(point: tuple[float, float], lines: tuple[str, ...], face: str, symbol_pt: float) -> list[Box]:
    """Boxes for a name around ``point``: on it if there is no symbol, else beside it."""
    width = max(text_width_mm(line, BODY_PT, face) for line in lines) + 0.6
    height = len(lines) * NAME_LINE_MM + 0.5
    if not symbol_pt:
        middle = (-width / 2, -height / 2)
        corners = [middle, (-width, -height / 2), (0.0, -height / 2), (-width / 2, 0.0), (-width / 2, -height)]
    else:
        gap = symbol_pt * PT_MM / 2 + 0.5
        far = gap * 0.7
        corners = [
            (far, far), (gap, -height / 2), (far, -far - height), (-far - width, far),
            (-gap - width, -height / 2), (-far - width, -far - height), (-width / 2, gap), (-width / 2, -gap - height),
        ]  # fmt: skip
    return [(point[0] + x, point[1] + y, point[0] + x + width, point[1] + y + height) for x, y in corners]


def _corners(shape: Any, radius: float) -> list[Box]:
    """Boxes for a number at the corners of the largest part of an area, north-east first."""
    west, south, east, north = shapely.bounds(max(shapely.get_parts(shape), key=shapely.area))
    middles = [(east, north), (west, north), (east, south), (west, south)]
    away = [(1, 1), (-1, 1), (1, -1), (-1, -1)]
    spots = [(x + dx * radius * 0.7, y + dy * radius * 0.7) for (x, y), (dx, dy) in zip(middles, away, strict=True)]
    return [(x - radius, y - radius, x + radius, y + radius) for x, y in spots]


def _one_line(name: str) -> str:
    return " ".join(name.split())


def _spots(shape: Any) -> list[tuple[float, float]]:
    """Points of a line or area at which its name may stand."""
    if shape.geom_type.endswith("Polygon"):
        return _coordinates([shape.representative_point()])
    longest = max(_lines(shape), key=lambda line: line.length)
    return _coordinates(shapely.line_interpolate_point(longest, [0.5, 0.35, 0.65, 0.2, 0.8], normalized=True))
