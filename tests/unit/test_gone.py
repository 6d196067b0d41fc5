"""Waiting until an object is gone, against a scripted API server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from tests.unit.drill_world import FakeClock
from tests.unit.observe_world import change

from promdrill.core.clock import Deadline
from promdrill.core.errors import ClusterError
from promdrill.kube import gone
from promdrill.kube.client import NotFound
from promdrill.kube.gone import wait_until_established, wait_until_gone

CLAIMS = "/api/v1/namespaces/drill-x/persistentvolumeclaims"
PATH = f"{CLAIMS}/data"
DELETED, MODIFIED = change("DELETED", {}), change("MODIFIED", {})
EXPIRED = change("ERROR", {"code": 410})


@dataclass
class Api:
    """An object that is there for so many GETs, and the streams that are watched after them."""

    there: int
    streams: list[list[Any]] = field(default_factory=list)
    clock: FakeClock = field(default_factory=FakeClock)
    budgets_s: list[float] = field(default_factory=list)

    def get(self, path: str) -> dict[str, Any]:
        assert path == PATH
        self.there -= 1
        assert self.there >= -1, "nobody looks for what is gone"
        if self.there < 0:
            raise NotFound(path, 404, "")
        return {"metadata": {"resourceVersion": f"v{self.there}"}}

    def watch(
        self, path: str, *, resource_version: str, stop: threading.Event, timeout_s: float, params: Mapping[str, str]
    ) -> Iterator[Any]:
        assert (path, dict(params)) == (CLAIMS, {"fieldSelector": "metadata.name=data"})
        assert (resource_version, stop.is_set()) == (f"v{self.there}", False)
        self.budgets_s.append(timeout_s)
        for item in self.streams.pop(0):
            if callable(item):
                item()
            else:
                yield item

    def passes(self, seconds: float) -> Callable[[], None]:
        """Time goes by in a stream."""
        return lambda: setattr(self.clock, "now", self.clock.now + seconds)


def wait(api: Api) -> None:
    wait_until_gone(cast(Any, api), PATH, Deadline.after(30, api.clock))


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gone, "_RELIST_S", 0)


def test_gone_at_once() -> None:
    api = Api(there=0)
    wait(api)
    assert api.budgets_s == [], "nothing is watched"


def test_gone_while_it_is_watched() -> None:
    api = Api(there=1, streams=[[MODIFIED, DELETED, MODIFIED]])
    wait(api)
    assert (api.there, api.budgets_s) == (0, [30])


@pytest.mark.parametrize("early", [[], [MODIFIED], [EXPIRED]], ids=["silent", "changed", "expired"])
def test_a_stream_that_ends_early_is_no_answer(early: list[Any]) -> None:
    api = Api(there=2)
    api.streams = [[*early, api.passes(10)], [DELETED]]
    wait(api)
    assert api.budgets_s == [30, 20]


def test_gone_between_two_streams() -> None:
    api = Api(there=1, streams=[[]])
    wait(api)
    assert len(api.budgets_s) == 1


def test_still_there_at_the_deadline() -> None:
    api = Api(there=9)
    api.streams = [[MODIFIED, api.passes(29.5)], [api.passes(1)]]
    with pytest.raises(ClusterError, match="persistentvolumeclaims data is still there after 30 s") as caught:
        wait(api)
    assert caught.value.hint == "kubectl get persistentvolumeclaims data -o yaml"
    assert api.budgets_s == [30, 1], "the last look is a second long, not none"


def test_gone_in_the_last_moment_is_gone() -> None:
    api = Api(there=1)
    api.streams = [[api.passes(60), DELETED]]
    wait(api)


SERVED = {"status": {"conditions": [{"type": "Established", "status": "True"}]}}


@pytest.mark.parametrize(("at_once", "expected"), [(True, 0), (False, 1)])
def test_a_kind_is_waited_for_until_it_is_served(monkeypatch: pytest.MonkeyPatch, at_once: bool, expected: int) -> None:
    api = Api(9, streams=[[change("MODIFIED", {}), change("MODIFIED", SERVED)]])
    if at_once:
        monkeypatch.setattr(Api, "get", lambda _self, _path: {**SERVED, "metadata": {"resourceVersion": "v9"}})
    wait_until_established(cast(Any, api), PATH, Deadline.after(30.0, api.clock))
    assert len(api.budgets_s) == expected


def test_a_kind_that_is_never_served() -> None:
    api = Api(9)
    api.streams = [[api.passes(31.0)]]
    with pytest.raises(ClusterError, match=r"data is not served after 30 s"):
        wait_until_established(cast(Any, api), PATH, Deadline.after(30.0, api.clock))
