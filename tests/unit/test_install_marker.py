"""The marker by which a scenario says how Prometheus is installed."""

from __future__ import annotations

import pytest


def test_the_marker_is_told_of(pytester: pytest.Pytester) -> None:
    told = pytester.runpytest("--markers").stdout
    told.fnmatch_lines(["@pytest.mark.install(kind): how Prometheus is installed: helm (default), manual, operator"])


def test_an_unknown_way_is_refused_before_anything_starts(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_x="import pytest\n\n\n@pytest.mark.install('manul')\ndef test_x(drill):\n    raise AssertionError\n"
    )
    refused = pytester.runpytest()
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    refused.stderr.fnmatch_lines(["*test_x.py:4: install('manul'): not one of helm, manual, operator*"])
    assert not (pytester.path / "reports").exists()
