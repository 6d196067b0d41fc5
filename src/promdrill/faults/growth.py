"""The growth of a volume, which cannot be undone."""

from __future__ import annotations

from dataclasses import dataclass

from promdrill.faults import edits
from promdrill.faults.base import Fault, Ground, Undo
from promdrill.observe.conditions import Condition

SIZE = "server.persistentVolume.size"
"""Key of the charts' values for the size of the server's claim."""


@dataclass(frozen=True)
class GrowVolume(Fault):
    """Asks for a larger volume: sets the size in the values, then runs ``helm upgrade``.

    A StatefulSet's claims do not follow their template, so there the claim itself is asked, and the values stay.

    There is no undo: volumes do not shrink, and the API server refuses the attempt. Claim and volume are deleted with
    the drill's namespace, and the values stay as the runbook leaves them.

    Attributes:
        size: The new size, a quantity such as `450Mi`.
        proof: Conditions that must hold afterwards, all at once.
    """

    size: str
    proof: tuple[Condition, ...] = ()

    @property
    def name(self) -> str:
        return f"ask for a volume of {self.size}"

    @property
    def blast_radius(self) -> tuple[str, ...]:
        return ("the Helm release that is drilled", "the server's claim and its volume")

    def apply(self, ground: Ground, undo: Undo) -> tuple[Condition, ...]:
        undo.register(f"nothing to take back: a volume of {self.size} goes with the namespace", lambda: None)
        server = ground.server
        if server.workload != "deployment":
            claim = f"/api/v1/namespaces/{server.namespace}/persistentvolumeclaims/{server.claim}"
            ground.kube.patch(claim, {"spec": {"resources": {"requests": {"storage": self.size}}}}, kind="merge")
            return self.proof
        edits.write(edits.edited(edits.read(ground), (edits.Set(SIZE, self.size),)))
        ground.installation.upgrade()
        return self.proof
