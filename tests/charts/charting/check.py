"""Plans over the charts beside this file, with a real Helm: python tests/charts/charting/check.py HELM [HELM ...]."""

from __future__ import annotations

import sys
from pathlib import Path

from promdrill.core.choices import DEFAULT_KUBERNETES
from promdrill.core.clock import SYSTEM
from promdrill.helm.values import Case, ChartPlan, plan
from promdrill.request import scenarios

HERE = Path(__file__).parent
PROMETHEUS, RELOADER = "quay.io/prometheus/prometheus", "quay.io/prometheus-operator/prometheus-config-reloader"
AVAILABLE = (
    *(f"{PROMETHEUS}:v{version}" for version in ("2.9.2", "2.48.0", "2.51.1", "3.8.1", "3.14.0")),
    *(f"{RELOADER}:v{version}" for version in ("0.69.1", "0.72.0", "0.87.1", "0.93.1")),
    "registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.20.0",
    "quay.io/prometheus/node-exporter:v1.9.1",
    "docker.io/library/busybox:1.37.0",
    "docker.io/jimmidyson/configmap-reload:v0.2.2",
    "quay.io/prometheus-operator/prometheus-operator:v0.72.0",
    "registry.k8s.io/ingress-nginx/kube-webhook-certgen:v20221220",
)
ALL = [
    Case(found.id, found.folder / "values.yaml", found.id)
    for found in scenarios.find_all()
    if not scenarios.traits(found.test).install
]


def planned(helm: Path, chart: str, app_version: str | None = None) -> ChartPlan:
    """A plan of all scenarios, its seconds printed."""
    started = SYSTEM.monotonic()
    found = plan(helm, HERE / chart, ALL, available=AVAILABLE, app_version=app_version, kubernetes=DEFAULT_KUBERNETES)
    took = SYSTEM.monotonic() - started
    sys.stdout.write(f"{helm} {chart} {found.app_version}: {len(ALL)} scenarios in {took:.1f} s\n")
    assert set(found.references) <= set(AVAILABLE), found.references
    return found


for each in sys.argv[1:]:
    assert planned(Path(each), "legacy").values["initChownData"]["image"]["tag"] == "1.37.0"
    assert planned(Path(each), "community").app_version == "3.8.1"
    assert planned(Path(each), "stack").values == {}
    wished = planned(Path(each), "stack", "3.14.0").values
    assert wished["prometheus"]["prometheusSpec"]["image"]["tag"] == "v3.14.0"
    assert wished["prometheusOperator"]["prometheusConfigReloader"]["image"]["tag"] == "v0.93.1"
