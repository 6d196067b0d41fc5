"""Facts about the machine, from files made up here."""

import platform
from pathlib import Path

import pytest

from promdrill.artefacts import machine


def _proc(root: Path, mask: str, *, last: str | None = "40") -> Path:
    (root / "self").mkdir(parents=True)
    (root / "self/status").write_text(f"Name:\tx\nCapBnd:\t{mask}\n")
    if last is not None:
        (root / "sys/kernel").mkdir(parents=True)
        (root / "sys/kernel/cap_last_cap").write_text(f"{last}\n")
    return root


@pytest.mark.parametrize(
    ("mask", "last", "missing"),
    [
        ("000001ffffffffff", "40", ()),
        ("000001fffeffffff", "40", ("CAP_SYS_RESOURCE",)),
        ("0000003fffffffff", "37", ()),
        ("0000003fffffffff", "40", ("CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE")),
        ("000001fffeffffff", None, ("CAP_SYS_RESOURCE",)),
    ],
)
def test_missing_is_what_the_kernel_knows_and_we_may_not(
    tmp_path: Path, mask: str, last: str | None, missing: tuple[str, ...]
) -> None:
    assert machine.missing_capabilities(proc=_proc(tmp_path, mask, last=last)) == missing


def test_a_process_that_cannot_be_read_lacks_nothing(tmp_path: Path) -> None:
    assert machine.missing_capabilities(pid="77", proc=tmp_path) == ()


@pytest.mark.parametrize(
    ("text", "debian", "name"),
    [
        ('ID=debian\nPRETTY_NAME="Debian GNU/Linux 12"\n', True, "Debian GNU/Linux 12"),
        ("ID=linuxmint\nID_LIKE='ubuntu debian'\nPRETTY_NAME=Mint\n", True, "Mint"),
        ("# ID=debian\nID=fedora\n", False, "an unknown distribution"),
        (None, False, "an unknown distribution"),
    ],
)
def test_a_distribution_is_known_by_its_family(tmp_path: Path, text: str | None, debian: bool, name: str) -> None:
    if text is not None:
        (tmp_path / "os-release").write_text(text)
    proc = _proc(tmp_path / "proc", "000001ffffffffff")
    host = machine.examine(etc=tmp_path, proc=proc, uname=_uname("Linux", "6.1.0-23-amd64", "x86_64"))
    assert (host.debian, host.distribution, host.missing) == (debian, name, ())


def _uname(system: str, release: str, architecture: str) -> platform.uname_result:
    return platform.uname_result(system, "box", release, "#1", architecture)


@pytest.mark.parametrize(
    ("uname", "platform_", "wsl"),
    [
        (_uname("Linux", "6.1.0-23-amd64", "x86_64"), "linux/amd64", 0),
        (_uname("Linux", "6.8.0-1018-raspi", "aarch64"), "linux/arm64", 0),
        (_uname("Linux", "5.15.153.1-microsoft-standard-WSL2", "x86_64"), "linux/amd64", 2),
        (_uname("Linux", "6.6.87.2-microsoft-standard-WSL2+", "aarch64"), "linux/arm64", 2),
        (_uname("Linux", "4.4.0-22621-Microsoft", "x86_64"), "linux/amd64", 1),
        (_uname("Darwin", "24.1.0", "arm64"), "darwin/arm64", 0),
        (_uname("Darwin", "22.6.0", "x86_64"), "darwin/amd64", 0),
        (_uname("Linux", "6.6.0", "riscv64"), "linux/riscv64", 0),
    ],
)
def test_a_platform_is_named_as_docker_and_go_name_it(
    tmp_path: Path, uname: platform.uname_result, platform_: str, wsl: int
) -> None:
    (tmp_path / "os-release").write_text("ID=debian\n")
    host = machine.examine(etc=tmp_path, proc=_proc(tmp_path / "proc", "000001fffeffffff"), uname=uname)
    assert (host.platform, host.wsl, host.kernel, host.hostname) == (platform_, wsl, uname.release, "box")
    assert host.debian is (host.system == "linux")
    assert host.missing == (("CAP_SYS_RESOURCE",) if host.system == "linux" else ())


def test_this_machine_is_known() -> None:
    host = machine.examine()
    assert host.platform == f"{platform.system().lower()}/{host.architecture}"
    assert host.kernel
    assert host.hostname


@pytest.mark.parametrize("files", [(), ("cgroup.controllers",)])
def test_cgroup_v2_is_told_by_its_controllers(tmp_path: Path, files: tuple[str, ...]) -> None:
    for name in files:
        (tmp_path / name).touch()
    assert machine.has_cgroup_v2(root=tmp_path) is bool(files)
