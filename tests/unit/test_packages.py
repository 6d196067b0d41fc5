"""Debian packages are installed without starting services, said before, and taken back after a kill."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

import pytest

from promdrill.core import paths, processes, records, shell
from promdrill.core.errors import SupplyError
from promdrill.supply import host_changes, packages
from promdrill.supply.build import debian
from promdrill.supply.host_changes import ENGINE_PACKAGES
from promdrill.supply.packages import Installing

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing of Debian's on it but what a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/bin")
    monkeypatch.setenv(paths.STATE_VARIABLE, str(tmp_path / "state"))
    return folder


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    return tmp_path / "policy-rc.d"


def _apt(folder: Path, script: str) -> None:
    (folder / "apt-get").write_text(f'#!/bin/sh\necho "$*" >> {folder}/calls\n{script}\n')
    (folder / "apt-get").chmod(0o755)


def _calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines() if (folder / "calls").exists() else []


def _install(policy: Path) -> list[str]:
    said: list[str] = []
    packages.install(["docker.io"], change=ENGINE_PACKAGES, why="None answers", say=said.append, policy=policy)
    return said


def _recorded() -> bool:
    return (paths.state_dir() / packages.RECORD).exists()


def test_no_service_is_started_and_each_change_is_said_before(programs: Path, policy: Path) -> None:
    _apt(programs, f'[ "$DEBIAN_FRONTEND" = noninteractive ] && {policy}; [ $? = 101 ]')
    said = _install(policy)
    assert [line.partition(": ")[2] for line in said] == [
        f"{host_changes.ENGINE_PACKAGES.after}.",
        f"{host_changes.SERVICES.after}.",
    ]
    assert (policy.exists(), _recorded()) == (False, False)
    assert _calls(programs) == ["-qq -oDPkg::Lock::Timeout=300 install -y --no-install-recommends docker.io"]


def test_it_is_recorded_before_it_is_made(programs: Path, policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _apt(programs, "exit 99")

    def killed(made: Path) -> None:
        record = records.loads(Installing, (paths.state_dir() / packages.RECORD).read_bytes())
        assert record == Installing(os.getpid(), processes.start_of(os.getpid()), made)
        raise KeyboardInterrupt

    monkeypatch.setattr(packages, "_make", killed)
    with pytest.raises(KeyboardInterrupt):
        _install(policy)
    assert not _recorded()
    assert _calls(programs) == []


def test_a_policy_of_somebody_elses_is_asked_and_left_alone(programs: Path, policy: Path, tmp_path: Path) -> None:
    policy.write_text("theirs")
    _apt(programs, f'case "$*" in *update) : > {tmp_path}/fresh;; *) [ -e {tmp_path}/fresh ];; esac')
    said = _install(policy)
    assert [call.split()[2] for call in _calls(programs)] == ["install", "update", "install"]
    assert said[-1].endswith(f"{host_changes.PACKAGE_LISTS.after}.")
    assert (policy.read_text(), _recorded()) == ("theirs", False)


def test_one_that_somebody_else_makes_at_the_same_moment_is_theirs(
    programs: Path, policy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _apt(programs, "")
    make = packages._make
    monkeypatch.setattr(packages, "_make", lambda path: (path.write_text("theirs"), make(path)))
    _install(policy)
    assert policy.read_text() == "theirs"


def test_an_installation_that_fails_says_what_to_type(programs: Path, policy: Path) -> None:
    _apt(programs, "echo 'E: Unable to locate package docker.io' >&2; exit 100")
    with pytest.raises(SupplyError, match="Unable to locate") as caught:
        _install(policy)
    assert caught.value.hint == "apt-get install --no-install-recommends docker.io"
    assert (policy.exists(), _recorded()) == (False, False)


def test_after_a_kill_the_next_command_takes_it_back(programs: Path, policy: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "up")
    _apt(programs, f"echo up > {tmp_path}/up; exec sleep 600")
    script = f"""
from pathlib import Path
from tests.unit.test_packages import _install
_install(Path({str(policy)!r}))
"""
    with shell.spawn([sys.executable, "-c", script], cwd=ROOT) as process:
        assert (tmp_path / "up").read_text() == "up\n"
        said: list[str] = []
        packages.take_back(said.append)
        assert (said, policy.exists(), os.access(policy, os.X_OK)) == ([], True, True)  # its maker still needs it
        process.send_signal(signal.SIGKILL)
        process.wait()
    packages.take_back(said.append)
    assert (policy.exists(), _recorded()) == (False, False)
    assert str(policy) in said[0]


@pytest.mark.parametrize(
    ("content", "stays"), [("", False), ("#!/bin/sh\n# Made", False), ("#!/bin/sh\nexit 0\n", True)]
)
def test_what_a_kill_cut_off_is_ours_and_anything_else_is_not(
    programs: Path, policy: Path, content: str, stays: bool
) -> None:
    del programs
    policy.write_text(content)
    paths.state_dir().mkdir()
    gone = Installing(os.getpid(), "another boot/1", policy)
    (paths.state_dir() / packages.RECORD).write_text(records.dumps(gone))
    packages.take_back(lambda _: None)
    assert (policy.exists(), _recorded()) == (stays, False)


def test_what_a_build_needs_is_said_before_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[object] = []
    monkeypatch.setattr(debian, "missing_host_packages", lambda: ["mmdebstrap"])
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(packages, "install", lambda names, change, why, say: done.append((names, change, why, say)))
    debian.ensure_host_packages(print)
    assert done == [(["mmdebstrap"], host_changes.BUILD_PACKAGES, "Debian trees are built", print)]
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(SupplyError) as caught:
        debian.ensure_host_packages(print)
    assert caught.value.hint == "sudo apt-get install --no-install-recommends mmdebstrap"


def test_security_lists_every_change_of_the_machine_and_no_other() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8").partition("## What it does as root")[2]
    rows = [tuple(map(str.strip, row.split("|"))) for row in re.findall(r"^\| (.*) \|$", text, re.MULTILINE)]
    listed = [row for row in rows if row[0] != "what"]
    assert listed == [(each.what, each.when, each.after) for each in host_changes.CHANGES]
    declared = [value for value in vars(host_changes).values() if isinstance(value, host_changes.Change)]
    assert tuple(declared) == host_changes.CHANGES
