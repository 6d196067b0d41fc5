"""The pytest sessions of `reproduce`, `remedy` and `verify`: a scenario's own test, of which the engine runs a part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from promdrill.core import paths
from promdrill.drill import Drill
from promdrill.plugin.session import DrillSession
from promdrill.request.scenarios import ScenarioFolder

Change = Callable[[pytest.FixtureRequest, Drill], AbstractContextManager[Drill]]
"""Turns the plugin's drill into the one that the test gets."""

_QUIET = ("-q", "-q", "--no-header", "--no-summary", "--capture=no", "-p", "no:cacheprovider")


class Session:
    """A plugin that changes the drill between promdrill's fixture and the test.

    Args:
        change: Changes it.

    Attributes:
        interrupted: Whether Ctrl-C ended the session.
        failures: Why it failed, in words.
        broke: What broke in pytest, or in a plugin of it: promdrill's.
    """

    def __init__(self, change: Change) -> None:
        self.interrupted = False
        self.failures: list[str] = []
        self.broke: BaseException | None = None
        self._change = change

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Override promdrill's own fixture: of two with the same name, the one registered later wins."""
        config.pluginmanager.register(_Between(self._change), "promdrill-between")

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Note Ctrl-C: pytest has the same exit code and exception for it as for errors of collection."""
        self.interrupted = not isinstance(excinfo.value, pytest.Session.Interrupted)

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Keep what broke."""
        self.broke = excinfo.value

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note why nothing could be collected, or why it was skipped."""
        self._note(report)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what failed, or why it was skipped."""
        self._note(report)

    def _note(self, report: pytest.CollectReport | pytest.TestReport) -> None:
        if report.failed:
            self.failures.append(report.longreprtext)
        elif report.skipped and isinstance(report.longrepr, tuple):
            self.failures.append(report.longrepr[2].removeprefix("Skipped: "))


class _Between:
    """The fixture."""

    def __init__(self, change: Change) -> None:
        self._change = change

    @pytest.fixture
    def drill(self, request: pytest.FixtureRequest, drill: Drill) -> Iterator[Drill]:
        """The changed drill."""
        with self._change(request, drill) as changed:
            yield changed


def run(session: Session, drills: DrillSession, scenario: Path) -> int:
    """Run one scenario's test.

    Args:
        session: Changes the drill, and notes how it ends.
        drills: Makes the drill.
        scenario: The scenario's folder.

    Returns:
        pytest's exit code.

    Raises:
        Exception: Whatever broke in the session itself.
    """
    place = ["-c", str(paths.pytest_config()), f"--rootdir={scenario.parent}"]
    test = ScenarioFolder(scenario.name, scenario).test
    code = int(pytest.main([*_QUIET, *place, str(test)], plugins=[drills, session]))
    if isinstance(session.broke, Exception):
        raise session.broke
    return code
