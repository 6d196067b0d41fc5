"""A pytest session that runs drills: its request, its run, its supply, its cluster, and which tests are drills.

`promdrill.plugin.hooks`, which every pytest session loads, imports this module only when it is needed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from promdrill.cluster.kind import PinnedKindCluster
from promdrill.core import background, paths
from promdrill.core.choices import AS_WRITTEN, OTHER_FAULT
from promdrill.core.errors import ClusterError, CommandFailed, PromdrillError, UsageError, no_room
from promdrill.core.model import INSTALLS, Variant, drill_name
from promdrill.core.reading import path_of
from promdrill.core.terminal import shown
from promdrill.drill import Drill
from promdrill.drill.incident import refuse_again
from promdrill.drill.verdicts import line_in, of_command
from promdrill.helm.compatibility import stack
from promdrill.helm.compatibility.table import followed
from promdrill.helm.source.files import metadata
from promdrill.parallel import wanted
from promdrill.parallel.joined import JoinedSession
from promdrill.parallel.joining import Joined
from promdrill.parallel.parent import Means, SideBySide
from promdrill.request import adopting, fulfil, scenarios
from promdrill.request.fulfil import Preflight
from promdrill.request.options import OPTIONS, PLUGIN
from promdrill.request.options import joined as in_one
from promdrill.request.request import KindOptions, Request, make
from promdrill.results import folder, summary, variants
from promdrill.results.junit import properties
from promdrill.results.run import Run
from promdrill.supply.supplied import Supplied

if TYPE_CHECKING:
    from promdrill.watch.live import LiveRun

UNNAMED = "pytest-kind"
"""pytest-kind's default for --cluster-name; promdrill then picks a free name."""


class DrillSession:
    """promdrill's part of one pytest session: a plugin, and the functions behind its fixtures.

    Commands such as ``promdrill run`` pass one to pytest; otherwise `plugin.hooks` makes one from pytest's options.

    Args:
        request: The request.
        found: What the checks before the session found out.
        joined: For a session that joins another's cluster, what it was given; None for one with its own cluster.
        summary: Whether the session ends with a table of its drills.

    Attributes:
        request: The request.
    """

    __name__ = PLUGIN  # the name by which pytest's plugin manager, and so promdrill.plugin.hooks, finds it

    def __init__(
        self,
        request: Request,
        *,
        found: Preflight = Preflight(),  # noqa: B008  frozen
        joined: Joined | None = None,
        summary: bool = True,
    ) -> None:
        self.request = request
        self._found = found
        self._joined = joined
        self._summary = summary
        self._folders: tuple[Path, ...] = ()
        self._config: pytest.Config
        self._joining: JoinedSession | None = None
        self._run: Run | None = None
        self._live: LiveRun | None = None

    @classmethod
    def joining(cls, joined: Joined, *, summary: bool = True) -> DrillSession:
        """The session of a child, or of a command that works on a standing incident."""
        return cls(joined.request, joined=joined, summary=summary)

    @classmethod
    def of(cls, config: pytest.Config) -> DrillSession:
        """Make one from pytest's options.

        Raises:
            UsageError: An option is wrong.
        """
        join = _path(config, "join")
        if join is not None:
            return cls.joining(Joined.read(join))
        given = {option.variable: in_one(config.getoption(option.name)) for option in OPTIONS}
        return cls(
            make(
                given | {"JOBS": config.getoption("jobs"), "ADOPT": config.getoption("adopt")},
                folder=config.invocation_params.dir,
                variants=config.getoption("variants"),
                cluster=_kind_options(config),
                joins=_path(config, "in_cluster"),
                reports=_path(config, "report_dir"),
            )
        )

    @property
    def run(self) -> Run:
        """The run of this session; it begins at the first use."""
        if self._run is None:
            named, settings = self.request.reports, self.request.settings
            place = folder.use(named) if named else folder.create(self._base() / "reports")
            self._run = Run(
                place,
                supply=settings.supply,
                kubernetes=settings.kubernetes,
                say=self.say,
                options=self.request.changed(),
            )
        return self._run

    def say(self, line: str) -> None:
        """Show a line on the terminal while tests run, bypassing pytest's capturing."""
        line = shown(line)
        if self._live is not None:
            self._live.say(line)
            return
        reporter = self._config.pluginmanager.getplugin("terminalreporter")
        if reporter is None:
            return
        capture = self._config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            reporter.ensure_newline()
            reporter.write_line(line)
            reporter.flush()  # or a pipe, as in a CI, would get them only in blocks of kilobytes

    # --- behind the fixtures ------------------------------------------------------------------------------------

    def provide(self) -> Supplied:
        """Provide everything that a cluster and its drills need.

        Raises:
            UsageError: The chart cannot be drilled as requested, or nothing can be drilled on this machine.
            SupplyError: Something could not be fetched or built.
        """
        if self._joined is not None:
            return self._joined.supplied
        self.request = self.request.with_supply()
        self.request.require_machine(self._folders)
        supplied = fulfil.provide(self.request, self.request.needed(self._folders), say=self.say, found=self._found)
        if self._run is not None:
            self._run.results.supplied(supply=supplied.name, kubernetes=supplied.kubernetes)
        return supplied

    @contextlib.contextmanager
    def cluster(self, supplied: Supplied) -> Iterator[PinnedKindCluster]:
        """The cluster of the session: its own, or the one that it joins."""
        if self._joined is not None:
            yield self._joined.address.cluster()
        elif self.request.joins is not None:
            made = self.request.joins.cluster()
            fulfil.load(supplied, made)
            fulfil.witness(self.request, supplied, made, say=self.say)
            yield made
        elif self.request.cluster.adopt:
            with fulfil.adopted(supplied, self.request.cluster, say=self.say) as made:
                if self._run is not None:
                    self._run.results.supplied(supply=supplied.name, kubernetes=made.version)
                yield made
        else:
            options, profile = self.request.cluster, self.request.settings.profile
            if options.name is not None:
                refuse_again(paths.clusters_dir() / options.name, {each.name for each in self._folders})
            with fulfil.cluster(supplied, options, profile=profile, say=self.say) as made:
                fulfil.witness(self.request, supplied, made, say=self.say)
                yield made

    @contextlib.contextmanager
    def drill(self, request: pytest.FixtureRequest, supplied: Supplied) -> Iterator[Drill]:
        """The drill of the scenario in whose folder the test is, in the variant that the test was generated for.

        Skipped, before a cluster is made for it, if the scenario does not apply to the chart.

        Raises:
            ClusterError: An earlier drill left the cluster changed.
        """
        reason = self._skip_reason(request.node, supplied)
        if reason is not None:
            self.run.skip(request.path.parent.name, reason)
            pytest.skip(reason)
        if (no_further := self.run.no_further) is not None:
            raise ClusterError(no_further, hint="run it again: it gets a new cluster")
        with fulfil.drill(
            request.path.parent,
            supplied,
            request.getfixturevalue("kind_cluster"),
            variant=self._variant(request.node),
            install=scenarios.traits(request.path).install or INSTALLS[0],
            run=self.run,
            request=self.request,
            until_turn=self._joining.until_turn if self._joining is not None else lambda: 0.0,
            turn_over=self._joining.turn_over if self._joining is not None else lambda: None,
        ) as opened:
            yield opened

    # --- pytest's hooks -----------------------------------------------------------------------------------------

    def pytest_configure(self, config: pytest.Config) -> None:
        """Set up this session as a child, as a parent of children, or neither."""
        self._config = config
        if self._joined is not None:
            self._joining = JoinedSession(config, self._joined)
            self._run = self._joining.run
            config.pluginmanager.register(self._joining, "promdrill-joined")
        elif self.request.jobs > 1:
            means = Means(
                request=self.request,
                run=lambda: self.run,
                provide=self.provide,
                cluster=self.cluster,
                variant=lambda item: self._variant(item) if is_drill(item) else None,
                skip=self._skip_reason,
            )
            config.pluginmanager.register(SideBySide(means), "promdrill-side-by-side")

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test per variant of a drill and per repetition, if the request has any."""
        kind, settings = self.request.variants, self.request.settings
        if (kind is None and settings.repeat == 1) or "drill" not in metafunc.fixturenames:
            return
        found: tuple[Variant, ...] = (Variant(settings.control),)
        if kind is not None:
            try:
                found = fulfil.variants(kind, metafunc.definition.path.parent, settings)
            except PromdrillError as error:
                raise pytest.Collector.CollectError(shown(str(error))) from error
        if settings.repeat > 1:
            numbers = range(1, settings.repeat + 1)
            found = tuple(replace(variant, repetition=number) for variant in found for number in numbers)
        metafunc.parametrize("drill", found, ids=[variant.label for variant in found], indirect=True)

    def begin(self, drills: Sequence[pytest.Item]) -> None:
        """Begin a run of these tests.

        Raises:
            UsageError: A marker is wrong, the folder of the report cannot be used, or a drill does not fit the cluster.
        """
        for item in drills:
            for mark in wanted.of_other(item, self._variant(item)):
                item.add_marker(mark)
            wanted.alone(item)
            wanted.exclusive(item)
            wanted.long(item)
            scenarios.traits(item.path)
        self._folders = tuple(dict.fromkeys(item.path.parent for item in drills))
        if self.request.cluster.adopt:
            adopting.refuse(self.request.needed(self._folders))
        self.run.tests.update(item.nodeid for item in drills)
        self._go_live(drills)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Record how a drill ended, and say why in words; a traceback is only for errors of promdrill itself."""
        report = yield
        if self._run is None or not is_drill(item):
            return report
        scenario, variant = item.path.parent.name, self._variant(item)
        if call.excinfo is not None and report.failed:
            judged = self._run.result(scenario, variant) is not None
            errors = list(_alone(call.excinfo.value))
            told = [_told(item, error, judged=judged) for error in errors]
            if all(told):
                report.longrepr = "\n\n".join(dict.fromkeys(told))
            self._run.aborted(
                scenario, variant, profile=self.request.settings.profile, reason=_reason(errors[0], told[0])
            )
        _clean(report)
        result = self._run.result(scenario, variant)
        if report.when == "call" and result is not None:
            known = {key: str(value) for key, value in properties(result).items() if value is not None}
            item.user_properties += known.items()
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(
        self, report: pytest.CollectReport | pytest.TestReport
    ) -> Generator[None, tuple[str, str, object], tuple[str, str, object]]:
        """Drills print their own lines about how they end; pytest's dots would get in the way."""
        category, letter, word = yield
        return category, "" if self._run is not None and report.nodeid in self._run.tests else letter, word

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Close the results, after every fixture has been torn down; those of an interrupted run stay unfinished.

        A run whose results could not be written did not end well, whatever its verdicts.
        """
        if self._live is not None:
            self._live.stop()
        if self._run is None:
            return
        if exitstatus != pytest.ExitCode.INTERRUPTED:
            self._run.results.finish()
        if self._run.results.unwritten and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        own = self._run.results.folder == self._run.folder  # a child leaves the page to its parent
        if own and not self._run.results.unwritten:
            write_page(self._run)

    def pytest_unconfigure(self) -> None:
        """Wait for what still goes on in the background."""
        background.wait(say=self.say)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
        """One line per drill, a table of controls or ablations, and where to read more."""
        if self._run is None or not self._summary:
            return
        terminalreporter.section("drills")
        run, interrupted = self._run.results.run, exitstatus == pytest.ExitCode.INTERRUPTED
        for line in (
            *summary.lines(self._run.drills, run.skipped, planned=len(run.planned), interrupted=interrupted),
            *variants.lines(self._run.drills, self.request.variants),
        ):
            terminalreporter.write_line(shown(line))
        if self._run.results.unwritten:
            terminalreporter.write_line(
                shown(f"not written: {self._run.results.unwritten}; make room, and run it again")
            )
        terminalreporter.write_line(shown(f"report: {self._run.folder}"))

    def _base(self) -> Path:
        """The root folder of pytest if it has a configuration file, else the working folder."""
        config = self._config
        return config.rootpath if config.inipath is not None else config.invocation_params.dir

    def _variant(self, item: pytest.Item) -> Variant:
        """The variant that the test was generated for, else the one that --control names."""
        made_for = item.callspec.params.get("drill") if hasattr(item, "callspec") else None
        return made_for if isinstance(made_for, Variant) else Variant(self.request.settings.control)

    def _skip_reason(self, item: pytest.Item, supplied: Supplied) -> str | None:
        """Why a drill does not apply to the chart; None when it does."""
        chart = followed(metadata(supplied.chart))
        variant, keeps = self._variant(item), self.request.settings.keeps_scrapes
        own = scenarios.applies(item.path, *chart, supplied.app_version)
        if own is None and keeps:
            own = scenarios.keeps_scrapes(item.path)
        settings = self.request.settings
        if own is None and settings.runbook is None and settings.by_tls:
            own = scenarios.asks_plainly(item.path, chart[0])
        if own is not None:
            return own
        folder = scenarios.ScenarioFolder(item.path.parent.name, item.path.parent)
        file = folder.repairs if variant.repair_line is not None else folder.as_written
        if chart[0] == stack.CHART and (variant.control == AS_WRITTEN or variant.repair_line is not None):
            return f"its {file.name} is for prometheus-community/{scenarios.CHART}, not for {stack.CHART}"
        if variant.control != OTHER_FAULT:
            return None
        other = scenarios.look_alike(item.path.parent)
        if other is None:
            return None
        why = scenarios.applies(other.folder, *chart, supplied.app_version)
        if why is None and keeps:
            why = scenarios.keeps_scrapes(other.folder)
        return f"{OTHER_FAULT}: {why}" if why is not None else None

    def _go_live(self, drills: Sequence[pytest.Item]) -> None:
        """Show a live view below the run's lines, if the terminal can and pytest does not capture output."""
        if self._joined is not None:
            return
        planned = tuple(drill_name(item.path.parent.name, self._variant(item).label) for item in drills)
        self.run.results.plan(planned)
        option = self._config.getoption
        if option("capture") != "no" or option("usepdb"):
            return
        from promdrill.watch.live import live_run  # noqa: PLC0415  not needed in a pipe

        self._live = live_run(self.run.folder, planned)
        if self._live is not None:
            self._config.add_cleanup(self._live.stop)  # restores the terminal, whatever happens


def _alone(error: BaseException) -> Iterator[BaseException]:
    """Each of the errors that came together, as when two fixtures cannot be taken down; the error itself else."""
    for each in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        yield from _alone(each)
    if not isinstance(error, BaseExceptionGroup):
        yield error


def _told(item: pytest.Item, error: BaseException, *, judged: bool) -> str:
    """What pytest shows of an error in place of a traceback; empty for an error of promdrill itself."""
    if isinstance(error, PromdrillError) or (isinstance(error, AssertionError) and judged):
        cause = error.__cause__  # the cause has the output of the runbook step that failed
        return f"{error}\n\n{cause}" if isinstance(cause, PromdrillError) else _placed(item, error)
    return no_room(error)


def _reason(error: BaseException, told: str) -> str:
    """Why a drill was aborted that has no result yet."""
    if isinstance(error, CommandFailed):
        return of_command(error)
    return no_room(error) or (str(error) if told else f"{type(error).__name__}: {error}")


def _clean(report: pytest.TestReport) -> None:
    """Take out of a test's report what pytest must not show. One that has nothing of that kind keeps its colours."""
    said = report.longreprtext
    if shown(said) != said:
        report.longrepr = shown(said)
    report.sections = [(name, shown(content)) for name, content in report.sections]


def is_drill(item: pytest.Item) -> bool:
    """Whether a test is a drill."""
    return isinstance(item, pytest.Function) and "drill" in item.fixturenames


def write_page(ended: Run) -> None:
    """Write report.html beside the results; if that fails, the run says so and is otherwise unaffected."""
    from promdrill.report.html.page import write  # noqa: PLC0415  slow to import, so only when needed

    try:
        write(ended.folder)
    except Exception as error:  # noqa: BLE001  whatever it is, results.json is written
        ended.say(f"no report.html: {type(error).__name__}: {error}")


def _kind_options(config: pytest.Config) -> KindOptions:
    """Pytest-kind's options. A session may be without its plugin, as with promdrill's own configuration."""
    option = config.getoption
    name = option("cluster_name", UNNAMED)
    return KindOptions(
        name=name if name != UNNAMED else None,
        keep=option("keep_cluster", default=False),
        kubeconfig=_path(config, "kubeconfig"),
        image=option("kind_image", None),
        kind=_path(config, "kind_bin"),
        kubectl=_path(config, "kind_kubectl_bin"),
    )


def _path(config: pytest.Config, option: str) -> Path | None:
    """The value of an option that is a path."""
    value = config.getoption(option, None)
    return config.invocation_params.dir / path_of(value) if value else None


def _placed(item: pytest.Item, error: BaseException) -> str:
    """An error in words, with its line if it is in the scenario's own test."""
    line = line_in(item.path.parent, error) if isinstance(error, UsageError) else ""
    return f"{line}: {error}" if line else str(error)
