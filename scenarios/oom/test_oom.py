"""oom: the server's memory limit is below its need; it is killed at every start, and its log does not say why."""

import pytest

from promdrill.drill import Drill, Persistence, Stage
from promdrill.faults import ValuesEdit
from promdrill.observe import command, ended_with, exporter_metric

TOO_LOW = "16Mi"  # killed in the first seconds of each run; with 24Mi it is 2/2 for some seconds in between
NEW_LIMIT = "384Mi"
NEW_LIMIT_BYTES = 384 * 2**20
# The container's own count of the kernel's kills: cgroup v2, or v1. The node's count has those of its neighbours too.
CGROUP = "/sys/fs/cgroup"
KILLS = ("sh", "-c", f"cat {CGROUP}/memory.events {CGROUP}/memory/memory.oom_control 2>/dev/null; true")


@pytest.mark.charts(">=21", stack=">=57")
@pytest.mark.touches("release", "memory limit")
@pytest.mark.cluster_wide("a ClusterRole, for kube-state-metrics")
@pytest.mark.looks_like("flag-repeated")
def test_oom(drill: Drill) -> None:
    """An upgrade lowers the limit; the runbook raises it, and the container's own cgroup counts no more kills."""
    server = drill.server
    labels = server.selector
    # By its uid: a StatefulSet's new pod has the name of the old one, whose series may be five minutes old.
    limit = f'kube_pod_container_resource_limits{{container="{server.container}", resource="memory", uid="%s"}}'
    drill.run(
        fault=ValuesEdit("server.resources.limits.memory", TOO_LOW, proof=(server.ready(1),)),
        signature=(
            Stage(
                "1/2, killed for its memory at every start",
                (
                    server.crash_looping(),
                    ended_with(labels, server.container, "OOMKilled"),
                    exporter_metric(
                        f"{server.release}-kube-state-metrics",
                        8080,
                        "kube_pod_container_status_last_terminated_reason",
                        lambda value: value == 1,
                        "kube-state-metrics: last terminated for OOMKilled",
                        namespace=server.namespace,
                        container=server.container,
                        reason="OOMKilled",
                    ),
                ),
            ),
        ),
        persistence=Persistence(more_restarts=2),
        recovery=lambda at: (
            drill.same_pod(at),
            server.query(
                limit % at.pod_uid, lambda v: list(v.values()) == [NEW_LIMIT_BYTES], f"Prometheus: limit {NEW_LIMIT}"
            ),
            command("its own cgroup counts no kill", at.pod, server.container, KILLS, pattern="^oom_kill 0$"),
        ),
        jobs=("prometheus", "kube-state-metrics"),
        variables={"NEW_LIMIT": NEW_LIMIT},
    )
