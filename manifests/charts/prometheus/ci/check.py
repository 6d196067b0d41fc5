"""Checks of the chart that need Helm: lint, rendering with every values file, names and fields of what is rendered.

    .venv/bin/python manifests/charts/prometheus/ci/check.py HELM...

Each HELM is the path of a helm binary; no cluster is asked. The static checks are in tests/unit/test_chart.py.
"""  # noqa: INP001  a script beside the chart, in no package

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client

from promdrill.core import shell
from promdrill.core.errors import CommandFailed, PromdrillError

CHART = Path(__file__).resolve().parents[1]
ROOT = CHART.parents[2]
VALUES = (*sorted((CHART / "ci").glob("*-values.yaml")), *sorted(ROOT.glob("scenarios/*/values.yaml")))
REFUSED = {
    "server.extraFlags=web.enable-lifecycle": "/server/extraFlags",
    "server.persistentVolume.enabled=maybe": "/server/persistentVolume/enabled",
    "server.persistentVolume.size=300": "/server/persistentVolume/size",
    "server.readinessProbeInitialDelay=soon": "/server/readinessProbeInitialDelay",
    "serverFiles.rules=text": "/serverFiles/rules",
    "alertmanager.enabled=true": "has no alertmanager",
    "prometheus-pushgateway.enabled=true": "has no prometheus-pushgateway",
}
"""Settings that must not install, with what the refusal has to name."""


class Helm:
    """One helm binary, with folders of its own in place of the user's."""

    def __init__(self, binary: Path, home: Path) -> None:
        self.binary = binary
        self.env = {f"HELM_{kind}_HOME": str(home / kind) for kind in ("CACHE", "CONFIG", "DATA")}

    def run(self, *arguments: str) -> str:
        """Standard output of ``helm ARGUMENTS``; raises CommandFailed."""
        return shell.run([self.binary, *arguments], timeout_s=60, env=self.env).stdout

    def refusal(self, *arguments: str) -> str:
        """What ``helm ARGUMENTS`` says when it fails; empty when it does not."""
        try:
            self.run(*arguments)
        except CommandFailed as error:
            return error.output
        return ""

    def render(self, release: str, *values: Path) -> dict[tuple[str, str], dict[str, Any]]:
        """What an install would create, by kind and name, each checked field by field; raises PromdrillError."""
        flags = [flag for path in values for flag in ("--values", str(path))]
        text = self.run("template", release, str(CHART), "--namespace", "drill", *flags)
        objects = [each for each in yaml.safe_load_all(text) if each]
        for each in objects:
            wrong = list(unknown_fields(each, f"V1{each['kind']}", each["kind"]))
            require(not wrong, f"fields that Kubernetes has: {wrong}")
        found = {(each["kind"], each["metadata"]["name"]): each for each in objects}
        require(len(found) == len(objects), "no object is rendered twice")
        return found


def require(holds: object, what: str) -> None:
    """Raise PromdrillError with `what` unless `holds`."""
    if not holds:
        raise PromdrillError(f"the chart does not hold: {what}")


def unknown_fields(value: Any, model: str, path: str) -> Iterator[str]:
    """Paths of the fields that the Kubernetes API does not have, or whose value is not of the field's type.

    Args:
        value: A field's value; null is always right.
        model: Its type in the Kubernetes client's words: str, List[V1Container], V1Deployment.
        path: Where it is.
    """
    if value is None:
        return
    if match := re.fullmatch(r"List\[(.+)\]", model):
        for index, item in enumerate(value):
            yield from unknown_fields(item, match[1], f"{path}[{index}]")
    elif match := re.fullmatch(r"Dict\[str, (.+)\]", model):
        for key, item in value.items():
            yield from unknown_fields(item, match[1], f"{path}.{key}")
    elif model in {"str", "int", "bool"}:
        if type(value).__name__ != model:
            yield f"{path}: {value!r} is no {model}"
    elif model != "object":  # an object is an integer or a string, and either will do
        kind = getattr(client, model)
        types = {kind.attribute_map[name]: of for name, of in kind.openapi_types.items()}
        yield from (f"{path}.{key}" for key in value if key not in types)
        for key in value.keys() & types.keys():
            yield from unknown_fields(value[key], types[key], f"{path}.{key}")


def check_names(helm: Helm) -> None:
    """Objects, containers and ports have the names that runbooks type."""
    for release, server in (("prometheus", "prometheus-server"), ("x", "x-prometheus-server")):
        found = helm.render(release)
        for kind in ("Deployment", "PersistentVolumeClaim", "Service", "ConfigMap", "ServiceAccount", "ClusterRole"):
            require((kind, server) in found, f"{kind} {server}")
        require(("Deployment", f"{release}-kube-state-metrics") in found, "kube-state-metrics")
        require(("DaemonSet", f"{release}-prometheus-node-exporter") in found, "node-exporter")
        deployment = found["Deployment", server]["spec"]
        require(deployment["strategy"] == {"type": "Recreate", "rollingUpdate": None}, "strategy Recreate")
        containers = [each["name"] for each in deployment["template"]["spec"]["containers"]]
        require(containers == ["prometheus-server-configmap-reload", "prometheus-server"], f"containers: {containers}")
        port = found["Service", server]["spec"]["ports"][0]
        require((port["port"], port["targetPort"]) == (80, 9090), f"port 80 to 9090: {port}")
        require("annotations" not in deployment["template"]["metadata"], "a changed ConfigMap restarts nothing")


def check_modes(helm: Helm) -> None:
    """StatefulSet mode, no persistence, and what an operator sets to nothing."""
    found = helm.render("prometheus", CHART / "ci/statefulset-values.yaml")
    kinds = {kind for kind, name in found if name == "prometheus-server"}
    require(not kinds & {"PersistentVolumeClaim", "Deployment"}, f"a StatefulSet alone: {kinds}")
    stateful = found["StatefulSet", "prometheus-server"]["spec"]
    require(("Service", stateful["serviceName"]) in found, "the headless service")
    claim = stateful["volumeClaimTemplates"][0]
    require(claim["metadata"]["name"] == "storage-volume", "claim storage-volume-<name>-0")
    require(not claim["spec"]["storageClassName"], 'storageClass "-" is no class')
    found = helm.render("prometheus", CHART / "ci/ephemeral-values.yaml")
    require({kind for kind, _ in found} == {"Deployment", "Service", "ConfigMap"}, f"three objects: {list(found)}")
    pod = found["Deployment", "prometheus-server"]["spec"]["template"]["spec"]
    require({"name": "storage-volume", "emptyDir": {"sizeLimit": "200Mi"}} in pod["volumes"], "an emptyDir")
    require(len(pod["containers"]) == 1, "no reloader")
    found = helm.render("prometheus", CHART / "ci/nulls-values.yaml")
    pod = found["Deployment", "prometheus-server"]["spec"]["template"]["spec"]
    require("--web.enable-lifecycle" not in pod["containers"][1]["args"], "no lifecycle flag")


def check_scenarios(helm: Helm) -> None:
    """Each scenario's values give a configuration with the targets and the rule that the drill counts on."""
    for path in sorted(ROOT.glob("scenarios/*/values.yaml")):
        files = helm.render("prometheus", path)["ConfigMap", "prometheus-server"]["data"]
        jobs = [each["job_name"] for each in yaml.safe_load(files["prometheus.yml"])["scrape_configs"]]
        require(jobs == ["prometheus", "kubernetes-nodes"], f"{path}: two jobs: {jobs}")
        require(yaml.safe_load(files["recording_rules.yml"])["groups"], f"{path}: a rule")


def check_refused(helm: Helm) -> None:
    """What must not install is refused, and the refusal names the key."""
    for setting, named in REFUSED.items():
        said = helm.refusal("template", "prometheus", str(CHART), "--set", setting)
        said = said.replace(".", "/")  # Helm 3 writes server.extraFlags, Helm 4 /server/extraFlags
        require(named.strip("/") in said, f"{setting} is refused for {named}: {said}")


def main(binaries: list[str]) -> None:
    """Run every check with every helm; raises PromdrillError on the first that does not hold."""
    if not binaries:
        raise SystemExit("usage: check.py HELM...")
    for binary in binaries:
        with tempfile.TemporaryDirectory() as home:
            helm = Helm(Path(binary).resolve(), Path(home))
            helm.run("lint", "--strict", str(CHART))
            for path in VALUES:
                helm.run("lint", "--strict", str(CHART), "--values", str(path))
                helm.render("prometheus", path)
            for check in (check_names, check_modes, check_scenarios, check_refused):
                check(helm)
        sys.stdout.write(f"chart: {len(VALUES) + 1} values files, all checks hold with {binary}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
