"""Scans of correction sheets: strokes come back within 30 m at 1:50,000, and no picture, whatever it holds, is a traceback."""

import sqlite3
import sys
import tomllib
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import geopandas as gpd
import numpy as np
import pypdfium2
import pytest
import rasterio
import segno
import shapely
from click.testing import CliRunner
from PIL import Image

from tensionmap.cli import main
from tensionmap.errors import RawDataError, WorkspaceError
from tensionmap.ingest.digitise import COLUMNS, digitise, write_sheets
from tensionmap.ingest.scanning import REQUIREMENTS, require_installed
from tensionmap.marks import SheetCode, marks_of
from tensionmap.publish.page import Page, as_pdf

ROOT = Path(__file__).parents[2]
SCALE_M_PER_MM = 50
NEAR_M = 30
STANDING = SheetCode(
    digest="7a3b9c01de",
    name="ISFARA-2026Q3-TENSION-TG",
    crs="EPSG:32642",
    extent_m=(400_000, 4_420_000, 409_600, 4_431_250),
    frame_mm=(9, 45, 201, 270),
    page_mm=(210, 297),
)
LYING = replace(STANDING, extent_m=(400_000, 4_420_000, 413_950, 4_426_500), frame_mm=(9, 45, 288, 175), page_mm=(297, 210))
RED, BLUE, GREEN = (200, 30, 40), (40, 60, 170), (30, 140, 60)

AREA = shapely.Point(70, 130).buffer(18)
LINE = shapely.LineString(np.column_stack([np.linspace(40, 180, 60), 75 + 12 * np.sin(np.linspace(0, 6, 60))]))
PLACE = shapely.Point(150, 140)
CROSS = shapely.MultiLineString([[(148, 138), (152, 142)], [(148, 142), (152, 138)]])
DRAWN = ((AREA.exterior, RED, 0.6), (LINE, BLUE, 0.6), (CROSS, GREEN, 0.6))


# A sheet, and what a camera makes of it


@cache
def sheet(code: SheetCode = STANDING, dpi: int = 150) -> np.ndarray:
    """A correction sheet as it is printed: marks, code, grey and black lines, hatches and names."""
    page = Page(*code.page_mm)
    for mark in marks_of(*code.page_mm):
        page.shape(mark.ink, fill="#000000", ink=False)
    modules = segno.make(code.as_text(), error="M", micro=False, boost_error=False).matrix
    squares = [
        shapely.box(90 + 0.55 * column, 36 - 0.55 * (row + 1), 90 + 0.55 * (column + 1), 36 - 0.55 * row)
        for row, line in enumerate(modules)
        for column, is_black in enumerate(line)
        if is_black
    ]
    page.shape(shapely.union_all(squares), fill="#000000", ink=False)
    west, south, east, north = code.frame_mm
    page.shape(shapely.box(*code.frame_mm), lw=1.2)
    page.shape(shapely.box(west + 20, south + 60, west + 30, south + 70), fill="#dddddd", hatch="///", lw=0.8)
    chance = np.random.default_rng(1)
    frame = shapely.box(*code.frame_mm)
    for number in range(6):
        turns = np.cumsum(chance.normal(0, 6, (20, 2)), axis=0) + np.array([west + 30 + number * 25, south + 40 + number * 12])
        line = shapely.LineString(turns).intersection(frame)
        page.shape(line, lw=(0.8, 1.6, 2.4)[number % 3], ink=("#000000", "#777777", "#999999")[number % 3])
        page.text(chance.uniform(west + 10, east - 45), chance.uniform(south + 10, north - 10), f"Деҳаи Навобод {number}")
    document = pypdfium2.PdfDocument(as_pdf([page]))
    picture = document[0].render(scale=dpi / 72, rev_byteorder=True).to_numpy()[:, :, :3].copy()
    document.close()
    return picture


def drawn(picture: np.ndarray, strokes=DRAWN, *, height_mm: float = 297) -> np.ndarray:
    """The sheet after people drew on it: (shape in mm of the page, colour, width in mm)."""
    per_mm, shift = picture.shape[0] / height_mm, 8
    for shape, colour, width_mm in strokes:
        ink = np.full(picture.shape, 255, np.uint8)
        for part in shapely.get_parts(shape):
            pixels = (shapely.get_coordinates(part) * (1, -1) + (0, height_mm)) * per_mm - 0.5
            bits = np.round(pixels * 2**shift).astype(np.int32)
            cv2.polylines(ink, [bits], False, colour, max(1, round(width_mm * per_mm)), cv2.LINE_AA, shift)
        picture = (picture.astype(np.uint16) * ink // 255).astype(np.uint8)
    return picture


def turned(picture: np.ndarray, degrees: float) -> np.ndarray:
    height, width = picture.shape[:2]
    how = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return cv2.warpAffine(picture, how, (width, height), flags=cv2.INTER_LINEAR, borderValue=(255, 255, 255))


def photographed(picture: np.ndarray, *, fringe: float = 0.0005, quality: int = 60) -> np.ndarray:
    """At an angle on a brown table, in a bluish shadow with an edge, grainy, soft, with a lens that shifts red and blue."""
    (height, width), size = picture.shape[:2], (2300, 3000)
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    lie = np.array([(0.12, 0.10), (0.86, 0.06), (0.97, 0.93), (0.03, 0.96)], np.float32) * np.array(size, np.float32)
    how = cv2.getPerspectiveTransform(corners, lie)
    table = cv2.warpPerspective(cv2.GaussianBlur(picture, (0, 0), 1), how, size, borderValue=(90, 70, 55)).astype(np.float32)
    across, down = np.meshgrid(np.linspace(0, 1, size[0]), np.linspace(0, 1, size[1]))
    light = (1 - 0.5 / (1 + np.exp(-(across + 0.6 * down - 1) * 18))) * (1 - 0.25 * down)
    tint = np.dstack([1 - 0.15 * (1 - light), np.ones_like(light), 1 + 0.25 * (1 - light)]) * (0.95, 0.93, 0.86)
    lit = table * light[:, :, None] * tint + np.random.default_rng(4).normal(0, 6, table.shape)
    lit = np.clip(cv2.GaussianBlur(lit, (0, 0), 0.9), 0, 255).astype(np.uint8)
    channels = []
    for channel, by in zip(cv2.split(lit), (1 + fringe, 1, 1 - fringe), strict=True):
        zoom = np.array([[by, 0, size[0] / 2 * (1 - by)], [0, by, size[1] / 2 * (1 - by)]])
        channels.append(cv2.warpAffine(channel, zoom, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))
    jpeg = cv2.imencode(".jpg", cv2.merge(channels[::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.cvtColor(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def saved(folder: Path, picture: np.ndarray, name: str = "scan.png", **how) -> Path:
    Image.fromarray(picture).save(folder / name, **how)
    return folder / name


def ground(shape, code: SheetCode = STANDING):
    origin, corner = np.array(code.extent_m[:2]), np.array(code.frame_mm[:2])
    return shapely.transform(shape, lambda xy: (xy - corner) * SCALE_M_PER_MM + origin)


def require_as_drawn(found, code: SheetCode = STANDING, near_m: float = NEAR_M) -> None:
    """The red area, the blue line and the green cross, each within ``near_m`` of where it was drawn; nothing else."""
    table = found.features.set_index("colour")
    assert table["kind"].to_dict() == {"red": "area", "blue": "line", "green": "mark"}
    area, line, place = table.geometry[["red", "blue", "green"]]
    truth = ground(AREA, code)
    apart = {
        "area": shapely.hausdorff_distance(area.exterior, truth.exterior, 0.01),
        "line": shapely.hausdorff_distance(line, ground(LINE, code), 0.01),
        "mark": place.distance(ground(PLACE, code)),
    }
    overlap = area.intersection(truth).area / area.union(truth).area
    print({kind: round(metres, 1) for kind, metres in apart.items()}, f"IoU {overlap:.3f}")
    assert max(apart.values()) < near_m, apart
    assert overlap > 0.97
    assert list(table.reset_index().columns.drop("geometry").sort_values()) == sorted(COLUMNS)
    assert table.crs == code.crs
    assert abs(table.loc["blue", "length_m"] - ground(LINE, code).length) < 60
    assert (table["width_m"] - 30).abs().max() < 25


@pytest.fixture(scope="module")
def photograph(tmp_path_factory):
    picture = photographed(drawn(sheet(dpi=300)))
    return saved(tmp_path_factory.mktemp("photo"), picture, "photo.jpg", quality=95)


@pytest.fixture(scope="module")
def one_sheet(photograph):
    (found,) = digitise(photograph)
    return found


# What is refused


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.jpg", b"", "is no picture that can be read"),
        ("words.png", b"dear colleague", "is no picture that can be read"),
        ("half.pdf", b"%PDF-1.7\n1 0 obj", "is a damaged PDF"),
        ("vector.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is no picture that can be read"),
    ],
)
def test_files_that_are_no_scan(tmp_path, name, content, sentence):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RawDataError, match=sentence):
        digitise(tmp_path / name)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(RawDataError, match="cannot be opened"):
        digitise(tmp_path / "none.jpg")


@pytest.mark.parametrize("kind", ["jpg", "png", "tif", "pdf"])
def test_a_file_that_breaks_off(tmp_path, kind):
    chance = np.random.default_rng(0)
    path = saved(tmp_path, chance.integers(0, 255, (300, 200, 3), np.uint8), f"scan.{kind}")
    whole = path.read_bytes()
    for share in (0.1, 0.5, 0.95):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(RawDataError):
            digitise(path)


def test_a_picture_without_the_marks_says_what_to_do(tmp_path):
    with pytest.raises(RawDataError, match=r"0 of the four square marks .* Photograph or scan the whole sheet again"):
        digitise(saved(tmp_path, np.full((1200, 900, 3), 220, np.uint8)))


def test_two_marks_are_too_few(tmp_path):
    half = sheet()[: sheet().shape[0] // 2]
    with pytest.raises(RawDataError, match=r"2 of the four square marks .*north-west, north-east"):
        digitise(saved(tmp_path, half))


def test_two_sheets_in_one_picture(tmp_path):
    with pytest.raises(RawDataError, match="Photograph one sheet at a time"):
        digitise(saved(tmp_path, np.hstack([sheet(dpi=100)] * 2)))


def test_a_code_of_another_sheet(tmp_path):
    picture = sheet().copy()
    picture[-300:-150] = 255
    with pytest.raises(RawDataError, match="are those of different sheets"):
        digitise(saved(tmp_path, picture), code=LYING.as_text())


# What is found


def test_a_scan_that_lies_a_little_askew(tmp_path):
    (found,) = digitise(saved(tmp_path, turned(drawn(sheet(dpi=300)), 2), dpi=(300, 300)))
    require_as_drawn(found, near_m=25)
    assert found.code == STANDING
    assert found.notes[0] == f"page 1: sheet {STANDING.sheet_id}: 1 area, 1 line, 1 mark (red 1, green 1, blue 1)."


def test_a_photograph_at_an_angle_in_a_shadow(one_sheet):
    require_as_drawn(one_sheet, near_m=25)
    assert any("corner marks fit within 0.0" in note for note in one_sheet.notes)


def test_an_enlarged_sheet_that_lies_upside_down(tmp_path):
    picture = drawn(sheet(LYING, 212), height_mm=210)
    (found,) = digitise(saved(tmp_path, np.rot90(picture, 2).copy(), "a3.tif"))
    require_as_drawn(found, LYING)


def test_a_covered_mark_is_told_and_done_without(tmp_path):
    picture = turned(drawn(sheet()), -1)
    picture[:130, -130:] = (190, 150, 130)
    (found,) = digitise(saved(tmp_path, picture))
    require_as_drawn(found)
    assert any("the mark in the north-east was not found" in note for note in found.notes)


def test_a_covered_code_is_given_by_hand(tmp_path):
    picture = drawn(sheet()).copy()
    picture[-200:-100, 540:700] = 40
    path = saved(tmp_path, picture)
    with pytest.raises(RawDataError, match="The QR code of the sheet cannot be read"):
        digitise(path)
    with pytest.raises(RawDataError, match="mistyped"):
        digitise(path, code=STANDING.as_text()[:-1])
    (found,) = digitise(path, code=STANDING.as_text())
    require_as_drawn(found)
    assert any("the code given by hand was taken" in note for note in found.notes)


def test_pages_of_one_file_with_a_back_between_them(tmp_path):
    fronts = [Image.fromarray(drawn(sheet(), DRAWN[:1])), Image.fromarray(drawn(sheet(), DRAWN[1:]))]
    back = Image.new("RGB", fronts[0].size, "white")
    fronts[0].save(tmp_path / "both.pdf", save_all=True, append_images=[back, fronts[1]], resolution=150)
    first, second = digitise(tmp_path / "both.pdf")
    assert (first.page, second.page) == (1, 3)
    assert first.features["kind"].tolist() == ["area"]
    assert sorted(second.features["kind"]) == ["line", "mark"]
    assert set(second.features["page"]) == {3}
    assert any(note.startswith("page 2: 0 of the four square marks") for note in first.notes)
    written = write_sheets(tmp_path / "both.gpkg", (first, second))
    assert [path.name for path in written] == ["both.gpkg", "both-map.tif", "both-map-2.tif"]
    assert len(gpd.read_file(tmp_path / "both.gpkg", layer="strokes")) == 3


def test_a_sheet_on_which_nobody_drew(tmp_path):
    (found,) = digitise(saved(tmp_path, sheet()), code=LYING.as_text())
    assert found.code == STANDING
    assert any("the QR code was taken" in note for note in found.notes)
    assert found.features.empty
    assert found.features.crs == "EPSG:32642"
    assert found.notes[0].endswith("no pen strokes in colour were found.")
    assert any("holds no colour at all" in note for note in found.notes)
    write_sheets(tmp_path / "none.gpkg", [found])
    assert set(gpd.read_file(tmp_path / "none.gpkg").columns) == {*COLUMNS, "is_accepted", "geometry"}


def test_print_is_no_pen_whatever_lens_and_light(tmp_path):
    (found,) = digitise(saved(tmp_path, photographed(sheet(dpi=300), fringe=0.0012), "photo.jpg", quality=95))
    assert found.features.empty, found.features[["colour", "kind"]]


def test_hands_are_not_exact(tmp_path):
    """A gap, a tail, a crossing of two pens, a big cross, a fork, a filled patch, a stroke over the frame, one outside."""

    def arc(east: float, north: float, radius: float, start: float = 0.0, end: float = 2 * np.pi):
        turn = np.linspace(start, end, 80)
        return shapely.LineString(np.column_stack([east + radius * np.cos(turn), north + radius * np.sin(turn)]))

    strokes = (
        (arc(40, 240, 12, 0.3), RED, 0.6),
        (shapely.MultiLineString([arc(80, 240, 12), shapely.LineString([(92, 240), (95, 244)])]), RED, 0.6),
        (shapely.LineString([(110, 230), (160, 250)]), RED, 0.6),
        (shapely.LineString([(110, 250), (160, 230)]), BLUE, 0.6),
        (shapely.MultiLineString([[(175, 236), (184, 245)], [(175, 245), (184, 236)]]), GREEN, 0.6),
        (shapely.MultiLineString([[(20, 200), (50, 200)], [(50, 200), (65, 212)], [(50, 200), (66, 190)]]), GREEN, 0.6),
        (shapely.LineString([(90 + 10 * (turn % 2), 190 + 0.9 * turn) for turn in range(16)]), BLUE, 0.6),
        (shapely.LineString([(180, 195), (207, 200)]), RED, 0.6),
        (shapely.LineString([(30, 38), (70, 40)]), RED, 0.6),
        (shapely.LineString([(150, 200), (150.3, 200)]), RED, 1.0),
    )
    (found,) = digitise(saved(tmp_path, drawn(sheet(dpi=300), strokes)))
    kinds = found.features.groupby(["colour", "kind"]).size().to_dict()
    assert kinds == {
        ("red", "area"): 2, ("red", "line"): 2, ("red", "mark"): 1,
        ("blue", "line"): 1, ("blue", "area"): 1, ("green", "mark"): 1, ("green", "line"): 1,
    }  # fmt: skip
    open_, closed = sorted(found.features[found.features["kind"].eq("area") & found.features["colour"].eq("red")].itertuples(),
                           key=lambda row: -row.gap_m)  # fmt: skip
    assert abs(open_.gap_m - 12 * 2 * np.sin(0.15) * SCALE_M_PER_MM) < 40
    assert closed.gap_m == 0
    assert shapely.hausdorff_distance(closed.geometry.exterior, ground(arc(80, 240, 12)), 0.01) < NEAR_M
    fork = found.features.loc[found.features["colour"].eq("green") & found.features["kind"].eq("line"), "geometry"].item()
    assert shapely.hausdorff_distance(fork, ground(strokes[5][0]), 0.01) < NEAR_M
    told = " ".join(found.notes)
    assert "1 stroke outside the map frame left out." in told
    assert "1 stroke cut at the map frame." in told
    assert "1 area closed across a gap of up to" in told
    assert shapely.box(*STANDING.extent_m).buffer(0.1).covers(shapely.union_all(found.features.geometry.to_numpy()))


# What is written


def test_what_is_written_is_the_same_twice_and_not_yet_accepted(tmp_path, one_sheet, photograph):
    for folder, sheets in (("one", [one_sheet]), ("two", digitise(photograph))):
        (tmp_path / folder).mkdir()
        written = write_sheets(tmp_path / folder / "photo.gpkg", sheets)
    assert [path.name for path in written] == ["photo.gpkg", "photo-map.tif"]
    for path in written:
        assert path.read_bytes() == (tmp_path / "one" / path.name).read_bytes()
        assert sorted(tmp_path.joinpath("two").iterdir()) == sorted(written)
    table = gpd.read_file(written[0], layer="strokes")
    assert not table["is_accepted"].any()
    assert table["stroke_id"].is_unique
    require_as_drawn(replace(one_sheet, features=table.drop(columns="is_accepted")))
    with sqlite3.connect(written[0]) as database:
        assert database.execute("SELECT last_change FROM gpkg_contents").fetchall() == [("2000-01-01T00:00:00.000Z",)]
    database.close()


def test_the_map_lies_under_the_strokes(tmp_path, one_sheet):
    _, path = write_sheets(tmp_path / "photo.gpkg", [one_sheet])
    with rasterio.open(path) as raster:
        assert raster.crs == "EPSG:32642"
        np.testing.assert_allclose(raster.bounds, STANDING.extent_m)
        red = shapely.get_coordinates(ground(AREA.exterior))[:-1]
        colours = np.array(list(raster.sample(red)), float)
    assert np.median(colours[:, 0] - colours[:, 1]) > 80
    assert (colours[:, 0] - colours[:, 1] > 40).mean() > 0.9


def test_nothing_is_overwritten_unless_told(tmp_path, one_sheet):
    target = tmp_path / "photo.gpkg"
    (tmp_path / "photo-map.tif").write_bytes(b"mine")
    with pytest.raises(WorkspaceError, match=r"photo-map\.tif: there already, and kept"):
        write_sheets(target, [one_sheet])
    assert not target.exists()
    write_sheets(target, [one_sheet], is_forced=True)
    assert (tmp_path / "photo-map.tif").read_bytes() != b"mine"


def test_a_folder_that_is_not_there(tmp_path, one_sheet):
    with pytest.raises(WorkspaceError, match="cannot be written to"):
        write_sheets(tmp_path / "none" / "photo.gpkg", [one_sheet])


def test_sheets_of_two_systems_do_not_share_a_layer(tmp_path, one_sheet):
    other = replace(one_sheet, code=replace(STANDING, crs="EPSG:32643"))
    with pytest.raises(RawDataError, match=r"different CRS \(EPSG:32642, EPSG:32643\)"):
        write_sheets(tmp_path / "photo.gpkg", [one_sheet, other])


# The command


def test_the_command_writes_beside_the_scan_and_needs_no_study(tmp_path, photograph, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "photo.jpg"
    path.write_bytes(photograph.read_bytes())
    done = CliRunner().invoke(main, ["digitise", "photo.jpg"])
    assert done.exit_code == 0, done.output
    assert "1 area, 1 line, 1 mark (red 1, green 1, blue 1)." in done.output
    assert "Written: photo.gpkg, photo-map.tif." in done.output
    again = CliRunner().invoke(main, ["digitise", "photo.jpg"])
    assert again.exit_code == 1
    assert again.output.startswith("Error: photo.gpkg, photo-map.tif: there already, and kept.")


def test_faults_of_the_command_are_sentences(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.jpg", "a.png"):
        (tmp_path / name).write_bytes(b"no picture")
    for call, sentence in (
        (["a.jpg"], "Error: a.jpg is no picture that can be read."),
        (["a.jpg", "a.png"], "Two of the SCANs differ only in their ending."),
        (["a.jpg", "--to", "b.shp"], "must have a name that ends in .gpkg"),
    ):
        done = CliRunner().invoke(main, ["digitise", *call])
        assert done.exit_code != 0
        assert sentence in done.output
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jpg", "a.png"]


@pytest.mark.parametrize("package", ["cv2", "pypdfium2", "skimage.morphology"])
def test_without_the_optional_packages_one_sentence_says_how_to_install_them(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(RawDataError, match="python -m pip install") as error:
        require_installed()
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert extras["digitise"] == list(REQUIREMENTS)
    assert set(REQUIREMENTS) <= set(extras["test"])
    assert all(f'"{requirement}"' in str(error.value) for requirement in REQUIREMENTS)
