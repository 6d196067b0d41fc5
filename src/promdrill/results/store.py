"""results.json: written whole after every drill, so that a killed run still tells what it had learnt."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from promdrill.core.clock import SYSTEM, Clock, iso
from promdrill.core.errors import UsageError
from promdrill.core.model import (
    RESULTS_SCHEMA,
    DrillResult,
    JobSamples,
    LeftOut,
    ObserverFigures,
    PhaseName,
    PhaseRecord,
    RunResult,
    SampleAccount,
    Skipped,
    StepRecord,
    Verdict,
)
from promdrill.results.folder import write_atomically
from promdrill.results.junit import to_junit

RESULTS = "results.json"
"""Verdicts, phases, steps and seconds of every drill; rewritten after each one."""

JUNIT = "junit.xml"
"""The same for a CI server."""

UNKNOWN_PROFILE = "unknown"
"""Profile of a drill whose results were written before the profile was."""


class Results:
    """The results of a run while it runs.

    results.json and junit.xml exist from the start and are replaced whole with each change; ``finished`` stays null
    until `finish`.

    Args:
        folder: The run's folder.
        supply: The supply as asked for, until `supplied` names the one in use.
        kubernetes: The version of the cluster, without a leading v.
        options: As in `RunResult`.
        clock: Where time comes from.
    """

    def __init__(
        self,
        folder: Path,
        *,
        supply: str,
        kubernetes: str,
        options: Mapping[str, str] | None = None,
        clock: Clock = SYSTEM,
    ) -> None:
        self.folder = folder
        self._clock = clock
        self.run = RunResult(iso(clock.utc()), None, supply, kubernetes, (), (), dict(options or {}))
        self._write()

    def supplied(self, *, supply: str, kubernetes: str) -> None:
        """Record what the run really uses."""
        self._change(supply=supply, kubernetes=kubernetes)

    def add(self, drill: DrillResult) -> None:
        """Record a drill that ended."""
        self._change(drills=(*self.run.drills, drill))

    def skip(self, skipped: Skipped) -> None:
        """Record a scenario that does not apply, once."""
        if skipped not in self.run.skipped:
            self._change(skipped=(*self.run.skipped, skipped))

    def finish(self) -> None:
        """Record that the run came to its end."""
        self._change(finished=iso(self._clock.utc()))

    def _change(self, **fields: Any) -> None:
        self.run = replace(self.run, **fields)
        self._write()

    def _write(self) -> None:
        write_atomically(self.folder / RESULTS, json.dumps(self.run.to_json(), indent=2) + "\n")
        write_atomically(self.folder / JUNIT, to_junit(self.run))


def read(path: Path) -> RunResult:
    """Read results.json, also an older one: fields it lacks are None, fields it has in addition are ignored.

    Args:
        path: The file, or the run's folder.

    Raises:
        UsageError: It is missing, is not results.json, or is of a newer schema.
    """
    file = path / RESULTS if path.is_dir() else path
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}", hint="ls reports") from error
    except ValueError as error:
        raise UsageError(f"{file} is not JSON: {error}") from error
    if not isinstance(data, dict) or not isinstance(data.get("schema"), int):
        raise UsageError(f"{file} is not a results.json: no schema number")
    if data["schema"] > RESULTS_SCHEMA:
        raise UsageError(f"{file} has schema {data['schema']}; this promdrill reads up to {RESULTS_SCHEMA}")
    try:
        return _run(data)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{file} does not follow the schema of results.json: {error}") from error


def _run(data: Mapping[str, Any]) -> RunResult:
    drills = tuple(_drill(entry) for entry in data["drills"])
    skipped = tuple(Skipped(**_known(Skipped, entry)) for entry in data.get("skipped") or ())
    options = {str(name): str(value) for name, value in (data.get("options") or {}).items()}
    return RunResult(
        data["started"], data.get("finished"), data["supply"], data["kubernetes"], drills, skipped, options
    )


def _drill(entry: Mapping[str, Any]) -> DrillResult:
    known = _known(DrillResult, entry)
    known["profile"] = entry.get("profile") or UNKNOWN_PROFILE
    known["verdict"] = Verdict(entry["verdict"])
    known["phases"] = tuple(
        PhaseRecord(PhaseName(phase["name"]), phase["started"], phase.get("took_s"))
        for phase in entry.get("phases") or ()
    )
    known["samples"] = _samples(entry.get("samples") or {})
    for name, kind in (("left_out", LeftOut), ("observer", ObserverFigures)):
        known[name] = kind(**_known(kind, entry[name])) if entry.get(name) else None
    known["steps"] = tuple(StepRecord(**_known(StepRecord, step)) for step in entry.get("steps") or ())
    known["remarks"] = tuple(entry.get("remarks") or ())
    for name in ("chart", "chart_version", "app_version", "control", "reason"):
        known.setdefault(name, None)
    return DrillResult(**known)


def _samples(entry: Mapping[str, Any]) -> SampleAccount:
    jobs = tuple(JobSamples(**_known(JobSamples, job)) for job in entry.get("jobs") or ())
    return SampleAccount(**{**_known(SampleAccount, entry), "jobs": jobs})


def _known(kind: type[Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    return {item.name: entry[item.name] for item in dataclasses.fields(kind) if item.name in entry}
