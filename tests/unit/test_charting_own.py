"""The user's own values: several files, `--set`, and where each value is set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from promdrill.core.errors import UsageError
from promdrill.helm.values import assignments
from promdrill.helm.values.user import Own
from promdrill.request.request import make


def files(folder: Path, *texts: str) -> list[Path]:
    found = [folder / f"{number}.yaml" for number in range(1, len(texts) + 1)]
    for file, text in zip(found, texts, strict=True):
        file.write_text(text, encoding="utf-8")
    return found


# As `helm template --set` renders them, seen with Helm 4.
TAKEN: dict[str, Any] = {
    "a=1": {"a": 1},
    "a.b=x,a.c=y": {"a": {"b": "x", "c": "y"}},
    r"server.extraArgs.web\.page-title=Our\, own": {"server": {"extraArgs": {"web.page-title": "Our, own"}}},
    "a={x,2,true}": {"a": ["x", 2, True]},
    "a={}": {"a": [""]},
    "a=": {"a": ""},
    "a=null": {"a": None},
    "a=true,b=false": {"a": True, "b": False},
    "a=007": {"a": "007"},
    "a=1.5": {"a": "1.5"},
    "a=x=y": {"a": "x=y"},
    "a=x{y}z": {"a": "x{y}z"},
    "a=1,a=2": {"a": 2},
}


@pytest.mark.parametrize("text", TAKEN)
def test_what_set_takes(text: str) -> None:
    assert Own.read(assigned=text).values == TAKEN[text]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("server.retention", r"SET=server.retention: not key=value"),
        ("a..b=1", r"SET=a\.\.b=1: a key without a name"),
        ("=1", "SET==1: a key without a name"),
        ("a[0]=1", r"SET=a\[0\]=1: items of a list cannot be set"),
        ("a={x", r"SET=a={x: the list is not closed"),
        (f"a={1 << 60}", "a number that loses digits"),
    ],
)
def test_what_set_does_not_take(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        assignments.read(text)
    assert caught.value.hint
    with pytest.raises(UsageError, match=message):
        make({"SET": text})


def test_a_later_file_counts_as_in_helm(tmp_path: Path) -> None:
    first, second = files(tmp_path, "a: {b: 1, c: [1, 2]}\nd: 1\n", "a:\n  c: [3]\nd: null\n")
    assert Own.read(first, second).values == {"a": {"b": 1, "c": [3]}, "d": None}
    assert Own.read(second, first).values == {"a": {"b": 1, "c": [1, 2]}, "d": 1}
    assert Own.read(first, second, assigned="a.b=4").values["a"] == {"b": 4, "c": [3]}


def test_each_value_has_the_place_that_counts(tmp_path: Path) -> None:
    first, second = files(tmp_path, "a:\n  b: 1\n  c: 2\n", "x: 1\na:\n  c: 3\n")
    own = Own.read(first, second, assigned="a.d=4")
    assert own.place(("a", "b")) == f"VALUES={first}:2"
    assert own.place(("a", "c")) == f"VALUES={second}:3"
    assert own.place(("a", "d")) == "SET=a.d"
    assert own.place(("a", "e")) == f"VALUES={second}:2", "the nearest key above it"
    assert own.place(("q",)) == f"VALUES={second}"


def test_a_merge_key_has_a_place(tmp_path: Path) -> None:
    (file,) = files(tmp_path, "base: &base\n  size: 50G\nserver:\n  <<: *base\n  retention: 3d\n")
    own = Own.read(file)
    assert own.values["server"] == {"size": "50G", "retention": "3d"}
    assert own.place(("server", "size")) == f"VALUES={file}:2"


def test_a_run_takes_several_files_in_order(tmp_path: Path) -> None:
    first, second = files(tmp_path, "a: 1\n", "a: 2\nb: 3\n")
    found = make({"VALUES": f"{first}, {second}", "SET": "b=4"})
    assert found.settings.values == (first, second)
    assert found.values is not None
    assert found.values.values == {"a": 2, "b": 4}
    assert found.changed() == {"VALUES": f"{first},{second}", "SET": "b=4"}
    with pytest.raises(UsageError, match=r"VALUES=.*/3\.yaml: no such file"):
        make({"VALUES": f"{first},{tmp_path / '3.yaml'}"})


def test_credentials_of_set_are_not_recorded() -> None:
    assert "hunter2" not in make({"SET": "grafana.adminPassword=hunter2"}).changed()["SET"]
