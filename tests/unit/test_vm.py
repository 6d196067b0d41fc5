"""The small machine of `make test-agent-vm`: what its root file system holds, and what counts as proof."""

import gzip
import io
import lzma
import os
import shutil
import stat
import tarfile
from pathlib import Path

import pytest
from tests.vm import agent, initramfs

from promdrill.core import shell
from promdrill.core.errors import CommandTimeout

KERNEL = "usr/lib/modules/6.12/kernel"


def module(*needed: str) -> bytes:
    """As much of a kernel module as is read."""
    return b"\x7fELF\0depends=" + ",".join(needed).encode() + b"\0retpoline=Y\0"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree as mmdebstrap's extract variant leaves it."""
    files = {
        "./boot/vmlinuz-6.12": b"kernel",
        f"./{KERNEL}/fs/xfs/xfs.ko.xz": lzma.compress(module("libcrc32c")),
        f"./{KERNEL}/lib/libcrc32c.ko.xz": lzma.compress(module("crc32c-generic")),
        f"./{KERNEL}/crypto/crc32c-generic.ko": module(),
        "./usr/sbin/mke2fs": b"program",
        "./usr/share/man/man8/mke2fs.8.gz": b"page",
    }
    path = tmp_path / "tree.tar"
    with tarfile.open(path, "w") as tar:
        for folder in (".", "./usr", "./usr/sbin", "./lib64"):
            member = tarfile.TarInfo(folder)
            member.type, member.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(member)
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            tar.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("./usr/sbin/mkfs.ext4")
        link.type, link.linkname = tarfile.SYMTYPE, "mke2fs"
        tar.addfile(link)
    return path


def entries(path: Path) -> dict[str, tuple[int, bytes]]:
    """Name to mode and content of everything in an initramfs, as the kernel reads it."""
    raw, at = gzip.decompress(path.read_bytes()), 0
    found: dict[str, tuple[int, bytes]] = {}
    while True:
        assert raw[at : at + 6] == b"070701"
        fields = [int(raw[at + 6 + 8 * i : at + 14 + 8 * i], 16) for i in range(13)]
        mode, size, length = fields[1], fields[6], fields[11]
        name = raw[at + 110 : at + 110 + length - 1].decode()
        content = at + 110 + length + -(110 + length) % 4
        if name == "TRAILER!!!":
            return found
        assert name not in found, f"{name} is there twice"
        found[name] = (mode, raw[content : content + size])
        at = content + size + -size % 4


def test_modules_come_after_those_that_they_need(tree: Path) -> None:
    found = initramfs.modules(tree, ("loop", "xfs", "libcrc32c"))
    assert [name for name, _ in found] == ["crc32c_generic", "libcrc32c", "xfs"]
    assert dict(found)["xfs"] == module("libcrc32c")


def test_the_kernel_is_the_only_one(tree: Path) -> None:
    assert initramfs.kernel(tree) == b"kernel"
    with tarfile.open(tree, "a") as tar:
        tar.addfile(tarfile.TarInfo("./boot/vmlinuz-6.13"))
    with pytest.raises(initramfs.NotInTree, match="2 kernels, one is needed"):
        initramfs.kernel(tree)


def test_the_root_holds_programs_and_our_files_and_no_more(tree: Path, tmp_path: Path) -> None:
    initramfs.write(tmp_path / "out", tree, {"init": b"#!/bin/busybox sh\n", "modules/00-xfs": b"m", "usr/bin/x": b"1"})
    found = entries(tmp_path / "out")
    assert found["init"] == (stat.S_IFREG | 0o755, b"#!/bin/busybox sh\n")
    assert found["modules/00-xfs"] == (stat.S_IFREG | 0o755, b"m")
    assert found["usr/sbin/mke2fs"] == (stat.S_IFREG | 0o755, b"program")
    assert found["usr/sbin/mkfs.ext4"] == (stat.S_IFLNK | 0o777, b"mke2fs")
    assert found["bin"] == (stat.S_IFLNK | 0o777, b"usr/bin")
    for folder in ("lib64", "proc", "dev", "modules", "usr/bin"):
        assert stat.S_ISDIR(found[folder][0]), folder
    assert not [name for name in found if name.startswith(("boot", KERNEL, "usr/share"))]
    order = list(found)
    assert all(order.index(str(Path(name).parent)) < order.index(name) for name in found if "/" in name)


def test_every_test_passed_only_when_the_last_line_and_the_tests_say_so() -> None:
    ran = ["--- PASS: TestOnLoopDevices (1.00s)", "PASS"]
    agent.judge([*ran, agent.PASSED])
    for lines in (ran, [agent.PASSED], [], ["--- FAIL: TestFewInodes (1s)", *ran, "promdrill-vm: failed, exit code 1"]):
        with pytest.raises(agent.NotProven, match="in the machine: "):
            agent.judge(lines)


def test_a_machine_that_is_not_off_in_time_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def late(*_: object, **options: object) -> None:
        on_line = options["on_line"]
        assert callable(on_line)
        on_line("Kernel panic\r")
        raise CommandTimeout([], -15, "", what="not done")

    monkeypatch.setattr(shell, "run", late)
    with pytest.raises(agent.NotProven, match=r"not off after 600 s, and said last: \['Kernel panic'\]"):
        agent.run_machine(tmp_path)


def test_what_the_host_lacks_is_named_with_the_command_that_mends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"go"}
    monkeypatch.setattr(shutil, "which", lambda name: name if name in there else None)
    monkeypatch.setattr(agent, "HOST_PACKAGES", {"qemu-system-x86_64": "qemu-system-x86", "/nowhere": "keyring"})
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(agent.NotProven) as caught:
        agent.prepare_host()
    assert "missing: qemu-system-x86, keyring" in str(caught.value)
    assert "sudo apt-get install --no-install-recommends qemu-system-x86 keyring" in str(caught.value)
    there.clear()
    with pytest.raises(agent.NotProven, match="go is not on PATH"):
        agent.prepare_host()
