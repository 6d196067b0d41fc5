"""A published runbook as Markdown: its headings, its blocks of code, and the commands in back quotes in its prose.

Front matter of any site is left out, whatever it says. Nothing here knows what a command is for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

from promdrill.runbook.published.roles import Headed
from promdrill.runbook.source import SourceText

_PARSER = MarkdownIt("commonmark").disable("inline")
_INLINE = re.compile(r"(?<!`)(?P<ticks>`{1,2})(?!`)(?P<code>.+?)(?<!`)(?P=ticks)(?!`)", re.DOTALL)
_ALONE = re.compile(
    r"(?:(?:\*\*)?(?:run|execute|type|enter|실행)(?:\*\*)?:?\s+)?`{1,2}[^`]+`{1,2}\s*[.:;,]?", re.IGNORECASE
)
_FRONT = {"---": ("---", "..."), "+++": ("+++",)}
_PROSE = frozenset({"paragraph_open", "bullet_list_open", "ordered_list_open", "blockquote_open", "html_block"})
_SOLID = frozenset({"fence", "code_block", "heading_open", "hr"})
"""Blocks that are no prose, also inside a list."""

_CODE = re.compile(r"\s*<(?:[!?]|(?:pre|script|style|textarea)\b)", re.IGNORECASE)
"""How HTML begins that is no prose either."""

_CLASS = re.compile(r"[{}.]")


@dataclass(frozen=True, slots=True)
class Code:
    """A block of code.

    Attributes:
        language: First word of a fence's info string in lower case; empty if it has none, and for indented code.
        lines: What it holds.
        line: Line of the first of them in the file, counted from 1.
        prose: The paragraph after it, in which an edit is often described; empty if something else follows.
    """

    language: str
    lines: tuple[str, ...]
    line: int
    prose: str = ""


@dataclass(frozen=True, slots=True)
class Quoted:
    """Code in back quotes within prose.

    Attributes:
        text: The code.
        line: Its line in the file.
        alone: Whether the list item or paragraph consists of it: "- `kubectl get pods`", "Run `kubectl get pods`."
    """

    text: str
    line: int
    alone: bool


Block = Headed | Code | Quoted


@dataclass(frozen=True, slots=True)
class Document:
    """A published runbook.

    Attributes:
        source: Its text.
        title: Its first heading; empty if it has none.
        blocks: What it is made of, in order.
    """

    source: SourceText
    title: str
    blocks: tuple[Block, ...]

    @property
    def headings(self) -> tuple[Headed, ...]:
        """Its headings."""
        return tuple(block for block in self.blocks if isinstance(block, Headed))


def read(source: SourceText) -> Document:
    """A document from its text."""
    blocks = tuple(_blocks(_tokens(source)))
    title = next((block.text for block in blocks if isinstance(block, Headed) and block.text), "")
    return Document(source, title.strip("# *_`"), blocks)


def prose(source: SourceText, first: int, last: int) -> str:
    """The first paragraph between two lines, or the beginning of a list or quotation up to a blank line or code.

    Its lines are without indentation, and no tags of HTML. Empty if there is only code.

    Args:
        source: The document's text.
        first: The line after which to look, counted from 1: a heading's.
        last: The last line that counts.
    """
    placed = [
        (token, range(*token.map))
        for token in _tokens(source)
        if token.map and first <= token.map[0] and token.map[1] <= last
    ]
    solid = {number for token, numbers in placed if _is_solid(token) for number in numbers}
    for token, numbers in placed:
        if token.level == 0 and token.type in _PROSE:
            lines = ["" if number in solid else source.lines[number].strip() for number in numbers]
            if token.type == "html_block":
                lines = ["" if line.startswith(("<", "#")) else line for line in lines]
            begun = "\n".join(lines).strip("\n").partition("\n\n")[0]
            if begun:
                return begun
    return ""


def _is_solid(token: Token) -> bool:
    return token.type in _SOLID or (token.type == "html_block" and _CODE.match(token.content) is not None)


def front_length(source: SourceText) -> int:
    """Number of lines of the front matter, both its marks included; 0 if there is none."""
    ends = _FRONT.get(source.lines[0].rstrip())
    if ends is None:
        return 0
    return next((number for number, line in enumerate(source.lines[1:], 2) if line.rstrip() in ends), 0)


def _tokens(source: SourceText) -> list[Token]:
    length = front_length(source)
    body = [""] * length + list(source.lines[length:])  # blank lines keep the parser's line numbers true
    return _PARSER.parse("\n".join(body))


def _blocks(tokens: list[Token]) -> Iterator[Block]:
    for at, token in enumerate(tokens):
        if token.map is None:
            continue
        first = token.map[0] + 1
        if token.type == "heading_open":
            level = int(token.tag[1:]) if token.level == 0 else 0
            yield Headed(tokens[at + 1].content.strip(), level, first)
        elif token.type == "fence":
            yield Code(_language(token.info), _lines(token), first + 1, prose=_after(tokens, at))
        elif token.type == "code_block":
            yield Code("", _lines(token), first, prose=_after(tokens, at))
        elif token.type == "inline" and tokens[at - 1].type != "heading_open":
            alone = _ALONE.fullmatch(token.content.strip()) is not None
            for found in _INLINE.finditer(token.content):
                text = " ".join(found["code"].split())
                yield Quoted(text, first + token.content[: found.start()].count("\n"), alone)


def _lines(token: Token) -> tuple[str, ...]:
    return tuple(token.content.removesuffix("\n").split("\n"))


def _language(info: str) -> str:
    words = _CLASS.sub(" ", info).split()
    return words[0].lower() if words else ""


def _after(tokens: list[Token], at: int) -> str:
    following = next((token for token in tokens[at + 1 :] if not token.type.startswith("paragraph")), None)
    return following.content if following is not None and following.type == "inline" else ""
