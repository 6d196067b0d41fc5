"""Faults of settings: one Helm value changed, and the release upgraded with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from promdrill.faults import values as editing
from promdrill.faults.base import Fault, FaultNotTaken, Ground, Undo
from promdrill.observe.conditions import Condition
from promdrill.observe.server import Server

MARK = "drill"
"""The external label that `TouchConfig` sets: it is in the running configuration and changes no stored series."""


@dataclass(frozen=True)
class ValuesEdit(Fault):
    """One value in $VALUES becomes another, by ``helm upgrade``.

    Attributes:
        path: Dotted path of the value, as in `server.extraFlags`.
        value: What it becomes.
        proof: What must be observed once the cluster has taken it; all of it, at once.
    """

    path: str
    value: Any
    proof: tuple[Condition, ...]

    @property
    def name(self) -> str:
        return f"set {self.path} to {self.value!r}"

    @property
    def blast_radius(self) -> tuple[str, ...]:
        return ("the Helm release that is drilled",)

    def apply(self, ground: Ground, undo: Undo) -> tuple[Condition, ...]:
        edit(ground, undo, self.path, self.value)
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
        edit(ground, undo, f"server.global.external_labels.{MARK}", self.value)
        server = ground.server
        config = ground.kube.get(f"/api/v1/namespaces/{server.namespace}/configmaps/{server.fullname}")
        if f"{MARK}: {self.value}" not in config.get("data", {}).get("prometheus.yml", ""):
            raise FaultNotTaken(f"ConfigMap {server.fullname} does not hold {MARK}: {self.value} after the upgrade")
        return ()

    def live(self, server: Server) -> Condition:
        """The running configuration holds the new value."""
        return server.config_has(rf"\b{MARK}: {re.escape(self.value)}(?![\w-])")


def edit(ground: Ground, undo: Undo, path: str, value: Any) -> None:
    """Set one value in $VALUES and upgrade the release; the undo brings the file's former text back and upgrades.

    Raises:
        FaultNotTaken: The value was the same before.
        CommandFailed: Helm refused.
    """
    release = ground.release
    before = release.read()
    after = editing.set_value(before, path.split("."), value)
    if editing.load(after) == editing.load(before):
        raise FaultNotTaken(f"{path} is {value!r} already")

    def restore() -> None:
        release.write(before)
        release.upgrade()

    undo.register(f"bring the former {path} back", restore)
    release.write(after)
    release.upgrade()
