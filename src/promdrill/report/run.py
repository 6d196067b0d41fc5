"""One run: its folder, its results as they come, its journals, and what a person sees of it meanwhile."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from promdrill.journal import Journal
from promdrill.model import DrillResult, Verdict
from promdrill.report.results import Results

LONGEST_REASON = 300
"""Characters of a reason in a summary."""

Say = Callable[[str], None]
"""Shows one line to whoever looks on."""


class Run:
    """The run of one pytest session.

    Args:
        folder: Where everything goes; there already.
        supply: The supply as asked for.
        kubernetes: The version of the cluster.
        say: Where progress is shown.

    Attributes:
        tests: pytest's ids of the tests that are drills.
    """

    def __init__(self, folder: Path, *, supply: str, kubernetes: str, say: Say) -> None:
        self.folder = folder
        self.results = Results(folder, supply=supply, kubernetes=kubernetes)
        self.say = say
        self.tests: set[str] = set()

    @property
    def drills(self) -> tuple[DrillResult, ...]:
        """The drills that have ended."""
        return self.results.run.drills

    def result(self, scenario: str) -> DrillResult | None:
        """The last result of a scenario; None when it has none yet."""
        return next((drill for drill in reversed(self.drills) if drill.scenario == scenario), None)

    def journal(self, scenario: str) -> Journal:
        """The journal of one drill; the ends of its phases are shown as they are written."""
        path = self.folder_of(scenario) / "journal.jsonl"
        return Journal(path, listener=lambda entry: self._show(scenario, entry))

    def folder_of(self, scenario: str) -> Path:
        """The folder of one drill's files."""
        folder = self.folder / scenario
        folder.mkdir(exist_ok=True)
        return folder

    def record(self, result: DrillResult) -> None:
        """Take a drill's result; a second one of the same scenario is one more drill."""
        self.results.add(result)
        self.say(f"{result.scenario}: {result.verdict}" + (f": {result.reason}" if result.reason else ""))

    def aborted(self, scenario: str, *, profile: str, control: str | None, reason: str) -> None:
        """Record a drill that never got to a verdict of its own; one that did keeps it."""
        if self.result(scenario) is None:
            self.record(replace(_NOTHING, scenario=scenario, profile=profile, control=control, reason=_line(reason)))

    def _show(self, scenario: str, entry: Mapping[str, Any]) -> None:
        if entry["event"] == "phase-end":
            cut_short = "" if entry["ended"] == "done" else f"  {entry['ended']}"
            self.say(f"{scenario}: {entry['phase']:<12} {entry['took_s']:>7.1f} s{cut_short}")


_NOTHING = DrillResult(
    scenario="",
    chart=None,
    chart_version=None,
    app_version=None,
    profile="",
    control=None,
    verdict=Verdict.ABORTED,
    reason=None,
)


def _line(text: str) -> str:
    first = next((line for line in text.splitlines() if line.strip()), "no reason was given")
    return textwrap.shorten(first, LONGEST_REASON)  # all of it stands above, where the error was reported
