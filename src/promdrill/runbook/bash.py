"""One bash in which steps run one after the other, as if a person pasted them, each with its own output and exit code.

The shell reads our lines on its standard input, and those have it source one file per step, whose own standard input
is empty. Where a step ends, the shell prints a mark with a random token to its output, so that output and marks stay
in order. A step does not slip past this: errexit and pipefail are set again before each; an ERR trap sees a failing
command also after ``set +e``; ``exit`` and ``exec`` end the shell without a mark; ``return`` skips the file's last
line, and that is noticed.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import selectors
import shlex
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, Protocol

from promdrill.core import processes, scratch, shell
from promdrill.core.clock import Deadline

KEPT_BYTES = 1 << 19
"""Bytes kept of the beginning, and of the end, of a step's output."""

_STOP_TICK_S = 0.1  # how late a stop request may be seen; deadlines and ends are exact
_CLEANUP_S = 5.0  # for a step's own EXIT trap, once the step has failed
_CHUNK_BYTES = 1 << 16
_CUT = b"\n... output cut ...\n"

_SETUP = r"""
exec {__pd_out}>&1
__pd_mark() { local IFS=$'\037'; printf '\036%s\037%s\036' "$__pd_token" "$*" >&"$__pd_out"; }
__pd_failed() {
  if ((BASH_SUBSHELL == 0)); then set +xv; __pd_mark failed "$@"; exit "$1"; fi
}
shopt -s inherit_errexit
"""
_ARM = (
    "set -Eeo pipefail; __pd_reached=returned; "
    """trap '__pd_failed "$?" "$LINENO" "${BASH_SOURCE[0]:-}" "$BASH_COMMAND"' ERR; """
)
_LAST_LINE = "\n{ __pd_reached=done; set +xv; } 2>/dev/null\n"

_Wait = Literal["marked", "left", "overdue", "stopped"]


class Process(Protocol):
    """What the shell needs from the process that runs it."""

    pid: int
    stdin: IO[bytes] | None
    stdout: IO[bytes] | None
    ended_fd: int

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended."""
        ...


@dataclass(frozen=True, slots=True)
class Ended:
    """How a step ended.

    Attributes:
        how: `done`; `failed`, a command did; `left`, the shell is gone; `returned`, before its last line; `overdue`,
            at its deadline; `stopped`, on request.
        exit_code: The exit code; None if promdrill has to end the step.
        output: Standard output and standard error, merged in order.
        line: Line of the failing command if it is in a step; otherwise 0.
        command: The failing command as bash reports it; otherwise empty.
    """

    how: str
    exit_code: int | None
    output: str
    line: int = 0
    command: str = ""


@contextlib.contextmanager
def start(env: Mapping[str, str], cwd: Path) -> Iterator[Bash]:
    """A bash with exactly the environment `env`. The end of the block ends it, and what its steps started.

    Raises:
        CommandFailed: It could not be started.
    """
    token, mark = secrets.token_hex(8), shell.new_mark()
    assigned = [f"{name}={value}" for name, value in {**env, processes.MARK: processes.carried(mark)}.items()]
    argv = ["env", "-i", *assigned, "bash", "--noprofile", "--norc", "-s"]
    with contextlib.ExitStack() as undo:
        folder = undo.enter_context(scratch.folder("steps"))
        running = undo.enter_context(shell.spawn(argv, cwd=cwd, stdin="", mark=mark, whole=True))
        yield Bash(running, token, folder)


class Bash:
    """A running bash, made by `start`."""

    def __init__(self, process: Process, token: str, folder: Path) -> None:
        if process.stdout is None or process.stdin is None:
            raise ValueError("the shell needs pipes for its input and output")
        self._process = process
        self._input = process.stdin
        self._output_fd = process.stdout.fileno()
        self._ended_fd = process.ended_fd
        self._folder = folder
        self._mark = f"\x1e{token}\x1f".encode()
        self._buffer = bytearray()
        self._scanned = 0
        self._count = 0
        os.set_blocking(self._output_fd, False)
        self._send(f"__pd_token={token}\n{_SETUP}")

    def step(self, script: str, name: str, *, deadline: Deadline, stop: threading.Event | None) -> Ended:
        """Run a script until it ends or is given up; after anything but `done` the shell can no longer be used.

        Args:
            script: The commands; blank lines at its head let bash count lines as the runbook does.
            name: The script's name in bash's messages.
            deadline: When to give up.
            stop: If set, the script is given up at once.
        """
        self._count += 1
        file = self._folder / str(self._count) / "step"
        file.parent.mkdir()
        file.write_text(script + _LAST_LINE, encoding="utf-8")
        run = f"source {shlex.quote(str(file))} </dev/null >&$__pd_out 2>&1"
        self._send(f'{_ARM}{run}; __pd_mark "$__pd_reached"\n')
        how = self._wait(deadline, stop)
        if how != "marked":
            exit_code = self._process.wait() if how == "left" else None
            return Ended(how, exit_code, self._text(bytes(self._buffer), name))
        output, fields = self._take_mark()
        said = self._text(output, name)
        if fields[0] != "failed":
            return Ended(fields[0], 0, said)
        self._wait(Deadline.after(_CLEANUP_S), None)
        exit_code, line, file_name, command = int(fields[1]), int(fields[2]), fields[3], fields[4]
        return Ended("failed", exit_code, said, line if file_name.startswith(f"{self._folder}/") else 0, command)

    def _send(self, text: str) -> None:
        with contextlib.suppress(BrokenPipeError):  # a missing mark shows that the shell is gone
            self._input.write(text.encode())
            self._input.flush()

    def _wait(self, deadline: Deadline, stop: threading.Event | None) -> _Wait:
        with selectors.DefaultSelector() as selector:
            selector.register(self._ended_fd, selectors.EVENT_READ)
            output = selector.register(self._output_fd, selectors.EVENT_READ)
            while not self._marked():
                if stop is not None and stop.is_set():
                    return "stopped"
                if deadline.passed:
                    return "overdue"
                left_s = deadline.remaining_s
                ready = {key.fd for key, _ in selector.select(min(left_s, _STOP_TICK_S) if stop else left_s)}
                chunk = self._read() if ready else None
                if chunk == b"" and output.fd in ready:
                    selector.unregister(output.fd)
                if not chunk and self._ended_fd in ready:
                    return "left"
        return "marked"

    def _read(self) -> bytes | None:
        """The output available now: empty at its end, None if there is none yet."""
        try:
            chunk = os.read(self._output_fd, _CHUNK_BYTES)
        except BlockingIOError:
            return None
        self._buffer += chunk
        return chunk

    def _marked(self) -> bool:
        at = self._buffer.find(self._mark, self._scanned)
        if at >= 0:
            self._scanned = at
            return b"\x1e" in self._buffer[at + len(self._mark) :]
        if len(self._buffer) > 2 * KEPT_BYTES + _CHUNK_BYTES:
            self._buffer[KEPT_BYTES:-KEPT_BYTES] = _CUT
        self._scanned = max(0, len(self._buffer) - len(self._mark))
        return False

    def _take_mark(self) -> tuple[bytes, list[str]]:
        """Output up to the mark and the mark's fields; what follows it is kept for the next step."""
        begin = self._scanned + len(self._mark)
        end = self._buffer.index(b"\x1e", begin)
        output, fields = bytes(self._buffer[: self._scanned]), bytes(self._buffer[begin:end])
        del self._buffer[: end + 1]
        self._scanned = 0
        return output, fields.decode("utf-8", "replace").split("\x1f")

    def _text(self, output: bytes, name: str) -> str:
        return re.sub(rf"{re.escape(str(self._folder))}/\d+/step", lambda _: name, output.decode("utf-8", "replace"))
