"""RULES=chart: the rules that the drilled chart renders, and how the drilled Prometheus gets them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.unit import charts_world
from tests.unit.drill_toy import drill_in
from tests.unit.drill_world import World, world

from promdrill.alerts import rules
from promdrill.alerts import write as writing
from promdrill.drill import Site
from promdrill.helm.compatibility import stack
from promdrill.helm.compatibility.table import at, keys
from promdrill.helm.values.render import NAMESPACE, Renderer
from promdrill.helm.values.user import Own
from promdrill.install import ChartRef
from promdrill.request import alerting
from promdrill.request.alerting import Wanted

__all__ = ["world"]

SCENARIO = """\
server: {global: {scrape_interval: 1s}}
serverFiles:
  recording_rules.yml:
    groups:
      - name: of-the-scenario
        rules: [{record: a, expr: b}]
"""


def rendered(job: str) -> list[Any]:
    down = {"alert": "Down", "expr": f'up{{job="{job}", namespace="{NAMESPACE}"}} == 0'}
    spec = {"groups": [{"name": "theirs", "rules": [down]}]}
    return [
        {"kind": "PrometheusRule", "apiVersion": "monitoring.coreos.com/v1", "metadata": {"name": "r"}, "spec": spec},
        {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "c"}},
    ]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What was rendered."""
    told: dict[str, Any] = {}

    def objects(renderer: Renderer, release: str, values: Mapping[str, Any]) -> Any:
        told.update(release=release, values=values, kubernetes=renderer.kubernetes)
        return rendered(f"{values['fullnameOverride']}-prometheus")

    monkeypatch.setattr(Renderer, "objects", objects)
    return told


def site_of(world: World, install: str = "helm", chart: str = stack.CHART) -> Site:
    charts_world.chart(world.folder, chart, "88.5.3")
    site = drill_in(world).site
    site.recording.journal.close()
    charts_world.chart(world.folder, chart, "88.5.3")
    (site.scenario_dir / "values.yaml").write_text(SCENARIO)
    ref = ChartRef(world.folder, chart, "88.5.3", "3.14.0")
    return replace(site, drilled=replace(site.drilled, chart=ref, install=install))


def test_the_charts_rules_are_rendered_without_those_of_the_scenario(world: World, seen: dict[str, Any]) -> None:
    site = site_of(world)
    (group,) = alerting._of_chart(site, None, "1.36.3")
    assert (seen["release"], seen["kubernetes"]) == (site.release_name, "1.36.3")
    assert seen["values"]["defaultRules"] == {"create": True}
    assert seen["values"][stack.RULES] == {"drill": {"groups": []}}, "null would fail in the template"
    assert at(seen["values"], keys(f"{stack.CLAIM}.storageClassName")), "the rest is as it is drilled"
    assert f'namespace="{site.namespace}"' in writing.write([group])
    assert alerting._job(site) == site.server.service
    assert f'job="{alerting._job(site)}"' in writing.write([group])
    assert str(group.rules[0].place) == "the rules of kube-prometheus-stack 88.5.3", "nobody can open a line of it"


def test_a_prometheus_without_the_chart_has_the_rules_that_the_chart_would_give_it(
    world: World, seen: dict[str, Any]
) -> None:
    site = site_of(world, install="manual")
    (group,) = alerting._of_chart(site, None, "1.36.3")
    assert set(seen["values"]) == {"fullnameOverride", "defaultRules"}
    assert f'job="{alerting._job(site)}"' in writing.write([group])
    assert alerting._job(site) != site.server.service


@pytest.mark.parametrize("install", ["helm", "manual"])
def test_the_other_chart_has_the_rules_of_the_users_values(world: World, seen: dict[str, Any], install: str) -> None:
    site = site_of(world, install, "prometheus")
    theirs = {
        "serverFiles": {"alerting_rules.yml": {"groups": [{"name": "g", "rules": [{"alert": "A", "expr": "up"}]}]}}
    }
    (group,) = alerting._of_chart(site, Own((), (), theirs), "1.36.3")
    assert [rule.name for rule in group.rules] == ["A"]
    assert alerting._of_chart(site, None, "1.36.3") == ()
    assert alerting._job(site) == "prometheus"
    assert not seen, "its values say it all"


def test_inside_the_stack_the_rules_of_the_users_values_give_way_to_the_scaled_ones(world: World) -> None:
    site = site_of(world)
    theirs = Own((), (), {stack.RULES: {"mine": {"groups": [{"name": "g"}]}}})
    groups = rules.read_text("groups: [{name: g, rules: [{alert: A, expr: up}]}]", said="x")
    layer = alerting._inside(site, theirs, groups, Wanted((), of_chart=True))
    assert layer[stack.RULES]["mine"] == {"groups": []}, "null would fail in the template"
    assert [group["name"] for group in layer[stack.RULES]["promdrill-alerts"]["groups"]] == ["g"]
    assert layer["defaultRules"] == {"create": False}
    assert at(layer, keys(f"{stack.SPEC}.additionalAlertManagerConfigs"))
    kept = alerting._inside(site, theirs, groups, Wanted((), of_chart=False))
    assert set(kept[stack.RULES]) == {"promdrill-alerts"}, "they stay where they are"
