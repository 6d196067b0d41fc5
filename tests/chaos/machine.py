"""What a machine has that promdrill could leave behind, looked at before a run and after the next command."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import struct
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import psutil

from promdrill.core import paths, shell
from promdrill.core.errors import CommandFailed

LOOK_S = 60.0
"""Seconds for one look at the packet filter or the engine; it takes milliseconds."""

ENDING_S = 2.0
"""Seconds in which a process may end by itself."""

CHANGING = ("leases", "locks", "engine/daemon.json", "engine/dockerd.log", "engine/runc-fit")
"""Below promdrill's folders: what stays on purpose between runs (locks that are files, the engine's last log)."""

HOST_FILES = (
    "/usr/sbin/policy-rc.d",
    "/var/run/docker.sock",
    "/etc/docker/daemon.json",
    "~/.kube/config",
    "~/.docker/config.json",
    "~/.config/helm",
    "~/.cache/helm",
    "~/.local/share/helm",
)
"""Files of the host's, and of the user's, that a tool of this kind might touch."""

LOOP_GET_STATUS64 = 0x4C05
"""ioctl that fills a `loop_info64`, whose first member is the device of the file (linux/loop.h)."""

OURS = "promdrill"
"""What is in the command, or the folder, of each process that promdrill starts: its state, cache or scratch folder."""

_COUNTERS = re.compile(r"\[\d+:\d+\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What was there at one moment; each thing is one line.

    Attributes:
        engine: Containers, volumes and networks: what the engine lists, or what lies in the folder of a stopped one.
        loops: Loop devices with their files, of the file system that has promdrill's cache, its engine and volumes.
        mounts: Mount points.
        interfaces: Network interfaces.
        rules: Rules of the packet filter, with the chains and their policies.
        state: Files in promdrill's state folder.
        cache: What lies in promdrill's cache folder, two levels deep.
        temporary: promdrill's files in the folder for temporary files.
        host: Files of the host's, each with its size and the time of its last change.
        processes: Processes with something of promdrill's in their command or as their folder, by id, start and name.
    """

    engine: frozenset[str]
    loops: frozenset[str]
    mounts: frozenset[str]
    interfaces: frozenset[str]
    rules: frozenset[str]
    state: frozenset[str]
    cache: frozenset[str]
    temporary: frozenset[str]
    host: frozenset[str]
    processes: frozenset[str]

    @classmethod
    def look(cls) -> Machine:
        """What is there now."""
        state, cache = paths.state_dir(), paths.cache_dir()
        return cls(
            engine=frozenset(_engine(cache / "engine")),
            loops=frozenset(_loops(cache)),
            mounts=frozenset(_mounts()),
            interfaces=frozenset(each.name for each in Path("/sys/class/net").iterdir()),
            rules=frozenset(_rules()),
            state=frozenset(_below(state, state.rglob("*"))),
            cache=frozenset(_below(cache, [*cache.glob("*"), *cache.glob("artefacts/*"), *cache.glob("scratch/*")])),
            temporary=frozenset(path.name for path in Path(tempfile.gettempdir()).glob("promdrill-*")),
            host=frozenset(_host()),
            processes=frozenset(_processes()),
        )

    def later(self) -> Machine:
        """What is there now; looked at twice if anything changed, as the kernel takes its time to take things down."""
        after = Machine.look()
        return Machine.look() if self.changes(after) else after

    def changes(self, later: Machine) -> list[str]:
        """What differs later, a line for each thing: ``+ loops /dev/loop0 ...`` came, ``- ...`` went.

        A process that went is nobody's concern; one that came and whose parents were there before is another's.
        """
        found = []
        for field in fields(self):
            before, after = getattr(self, field.name), getattr(later, field.name)
            came, went = after - before, before - after
            if field.name == "processes":
                came, went = {each for each in came if not _of_others(each, before)}, frozenset()
            found += [f"+ {field.name} {each}" for each in sorted(came)]
            found += [f"- {field.name} {each}" for each in sorted(went)]
        return found


def _engine(data: Path) -> Iterator[str]:
    listed = {
        "container": ["ps", "--all", "--format", "{{.Names}}"],
        "volume": ["volume", "ls", "--format", "{{.Name}}"],
        "network": ["network", "ls", "--format", "{{.Name}}"],
    }
    try:
        for what, argv in listed.items():
            names = shell.run(["docker", *argv], timeout_s=LOOK_S).stdout.split()
            yield from (f"{what} {name}" for name in names if name not in {"bridge", "host", "none"})
    except CommandFailed:
        for what in ("containers", "volumes"):
            with contextlib.suppress(OSError):
                yield from (f"{what[:-1]} {each.name}" for each in (data / what).iterdir() if each.is_dir())


def _loops(cache: Path) -> Iterator[str]:
    of_ours = cache.stat().st_dev
    for file in Path("/sys/block").glob("loop*/loop/backing_file"):
        with contextlib.suppress(OSError):
            name = file.parent.parent.name
            if _file_system(Path("/dev") / name) == of_ours:
                yield f"{name} {file.read_text(encoding='utf-8').strip()}"


def _file_system(loop: Path) -> int:
    """The device that has a loop device's file: its path may be one of another mount namespace's."""
    with loop.open("rb") as device:
        status = fcntl.ioctl(device, LOOP_GET_STATUS64, bytes(256))
    return int(struct.unpack_from("=Q", status)[0])


def _mounts() -> Iterator[str]:
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        yield line.split()[4]


def _rules() -> Iterator[str]:
    for program in ("iptables-save", "ip6tables-save"):
        with contextlib.suppress(CommandFailed):  # not installed yet: then there are no rules
            for line in shell.run([program], timeout_s=LOOK_S).stdout.splitlines():
                if not line.startswith("#"):
                    yield f"{program.removesuffix('-save')} {_COUNTERS.sub('', line).strip()}"


def _below(root: Path, found: Iterable[Path]) -> Iterator[str]:
    for path in found:
        name = str(path.relative_to(root))
        if not any(name == each or name.startswith(f"{each}/") for each in CHANGING):
            yield name


def _host() -> Iterator[str]:
    for name in HOST_FILES:
        with contextlib.suppress(OSError):
            found = Path(name).expanduser().stat()
            yield f"{name}, {found.st_size} bytes, changed at {found.st_mtime_ns}"


def _processes() -> Iterator[str]:
    """Each process as `id start parent name`, without the kernel's own, others', and those that end in a moment."""
    _, staying = psutil.wait_procs([each for each in psutil.process_iter() if _is_ours(each)], timeout=ENDING_S)
    for process in staying:
        with contextlib.suppress(psutil.Error), process.oneshot():
            yield f"{process.pid} {process.create_time():.2f} {process.ppid()} {process.name()}"


def _is_ours(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error), process.oneshot():
        told = " ".join((*process.cmdline(), process.exe(), process.cwd()))
        return process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE and OURS in told
    return False


def _of_others(process: str, before: frozenset[str]) -> bool:
    """Whether a process descends from this one, or from one that was there before and is not the first."""
    old = {int(each.split()[0]) for each in before} - {1} | {os.getpid()}
    parents = _parents()
    pid = int(process.split()[2])
    while pid > 1 and pid not in old:
        pid = parents.get(pid, 0)
    return pid > 1


def _parents() -> dict[int, int]:
    found = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            found[process.pid] = process.ppid()
    return found
