"""Another live cluster is left as it is: ``make test-bystander``.

A kind cluster that is not promdrill's is made on the same engine. Then promdrill is used with an environment in which
everything points there: KUBECONFIG, Helm's and kubectl's variables, the engine's names. Every object of that cluster
must be the same afterwards, byte for byte, and so must the user's kubeconfig. Leases, events and what a kubelet reports
of its node are left out: a cluster changes them by itself.

Nor does anything of a drill reach what the user's values name outside its cluster: a listener on this machine takes the
place of a remote write, which Prometheus must not reach, and its node does.
"""

from __future__ import annotations

import contextlib
import json
import queue
import socketserver
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml
from tests.chaos import foreign
from tests.chaos.run import clean, started
from tests.chaos.telling import ends_when_told, say, told

from promdrill.core import paths, shell
from promdrill.core.clock import SYSTEM

NAME = "bystander"

COMMANDS = (
    ("list",),
    ("run", "--scenario", "target-typo,lifecycle-flag"),
    ("reproduce", "--scenario", "no-default-class"),
    ("verify", "--timeout", "5"),
    ("remedy",),
    ("clean", "no-default-class"),
)
"""What a user types; `verify` of an incident that nobody repaired says no."""

ALLOWED = {"verify": (0, 1)}


def main() -> int:
    """Prove it; 0 when nothing changed."""
    ends_when_told()
    troubles: list[str] = []
    try:
        with (
            tempfile.TemporaryDirectory(prefix="bystander-") as scratch,
            foreign.cluster(NAME, Path(scratch)) as kubeconfig,
        ):
            foreign.settled(kubeconfig)
            before, file = foreign.objects(kubeconfig), kubeconfig.read_bytes()
            say(f"{NAME}: {len(before)} objects")
            rogue = _rogue(kubeconfig, Path(scratch))
            for command in COMMANDS:
                troubles += _typed(command, rogue)
            troubles += foreign.changes(before, foreign.objects(kubeconfig))
            troubles += [] if kubeconfig.read_bytes() == file else ["the user's kubeconfig changed"]
            troubles += [f"written: {each}" for each in sorted((Path(scratch) / "helm").rglob("*")) if each.is_file()]
            troubles += _kept_inside(Path(scratch))
    finally:
        troubles += clean()
    return told(troubles, of=f"{len(COMMANDS)} commands, and a remote write")


def _typed(command: tuple[str, ...], environment: Mapping[str, str]) -> list[str]:
    before = SYSTEM.monotonic()
    with started(*command, env=environment) as run:
        in_time = run.ended(foreign.COMMAND_S)
        say(f"promdrill {' '.join(command)}: exit {run.code}, {SYSTEM.monotonic() - before:.0f} s")
        if in_time and run.code in ALLOWED.get(command[0], (0,)):
            return []
        return [f"{' '.join(command)}: exit {run.code}: {' / '.join(run.lines[-3:])}"]


def _kept_inside(scratch: Path) -> list[str]:
    """Drill a Prometheus that writes to this machine, and keep it running; nothing may arrive."""
    with _listener() as (port, heard):
        argv = ["docker", "network", "inspect", "kind", "--format", "{{(index .IPAM.Config 0).Gateway}}"]
        machine = shell.run(argv, timeout_s=30).stdout.strip()
        values = scratch / "values.yaml"
        written = {"remote_write": [{"url": f"http://{machine}:{port}/api/v1/write"}]}
        values.write_text(yaml.safe_dump({"serverFiles": {"prometheus.yml": written}}), encoding="utf-8")
        troubles = _typed(("run", "--scenario", "target-typo", "--values", str(values), "--keep", "1"), {})
        if not heard.empty():
            troubles.append(f"a drill reached its remote write on this machine: {heard.qsize()} connections")
        kept = max(paths.clusters_dir().glob("*/kubeconfig"), key=lambda path: path.stat().st_mtime).parent.name
        node = ["docker", "exec", f"{kept}-control-plane", "bash", "-c", f": >/dev/tcp/{machine}/{port}"]
        shell.run(node, timeout_s=30, ok=(0, 1))
        try:
            heard.get(timeout=10)
        except queue.Empty:
            troubles.append("the node does not reach this machine either, so that nothing arrived shows nothing")
        return troubles + _typed(("clean", kept), {})


@contextlib.contextmanager
def _listener() -> Iterator[tuple[int, queue.SimpleQueue[str]]]:
    """A port of this machine, and who has connected to it."""
    heard: queue.SimpleQueue[str] = queue.SimpleQueue()

    class Noted(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            heard.put(str(self.client_address[0]))

    with socketserver.ThreadingTCPServer(("", 0), Noted) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], heard
        server.shutdown()


def _rogue(kubeconfig: Path, scratch: Path) -> dict[str, str]:
    """An environment in which everything points at the other cluster."""
    told = json.loads(foreign.kubectl(kubeconfig, "config", "view", "--raw", "--output", "json"))
    cluster = told["clusters"][0]["cluster"]
    helm = scratch / "helm"
    return {
        "KUBECONFIG": str(kubeconfig),
        "KUBE_CONTEXT": f"kind-{NAME}",
        "KUBERNETES_MASTER": cluster["server"],
        "HELM_KUBEAPISERVER": cluster["server"],
        "HELM_KUBECONTEXT": f"kind-{NAME}",
        "HELM_NAMESPACE": "default",
        "HELM_KUBEINSECURE_SKIP_TLS_VERIFY": "true",
        "HELM_REPOSITORY_CONFIG": str(helm / "repositories.yaml"),
        "HELM_REGISTRY_CONFIG": str(helm / "registry.json"),
        "HELM_CACHE_HOME": str(helm / "cache"),
        "HELM_CONFIG_HOME": str(helm / "config"),
        "HELM_DATA_HOME": str(helm / "data"),
        "KIND_CLUSTER_NAME": NAME,
    }


if __name__ == "__main__":
    sys.exit(main())
