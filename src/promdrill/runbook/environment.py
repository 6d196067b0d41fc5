"""The environment of a step: the drill's cluster and folders, and nothing that leads elsewhere."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from promdrill.core import inherited, paths, processes
from promdrill.core.errors import UsageError

PASSED_ON = frozenset({*inherited.PERSON, *inherited.NETWORK})
"""Variables that steps inherit from us: user, locale and terminal, and the way to a chart repository."""


_FOLDERS = {
    "HOME": "",
    "XDG_CACHE_HOME": ".cache",
    "XDG_CONFIG_HOME": ".config",
    "XDG_DATA_HOME": ".local/share",
    "XDG_STATE_HOME": ".local/state",
    "HELM_CACHE_HOME": ".cache/helm",
    "HELM_CONFIG_HOME": ".config/helm",
    "HELM_DATA_HOME": ".local/share/helm",
}


NAMES = PASSED_ON | _FOLDERS.keys() | {"LC_ALL", "TERM", "PATH", "KUBECONFIG"}
"""Variables that steps may find set, besides those that their runbook declares and their drill gives."""


_LOCALES = {"darwin": "en_US.UTF-8"}
"""For systems without C.UTF-8: this locale, too, sorts by bytes there."""


class Tools(Protocol):
    """Paths of the pinned tools that runbooks use."""

    @property
    def kubectl(self) -> Path:
        """The kubectl."""
        ...

    @property
    def helm(self) -> Path:
        """The Helm."""
        ...


def environment(
    *,
    tools: Tools,
    kubeconfig: Path,
    given: Mapping[str, str],
    home: Path,
    variables: Mapping[str, str],
    system: str = processes.SYSTEM,
) -> dict[str, str]:
    """The whole environment of a runbook's steps; only `PASSED_ON` is inherited from ours.

    KUBECONFIG and everything `given` are the drill's, whatever `variables` says. PATH begins with a
    folder that links to the pinned tools; HOME and the folders of Helm and XDG are under `home`, which is created.

    Args:
        tools: The pinned tools.
        kubeconfig: The drill's own kubeconfig.
        given: What the steps need to find the drilled Prometheus, such as NAMESPACE, RELEASE, CHART and VALUES.
        home: A folder of the drill's own.
        variables: The runbook's defaults, with the scenario's settings over them.
        system: This machine's system, as `promdrill.core.processes` names it.

    Raises:
        UsageError: A pinned tool is missing.
    """
    home = home.absolute()
    bin_dir = home / "bin"
    folders = {name: home / place for name, place in _FOLDERS.items()}
    for folder in (bin_dir, *folders.values()):
        folder.mkdir(parents=True, exist_ok=True)
    for name, tool in (("kubectl", tools.kubectl), ("helm", tools.helm)):
        _link(bin_dir / name, tool)
    rest = [part for part in os.environ.get("PATH", os.defpath).split(os.pathsep) if Path(part).is_absolute()]
    return {
        **inherited.matching(*PASSED_ON),
        "LC_ALL": _LOCALES.get(system, "C.UTF-8"),
        "TERM": "dumb",
        **variables,
        **{name: str(folder) for name, folder in folders.items()},
        "PATH": os.pathsep.join([str(bin_dir), *rest]),
        "KUBECONFIG": str(kubeconfig.absolute()),
        **given,
    }


def _link(link: Path, target: Path) -> None:
    """Create or replace a link so that it exists at every moment."""
    if not target.is_file() or not os.access(target, os.X_OK):
        raise UsageError(f"no {link.name} at {target}", hint=paths.command("doctor"))
    with tempfile.TemporaryDirectory(dir=link.parent) as folder:
        fresh = Path(folder) / link.name
        fresh.symlink_to(target.absolute())
        fresh.replace(link)
