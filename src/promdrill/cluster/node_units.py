"""Programs and systemd units that promdrill puts into the nodes of its clusters."""

from __future__ import annotations

from pathlib import Path

from promdrill.core import shell

PROGRAMS = "/usr/local/lib/promdrill"
"""Folder of the programs in a node."""

UNITS = "/etc/systemd/system"
"""Folder of the units in a node."""

_TIMEOUT_S = 30.0


def install(container: str, folder: Path, unit: str, *, now: bool = False) -> None:
    """Put a unit, and the programs beside its file, into a node; it is started at each start of the node.

    Args:
        container: Id of the node's container.
        folder: Has the unit's file, and programs, whose names end in ``.sh``.
        unit: The unit's name: ``promdrill-volumes.service``.
        now: Whether it is started at once, too.

    Raises:
        CommandFailed: The node refused, or the unit could not be started.
    """
    for program in sorted(folder.glob("*.sh")):
        _write(container, program, PROGRAMS, "755")
    _write(container, folder / unit, UNITS, "644")
    enable = ["systemctl", "enable", "--quiet", *(["--now"] if now else []), unit]
    shell.run(["docker", "exec", container, *enable], timeout_s=_TIMEOUT_S)


def _write(container: str, file: Path, to: str, mode: str) -> None:
    target = f"{to}/{file.name}"
    script = f"mkdir -p {to} && cat >{target} && chmod {mode} {target}"
    content = file.read_text(encoding="utf-8")
    shell.run(["docker", "exec", "-i", container, "sh", "-c", script], timeout_s=_TIMEOUT_S, stdin=content)
