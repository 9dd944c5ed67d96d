"""The scanner of leaks: it catches every way of hiding that we know, and passes clean files."""

import base64
import gzip
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

NAME, LATIN, PHONE, RECORD = "Ҷамшед Ғуломов", "Jamshed Gʻulomov", "+992 00 555 01 37", "KD-20417"
LONGITUDE, LATITUDE = -26.983_417_2, 43.012_905_4
EASTING, NORTHING = Transformer.from_crs(4326, 32626, always_xy=True).transform(LONGITUDE, LATITUDE)
WEB = Transformer.from_crs(4326, 3857, always_xy=True).transform(LONGITUDE, LATITUDE)


@pytest.fixture
def canaries(leaks):
    return leaks.Canaries(
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


def test_words_and_phones_too_short_to_find_are_refused(leaks):
    with pytest.raises(ValueError, match=r"too short.*Ли.*12345"):
        leaks.Canaries(words=("Ли",), phones=("12345",))


@pytest.mark.parametrize(("kind", "data"), LEAKS.values(), ids=LEAKS.keys())
def test_a_leak_is_caught(leaks, canaries, kind, data):
    assert leaks.find_leaks(data, kind, canaries)


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
def test_a_clean_file_passes(leaks, canaries, kind, data):
    assert leaks.find_leaks(data, kind, canaries) == []


def test_a_place_that_is_also_public_is_no_leak(leaks, canaries):
    public = page("[-27.01, 43.02]")
    assert leaks.find_leaks(public, "html", canaries) == []
    assert leaks.find_leaks(public, "html", leaks.Canaries(points=canaries.points))


def test_a_leak_is_named_with_its_layer(leaks, canaries):
    found = leaks.find_leaks(page(as_base64(zlib.compress(RECORD.encode()))), "html", canaries)
    assert found == ["html/base64/zlib: word 'KD-20417'"]
