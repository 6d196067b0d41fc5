"""Ask bash whether each step of a runbook is a complete command, without running any of it.

One bash reads all steps. For each it calls a function that hands ``set -n`` and, from the next line on, the step to
``eval``. Bash executes ``set -n``, and from there on only parses: not even ``set +n`` is executed. When the function
returns, ``local -`` restores the options, so that the next step starts fresh.

A step about which this bash complains goes to its own ``bash -n``, which reports the line in the runbook.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence

from promdrill.core import shell
from promdrill.core.errors import PromdrillError, UsageError
from promdrill.runbook.parse import Runbook
from promdrill.runbook.step import Step

MOST_SHOWN = 20
"""Most steps that are named: each takes a bash of its own, and more do not fit on a screen."""

_TIMEOUT_S = 10.0  # reading a page of shell takes milliseconds
_BASH = ("env", "-u", "POSIXLY_CORRECT", "LC_ALL=C", "bash", "-p")  # -p: no functions and options of our environment
_READ_ALL = r"""
read_only() {
  local - || exit 1
  eval "set -n
$1"
}
while IFS= read -r -d '' step; do
  printf '%s' "$0" >&2
  read_only "$step"
done
printf '%s' "$0" >&2
"""
_COMPLAINT = re.compile(r"line (\d+): (?:warning: )?(.*)")


def lint(runbook: Runbook) -> None:
    """Refuse a runbook with a step that bash cannot parse, or that is not a complete command.

    Raises:
        UsageError: ``file:line:column: rule`` for each such step, with the line that bash reports; after `MOST_SHOWN`
            only how many more there are.
        CommandFailed: bash is missing.
        PromdrillError: The installed bash is older than 4.4.
    """
    suspects = [step for step, complaint in zip(runbook.steps, _read(runbook.steps), strict=True) if complaint]
    said = ((step, _complaint(step)) for step in suspects[:MOST_SHOWN])
    found = [f"{runbook.file_of(step)}:{words}" for step, words in said if words]
    if len(suspects) > MOST_SHOWN:
        found.append(
            f"{runbook.path}:{suspects[MOST_SHOWN].line}:1: {len(suspects) - MOST_SHOWN} more steps like these"
        )
    if found:
        raise UsageError("\n".join(found), hint="bash -n, with the step alone, says the same")


def complaints(steps: Sequence[Step]) -> list[str]:
    """What is wrong with each step, in bash's words; empty if it is a complete command.

    Raises:
        CommandFailed: bash is missing.
        PromdrillError: The installed bash is older than 4.4.
    """
    rules = []
    for said in _read(steps):
        found = _COMPLAINT.search(said)
        rules.append(found[2] if found else said)
    return rules


def _read(steps: Sequence[Step]) -> list[str]:
    """What bash says about each step; empty if it accepts the step."""
    token = secrets.token_hex(16)  # a step cannot know it, so it cannot pretend to be another
    argv = [*_BASH, "-c", _READ_ALL, token]
    told = shell.run(argv, stdin="".join(f"{step.command}\n\0" for step in steps), ok=range(256), timeout_s=_TIMEOUT_S)
    before, *complaints, after = told.stderr.split(token)
    if before or after or len(complaints) != len(steps):
        raise PromdrillError(
            f"bash could not check the steps: {told.stderr.replace(token, '').strip() or 'it ended early'}",
            hint="bash 4.4 or newer",
        )
    return [complaint.strip() for complaint in complaints]


def _complaint(step: Step) -> str:
    """``line:column: rule`` for a step that is not complete; empty for one that is."""
    told = shell.run([*_BASH, "-n"], stdin=step.script(), ok=range(256), timeout_s=_TIMEOUT_S)
    said = told.stderr.strip()  # an open here-document is only a warning, with exit code 0
    if not said and told.exit_code == 0:
        return ""
    found = _COMPLAINT.search(said)
    lines = step.command.split("\n")
    line = min(max(int(found[1]) - step.line, 0), len(lines) - 1) if found else 0
    rule = found[2] if found else said or f"bash -n ends with {told.exit_code}"
    return (
        f"{step.line + line}:{step.column + _indent(lines[line]) - _indent(lines[0])}: not a complete command: {rule}"
    )


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
