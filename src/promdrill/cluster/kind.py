"""kind clusters: pytest-kind's `KindCluster` with pinned tools, private files, and our gateway for subprocesses."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import pykube
import yaml
from pytest_kind.cluster import KindCluster

from promdrill.cluster import removal
from promdrill.cluster.identity import Identity, nodes, own_nodes
from promdrill.core import files, paths, processes, shell
from promdrill.core.choices import PROFILES
from promdrill.core.errors import ClusterError, CommandFailed, NotOurs, UsageError
from promdrill.core.merging import merged

CREATE_TIMEOUT_S = 300.0
"""Seconds, to end what hangs: creating a cluster takes 12 to 20 s on two cores."""

LIST_TIMEOUT_S = 120.0
"""Seconds for kind to list the clusters in the engine."""


class PinnedKindCluster(KindCluster):  # type: ignore[misc]  # pytest-kind has no types
    """A kind cluster that uses existing kind and kubectl: it never downloads, and never adopts a cluster by its name.

    Args:
        name: The cluster's name.
        folder: Folder of the cluster: its kubeconfig, kind configuration and owner.
        image: Node image, present in the engine; None for kind's own default.
        kind_path: Path of kind.
        kubectl_path: Path of kubectl.
        identity: What promdrill made; None as long as nothing is made.

    Attributes:
        identity: As given, until it is made.
    """

    def __init__(
        self,
        name: str,
        *,
        folder: Path,
        image: str | None,
        kind_path: Path,
        kubectl_path: Path,
        identity: Identity | None = None,
    ) -> None:
        # not super().__init__(): it would create .pytest-kind/ in the working folder
        self.name, self.image = name, image
        self.path = folder
        self.kubeconfig_path = folder / "kubeconfig"
        self.identity = identity
        self.kind_path, self.kubectl_path = kind_path, kubectl_path
        self.platform = processes.SYSTEM

    @cached_property
    def api(self) -> pykube.HTTPClient:
        """pytest-kind's client, for tests that were written for it."""
        return pykube.HTTPClient(pykube.KubeConfig.from_file(str(self.kubeconfig_path)))

    def ensure_kind(self) -> None:
        """Does nothing: kind exists before a drill begins, and is never downloaded here."""

    def ensure_kubectl(self) -> None:
        """Does nothing: kubectl exists before a drill begins, and is never downloaded here."""

    def create(self, config_file: str | Path | None = None) -> None:
        """Create the cluster; its kubeconfig, which does not exist before, then holds this cluster alone.

        Raises:
            ClusterError: kind failed, for example because a cluster of that name exists.
        """
        files.make_folder(self.path)
        self.kubeconfig_path.touch(mode=0o600)
        argv = ["create", "cluster", f"--name={self.name}", f"--kubeconfig={self.kubeconfig_path}"]
        argv += [f"--image={self.image}"] if self.image else []
        argv += [f"--config={config_file}"] if config_file else []
        try:
            self._kind(argv, CREATE_TIMEOUT_S)
        except CommandFailed as error:
            raise ClusterError(f"kind could not create cluster {self.name}: {error.cause}\n{error}") from error

    def existing(self) -> list[str]:
        """Names of all kind clusters in the engine."""
        return self._kind(["get", "clusters", "--quiet"], LIST_TIMEOUT_S).split()

    @property
    def recorded(self) -> Identity:
        """What promdrill made.

        Raises:
            NotOurs: Nothing was recorded.
        """
        if self.identity is None:
            raise NotOurs(f"cluster {self.name}: nothing says that promdrill made it; nothing was done")
        return self.identity

    def require_nodes(self) -> None:
        """Make sure that the engine still has the nodes that promdrill made, before it is told to act upon them.

        Raises:
            NotOurs: It has others, has none, or nothing was recorded.
            CommandFailed: No engine answers.
        """
        if not own_nodes(self.name, self.recorded):
            raise NotOurs(f"cluster {self.name} is gone; nothing was done")

    def load_docker_image(self, docker_image: str) -> None:
        """Load an image from the engine into the cluster's nodes."""
        self.require_nodes()
        self._kind(["load", "docker-image", "--name", self.name, docker_image], CREATE_TIMEOUT_S)

    def load_archive(self, archive: Path) -> None:
        """Load a docker archive into the cluster's nodes."""
        self.require_nodes()
        self._kind(["load", "image-archive", "--name", self.name, str(archive)], CREATE_TIMEOUT_S)

    def kubectl(
        self, *args: str, timeout_s: float = 120.0, stdin: str | None = None, reads: bool = False, **_: object
    ) -> str:
        """Run kubectl against the cluster and return its output.

        Args:
            *args: Its arguments.
            timeout_s: Seconds that it may take.
            stdin: Its input.
            reads: Whether it changes nothing.

        Raises:
            NotOurs: Another cluster answers at its address.
            CommandFailed: With what kubectl said.
        """
        if self.identity is not None and not reads:
            self.require_answer()
        env = {"KUBECONFIG": str(self.kubeconfig_path), "KUBECACHEDIR": str(self.path / "kube-cache")}
        return shell.run([self.kubectl_path, *args], timeout_s=timeout_s, env=env, stdin=stdin).stdout

    def apply(self, objects: str) -> None:
        """Apply objects, in YAML, taking over fields that others have set.

        Raises:
            CommandFailed: With what kubectl said.
        """
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=objects)

    def require_answer(self) -> None:
        """Make sure that the API server is still the one that promdrill made.

        Raises:
            NotOurs: It is another one, or nothing was recorded.
            ClusterError: Nobody answers.
        """
        from promdrill.kube.client import Kube  # noqa: PLC0415  slow to import, and a new cluster needs no question

        with Kube(self.kubeconfig_path, expected=self.recorded.expected) as kube:
            kube.require_expected()

    def delete(self) -> None:
        """Delete the cluster, with its record; containers that are gone are not an error.

        Raises:
            NotOurs: It is not the recorded one.
            CommandFailed: The engine refused.
        """
        removal.remove(self.path)

    def _kind(self, argv: list[str], timeout_s: float) -> str:
        # its own home too: kind reads ~/.docker and would merge into ~/.kube
        env = {"KUBECONFIG": str(self.kubeconfig_path), "KIND_EXPERIMENTAL_PROVIDER": "docker"}
        return shell.run([self.kind_path, *argv], timeout_s=timeout_s, env=env).stdout


def names() -> set[str]:
    """Names of all kind clusters in the engine, whoever made them.

    Raises:
        CommandFailed: The engine does not answer.
    """
    return set(nodes())


def configuration(profile: str, patch: Mapping[str, Any]) -> dict[str, Any]:
    """The kind configuration of a profile with a patch merged over it: mappings are merged, lists appended.

    Raises:
        UsageError: There is no such profile.
    """
    if profile not in PROFILES:
        raise UsageError(f"no profile named {profile!r}", hint=f"one of: {', '.join(PROFILES)}")
    path = paths.manifests_dir() / "kind" / f"{profile}.yaml"
    return merged(yaml.safe_load(path.read_text(encoding="utf-8")), patch, lists_grow=True)
