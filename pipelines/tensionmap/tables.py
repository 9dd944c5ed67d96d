"""The contracts of every table that one stage hands to another, and the release that leaves the house.

A table is a list of columns with type, unit and meaning, and, for layers, the geometry types allowed.
``check`` tests a frame against its table and names every fault at once (column and row, never the value);
``write`` and ``read`` store it as GeoParquet, byte for byte the same for the same content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tensionmap.errors import ReleaseError, TableError

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

Kind = Literal["text", "whole", "number", "truth", "date"]

DTYPES: dict[Kind, str] = {
    "text": "str",
    "whole": "Int64",
    "number": "float64",
    "truth": "bool",
    "date": "datetime64[us]",
}

POINT = ("Point",)
LINE = ("LineString", "MultiLineString")
AREA = ("Polygon", "MultiPolygon")

THEMES = ("crime", "tension", "cooperation")
TIERS = ("S", "A", "B")
VERIFICATIONS = ("unverified", "one_side", "both_sides", "official")
SCOPES = ("crime", "tension", "internal_crime", "internal_tension")
AUDIENCES = ("community", "police", "research")
BANDS = ("fewer than 5 or none", "5-9", "10-19", "20+")
MEETING_KINDS = ("reporting_day", "community_team", "public_council")
GROUPS = ("women", "men", "youth")
ACTION_KINDS = (
    *("repair", "new_work", "water_timetable", "pasture_timetable", "patrol", "mediation", "joint_meeting"),
    *("request_to_authorities", "information", "other"),
)
OFFICES = (
    *("police", "local_government", "community_team", "public_council", "water_users", "pasture_committee"),
    *("school", "border_service", "residents", "other"),
)
"""Who does what was agreed: an office or a body, never a person."""
ACTION_STATES = ("agreed", "under_way", "done", "not_possible")
RESULTS = ("better", "about_the_same", "worse", "too_early")
EFFECTS = ("fewer", "no clear change", "more", "too few to tell")


@dataclass(frozen=True)
class Column:
    """One column: what it holds, in which unit, and whether it may be empty."""

    name: str
    kind: Kind
    meaning: str
    may_be_empty: bool = False
    one_of: tuple[str, ...] = ()
    at_least: float | None = None


@dataclass(frozen=True)
class Table:
    """The contract of a table: its columns in order, its key, and its geometry types (none: a plain table)."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    geometry: tuple[str, ...] = ()
    geometry_may_be_empty: bool = False

    @property
    def column_names(self) -> list[str]:
        """Names in canonical order, the geometry last."""
        return [c.name for c in self.columns] + (["geometry"] if self.geometry else [])


def _text(name: str, meaning: str, **options: Any) -> Column:
    return Column(name, "text", meaning, **options)


def _number(name: str, meaning: str, **options: Any) -> Column:
    return Column(name, "number", meaning, **options)


SET_ASIDE = Table(
    "set_aside",
    "Every row or feature that was read but not kept, and why. For every file, rows read = kept + set aside; of a layer, "
    "features far from the study area are counted apart.",
    (
        _text("source", "name of the source in sources.toml"),
        _text("file", "file under data/raw"),
        _text("sheet", "sheet of a spreadsheet, layer of a GeoPackage", may_be_empty=True),
        Column("row", "whole", "row as a spreadsheet counts (1 is the first line); number of the feature in a layer", at_least=0),
        _text("column", "header of the column at fault, as in the file", may_be_empty=True),
        _text("reason", "what is wrong, in a sentence"),
        _text("advice", "what to do"),
        _text("original", "the row as read, JSON"),
    ),
    (),
)

INCIDENTS = Table(
    "incidents",
    "One row per report. Two sources that tell of the same event are two reports.",
    (
        _text("incident_id", "made from source and record_id; stable from run to run"),
        _text("event_id", "incident_id of the report that stands for the event: reports of the same event share it"),
        _text("source", "name of the source in sources.toml"),
        Column("source_row", "whole", "row in the raw file, as a spreadsheet counts (1 is the first line)", at_least=1),
        _text("record_id", "the source's own number of the record"),
        _text("reported_by", "the party or group whose people reported: a party's name, 'community' or 'outside'"),
        _text("category", "category of taxonomy.toml"),
        _text("theme", "which map it belongs to", one_of=THEMES),
        _text("tier", "S sealed, A sensitive, B ordinary", one_of=TIERS),
        _text("resource", "what it was about: irrigation, drinking_water, pasture, forest, land, road or none"),
        _number(
            "severity",
            "BAR scale, -7 (war) to +7 (union), of the report or else of its category; empty for crime, which it does not rank",
            may_be_empty=True,
            at_least=-7,
        ),
        _text(
            "verification",
            "unverified, told by one side, told by both sides, or official (the source says so)",
            one_of=VERIFICATIONS,
        ),
        Column("date_start", "date", "first day on which it can have happened"),
        Column("date_end", "date", "last day on which it can have happened"),
        _text("date_precision", "day, week, month, year or range", one_of=("day", "week", "month", "year", "range")),
        Column(
            "date_reported",
            "date",
            "day on which the report reached those who keep the source, the last one possible; empty if the source does not say",
            may_be_empty=True,
        ),
        _text(
            "location_kind",
            "how the place is known: gps (measured or pointed at), settlement (only its name), district, wider, none",
            one_of=("gps", "settlement", "district", "wider", "none"),
        ),
        _number(
            "location_precision_m", "radius in metres within which it happened; empty if no place", may_be_empty=True, at_least=0
        ),
        _text("settlement_id", "settlement or district named by the report", may_be_empty=True),
        _number(
            "place_score",
            "how well the name of the place matched, 100: letter by letter after folding; empty if no name was looked up",
            may_be_empty=True,
            at_least=0,
        ),
    ),
    ("incident_id",),
    POINT,
    geometry_may_be_empty=True,
)

PRIVATE_TEXT = Table(
    "private_text",
    "Free text of reports. Kept apart: no later stage reads it.",
    (
        _text("incident_id", "key of incidents, meetings, concerns or actions"),
        _text("text_private", "as written; may hold names and phone numbers"),
    ),
    ("incident_id",),
)

CANARIES = Table(
    "canaries",
    "Names, phones, number plates and the like found in the free text. Kept apart: only the audit searches releases for them.",
    (
        _text("incident_id", "key of incidents, meetings, concerns or actions"),
        _text("kind", "what it is", one_of=("email", "id_number", "link", "name", "phone", "plate")),
        _text("text", "as it stands in the report"),
        _text("folded", "by which it is searched: the digits of a phone, a name without regard to script"),
    ),
    ("incident_id", "kind", "text"),
)

SAME_EVENT = Table(
    "same_event",
    "Pairs of reports that may tell of one event, the likeliest first: for a person to look at.",
    (
        _text("incident_a", "key of incidents, the smaller of the two"),
        _text("incident_b", "key of incidents"),
        _number("distance_m", "metres between the two places", at_least=0),
        Column("days_apart", "whole", "days between the two spans of dates; 0 if they overlap", at_least=0),
        _number("score", "0 to 1: how much rather one event than two unrelated ones", at_least=0),
        Column("is_one_source", "truth", "both reports come from one source, which may have entered it twice"),
        Column("is_joined", "truth", "the two share an event_id"),
    ),
    ("incident_a", "incident_b"),
)

SETTLEMENTS = Table(
    "settlements",
    "Villages and towns, and districts as places that a report can name.",
    (
        _text("settlement_id", "stable identifier"),
        _text("name", "name in Latin letters"),
        _text("name_local", "name in the local script", may_be_empty=True),
        _text("alternatives", "other spellings, separated by |", may_be_empty=True),
        _text("kind", "village, town or district", one_of=("village", "town", "district")),
        _text("district", "name of the district that it lies in", may_be_empty=True),
        Column("residents", "whole", "inhabitants; empty if unknown", may_be_empty=True, at_least=0),
        _number("precision_m", "radius within which a report known only by this name may lie", at_least=0),
    ),
    ("settlement_id",),
    POINT,
)

CLAIMS = Table(
    "claims",
    "Border lines and areas as dated claims: who holds that it runs so, from when to when, and according to what.",
    (
        _text("claim_id", "stable identifier"),
        _text("claimant", "the party that claims it; an agreed line names all parties, joined by ' + '"),
        _text("kind", "line or area", one_of=("line", "area")),
        _text(
            "status", "claimed by one party, agreed by a treaty, or undetermined", one_of=("claimed", "agreed", "undetermined")
        ),
        Column("date_from", "date", "first day on which the claim stood; empty: always", may_be_empty=True),
        Column("date_to", "date", "last day on which it stood; empty: still", may_be_empty=True),
        _text("source", "document or layer that says so"),
    ),
    ("claim_id",),
    LINE + AREA,
)

RESOURCE_KINDS = ("river", "canal", "intake", "gate", "spring", "pasture", "forest")

RESOURCES = Table(
    "resources",
    "Water, pasture and forest. A canal line is drawn downstream.",
    (
        _text("resource_id", "stable identifier"),
        _text("kind", "what it is", one_of=RESOURCE_KINDS),
        _text("name", "name", may_be_empty=True),
        Column("season_from", "whole", "first month of use, 1 to 12; empty: all year", may_be_empty=True, at_least=1),
        Column("season_to", "whole", "last month of use, 1 to 12", may_be_empty=True, at_least=1),
    ),
    ("resource_id",),
    POINT + LINE + AREA,
)

SERVICE_KINDS = ("road", "crossing", "police_post", "meeting_place")

SERVICES = Table(
    "services",
    "Roads, crossings of the border, police posts and meeting places.",
    (
        _text("service_id", "stable identifier"),
        _text("kind", "what it is", one_of=SERVICE_KINDS),
        _text("name", "name", may_be_empty=True),
    ),
    ("service_id",),
    POINT + LINE,
)

MEETINGS = Table(
    "meetings",
    "Meetings of police and residents: reporting days, teams and councils. How many were in the room, never who.",
    (
        _text("meeting_id", "stable identifier"),
        _text("settlement_id", "the community, key of settlements"),
        _text("kind", "what kind of meeting", one_of=MEETING_KINDS),
        Column("date_held", "date", "day of the meeting"),
        *(Column(group, "whole", f"{group} in the room", may_be_empty=True, at_least=0) for group in GROUPS),
    ),
    ("meeting_id",),
)

CONCERNS = Table(
    "concerns",
    "What a meeting was worried about, the most pressing first.",
    (
        _text("concern_id", "stable identifier"),
        _text("meeting_id", "key of meetings"),
        Column("rank", "whole", "1: the most pressing", at_least=1),
        _text("category", "category of taxonomy.toml"),
        _text("theme", "which map it belongs to", one_of=THEMES),
        _text("tier", "S sealed, A sensitive, B ordinary", one_of=TIERS),
        _text("place_id", "settlement, resource or service that it is about, by its identifier", may_be_empty=True),
        _text("raised_by", "women, men or youth, joined by |", may_be_empty=True),
    ),
    ("concern_id",),
)

ACTIONS = Table(
    "actions",
    "What a meeting agreed to do: what, where, which office, until when, and what became of it.",
    (
        _text("action_id", "stable identifier"),
        _text("meeting_id", "meeting that agreed it, key of meetings"),
        _text("concern_id", "concern of the same meeting that it answers, key of concerns", may_be_empty=True),
        _text("what", "what is done", one_of=ACTION_KINDS),
        _text("who", "office that does it", one_of=OFFICES),
        _text("place_id", "settlement, resource or service where, by its identifier", may_be_empty=True),
        Column("date_due", "date", "until when", may_be_empty=True),
        _text("status", "how it stands", one_of=ACTION_STATES),
        Column("date_done", "date", "when it was done", may_be_empty=True),
        _text("result", "what people say became of it", may_be_empty=True, one_of=RESULTS),
    ),
    ("action_id",),
)


def _raster(name: str, meaning: str, value: Column) -> Table:
    position = (
        _number("easting", "pixel centre, metres in the CRS of the study"),
        _number("northing", "pixel centre, metres in the CRS of the study"),
    )
    return Table(name, meaning, (*position, value), ("easting", "northing"))


POPULATION = _raster(
    "population", "Inhabited pixels of the population raster.", _number("residents", "people living in the pixel", at_least=0)
)
ELEVATION = _raster("elevation", "Pixels of the elevation raster.", _number("elevation_m", "metres above sea level"))
LAND_COVER = _raster("land_cover", "Pixels of the land-cover raster.", _text("land_cover", "class, ESA WorldCover's words"))


DISTANCE_KINDS = ("canal", "intake", "gate", "spring", "river", "pasture", "forest", "road", "crossing", "police_post")

_DISTANCES = tuple(
    _number(
        f"{kind}_m",
        f"metres to the nearest {kind.replace('_', ' ')}; empty if there is no such layer",
        may_be_empty=True,
        at_least=0,
    )
    for kind in DISTANCE_KINDS
)

CELLS = Table(
    "cells",
    "The frozen grid: every square of the study area. A cell's name and place depend on cell_m alone, never on the data.",
    (
        _text("cell_id", "E<easting>N<northing> of the south-west corner in units of cell_m"),
        _number("easting", "centre, metres"),
        _number("northing", "centre, metres"),
        _number("residents", "people living in the cell, from the population raster", at_least=0),
        _number(
            "residents_named",
            "people whose village, if no wider than a cell, has its point here: where reports known only by village land",
            at_least=0,
        ),
        _number("elevation_m", "mean metres above sea level", may_be_empty=True),
        _text("land_cover", "most frequent class", may_be_empty=True),
        *_DISTANCES,
    ),
    ("cell_id",),
    AREA,
)

PLACED = Table(
    "placed",
    "Where each report stands on the grid, and what is near. Reports less precise than a cell have no cell.",
    (
        _text("incident_id", "key of incidents"),
        _text("cell_id", "cell it lies in; empty if the place is less precise than a cell or outside", may_be_empty=True),
        _text(
            "claimed_by",
            "parties whose area claims cover the place on its first day, joined by ' + '; 'none'; empty if no cell",
            may_be_empty=True,
        ),
        _number(
            "border_m",
            "metres to the nearest border claim standing on its first day; empty if no cell",
            may_be_empty=True,
            at_least=0,
        ),
        *_DISTANCES,
    ),
    ("incident_id",),
)

TERRITORY = Table(
    "territory",
    "Which claims cover a cell's centre, and how far each claimant's border is, for every span in which no claim changes.",
    (
        _text("cell_id", "key of cells"),
        Column("date_from", "date", "first day of the span"),
        Column("date_to", "date", "last day of the span"),
        _text("claimant", "party, or parties of an agreed claim"),
        _text(
            "status",
            "status of that claimant's nearest border line: claimed, agreed or undetermined; empty if it has none",
            may_be_empty=True,
        ),
        Column("is_inside", "truth", "the centre lies in an area of this claimant"),
        _number("border_m", "metres to this claimant's nearest border line; empty if it has none", may_be_empty=True, at_least=0),
    ),
    ("cell_id", "date_from", "claimant"),
)


DISPUTED = Table(
    "disputed",
    "Land that several parties claim, and gaps between their claims, for every span in which no claimed area changes.",
    (
        _text("area_id", "names the outline: the same piece of land has the same in every span"),
        _text("kind", "disputed: claimed by several parties; gap: between claims, by none", one_of=("disputed", "gap")),
        _text("parties", "parties in dispute with one another, or whose claims enclose the gap; alphabetical, joined by ' | '"),
        Column("date_from", "date", "first day of the span"),
        Column("date_to", "date", "last day of the span"),
        _number("area_km2", "size on the map", at_least=0),
    ),
    ("area_id", "date_from"),
    AREA,
)

CANAL_POSITIONS = ("head", "middle", "tail")

CANAL_SECTIONS = Table(
    "canal_sections",
    "Canals cut at their junctions, intakes and gates; each section is drawn downstream.",
    (
        Column("resource_id", "text", "the canal, key of resources"),
        Column("section", "whole", "1, 2, ... downstream along the canal", at_least=1),
        Column("intake_id", "text", "nearest intake upstream, key of resources; empty: none is known", may_be_empty=True),
        Column(
            "from_intake_m",
            "number",
            "metres along the canals from the intake (from the top of the canal if none is known) to where the section begins; "
            "empty if the canals run in a circle",
            may_be_empty=True,
            at_least=0,
        ),
        Column(
            "position",
            "text",
            "third of the way from the intake to its farthest canal end in which the middle of the section lies",
            may_be_empty=True,
            one_of=CANAL_POSITIONS,
        ),
        Column("gates_upstream", "text", "gates that its water has passed, keys of resources joined by |", may_be_empty=True),
        Column(
            "crosses_claims",
            "text",
            "whose claimed areas it runs through, downstream, joined by ' > '; empty if it stays in the same",
            may_be_empty=True,
        ),
    ),
    ("resource_id", "section"),
    LINE,
)

VERDICTS = ("hot", "cold", "none", "too few to tell")

TOO_FEW = "too few to tell"
UNITS = ("cell", "village")
WINDOWS = ("circle", "ellipse", "canal", "space-time")

_P_MAP = _number(
    "p_map", "p over everything that was looked at; empty if there are too few to tell", may_be_empty=True, at_least=0
)
_SCOPE = _text("scope", "crime and tension: tiers A and B; internal_*: every tier", one_of=SCOPES)

HOTSPOTS = Table(
    "hotspots",
    "The local statistic of every cell and what may be claimed from it over the whole map, per scope.",
    (
        _SCOPE,
        _text("cell_id", "key of cells"),
        Column("count", "whole", "reports in the cell, an event told twice counted once", at_least=0),
        _number("count_low", "lower end of the 95 % interval of the number that the cell brings in as long a time", at_least=0),
        _number("count_high", "its upper end", at_least=0),
        _number("expected", "reports expected if nothing is going on", at_least=0),
        _number(
            "gi_z", "local statistic over the neighbourhood, standardised; empty where nothing is expected", may_be_empty=True
        ),
        _number("p_cell", "Monte-Carlo p of this cell alone, two-sided", may_be_empty=True, at_least=0),
        _number(
            "p_fdr", "p_cell by Benjamini and Hochberg: a second view, with another kind of error", may_be_empty=True, at_least=0
        ),
        _number("p_map", "p over the whole map, step-down maximum statistic", may_be_empty=True, at_least=0),
        _text("hotspot", "verdict by p_map", one_of=VERDICTS),
        _number(
            "support",
            "share of draws of where the imprecise reports can have been on which the cell is hot (of a cold cell: cold)",
            may_be_empty=True,
            at_least=0,
        ),
        _text(
            "rests_on",
            "of a hot cell: '<reporter> alone' if it is hot only with their reports, else both (or several)",
            may_be_empty=True,
        ),
    ),
    ("scope", "cell_id"),
)

VILLAGE_HOTSPOTS = Table(
    "village_hotspots",
    "Villages with more or fewer reports than their residents explain: each village with the cells nearest to it.",
    (
        _SCOPE,
        _text("settlement_id", "key of settlements"),
        Column("count", "whole", "reports in the cells nearest to it, an event told twice counted once", at_least=0),
        _number("count_low", "lower end of the 95 % interval of that number", at_least=0),
        _number("count_high", "its upper end", at_least=0),
        _number("expected", "reports expected if nothing is going on", at_least=0),
        _P_MAP,
        _text("hotspot", "verdict by p_map", one_of=VERDICTS),
    ),
    ("scope", "settlement_id"),
)

CLUSTERS = Table(
    "clusters",
    "Clusters of the scans: the strongest windows of each kind that share no place, with p over all windows of that kind.",
    (
        _SCOPE,
        _text(
            "window",
            "circle or ellipse of cells, part of a canal, or circle of places in a span of days",
            one_of=WINDOWS,
        ),
        Column("cluster", "whole", "1 for the strongest", at_least=1),
        _number("easting", "middle, metres"),
        _number("northing", "middle, metres"),
        _number("radius_m", "from the middle to the furthest member; of an ellipse half its long axis", at_least=0),
        Column("date_from", "date", "first day; empty: the whole study period", may_be_empty=True),
        Column("date_to", "date", "last day", may_be_empty=True),
        Column("cases", "whole", "reports in it", at_least=0),
        _number("expected", "reports expected in it", at_least=0),
        _number(
            "relative_risk",
            "rate inside over rate outside; in space and time reports over expected",
            may_be_empty=True,
            at_least=0,
        ),
        _number("llr", "logarithm of the likelihood ratio"),
        _P_MAP,
        _number("p_gumbel", "the same by a Gumbel law, for very small p; an approximation", may_be_empty=True, at_least=0),
        _text("verdict", "hot if p_map is at most a quarter of alpha: four kinds share it", one_of=("hot", "none", TOO_FEW)),
        _text("cell_ids", "its cells, joined by |"),
    ),
    ("scope", "window", "cluster"),
)

NEAR_REPEAT = Table(
    "near_repeat",
    "Pairs of reports in bands of distance and days, beside what days dealt anew within the season would bring.",
    (
        _SCOPE,
        _number("distance_from_m", "more than this (0: and the same place, if it has no band of its own)", at_least=0),
        _number("distance_to_m", "up to this", at_least=0),
        Column("days_from", "whole", "from so many days apart", at_least=0),
        Column("days_to", "whole", "to so many", at_least=0),
        Column("pairs", "whole", "pairs of reports", at_least=0),
        _number("expected", "pairs expected", at_least=0),
        _number("ratio", "pairs over expected", may_be_empty=True, at_least=0),
        _number("p_cell", "Monte-Carlo p of this pair of bands alone, two-sided", may_be_empty=True, at_least=0),
        _P_MAP,
        _text("verdict", "by p_map", one_of=("more", "fewer", "none", TOO_FEW)),
    ),
    ("scope", "distance_to_m", "days_to"),
)

CHANGES = Table(
    "changes",
    "The last full quarter of every cell and village against the one before, and against the same quarter of last year.",
    (
        _SCOPE,
        _text("unit", "what the place is", one_of=UNITS),
        _text("place_id", "key of cells or settlements"),
        _text("quarter", "the quarter in question, '2025Q3'"),
        _text("against", "what it is compared with", one_of=("previous", "same quarter last year")),
        Column("now", "whole", "reports in the quarter", at_least=0),
        Column("before", "whole", "reports in the other", at_least=0),
        _number("expected", "reports if the place had changed as the whole region did", at_least=0),
        _number("z", "difference of square roots, standardised; descriptive"),
        _number("p", "E-test of this place alone", at_least=0),
        _P_MAP,
        _text("verdict", "by p_map", one_of=("more", "fewer", "no clear change", TOO_FEW)),
    ),
    ("scope", "unit", "place_id", "against"),
)

PATTERNS = Table(
    "patterns",
    "What became of each cell's hot and cold quarters: new, persistent, former, and so on; cells that ever were hot or cold.",
    (
        _SCOPE,
        _text("cell_id", "key of cells"),
        Column("quarters", "whole", "full quarters looked at", at_least=2),
        Column("hot", "whole", "quarters in which it was hot", at_least=0),
        Column("cold", "whole", "quarters in which it was cold", at_least=0),
        _text("pattern", "class over time"),
    ),
    ("scope", "cell_id"),
)

SIDES = Table(
    "sides",
    "Who reported from each village, against how all reports divide between the sides.",
    (
        _SCOPE,
        _text("settlement_id", "key of settlements"),
        _text("reported_by", "party or group whose people reported"),
        Column("count", "whole", "their reports", at_least=0),
        _number("share", "their share of the village's reports", at_least=0),
        _number("expected_share", "their share of all reports", at_least=0),
        _number("share_low", "lower end of the exact 95 % interval of the share", at_least=0),
        _number("share_high", "its upper end", at_least=0),
        _P_MAP,
        _text("asymmetry", "by p_map", one_of=("more", "fewer", "as expected", TOO_FEW)),
    ),
    ("scope", "settlement_id", "reported_by"),
)

ACCURACY = Table(
    "accuracy",
    "How well each way of marking places says where the next quarter's reports come: each quarter held out in turn.",
    (
        _SCOPE,
        _text("method", "what marked the places"),
        _text("quarter", "the quarter held out; all: these together"),
        _number("share_of_area", "share of the cells that was marked", at_least=0),
        Column("reports", "whole", "reports held out", at_least=0),
        _number("hits", "of them in marked cells", at_least=0),
        *(
            _number(name, meaning, may_be_empty=True, at_least=0)
            for name, meaning in (
                ("hit_rate", "hits over reports"),
                ("hit_rate_low", "lower end of its interval"),
                ("hit_rate_high", "upper end of its interval"),
                ("pai", "prediction accuracy index: hit rate over share of area"),
                ("pai_low", "lower end of its interval"),
                ("pai_high", "upper end of its interval"),
                ("pei_star", "hits over the most that as large an area could have held"),
                ("rri", "recapture rate index: share of reports in marked cells, now over before"),
            )
        ),
        _text("verdict", "what may be said of the PAI"),
    ),
    ("scope", "method", "quarter", "share_of_area"),
)

TIMES = Table(
    "times",
    "When it happens: reports by weekday and by month, each spread evenly over the days on which it can have been.",
    (
        _SCOPE,
        _text("by", "weekday or month", one_of=("weekday", "month")),
        Column("part", "whole", "1 is Monday, or January", at_least=1),
        _number("reports", "sum of shares", at_least=0),
    ),
    ("scope", "by", "part"),
)

ACTION_EFFECTS = Table(
    "action_effects",
    "Reports around an action that was done, two quarters before against two after, beside the communities without one (WDD).",
    (
        _SCOPE,
        _text("action_id", "key of actions"),
        Column("reports", "whole", "reports of the community in the quarters compared", at_least=0),
        _number("wdd", "weighted displacement difference: change here less change elsewhere, reports", may_be_empty=True),
        _number("wdd_low", "lower end of its interval", may_be_empty=True),
        _number("wdd_high", "upper end of its interval", may_be_empty=True),
        _text("verdict", "what may be said of it", one_of=EFFECTS),
    ),
    ("scope", "action_id"),
)


PERIOD = "period"
"""The window of a public number that is neither a quarter: the whole public period."""

_THEME = _text("theme", "which map", one_of=THEMES)
_WINDOW = _text("window", "period: all public months together; or a calendar quarter as 2026Q3")
_BAND = _text("band", "reports", one_of=BANDS)

RELEASED_CELLS = Table(
    "cells",
    "Squares with enough reports, in bands, for everybody. A counted cell that lies in no listed square of its window has "
    "fewer than the minimum or none.",
    (
        _THEME,
        _WINDOW,
        _text("cell_id", "cell of the grid; of a merged square its south-western cell"),
        Column("side_cells", "whole", "side of the square in cells: 1, or 2 or 4 where thin cells were merged", at_least=1),
        _BAND,
    ),
    ("theme", "window", "cell_id", "side_cells"),
    AREA,
)
RELEASED_GRID = Table(
    "grid",
    "Every cell of the frozen grid, and how large a square around it must be for its reports to be told.",
    (
        _text("cell_id", "key of the grid"),
        Column(
            "counted_in",
            "whole",
            "side in cells of the smallest square around it where nobody lives, or enough people: 1, 2 or 4; empty: none",
            may_be_empty=True,
            at_least=1,
        ),
    ),
    ("cell_id",),
)
INTERNAL_CELLS = Table(
    "cells",
    "Counts, for the police and research, over the study period.",
    (
        _THEME,
        _text("cell_id", "key of the grid"),
        _BAND,
        _text("hotspot", "hot or cold over the whole map, none, or too few to tell", one_of=VERDICTS),
        Column("count", "whole", "reports in the study period", at_least=0),
        _number("expected", "reports expected if nothing is going on", may_be_empty=True, at_least=0),
        _number("p_map", "p over the whole map", may_be_empty=True, at_least=0),
    ),
    ("theme", "cell_id"),
    AREA,
)
INTERNAL_QUARTERS = Table(
    "quarters",
    "Counts of each quarter, for the police and research; cells without a report in a quarter are not listed.",
    (_THEME, _WINDOW, _text("cell_id", "key of the grid"), Column("count", "whole", "reports", at_least=1)),
    ("theme", "window", "cell_id"),
)
RELEASED_HOTSPOTS = Table(
    "hotspots",
    "Hot and cold areas over the study period.",
    (
        _THEME,
        _text("hotspot_id", "number on the map: 1, 2, ..."),
        _text("kind", "hot or cold", one_of=("hot", "cold")),
        Column("at_least", "whole", "reports in the area, at least; of a cold area 0", at_least=0),
        _text(
            "reported_from",
            "whether both parties reported enough there, or one of them alone; empty where neither may be said",
            may_be_empty=True,
            one_of=("both sides", "one side only"),
        ),
        _text(
            "support",
            "on how many draws of where the imprecise reports can have been the least sure cell of the area is hot (of a cold "
            "area: cold): nearly always on 95 % or more, mostly on 75 % or more, sometimes on fewer or none; empty if not tried",
            may_be_empty=True,
            one_of=("nearly always", "mostly", "sometimes"),
        ),
        _text("near", "names of the settlements in or next to it, joined by |", may_be_empty=True),
        _text("near_local", "the same in the local script", may_be_empty=True),
    ),
    ("theme", "hotspot_id"),
    AREA,
)
RELEASED_TOTALS = Table(
    "totals",
    "Reports per category in bands, sealed categories left out before anything is added up.",
    (_THEME, _WINDOW, _text("category", "category of taxonomy.toml"), _BAND),
    ("theme", "window", "category"),
)
RELEASED_NUMBERS = Table(
    "numbers",
    "Reports in all, sealed ones never among them; rounded for the community.",
    (
        _THEME,
        _WINDOW,
        Column("reports", "whole", "reports, with a place or without", at_least=0),
        Column(
            "unplaced_percent",
            "whole",
            "share whose place is too imprecise for the map; told of the period alone",
            may_be_empty=True,
            at_least=0,
        ),
    ),
    ("theme", "window"),
)
RELEASED_MEETINGS = Table(
    "meetings",
    "Meetings that were held, and how many were in the room, in bands.",
    (
        _text("settlement_id", "the community, key of settlements"),
        Column("date_held", "date", "day of the meeting"),
        _text("kind", "what kind of meeting", one_of=MEETING_KINDS),
        *(
            _text(group, f"{group} in the room; empty if they were not counted", may_be_empty=True, one_of=BANDS)
            for group in GROUPS
        ),
    ),
    ("settlement_id", "date_held", "kind"),
)
_OF_MEETING = RELEASED_MEETINGS.columns[:3]
RELEASED_CONCERNS = Table(
    "concerns",
    "What a meeting was worried about, the most pressing first; sealed and sensitive kinds left out before they are numbered.",
    (
        *_OF_MEETING,
        Column("rank", "whole", "1: the most pressing of those told", at_least=1),
        _text("category", "category of taxonomy.toml"),
        _text("place_id", "settlement, resource or service that it is about", may_be_empty=True),
        _text("raised_by", "women, men or youth, joined by |: of those of whom enough were in the room", may_be_empty=True),
    ),
    ("settlement_id", "date_held", "kind", "rank"),
)
RELEASED_ACTIONS = Table(
    "actions",
    "What a meeting agreed to do, and what became of it; what answers a concern that is not told is left out.",
    (
        *_OF_MEETING,
        Column("number", "whole", "1, 2, ... of this meeting", at_least=1),
        Column("rank", "whole", "the concern that it answers, by its rank; empty: none in particular", may_be_empty=True),
        _text("what", "what is done", one_of=ACTION_KINDS),
        _text("who", "office that does it", one_of=OFFICES),
        _text("place_id", "settlement, resource or service where", may_be_empty=True),
        Column("date_due", "date", "until when", may_be_empty=True),
        _text("status", "how it stands", one_of=ACTION_STATES),
        Column("date_done", "date", "when it was done", may_be_empty=True),
        _text("result", "what people say became of it", may_be_empty=True, one_of=RESULTS),
        _text("change", "reports after it against before, beside elsewhere; empty: not done", may_be_empty=True, one_of=EFFECTS),
    ),
    ("settlement_id", "date_held", "kind", "number"),
)
INTERNAL_POINTS = Table(
    "points",
    "Single reports for the police: no free text, no sealed category, no number of the record.",
    (
        _THEME,
        _text("category", "category of taxonomy.toml"),
        _text("reported_by", "the party or group whose people reported"),
        _text("source", "name in sources.toml of the source that told it"),
        Column("date_start", "date", "first day on which it can have happened"),
        _text("date_precision", "day, week, month, year or range"),
        _number("location_precision_m", "radius in metres", at_least=0),
    ),
    (),
    POINT,
)

_OF_MEETINGS = {"meetings": RELEASED_MEETINGS, "concerns": RELEASED_CONCERNS, "actions": RELEASED_ACTIONS}
_INTERNAL_TABLES = {
    "cells": INTERNAL_CELLS,
    "quarters": INTERNAL_QUARTERS,
    "hotspots": RELEASED_HOTSPOTS,
    "totals": RELEASED_TOTALS,
    "numbers": RELEASED_NUMBERS,
    **_OF_MEETINGS,
}
RELEASE_TABLES: dict[str, dict[str, Table]] = {
    "community": {
        "cells": RELEASED_CELLS,
        "grid": RELEASED_GRID,
        "hotspots": RELEASED_HOTSPOTS,
        "totals": RELEASED_TOTALS,
        "numbers": RELEASED_NUMBERS,
        **_OF_MEETINGS,
    },
    "police": {**_INTERNAL_TABLES, "points": INTERNAL_POINTS},
    "research": _INTERNAL_TABLES,
}
BACKGROUND_TABLES: dict[str, Table] = {"settlements": SETTLEMENTS, "claims": CLAIMS, "resources": RESOURCES, "services": SERVICES}


HANDED_ON: dict[str, tuple[Table, ...]] = {
    "ingest": (
        INCIDENTS,
        SAME_EVENT,
        PRIVATE_TEXT,
        CANARIES,
        SET_ASIDE,
        SETTLEMENTS,
        CLAIMS,
        RESOURCES,
        SERVICES,
        MEETINGS,
        CONCERNS,
        ACTIONS,
        POPULATION,
        ELEVATION,
        LAND_COVER,
    ),
    "link": (CELLS, PLACED, TERRITORY, DISPUTED, CANAL_SECTIONS),
    "measure": (
        HOTSPOTS,
        VILLAGE_HOTSPOTS,
        CLUSTERS,
        NEAR_REPEAT,
        CHANGES,
        PATTERNS,
        SIDES,
        ACCURACY,
        TIMES,
        ACTION_EFFECTS,
    ),
    "protect": (
        RELEASED_CELLS,
        RELEASED_GRID,
        INTERNAL_CELLS,
        INTERNAL_QUARTERS,
        RELEASED_HOTSPOTS,
        RELEASED_TOTALS,
        RELEASED_NUMBERS,
        RELEASED_MEETINGS,
        RELEASED_CONCERNS,
        RELEASED_ACTIONS,
        INTERNAL_POINTS,
    ),
}
"""What each stage writes; ``protect`` writes a folder for each audience."""


@dataclass(frozen=True)
class Facts:
    """What a map must say besides its layers. Counts of a public audience are already banded or rounded."""

    study: str
    is_invented: bool
    parties: tuple[str, ...]
    date_from: str
    date_to: str
    """First and last day of the study period, over which hot spots are measured."""
    public_from: str
    public_to: str
    """First and last day of the window ``period``: released numbers of it stay as they are until a year has been added."""
    quarters: tuple[str, ...]
    """The quarters that are told one by one, the earliest first."""
    extent: tuple[float, float, float, float]
    """West, south, east, north of the grid, in metres."""
    cell_m: float
    alpha: float
    replicates: int
    minimum_count: int
    minimum_count_sensitive: int
    minimum_residents: int
    verdicts: Mapping[str, str] = field(default_factory=dict)
    """Per theme: 'found', 'none found' or 'too few to tell'."""
    is_withheld: Mapping[str, bool] = field(default_factory=dict)
    """Per theme: a hot spot is not shown because its area holds too few reports or residents."""
    reported_by: tuple[str, ...] = ()
    """Who reported, without shares."""
    missing_layers: tuple[str, ...] = ()
    """Kinds of resources and services that the study has no layer of, e.g. 'canal': nothing can be said about them."""
    loosened: tuple[str, ...] = ()
    """Thresholds below their defaults, each with who signed it off and why, as printed."""
    smallest_count: int | None = None
    """Of counts by theme, quarter and cell the smallest, which is k of k-anonymity; only inside the house."""
    percent_at_minimum: int | None = None
    """Share of those counts, in per cent, that reach the minimum count."""
    data_as_of: str = ""
    """The day on which the last of the data came in."""


@dataclass(frozen=True)
class Release:
    """What one audience may see: the only thing ``publish`` accepts.

    Building one checks every table against the contract of its audience, which has no column for a name, a text, an
    exact count (community) or a point (community, research); so a raw table cannot become a release by accident.
    """

    audience: str
    facts: Facts
    tables: Mapping[str, Any]
    background: Mapping[str, Any]

    def __post_init__(self) -> None:
        if self.audience not in RELEASE_TABLES:
            raise ReleaseError(f"Unknown audience {self.audience!r}. Audiences are: {', '.join(AUDIENCES)}.")
        for given, contracts in ((self.tables, RELEASE_TABLES[self.audience]), (self.background, BACKGROUND_TABLES)):
            if set(given) != set(contracts):
                raise ReleaseError(
                    f"A release for {self.audience} holds exactly the tables {sorted(contracts)}, not {sorted(given)}."
                )
            for name, table in contracts.items():
                check(given[name], table)

    @cached_property
    def remembered(self) -> dict[Any, Any]:
        """What was picked out of the tables before, by whoever picked it: they do not change."""
        return {}

    @cached_property
    def digest(self) -> str:
        """Ten hexadecimal digits that name this content: the same data, the same digits."""
        sha = hashlib.sha256(json.dumps([self.audience, self.facts.__dict__], default=dict, sort_keys=True).encode())
        for name, frame in sorted({**self.tables, **self.background}.items()):
            plain = frame.to_wkb() if hasattr(frame, "crs") else frame
            for column in plain.columns:
                values = plain[column]
                whole = values.astype("int64") if values.dtype.kind == "M" else values
                sha.update(repr((name, column, whole.tolist())).encode())
        return sha.hexdigest()[:10]


def check(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """``frame`` with the columns of ``table`` in order, each of its type; every fault at once as ``TableError``.

    Geometry is tested first (CRS present and metric, types, emptiness, validity), since pandera reports a wrong CRS
    as a bare TypeError; then pandera tests the columns. Messages name column and row, never a value.
    """
    import pandas as pd

    from tensionmap.crs import metric

    missing = [name for name in table.column_names if name not in frame.columns]
    extra = [str(name) for name in frame.columns if name not in table.column_names]
    faults = [f"column {name!r} is missing" for name in missing] + [f"column {name!r} does not belong here" for name in extra]
    if faults:
        raise TableError.gather(f"Table {table.name!r} breaks its contract:", faults)

    result = frame[table.column_names].reset_index(drop=True)
    if table.geometry:
        if getattr(frame, "crs", None) is None:
            raise TableError(f"Table {table.name!r} breaks its contract:\n  it has no coordinate reference system")
        metric(frame.crs)
        faults += _geometry_faults(result, table)
    for column in table.columns:
        try:
            result[column.name] = result[column.name].astype(DTYPES[column.kind])
        except (TypeError, ValueError):
            faults.append(f"column {column.name!r} cannot be read as {column.kind}")
    if not faults:
        faults = _column_faults(pd.DataFrame(result[[c.name for c in table.columns]]), table)
    if faults:
        raise TableError.gather(f"Table {table.name!r} breaks its contract:", faults)
    return result


def _geometry_faults(frame: gpd.GeoDataFrame, table: Table) -> list[str]:
    geometry = frame.geometry
    present = ~(geometry.isna() | geometry.is_empty)
    faults = []
    if not table.geometry_may_be_empty and not present.all():
        faults.append(f"row {_first(~present)}: the geometry is empty")
    shapes = geometry[present]
    wrong = ~shapes.geom_type.isin(table.geometry)
    if wrong.any():
        faults.append(
            f"row {_first(wrong)}: geometry type {shapes[wrong].geom_type.iloc[0]}, allowed are {', '.join(table.geometry)}"
        )
    invalid = ~shapes.is_valid
    if invalid.any():
        faults.append(f"row {_first(invalid)}: the geometry is not valid (it crosses itself)")
    return faults


def _first(mask: pd.Series) -> int:
    return int(mask[mask].index[0])


def _column_faults(frame: pd.DataFrame, table: Table) -> list[str]:
    import pandera.pandas as pa

    def checks(column: Column) -> list[Any]:
        found = []
        if column.one_of:
            found.append(pa.Check.isin(list(column.one_of), error=f"not one of {', '.join(column.one_of)}"))
        if column.at_least is not None:
            found.append(pa.Check.ge(column.at_least, error=f"below {column.at_least:g}"))
        return found

    schema = pa.DataFrameSchema({c.name: pa.Column(nullable=c.may_be_empty, checks=checks(c)) for c in table.columns})
    faults = []
    # Looked for here, since pandera takes many times as long for it.
    twice = frame.duplicated(list(table.key), keep=False) if table.key else None
    if twice is not None and twice.any():
        key = " + ".join(map(repr, table.key))
        faults.append(f"column {key}, row {_first(twice)}: the key occurs twice ({twice.sum()} in all)")
    try:
        schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases
        faults += [
            f"column {first['column']!r}, row {first['index']}: {_in_words(str(first['check']))} ({len(group)} in all)"
            for _, group in cases.groupby(["column", "check"], sort=True, dropna=False)
            for first in [group.iloc[0]]
        ]
    return faults


def _in_words(check_name: str) -> str:
    return "empty, but must not be" if check_name == "not_nullable" else check_name


def empty(table: Table, crs: str | None = None) -> Any:
    """``table`` without rows, columns in their types; ``crs`` is needed for layers."""
    import geopandas as gpd
    import pandas as pd

    columns: dict[str, Any] = {c.name: pd.Series([], dtype=DTYPES[c.kind]) for c in table.columns}
    if table.geometry:
        return gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries([], crs=crs), crs=crs)
    return pd.DataFrame(columns)


def concat(frames: Sequence[pd.DataFrame], table: Table, crs: str | None = None) -> Any:
    """All ``frames`` as one ``table``; empty, in ``crs``, if none has rows."""
    import pandas as pd

    filled = [frame for frame in frames if len(frame)]
    return check(pd.concat(filled, ignore_index=True), table) if filled else empty(table, crs)


def write(frame: pd.DataFrame, table: Table, path: Path) -> None:
    """Check ``frame`` and write it as GeoParquet (plain Parquet without geometry), sorted by the table's key."""
    checked = check(frame, table)
    if table.key:
        checked = checked.sort_values(list(table.key), kind="stable", ignore_index=True)
    checked.to_parquet(path, index=False, compression="zstd")


def read(table: Table, path: Path) -> Any:
    """The table stored at ``path``, checked again."""
    import geopandas as gpd
    import pandas as pd

    frame = gpd.read_parquet(path) if table.geometry else pd.read_parquet(path)
    return check(frame, table)


def write_release(release: Release, folder: Path) -> None:
    """Write a release into ``folder``: ``release.json`` and one GeoParquet a table, the same bytes for the same content."""
    folder.mkdir(parents=True, exist_ok=True)
    contracts = {**RELEASE_TABLES[release.audience], **BACKGROUND_TABLES}
    for name, frame in {**release.tables, **release.background}.items():
        write(frame, contracts[name], folder / f"{name}.parquet")
    told = {"audience": release.audience, "facts": asdict(release.facts)}
    text = json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True)
    (folder / "release.json").write_text(text + "\n", encoding="utf-8", newline="\n")


def read_release(folder: Path) -> Release:
    """The release that `write_release` put into ``folder``, every table checked again against its audience's contract.

    Raises
    ------
    ReleaseError
        If there is no release, or one that does not say for whom it is and what it is about.
    TableError
        If a table breaks its contract.
    """
    try:
        told = json.loads((folder / "release.json").read_text(encoding="utf-8"))
        audience = told["audience"]
        of_facts: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in told["facts"].items()}
        facts = Facts(**of_facts)
        contracts = RELEASE_TABLES[audience]
        release_tables = {name: read(table, folder / f"{name}.parquet") for name, table in contracts.items()}
        background = {name: read(table, folder / f"{name}.parquet") for name, table in BACKGROUND_TABLES.items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReleaseError(f"There is no whole release in the folder {folder.name!r}. Run the protect stage again.") from error
    return Release(audience, facts, release_tables, background)


def data_dictionary() -> str:
    """Every table of every stage in Markdown: columns, types, units and meaning."""
    lines = [
        "# Data dictionary",
        "",
        "Printed by `tensionmap schema tables`; dates are days, coordinates metres in the CRS of the study.",
    ]
    for stage, contracts in HANDED_ON.items():
        lines += ["", f"## {stage}"]
        for table in contracts:
            lines += ["", f"### {table.name}", "", table.meaning, "", "| column | type | meaning |", "|---|---|---|"]
            lines += [
                f"| `{c.name}` | {c.kind}{', may be empty' if c.may_be_empty else ''} | {_meaning(c)} |" for c in table.columns
            ]
            if table.geometry:
                lines.append(f"| `geometry` | {' or '.join(table.geometry)} | |")
    return "\n".join(lines) + "\n"


def _meaning(column: Column) -> str:
    values = f" (one of: {', '.join(column.one_of)})" if column.one_of else ""
    return (column.meaning + values).replace("|", "\\|")
