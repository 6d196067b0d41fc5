"""The pytest plugin: options, fixtures, and what is said at the end. Registered by its entry point, never by hand.

`kind_cluster` is pytest-kind's fixture with another cluster behind it: pinned, made of supplied parts, really ready.
pytest-kind's own options keep their meaning. A session that uses none of the fixtures here notices nothing.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from promdrill.core.errors import PromdrillError, UsageError
from promdrill.core.model import INSTALLS, Variant
from promdrill.parallel import wanted
from promdrill.parallel.joined import JoinedSession
from promdrill.parallel.joining import Joined
from promdrill.parallel.parent import Means, SideBySide
from promdrill.plugin import session as ours
from promdrill.request import scenarios
from promdrill.request.options import OPTIONS
from promdrill.request.settings import VARIANTS, Settings
from promdrill.results import summary, variants
from promdrill.results.junit import properties

if TYPE_CHECKING:
    from promdrill.cluster.kind import PinnedKindCluster
    from promdrill.drill import Drill
    from promdrill.supply.supplied import Supplied


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add promdrill's options; those for kind itself are pytest-kind's."""
    group = parser.getgroup("promdrill", "drills of Prometheus on kind")
    for option in OPTIONS:
        group.addoption(option.flag, metavar=option.variable, help=option.meaning)
    group.addoption("--variants", choices=VARIANTS, help="in place of each drill: its controls, or ablations")
    group.addoption("--jobs", default="1", metavar="N", help=f"drills side by side, 1 to {wanted.MOST}")
    group.addoption("--join", metavar="FILE", help="for the children of a session with --jobs, who write FILE")
    group.addoption("--in-cluster", metavar="FILE", help="address of a cluster that is there, and stays")
    group.addoption("--report-dir", metavar="DIR", help="folder of this run's results (default: reports/<UTC time>)")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Check the options, and put our `kind_cluster` before pytest-kind's.

    Of two plugins' fixtures of one name, the one registered later wins. Entry points are loaded in no order that one
    could rely on, so ours is registered here, when all of them are there.
    """
    for line in (*wanted.MARKERS, *scenarios.MARKERS):
        config.addinivalue_line("markers", line)
    join = ours.path(config, "join")
    with ours.usage_errors():
        wishes = ours.wishes(config)
        if wishes != Settings() and not join:  # the parent's have been checked
            wishes.check()
        width = wanted.width(config.getoption("jobs"))
        joined = JoinedSession(config, Joined.read(join)) if join else None
    if joined is not None:
        config.stash[ours.RUN] = joined.run
        config.stash[ours.UNTIL_ALONE] = joined.until_alone
        config.pluginmanager.register(joined, "promdrill-joined")
        return
    config.pluginmanager.register(PinnedCluster(), "promdrill-kind-cluster")
    if width > 1:
        means = Means(
            run=lambda: ours.run(config),
            provide=lambda: ours.provide(config),
            cluster=lambda supplied: ours.cluster(config, supplied),
            variant=lambda item: ours.variant(item) if ours.is_drill(item) else None,
            skip=ours.skip_reason,
            profile=wishes.profile,
        )
        config.pluginmanager.register(SideBySide(width, means), "promdrill-side-by-side")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per variant of a drill and per repetition, where such were asked for."""
    config = metafunc.config
    kind, repeat = config.getoption("variants"), ours.wishes(config).repeat
    if (kind is None and repeat == 1) or "drill" not in metafunc.fixturenames:
        return
    from promdrill.request import fulfil  # noqa: PLC0415  a session without a cluster does not pay for its modules

    single: tuple[Variant, ...] = (Variant(config.getoption("control")),)
    try:
        found = fulfil.variants(kind, metafunc.definition.path.parent, ours.path(config, "runbook")) if kind else single
    except PromdrillError as error:
        raise pytest.Collector.CollectError(str(error)) from error
    if repeat > 1:
        found = tuple(replace(variant, repetition=number) for variant in found for number in range(1, repeat + 1))
    metafunc.parametrize("drill", found, ids=[variant.label for variant in found], indirect=True)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin a run when drills are left after deselection."""
    drills = [item for item in session.items if ours.is_drill(item)]
    for item in drills:  # a dependency's deprecation warning says nothing about the incident
        item.add_marker(pytest.mark.filterwarnings("default"))
    if drills and not session.config.option.collectonly:
        with ours.usage_errors():
            for item in drills:
                wanted.alone(item)
                wanted.exclusive(item)
                wanted.long(item)
                scenarios.traits(item.path)
            session.config.stash[ours.FOLDERS] = list(dict.fromkeys(item.path.parent for item in drills))
            ours.run(session.config).tests.update(item.nodeid for item in drills)
        ours.go_live(session.config, drills)


class PinnedCluster:
    """The fixture that takes the place of pytest-kind's."""

    @pytest.fixture(scope="session")
    @classmethod
    def kind_cluster(cls, pytestconfig: pytest.Config, supplied: Supplied) -> Iterator[PinnedKindCluster]:
        """A kind cluster made of supplied parts: pinned, and ready in every respect."""
        with ours.cluster(pytestconfig, supplied) as made:
            yield made


@pytest.fixture(scope="session")
def supplied(pytestconfig: pytest.Config) -> Supplied:
    """Everything that a cluster is made of, built or fetched if it is not there."""
    return ours.provide(pytestconfig)


@pytest.fixture
def drill(request: pytest.FixtureRequest, supplied: Supplied) -> Iterator[Drill]:
    """The drill of the scenario in whose folder the test lies, in the variant that the test was made for.

    Skipped, before a cluster is made for it, where the scenario does not apply to the chart.
    """
    from promdrill.request import fulfil  # noqa: PLC0415  as above

    config = request.config
    reason = ours.skip_reason(request.node, supplied)
    if reason is not None:
        ours.run(config).skip(request.path.parent.name, reason)
        pytest.skip(reason)
    with fulfil.drill(
        request.path.parent,
        supplied,
        request.getfixturevalue("kind_cluster"),
        variant=ours.variant(request.node),
        install=scenarios.traits(request.path).install or INSTALLS[0],
        run=ours.run(config),
        wishes=ours.wishes(config),
        keep=config.getoption("keep_cluster"),
        until_alone=config.stash.get(ours.UNTIL_ALONE, lambda: False),
    ) as opened:
        yield opened


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Record how a drill ended, and say why in words: a stack of frames is for errors of promdrill itself."""
    report = yield
    run = item.config.stash.get(ours.RUN, None)
    if run is None or not ours.is_drill(item):
        return report
    scenario, variant = item.path.parent.name, ours.variant(item)
    if call.excinfo is not None and report.failed:
        error = call.excinfo.value
        judged = run.result(scenario, variant) is not None
        told = isinstance(error, PromdrillError) or (isinstance(error, AssertionError) and judged)
        if told:
            cause = error.__cause__  # a runbook step's own output stands in what the drill was ended by
            report.longrepr = f"{error}\n\n{cause}" if isinstance(cause, PromdrillError) else _placed(item, error)
        reason = str(error) if told else f"{type(error).__name__}: {error}"
        run.aborted(scenario, variant, profile=ours.wishes(item.config).profile, reason=reason)
    result = run.result(scenario, variant)
    if report.when == "call" and result is not None:
        item.user_properties += [(key, str(value)) for key, value in properties(result).items() if value is not None]
    return report


def _placed(item: pytest.Item, error: BaseException) -> str:
    """An error in words; what is wrong in a scenario's own test with its line."""
    from promdrill.drill.verdicts import line_in  # noqa: PLC0415  as above

    line = line_in(item.path.parent, error) if isinstance(error, UsageError) else ""
    return f"{line}: {error}" if line else str(error)


@pytest.hookimpl(wrapper=True)
def pytest_report_teststatus(
    report: pytest.CollectReport | pytest.TestReport, config: pytest.Config
) -> Generator[None, tuple[str, str, object], tuple[str, str, object]]:
    """Drills say in lines of their own how they end; a dot would stand in their way."""
    category, letter, word = yield
    run = config.stash.get(ours.RUN, None)
    return category, "" if run is not None and report.nodeid in run.tests else letter, word


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Close the results, after every fixture has been torn down; those of an interrupted run stay unfinished."""
    run = session.config.stash.get(ours.RUN, None)
    if ours.LIVE in session.config.stash:
        session.config.stash[ours.LIVE].stop()
    if run is None:
        return
    if exitstatus != pytest.ExitCode.INTERRUPTED:
        run.results.finish()
    if run.results.folder == run.folder:  # one that joins another's leaves it to that one
        ours.write_page(run)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """One line per drill, a table of controls or ablations, and where to read more."""
    run = config.stash.get(ours.RUN, None)
    if run is None:
        return
    terminalreporter.section("drills")
    for line in (
        *summary.lines(run.drills, run.results.run.skipped),
        *variants.lines(run.drills, config.getoption("variants")),
    ):
        terminalreporter.write_line(line)
    terminalreporter.write_line(f"report: {run.folder}")
