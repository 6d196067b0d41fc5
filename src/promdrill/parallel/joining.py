"""What a session is told that joins the cluster of another: a JSON file, written by the parent for one child."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from promdrill.core import files
from promdrill.core.errors import UsageError
from promdrill.supply.supplied import Supplied, Tools

if TYPE_CHECKING:
    from promdrill.cluster.kind import PinnedKindCluster


_PATHS = ("folder", "kubeconfig", "kind", "kubectl")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a cluster is that somebody else made, and will delete.

    Attributes:
        name: Its name.
        folder: Its folder.
        kubeconfig: Its kubeconfig.
        image: Its node image; None for kind's own default.
        kind: Path of kind.
        kubectl: Path of kubectl.
    """

    name: str
    folder: Path
    kubeconfig: Path
    image: str | None
    kind: Path
    kubectl: Path

    @classmethod
    def of(cls, made: PinnedKindCluster) -> Self:
        """The address of a cluster."""
        return cls(made.name, made.path, made.kubeconfig_path, made.image, made.kind_path, made.kubectl_path)

    def write(self, file: Path) -> Path:
        """Write this into a file, and return it."""
        return files.write(file, json.dumps(asdict(self), default=str, indent=2) + "\n")

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read what `write` wrote.

        Raises:
            UsageError: The file is not there, or was not written by `write`.
        """
        try:
            return cls(**_with_paths(json.loads(file.read_text(encoding="utf-8")), *_PATHS))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(f"--in-cluster={file}: not the address of a cluster ({error})") from error

    def cluster(self) -> PinnedKindCluster:
        """The cluster at this address."""
        from promdrill.cluster.kind import PinnedKindCluster  # noqa: PLC0415  pykube and its like, when asked for

        return PinnedKindCluster(
            self.name,
            folder=self.folder,
            image=self.image,
            kind_path=self.kind,
            kubectl_path=self.kubectl,
            kubeconfig=self.kubeconfig,
        )


@dataclass(frozen=True, slots=True)
class Joined:
    """What a child session is given.

    Attributes:
        supplied: What the parent was supplied with.
        address: Where the parent's cluster is.
        reports: The parent's report folder, for journals and all else that drills keep.
        outbox: A folder of the child's own, for what it tells the parent.
    """

    supplied: Supplied
    address: Address
    reports: Path
    outbox: Path

    def write(self) -> Path:
        """Write this into the outbox, which is made, and return the file."""
        self.outbox.mkdir(parents=True)
        file = self.outbox / "join.json"
        return files.write(file, json.dumps(asdict(self), default=str, indent=2) + "\n")

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read what `write` wrote.

        Raises:
            UsageError: The file is not there, or was not written by `write`.
        """
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
            address = _with_paths(data["address"], *_PATHS)
            return cls(_supplied(data["supplied"]), Address(**address), Path(data["reports"]), Path(data["outbox"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"--join={file}: not written by a session with --jobs ({error})", hint="leave --join out"
            ) from error


def _supplied(data: Mapping[str, Any]) -> Supplied:
    with_paths = _with_paths(data, "chart", "provisioner", "crds")
    tools = Tools(**{name: Path(path) for name, path in data["tools"].items()})
    lists = {name: None if data[name] is None else tuple(data[name]) for name in ("images", "available", "remarks")}
    return Supplied(**{**with_paths, "tools": tools, "archives": tuple(map(Path, data["archives"])), **lists})


def _with_paths(data: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {**data, **{name: Path(data[name]) for name in names}}
