"""Keep the rules of several drills apart, in one Prometheus that has the series of all of them.

Each drill's series have the label `DRILL_LABEL` with the drill's name; series of the machine, as a node's, have none.
The same rules are loaded once for each drill, each time narrowed to the series of that drill and those of nobody. This
is done on the tree, as prom-label-proxy does it, so that no selector can be missed.

Queries in annotations (``{{ query "up" }}``) are not narrowed: they are Prometheus' templates, not PromQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from promdrill.alerts import expressions
from promdrill.alerts.expressions import Expr, Matcher, Selector
from promdrill.alerts.rules import Group, Place, Rule
from promdrill.core.alerts import DRILL_LABEL
from promdrill.core.errors import UsageError


def narrowed(groups: Iterable[Group], drill: str) -> tuple[Group, ...]:
    """The groups for one drill: they see its series and those of nobody, and label what they make with its name.

    Args:
        groups: As read.
        drill: The drill's name.

    Raises:
        UsageError: A rule or a selector has the label already.
    """
    matcher = Matcher(DRILL_LABEL, "=~", f"{re.escape(drill).replace(chr(92) + '-', '-')}|")
    return tuple(_group(group, matcher, drill) for group in groups)


def _group(group: Group, matcher: Matcher, drill: str) -> Group:
    if DRILL_LABEL in group.labels:
        raise _taken(group.place, f"the group {group.name}")
    return replace(group, rules=tuple(_rule(rule, matcher, drill) for rule in group.rules))


def _rule(rule: Rule, matcher: Matcher, drill: str) -> Rule:
    if DRILL_LABEL in rule.labels:
        raise _taken(rule.place, rule.name)

    def narrow(node: Expr) -> Expr:
        if not isinstance(node, Selector):
            return node
        if any(each.label == DRILL_LABEL for each in node.matchers):
            raise _taken(rule.place, f"{rule.name}, in {expressions.write(node)},")
        return replace(node, matchers=(*node.matchers, matcher))

    return replace(rule, expr=expressions.changed(rule.expr, narrow), labels={**rule.labels, DRILL_LABEL: drill})


def _taken(place: Place, what: str) -> UsageError:
    return UsageError(
        f"{place}: {what} has the label {DRILL_LABEL}, which tells drills apart", hint="rename the label in this rule"
    )
