"""results.json: written whole after every drill, so that a killed run keeps the results it had."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from promdrill.core import records
from promdrill.core.clock import SYSTEM, Clock, iso
from promdrill.core.errors import UsageError
from promdrill.core.model import RESULTS_SCHEMA, DrillResult, RunResult, Skipped
from promdrill.core.records import Misfit
from promdrill.core.redact import redact_record
from promdrill.results.expected import as_expected
from promdrill.results.folder import write_atomically

RESULTS = "results.json"
"""Verdicts, phases, steps and seconds of every drill; rewritten after each one."""

JUNIT = "junit.xml"
"""The same for a CI server."""


class Results:
    """The results of a run while it runs.

    results.json and junit.xml exist from the start and are replaced whole with each change; ``finished`` stays null
    until `finish`.

    Args:
        folder: The run's folder.
        supply: The requested supply, until `supplied` names the one in use.
        kubernetes: The version of the cluster, without a leading v.
        options: As in `RunResult`.
        clock: Where time comes from.

    Attributes:
        unwritten: Why the files are not up to date, in words; empty while they are. Each change tries to write them
            again: a disk that was full may have room by then, and what is known is not lost.

    Raises:
        OSError: The files cannot be written at all.
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
        self.unwritten = ""
        self._clock = clock
        self.run = RunResult(iso(clock.utc()), None, supply, kubernetes, (), (), dict(options or {}))
        self._write()

    def supplied(self, *, supply: str, kubernetes: str) -> None:
        """Record which supply the run really uses."""
        self._change(supply=supply, kubernetes=kubernetes)

    def add(self, drill: DrillResult) -> None:
        """Record a drill that ended, without the credentials in what was said and done."""
        self._change(drills=(*self.run.drills, redact_record(drill)))

    def skip(self, skipped: Skipped) -> None:
        """Record a scenario that does not apply, once."""
        shown = redact_record(skipped)
        if shown not in self.run.skipped:
            self._change(skipped=(*self.run.skipped, shown))

    def plan(self, drills: Sequence[str]) -> None:
        """Record the names of all drills of the run."""
        self._change(planned=tuple(drills))

    def finish(self) -> None:
        """Record that the run has finished."""
        self._change(finished=iso(self._clock.utc()))

    def _change(self, **fields: Any) -> None:
        self.run = replace(self.run, **fields)
        try:
            self._write()
        except OSError as error:
            self.unwritten = f"{self.folder / RESULTS}: {error.strerror or error}"
        else:
            self.unwritten = ""

    def _write(self) -> None:
        from promdrill.results.junit import to_junit  # noqa: PLC0415  judges alerts: not for who only reads results

        write_atomically(self.folder / RESULTS, json.dumps(self.run.to_json(), indent=2) + "\n")
        write_atomically(self.folder / JUNIT, to_junit(self.run))


def read(path: Path) -> RunResult:
    """Read results.json. Fields that this promdrill does not know are ignored.

    Args:
        path: The file, or the run's folder.

    Raises:
        UsageError: It is missing, is not a results.json, has a newer schema, or has a wrong value.
    """
    file = path / RESULTS if path.is_dir() else path
    data = records.read_file(file, hint="ls reports")
    if not isinstance(data, dict) or type(data.get("schema")) is not int:
        raise UsageError(f"{file} is not a results.json: no schema number", hint="ls reports")
    if data["schema"] > RESULTS_SCHEMA:
        text = f"{file} has schema {data['schema']}; this promdrill reads up to {RESULTS_SCHEMA}"
        raise UsageError(text, hint="use the promdrill that wrote it, or a newer one")
    try:
        run = records.load(RunResult, data)
        _check(run)
    except Misfit as error:
        text = f"{file} does not follow the schema of results.json: {error}"
        raise UsageError(text, hint=f"leave {file.parent} out, or run its drills again") from error
    return run


def _check(run: RunResult) -> None:
    """Raise `Misfit` for a value of the right type that is impossible."""
    for number, drill in enumerate(run.drills):
        if drill.recovered_after_s is not None and drill.recovered_after_s < 0:
            raise Misfit(f"drills[{number}].recovered_after_s: {drill.recovered_after_s:g} is below zero")
        if drill.alerts is not None and drill.alerts.speed <= 0:
            raise Misfit(f"drills[{number}].alerts.speed: {drill.alerts.speed:g} is not above zero")
        try:
            as_expected(drill)
        except KeyError as error:
            raise Misfit(f"drills[{number}].control: unknown control {error}") from error
