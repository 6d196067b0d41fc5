"""Sample accounting, timings, StorageClass, healing, undo, and what a drill is run with."""

import inspect
import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from tests.unit.drill_world import default_class

from promdrill.core.errors import ClusterError, UsageError
from promdrill.core.journal import Journal
from promdrill.core.model import SampleAccount
from promdrill.drill import Drill, Plan, engine
from promdrill.drill.provision import storage_class
from promdrill.drill.samples import account, total
from promdrill.drill.signature import healed
from promdrill.drill.timings import timings
from promdrill.faults import Undo
from promdrill.observe.conditions import Condition, Kind, Seen
from promdrill.observe.probes import Labels
from promdrill.observe.snapshot import Snapshot

Points = list[tuple[float, float]]


def series(
    *, job: str = "prometheus", every_s: float = 1.0, gaps: tuple[tuple[int, int], ...] = ()
) -> tuple[Labels, Points]:
    """Samples from 0 to 60 s, without those strictly between the ends of a gap."""
    times = [i * every_s for i in range(int(60 / every_s) + 1)]
    kept = [at for at in times if not any(begin < at < end for begin, end in gaps)]
    return frozenset({("job", job), ("instance", "a")}), [(at, 1.0) for at in kept]


def test_no_gap_loses_nothing() -> None:
    (job,) = account(dict([series()]), before_s=20, after_s=58)
    assert (job.gap_s, job.expected, job.stored, job.lost) == (0, 61, 61, 0)


def test_a_gap_is_from_the_last_sample_to_the_first() -> None:
    (job,) = account(dict([series(gaps=((20, 35),))]), before_s=20, after_s=58)
    assert (job.gap_s, job.lost, job.gap_began) == (15, 14, "1970-01-01T00:00:20.000Z")
    assert total((job,)) == SampleAccount(15, 14, (job,))


def test_a_scrape_that_failed_has_stored_no_sample() -> None:
    """As with a sample limit that is too low: `up` is written all the while, and nothing of the target is."""
    labels, points = series()
    failed = [(at, 0.0 if 20 < at < 35 else value) for at, value in points]
    (job,) = account({labels: failed}, before_s=20, after_s=58)
    assert (job.gap_s, job.expected, job.stored, job.lost) == (15, 61, 47, 14)
    assert account({labels: [(at, 0.0) for at, _ in points]}, before_s=20, after_s=58) == (), "never scraped"


def test_jobs_with_intervals_of_their_own() -> None:
    both = dict([series(gaps=((20, 30),)), series(job="nodes", every_s=2, gaps=((20, 34),))])
    nodes, prometheus = account(both, before_s=20, after_s=58)
    assert (nodes.job, nodes.gap_s, nodes.lost) == ("nodes", 14, 6)
    assert (prometheus.gap_s, prometheus.lost) == (10, 9)
    assert total((nodes, prometheus)) == SampleAccount(14, 15, (nodes, prometheus))


def test_late_scrapes_are_no_gap() -> None:
    labels, points = series()
    points[30] = (30.4, 1.0)
    (job,) = account({labels: points}, before_s=20, after_s=58)
    assert (job.gap_s, job.lost) == (0, 0)


@pytest.mark.parametrize("points", [[(at, 1.0) for at in range(30, 60)], [(at, 1.0) for at in range(40)], [], [(1, 1)]])
def test_only_steady_series_count(points: Points) -> None:
    assert account({frozenset({("job", "x")}): points}, before_s=20, after_s=58) == ()


def test_without_steady_series_nothing_is_known() -> None:
    assert total(()) == SampleAccount(None, None)


def test_timings_grow_with_the_profile_and_the_interval() -> None:
    fast, shipped, slow = timings("fast", 1), timings("as-shipped", 1), timings("fast", 60)
    assert shipped.persistence_s > 540 > fast.persistence_s  # back-offs of 80, 160 and 300 s
    assert shipped.stage_s > 90  # ConfigMap sync
    assert slow.recovery_s - fast.recovery_s > 3 * 59
    with pytest.raises(UsageError, match="profile 'slow'"):
        timings("slow", 1)


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
        return Condition(name, Kind.POD, lambda _snapshot: Seen(holds=holds[name], text=name), ())

    over = healed([condition("well")], [condition("ill")], hold_s=3.0)

    def seen(at: float) -> bool:
        return over.judge(cast(Snapshot, SimpleNamespace(at=at))).holds

    assert [seen(at) for at in (10.0, 12.9)] == [False, False]
    holds["ill"] = True
    assert not seen(13.0), "a relapse: it had not healed"
    holds["ill"] = False
    assert [seen(at) for at in (13.5, 16.4, 16.5)] == [False, False, True]
    holds["well"] = False
    assert not seen(20.0)


def test_a_drill_is_run_with_what_a_plan_lists() -> None:
    _, *given = inspect.signature(Drill.run).parameters.values()
    assert given == [*inspect.signature(Plan).parameters.values()]
    assert {parameter.kind for parameter in given} == {inspect.Parameter.KEYWORD_ONLY}
