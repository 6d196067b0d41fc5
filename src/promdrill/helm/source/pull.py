"""Pull a chart from a repository with Helm, check it, and keep it in the cache."""

from __future__ import annotations

import difflib
from pathlib import Path

from promdrill.artefacts.cache import Cache, digest_of, key_of
from promdrill.artefacts.pins import PINS_VARIABLE, Pins
from promdrill.core.errors import CommandTimeout, SupplyError, UsageError
from promdrill.core.say import Say
from promdrill.helm.source import files, repositories
from promdrill.helm.source.repositories import REPO_VARIABLE, shown
from promdrill.helm.source.versions import no_version


def pull(helm: Path, name: str, version: str, repo: str, *, pins: Pins, cache: Cache, say: Say) -> Path:
    """A chart from a repository, checked against its pin if it has one.

    Args:
        helm: Path of Helm.
        name: The chart's name.
        version: Its version.
        repo: Address of a repository with an index.yaml, or of the chart's parent in a registry (``oci://...``).
        pins: The table of pins.
        cache: Where it is kept.
        say: Called with the digest of a chart that has no pin.

    Returns:
        The chart's .tgz.

    Raises:
        UsageError: The repository has no such chart, or not that version.
        SupplyError: It is not available, or does not match its pin.
    """
    pinned = pins.digest(name, version)
    origin = shown(repo)

    def make(folder: Path) -> dict[str, str]:
        try:
            archive = repositories.pull(helm, name, version, repo, folder)
        except SupplyError as error:
            if not isinstance(error.__cause__, CommandTimeout):  # a server that hangs is not asked again
                _explain(helm, name, version, repo)
            raise
        seen = digest_of(archive)
        if pinned is not None and seen != pinned:
            raise SupplyError(
                f"chart {name} {version} of {origin} has SHA-256 {seen}, but {pinned} is pinned; refusing to use it",
                hint=f"if the chart is your own, put its digest into a file, and set {PINS_VARIABLE}=<that file>",
            )
        _same(archive, name, version, origin)
        if pinned is None:
            say(f"No digest is pinned for chart {name} {version}; {origin} gave {seen}.")
        return {"version": version, "address": origin, "sha256": seen}

    entry = cache.build(f"chart-{name}", key_of([version, repo, pinned]), make)
    return next(entry.files.glob("*.tgz"))


def _same(archive: Path, name: str, version: str, origin: str) -> None:
    try:
        found = files.metadata(archive)
    except UsageError as error:
        raise SupplyError(f"{origin} returned something that is not a chart for {name} {version}: {error.message}",
                          hint=repositories.HINT) from error  # fmt: skip
    if found["name"] != name:
        raise SupplyError(f"{origin} returned chart {found['name']} for {name}", hint=repositories.HINT)
    if found["version"] != version:  # a range, or a leading v
        raise UsageError(
            f"CHART_VERSION={version}: name one exact version; {origin} returned {name} {found['version']} for it",
            hint=f"CHART_VERSION={found['version']}",
        )


def _explain(helm: Path, name: str, version: str, repo: str) -> None:
    """Raise an error if the repository's index shows what is wrong with the request."""
    if repo.startswith("oci://"):
        return
    try:
        there = offered(helm, name, repo)
    except SupplyError:
        return
    if version not in there:
        raise no_version(version, f"{shown(repo)} has no such {name}", there)


def offered(helm: Path, name: str, repo: str) -> list[str]:
    """Versions of a chart that a repository has.

    Raises:
        UsageError: It has no such chart.
        SupplyError: It could not be queried.
    """
    charts = repositories.offers(helm, repo)
    if name not in charts:
        close = difflib.get_close_matches(name, charts, n=1)
        raise UsageError(
            f"CHART={name}: {shown(repo)} has no such chart (it has {len(charts)} others)",
            hint=f"CHART={close[0]} {REPO_VARIABLE}={shown(repo)}" if close else repositories.HINT,
        )
    return charts[name]
