"""Folders of runs for the page: journals in the words of the engine, results beside them, a strict reader of HTML."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from tests.unit.compare_world import drill, run

from promdrill.core.clock import iso
from promdrill.core.model import (
    DrillResult,
    PhaseName,
    PhaseRecord,
    RunResult,
    SampleAccount,
)

BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

VOID = frozenset({"meta", "link", "br", "hr", "img", "input", "path"})

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
    """A journal in the making: each entry some seconds after the one before."""

    def __init__(self, scenario: str = "disk-full", control: str | None = None) -> None:
        self.lines: list[dict[str, Any]] = []
        self.now = 0.5
        self.note("supplied", supply="source", why="no registry", kubernetes="1.36.3")
        self.note("drill-begin", scenario=scenario, profile="fast", control=control)

    def note(self, event: str, after: float = 0.0, **fields: Any) -> Told:
        """Add an entry `after` seconds."""
        self.now = round(self.now + after, 3)
        self.lines.append({"at": iso(BEGAN + timedelta(seconds=self.now)), "t": self.now, "event": event, **fields})
        return self

    def phase(self, name: str, *inner: tuple[float, str, dict[str, Any]]) -> Told:
        """A phase with what happens in it."""
        self.note("phase-begin", phase=name)
        began = self.now
        for after, event, fields in inner:
            self.note(event, after, **fields)
        return self.note("phase-end", phase=name, took_s=round(self.now - began, 3), ended="done")

    def text(self) -> str:
        """The file's content."""
        return "".join(json.dumps(line) + "\n" for line in self.lines)


def condition(name: str, text: str, *, holds: bool, kind: str = "pod", late_s: float | None = None) -> dict[str, Any]:
    """Fields of a condition; it changed just now when it is said how late that was known."""
    seen = {} if late_s is None else {"changed": iso(BEGAN), "knew": iso(BEGAN), "detected_after_s": late_s}
    return {"name": name, "kind": kind, "holds": holds, "text": text, **seen}


def step(line: int, command: str, *, code: int | None = 0, output: str = "ok\n", section: str = "Diagnosis") -> Any:
    """A step that took 0.5 s."""
    fields = {"file": "runbook.md", "line": line, "section": section, "command": command}
    return (0.5, "step", {**fields, "exit_code": code, "took_s": 0.5, "output": output})


def a_drill(control: str | None = None, scenario: str = "disk-full") -> Told:
    """A drill with some of everything, as journals were before they had entries for pods, volume and freshness."""
    wait = {"wanted": ["server pod 2/2"], "timeout_s": 9.0, "hold_s": 0.0}
    pod, full = "server pod 2/2", "df: nothing left on /data"
    told = Told(scenario, control)
    told.phase("provision")
    told.phase(
        "baseline",
        (0.0, "wait", wait),
        (0.0, "condition", condition(pod, "no server pod", holds=False)),
        (4.0, "condition", condition(pod, "prometheus-server-1-a 2/2 Running", holds=True, late_s=0.004)),
        (1.0, "condition", condition("fresh", "newest sample is 0.4 s old", holds=True, kind="metric", late_s=0.1)),
        (1.0, "wait-done", {"took_s": 6.0}),
    )
    told.phase(
        "inject",
        (0.0, "fault", {"fault": "fill /data", "blast_radius": ["/data/promdrill.fill"]}),
        (1.0, "condition", condition(full, "236 MiB, 20 KiB left", holds=True, kind="volume", late_s=0.2)),
        (0.0, "fault-confirmed", {"fault": "fill /data", "by": [full]}),
    )
    told.phase(
        "signature",
        (0.0, "stage-begin", {"stage": "nothing is stored", "wanted": ["old"]}),
        (6.0, "condition", condition("old", "newest sample is 5.5 s old", holds=True, kind="metric", late_s=0.1)),
        (0.0, "stage-seen", {"stage": "nothing is stored"}),
    )
    told.phase("remediate", step(LOOK, "df -h"), step(GROW, 'grow "$CLAIM"', section="Mitigation"))
    told.phase(
        "recovery",
        (
            0.0,
            "condition",
            condition(
                pod, "prometheus-server-1-b 1/2 Running, prometheus-server CrashLoopBackOff (3 restarts)", holds=False
            ),
        ),
        (9.0, "samples", {"job": "prometheus", "gap_s": 14.0, "expected": 30, "stored": 16, "lost": 14}),
    )
    return told.phase("undo").note("verdict", verdict="passed", reason=None)


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
