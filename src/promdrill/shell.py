"""The one gateway through which every subprocess goes.

An argv list, an environment that is stated, a deadline, captured output, and an error that can be pasted. A command
runs in a process group of its own, so that ending it ends its children too, and it dies with promdrill.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from promdrill.clock import SYSTEM
from promdrill.errors import CommandFailed, CommandTimeout

GRACE_S = 5.0
"""Seconds between SIGTERM and SIGKILL when a command is ended: what `docker stop`-like tools need to let go."""

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LIBC = ctypes.CDLL(None, use_errno=True)


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
) -> Completed:
    """Run a command to its end.

    Args:
        argv: The command and its arguments; never a shell line.
        timeout_s: Seconds after which the command and its children are ended.
        env: Variables added to (or replacing those of) our own environment.
        cwd: Its working folder.
        stdin: Text, or an open binary file, for its standard input; nothing by default.
        ok: Exit codes that count as success.
        on_line: Called with each line of output as it comes; standard error is then merged into standard output.
        stop: When set from another thread, the command is ended as at its deadline.
        hint: The next move, put into the error.

    Raises:
        CommandFailed: It could not be started, or its exit code is not in `ok`.
        CommandTimeout: It was ended at its deadline, or because `stop` was set.
    """
    args = [os.fspath(part) for part in argv]
    started = SYSTEM.monotonic()
    with spawn(args, env=env, cwd=cwd, stdin=stdin, merge=on_line is not None) as process:
        ended = threading.Event()
        overdue = threading.Event()
        watchdog = threading.Thread(target=_watch, args=(process, timeout_s, stop, ended, overdue), daemon=True)
        watchdog.start()
        try:
            stdout, stderr = _collect(process, stdin if isinstance(stdin, str) else None, on_line)
            process.wait()
        finally:
            ended.set()
            watchdog.join()
    took_s = SYSTEM.monotonic() - started
    output = stdout + stderr
    if overdue.is_set():
        stopped = stop is not None and stop.is_set()
        what = f"ended after {took_s:.0f} s on request" if stopped else f"not done within {timeout_s:.0f} s"
        raise CommandTimeout(args, process.returncode, output, env=dict(env or {}), cwd=cwd, what=what, hint=hint)
    if process.returncode not in set(ok):
        raise CommandFailed(args, process.returncode, output, env=dict(env or {}), cwd=cwd, hint=hint)
    return Completed(tuple(args), process.returncode, stdout, stderr, took_s)


@contextlib.contextmanager
def spawn(
    argv: Iterable[str | os.PathLike[str]],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | IO[bytes] | None = None,
    merge: bool = True,
) -> Iterator[subprocess.Popen[bytes]]:
    """A running command whose standard output is a pipe; ended with all its children when the block is left.

    Raises:
        CommandFailed: It could not be started.
    """
    args = [os.fspath(part) for part in argv]
    source = subprocess.PIPE if isinstance(stdin, str) else (stdin or subprocess.DEVNULL)
    try:
        process = subprocess.Popen(
            args,
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merge else subprocess.PIPE,
            env={**os.environ, **env} if env else None,
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509  async-signal-safe: one prctl
        )
    except OSError as error:
        raise CommandFailed(
            args, 127, "", env=dict(env or {}), cwd=cwd, what=f"cannot start ({error.strerror})"
        ) from error
    try:
        yield process
    finally:
        end_group(process)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a command's whole process group: SIGTERM, and SIGKILL after `GRACE_S` or once its leader has ended."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def start_daemon(argv: Iterable[str | os.PathLike[str]], *, log: Path, env: Mapping[str, str] | None = None) -> int:
    """Start a command that outlives promdrill, in a session of its own, and return its process id.

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
                env={**os.environ, **env} if env else None,
                start_new_session=True,
            )
    except OSError as error:
        raise CommandFailed(args, 127, "", what=f"cannot start ({error.strerror})") from error
    process.returncode = 0  # it is left running on purpose; without this Python warns when the object goes
    return process.pid


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _watch(
    process: subprocess.Popen[bytes],
    timeout_s: float,
    stop: threading.Event | None,
    ended: threading.Event,
    overdue: threading.Event,
) -> None:
    deadline = SYSTEM.monotonic() + timeout_s
    tick_s = 0.1  # how late a stop request may be seen; the deadline itself is exact
    while not ended.wait(min(tick_s if stop else timeout_s, max(0.0, deadline - SYSTEM.monotonic()))):
        if SYSTEM.monotonic() >= deadline or (stop is not None and stop.is_set()):
            overdue.set()
            end_group(process)
            return


def _collect(
    process: subprocess.Popen[bytes], text: str | None, on_line: Callable[[str], None] | None
) -> tuple[str, str]:
    if on_line is None:
        out, err = process.communicate(text.encode() if text is not None else None)
        return _decode(out), _decode(err)
    if process.stdin is not None:
        process.stdin.write((text or "").encode())
        process.stdin.close()
    lines: list[str] = []
    if process.stdout is not None:
        for raw in process.stdout:
            lines.append(_decode(raw))
            on_line(lines[-1].rstrip("\n"))
    return "".join(lines), ""


def _decode(raw: bytes | None) -> str:
    return (raw or b"").decode("utf-8", "replace")
