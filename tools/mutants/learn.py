"""A pytest plugin that learns which test runs which line, and how long each takes: ``-p tools.mutants.learn``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import coverage
import pytest

import promdrill

_MEASURE = coverage.Coverage(data_file=None, config_file=False, source=["src/promdrill"])
_MEASURE.start()  # before pytest loads promdrill's own plugin
_TOOK_S: dict[str, float] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the file to write."""
    parser.addoption("--learn", type=Path, required=True, help="JSON file for what was learnt")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to measure unless promdrill was imported from the checkout that pytest runs in."""
    if not Path(promdrill.__file__).is_relative_to(config.rootpath):
        pytest.exit(f"{promdrill.__file__} is not in {config.rootpath}", returncode=1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Note which test it is that runs lines from now on."""
    _MEASURE.switch_context(item.nodeid)
    try:
        return (yield)
    finally:
        _MEASURE.switch_context("")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add up what the test took."""
    _TOOK_S[report.nodeid] = _TOOK_S.get(report.nodeid, 0.0) + report.duration


def pytest_unconfigure(config: pytest.Config) -> None:
    """Write what was learnt; lines that run while modules are imported belong to no test."""
    _MEASURE.stop()
    data = _MEASURE.get_data()
    lines = {
        str(Path(file).relative_to(config.rootpath)): {
            line: sorted(filter(None, tests)) for line, tests in data.contexts_by_lineno(file).items()
        }
        for file in data.measured_files()
    }
    config.getoption("learn").write_text(json.dumps({"took_s": _TOOK_S, "lines": lines}))
