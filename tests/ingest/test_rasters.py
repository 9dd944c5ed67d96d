"""Rasters: what is refused, and that every resident in the study area is counted once."""

import math
import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio import Affine

from tensionmap import tables
from tensionmap.errors import RawDataError
from tensionmap.ingest.rasters import read_elevation, read_land_cover, read_population

AREA = (-27.2, 42.9, -26.8, 43.1)


def from_origin(west, north, width, height):
    return Affine(width, 0, west, 0, -height, north)


HOW = {"crs": "EPSG:32626", "area": AREA}
DEGREES = from_origin(-27.5, 43.25, 0.01, 0.01)
METRES = from_origin(460_000, 4_790_000, 900, 900)

REAL = [Path(os.environ["TENSIONMAP_REAL_DATA"]) / "isfara-batken" / "raw"] if "TENSIONMAP_REAL_DATA" in os.environ else []


def raster(path, values, transform=DEGREES, *, crs="EPSG:4326", nodata=None, count=1, **options):
    shape = {"height": values.shape[0], "width": values.shape[1], "count": count, "dtype": values.dtype}
    with rasterio.open(path, "w", driver="GTiff", crs=crs, transform=transform, nodata=nodata, **shape, **options) as target:
        for band in range(count):
            target.write(values, band + 1)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "raster.tif"


def people(shape=(50, 100)):
    return np.random.default_rng(7).gamma(0.3, 20, shape).astype("float32")


def direct_sum(values, transform, crs):
    """Residents of the pixels whose centre lies in the area, pixel by pixel."""
    to_degrees = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    rows, columns = np.indices(values.shape)
    x, y = transform.c + (columns + 0.5) * transform.a, transform.f + (rows + 0.5) * transform.e
    longitude, latitude = to_degrees.transform(x, y)
    inside = (longitude >= AREA[0]) & (longitude < AREA[2]) & (latitude >= AREA[1]) & (latitude < AREA[3])
    return math.fsum(values[inside & (values > 0)].tolist())


class TestRefused:
    def test_no_raster(self, path):
        path.write_text("no raster", encoding="utf-8")
        with pytest.raises(RawDataError, match="cannot be read as a raster"):
            read_population(path, **HOW)

    @pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
    def test_no_crs(self, path):
        with pytest.raises(RawDataError, match="does not say its coordinate reference system"):
            read_elevation(raster(path, people(), crs=None), **HOW)

    def test_several_bands(self, path):
        with pytest.raises(RawDataError, match="3 bands where one is meant"):
            read_elevation(raster(path, people(), count=3), **HOW)

    def test_elsewhere(self, path):
        with pytest.raises(RawDataError, match=r"covers 10\.00, 49\.50, 11\.00, 50\.00, the study area is -27\.20, 42\.90"):
            read_population(raster(path, people(), from_origin(10, 50, 0.01, 0.01)), **HOW)

    def test_area_where_its_crs_has_no_place(self, path):
        with pytest.raises(RawDataError, match="does not reach the study area"):
            read_population(raster(path, people(), METRES, crs="EPSG:32626"), crs="EPSG:32642", area=(63, -1, 64, 1))

    def test_land_cover_of_other_classes(self, path):
        with pytest.raises(RawDataError, match=r"codes \[1, 2\]"):
            read_land_cover(raster(path, np.tile(np.array([[1, 2]], dtype="uint8"), (50, 50))), **HOW)
        with pytest.raises(RawDataError, match="whole numbers"):
            read_land_cover(raster(path, people()), **HOW)


class TestPopulation:
    @pytest.mark.parametrize(("transform", "crs"), [(DEGREES, "EPSG:4326"), (METRES, "EPSG:32626"), (METRES, "EPSG:32625")])
    def test_residents_of_the_area_are_conserved(self, path, transform, crs):
        if crs == "EPSG:32625":
            transform = from_origin(950_000, 4_810_000, 900, 900)
        values = people((80, 100))
        table, notes = read_population(raster(path, values, transform, crs=crs), **HOW)
        assert math.fsum(table["residents"]) == direct_sum(values, transform, crs) > 0
        assert "residents" in notes[0]

    def test_blocks_do_not_matter(self, path, tmp_path):
        values = people((600, 800))
        fine = from_origin(-27.3, 43.2, 0.0008, 0.0006)
        whole, _ = read_population(raster(path, values, fine), **HOW)
        tiles = {"tiled": True, "blockxsize": 64, "blockysize": 48}
        tiled, _ = read_population(raster(tmp_path / "tiled.tif", values, fine, **tiles), **HOW)
        assert len(whole) > 100_000
        key = ["easting", "northing"]
        assert whole.sort_values(key, ignore_index=True).equals(tiled.sort_values(key, ignore_index=True))
        assert math.fsum(whole["residents"]) == direct_sum(values, fine, "EPSG:4326")

    def test_nodata_nan_and_negative_pixels_hold_nobody(self, path):
        values = np.zeros((50, 100), dtype="float32")
        values[20:25, 45:50] = [[5, -9999, np.nan, -3, 0]] * 5
        table, notes = read_population(raster(path, values, nodata=-9999), **HOW)
        assert table["residents"].tolist() == [5] * 5
        assert any("5 pixels with negative residents" in note for note in notes)

    def test_centres_are_projected(self, path):
        values = np.zeros((50, 100), dtype="float32")
        values[25, 50] = 12
        table, _ = read_population(raster(path, values), **HOW)
        expected = Transformer.from_crs(4326, 32626, always_xy=True).transform(-26.995, 42.995)
        assert table[["easting", "northing"]].to_numpy()[0] == pytest.approx(expected, abs=1e-3)

    def test_nobody_lives_there(self, path):
        table, _ = read_population(raster(path, np.zeros((50, 100), dtype="float32")), **HOW)
        assert tables.check(table, tables.POPULATION).empty


class TestElevationAndLandCover:
    def test_fine_pixels_are_averaged(self, path):
        fine = from_origin(499_000, 4_761_000, 25, 25)
        values = np.arange(80 * 80, dtype="float32").reshape(80, 80)
        values[:4, :4] = -1
        table, notes = read_elevation(raster(path, values, fine, crs="EPSG:32626", nodata=-1), **HOW)
        assert len(table) == 20 * 20 - 1
        assert "4 x 4 pixels were summed up" in notes[0]
        here = table[(table["easting"].round() == 499_150) & (table["northing"].round() == 4_760_850)]
        assert here["elevation_m"].tolist() == [pytest.approx(values[4:8, 4:8].mean())]

    def test_coarse_pixels_stay(self, path):
        table, notes = read_elevation(raster(path, people()), **HOW)
        assert (len(table), notes) == (40 * 20, ())

    def test_classes_become_words(self, path):
        values = np.full((50, 100), 40, dtype="uint8")
        values[:, 50:] = 80
        values[30, :] = 0
        values[31, :] = 33
        table, notes = read_land_cover(raster(path, values, nodata=0), **HOW)
        assert table["land_cover"].value_counts().to_dict() == {"cropland": 20 * 18, "permanent water": 20 * 18}
        assert any("codes [33]" in note for note in notes)

    def test_the_most_frequent_of_fine_classes(self, path):
        values = np.tile(np.array([[10, 40], [40, 50]], dtype="uint8"), (20, 20))
        table, _ = read_land_cover(raster(path, values, from_origin(499_000, 4_761_000, 50, 50), crs="EPSG:32626"), **HOW)
        assert set(table["land_cover"]) == {"cropland"}
        assert len(table) == 20 * 20


@pytest.mark.parametrize("raw", REAL)
def test_real_elevation(raw):
    table, _ = read_elevation(raw / "elevation_9km.tif", crs="EPSG:32642", area=(69.5, 39.6, 71.2, 40.4))
    assert len(table) == 200
    assert table["elevation_m"].between(300, 5500).all()
