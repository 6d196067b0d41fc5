"""A kind cluster that somebody else made, with an API server that keeps objects, in the engine of `cluster_world`.

The administrator may do anything there. An account may do what its Role says, as Kubernetes reads it.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest
import yaml
from tests.unit.cluster_world import CLASSES, Engine, engine

from promdrill.cluster import adoption
from promdrill.kube import client
from promdrill.kube.client import Answer, ApiError, NotFound, object_path
from promdrill.kube.expected import PLACE, Expected

NAME = "theirs"
SERVER = "https://127.0.0.1:7443"
IMAGES = ("quay.io/prometheus/prometheus:v2.48.0", "quay.io/prometheus-operator/prometheus-config-reloader:v0.69.1")
SPACES = "/api/v1/namespaces"


def claimed(namespace: str) -> dict[str, Any]:
    """A volume of a claim in a namespace."""
    spec = {"claimRef": {"namespace": namespace, "name": "data"}}
    return {"metadata": {"name": f"pvc-{namespace}", "uid": "v"}, "spec": spec}


@dataclass
class Theirs:
    """The API server.

    Attributes:
        objects: What it has, by path.
        done: Every change, in words.
        before: Called before a change, with its words; may raise.
        stays: Paths of what does not disappear when it is deleted.
    """

    engine: Engine
    container: str
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    before: Callable[[str], None] = lambda _what: None
    stays: set[str] = field(default_factory=set)
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def namespaces(self) -> set[str]:
        """Names of its namespaces."""
        return {name for path in self.objects if (name := path.removeprefix(f"{SPACES}/")) != path and "/" not in name}

    def change(self, what: str) -> None:
        """Note a change, unless it is refused."""
        self.before(what)
        self.done.append(what)

    def kube(self, kubeconfig: Path, *, expected: Expected | None = None) -> Any:
        """In the place of `promdrill.kube.client.Kube`."""
        return _Asked(self, kubeconfig, expected)

    def put(self, path: str, obj: Mapping[str, Any]) -> dict[str, Any]:
        """Keep an object."""
        metadata = {**obj["metadata"], "uid": f"uid-{next(self.numbers)}", "resourceVersion": "1"}
        self.objects[path] = {**obj, "metadata": metadata}
        return self.objects[path]


@dataclass
class _Asked:
    theirs: Theirs
    kubeconfig: Path
    expected: Expected | None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def require_expected(self) -> None:
        assert self.expected is not None, "a change, and nothing says which cluster it must be"
        self.expected.require(self.kubeconfig, self.get)

    def get(self, path: str, *, timeout_s: float = 10) -> dict[str, Any]:
        assert timeout_s > 0
        leads_to = yaml.safe_load(self.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
        assert leads_to == SERVER
        if path == "/version":
            return {"gitVersion": "v1.33.1"}
        if path in ("/api/v1/persistentvolumes", "/api/v1/nodes", "/apis/storage.k8s.io/v1/storageclasses"):
            return {"items": [obj for at, obj in self.theirs.objects.items() if at.startswith(f"{path}/")]}
        if path not in self.theirs.objects:
            raise NotFound(path, 404, "")
        return self.theirs.objects[path]

    def create(self, obj: dict[str, Any]) -> dict[str, Any]:
        self.require_expected()
        path = object_path(obj)
        if path in self.theirs.objects:
            raise ApiError(path, 409, json.dumps({"reason": "AlreadyExists"}))
        self.theirs.change(f"create {path}")
        return self.theirs.put(path, obj)

    def request(self, method: str, path: str, *, body: Any) -> Answer:
        self.require_expected()
        assert (method, body["kind"]) == ("POST", "TokenRequest")
        assert path.removesuffix("/token") in self.theirs.objects
        return Answer(201, json.dumps({"status": {"token": f"token of {path}"}}), 0.0)

    def delete(self, path: str, *, uid: str) -> None:
        self.require_expected()
        assert uid == self.theirs.objects[path]["metadata"]["uid"], "the API server refuses another UID"
        self.theirs.change(f"delete {path}")
        self.theirs.objects[path]["metadata"]["deletionTimestamp"] = "now"

    def watch(self, path: str, *, params: Mapping[str, str], **_: object) -> Iterator[dict[str, Any]]:
        """What is being deleted is gone as soon as somebody waits for it; a volume goes with its namespace."""
        name = params["fieldSelector"].removeprefix("metadata.name=")
        gone, within = f"{path}/{name}", f"/namespaces/{name}/"
        if gone in self.theirs.stays:
            return
        for each in [at for at in self.theirs.objects if at == gone or (path == SPACES and within in at)]:
            del self.theirs.objects[each]
        yield {"type": "DELETED"}


@pytest.fixture
def theirs(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Theirs:
    """The cluster, with objects of its own."""
    made = Theirs(engine, engine.add(NAME))
    engine.servers[NAME] = SERVER
    monkeypatch.setattr(client, "Kube", made.kube)
    monkeypatch.setattr(adoption, "GONE_S", 0.01)
    made.put(PLACE, {"metadata": {"name": "kube-system"}})
    made.put(f"{SPACES}/shop", {"metadata": {"name": "shop"}})
    made.put("/api/v1/persistentvolumes/pvc-shop", claimed("shop"))
    (standard,) = CLASSES["items"]
    made.put("/apis/storage.k8s.io/v1/storageclasses/standard", {**standard, "reclaimPolicy": "Delete"})
    images = [{"names": [f"{each.partition(':')[0]}@sha256:{'0' * 64}", each]} for each in IMAGES]
    made.put("/api/v1/nodes/theirs-control-plane",
             {"metadata": {"name": "theirs-control-plane"}, "status": {"images": images}})  # fmt: skip
    return made


__all__ = ["engine"]
