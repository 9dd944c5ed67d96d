"""The release of one audience, made from the checked tables: the only door out of the house."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd

from tensionmap import tables
from tensionmap.errors import ReleaseError
from tensionmap.protect.aggregate import Seen, inhabitants
from tensionmap.protect.background import around, missing_layers, standing
from tensionmap.protect.community import community_sees
from tensionmap.protect.internal import internals_see, points_of
from tensionmap.protect.policy import Policy
from tensionmap.tables import RELEASE_TABLES, THEMES, Facts, Release

if TYPE_CHECKING:
    import geopandas as gpd


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
) -> Release:
    """What ``audience`` may see of a study: everything else stays in the house.

    Sealed reports are taken out before anything is counted, named or sorted, for every audience. What the community sees
    depends on no exact point, no date, no number of a record and no order of rows.

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

    Returns
    -------
    Release
        In the CRS of ``cells``. Not listed cells and categories are in the lowest band (community) or have no report.

    Raises
    ------
    ReleaseError
        If the audience is unknown, the layers differ in CRS, a report stands on a cell that the grid does not have, or the
        community would be told numbers that nobody hides in (no residents known, too few cells).
    """
    if audience not in RELEASE_TABLES:
        raise ReleaseError(f"Unknown audience {audience!r}. Audiences are: {', '.join(tables.AUDIENCES)}.")
    layers = {"settlements": settlements, "claims": claims, "resources": resources, "services": services}
    _refuse_unfit(cells, placed, {"incidents": incidents, **layers}, audience=audience)

    grid = cells.sort_values("cell_id", ignore_index=True)
    reports = incidents[incidents["tier"] != "S"].merge(placed[["incident_id", "cell_id"]], on="incident_id", how="left")
    # A threshold of five that three events reach because two of them were told twice would hide nobody.
    events = reports[reports["incident_id"] == reports["event_id"]]
    seen = {
        theme: community_sees(of_theme, grid, hotspots, settlements, theme=theme, policy=policy, cell_m=cell_m)
        if audience == "community"
        else internals_see(of_theme, grid, hotspots, settlements, theme=theme, cell_m=cell_m)
        for theme, of_theme in ((theme, events[events["theme"] == theme]) for theme in THEMES)
    }
    west, south, east, north = grid.total_bounds
    facts = Facts(
        study=study,
        is_invented=is_invented,
        parties=tuple(parties),
        date_from=date_from.isoformat(),
        date_to=date_to.isoformat(),
        extent=(float(west), float(south), float(east), float(north)),
        cell_m=float(cell_m),
        alpha=float(alpha),
        replicates=int(replicates),
        minimum_count=policy.minimum_count,
        minimum_residents=policy.minimum_residents,
        reports={theme: of_theme.reports for theme, of_theme in seen.items()},
        unplaced_percent={theme: of_theme.unplaced_percent for theme, of_theme in seen.items()},
        verdicts={theme: of_theme.verdict for theme, of_theme in seen.items()},
        is_withheld={theme: of_theme.is_withheld for theme, of_theme in seen.items()},
        reported_by=_reporters(reports, fewest=policy.minimum_count if audience == "community" else 1),
        missing_layers=missing_layers(resources, services),
    )
    content = {name: _together(seen, name, audience) for name in ("cells", "hotspots", "totals")}
    if audience == "police":
        content["points"] = points_of(reports)
    background = around(grid, {**layers, "claims": standing(claims, date_from=date_from, date_to=date_to)})
    return Release(
        audience,
        facts,
        {name: tables.check(content[name], table) for name, table in RELEASE_TABLES[audience].items()},
        {name: tables.check(background[name], table) for name, table in tables.BACKGROUND_TABLES.items()},
    )


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
    parts = [getattr(of_theme, name).assign(theme=theme) for theme, of_theme in seen.items()]
    return pd.concat(parts, ignore_index=True).sort_values(list(RELEASE_TABLES[audience][name].key), ignore_index=True)
