"""``promdrill run``: check everything, then let pytest run the scenarios, then say how they ended.

``controls`` and ``ablate`` are the same with other variants of each drill.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Collection, Mapping
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
from promdrill.errors import PromdrillError, UsageError
from promdrill.jobs.wanted import width
from promdrill.report import folder, results, summary
from promdrill.scenarios import ScenarioFolder, select
from promdrill.settings import CONTROLS, EVIDENCE, PROFILES, SUPPLIES, Settings, is_warm, one_of
from promdrill.supply.choose import chosen
from promdrill.supply.supplied import DEFAULT_HELM, DEFAULT_KUBERNETES

OPTIONS: Mapping[str, str] = {
    "SCENARIO": "ids, comma separated (default: all)",
    "CHART": "folder or .tgz of the chart to drill (default: the supply's own)",
    "CHART_VERSION": "version that the chart must have",
    "VALUES": "file with Helm values, layered over the scenario's own",
    "KUBE_VERSION": f"version of the cluster (default: {DEFAULT_KUBERNETES})",
    "HELM_VERSION": f"major version of Helm (default: {DEFAULT_HELM})",
    "SUPPLY": f"where things come from: {', '.join(SUPPLIES)} (default: auto)",
    "KEEP": "1 keeps the cluster afterwards, until `promdrill clean`",
    "JOBS": "drills side by side in the one cluster, 1 to 16 (default: 1)",
    "CONTROL": f"leave something out on purpose: {', '.join(CONTROLS)}",
    "RUNBOOK": "a runbook of your own, run in place of the scenario's",
    "EVIDENCE": f"when evidence is taken: {', '.join(EVIDENCE)} (default: failure)",
}
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
        variants: What is run of each drill, of `promdrill.settings.VARIANTS`; None for the drill itself.
        without: Variables that mean nothing to it; it has no options for them.
    """
    parser = add_command(commands, name, summary=summary, example=example, execute=_execute)
    parser.set_defaults(variants=variants)
    for variable, meaning in OPTIONS.items():
        if variable not in without:
            parser.add_argument(_option(variable), metavar=variable, help=f"{meaning} [${variable}]")
    parser.add_argument("--profile", choices=PROFILES, default=PROFILES[0], help="kind configuration (default: fast)")
    parser.add_argument(
        "--reports", type=Path, default=Path("reports"), help="folder of all reports (default: reports)"
    )
    _explain_exit_codes(parser)


def _explain_exit_codes(parser: Parser) -> None:
    codes = "Exit codes: 0 all ended as due; 1 some did not; 2 bad input, nothing was started; 130 interrupted."
    parser.epilog = f"{parser.epilog}\n\n{codes}"


def _execute(arguments: argparse.Namespace) -> int:
    wishes = {variable: _wish(arguments, variable) for variable in OPTIONS}
    try:
        scenarios, settings, keep = _checked(wishes, arguments.profile, arguments.variants)
        jobs = width(wishes["JOBS"] or "1")
        doctor.require(supply=chosen(settings.supply).name, warm=is_warm(settings.kubernetes))
        place = folder.create(arguments.reports)
    except PromdrillError as error:  # whatever it is: nothing was started
        complain(error)
        return EXIT_USAGE
    code = _drill(scenarios, settings, keep=keep, jobs=jobs, place=place)
    drills = results.read(place).drills if (place / results.RESULTS).exists() else ()
    say(summary.closing_line(drills))
    return code


def _checked(
    wishes: Mapping[str, str | None], profile: str, variants: str | None
) -> tuple[tuple[ScenarioFolder, ...], Settings, bool]:
    ids = [name.strip() for name in (wishes["SCENARIO"] or "").split(",") if name.strip()]
    scenarios = select(ids)
    if variants == "ablate" and not ids:  # it takes minutes for each step
        raise UsageError(
            "SCENARIO is not set: an ablation runs one drill for each step of a runbook",
            hint=f"SCENARIO={scenarios[0].id}",
        )
    keep = wishes["KEEP"] or "0"
    one_of("KEEP", keep, ("0", "1"))
    settings = Settings(
        supply=wishes["SUPPLY"] or "auto",
        kubernetes=wishes["KUBE_VERSION"] or DEFAULT_KUBERNETES,
        helm=wishes["HELM_VERSION"] or DEFAULT_HELM,
        chart=_path(wishes["CHART"]),
        chart_version=wishes["CHART_VERSION"],
        values=_path(wishes["VALUES"]),
        control=wishes["CONTROL"],
        variants=variants,
        runbook=_path(wishes["RUNBOOK"]),
        profile=profile,
        evidence=wishes["EVIDENCE"] or "failure",
    )
    settings.check()
    return scenarios, settings, keep == "1"


class _Interruption:
    """A pytest plugin that knows Ctrl-C from a collection error: pytest has one exit code for both."""

    seen = False

    def pytest_keyboard_interrupt(self) -> None:
        self.seen = True


def _drill(scenarios: tuple[ScenarioFolder, ...], settings: Settings, *, keep: bool, jobs: int, place: Path) -> int:
    interruption = _Interruption()
    arguments = _pytest_arguments(scenarios, settings, keep=keep, jobs=jobs, place=place)
    code = pytest.main(arguments, plugins=[interruption])
    return EXIT_INTERRUPTED if interruption.seen else _PYTEST_EXIT_CODES.get(pytest.ExitCode(code), EXIT_FAILED)


def _pytest_arguments(
    scenarios: tuple[ScenarioFolder, ...], settings: Settings, *, keep: bool, jobs: int, place: Path
) -> list[str]:
    """The same run as a pytest command line."""
    options = {
        "--supply": settings.supply,
        "--kube-version": settings.kubernetes,
        "--helm-version": settings.helm,
        "--chart": settings.chart,
        "--chart-version": settings.chart_version,
        "--values": settings.values,
        "--control": settings.control,
        "--variants": settings.variants,
        "--runbook": settings.runbook,
        "--profile": settings.profile,
        "--evidence": settings.evidence,
        "--jobs": jobs,
        "--report-dir": place,
    }
    given = [f"{name}={value}" for name, value in options.items() if value is not None]
    quiet = ["-q", "--no-header", "--capture=no", "-rN", "-p", "no:cacheprovider"]
    quiet += ["-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"]  # pytest-kind, by us
    return [*quiet, *(["--keep-cluster"] if keep else []), *given, *(str(scenario.test) for scenario in scenarios)]


def _wish(arguments: argparse.Namespace, variable: str) -> str | None:
    """The option, else the variable of the environment; empty means unset."""
    return getattr(arguments, variable.lower(), None) or os.environ.get(variable) or None


def _option(variable: str) -> str:
    return f"--{variable.lower().replace('_', '-')}"


def _path(value: str | None) -> Path | None:
    return Path(value).expanduser() if value else None
