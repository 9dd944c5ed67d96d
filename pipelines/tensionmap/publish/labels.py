"""Where names stand on a map so that none covers another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

import numpy as np

Box = tuple[float, float, float, float]
"""West, south, east, north in millimetres of the page."""


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
        free = (number for number, box in enumerate(boxes) if is_inside(box, frame) and not _meets(box, occupied))
        choice = None if is_covered else next(free, None)
        chosen.append(choice)
        if choice is not None:
            occupied = np.vstack([occupied, boxes[choice], *([symbol] if symbol else [])])
    return chosen


def is_inside(box: Box, frame: Box) -> bool:
    """Whether ``box`` lies wholly in ``frame``."""
    return box[0] >= frame[0] and box[1] >= frame[1] and box[2] <= frame[2] and box[3] <= frame[3]


def _meets(box: Box, occupied: np.ndarray) -> bool:
    west, south, east, north = occupied.T
    return bool(((west < box[2]) & (east > box[0]) & (south < box[3]) & (north > box[1])).any())
