"""What must not matter does not: the bytes of a release stay as they were."""

import dataclasses
import io

import numpy as np
import pandas as pd
import pytest
from shapely.geometry import Point

from tensionmap.tables import AUDIENCES, BACKGROUND_TABLES, RELEASE_TABLES, read_release, write, write_release

FRAMES = ("incidents", "placed", "cells", "hotspots", "settlements", "claims", "resources", "services")


@pytest.fixture
def bytes_of(tmp_path):
    """Everything that a release says, as bytes."""

    def collect(release):
        path = tmp_path / "table.parquet"
        files = [release.digest.encode(), repr(dataclasses.asdict(release.facts)).encode()]
        for contracts, frames in ((RELEASE_TABLES[release.audience], release.tables), (BACKGROUND_TABLES, release.background)):
            for name, table in contracts.items():
                write(frames[name], table, path)
                files.append(path.read_bytes())
        return files

    return collect


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


def rename_and_retime(world):
    names = [f"other:{n:05}" for n in range(len(world["incidents"]))[::-1]]
    day = pd.Timestamp("2025-01-01")
    return {
        "incidents": world["incidents"].assign(
            incident_id=names, event_id=names, record_id="x", source="other", date_start=day, date_end=day
        ),
        "placed": world["placed"].assign(incident_id=names),
    }


def shuffle(world):
    return {name: world[name].sample(frac=1, random_state=4) for name in FRAMES}


def six_to_nine_in_a_band(world):
    """Three reports without a place get the place of a cell with six, which then holds nine."""
    unplaced = world["placed"]["cell_id"].isna() & (world["incidents"]["category"] == "theft")
    moved = unplaced & (unplaced.cumsum() <= 3)
    return {"placed": world["placed"].assign(cell_id=world["placed"]["cell_id"].mask(moved, "E508N4768"))}


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
        tell_everything_twice,
        jitter_in_cells,
        rename_and_retime,
        shuffle,
        six_to_nine_in_a_band,
        some_in_the_lowest_band,
    ],
)
def test_the_community_sees_no_difference(world, release_of, bytes_of, change):
    assert bytes_of(release_of(world, **change(world))) == bytes_of(release_of(world))


@pytest.mark.parametrize(
    ("audience", "change"),
    [("police", move_sealed), ("police", shuffle), ("research", drop_sealed), ("research", relabel_sealed)],
)
def test_internal_releases_do_not_depend_on_sealed_rows_or_order(world, release_of, bytes_of, audience, change):
    assert bytes_of(release_of(world, audience, **change(world))) == bytes_of(release_of(world, audience))


def test_the_community_sees_nothing_of_internal_scopes(world, release_of, bytes_of):
    internal = world["hotspots"]["scope"].str.startswith("internal")
    other = world["hotspots"].assign(hotspot=world["hotspots"]["hotspot"].mask(internal, "hot"))
    assert bytes_of(release_of(world, hotspots=other)) == bytes_of(release_of(world))


def test_a_difference_that_matters_is_seen(world, release_of, bytes_of):
    cell = world["placed"]["cell_id"]
    moved = world["placed"].assign(cell_id=cell.mask(cell == "E508N4768", "E502N4760"))
    assert bytes_of(release_of(world, placed=moved)) != bytes_of(release_of(world))


@pytest.mark.parametrize("audience", AUDIENCES)
def test_files_hold_no_record_and_public_files_no_place(world, release_of, leaks, audience):
    release = release_of(world, audience)
    incidents = world["incidents"]
    degrees = incidents[~incidents.geometry.isna()].to_crs(4326).geometry
    canaries = leaks.Canaries(
        words=(*incidents["record_id"].iloc[::9], "domestic_violence", "recruitment"),
        points=tuple(zip(degrees.x, degrees.y, strict=True)) if audience == "community" else (),
    )
    for name, frame in release.tables.items():
        buffer = io.BytesIO()
        frame.to_parquet(buffer)
        assert leaks.find_leaks(buffer.getvalue(), "parquet", canaries) == [], name


@pytest.mark.parametrize("audience", AUDIENCES)
def test_a_release_is_handed_over_unchanged(world, release_of, tmp_path, audience):
    release = release_of(world, audience)
    write_release(release, tmp_path / "first")
    again = read_release(tmp_path / "first")
    write_release(again, tmp_path / "second")
    assert (again.digest, again.facts) == (release.digest, release.facts)
    written = [{path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()} for folder in ("first", "second")]
    assert written[0] == written[1]
