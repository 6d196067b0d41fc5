"""Groups of rules as one rule file of Prometheus, which reads back equal."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import yaml

from promdrill.alerts import expressions
from promdrill.alerts.rules import Group, Rule
from promdrill.core import durations


def write(groups: Iterable[Group], *, taken: Collection[str] = ()) -> str:
    """The groups as YAML.

    One file has no two groups of a name, and several files may: the second ``general`` becomes ``general (2)``.
    Comments and the layout of expressions are not kept.

    Args:
        groups: The groups.
        taken: Names of groups that stand in the same file beside these.
    """
    names = set(taken)
    return yaml.dump(
        {"groups": [_group(group, _free(group.name, names)) for group in groups]},
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=float("inf"),
    )


class _Dumper(yaml.SafeDumper):
    """One that repeats what is said twice, rather than to point at it, and keeps lines as lines."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  the signature is the base class's
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _free(name: str, taken: set[str]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name} ({number})"
    taken.add(free)
    return free


def _group(group: Group, name: str) -> dict[str, Any]:
    said: dict[str, Any] = {"name": name}
    if group.interval_s is not None:
        said["interval"] = durations.write(group.interval_s)
    if group.query_offset_s is not None:
        said["query_offset"] = durations.write(group.query_offset_s)
    if group.limit:
        said["limit"] = group.limit
    return said | _texts("labels", group.labels) | {"rules": [_rule(rule) for rule in group.rules]}


def _rule(rule: Rule) -> dict[str, Any]:
    said: dict[str, Any] = {"alert" if rule.is_alert else "record": rule.name, "expr": expressions.write(rule.expr)}
    if rule.for_s:
        said["for"] = durations.write(rule.for_s)
    if rule.keep_firing_for_s:
        said["keep_firing_for"] = durations.write(rule.keep_firing_for_s)
    return said | _texts("labels", rule.labels) | _texts("annotations", rule.annotations)


def _texts(name: str, texts: Mapping[str, str]) -> dict[str, Any]:
    return {name: dict(texts)} if texts else {}
