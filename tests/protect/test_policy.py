"""Thresholds are raised freely, lowered to a floor by two signatures and a reason, and places never become more exact."""

import dataclasses

import pytest

from tensionmap.errors import ReleaseError
from tensionmap.protect.policy import FLOORS, GEOGRAPHIES, MOST_EXACT, SAFE, Policy
from tensionmap.tables import AUDIENCES, TIERS

SIGNED = {"signed_off_by": ("R. Norov, district police", "M. Selmari, women's committee"), "reason": "villages of 60 people"}


def faults(**settings):
    with pytest.raises(ReleaseError) as caught:
        Policy(**settings)
    return str(caught.value)


# refused


@pytest.mark.parametrize("name", SAFE)
@pytest.mark.parametrize("value", [5.5, "7", None, True])
def test_a_threshold_is_a_whole_number(name, value):
    assert f"{name} must be a whole number, not {value!r}" in faults(**{name: value})


@pytest.mark.parametrize("name", FLOORS)
@pytest.mark.parametrize("signed", [{}, SIGNED], ids=["unsigned", "signed"])
def test_nobody_may_go_below_the_floor(name, signed):
    low = {"minimum_count": 5, "minimum_residents": 50, **{name: FLOORS[name] - 1}}
    assert f"{name} is {FLOORS[name] - 1}, but at least {FLOORS[name]} are needed" in faults(**low, **signed)


@pytest.mark.parametrize(
    "signed",
    [
        {},
        {"reason": "small villages"},
        {"signed_off_by": ("R. Norov", "M. Selmari")},
        {"signed_off_by": ("R. Norov", "M. Selmari"), "reason": "  "},
        {"signed_off_by": ("R. Norov",), "reason": "small villages"},
        {"signed_off_by": ("R. Norov", " r. norov "), "reason": "small villages"},
        {"signed_off_by": ("R. Norov", "", "   "), "reason": "small villages"},
    ],
    ids=["nothing", "no name", "no reason", "blank reason", "one name", "one name twice", "blank names"],
)
@pytest.mark.parametrize("name", ["minimum_count_sensitive", "minimum_residents", "minimum_residents_sensitive"])
def test_a_threshold_is_not_lowered_without_two_signatures_and_a_reason(name, signed):
    message = faults(**{name: SAFE[name] - 1}, **signed)
    assert f"{name} is {SAFE[name] - 1}, below {SAFE[name]}" in message
    assert "signed_off_by = [" in message


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"minimum_count": 20}, "minimum_count"),
        ({"minimum_residents": 1200}, "minimum_residents"),
        ({"minimum_residents": 700, "minimum_residents_sensitive": 600, **SIGNED}, "minimum_residents"),
    ],
)
def test_sensitive_reports_are_not_guarded_less(settings, name):
    assert f"{name}_sensitive is below {name}: sensitive reports would be guarded less" in faults(**settings)


@pytest.mark.parametrize(
    ("audience", "tier", "wanted"),
    [
        (audience, tier, wanted)
        for audience in AUDIENCES
        for tier in TIERS
        for wanted in GEOGRAPHIES
        if GEOGRAPHIES.index(wanted) > GEOGRAPHIES.index(MOST_EXACT[audience][tier])
    ],
)
def test_a_place_is_never_more_exact_than_allowed(audience, tier, wanted):
    message = faults(geography={audience: {tier: wanted}}, **SIGNED)
    assert f"geography.{audience}.{tier} is {wanted!r}, but {MOST_EXACT[audience][tier]!r} is the most exact" in message


@pytest.mark.parametrize("geography", [{"press": {"B": "cell"}}, {"police": {"C": "cell"}}, {"police": {"B": "house"}}])
def test_an_unknown_word_of_geography_is_named_with_the_known_ones(geography):
    message = faults(geography=geography)
    assert "is not known. Known are: community, police, research; S, A, B; nowhere, study, cell, point" in message


def test_at_least_one_quarter_is_told():
    assert "most_quarters is below 1" in faults(most_quarters=0)
    assert "most_quarters must be a whole number, not 2.5" in faults(most_quarters=2.5)
    assert Policy(most_quarters=1).most_quarters == 1


def test_every_fault_is_named_at_once():
    message = faults(
        minimum_count=4,
        minimum_count_sensitive=9,
        minimum_residents=2000,
        minimum_residents_sensitive=499,
        most_quarters=0,
        geography={"community": {"A": "cell"}, "press": {"B": "cell"}},
    )
    for part in (
        "minimum_count is 4, but",
        "minimum_count_sensitive is 9, below",
        "minimum_residents_sensitive is 499, but",
        "minimum_residents_sensitive is below minimum_residents:",
        "most_quarters is below 1",
        "geography.community.A is 'cell'",
        "geography.press.B",
    ):
        assert part in message, part


# allowed


def test_defaults_are_safe_and_fixed():
    policy = Policy()
    assert {name: getattr(policy, name) for name in SAFE} == {
        "minimum_count": 5,
        "minimum_count_sensitive": 10,
        "minimum_residents": 100,
        "minimum_residents_sensitive": 1000,
    }
    assert (policy.most_quarters, policy.loosened) == (12, ())
    with pytest.raises(dataclasses.FrozenInstanceError):
        policy.minimum_count = 1


@pytest.mark.parametrize(("least", "advice"), [(6, 10), (9, 10), (11, 20), (19, 20)])
def test_a_minimum_inside_a_band_is_refused_with_the_next_that_is_safe(least, advice):
    message = faults(minimum_count=least, minimum_count_sensitive=25)
    assert f"minimum_count is {least}, inside a band" in message
    assert f"Take {advice}" in message


@pytest.mark.parametrize("least", [5, 10, 20, 21, 60])
def test_a_minimum_at_the_beginning_of_a_band_or_above_all_is_allowed(least):
    assert Policy(minimum_count=least, minimum_count_sensitive=60).minimum_count == least


def test_thresholds_are_raised_freely():
    policy = Policy(minimum_count=10, minimum_count_sensitive=20, minimum_residents=500, minimum_residents_sensitive=9000)
    assert (policy.minimum_count, policy.loosened) == (10, ())


def test_two_people_with_a_reason_lower_thresholds_to_the_floor_and_it_is_printed():
    policy = Policy(**FLOORS, **SIGNED)
    assert policy.loosened == tuple(
        f"{name} {FLOORS[name]} instead of {SAFE[name]}, signed off by R. Norov, district police and M. Selmari, women's "
        "committee: villages of 60 people"
        for name in ("minimum_count_sensitive", "minimum_residents", "minimum_residents_sensitive")
    )
    assert Policy(**SIGNED).loosened == ()


def test_tiers_by_audience_and_place():
    policy = Policy()
    assert policy.tiers("community", "cell") == ("B",)
    assert policy.tiers("community", "study") == ("A", "B")
    assert policy.tiers("research", "cell") == policy.tiers("police", "point") == ("A", "B")
    assert policy.tiers("research", "point") == ()
    assert "S" not in {tier for who in AUDIENCES for where in ("study", "cell", "point") for tier in policy.tiers(who, where)}


def test_tiers_placed_less_exactly():
    policy = Policy(geography={"community": {"A": "nowhere", "B": "study"}, "police": {"A": "cell"}})
    assert policy.tiers("community", "cell") == ()
    assert policy.tiers("community", "study") == ("B",)
    assert (policy.tiers("police", "point"), policy.tiers("police", "cell")) == (("B",), ("A", "B"))
    assert policy.tiers("research", "cell") == ("A", "B")
