"""Maps on which nothing is going on, drawn apart from our own sampler: how many show a spot, in every world that data bring."""

from __future__ import annotations

from collections.abc import Callable

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from scipy import stats

from tensionmap.measure import nulls
from tensionmap.measure.hotspots import find_hotspots, hotspots_of, support_of

SIDE, REPORTS, MAPS, REPLICATES = 15, 150, 100, 99
ROW, COLUMN = (part.ravel() for part in np.mgrid[:SIDE, :SIDE])
WEST, SOUTH = 400_000.0 + 1000 * COLUMN, 4_760_000.0 + 1000 * ROW
GROUND = gpd.GeoDataFrame(
    {
        "cell_id": [f"E{c}N{r}" for c, r in zip(COLUMN, ROW, strict=True)],
        "easting": WEST + 500,
        "northing": SOUTH + 500,
    },
    geometry=shapely.box(WEST, SOUTH, WEST + 1000, SOUTH + 1000),
    crs="EPSG:32642",
)
OWN = pd.DataFrame({"left": COLUMN < SIDE / 2 + 1, "right": COLUMN > SIDE / 2 - 2})
IS_STRIP = (OWN.left & OWN.right).to_numpy()

World = Callable[[np.random.Generator, int], pd.DataFrame]


def lumpy_land(draws: np.random.Generator) -> gpd.GeoDataFrame:
    """Most cells uninhabited; everybody belongs to the nearest of a few villages."""
    people = np.where(draws.random(SIDE**2) < 0.6, 0, draws.gamma(0.3, 500, SIDE**2)).round()
    villages = draws.choice(SIDE**2, SIDE // 2, replace=False)
    away = np.hypot(ROW[:, None] - ROW[villages], COLUMN[:, None] - COLUMN[villages])
    named = np.bincount(villages[away.argmin(axis=1)], people, minlength=SIDE**2)
    return GROUND.assign(residents=people, residents_named=named)


def by_people(cells: gpd.GeoDataFrame) -> np.ndarray:
    return (0.9 * cells.residents / cells.residents.sum() + 0.1 / len(cells)).to_numpy()


def thrown(draws: np.random.Generator, weights: np.ndarray, size: int = REPORTS) -> np.ndarray:
    return draws.choice(weights.size, size, p=weights / weights.sum())


def seen_at(place: np.ndarray, *, is_named: np.ndarray | bool = False, reported_by: np.ndarray | str = "outside") -> pd.DataFrame:
    return pd.DataFrame({"cell_id": GROUND.cell_id.to_numpy()[place], "is_named": is_named, "reported_by": reported_by})


def uniform(draws: np.random.Generator, seed: int) -> pd.DataFrame:
    seen = seen_at(draws.integers(SIDE**2, size=REPORTS))
    return hotspots_of(seen, lumpy_land(draws), share_outside=1, replicates=REPLICATES, seed=seed)


def by_population(draws: np.random.Generator, seed: int) -> pd.DataFrame:
    cells = lumpy_land(draws)
    return hotspots_of(seen_at(thrown(draws, by_people(cells))), cells, replicates=REPLICATES, seed=seed)


def known_by_village(draws: np.random.Generator, seed: int, *, vague: float = 0) -> pd.DataFrame:
    cells, is_named = lumpy_land(draws), draws.random(REPORTS) < 0.5
    place = np.where(is_named, thrown(draws, cells.residents_named.to_numpy()), thrown(draws, by_people(cells)))
    seen = seen_at(place, is_named=is_named)[draws.random(REPORTS) >= vague]
    return hotspots_of(seen, cells, replicates=REPLICATES, seed=seed)


def known_by_village_or_district(draws: np.random.Generator, seed: int) -> pd.DataFrame:
    return known_by_village(draws, seed, vague=0.3)


def one_season_among_all(draws: np.random.Generator, seed: int) -> pd.DataFrame:
    """Reports at large stand in heaps; those of the summer are any third of them."""
    at_large = draws.multinomial(3 * REPORTS, draws.dirichlet(np.full(SIDE**2, 0.1)))
    summer = draws.choice(np.repeat(np.arange(SIDE**2), at_large), REPORTS, replace=False)
    counts = np.bincount(summer, minlength=SIDE**2)
    return find_hotspots(counts, GROUND, null=nulls.Null.of_labels(at_large, REPORTS), replicates=REPLICATES, seed=seed)


def one_side_reports_twice_as_much(draws: np.random.Generator, seed: int, *, own_land: pd.DataFrame | None = OWN) -> pd.DataFrame:
    """Half of the people of the strip that both claim belong to each side."""
    cells = lumpy_land(draws)
    reports_here = np.where(IS_STRIP, 1.5, np.where(OWN.left, 2.0, 1.0))
    is_named = draws.random(REPORTS) < 0.3
    exact, named = (thrown(draws, people * reports_here) for people in (by_people(cells), cells.residents_named.to_numpy()))
    place = np.where(is_named, named, exact)
    is_left = draws.random(REPORTS) < np.where(IS_STRIP, 2 / 3, OWN.left)[place]
    seen = seen_at(place, is_named=is_named, reported_by=np.where(is_left, "left", "right"))
    return hotspots_of(seen, cells, own_land=own_land, replicates=REPLICATES, seed=seed)


def some_weigh_more(draws: np.random.Generator, seed: int) -> pd.DataFrame:
    cells = lumpy_land(draws)
    seen, weights = (
        seen_at(thrown(draws, by_people(cells))),
        draws.choice([1.0, 2.0, 3.0, 7.0], REPORTS, p=[0.5, 0.3, 0.15, 0.05]),
    )
    return hotspots_of(seen, cells, weights=weights, replicates=REPLICATES, seed=seed)


def some_in_half_of_the_map(draws: np.random.Generator, seed: int) -> pd.DataFrame:
    """A third of the reports is known to its half of the map alone: 15 draws of where they were."""
    weights = by_people(lumpy_land(draws))
    place, is_vague, is_left = thrown(draws, weights), draws.random(REPORTS) < 1 / 3, COLUMN < SIDE / 2
    maps = []
    for _ in range(15):
        left, right = thrown(draws, weights * is_left), thrown(draws, weights * ~is_left)
        drawn = np.where(is_vague, np.where(is_left[place], left, right), place)
        maps.append(np.bincount(drawn, minlength=SIDE**2))
    return support_of(np.array(maps), GROUND, null=weights, replicates=REPLICATES, seed=seed)


def maps_with_a_spot(world: World, maps: int = MAPS) -> int:
    found = (world(np.random.default_rng([number, 20261120]), number) for number in range(maps))
    return sum(bool(table.hotspot.isin(["hot", "cold"]).any()) for table in found)


WORLDS: tuple[World, ...] = (
    uniform,
    by_population,
    known_by_village,
    known_by_village_or_district,
    one_season_among_all,
    one_side_reports_twice_as_much,
    some_weigh_more,
    some_in_half_of_the_map,
)


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.__name__)
def test_noise_is_called_hot_or_cold_on_no_more_maps_than_promised(world: World) -> None:
    assert maps_with_a_spot(world) <= stats.binom.ppf(0.999, MAPS, 0.05)


def test_a_null_that_does_not_know_who_reports_is_seen_to_fail() -> None:
    def blind(draws: np.random.Generator, seed: int) -> pd.DataFrame:
        return one_side_reports_twice_as_much(draws, seed, own_land=None)

    assert maps_with_a_spot(blind) > stats.binom.ppf(0.999, MAPS, 0.05)


def test_one_cell_at_a_time_noise_is_hot_almost_always() -> None:
    maps = [by_population(np.random.default_rng([number, 20261120]), number) for number in range(30)]
    assert sum(bool((found.p_cell <= 0.05).any()) for found in maps) > 25
