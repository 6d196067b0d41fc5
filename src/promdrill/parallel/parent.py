"""The plugin of a session with parallel drills: it makes the cluster, and runs each drill in a child."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from promdrill.cluster.address import Address
from promdrill.core import scratch
from promdrill.core.errors import PromdrillError, UsageError
from promdrill.core.journal import JOURNAL
from promdrill.core.model import Variant, drill_name
from promdrill.drill.interrupts import terminable
from promdrill.parallel import child, wanted
from promdrill.parallel.joining import Joined
from promdrill.parallel.pool import Pool, Tell
from promdrill.parallel.turn import Turn
from promdrill.request import changes, scenarios
from promdrill.request.request import Request
from promdrill.results.folder import of_drill
from promdrill.results.run import Run

if TYPE_CHECKING:
    from promdrill.cluster.kind import PinnedKindCluster
    from promdrill.supply.supplied import Supplied

PASSED_ON = ("capture", "confcutdir")
"""Options of pytest itself that children get too; promdrill's options are in the file that children join by."""


@dataclass(frozen=True, slots=True)
class Means:
    """What the session provides.

    Attributes:
        request: The request.
        run: The run that records the results.
        provide: Provides everything that cluster and drills need.
        cluster: Makes the cluster, and deletes it at the end.
        variant: Which variant of its scenario a test is; None if it is not a drill.
        skip: Why a drill does not apply to what was supplied; None if it does.
    """

    request: Request
    run: Callable[[], Run]
    provide: Callable[[], Supplied]
    cluster: Callable[[Supplied], AbstractContextManager[PinnedKindCluster]]
    variant: Callable[[pytest.Item], Variant | None]
    skip: Callable[[pytest.Item, Supplied], str | None]


class SideBySide:
    """pytest's loop over the tests, with children.

    Args:
        means: What the session provides.
    """

    def __init__(self, means: Means) -> None:
        self._means = means
        self._left: list[pytest.Item] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Refuse a test that is not a drill: it would need a cluster in this process."""
        for item in session.items:
            if self._means.variant(item) is None:
                raise pytest.UsageError(str(UsageError(f"--jobs: {item.nodeid} is not a drill", hint="--jobs=1")))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Run all drills; if there is nothing to run, leave it to pytest's own loop to say so."""
        if session.testsfailed or session.config.option.collectonly or not session.items:
            return None
        self._left = list(session.items)
        try:
            supplied = self._means.provide()
            items = [item for item in tuple(self._left) if not self._skipped(item, supplied)]
            if not items:
                return True
            with (
                self._means.cluster(supplied) as made,
                scratch.folder("jobs") as folder,
            ):
                self._drill(items, supplied, Address.of(made), folder)
        except PromdrillError as error:
            self._fail(session, error)
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
        return True

    def _drill(self, items: list[pytest.Item], supplied: Supplied, address: Address, folder: Path) -> None:
        run, config, session = self._means.run(), items[0].config, items[0].session
        options = options_of(config)
        outboxes = {item: folder / str(number) for number, item in enumerate(items)}
        reasons = {item: wanted.alone(item) for item in items}
        request = self._means.request
        joins = {
            item: Joined(request, supplied, address, run.folder, outbox).write() for item, outbox in outboxes.items()
        }

        def work(item: pytest.Item, tell: Tell, stop: threading.Event) -> child.Left:
            cwd = config.invocation_params.dir
            lasts_s = request.settings.hold_s + request.settings.growth_s
            return child.run(
                _target(item), options, join=joins[item], cwd=cwd, on_message=tell, stop=stop, lasts_s=lasts_s
            )

        def begins(item: pytest.Item) -> None:
            if (why := reasons[item]) is not None:
                self._show(item, f"now runs alone, because it changes what drills share ({why})")
            turns[item].give()

        def ended(item: pytest.Item, left: child.Left) -> bool:
            if not left.stopped or self._began(item):
                self._take(item, left)
            return not (session.shouldfail or session.shouldstop or run.no_further)

        taken = {item: wanted.taken(item, self._variant(item), supplied.shared) for item in items}
        if (said := changes.one_at_a_time(taken.values())) is not None:
            run.say(said)
        uses = {item: (*taken[item], *filter(None, [wanted.exclusive(item)])) for item in items}
        pool = Pool(work, on_turn=begins, on_line=self._show, on_end=ended, uses=uses.__getitem__)
        took_s = scenarios.last_took(run.folder.parent)
        together = [item for item, why in reasons.items() if why is None]
        ordered = wanted.longest_first(
            together, lambda item: took_s.get(self._name(item)), lambda item: wanted.long(item) is not None
        )
        with ExitStack() as held, terminable():
            turns = {item: held.enter_context(Turn(outbox)) for item, outbox in outboxes.items()}
            apart = [item for item in reasons if item not in together]
            pool.run(ordered, apart, width=request.jobs, ahead=request.ahead)
        if run.no_further is not None:
            self._refuse(run.no_further)

    def _skipped(self, item: pytest.Item, supplied: Supplied) -> bool:
        """Whether a drill does not apply. If so, records it as skipped."""
        reason = self._means.skip(item, supplied)
        if reason is None:
            return False
        self._left.remove(item)
        self._means.run().skip(item.path.parent.name, reason)
        place = (str(item.path), 0, f"Skipped: {reason}")
        _log(item, [pytest.TestReport(item.nodeid, item.location, {}, "skipped", place, "setup")])
        return True

    def _show(self, item: pytest.Item, line: str) -> None:
        name = f"{self._name(item)}: "
        self._means.run().say(line if line.startswith(name) else name + line)

    def _take(self, item: pytest.Item, left: child.Left) -> None:
        """Add a child's results and reports to this session's own."""
        self._left.remove(item)
        run, config = self._means.run(), item.config
        for drill in left.drills:
            run.results.add(drill)
        hook = config.hook.pytest_report_from_serializable
        reports: list[pytest.TestReport] = [hook(config=config, data=data) for data in left.reports]
        if left.end is not None:
            self._abort(item, left.end, interrupted=left.stopped)
            reports += [] if left.stopped else [_failure(item, "call", f"{self._name(item)}: {left.end}")]
        _log(item, reports)

    def _fail(self, session: pytest.Session, error: PromdrillError) -> None:
        """Report that there was no cluster, or that it could not be deleted."""
        if self._left:
            self._refuse(str(error))
        else:
            _log(session.items[-1], [_failure(session.items[-1], "teardown", str(error))])

    def _refuse(self, reason: str) -> None:
        """Report that the drills that are left are not run."""
        refused, self._left = self._left, []
        for item in refused:
            self._abort(item, reason)
            _log(item, [_failure(item, "setup", reason)])

    def _abort(self, item: pytest.Item, reason: str, *, interrupted: bool = False) -> None:
        variant = self._variant(item)
        scenario, profile = item.path.parent.name, self._means.request.settings.profile
        self._means.run().aborted(scenario, variant, profile=profile, reason=reason, interrupted=interrupted)

    def _began(self, item: pytest.Item) -> bool:
        """Whether a drill has a journal, and so a place in the report."""
        folder = self._means.run().folder / of_drill(item.path.parent.name, self._variant(item).label)
        return (folder / JOURNAL).exists()

    def _name(self, item: pytest.Item) -> str:
        return drill_name(item.path.parent.name, self._variant(item).label)

    def _variant(self, item: pytest.Item) -> Variant:
        return self._means.variant(item) or Variant()


def options_of(config: pytest.Config) -> list[str]:
    """Pytest's own options that matter to a child, as its command line."""
    options = [f"--rootdir={config.rootpath}", "-p", "no:cacheprovider"]
    if config.inipath is not None:
        options += ["-c", str(config.inipath)]
    for name in PASSED_ON:
        value = config.getoption(name)
        if value is not None:
            options.append(f"--{name}={value}")
    return options


def _target(item: pytest.Item) -> str:
    """The test as an argument for a child, independent of the working folder."""
    return f"{item.path}::{item.nodeid.partition('::')[2]}"


def _failure(item: pytest.Item, when: Literal["setup", "call", "teardown"], text: str) -> pytest.TestReport:
    return pytest.TestReport(item.nodeid, item.location, {}, "failed", text, when)


def _log(item: pytest.Item, reports: list[pytest.TestReport]) -> None:
    """Pass a test's reports to this session's plugins as if it had run here."""
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
