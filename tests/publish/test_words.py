import ast
import hashlib
import re
import tomllib
import unicodedata
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.plurals import get_plural
from babel.messages.pofile import read_po

from tensionmap import tables
from tensionmap.errors import ReleaseError
from tensionmap.protect.audit.attacks import Expected, attack_files
from tensionmap.protect.audit.secrets import SEALED, Secrets
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


@cache
def sentences():
    return {message for _, _, message, _, _ in extract_from_dir(PUBLISH, keywords=KEYWORDS)}


def catalogue(language):
    with (PUBLISH / "words" / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


def fields(text):
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name)


def texts(language):
    """Every translation of a language, each form by itself."""
    strings = [entry.string for entry in catalogue(language) if entry.id]
    return [form for string in strings for form in ([string] if isinstance(string, str) else string)]


def written_sentences():
    """Every literal sentence that the code says, wherever it stands."""
    found = set()
    for file in PUBLISH.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("words", "words.n", "sentence"):
                literals = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
                found |= {literals[0] if len(literals) == 1 else tuple(literals[:2])} if literals else set()
    return found


def sealed_kinds_found(text):
    data = text.encode()
    expected = {"map.txt": Expected(hashlib.sha256(data).hexdigest(), "community")}
    return [finding for finding in attack_files({"map.txt": data}, Secrets(), expected=expected) if finding.attack == "A2b"]


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
    with pytest.raises(ReleaseError, match=r"no words for language 'xx'; there are words for: en, ky, ru, tg, uz"):
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


def test_the_maps_speak_five_languages():
    assert languages() == ("en", "ky", "ru", "tg", "uz")


@pytest.mark.parametrize("language", CATALOGUES)
def test_a_catalogue_says_whether_a_native_reader_has_checked_it(language):
    head = (PUBLISH / "words" / f"{language}.po").read_text(encoding="utf-8").split("msgid")[0]
    assert re.search(r"^# (DRAFT: to be checked by a native reader\.|CHECKED by a native reader, )", head, re.MULTILINE)


def test_every_sentence_in_the_code_is_found_by_translators_tools():
    assert written_sentences() - sentences() == set()


@pytest.mark.parametrize("language", CATALOGUES)
def test_a_catalogue_stands_in_the_order_of_the_english_sentences(language):
    written = [entry.id if isinstance(entry.id, str) else entry.id[0] for entry in catalogue(language) if entry.id]
    assert written == sorted(written)


@pytest.mark.parametrize("language", CATALOGUES)
def test_plural_forms_are_those_of_the_language(language):
    found, rule = catalogue(language), get_plural(language)
    assert (found.num_plurals, found.plural_expr) == (rule.num_plurals, rule.plural_expr)


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
    assert Words("ru").label("livestock_theft") == "кража скота"
    assert Words("ky").label("pasture_dispute") == "жайыт талашы"
    assert Words("uz").label("theft") == "oʻgʻirlik"


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


@pytest.mark.parametrize(("n", "told"), [(1, "1 сообщения"), (3, "3 сообщений"), (5, "5 сообщений"), (21, "21 сообщения")])
def test_russian_counts_in_its_own_forms(n, told):
    assert Words("ru").n("at least {n} report", "at least {n} reports", n) == f"не менее {told}"


@pytest.mark.parametrize(("n", "told"), [(1, "участок"), (2, "участка"), (5, "участков"), (11, "участков"), (22, "участка")])
def test_russian_has_three_forms(n, told):
    assert f"{n} {told}:" in Words("ru").n("{n} more area: see the back", "{n} more areas: see the back", n)


@pytest.mark.parametrize(
    ("language", "months", "day"),
    [
        ("en", "October 2023 to September 2026", "13 March 2025"),
        ("tg", "октябри 2023 – сентябри 2026", "13 марти 2025"),
        ("ru", "октябрь 2023 – сентябрь 2026", "13 марта 2025"),
        ("ky", "2023-ж. октябрь – 2026-ж. сентябрь", "2025-ж. 13-март"),
        ("uz", "2023-yil oktabr – 2026-yil sentabr", "2025-yil 13-mart"),
    ],
)
def test_dates(language, months, day):
    words = Words(language)
    assert words.months("2023-10-01", "2026-09-30") == months
    assert words.day("2025-03-13") == day


@pytest.mark.parametrize(
    ("language", "alone", "of_day"),
    [
        ("en", "May", "May"),
        ("ru", "май", "мая"),
        ("tg", "май", "май"),
        ("ky", "май", "май"),
        ("uz", "may", "may"),
    ],
)
def test_a_month_by_itself_and_with_a_day(language, alone, of_day):
    assert (Words(language).month(5), Words(language).month_of_day(5)) == (alone, of_day)


def test_a_period_inside_one_month_is_named_once():
    assert Words("en").months("2026-09-01", "2026-09-30") == "September 2026"
    assert Words("ru").months("2026-09-01", "2026-09-30") == "сентябрь 2026"


@pytest.mark.parametrize(("language", "north"), [("en", "N"), ("ky", "Т"), ("ru", "С"), ("tg", "Ш"), ("uz", "Sh")])
def test_north(language, north):
    assert Words(language).north == north


@pytest.mark.parametrize("language", CATALOGUES)
def test_numbers_are_set_apart_by_spaces_that_do_not_break(language):
    assert Words("en").number(1_234_567.5) == "1,234,567.5"
    assert Words(language).number(1_234_567.5) == "1\N{NO-BREAK SPACE}234\N{NO-BREAK SPACE}567,5"


@pytest.mark.parametrize(
    ("language", "names"),
    [
        ("en", ["Dor", "Élan", "Fay", "Orrin 2", "Orrin Post", "Tavesh", "Ulmek", "Оррин"]),
        ("ru", ["Ёлка", "Жар", "Оррин", "Тавеш", "Ўлмек", "Orrin"]),
        ("ky", ["Нурек", "Ңаре", "Озгон", "Өзгөн", "Палван", "Учкун", "Үчкун", "Фрунзе"]),
        ("tg", ["Гулистон", "Ғафуров", "Исфара", "Кулоб", "Қистақуз", "Уротеппа", "Ӯрмон", "Хуҷанд", "Ҳисор", "Чорку", "Ҷамоа"]),
        (
            "uz",
            [
                "Isfara",
                "Isʼhoq",
                "Isom",
                "Ishtixon",
                "Namangan",
                "Oq",
                "Suv",
                "Zafar",
                "Oʻzgan",
                "G'onchi",
                "Gʻulak",
                "Shohi",
                "Chorku",
                "Ёр",
            ],
        ),
    ],
)
def test_names_stand_in_the_order_of_the_alphabet(language, names):
    words = Words(language)
    assert words.in_order(names[::-1]) == names
    assert words.in_order([unicodedata.normalize("NFD", name).upper() for name in names]) == [
        unicodedata.normalize("NFD", name).upper() for name in names
    ]


def test_names_alike_but_for_capitals_keep_one_order():
    assert Words("tg").in_order(["орд", "Орд"]) == Words("tg").in_order(["Орд", "орд"])


@pytest.mark.parametrize("local", [None, "", "  ", "Orrin", float("nan")])
def test_a_place_with_one_name_is_named_once(local):
    assert Words("en").place("Orrin", local) == "Orrin"


def test_a_place_is_named_in_the_script_of_the_language_first():
    assert Words("en").place("Orrin", "Оррин") == "Orrin (Оррин)"
    assert Words("tg").place("Orrin", "Оррин") == "Оррин (Orrin)"
    assert Words("tg").names("Orrin", "Оррин") == ("Оррин", "Orrin")
    assert [Words(language).names("Orrin", "Оррин")[0] for language in ("ky", "ru", "uz")] == ["Оррин", "Оррин", "Orrin"]


WITHIN_WORDS = re.compile(r"[^\W\d_]+")


@pytest.mark.parametrize("language", CATALOGUES)
def test_no_word_mixes_letters_of_two_scripts(language):
    for text in texts(language):
        for word in WITHIN_WORDS.findall(re.sub(r"\{\w+\}", "", text)):
            scripts = {unicodedata.name(letter).split()[0] for letter in word if unicodedata.category(letter) != "Lm"}
            assert len(scripts) == 1, (text, word)
            assert language != "uz" or scripts == {"LATIN"}, (text, word)


@pytest.mark.parametrize("language", CATALOGUES)
def test_quotation_marks_are_those_of_the_language(language):
    marks = set(re.findall('[«»„“”"]', "".join(texts(language))))
    assert marks == (set("“”") if language == "uz" else set("«»"))


def test_uzbek_has_the_letters_of_its_alphabet():
    written = "".join(texts("uz"))
    assert set(re.findall("[ʻʼ‘’'`´]", written)) == {"ʻ", "ʼ"}
    assert re.findall("[^oOgG]ʻ", written) == []
    assert re.findall("[^aeiuAEIUn]ʼ", written) == []


PARTIAL = {
    "ru": ("напад", "атак", "враг", "враж", "противник", "агресс"),
    "ky": ("кол сал", "чабуул", "душман", "агресс"),
    "tg": ("ҳамла", "душман", "таҷовуз"),
    "uz": ("hujum", "dushman", "yov ", "tajovuz"),
}


@pytest.mark.parametrize("language", CATALOGUES)
def test_no_side_is_called_an_attacker_or_an_enemy(language):
    said = " ".join(texts(language)).casefold()
    assert [word for word in PARTIAL[language] if word in said] == []


@pytest.mark.parametrize("language", languages())
def test_kinds_that_no_map_shows_are_found_by_the_audit_and_their_one_sentence_passes(language):
    words = Words(language)
    for kind in SEALED:
        assert sealed_kinds_found(words.label(kind)), kind
    told = words("Violence in families, sexual violence, violence against children, recruitment: to protect those harmed.")
    assert sealed_kinds_found(told.split(",")[0]), "the sentence does not name the kinds as the audit knows them"
    assert sealed_kinds_found(told) == []


@pytest.mark.parametrize("language", languages())
def test_no_other_sentence_names_a_kind_that_no_map_shows(language):
    sealed = {kind.replace("_", " ") for kind in SEALED}
    said = sorted({message if isinstance(message, str) else message[0] for message in sentences()} - sealed)
    words = Words(language)._catalogue
    assert [text for text in said if sealed_kinds_found(words.gettext(text))] == []


@pytest.mark.parametrize("language", CATALOGUES)
def test_the_label_of_a_category_is_no_word_of_another(language):
    taxonomy = tomllib.loads(files("tensionmap.ingest").joinpath("taxonomy.toml").read_text(encoding="utf-8"))["category"]
    labels = {name: Words(language).label(name) for name in taxonomy}
    assert len(set(labels.values())) == len(labels)
    for name, label in labels.items():
        assert [other for other in taxonomy if other != name and label in taxonomy[other]["words"][language]] == [], label


def test_a_new_language_is_one_new_catalogue(tmp_path, monkeypatch):
    text = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\nmsgid "N"\nmsgstr "С"\n'
    (tmp_path / "kk.po").write_text(text, encoding="utf-8")
    monkeypatch.setattr(words_package, "files", lambda _: tmp_path)
    languages.cache_clear()
    try:
        assert languages() == ("en", "kk")
        assert Words("kk").north == "С"
        assert Words("kk").label("pasture") == "pasture"
        assert Words("kk").place("Orrin", "Оррин") == "Оррин (Orrin)"
    finally:
        languages.cache_clear()
        words_package._catalogue.cache_clear()
