"""What the pods of promdrill's clusters may reach: their cluster, DNS, and nothing else.

Values may name a remote write, an Alertmanager, or the bucket of a sidecar, with the credentials for them. A drilled
Prometheus would write there, and raise alarms there, of an incident that promdrill made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from promdrill.cluster import node_units
from promdrill.core import paths

if TYPE_CHECKING:
    from promdrill.cluster.kind import PinnedKindCluster

_UNIT = "promdrill-egress.service"


def close(made: PinnedKindCluster) -> None:
    """Let the pods of a cluster open no connection to anything outside it, but for DNS; also when a node starts again.

    Pods that share their node's network are not held back.

    Args:
        made: The cluster, whose kube-proxy runs.

    Raises:
        CommandFailed: A node refused.
    """
    for container in made.recorded.nodes.values():
        node_units.install(container, paths.manifests_dir() / "egress" / "node", _UNIT, now=True)
