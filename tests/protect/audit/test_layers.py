"""The layers of a file: a secret is found in every one that we know of, and clean files pass."""

import base64
import gzip
import hashlib
import io
import json
import struct
import zipfile
import zlib

import geopandas as gpd
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from pypdf import PdfWriter
from pyproj import Transformer
from shapely.geometry import Point, box

from tensionmap.protect.audit.attacks import find_leaks
from tensionmap.protect.audit.layers import layers_of
from tensionmap.protect.audit.secrets import Secrets

NAME, LATIN, PHONE, RECORD = "Ҷамшед Ғуломов", "Jamshed Gʻulomov", "+992 00 555 01 37", "KD-20417"
LONGITUDE, LATITUDE = -26.983_417_2, 43.012_905_4
EASTING, NORTHING = Transformer.from_crs(4326, 32626, always_xy=True).transform(LONGITUDE, LATITUDE)
WEB = Transformer.from_crs(4326, 3857, always_xy=True).transform(LONGITUDE, LATITUDE)


@pytest.fixture(scope="module")
def secrets():
    return Secrets(
        words=(NAME, RECORD), phones=(PHONE,), points=((LONGITUDE, LATITUDE), (-27.01, 43.02)), allowed=((-27.01, 43.02),)
    )


def page(body):
    return f"<!doctype html><meta charset=utf-8><p>Crime map</p>{body}".encode()


def pdf(draw=lambda figure: None, metadata=None):
    buffer = io.BytesIO()
    with mpl.rc_context({"pdf.fonttype": 42}):
        figure = plt.figure(figsize=(4, 3))
        figure.text(0.5, 0.5, "Crime map: Orrin, Ӯлмек")
        draw(figure)
        figure.savefig(buffer, format="pdf", metadata={"CreationDate": None, **(metadata or {})})
        plt.close(figure)
    return buffer.getvalue()


def with_attachment():
    writer = PdfWriter(clone_from=io.BytesIO(pdf()))
    writer.add_attachment("notes.csv", f"id\n{RECORD}\n".encode())
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def parquet(column="theme", value="crime", shape=None, **columns):
    frame = gpd.GeoDataFrame({column: [value], **columns}, geometry=[shape or box(5e5, 4.76e6, 501e3, 4.761e6)], crs=32626)
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


def png_with(text):
    buffer = io.BytesIO()
    figure = plt.figure(figsize=(1, 1))
    figure.savefig(buffer, format="png", metadata={"Comment": text, "Software": None})
    plt.close(figure)
    return buffer.getvalue()


def workbook_with(text):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", f"<sst><si><t>{text}</t></si></sst>")
    return buffer.getvalue()


def as_base64(data):
    return base64.b64encode(data).decode()


def escaped(text):
    return "".join(f"\\u{unit:04x}" for unit in struct.unpack(f"<{len(text)}H", text.encode("utf-16-le")))


LEAKS = {
    "a name as it is": ("html", page(NAME)),
    "a name in capitals": ("html", page(NAME.upper())),
    "a name in the Russian script": ("html", page("Чамшед Гуломов")),
    "a name in Latin letters": ("html", page(LATIN)),
    "a name in full-width letters": ("html", page("".join(chr(ord(c) + 0xFEE0) for c in "JamshedGulomov"))),
    "a name in a Latin spelling of English": ("html", page("Chamshed Ghulomov")),
    "a name in pieces": ("html", page("<b>Ҷам-шед</b>&nbsp;Ғу\u00adломов")),
    "a name in entities": ("html", page("".join(f"&#{ord(c)};" for c in NAME))),
    "a name in hexadecimal entities": ("html", page("".join(f"&#x{ord(c):x};" for c in NAME))),
    "a name in script escapes": ("html", page(f"<script>let a='{escaped(NAME)}'</script>")),
    "a name with percent signs": ("html", page("".join(f"%{byte:02X}" for byte in NAME.encode()))),
    "a name in base64": ("html", page(f"<img src='data:x;base64,{as_base64(NAME.encode())}'>")),
    "a name in base64 of zlib": ("html", page(as_base64(zlib.compress(NAME.encode())))),
    "a name in base64 of gzip": ("html", page(as_base64(gzip.compress(NAME.encode(), mtime=0)))),
    "a name in hexadecimal digits": ("json", json.dumps({"a": NAME.encode().hex()}).encode()),
    "a name in a Windows file": ("csv", "Гуломов Чамшед, Чамшед Гуломов".encode("cp1251")),
    "a name in the text of a PDF": ("pdf", pdf(lambda f: f.text(0.1, 0.1, NAME))),
    "a name beside the sheet of a PDF": ("pdf", pdf(lambda f: f.text(-3, 4, NAME))),
    "a name in white": ("pdf", pdf(lambda f: f.text(0.1, 0.1, NAME, color="white"))),
    "a name in the metadata of a PDF": ("pdf", pdf(metadata={"Keywords": LATIN})),
    "a record attached to a PDF": ("pdf", with_attachment()),
    "a name in a picture's comment": ("png", png_with("Jamshed Gulomov")),
    "a name in a picture in a page": (
        "html",
        page(f"<img src='data:image/png;base64,{as_base64(png_with('Jamshed Gulomov'))}'>"),
    ),
    "a name in a Parquet column": ("parquet", parquet("band", NAME)),
    "a name of a Parquet column": ("parquet", parquet(LATIN, "5-9")),
    "a name in a workbook": ("xlsx", workbook_with(NAME)),
    "a phone as it is": ("html", page(PHONE)),
    "a phone without the country": ("html", page("00 5550137")),
    "a phone with dashes": ("html", page("tel: (992)00-555-01-37, evenings")),
    "a phone after other numbers": ("json", b"[12, 7 992005550137 3]"),
    "a record's number": ("json", b'{"id": "kd-20417"}'),
    "a place as GeoJSON": ("json", json.dumps([round(LONGITUDE, 6), round(LATITUDE, 6)]).encode()),
    "a place with four decimals": ("html", page(f"L.marker([{LATITUDE:.4f}, {LONGITUDE:.4f}])")),
    "a place with a height": ("json", json.dumps({"p": [LONGITUDE, 912.5, LATITUDE]}).encode()),
    "a place with commas": ("csv", b"-26,9834172;43,0129054"),
    "a place with exponents": ("json", b"[-2.69834172e1, 4.30129054E+01]"),
    "a place in millionths": ("json", b"[-26983417, 43012905]"),
    "a place in minutes and seconds": ("html", page("43°00'46.46\"N 26°59'00.30\"W")),
    "a place in metres": ("html", page(f"{EASTING:.1f} {NORTHING:.0f}")),
    "a place in web Mercator": ("json", json.dumps(WEB).encode()),
    "a place in two lists": ("json", json.dumps({"lon": [-26.9, LONGITUDE, 3], "lat": [43.1, LATITUDE, 4]}).encode()),
    "a place as doubles in base64": ("html", page(as_base64(b"x" + struct.pack("<2d", LATITUDE, LONGITUDE)))),
    "a place as floats in base64": ("html", page(as_base64(struct.pack("<2f", LONGITUDE, LATITUDE) * 3))),
    "a place as WKB in hexadecimal digits": ("json", json.dumps(Point(LONGITUDE, LATITUDE).wkb_hex).encode()),
    "a place as a Parquet shape": ("parquet", parquet(shape=Point(EASTING, NORTHING))),
    "a place as two Parquet columns": ("parquet", parquet(easting=[EASTING], northing=[NORTHING])),
    "a place in the text of a PDF": ("pdf", pdf(lambda f: f.text(0.1, 0.1, f"{LATITUDE:.5f}, {LONGITUDE:.5f}"))),
}


def test_words_and_phones_too_short_to_find_are_refused():
    with pytest.raises(ValueError, match=r"too short.*Ли.*12345"):
        Secrets(words=("Ли",), phones=("12345",))


def test_what_is_too_short_is_left_out_of_what_is_gathered():
    secrets = Secrets.gathered(["Ли", "900034", "С-2024/0175", "Илгаров", "Илгаров"], ["12345", PHONE])
    assert (secrets.words, secrets.phones) == (("Илгаров", "С-2024/0175"), (PHONE,))


@pytest.mark.parametrize(("kind", "data"), LEAKS.values(), ids=LEAKS.keys())
def test_a_leak_is_caught(secrets, kind, data):
    assert find_leaks(data, kind, secrets)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("html", page("Orrin, Ӯлмек: 43.0200, -27.0100; 43.0129 without a second; KD-2041 and 7; call 992 00 555 01 38")),
        ("html", page(as_base64(np.random.default_rng(1).bytes(20_000)))),
        ("html", page(" ".join(f"{n:.4f}" for n in np.random.default_rng(2).uniform(-27.2, 43.2, 20_000)))),
        ("json", json.dumps([EASTING + 9, NORTHING, "500000, 4762000"]).encode()),
        ("pdf", pdf(lambda f: f.text(0.1, 0.1, "Ҷамшеди Боло"))),
        ("png", png_with("Crime map")),
        ("parquet", parquet()),
        ("csv", b""),
    ],
    ids=["text", "random bytes", "random numbers", "a place nine metres off", "pdf", "png", "parquet", "nothing"],
)
def test_a_clean_file_passes(secrets, kind, data):
    assert find_leaks(data, kind, secrets) == []


def test_a_place_that_is_also_public_is_no_leak(secrets):
    public = page("[-27.01, 43.02]")
    assert find_leaks(public, "html", secrets) == []
    assert find_leaks(public, "html", Secrets(points=secrets.points))


def test_a_leak_is_named_with_its_layer_and_without_the_secret(secrets):
    found = find_leaks(page(as_base64(zlib.compress(RECORD.encode()))), "html", secrets)
    assert found == ["the number of a record, or another mark out of a report, in html/base64/zlib"]


@pytest.mark.parametrize("ending", ["pdf", "parquet", "gpkg", "xlsx", "png", "jpg", "tif", "ipynb", "gz"])
def test_a_broken_file_is_a_fault_and_no_crash(ending):
    starts = {"pdf": b"%PDF", "parquet": b"PAR1", "gpkg": b"SQLite format 3\0", "xlsx": b"PK\3\4", "png": b"\x89PNG\r\n\x1a\n"}
    starts |= {"jpg": b"\xff\xd8\xff", "tif": b"II*\0", "ipynb": b"{", "gz": b"\x1f\x8b"}
    assert any(layer.fault for layer in layers_of(starts[ending] + b"garbage", ending))


def test_known_blocks_are_not_unpacked():
    block = f"\n{NAME}\n"
    known = frozenset({hashlib.sha256(block.encode()).hexdigest()})
    data = page(f"<script>{block}</script><script>{RECORD}</script>")
    texts = [layer.text for layer in layers_of(data, "html", known_blocks=known)]
    assert RECORD in texts[0]
    assert NAME not in "".join(texts)
