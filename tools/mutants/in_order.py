"""A pytest plugin that runs chosen tests in a given order, and notes which failed: ``-p tools.mutants.in_order``."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the file that says which tests run."""
    parser.addoption("--in-order", type=Path, required=True, help="JSON list of the ids of the tests to run")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the chosen tests, in their order."""
    places = {name: place for place, name in enumerate(json.loads(config.getoption("in_order").read_text()))}
    items[:] = sorted((each for each in items if each.nodeid in places), key=lambda each: places[each.nodeid])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note a test that fails."""
    report = yield
    if report.failed:
        with failed(item.config.getoption("in_order")).open("a", encoding="utf-8") as notes:
            notes.write(f"{json.dumps(item.nodeid)}\n")
    return report


def failed(order: Path) -> Path:
    """The file that names the tests that failed, one JSON string a line."""
    return order.with_suffix(".failed")
