"""What of a release a map shows: squares, numbers and months, the claims that stand, and shapes cut to an area."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar, cast

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from tensionmap.errors import ReleaseError
from tensionmap.publish import style
from tensionmap.tables import BANDS, PERIOD, Release

EDGE_SHARE = 1 / 500
LINE_SHARE = 1 / 60
"""How near an outline lies to the edge, or to a line of the same party, that is left out: shares of the map's longer side."""
NEAR_M = 500.0
"""What lies so near to a numbered area is told with it."""
_BAND_STARTS = [int(band.split("-")[0].rstrip("+")) for band in BANDS[1:]]


_Pick = TypeVar("_Pick", bound=Callable[..., Any])


def _remembered(pick: _Pick) -> _Pick:
    """``pick``, which looks into a release only once for the same question: a pack asks it many times."""

    @wraps(pick)
    def picked(release: Release, *args: Any, **kwargs: Any) -> Any:
        refuse_unless_release(release)
        question = (pick.__name__, args, tuple(sorted(kwargs.items())))
        if question not in release.remembered:
            release.remembered[question] = pick(release, *args, **kwargs)
        return release.remembered[question]

    return cast(_Pick, picked)


def refuse_unless_release(given: Any) -> None:
    """A map is drawn from what an audience may see, and from nothing else.

    Raises
    ------
    ReleaseError
        If ``given`` is not a Release.
    """
    if not isinstance(given, Release):
        raise ReleaseError(
            f"A map is drawn from a Release, not from a {type(given).__name__}: a raw table holds what nobody may see. "
            "Make one in the stage protect."
        )


@_remembered
def of_theme(release: Release, name: str, theme: str, window: str = PERIOD) -> Any:
    """The rows of one theme of a table of the release; of a table told in windows those of one window."""
    table = release.tables[name]
    is_shown = table["theme"] == theme
    return table[is_shown & (table["window"] == window) if "window" in table else is_shown]


def windows(release: Release) -> tuple[str, ...]:
    """The whole period, and the quarters that are told one by one, the earliest first."""
    return (PERIOD, *release.facts.quarters)


@_remembered
def squares(release: Release, theme: str, window: str = PERIOD) -> gpd.GeoDataFrame:
    """The squares above the lowest band, with ``side_cells``: more than 1 where a release for everybody merged thin cells."""
    cells = of_theme(release, "cells", theme, window)
    if window != PERIOD and "quarters" in release.tables:
        cells = _of_quarter(release, theme, window)
    listed = cells[cells["band"] != BANDS[0]]
    if "side_cells" not in listed:
        listed = listed.assign(side_cells=1)
    return listed.sort_values(["cell_id", "side_cells"], kind="stable")


def counted_squares(release: Release, theme: str, window: str = PERIOD) -> gpd.GeoDataFrame:
    """What is seen inside the house: every square with a report in a window, in whichever band, with its count."""
    cells = of_theme(release, "cells", theme) if window == PERIOD else _of_quarter(release, theme, window)
    return cells.assign(side_cells=1).sort_values("cell_id", kind="stable")


def _of_quarter(release: Release, theme: str, window: str) -> gpd.GeoDataFrame:
    """The squares of a quarter as they are counted inside the house, in bands."""
    counts = of_theme(release, "quarters", theme, window).set_index("cell_id")["count"]
    cells = of_theme(release, "cells", theme)
    cells = cells[cells["cell_id"].isin(counts.index)][["cell_id", "geometry"]]
    count = counts.reindex(cells["cell_id"]).to_numpy()
    return cells.assign(count=count, band=np.array(BANDS)[np.searchsorted(_BAND_STARTS, count, side="right")])


@_remembered
def hotspots(release: Release, theme: str) -> gpd.GeoDataFrame:
    """The numbered areas in the order of their numbers."""
    areas = of_theme(release, "hotspots", theme)
    return areas.sort_values("hotspot_id", key=lambda ids: ids.str.zfill(9), kind="stable")


def joint_work(release: Release, window: str = PERIOD) -> gpd.GeoDataFrame:
    """The squares with so many joint repairs, agreements or meetings that they may be told."""
    return squares(release, "cooperation", window)


@_remembered
def has_merged(release: Release, theme: str) -> bool:
    """Whether the map of a theme shows a square of several cells."""
    themes = (theme, "cooperation") if theme == "tension" else (theme,)
    return any(bool((squares(release, shown)["side_cells"] > 1).any()) for shown in themes)


@_remembered
def number_of_reports(release: Release, theme: str, window: str = PERIOD) -> int | None:
    """The reports of a theme, rounded for the community; None if the release does not tell."""
    told = of_theme(release, "numbers", theme, window)["reports"]
    return None if told.empty else int(told.iloc[0])


def unplaced_percent(release: Release, theme: str) -> int | None:
    """The share of reports whose place is too imprecise for the map; None if the release does not tell."""
    told = of_theme(release, "numbers", theme)["unplaced_percent"].dropna()
    return None if told.empty else int(told.iloc[0])


def months_counted(release: Release, window: str = PERIOD) -> tuple[str, str]:
    """First and last day of what squares and numbers count: for the community the public months, inside the whole study."""
    facts = release.facts
    if window != PERIOD:
        quarter = pd.Period(window)
        return quarter.start_time.date().isoformat(), quarter.end_time.date().isoformat()
    return (facts.public_from, facts.public_to) if release.audience == "community" else (facts.date_from, facts.date_to)


def is_of_other_months(release: Release) -> bool:
    """Whether squares and numbers count other months than those over which the numbered areas are measured."""
    return months_counted(release) != (release.facts.date_from, release.facts.date_to)


@_remembered
def settlements(release: Release) -> gpd.GeoDataFrame:
    """Villages and towns; the point of a district is nowhere in particular."""
    every = release.background["settlements"]
    return every[every["kind"] != "district"]


def last_day(release: Release, window: str = PERIOD) -> str:
    """The day as of which the claims of a window are drawn: the last of the study, or of the quarter."""
    return release.facts.date_to if window == PERIOD else months_counted(release, window)[1]


@_remembered
def places(release: Release) -> dict[str, Any]:
    """Settlements, resources and services by their identifiers."""
    keys = {"services": "service_id", "resources": "resource_id", "settlements": "settlement_id"}
    return {getattr(row, key): row for name, key in keys.items() for row in release.background[name].itertuples()}


@_remembered
def standing(release: Release, window: str = PERIOD) -> gpd.GeoDataFrame:
    """The claims that stand on the last day of a window."""
    claims, last = release.background["claims"], pd.Timestamp(last_day(release, window))
    return claims[~(claims["date_from"] > last) & ~(claims["date_to"] < last)]


def ended(release: Release) -> int:
    """How many claims ended before the last day of the period."""
    return int((release.background["claims"]["date_to"] < pd.Timestamp(release.facts.date_to)).sum())


def claimant_letters(release: Release) -> dict[str, str]:
    """The letters of each claimant as the claims write it: 'Norvia + Selmar' -> 'N+S'."""
    claimants = sorted(set(release.background["claims"]["claimant"]))
    single = style.claimant_letters([*release.facts.parties, *(name for names in claimants for name in names.split(" + "))])
    return {names: "+".join(single[name] for name in names.split(" + ")) for names in claimants}


@_remembered
def claim_lines(release: Release, window: str = PERIOD) -> gpd.GeoDataFrame:
    """The claims that stand at the end of a window as lines, in the CRS of the cells.

    Areas claimed by one party on the same ground count as one, and become its outline inside the study, without the edge of
    the study and without what a line of the same party already says: where the data or a district ends is nobody's claim.
    """
    claims = _one_area_each(standing(release, window).to_crs(release.tables["cells"].crs))
    frame = shapely.box(*release.facts.extent)
    side = max(np.ptp(release.facts.extent[::2]), np.ptp(release.facts.extent[1::2]))
    inside = frame.buffer(-side * EDGE_SHARE, join_style="mitre")
    lines = claims[claims["kind"] == "line"]
    shapes = claims.geometry.to_numpy().copy()
    for place in np.flatnonzero(claims["kind"] == "area"):
        claimant = claims["claimant"].iloc[place]
        is_own = np.array([claimant in names.split(" + ") for names in lines["claimant"]], dtype=bool)
        own = shapely.union_all(lines.geometry.to_numpy()[is_own]).buffer(side * LINE_SHARE)
        shapes[place] = shapely.difference(shapely.intersection(shapes[place].boundary, inside), own)
    return _with_shapes(claims, shapes)


def _one_area_each(claims: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """``claims`` with the areas of one claimant, status, date and source as one."""
    claims = claims.reset_index(drop=True)
    alike = claims.groupby(["kind", "status", "claimant", "date_from", "source"], dropna=False, sort=False)
    number = alike.ngroup().where(claims["kind"] == "area", -1 - np.arange(len(claims)))
    shapes = claims.geometry.groupby(number).agg(lambda parts: shapely.union_all(parts.to_numpy()))
    one = claims[~number.duplicated()]
    return _with_shapes(one, shapes.loc[number[one.index]].to_numpy())


def things_near(area: Any, layers: Sequence[gpd.GeoDataFrame]) -> list[tuple[str, str, tuple[int, int] | None]]:
    """Kind, name and season of what lies in an area or within ``NEAR_M`` of it, each told once."""
    around = area.buffer(NEAR_M)
    found = (row for layer in layers for row in layer[layer.intersects(around)].itertuples())
    order = [*style.LINES, *style.GROUNDS, *style.SYMBOLS]
    named = {(row.kind, text_or_nothing(row.name), season(row)) for row in found}
    return sorted(named, key=lambda thing: (order.index(thing[0]), thing[1], thing[2] or (0, 0)))


def season(row: Any) -> tuple[int, int] | None:
    """First and last month of use of a resource; None if it has no season."""
    first, last = (getattr(row, name, pd.NA) for name in ("season_from", "season_to"))
    return None if pd.isna(first) or pd.isna(last) else (int(first), int(last))


def text_or_nothing(value: Any) -> str:
    """``value``, or an empty text where a table has none."""
    return value if isinstance(value, str) else ""


def cut(layer: gpd.GeoDataFrame, area: Any) -> gpd.GeoDataFrame:
    """``layer`` inside ``area``; what only touches it is left out."""
    shapes = layer.geometry.to_numpy().copy()
    for place in np.flatnonzero(~shapely.covered_by(shapes, area)):
        parts = shapely.get_parts(shapely.intersection(shapes[place], area))
        is_whole = shapely.get_dimensions(parts) == shapely.get_dimensions(shapes[place])
        shapes[place] = shapely.union_all(parts[is_whole])
    return _with_shapes(layer, shapes)


def _with_shapes(layer: gpd.GeoDataFrame, shapes: Any) -> gpd.GeoDataFrame:
    """``layer`` with other shapes, rows without one left out."""
    found = layer.set_geometry(gpd.GeoSeries(shapes, index=layer.index, crs=layer.crs))
    return found[~found.geometry.is_empty]
