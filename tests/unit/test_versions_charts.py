"""The table of what differs between charts, and whether the scenarios' ranges fit it."""

from itertools import pairwise

import pytest
import yaml
from packaging.version import Version
from tests.unit import chart_features as features

from promdrill.core.errors import UsageError
from promdrill.helm.compatibility import table
from promdrill.helm.compatibility.table import KNOWN, TABLE, Kind
from promdrill.request import scenarios

HELM_SCENARIOS = [found for found in scenarios.find_all() if not scenarios.traits(found.test).install]


def what(kind: Kind, version: str, chart: str = "prometheus") -> dict[str, str]:
    return {row.what: row.detail for row in table.rows(kind, chart, version)}


def test_keys_that_older_charts_call_otherwise() -> None:
    assert what(Kind.MOVED, "25.8.0") == {}
    assert what(Kind.MOVED, "18.4.0") == {"kube-state-metrics.enabled": "kubeStateMetrics.enabled"}
    assert what(Kind.MOVED, "15.18.0") == {
        "kube-state-metrics.enabled": "kubeStateMetrics.enabled",
        "prometheus-pushgateway": "pushgateway",
        "prometheus-node-exporter": "nodeExporter",
        "alertmanager.config": r"alertmanagerFiles.alertmanager\.yml",
    }
    assert what(Kind.MOVED, "8.11.4")["configmapReload.prometheus"] == "configmapReload"
    stack = what(Kind.MOVED, "57.1.0", chart="kube-prometheus-stack")
    assert stack["kube-state-metrics.enabled"] == "kubeStateMetrics.enabled"
    assert stack["server.global.scrape_interval"] == "prometheus.prometheusSpec.scrapeInterval"


@pytest.mark.parametrize("version", KNOWN)
def test_each_component_has_one_switch_in_each_version(version: str) -> None:
    switches = [row.what for row in table.rows(Kind.SWITCH, "prometheus", version)]
    assert len(switches) == len(set(switches))
    assert len([switch for switch in switches if switch != "initChownData.enabled"]) == 4


def test_a_feature_is_named_once() -> None:
    names = [row.what for row in TABLE if row.kind is Kind.FEATURE]
    assert len(names) == len(set(names))


def test_details_that_are_values_are_yaml() -> None:
    for row in TABLE:
        if row.kind in {Kind.DEFAULT, Kind.NEED}:
            assert yaml.safe_load(row.detail) == table.meant(row)
    assert [table.meant(row) for row in TABLE if row.what == "server.strategy.type"] == ["Recreate"]


def test_the_reloader_of_a_prometheus() -> None:
    assert table.reloader_of("2.48.0") == "0.69.1"
    assert table.reloader_of("3.14.0") == "0.93.1"
    assert table.reloader_of("3.9.0") == "0.87.1"  # the newest known that is not newer
    assert table.reloader_of("2.9.2") == "0.69.1"
    assert all(Version(one) < Version(other) for one, other in pairwise(table.RELOADER_OF))
    with pytest.raises(UsageError, match="not a version"):
        table.reloader_of("latest")


def test_the_chart_that_is_followed() -> None:
    own = {"name": "mine", "version": "0.1.0"}
    assert table.followed(own) == ("mine", "0.1.0")
    assert table.followed(own | {"annotations": {table.FOLLOWS: "community/prometheus 25.8.0"}}) == (
        "prometheus",
        "25.8.0",
    )


def test_paths_with_dots_in_a_key() -> None:
    path = r"serverFiles.recording_rules\.yml"
    assert table.keys(path) == ("serverFiles", "recording_rules.yml")
    assert table.text_of(table.keys(path)) == path


@pytest.mark.parametrize("version", ["28.16.0", "29.27.0"])
def test_charts_whose_role_has_no_nodes_proxy_get_one(version: str) -> None:
    (role, binding) = (
        yaml.safe_load(text) for row in table.rows(Kind.DEFAULT, "prometheus", version)
        if row.what == "extraManifests" for text in table.meant(row)
    )  # fmt: skip
    assert role["rules"] == [{"apiGroups": [""], "resources": ["nodes/proxy"], "verbs": ["get"]}]
    assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) == (role["kind"], role["metadata"]["name"])
    assert binding["subjects"][0]["namespace"] == "{{ .Release.Namespace }}"
    assert what(Kind.NEED, version)["extraManifests"] == ""
    assert "extraManifests" not in what(Kind.DEFAULT, "27.52.0")


@pytest.mark.parametrize(
    ("scenario", "why"),
    [
        ("config-typo", "promtool-syntax-only"),
        ("disk-full-cooldown", "wal-outlives-full"),
        ("inodes-full", "wal-new-segment"),
        ("wal-corrupt", "wal-replay-logged"),
    ],
)
def test_what_prometheus_2_9_cannot_do_keeps_a_scenario_from_the_legacy_chart(scenario: str, why: str) -> None:
    found = features.check(features.of_scenario(scenario, {}), ">=8.11.4")
    assert ("8.11.4", why) in {(each.version, each.feature) for each in found}


def test_an_unknown_feature_is_refused() -> None:
    with pytest.raises(UsageError, match="'retention'") as caught:
        table.feature("retention")
    assert "retention-size" in caught.value.hint


def test_a_range_that_is_too_wide_is_told_with_the_versions() -> None:
    found = features.check(["retention-size"], ">=25")
    assert {each.version for each in found} == {"25.0.0", "25.0.1", "25.5.999"}
    assert "25.5.999 is in the range, but retention-size exists only in >=25.6.0" in map(str, found)
    assert features.check(["retention-size"], ">=25.6.0") == ()
    assert features.check(["retention-size", "bare-flags"], ">=26,<30") == ()
    assert {each.version for each in features.check(["strategy-rolling"], ">=15")} >= {"19.0.0", "29.27.0", "9999"}
    assert features.check(["strategy-rolling"], ">=15,<19") == ()
    assert features.check([], "") == ()


def test_what_a_scenario_needs_is_read_from_its_keys() -> None:
    assert features.needed({"server": {"retentionSize": "1GB"}}) == ("retention-size",)
    assert features.needed({"server": {"extraFlags": None}}) == ("lifecycle-extra-flags",)
    assert "kubernetes-labels" in features.of_scenario("oom", {})


def test_the_table_of_needs_names_scenarios_that_are_there() -> None:
    assert set(features.SCENARIO_NEEDS) <= {found.id for found in HELM_SCENARIOS}


@pytest.mark.parametrize(
    "scenario",
    [pytest.param(found, id=found.id) for found in HELM_SCENARIOS],
)
def test_the_range_of_a_scenario_has_all_that_it_needs(scenario: scenarios.ScenarioFolder) -> None:
    values = yaml.safe_load((scenario.folder / "values.yaml").read_text(encoding="utf-8"))
    needs = features.of_scenario(scenario.id, values)
    assert features.check(needs, scenarios.traits(scenario.test).charts) == ()
