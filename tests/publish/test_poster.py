import re
from io import BytesIO

import cv2
import numpy as np
import pytest
import segno
import shapely
from pypdf import PdfReader
from shapely.geometry import LineString, Point, box

from tensionmap.publish import sheet as sheets
from tensionmap.publish import style
from tensionmap.publish.drawn import PT_MM, Marks, Shape, Writing
from tensionmap.publish.letters import face
from tensionmap.publish.page import Page, as_pdf, text_width_mm
from tensionmap.publish.poster import OVERLAP_MM, UNPRINTABLE_MM, ZOOM
from tensionmap.publish.qr import code_mm, draw_code
from tensionmap.publish.sheet import tension_sheet

FAR_OUT = "away from the paper"


def posted(release, monkeypatch, orientation="portrait", language="en"):
    """The front of a sheet, the sheets of its poster, and the file."""
    seen, poster = [], sheets.poster

    def recorded(front, **told):
        seen.append((front, poster(front, **told)))
        return seen[-1][1]

    monkeypatch.setattr(sheets, "poster", recorded)
    pdf = tension_sheet(release("police"), language=language, paper="A1", orientation=orientation)
    return (*seen[-1], pdf)


def frame_of(sheet):
    """What a sheet shows: between its corner marks, the last but one thing that is drawn on it."""
    marks = [piece for piece in sheet.drawn if isinstance(piece, Shape) and piece.z == 30]
    assert len(marks) == 1
    lines = shapely.get_parts(marks[0].geometry)
    (west, south), (east, north) = (shapely.get_coordinates(lines[n])[0] for n in (0, 3))
    return west, south, east, north


def own(sheet):
    """What of a sheet is of the poster: not its marks and its caption."""
    bottom = frame_of(sheet)[1]
    return [
        piece
        for piece in sheet.drawn
        if not (isinstance(piece, Shape) and piece.z == 30) and not (isinstance(piece, Writing) and piece.box[3] < bottom)
    ]


def windows(sheets_of_it, front):
    """Where each sheet lies on the front."""
    across = 2 if front.width < front.height else 4
    down = 8 // across
    frames = [frame_of(sheet) for sheet in sheets_of_it]
    width, height = frames[0][2] - frames[0][0], frames[0][3] - frames[0][1]
    whole = (across * (width - OVERLAP_MM) + OVERLAP_MM, down * (height - OVERLAP_MM) + OVERLAP_MM)
    west, south = ((side - mm / ZOOM) / 2 for side, mm in zip((front.width, front.height), whole, strict=True))
    for number in range(8):
        row, column = divmod(number, across)
        x, y = west + column * (width - OVERLAP_MM) / ZOOM, south + (down - 1 - row) * (height - OVERLAP_MM) / ZOOM
        yield x, y, x + width / ZOOM, y + height / ZOOM


def back_on_front(sheet, window):
    """What of a sheet is of the poster, where it stands on the front."""
    west, south, *_ = frame_of(sheet)
    return [piece.enlarged(1 / ZOOM, window[0] - west / ZOOM, window[1] - south / ZOOM) for piece in own(sheet)]


@pytest.mark.parametrize("orientation", ["portrait", "landscape"])
def test_a_poster_is_eight_sheets_of_a4_that_say_which_they_are(orientation, release, monkeypatch):
    front, tiles, pdf = posted(release, monkeypatch, orientation)
    pages = PdfReader(BytesIO(pdf)).pages
    width, height = (297, 210) if orientation == "portrait" else (210, 297)
    assert len(pages) == len(tiles) == 8
    across = 2 if orientation == "portrait" else 4
    for number, page in enumerate(pages):
        assert [float(side) for side in page.mediabox] == pytest.approx([0, 0, width / PT_MM, height / PT_MM], abs=0.01)
        told = " ".join(page.extract_text().split())
        row, column = divmod(number, across)
        digest = release("police").digest[:6]
        assert f"Map P-T-{digest}, sheet {number + 1} of 8: row {row + 1}, column {column + 1}." in told
    assert not PdfReader(BytesIO(pdf)).metadata
    assert front.width < front.height if orientation == "portrait" else front.width > front.height


@pytest.mark.parametrize("orientation", ["portrait", "landscape"])
def test_the_sheets_lie_over_one_another_and_hold_the_whole_front(orientation, release, monkeypatch):
    front, tiles, _ = posted(release, monkeypatch, orientation)
    frames = {tuple(np.round(frame_of(tile), 6)) for tile in tiles}
    ((west, south, east, north),) = frames
    assert min(west, south, tiles[0].width - east, tiles[0].height - north) >= UNPRINTABLE_MM - 1e-9
    whole = shapely.union_all([box(*window) for window in windows(tiles, front)])
    assert whole.buffer(1e-9).contains(box(*whole.bounds))
    drawn = [piece for piece in front.drawn if isinstance(piece, Shape)]
    assert all(whole.buffer(0.8).contains(shapely.envelope(piece.geometry)) for piece in drawn if not piece.geometry.is_empty)


@pytest.mark.parametrize("language", ["en", "tg"])
@pytest.mark.parametrize("orientation", ["portrait", "landscape"])
def test_every_letter_of_the_front_is_written_on_some_sheet_where_it_stands(orientation, language, release, monkeypatch):
    front, tiles, _ = posted(release, monkeypatch, orientation, language)
    found = set()
    for tile, window in zip(tiles, windows(tiles, front), strict=True):
        for piece in back_on_front(tile, window):
            if isinstance(piece, Writing) and not piece.is_cut:
                found |= set(letters(piece))
    wanted = {letter for piece in front.drawn if isinstance(piece, Writing) for letter in letters(piece)}
    assert wanted - found == set()
    assert found - wanted == set()


def letters(piece):
    """Each letter of a line with its place and its size."""
    x = piece.x
    for letter in piece.text:
        yield letter, round(x, 3), round(piece.y, 3), round(piece.size, 3), piece.face
        x += face(piece.face).width(letter) * piece.size * PT_MM


@pytest.mark.parametrize("orientation", ["portrait", "landscape"])
def test_every_shape_and_mark_of_the_front_is_on_some_sheet(orientation, release, monkeypatch):
    front, tiles, _ = posted(release, monkeypatch, orientation)
    parts = [
        piece
        for tile, window in zip(tiles, windows(tiles, front), strict=True)
        for piece in back_on_front(tile, window)
        if not isinstance(piece, Writing)
    ]
    for whole in (piece for piece in front.drawn if not isinstance(piece, Writing)):
        same = [part for part in parts if type(part) is type(whole) and part.z == whole.z]
        if isinstance(whole, Marks):
            there = {tuple(point) for part in same if part.marker is whole.marker for point in part.points.round(3).tolist()}
            assert {tuple(point) for point in whole.points.round(3).tolist()} <= there
            continue
        filled = shapely.union_all([part.geometry for part in same if part.fill == whole.fill and whole.fill])
        edged = shapely.union_all([outline(part.geometry) for part in same if part.ink == whole.ink and whole.ink])
        if whole.fill:
            assert shapely.difference(whole.geometry, filled.buffer(1e-6)).area < 1e-6
        if whole.ink:
            assert shapely.difference(outline(whole.geometry), edged.buffer(1e-5)).length < 1e-4


def outline(geometry):
    """Lines, and the edges of areas."""
    parts = shapely.get_parts(geometry)
    is_area = shapely.get_dimensions(parts) == 2
    return shapely.union_all([*shapely.boundary(parts[is_area]), *parts[~is_area]])


@pytest.mark.parametrize("orientation", ["portrait", "landscape"])
def test_a_sheet_holds_nothing_but_what_it_shows(orientation, release, monkeypatch):
    _, tiles, pdf = posted(release, monkeypatch, orientation)
    for tile in tiles:
        frame = frame_of(tile)
        seen = box(*frame).buffer(1e-6)
        for piece in own(tile):
            if isinstance(piece, Shape):
                assert seen.contains(piece.geometry)
            elif isinstance(piece, Marks):
                reach = (piece.size_pt + piece.edge_pt) / 2 * PT_MM
                is_inside = [seen.buffer(reach).contains(Point(point)) for point in piece.points]
                assert all(is_inside)
                assert piece.clip or all(seen.contains(Point(point).buffer(reach * 0.999)) for point in piece.points)
            elif piece.is_cut:
                assert piece.clip == pytest.approx(frame)
                assert seen.intersects(box(*piece.box))
            else:
                assert seen.contains(box(*piece.box))
    for page in PdfReader(BytesIO(pdf)).pages:
        starts = []
        page.extract_text(visitor_text=lambda part, place, *_, starts=starts: starts.append((part.strip(), *place[4:6])))
        _, _, width, height = map(float, page.mediabox)
        inside = [0 < float(x) < width and 0 < float(y) < height for part, x, y in starts if part]
        assert inside
        assert all(inside)


def test_a_single_report_is_only_on_the_sheets_that_show_its_place(release, monkeypatch):
    front, tiles, _ = posted(release, monkeypatch)
    (reach,) = {piece.size_pt * PT_MM for piece in reports(front.drawn)}
    places = [Point(point) for piece in reports(front.drawn) for point in piece.points]
    seen = [0] * len(places)
    for tile, window in zip(tiles, windows(tiles, front), strict=True):
        there = [Point(point) for piece in reports(back_on_front(tile, window)) for point in piece.points]
        for number, place in enumerate(places):
            is_there = any(place.distance(other) < 1e-6 for other in there)
            assert not is_there or box(*window).distance(place) < reach
            seen[number] += is_there
    assert min(seen) >= 1
    assert max(seen) <= 4


def reports(drawn):
    """The marks of single reports, in the map and in its legend."""
    return [piece for piece in drawn if isinstance(piece, Marks) and piece.marker == style.SYMBOLS["report"].marker]


def test_dashes_go_on_where_the_sheet_before_left_off():
    page = Page(100, 100)
    page.shape(LineString([(0, 10), (100, 10)]), lw=2.0, dash=(4, 2))
    (part,) = page.part((30, 0, 60, 20), 2.0, width=100, height=100, corner=(0, 0)).drawn
    assert shapely.union_all(part.geometry).equals(LineString([(0, 20), (60, 20)]))
    assert part.dash_from == pytest.approx(30 / PT_MM * 2)
    assert part.width_pt == 4.0


def test_the_edge_of_a_sheet_is_no_edge_of_an_area():
    page = Page(100, 100)
    page.shape(box(10, 10, 90, 90), fill="#cccccc", hatch="///")
    filled, *edges = page.part((0, 0, 50, 50), 1.0, width=50, height=50, corner=(0, 0)).drawn
    assert filled.geometry.equals(box(10, 10, 50, 50))
    assert (filled.fill, filled.hatch, filled.ink) == ("#cccccc", "///", False)
    drawn = shapely.union_all([edge.geometry for edge in edges])
    assert drawn.equals(LineString([(10, 50), (10, 10), (50, 10)]))
    assert all(not edge.fill and not edge.hatch for edge in edges)


def test_letters_that_an_edge_cuts_are_drawn_and_the_others_written():
    page = Page(100, 100)
    page.text(10, 50, "ABCDEF", size=20)
    starts = [10 + text_width_mm("ABCDEF"[:n], 20) for n in range(7)]
    middle = (starts[2] + starts[3]) / 2
    written, cut = page.part((0, 0, middle, 100), 1.0, width=100, height=100, corner=(0, 0)).drawn
    assert (written.text, written.is_cut, written.x) == ("AB", False, 10)
    assert (cut.text, cut.is_cut, cut.x) == ("C", True, pytest.approx(starts[2]))
    page = PdfReader(BytesIO(as_pdf([Page(100, 100, drawn=[written, cut])]))).pages[0]
    assert page.extract_text().strip() == "AB"


# Letters -------------------------------------------------------------------------------------------------------------------


def test_the_letters_of_every_language_of_the_region_are_there():
    told = "Ҷҷ Ҳҳ Ққ Ғғ Ӣӣ Ӯӯ Ңң Өө Үү Ёё Ъъ Oʻ Gʻ ’ Ññ Çç Şş Öö Üü Əə Łł Īī Ωλ Աա აბ № – — “ ” « » … → ✓ ●"
    for name in ("", "Bold", "Oblique"):
        assert face(name).missing(told) == []
    assert face().missing("Post 警 ع") == ["ع", "警"]


def test_a_line_is_as_wide_as_its_letters_and_prints_so():
    told = "AVATAR Тошкент"
    assert text_width_mm(told, 20) == pytest.approx(sum(text_width_mm(letter, 20) for letter in told))
    page = Page(200, 30)
    page.text(10, 10, told, size=20)
    page.marks([(10 + text_width_mm(told, 20), 15)], "s", 3, 1)
    reader = PdfReader(BytesIO(as_pdf([page])))
    content = reader.pages[0].get_contents().get_data().decode("latin-1")
    # What layout rounds to a sixty-fourth of a point is put right letter by letter; a kerned pair is moved by thirty or more.
    moved = [abs(float(number)) for number in re.findall(r"\)\s*(-?\d+(?:\.\d+)?)\s*\(", content)]
    assert max(moved, default=0.0) < 1.5


def test_a_sign_and_its_letter_are_one_where_there_is_such_a_letter():
    assert text_width_mm("и\u0306", 9) == text_width_mm("й", 9)
    page = Page(50, 30)
    page.text(10, 10, "ра\u0438\u0306он")
    assert page.drawn[0].text == "район"


# The code ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["tensionmap 0123456789", "P-T-4b98ee 3/12", "A longer text, with places to fill in: ҷой"])
def test_a_code_is_drawn_module_by_module_and_can_be_read(text):
    page = Page(100, 100)
    side = draw_code(page, 20.0, 30.0, text, module_mm=0.6)
    (shape,) = page.drawn
    modules = segno.make_qr(text, error="m").matrix
    assert side == code_mm(text, 0.6) == pytest.approx(0.6 * len(modules))
    drawn = np.zeros((len(modules), len(modules)), dtype=np.uint8)
    assert shape.width_pt * PT_MM == pytest.approx(0.6)
    for line in shapely.get_parts(shape.geometry):
        (west, y), (east, _) = (shapely.get_coordinates(line) - (20.0, 30.0)) / 0.6
        assert y % 1 == pytest.approx(0.5)
        drawn[len(modules) - 1 - int(y), round(west) : round(east)] = 1
    assert (drawn == np.array(modules)).all()
    picture = np.pad(np.kron(1 - drawn, np.ones((8, 8), np.uint8)) * 255, 40, constant_values=255)
    assert cv2.QRCodeDetector().detectAndDecode(picture)[0] == text
    assert shape.ink == style.INK
