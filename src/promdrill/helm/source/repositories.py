"""Chart repositories and registries, queried with Helm: their charts, pulling one, addresses of known ones."""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from promdrill.artefacts.refusals import meaning
from promdrill.core import inherited, shell
from promdrill.core.errors import CommandFailed, CommandTimeout, SupplyError

REPO_VARIABLE = "REPO"
"""Names the chart repository to use: an address with an index.yaml below it, or ``oci://...``."""

KNOWN = {
    "prometheus-community": "https://prometheus-community.github.io/helm-charts",
    "stable": "https://charts.helm.sh/stable",
}
"""Repositories that need no REPO: those of the supported charts; the legacy 8.11.4 is in stable."""

CHART_S = 60.0
"""Seconds to pull a chart: the repository's index has 6 MB, the chart itself is small."""

HINT = f"{REPO_VARIABLE}=<address of a repository>, or CHART=<folder or .tgz>"

_LOOPBACK = re.compile(r"oci://(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?(/|$)")
_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")


@contextlib.contextmanager
def homes() -> Iterator[dict[str, str]]:
    """Variables that give Helm empty home folders as long as the block lasts; the user's own are not touched.

    What Helm reads of the user's is Docker's login, for a chart in a registry.
    """
    with tempfile.TemporaryDirectory(prefix="promdrill-helm-") as home:
        folders = {f"HELM_{part}_HOME": f"{home}/{part.lower()}" for part in ("CACHE", "CONFIG", "DATA")}
        yield {**inherited.matching(*inherited.LOGIN), **folders}


def shown(repo: str) -> str:
    """An address for messages: without user and password."""
    return _LOGIN.sub("", repo)


def transport(repos: Iterable[str]) -> list[str]:
    """Helm's flags for registries: http on loopback, as with Docker; Helm itself uses https everywhere."""
    return ["--plain-http"] if any(_LOOPBACK.match(repo) for repo in repos) else []


def pull(helm: Path, name: str, version: str, repo: str, folder: Path) -> Path:
    """Pull a chart's archive into a folder, without checking it.

    Args:
        helm: Path of Helm.
        name: The chart's name.
        version: Its version; for a range (`25.x`), Helm takes the newest.
        repo: Address of a repository with an index.yaml, or of the chart's parent in a registry (``oci://...``).
        folder: The target folder; it must not contain an archive.

    Raises:
        SupplyError: It is not available; the message says why.
    """
    source = [f"{repo.rstrip('/')}/{name}"] if repo.startswith("oci://") else [name, "--repo", repo]
    failed = f"cannot pull chart {name} {version}"
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
    """The charts of a repository with an index.yaml, with the versions of each.

    Raises:
        SupplyError: It cannot be queried, or its index is not valid.
    """
    failed = f"cannot read the index of {shown(repo)}"
    with homes() as env:
        run([helm, "repo", "add", "it", repo], repo, failed, env)
        listed = run([helm, "search", "repo", "--versions", "--devel", "--output", "json"], repo, failed, env)
    found: dict[str, list[str]] = {}
    try:
        for item in json.loads(listed):
            found.setdefault(str(item["name"]).removeprefix("it/"), []).append(str(item["version"]))
    except (ValueError, KeyError, TypeError) as error:
        raise SupplyError(f"{failed}: Helm did not return a list of charts ({error})", hint=HINT) from error
    return found


def run(argv: list[str | Path], repo: str, failed: str, env: dict[str, str], *, within_s: float | None = None) -> str:
    """Run a Helm command that queries a repository, and return its output.

    Args:
        argv: The command.
        repo: The repository, for the message.
        failed: What failed, for the message.
        env: Helm's home folders.
        within_s: Seconds until it is ended; `CHART_S` by default.

    Raises:
        SupplyError: It failed, or did not end in time.
    """
    limit_s = CHART_S if within_s is None else within_s
    try:
        return shell.run(argv, timeout_s=limit_s, env=env).stdout
    except CommandTimeout as error:
        raise SupplyError(f"{failed}: {shown(repo)} did not answer within {limit_s:.0f} s", hint=HINT) from error
    except CommandFailed as error:
        raise SupplyError(f"{failed}: {shown(meaning(repo, error))}", hint=HINT) from error
