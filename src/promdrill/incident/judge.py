"""Judging a repair: run the scenario's own test again, from its remedy or its recovery on."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from promdrill.core import scratch
from promdrill.core.errors import UsageError
from promdrill.core.journal import Journal
from promdrill.core.model import DrillResult, Verdict
from promdrill.drill import Drill
from promdrill.drill.part import Repair
from promdrill.drill.timings import timings
from promdrill.drill.watch import Watch
from promdrill.incident import record
from promdrill.incident import session as sessions
from promdrill.incident.record import StandingIncident
from promdrill.plugin.session import DrillSession
from promdrill.request.request import Request
from promdrill.request.scenarios import ScenarioFolder

LONGEST_S = 24 * 3600.0
"""The longest time to wait; a larger number is probably a mistake."""


@dataclass(slots=True)
class Judged:
    """How a judgement ended.

    Attributes:
        watch: What each condition last saw.
        journal: Its journal.
        result: The engine's result; None when nothing could be judged.
        failures: Why nothing could be judged, in words.
        interrupted: Whether Ctrl-C ended it.
    """

    watch: Watch
    journal: Path
    result: DrillResult | None = None
    failures: list[str] = field(default_factory=list)
    interrupted: bool = False

    @property
    def passed(self) -> bool:
        """Whether recovery was proven."""
        return self.result is not None and self.result.verdict is Verdict.PASSED


def budget_s(standing: StandingIncident, timeout_s: float | None) -> float:
    """Seconds to wait for recovery."""
    found = standing.incident
    return timings(found.profile, found.memory.interval_s).recovery_s if timeout_s is None else timeout_s


def judge(standing: StandingIncident, part: Repair, *, what: str) -> Judged:
    """Run the rest of the drill, and judge it as the drill would be judged.

    Args:
        standing: The incident.
        part: From where on to judge.
        what: Names the journal's file, such as `verify`.

    Raises:
        UsageError: Another process is working on it, or the scenario is gone.
        ClusterError: The cluster does not answer, or the drill's namespace is gone.
    """
    incident = standing.incident
    test = ScenarioFolder(incident.scenario, incident.scenario_dir).test
    if not test.is_file():
        raise UsageError(f"{test} is gone; it is needed to judge recovery", hint=standing.again)
    with record.at_work(standing):
        record.require_there(standing)
        journal = _free(incident.folder, what)
        judged = Judged(part.watch, journal)

        @contextlib.contextmanager
        def enter(request: pytest.FixtureRequest, found: Drill) -> Iterator[Drill]:
            del request
            own = incident.runbook if incident.own_runbook else None

            def ended(result: DrillResult) -> None:
                judged.result = result
                drills.run.results.add(
                    result
                )  # without a message; a drill without a result would be reported as aborted

            site = found.site
            with Journal(journal, clock=site.recording.clock) as notes:
                execution = replace(site.execution, part=part, runbook=own, bound=incident.bound)
                recording = replace(site.recording, folder=incident.folder, journal=notes, on_result=ended)
                yield Drill(replace(site, execution=execution, recording=recording))

        session = sessions.Session(enter)
        with scratch.folder("judge") as folder:
            reports = folder / "reports"
            reports.mkdir()
            outbox = folder / "outbox"
            outbox.mkdir()
            joined = replace(standing.joined, request=_request(standing), reports=reports, outbox=outbox)
            drills = DrillSession.joining(joined, summary=False)
            sessions.run(session, drills, incident.scenario_dir)
        judged.failures, judged.interrupted = session.failures, session.interrupted
        return judged


def _request(standing: StandingIncident) -> Request:
    """What was asked for when the incident was made, as far as it says what is installed and under which names."""
    made, profile = standing.joined.request, standing.incident.profile
    settings = replace(made.settings, profile=profile, control=None, runbook=None, bind=None, repeat=1)
    return Request(settings, values=made.values)


def _free(folder: Path, what: str) -> Path:
    """A new file for a separate journal: the drill's journal ends where the incident was left."""
    candidates = (folder / f"{what}-{number}.jsonl" for number in itertools.count(1))
    return next(path for path in candidates if not path.exists())
