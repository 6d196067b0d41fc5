"""One run: its folder, its results as they come, its journals, and the progress that people see."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from promdrill.core.events import Entry, FaultGrows, PhaseEnded
from promdrill.core.journal import JOURNAL, Journal
from promdrill.core.model import DrillResult, Skipped, Variant, Verdict, drill_name
from promdrill.core.redact import redact_lines
from promdrill.core.say import Say
from promdrill.results.expected import left_changed, outcome
from promdrill.results.folder import of_drill
from promdrill.results.store import Results
from promdrill.results.timeline.lines import growth_line, phase_line

LONGEST_REASON = 300
"""Characters of a reason in a summary."""


class Run:
    """The run of one pytest session.

    Args:
        folder: Where everything goes; it exists already.
        results_in: Where the results go instead, if another session writes those in `folder`.
        supply: The requested supply.
        kubernetes: The version of the cluster.
        say: Where progress is shown.
        options: As in `promdrill.core.model.RunResult`.

    Attributes:
        tests: pytest's ids of the tests that are drills.
    """

    def __init__(
        self,
        folder: Path,
        *,
        supply: str,
        kubernetes: str,
        say: Say,
        results_in: Path | None = None,
        options: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.results = Results(results_in or folder, supply=supply, kubernetes=kubernetes, options=options)
        self.say: Say = lambda line: say(redact_lines(line))
        self.tests: set[str] = set()

    @property
    def drills(self) -> tuple[DrillResult, ...]:
        """The drills that have ended."""
        return self.results.run.drills

    @property
    def no_further(self) -> str | None:
        """Why no further drill may be run in this cluster; None while it is as it was."""
        left = next((drill for drill in self.drills if drill.not_undone), None)
        return None if left is None else f"not run, as {left.name} was not taken back: {left_changed(left)}"

    def result(self, scenario: str, variant: Variant) -> DrillResult | None:
        """The last result of the drill of that name; None if it has none yet."""
        name = drill_name(scenario, variant.label)
        return next((drill for drill in reversed(self.drills) if drill.name == name), None)

    def journal(self, scenario: str, variant: Variant) -> Journal:
        """The journal of one drill; each phase is shown when its end is written, and how a fault grows."""
        name = drill_name(scenario, variant.label)
        path = self.folder_of(scenario, variant) / JOURNAL
        return Journal(path, listener=lambda entry: self._show(name, entry))

    def folder_of(self, scenario: str, variant: Variant) -> Path:
        """The folder of one drill's files: ``disk-full``, ``disk-full.no-fault``, ``disk-full.2``."""
        place = self.folder / of_drill(scenario, variant.label)
        place.mkdir(exist_ok=True)
        return place

    def record(self, result: DrillResult) -> None:
        """Record a drill's result; a second one of the same name counts as one more drill."""
        self.results.add(result)
        said = outcome(result)
        between = ": " if result.control is None else ", "
        self.say(f"{result.name}: {result.verdict}{between if said else ''}{said}")

    def skip(self, scenario: str, reason: str) -> None:
        """Record a scenario that does not apply."""
        self.results.skip(Skipped(scenario, reason))
        self.say(f"{scenario}: skipped: {reason}")

    def aborted(self, scenario: str, variant: Variant, *, profile: str, reason: str, interrupted: bool = False) -> None:
        """Record a drill that never got to a verdict of its own; a drill with a verdict keeps it."""
        if self.result(scenario, variant) is not None:
            return
        named = replace(_NOTHING, scenario=scenario, control=variant.control, left_out=variant.left_out)
        named = replace(named, repetition=variant.repetition)
        self.record(replace(named, profile=profile, reason=_line(reason), interrupted=interrupted))

    def _show(self, name: str, entry: Entry) -> None:
        match entry.event:
            case PhaseEnded():
                self.say(f"{name}: {phase_line(entry.event)}")
            case FaultGrows():
                self.say(f"{name}: {growth_line(entry.event)}")
            case _:
                pass


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
    return textwrap.shorten(first, LONGEST_REASON)  # the whole reason is above, where the error was reported
