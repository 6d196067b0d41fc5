"""promdrill's own alerts: an entry for each, and links to them from the incidents that they lead to."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

from promdrill.alerts import rules
from promdrill.alerts.rules import Rule
from promdrill.core import paths
from promdrill.results.words import span
from promdrill.runbook.front import RunbookAlert
from promdrill_site.markdown import code, prose, sentence

PAGE = "alerts.md"
"""The page that has the entries, beside those of the incidents."""


@functools.cache
def own() -> tuple[Rule, ...]:
    """The alerts of rules/promdrill.yaml, in their order."""
    return tuple(rule for group in rules.read(paths.rules_file()) for rule in group.rules)


def entries() -> str:
    """A section for each alert, with the incidents to whose runbooks it leads."""
    return "\n\n".join(_entry(alert) for alert in own())


def leading(alerts: Iterable[RunbookAlert]) -> str:
    """The alerts that lead to an incident, promdrill's own with links to their entries; empty for none."""
    ours = {alert.name for alert in own()}
    shown = [_link(each.name) if each.name in ours else code(each.name) for each in alerts]
    return f"Alerts that lead here: {', '.join(shown)}." if shown else ""


def _link(name: str) -> str:
    return f"[{code(name)}]({PAGE}#{name.lower()})"


def _entry(alert: Rule) -> str:
    said = alert.annotations
    waits = f"pending for {span(alert.for_s)}" if alert.for_s else "fires at once"
    told = ", ".join(f"[{each}]({each}.md)" for each in re.split(r",\s*", said["incidents"]))
    facts = f"Severity {alert.labels['severity']}, {waits}. Leads to {told}."
    return f"### {alert.name}\n\n{sentence(prose(said['summary']))} {facts}"
