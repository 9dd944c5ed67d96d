"""What the figures of rasters mean: residents, metres, classes; and which figures cannot be."""

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio import Affine

from tensionmap import tables
from tensionmap.errors import RawDataError
from tensionmap.ingest import tiles
from tensionmap.ingest.rasters import read_elevation, read_land_cover, read_population

AREA = (-27.2, 42.9, -26.8, 43.1)


def from_origin(west, north, width, height):
    return Affine(width, 0, west, 0, -height, north)


HOW = {"crs": "EPSG:32626", "area": AREA}
DEGREES = from_origin(-27.5, 43.25, 0.01, 0.01)

REAL = [Path(os.environ["TENSIONMAP_REAL_DATA"]) / "isfara-batken" / "raw"] if "TENSIONMAP_REAL_DATA" in os.environ else []


def raster(path, values, transform=DEGREES, *, crs="EPSG:4326", nodata=None, **options):
    shape = {"height": values.shape[0], "width": values.shape[1], "count": 1, "dtype": values.dtype}
    with rasterio.open(path, "w", driver="GTiff", crs=crs, transform=transform, nodata=nodata, **shape, **options) as target:
        target.write(values, 1)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "raster.tif"


def people(shape=(50, 100), seed=7):
    return np.random.default_rng(seed).gamma(0.3, 20, shape).astype("float32")


def total(table):
    return table["residents"].sum()


def test_land_cover_of_other_classes(path):
    with pytest.raises(RawDataError, match=r"codes \[1, 2\]"):
        read_land_cover([raster(path, np.tile(np.array([[1, 2]], dtype="uint8"), (50, 50)))], **HOW)
    with pytest.raises(RawDataError, match="whole numbers"):
        read_land_cover([raster(path, people())], **HOW)


class TestPopulation:
    def test_nodata_nan_and_negative_pixels_hold_nobody(self, path):
        values = np.zeros((50, 100), dtype="float32")
        values[20:25, 45:50] = [[5, -9999, np.nan, -3, np.inf]] * 5
        table, notes = read_population([raster(path, values, nodata=-9999)], **HOW)
        assert table["residents"].tolist() == [5] * 5
        assert notes[1:] == ("raster.tif: 5 pixels with negative residents were read as uninhabited.",)

    @pytest.mark.parametrize(("dtype", "most"), [("uint8", 200), ("uint16", 9_000), ("int32", 900_000), ("int64", 900_000)])
    def test_sums_outgrow_the_type_of_the_file(self, path, dtype, most):
        values = np.full((50, 100), most, dtype=dtype)
        assert total(read_population([raster(path, values)], **HOW)[0]) == most * 40 * 20

    @pytest.mark.parametrize(
        ("dtype", "number"), [("uint8", 255), ("uint16", 65_535), ("float32", 3.4e38), ("int32", 99_999_999)]
    )
    def test_a_number_that_stands_for_nothing(self, path, dtype, number):
        values = np.ones((50, 100), dtype=dtype)
        values[25, 50] = number
        table, notes = read_population([raster(path, values)], **HOW)
        assert total(table) == 40 * 20 - 1
        assert any("1 pixels with more than" in note for note in notes)

    def test_255_is_a_number_if_another_stands_for_nothing(self, path):
        values = np.full((50, 100), 255, dtype="uint8")
        assert total(read_population([raster(path, values, nodata=0)], **HOW)[0]) == 255 * 40 * 20

    def test_centres_are_projected(self, path):
        values = np.zeros((50, 100), dtype="float32")
        values[25, 50] = 12
        table, _ = read_population([raster(path, values)], **HOW)
        expected = Transformer.from_crs(4326, 32626, always_xy=True).transform(-26.995, 42.995)
        assert table[["easting", "northing"]].to_numpy()[0] == pytest.approx(expected, abs=1e-3)

    def test_nobody_lives_there(self, path):
        table, _ = read_population([raster(path, np.zeros((50, 100), dtype="float32"))], **HOW)
        assert tables.check(table, tables.POPULATION).empty


class TestElevationAndLandCover:
    @pytest.mark.parametrize("at_once", [1, 4_000_000])
    def test_fine_pixels_are_averaged(self, path, monkeypatch, at_once):
        monkeypatch.setattr(tiles, "PIXELS_AT_ONCE", at_once)
        fine = from_origin(499_000, 4_761_000, 25, 25)
        values = np.arange(80 * 80, dtype="float32").reshape(80, 80)
        values[:4, :4] = -1
        table, notes = read_elevation([raster(path, values, fine, crs="EPSG:32626", nodata=-1)], **HOW)
        assert len(table) == 20 * 20 - 1
        assert "4 x 4 pixels were summed up" in notes[0]
        here = table[(table["easting"].round() == 499_150) & (table["northing"].round() == 4_760_850)]
        assert here["elevation_m"].tolist() == [pytest.approx(values[4:8, 4:8].mean())]

    def test_coarse_pixels_stay(self, path):
        table, notes = read_elevation([raster(path, people())], **HOW)
        assert (len(table), notes) == (40 * 20, ())

    def test_heights_that_cannot_be(self, path):
        values = np.full((50, 100), 1200, dtype="float32")
        values[25, 50:53] = -3.4e38, 65535, np.nan
        table, notes = read_elevation([raster(path, values)], **HOW)
        assert set(table["elevation_m"]) == {1200}
        assert notes == ("raster.tif: 2 pixels below -500 or above 9,000 m were read as no data.",)

    def test_classes_become_words(self, path):
        values = np.full((50, 100), 40, dtype="uint8")
        values[:, 50:] = 80
        values[30, :] = 0
        values[31, :] = 33
        table, notes = read_land_cover([raster(path, values, nodata=0)], **HOW)
        assert table["land_cover"].value_counts().to_dict() == {"cropland": 20 * 18, "permanent water": 20 * 18}
        assert any("codes [33]" in note for note in notes)

    def test_the_colours_of_world_cover_do_not_matter(self, path):
        with rasterio.open(raster(path, np.full((50, 100), 30, "uint8"), photometric="palette"), "r+") as target:
            target.write_colormap(1, {30: (255, 255, 76, 255)})
        assert set(read_land_cover([path], **HOW)[0]["land_cover"]) == {"grassland"}

    def test_the_most_frequent_of_fine_classes(self, path):
        values = np.tile(np.array([[10, 40], [40, 50]], dtype="uint8"), (20, 20))
        table, _ = read_land_cover([raster(path, values, from_origin(499_000, 4_761_000, 50, 50), crs="EPSG:32626")], **HOW)
        assert set(table["land_cover"]) == {"cropland"}
        assert len(table) == 20 * 20


@pytest.mark.parametrize("raw", REAL)
def test_real_elevation(raw):
    table, notes = read_elevation([raw / "elevation_9km.tif"], crs="EPSG:32642", area=(69.5, 39.6, 71.2, 40.4))
    assert len(table) == 200
    assert table["elevation_m"].between(300, 5500).all()
    assert notes == ()
