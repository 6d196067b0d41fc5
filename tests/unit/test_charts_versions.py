"""The order of versions, the newest of them, and those near to one that is not there."""

import pytest

from promdrill.helm.source import versions


def test_versions_are_ordered_as_numbers_and_pre_releases_come_before_their_release() -> None:
    ordered = ["none", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-rc.2", "1.0.0-rc.10", "1.0.0", "1.9.0", "1.10.0", "v2.0"]
    assert sorted([*ordered[5:], *ordered[:5]], key=versions.order) == ordered


def test_a_pre_release_is_the_newest_only_where_there_is_nothing_else() -> None:
    assert versions.newest(["25.8.0", "25.10.0", "26.0.0-rc.1"]) == "25.10.0"
    assert versions.newest(["26.0.0-rc.1", "26.0.0-rc.2"]) == "26.0.0-rc.2"
    with pytest.raises(ValueError, match="empty"):
        versions.newest([])


@pytest.mark.parametrize(
    ("wanted", "near"),
    [
        ("5.5.0", ["8", "7", "6", "5", "4", "3"]),
        ("0.1.0", ["6", "5", "4", "3", "2", "1"]),
        ("99.0.0", ["10", "9", "8", "7", "6", "5"]),
        (">=5.5,<6", ["8", "7", "6", "5", "4", "3"]),
        ("newest", ["10", "9", "8", "7", "6", "5"]),
    ],
)
def test_at_most_six_around_the_wanted_one_are_near(wanted: str, near: list[str]) -> None:
    there = [f"{major}.0.0" for major in range(1, 11)]
    assert versions.near(wanted, there) == [f"{major}.0.0" for major in near]


def test_few_versions_are_all_near() -> None:
    assert versions.near("1.0.0", ["2.0.0", "3.0.0", "2.0.0"]) == ["3.0.0", "2.0.0"]
