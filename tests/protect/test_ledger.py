"""What is out stays as it was, everything that follows is held against it, and nothing in the ledger tells of a sealed report."""

import dataclasses
import itertools
import json
from datetime import date

import numpy as np
import pandas as pd
import pytest

from tensionmap.errors import ReleaseError
from tensionmap.protect.ledger import COUNTED, LEDGER, Entry, closed, enter, read_ledger, require_closed, withdraw
from tensionmap.protect.policy import Policy
from tensionmap.protect.release import Published, counted_marks
from tensionmap.protect.windows import mark
from tensionmap.tables import PERIOD

SIGNED = ("R. Norov, district police", "M. Selmari, women's committee")
QUARTERS = tuple(map(str, pd.period_range("2022Q1", periods=12, freq="Q")))
SIDE = 4


def entry_of(release, **changes):
    facts = release.facts
    entry = Entry(
        digest=release.digest,
        released=facts.date_to,
        signed_off_by=SIGNED,
        withdraw_on="2031-01-01",
        study=facts.study,
        crs="EPSG:32626",
        cell_m=facts.cell_m,
        period=(facts.public_from, facts.public_to),
        quarters=facts.quarters,
        files={"crime_map.community.html": "0" * 64},
    )
    return dataclasses.replace(entry, **changes)


def hand_out(folder, world, release_of, *, published=None, **changes):
    """Make the next release, hold it against all that is out (read, if not given), and write it into the ledger."""
    ledger = read_ledger(folder)
    published = published or ledger.published()
    release = closed(release_of(world, published=published), published)
    marks = counted_marks(world["incidents"], release, published, world["policy"])
    enter(ledger, entry_of(release, **changes), release, marks)
    return release


def bytes_in(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# a series of releases on growing data


def growing_world(small_world, cell_at):
    """Twelve quarters of reports with the day of reporting, some of them a quarter or two late, in towns and thin places."""
    chance = np.random.default_rng(7)
    cells = [cell_at(column, row) for column in range(SIDE) for row in range(SIDE)]
    rate = chance.gamma(0.6, 4, len(cells))
    counts = {
        (category, cell, quarter): int(chance.poisson(often * share))
        for quarter in QUARTERS
        for cell, often in zip(cells, rate, strict=True)
        for category, share in (("theft", 0.6), ("fraud", 0.3), ("drugs", 0.1), ("domestic_violence", 0.1))
    }
    residents = chance.choice([30.0, 400.0, 900.0], len(cells), p=[0.4, 0.3, 0.3]).tolist()
    hot = {"crime": [cells[5], cells[6], cells[9], cells[10]]}
    world = small_world(
        SIDE, SIDE, counts, residents=residents, hot=hot, date_from=date(2022, 1, 1), policy=Policy(most_quarters=6)
    )
    lag = chance.choice([0, 20, 100, 200], len(world["incidents"]), p=[0.5, 0.3, 0.15, 0.05])
    reported = world["incidents"]["date_start"] + pd.to_timedelta(lag, unit="D")
    return {**world, "incidents": world["incidents"].assign(date_reported=reported.astype("datetime64[us]"))}


def as_known(world, quarter, *, is_revised):
    """What is known at the end of a quarter; revised: a third of what is older than a quarter was struck out or is other."""
    last = pd.Period(quarter).end_time
    incidents, placed = world["incidents"], world["placed"]
    is_known = incidents["date_reported"] <= last
    number = incidents["record_id"].str.removeprefix("KD-").astype(int)
    is_old = (incidents["date_start"] < last - pd.Timedelta(120, unit="D")) & is_revised
    is_known &= ~(is_old & (number % 9 == 1))
    is_other = is_old & (number % 9 == 2)
    incidents = incidents.assign(
        category=incidents["category"].mask(is_other, "drugs"), tier=incidents["tier"].mask(is_other, "A")
    )
    elsewhere = placed["cell_id"].mask(is_old & (number % 9 == 3), "E503N4763")
    frames = {"incidents": incidents, "placed": placed.assign(cell_id=elsewhere)}
    known = {name: frame[is_known].reset_index(drop=True) for name, frame in frames.items()}
    return {**world, **known, "date_to": last.date()}


@pytest.fixture(scope="module", params=[False, True], ids=["as reported", "revised"])
def series(request, small_world, cell_at, release_of, tmp_path_factory):
    """A release every quarter for three years: what was known, and what was released; nothing is refused."""
    folder = tmp_path_factory.mktemp("released")
    world = growing_world(small_world, cell_at)
    made = []
    for quarter in QUARTERS:
        known = as_known(world, quarter, is_revised=request.param)
        marks = frozenset((folder / COUNTED).read_text(encoding="utf-8").split()) if made else frozenset()
        published = Published(tuple(release for _, release in made), marks)
        made.append((known, hand_out(folder, known, release_of, published=published)))
    return folder, made, read_ledger(folder).published()


def of_window(release, name, window):
    frame = release.tables[name]
    plain = frame.to_wkb() if hasattr(frame, "crs") else frame
    return pd.DataFrame(plain[plain["window"] == window]).reset_index(drop=True)


def test_released_quarters_stay_as_they_were(series):
    _, made, _ = series
    for (_, earlier), (_, later) in itertools.pairwise(made):
        for quarter in {*earlier.facts.quarters} & {*later.facts.quarters}:
            for name in ("cells", "totals", "numbers"):
                pd.testing.assert_frame_equal(of_window(earlier, name, quarter), of_window(later, name, quarter))
    assert [release.facts.quarters[-1] for _, release in made] == list(QUARTERS)
    assert any(len(of_window(made[-1][1], "cells", quarter)) for quarter in QUARTERS)


def test_the_period_is_renewed_after_a_year_and_else_stands(series):
    _, made, _ = series
    ends = [release.facts.public_to for _, release in made]
    assert ends == ["2022-03-31"] * 4 + ["2023-03-31"] * 4 + ["2024-03-31"] * 4
    for (_, earlier), (_, later) in itertools.pairwise(made):
        if earlier.facts.public_to == later.facts.public_to:
            for name in ("cells", "totals", "numbers"):
                pd.testing.assert_frame_equal(of_window(earlier, name, PERIOD), of_window(later, name, PERIOD))


def test_everything_in_the_ledger_is_closed_together(series):
    _, made, published = series
    assert [release.digest for release in published.releases] == [release.digest for _, release in made]
    assert len({release.digest for release in published.releases}) == len(QUARTERS)
    require_closed(published.releases[-1], Published(published.releases[:-1], published.counted))


def test_made_again_from_the_same_it_is_the_same_release(series, release_of):
    folder, made, published = series
    known, last = made[-1]
    again = closed(release_of(known, published=published), published)
    assert again.digest == last.digest
    with pytest.raises(ReleaseError, match=f"{last.digest} is in the ledger already"):
        enter(read_ledger(folder), entry_of(again), again, published.counted)


def test_every_late_report_is_marked_once_it_was_counted(series):
    _, made, published = series
    known, _ = made[-1]
    marks = published.counted
    unsealed = known["incidents"][known["incidents"]["tier"] != "S"]
    assert set(unsealed["incident_id"].map(mark)) <= marks
    assert not set(known["incidents"].loc[known["incidents"]["tier"] == "S", "incident_id"].map(mark)) & marks


def test_late_reports_appear_in_the_quarter_of_reporting(small_world, cell_at, release_of, tmp_path):
    at_once, late = ("theft", cell_at(0, 0), "2024Q1"), ("fraud", cell_at(1, 1), "2024Q1")
    world = small_world(2, 2, {at_once: 6, late: 5}, date_to=date(2024, 3, 31))
    is_late = world["incidents"]["category"] == "fraud"
    first = {**world, **{name: world[name][~is_late].reset_index(drop=True) for name in ("incidents", "placed")}}
    hand_out(tmp_path, first, release_of)
    reported = world["incidents"]["date_reported"].mask(is_late, pd.Timestamp("2024-07-20"))
    world["incidents"] = world["incidents"].assign(date_reported=reported)
    second = hand_out(tmp_path, {**world, "date_to": date(2024, 9, 30)}, release_of)
    cells = second.tables["cells"]
    assert list(zip(cells["window"], cells["cell_id"], strict=True)) == [
        ("2024Q1", cell_at(0, 0)),
        ("2024Q3", cell_at(1, 1)),
        (PERIOD, cell_at(0, 0)),
    ]
    third = hand_out(tmp_path, {**world, "date_to": date(2025, 3, 31)}, release_of)
    renewed = of_window(third, "cells", PERIOD)
    assert renewed["cell_id"].tolist() == [cell_at(0, 0), cell_at(1, 1)]
    pd.testing.assert_frame_equal(of_window(third, "cells", "2024Q3"), of_window(second, "cells", "2024Q3"))


# sealed reports leave no trace


@pytest.mark.parametrize("keep_sealed", ["none", "other days", "nine times"])
def test_sealed_reports_leave_the_ledger_as_it_is(small_world, cell_at, release_of, tmp_path, keep_sealed):
    counts = {
        ("theft", cell_at(0, 0), "2024Q1"): 6,
        ("theft", cell_at(1, 0), "2024Q2"): 4,
        ("domestic_violence", cell_at(1, 0), "2024Q1"): 7,
    }
    world = small_world(2, 2, counts)
    is_sealed = world["incidents"]["tier"] == "S"
    if keep_sealed == "none":
        other = {name: world[name][~is_sealed].reset_index(drop=True) for name in ("incidents", "placed")}
    elif keep_sealed == "other days":
        days = {
            name: world["incidents"][name].mask(is_sealed, pd.Timestamp("2024-06-02"))
            for name in ("date_start", "date_end", "date_reported")
        }
        other = {"incidents": world["incidents"].assign(**days)}
    else:
        again = [
            world[name][is_sealed].assign(incident_id="again " + world[name]["incident_id"]) for name in ("incidents", "placed")
        ]
        again[0] = again[0].assign(event_id=again[0]["incident_id"])
        other = {
            name: pd.concat([world[name], more], ignore_index=True)
            for name, more in zip(("incidents", "placed"), again, strict=True)
        }
    for name, changes in (("usual", {}), ("other", other)):
        for date_to in (date(2024, 3, 31), date(2024, 6, 30)):
            hand_out(tmp_path / name, {**world, **changes, "date_to": date_to}, release_of)
    usual, found = bytes_in(tmp_path / "usual"), bytes_in(tmp_path / "other")
    assert usual == found
    assert {LEDGER, COUNTED} < set(usual)
    assert len(usual[COUNTED].split()) == 10


# the ledger itself


@pytest.fixture
def one_out(small_world, cell_at, release_of, tmp_path):
    """A world, its release, and the folder of a ledger that holds it."""
    world = small_world(2, 2, {("theft", cell_at(0, 0), "2024Q1"): 6})
    return world, hand_out(tmp_path / "released", world, release_of), tmp_path / "released"


def test_an_empty_ledger_holds_nothing(tmp_path):
    ledger = read_ledger(tmp_path / "released")
    assert ledger.entries == ()
    assert ledger.published() == Published()
    with pytest.raises(ReleaseError, match=r"holds no release 'abc'. Released so far: none"):
        ledger.named("abc")


def test_what_was_entered_is_read_again(one_out):
    _, release, folder = one_out
    ledger = read_ledger(folder)
    assert ledger.entries == (entry_of(release),)
    assert ledger.named(release.digest).files == {"crime_map.community.html": "0" * 64}
    again = ledger.published().releases[0]
    assert (again.digest, again.facts) == (release.digest, release.facts)
    line = json.loads((folder / LEDGER).read_text(encoding="utf-8"))
    assert set(line) == {field.name for field in dataclasses.fields(Entry)}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"signed_off_by": SIGNED[:1]}, r"two people sign a release"),
        ({"signed_off_by": ("R. Norov", " r. NOROV ")}, r"two people sign a release"),
        ({"signed_off_by": ("R. Norov", " ")}, r"two people sign a release"),
        (
            {"withdraw_on": "2024-06-30", "released": "2024-06-30"},
            r"withdrawal \(2024-06-30\) does not come after .* \(2024-06-30\)",
        ),
        ({"withdraw_on": "2024-01-01"}, r"withdrawal \(2024-01-01\) does not come after"),
    ],
    ids=["one", "the same twice", "a blank", "the same day", "before"],
)
def test_an_entry_is_refused(small_world, release_of, tmp_path, changes, sentence):
    world = small_world(2, 2, {})
    with pytest.raises(ReleaseError, match=sentence):
        hand_out(tmp_path, world, release_of, **changes)
    assert bytes_in(tmp_path) == {}


def test_what_is_for_the_house_is_not_released_and_every_fault_is_named(small_world, release_of, tmp_path):
    release = release_of(small_world(2, 2, {}), "police")
    entry = entry_of(release, signed_off_by=(), withdraw_on="2020-01-01")
    with pytest.raises(ReleaseError) as caught:
        enter(read_ledger(tmp_path), entry, release, frozenset())
    for part in ("only what is for the community is released, not what is for police", "two people sign", "does not come after"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '"text"',
        '{"digest": "abc"}',
        '{"digest": "unknown", "withdrawn": "2025-01-01: why"}',
        '{"digest": "a", "other": 1}',
        "",
    ],
)
def test_a_broken_line_is_refused_by_its_number(one_out, line):
    _, _, folder = one_out
    with (folder / LEDGER).open("a", encoding="utf-8") as stream:
        stream.write(line + "\n")
    with pytest.raises(ReleaseError, match=r"ledger.jsonl, line 2, cannot be read.*Put the last sound copy"):
        read_ledger(folder)


def test_a_missing_table_is_not_passed_over(one_out):
    _, release, folder = one_out
    (folder / release.digest / "cells.parquet").unlink()
    with pytest.raises(ReleaseError, match=r"no whole release"):
        read_ledger(folder).published()


# withdrawing


def test_a_withdrawn_release_is_held_against_nothing(one_out, release_of, cell_at, reports_of):
    world, release, folder = one_out
    more = {**world, **reports_of({("theft", cell_at(0, 0), "2024Q1"): 11})}
    stands = release_of(more, published=read_ledger(folder).published())
    assert set(stands.tables["cells"]["band"]) == {"5-9"}
    withdraw(read_ledger(folder), release.digest, on=date(2024, 9, 1), why="  a street was named ")
    ledger = read_ledger(folder)
    assert ledger.named(release.digest).withdrawn == "2024-09-01: a street was named"
    assert dataclasses.replace(ledger.entries[0], withdrawn="") == entry_of(release)
    assert ledger.published().releases == ()
    assert ledger.published().quarters == frozenset()
    renewed = release_of(more, published=ledger.published())
    assert set(renewed.tables["cells"]["band"]) == {"10-19"}
    assert (folder / LEDGER).read_text(encoding="utf-8").count("\n") == 2


def test_a_withdrawal_says_which_and_why(one_out):
    _, release, folder = one_out
    ledger = read_ledger(folder)
    with pytest.raises(ReleaseError, match=rf"no release 'ffff'. Released so far: {release.digest}\."):
        withdraw(ledger, "ffff", on=date(2024, 9, 1), why="a mistake")
    for why in ("", "  "):
        with pytest.raises(ReleaseError, match=r"Say why the release is withdrawn"):
            withdraw(ledger, release.digest, on=date(2024, 9, 1), why=why)
    withdraw(ledger, release.digest, on=date(2024, 9, 1), why="a mistake")
    with pytest.raises(ReleaseError, match=r"was withdrawn already \(2024-09-01: a mistake\)"):
        withdraw(read_ledger(folder), release.digest, on=date(2024, 9, 2), why="again")


# against what is out


def test_other_thresholds_than_those_released_are_refused(one_out, release_of):
    world, _, folder = one_out
    published = read_ledger(folder).published()
    strict = {**world, "policy": Policy(minimum_residents=500)}
    with pytest.raises(ReleaseError, match=r"Keep the grid, the period and the thresholds as they were released"):
        closed(release_of(strict, published=published), published)
