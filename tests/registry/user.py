"""A user like any other: not root, in the group docker alone, with an empty home, and without a package manager."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from promdrill.core import shell
from promdrill.core.errors import SupplyError

NAME = "promdrill-rig"
GROUP = "docker"

DENIED = ("mmdebstrap", "debootstrap", "apt", "apt-get", "apt-cache", "aptitude", "dpkg", "dpkg-deb", "sudo", "su")
"""Programs that are not on the user's PATH: nothing is built with Debian's tools, and nobody becomes root."""

TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "PIP_CERT")
"""What says which certificates are trusted on this machine; it is the machine's to say, and no user's."""

_PLACES = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


@dataclass(frozen=True, slots=True)
class User:
    """The user.

    Attributes:
        home: The home, empty at first.
        programs: The one folder on PATH: links to the system's programs but `DENIED`.
    """

    home: Path
    programs: Path

    @property
    def environment(self) -> dict[str, str]:
        """All that the user's shell sets: nothing of ours gets through but which certificates are trusted here."""
        trusted = {name: os.environ[name] for name in TRUST if name in os.environ}
        return {"HOME": str(self.home), "USER": NAME, "PATH": str(self.programs), "LANG": "C.UTF-8", **trusted}

    def argv(self, *command: str | Path, env: Mapping[str, str], cwd: Path, groups: bool = True) -> list[str | Path]:
        """A command line of root's that runs a command as the user, with exactly this environment.

        Args:
            command: What is typed.
            env: What is set besides `environment`.
            cwd: Where it is typed.
            groups: Whether the user is in the group docker.
        """
        member = "--init-groups" if groups else "--clear-groups"
        said = [f"{name}={value}" for name, value in {**self.environment, **env}.items()]
        become = ["setpriv", f"--reuid={NAME}", f"--regid={_group_of_user()}", member, "--no-new-privs"]
        return [*become, "env", "-i", f"--chdir={cwd}", *said, *command]

    def run(self, *command: str | Path, timeout_s: float, cwd: Path, env: Mapping[str, str] | None = None) -> str:
        """Run a command as the user and return what it says.

        Raises:
            CommandFailed: It failed.
        """
        return shell.run(self.argv(*command, env=env or {}, cwd=cwd), timeout_s=timeout_s).stdout


@contextlib.contextmanager
def user(folder: Path, *, go: Path | None) -> Iterator[User]:
    """The user, for as long as the block lasts; afterwards there is neither the user nor anything of his.

    Args:
        folder: Where home and programs are made; the user can get there.
        go: The Go to put on PATH; None for none, so that the pinned wheel is used.

    Raises:
        SupplyError: There is no group docker, or somebody has that name.
    """
    try:
        grp.getgrnam(GROUP)
    except KeyError:
        raise SupplyError(f"there is no group {GROUP}", hint=f"groupadd --system {GROUP}, and restart Docker") from None
    with contextlib.suppress(KeyError):
        raise SupplyError(f"there is a user {NAME}: {pwd.getpwnam(NAME).pw_dir}", hint=f"userdel {NAME}")
    home, programs = folder / "home", folder / "programs"
    _link_programs(programs, go)
    add: list[str | Path] = [
        "useradd",
        "--create-home",
        "--home-dir",
        home,
        "--shell",
        "/bin/bash",
        "--groups",
        GROUP,
        "--no-log-init",
    ]
    with contextlib.ExitStack() as undo:
        undo.callback(shell.run, ["userdel", "--force", NAME], timeout_s=60, ok=(0, 6))
        undo.callback(shell.run, ["pkill", "--signal", "KILL", "--uid", NAME], timeout_s=60, ok=(0, 1))
        shell.run([*add, "--skel", "/nonexistent", NAME], timeout_s=60)
        yield User(home, programs)


def give(path: Path) -> None:
    """Make a folder with all that is in it the user's own."""
    shell.run(["chown", "--recursive", "--no-dereference", f"{NAME}:", path], timeout_s=120)


def _group_of_user() -> int:
    return pwd.getpwnam(NAME).pw_gid


def _link_programs(folder: Path, go: Path | None) -> None:
    folder.mkdir()
    for place in map(Path, _PLACES):
        for program in place.iterdir() if place.is_dir() else ():
            link = folder / program.name
            if program.name not in DENIED and not link.is_symlink() and os.access(program, os.X_OK):
                link.symlink_to(program)
    (folder / "go").unlink(missing_ok=True)
    if go is not None:
        (folder / "go").symlink_to(go)
    for name in DENIED:
        if shutil.which(name, path=str(folder)):
            raise SupplyError(f"{name} is still on the user's PATH")
