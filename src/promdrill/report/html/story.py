"""What a journal says happened, when: moments are seconds since the drill began."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from promdrill.report.html.journal import Entry

WAIT_ENDS = frozenset({"wait-done", "wait-timeout", "wait-failed", "wait"})
"""Events after which the conditions of the wait before are judged no longer."""


@dataclass(frozen=True, slots=True)
class Span:
    """Something with a beginning and an end.

    Attributes:
        name: What it is.
        start_s: When it began.
        end_s: When it ended; where the journal ends, if it was not seen to end.
        ended: ``done``, ``cut short``, or ``open`` when the journal does not tell.
        detail: More about it, for a person.
    """

    name: str
    start_s: float
    end_s: float
    ended: str = "done"
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A runbook step as it was run; fields as in the journal's ``step``.

    Attributes:
        file: The runbook.
        line: Of its first command.
        section: The runbook's section.
        command: Its commands.
        exit_code: None when it was ended at its deadline.
        output: What it printed.
        start_s: When it began.
        end_s: When it ended.
    """

    file: str
    line: int
    section: str
    command: str
    exit_code: int | None
    output: str
    start_s: float
    end_s: float


@dataclass(slots=True)
class Lane:
    """A condition over time.

    Attributes:
        name: Of the condition.
        kind: What it looks at.
        spans: (start, end, whether it held) while it was judged.
        seen: When changes were detected.
        missing: Whether a wait ended because it did not hold.
    """

    name: str
    kind: str
    spans: list[tuple[float, float, bool]] = field(default_factory=list)
    seen: list[float] = field(default_factory=list)
    missing: bool = False


@dataclass(slots=True)
class Story:
    """One drill.

    Attributes:
        began: UTC, ISO 8601; empty without a journal.
        length_s: Seconds up to the journal's last entry.
        zero_s: The journal's own time at which the drill began.
        phases: Those entered.
        faults: What was broken on purpose, from being applied to being confirmed.
        stages: Of the signature, and those after recovery.
        steps: Of the runbook.
        lanes: Conditions, in the order in which they were first judged.
        entries: All of the journal.
    """

    began: str = ""
    length_s: float = 0.0
    zero_s: float = 0.0
    phases: list[Span] = field(default_factory=list)
    faults: list[Span] = field(default_factory=list)
    stages: list[Span] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    lanes: list[Lane] = field(default_factory=list)
    entries: tuple[Entry, ...] = ()

    def first(self, event: str) -> Entry | None:
        """The first entry of a kind; None without any."""
        return next((entry for entry in self.entries if entry.event == event), None)

    def time(self, entry: Entry) -> float:
        """When an entry was written."""
        return max(0.0, entry.t - self.zero_s)


def tell(entries: Sequence[Entry]) -> Story:
    """The story of one drill's entries."""
    begun = next((entry for entry in entries if entry.event == "drill-begin"), entries[0] if entries else None)
    if begun is None:
        return Story()
    story = Story(began=begun.at, zero_s=begun.t, entries=tuple(entries))
    story.length_s = max(story.time(entry) for entry in entries)
    story.phases = _spans(story, "phase-begin", "phase-end", "phase")
    story.faults = _spans(story, "fault", "fault-confirmed", "fault")
    story.stages = _spans(story, "stage-begin", "stage-seen", "stage")
    story.steps = [_step(story, entry) for entry in entries if entry.event == "step"]
    story.lanes = _lanes(story)
    return story


def _spans(story: Story, begin: str, end: str, named: str) -> list[Span]:
    """What has an entry when it begins and another when it ends; none of them overlap."""
    found: list[Span] = []
    for entry in story.entries:
        now, name = story.time(entry), entry.text(named)
        if entry.event == begin:
            detail = ", ".join(str(item) for item in entry.items("blast_radius"))
            found.append(Span(name, now, story.length_s, "open", detail))
        elif entry.event == end and found and found[-1].name == name and found[-1].ended == "open":
            span = found[-1]
            found[-1] = Span(name, span.start_s, now, entry.text("ended") or "done", span.detail)
    return _closed(found, story)


def _closed(found: list[Span], story: Story) -> list[Span]:
    """What was not seen to end ends at the latest with the phase in which it began."""
    ends = [story.time(entry) for entry in story.entries if entry.event == "phase-end"]
    out = []
    for span in found:
        end_s = span.end_s
        if span.ended == "open":
            end_s = next((end for end in ends if end >= span.start_s), end_s)
        out.append(Span(span.name, span.start_s, end_s, span.ended, span.detail))
    return out


def _step(story: Story, entry: Entry) -> Step:
    end_s = story.time(entry)
    code = entry.number("exit_code")
    return Step(
        file=entry.text("file"),
        line=int(entry.number("line") or 0),
        section=entry.text("section"),
        command=entry.text("command"),
        exit_code=None if code is None else int(code),
        output=entry.text("output"),
        start_s=max(0.0, end_s - (entry.number("took_s") or 0.0)),
        end_s=end_s,
    )


def _lanes(story: Story) -> list[Lane]:
    lanes: dict[str, Lane] = {}
    judged: dict[str, tuple[float, bool]] = {}

    def close(now: float) -> None:
        for name, (since, holds) in judged.items():
            lanes[name].spans.append((since, now, holds))
        judged.clear()

    for entry in story.entries:
        now = story.time(entry)
        if entry.event in WAIT_ENDS or entry.event == "phase-end":
            close(now)
            for name in entry.items("missing"):
                if name in lanes:
                    lanes[name].missing = True
        elif entry.event == "condition":
            name = entry.text("name")
            lane = lanes.setdefault(name, Lane(name, entry.text("kind")))
            if name in judged:
                lane.spans.append((judged[name][0], now, judged[name][1]))
            judged[name] = (now, entry.fields.get("holds") is True)
            if entry.text("changed"):
                lane.seen.append(now)
    close(story.length_s)
    return list(lanes.values())
