"""The runbook as HTML, each step followed by what it printed in this drill."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from markupsafe import Markup, escape

from promdrill.core import reading
from promdrill.core.model import StepRecord
from promdrill.core.reading import Unreadable
from promdrill.runbook.load import is_own
from promdrill.runbook.source import SourceText

LARGEST_BYTES = 1 << 18
"""As `promdrill.runbook.source.LIMIT_BYTES`: a larger file is not a runbook."""

Shown = Callable[[StepRecord], Markup]
"""Shows a step's outcome."""

_END = "\0"
"""Ends each block of commands while a runbook is rendered: no text has it."""

_HEADINGS = {"h1": "h5", "h2": "h5", "h3": "h6", "h4": "h6", "h5": "h6"}
"""A runbook's headings are below those of its drill."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A runbook on the page: its HTML, and a note about it."""

    html: Markup
    note: str


def find(drill: Path, scenario: Path, steps: Sequence[StepRecord]) -> Path | None:
    """The runbook that was run: a copy in the drill's folder, else the scenario's; None if there is neither.

    Args:
        drill: The drill's folder.
        scenario: The scenario's folder.
        steps: The steps that were run; they name the file.
    """
    name = Path(steps[0].file).name if steps else "runbook.md"
    for folder in (drill, scenario):
        if (folder / name).is_file():
            return folder / name
    return None


def render(file: Path | None, steps: Sequence[StepRecord], shown: Shown) -> Rendered:
    """The runbook with its steps' outcomes, or only the steps if the file is not what was run.

    Args:
        file: The runbook.
        steps: The steps that were run.
        shown: Makes the HTML of a step's outcome, which goes after the step's commands.
    """
    names = list(dict.fromkeys(Path(step.file).name for step in steps))
    if len(names) > 1:
        return Rendered(_alone(steps, shown), f"The steps of {' and of '.join(names)}, as they were run.")
    text = _read(file)
    if text is None:
        return Rendered(_alone(steps, shown), "The runbook no longer exists; these are its steps as they were run.")
    parts = _parts(text)
    places = _places(parts, steps)
    if places is None:
        changed = file is None or is_own(SourceText(file, tuple(reading.text_of(file).split("\n"))))
        why = "The runbook has changed since" if changed else "The runbook was run as it was published"
        return Rendered(_alone(steps, shown), f"{why}; these are its steps as they were run, without its text.")
    html = Markup().join(part.html + Markup().join(map(shown, places.get(part.line, ()))) for part in parts)
    note = "" if steps else "None of its steps was run."
    return Rendered(html, note)


def _read(file: Path | None) -> str | None:
    """The runbook's text with its front matter blanked out, so that lines keep their numbers."""
    if file is None:
        return None
    try:
        lines = reading.text_of(file, limit_bytes=LARGEST_BYTES).splitlines()
    except Unreadable:
        return None
    if lines and lines[0].strip() == "---":
        end = next((at for at, line in enumerate(lines[1:], 1) if line.strip() == "---"), 0)
        lines[: end + 1] = [""] * (end + 1)
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a runbook that ends with a block of commands, or with the runbook.

    Attributes:
        html: The part.
        line: Of its block, from 0, as in the parser's maps; -1 if it ends with the runbook.
        last: The last line of its block.
        commands: What its block says, without line ends and indentation.
    """

    html: Markup
    line: int = -1
    last: int = -1
    commands: str = ""


@functools.lru_cache(maxsize=64)  # on a page of many runs the same few runbooks come again and again
def _parts(text: str) -> Sequence[_Part]:
    """The runbook as the page shows it, in the parts between which the outcomes of its steps go."""
    parser = _parser()
    blocks: list[Token] = []
    html = parser.renderer.render(_lowered(parser.parse(text)), parser.options, {"blocks": blocks})
    *parts, rest = (Markup(part) for part in html.split(_END))  # noqa: S704  the parser escapes
    ended = []
    for part, token in zip(parts, blocks, strict=True):
        line, last = token.map or (-1, -1)
        ended.append(_Part(part, line, last, _squeezed(token.content)))
    return [*ended, _Part(rest)]


@functools.cache
def _parser() -> MarkdownIt:
    """CommonMark without HTML and without images: the page must work offline."""
    parser = MarkdownIt("commonmark", {"html": False}).disable("image").enable("table")
    parser.add_render_rule("fence", _fence)
    return parser


def _places(parts: Sequence[_Part], steps: Sequence[StepRecord]) -> Mapping[int, list[StepRecord]] | None:
    """Steps by the line of their block; None if a step's commands are in no block."""
    found: dict[int, list[StepRecord]] = {}
    for step in steps:
        part = next((part for part in parts if part.line < step.line <= part.last), None)
        if part is None or _squeezed(step.command) not in part.commands:
            return None
        found.setdefault(part.line, []).append(step)
    return found


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def _lowered(tokens: Sequence[Token]) -> Sequence[Token]:
    """Headings below those of the page, without the runbook's own title, which the page already shows."""
    out = []
    skip = 0
    for token in tokens:
        if token.type == "heading_open" and token.tag == "h1":
            skip = 3
        if skip:
            skip -= 1
            continue
        token.tag = _HEADINGS.get(token.tag, token.tag)
        out.append(token)
    return out


def _fence(
    _self: RendererHTML, tokens: Sequence[Token], at: int, _options: OptionsDict, env: MutableMapping[str, Any]
) -> str:
    token = tokens[at]
    language = token.info.split()[0] if token.info.split() else ""
    if language in {"console", "text"} and at and tokens[at - 1].type == "fence":
        return str(
            Markup('<details class="want"><summary>what the runbook expects</summary><pre>{}</pre></details>').format(
                token.content
            )
        )
    env["blocks"].append(token)
    return str(Markup('<pre class="{}">{}</pre>').format("cmd" if language == "sh" else "code", token.content)) + _END


def _alone(steps: Sequence[StepRecord], shown: Shown) -> Markup:
    out, section = Markup(), ""
    for step in steps:
        if step.section != section:
            section = step.section
            out += Markup("<h5>{}</h5>").format(section)
        out += Markup('<pre class="cmd">{}</pre>').format(step.command) + shown(step)
    return out or escape("")
