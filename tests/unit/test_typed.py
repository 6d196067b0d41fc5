"""Dataclasses through JSON: the same comes back, and what is of another type is refused with its place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from promdrill.core import typed


class Colour(StrEnum):
    """One."""

    RED = "red"


@dataclass(frozen=True)
class Inner:
    """What lies in another."""

    number: int
    share: float = 0.5


@dataclass(frozen=True)
class Outer:
    """All that can be read."""

    inner: Inner
    many: tuple[Inner, ...] = ()
    path: Path | None = None
    colour: Colour | None = None
    steps: frozenset[int] = frozenset()
    free: Mapping[str, Any] = field(default_factory=dict)
    named: Mapping[str, Inner] = field(default_factory=dict)
    on: bool = False


FULL = Outer(
    Inner(1, 2.0),
    (Inner(2), Inner(3)),
    Path("/a b"),
    Colour.RED,
    frozenset({3, 1}),
    {"a": [1, {"b": None}]},
    {"x": Inner(4)},
    on=True,
)


@pytest.mark.parametrize("value", [Outer(Inner(0)), FULL])
def test_what_was_written_comes_back(value: Outer) -> None:
    assert typed.loads(Outer, typed.dumps(value)) == value
    assert typed.loads(Outer, typed.line(value)) == value
    assert typed.line(value).count("\n") == 1


def test_what_has_a_default_may_be_missing_and_a_whole_number_is_a_number() -> None:
    assert typed.loads(Outer, '{"inner": {"number": 1, "share": 2}}') == Outer(Inner(1, 2.0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inner": None}, "Outer.inner: not a Inner: null"),
        ({"inner": {}}, "Outer.inner.number: missing"),
        ({"inner": {"number": "1"}}, 'Outer.inner.number: not a int: "1"'),
        ({"inner": {"number": True}}, "Outer.inner.number: not a int: true"),
        ({"inner": {"number": 1, "colour": 2}}, "Outer.inner: has no colour"),
        ({"many": [{"number": 1}, 2]}, r"Outer.many\[1\]: not a Inner: 2"),
        ({"many": {}}, "Outer.many: not a tuple"),
        ({"path": 1}, "Outer.path: not a Path"),
        ({"colour": "blue"}, "'blue' is not a valid Colour"),
        ({"named": []}, "Outer.named: not a Mapping"),
        ({"on": 1}, "Outer.on: not a bool"),
    ],
)
def test_what_is_of_another_type_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        typed.loads(Outer, json.dumps({"inner": {"number": 1}} | change))


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(ValueError, match="Expecting"):
        typed.loads(Outer, "{")
    with pytest.raises(ValueError, match="Outer: not a Outer"):
        typed.loads(Outer, "[]")
