from importlib.resources import files
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from tensionmap import tables
from tensionmap.errors import ReleaseError
from tensionmap.publish import words as words_package
from tensionmap.publish.words import LABELS, Words, languages

PUBLISH = Path(str(files("tensionmap.publish")))
KEYWORDS = {"words": None, "n": (1, 2), "sentence": None}
CATALOGUES = [language for language in languages() if language != "en"]
CRIME = (
    "theft",
    "livestock_theft",
    "burglary",
    "hooliganism",
    "fraud",
    "traffic_accident",
    "assault",
    "drugs",
    "weapons",
    "domestic_violence",
    "sexual_violence",
    "child_violence",
)
TENSION = (
    "irrigation_dispute",
    "drinking_water_dispute",
    "pasture_dispute",
    "forest_dispute",
    "land_dispute",
    "border_incident",
    "road_blockade",
    "intercommunal_clash",
    "youth_violence",
    "armed_clash",
    "recruitment",
)
COOPERATION = ("joint_repair", "agreement", "joint_meeting", "joint_patrol", "mutual_aid")


def sentences():
    return {message for _, _, message, _, _ in extract_from_dir(PUBLISH, keywords=KEYWORDS)}


def catalogue(language):
    with (PUBLISH / "words" / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


def fields(text):
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name)


def faults(wanted, found):
    """What is missing, fuzzy, or has lost a word in braces."""
    result = []
    for message in sorted(wanted, key=str):
        entry = found.get(message if isinstance(message, str) else message[0])
        forms = [] if entry is None else [entry.string] if isinstance(entry.string, str) else list(entry.string)
        english = message if isinstance(message, str) else message[1]
        if not forms or not all(forms):
            result.append(f"missing: {english}")
        elif entry.fuzzy:
            result.append(f"fuzzy: {english}")
        elif any(fields(form) != fields(english) for form in forms):
            result.append(f"braces: {english}")
    return result


def test_a_language_without_catalogue_is_refused():
    with pytest.raises(ReleaseError, match=r"no words for language 'xx'; there are words for: en, .*tg"):
        Words("xx")


def test_the_check_of_catalogues_finds_each_kind_of_fault():
    wanted = ["Good {a}", "Missing", "Fuzzy", "Lost {a}", "Empty", ("{n} one", "{n} many")]
    found = Catalog(locale="tg")
    found.add("Good {a}", "Хуб {a}")
    found.add("Fuzzy", "Х", flags={"fuzzy"})
    found.add("Lost {a}", "Х")
    found.add("Empty", "")
    found.add(("{n} one", "{n} many"), ("{n} як", ""))
    kinds = [fault.split(":")[0] for fault in faults(wanted, found)]
    assert sorted(kinds) == ["braces", "fuzzy", "missing", "missing", "missing"]


def test_there_is_a_tajik_catalogue_and_it_says_that_it_is_a_draft():
    assert "tg" in CATALOGUES
    assert "DRAFT" in (PUBLISH / "words" / "tg.po").read_text(encoding="utf-8").split("msgid")[0]


@pytest.mark.parametrize("language", CATALOGUES)
def test_every_sentence_is_translated(language):
    assert faults(sentences(), catalogue(language)) == []


@pytest.mark.parametrize("language", CATALOGUES)
def test_a_catalogue_holds_nothing_that_is_no_longer_said(language):
    said = {message if isinstance(message, str) else message[0] for message in sentences()}
    kept = {entry.id if isinstance(entry.id, str) else entry.id[0] for entry in catalogue(language) if entry.id}
    assert kept - said == set()


def test_no_catalogue_is_compiled_into_the_package():
    assert list(PUBLISH.rglob("*.mo")) == []


def test_every_identifier_that_a_map_shows_has_a_label():
    kinds = (*tables.RESOURCE_KINDS, *tables.SERVICE_KINDS, "village", "town", "district", *tables.DISTANCE_KINDS)
    shown = {
        *CRIME,
        *TENSION,
        *COOPERATION,
        *kinds,
        *tables.BANDS[1:],
        *tables.THEMES,
        "hot",
        "cold",
        "too few to tell",
        "none found",
        "community",
    }
    assert {identifier.replace("_", " ") for identifier in shown} - set(LABELS) == set()


def test_labels_are_translated_and_unknown_ones_shown_with_spaces():
    assert Words("en").label("livestock_theft") == "livestock theft"
    assert Words("tg").label("livestock_theft") == "дуздии чорво"
    assert Words("tg").label("goat_quarrel") == "goat quarrel"
    assert Words("tg").label("") == ""


def test_sentences_with_values():
    assert Words("en")("about {number}", number="{x}") == "about {x}"
    assert Words("tg")("about {number}", number=5) == "тақрибан 5"
    assert Words("en").n("{n} claim that ended before is not drawn.", "{n} claims that ended before are not drawn.", 2) == (
        "2 claims that ended before are not drawn."
    )
    assert (
        Words("tg")
        .n("{n} claim that ended before is not drawn.", "{n} claims that ended before are not drawn.", 1)
        .startswith("1 ")
    )


@pytest.mark.parametrize(
    ("language", "months", "day"),
    [("en", "October 2023 to September 2026", "13 March 2025"), ("tg", "октябри 2023 – сентябри 2026", "13 марти 2025")],
)
def test_dates(language, months, day):
    words = Words(language)
    assert words.months("2023-10-01", "2026-09-30") == months
    assert words.day("2025-03-13") == day


def test_a_period_inside_one_month_is_named_once():
    assert Words("en").months("2026-09-01", "2026-09-30") == "September 2026"


def test_north_and_numbers():
    assert (Words("en").north, Words("tg").north) == ("N", "Ш")
    assert Words("en").number(100_000) == "100,000"
    assert Words("tg").number(100_000).split() == ["100", "000"]


@pytest.mark.parametrize("local", [None, "", "  ", "Orrin", float("nan")])
def test_a_place_with_one_name_is_named_once(local):
    assert Words("en").place("Orrin", local) == "Orrin"


def test_a_place_is_named_in_the_script_of_the_language_first():
    assert Words("en").place("Orrin", "Оррин") == "Orrin (Оррин)"
    assert Words("tg").place("Orrin", "Оррин") == "Оррин (Orrin)"
    assert Words("tg").names("Orrin", "Оррин") == ("Оррин", "Orrin")


def test_a_new_language_is_one_new_catalogue(tmp_path, monkeypatch):
    text = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\nmsgid "N"\nmsgstr "Т"\n'
    (tmp_path / "ky.po").write_text(text, encoding="utf-8")
    monkeypatch.setattr(words_package, "files", lambda _: tmp_path)
    languages.cache_clear()
    try:
        assert languages() == ("en", "ky")
        assert Words("ky").north == "Т"
        assert Words("ky").label("pasture") == "pasture"
        assert Words("ky").place("Orrin", "Оррин") == "Оррин (Orrin)"
    finally:
        languages.cache_clear()
        words_package._catalogue.cache_clear()
