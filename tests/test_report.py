"""Which pages of meetings are made, what their files are called, and that the bytes of each depend on nothing but its own job."""

import os
from dataclasses import replace

import geopandas as gpd
import pytest
import shapely

from tensionmap import report, tables
from tensionmap.errors import ReleaseError
from tensionmap.report import Job, Settings, file_of, jobs_of, make
from tensionmap.tables import Facts, Release

CRS = "EPSG:32626"
SETTINGS = Settings("2026Q3", "A4", 2500.0, contacts=(), notices=())


@pytest.fixture
def release():
    """Six by six cells without a report, with two villages of one district; nobody has met."""
    places = [shapely.Point(501_500, 4_761_500), shapely.Point(504_500, 4_764_500)]
    settlements = gpd.GeoDataFrame(
        {
            "settlement_id": ["v1", "v2"],
            "name": ["Orrin", "Tavesh"],
            "name_local": ["Оррин", None],
            "alternatives": None,
            "kind": "village",
            "district": "North",
            "residents": 1200,
            "precision_m": 900.0,
        },
        geometry=places,
        crs=CRS,
    )
    facts = Facts(
        study="Small Border",
        is_invented=True,
        parties=("Norvia", "Selmar"),
        date_from="2023-10-01",
        date_to="2026-09-30",
        public_from="2023-10-01",
        public_to="2026-09-30",
        quarters=("2026Q2", "2026Q3"),
        extent=(500_000, 4_760_000, 506_000, 4_766_000),
        cell_m=1000.0,
        alpha=0.05,
        replicates=999,
        minimum_count=5,
        minimum_count_sensitive=10,
        minimum_residents=100,
        verdicts={},
        is_withheld={},
        reported_by=("Norvia",),
        missing_layers=(),
        data_as_of="2026-10-02",
    )
    content = {name: tables.empty(table, CRS) for name, table in tables.RELEASE_TABLES["community"].items()}
    layers = {name: tables.empty(table, CRS) for name, table in tables.BACKGROUND_TABLES.items()}
    return Release("community", facts, content, {**layers, "settlements": settlements})


def with_settlements(release, **columns):
    layers = {**release.background, "settlements": release.background["settlements"].assign(**columns)}
    return Release(release.audience, release.facts, release.tables, layers)


@pytest.fixture
def cores(monkeypatch):
    """As if the machine had so many."""
    return lambda count: monkeypatch.setattr(os, "cpu_count", lambda: count)


# Refused ---------------------------------------------------------------------------------------------------------------------


def test_an_unknown_district_and_an_unknown_community_are_refused(release):
    with pytest.raises(ReleaseError, match=r"in the district 'South'\. Districts are: North"):
        jobs_of(release, "2026Q3", ["en"], district="South")
    with pytest.raises(ReleaseError, match="no settlement 'v9'"):
        file_of(Job("pack", "v9", "en"), release, SETTINGS)


@pytest.mark.parametrize("count", [1, 2])
def test_a_text_that_cannot_be_printed_is_refused_with_its_job(release, cores, count):
    cores(count)
    wide = replace(SETTINGS, contacts=[("police", "w" * 300, ["v2"])])
    jobs = [Job("pack", "v1", "en"), Job("pack", "v2", "ru")]
    with pytest.raises(ReleaseError, match=r"^pack of v2, ru: The word 'www.* is wider than its box"):
        list(make(jobs, release, wide, None))


# Names and jobs --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("job", "name"),
    [
        (Job("pack", "v1", "tg"), "Orrin-v1.2026Q3.community.tg.pdf"),
        (Job("pack", "v2", "en"), "Tavesh-v2.2026Q3.community.en.pdf"),
        (Job("council", "North", "ru"), "council-North.2026Q3.community.ru.pdf"),
    ],
)
def test_a_file_says_what_it_is(release, job, name):
    assert file_of(job, release, SETTINGS) == name
    assert file_of(job, release, replace(SETTINGS, paper="A3")) == name.replace("2026Q3.", "2026Q3.A3.")


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Üzöngmar", "Uzongmar"),
        ("Upper Orrin / left bank", "Upper_Orrin_left_bank"),
        ("..\\..\\Orrin", "Orrin"),
        ("Ӯлмек", "Улмек"),
        ("«?»", "place"),
    ],
)
def test_a_name_of_a_file_holds_nothing_that_a_system_refuses(release, name, plain):
    made = with_settlements(release, name=[name, "Tavesh"])
    assert file_of(Job("pack", "v1", "en"), made, SETTINGS) == f"{plain}-v1.2026Q3.community.en.pdf"


def test_each_community_in_each_language_is_a_job_and_a_district_one_a_language(release):
    packs = jobs_of(release, "2026Q3", ["en", "tg"], communities=["v2", "v1"])
    assert packs == [Job("pack", one, language) for one in ("v2", "v1") for language in ("en", "tg")]
    assert jobs_of(release, "2026Q3", ["en", "tg"], district="North") == [Job("council", "North", one) for one in ("en", "tg")]
    names = {file_of(job, release, SETTINGS) for job in packs}
    assert len(names) == len(packs)


def test_villages_of_one_name_have_files_of_their_own(release):
    twins = with_settlements(release, name="Orrin")
    assert len({file_of(job, twins, SETTINGS) for job in jobs_of(twins, "2026Q3", ["en"], communities=["v1", "v2"])}) == 2


def test_a_village_of_one_name_only_gets_what_is_meant_for_it(release, monkeypatch):
    """By identifier or by either name; what is meant for nobody in particular goes to all."""
    given = {}
    monkeypatch.setattr(
        report.reporting_day, "meeting_pack", lambda _, *, settlement_id, **how: given.update({settlement_id: how}) or b""
    )
    how = replace(
        SETTINGS,
        contacts=[
            ("police", "all", []),
            ("police", "first", ["v1"]),
            ("police", "local", ["Оррин"]),
            ("other", "second", ["Tavesh"]),
        ],
        notices=[("rights", {"en": "yours", "ru": "ваши"}, []), ("staff", {"ru": "новые"}, ["v1"])],
    )
    list(make([Job("pack", "v1", "ru")], release, how, None))
    list(make([Job("pack", "v2", "en")], release, how, None))
    assert given["v1"]["contacts"] == [("police", "all"), ("police", "first"), ("police", "local")]
    assert given["v2"]["contacts"] == [("police", "all"), ("other", "second")]
    assert given["v1"]["notices"] == [("rights", "ваши"), ("staff", "новые")]
    assert given["v2"]["notices"] == [("rights", "yours")]
    assert given["v1"]["around_m"] == 2500.0


# Making ----------------------------------------------------------------------------------------------------------------------


def test_one_process_and_several_make_the_same_bytes(release, cores):
    jobs = [Job("council", "North", "en"), Job("pack", "v1", "en"), Job("council", "North", "tg")]
    made = []
    for count in (1, 2):
        cores(count)
        made.append(dict(make(jobs, release, SETTINGS, None)))
    assert list(made[0]) == jobs
    assert set(made[1]) == set(jobs)
    assert made[0] == made[1]
    assert all(content.startswith(b"%PDF-") for content in made[0].values())
    # What was made before it changes nothing.
    assert dict(make(jobs[::-1], release, SETTINGS, None)) == made[0]


def test_a_machine_that_does_not_know_its_cores_uses_one(release, cores):
    cores(None)
    ((job, content),) = make([Job("council", "North", "en")], release, SETTINGS, None)
    assert job.language == "en"
    assert content.startswith(b"%PDF-")


def test_nothing_to_make_makes_nothing(release):
    assert list(make([], release, SETTINGS, None)) == []
