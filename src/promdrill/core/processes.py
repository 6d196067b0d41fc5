"""Processes: identified by id and start time, found by promdrill's mark, and ended with all their children.

An id alone may have been reused. A process group alone lacks the processes that have left it (``setsid``, job control),
so each command that promdrill starts has a mark in its environment and holds a leash, a pipe that nobody reads. Its
children inherit both: the mark survives a program that closes its files, the leash survives ``env -i``. macOS hides the
environment of its own programs and the pipes of all; there, sessions and parents are used.
"""

from __future__ import annotations

import contextlib
import os
import platform
import select
import signal
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from promdrill.core.clock import Deadline

if TYPE_CHECKING:
    import psutil

SYSTEM = platform.system().lower()
"""`linux` or `darwin`; `windows` is refused before anything is imported."""

MARK = "PROMDRILL_COMMAND"
"""Set by promdrill: a command's marks, separated by spaces; inside a nested promdrill there are two."""

DAEMON = "daemon"
"""The value, instead of marks, for a process that outlives promdrill with all its children."""

_SWEEPS = 5  # a process may fork while it is being ended; each sweep ends every process that it finds
_SWEEP_S = 1.0  # for the kernel to remove killed processes


def start_of(pid: int, *, proc: Path = Path("/proc"), system: str = SYSTEM) -> str | None:
    """What distinguishes a process from a later one with the same id.

    On Linux the boot id and the start time in ticks, which clock changes do not affect; elsewhere the start time that
    the kernel recorded.

    Returns:
        None if there is no such process, or only a zombie.
    """
    if system != "linux":
        return _created(pid)
    try:
        stat = (proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        boot = (proc / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the name before it may contain anything, even spaces and brackets
    return None if fields[0] == "Z" else f"{boot}/{fields[19]}"


def carried(mark: str) -> str:
    """The value of a command's `MARK`: this process's own marks, and the command's."""
    return f"{os.environ.get(MARK, '')} {mark}".strip()


def leash(descriptor: int) -> str:
    """The name of a pipe, by which those who hold it are found; empty on a system that does not tell."""
    return str(Path(f"/proc/self/fd/{descriptor}").readlink()) if SYSTEM == "linux" else ""


def marked(
    mark: str, leaders: Collection[int] = (), leashes: Collection[str] = (), *, proc: Path = Path("/proc")
) -> list[psutil.Process]:
    """Processes with a mark, in a leader's session or on a leash, and all their descendants; never this one.

    Args:
        mark: The mark of one command, or the part before the dot in the marks of several.
        leaders: Process ids of commands, each the leader of its session.
        leashes: Names of their pipes, as from `leash`.
        proc: Where the system shows who holds which pipe.
    """
    import psutil  # noqa: PLC0415  takes 60 ms, and few commands need it

    told = {each for each in leashes if each}
    there: dict[int, psutil.Process] = {}
    children: dict[int, list[int]] = {}
    ours: list[int] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError), process.oneshot():
            marks = _marks(process)
            if process.pid == os.getpid() or DAEMON in marks or process.status() == psutil.STATUS_ZOMBIE:
                continue
            there[process.pid] = process
            children.setdefault(process.ppid(), []).append(process.pid)
            by_session = process.pid in leaders or os.getsid(process.pid) in leaders
            if by_session or _is(mark, marks) or _holds(proc / str(process.pid), told):
                ours.append(process.pid)
    found: dict[int, psutil.Process] = {}
    while ours:
        pid = ours.pop()
        if pid not in found:
            found[pid] = there[pid]
            ours += children.get(pid, ())
    return list(found.values())


def end(found: Iterable[psutil.Process]) -> None:
    """Kill processes and wait until they are gone; never kills a later process with the same id."""
    found = list(found)
    if hasattr(os, "pidfd_open"):
        _end_by_handle(found)
    else:
        _end_by_id(found)


def _end_by_handle(found: Iterable[psutil.Process]) -> None:
    """As on Linux: a handle never refers to another process, and reports the end even if nobody reaps the zombie."""
    ended = select.poll()
    left = 0
    with contextlib.ExitStack() as opened:
        for process in found:
            with contextlib.suppress(OSError):
                handle = os.pidfd_open(process.pid)
                opened.callback(os.close, handle)
                if process.is_running():
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
                    ended.register(handle, select.POLLIN)
                    left += 1
        deadline = Deadline.after(_SWEEP_S)
        while left and (ready := ended.poll(deadline.remaining_s * 1000)):
            for handle, _ in ready:
                ended.unregister(handle)
            left -= len(ready)


def _end_by_id(found: Iterable[psutil.Process]) -> None:
    import psutil  # noqa: PLC0415  as above

    others = []
    for process in found:
        with contextlib.suppress(psutil.Error):
            mine = process.ppid() == os.getpid()  # its parent reaps it
            process.kill()
            others += [] if mine else [process]
    psutil.wait_procs(others, timeout=_SWEEP_S)


def end_marked(mark: str, leaders: Collection[int] = (), leashes: Collection[str] = ()) -> None:
    """Kill what `marked` finds until it finds nothing more."""
    for _ in range(_SWEEPS):
        found = marked(mark, leaders, leashes)
        if not found:
            return
        end(found)


def _created(pid: int) -> str | None:
    import psutil  # noqa: PLC0415  as above

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else repr(process.create_time())
    except psutil.Error:
        return None


def _marks(process: psutil.Process) -> list[str]:
    import psutil  # noqa: PLC0415  as above

    try:
        return process.environ().get(MARK, "").split()
    except (psutil.Error, OSError):  # another user's, or one that has just ended
        return []


def _holds(process: Path, leashes: Collection[str]) -> bool:
    if not leashes:
        return False
    try:
        descriptors = list((process / "fd").iterdir())
    except OSError:  # another user's, or one that has just ended
        return False
    return any(_target(descriptor) in leashes for descriptor in descriptors)


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:  # closed meanwhile
        return ""


def _is(mark: str, marks: Iterable[str]) -> bool:
    return any(each == mark or each.startswith(f"{mark}.") for each in marks)
