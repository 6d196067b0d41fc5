"""What a pytest session that drills nothing pays for promdrill in its environment: a handful of small modules.

Modules are compared, and no seconds: those differ by machine.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from promdrill.core import paths, shell

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

HEAVY = frozenset(
    {
        *("_hypothesis_pytestplugin", "hypothesis", "xdist", "pytest_kind", "pykube"),
        *("kubernetes", "requests", "urllib3", "tenacity", "prometheus_client"),
        *("jinja2", "promql_parser", "psutil", "rich"),
    }
)
"""Packages that collecting drills needs none of: those of other plugins, of connections to a cluster, of a run."""

OURS = (
    "promdrill.parallel",
    "promdrill.plugin.session",
    "promdrill.report",
    "promdrill.request.fulfil",
    "promdrill.request.request",
    "promdrill.supply",
    "promdrill.watch",
)
"""The same of our own."""

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


COLLECT = """
import json, sys
import pytest

class Last:
    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self):
        self.loaded = sorted(sys.modules)

last = Last()
code = pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", *sys.argv[1:]], plugins=[last])
print(json.dumps([int(code), last.loaded]))
"""

CONFIGURED = f"--config-file={paths.pytest_config()}"


def loaded(script: str, *arguments: str, cwd: Path, alone: bool = True) -> list[object]:
    """What the script prints; `alone` is without plugins that it does not name."""
    argv = [sys.executable, "-c", script, *arguments]
    env = {"PYTEST_ADDOPTS": "", "PYTEST_PLUGINS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1" if alone else ""}
    said = shell.run(argv, timeout_s=60, cwd=cwd, env={**env, "PYTHONPATH": str(cwd)}, ok=range(6))
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


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A folder with a pytest plugin of somebody else, installed, and a test."""
    (tmp_path / "beside.py").write_text("")
    installed = tmp_path / "beside-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: beside\nVersion: 1\n")
    (installed / "entry_points.txt").write_text("[pytest11]\nbeside = beside\n")
    (tmp_path / "test_drill.py").write_text("def test_drill(drill): drill.run()\n")
    return tmp_path


@pytest.mark.parametrize("options", [[], ["--profile=fast"]])
def test_drills_that_promdrill_runs_get_its_plugin_and_no_other(beside: Path, options: list[str]) -> None:
    code, modules = loaded(COLLECT, CONFIGURED, *options, "test_drill.py", cwd=beside, alone=False)
    assert code == pytest.ExitCode.OK
    assert isinstance(modules, list)
    assert "promdrill.plugin.hooks" in modules
    assert "beside" not in modules


def test_a_session_with_settings_of_the_users_own_gets_every_plugin(beside: Path) -> None:
    """So that the test above can fail."""
    _, modules = loaded(COLLECT, "test_drill.py", cwd=beside, alone=False)
    assert isinstance(modules, list)
    assert {"promdrill.plugin.hooks", "beside", "pytest_kind"} <= set(modules)


def test_collecting_the_book_loads_nothing_that_only_a_run_needs(tmp_path: Path) -> None:
    code, modules = loaded(COLLECT, CONFIGURED, str(paths.scenarios_dir()), cwd=tmp_path, alone=False)
    assert code == pytest.ExitCode.OK
    assert isinstance(modules, list)
    assert "promdrill.drill.engine" in modules
    assert [name for name in modules if name.partition(".")[0] in HEAVY or name.startswith(OURS)] == []
