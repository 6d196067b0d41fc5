"""The address of a running cluster: a file that one process writes and another one is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from promdrill.cluster import owners
from promdrill.cluster.identity import Identity
from promdrill.core import files, paths, records
from promdrill.core.errors import NotOurs

if TYPE_CHECKING:
    from promdrill.cluster.kind import PinnedKindCluster


@dataclass(frozen=True, slots=True)
class Address:
    """Where to find a cluster that another process made and will delete.

    Attributes:
        name: Its name.
        folder: Its folder.
        kubeconfig: Its kubeconfig.
        image: Its node image; None for kind's own default.
        kind: Path of kind.
        kubectl: Path of kubectl.
        identity: What promdrill made; the process that is given this accepts no other cluster of that name.
    """

    name: str
    folder: Path
    kubeconfig: Path
    image: str | None
    kind: Path
    kubectl: Path
    identity: Identity

    @classmethod
    def of(cls, made: PinnedKindCluster) -> Self:
        """The address of a cluster.

        Raises:
            NotOurs: Nothing says that promdrill made it.
        """
        place = (made.name, made.path, made.kubeconfig_path, made.image, made.kind_path, made.kubectl_path)
        return cls(*place, made.recorded)

    def write(self, file: Path) -> Path:
        """Write this to a file and return the file."""
        return files.write(file, records.dumps(self))

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read what `write` wrote.

        Raises:
            UsageError: The file does not exist, or was not written by `write`.
        """
        return records.read(cls, file, wrong=f"--in-cluster={file}: not the address of a cluster")

    def cluster(self) -> PinnedKindCluster:
        """The cluster at this address.

        Raises:
            NotOurs: The state folder does not say that promdrill made it; a cluster of anybody else is never used.
        """
        owner = owners.of(paths.clusters_dir() / self.name)
        if self.folder != paths.clusters_dir() / self.name or owner is None or owner.identity != self.identity:
            raise NotOurs(
                f"cluster {self.name} is not, or no longer, the one that promdrill recorded in {paths.clusters_dir()}; "
                "nothing was done",
                hint="promdrill drills only in clusters that it made: leave --in-cluster and CLUSTER out",
            )
        from promdrill.cluster.kind import PinnedKindCluster  # noqa: PLC0415  pykube: commands read addresses too

        return PinnedKindCluster(
            self.name,
            folder=self.folder,
            image=self.image,
            kind_path=self.kind,
            kubectl_path=self.kubectl,
            identity=self.identity,
        )
