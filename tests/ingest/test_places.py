import csv
import io
import os
import re
import time
from itertools import islice, product
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tensionmap.errors import RawDataError
from tensionmap.ingest.places import (
    AmbiguousPlace,
    Candidate,
    Gazetteer,
    Named,
    fold,
    questions,
    read_decisions,
    read_gazetteer,
)
from tensionmap.ingest.sheets import as_sheet

LETTERS = "abcdefghijklmnopqrstuvwxyzабвгдеёжзийклмнопрстуфхцчшщъыьэюяғӣқӯҳҷңөүўʻʼ -öü"
ONE_SCRIPT = st.one_of(st.text("abcdefghijklmnopqrstuvwxyzöü ʻ-", max_size=20), st.text(LETTERS[26:69] + " -", max_size=20))
ROWS = [
    ("v1", "Navqarun", "Навқарун", "Navkarun|Навкарун", "village", ""),
    ("v2", "Köpölen", "Көпөлең", None, "village", ""),
    ("v3", "Oqsoy", "Оқсой", "Beldam", "village", ""),
    ("v4", "Aksoi Beldam", None, "Beldam", "town", ""),
    ("v5", "Ferma 1", "Ферма 1", None, "village", ""),
    ("v6", "Ferma 2", "Ферма 2", None, "village", ""),
    ("v7", "Tashmola", None, None, "village", ""),
    ("v8", "Tashmora", None, None, "village", ""),
    ("v9", "Gulvaron", None, None, "village", "Haftvezin"),
    ("v10", "Gulvaron", None, None, "village", "Ноҳияи Лоҷдурманд"),
    ("v11", "Shudvarin", None, None, "village", "haftvezin district"),
    ("v12", "Shudvarim", None, None, "village", "Elsewhere"),
    ("v13", "Ush", None, None, "village", "Haftvezin"),
    ("v14", "Dumbolet II", None, None, "village", ""),
    ("v15", "Sogotmar shahri", None, None, "town", ""),
    ("v16", "Dolu", None, None, "village", ""),
    ("v17", "Zirhasht", None, None, "village", "Haftvezin"),
    ("v18", "Zirhashd", None, None, "village", ""),
    ("d1", "Navqarun district", "ноҳияи Навқарун", "Upland", "district", ""),
    ("d2", "Selo", None, None, "district", ""),
    ("d3", "Haftvezin", "Ҳафтвезин", None, "district", ""),
    ("d4", "Lojdurmand", "Лоҷдурманд", None, "district", ""),
    ("d5", "Bulan", None, None, "district", ""),
    ("d6", "Buland", None, None, "district", ""),
    ("d7", "Buland (city)", "г. Buland", None, "district", ""),
]
COLUMNS = ["settlement_id", "name", "name_local", "alternatives", "kind", "district"]


def settlements(rows: list[tuple[Any, ...]]) -> gpd.GeoDataFrame:
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame = frame.assign(residents=pd.array([None] * len(frame), dtype="Int64"), precision_m=1000.0)
    return gpd.GeoDataFrame(frame, geometry=gpd.points_from_xy(range(len(frame)), range(len(frame))), crs="EPSG:32626")


def sheet(folder: Path, *lines: str) -> Path:
    path = folder / "decisions.csv"
    path.write_text("\r\n".join(lines) + "\r\n", encoding="utf-8-sig", newline="")
    return path


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return read_gazetteer(settlements(ROWS))


@pytest.mark.parametrize(
    "name",
    [
        "Elsewhere",
        "Nav",
        "Navqar",
        "Kpln",
        "Ferma 3",
        "Fermа 11",
        "",
        " ʻ ",
        "Beldum district",
        "Ushh",
        "Osh",
        "Doli",
        "Kopodin",
        "Dollu",
        "Dumbolet III",
    ],
)
def test_refuses_a_name_that_nobody_has(gazetteer: Gazetteer, name: str) -> None:
    with pytest.raises(RawDataError, match="is not in the list of settlements") as refused:
        gazetteer.find(name)
    assert not isinstance(refused.value, AmbiguousPlace)


def test_refuses_a_name_that_two_have(gazetteer: Gazetteer) -> None:
    with pytest.raises(AmbiguousPlace, match=r"'Beldam' can mean Oqsoy \(v3\) or Aksoi Beldam \(v4\)\.\n") as refused:
        gazetteer.find("Beldam")
    assert (refused.value.name, refused.value.district) == ("Beldam", "")
    assert refused.value.candidates == (Candidate("v3", "Oqsoy", "", 100.0), Candidate("v4", "Aksoi Beldam", "", 100.0))


def test_refuses_a_slip_that_leads_to_two(gazetteer: Gazetteer) -> None:
    with pytest.raises(AmbiguousPlace, match=r"can mean Tashmola \(v7\) or Tashmora \(v8\)"):
        gazetteer.find("Tashmoza")


def test_refuses_a_slip_if_another_place_is_only_one_slip_farther(gazetteer: Gazetteer) -> None:
    with pytest.raises(AmbiguousPlace, match=r"can mean Tashmola \(v7\) or Tashmora \(v8\)") as refused:
        gazetteer.find("Tashmula")
    assert [one.score for one in refused.value.candidates] == [88.0, 75.0]


def test_a_long_cell_is_not_repeated(gazetteer: Gazetteer) -> None:
    with pytest.raises(RawDataError, match=r"written here \(110 letters\)") as refused:
        gazetteer.find("near Rahim " * 10, "of Rahim " * 10)
    assert "Rahim" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "district", "told"),
    [
        ("Gulvaron", "Bulan", r"can mean Gulvaron \(v10, Ноҳияи Лоҷдурманд\) or Gulvaron \(v9, Haftvezin\)"),
        ("Gulvaron", "Nowhere", r"can mean Gulvaron \(v10, Ноҳияи Лоҷдурманд\) or Gulvaron \(v9, Haftvezin\)"),
        ("Ush", "Lojdurmand", r"'Ush' is not known in the district 'Lojdurmand', but elsewhere: Ush \(v13, Haftvezin\)"),
        ("Shudvarib", "Bulan", r"can mean Shudvarin \(v11, haftvezin district\) or Shudvarim \(v12, Elsewhere\)"),
        ("Shudvarim", "Haftvezin", r"can mean Shudvarim \(v12, Elsewhere\) or Shudvarin \(v11, haftvezin district\)"),
        ("Zirhashk", "Haftvezin", r"can mean Zirhasht \(v17, Haftvezin\) or Zirhashd \(v18\)"),
        ("Upland", "Haftvezin", r"not known in the district 'Haftvezin', but elsewhere: Navqarun district \(d1\)"),
    ],
)
def test_a_place_outside_the_stated_district_is_a_question(gazetteer: Gazetteer, name: str, district: str, told: str) -> None:
    with pytest.raises(AmbiguousPlace, match=told):
        gazetteer.find(name, district)


@pytest.mark.parametrize(
    ("name", "settlement_id"),
    [
        ("Navqarun", "v1"),
        ("  NAVKARUN ", "v1"),
        ("НАВҚАРУН", "v1"),
        ("с. Навкарун", "v1"),
        ("в селе Навкарун", "v1"),
        ("деҳаи Навқарун", "v1"),
        ("айылы Навкарун", "v1"),
        ("Navqarun qishlogʻi", "v1"),
        ("маҳаллаи Навқарун", "v1"),
        ("Navqarun village", "v1"),
        ("Кополенг", "v2"),
        ("Kopolen", "v2"),
        ("Kö-pölen", "v2"),
        ("Ферма-2", "v6"),
        ("Ферма № 2", "v6"),
        ("DUMBOLET 2", "v14"),
        ("Sogotmar", "v15"),
        ("Navqarun  District", "d1"),
        ("Навкарунский р-н", "d1"),
        ("upland", "d1"),
        ("Ҳафтвезин", "d3"),
        ("Хафтвезинский район", "d3"),
        ("Buland district", "d6"),
        ("г. Buland", "d7"),
    ],
)
def test_reads_a_name_in_any_script(gazetteer: Gazetteer, name: str, settlement_id: str) -> None:
    assert gazetteer.find(name) == Named(settlement_id, 100.0, is_fuzzy=False)


@pytest.mark.parametrize(
    ("name", "settlement_id", "score"),
    [
        ("Navqaurn", "v1", 88.0),
        ("Navqaurm", "v1", 75.0),
        ("Navqarn", "v1", 86.0),
        ("Kopolin", "v2", 86.0),
        ("Aksoi Beldm", "v4", 90.0),
        ("Наавқарун", "v1", 89.0),
        ("Novqoron", "v1", 88.0),
        ("с. Навкоран", "v1", 88.0),
    ],
)
def test_mends_one_slip_and_says_so(gazetteer: Gazetteer, name: str, settlement_id: str, score: float) -> None:
    assert gazetteer.find(name) == Named(settlement_id, score, is_fuzzy=True)


def test_a_district_is_never_found_through_a_word_for_village(gazetteer: Gazetteer) -> None:
    with pytest.raises(RawDataError):
        gazetteer.find("village Upland")


@pytest.mark.parametrize("name", ["ҷамоати Навқарун", "Navqarun jamoat", "айыл аймагы Навкарун", "Navkarun ayil okmotu"])
def test_a_wider_area_named_after_a_village_is_marked_by_its_score(gazetteer: Gazetteer, name: str) -> None:
    assert gazetteer.find(name) == Named("v1", 90.0, is_fuzzy=False)


@pytest.mark.parametrize(
    ("name", "district", "found"),
    [
        ("Gulvaron", "Haftvezin", Named("v9")),
        ("Gulvaron", "ноҳияи Ҳафтвезин", Named("v9")),
        ("Gulvaron", "Хафтвезинский район", Named("v9")),
        ("Gulvaron", "Haftvezn", Named("v9")),
        ("Гулварон", "Lojdurmand", Named("v10")),
        ("Gulvaran", "Lojdurmand", Named("v10", 88.0, is_fuzzy=True)),
        ("Shudvarib", "Elsewhere", Named("v12", 89.0, is_fuzzy=True)),
        ("Navqarun", "Haftvezin", Named("v1", 90.0)),
        ("Tashmola", "Haftvezin", Named("v7", 90.0)),
        ("Navqarn", "Nowhere", Named("v1", 76.0, is_fuzzy=True)),
        ("Haftvezin", "Haftvezin", Named("d3")),
    ],
)
def test_looks_in_the_stated_district_first(gazetteer: Gazetteer, name: str, district: str, found: Named) -> None:
    assert gazetteer.find(name, district) == found


@pytest.mark.parametrize(
    "spellings",
    [
        ("Ёлка", "елка"),
        ("Ак-Сай", "Ak Say", "AK-SAI", "Ак-Сaй", "Aк-Сай", "Ак\u00a0Сай", "Ак-\u200bСай", "Ak Saĭ"),
        ("Ҳисор", "Hisor", "Ḩisor", "Ӽисор"),
        ("Қӯрғон", "Qurghon", "Qŭrghon", "Қурғон", "Qurg'on", "Qurgʻon"),
        ("Ҷӯйбор", "Джуйбор", "Jūybor", "Dzhuybor"),
        ("oʻgʻirlik", "o'g'irlik", "o‘g‘irlik"),
        ("ўзаро", "oʻzaro"),
        ("Хоҷа", "Khoja", "Xoja"),
        ("Köpölen", "Көпөлен"),
        ("a_b", "A  B"),
        ("Чоң-Алай", "Чоӊ-Алай", "Chong-Alay", "Чон-Алай"),
        ("Айнӣ", "Ayni", "Айний", "Ainī", "Ayní"),
        ("Ёвон", "Yovon", "Евон"),
        ("Кызыл-Кыя", "Кызыл-Кия", "Kyzyl-Kiya", "Kyzyl-Kia"),
        ("Советское", "Sovetskoye", "Sovetskoe"),
        ("Қалъа", "Qal‘a", "Kal'a", "Ḳalʹa"),
        ("Тоҷикобод", "Тоджикобод", "Tojikobod", "Todzhikobod"),
        ("Шаҳристон", "Shahriston", "Šahriston", "Шахристон", "Schahriston"),
        ("Баткен", "БATKEH", "Бaткeн", "Баткен\ufeff"),
    ],
)  # fmt: skip
def test_spellings_of_one_name_fold_alike(spellings: tuple[str, ...]) -> None:
    assert len({fold(one) for one in spellings}) == 1
    assert fold(spellings[0])


def test_different_names_stay_different() -> None:
    names = ["Navqarun", "Lojvarun", "Quzdara", "Hovarjin", "Fushqin", "Tirvoghon", "Moldöng", "Zirhasht", "Зиирхашт"]
    assert len({fold(name) for name in names}) == len(names)


@given(ONE_SCRIPT)
def test_capitals_and_outer_spaces_do_not_matter(name: str) -> None:
    assert fold(f"  {name.upper()} ") == fold(name)


@given(st.one_of(st.text(max_size=40), st.text(LETTERS, max_size=20)))
def test_folds_anything_to_words_with_single_spaces_and_only_once(text: str) -> None:
    folded = fold(text)
    assert folded == " ".join(folded.split())
    assert "_" not in folded
    assert fold(folded) == folded


@given(name=st.text(LETTERS, max_size=14), district=st.sampled_from(["", "Haftvezin", "Elsewhere", "Nowhere"]))
def test_finds_one_settlement_or_refuses(gazetteer: Gazetteer, name: str, district: str) -> None:
    try:
        found = gazetteer.find(name, district)
    except RawDataError:
        return
    assert found.settlement_id in {row[0] for row in ROWS}
    assert 0 < found.score <= 100
    assert not (found.is_fuzzy and found.score == 100)


LIKELY = st.text("abeiokns ", min_size=1, max_size=11)
PLACES = st.lists(
    st.tuples(LIKELY, LIKELY, st.sampled_from(["village", "town", "district"]), st.sampled_from(["", "Bulan", "Haft"])),
    min_size=1,
    max_size=6,
)
DISTRICT = st.sampled_from(["", "Bulan", "Haft", "Nowhere"])


@st.composite
def slipped(draw: st.DrawFn, names: list[str]) -> str:
    """One of ``names`` with up to two slips."""
    name = draw(st.sampled_from(names))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(name)))
        name = name[:at] + draw(st.sampled_from(["", "b", "o"])) + name[at + draw(st.integers(0, 1)) :]
    return name


def answer(places: Gazetteer, name: str, district: str) -> object:
    try:
        return places.find(name, district)
    except RawDataError as refused:
        return type(refused), str(refused)


def rows_of(places: list[tuple[str, str, str, str]]) -> list[tuple[Any, ...]]:
    return [(f"p{number}", one, None, other, kind, district) for number, (one, other, kind, district) in enumerate(places)]


@settings(deadline=None)
@given(places=PLACES, district=DISTRICT, chance=st.data())
def test_the_order_of_the_list_does_not_matter(
    places: list[tuple[str, str, str, str]], district: str, chance: st.DataObject
) -> None:
    name, rows = chance.draw(slipped([place[0] for place in places])), rows_of(places)
    first = answer(read_gazetteer(settlements(rows)), name, district)
    assert answer(read_gazetteer(settlements(chance.draw(st.permutations(rows)))), name, district) == first


@settings(deadline=None)
@given(places=PLACES, district=DISTRICT, chance=st.data())
def test_another_place_changes_no_match_but_to_make_it_a_question(
    places: list[tuple[str, str, str, str]], district: str, chance: st.DataObject
) -> None:
    names = [place[0] for place in places]
    name = chance.draw(slipped(names))
    added = chance.draw(slipped([name, *names]))
    own = chance.draw(st.sampled_from(["", "Bulan", "Haft"]))
    before = answer(read_gazetteer(settlements(rows_of(places))), name, district)
    after = answer(read_gazetteer(settlements([*rows_of(places), ("new", added, None, None, "village", own)])), name, district)
    is_same_name = fold(added).replace(" ", "") == fold(name).replace(" ", "")
    if isinstance(before, Named) and not is_same_name:
        assert after == before or (isinstance(after, tuple) and after[0] is AmbiguousPlace)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["name;district;note", "a;b;c"], "decisions.csv has no column settlement_id. Its first line must name the columns"),
        (["id;what"], "has no column name and no column settlement_id"),
        ([""], "has no column name and no column settlement_id"),
        (['name;settlement_id', '"a;v1'], "decisions.csv cannot be read. Save it in the spreadsheet as 'CSV UTF-8'."),
        (["name;settlement_id", ";v1"], "Row 2 decides, but has no name."),
        (["name;district;settlement_id", "Beldam;;v3", "x;;", "БЕЛДАМ;;none"], "Rows 2 and 4 decide differently on one name."),
    ],
)  # fmt: skip
def test_refuses_a_sheet_that_cannot_be_used(tmp_path: Path, lines: list[str], told: str) -> None:
    with pytest.raises(RawDataError, match=re.escape(told)):
        read_decisions(sheet(tmp_path, *lines))


@pytest.mark.parametrize(
    "content", ["name;settlement_id\r\nБелдам;v3".encode("cp1251"), "name\tsettlement_id".encode("utf-16"), None]
)
def test_refuses_a_sheet_of_other_letters_or_none(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "decisions.csv"
    if content:
        path.write_bytes(content)
    with pytest.raises(RawDataError, match=r"decisions\.csv cannot be read"):
        read_decisions(path)


def test_refuses_a_decision_for_a_settlement_that_is_not_in_the_list(tmp_path: Path) -> None:
    decisions = read_decisions(sheet(tmp_path, "name,settlement_id", "Beldam,v3", "Gulvaron,v99", "Far,7"))
    with pytest.raises(RawDataError, match=r"decisions.csv names settlements .*\n  Row 3: 'v99'\n  Row 4: '7'"):
        read_gazetteer(settlements(ROWS), decisions)


def test_a_decision_comes_first_and_holds_for_its_district_alone(tmp_path: Path) -> None:
    decisions = read_decisions(
        sheet(
            tmp_path, "Name,District,Settlement_ID,Note", "BELDAM,,v3,as the clerk says", "Navqarun,,v2,",
            '"Ush, Ош",Bulan,NONE,', "Beldam,,v3,again", "Ush,Bulan,,not yet", ",,,",
        )
    )  # fmt: skip
    places = read_gazetteer(settlements(ROWS), decisions)
    assert places.find("Белдам") == Named("v3")
    assert places.find("Navqarun") == Named("v2")
    with pytest.raises(AmbiguousPlace):
        places.find("Beldam", "Haftvezin")
    with pytest.raises(
        RawDataError, match=r"is not a place of this study: so it was decided\.\n.* change row 4 of decisions\.csv"
    ):
        places.find("ush ош", "БУЛАН")


def asked(places: Gazetteer, *named: tuple[str, str]) -> list[AmbiguousPlace]:
    found = []
    for name, district in named:
        with pytest.raises(AmbiguousPlace) as refused:
            places.find(name, district)
        found.append(refused.value)
    return found


def test_asks_for_each_name_once_the_most_frequent_first(gazetteer: Gazetteer) -> None:
    written = [("Beldam", ""), ("Gulvaron", "Bulan"), ("БЕЛДАМ", ""), ("Ush", "Lojdurmand")]
    times = {("Beldam", ""): 2, ("БЕЛДАМ", ""): 3, ("Gulvaron", "Bulan"): 4}
    found = questions(asked(gazetteer, *written), times)
    assert found["name"].to_list() == ["БЕЛДАМ", "Gulvaron", "Ush"]
    assert found["district"].to_list() == ["", "Bulan", "Lojdurmand"]
    assert found["times_seen"].to_list() == ["5", "4", "0"]
    assert found.columns.to_list() == [
        "name", "district", "times_seen", "candidates",
        "candidate_1_id", "candidate_1_name", "candidate_1_district", "candidate_1_score",
        "candidate_2_id", "candidate_2_name", "candidate_2_district", "candidate_2_score", "settlement_id", "note",
    ]  # fmt: skip
    assert found.iloc[1].to_list()[3:] == [
        "2",
        "v10",
        "Gulvaron",
        "Ноҳияи Лоҷдурманд",
        "90",
        "v9",
        "Gulvaron",
        "Haftvezin",
        "90",
        "",
        "",
    ]
    assert found.iloc[2].to_list()[3:] == ["1", "v13", "Ush", "Haftvezin", "90", "", "", "", "", "", ""]
    assert questions(asked(gazetteer, *reversed(written)), times).equals(found)


def test_nothing_to_ask_is_an_empty_sheet(tmp_path: Path) -> None:
    nothing = questions([], {})
    assert nothing.columns.to_list() == ["name", "district", "times_seen", "candidates", "settlement_id", "note"]
    path = tmp_path / "decisions.csv"
    path.write_bytes(as_sheet(nothing))
    assert read_decisions(path).by_place == {}


@pytest.mark.parametrize("separator", [";", ","])
@pytest.mark.parametrize("settlement_id", ["=v3", "v3", "+7", "007"])
def test_the_sheet_comes_back_from_a_spreadsheet(tmp_path: Path, separator: str, settlement_id: str) -> None:
    rows = [(settlement_id, "=cmd|' /C calc'!A0", None, "Beldam", "village", "@Haft"), *ROWS[3:]]
    places = read_gazetteer(settlements(rows))
    written = [("Beldam", ""), ('-Belda; "m"', ""), ("=Beldam\nx", "")][:2]
    cells = list(
        csv.reader(io.StringIO(as_sheet(questions(asked(places, *written), {})).decode("utf-8-sig"), newline=""), delimiter=";")
    )
    assert not [cell for line in cells for cell in line if re.match(r"[=+\-@\t\r]", cell)]
    at = cells[0].index("settlement_id")
    for line in cells[1:]:
        line[at] = f" {next(cell for cell in line if cell.lstrip(chr(39)) == settlement_id)}"
    path = tmp_path / "decisions.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, delimiter=separator).writerows([cells[0], *reversed(cells[1:]), [""] * len(cells[0])])
    decided = read_gazetteer(settlements(rows), read_decisions(path))
    assert [decided.find(*one) for one in written] == [Named(settlement_id)] * len(written)


def test_a_name_is_found_among_very_many_places_in_time() -> None:
    parts = [f"{one}{other}" for one in "bdgklmnrst" for other in "aeiou"]
    names = ["".join(word) for word in islice(product(parts, parts, parts), 30_000)]
    places = read_gazetteer(settlements([(f"p{at}", name, None, None, "village", "") for at, name in enumerate(names)]))
    begun = time.perf_counter()
    for name in names[::1000]:
        answer(places, f"{name[:3]}z{name[3:]}", "")
    assert (time.perf_counter() - begun) / 30 < 0.1


@pytest.mark.skipif("TENSIONMAP_REAL_DATA" not in os.environ, reason="TENSIONMAP_REAL_DATA is not set")
def test_english_and_russian_names_of_real_villages_are_one() -> None:
    path = Path(os.environ["TENSIONMAP_REAL_DATA"]) / "isfara-batken" / "raw" / "villages_en_ru.csv"
    villages = pd.read_csv(path, dtype="str")
    rows = [(one.id, one.name_en, None, None, "village", "") for one in villages.itertuples(index=False)]
    places = read_gazetteer(settlements(rows))
    found = {one.id: places.find(one.name_ru) for one in villages.itertuples(index=False)}
    assert {name: named.settlement_id for name, named in found.items()} == {name: name for name in found}
    assert [name for name, named in found.items() if named.is_fuzzy] == ["international"]
