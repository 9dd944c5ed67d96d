"""The settings of a study, as written in study.toml, and its raw files, as registered in data/raw/sources.toml.

One section a stage. Unknown keys are refused with the nearest right one, and all faults are told at once.
Keys outside a section say who the study is about; they travel with what is released.
"""

from __future__ import annotations

import json
import tomllib
from datetime import date
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from tensionmap.errors import StudyError

Language = Literal["en", "tg", "ky", "ru", "uz"]
Degrees = Annotated[float, Field(ge=-180, le=180)]
Month = Annotated[int, Field(ge=1, le=12)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


_Model = TypeVar("_Model", bound=BaseModel)


class Reading(_Section):
    """How one raw file is read, where its own headers do not say it."""

    sheet: str | None = Field(None, description="Sheet of a spreadsheet; the first one with a header by default.")
    columns: dict[str, str] = Field({}, description="Our name of a column -> its header in the file.")
    values: dict[str, str] = Field({}, description="Our name of a column -> one value for the whole file.")
    words: dict[str, str] = Field({}, description="Category word in the file -> category of taxonomy.toml.")
    date_format: str | None = Field(None, description="strptime format of dates in this file, e.g. '%d.%m.%Y'.")
    crs: str | None = Field(
        None, description="CRS of easting and northing in this file: 'EPSG:28412', 'UTM 42N' or 'GK 12' (Pulkovo 1942)."
    )
    mend_exchanged: bool = Field(
        False, description="Exchange latitude and longitude, or easting and northing, of rows that lie in the area only so."
    )


class OwnCategory(_Section):
    """A category that this study adds, or puts in the place of one of taxonomy.toml."""

    theme: Literal["crime", "tension", "cooperation"] = Field(description="Which map it belongs to.")
    tier: Literal["S", "A", "B"] = Field("S", description="S sealed (until you say otherwise), A sensitive, B ordinary.")
    resource: str = Field("none", description="What it is about unless the report says.")
    severity: float | None = Field(None, ge=-7, le=7, description="BAR scale, unless the report says; none for crime.")
    words: dict[str, tuple[str, ...]] = Field({}, description="Language -> words by which it is called.")


class OwnTaxonomy(_Section):
    """What this study adds to taxonomy.toml."""

    category: dict[str, OwnCategory] = Field({}, description="Identifier -> category.")
    severity: dict[str, float] = Field({}, description="Category -> its severity in this study, BAR scale.")


class Ingest(_Section):
    """Raw files -> checked tables."""

    crs: str = Field(description="Projected CRS in metres for the whole study, e.g. 'EPSG:32642'.")
    area: tuple[Degrees, Degrees, Degrees, Degrees] = Field(description="West, south, east, north of the study area in degrees.")
    date_from: date = Field(description="First day of the study period.")
    date_to: date = Field(description="Last day of the study period.")
    timezone: str | None = Field(
        None, description="Time zone of the study, e.g. 'Asia/Dushanbe': a time written with its zone is put on the day there."
    )
    taxonomy: OwnTaxonomy = OwnTaxonomy()
    seasons: dict[str, tuple[Month, Month]] = Field(
        {}, description="Kind of resource -> first and last month of its use, where its layer says none: canal = [4, 10]."
    )
    cover: dict[Literal["pasture", "forest"], tuple[int, ...]] = Field(
        {"forest": (10,), "pasture": (30,)},
        description="Kind of resource -> classes of the land cover that stand for it in a study without a layer of that kind.",
    )
    files: dict[str, Reading] = Field({}, description="Name of the source in sources.toml -> how it is read.")

    @field_validator("area")
    @classmethod
    def _is_rectangle(cls, area: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        west, south, east, north = area
        if west >= east or south >= north:
            raise ValueError("write west, south, east, north, with west < east and south < north")
        return area

    @model_validator(mode="after")
    def _in_order(self) -> Ingest:
        if self.date_from > self.date_to:
            raise ValueError("date_from is later than date_to")
        return self

    @field_validator("timezone")
    @classmethod
    def _is_zone(cls, timezone: str | None) -> str | None:
        if timezone is not None and timezone not in available_timezones():
            raise ValueError("no such time zone; write it as Asia/Dushanbe or Asia/Bishkek")
        return timezone


class Link(_Section):
    """Tables -> places that can be compared."""

    cell_m: float = Field(1000, gt=0, le=100_000, description="Side of a grid cell in metres.")
    sliver_m: float = Field(
        50, ge=0, le=10_000, description="Overlaps of claims and gaps between them that are nowhere wider are counted, not drawn."
    )


class Measure(_Section):
    """Places -> hot spots, with their doubt."""

    reach_m: float | None = Field(
        None, gt=0, description="Neighbourhood of a cell in metres, centre to centre; by default the cells that touch it."
    )
    replicates: int = Field(999, ge=99, le=99_999, description="Maps on which nothing is going on, drawn to compare with.")
    alpha: float = Field(0.05, gt=0, le=0.2, description="Share of maps of pure noise on which a hot spot may be drawn.")
    share_outside: float = Field(
        0.1, ge=0, le=1, description="Share of reports expected anywhere, not where people live: an assumption."
    )
    draws: int = Field(50, ge=50, le=1000, description="Draws of where and when imprecise reports can have been.")
    largest_radius_m: float = Field(10_000, gt=0, description="Largest radius of a cluster that the scans look for, in metres.")
    largest_share: float = Field(0.25, gt=0, le=0.5, description="Largest share of all that is expected in one cluster.")
    season: tuple[Month, Month] = Field(
        (4, 10), description="First and last month of irrigation and pasture: days are exchanged within or outside it only."
    )
    seed: int = Field(20261120, ge=0, le=2**63 - 1, description="Seed of all chance.")


Tiers = Annotated[dict[Literal["S", "A", "B"], Literal["nowhere", "study", "cell", "point"]], Field(max_length=3)]


class Protect(_Section):
    """Tables -> what an audience may see. Thresholds are raised freely; protect/policy.py says how far they may be lowered."""

    minimum_count: int = Field(5, ge=5, description="Fewest reports that a public number may stand for: 5, 10, 20 or more.")
    minimum_count_sensitive: int = Field(10, ge=5, description="The same for sensitive categories; below 10 with signatures.")
    minimum_residents: int = Field(
        100, ge=50, description="Fewest residents of an inhabited square with a public number; below 100 with signatures."
    )
    minimum_residents_sensitive: int = Field(
        1000, ge=500, description="Fewest residents of a study that tells sensitive categories; below 1000 with signatures."
    )
    most_quarters: int = Field(12, ge=1, le=40, description="How many quarters are told one by one, the latest.")
    geography: dict[Literal["community", "police", "research"], Tiers] = Field(
        {}, description="Audience -> tier -> how exactly its reports may be placed, where that is less exact than usual."
    )
    signed_off_by: tuple[str, ...] = Field((), description="Who allowed lower thresholds: two names with their offices.")
    reason: str = Field("", description="Why; printed on every map with the names.")


class Contact(_Section):
    """Whom to call."""

    office: Literal["police", "local_government", "helpline_for_women", "other"] = Field(description="What it is.")
    text: str = Field(min_length=1, description="Name of the office, number and hours, as they shall read.")
    communities: tuple[str, ...] = Field((), description="Communities whose pages carry it; none named: all.")


class Notice(_Section):
    """A text of the study's own for the pages of a meeting."""

    about: Literal["staff", "rights", "border_crossing", "pasture_use", "other"] = Field(description="What it is about.")
    text: dict[Language, str] = Field(min_length=1, description="Language -> the text, as it shall read.")
    communities: tuple[str, ...] = Field((), description="Communities whose pages carry it; none named: all.")


class Publish(_Section):
    """What may be seen -> maps."""

    languages: tuple[Language, ...] = Field(("en", "tg"), min_length=1, description="Languages of the maps.")
    papers: tuple[Literal["A4", "A3", "A1"], ...] = Field(("A4",), min_length=1, description="Sizes of the printed maps.")
    around_m: float = Field(5000, ge=1000, le=50_000, description="How far a community's own map reaches around it, in metres.")
    contact: tuple[Contact, ...] = Field((), description="Whom to call, in the order of the page.")
    notice: tuple[Notice, ...] = Field((), description="The study's own texts for the pages of a meeting.")


class Study(_Section):
    """A study: who it is about, and the settings of each stage."""

    name: str = Field(min_length=1, description="Name of the study, as printed on the maps.")
    is_invented: bool = Field(False, description="True for training data: every map then says so.")
    parties: tuple[str, ...] = Field(min_length=1, description="The parties whose claims and reports are compared.")
    ingest: Ingest
    link: Link = Link()
    measure: Measure = Measure()
    protect: Protect = Protect()
    publish: Publish = Publish()


# One file a format: the readers of reports are known by the names of their files.
INCIDENT_READERS = tuple(
    sorted(
        Path(item.name).stem
        for item in files("tensionmap").joinpath("ingest", "readers").iterdir()
        if item.name.endswith(".py") and not item.name.startswith("_")
    )
)
LAYER_READERS = ("settlements", "claims", "resources", "services")
RASTER_READERS = ("population", "elevation", "land_cover")
MEETING_READERS = ("meetings", "concerns", "actions")
READERS = (*INCIDENT_READERS, *LAYER_READERS, *RASTER_READERS, *MEETING_READERS, "none")


class Source(_Section):
    """One raw file, as registered in data/raw/sources.toml."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="Short unique name: lower case letters, digits, _.")
    file: str = Field(description="File under data/raw, with forward slashes.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="Hash of the file when it was registered.")
    publisher: str = Field(min_length=1, description="Who made it.")
    url: str = Field("", description="Where it was published, if anywhere.")
    licence: str = Field(min_length=1, description="What may be done with it.")
    retrieved: date = Field(description="Day on which it was received or downloaded.")
    reader: str = Field(description="Which reader reads it.")
    reported_by: str | None = Field(None, description="Reports only: party whose people reported, 'community' or 'outside'.")
    claimant: str | None = Field(None, description="Claims only: party that claims, if the file does not say.")
    corrects: str | None = Field(None, description="Reports only: the source whose rows set aside stand here, corrected.")
    sensitivity: Literal["public", "internal", "sealed"] = Field("internal", description="Who may hold the file.")

    @field_validator("reader")
    @classmethod
    def _is_known(cls, reader: str) -> str:
        if reader not in READERS:
            near = get_close_matches(reader, READERS, n=1, cutoff=0.5)
            raise ValueError(f"did you mean {near[0]!r}?" if near else f"readers are: {', '.join(READERS)}")
        return reader

    @model_validator(mode="after")
    def _says_who(self) -> Source:
        if self.reader in INCIDENT_READERS and not self.reported_by:
            raise ValueError("reported_by is needed: the party whose people reported, 'community' or 'outside'")
        if Path(self.file).is_absolute() or ".." in Path(self.file).parts or "\\" in self.file:
            raise ValueError("file must lie under data/raw and be written with forward slashes")
        return self


class _Register(_Section):
    source: tuple[Source, ...] = ()


def read_sources(path: Path) -> tuple[Source, ...]:
    """The raw files registered at ``path``, in order of their names; every fault at once as ``StudyError``."""
    sources = sorted(_validated(_Register, path).source, key=lambda source: source.name)
    for what, values in (("name", [s.name for s in sources]), ("file", [s.file for s in sources])):
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            raise StudyError(f"{path.name} uses the same {what} more than once: {', '.join(twice)}. Keep one entry each.")
    originals = {source.name for source in sources if source.reader in INCIDENT_READERS and not source.corrects}
    lost = [f"{s.name}: corrects = {s.corrects!r}" for s in sources if s.corrects and s.corrects not in originals]
    if lost:
        raise StudyError.gather(f"{path.name} names sources that are not there, or are no reports:", lost)
    return tuple(sources)


def make_source(fields: dict[str, Any]) -> Source:
    """A source from its ``fields``; every fault at once as ``StudyError``."""
    try:
        return Source.model_validate(fields)
    except ValidationError as error:
        raise StudyError.gather(
            "This source cannot be registered:", [_in_words(Source, fault) for fault in error.errors()]
        ) from error


def source_as_toml(source: Source) -> str:
    """``source`` as a block to append to sources.toml."""
    lines = ["", "[[source]]"]
    for key, value in source.model_dump(exclude_none=True).items():
        # A TOML basic string and a JSON string escape alike.
        lines.append(f"{key} = {value.isoformat() if isinstance(value, date) else json.dumps(value, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


def read_study(path: Path) -> Study:
    """The study written at ``path``.

    Raises
    ------
    StudyError
        With every fault in the file: where it is, what is wrong, and the nearest right key.
    """
    return _validated(Study, path)


def study_schema() -> dict[str, Any]:
    """JSON schema of study.toml, for editors."""
    return {"$schema": "http://json-schema.org/draft-07/schema#", **Study.model_json_schema()}


def _validated(model: type[_Model], path: Path) -> _Model:
    try:
        return model.model_validate(tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except OSError as error:
        raise StudyError(f"{path.name} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise StudyError(f"{path.name} is not UTF-8 text. Save it again as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"{path.name} is not valid TOML: {error}.") from error
    except ValidationError as error:
        faults = [_in_words(model, fault) for fault in error.errors()]
        raise StudyError.gather(f"{path.name} has settings that cannot be used:", faults) from error


def _in_words(model: type[BaseModel], fault: Any) -> str:
    place = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        keys = _keys_at(model, fault["loc"][:-1])
        near = get_close_matches(str(fault["loc"][-1]), keys, n=1, cutoff=0.5)
        remedy = f"did you mean {near[0]!r}?" if near else f"keys here are: {', '.join(keys)}"
        return f"{place}: there is no such key; {remedy}"
    if fault["type"] == "missing":
        return f"{place}: this key is needed"
    given = f" (got {fault['input']!r})" if isinstance(fault["input"], str | int | float) else ""
    where = f"{place}: " if place else ""
    return f"{where}{fault['msg'].removeprefix('Value error, ')}{given}"


def _keys_at(model: type[BaseModel], place: tuple[str | int, ...]) -> list[str]:
    """The keys that ``model`` knows at ``place``; below a table or a list any name or number leads to its entries."""
    for part in place:
        field = model.model_fields.get(str(part))
        if field is None:
            continue
        inner = [field.annotation, *get_args(field.annotation)]
        models = [kind for kind in inner if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if not models:
            return []
        model = models[0]
    return list(model.model_fields)
