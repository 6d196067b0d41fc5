"""What can be seen of a drilled Prometheus and its surroundings: conditions to wait for.

A scenario imports its conditions from here. Most are methods of `Server`, which a scenario has as ``drill.server``;
those on other pods, on claims, volumes and any other object are functions. `all_of`, `any_of` and `negate` combine
conditions. A condition of your own is `Condition` with a judge: a function from a `Snapshot` to what it has `Seen`.
``dashboard`` has the conditions on Grafana's dashboards.

The modules, in reading order: `snapshot` (what is known), `probes` (what is asked), `conditions` (what is judged),
`reflect`, `follow` and `poll` (where knowledge comes from), `observer` (all of them together), `until` (waiting),
`server` (the conditions of a drilled Prometheus) and `valid_metrics` (the one definition of a working one).
"""

from promdrill.observe import dashboard
from promdrill.observe.conditions import Condition, Kind, Seen, all_of, any_of, negate, unknown
from promdrill.observe.others import (
    claim_phase,
    command,
    ended_with,
    exporter_metric,
    http_answer,
    no_claim,
    no_pod,
    no_volume,
    object_shows,
    pods_ready,
    says,
)
from promdrill.observe.probes import Vector, query_path
from promdrill.observe.restarts import not_restarted, restart_counted
from promdrill.observe.server import Server
from promdrill.observe.server_pods import flag_given, no_server_pod, old_pod_beside_new, unscheduled
from promdrill.observe.snapshot import Object, Snapshot, name_of

__all__ = [
    "Condition",
    "Kind",
    "Object",
    "Seen",
    "Server",
    "Snapshot",
    "Vector",
    "all_of",
    "any_of",
    "claim_phase",
    "command",
    "dashboard",
    "ended_with",
    "exporter_metric",
    "flag_given",
    "http_answer",
    "name_of",
    "negate",
    "no_claim",
    "no_pod",
    "no_server_pod",
    "no_volume",
    "not_restarted",
    "object_shows",
    "old_pod_beside_new",
    "pods_ready",
    "query_path",
    "restart_counted",
    "says",
    "unknown",
    "unscheduled",
]
