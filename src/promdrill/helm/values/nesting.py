"""Where in a file a chart's values are: people bring them as their GitOps tool or their umbrella chart has them.

A values file has nothing but its chart's values. A Kubernetes object that makes a tool install a chart has them below a
key that depends on its kind. The values of an umbrella chart have them below the name of the subchart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from promdrill.core import yaml_read
from promdrill.core.errors import UsageError
from promdrill.helm.compatibility import stack
from promdrill.helm.compatibility.table import at

Steps = tuple[str | int, ...]
"""The way to a part of a file: names in mappings, numbers in lists. A number that comes first is that of a document."""

_EACH = -1  # each item of a list

_SOURCE = (("helm", "valuesObject"), ("helm", "values"))
_SOURCES = (*(("source", *each) for each in _SOURCE), *(("sources", _EACH, *each) for each in _SOURCE))

_OBJECTS: Mapping[str, Sequence[Steps]] = {
    "HelmRelease": (("spec", "values"),),
    "Application": tuple(("spec", *each) for each in _SOURCES),
    "ApplicationSet": tuple(("spec", "template", "spec", *each) for each in _SOURCES),
    "HelmChart": (("spec", "valuesContent"),),
    "Kustomization": (("helmCharts", _EACH, "valuesInline"),),
}
"""Kind of object (Flux, Argo CD, k3s, Kustomize) to where it has values: as a mapping, or as a text that is YAML."""

TELLING = {
    "prometheus": (("server",), ("serverFiles",)),
    stack.CHART: (("prometheus", "prometheusSpec"), ("prometheusOperator",)),
}
"""Chart to keys that values for it have, and values for another one have not."""

_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a file.

    Attributes:
        node: Its node; None for an empty file.
        value: What it says.
        first_line: The line of the file at which the text begins in which the node is.
    """

    node: Node | None
    value: Any
    first_line: int


@lru_cache(maxsize=16)
def part_at(text: str, steps: Steps, *, said: str) -> Part:
    """The part of a file to which a way leads. On the way, a text counts as the YAML that it is.

    The place of each value is looked up here, so what was read is kept. It is not to be changed.

    Args:
        text: The file's text.
        steps: The way, as from `steps_in`; empty for all of a file with one document.
        said: What messages call the file.

    Raises:
        UsageError: It is not YAML.
    """
    if steps and isinstance(steps[0], int):
        nodes = yaml_read.nodes_of(text, said=said)
        values = yaml_read.values_of(text, said=said, loader=yaml_read.Values)
        found, steps = Part(nodes[steps[0]], values[steps[0]], 1), steps[1:]
    else:
        found = Part(
            yaml_read.node_of(text, said=said), yaml_read.value_of(text, said=said, loader=yaml_read.Values), 1
        )
    for step in steps:
        found = _read(found, said)
        found = Part(_child(found.node, step), found.value[step], found.first_line)
    return _read(found, said) if steps else found


def steps_in(text: str, *, said: str) -> Steps:
    """The way to the values of a file with Kubernetes objects; empty for a file without.

    Args:
        text: The file's text.
        said: What messages call the file.

    Raises:
        UsageError: It is not YAML; or it has objects, and not the values of just one chart.
    """
    objects = {n: each for n, each in enumerate(yaml_read.values_of(text, said=said)) if _is_object(each)}
    if not objects:
        return ()
    ways = [way for number, each in objects.items() for way in _ways(each, number)]
    tell = [way for way in ways if tells(part_at(text, way, said=said).value)]
    chosen = tell or ways
    if len(chosen) == 1:
        return chosen[0]
    places = {way: f"{said}:{line_of(part_at(text, way, said=said))}" for way in chosen or [(n,) for n in objects]}
    if chosen:
        named = " and ".join(f"{text_of(way)} ({places[way]})" for way in chosen)
        raise UsageError(
            f"{said}: values of several charts: {named}", hint="a file with the values of Prometheus' chart"
        )
    kinds = ", ".join(dict.fromkeys(str(each["kind"]) for each in objects.values()))
    what = f"this is a Kubernetes object ({kinds}), and it has no values of a chart"
    raise UsageError(f"{next(iter(places.values()))}: {what}", hint="VALUES names the file that has them")


def key_in(values: Any) -> str | None:
    """The key below which the values of an umbrella chart have those of Prometheus' chart; None if they are its own.

    Args:
        values: The values.
    """
    if not isinstance(values, Mapping):
        return None
    below = {str(key): each for key, each in values.items() if isinstance(each, Mapping)}
    if stack.CHART in below:
        return stack.CHART
    if tells(values):
        return None
    found = [key for key, each in below.items() if at(each, TELLING[stack.CHART][0], _NOTHING) is not _NOTHING]
    if not found and any(at(below, ("prometheus", *path), _NOTHING) is not _NOTHING for path in TELLING["prometheus"]):
        found = ["prometheus"]
    return found[0] if len(found) == 1 else None


def tells(values: Any) -> bool:
    """Whether values have a key that tells for which chart they are."""
    paths = (path for telling in TELLING.values() for path in telling)
    return isinstance(values, Mapping) and any(at(values, path, _NOTHING) is not _NOTHING for path in paths)


def text_of(steps: Steps) -> str:
    """A way in words: ``spec.sources[1].helm.values``."""
    named = steps[1:] if steps and isinstance(steps[0], int) else steps
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in named).removeprefix(".")


def line_of(part: Part) -> int:
    """The line of a part in its file."""
    return part.first_line + (part.node.start_mark.line if part.node is not None else 0)


def pair(node: Node | None, key: str) -> tuple[Node, Node] | None:
    """The key and value of a mapping, its own or one that it merges in; of a key that appears twice the last one."""
    pairs = node.value if isinstance(node, MappingNode) else []
    own = next(((name, child) for name, child in reversed(pairs) if name.value == key), None)
    if own is not None:
        return own
    for name, child in pairs:
        if name.tag == yaml_read.MERGE:
            for each in child.value if isinstance(child, SequenceNode) else [child]:
                if (found := pair(each, key)) is not None:
                    return found
    return None


def repeated(node: Node | None, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], int, int]]:
    """Keys that appear twice in a mapping: the path, the line of the node's text, and that of the one that counts."""
    for name, child in node.value if isinstance(node, MappingNode) else ():
        last = pair(node, name.value)
        if last is not None and name.tag != yaml_read.MERGE:
            if last[0] is not name:
                yield (*above, name.value), name.start_mark.line, last[0].start_mark.line
            else:
                yield from repeated(child, (*above, name.value))


def _child(node: Node | None, step: str | int) -> Node | None:
    if isinstance(step, int):
        return node.value[step] if isinstance(node, SequenceNode) else None
    found = pair(node, step)
    return found[1] if found is not None else None


def _read(part: Part, said: str) -> Part:
    """The same part; for a text, the YAML that it is."""
    if not isinstance(part.value, str) or not isinstance(part.node, ScalarNode):
        return part
    first = line_of(part) + (1 if part.node.style in {"|", ">"} else 0)
    node = yaml_read.node_of(part.value, said=said, first_line=first)
    value = yaml_read.value_of(part.value, said=said, first_line=first, loader=yaml_read.Values)
    return Part(node, value, first)


def _is_object(document: Any) -> bool:
    return isinstance(document, Mapping) and all(isinstance(document.get(key), str) for key in ("apiVersion", "kind"))


def _ways(document: Mapping[str, Any], number: int) -> Iterator[Steps]:
    """The ways to all values that an object has."""
    for way in _OBJECTS.get(str(document["kind"]), ()):
        yield from _followed(document, way, (number,))


def _followed(value: Any, way: Steps, before: Steps) -> Iterator[Steps]:
    if not way:
        if value and isinstance(value, Mapping | str):
            yield before
    elif way[0] == _EACH:
        for number, item in enumerate(value if isinstance(value, list) else ()):
            yield from _followed(item, way[1:], (*before, number))
    elif isinstance(value, Mapping) and way[0] in value:
        yield from _followed(value[way[0]], way[1:], (*before, way[0]))
