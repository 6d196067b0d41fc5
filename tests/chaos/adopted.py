"""A cluster that promdrill adopts is afterwards as it was: ``make test-adopt``.

A kind cluster that is not promdrill's is made on the same engine, and somebody's things are put into it: a namespace
with a pod on a volume, and one that has the name of a drill's. Then promdrill adopts it: it refuses what it must,
drills what can be drilled there, runs a runbook that tries to reach further, and is killed in the middle of a drill.
After each, every object must be the same, byte for byte, and so must the containers and networks of the engine. Leases,
events and what a kubelet reports of its node are left out: a cluster changes them by itself.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from tests.chaos import foreign
from tests.chaos.run import clean, started
from tests.chaos.telling import ends_when_told, say, told

from promdrill.cluster import storage
from promdrill.core import paths, shell
from promdrill.core.clock import SYSTEM
from promdrill.request import adopting, scenarios
from promdrill.supply.bundle.origin import references

NAME = "adopted"

OF_THE_CLUSTER = ("PersistentVolume /pvc-", "IPAddress /")
"""What the cluster itself makes for a claim and for a Service, and takes away with them."""

OCCUPIED = "drill-rolling-lock"
"""A drill's namespace, which somebody has already."""

IMAGES = ("quay.io/prometheus/prometheus:v2.48.0", "quay.io/prometheus-operator/prometheus-config-reloader:v0.69.1")
"""What the drills run. No node image has them: promdrill loads them into clusters of its own, and into no other."""

OVERREACH = """
1. Try what the whole cluster shares. Each of these must be refused.

   ```sh
   OWN="--namespace $NAMESPACE"
   for WHAT in "create namespace rogue" "label node --all rogue=1" "label namespace $NAMESPACE rogue=1" \\
     "delete namespace shop" "delete pods --all --namespace shop" "get secrets --all-namespaces" \\
     "create clusterrole rogue --verb=get --resource=pods" \\
     "create rolebinding rogue --clusterrole=cluster-admin --serviceaccount=$NAMESPACE:promdrill $OWN" \\
     "patch storageclass standard --patch {\\"allowVolumeExpansion\\":true}" \\
     "run rogue --image=busybox $OWN --overrides {\\"apiVersion\\":\\"v1\\",\\"spec\\":{\\"hostPID\\":true}}"; do
     if SAID=$(kubectl $WHAT 2>&1) || [[ $SAID != *orbidden* ]]; then
       echo "not refused: $WHAT: $SAID"
       exit 1
     fi
   done
   ```
"""
"""A step for a runbook. The account that it runs as may do none of this."""

SHOP = """
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {app.kubernetes.io/managed-by: promdrill}}
---
apiVersion: v1
kind: Namespace
metadata: {name: %(occupied)s, labels: {app.kubernetes.io/managed-by: promdrill}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: shop}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 300Mi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: shop, namespace: shop}
spec:
  containers: [{name: pause, image: "%(image)s", volumeMounts: [{name: data, mountPath: /data}]}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
"""


@dataclass
class Proof:
    """What was found so far.

    Attributes:
        kubeconfig: The administrator's.
        scratch: Folder for what the proof writes.
        troubles: What is wrong, in words.
    """

    kubeconfig: Path
    scratch: Path
    troubles: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Look at everything once."""
        foreign.settled(self.kubeconfig)
        self.before, self.engine = foreign.objects(self.kubeconfig), _engine()
        self.file = self.kubeconfig.read_bytes()
        say(f"{NAME}: {len(self.before)} objects")

    def typed(
        self, *argv: str, code: int, said: str = "", act: Callable[[str], None] = lambda _: None, kill: str = ""
    ) -> None:
        """Type a command, look at how it ends, and whether everything is as before.

        Args:
            *argv: The options of `promdrill run`, besides those that adopt the cluster.
            code: The exit code that it must have; unless it is killed.
            said: What it must say.
            act: Told each line.
            kill: A line at which its first process is killed; empty for none.
        """
        began, seen = SYSTEM.monotonic(), threading.Event()

        def show(line: str) -> None:
            act(line)
            if kill and kill in line:
                seen.set()

        with started("run", f"--cluster={NAME}", *argv, show=show) as run:
            if kill:
                if not seen.wait(foreign.COMMAND_S):
                    self.troubles.append(f"{' '.join(argv)}: never said {kill!r}")
                run.process.kill()
            in_time = run.ended(foreign.COMMAND_S * 3)
            say(f"promdrill run {' '.join(argv)}: exit {run.code}, {SYSTEM.monotonic() - began:.0f} s")
            if kill:
                return
            if not in_time or run.code != code or said not in run.output:
                last = " / ".join(run.lines[-4:])
                self.troubles.append(f"{' '.join(argv)}: exit {run.code} instead of {code}, or not {said!r}: {last}")
        self.look(" ".join(argv))

    def look(self, after: str) -> None:
        """Compare everything with before."""
        found = foreign.changes(self.before, foreign.objects(self.kubeconfig))
        found += [] if _engine() == self.engine else ["the engine's containers or networks changed"]
        found += [] if self.kubeconfig.read_bytes() == self.file else ["the user's kubeconfig changed"]
        self.troubles += [f"after {after}: {each}" for each in found]


def main() -> int:
    """Prove it; 0 when nothing changed, and everything ended as it must."""
    ends_when_told()
    troubles: list[str] = []
    try:
        with (
            tempfile.TemporaryDirectory(prefix="adopted-") as folder,
            foreign.cluster(NAME, Path(folder)) as kubeconfig,
        ):
            _furnish(kubeconfig)
            proof = Proof(kubeconfig, Path(folder))
            troubles = proof.troubles
            _refused(proof)
            _drilled(proof)
            _killed(proof)
    finally:
        troubles += clean()
    return told(troubles)


def _refused(proof: Proof) -> None:
    proof.typed("--scenario=quota", code=2, said="promdrill did not make this cluster")
    proof.typed("--adopt=1", "--scenario=target-typo", code=2, said="a ClusterRole, to scrape the nodes")
    proof.typed("--adopt=1", "--scenario=quota", "--jobs=2", code=2, said="JOBS=2: not with ADOPT=1")
    proof.typed("--adopt=1", "--scenario=rolling-lock", code=1, said=f"has a namespace {OCCUPIED} already")
    foreign.kubectl(proof.kubeconfig, "delete", "namespace", OCCUPIED)
    foreign.settled(proof.kubeconfig)
    proof.before = foreign.objects(proof.kubeconfig)


def _drilled(proof: Proof) -> None:
    fit = ",".join(each.id for each in scenarios.find_all() if not adopting.needs(each.folder))
    during: dict[str, str] = {}

    def look(line: str) -> None:
        if "baseline" in line and not during:
            during.update(foreign.objects(proof.kubeconfig))

    proof.typed("--adopt=1", f"--scenario={fit}", code=0, act=look)
    came = [name for name in during if name not in proof.before]
    outside = [name for name in came if "/drill-" not in name and not name.startswith(OF_THE_CLUSTER)]
    outside = [name for name in outside if " drill-" not in name]  # of its namespace: `Pod drill-x/prometheus`
    proof.troubles += [] if came else ["nothing was seen in the cluster during the drills"]
    proof.troubles += [f"made outside the namespaces of drills: {name}" for name in outside]
    proof.typed("--adopt=1", "--scenario=overreach", f"--scenarios={_overreaching(proof.scratch)}", code=0)


def _killed(proof: Proof) -> None:
    proof.typed("--adopt=1", "--scenario=config-typo", code=-9, kill="config-typo: provision")
    left = [name for name in foreign.objects(proof.kubeconfig) if name.startswith("Namespace /drill-")]
    proof.troubles += [] if left == ["Namespace /drill-config-typo"] else [f"killed in a drill, and there is {left}"]
    proof.typed("--adopt=1", "--scenario=quota", code=0, said=f"cluster {NAME} is as it was; namespaces that a killed")


def _overreaching(scratch: Path) -> Path:
    """A folder with a scenario: wal-corrupt, whose runbook tries to reach further before it helps."""
    folder = scratch / "scenarios" / "overreach"
    shutil.copytree(paths.scenarios_dir() / "wal-corrupt", folder, ignore=shutil.ignore_patterns("__pycache__"))
    test = (folder / "test_wal_corrupt.py").rename(folder / "test_overreach.py")
    text = test.read_text().replace("def test_wal_corrupt(", "def test_overreach(")
    test.write_text(text.replace('"""wal-corrupt:', '"""overreach:'))
    runbook = folder / "runbook.md"
    text = runbook.read_text().replace("\nid: wal-corrupt\n", "\nid: overreach\n")
    runbook.write_text(text.replace("\n## Mitigation\n", f"\n## Mitigation\n{OVERREACH}", 1))
    return folder.parent


def _furnish(kubeconfig: Path) -> None:
    """Give the cluster a provisioner if it has none that works, the images of the drills, and somebody's things."""
    classes = json.loads(foreign.kubectl(kubeconfig, "get", "storageclass", "--output=json"))["items"]
    if [each["provisioner"] for each in classes] != ["rancher.io/local-path"]:
        manifest = max((paths.cache_dir() / "artefacts").glob("*/*/**/local-path-storage.yaml"))
        foreign.kubectl(kubeconfig, "delete", "storageclass", "--all")
        shipped = yaml.safe_dump_all(storage.objects(manifest), sort_keys=False)
        foreign.kubectl(kubeconfig, "apply", "--server-side", "-f", "-", stdin=shipped)
        rollout = ("--namespace", storage.NAMESPACE, "rollout", "status", f"deployment/{storage.PROVISIONER}")
        foreign.kubectl(kubeconfig, *rollout, "--timeout=80s")
    node = json.loads(foreign.kubectl(kubeconfig, "get", "nodes", "--output=json"))["items"][0]
    there = [name for image in node["status"]["images"] for name in image.get("names") or ()]
    for image in IMAGES:
        load = ["load", "image-archive", f"--name={NAME}", str(_archive(image))]
        shell.run([foreign.newest("kind"), *load], timeout_s=foreign.COMMAND_S)
    pause = next(name for name in there if "/pause:" in name)
    foreign.kubectl(kubeconfig, "apply", "-f", "-", stdin=SHOP % {"image": pause, "occupied": OCCUPIED})
    wait = ("--namespace", "shop", "wait", "pod/shop", "--for=condition=Ready", "--timeout=80s")
    if "condition met" not in foreign.kubectl(kubeconfig, *wait):
        raise SystemExit(foreign.kubectl(kubeconfig, "--namespace", "shop", "describe", "pod,pvc"))


def _archive(image: str) -> Path:
    """The archive with an image that the first run, of `foreign.cluster`, loaded into its own cluster."""
    found = [
        path for path in (paths.cache_dir() / "artefacts").glob("*/*/files/image.tar") if image in references(path)
    ]
    if not found:
        raise SystemExit(f"promdrill's cache has no archive of {image}")
    return max(found, key=lambda path: path.stat().st_mtime)


def _engine() -> tuple[str, ...]:
    """Containers of kind's nodes, and networks."""
    nodes = shell.run(["docker", "ps", "--all", "--no-trunc", "--quiet"], timeout_s=60).stdout.split()
    networks = shell.run(["docker", "network", "ls", "--no-trunc", "--quiet"], timeout_s=60).stdout.split()
    return (*sorted(nodes), *sorted(networks))


if __name__ == "__main__":
    sys.exit(main())
