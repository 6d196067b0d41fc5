"""Another live cluster is left as it is: ``make test-bystander``.

A kind cluster that is not promdrill's is made on the same engine. Then promdrill is used with an environment in which
everything points there: KUBECONFIG, Helm's and kubectl's variables, the engine's names. Every object of that cluster
must be the same afterwards, byte for byte, and so must the user's kubeconfig. Leases, events and what a kubelet reports
of its node are left out: a cluster changes them by itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.chaos.run import clean, started

from promdrill.core import paths, shell
from promdrill.core.clock import SYSTEM, Deadline
from promdrill.core.errors import PromdrillError

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

COMMAND_S = 600.0
"""Seconds for one command; a run takes 60 to 120."""

CHANGING = ("events", "leases.coordination.k8s.io", "events.events.k8s.io", "componentstatuses")


def say(text: str) -> None:
    """A line for whoever watches."""
    print(text, flush=True)  # noqa: T201


def main() -> int:
    """Prove it; 0 when nothing changed."""
    for caught in (signal.SIGTERM, signal.SIGINT):
        signal.signal(caught, signal.default_int_handler)
    troubles: list[str] = []
    try:
        with tempfile.TemporaryDirectory(prefix="bystander-") as scratch, _cluster(Path(scratch)) as kubeconfig:
            _settled(kubeconfig)
            before, file = _objects(kubeconfig), kubeconfig.read_bytes()
            say(f"{NAME}: {len(before)} objects")
            rogue = _rogue(kubeconfig, Path(scratch))
            for command in COMMANDS:
                troubles += _typed(command, rogue)
            after = _objects(kubeconfig)
            troubles += [f"changed: {name}" for name in sorted(before.keys() | after.keys())
                         if before.get(name) != after.get(name)]  # fmt: skip
            troubles += [] if kubeconfig.read_bytes() == file else ["the user's kubeconfig changed"]
            troubles += [f"written: {each}" for each in sorted((Path(scratch) / "helm").rglob("*")) if each.is_file()]
    finally:
        troubles += clean()
    for trouble in troubles:
        say(f"TROUBLE: {trouble}")
    say(f"{len(COMMANDS)} commands, {len(troubles)} troubles")
    return 1 if troubles else 0


def _typed(command: tuple[str, ...], environment: Mapping[str, str]) -> list[str]:
    before = SYSTEM.monotonic()
    with started(*command, env=environment) as run:
        in_time = run.ended(COMMAND_S)
        say(f"promdrill {' '.join(command)}: exit {run.code}, {SYSTEM.monotonic() - before:.0f} s")
        if in_time and run.code in ALLOWED.get(command[0], (0,)):
            return []
        return [f"{' '.join(command)}: exit {run.code}: {' / '.join(run.lines[-3:])}"]


@contextlib.contextmanager
def _cluster(scratch: Path) -> Iterator[Path]:
    """A kind cluster that promdrill knows nothing of, with an object of each usual kind; its kubeconfig."""
    with started("run", "--scenario", "target-typo", "--keep-cluster") as run:
        if not run.ended(COMMAND_S * 3) or run.code != 0:
            raise PromdrillError(f"no drill passes here:\n{run.output[-2000:]}")
    kind, kubectl = (_newest(name) for name in ("kind", "kubectl"))
    node = shell.run(["docker", "ps", "--format", "{{.Image}}"], timeout_s=60).stdout.split()[0]
    with started("clean", "promdrill") as run:
        run.ended(COMMAND_S)
    kubeconfig = scratch / "kubeconfig"
    argv = ["create", "cluster", f"--name={NAME}", f"--image={node}", f"--kubeconfig={kubeconfig}", "--wait=120s"]
    try:
        shell.run([kind, *argv], timeout_s=COMMAND_S)
        things = ["create", "configmap", "theirs", "--from-literal=a=b"]
        shell.run([kubectl, "--kubeconfig", kubeconfig, *things], timeout_s=60)
        yield kubeconfig
    finally:
        shell.run([kind, "delete", "cluster", f"--name={NAME}", f"--kubeconfig={kubeconfig}"],
                  timeout_s=COMMAND_S)  # fmt: skip


def _rogue(kubeconfig: Path, scratch: Path) -> dict[str, str]:
    """An environment in which everything points at the other cluster."""
    cluster = json.loads(_kubectl(kubeconfig, "config", "view", "--raw", "--output", "json"))["clusters"][0]["cluster"]
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


def _settled(kubeconfig: Path) -> None:
    """Wait until the cluster no longer changes by itself: two looks, some seconds apart, that are alike."""
    deadline = Deadline.after(COMMAND_S)
    last: Mapping[str, str] = {}
    while (found := _objects(kubeconfig)) != last:
        if deadline.passed:
            raise PromdrillError(f"the cluster {NAME} goes on changing by itself")
        last = found
        _kubectl(kubeconfig, "get", "configmaps", "--watch-only", "--request-timeout=15s")


def _objects(kubeconfig: Path) -> dict[str, str]:
    """A checksum of each object of the cluster, by kind, namespace and name."""
    kinds = [kind for kind in _kubectl(kubeconfig, "api-resources", "--verbs=list", "--output=name").split()
             if kind not in CHANGING]  # fmt: skip
    found = {}
    text = _kubectl(kubeconfig, "get", ",".join(kinds), "--all-namespaces", "--output=json", "--ignore-not-found")
    for each in json.loads(text)["items"]:
        about = each["metadata"]
        if each["kind"] == "Node":
            each = {"spec": each["spec"], "labels": about["labels"], "annotations": about["annotations"]}  # noqa: PLW2901
        raw = json.dumps(each, sort_keys=True).encode()
        name = f"{each.get('kind', 'Node')} {about.get('namespace', '')}/{about['name']}"
        found[name] = hashlib.sha256(raw).hexdigest()
    return found


def _kubectl(kubeconfig: Path, *argv: str) -> str:
    return shell.run([_newest("kubectl"), "--kubeconfig", kubeconfig, *argv], timeout_s=60, ok=(0, 1)).stdout


def _newest(tool: str) -> Path:
    found = [path for path in (paths.cache_dir() / "artefacts").glob(f"*/*/{tool}") if os.access(path, os.X_OK)]
    return max(found, key=lambda path: path.stat().st_mtime)


if __name__ == "__main__":
    sys.exit(main())
