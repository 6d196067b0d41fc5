"""The table of log patterns, against lines that were seen."""

import re

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
    with pytest.raises(UsageError, match="not a Prometheus version"):
        wording("scrape-commit-failed", "latest")
    with pytest.raises(UsageError, match="no wording"):
        wording("reload-forbidden", "1.8.2")
