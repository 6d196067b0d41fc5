"""The variants of a drill that prove that its fault, remedy and recovery matter: controls, ablations, other repairs."""

from __future__ import annotations

from pathlib import Path

from promdrill.core.choices import ACCEPTED, AS_WRITTEN, NO_FAULT, NO_REMEDY, OTHER_FAULT, REFUSED
from promdrill.core.errors import UsageError
from promdrill.core.model import LeftOut, Variant
from promdrill.runbook import repairs
from promdrill.runbook.parse import Runbook, parse


def controls(as_written: Path, *, look_alike: bool) -> tuple[Variant, ...]:
    """The drill without its fault, without its remedy, with another fault, and with a remedy that does not work.

    The first and the third must end invalid, the others failed.

    Args:
        as_written: A runbook that does not work; without such a file, there is no such control.
        look_alike: Whether the scenario names another one whose incident looks similar.

    Raises:
        UsageError: That file is not a runbook, or does not say why and how it fails.
        CommandFailed: There is no bash to check its steps with.
    """
    if as_written.is_file() and not parse(as_written).fails_because:
        message = f"{as_written}:1: a runbook kept because it does not work must say why, and how that shows"
        raise UsageError(message, hint="fails_because: a sentence; fails_with: a pattern of the output that shows it")
    names = (NO_FAULT, NO_REMEDY, OTHER_FAULT if look_alike else "", AS_WRITTEN if as_written.is_file() else "")
    return tuple(Variant(name) for name in names if name)


def ablations(runbook: Runbook) -> tuple[Variant, ...]:
    """One variant for each Mitigation step of the runbook: the drill without that step."""
    found = []
    for at, step in enumerate(runbook.steps):
        if step.section == "Mitigation":
            left_out = LeftOut(runbook.path.name, step.line, step.first_line, step.optional)
            found.append(Variant(f"without:{left_out.file}:{left_out.line}", left_out, frozenset({at})))
    return tuple(found)


def other_repairs(file: Path) -> tuple[Variant, ...]:
    """One variant for each repair in the file: the drill with it instead of the runbook's. None without such a file.

    Raises:
        UsageError: The file breaks a rule.
    """
    found = repairs.repairs(file) if file.is_file() else ()
    return tuple(
        Variant(f"{ACCEPTED if repair.accepted else REFUSED}{repair.name}", repair_line=repair.line) for repair in found
    )
