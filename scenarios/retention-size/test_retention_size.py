"""retention-size: size retention is above the volume's size; the volume fills, and nothing more is stored."""

from collections.abc import Callable
from functools import partial

import pytest

from promdrill.drill import Drill, Persistence, Stage
from promdrill.faults import Patched, volume_below, volume_full
from promdrill.observe import Condition, Server, pods_ready

SERIES = 12_000  # about 0.5 MB/s with everything that Prometheus makes of it: the free 20 % must last for ten seconds
NO_SAMPLE_FOR_S = 6.0  # longer than a failing write of a block, which frees its space again after some seconds
VOLUME_BYTES = 25 * 2**20  # rounded up
LIMIT_BYTES = 21 * 2**20  # 85 % of the 24.6 MiB that ext4 leaves of the volume
PEAK = 0.95  # share of the volume that may be used; blocks are deleted only once the next one exists
STAYS_S = 13.0  # four blocks come, and four go


def tsdb_metric(server: Server, name: str, predicate: Callable[[float], bool], text: str) -> Condition:
    """A metric of the database, by its name without the prefix."""
    return server.metric(f"prometheus_tsdb_{name}", predicate, text)


def more_series(server: Server, proof: Condition) -> Patched:
    """A version of the application that exposes SERIES more."""
    args = {"spec": {"template": {"spec": {"containers": [{"name": "shop", "args": [f"-series={SERIES}"]}]}}}}
    path = f"/apis/apps/v1/namespaces/{server.namespace}/deployments/shop"
    return Patched(f"have the application expose {SERIES} series", path, args, kind="strategic", proof=(proof,))


@pytest.mark.images("docker.io/library/busybox:1.37.0")
@pytest.mark.charts(">=25.6.0", stack=">=57")
@pytest.mark.long("real samples fill the volume")
@pytest.mark.touches("release", "volume")
@pytest.mark.cluster_wide("its own storage class, for volumes of a fixed size")
@pytest.mark.own_scrapes("the volume is filled with their samples")
@pytest.mark.looks_like("disk-full-cooldown")
def test_retention_size(drill: Drill) -> None:
    """An application exposes many more series, and the volume fills; the runbook sets the limit to 80 % of it."""
    server = drill.server
    commit_failed = drill.wording("scrape-commit-failed")
    stored = server.metric("prometheus_tsdb_head_series", lambda n: n > SERIES, "the new series are stored")
    deletions, limit, blocks = "size_retentions_total", "retention_limit_bytes", "storage_blocks_bytes"
    tsdb = partial(tsdb_metric, server)
    drill.run(
        fault=more_series(server, stored),
        signature=(
            Stage(
                "the volume is full, and retention has deleted nothing",
                lambda at: (
                    volume_full(server, at.pod, server.data),
                    tsdb(limit, lambda n: n > VOLUME_BYTES, "the limit is above the volume"),
                    tsdb(deletions, lambda n: n == 0, "no size retention"),
                ),
            ),
            Stage(
                "2/2, but nothing is stored",
                lambda at: (
                    server.ready(),
                    server.logs(commit_failed, since=at.injected),
                    server.stale(NO_SAMPLE_FOR_S),
                ),
            ),
        ),
        persistence=Persistence(hold_s=3.0),
        recovery=lambda at: (
            tsdb(limit, lambda n: 0 < n <= LIMIT_BYTES, "the limit is below the volume"),
            tsdb(deletions, lambda n: n > 1, "size retention deletes"),
            tsdb(blocks, lambda n: n <= LIMIT_BYTES, "blocks below the limit"),
            volume_below(server, at.pod, server.data, PEAK),
            stored,
        ),
        recovery_hold_s=STAYS_S,
        jobs=("prometheus", "shop"),
        storage={"metadata": {"annotations": {"promdrill.io/filesystem": "ext4"}}},
        beside=drill.manifest("shop.yaml"),
        beside_ready=(pods_ready({"app": "shop"}, 1),),
    )
