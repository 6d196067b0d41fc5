"""Alert rules and recording rules, read from where people keep them.

A file may be a rule file of Prometheus (``groups:``), or have Kubernetes objects: PrometheusRules, a List of them, or a
ConfigMap with rule files; several documents in one stream, of both kinds. What Prometheus would refuse, or would take
for something else than its author means, is one error with its place. The fields are those of Prometheus'
model/rulefmt/rulefmt.go and of the PrometheusRule of monitoring.coreos.com.
"""

from __future__ import annotations

import difflib
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from promdrill.alerts import parser, templates
from promdrill.alerts.expressions import Expr
from promdrill.alerts.lexer import NotPromql
from promdrill.alerts.templates import NotTemplate
from promdrill.core import durations, reading, yaml_place, yaml_read
from promdrill.core.choices import nearest
from promdrill.core.errors import UsageError, shortened

LIMIT_BYTES = 4 << 20
"""Size limit of a file with rules: ten times the largest collection."""

SUFFIXES = (".yaml", ".yml", ".json", ".rules")
"""What the files of a folder end with that are read."""

_GROUP = ("name", "interval", "query_offset", "limit", "labels", "rules")
_RULE = ("alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations")
_THANOS = "partial_response_strategy"
"""A group's field in a PrometheusRule that only Thanos reads; Prometheus never gets it."""

_LINE_END = re.compile(r"\r\n|\n|\r")
_GROUPS = re.compile(r"^groups:", re.MULTILINE)
_BRACES = re.compile(r"\{\{[^\n]*")
_DEEPEST_FOLDER = 20
_NULL = "tag:yaml.org,2002:null"
_TEXT = "tag:yaml.org,2002:str"
_CORE_TAG = "tag:yaml.org,2002:"

_TEMPLATE = re.compile(
    r"\{%-?\s*\w+[^\n]*"
    r"|\{\{-?\s*(?:`|\"\{\{|'\{\{|include\b|tpl\b|toYaml\b)[^\n]*"
    r"|\{\{[^}\n]*\.(?:Values|Release|Chart|Capabilities|Files)\b[^\n]*"
)
"""What only a template has that nobody rendered: Helm's, or Jinja's. Prometheus' own is ``{{ $labels.x }}``."""

_MARKUP = re.compile(rf"{_TEMPLATE.pattern}|^[ \t]*(?:- )?\{{\{{[^\n]*|:[ \t]+\{{\{{[^\n]*", re.MULTILINE)
"""The same where no template of Prometheus can be: in what is not YAML."""

_UNRENDERED = "a template that nobody rendered"
_RENDER = "render it first: helm template CHART >rules.yaml"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands; line and column count from 1.

    Attributes:
        file: The file, as it is called in messages.
        line: 0 for text that nobody can open: what a chart renders to.
    """

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Rule:
    """An alert rule or a recording rule.

    Attributes:
        name: Of the alert, or of the series that it records.
        is_alert: Whether it is an alert rule.
        expr: Its expression.
        for_s: How long an alert is pending before it fires.
        keep_firing_for_s: How long an alert goes on firing when its expression has no result any more.
        labels: Labels that it sets; templates of Prometheus in an alert.
        annotations: Of an alert; templates of Prometheus.
        place: Where it begins.
    """

    name: str
    is_alert: bool
    expr: Expr
    for_s: float = 0.0
    keep_firing_for_s: float = 0.0
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    place: Place = field(default=Place("", 0), compare=False)


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that Prometheus evaluates one after the other.

    Attributes:
        name: Its name, which no other group of its file has.
        rules: Its rules.
        interval_s: How often they are evaluated; None for Prometheus' own interval.
        query_offset_s: How far in the past; None for Prometheus' own offset.
        limit: Most alerts, or series, of a rule; 0 for any number.
        labels: Labels that all its rules set.
        place: Where it begins.
    """

    name: str
    rules: tuple[Rule, ...]
    interval_s: float | None = None
    query_offset_s: float | None = None
    limit: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    place: Place = field(default=Place("", 0), compare=False)


def read(path: Path) -> tuple[Group, ...]:
    """The groups of a file, or of all files in a folder and its folders, in the order of their names.

    In a folder, files whose names do not end as `SUFFIXES` say, or begin with a dot, are left out.

    Raises:
        UsageError: A file cannot be read, or a rule of it is wrong; or there is no rule. With file, line and column.
    """
    files = list(_files(path, 0)) if path.is_dir() else [path]
    found = [group for file in files for group in _read(file)]
    if not any(group.rules for group in found):
        what = f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]} with rules in it" if path.is_dir() else "rule in it"
        raise UsageError(f"{reading.shown(path)}: no {what}", hint="a rule file begins with groups:")
    return tuple(found)


def read_text(text: str, *, said: str) -> tuple[Group, ...]:
    """The groups of a text, such as what a chart renders to; none, if it has only other objects of Kubernetes.

    Args:
        text: YAML, with any number of documents.
        said: What messages call it, such as its file.

    Raises:
        UsageError: It is not YAML, or a rule is wrong. With the line and the column.
    """
    try:
        nodes = yaml_read.nodes_of(text, said=said)
    except UsageError as error:
        template = _MARKUP.search(text)
        if template is None:
            raise
        raise _Source.of(text, said).unrendered(template) from error
    source = _Source.of(text, said)
    return tuple(group for node in nodes for group in _document(source, node))


def _read(file: Path) -> tuple[Group, ...]:
    return read_text(reading.text_of(file, limit_bytes=LIMIT_BYTES), said=reading.shown(file))


def _files(folder: Path, depth: int) -> Iterator[Path]:
    if depth > _DEEPEST_FOLDER:
        raise UsageError(f"{reading.shown(folder)}: {depth} folders deep", hint="name the folder that has the rules")
    for path in reading.listed(folder):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield from _files(path, depth + 1)
        elif path.suffix in SUFFIXES:
            yield path


@dataclass(frozen=True, slots=True)
class _Source:
    """A text that is read: a file's, or a value's in it.

    Attributes:
        said: What messages call the file.
        text: The text.
        lines: The index in the file of the first character of each line.
        outer: The index in the file of an index in this text.
    """

    said: str
    text: str
    lines: Sequence[int]
    outer: Callable[[int], int]

    @classmethod
    def of(cls, text: str, said: str) -> _Source:
        """That of a file."""
        return cls(said, text, [0, *(found.end() for found in _LINE_END.finditer(text))], lambda index: index)

    def inside(self, node: ScalarNode) -> _Source:
        """That of a value in this text."""
        outer, index_of = self.outer, yaml_place.indexes(node, self.text)
        return _Source(self.said, str(node.value), self.lines, lambda index: outer(index_of(index)))

    def place(self, index: int) -> Place:
        """Where a character of this text stands in the file."""
        at = self.outer(index)
        line = bisect_right(self.lines, at)
        return Place(self.said, line, at - self.lines[line - 1] + 1)

    def wrong(self, node: Node | int, what: str, *, hint: str) -> UsageError:
        """The error for a node, or for an index in this text."""
        if isinstance(node, int):
            return self._error(node, what, hint)
        template = _BRACES.match(self.text, node.start_mark.index)  # in YAML it is a mapping in a mapping
        return self.unrendered(template) if template else self._error(node.start_mark.index, what, hint)

    def _error(self, index: int, what: str, hint: str) -> UsageError:
        place = self.place(index)
        return UsageError(f"{place}:{place.column}: {what}", hint=hint)

    def unrendered(self, template: re.Match[str]) -> UsageError:
        """The error for a template in this text that nobody rendered."""
        return self.wrong(template.start(), f"{_UNRENDERED}: {shortened(template[0], 60)}", hint=_RENDER)


# --- documents -------------------------------------------------------------------------------------------------------


def _document(source: _Source, node: Node) -> Iterator[Group]:
    if _is_null(node):
        return
    if not isinstance(node, MappingNode):
        raise source.wrong(node, "not a rule file: no groups", hint="groups: [{name: mine, rules: [...]}]")
    fields = _mapping(source, node, "a document")
    kind = _word(fields.get("kind"))
    if kind and "apiVersion" in fields:
        yield from _object(source, fields, kind)
        return
    if "groups" not in fields:
        has = shortened(", ".join(fields), 80)
        raise source.wrong(node, f"not a rule file: it has {has} and no groups", hint="leave this file out")
    _known(source, node, ("groups",), "a rule file")
    yield from _groups(source, fields["groups"], _Form("groups", of_kubernetes=False))


def _object(source: _Source, fields: Mapping[str, Node], kind: str) -> Iterator[Group]:
    """The groups of an object of Kubernetes; none for a kind that has no rules."""
    if kind.endswith("List") and isinstance(fields.get("items"), SequenceNode):
        for item in fields["items"].value:
            yield from _document(source, item)
    elif kind == "PrometheusRule" and _word(fields["apiVersion"]).startswith("monitoring.coreos.com/"):
        spec = fields.get("spec")
        if spec is None:
            raise source.wrong(fields["kind"], "a PrometheusRule without spec", hint="spec: {groups: [...]}")
        inside = _mapping(source, spec, "spec")
        _known(source, spec, ("groups",), "spec")
        if "groups" in inside:
            yield from _groups(source, inside["groups"], _Form("spec.groups", of_kubernetes=True))
    elif kind == "ConfigMap" and isinstance(fields.get("data"), MappingNode):
        for key, value in fields["data"].value:
            if isinstance(value, ScalarNode) and _GROUPS.search(str(value.value)):
                yield from _file_in_value(source.inside(value), _word(key))


def _file_in_value(source: _Source, key: str) -> Iterator[Group]:
    for node in yaml_read.nodes_of(source.text, said=f"{source.said}: {key}"):
        yield from _document(source, node)


# --- groups and rules ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Form:
    """Which of the two forms groups have.

    Attributes:
        path: What their list is called.
        of_kubernetes: Whether the API server checks them, which takes no number for a text.
    """

    path: str
    of_kubernetes: bool


def _groups(source: _Source, node: Node, form: _Form) -> Iterator[Group]:
    seen: dict[str, Node] = {}
    for each in _items(source, node, form.path):
        fields = _mapping(source, each, "a group")
        _known(source, each, (*_GROUP, _THANOS) if form.of_kubernetes else _GROUP, "a group")
        name = _text(source, fields.get("name"), "name") if "name" in fields else ""
        if not name:
            raise source.wrong(each, "a group without a name", hint="name: mine")
        if name in seen:
            first = source.place(seen[name].start_mark.index)
            raise source.wrong(fields["name"], f"the group {name} is there twice; first at {first}", hint="rename one")
        seen[name] = fields["name"]
        rules = [_rule(source, rule, form) for rule in _items(source, fields.get("rules"), "rules")]
        yield Group(
            name=name,
            rules=tuple(rules),
            interval_s=_duration(source, fields.get("interval"), "interval"),
            query_offset_s=_duration(source, fields.get("query_offset"), "query_offset"),
            limit=_count(source, fields.get("limit"), "limit"),
            labels=_texts(source, fields.get("labels"), "labels", form),
            place=source.place(each.start_mark.index),
        )


def _rule(source: _Source, node: Node, form: _Form) -> Rule:
    fields = _mapping(source, node, "a rule")
    _known(source, node, _RULE, "a rule")
    named = [key for key in ("alert", "record") if key in fields and not _is_null(fields[key])]
    if len(named) != 1:
        both = "a rule with alert and record" if named else "a rule without alert or record"
        raise source.wrong(node, both, hint="alert: Name for an alert rule, record: name for a recording rule")
    is_alert = named[0] == "alert"
    name = _text(source, fields[named[0]], named[0])
    if not name or (not is_alert and set(name) & set("{} ")):
        raise source.wrong(fields[named[0]], f"{named[0]} is not a name: {name!r}", hint="a condition belongs in expr")
    for key in () if is_alert else ("for", "keep_firing_for", "annotations"):
        if key in fields and not _is_null(fields[key]):
            raise source.wrong(fields[key], f"{key} in a recording rule", hint="only an alert rule has it")
    return Rule(
        name=name,
        is_alert=is_alert,
        expr=_expression(source, node, fields.get("expr"), name),
        for_s=_duration(source, fields.get("for"), "for") or 0.0,
        keep_firing_for_s=_duration(source, fields.get("keep_firing_for"), "keep_firing_for") or 0.0,
        labels=_texts(source, fields.get("labels"), "labels", form, of_alert=is_alert),
        annotations=_texts(source, fields.get("annotations"), "annotations", form, of_alert=is_alert),
        place=source.place(node.start_mark.index),
    )


def _expression(source: _Source, rule: Node, node: Node | None, name: str) -> Expr:
    if node is None or _is_null(node):
        raise source.wrong(rule, f"{name} has no expr", hint="expr: up == 0")
    text = _text(source, node, "expr")
    inside = source.inside(node) if isinstance(node, ScalarNode) else source
    template = _TEMPLATE.search(text) or _BRACES.search(text)
    try:
        return parser.parse(text)
    except NotPromql as error:
        if template:
            raise inside.unrendered(template) from error
        hint = "promtool check rules says what Prometheus itself thinks of it"
        raise inside.wrong(error.at, f"expr of {name} is not PromQL: {error.why}", hint=hint) from error


# --- values ----------------------------------------------------------------------------------------------------------


def _mapping(source: _Source, node: Node, what: str) -> dict[str, Node]:
    """The values of a mapping by their keys; what is merged into it (``<<``) counts where it has no such key."""
    if not isinstance(node, MappingNode):
        raise source.wrong(node, f"{what} must be a mapping, key: value", hint=yaml_read.HINT)
    merged: dict[str, Node] = {}
    own: dict[str, Node] = {}
    for key, value in node.value:
        if key.tag == yaml_read.MERGE:
            for other in reversed(_merged(value)):
                merged.update(_mapping(source, other, "what << names"))
            continue
        if not isinstance(key, ScalarNode):
            raise source.wrong(key, f"a key of {what} must be text", hint=yaml_read.HINT)
        if key.value in own:
            raise source.wrong(key, f"the key {_short(key)} appears twice", hint="remove one of them")
        own[str(key.value)] = value
    return merged | own


def _merged(node: Node) -> Sequence[Node]:
    """What a ``<<`` names, the first of which counts most."""
    found: Sequence[Node] = node.value if isinstance(node, SequenceNode) else (node,)
    return found


def _known(source: _Source, node: Node, known: Sequence[str], what: str) -> None:
    """Refuse a key that a mapping may not have, also where it is merged into it."""
    for key, value in node.value:
        if key.tag == yaml_read.MERGE:
            for other in _merged(value):
                _known(source, other, known, what)
        elif key.value not in known:
            near = difflib.get_close_matches(str(key.value)[:40], known, n=1)
            hint = f"{near[0]}:" if near else f"{what} has {', '.join(known)}"
            raise source.wrong(key, f"{what} has no {_short(key)}", hint=hint)


def _items(source: _Source, node: Node | None, what: str) -> Sequence[Node]:
    if node is None or _is_null(node):
        return ()
    if not isinstance(node, SequenceNode):
        raise source.wrong(node, f"{what} must be a list", hint=f"{what}: [...]")
    items: Sequence[Node] = node.value
    return items


def _text(source: _Source, node: Node | None, what: str, *, only_text: bool = False) -> str:
    """A scalar's text, as it is written where it is a number; null is the empty text."""
    if node is None or _is_null(node):
        return ""
    if not isinstance(node, ScalarNode) or not node.tag.startswith(_CORE_TAG):
        raise source.wrong(node, f"{what} must be text", hint=yaml_read.HINT)
    if only_text and node.tag != _TEXT:
        said = "the API server takes no number or truth value for text"
        raise source.wrong(node, f"{what} must be text: {said}", hint=f'put it in quotes: "{_short(node)}"')
    return str(node.value)


def _texts(source: _Source, node: Node | None, what: str, form: _Form, *, of_alert: bool = False) -> dict[str, str]:
    """Labels or annotations: their texts by their names; those of an alert are templates."""
    found: dict[str, str] = {}
    if node is None or _is_null(node):
        return found
    for name, value in _mapping(source, node, what).items():
        if not name or name == "__name__":
            raise source.wrong(value, f"{what} has {name or 'an empty name'}", hint="name it otherwise")
        found[name] = _text(source, value, f"{what}.{name}", only_text=form.of_kubernetes)
        template = _TEMPLATE.search(found[name])
        if template and isinstance(value, ScalarNode):
            raise source.inside(value).unrendered(template)
        if of_alert and isinstance(value, ScalarNode):
            _template(source.inside(value), f"{what}.{name}")
    return found


def _template(inside: _Source, what: str) -> None:
    try:
        templates.check(inside.text)
    except NotTemplate as error:
        hint = "Prometheus' documentation, page Template reference, and text/template of Go have the rules"
        if error.unknown:
            hint = f"{nearest(error.unknown, sorted(templates.FUNCTIONS))}; {hint}"
        raise inside.wrong(error.at, f"{what} is no template: {error.why}", hint=hint) from error


def _duration(source: _Source, node: Node | None, what: str) -> float | None:
    if node is None or _is_null(node):
        return None
    text = _text(source, node, what)
    try:
        return durations.parse(text)
    except ValueError as error:
        template = _BRACES.search(text)
        if template and isinstance(node, ScalarNode):
            raise source.inside(node).unrendered(template) from error
        raise source.wrong(node, f"{what} is {error}: {shortened(text, 40)!r}", hint=f"{what}: 5m") from error


def _count(source: _Source, node: Node | None, what: str) -> int:
    text = _text(source, node, what)
    if node is None or _is_null(node):
        return 0
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise source.wrong(node, f"{what} is not a whole number: {shortened(text, 40)!r}", hint=f"{what}: 10")
    return int(text)


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.tag == _NULL


def _word(node: Node | None) -> str:
    return str(node.value) if isinstance(node, ScalarNode) else ""


def _short(node: ScalarNode) -> str:
    return shortened(str(node.value), 40) or "''"
