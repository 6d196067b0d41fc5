"""Faults of a reinstallation: Prometheus is removed and installed again, with changes in between."""

from __future__ import annotations

from dataclasses import dataclass, replace

from promdrill.faults import edits as files
from promdrill.faults.base import Fault, Ground, Undo
from promdrill.faults.edits import Edit
from promdrill.observe.conditions import Condition, all_of
from promdrill.observe.others import no_claim
from promdrill.observe.server_pods import no_server_pod
from promdrill.observe.until import until

GONE_S = 240.0
"""Seconds for the pod and its claim to go: 30 s at most for Prometheus to end, and the volume's deletion.

With an operator, the pod's Secrets go at the same moment. A kubelet that was just about to mount them tries that for
123 s before it ends the pod (podAttachAndMountTimeout in its pkg/kubelet/volumemanager)."""


@dataclass(frozen=True)
class Reinstall(Fault):
    """Uninstalls, waits until all pods (and their claims) are gone, changes something, and installs.

    Attributes:
        edits: Changes to the files in between.
        acts: Faults to apply in between, such as the loss of the default class.
        keep_claim: Whether the server's claims stay if the uninstallation leaves them; otherwise they are deleted.
        proof: Conditions that must hold afterwards, all at once.
    """

    edits: tuple[Edit, ...] = ()
    acts: tuple[Fault, ...] = ()
    keep_claim: bool = False
    proof: tuple[Condition, ...] = ()

    @property
    def name(self) -> str:
        changes = [*(str(edit) for edit in self.edits), *(act.name for act in self.acts)]
        return f"install again{', the claim kept' if self.keep_claim else ''}: {', '.join(changes) or 'no change'}"

    def here(self, ground: Ground) -> Fault:
        edits = tuple(edit.here(ground) for edit in self.edits)
        return replace(self, edits=edits, acts=tuple(act.here(ground) for act in self.acts))

    @property
    def blast_radius(self) -> tuple[str, ...]:
        return ("the Prometheus that is drilled", *(what for act in self.acts for what in act.blast_radius))

    def apply(self, ground: Ground, undo: Undo) -> tuple[Condition, ...]:
        installation, server = ground.installation, ground.server.whole
        undo.register(f"remove the new {installation.name}", installation.uninstall)
        installation.uninstall()
        gone = [no_server_pod(server)]
        if not self.keep_claim:
            for claim in server.claims:
                ground.kube.delete(f"/api/v1/namespaces/{server.namespace}/persistentvolumeclaims/{claim}")
                gone.append(no_claim(claim))
        until(ground.observer, (all_of(*gone, name="the old Prometheus is gone"),), failed=(), timeout_s=GONE_S)
        before = files.read(ground)
        after = files.edited(before, self.edits)
        undo.register("take the changed files back", lambda: files.write(before))
        files.write(after)
        for act in self.acts:
            proof = act.apply(ground, undo)
            if proof:
                until(ground.observer, proof, failed=(), timeout_s=GONE_S)
        installation.install()
        return self.proof


@dataclass(frozen=True)
class InOrder(Fault):
    """Several faults one after the other, each observed before the next.

    Each takes effect at once, also one that could grow: between them something may be passing, such as a cool-down.

    Attributes:
        acts: The faults.
        timeout_s: Seconds within which each one must be observed.
    """

    acts: tuple[Fault, ...]
    timeout_s: float = 90.0

    @property
    def name(self) -> str:
        return ", then ".join(act.name for act in self.acts)

    def here(self, ground: Ground) -> Fault:
        return replace(self, acts=tuple(act.here(ground) for act in self.acts))

    @property
    def blast_radius(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(what for act in self.acts for what in act.blast_radius))

    def apply(self, ground: Ground, undo: Undo) -> tuple[Condition, ...]:
        *first, last = self.acts
        for act in first:
            proof = act.apply(ground, undo)
            if proof:
                until(ground.observer, proof, failed=(), timeout_s=self.timeout_s)
        return last.apply(ground, undo)
