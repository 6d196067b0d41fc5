"""The pytest plugin: options, fixtures, and what is said at the end. Registered by its entry point, never by hand.

`kind_cluster` is pytest-kind's fixture with another cluster behind it: pinned, made of supplied parts, really ready.
pytest-kind's own options keep their meaning. A session that uses none of the fixtures here notices nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from promdrill import settings
from promdrill.errors import PromdrillError
from promdrill.report import folder, summary
from promdrill.report.junit import properties
from promdrill.report.run import Run, Say
from promdrill.settings import Settings
from promdrill.supply.supplied import DEFAULT_HELM, DEFAULT_KUBERNETES

if TYPE_CHECKING:
    from promdrill.cluster.kind import PinnedKindCluster
    from promdrill.drill import Drill
    from promdrill.supply.supplied import Supplied

RUN = pytest.StashKey[Run]()
"""The run of this session, there once drills were collected."""

UNNAMED = "pytest-kind"
"""pytest-kind's default for --cluster-name; a cluster of ours then gets a name that is free."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add promdrill's options; those for kind itself are pytest-kind's."""
    group = parser.getgroup("promdrill", "drills of Prometheus on kind")
    group.addoption("--supply", default="auto", choices=settings.SUPPLIES, help="where things come from")
    group.addoption("--kube-version", default=DEFAULT_KUBERNETES, metavar="VERSION", help="version of the cluster")
    group.addoption("--helm-version", default=DEFAULT_HELM, metavar="MAJOR", help="major version of Helm")
    group.addoption("--chart", metavar="PATH", help="folder or .tgz of the chart to drill")
    group.addoption("--chart-version", metavar="VERSION", help="version that the chart must have")
    group.addoption("--values", metavar="FILE", help="Helm values, layered over the scenario's own")
    group.addoption("--control", choices=settings.CONTROLS, help="leave something out on purpose")
    group.addoption("--runbook", metavar="FILE", help="a runbook to run in place of the scenario's own")
    group.addoption("--profile", default="fast", choices=settings.PROFILES, help="kind configuration")
    group.addoption("--report-dir", metavar="DIR", help="folder of this run's results (default: reports/<UTC time>)")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Check the options, and put our `kind_cluster` before pytest-kind's.

    Of two plugins' fixtures of one name, the one registered later wins. Entry points are loaded in no order that one
    could rely on, so ours is registered here, when all of them are there.
    """
    wishes = _wishes(config)
    if wishes != Settings():
        with _usage_errors():
            wishes.check()
    config.pluginmanager.register(PinnedCluster(), "promdrill-kind-cluster")


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin a run when drills are left after deselection."""
    drills = [item for item in session.items if _is_drill(item)]
    for item in drills:  # a dependency's deprecation warning says nothing about the incident
        item.add_marker(pytest.mark.filterwarnings("default"))
    if drills and not session.config.option.collectonly:
        with _usage_errors():
            _run(session.config).tests.update(item.nodeid for item in drills)


class PinnedCluster:
    """The fixture that takes the place of pytest-kind's."""

    @pytest.fixture(scope="session")
    @classmethod
    def kind_cluster(cls, pytestconfig: pytest.Config, supplied: Supplied) -> Iterator[PinnedKindCluster]:
        """A kind cluster made of supplied parts: pinned, and ready in every respect."""
        from promdrill import drilling  # noqa: PLC0415  a session without a cluster does not pay for its modules

        option = pytestconfig.getoption
        options = drilling.KindOptions(
            name=option("cluster_name") if option("cluster_name") != UNNAMED else None,
            keep=option("keep_cluster"),
            kubeconfig=_path(pytestconfig, "kubeconfig"),
            image=option("kind_image"),
            kind=_path(pytestconfig, "kind_bin"),
            kubectl=_path(pytestconfig, "kind_kubectl_bin"),
        )
        with drilling.cluster(supplied, options, profile=option("profile"), say=_say(pytestconfig)) as made:
            yield made


@pytest.fixture(scope="session")
def supplied(pytestconfig: pytest.Config) -> Supplied:
    """Everything that a cluster is made of, built or fetched if it is not there."""
    from promdrill import drilling  # noqa: PLC0415  as above

    found = drilling.provide(_wishes(pytestconfig).request(), say=_say(pytestconfig))
    run = pytestconfig.stash.get(RUN, None)
    if run is not None:
        run.results.supplied(supply=found.name, kubernetes=found.kubernetes)
    return found


@pytest.fixture
def drill(request: pytest.FixtureRequest, supplied: Supplied, kind_cluster: PinnedKindCluster) -> Iterator[Drill]:
    """The drill of the scenario in whose folder the test lies."""
    from promdrill import drilling  # noqa: PLC0415  as above

    config = request.config
    keep: bool = config.getoption("keep_cluster")
    where = request.path.parent
    with drilling.drill(where, supplied, kind_cluster, run=_run(config), wishes=_wishes(config), keep=keep) as opened:
        yield opened


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Record how a drill ended, and say why in words: a stack of frames is for errors of promdrill itself."""
    report = yield
    run = item.config.stash.get(RUN, None)
    if run is None or not _is_drill(item):
        return report
    scenario = item.path.parent.name
    if call.excinfo is not None and report.failed:
        error = call.excinfo.value
        told = isinstance(error, PromdrillError) or (isinstance(error, AssertionError) and run.result(scenario))
        if told:
            report.longrepr = str(error)
        option = item.config.getoption
        reason = str(error) if told else f"{type(error).__name__}: {error}"
        run.aborted(scenario, profile=option("profile"), control=option("control"), reason=reason)
    result = run.result(scenario)
    if report.when == "call" and result is not None:
        item.user_properties += [(key, str(value)) for key, value in properties(result).items() if value is not None]
    return report


@pytest.hookimpl(wrapper=True)
def pytest_report_teststatus(
    report: pytest.CollectReport | pytest.TestReport, config: pytest.Config
) -> Generator[None, tuple[str, str, object], tuple[str, str, object]]:
    """Drills say in lines of their own how they end; a dot would stand in their way."""
    category, letter, word = yield
    run = config.stash.get(RUN, None)
    return category, "" if run is not None and report.nodeid in run.tests else letter, word


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Close the results, after every fixture has been torn down; those of an interrupted run stay unfinished."""
    run = session.config.stash.get(RUN, None)
    if run is not None and exitstatus != pytest.ExitCode.INTERRUPTED:
        run.results.finish()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """One line per drill, and where to read more."""
    run = config.stash.get(RUN, None)
    if run is None:
        return
    terminalreporter.section("drills")
    for line in summary.lines(run.drills):
        terminalreporter.write_line(line)
    terminalreporter.write_line(f"report: {run.folder}")


def _wishes(config: pytest.Config) -> Settings:
    option = config.getoption
    return Settings(
        supply=option("supply"),
        kubernetes=option("kube_version"),
        helm=option("helm_version"),
        chart=_path(config, "chart"),
        chart_version=option("chart_version"),
        values=_path(config, "values"),
        control=option("control"),
        runbook=_path(config, "runbook"),
        profile=option("profile"),
    )


def _run(config: pytest.Config) -> Run:
    """The run of this session, begun when it is asked for first."""
    if RUN not in config.stash:
        named = _path(config, "report_dir")
        place = folder.use(named) if named else folder.create(config.rootpath / "reports")
        wishes = _wishes(config)
        config.stash[RUN] = Run(place, supply=wishes.supply, kubernetes=wishes.kubernetes, say=_say(config))
    return config.stash[RUN]


def _say(config: pytest.Config) -> Say:
    """Shows lines on the terminal while tests run, past pytest's capturing."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    capture = config.pluginmanager.getplugin("capturemanager")

    def say(line: str) -> None:
        if reporter is None:
            return
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            reporter.ensure_newline()
            reporter.write_line(line)

    return say


def _path(config: pytest.Config, option: str) -> Path | None:
    value = config.getoption(option)
    return config.invocation_params.dir / Path(value).expanduser() if value else None


def _is_drill(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and "drill" in item.fixturenames


@contextlib.contextmanager
def _usage_errors() -> Iterator[None]:
    """Within the block, what promdrill refuses is an error of pytest's usage: exit code 4, nothing was started."""
    try:
        yield
    except PromdrillError as error:
        raise pytest.UsageError(str(error)) from error
