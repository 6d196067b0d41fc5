"""Who made which cluster, so that what a killed run left behind is known and removed by the next command."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from promdrill.core import paths
from promdrill.core.processes import start_of

FILE_NAME = "owner.json"


@dataclass(frozen=True, slots=True)
class Owner:
    """The maker of a cluster.

    Attributes:
        pid: Its process id.
        started: What tells that process from a later one with the same id.
        kept: Whether the cluster is meant to outlive its maker.
    """

    pid: int
    started: str | None
    kept: bool

    @property
    def alive(self) -> bool:
        """Whether that very process still runs."""
        return self.started is not None and start_of(self.pid) == self.started


def clusters_dir() -> Path:
    """The folder with one folder per cluster of ours."""
    return paths.state_dir() / "clusters"


def claim(folder: Path, *, kept: bool) -> None:
    """Record ourselves as the maker of the cluster in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{FILE_NAME}.partial"
    partial.write_text(json.dumps(asdict(Owner(os.getpid(), start_of(os.getpid()), kept))) + "\n", encoding="utf-8")
    partial.replace(folder / FILE_NAME)


def of(folder: Path) -> Owner | None:
    """The maker recorded in `folder`, or None; a record that cannot be read counts as none."""
    try:
        return Owner(**json.loads((folder / FILE_NAME).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def recorded() -> dict[Path, Owner | None]:
    """All clusters' folders with their makers."""
    return {folder: of(folder) for folder in sorted(clusters_dir().glob("*")) if folder.is_dir()}
