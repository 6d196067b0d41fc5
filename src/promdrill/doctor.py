"""The doctor: what this machine has and what it lacks, each with the command that mends it.

`examine` looks at everything for ``promdrill doctor``; `require` looks, before a run, at what would make it fail late.
Neither changes anything. Every probe can be replaced.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from packaging.version import Version
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from promdrill import paths, shell
from promdrill.errors import PromdrillError, UsageError
from promdrill.supply import choose, debian, engine, machine, toolchain
from promdrill.supply.choose import Choice
from promdrill.supply.machine import Machine

GIB = 1 << 30

DISK_BYTES = {"source": 25 * GIB, "registry": 8 * GIB, "bundle": 6 * GIB}
"""Free space for a cold start: Go's caches 11 GiB, artefacts and images 9, a cluster 2, and room; pulled images 3.

Of a bundle: its files 0.5, the node image 0.6 for a while and 1.7 in the engine, a cluster 2.
"""

WARM_DISK_BYTES = 3 * GIB
"""Free space for a run whose artefacts are all there: one cluster and its volumes."""

MEMORY_BYTES = 8 * GIB
"""What builds stay under; a cluster alone takes 2."""

_INSTALL = "apt-get install --no-install-recommends"


class Level(StrEnum):
    """How bad a finding is: only `FAIL` keeps drills from running."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's.

    Attributes:
        name: What was looked at.
        level: How bad it is.
        text: What was found, in words.
        mend: The command that mends it; empty when nothing is broken.
    """

    name: str
    level: Level
    text: str
    mend: str = ""


def free_bytes(path: Path) -> int:
    """Free space in bytes where a folder is, or would be made."""
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    return shutil.disk_usage(there).free


def memory_bytes(*, proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> int:
    """Memory in bytes that this process may use: the machine's, or its control group's limit where that is less."""
    match = re.search(r"^MemTotal:\s+(\d+) kB", (proc / "meminfo").read_text(encoding="ascii"), re.MULTILINE)
    limits = [int(match[1]) * 1024] if match else []
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        file = cgroups / name
        text = file.read_text(encoding="ascii").strip() if file.is_file() else "max"
        limits += [int(text)] if text.isdigit() else []
    return min(limits, default=0)


def filesystems(path: Path = Path("/proc/filesystems")) -> frozenset[str]:
    """File systems that the kernel has ready."""
    return frozenset(line.split()[-1] for line in path.read_text(encoding="ascii").splitlines() if line.strip())


def go_version() -> str | None:
    """Version of the Go on PATH; None when there is none that runs."""
    try:
        answer = shell.run(["go", "env", "GOVERSION"], timeout_s=20, env={"GOTOOLCHAIN": "local"}).stdout
    except PromdrillError:
        return None
    return answer.strip().removeprefix("go") or None


@dataclass(frozen=True, slots=True)
class Probes:
    """Everything that the doctor asks of the machine. See the functions of the same names for what each returns."""

    machine: Callable[[], Machine] = machine.examine
    engine: Callable[[], engine.Answer] = engine.ask
    choice: Callable[[str], Choice] = choose.choose
    free_bytes: Callable[[Path], int] = free_bytes
    memory_bytes: Callable[[], int] = memory_bytes
    filesystems: Callable[[], frozenset[str]] = filesystems
    exists: Callable[[Path], bool] = Path.exists
    go_version: Callable[[], str | None] = go_version
    missing_packages: Callable[[], list[str]] = debian.missing_host_packages
    cache: Path = field(default_factory=paths.cache_dir)


def examine(*, supply: str = "auto", warm: bool = False, probes: Probes | None = None) -> tuple[Finding, ...]:
    """Look at everything that a run needs.

    Args:
        supply: Value of SUPPLY.
        warm: Whether all artefacts of a run are in the cache, so that little disk is needed.
        probes: Where facts come from.

    Raises:
        UsageError: `supply` is none.
    """
    probes = probes or Probes()
    host = probes.machine()
    choice = probes.choice(supply)
    needed = WARM_DISK_BYTES if warm else DISK_BYTES[choice.name]
    found = [
        Finding("supply", Level.OK, f"{choice.name}: {choice.why}"),
        Finding("user", Level.OK, f"{'root' if host.root else 'not root'} on {host.distribution}"),
        _engine(host, probes),
        _capabilities(host),
        _disk(needed, probes),
        _memory(probes),
        *_kernel(host, probes),
    ]
    if choice.name == "source":
        found += [_architecture(host), _go(probes), _packages(host, probes)]
    return tuple(found)


def exit_code(findings: tuple[Finding, ...]) -> int:
    """0 when drills can run, 1 when something keeps them from it."""
    return int(any(finding.level is Level.FAIL for finding in findings))


def render(findings: tuple[Finding, ...], console: Console) -> None:
    """Print findings, one line each, with the command that mends it below."""
    colours = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "bold red"}
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        table.add_row(f"[{colours[finding.level]}]{finding.level}[/]", finding.name, escape(finding.text))
        if finding.mend:
            table.add_row("", "", f"[bold]{escape(finding.mend)}[/]")
    console.print(table)


def require(*, supply: str, warm: bool = False, probes: Probes | None = None) -> None:
    """Refuse a run that cannot end well, before anything is started.

    Args:
        supply: `source` or `registry`.
        warm: Whether all artefacts of the run are in the cache.
        probes: Where facts come from.

    Raises:
        UsageError: No engine, and none may be started here; or too little disk for what has to be made.
        SupplyError: There is an engine, and it hangs.
    """
    probes = probes or Probes()
    answer = probes.engine()
    if answer.engine is None:
        refusal = engine.obstacle(probes.machine(), answer.why)
        if refusal is not None:
            raise refusal
    disk = _disk(WARM_DISK_BYTES if warm else DISK_BYTES[supply], probes)
    if disk.level is Level.FAIL:
        raise UsageError(f"disk: {disk.text}", hint=disk.mend)


def _engine(host: Machine, probes: Probes) -> Finding:
    try:
        answer = probes.engine()
    except PromdrillError as error:
        return Finding("engine", Level.FAIL, error.message, error.hint)
    if answer.engine is not None:
        whose = "started by promdrill" if answer.engine.ours else "used as it is"
        return Finding("engine", Level.OK, f"Docker {answer.engine.version}, {whose}")
    refusal = engine.obstacle(host, answer.why)
    if refusal is not None:
        return Finding("engine", Level.FAIL, refusal.message, refusal.hint)
    return Finding(
        "engine", Level.OK, f"none answers; a run installs and starts Docker, {paths.command('clean')} ends it"
    )


def _capabilities(host: Machine) -> Finding:
    if not host.missing:
        return Finding("capabilities", Level.OK, "all that the kernel knows")
    names = ", ".join(host.missing)
    how = "a Docker that promdrill starts does without; one that runs already may refuse privileged containers"
    return Finding("capabilities", Level.WARN, f"missing here: {names}; {how}")


def _disk(needed_bytes: int, probes: Probes) -> Finding:
    free = probes.free_bytes(probes.cache)
    text = f"{free / GIB:.1f} GiB free at {probes.cache}, {needed_bytes / GIB:.0f} GiB needed"
    if free >= needed_bytes:
        return Finding("disk", Level.OK, text)
    return Finding(
        "disk",
        Level.FAIL,
        text,
        f"{paths.CACHE_VARIABLE}=<folder on a larger disk> ..., or {paths.command('clean-cache')}",
    )


def _memory(probes: Probes) -> Finding:
    memory = probes.memory_bytes()
    text = f"{memory / GIB:.1f} GiB, {MEMORY_BYTES / GIB:.0f} GiB wanted"
    if memory >= 0.9 * MEMORY_BYTES:  # a machine sold with 8 GiB shows a little less
        return Finding("memory", Level.OK, text)
    mend = "give the machine more memory, or run with JOBS=1"
    return Finding("memory", Level.WARN if memory >= MEMORY_BYTES // 2 else Level.FAIL, text, mend)


def _kernel(host: Machine, probes: Probes) -> list[Finding]:
    """File systems and loop devices.

    A mounted ext4 grows only with CAP_SYS_RESOURCE; where that is missing, volumes are xfs and the kernel must have it.
    """
    ready = probes.filesystems()
    modules = Path("/lib/modules", os.uname().release)
    sudo = "" if host.root else "sudo "
    volumes = "xfs" if "CAP_SYS_RESOURCE" in host.missing else "ext4"
    uses = {"overlay": "containers", "ext4": "volumes", "xfs": "volumes"}
    found = []
    for name, use in uses.items():
        if name in ready:
            found.append(Finding(f"kernel {name}", Level.OK, f"there, for {use}"))
            continue
        level = Level.FAIL if name in {"overlay", volumes} else Level.WARN
        mend = f"{sudo}modprobe {name}" if probes.exists(modules) else "boot a kernel that has it; it has no modules"
        found.append(Finding(f"kernel {name}", level, f"not ready, needed for {use}", mend))
    if probes.exists(Path("/dev/loop-control")):
        return [*found, Finding("kernel loop", Level.OK, "there, for volumes with a real size")]
    return [*found, Finding("kernel loop", Level.FAIL, "no /dev/loop-control, so no volume with a real size",
                            f"{sudo}modprobe loop")]  # fmt: skip


def _architecture(host: Machine) -> Finding:
    if host.architecture == "amd64":
        return Finding("architecture", Level.OK, host.architecture)
    return Finding(
        "architecture", Level.FAIL, f"{host.architecture}; building from source is for amd64", "SUPPLY=registry"
    )


def _go(probes: Probes) -> Finding:
    version = probes.go_version()
    if version is not None and re.match(r"\d+\.\d+", version) and Version(version.split()[0]) >= toolchain.OLDEST_GO:
        return Finding("go", Level.OK, f"{version} on PATH")
    seen = f"{version} on PATH is older than {toolchain.OLDEST_GO}" if version else "none on PATH"
    return Finding("go", Level.OK, f"{seen}; {toolchain.WHEEL} from the Python package index is used")


def _packages(host: Machine, probes: Probes) -> Finding:
    missing = " ".join(probes.missing_packages())
    if not missing:
        return Finding("debian tools", Level.OK, "there")
    if host.root and host.debian:
        return Finding("debian tools", Level.OK, f"{missing}: installed by a run")
    return Finding("debian tools", Level.FAIL, f"missing: {missing}", f"sudo {_INSTALL} {missing}")
