"""Every fault a user can meet, as one tree.

    TensionmapError
    ├── WorkspaceError    no study here, a folder that cannot be written
    ├── StudyError        study.toml says something it cannot mean
    ├── RawDataError      a raw file is missing, changed, unregistered or unreadable
    ├── TableError        a table breaks its contract
    ├── GeometryError     coordinates or shapes that cannot be used as given
    ├── MeasureError      a statistic that cannot be computed from these numbers
    └── ReleaseError      something that may not leave the house, or a page that cannot be made as promised

A message says what is wrong, the facts that clash, and what to do. It never holds free text of an incident.
"""

from __future__ import annotations

from collections.abc import Sequence


class TensionmapError(Exception):
    """A fault with one clear message for the user."""

    @classmethod
    def gather(cls, opening: str, faults: Sequence[str]) -> TensionmapError:
        """Several faults as one error, so that a user mends them in one go."""
        return cls("\n  ".join([opening, *faults]))


class WorkspaceError(TensionmapError):
    """No study here, or a folder that cannot be used."""


class StudyError(TensionmapError):
    """study.toml says something it cannot mean."""


class RawDataError(TensionmapError):
    """A raw file is missing, changed, unregistered or unreadable."""


class TableError(TensionmapError):
    """A table breaks its contract."""


class GeometryError(TensionmapError):
    """Coordinates or shapes that cannot be used as given."""


class MeasureError(TensionmapError):
    """A statistic that cannot be computed from these numbers."""


class ReleaseError(TensionmapError):
    """Something that may not leave the house, or a page that cannot be made as promised."""
