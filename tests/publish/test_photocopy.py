"""A sheet lives through two photocopies on an old machine: classes, letters and border lines stay apart."""

import sys
from pathlib import Path

import numpy as np
import pytest
import shapely
from scipy import ndimage

from tensionmap import tables
from tensionmap.publish import sheet as sheets
from tensionmap.publish import style
from tensionmap.publish.drawn import PT_MM, Shape, Writing
from tensionmap.publish.keys import KEY_MM, mark_pt
from tensionmap.publish.page import BODY_PT, Page, as_pdf

sys.path.insert(0, str(Path(__file__).parent))
try:
    from photocopy import DARK, EVEN, LIGHT, PX_MM, Copier, copies, photocopied, rasterised
finally:
    sys.path.pop(0)

PAPER_MM = (148.0, 105.0)
BLANK, DOTS, STROKES, CROSSES = tables.BANDS
A3 = 2**0.5
INSET_MM = 0.45
"""What a dark copier adds to the edge of a square."""
CLEARER = 0.08
"""How much more ink must lie where a mark is in its letter than in the letter without: at 9 pt from 0.12, at 6 pt from -0.1."""
PAIRS = ("ӣи", "ӯу", "ҷч", "ҳх", "ңн", "өо", "үу", "ғг", "қк", "ʻ ", "ӢИ", "ӮУ", "ҶЧ", "ҲХ", "ҢН", "ӨО", "ҮУ", "ҒГ", "ҚК")
FRONTS = [("crime", "tg", Copier(DARK)), ("tension", "ky", Copier(LIGHT, is_screened=True))]
EM_STEPS = 48


@pytest.fixture
def raster():
    return lambda page, magnified=1.0: rasterised(as_pdf([page]), magnified=magnified)


# Squares -------------------------------------------------------------------------------------------------------------------


def slant(ink):
    """Balance of the diagonals, -1 (all edges run from south-west to north-east) to 1; about 0 for dots, crosses and nothing."""
    down, right = np.gradient(ndimage.gaussian_filter(ink, 1.5))
    return -2 * (right * down).sum() / max((right**2 + down**2).sum(), 1e-9)


def lines_mm(ink):
    """The longest line of ink from south-west to north-east and the longest from north-west to south-east, together."""
    is_ink = ndimage.gaussian_filter(ink, 1.0) > 0.42
    offsets = range(-len(ink) + 1, ink.shape[1])
    return sum(max(_longest(np.diagonal(side, n)) for n in offsets) * 2**0.5 / PX_MM for side in (is_ink[:, ::-1], is_ink))


def _longest(is_ink):
    """The most pixels of ink in a row."""
    changes = np.flatnonzero(np.diff(np.pad(is_ink.astype(int), 1)))
    return max(changes[1::2] - changes[::2], default=0)


def squares(sides_mm, looks, number=6):
    """A page with ``number`` squares of each size and look, each at another part of its hatch; and where they are."""
    page, boxes, x, y = Page(PAPER_MM[0], 8.0 + sum(2 * (side + 1.41) for side in sides_mm)), {}, 4.0, 4.0
    for side in sides_mm:
        for name, (grey, hatch) in looks.items():
            for _ in range(number):
                if x + side > PAPER_MM[0] - 4:
                    x, y = 4.0, y + side + 1.41
                box = (x, y, x + side, y + side)
                boxes.setdefault(name, []).append(box)
                page.shape(shapely.box(*box), fill=grey, hatch=hatch, z=3)
                x += side + 1.37
        x, y = 4.0, y + side + 1.41
    return page, boxes


def faults_of_squares(copy, boxes, height_mm, magnified=1.0):
    """What a reader of one copy would take for something else.

    Seen in squares of 3 mm over all copiers: slants of strokes up to -0.8, of the others from -0.42; lines of dots up to
    1.7 mm, of crosses from 2.8 mm; twice as much ink in dots as in a blank.
    """
    inside = {name: np.array(of) + INSET_MM * np.array([1, 1, -1, -1]) for name, of in boxes.items()}
    crops = {name: [copy.crop(tuple(box), height_mm * magnified) for box in magnified * of] for name, of in inside.items()}
    blank, dots = (np.array([crop.mean() for crop in crops[band]]) for band in (BLANK, DOTS))
    found = [f"{share:.2f} of ink in a blank, {dots.min():.2f} in dots" for share in blank if share > 0.5 * dots.min()]
    slants = {band: np.array([slant(crop) for crop in crops[band]]) for band in (DOTS, STROKES, CROSSES)}
    found += [f"strokes with a slant of {seen:.2f}" for seen in slants[STROKES] if seen > -0.7]
    found += [f"dots or crosses with a slant of {seen:.2f}" for seen in [*slants[DOTS], *slants[CROSSES]] if seen < -0.5]
    lines = {band: np.array([lines_mm(crop) / magnified for crop in crops[band]]) for band in (DOTS, CROSSES)}
    found += [f"dots with lines of {seen:.1f} mm" for seen in lines[DOTS] if seen > 1.9]
    found += [f"crosses with lines of {seen:.1f} mm" for seen in lines[CROSSES] if seen < 2.5]
    black = max(crop.mean() for crop in crops[CROSSES])
    return [*found, *([f"{black:.2f} of ink in crosses"] if black > 0.8 else [])]


LOOKS = {band: (look.grey, look.hatch) for band, look in style.BANDS.items()}


def test_three_classes_and_blank_stay_apart_down_to_the_smallest_square(raster):
    page, boxes = squares([style.SMALLEST_HATCHED_MM, 4.0, 6.0], LOOKS)
    for copy in copies(raster(page), range(2)):
        assert faults_of_squares(copy, boxes, page.height) == []


def test_three_classes_and_blank_stay_apart_at_the_size_of_a3(raster):
    page, boxes = squares([style.SMALLEST_HATCHED_MM], LOOKS)
    for copy in copies(raster(page, A3), range(1)):
        assert faults_of_squares(copy, boxes, page.height, A3) == []


def test_squares_smaller_than_the_smallest_or_told_by_grey_alone_would_not_stay_apart(raster):
    greys = {BLANK: ("#ffffff", ""), DOTS: ("#d0d0d0", ""), STROKES: ("#a0a0a0", ""), CROSSES: ("#808080", "")}
    for side_mm, looks in ((1.6, LOOKS), (9.0, greys)):
        page, boxes = squares([side_mm], looks)
        faults = [faults_of_squares(copy, boxes, page.height) for copy in copies(raster(page), range(1))]
        assert any(faults)


def test_marks_of_small_squares_stay_empty_half_and_full(raster):
    page = Page(*PAPER_MM)
    points = {band: [(10 + 12.3 * n, 20 + 20 * row) for n in range(8)] for row, band in enumerate(style.MARKS)}
    for band, places in points.items():
        page.marks(places, "s", mark_pt(1.0), 6, part_filled=style.MARKS[band])
    half = mark_pt(1.0) * PT_MM / 2 - 0.4
    for copy in copies(raster(page), range(1)):
        west = {
            band: [copy.crop((x - half, y - half, x - 0.25, y + half), PAPER_MM[1]).mean() for x, y in of]
            for band, of in points.items()
        }
        east = {
            band: [copy.crop((x + 0.25, y - half, x + half, y + half), PAPER_MM[1]).mean() for x, y in of]
            for band, of in points.items()
        }
        assert max(west[DOTS] + east[DOTS] + east[STROKES]) < 0.3
        assert min(west[STROKES] + west[CROSSES] + east[CROSSES]) > 0.8


# Lines ---------------------------------------------------------------------------------------------------------------------


def lines_at_angles(strokes):
    """A page with every stroke across, up and aslant; and where each runs."""
    page, places = Page(*PAPER_MM), {}
    for number, (name, stroke) in enumerate(strokes.items()):
        for turn, (across, up) in enumerate([(40.0, 0.0), (0.0, 40.0), (33.0, 19.0)]):
            start = (8.0 + 45 * turn + 6 * number, 12.0 + 8 * number * (turn != 1))
            ends = [start, (start[0] + across, start[1] + up)]
            page.stroke(shapely.LineString(ends), stroke, 7)
            places.setdefault(name, []).append(ends)
    return page, places


def along(copy, ends, height_mm, aside_mm=0.0):
    """Where there is ink along a line, every 0.05 mm; ``aside_mm`` to its left."""
    (west, south), (east, north) = ends
    length = np.hypot(east - west, north - south)
    run = np.array([east - west, north - south]) / length
    normal = np.array([-run[1], run[0]])
    steps = np.arange(0.6, length - 0.6, 0.05)
    near = [
        copy.ink(np.array([west, south]) + steps[:, None] * run + (aside_mm + shift) * normal, height_mm)
        for shift in (-0.08, 0, 0.08)
    ]
    return np.mean(near, axis=0) > 0.5


def status_seen(copy, ends, height_mm):
    """What a reader takes a border line for."""
    is_ink = along(copy, ends, height_mm)
    beads = np.mean([along(copy, ends, height_mm, aside).mean() for aside in (-0.5, 0.5)])
    if is_ink.mean() > 0.97:
        return "agreed" if beads > 0.12 else "a plain line"
    dash = 0.05 * _longest(is_ink)
    if beads > 0.06 or is_ink.mean() > 0.85:
        return "unclear"
    return "claimed" if dash > 2.4 else "undetermined" if 0.5 < dash < 1.7 else "unclear"


def test_border_lines_of_the_three_statuses_stay_apart(raster):
    page, places = lines_at_angles(style.CLAIMS)
    for copy in copies(raster(page), range(2)):
        seen = {status: {status_seen(copy, ends, PAPER_MM[1]) for ends in of} for status, of in places.items()}
        assert seen == {status: {status} for status in style.CLAIMS}


def test_the_thinnest_line_stays_whole_and_a_hairline_would_not(raster):
    page, places = lines_at_angles({"thinnest": style.Stroke(style.THINNEST_LINE_PT), "hairline": style.Stroke(0.25)})
    image = raster(page)
    left = {
        name: min(
            along(copy, ends, PAPER_MM[1]).mean()
            for copy in [photocopied(image, Copier(LIGHT), seed=seed) for seed in range(3)]
            for ends in of
        )
        for name, of in places.items()
    }
    assert left["thinnest"] > 0.97
    assert left["hairline"] < 0.5


# Letters -------------------------------------------------------------------------------------------------------------------


def letter(copy, at, size, height_mm):
    """The ink of one letter, always as many pixels."""
    em, (x, y) = size * PT_MM, at
    return copy.crop((x - 0.15 * em, y - 0.4 * em, x + 0.95 * em, y + 1.15 * em), height_mm, step_mm=em / EM_STEPS)


def marks_of_letters(raster):
    """Where the first letter of a pair has ink that the second has not, and where near it neither has or the second alone."""
    page, size, marks = Page(160, 180), 36, {}
    places = {pair: [(8 + 40 * (n % 4) + 20 * side, 12 + 33 * (n // 4)) for side in range(2)] for n, pair in enumerate(PAIRS)}
    for pair, of in places.items():
        for sign, (x, y) in zip(pair, of, strict=True):
            page.text(x, y, sign, size=size)
    clean = raster(page)
    for pair, of in places.items():
        first, second = (letter(clean, at, size, page.height) for at in of)
        mark = (first > 0.5) & (second < 0.25)
        around = ndimage.binary_dilation(mark, iterations=6) & ~ndimage.binary_dilation(mark) & (first < 0.25)
        marks[pair] = mark, around | ((second > 0.5) & (first < 0.25))
    return marks


def unclear_letters(size, raster, seeds):
    """Pairs of letters of which a copy does not show which is which."""
    page, number = Page(*PAPER_MM), 3
    places = {
        (pair, sign): [(6 + (n % 5) * 28 + side * 13 + 4.1 * place, 95 - (n // 5) * 8 - 0.021 * n) for place in range(number)]
        for n, pair in enumerate(PAIRS)
        for side, sign in enumerate(pair)
    }
    for (_, sign), of in places.items():
        for x, y in of:
            # As Page.text prints it, which refuses smaller sizes.
            page.drawn.append(Writing(z=20, x=x, y=y, text=sign, size=size, face="", colour=style.INK, has_halo=False))
    marks = marks_of_letters(raster)
    found = set()
    for copy in copies(raster(page), seeds):
        for pair in PAIRS:
            mark, around = marks[pair]
            crops = [[letter(copy, at, size, PAPER_MM[1]) for at in places[pair, sign]] for sign in pair]
            with_mark, without = ([crop[mark].mean() - crop[around].mean() for crop in of] for of in crops)
            if min(with_mark) - max(without) < CLEARER:
                found.add(pair)
    return found


def test_letters_keep_their_marks_at_the_smallest_size_that_a_page_prints(raster):
    assert BODY_PT == style.SMALLEST_TYPE_PT == 9
    assert unclear_letters(BODY_PT, raster, range(2)) == set()


def test_letters_would_lose_their_marks_at_six_points(raster):
    assert {"ӯу", "қк"} <= unclear_letters(6, raster, range(1, 3))


# Whole sheets --------------------------------------------------------------------------------------------------------------


def legend_boxes(page):
    """The key of each band in the legend of a page."""
    keys = [piece for piece in page.drawn if isinstance(piece, Shape) and piece.z == 10 and piece.ink and piece.fill]
    boxes = [(key, key.geometry.bounds) for key in keys]
    looks = {(look.grey, look.hatch): band for band, look in style.BANDS.items()}
    found = {}
    for key, (west, south, east, north) in boxes:
        if abs(east - west - KEY_MM) < 0.01 and abs(north - south - 4) < 0.01:
            found.setdefault(looks[key.fill, key.hatch], []).append((west, south, east, north))
    return found


def claim_keys(page):
    """The key of each status in the legend of a page: a level line of the length of a key."""
    found = {}
    for piece in page.drawn:
        for status, look in style.CLAIMS.items():
            if isinstance(piece, Shape) and (piece.width_pt, tuple(piece.dash)) == (look.width_pt, look.dash):
                west, south, east, north = piece.geometry.bounds
                if north == south and abs(east - west - KEY_MM) < 0.01:
                    found[status] = [(west, south), (east, north)]
    return found


@pytest.mark.parametrize(("theme", "language", "copier"), FRONTS)
def test_the_legend_of_a_real_sheet_can_be_read_after_two_copies(theme, language, copier, release, monkeypatch):
    printed = []
    monkeypatch.setattr(sheets, "as_pdf", lambda pages: printed.extend(pages) or as_pdf(pages))
    pdf = {"crime": sheets.crime_sheet, "tension": sheets.tension_sheet}[theme](release(), language=language)
    boxes, keys, height = legend_boxes(printed[0]), claim_keys(printed[0]), printed[0].height
    assert set(boxes) == set(tables.BANDS)
    assert set(keys) == {"claimed", "agreed"}
    copy = photocopied(rasterised(pdf), copier, seed=3)
    assert faults_of_squares(copy, boxes, height) == []
    assert {status: status_seen(copy, ends, height) for status, ends in keys.items()} == {status: status for status in keys}


def test_slopes_in_the_shade_disappear_and_are_faint_where_greys_are_printed_as_dots(raster):
    page = Page(len(style.RELIEF) * 30.0, 30.0)
    for number, (_, grey) in enumerate(style.RELIEF):
        page.shape(shapely.box(30 * number, 0, 30 * number + 30, 30), fill=grey, ink=False)
    image = raster(page)
    copiers = [(Copier(limit), 0.002) for limit in (DARK, EVEN, LIGHT)]
    copiers += [(Copier(limit, is_screened=True), 0.08) for limit in (DARK, EVEN, LIGHT)]
    for copier, most in copiers:
        copy = photocopied(image, copier, seed=1)
        left = [copy.crop((30 * number + 4, 4, 30 * number + 26, 26), page.height).mean() for number in range(len(style.RELIEF))]
        assert max(left) < most


# The copier ----------------------------------------------------------------------------------------------------------------


def test_the_same_page_and_seed_give_the_same_copy_in_black_and_white(raster):
    page, _ = squares([6.0], LOOKS)
    image = raster(page)
    first, again, other = (photocopied(image, seed=seed).pixels for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
    assert set(np.unique(first)) == {0, 255}


def test_a_dark_copier_makes_lines_fatter_and_a_light_one_thinner(raster):
    page = Page(*PAPER_MM)
    page.shape(shapely.LineString([(20, 50), (120, 50)]), lw=3)
    image = raster(page)
    width = {
        name: photocopied(image, Copier(limit), seed=1).crop((40, 45, 100, 55), PAPER_MM[1]).sum() / (60 * PX_MM) / PX_MM
        for name, limit in (("dark", DARK), ("even", EVEN), ("light", LIGHT))
    }
    assert width["light"] < width["even"] < width["dark"]
    assert width["even"] == pytest.approx(3 * PT_MM, rel=0.1)


def test_a_copy_knows_where_a_point_of_the_page_has_gone(raster):
    page = Page(*PAPER_MM)
    points = [(10.0, 10.0), (138.0, 10.0), (138.0, 95.0), (74.0, 50.0)]
    page.marks(points, "o", 4, 3)
    copy = photocopied(raster(page), seed=5)
    for x, y in points:
        assert copy.crop((x - 0.3, y - 0.3, x + 0.3, y + 0.3), PAPER_MM[1]).mean() > 0.99
        assert copy.crop((x + 1, y + 1, x + 1.6, y + 1.6), PAPER_MM[1]).mean() < 0.01
