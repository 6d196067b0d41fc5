"""block-corrupt: half of a block's index is zeros; queries over its time fail, and the next start fails completely."""

import pytest

from promdrill.drill import Drill, Moments, Persistence, Stage
from promdrill.faults import RestartServer, RunIn
from promdrill.observe import Condition, http_answer, query_path

ALL = "count_over_time(up[10m])"
THEN = "count_over_time(up[3s])"
FEWEST = 2  # samples within THEN, at a scrape every second

# Zeros instead of what was written, as after a power loss, up to the index's postings, whose position is in its last 52
# bytes: the header, the symbols and the series. The file keeps its length, as Prometheus has mapped it into memory.
SPOIL = """
cd /data || exit
block=$(ls | grep -E '^[0-9A-Z]{26}$' | head -n 1)
[ -n "$block" ] && cd "$block" || exit
set -- $(tail -c 16 index | head -c 4 | od -An -tu1)
postings=$(($1 << 24 | $2 << 16 | $3 << 8 | $4))
[ "$postings" -gt 4096 ] && [ "$postings" -lt "$(wc -c <index)" ] || exit
head -c "$postings" /dev/zero | dd of=index bs=4096 conv=notrunc
"""


@pytest.mark.images("docker.io/library/busybox:1.37.0")
@pytest.mark.charts(">=15", stack=">=57")
@pytest.mark.touches("volume", "pod")
@pytest.mark.cluster_wide("a pod that may trace processes, which Pod Security's baseline refuses")
@pytest.mark.own_scrapes("blocks are made of a few seconds of their samples")
@pytest.mark.looks_like("wal-corrupt")
def test_block_corrupt(drill: Drill) -> None:
    """The oldest block's index is damaged and the server restarted; the runbook moves that block away."""
    server = drill.server
    path = query_path(ALL)
    fails = http_answer(
        server.query_service,
        server.port,
        f"{server.prefix}{path}",
        422,
        pattern="invalid (checksum|size)",
        text="a query of all fails",
    )
    not_opened = drill.wording("block-not-opened")
    now = server.query("up", lambda found: set(found.values()) == {1.0}, "a query of now is answered")

    def behind(at: Moments) -> Condition:
        at_s = (at.baseline or at.began).timestamp()
        return server.query(
            THEN, lambda counts: min(counts.values(), default=0) >= FEWEST, "samples after that block", at_s=at_s
        )

    drill.run(
        fault=RunIn("write zeros over the first part of the oldest block's index", SPOIL.replace("/data", server.data)),
        signature=(
            Stage(
                "2/2, but queries over that block's time fail, and no others",
                lambda at: (server.ready(), fails, now, behind(at)),
            ),
            Stage(
                "1/2, it does not start again",
                lambda at: (server.crash_looping(), server.logs(not_opened, since=at.began)),
                before=RestartServer(),
            ),
        ),
        persistence=Persistence(more_restarts=2),
        recovery=lambda at: (
            server.no_logs(not_opened, this_restart=True),
            server.query(ALL, bool, "a query of all is answered"),
            behind(at),
        ),
        beside_ready=(server.metric("prometheus_tsdb_blocks_loaded", lambda n: n >= 1, "there is a block"),),
    )
