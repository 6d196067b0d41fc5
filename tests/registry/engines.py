"""Engines and machines that cannot be used, each shown to the user's promdrill: doctor and run say the same.

Where something has to be taken away from a user (a Docker that runs, a disk), that is done in a mount namespace of the
command's own; nobody else sees it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.registry.runs import SCENARIO, Runner
from tests.unit import docker_stub

from promdrill.core import docker_target, shell
from promdrill.core.errors import SupplyError

COMMAND_S = 120.0
"""Seconds for one command: 2 measured."""

DEAD = "dead"
"""A context of the user's; nobody listens where it points."""

DOCTOR_FAILS, RUN_REFUSES = 1, 2
"""Exit codes."""

Say = Callable[[str], None]


@contextlib.contextmanager
def where_users_find_it(group: str) -> Iterator[None]:
    """Docker at the default socket, for its group; where promdrill had to start one, as long as the block lasts.

    promdrill's own Docker listens in its starter's state folder, which is no other user's to enter.
    """
    default, own = docker_target.DEFAULT_SOCKET, docker_target.own_socket()
    if docker_target.listens(default) or not docker_target.ours():
        yield
        return
    there, before = default.exists(), own.stat()
    shutil.chown(own, group=group)
    own.chmod(0o660)
    default.touch()
    try:
        shell.run(["mount", "--bind", own, default], timeout_s=COMMAND_S)
        try:
            yield
        finally:
            shell.run(["umount", default], timeout_s=COMMAND_S)
    finally:
        os.chown(own, before.st_uid, before.st_gid)
        own.chmod(before.st_mode & 0o777)
        if not there:
            default.unlink()


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that is wrong.

    Attributes:
        title: In words.
        wanted: What is said of it, as a regular expression.
        before: Root's commands in a mount namespace of the command's own, as a shell's text; $1 is a folder.
        groups: Whether the user is in the group docker.
        env: What the user's shell sets besides.
    """

    title: str
    wanted: str
    before: str = "true"
    groups: bool = True
    env: dict[str, str] = field(default_factory=dict)


def cases(podman: str, cache: Path) -> Sequence[Case]:
    """All cases.

    Args:
        podman: Address of a socket that answers as podman's does.
        cache: A cache folder on the small disk, below the folder that $1 is in `Case.before`.
    """
    stopped = 'touch "$1/plain" && chmod 666 "$1/plain" && mount --bind "$1/plain" /run/docker.sock'
    small = 'mount -t tmpfs -o size=1g,mode=0777 none "$1"'
    return (
        Case("Docker is stopped", "no container engine: .*promdrill installs one only for root", stopped),
        Case("in no group", "a Docker runs, but you may not use it", groups=False),
        Case("a context that is dead", f"context {DEAD} does not answer", env={"DOCKER_CONTEXT": DEAD}),
        Case("a context that is not there", "no Docker context named nowhere", env={"DOCKER_CONTEXT": "nowhere"}),
        Case("1 GiB of disk", "too little disk: .* has 1 GiB free", small, env={"PROMDRILL_CACHE_DIR": str(cache)}),
        Case("DOCKER_HOST at a podman socket", "podman 5.3.1 answers instead of Docker", env={"DOCKER_HOST": podman}),
    )


def prove(runner: Runner, pins: Path, cache: Path, folder: Path, say: Say) -> list[str]:
    """Show each case to ``promdrill doctor`` and to ``promdrill run``.

    Args:
        runner: Runs commands for the user.
        pins: A file of pins.
        cache: The user's cache folder.
        folder: A folder that the user may see, for what the cases need.
        say: Told what came out.

    Returns:
        The titles of what was proven.

    Raises:
        SupplyError: One of the two commands says something else, or nothing, or ends otherwise.
    """
    folder.mkdir()
    folder.chmod(0o777)
    create = ("docker", "context", "create", DEAD, "--docker", "host=tcp://127.0.0.1:1")
    runner.user.run(*create, timeout_s=COMMAND_S, cwd=runner.folder)
    with docker_stub.serving(docker_stub.PODMAN_VERSION, docker_stub.PODMAN_INFO) as podman:
        Path(podman.removeprefix("unix://")).chmod(0o666)
        Path(podman.removeprefix("unix://")).parent.chmod(0o755)
        found = cases(podman, folder / "cache")
        for case in found:
            env = runner.environment(pins, cache) | {"SCENARIO": SCENARIO} | case.env
            ran = _type(runner, case, folder, "run", env=env, code=RUN_REFUSES)
            sentence, hint = _refusal(ran, case)
            looked = _bare(_type(runner, case, folder, "doctor", env=env, code=DOCTOR_FAILS))
            missing = [text for text in (sentence, hint) if _bare(text) not in looked]
            if missing:
                raise SupplyError(f"{case.title}: run says {missing}, and the doctor does not\n{looked}")
            say(f"{case.title}:\n  {sentence}\n  Hint: {hint}")
    return [case.title for case in found]


def _type(runner: Runner, case: Case, folder: Path, command: str, *, env: dict[str, str], code: int) -> str:
    user = runner.user.argv(".venv/bin/promdrill", command, env=env, cwd=runner.folder, groups=case.groups)
    argv = ["unshare", "--mount", "--propagation", "private", "sh", "-euc", f'{case.before}; shift; exec "$@"', "sh"]
    done = shell.run([*argv, folder, *user], timeout_s=COMMAND_S, ok=range(256))
    said = done.stdout + done.stderr
    if done.exit_code != code or "Traceback" in said:
        raise SupplyError(f"{case.title}: promdrill {command} ended with {done.exit_code}, not {code}\n{said}")
    return said


def _refusal(said: str, case: Case) -> tuple[str, str]:
    match = re.fullmatch(r"(?:supply: .*\n)?promdrill: (.+)\nHint: (.+)\n?", said.strip())
    if match is None or re.search(case.wanted, match[1]) is None:
        raise SupplyError(f"{case.title}: not one message with a hint, or not that it is {case.wanted!r}\n{said}")
    return match[1], match[2]


def _bare(text: str) -> str:
    """Without blanks: the doctor folds its lines."""
    return "".join(text.split())
