"""The doctor: what this machine has and what it lacks, each with the command that fixes it.

`examine` looks at everything that a run on one supply needs, for ``promdrill doctor``; `require` refuses a run on the
first of the same findings that fails. Neither changes anything. Every probe can be replaced.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from pathlib import Path

from packaging.version import Version
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from promdrill.artefacts import machine
from promdrill.artefacts.machine import Machine, memory_bytes
from promdrill.core import paths, shell
from promdrill.core.errors import PromdrillError, UsageError
from promdrill.supply import choose
from promdrill.supply.build import debian, toolchain
from promdrill.supply.choose import Choice
from promdrill.supply.engine import lifecycle, refusal
from promdrill.supply.engine.lifecycle import Answer, Engine

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Space:
    """Free space that a run needs, in bytes.

    Attributes:
        cache: In promdrill's own cache folder.
        docker: Where Docker keeps its images and containers.
    """

    cache: int
    docker: int


COLD = {"source": Space(14 * GIB, 4 * GIB), "registry": Space(3 * GIB, 5 * GIB), "bundle": Space(1 * GIB, 5 * GIB)}
"""For a cold start. On `source`, Go's caches take 10 GiB and artefacts 2; in Docker images take 1 to 4, a cluster 2.

For a bundle of the whole book: its tools and the images of its drills take 0.6 GiB, the packed node image 0.4 in
passing; in Docker the node image takes 1.0.
"""

REST = Space(5 * GIB, 3 * GIB)
"""On `source`, where Kubernetes is built and something else may not be.

kube-state-metrics, the operator, prometheus-adapter and node-exporter, built from empty caches of Go, took 4.3 GiB.
"""

WARM = Space(0, 3 * GIB)
"""For a run whose artefacts are all in the cache: one cluster and its volumes."""


class Cached(IntEnum):
    """How much of what a run needs is in the cache; each level has all of those before it.

    On `registry`, only the first and the last are told apart; from a bundle, everything is unpacked anew.
    """

    NOTHING = 0
    """Not even Kubernetes, the largest build."""

    KUBERNETES = 1

    TREES = 2
    """Every tree of Debian packages, so that at most programs are built."""

    ALL = 3


MEMORY_BYTES = {"source": 8 * GIB, "registry": 4 * GIB, "bundle": 4 * GIB}
"""Builds stay below this; a cluster alone takes 2 GiB, 3 with drills in it."""

CPUS = 2
"""What kubeadm requires of a node; drills were measured on two."""

OLDEST_BASH = Version("4.4")
"""Steps fail in command substitutions too (``inherit_errexit``), which the bash of macOS, 3.2, cannot do."""

MODULES = Path("/lib/modules")


class Level(StrEnum):
    """How bad a finding is: only `FAIL` keeps drills from running."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report.

    Attributes:
        name: What was examined.
        level: How bad it is.
        text: What was found, in words.
        mend: The command that fixes it; empty when nothing is wrong.
    """

    name: str
    level: Level
    text: str
    mend: str = ""


def free_bytes(path: Path) -> int:
    """Free space in bytes where a folder is, or would be created."""
    return shutil.disk_usage(_there(path)).free


def _there(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if exists(folder))


def exists(path: Path) -> bool:
    """Whether a file or folder exists and is accessible."""
    try:
        return path.exists()
    except OSError:
        return False


def filesystems(path: Path = Path("/proc/filesystems")) -> frozenset[str]:
    """File systems that the kernel has ready; empty if there is no such list."""
    if not path.exists():
        return frozenset()
    return frozenset(line.split()[-1] for line in path.read_text(encoding="ascii").splitlines() if line.strip())


def modules(folder: Path | None = None) -> frozenset[str]:
    """Modules that the running kernel can load, by name."""
    folder = folder or MODULES / os.uname().release
    try:
        lines = (folder / "modules.dep").read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    return frozenset(Path(line.partition(":")[0]).name.partition(".")[0].replace("-", "_") for line in lines)


def device_of(path: Path) -> int:
    """Identifies the file system of a folder, or of where it would be created."""
    return _there(path).stat().st_dev


def bash_version() -> str | None:
    """Version of the bash on PATH; None when there is none that works."""
    try:
        answer = shell.run(["bash", "--version"], timeout_s=20).stdout
    except PromdrillError:
        return None
    match = re.search(r"version (\d+\.\d+(?:\.\d+)?)", answer)
    return match[1] if match else None


def go_version() -> str | None:
    """Version of the Go on PATH; None when there is none that works."""
    try:
        answer = shell.run(["go", "env", "GOVERSION"], timeout_s=20, env={"GOTOOLCHAIN": "local"}).stdout
    except PromdrillError:
        return None
    return answer.strip().removeprefix("go") or None


@dataclass(frozen=True, slots=True)
class Probes:
    """Everything that the doctor asks of the machine. See the functions of the same names for what each returns."""

    machine: Callable[[], Machine] = machine.examine
    engine: Callable[[], Answer] = lifecycle.ask
    choice: Callable[[str], Choice] = choose.choose
    free_bytes: Callable[[Path], int] = free_bytes
    device_of: Callable[[Path], int] = device_of
    memory_bytes: Callable[[], int] = memory_bytes
    filesystems: Callable[[], frozenset[str]] = filesystems
    modules: Callable[[], frozenset[str]] = modules
    exists: Callable[[Path], bool] = exists
    bash_version: Callable[[], str | None] = bash_version
    go_version: Callable[[], str | None] = go_version
    needs_go: Callable[[], bool] = paths.in_checkout
    missing_packages: Callable[[], list[str]] = debian.missing_host_packages
    has: Callable[[str], bool] = refusal.has
    cache: Path = field(default_factory=paths.cache_dir)


def examine(
    *, supply: str = "auto", cached: Cached = Cached.NOTHING, probes: Probes | None = None
) -> tuple[Finding, ...]:
    """Look at everything that a run needs.

    Args:
        supply: Value of SUPPLY; `bundle` if a run would get everything from one.
        cached: How much of what a run needs is in the cache.
        probes: Where facts come from.

    Raises:
        UsageError: `supply` is not one of the supplies.
    """
    probes = probes or Probes()
    bundled = Choice("bundle", "everything comes from it.")
    choice = bundled if supply == bundled.name else probes.choice(supply)
    chosen = Finding("supply", Level.OK, f"{choice.name}: {choice.why}")
    return (chosen, *_needs(choice.name, cached, probes))


def require(*, supply: str, cached: Cached = Cached.NOTHING, probes: Probes | None = None) -> None:
    """Refuse a run that cannot end well, before anything is started, on the first finding of `examine` that fails.

    A check that passed once in this process is not repeated: the run itself uses disk, which is no reason to refuse.

    Args:
        supply: `source`, `registry` or `bundle`.
        cached: How much of what the run needs is in the cache.
        probes: Where facts come from.

    Raises:
        UsageError: With the finding's text, and how to fix it.
    """
    if probes is None:
        _require_once(supply, cached)
    else:
        _require(supply, cached, probes)


@functools.cache
def _require_once(supply: str, cached: Cached) -> None:
    _require(supply, cached, Probes())


def _require(supply: str, cached: Cached, probes: Probes) -> None:
    for finding in _needs(supply, cached, probes):
        if finding.level is Level.FAIL:
            raise UsageError(finding.text, hint=finding.mend)


def exit_code(findings: tuple[Finding, ...]) -> int:
    """0 when drills can run, 1 when something prevents it."""
    return int(any(finding.level is Level.FAIL for finding in findings))


def render(findings: tuple[Finding, ...], console: Console) -> None:
    """Print findings, one line each, with the command that fixes it below."""
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


def _needs(supply: str, cached: Cached, probes: Probes) -> Iterator[Finding]:
    """Everything that a run on a supply needs, most decisive first; each is examined when its turn comes."""
    host = probes.machine()
    yield _platform(host)
    yield Finding("user", Level.OK, f"{'root' if host.root else 'not root'} on {host.distribution}")
    found, answer = _engine(host, probes)
    yield found
    running = answer.engine if answer is not None else None
    here = running.here(host) if running is not None else found.level is Level.OK  # a run would start one here
    yield _disk(_space(supply, cached), running, here=here, probes=probes)
    if running is not None or here:  # else it is not known where a cluster will run
        yield _memory(MEMORY_BYTES[supply], running, here=here, probes=probes)
    if running is not None and running.cpus:
        yield _cpus(running)
    if here:
        yield _capabilities(host)
        yield from _kernel(host, probes)
    elif running is not None:
        where = f"Docker runs elsewhere, on {running.product or 'another system'}, Linux {running.kernel}"
        yield Finding("kernel", Level.OK, f"{where}; a node checks its loop devices and file systems when it starts")
    yield _bash(host, probes)
    if supply == "source":
        yield from (_architecture(host, running), _go(probes), _packages(host, cached, probes))
    if supply == "registry" and probes.needs_go():
        yield _go(probes)


def _platform(host: Machine) -> Finding:
    refused = refusal.platform(host)
    if refused is not None:
        return Finding("platform", Level.FAIL, refused.message, refused.hint)
    return Finding("platform", Level.OK, f"{host.platform}{', WSL 2' if host.wsl else ''}")


def _engine(host: Machine, probes: Probes) -> tuple[Finding, Answer | None]:
    try:
        answer = probes.engine()
    except PromdrillError as error:
        return Finding("engine", Level.FAIL, error.message, error.hint), None
    if answer.engine is not None:
        whose = "started by promdrill" if answer.engine.ours else "used as it is"
        text = f"Docker {answer.engine.version}, {whose}; nodes are linux/{answer.engine.architecture}"
        return Finding("engine", Level.OK, text), answer
    refused = refusal.obstacle(host, answer, has=probes.has)
    if refused is not None:
        return Finding("engine", Level.FAIL, refused.message, refused.hint), answer
    text = f"no Docker answers; a run installs and starts one, and {paths.command('clean')} stops it"
    return Finding("engine", Level.OK, text), answer


def _capabilities(host: Machine) -> Finding:
    if not host.missing:
        return Finding("capabilities", Level.OK, "all that the kernel has")
    names = ", ".join(host.missing)
    how = "a Docker that promdrill starts works without; a running one may refuse privileged containers"
    return Finding("capabilities", Level.WARN, f"missing here: {names}; {how}")


def _space(supply: str, cached: Cached) -> Space:
    if cached is Cached.ALL:
        return WARM
    return REST if cached > Cached.NOTHING else COLD[supply]


def _disk(needed: Space, running: Engine | None, *, here: bool, probes: Probes) -> Finding:
    """Free space in our cache, and in Docker's own folder if its disk is visible from here."""
    wanted = {probes.cache: needed.cache}
    root = Path(running.data_root) if running is not None and running.data_root else None
    if root is None and here:
        root = probes.cache  # a Docker that promdrill starts keeps its images there
    aside = ""
    if here and root is not None and probes.exists(root):
        same = probes.device_of(root) == probes.device_of(probes.cache)
        place = probes.cache if same else root
        wanted[place] = wanted.get(place, 0) + needed.docker
    elif running is not None:
        aside = f"; {needed.docker / GIB:.0f} GiB more needed on Docker's own disk, which is not visible from here"
    else:
        wanted[probes.cache] += needed.docker
    free = {place: probes.free_bytes(place) for place in wanted}
    short = [place for place in wanted if free[place] < wanted[place]]
    if not short:
        texts = [
            f"{_gib(free[place])} free at {place}, {_gib(wanted[place])} needed" for place in wanted if wanted[place]
        ]
        return Finding("disk", Level.OK, ", ".join(texts or [f"{_gib(free[probes.cache])} free"]) + aside)
    texts = [f"{place} has {_gib(free[place])} free, and a run needs {_gib(wanted[place])}" for place in short]
    mend = f"{paths.CACHE_VARIABLE}=<folder on a larger disk> ..., or {paths.command('clean-cache')}"
    return Finding("disk", Level.FAIL, f"too little disk: {'; '.join(texts)}",
                   mend if probes.cache in short else "docker system prune, or a larger disk")  # fmt: skip


def _gib(size_bytes: float) -> str:
    return f"{size_bytes / GIB:.1f} GiB" if size_bytes % GIB else f"{size_bytes // GIB} GiB"


def _memory(wanted: int, running: Engine | None, *, here: bool, probes: Probes) -> Finding:
    """If Docker runs in a virtual machine, that machine's memory counts; if here, a limit on this process counts."""
    memory = probes.memory_bytes() if here or running is None else running.memory_bytes
    text = f"{memory / GIB:.1f} GiB{'' if here else ' for Docker'}, {wanted / GIB:.0f} GiB needed"
    if memory >= 0.9 * wanted:  # a machine sold with this size shows a little less
        return Finding("memory", Level.OK, text)
    mend = "give the machine more memory" if here else "give Docker's virtual machine more memory"
    level = Level.WARN if memory >= wanted // 2 else Level.FAIL
    return Finding(
        "memory", level, f"too little memory: {text}" if level is Level.FAIL else text, f"{mend}, or run with JOBS=1"
    )


def _cpus(running: Engine) -> Finding:
    text = f"{running.cpus} for Docker, {CPUS} needed"
    if running.cpus >= CPUS:
        return Finding("cpus", Level.OK, text)
    return Finding("cpus", Level.WARN, f"{text}; a drill may miss its deadlines", "give Docker more processors")


def _kernel(host: Machine, probes: Probes) -> list[Finding]:
    """File systems and loop devices.

    A mounted ext4 grows only with CAP_SYS_RESOURCE; where that is missing, volumes are xfs and the kernel must have it.
    """
    ready, loadable = probes.filesystems(), probes.modules()
    sudo = "" if host.root else "sudo "
    volumes = "xfs" if "CAP_SYS_RESOURCE" in host.missing else "ext4"
    uses = {"overlay": "containers", "ext4": "volumes", "xfs": "volumes"}
    found = []
    for name, use in uses.items():
        if name in ready:
            found.append(Finding(f"kernel {name}", Level.OK, f"available, for {use}"))
            continue
        if name in loadable:
            text = f"{name} is not loaded yet, for {use}; the kernel loads it at first use"
            found.append(Finding(f"kernel {name}", Level.WARN, text, f"{sudo}modprobe {name}"))
            continue
        level = Level.FAIL if name in {"overlay", volumes} else Level.WARN
        text = f"this kernel has no {name}, for {use}, and no module for it"
        found.append(Finding(f"kernel {name}", level, text, "boot a kernel that has it"))
    if probes.exists(Path("/dev/loop-control")):
        return [*found, Finding("kernel loop", Level.OK, "available, for volumes with a real size")]
    return [*found, Finding("kernel loop", Level.FAIL, "no /dev/loop-control, so volumes cannot have a real size",
                            f"{sudo}modprobe loop")]  # fmt: skip


def _bash(host: Machine, probes: Probes) -> Finding:
    version = probes.bash_version()
    if version is not None and Version(version) >= OLDEST_BASH:
        return Finding("bash", Level.OK, f"{version} on PATH, for runbooks")
    seen = f"bash {version} on PATH is too old" if version else "there is no bash on PATH"
    sudo = "" if host.root else "sudo "
    mend = "brew install bash" if host.system == "darwin" else f"{sudo}apt-get install bash" if host.debian else ""
    return Finding("bash", Level.FAIL, f"{seen}: runbooks run in bash {OLDEST_BASH} or newer", mend or "install bash")


def _architecture(host: Machine, running: Engine | None) -> Finding:
    nodes = running.architecture if running is not None else host.architecture
    if (host.system, host.architecture, nodes) == ("linux", "amd64", "amd64"):
        return Finding("architecture", Level.OK, host.platform)
    what = host.platform if nodes == host.architecture else f"{host.platform} with nodes of linux/{nodes}"
    return Finding("architecture", Level.FAIL, f"this is {what}, and building from source works on linux/amd64 only",
                   "SUPPLY=registry")  # fmt: skip


def _go(probes: Probes) -> Finding:
    version = probes.go_version()
    if version is not None and re.match(r"\d+\.\d+", version) and Version(version.split()[0]) >= toolchain.OLDEST_GO:
        return Finding("go", Level.OK, f"{version} on PATH")
    seen = f"{version} on PATH is older than {toolchain.OLDEST_GO}" if version else "none on PATH"
    return Finding("go", Level.OK, f"{seen}; {toolchain.WHEEL} from the Python package index is used")


def _packages(host: Machine, cached: Cached, probes: Probes) -> Finding:
    """Debian's tools. They run as root, because otherwise mmdebstrap's hooks may not read a user's cache."""
    if cached >= Cached.TREES:
        return Finding("debian tools", Level.OK, "not needed: every tree is already built")
    if not host.root:
        wrong = f"building Debian's file trees needs root (this is not root on {host.distribution})"
        return Finding("debian tools", Level.FAIL, wrong, "SUPPLY=registry, or run as root")
    missing = " ".join(probes.missing_packages())
    if not missing:
        return Finding("debian tools", Level.OK, "installed")
    if host.debian:
        return Finding("debian tools", Level.OK, f"{missing}: missing; a run installs it")
    wrong = f"building from source needs {missing} from Debian (this is {host.distribution})"
    return Finding("debian tools", Level.FAIL, wrong, "SUPPLY=registry, or use a machine with Debian or Ubuntu")
