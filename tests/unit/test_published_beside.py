"""The small file beside a published runbook: what it may say, and each mistake with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from promdrill.core.errors import UsageError
from promdrill.runbook.published import beside
from promdrill.runbook.published.beside import Beside
from promdrill.runbook.published.roles import Role


def read(folder: Path, text: str) -> Beside:
    (folder / "any.drill.toml").write_text(text, encoding="utf-8")
    return beside.read(folder / "any.md")


def test_where_it_lies() -> None:
    assert beside.of(Path("a/any.md")) == Path("a/any.drill.toml")
    assert beside.of(Path("a/any")) == Path("a/any.drill.toml")


def test_what_it_may_say(tmp_path: Path) -> None:
    text = (
        'skip = [4, "6-7", "9-9"]\ntools = ["amtool"]\n[sections]\n"1. Fix it" = "remedy"\n"9-11" = "not run"\n'
        '[values]\nsize = 3\n[words]\ninfra = "{namespace}"\n[answers]\n31 = "date"\n'
    )
    found = read(tmp_path, text)
    assert found == Beside(
        path=tmp_path / "any.drill.toml",
        headings={"fix it": Role.REMEDY},
        ranges=((9, 11, Role.NOT_RUN),),
        skipped=((4, 4), (6, 7), (9, 9)),
        tools=frozenset({"amtool"}),
        values={"size": "3"},
        words={"infra": "{namespace}"},
        answers={31: "date"},
    )


def test_there_need_be_none(tmp_path: Path) -> None:
    assert beside.read(tmp_path / "any.md") == Beside()


def test_which_lines_a_range_holds() -> None:
    found = Beside(ranges=((9, 11, Role.PROOF), (11, 12, Role.REMEDY)), skipped=((3, 4), (6, 6)))
    assert [found.role(line) for line in (8, 9, 11, 12, 13)] == [None, Role.PROOF, Role.PROOF, Role.REMEDY, None]
    assert [line for line in range(2, 8) if found.skips(line)] == [3, 4, 6]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('\n"sk\\u0069ps" = [1]', "1: unknown key skips"),
        ("# values\nvalues = 1", "2: values must be a table"),
        ("\n[values]\ncolour = true", "3: values: the value of colour must be a text"),
        ("[values]\ncolour = [1]", "2: values: the value of colour must be a text"),
        ("[values]\ncolour = ' '", "2: values: the value of colour must be a text"),
        ("skip = [1, true]", "1: skip must be a list"),
        ("skip = [[1]]", "1: skip must be a list"),
        ("skip = ['x']", "1: skip: 'x' is neither a line nor a range of lines"),
    ],
)
def test_a_mistake_is_one_error_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    assert caught.value.message.startswith(f"{tmp_path / 'any.drill.toml'}:{message}")


def test_values_as_typed() -> None:
    assert beside.bindings(["pvc=a, size = 2Gi,", "x=y=z"], said="BIND") == {"pvc": "a", "size": " 2Gi", "x": "y=z"}


@pytest.mark.parametrize("typed", ["a", "=a", " =a", "a="])
def test_what_is_no_value(typed: str) -> None:
    with pytest.raises(UsageError, match=f"BIND {typed}: not name=value"):
        beside.bindings([typed], said="BIND")
