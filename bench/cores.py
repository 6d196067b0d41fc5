"""What the cores do while something runs: processor time by kind of process. Linux only; nothing else has /proc.

A look reads the time of every process once a second. What a process did since the look before counts with its kind,
which follows from its name. A process that came and went between two looks, and the end of one that was seen, is in its
parent's children time, which counts with what the parent is for. What is left of all processor time is not attributed.
"""

from __future__ import annotations

import os
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.peak import content
from promdrill.core.clock import SYSTEM
from promdrill.results.table import Table

PROC = Path("/proc")

EVERY_S = 1.0
"""Seconds between two looks. One takes 4 ms for 80 processes, and counts with the benchmark."""

PAGE = "cores.md"

CONTAINERS = "containerd, its shims, runc"
CLUSTER = "other things in the cluster"
DRILLS = "drills"
HARNESS = "promdrill beside its drills"
COMMANDS = "shells of runbooks, and commands too short to tell apart"
BENCHMARK = "this benchmark"
KERNEL = "kernel threads"
REST = "the rest of the machine"
UNKNOWN = "not attributed"

_NAMES: Mapping[str, tuple[str, ...]] = {
    "API server": ("kube-apiserver",),
    "etcd": ("etcd",),
    "kubelet": ("kubelet",),
    CONTAINERS: ("containerd", "containerd-shim-runc-v2", "runc", "runc:[0:PARENT]", "runc:[1:CHILD]", "runc:[2:INIT]"),
    "controller manager": ("kube-controller-manager",),
    "scheduler": ("kube-scheduler",),
    "kube-proxy": ("kube-proxy",),
    "CoreDNS": ("coredns",),
    "Prometheus, the drilled ones": ("prometheus",),
    "their config reloaders": ("prometheus-config-reloader", "configmap-reload"),
    "Docker": ("dockerd", "docker", "docker-proxy"),
    "kind": ("kind",),
    "Helm": ("helm",),
    "kubectl": ("kubectl",),
}

_NAME_CHARS = 15
"""What Linux keeps of a process' name, see proc(5)."""

_KINDS = {name[:_NAME_CHARS]: kind for kind, names in _NAMES.items() for name in names}

_ARGUMENTS = {r"--join=.*": DRILLS, r"promdrill\..*|(.*/)?promdrill": HARNESS, r"bench(\..*)?": BENCHMARK}
"""What tells Python's processes apart: the first that one of their arguments fits."""

_UNSEEN = {DRILLS: COMMANDS, HARNESS: COMMANDS}
"""The kind of what a process of this kind started and was never seen; otherwise it counts with its parent."""

_CHILD = {**_UNSEEN, CONTAINERS: CLUSTER}
"""The same for what was seen, and has a name of no kind."""

_KERNEL_PID = 2  # kthreadd, the parent of all threads of the kernel


@dataclass(frozen=True, slots=True)
class Used:
    """Processor time of a kind.

    Attributes:
        kind: In words.
        cpu_s: Seconds.
    """

    kind: str
    cpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cores:
    """What the cores did.

    Attributes:
        of: During what, in words.
        took_s: Seconds.
        cores: How many.
        used: Each kind, the largest first, and at the end `UNKNOWN`.
        busy_s: Seconds of processor time of all kinds, as the system counts them.
        idle_s: Seconds of cores that had nothing to do.
        waited_s: The same, while something waited for a disk.
        stolen_s: Seconds that the host of a virtual machine gave to others.
    """

    of: str
    took_s: float
    cores: int
    used: tuple[Used, ...]
    busy_s: float
    idle_s: float
    waited_s: float
    stolen_s: float

    @property
    def busy_percent(self) -> float:
        """Processor time of all kinds, of what all cores have."""
        return 100 * self.busy_s / (self.took_s * self.cores)


@dataclass(frozen=True, slots=True)
class Process:
    """A process at one moment; times are in ticks.

    Attributes:
        pid: Its id.
        name: Its name, as far as Linux keeps it.
        parent: Its parent's id.
        own: Its processor time.
        children: That of its children that have ended, and of theirs.
        born: When it started.
    """

    pid: int
    name: str
    parent: int
    own: int
    children: int
    born: int

    @classmethod
    def parse(cls, stat: str) -> Process:
        """From ``/proc/PID/stat``; the name may contain anything, even spaces and brackets."""
        head, _, rest = stat.rpartition(")")
        pid, _, name = head.partition(" (")
        fields = rest.split()
        own, children = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
        return cls(int(pid), name, int(fields[1]), own, children, int(fields[19]))

    def is_same(self, other: Process | None) -> bool:
        """Whether that is the same process at another moment, and no later one with its id."""
        return other is not None and (self.pid, self.born) == (other.pid, other.born)


@dataclass(frozen=True, slots=True)
class _Total:
    """The times of all cores together since the system started, in ticks."""

    busy: int
    idle: int
    waited: int
    stolen: int

    @classmethod
    def read(cls, proc: Path) -> _Total:
        line = (proc / "stat").read_text(encoding="utf-8").partition("\n")[0]
        user, nice, system, idle, waited, irq, softirq, stolen = map(int, line.split()[1:9])
        return cls(user + nice + system + irq + softirq, idle, waited, stolen)


class Sampler:
    """Looks at all processes, and knows what each kind used since the first look.

    Args:
        proc: Where the system shows processes.
        ticks: In a second.
    """

    def __init__(self, proc: Path = PROC, *, ticks: int = os.sysconf("SC_CLK_TCK")) -> None:
        self._proc, self._ticks = proc, ticks
        self._used: Counter[str] = Counter()
        self._first = self._last = _Total.read(proc)
        self._before, self._kinds = self._look()

    def look(self) -> None:
        """Count what was used since the look before."""
        now, kinds = self._look()
        self._last = _Total.read(self._proc)
        ended: Counter[int] = Counter()
        found: Counter[int] = Counter()
        for pid, process in now.items():
            before = self._before.get(pid)
            old = before if before is not None and process.is_same(before) else None
            self._used[kinds[pid]] += process.own - (old.own if old else 0)
            found[pid] = process.children - (old.children if old else 0)
        twice = 0  # was counted, and came to another process than the one that should have it
        for process in self._before.values():
            if not process.is_same(now.get(process.pid)):
                heir = self._heir(process, now)
                counted = process.own + process.children
                if heir is None:
                    twice += counted
                else:
                    ended[heir] += counted
        twice += sum(max(0, counted - found[pid]) for pid, counted in ended.items())
        for pid, ticks in found.items():
            unseen = max(0, ticks - ended[pid])
            known = min(unseen, twice)
            twice -= known
            self._used[_UNSEEN.get(kinds[pid], kinds[pid])] += unseen - known
        self._before, self._kinds = now, kinds

    def cores(self, of: str, took_s: float, cores: int) -> Cores:
        """What was used from the first look to the last one; arguments as in `Cores`."""
        first, last = self._first, self._last
        busy = last.busy - first.busy
        largest = [(kind, ticks) for kind, ticks in self._used.most_common() if ticks]
        left = max(0, busy - sum(self._used.values()))
        return Cores(
            of=of,
            took_s=round(took_s, 3),
            cores=cores,
            used=tuple(Used(kind, self._seconds(ticks)) for kind, ticks in [*largest, (UNKNOWN, left)]),
            busy_s=self._seconds(busy),
            idle_s=self._seconds(last.idle - first.idle),
            waited_s=self._seconds(last.waited - first.waited),
            stolen_s=self._seconds(last.stolen - first.stolen),
        )

    def _seconds(self, ticks: int) -> float:
        return round(ticks / self._ticks, 3)

    def _heir(self, ended: Process, now: Mapping[int, Process]) -> int | None:
        """The nearest process above that is still there: it has waited for what ended."""
        above = self._before.get(ended.parent)
        while above is not None and not above.is_same(now.get(above.pid)):
            above = self._before.get(above.parent)
        return above.pid if above is not None else None

    def _look(self) -> tuple[dict[int, Process], dict[int, str]]:
        """Every process, and its kind, by its id."""
        now: dict[int, Process] = {}
        for folder in self._proc.iterdir():
            if folder.name.isdecimal() and (stat := content(folder / "stat")):
                process = Process.parse(stat)
                now[process.pid] = process
        return now, {pid: self._kind(process, now) for pid, process in now.items()}

    def _kind(self, process: Process, now: Mapping[int, Process]) -> str:
        if _KERNEL_PID in {process.pid, process.parent}:
            return KERNEL
        if kind := _KINDS.get(process.name):
            return kind
        if process.name.startswith(("python", "promdrill")):
            _, *words = content(self._proc / str(process.pid) / "cmdline").split("\0")
            for form, kind in _ARGUMENTS.items():
                if any(re.fullmatch(form, word) for word in words):
                    return kind
        parent = now.get(process.parent)
        if parent is None:
            return REST
        above = self._kind(parent, now)
        return _CHILD.get(above, above)


class Watched:
    """What was seen while a block lasted.

    Attributes:
        cores: None before its end, and where there is no /proc.
    """

    cores: Cores | None = None


@contextmanager
def watching(of: str, *, proc: Path = PROC, every_s: float = EVERY_S) -> Iterator[Watched]:
    """See what the cores do while the block lasts, however it ends.

    Args:
        of: As in `Cores`.
        proc: Where the system shows processes.
        every_s: Seconds between two looks.
    """
    watched = Watched()
    if not (proc / "stat").is_file():
        yield watched
        return
    sampler, began_s, done = Sampler(proc), SYSTEM.monotonic(), threading.Event()

    def look() -> None:
        while not done.wait(every_s):
            sampler.look()

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        try:
            yield watched
        finally:
            done.set()
            looking.result()
            sampler.look()
            watched.cores = sampler.cores(of, SYSTEM.monotonic() - began_s, os.cpu_count() or 1)


def table(cores: Cores) -> Table:
    """A row for each kind, and for what cores do besides."""
    further = {
        "all processes": cores.busy_s,
        "idle": cores.idle_s,
        "idle, waiting for a disk": cores.waited_s,
        "taken by the host": cores.stolen_s,
    }
    seconds = [*((each.kind, each.cpu_s) for each in cores.used), *further.items()]
    rows = [
        (kind, f"{cpu_s:.1f}", f"{100 * cpu_s / cores.took_s:.1f}", f"{100 * cpu_s / (cores.took_s * cores.cores):.1f}")
        for kind, cpu_s in seconds
    ]
    return Table(("what", "seconds", "% of a core", "% of all cores"), rows, frozenset({1, 2, 3}))
