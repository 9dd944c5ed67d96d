import math
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tensionmap.errors import GeometryError, RawDataError, StudyError
from tensionmap.ingest.coordinates import (
    KINDS,
    Position,
    PositionsRead,
    parse_coordinate,
    parse_kind,
    parse_metres,
    position,
    read_positions,
)
from tensionmap.ingest.writing import is_unknown

AREA = (-27.25, 42.86, -26.75, 43.14)
FERGANA = (69.5, 39.6, 71.2, 40.4)
TORONTO = (-80.0, 43.0, -79.0, 44.0)
COLUMNS = ("latitude", "longitude", "easting", "northing", "precision_m", "location_kind")


def read(*, area=AREA, crs: str | None = None, mend_exchanged: bool = False, **cells: list[str]) -> PositionsRead:
    size = len(next(iter(cells.values())))
    columns = [pd.Series(cells.get(name, [""] * size), dtype="str") for name in COLUMNS]
    return read_positions(*columns, area=area, crs=crs, mend_exchanged=mend_exchanged)


def read_one(**named) -> PositionsRead:
    return read(**{name: [value] if name in COLUMNS else value for name, value in named.items()})


@pytest.mark.parametrize(
    ("text", "axis", "reason"),
    [
        ("", "latitude", "is missing"),
        ("near the mill", "latitude", "is not a number of degrees"),
        ("NA", "longitude", "is not a number of degrees"),
        ("nan", "longitude", "is not a number of degrees"),
        ("1e1", "longitude", "is not a number of degrees"),
        ("43.1.2", "latitude", "is not a number of degrees"),
        ("43,1 27,0", "latitude", "is not a number of degrees"),
        ("43 12", "latitude", "is not a number of degrees"),
        ("43°70'", "latitude", "is not a number of degrees"),
        ("43°10.5'30\"", "latitude", "is not a number of degrees"),
        ("N 43 N", "latitude", "is not a number of degrees"),
        ("43 12.5", "latitude", "is not a number of degrees"),
        ("43 12 N", "latitude", "is not a number of degrees"),
        ("43-12", "latitude", "is not a number of degrees"),
        ("43-7-5", "latitude", "is not a number of degrees"),
        ("43°10'60\"", "latitude", "is not a number of degrees"),
        ("43.1, -27.0", "latitude", "is not a number of degrees"),
        ("43.1 в.д.", "latitude", "does not go with it"),
        ("долгота 27", "latitude", "does not go with it"),
        ("lat 43 E", "latitude", "is not a number of degrees"),
        ("٤٣", "latitude", "is not a number of degrees"),
        ("4763512", "latitude", "metres of a map grid"),
        ("431", "latitude", "cannot go beyond 90"),
        ("-190", "longitude", "cannot go beyond 180"),
        ("43 N", "longitude", "does not go with it"),
        ("-27 W", "longitude", "does not go with it"),
    ],
)
def test_refuses_what_is_no_coordinate(text: str, axis: str, reason: str) -> None:
    with pytest.raises(RawDataError, match=reason) as refused:
        parse_coordinate(text, axis=axis)
    assert str(refused.value).count("\n") == 1
    assert "mill" not in str(refused.value)


@pytest.mark.parametrize(
    ("latitude", "longitude", "reason"),
    [
        (43.0, None, "Only one coordinate is given; the longitude is missing"),
        (None, -27.0, "Only one coordinate is given; the latitude is missing"),
        (0.0, 0.0, "0 and 0"),
        (-27.0, 43.0, "are exchanged"),
        (43.0, 27.0, "sign of the longitude is lost"),
        (-43.0, -27.0, "sign of the latitude is lost"),
        (-43.0, 27.0, "sign of the latitude and longitude is lost"),
        (43.2, -27.0, "outside the study area"),
        (43.0, 0.0, "outside the study area"),
    ],
)
def test_refuses_a_place_that_cannot_be_meant(latitude: float | None, longitude: float | None, reason: str) -> None:
    with pytest.raises(RawDataError, match=reason):
        position(latitude, longitude, None, "", area=AREA)


@pytest.mark.parametrize(
    ("text", "reason"), [("-5", "negative"), ("about 5", "not a number"), ("5 m", "not a number"), ("inf", "not a")]
)
def test_refuses_a_radius_that_is_none(text: str, reason: str) -> None:
    with pytest.raises(RawDataError, match=reason):
        parse_metres(text)


def test_refuses_an_unknown_kind_of_place() -> None:
    with pytest.raises(RawDataError, match="gps, settlement, district, wider"):
        parse_kind("hamlet")


@pytest.mark.parametrize(
    ("text", "axis", "degrees"),
    [
        ("43.125", "latitude", 43.125),
        (" 43,125 ", "latitude", 43.125),
        ("-27", "longitude", -27.0),
        ("−27,5°", "longitude", -27.5),
        ("27.5 W", "longitude", -27.5),
        ("W27.5", "longitude", -27.5),
        ("43,5 с.ш.", "latitude", 43.5),
        ("27,5 з. д.", "longitude", -27.5),
        ("43°12'30.6\" N", "latitude", 43.2085),
        ("43 12 30,6", "latitude", 43.2085),
        ("-27°30'", "longitude", -27.5),
        ("43°07.5′N", "latitude", 43.125),
        ("43-12-30.6", "latitude", 43.2085),
        ("43:12:30N", "latitude", 43 + 12 / 60 + 30 / 3600),
        ("N43 07.500", "latitude", 43.125),
        ("027 30.000 W", "longitude", -27.5),
        ("43º12’30.6”", "latitude", 43.2085),
        ("с.ш. 43°12'30,6''", "latitude", 43.2085),
        ("43 град. 12 мин. 30.6 сек.", "latitude", 43.2085),
        ("43,5° северной широты", "latitude", 43.5),
        ("С 43,5", "latitude", 43.5),
        ("З 27,5", "longitude", -27.5),
        ("27,5 В", "longitude", 27.5),
        ("широта: 43.5", "latitude", 43.5),
        ("lon=-27.5", "longitude", -27.5),
    ],
)
def test_reads_degrees_however_written(text: str, axis: str, degrees: float) -> None:
    assert parse_coordinate(text, axis=axis) == pytest.approx(degrees, abs=1e-12)


def test_a_place_has_a_radius_and_a_kind() -> None:
    assert position(None, None, 5.0, "", area=AREA) is None
    assert position(43.0, -27.0, None, "", area=AREA) == Position(-27.0, 43.0, 50.0, "gps", is_precision_stated=False)
    assert position(43.0, -27.0, 3.0, "gps", area=AREA) == Position(-27.0, 43.0, 10.0, "gps")
    assert position(43.0, -27.0, 120.0, "", area=AREA) == Position(-27.0, 43.0, 120.0, "gps")
    assert position(43.0, -27.0, None, "district", area=AREA) == Position(-27.0, 43.0, 25_000.0, "district")
    assert parse_metres(" 12,5 ") == 12.5


@pytest.mark.parametrize(("radius_m", "kind"), [(1000, "gps"), (1001, "settlement"), (9000, "district"), (50_000, "wider")])
def test_a_large_radius_is_no_measured_point(radius_m: float, kind: str) -> None:
    placed = position(43.0, -27.0, radius_m, "", area=AREA)
    assert placed is not None
    assert (placed.kind, placed.precision_m) == (kind, radius_m)
    told = position(43.0, -27.0, radius_m, "gps", area=AREA)
    assert told is not None
    assert told.kind == "gps"


def test_reads_how_the_place_is_known() -> None:
    assert parse_kind("") == ""
    assert parse_kind(" GPS ") == "gps"


@given(st.floats(-180, 180), st.integers(0, 7))
def test_every_longitude_is_read_back(degrees: float, decimals: int) -> None:
    text = f"{degrees:.{decimals}f}"
    assert parse_coordinate(text, axis="longitude") == float(text)
    assert parse_coordinate(text.replace(".", ","), axis="longitude") == float(text)


@given(st.integers(0, 89), st.integers(0, 59), st.floats(0, 59.9))
def test_minutes_and_seconds_are_read_back(whole: int, minutes: int, seconds: float) -> None:
    read = parse_coordinate(f"{whole}°{minutes}'{seconds:.3f}\" S", axis="latitude")
    assert read == pytest.approx(-(whole + minutes / 60 + round(seconds, 3) / 3600), abs=1e-9)


@given(st.text("0123456789.,-+°'\"NSEW мсшюдз", max_size=16) | st.text(max_size=30), st.sampled_from(["latitude", "longitude"]))
def test_whatever_is_written_it_is_on_the_globe_or_a_refusal(text: str, axis: str) -> None:
    try:
        degrees = parse_coordinate(text, axis=axis)
    except RawDataError:
        return
    assert math.isfinite(degrees)
    assert abs(degrees) <= (90 if axis == "latitude" else 180)
    assert any(letter in "0123456789" for letter in text)


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_a_place_kept_lies_in_the_area(latitude: float, longitude: float) -> None:
    assume(not (AREA[0] <= longitude <= AREA[2] and AREA[1] <= latitude <= AREA[3]))
    with pytest.raises(RawDataError):
        position(latitude, longitude, None, "", area=AREA)


@pytest.mark.parametrize(
    ("cells", "column", "reason"),
    [
        ({"latitude": "near the mill"}, "latitude", "is not a number of degrees"),
        ({"latitude": "39.8"}, "latitude", "Only one coordinate is given; the longitude is missing"),
        ({"latitude": "39.8", "longitude": "NA"}, "latitude", "Only one coordinate is given; the longitude is missing"),
        ({"latitude": "0", "longitude": "0.0"}, "latitude", "0 and 0"),
        ({"latitude": "70.5", "longitude": "39.8"}, "latitude", "are exchanged"),
        ({"latitude": "-39.8", "longitude": "70.5"}, "latitude", "sign of the latitude is lost"),
        ({"latitude": "3987833", "longitude": "70.5"}, "latitude", "decimal point was lost"),
        ({"latitude": "39.8", "longitude": "7051643"}, "longitude", "decimal point was lost"),
        ({"latitude": "41.8", "longitude": "70.5"}, "latitude", "outside the study area"),
        ({"latitude": "39.1, 50.2"}, "latitude", "in neither order"),
        ({"latitude": "39.8N 39.9N"}, "latitude", "marked as the same axis"),
        ({"latitude": "39 70"}, "latitude", "is not a number of degrees"),
        ({"latitude": "N39,70,5E"}, "latitude", "is not a number of degrees"),
        ({"latitude": "39.8, 70.5", "longitude": "70.5"}, "latitude", "something else in that beside it"),
        ({"longitude": "39.8, 70.5", "latitude": "39.8"}, "longitude", "something else in that beside it"),
        ({"latitude": "604000 4412345", "longitude": "70.5"}, "latitude", "is not a number of degrees"),
        ({"easting": "604000", "northing": "4412345"}, "easting", "nobody says in which map grid"),
        ({"latitude": "604000 4412345"}, "latitude", "nobody says in which map grid"),
        ({"easting": "604000", "crs": "UTM 42N"}, "easting", "the northing is missing"),
        ({"northing": "4412345", "crs": "UTM 42N"}, "northing", "the easting is missing"),
        ({"easting": "by the canal", "northing": "4412345", "crs": "UTM 42N"}, "easting", "easting is not a number of metres"),
        ({"easting": "604000", "northing": "604000 E", "crs": "UTM 42N"}, "northing", "northing is not a number of metres"),
        ({"easting": "0", "northing": "0", "crs": "UTM 42N"}, "easting", "0 and 0"),
        ({"easting": "604000", "northing": "5412345", "crs": "UTM 42N"}, "easting", "northing 5412345.* outside the study area"),
        ({"easting": "604.000", "northing": "4412345", "crs": "UTM 42N"}, "easting", "outside the study area"),
        ({"easting": "61T 604000", "northing": "4412345"}, "easting", "grid zone that does not exist"),
        ({"easting": "00T 604000", "northing": "4412345"}, "easting", "grid zone that does not exist"),
        ({"easting": "42H 604000", "northing": "4412345"}, "easting", "outside the study area"),
        ({"easting": "4412345", "northing": "604000", "crs": "UTM 42N"}, "easting", "Easting and northing are exchanged"),
        ({"easting": "4 412 345", "northing": "12 604 000", "crs": "GK 12"}, "easting", "Easting and northing are exchanged"),
        ({"latitude": "39.8", "longitude": "70.5", "precision_m": "5 m"}, "precision_m", "not a number of metres"),
        ({"latitude": "39.8", "longitude": "70.5", "location_kind": "hamlet"}, "location_kind", "gps, settlement"),
    ],
)
def test_refuses_rows_with_one_sentence_and_one_advice(cells, column: str, reason: str) -> None:
    found = read_one(area=FERGANA, **cells)
    assert [(at, name) for at, name, _ in found.faults] == [(0, column)]
    with pytest.raises(RawDataError, match=reason):
        raise RawDataError(found.faults[0][2])
    assert found.faults[0][2].count("\n") == 1
    assert np.isnan([found.latitude[0], found.longitude[0], found.precision_m[0]]).all()
    assert (found.kind[0], found.is_precision_stated[0], found.counted) == ("", False, {})


@pytest.mark.parametrize("crs", ["GK 99", "GK 3", "UTM 61N", "UTM 42"])
def test_refuses_a_zone_that_does_not_exist(crs: str) -> None:
    with pytest.raises(StudyError, match="is no grid zone"):
        read_one(latitude="", crs=crs)


@pytest.mark.parametrize("crs", ["EPSG:4326", "metres"])
def test_refuses_a_grid_without_metres(crs: str) -> None:
    with pytest.raises(GeometryError):
        read_one(latitude="", crs=crs)


@pytest.mark.parametrize(
    "text",
    [
        "39.87833, 70.51643",
        "39,87833; 70,51643",
        "39,87833 70,51643",
        "39,87833,70,51643",
        "70.51643 39.87833",
        "(39.87833, 70.51643)",
        "39.87833 N, 70.51643 E",
        "70.51643E39.87833N",
        "39,87833° с.ш., 70,51643° в.д.",
        "lat 39.87833 lon 70.51643",
        "geo:39.87833,70.51643,960;u=35",
        "POINT (70.51643 39.87833)",
        "https://maps.google.com/?q=39.87833,70.51643",
        "https://www.google.com/maps/@39.87833,70.51643,15z",
        "39°52'41.988\"N 70°30'59.148\"E",
        "N39 52.6998 E070 30.9858",
        "39 52 41.988 70 30 59.148",
        "39-52-41.988, 70-30-59.148",
    ],
)
@pytest.mark.parametrize("column", ["latitude", "longitude"])
def test_reads_both_coordinates_from_one_cell(text: str, column: str) -> None:
    found = read_one(area=FERGANA, **{column: text})
    assert found.faults == []
    assert (found.latitude[0], found.longitude[0]) == pytest.approx((39.87833, 70.51643), abs=1e-9)
    twice = read_one(area=FERGANA, latitude=text, longitude=text)
    assert (twice.latitude[0], twice.longitude[0]) == (found.latitude[0], found.longitude[0])


def test_a_pair_that_lies_in_the_area_both_ways_is_refused() -> None:
    found = read_one(area=(39.0, 39.0, 41.0, 41.0), latitude="39.5 40.5")
    assert "in either order" in found.faults[0][2]
    assert read_one(area=(39.0, 39.0, 41.0, 41.0), latitude="E39.5 N40.5").latitude[0] == 40.5


def test_zero_and_zero_is_no_place_even_in_an_area_that_holds_it() -> None:
    assert "0 and 0" in read_one(area=(-1, -1, 1, 1), latitude="0", longitude="0.0").faults[0][2]


def test_words_for_not_known_are_empty_cells() -> None:
    words = ["NA", "н/д", "-", "none", "маълум нест"]
    found = read(**dict.fromkeys(COLUMNS, words))
    assert found.faults == []
    assert np.isnan(found.latitude).all()


def test_exchanged_rows_are_put_right_only_on_demand_and_counted() -> None:
    cells = {"latitude": ["70.5", "39.8", "70.5 E"], "longitude": ["39.8", "70.5", "39.8N"]}
    assert [at for at, _, _ in read(area=FERGANA, **cells).faults] == [2, 2, 0]
    found = read(area=FERGANA, mend_exchanged=True, **cells)
    assert (found.latitude.tolist(), found.longitude.tolist()) == ([39.8] * 3, [70.5] * 3)
    assert found.counted == {"rows with latitude and longitude exchanged were put right": 2}
    far_east = read_one(area=(117, 39, 118, 40), mend_exchanged=True, latitude="117.5", longitude="39.5")
    assert (far_east.latitude[0], far_east.faults) == (39.5, [])


def test_marks_are_stronger_than_the_wish_to_exchange() -> None:
    found = read_one(area=FERGANA, mend_exchanged=True, latitude="70.5 N", longitude="39.8")
    assert "are exchanged" in found.faults[0][2]


# Published: the CN Tower lies at 43°38′33.24″N 79°23′13.7″W, in UTM 17T 630084 4833438.
@pytest.mark.parametrize(
    "cells",
    [
        {"easting": "17T 630084 4833438"},
        {"latitude": "17T 630084 4833438"},
        {"northing": "17N 630084, 4833438"},
        {"easting": "UTM 17T 630084", "northing": "4833438"},
        {"easting": "630 084", "northing": "4 833 438", "crs": "UTM 17N"},
        {"easting": "630,084", "northing": "4,833,438", "crs": "utm17n"},
        {"easting": "630'084.0 m", "northing": "4'833'438,0 m", "crs": "EPSG:32617"},
        {"easting": "630084mE", "northing": "4.833.438 mN", "crs": "UTM 17N"},
    ],
)
def test_metres_of_utm_are_the_published_place(cells) -> None:
    found = read_one(area=TORONTO, **cells)
    degrees = read_one(area=TORONTO, latitude="43°38′33.24″N", longitude="79°23′13.7″W")
    assert found.faults == degrees.faults == []
    # The grid position is rounded to a metre, the seconds to a hundredth and a tenth (2.2 m).
    assert found.latitude[0] == pytest.approx(degrees.latitude[0], abs=1.0 / 111_000)
    assert found.longitude[0] == pytest.approx(degrees.longitude[0], abs=2.2 / 80_000)


def pulkovo_by_hand(latitude: float, longitude: float) -> tuple[float, float]:
    """Pulkovo 1942 -> WGS 84 by the seven numbers of EPSG:1267, worked through the axes of the earth."""
    phi, lam = np.radians([latitude, longitude])
    a, f = 6_378_245.0, 1 / 298.3
    e2 = f * (2 - f)
    n = a / np.sqrt(1 - e2 * np.sin(phi) ** 2)
    x, y, z = n * np.cos(phi) * np.cos(lam), n * np.cos(phi) * np.sin(lam), n * (1 - e2) * np.sin(phi)
    ry, rz = np.radians([-0.35 / 3600, -0.736 / 3600])
    x, y, z = x + rz * y - ry * z + 25, -rz * x + y - 141, ry * x + z - 78.5
    a, f = 6_378_137.0, 1 / 298.257223563
    e2, p = f * (2 - f), np.hypot(x, y)
    phi = np.arctan2(z, p * (1 - e2))
    for _ in range(10):
        n = a / np.sqrt(1 - e2 * np.sin(phi) ** 2)
        phi = np.arctan2(z + e2 * n * np.sin(phi), p)
    return float(np.degrees(phi)), float(np.degrees(np.arctan2(y, x)))


def test_metres_of_gauss_krueger_are_those_worked_by_hand() -> None:
    # On the middle meridian the northing is the length of the meridian on Krassowsky's ellipsoid, summed in small steps.
    latitude = 40.0
    e2 = (1 / 298.3) * (2 - 1 / 298.3)
    phi = np.radians(np.linspace(0, latitude, 400_001))
    northing = np.trapezoid(6_378_245.0 * (1 - e2) / (1 - e2 * np.sin(phi) ** 2) ** 1.5, phi)
    found = read_one(area=(68.5, 39.6, 71.2, 40.4), easting="12 500 000", northing=f"{northing:.4f}", crs="GK 12")
    assert found.faults == []
    assert (found.latitude[0], found.longitude[0]) == pytest.approx(pulkovo_by_hand(latitude, 69.0), abs=1e-8)


def test_the_zone_number_of_gauss_krueger_stands_in_front_of_the_easting_or_in_the_study() -> None:
    cells = {"easting": ["12 604 000", "604 000", "13 091 713.7"], "northing": ["4 412 345"] * 2 + ["4 416 100"]}
    found = read(area=FERGANA, crs="GK 12", **cells)
    assert found.faults == []
    assert (found.latitude[0], found.longitude[0]) == (found.latitude[1], found.longitude[1])
    assert found.counted == {"eastings without a zone number were read in the zone that the study names": 1}
    assert found.longitude[2] == pytest.approx(70.22, abs=0.02)
    by_code = read(area=FERGANA, crs="EPSG:28412", **cells)
    assert by_code.longitude.tolist() == found.longitude.tolist()


def test_exchanged_metres_are_put_right_only_on_demand() -> None:
    cells = {"easting": ["4 412 345", "12 604 000"], "northing": ["12 604 000", "4 412 345"]}
    found = read(area=FERGANA, crs="GK 12", mend_exchanged=True, **cells)
    assert found.faults == []
    assert found.latitude[0] == found.latitude[1]
    assert found.counted == {"rows with easting and northing exchanged were put right": 1}


def test_degrees_win_over_metres_and_that_is_counted() -> None:
    found = read_one(area=FERGANA, latitude="39.8", longitude="70.5", easting="604000", northing="4412345")
    assert (found.latitude[0], found.longitude[0], found.faults) == (39.8, 70.5, [])
    assert found.counted == {"rows with both degrees and metres; the degrees were used": 1}


def test_the_band_s_is_north_of_the_equator_unless_the_area_is_not() -> None:
    south = read_one(area=(27.0, -28.0, 29.0, -26.0), easting="35S 602000 7013000")
    assert south.latitude[0] == pytest.approx(-27.0, abs=0.1)
    assert read_one(area=FERGANA, easting="42S 604000 4412345").latitude[0] == pytest.approx(39.85, abs=0.01)


def cell_by_cell(latitude: str, longitude: str, radius: str, kind: str) -> tuple[Position | None, list[tuple[str, str]]]:
    """What ``read_positions`` says of a row with degrees, by the functions for one cell."""
    faults = []

    def ask(column, function, text, *arguments, **named):
        try:
            return None if not text or is_unknown(text) else function(text, *arguments, **named)
        except RawDataError as error:
            faults.append((column, str(error)))
            return None

    radius_m = ask("precision_m", parse_metres, radius)
    word = ask("location_kind", parse_kind, kind) or ""
    north = ask("latitude", parse_coordinate, latitude, axis="latitude")
    east = ask("longitude", parse_coordinate, longitude, axis="longitude")
    if faults:
        return None, faults
    try:
        return position(north, east, radius_m, word, area=AREA), []
    except RawDataError as error:
        return None, [("latitude", str(error))]


angle_like = st.one_of(
    st.text("0123456789.,-+°'\"NSEW мсшюдз", max_size=14),
    st.text(max_size=20),
    st.floats(-95, 95).map(str),
    st.floats(42.8, 43.2).map(lambda degrees: f"{degrees:.5f}"),
    st.floats(-27.3, -26.7).map(lambda degrees: f"{degrees:.17f}"),
    st.sampled_from(["", "NA", "43°07.5′N", "27°0'0\" W", "0", "-0", "43 N", "4763512", "27 E", "190"]),
)


inside = st.tuples(st.floats(42.86, 43.14).map(str), st.floats(-27.25, -26.75).map(str))


@given(
    st.lists(
        st.tuples(
            inside | st.tuples(angle_like, angle_like),
            st.sampled_from(["", "н/д", "5", "1500,5", "-3", "5 m"]) | st.floats(0, 10**6).map(str),
            st.sampled_from(["", "GPS", " wider ", "hamlet", *KINDS]),
        ),
        max_size=8,
    )
)
def test_columns_say_what_the_functions_for_one_cell_say(rows) -> None:
    rows = [(*pair, radius, kind) for pair, radius, kind in rows if not any(_holds_two(cell) for cell in pair)]
    names = ("latitude", "longitude", "precision_m", "location_kind")
    found = read(**{name: [row[at] for row in rows] for at, name in enumerate(names)})
    for at, row in enumerate(rows):
        place, faults = cell_by_cell(*row)
        assert [(column, message) for where, column, message in found.faults if where == at] == faults
        if place is None:
            assert np.isnan([found.latitude[at], found.longitude[at], found.precision_m[at]]).all()
            assert found.kind[at] == ""
        else:
            read_at = [column[at] for column in (found.longitude, found.latitude, found.precision_m, found.kind)]
            assert place == Position(*read_at, is_precision_stated=bool(found.is_precision_stated[at]))


def _holds_two(text: str) -> bool:
    """Whether a cell holds two numbers, which only whole columns read."""
    found = read_one(latitude=text)
    is_refused_as_two = any(re.search("[Tt]wo numbers|map grid[.]", message) for _, _, message in found.faults)
    return is_refused_as_two or not np.isnan(found.latitude[0])


metres_like = st.text("0123456789 .,'+-mENTS", max_size=20)


@given(metres_like, metres_like, st.sampled_from(["UTM 42N", "GK 12", None]))
def test_whatever_metres_are_written_it_is_a_place_in_the_area_or_a_refusal(easting: str, northing: str, crs: str | None) -> None:
    found = read_one(area=FERGANA, crs=crs, easting=easting, northing=northing, mend_exchanged=True)
    if np.isnan(found.latitude[0]):
        assert found.faults or all(not text or is_unknown(text) for text in (easting, northing))
    else:
        assert FERGANA[0] <= found.longitude[0] <= FERGANA[2]
        assert FERGANA[1] <= found.latitude[0] <= FERGANA[3]


@given(st.floats(39.6, 40.4), st.floats(69.5, 71.2), st.sampled_from(["EPSG:32642", "EPSG:28412"]))
def test_metres_lead_back_to_the_degrees_they_came_from(latitude: float, longitude: float, crs: str) -> None:
    from pyproj import Transformer
    from pyproj.transformer import AreaOfInterest

    forward = Transformer.from_crs("EPSG:4326", crs, always_xy=True, area_of_interest=AreaOfInterest(*FERGANA))
    easting, northing = forward.transform(longitude, latitude)
    found = read_one(area=(69.4, 39.5, 71.3, 40.5), crs=crs, easting=f"{easting:.3f}", northing=f"{northing:.3f}")
    assert (found.latitude[0], found.longitude[0]) == pytest.approx((latitude, longitude), abs=2e-8)


def test_no_rows_are_no_rows() -> None:
    found = read(latitude=[])
    assert len(found.latitude) == len(found.kind) == 0
    assert found.faults == []
