"""Changing a Helm values file in place: one value becomes another, every other line stays as its author wrote it.

A runbook edits the same file by its lines, so loading and dumping the whole of it (which drops comments and moves
lines about) will not do. The text is changed where the YAML parser says that the value stands, and the outcome is
parsed again and compared with what was meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from promdrill.core.errors import UsageError

Path = tuple[str, ...]

_ANCHORS = re.compile(r"(^|[\s\[{,])([&*]\w|<<:)")
"""What YAML has for saying a thing once: an anchor, a reference to it, a merge key."""


def load(text: str) -> dict[str, Any]:
    """The values that a file's text holds.

    Raises:
        UsageError: It is not YAML, or not a mapping.
    """
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"values are not YAML: {error}") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UsageError(f"values are a {type(values).__name__}, not a mapping")
    return values


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
    wanted = load(text)
    _put(wanted, path, value)
    changed = _edit(text, tuple(path), value)
    if load(changed) != wanted:
        hint = (
            "write the values without anchors" if _ANCHORS.search(text) else "Replace(old, new) changes the text itself"
        )
        raise UsageError(f"{'.'.join(path)} cannot be set in place", hint=hint)
    return changed


def list_at(text: str, path: Sequence[str], value: Any) -> tuple[str, int] | None:
    """The list that setting a value would turn into something else: its dotted path, and the line at which it begins.

    Args:
        text: The values.
        path: As in `set_value`.
        value: Likewise; a list may take the place of a list.
    """
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    for depth, key in enumerate(path, 1):
        entry = _entry(node, key) if isinstance(node, yaml.MappingNode) else None
        if entry is None:
            return None
        _, node = entry
        goes_on = depth < len(path) or (value is not None and not isinstance(value, list))
        if isinstance(node, yaml.SequenceNode) and goes_on:
            return ".".join(path[:depth]), node.start_mark.line + 1
    return None


def merge(text: str, additions: Mapping[str, Any]) -> str:
    """The text with `additions` laid over it as Helm does: mappings are merged, anything else is replaced.

    Raises:
        UsageError: As `set_value`.
    """
    for path, value in _leaves(additions):
        text = set_value(text, path, value)
    return text


def _leaves(values: Mapping[str, Any], above: Path = ()) -> Iterator[tuple[Path, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*above, str(key)))
        else:
            yield (*above, str(key)), value


def _put(values: dict[str, Any], path: Sequence[str], value: Any) -> None:
    here = values
    for key in path[:-1]:
        if not isinstance(here.get(key), dict):
            here[key] = {}
        here = here[key]
    here[path[-1]] = value


def _edit(text: str, path: Path, value: Any) -> str:
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(node, yaml.MappingNode) or not node.value:  # empty, or comments only
        return (text.rstrip("\n") + "\n" if text.strip() and node is None else "") + _block(path, value, 0)
    for depth, key in enumerate(path):
        entry = _entry(node, key)
        if entry is None:
            return _added(text, node, _block(path[depth:], value, node.start_mark.column))
        name, child = entry
        rest = path[depth + 1 :]
        if not rest or not isinstance(child, yaml.MappingNode) or child.flow_style or not child.value:
            return text[: name.end_mark.index] + ": " + _inline(_within(child, rest, value)) + text[_end(child) :]
        node = child
    raise UsageError("an empty path names no value")


def _added(text: str, node: yaml.MappingNode, lines: str) -> str:
    """The text with lines added behind a mapping's last one."""
    end = text.find("\n", _end(node)) + 1
    return text[:end] + lines + text[end:] if end else f"{text}\n{lines}"


def _within(child: yaml.Node, rest: Path, value: Any) -> Any:
    """The text that replaces `child`: the value itself, or a flow mapping with the value inside it."""
    if not rest:
        return value
    found = yaml.SafeLoader("").construct_document(child) if isinstance(child, yaml.MappingNode) else None
    values = found if isinstance(found, dict) else {}
    _put(values, rest, value)
    return values


def _entry(node: yaml.MappingNode, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    return next(((name, child) for name, child in node.value if name.value == key), None)


def _end(node: yaml.Node) -> int:
    """Where a node's own text ends; the parser's mark of a block lies at the next token, lines further down."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    end: int = node.end_mark.index
    if isinstance(node, yaml.ScalarNode) and node.style in {"|", ">"}:
        text = str(node.end_mark.buffer or "")
        while end > node.start_mark.index and text[end - 1 : end] == "\n":
            end -= 1
    return end


def _inline(value: Any) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, width=float("inf"), sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...").rstrip()


def _block(path: Path, value: Any, indent: int) -> str:
    lines = [f"{' ' * (indent + 2 * depth)}{key}:" for depth, key in enumerate(path)]
    lines[-1] += f" {_inline(value)}"
    return "\n".join(lines) + "\n"
