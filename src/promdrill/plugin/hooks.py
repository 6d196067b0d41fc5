"""The pytest plugin: its options and fixtures. Registered by its entry point, never by hand.

Every pytest session of the environment loads this module, so it imports nothing that takes time. What drills need is
in `promdrill.plugin.session`, which is imported once a promdrill option is given, a drill is collected, or a fixture
is requested: a session that uses none of them is not affected.

`kind_cluster` is pytest-kind's fixture with a different cluster behind it: pinned, made of supplied parts, and ready.
pytest-kind's own options keep their meaning.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from promdrill.core.choices import MOST_JOBS, VARIANTS
from promdrill.core.errors import PromdrillError, no_room
from promdrill.request.markers import MARKERS
from promdrill.request.options import OPTIONS, PLUGIN, action

if TYPE_CHECKING:
    from promdrill.cluster.kind import PinnedKindCluster
    from promdrill.drill import Drill
    from promdrill.plugin.session import DrillSession
    from promdrill.supply.supplied import Supplied

_OF_THE_SESSION = ("variants", "jobs", "adopt", "join", "in_cluster", "report_dir")
"""Options besides `OPTIONS`, as pytest names their values."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add promdrill's options; the options for kind itself are pytest-kind's."""
    group = parser.getgroup("promdrill", "drills of Prometheus on kind")
    for option in OPTIONS:
        group.addoption(option.flag, metavar=option.variable, help=option.meaning, action=action(option.variable))
    group.addoption("--variants", choices=VARIANTS, help="run each drill's controls or ablations instead of the drill")
    group.addoption("--jobs", metavar="N", help=f"drills that run in parallel, 1 to {MOST_JOBS} (default: 1)")
    group.addoption(
        "--adopt",
        action="store_const",
        const="1",
        help="let --cluster-name be a kind cluster that promdrill did not make; drills keep to namespaces of their own",
    )
    group.addoption("--join", metavar="FILE", help="internal: set by a session with --jobs for its child sessions")
    group.addoption(
        "--in-cluster", metavar="FILE", help="use the running cluster described in FILE, and leave it running"
    )
    group.addoption("--report-dir", metavar="DIR", help="folder of this run's results (default: reports/<UTC time>)")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Check promdrill's options, if any are given, and let our `kind_cluster` override pytest-kind's.

    Of two fixtures with the same name, the one registered later wins. The order in which entry points are loaded is
    not defined, so ours is registered here, after all of them.
    """
    for line in MARKERS:
        config.addinivalue_line("markers", line)
    names = (*(option.name for option in OPTIONS), *_OF_THE_SESSION)
    if any(config.getoption(name) is not None for name in names):
        with _usage_errors():
            _session(config)
    config.pluginmanager.register(PinnedCluster(), "promdrill-kind-cluster")


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin a run when drills are left after deselection."""
    drills = [item for item in session.items if isinstance(item, pytest.Function) and "drill" in item.fixturenames]
    for item in drills:  # a dependency's deprecation warning must not fail a drill
        item.add_marker(pytest.mark.filterwarnings("default"))
    if drills and not session.config.option.collectonly:
        with _usage_errors():
            _session(session.config).begin(drills)


class PinnedCluster:
    """The fixture that replaces pytest-kind's."""

    @pytest.fixture(scope="session")
    @classmethod
    def kind_cluster(cls, pytestconfig: pytest.Config, supplied: Supplied) -> Iterator[PinnedKindCluster]:
        """A kind cluster made of supplied parts: pinned, and completely ready."""
        with _session(pytestconfig).cluster(supplied) as made:
            yield made


@pytest.fixture(scope="session")
def supplied(pytestconfig: pytest.Config) -> Supplied:
    """Everything that a cluster is made of, built or fetched if it is missing."""
    return _session(pytestconfig).provide()


@pytest.fixture
def drill(request: pytest.FixtureRequest, supplied: Supplied) -> Iterator[Drill]:
    """The drill of the scenario in whose folder the test is, in the variant that the test was generated for.

    Skipped, before a cluster is made for it, if the scenario does not apply to the chart.
    """
    with _session(request.config).drill(request, supplied) as opened:
        yield opened


def _session(config: pytest.Config) -> DrillSession:
    """The session's `DrillSession`: the one passed to pytest, else one made from its options."""
    found: DrillSession | None = config.pluginmanager.get_plugin(PLUGIN)
    if found is None:
        from promdrill.plugin.session import DrillSession  # noqa: PLC0415  slow to import, so only when needed

        found = DrillSession.of(config)
        config.pluginmanager.register(found, PLUGIN)
    return found


@contextlib.contextmanager
def _usage_errors() -> Iterator[None]:
    """Within the block, promdrill's errors become usage errors of pytest: exit code 4, nothing was started.

    So does a disk that is full before anything is started; every other error of the system is a bug.
    """
    try:
        yield
    except OSError as error:
        if not (full := no_room(error)):
            raise
        raise pytest.UsageError(f"{full}; make room, and run it again") from error
    except PromdrillError as error:
        from promdrill.core.terminal import shown  # noqa: PLC0415  only for an error

        raise pytest.UsageError(shown(str(error))) from error
