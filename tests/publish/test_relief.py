"""The relief: light from the north-west, light tones, in its place on a web map, the same bytes; and nothing to attack in it."""

import base64
import io
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from matplotlib import cbook
from PIL import Image
from pyproj import Transformer

from tensionmap.errors import GeometryError
from tensionmap.protect.audit.layers import image_notes
from tensionmap.protect.audit.pages import overlays_of
from tensionmap.protect.audit.peaks import picture_tells_places
from tensionmap.protect.audit.secrets import Secrets
from tensionmap.publish import relief
from tensionmap.publish.relief import DARKEST, LEVEL, LONGEST_PX, PAPER, hillshade, shade

CRS = "EPSG:32626"
WEST, SOUTH, SIDE_M, PIXEL_M = 480_000, 4_746_000, 40_000, 200
EXTENT = (WEST, SOUTH, WEST + SIDE_M, SOUTH + SIDE_M)
DEGREES = Transformer.from_crs(CRS, 4326, always_xy=True)


def land(height, pixel_m=PIXEL_M):
    """Elevation over the study; ``height`` in metres at kilometres east and north of its south-western corner."""
    centres = np.arange(pixel_m / 2, SIDE_M, pixel_m)
    east, north = (axis.ravel() for axis in np.meshgrid(centres, centres))
    return pd.DataFrame(
        {"easting": WEST + east, "northing": SOUTH + north, "elevation_m": height(east / 1000, north / 1000) * np.ones_like(east)}
    )


def hill(east, north):
    return 900 * np.exp(-((east - 20) ** 2 + (north - 20) ** 2) / 60)


def tone(made, east_km, north_km):
    west, _, east, north = made.extent
    cell = (east - west) / made.tones.shape[1]
    return made.tones[int((north - SOUTH - north_km * 1000) / cell), int((WEST + east_km * 1000 - west) / cell)]


def pixels(made):
    return np.asarray(Image.open(io.BytesIO(made.jpeg))).astype(float)


@pytest.fixture(scope="module")
def mountains():
    """Real mountains, out of Matplotlib's own samples, laid on the study."""
    heights = cbook.get_sample_data("jacksboro_fault_dem.npz")["elevation"].astype(float)
    rows, columns = heights.shape
    east, north = np.meshgrid(np.linspace(WEST, WEST + SIDE_M, columns), np.linspace(SOUTH + SIDE_M, SOUTH, rows))
    return pd.DataFrame({"easting": east.ravel(), "northing": north.ravel(), "elevation_m": heights.ravel()})


# what cannot be shaded


def test_a_table_without_heights_and_degrees_are_refused():
    with pytest.raises(GeometryError, match="no column elevation_m"):
        hillshade(land(hill)[["easting", "northing"]], crs=CRS, extent=EXTENT)
    with pytest.raises(GeometryError, match="not a projected CRS in metres"):
        shade(land(hill), crs="EPSG:4326", extent=EXTENT)


@pytest.mark.parametrize(
    "rows",
    [
        slice(0),
        slice(1),
        slice(200),  # the southernmost row alone
        [0, 199, 20_000, 39_999],  # four pixels far apart
    ],
)
def test_where_too_little_is_known_there_is_no_relief(rows):
    assert shade(land(hill).iloc[rows], crs=CRS, extent=EXTENT) is None


def test_a_strip_that_is_all_edge_makes_no_relief():
    strip = land(lambda east, north: 500 * (east - north), pixel_m=40).iloc[:3000]
    assert hillshade(strip, crs=CRS, extent=EXTENT) is None


def test_a_slope_in_full_light_is_no_empty_picture():
    slope = land(lambda east, north: 500 * (east - north))
    assert LEVEL < tone(hillshade(slope, crs=CRS, extent=EXTENT), 20, 20) < PAPER
    assert shade(slope, crs=CRS, extent=EXTENT) is not None


def test_pixels_that_show_no_valley_make_no_relief():
    assert shade(land(hill, pixel_m=2000), crs=CRS, extent=EXTENT) is None
    assert shade(land(hill, pixel_m=800), crs=CRS, extent=EXTENT) is not None


def test_elevation_far_away_is_left_out():
    assert shade(land(hill), crs=CRS, extent=tuple(edge + 60_000 for edge in EXTENT)) is None
    west, _, east, _ = hillshade(land(hill), crs=CRS, extent=(WEST, SOUTH, WEST + 10_000, SOUTH + 10_000)).extent
    assert (west, east) == pytest.approx((WEST, WEST + 15_000), abs=2 * PIXEL_M)


# the shading


def test_light_comes_from_the_north_west():
    made = hillshade(land(hill), crs=CRS, extent=EXTENT)
    north_west, south_east = tone(made, 16, 24), tone(made, 24, 16)
    assert north_west > LEVEL + 5
    assert south_east < LEVEL - 25
    assert tone(made, 8, 8) == pytest.approx(LEVEL, abs=1)


@pytest.mark.parametrize("turn", [0, 45, 90, 135])
def test_ridges_in_every_direction_are_seen(turn):
    turn = np.radians(turn)
    made = hillshade(
        land(lambda east, north: 100 * np.cos((east * np.cos(turn) + north * np.sin(turn)) * 2)), crs=CRS, extent=EXTENT
    )
    inner = made.tones[300:900, 300:900].astype(float)
    assert np.percentile(inner, 90) - np.percentile(inner, 10) > 13


@pytest.mark.parametrize("metres", [3, 30, 300, 3000])
def test_tones_are_light_whatever_the_relief(metres):
    made = hillshade(land(lambda east, north: metres * np.sin(east) * np.cos(north)), crs=CRS, extent=EXTENT)
    assert made.tones.min() >= DARKEST
    assert np.median(made.tones) > 210
    assert 1.0 <= made.exaggeration <= 8.0


def test_heights_are_exaggerated_the_more_the_lower_they_are():
    low, high = (
        hillshade(land(lambda east, north, m=m: m * np.sin(east) * np.cos(north)), crs=CRS, extent=EXTENT) for m in (120, 240)
    )
    assert low.exaggeration == pytest.approx(2 * high.exaggeration)
    assert np.abs(low.tones.astype(int) - high.tones).max() <= 1


def test_a_plain_is_level():
    made = hillshade(land(lambda east, north: 700.0), crs=CRS, extent=EXTENT)
    assert set(np.unique(made.tones[100:-100, 100:-100])) == {LEVEL}


def test_a_slope_is_even_on_whatever_grid_it_was_measured():
    """A raster in degrees has its pixels beside the middles of any grid of metres."""
    longitudes, latitudes = np.meshgrid(np.arange(-27.25, -26.76, 0.0011), np.arange(42.86, 43.2, 0.0013))
    east, north = DEGREES.transform(longitudes.ravel(), latitudes.ravel(), direction="INVERSE")
    slope = pd.DataFrame({"easting": east, "northing": north, "elevation_m": 0.08 * east - 0.05 * north})
    inner = hillshade(slope, crs=CRS, extent=EXTENT).tones[100:800, 100:1100]
    assert np.ptp(inner) <= 1


def test_the_order_of_rows_does_not_matter():
    elevation = land(hill)
    mixed = elevation.sample(frac=1.0, random_state=3)
    one, two = (hillshade(table, crs=CRS, extent=EXTENT).tones.astype(int) for table in (elevation, mixed))
    assert np.abs(one - two).max() <= 1


def test_a_hole_stays_paper_and_a_missing_pixel_is_bridged():
    elevation = land(hill)
    east, north = elevation["easting"] - WEST, elevation["northing"] - SOUTH
    hole = elevation[~((east > 10_000) & (east < 16_000) & (north > 10_000) & (north < 16_000))]
    made = hillshade(hole, crs=CRS, extent=EXTENT)
    assert tone(made, 13, 13) == PAPER
    assert tone(made, 24, 16) < LEVEL - 25
    one = elevation.drop(elevation.index[(east == 24_100) & (north == 16_100)])
    assert len(one) == len(elevation) - 1
    bridged, whole = (hillshade(table, crs=CRS, extent=EXTENT) for table in (one, elevation))
    assert np.abs(bridged.tones.astype(int) - whole.tones).max() <= 3


def test_memory_grows_no_faster_than_the_table(monkeypatch):
    monkeypatch.setattr(relief, "LONGEST_PX", 200)

    def most_bytes(pixel_m):
        elevation = land(hill, pixel_m=pixel_m)
        tracemalloc.start()
        hillshade(elevation, crs=CRS, extent=EXTENT)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most / len(elevation)

    assert most_bytes(25) < 100
    assert most_bytes(25) < 1.2 * most_bytes(50)


# the picture


def test_the_picture_is_small_light_and_says_nothing_of_itself(mountains):
    made = shade(mountains, crs=CRS, extent=EXTENT)
    with Image.open(io.BytesIO(made.jpeg)) as image:
        assert (image.format, image.mode) == ("JPEG", "L")
        assert LONGEST_PX * 0.95 <= max(image.size) <= LONGEST_PX
    assert not image_notes(made.jpeg)
    assert len(made.jpeg) <= 120_000
    assert pixels(made).min() >= DARKEST - 8
    assert pixels(made).std() > 8
    assert base64.b64decode(made.data_uri.removeprefix("data:image/jpeg;base64,")) == made.jpeg


def test_the_same_elevation_gives_the_same_bytes(mountains):
    assert shade(mountains, crs=CRS, extent=EXTENT) == shade(mountains.copy(), crs=CRS, extent=EXTENT)


@pytest.mark.parametrize(("east_km", "north_km"), [(8, 8), (20, 30), (33, 12)])
def test_a_hill_lies_where_leaflet_looks_for_it(east_km, north_km):
    """Leaflet stretches the picture between its corners in web Mercator."""
    elevation = land(lambda east, north: 400 * np.exp(-((east - east_km) ** 2 + (north - north_km) ** 2) / 2))
    in_metres, made = hillshade(elevation, crs=CRS, extent=EXTENT), shade(elevation, crs=CRS, extent=EXTENT)
    assert all(round(edge, 5) == edge for edge in made.bounds)

    def shady_side(tones, west, south, east, north):
        rows, columns = np.nonzero(tones < LEVEL - 15)
        height, width = tones.shape
        return west + (columns.mean() + 0.5) / width * (east - west), north - (rows.mean() + 0.5) / height * (north - south)

    web = Transformer.from_crs(4326, 3857, always_xy=True)
    (left, right), (bottom, top) = web.transform(made.bounds[::2], made.bounds[1::2])
    seen = web.transform(*shady_side(pixels(made), left, bottom, right, top), direction="INVERSE")
    wanted = shady_side(in_metres.tones, *in_metres.extent)
    assert DEGREES.transform(*seen, direction="INVERSE") == pytest.approx(wanted, abs=15)
    assert np.hypot(wanted[0] - WEST - east_km * 1000, wanted[1] - SOUTH - north_km * 1000) < 1500


# the audit


@pytest.fixture(scope="module")
def secrets():
    """Three hundred places of reports, most of them in a few villages."""
    rng = np.random.default_rng(4)
    villages = rng.uniform(4_000, SIDE_M - 4_000, (12, 2))
    places = np.concatenate([villages[rng.integers(0, 12, 240)] + rng.normal(0, 600, (240, 2)), rng.uniform(0, SIDE_M, (60, 2))])
    points = np.column_stack(DEGREES.transform(WEST + places[:, 0], SOUTH + places[:, 1]))
    return Secrets(words=(), phones=(), points=tuple(map(tuple, points)), allowed=((-27.0, 43.0),), crs=CRS)


@pytest.mark.parametrize("turned", [1, -1])
def test_a_relief_tells_no_place(mountains, secrets, turned):
    elevation = mountains.assign(elevation_m=mountains["elevation_m"].to_numpy()[::turned])
    made = shade(elevation, crs=CRS, extent=EXTENT)
    assert not picture_tells_places(made.jpeg, made.bounds, secrets)


def test_reports_that_were_put_into_a_relief_are_found(mountains, secrets):
    made = shade(mountains, crs=CRS, extent=EXTENT)
    picture, (west, south, east, north) = pixels(made), made.bounds
    for longitude, latitude in secrets.points[:80]:
        row = int((north - latitude) / (north - south) * picture.shape[0])
        column = int((longitude - west) / (east - west) * picture.shape[1])
        picture[row, column] = 150
    stream = io.BytesIO()
    Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(stream, "JPEG", quality=95)
    assert picture_tells_places(stream.getvalue(), made.bounds, secrets)


@pytest.mark.parametrize(
    "written",
    [
        '{{"relief": {{"picture": "{uri}", "bounds": [[{s}, {w}], [{n}, {e}]]}}}}',
        '{{"relief":{{"bounds":[[{s},{w}],[{n},{e}]],"picture":"{uri}"}}}}',
        'L.imageOverlay(\n    "{uri}",\n    [[{s}, {w}], [{n}, {e}]],\n    {{}})',
        "L.imageOverlay(`{uri}`, [ [ {n} , {e} ] , [ {s} , {w} ] ])",
    ],
)
def test_the_audit_sees_a_picture_that_is_laid_over_a_map(written):
    uri = f"data:image/jpeg;base64,{base64.b64encode(b'a picture').decode()}"
    script = f"x = [1, 2]; y = {{}}; {written.format(uri=uri, s=42.5, w=-27.25, n=43, e=-2.6e1)};"
    assert list(overlays_of(script)) == [(b"a picture", (-27.25, 42.5, -26.0, 43.0))]


def test_the_audit_takes_no_other_picture_for_one():
    assert list(overlays_of('icon({"url": "data:image/png;base64,AAAA"}); fit([[1, 2], [3, 4]])')) == []
