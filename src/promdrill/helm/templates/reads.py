"""Which values a chart's templates, and those of its subcharts, read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from promdrill.helm.source import files
from promdrill.helm.source.files import Part
from promdrill.helm.source.tree import Tree, content_of, read_yaml
from promdrill.helm.templates.follow import Follower, Keys, Reads
from promdrill.helm.templates.parse import Action, NotParsed, parse

_NAMED = re.compile(r"\.Values((?:\.\w+)+)")
_LARGEST_BYTES = 1 << 20  # of a file that a template may run through `tpl`
_NO_TEMPLATES = ("values.yaml", "Chart.yaml", "README", "CHANGELOG", "ci/", "charts/", "crds/", "templates/")


def reads_of(chart: Path, own: Mapping[str, Any]) -> Reads:
    """What a chart reads of its values.

    Args:
        chart: Its folder or .tgz.
        own: The user's values: their texts may be templates too.

    Raises:
        UsageError: There is no chart.
    """
    parts = files.parts(chart)
    defined: dict[str, list[Action]] = {}
    bodies: list[tuple[Keys, list[Action]]] = []
    unread: list[tuple[Keys, str]] = []
    for part in parts:
        for text in _templates(part.tree):
            try:
                found = parse(text)
            except NotParsed:
                unread.append((part.prefix, text))
                continue
            bodies.append((part.prefix, found.body))
            defined |= found.defined
    follower = Follower(defined, (part.prefix for part in parts))
    for prefix, body in bodies:
        follower.file(body, prefix)
    for prefix, text in unread:
        follower.reads.note(prefix, whole=True)
        _names(follower.reads, prefix, text)
    for part in parts:
        _beside(follower, part)
    for text, prefix in _texts(own, {part.prefix for part in parts}):
        _text(follower, text, prefix)
    return follower.reads


def _templates(files_of: Tree) -> Iterator[str]:
    for name, content in files_of.items():
        if name.startswith("templates/") and not name.endswith("NOTES.txt"):  # which make nothing
            yield content_of(content).decode("utf-8", "replace")


def _beside(follower: Follower, part: Part) -> None:
    """What Helm itself reads, the texts of default values, and files that templates may run."""
    reads, prefix = follower.reads, part.prefix
    reads.note((*prefix, "tags"), whole=True)
    for item in part.named:
        reads.note((*prefix, item.called, "enabled") if not item.condition else (*prefix, item.called))
        for condition in item.condition.split(","):
            if condition.strip():
                reads.note((*prefix, *condition.strip().split(".")))
        if not item.vendored or item.imports:  # its templates are not here, or this chart's read its values
            reads.note((*prefix, item.called), whole=True)
    for name, content in part.tree.items():
        if not name.startswith(_NO_TEMPLATES):
            raw = content_of(content)
            if len(raw) <= _LARGEST_BYTES and b".Values" in raw:
                _names(reads, prefix, raw.decode("utf-8", "replace"))
    defaults = read_yaml(part.tree, "values.yaml", "values.yaml")
    for text, _ in _texts(defaults if isinstance(defaults, Mapping) else {}, frozenset()):
        _text(follower, text, prefix)


def _text(follower: Follower, text: str, prefix: Keys) -> None:
    """A text among the values that may be run through `tpl`."""
    try:
        follower.file(parse(text).body, prefix)
    except NotParsed:
        _names(follower.reads, prefix, text)


def _names(reads: Reads, prefix: Keys, text: str) -> None:
    for match in _NAMED.finditer(text):
        reads.note((*prefix, *match[1][1:].split(".")), whole=True)


def _texts(values: Any, prefixes: frozenset[Keys] | set[Keys], path: Keys = ()) -> Iterator[tuple[str, Keys]]:
    """The texts with a template in them, each with the chart whose values it is among."""
    if isinstance(values, str):
        if "{{" in values:
            inner = (path[:depth] for depth in range(len(path), -1, -1))
            yield values, next((each for each in inner if each in prefixes), ())
    elif isinstance(values, Mapping):
        for key, value in values.items():
            yield from _texts(value, prefixes, (*path, str(key)))
    elif isinstance(values, list):
        for value in values:
            yield from _texts(value, prefixes, path)
