"""Tiles: what is refused, and that every pixel of the study area is read once, however the map is cut into tiles."""

import math
import tracemalloc

import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyproj import CRS, Transformer
from rasterio import Affine, shutil
from rasterio.windows import Window

from tensionmap.errors import RawDataError
from tensionmap.ingest import tiles as room
from tensionmap.ingest.rasters import read_elevation, read_population
from tensionmap.ingest.tiles import most_frequent

AREA = (-27.2, 42.9, -26.8, 43.1)


def from_origin(west, north, width, height):
    return Affine(width, 0, west, 0, -height, north)


HOW = {"crs": "EPSG:32626", "area": AREA}
DEGREES = from_origin(-27.5, 43.25, 0.01, 0.01)
METRES = from_origin(460_000, 4_790_000, 900, 900)
TURNED = Affine(880, 187, 450_000, 187, -880, 4_780_000)


def raster(path, values, transform=DEGREES, *, crs="EPSG:4326", nodata=None, count=1, driver="GTiff", **options):
    shape = {"height": values.shape[0], "width": values.shape[1], "count": count, "dtype": values.dtype}
    with rasterio.open(path, "w", driver=driver, crs=crs, transform=transform, nodata=nodata, **shape, **options) as target:
        for band in range(count):
            target.write(values, band + 1)
    return path


def shifted(t, across, down):
    return Affine(t.a, t.b, t.c + across * t.a + down * t.b, t.d, t.e, t.f + across * t.d + down * t.e)


def part(path, values, rows, columns, transform=DEGREES, **options):
    """A tile of the map: these rows and columns of it."""
    return raster(path, values[rows, columns], shifted(transform, columns.start, rows.start), **options)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "raster.tif"


def people(shape=(50, 100), seed=7):
    return np.random.default_rng(seed).gamma(0.3, 20, shape).astype("float32")


def is_inside(shape, transform, crs):
    """Pixels whose centre lies in the area, found pixel by pixel."""
    rows, columns = np.indices(shape)
    x = transform.c + (columns + 0.5) * transform.a + (rows + 0.5) * transform.b
    y = transform.f + (columns + 0.5) * transform.d + (rows + 0.5) * transform.e
    longitude, latitude = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(x, y)
    return (longitude >= AREA[0]) & (longitude < AREA[2]) & (latitude >= AREA[1]) & (latitude < AREA[3])


def direct_sum(values, transform, crs):
    return math.fsum(values[is_inside(values.shape, transform, crs) & (values > 0)].tolist())


def total(table):
    return math.fsum(table["residents"])


def sorted_rows(table):
    return table.sort_values(["easting", "northing"], ignore_index=True)


class TestRefused:
    def test_no_raster(self, path):
        path.write_text("no raster", encoding="utf-8")
        with pytest.raises(RawDataError, match=r"raster\.tif cannot be read as a raster"):
            read_population([path], **HOW)

    def test_missing_file(self, path):
        with pytest.raises(RawDataError, match="cannot be read as a raster"):
            read_population([path], **HOW)

    @pytest.mark.parametrize("name", ["map.vrt", "MAP.VRT"])
    def test_a_list_of_other_files(self, path, tmp_path, name):
        raster(path, people())
        text = (
            '<VRTDataset rasterXSize="100" rasterYSize="50"><SRS>EPSG:4326</SRS>'
            "<GeoTransform>-27.5,.01,0,43.25,0,-.01</GeoTransform>"
            '<VRTRasterBand dataType="Float32" band="1"><SimpleSource>'
            '<SourceFilename relativeToVRT="1">raster.tif</SourceFilename>'
            "<SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"
        )
        vrt = tmp_path / name
        vrt.write_text(text, encoding="utf-8")
        with pytest.raises(RawDataError, match="points at other files"):
            read_population([vrt], **HOW)
        disguised = tmp_path / "disguised.tif"
        disguised.write_text(text, encoding="utf-8")
        with pytest.raises(RawDataError, match="cannot be read as a raster"):
            read_population([disguised], **HOW)

    @pytest.mark.parametrize("ending", ["nc", "png", "jp2", "zip", ""])
    def test_other_formats(self, path, ending):
        other = raster(path, people()).rename(path.with_suffix(f".{ending}" if ending else ""))
        with pytest.raises(RawDataError, match=r"GeoTIFF \(\.tif\), ASCII grid \(\.asc\), Erdas Imagine \(\.img\)"):
            read_population([other], **HOW)

    @pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
    def test_no_crs(self, path):
        with pytest.raises(RawDataError, match="does not say its coordinate reference system"):
            read_elevation([raster(path, people(), crs=None)], **HOW)

    def test_no_place_on_earth(self, path):
        local = 'LOCAL_CS["site",UNIT["metre",1]]'
        with pytest.raises(RawDataError, match="does not say its coordinate reference system"):
            read_elevation([raster(path, people(), crs=local)], **HOW)

    @pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
    def test_crs_but_no_place(self, path):
        with pytest.raises(RawDataError, match="does not say where its pixels lie"):
            read_elevation([raster(path, people(), Affine.identity())], **HOW)

    def test_several_bands(self, path):
        with pytest.raises(RawDataError, match="3 bands where one is meant"):
            read_elevation([raster(path, people(), count=3)], **HOW)

    def test_picture(self, path):
        with rasterio.open(raster(path, people().astype("uint8"), photometric="palette"), "r+") as target:
            target.write_colormap(1, {0: (0, 0, 0, 255), 1: (255, 0, 0, 255)})
        with pytest.raises(RawDataError, match="its numbers stand for colours"):
            read_population([path], **HOW)

    def test_complex_numbers(self, path):
        with pytest.raises(RawDataError, match="one number a pixel"):
            read_population([raster(path, people().astype("complex64"))], **HOW)

    def test_one_piece_too_large(self, path, monkeypatch):
        monkeypatch.setattr(room, "BLOCK_BYTES", 10_000)
        with pytest.raises(RawDataError, match="stored as one piece"):
            read_population([raster(path, people(), compress="deflate", blockysize=50)], **HOW)

    def test_too_many_pixels(self, path, monkeypatch):
        monkeypatch.setattr(room, "MOST_PIXELS", 500)
        with pytest.raises(RawDataError, match="too many to read"):
            read_population([raster(path, people())], **HOW)

    @pytest.mark.parametrize("how", [{}, {"compress": "deflate"}, {"tiled": True, "blockxsize": 16, "blockysize": 16}])
    def test_broken_off(self, path, how, capfd, caplog):
        raster(path, people((400, 400)), from_origin(-27.3, 43.15, 0.001, 0.001), **how)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with pytest.raises(RawDataError, match=r"raster\.tif (breaks off|cannot be read)") as error:
            read_population([path], **HOW)
        assert "GDAL" not in str(error.value)
        assert "TIFF" not in str(error.value).replace("GeoTIFF", "")
        assert capfd.readouterr() == ("", "")

    def test_a_broken_file_that_gdal_cites(self, tmp_path, capfd):
        path = tmp_path / "raster.img"
        with rasterio.open(raster(tmp_path / "first.tif", people())) as source:
            shutil.copy(source, path, driver="HFA")
        whole = path.read_bytes()
        assert b"{1:lversion" in whole
        path.write_bytes(whole.replace(b"{1:lversion", b"{1:\xc0version"))
        with pytest.raises(RawDataError, match=r"raster\.img cannot be read"):
            read_population([path], **HOW)
        assert capfd.readouterr() == ("", "")

    def test_pixels_as_wide_as_the_earth_and_wider(self, path):
        with pytest.raises(RawDataError, match="does not reach"):
            read_population([raster(path, people(), from_origin(1e30, 1e30, 1e28, 1e28))], **HOW)
        table, _ = read_population([raster(path, people((2, 2)), from_origin(-1e25, 43, 1e25, 1e20))], **HOW)
        assert table.empty

    def test_faults_of_all_tiles_at_once(self, tmp_path):
        good = raster(tmp_path / "good.tif", people())
        several = raster(tmp_path / "several.tif", people(), count=2)
        text = tmp_path / "text.tif"
        text.write_text("no raster", encoding="utf-8")
        with pytest.raises(RawDataError, match=r"several\.tif has 2 bands.*\ntext\.tif cannot be read"):
            read_population([good, several, text], **HOW)

    def test_all_tiles_broken_off_at_once(self, tmp_path):
        tiles = []
        for name in ("a.tif", "b.tif"):
            tiles.append(raster(tmp_path / name, people((400, 400)), from_origin(-27.3, 43.15, 0.001, 0.001)))
            tiles[-1].write_bytes(tiles[-1].read_bytes()[:300_000])
        with pytest.raises(RawDataError, match=r"a\.tif breaks off.*\nb\.tif breaks off"):
            read_population(tiles, **HOW)

    def test_elsewhere(self, path):
        with pytest.raises(RawDataError, match=r"covers 10\.00, 49\.50, 11\.00, 50\.00, the study area is -27\.20, 42\.90"):
            read_population([raster(path, people(), from_origin(10, 50, 0.01, 0.01))], **HOW)

    def test_all_elsewhere(self, tmp_path):
        tiles = [raster(tmp_path / f"{west}.tif", people(), from_origin(west, 50, 0.01, 0.01)) for west in (10, 11)]
        with pytest.raises(RawDataError, match=r"None of 2 rasters reaches the study area: 10\.tif covers .*; 11\.tif covers"):
            read_population(tiles, **HOW)

    def test_area_where_its_crs_has_no_place(self, path):
        with pytest.raises(RawDataError, match="does not reach the study area"):
            read_population([raster(path, people(), METRES, crs="EPSG:32626")], crs="EPSG:32642", area=(63, -1, 64, 1))


class TestWindows:
    @pytest.mark.parametrize(("transform", "crs"), [(DEGREES, "EPSG:4326"), (METRES, "EPSG:32626"), (METRES, "EPSG:32625")])
    def test_residents_of_the_area_are_conserved(self, path, transform, crs):
        if crs == "EPSG:32625":
            transform = from_origin(950_000, 4_810_000, 900, 900)
        values = people((80, 100))
        table, notes = read_population([raster(path, values, transform, crs=crs)], **HOW)
        assert total(table) == direct_sum(values, transform, crs) > 0
        assert "residents" in notes[0]

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        place=st.sampled_from(
            [
                (DEGREES, "EPSG:4326"),
                (METRES, "EPSG:32626"),
                (from_origin(950_000, 4_810_000, 900, 900), "EPSG:32625"),
                (from_origin(-3_060_000, 5_330_000, 1_000, 1_000), "EPSG:3857"),
                (TURNED, "EPSG:32626"),
            ]
        ),
        cuts=st.tuples(
            st.lists(st.integers(1, 79), max_size=3, unique=True), st.lists(st.integers(1, 99), max_size=3, unique=True)
        ),
        wider=st.integers(0, 6),
        at_once=st.sampled_from([1, 500, 10_000_000]),
        blocks=st.sampled_from([{}, {"tiled": True, "blockxsize": 16, "blockysize": 32}, {"compress": "lzw"}]),
        seed=st.integers(0, 5),
    )
    def test_conserved_for_any_tiles(self, tmp_path, monkeypatch, place, cuts, wider, at_once, blocks, seed):
        """Cut at any place into tiles that reach into one another, read in windows of any size: the same residents."""
        transform, crs = place
        values = people((80, 100), seed)
        monkeypatch.setattr(room, "PIXELS_AT_ONCE", at_once)
        down, across = ([0, *sorted(cut), length] for cut, length in zip(cuts, values.shape, strict=True))
        tiles = [
            part(
                tmp_path / f"{i}-{j}.tif",
                values,
                slice(max(0, down[i] - wider), down[i + 1]),
                slice(across[j], min(100, across[j + 1] + wider)),
                transform,
                crs=crs,
                **blocks,
            )
            for i in range(len(down) - 1)
            for j in range(len(across) - 1)
        ]
        table, notes = read_population(tiles, **HOW)
        inside = is_inside(values.shape, transform, crs) & (values > 0)
        assert len(table) == inside.sum() > 0
        assert total(table) == pytest.approx(math.fsum(values[inside].tolist()), abs=1e-6)
        assert not any("Warning" in note for note in notes)

    def test_blocks_do_not_matter(self, path, tmp_path):
        values = people((600, 800))
        fine = from_origin(-27.3, 43.2, 0.0008, 0.0006)
        whole, _ = read_population([raster(path, values, fine)], **HOW)
        tiles = {"tiled": True, "blockxsize": 64, "blockysize": 48}
        tiled, _ = read_population([raster(tmp_path / "tiled.tif", values, fine, **tiles)], **HOW)
        assert len(whole) > 100_000
        assert sorted_rows(whole).equals(sorted_rows(tiled))
        assert total(whole) == direct_sum(values, fine, "EPSG:4326")

    def test_overviews_are_not_used(self, path):
        values = people((400, 400))
        fine = from_origin(-27.3, 43.15, 0.001, 0.001)
        with rasterio.open(raster(path, values, fine, tiled=True, blockxsize=64, blockysize=64), "r+") as target:
            target.build_overviews([2, 4, 8])
        table, _ = read_population([path], **HOW)
        assert total(table) == direct_sum(values, fine, "EPSG:4326")

    def test_mask_of_the_file(self, path):
        values = np.full((50, 100), 2, dtype="uint8")
        with rasterio.open(raster(path, values), "r+") as target:
            target.write_mask(np.arange(100)[None, :].repeat(50, axis=0) < 50)
        table, _ = read_population([path], **HOW)
        assert total(table) == 2 * 20 * 20

    def test_scale_and_offset(self, path):
        values = np.full((50, 100), 7, dtype="int16")
        values[25, 50] = -32768
        with rasterio.open(raster(path, values, nodata=-32768), "r+") as target:
            target.scales, target.offsets = (0.5,), (1.0,)
        table, _ = read_population([path], **HOW)
        assert total(table) == 4.5 * (40 * 20 - 1)

    def test_empty_value_left_from_netcdf(self, path):
        values = np.full((50, 100), 3, dtype="float32")
        values[25, 50] = 1234
        with rasterio.open(raster(path, values), "r+") as target:
            target.update_tags(1, _FillValue="1234")
        assert total(read_population([path], **HOW)[0]) == 3 * (40 * 20 - 1)

    @pytest.mark.parametrize(("ending", "driver"), [("asc", "AAIGrid"), ("img", "HFA"), ("TIFF", "GTiff")])
    def test_formats(self, tmp_path, ending, driver):
        values = np.round(people())
        first = raster(tmp_path / "first.tif", values)
        path = tmp_path / f"raster.{ending}"
        with rasterio.open(first) as source:
            shutil.copy(source, path, driver=driver)
        assert total(read_population([path], **HOW)[0]) == direct_sum(values, DEGREES, "EPSG:4326")

    def test_crs_without_a_number(self, path):
        own = CRS.from_proj4("+proj=laea +lat_0=43 +lon_0=-27 +ellps=WGS84 +units=km").to_wkt()
        transform = from_origin(-20, 15, 0.5, 0.5)
        values = people((60, 80))
        table, _ = read_population([raster(path, values, transform, crs=own)], **HOW)
        assert total(table) == pytest.approx(direct_sum(values, transform, own), abs=1e-6)
        assert total(table) > 0

    def test_windows_do_not_change_a_mean(self, path, monkeypatch):
        """Bit by bit, also along edges where fewer pixels are left."""
        values = (np.random.default_rng(2).random((403, 517)) * 3000).astype("float32")
        raster(path, values, from_origin(490_000, 4_765_000, 30, 30), crs="EPSG:32626", tiled=True, blockxsize=64, blockysize=48)
        whole, _ = read_elevation([path], **HOW)
        monkeypatch.setattr(room, "PIXELS_AT_ONCE", 1)
        pieces, _ = read_elevation([path], **HOW)
        assert sorted_rows(whole).equals(sorted_rows(pieces))
        assert len(whole) == 135 * 173


class TestTiles:
    def test_side_by_side(self, tmp_path):
        values = people()
        tiles = [part(tmp_path / f"{i}.tif", values, slice(0, 50), slice(i * 50, i * 50 + 50)) for i in range(2)]
        table, notes = read_population(tiles, **HOW)
        assert total(table) == pytest.approx(direct_sum(values, DEGREES, "EPSG:4326"), abs=1e-6)
        assert len(notes) == 1
        assert notes[0].startswith("0.tif and 1 more: ")

    def test_gap(self, tmp_path):
        values = np.ones((50, 100), dtype="float32")
        tiles = [
            part(tmp_path / f"{i}.tif", values, slice(0, 50), columns) for i, columns in enumerate([slice(0, 40), slice(50, 100)])
        ]
        table, notes = read_population(tiles, **HOW)
        assert total(table) == 30 * 20
        assert any("About 25% of the study area lies outside the 2 tiles" in note for note in notes)

    def test_one_far_away(self, tmp_path):
        tiles = [raster(tmp_path / "far.tif", people(), from_origin(10, 50, 0.01, 0.01)), raster(tmp_path / "near.tif", people())]
        table, notes = read_population(tiles, **HOW)
        assert total(table) == direct_sum(people(), DEGREES, "EPSG:4326")
        assert any("far.tif does not reach the study area" in note for note in notes)

    def test_a_place_on_two_tiles_counts_once(self, tmp_path):
        values = np.ones((50, 100), dtype="float32")
        tiles = [
            part(tmp_path / f"{i}.tif", values, slice(0, 50), columns) for i, columns in enumerate([slice(0, 60), slice(40, 100)])
        ]
        table, notes = read_population(tiles, **HOW)
        assert total(table) == 40 * 20
        assert "1.tif: 400 pixels with 400 residents were left out, since they lie on a tile before it." in notes
        assert not any("Warning" in note for note in notes)

    def test_the_first_of_two_counts_and_a_difference_is_told(self, tmp_path):
        tiles = [raster(tmp_path / f"{i}.tif", np.full((50, 100), i + 1, dtype="float32")) for i in range(2)]
        assert total(read_population(tiles, **HOW)[0]) == 800
        table, notes = read_population(tiles[::-1], **HOW)
        assert total(table) == 1600
        assert any(note.startswith("Warning: 0.tif: 800 of these 800 pixels say something else") for note in notes)

    def test_nobody_there_by_the_first_is_a_difference_too(self, tmp_path):
        first = raster(tmp_path / "0.tif", np.zeros((50, 100), dtype="float32"))
        table, notes = read_population([first, raster(tmp_path / "1.tif", np.ones((50, 100), dtype="float32"))], **HOW)
        assert table.empty
        assert any("800 pixels say something else" in note for note in notes)

    def test_no_data_of_the_first_is_filled_by_the_second(self, tmp_path):
        """As of two countries, each map empty beyond the border."""
        values = np.ones((50, 100), dtype="float32")
        west, east = values.copy(), values.copy()
        west[:, 50:], east[:, :50] = -1, -1
        tiles = [raster(tmp_path / f"{name}.tif", v, nodata=-1) for name, v in (("west", west), ("east", east))]
        table, notes = read_population(tiles, **HOW)
        assert total(table) == 800
        assert len(notes) == 1

    def test_of_another_crs_resolution_type_and_nodata(self, tmp_path):
        fine = people((200, 200))
        first = raster(tmp_path / "first.tif", fine, from_origin(490_000, 4_765_000, 50, 50), crs="EPSG:32626", compress="lzw")
        second = raster(tmp_path / "second.tif", np.full((50, 100), 9, dtype="int16"), nodata=-1)
        table, notes = read_population([first, second], **HOW)
        rows, columns = np.indices((50, 100))
        x, y = Transformer.from_crs(4326, 32626, always_xy=True).transform(
            DEGREES.c + (columns + 0.5) * 0.01, DEGREES.f - (rows + 0.5) * 0.01
        )
        covered = (x >= 490_000) & (x < 500_000) & (y > 4_755_000) & (y <= 4_765_000)
        free = is_inside((50, 100), DEGREES, "EPSG:4326") & ~covered
        assert total(table) == pytest.approx(math.fsum(fine.ravel().tolist()) + 9 * free.sum(), abs=1e-6)
        assert 0 < free.sum() < 800
        assert any("of another size or place" in note for note in notes)

    def test_elevation_of_two_tiles(self, tmp_path):
        values = np.arange(5000, dtype="float32").reshape(50, 100)
        whole, _ = read_elevation([raster(tmp_path / "whole.tif", values)], **HOW)
        tiles = [
            part(tmp_path / f"{i}.tif", values, slice(0, 50), columns) for i, columns in enumerate([slice(0, 60), slice(40, 100)])
        ]
        parts, notes = read_elevation(tiles, **HOW)
        assert sorted_rows(parts).round(6).equals(sorted_rows(whole).round(6))
        assert notes == ("1.tif: 400 pixels were left out, since they lie on a tile before it.",)


@given(st.integers(1, 6), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_most_frequent_by_counting(factor, seed):
    draw = np.random.default_rng(seed)
    values = draw.choice([10, 30, 40], (3 * factor, 4 * factor)).astype("uint8")
    known = draw.random(values.shape) < 0.7
    best, is_any = most_frequent(values, known, factor)
    for row, column in np.ndindex(3, 4):
        here = np.s_[row * factor : (row + 1) * factor, column * factor : (column + 1) * factor]
        codes, votes = np.unique(values[here][known[here]], return_counts=True)
        assert is_any[row, column] == (len(codes) > 0)
        assert not len(codes) or best[row, column] == codes[votes.argmax()]


def test_memory_does_not_grow_with_the_file(path):
    """1.2 thousand million pixels, of which two blocks are written."""
    shape = {"width": 60_000, "height": 60_000, "count": 1, "dtype": "uint8", "crs": "EPSG:4326"}
    blocks = {"tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "deflate", "SPARSE_OK": True, "nodata": 0}
    with rasterio.open(path, "w", driver="GTiff", transform=from_origin(-30, 46, 0.0001, 0.0001), **shape, **blocks) as target:
        for corner in (512, 59_392):
            target.write(np.full((512, 512), 3, dtype="uint8"), 1, window=Window(corner, 20_480, 512, 512))
    tracemalloc.start()
    try:
        table, _ = read_population([path], crs="EPSG:32626", area=(-30, 43, -24, 45))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total(table) == 3 * 512 * 512 * 2
    assert peak < 150e6
