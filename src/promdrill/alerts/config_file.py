"""Find Alertmanager's configuration in the file that a user gives: alone, or in a Secret or a ConfigMap.

A Secret of the operator may have it packed (``alertmanager.yaml.gz``). What is something else, such as Helm values or
an AlertmanagerConfig, is refused in one sentence that says what to give instead.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import re
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence

import yaml
from yaml.nodes import Node, ScalarNode

from promdrill.alerts.strict import RENDER, Part
from promdrill.core import reading, yaml_read
from promdrill.core.errors import UsageError

_LIMIT_BYTES = reading.LARGEST_TEXT_BYTES
_INNER = ("alertmanager.yaml", "alertmanager.yml", "alertmanager.yaml.gz", "config.yaml", "config.yml")
"""Keys of a Secret or a ConfigMap that may hold a configuration."""

_GENERATED = "give what the operator made of it: kubectl get secret alertmanager-NAME-generated -o yaml >config.yaml"
_OBJECTS = {
    "AlertmanagerConfig": "an AlertmanagerConfig is not Alertmanager's configuration, but a part of what becomes it",
    "Alertmanager": "an Alertmanager of the operator has no configuration in it",
}
_OTHERS = {
    "groups": ("a file of rules", "give it as RULES"),
    "scrape_configs": ("the configuration of Prometheus", "give Alertmanager's own, which begins with route:"),
    "alerting": ("the configuration of Prometheus", "give Alertmanager's own, which begins with route:"),
}
_DEEPEST = 5  # keys above a configuration in Helm values
_MARKER = re.compile(r"^(?:---|\.\.\.|%)", re.MULTILINE)
"""What YAML knows only at the beginning of a line."""

_MARKUP = re.compile(r"[ \t]*(?:-[ \t]+)?(?:[\w.-]+:[ \t]+)?(?:\{\{|\{%|<%)")
"""A line that begins with a template, or a key whose value does: no YAML before it is rendered."""


def configuration(text: str, *, said: str, known: Collection[str]) -> Part:
    """The configuration in a text: its only document, or what a Secret or a ConfigMap in it holds.

    Args:
        text: The text of the file.
        said: What messages call the file.
        known: The keys of a configuration.

    Raises:
        UsageError: It has none, or more than one, or is not YAML; with file, line and column.
    """
    documents = _documents(text, said)
    objects = [each for document in documents for each in _objects(document)]
    return _alone(_held(objects, text) if objects else documents, known)


def _documents(text: str, said: str) -> list[Part]:
    """The documents of a text that have anything in them, at least one."""
    try:
        yaml_read.check(text, said=said)
    except UsageError as error:
        line = _unrendered(text, error.__cause__)
        if line is None:
            raise
        raise UsageError(f"{said}:{line}: a template that nobody rendered", hint=RENDER) from error
    try:
        nodes = [node for node in yaml.compose_all(text, Loader=yaml_read.Loader) if not _is_empty(node)]
    except yaml.YAMLError as error:
        raise yaml_read.wrong(error, text, said) from error
    if not nodes:
        raise UsageError(f"{said}:1: there is nothing in it", hint="route: {receiver: team}")
    return [Part(node, said, "the configuration") for node in nodes]


def _unrendered(text: str, error: BaseException | None) -> int | None:
    """The line with the template because of which a text is no YAML; None if it is for another reason."""
    lines = text.splitlines()
    for mark in (getattr(error, "context_mark", None), getattr(error, "problem_mark", None)):
        for line in (mark.line, mark.line - 1) if mark else ():
            if 0 <= line < len(lines) and _MARKUP.match(lines[line]):
                return int(line) + 1
    return None


def _is_empty(node: Node) -> bool:
    return isinstance(node, ScalarNode) and not node.value


def _alone(documents: Sequence[Part], known: Collection[str]) -> Part:
    """The only document, if it is a configuration by its keys."""
    document, *more = documents
    if more:
        what = "a second document, which Alertmanager does not read"
        raise more[0].wrong(what, "give a file that has only the configuration")
    if not document.is_mapping:
        raise document.wrong("not a configuration of Alertmanager", "it begins with route:")
    pairs = document.pairs()
    for name in [name for name in pairs if name not in known]:
        if name in _OTHERS:
            what, hint = _OTHERS[name]
            raise pairs[name].wrong(f"{what}, not of Alertmanager", hint)
        path = _nested(document, 0)
        if path:
            what = f"the configuration is below {'.'.join(path)}, as in Helm values"
            raise document.wrong(what, "put it into a file of its own, which begins with route:")
    return document


def _nested(part: Part, depth: int) -> tuple[str, ...]:
    """The keys below which there is a configuration, as a mapping or as a text; none for nowhere."""
    for key, each in part.pairs().items():
        if isinstance(each.node, ScalarNode) and _is_configuration(each.raw()):
            return (key,)
        if each.is_mapping:
            below = each.pairs()
            if {"route", "receivers"} <= below.keys():
                return (key,)
            if depth < _DEEPEST and (found := _nested(each, depth + 1)):
                return (key, *found)
    return ()


def _is_configuration(text: str) -> bool:
    return all(re.search(rf"^{key}:", text, re.MULTILINE) for key in ("route", "receivers"))


def _objects(document: Part) -> Iterator[Mapping[str, Part]]:
    """The objects of Kubernetes in a document; none, if it is something else."""
    pairs = document.pairs() if document.is_mapping else {}
    if "kind" not in pairs or "apiVersion" not in pairs:
        return
    if pairs["kind"].raw() == "List" and "items" in pairs:
        for item in pairs["items"].items("an item"):
            yield from _objects(item)
    else:
        yield pairs


def _held(objects: Sequence[Mapping[str, Part]], text: str) -> list[Part]:
    """The documents that one of these objects holds as Alertmanager's configuration."""
    held = [
        (key, part, (name == "data") == (each["kind"].raw() == "Secret") and name != "stringData")
        for each in objects
        if each["kind"].raw() in {"Secret", "ConfigMap"}
        for name in ("data", "stringData", "binaryData")
        for key, part in (each[name].pairs() if name in each else {}).items()
        if key in _INNER
    ]
    if not held:
        kinds = {each["kind"].raw(): each["kind"] for each in objects}
        for kind, why in _OBJECTS.items():
            if kind in kinds:
                raise kinds[kind].wrong(why, _GENERATED)
        what = f"{' and '.join(kinds)}: no object that holds Alertmanager's configuration"
        raise objects[0]["kind"].wrong(what, f"give a Secret or a ConfigMap that has {_INNER[0]}")
    (key, part, encoded), *more = held
    if more:
        raise more[0][1].wrong(f"{more[0][0]} is a second configuration, after {part.place}", "remove one of them")
    inner = _decoded(part, key) if encoded else part.raw()
    if isinstance(part.node, ScalarNode) and part.node.style == "|" and not encoded and not _MARKER.search(inner):
        return _documents(_in_place(text, part.node), part.said)
    return _documents(inner, f"{part.said}: {key}")


def _in_place(text: str, node: ScalarNode) -> str:
    """A literal text at its lines and columns of the file, for the places of what is wrong in it."""
    before = node.start_mark.line + 1
    lines = text.splitlines(keepends=True)[before : node.end_mark.line + 1]
    count = str(node.value).count("\n") + 1
    return "\n" * before + "".join(lines[:count])


def _decoded(part: Part, key: str) -> str:
    try:
        raw = base64.b64decode("".join(part.raw().split()), validate=True)
        if key.endswith(".gz"):
            with gzip.GzipFile(fileobj=io.BytesIO(raw)) as stream:
                raw = stream.read(_LIMIT_BYTES + 1)
    except (binascii.Error, ValueError, OSError, EOFError, zlib.error) as error:
        raise part.wrong(f"{key} is not what kubectl prints: {error}", "kubectl get secret NAME -o yaml") from error
    if len(raw) > _LIMIT_BYTES:
        raise part.wrong(f"{key} is larger than {_LIMIT_BYTES >> 10} KiB", "give a smaller one")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise part.wrong(f"{key} is not UTF-8 once it is decoded", "save it as UTF-8") from error
    return text
