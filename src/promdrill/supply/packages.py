"""Debian packages on this machine: installed as root, without starting the services in them.

A script asks ``policy-rc.d`` before it starts a service. promdrill makes one that says no, for the time of the
installation, marks it, and records it before that, so that the next command removes it if this one is killed. One that
is there is somebody else's: it is left alone, and asked as always.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from promdrill.core import files, paths, processes, records, shell
from promdrill.core.errors import CommandFailed, SupplyError
from promdrill.core.say import Say
from promdrill.supply import host_changes
from promdrill.supply.host_changes import Change

INSTALL_S = 900.0

POLICY = Path("/usr/sbin/policy-rc.d")

RECORD = "installing.json"
"""In the state folder, as long as there is a `POLICY` of ours."""

_NO = """\
#!/bin/sh
# Made by promdrill while it installs packages, so that no service starts; it removes this file afterwards.
exit 101
"""

_GET = ("apt-get", "-qq", "-oDPkg::Lock::Timeout=300")


@dataclass(frozen=True, slots=True)
class Installing:
    """The record of an installation.

    Attributes:
        pid: Process id of the promdrill that installs.
        start: Distinguishes it from a later process with the same id.
        policy: The policy that it is going to make.
    """

    pid: int
    start: str | None
    policy: Path


def by_hand(names: Sequence[str]) -> str:
    """The command for a person to type."""
    return f"apt-get install --no-install-recommends {' '.join(names)}"


def install(names: Sequence[str], *, change: Change, why: str, say: Say, policy: Path = POLICY) -> None:
    """Install packages; promdrill must be root.

    Args:
        names: Their names.
        change: What this is in the list of changes.
        why: What they are for, as the beginning of a sentence.
        say: Told each change before it is made.
        policy: The script that package scripts ask before they start a service.

    Raises:
        SupplyError: apt-get failed, even after a fresh list of packages.
    """
    wanted = [*_GET, "install", "-y", "--no-install-recommends", *names]
    change.announce(say, f"{why}; installing {', '.join(names)}")
    with _no_services(policy, say):
        try:
            _run(wanted)
        except CommandFailed:  # no package list yet, or one so old that its files are gone
            try:
                host_changes.PACKAGE_LISTS.announce(say, "That failed; fetching the lists of packages anew")
                _run([*_GET, "update"])
                _run(wanted)
            except CommandFailed as error:
                raise SupplyError(f"cannot install {', '.join(names)}\n{error}", hint=by_hand(names)) from error


def take_back(say: Say) -> None:
    """Remove the policy of an installation that was killed; that of one that still runs stays."""
    file = _record_file()
    try:
        left = records.loads(Installing, file.read_bytes())
    except FileNotFoundError:
        return
    except (OSError, records.Misfit) as error:
        say(f"left behind: {file} ({error}); see whether {POLICY} is promdrill's")
        return
    if left.start is not None and processes.start_of(left.pid) == left.start:
        return
    if _is_ours(left.policy):
        say(f"Removing {left.policy}, which an installation left that was killed.")
        left.policy.unlink(missing_ok=True)
    file.unlink(missing_ok=True)


@contextlib.contextmanager
def _no_services(policy: Path, say: Say) -> Iterator[None]:
    take_back(say)
    if policy.exists():
        yield
        return
    host_changes.SERVICES.announce(say, f"Making {policy}, so that none of their services starts")
    file = _record_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    files.write(file, records.dumps(Installing(os.getpid(), processes.start_of(os.getpid()), policy)))
    try:
        _make(policy)
        yield
    finally:
        if _is_ours(policy):
            policy.unlink(missing_ok=True)
        file.unlink(missing_ok=True)


def _make(policy: Path) -> None:
    """Make it, unless somebody else has done so meanwhile."""
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(policy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o755)
        with open(descriptor, "w", encoding="utf-8") as stream:  # noqa: PTH123  a descriptor has no path
            stream.write(_NO)
            os.fchmod(descriptor, 0o755)  # whatever the umask is
            stream.flush()
            os.fsync(descriptor)


def _is_ours(policy: Path) -> bool:
    """Whether it says what ours says; a kill may have cut it off."""
    try:
        return _NO.startswith(policy.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return False


def _record_file() -> Path:
    return paths.state_dir() / RECORD


def _run(argv: Sequence[str]) -> None:
    shell.run(argv, timeout_s=INSTALL_S, env={"DEBIAN_FRONTEND": "noninteractive"})
