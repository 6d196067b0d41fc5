"""wal-corrupt: garbage in a WAL segment; the next start cuts the WAL off there, and what came after it is lost."""

from datetime import datetime

import pytest

from promdrill.drill import Drill, Persistence, Stage
from promdrill.faults import RestartServer, RunIn
from promdrill.observe import Condition

CORRUPTIONS = "prometheus_tsdb_wal_corruptions_total"
COSTS_S = 4  # of samples are behind the damage once it is done; LAST asks for less than that
LAST = 'count_over_time(up{job="prometheus"}[3s])'
FEWEST = 2  # samples within LAST, at a scrape every second

# The damage starts where the segment ended when the script began, so that the samples of the baseline are before it.
# Nothing is cut off: the segment keeps its length, and Prometheus keeps writing after it.
SPOIL = f"""
cd /data/wal || exit
segment=$(ls | grep -E '^[0-9]+$' | tail -n 1)
from=$(wc -c <"$segment")
sleep {COSTS_S}
[ "$(wc -c <"$segment")" -gt $((from + 512)) ] || exit
yes | head -c 512 | dd of="$segment" bs=1 seek="$from" conv=notrunc
"""


@pytest.mark.charts(">=15", stack=">=57")
@pytest.mark.touches("volume", "pod")
@pytest.mark.own_scrapes("the damage is done between two scrapes")
@pytest.mark.looks_like("persistence-off")
def test_wal_corrupt(drill: Drill) -> None:
    """A WAL segment is damaged, the server restarted; the runbook states the loss and proves that the WAL is intact."""
    server = drill.server
    read_error = drill.wording("wal-read-error")

    def counted(n: int) -> Condition:
        return server.metric(CORRUPTIONS, lambda count: count == n, f"corruptions counted: {n}")

    def stored(text: str, at: datetime | None = None) -> Condition:
        at_s = at.timestamp() if at else None
        return server.query(LAST, lambda counts: min(counts.values(), default=0) >= FEWEST, text, at_s=at_s)

    def lost(at: datetime) -> Condition:
        text = "samples that were stored before the restart are gone"
        return server.query(LAST, lambda counts: not counts, text, at_s=at.timestamp())

    drill.run(
        fault=RunIn(
            "write garbage into the newest WAL segment",
            SPOIL.replace("/data", server.data),
            proof=(stored("samples are stored behind it"),),
        ),
        signature=(
            Stage(
                "repaired at the next start, at the cost of the samples behind the damage",
                lambda at: (
                    server.ready(),
                    server.logs(read_error, since=at.began),
                    counted(1),
                    lost(at.injected or at.began),
                ),
                before=RestartServer(),
            ),
        ),
        persistence=Persistence(hold_s=3.0),
        recovery=lambda at: (
            counted(0),
            server.no_logs(read_error, this_restart=True),
            stored("samples from before the damage are kept", at.baseline),
        ),
    )
