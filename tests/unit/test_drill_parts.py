"""Timings, StorageClass, healing, undo, and what a drill is run with."""

import inspect
import json
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.drill_world import default_class
from tests.unit.observe_world import AT, said, snapshot

from promdrill.cluster.kind import configuration
from promdrill.core.choices import PROFILES
from promdrill.core.errors import ClusterError, UsageError
from promdrill.core.journal import Journal
from promdrill.drill import Drill, Plan, engine
from promdrill.drill.interrupts import terminable
from promdrill.drill.provision import storage_class
from promdrill.drill.signature import healed
from promdrill.drill.stating import call_test
from promdrill.drill.timings import BACK_OFF_S, FIRST_BACK_OFF_S, timings
from promdrill.faults import Undo
from promdrill.observe.conditions import Condition, Kind, Seen
from promdrill.observe.probes import QueryProbe

PROBE = QueryProbe("s", 80, "up")
STATES = (("well", True), ("ill", False))

KUBELETS_OWN_S = 300
"""The kubelet's longest back-off, where a cluster sets none: MaxContainerBackOff of Kubernetes."""


def test_timings_grow_with_the_profile_and_the_interval() -> None:
    fast, shipped, slow = timings("fast", 1), timings("as-shipped", 1), timings("fast", 60)
    assert shipped.persistence_s > 540 > fast.persistence_s  # back-offs of 80, 160 and 300 s
    assert shipped.stage_s > 90  # ConfigMap sync
    assert slow.recovery_s - fast.recovery_s > 3 * 59
    with pytest.raises(UsageError, match="profile 'slow'"):
        timings("slow", 1)


@pytest.mark.parametrize("profile", PROFILES)
def test_the_back_off_that_recovery_outlasts_is_the_one_of_the_profiles_clusters(profile: str) -> None:
    patches: list[dict[str, Any]] = [
        yaml.safe_load(patch) for patch in configuration(profile, {}).get("kubeadmConfigPatches", ())
    ]
    kubelet = next((p for p in patches if p.get("kind") == "KubeletConfiguration"), {})
    longest = kubelet.get("crashLoopBackOff", {}).get("maxContainerRestartPeriod", f"{KUBELETS_OWN_S}s")
    assert f"{BACK_OFF_S[profile]:g}s" == longest


def test_recovery_holds_for_longer_than_a_crash_loops_back_off() -> None:
    assert timings("fast", 1).recovery_hold_s > BACK_OFF_S["fast"]
    shipped = timings("as-shipped", 1)
    assert FIRST_BACK_OFF_S < shipped.recovery_hold_s < 60, "five minutes in every drill would be too much"


def test_the_class_is_a_copy_and_not_the_default() -> None:
    other = {"metadata": {"name": "other"}, "provisioner": "none"}
    copy = storage_class([other, default_class()], "drill-x", {"allowVolumeExpansion": False, "parameters": {"a": "b"}})
    assert copy["metadata"]["name"] == "drill-x"
    assert copy["metadata"]["annotations"] == {"kept": "yes"}
    assert copy["provisioner"] == "rancher.io/local-path"
    assert copy["volumeBindingMode"] == "WaitForFirstConsumer"
    assert copy["allowVolumeExpansion"] is False
    assert copy["parameters"] == {"a": "b"}
    with pytest.raises(ClusterError, match="no StorageClass is named standard"):
        storage_class([other], "drill-x", {})


def test_what_goes_with_something_that_is_removed_is_not_taken_back_before(tmp_path: Path) -> None:
    done: list[str] = []
    with Journal(tmp_path / "journal.jsonl") as journal:
        undo = Undo(journal)
        undo.register("edit of another", lambda: done.append("other"), within="another")
        undo.register("uninstall", lambda: done.append("uninstall"), ends="the release")
        undo.register("take back: a", lambda: done.append("a"), within="the release")
        undo.register("remove a file", lambda: done.append("file"))
        assert undo.run() is None
        undo.register("take back: b", lambda: done.append("b"), within="the release")
        assert undo.run() is None
    assert done == ["file", "uninstall", "other", "b"], "b: nothing removes the release any more"
    lines = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    assert [line["what"] for line in lines if line["event"] == "undo"] == [
        "remove a file",
        "take back: a: goes with the release",
        "uninstall",
        "edit of another",
        "take back: b",
    ]


def test_what_goes_with_something_that_nothing_removes_is_taken_back(tmp_path: Path) -> None:
    done: list[str] = []
    with Journal(tmp_path / "journal.jsonl") as journal:
        undo = Undo(journal)
        undo.register("uninstall", lambda: done.append("uninstall"), ends="the release")
        undo.register("edit of another", lambda: done.append("other"), within="another")
        assert undo.run() is None
    assert done == ["other", "uninstall"]


def test_a_hint_ends_a_sentence_once() -> None:
    assert engine._ending_with("", "it failed") == "it failed"
    assert engine._ending_with("wait", "it failed") == "it failed; wait"
    assert engine._ending_with("wait", "it failed; wait") == "it failed; wait"


def test_undo_is_newest_first_and_once(tmp_path: Path) -> None:
    done: list[int] = []
    with Journal(tmp_path / "journal.jsonl") as journal:
        undo = Undo(journal)
        for number in (1, 2, 3):
            undo.register(f"act {number}", lambda n=number: done.append(n))  # type: ignore[misc]
        assert undo.run() is None
        assert undo.run() is None
    assert done == [3, 2, 1]


def test_an_interrupted_undo_does_the_rest_and_says_so(tmp_path: Path) -> None:
    done: list[int] = []

    def interrupted() -> None:
        raise KeyboardInterrupt

    with Journal(tmp_path / "journal.jsonl") as journal:
        undo = Undo(journal)
        undo.register("first", lambda: done.append(1))
        undo.register("cut short", interrupted)
        assert isinstance(undo.run(), KeyboardInterrupt)
    assert done == [1]


def test_healed_only_when_the_baseline_held_as_long_as_any_other() -> None:
    holds = {"well": True, "ill": False}

    def condition(name: str) -> Condition:
        return Condition(name, Kind.POD, lambda _snapshot: Seen(holds=holds[name], text=name), (PROBE,))

    over = healed([condition("well")], [condition("ill")], hold_s=3.0)

    def seen(at: float, asked: float = 20.0) -> bool:
        return over.judge(snapshot(at=at, answers={PROBE: said(200, at_s=asked - AT)})).holds

    assert [seen(at) for at in (10.0, 12.9)] == [False, False]
    holds["ill"] = True
    assert not seen(13.0), "a relapse: it had not healed"
    holds["ill"] = False
    assert [seen(at) for at in (13.5, 16.4)] == [False, False]
    assert not seen(17.0, asked=16.4), "what was asked before the three seconds were over says nothing about their end"
    assert seen(17.0, asked=16.5)
    holds["well"] = False
    assert not seen(20.0)


def _always(name: str, holds: bool) -> Condition:
    return Condition(name, Kind.POD, lambda _: Seen(holds=holds, text=""))


def test_healed_as_soon_as_the_baseline_held_for_its_whole_time() -> None:
    well, ill = (_always(name, holds) for name, holds in STATES)
    over = healed([well], [ill], hold_s=3.0)
    assert [over.judge(snapshot(at=at)).holds for at in (10.0, 13.0)] == [False, True]


def test_the_test_of_another_scenario_is_called_as_pytest_would_and_leaves_nothing(tmp_path: Path) -> None:
    scenario = tmp_path / "my-toy"
    scenario.mkdir()
    text = "from pathlib import Path\n\n\ndef test_my_toy(drill):\n    drill.append(Path(__file__).name)\n"
    (scenario / "test_my_toy.py").write_text(text)
    seen: list[str] = []
    for former in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "dont_write_bytecode", former)
            call_test(scenario, seen)
            assert sys.dont_write_bytecode is former
    assert seen == ["test_my_toy.py"] * 2
    assert [each.name for each in scenario.iterdir()] == ["test_my_toy.py"]


def test_a_signal_is_left_to_the_main_thread() -> None:
    before = signal.getsignal(signal.SIGTERM)
    within: list[object] = []

    def work() -> None:
        with terminable():
            within.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert within == [before]


def test_a_drill_is_run_with_what_a_plan_lists() -> None:
    _, *given = inspect.signature(Drill.run).parameters.values()
    assert given == [*inspect.signature(Plan).parameters.values()]
    assert {parameter.kind for parameter in given} == {inspect.Parameter.KEYWORD_ONLY}
