"""Who may see what: a place and a number only where enough people and reports hide a person.

============  ==========================  ===================================  =======
tier          community                   police                               research
============  ==========================  ===================================  =======
S sealed      nowhere                     nowhere                              nowhere
A sensitive   totals of the whole study   single reports                       cells
B ordinary    cells, bands                single reports                       cells
============  ==========================  ===================================  =======

A public number is of a whole calendar quarter, or of the public period, and is told once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tensionmap.errors import ReleaseError
from tensionmap.protect.aggregate import BAND_STARTS
from tensionmap.tables import AUDIENCES, TIERS

Geography = Literal["nowhere", "study", "cell", "point"]
GEOGRAPHIES: tuple[Geography, ...] = ("nowhere", "study", "cell", "point")
"""How exactly a report may be placed, from not at all to a point."""

MOST_EXACT: Mapping[str, Mapping[str, Geography]] = {
    "community": {"S": "nowhere", "A": "study", "B": "cell"},
    "police": {"S": "nowhere", "A": "point", "B": "point"},
    "research": {"S": "nowhere", "A": "cell", "B": "cell"},
}

SAFE = {"minimum_count": 5, "minimum_count_sensitive": 10, "minimum_residents": 100, "minimum_residents_sensitive": 1000}
"""The defaults. Five reports and ten for sensitive categories are the thresholds in common use (CMS and Washington State
suppress counts below eleven and ten, many police forces below five). A hundred residents double the eight addresses of
police.uk (about fifty people), since population rasters made from above err in the countryside."""

FLOORS = {"minimum_count": 5, "minimum_count_sensitive": 5, "minimum_residents": 50, "minimum_residents_sensitive": 500}
"""How low two people may set a threshold by their signature. Bands begin at five, so fewer reports are never told."""

SIGNERS = 2


@dataclass(frozen=True)
class Policy:
    """The thresholds of a study: raised freely, lowered to a floor by two signatures and a reason that are printed.

    Parameters
    ----------
    minimum_count, minimum_count_sensitive
        Fewest reports of tier B (5, 10, 20 or more), and of tier A, that a public number may stand for.
    minimum_residents, minimum_residents_sensitive
        Fewest residents of an inhabited square with a number of tier B, and of the study for totals of tier A.
    most_quarters
        How many quarters are told one by one, the latest.
    geography
        Audience -> tier -> how exactly reports may be placed, where that is less exact than `MOST_EXACT`.
    signed_off_by, reason
        Who allowed thresholds below `SAFE`, and why.

    Raises
    ------
    ReleaseError
        With every fault: not a whole number, below the safe default without signatures and a reason, below its floor,
        sensitive reports guarded less than ordinary ones, a place more exact than allowed.
    """

    minimum_count: int = SAFE["minimum_count"]
    minimum_count_sensitive: int = SAFE["minimum_count_sensitive"]
    minimum_residents: int = SAFE["minimum_residents"]
    minimum_residents_sensitive: int = SAFE["minimum_residents_sensitive"]
    most_quarters: int = 12
    geography: Mapping[str, Mapping[str, Geography]] = field(default_factory=dict)
    signed_off_by: tuple[str, ...] = ()
    reason: str = ""

    def __post_init__(self) -> None:
        numbers = {name: getattr(self, name) for name in (*SAFE, "most_quarters")}
        odd = [
            f"{n} must be a whole number, not {v!r}" for n, v in numbers.items() if isinstance(v, bool) or not isinstance(v, int)
        ]
        faults = odd or [*self._too_low(), *self._too_exact()]
        if faults:
            raise ReleaseError.gather("These settings of [protect] would not hide people:", faults)

    def _too_low(self) -> list[str]:
        is_signed = (
            len({name.strip().casefold() for name in self.signed_off_by if name.strip()}) >= SIGNERS and self.reason.strip()
        )
        faults = []
        for name, floor in FLOORS.items():
            given = getattr(self, name)
            if given < floor:
                faults.append(f"{name} is {given}, but at least {floor} are needed so that nobody can be found. Raise it")
            elif given < SAFE[name] and not is_signed:
                faults.append(
                    f"{name} is {given}, below {SAFE[name]}. Raise it, or write under [protect] who allows it and why: "
                    'signed_off_by = ["name, office", "name, office"] and reason = "..."; both are printed on every map'
                )
        for name in ("minimum_count", "minimum_residents"):
            if getattr(self, f"{name}_sensitive") < getattr(self, name):
                faults.append(
                    f"{name}_sensitive is below {name}: sensitive reports would be guarded less than ordinary ones. Raise it"
                )
        least = self.minimum_count
        if SAFE["minimum_count"] <= least < BAND_STARTS[-1] and least not in BAND_STARTS:
            nearest = min(start for start in BAND_STARTS if start > least)
            faults.append(
                f"minimum_count is {least}, inside a band: a square of a quarter and of the period could then leave too little "
                f"for the other quarters, which would be opened. Take {nearest}"
            )
        return faults if self.most_quarters >= 1 else [*faults, "most_quarters is below 1: at least one quarter must be told"]

    def _too_exact(self) -> list[str]:
        faults = []
        for audience, tiers in self.geography.items():
            for tier, wanted in tiers.items():
                if audience not in AUDIENCES or tier not in TIERS or wanted not in GEOGRAPHIES:
                    known = f"{', '.join(AUDIENCES)}; {', '.join(TIERS)}; {', '.join(GEOGRAPHIES)}"
                    faults.append(f"geography.{audience}.{tier} = {wanted!r} is not known. Known are: {known}")
                elif GEOGRAPHIES.index(wanted) > GEOGRAPHIES.index(MOST_EXACT[audience][tier]):
                    most = MOST_EXACT[audience][tier]
                    faults.append(f"geography.{audience}.{tier} is {wanted!r}, but {most!r} is the most exact that is allowed")
        return faults

    def tiers(self, audience: str, geography: Geography) -> tuple[str, ...]:
        """The tiers that ``audience`` may see at least as exactly as ``geography``."""
        allowed = {**MOST_EXACT[audience], **self.geography.get(audience, {})}
        return tuple(tier for tier in TIERS if GEOGRAPHIES.index(allowed[tier]) >= GEOGRAPHIES.index(geography))

    @property
    def loosened(self) -> tuple[str, ...]:
        """Each threshold below its safe default, with who signed it off and why, as it is printed."""
        who = " and ".join(self.signed_off_by)
        return tuple(
            f"{name} {getattr(self, name)} instead of {safe}, signed off by {who}: {self.reason}"
            for name, safe in SAFE.items()
            if getattr(self, name) < safe
        )
