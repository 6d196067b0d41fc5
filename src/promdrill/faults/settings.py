"""Faults of settings: the files that describe Prometheus are changed, and the cluster is brought to what they say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from promdrill.faults import edits as edits_of
from promdrill.faults.base import (
    RELEASE,
    Fault,
    FaultNotTaken,
    Ground,
    Undo,
)
from promdrill.faults.edits import Edit, Set
from promdrill.observe.conditions import Condition
from promdrill.observe.server import Server

MARK = "drill"
"""The external label that `TouchConfig` sets: it is in the running configuration and changes no stored series."""


@dataclass(frozen=True)
class Edited(Fault):
    """Values or manifests are edited, and ``helm upgrade`` (or ``kubectl apply``) follows.

    Attributes:
        edits: What is changed in the files.
        proof: What must be observed once the cluster has taken it; all of it, at once.
    """

    edits: tuple[Edit, ...]
    proof: tuple[Condition, ...]

    @property
    def name(self) -> str:
        return ", ".join(map(str, self.edits))

    @property
    def blast_radius(self) -> tuple[str, ...]:
        return ("the Prometheus that is drilled",)

    def apply(self, ground: Ground, undo: Undo) -> tuple[Condition, ...]:
        edit(ground, undo, *self.edits)
        return self.proof


@dataclass(frozen=True)
class ValuesEdit(Fault):
    """One value in $VALUES becomes another, by ``helm upgrade``.

    Attributes:
        path: The value's keys, or dotted, as in `server.extraFlags`.
        value: What it becomes.
        proof: What must be observed once the cluster has taken it; all of it, at once.
    """

    path: str | tuple[str, ...]
    value: Any
    proof: tuple[Condition, ...]

    @property
    def name(self) -> str:
        return str(Set(self.path, self.value))

    @property
    def blast_radius(self) -> tuple[str, ...]:
        return ("the Helm release that is drilled",)

    def apply(self, ground: Ground, undo: Undo) -> tuple[Condition, ...]:
        edit(ground, undo, Set(self.path, self.value))
        return self.proof


@dataclass(frozen=True)
class TouchConfig(Fault):
    """A setting of prometheus.yml changes (an external label), so that a reload is due and no pod has to restart.

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


def edit(ground: Ground, undo: Undo, *edits: Edit) -> None:
    """Change the files and upgrade; the undo brings their former text back and upgrades.

    Raises:
        FaultNotTaken: The files were so before.
        CommandFailed: Helm refused.
    """
    installation, before = ground.installation, edits_of.read(ground)
    after = edits_of.edited(before, edits)

    def back() -> None:
        edits_of.write(before)
        installation.upgrade()

    undo.register(f"take back: {', '.join(map(str, edits))}", back, within=RELEASE)
    edits_of.write(after)
    installation.upgrade()
