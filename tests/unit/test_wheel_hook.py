"""The wheel's build hook: which files it adds, when it adds none, and that its build environment has all it imports."""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from promdrill.core import shell

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
HOOK = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]

CALL = """import importlib, json, sys
from pathlib import Path
sys.path.insert(0, {root!r})
class Absent:  # refuses what an environment with just the declared requirements would not have
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"No module named {{name}}")
sys.meta_path.insert(0, Absent())
import hatch_build
def for_wheel(cache, say):
    say("building")
    yield Path("/kept/demo-app"), "programs/linux-arm64/demo-app"
real = importlib.import_module
def imported(name):
    module = real(name)
    if name.endswith(".programs"):
        module.for_wheel = for_wheel
    return module
importlib.import_module = imported
data = {{"force_include": {{}}}}
hatch_build.Programs({root!r}, {{}}, None, None, "", "wheel").initialize({version!r}, data)
print(json.dumps([data, sorted(sys.modules)]))
"""


def call(version: str, without: str = "", ok: tuple[int, ...] = (0,)) -> shell.Completed:
    """The hook, in an environment with what is declared for it, less one package."""
    declared = [*PROJECT["build-system"]["requires"], *HOOK["dependencies"]]
    there = installed_with([each for each in declared if names([each]) != {without}])
    known = importlib.metadata.packages_distributions()
    absent = sorted(name for name, of in known.items() if not there & {canonicalize_name(each) for each in of})
    program = CALL.format(root=str(ROOT), version=version, absent={*absent} - {"promdrill"})
    return shell.run([sys.executable, "-P", "-c", program], timeout_s=60, ok=ok)


def result(done: shell.Completed) -> tuple[dict[str, Any], list[str]]:
    """What it adds to the wheel, and all modules that were imported."""
    data, modules = json.loads(done.stdout.splitlines()[-1])
    return data, modules


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^\w.-]", each)[0] for each in requirements}


def installed_with(requirements: list[str]) -> set[str]:
    """The packages that these requirements bring, with what those need, by their canonical names."""
    found: set[str] = set()
    left = {canonicalize_name(each) for each in names(requirements)}
    while left:
        name = left.pop()
        found.add(name)
        for text in importlib.metadata.requires(name) or []:
            wanted = Requirement(text)
            if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
                left |= {canonicalize_name(wanted.name)} - found
    return found


def test_a_wheel_gets_the_programs_by_what_is_declared_for_the_hook() -> None:
    data, modules = result(call("standard"))
    assert data == {"force_include": {"/kept/demo-app": "promdrill/_data/programs/linux-arm64/demo-app"}}
    assert "promdrill.supply.build.go" in modules


def test_a_package_that_is_not_declared_would_be_missed() -> None:
    assert "No module named filelock" in call("standard", without="filelock", ok=(1,)).stderr


def test_an_editable_install_gets_none() -> None:
    data, modules = result(call("editable"))
    assert data == {"force_include": {}}
    assert "promdrill" not in modules


def test_the_pinned_build_environment_is_the_declared_one() -> None:
    """uv.lock pins the group, and a release is built with no other versions."""
    declared = [*PROJECT["build-system"]["requires"], *HOOK["dependencies"]]
    assert sorted(PROJECT["dependency-groups"]["build"]) == sorted(declared)


@pytest.mark.parametrize("package", ["filelock", "packaging", "pip", "platformdirs"])
def test_the_hook_takes_the_versions_that_promdrill_takes(package: str) -> None:
    ours = [each for each in PROJECT["project"]["dependencies"] if names([each]) == {package}]
    assert ours == [each for each in HOOK["dependencies"] if names([each]) == {package}]
