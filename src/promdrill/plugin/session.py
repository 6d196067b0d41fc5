"""What a pytest session of ours is: its wishes, its run, its supply, its cluster, and which of its tests are drills."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from promdrill import doctor
from promdrill.core.errors import PromdrillError
from promdrill.core.model import Variant, drill_name
from promdrill.core.say import Say
from promdrill.helm.compatibility.table import followed
from promdrill.helm.source.files import metadata
from promdrill.parallel.joining import Address
from promdrill.request import options, scenarios
from promdrill.request.settings import Settings, is_warm
from promdrill.results import folder
from promdrill.results.run import Run

if TYPE_CHECKING:
    from promdrill.cluster.kind import PinnedKindCluster
    from promdrill.supply.supplied import Supplied
    from promdrill.watch.live import LiveRun  # noqa: F401  named in a text

RUN = pytest.StashKey[Run]()
"""The run of this session, there once drills were collected."""

FOLDERS = pytest.StashKey[Sequence[Path]]()
"""The folders of the scenarios whose drills were collected."""

LIVE = pytest.StashKey["LiveRun"]()
"""The view of the run below its lines; there in a terminal that can show it."""

UNTIL_ALONE = pytest.StashKey[Callable[[], bool]]()
"""As in `promdrill.drill.site.Site`; there in a session that joins the cluster of another."""

UNNAMED = "pytest-kind"
"""pytest-kind's default for --cluster-name; a cluster of ours then gets a name that is free."""


def wishes(config: pytest.Config) -> Settings:
    """What the session was asked for.

    Raises:
        UsageError: An option is not of its form.
    """
    return options.settings(
        lambda option: config.getoption(option.name),
        folder=config.invocation_params.dir,
        variants=config.getoption("variants"),
    )


def provide(config: pytest.Config) -> Supplied:
    """Everything that a cluster and its drills are made of.

    Raises:
        UsageError: The chart cannot be drilled as asked for, or nothing can be drilled on this machine.
        SupplyError: Something could not be had.
    """
    from promdrill.request import fulfil  # noqa: PLC0415  a session without a cluster does not pay for its modules

    asked = wishes(config)
    chosen = asked.supply_name()
    doctor.require(supply=chosen, warm=is_warm(asked.kubernetes, chosen))
    found = fulfil.provide(asked, config.stash.get(FOLDERS, ()), say=say(config))
    ours = config.stash.get(RUN, None)
    if ours is not None:
        ours.results.supplied(supply=found.name, kubernetes=found.kubernetes)
    return found


@contextlib.contextmanager
def cluster(config: pytest.Config, supplied: Supplied) -> Iterator[PinnedKindCluster]:
    """The cluster of the session: its own, or the one that it was given."""
    from promdrill.cluster import owners  # noqa: PLC0415  as above
    from promdrill.drill.incident import refuse_again  # noqa: PLC0415  as above
    from promdrill.request import fulfil  # noqa: PLC0415  as above

    option = config.getoption
    given = path(config, "in_cluster")
    if given is not None:
        made = Address.read(given).cluster()
        fulfil.load(supplied, made)
        yield made
        return
    name = option("cluster_name") if option("cluster_name") != UNNAMED else None
    if name is not None:
        refuse_again(owners.clusters_dir() / name, {each.name for each in config.stash.get(FOLDERS, ())})
    kind = fulfil.KindOptions(
        name=name,
        keep=option("keep_cluster"),
        kubeconfig=path(config, "kubeconfig"),
        image=option("kind_image"),
        kind=path(config, "kind_bin"),
        kubectl=path(config, "kind_kubectl_bin"),
    )
    with fulfil.cluster(supplied, kind, profile=wishes(config).profile, say=say(config)) as made:
        yield made


def run(config: pytest.Config) -> Run:
    """The run of this session, begun when it is asked for first."""
    if RUN not in config.stash:
        named = path(config, "report_dir")
        place = folder.use(named) if named else folder.create(_base(config) / "reports")
        asked = wishes(config)
        said = options.said(asked) | ({"JOBS": config.getoption("jobs")} if config.getoption("jobs") != "1" else {})
        config.stash[RUN] = Run(place, supply=asked.supply, kubernetes=asked.kubernetes, say=say(config), options=said)
    return config.stash[RUN]


def _base(config: pytest.Config) -> Path:
    """The folder of the repository whose tests run; with none around them, pytest's is where promdrill is installed."""
    return config.rootpath if config.inipath is not None else config.invocation_params.dir


def say(config: pytest.Config) -> Say:
    """Shows lines on the terminal while tests run, past pytest's capturing."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    capture = config.pluginmanager.getplugin("capturemanager")

    def show(line: str) -> None:
        if LIVE in config.stash:
            config.stash[LIVE].say(line)
            return
        if reporter is None:
            return
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            reporter.ensure_newline()
            reporter.write_line(line)
            reporter.flush()  # a pipe, as a CI reads it, would get them in blocks of kilobytes

    return show


def go_live(config: pytest.Config, drills: Sequence[pytest.Item]) -> None:
    """Show the run as it goes on below its lines, in a terminal that can, where pytest captures nothing."""
    if config.getoption("join"):
        return
    planned = tuple(drill_name(item.path.parent.name, variant(item).label) for item in drills)
    run(config).results.plan(planned)
    if config.getoption("capture") != "no" or config.getoption("usepdb"):
        return
    from promdrill.watch.live import live_run  # noqa: PLC0415  as above

    found = live_run(run(config).folder, planned)
    if found is not None:
        config.stash[LIVE] = found
        config.add_cleanup(found.stop)  # whatever happens, the terminal is left as it was


def path(config: pytest.Config, option: str) -> Path | None:
    """The value of an option that is a path."""
    value = config.getoption(option)
    return config.invocation_params.dir / Path(value).expanduser() if value else None


def variant(item: pytest.Item) -> Variant:
    """The variant that the test was made for, else the one that --control names."""
    made_for = item.callspec.params.get("drill") if hasattr(item, "callspec") else None
    return made_for if isinstance(made_for, Variant) else Variant(item.config.getoption("control"))


def is_drill(item: pytest.Item) -> bool:
    """Whether a test is a drill."""
    return isinstance(item, pytest.Function) and "drill" in item.fixturenames


def write_page(ended: Run) -> None:
    """Write report.html beside the results; a page that cannot be made costs the run nothing but the page."""
    from promdrill.report.html.page import write  # noqa: PLC0415  loaded when there is a page to write

    try:
        write(ended.folder)
    except Exception as error:  # noqa: BLE001  whatever it is: results.json is there
        ended.say(f"no report.html: {type(error).__name__}: {error}")


def skip_reason(item: pytest.Item, supplied: Supplied) -> str | None:
    """Why a drill does not apply to the chart; None when it does."""
    return scenarios.applies(item.path, *followed(metadata(supplied.chart)), supplied.app_version)


@contextlib.contextmanager
def usage_errors() -> Iterator[None]:
    """Within the block, what promdrill refuses is an error of pytest's usage: exit code 4, nothing was started."""
    try:
        yield
    except PromdrillError as error:
        raise pytest.UsageError(str(error)) from error
