"""`.ci/run`: counts, cleans up, and ends with one line, whatever the targets do. `make` is a fake."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from promdrill.core import shell

SCRIPT = Path(__file__).parents[2] / ".ci/run"

FAKE_MAKE = r"""#!/usr/bin/env bash
set -eu
echo "$1" >>made
[ ! -t 0 ] && ! read -r line || { echo "standard input is open"; exit 9; }
case "$1" in
test)
    [[ $PYTEST_ADDOPTS == --junitxml=* ]] && [ -z "${NO_UNIT-}" ] || exit 2
    printf '<testsuites><testsuite><testcase/><testcase/><testcase>%s</testcase></testsuite></testsuites>' \
        "${UNIT_CASE-}" >"${PYTEST_ADDOPTS#*=}"
    [ -z "${UNIT_CASE-}" ] || exit 2 ;;
test-scenarios)
    [ -z "${NO_DRILLS-}" ] || exit 2
    mkdir -p reports/now && ln -sfn now reports/latest
    printf '<testsuites><testsuite><testcase/><testcase>%s</testcase></testsuite></testsuites>' \
        "${DRILL_CASE-}" >reports/now/junit.xml
    [[ -z "${DRILL_CASE-}" || $DRILL_CASE == "<skipped/>" ]] || exit 2 ;;
clean)
    [ -z "${NO_CLEAN-}" ] || exit 2 ;;
*)
    echo "unexpected: $*"; exit 9 ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / ".ci").mkdir()
    shutil.copy(SCRIPT, tmp_path / ".ci/run")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/make").write_text(FAKE_MAKE)
    (tmp_path / "bin/make").chmod(0o755)
    (tmp_path / "bin/python3").symlink_to(sys.executable)
    return tmp_path


def run_ci(checkout: Path, **env: str) -> tuple[int, str]:
    path = f"{checkout / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = shell.run(
        ["bash", checkout / ".ci/run"],
        timeout_s=30,
        cwd=checkout.parent,
        env={"PATH": path, "CI": "true", "PYTEST_ADDOPTS": "", **env},
        ok=range(256),
        on_line=lambda _: None,
    )
    return done.exit_code, done.stdout.splitlines()[-1]


def test_all_well(checkout: Path) -> None:
    assert run_ci(checkout) == (0, "5 passed, 0 failed")
    assert (checkout / "made").read_text().split() == ["test", "test-scenarios", "clean"]


def test_skipped_cases_count_as_neither(checkout: Path) -> None:
    assert run_ci(checkout, DRILL_CASE="<skipped/>") == (0, "4 passed, 0 failed")


@pytest.mark.parametrize(
    ("env", "line"),
    [
        ({"UNIT_CASE": "<failure/>"}, "4 passed, 1 failed"),
        ({"DRILL_CASE": "<error/>"}, "4 passed, 1 failed"),
        ({"UNIT_CASE": "<failure/>", "DRILL_CASE": "<failure/>"}, "3 passed, 2 failed"),
        ({"NO_UNIT": "1"}, "2 passed, 1 failed"),
        ({"NO_DRILLS": "1"}, "3 passed, 1 failed"),
        ({"NO_CLEAN": "1"}, "5 passed, 1 failed"),
    ],
)
def test_whatever_fails_is_counted_and_the_rest_still_runs(checkout: Path, env: dict[str, str], line: str) -> None:
    assert run_ci(checkout, **env) == (1, line)
    assert (checkout / "made").read_text().split() == ["test", "test-scenarios", "clean"]


def test_drills_of_an_earlier_run_are_not_counted(checkout: Path) -> None:
    old = checkout / "reports/before"
    old.mkdir(parents=True)
    (old / "junit.xml").write_text("<testsuites><testcase/></testsuites>")
    (checkout / "reports/latest").symlink_to("before")
    assert run_ci(checkout, NO_DRILLS="1") == (1, "3 passed, 1 failed")
