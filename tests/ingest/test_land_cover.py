"""Pasture and forest from land cover: what is refused, areas kept to the pixel, and the same bytes for any window."""

import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from rasterio import Affine
from rasterio.features import rasterize
from scipy import ndimage

from tensionmap import tables
from tensionmap.errors import RawDataError
from tensionmap.ingest import land_cover, tiles
from tensionmap.ingest.land_cover import read_cover_areas

AREA = (-27.2, 42.9, -26.8, 43.1)
HOW = {"crs": "EPSG:32626", "area": AREA}
WEST, NORTH, PIXEL_M = 490_000, 4_765_000, 50
METRES = Affine(PIXEL_M, 0, WEST, 0, -PIXEL_M, NORTH)
DEGREES = Affine(0.001, 0, -27.25, 0, -0.001, 43.15)
GRASS, TREES, CROPS = 30, 10, 40


def raster(path, values, transform=METRES, *, crs="EPSG:32626", **options):
    shape = {"height": values.shape[0], "width": values.shape[1], "count": 1, "dtype": values.dtype}
    with rasterio.open(path, "w", driver="GTiff", crs=crs, transform=transform, **shape, **options) as target:
        target.write(values, 1)
    return path


def patchy(shape, seed=3, smooth=2.0):
    """Patches with ragged edges, holes and specks that touch at corners."""
    draw = np.random.default_rng(seed)
    height = ndimage.gaussian_filter(draw.standard_normal(shape), smooth)
    values = np.full(shape, CROPS, dtype="uint8")
    values[height > 0.4 * height.std()] = GRASS
    values[height < -0.6 * height.std()] = TREES
    specks = draw.random(shape) < 0.05
    values[specks] = draw.choice([GRASS, TREES, CROPS], specks.sum())
    return values


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cover.tif"


def of_kind(kept, kind):
    return kept.table[kept.table["kind"] == kind]


class TestRefused:
    def test_a_code_of_two_kinds(self, path):
        with pytest.raises(RawDataError, match="given as two kinds"):
            read_cover_areas([raster(path, patchy((50, 50)))], classes={"forest": (10, 20), "pasture": (20,)}, **HOW)

    def test_no_classes(self, path):
        with pytest.raises(RawDataError, match=r"cover\.tif does not hold whole numbers"):
            read_cover_areas([raster(path, np.ones((50, 50), dtype="float32"))], **HOW)

    def test_elsewhere(self, path):
        with pytest.raises(RawDataError, match="does not reach the study area"):
            read_cover_areas([raster(path, patchy((50, 50)))], crs="EPSG:32626", area=(-26, 44, -25, 45))

    def test_broken_off(self, path):
        raster(path, np.random.default_rng(1).integers(10, 40, (400, 400)).astype("uint8"), compress="deflate")
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with pytest.raises(RawDataError, match=r"cover\.tif (breaks off|cannot be read)"):
            read_cover_areas([path], **HOW)


def test_one_patch_of_each_kind(path):
    values = np.full((20, 20), CROPS, dtype="uint8")
    values[2:6, 3:9] = GRASS
    values[3, 4] = CROPS
    values[10:15, 10:15] = TREES
    kept = read_cover_areas([raster(path, values)], **HOW)
    assert tables.check(kept.table, tables.RESOURCES)["resource_id"].tolist() == [
        "pasture-490175-4764875",
        "forest-490525-4764475",
    ]
    assert kept.table.geometry.area.tolist() == [23 * 2500, 25 * 2500]
    assert kept.table[["name", "season_from", "season_to"]].isna().all(axis=None)
    pasture = kept.table.geometry[0]
    assert pasture.bounds == (WEST + 150, NORTH - 300, WEST + 450, NORTH - 100)
    assert len(pasture.exterior.coords) == 5
    assert [ring.bounds for ring in pasture.interiors] == [(WEST + 200, NORTH - 200, WEST + 250, NORTH - 150)]
    assert kept.set_aside.empty


@pytest.mark.parametrize("corner", [(3, 3), (10, 1), (14, 14)])
def test_a_small_patch_is_whole_wherever_squares_meet(path, monkeypatch, corner):
    monkeypatch.setattr(land_cover, "SQUARE_PIXELS", 7)
    values = np.full((40, 40), CROPS, dtype="uint8")
    values[corner[0] : corner[0] + 6, corner[1] : corner[1] + 8] = GRASS
    (shape,) = read_cover_areas([raster(path, values)], **HOW).table.geometry
    assert shape.area == 48 * 2500
    assert len(shape.exterior.coords) == 5


def test_small_patches_are_left_out_and_told(path):
    values = np.full((40, 40), CROPS, dtype="uint8")
    values[:10, :10] = GRASS
    values[20, 20:25] = GRASS
    values[21, 25] = GRASS  # touches at a corner only
    kept = read_cover_areas([raster(path, values)], least_area_m2=15_000, **HOW)
    assert kept.table.geometry.area.tolist() == [250_000]
    assert "pasture: 2 patches smaller than 1.5 ha were left out, 0.0 km2 or 5.7% of all pasture." in kept.notes
    assert "pasture: 0.2 km2 in 1 patches by the land-cover raster." in kept.notes
    assert "There is no forest in the study area by the land-cover raster." in kept.notes
    assert len(read_cover_areas([path], least_area_m2=12_500, **HOW).table) == 2


def test_other_classes(path):
    kept = read_cover_areas([raster(path, patchy((60, 60)))], classes={"pasture": (GRASS, CROPS)}, least_area_m2=0, **HOW)
    values = patchy((60, 60))
    assert kept.table.geometry.area.sum() == 2500 * np.isin(values, [GRASS, CROPS]).sum()
    assert set(kept.table["kind"]) == {"pasture"}


def test_nothing_there(path):
    kept = read_cover_areas([raster(path, np.full((50, 50), CROPS, dtype="uint8"))], **HOW)
    assert tables.check(kept.table, tables.RESOURCES).empty
    assert kept.table.crs == "EPSG:32626"


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 1000),
    smooth=st.sampled_from([0.5, 1.0, 2.0, 5.0]),
    square=st.sampled_from([7, 16, 256]),
    at_once=st.sampled_from([1, 333, 10_000]),
    least=st.sampled_from([0, 20_000]),
)
def test_outlines_hold_the_pixels_of_large_patches(tmp_path, monkeypatch, seed, smooth, square, at_once, least):
    """Burnt back into pixels, the polygons are the patches, found here by labelling the whole raster."""
    values = patchy((61, 47), seed, smooth)
    path = raster(tmp_path / "cover.tif", values)
    monkeypatch.setattr(tiles, "PIXELS_AT_ONCE", at_once)
    monkeypatch.setattr(land_cover, "SQUARE_PIXELS", square)
    kept = read_cover_areas([path], least_area_m2=least, **HOW)
    assert kept.table["resource_id"].is_unique
    for kind, code in (("pasture", GRASS), ("forest", TREES)):
        labels, _ = ndimage.label(values == code)
        large = np.bincount(labels.ravel()) * PIXEL_M**2 >= least
        wanted = large[labels] & (values == code)
        shapes = of_kind(kept, kind).geometry
        assert shapes.is_valid.all()
        assert shapes.area.sum() == wanted.sum() * PIXEL_M**2
        burnt = rasterize(list(shapes), out_shape=values.shape, transform=METRES) if len(shapes) else np.zeros(values.shape)
        assert (burnt == wanted).all()
        if square == 256:
            assert len(shapes) == len(np.unique(labels[wanted]))
        else:
            assert (shapes.area <= square**2 * PIXEL_M**2).all()


@pytest.mark.parametrize("transform_of", ["metres", "degrees"])
def test_same_bytes_for_any_window(path, tmp_path, monkeypatch, transform_of):
    if transform_of == "metres":
        raster(path, patchy((300, 280)), Affine(20, 0, WEST, 0, -20, NORTH))
    else:
        raster(path, patchy((300, 500)), Affine(0.0008, 0, -27.2, 0, -0.0005, 43.08), crs="EPSG:4326")
    monkeypatch.setattr(land_cover, "SQUARE_PIXELS", 64)
    written = []
    for at_once in (1, 5_000, 10_000_000):
        monkeypatch.setattr(tiles, "PIXELS_AT_ONCE", at_once)
        kept = read_cover_areas([path], least_area_m2=5_000, **HOW)
        tables.write(kept.table, tables.RESOURCES, tmp_path / "resources.parquet")
        written.append(((tmp_path / "resources.parquet").read_bytes(), kept.notes))
    assert len(kept.table) > 50
    assert written[0] == written[1] == written[2]


def test_area_in_another_crs(path):
    """Each polygon has the area of its pixels, also where the lines of the raster bend in metres."""
    values = patchy((300, 500), smooth=8)
    raster(path, values, DEGREES, crs="EPSG:4326")
    kept = read_cover_areas([path], least_area_m2=0, **HOW)
    rows, columns = np.indices(values.shape)
    corners = [
        Transformer.from_crs(4326, 32626, always_xy=True).transform(
            DEGREES.c + (columns + i) * 0.001, DEGREES.f - (rows + j) * 0.001
        )
        for i, j in ((0, 0), (1, 0), (1, 1), (0, 1))
    ]
    pixel_m2 = shapely.area(shapely.polygons(np.stack([np.stack(corner, axis=-1) for corner in corners], axis=-2)))
    longitude, latitude = DEGREES.c + (columns + 0.5) * 0.001, DEGREES.f - (rows + 0.5) * 0.001
    inside = (longitude >= AREA[0]) & (longitude < AREA[2]) & (latitude >= AREA[1]) & (latitude < AREA[3])
    for kind, code in (("pasture", GRASS), ("forest", TREES)):
        wanted = pixel_m2[inside & (values == code)].sum()
        assert of_kind(kept, kind).geometry.area.sum() == pytest.approx(wanted, rel=1e-5)
    assert kept.table.is_valid.all()


def test_long_edges_bend_with_the_projection(path):
    """A meadow as wide as the study area lies where its pixels lie, to a hundredth of a pixel."""
    raster(path, np.full((300, 500), GRASS, dtype="uint8"), DEGREES, crs="EPSG:4326")
    kept = read_cover_areas([path], **HOW)
    to_degrees = Transformer.from_crs(32626, 4326, always_xy=True)
    assert len(kept.table) == 2
    for shape in kept.table.geometry:
        longitude, latitude = to_degrees.transform(*shape.segmentize(50).exterior.xy)
        west, south, east, north = min(longitude), min(latitude), max(longitude), max(latitude)
        off = np.minimum.reduce(
            [np.abs(longitude - np.float64(x)) for x in (west, east)] + [np.abs(latitude - np.float64(y)) for y in (south, north)]
        )
        assert off.max() < 0.001 / 100


def test_fine_pixels_are_summed_up_first(path):
    values = np.full((90, 90), CROPS, dtype="uint8")
    values[:60, :60] = GRASS
    values[31, 31] = TREES
    kept = read_cover_areas([raster(path, values, Affine(10, 0, WEST, 0, -10, NORTH))], **HOW)
    assert kept.table.geometry.area.tolist() == [600 * 600]
    assert len(kept.table.geometry[0].interiors) == 0
    assert "cover.tif: 3 x 3 pixels were summed up to one (most frequent class)." in kept.notes


def test_the_study_area_does_not_move_the_pixels(path):
    values = patchy((120, 120))
    raster(path, values, Affine(10, 0, WEST, 0, -10, NORTH))
    whole = read_cover_areas([path], least_area_m2=0, **HOW).table
    part = read_cover_areas([path], crs="EPSG:32626", area=(-27.1174, 42.9, -26.8, 43.0321), least_area_m2=0).table
    assert 10 < len(part) < len(whole)
    inner = part[~part.geometry.boundary.intersects(part.geometry.union_all().envelope.boundary.buffer(40))]
    assert len(inner) > 10
    assert set(inner.geometry.to_wkb()) <= set(whole.geometry.to_wkb())


class TestTiles:
    def tiles(self, tmp_path, values, columns, transform=METRES, **options):
        found = []
        for number, (first, last) in enumerate(columns):
            moved = Affine(transform.a, 0, transform.c + first * transform.a, 0, transform.e, transform.f)
            found.append(raster(tmp_path / f"{number}.tif", values[:, first:last], moved, **options))
        return found

    @pytest.mark.parametrize("columns", [[(0, 40), (40, 90)], [(0, 60), (30, 90)], [(50, 90), (0, 50)]])
    def test_patches_do_not_end_at_tiles(self, tmp_path, path, columns):
        values = patchy((80, 90))
        whole = read_cover_areas([raster(path, values)], least_area_m2=10_000, **HOW)
        parts = read_cover_areas(self.tiles(tmp_path, values, columns), least_area_m2=10_000, **HOW)
        assert sorted(parts.table["resource_id"]) == sorted(whole.table["resource_id"])
        assert shapely.equals_exact(parts.table.geometry, whole.table.geometry, normalize=True).all()
        assert not any("Warning" in note for note in parts.notes)

    def test_the_first_counts_and_a_difference_is_told(self, tmp_path):
        tiles = [raster(tmp_path / f"{code}.tif", np.full((20, 20), code, dtype="uint8")) for code in (GRASS, TREES)]
        kept = read_cover_areas(tiles, **HOW)
        assert kept.table["kind"].tolist() == ["pasture"]
        assert "10.tif: 400 pixels were left out, since they lie on a tile before it." in kept.notes
        assert any(note.startswith("Warning: 10.tif: 400 of these 400") for note in kept.notes)

    def test_a_tile_of_other_pixels_is_fitted_in(self, tmp_path):
        first = raster(tmp_path / "first.tif", np.full((40, 40), GRASS, dtype="uint8"))
        second = raster(tmp_path / "second.tif", np.full((300, 500), GRASS, dtype="uint8"), DEGREES, crs="EPSG:4326")
        kept = read_cover_areas([first, second], **HOW)
        west, south, east, north = AREA
        outline = shapely.segmentize(shapely.box(west, south, east, north), 0.01)
        whole = shapely.transform(
            outline, lambda p: np.column_stack(Transformer.from_crs(4326, 32626, always_xy=True).transform(*p.T))
        )
        assert kept.table.geometry.area.sum() == pytest.approx(whole.area, rel=2e-3)
        assert any("of another size or place than those of first.tif" in note for note in kept.notes)
        assert kept.table.is_valid.all()
