"""The attacks on files: every seeded leak is caught by the attack that is there for it, and clean files pass all of them."""

import base64
import gzip
import hashlib
import io
import json
import sqlite3
import struct
import tomllib
import zlib
from importlib import resources
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import openpyxl
import pytest
import rasterio
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, PathPatch, Rectangle
from matplotlib.path import Path
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pypdf import PdfReader, PdfWriter
from pypdf.annotations import FreeText
from pypdf.generic import ArrayObject, DecodedStreamObject, DictionaryObject, NameObject, NumberObject, TextStringObject
from pyproj import Transformer
from rasterio import Affine
from shapely.geometry import Point

from tensionmap.protect.audit.attacks import ATTACKS, Expected, attack_files
from tensionmap.protect.audit.drawings import Frame, drawing_of, frame_of
from tensionmap.protect.audit.secrets import SEALED, Secrets, folded

CRS, WEST, SOUTH, CELLS, CELL_M = "EPSG:32626", 490_000, 4_752_000, 20, 1000
NAME, PHONE, RECORD = "Ҷамшед Ғуломов", "+992 00 555 01 37", "KD-20417"
METRES = Transformer.from_crs(4326, CRS, always_xy=True)


def degrees_of(metres):
    return np.column_stack(METRES.transform(*np.asarray(metres, dtype=float).reshape(-1, 2).T, direction="INVERSE"))


def make_study(seed=1):
    """Cells, villages and a canal that anybody may see, and forty places that nobody may."""
    rng = np.random.default_rng(seed)
    corners = np.array([(WEST + c * CELL_M, SOUTH + r * CELL_M) for c in range(CELLS + 1) for r in range(CELLS + 1)])
    villages = np.array([WEST, SOUTH]) + rng.uniform(500, CELLS * CELL_M - 500, (25, 2))
    canal = np.array([WEST, SOUTH + 3000]) + np.cumsum(rng.uniform(50, 400, (50, 2)), axis=0)
    private = np.array([WEST, SOUTH]) + rng.uniform(0, CELLS * CELL_M, (40, 2))
    public = np.concatenate([corners, villages, canal])
    secrets = Secrets(
        words=(NAME, RECORD),
        phones=(PHONE,),
        points=tuple(map(tuple, degrees_of(private))),
        allowed=tuple(map(tuple, degrees_of(public))),
        crs=CRS,
    )
    return SimpleNamespace(corners=corners, villages=villages, canal=canal, private=private, secrets=secrets, seed=seed)


def cell_feature(study, column, row, **properties):
    west, south = WEST + column * CELL_M, SOUTH + row * CELL_M
    ring = [(west, south), (west + CELL_M, south), (west + CELL_M, south + CELL_M), (west, south + CELL_M), (west, south)]
    shape = {"type": "Polygon", "coordinates": [degrees_of(ring).round(5).tolist()]}
    return {"type": "Feature", "id": str(column), "properties": {"text": "5-9 reports", **properties}, "geometry": shape}


def make_page(study, *, script="", body="", head="", policy="", features=(), **properties):
    """A page as Folium writes it, with squares of the grid and whatever else is given."""
    rng = np.random.default_rng(study.seed)
    squares = [cell_feature(study, *(int(n) for n in rng.integers(0, CELLS, 2)), **properties) for _ in range(30)]
    data = json.dumps({"type": "FeatureCollection", "features": [*squares, *features]})
    code = f'\nvar map_1 = L.map(\'map_1\', {{...{{"zoom": 10, "maxZoom": 15}}}});\ngeo_json_1.addData({data});\n{script}\n'
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    rules = policy or f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:"
    hidden = "Violence in families, sexual violence, violence against children, recruitment: to protect those harmed."
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{rules}"><title>Crime map</title>{head}'
        f"<style>html {{ color: #111 }}</style></head><body><p>{hidden}</p><p>10-19 reports: theft</p>{body}"
        f"<script>{code}</script></body></html>"
    ).encode()


def make_sheet(study, draw=lambda axes, mm: None, *, metadata=None, scale=100_000, corner=(20.0, 60.0)):
    """A printed map: squares, a canal, villages with their names; ``draw`` gets the axes and metres -> millimetres."""
    rng = np.random.default_rng(study.seed)

    def mm(metres):
        return (np.asarray(metres, dtype=float).reshape(-1, 2) - (WEST, SOUTH)) * 1000 / scale + corner

    with mpl.rc_context({"pdf.fonttype": 42}):
        figure = Figure(figsize=(210 / 25.4, 297 / 25.4), frameon=False)
        axes = figure.add_axes((0, 0, 1, 1), frameon=False, xlim=(0, 210), ylim=(0, 297))
        axes.set_axis_off()
        for column, row in rng.integers(0, CELLS, (30, 2)):
            west, south = WEST + column * CELL_M, SOUTH + row * CELL_M
            ring = [(west, south), (west + CELL_M, south), (west + CELL_M, south + CELL_M), (west, south + CELL_M), (west, south)]
            axes.add_patch(PathPatch(Path(mm(ring), closed=True), fill=False))
        axes.add_patch(PathPatch(Path(mm(study.canal)), fill=False))
        axes.add_line(Line2D(*mm(study.villages).T, ls="", marker="o", ms=4))
        for number, (x, y) in enumerate(mm(study.villages)):
            axes.text(x + 2, y, f"Orrin {number}", fontsize=9)
        draw(axes, mm)
        buffer = io.BytesIO()
        figure.savefig(
            buffer, format="pdf", metadata={"Creator": None, "Producer": None, "CreationDate": None, **(metadata or {})}
        )
    return buffer.getvalue()


def make_table(rows=(), headings="theme,cell_id,band"):
    """A CSV of bands, as a spreadsheet reads it."""
    lines = [headings, *(rows or ("crime,E491N4760,5-9", "tension,E492N4760,20+"))]
    return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()


STUDY = make_study()
PRIVATE = degrees_of(STUDY.private)
LONGITUDE, LATITUDE = PRIVATE[0]
OUTSIDE = "https://tiles.invalid/1.png"


def words(text):
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def page(**parts):
    return make_page(STUDY, **parts)


def sheet(draw=lambda axes, mm: None, **options):
    return make_sheet(STUDY, draw, **options)


def heat(places, decimals=5):
    return f"L.heatLayer({json.dumps(places[:, ::-1].round(decimals).tolist())}).addTo(map_1);"


def under_a_white_rectangle(axes, mm):
    axes.add_line(Line2D(*mm(STUDY.private).T, ls="", marker="x", ms=2, zorder=3))
    axes.add_patch(Rectangle((0, 0), 210, 297, fc="white", ec="white", zorder=4))


def one_circle(axes, mm):
    axes.add_patch(Circle(mm(STUDY.private[3])[0], 1.5, fill=False))


def one_line(axes, mm):
    ends = mm([STUDY.villages[0], STUDY.private[5], STUDY.villages[1]])
    axes.add_patch(PathPatch(Path(ends), fill=False))


def rounded_places(axes, mm):
    axes.add_line(Line2D(*mm(STUDY.private.round(0) + 1).T, ls="", marker="o", ms=1))


def changed(change, data=None):
    writer = PdfWriter(clone_from=io.BytesIO(data or sheet()))
    change(writer)
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def without_info(writer):
    writer.metadata = None


def add_attachment(writer):
    without_info(writer)
    writer.add_attachment("notes.csv", b"a,b")


def add_script(writer):
    without_info(writer)
    action = {"/S": NameObject("/JavaScript"), "/JS": TextStringObject("app.alert(1)")}
    writer.root_object[NameObject("/OpenAction")] = DictionaryObject({NameObject(key): value for key, value in action.items()})


def add_annotation(writer):
    without_info(writer)
    writer.add_annotation(0, FreeText(text="see the register", rect=(10, 10, 90, 30)))


def add_xmp(writer):
    without_info(writer)
    stream = DecodedStreamObject()
    stream.set_data(b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>made in the office</x:xmpmeta>")
    stream.update({NameObject("/Type"): NameObject("/Metadata"), NameObject("/Subtype"): NameObject("/XML")})
    writer.root_object[NameObject("/Metadata")] = writer._add_object(stream)


def add_georeference(writer):
    without_info(writer)
    view = DictionaryObject({NameObject("/Type"): NameObject("/Viewport"), NameObject("/Measure"): DictionaryObject()})
    writer.pages[0][NameObject("/VP")] = ArrayObject([view])


def add_hidden_layer(writer):
    without_info(writer)
    writer.root_object[NameObject("/OCProperties")] = DictionaryObject({NameObject("/OCGs"): ArrayObject()})


def add_form(writer):
    """The private places in a form that the page draws through a matrix of its own."""
    without_info(writer)
    points = (STUDY.private - (WEST, SOUTH)) * 0.01 * 72 / 25.4 + np.array([20.0, 60.0]) * 72 / 25.4
    stream = DecodedStreamObject()
    stream.set_data("\n".join(f"{x - 9:.6f} {y - 9:.6f} m {x + 1:.3f} {y + 1:.3f} l S" for x, y in points).encode())
    box = ArrayObject([NumberObject(n) for n in (0, 0, 600, 850)])
    kind = {"/Type": NameObject("/XObject"), "/Subtype": NameObject("/Form"), "/BBox": box}
    stream.update({NameObject(key): value for key, value in kind.items()})
    first = writer.pages[0]
    first["/Resources"]["/XObject"][NameObject("/Fm")] = writer._add_object(stream)
    content = DecodedStreamObject()
    content.set_data(first.get_contents().get_data() + b"\nq 1 0 0 1 9 9 cm /Fm Do Q\n")
    first[NameObject("/Contents")] = writer._add_object(content)


def encrypted():
    return changed(lambda writer: writer.encrypt("secret", algorithm="RC4-128"))


def png(size=(8, 8), notes=None):
    buffer = io.BytesIO()
    Image.new("L", size).save(buffer, "png", pnginfo=notes)
    return buffer.getvalue()


def png_with(text, *, is_packed=False):
    notes = PngInfo()
    notes.add_text("Comment", text, zip=is_packed)
    return png(notes=notes)


def sexagesimal(number):
    minutes = abs(number) % 1 * 60
    return (float(int(abs(number))), float(int(minutes)), round(minutes % 1 * 60, 4))


def jpeg_with_position():
    image, tags = Image.new("RGB", (8, 8)), Image.Exif()
    tags.get_ifd(0x8825).update({1: "N", 2: sexagesimal(LATITUDE), 3: "W", 4: sexagesimal(LONGITUDE)})
    buffer = io.BytesIO()
    image.save(buffer, "jpeg", exif=tags)
    return buffer.getvalue()


def surface(spread_m=300.0, cell_m=100.0, count=12):
    """A raster of values with a peak at each of the first private places."""
    side = int(CELLS * CELL_M / cell_m)
    x, y = np.meshgrid(WEST + (np.arange(side) + 0.5) * cell_m, SOUTH + CELLS * CELL_M - (np.arange(side) + 0.5) * cell_m)
    return sum(np.exp(-((x - e) ** 2 + (y - n) ** 2) / (2 * spread_m**2)) for e, n in STUDY.private[:count])


def geotiff(values, tags=None):
    width, height = CELLS * CELL_M / values.shape[1], CELLS * CELL_M / values.shape[0]
    transform = Affine(width, 0, WEST, 0, -height, SOUTH + CELLS * CELL_M)
    shape = {"height": values.shape[0], "width": values.shape[1], "count": 1, "dtype": "float32"}
    with rasterio.MemoryFile() as memory:
        with memory.open(driver="GTiff", crs=CRS, transform=transform, **shape) as raster:
            raster.write(values.astype("float32"), 1)
            raster.update_tags(**(tags or {}))
        return memory.read()


def overlay():
    """A picture of such a surface, laid over the map in the degrees of its corners."""
    west, south, east, north = *PRIVATE.min(axis=0) - 0.01, *PRIVATE.max(axis=0) + 0.01
    x, y = np.meshgrid(
        west + (np.arange(300) + 0.5) / 300 * (east - west), north - (np.arange(300) + 0.5) / 300 * (north - south)
    )
    values = sum(np.exp(-(((x - a) / 0.004) ** 2 + ((y - b) / 0.003) ** 2)) for a, b in PRIVATE[:12])
    buffer = io.BytesIO()
    Image.fromarray((values / values.max() * 255).astype("uint8")).save(buffer, "png")
    bounds = np.array([[south, west], [north, east]]).round(5).tolist()
    return f'L.imageOverlay("data:image/png;base64,{words(buffer.getvalue())}", {bounds}, {{}}).addTo(map_1);'


def workbook():
    book = openpyxl.Workbook()
    book.active["A1"] = "5-9"
    hidden = book.create_sheet("raw")
    hidden.sheet_state = "veryHidden"
    hidden["B7"] = NAME
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def database(*statements):
    connection = sqlite3.connect(":memory:")
    connection.executescript("PRAGMA secure_delete = OFF; PRAGMA auto_vacuum = 0; CREATE TABLE notes (text TEXT, shape BLOB);")
    for statement, values in statements:
        connection.execute(statement, values)
    connection.commit()
    return connection.serialize()


def with_deleted_rows():
    long = "x" * 3000
    rows = [("INSERT INTO notes (text) VALUES (?)", (f"{long} {NAME} {long}",))] * 9
    return database(*rows, ("DELETE FROM notes", ()))


def dbf(text):
    field = text.encode().ljust(40)
    head = struct.pack("<BBBBIHH20x", 3, 126, 1, 1, 1, 65, 41)
    return head + struct.pack("<11sc4xBB14x", b"WHO", b"C", 40, 0) + b"\r" + b" " + field + b"\x1a"


def shp(longitude, latitude):
    head = struct.pack(">7i", 9994, 0, 0, 0, 0, 0, 64) + struct.pack("<2i8d", 1000, 1, *[0.0] * 8)
    return head + struct.pack(">2i", 1, 10) + struct.pack("<i2d", 1, longitude, latitude)


def notebook(output):
    return json.dumps({"cells": [{"cell_type": "code", "outputs": [{"data": output}]}], "nbformat": 4}).encode()


def lines_of(text):
    return "".join(text[start : start + 76] + "\n" for start in range(0, len(text), 76))


def feature(**properties):
    shape = {"type": "Point", "coordinates": degrees_of(STUDY.villages[0]).round(5)[0].tolist()}
    return {"type": "Feature", "id": "x", "properties": {"text": "theft", **properties}, "geometry": shape}


def geojson(**properties):
    return json.dumps({"type": "FeatureCollection", "features": [feature(**properties)]}).encode()


def jittered(seed=7):
    noise = np.random.default_rng(seed).uniform(-1, 1, PRIVATE.shape)
    return (PRIVATE + 0.005 * noise).round(5)


def jittered_metres(seed=42):
    noise = np.random.default_rng(seed).uniform(-500, 500, (2, len(PRIVATE))).T
    return degrees_of(STUDY.private + noise).round(5)


WEB = np.column_stack(Transformer.from_crs(4326, 3857, always_xy=True).transform(*PRIVATE.T))
APART = {"lon": [-26.9, *PRIVATE[:, 0], 3], "lat": [43.1, *PRIVATE[::-1, 1], 4]}

LEAKS = {
    "a name in a property": ("map.html", lambda: page(features=[feature(text=f"told by {NAME}")]), "A2"),
    "a field that the map does not show": ("map.html", lambda: page(features=[feature(date="2024-05-01")]), "A5"),
    "an id of a report as a field": ("map.html", lambda: page(incident_id=17), "A5"),
    "numbers of records in a script": ("map.html", lambda: page(script=f"var ids = ['{RECORD}'];"), "A2"),
    "raw points in a heat layer": ("map.html", lambda: page(script=heat(PRIVATE)), "A4"),
    "one raw point": ("map.html", lambda: page(script=heat(PRIVATE[5:6])), "A4"),
    "points in web Mercator": ("map.html", lambda: page(script=f"var p = {json.dumps(WEB.round(1).tolist())};"), "A4"),
    "coordinates apart": ("map.html", lambda: page(script=f"var p = {json.dumps(APART)};"), "A4"),
    "places moved by a known noise of degrees": ("map.html", lambda: page(script=heat(jittered())), "A4"),
    "places moved by a known noise of metres": ("map.html", lambda: page(script=heat(jittered_metres())), "A4"),
    "a village with seven decimals": ("map.html", lambda: page(script=heat(degrees_of(STUDY.villages), 7)), "A3"),
    "a name in a comment": ("map.html", lambda: page(body=f"<!-- {NAME} -->"), "A2"),
    "a name in base64": ("map.html", lambda: page(script=f"var n = '{words(NAME)}';"), "A2"),
    "a phone in base64 of zlib": ("map.html", lambda: page(script=f"var n = '{words(zlib.compress(PHONE.encode()))}';"), "A2"),
    "a sealed kind in a tooltip": ("map.html", lambda: page(features=[feature(text="domestic violence<br>5-9 reports")]), "A2b"),
    "a sealed kind as an identifier": ("map.html", lambda: page(script="var kind = 'sexual_violence';"), "A2b"),
    "sealed kinds with their counts": (
        "map.html",
        lambda: page(body="<p>Домашнее насилие, изнасилование, вербовка 12</p>"),
        "A2b",
    ),
    "an address in an attribute": ("map.html", lambda: page(body=f"<img src='{OUTSIDE}'>"), "A12"),
    "an address in a style": ("map.html", lambda: page(head=f"<style>p {{ background: url({OUTSIDE}) }}</style>"), "A12"),
    "an address in a script": ("map.html", lambda: page(script=f"L.tileLayer('{OUTSIDE}').addTo(map_1);"), "A12"),
    "a call that fetches": ("map.html", lambda: page(script="fetch('x.json');"), "A12"),
    "no content security policy": ("map.html", lambda: page().replace(b"Content-Security-Policy", b"X"), "A12"),
    "a policy that lets scripts in": ("map.html", lambda: page(policy="default-src 'none'; script-src *"), "A12"),
    "a policy that lets requests out": ("map.html", lambda: page(policy="default-src 'none'; connect-src https:"), "A12"),
    "a picture with notes in a page": (
        "map.html",
        lambda: page(body=f"<img src='data:image/png;base64,{words(png_with('x'))}'>"),
        "A11",
    ),
    "a surface laid over the map": ("map.html", lambda: page(script=overlay()), "A11"),
    "a name beside the sheet": ("map.pdf", lambda: sheet(lambda axes, mm: axes.text(-90, 400, NAME)), "A2"),
    "any text beside the sheet": ("map.pdf", lambda: sheet(lambda axes, mm: axes.text(-90, 400, "draft")), "A10"),
    "a name in white": ("map.pdf", lambda: sheet(lambda axes, mm: axes.text(50, 50, NAME, color="white")), "A2"),
    "points under a white rectangle": ("map.pdf", lambda: sheet(under_a_white_rectangle), "A10"),
    "one point as a circle": ("map.pdf", lambda: sheet(one_circle), "A10"),
    "one point as the corner of a line": ("map.pdf", lambda: sheet(one_line), "A10"),
    "points drawn a metre off": ("map.pdf", lambda: sheet(rounded_places), "A10"),
    "points in a form": ("map.pdf", lambda: changed(add_form), "A10"),
    "an attachment": ("map.pdf", lambda: changed(add_attachment), "A10"),
    "a script in a sheet": ("map.pdf", lambda: changed(add_script), "A10"),
    "an annotation": ("map.pdf", lambda: changed(add_annotation), "A10"),
    "metadata": ("map.pdf", lambda: sheet(metadata={"Author": "an officer"}), "A10"),
    "metadata as XMP": ("map.pdf", lambda: changed(add_xmp), "A10"),
    "a georeference": ("map.pdf", lambda: changed(add_georeference), "A10"),
    "layers that can be hidden": ("map.pdf", lambda: changed(add_hidden_layer), "A10"),
    "an earlier state of a sheet": ("map.pdf", lambda: sheet() + b"\n" + sheet(), "A10"),
    "a sheet that cannot be opened": ("map.pdf", lambda: encrypted(), "A10"),
    "a sealed kind in the totals of a sheet": (
        "map.pdf",
        lambda: sheet(lambda axes, mm: axes.text(9, 9, "5-9: child\nviolence.")),
        "A2b",
    ),
    "the position in a photograph": ("map.jpg", lambda: jpeg_with_position(), "A4"),
    "a photograph with EXIF": ("map.jpg", lambda: jpeg_with_position(), "A11"),
    "a comment in a picture": ("map.png", lambda: png_with("made by the police"), "A11"),
    "a name in a packed comment": ("map.png", lambda: png_with(f"{NAME} " * 9, is_packed=True), "A2"),
    "bytes after a picture": ("map.png", lambda: png() + NAME.encode(), "A2"),
    "unused properties of GeoJSON": ("cells.geojson", lambda: geojson(victim="unknown"), "A5"),
    "raw points of a table": (
        "cells.csv",
        lambda: make_table([f"{a:.5f},1,2,3,{b:.5f}" for a, b in PRIVATE], "theme,cell_id,band,window,side_cells"),
        "A4",
    ),
    "a column of dates": ("cells.csv", lambda: make_table(headings="theme,cell_id,date_start"), "A13"),
    "a column of names": ("cells.csv", lambda: make_table(headings="theme,cell_id,name"), "A13"),
    "a formula": ("cells.csv", lambda: make_table(["=1+1,E491N4760,5-9"]), "A13"),
    "a formula behind a plus": ("cells.csv", lambda: make_table(['"+HYPERLINK(1)",E491N4760,5-9']), "A13"),
    "a table without a byte order mark": (
        "cells.csv",
        lambda: make_table(["таниш,E491N4760,5-9"]).removeprefix(b"\xef\xbb\xbf"),
        "A13",
    ),
    "a sealed kind in a cell": ("cells.csv", lambda: make_table(["recruitment,E491N4760,5-9"]), "A2b"),
    "a name in the outputs of a notebook": ("1-ingest.ipynb", lambda: notebook({"text/plain": [NAME, "\n"]}), "A2"),
    "a name in a picture of a notebook": (
        "1-ingest.ipynb",
        lambda: notebook({"image/png": lines_of(words(png_with(NAME, is_packed=True)))}),
        "A2",
    ),
    "a name in a hidden sheet": ("cells.xlsx", lambda: workbook(), "A2"),
    "a name beside a shape file": ("cells.dbf", lambda: dbf(NAME), "A2"),
    "a place in a shape file": ("cells.shp", lambda: shp(LONGITUDE, LATITUDE), "A4"),
    "a name in deleted rows": ("cells.gpkg", lambda: with_deleted_rows(), "A2"),
    "a place in a database": (
        "cells.gpkg",
        lambda: database(("INSERT INTO notes (shape) VALUES (?)", (b"GP\0\1" + b"\0" * 4 + Point(LONGITUDE, LATITUDE).wkb,))),
        "A4",
    ),
    "peaks of a raster": ("surface.tif", lambda: geotiff(surface()), "A11"),
    "a name in the tags of a raster": ("surface.tif", lambda: geotiff(surface(), {"MADE_FOR": NAME}), "A2"),
    "a name in a packed file": ("cells.json.gz", lambda: gzip.compress(json.dumps({"a": NAME}).encode(), mtime=0), "A2"),
    "a type that no release holds": ("cells.gpkg", lambda: database(), "A1"),
    "a content that its name does not say": ("picture.png", lambda: with_deleted_rows(), "A1"),
    "a hidden file": (".map.html", lambda: page(), "A1"),
    "a file in a hidden folder": ("__MACOSX/map.html", lambda: page(), "A1"),
    "a file named after a person": (f"{NAME}.html", lambda: page(), "A1"),
}


def named(files, audience="community"):
    """The manifest that names the files, for one audience."""
    return {name: Expected(hashlib.sha256(data).hexdigest(), audience) for name, data in files.items()}


CLEAN = {"web/clean.html": page(), "paper/clean.pdf": sheet(), "cells/clean.csv": make_table(), "clean.png": png()}


@pytest.mark.parametrize(("name", "make", "attack"), LEAKS.values(), ids=LEAKS.keys())
def test_a_seeded_leak_is_caught(name, make, attack):
    files = {name: make()}
    found = attack_files(files, STUDY.secrets, expected=named(files))
    assert attack in {finding.attack for finding in found}
    assert {finding.attack for finding in found} <= set(ATTACKS)
    told = " ".join(f"{finding.file} {finding.what}" for finding in found)
    for secret in (NAME, *NAME.split(), PHONE, RECORD, "сексу", f"{LONGITUDE:.3f}", f"{LATITUDE:.3f}"):
        assert secret not in told


def test_a_file_that_nobody_expects_and_one_that_was_changed_are_found():
    stray = page(script="var n = 1;")
    files = {**CLEAN, "web/more.html": stray}
    found = attack_files(files, STUDY.secrets, expected=named(CLEAN))
    assert [(finding.attack, finding.file) for finding in found] == [("A1", "web/more.html")]
    changed_files = {**CLEAN, "web/clean.html": stray}
    found = attack_files(changed_files, STUDY.secrets, expected=named(CLEAN))
    assert [(finding.attack, finding.file) for finding in found] == [("A1", "web/clean.html")]


def test_the_police_may_have_places_but_no_names():
    files = {"a.html": page(script=heat(PRIVATE)), "a.pdf": sheet(under_a_white_rectangle)}
    assert attack_files(files, STUDY.secrets, expected=named(files, "police")) == []
    for audience in ("research", "community"):
        found = attack_files(files, STUDY.secrets, expected=named(files, audience))
        assert {(finding.attack, finding.file) for finding in found} == {("A4", "a.html"), ("A10", "a.pdf")}
    files = {"a.html": page(body=NAME), "b.html": page(body=f"<!-- {PHONE} -->"), "c.pdf": sheet(metadata={"Title": "x"})}
    found = attack_files(files, STUDY.secrets, expected=named(files, "police"))
    assert {(finding.attack, finding.file) for finding in found} == {("A10", "c.pdf"), ("A2", "a.html"), ("A2", "b.html")}


@pytest.mark.parametrize("seed", range(100))
def test_clean_files_pass(seed):
    study = make_study(seed)
    scale = float(np.random.default_rng(seed).choice([120_000, 150_000, 225_000]))
    files = {"a.html": make_page(study), "a.pdf": make_sheet(study, scale=scale), "a.csv": make_table(), "a.png": png()}
    files["manifest.json"] = json.dumps({name: hashlib.sha256(data).hexdigest() for name, data in files.items()}).encode()
    assert attack_files(files, study.secrets, expected=named(files)) == []


def test_places_are_read_from_a_sheet_to_the_centimetre():
    data = sheet(under_a_white_rectangle, scale=225_000, corner=(31.7, 88.1))
    drawing = drawing_of(PdfReader(io.BytesIO(data)).pages[0])
    frame = frame_of(drawing, STUDY.secrets)
    recovered = frame.metres(np.array(drawing.marks))
    away = np.hypot(*(recovered[:, None, :] - STUDY.private[None, :, :]).transpose(2, 0, 1)).min(axis=0)
    assert away.max() < 0.01


def test_a_given_frame_is_used_where_the_map_draws_nothing_public():
    bare = make_study()
    bare.villages, bare.canal = STUDY.villages[:1] + 5000.5, STUDY.canal[:2] * 1.0001
    data = make_sheet(bare, under_a_white_rectangle)
    point = 25.4 / 72 * 100  # metres in a point at 1:100 000
    frame = Frame(point, WEST - 20 * 100, SOUTH - 60 * 100)
    files = {"a.pdf": data}
    blind = Secrets(points=STUDY.secrets.points, crs=CRS)
    assert attack_files(files, blind, expected=named(files)) == []
    found = attack_files(files, blind, expected=named(files), frames={"a.pdf": frame})
    assert [finding.attack for finding in found] == ["A10"]


def test_a_map_that_cannot_be_compared_does_not_pass():
    strewn = np.random.default_rng(3).uniform(0, 200, (1200, 2))
    drawn = {"a.pdf": sheet(lambda axes, mm: axes.add_line(Line2D(*strewn.T, ls="", marker="o", ms=1)))}
    elsewhere = Secrets(points=STUDY.secrets.points, allowed=tuple(map(tuple, PRIVATE[:9] + 0.03)), crs=CRS)
    assert [finding.attack for finding in attack_files(drawn, elsewhere, expected=named(drawn))] == ["A10"]
    assert attack_files(drawn, STUDY.secrets, expected=named(drawn)) == []


def test_known_blocks_may_name_addresses():
    block = f"/* {OUTSIDE} */ var u = '{OUTSIDE}'; fetch(u);"
    files = {"a.html": page(body=f"<script>{block}</script>")}
    known = frozenset({hashlib.sha256(block.encode()).hexdigest()})
    assert attack_files(files, STUDY.secrets, expected=named(files), known_blocks=known) == []
    assert {f.attack for f in attack_files(files, STUDY.secrets, expected=named(files))} == {"A12"}


def test_a_coarse_raster_and_one_that_peaks_elsewhere_tell_no_place():
    other = np.random.default_rng(5).uniform(size=(200, 200))
    for values in (surface(cell_m=1000.0), other, np.zeros((50, 50))):
        files = {"a.tif": geotiff(values)}
        found = attack_files(files, STUDY.secrets, expected=named(files))
        assert "A11" not in {finding.attack for finding in found}


def test_every_sealed_category_and_every_name_of_it_is_looked_for():
    taxonomy = tomllib.loads(resources.files("tensionmap.ingest").joinpath("taxonomy.toml").read_text(encoding="utf-8"))
    sealed = {name: category for name, category in taxonomy["category"].items() if category["tier"] == "S"}
    assert set(SEALED) == set(sealed)
    for name, category in sealed.items():
        looked_for = {spelling for word in SEALED[name] for spelling in folded(word)}
        for word in (word for words_of_language in category["words"].values() for word in words_of_language):
            assert folded(word) <= looked_for, word
