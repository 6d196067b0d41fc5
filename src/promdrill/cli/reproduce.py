"""``promdrill reproduce``: make an incident happen, prove it, and leave it standing for a person."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

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
from promdrill.core.model import DrillResult
from promdrill.core.reading import path_of
from promdrill.drill import Drill
from promdrill.drill.incident import Incident
from promdrill.drill.part import UpToIncident
from promdrill.incident import record, show
from promdrill.incident import session as sessions
from promdrill.incident.record import StandingIncident
from promdrill.request import options
from promdrill.results import folder

if TYPE_CHECKING:
    from promdrill.request.fulfil import Preflight
    from promdrill.request.request import Request

SCENARIO, SCENARIOS = "SCENARIO", "SCENARIOS"

WITHOUT = {
    "CLUSTER": "not allowed with reproduce: an incident gets its own cluster",
    "ADOPT": "not allowed with reproduce: an incident gets its own cluster",
    "CONTROL": "not allowed with reproduce: nothing can be left out",
    "REPEAT": "not allowed with reproduce: an incident is made once",
    **dict.fromkeys(
        ("RULES", "ALERTMANAGER", "ALERT_SPEED", "HOLD", "GROWTH", "ALERTS"),
        "not allowed with reproduce: alerts are watched while a drill goes on",
    ),
}
"""Variables that are refused, and why."""

VARIABLES = {
    SCENARIO: "the scenario's id, as in `promdrill list`",
    SCENARIOS: "folders with your own scenarios, comma separated, in addition to promdrill's",
    **{each.variable: each.meaning for each in options.OPTIONS if each.variable not in WITHOUT},
}


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    parser = add_command(
        commands,
        "reproduce",
        summary="make an incident happen, prove it, and leave it standing",
        example="promdrill reproduce --scenario disk-full",
        execute=_execute,
    )
    for variable, meaning in VARIABLES.items():
        flag, action = options.flag(variable), options.action(variable)
        parser.add_argument(flag, metavar=variable, help=f"{meaning} [${variable}]", action=action)
    parser.add_argument(
        "--reports", type=path_of, default=paths.reports_dir(), help="folder of all reports (default: reports)"
    )
    parser.epilog = (
        f"{parser.epilog}\n\nExit codes: 0 the incident is standing; 1 it was not observed, its cluster is deleted;\n"
        "2 bad input, nothing was started; 130 interrupted."
    )


def _execute(arguments: argparse.Namespace) -> int:
    from promdrill.plugin.session import DrillSession  # noqa: PLC0415  slow to import, so not for `--help`

    try:
        asked, found = _checked(arguments)
        asked = replace(asked, reports=folder.create(arguments.reports))
    except PromdrillError as error:  # whatever the error, nothing was started
        complain(error)
        return EXIT_USAGE
    reproduction = Reproduction(asked)
    session = sessions.Session(reproduction.enter)
    code = sessions.run(session, DrillSession(asked, found=found, summary=False), asked.scenarios[0])
    if reproduction.left is None:
        return _not_there(asked, session, reproduction, code)
    say("")
    for line in show.reproduced(reproduction.left):
        say(line)
    return EXIT_OK


def _checked(arguments: argparse.Namespace) -> tuple[Request, Preflight]:
    """The checked request, and what the checks found out."""
    from promdrill.request import fulfil, request  # noqa: PLC0415  as above

    given = options.given(arguments, VARIABLES)
    for variable, why in WITHOUT.items():
        if os.environ.get(variable):
            raise UsageError(f"{variable}={os.environ[variable]}: {why}", hint=f"leave {variable} out")
    found, ids = request.scenarios_of(given), request.ids_of(given)
    if len(ids) != 1:
        said = f"SCENARIO={given[SCENARIO]}: name one scenario." if ids else "SCENARIO is not set: name one scenario."
        raise UsageError(
            f"{said} The scenarios are {', '.join(each.id for each in found)}", hint=f"SCENARIO={found[0].id}"
        )
    asked = request.make(given, drilled=found[:1], cluster=request.KindOptions(keep=True))
    return fulfil.prepare(asked, say=say)


def _not_there(asked: Request, session: sessions.Session, reproduction: Reproduction, code: int) -> int:
    if session.interrupted:
        complain(PromdrillError(f"interrupted; everything but {asked.reports} was removed"))
        return EXIT_INTERRUPTED
    why = [reproduction.reason] if reproduction.reason else session.failures or ["the session ended early"]
    for text in why:
        complain(PromdrillError(f"{asked.scenarios[0].name} was not reproduced: {text}"))
    say(f"the cluster was deleted; see {asked.reports}")
    return EXIT_FAILED if code == pytest.ExitCode.TESTS_FAILED else EXIT_USAGE


class Reproduction:
    """What happens between promdrill's fixture and the scenario's test.

    Args:
        asked: The request.

    Attributes:
        left: The standing incident; None until there is one.
        reason: Why there is none, in one sentence; None if the engine gives no reason.
    """

    def __init__(self, asked: Request) -> None:
        self._asked = asked
        self.left: StandingIncident | None = None
        self.reason: str | None = None

    @contextlib.contextmanager
    def enter(self, request: pytest.FixtureRequest, drill: Drill) -> Iterator[Drill]:
        """Run the drill up to its proven incident. Without one, the cluster is not kept either."""
        made, supplied = request.getfixturevalue("kind_cluster"), request.getfixturevalue("supplied")
        site = drill.site

        def leave(incident: Incident) -> None:
            left = record.leave(incident, self._asked, made, supplied)
            left.environment()  # creates the kubeconfig and the PATH folder that the printed commands name
            self.left = left

        def ended(result: DrillResult) -> None:
            self.reason = result.reason
            site.recording.on_result(result)

        execution = replace(site.execution, part=UpToIncident(on_incident=leave))
        try:
            yield Drill(replace(site, execution=execution, recording=replace(site.recording, on_result=ended)))
        finally:
            if self.left is None:
                record.forget(made)
