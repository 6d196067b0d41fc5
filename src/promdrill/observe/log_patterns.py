"""How each version of Prometheus says the same thing: one table of log patterns.

A scenario asks for a meaning (`wording("scrape-commit-failed", "2.48.0")`) and gets the regular expression that this
version's log line matches. A new version with new words is one more row; rows of one meaning never overlap.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from promdrill.core.errors import UsageError

NO_SPACE = "no space left on device"
"""The kernel's words for ENOSPC, the same in every version."""

PERMISSION_DENIED = "permission denied"
"""The kernel's words for EACCES, the same in every version."""


@dataclass(frozen=True, slots=True)
class Wording:
    """One row of the table.

    Attributes:
        meaning: What the line says, the name that scenarios use.
        versions: The Prometheus versions that say it in these words.
        pattern: Regular expression, searched for in one log line.
    """

    meaning: str
    versions: SpecifierSet
    pattern: str


def _row(meaning: str, versions: str, pattern: str) -> Wording:
    return Wording(meaning, SpecifierSet(versions), pattern)


TABLE = (
    # Whatever is wrong, in the level's own field: level=warn up to 3.0.0-beta.0 (go-kit), level=WARN since (slog).
    _row("warning-or-error", ">=2", r"\blevel=(?i:warn|error)\b"),
    # A scrape that could not be written to the WAL; nothing of it is stored. "Scrape commit failed" since 2.20. From
    # 3.0 on the scrape pool and its target stand between msg and err, before that they stand before msg.
    _row("scrape-commit-failed", "<2.20", rf'msg="append failed" err="write to WAL: .*{NO_SPACE}'),
    _row("scrape-commit-failed", ">=2.20,<3.dev0", rf'msg="Scrape commit failed" err="write to WAL: .*{NO_SPACE}'),
    _row("scrape-commit-failed", ">=3.dev0", rf'msg="Scrape commit failed" .*err="write to WAL: .*{NO_SPACE}'),
    # The start on a full volume: 2.10 was the last to pad the WAL's last page; 2.x logs err=..., 3.x "Fatal error".
    _row("storage-not-opened-no-space", "<2.11", rf"opening storage failed: zero-pad torn page: .*{NO_SPACE}"),
    _row("storage-not-opened-no-space", ">=2.11", rf"opening storage failed: .*{NO_SPACE}"),
    # The start with files of somebody else's; the first file that it opens is the query log.
    _row("file-denied", ">=2", rf"open /\S+: {PERMISSION_DENIED}"),
    # The start while another Prometheus has the volume's lock (EAGAIN of flock).
    _row("storage-locked", ">=2", r"opening storage failed: lock DB directory: resource temporarily unavailable"),
    # The reloader's own line. Which reloader runs is the chart's choice (configmap-reload up to chart 19, then
    # prometheus-config-reloader), so both are in one pattern. The second prints "have you set" for any answer but
    # 200: only the code proves anything.
    _row("reload-forbidden", ">=2", r"received non-200 response: 403 Forbidden|Received response code 403\b"),
    _row("reload-refused", ">=2", r"received non-200 response: 500 Internal Server Error|Received response code 500\b"),
    _row("configuration-loaded", ">=2", r"Completed loading of configuration file"),
    # The start with a configuration that cannot be read. First 2.x: err="error loading config from ...".
    _row("configuration-not-loaded", ">=2", r"[Ee]rror loading config\b.*parsing YAML file"),
    # The command line, before anything else is done; "commandline" in the first 2.x. The usage follows.
    _row("flag-repeated", ">=2", r"Error parsing command ?line arguments: flag '\S+' cannot be repeated"),
    # The start over a damaged WAL, which is then cut off at the damage. Lower case and without "read" in the first 2.x.
    _row("wal-read-error", ">=2", r"[Ee]ncountered WAL (read )?error, attempting repair"),
    # The start with a block that cannot be opened: once "unexpected corrupted block:map[...]", now "corrupted block".
    # Where errors are unwrapped by errors.As (2.55.1 and 3.8.1 do, 2.48.0 and 3.14.0 do not) its name is lost.
    _row("block-not-opened", ">=2", r"opening storage failed: .*(corrupted block|invalid magic number)"),
)


def wording(meaning: str, app_version: str) -> str:
    """The regular expression for what this version of Prometheus logs.

    Args:
        meaning: A meaning of the table.
        app_version: Prometheus' version, with or without a leading v.

    Raises:
        UsageError: The table has no such meaning, or no words for this version.
    """
    rows = [row for row in TABLE if row.meaning == meaning]
    if not rows:
        known = sorted({row.meaning for row in TABLE})
        [nearest] = difflib.get_close_matches(meaning, known, n=1, cutoff=0.0)
        raise UsageError(f"unknown wording {meaning!r}", hint=f"the nearest is {nearest!r}")
    try:
        version = Version(app_version)
    except InvalidVersion as error:
        raise UsageError(f"{app_version!r} is not a Prometheus version", hint="appVersion in Chart.yaml") from error
    for row in rows:
        if row.versions.contains(version, prereleases=True):
            return row.pattern
    covered = ", ".join(str(row.versions) for row in rows)
    raise UsageError(f"no wording for {meaning!r} in Prometheus {app_version}", hint=f"known versions: {covered}")
