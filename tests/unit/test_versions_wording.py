"""The table of log patterns, against lines that were seen."""

import ast
import re
from collections.abc import Callable

import pytest

from promdrill.core.errors import UsageError
from promdrill.observe.log_patterns import TABLE, wording
from promdrill.request import scenarios

OLDEST, NEWEST = "2.9.2", "3.14.0"
VERSIONS = (OLDEST, "2.10.0", "2.11.0", "2.19.3", "2.20.0", "v2.48.0", "2.55.1", "3.0.0-rc.0", "3.8.1", NEWEST)


FULL = "no space left on device"
COMMIT = f'"Scrape commit failed" err="write to WAL: log samples: write /data/wal/00000000: {FULL}"'
LOCK = f'err="opening storage failed: lock DB directory: open /data/lock: {FULL}"'

SEEN = [
    (
        "scrape-commit-failed",
        "2.9.2",
        f'level=warn msg="append failed" err="write to WAL: log samples: write /data/wal/01: {FULL}"',
    ),
    ("scrape-commit-failed", "2.48.0", f'ts=1 level=error component="scrape manager" msg={COMMIT}'),
    (
        "scrape-commit-failed",
        "3.14.0",
        f'level=ERROR msg="Scrape commit failed" component="scrape manager" scrape_pool=x err="write to WAL: {FULL}"',
    ),
    (
        "storage-not-opened-no-space",
        "2.9.2",
        f'err="opening storage failed: zero-pad torn page: write /data/wal/00045436: {FULL}"',
    ),
    ("storage-not-opened-no-space", "2.48.0", f"level=error {LOCK}"),
    ("storage-not-opened-no-space", "3.8.1", f'level=ERROR msg="Fatal error" {LOCK}'),
    (
        "reload-forbidden",
        "2.48.0",
        'err="trigger reload: received non-200 response: 403 Forbidden; have you set `--web.enable-lifecycle`"',
    ),
    ("reload-forbidden", "2.39.1", "error: Received response code 403 , expected 200"),
    ("configuration-loaded", "2.9.2", 'msg="Completed loading of configuration file" filename=/etc/config/x'),
]


@pytest.mark.parametrize(("meaning", "version", "line"), SEEN)
def test_the_words_of_a_version(meaning: str, version: str, line: str) -> None:
    assert re.search(wording(meaning, version), line)


@pytest.mark.parametrize(
    ("meaning", "version", "line"),
    [
        ("reload-forbidden", "2.48.0", "received non-200 response: 500 Internal Server Error; have you set"),
        ("scrape-commit-failed", "2.48.0", 'msg="Scrape commit failed" err="write to WAL: log samples: broken pipe"'),
        (
            "storage-not-opened-no-space",
            "2.48.0",
            'err="opening storage failed: lock DB directory: resource temporarily unavailable"',
        ),
    ],
)
def test_what_only_looks_alike(meaning: str, version: str, line: str) -> None:
    assert not re.search(wording(meaning, version), line)


def gokit(level: str, caller: str, rest: str) -> str:
    """A line as Prometheus 2.x writes it."""
    return f"ts=2026-11-29T19:41:14.766Z caller={caller} level={level} {rest}"


def slog(level: str, source: str, rest: str) -> str:
    """A line as Prometheus 3.x writes it."""
    return f"time=2026-11-29T19:41:14.766Z level={level.upper()} source={source} {rest}"


def both(level: str, rest: str, *, then: str = "") -> tuple[str, str]:
    """The same message of 2.x, and of 3.x; with other words there if `then` has them."""
    return gokit(level, "main.go:1266", rest), slog(level, "main.go:1347", then or rest)


USAGE = "Error parsing command line arguments: flag 'storage.tsdb.retention.size' cannot be repeated"
YAML = "parsing YAML file /etc/config/prometheus.yml: yaml: unmarshal errors: line 8: field srcrape_interval not found"
QUERIES = 'component=activeQueryTracker msg="Error opening query log file" file=/data/queries.active'
DENIED = "open /data/queries.active: permission denied"
RELOADER = "trigger reload: received non-200 response: {}; have you set `--web.enable-lifecycle` Prometheus flag?"
RETRY = 'msg="function failed. Retrying in next tick" err="{}"'
LINES = {
    "warning-or-error": both("warn", 'component=tsdb msg="Encountered WAL read error"'),
    "scrape-commit-failed": both(
        "error",
        f'component="scrape manager" scrape_pool=prometheus target=http://localhost:9090/metrics msg={COMMIT}',
        then=f'msg="Scrape commit failed" component="scrape manager" scrape_pool=p target=http://x/metrics'
        f' err="write to WAL: log samples: write /data/wal/00000000: {FULL}"',
    ),
    "storage-not-opened-no-space": both("error", LOCK, then=f'msg="Fatal error" {LOCK}'),
    "storage-locked": both(
        "error", 'err="opening storage failed: lock DB directory: resource temporarily unavailable"'
    ),
    "file-denied": both("error", f'{QUERIES} err="{DENIED}"'),
    "reload-forbidden": both("error", RETRY.format(RELOADER.format("403 Forbidden"))),
    "reload-refused": both("error", RETRY.format(RELOADER.format("500 Internal Server Error"))),
    "configuration-loaded": both(
        "info", 'msg="Completed loading of configuration file" filename=/etc/config/prometheus.yml totalDuration=5ms'
    ),
    "configuration-not-loaded": both(
        "error",
        f'msg="Error loading config (--config.file=/etc/config/prometheus.yml)" err="{YAML}"',
        then=f'msg="Error loading config (--config.file=/etc/config/prometheus.yml)" file=/etc/config/x err="{YAML}"',
    ),
    "flag-repeated": (USAGE, USAGE),
    "wal-read-error": both(
        "warn", 'component=tsdb msg="Encountered WAL read error, attempting repair" err="corruption in segment 0"'
    ),
    "block-not-opened": both("error", 'err="opening storage failed: get corrupted block 01K: invalid checksum"'),
}
"""What each meaning looks like, in 2.x and in 3.x."""


@pytest.mark.parametrize("meaning", sorted({row.meaning for row in TABLE}))
@pytest.mark.parametrize("version", ["2.26.0", "2.48.0", "2.55.1", "3.0.0", "3.8.1", "3.14.0"])
def test_the_line_of_each_meaning_is_found_in_the_format_of_each_version(meaning: str, version: str) -> None:
    line = LINES[meaning][int(version[0]) - 2]
    assert re.search(wording(meaning, version), line)
    assert [other for other in LINES if re.search(wording(other, version), line)] in (
        [meaning],
        ["warning-or-error", meaning],
    )


@pytest.mark.parametrize("level", ["debug", "info"])
@pytest.mark.parametrize("line", [gokit, slog])
def test_a_level_that_is_no_warning_is_none(level: str, line: Callable[[str, str, str], str]) -> None:
    text = line(level, "main.go:1", 'msg="Error: it did not warn" loglevel=warning')
    assert not re.search(wording("warning-or-error", NEWEST), text)


@pytest.mark.parametrize("scenario", scenarios.find_all(), ids=lambda scenario: scenario.id)
def test_a_scenario_has_no_patterns_of_its_own_for_the_log_of_prometheus(scenario: scenarios.ScenarioFolder) -> None:
    tree = ast.parse(scenario.test.read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    asked = [(node, node.func.attr) for node in calls if isinstance(node.func, ast.Attribute)]
    own = [
        node.lineno
        for node, name in asked
        if name in {"logs", "no_logs"} and isinstance(node.args[0], ast.Constant | ast.JoinedStr)
    ]
    assert own == [], "a wording of promdrill.observe.log_patterns, or the kernel's own words, say it in all versions"


@pytest.mark.parametrize("meaning", sorted({row.meaning for row in TABLE}))
@pytest.mark.parametrize("version", VERSIONS)
def test_each_version_has_exactly_one_row(meaning: str, version: str) -> None:
    rows = [r for r in TABLE if r.meaning == meaning and r.versions.contains(version, prereleases=True)]
    assert len(rows) == 1
    assert wording(meaning, version) == rows[0].pattern


@pytest.mark.parametrize("scenario", scenarios.find_all(), ids=lambda scenario: scenario.id)
def test_what_scenarios_ask_for_is_known(scenario: scenarios.ScenarioFolder) -> None:
    for meaning in re.findall(r"wording\(\"([^\"]+)\"\)", scenario.test.read_text(encoding="utf-8")):
        assert wording(meaning, "2.48.0")


def test_what_is_not_known_is_refused() -> None:
    with pytest.raises(UsageError, match="scrape-comit") as caught:
        wording("scrape-comit-failed", "2.48.0")
    assert "scrape-commit-failed" in caught.value.hint
    with pytest.raises(UsageError) as caught:
        wording("?", "2.48.0")
    assert caught.value.hint.startswith("the nearest is "), "however far"
    with pytest.raises(UsageError, match="not a Prometheus version"):
        wording("scrape-commit-failed", "latest")
    with pytest.raises(UsageError, match="no wording"):
        wording("reload-forbidden", "1.8.2")
