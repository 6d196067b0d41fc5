"""The user's values beneath what a drill needs."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from promdrill.core import paths
from promdrill.core.errors import UsageError
from promdrill.core.merging import merged
from promdrill.helm.chart import ChartRef
from promdrill.helm.compatibility import table
from promdrill.helm.compatibility.table import Kind
from promdrill.helm.values import layers
from promdrill.helm.values.layers import defaults, layered, moved
from promdrill.helm.values.user import Own, Resolved, resolve, shown
from promdrill.install.release import Release

DRILL = """
server:
  persistentVolume: {size: 300Mi}
  extraFlags: [web.enable-lifecycle]
  extraArgs: {}
scrapeConfigs: null
alertmanager: {enabled: false}
kube-state-metrics: {collectors: [pods]}
"""
OURS = paths.manifests_dir() / "charts/prometheus"


def resolved(own: str, needed: str = DRILL, version: str = "25.8.0") -> Resolved:
    rules = [row for kind in (Kind.NEED, Kind.ONE, Kind.SWITCH) for row in table.rows(kind, "prometheus", version)]
    return resolve(yaml.safe_load(needed), yaml.safe_load(own), rules)


def told(found: Resolved) -> list[str]:
    return [str(each) for each in found.conflicts]


def test_what_the_drill_says_nothing_of_is_the_users() -> None:
    found = resolved("server: {retention: 5d, extraArgs: {x: y}}\nextra: null")
    assert found.layer == {"server": {"retention": "5d", "extraArgs": {"x": "y"}}, "extra": None}
    assert found.conflicts == ()


def test_a_conflict_is_told_and_the_drills_value_used() -> None:
    found = resolved("server: {persistentVolume: {size: 50Gi, labels: {a: b}}}")
    assert told(found) == ["server.persistentVolume.size: yours is 50Gi, the drill needs 300Mi; using the drill's"]
    assert found.layer == {"server": {"persistentVolume": {"labels": {"a": "b"}}}}


@pytest.mark.parametrize(
    "own",
    ["server: {persistentVolume: {size: 300Mi}}", "scrapeConfigs: null", "server: {extraArgs: {}}", "server: {}", "{}"],
)
def test_the_same_value_is_no_conflict(own: str) -> None:
    assert resolved(own) == Resolved({}, ())


@pytest.mark.parametrize(
    ("own", "path", "theirs", "drills"),
    [
        ("server: {extraFlags: []}", "server.extraFlags", [], "[web.enable-lifecycle]"),
        ("server: {persistentVolume: {size: null}}", "server.persistentVolume.size", None, "300Mi"),
        ("scrapeConfigs: {a: {b: 1}, c: {}}", "scrapeConfigs", {"a": {"b": 1}, "c": {}}, "null"),
        ("server: null", "server", None, "{persistentVolume: {size: 300Mi}, extraFlags: [web.enable..."),
        (
            "server: {persistentVolume: {storageClass: gp3}}",
            "server.persistentVolume.storageClass",
            "gp3",
            "one of its own",
        ),
        (
            "server: {nodeSelector: {kubernetes.io/hostname: a}}",
            r"server.nodeSelector.kubernetes\.io/hostname",
            "a",
            "null",
        ),
        ("server: {replicaCount: 2}", "server.replicaCount", 2, "1"),
    ],
)
def test_conflicts(own: str, path: str, theirs: Any, drills: str) -> None:
    found = resolved(own)
    assert [(each.path, each.theirs, each.drills) for each in found.conflicts] == [(path, theirs, drills)]
    assert found.layer == {}


def test_what_stays_as_the_chart_has_it_is_no_conflict() -> None:
    own = "server: {replicaCount: 1, persistentVolume: {storageClass: null}}"
    assert resolved(own) == Resolved({}, ())


def test_true_is_not_one() -> None:
    assert told(resolved("server: {replicaCount: true}")) == [
        "server.replicaCount: yours is true, the drill needs 1; using the drill's"
    ]


def test_a_component_that_the_drill_does_not_look_at_may_be_turned_on() -> None:
    found = resolved("alertmanager: {enabled: true, replicas: 2}")
    assert found == Resolved({"alertmanager": {"enabled": True, "replicas": 2}}, ())
    other = resolved("server: {x: {enabled: true}}", "server: {x: {enabled: false}}")
    assert other.layer == {}
    assert len(other.conflicts) == 1  # no switch of a component


@pytest.mark.parametrize(("version", "switch"), [("25.8.0", "kube-state-metrics"), ("15.18.0", "kubeStateMetrics")])
def test_a_component_that_the_drill_uses_stays_on(version: str, switch: str) -> None:
    found = resolved(f"{switch}: {{enabled: false}}", version=version)
    assert told(found) == [f"{switch}.enabled: yours is false, the drill needs true; using the drill's"]
    assert found.layer == {switch: {"enabled": True}}


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ("a: 1\nserver: text\n", r"VALUES=.*:2: server: a text \(text\), where the drill needs several values"),
        (
            "server:\n  extraArgs: [a]\n",
            r"VALUES=.*:2: server.extraArgs: a list \(\[a\]\), where the drill needs several",
        ),
        ("alertmanager:\n  enabled: 'on'\n", r"VALUES=.*:2: alertmanager.enabled: a text .*, where .* true or false"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_with_its_line(tmp_path: Path, own: str, message: str) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(own, encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        layered(("prometheus", "25.8.0"), yaml.safe_load(DRILL), Own.read(file), {})


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ("a: [\n", "VALUES=.*:2:1: not YAML"),
        ("- a\n", "a mapping of Helm values, not a list"),
        ("text", "a mapping of Helm values, not a text"),
        ("a: \x00", "VALUES=.*:1:4: a NUL character"),
    ],
)
def test_a_file_that_holds_no_values(tmp_path: Path, own: str, message: str) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(own, encoding="utf-8")
    with pytest.raises(UsageError, match=message) as caught:
        Own.read(file)
    assert len(caught.value.message.splitlines()) == 1
    with pytest.raises(UsageError, match="cannot read VALUES="):
        Own.read(tmp_path)


def test_a_single_value_where_the_chart_has_several(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("server:\n  image: prom:1\n  resources: null\n  affinity: x\n", encoding="utf-8")
    chart = {"server": {"image": {"tag": "v1"}, "resources": {"limits": {}}, "affinity": {}}}
    with pytest.raises(UsageError, match=r":2: server.image: a text \(prom:1\), where the chart has several values"):
        Own.read(file).fits(chart)
    chart["server"].pop("image")
    Own.read(file).fits(chart)  # null is Helm's way to take a default away; what is empty says no type


def test_old_keys_are_set_beside_the_new_ones() -> None:
    scenario = yaml.safe_load(
        "prometheus-node-exporter: {hostNetwork: false}\nkube-state-metrics: {enabled: false, collectors: [pods]}\n"
    )
    assert moved(scenario, "prometheus", "25.8.0") == {}
    assert moved(scenario, "prometheus", "18.4.0") == {"kubeStateMetrics": {"enabled": False}}
    assert moved(scenario, "prometheus", "15.18.0") == {
        "kubeStateMetrics": {"enabled": False},
        "nodeExporter": {"hostNetwork": False},
    }


def test_what_old_charts_do_not_do_by_themselves() -> None:
    assert defaults({}, "prometheus", "25.8.0") == {}
    assert defaults({}, "prometheus", "15.18.0") == {"server": {"strategy": {"type": "Recreate"}}}
    assert defaults({"server": {"strategy": {"type": "RollingUpdate"}}}, "prometheus", "15.18.0") == {}
    small = {"requests": {"memory": "16Mi"}, "limits": {"memory": "64Mi"}}  # for a namespace with a quota
    assert defaults({}, "prometheus", "8.11.4")["initChownData"] == {"resources": small}
    new = defaults({}, "prometheus", "28.16.0")
    assert set(new) == {"scrapeConfigs", "extraManifests"}
    assert new["scrapeConfigs"] is None


STACK = ("kube-prometheus-stack", "88.5.3")
FULL = yaml.safe_load((paths.scenarios_dir() / "disk-full/values.yaml").read_text())


def in_stack(own: str) -> tuple[dict[str, Any], list[str]]:
    """The values of a drill with these of the user, and the keys of those that are not used."""
    found = layered(STACK, FULL, Own((), (), yaml.safe_load(own)), {})
    values: dict[str, Any] = {}
    for layer in found.layers:
        values = merged(values, layer)
    return values, [each.path for each in found.conflicts]


def test_a_key_that_the_chart_has_renamed_is_not_what_the_drill_needs() -> None:
    """It is dead there; that the drill needed another value for it would be a second, wrong reason."""
    assert in_stack("prometheus-node-exporter: {enabled: true}")[1] == []
    own = Own((), (), {"kube-state-metrics": {"enabled": True}})
    assert layered(("prometheus", "15.18.0"), FULL, own, {}).conflicts == ()


def test_how_long_samples_are_kept_is_the_users_on_either_chart() -> None:
    values, conflicts = in_stack("prometheus: {prometheusSpec: {retention: 30d}}")
    assert (values["prometheus"]["prometheusSpec"]["retention"], conflicts) == ("30d", [])
    assert layered(("prometheus", "25.8.0"), FULL, Own((), (), {"server": {"retention": "30d"}}), {}).conflicts == ()


@pytest.mark.parametrize(("webhooks", "tls"), [("admissionWebhooks: {enabled: false}, ", False), ("", True)])
def test_the_operators_tls_is_on_only_with_what_makes_its_certificate(webhooks: str, *, tls: bool) -> None:
    """Without, it would wait for a Secret that nobody makes, or read a placeholder as its certificate."""
    values, conflicts = in_stack(f"prometheusOperator: {{{webhooks}tls: {{enabled: true}}}}")
    assert values["prometheusOperator"]["tls"]["enabled"] is tls
    assert conflicts == ([] if tls else ["prometheusOperator.tls.enabled"])


def test_the_layers_of_a_drill_go_into_its_file(tmp_path: Path) -> None:
    own, scenario, made = (tmp_path / name for name in ("own.yaml", "values.yaml", "made.yaml"))
    own.write_text("server: {retention: 5d, persistentVolume: {size: 1Gi}}\n", encoding="utf-8")
    scenario.write_text(DRILL.lstrip(), encoding="utf-8")
    chart = ChartRef(OURS, "prometheus", "0.1.0", "2.48.0")  # follows 25.8.0: nothing has moved
    found = layers(chart, scenario, Own.read(own), {"server": {"image": {"tag": "v3.14.0"}}})
    assert found.layers == ({"server": {"retention": "5d"}}, {"server": {"image": {"tag": "v3.14.0"}}})
    assert [each.path for each in found.conflicts] == ["server.persistentVolume.size"]
    release = Release(None, "p", "p", OURS, made)  # type: ignore[arg-type]
    release.compose(scenario, found.layers, "drill")
    assert yaml.safe_load(made.read_text(encoding="utf-8")) == merged(
        yaml.safe_load(DRILL),
        {"server": {"retention": "5d", "image": {"tag": "v3.14.0"}, "persistentVolume": {"storageClass": "drill"}}},
    )
    assert layers(chart, scenario, None, {}).layers == ()


def test_long_values_are_cut() -> None:
    assert shown("x" * 100) == "x" * 57 + "..."
    assert shown("a") == "a"
