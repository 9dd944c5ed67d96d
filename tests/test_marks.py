"""Corner marks and the code of a correction sheet: the marks are ArUco's, and a code comes back as it was or not at all."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import segno
import shapely
from hypothesis import given
from hypothesis import strategies as st

from tensionmap.errors import RawDataError, ReleaseError
from tensionmap.marks import MARGIN_MM, MODULE_MM, MODULES, PATTERNS, SheetCode, marks_of

CODE = SheetCode(
    digest="7a3b9c01de",
    name="ISFARA-2026Q3-TENSION-TG",
    crs="EPSG:32642",
    extent_m=(400_000, 4_420_000, 409_600, 4_431_250),
    frame_mm=(9, 45, 201, 270),
    page_mm=(210, 297),
)


# What is refused


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"digest": "7a3b9c01d"}, "The digest must be ten hex digits."),
        ({"digest": "7a3b9c01dx"}, "The digest must be ten hex digits."),
        ({"name": "Исфара"}, "The name 'Исфара' must be"),
        ({"name": "ISFARA TG"}, "The name 'ISFARA TG' must be"),
        ({"name": ""}, "The name '' must be"),
        ({"name": "A" * 41}, "must be 1 to 40"),
        ({"crs": "+proj=laea +lat_0=40"}, "The CRS '+proj=laea +lat_0=40' must be an authority and a number"),
        ({"extent_m": (409_600, 4_420_000, 400_000, 4_431_250)}, "West must be less than east"),
        ({"frame_mm": (9, 45, 211, 270)}, "the frame must lie on the page"),
        ({"extent_m": (400_000, 4_420_000, 410_600, 4_431_250)}, "the same scale from west to east as from south to north"),
    ],
)
def test_sheets_that_cannot_have_a_code(wrong, sentence):
    with pytest.raises(ReleaseError) as error:
        replace(CODE, **wrong)
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "This is not the code of a correction sheet"),
        ("WIFI:T:WPA;S:office;;", "This is not the code of a correction sheet"),
        ("TM1", "cut short or mistyped"),
        (CODE.as_text()[:-1], "cut short or mistyped"),
        (CODE.as_text().replace("32642", "32643"), "cut short or mistyped"),
        ("TM1 1 A E:1 9/9 1 1 6D5A", "cut short or mistyped"),
    ],
)
def test_texts_that_are_no_code(text, sentence):
    with pytest.raises(RawDataError, match=sentence):
        SheetCode.read(text)


@pytest.mark.parametrize("boxes", ["1/2/3 90/450/2010/2700 210/297", "1/2/3/X 1/2/3/4 5/6", f"{'9' * 400}/1/2/3 1/2/3/4 5/6"])
def test_numbers_that_are_no_map_are_refused_even_if_the_check_fits(boxes):
    import zlib

    text = f"TM1 7A3B9C01DE ISFARA EPSG:32642 {boxes}"
    with pytest.raises(RawDataError, match="cannot be a map"):
        SheetCode.read(f"{text} {zlib.crc32(text.encode()) & 0xFFFF:04X}")


@given(st.text(max_size=150) | st.text("TM1 0/9ABEFPSG:.-", max_size=150).map("TM1 ".__add__))
def test_any_other_text_is_refused_in_our_words(text):
    with pytest.raises(RawDataError):
        SheetCode.read(text)


@given(st.integers(0, len(CODE.as_text()) - 1), st.sampled_from("0123456789ABCDEF/"))
def test_one_wrong_character_is_noticed(place, letter):
    text = CODE.as_text()
    wrong = text[:place] + letter + text[place + 1 :]
    if wrong != text:
        with pytest.raises(RawDataError):
            SheetCode.read(wrong)


# What is made


def test_the_marks_are_those_that_opencv_finds():
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_5X5_50)
    for number, pattern in enumerate(PATTERNS):
        theirs = cv2.aruco.generateImageMarker(dictionary, number, MODULES)[1:-1, 1:-1] // 255
        assert [[int(bit) for bit in row] for row in pattern.split()] == theirs.tolist()


@pytest.mark.parametrize(("width", "height"), [(210, 297), (297, 210)])
def test_marks_stand_in_the_corners_of_the_page_and_say_which(width, height):
    marks = marks_of(width, height)
    assert [mark.mark_id for mark in marks] == ([0, 1, 2, 3] if height > width else [4, 5, 6, 7])
    assert [mark.corner for mark in marks] == ["north-west", "north-east", "south-east", "south-west"]
    paper = shapely.box(0, 0, width, height).buffer(-MARGIN_MM, join_style="mitre")
    assert shapely.union_all([shapely.box(*mark.box) for mark in marks]).bounds == paper.bounds
    middle = np.array([width, height]) / 2
    sides = [np.sign(np.mean(mark.corners, axis=0) - middle).tolist() for mark in marks]
    assert sides == [[-1, 1], [1, 1], [1, -1], [-1, -1]]
    for mark in marks:
        assert shapely.box(*mark.kept_free).contains(shapely.box(*mark.box))


def test_the_ink_of_a_mark_is_its_pattern_turned_the_right_way():
    for mark in (*marks_of(210, 297), *marks_of(297, 210)):
        west, _, _, north = mark.box
        middles = (np.arange(1, MODULES - 1) + 0.5) * MODULE_MM
        seen = [["01"[not shapely.covers(mark.ink, shapely.Point(west + x, north - y))] for x in middles] for y in middles]
        assert ["".join(row) for row in seen] == PATTERNS[mark.mark_id].split()
        assert mark.ink.is_valid
        assert mark.ink.bounds == mark.box


def test_a_code_comes_back_as_it_was():
    assert SheetCode.read(CODE.as_text()) == CODE
    assert SheetCode.read(f"  {CODE.as_text().lower().replace(' ', '   ')} ") == CODE
    rounded = replace(CODE, extent_m=(400_000.4, 4_420_000, 409_600.2, 4_431_249.9), frame_mm=(9.04, 45, 201, 269.96))
    assert SheetCode.read(rounded.as_text()) == rounded == CODE
    west = replace(CODE, extent_m=(-9_600, -11_250, 0, 0))
    assert SheetCode.read(west.as_text()) == west
    assert CODE.sheet_id == "7A3B9C01DE-ISFARA-2026Q3-TENSION-TG"
    assert CODE.metres_per_mm == 50


@pytest.mark.parametrize("name", ["ISFARA-2026Q3-TENSION-TG", "W" * 40])
def test_the_code_is_small_enough_for_paper(name):
    qr = segno.make(replace(CODE, name=name).as_text(), error="M", micro=False, boost_error=False)
    assert qr.mode == "alphanumeric"
    assert qr.version <= 6
