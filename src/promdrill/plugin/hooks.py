"""The pytest plugin: its options and fixtures. Registered by its entry point, never by hand.

Every pytest session of the environment loads this module, so it imports nothing that takes time. What drills need is
in `promdrill.plugin.session`, which is imported once an option of promdrill's is given, a drill was collected, or a
fixture is asked for: a session that uses none of them notices nothing.

`kind_cluster` is pytest-kind's fixture with another cluster behind it: pinned, made of supplied parts, really ready.
pytest-kind's own options keep their meaning.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from promdrill.core.choices import MOST_JOBS, VARIANTS
from promdrill.core.errors import PromdrillError
from promdrill.request.markers import MARKERS
from promdrill.request.options import OPTIONS, PLUGIN

if TYPE_CHECKING:
    from promdrill.cluster.kind import PinnedKindCluster
    from promdrill.drill import Drill
    from promdrill.plugin.session import DrillSession
    from promdrill.supply.supplied import Supplied

_OF_THE_SESSION = ("variants", "jobs", "join", "in_cluster", "report_dir")
"""Options besides `OPTIONS`, as pytest names their values."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add promdrill's options; those for kind itself are pytest-kind's."""
    group = parser.getgroup("promdrill", "drills of Prometheus on kind")
    for option in OPTIONS:
        group.addoption(option.flag, metavar=option.variable, help=option.meaning)
    group.addoption("--variants", choices=VARIANTS, help="in place of each drill: its controls, or ablations")
    group.addoption("--jobs", metavar="N", help=f"drills side by side, 1 to {MOST_JOBS} (default: 1)")
    group.addoption("--join", metavar="FILE", help="for the children of a session with --jobs, who write FILE")
    group.addoption("--in-cluster", metavar="FILE", help="address of a cluster that is there, and stays")
    group.addoption("--report-dir", metavar="DIR", help="folder of this run's results (default: reports/<UTC time>)")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Check the options where there are any, and put our `kind_cluster` before pytest-kind's.

    Of two plugins' fixtures of one name, the one registered later wins. Entry points are loaded in no order that one
    could rely on, so ours is registered here, when all of them are there.
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
    for item in drills:  # a dependency's deprecation warning says nothing about the incident
        item.add_marker(pytest.mark.filterwarnings("default"))
    if drills and not session.config.option.collectonly:
        with _usage_errors():
            _session(session.config).begin(drills)


class PinnedCluster:
    """The fixture that takes the place of pytest-kind's."""

    @pytest.fixture(scope="session")
    @classmethod
    def kind_cluster(cls, pytestconfig: pytest.Config, supplied: Supplied) -> Iterator[PinnedKindCluster]:
        """A kind cluster made of supplied parts: pinned, and ready in every respect."""
        with _session(pytestconfig).cluster(supplied) as made:
            yield made


@pytest.fixture(scope="session")
def supplied(pytestconfig: pytest.Config) -> Supplied:
    """Everything that a cluster is made of, built or fetched if it is not there."""
    return _session(pytestconfig).provide()


@pytest.fixture
def drill(request: pytest.FixtureRequest, supplied: Supplied) -> Iterator[Drill]:
    """The drill of the scenario in whose folder the test lies, in the variant that the test was made for.

    Skipped, before a cluster is made for it, where the scenario does not apply to the chart.
    """
    with _session(request.config).drill(request, supplied) as opened:
        yield opened


def _session(config: pytest.Config) -> DrillSession:
    """The session's `DrillSession`: the one that pytest was given, else one made from its options."""
    found: DrillSession | None = config.pluginmanager.get_plugin(PLUGIN)
    if found is None:
        from promdrill.plugin.session import DrillSession  # noqa: PLC0415  all of promdrill: only when there is something to do

        found = DrillSession.of(config)
        config.pluginmanager.register(found, PLUGIN)
    return found


@contextlib.contextmanager
def _usage_errors() -> Iterator[None]:
    """Within the block, what promdrill refuses is an error of pytest's usage: exit code 4, nothing was started."""
    try:
        yield
    except PromdrillError as error:
        raise pytest.UsageError(str(error)) from error
