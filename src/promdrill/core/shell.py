"""The one gateway for every subprocess.

An argv list, an explicit environment, a deadline, captured output, and an error that can be pasted. A command leads its
own session, and has a mark and a leash, so that ending it also ends its children, and it dies with promdrill.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import secrets
import select
import selectors
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from promdrill.core import inherited, processes
from promdrill.core.clock import SYSTEM, Deadline
from promdrill.core.errors import CommandFailed, CommandTimeout
from promdrill.core.guardian import Guardian

GRACE_S = 5.0
"""Seconds between SIGTERM and SIGKILL when a command is ended: what tools like `docker stop` need to finish."""

_STOP_TICK_S = 0.1  # how late a stop request may be noticed; deadlines and ends are exact
_DRAIN_S = 1.0  # for the output of an ended command: nobody should hold its pipe any more
_CHUNK_BYTES = 1 << 16

_RUN = secrets.token_hex(8)
_NUMBERS = itertools.count(1)
_GUARDIAN = Guardian(_RUN)


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that ended.

    Attributes:
        argv: The command, as given.
        exit_code: Its exit code; negative for a signal.
        stdout: Standard output, decoded as UTF-8, bad bytes replaced.
        stderr: Standard error likewise; empty where it was merged into stdout.
        took_s: Seconds.
    """

    argv: tuple[str, ...]
    exit_code: int
    stdout: str
    stderr: str
    took_s: float


def run(
    argv: Iterable[str | os.PathLike[str]],
    *,
    timeout_s: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | IO[bytes] | None = None,
    ok: Iterable[int] = (0,),
    on_line: Callable[[str], None] | None = None,
    stop: threading.Event | None = None,
    hint: str = "",
    inherits_as: str = "",
) -> Completed:
    """Run a command to its end.

    Args:
        argv: The command and its arguments; never a shell line.
        timeout_s: Seconds after which the command and its children are ended.
        env: Variables to add to those that it inherits (`promdrill.core.inherited`), or to replace there.
        cwd: Its working folder.
        stdin: Text, or an open binary file, for its standard input; nothing by default.
        ok: Exit codes that count as success.
        on_line: Called with each line of output as it arrives; standard error is then merged into standard output.
        stop: If set by another thread, the command is ended as at its deadline.
        hint: What to do next, for the error.
        inherits_as: The program whose variables it inherits, if that is not the one in `argv`: for ``python -m pip``.

    Raises:
        CommandFailed: It could not be started, or its exit code is not in `ok`.
        CommandTimeout: It was ended at its deadline, or because `stop` was set.
    """
    args = [os.fspath(part) for part in argv]
    started = SYSTEM.monotonic()
    deadline = Deadline.after(timeout_s)
    merge = on_line is not None
    with spawn(args, env=env, cwd=cwd, stdin=stdin, merge=merge, inherits_as=inherits_as) as process:
        with _Pipes(process, stdin if isinstance(stdin, str) else None, on_line) as pipes:
            in_time = pipes.follow(deadline, stop)
            if not in_time:
                ended = threading.Event()
                ending = threading.Thread(target=_end, args=(process, ended), name=f"ending-{process.pid}")
                ending.start()
                pipes.follow(Deadline.after(math.inf), ended)  # or it could not end by itself
                ending.join()
                pipes.follow(Deadline.after(_DRAIN_S), None)
            stdout, stderr = pipes.texts()
        code = process.wait()
    took_s = SYSTEM.monotonic() - started
    output = stdout + stderr
    if not in_time:
        stopped = stop is not None and stop.is_set()
        what = f"ended after {took_s:.0f} s on request" if stopped else f"not done within {timeout_s:.0f} s"
        raise CommandTimeout(args, code, output, env=dict(env or {}), cwd=cwd, what=what, hint=hint)
    if code not in set(ok):
        raise CommandFailed(args, code, output, env=dict(env or {}), cwd=cwd, hint=hint)
    return Completed(tuple(args), code, stdout, stderr, took_s)


class Running(subprocess.Popen[bytes]):
    """A running command. A thread waits for it, so that its end can be awaited together with other things.

    Attributes:
        mark: Its processes' mark, in `promdrill.core.processes.MARK`.
        leash: Name of the pipe that its processes hold.
        ended_fd: Readable once it has ended, even if another process still holds its output.
    """

    def __init__(self, args: list[str], *, mark: str, environment: Mapping[str, str], **options: Any) -> None:
        unread, held = os.pipe()
        try:
            self.leash = processes.leash(held)
            super().__init__(args, env=environment, start_new_session=True, pass_fds=(held,), **options)
        finally:
            os.close(unread)
            os.close(held)
        self.mark = mark
        self.ended_fd, self._at_end_fd = os.pipe()
        self._ended = threading.Event()
        threading.Thread(target=self._wait_for_it, name=f"end-of-{self.pid}", daemon=True).start()

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended.

        Raises:
            TimeoutExpired: It did not end within that many seconds.
        """
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return self.returncode

    def _wait_for_it(self) -> None:
        super().wait()
        self._ended.set()
        os.close(self._at_end_fd)


def new_mark() -> str:
    """A mark for one command; only needed for a command whose environment another program sets."""
    return f"{_RUN}.{next(_NUMBERS)}"


@contextlib.contextmanager
def spawn(
    argv: Iterable[str | os.PathLike[str]],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | IO[bytes] | None = None,
    merge: bool = True,
    mark: str | None = None,
    whole: bool = False,
    inherits_as: str = "",
) -> Iterator[Running]:
    """A running command whose standard output is a pipe; ended with all its children when the block ends.

    Args:
        argv: The command and its arguments; never a shell line.
        env: As in `run`.
        cwd: Its working folder.
        stdin: As in `run`; for text, the caller writes to the pipe.
        merge: Whether standard error goes to standard output.
        mark: Its mark, as from `new_mark`; a new one by default.
        whole: As in `end_group`.
        inherits_as: As in `run`.

    Raises:
        CommandFailed: It could not be started.
    """
    args = [os.fspath(part) for part in argv]
    source = subprocess.PIPE if isinstance(stdin, str) else (stdin or subprocess.DEVNULL)
    mark = mark or new_mark()
    try:
        _GUARDIAN.ready()
        process = Running(
            args,
            mark=mark,
            environment=inherited.environment(inherits_as or args[0])
            | {**(env or {}), processes.MARK: processes.carried(mark)},
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merge else subprocess.PIPE,
            cwd=cwd,
        )
    except OSError as error:
        raise CommandFailed(
            args, 127, "", env=dict(env or {}), cwd=cwd, what=f"cannot start ({error.strerror})"
        ) from error
    _GUARDIAN.watch(process.pid, process.leash)
    try:
        yield process
    finally:
        end_group(process, whole=whole)
        _GUARDIAN.forget(process.pid)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        os.close(process.ended_fd)


def end_group(process: Running, *, whole: bool = False) -> None:
    """End a command and its children: SIGTERM, and SIGKILL after `GRACE_S` or once the command has ended.

    Args:
        process: The command.
        whole: Whether all its processes end even if it has ended by itself. Otherwise only its process group is ended
            then: a process that left the group was meant to stay.
    """
    running = process.poll() is None
    whole = whole or running
    found = processes.marked(process.mark, [process.pid], [process.leash]) if whole else []
    if running:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # the latter on macOS, if only zombies are left
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if whole:
        processes.end(found)
        processes.end_marked(process.mark, [process.pid], [process.leash])


def _end(process: Running, ended: threading.Event) -> None:
    try:
        end_group(process, whole=True)
    finally:
        ended.set()


def start_daemon(argv: Iterable[str | os.PathLike[str]], *, log: Path, env: Mapping[str, str] | None = None) -> int:
    """Start a command that outlives promdrill in its own session, and return its process id.

    Its output goes to `log`. The caller records the id so that ``promdrill clean`` can end it.

    Raises:
        CommandFailed: It could not be started.
    """
    args = [os.fspath(part) for part in argv]
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        with log.open("ab") as output:
            process = subprocess.Popen(
                args,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**inherited.environment(args[0]), **(env or {}), processes.MARK: processes.DAEMON},
                start_new_session=True,
            )
    except OSError as error:
        raise CommandFailed(args, 127, "", what=f"cannot start ({error.strerror})") from error
    process.returncode = 0  # it is left running on purpose; without this Python warns when the object is deleted
    return process.pid


class _Pipes:
    """The input and output of a command so far.

    Args:
        process: The command.
        text: For its standard input; None if that is not a pipe.
        on_line: As in `run`.
    """

    def __init__(self, process: Running, text: str | None, on_line: Callable[[str], None] | None) -> None:
        self._process = process
        self._on_line = on_line
        self._input = memoryview((text or "").encode())
        self._got: dict[int, bytearray] = {}
        self._told_bytes = 0
        self._selector = selectors.DefaultSelector()
        self._selector.register(process.ended_fd, selectors.EVENT_READ)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
                self._got[pipe.fileno()] = bytearray()
                self._selector.register(pipe.fileno(), selectors.EVENT_READ)
        if process.stdin is not None:
            os.set_blocking(process.stdin.fileno(), False)
            self._selector.register(process.stdin.fileno(), selectors.EVENT_WRITE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()

    def follow(self, deadline: Deadline, stop: threading.Event | None) -> bool:
        """Wait until the command has ended and nobody holds its output; returns whether that was before the deadline.

        A stop request counts as the deadline.
        """
        while self._selector.get_map():
            if deadline.passed or (stop is not None and stop.is_set()):
                return False
            left_s = deadline.remaining_s
            for key, _ in self._selector.select(min(left_s, _STOP_TICK_S) if stop else left_s):
                if not self._go_on(key.fd):
                    self._selector.unregister(key.fd)
        self._tell(at_end=True)
        return True

    def texts(self) -> tuple[str, str]:
        """Standard output and standard error so far; the latter is empty if it was merged."""
        out, err = (*map(bytes, self._got.values()), b"")[:2]
        return _decode(out), _decode(err)

    def _go_on(self, fd: int) -> bool:
        """Read or write whatever is possible; returns whether there may be more."""
        if fd == self._process.ended_fd:
            return False
        if fd not in self._got:
            return self._write(fd)
        chunk = os.read(fd, _CHUNK_BYTES)
        self._got[fd] += chunk
        self._tell()
        return bool(chunk)

    def _write(self, fd: int) -> bool:
        try:
            self._input = self._input[os.write(fd, self._input[: select.PIPE_BUF]) :]
        except BrokenPipeError:  # it has stopped reading; how it ended says why
            self._input = self._input[:0]
        if not self._input and self._process.stdin is not None:
            self._selector.unregister(fd)
            self._process.stdin.close()
        return True

    def _tell(self, *, at_end: bool = False) -> None:
        if self._on_line is None:
            return
        (got,) = self._got.values()
        while (end := got.find(b"\n", self._told_bytes)) >= 0:
            line = got[self._told_bytes : end]
            self._told_bytes = end + 1
            self._on_line(_decode(line))
        if at_end and self._told_bytes < len(got):
            line, self._told_bytes = got[self._told_bytes :], len(got)
            self._on_line(_decode(line))


def _decode(raw: bytes | bytearray) -> str:
    return raw.decode("utf-8", "replace")
