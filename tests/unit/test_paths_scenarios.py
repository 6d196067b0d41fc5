"""Scenarios of a user's own beside those that are shipped: named, found, told apart, and refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from promdrill.core.errors import UsageError
from promdrill.request import scenarios


def scenario(base: Path, name: str, test: str | None = None) -> Path:
    """A scenario's folder with its test, which may have another name than it must."""
    folder = base / name
    folder.mkdir(parents=True)
    (folder / (test or f"test_{name.replace('-', '_')}.py")).touch()
    return folder


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    for name in ("disk-full", "oom"):
        scenario(tmp_path / "shipped", name)
    return tmp_path / "shipped"


@pytest.fixture
def drills(tmp_path: Path) -> Path:
    scenario(tmp_path / "drills", "mine")
    (tmp_path / "drills" / "notes").mkdir()
    return tmp_path / "drills"


def ids(shipped: Path, *further: Path) -> list[str]:
    return [each.id for each in scenarios.find_all(shipped, further)]


def test_they_stand_in_one_alphabet(shipped: Path, drills: Path, tmp_path: Path) -> None:
    scenario(tmp_path / "more", "a-first")
    assert ids(shipped) == ["disk-full", "oom"]
    assert ids(shipped, drills, tmp_path / "more") == ["a-first", "disk-full", "mine", "oom"]
    (found,) = scenarios.select(["mine"], shipped, [drills])
    assert found.test == drills / "mine" / "test_mine.py"
    assert len(scenarios.select([], shipped, [drills])) == 3


def test_a_folder_that_is_named_twice_counts_once(shipped: Path, drills: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(drills)
    assert ids(shipped, shipped, drills, link, drills / ".." / "drills") == ["disk-full", "mine", "oom"]


def test_two_of_one_id_are_both_named(shipped: Path, drills: Path, tmp_path: Path) -> None:
    scenario(drills, "oom")
    with pytest.raises(UsageError, match="two scenarios have the id oom: ") as caught:
        scenarios.find_all(shipped, [drills])
    assert f"{shipped / 'oom'} and {drills / 'oom'}" in caught.value.message
    scenario(tmp_path / "more", "mine")
    (drills / "oom" / "test_oom.py").unlink()
    with pytest.raises(UsageError, match="two scenarios have the id mine: "):
        scenarios.select(["disk-full"], shipped, [drills, tmp_path / "more"])


@pytest.mark.parametrize("name", ["My-Own", "my_own", "2nd", "own-", "a b"])
def test_an_id_becomes_a_part_of_names(shipped: Path, drills: Path, name: str) -> None:
    scenario(drills, name)
    with pytest.raises(
        UsageError, match="is not an id: lower case letters and digits, words joined by dashes"
    ) as caught:
        scenarios.find_all(shipped, [drills])
    assert str(drills / name) in caught.value.message


def test_a_folder_without_scenarios_says_what_one_is(shipped: Path, drills: Path) -> None:
    with pytest.raises(UsageError, match=r"no scenarios; each is a folder <id> with a test_<id>\.py") as caught:
        scenarios.find_all(shipped, [drills / "notes"])
    assert caught.value.hint.endswith(f"promdrill new my-incident --scenarios {drills / 'notes'}")
    with pytest.raises(UsageError, match="mine: this is a scenario") as caught:
        scenarios.find_all(shipped, [drills / "mine"])
    assert caught.value.hint.endswith(str(drills))


def test_a_test_of_another_name_is_pointed_out(shipped: Path, drills: Path) -> None:
    scenario(drills, "my-own", test="test_my-own.py")
    assert "my-own" not in ids(shipped, drills)
    with pytest.raises(UsageError, match=r"SCENARIO=my-own: .*/my-own has no test_my_own\.py"):
        scenarios.select(["my-own"], shipped, [drills])
    with pytest.raises(UsageError, match="the scenarios are disk-full, mine, oom") as caught:
        scenarios.select(["mime"], shipped, [drills])
    assert caught.value.hint == "SCENARIO=mine"


def test_folders_are_named_with_commas(drills: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert scenarios.folders(None) == scenarios.folders("") == scenarios.folders(" , ") == ()
    assert scenarios.folders("drills, ~/drills/mine,") == (drills, drills / "mine")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("nowhere", "SCENARIOS=nowhere: no such folder"),
        ("drills,drills/mine/test_mine.py", "test_mine.py: a file, not a folder"),
    ],
)
@pytest.mark.usefixtures("drills")
def test_what_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, complaint: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=complaint) as caught:
        scenarios.folders(text)
    assert caught.value.hint.startswith("ls ")
