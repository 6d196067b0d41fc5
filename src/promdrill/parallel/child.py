"""One drill in a pytest process of its own, seen from outside: started, listened to, and what it left read."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from promdrill.core import shell
from promdrill.core.errors import CommandFailed, CommandTimeout
from promdrill.core.model import DrillResult
from promdrill.parallel.messages import Inbox, Line, Message
from promdrill.results import store

REPORTS = "reports.jsonl"
"""In the outbox: pytest's reports of the test's phases, a line each."""

TIMEOUT_S = 4 * 3600.0
"""For one drill, and its wait for its turn: a drill's own deadlines add up to about an hour; this ends what hangs."""

_ENVIRONMENT = {
    "PYTEST_ADDOPTS": "",  # the parent has heeded it; a second --junitxml would overwrite the parent's
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True, slots=True)
class Left:
    """What a child left.

    Attributes:
        drills: The results that it recorded.
        reports: pytest's reports as data, in order.
        end: Why the test did not come to its end, in words; None when it did.
        stopped: Whether that is because it was asked to end.
    """

    drills: tuple[DrillResult, ...]
    reports: tuple[dict[str, Any], ...]
    end: str | None
    stopped: bool = False


def run(
    test: str,
    options: Sequence[str],
    *,
    join: Path,
    cwd: Path,
    on_message: Callable[[Message], None],
    stop: threading.Event,
) -> Left:
    """Run one test in a child that joins, to its end; nothing that the child does is an error here.

    Args:
        test: Path of its file and its name, as pytest takes them.
        options: pytest's own; promdrill's are in the file.
        join: Written by `promdrill.parallel.joining.Joined.write`, in the child's outbox.
        cwd: Folder to run in.
        on_message: Told each line of the child's output, and each state that it comes to; from several threads.
        stop: When set, the child is asked to end, and ended soon after.
    """
    last = "it said nothing"

    def heard(line: str) -> None:
        nonlocal last
        if line.strip():
            last = line.strip()
            on_message(Line(line))

    end = "it came to no end of its own"
    argv = [sys.executable, "-m", "pytest", *options, f"--join={join}", test]
    ok = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
    try:
        with Inbox(join.parent, on_message):
            shell.run(argv, timeout_s=TIMEOUT_S, env=_ENVIRONMENT, cwd=cwd, ok=ok, on_line=heard, stop=stop)
    except CommandTimeout:
        end = f"its process was not done within {TIMEOUT_S:.0f} s: {last}"
    except CommandFailed as error:
        end = f"its process ended with exit code {error.exit_code}: {last}"
    drills = store.read(join.parent).drills if (join.parent / store.RESULTS).exists() else ()
    reports = _reports(join.parent / REPORTS)
    if any(report["when"] == "teardown" for report in reports):
        return Left(drills, reports, None)
    return Left(drills, reports, "interrupted" if stop.is_set() else end, stopped=stop.is_set())


def _reports(file: Path) -> tuple[dict[str, Any], ...]:
    """The reports in the file; a last line that was cut off by the child's end is left out."""
    if not file.exists():
        return ()
    whole, _, _cut_off = file.read_text(encoding="utf-8").rpartition("\n")
    return tuple(json.loads(line) for line in whole.splitlines())
