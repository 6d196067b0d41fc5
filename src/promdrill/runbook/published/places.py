"""Placeholders in a command: what a reader is meant to replace, in all the ways in which runbooks write it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from promdrill.runbook import unset
from promdrill.runbook.environment import NAMES
from promdrill.runbook.facts import named
from promdrill.runbook.published import scan


@dataclass(frozen=True, slots=True)
class Place:
    """A placeholder.

    Attributes:
        raw: As it is written: ``<pvc-name>``.
        name: What it asks for, in its own words: ``pvc-name``.
        start: Where it begins in the command.
        end: Where it ends.
        replaceable: Whether a value can be put there; not so in ``${NAME%.*}``.
    """

    raw: str
    name: str
    start: int
    end: int
    replaceable: bool = True


_ANGLE = re.compile(
    r"(?<![<>&\d\w)])<(?![<(&=\s/])(?P<name>[^<>\n]{1,80}?)(?<![\s=/-])>(?!>)"
    r"|(?<=[\w/:=.@-])<(?P<inner>[A-Za-z][\w .:-]{0,60}\w)>"
)
_CURLY = re.compile(r"\{\{-?\s*(?P<name>[^{}\n]{1,60}?)\s*-?\}\}")
_SQUARE = re.compile(r"(?<![^\s/='\"])\[(?P<name>[A-Za-z][A-Za-z0-9 _-]+)\](?=[\s'\"/:]|$)")
_YOURS = re.compile(
    r"(?<![\w$}{<\[.-])(?:(?:YOUR|MY)[_-](?P<upper>[A-Z0-9][A-Z0-9_-]*)|(?:your|my)[_-](?P<lower>[a-z0-9][a-z0-9_-]*))(?![\w=}>\]])"
)
_CAPITALS = re.compile(r"(?<![\w${<\[.,-])(?P<name>[A-Z][A-Z0-9]+(?:[_-][A-Z0-9]+)*)(?![\w=:}>\](-])")
_CROSSES = re.compile(r"(?<![\w.$])(?P<name>[a-z0-9][a-z0-9-]*-x{3,}(?:-x{3,})*|x{4,})(?![\w-])")
_DOTS = re.compile(r"(?<=[ \t/=])(?:\.\.\.|…)(?=[\s/]|$)")
_GO = re.compile(r"go-template|--template\b|templatefile")
_GO_WORDS = re.compile(
    r"(?:range|end|if|else|with|define|block|println?|printf|len|index|eq|ne|and|or|not|template|\.(?!Release\.|Values\.)|\"|\$(?!labels\.))"
)
_TEMPLATED = re.compile(r"\.Release\.(?P<release>Name|Namespace)|\$labels\.(?P<label>\w+)|(?P<word>[A-Za-z][\w .-]*)")
_NONE = frozenset(
    {"none", "unset", "unknown", "pending", "nil", "null", "invalid", "empty", "no value", "br", "eof", "end"}
)
_SETS = re.compile(
    r"(?:(?:^|[;&|(\s])(?:export|declare|local|typeset|readonly)?\s*(?:-\w+\s+)*([A-Za-z_]\w*)\+?=)"
    r"|\bfor\s+([A-Za-z_]\w*)\s+in\b|\b(?:read|mapfile|readarray)\s+(?:-\w+\s+)*([A-Za-z_]\w*(?:\s+[A-Za-z_]\w*)*)"
    r"|\bprintf\s+-v\s+([A-Za-z_]\w*)|\$\{([A-Za-z_]\w*):?="
)


def find(command: str, *, known: frozenset[str] | set[str] = frozenset()) -> tuple[Place, ...]:
    """The placeholders of a command, in order; none overlaps another.

    Args:
        command: The command.
        known: Names of variables that are set when it is run.
    """
    found: list[Place] = []
    for place in sorted(_all(command, known), key=lambda each: each.start):
        if not found or place.start >= found[-1].end:
            found.append(place)
    return tuple(found)


def sets(command: str) -> set[str]:
    """Names of the variables that a command sets."""
    return {name for found in _SETS.findall(command) for name in " ".join(found).split()}


def unsaid(command: str) -> str:
    """The command with ``⟦x⟧`` for each placeholder, for who looks only at what is named."""
    text = command
    for place in reversed(find(command)):
        text = f"{text[: place.start]}⟦x⟧{text[place.end :]}"
    return text


def _all(command: str, known: frozenset[str] | set[str]) -> Iterator[Place]:
    yield from _bracketed(command)
    yield from _words(command)
    set_here = sets(command)
    for name, at in unset.reads(command):
        if name in known or name in set_here or name in NAMES or unset.of_bash(name):
            continue
        whole = re.match(rf"\$(?:{name}(?!\w)|\{{{name}\}})", command[at:])
        length = len(whole[0]) if whole else len(name) + 2
        yield Place(command[at : at + length] if whole else f"${{{name}...}}", name, at, at + length, whole is not None)


def _bracketed(command: str) -> Iterator[Place]:
    for found in _ANGLE.finditer(command):
        name = found["name"] or found["inner"]
        if name.strip(" \"'").lower() not in _NONE and re.search(r"[A-Za-z]", name):
            yield Place(found[0], name.strip(" \"'"), found.start(), found.end())
    if not _GO.search(command):
        for found in _CURLY.finditer(command):
            inner = found["name"]
            meant = None if _GO_WORDS.match(inner) else _TEMPLATED.fullmatch(inner)
            if meant is not None:
                release = {"Name": "release", "Namespace": "namespace"}.get(meant["release"] or "")
                yield Place(found[0], release or meant["label"] or meant["word"], found.start(), found.end())
    for found in _SQUARE.finditer(command):
        if named(found["name"]) or "name" in found["name"].lower():
            yield Place(found[0], found["name"], found.start(), found.end())


def _words(command: str) -> Iterator[Place]:
    quotes = list(scan.quoting(command))
    for found in _YOURS.finditer(command):
        name = found["upper"] or found["lower"]
        if found["upper"] or found[0].startswith("your") or named(name):
            yield Place(found[0], name, found.start(), found.end())
    for found in _CAPITALS.finditer(command):
        if named(found["name"]) and not quotes[found.start()] and "<<" not in command[: found.start()][-4:]:
            yield Place(found[0], found["name"], found.start(), found.end())
    for found in _CROSSES.finditer(command):
        yield Place(found[0], found["name"], found.start(), found.end())
    for found in _DOTS.finditer(command):
        if not quotes[found.start()]:
            yield Place(found[0], found[0], found.start(), found.end())
