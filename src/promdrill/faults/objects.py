"""Faults of objects: one is created, changed or deleted behind the back of the files that describe it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from promdrill.faults.base import Fault, FaultNotTaken, Ground, Undo
from promdrill.kube.client import NotFound, object_path
from promdrill.observe.conditions import Condition


@dataclass(frozen=True, eq=False)
class Applied(Fault):
    """Applies an object; the undo deletes it.

    Attributes:
        obj: The object. A namespace in it is replaced by the drill's.
        proof: Conditions that must hold afterwards, all at once.
    """

    obj: Mapping[str, Any]
    proof: tuple[Condition, ...] = ()

    @property
    def name(self) -> str:
        return f"apply {self.obj['kind']} {self.obj['metadata']['name']}"

    @property
    def blast_radius(self) -> tuple[str, ...]:
        return (f"{self.obj['kind']} {self.obj['metadata']['name']}",)

    def apply(self, ground: Ground, undo: Undo) -> tuple[Condition, ...]:
        about = dict(self.obj["metadata"])
        if "namespace" in about:
            about["namespace"] = ground.server.namespace
        obj = {**self.obj, "metadata": about}
        undo.register(f"delete {self.obj['kind']} {about['name']}", lambda: ground.kube.delete(object_path(obj)))
        ground.kube.apply(obj)
        return self.proof


@dataclass(frozen=True, eq=False)
class Patched(Fault):
    """Changes an object; the undo changes it back.

    Attributes:
        what: The change in words: "point the Service at port 9091".
        path: API path of the object.
        patch: The patch.
        back: The patch that undoes it; None if the object is deleted with the drill's namespace.
        kind: The type of both patches.
        proof: Conditions that must hold afterwards, all at once.
    """

    what: str
    path: str
    patch: Any
    back: Any = None
    kind: Literal["merge", "strategic", "json"] = "merge"
    proof: tuple[Condition, ...] = ()

    @property
    def name(self) -> str:
        return self.what

    @property
    def blast_radius(self) -> tuple[str, ...]:
        return (self.path,)

    def apply(self, ground: Ground, undo: Undo) -> tuple[Condition, ...]:
        if self.back is not None:
            undo.register(f"take back: {self.what}", lambda: ground.kube.patch(self.path, self.back, kind=self.kind))
        ground.kube.patch(self.path, self.patch, kind=self.kind)
        return self.proof


@dataclass(frozen=True, eq=False)
class Deleted(Fault):
    """Deletes an object; the undo applies it again as it was.

    Attributes:
        path: API path of the object.
        restore: The object to apply again; None if it belongs to the drill's namespace, which is deleted anyway.
        proof: Conditions that must hold afterwards, all at once.
    """

    path: str
    restore: Mapping[str, Any] | None = None
    proof: tuple[Condition, ...] = ()

    @property
    def name(self) -> str:
        kind, name = self.path.split("/")[-2:]
        return f"delete {kind}/{name}"

    @property
    def blast_radius(self) -> tuple[str, ...]:
        return (self.path,)

    def apply(self, ground: Ground, undo: Undo) -> tuple[Condition, ...]:
        restore = self.restore
        if restore is not None:
            undo.register(f"apply {self.path} again", lambda: ground.kube.apply(restore))
        try:
            ground.kube.delete(self.path, missing_ok=False)
        except NotFound as error:
            raise FaultNotTaken(f"{self.name}: no such object") from error
        return self.proof
