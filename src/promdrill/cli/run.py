"""``promdrill run``: check everything, let pytest run the scenarios, and report how they ended.

``controls``, ``ablate`` and ``repairs`` do the same with other variants of each drill.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from promdrill.cli import unexpected
from promdrill.cli.parser import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_SOFTWARE,
    EXIT_USAGE,
    Parser,
    Subcommands,
    add_command,
    complain,
    say,
)
from promdrill.core import paths
from promdrill.core.errors import PromdrillError, UsageError
from promdrill.core.reading import path_of
from promdrill.request import options
from promdrill.request.scenarios import ScenarioFolder
from promdrill.results import folder, store, summary

if TYPE_CHECKING:
    from promdrill.plugin.session import DrillSession
    from promdrill.request.request import Request

OPTIONS: Mapping[str, str] = {option.variable: option.meaning for option in (*options.SESSION, *options.OPTIONS)}
"""The variables of make's test-scenarios, controls, ablate and repairs.

Each is an option here; without the option it is read from the environment.
"""

_PYTEST_EXIT_CODES = {
    pytest.ExitCode.OK: EXIT_OK,
    pytest.ExitCode.TESTS_FAILED: EXIT_FAILED,
    pytest.ExitCode.INTERRUPTED: EXIT_USAGE,  # except Ctrl-C: a scenario cannot be imported, nothing was started
    pytest.ExitCode.INTERNAL_ERROR: EXIT_SOFTWARE,
    pytest.ExitCode.USAGE_ERROR: EXIT_USAGE,
    pytest.ExitCode.NO_TESTS_COLLECTED: EXIT_USAGE,
}


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    add_drilling(commands, "run", summary="run drills", example="promdrill run --scenario disk-full --keep 1")


def add_drilling(
    commands: Subcommands,
    name: str,
    *,
    summary: str,
    example: str,
    variants: str | None = None,
    without: Collection[str] = (),
    execute: Callable[[argparse.Namespace], int] | None = None,
) -> None:
    """Add a subcommand that runs drills, with the options of all of them.

    Args:
        commands: Where to add it.
        name: The name to type.
        summary: One sentence without a period.
        example: A command line that can be pasted.
        variants: Which variants of each drill to run, one of `promdrill.core.choices.VARIANTS`; None for the drill
            itself.
        without: Variables that do not apply; there are no options for them.
        execute: Runs the command, instead of `run`.
    """
    parser = add_command(commands, name, summary=summary, example=example, execute=execute or run)
    parser.set_defaults(variants=variants)
    for variable, meaning in OPTIONS.items():
        if variable not in without:
            action = options.action(variable)
            parser.add_argument(
                options.flag(variable), metavar=variable, help=f"{meaning} [${variable}]", action=action
            )
    parser.add_argument(
        "--reports", type=path_of, default=Path("reports"), help="folder of all reports (default: reports)"
    )
    parser.add_argument(
        "--report-dir", type=path_of, help="exact folder for this run's report, instead of a new one under --reports"
    )
    parser.add_argument(
        "--in-cluster", type=path_of, help="use the running cluster described in this file, and leave it running"
    )
    parser.add_argument("--request", type=path_of, metavar="FILE", help=argparse.SUPPRESS)  # for a cell of a matrix
    _explain_exit_codes(parser)


def _explain_exit_codes(parser: Parser) -> None:
    codes = (
        "Exit codes: 0 all ended as expected; 1 some did not; 2 bad input, nothing was started;\n"
        "70 an error in promdrill itself; 130 interrupted."
    )
    parser.epilog = f"{parser.epilog}\n\n{codes}"


def run(arguments: argparse.Namespace) -> int:
    """Check what is asked for, run the drills, and report how they ended. Returns the exit code."""
    from promdrill.plugin.session import DrillSession  # noqa: PLC0415  as above
    from promdrill.request import fulfil, request  # noqa: PLC0415  `--help`, and commands that take these options

    try:
        asked = request.Request.read(arguments.request) if arguments.request else _asked(arguments)
        asked, found = fulfil.prepare(asked, say=say)
        place = folder.use(asked.reports) if asked.reports else folder.create(arguments.reports)
    except PromdrillError as error:  # whatever the error, nothing was started
        complain(error)
        return EXIT_USAGE
    code = _drill(DrillSession(replace(asked, reports=place), found=found))
    run = store.read(place) if (place / store.RESULTS).exists() else None
    say(summary.closing_line(run.drills, run.skipped) if run else summary.closing_line(()))
    return code


def _asked(arguments: argparse.Namespace) -> Request:
    """What the options and the environment ask for, checked."""
    from promdrill.incident import clusters  # noqa: PLC0415  as above
    from promdrill.request import request  # noqa: PLC0415  as above

    given = options.given(arguments, OPTIONS)
    drilled = request.scenarios_of(given)
    if arguments.variants == "ablate" and not request.ids_of(given):  # each step takes minutes
        raise UsageError(
            "SCENARIO is not set; an ablation runs one drill for each step of a runbook",
            hint=f"SCENARIO={drilled[0].id}",
        )
    if given["CLUSTER"] and given["ADOPT"] != "1":
        clusters.require_kept(given["CLUSTER"], {each.id for each in drilled})
    return request.make(
        given,
        drilled=drilled,
        variants=arguments.variants,
        joins=arguments.in_cluster,
        reports=arguments.report_dir,
    )


class _Ending:
    """A pytest plugin that knows how a session ended, where pytest's exit code does not say it.

    Attributes:
        interrupted: Whether it was Ctrl-C: pytest has one exit code for that and for a collection error.
        broke: What broke in pytest, or in a plugin of it: promdrill's.
    """

    interrupted = False
    broke: BaseException | None = None

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Keep what broke."""
        self.broke = excinfo.value

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Keep whether it was one."""
        self.interrupted = not isinstance(excinfo.value, pytest.Session.Interrupted)  # which is a collection error


def _drill(session: DrillSession) -> int:
    ending = _Ending()
    code = pytest.main(_pytest_arguments(session.request.scenarios), plugins=[session, ending])
    if ending.broke is not None:
        return unexpected.report(ending.broke)
    return EXIT_INTERRUPTED if ending.interrupted else _PYTEST_EXIT_CODES.get(pytest.ExitCode(code), EXIT_SOFTWARE)


def _pytest_arguments(scenarios: Sequence[Path]) -> list[str]:
    """The arguments for pytest itself; everything else is in the session."""
    quiet = ["-q", "--no-header", "--capture=no", "-rN", "-p", "no:cacheprovider"]
    tests = [str(ScenarioFolder(scenario.name, scenario).test) for scenario in scenarios]
    return [*quiet, *_configured(scenarios), *tests]


def _configured(scenarios: Sequence[Path]) -> list[str]:
    """The same configuration wherever the drills are, with the conftest.py files beside them but not those above.

    pytest looks upwards from its tests for both. Above an installed package lies whatever project has the environment.
    """
    own = [scenario.parent for scenario in scenarios if scenario.parent != paths.scenarios_dir()]
    top = next(iter(own), paths.scenarios_dir())
    return [f"--config-file={paths.pytest_config()}", f"--rootdir={Path.cwd()}", f"--confcutdir={top}"]
