import json
import re
import time
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tensionmap.ingest.canaries import COLUMNS, KINDS, PLATES, find_canaries
from tensionmap.ingest.places import fold

PLACES = ["Навқарун", "Navqarun", "Quzdara", "Қуздара", "Gulvaroni Bolo", "Norvia", "Норвия", "Selmar"]


def found(text: str, kind: str, column: str = "text") -> set[str]:
    told = find_canaries(pd.DataFrame({"incident_id": ["1"], "text_private": [text]}), not_names=PLACES)
    return set(told.loc[told["kind"] == kind, column])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Без подробностей; см. журнал",
        "Толук маалымат жок.",
        "Снова драка у моста. Корова найдена! Готов протокол.",
        "Кража в Навкаруне, пастух из Куздары не пострадал.",
        "В Норвии 5 мая и в Июне было тихо.",
        "On Monday in Navqarun, near Quzdara, at the border of Selmar.",
        "Передано участковому. Участковый вызван в ОВД.",
        "КРАЖА СКОТА В СЕЛЕ",
        "Elders were there.",
    ],
)
def test_no_name_is_seen_where_nobody_is_named(text: str) -> None:
    assert found(text, "name") == set()


@pytest.mark.parametrize(
    "text",
    [
        "01.05.2025 14:30",
        "2025-05-01 14:30",
        "01-05-2025 14:30",
        "Ущерб 15 500 сом",
        "43.012345 27.054321",
        "43.0123 27.0543",
        "111222333444555",
        "протокол 4512",
        "1 250 000",
        "с 10 по 12 мая 2025",
        "5 коров, 12 овец, 3 лошади",
    ],
)
def test_dates_sums_and_degrees_are_neither_phones_nor_plates_nor_documents(text: str) -> None:
    assert not any(found(text, kind) for kind in ("phone", "plate", "id_number"))


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("тел. +992 00 000 00 01", "992000000001"),
        ("+992(00)000-00-01.", "992000000001"),
        ("звонить 00996 000 000001", "996000000001"),
        ("+998 00 000-00-01", "998000000001"),
        ("+7 (000) 000-00-01", "70000000001"),
        ("8 (000) 000 00 01", "80000000001"),
        ("80000000001", "80000000001"),
        ("0 111 22 33 44", "0111223344"),
        ("111222333;", "111222333"),
        ("тел.: 2-00-01", "20001"),
        ("раҷ. 200-00-01", "2000001"),
        ("WhatsApp: 11 222 3333", "112223333"),
        ("=HYPERLINK(\"tel:+000 (11) 222-33-44\")", "000112223344"),
        ("+000\xa011\xa0222\xa033\xa044", "000112223344"),
        ("+000 11 222–33–44", "000112223344"),
    ],
)  # fmt: skip
def test_a_phone_is_found_in_every_writing(text: str, digits: str) -> None:
    assert found(text, "phone", "folded") == {digits}


def test_two_phones_in_one_text_are_two() -> None:
    assert found("тел. +000 11 222 33 44, +000 55 666 77 88", "phone", "folded") == {"000112223344", "000556667788"}


@pytest.mark.parametrize("country", sorted(PLATES))
def test_a_plate_of_every_shape_is_found_in_both_scripts_and_with_any_gap(country: str) -> None:
    for shape in PLATES[country]:
        for letter in ("B", "В"):
            plate = shape.replace("A", letter).replace("9", "0")
            folded = re.sub("[ -]", "", plate).replace("В", "B")
            for written in (plate, plate.replace(" ", ""), plate.replace(" ", "-"), plate.replace(" ", "\xa0")):
                assert folded in found(f"Машина {written}, белая", "plate", "folded"), written


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("01 KG 000 ABC", "01KG000ABC"),
        ("01kg000abc", "01KG000ABC"),
        ("01кг000авс", "01KГ000ABC"),
        ("0000 ав 01", ""),
        ("0000ав01", "0000AB01"),
    ],
)
def test_a_plate_in_small_letters_is_one_if_nothing_stands_between(text: str, folded: str) -> None:
    assert found(text, "plate", "folded") == ({folded} if folded else set())


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Со слов Ормадвина Илгарова; старейшины", {"Ормадвина Илгарова", "Ормадвина", "Илгарова"}),
        ("Ширводал Қобелмазов ва ҳамсояаш", {"Ширводал Қобелмазов", "Ширводал", "Қобелмазов"}),
        ("Заявитель Толдумат Сотонбаев, 40 лет", {"Толдумат Сотонбаев", "Толдумат", "Сотонбаев"}),
        ("Сокин Ҷолмаҳор Ҳудваронӣ хабар дод", {"Ҷолмаҳор Ҳудваронӣ", "Ҷолмаҳор", "Ҳудваронӣ"}),
        ("А. Б. Илгаров сказал", {"А. Б. Илгаров", "Илгаров"}),
        ("А.Б. Илгаров сказал", {"А. Б. Илгаров", "Илгаров"}),
        ("свидетель Илгарова С.", {"Илгарова С.", "Илгарова"}),
        ("Приходил Ормадвин Илгаров", {"Приходил Ормадвин Илгаров", "Ормадвин Илгаров", "Приходил", "Ормадвин", "Илгаров"}),
        ("Илгаров избил соседа.", {"Илгаров"}),
        ("Сказано Илгаровым.", {"Сказано Илгаровым", "Сказано", "Илгаровым"}),
        ("ИЛГАРОВ ЖАЛОВАЛСЯ", {"ИЛГАРОВ"}),
        ("опрошен ИЛГАРОВ", {"ИЛГАРОВ"}),
        ("пришел Фазувар к мосту", {"Фазувар"}),
        ("Фазуварзода рафт", {"Фазуварзода"}),
        ("Шоҳид: Қирвана", {"Қирвана"}),
        ("Элвүгүл Айбөлөн кызы айтты", {"Элвүгүл Айбөлөн кызы", "Элвүгүл", "Айбөлөн", "кызы"}),
        ("Nurvamil Toldumat oʻgʻli keldi", {"Nurvamil Toldumat oʻgʻli", "Toldumat oʻgʻli", "Nurvamil", "Toldumat", "oʻgʻli"}),
        ("Told by Zebonari Ghanjurov, phone", {"Zebonari Ghanjurov", "Zebonari", "Ghanjurov"}),
        ("Neighbour Kürpöev saw it", {"Kürpöev"}),
        ("ormadvin фазуварович илгаров", {"фазуварович"}),
        ("Жолдубай уулу", {"Жолдубай уулу", "Жолдубай", "уулу"}),
        ("Илгаров из Куздары", {"Илгаров"}),
    ],
)
def test_a_name_is_found_whole_and_by_word(text: str, names: set[str]) -> None:
    of_kin = {"кызы", "oʻgʻli", "уулу"}
    assert found(text, "name") - of_kin == names - of_kin


def test_a_place_is_no_name_but_a_surname_made_of_it_is() -> None:
    assert found("ушел в Навкарун, за Навкаруном, между Навкарунами", "name") == set()
    assert found("позвал Навкаруму", "name") == {"Навкаруму"}
    assert found("позвал Навкарунова", "name") == {"Навкарунова"}


@pytest.mark.parametrize(
    ("kind", "text", "folded"),
    [
        ("email", "пишите F.Ilgharov@example.org.", "f.ilgharov@example.org"),
        ("link", "см. https://www.facebook.com/Fazuvar.I/?id=1).", "facebook.com/fazuvar.i/?id=1"),
        ("link", "t.me/fazuvar_i", "t.me/fazuvar_i"),
        ("link", "инстаграм @fazuvar_i", "@fazuvar_i"),
        ("id_number", "паспорт A00000001", "A00000001"),
        ("id_number", "AN 0000001", "AN0000001"),
        ("id_number", "ИНН 000000001", "000000001"),
        ("id_number", "паспорт серия 00 00 № 000001", "0000000001"),
        ("id_number", "ПИН: 00000000000001", "00000000000001"),
    ],
)
def test_addresses_links_and_documents_are_found(kind: str, text: str, folded: str) -> None:
    assert folded in found(text, kind, "folded")


def test_an_address_is_no_link_besides() -> None:
    assert found("f.ilgharov@example.org", "link") == set()


def test_a_long_text_without_sense_is_read_at_once() -> None:
    for part in ("A", "A-", "a-", "Ab ", "a@", "a.", "@a.", "1", "1 ", "+1-", "A.", "1A", "'", "A'", "www."):
        started = time.process_time()
        found(part * 20_000, "name")
        assert time.process_time() - started < 5, part


def test_no_text_is_an_empty_answer() -> None:
    for told in ([], [None], [""]):
        texts = pd.DataFrame({"incident_id": ["1"] * len(told), "text_private": pd.Series(told, dtype="str")})
        empty = find_canaries(texts, not_names=[])
        assert empty.columns.tolist() == COLUMNS
        assert empty.empty
        assert set(empty.dtypes.astype("str")) == {"str"}


def test_the_answer_is_distinct_and_sorted_whatever_the_order_of_the_texts() -> None:
    text = "Толдумат Сотонбаев, Толдумат Сотонбаев, +000 11 222 33 44"
    texts = pd.DataFrame({"incident_id": ["2", "1", "3"], "text_private": [text, text, "Elders were there."]}, index=[5, 5, 1])
    told = find_canaries(texts, not_names=[])
    assert told["incident_id"].tolist() == ["1"] * 4 + ["2"] * 4
    assert told.equals(told.drop_duplicates().sort_values(COLUMNS, ignore_index=True))
    assert told.equals(find_canaries(texts[::-1], not_names=[]))


@settings(deadline=None)
@given(st.lists(st.text(max_size=60), max_size=5))
def test_any_text_is_read_and_what_is_found_stands_in_it(texts: list[str]) -> None:
    frame = pd.DataFrame({"incident_id": [str(at) for at in range(len(texts))], "text_private": texts})
    told = find_canaries(frame, not_names=PLACES)
    assert set(told["kind"]) <= set(KINDS)
    for incident_id, _, text in told[COLUMNS[:3]].itertuples(index=False):
        letters = re.sub(r"\s", "", text)
        assert letters in re.sub(r"\s", "", texts[int(incident_id)])


shape = st.sampled_from(["+000 {} {} {} {}", "+000 ({}) {}-{}-{}", "+000{}{}{}{}", "8 ({}) {} {} {}", "{} {} {} {}"])
person = st.sampled_from(["Ормадвин Ташвелков", "Zebonari Ghanjurov", "Кодобай Эргештин", "Möngdüev A.", "И. О. Болтурмов"])


@settings(deadline=None)
@given(person, shape, st.integers(10, 99), st.integers(100, 999), st.integers(10, 99), st.integers(10, 99))
def test_a_planted_name_and_phone_are_always_found(person: str, shape: str, a: int, b: int, c: int, d: int) -> None:
    phone = shape.format(a, b, c, d)
    text = f"Приходил {person}, звонить {phone}, и ушел."
    assert re.sub(r"\D", "", phone) in found(text, "phone", "folded")
    assert fold(person) in found(text, "name", "folded")


def test_what_was_planted_in_two_rivers_is_found_and_nothing_else(finished_study: Path) -> None:
    planted = json.loads((finished_study / "data/raw/truth.json").read_text(encoding="utf-8"))["private"]
    texts = pd.read_parquet(finished_study / "data/processed/ingest/private_text.parquet")
    places = pd.read_parquet(finished_study / "data/processed/ingest/settlements.parquet", columns=["name", "name_local"])
    told = find_canaries(texts, not_names=[*places["name"], *places["name_local"]])
    names, phones = (told[told["kind"] == kind] for kind in ("name", "phone"))
    mentioned = [(at, name) for at, text in texts.itertuples(index=False) for name in planted["names"] if name in text]
    assert len(mentioned) > 400
    assert {(at, fold(name)) for at, name in mentioned} <= set(zip(names["incident_id"], names["folded"], strict=True))
    assert set(names["folded"]) <= {fold(name) for name in (*planted["names"], *planted["words"])}
    every = " ".join(texts["text_private"])
    assert set(phones["text"]) == {phone for phone in planted["phones"] if phone in every}
    assert set(told["kind"]) == {"name", "phone"}
