"""A kind cluster that promdrill did not make, for proofs that it is left as it is: made by kind, seen by kubectl."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml
from tests.chaos.run import started

from promdrill.cluster.identity import LABEL
from promdrill.core import paths, shell
from promdrill.core.clock import Deadline
from promdrill.core.errors import PromdrillError

COMMAND_S = 600.0
"""Seconds for one command; a run takes 60 to 120."""

CHANGING = ("events", "leases.coordination.k8s.io", "events.events.k8s.io", "componentstatuses")
"""What a cluster changes by itself."""


@contextlib.contextmanager
def cluster(name: str, scratch: Path) -> Iterator[Path]:
    """A cluster that promdrill knows nothing of, from the node image of its own; its kubeconfig.

    A run comes first, which fetches or builds all that is needed, and whose cluster shows what nodes need here.

    Raises:
        PromdrillError: No drill passes here.
        CommandFailed: kind refused.
    """
    with started("run", "--scenario", "target-typo", "--keep", "1") as run:
        if not run.ended(COMMAND_S * 3) or run.code != 0:
            raise PromdrillError(f"no drill passes here:\n{run.output[-2000:]}")
    argv = ["docker", "ps", "--filter", f"label={LABEL}", "--format", "{{.Image}}"]
    node = shell.run(argv, timeout_s=60).stdout.split()[0]
    kept = max(paths.clusters_dir().glob("*/kind.yaml"), key=lambda path: path.stat().st_mtime)
    config = scratch / "kind.yaml"
    config.write_text(_without_mark(kept.read_text(encoding="utf-8")), encoding="utf-8")
    with started("clean", kept.parent.name) as run:
        run.ended(COMMAND_S)
    kubeconfig = scratch / "kubeconfig"
    given = [f"--name={name}", f"--kubeconfig={kubeconfig}"]
    try:
        create = ["create", "cluster", *given, f"--image={node}", f"--config={config}", "--wait=120s"]
        shell.run([newest("kind"), *create], timeout_s=COMMAND_S)
        kubectl(kubeconfig, "create", "configmap", "theirs", "--from-literal=a=b")
        yield kubeconfig
    finally:
        shell.run([newest("kind"), "delete", "cluster", *given], timeout_s=COMMAND_S)


def _without_mark(config: str) -> str:
    """A kind configuration as a user would have written it: nothing of it says promdrill."""
    found = yaml.safe_load(config)
    for node in found.get("nodes", ()):
        node.pop("extraMounts", None)
    return yaml.safe_dump(found, sort_keys=False)


def settled(kubeconfig: Path) -> None:
    """Wait until the cluster no longer changes by itself: two looks, some seconds apart, that are alike.

    Raises:
        PromdrillError: It goes on changing.
    """
    deadline = Deadline.after(COMMAND_S)
    last: Mapping[str, str] = {}
    while (found := objects(kubeconfig)) != last:
        if deadline.passed:
            raise PromdrillError(f"the cluster of {kubeconfig} goes on changing by itself")
        last = found
        kubectl(kubeconfig, "get", "configmaps", "--watch-only", "--request-timeout=15s")


def objects(kubeconfig: Path) -> dict[str, str]:
    """A checksum of each object of the cluster, by kind, namespace and name."""
    kinds = [kind for kind in kubectl(kubeconfig, "api-resources", "--verbs=list", "--output=name").split()
             if kind not in CHANGING]  # fmt: skip
    found = {}
    text = kubectl(kubeconfig, "get", ",".join(kinds), "--all-namespaces", "--output=json", "--ignore-not-found")
    for each in json.loads(text)["items"]:
        about = each["metadata"]
        if each["kind"] == "Node":
            each = {"spec": each["spec"], "labels": about["labels"], "annotations": about["annotations"]}  # noqa: PLW2901
        raw = json.dumps(each, sort_keys=True).encode()
        name = f"{each.get('kind', 'Node')} {about.get('namespace', '')}/{about['name']}"
        found[name] = hashlib.sha256(raw).hexdigest()
    return found


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """The objects that came, went or are not the same."""
    return [f"changed: {name}" for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)]


def kubectl(kubeconfig: Path, *argv: str, stdin: str | None = None) -> str:
    """What kubectl says, as the cluster's administrator; whether it failed shows in that."""
    command: list[str | Path] = [newest("kubectl"), "--kubeconfig", kubeconfig, *argv]
    return shell.run(command, timeout_s=90, ok=(0, 1), stdin=stdin).stdout


def newest(tool: str) -> Path:
    """A program of promdrill's cache."""
    found = [path for path in (paths.cache_dir() / "artefacts").glob(f"*/*/**/{tool}")
             if path.is_file() and os.access(path, os.X_OK)]  # fmt: skip
    return max(found, key=lambda path: path.stat().st_mtime)
