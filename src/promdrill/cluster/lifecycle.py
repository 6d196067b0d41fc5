"""The life of a cluster: created, made ready, deleted or kept; leftovers of killed runs are deleted first."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from promdrill.cluster import lease, owners, storage
from promdrill.cluster.kind import LABEL, PinnedKindCluster, configuration
from promdrill.core import paths, shell
from promdrill.core.errors import ClusterError, CommandFailed, UsageError

READY_TIMEOUT_S = 180.0
"""Seconds until a new cluster must be ready: it takes a few, and a longer wait means that it hangs."""

NETWORK = "kind"
"""The engine's network that kind creates for its nodes and never removes."""


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
    """A ready cluster, deleted when the block ends, however it ends.

    A cluster that existed before is never deleted: it stays kept, whatever `keep` says.

    Args:
        name: The cluster's name.
        profile: One of `promdrill.core.choices.PROFILES`.
        image: Node image.
        kind_path: Path of kind.
        kubectl_path: Path of kubectl.
        provisioner: local-path-provisioner's own manifest.
        archives: Docker archives to load into the nodes.
        kind_patch: Merged over the profile's kind configuration.
        keep: Leave the cluster running for a person to look at.
        reuse: Use the kept cluster of that name, if there is one.
        kubeconfig: Path of the kubeconfig, if not the default.
        on_event: Called with each event, in words.

    Raises:
        ClusterError: It could not be created or did not become ready, or the kept one is not as requested.
    """
    folder = paths.clusters_dir() / name
    made = PinnedKindCluster(
        name, folder=folder, image=image, kind_path=kind_path, kubectl_path=kubectl_path, kubeconfig=kubeconfig
    )
    for gone in remove_abandoned(kind_path, mine=name):
        on_event(f"deleted cluster {gone}, which a killed run had left")
    if _is_kept(made, reuse=reuse):
        with _reused(made, profile, archives, on_event):
            yield made
        return
    with contextlib.ExitStack() as undo:
        undo.callback(_undo, made, keep=keep, on_event=on_event)
        owners.forget(folder)  # of an earlier cluster of that name, which no longer exists
        owners.record(folder, profile=profile, image=image)
        _create(made, profile, kind_patch or {}, on_event)
        for archive in archives:
            made.load_archive(archive)
        storage.install(made, provisioner)
        wait_ready(made)
        on_event(f"cluster {name} is ready")
        owners.claim(folder, kept=keep)
        yield made


@contextlib.contextmanager
def _reused(
    made: PinnedKindCluster, profile: str, archives: tuple[Path, ...], on_event: Callable[[str], None]
) -> Iterator[None]:
    """A kept cluster, in use for as long as the block lasts; it stays kept."""
    _refuse_another(made, profile)
    on_event(f"using the kept cluster {made.name}")
    owners.claim(made.path, kept=True)
    try:
        for archive in archives:
            made.load_archive(archive)
        wait_ready(made)
        on_event(f"cluster {made.name} is ready")
        yield
    finally:
        on_event(f"cluster {made.name} stays kept; to delete it: {paths.program()} clean {made.name}")


def _refuse_another(made: PinnedKindCluster, profile: str) -> None:
    """Refuse a kept cluster with another profile or version of Kubernetes: results name the requested ones."""
    owner = owners.of(made.path)
    if owner is None or not owner.profile:
        return
    for what, asked, is_there in (("profile", profile, owner.profile), ("node image", made.image, owner.image)):
        if asked != is_there:
            raise ClusterError(
                f"cluster {made.name} was made with {what} {is_there}, and this run asks for {asked}",
                hint="request what it has, or leave CLUSTER out",
            )


def _create(made: PinnedKindCluster, profile: str, patch: Mapping[str, Any], on_event: Callable[[str], None]) -> None:
    config = made.path / "kind.yaml"
    config.write_text(yaml.safe_dump(configuration(profile, patch), sort_keys=False), encoding="utf-8")
    on_event(f"creating cluster {made.name} ({profile})")
    made.create(config)
    over = paths.manifests_dir() / "kind" / f"{profile}-objects.yaml"
    if over.exists():  # at once: kubeadm's pods do not exist yet, so none is created twice
        made.apply(over.read_text(encoding="utf-8"))


def _is_kept(made: PinnedKindCluster, *, reuse: bool) -> bool:
    if made.name not in made.existing():
        return False
    owner = owners.of(made.path)
    if reuse and owner is not None and owner.kept:
        return True
    raise ClusterError(
        f"a kind cluster named {made.name} already exists, and promdrill did not keep it",
        hint=f"choose another --cluster-name; or, if nobody needs it: kind delete cluster --name {made.name}",
    )


def wait_ready(made: PinnedKindCluster) -> None:
    """Wait until nodes, DNS and storage are ready.

    Raises:
        ClusterError: One of them is not ready within `READY_TIMEOUT_S`; the message has its last state.
    """
    budget = f"--timeout={READY_TIMEOUT_S:.0f}s"
    wanted = {
        "nodes ready": ["wait", "--for=condition=Ready", "node", "--all", budget],
        # One of its two pods is enough for that, and its readiness probe may run ten seconds before the other's.
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
    """Delete promdrill's clusters that were not kept and whose makers have ended.

    Args:
        kind_path: Path of kind.
        mine: The name that the caller has leased; a cluster of another name is skipped while its name is leased.

    Returns:
        The names of the deleted clusters.
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
        on_event(f"to delete it: {paths.program()} clean {made.name}")
        return
    made.delete()
    others = shell.run(["docker", "ps", "--all", "--quiet", "--filter", f"label={LABEL}"], timeout_s=30).stdout
    if not others.strip():
        shell.run(["docker", "network", "rm", NETWORK], timeout_s=30, ok=(0, 1))
    owners.forget(made.path)
