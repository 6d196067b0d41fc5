"""Faults of settings: the files that describe Prometheus are changed and applied."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
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
from promdrill.faults.base import RELEASE, Fault, FaultNotTaken, Ground, Undo
from promdrill.faults.edits import Edit, Set
from promdrill.observe.conditions import Condition, Kind, Seen
from promdrill.observe.server import Server

MARK = "drill"
"""The external label that `TouchConfig` sets: it is in the running configuration and changes no stored series."""


@dataclass(frozen=True)
class Edited(Fault):
    """Edits values or manifests, then runs ``helm upgrade`` (or ``kubectl apply``).

    Attributes:
        edits: Changes to the files.
        proof: Conditions that must hold once the change is applied, all at once.
        refused: For an upgrade that has to fail: a regular expression that the message of Helm (or the API server) must
            match. The refusal is then the proof, or part of it.

    Raises:
        UsageError: Neither `proof` nor `refused` is given.
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

    def here(self, ground: Ground) -> Fault:
        return replace(self, edits=tuple(each.here(ground) for each in self.edits))

    @property
    def blast_radius(self) -> tuple[str, ...]:
        return ("the Prometheus that is drilled",)

    def apply(self, ground: Ground, undo: Undo) -> tuple[Condition, ...]:
        return (*edit(ground, undo, *self.edits, refused=self.refused), *(self.proof or ()))


@dataclass(frozen=True)
class ValuesEdit(Fault):
    """Changes one value in $VALUES by ``helm upgrade``.

    Attributes:
        path: The value's keys, or dotted as in `server.extraFlags`; nothing inside a list, see `Set`.
        value: The new value.
        proof: Conditions that must hold once the change is applied, all at once.
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

    def here(self, ground: Ground) -> Fault:
        found = Set(self.path, self.value).here(ground)
        return replace(self, path=found.path, value=found.value)

    @property
    def blast_radius(self) -> tuple[str, ...]:
        return ("the Helm release that is drilled",)

    def apply(self, ground: Ground, undo: Undo) -> tuple[Condition, ...]:
        return (*edit(ground, undo, Set(self.path, self.value), refused=self.refused), *(self.proof or ()))


@dataclass(frozen=True)
class TouchConfig(Fault):
    """Changes a setting of prometheus.yml (an external label), which takes a reload but no restart.

    Attributes:
        value: The label's new value, one word.
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
            raise FaultNotTaken(f"ConfigMap {server.fullname} does not contain {MARK}: {self.value} after the upgrade")
        return ()

    def live(self, server: Server) -> Condition:
        """The running configuration has the new value."""
        return server.config_has(rf"\b{MARK}: {re.escape(self.value)}(?![\w-])")


def _check(proof: object, refused: str) -> None:
    if proof is None and not refused:
        raise UsageError("an edit without a proof", hint="add proof=(...,), or refused=... if the upgrade has to fail")


def edit(ground: Ground, undo: Undo, *edits: Edit, refused: str = "") -> tuple[Condition, ...]:
    """Change the files and upgrade; the undo restores their old text and upgrades again.

    Args:
        ground: What is changed.
        undo: Where the way to take it back is registered.
        edits: The changes.
        refused: For an upgrade that has to fail, a regular expression that the refusal must match; empty for all
            others.

    Returns:
        A condition that stands for the refusal, if one was expected.

    Raises:
        FaultNotTaken: The files already said so, the upgrade was not refused, or the refusal does not match.
        CommandFailed: Helm refused unexpectedly.
    """
    installation, before = ground.installation, edits_of.read(ground)
    after = edits_of.edited(before, edits)

    def back() -> None:
        edits_of.write(before)
        installation.upgrade()

    what = ", ".join(map(str, edits))
    undo.register(f"take back: {what}", back, within=RELEASE)
    edits_of.write(after)
    try:
        installation.upgrade()
    except CommandTimeout:
        raise
    except (CommandFailed, ClusterError) as error:
        if not refused:
            raise
        said = error.output if isinstance(error, CommandFailed) else error.message
        if not re.search(refused, said):
            reason = f"{what}: the upgrade was refused, but the message does not match /{refused}/: {cause_in(said)}"
            raise FaultNotTaken(reason) from error
        return (_refusal(refused, said),)
    if refused:
        raise FaultNotTaken(f"{what}: the upgrade succeeded, but should have been refused with /{refused}/")
    return ()


def _refusal(pattern: str, said: str) -> Condition:
    """A condition for a refusal that was seen; it is in the past, so it keeps holding."""
    line = next((line for line in said.splitlines() if re.search(pattern, line)), "") or cause_in(said)
    seen = Seen(holds=True, text=shortened(line, LONGEST_CAUSE))
    return Condition(f"the upgrade is refused with /{pattern}/", Kind.OBJECT, lambda _: seen)
