import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensionmap.ingest.writing import by_form, distinct, form_of, is_unknown, one

cells = st.lists(st.text("0123456789.,-abя°", max_size=12) | st.text(max_size=12), max_size=20)


def column(texts: list[str]) -> pd.Series:
    return pd.Series(texts, dtype="str")


@pytest.mark.parametrize("text", ["NA", " н/д ", "Маълум  нест", "—", "Noma’lum", "None"])
def test_words_for_not_known(text: str) -> None:
    assert is_unknown(text)


@pytest.mark.parametrize("text", ["", "0", "nan 5", "Нота"])
def test_other_words_are_not_taken_for_not_known(text: str) -> None:
    assert not is_unknown(text)


@given(cells, st.integers(0, 5))
def test_every_row_stands_under_its_form_once_even_in_a_part_of_a_column(texts: list[str], cut: int) -> None:
    part = column(texts).iloc[cut:]
    seen = {}
    for written in by_form(part):
        count = written.form.count("0")
        numbers = [written.number((at, at + 1)).tolist() for at in range(count)]
        for at, row in enumerate(written.rows.tolist()):
            assert row not in seen
            seen[row] = (written.form, "".join(str(number[at]) for number in numbers))
    kept = texts[cut:]
    assert seen == {row: (form_of(text), "".join(c for c in text if c in "0123456789")) for row, text in enumerate(kept)}


def test_forms_come_in_order_of_first_appearance_and_rows_in_theirs() -> None:
    read = [(written.form, written.rows.tolist()) for written in by_form(column(["b1", "a2", "b3", "", "a4"]))]
    assert read == [("b0", [0, 2]), ("a0", [1, 4]), ("", [3])]
    assert list(by_form(column([]))) == []


@given(st.lists(st.tuples(st.integers(0, 10**6), st.text("0123456789", max_size=20)), min_size=1, max_size=20))
def test_a_decimal_is_the_nearest_float_however_long(numbers: list[tuple[int, str]]) -> None:
    texts = [f"{whole}.{decimals}" if decimals else str(whole) for whole, decimals in numbers]
    for written in by_form(column(texts)):
        digits, decimals = written.form.count("0"), len(written.form.partition(".")[2])
        assert written.decimal((0, digits), decimals).tolist() == [float(texts[row]) for row in written.rows]


def test_more_digits_than_a_float_holds_are_rounded_once() -> None:
    (written,) = by_form(column(["71.029559921305186", "70.123456789012345"]))
    assert written.decimal((0, 17), 15).tolist() == [71.029559921305186, 70.123456789012345]


def test_the_order_of_many_rows_of_one_form_is_kept() -> None:
    texts = [f"{'ab'[number % 2]}{number:04d}" for number in np.random.default_rng(1).integers(0, 10_000, 2_000)]
    for written in by_form(column(texts)):
        assert (np.diff(written.rows) > 0).all()
        assert written.number((0, 4)).tolist() == [int(texts[row][1:]) for row in written.rows]


def test_one_cell_is_a_column_of_one() -> None:
    written = one("№ 12/345")
    assert written.form == "№ 00/000"
    assert written.number((0, 2)).tolist() == [12]
    assert written.number((2, 5)).tolist() == [345]


def test_distinct_texts() -> None:
    which, texts = distinct(column(["b", "a", "b"]))
    assert np.array(texts)[which].tolist() == ["b", "a", "b"]
