"""What a pytest session that drills nothing pays for promdrill in its environment: a handful of small modules.

Modules are compared, and no seconds: those differ by machine.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from promdrill.core import shell

LIGHT = frozenset(
    {
        "promdrill",
        "promdrill.core",
        "promdrill.core.choices",
        "promdrill.core.errors",
        "promdrill.core.alerts",
        "promdrill.core.model",
        "promdrill.plugin",
        "promdrill.request",
        "promdrill.request.markers",
        "promdrill.request.options",
        "promdrill.core.paths",
        "promdrill.plugin.hooks",
    }
)
"""All of promdrill that the plugin loads."""

OTHERS = frozenset({"platformdirs"})
"""Packages of others that it loads besides those of pytest and pytest-kind."""

IMPORT = """
import json, sys
import pytest, pytest_kind
before = set(sys.modules)
import promdrill.plugin.hooks
print(json.dumps(sorted(set(sys.modules) - before)))
"""

SESSION = """
import json, sys
import pytest, pytest_kind
before = set(sys.modules)

class Last:
    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self):
        self.loaded = sorted(set(sys.modules) - before)

last = Last()
code = pytest.main(["-q", "-p", "pytest-kind", "-p", "promdrill", *sys.argv[1:]], plugins=[last])
print(json.dumps([int(code), last.loaded]))
"""


def loaded(script: str, *arguments: str, cwd: Path) -> list[object]:
    argv = [sys.executable, "-c", script, *arguments]
    said = shell.run(
        argv, timeout_s=60, cwd=cwd, env={"PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}, ok=range(6)
    )
    found: list[object] = json.loads(said.stdout.splitlines()[-1])
    return found


def weight(modules: object) -> tuple[set[str], set[str]]:
    """Those of promdrill, and packages of others."""
    assert isinstance(modules, list)
    ours = {name for name in modules if name.partition(".")[0] == "promdrill"}
    known = {*sys.stdlib_module_names, "promdrill", "pytest", "_pytest", "pytest_kind", "test_own"}
    return ours, {name.partition(".")[0] for name in modules} - known


def test_importing_the_plugin_loads_nothing_of_weight(tmp_path: Path) -> None:
    ours, others = weight(loaded(IMPORT, cwd=tmp_path))
    assert ours == LIGHT
    assert others <= OTHERS


@pytest.mark.parametrize("arguments", [[], ["--collect-only"], ["--cluster-name=mine"]])
def test_a_session_that_uses_nothing_of_promdrill_loads_no_more(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "test_own.py").write_text("def test_own(): pass\n")
    code, modules = loaded(SESSION, *arguments, cwd=tmp_path)
    assert code == pytest.ExitCode.OK
    ours, others = weight(modules)
    assert ours == LIGHT
    assert others <= OTHERS


def test_drills_that_are_only_collected_load_no_more(tmp_path: Path) -> None:
    (tmp_path / "test_drill.py").write_text("def test_drill(drill): drill.run()\n")
    code, modules = loaded(SESSION, "--collect-only", cwd=tmp_path)
    assert code == pytest.ExitCode.OK
    assert weight(modules)[0] == LIGHT


@pytest.mark.parametrize("arguments", [["--profile=fast", "--collect-only"], ["--supply=moon"]])
def test_an_option_of_promdrill_is_checked_and_that_loads_the_rest(tmp_path: Path, arguments: list[str]) -> None:
    """So that the tests above can fail: what they look for is what a session with an option loads."""
    (tmp_path / "test_own.py").write_text("def test_own(): pass\n")
    _, modules = loaded(SESSION, *arguments, cwd=tmp_path)
    ours, others = weight(modules)
    assert {"promdrill.plugin.session", "promdrill.request.request", "promdrill.supply"} <= ours
    assert "rich" in others
