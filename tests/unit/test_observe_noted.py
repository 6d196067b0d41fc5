"""What the journal is told of pods, of a volume's fill and of the newest sample's age, for a report to draw."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from promdrill.core.clock import SYSTEM
from promdrill.core.events import ContainerState, Event, FreshnessAsked, PodChanged, PodGone, VolumeMeasured
from promdrill.observe.noted import Notes
from promdrill.observe.probes import AGE_QUERY, ExecProbe, Probe, ProbeAnswer, QueryProbe

Told = list[Event]


@pytest.fixture
def told() -> Told:
    return []


@pytest.fixture
def notes(told: Told) -> Notes:
    return Notes(told.append)


def pod(uid: str, *, ready: bool = True, resource_version: str = "1") -> dict[str, Any]:
    state = {"running": {}} if ready else {"waiting": {"reason": "CrashLoopBackOff"}}
    status = {"name": "server", "state": state, "ready": ready, "restartCount": 2, "image": "prometheus:v2.48.0"}
    return {
        "metadata": {"name": f"pod-{uid}", "uid": uid, "resourceVersion": resource_version},
        "status": {"phase": "Running", "containerStatuses": [status]},
    }


def answer(probe: Probe, text: str, status: int) -> tuple[Probe, ProbeAnswer]:
    return probe, ProbeAnswer(0.0, 0.0, SYSTEM.utc(), status, text)


def test_a_pod_is_told_when_it_changed(notes: Notes, told: Told) -> None:
    notes.pod(pod("a"))
    notes.pod(pod("a", resource_version="2"))
    notes.pod(pod("a", ready=False))
    runs = ContainerState(name="server", state="running", ready=True, restarts=2, image="prometheus:v2.48.0")
    crashes = replace(runs, state="waiting", reason="CrashLoopBackOff", ready=False)
    assert told == [
        PodChanged(pod="pod-a", uid="a", phase="Running", containers=(runs,)),
        PodChanged(pod="pod-a", uid="a", phase="Running", containers=(crashes,)),
    ]


def test_a_pod_that_leaves_says_why_it_and_its_container_ended(notes: Notes, told: Told) -> None:
    ended = {"name": "server", "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}
    metadata = {"name": "p", "uid": "a", "deletionTimestamp": "now"}
    status = {"phase": "Failed", "reason": "Evicted", "containerStatuses": [ended]}
    notes.pod({"metadata": metadata, "status": status})
    container = ContainerState(
        name="server", state="terminated", reason="OOMKilled", exit_code=137, ready=False, restarts=0, image=None
    )
    evicted = PodChanged(pod="p", uid="a", phase="Failed", reason="Evicted", leaving=True, containers=(container,))
    assert told == [evicted]


def test_a_pod_that_is_gone_is_told_once(notes: Notes, told: Told) -> None:
    notes.pods([pod("a"), pod("b")])
    del told[:]
    notes.pods([pod("b")])
    notes.gone(pod("b"))
    notes.gone(pod("b"))
    assert told == [PodGone(pod="pod-a", uid="a"), PodGone(pod="pod-b", uid="b")]


def test_a_volume_is_told_when_its_fill_changed(notes: Notes, told: Told) -> None:
    df = ExecProbe("pod-a", "server", ("df", "-kP", "/data"))
    text = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/loop1 1000 600 {} 60% /data\n"
    for left in (400, 400, 0):
        notes.answer(*answer(df, text.format(left), 0))
    notes.answer(*answer(df, "no such file", 1))
    notes.answer(*answer(df, "", 0))
    notes.answer(*answer(df, text.format(300), 1))
    notes.answer(*answer(ExecProbe("pod-a", "server", ("cat", "/data/df.txt")), text.format(200), 0))
    assert told == [VolumeMeasured(path="/data", size_bytes=1024000, used_bytes=used) for used in (614400, 1024000)]


def test_the_age_of_the_newest_sample(notes: Notes, told: Told) -> None:
    age = QueryProbe("prometheus", 80, AGE_QUERY)
    one = '{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"0.4321"]}]}}'
    two, late = (
        one.replace("}]}}", f'}},{{"metric":{{"job":"b"}},"value":[1,"{age_s}"]}}]}}}}') for age_s in (9, -0.2)
    )
    none = '{"status":"success","data":{"resultType":"vector","result":[]}}'
    notes.answer(*answer(age, one, 200))
    notes.answer(*answer(age, none, 200))
    notes.answer(*answer(age, two, 200))
    notes.answer(*answer(age, late, 200))
    notes.answer(*answer(QueryProbe("prometheus", 80, "up"), one, 200))
    notes.answer(*answer(replace(age, at_s=5.0), one, 200))
    assert told == [FreshnessAsked(age_s=age_s) for age_s in (0.432, None, 0.432, 0.0)]
