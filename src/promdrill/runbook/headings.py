"""The five headings of a runbook."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from promdrill.core.errors import UsageError
from promdrill.runbook.source import SourceText
from promdrill.runbook.step import SECTIONS

_LEVEL = 2
_ALIKE = 0.7  # difflib's ratio: "Mitgation" has 0.95 with Mitigation, "Resolution" 0.5


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; `level` is 0 inside a list or quotation, where it does not begin a section."""

    text: str
    level: int
    line: int


def check_headings(source: SourceText, headings: Sequence[Heading]) -> dict[str, int]:
    """The line of each of the five headings.

    Raises:
        UsageError: One is missing, misspelt, repeated or out of order.
    """
    found: dict[str, int] = {}
    for heading in headings:
        if heading.level != _LEVEL or heading.text not in SECTIONS:
            continue
        if heading.text in found:
            raise source.wrong(heading.line, source.column(heading.line), f"heading {heading.text} appears twice")
        found[heading.text] = heading.line
    for name in SECTIONS:
        if name not in found:
            raise _missing(source, name, headings, found)
    for name, expected in zip(sorted(SECTIONS, key=found.__getitem__), SECTIONS, strict=True):
        if name != expected:
            line, before = found[name], SECTIONS[SECTIONS.index(name) - 1]
            raise source.wrong(line, source.column(line), f"{name} must come after {before}", hint=_order())
    return found


def _missing(source: SourceText, name: str, headings: Sequence[Heading], found: dict[str, int]) -> UsageError:
    others = [heading for heading in headings if not (heading.level == _LEVEL and heading.text in found)]
    for heading in others:
        if difflib.SequenceMatcher(None, heading.text.casefold().strip("*_`:. "), name.casefold()).ratio() >= _ALIKE:
            rule = f"heading {heading.text} must be ## {name}"
            return source.wrong(heading.line, source.column(heading.line), rule, hint=f"## {name}")
    later = [found[other] for other in SECTIONS[SECTIONS.index(name) :] if other in found]
    line = min(later, default=len(source.lines))
    return source.wrong(line, source.column(line), f"no heading ## {name} before this line", hint=_order())


def _order() -> str:
    return ", ".join(f"## {name}" for name in SECTIONS)
