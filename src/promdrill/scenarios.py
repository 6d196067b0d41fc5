"""The scenarios on disk: folders that hold a test of their own name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from promdrill import paths
from promdrill.errors import PromdrillError, UsageError
from promdrill.runbook.parse import parse
from promdrill.settings import nearest


@dataclass(frozen=True, slots=True)
class ScenarioFolder:
    """One scenario as it lies on disk.

    Attributes:
        id: Its folder's name.
        folder: The folder.
    """

    id: str
    folder: Path

    @property
    def test(self) -> Path:
        """The file with the scenario's test."""
        return self.folder / f"test_{self.id.replace('-', '_')}.py"

    @property
    def runbook(self) -> Path:
        """The runbook as the scenario ships it."""
        return self.folder / "runbook.md"

    @property
    def title(self) -> str:
        """The runbook's title; empty when the runbook cannot be read."""
        try:
            return parse(self.runbook).title
        except PromdrillError:
            return ""


def find_all(root: Path | None = None) -> tuple[ScenarioFolder, ...]:
    """All scenarios in alphabetical order.

    Args:
        root: The folder that holds them; the one that promdrill ships by default.
    """
    base = root or paths.scenarios_dir()
    folders = sorted(path for path in base.iterdir() if path.is_dir()) if base.is_dir() else []
    candidates = (ScenarioFolder(folder.name, folder) for folder in folders)
    return tuple(scenario for scenario in candidates if scenario.test.is_file())


def select(ids: Iterable[str], root: Path | None = None) -> tuple[ScenarioFolder, ...]:
    """The scenarios of these ids, in alphabetical order and each once; all of them for no ids.

    Raises:
        UsageError: There is no scenario of that id; names the nearest, and all.
    """
    found = {scenario.id: scenario for scenario in find_all(root)}
    if not found:
        raise UsageError(f"no scenarios in {root or paths.scenarios_dir()}")
    wanted = set(ids)
    for name in sorted(wanted - found.keys()):
        raise UsageError(
            f"SCENARIO={name}: no such scenario; there are {', '.join(found)}",
            hint=f"SCENARIO={nearest(name, found)}",
        )
    return tuple(scenario for name, scenario in found.items() if not wanted or name in wanted)
