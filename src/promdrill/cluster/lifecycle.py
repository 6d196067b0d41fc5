"""The life of a cluster: recorded, created, made ready, deleted or kept."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from promdrill.cluster import egress, loading, network, owners, storage
from promdrill.cluster.identity import Identity
from promdrill.cluster.kind import PinnedKindCluster, configuration
from promdrill.core import files, paths
from promdrill.core.errors import ClusterError, CommandFailed, PromdrillError, UsageError

READY_TIMEOUT_S = 180.0
"""Seconds until a new cluster must be ready: it takes a few, and a longer wait means that it hangs."""


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
        kubeconfig: Where to write a copy of the private kubeconfig, which goes with the cluster; None for nowhere.
        on_event: Called with each event, in words.

    Raises:
        UsageError: There is a file where the copy should go.
        ClusterError: It could not be created or did not become ready, or the kept one is not as requested.
    """
    folder = paths.clusters_dir() / name
    made = PinnedKindCluster(name, folder=folder, image=image, kind_path=kind_path, kubectl_path=kubectl_path)
    if _is_kept(made, reuse=reuse):
        with _reused(made, profile, archives, on_event):
            _copy(made, kubeconfig)
            yield made
        return
    if kubeconfig is not None and kubeconfig.exists():
        raise _occupied(kubeconfig)
    with contextlib.ExitStack() as undo:
        undo.push(_Undo(made, keep=keep, on_event=on_event))
        begun = Identity.begun()
        owners.record(folder, profile=profile, image=image, identity=begun, copy=kubeconfig)
        network.before_creation(begun.engine)
        with _named(made):
            _create(made, profile, begun, kind_patch or {}, on_event)
            _copy(made, kubeconfig)
            loading.load(made, archives)
            storage.install(made, provisioner)
            wait_ready(made)
            egress.close(made)
        on_event(f"cluster {name} is ready")
        owners.claim(folder, kept=keep)
        yield made


@contextlib.contextmanager
def _reused(
    made: PinnedKindCluster, profile: str, archives: tuple[Path, ...], on_event: Callable[[str], None]
) -> Iterator[None]:
    """A kept cluster, in use for as long as the block lasts; it stays kept."""
    _refuse_another(made, profile)
    made.require_nodes()
    made.require_answer()
    on_event(f"using the kept cluster {made.name}")
    owners.claim(made.path, kept=True)
    try:
        loading.load(made, archives)
        wait_ready(made)
        egress.close(made)
        on_event(f"cluster {made.name} is ready")
        yield
    finally:
        on_event(f"cluster {made.name} stays kept; to delete it: {paths.program()} clean {made.name}")


@contextlib.contextmanager
def _named(made: PinnedKindCluster) -> Iterator[None]:
    """Say of a command that fails what was being done, and why it failed; the command itself is the error's cause."""
    try:
        yield
    except CommandFailed as error:
        message = f"could not create cluster {made.name}: {error.cause}"
        raise ClusterError(message, hint=f"{paths.program()} doctor") from error


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


def _create(
    made: PinnedKindCluster,
    profile: str,
    begun: Identity,
    patch: Mapping[str, Any],
    on_event: Callable[[str], None],
) -> None:
    config = made.path / "kind.yaml"
    marked = begun.marking(configuration(profile, patch))
    files.write(config, yaml.safe_dump(marked, sort_keys=False))
    on_event(f"creating cluster {made.name} ({profile})")
    made.create(config)
    over = paths.manifests_dir() / "kind" / f"{profile}-objects.yaml"
    if over.exists():  # at once: kubeadm's pods do not exist yet, so none is created twice
        made.apply(over.read_text(encoding="utf-8"))
    uid = made.kubectl("get", "namespace", "kube-system", "--output=jsonpath={.metadata.uid}").strip()
    identity = begun.made(made.name, made.kubeconfig_path, uid)
    owners.claim(made.path, kept=False, identity=identity)
    network.after_creation(identity.engine)
    made.identity = identity


def _copy(made: PinnedKindCluster, to: Path | None) -> None:
    """Write a copy of the private kubeconfig where the user asked for one; a file that is there is never changed."""
    if to is None:
        return
    text = made.kubeconfig_path.read_text(encoding="utf-8")
    if to.exists() and to.read_text(encoding="utf-8", errors="replace") != text:
        raise _occupied(to)
    owner = owners.of(made.path)
    if owner is not None and owner.copy != to:
        owners.write(made.path, replace(owner, copy=to))
    try:
        files.write(to, text)
    except OSError as error:
        raise UsageError(f"--kubeconfig={to}: {error.strerror}") from error


def _occupied(kubeconfig: Path) -> UsageError:
    return UsageError(
        f"--kubeconfig={kubeconfig}: there is a file already, and promdrill changes no kubeconfig of yours",
        hint="name a new file, or leave --kubeconfig out",
    )


def _is_kept(made: PinnedKindCluster, *, reuse: bool) -> bool:
    owner, there = owners.of(made.path), made.name in made.existing()
    if reuse and there and owner is not None and owner.kept and owner.identity is not None:
        made.identity = owner.identity
        return True
    if there:
        raise ClusterError(
            f"a kind cluster named {made.name} already exists, and promdrill did not keep it",
            hint=f"another --cluster-name; or --adopt; or, if nobody needs it: kind delete cluster --name {made.name}",
        )
    if made.path in owners.recorded():
        raise ClusterError(
            f"{made.path} records a cluster of that name that this engine does not have",
            hint=f"choose another --cluster-name; or, if it is gone for good: rm -r {shlex.quote(str(made.path))}",
        )
    return False


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
            made.kubectl(*argv, timeout_s=READY_TIMEOUT_S + 10, reads=True)
        except CommandFailed as error:
            pods = made.kubectl("get", "pods", "--all-namespaces", "--output", "wide", reads=True)
            raise ClusterError(
                f"cluster {made.name}: not {what} within {READY_TIMEOUT_S:.0f} s: {error.output.strip()}\n{pods}"
            ) from error
    storage.require_default_class(made)


class _Undo:
    """At the end of the block that uses a cluster: it is deleted, unless it is to be kept and was made ready.

    A cluster that cannot be deleted stays recorded, and the next command tries again. That is an error of its own only
    if the block did not end with one, whose cause must be seen.
    """

    def __init__(self, made: PinnedKindCluster, *, keep: bool, on_event: Callable[[str], None]) -> None:
        self._made, self._keep, self._say = made, keep, on_event

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        made, owner = self._made, owners.of(self._made.path)
        if self._keep and owner is not None and owner.kept:
            self._say(f"cluster {made.name} is kept: export KUBECONFIG={shlex.quote(str(made.kubeconfig_path))}")
            self._say(f"to delete it: {paths.program()} clean {made.name}")
            return
        if made.path not in owners.recorded():
            return  # not even recorded, so nothing was made
        try:
            made.delete()
        except PromdrillError as failed:
            if error is None:
                raise
            self._say(f"cluster {made.name} is not deleted yet: {failed.message}")
