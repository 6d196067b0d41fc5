"""Checks of the fixture that need Helm: what a drill's values make of it, and the names that promdrill expects.

    .venv/bin/python tests/charts/stack/check.py HELM...

Each HELM is the path of a helm binary, 3 or 4; no cluster is asked.
"""

from __future__ import annotations

import base64
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from promdrill.core import shell
from promdrill.core.choices import DEFAULT_KUBERNETES
from promdrill.core.errors import PromdrillError
from promdrill.helm.command import Helm
from promdrill.helm.compatibility import stack
from promdrill.helm.values import Case, layers, plan
from promdrill.helm.values.user import Own
from promdrill.install import Release, Stack, operated, release
from promdrill.install.needs import Node, needs_of
from promdrill.install.shared import shared as taken
from promdrill.request import scenarios
from promdrill.request.fulfil import chart_of

CHART = Path(__file__).resolve().parent
CERTGEN = "docker.io/promdrill/kube-webhook-certgen:0.1.0"
AVAILABLE = (
    "quay.io/prometheus/prometheus:v2.51.0",
    "quay.io/prometheus-operator/prometheus-operator:v0.72.0",
    "quay.io/prometheus-operator/prometheus-config-reloader:v0.72.0",
    "registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.20.0",
    CERTGEN,
)
SHARED = {"ClusterRole", "ClusterRoleBinding", "ValidatingWebhookConfiguration"}

Objects = dict[tuple[str, str], dict[str, Any]]


def require(holds: object, what: str) -> None:
    """Raise PromdrillError with `what` unless `holds`."""
    if not holds:
        raise PromdrillError(f"the stack fixture does not hold: {what}")


OWN = """\
fullnameOverride: mon
cleanPrometheusOperatorObjectNames: true
prometheus:
  service: {port: 80}
  prometheusSpec:
    routePrefix: /prom
    containers: [{name: sidecar, image: "quay.io/prometheus/prometheus:v2.51.0"}, {name: prometheus}]
"""
"""Names of a user's own."""


def composed(helm: Path, folder: Path, scenario: Path, drill: str, own: Own | None = None) -> Release:
    """The release of a drill, its values file written as a drill writes it."""
    values = scenario / "values.yaml"
    found = plan(
        helm,
        CHART,
        [Case(scenario.name, values, f"prometheus-{drill}")],
        own=own,
        available=AVAILABLE,
        kubernetes=DEFAULT_KUBERNETES,
    )
    made = release(
        chart_of(CHART),
        Helm(helm, folder / "no-kubeconfig", folder),
        f"prometheus-{drill}",
        f"drill-{drill}",
        folder / drill / "values.yaml",
    )
    made.compose(values, layers(chart_of(CHART), values, own, found.values).layers, f"drill-{drill}")
    return made


def rendered(helm: Path, made: Release, folder: Path) -> Objects:
    """What Helm would install, by kind and name."""
    env = {f"HELM_{part}_HOME": str(folder / part.lower()) for part in ("CACHE", "CONFIG", "DATA")}
    argv: list[str | Path] = [helm, "template", made.name, CHART, "--namespace", made.namespace]
    text = shell.run([*argv, "--values", made.values], timeout_s=60, env=env).stdout
    return {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(text) if each}


def check_server(made: Release, found: Objects, said: Mapping[str, Any]) -> None:
    """The names of the server are those that the chart gives, and the scenario is heard; raises PromdrillError."""
    server = made.server
    name = server.fullname.removeprefix("prometheus-")
    require(("Prometheus", name) in found, f"the Prometheus object {name}: {sorted(found)}")
    service = found["Service", server.service]["spec"]
    require(service["ports"][0]["port"] == server.port, f"the port: {service}")
    require(dict(server.labels).items() <= service["selector"].items(), f"the pods' labels: {service}")
    spec = found["Prometheus", name]["spec"]
    claim = spec["storage"]["volumeClaimTemplate"]["spec"]
    wanted = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": said["server"]["persistentVolume"]["size"]}},
        "storageClassName": made.namespace,
    }
    require(claim == wanted, f"the claim: {claim}")
    kept = said["server"].get("retention", "10d")  # else the chart's own
    require((spec["scrapeInterval"], spec["scrapeTimeout"], spec["retention"]) == ("1s", "1s", kept), f"{spec}")
    require(spec["serviceMonitorSelector"] == {}, f"every ServiceMonitor is taken: {spec}")
    secret = found["Secret", spec["additionalScrapeConfigs"]["name"]]["data"]["additional-scrape-configs.yaml"]
    jobs = yaml.safe_load(base64.b64decode(secret))
    require(jobs[0] == {"job_name": "prometheus", "static_configs": [{"targets": ["localhost:9090"]}]}, f"{jobs}")
    require("{{" not in str(jobs), f"no template is left: {jobs}")
    targets = [target for job in jobs for each in job.get("static_configs", ()) for target in each["targets"]]
    beside = {"localhost", "shop", f"{made.name}-prometheus-node-exporter"}  # the shop is retention-size's own
    hosts = {target.partition(":")[0] for target in targets} - beside
    require(all(("Service", host) in found for host in hosts), f"targets that are there: {targets}")


def check_others(made: Release, found: Objects) -> None:
    """Nothing is there that no drill needs, and nothing that another drill would meet; raises PromdrillError."""
    kinds = {kind for kind, _ in found}
    absent = {"ServiceMonitor", "PrometheusRule"} & kinds
    require(not absent, f"no {absent}")
    operator = found["Deployment", f"{made.server.service.removesuffix('-prometheus')}-operator"]["spec"]["template"]
    container = operator["spec"]["containers"][0]
    require(f"--namespaces={made.namespace}" in container["args"], f"it keeps to its namespace: {container}")
    require(not any("kubelet-service" in arg for arg in container["args"]), f"nothing in kube-system: {container}")
    check_webhooks(made, found, operator["spec"])
    rules = found["ClusterRole", made.server.service]["rules"]
    require(any("nodes/proxy" in rule.get("resources", ()) for rule in rules), f"kubelets may be asked: {rules}")


def check_webhooks(made: Release, found: Objects, operator: Mapping[str, Any]) -> None:
    """Webhooks are on, with a certificate, and judge the drill's own namespace; raises PromdrillError."""
    name = f"{made.server.service.removesuffix('-prometheus')}-admission"
    (webhook,) = found["ValidatingWebhookConfiguration", name]["webhooks"]
    selector = {"matchLabels": {"kubernetes.io/metadata.name": made.namespace}}
    require(webhook["namespaceSelector"] == selector, f"webhooks of this namespace alone: {webhook}")
    (container,) = found["Job", f"{name}-create"]["spec"]["template"]["spec"]["containers"]
    require(container["image"] == CERTGEN, f"the image that stands in: {container}")
    (volume,) = operator["volumes"]
    require(volume["secret"]["secretName"] == name, f"the certificate that the job makes: {volume}")
    needs = needs_of(list(found.values()), CHART, Node(64, 0, "amd64"), made.name)
    require(not any(each.body["kind"] == "Secret" for each in needs.made), f"which nobody else makes: {needs.made}")


def check_own_names(helm: Path, folder: Path, scenario: Path) -> None:
    """The user's names are kept, found, and known to be the same in every drill; raises PromdrillError."""
    file = folder / "own.yaml"
    file.write_text(OWN, encoding="utf-8")
    own, shares = Own.read(file), []
    for drill in ("a", "b"):
        made = composed(helm, folder, scenario, drill, own)
        found = rendered(helm, made, folder)
        server = operated.server_of(found.values(), made.server)
        require((server.fullname, server.service, server.port) == ("prometheus-mon", "mon-prometheus", 80), f"{server}")
        require((server.prefix, server.containers) == ("/prom", 3), f"the prefix and the containers: {server}")
        require(server.claim == "prometheus-mon-db-prometheus-mon-0", f"the claim: {server}")
        secret = found["Secret", "mon-prometheus-scrape-confg"]["data"]["additional-scrape-configs.yaml"]
        require(b"metrics_path: /prom/metrics" in base64.b64decode(secret), "it scrapes itself below its prefix")
        shares.append(taken(found.values(), [made.name], made.namespace))
    named = {"ClusterRole mon-prometheus", "ClusterRole mon-admission", "ValidatingWebhookConfiguration mon-admission"}
    require([set(each) for each in shares] == [named] * 2, f"what two drills cannot have at once: {shares}")


def check(helm: Path, folder: Path) -> None:
    """One helm, all scenarios that name this chart; raises PromdrillError."""
    named = [each for each in scenarios.find_all() if scenarios.traits(each.test).stack]
    require(len(named) >= 3, f"scenarios for it: {named}")
    shared: list[str] = []
    for scenario in named:
        require(scenarios.applies(scenario.folder, stack.CHART, "57.1.0") is None, f"{scenario.id} applies")
        for drill in (scenario.id, f"{scenario.id}-no-fault", f"{scenario.id}-no-remedy"):
            made = composed(helm, folder, scenario.folder, drill)
            require(isinstance(made, Stack), f"a stack: {made}")
            found = rendered(helm, made, folder)
            check_server(made, found, yaml.safe_load((scenario.folder / "values.yaml").read_text(encoding="utf-8")))
            check_others(made, found)
            own = [name for kind, name in found if kind == "ConfigMap"]
            expected = ["node-exporter"] if scenario.id == "dashboard-no-data" else []
            require([name.endswith("-node-exporter") for name in own] == [True] * len(expected), f"{drill}: {own}")
            shared += [f"{kind} {name}" for kind, name in found if kind in SHARED]
    check_own_names(helm, folder, next(each.folder for each in named if each.id == "disk-full"))
    require(len(shared) == len(set(shared)), f"cluster-wide names that no two drills share: {shared}")


def main(binaries: list[str]) -> None:
    """Check with every helm; raises PromdrillError on the first that does not hold."""
    if not binaries:
        raise PromdrillError(f"usage: {os.path.relpath(__file__)} HELM...")
    for binary in binaries:
        with tempfile.TemporaryDirectory(prefix="promdrill-stack-") as folder:
            check(Path(binary), Path(folder))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except PromdrillError as error:
        sys.exit(str(error))
