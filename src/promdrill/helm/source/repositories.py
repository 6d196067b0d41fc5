"""Chart repositories and registries, asked by Helm: what they have, one chart of it, the address of a known one."""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from promdrill.artefacts import fetch
from promdrill.core import shell
from promdrill.core.errors import CommandFailed, CommandTimeout, SupplyError

REPO_VARIABLE = "REPO"
"""Names the chart repository to use: an address with an index.yaml below it, or ``oci://...``."""

KNOWN = {
    "prometheus-community": "https://prometheus-community.github.io/helm-charts",
    "stable": "https://charts.helm.sh/stable",
}
"""Repositories that need no REPO: where the supported charts come from, the legacy 8.11.4 from stable."""

CHART_S = 60.0
"""Seconds to pull a chart: its repository's index has 6 MB, the chart itself nearly nothing."""

HINT = f"{REPO_VARIABLE}=<address of a repository>, or CHART=<folder or .tgz>"

_LOOPBACK = re.compile(r"oci://(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?(/|$)")
_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")


@contextlib.contextmanager
def homes() -> Iterator[dict[str, str]]:
    """Variables that give Helm empty homes for as long as the block lasts: the user's own Helm is not touched."""
    with tempfile.TemporaryDirectory(prefix="promdrill-helm-") as home:
        yield {f"HELM_{part}_HOME": f"{home}/{part.lower()}" for part in ("CACHE", "CONFIG", "DATA")}


def shown(repo: str) -> str:
    """An address as messages show it: without a user and password."""
    return _LOGIN.sub("", repo)


def transport(repos: Iterable[str]) -> list[str]:
    """Helm's flags for registries: http on loopback, as Docker takes it; Helm means https everywhere."""
    return ["--plain-http"] if any(_LOOPBACK.match(repo) for repo in repos) else []


def pull(helm: Path, name: str, version: str, repo: str, folder: Path) -> Path:
    """Pull a chart's archive into a folder, unchecked.

    Args:
        helm: Path of Helm.
        name: The chart's name.
        version: Its version; of a range (`25.x`), Helm takes the newest.
        repo: Address of a repository with an index.yaml, or of a registry (``oci://...``) below which the chart lies.
        folder: Where to; there must be no archive in it.

    Raises:
        SupplyError: It could not be had; the message says why, in words.
    """
    source = [f"{repo.rstrip('/')}/{name}"] if repo.startswith("oci://") else [name, "--repo", repo]
    failed = f"chart {name} {version} could not be pulled"
    with homes() as env:
        argv: list[str | Path] = [
            helm,
            "pull",
            *source,
            "--version",
            version,
            "--destination",
            folder,
            *transport([repo]),
        ]
        run(argv, repo, failed, env)
    found = list(folder.glob("*.tgz"))
    if len(found) != 1:
        raise SupplyError(f"chart {name} {version}: helm pull from {shown(repo)} left {len(found)} archives", hint=HINT)
    return found[0]


def offers(helm: Path, repo: str) -> dict[str, list[str]]:
    """The charts of a repository with an index.yaml, and the versions that it has of each.

    Raises:
        SupplyError: It cannot be asked, or its index is none.
    """
    failed = f"the index of {shown(repo)} could not be read"
    with homes() as env:
        run([helm, "repo", "add", "it", repo], repo, failed, env)
        listed = run([helm, "search", "repo", "--versions", "--devel", "--output", "json"], repo, failed, env)
    found: dict[str, list[str]] = {}
    try:
        for item in json.loads(listed):
            found.setdefault(str(item["name"]).removeprefix("it/"), []).append(str(item["version"]))
    except (ValueError, KeyError, TypeError) as error:
        raise SupplyError(f"{failed}: Helm answers no list of charts ({error})", hint=HINT) from error
    return found


def run(argv: list[str | Path], repo: str, failed: str, env: dict[str, str], *, within_s: float | None = None) -> str:
    """Run a Helm command that asks a repository, and return what it printed.

    Args:
        argv: The command.
        repo: Whom it asks, for the message.
        failed: What could not be done, for the message.
        env: Helm's homes.
        within_s: Seconds that it has; `CHART_S` by default.

    Raises:
        SupplyError: It failed, or was not done in time.
    """
    limit_s = CHART_S if within_s is None else within_s
    try:
        return shell.run(argv, timeout_s=limit_s, env=env).stdout
    except CommandTimeout as error:
        raise SupplyError(f"{failed}: {shown(repo)} did not answer within {limit_s:.0f} s", hint=HINT) from error
    except CommandFailed as error:
        raise SupplyError(f"{failed}: {shown(fetch.meaning(repo, error))}", hint=HINT) from error
