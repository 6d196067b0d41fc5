"""Matchers of Alertmanager, read as it reads them: ``severity="critical"``, ``{team=~"a|b", env!=dev}``.

Two grammars count, one after the other, as in Alertmanager from 0.27 on without a feature flag (matcher/compat): that
of matcher/parse, in which a label may have any name in quotes, and the older one of pkg/labels, which takes a value
without quotes as it comes.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass

OPERATORS = ("=~", "!~", "!=", "=")

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
"""A label's name without quotes in `match` and `match_re`."""

_OLD = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(=~|=|!=|!~)\s*(.*?)\s*", re.DOTALL)
_RESERVED = r"\s{}!=~,\\\"'`"
_NEW = re.compile(
    rf"""\s*(?P<name>[^{_RESERVED}]+|"(?:\\.|[^"\\])*")\s*(?P<operator>=~|=|!=|!~)
    \s*(?P<value>[^{_RESERVED}]+|"(?:\\.|[^"\\])*")\s*(?:,|$)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_GO_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"'}
_NOT_PYTHON = re.compile(r"\\[pPQECz]|\\x\{|\(\?[a-zA-Z-]*U|\(\?<[^=!]|\[\[:|(?<!^)\(\?[a-zA-Z-]+\)")
"""What Go's regular expressions have and Python's have not, or not there: nothing is said of one that has it."""

_NOT_GO = re.compile(r"\(\?(?:=|!|<=|<!|>|P=|\()|(?<!\\)(?:\\\\)*\\[1-9]|[*+?}]\+")
"""The other way round: what looks around or back, groups that give nothing back, and such repetitions."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a label.

    Attributes:
        name: The label.
        operator: One of `OPERATORS`.
        value: What it is compared to; a regular expression for ``=~`` and ``!~``.
    """

    name: str
    operator: str
    value: str

    def __str__(self) -> str:
        value = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.name}{self.operator}"{value}"'


def parse(text: str) -> tuple[Matcher, ...]:
    """The matchers of one item of a list of matchers.

    Raises:
        ValueError: It is none, or a regular expression is wrong; with the reason.
    """
    found = _new(text)
    old = _old(text)
    if old is not None and found != old:  # Alertmanager then keeps to the older one
        found = old
    if found is None:
        raise ValueError('not a matcher, such as severity="critical"')
    for each in found:
        if each.operator in {"=~", "!~"}:
            check_pattern(each.value)
    return found


def check_name(name: str) -> None:
    """Refuse what is no name of a label in `match` and its like.

    Raises:
        ValueError: It is none.
    """
    if not _NAME.fullmatch(name):
        raise ValueError("not the name of a label")


def check_pattern(pattern: str) -> None:
    """Refuse a regular expression that Alertmanager refuses, as far as Python can tell: its own are those of Go.

    Raises:
        ValueError: It is wrong, with the reason.
    """
    if found := _NOT_GO.search(re.sub(r"\[[^\]]*\]", "[]", pattern)):
        raise ValueError(f"{found[0]} is not in Go's regular expressions")
    if _NOT_PYTHON.search(pattern):
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sets in sets, and of what is deprecated
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"not a regular expression: {error}") from error


def _new(text: str) -> tuple[Matcher, ...] | None:
    inner = text.strip()
    if inner.startswith("{") != inner.endswith("}"):
        return None
    inner = inner[1:-1] if inner.startswith("{") else inner
    found, at = [], 0
    while inner[at:].strip():
        part = _NEW.match(inner, at)
        if part is None:
            return None
        name, value = _unquoted(part["name"]), _unquoted(part["value"])
        if name is None or value is None or not name:
            return None
        found.append(Matcher(name, part["operator"], value))
        at = part.end()
    return tuple(found)


def _unquoted(text: str) -> str | None:
    """What a text in quotes says; None if Go has no such escape."""
    if not text.startswith('"'):
        return text
    inner = text[1:-1]
    if any(found[1] not in _GO_ESCAPES and found[1] not in "xuU01234567" for found in _ESCAPE.finditer(inner)):
        return None
    return _ESCAPE.sub(lambda found: _GO_ESCAPES.get(found[1], found[0]), inner)


def _old(text: str) -> tuple[Matcher, ...] | None:
    found = []
    for part in _split(text.removeprefix("{").removesuffix("}")):
        matched = _OLD.fullmatch(part)
        value = _loose(matched[3]) if matched else None
        if matched is None or value is None:
            return None
        found.append(Matcher(matched[1], matched[2], value))
    return tuple(found)


def _split(text: str) -> list[str]:
    """The parts between commas that are not in quotes; an empty last one does not count."""
    parts, quoted, escaped, began = [], False, False, 0
    for at, letter in enumerate(text):
        if letter == "," and not quoted:
            parts.append(text[began:at])
            began = at + 1
        elif letter == '"' and not escaped:
            quoted = not quoted
        escaped = letter == "\\" and not escaped
    last = text[began:]
    return [*parts, last] if last.strip() else parts


def _loose(raw: str) -> str | None:
    """A value of the older grammar; None if a quote in it is not escaped."""
    quoted = raw.startswith('"')
    if quoted and (len(raw) == 1 or not raw.endswith('"')):
        return None
    inner = raw[1:-1] if quoted else raw
    if re.search(r'(?<!\\)(?:\\\\)*"', inner) or (quoted and re.search(r"(?<!\\)(?:\\\\)*\\$", inner)):
        return None
    return _ESCAPE.sub(lambda found: {"n": "\n", '"': '"', "\\": "\\"}.get(found[1], found[0]), inner)
