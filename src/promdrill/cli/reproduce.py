"""``promdrill reproduce``: make an incident happen, prove it, and leave it standing for a person."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from promdrill import doctor
from promdrill.cli.parser import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_USAGE,
    Subcommands,
    add_command,
    complain,
    say,
)
from promdrill.core import paths
from promdrill.core.errors import PromdrillError, UsageError
from promdrill.core.model import DrillResult, PhaseName
from promdrill.drill import Drill
from promdrill.drill.incident import Incident
from promdrill.drill.part import Part, Watch
from promdrill.incident import record, show
from promdrill.incident import session as sessions
from promdrill.incident.record import StandingIncident
from promdrill.request import options
from promdrill.request.scenarios import ScenarioFolder, folders, select
from promdrill.request.settings import Settings, is_warm
from promdrill.results import folder

SCENARIO, SCENARIOS = "SCENARIO", "SCENARIOS"

WITHOUT = {
    "CLUSTER": "an incident has a cluster of its own",
    "CONTROL": "an incident is reproduced once, and whole",
    "REPEAT": "an incident is reproduced once, and whole",
}
"""Variables that are refused, and why."""

VARIABLES = {
    SCENARIO: "the incident's id, as in `promdrill list`",
    SCENARIOS: "folders with scenarios of your own, beside ours",
    **{each.variable: each.meaning for each in options.OPTIONS if each.variable not in WITHOUT},
}


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    parser = add_command(
        commands,
        "reproduce",
        summary="make an incident happen, prove it, and leave it there",
        example="promdrill reproduce --scenario disk-full",
        execute=_execute,
    )
    for variable, meaning in VARIABLES.items():
        flag = f"--{variable.lower().replace('_', '-')}"
        parser.add_argument(flag, metavar=variable, help=f"{meaning} [${variable}]")
    parser.add_argument(
        "--reports", type=Path, default=paths.reports_dir(), help="folder of all reports (default: reports)"
    )
    parser.epilog = (
        f"{parser.epilog}\n\nExit codes: 0 the incident is there; 1 it was not observed, and its cluster is gone;\n"
        "2 bad input, nothing was started; 130 interrupted."
    )


def _execute(arguments: argparse.Namespace) -> int:
    try:
        asked = _checked(arguments)
    except PromdrillError as error:  # whatever it is: nothing was started
        complain(error)
        return EXIT_USAGE
    reproduction = Reproduction()
    session = sessions.Session(reproduction.enter)
    given = {each.flag: getattr(asked.settings, each.field) for each in options.OPTIONS}
    given["--report-dir"] = asked.place
    flags = [f"{flag}={value}" for flag, value in given.items() if value is not None]
    code = sessions.run(session, asked.scenario.test, ["--keep-cluster", *flags])
    if reproduction.left is None:
        return _not_there(asked, session, reproduction, code)
    say("")
    for line in show.reproduced(reproduction.left):
        say(line)
    return EXIT_OK


@dataclass(frozen=True, slots=True)
class _Asked:
    scenario: ScenarioFolder
    settings: Settings
    place: Path


def _checked(arguments: argparse.Namespace) -> _Asked:
    """What was asked for, once nothing speaks against it any more."""
    from promdrill.request import fulfil  # noqa: PLC0415  other commands do not pay for its modules

    wishes = {variable: _wish(arguments, variable) for variable in VARIABLES}
    for variable, why in WITHOUT.items():
        if os.environ.get(variable):
            raise UsageError(f"{variable}={os.environ[variable]}: {why}", hint=f"leave {variable} out")
    ids = [name.strip() for name in (wishes[SCENARIO] or "").split(",") if name.strip()]
    found = select(ids, further=folders(wishes[SCENARIOS]))
    if len(ids) != 1:
        said = f"SCENARIO={wishes[SCENARIO]}: one at a time." if ids else "SCENARIO is not set: which incident?"
        raise UsageError(f"{said} There are {', '.join(each.id for each in found)}", hint=f"SCENARIO={found[0].id}")
    settings = options.settings(lambda option: wishes.get(option.variable))
    settings.check()
    chosen = settings.supply_name()
    doctor.require(supply=chosen, warm=is_warm(settings.kubernetes, chosen))
    settings = settings.settled(say=say)
    fulfil.preflight(settings, [found[0].folder], say=say)
    return _Asked(found[0], settings, folder.create(arguments.reports))


def _wish(arguments: argparse.Namespace, variable: str) -> str | None:
    """The option, else the variable of the environment; empty means unset."""
    return getattr(arguments, variable.lower(), None) or os.environ.get(variable) or None


def _not_there(asked: _Asked, session: sessions.Session, reproduction: Reproduction, code: int) -> int:
    if session.interrupted:
        complain(PromdrillError(f"interrupted; nothing is left but {asked.place}"))
        return EXIT_INTERRUPTED
    why = [reproduction.reason] if reproduction.reason else session.failures or ["the session ended early"]
    for text in why:
        complain(PromdrillError(f"{asked.scenario.id} is not reproduced: {text}"))
    say(f"the cluster is not kept; see {asked.place}")
    return EXIT_FAILED if code in {pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERNAL_ERROR} else EXIT_USAGE


class Reproduction:
    """What happens between promdrill's fixture and the scenario's test.

    Attributes:
        left: The drill that stays; None as long as there is none.
        reason: Why there is none, in one sentence; None where the engine does not say.
    """

    def __init__(self) -> None:
        self.left: StandingIncident | None = None
        self.reason: str | None = None

    @contextlib.contextmanager
    def enter(self, request: pytest.FixtureRequest, drill: Drill) -> Iterator[Drill]:
        """The drill up to its proven incident; without one the cluster is not kept either."""
        made, supplied = request.getfixturevalue("kind_cluster"), request.getfixturevalue("supplied")

        def leave(incident: Incident) -> None:
            left = record.leave(incident, made, supplied)
            left.environment()  # makes the kubeconfig and the folder for PATH that a person is told to paste
            self.left = left

        def ended(result: DrillResult) -> None:
            self.reason = result.reason
            drill.site.on_result(result)

        part = Part(last=PhaseName.PERSISTENCE, on_incident=leave, watch=Watch())
        try:
            yield Drill(replace(drill.site, part=part, on_result=ended))
        finally:
            if self.left is None:
                record.forget(made)
