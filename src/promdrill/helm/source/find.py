"""Where a chart comes from: a folder, an archive, a folder of archives, a chart repository or an OCI registry.

    CHART                       meaning
    folder with Chart.yaml      that chart
    file.tgz                    that chart
    folder of .tgz files        the one with CHART_VERSION, else the newest
    name/chart                  chart of a known repository; with REPO, of that repository, whatever its name
    chart                       with REPO: chart of the repository there
    oci://host/path/chart       chart in a registry; its version is CHART_VERSION or the tag after a colon
    (nothing)                   with REPO: prometheus of the repository there; without: the supply's default

Anything that exists, starts with ``.``, ``/`` or ``~``, or ends with ``.tgz`` is a path.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

from promdrill.artefacts.cache import Cache, digest_of
from promdrill.artefacts.pins import Pins
from promdrill.core import reading
from promdrill.core.errors import UsageError
from promdrill.core.redact import without_login
from promdrill.core.say import Say
from promdrill.helm.source import files, repositories
from promdrill.helm.source.pull import offered, pull
from promdrill.helm.source.repositories import REPO_VARIABLE, shown
from promdrill.helm.source.versions import newest, no_version

__all__ = ["DEFAULT", "DEFAULT_REPO", "DEFAULT_VERSION", "REPO_VARIABLE", "ChartRequest", "local", "obtain", "pull"]

DEFAULT_REPO = repositories.KNOWN["prometheus-community"]
DEFAULT = "prometheus"
DEFAULT_VERSION = "25.8.0"

_WORD = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_NAMED = re.compile(rf"(?:({_WORD})/)?({_WORD})")
_OCI = re.compile(rf"(oci://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::\d+)?(?:/{_WORD})*)/({_WORD})(?::([\w.-]+))?")
_REPO = re.compile(r"(?:https?|oci)://[^/\s]+(?:/\S*)?")


@dataclass(frozen=True, slots=True)
class ChartRequest:
    """A requested chart; None for what was not typed.

    Attributes:
        chart: CHART.
        version: CHART_VERSION.
        repo: REPO.
    """

    chart: str | None = None
    version: str | None = None
    repo: str | None = None

    @property
    def recorded(self) -> tuple[str | None, str | None, str | None]:
        """The three as a bundle or a message may have them: without logins."""
        chart, repo = (value and without_login(value) for value in (self.chart, self.repo))
        return chart, self.version, repo


@dataclass(frozen=True, slots=True)
class _Remote:
    name: str
    version: str | None
    repo: str


def local(asked: ChartRequest, *, say: Say = lambda _text: None) -> Path | None:
    """The requested folder or .tgz on this machine; no server is asked.

    Args:
        asked: The requested chart.
        say: Called with which of several archives is used.

    Returns:
        Its path, as it was typed; None if the chart must be pulled, or if the supply chooses it.

    Raises:
        UsageError: There is no such path, chart or version; or CHART, CHART_VERSION and REPO contradict each other.
    """
    meant = _meant(asked)
    if not isinstance(meant, Path):
        return None
    if meant.is_dir() and not (meant / files.CHART_FILE).is_file():
        return _chosen(meant, asked.version, say)
    try:
        found = files.metadata(meant)
    except UsageError as error:
        if meant.exists() or "/" in str(meant):
            raise
        raise UsageError(error.message, hint=f"{error.hint}, or {REPO_VARIABLE}=<address> CHART={meant}") from error
    if asked.version and found["version"] != asked.version:
        raise UsageError(
            f"CHART_VERSION={asked.version}: but {meant} contains {found['name']} {found['version']}",
            hint=f"CHART_VERSION={found['version']}, or leave it out",
        )
    return meant


def repository(asked: ChartRequest) -> str | None:
    """The address that a chart would be pulled from; None if it is on this machine, or the supply chooses it.

    Raises:
        UsageError: As in `local`.
    """
    meant = _meant(asked)
    return meant.repo if isinstance(meant, _Remote) else None


def obtain(asked: ChartRequest, helm: Path, *, pins: Pins, cache: Cache, say: Say) -> Path:
    """The requested chart: on this machine, or pulled; by default prometheus-community's.

    Args:
        asked: The requested chart.
        helm: Path of Helm.
        pins: The table of pins.
        cache: Where pulled charts are kept.
        say: Called with the chosen version if none was requested, and with the digest of a chart that has no pin.

    Returns:
        Its folder or .tgz.

    Raises:
        UsageError: As in `local`; or the repository has no such chart or version.
        SupplyError: It is not available, or does not match its pin.
    """
    found = local(asked, say=say)
    if found is not None:
        return found
    meant = _meant(asked)
    remote = meant if isinstance(meant, _Remote) else _Remote(DEFAULT, asked.version or DEFAULT_VERSION, DEFAULT_REPO)
    version = remote.version
    if version is None:
        version = newest(offered(helm, remote.name, remote.repo))
        say(f"{remote.name} {version} is the newest at {shown(remote.repo)}; CHART_VERSION is not set.")
    return pull(helm, remote.name, version, remote.repo, pins=pins, cache=cache, say=say)


def _meant(asked: ChartRequest) -> Path | _Remote | None:
    chart, version, repo = asked.chart or None, asked.version or None, asked.repo or None
    if repo is not None and not _REPO.fullmatch(repo):
        raise UsageError(f"{REPO_VARIABLE}={shown(repo)}: not an address", hint=f"{REPO_VARIABLE}={DEFAULT_REPO}")
    if chart is None:
        return _in_repo(DEFAULT, version or DEFAULT_VERSION, repo) if repo else None
    if "://" in chart:
        return _in_registry(chart, version, repo)
    if chart.startswith((".", "/", "~")) or chart.endswith(".tgz") or _there(chart):
        if repo is not None:
            raise UsageError(f"{REPO_VARIABLE}={shown(repo)}: CHART={chart} is a path, not a chart in a repository",
                             hint=f"leave {REPO_VARIABLE} out, or CHART=it/<name of a chart>")  # fmt: skip
        return _path(chart)
    named = _NAMED.fullmatch(chart)
    if named is None or (named[1] is None and repo is None):
        return _path(chart)  # it does not exist, which opening it will report
    address = repo or repositories.KNOWN.get(named[1])
    if address is None and _there(named[1]):
        return _path(chart)
    if address is None:
        raise UsageError(
            f"CHART={chart}: no such path, and {named[1]} is not a known repository; known repositories: "
            f"{', '.join(repositories.KNOWN)}",
            hint=f"{REPO_VARIABLE}=<address of {named[1]}>, or CHART=./{chart} for a path",
        )
    return _in_repo(named[2], version, address)


def _in_repo(name: str, version: str | None, repo: str) -> _Remote:
    if repo.startswith("oci://") and version is None:
        raise _no_tag(f"{repo.rstrip('/')}/{name}")
    return _Remote(name, version, repo)


def _in_registry(chart: str, version: str | None, repo: str | None) -> _Remote:
    if repo is not None:
        raise UsageError(
            f"{REPO_VARIABLE}={shown(repo)}: CHART={chart} is already an address",
            hint=f"leave {REPO_VARIABLE} out",
        )
    named = _OCI.fullmatch(chart)
    if named is None:
        hint = f"CHART=oci://host/path/name:version, or CHART=name {REPO_VARIABLE}=https://..."
        raise UsageError(f"CHART={chart}: not the address of a chart in a registry", hint=hint)
    tag = named[3].replace("_", "+") if named[3] else None  # as Helm writes a version as a tag
    if tag is not None and version is not None and tag != version:
        raise UsageError(f"CHART_VERSION={version}: CHART={chart} has the tag {named[3]}", hint="leave one of them out")
    if tag is None and version is None:
        raise _no_tag(chart)
    return _Remote(named[2], tag or version, named[1])


def _no_tag(chart: str) -> UsageError:
    return UsageError(f"CHART={chart}: a registry cannot say which version is newest",
                      hint=f"for example CHART_VERSION={DEFAULT_VERSION}")  # fmt: skip


def _there(chart: str) -> bool:
    try:
        return Path(chart).exists()
    except OSError:
        return False


def _path(chart: str) -> Path:
    return reading.path_of(chart, said=f"CHART={reading.shown(chart)}")


def _chosen(folder: Path, version: str | None, say: Say) -> Path:
    """The archive with that version, or with the newest, in a folder of archives of one chart."""
    found: dict[str, list[Path]] = {}
    names: set[str] = set()
    for archive in sorted(folder.glob("*.tgz")):
        about = files.metadata(archive)
        names.add(about["name"])
        found.setdefault(about["version"], []).append(archive)
    if not found:
        raise _no_chart(folder)
    if len(names) > 1:
        raise UsageError(f"CHART={folder}: it contains several charts: {', '.join(sorted(names))}",
                         hint="CHART=<one .tgz in it>")  # fmt: skip
    name = names.pop()
    if version and version not in found:
        raise no_version(version, f"{folder} has no such {name}", found)
    chosen = version or newest(found)
    if len({digest_of(archive) for archive in found[chosen]}) > 1:
        twice = ", ".join(archive.name for archive in found[chosen])
        raise UsageError(f"CHART={folder}: several archives contain {name} {chosen}: {twice}",
                         hint=f"CHART={found[chosen][0]}")  # fmt: skip
    if not version:
        say(f"{name} {chosen} is the newest of {len(found)} in {folder}; CHART_VERSION is not set.")
    return found[chosen][0]


def _no_chart(folder: Path) -> UsageError:
    below = sorted(path.parent for path in folder.glob(f"*/{files.CHART_FILE}"))
    close = difflib.get_close_matches(DEFAULT, [path.name for path in below], n=1) or [path.name for path in below]
    return UsageError(
        f"CHART={folder}: not a chart: it has no {files.CHART_FILE} with a name and a version, and no .tgz",
        hint=f"CHART={folder / close[0]}" if close else "CHART=<folder or .tgz>",
    )
