"""What everybody may see of one theme: bands, areas that stand out, and no way back to a person.

Counted in squares are reports of the tiers that the policy places in cells (tier B); sensitive reports (tier A) are only in
the totals of the whole study. Sealed reports never come here. Squares, totals and numbers are told per window: each quarter
by itself, and the public period.

Only what stands above the lowest band is listed, of squares as of categories: **not listed means 'fewer than 5 or none'**
(or, for a cell, too few residents to say). So a report more or less in the lowest band changes no square
of its own; a merged square, a rounded number or the outline of an area may change with it.

Areas with more reports than chance would explain are shown as found on tiers A and B, if ordinary reports alone explain
them: an area that stands out by sensitive reports would say where those are. They say 'at least' and no more, since they are
measured over the whole study, which grows: two bands of one area, a quarter apart, would tell what the quarter hid. Areas
with fewer reports are never shown: where almost nothing was expected to be missing, 'fewer' tells none from some, which the
lowest band is there to hide, and a place where nobody reports is not a safe place. What is not shown still counts for the
verdict, which names no place.

How an area holds up when imprecise reports are put elsewhere is said in one of three words, and of shown areas alone. It rests
on the tiers A and B together, as the outline does, and on reports known too widely for a square, which are in no hidden number.
It does not tell the tiers apart: had the reports of a hidden square been sensitive ones, of which no square tells, the word
would be the same as long as the area keeps enough ordinary ones to be shown. It adds nothing up, and so goes into no sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from tensionmap.protect import margins
from tensionmap.protect.aggregate import (
    Seen,
    areas_of,
    count_per_cell,
    keep,
    outlines,
    reported_from,
    spots_of,
    support_in_words,
    to_bands,
    verdict_of,
    windowed,
)
from tensionmap.protect.units import BySide, Grid, Told, room_in, tell
from tensionmap.tables import PERIOD

if TYPE_CHECKING:
    from tensionmap.protect.policy import Policy

SCOPES = {"crime": "crime", "tension": "tension"}


def community_sees(
    reports: pd.DataFrame,
    cells: gpd.GeoDataFrame,
    grid: Grid,
    people: pd.Series,
    hotspots: pd.DataFrame,
    settlements: gpd.GeoDataFrame,
    *,
    theme: str,
    windows: Mapping[str, pd.Series],
    policy: Policy,
    parties: tuple[str, ...],
    cell_m: float,
    least: BySide | None = None,
    period: Told | None = None,
) -> Seen:
    """The squares, areas, totals and rounded numbers of one theme.

    Parameters
    ----------
    reports
        Unsealed reports of the theme: ``incident_id``, ``event_id``, ``reported_by``, ``category``, ``tier``, ``cell_id``
        (empty without a place). Reports of one event count once.
    cells, hotspots, settlements
        Tables ``CELLS`` (sorted by ``cell_id``), ``HOTSPOTS``, ``SETTLEMENTS``.
    grid, people
        The same cells as columns and rows, and their residents.
    theme, policy, parties, cell_m
        Which map; the thresholds; who has a side; side of a cell in metres.
    windows
        Name of a window -> which reports count in it, by the index of ``reports``.
    least
        What released windows inside the period told that its squares hold at least.
    period
        What is told of the period already, if it stands as it was released.

    Notes
    -----
    Each window is safe by itself. Whether windows, areas and earlier releases are safe together is for `disclosure` to say.
    """
    fewest = policy.minimum_count
    events = reports[reports["incident_id"] == reports["event_id"]]
    in_squares = reports[reports["tier"].isin(policy.tiers("community", "cell"))]
    counts = {
        name: count_per_cell(in_squares[is_in[in_squares.index] & in_squares.index.isin(events.index)], cells)
        for name, is_in in windows.items()
    }
    told = {
        name: tell(of_window, grid, fewest=fewest, least=least if name == PERIOD else None) for name, of_window in counts.items()
    }

    spots = spots_of(hotspots, cells, SCOPES.get(theme))
    of_study = count_per_cell(in_squares[in_squares.index.isin(events.index)], cells).where(grid.is_counted, 0)
    of_cells = pd.DataFrame({"count": of_study, "people": people, "expected": spots["expected"]})
    areas = areas_of(cells, spots["hotspot"] == "hot", cell_m=cell_m)
    areas, at_least = _shown_areas(areas, of_cells, grid, period or told[PERIOD], policy=policy)
    sides = reported_from(in_squares, areas.where(grid.is_counted, 0), cells, parties=parties, fewest=fewest)
    about = pd.DataFrame(
        {
            "kind": "hot",
            "at_least": at_least,
            "reported_from": sides.reindex(at_least.index),
            "support": support_in_words(spots["support"], areas),
        }
    )

    totals, numbers, needs = {}, {}, {}
    for name, is_in in windows.items():
        totals[name], numbers[name], needs[name] = _sums(
            events[is_in[events.index]],
            told[name],
            least=float(least[max(least)].sum()) if least and name == PERIOD else 0.0,
            residents=people.sum(),
            policy=policy,
            is_period=name == PERIOD,
        )
    room = {name: room_in(of_window, grid, fewest=fewest) for name, of_window in told.items()}
    of_quarters = sum(need for name, need in needs.items() if name != PERIOD)
    for name, need in needs.items():
        if need > min(room[name], room[PERIOD]) or (name != PERIOD and of_quarters > room[PERIOD]):
            totals[name] = totals[name].iloc[:0]
    return Seen(
        tables={
            "cells": windowed(
                {name: _squares(of_window, grid, fewest=fewest, cell_m=cell_m, crs=cells.crs) for name, of_window in told.items()}
            ),
            "hotspots": outlines(cells, areas, about, settlements, cell_m=cell_m),
            "totals": windowed(totals),
            "numbers": windowed(numbers),
        },
        verdict=verdict_of(spots),
        is_withheld=bool((spots["hotspot"].isin(("hot", "cold")) & (areas == 0)).any()),
    )


def _squares(told: Told, grid: Grid, *, fewest: int, cell_m: float, crs: Any) -> gpd.GeoDataFrame:
    """The listed squares of one window."""
    units = told.units()
    corners = [
        (grid.squares[side].column[at], grid.squares[side].row[at])
        for side, at in zip(units["side"], units["square"], strict=True)
    ]
    west, south = (np.array(corners, dtype=float).reshape(-1, 2) * cell_m).T
    width = units["side"].to_numpy() * cell_m
    frame = pd.DataFrame(
        {
            "cell_id": pd.Series([f"E{column}N{row}" for column, row in corners], dtype="str"),
            "side_cells": units["side"],
            "band": to_bands(units["count"], fewest=fewest),
        }
    )
    return gpd.GeoDataFrame(frame, geometry=shapely.box(west, south, west + width, south + width), crs=crs)


def _shown_areas(
    found: pd.Series, of_cells: pd.DataFrame, grid: Grid, told: Told, *, policy: Policy
) -> tuple[pd.Series, pd.Series]:
    """The shown area of every cell (0: none), and by the number of a shown area how many reports it holds at least."""
    fewest = policy.minimum_count
    sums = of_cells.groupby(found).sum().drop(index=0, errors="ignore")
    public = [_public_of_area((found == area).to_numpy(), told, grid, fewest=fewest) for area in sums.index]
    least = pd.Series([low for low, _ in public], index=sums.index, dtype="int64")
    is_shown = (
        (sums["count"] >= fewest)
        & (sums["count"] > sums["expected"])
        & ((sums["people"] == 0) | (sums["people"] >= policy.minimum_residents))
        & np.array([is_open for _, is_open in public], dtype=bool)
    )
    areas, numbers = keep(found, is_shown)
    return areas, least[is_shown].clip(lower=fewest).set_axis(numbers)


def _public_of_area(is_inside: Any, told: Told, grid: Grid, *, fewest: int) -> tuple[int, bool]:
    """The fewest reports of an area by its listed squares, and whether 'at least ``fewest``' leaves its hidden cells open.

    Each hidden cell must be able to hold nothing while hidden squares around it that reach into the area fill it.
    """
    least, hidden = 0, 0
    is_covered = np.zeros(len(is_inside), dtype=bool)
    for side in sorted(grid.squares, reverse=True):
        of_cell = grid.squares[side].of_cell
        wholly = np.bincount(of_cell, weights=~is_inside, minlength=len(grid.squares[side].may_stand)) == 0
        listed = told.is_listed[side] & wholly
        counts = pd.Series(told.sums[side][listed])
        least += int(margins.ends(to_bands(counts, fewest=fewest), fewest=fewest)["low"].sum())
        is_hidden_here = told.is_hidden[side][of_cell] & is_inside & ~is_covered
        hidden += len(np.unique(of_cell[is_hidden_here]))
        is_covered |= is_hidden_here
    return least, least >= fewest or (hidden - 1) * (fewest - 1) >= fewest


def _sums(
    reports: pd.DataFrame, told: Told, *, least: float, residents: float, policy: Policy, is_period: bool
) -> tuple[pd.DataFrame, pd.DataFrame, float]:
    """Of one window that is known to hold ``least``: the categories told, the rounded number, and how many must have a place."""
    fewest = policy.minimum_count
    bands = to_bands(told.units()["count"], fewest=fewest)
    shown = max(least, float(margins.ends(bands, fewest=fewest)["low"].sum()))
    totals, lows, highs = _totals(reports, policy, residents=residents)
    rounded = margins.rounded_reports(len(reports), shown=max(shown, lows["B"]) + lows["A"], fewest=fewest)
    unplaced = int(reports["cell_id"].isna().sum())
    percent = margins.rounded_percent(unplaced, len(reports), rounded=rounded, shown=shown, fewest=fewest) if is_period else 0
    if not margins.may_list(highs["B"], rounded=rounded, percent=percent, shown=shown, fewest=fewest):
        totals = totals.iloc[:0]
    need = margins.needed(lows["B"], highs["A"], rounded=rounded, percent=percent, fewest=fewest) if len(totals) else 0.0
    told_percent = pd.array([percent if is_period else None], dtype="Int64")
    return totals, pd.DataFrame({"reports": [rounded], "unplaced_percent": told_percent}), need


def _totals(
    reports: pd.DataFrame, policy: Policy, *, residents: float
) -> tuple[pd.DataFrame, dict[str, float], dict[str, float]]:
    """Categories above the lowest band, and the least and most reports of each tier that the list tells."""
    found, lows, highs = [], {}, {}
    rules = {
        "A": (policy.minimum_count_sensitive, policy.minimum_residents_sensitive),
        "B": (policy.minimum_count, policy.minimum_residents),
    }
    for tier, (fewest, people) in rules.items():
        is_told = tier in policy.tiers("community", "study") and residents >= people
        counts = reports.loc[(reports["tier"] == tier) & is_told, "category"].value_counts().sort_index()
        counts = counts[counts >= fewest]
        bands = to_bands(counts, fewest=fewest)
        ends = margins.ends(bands, fewest=fewest)
        lows[tier], highs[tier] = float(ends["low"].sum()), float(ends["high"].sum())
        found.append(pd.DataFrame({"category": counts.index.astype("str"), "band": bands.to_numpy()}))
    return pd.concat(found, ignore_index=True), lows, highs
