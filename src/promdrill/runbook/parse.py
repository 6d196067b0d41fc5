"""A runbook, from Markdown to steps.

Level-2 headings Meaning, Impact, Diagnosis, Mitigation and Verification, in this order; fenced ``sh`` blocks under
the last three are the steps, a ``console`` or ``text`` block directly after a step is its expected output
(`promdrill.runbook.expect`). Words after ``sh`` are the step's attributes: ``name=wal-compression`` so that front
matter can list it under ``optional``, ``timeout=300`` for its own deadline in seconds. Fences with other languages
(`PROSE`) and everything else are free prose.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from promdrill.runbook import fences
from promdrill.runbook.fences import Fence
from promdrill.runbook.front import Mark, RunbookAlert, read_front
from promdrill.runbook.headings import Heading, check_headings
from promdrill.runbook.source import SourceText, read
from promdrill.runbook.step import STEP_SECTIONS, Step

__all__ = ["Runbook", "Step", "parse"]

_PARSER = MarkdownIt("commonmark").disable("inline")
"""Finds headings and fences. What is bold or a link in the prose between them does not matter, and takes most time."""

_SOLID = frozenset({"inline", "code_block", "html_block", "hr", "fence"})
"""Tokens that are something to read, unlike those that open and close a list."""


@dataclass(frozen=True, slots=True)
class Runbook:
    """A valid runbook.

    Attributes:
        path: The file's path, as given.
        id: Its name.
        title: One line.
        variables: Name and default of each variable that its steps use.
        data_loss: Whether the remedy loses data by design.
        data_loss_reason: What is lost and why; empty if nothing is.
        optional: Names of the steps that may be left out.
        steps: In the order in which they run.
        fails_because: Why the remedy as written does not work; empty for a runbook that is meant to be followed.
        fails_with: How that shows: a regular expression that matches the output of the failing step, or what was last
            seen of the missing condition; likewise empty.
        alerts: The alerts that lead a person to it.
        repairs: The file that its Mitigation is from, if it is another repair than the runbook's; see
            `promdrill.runbook.repairs`.
    """

    path: Path
    id: str
    title: str
    variables: Mapping[str, str]
    data_loss: bool
    data_loss_reason: str
    optional: tuple[str, ...]
    steps: tuple[Step, ...]
    fails_because: str = ""
    fails_with: str = ""
    alerts: tuple[RunbookAlert, ...] = ()
    repairs: Path | None = None

    def file_of(self, step: Step) -> Path:
        """The file that has one of its steps."""
        return self.repairs if self.repairs is not None and step.section == "Mitigation" else self.path


def parse(path: Path) -> Runbook:
    """Read a runbook and check its form; `promdrill.runbook.lint` checks its steps. No process is started.

    Raises:
        UsageError: ``file:line:column: rule`` for the first rule that it breaks.
    """
    source = read(path)
    front = read_front(source)
    body = [""] * front.length + list(source.lines[front.length :])  # blank lines keep the parser's line numbers true
    blocks = list(_blocks(source, _PARSER.parse("\n".join(body))))
    sections = check_headings(source, [block for block in blocks if isinstance(block, Heading)])
    steps = _steps(source, blocks, sections, {mark.name for mark in front.optional})
    _check_names(source, steps, front.optional)
    if not any(step.section == "Mitigation" for step in steps):
        line = sections["Mitigation"]
        raise source.wrong(line, source.column(line), "no step under Mitigation", hint="a fenced block, ```sh")
    return Runbook(
        path=path,
        id=front.id,
        title=front.title,
        variables=front.variables,
        data_loss=bool(front.data_loss),
        data_loss_reason=front.data_loss,
        optional=tuple(mark.name for mark in front.optional),
        fails_because=front.fails_because,
        fails_with=front.fails_with,
        alerts=front.alerts,
        steps=steps,
    )


def _blocks(source: SourceText, tokens: list[Token]) -> Iterator[Heading | Fence]:
    """Headings and fences in order; a fence knows whether it comes directly after another one."""
    before: Token | None = None
    for token, following in zip_longest(tokens, tokens[1:]):
        if token.map is None:
            continue
        if token.type == "heading_open" and following is not None:
            nested = token.level > 0
            yield Heading(following.content.strip(), 0 if nested else int(token.tag[1:]), token.map[0] + 1)
        elif token.type == "fence":
            yield fences.read_fence(source, token, follows=before is not None and before.type == "fence")
        elif token.type == "code_block":
            fences.check_indented(source, token)
        if token.type in _SOLID:
            before = token


def _steps(
    source: SourceText, blocks: list[Heading | Fence], sections: Mapping[str, int], optional: set[str]
) -> tuple[Step, ...]:
    starts = {line: name for name, line in sections.items()}
    steps: list[Step] = []
    section = ""
    previous: Fence | None = None
    for block in blocks:
        if isinstance(block, Heading):
            if block.level and block.level <= 2:  # noqa: PLR2004  a level-2 heading ends the section before it
                section = starts.get(block.line, "")
            continue
        if section in STEP_SECTIONS:
            kind = fences.kind(source, block)
            if kind == "step":
                steps.append(fences.step(source, block, section, optional))
            elif kind == "expected":
                if not (block.follows and previous is not None and previous.language == "sh" and steps):
                    raise source.wrong(
                        block.line,
                        block.column,
                        f"expected output ({block.language}) without a step directly before it",
                        hint="put it directly under its ```sh block, or give it another language, such as yaml",
                    )
                steps[-1] = fences.expecting(steps[-1], block)
        previous = block
    return tuple(steps)


def _check_names(source: SourceText, steps: tuple[Step, ...], optional: tuple[Mark, ...]) -> None:
    names: set[str] = set()
    for step in steps:
        if step.name and step.name in names:
            raise source.wrong(step.fence_line, source.column(step.fence_line), f"two steps are named {step.name}")
        names.add(step.name)
    for mark in optional:
        if not mark.name or mark.name not in names:
            raise source.wrong(
                mark.line,
                mark.column,
                f"no step has the name {mark.name}",
                hint=f"```sh name={mark.name or 'the-name'}",
            )
