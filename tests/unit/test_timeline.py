"""What a drill's events come to: what happened when, and what was seen of pods, volume and samples."""

from __future__ import annotations

import json

import pytest
from tests.unit.html_world import Told, a_drill, ago, condition, container, pod, samples

from promdrill.core import events
from promdrill.core.clock import iso
from promdrill.core.events import (
    Ending,
    Entry,
    FaultApplied,
    FreshnessAsked,
    PhaseBegan,
    PhaseEnded,
    PodGone,
    StageBegan,
    StepBegan,
    Undone,
    UnknownEvent,
    VolumeMeasured,
    WaitBegan,
    WaitDone,
    WaitTimedOut,
    decode,
    encode,
)
from promdrill.core.model import PhaseName
from promdrill.core.records import Misfit
from promdrill.results import words
from promdrill.results.timeline.drill import Gap, Timeline, timelines
from promdrill.results.timeline.lines import phase_line

WAIT = WaitBegan(wanted=("c",), timeout_s=9.0)


def test_no_events_tell_nothing() -> None:
    assert timelines([]) == []
    assert (Timeline().length_s, Timeline().phase, Timeline().step, Timeline().containers) == (0.0, None, None, [])


def test_every_event_survives_its_line() -> None:
    for entry in (*a_drill().entries, *Told().tell(condition("c", "x", holds=True, late_s=0.25)).entries):
        found = decode(encode(entry))
        assert (found.event, iso(found.at), found.t) == (entry.event, iso(entry.at), entry.t)


def test_every_event_has_a_name_of_its_own_and_says_what_its_fields_mean() -> None:
    assert len(set(events.kinds().values())) == len(events.kinds())
    for name, kind in events.kinds().items():
        assert kind.name == name
        fields = getattr(kind, "__dataclass_fields__", {})
        assert kind.__doc__, name
        for field in fields:
            assert f"        {field}: " in kind.__doc__, f"{name}: {field}"


def line(event: str, **fields: object) -> str:
    """A line of a journal."""
    return json.dumps({"at": "2026-01-02T03:04:05Z", "t": 1.0, "event": event, **fields})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (line("phase-begin"), "phase is missing"),
        (line("phase-begin", phase="lunch"), "phase: invalid enum value 'lunch'"),
        (line("wait-done", took_s="soon"), "took_s: expected float, got str"),
        (line("wait-done", took_s=True), "took_s: expected float, got bool"),
        (line("wait-done", took_s=float("inf")), "has Infinity instead of a number"),
        (line("wait", wanted="c", timeout_s=1), "wanted: expected array, got str"),
        (line("alone", at="2026-01-02T03:04:05"), "at: expected datetime with a timezone component"),
        (line("alone", at="noon"), "at: invalid RFC3339 encoded datetime"),
        (line("alone", t=None), "t: expected float, got null"),
    ],
)
def test_fields_of_other_types_are_refused_with_their_place(text: str, why: str) -> None:
    with pytest.raises(Misfit) as refused:
        decode(text)
    assert str(refused.value) == why
    with pytest.raises(UnknownEvent):
        decode(line("lunch"))


def decoded(text: str) -> str:
    """What a line is read as, or why it is refused."""
    try:
        return repr(decode(text))
    except Misfit as refused:
        return f"{type(refused).__name__}: {refused}"


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        *(("wait-done", f'"took_s": {took}') for took in ("1", "1.5", "-0.0", "1e5", "1e-7", "true", '"1"', "null")),
        *(("wait-done", f'"took_s": {took}') for took in ("9007199254740992", "9007199254740993", "1e16", "1e999")),
        *(("alone", f'"more": {more}') for more in ("1e999", "[" * 99 + "]" * 99, "[" * 100 + "]" * 100, '"1e+00"')),
        ("wait-done", '"took_s": 1, "took_s": 2'),
        ("pod-gone", '"pod": "\\u0061", "uid": "97ba0ae4-1e45-42d6"'),
        ("pod-gone", '"pod": "\\ud800", "uid": ""'),
        ("phase-begin", '"phase": "lunch"'),
        ("phase-begin", '"took_s": 1'),
        ("lunch", '"at": 1'),
        ("lunch", '"more": NaN'),
    ],
)
def test_a_line_is_read_alike_whether_it_is_ascii_or_not(event: str, fields: str) -> None:
    begin = f'{{"at": "2026-01-02T03:04:05Z", "t": 1.0, "event": "{event}", {fields}'
    assert decoded(f'{begin}, "new": "e"}}') == decoded(f'{begin}, "new": "\xe9"}}')


def test_phases_faults_stages_and_steps_have_their_times() -> None:
    told = a_drill().timeline()
    assert [(span.name, span.began.s, told.end_s(span)) for span in told.phases][:3] == [
        ("provision", 0.0, 0.0),
        ("baseline", 0.0, 6.0),
        ("inject", 6.0, 7.0),
    ]
    assert [(span.name, span.began.s, told.end_s(span), span.detail) for span in told.faults] == [
        ("fill /data", 6.0, 7.0, "/data/promdrill.fill")
    ]
    assert [(span.began.s, told.end_s(span), span.how) for span in told.stages] == [(7.0, 13.0, Ending.DONE)]
    steps = [(step.line, step.began.s, step.ended and step.ended.s) for step in told.steps]
    assert steps == [(14, 13.0, 13.5), (24, 13.5, 14.0)]
    assert told.length_s == 23.0


def test_what_did_not_end_is_open_until_the_journal_ends() -> None:
    told = Told().tell(PhaseBegan(phase=PhaseName.BASELINE)).tell(FaultApplied(fault="x"), 2.0).tell(WAIT, 3.0)
    found = told.timeline()
    assert [(found.end_s(span), span.ended) for span in (*found.phases, *found.faults)] == [(5.0, None), (5.0, None)]


def test_a_phase_whose_beginning_was_lost_began_when_its_seconds_say() -> None:
    told = Told().tell(PhaseEnded(phase=PhaseName.BASELINE, took_s=2.0), 5.0).timeline()
    assert [(span.name, span.began.s, told.end_s(span)) for span in told.phases] == [("baseline", 3.0, 5.0)]


def test_a_stage_that_was_not_seen_ends_with_its_phase() -> None:
    told = Told().tell(PhaseBegan(phase=PhaseName.SIGNATURE)).tell(StageBegan(stage="x"))
    told.tell(WaitTimedOut(missing=()), 2.0)
    told.tell(PhaseEnded(phase=PhaseName.SIGNATURE, took_s=2.0, ended=Ending.CUT_SHORT)).tell(Undone(what="x"), 9.0)
    found = told.timeline()
    assert [(found.end_s(span), span.how) for span in found.stages] == [(2.0, None)]
    assert [(found.end_s(span), span.how) for span in found.phases] == [(2.0, Ending.CUT_SHORT)]


def test_a_condition_is_drawn_only_while_it_is_judged() -> None:
    told = Told().tell(WAIT).tell(condition("c", "no", holds=False))
    told.tell(condition("c", "yes", holds=True, late_s=0.1), 2.0).tell(WaitDone(took_s=3.0), 1.0)
    told.tell(WAIT, 4.0).tell(condition("c", "no", holds=False))
    told.tell(WaitTimedOut(missing=("c", "never judged")), 3.0)
    (lane,) = told.timeline().lanes.values()
    assert lane.spans == [(0.0, 2.0, False), (2.0, 3.0, True), (7.0, 10.0, False)]
    assert (lane.changes, lane.missing) == ([2.0], True)


def test_what_is_judged_still_lasts_until_the_journal_ends() -> None:
    told = Told().tell(WAIT).tell(condition("c", "no", holds=False)).tell(Undone(what="x"), 4.0).timeline()
    assert told.lanes["c"].until(told.length_s) == [(0.0, 4.0, False)]


def test_pods_are_told_by_their_own_events() -> None:
    told = Told()
    told.tell(pod("p-1", phase="Pending"))
    told.tell(pod("p-1", container("c", "waiting", reason="ContainerCreating"), phase="Pending"), 1.0)
    told.tell(pod("p-1", container("c")), 2.0)
    told.tell(pod("p-1", container("c")), 1.0)
    told.tell(pod("p-1", container("c", "terminated", reason="Error", exit_code=1)), 1.0)
    told.tell(pod("p-1", container("c", "waiting", reason="CrashLoopBackOff", restarts=3)), 1.0)
    told.tell(pod("p-1", container("c", ready=True, image="i:1", restarts=3)), 1.0)
    told.tell(pod("p-1", container("c", ready=True), leaving=True), 1.0)
    told.tell(PodGone(pod="p-1", uid="p-1"), 1.0).tell(Undone(what="x"), 5.0)
    found = told.timeline()
    (lane,) = found.containers
    assert (lane.pod, lane.container, lane.restarts) == ("p-1", "c", 3)
    assert lane.until(found.length_s) == [
        (1.0, 3.0, "wait", "ContainerCreating"),
        (3.0, 5.0, "up", "running, not ready"),
        (5.0, 6.0, "bad", "Error exit code 1"),
        (6.0, 7.0, "bad", "CrashLoopBackOff"),
        (7.0, 8.0, "ready", "ready"),
        (8.0, 9.0, "off", "being deleted"),
    ]
    assert (found.images, found.pods) == ({"c": "i:1"}, {})


def test_a_pod_that_never_had_a_container_is_a_lane_of_its_own() -> None:
    told = Told().tell(pod("p", phase="Pending", reason="Unschedulable")).tell(Undone(what="x"), 4.0).timeline()
    (lane,) = told.containers
    assert (lane.container, lane.until(told.length_s)) == ("", [(0.0, 4.0, "wait", "Unschedulable")])


def test_the_volume_is_told_by_its_events() -> None:
    told = a_drill().tell(VolumeMeasured(path="/data", used_bytes=3, size_bytes=9), 1.0)
    told.tell(VolumeMeasured(path="/data", used_bytes=0, size_bytes=0))
    found = [(fill.when.s, fill.used_bytes, fill.size_bytes) for fill in told.timeline().fills]
    assert found == [(7.0, 236 * 2**20 - 20 * 1024, 236 * 2**20), (24.0, 3, 9)]


def test_stored_samples_place_the_gap() -> None:
    told = a_drill().tell(FreshnessAsked(age_s=0.5)).tell(FreshnessAsked(age_s=None), 1.0)
    told.tell(samples(8.0, 4.0, "shop"))
    found = told.timeline()
    assert [(age.when.s, age.age_s) for age in found.ages] == [(5.0, 0.4), (13.0, 5.5), (23.0, 0.5), (24.0, None)]
    assert found.gaps == [Gap("prometheus", 7.5, 21.5), Gap("shop", 4.0, 12.0)]


def test_without_a_gap_none_is_placed() -> None:
    assert Told().tell(samples(0.0, None)).timeline().gaps == []


def test_only_what_a_condition_quotes_is_remembered_as_a_quote() -> None:
    told = Told().tell(WAIT)
    for number in range(5):
        quoted = events.ConditionChanged(
            condition=f"c{number}", kind="log", holds=True, text=f"line {number}", quotes=True
        )
        told.tell(quoted)
    told.tell(condition("none", "no such line among 3 of c", holds=True, kind="log"))
    assert [quote.text for quote in told.timeline().quotes] == ["line 2", "line 3", "line 4"]


def test_a_step_that_runs_has_no_record() -> None:
    told = Told().tell(StepBegan(file="runbook.md", line=3, section="Diagnosis", command="ls", timeout_s=9.0))
    found = told.timeline()
    assert found.step is not None
    assert (found.step.record, found.ended_steps) == (None, [])


def test_a_moment_before_the_drill_counts_as_its_beginning() -> None:
    (found,) = timelines([Entry(entry.at, entry.t - 5, entry.event) for entry in Told().entries])
    assert [when.s for when, _ in found.entries] == [0.0, 0.0]
    assert ago(0.0) == iso(found.entries[-1][0].at)


@pytest.mark.parametrize(
    ("figure", "text"),
    [(None, "\N{EN DASH}"), (0.04, "0.0 s"), (99.94, "99.9 s"), (185, "3 min 05 s"), (3725, "1 h 02 min")],
)
def test_seconds_are_written_for_people(figure: float | None, text: str) -> None:
    assert words.seconds(figure) == text


def test_a_long_phase_is_written_as_on_the_page() -> None:
    ended = [PhaseEnded(phase=PhaseName.REMEDIATE, took_s=took_s) for took_s in (1.1, 185.0)]
    assert [phase_line(event) for event in ended] == ["remediate        1.1 s", "remediate    3 min 05 s"]


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
