import dataclasses

import pytest

from tensionmap.errors import ReleaseError
from tensionmap.protect.policy import Policy


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"minimum_count": 4}, r"minimum_count is 4, but at least 5"),
        ({"minimum_count_sensitive": 9}, r"minimum_count_sensitive is 9, but at least 10"),
        ({"minimum_residents": 99}, r"minimum_residents is 99, but at least 100"),
        ({"minimum_count": 12}, r"minimum_count_sensitive \(10\) is below minimum_count \(12\)"),
        ({"minimum_count": 5.5}, r"minimum_count must be a whole number"),
        ({"minimum_count": True}, r"minimum_count must be a whole number"),
    ],
)
def test_loosening_is_refused(settings, message):
    with pytest.raises(ReleaseError, match=message):
        Policy(**settings)


def test_defaults_are_safe_and_fixed():
    policy = Policy()
    assert (policy.minimum_count, policy.minimum_count_sensitive, policy.minimum_residents) == (5, 10, 100)
    with pytest.raises(dataclasses.FrozenInstanceError):
        policy.minimum_count = 1


def test_tightening_is_allowed():
    assert Policy(minimum_count=8, minimum_count_sensitive=20, minimum_residents=500).minimum_count == 8
