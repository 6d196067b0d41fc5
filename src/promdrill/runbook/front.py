"""Front matter: the YAML between two lines of dashes at the top of a runbook."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

from promdrill.core import durations, yaml_read
from promdrill.runbook.source import SourceText

KEYS = ("id", "title", "variables", "data_loss", "optional", "alerts", "fails_because", "fails_with")
"""What front matter may say, in the order of the documentation."""

NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
"""A runbook's id or a step's name: what may also be the name of a folder or of a Kubernetes object."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TAKEN = re.compile(
    r"_|PATH|HOME|PWD|OLDPWD|IFS|ENV|PS4|(E?U|PP)ID|SECONDS|RANDOM|LINENO|OPTIND|SHELLOPTS|POSIXLY_CORRECT"
    r"|(KUBE|HELM_|XDG_|BASH|LD_|PROMDRILL_).*"
)
"""Variables that bash, kubectl or Helm use themselves."""

_ALERT, _MUST_RESOLVE = _OF_ALERT = "alert", "must_resolve"
"""The keys of an alert that has to be resolved after recovery."""

_EXAMPLE = "---, id: disk-full, title: One line, ---"
_BOOLS: dict[str, bool] = yaml.SafeLoader.bool_values
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Mark:
    """A name and its position; line and column count from 1."""

    name: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class RunbookAlert:
    """An alert that leads a person to a runbook.

    Attributes:
        name: Its name.
        line: The line that names it, counted from 1.
        must_resolve_s: At the latest so many seconds of the operator's after recovery it no longer fires, if it fired;
            None for no matter.
    """

    name: str
    line: int
    must_resolve_s: float | None = None


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The front matter's content; see also `promdrill.runbook.parse.Runbook`.

    Attributes:
        id: Name of the runbook: that of the scenario's folder.
        title: What the person on call sees, in one line; the same as the first heading.
        variables: Name and default of each.
        data_loss: What data is lost by design, and why; empty if none is.
        optional: The names of steps that may be left out, with their positions.
        alerts: The alerts that lead a person to it, and which of them have to be resolved after recovery, and when.
        fails_because: Why it does not work; empty for a runbook that is meant to be followed.
        fails_with: How that shows, as a regular expression; likewise empty.
        length: Number of its lines, both lines of dashes included.
    """

    id: str
    title: str
    variables: dict[str, str]
    data_loss: str
    optional: tuple[Mark, ...]
    alerts: tuple[RunbookAlert, ...]
    fails_because: str
    fails_with: str
    length: int


def read_front(source: SourceText) -> FrontMatter:
    """Read the front matter.

    Raises:
        UsageError: It is missing or not YAML, a key is unknown or repeated, or a value is wrong.
    """
    if source.lines[0].rstrip() != "---":
        raise source.wrong(1, 1, "a runbook must begin with front matter", hint=f"four lines: {_EXAMPLE}")
    ends = (number for number, line in enumerate(source.lines[1:], 2) if line.rstrip() in {"---", "..."})
    length = next(ends, 0)
    if not length:
        raise source.wrong(1, 1, "front matter has no closing ---")
    entries = _entries(source, "\n".join(source.lines[1 : length - 1]))
    for key in ("id", "title"):
        if key not in entries:
            raise source.wrong(1, 1, f"front matter lacks {key}", hint=f"{key}: ...")
    for key, other in (("fails_because", "fails_with"), ("fails_with", "fails_because")):
        if key in entries and other not in entries:
            hint = f"{other}: ... (fails_because is a sentence, fails_with a pattern of the output that shows it)"
            raise source.wrong(*_at(entries[key]), f"{key} needs {other} too", hint=hint)
    read: dict[str, Any] = {key: _READERS[key](source, node) for key, node in entries.items()}
    return FrontMatter(
        id=read["id"],
        title=read["title"],
        variables=read.get("variables", {}),
        data_loss=read.get("data_loss", ""),
        optional=read.get("optional", ()),
        alerts=read.get("alerts", ()),
        fails_because=read.get("fails_because", ""),
        fails_with=read.get("fails_with", ""),
        length=length,
    )


def _entries(source: SourceText, text: str) -> dict[str, yaml.Node]:
    node = yaml_read.node_of(text, said=str(source.path), first_line=2)
    if node is None:
        return {}
    entries = _mapping(source, node, "front matter")
    for mark, _ in entries:
        if mark.name not in KEYS:
            near = difflib.get_close_matches(mark.name, KEYS)
            raise source.wrong(
                mark.line,
                mark.column,
                f"unknown key {mark.name} in the front matter",
                hint=near[0] if near else ", ".join(KEYS),
            )
    return {mark.name: child for mark, child in entries}


def _at(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 2, node.start_mark.column + 1


def _mapping(source: SourceText, node: yaml.Node, what: str) -> list[tuple[Mark, yaml.Node]]:
    """The entries of a mapping whose keys are text, each key once."""
    if not isinstance(node, yaml.MappingNode):
        raise source.wrong(*_at(node), f"{what} must be a mapping, name: value")
    found: dict[str, tuple[Mark, yaml.Node]] = {}
    for key, child in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise source.wrong(*_at(key), f"a key of {what} must be text")
        if key.value in found:
            raise source.wrong(*_at(key), f"{key.value} appears twice in {what}")
        found[key.value] = (Mark(key.value, *_at(key)), child)
    return list(found.values())


def _text(source: SourceText, node: yaml.Node, what: str, *, tags: tuple[str, ...] = ("str",)) -> str:
    if not isinstance(node, yaml.ScalarNode) or node.tag.removeprefix(_TAG) not in tags:
        raise source.wrong(*_at(node), f"{what} must be text", hint="put it in quotes")
    return str(node.value)


def _id(source: SourceText, node: yaml.Node) -> str:
    value = _text(source, node, "id")
    if not NAME.fullmatch(value):
        raise source.wrong(*_at(node), "id must be lower case letters, digits and dashes", hint="disk-full")
    return value


def _title(source: SourceText, node: yaml.Node) -> str:
    value = " ".join(_text(source, node, "title").split())
    if not value:
        raise source.wrong(*_at(node), "title is empty")
    return value


def _fails_because(source: SourceText, node: yaml.Node) -> str:
    value = " ".join(_text(source, node, "fails_because").split())
    if not value:
        raise source.wrong(*_at(node), "fails_because is empty", hint="one sentence")
    return value


def _fails_with(source: SourceText, node: yaml.Node) -> str:
    value = _text(source, node, "fails_with").strip()
    if not value:
        raise source.wrong(*_at(node), "fails_with is empty", hint="a part of the output that shows why it fails")
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        raise source.wrong(*_at(node), f"fails_with is not a regular expression: {error}") from error
    return value


def _variables(source: SourceText, node: yaml.Node) -> dict[str, str]:
    values = {}
    for mark, child in _mapping(source, node, "variables"):
        if not _VARIABLE.fullmatch(mark.name):
            raise source.wrong(mark.line, mark.column, f"{mark.name} is not a valid name of a shell variable")
        if _TAKEN.fullmatch(mark.name):
            raise source.wrong(mark.line, mark.column, f"{mark.name} is reserved for promdrill", hint="rename it")
        values[mark.name] = _text(source, child, f"the default of {mark.name}", tags=("str", "int"))
        if "\n" in values[mark.name] or "\0" in values[mark.name]:
            raise source.wrong(*_at(child), f"the default of {mark.name} must be one line")
    return values


def _data_loss(source: SourceText, node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode) and node.tag == f"{_TAG}bool" and node.value.lower() in _BOOLS:
        return "by design" if _BOOLS[node.value.lower()] else ""
    words = str(node.value).strip().lower() if isinstance(node, yaml.ScalarNode) and node.tag == f"{_TAG}str" else ""
    if words in {"", "true", "false", "yes", "no", "none"}:
        raise source.wrong(*_at(node), "data_loss must be true, false, or text that says what is lost")
    return " ".join(node.value.split())


def _optional(source: SourceText, node: yaml.Node) -> tuple[Mark, ...]:
    if not isinstance(node, yaml.SequenceNode):
        raise source.wrong(*_at(node), "optional must be a list of step names", hint="optional: [the-name]")
    return tuple(Mark(_text(source, child, "a step's name"), *_at(child)) for child in node.value)


def _alerts(source: SourceText, node: yaml.Node) -> tuple[RunbookAlert, ...]:
    if not isinstance(node, yaml.SequenceNode):
        raise source.wrong(*_at(node), "alerts must be a list of names of alerts", hint="alerts: [VolumeAlmostFull]")
    found: dict[str, RunbookAlert] = {}
    for child in node.value:
        alert = _alert(source, child)
        if alert.name in found:
            raise source.wrong(*_at(child), f"{alert.name} appears twice in alerts")
        found[alert.name] = alert
    return tuple(found.values())


def _alert(source: SourceText, node: yaml.Node) -> RunbookAlert:
    """An alert: its name, or a mapping that says, too, when it has to be resolved."""
    line, column = _at(node)
    if not isinstance(node, yaml.MappingNode):
        return RunbookAlert(_alert_name(source, node), line)
    entries = {mark.name: (mark, child) for mark, child in _mapping(source, node, "an alert")}
    for mark, _ in entries.values():
        if mark.name not in _OF_ALERT:
            raise source.wrong(
                mark.line, mark.column, f"unknown key {mark.name} of an alert", hint=" and ".join(_OF_ALERT)
            )
    for key in _OF_ALERT:
        if key not in entries:
            hint = f"{{{_ALERT}: VolumeAlmostFull, {_MUST_RESOLVE}: 5m}}, or the name alone"
            raise source.wrong(line, column, f"an alert lacks {key}", hint=hint)
    within = entries[_MUST_RESOLVE][1]
    try:
        must_resolve_s = durations.parse(_text(source, within, _MUST_RESOLVE, tags=("str", "int")))
    except ValueError as error:
        raise source.wrong(*_at(within), f"{_MUST_RESOLVE}: {error}", hint=f"{_MUST_RESOLVE}: 5m") from error
    return RunbookAlert(_alert_name(source, entries[_ALERT][1]), line, must_resolve_s)


def _alert_name(source: SourceText, node: yaml.Node) -> str:
    value = _text(source, node, "an alert's name")
    if not value.strip() or not value.isprintable():
        raise source.wrong(*_at(node), "that is not the name of an alert", hint="VolumeAlmostFull")
    return value


_READERS: dict[str, Callable[[SourceText, yaml.Node], Any]] = {
    "id": _id,
    "title": _title,
    "variables": _variables,
    "data_loss": _data_loss,
    "optional": _optional,
    "alerts": _alerts,
    "fails_because": _fails_because,
    "fails_with": _fails_with,
}
