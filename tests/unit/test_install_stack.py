"""kube-prometheus-stack: the names of a drill's server, and what its values file says to that chart."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml

from promdrill.core import paths
from promdrill.core.errors import UsageError
from promdrill.core.merging import merged
from promdrill.core.model import Variant
from promdrill.helm.compatibility import stack, table
from promdrill.helm.compatibility.table import Kind, at, keys, nested
from promdrill.helm.values import Case, layers
from promdrill.helm.values.edit import load
from promdrill.helm.values.layers import defaults, layered, moved
from promdrill.helm.values.user import Own, resolve
from promdrill.install import ChartRef, Release, Stack, release
from promdrill.plugin.session import DrillSession
from promdrill.request import fulfil, planning, scenarios
from promdrill.request.settings import Settings

FIXTURE = paths.project_dir() / "tests/charts/stack"
DRILLED = [found for found in scenarios.find_all() if scenarios.traits(found.test).stack]
MEANT_FOR_ANOTHER_CHART = {
    *("server.readinessProbeInitialDelay", "server.readinessProbePeriodSeconds"),  # the operator has its own
    "server.terminationGracePeriodSeconds",  # likewise: ten minutes, which nothing waits for
    *("alertmanager.enabled", "prometheus-pushgateway.enabled", "scrapeConfigs"),
    "server.statefulSet.enabled",  # the operator makes one
    "configmapReload.prometheus.enabled",  # it always adds one
    "server.persistentVolume.existingClaim",  # it takes none
}
"""What scenarios say that kube-prometheus-stack has under the same key, or does not have and does not need."""


NAME = "kubernetes.io/metadata.name"


def made(folder: Path, name: str = "prometheus-x", scenario: str = "server: {}\n") -> tuple[Stack, Path]:
    values = folder / "scenario.yaml"
    values.write_text(scenario, encoding="utf-8")
    return Stack(cast(Any, None), name, "drill-x", FIXTURE, folder / "values.yaml"), values


def test_the_charts_name_decides(tmp_path: Path) -> None:
    def kind(name: str) -> type[Release]:
        chart = ChartRef(FIXTURE, name, "57.1.0", "2.51.0")
        return type(release(chart, cast(Any, None), "prometheus-x", "drill-x", tmp_path / "values.yaml"))

    assert kind("kube-prometheus-stack") is Stack
    assert kind("prometheus") is Release


def test_the_names_are_the_charts_and_the_operators(tmp_path: Path) -> None:
    server = made(tmp_path, "prometheus-restarts-metric")[0].server
    assert server.service == "prometheus-restarts-metric-prometheus"
    assert server.fullname == "prometheus-prometheus-restarts-metric-prometheus"
    assert server.claim == f"{server.fullname}-db-{server.fullname}-0"
    assert (server.container, server.reloader, server.port) == ("prometheus", "config-reloader", 9090)
    assert dict(server.labels) == {"operator.prometheus.io/name": "prometheus-restarts-metric-prometheus"}


def test_no_two_drills_have_one_full_name(tmp_path: Path) -> None:
    drills = [
        f"prometheus-restarts-metric{variant}" for variant in ("", "-no-fault", "-no-remedy", "-without-42", "-2")
    ]
    names = [made(tmp_path, name)[0].fullname for name in drills]
    assert len(set(names)) == len(drills)
    assert all(len(name) <= stack.LONGEST_FULLNAME and not name.endswith("-") for name in names)
    assert names[0] == drills[0], "what fits is not cut"


def test_names_class_and_jobs_are_written_under_its_keys(tmp_path: Path) -> None:
    scenario = """\
serverFiles:
  prometheus.yml:
    scrape_configs: [{job_name: prometheus}]
extraScrapeConfigs: |
  - job_name: b
    static_configs: [{targets: ["{{ .Release.Name }}-b:1"]}]
    relabel_configs: [{regex: "{{.Release.Namespace}}", replacement: /$1}]
"""
    installed, values = made(tmp_path, scenario=scenario)
    installed.compose(values, [{"prometheus": {"prometheusSpec": {"retention": "1d"}}}], "drill-x")
    written = load(installed.read())
    assert written["fullnameOverride"] == "prometheus-x"
    assert at(written, keys(f"{stack.CLAIM}.storageClassName")) == "drill-x"
    assert at(written, keys(f"{stack.SPEC}.retention")) == "1d"
    assert at(written, keys(stack.JOBS)) == [
        {"job_name": "prometheus"},
        {
            "job_name": "b",
            "static_configs": [{"targets": ["prometheus-x-b:1"]}],
            "relabel_configs": [{"regex": "drill-x", "replacement": "/$1"}],
        },
    ]


@pytest.mark.parametrize(
    ("theirs", "name"),
    [
        ({"fullnameOverride": "mon"}, "mon"),
        ({"fullnameOverride": "mon", "nameOverride": "kps"}, "mon"),
        ({"fullnameOverride": ""}, "prometheus-x"),
        ({"nameOverride": "kps"}, "prometheus-x-kps"),
        ({"nameOverride": "prometheus"}, "prometheus-x"),
    ],
)
def test_a_user_names_it(tmp_path: Path, theirs: dict[str, str], name: str) -> None:
    installed, values = made(tmp_path)
    assert installed.composed(values, [theirs], "drill-x")["fullnameOverride"] == name


def test_no_two_drills_have_one_name_that_is_made_of_the_users(tmp_path: Path) -> None:
    names = []
    for name in ("prometheus-disk-full", "prometheus-disk-full-2"):
        installed, values = made(tmp_path, name)
        names.append(installed.composed(values, [{"nameOverride": "monitoring"}], "x")["fullnameOverride"])
    assert len(set(names)) == 2
    assert all(len(name) <= stack.LONGEST_FULLNAME for name in names)


def test_it_scrapes_itself_below_the_users_prefix(tmp_path: Path) -> None:
    jobs = "[{job_name: prometheus, static_configs: [{targets: ['localhost:9090']}]}, {job_name: b}]"
    installed, values = made(tmp_path, scenario=f"serverFiles: {{prometheus.yml: {{scrape_configs: {jobs}}}}}\n")
    route = nested(keys(f"{stack.SPEC}.routePrefix"), "/prom")
    own, other = at(installed.composed(values, [route], "drill-x"), keys(stack.JOBS))
    assert (own["metrics_path"], own["static_configs"]) == ("/prom/metrics", [{"targets": ["localhost:9090"]}])
    assert other == {"job_name": "b"}
    root = nested(keys(f"{stack.SPEC}.routePrefix"), "/")
    assert "metrics_path" not in at(installed.composed(values, [root], "drill-x"), keys(stack.JOBS))[0]


def test_a_template_that_only_the_other_chart_fills_in_is_refused(tmp_path: Path) -> None:
    installed, values = made(tmp_path, scenario='extraScrapeConfigs: |\n  - job_name: "{{ .Values.name }}"\n')
    with pytest.raises(UsageError, match=r"the only templates allowed are \.Release\.Name and \.Release\.Namespace"):
        installed.compose(values, [], "drill-x")


def test_the_values_file_says_nothing_in_the_other_charts_keys(tmp_path: Path) -> None:
    scenario = """\
server:
  retention: 1d
  resources: {limits: {memory: 256Mi}}
  extraArgs: {storage.tsdb.min-block-duration: 5s, storage.tsdb.max-block-chunk-segment-size: 4MB}
serverFiles:
  prometheus.yml: {scrape_configs: []}
  recording_rules.yml: {groups: [{name: drill, rules: [{record: a, expr: b}]}]}
  alerting_rules.yml: {groups: [{name: late, rules: [{alert: c, expr: d}]}]}
scrapeConfigs: null
kubeStateMetrics: {enabled: false}
"""
    installed, values = made(tmp_path, scenario=scenario)
    followed = (stack.CHART, "57.1.0")
    installed.compose(values, [moved(load(scenario), *followed)], "drill-x")
    written = load(installed.read())
    assert set(written) == {"kubeStateMetrics", "prometheus", "prometheusOperator", "fullnameOverride", stack.RULES}
    assert [group["name"] for group in written[stack.RULES]["drill"]["groups"]] == ["drill", "late"]
    assert at(written, keys(f"{stack.SPEC}.resources.limits.memory")) == "256Mi"
    assert at(written, keys(stack.FLAGS)) == [
        {"name": "storage.tsdb.min-block-duration", "value": "5s"},
        {"name": "storage.tsdb.max-block-chunk-segment-size", "value": "4MB"},
    ]
    assert stack.JOBS.rpartition(".")[2] not in installed.read(), "there are none"


def test_a_users_own_flags_stay_beside_the_scenarios(tmp_path: Path) -> None:
    installed, values = made(tmp_path, scenario="server: {extraArgs: {query.lookback-delta: 3s}}\n")
    theirs = [{"name": "query.lookback-delta", "value": "5m"}, {"name": "web.page-title", "value": "mine"}]
    installed.compose(values, [nested(keys(stack.FLAGS), theirs)], "drill-x")
    assert at(load(installed.read()), keys(stack.FLAGS)) == [theirs[1], {"name": "query.lookback-delta", "value": "3s"}]


@pytest.mark.parametrize(
    ("path", "value", "here", "said"),
    [
        ("server.resources.limits.memory", "16Mi", f"{stack.SPEC}.resources.limits.memory", "16Mi"),
        ("server.persistentVolume.size", "1Gi", f"{stack.CLAIM}.resources.requests.storage", "1Gi"),
        ("server.persistentVolume.storageClass", "gp2", f"{stack.CLAIM}.storageClassName", "gp2"),
        ("server.persistentVolume.storageClass", "", stack.CLAIM, {"accessModes": ["ReadWriteOnce"]}),
        ("server.persistentVolume.enabled", False, stack.SPEC, {"retention": "1d"}),
        ("alertmanager.enabled", False, "alertmanager.enabled", False),
        ("serverless", 1, "serverless", 1),
    ],
)
def test_a_setting_of_the_other_chart_is_said_as_this_one_has_it(
    tmp_path: Path, path: str, value: Any, here: str, said: Any
) -> None:
    (tmp_path / "Chart.yaml").write_text("name: kube-prometheus-stack\nversion: 88.5.3\n", encoding="utf-8")
    installed = Stack(cast(Any, None), "prometheus-x", "drill-x", tmp_path, tmp_path / "values.yaml")
    claim = {"spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "drill-x"}}
    spec = {"retention": "1d", "storageSpec": {"volumeClaimTemplate": claim}}
    installed.write(yaml.safe_dump({"prometheus": {"prometheusSpec": spec}}))
    assert installed.setting(keys(path), value) == (keys(here), said)


def test_the_interval_is_the_operators_unless_the_values_say_another(tmp_path: Path) -> None:
    installed, values = made(tmp_path)
    installed.compose(values, [], "drill-x")
    assert installed.scrape_interval_s == 30
    installed.compose(values, [moved({"server": {"global": {"scrape_interval": "2s"}}}, stack.CHART, "57.1.0")], "x")
    assert installed.scrape_interval_s == 2


def test_eighteen_scenarios_and_more_are_drilled_on_it() -> None:
    """Those that name it, and those that bring an install of their own."""
    every = {found.id: scenarios.traits(found.test) for found in scenarios.find_all()}
    fits = {each for each, found in every.items() if found.stack or found.install}
    assert len(fits) >= 19, "one of them, with the operator of manifests/operator, is for Prometheus 2 only"
    assert not {each for each, found in every.items() if found.stack and found.install}


@pytest.mark.parametrize(("chart", "file"), [(FIXTURE, "runbook.stack.md"), (paths.own_chart(), "runbook.md")])
def test_the_steps_that_are_left_out_are_those_of_the_runbook_that_runs(chart: Path, file: str) -> None:
    found = fulfil.variants("ablations", paths.scenarios_dir() / "disk-full", Settings(chart=str(chart)))
    assert {each.left_out.file for each in found if each.left_out is not None} == {file}
    assert found


@pytest.mark.parametrize(
    ("chart", "variant", "why"),
    [
        (FIXTURE, Variant(), None),
        (FIXTURE, Variant("no-remedy"), None),
        (FIXTURE, Variant("as-written"), "its runbook.as-written.md is for prometheus-community/prometheus, not for"),
        (FIXTURE, Variant("refused:x", repair_line=9), "its repairs.md is for prometheus-community/prometheus, not"),
        (FIXTURE, Variant("other-fault"), None),
        (paths.own_chart(), Variant("refused:x", repair_line=9), None),
    ],
)
def test_what_is_written_for_the_other_chart_is_not_run_on_it(chart: Path, variant: Variant, why: str | None) -> None:
    drilling = object.__new__(DrillSession)
    drilling.request = cast(Any, SimpleNamespace(settings=Settings()))
    test = paths.scenarios_dir() / "disk-full/test_disk_full.py"
    item: Any = SimpleNamespace(path=test, callspec=SimpleNamespace(params={"drill": variant}))
    said = drilling._skip_reason(item, cast(Any, SimpleNamespace(chart=chart, app_version="2.51.0")))
    assert (said is None) == (why is None)
    assert why is None or str(said).startswith(why)


@pytest.mark.parametrize("scenario", DRILLED, ids=lambda found: found.id)
def test_a_runbook_for_it_names_nothing_of_the_other_chart(scenario: scenarios.ScenarioFolder) -> None:
    """Its image has no shell from 85.0.0 on, so nothing but promtool is run in the server's container."""
    if not scenario.stack_runbook.is_file():
        text = scenario.runbook.read_text(encoding="utf-8")
        assert "operator.prometheus.io/name" in text, "the runbook for both charts finds both"
        return
    text = scenario.stack_runbook.read_text(encoding="utf-8")
    assert not re.search(r"prometheus-server|/data\b|server\.persistentVolume|component=server", text)
    for found in re.finditer(r'exec [^|]*?"\$POD"[^|]*? --container prometheus --[ \\\n]+(\S+)', text):
        assert found[1] == "promtool", found[0]


@pytest.mark.parametrize("scenario", DRILLED, ids=lambda found: found.id)
def test_all_that_a_drill_says_of_the_server_is_said_to_this_chart_too(scenario: scenarios.ScenarioFolder) -> None:
    said = yaml.safe_load((scenario.folder / "values.yaml").read_text(encoding="utf-8"))
    told = {row.what for row in table.rows(Kind.MOVED, stack.CHART, "57.1.0")} | MEANT_FOR_ANOTHER_CHART
    files = (r"prometheus\.yml.scrape_configs", r"recording_rules\.yml.groups")
    own = ("extraScrapeConfigs", *(f"serverFiles.{each}" for each in files))  # Stack.compose
    below = ("server.resources.", "configmapReload.prometheus.resources.", "server.extraArgs.")
    exporters = ("kube-state-metrics.", "prometheus-node-exporter.")  # subcharts of both, under one name
    left = [path for path in _leaves(said) if path not in {*told, *own} and not path.startswith((*exporters, *below))]
    assert left == []


def _leaves(values: dict[str, Any], above: tuple[str, ...] = ()) -> list[str]:
    found = []
    for key, value in values.items():
        path = (*above, key)
        found += _leaves(value, path) if isinstance(value, dict) and value else [table.text_of(path)]
    return found


def test_what_a_drill_takes_for_granted_is_said_to_this_chart() -> None:
    found = defaults({}, stack.CHART, "57.1.0")
    assert found["prometheusOperator"] == {
        "serviceMonitor": {"selfMonitor": False},
        "namespaces": {"releaseNamespace": True},
        "kubeletService": {"enabled": False},
    }
    assert found["prometheus"]["additionalRulesForClusterRole"][0]["resources"] == ["nodes/proxy"]
    off = ("grafana", "kubelet", "coreDns", "kubeEtcd", "kubeScheduler", "kubeControllerManager", "windowsMonitoring")
    assert all(found[name] == {"enabled": False} for name in off)


@pytest.mark.parametrize(
    ("theirs", "selector"),
    [
        ({}, {"matchLabels": {NAME: "drill-x"}}),
        (
            {"matchLabels": {"team": "a"}, "matchExpressions": [{"key": "b", "operator": "Exists"}]},
            {"matchLabels": {"team": "a", NAME: "drill-x"}, "matchExpressions": [{"key": "b", "operator": "Exists"}]},
        ),
    ],
)
def test_webhooks_judge_the_drills_own_namespace_alone(
    tmp_path: Path, theirs: dict[str, Any], selector: dict[str, Any]
) -> None:
    installed, values = made(tmp_path)
    said = {"prometheusOperator": {"admissionWebhooks": {"namespaceSelector": theirs}}}
    written = installed.composed(values, [said], "drill-x")
    assert written["prometheusOperator"]["admissionWebhooks"] == {"namespaceSelector": selector}


@pytest.mark.parametrize(
    ("own", "layer", "conflicts"),
    [
        ("", {}, []),
        ("admissionWebhooks: {failurePolicy: Fail}", {"admissionWebhooks": {"failurePolicy": "Fail"}}, []),
        ("admissionWebhooks: {enabled: true}", {"admissionWebhooks": {"enabled": True}}, []),
        ("tls: {enabled: false}", {"tls": {"enabled": False}}, []),
        # Without them nobody makes the operator's certificate, as users know.
        (
            "admissionWebhooks: {enabled: false}",
            {"admissionWebhooks": {"enabled": False}, "tls": {"enabled": False}},
            [],
        ),
        (
            "admissionWebhooks: {enabled: false}, tls: {enabled: true}",
            {"admissionWebhooks": {"enabled": False}, "tls": {"enabled": False}},
            ["tls.enabled"],
        ),
        (
            "admissionWebhooks: {certManager: {enabled: true, rootCert: {duration: 5y}}, patch: {enabled: false}}",
            {"admissionWebhooks": {"certManager": {"rootCert": {"duration": "5y"}}}},
            ["admissionWebhooks.certManager.enabled", "admissionWebhooks.patch.enabled"],
        ),
        (
            f"admissionWebhooks: {{namespaceSelector: {{matchLabels: {{{NAME}: monitoring}}}}}}",
            {},
            [r"admissionWebhooks.namespaceSelector.matchLabels.kubernetes\.io/metadata\.name"],
        ),
    ],
)
def test_webhooks_are_as_the_user_or_the_chart_has_them(
    tmp_path: Path, own: str, layer: dict[str, Any], conflicts: list[str]
) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(f"prometheusOperator: {{{own}}}\n", encoding="utf-8")
    found = layered((stack.CHART, "57.1.0"), {}, Own.read(file), {})
    values: dict[str, Any] = {}
    for each in found.layers:
        values = merged(values, each)
    said = {key: value for key, value in values["prometheusOperator"].items() if key in {"admissionWebhooks", "tls"}}
    assert said == layer
    assert [each.path for each in found.conflicts] == [f"prometheusOperator.{path}" for path in conflicts]


def test_a_users_namespace_and_jobs_are_not_used_and_the_rest_is() -> None:
    scenario = yaml.safe_load("server: {retention: 1d, persistentVolume: {size: 300Mi}}\n")
    own = yaml.safe_load(
        """\
fullnameOverride: mine
namespaceOverride: monitoring
grafana: {enabled: true}
crds: {enabled: false}
prometheus:
  prometheusSpec:
    retention: 5d
    walCompression: true
    additionalScrapeConfigs: [{job_name: mine}]
    storageSpec: {volumeClaimTemplate: {spec: {storageClassName: gp2, resources: {requests: {storage: 30Gi}}}}}
"""
    )
    rules = [row for kind in (Kind.NEED, Kind.SWITCH) for row in table.rows(kind, stack.CHART, "57.1.0")]
    found = resolve(merged(scenario, moved(scenario, stack.CHART, "57.1.0")), own, rules)
    assert found.layer == {
        "fullnameOverride": "mine",
        "grafana": {"enabled": True},
        "prometheus": {"prometheusSpec": {"walCompression": True}},
    }
    assert [each.path for each in found.conflicts] == [
        "namespaceOverride",
        "crds.enabled",
        f"{stack.SPEC}.retention",
        stack.JOBS,
        f"{stack.CLAIM}.storageClassName",
        f"{stack.CLAIM}.resources.requests.storage",
    ]


def test_the_layers_go_by_the_charts_own_name(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("server: {global: {scrape_interval: 1s}}\n", encoding="utf-8")
    found = layers(ChartRef(FIXTURE, "kube-prometheus-stack", "57.1.0", "2.51.0"), values, None, {}).layers
    assert at(found[1], keys(f"{stack.SPEC}.scrapeInterval")) == "1s"


def test_what_cannot_be_done_without_stays_with_subcharts_off(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("kube-state-metrics: {enabled: false}\n", encoding="utf-8")
    assert planning.needed(FIXTURE, [Case("x", values, "prometheus-x")]) == {"crds"}
    values.write_text("kube-state-metrics: {collectors: [pods]}\n", encoding="utf-8")
    assert planning.needed(FIXTURE, [Case("x", values, "prometheus-x")]) == {"crds", "kube-state-metrics"}
