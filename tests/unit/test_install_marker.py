"""The marker by which a scenario says how Prometheus is installed."""

from __future__ import annotations

import pytest

from promdrill import plugin

TEST = "import pytest\n\n{mark}\ndef test_x(drill): ...\n"


@pytest.mark.parametrize(
    ("mark", "kind"),
    [("", "helm"), ("@pytest.mark.install", "helm"), ('@pytest.mark.install("manual")', "manual")],
    ids=["none", "empty", "manual"],
)
def test_a_scenario_is_installed_as_its_marker_says(pytester: pytest.Pytester, mark: str, kind: str) -> None:
    pytester.makeini("[pytest]\naddopts = --strict-markers\n")
    assert plugin._install(pytester.getitem(TEST.format(mark=mark), "test_x")) == kind


def test_the_marker_is_told_of(pytester: pytest.Pytester) -> None:
    told = pytester.runpytest("--markers").stdout
    told.fnmatch_lines(["@pytest.mark.install(kind): how Prometheus is installed: helm (default), manual, operator"])
