"""What must not matter does not: the bytes of a release stay as they were."""

import dataclasses
import io

import numpy as np
import pandas as pd
import pytest
from shapely.geometry import Point

from tensionmap.protect.audit.attacks import find_leaks
from tensionmap.protect.audit.house import House, secrets_of
from tensionmap.protect.audit.secrets import Secrets
from tensionmap.tables import AUDIENCES, read_release, write_release

FRAMES = ("incidents", "placed", "cells", "hotspots", "settlements", "claims", "resources", "services")


@pytest.fixture(scope="session")
def usual_bytes(release_of, bytes_of):
    """The bytes of the usual release of an audience, made once."""
    made = {}

    def find(world, audience="community"):
        if audience not in made:
            made[audience] = bytes_of(release_of(world, audience))
        return made[audience]

    return find


def sealed(world):
    return world["incidents"]["tier"] == "S"


def drop_sealed(world):
    return {name: world[name][~sealed(world)] for name in ("incidents", "placed")}


def move_sealed(world):
    placed = world["placed"].assign(cell_id=world["placed"]["cell_id"].mask(sealed(world), "E502N4762"))
    shapes = [
        Point(502_500, 4_762_500) if is_sealed else shape
        for is_sealed, shape in zip(sealed(world), world["incidents"].geometry, strict=True)
    ]
    return {"placed": placed, "incidents": world["incidents"].set_geometry(shapes, crs=world["incidents"].crs)}


def relabel_sealed(world):
    changes = {"category": "sexual_violence", "theme": "tension", "reported_by": "outside", "settlement_id": "v1"}
    incidents = world["incidents"]
    return {
        "incidents": incidents.assign(**{name: incidents[name].mask(sealed(world), value) for name, value in changes.items()})
    }


def multiply_sealed(world):
    number = {
        name: pd.concat([world[name], *[world[name][sealed(world)]] * 9], ignore_index=True) for name in ("incidents", "placed")
    }
    names = [f"copy {n}" for n in range(len(number["placed"]))]
    placed = number["placed"].assign(incident_id=names)
    return {"placed": placed, "incidents": number["incidents"].assign(incident_id=names, event_id=names)}


def tell_everything_twice(world):
    again = {name: world[name].assign(incident_id="again " + world[name]["incident_id"]) for name in ("incidents", "placed")}
    return {name: pd.concat([world[name], frame], ignore_index=True) for name, frame in again.items()}


def jitter_in_cells(world):
    incidents = world["incidents"]
    at = world["cells"].set_index("cell_id").centroid.reindex(world["placed"]["cell_id"])
    shift = np.random.default_rng(3).uniform(-499, 499, (len(at), 2))
    shapes = [None if point is None else Point(point.x + e, point.y + n) for point, (e, n) in zip(at, shift, strict=True)]
    return {"incidents": incidents.set_geometry(shapes, crs=incidents.crs)}


def another_day_of_its_quarter(days, seed):
    """A day of the same quarter for each of ``days``."""
    quarter = days.dt.to_period("Q").dt
    last = (quarter.end_time.dt.normalize() - quarter.start_time).dt.days
    chance = np.random.default_rng(seed).random(len(days))
    return (quarter.start_time + pd.to_timedelta((chance * (last + 1)).astype(int), unit="D")).astype(days.dtype)


def rename_and_retime(world):
    names = [f"other:{n:05}" for n in range(len(world["incidents"]))[::-1]]
    days = another_day_of_its_quarter(world["incidents"]["date_start"], 5)
    return {
        "incidents": world["incidents"].assign(
            incident_id=names, event_id=names, record_id="x", source="other", date_start=days, date_end=days
        ),
        "placed": world["placed"].assign(incident_id=names),
    }


def widen_to_the_quarter(world):
    quarter = world["incidents"]["date_start"].dt.to_period("Q").dt
    is_inside = quarter.end_time < pd.Timestamp(world["date_to"])
    days = {"date_start": quarter.start_time, "date_end": quarter.end_time.dt.normalize()}
    frame = world["incidents"]
    return {"incidents": frame.assign(**{n: frame[n].mask(is_inside, of.astype(frame[n].dtype)) for n, of in days.items()})}


def report_some_day(world):
    """As long as nothing is out, the day of reporting does not matter."""
    days = world["incidents"]["date_start"] + pd.to_timedelta(np.arange(len(world["incidents"])) * 7 % 400, unit="D")
    return {"incidents": world["incidents"].assign(date_reported=days)}


def sealed_any_day(world):
    days = pd.Timestamp("2023-05-05") + pd.to_timedelta(np.arange(len(world["incidents"])) * 13 % 1200, unit="D")
    frame = world["incidents"]
    columns = ("date_start", "date_end", "date_reported")
    return {"incidents": frame.assign(**{n: frame[n].mask(sealed(world), days.astype("datetime64[us]")) for n in columns})}


def sealed_events_of_others(world):
    """Every sealed report is said to tell the same event as an ordinary one."""
    frame = world["incidents"]
    return {"incidents": frame.assign(event_id=frame["event_id"].mask(sealed(world), frame["event_id"].iloc[0]))}


def shuffle(world):
    return {name: world[name].sample(frac=1, random_state=4) for name in FRAMES}


def one_more_in_a_band(world):
    """A cell with seven reports in a quarter (twelve in the period) has eight (thirteen)."""
    incidents, placed = world["incidents"], world["placed"]
    is_there = (placed["cell_id"] == "E506N4762") & (incidents["date_start"] < pd.Timestamp("2025-01-01"))
    assert is_there.sum() == 7
    names = {"incident_id": "one more", "event_id": "one more"}
    return {
        "incidents": pd.concat([incidents, incidents[is_there].tail(1).assign(**names)], ignore_index=True),
        "placed": pd.concat([placed, placed[is_there].tail(1).assign(incident_id="one more")], ignore_index=True),
    }


def some_in_the_lowest_band(world):
    """Two reports leave a hidden cell for another hidden one."""
    cell = world["placed"]["cell_id"]
    return {"placed": world["placed"].assign(cell_id=cell.mask(cell == "E507N4761", "E502N4760"))}


@pytest.mark.parametrize(
    "change",
    [
        drop_sealed,
        move_sealed,
        relabel_sealed,
        multiply_sealed,
        sealed_any_day,
        sealed_events_of_others,
        tell_everything_twice,
        jitter_in_cells,
        rename_and_retime,
        widen_to_the_quarter,
        report_some_day,
        shuffle,
        one_more_in_a_band,
        some_in_the_lowest_band,
    ],
)
def test_the_community_sees_no_difference(world, release_of, bytes_of, usual_bytes, change):
    assert bytes_of(release_of(world, **change(world))) == usual_bytes(world)


@pytest.mark.parametrize(
    ("audience", "change"),
    [
        ("police", move_sealed),
        ("police", shuffle),
        ("police", sealed_any_day),
        ("research", drop_sealed),
        ("research", relabel_sealed),
        ("research", sealed_events_of_others),
    ],
)
def test_internal_releases_do_not_depend_on_sealed_rows_or_order(world, release_of, bytes_of, usual_bytes, audience, change):
    assert bytes_of(release_of(world, audience, **change(world))) == usual_bytes(world, audience)


def test_the_community_sees_nothing_of_internal_scopes(world, release_of, bytes_of, usual_bytes):
    internal = world["hotspots"]["scope"].str.startswith("internal")
    changes = {"hotspot": "hot", "support": 0.5}
    other = world["hotspots"].assign(**{name: world["hotspots"][name].mask(internal, to) for name, to in changes.items()})
    assert bytes_of(release_of(world, hotspots=other)) == usual_bytes(world)


def test_how_a_withheld_area_holds_up_is_not_told(world, release_of, bytes_of, usual_bytes):
    hotspots, shown = world["hotspots"], release_of(world).tables["hotspots"].dissolve("theme")
    middles = world["cells"].set_index("cell_id").centroid.reindex(hotspots["cell_id"])
    is_shown = [
        scope in shown.index and shown.geometry[scope].contains(middle)
        for scope, middle in zip(hotspots["scope"], middles, strict=True)
    ]
    assert sum(is_shown) == 4
    for share in (0.0, 1.0):
        other = hotspots.assign(support=hotspots["support"].where(is_shown, share))
        assert bytes_of(release_of(world, hotspots=other)) == usual_bytes(world)


def test_no_more_than_a_word_is_told_of_how_an_area_holds_up(world, release_of, bytes_of, usual_bytes):
    """Shares of draws move within their words; one that leaves its word is seen."""
    hotspots = world["hotspots"]
    within, beyond = (hotspots.assign(support=hotspots["support"].replace(0.8, share)) for share in (0.9, 0.74))
    assert not within.equals(hotspots)
    assert bytes_of(release_of(world, hotspots=within)) == usual_bytes(world)
    assert bytes_of(release_of(world, hotspots=beyond)) != usual_bytes(world)


def move_a_square(world):
    cell = world["placed"]["cell_id"]
    return {"placed": world["placed"].assign(cell_id=cell.mask(cell == "E508N4768", "E502N4760"))}


def move_to_another_quarter(world):
    """The seven reports of a cell in a quarter, a quarter later; the period holds them as before."""
    incidents = world["incidents"]
    is_there = (world["placed"]["cell_id"] == "E506N4762") & (incidents["date_start"] < pd.Timestamp("2025-01-01"))
    days = incidents["date_start"].mask(is_there, pd.Timestamp("2025-09-01"))
    return {"incidents": incidents.assign(date_start=days, date_end=days)}


@pytest.mark.parametrize("change", [move_a_square, move_to_another_quarter])
def test_a_difference_that_matters_is_seen(world, release_of, bytes_of, usual_bytes, change):
    assert bytes_of(release_of(world, **change(world))) != usual_bytes(world)


def test_a_quarter_that_is_out_shows_no_later_change(world, release_of, bytes_of, out_after):
    """Neither reports added to it, nor sealed ones, nor days within quarters, change what is told of it again."""
    published = out_after(release_of(world), world)
    again = bytes_of(release_of(world, published=published))
    assert again == bytes_of(published.releases[0])
    for change in (drop_sealed, sealed_any_day, shuffle):
        assert bytes_of(release_of(world, published=published, **change(world))) == again, change.__name__


@pytest.mark.parametrize("audience", AUDIENCES)
def test_files_hold_no_record_and_public_files_no_place(world, release_of, audience):
    release = release_of(world, audience)
    incidents = world["incidents"]
    degrees = incidents[~incidents.geometry.isna()].to_crs(4326).geometry
    secrets = Secrets(
        words=(*incidents["record_id"].iloc[::9], "domestic_violence", "recruitment"),
        points=tuple(zip(degrees.x, degrees.y, strict=True)) if audience == "community" else (),
    )
    for name, frame in release.tables.items():
        buffer = io.BytesIO()
        frame.to_parquet(buffer)
        assert find_leaks(buffer.getvalue(), "parquet", secrets) == [], name


@pytest.mark.parametrize(("source", "is_found"), [("list_of_karimov", True), ("register_norvia", False)])
def test_the_name_of_a_source_is_searched_for_people(world, release_of, source, is_found):
    incidents = world["incidents"].assign(source=source)
    release = release_of(world, "police", incidents=incidents)
    names = pd.DataFrame({"incident_id": "register:KD-20000", "kind": "name", "text": ["Каримов"], "folded": "karimov"})
    secrets = secrets_of(House(incidents, world["placed"], world["cells"], names), {"police": release}, public_texts=["Norvia"])
    buffer = io.BytesIO()
    release.tables["points"].to_parquet(buffer)
    assert bool(find_leaks(buffer.getvalue(), "parquet", dataclasses.replace(secrets, points=()))) == is_found


@pytest.mark.parametrize("audience", AUDIENCES)
def test_a_release_is_handed_over_unchanged(world, release_of, tmp_path, audience):
    release = release_of(world, audience)
    write_release(release, tmp_path / "first")
    again = read_release(tmp_path / "first")
    write_release(again, tmp_path / "second")
    assert (again.digest, again.facts) == (release.digest, release.facts)
    written = [{path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()} for folder in ("first", "second")]
    assert written[0] == written[1]
