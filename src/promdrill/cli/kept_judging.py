"""Judging a repair: the scenario's own test once more, from its remedy or its recovery on, in the kept cluster."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from promdrill.cli import kept as kept_drills
from promdrill.cli import kept_session
from promdrill.cli.kept import KeptDrill
from promdrill.cli.parser import Parser
from promdrill.core.errors import UsageError
from promdrill.core.journal import Journal
from promdrill.core.model import DrillResult, Verdict
from promdrill.drill import Drill
from promdrill.drill.part import Part, Watch
from promdrill.drill.timings import timings
from promdrill.plugin.session import DrillSession
from promdrill.request.request import Request
from promdrill.request.scenarios import ScenarioFolder
from promdrill.request.settings import Settings

LONGEST_S = 24 * 3600.0
"""The longest time that may be waited for; a longer one is likelier to be a mistake."""


@dataclass(slots=True)
class Judged:
    """How it went.

    Attributes:
        watch: What was seen.
        result: What the engine made of it; None when it did not come to that.
        failures: Why not, in words.
        interrupted: Whether Ctrl-C ended it.
        journal: Where it is all written down.
    """

    watch: Watch
    journal: Path
    result: DrillResult | None = None
    failures: list[str] = field(default_factory=list)
    interrupted: bool = False

    @property
    def passed(self) -> bool:
        """Whether everything was proven."""
        return self.result is not None and self.result.verdict is Verdict.PASSED


def add_arguments(parser: Parser) -> None:
    """Add what `remedy` and `verify` take."""
    parser.add_argument("drill", nargs="?", metavar="DRILL", help="scenario or cluster, where several drills are kept")
    parser.add_argument(
        "--timeout", type=_seconds, metavar="SECONDS", help="wait so long for recovery (default: as long as the drill)"
    )


def budget_s(drill: KeptDrill, timeout_s: float | None) -> float:
    """Seconds that are waited for recovery to begin."""
    kept = drill.kept
    return timings(kept.profile, kept.memory.interval_s).recovery_s if timeout_s is None else timeout_s


def judge(drill: KeptDrill, part: Part, *, what: str) -> Judged:
    """Run a part of the kept drill, and judge it as the drill would be judged.

    Args:
        drill: Which.
        part: Which part; its `kept` and `watch` are set here.
        what: What is done, as the journal's file is called.

    Raises:
        UsageError: Another process is at work on it; the scenario is not there any more.
        ClusterError: The cluster is gone.
    """
    kept = drill.kept
    test = ScenarioFolder(kept.scenario, kept.scenario_dir).test
    if not test.is_file():
        raise UsageError(f"{test}: not there any more, and recovery is judged by it", hint=drill.again)
    with kept_drills.at_work(drill):
        kept_drills.require_there(drill)
        journal = _free(kept.folder, what)
        watch = Watch()
        judged = Judged(watch, journal)
        part = replace(part, kept=kept, watch=watch)

        @contextlib.contextmanager
        def enter(request: pytest.FixtureRequest, found: Drill) -> Iterator[Drill]:
            del request
            own = kept.runbook if kept.own_runbook else None

            def ended(result: DrillResult) -> None:
                judged.result = result
                drills.run.results.add(result)  # in silence; a drill without a result would be called aborted, aloud

            with Journal(journal, clock=found.site.clock) as notes:
                yield Drill(
                    replace(found.site, part=part, folder=kept.folder, journal=notes, runbook=own, on_result=ended)
                )

        session = kept_session.Session(enter)
        with tempfile.TemporaryDirectory(prefix="promdrill-kept-") as scratch:
            reports = Path(scratch) / "reports"
            reports.mkdir()
            outbox = Path(scratch) / "outbox"
            outbox.mkdir()
            request = Request(Settings(profile=kept.profile))
            joined = replace(drill.joined, request=request, reports=reports, outbox=outbox)
            drills = DrillSession.joining(joined, summary=False)
            kept_session.run(session, drills, kept.scenario_dir)
        judged.failures, judged.interrupted = session.failures, session.interrupted
        return judged


def _free(folder: Path, what: str) -> Path:
    """A file for a journal of its own: the drill's ends where the incident was left."""
    candidates = (folder / f"{what}-{number}.jsonl" for number in itertools.count(1))
    return next(path for path in candidates if not path.exists())


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= LONGEST_S:
        raise argparse.ArgumentTypeError(f"{text}: not a number of seconds from above 0 to {LONGEST_S:.0f}")
    return seconds
