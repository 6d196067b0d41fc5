"""Other repairs of an incident than its runbook's: ``repairs.md`` beside it, read as strictly.

Some make the symptom go away and fix nothing: what was stored is gone, or the next restart brings the incident back.
Others are as good as the remedy. `promdrill repairs` carries out each of them where the runbook has its Mitigation, and
recovery must refuse the former, for the reason that is written there, and accept the latter:

- front matter with the runbook's id, a title, and variables if there are any;
- level-2 headings ``Refused: what is done`` and ``Accepted: what is done``;
- under each of them ``sh`` blocks, the first with a name (``sh name=volume-emptied``), and a ``console`` block directly
  after one for what it prints, as in a runbook;
- under what is refused, a quotation (``>``) of what recovery then misses, with ``...`` for what may differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from promdrill.runbook import fences
from promdrill.runbook.expect import WILDCARD
from promdrill.runbook.front import FrontMatter, read_front
from promdrill.runbook.parse import Runbook
from promdrill.runbook.source import SourceText, read
from promdrill.runbook.step import Step

KINDS = ("Refused", "Accepted")
"""What a heading begins with: whether the repair is no recovery, or one as good as the runbook's."""

_PARSER = MarkdownIt("commonmark").disable("inline")
_HEADING = re.compile(rf"({'|'.join(KINDS)}): +(\S.*)")
_FORM = "## Refused: the volume is emptied, or ## Accepted: the claim is changed by hand"
_UNUSED = ("data_loss", "optional", "alerts", "fails_because", "fails_with")


@dataclass(frozen=True, slots=True)
class Repair:
    """Another repair than the runbook's.

    Attributes:
        name: Its name.
        what: What is done, in words.
        accepted: Whether it is as good as the runbook's.
        missing: What recovery misses after it, with ``...`` for what may differ; empty if it is accepted.
        steps: What is carried out in place of the runbook's Mitigation.
        variables: Name and default of each variable that only repairs use.
        path: The file.
    """

    name: str
    what: str
    accepted: bool
    missing: str
    steps: tuple[Step, ...]
    variables: dict[str, str]
    path: Path

    @property
    def line(self) -> int:
        """Line of its first command."""
        return self.steps[0].line

    @property
    def pattern(self) -> str:
        """A regular expression for what recovery misses; any run of blanks counts as one."""
        words = (re.escape(part).replace(r"\ ", r"\s+") for part in self.missing.split(WILDCARD))
        return r"[\s\S]*?".join(words)

    def instead(self, runbook: Runbook) -> Runbook:
        """The runbook's Diagnosis followed by this repair; Verification is left out, for only recovery is to judge.

        What the runbook says of lost data holds for this repair too.
        """
        diagnosis = tuple(step for step in runbook.steps if step.section == "Diagnosis")
        return replace(
            runbook,
            steps=(*diagnosis, *self.steps),
            variables={**runbook.variables, **self.variables},
            fails_because="" if self.accepted else self.what,
            fails_with="" if self.accepted else self.pattern,
            repairs=self.path,
        )


def repairs(path: Path) -> tuple[Repair, ...]:
    """Read a file of repairs, in their order.

    Raises:
        UsageError: ``file:line:column: rule`` for the first rule that it breaks.
    """
    source = read(path)
    front = _front(source)
    body = [""] * front.length + list(source.lines[front.length :])  # blank lines keep the parser's line numbers true
    drafts = list(_drafts(source, _PARSER.parse("\n".join(body))))
    if not drafts:
        raise source.wrong(len(source.lines), 1, "no repair", hint=_FORM)
    found = tuple(_repair(source, draft, front, path) for draft in drafts)
    for at, repair in enumerate(found):
        if repair.name in {earlier.name for earlier in found[:at]}:
            line = repair.steps[0].fence_line
            raise source.wrong(line, source.column(line), f"two repairs are named {repair.name}")
    return found


def at_line(path: Path, line: int) -> Repair:
    """The repair whose first command is in that line.

    Raises:
        UsageError: The file breaks a rule, or has no such repair.
    """
    found = next((repair for repair in repairs(path) if repair.line == line), None)
    if found is None:
        raise read(path).wrong(line, 1, "no repair begins here")
    return found


@dataclass(slots=True)
class _Draft:
    """A section while it is read."""

    kind: str
    what: str
    line: int
    steps: list[Step] = field(default_factory=list)
    quotes: list[str] = field(default_factory=list)


def _front(source: SourceText) -> FrontMatter:
    front = read_front(source)
    for key in _UNUSED:
        if getattr(front, key):
            line = next(number for number, text in enumerate(source.lines, 1) if text.startswith(f"{key}:"))
            raise source.wrong(line, 1, f"{key} is for runbooks", hint="what may be lost is for the runbook to say")
    return front


def _drafts(source: SourceText, tokens: list[Token]) -> Iterator[_Draft]:
    """The sections in order. A quotation inside a list, and a heading inside a quotation, is prose."""
    draft: _Draft | None = None
    after_step = quoted = False
    for token, following in zip_longest(tokens, tokens[1:]):
        if token.type == "heading_open" and token.level == 0 and token.tag in {"h1", "h2"}:
            if draft is not None:
                yield draft
            draft = None if token.tag == "h1" else _opened(source, following, token.map[0] + 1)  # type: ignore[index]
        elif token.type in {"blockquote_open", "blockquote_close"} and token.level == 0:
            quoted = token.type == "blockquote_open"
        elif token.type == "inline" and quoted and draft is not None:
            draft.quotes.append(" ".join(token.content.split()))
        elif token.type == "fence":
            after_step = _read_fence(source, token, draft, follows=after_step)
            continue
        elif token.type == "code_block":
            fences.check_indented(source, token)
        if token.type in {"inline", "code_block", "html_block", "hr"}:
            after_step = False
    if draft is not None:
        yield draft


def _opened(source: SourceText, heading: Token | None, line: int) -> _Draft:
    text = "" if heading is None else heading.content.strip()
    found = _HEADING.fullmatch(text)
    if found is None:
        raise source.wrong(
            line, source.column(line), f"heading {text!r} says neither Refused: nor Accepted:", hint=_FORM
        )
    return _Draft(found[1], found[2], line)


def _read_fence(source: SourceText, token: Token, draft: _Draft | None, *, follows: bool) -> bool:
    """Read a fence; returns whether it is a step."""
    fence = fences.read_fence(source, token, follows=follows)
    if draft is None:
        return False
    kind = fences.kind(source, fence)
    if kind == "step":
        draft.steps.append(fences.step(source, fence, "Mitigation", set()))
    elif kind == "expected":
        if not follows:
            rule = "expected output without a step directly before it"
            raise source.wrong(fence.line, fence.column, rule, hint="what recovery misses is a quotation: > ...")
        draft.steps[-1] = fences.expecting(draft.steps[-1], fence)
    return kind == "step"


def _repair(source: SourceText, draft: _Draft, front: FrontMatter, path: Path) -> Repair:
    column = source.column(draft.line)
    if not draft.steps:
        raise source.wrong(draft.line, column, "no step under this heading", hint="```sh name=volume-emptied")
    first = draft.steps[0]
    if not first.name:
        at = first.fence_line
        raise source.wrong(at, source.column(at), "the first step of a repair needs a name", hint="```sh name=...")
    accepted = draft.kind == KINDS[1]
    if accepted and draft.quotes:
        raise source.wrong(draft.line, column, "what is accepted misses nothing", hint="leave the quotation out")
    if not accepted and len(draft.quotes) != 1:
        rule = f"what is refused needs one quotation of what recovery misses, and has {len(draft.quotes)}"
        raise source.wrong(draft.line, column, rule, hint="> samples from before the fault, up to ..., are still there")
    missing = "" if accepted else draft.quotes[0]
    if not accepted and not missing.replace(WILDCARD, "").strip():
        raise source.wrong(draft.line, column, "the quotation of what recovery misses matches anything")
    return Repair(
        name=first.name,
        what=draft.what,
        accepted=accepted,
        missing=missing,
        steps=tuple(draft.steps),
        variables=front.variables,
        path=path,
    )
