"""Fenced blocks: which are steps, which are expected output, and what can be wrong with them."""

from __future__ import annotations

import dataclasses
import re
from typing import Literal

from markdown_it.token import Token

from promdrill.runbook.front import NAME
from promdrill.runbook.source import SourceText
from promdrill.runbook.step import Step

STEP = "sh"
EXPECTED = ("console", "text")
PROSE = ("yaml", "yml", "json", "toml", "ini", "promql", "diff", "md", "markdown")
"""Languages of blocks that are only read, even under the headings whose ``sh`` blocks are run."""

LONGEST_TIMEOUT_S = 86400

_LIKELY = {
    **dict.fromkeys(("", STEP, "bash", "shell", "zsh", "ksh", "dash", "shell-session", "sh-session"), "```sh"),
    **dict.fromkeys(("output", "out", "stdout", "log", "plain", "plaintext"), "```console"),
}
"""What to write instead of an unknown language; any other is probably something to read."""


@dataclasses.dataclass(frozen=True, slots=True)
class Fence:
    """A closed fenced block.

    Attributes:
        language: First word of its info string; empty if it has none.
        attributes: The other words of its info string.
        lines: What it holds.
        line: Line of the opening fence, counted from 1.
        column: Column of the opening fence.
        follows: Whether the block directly before it is a fence, with nothing to read between them.
    """

    language: str
    attributes: tuple[str, ...]
    lines: tuple[str, ...]
    line: int
    column: int
    follows: bool


def read_fence(source: SourceText, token: Token, *, follows: bool) -> Fence:
    """The fence of a Markdown token.

    Raises:
        UsageError: It is not closed, or another fence begins inside it.
    """
    first, end = token.map  # type: ignore[misc]  # every block has one
    line = first + 1
    column = source.lines[first].find(token.markup) + 1
    mark = re.escape(token.markup[0])
    closing = rf"[\s>]*{mark}{{{len(token.markup)},}}\s*"
    if end - first <= 1 or not re.fullmatch(closing, source.lines[end - 1]):
        raise source.wrong(line, column, "this fence is not closed", hint=f"end it with {token.markup}")
    lines = tuple(token.content.removesuffix("\n").split("\n")) if token.content else ()
    for number, text in enumerate(lines, line + 1):
        if re.match(rf" {{0,3}}{mark}{{{len(token.markup)},}}\S", text):
            hint = f"close the one in line {line} first"
            raise source.wrong(number, source.column(number), "a fence begins inside another one", hint=hint)
    language, *attributes = token.info.split() or [""]
    return Fence(language, tuple(attributes), lines, line, column, follows)


def check_indented(source: SourceText, token: Token) -> None:
    """Refuse a fence that is indented so far that Markdown takes it for text: its steps would not run.

    Raises:
        UsageError: The block holds such a fence.
    """
    first, end = token.map  # type: ignore[misc]  # every block has one
    for number in range(first + 1, end + 1):
        if source.lines[number - 1].lstrip().startswith(("```", "~~~")):
            rule = "a fence indented by four or more columns is plain text"
            raise source.wrong(number, source.column(number), rule, hint="indent it less")


def kind(source: SourceText, fence: Fence) -> Literal["step", "expected", "prose"]:
    """What a fence under Diagnosis, Mitigation or Verification is for.

    Raises:
        UsageError: Its language does not say whether to run it.
    """
    if fence.language == STEP:
        return "step"
    if fence.language in EXPECTED:
        return "expected"
    if fence.language in PROSE:
        return "prose"
    named = f"this fence has the unknown language {fence.language}" if fence.language else "this fence has no language"
    likely = _LIKELY.get(fence.language.lower(), "```yaml")
    hint = f"{likely}; sh is run; console and text are expected output; {', '.join(PROSE)} are only read"
    raise source.wrong(fence.line, fence.column, named, hint=hint)


def step(source: SourceText, fence: Fence, section: str, optional: set[str]) -> Step:
    """The step in a fence.

    Raises:
        UsageError: It has no command, or an attribute is wrong.
    """
    start = next((at for at, text in enumerate(fence.lines) if text.strip() and text.strip()[0] != "#"), None)
    if start is None:
        raise source.wrong(fence.line, fence.column, "this step has no command")
    name, timeout_s = _attributes(source, fence)
    line = fence.line + 1 + start
    text = source.lines[line - 1]
    return Step(
        section=section,
        line=line,
        column=max(0, text.find(fence.lines[start].strip())) + 1,
        command="\n".join(fence.lines[start:]).rstrip("\n"),
        optional=name in optional,
        name=name,
        timeout_s=timeout_s,
        fence_line=fence.line,
    )


def expecting(before: Step, fence: Fence) -> Step:
    """The step with its expected output."""
    return dataclasses.replace(before, expected=fence.lines, expected_line=fence.line + 1)


def _attributes(source: SourceText, fence: Fence) -> tuple[str, float | None]:
    found: dict[str, str] = {}
    for word in fence.attributes:
        key, _, value = word.partition("=")
        column = source.lines[fence.line - 1].find(word) + 1
        if key not in {"name", "timeout"} or key in found:
            rule = f"{key} appears twice" if key in found else f"a step has no attribute {word}"
            raise source.wrong(fence.line, column, rule, hint="```sh name=the-name timeout=300")
        if key == "name" and not NAME.fullmatch(value):
            raise source.wrong(fence.line, column, "a step's name must be lower case letters, digits and dashes")
        if key == "timeout" and not (re.fullmatch(r"[0-9]{1,5}", value) and 1 <= int(value) <= LONGEST_TIMEOUT_S):
            rule = f"timeout must be whole seconds, 1 to {LONGEST_TIMEOUT_S}"
            raise source.wrong(fence.line, column, rule, hint="timeout=300")
        found[key] = value
    return found.get("name", ""), float(found["timeout"]) if "timeout" in found else None
