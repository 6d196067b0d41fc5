"""Alert rules of a run and of each of its drills: what RULES, ALERT_SPEED, ALERTMANAGER, HOLD and GROWTH come to."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from promdrill.alerts import alertmanager, apart, expressions, rules, scale, untold
from promdrill.alerts import write as writing
from promdrill.alerts.alertmanager import Configuration
from promdrill.alerts.expressions import Selector
from promdrill.alerts.rules import Group
from promdrill.core import choices, paths
from promdrill.core.alerts import DRILL_LABEL, EVALUATOR_LABEL, AlertRule, Evaluator
from promdrill.core.merging import merged
from promdrill.core.model import INSTALLS
from promdrill.drill import Site
from promdrill.drill.alerts import AlertPlan
from promdrill.helm.compatibility import stack, table
from promdrill.helm.compatibility.table import at, keys, nested
from promdrill.helm.source.files import metadata
from promdrill.helm.source.files import values as chart_values
from promdrill.helm.values.render import NAMESPACE, Renderer
from promdrill.helm.values.user import Own
from promdrill.install import Release, Stack, manifests, release
from promdrill.install.base import DEFAULT_SCRAPE_INTERVAL
from promdrill.install.stack import OPERATORS_SCRAPE_INTERVAL
from promdrill.observe.quantity import duration_s
from promdrill.request.request import Request
from promdrill.request.settings import Settings
from promdrill.results.alerts import expectations
from promdrill.results.alerts.expectations import Expectation
from promdrill.witness.files import evaluator, inside_alertmanagers, is_of, own, prometheus_yml
from promdrill.witness.place import ALERTMANAGER, Witness

CHART, OWN = choices.RULES

OLDEST = (2, 43)
"""The oldest Prometheus that reads further files with scrape configurations (its CHANGELOG, 2.43.0)."""

_FILES = ("recording_rules.yml", "alerting_rules.yml", "rules", "alerts")  # the last two: charts before 9.4.0
_INSIDE = "promdrill-alerts"
_JOB = "prometheus"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The rules that a run asks for.

    Attributes:
        groups: Those of files, as they are written.
        of_chart: Whether those of the drilled chart are asked for, too.
        alertmanager: File with Alertmanager's configuration; None for none.
        expectations: What is expected of the alerts.
    """

    groups: tuple[Group, ...]
    of_chart: bool
    alertmanager: Path | None = None
    expectations: tuple[Expectation, ...] = ()


def wanted(settings: Settings) -> Wanted | None:
    """The rules that a run asks for, and what is expected of them; None for none.

    Raises:
        UsageError: A file is wrong; with its line.
    """
    if not settings.rules:
        return None
    found: list[Group] = []
    names = [name.strip() for name in settings.rules.split(",") if name.strip()]
    for name in names:
        if name != CHART:
            found += rules.read(paths.rules_file() if name == OWN else Path(name))
    expected = expectations.read(settings.expectations) if settings.expectations is not None else ()
    return Wanted(tuple(found), CHART in names, settings.alertmanager, expected)


def image(app_version: str) -> str:
    """The image of the witness' Prometheus: of the drilled version, unless that is too old."""
    parts = app_version.split(".")[:2]
    new = all(part.isdecimal() for part in parts) and tuple(map(int, parts)) >= OLDEST
    return f"{manifests.PROMETHEUS}:v{app_version if new else manifests.APP_VERSION}"


def speed(request: Request, chart: Path) -> float:
    """How many seconds of the operator's one second of a drill stands for.

    Args:
        request: The request.
        chart: The chart's folder or .tgz.

    Raises:
        UsageError: The interval of the values, or of the chart, is not a duration.
    """
    settings = request.settings
    if settings.alert_speed is not None:
        return settings.alert_speed
    if settings.keeps_scrapes:
        return 1.0
    return max(1.0, operators_interval_s(request.values, chart) / scale.DRILL_SCRAPE_S)


def operators_interval_s(theirs: Own | None, chart: Path) -> float:
    """Seconds between two scrapes where nobody drills: of the values, or of the chart where they are silent.

    Raises:
        UsageError: It is not a duration.
    """
    followed = table.followed(metadata(chart))
    usual = OPERATORS_SCRAPE_INTERVAL if followed[0] == stack.CHART else DEFAULT_SCRAPE_INTERVAL
    path = table.renamed(("server", "global", "scrape_interval"), None, *followed)[0]
    said = at(merged(chart_values(chart), theirs.values if theirs else {}), path)
    return duration_s(str(said or usual), ".".join(path))


def witness_files(found: Wanted, run_speed: float) -> dict[str, str]:
    """The witness' own files, by name."""
    return {
        "prometheus.yml": prometheus_yml(scale.DRILL_SCRAPE_S),
        "alertmanager.yml": alertmanager.read(found.alertmanager, speed=run_speed).text(),
    }


def of(site: Site, request: Request, found: Wanted, witness: Witness, *, kubernetes: str) -> Site:
    """The same site, with what is done about alerts.

    Args:
        site: The site.
        request: The request.
        found: The rules.
        witness: The witness of the cluster.
        kubernetes: Version of the cluster.

    Raises:
        UsageError: The chart does not render, or a rule has a label that promdrill needs.
    """
    drilled = site.drilled
    run_speed = speed(request, drilled.chart.path)
    groups, not_inside = found.groups, ""
    if found.of_chart:
        groups = (*groups, *_of_chart(site, request.values, kubernetes))
    scaled = scale.scaled(groups, run_speed)
    if drilled.install == INSTALLS[0]:
        layer = _inside(site, request.values, _labelled(scaled.groups, site.namespace, Evaluator.INSIDE), found)
        site = replace(site, drilled=replace(drilled, values=(*drilled.values, layer)))
    else:
        not_inside = f"{drilled.scenario} installs Prometheus without a chart, so that only the witness has the rules"
    configuration = alertmanager.read(found.alertmanager, speed=run_speed)
    kept_apart = apart.narrowed(_labelled(scaled.groups, "", Evaluator.WITNESS), site.namespace)
    plan = AlertPlan(
        witness=witness,
        speed=run_speed,
        interval_s=scale.DRILL_SCRAPE_S,
        job=_job(site),
        rules=_told(groups, scaled, inside=not not_inside),
        rules_yml=writing.write(kept_apart),
        reads=_reads(groups),
        recorded=frozenset(rule.name for group in groups for rule in group.rules if not rule.is_alert),
        not_inside=not_inside,
        muted=partial(_untold, configuration),
        reaches=configuration.reaches_somebody,
        expectations=found.expectations,
        hold_s=request.settings.hold_s / run_speed,
        growth_s=request.settings.growth_s / run_speed,
    )
    return replace(site, alerts=plan)


def _untold(
    configuration: Configuration, answer: Any, drill: str
) -> list[tuple[Evaluator, str, Mapping[str, str], str]]:
    """The alerts of a drill that nobody is told of, and why, in Alertmanager's answer."""
    return [
        (evaluator(each.labels), each.labels.get("alertname", ""), own(each.labels), why)
        for each in untold.routed(answer, configuration)
        if is_of(each.labels, drill)
        for why in each.untold
    ]


def _of_chart(site: Site, theirs: Own | None, kubernetes: str) -> tuple[Group, ...]:
    """The rules that the drilled chart renders, or that the user's values have.

    A Prometheus that is installed without the chart is drilled with the rules that the chart would give to it.
    """
    drilled = site.drilled
    chart = drilled.chart
    installed = _release(site)
    if not isinstance(installed, Stack):
        groups = [group for file in _FILES for group in _groups(theirs.values if theirs else {}, file)]
        text = yaml.safe_dump({"groups": groups}, sort_keys=False, allow_unicode=True)
        return rules.read_text(text, said="the values' serverFiles") if groups else ()
    renderer = Renderer(site.cluster.tools.helm, chart.path, chart.name, theirs, kubernetes, {})
    values: Mapping[str, Any] = {"fullnameOverride": installed.fullname}
    if drilled.on_stack:
        values = installed.composed(site.scenario_values, drilled.values, site.namespace)
        values = merged(values, {stack.RULES: _no_rules(at(values, (stack.RULES,)) or {})})
    values = merged(values, {"defaultRules": {"create": True}})
    objects = [each for each in renderer.objects(site.release_name, values) if each.get("kind") == "PrometheusRule"]
    here = [_in_namespace(each, site.namespace) for each in objects]
    text = yaml.safe_dump_all(here, sort_keys=False, allow_unicode=True)
    said = f"the rules of {chart.name} {chart.version}"
    return _nowhere(rules.read_text(text, said=said), said) if here else ()


def _nowhere(groups: Sequence[Group], said: str) -> tuple[Group, ...]:
    """The groups with places that have no line: nobody can open what a chart renders to."""
    return tuple(
        replace(group, rules=tuple(replace(rule, place=rules.Place(said, 0)) for rule in group.rules))
        for group in groups
    )


def _release(site: Site) -> Release:
    return release(site.drilled.chart, site.cluster.helm, site.release_name, site.namespace, site.values_file)


def _job(site: Site) -> str:
    """The job under which the rules know the drilled Prometheus."""
    if site.drilled.on_stack:
        return site.server.service
    installed = _release(site)
    return installed.server.service if isinstance(installed, Stack) else _JOB


def _no_rules(maps: Collection[str]) -> dict[str, Any]:
    """The values that leave each of these without rules: Helm keeps a null here, and the template fails at it."""
    return {name: {"groups": []} for name in maps}


def _in_namespace(part: Any, namespace: str) -> Any:
    """Rendered rules that ask for the namespace of the drill instead of the one that templates were told."""
    match part:
        case str():
            return part.replace(f'namespace="{NAMESPACE}"', f'namespace="{namespace}"')
        case dict():
            return {key: _in_namespace(value, namespace) for key, value in part.items()}
        case list():
            return [_in_namespace(each, namespace) for each in part]
        case _:
            return part


def _inside(site: Site, theirs: Own | None, groups: Sequence[Group], found: Wanted) -> dict[str, Any]:
    """The values by which the drilled Prometheus gets the rules, and sends its alerts to the witness."""
    drilled = site.drilled
    values = _release(site).composed(site.scenario_values, drilled.values, site.namespace)
    addresses = inside_alertmanagers(ALERTMANAGER)
    if drilled.on_stack:
        ours = _as_data(groups)
        layer = nested(keys(f"{stack.SPEC}.additionalAlertManagerConfigs"), addresses)
        of_user = _no_rules(theirs.values.get(stack.RULES) or {} if theirs and found.of_chart else {})
        layer = merged(layer, {stack.RULES: {**of_user, _INSIDE: {"groups": ours}}})
        return merged(layer, {"defaultRules": {"create": False}})
    file = table.renamed(("serverFiles", _FILES[1]), None, *table.followed(metadata(drilled.chart.path)))[0][-1]
    there = [each for each in _groups(values, file) if not found.of_chart or each not in _all(theirs)]
    ours = _as_data(groups, taken=[str(each.get("name")) for each in there if isinstance(each, Mapping)])
    layer = {
        "serverFiles": {file: {"groups": [*there, *ours]}, "prometheus.yml": {"alerting": {"alertmanagers": addresses}}}
    }
    if at(values, ("server", "alertmanagers")):
        layer = merged(layer, {"server": {"alertmanagers": []}})
    return layer


def _as_data(groups: Sequence[Group], taken: Collection[str] = ()) -> list[Any]:
    """Groups as values have them, under names that no group beside them has."""
    return list(yaml.safe_load(writing.write(groups, taken=taken))["groups"])


def _groups(values: Mapping[str, Any], file: str) -> list[Any]:
    found = at(values, ("serverFiles", file, "groups"))
    return list(found) if isinstance(found, list) else []


def _all(theirs: Own | None) -> list[Any]:
    return [group for file in _FILES for group in _groups(theirs.values if theirs else {}, file)]


def _labelled(groups: Sequence[Group], drill: str, evaluator: Evaluator) -> tuple[Group, ...]:
    """The groups, whose alerts say who evaluates them; with a drill's name, also whose they are."""
    more = {EVALUATOR_LABEL: str(evaluator), **({DRILL_LABEL: drill} if drill else {})}
    return tuple(
        replace(
            group,
            rules=tuple(
                replace(rule, labels={**rule.labels, **more}) if rule.is_alert else rule for rule in group.rules
            ),
        )
        for group in groups
    )


def _told(groups: Sequence[Group], scaled: scale.Scaled, *, inside: bool) -> tuple[AlertRule, ...]:
    """The alerting rules for the record, as they are written."""
    evaluators = (*([Evaluator.INSIDE] if inside else []), Evaluator.WITNESS)
    left: dict[str, list[str]] = {}
    for each in scaled.left:
        left.setdefault(each.rule, []).append(f"{each.what}: {each.why}")
    return tuple(
        AlertRule(
            alert=rule.name,
            evaluators=evaluators,
            for_s=rule.for_s,
            severity=rule.labels.get("severity", ""),
            runbook_url=rule.annotations.get("runbook_url", ""),
            place=str(rule.place),
            unscaled=tuple(left.get(rule.name, ())),
            reads_series=any(isinstance(node, Selector) for node in expressions.walk(rule.expr)),
        )
        for group in groups
        for rule in group.rules
        if rule.is_alert
    )


def _reads(groups: Sequence[Group]) -> dict[str, frozenset[str]]:
    """Names of the metrics that each alerting rule reads."""
    found: dict[str, frozenset[str]] = {}
    for rule in (rule for group in groups for rule in group.rules if rule.is_alert):
        names = {node.metric for node in expressions.walk(rule.expr) if isinstance(node, Selector) and node.metric}
        found[rule.name] = found.get(rule.name, frozenset()) | names
    return found
