"""Facts that decide whether containers can run on this machine. Only reads; every source can be replaced."""

from __future__ import annotations

import os
import platform
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from promdrill.artefacts import runc_fit

SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where a distribution puts daemons; a user's PATH often lacks it."""


ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
"""The kernel's names of architectures, and Go's and Docker's names for them."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The facts about this machine that decisions depend on.

    Attributes:
        root: Whether promdrill runs as root.
        debian: Whether it runs Debian or a distribution derived from it.
        distribution: The distribution's display name, from os-release; on macOS the version.
        missing: Capabilities that the kernel knows and this process's bounding set lacks, by name; only on Linux.
        architecture: `amd64` or `arm64`, as Go and Docker call it; else the kernel's own name.
        system: `linux` or `darwin`, as Go and Docker call it; else Python's name in lower case.
        wsl: 2 or 1 in that version of the Windows Subsystem for Linux; else 0.
        kernel: Release of the kernel, as `uname -r` prints it.
        hostname: Its name in the network.
    """

    root: bool
    debian: bool
    distribution: str
    missing: tuple[str, ...]
    architecture: str
    system: str = "linux"
    wsl: int = 0
    kernel: str = ""
    hostname: str = ""

    @property
    def platform(self) -> str:
        """System and architecture, such as ``darwin/arm64``."""
        return f"{self.system}/{self.architecture}"


def examine(
    *, etc: Path = Path("/etc"), proc: Path = Path("/proc"), uname: platform.uname_result | None = None
) -> Machine:
    """This machine's facts; whatever cannot be read counts as missing.

    Args:
        etc: Where os-release is.
        proc: Where procfs is mounted.
        uname: The kernel's own description.
    """
    kernel = uname or platform.uname()
    system = kernel.system.lower()
    release = os_release(etc / "os-release")
    family = {release.get("ID", ""), *release.get("ID_LIKE", "").split()}
    version = platform.mac_ver()[0]
    mac = f"macOS {version}" if version else "macOS"
    return Machine(
        root=os.geteuid() == 0,
        debian=system == "linux" and bool(family & {"debian", "ubuntu"}),
        distribution=mac if system == "darwin" else release.get("PRETTY_NAME", "an unknown distribution"),
        missing=missing_capabilities(proc=proc) if system == "linux" else (),
        architecture=ARCHITECTURES.get(kernel.machine.lower(), kernel.machine),
        system=system,
        wsl=_wsl(kernel.release) if system == "linux" else 0,
        kernel=kernel.release,
        hostname=kernel.node,
    )


def _wsl(release: str) -> int:
    """WSL's version: 1 reports the release of the Linux that it imitates; 2 is a kernel that Microsoft builds."""
    if "microsoft" not in release.lower():
        return 0
    return 1 if release.endswith("-Microsoft") else 2


def os_release(path: Path) -> dict[str, str]:
    """The fields of an os-release file; empty when there is none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip().strip("\"'") for key, value in pairs}


def missing_capabilities(*, pid: str = "self", proc: Path = Path("/proc")) -> tuple[str, ...]:
    """Capabilities that the kernel knows and a process's bounding set lacks, in the kernel's order.

    Args:
        pid: The process.
        proc: Where procfs is mounted.

    Returns:
        Names; none when the process cannot be read.
    """
    try:
        granted = runc_fit.granted((proc / pid / "status").read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError):
        return ()
    try:
        last = int((proc / "sys/kernel/cap_last_cap").read_text(encoding="ascii"))
    except (OSError, ValueError):
        last = len(runc_fit.CAPABILITIES) - 1
    return tuple(name for name in runc_fit.CAPABILITIES[: last + 1] if name not in granted)


def program(name: str) -> Path | None:
    """A program on PATH or among the system's daemons; None if there is none."""
    found = shutil.which(name) or shutil.which(name, path=os.pathsep.join(SBIN))
    return Path(found) if found else None


def has_cgroup_v2(*, root: Path = Path("/sys/fs/cgroup")) -> bool:
    """Whether the host runs only cgroup v2; like the kubelet, this takes a mixed host for v1."""
    return (root / "cgroup.controllers").exists()


def memory_bytes(*, proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> int:
    """Memory in bytes that this process may use: the machine's, or its control group's limit if that is lower."""
    said = (proc / "meminfo").read_text(encoding="ascii") if (proc / "meminfo").exists() else ""
    match = re.search(r"^MemTotal:\s+(\d+) kB", said, re.MULTILINE)
    limits = [int(match[1]) * 1024] if match else []
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        file = cgroups / name
        text = file.read_text(encoding="ascii").strip() if file.is_file() else "max"
        limits += [int(text)] if text.isdigit() else []
    return min(limits, default=0)
