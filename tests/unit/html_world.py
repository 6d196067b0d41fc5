"""Folders of runs for the page: journals of typed events, results beside them, a strict reader of HTML."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Self

from tests.unit.compare_world import drill, run

from promdrill.core.clock import iso
from promdrill.core.events import (
    ConditionChanged,
    ContainerState,
    DrillBegan,
    Entry,
    Event,
    FaultApplied,
    FaultConfirmed,
    FreshnessAsked,
    PhaseBegan,
    PhaseEnded,
    PodChanged,
    PodGone,
    SamplesCounted,
    StageBegan,
    StageSeen,
    StepEnded,
    SupplyChosen,
    VerdictReached,
    VolumeMeasured,
    WaitBegan,
    WaitDone,
    encode,
)
from promdrill.core.model import (
    DrillResult,
    JobSamples,
    PhaseName,
    PhaseRecord,
    RunResult,
    SampleAccount,
    StepRecord,
    Verdict,
)
from promdrill.results.timeline.drill import Timeline, timelines

BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

VOID = frozenset({"wbr", "meta", "link", "br", "hr", "img", "input", "path"})

RUNBOOK = """\
---
id: disk-full
---

# A title

Text with `code` & <b>no markup</b>.

## Diagnosis

1. Look.

   ```sh
   df -h
   ```

   ```console
   ...
   ```

## Mitigation

```sh
grow "$CLAIM"
```
"""
LOOK, GROW = 14, 24
"""Lines of its steps."""


class Told:
    """A journal in the making: each event some seconds after the one before."""

    def __init__(self, scenario: str = "disk-full", control: str | None = None, repetition: int | None = None) -> None:
        self.scenario = scenario
        self.entries: list[Entry] = []
        self.now = 0.5
        self.tell(SupplyChosen(supply="source", why="no registry", kubernetes="1.36.3"))
        self.tell(DrillBegan(scenario=scenario, profile="fast", control=control, repetition=repetition))

    def tell(self, event: Event, after: float = 0.0) -> Self:
        """Add an event `after` seconds."""
        self.now = round(self.now + after, 3)
        self.entries.append(Entry(BEGAN + timedelta(seconds=self.now), self.now, event))
        return self

    def phase(self, name: PhaseName, *inner: tuple[float, Event]) -> Self:
        """A phase with what happens in it."""
        self.tell(PhaseBegan(phase=name))
        began = self.now
        for after, event in inner:
            self.tell(event, after)
        return self.tell(PhaseEnded(phase=name, took_s=round(self.now - began, 3)))

    def text(self) -> str:
        """The file's content."""
        return "".join(encode(entry) + "\n" for entry in self.entries)

    def last_line(self) -> str:
        """The last line of it."""
        return encode(self.entries[-1]) + "\n"

    def timeline(self) -> Timeline:
        """What it tells of its only drill."""
        (found,) = timelines(self.entries)
        return found


def ago(figure: float) -> str:
    """A moment, in seconds since the drill began."""
    return iso(BEGAN + timedelta(seconds=0.5 + figure))


def condition(
    name: str, text: str = "", *, holds: bool, kind: str = "pod", late_s: float | None = None, known: bool = True
) -> ConditionChanged:
    """A condition's news; it changed just now when it is said how late that was known."""
    news = ConditionChanged(condition=name, kind=kind, holds=holds, text=text, known=known)
    return news if late_s is None else replace(news, changed=BEGAN, knew=BEGAN, detected_after_s=late_s)


def pod(name: str, *containers: ContainerState, **fields: Any) -> PodChanged:
    """A pod that runs, its UID the same as its name."""
    return PodChanged(**{"pod": name, "uid": name, "phase": "Running", "containers": containers, **fields})


def container(name: str, state: str = "running", **fields: Any) -> ContainerState:
    """A container's state."""
    return ContainerState(name=name, state=state, **fields)


def step(
    line: int, command: str, *, code: int | None = 0, output: str = "ok\n", section: str = "Diagnosis"
) -> tuple[float, StepEnded]:
    """A step that took 0.5 s."""
    return 0.5, StepEnded(step=StepRecord("runbook.md", line, section, command, code, 0.5, output))


def samples(gap_s: float = 14.0, began_s: float | None = 7.5, job: str = "prometheus") -> SamplesCounted:
    """What a job lost."""
    began = None if began_s is None else ago(began_s)
    return SamplesCounted(samples=JobSamples(job, gap_s, 30, 16, 14, began))


def a_drill(control: str | None = None, scenario: str = "disk-full") -> Told:
    """A drill with some of everything."""
    ready, full = "server pod 2/2", "df: nothing left on /data"
    server, reloader = container("prometheus-server", ready=True), container("reloader", ready=True)
    crashes = container("prometheus-server", "waiting", reason="CrashLoopBackOff", restarts=3)
    told = Told(scenario, control)
    told.phase(PhaseName.PROVISION)
    told.phase(
        PhaseName.BASELINE,
        (0.0, WaitBegan(wanted=(ready,), timeout_s=9.0)),
        (0.0, condition(ready, "no server pod", holds=False)),
        (4.0, pod("prometheus-server-1-a", server, reloader)),
        (0.0, condition(ready, "prometheus-server-1-a 2/2 Running", holds=True, late_s=0.004)),
        (1.0, FreshnessAsked(age_s=0.4)),
        (0.0, condition("fresh", "newest sample is 0.4 s old", holds=True, kind="metric", late_s=0.1)),
        (1.0, WaitDone(took_s=6.0)),
    )
    told.phase(
        PhaseName.INJECT,
        (0.0, FaultApplied(fault="fill /data", blast_radius=("/data/promdrill.fill",))),
        (1.0, VolumeMeasured(path="/data", used_bytes=236 * 2**20 - 20 * 1024, size_bytes=236 * 2**20)),
        (0.0, condition(full, "236 MiB, 20 KiB left", holds=True, kind="volume", late_s=0.2)),
        (0.0, FaultConfirmed(fault="fill /data", by=(full,))),
    )
    told.phase(
        PhaseName.SIGNATURE,
        (0.0, StageBegan(stage="nothing is stored", wanted=("old",))),
        (6.0, FreshnessAsked(age_s=5.5)),
        (0.0, condition("old", "newest sample is 5.5 s old", holds=True, kind="metric", late_s=0.1)),
        (0.0, StageSeen(stage="nothing is stored")),
    )
    told.phase(PhaseName.REMEDIATE, step(LOOK, "df -h"), step(GROW, 'grow "$CLAIM"', section="Mitigation"))
    told.phase(
        PhaseName.RECOVERY,
        (0.0, PodGone(pod="prometheus-server-1-a", uid="prometheus-server-1-a")),
        (0.0, pod("prometheus-server-1-b", crashes, reloader)),
        (0.0, condition(ready, "prometheus-server-1-b 1/2 Running", holds=False)),
        (9.0, samples()),
    )
    return told.phase(PhaseName.UNDO).tell(VerdictReached(verdict=Verdict.PASSED))


def result(**fields: Any) -> DrillResult:
    """A result with phases whose times are moments."""
    phases = tuple(PhaseRecord(name, iso(BEGAN + timedelta(seconds=at)), 1.0) for at, name in enumerate(PhaseName))
    return replace(drill(samples=SampleAccount(14.0, 14)), **{"phases": phases, **fields})


def a_run(folder: Path, *results: DrillResult, journals: Iterable[tuple[str, Told]] = (), **fields: Any) -> Path:
    """The folder of a run: results.json, and a journal in each of these folders."""
    folder.mkdir(parents=True, exist_ok=True)
    made: RunResult = run(*results, **fields)
    (folder / "results.json").write_text(json.dumps(made.to_json()), encoding="utf-8")
    for name, told in journals:
        a_journal(folder / name, told.text())
    return folder


def a_journal(folder: Path, text: str) -> Path:
    """A drill's folder with this journal."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "journal.jsonl").write_text(text, encoding="utf-8")
    return folder


class Page(HTMLParser):
    """Reads a page, and rejects one whose elements are not closed in order.

    Attributes:
        tags: How many of each element.
        ids: Of all elements.
        addresses: Values of all attributes that a browser could ask a network for.
        words: The text outside of scripts and styles.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []
        self.headings: list[int] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, f"not closed: {self._open}"

    @property
    def text(self) -> str:
        """All words."""
        return " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        if tag not in VOID:
            self._open.append(tag)
        if tag[0] == "h" and tag[1:].isdigit():
            self.headings.append(int(tag[1:]))
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in {"href", "src", "srcset", "data", "action", "poster", "xlink:href"}:
                self.addresses.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID, tag
        self.tags[tag] += 1
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src"}]

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag, f"</{tag}> in {self._open}"

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self._open):
            self.words.append(data)
