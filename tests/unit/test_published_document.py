"""A published runbook as Markdown: title, headings, code with its lines, and what is said after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from promdrill.runbook.published.document import Code, Document, Quoted, front_length, read
from promdrill.runbook.published.roles import Headed
from promdrill.runbook.source import SourceText


def source(text: str) -> SourceText:
    return SourceText(Path("any.md"), tuple(text.split("\n")))


def document(text: str) -> Document:
    return read(source(text))


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("---\na: b\n---\n# T", 3),
        ("---\na: b\n...\n# T", 3),
        ("+++\na = 1\n+++\n# T", 3),
        ("+++\na = 1\n---\n# T", 0),
        ("---\na: b\n# T", 0),
        ("# T\n---", 0),
    ],
)
def test_front_matter_of_any_site(text: str, length: int) -> None:
    assert front_length(source(text)) == length


def test_the_title_is_the_first_heading_that_says_something() -> None:
    assert document("```sh\na\n```\n\n#\n\n## **Disk** is `full` ##\n\n# Other").title == "Disk** is `full"
    assert document("Words.").title == ""


def test_headings_know_their_level_and_line() -> None:
    found = document("---\na: b\n---\n# One\n\n### Two\n\n> ## Three\n")
    assert found.headings == (Headed("One", 1, 4), Headed("Two", 3, 6), Headed("Three", 0, 8))


def test_code_knows_its_language_and_its_first_line() -> None:
    text = "```{.Bash .x}\na\n\nb\n```\n\n    c\n    d\n\n~~~\ne\n~~~\n"
    assert document(text).blocks == (Code("bash", ("a", "", "b"), 2), Code("", ("c", "d"), 7), Code("", ("e",), 11))


def test_the_paragraph_after_code_is_kept_and_nothing_else() -> None:
    after = "```sh\na\n```\n\nSet it.\n\n    b\n\nAnd that.\n"
    assert [each.prose for each in document(after).blocks if isinstance(each, Code)] == ["Set it.", "And that."]
    for between in ("```yaml\nx: y\n```", "## Then", "---"):
        assert document(f"```sh\na\n```\n\n{between}\n\nSet it.\n").blocks[0] == Code("sh", ("a",), 2)


def test_code_in_prose_knows_its_line_and_whether_it_stands_alone() -> None:
    text = "## Run `no`\n\nType `a b`\nand then `c\nd` now.\n\n- Run: `e f`.\n- ``g h``\n"
    assert [each for each in document(text).blocks if isinstance(each, Quoted)] == [
        Quoted("a b", 3, alone=False),
        Quoted("c d", 4, alone=False),
        Quoted("e f", 7, alone=True),
        Quoted("g h", 8, alone=True),
    ]
