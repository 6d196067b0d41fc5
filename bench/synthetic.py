"""Inputs of any size: runs with journals and results, long journals, books of scenarios, matrices.

All records are made of promdrill's own types, so that a change of these is noticed here. A drill is as large as those
of the book are: about 210 events in 62 KB, or 300 in 109 KB with alerts.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Self

from promdrill.core import events
from promdrill.core.alerts import AlertRule, AlertState, Evaluator
from promdrill.core.clock import iso
from promdrill.core.events import Entry, Event, encode
from promdrill.core.journal import JOURNAL
from promdrill.core.model import (
    DrillResult,
    JobSamples,
    ObserverFigures,
    PhaseName,
    PhaseRecord,
    RunResult,
    SampleAccount,
    StepRecord,
    Verdict,
)
from promdrill.request.scenarios import ScenarioFolder
from promdrill.results.folder import of_drill, of_result
from promdrill.results.store import RESULTS
from promdrill.results.timeline.alerts import account
from promdrill.results.timeline.drill import timelines
from promdrill.runbook.parse import Step, parse

BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

SERVER = "prometheus-server"
"""The drilled Prometheus' container."""

RULES = 21
"""Alert rules: as many as promdrill's own."""

CONDITIONS = 4
"""Conditions of each wait; each is seen not to hold, and then to hold."""

QUESTIONS = 7
"""How often each phase asks for the age of the newest sample."""

ALERTS = 3
"""Alerts of each phase: each is pending, fires, and is over."""

HOUR_S = 3600.0

QUESTION_S = 1.5
"""Seconds between two such questions in a journal of hours: as often as a drill asks on average."""

RESTART_S = 300.0
"""Seconds between two starts of a container that crashes again and again: the kubelet's longest back-off."""

POD = "prometheus-server-569dc48d9b-zk6qv"
"""The server's pod; in every drill that is written, its name ends in other letters."""

OUTPUT = f"{POD}   1/2   CrashLoopBackOff   3 (40s ago)   5m\n" * 8
"""What a step prints."""


class Told:
    """A journal in the making: each event is some seconds after the one before.

    Attributes:
        entries: What was told.
        now_s: Seconds of the last of them.
    """

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.now_s = 0.0

    def tell(self, event: Event, after_s: float = 0.1) -> Self:
        """Add an event."""
        self.now_s = round(self.now_s + after_s, 3)
        self.entries.append(Entry(self.at, self.now_s, event))
        return self

    @property
    def at(self) -> datetime:
        """The moment of the last event."""
        return BEGAN + timedelta(seconds=self.now_s)

    def lines(self) -> str:
        """The journal's text."""
        return "".join(f"{encode(entry)}\n" for entry in self.entries)


@dataclass(frozen=True, slots=True)
class Drilled:
    """A drill that is over: its entry in results.json, its journal, and the scenario that it is of."""

    result: DrillResult
    journal: str
    scenario: ScenarioFolder


def drilled(scenario: ScenarioFolder, *, alerts: bool) -> Drilled:
    """A drill of this scenario, whose runbook's steps were run.

    Args:
        scenario: One of the book.
        alerts: Whether alert rules were evaluated.
    """
    told = Told()
    steps = tuple(_record(step) for step in parse(scenario.runbook).steps)
    told.tell(events.SupplyChosen(supply="source", why="No registry can be reached.", kubernetes="1.36.3"))
    told.tell(events.DrillBegan(scenario=scenario.id, profile="fast"))
    if alerts:
        told.tell(events.AlertRulesLoaded(speed=30.0, off_by_s=2.0, rules=tuple(map(_rule, range(RULES)))))
    phases = tuple(_phase(told, name, steps, alerts=alerts) for name in PhaseName)
    samples = JobSamples("prometheus", 19.3, 60, 41, 19, iso(BEGAN + timedelta(seconds=30)))
    observer = ObserverFigures(0.08, 40, 18, 90, 0)
    told.tell(events.SamplesCounted(samples=samples)).tell(events.ObserverSummedUp(figures=observer))
    told.tell(events.VerdictReached(verdict=Verdict.PASSED))
    (timeline,) = timelines(told.entries)
    result = DrillResult(
        scenario.id,
        chart="prometheus",
        chart_version="27.52.0",
        app_version="3.8.1",
        profile="fast",
        control=None,
        verdict=Verdict.PASSED,
        reason=None,
        phases=phases,
        detected_after_s=6.8,
        recovered_after_s=12.1,
        samples=SampleAccount(samples.gap_s, samples.lost, (samples,)),
        steps=steps,
        observer=observer,
        alerts=account(timeline, SERVER),
    )
    return Drilled(result, told.lines(), scenario)


def write_runs(folder: Path, drills: int, book: Sequence[Drilled], *, journals: bool = True) -> None:
    """Runs of the whole book, one folder each, until there are that many drills.

    Args:
        folder: Gets the folders ``run-001``, ``run-002``; it need not exist.
        drills: How many drills; the last run may have fewer than the others.
        book: The drills of a run.
        journals: Whether to write journals, runbooks and values too, beside results.json.
    """
    for number, first in enumerate(range(0, drills, len(book)), 1):
        place = folder / f"run-{number:03}"
        place.mkdir(parents=True)
        here = book[: drills - first]
        began = BEGAN + timedelta(hours=number)
        run = RunResult(
            iso(began), iso(began + timedelta(minutes=10)), "source", "1.36.3", tuple(each.result for each in here)
        )
        (place / RESULTS).write_text(json.dumps(run.to_json(), indent=2) + "\n", encoding="utf-8")
        for at, each in enumerate(here if journals else ()):
            own = place / of_result(each.result)
            own.mkdir()
            pod = f"{POD.rpartition('-')[0]}-{first + at:05}"
            (own / JOURNAL).write_text(each.journal.replace(POD, pod), encoding="utf-8")
            for name in (each.scenario.runbook.name, "values.yaml"):
                shutil.copyfile(each.scenario.folder / name, own / name)


def write_hours(folder: Path, hours: int) -> Path:
    """The folder of a run with one drill whose incident was left standing for that long; returns its journal.

    The server's container crashes again and again meanwhile.
    """
    own = folder / of_drill("disk-full", None)
    own.mkdir(parents=True)
    told = Told()
    told.tell(events.SupplyChosen(supply="source", why="No registry can be reached.", kubernetes="1.36.3"))
    told.tell(events.DrillBegan(scenario="disk-full", profile="fast"))
    told.tell(events.PhaseBegan(phase=PhaseName.PERSISTENCE))
    told.tell(events.WaitBegan(wanted=_wanted(PhaseName.PERSISTENCE), timeout_s=hours * HOUR_S))
    with (own / JOURNAL).open("w", encoding="utf-8") as file:
        for restart in range(round(hours * HOUR_S / RESTART_S)):
            _hold(told, restart)
            _flush(told, file)
    return own / JOURNAL


def write_copies(folder: Path, scenarios: Sequence[ScenarioFolder], copies: int) -> None:
    """A folder of scenarios that are copies of these, with ids of their own.

    Args:
        folder: Gets them; it need not exist.
        scenarios: The scenarios.
        copies: How many copies of each.
    """
    for scenario in scenarios:
        for number in range(2, copies + 2):
            name = f"{scenario.id}-{number}"
            copy = ScenarioFolder(name, folder / name)
            shutil.copytree(scenario.folder, copy.folder, ignore=shutil.ignore_patterns("__pycache__"))
            (copy.folder / scenario.test.name).rename(copy.test)
            _replace(copy.test, f'"""{scenario.id}:', f'"""{name}:')
            _replace(copy.test, f"def {scenario.test.stem}(", f"def {copy.test.stem}(")
            for page in copy.folder.glob("*.md"):
                _replace(page, f"\nid: {scenario.id}\n", f"\nid: {name}\n")


def matrix(cells: int) -> str:
    """A matrix.toml with that many cells, in two axes of Prometheus and of values.

    Args:
        cells: A power of 4.
    """
    side = round(cells**0.5)
    versions = ", ".join(f'"3.{number}.0"' for number in range(side))
    values = ", ".join(f'"values-{number}.yaml"' for number in range(side))
    return f"app_version = [{versions}]\nvalues = [{values}]\n"


def _replace(file: Path, old: str, new: str) -> None:
    file.write_text(file.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")


def _record(step: Step) -> StepRecord:
    return StepRecord("runbook.md", step.line, step.section, step.command, 0, 0.4, OUTPUT)


def _rule(number: int) -> AlertRule:
    return AlertRule(
        alert=f"SomethingIsWrong{number}",
        evaluators=tuple(Evaluator),
        for_s=60.0,
        severity="warning",
        runbook_url=f"https://promdrill.invalid/incidents/{number}.html",
        place=f"rules/promdrill.yaml:{10 * number}",
    )


def _phase(told: Told, name: PhaseName, steps: Sequence[StepRecord], *, alerts: bool) -> PhaseRecord:
    """Tell of a whole phase."""
    told.tell(events.PhaseBegan(phase=name))
    began, began_s = iso(told.at), told.now_s
    if name is PhaseName.INJECT:
        told.tell(events.FaultApplied(fault="fill /data", blast_radius=("/data/promdrill.fill",)))
        told.tell(events.FaultConfirmed(fault="fill /data", by=("df: nothing left on /data",)))
    if name is PhaseName.REMEDIATE:
        for step in steps:
            told.tell(
                events.StepBegan(
                    file=step.file, line=step.line, section=step.section, command=step.command, timeout_s=120.0
                )
            )
            told.tell(events.StepEnded(step=step), step.took_s)
    told.tell(events.WaitBegan(wanted=_wanted(name), timeout_s=90.0))
    for condition in _wanted(name):
        told.tell(_condition(condition, told, holds=False))
    for number in range(QUESTIONS):
        told.tell(events.FreshnessAsked(age_s=0.5 * number))
    told.tell(_pod(restarts=len(name), ready=False)).tell(_pod(restarts=len(name), ready=True))
    told.tell(events.VolumeMeasured(path="/data", used_bytes=len(name) * 2**20, size_bytes=236 * 2**20))
    for number in range(ALERTS if alerts else 0):
        _alert(told, number)
    for condition in _wanted(name):
        told.tell(_condition(condition, told, holds=True))
    told.tell(events.WaitDone(took_s=2.0))
    took_s = round(told.now_s - began_s, 3)
    told.tell(events.PhaseEnded(phase=name, took_s=took_s))
    return PhaseRecord(name, began, took_s)


def _wanted(name: PhaseName) -> tuple[str, ...]:
    return tuple(f"{name}: the {number}. condition of this wait" for number in range(CONDITIONS))


def _condition(name: str, told: Told, *, holds: bool) -> Event:
    text = f"{POD} {2 if holds else 1}/2 Running, 3 restarts, the last 40 s ago"
    return events.ConditionChanged(
        condition=name, kind="pod", holds=holds, text=text, changed=told.at, knew=told.at, detected_after_s=0.04
    )


def _pod(*, restarts: int, ready: bool) -> Event:
    state = "running" if ready else "waiting"
    server = events.ContainerState(
        name=SERVER,
        state=state,
        reason=None if ready else "CrashLoopBackOff",
        ready=ready,
        restarts=restarts,
        image="quay.io/prometheus/prometheus:v3.8.1",
    )
    reloader = replace(server, name="configmap-reload", image="quay.io/prometheus-operator/config-reloader:v0.87.1")
    return events.PodChanged(
        pod=POD,
        uid="97ba0ae4-1545-42d6-b1b7-e207ea4c2100",
        phase="Running",
        containers=(server, reloader),
    )


def _alert(told: Told, number: int) -> None:
    """Tell of an alert that is pending, fires, is notified of, and is over."""
    name = f"SomethingIsWrong{number}"
    labels = {
        "instance": "localhost:8080",
        "job": "kube-state-metrics",
        "namespace": "drill-disk-full",
        "persistentvolumeclaim": "prometheus-disk-full-server",
        "severity": "warning",
    }
    changed = events.AlertChanged(
        alert=name,
        labels=labels,
        evaluator=Evaluator.WITNESS,
        state=AlertState.PENDING,
        active=told.at,
        value="1e+00",
        summary="Something is wrong, and somebody should look at it",
    )
    told.tell(changed).tell(replace(changed, state=AlertState.FIRING), 2.0)
    told.tell(
        events.AlertNotified(
            alert=name,
            labels=labels,
            evaluator=Evaluator.WITNESS,
            receiver="somebody",
            resolved=False,
            sent=told.at,
        )
    )
    told.tell(replace(changed, state=AlertState.INACTIVE, active=None, value=""))


def _hold(told: Told, restart: int) -> None:
    """Tell of what happens between two starts of a container."""
    first, *_ = _wanted(PhaseName.PERSISTENCE)
    until_s = told.now_s + RESTART_S
    for ready in (True, False):
        told.tell(_pod(restarts=restart, ready=ready)).tell(_condition(first, told, holds=ready))
    while told.now_s < until_s:
        told.tell(events.FreshnessAsked(age_s=told.now_s), QUESTION_S)


def _flush(told: Told, file: IO[str]) -> None:
    file.write(told.lines())
    told.entries.clear()
