"""``promdrill run``: check everything, then let pytest run the scenarios, then say how they ended.

``controls`` and ``ablate`` are the same with other variants of each drill.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from promdrill import doctor
from promdrill.cli.parser import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_USAGE,
    Parser,
    Subcommands,
    add_command,
    complain,
    say,
)
from promdrill.core import paths
from promdrill.core.errors import PromdrillError, UsageError
from promdrill.incident import clusters
from promdrill.parallel.joining import Address
from promdrill.parallel.wanted import width
from promdrill.request import options
from promdrill.request.scenarios import ScenarioFolder, folders, select
from promdrill.request.settings import Settings, is_warm, one_of
from promdrill.results import folder, store, summary

SESSION = {
    "SCENARIO": "ids, comma separated (default: all)",
    "SCENARIOS": "folders with scenarios of your own, comma separated, beside promdrill's",
    "KEEP": "1 keeps the cluster afterwards, until `promdrill clean`",
    "CLUSTER": "a kept cluster to run in; it stays kept (default: a new cluster)",
    "JOBS": "drills side by side in the one cluster, 1 to 16 (default: 1)",
}
"""Variables of the session as a whole."""

OPTIONS: Mapping[str, str] = {**SESSION, **{option.variable: option.meaning for option in options.OPTIONS}}
"""The variables of make's test-scenarios, controls and ablate.

They are options here, and read from the environment where an option is missing.
"""

_PYTEST_EXIT_CODES = {
    pytest.ExitCode.OK: EXIT_OK,
    pytest.ExitCode.TESTS_FAILED: EXIT_FAILED,
    pytest.ExitCode.INTERRUPTED: EXIT_USAGE,  # but for Ctrl-C: a scenario that cannot be imported, nothing was started
    pytest.ExitCode.INTERNAL_ERROR: EXIT_FAILED,
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
) -> None:
    """Add a subcommand that runs drills, with the options of all of them.

    Args:
        commands: Where to add it.
        name: What is typed.
        summary: One sentence without a period.
        example: A command line that can be pasted.
        variants: What is run of each drill, of `promdrill.request.settings.VARIANTS`; None for the drill itself.
        without: Variables that mean nothing to it; it has no options for them.
    """
    parser = add_command(commands, name, summary=summary, example=example, execute=_execute)
    parser.set_defaults(variants=variants)
    for variable, meaning in OPTIONS.items():
        if variable not in without:
            flag = f"--{variable.lower().replace('_', '-')}"
            parser.add_argument(flag, metavar=variable, help=f"{meaning} [${variable}]")
    parser.add_argument(
        "--reports", type=Path, default=Path("reports"), help="folder of all reports (default: reports)"
    )
    parser.add_argument("--report-dir", type=Path, help="folder of this run's report, in place of a new one there")
    parser.add_argument("--in-cluster", type=Path, help="file with the address of a cluster that is there, and stays")
    _explain_exit_codes(parser)


def _explain_exit_codes(parser: Parser) -> None:
    codes = "Exit codes: 0 all ended as due; 1 some did not; 2 bad input, nothing was started; 130 interrupted."
    parser.epilog = f"{parser.epilog}\n\n{codes}"


def _execute(arguments: argparse.Namespace) -> int:
    from promdrill.request import fulfil  # noqa: PLC0415  other commands do not pay for its modules

    wishes = {variable: _wish(arguments, variable) for variable in OPTIONS}
    try:
        scenarios, settings, keep = _checked(wishes, arguments.variants)
        jobs = width(wishes["JOBS"] or "1")
        if arguments.in_cluster:
            Address.read(arguments.in_cluster)
        if wishes["CLUSTER"]:
            clusters.require_kept(wishes["CLUSTER"], {each.id for each in scenarios})
        chosen = settings.supply_name()
        doctor.require(supply=chosen, warm=is_warm(settings.kubernetes, chosen))
        settings = settings.settled(say=say)
        fulfil.preflight(settings, [scenario.folder for scenario in scenarios], say=say)
        place = folder.use(arguments.report_dir) if arguments.report_dir else folder.create(arguments.reports)
    except PromdrillError as error:  # whatever it is: nothing was started
        complain(error)
        return EXIT_USAGE
    session = _Session(
        scenarios,
        settings,
        keep=keep,
        jobs=jobs,
        place=place,
        address=arguments.in_cluster,
        cluster=wishes["CLUSTER"],
    )
    code = _drill(session)
    run = store.read(place) if (place / store.RESULTS).exists() else None
    say(summary.closing_line(run.drills, run.skipped) if run else summary.closing_line(()))
    return code


@dataclass(frozen=True, slots=True)
class _Session:
    """What pytest is to run."""

    scenarios: tuple[ScenarioFolder, ...]
    settings: Settings
    keep: bool
    jobs: int
    place: Path
    address: Path | None
    cluster: str | None


def _checked(
    wishes: Mapping[str, str | None], variants: str | None
) -> tuple[tuple[ScenarioFolder, ...], Settings, bool]:
    ids = [name.strip() for name in (wishes["SCENARIO"] or "").split(",") if name.strip()]
    scenarios = select(ids, further=folders(wishes["SCENARIOS"]))
    if variants == "ablate" and not ids:  # it takes minutes for each step
        raise UsageError(
            "SCENARIO is not set: an ablation runs one drill for each step of a runbook",
            hint=f"SCENARIO={scenarios[0].id}",
        )
    keep = wishes["KEEP"] or "0"
    one_of("KEEP", keep, ("0", "1"))
    settings = options.settings(lambda option: wishes[option.variable], variants=variants)
    settings.check()
    return scenarios, settings, keep == "1"


class _Interruption:
    """A pytest plugin that knows Ctrl-C from a collection error: pytest has one exit code for both."""

    seen = False

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        self.seen = not isinstance(excinfo.value, pytest.Session.Interrupted)  # which is an error of collection


def _drill(session: _Session) -> int:
    interruption = _Interruption()
    code = pytest.main(_pytest_arguments(session), plugins=[interruption])
    return EXIT_INTERRUPTED if interruption.seen else _PYTEST_EXIT_CODES.get(pytest.ExitCode(code), EXIT_FAILED)


def _pytest_arguments(session: _Session) -> list[str]:
    """The same run as a pytest command line."""
    settings = session.settings
    said = {option.flag: getattr(settings, option.field) for option in options.OPTIONS}
    said |= {"--variants": settings.variants, "--jobs": session.jobs, "--report-dir": session.place}
    said |= {"--in-cluster": session.address, "--cluster-name": session.cluster}
    given = [f"{name}={value}" for name, value in said.items() if value is not None]
    quiet = ["-q", "--no-header", "--capture=no", "-rN", "-p", "no:cacheprovider"]
    quiet += ["-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"]  # pytest-kind, by us
    tests = [str(scenario.test) for scenario in session.scenarios]
    return [*quiet, *_configured(session), *(["--keep-cluster"] if session.keep else []), *given, *tests]


def _configured(session: _Session) -> list[str]:
    """The same configuration wherever drills lie, and of the conftest.py files those beside them, not those above.

    pytest looks for both upwards from its tests. Above a wheel's, that is whatever project the environment lies in.
    """
    own = [each.folder.parent for each in session.scenarios if each.folder.parent != paths.scenarios_dir()]
    top = next(iter(own), paths.scenarios_dir())
    return [f"--config-file={paths.pytest_config()}", f"--rootdir={Path.cwd()}", f"--confcutdir={top}"]


def _wish(arguments: argparse.Namespace, variable: str) -> str | None:
    """The option, else the variable of the environment; empty means unset."""
    return getattr(arguments, variable.lower(), None) or os.environ.get(variable) or None
