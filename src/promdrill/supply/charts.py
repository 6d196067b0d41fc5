"""Charts from a chart repository or an OCI registry: pulled by Helm, checked against their pin."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from promdrill import shell
from promdrill.errors import CommandFailed, CommandTimeout, SupplyError
from promdrill.supply import fetch
from promdrill.supply.cache import Cache, digest_of, key_of
from promdrill.supply.pins import PINS_VARIABLE, Pins

REPO_VARIABLE = "REPO"
"""Names the chart repository to use in place of prometheus-community's."""

DEFAULT_REPO = "https://prometheus-community.github.io/helm-charts"
DEFAULT = "prometheus"
DEFAULT_VERSION = "25.8.0"

CHART_S = 60.0
"""Seconds to pull a chart: its repository's index has 6 MB, the chart itself nearly nothing."""

Say = Callable[[str], None]


def pull(helm: Path, name: str, version: str, repo: str, *, pins: Pins, cache: Cache, say: Say) -> Path:
    """A chart from a repository, checked against its pin when there is one.

    Args:
        helm: Path of Helm.
        name: The chart's name.
        version: Its version.
        repo: Address of a repository with an index.yaml, or of a registry (``oci://...``) below which the chart lies.
        pins: The table of pins.
        cache: Where it is kept.
        say: Told the digest of a chart that has no pin.

    Returns:
        The chart's .tgz.

    Raises:
        SupplyError: It could not be had, or is not what is pinned.
    """
    pinned = pins.digest(name, version)

    def make(folder: Path) -> dict[str, str]:
        archive = _pull(helm, name, version, repo, folder)
        seen = digest_of(archive)
        if pinned is not None and seen != pinned:
            raise SupplyError(
                f"chart {name} {version} of {repo} has SHA-256 {seen}, but {pinned} is pinned; it is not used",
                hint=f"a chart of your own: its digest in a file, and {PINS_VARIABLE}=<that file>",
            )
        if pinned is None:
            say(f"No digest is pinned for chart {name} {version}; {repo} gave {seen}.")
        return {"version": version, "address": repo, "sha256": seen}

    entry = cache.build(f"chart-{name}", key_of([version, repo, pinned]), make)
    return next(entry.files.glob("*.tgz"))


def _pull(helm: Path, name: str, version: str, repo: str, folder: Path) -> Path:
    source = [f"{repo.rstrip('/')}/{name}"] if repo.startswith("oci://") else [name, "--repo", repo]
    hint = f"{REPO_VARIABLE}=<address of a repository>, or CHART=<folder or .tgz>"
    with tempfile.TemporaryDirectory(prefix="promdrill-helm-") as home:  # the user's own Helm is not touched
        env = {f"HELM_{part}_HOME": f"{home}/{part.lower()}" for part in ("CACHE", "CONFIG", "DATA")}
        argv: list[str | Path] = [helm, "pull", *source, "--version", version, "--destination", folder]
        try:
            shell.run(argv, timeout_s=CHART_S, env=env)
        except CommandTimeout as error:
            why = f"{repo} did not answer within {CHART_S:.0f} s"
            raise SupplyError(f"chart {name} {version} could not be pulled: {why}", hint=hint) from error
        except CommandFailed as error:
            why = fetch.meaning(repo, error)
            raise SupplyError(f"chart {name} {version} could not be pulled: {why}", hint=hint) from error
    found = list(folder.glob("*.tgz"))
    if len(found) != 1:
        raise SupplyError(f"chart {name} {version}: helm pull from {repo} left {len(found)} archives", hint=hint)
    return found[0]
