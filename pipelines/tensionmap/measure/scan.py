"""Spatial scan: which neighbouring places together have more cases than chance would bring anywhere on the map.

Kulldorff's scan statistic lays windows of every size around every place (circles, ellipses, or what lies within so many
metres along a network), asks of each how much better "more inside than outside" explains the cases than "the same risk
everywhere", and compares the best window with the best windows of maps on which nothing is going on.

All that is needed are two columns of coordinates in metres, the cases at each place, and what they are to be held against:

- `poisson_scan`: cases against residents (or against expected numbers, or a `nulls.Null`),
- `bernoulli_scan`: cases against controls, for example disputes among all reports; single points are places of 1,
- `network_scan`: cases against residents along canals or roads.

References
----------
Kulldorff, M. (1997). A spatial scan statistic. Communications in Statistics 26. https://doi.org/10.1080/03610929708831995

Kulldorff, M., Huang, L., Pickle, L. and Duczmal, L. (2006). An elliptic spatial scan statistic. Statistics in Medicine 25.
https://doi.org/10.1002/sim.2490
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from scipy.sparse import csgraph

from tensionmap.compiled import compiled
from tensionmap.errors import GeometryError, MeasureError
from tensionmap.measure import montecarlo
from tensionmap.measure.hotspots import FEWEST_REPORTS
from tensionmap.measure.montecarlo import draw_kinds
from tensionmap.measure.nulls import Null
from tensionmap.streams import begin

Numbers = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Column: TypeAlias = pd.Series | npt.NDArray[np.float64] | npt.NDArray[np.int64] | Sequence[float]
Shape = Literal["circle", "ellipse"]
Rates = Literal["high", "low", "both"]
Penalty = Literal["none", "medium", "strong"]

ELLIPSES = {1.5: 4, 2.0: 6, 3.0: 9, 4.0: 12, 5.0: 15}
"""Long axis over short axis of the ellipses that are tried, and in how many directions; those of SaTScan."""

_POWER = {"none": 0.0, "medium": 0.5, "strong": 1.0}
_RATES: dict[str, tuple[int, ...]] = {"high": (1,), "low": (-1,), "both": (1, -1)}
_ROUNDING = 1e-9
_SAME_RATE = 1e-13
MOST_MEMBERS = 400_000_000
_WEIGHTS = 2.0**44
_MOST_IN_RING = 64
_SIDE_BY_SIDE = 64
_BUCKETS = 1024
_LEVELS = 60
_STEP_OF_LEVEL = 0.25


def distinct(members: Iterable[Sequence[int] | Whole]) -> list[int]:
    """Which clusters to tell of: those that share no member with a stronger one that is told of, as their positions.

    Parameters
    ----------
    members
        Members of each cluster, the strongest cluster first: places (then clusters do not overlap on the map), or events.

    Returns
    -------
    list
        Positions of the clusters that are kept, in order; the first is always kept.
    """
    is_taken = np.zeros(0, np.bool_)
    kept = list[int]()
    for position, places in enumerate(members):
        own = np.asarray(places, np.int64)
        if own.size and own.max() >= is_taken.size:
            is_taken = np.concatenate([is_taken, np.zeros(int(own.max()) + 1, np.bool_)])
        if not is_taken[own].any():
            is_taken[own] = True
            kept.append(position)
    return kept


def poisson_scan(
    cases: Column,
    population: Column | Null | tuple[Null, ...],
    easting: Column,
    northing: Column,
    *,
    shape: Shape = "circle",
    penalty: Penalty = "medium",
    rates: Rates = "high",
    max_share: float = 0.25,
    max_radius_m: float | None = 10_000.0,
    fewest_cases: int = 2,
    replicates: int = 999,
    stop_after: int | None = 50,
    alpha: float = 0.05,
    seed: int,
) -> pd.DataFrame:
    """Clusters of cases among residents: circles or ellipses with more (or fewer) cases than their share of the population.

    Parameters
    ----------
    cases
        Cases at each place: whole numbers.
    population
        Residents of each place, or the number of cases expected there, on any scale; not negative. Or a `nulls.Null` with
        one cell a place: then cases are compared with what it expects, and the maps of pure noise are drawn from it, with
        all it knows of how reports come about. Several of them in a tuple, if it is not known which holds: clusters are looked
        for with the first, and ``p`` and ``p_gumbel`` are the greatest that the same window has with any.
    easting, northing
        Each place in metres, in a projected CRS. Places at the same spot are one place.
    shape
        Circles, or also ellipses (shapes and directions: `ELLIPSES`) for clusters along a river or a road.
    penalty
        How much an ellipse must do better than a circle: its log likelihood ratio is multiplied by (4 s / (s + 1)^2)^a for
        long axis over short axis s, and a = 0, 1/2, 1 for none, medium, strong. Circles have s = 1 and lose nothing.
    rates
        Look for clusters with high rates, low rates, or both.
    max_share
        Most of the population (or of what is expected) that a window may hold, above 0 to 0.5. A place that alone holds
        more is in no window.
    max_radius_m
        No window reaches further than this from its centre, in metres; None: no limit.
    fewest_cases
        A cluster with high rates has at least so many cases.
    replicates
        Maps of pure noise to compare with.
    stop_after
        Stop when so many replicates reach the strongest window; see `montecarlo.rarest_of_maps`. None: never.
    alpha
        Share of maps of pure noise on which a cluster may be found.
    seed
        Seed of all chance. The same seed gives the same bytes on any number of threads and in any order of rows.

    Returns
    -------
    DataFrame
        One row a cluster, the strongest first. No two share a place: the strongest window around each place is a candidate,
        and is told of if it touches none stronger. Candidates weaker than the strongest window of every
        replicate (p = 1) are left out, but for the first. No rows if no window has a rate of the kind that is looked for.

        - ``cluster``: 1, 2, ...
        - ``easting``, ``northing``: the place at its centre, metres.
        - ``radius_m``: from the centre to the furthest member, 0 for a single place. With ellipses instead
          ``semi_minor_m``, ``semi_major_m`` and ``angle_degrees``, of the long axis, anticlockwise from east, 0 to 180.
        - ``places``: how many rows belong to it; ``members``: their positions in the input, from 0, in order.
        - ``cases``; ``expected``: sum over the map is the number of all cases.
        - ``relative_risk``: cases / expected inside, over the same outside; inf if no case is outside.
        - ``llr``: log likelihood ratio. With ellipses also ``statistic``: the same after the penalty, which p is about.
        - ``p``: share of maps (this one among them) whose strongest window is as strong. NaN if there are too few to tell.
        - ``p_gumbel``: the same by a Gumbel law, for p below 1 / (1 + replicates); see `montecarlo.gumbel_p`.
        - ``verdict``: hot or cold if ``p`` <= ``alpha``, else none; too few to tell if the map has fewer than 30 cases.

    Raises
    ------
    MeasureError, GeometryError
        If columns differ in length or hold numbers that cannot be, if there are cases where nobody is expected, or if an
        option has no meaning.

    Notes
    -----
    *Statistic.* For c of all C cases in a window that expects E of them,

        LLR = c log(c / E) + (C - c) log((C - c) / (C - E))

    where c > E (high rates) or c < E (low rates), else 0. Windows are disks around places; all places at equal distance
    enter at once, so the answer does not depend on the order of rows, not even on a grid.

    *What it takes.* About as many numbers in memory as there are places in all windows together: places times the places in
    the largest window, times 47 with ellipses.

    *p.* The strongest window of the data is compared with the strongest of each replicate, found in the same way: so p holds for
    the whole map, however many windows there are. Weaker clusters are compared with the strongest of the replicates too,
    which is careful: their p is not below what it ought to be.

    *What it does not show.* A cluster is significant as a whole; not each of its places has too many cases, and its edge is
    uncertain. Cases must be independent under the null: one event told twice counts twice. Nothing is said about why.

    References
    ----------
    Kulldorff, M. (1997). A spatial scan statistic. Communications in Statistics 26.
    https://doi.org/10.1080/03610929708831995

    Kulldorff, M., Huang, L., Pickle, L. and Duczmal, L. (2006). An elliptic spatial scan statistic. Statistics in Medicine
    25. https://doi.org/10.1002/sim.2490

    Examples
    --------
    Nine villages along a road; the fourth and fifth, 1 km from each other, have far more than their share.

    >>> import numpy as np
    >>> from tensionmap.measure.scan import poisson_scan
    >>> found = poisson_scan(
    ...     cases=[2, 3, 2, 14, 16, 3, 2, 1, 2],
    ...     population=[900, 1100, 1000, 1000, 1000, 1000, 1000, 900, 1100],
    ...     easting=400_000 + np.array([0, 2000, 4000, 6000, 7000, 9000, 11_000, 13_000, 15_000]),
    ...     northing=np.full(9, 4_430_000),
    ...     seed=1,
    ... )
    >>> print(found[["members", "cases", "expected", "radius_m", "p", "verdict"]].to_string(index=False))
    members  cases  expected  radius_m     p verdict
     (3, 4)     30      10.0    1000.0 0.001     hot
    """
    search = _Search(rates, max_share, max_radius_m, fewest_cases, replicates, stop_after, alpha, seed)
    worlds = population if isinstance(population, tuple) else (population,)
    columns = _checked(cases=cases, easting=easting, northing=northing, population=worlds[0])
    place, east, north = _merged(columns["easting"], columns["northing"])
    drawn = _ellipses(shape, penalty)
    questions = [_poisson(columns["cases"], columns.get("population", world), place, east.size) for world in worlds]
    asked = [(question, _around(east, north, drawn, question, search)) for question in questions]
    return _clusters(asked, search, _Plane(east, north, drawn, shape))


def bernoulli_scan(
    cases: Column,
    controls: Column,
    easting: Column,
    northing: Column,
    *,
    shape: Shape = "circle",
    penalty: Penalty = "medium",
    rates: Rates = "high",
    max_share: float = 0.25,
    max_radius_m: float | None = 10_000.0,
    fewest_cases: int = 2,
    replicates: int = 999,
    stop_after: int | None = 50,
    alpha: float = 0.05,
    seed: int,
) -> pd.DataFrame:
    """Clusters of cases among cases and controls: where a report, if there is one, is more often of the kind in question.

    Parameters
    ----------
    cases, controls
        Cases and controls at each place: whole numbers. For single points, 1 and 0 or 0 and 1.
    easting, northing
        Each place in metres, in a projected CRS. Places at the same spot are one place.
    max_share
        Most of all cases and controls that a window may hold, above 0 to 0.5.
    shape, penalty, rates, max_radius_m, fewest_cases, replicates, stop_after, alpha, seed
        As in `poisson_scan`.

    Returns
    -------
    DataFrame
        As `poisson_scan`; ``expected`` is the share of cases on the map times the cases and controls of the cluster.

    Raises
    ------
    MeasureError, GeometryError
        As `poisson_scan`, and if there are cases but no controls.

    Notes
    -----
    For c cases among n cases and controls in a window, of C among N on the map,

        LLR = c log(c/n) + (n-c) log((n-c)/n) + (C-c) log((C-c)/(N-n)) + (N-n-C+c) log((N-n-C+c)/(N-n))
              - C log(C/N) - (N-C) log((N-C)/N)

    where c/n is above C/N (high rates) or below (low rates). Replicates are random labellings: which of the reports are
    cases is shuffled, their places stay. So it does not matter where more is reported, as long as cases and controls are
    reported alike.

    References
    ----------
    Kulldorff, M. (1997). A spatial scan statistic. Communications in Statistics 26.
    https://doi.org/10.1080/03610929708831995
    """
    search = _Search(rates, max_share, max_radius_m, fewest_cases, replicates, stop_after, alpha, seed)
    columns = _checked(cases=cases, controls=controls, easting=easting, northing=northing)
    place, east, north = _merged(columns["easting"], columns["northing"])
    question = _bernoulli(columns["cases"], columns["controls"], place, east.size)
    drawn = _ellipses(shape, penalty)
    return _clusters([(question, _around(east, north, drawn, question, search))], search, _Plane(east, north, drawn, shape))


def network_scan(
    cases: Column,
    population: Column | Null | tuple[Null, ...],
    edges: npt.NDArray[np.int64] | Sequence[tuple[int, int]],
    lengths_m: Column,
    node_of_place: Column,
    *,
    rates: Rates = "high",
    max_share: float = 0.25,
    max_radius_m: float | None = 10_000.0,
    fewest_cases: int = 2,
    replicates: int = 999,
    stop_after: int | None = 50,
    alpha: float = 0.05,
    seed: int,
) -> pd.DataFrame:
    """Clusters of cases along canals or roads: parts of a network, not of the plane, with too many (or too few) cases.

    Parameters
    ----------
    cases, population
        As in `poisson_scan`, one number a place.
    edges
        Pairs of nodes, whole numbers from 0; shape (edges, 2). Passable both ways. Of two edges between the same nodes the
        shorter one counts.
    lengths_m
        Length of each edge in metres, not negative.
    node_of_place
        The node at which each place lies; several places may share one. -1: at none, then it is left out.
    max_radius_m
        No window reaches further than this along the network from its centre, in metres; None: no limit.
    rates, max_share, fewest_cases, replicates, stop_after, alpha, seed
        As in `poisson_scan`.

    Returns
    -------
    DataFrame
        As `poisson_scan`, with ``node``, the centre, instead of coordinates; ``radius_m`` is along the network. How many
        places and cases lie at no node stands in ``attrs["left_out"]``.

    Raises
    ------
    MeasureError, GeometryError
        As `poisson_scan`, and if an edge or a place names a node that cannot be.

    Notes
    -----
    Windows are all nodes within a distance by shortest paths, growing, around each node: so the places of a window hang
    together along the network, and two canals that run side by side do not mix. All nodes are centres, with places or without.
    The statistic and p are those of `poisson_scan`.

    References
    ----------
    Kulldorff, M. (1997). A spatial scan statistic. Communications in Statistics 26.
    https://doi.org/10.1080/03610929708831995
    """
    search = _Search(rates, max_share, max_radius_m, fewest_cases, replicates, stop_after, alpha, seed)
    worlds = population if isinstance(population, tuple) else (population,)
    columns = _checked(cases=cases, population=worlds[0], node_of_place=node_of_place)
    graph = _network(edges, lengths_m, columns["node_of_place"])
    is_on = columns["node_of_place"] >= 0
    if isinstance(worlds[0], Null) and not is_on.all():
        raise MeasureError(
            f"{int((~is_on).sum())} places lie at no node (-1), but the Null draws reports there too. "
            "Make a Null for the places on the network, or give every place a node."
        )
    # What lies at no node becomes a place without cases and population, and so of no window.
    nodes, place = np.unique(columns["node_of_place"][is_on].astype(np.int64), return_inverse=True)
    residents = [columns["population"][is_on]] if "population" in columns else worlds
    rows = np.flatnonzero(is_on)
    questions = [_poisson(columns["cases"][is_on], each, place, nodes.size, rows=rows) for each in residents]
    asked = [(question, _along(graph, nodes, question, search)) for question in questions]
    found = _clusters(asked, search, _Network(graph, nodes))
    found.attrs["left_out"] = {"places": int((~is_on).sum()), "cases": int(columns["cases"][~is_on].sum())}
    return found


@dataclass(frozen=True)
class _Search:
    """What is looked for, and with how much chance."""

    rates: Rates
    max_share: float
    max_radius_m: float | None
    fewest_cases: int
    replicates: int
    stop_after: int | None
    alpha: float
    seed: int

    def __post_init__(self) -> None:
        montecarlo.check_chance(replicates=self.replicates, alpha=self.alpha, seed=self.seed)
        _one_of("rates", self.rates, _RATES)
        if not 0 < self.max_share <= 0.5:
            raise MeasureError(
                f"max_share is {self.max_share:g}, but a window may hold more than 0 and at most 0.5 of the population: "
                "a larger cluster of high rates is a lack of cases elsewhere."
            )
        if not self.radius_m > 0:
            raise MeasureError(f"max_radius_m is {self.radius_m:g}, but a window needs a positive number of metres, or None.")
        for name, number in (("fewest_cases", self.fewest_cases), ("stop_after", self.stop_after)):
            if number is not None and number < 1:
                raise MeasureError(f"{name} is {number}, but it must be a whole number of at least 1.")

    @property
    def radius_m(self) -> float:
        return np.inf if self.max_radius_m is None else self.max_radius_m

    @property
    def signs(self) -> tuple[int, ...]:
        return _RATES[self.rates]


@dataclass(frozen=True)
class _Question:
    """Cases, and what they are held against, for each place; places in an order of their own, not that of the rows."""

    cases: Whole
    weight: Whole
    """Residents, expected or all reports, as whole numbers, so that sums are exact in any order."""
    world: Null
    is_bernoulli: bool
    rows: list[Whole]
    """Positions of the rows at each place."""

    @property
    def total(self) -> int:
        return int(self.cases.sum())

    @property
    def all_weight(self) -> int:
        return int(self.weight.sum())


@dataclass(frozen=True)
class _Windows:
    """Lists of places by distance from a centre; the first ones of a list, up to where ``is_whole``, are a window."""

    start: Whole
    """List k owns the members ``start[k]`` to ``start[k + 1]``."""
    member: npt.NDArray[np.int32]
    is_whole: Flags
    """No further place is as near as this one."""
    penalty: Numbers
    """Factor of the log likelihood ratio, one a list."""

    @classmethod
    def joined(cls, pieces: Iterable[tuple[Whole, npt.NDArray[np.int32], Flags]], penalty: Numbers) -> _Windows:
        """From pieces (sizes of lists, members, whether whole), refused when they become too many."""
        sizes, members, wholes = list[Whole](), list[npt.NDArray[np.int32]](), list[Flags]()
        total = 0
        for size, member, is_whole in pieces:
            total += member.size
            if total > MOST_MEMBERS:
                raise MeasureError(
                    f"The windows would name more than {MOST_MEMBERS:,} places, too many to hold in memory. "
                    "Lower max_radius_m or max_share, use circles, or put the places into larger cells."
                )
            sizes.append(size)
            members.append(member)
            wholes.append(is_whole)
        start = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate(sizes))])
        return cls(start, np.concatenate(members), np.concatenate(wholes), penalty)


@dataclass(frozen=True)
class _Plane:
    """Words for windows in the plane."""

    easting: Numbers
    northing: Numbers
    drawn: list[tuple[float, float, float]]
    shape: Shape

    @property
    def centres(self) -> int:
        return self.easting.size

    @property
    def columns(self) -> list[str]:
        sizes = ["radius_m"] if self.shape == "circle" else ["semi_minor_m", "semi_major_m", "angle_degrees"]
        return ["easting", "northing", *sizes]

    def extent(self, listed: int, members: Whole) -> float:
        """Metres from the centre to the end of the long axis."""
        ratio, angle, _ = self.drawn[listed // self.centres]
        east = self.easting[members] - self.easting[listed % self.centres]
        north = self.northing[members] - self.northing[listed % self.centres]
        return ratio * float(np.hypot(*_turned(east, north, ratio, angle)).max())

    def place(self, listed: int, members: Whole) -> tuple[float, ...]:
        """What stands in ``columns``."""
        ratio, angle, _ = self.drawn[listed // self.centres]
        extent = self.extent(listed, members)
        sizes = (extent,) if self.shape == "circle" else (extent / ratio, extent, float(np.degrees(angle)))
        return float(self.easting[listed % self.centres]), float(self.northing[listed % self.centres]), *sizes


@dataclass(frozen=True)
class _Network:
    """Words for windows along a network."""

    graph: sparse.csr_array
    nodes: Whole
    columns = ["node", "radius_m"]

    @property
    def centres(self) -> int:
        return int(self.graph.shape[0])

    def extent(self, listed: int, members: Whole) -> float:
        """Metres along the network from the centre to the furthest member."""
        away = csgraph.dijkstra(self.graph, directed=False, indices=listed)
        # To the micrometre: an edge of length 0 is kept as one of almost 0.
        return round(float(away[self.nodes[members]].max()), 6)

    def place(self, listed: int, members: Whole) -> tuple[float, ...]:
        """What stands in ``columns``."""
        return listed, self.extent(listed, members)


def _one_of(name: str, given: str, known: Iterable[str]) -> None:
    if given not in known:
        raise MeasureError(f"{name} is {given!r}, but it must be one of: {', '.join(known)}.")


def _checked(**columns: Column | Null) -> dict[str, Numbers]:
    """The columns as finite numbers of one length; a Null among them is only measured."""
    series = [column.index for column in columns.values() if isinstance(column, pd.Series)]
    if any(not index.equals(series[0]) for index in series):
        raise MeasureError("The columns have different rows (their index differs). Give one number of each for every place.")
    found = dict[str, Numbers]()
    for name, column in columns.items():
        if isinstance(column, Null):
            continue
        if isinstance(column, pd.Series):
            numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
        else:
            numbers = np.asarray(column, dtype=np.float64)
        is_place = name in ("easting", "northing", "node_of_place")
        if numbers.ndim != 1 or numbers.size == 0:
            raise MeasureError(f"{name} has the shape {numbers.shape}, but one number is needed for each place, and a place.")
        if not np.isfinite(numbers).all() or not (is_place or (numbers >= 0).all()):
            error = GeometryError if is_place else MeasureError
            raise error(f"{name} holds numbers that are missing, infinite or negative. Mend them, or leave those places out.")
        if name in ("cases", "controls", "node_of_place") and (numbers != np.rint(numbers)).any():
            raise MeasureError(f"{name} holds numbers that are not whole.")
        found[name] = numbers
    lengths = {name: numbers.size for name, numbers in found.items()}
    lengths |= {name: column.expected.size for name, column in columns.items() if isinstance(column, Null)}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {size}" for name, size in lengths.items())
        raise MeasureError(f"The columns have different lengths: {told}. Give one number of each for every place.")
    return found


def _merged(easting: Numbers, northing: Numbers) -> tuple[Whole, Numbers, Numbers]:
    """The place of each row, and easting and northing of each place, from south to north."""
    spots, place = np.unique(np.column_stack([northing, easting]), axis=0, return_inverse=True)
    return place, spots[:, 1].copy(), spots[:, 0].copy()


def _whole(weight: Numbers) -> Whole:
    """Weights as whole numbers: their sums are exact, so no sum depends on the order of its terms."""
    if (weight == np.rint(weight)).all() and weight.sum() <= _WEIGHTS:
        return weight.astype(np.int64)
    scaled = np.rint(weight * (_WEIGHTS / weight.sum()))
    return np.where(weight > 0, np.maximum(scaled, 1.0), 0.0).astype(np.int64)


def _poisson(cases: Numbers, population: Numbers | Null, place: Whole, places: int, rows: Whole | None = None) -> _Question:
    count = np.bincount(place, cases, places).astype(np.int64)
    null = None
    if isinstance(population, Null):
        null = population.gathered(place, places)
        expected = null.expected
    else:
        expected = np.bincount(place, population, places).astype(np.float64)
    if not expected.any():
        raise MeasureError("The population is 0 at every place, so no case can be expected anywhere.")
    impossible = int(count[expected == 0].sum())
    if impossible:
        raise MeasureError(
            f"{impossible} cases lie at places where the population is 0: no chance could bring them there. "
            "Correct the population, use a null that expects something there, or leave those places out."
        )
    if null is not None and null.total != count.sum():
        raise MeasureError(f"The Null draws {null.total} reports a map, but there are {count.sum()} cases.")
    weight = _whole(expected)
    world = null if null is not None else Null.of_kinds(weight.astype(np.float64), np.array([count.sum()]))
    return _Question(count, weight, world, is_bernoulli=False, rows=_rows(place, places, rows))


def _bernoulli(cases: Numbers, controls: Numbers, place: Whole, places: int) -> _Question:
    count = np.bincount(place, cases, places).astype(np.int64)
    both = np.bincount(place, cases + controls, places).astype(np.int64)
    if both.sum() == count.sum():
        raise MeasureError("There are no controls, so the cases can be compared with nothing.")
    world = Null.of_labels(both, int(count.sum()))
    return _Question(count, both, world, is_bernoulli=True, rows=_rows(place, places, None))


def _rows(place: Whole, places: int, rows: Whole | None) -> list[Whole]:
    order = np.argsort(place, kind="stable")
    named = order if rows is None else rows[order]
    return np.split(named, np.cumsum(np.bincount(place, minlength=places))[:-1])


def _ellipses(shape: Shape, penalty: Penalty) -> list[tuple[float, float, float]]:
    """Long axis over short axis, direction and penalty of every shape; the circle first."""
    _one_of("shape", shape, ("circle", "ellipse"))
    _one_of("penalty", penalty, _POWER)
    drawn = [(1.0, 0.0, 1.0)]
    if shape == "ellipse":
        for ratio, angles in ELLIPSES.items():
            factor = (4 * ratio / (ratio + 1) ** 2) ** _POWER[penalty]
            drawn += [(ratio, np.pi * angle / angles, factor) for angle in range(angles)]
    return drawn


def _turned(easting: Numbers, northing: Numbers, ratio: float, angle: float) -> tuple[Numbers, Numbers]:
    """Coordinates in which an ellipse is a circle with its short axis for a radius."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return (easting * cosine + northing * sine) / ratio, northing * cosine - easting * sine


def _around(
    easting: Numbers, northing: Numbers, drawn: list[tuple[float, float, float]], question: _Question, search: _Search
) -> _Windows:
    most = search.max_share * question.all_weight * (1 + _ROUNDING)

    def pieces() -> Iterator[tuple[Whole, npt.NDArray[np.int32], Flags]]:
        for ratio, angle, _ in drawn:
            along, across = _turned(easting - easting[0], northing - northing[0], ratio, angle)
            reach = search.radius_m / ratio * (1 + _ROUNDING)

            def task(
                first: int, last: int, along: Numbers = along, across: Numbers = across, reach: float = reach
            ) -> tuple[Whole, npt.NDArray[np.int32], Flags]:
                return _circles(first, last, along, across, question.weight, reach, most, MOST_MEMBERS)

            yield from montecarlo.share_out(task, easting.size)

    return _Windows.joined(pieces(), np.repeat([factor for _, _, factor in drawn], easting.size))


def _network(
    edges: npt.NDArray[np.int64] | Sequence[tuple[int, int]], lengths_m: Column, node_of_place: Numbers
) -> sparse.csr_array:
    """The graph as lengths between nodes."""
    pairs = np.asarray(edges)
    length = _checked(lengths_m=lengths_m)["lengths_m"]
    if pairs.shape != (length.size, 2) or (pairs != np.rint(pairs)).any() or (pairs < 0).any():
        raise MeasureError(
            f"edges has the shape {pairs.shape} beside {length.size} lengths. "
            "Give a pair of nodes, whole numbers from 0, for each length."
        )
    size = int(pairs.max()) + 1
    if (node_of_place < -1).any() or (node_of_place >= size).any():
        raise MeasureError(f"node_of_place names nodes that no edge has: nodes are 0 to {size - 1}, and -1 for none.")
    if not (node_of_place >= 0).any():
        raise MeasureError("No place lies at a node, so there is nothing to scan along the network.")
    # The shortest of several edges between two nodes; a matrix would add them up. A length of 0 must stay an edge.
    ends = np.sort(pairs.astype(np.int64), axis=1)
    order = np.lexsort((length, ends[:, 1], ends[:, 0]))
    ends, length = ends[order], length[order]
    is_first = np.concatenate([[True], (np.diff(ends, axis=0) != 0).any(axis=1)]) & (ends[:, 0] != ends[:, 1])
    least = np.finfo(np.float64).tiny
    return sparse.csr_array((np.maximum(length[is_first], least), (ends[is_first, 0], ends[is_first, 1])), shape=(size, size))


def _along(graph: sparse.csr_array, nodes: Whole, question: _Question, search: _Search) -> _Windows:
    most = search.max_share * question.all_weight * (1 + _ROUNDING)
    centres = graph.shape[0]
    rows = max(1, 4_000_000 // centres)

    def pieces() -> Iterator[tuple[Whole, npt.NDArray[np.int32], Flags]]:
        for first in range(0, centres, rows):
            some = np.arange(first, min(first + rows, centres))
            away = csgraph.dijkstra(graph, directed=False, indices=some, limit=search.radius_m * (1 + _ROUNDING))
            yield _nearest(np.ascontiguousarray(away[:, nodes]), question.weight, most)

    return _Windows.joined(pieces(), np.ones(centres))


def _clusters(asked: Sequence[tuple[_Question, _Windows]], search: _Search, words: _Plane | _Network) -> pd.DataFrame:
    """The table of clusters: the strongest windows of the first question, with p against every one."""
    question, windows = asked[0]
    llr, end = _strongest(question, search, windows)
    penalised = llr * windows.penalty
    # The strongest list around each centre; of equal ones the roundest.
    listed = penalised.reshape(-1, words.centres).argmax(axis=0) * words.centres + np.arange(words.centres)
    listed = listed[llr[listed] > 0]
    listed = listed[np.argsort(-penalised[listed], kind="stable")]

    def members(at: int) -> Whole:
        return windows.member[windows.start[at] : end[at]].astype(np.int64)

    def best_drawn(at: int) -> int:
        """Of the windows that hold the same places, the one that reaches least far."""
        twins = [twin for twin in listed[penalised[listed] == penalised[at]] if set(members(twin)) == set(members(at))]
        return int(min(twins, key=lambda twin: (round(words.extent(twin, members(twin)), 6), twin)))

    kept = [best_drawn(listed[position]) for position in distinct(members(at) for at in listed)]
    p, p_gumbel = np.full((2, len(kept)), np.nan)
    if kept and question.total >= FEWEST_REPORTS:
        maxima = _maxima_of_noise(question, search, windows, float(penalised[kept[0]]))
        p = montecarlo.p_value(penalised[kept], maxima, replicates=search.replicates)
        p_gumbel = montecarlo.gumbel_p(penalised[kept], maxima)
        is_high = _is_high(question, [members(at) for at in kept])
        for other, others in asked[1:]:
            doubted = _asked_again(other, others, search, [members(at) for at in kept], windows.penalty[kept], is_high)
            p, p_gumbel = np.maximum(p, doubted[0]), np.maximum(p_gumbel, doubted[1])
    # A cluster that every replicate outdoes is no news.
    told = np.array([number for number in range(len(kept)) if number == 0 or not p[number] >= 1], np.int64)
    named = np.array(kept, np.int64)[told]
    found = pd.DataFrame([words.place(at, members(at)) for at in named], columns=words.columns)
    found = found.astype({name: np.int64 if name == "node" else np.float64 for name in words.columns})
    found.insert(0, "cluster", np.arange(1, told.size + 1))
    found = found.assign(**_counted(question, [members(at) for at in named]), llr=llr[named])
    if isinstance(words, _Plane) and words.shape == "ellipse":
        found["statistic"] = penalised[named]
    verdict = _verdicts(found["cases"].to_numpy() > found["expected"].to_numpy(), p[told], search.alpha)
    return found.assign(p=p[told], p_gumbel=p_gumbel[told], verdict=pd.array(verdict, dtype="str"))


def _is_high(question: _Question, groups: list[Whole]) -> Flags:
    cases = np.array([question.cases[group].sum() for group in groups])
    expected = np.array([question.total * (question.weight[group].sum() / question.all_weight) for group in groups])
    found: Flags = cases > expected
    return found


def _asked_again(
    question: _Question, windows: _Windows, search: _Search, groups: list[Whole], penalty: Numbers, is_high: Flags
) -> tuple[Numbers, Numbers]:
    """Chance of the same clusters when another world is the true one; 1 for those that would be no windows in it."""
    signs = np.where(is_high, 1, -1)
    shares = np.array([question.weight[group].sum() / question.all_weight for group in groups])
    strength = penalty * [
        _statistic(
            float(question.cases[group].sum()),
            float(question.weight[group].sum()),
            float(question.total),
            question.all_weight,
            question.is_bernoulli,
            int(sign),
        )
        for group, sign in zip(groups, signs, strict=True)
    ]
    maxima = _maxima_of_noise(question, search, windows, float(strength.max()))
    p = montecarlo.p_value(strength, maxima, replicates=search.replicates)
    is_window = shares <= search.max_share * (1 + 2 * _ROUNDING)
    return np.where(is_window, p, 1.0), np.where(is_window, montecarlo.gumbel_p(strength, maxima), 1.0)


def _counted(question: _Question, groups: list[Whole]) -> dict[str, Any]:
    """What groups of places hold, as columns."""
    rows = [np.sort(np.concatenate([question.rows[place] for place in group])) for group in groups]
    cases = np.array([question.cases[group].sum() for group in groups], np.int64)
    expected = np.array([question.total * (question.weight[group].sum() / question.all_weight) for group in groups], np.float64)
    with np.errstate(divide="ignore"):
        outside = (question.total - cases) / (question.total - expected)
        relative_risk = (cases / expected) / outside
    return {
        "places": np.array([row.size for row in rows], np.int64),
        "members": pd.Series([tuple(row.tolist()) for row in rows], dtype=object),
        "cases": cases,
        "expected": expected,
        "relative_risk": relative_risk,
    }


def _verdicts(is_high: Flags, p: Numbers, alpha: float) -> npt.NDArray[np.object_]:
    words = np.where(p <= alpha, np.where(is_high, "hot", "cold"), "none").astype(object)
    words[np.isnan(p)] = "too few to tell"
    return words


def _strongest(question: _Question, search: _Search, windows: _Windows) -> tuple[Numbers, Whole]:
    """The greatest log likelihood ratio in every list, and where the members of that window end."""

    def task(first: int, last: int) -> tuple[Numbers, Whole]:
        return _strongest_windows(
            first,
            last,
            question.cases,
            question.weight,
            question.all_weight,
            question.is_bernoulli,
            np.array(search.signs),
            search.fewest_cases,
            windows.start,
            windows.member,
            windows.is_whole,
        )

    pieces = montecarlo.share_out(task, windows.penalty.size)
    return np.concatenate([piece[0] for piece in pieces]), np.concatenate([piece[1] for piece in pieces])


def _maxima_of_noise(question: _Question, search: _Search, windows: _Windows, observed: float) -> Numbers:
    """The greatest statistic of each replicate."""
    total, signs = question.total, np.array(search.signs)
    # Small numbers: more of them are counted at once.
    kind: type[np.signedinteger[Any]] = np.int16 if total < np.iinfo(np.int16).max else np.int32
    most = min(search.max_share * (1 + 2 * _ROUNDING), 1.0) * question.all_weight
    limits = _limits(total, question.all_weight, most, question.is_bernoulli, signs, search.fewest_cases).astype(kind)

    def task(first: int, last: int) -> Numbers:
        return _maxima(
            first,
            last,
            np.uint64(search.seed),
            *question.world.tables,
            total,
            question.weight,
            question.all_weight,
            question.is_bernoulli,
            signs,
            limits,
            _BUCKETS / most,
            windows.start,
            windows.member,
            windows.is_whole,
            windows.penalty,
        )

    return montecarlo.rarest_of_maps(task, search.replicates, observed=observed, stop_after=search.stop_after)


@compiled
def _circles(
    first: int, last: int, along: Numbers, across: Numbers, weight: Whole, radius: float, most: float, most_members: int
) -> tuple[Whole, npt.NDArray[np.int32], Flags]:
    """Sizes, members and ends of windows for the centres first, ..., last - 1."""
    size = np.zeros(last - first, np.int64)
    member, is_whole = np.empty(along.size, np.int32), np.empty(along.size, np.bool_)
    near, away = np.empty(along.size, np.int64), np.empty(along.size)
    used, reach = 0, radius
    for centre in range(first, last):
        found = 0
        for place in range(along.size):
            squared = (along[place] - along[centre]) ** 2 + (across[place] - across[centre]) ** 2
            if squared <= reach**2:
                near[found] = place
                away[found] = np.sqrt(squared)
                found += 1
        member, is_whole = _with_room(member, is_whole, used + found)
        size[centre - first], reached = _take(near[:found], away[:found], weight, most, member[used:], is_whole[used:])
        used += size[centre - first]
        if used > most_members:
            break
        # A disk that holds too much lies in every disk around the next centre that is larger by the step to it.
        if centre + 1 < last:
            step = np.sqrt((along[centre + 1] - along[centre]) ** 2 + (across[centre + 1] - across[centre]) ** 2)
            reach = min(radius, (reached + step) * (1 + 2 * _ROUNDING))
    return size, member[:used], is_whole[:used]


@compiled
def _nearest(away: npt.NDArray[np.float64], weight: Whole, most: float) -> tuple[Whole, npt.NDArray[np.int32], Flags]:
    """Sizes, members and ends of windows, from a row of distances to all places (inf: out of reach) for each centre."""
    size = np.zeros(away.shape[0], np.int64)
    member, is_whole = np.empty(away.shape[1], np.int32), np.empty(away.shape[1], np.bool_)
    used = 0
    for centre in range(away.shape[0]):
        near = np.flatnonzero(away[centre] < np.inf)
        member, is_whole = _with_room(member, is_whole, used + near.size)
        size[centre], _ = _take(near, away[centre][near], weight, most, member[used:], is_whole[used:])
        used += size[centre]
    return size, member[:used], is_whole[:used]


@compiled
def _with_room(member: npt.NDArray[np.int32], is_whole: Flags, needed: int) -> tuple[npt.NDArray[np.int32], Flags]:
    if needed <= member.size:
        return member, is_whole
    longer, longer_whole = np.empty(2 * needed, np.int32), np.empty(2 * needed, np.bool_)
    longer[: member.size] = member
    longer_whole[: member.size] = is_whole
    return longer, longer_whole


@compiled
def _take(
    near: Whole, away: Numbers, weight: Whole, most: float, member: npt.NDArray[np.int32], is_whole: Flags
) -> tuple[int, float]:
    """Write the places from near to far while they weigh no more than ``most``; how many, and the distance that was too far."""
    order = _by_distance(away)
    held = taken = 0
    while taken < order.size:
        # Places at the same distance come in together.
        last = taken
        while last < order.size and away[order[last]] <= away[order[taken]] * (1 + _ROUNDING):
            held += weight[near[order[last]]]
            last += 1
        if held > most:
            return taken, away[order[last - 1]]
        for position in range(taken, last):
            member[position] = near[order[position]]
            is_whole[position] = position == last - 1
        taken = last
    return taken, np.inf


@compiled
def _by_distance(away: Numbers) -> Whole:
    """Positions from near to far: thrown into rings of equal area, then put right within them."""
    furthest = away.max() if away.size else 0.0
    if not furthest > 0:
        return np.arange(away.size)
    ring = np.empty(away.size, np.int64)
    starts = np.zeros(away.size + 1, np.int64)
    for position in range(away.size):
        ring[position] = int((away[position] / furthest) ** 2 * (away.size - 1))
        starts[ring[position] + 1] += 1
    if starts.max() > _MOST_IN_RING:
        return np.argsort(away)
    starts = np.cumsum(starts)
    order = np.empty(away.size, np.int64)
    for position in range(away.size):
        order[starts[ring[position]]] = position
        starts[ring[position]] += 1
    for late in range(1, away.size):
        moved, early = order[late], late
        while early > 0 and away[order[early - 1]] > away[moved]:
            order[early] = order[early - 1]
            early -= 1
        order[early] = moved
    return order


@compiled
def _strongest_windows(
    first: int,
    last: int,
    cases: Whole,
    weight: Whole,
    all_weight: int,
    is_bernoulli: bool,
    signs: Whole,
    fewest_cases: int,
    start: Whole,
    member: npt.NDArray[np.int32],
    is_whole: Flags,
) -> tuple[Numbers, Whole]:
    total = cases.sum()
    best, end = np.zeros(last - first), start[first:last].copy()
    for listed in range(first, last):
        inside = held = 0
        for position in range(start[listed], start[listed + 1]):
            inside += cases[member[position]]
            held += weight[member[position]]
            if not is_whole[position]:
                continue
            for sign in signs:
                if sign < 0 or inside >= fewest_cases:
                    llr = _statistic(inside, held, total, all_weight, is_bernoulli, sign)
                    if llr > best[listed - first]:
                        best[listed - first] = llr
                        end[listed - first] = position + 1
    return best, end


@compiled
def _limits(total: int, all_weight: int, most: float, is_bernoulli: bool, signs: Whole, fewest_cases: int) -> Whole:
    """The least number of cases (with its sign) with which a window can reach a level, by sign, level and weight.

    Weights are sorted into buckets, and the answer holds for the window of the bucket for which it is easiest. A window with
    fewer cases needs no logarithm.
    """
    limits = np.empty((signs.size, _LEVELS, _BUCKETS + 1), np.int64)
    for kind in range(signs.size):
        sign = signs[kind]
        for level in range(_LEVELS):
            floor = level * _STEP_OF_LEVEL
            number = fewest_cases if sign > 0 else -1
            for bucket in range(_BUCKETS + 1):
                if sign > 0:
                    easiest = bucket * most / _BUCKETS * (1 - _ROUNDING)
                    while number <= total and not _reaches(number, easiest, total, all_weight, is_bernoulli, 1, floor):
                        number += 1
                else:
                    easiest = min((bucket + 1) * most / _BUCKETS * (1 + _ROUNDING), all_weight)
                    while number < total and _reaches(number + 1, easiest, total, all_weight, is_bernoulli, -1, floor):
                        number += 1
                limits[kind, level, bucket] = sign * number
    return limits


@compiled
def _reaches(cases: int, weight: float, total: int, all_weight: int, is_bernoulli: bool, sign: int, floor: float) -> bool:
    llr = _statistic(cases, weight, total, all_weight, is_bernoulli, sign)
    return llr > 0 and llr >= floor * (1 - _ROUNDING)


@compiled
def _maxima(
    first: int,
    last: int,
    seed: np.uint64,
    totals: Whole,
    keep: Numbers,
    other: Whole,
    pool: Whole,
    total: int,
    weight: Whole,
    all_weight: int,
    is_bernoulli: bool,
    signs: Whole,
    limits: npt.NDArray[np.signedinteger[Any]],
    scale: float,
    start: Whole,
    member: npt.NDArray[np.int32],
    is_whole: Flags,
    penalty: Numbers,
) -> Numbers:
    """The greatest statistic of the replicates first, ..., last - 1, so many of them side by side."""
    maxima = np.empty(last - first)
    drawn = np.empty(weight.size, np.int64)
    counts = np.empty((weight.size, _SIDE_BY_SIDE), limits.dtype)
    enough = np.empty((_BUCKETS + 1, _SIDE_BY_SIDE), limits.dtype)
    level = np.empty(_SIDE_BY_SIDE, np.int64)
    for block in range(first, last, _SIDE_BY_SIDE):
        filled = min(_SIDE_BY_SIDE, last - block)
        for beside in range(_SIDE_BY_SIDE):
            # Columns that are not needed repeat the last one, so that they never stand out.
            if beside < filled:
                draw_kinds(begin(seed, block + beside), totals, keep, other, pool, drawn)
            for place in range(drawn.size):
                counts[place, beside] = drawn[place]
        best = np.zeros(filled)
        for kind in range(signs.size):
            if signs[kind] < 0:
                counts = -counts
            level[:] = -1
            for listed in range(penalty.size):
                if listed > 0 and penalty[listed] != penalty[listed - 1]:
                    level[:] = -1
                _raise_limits(best, penalty[listed], limits[kind], level, enough)
                _walk(
                    counts,
                    member[start[listed] : start[listed + 1]],
                    is_whole[start[listed] : start[listed + 1]],
                    weight,
                    enough,
                    scale,
                    total,
                    all_weight,
                    is_bernoulli,
                    signs[kind],
                    penalty[listed],
                    best,
                )
        maxima[block - first : block - first + filled] = best
    return maxima


@compiled
def _raise_limits(best: Numbers, penalty: float, limits: Whole, level: Whole, enough: Whole) -> None:
    """Column k of ``enough``: what a window of each bucket needs to beat the greatest statistic of replicate k so far."""
    for beside in range(level.size):
        reached = min(int(best[min(beside, best.size - 1)] / penalty / _STEP_OF_LEVEL), _LEVELS - 1)
        if reached != level[beside]:
            level[beside] = reached
            for bucket in range(_BUCKETS + 1):
                enough[bucket, beside] = limits[reached, bucket]


@compiled
def _walk(
    counts: Whole,
    member: npt.NDArray[np.int32],
    is_whole: Flags,
    weight: Whole,
    enough: Whole,
    scale: float,
    total: int,
    all_weight: int,
    is_bernoulli: bool,
    sign: int,
    penalty: float,
    best: Numbers,
) -> None:
    """Raise ``best`` of every replicate to its greatest statistic in one list."""
    inside = np.zeros(_SIDE_BY_SIDE, counts.dtype)
    held = 0
    for position in range(member.size):
        place = member[position]
        held += weight[place]
        if not is_whole[position]:
            for beside in range(_SIDE_BY_SIDE):
                inside[beside] += counts[place, beside]
            continue
        bucket = int(held * scale)
        is_any = False
        for beside in range(_SIDE_BY_SIDE):
            inside[beside] += counts[place, beside]
            is_any |= inside[beside] >= enough[bucket, beside]
        if not is_any:
            continue
        for beside in range(best.size):
            if inside[beside] >= enough[bucket, beside]:
                llr = _statistic(sign * inside[beside], held, total, all_weight, is_bernoulli, sign)
                best[beside] = max(best[beside], penalty * llr)


@compiled
def _statistic(cases: float, weight: float, total: float, all_weight: int, is_bernoulli: bool, sign: int) -> float:
    """Log likelihood ratio of a window; 0 if its rate is on the other side, inf if it can hold no such number."""
    if not sign * (cases / total - weight / all_weight) > _SAME_RATE:
        return 0.0
    if not is_bernoulli:
        expected = total * (weight / all_weight)
        if (cases > 0 and expected <= 0) or (cases < total and expected >= total):
            return np.inf
        inside = cases * np.log(cases / expected) if cases > 0 else 0.0
        outside = (total - cases) * np.log((total - cases) / (total - expected)) if cases < total else 0.0
        return max(inside + outside, 0.0)
    others, outside_all, all_others = weight - cases, all_weight - weight, all_weight - total
    if others < 0 or all_others < others:
        return np.inf
    found = (
        _part(cases, weight) + _part(others, weight) + _part(total - cases, outside_all) + _part(all_others - others, outside_all)
    )
    return max(found - _part(total, all_weight) - _part(all_others, all_weight), 0.0)


@compiled
def _part(some: float, of_all: float) -> float:
    return some * np.log(some / of_all) if some > 0 else 0.0
