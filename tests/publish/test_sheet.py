import dataclasses
import hashlib
import re
import subprocess
import sys
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import cv2
import geopandas as gpd
import matplotlib
import numpy as np
import pandas as pd
import pypdfium2
import pytest
import shapely
from pypdf import PdfReader
from pypdf.generic import ContentStream
from shapely.geometry import box

import tensionmap
from tensionmap import tables
from tensionmap.errors import ReleaseError
from tensionmap.protect.audit.drawings import drawing_of
from tensionmap.publish import sentences, style
from tensionmap.publish import sheet as sheets
from tensionmap.publish.chart import INDEX_MM, Chart
from tensionmap.publish.drawn import PT_MM, Marks, Shape, Writing
from tensionmap.publish.labels import place_labels
from tensionmap.publish.page import A4_MM, Page, as_pdf, text_width_mm, wrap
from tensionmap.publish.relief import Hillshade
from tensionmap.publish.sheet import PAPERS, crime_sheet, tension_sheet
from tensionmap.publish.words import Words

WEST, SOUTH = 500_000, 4_760_000
DRAW = {"crime": crime_sheet, "tension": tension_sheet}
DRAWN: dict[tuple[str, str, str], bytes] = {}


@pytest.fixture
def drawn(release):
    """The plain sheet of a theme, an audience and a language, drawn once."""

    def draw(theme, audience="community", language="en"):
        key = (theme, audience, language)
        if key not in DRAWN:
            DRAWN[key] = DRAW[theme](release(audience), language=language)
        return DRAWN[key]

    return draw


def text(pdf, *sides):
    """The words on the sides of the sheet, both of them if none is named."""
    pages = PdfReader(BytesIO(pdf)).pages
    return " ".join(" ".join(pages[side].extract_text() for side in sides or (0, 1)).split())


def operations(pdf):
    """Everything drawn on both sides."""
    reader = PdfReader(BytesIO(pdf))
    return [done for side in range(len(reader.pages)) for done in operations_of(reader, side)]


def operations_of(reader, side):
    return ContentStream(reader.pages[side].get_contents(), reader).operations


def changed(release, **frames):
    """A release with other tables or layers."""
    content = {name: frames.get(name, frame) for name, frame in release.tables.items()}
    background = {name: frames.get(name, frame) for name, frame in release.background.items()}
    return dataclasses.replace(release, tables=content, background=background)


def study_of(release, columns, rows, settlements=0, bands=None):
    """The release over a larger area of ``columns`` by ``rows`` cells of 1 km, with random settlements."""
    told = [(theme, column, row, band) for theme in tables.THEMES for (column, row), band in (bands or {}).items()]
    theme, column, row, band = zip(*told, strict=True) if told else ((), (), (), ())
    west, south = WEST + 1000 * np.array(column, dtype=float), SOUTH + 1000 * np.array(row, dtype=float)
    cells = gpd.GeoDataFrame(
        {
            "theme": theme,
            "window": tables.PERIOD,
            "cell_id": [f"E{c}N{r}" for c, r in zip(column, row, strict=True)],
            "side_cells": 1,
            "band": band,
        },
        geometry=shapely.box(west, south, west + 1000, south + 1000),
        crs="EPSG:32626",
    )
    if not told:
        cells = tables.empty(tables.RELEASED_CELLS, "EPSG:32626")
    rng = np.random.default_rng(7)
    names = [f"Village {number}" for number in range(settlements)]
    places = gpd.GeoDataFrame(
        {
            "settlement_id": names,
            "name": names,
            "name_local": [f"Деҳаи {number}" for number in range(settlements)],
            "alternatives": "",
            "district": None,
            "kind": ["town" if number % 30 == 0 else "village" for number in range(settlements)],
            "residents": rng.integers(50, 9000, settlements),
            "precision_m": 800.0,
        },
        geometry=gpd.points_from_xy(
            WEST + 1000 * columns * rng.random(settlements), SOUTH + 1000 * rows * rng.random(settlements)
        ),
        crs="EPSG:32626",
    )
    if not settlements:
        places = tables.empty(tables.SETTLEMENTS, "EPSG:32626")
    extent = (WEST, SOUTH, WEST + 1000 * columns, SOUTH + 1000 * rows)
    return dataclasses.replace(
        changed(release, cells=cells, settlements=places), facts=dataclasses.replace(release.facts, extent=extent)
    )


def without_background(release):
    layers = {name: tables.empty(table, "EPSG:32626") for name, table in tables.BACKGROUND_TABLES.items()}
    return changed(release, **layers, hotspots=release.tables["hotspots"].iloc[:0])


def with_names(release, name, local=None):
    return changed(release, settlements=release.background["settlements"].assign(name=name, name_local=local))


def charts_of(monkeypatch):
    """The maps drawn from now on, to turn metres into places on the page."""
    made = []

    class Recorded(Chart):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            made.append(self)

    monkeypatch.setattr(sheets, "Chart", Recorded)
    return made


@pytest.mark.parametrize("draw", DRAW.values())
@pytest.mark.parametrize("raw", ["incidents.csv", None, pd.DataFrame({"theme": ["crime"]})])
def test_only_a_release_is_drawn(draw, raw):
    with pytest.raises(ReleaseError, match=r"drawn from a Release, not from a (str|NoneType|DataFrame)"):
        draw(raw, language="en")


def test_an_unknown_language_is_refused(release):
    with pytest.raises(ReleaseError, match="no words for language 'xx'"):
        crime_sheet(release(), language="xx")


def test_a_letter_that_the_font_lacks_is_refused_with_the_text(release):
    with pytest.raises(ReleaseError, match=r"no letter for U\+8B66 in the text 'Post 警'"):
        crime_sheet(with_names(release(), "Post 警"), language="en")


def test_type_below_nine_points_is_refused_with_the_text():
    with pytest.raises(ReleaseError, match=r"'Small' would be printed at 8\.5 pt"):
        text_width_mm("Small", 8.5)


def test_a_word_wider_than_its_box_is_refused_with_the_word(release):
    with pytest.raises(ReleaseError, match=r"The word 'w{37}\.\.\.' is wider than its box"):
        crime_sheet(release(), language="en", contacts=[("other", "w" * 80)])


def test_texts_that_do_not_fit_on_the_back_are_refused_with_their_heading(release):
    with pytest.raises(ReleaseError, match=r"do not fit on one page. The longest stands under 'Whom to call'"):
        crime_sheet(release(), language="en", contacts=[("other", "Post of the district, every day")] * 120)


def test_texts_that_leave_no_room_for_the_map_are_refused(release):
    plain = release()
    hotspots = (
        plain.tables["hotspots"].query("theme == 'crime'").assign(near="|".join(["Longish village"] * 200), near_local=None)
    )
    with pytest.raises(ReleaseError, match=r"leave \d+ mm for the map, and it needs 45 mm"):
        crime_sheet(changed(plain, hotspots=hotspots), language="en")


def test_a_long_list_of_contacts_goes_on_in_the_next_column(release):
    told = [f"Post {number} of the district, every day" for number in range(50)]
    found = text(crime_sheet(release(), language="en", contacts=[("other", line) for line in told]), 1)
    assert [line for line in told if line not in found] == []


def test_a_title_longer_than_two_lines_is_refused(release):
    with pytest.raises(ReleaseError, match="is longer than two lines"):
        crime_sheet(release(study="Border of the many rivers " * 8), language="en")


def test_text_that_would_leave_the_page_is_refused():
    page = Page(*A4_MM)
    with pytest.raises(ReleaseError, match="'Far out' would leave the page"):
        page.text(205, 100, "Far out")


def test_two_runs_give_the_same_bytes(release, drawn):
    assert tension_sheet(release("police"), language="tg") == drawn("tension", "police", "tg")


OTHER_PROCESS = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from conftest import make_release
from tensionmap.publish.sheet import crime_sheet, tension_sheet
for sheet in (crime_sheet, tension_sheet):
    for paper in ("A4", "A3", "A1"):
        print(hashlib.sha256(sheet(make_release("police"), language="tg", paper=paper)).hexdigest())
"""


def test_two_processes_give_the_same_bytes_on_every_paper(release):
    command = [sys.executable, "-c", OTHER_PROCESS, str(Path(__file__).parent)]
    other = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    own = [
        hashlib.sha256(sheet(release("police"), language="tg", paper=paper)).hexdigest()
        for sheet in DRAW.values()
        for paper in PAPERS
    ]
    assert own == other


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"paper": "A5"}, "There is no paper 'A5'. Choose one of: A4, A3, A1."),
        ({"orientation": "upright"}, "There is no orientation 'upright'. Choose one of: portrait, landscape."),
    ],
)
def test_a_paper_or_an_orientation_that_there_is_not_is_refused(given, told, release):
    with pytest.raises(ReleaseError, match=re.escape(told)):
        crime_sheet(release(), language="en", **given)


def test_the_drawing_settings_of_the_user_change_nothing_and_are_left_alone(release, drawn):
    mine = {"savefig.bbox": "tight", "font.size": 30.0, "hatch.linewidth": 5.0, "pdf.fonttype": 3}
    plain = drawn("crime")
    with matplotlib.rc_context(mine):
        assert crime_sheet(release(), language="en") == plain
        assert {name: matplotlib.rcParams[name] for name in mine} == mine


@pytest.mark.parametrize("theme", DRAW)
def test_it_is_two_sides_of_exactly_a4_without_traces(theme, drawn):
    reader = PdfReader(BytesIO(drawn(theme)))
    assert len(reader.pages) == 2
    for page in reader.pages:
        assert sorted(float(side) for side in page.mediabox) == pytest.approx([0, 0, 595.276, 841.890], abs=0.01)
        assert "/Annots" not in page or not page["/Annots"]
    assert not reader.metadata


@pytest.mark.parametrize(("columns", "rows", "share"), [(40, 30, 0.42), (145, 90, 0.36), (20, 20, 0.31)])
def test_the_map_is_the_main_thing_on_the_front(columns, rows, share, release, monkeypatch):
    charts = charts_of(monkeypatch)
    plain = study_of(release(), columns, rows, 40)
    tension_sheet(plain, language="en")
    west, south, east, north = charts[-1].frame
    margin = 2 * INDEX_MM
    assert (east - west + margin) * (north - south + margin) / (210 * 297) > share


@pytest.mark.parametrize("language", ["en", "tg"])
def test_the_front_says_what_one_must_know_and_the_back_the_rest(language, drawn):
    words = Words(language)
    front, back = (text(drawn("crime", "community", language), side) for side in (0, 1))
    assert words("Numbered areas") in front
    assert words("Numbered areas") in back
    for heading in ("Reports in a square", "How sure is this?", "Places"):
        assert words(heading) in front
        assert words(heading) not in back
    for heading in ("Whom to call", "Who reported, and what", "What was done since the last meeting", "Your notes, next meeting"):
        assert words(heading) in back
        assert words(heading) not in front
    assert "1 / 2" in front
    assert "2 / 2" in back
    for side in (front, back):
        assert words("INVENTED TRAINING DATA: no place, person or report here is real.") in side
        assert (
            words("Crime map of {study}, {months}", study="Small Border", months=words.months("2023-10-01", "2026-09-30")) in side
        )
        assert re.search(r"[0-9a-f]{10}", side)


def test_fonts_are_embedded_with_their_letters(drawn):
    pages = PdfReader(BytesIO(drawn("crime", language="tg"))).pages
    fonts = [font for page in pages for font in page["/Resources"]["/Font"].values()]
    assert len(fonts) >= 2
    for font in fonts:
        font = font.get_object()
        inner = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
        assert "DejaVuSans" in font["/BaseFont"]
        assert "/FontFile2" in inner["/FontDescriptor"].get_object()
        assert "/ToUnicode" in font


@pytest.mark.parametrize("theme", DRAW)
def test_no_type_and_no_line_is_too_small_to_be_copied(theme, drawn):
    done = operations(drawn(theme, "police"))
    sizes = [float(values[1]) for values, name in done if name == b"Tf"]
    widths = [float(values[0]) for values, name in done if name == b"w"]
    assert min(sizes) >= style.SMALLEST_TYPE_PT
    assert min(width for width in widths if width) >= style.THINNEST_LINE_PT


@pytest.mark.parametrize("language", ["en", "tg"])
def test_no_text_starts_or_ends_outside_the_page(language, drawn):
    places = []

    def visit(part, place, *_):
        if part.strip():
            places.append((part, float(place[4]), float(place[5])))

    for page in PdfReader(BytesIO(drawn("tension", "police", language))).pages:
        places.clear()
        page.extract_text(visitor_text=visit)
        assert len(places) > 20
        width, height = float(page.mediabox[2]), float(page.mediabox[3])
        ends = [(x, y, x + text_width_mm(" ".join(part.split()), 9) / 25.4 * 72) for part, x, y in places]
        edge = 8 / 25.4 * 72
        assert [end for end in ends if not (end[0] > edge and end[2] < width - edge and edge < end[1] < height - edge)] == []


def test_a_long_study_area_lies_across_the_page(release):
    pdf = crime_sheet(study_of(without_background(release()), 140, 30), language="en")
    assert [float(side) for side in PdfReader(BytesIO(pdf)).pages[0].mediabox][2:] == pytest.approx([841.890, 595.276], abs=0.01)


@pytest.mark.parametrize("language", ["en", "tg"])
@pytest.mark.parametrize("theme", DRAW)
def test_title_period_digest_legend_and_disclaimer_can_be_searched(theme, language, drawn, release):
    words, found = Words(language), text(drawn(theme, "community", language))
    title = {"crime": "Crime map of {study}, {months}", "tension": "Tension map of {study}, {months}"}[theme]
    expected = [
        words(title, study="Small Border", months=words.months("2023-10-01", "2026-09-30")),
        words("INVENTED TRAINING DATA: no place, person or report here is real."),
        release().digest,
        *(words("{band} reports", band=words.label(band)) for band in tables.BANDS[1:]),
        words("fewer than {n} or none", n=5),
        words("more reports than chance would explain"),
        words("Drawing a line, an area or a name does not mean that anybody accepts or endorses it."),
        words("claimed by {claimant}{since}", claimant="Selmar", since=words(", since {day}", day=words.day("1991-01-01"))),
        words("agreed: {claimant}{since}", claimant="Norvia + Selmar", since=words(", since {day}", day=words.day("2025-03-13"))),
        words("What this map does not show, and why"),
        words("On foot: {km} km in about {minutes} minutes.", km=2, minutes=30),
        words("The study has no data on: {kinds}.", kinds=f"{words.label('gate')}, {words.label('spring')}"),
        words("Whom to call"),
        words.day("2026-09-30"),
    ]
    assert [sentence for sentence in expected if " ".join(sentence.split()) not in found] == []


@pytest.mark.parametrize(
    ("theme", "audience", "language"),
    [("crime", "community", "en"), ("crime", "police", "en"), ("tension", "police", "tg"), ("tension", "research", "tg")],
)
def test_internal_sheets_say_so_and_public_ones_do_not(theme, audience, language, drawn):
    words, found = Words(language), text(drawn(theme, audience, language))
    said = {
        "police": words("INTERNAL: for the police only. Do not copy, do not hand on.") in found,
        "research": words("INTERNAL: for research only. Do not copy, do not hand on.") in found,
    }
    assert said == {"police": audience == "police", "research": audience == "research"}


def test_real_data_of_one_side_carry_no_training_banner_and_are_called_one_sided(release):
    found = text(crime_sheet(release(is_invented=False, reported_by=("Norvia",)), language="en"))
    assert "INVENTED" not in found
    assert "All reports come from one side: Norvia. What others saw is missing." in found


def test_numbers_are_rounded_for_the_community_and_exact_inside(drawn):
    assert "Reports: about 640." in text(drawn("crime"))
    assert "Reports: 640." in text(drawn("crime", "police"))


def test_none_and_a_few_reports_are_not_told_apart_for_the_community(release):
    nothing = {"reports": {"crime": 0}, "verdicts": {}}
    assert "Reports: fewer than 5 or none." in text(crime_sheet(release(**nothing), language="en"))
    assert "Reports: 0." in text(crime_sheet(release("police", **nothing), language="en"))


@pytest.mark.parametrize(
    ("verdict", "is_withheld", "summary", "doubt"),
    [
        ("none found", False, "No area stands out more than chance would explain.", "does not mean that there is no problem"),
        ("too few to tell", False, "too few to tell whether any area stands out", "that is not the same as safe"),
        ("found", True, "An area stands out, but is not shown, to protect people.", "is not shown: too few people live"),
    ],
)
def test_an_empty_map_says_what_it_means(verdict, is_withheld, summary, doubt, release):
    facts = {"verdicts": {"crime": verdict}, "is_withheld": {"crime": is_withheld}, "missing_layers": ()}
    found = text(crime_sheet(without_background(release(**facts)), language="en", contacts=[("police", "Post 1: 000")]))
    assert summary in found
    assert doubt in found
    assert "no data on" not in found
    assert "The study has no border claims here: none is drawn." in found
    assert "at most 5 of 100 (999 such maps were drawn)" in found
    assert "7 of 100 reports" in found
    assert "Police: Post 1: 000" in found


def test_cold_areas_and_many_numbered_areas_are_explained(release):
    plain = release()
    one = plain.tables["hotspots"].query("theme == 'crime'")
    cold = one.assign(hotspot_id="8", kind="cold", at_least=0, reported_from="one side only")
    many = pd.concat([*(one.assign(hotspot_id=str(number)) for number in range(1, 8)), cold])
    many = many.set_geometry(
        gpd.GeoSeries([box(WEST + 1000 * n, SOUTH, WEST + 1000 * n + 900, SOUTH + 900) for n in range(8)], crs=one.crs).values
    )
    pdf = crime_sheet(changed(plain, hotspots=many), language="en")
    found = text(pdf)
    assert "In 7 numbered areas there were more" in found
    assert "In 1 numbered area there were fewer" in found
    assert "fewer reports than chance would explain" in found
    assert re.search(r"6 \([A-H]\d\): at least 20 reports, reported from both sides, near Orrin \(Оррин\), Tavesh", found)
    assert "2 more areas: see the back" in text(pdf, 0)
    assert re.search(r"8 \([A-H]\d\): reported from one side only, near Orrin", text(pdf, 1))


def test_claims_that_ended_are_counted_and_not_drawn(release):
    plain = release()
    claims = plain.background["claims"]
    ended = claims.assign(date_to=claims["date_to"].where(claims["claimant"] != "Selmar", pd.Timestamp("2025-01-01")))
    found = text(tension_sheet(changed(plain, claims=ended), language="en"))
    assert "2 claims that ended before are not drawn." in found
    assert "claimed by Selmar" not in found
    assert "claimed by Norvia" in found


def test_cells_of_the_lowest_band_are_drawn_as_those_that_are_not_listed(release, monkeypatch):
    plain = release("police")
    charts = charts_of(monkeypatch)
    every = crime_sheet(plain, language="en")
    cells = plain.tables["cells"]
    drawn_cells = cells[(cells["band"] != tables.BANDS[0]) | (cells["hotspot"] == "hot")]
    crime_sheet(changed(plain, cells=drawn_cells), language="en")
    nothing = crime_sheet(changed(plain, cells=cells.iloc[:0]), language="en")
    whole, listed, empty = charts
    assert whole.frame == listed.frame == empty.frame
    assert whole.view.cells.equals(listed.view.cells)
    assert [chart.mm(box(*plain.facts.extent)).bounds for chart in charts] == [whole.frame] * 3
    assert tables.BANDS[0] in text(nothing)
    assert len(nothing) < len(every)


def test_the_community_is_shown_the_period_and_no_quarter(release, monkeypatch):
    plain = release()
    of_period = {name: plain.tables[name].query("window == 'period'") for name in ("cells", "totals", "numbers")}
    charts = charts_of(monkeypatch)
    found = text(tension_sheet(plain, language="en"))
    tension_sheet(changed(plain, **of_period), language="en")
    assert [chart.view.cells.geometry.to_wkt().tolist() for chart in charts[:1]] == [
        chart.view.cells.geometry.to_wkt().tolist() for chart in charts[1:]
    ]
    assert len(charts[0].view.cells) == 5
    assert len(charts[0].view.joint_work) == 0
    assert "irrigation dispute" in found
    for of_quarter in ("land dispute", "7,770"):
        assert of_quarter not in found


@pytest.mark.parametrize("theme", DRAW)
def test_a_release_of_quarters_alone_is_an_empty_map(theme, release, monkeypatch):
    plain = release(verdicts={})
    of_quarters = {name: plain.tables[name].query("window != 'period'") for name in ("cells", "totals", "numbers")}
    charts = charts_of(monkeypatch)
    found = text(DRAW[theme](changed(plain, **of_quarters, hotspots=plain.tables["hotspots"].iloc[:0]), language="en"))
    assert charts[-1].view.cells.empty
    assert "Reports:" not in found
    assert "of 100 reports" not in found
    assert "fewer than 5 or none" in found


def test_merged_squares_are_drawn_whole_and_explained(release, drawn, monkeypatch):
    told = "squares of 1 by 1 km, and of 2 or 4 km where fewer reports or people are."
    merged = [("tension", tables.PERIOD, 6, 6, 2, "5-9"), ("cooperation", tables.PERIOD, 0, 4, 4, "5-9")]
    charts = charts_of(monkeypatch)
    assert told in text(tension_sheet(release(squares=merged), language="en"))
    assert charts[-1].view.cells.geometry.area.max() == 4e6
    assert charts[-1].view.joint_work.geometry.area.tolist() == [16e6]
    assert told in text(tension_sheet(release(squares=merged[1:]), language="en"))
    for other in (crime_sheet(release(squares=merged), language="en"), drawn("tension"), drawn("tension", "police")):
        assert told not in text(other)
        assert "squares of 1 by 1 km. “Fewer than" in text(other)


def test_a_merged_square_too_small_for_a_hatch_has_an_outline(release):
    plain = study_of(release(), 145, 90, 0, {(100, 60): "5-9"})

    def lines_around(side):
        cells = plain.tables["cells"].assign(side_cells=side)
        return sum(name == b"S" for _, name in operations(crime_sheet(changed(plain, cells=cells), language="en")))

    assert lines_around(2) == lines_around(1) + 1


def test_a_district_is_no_place_on_the_map(release):
    plain = release()
    settlements = plain.background["settlements"].assign(kind=["village", "district", "town"])
    hotspots = plain.tables["hotspots"].iloc[:0]
    found = text(tension_sheet(changed(plain, settlements=settlements, hotspots=hotspots), language="en"))
    assert "Orrin" in found
    assert "Tavesh" not in found
    assert "district" not in found


def test_areas_of_one_party_side_by_side_are_one_claim(release, monkeypatch):
    plain = release()
    claims = plain.background["claims"]
    halves = [box(WEST, SOUTH + 4700, WEST + 5000, SOUTH + 10_000), box(WEST + 5000, SOUTH + 4700, WEST + 12_000, SOUTH + 10_000)]
    areas = claims[claims["claim_id"] == "c4"].iloc[[0, 0]].assign(claim_id=["h1", "h2"])
    areas = areas.set_geometry(gpd.GeoSeries(halves, index=areas.index, crs=claims.crs))
    charts = charts_of(monkeypatch)
    tension_sheet(changed(plain, claims=areas), language="en")
    drawn_claims = charts[-1].view.claims.geometry
    assert len(drawn_claims) == 1
    assert drawn_claims.iloc[0].bounds == pytest.approx((WEST, SOUTH + 4700, WEST + 12_000, SOUTH + 4700), abs=30)


def test_the_number_of_an_area_stands_beside_it(release, monkeypatch):
    charts = charts_of(monkeypatch)
    crime_sheet(release(), language="en")
    chart = charts[-1]
    area = chart.mm(chart.view.hotspots.geometry.iloc[0])
    rim, disc = (piece for piece in chart.page.drawn if isinstance(piece, Marks) and piece.z == 14)
    for mark in (rim, disc):
        middle = shapely.points(mark.points[0])
        assert not area.intersects(middle.buffer(mark.size_pt / 2 * PT_MM))
        assert area.distance(middle) < 5
    assert rim.size_pt > disc.size_pt + disc.edge_pt


def test_joint_work_is_on_the_tension_map(release, drawn):
    worked = [("cooperation", tables.PERIOD, 5, 5, 1, "5-9")]
    told = "5 or more joint repairs, agreements or meetings"
    assert told in text(tension_sheet(release(squares=worked), language="en"))
    assert told in text(tension_sheet(release("research", squares=worked), language="en"))
    assert told not in text(drawn("tension"))
    assert "8 or more joint repairs" in text(tension_sheet(release(squares=worked, minimum_count=8), language="en"))


def test_names_stand_in_both_scripts(drawn):
    assert "Ulmek Ӯлмек" in text(drawn("crime"))
    assert "Ӯлмек Ulmek" in text(drawn("crime", language="tg"))


def test_hostile_names_are_printed_as_they_are(release):
    name = r"$\frac{1}{2}$ \n {x} %s <b>"
    plain = with_names(release(study=name), name, "A$^2$_b$")
    hotspots = plain.tables["hotspots"].assign(near=name, near_local=None)
    found = text(crime_sheet(changed(plain, hotspots=hotspots), language="en", contacts=[("other", name)]))
    assert found.count(name) >= 5
    assert "A$^2$_b$" in found


def test_a_name_too_long_for_the_map_is_left_out_and_counted(release):
    found = text(crime_sheet(with_names(release(), "A very long name " * 20), language="en"))
    assert "A very long name" not in found
    assert "Names without room on the map: 3" in found


def test_a_large_study_with_hundreds_of_settlements(release):
    plain = study_of(release(), 145, 90, 300, {(20, 20): "20+", (21, 20): "10-19", (100, 60): "5-9"})
    found = text(crime_sheet(plain, language="en"))
    named = len(re.findall(r"Village \d+ Деҳаи \d+", found))
    left_out = int(re.search(r"Names without room on the map: (\d+)", found)[1])
    assert named > 30
    assert 300 <= named + left_out <= 310
    assert re.search(r"Scale 1:[78]\d0,000 on A4 paper", found)


def test_a_label_takes_the_first_box_that_is_free():
    near, far = (0, 0, 4, 2), (0, 3, 4, 5)
    assert place_labels([[near, far], [near, far], [near, far]], frame=(0, 0, 10, 10)) == [0, 1, None]


def test_a_label_stays_in_the_frame_and_off_what_is_taken():
    assert place_labels([[(-1, 0, 3, 2), (0, 0, 4, 2), (5, 0, 9, 2)]], frame=(0, 0, 10, 10), taken=[(3, 1, 4, 4)]) == [2]
    assert place_labels([], frame=(0, 0, 1, 1)) == []


def test_boxes_that_only_touch_do_not_meet():
    assert place_labels([[(0, 0, 2, 2)], [(2, 0, 4, 2)]], frame=(0, 0, 4, 2)) == [0, 0]


def test_a_label_covers_no_symbol_of_a_named_place_and_a_covered_symbol_gets_no_name():
    first, second = [(1, 0, 5, 2)], [(6, 5, 9, 7)]
    assert place_labels([first, second], frame=(0, 0, 10, 10), symbols=[(0, 0, 1, 1), (2, 0, 3, 1)]) == [0, None]
    assert place_labels([first, [(0, 0, 1, 2)]], frame=(0, 0, 10, 10), symbols=[(0, 0, 1, 1), None]) == [0, None]


def test_lines_are_no_wider_than_their_box_and_keep_every_word():
    told = "Кашидани хат, минтақа ё навиштани ном маънои онро надорад"
    lines = wrap(told, 40)
    assert " ".join(lines) == told
    assert len(lines) > 1
    assert all(text_width_mm(line, 9) <= 40 for line in lines)


def near_point(pdf, x, y, tolerance_pt=0.4):
    """Whether any two numbers that follow one another in the page's content lie at a point of the page."""
    for values, _ in operations(pdf):
        numbers = [float(value) for value in values if isinstance(value, int | float)]
        for a, b in pairwise(numbers):
            if abs(a - x) < tolerance_pt and abs(b - y) < tolerance_pt:
                return True
    return False


@pytest.mark.parametrize(("audience", "is_shown"), [("community", False), ("research", False), ("police", True)])
def test_single_reports_can_be_recovered_from_the_police_sheet_only(audience, is_shown, release, monkeypatch):
    points = release("police").tables["points"].query("theme == 'crime'")
    charts = charts_of(monkeypatch)
    pdf = crime_sheet(release(audience), language="en")
    x, y = shapely.get_coordinates(charts[-1].mm(points.geometry.to_numpy()))[0] / 25.4 * 72
    arm = style.SYMBOLS["report"].size_pt / 2
    assert near_point(pdf, x - arm, y) == is_shown
    assert not near_point(pdf, x, y)
    assert ("a single report, about here" in text(pdf)) == is_shown


def test_shapes_are_cut_at_the_frame(release, monkeypatch):
    plain = release()
    east = WEST + 12_000
    hook = shapely.Polygon(
        [(east + x, SOUTH + y) for x, y in [(-2000, 1000), (9000, 1000), (9000, 5000), (0, 5000)]]
        + [(east + x, SOUTH + y) for x, y in [(0, 4000), (500, 4000), (500, 2000), (-2000, 2000)]]
    )
    shapes = [shapely.LineString([(WEST - 99_000, SOUTH + 5000), (east + 99_000, SOUTH + 5000)]), hook]
    layer = plain.background["resources"].query("resource_id in ['r1', 'r4']")
    far = layer.set_geometry(gpd.GeoSeries(shapes, index=layer.index, crs=layer.crs))
    charts = charts_of(monkeypatch)
    pdf = tension_sheet(changed(plain, resources=far), language="en")
    numbers = [float(values[0]) for values, name in operations(pdf) if name in (b"m", b"l")]
    assert "High Pasture" in text(pdf)
    assert min(numbers) > 20
    assert max(numbers) < 820
    assert charts[-1].view.resources.geom_type.tolist() == ["LineString", "Polygon"]


def test_what_is_given_is_not_changed(release):
    plain = release("police")
    before = {name: frame.copy() for name, frame in {**plain.tables, **plain.background}.items()}
    tension_sheet(plain, language="en")
    for name, frame in {**plain.tables, **plain.background}.items():
        pd.testing.assert_frame_equal(pd.DataFrame(frame), pd.DataFrame(before[name]))


def test_a_higher_minimum_is_said_where_a_square_is_left_empty(release):
    strict = text(crime_sheet(release(minimum_count=8, minimum_residents=250), language="en"))
    assert "fewer than 8 or none" in strict
    assert "fewer than 5" not in strict
    inside = text(crime_sheet(release("police", minimum_count=8), language="en"))
    assert "fewer than 5 or none" in inside


def test_a_lower_minimum_lists_nothing_more_since_bands_begin_at_five(release):
    assert "fewer than 5 or none" in text(crime_sheet(release(minimum_count=3), language="en"))


def test_the_months_are_named_where_squares_and_areas_rest_on_different_ones(release, drawn):
    public = {"public_from": "2023-10-01", "public_to": "2026-06-30"}
    for number, found in enumerate([text(crime_sheet(release(**public), language="en"), side) for side in (0, 1)]):
        assert "Crime map of Small Border, October 2023 to June 2026" in found
        assert "Period: 1 October 2023 to 30 June 2026." in found
        assert ("Reports in a square, October 2023 to June 2026" in found) == (number == 0)
        assert "Numbered areas, October 2023 to September 2026" in found
    for plain in (drawn("crime"), crime_sheet(release("police", **public), language="en")):
        assert "Crime map of Small Border, October 2023 to September 2026" in text(plain)
        assert "Period: 1 October 2023 to 30 September 2026." in text(plain)
        assert "Reports in a square," not in text(plain)
        assert "Numbered areas," not in text(plain)


@pytest.mark.parametrize(
    ("at_least", "reported_from", "told"),
    [
        (10, "both sides", "at least 10 reports, reported from both sides, near"),
        (1, "one side only", "at least 1 report, reported from one side only, near"),
        (20, None, "at least 20 reports, near"),
    ],
)
def test_an_area_says_at_least_how_many_and_from_which_sides(at_least, reported_from, told, release):
    plain = release()
    hotspots = plain.tables["hotspots"].assign(at_least=at_least, reported_from=reported_from)
    found = text(crime_sheet(changed(plain, hotspots=hotspots), language="en"))
    assert re.search(rf"1 \([A-H]\d\): {told} Orrin", found)


def test_a_cold_area_of_which_nothing_may_be_told_is_listed_all_the_same(release):
    plain = release()
    nothing = {"kind": "cold", "at_least": 0, "reported_from": None, "near": None, "near_local": None}
    found = text(crime_sheet(changed(plain, hotspots=plain.tables["hotspots"].assign(**nothing)), language="en"), 0)
    assert re.search(r"fewer reports than chance would explain 1 \([A-H]\d\) ", found)
    assert "at least" not in found.split("1 (", 1)[1].split("How sure")[0]


SIGNED = "signed off by A. Orrin, district police and B. Tavesh, council: a small valley"
LOOSENED = (
    f"minimum_count_sensitive 5 instead of 10, {SIGNED}",
    f"minimum_residents 50 instead of 100, {SIGNED}",
    f"minimum_residents_sensitive 500 instead of 1000, {SIGNED}",
)


@pytest.mark.parametrize("language", ["en", "tg"])
@pytest.mark.parametrize("theme", DRAW)
def test_lowered_thresholds_are_printed_in_plain_sight_on_both_sides_and_in_the_doubt(theme, language, release, drawn):
    pdf = DRAW[theme](release(loosened=LOOSENED), language=language)
    front, back = text(pdf, 0), text(pdf, 1)
    for told in LOOSENED:
        assert front.count(told) == 2
        assert back.count(told) == 1
    assert front.index(LOOSENED[0]) < front.index("Small Border")
    assert "instead of" not in text(drawn(theme, "community", language))


def test_where_long_reasons_leave_no_room_fewer_areas_stand_on_the_front_and_all_on_the_back(release):
    asked = "as the council of the valley and the police of the district both asked for in writing after three meetings"
    asked = f"{asked}; {asked.replace('asked', 'voted')}"
    long = tuple(f"{told}, {asked}" for told in LOOSENED)
    plain = release(loosened=long, public_to="2026-06-30")
    one = plain.tables["hotspots"].query("theme == 'crime'")
    many = pd.concat([one.assign(hotspot_id=str(number)) for number in range(1, 9)])
    pdf = crime_sheet(changed(plain, hotspots=many), language="en")
    front, back = (re.findall(r"(\d) \([A-H]\d\): at least", text(pdf, side)) for side in (0, 1))
    assert 1 <= len(front) < 6
    assert front == [str(number) for number in range(1, len(front) + 1)]
    assert back == [str(number) for number in range(1, 9)]
    assert all(text(pdf, 0).count(told) == 2 for told in long)


@pytest.mark.parametrize("audience", tables.AUDIENCES)
def test_internal_sheets_carry_a_red_banner_on_both_sides(audience, drawn):
    red = tuple(round(int(style.BANNERS["internal"][i : i + 2], 16) / 255, 2) for i in (1, 3, 5))
    done = [ContentStream(page.get_contents(), None).operations for page in PdfReader(BytesIO(drawn("crime", audience))).pages]
    for side in done:
        colours = {(name, tuple(round(float(value), 2) for value in values)) for values, name in side if name in (b"rg", b"RG")}
        assert ((b"rg", red) in colours) == (audience != "community")
        assert ((b"RG", red) in colours) == (audience != "community")


def test_red_prints_dark_without_colour():
    red, green, blue = (int(style.BANNERS["internal"][i : i + 2], 16) / 255 for i in (1, 3, 5))
    assert 0.3 * red + 0.59 * green + 0.11 * blue < 0.25


def test_how_few_reports_a_count_stands_for_is_told_inside_alone(release, drawn):
    told = "Counts by theme, quarter and square: the smallest is 1 (k-anonymity k = 1); 38 of 100 reach 5."
    for audience in tables.AUDIENCES:
        assert (told in text(drawn("crime", audience))) == (audience != "community")
    assert "k-anonymity" not in text(crime_sheet(release(smallest_count=1, percent_at_minimum=38), language="en"))
    nothing = release("research", smallest_count=None, percent_at_minimum=None)
    assert "k-anonymity" not in text(crime_sheet(nothing, language="en"))


def test_the_community_is_told_from_how_many_sensitive_reports_are_counted(release, drawn):
    told = "Drugs, weapons, youth violence, clashes between communities are counted for the whole study only, from {} reports on."
    assert told.format(10) in text(drawn("crime"))
    assert told.format(15) in text(crime_sheet(release(minimum_count_sensitive=15), language="en"))
    assert told.format(10) not in text(drawn("crime", "police"))


@pytest.mark.parametrize(("orientation", "is_upright"), [("portrait", True), ("landscape", False)])
@pytest.mark.parametrize("paper", ["A4", "A3"])
def test_a_sheet_has_the_paper_and_the_orientation_that_are_asked_for(paper, orientation, is_upright, release):
    pdf = crime_sheet(release(), language="en", paper=paper, orientation=orientation)
    width, height = {"A4": (210, 297), "A3": (297, 420)}[paper][:: 1 if is_upright else -1]
    for page in PdfReader(BytesIO(pdf)).pages:
        assert [float(side) for side in page.mediabox] == pytest.approx([0, 0, width / PT_MM, height / PT_MM], abs=0.01)
    assert not PdfReader(BytesIO(pdf)).metadata


@pytest.mark.parametrize(
    ("paper", "named"), [("A4", "on A4 paper"), ("A3", "on A3 paper"), ("A1", "on a poster of eight A4 sheets")]
)
def test_scale_and_scale_bar_are_true_on_the_paper_that_is_named(paper, named, release, monkeypatch):
    charts = charts_of(monkeypatch)
    crime_sheet(study_of(release(), 40, 30, 10), language="en", paper=paper)
    told, (west, _, east, _) = whole_text(charts[-1].page), charts[-1].frame
    scale = int(re.search(rf"Scale 1:([\d,]+) {named}\.", told)[1].replace(",", ""))
    assert scale in sheets.SCALES
    assert (east - west) * PAPERS[paper] * scale / 1000 == pytest.approx(40_000)
    km = float(re.search(r" 0 \d+ (\d+) km", told)[1])
    bars = [piece for piece in charts[-1].page.drawn if isinstance(piece, Shape) and is_half_of_the_bar(piece)]
    assert len(bars) == 2
    assert sum(np.ptp(piece.geometry.bounds[::2]) for piece in bars) * PAPERS[paper] * scale == pytest.approx(km * 1e6)


def whole_text(page):
    """The lines of a page in the order in which they were written."""
    return " ".join(" ".join(piece.text for piece in page.drawn if isinstance(piece, Writing)).split())


def is_half_of_the_bar(piece):
    """The scale bar is 1.6 mm high, and nothing else is."""
    _, south, _, north = piece.geometry.bounds
    return abs(north - south - 1.6) < 1e-9


def test_on_a3_everything_is_larger_by_the_root_of_two_hatches_too(release):
    small, large = (PdfReader(BytesIO(crime_sheet(release(), language="en", paper=paper))) for paper in ("A4", "A3"))
    for operator in (b"Tf", b"w"):
        first, second = (
            {round(float(values[-1]) / zoom, 2) for values, name in operations_of(reader, 0) if name == operator}
            for reader, zoom in ((small, 1), (large, 2**0.5))
        )
        assert first == second
    steps = []
    for reader in (small, large):
        patterns = reader.pages[0]["/Resources"]["/Pattern"]
        assert len(patterns) == 3
        steps.append([float(p.get_object()["/Matrix"][0]) * float(p.get_object()["/XStep"]) for p in patterns.values()])
    assert steps[1] == pytest.approx([step * 2**0.5 for step in steps[0]])


def test_the_imprint_names_the_map_the_day_of_the_data_and_the_version(release):
    plain = release(data_as_of="2026-10-02")
    told = text(tension_sheet(plain, language="en"), 0)
    assert f"Map C-T-{plain.digest[:6]}. Data as of 2 October 2026. Period: 1 October 2023 to" in told
    assert f"Data digest: {plain.digest}. tensionmap {tensionmap.__version__}" in told
    undated = release("police", data_as_of="")
    assert f"Map P-C-{undated.digest[:6]}. Period" in text(crime_sheet(undated, language="en"), 1)


def test_the_code_on_the_back_says_the_digest_and_can_be_read(release):
    plain = release()
    pdf = pypdfium2.PdfDocument(crime_sheet(plain, language="en"))
    front, back = (pdf[side].render(scale=3).to_numpy() for side in (0, 1))
    assert cv2.QRCodeDetector().detectAndDecode(back)[0] == f"tensionmap {plain.digest}"
    assert cv2.QRCodeDetector().detectAndDecode(front)[0] == ""


def test_every_area_has_its_support_on_the_back_and_areas_alike_share_the_sentence(release):
    plain = release()
    one = plain.tables["hotspots"].query("theme == 'crime'")
    three = pd.concat([one.assign(hotspot_id="1"), one.assign(hotspot_id="2", support="sometimes"), one.assign(hotspot_id="3")])
    front, back = (text(crime_sheet(changed(plain, hotspots=three), language="en"), side) for side in (0, 1))
    for numbers, row in (("1, 3", three.iloc[0]), ("2", three.iloc[1])):
        (told,) = sentences.support(row, Words("en"))
        assert f"{numbers}: {told}" in back
        assert told not in front


def hills(release, shade):
    """A shading of the whole study and beyond: ``shade`` of a share of its width and of its height, from the north-west."""
    west, south, east, north = release.facts.extent
    x, y = np.meshgrid(np.linspace(-0.2, 1.2, 280), np.linspace(-0.2, 1.2, 280))
    across, up = (east - west) / 5, (north - south) / 5
    return Hillshade(shade(x, y).astype(np.uint8), (west - across, south - up, east + across, north + up), "EPSG:32626", 1.0)


def test_slopes_are_two_light_greys_inside_the_map_and_under_everything(release, monkeypatch):
    charts = charts_of(monkeypatch)
    plain = release()
    land = hills(plain, lambda x, y: np.select([x < 0.25, x < 0.5], [205, 225], 245))
    pdf = crime_sheet(plain, language="en", relief=land)
    page, (west, south, east, north) = charts[-1].page, charts[-1].frame
    greys = {grey for _, grey in style.RELIEF}
    tinted = sorted(
        (piece for piece in page.drawn if isinstance(piece, Shape) and piece.fill in greys), key=lambda piece: piece.z
    )
    light, dark = (piece for piece in tinted if piece.z < 1)
    assert max(piece.z for piece in (light, dark)) < min(piece.z for piece in page.drawn if piece not in (light, dark))
    for piece, share in ((light, 0.5), (dark, 0.25)):
        assert not piece.ink
        assert piece.geometry.bounds == pytest.approx((west, south, west + share * (east - west), north), abs=1.0)
        red, green, blue = (int(piece.fill[i : i + 2], 16) for i in (1, 3, 5))
        assert red == green == blue > 200
    assert "slopes in the shade" in text(pdf)
    assert len(pdf) < 500_000


def test_without_slopes_in_the_shade_and_without_relief_nothing_is_grey(release, monkeypatch):
    charts = charts_of(monkeypatch)
    plain = release()
    bare = crime_sheet(plain, language="en")
    assert "slopes in the shade" not in text(bare)
    crime_sheet(plain, language="en", relief=hills(plain, lambda x, y: 244 + 0 * x))
    light, dark = (piece for piece in charts[-1].page.drawn if isinstance(piece, Shape) and piece.z < 0.2)
    assert light.geometry.is_empty
    assert dark.geometry.is_empty


def test_lines_are_drawn_as_exactly_as_the_audit_reads_them():
    """A thousandth of a point is a third of a metre on the map of a large study: too coarse to tell how it lies on the ground."""
    page = Page(*A4_MM)
    page.shape(shapely.LineString([(10.1234567, 20.0), (30.0, 40.7654321)]))
    drawn = drawing_of(PdfReader(BytesIO(as_pdf([page]))).pages[0])
    meant = np.array([(10.1234567, 20.0), (30.0, 40.7654321)]) / PT_MM
    assert np.abs(np.array(drawn.paths[0]) - meant).max() < 2e-6
