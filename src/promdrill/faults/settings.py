"""Faults of settings: the files that describe Prometheus are changed, and the cluster is brought to what they say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from promdrill.core.errors import (
    LONGEST_CAUSE,
    ClusterError,
    CommandFailed,
    CommandTimeout,
    UsageError,
    cause_in,
    shortened,
)
from promdrill.faults import edits as edits_of
from promdrill.faults.base import (
    RELEASE,
    Fault,
    FaultNotTaken,
    Ground,
    Undo,
)
from promdrill.faults.edits import Edit, Set
from promdrill.observe.conditions import Condition, Kind, Seen
from promdrill.observe.server import Server

MARK = "drill"
"""The external label that `TouchConfig` sets: it is in the running configuration and changes no stored series."""


@dataclass(frozen=True)
class Edited(Fault):
    """Values or manifests are edited, and ``helm upgrade`` (or ``kubectl apply``) follows.

    Attributes:
        edits: What is changed in the files.
        proof: What must be observed once the cluster has taken it; all of it, at once.
        refused: For an upgrade that has to fail: a regular expression that what Helm (or the API server) says must
            have. That it was refused so is then the proof, or a part of it.

    Raises:
        UsageError: There is neither a proof nor a refusal.
    """

    edits: tuple[Edit, ...]
    proof: tuple[Condition, ...] | None = None
    refused: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(self.proof, self.refused)

    @property
    def name(self) -> str:
        return ", ".join(map(str, self.edits))

    @property
    def blast_radius(self) -> tuple[str, ...]:
        return ("the Prometheus that is drilled",)

    def apply(self, ground: Ground, undo: Undo) -> tuple[Condition, ...]:
        return (*edit(ground, undo, *self.edits, refused=self.refused), *(self.proof or ()))


@dataclass(frozen=True)
class ValuesEdit(Fault):
    """One value in $VALUES becomes another, by ``helm upgrade``.

    Attributes:
        path: The value's keys, or dotted, as in `server.extraFlags`; not into a list, see `Set`.
        value: What it becomes.
        proof: What must be observed once the cluster has taken it; all of it, at once.
        refused: As in `Edited`.

    Raises:
        UsageError: As `Edited`.
    """

    path: str | tuple[str, ...]
    value: Any
    proof: tuple[Condition, ...] | None = None
    refused: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(self.proof, self.refused)

    @property
    def name(self) -> str:
        return str(Set(self.path, self.value))

    @property
    def blast_radius(self) -> tuple[str, ...]:
        return ("the Helm release that is drilled",)

    def apply(self, ground: Ground, undo: Undo) -> tuple[Condition, ...]:
        return (*edit(ground, undo, Set(self.path, self.value), refused=self.refused), *(self.proof or ()))


@dataclass(frozen=True)
class TouchConfig(Fault):
    """A setting of prometheus.yml changes (an external label), so that a reload is needed, and no restart.

    Attributes:
        value: The label's new value: a word.
    """

    value: str

    @property
    def name(self) -> str:
        return f"set the external label {MARK} to {self.value!r}"

    @property
    def blast_radius(self) -> tuple[str, ...]:
        return ("the Helm release that is drilled", "its ConfigMap")

    def apply(self, ground: Ground, undo: Undo) -> tuple[Condition, ...]:
        edit(ground, undo, Set(f"server.global.external_labels.{MARK}", self.value))
        server = ground.server
        config = ground.kube.get(f"/api/v1/namespaces/{server.namespace}/configmaps/{server.fullname}")
        if f"{MARK}: {self.value}" not in config.get("data", {}).get("prometheus.yml", ""):
            raise FaultNotTaken(f"ConfigMap {server.fullname} does not hold {MARK}: {self.value} after the upgrade")
        return ()

    def live(self, server: Server) -> Condition:
        """The running configuration holds the new value."""
        return server.config_has(rf"\b{MARK}: {re.escape(self.value)}(?![\w-])")


def _check(proof: object, refused: str) -> None:
    if proof is None and not refused:
        raise UsageError("an edit without a proof", hint="proof=(...,), or refused=... where the upgrade has to fail")


def edit(ground: Ground, undo: Undo, *edits: Edit, refused: str = "") -> tuple[Condition, ...]:
    """Change the files and upgrade; the undo brings their former text back and upgrades.

    Args:
        ground: What is changed.
        undo: Learns how to take it back.
        edits: The changes.
        refused: For an upgrade that has to fail, a regular expression that the refusal must have; empty for all others.

    Returns:
        The evidence of the refusal, where one was wanted.

    Raises:
        FaultNotTaken: The files were so before; or the upgrade was not refused, or with other words.
        CommandFailed: Helm refused, where it was not to.
    """
    installation, before = ground.installation, edits_of.read(ground)
    after = edits_of.edited(before, edits)

    def back() -> None:
        edits_of.write(before)
        installation.upgrade()

    undo.register(f"take back: {', '.join(map(str, edits))}", back, within=RELEASE)
    edits_of.write(after)
    what = ", ".join(map(str, edits))
    try:
        installation.upgrade()
    except CommandTimeout:
        raise
    except (CommandFailed, ClusterError) as error:
        if not refused:
            raise
        said = error.output if isinstance(error, CommandFailed) else error.message
        if not re.search(refused, said):
            reason = f"{what}: the upgrade was refused, but not with /{refused}/: {cause_in(said)}"
            raise FaultNotTaken(reason) from error
        return (_refusal(refused, said),)
    if refused:
        raise FaultNotTaken(f"{what}: the upgrade succeeded; it should have been refused with /{refused}/")
    return ()


def _refusal(pattern: str, said: str) -> Condition:
    """What was seen of a refusal: it is over, and stays so."""
    line = next((line for line in said.splitlines() if re.search(pattern, line)), "") or cause_in(said)
    seen = Seen(holds=True, text=shortened(line, LONGEST_CAUSE))
    return Condition(f"the upgrade is refused with /{pattern}/", Kind.OBJECT, lambda _: seen)
