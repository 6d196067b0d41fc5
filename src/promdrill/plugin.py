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

from promdrill import scenarios, settings
from promdrill.errors import PromdrillError
from promdrill.jobs import wanted
from promdrill.jobs.joined import JoinedSession
from promdrill.jobs.joining import Joined
from promdrill.jobs.parent import Means, SideBySide
from promdrill.model import INSTALLS, Variant
from promdrill.report import folder, summary, tables
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
    group.addoption("--variants", choices=settings.VARIANTS, help="in place of each drill: its controls, or ablations")
    group.addoption("--runbook", metavar="FILE", help="a runbook to run in place of the scenario's own")
    group.addoption("--profile", default="fast", choices=settings.PROFILES, help="kind configuration")
    group.addoption("--evidence", default="failure", choices=settings.EVIDENCE, help="of which drills it is taken")
    group.addoption("--jobs", default="1", metavar="N", help=f"drills side by side, 1 to {wanted.MOST}")
    group.addoption("--join", metavar="FILE", help="for the children of a session with --jobs, who write FILE")
    group.addoption("--report-dir", metavar="DIR", help="folder of this run's results (default: reports/<UTC time>)")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Check the options, and put our `kind_cluster` before pytest-kind's.

    Of two plugins' fixtures of one name, the one registered later wins. Entry points are loaded in no order that one
    could rely on, so ours is registered here, when all of them are there.
    """
    for line in (*wanted.MARKERS, *scenarios.MARKERS):
        config.addinivalue_line("markers", line)
    wishes, join = _wishes(config), _path(config, "join")
    with _usage_errors():
        if wishes != Settings() and not join:  # the parent's have been checked
            wishes.check()
        width = wanted.width(config.getoption("jobs"))
        joined = JoinedSession(config, Joined.read(join)) if join else None
    if joined is not None:
        config.stash[RUN] = joined.run
        config.pluginmanager.register(joined, "promdrill-joined")
        return
    config.pluginmanager.register(PinnedCluster(), "promdrill-kind-cluster")
    if width > 1:
        means = Means(
            run=lambda: _run(config),
            provide=lambda: _provide(config),
            cluster=lambda supplied: _cluster(config, supplied),
            variant=lambda item: _variant(item) if _is_drill(item) else None,
        )
        config.pluginmanager.register(SideBySide(width, means), "promdrill-side-by-side")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per variant of a drill, where variants were asked for."""
    kind = metafunc.config.getoption("variants")
    if kind is None or "drill" not in metafunc.fixturenames:
        return
    from promdrill import drilling  # noqa: PLC0415  a session without a cluster does not pay for its modules

    try:
        found = drilling.variants(kind, metafunc.definition.path.parent, _path(metafunc.config, "runbook"))
    except PromdrillError as error:
        raise pytest.Collector.CollectError(str(error)) from error
    metafunc.parametrize("drill", found, ids=[variant.control for variant in found], indirect=True)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin a run when drills are left after deselection."""
    drills = [item for item in session.items if _is_drill(item)]
    for item in drills:  # a dependency's deprecation warning says nothing about the incident
        item.add_marker(pytest.mark.filterwarnings("default"))
    if drills and not session.config.option.collectonly:
        with _usage_errors():
            for item in drills:
                wanted.alone(item)
                wanted.exclusive(item)
                scenarios.traits(item.path)
            _run(session.config).tests.update(item.nodeid for item in drills)


class PinnedCluster:
    """The fixture that takes the place of pytest-kind's."""

    @pytest.fixture(scope="session")
    @classmethod
    def kind_cluster(cls, pytestconfig: pytest.Config, supplied: Supplied) -> Iterator[PinnedKindCluster]:
        """A kind cluster made of supplied parts: pinned, and ready in every respect."""
        with _cluster(pytestconfig, supplied) as made:
            yield made


@pytest.fixture(scope="session")
def supplied(pytestconfig: pytest.Config) -> Supplied:
    """Everything that a cluster is made of, built or fetched if it is not there."""
    return _provide(pytestconfig)


@pytest.fixture
def drill(request: pytest.FixtureRequest, supplied: Supplied) -> Iterator[Drill]:
    """The drill of the scenario in whose folder the test lies, in the variant that the test was made for.

    Skipped, before a cluster is made for it, where the scenario does not apply to the chart.
    """
    from promdrill import drilling  # noqa: PLC0415  as above

    config = request.config
    reason = scenarios.applies(request.path, *scenarios.followed(supplied.chart))
    if reason is not None:
        _run(config).say(f"{request.path.parent.name}: skipped: {reason}")
        pytest.skip(reason)
    with drilling.drill(
        request.path.parent,
        supplied,
        request.getfixturevalue("kind_cluster"),
        variant=_variant(request.node),
        install=scenarios.traits(request.path).install or INSTALLS[0],
        run=_run(config),
        wishes=_wishes(config),
        keep=config.getoption("keep_cluster"),
    ) as opened:
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
    scenario, variant = item.path.parent.name, _variant(item)
    if call.excinfo is not None and report.failed:
        error = call.excinfo.value
        judged = run.result(scenario, variant.control) is not None
        told = isinstance(error, PromdrillError) or (isinstance(error, AssertionError) and judged)
        if told:
            cause = error.__cause__  # a runbook step's own output stands in what the drill was ended by
            report.longrepr = f"{error}\n\n{cause}" if isinstance(cause, PromdrillError) else str(error)
        reason = str(error) if told else f"{type(error).__name__}: {error}"
        run.aborted(scenario, variant, profile=item.config.getoption("profile"), reason=reason)
    result = run.result(scenario, variant.control)
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
    """One line per drill, a table of controls or ablations, and where to read more."""
    run = config.stash.get(RUN, None)
    if run is None:
        return
    terminalreporter.section("drills")
    for line in (*summary.lines(run.drills), *tables.lines(run.drills, config.getoption("variants"))):
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
        variants=option("variants"),
        runbook=_path(config, "runbook"),
        profile=option("profile"),
        evidence=option("evidence"),
    )


def _provide(config: pytest.Config) -> Supplied:
    from promdrill import drilling  # noqa: PLC0415  as above

    found = drilling.provide(_wishes(config).request(), say=_say(config))
    run = config.stash.get(RUN, None)
    if run is not None:
        run.results.supplied(supply=found.name, kubernetes=found.kubernetes)
    return found


def _cluster(config: pytest.Config, supplied: Supplied) -> contextlib.AbstractContextManager[PinnedKindCluster]:
    from promdrill import drilling  # noqa: PLC0415  as above

    option = config.getoption
    options = drilling.KindOptions(
        name=option("cluster_name") if option("cluster_name") != UNNAMED else None,
        keep=option("keep_cluster"),
        kubeconfig=_path(config, "kubeconfig"),
        image=option("kind_image"),
        kind=_path(config, "kind_bin"),
        kubectl=_path(config, "kind_kubectl_bin"),
    )
    return drilling.cluster(supplied, options, profile=option("profile"), say=_say(config))


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


def _variant(item: pytest.Item) -> Variant:
    """The variant that the test was made for, else the one that --control names."""
    made_for = item.callspec.params.get("drill") if hasattr(item, "callspec") else None
    return made_for if isinstance(made_for, Variant) else Variant(item.config.getoption("control"))


def _is_drill(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and "drill" in item.fixturenames


@contextlib.contextmanager
def _usage_errors() -> Iterator[None]:
    """Within the block, what promdrill refuses is an error of pytest's usage: exit code 4, nothing was started."""
    try:
        yield
    except PromdrillError as error:
        raise pytest.UsageError(str(error)) from error
