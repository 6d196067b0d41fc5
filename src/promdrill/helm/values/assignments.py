r"""Read what Helm's ``--set`` takes: ``server.retention=3d,server.extraFlags={web.enable-lifecycle}``.

Helm's own rules for keys and values, without the items of lists (``a[0]=x``): which list they change depends on files
that Helm merges only later. https://helm.sh/docs/intro/using_helm/#the-format-and-limitations-of---set
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from promdrill.core.errors import UsageError, shortened
from promdrill.core.yaml_read import LARGEST

_PIECE = re.compile(r"(?:\\.|[^\\])", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_WHOLE = re.compile(r"[-+]?(0|[1-9]\d*)")
_WORDS = {"true": True, "false": False, "null": None}
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Assignment:
    """One value.

    Attributes:
        path: Its keys, outermost first.
        value: The value; None removes what the chart has there.
        said: The assignment as it was typed.
    """

    path: tuple[str, ...]
    value: Any
    said: str


def read(text: str) -> tuple[Assignment, ...]:
    """The assignments in a text.

    Raises:
        UsageError: It is not what ``helm --set`` takes, or names an item of a list.
    """
    return tuple(_assignment(each) for each in _split(text, ",") if each.strip())


def _assignment(said: str) -> Assignment:
    name, *rest = _split(said.strip(), "=")
    path = tuple(_plain(key) for key in _split(name, "."))
    if not rest or not all(path):
        what = "not key=value" if not rest else "a key without a name"
        raise _refusal(said, what, r"SET=server.retention=3d; a comma within a value is \,")
    if re.search(r"(?<!\\)\[", name):
        raise _refusal(said, "items of a list cannot be set", "write the whole list: SET=key={a,b}, or in VALUES")
    value = "=".join(rest)
    if value.startswith("{"):
        if not value.endswith("}"):
            raise _refusal(said, "the list is not closed", "SET=key={a,b}")
        return Assignment(path, [_typed(said, item) for item in _split(value[1:-1], ",")], said)
    return Assignment(path, _typed(said, value), said)


def _typed(said: str, text: str) -> Any:
    """A value as Helm takes it: a whole number, true, false, null, or a text."""
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        number = int(text)
        if abs(number) > LARGEST:
            raise _refusal(said, "a number that loses digits on its way to Helm", "write it in VALUES, in quotes")
        return number
    return _plain(text)


def _split(text: str, sign: str) -> list[str]:
    """The parts between the signs, except those behind a backslash or in a list's braces."""
    parts, here, depth = [], "", 0
    for piece in _pieces(text):
        if piece == sign and not depth:
            parts.append(here)
            here = ""
            continue
        if piece == "{" and (depth or here.endswith("=") or not here):
            depth += 1
        elif piece == "}" and depth:
            depth -= 1
        here += piece
    return [*parts, here]


def _pieces(text: str) -> Iterator[str]:
    for match in _PIECE.finditer(text):
        yield match[0]


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


def _refusal(said: str, what: str, hint: str) -> UsageError:
    return UsageError(f"SET={shortened(said, _SHOWN)}: {what}", hint=hint)
