"""The plugin of a session that joins the cluster of another: nothing is provided, created or deleted here."""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import sys
from typing import TYPE_CHECKING

import pytest

from promdrill.parallel import turn
from promdrill.parallel.child import REPORTS
from promdrill.parallel.joining import Joined
from promdrill.results.run import Run

if TYPE_CHECKING:
    from promdrill.cluster.kind import PinnedKindCluster
    from promdrill.supply.supplied import Supplied


NEEDED = ("kubernetes.client", "kubernetes.config", "promdrill.request.fulfil")
"""Modules that take long to import and that every drill needs, but not every session."""


class JoinedSession:
    """Fixtures in place of those that make a cluster, and the tests' reports for the parent, which shows them.

    Args:
        config: The session's.
        joined: What the parent said.

    Attributes:
        run: This session's run, in the parent's folder but for the results, which the parent collects.
    """

    def __init__(self, config: pytest.Config, joined: Joined) -> None:
        self._config = config
        self._joined = joined
        reporter = config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None:
            config.pluginmanager.unregister(reporter)
        supplied = joined.supplied
        self.run = Run(
            joined.reports,
            supply=supplied.name,
            kubernetes=supplied.kubernetes,
            say=self._say,
            results_in=joined.outbox,
        )

    @pytest.fixture(scope="session")
    def supplied(self) -> Supplied:
        """What the parent was supplied with."""
        return self._joined.supplied

    @pytest.fixture(scope="session")
    def kind_cluster(self) -> PinnedKindCluster:
        """The parent's cluster."""
        return self._joined.address.cluster()

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Say why nothing could be collected."""
        if report.failed:
            sys.stdout.write(f"{report.longreprtext}\n")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self) -> None:
        """Have all that a drill needs imported, then wait for this session's turn; pytest's own loop follows."""
        for module in NEEDED:
            importlib.import_module(module)
        gc.freeze()  # pytest ends with five full collections; over the modules they take half a second, for nothing
        turn.wait_for(self._joined.outbox, turn.BEGIN)

    def until_alone(self) -> bool:
        """As `promdrill.drill.site.Site.until_alone`: one that may run beside others is as good as alone at once."""
        return turn.wait_for(self._joined.outbox, turn.ALONE)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Tell the parent at once: what comes after may be the end of this process."""
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        with (self._joined.outbox / REPORTS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(data) + "\n")

    def _say(self, line: str) -> None:
        """Tell the parent a line, past pytest's capturing."""
        capture = self._config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
