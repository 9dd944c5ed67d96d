"""The release of one audience, made from the checked tables: the only door out of the house."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd

from tensionmap import tables
from tensionmap.errors import ReleaseError
from tensionmap.protect import margins
from tensionmap.protect.aggregate import Seen, inhabitants
from tensionmap.protect.background import around, missing_layers, standing
from tensionmap.protect.community import community_sees
from tensionmap.protect.internal import internals_see, points_of
from tensionmap.protect.meetings import NO_MEETINGS, Meetings, meetings_told
from tensionmap.protect.policy import Policy
from tensionmap.protect.units import BySide, Grid, as_told, at_least, grid_of, lows
from tensionmap.protect.windows import Windows, counted_in, is_within, mark, public_windows
from tensionmap.tables import PERIOD, RELEASE_TABLES, THEMES, Facts, Release

if TYPE_CHECKING:
    import geopandas as gpd

WINDOWED = ("cells", "totals", "numbers")


@dataclass(frozen=True)
class Published:
    """What is out already: community releases, the earliest first, and the marks of the reports that their quarters counted."""

    releases: tuple[Release, ...] = ()
    counted: frozenset[str] = frozenset()

    @property
    def quarters(self) -> frozenset[str]:
        """The quarters that are out."""
        return frozenset(quarter for release in self.releases for quarter in release.facts.quarters)

    def windows(self, date_from: date, date_to: date, policy: Policy) -> Windows:
        """The windows of the next release."""
        periods = [tuple(map(date.fromisoformat, (r.facts.public_from, r.facts.public_to))) for r in self.releases]
        return public_windows(date_from, date_to, most_quarters=policy.most_quarters, periods=[(a, b) for a, b in periods])


def make_release(
    incidents: gpd.GeoDataFrame,
    placed: pd.DataFrame,
    cells: gpd.GeoDataFrame,
    hotspots: pd.DataFrame,
    *,
    settlements: gpd.GeoDataFrame,
    claims: gpd.GeoDataFrame,
    resources: gpd.GeoDataFrame,
    services: gpd.GeoDataFrame,
    audience: str,
    policy: Policy,
    study: str,
    is_invented: bool,
    parties: tuple[str, ...],
    date_from: date,
    date_to: date,
    cell_m: float,
    alpha: float,
    replicates: int,
    published: Published = Published(),
    meetings: Meetings = NO_MEETINGS,
    data_as_of: str = "",
) -> Release:
    """What ``audience`` may see of a study: everything else stays in the house.

    Sealed reports are taken out before anything is counted, named or sorted, for every audience. What the community sees
    depends on no exact point, no day within a quarter, no number of a record and no order of rows; only ``hotspots`` can bring
    in the chance by which ``support`` was drawn, which begins with the numbers of records.

    Parameters
    ----------
    incidents, placed, cells, hotspots
        Tables ``INCIDENTS``, ``PLACED``, ``CELLS`` and ``HOTSPOTS``. Community results rest on the scopes crime and tension,
        those of the police and of research on the internal ones.
    settlements, claims, resources, services
        Background; cut at 5 km around the grid, claims as far as they stood in the study period.
    audience
        community, police or research.
    policy
        Thresholds of what is public; the police and researchers see counts as they are.
    study, is_invented, parties, date_from, date_to
        Name of the study, whether its data are invented, its parties, its first and last day.
    cell_m, alpha, replicates
        Side of a cell in metres; error rate of the hot spots over the whole map, and maps drawn to hold it.
    published
        What is out already. A window that is out stays as it was released, on the same grid; reports of it that came later
        count in the quarter of their reporting.
    meetings
        What was spoken of and agreed in public; see `meetings.meetings_told`.
    data_as_of
        The day on which the last of the data came in, as an ISO date; printed on every map.

    Returns
    -------
    Release
        In the CRS of ``cells``. Not listed squares and categories are in the lowest band (community) or have no report.

    Raises
    ------
    ReleaseError
        If the audience is unknown, the layers differ in CRS, a report stands on a cell that the grid does not have, or the
        community would be told numbers that nobody hides in (no residents known).
    """
    if audience not in RELEASE_TABLES:
        raise ReleaseError(f"Unknown audience {audience!r}. Audiences are: {', '.join(tables.AUDIENCES)}.")
    layers = {"settlements": settlements, "claims": claims, "resources": resources, "services": services}
    _refuse_unfit(cells, placed, {"incidents": incidents, **layers}, audience=audience)

    sorted_cells = cells.sort_values("cell_id", ignore_index=True)
    windows = published.windows(date_from, date_to, policy)
    reports = _reports(incidents, placed, policy.tiers(audience, "study")).assign(
        quarter=lambda frame: _quarters(frame, windows, published)
    )
    people = inhabitants(sorted_cells)
    grid = grid_of(sorted_cells, people, cell_m=cell_m, minimum_residents=policy.minimum_residents)
    stands = [release for release in published.releases if _is_on(release, sorted_cells, cell_m)]
    seen = {
        theme: _seen(
            reports[reports["theme"] == theme],
            audience,
            windows,
            grid,
            people,
            stands,
            cells=sorted_cells,
            hotspots=hotspots,
            settlements=settlements,
            theme=theme,
            policy=policy,
            parties=tuple(parties),
            cell_m=cell_m,
        )
        for theme in THEMES
    }
    content = {name: _together(seen, name, audience) for name in seen[THEMES[0]].tables}
    is_public = audience == "community"
    if is_public:
        counted_in = pd.Series(grid.counted_in).replace(float("inf"), None)
        content["grid"] = pd.DataFrame({"cell_id": sorted_cells["cell_id"], "counted_in": counted_in.astype("Int64")})
    elif audience == "police":
        content["points"] = points_of(reports[reports["tier"].isin(policy.tiers(audience, "point"))])
    west, south, east, north = sorted_cells.total_bounds
    facts = Facts(
        study=study,
        is_invented=is_invented,
        parties=tuple(parties),
        date_from=date_from.isoformat(),
        date_to=date_to.isoformat(),
        public_from=(windows.public_from if is_public else date_from).isoformat(),
        public_to=(windows.public_to if is_public else date_to).isoformat(),
        quarters=windows.quarters,
        extent=(float(west), float(south), float(east), float(north)),
        cell_m=float(cell_m),
        alpha=float(alpha),
        replicates=int(replicates),
        minimum_count=policy.minimum_count,
        minimum_count_sensitive=policy.minimum_count_sensitive,
        minimum_residents=policy.minimum_residents,
        verdicts={theme: of_theme.verdict for theme, of_theme in seen.items()},
        is_withheld={theme: of_theme.is_withheld for theme, of_theme in seen.items()},
        reported_by=_reporters(reports, fewest=policy.minimum_count if is_public else 1),
        missing_layers=missing_layers(resources, services),
        loosened=policy.loosened,
        data_as_of=data_as_of,
        **({} if is_public else _anonymity(content["quarters"]["count"], policy)),
    )
    if is_public:
        content = _as_released(content, facts, stands)
    background = around(sorted_cells, {**layers, "claims": standing(claims, date_from=date_from, date_to=date_to)})
    places = {name: background[name] for name in ("settlements", "resources", "services")}
    content |= meetings_told(meetings, **places, date_to=date_to, audience=audience, policy=policy)
    return Release(
        audience,
        facts,
        {name: tables.check(content[name], table) for name, table in RELEASE_TABLES[audience].items()},
        {name: tables.check(background[name], table) for name, table in tables.BACKGROUND_TABLES.items()},
    )


def _reports(incidents: gpd.GeoDataFrame, placed: pd.DataFrame, tiers: tuple[str, ...]) -> Any:
    """The reports of these ``tiers`` with their cell; a plain index."""
    return incidents[incidents["tier"].isin(tiers)].merge(placed[["incident_id", "cell_id"]], on="incident_id", how="left")


def _quarters(reports: pd.DataFrame, windows: Windows, published: Published) -> pd.Series:
    """The quarter in which the event of each report counts."""
    if not published.counted:
        is_new = pd.Series(True, index=reports.index)
    else:
        is_counted = reports["incident_id"].map(mark).isin(published.counted)
        is_new = ~is_counted.groupby(reports["event_id"]).transform("any")
    own = counted_in(reports, is_new, released=published.quarters, quarters=windows.quarters)
    stands_for = own[reports["incident_id"] == reports["event_id"]].set_axis(
        reports.loc[reports["incident_id"] == reports["event_id"], "event_id"]
    )
    return reports["event_id"].map(stands_for)


def counted_marks(incidents: gpd.GeoDataFrame, release: Release, published: Published, policy: Policy) -> frozenset[str]:
    """The marks of all reports that the quarters of ``release`` count, and of those counted before: for the next release."""
    facts = release.facts
    windows = Windows(date.fromisoformat(facts.public_from), date.fromisoformat(facts.public_to), facts.quarters)
    reports = incidents[incidents["tier"].isin(policy.tiers(release.audience, "study"))]
    is_in = _quarters(reports, windows, published).isin(facts.quarters)
    return published.counted | frozenset(reports.loc[is_in, "incident_id"].map(mark))


def _seen(
    reports: Any,
    audience: str,
    windows: Windows,
    grid: Grid,
    people: pd.Series,
    stands: Sequence[Release],
    *,
    cells: Any,
    hotspots: pd.DataFrame,
    settlements: Any,
    **options: Any,
) -> Seen:
    of_windows = {PERIOD: pd.Series(True, index=reports.index)}
    if audience == "community":
        is_inside = (reports["date_start"] >= pd.Timestamp(windows.public_from)) & (
            reports["date_end"] <= pd.Timestamp(windows.public_to)
        )
        of_windows = {PERIOD: is_inside}
    of_windows |= {quarter: reports["quarter"] == quarter for quarter in windows.quarters}
    if audience == "community":
        before = _told_before(stands, windows, grid, theme=options["theme"])
        return community_sees(reports, cells, grid, people, hotspots, settlements, windows=of_windows, **before, **options)
    return internals_see(reports, cells, hotspots, settlements, audience=audience, windows=of_windows, **options)


def _anonymity(counts: pd.Series, policy: Policy) -> dict[str, int | None]:
    """The smallest count by theme, quarter and cell, and the share of them that reach the minimum."""
    if counts.empty:
        return {"smallest_count": None, "percent_at_minimum": None}
    return {
        "smallest_count": int(counts.min()),
        "percent_at_minimum": round(100 * float((counts >= policy.minimum_count).mean())),
    }


def _is_on(release: Release, cells: gpd.GeoDataFrame, cell_m: float) -> bool:
    """Whether a release stands on the grid of ``cells``."""
    extent = tuple(map(float, cells.total_bounds))
    return (release.facts.cell_m, release.facts.extent, release.tables["cells"].crs) == (cell_m, extent, cells.crs)


def _told_before(stands: Sequence[Release], windows: Windows, grid: Grid, *, theme: str) -> dict[str, Any]:
    """What ``stands`` told of the period of ``windows``: what its squares hold at least, and all of it if it is out itself."""
    quarters: dict[str, BySide] = {}
    periods: dict[tuple[str, str], BySide] = {}
    told: dict[str, Any] = {}
    span = (windows.public_from.isoformat(), windows.public_to.isoformat())
    for release in stands:
        own = (release.facts.public_from, release.facts.public_to)
        for quarter in release.facts.quarters:
            if quarter not in quarters and is_within(quarter, *span):
                quarters[quarter] = at_least(grid, lows(_lows_of(release, theme, quarter), grid))
        if span[0] <= own[0] and own[1] <= span[1] and own not in periods:
            periods[own] = lows(_lows_of(release, theme, PERIOD), grid)
        if own == span:
            told["period"] = as_told(_lows_of(release, theme, PERIOD), grid, fewest=release.facts.minimum_count)
    nothing = at_least(grid)
    least: dict[tuple[str, str], BySide] = {}
    # Periods grow, so that a longer one holds what a shorter one inside it does, and the quarters beside that.
    for one in sorted({*periods, span}, key=lambda one: (one[1], one[0])):
        sums = [_added(nothing, [of for quarter, of in quarters.items() if is_within(quarter, *one)])]
        for inner, of_inner in least.items():
            if one[0] <= inner[0] and inner[1] <= one[1]:
                beside = [of for q, of in quarters.items() if is_within(q, *one) and not is_within(q, *inner)]
                sums.append(_added(of_inner, beside))
        least[one] = at_least(grid, periods.get(one, nothing), *sums)
    return {**told, "least": least[span]}


def _lows_of(release: Release, theme: str, window: str) -> pd.DataFrame:
    """The listed squares of a window, each with the least that its band says."""
    cells = release.tables["cells"]
    squares = pd.DataFrame(cells.loc[(cells["theme"] == theme) & (cells["window"] == window), ["cell_id", "side_cells", "band"]])
    return squares.assign(low=margins.ends(squares["band"], fewest=release.facts.minimum_count)["low"])


def _added(first: BySide, others: Sequence[BySide]) -> BySide:
    return {side: of_side + sum(other[side] for other in others) for side, of_side in first.items()}


def _as_released(content: dict[str, Any], facts: Facts, stands: Sequence[Release]) -> dict[str, Any]:
    """``content`` with every window that is out already as it was released: told twice, it would tell what changed."""
    frozen: dict[str, Release] = {}
    for release in stands:
        earlier = release.facts
        frozen |= {quarter: release for quarter in earlier.quarters if quarter in facts.quarters}
        if (earlier.public_from, earlier.public_to) == (facts.public_from, facts.public_to):
            frozen[PERIOD] = release
    result = dict(content)
    for name in WINDOWED:
        table = RELEASE_TABLES["community"][name]
        own = content[name][~content[name]["window"].isin(frozen)]
        earlier_rows = [r.tables[name][r.tables[name]["window"] == window] for window, r in frozen.items()]
        crs = content["cells"].crs if table.geometry else None
        result[name] = tables.concat([own, *earlier_rows], table, crs).sort_values(list(table.key), ignore_index=True)
    return result


def _refuse_unfit(cells: gpd.GeoDataFrame, placed: pd.DataFrame, layers: dict[str, gpd.GeoDataFrame], *, audience: str) -> None:
    if cells.empty:
        raise ReleaseError("The grid has no cells, so nothing can be counted. Check the study area and run link again.")
    for name, layer in layers.items():
        if layer.crs != cells.crs:
            raise ReleaseError(
                f"The CRS of {name} ({layer.crs}) is not that of the grid ({cells.crs}). Run ingest and link again."
            )
    strangers = ~placed["cell_id"].dropna().isin(cells["cell_id"])
    if strangers.any():
        raise ReleaseError(
            f"{strangers.sum()} reports stand on cells that the grid does not have: they were not made together. Run link again."
        )
    if audience == "community" and not inhabitants(cells).any():
        raise ReleaseError(
            "The grid knows of no residents at all, so a cell with one house cannot be told from a public place. "
            "Register a population raster of the study area in sources.toml."
        )


def _reporters(reports: pd.DataFrame, *, fewest: int) -> tuple[str, ...]:
    """Who reported at least ``fewest`` times, sorted: a single report says who wrote it."""
    counts = reports["reported_by"].value_counts()
    return tuple(sorted(counts[counts >= fewest].index))


def _together(seen: dict[str, Seen], name: str, audience: str) -> Any:
    """The parts of all themes as one table, sorted by its key."""
    parts = [of_theme.tables[name].assign(theme=theme) for theme, of_theme in seen.items()]
    return pd.concat(parts, ignore_index=True).sort_values(list(RELEASE_TABLES[audience][name].key), ignore_index=True)
