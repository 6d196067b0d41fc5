"""A Helm values file: read it, look a value up, and edit it in place (`promdrill.core.yaml_edit`)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from yaml.nodes import SequenceNode

from promdrill.core import reading, yaml_read
from promdrill.core.errors import UsageError
from promdrill.core.yaml_edit import Document, Refused, find_pair

_SHARED = re.compile(r"(?:^|[\s\[{,])([&*]\w[\w-]*|<<(?=:))", re.MULTILINE)
"""YAML's ways to write something once and use it twice: an anchor, an alias, a merge key."""


def load(text: str, *, said: str = "values.yaml") -> dict[str, Any]:
    """The values that a file's text holds.

    Args:
        text: The text.
        said: What messages call the file.

    Raises:
        UsageError: It is not YAML, or not a mapping.
    """
    values = yaml_read.value_of(text, said=said)
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UsageError(f"{said}:1: values are a {type(values).__name__}, not a mapping", hint="name: value")
    return values


def read(file: Path) -> dict[str, Any]:
    """The values that a file holds.

    Raises:
        UsageError: As `load`; or it cannot be read.
    """
    return load(reading.text_of(file), said=str(file))


def lookup(values: Mapping[str, Any], path: str, default: Any) -> Any:
    """The value at a dotted path, or `default` where a key is missing."""
    here: Any = values
    for key in path.split("."):
        if not isinstance(here, Mapping) or key not in here:
            return default
        here = here[key]
    return here


def set_value(text: str, path: Sequence[str], value: Any) -> str:
    """The text with the value at `path` (keys, outermost first) replaced or added.

    Raises:
        UsageError: The text is not a YAML mapping, or the value cannot be set in place (anchors, merge keys).
    """
    document = _document(text)
    try:
        document.set_value(path, value)
        return document.edited()
    except Refused as error:
        raise _refusal(error, text) from error


def remove(text: str, *paths: Sequence[str]) -> str:
    """The text without what is at these paths; what is not there is no error.

    Raises:
        UsageError: As `set_value`.
    """
    document = _document(text)
    try:
        for path in paths:
            document.remove(path)
        return document.edited()
    except Refused as error:
        raise _refusal(error, text) from error


def merge(text: str, additions: Mapping[str, Any]) -> str:
    """The text with `additions` laid over it as Helm does: mappings are merged, anything else is replaced.

    Raises:
        UsageError: As `set_value`.
    """
    document = _document(text)
    try:
        document.merge(additions)
        return document.edited()
    except Refused as error:
        raise _refusal(error, text) from error


def list_at(text: str, path: Sequence[str], value: Any) -> tuple[str, int] | None:
    """The list that setting a value would turn into something else: its dotted path, and its first line.

    Args:
        text: The values.
        path: As in `set_value`.
        value: Likewise; a list may replace a list.

    Raises:
        UsageError: The text is not a YAML mapping.
    """
    node = _document(text).root
    for depth, key in enumerate(path, 1):
        pair = find_pair(node, key)
        if pair is None:
            return None
        node = pair[1]
        becomes_other = depth < len(path) or (value is not None and not isinstance(value, list))
        if isinstance(node, SequenceNode) and becomes_other:
            return ".".join(path[:depth]), node.start_mark.line + 1
    return None


def _document(text: str) -> Document:
    load(text)
    return Document(text)


def _refusal(error: Refused, text: str) -> UsageError:
    shared = _SHARED.search(text)
    if shared is None:
        return UsageError(str(error), hint="Replace(old, new) changes the text itself")
    line = text.count("\n", 0, shared.start(1)) + 1
    return UsageError(f"{error}: line {line} has {shared[1]}", hint="write the values without anchors and merge keys")
