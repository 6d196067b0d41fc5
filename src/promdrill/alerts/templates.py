"""Templates in the labels and annotations of alerts: what Prometheus refuses of them when it reads the rules.

They are Go's text/template (its documentation, and parse/lex.go and parse/parse.go of Go 1.26) with functions of
Prometheus' own. Read here is as much as tells a slip from what is right: where actions begin and end, the words in
them, the names of functions and variables, and which blocks are closed. Anything else is left to Prometheus: to refuse
what it takes is worse than to find it out later. So is what only fails when an alert fires, such as a field that there
is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_GO = "and call eq ge gt html index js le len lt ne not or print printf println slice urlquery"
_PROMETHEUS = (
    "args externalURL first graphLink humanize humanize1024 humanizeDuration humanizePercentage humanizeTimestamp "
    "label match now parseDuration pathPrefix query reReplaceAll safeHtml sortByLabel stripDomain stripPort strvalue "
    "tableLink title toDuration toLower toTime toUpper urlQueryEscape value"
)

GO = frozenset(_GO.split())
"""Functions of text/template itself (funcs.go)."""

PROMETHEUS = frozenset(_PROMETHEUS.split())
"""Functions that some version of Prometheus has for alerts: template/template.go of 2.0 to 3.16, and the page *Template
reference* of its documentation. That has `tmpl` too, which is for consoles alone."""

FUNCTIONS = GO | PROMETHEUS

VARIABLES = frozenset({"$", "$labels", "$externalLabels", "$externalURL", "$value"})
"""What is defined before each template (model/rulefmt/rulefmt.go)."""

_OPENING = frozenset({"block", "define", "if", "range", "with"})
_KEYWORDS = _OPENING | frozenset({"break", "continue", "else", "end", "template", "nil", "true", "false"})
_DECLARED = frozenset({":=", ","})

_LEFT = re.compile(r"\{\{(?:-(?=[ \t\r\n]))?")
_COMMENT = re.compile(r"\s*/\*")
_RIGHT = re.compile(r"(?:[ \t\r\n]+-)?\}\}")
_WORD = re.compile(
    r"""(?P<blank>[ \t\r\n]+)
    |(?P<text>"(?:\\.|[^"\\\n])*"|`[^`]*`|'(?:\\.|[^'\\\n])*')
    |(?P<open>["`'])
    |(?P<number>[+-]?\.?[0-9](?:[eEpP][+-]|[\w.])*)
    |(?P<variable>\$\w*)
    |(?P<field>\.\w+)
    |(?P<name>\w+)
    |(?P<sign>:=|[=|,().])""",
    re.VERBOSE,
)
_CALCULATING = frozenset("+-*/%<>")
_ENDS = frozenset(" \t\r\n.,|:)(")
"""What may follow a name, a variable or a field, besides the end of the action (lex.go, atTerminator)."""


class NotTemplate(Exception):
    """A text that Prometheus refuses as a template.

    Args:
        why: What is wrong.
        at: The index of the character at which it is.
        unknown: The name, if it is that of a function that there is not; otherwise empty.
    """

    def __init__(self, why: str, at: int, unknown: str = "") -> None:
        super().__init__(why)
        self.why, self.at, self.unknown = why, at, unknown


@dataclass(frozen=True, slots=True)
class _Word:
    kind: str
    text: str
    at: int


class _Unknown(Exception):
    """Something that is not known here."""


def check(text: str) -> None:
    """Refuse a text that is no template, as far as that is known here.

    Raises:
        NotTemplate: It is none.
    """
    blocks = _Blocks()
    declared, used = set(VARIABLES), []
    try:
        for at, words in _actions(text):
            _functions(words)
            blocks.enter(at, words)
            for word, following in zip(words, [*words[1:], _Word("", "", at)], strict=True):
                if word.kind == "variable":
                    used.append(word)
                    declared |= {word.text} if following.text in _DECLARED else set()
    except _Unknown:
        return
    blocks.close()
    for word in used:
        if word.text not in declared:
            raise NotTemplate(f"nothing sets {word.text}", word.at)


def _actions(text: str) -> Iterator[tuple[int, list[_Word]]]:
    """Where each action begins, and its words; comments are none."""
    at = 0
    while (left := _LEFT.search(text, at)) is not None:
        comment = _COMMENT.match(text, left.end())
        if comment is not None:
            at = _past_comment(text, left, comment)
            continue
        words, at = _words(text, left)
        if not words:
            raise NotTemplate("there is nothing between {{ and }}", left.start())
        yield left.start(), words


def _past_comment(text: str, left: re.Match[str], comment: re.Match[str]) -> int:
    end = text.find("*/", comment.end())
    if end == -1:
        raise NotTemplate("the comment has no */", left.start())
    right = _RIGHT.match(text, end + 2)
    if right is None:
        raise NotTemplate("a comment is an action of its own: {{/* */}}", left.start())
    return right.end()


def _words(text: str, left: re.Match[str]) -> tuple[list[_Word], int]:
    """The words of the action that begins there, and where the text goes on after it."""
    words: list[_Word] = []
    at = left.end()
    while (right := _RIGHT.match(text, at)) is None:
        if at == len(text):
            raise NotTemplate("{{ has no }}", left.start())
        found = _WORD.match(text, at)
        if found is None:
            raise _strange(text[at], at)
        word = _Word(str(found.lastgroup), found[0], at)
        at = found.end()
        if word.kind == "open":
            raise NotTemplate(f"{word.text} is not closed", word.at)
        if word.kind in {"variable", "field", "name"} and text[at : at + 1] not in _ENDS:
            _ended(text, word, at)
        if word.kind != "blank":
            words.append(word)
    _brackets(words)
    return words, right.end()


def _brackets(words: list[_Word]) -> None:
    opened: list[_Word] = []
    for word in words:
        if word.text == "(":
            opened.append(word)
        elif word.text == ")" and not opened:
            raise NotTemplate(") without (", word.at)
        elif word.text == ")":
            opened.pop()
    for word in opened:
        raise NotTemplate("( without )", word.at)


def _strange(char: str, at: int) -> Exception:
    if char in _CALCULATING:
        return NotTemplate(f"{char} means nothing here: templates do not calculate", at)
    return NotTemplate("} is there once", at) if char == "}" else _Unknown()


def _ended(text: str, word: _Word, at: int) -> None:
    """Refuse what follows a word and cannot; the end of the action and of the text may."""
    if at < len(text) and not text.startswith("}}", at):
        raise NotTemplate(f"{text[at]!r} after {word.text}", at)


def _functions(words: list[_Word]) -> None:
    for word in words:
        if word.kind == "name" and word.text not in FUNCTIONS | _KEYWORDS:
            raise NotTemplate(f"there is no function {word.text}", word.at, word.text)


class _Blocks:
    """The blocks that are open: their keywords, where they begin, and whether they had their last ``else``."""

    def __init__(self) -> None:
        self._open: list[tuple[str, int, bool]] = []

    def enter(self, at: int, words: list[_Word]) -> None:
        """Take an action that may open or close a block."""
        keyword, *rest = [word.text if word.kind == "name" else "" for word in words]
        if keyword in _OPENING:
            self._open.append((keyword, at, False))
        elif keyword in {"else", "end"} and not self._open:
            raise NotTemplate(f"{{{{ {keyword} }}}} without {{{{ if }}}}, {{{{ range }}}} or {{{{ with }}}}", at)
        elif keyword == "else":
            block, began, last = self._open.pop()
            if last or block in {"block", "define"}:
                raise NotTemplate(f"{{{{ else }}}} where {{{{ {block} }}}} has to end", at)
            self._open.append((block, began, not rest))
        elif keyword == "end":
            self._open.pop()

    def close(self) -> None:
        """Refuse a block that is still open."""
        for keyword, at, _ in self._open:
            raise NotTemplate(f"{{{{ {keyword} }}}} has no {{{{ end }}}}", at)
