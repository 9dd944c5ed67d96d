import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tensionmap.errors import RawDataError
from tensionmap.ingest.coordinates import Position, parse_coordinate, parse_kind, parse_metres, position

AREA = (-27.25, 42.86, -26.75, 43.14)


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
