"""One drill in its own pytest process, seen from the parent: start it, listen to it, read what it left."""

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
"""In the outbox: pytest's reports of the test's phases, one per line."""

TIMEOUT_S = 4 * 3600.0
"""For one drill and the wait for its turn. A drill's own deadlines add up to about an hour; this ends what hangs."""

_ENVIRONMENT = {
    "PYTEST_ADDOPTS": "",  # the parent has applied it; a second --junitxml would overwrite the parent's
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True, slots=True)
class Left:
    """What a child left behind.

    Attributes:
        drills: The results that it recorded.
        reports: pytest's reports as data, in order.
        end: Why the test did not finish, in words; None when it did.
        stopped: Whether it did not finish because it was asked to end.
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
    lasts_s: float = 0.0,
) -> Left:
    """Run one test to its end in a child that joins the cluster. Nothing that the child does raises an error here.

    Args:
        test: Path of its file and its name, as pytest takes them.
        options: pytest's own options; promdrill's are in the file.
        join: The file that `promdrill.parallel.joining.Joined.write` wrote, in the child's outbox.
        cwd: Folder to run in.
        on_message: Called with each line of the child's output and each state that it reaches, from several threads.
        stop: When set, the child is asked to end, and killed soon after.
        lasts_s: Seconds for which an incident is held, and a fault grows, because that was asked for. The drill has
            them besides `TIMEOUT_S`, and so has the one that it waits for.
    """
    last, timeout_s = "no output", TIMEOUT_S + 2 * lasts_s

    def heard(line: str) -> None:
        nonlocal last
        if line.strip():
            last = line.strip()
            on_message(Line(line))

    end = "its process ended before the test did"
    argv = [sys.executable, "-m", "pytest", *options, f"--join={join}", test]
    ok = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
    try:
        with Inbox(join.parent, on_message):
            shell.run(
                argv,
                timeout_s=timeout_s,
                env=_ENVIRONMENT,
                cwd=cwd,
                ok=ok,
                on_line=heard,
                stop=stop,
                inherits_as="promdrill",
            )
    except CommandTimeout:
        end = f"its process did not end within {timeout_s:.0f} s: {last}"
    except CommandFailed as error:
        end = f"its process ended, {error.outcome}: {last}"
    drills = store.read(join.parent).drills if (join.parent / store.RESULTS).exists() else ()
    reports = _reports(join.parent / REPORTS)
    if any(report["when"] == "teardown" for report in reports):
        return Left(drills, reports, None)
    return Left(drills, reports, "interrupted" if stop.is_set() else end, stopped=stop.is_set())


def _reports(file: Path) -> tuple[dict[str, Any], ...]:
    """The reports in the file, without a last line that the child's end cut off."""
    if not file.exists():
        return ()
    whole, _, _cut_off = file.read_text(encoding="utf-8").rpartition("\n")
    return tuple(json.loads(line) for line in whole.splitlines())
