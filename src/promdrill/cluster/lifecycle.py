"""The life of a cluster: created, made ready, deleted or kept; what killed runs left is cleared first."""

from __future__ import annotations

import contextlib
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from promdrill.cluster import lease, owners, storage
from promdrill.cluster.kind import LABEL, PinnedKindCluster, configuration
from promdrill.core import paths, shell
from promdrill.core.errors import ClusterError, CommandFailed, UsageError

READY_TIMEOUT_S = 180.0
"""A cluster is ready a few seconds after kind has created it; this ends what hangs."""

NETWORK = "kind"
"""The engine network that kind makes for its nodes, and leaves behind."""


@contextlib.contextmanager
def cluster(
    *,
    name: str,
    profile: str,
    image: str,
    kind_path: Path,
    kubectl_path: Path,
    provisioner: Path,
    archives: tuple[Path, ...] = (),
    kind_patch: Mapping[str, Any] | None = None,
    keep: bool = False,
    reuse: bool = False,
    kubeconfig: Path | None = None,
    on_event: Callable[[str], None] = lambda _: None,
) -> Iterator[PinnedKindCluster]:
    """A ready cluster, deleted when the block is left, however it is left.

    Args:
        name: The cluster's name.
        profile: One of `promdrill.core.choices.PROFILES`.
        image: Node image.
        kind_path: Path of kind.
        kubectl_path: Path of kubectl.
        provisioner: local-path-provisioner's own manifest.
        archives: Docker archives to load into the nodes.
        kind_patch: Merged over the profile's kind configuration.
        keep: Leave the cluster for a person to look at.
        reuse: Whether a cluster of that name that was kept may be used.
        kubeconfig: Another place for the kubeconfig.
        on_event: Told what happens, in words.

    Raises:
        ClusterError: It could not be created or did not become ready.
    """
    folder = owners.clusters_dir() / name
    made = PinnedKindCluster(
        name, folder=folder, image=image, kind_path=kind_path, kubectl_path=kubectl_path, kubeconfig=kubeconfig
    )
    for gone in remove_abandoned(kind_path, mine=name):
        on_event(f"deleted cluster {gone}, which a run that was killed had left")
    kept = _kept(made, reuse=reuse)
    with contextlib.ExitStack() as undo:
        undo.callback(_undo, made, keep=keep, on_event=on_event)
        if kept:
            on_event(f"using cluster {name}, which was kept")
        else:
            owners.claim(folder, kept=False)
            _create(made, profile, kind_patch or {}, on_event)
            for archive in archives:
                made.load_archive(archive)
            storage.install(made, provisioner)
        wait_ready(made)
        on_event(f"cluster {name} is ready")
        owners.claim(folder, kept=keep)
        yield made


def _create(made: PinnedKindCluster, profile: str, patch: Mapping[str, Any], on_event: Callable[[str], None]) -> None:
    config = made.path / "kind.yaml"
    config.write_text(yaml.safe_dump(configuration(profile, patch), sort_keys=False), encoding="utf-8")
    on_event(f"creating cluster {made.name} ({profile})")
    made.create(config)
    over = paths.manifests_dir() / "kind" / f"{profile}-objects.yaml"
    if over.exists():  # at once: kubeadm's pods are not there yet, and so none is made twice
        made.apply(over.read_text(encoding="utf-8"))


def _kept(made: PinnedKindCluster, *, reuse: bool) -> bool:
    if made.name not in made.existing():
        return False
    owner = owners.of(made.path)
    if reuse and owner is not None and owner.kept:
        return True
    raise ClusterError(
        f"a kind cluster named {made.name} exists already",
        hint=f"{paths.command('clean')}, if it is promdrill's; otherwise another --cluster-name",
    )


def wait_ready(made: PinnedKindCluster) -> None:
    """Wait until nodes, DNS and storage are really ready.

    Raises:
        ClusterError: One of them is not within `READY_TIMEOUT_S`; says which, and what it last looked like.
    """
    budget = f"--timeout={READY_TIMEOUT_S:.0f}s"
    wanted = {
        "nodes ready": ["wait", "--for=condition=Ready", "node", "--all", budget],
        # One of its two pods is enough for that, and it may be asked for its readiness ten seconds before the other.
        "DNS available": ["-n", "kube-system", "wait", "--for=condition=Available", "deployment/coredns", budget],
        "volume agent running": ["-n", storage.NAMESPACE, "rollout", "status", f"daemonset/{storage.AGENT}", budget],
        "provisioner available": [
            "-n",
            storage.NAMESPACE,
            "rollout",
            "status",
            f"deployment/{storage.PROVISIONER}",
            budget,
        ],
    }
    for what, argv in wanted.items():
        try:
            made.kubectl(*argv, timeout_s=READY_TIMEOUT_S + 10)
        except CommandFailed as error:
            pods = made.kubectl("get", "pods", "--all-namespaces", "--output", "wide")
            raise ClusterError(
                f"cluster {made.name}: not {what} within {READY_TIMEOUT_S:.0f} s: {error.output.strip()}\n{pods}"
            ) from error
    storage.require_default_class(made)


def remove_abandoned(kind_path: Path, *, mine: str) -> list[str]:
    """Delete clusters of ours whose makers are gone and that were not kept.

    Args:
        kind_path: Path of kind.
        mine: The name that the caller has leased; other names are looked at only while nobody has them.

    Returns:
        The names of those deleted.
    """
    removed = []
    for folder, owner in owners.recorded().items():
        if owner is not None and (owner.kept or owner.alive):
            continue
        with contextlib.ExitStack() as held:
            if folder.name != mine:
                try:
                    held.enter_context(lease.this_name(folder.name))
                except UsageError:
                    continue
            left = PinnedKindCluster(
                folder.name, folder=folder, image=None, kind_path=kind_path, kubectl_path=kind_path
            )
            _undo(left, keep=False, on_event=lambda _: None)
            removed.append(folder.name)
    return removed


def _undo(made: PinnedKindCluster, *, keep: bool, on_event: Callable[[str], None]) -> None:
    owner = owners.of(made.path)
    if keep and owner is not None and owner.kept:
        on_event(f"cluster {made.name} is kept: export KUBECONFIG={shlex.quote(str(made.kubeconfig_path))}")
        return
    made.delete()
    others = shell.run(["docker", "ps", "--all", "--quiet", "--filter", f"label={LABEL}"], timeout_s=30).stdout
    if not others.strip():
        shell.run(["docker", "network", "rm", NETWORK], timeout_s=30, ok=(0, 1))
    shutil.rmtree(made.path / "kube-cache", ignore_errors=True)
    shutil.rmtree(made.path / "drill", ignore_errors=True)  # what `promdrill reproduce` keeps
    for name in ("kind.yaml", "kubeconfig", "kubeconfig.lock", owners.FILE_NAME):
        (made.path / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # what a person put there stays
        made.path.rmdir()
