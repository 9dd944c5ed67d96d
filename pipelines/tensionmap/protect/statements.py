"""What a reader can deduce from everything that was ever published: the least and the most behind every hidden number.

The hidden truth is one whole number, 0 or more, for each *atom* (the smallest thing counted: a theme in a cell in a
quarter, say; here only a position). Whatever is public is a *statement*: the sum over some atoms lies between ``low`` and
``high``. A statement in the lowest band is a *secret*: whoever solves all statements together must still find that its sum
can be 0, and can be ``width``. Where not, it is an `Opening`.

Solved exactly, for hundreds of thousands of statements, by two bounds that meet:

* From outside. A statement about one atom bounds that atom; every other statement bounds an atom by what the others can
  hold (`_tighten`), and where one sum consists of two others, each bounds the third (`_tighten_splits`). No truth lies
  beyond.
* From inside. One assignment that fits all statements is built, and for each secret changed until the secret is at the
  bound from outside and every statement fits again (`_reach`). What was found is possible: it is checked number by number.
* Where a gap is left, integer programming decides (`scipy.optimize.milp`), over the statements that hang together with the
  secret. *Wide* statements (totals of a whole map) are left out at first, since they tie everything to everything. Without
  them the range can only be wider, so an opening stays one, and an assignment that can be completed to fit them settles
  the rest; if none can, everything is solved at once.

Nothing rests on hashes (one finds sums that consist of two others, which are then compared atom by atom), on rounding, or
on the order of rows.

What it does not know: statements whose terms are weighted (rounded shares, rates), which stay with
`tensionmap.protect.margins`, and what a reader knows from elsewhere, unless it is put in as a statement.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from tensionmap.compiled import compiled
from tensionmap.errors import ReleaseError

Whole = npt.NDArray[np.int64]
Truth = npt.NDArray[np.bool_]

# Stands for 'no upper end' in whole numbers: far above any count, and sums of a million of them still fit in 64 bits.
_ENDLESS = 2**40
_SWEEPS = 100
_MOVES = 200
_LARGE = 256
_SAFE = 2**50
_FROZEN = 2
_PLENTY = 100_000
# 4 is 'unbounded or infeasible', of which the bounds leave only the second.
_INFEASIBLE = (2, 4)
_WIDER = 8


@dataclass(frozen=True, eq=False)
class Statements:
    """Public sums: ``low`` <= sum over some atoms <= ``high``, one a row.

    Parameters
    ----------
    atoms
        Ones and zeros, statements x atoms: which atoms a statement sums. None is about nothing.
    low, high
        Whole numbers; ``high`` may be infinite.
    is_secret
        Whether the sum must stay open; its ``low`` is 0.
    release
        Which release said so: a number or a name, as messages are to call it.

    Raises
    ------
    ReleaseError
        If the columns do not fit together, or a statement has no meaning.
    """

    atoms: sparse.csr_array
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    is_secret: Truth
    release: npt.NDArray[Any]

    def __post_init__(self) -> None:
        """Refuse what has no meaning, since a wrong row here would call an open number closed."""
        size = self.atoms.shape[0]
        if {len(self.low), len(self.high), len(self.is_secret), len(self.release)} != {size}:
            lengths = (size, len(self.low), len(self.high), len(self.is_secret), len(self.release))
            raise ReleaseError(f"Columns of public statements differ in length {lengths}. Give one value a statement.")
        if not (self.atoms.data == 1).all() or not self.atoms.has_canonical_format:
            raise ReleaseError("A public statement counts an atom more than once. Name each atom at most once in a statement.")
        whole_high = np.where(np.isinf(self.high), 0, self.high)
        faults = {
            "is about nothing": np.diff(self.atoms.indptr) == 0,
            "has ends that are no whole numbers": (self.low != np.rint(self.low)) | (whole_high != np.rint(whole_high)),
            "has a low end above its high end, or a high end below 0": ~(self.high >= np.maximum(self.low, 0)),
            "is a secret that does not begin with 0": self.is_secret & (self.low > 0),
            "has ends too large for a count": (np.abs(self.low) >= _ENDLESS / 2) | (whole_high >= _ENDLESS / 2),
        }
        for fault, is_so in faults.items():
            if is_so.any():
                first = int(np.flatnonzero(is_so)[0])
                ends = f"{self.low[first]:g} to {self.high[first]:g}"
                raise ReleaseError(f"Public statement {first} ({ends}, release {self.release[first]}) {fault}. Correct it.")

    @classmethod
    def of(
        cls,
        sets: Sequence[Sequence[int] | Whole],
        low: npt.ArrayLike,
        high: npt.ArrayLike,
        *,
        atoms: int,
        is_secret: npt.ArrayLike,
        release: npt.ArrayLike,
    ) -> Statements:
        """Statements from a list of atoms for each; ``is_secret`` and ``release`` may be one value for all."""
        size = len(sets)
        starts = np.concatenate([[0], np.cumsum([len(members) for members in sets])]).astype(np.int64)
        members = np.concatenate([np.asarray(m, dtype=np.int64) for m in sets]) if size else np.zeros(0, np.int64)
        table = sparse.csr_array((np.ones(len(members), np.int8), members, starts), shape=(size, atoms))
        table.sum_duplicates()
        return cls(
            table,
            np.broadcast_to(np.asarray(low, dtype=np.float64), size),
            np.broadcast_to(np.asarray(high, dtype=np.float64), size),
            np.broadcast_to(np.asarray(is_secret, dtype=bool), size),
            np.broadcast_to(np.asarray(release), size),
        )

    def take(self, rows: Whole | Truth) -> Statements:
        """The statements at ``rows``, over the same atoms."""
        return Statements(self.atoms[rows], self.low[rows], self.high[rows], self.is_secret[rows], self.release[rows])


@dataclass(frozen=True)
class Opening:
    """A secret that does not stay open: which ``statement``, the ``least`` and the ``most`` it can be, and who gave it away.

    ``most`` is not told beyond the width that was asked for. ``releases`` are those that together open it: if one or two
    do, those; else a set of which none can be missing.
    """

    statement: int
    least: int
    most: int
    releases: tuple[Any, ...]


def openings(statements: Statements, *, width: int, wide: int = 256) -> list[Opening]:
    """Every secret that cannot be 0, or cannot be ``width``, in the order of ``statements``; none: nothing can be deduced.

    Parameters
    ----------
    statements
        Everything that was ever published, the release in question included.
    width
        A secret must be able to hold this much: ``minimum_count`` - 1.
    wide
        A statement about more atoms than this is left for last. Changes the time taken, never the answer.

    Raises
    ------
    ReleaseError
        If no truth fits all statements (it says which releases contradict one another), or the solver gives up.

    Examples
    --------
    Two hidden cells (0-4) that are 5-9 together: each has one at least.

    >>> table = Statements.of([[0], [1], [0, 1]], [0, 0, 5], [4, 4, 9], atoms=2, is_secret=[True, True, False], release=1)
    >>> [(opening.statement, opening.least, opening.most) for opening in openings(table, width=4)]
    [(0, 1, 4), (1, 1, 4)]
    """
    asked = np.flatnonzero(statements.is_secret)
    try:
        least, most = _Reader(statements, wide).range_of(asked, width)
    except _ImpossibleError:
        raise ReleaseError(_contradiction(statements, wide)) from None
    is_opened = (least > 0) | (most < width)
    blamed = _blame(statements, asked[is_opened], width, wide)
    return [
        Opening(int(row), int(low), int(high), tuple(blamed[int(row)]))
        for row, low, high in zip(asked[is_opened], least[is_opened], most[is_opened], strict=True)
    ]


class _ImpossibleError(Exception):
    """No truth fits the statements."""


def _contradiction(statements: Statements, wide: int) -> str:
    """Which releases cannot all be true: a set of which none can be missing."""
    kept = sorted(set(statements.release.tolist()))
    for release in reversed(kept.copy()):
        fewer = [other for other in kept if other != release]
        try:
            _Reader(statements.take(np.isin(statements.release, fewer)), wide).fit()
        except _ImpossibleError:
            kept = fewer
    names = ", ".join(str(release) for release in kept)
    who = f"Release {names} contradicts itself" if len(kept) == 1 else f"Releases {names} contradict one another"
    return (
        f"{who}: no counts fit everything they say. "
        "Check that they were made from the same reports, grid and quarters, and withdraw the one that is wrong."
    )


# Which releases open a secret


def _blame(statements: Statements, opened: Whole, width: int, wide: int) -> dict[int, list[Any]]:
    """For each opened secret, few releases that open it: at first without looking at wide statements, which is quick."""
    blamed: dict[int, list[Any]] = {}
    near = _hanging_together(statements, opened, wide)
    for rows in (near, np.arange(len(statements.low))):
        left = np.array([row for row in opened if int(row) not in blamed], dtype=np.int64)
        if left.size:
            blamed |= _blame_among(statements, rows, left, width, wide)
    return blamed


def _blame_among(statements: Statements, rows: Whole, opened: Whole, width: int, wide: int) -> dict[int, list[Any]]:
    """The same, of those secrets that the statements at ``rows`` open."""
    releases = sorted(set(statements.release[rows].tolist()))
    blamed: dict[int, list[Any]] = {}

    def still_opened(secrets: Whole, by: Sequence[Any]) -> Whole:
        of_them = rows[np.isin(statements.release[rows], by)]
        asked = np.flatnonzero(np.isin(of_them, secrets))
        least, most = _Reader(statements.take(of_them), wide).range_of(asked, width)
        return np.asarray(of_them[asked[(least > 0) | (most < width)]], dtype=np.int64)

    left = still_opened(opened, releases)
    few = [size for size in (1, 2) if size < len(releases)]
    for together in (group for size in few for group in combinations(releases, size)):
        of_these = left[np.isin(statements.release[left], together)]
        if of_these.size:
            found = still_opened(of_these, together)
            blamed |= {int(row): list(together) for row in found}
            left = left[~np.isin(left, found)]
    return blamed | _thinned(statements, left, releases, still_opened)


def _thinned(
    statements: Statements, opened: Whole, releases: list[Any], still_opened: Callable[[Whole, Sequence[Any]], Whole]
) -> dict[int, list[Any]]:
    """All ``releases`` without those that can be missing while the secret stays opened."""
    needed = {int(row): releases for row in opened}
    for release in reversed(releases) if len(releases) > 1 else ():
        for group in {tuple(of_row) for of_row in needed.values()}:
            fewer = [other for other in group if other != release]
            rows = [row for row, of_row in needed.items() if tuple(of_row) == group and statements.release[row] != release]
            if rows:
                needed |= {int(row): fewer for row in still_opened(np.array(rows, dtype=np.int64), fewer)}
    return needed


def _hanging_together(statements: Statements, secrets: Whole, wide: int) -> Whole:
    """Rows of the statements that hang together with ``secrets`` by statements that are not wide."""
    narrow = np.flatnonzero(np.diff(statements.atoms.indptr) <= wide)
    label = _components(statements.atoms[narrow])
    first = statements.atoms.indices[statements.atoms.indptr[:-1]]
    is_wanted = np.isin(label[first[narrow]], label[statements.atoms[secrets].indices])
    return np.asarray(narrow[is_wanted], dtype=np.int64)


def _components(table: sparse.csr_array) -> Whole:
    """The component of every atom: two atoms of one statement are in the same."""
    rows, atoms = table.shape
    sizes = np.diff(table.indptr)
    owner = np.repeat(np.arange(rows), sizes)
    graph = sparse.coo_array((np.ones(len(owner), np.int8), (owner, rows + table.indices)), shape=(rows + atoms, rows + atoms))
    return np.asarray(sparse.csgraph.connected_components(graph, directed=False)[1][rows:], dtype=np.int64)


# From outside and from inside: compiled


class _System(NamedTuple):
    """Statements about several atoms, by row and by atom, and what each atom can be."""

    starts: Whole
    atoms: npt.NDArray[np.int32]
    starts_of_atom: Whole
    rows: npt.NDArray[np.int32]
    low: Whole
    high: Whole
    least: Whole
    most: Whole


class _State(NamedTuple):
    """One assignment and its sums, with what is needed to mend it and to take the mending back.

    ``turned``: 1 for an atom that was raised, -1 lowered (so that it is not moved to and fro), `_FROZEN` not to be moved.
    ``stack``: rows to look at. ``sizes``: how many they are, and how many moves were made.
    """

    value: Whole
    total: Whole
    turned: npt.NDArray[np.int8]
    is_stacked: npt.NDArray[np.int8]
    stack: npt.NDArray[np.int32]
    sizes: Whole
    moved: npt.NDArray[np.int32]
    steps: Whole
    cursor: npt.NDArray[np.int32]


@compiled
def _tighten_row(system: _System, row: int) -> int:
    """Bound the atoms of a row by what the others can hold: 1 if a bound moved, -1 if the row cannot hold, else 0."""
    first, last = system.starts[row], system.starts[row + 1]
    least, most, endless = 0, 0, 0
    for place in range(first, last):
        atom = system.atoms[place]
        least += system.least[atom]
        if system.most[atom] >= _ENDLESS:
            endless += 1
        else:
            most += system.most[atom]
    if least > system.high[row] or (endless == 0 and most < system.low[row]):
        return -1
    moved = 0
    for place in range(first, last):
        atom = system.atoms[place]
        others_least, is_endless = least - system.least[atom], system.most[atom] >= _ENDLESS
        if system.high[row] < _ENDLESS and system.most[atom] > system.high[row] - others_least:
            highest = system.high[row] - others_least
        else:
            highest = system.most[atom]
        if endless == 0 or (endless == 1 and is_endless):
            others_most = most if is_endless else most - system.most[atom]
            if system.low[row] - others_most > system.least[atom]:
                system.least[atom] = system.low[row] - others_most
                moved = 1
        if highest < system.most[atom]:
            system.most[atom] = highest
            moved = 1
        if system.least[atom] > system.most[atom]:
            return -1
    return moved


@compiled
def _tighten(system: _System) -> bool:
    """Bound all atoms until nothing moves (or for so many sweeps: every bound on the way is true); False: no truth fits."""
    for _ in range(_SWEEPS):
        has_moved = False
        for row in range(system.low.size):
            moved = _tighten_row(system, row)
            if moved < 0:
                return False
            has_moved = has_moved or moved > 0
        if not has_moved:
            break
    return True


@compiled
def _find(slots: Whole, weights: Whole, weight: int) -> int:
    """Where in ``slots`` the item of this weight is, or the free slot where it would be."""
    at = weight & (slots.size - 1)
    while slots[at] >= 0 and weights[slots[at]] != weight:
        at = (at + 1) & (slots.size - 1)
    return at


@compiled
def _splits(system: _System, weights: Whole, slots: Whole, found: Whole) -> int:
    """Pairs of items that may be the two parts of a row, as (row, part, part); how many there are.

    An item is a row or (counted on after the rows) an atom. Parts of a row: one of them holds its first atom. Items of
    equal weight are taken for equal here: what comes of a clash is sorted out by `_keep_splits`.
    """
    rows, count = system.low.size, 0
    for item in range(weights.size):
        at = _find(slots, weights, weights[item])
        slots[at] = item
    for row in range(rows):
        first = system.atoms[system.starts[row]]
        for place in range(system.starts_of_atom[first], system.starts_of_atom[first + 1] + 1):
            part = rows + first if place == system.starts_of_atom[first + 1] else system.rows[place]
            other = slots[_find(slots, weights, weights[row] - weights[part])]
            if other >= 0 and part != row:
                if count < found.shape[0]:
                    found[count, 0], found[count, 1], found[count, 2] = row, part, other
                count += 1
    return count


@compiled
def _is_split(system: _System, row: int, part: int, other: int, seen: Whole) -> bool:
    """Whether the atoms of a row are those of two items, each in one of them."""
    rows, size = system.low.size, 0
    for place in range(system.starts[row], system.starts[row + 1]):
        seen[system.atoms[place]] = 2 * row + 1
    for item in (part, other):
        if item >= rows:
            size += 1
            if seen[item - rows] != 2 * row + 1:
                return False
            seen[item - rows] = 2 * row + 2
        else:
            for place in range(system.starts[item], system.starts[item + 1]):
                size += 1
                if seen[system.atoms[place]] != 2 * row + 1:
                    return False
                seen[system.atoms[place]] = 2 * row + 2
    return bool(size == system.starts[row + 1] - system.starts[row])


@compiled
def _keep_splits(system: _System, found: Whole) -> int:
    """Move the true splits to the front; how many they are."""
    seen = np.zeros(system.least.size, np.int64)
    kept = 0
    for at in range(found.shape[0]):
        if _is_split(system, found[at, 0], found[at, 1], found[at, 2], seen):
            found[kept] = found[at]
            kept += 1
        for place in range(system.starts[found[at, 0]], system.starts[found[at, 0] + 1]):
            seen[system.atoms[place]] = 0
    return kept


@compiled
def _tighten_splits(splits: Whole, low: Whole, high: Whole) -> int:
    """Bound a row by its two parts and each part by the row and the other: whether one moved (1), or none can hold (-1)."""
    moved = 0
    for at in range(splits.shape[0]):
        row, part, other = splits[at, 0], splits[at, 1], splits[at, 2]
        for item, least, most in (
            (row, low[part] + low[other], high[part] + high[other]),
            (part, low[row] - high[other], high[row] - low[other]),
            (other, low[row] - high[part], high[row] - low[part]),
        ):
            if least > low[item]:
                low[item], moved = least, 1
            # What is endless stays so: half of it is above any count.
            if most < high[item] and most < _ENDLESS // 2:
                high[item], moved = most, 1
            if low[item] > high[item]:
                return -1
    return moved


@compiled
def _look_at(system: _System, state: _State, row: int) -> None:
    """Put a row that does not hold on the stack."""
    is_wrong = state.total[row] < system.low[row] or state.total[row] > system.high[row]
    if is_wrong and not state.is_stacked[row]:
        state.is_stacked[row] = 1
        state.stack[state.sizes[0]] = row
        state.sizes[0] += 1


@compiled
def _move(system: _System, state: _State, atom: int, step: int) -> None:
    """Change one atom, its sums with it."""
    state.value[atom] += step
    if state.sizes[1] < state.moved.size:
        state.moved[state.sizes[1]] = atom
        state.steps[state.sizes[1]] = step
    state.sizes[1] += 1
    if state.turned[atom] != _FROZEN:
        state.turned[atom] = 1 if step > 0 else -1
    for place in range(system.starts_of_atom[atom], system.starts_of_atom[atom + 1]):
        row = system.rows[place]
        state.total[row] += step
        _look_at(system, state, row)


@compiled
def _worth(system: _System, state: _State, atom: int, sign: int, wanted: int) -> tuple[int, int]:
    """How far an atom is to be moved, and what that is worth: above all that no other row breaks, then how much it mends."""
    room = system.most[atom] - state.value[atom] if sign > 0 else state.value[atom] - system.least[atom]
    if room <= 0 or state.turned[atom] == _FROZEN or state.turned[atom] * sign < 0:
        return 0, 0
    step = min(wanted, room)
    safe = step
    for place in range(system.starts_of_atom[atom], system.starts_of_atom[atom + 1]):
        row = system.rows[place]
        safe = min(safe, system.high[row] - state.total[row] if sign > 0 else state.total[row] - system.low[row])
    worth = 0
    if safe > 0:
        step, worth = safe, _SAFE
    for place in range(system.starts_of_atom[atom], system.starts_of_atom[atom + 1]):
        row = system.rows[place]
        above, below = state.total[row] - system.high[row], system.low[row] - state.total[row]
        lacking, beyond = (below, above) if sign > 0 else (above, below)
        worth += max(0, min(step, lacking)) - max(0, step + min(0, beyond))
    return step, worth


@compiled
def _pick(system: _System, state: _State, row: int, sign: int, wanted: int) -> tuple[int, int]:
    """The atom of a row to move, and how far; -1 if none can be moved.

    The best of the row; in a large row, of those looked at until, among so many, one was found that breaks no other row.
    """
    first, size = system.starts[row], system.starts[row + 1] - system.starts[row]
    begin = state.cursor[row] if size > _LARGE else 0
    best_atom, best_step, best = -1, 0, 0
    for offset in range(size):
        at = begin + offset
        if at >= size:
            at -= size
        atom = system.atoms[first + at]
        step, worth = _worth(system, state, atom, sign, wanted)
        if step > 0 and (best_atom < 0 or worth > best):
            best_atom, best_step, best = atom, step, worth
        if size > _LARGE and best >= _SAFE // 2 and (best_step == wanted or offset % _LARGE == _LARGE - 1):
            state.cursor[row] = at
            break
    return best_atom, best_step


@compiled
def _wanted(system: _System, state: _State, row: int) -> tuple[int, int]:
    """Which way the sum of a row must go (1 up, -1 down), and how far (0 or less: it holds)."""
    lacking, above = system.low[row] - state.total[row], state.total[row] - system.high[row]
    if lacking > 0:
        return 1, lacking
    return -1, above


@compiled
def _fill(system: _System, state: _State, row: int) -> None:
    """Move atoms of a large row where that takes least from others: those in few limited statements, and much at once."""
    first, size = system.starts[row], system.starts[row + 1] - system.starts[row]
    sign, wanted = _wanted(system, state, row)
    score = np.full(size, _ENDLESS, np.int64)
    for place in range(size):
        atom = system.atoms[first + place]
        step, worth = _worth(system, state, atom, sign, wanted)
        if worth >= _SAFE // 2:
            score[place] = -min(step, _LARGE)
            for at in range(system.starts_of_atom[atom], system.starts_of_atom[atom + 1]):
                score[place] += _LARGE * (system.high[system.rows[at]] < _ENDLESS)
    for place in np.argsort(score, kind="mergesort"):
        if score[place] == _ENDLESS or wanted <= 0:
            break
        step, worth = _worth(system, state, system.atoms[first + place], sign, wanted)
        if worth >= _SAFE // 2:
            _move(system, state, system.atoms[first + place], sign * step)
            wanted -= step


@compiled
def _mend(system: _System, state: _State, limit: int, is_patient: bool) -> bool:
    """Move atoms until every row on the stack holds; whether it came to that. If patient, skip what cannot be mended.

    It ends, since no atom is moved to and fro.
    """
    is_whole = True
    while state.sizes[0] > 0 and (is_whole or is_patient):
        row = state.stack[state.sizes[0] - 1]
        if is_patient and system.starts[row + 1] - system.starts[row] > _LARGE:
            _fill(system, state, row)
        sign, wanted = _wanted(system, state, row)
        atom, step = -1, 0
        if wanted > 0 and state.sizes[1] < limit:
            atom, step = _pick(system, state, row, sign, wanted)
        if atom >= 0:
            _move(system, state, atom, sign * step)
        else:
            state.sizes[0] -= 1
            state.is_stacked[row] = 0
            is_whole = is_whole and wanted <= 0
    while state.sizes[0] > 0:
        state.sizes[0] -= 1
        state.is_stacked[state.stack[state.sizes[0]]] = 0
    return is_whole


@compiled
def _take_back(system: _System, state: _State) -> None:
    """Undo all moves since the log was emptied."""
    for move in range(state.sizes[1] - 1, -1, -1):
        atom, step = state.moved[move], state.steps[move]
        state.value[atom] -= step
        state.turned[atom] = 0
        for place in range(system.starts_of_atom[atom], system.starts_of_atom[atom + 1]):
            state.total[system.rows[place]] -= step
    state.sizes[1] = 0


@compiled
def _reach(system: _System, state: _State, atoms: Whole, rows: Whole, goals: Whole) -> Truth:
    """Whether each secret was brought to its goal with every statement fitting; the assignment is as before afterwards.

    A secret is the sum of a row, or (row -1) one atom.
    """
    is_reached = np.zeros(goals.size, np.bool_)
    for secret in range(goals.size):
        row, atom, goal = rows[secret], atoms[secret], goals[secret]
        if row >= 0:
            low, high = system.low[row], system.high[row]
            system.low[row] = system.high[row] = goal
            _look_at(system, state, row)
            is_reached[secret] = _mend(system, state, _MOVES, False)
            _take_back(system, state)
            system.low[row], system.high[row] = low, high
        elif state.value[atom] == goal:
            is_reached[secret] = True
        else:
            state.turned[atom] = _FROZEN
            _move(system, state, atom, goal - state.value[atom])
            is_reached[secret] = _mend(system, state, _MOVES, False)
            _take_back(system, state)
    return is_reached


@compiled
def _complete(system: _System, state: _State, atoms: Whole, values: Whole) -> bool:
    """Whether every statement can fit while ``atoms`` have these ``values``; the assignment is as before afterwards."""
    for place in range(atoms.size):
        state.turned[atoms[place]] = _FROZEN
        if state.value[atoms[place]] != values[place]:
            _move(system, state, atoms[place], values[place] - state.value[atoms[place]])
    is_whole = _mend(system, state, state.sizes[1] + _MOVES, False)
    _take_back(system, state)
    for place in range(atoms.size):
        state.turned[atoms[place]] = 0
    return is_whole


@compiled
def _sums(system: _System, value: Whole, total: Whole) -> None:
    """The sum of every row."""
    for row in range(total.size):
        total[row] = 0
        for place in range(system.starts[row], system.starts[row + 1]):
            total[row] += value[system.atoms[place]]


# By integer programming


class _Reader:
    """Somebody who has read all ``statements`` and solves them."""

    def __init__(self, statements: Statements, wide: int) -> None:
        atoms = statements.atoms.shape[1]
        sizes = np.diff(statements.atoms.indptr)
        low = statements.low.astype(np.int64)
        high = np.where(np.isfinite(statements.high), statements.high, _ENDLESS).astype(np.int64)
        least, most = np.zeros(atoms, np.int64), np.full(atoms, _ENDLESS, np.int64)
        self.first_atom = statements.atoms.indices[statements.atoms.indptr[:-1]].astype(np.int64)
        is_one = sizes == 1
        np.maximum.at(least, self.first_atom[is_one], low[is_one])
        np.minimum.at(most, self.first_atom[is_one], high[is_one])
        self.table = statements.atoms[~is_one]
        self.row_of = np.where(is_one, -1, np.cumsum(~is_one) - 1)
        by_atom = self.table.tocsc()
        self.system = _System(
            self.table.indptr.astype(np.int64),
            self.table.indices.astype(np.int32),
            by_atom.indptr.astype(np.int64),
            by_atom.indices.astype(np.int32),
            low[~is_one],
            high[~is_one],
            least,
            most,
        )
        self.wide = wide
        self.parts: dict[int, _Parts] = {}
        self.solved: dict[bytes, tuple[int, Whole] | None] = {}
        if (least > most).any() or not self._tighten():
            raise _ImpossibleError

    def _tighten(self) -> bool:
        """Bound atoms and rows from outside; False: no truth fits."""
        system, rows = self.system, self.system.low.size
        splits = self._splits()
        if not _tighten(system):
            return False
        for _ in range(_SWEEPS if len(splits) else 0):
            low = np.concatenate([np.maximum(system.low, self.table @ system.least), system.least])
            high = np.concatenate([np.minimum(system.high, self.table @ system.most), system.most])
            moved = _tighten_splits(splits, low, high)
            if moved < 0:
                return False
            system.low[:], system.high[:], system.least[:], system.most[:] = low[:rows], high[:rows], low[rows:], high[rows:]
            if not _tighten(system):
                return False
            if not moved:
                break
        return True

    def _splits(self) -> Whole:
        """Rows that are the sum of two other rows or atoms: what grows by a quarter, say."""
        atoms = self.table.shape[1]
        of_atom = np.random.default_rng(0).integers(-(2**62), 2**62, atoms)
        weights = np.concatenate([self.table.astype(np.int64) @ of_atom, of_atom])
        slots = np.full(2 ** int(np.ceil(np.log2(4 * len(weights) + 2))), -1, np.int64)
        found = np.zeros((8 * len(weights), 3), np.int64)
        found = found[: _splits(self.system, weights, slots, found)]
        return found[: _keep_splits(self.system, found)]

    def range_of(self, asked: Whole, width: int) -> tuple[Whole, Whole]:
        """Least and most (not beyond ``width``) of the secrets at the rows ``asked`` of the statements."""
        self.fit()
        atoms, rows = self.first_atom[asked], self.row_of[asked]
        lows, highs = self.system.least[atoms].copy(), self.system.most[atoms].copy()
        of_row, is_row = rows[rows >= 0], rows >= 0
        lows[is_row] = np.maximum(self.system.low, self.table @ self.system.least)[of_row]
        highs[is_row] = np.minimum(self.system.high, self.table @ self.system.most)[of_row]
        return self._meet(atoms, rows, lows, 1, width), self._meet(atoms, rows, np.minimum(highs, width), -1, width)

    def fit(self) -> None:
        """Find one assignment that fits all statements.

        Raises
        ------
        _ImpossibleError
            If there is none.
        """
        system, size = self.system, self.system.low.size
        self.state = _State(
            system.least.copy(),
            np.zeros(size, np.int64),
            np.zeros(system.least.size, np.int8),
            np.zeros(size, np.int8),
            np.zeros(size, np.int32),
            np.zeros(2, np.int64),
            np.zeros(system.least.size + _MOVES, np.int32),
            np.zeros(system.least.size + _MOVES, np.int64),
            np.zeros(size, np.int32),
        )
        _sums(system, self.state.value, self.state.total)
        if self._mend_all() or self._mend_narrow():
            return
        for row in self._wrong():
            if self._is_wrong(row):
                self._put(*self._around(self._members(row), row))
        if self._wrong().size:
            raise _ImpossibleError

    def _mend_all(self) -> bool:
        """Whether moving atoms one by one made everything fit; small statements first, since they leave less choice."""
        wrong = self._wrong()
        for row in wrong[np.argsort(-np.diff(self.system.starts)[wrong], kind="stable")]:
            _look_at(self.system, self.state, row)
        is_whole = _mend(self.system, self.state, _ENDLESS, True)
        self.state.turned[:] = 0
        self.state.sizes[1] = 0
        return bool(is_whole and not self._wrong().size)

    def _mend_narrow(self) -> bool:
        """Whether everything fits after solving what does not, without wide statements, and moving atoms one by one."""
        for row in self._wrong():
            members = self._members(row)
            if len(members) <= self.wide and self._is_wrong(row):
                self._put(*self._around(members, row, wide=self.wide))
        return self._mend_all()

    def _put(self, rows: Whole, atoms: Whole) -> None:
        """Assign to ``atoms`` what fits ``rows``."""
        solved = self._solve(rows, atoms, np.zeros(0, np.int64), 1)
        if solved is None:
            raise _ImpossibleError
        self.state.value[atoms] = solved[1]
        _sums(self.system, self.state.value, self.state.total)

    def _wrong(self) -> Whole:
        total = self.state.total
        return np.flatnonzero((total < self.system.low) | (total > self.system.high))

    def _is_wrong(self, row: int) -> bool:
        return bool(not self.system.low[row] <= self.state.total[row] <= self.system.high[row])

    def _members(self, row: int) -> Whole:
        return self.system.atoms[self.system.starts[row] : self.system.starts[row + 1]].astype(np.int64)

    def _meet(self, atoms: Whole, rows: Whole, bounds: Whole, sign: int, width: int) -> Whole:
        """The extremes themselves, from ``bounds`` beyond which they cannot lie; ``sign`` 1: least, -1: most."""
        found = bounds.copy()
        for place in np.flatnonzero(~_reach(self.system, self.state, atoms, rows, bounds)):
            members = self._members(rows[place]) if rows[place] >= 0 else atoms[place : place + 1]
            found[place] = min(self._extreme(members, sign), _ENDLESS if sign > 0 else width)
        return found

    def _extreme(self, members: Whole, sign: int) -> int:
        """Least (1) or most (-1) that ``members`` can sum up to, by integer programming."""
        for wide in (self.wide, _WIDER * self.wide):
            rows, atoms = self._around(members, wide=wide)
            solved = self._solve(rows, atoms, members, sign)
            if solved is not None and _complete(self.system, self.state, atoms, solved[1]):
                return solved[0]
        solved = self._solve(*self._around(members), members, sign)
        if solved is None:
            raise _ImpossibleError
        return solved[0]

    def _around(self, members: Whole, row: int = -1, *, wide: int = _ENDLESS) -> tuple[Whole, Whole]:
        """Rows and atoms that hang together with ``members`` (and ``row``) by statements that are not wide."""
        if wide not in self.parts:
            self.parts[wide] = _Parts.of(self.table, self.system, np.diff(self.system.starts) <= wide)
        return self.parts[wide].around(members, row)

    def _solve(self, rows: Whole, atoms: Whole, members: Whole, sign: int) -> tuple[int, Whole] | None:
        """Least (``sign`` 1) or most (-1) of the sum of ``members`` and values of ``atoms`` for it; None if nothing fits."""
        problem = _Problem.of(self.system, rows, atoms, members, sign)
        key = problem.key()
        if key not in self.solved:
            self.solved[key] = problem.solve()
        found = self.solved[key]
        return None if found is None else (found[0], problem.spread(self.system, atoms, found[1]))


@dataclass(frozen=True)
class _Parts:
    """Statements that say more than the bounds of their atoms, split into components that share no open atom."""

    rows: Whole
    label_of_row: Whole
    label_of_atom: Whole
    by_row: Whole
    by_atom: Whole

    @classmethod
    def of(cls, table: sparse.csr_array, system: _System, is_used: Truth) -> _Parts:
        """The parts by the statements that are used."""
        says_more = (table @ system.least < system.low) | (table @ system.most > system.high)
        rows = np.flatnonzero(is_used & says_more)
        used = table[rows].tocoo()
        is_open = (system.least < system.most)[used.coords[1]]
        size = len(rows) + table.shape[1]
        at = (used.coords[0][is_open], len(rows) + used.coords[1][is_open])
        graph = sparse.coo_array((np.ones(int(is_open.sum()), np.int8), at), shape=(size, size))
        label = sparse.csgraph.connected_components(graph, directed=False)[1]
        of_row, of_atom = label[: len(rows)], label[len(rows) :]
        return cls(rows, of_row, of_atom, np.argsort(of_row, kind="stable"), np.argsort(of_atom, kind="stable"))

    def around(self, members: Whole, row: int) -> tuple[Whole, Whole]:
        """Rows and atoms, in order, of the components of ``members`` and of ``row`` (-1: of no row)."""
        labels = np.concatenate([self.label_of_atom[members], self.label_of_row[self.rows == row]])
        labels = np.unique(labels)
        rows = _with_labels(self.label_of_row, self.by_row, labels)
        return self.rows[rows], _with_labels(self.label_of_atom, self.by_atom, labels)


def _with_labels(label: Whole, order: Whole, wanted: Whole) -> Whole:
    """Where ``label`` is one of ``wanted``; ``order`` sorts the labels."""
    starts = np.searchsorted(label, wanted, side="left", sorter=order)
    stops = np.searchsorted(label, wanted, side="right", sorter=order)
    places = [order[start:stop] for start, stop in zip(starts, stops, strict=True)]
    return np.sort(np.concatenate(places)).astype(np.int64)


def _entries(system: _System, rows: Whole) -> tuple[Whole, Whole]:
    """Which of ``rows`` (by place) sums which atom."""
    sizes = system.starts[rows + 1] - system.starts[rows]
    within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    atoms = system.atoms[np.repeat(system.starts[rows], sizes) + within]
    return np.repeat(np.arange(len(rows)), sizes), atoms.astype(np.int64)


@dataclass(frozen=True)
class _Problem:
    """An integer programme; atoms that nothing tells apart (same rows, same bounds, same side of the aim) are one unknown.

    That is exact: their sum can be every whole number between the sums of their bounds, and nothing else looks at them.
    """

    table: sparse.csr_array
    low: Whole
    high: Whole
    least: Whole
    most: Whole
    aim: Whole
    kind_of_atom: Whole

    @classmethod
    def of(cls, system: _System, rows: Whole, atoms: Whole, members: Whole, sign: int) -> _Problem:
        """What ``members`` can sum up to, given ``rows``; their atoms that are not among ``atoms`` are fixed."""
        row, atom = _entries(system, rows)
        place = np.minimum(np.searchsorted(atoms, atom), len(atoms) - 1)
        is_free = atoms[place] == atom
        fixed = np.zeros(len(rows), np.int64)
        np.add.at(fixed, row[~is_free], system.least[atom[~is_free]])
        by_atom = np.lexsort((row[is_free], place[is_free]))
        row, place = row[is_free][by_atom], place[is_free][by_atom]
        starts = np.searchsorted(place, np.arange(len(atoms) + 1))
        ends = zip(system.least[atoms].tolist(), system.most[atoms].tolist(), np.isin(atoms, members).tolist(), strict=True)
        kinds: dict[tuple[bytes, int, int, bool], list[int]] = {}
        for at, (least, most, is_aim) in enumerate(ends):
            kinds.setdefault((row[starts[at] : starts[at + 1]].tobytes(), least, most, is_aim), []).append(at)
        # In an order that does not depend on which atom it is, so that atoms of one kind pose the same problem: solved once.
        ordered = sorted(kinds)
        kind_of_atom = np.zeros(len(atoms), np.int64)
        for number, kind in enumerate(ordered):
            kind_of_atom[kinds[kind]] = number
        of_kind = [np.frombuffer(kind[0], dtype=row.dtype) for kind in ordered]
        columns = (np.concatenate(of_kind), np.concatenate([[0], np.cumsum([len(of) for of in of_kind])]))
        return cls(
            sparse.csc_array((np.ones(len(columns[0])), *columns), shape=(len(rows), len(ordered))).tocsr(),
            system.low[rows] - fixed,
            np.where(system.high[rows] >= _ENDLESS, _ENDLESS, system.high[rows] - fixed),
            np.array([len(kinds[kind]) * kind[1] for kind in ordered], dtype=np.int64),
            np.array([len(kinds[kind]) * kind[2] for kind in ordered], dtype=np.int64),
            np.array([sign * kind[3] for kind in ordered], dtype=np.int64),
            kind_of_atom,
        )

    def key(self) -> bytes:
        """The whole problem in bytes: equal bytes are the same problem."""
        parts = (self.table.indptr, self.table.indices, self.low, self.high, self.least, self.most, self.aim)
        return b"".join(len(part).to_bytes(8, "big") + part.astype(np.int64).tobytes() for part in parts)

    def solve(self) -> tuple[int, Whole] | None:
        """The extreme, and the sum of each kind of atoms for it; None if nothing fits.

        Raises
        ------
        ReleaseError
            If the solver gives up, or gives back what does not fit.
        """
        high = np.where(self.high >= _ENDLESS, math.inf, self.high)
        # An unknown without an upper end need never be more than all low ends together (whatever is above could be cut down to
        # that), and with an end the problem has a solution or none: the solver cannot say 'unbounded or infeasible'.
        enough = float(np.maximum(self.low, 0).sum() + _PLENTY)
        most = np.where(self.most >= _ENDLESS, np.maximum(self.least, enough), self.most)
        found = milp(
            self.aim.astype(np.float64),
            integrality=np.ones(len(self.aim)),
            bounds=Bounds(self.least, most),
            constraints=[LinearConstraint(self.table, self.low, high)] if len(self.low) else [],
            options={"mip_rel_gap": 0.0},
        )
        if found.status in _INFEASIBLE:
            return None
        if found.status != 0:
            raise ReleaseError(_GAVE_UP.format(rows=len(self.low), kinds=len(self.aim), why=found.message))
        value = np.rint(found.x).astype(np.int64)
        total = self.table.astype(np.int64) @ value
        fits = (total >= self.low) & ((total <= self.high) | (self.high >= _ENDLESS))
        if not fits.all() or (value < self.least).any() or (value > self.most).any():
            raise ReleaseError(_GAVE_UP.format(rows=len(self.low), kinds=len(self.aim), why="its answer is no whole answer"))
        return abs(int(self.aim @ value)), value

    def spread(self, system: _System, atoms: Whole, sums: Whole) -> Whole:
        """Values of ``atoms`` whose kinds add up to ``sums``: filled one after the other."""
        value = system.least[atoms].copy()
        room = system.most[atoms] - value
        order = np.argsort(self.kind_of_atom, kind="stable")
        left = sums - self.least
        for at in order:
            kind = self.kind_of_atom[at]
            step = min(int(left[kind]), int(room[at]))
            value[at] += step
            left[kind] -= step
        return value


_GAVE_UP = (
    "What public numbers tell of a hidden one could not be decided ({rows} statements about {kinds} unknowns: {why}). "
    "Publish fewer sums over large areas, or withhold the release."
)
