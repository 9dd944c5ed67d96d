"""The round trip of a correction sheet: printed, drawn on, photographed and read again, every stroke within 30 m at 1:50,000."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import geopandas as gpd
import numpy as np
import pypdfium2
import pytest
import shapely
from PIL import Image

from tensionmap.errors import ReleaseError
from tensionmap.ingest.digitise import digitise
from tensionmap.marks import SheetCode, marks_of
from tensionmap.publish import correction, reporting_day
from tensionmap.publish.chart import View
from tensionmap.publish.drawn import Marks, Shape, Writing
from tensionmap.publish.page import A4_MM, Page, as_pdf
from tensionmap.publish.sheet import A3_MM, PAPERS, SCALES
from tensionmap.publish.words import Words

sys.path.insert(0, str(Path(__file__).parent))
try:
    from photocopy import DARK, Copier, photocopied, rasterised
finally:
    sys.path.pop(0)

WEST, SOUTH = 500_000, 4_760_000
NEAR_M = 30
RED, BLUE, GREEN = (200, 30, 40), (40, 60, 170), (30, 140, 60)
PEN_MM = 0.8

# Strokes on the ground of the small release: around its hot spot with every hatch, along its roads and claims, beside a village.
LOOP = shapely.Point(WEST + 3500, SOUTH + 3800).buffer(900)
ALONG = np.linspace(0, 1, 80)
WAY = shapely.LineString(np.column_stack([WEST + 1000 + 7000 * ALONG, SOUTH + 1500 + 5200 * ALONG + 400 * np.sin(9 * ALONG)]))
HELP = shapely.Point(WEST + 6500, SOUTH + 4500)


def cross(place, reach_m=110):
    x, y = place.x, place.y
    ends = ((-1, -1, 1, 1), (-1, 1, 1, -1))
    return shapely.MultiLineString(
        [[(x + a * reach_m, y + b * reach_m), (x + c * reach_m, y + d * reach_m)] for a, b, c, d in ends]
    )


STROKES = ((LOOP.exterior, RED), (WAY, BLUE), (cross(HELP), GREEN))


@dataclass(frozen=True)
class Sheet:
    """A correction sheet on paper: its file, its page, and where its frame was drawn, whatever its code says."""

    pdf: bytes
    number: int
    page: Page
    bounds: tuple[float, float, float, float]

    @property
    def frame(self):
        """West, south, east, north of the frame on the paper: the box that the thick line of a map is drawn around."""
        is_frame = (
            piece.geometry.bounds
            for piece in self.page.drawn
            if isinstance(piece, Shape) and piece.z == 16 and len(shapely.get_parts(piece.geometry)) == 1
        )
        return next(is_frame)

    @property
    def m_per_mm(self):
        return (self.bounds[2] - self.bounds[0]) / (self.frame[2] - self.frame[0])

    def mm(self, metres):
        """Places on the ground -> millimetres of the paper."""
        return (np.asarray(metres) - self.bounds[:2]) / self.m_per_mm + self.frame[:2]

    @property
    def code(self):
        text = " ".join(line.text for line in reversed(self.page.drawn) if isinstance(line, Writing))
        return SheetCode.read(re.search(r"TM1( \S+){7}", text)[0])

    def scanned(self, dpi=300):
        with pypdfium2.PdfDocument(self.pdf) as document:
            return document[self.number].render(scale=dpi / 72, rev_byteorder=True).to_numpy()[:, :, :3].copy()


PACKS: dict[str, Sheet] = {}


@pytest.fixture
def printed(release, monkeypatch):
    """The sheet out of a real pack, nine kilometres across, on a paper."""

    def of(paper="A4"):
        if paper not in PACKS:
            kept = []
            monkeypatch.setattr(reporting_day, "as_pdf", lambda pages: kept.extend(pages) or as_pdf(pages))
            pdf = reporting_day.meeting_pack(
                release(), settlement_id="v1", quarter="2026Q3", language="ru", around_m=4500, paper=paper
            )
            (number,) = (
                n for n, page in enumerate(kept) if any(isinstance(p, Writing) and p.text.startswith("TM1 ") for p in page.drawn)
            )
            PACKS[paper] = Sheet(pdf, number, kept[number], (WEST, SOUTH, WEST + 9000, SOUTH + 9000))
        return PACKS[paper]

    return of


def sheet_on(release, page, *, part=None, **how):
    """The sheet alone on a page of any size."""
    view = View(release, "tension", part or (WEST, SOUTH, WEST + 9000, SOUTH + 9000), ("Orrin", "Оррин"))
    given = {"name": "V1-2026Q3", "title": "Tension map", "index_m": 1000, "scales": SCALES, "zoom": 1.0}
    correction.correction_sheet(page, view, Words("en"), **{**given, **how})
    return Sheet(as_pdf([page]), 0, page, view.bounds)


def drawn(picture, sheet, strokes=STROKES, *, at=None, pen_mm=PEN_MM):
    """The picture of a sheet after people drew on it, as ink that darkens; ``at`` says where a place of the paper lies in it."""
    per_mm, shift = picture.shape[0] / sheet.page.height, 8
    at = at or (lambda mm: (mm * (1, -1) + (0, sheet.page.height)) * per_mm - 0.5)
    for shape, colour in strokes:
        ink = np.full(picture.shape, 255, np.uint8)
        for part in shapely.get_parts(shape):
            pixels = at(sheet.mm(shapely.get_coordinates(part)))
            width = max(1, round(pen_mm * per_mm))
            cv2.polylines(ink, [np.round(pixels * 2**shift).astype(np.int32)], False, colour, width, cv2.LINE_AA, shift)
        picture = (picture.astype(np.uint16) * ink // 255).astype(np.uint8)
    return picture


def photographed(picture, *, fringe=0.0005):
    """At an angle on a brown table, half in a shadow, grainy, soft, with a lens that shifts red and blue."""
    (height, width), size = picture.shape[:2], (2300, 3000) if picture.shape[0] > picture.shape[1] else (3000, 2300)
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    lie = np.array([(0.12, 0.10), (0.86, 0.06), (0.97, 0.93), (0.03, 0.96)], np.float32) * np.array(size, np.float32)
    flat = cv2.getPerspectiveTransform(corners, lie)
    table = cv2.warpPerspective(cv2.GaussianBlur(picture, (0, 0), 1), flat, size, borderValue=(90, 70, 55)).astype(np.float32)
    across, down = np.meshgrid(np.linspace(0, 1, size[0]), np.linspace(0, 1, size[1]))
    light = (1 - 0.5 / (1 + np.exp(-(across + 0.6 * down - 1) * 18))) * (1 - 0.25 * down)
    tint = np.dstack([1 - 0.15 * (1 - light), np.ones_like(light), 1 + 0.25 * (1 - light)]) * (0.95, 0.93, 0.86)
    lit = table * light[:, :, None] * tint + np.random.default_rng(4).normal(0, 6, table.shape)
    lit = np.clip(cv2.GaussianBlur(lit, (0, 0), 0.9), 0, 255).astype(np.uint8)
    channels = []
    for channel, by in zip(cv2.split(lit), (1 + fringe, 1, 1 - fringe), strict=True):
        zoom = np.array([[by, 0, size[0] / 2 * (1 - by)], [0, by, size[1] / 2 * (1 - by)]])
        channels.append(cv2.warpAffine(channel, zoom, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))
    return cv2.merge(channels)


def read(folder, picture, quality=70):
    """What the picture, saved as a phone does, says."""
    Image.fromarray(picture).save(folder / "photo.jpg", quality=quality)
    (found,) = digitise(folder / "photo.jpg")
    return found


def require_as_drawn(found, sheet):
    """The red area, the blue line and the green cross where they were drawn, and nothing else; the sheet is known again."""
    assert found.code == sheet.code
    assert found.code.crs == "EPSG:32626"
    table = found.features.set_index("colour")
    assert table.crs == "EPSG:32626"
    assert set(table["sheet_id"]) == {sheet.code.sheet_id}
    assert sorted(table["kind"].items()) == [("blue", "line"), ("green", "mark"), ("red", "area")], found.notes
    area, line, place = table.geometry[["red", "blue", "green"]]
    apart = {
        "area": shapely.hausdorff_distance(area.exterior, LOOP.exterior, 0.01),
        "line": shapely.hausdorff_distance(line, WAY, 0.01),
        "mark": place.distance(HELP),
    }
    # What a hand and a camera can do is so many millimetres of paper: told for the scale of 1:50,000 on A4.
    scale = sheet.m_per_mm * 1000
    print(f"1:{scale:,.0f}", {kind: round(float(metres) * 50_000 / scale, 1) for kind, metres in apart.items()})
    assert max(apart.values()) * 50_000 / scale < NEAR_M, apart


# Refused ---------------------------------------------------------------------------------------------------------------------


def test_a_map_that_fits_at_no_scale_is_refused(release):
    with pytest.raises(ReleaseError, match=r"fits at no scale\. Choose a smaller around_m"):
        sheet_on(release(), Page(*A4_MM), scales=(10_000,))


def test_a_name_without_an_end_is_cut_to_what_a_code_holds(release):
    sheet = sheet_on(release(), Page(*A4_MM), name="V1/Ӯлмек/" + "x" * 90)
    assert sheet.code.name == ("V1-------" + "X" * 90)[:40]


def test_a_title_that_cannot_be_read_is_refused(release):
    with pytest.raises(ReleaseError, match="wider than its box"):
        sheet_on(release(), Page(*A4_MM), title="w" * 200)


# The page --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("paper", "zoom"), [("A4", 1.0), ("A3", PAPERS["A3"])])
def test_the_frame_is_where_the_code_says_at_a_round_scale(printed, paper, zoom):
    sheet = printed(paper)
    assert np.allclose(np.array(sheet.frame) / zoom, sheet.code.frame_mm, atol=0.05)
    assert sheet.code.extent_m == sheet.bounds
    assert sheet.code.page_mm == A4_MM
    assert min(abs(sheet.m_per_mm * 1000 - scale) for scale in SCALES) < 1
    assert (sheet.frame[2] - sheet.frame[0]) / sheet.page.width > 0.8, "the map fills the page"
    # Where the pages say that a village lies, it is drawn.
    (village,) = sheet.mm([(WEST + 3500, SOUTH + 3500)])
    symbols = np.concatenate([piece.points for piece in sheet.page.drawn if isinstance(piece, Marks)])
    assert np.hypot(*(symbols - village).T).min() < 0.01


def test_the_marks_are_black_and_nothing_else_is_near_them(printed):
    sheet = printed()
    picture = sheet.scanned(200)[:, :, 1]
    per_mm = 200 / 25.4
    for mark in marks_of(*A4_MM):
        west, south, east, north = (round(mm * per_mm) for mm in mark.kept_free)
        kept = picture[picture.shape[0] - north : picture.shape[0] - south, west:east]
        rim = np.concatenate([kept[:8].ravel(), kept[-8:].ravel(), kept[:, :8].ravel(), kept[:, -8:].ravel()])
        assert rim.min() == 255, mark.corner
        assert kept.min() == 0


def test_the_map_is_faint_and_the_texts_are_not(printed):
    sheet = printed()
    picture = sheet.scanned(100)[:, :, 1]
    per_mm = 100 / 25.4
    west, south, east, north = (round(mm * per_mm) for mm in sheet.frame)
    inside = picture[picture.shape[0] - north + 4 : picture.shape[0] - south - 4, west + 4 : east - 4]
    assert 100 < inside.min() < 200
    assert picture.min() == 0
    veil = next(piece for piece in sheet.page.drawn if isinstance(piece, Shape) and piece.fill == correction.VEIL)
    assert tuple(np.round(veil.geometry.bounds, 6)) == tuple(np.round(sheet.frame, 6))
    above = [piece for piece in sheet.page.drawn if piece.z > veil.z]
    # Only the frame, the texts outside it and the marks lie on the veil.
    assert not [
        piece for piece in above if isinstance(piece, Writing) and shapely.box(*sheet.frame).intersects(shapely.box(*piece.box))
    ]


def test_it_is_the_tension_map_with_its_water(printed):
    assert "Head Intake" in {piece.text for piece in printed().page.drawn if isinstance(piece, Writing)}


def index_of(sheet):
    """The last letter and the last number at the edges of the map."""
    frame = shapely.box(*sheet.frame)
    boxes = [(p.text, shapely.box(*p.box)) for p in sheet.page.drawn if isinstance(p, Writing)]
    beside = {text for text, box in boxes if not frame.intersects(box) and frame.distance(box) < 4}
    letters, numbers = ({text for text in beside if re.fullmatch(pattern, text)} for pattern in ("[A-Z]", r"\d"))
    return max(letters) + max(numbers)


@pytest.mark.parametrize(("index_m", "last"), [(1000, "I9"), (2000, "E5")])
def test_squares_of_the_index_are_those_that_are_asked_for(release, index_m, last):
    assert index_of(sheet_on(release(), Page(*A4_MM), index_m=index_m)) == last


def test_in_a_pack_squares_of_the_index_are_those_of_its_map(printed):
    """At 1:70,000 the map has squares of 2 km; by itself the sheet, at 1:50,000, would have squares of 1 km."""
    assert index_of(printed()) == "E5"


def test_the_same_sheet_gives_the_same_bytes(release):
    assert sheet_on(release(), Page(*A4_MM)).pdf == sheet_on(release(), Page(*A4_MM)).pdf


# There and back --------------------------------------------------------------------------------------------------------------


def test_a_scan_comes_back_and_tells_which_village_was_drawn_around(printed, tmp_path, release):
    found = read(tmp_path, drawn(printed().scanned(200), printed()))
    require_as_drawn(found, printed())
    areas = found.features[found.features["kind"] == "area"]
    near = gpd.sjoin(release().background["settlements"], areas, predicate="within")
    assert list(near["settlement_id"]) == ["v1"]


def test_a_photograph_at_an_angle_in_a_shadow_comes_back(printed, tmp_path):
    require_as_drawn(read(tmp_path, photographed(drawn(printed().scanned(), printed()))), printed())


def test_an_a3_sheet_comes_back(printed, tmp_path):
    sheet = printed("A3")
    assert (sheet.page.width, sheet.page.height) == A3_MM
    require_as_drawn(read(tmp_path, photographed(drawn(sheet.scanned(200), sheet))), sheet)


def test_a_sheet_that_lies_comes_back(release, tmp_path):
    part = (WEST, SOUTH + 1000, WEST + 9000, SOUTH + 7000)
    sheet = sheet_on(release(), Page(*A4_MM[::-1]), part=part)
    assert 40 < sheet.m_per_mm < 60
    require_as_drawn(read(tmp_path, photographed(np.rot90(drawn(sheet.scanned(), sheet)).copy())), sheet)


@pytest.mark.parametrize("copier", [Copier(DARK), Copier(is_screened=True)], ids=["dark", "screened"])
def test_a_photocopy_that_was_drawn_on_comes_back(printed, tmp_path, copier):
    sheet = printed()
    copy = photocopied(rasterised(sheet.pdf, sheet.number + 1), copier, times=1, seed=3)
    greys = np.repeat(copy.pixels.astype(np.uint8)[:, :, None], 3, axis=2)
    strokes = drawn(greys, sheet, at=lambda mm: copy.at(mm, sheet.page.height).T[:, ::-1])
    require_as_drawn(read(tmp_path, photographed(strokes) if copier.is_screened else strokes), sheet)


def test_the_faint_map_itself_is_no_stroke_whatever_the_lens(printed, tmp_path):
    found = read(tmp_path, photographed(printed().scanned(), fringe=0.0012))
    assert found.code == printed().code
    assert found.features.empty, found.features[["colour", "kind"]]


def test_all_that_is_drawn_in_the_margins_is_left_out(printed, tmp_path):
    sheet = printed()
    outside = shapely.LineString([(WEST + 1000, SOUTH - 700), (WEST + 5000, SOUTH - 800)])
    found = read(tmp_path, drawn(sheet.scanned(200), sheet, [(outside, RED), (cross(HELP), GREEN)]))
    assert list(found.features["colour"]) == ["green"]
    assert any("1 stroke outside the map frame" in note for note in found.notes)
