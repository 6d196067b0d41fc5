"""kind clusters: pytest-kind's `KindCluster`, pinned, all its files private, every subprocess through the gateway."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import pykube
import yaml
from pytest_kind.cluster import KindCluster

from promdrill import paths, shell
from promdrill.cluster import owners, storage
from promdrill.errors import ClusterError, CommandFailed, UsageError

PROFILES = ("fast", "as-shipped")
"""Kind configurations in manifests/kind/."""

CREATE_TIMEOUT_S = 300.0
DELETE_TIMEOUT_S = 120.0
READY_TIMEOUT_S = 180.0
"""A cluster is there after 15 to 20 s on two cores and ready a few seconds later; these end what hangs."""

NETWORK = "kind"
"""The engine network that kind makes for its nodes, and leaves behind."""

LABEL = "io.x-k8s.kind.cluster"


class PinnedKindCluster(KindCluster):  # type: ignore[misc]  # pytest-kind has no types
    """A kind cluster with existing kind and kubectl, which never downloads and never adopts a cluster by its name.

    Args:
        name: The cluster's name.
        folder: Folder of the cluster: its kubeconfig, kind configuration and owner.
        image: Node image, present in the engine; None for kind's own default.
        kind_path: Path of kind.
        kubectl_path: Path of kubectl.
        kubeconfig: Another place for the kubeconfig than the folder.
    """

    def __init__(
        self,
        name: str,
        *,
        folder: Path,
        image: str | None,
        kind_path: Path,
        kubectl_path: Path,
        kubeconfig: Path | None = None,
    ) -> None:
        # not super().__init__(): it would make .pytest-kind/ in the working folder
        self.name, self.image = name, image
        self.path = folder
        self.kubeconfig_path = kubeconfig or folder / "kubeconfig"
        self.kind_path, self.kubectl_path = kind_path, kubectl_path
        self.platform = "linux"

    @cached_property
    def api(self) -> pykube.HTTPClient:
        """pytest-kind's client, for tests that were written for it."""
        return pykube.HTTPClient(pykube.KubeConfig.from_file(str(self.kubeconfig_path)))

    def ensure_kind(self) -> None:
        """Nothing is downloaded: kind is there or the drill does not begin."""

    def ensure_kubectl(self) -> None:
        """Nothing is downloaded: kubectl is there or the drill does not begin."""

    def create(self, config_file: str | Path | None = None) -> None:
        """Create the cluster.

        Raises:
            ClusterError: One of that name exists, or kind failed.
        """
        if self.name in self.existing():
            raise ClusterError(
                f"a kind cluster named {self.name} exists already",
                hint=f"make clean, or: kind delete cluster --name {self.name}, or another --cluster-name",
            )
        self.path.mkdir(parents=True, exist_ok=True)
        self.kubeconfig_path.touch(mode=0o600)
        argv = ["create", "cluster", f"--name={self.name}", f"--kubeconfig={self.kubeconfig_path}"]
        argv += [f"--image={self.image}"] if self.image else []
        argv += [f"--config={config_file}"] if config_file else []
        try:
            self._kind(argv, CREATE_TIMEOUT_S)
        except CommandFailed as error:
            raise ClusterError(f"kind could not create cluster {self.name}\n{error}") from error

    def existing(self) -> list[str]:
        """Names of all kind clusters in the engine."""
        return self._kind(["get", "clusters", "--quiet"], DELETE_TIMEOUT_S).split()

    def load_docker_image(self, docker_image: str) -> None:
        """Load an image of the engine into the cluster's nodes."""
        self._kind(["load", "docker-image", "--name", self.name, docker_image], CREATE_TIMEOUT_S)

    def load_archive(self, archive: Path) -> None:
        """Load a docker archive into the cluster's nodes."""
        self._kind(["load", "image-archive", "--name", self.name, str(archive)], CREATE_TIMEOUT_S)

    def kubectl(self, *args: str, timeout_s: float = 120.0, stdin: str | None = None, **_: object) -> str:
        """Run kubectl against the cluster and return its output.

        Raises:
            CommandFailed: With what kubectl said.
        """
        env = {"KUBECONFIG": str(self.kubeconfig_path), "KUBECACHEDIR": str(self.path / "kube-cache")}
        return shell.run([self.kubectl_path, *args], timeout_s=timeout_s, env=env, stdin=stdin).stdout

    def delete(self) -> None:
        """Delete the cluster; it is no error if it is not there."""
        self._kind(
            ["delete", "cluster", f"--name={self.name}", f"--kubeconfig={self.kubeconfig_path}"], DELETE_TIMEOUT_S
        )

    def _kind(self, argv: list[str], timeout_s: float) -> str:
        # its own home as well: kind reads ~/.docker and would merge into ~/.kube
        env = {"KUBECONFIG": str(self.kubeconfig_path), "KIND_EXPERIMENTAL_PROVIDER": "docker"}
        return shell.run([self.kind_path, *argv], timeout_s=timeout_s, env=env).stdout


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
    kubeconfig: Path | None = None,
    on_event: Callable[[str], None] = lambda _: None,
) -> Iterator[PinnedKindCluster]:
    """A ready cluster, deleted when the block is left, however it is left.

    Args:
        name: The cluster's name.
        profile: One of `PROFILES`.
        image: Node image.
        kind_path: Path of kind.
        kubectl_path: Path of kubectl.
        provisioner: local-path-provisioner's own manifest.
        archives: Docker archives to load into the nodes.
        kind_patch: Merged over the profile's kind configuration.
        keep: Leave the cluster for a person to look at.
        kubeconfig: Another place for the kubeconfig.
        on_event: Told what happens, in words.

    Raises:
        ClusterError: It could not be created or did not become ready.
    """
    folder = owners.clusters_dir() / name
    made = PinnedKindCluster(
        name, folder=folder, image=image, kind_path=kind_path, kubectl_path=kubectl_path, kubeconfig=kubeconfig
    )
    remove_abandoned(kind_path)
    if name in made.existing():
        raise ClusterError(f"a kind cluster named {name} exists already", hint="make clean, or another --cluster-name")
    with contextlib.ExitStack() as undo:
        undo.callback(_undo, made, keep=keep, on_event=on_event)
        owners.claim(folder, kept=False)
        config = folder / "kind.yaml"
        config.write_text(yaml.safe_dump(configuration(profile, kind_patch or {}), sort_keys=False), encoding="utf-8")
        on_event(f"creating cluster {name} ({profile})")
        made.create(config)
        for archive in archives:
            made.load_archive(archive)
        storage.install(made, provisioner)
        wait_ready(made)
        on_event(f"cluster {name} is ready")
        owners.claim(folder, kept=keep)
        yield made


def configuration(profile: str, patch: Mapping[str, Any]) -> dict[str, Any]:
    """The kind configuration of a profile with a patch merged over it: tables merge, lists grow.

    Raises:
        UsageError: There is no such profile.
    """
    if profile not in PROFILES:
        raise UsageError(f"no profile named {profile!r}", hint=f"one of: {', '.join(PROFILES)}")
    path = paths.manifests_dir() / "kind" / f"{profile}.yaml"
    merged = _merged(yaml.safe_load(path.read_text(encoding="utf-8")), patch)
    return dict(merged)


def wait_ready(made: PinnedKindCluster) -> None:
    """Wait until nodes, DNS and storage are really ready.

    Raises:
        ClusterError: One of them is not within `READY_TIMEOUT_S`; says which, and what it last looked like.
    """
    budget = f"--timeout={READY_TIMEOUT_S:.0f}s"
    wanted = {
        "nodes ready": ["wait", "--for=condition=Ready", "node", "--all", budget],
        "DNS available": ["-n", "kube-system", "rollout", "status", "deployment/coredns", budget],
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


def remove_abandoned(kind_path: Path, *, also_kept: bool = False) -> list[str]:
    """Delete clusters of ours whose makers are gone; kept ones only if asked to.

    Returns:
        The names of those deleted.
    """
    removed = []
    for folder, owner in owners.recorded().items():
        in_use = owner is not None and (owner.alive if not owner.kept else not also_kept)
        if in_use:
            continue
        left = PinnedKindCluster(folder.name, folder=folder, image=None, kind_path=kind_path, kubectl_path=kind_path)
        _undo(left, keep=False, on_event=lambda _: None)
        removed.append(folder.name)
    return removed


def _undo(made: PinnedKindCluster, *, keep: bool, on_event: Callable[[str], None]) -> None:
    owner = owners.of(made.path)
    if keep and owner is not None and owner.kept:
        on_event(f"cluster {made.name} is kept: export KUBECONFIG={made.kubeconfig_path}")
        return
    made.delete()
    others = shell.run(["docker", "ps", "--all", "--quiet", "--filter", f"label={LABEL}"], timeout_s=30).stdout
    if not others.strip():
        shell.run(["docker", "network", "rm", NETWORK], timeout_s=30, ok=(0, 1))
    shutil.rmtree(made.path / "kube-cache", ignore_errors=True)
    for name in ("kind.yaml", "kubeconfig", "kubeconfig.lock", owners.FILE_NAME):
        (made.path / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # what a person put there stays
        made.path.rmdir()


def _merged(base: Any, patch: Any) -> Any:
    if isinstance(base, dict) and isinstance(patch, Mapping):
        return {**base, **{key: _merged(base.get(key), value) for key, value in patch.items()}}
    if isinstance(base, list) and isinstance(patch, list):
        return [*base, *patch]
    return patch
