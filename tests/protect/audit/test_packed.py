"""Packed points: a private place in them is found in every page that is not for those who may see it, and nothing hides there."""

import base64
import json
import time
import zlib

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from pyproj import Transformer
from scipy.spatial import cKDTree

from tensionmap.protect.audit.attacks import Expected, attack_files, find_leaks
from tensionmap.protect.audit.layers import layers_of
from tensionmap.protect.audit.packed import without_packed
from tensionmap.protect.audit.secrets import Secrets
from tensionmap.publish.points import pack

CRS = "EPSG:32642"
PRIVATE = ((70.412345, 39.987654), (70.523456, 40.012345))
NAME = "Ҷамшед Ғуломов"


def moved(place, metres):
    there = Transformer.from_crs(4326, CRS, always_xy=True)
    east, north = there.transform(*place)
    return there.transform(east + metres, north, direction="INVERSE")


def packed(*places, n=300, category="theft"):
    """So many points far from every private place, and ``places``."""
    rng = np.random.default_rng(1)
    degrees = np.concatenate([rng.uniform((70.0, 39.5), (70.3, 39.8), (n, 2)), np.array(places).reshape(-1, 2)])
    columns = {
        "category": category,
        "reported_by": rng.choice(["Norvia", "Selmar"], len(degrees)),
        "source": "register",
        "date_start": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 900, len(degrees)), unit="D"),
        "date_precision": "day",
        "location_precision_m": rng.choice([10.0, 500.0], len(degrees)),
    }
    return pack(gpd.GeoDataFrame(columns, index=range(len(degrees)), geometry=gpd.points_from_xy(*degrees.T), crs=4326))["packed"]


def page(text):
    return f'<!doctype html><meta charset="utf-8"><p>Map</p><script>let given = {{"packed": "{text}"}};</script>'.encode()


def changed(text, change):
    """The block with its plain bytes changed, packed again."""
    stream = zlib.compressobj(wbits=-15)
    plain = bytes(change(bytearray(zlib.decompress(base64.b64decode(text), -15))))
    return base64.b64encode(stream.compress(plain) + stream.flush()).decode()


@pytest.fixture(scope="module")
def secrets():
    return Secrets(words=(NAME,), points=PRIVATE, allowed=((70.0, 39.5),), crs=CRS)


def found_in(data, secrets, audience, name="map.html"):
    expected = {name: Expected("", audience)}
    return {
        (found.attack, found.what) for found in attack_files({name: data}, secrets, expected=expected) if found.attack == "A4"
    }


@pytest.mark.parametrize("audience", ["community", "research"])
def test_a_private_place_is_found_in_a_page_for_others(secrets, audience):
    told = {("A4", "the place of a report (degrees), in html/packed points")}
    assert found_in(page(packed(PRIVATE[0])), secrets, audience) == told
    assert found_in(page(packed(moved(PRIVATE[1], 3))), secrets, audience) == told
    assert found_in(page(packed()), secrets, audience) == set()
    assert found_in(page(packed(moved(PRIVATE[0], 9))), secrets, audience) == set()


def test_the_police_may_hold_places_but_not_sealed_ones(secrets):
    data = page(packed(PRIVATE[0]))
    assert found_in(data, secrets, "police") == set()
    sealed = Secrets(points=PRIVATE[:1], allowed=PRIVATE[1:], crs=CRS)
    assert found_in(data, sealed, "") != set()
    assert found_in(page(packed(PRIVATE[1])), sealed, "") == set()


@pytest.mark.parametrize(
    ("ending", "wrap"),
    [
        ("json", lambda text: json.dumps({"a": [text]}).encode()),
        ("html", lambda text: page(text.replace("/", "\\u002f"))),
        ("html", lambda text: page(base64.b64encode(f"let a='{text}'".encode()).decode())),
        ("txt", lambda text: text.encode()),
    ],
    ids=["json", "escaped", "packed twice", "plain"],
)
def test_a_private_place_is_found_wherever_the_block_stands(secrets, ending, wrap):
    assert find_leaks(wrap(packed(PRIVATE[0])), ending, secrets)
    assert not find_leaks(wrap(packed()), ending, secrets)


@pytest.mark.parametrize("n", [1, 2, 40, 5000])
def test_every_place_is_unpacked(n):
    rng = np.random.default_rng(n)
    places = rng.uniform((-180, -85), (180, 85), (n, 2))
    text, found = without_packed(f'a "{packed(*places, n=0)}" b')
    assert text == 'a "" b'
    assert len(found) == 1
    away, which = cKDTree(found[0]).query(places)
    assert away.max() < 1e-5
    assert sorted(which) == list(range(n))


@pytest.mark.parametrize(
    "change",
    [
        lambda plain: plain + NAME.encode(),
        lambda plain: plain[:-1],
        lambda plain: plain[:4] + b"\xff" * 9 + plain[13:],
        lambda plain: plain[:60],
        lambda plain: plain[:20] + bytes([plain[20] ^ 128]) + plain[21:],
    ],
    ids=["more", "less", "a huge number", "a stump", "broken"],
)
def test_what_does_not_keep_to_the_form_stays_in_the_text_and_is_a_fault(change, secrets):
    word = changed(packed(), change)
    assert without_packed(word) == (word, [None])
    found = attack_files({"map.html": page(word)}, secrets, expected={})
    assert any(finding.attack == "A1" and "cannot be unpacked" in finding.what for finding in found)


def test_bytes_behind_the_packed_ones_are_a_fault():
    word = base64.b64encode(base64.b64decode(packed()) + NAME.encode()).decode()
    assert without_packed(word) == (word, [None])


def test_other_words_stay_in_the_text():
    rng = np.random.default_rng(3)
    words = " ".join(base64.b64encode(rng.bytes(n)).decode() for n in range(12, 400, 3))
    text = f"let internationalisation = '{words}'; AAAAAAAAAAAAAAAAAAAAA {base64.b64encode(zlib.compress(b'x' * 900)).decode()}"
    text += " " + changed(packed(), lambda plain: b"TMP2" + plain[4:])
    assert without_packed(text) == (text, [])


def test_letters_of_a_block_are_no_names_and_its_labels_are():
    block = packed()
    by_chance = next(block[i : i + 7] for i in range(len(block)) if block[i : i + 7].isalpha())
    secrets = Secrets(words=(by_chance, NAME), sealed={})
    assert find_leaks(page(block), "html", secrets) == []
    assert find_leaks(page(f'{block}", "label": "{NAME}'), "html", secrets)
    assert find_leaks(page(changed(block, lambda plain: plain + b"x") + block[:99] + by_chance), "html", secrets)


def test_a_hundred_thousand_points_are_searched_within_seconds(secrets):
    data = page(packed(n=100_000))
    begun = time.process_time()
    assert found_in(data, secrets, "community") == set()
    assert find_leaks(data, "html", secrets) == []
    assert time.process_time() - begun < 5
    assert max(len(layer.text) for layer in layers_of(data, "html")) < 1000
