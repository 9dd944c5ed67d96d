"""The page that leads to the maps: everything is on it, nothing internal is in it, and it opens with the network cut."""

import base64
import dataclasses
import datetime
import hashlib
import io
import itertools
import re

import pytest
from PIL import Image

from tensionmap.audit import audience_of
from tensionmap.errors import ReleaseError
from tensionmap.protect.audit.attacks import Expected, attack_files
from tensionmap.protect.audit.layers import image_notes
from tensionmap.protect.audit.pages import read_page
from tensionmap.protect.audit.secrets import Secrets
from tensionmap.publish.index import Entry, index_page, thumbnail
from tensionmap.tables import AUDIENCES

LANGUAGES = ("en", "tg")
NAME, RECORD = "Ҷамшед Ғуломов", "KD-20417"
SECRETS = Secrets(
    words=(NAME, RECORD),
    phones=("+992 00 555 01 37",),
    points=((-27.01234, 43.01234), (-26.91234, 42.95678)),
    allowed=((-27.0, 43.0),),
    crs="EPSG:32626",
)


def entry(name, folder, audience, theme, languages, **more):
    return Entry(name, folder, audience, theme, languages, hashlib.sha256(name.encode()).hexdigest(), 411_600, **more)


def make_entries(picture=None):
    found = []
    for audience in AUDIENCES:
        for theme in ("crime", "tension"):
            name = f"{'' if audience == 'community' else 'INTERNAL.'}{theme}_map.{audience}"
            shown = picture if audience == "community" else None
            found.append(entry(f"{name}.html", "web", audience, theme, LANGUAGES, thumbnail=shown))
            found += [entry(f"{name}.{language}.pdf", "paper", audience, theme, (language,)) for language in LANGUAGES]
    return found


def make_page(entries=None, **options):
    known = {"language": "en", "study": "Small Border", "is_invented": True, "months": ("2023-10-01", "2026-09-30")}
    return index_page(make_entries() if entries is None else entries, **{**known, **options})


def attacked(page):
    files = {"index.html": page.encode()}
    expected = {name: Expected(hashlib.sha256(data).hexdigest(), audience_of(name)) for name, data in files.items()}
    return attack_files(files, SECRETS, expected=expected)


# what is refused


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"folder": "audit"}, "unknown folder 'audit'"),
        ({"audience": "everybody"}, "unknown audience 'everybody'"),
        ({"theme": "cooperation"}, "unknown theme 'cooperation'"),
        ({"audience": "police", "thumbnail": b"picture"}, "is internal: it gets no picture"),
    ],
)
def test_a_file_that_cannot_be_listed_is_refused(change, said):
    with pytest.raises(ReleaseError, match=said):
        dataclasses.replace(make_entries()[0], **change)


def test_a_language_without_words_is_refused():
    with pytest.raises(ReleaseError, match="no words for language 'xx'"):
        make_page(language="xx")


@pytest.mark.parametrize("audience", ["police", "research"])
def test_no_picture_of_an_internal_release(release, audience):
    with pytest.raises(ReleaseError, match=f"not from that of {audience}"):
        thumbnail(release(audience), "crime")


@pytest.mark.parametrize("given", [None, {"cells": []}, "release"])
def test_a_picture_is_drawn_from_a_release_alone(given):
    with pytest.raises(ReleaseError, match="drawn from a Release"):
        thumbnail(given, "crime")


# what it holds


def test_every_file_is_linked_where_it_lies_the_communitys_first():
    page = make_page()
    linked = re.findall(r'href="([^"]*)"', page)
    assert sorted(linked) == sorted(f"{file.folder}/{file.name}" for file in make_entries())
    is_internal = ["INTERNAL" in link for link in linked]
    assert is_internal == sorted(is_internal)
    assert page.index('class="internal"') < page.index("INTERNAL.crime_map.police.html")
    assert page.index("community.tg.pdf") < page.index('class="internal"')


def test_the_communitys_files_are_told_with_language_size_and_digest():
    page = make_page()
    for file in make_entries()[:6]:
        assert f'<code title="{file.sha256}">{file.sha256[:12]}</code>' in page
    assert page.count("412 KB") == 6
    assert '<span lang="en">English</span>, <span lang="tg">Тоҷикӣ</span>' in page
    assert "October 2023 to September 2026" in page


def test_what_changes_in_an_internal_file_changes_nothing_here():
    """A sealed report is in internal files: their digests and sizes on this page would tell that one was added."""
    entries = make_entries()
    others = [
        file if file.audience == "community" else dataclasses.replace(file, sha256="f" * 64, size_bytes=file.size_bytes + 1)
        for file in entries
    ]
    assert make_page(entries) == make_page(others)
    assert make_page(entries) != make_page([dataclasses.replace(file, sha256="f" * 64) for file in entries])


def test_without_internal_files_there_is_no_red_frame_and_without_invention_no_banner():
    page = make_page(make_entries()[:6], is_invented=False)
    assert "INTERNAL" not in page
    assert "INVENTED" not in page
    assert "INVENTED" in make_page()


def test_words_are_those_of_the_language():
    assert '<html lang="tg">' in make_page(language="tg")
    assert "МАЪЛУМОТИ" in make_page(language="tg") or "INVENTED" not in make_page(language="tg")


def test_texts_cannot_run():
    page = make_page(study='<script>alert(1)</script>"${x}')
    assert "<script>alert" not in page
    assert "${x}" not in page
    assert len(read_page(page).scripts) == 1


def test_headings_do_not_skip_and_pictures_are_told_in_words(release):
    page = make_page(make_entries(thumbnail(release(), "crime")))
    levels = [int(level) for level in re.findall(r"<h(\d)", page)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    pictures = re.findall(r"<img [^>]*>", page)
    assert len(pictures) == 2
    assert all(re.search(r'alt="[^"]{8,}"', picture) for picture in pictures)


def test_the_same_files_give_the_same_bytes(release):
    first, second = (make_page(make_entries(thumbnail(release(), "tension"))) for _ in range(2))
    assert first == second


# the picture


@pytest.mark.parametrize("theme", ["crime", "tension"])
def test_the_picture_is_small_and_says_nothing_of_itself(release, theme):
    picture = thumbnail(release(), theme)
    with Image.open(io.BytesIO(picture)) as image:
        assert (image.format, image.size) == ("PNG", (240, 200))
    assert len(picture) <= 15_000
    assert not image_notes(picture)
    assert b"Software" not in picture


def test_the_picture_shows_squares_areas_and_what_only_the_tension_map_has(release):
    def colours(theme, **options):
        with Image.open(io.BytesIO(thumbnail(release(**options), theme))) as image:
            return image.convert("RGB")

    def is_violet(pixel):
        return pixel[2] > pixel[1] + 8 and pixel[0] > pixel[1]

    def at(image, column, row):
        """The colour at kilometres of the study, twelve by ten."""
        return image.getpixel((int((column + 0.5) * 20), 200 - int((row + 0.5) * 20)))

    crime, tension = colours("crime"), colours("tension")
    assert is_violet(at(crime, 8, 7.3))
    assert not is_violet(at(crime, 8, 8.3))
    assert at(crime, 3, 4)[0] < at(crime, 8, 7.3)[0]  # 20+ is darker than 5-9
    assert max(crime.getpixel((60, 115))) < 60  # the outline of the numbered area
    assert at(crime, 10, 2) != at(tension, 10, 2)  # pasture
    more = colours("crime", squares=[("crime", "period", 10, 8, 1, "20+")])
    assert is_violet(at(more, 10, 8))
    assert not is_violet(at(crime, 10, 8))


# in a browser, and under attack


def test_it_opens_with_the_network_cut_and_tells_when_it_was_made(visit, release):
    page, seen = visit(make_page(make_entries(thumbnail(release(), "crime"))))
    assert seen == []
    assert datetime.date.today().isoformat() in page.inner_text("#made")
    assert page.inner_text("h1") == "Maps of Small Border"
    assert page.evaluate("[...document.images].every(image => image.naturalWidth === 240)")
    page.set_viewport_size({"width": 360, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    link = page.get_by_role("link", name="English, Тоҷикӣ").first
    assert link.evaluate("link => link.href").endswith("/web/crime_map.community.html")


def test_without_scripts_no_date_is_shown(browser, tmp_path):
    (tmp_path / "index.html").write_text(make_page(), encoding="utf-8")
    context = browser.new_context(offline=True, java_script_enabled=False)
    page = context.new_page()
    page.goto((tmp_path / "index.html").as_uri())
    assert not page.is_visible("#made")
    assert "October 2023 to September 2026" in page.inner_text("body")
    context.close()


def test_it_passes_the_audit_as_a_file_for_everybody(release):
    assert audience_of("index.html") == audience_of("maps/index.html") == "community"
    assert attacked(make_page(make_entries(thumbnail(release(), "tension")))) == []


@pytest.mark.parametrize(
    ("attack", "leak"),
    [
        ("A2", lambda page: page.replace("For the meeting", f"For {NAME}")),
        ("A2", lambda page: page.replace("</main>", f"<!-- {RECORD} --></main>")),
        ("A2", lambda page: page.replace("crime_map.community.en.pdf", f"{RECORD}.pdf")),
        ("A4", lambda page: page.replace("</main>", '<p data-place="43.01234, -27.01234"></p></main>')),
        ("A5", lambda page: page.replace("made.hidden", 'const list = {"victim": 1};\nmade.hidden')),
        ("A12", lambda page: page.replace("web/crime_map.community.html", "https://example.org/crime_map.html")),
        ("A12", lambda page: page.replace("web/crime_map.community.html", "web/../../data/raw/list.html")),
        ("A12", lambda page: page.replace("web/crime_map.community.html", "//web/crime_map.community.html")),
        ("A12", lambda page: page.replace("crime_map.community.html", "crime_map.community.html?all=1")),
        ("A12", lambda page: page.replace("<main>", '<main><img alt="" src="web/crime_map.community.html">')),
        ("A12", lambda page: page.replace("img-src data:", "img-src https:")),
    ],
)
def test_a_leak_in_it_is_found(attack, leak):
    page = make_page()
    leaking = leak(page)
    assert leaking != page
    assert attack in {finding.attack for finding in attacked(leaking)}


def test_notes_in_a_picture_on_it_are_found():
    exif = Image.Exif()
    exif[0x010E] = NAME
    stream = io.BytesIO()
    Image.new("L", (8, 8)).save(stream, "png", exif=exif)
    page = make_page(make_entries(stream.getvalue()))
    assert base64.b64encode(stream.getvalue()).decode() in page
    assert "A11" in {finding.attack for finding in attacked(page)}
