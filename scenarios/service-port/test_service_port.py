"""service-port: the Service sends to a port on which nothing listens; Prometheus is healthy, but cannot be reached."""

import pytest

from promdrill.drill import MANUAL_JOBS, Drill, Moments, Persistence, Stage
from promdrill.faults import Edited, Replace
from promdrill.observe import Condition, command

STORED_SHARE = 0.8  # share of the scrapes: a busy machine skips one now and then; in a gap there would be none


def knock(drill: Drill, at: Moments, text: str, exit_code: int, pattern: str) -> Condition:
    """What happens to a new connection from inside the cluster to the port of a node."""
    kube, server = drill.site.kube, drill.server
    service = kube.get(f"/api/v1/namespaces/{server.namespace}/services/{server.service}")
    addresses = kube.get("/api/v1/nodes")["items"][0]["status"]["addresses"]
    ip = next(each["address"] for each in addresses if each["type"] == "InternalIP")
    url = f"http://{ip}:{service['spec']['ports'][0]['nodePort']}/-/ready"
    argv = ("wget", "-T", "3", "-qO-", url)
    return command(text, at.pod, server.container, argv, exit_code=exit_code, pattern=pattern)


def stored_throughout(drill: Drill, at: Moments) -> Condition:
    """Samples from the time during which nobody could query them."""
    began, ended = at.injected or at.began, at.remediating or at.began
    span_s = int((ended - began).total_seconds())
    return drill.server.query(
        f'count_over_time(up{{job="prometheus"}}[{span_s}s])',
        lambda counts: sum(counts.values()) >= STORED_SHARE * span_s,
        f"samples of the {span_s} s in between",
        at_s=ended.timestamp(),
    )


@pytest.mark.install("manual")
@pytest.mark.touches("service")
@pytest.mark.looks_like("permission-denied")
def test_service_port(drill: Drill) -> None:
    """The Service's targetPort is wrong; the runbook compares it with the container's port and corrects it."""
    server = drill.server
    unanswered = server.http("GET", "/-/ready", 503)
    drill.run(
        fault=Edited((Replace("targetPort: 9090", "targetPort: 9091"),), proof=(unanswered,)),
        signature=(
            Stage(
                "the pod is 1/1, and the node's port refuses",
                lambda at: (server.ready(), knock(drill, at, "the node's port refuses", 1, "Connection refused")),
            ),
            Stage(
                "the Service is not answered either, though the pod is 1/1 and its log clean",
                lambda at: (
                    unanswered,
                    server.ready(),
                    drill.same_pod(at),
                    server.no_logs(drill.wording("warning-or-error"), since=at.injected),
                ),
            ),
        ),
        persistence=Persistence(hold_s=3.0),
        recovery=lambda at: (
            knock(drill, at, "the node's port answers", 0, "Prometheus Server is Ready"),
            drill.same_pod(at),
            stored_throughout(drill, at),
        ),
        jobs=MANUAL_JOBS,
    )
