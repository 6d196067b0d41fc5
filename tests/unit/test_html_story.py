"""What the journal says happened when, and what was seen of pods, volume and samples."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.unit.html_world import BEGAN, Told, a_drill, condition

from promdrill.core.clock import iso
from promdrill.report.html import sightings, words
from promdrill.report.html.journal import Entry
from promdrill.report.html.story import Story, tell


def story(told: Told) -> Story:
    """The story of a journal."""
    return tell([Entry(line["t"], line["at"], line["event"], line) for line in told.lines])


def ago(figure: float) -> str:
    """A moment, in seconds since the drill began."""
    return iso(BEGAN + timedelta(seconds=0.5 + figure))


def container(name: str, state: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "state": state, "ready": False, "restarts": 0, **fields}


def test_an_empty_journal_tells_nothing() -> None:
    assert tell([]) == Story()


def test_phases_faults_stages_and_steps_have_their_times() -> None:
    told = story(a_drill())
    assert [(span.name, span.start_s, span.end_s) for span in told.phases][:3] == [
        ("provision", 0.0, 0.0),
        ("baseline", 0.0, 6.0),
        ("inject", 6.0, 7.0),
    ]
    assert [(span.name, span.start_s, span.end_s, span.detail) for span in told.faults] == [
        ("fill /data", 6.0, 7.0, "/data/promdrill.fill")
    ]
    assert [(span.start_s, span.end_s, span.ended) for span in told.stages] == [(7.0, 13.0, "done")]
    assert [(step.line, step.start_s, step.end_s) for step in told.steps] == [(14, 13.0, 13.5), (24, 13.5, 14.0)]
    assert told.length_s == 23.0


def test_what_did_not_end_is_open_until_the_journal_ends() -> None:
    told = Told().note("phase-begin", phase="baseline").note("fault", 2.0, fault="x").note("wait", 3.0)
    found = story(told)
    assert [(span.end_s, span.ended) for span in (*found.phases, *found.faults)] == [(5.0, "open"), (5.0, "open")]


def test_a_stage_that_was_not_seen_ends_with_its_phase() -> None:
    told = Told().note("phase-begin", phase="signature").note("stage-begin", stage="x").note("wait-timeout", 2.0)
    told.note("phase-end", 0.0, phase="signature", took_s=2.0, ended="cut short").note("undo", 9.0)
    found = story(told)
    assert [(span.end_s, span.ended) for span in found.stages] == [(2.0, "open")]
    assert [(span.end_s, span.ended) for span in found.phases] == [(2.0, "cut short")]


def test_a_condition_is_drawn_only_while_it_is_judged() -> None:
    told = Told().note("wait").note("condition", **condition("c", "no", holds=False))
    told.note("condition", 2.0, **condition("c", "yes", holds=True, late_s=0.1)).note("wait-done", 1.0)
    told.note("wait", 4.0).note("condition", **condition("c", "no", holds=False))
    told.note("wait-timeout", 3.0, missing=["c", "never judged"])
    (lane,) = story(told).lanes
    assert lane.spans == [(0.0, 2.0, False), (2.0, 3.0, True), (7.0, 10.0, False)]
    assert (lane.seen, lane.missing) == ([2.0], True)


def test_pods_are_told_by_their_own_entries() -> None:
    told = Told()
    told.note("pod", pod="p-1", uid="u", phase="Pending", containers=[])
    told.note(
        "pod",
        1.0,
        pod="p-1",
        uid="u",
        phase="Pending",
        containers=[container("c", "waiting", reason="ContainerCreating")],
    )
    told.note("pod", 2.0, pod="p-1", uid="u", phase="Running", containers=[container("c", "running")])
    told.note("pod", 1.0, pod="p-1", uid="u", phase="Running", containers=[container("c", "running")])
    told.note(
        "pod",
        1.0,
        pod="p-1",
        uid="u",
        phase="Running",
        containers=[container("c", "terminated", reason="Error", exit_code=1)],
    )
    told.note(
        "pod", 1.0, pod="p-1", uid="u", containers=[container("c", "waiting", reason="CrashLoopBackOff", restarts=3)]
    )
    told.note(
        "pod", 1.0, pod="p-1", uid="u", containers=[container("c", "running", ready=True, image="i:1", restarts=3)]
    )
    told.note("pod", 1.0, pod="p-1", uid="u", leaving=True, containers=[container("c", "running", ready=True)])
    told.note("pod", 1.0, pod="p-1", uid="u", gone=True).note("undo", 5.0)
    (lane,) = sightings.pods(story(told))
    assert (lane.pod, lane.container, lane.restarts, lane.exact) == ("p-1", "c", 3, True)
    assert lane.spans == [
        (1.0, 3.0, "wait", "ContainerCreating"),
        (3.0, 5.0, "up", "running, not ready"),
        (5.0, 6.0, "bad", "Error exit code 1"),
        (6.0, 7.0, "bad", "CrashLoopBackOff"),
        (7.0, 8.0, "ready", "ready"),
        (8.0, 9.0, "off", "being deleted"),
    ]
    assert sightings.images(story(told)) == {"c": "i:1"}


def test_a_pod_that_never_had_a_container_is_a_lane_of_its_own() -> None:
    told = (
        Told().note("pod", pod="p", uid="u", phase="Pending", reason="Unschedulable", containers=[]).note("undo", 4.0)
    )
    (lane,) = sightings.pods(story(told))
    assert (lane.container, lane.spans) == ("", [(0.0, 4.0, "wait", "Unschedulable")])


def test_an_older_journal_tells_of_pods_in_words() -> None:
    lanes = sightings.pods(story(a_drill()))
    assert [(lane.pod, lane.restarts, lane.exact) for lane in lanes] == [
        ("prometheus-server-1-a", 0, False),
        ("prometheus-server-1-b", 3, False),
    ]
    assert [span[2] for lane in lanes for span in lane.spans] == ["ready", "bad"]


def test_the_volume_is_told_by_its_entries_else_in_words() -> None:
    assert sightings.volume(story(a_drill())) == ([sightings.Fill(7.0, 236 * 2**20 - 20 * 1024, 236 * 2**20)], False)
    told = a_drill().note("volume", 1.0, path="/data", used_bytes=3, size_bytes=9).note("volume", size_bytes=0)
    assert sightings.volume(story(told)) == ([sightings.Fill(24.0, 3.0, 9.0)], True)


def test_the_gap_is_placed_by_the_oldest_age() -> None:
    found = sightings.samples(story(a_drill()))
    assert found.ages == ((5.0, 0.4), (13.0, 5.5))
    assert found.gaps == (sightings.Gap("", 7.5, 21.5, exact=False),)
    assert not found.exact


@pytest.mark.parametrize("gap_s", [0.0, 2.0, 99.0])
def test_a_gap_that_does_not_fit_is_not_placed(gap_s: float) -> None:
    told = a_drill()
    for line in told.lines:
        if line["event"] == "samples":
            line["gap_s"] = gap_s
    assert sightings.samples(story(told)).gaps == ()


def test_stored_samples_place_the_gap() -> None:
    told = a_drill().note("freshness", age_s=0.5).note("freshness", 1.0, age_s=None)
    told.note("samples", job="shop", gap_s=8.0, runs=[[ago(1), ago(4)], [ago(12), ago(20)], ["x", "y"], 3])
    found = sightings.samples(story(told))
    assert found.ages == ((23.0, 0.5),)
    assert found.exact
    assert found.gaps == (sightings.Gap("shop", 4.0, 12.0),)


@pytest.mark.parametrize(
    ("figure", "text"),
    [(None, "\N{EN DASH}"), (0.04, "0.0 s"), (99.94, "99.9 s"), (185, "3 min 05 s"), (3725, "1 h 02 min")],
)
def test_seconds_are_written_for_people(figure: float | None, text: str) -> None:
    assert words.seconds(figure) == text


def test_other_figures_are_written_for_people() -> None:
    assert [words.offset(figure) for figure in (-1, 7.44, 59.96, 75)] == ["0:00.0", "0:07.4", "1:00.0", "1:15.0"]
    assert [words.delay(figure) for figure in (None, 0.0035, 1.24)] == ["\N{EN DASH}", "4 ms", "1.2 s"]
    assert [words.size(figure) for figure in (12, 2**20 * 236, 2**30 * 1.95)] == ["12 B", "236 MiB", "1.95 GiB"]
    assert words.when("2026-01-02T03:04:05.678Z") == "2026-01-02 03:04:05 UTC"
    assert (words.when("soon"), words.when(None)) == ("soon", "\N{EN DASH}")
    assert words.between("2026-01-02T03:04:05Z", "2026-01-02T03:04:06.500Z") == 1.5
    assert words.between("2026-01-02T03:04:05Z", None) is None
    assert words.between("2026-01-02", "2026-01-02T03:04:06Z") is None


def test_a_long_text_is_cut_in_its_middle_and_says_so() -> None:
    text = "".join(f"line {number}\n" for number in range(100))
    found = words.cut(text, 60)
    assert found.startswith("line 0\n")
    assert found.endswith("line 99\n")
    left = len(text) - sum(len(line) + 1 for line in found.splitlines() if line.startswith("line"))
    assert f"[… {left} characters left out; journal.jsonl has them …]" in found
    assert words.cut("short", 60) == "short"
