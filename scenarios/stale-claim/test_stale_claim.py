"""stale-claim: a StatefulSet is installed again over a claim that was kept; the old size and the old data come back."""

from typing import Any

import pytest

from promdrill.drill import Drill, Moments, Persistence, Stage
from promdrill.faults import Reinstall, Set
from promdrill.observe import Condition, object_shows

OLD_SIZE, NEW_SIZE = "300Mi", "450Mi"
SIZE = "server.persistentVolume.size"


@pytest.mark.charts(">=8.11.4", stack=">=57")
@pytest.mark.touches("release", "claim")
@pytest.mark.cluster_wide("the right to see volumes, which no namespace has", "a ClusterRole, to scrape the nodes")
@pytest.mark.looks_like("persistence-off")
def test_stale_claim(drill: Drill) -> None:
    """Prometheus is reinstalled with a new size; the runbook does the same, but deletes the claim in between."""
    server = drill.server  # its claim is that of the StatefulSet, as values.yaml asks for one
    core, apps = (f"/{api}/namespaces/{server.namespace}" for api in ("api/v1", "apis/apps/v1"))
    template = object_shows(
        f"{apps}/statefulsets/{server.fullname}",
        lambda obj: asked(obj["spec"]["volumeClaimTemplates"][0]) == NEW_SIZE,
        f"the StatefulSet's template says {NEW_SIZE}",
        show=lambda obj: asked(obj["spec"]["volumeClaimTemplates"][0]),
    )
    claim = object_shows(
        f"{core}/persistentvolumeclaims/{server.claim}",
        lambda obj: asked(obj) == obj["status"]["capacity"]["storage"] == OLD_SIZE,
        f"the claim asks for {OLD_SIZE} and has no more",
        show=asked,
    )

    def old_samples(at: Moments, *, there: bool) -> Condition:
        assert at.baseline is not None
        text = f"samples of the old installation: {'there' if there else 'none'}"
        return server.query("up", lambda found: bool(found) == there, text, at_s=at.baseline.timestamp())

    drill.run(
        fault=Reinstall(edits=(Set(SIZE, NEW_SIZE),), keep_claim=True),
        signature=(
            Stage(
                "2/2 with a new size, but on the old claim with the old data",
                lambda at: (server.ready(), template, claim, old_samples(at, there=True)),
            ),
        ),
        persistence=Persistence(hold_s=3.0),
        recovery=lambda at: (
            template,
            server.claim_size(NEW_SIZE),
            server.volume_size(NEW_SIZE),
            old_samples(at, there=False),
        ),
    )


def asked(claim: dict[str, Any]) -> str:
    """The size that a claim, or a template of one, asks for."""
    return str(claim["spec"]["resources"]["requests"]["storage"])
