"""The plugin of a session that joins another's cluster: it reports to its parent, and its drill waits for its turn."""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import sys

import pytest

from promdrill.core.terminal import shown
from promdrill.parallel import messages, turn
from promdrill.parallel.child import REPORTS
from promdrill.parallel.joining import Joined
from promdrill.parallel.messages import State
from promdrill.results.run import Run

NEEDED = ("kubernetes.client", "kubernetes.config")
"""Modules that every drill needs and that take a second to import."""


class JoinedSession:
    """Sends the tests' reports to the parent, which shows them, and lets drills wait for their turn.

    Args:
        config: The session's configuration.
        joined: What the parent passed on.

    Attributes:
        run: This session's run, in the parent's folder except for the results, which the parent collects.
    """

    def __init__(self, config: pytest.Config, joined: Joined) -> None:
        self._config = config
        self._outbox = joined.outbox
        self._over = False
        reporter = config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None:  # the parent shows how the drill ends
            config.pluginmanager.unregister(reporter)
        supplied = joined.supplied
        self.run = Run(
            joined.reports,
            supply=supplied.name,
            kubernetes=supplied.kubernetes,
            say=self._say,
            results_in=joined.outbox,
        )

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Print why nothing could be collected."""
        if report.failed:
            sys.stdout.write(f"{shown(report.longreprtext)}\n")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self) -> None:
        """Import everything that a drill needs; pytest's own loop follows."""
        for module in NEEDED:
            importlib.import_module(module)
        gc.freeze()  # pytest ends with five full collections, which would take half a second over these modules

    def until_turn(self) -> float:
        """As `promdrill.drill.site.Execution.until_turn`; called once the baseline is proven."""
        messages.post(self._outbox, State.READY)
        return turn.wait_for(self._outbox)

    def turn_over(self) -> None:
        """As `promdrill.drill.site.Execution.turn_over`."""
        if not self._over:
            self._over = True
            messages.post(self._outbox, State.RECOVERING)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Tell the parent at once, because this process may be killed at any time."""
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        with (self._outbox / REPORTS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(data) + "\n")

    def _say(self, line: str) -> None:
        """Send the parent a line, bypassing pytest's capturing."""
        capture = self._config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            sys.stdout.write(f"{shown(line)}\n")
            sys.stdout.flush()
