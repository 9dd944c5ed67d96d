import geopandas as gpd
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensionmap.errors import RawDataError
from tensionmap.ingest.places import Gazetteer, Named, fold, read_gazetteer

LETTERS = "abcdefghijklmnopqrstuvwxyzабвгдеёжзийклмнопрстуфхцчшщъыьэюяғӣқӯҳҷңөүўʻʼ -öü"


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    rows = [
        ("v1", "Navqarun", "Навқарун", "Navkarun|Навкарун", "village"),
        ("v2", "Köpölen", "Көпөлең", None, "village"),
        ("v3", "Oqsoy", "Оқсой", "Beldam", "village"),
        ("v4", "Aksoi Beldam", None, "Beldam", "town"),
        ("v5", "Ferma 1", "Ферма 1", None, "village"),
        ("v6", "Ferma 2", "Ферма 2", None, "village"),
        ("v7", "Tashmola", None, None, "village"),
        ("v8", "Tashmora", None, None, "village"),
        ("d1", "Navqarun district", "ноҳияи Навқарун", "Upland", "district"),
        ("d2", "Selo", None, None, "district"),
    ]
    frame = pd.DataFrame(rows, columns=["settlement_id", "name", "name_local", "alternatives", "kind"])
    frame = frame.assign(residents=pd.array([None] * len(frame), dtype="Int64"), precision_m=1000.0)
    return read_gazetteer(
        gpd.GeoDataFrame(frame, geometry=gpd.points_from_xy(range(len(frame)), range(len(frame))), crs="EPSG:32626")
    )


@pytest.mark.parametrize("name", ["Elsewhere", "Nav", "Navqar", "Kpln", "Ferma 3", "Fermа 11", "", "Beldum district"])
def test_refuses_a_name_that_nobody_has(gazetteer: Gazetteer, name: str) -> None:
    with pytest.raises(RawDataError, match="is not in the list of settlements"):
        gazetteer.find(name)


def test_refuses_a_name_that_two_have(gazetteer: Gazetteer) -> None:
    with pytest.raises(RawDataError, match=r"'Beldam' can mean Oqsoy \(v3\) or Aksoi Beldam \(v4\)"):
        gazetteer.find("Beldam")


def test_refuses_a_slip_that_leads_to_two(gazetteer: Gazetteer) -> None:
    with pytest.raises(RawDataError, match=r"can mean Tashmola \(v7\) or Tashmora \(v8\)"):
        gazetteer.find("Tashmoza")


def test_a_long_cell_is_not_repeated(gazetteer: Gazetteer) -> None:
    with pytest.raises(RawDataError, match=r"written here \(110 letters\)") as refused:
        gazetteer.find("near Rahim " * 10)
    assert "Rahim" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "settlement_id"),
    [
        ("Navqarun", "v1"),
        ("  NAVKARUN ", "v1"),
        ("НАВҚАРУН", "v1"),
        ("с. Навкарун", "v1"),
        ("деҳаи Навқарун", "v1"),
        ("Navqarun village", "v1"),
        ("Кополенг", "v2"),
        ("Kopolen", "v2"),
        ("Kö-pölen", "v2"),
        ("Ферма-2", "v6"),
        ("Navqarun  District", "d1"),
        ("upland", "d1"),
    ],
)
def test_reads_a_name_in_any_script(gazetteer: Gazetteer, name: str, settlement_id: str) -> None:
    found = gazetteer.find(name)
    assert found.settlement_id == settlement_id
    assert found.is_fuzzy == (name in {"Кополенг", "Kö-pölen"})


@pytest.mark.parametrize(
    ("name", "settlement_id"), [("Navqaurn", "v1"), ("Navqarn", "v1"), ("Kopolin", "v2"), ("Aksoi Beldm", "v4")]
)
def test_mends_one_slip_and_says_so(gazetteer: Gazetteer, name: str, settlement_id: str) -> None:
    assert gazetteer.find(name) == Named(settlement_id, is_fuzzy=True)


def test_a_district_is_never_found_through_a_word_for_village(gazetteer: Gazetteer) -> None:
    with pytest.raises(RawDataError):
        gazetteer.find("village Upland")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ёлка", "елка"),
        ("Ак-Сай", "Ak Say"),
        ("Ҳисор", "Hisor"),
        ("Қӯрғон", "Qurghon"),
        ("Ҷӯйбор", "Джуйбор"),
        ("oʻgʻirlik", "o'g'irlik"),
        ("ўзаро", "oʻzaro"),
        ("Хоҷа", "Khoja"),
        ("Köpölen", "Көпөлен"),
        ("a_b", "A  B"),
    ],
)
def test_spellings_of_one_name_fold_alike(one: str, other: str) -> None:
    assert fold(one) == fold(other) != ""


def test_different_names_stay_different() -> None:
    names = ["Navqarun", "Lojvarun", "Quzdara", "Hovarjin", "Fushqin", "Tirvoghon", "Moldöng"]
    assert len({fold(name) for name in names}) == len(names)


@given(st.text(LETTERS, max_size=20))
def test_capitals_and_outer_spaces_do_not_matter(name: str) -> None:
    assert fold(f"  {name.upper()} ") == fold(name)


@given(st.text(max_size=40))
def test_folds_anything_to_words_with_single_spaces(text: str) -> None:
    folded = fold(text)
    assert folded == " ".join(folded.split())
    assert "_" not in folded


@given(name=st.text(LETTERS, max_size=14))
def test_finds_one_settlement_or_refuses(gazetteer: Gazetteer, name: str) -> None:
    try:
        found = gazetteer.find(name)
    except RawDataError:
        return
    assert found.settlement_id in gazetteer.labels
