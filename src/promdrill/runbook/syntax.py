"""Bash's own word on whether a step is a complete command; nothing is run."""

from __future__ import annotations

import re
from collections.abc import Sequence

from promdrill.core import shell
from promdrill.runbook.source import Source
from promdrill.runbook.step import Step

_TIMEOUT_S = 10.0  # reading a page of shell takes milliseconds
_CLEAN = ("env", "-u", "BASH_ENV", "-u", "SHELLOPTS", "-u", "POSIXLY_CORRECT", "LC_ALL=C")
_COMPLAINT = re.compile(r"line (\d+): (?:warning: )?(.*)")


def check(source: Source, steps: Sequence[Step]) -> None:
    """Refuse a step that bash cannot read, or that is not complete in itself.

    Raises:
        UsageError: At the line that bash names.
        CommandFailed: There is no bash.
    """
    for step in steps:
        argv = [*_CLEAN, "bash", "--norc", "-n"]
        done = shell.run(argv, stdin=step.script(), ok=range(256), timeout_s=_TIMEOUT_S)
        complaint = done.stderr.strip()  # an open here-document is only a warning, with exit code 0
        if not complaint and done.exit_code == 0:
            continue
        found = _COMPLAINT.search(complaint)
        last = step.line + step.command.count("\n")
        line = min(max(int(found[1]), step.line), last) if found else step.line
        rule = found[2] if found else complaint or f"bash -n ends with {done.exit_code}"
        raise source.wrong(line, source.column(line), f"not a complete command: {rule}")
