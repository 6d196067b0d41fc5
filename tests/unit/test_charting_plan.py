"""Plans over small charts, rendered by a stand-in that puts images together as those charts' templates do.

tests/charts/charting/check.py is the same with a real Helm.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from promdrill.core.choices import DEFAULT_KUBERNETES
from promdrill.core.errors import UsageError
from promdrill.core.merging import merged
from promdrill.helm.source import files
from promdrill.helm.values import Added, Case, ChartPlan, Why, plan
from promdrill.helm.values.render import Renderer
from promdrill.helm.values.user import Own

CHARTS = Path(__file__).parents[1] / "charts/charting"
PROMETHEUS, RELOADER = "quay.io/prometheus/prometheus", "quay.io/prometheus-operator/prometheus-config-reloader"
KSM = "registry.k8s.io/kube-state-metrics/kube-state-metrics"
AVAILABLE = (
    *(f"{PROMETHEUS}:v{version}" for version in ("2.48.0", "3.8.1", "3.14.0")),
    *(f"{RELOADER}:v{version}" for version in ("0.69.1", "0.93.1")),
    f"{KSM}:v2.20.0",
    "quay.io/prometheus/node-exporter:v1.9.1",
    "docker.io/library/busybox:1.37.0",
)
NO_ALERTMANAGER = "alertmanager: {enabled: false}\n"
QUIET = f"""\
{NO_ALERTMANAGER}
kube-state-metrics: {{enabled: false}}
prometheus-node-exporter: {{enabled: false}}
prometheus-pushgateway: {{enabled: false}}
"""


class Templates:
    """Stands in for Helm: joins registry, repository and tag of every image of the chart's values that is on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: list[tuple[str, Mapping[str, Any]]] = []
        self.deaf: str = ""
        self._lock = threading.Lock()
        templates = self

        def objects(renderer: Renderer, release: str, values: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
            assert renderer.helm == Path("helm")
            with templates._lock:
                templates.seen.append((release, values))
            found = merged(files.values(renderer.chart), values, null_removes=True)
            if templates.deaf:
                found = merged(found, {templates.deaf: files.values(renderer.chart)[templates.deaf]}, null_removes=True)
            names = list(templates.images(found, str(files.metadata(renderer.chart)["appVersion"])))
            return ({"kind": "Pod", "spec": {"containers": [{"image": name} for name in names]}},)

        monkeypatch.setattr(Renderer, "objects", objects)

    def images(self, values: Mapping[str, Any], app: str) -> list[str]:
        """Names of images, in the order of the values."""
        if values.get("enabled") is False:
            return []
        found = []
        for key, value in values.items():
            if key == "image" and "repository" in value:
                registry = f"{value['registry']}/" if value.get("registry") else ""
                digest = value.get("digest") or ""
                tag = f"@{digest}" if digest else f":{value.get('tag') or app}"
                found.append(f"{registry}{value['repository']}{tag}")
            elif isinstance(value, Mapping):
                found += self.images(value, app)
        return found


@pytest.fixture
def templates(monkeypatch: pytest.MonkeyPatch) -> Templates:
    return Templates(monkeypatch)


class Drills:
    """Cases in a folder, and plans over them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cases = [self.case("quiet", QUIET)]

    def case(self, scenario: str, values: str) -> Case:
        file = self.folder / f"{scenario}.yaml"
        file.write_text(values, encoding="utf-8")
        return Case(scenario, file, f"r-{scenario}")

    def plan(self, chart: str = "community", own: str = "", **options: Any) -> ChartPlan:
        file = self.folder / "own.yaml"
        file.write_text(own, encoding="utf-8")
        return plan(
            Path("helm"),
            CHARTS / chart,
            self.cases,
            own=Own.read(file) if own else None,
            kubernetes=DEFAULT_KUBERNETES,
            **options,
        )


@pytest.fixture
def drills(tmp_path: Path) -> Drills:
    return Drills(tmp_path)


def test_what_can_be_had_is_left_as_it_is(templates: Templates, drills: Drills) -> None:
    found = drills.plan(available=(f"{PROMETHEUS}:v3.8.1", f"{RELOADER}:v0.87.1"))
    assert replace(found, added={}) == ChartPlan("3.8.1", {}, (f"{RELOADER}:v0.87.1", f"{PROMETHEUS}:v3.8.1"))
    assert found.added["quiet"]["alertmanager.enabled"] == Added(False, Why.OFF)
    ((release, values),) = templates.seen
    assert release == "r-quiet"
    assert values["server"]["persistentVolume"] == {"storageClass": "promdrill"}


def test_what_cannot_be_had_is_the_nearest_and_told(templates: Templates, drills: Drills) -> None:
    drills.cases.append(drills.case("busy", f"{NO_ALERTMANAGER}kube-state-metrics: {{collectors: [pods]}}\n"))
    found = drills.plan(available=AVAILABLE)
    assert found.app_version == "3.8.1"
    assert found.values == {
        "configmapReload": {"prometheus": {"image": {"repository": RELOADER, "tag": "v0.93.1"}}},
        "kube-state-metrics": {
            "image": {"registry": "registry.k8s.io", "repository": KSM.partition("/")[2], "tag": "v2.20.0"}
        },
        "prometheus-node-exporter": {
            "image": {"registry": "quay.io", "repository": "prometheus/node-exporter", "tag": "v1.9.1"}
        },
    }
    assert found.references == tuple(sorted((AVAILABLE[1], AVAILABLE[4], AVAILABLE[5], AVAILABLE[6])))
    title = "prometheus-config-reloader v0.87.1"
    assert f"{title} is not in the catalogue; the nearest, v0.93.1, runs instead." in found.remarks
    assert len(found.remarks) == 3
    assert len(templates.seen) == 4  # two drills, before and after


def test_the_same_values_are_rendered_once(templates: Templates, drills: Drills) -> None:
    drills.cases.append(drills.case("other", f"# the same\n{QUIET}"))
    drills.plan()
    assert len(templates.seen) == 1


def off(component: str) -> list[str]:
    return [f"{component}.enabled: false turns it off", f"{component}.image names it"]


@pytest.mark.usefixtures("templates")
def test_all_that_is_missing_is_listed_at_once(drills: Drills) -> None:
    drills.cases = [drills.case("all", "server: {}\n")]
    with pytest.raises(UsageError) as caught:
        drills.plan(available=AVAILABLE, policy="exact")
    found = [line.split("; ") for line in caught.value.message.splitlines()[1:]]
    assert found == [
        ["  quay.io/prometheus/alertmanager:v3.8.1", *off("alertmanager")],
        [f"  {KSM}:v3.8.1", "available: v2.20.0", *off("kube-state-metrics")],
        ["  quay.io/prometheus/node-exporter:v3.8.1", "available: v1.9.1", *off("prometheus-node-exporter")],
        [f"  {RELOADER}:v0.87.1", "available: v0.69.1, v0.93.1", *off("configmapReload.prometheus")],
    ]
    for part in ("SUPPLY=registry", "SUBCHARTS=off", "IMAGES=nearest"):
        assert part in caught.value.hint


@pytest.mark.usefixtures("templates")
def test_a_component_that_no_drill_needs_is_off_where_its_image_cannot_be_had(drills: Drills) -> None:
    """A copy of a chart's values has everything on."""
    own = "alertmanager: {enabled: true}\n"
    found = drills.plan(own=own, available=AVAILABLE)
    assert found.values["alertmanager"] == {"enabled": False}
    image = "quay.io/prometheus/alertmanager:v3.8.1"
    assert f"alertmanager.enabled is false: {image} is not available here, and no drill needs it." in found.remarks
    with pytest.raises(UsageError, match=r"alertmanager:v3\.8\.1; alertmanager\.enabled: false turns it off"):
        drills.plan(own=own, available=AVAILABLE, policy="exact")
    for needs in ("enabled: true", "config: {route: {}}"):
        drills.cases.append(drills.case("needs", f"alertmanager: {{{needs}}}\n"))
        with pytest.raises(UsageError, match=r"alertmanager:v3\.8\.1; "):
            drills.plan(own=own, available=AVAILABLE)
        del drills.cases[-1]


@pytest.mark.usefixtures("templates")
def test_prometheus_is_never_the_nearest(drills: Drills) -> None:
    with pytest.raises(UsageError, match=r"prometheus:v3.8.1; available: v2.48.0; server.image names it") as caught:
        drills.plan(available=(f"{PROMETHEUS}:v2.48.0", f"{RELOADER}:v0.87.1"))
    assert "APP_VERSION=2.48.0" in caught.value.hint


@pytest.mark.usefixtures("templates")
def test_another_prometheus_is_wished_for(drills: Drills) -> None:
    found = drills.plan(available=AVAILABLE, app_version="3.14.0")
    assert found.app_version == "3.14.0"
    assert found.values["server"] == {"image": {"repository": PROMETHEUS, "tag": "v3.14.0"}}
    assert found.remarks == (
        "prometheus-config-reloader v0.93.1, which belongs to it, runs instead of the chart's v0.87.1.",
        "prometheus v3.14.0 runs instead of the chart's v3.8.1, as APP_VERSION says.",
    )
    pulled = drills.plan(app_version="v2.55.1")
    assert pulled.references == (f"{RELOADER}:v0.78.2", f"{PROMETHEUS}:v2.55.1")
    # the reloader of its time cannot be had: the nearest to what the chart names
    found = drills.plan(available=AVAILABLE[:5], app_version="3.8.1", policy="nearest")
    assert found.references == (f"{RELOADER}:v0.93.1", f"{PROMETHEUS}:v3.8.1")


@pytest.mark.usefixtures("templates")
@pytest.mark.parametrize(
    ("version", "message"),
    [("2.55.1", r"v2.55.1 is not available here; available: 2.48.0, 3.8.1, 3.14.0"), ("3", "not a version")],
)
def test_a_wish_that_cannot_be_met(drills: Drills, version: str, message: str) -> None:
    with pytest.raises(UsageError, match=f"APP_VERSION={version}: .*{message}"):
        drills.plan(available=AVAILABLE, app_version=version)


@pytest.mark.usefixtures("templates")
def test_a_digest_is_taken_away_with_the_image(drills: Drills) -> None:
    own = f"server: {{image: {{digest: 'sha256:{'a' * 64}'}}}}\n"
    assert drills.plan(own=own, available=AVAILABLE, app_version="3.8.1").values["server"]["image"]["digest"] == ""
    with pytest.raises(UsageError, match=r"prometheus@sha256:a+; available: v2.48.0, v3.8.1, v3.14.0; server.image"):
        drills.plan(own=own, available=AVAILABLE)


def test_values_that_change_nothing_are_told(templates: Templates, drills: Drills) -> None:
    templates.deaf = "configmapReload"
    with pytest.raises(
        UsageError, match=rf"found no value that names these images(.|\n)*{RELOADER}:v0.87.1, .*:v0.93.1 could run"
    ):
        drills.plan(available=AVAILABLE)


@pytest.mark.usefixtures("templates")
def test_the_old_keys_of_a_legacy_chart(drills: Drills) -> None:
    here = (f"{PROMETHEUS}:v2.9.2", "docker.io/jimmidyson/configmap-reload:v0.2.2", *AVAILABLE)
    found = drills.plan("legacy", available=here)  # kubeStateMetrics and nodeExporter are off by their old names
    assert found.app_version == "2.9.2"
    assert found.values == {
        "initChownData": {"image": {"repository": "docker.io/library/busybox", "tag": "1.37.0"}},
        "server": {"image": {"repository": PROMETHEUS, "tag": "v2.9.2"}},
    }
    with pytest.raises(UsageError, match=r"jimmidyson/configmap-reload:v0\.2\.2; configmapReload\.image names it"):
        drills.plan("legacy", available=AVAILABLE)


@pytest.mark.usefixtures("templates")
def test_a_legacy_chart_runs_with_the_stand_in_and_the_oldest_prometheus(drills: Drills) -> None:
    here = (*AVAILABLE, "docker.io/promdrill/configmap-reload:0.1.0")
    with pytest.raises(UsageError, match=r"v2\.9\.2; available: v2\.48\.0, v3\.8\.1, v3\.14\.0; server") as caught:
        drills.plan("legacy", available=here)
    assert "APP_VERSION=2.48.0" in caught.value.hint
    found = drills.plan("legacy", available=here, app_version="2.48.0")
    assert found.app_version == "2.48.0"
    assert found.values["configmapReload"]["image"]["repository"] == "docker.io/promdrill/configmap-reload"
    said = "docker.io/promdrill/configmap-reload:0.1.0, promdrill's program with its options, runs instead."
    assert f"jimmidyson/configmap-reload:v0.2.2 cannot be built; {said}" in found.remarks
    with pytest.raises(UsageError, match="configmap-reload") as caught:
        drills.plan("legacy", available=here, app_version="2.48.0", policy="exact")
    assert "IMAGES=nearest" in caught.value.hint


@pytest.mark.usefixtures("templates")
def test_switches_of_what_a_drill_uses_are_left_out(drills: Drills) -> None:
    off = {"alertmanager": {"enabled": False}, "kube-state-metrics": {"enabled": False}}
    assert drills.plan(extra=off).values == off
    drills.cases.append(drills.case("busy", f"{NO_ALERTMANAGER}kube-state-metrics: {{collectors: [pods]}}\n"))
    assert drills.plan(extra=off).values == {"alertmanager": {"enabled": False}}


@pytest.mark.usefixtures("templates")
def test_conflicts_are_told_by_scenario(drills: Drills) -> None:
    drills.cases = [drills.case("small", f"{QUIET}server: {{persistentVolume: {{size: 300Mi}}}}\n"), *drills.cases]
    found = drills.plan(own="server: {persistentVolume: {size: 50Gi}}\n").conflicts
    assert {scenario: [each.path for each in told] for scenario, told in found.items()} == {
        "small": ["server.persistentVolume.size"]
    }


@pytest.mark.usefixtures("templates")
@pytest.mark.parametrize("tag", ["latest", "main"])
def test_a_prometheus_without_a_version(drills: Drills, tag: str) -> None:
    with pytest.raises(UsageError, match=rf"cannot tell which version of Prometheus .*prometheus:{tag}"):
        drills.plan(own=f"server: {{image: {{tag: {tag}}}}}\n")


@pytest.mark.usefixtures("templates")
def test_the_users_single_value_where_the_chart_has_several(drills: Drills) -> None:
    with pytest.raises(UsageError, match=r"own.yaml:1: server.image: a text"):
        drills.plan(own="server: {image: text}\n")


def test_the_fixtures_are_what_they_stand_for() -> None:
    for name, version in (("legacy", "8.11.4"), ("community", "27.52.0"), ("stack", "57.1.0")):
        assert files.metadata(CHARTS / name)["version"] == version
    values = yaml.safe_load((CHARTS / "stack/values.yaml").read_text(encoding="utf-8"))
    assert values["prometheus"]["prometheusSpec"]["image"]["tag"] == "v2.51.1"


@pytest.mark.usefixtures("templates")
def test_keys_that_no_template_reads_are_told(drills: Drills) -> None:
    found = drills.plan(own="server: {image: {tag: v3.8.1}}\nserwer: 1\n")
    assert [(each.path, each.belongs) for each in found.dead] == [("serwer", "server")]
