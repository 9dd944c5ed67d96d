"""How much must hide a person before a number may leave the house."""

from __future__ import annotations

from dataclasses import dataclass, fields

from tensionmap.errors import ReleaseError


@dataclass(frozen=True)
class Policy:
    """The fewest reports and residents that a public number may stand for; the defaults may be tightened, never loosened.

    Five reports and ten for sensitive categories are the thresholds in common use (CMS and Washington State suppress
    counts below eleven and ten, many police forces below five). A hundred residents double the eight addresses of
    police.uk (about fifty people), since population rasters made from above err in the countryside.

    Raises
    ------
    ReleaseError
        If a threshold is not a whole number, lies below its default, or sensitive reports would be guarded less.
    """

    minimum_count: int = 5
    minimum_count_sensitive: int = 10
    minimum_residents: int = 100

    def __post_init__(self) -> None:
        for setting in fields(self):
            given = getattr(self, setting.name)
            if isinstance(given, bool) or not isinstance(given, int):
                raise ReleaseError(f"{setting.name} must be a whole number, not {given!r}.")
            if given < int(str(setting.default)):
                raise ReleaseError(
                    f"{setting.name} is {given}, but at least {setting.default} are needed so that nobody can be found. "
                    "It may be raised, never lowered."
                )
        if self.minimum_count_sensitive < self.minimum_count:
            raise ReleaseError(
                f"minimum_count_sensitive ({self.minimum_count_sensitive}) is below minimum_count ({self.minimum_count}): "
                "sensitive reports would be guarded less than ordinary ones. Raise it at least to the same number."
            )
