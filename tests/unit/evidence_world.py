"""A namespace with one crashed Prometheus, on a scripted API server, with kubectl and Helm played."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.unit.api_server import ApiServer, executes, kubeconfig, says
from tests.unit.fake_shell import FakeShell

from promdrill.core.journal import Journal
from promdrill.core.login import Login
from promdrill.evidence import Evidence, Subject, gather
from promdrill.helm.command import Helm
from promdrill.observe.server import Server

NAMESPACE = "drill-toy"
POD = "prometheus-server-0"
SPACE = f"/api/v1/namespaces/{NAMESPACE}"
APPS = f"/apis/apps/v1/namespaces/{NAMESPACE}"
SERVICE = f"{SPACE}/services/prometheus-server:80/proxy"
DIRECT = f"{SPACE}/pods/{POD}:9090/proxy"
PAGES = ("status/buildinfo", "status/runtimeinfo", "targets", "rules", "status/config", "status/flags", "status/tsdb")
PASSWORD = "hunter2-Xy"  # noqa: S105  it is to be looked for


def metadata(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "namespace": NAMESPACE, "managedFields": [{"manager": "promdrill"}], **more}


def a_list(kind: str, *items: dict[str, Any], version: str = "v1") -> dict[str, Any]:
    """A list as the API server gives it: its items have no kind of their own."""
    return {"apiVersion": version, "kind": f"{kind}List", "items": list(items)}


def pod() -> dict[str, Any]:
    """The server crashed once; its reloader runs; a third container never started."""
    run = {"containerID": "containerd://1", "restartCount": 0, "state": {"running": {}}}
    crashed = {"lastState": {"terminated": {"containerID": "containerd://0"}}, "restartCount": 1}
    return {
        "metadata": metadata(POD),
        "spec": {
            "initContainers": [{"name": "init"}],
            "containers": [
                {"name": "prometheus-server", "env": [{"name": "A_PASSWORD", "value": PASSWORD}]},
                {"name": "reloader"},
            ],
        },
        "status": {
            "initContainerStatuses": [{"name": "init", "restartCount": 0, "state": {"waiting": {}}}],
            "containerStatuses": [
                {"name": "prometheus-server", **run, **crashed},
                {"name": "reloader", **run},
            ],
        },
    }


def ok(data: Any) -> Any:
    return says(200, {"status": "success", "data": data})


def df(text: str) -> Any:
    return executes(b"\x01" + text.encode(), b"\x03" + json.dumps({"status": "Success"}).encode())


@dataclass
class EvidenceWorld:
    """The scripts, the folder of the report, and whether the kubeconfig is usable."""

    api: ApiServer
    shell: FakeShell
    folder: Path
    broken_kubeconfig: bool = False
    login: Login | None = None

    def subject(self) -> Subject:
        config = kubeconfig(self.folder, self.api.port)
        if self.broken_kubeconfig:
            config.write_text("not one")
        helm = Helm(Path("/pinned/helm"), config, self.folder / "home")
        return Subject(
            scenario="toy",
            server=Server.of(NAMESPACE, "prometheus"),
            kubeconfig=config,
            helm=helm,
            kubectl_binary=Path("/pinned/kubectl"),
            helm_binary=Path("/pinned/helm"),
            login=self.login,
        )

    def gather(self, **options: Any) -> Evidence:
        with Journal(self.folder / "report" / "journal.jsonl") as journal:
            return gather(self.subject(), self.folder / "report", journal, **options)

    def journal(self, event: str) -> list[dict[str, Any]]:
        text = (self.folder / "report" / "journal.jsonl").read_text()
        return [entry for entry in map(json.loads, text.splitlines()) if entry["event"] == event]

    def read(self, path: str) -> str:
        return (self.folder / "report" / "evidence" / path).read_text()

    def everything(self) -> str:
        folder = self.folder / "report"
        return "".join(path.read_text() for path in sorted(folder.rglob("*")) if path.is_file())

    def drop(self, method: str, path: str, *scripts: Any) -> None:
        """Answer a path otherwise than a good world does."""
        self.api.scripts[method, path] = list(scripts)

    def good(self) -> None:
        """Everything answers."""
        get = self.api.on
        claim = {"metadata": metadata("data"), "spec": {"volumeName": "pv-1"}}
        volumes = [{"metadata": {"name": n}, "spec": {"claimRef": {"namespace": s}}} for n, s in VOLUMES]
        config_map = {"metadata": metadata("c"), "data": {"prometheus.yml": f"x: 1\nbearer_token: {PASSWORD}\n"}}
        get("GET", f"{SPACE}/pods", says(200, a_list("Pod", pod())))
        get("GET", f"{SPACE}/persistentvolumeclaims", says(200, a_list("PersistentVolumeClaim", claim)))
        get("GET", "/api/v1/persistentvolumes", says(200, a_list("PersistentVolume", *volumes)))
        get("GET", f"{SPACE}/services", says(200, a_list("Service")))
        get("GET", f"{SPACE}/configmaps", says(200, a_list("ConfigMap", config_map)))
        secret = {"metadata": metadata("s"), "data": {"anything": PASSWORD}}
        get("GET", f"{SPACE}/secrets", says(200, a_list("Secret", secret)))
        get("GET", f"{SPACE}/events", says(200, a_list("Event", *events())))
        for plural in ("deployments", "statefulsets", "replicasets", "daemonsets"):
            get("GET", f"{APPS}/{plural}", says(200, a_list(plural, version="apps/v1")))
        get("GET", SLICES, says(200, a_list("EndpointSlice", version="discovery.k8s.io/v1")))
        classes = [{"metadata": {"name": name}, "provisioner": "p"} for name in ("standard", NAMESPACE)]
        get("GET", CLASSES, says(200, a_list("StorageClass", *classes, version="storage.k8s.io/v1")))
        get("GET", f"{SPACE}/pods/{POD}/exec", df("Filesystem 1 2 3 100% /data\n"), df("inodes\n"))
        # in the order of a pod's containers: the server now and before, the reloader
        get("GET", f"{SPACE}/pods/{POD}/log", says(200, "now\n"), says(200, "before\n"), says(200, "reloads\n"))
        for page in PAGES:
            data = {"yaml": f"x: 1\npassword: {PASSWORD}\n"} if page.endswith("config") else {"page": page}
            get("GET", f"{SERVICE}/api/v1/{page}", ok(data))
        expect = self.shell.expect
        for words in (("pods",), ("persistentvolumeclaims",), ("persistentvolumes", "pv-1")):
            expect("/pinned/kubectl", "describe", *words, answer=f"Name: {words[0]}\n  A_TOKEN: {PASSWORD} b\n")
        expect("/pinned/helm", "get", "values", "prometheus", answer=f"adminPassword: {PASSWORD}\n")
        expect("/pinned/helm", "get", "values", "prometheus", "--all", answer="a: b # kept\n")
        manifest = f"---\nkind: Secret\nmetadata: {{name: s}}\nstringData: {{any: {PASSWORD}}}\n"
        expect("/pinned/helm", "get", "manifest", "prometheus", answer=manifest)
        expect("/pinned/helm", "history", "prometheus", answer="REVISION  UPDATED\n1         now\n")


VOLUMES = (("pv-1", NAMESPACE), ("pv-of-others", "default"))
SLICES = f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices"
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"


def events() -> list[dict[str, Any]]:
    """The newer one first, as etcd may give them."""
    about = {"kind": "Pod", "name": POD}
    return [
        {
            "metadata": metadata("e2"),
            "involvedObject": about,
            "type": "Warning",
            "reason": "BackOff",
            "message": "Back-off restarting\nfailed container",
            "count": 3,
            "lastTimestamp": "2026-01-01T00:00:09Z",
        },
        {
            "metadata": metadata("e1"),
            "involvedObject": about,
            "type": "Normal",
            "reason": "Pulled",
            "message": "there",
            "eventTime": "2026-01-01T00:00:01.000000Z",
        },
    ]
