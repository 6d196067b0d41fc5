"""The chart and the scenarios' values, read as text and YAML. What needs Helm is in the chart's ci/check.py."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from promdrill.core.paths import manifests_dir, scenarios_dir

CHART = manifests_dir() / "charts/prometheus"
TEMPLATES = {path.name: path.read_text() for path in sorted((CHART / "templates").iterdir())}
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
SCENARIO_VALUES = [scenarios_dir() / name / "values.yaml" for name in ("disk-full", "lifecycle-flag")]
PARTS = ("kube-state-metrics", "prometheus-node-exporter")
JSON_TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "null": type(None)}
FREE = {"serverFiles", "server.global", "server.securityContext"}
"""Maps whose content is the user's: their keys are neither in the schema nor named in a template."""


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema, or what it refers to."""
    reference = schema.get("$ref")
    return resolved(SCHEMA["definitions"][reference.rsplit("/", 1)[1]]) if reference else schema


def mismatches(value: Any, schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Where a value is not what the schema asks for; for the few keywords that this schema uses."""
    schema = resolved(schema)
    if "anyOf" in schema:
        if all(any(mismatches(value, option, path)) for option in schema["anyOf"]):
            yield f"{path}: none of anyOf"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} not in {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        yield f"{path}: {value!r} is not {schema['const']!r}"
    names = schema.get("type", [])
    allowed = [JSON_TYPES[name] for name in ([names] if isinstance(names, str) else names)]
    if allowed and type(value) not in allowed:
        yield f"{path}: {value!r} is no {names}"
    for key in value if isinstance(value, dict) else ():
        below = schema.get("properties", {}).get(key, schema.get("additionalProperties", {}))
        yield from mismatches(value[key], below, f"{path}.{key}")
    for index, item in enumerate(value if isinstance(value, list) else ()):
        yield from mismatches(item, schema.get("items", {}), f"{path}[{index}]")


def leaves(values: dict[str, Any], path: str = "") -> Iterator[str]:
    """Dotted paths of the keys that hold no further keys, and of the maps in `FREE`."""
    for key, value in values.items():
        here = f"{path}.{key}".strip(".")
        if isinstance(value, dict) and value and here not in FREE and not here.endswith("annotations"):
            yield from leaves(value, here)
        else:
            yield here


def described(path: str) -> bool:
    """Whether the schema describes a dotted path of values.yaml."""
    schema = SCHEMA
    for key in path.split("."):
        if key not in schema.get("properties", {}):
            return False
        schema = resolved(schema["properties"][key])
    return True


def test_chart_yaml_names_the_chart_and_its_prometheus() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["apiVersion"], chart["name"], chart["appVersion"]) == ("v2", "prometheus", "v2.48.0")
    assert "promdrill's own" in chart["description"]


def test_default_values_fit_the_schema() -> None:
    assert list(mismatches(VALUES, SCHEMA)) == []


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("server.extraFlags", "web.enable-lifecycle"),
        ("server.persistentVolume.enabled", "yes"),
        ("server.persistentVolume.size", 300),
        ("server.readinessProbeInitialDelay", "0"),
        ("server.strategy.type", "Rolling"),
        ("serverFiles.rules", "text"),
        ("alertmanager", True),
    ],
)
def test_schema_refuses_wrong_types(path: str, wrong: object) -> None:
    values: Any = wrong
    for key in reversed(path.split(".")):
        values = {key: values}
    assert len(list(mismatches(values, SCHEMA))) == 1


def test_schema_lets_unknown_keys_through_at_every_level() -> None:
    unknown = {"networkPolicy": {"enabled": True}, "server": {"ingress": {"enabled": True}}}
    assert list(mismatches(unknown, SCHEMA)) == []
    assert '"additionalProperties": false' not in (CHART / "values.schema.json").read_text()


def test_every_key_is_described_by_the_schema() -> None:
    free = tuple(f"{path}." for path in FREE)
    assert [path for path in leaves(VALUES) if not path.startswith(free) and not described(path)] == []


def test_every_key_is_used_by_a_template() -> None:
    text = "\n".join(TEMPLATES.values())
    unused = [path for path in leaves(VALUES) if not re.search(rf"[.$]{re.escape(path.rsplit('.', 1)[-1])}\b", text)]
    assert unused == []


def test_every_value_a_template_reads_has_a_default() -> None:
    for name, text in TEMPLATES.items():
        for path in re.findall(r"\.Values\.([A-Za-z.]+)", text):
            found: Any = VALUES
            for key in path.split("."):
                assert key in found, f"{name}: .Values.{path}"
                found = found[key]


def test_ignored_keys_are_those_that_values_yaml_does_not_have() -> None:
    helper = TEMPLATES["_helpers.tpl"].split('define "prometheus.ignored"')[1].split("$ignored := list")[0]
    top, server = (set(re.findall(r'"([^"]+)"', each)) for each in helper.split("$server := list"))
    assert top == set(VALUES)
    assert server == set(VALUES["server"])


def test_defaults_are_those_of_the_communitys_chart() -> None:
    server = VALUES["server"]
    assert server["extraFlags"] == ["web.enable-lifecycle"]
    assert server["strategy"] == {"type": "Recreate"}
    assert server["securityContext"] == {
        "runAsUser": 65534,
        "runAsNonRoot": True,
        "runAsGroup": 65534,
        "fsGroup": 65534,
    }
    assert (server["retention"], server["terminationGracePeriodSeconds"], server["replicaCount"]) == ("15d", 300, 1)
    volume = server["persistentVolume"]
    assert (volume["size"], volume["mountPath"], volume["accessModes"]) == ("8Gi", "/data", ["ReadWriteOnce"])
    probes = ("InitialDelay", "PeriodSeconds", "Timeout", "FailureThreshold", "SuccessThreshold")
    assert [server[f"readinessProbe{each}"] for each in probes] == [30, 5, 4, 3, 1]
    assert [server[f"livenessProbe{each}"] for each in probes] == [30, 15, 10, 3, 1]


def test_default_jobs_label_as_the_communitys_chart_since_15() -> None:
    jobs = {each["job_name"]: each for each in VALUES["serverFiles"]["prometheus.yml"]["scrape_configs"]}
    targets = {
        name: {each.get("target_label") for each in job.get("relabel_configs", ())} - {None, "__address__"}
        for name, job in jobs.items()
    }
    assert list(jobs) == [
        "prometheus",
        "kubernetes-apiservers",
        "kubernetes-nodes",
        "kubernetes-nodes-cadvisor",
        "kubernetes-service-endpoints",
        "kubernetes-pods",
    ]
    assert targets["kubernetes-service-endpoints"] >= {"namespace", "service", "node"}
    assert targets["kubernetes-pods"] >= {"namespace", "pod", "node"}
    assert jobs["kubernetes-service-endpoints"]["honor_labels"] is True


def test_the_reloader_has_no_probe_and_no_listen_address() -> None:
    reloader = TEMPLATES["_pod.tpl"].split('define "prometheus.reloader"')[1].split("{{/* The server's")[0]
    assert "--watched-dir=/etc/config" in reloader
    assert not re.search(r"Probe|listen-address|ports:", reloader)


def test_no_template_restarts_the_pod_when_the_configuration_changes() -> None:
    assert not [name for name, text in TEMPLATES.items() if re.search(r"checksum|sha\d+sum", text)]


def test_every_collector_has_an_api_group_of_its_own_or_is_of_the_core() -> None:
    core = {"configmaps", "limitranges", "namespaces", "nodes", "persistentvolumeclaims", "persistentvolumes", "pods"}
    core |= {"replicationcontrollers", "resourcequotas", "services"}
    table = TEMPLATES["kube-state-metrics.yaml"].split('define "kube-state-metrics.apiGroup"')[1]
    grouped = set(re.findall(r'"(\w+)"', table))
    assert set(VALUES["kube-state-metrics"]["collectors"]) - grouped == core


@pytest.mark.parametrize("part", [*PARTS, "alertmanager", "prometheus-pushgateway"])
@pytest.mark.parametrize("path", SCENARIO_VALUES, ids=lambda path: path.parent.name)
def test_scenarios_start_no_other_part(path: Path, part: str) -> None:
    assert yaml.safe_load(path.read_text())[part] == {"enabled": False}


@pytest.mark.parametrize("path", SCENARIO_VALUES, ids=lambda path: path.parent.name)
def test_scenario_values_fit_the_chart(path: Path) -> None:
    values = yaml.safe_load(path.read_text())
    assert list(mismatches({key: value for key, value in values.items() if value is not None}, SCHEMA)) == []
    assert values["server"].keys() <= VALUES["server"].keys()
    assert values.keys() - VALUES.keys() == {"scrapeConfigs"}
    assert values["scrapeConfigs"] is None
    assert values["serverFiles"].keys() <= VALUES["serverFiles"].keys()


@pytest.mark.parametrize("path", SCENARIO_VALUES, ids=lambda path: path.parent.name)
def test_scenarios_scrape_two_targets_within_their_intervals(path: Path) -> None:
    values = yaml.safe_load(path.read_text())
    jobs = values["serverFiles"]["prometheus.yml"]["scrape_configs"]
    assert [each["job_name"] for each in jobs] == ["prometheus", "kubernetes-nodes"]
    for each in (values["server"]["global"], jobs[1]):
        assert int(each["scrape_timeout"].removesuffix("s")) <= int(each["scrape_interval"].removesuffix("s"))
    (rule,) = values["serverFiles"]["recording_rules.yml"]["groups"][0]["rules"]
    assert rule["record"] == "job:up:sum"


@pytest.mark.parametrize("path", SCENARIO_VALUES, ids=lambda path: path.parent.name)
def test_the_volume_is_the_least_that_xfs_takes_on_a_line_that_a_runbook_can_edit(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert [line for line in lines if re.match(r"\s*size:", line)] == ["    size: 300Mi"]
    assert yaml.safe_load(path.read_text())["server"]["persistentVolume"]["size"] == "300Mi"


def test_lifecycle_flags_and_the_setting_to_change_are_one_line_each() -> None:
    text = (scenarios_dir() / "lifecycle-flag/values.yaml").read_text()
    lines = text.splitlines()
    assert [line for line in lines if line.lstrip().startswith("extraFlags:")] == [
        "  extraFlags: [web.enable-lifecycle]"
    ]
    assert [line for line in lines if line.lstrip().startswith("drill:")] == ["      drill: baseline"]
    broken = yaml.safe_load(text.replace("  extraFlags: [web.enable-lifecycle]\n", "  extraFlags: []\n"))
    assert broken["server"]["extraFlags"] == []
    assert broken["server"]["global"]["external_labels"] == {"drill": "baseline"}
