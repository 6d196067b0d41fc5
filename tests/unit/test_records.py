"""Records as JSON: written and read by their types, and refused with their place where they do not fit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from promdrill.core import records
from promdrill.core.errors import UsageError
from promdrill.core.records import Misfit, Moment


class Colour(StrEnum):
    """One."""

    RED = "red"


@dataclass(frozen=True, slots=True)
class Inner:
    """Inside of another."""

    at: Moment
    colour: Colour = Colour.RED


@dataclass(frozen=True, slots=True)
class Outer:
    """One of everything."""

    name: str
    path: Path
    took_s: float | None
    inner: tuple[Inner, ...] = ()
    pairs: tuple[tuple[str, float], ...] = ()
    marks: frozenset[int] = frozenset()
    options: Mapping[str, str] = field(default_factory=dict)


WHOLE = Outer(
    name="x",
    path=Path("/a/b"),
    took_s=1.5,
    inner=(Inner(datetime(2026, 1, 2, microsecond=3, tzinfo=UTC)),),
    pairs=(("a", 2.0),),
    marks=frozenset({1}),
    options={"a": "b"},
)


def test_a_record_comes_back_as_it_was() -> None:
    data = records.dump(WHOLE)
    assert data["path"] == "/a/b"
    assert list(data["inner"]) == [{"at": "2026-01-02T00:00:00.000003Z", "colour": "red"}]
    assert records.load(Outer, data) == WHOLE


def test_what_has_a_default_may_be_missing_and_what_is_unknown_is_ignored() -> None:
    assert records.load(Outer, {"name": "x", "path": "p", "took_s": 3, "new": 1}) == Outer("x", Path("p"), 3.0)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"name": None}, "name: expected str, got null"),
        ({"took_s": True}, "took_s: expected float | null, got bool"),
        ({"path": 3}, "path: expected Path, got 3"),
        ({"inner": [{"at": "2026-01-02"}]}, "inner[0].at: invalid RFC3339 encoded datetime"),
        ({"inner": [{"at": "2026-01-02T00:00:00"}]}, "inner[0].at: expected datetime with a timezone component"),
        ({"inner": [{"at": "2026-01-02T00:00:00Z", "colour": "blue"}]}, "inner[0].colour: invalid enum value 'blue'"),
        ({"inner": [{}]}, "inner[0].at is missing"),
        ({"pairs": [["a"]]}, "pairs[0]: expected array of length 2, got 1"),
        ({"options": {"a": 1}}, "options[...]: expected str, got int"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(change: dict[str, object], why: str) -> None:
    with pytest.raises(Misfit) as refused:
        records.load(Outer, {**records.dump(WHOLE), **change})
    assert str(refused.value) == why


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "is not JSON: "),
        ("NaN", "has NaN instead"),
        ("[1e999]", "has 1e999 instead"),
        ("[" * 99_999, "is nested"),
    ],
)
def test_what_is_no_json_is_refused(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(Misfit, match=why):
        records.parse(text)
    file = tmp_path / "a.json"
    file.write_text(text)
    with pytest.raises(UsageError) as refused:
        records.read_file(file, hint="make clean")
    assert refused.value.message.startswith(f"{file} {why}")
    assert refused.value.hint == "make clean"


def parsed(text: str) -> str:
    """What a text is read as, or why it is refused."""
    try:
        return repr(records.parse(text))
    except Misfit as refused:
        return str(refused)


@pytest.mark.parametrize(
    "text",
    [
        *("1", "-0", "-0.0", "1.50", "1e5", "1E+05", "1e-7", "0.12345678901234567890", "01", "1.", "+1"),
        *("9007199254740992", "-9007199254740993", "1e16", "-1E+16", "1e999", "1" * 99, "NaN", "-Infinity"),
        *('"1e+00"', '"97ba0ae4-1e45-42d6"', '"\\ud83d\\ude00"', '"\\ud800"', '"\\q"', '"\t"', '"\x7f"', '"', ""),
        *(
            '{"a": 1, "b": 2, "a": 3}',
            '{"a": {}, "b": [[], null, true]}',
            "[1,]",
            "{1: 2}",
            "truex",
            "1 2",
            "\r[\n1\t]",
        ),
        *("[" * depth + "]" * depth for depth in (1, 98, 99, 100, 101, 999, 99_999)),
        *(", ".join(["[[]]"] * 60), ", ".join(['{"a": [1e2]}'] * 60)),
    ],
)
def test_json_is_read_alike_whether_it_is_ascii_or_not(text: str) -> None:
    assert parsed(f'[[{text}], "e"]') == parsed(f'[[{text}], "\xe9"]').replace("\xe9", "e")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*/none: No such file"):
        records.read_file(tmp_path / "none")


def test_a_record_may_be_a_text_of_one_line() -> None:
    assert records.loads(Outer, records.dumps(WHOLE)) == WHOLE
    assert records.dumps(WHOLE, indent=None).count("\n") == 1
    assert records.loads(Outer, records.dumps(WHOLE, indent=None)) == WHOLE


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"colour": 1}, "colour: there is no such field"),
        ({"inner": [{"at": "2026-01-02T00:00:00Z", "x": 1}]}, r"inner\[0\].x: "),
    ],
)
def test_a_field_too_many_is_refused_where_nothing_but_the_record_is_expected(change: dict[str, Any], why: str) -> None:
    text = json.dumps(records.dump(WHOLE) | change, default=str)
    assert records.loads(Outer, text)
    with pytest.raises(records.Misfit, match=f"^{why}"):
        records.loads(Outer, text, exact=True)
    assert records.loads(Outer, records.dumps(WHOLE), exact=True) == WHOLE


def test_a_record_in_a_file_is_read_or_refused_in_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    with pytest.raises(UsageError, match=r"^not an x: No such file or directory\nHint: write one$"):
        records.read(Outer, file, wrong="not an x", hint="write one")
    file.write_text(records.dumps(WHOLE))
    assert records.read(Outer, file, wrong="not an x") == WHOLE
    for text in ("{", "{}", records.dumps({**records.dump(WHOLE), "spare": 1})):
        file.write_text(text)
        with pytest.raises(UsageError, match=r"^not an x: "):
            records.read(Outer, file, wrong="not an x")
