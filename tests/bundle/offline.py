"""A bundle runs with no network at all: ``python -m tests.bundle.offline [BUNDLE]``, from the checkout, as root.

The bundle (made first, when none is named) is moved to an empty folder. A drill of it is run in a network namespace
that has nothing but loopback, with empty folders for cache and state, and with a Docker that promdrill starts in there:
in a mount namespace with an empty /run, so that no Docker of the machine can be reached, which would have its network.
Programs that would build or fetch something are traps. Nothing of it stays, on Ctrl-C too.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from promdrill.core import docker_target, paths, shell
from promdrill.core.clock import SYSTEM
from promdrill.core.errors import PromdrillError
from promdrill.request.options import OPTIONS
from promdrill.results import store
from promdrill.supply.engine import residue
from promdrill.supply.engine.dockerd import Places

SCENARIO = "disk-full"
PROGRAM = (str(Path(sys.executable).with_name("promdrill")),)

TRAPS = ("go", "apt-get", "mmdebstrap", "pip", "uv")
"""Programs that a run with a bundle must not start."""

DRILL_S = 1200.0
"""Seconds for everything in there: 180 measured on two cores."""

END_S = 180.0
"""Seconds that an interrupted run has to delete its cluster and to end its Docker: 26 measured."""

NOWHERE = ("192.0.2.1", 443)
"""An address that is nobody's (RFC 5737): a machine with any route waits for it, one with none is told at once."""

AT_ONCE_S = 2.0


def say(text: str) -> None:
    """A line for whoever watches."""
    print(text, flush=True)  # noqa: T201


@dataclass(frozen=True, slots=True)
class Place:
    """Folders of the proof.

    Attributes:
        root: All of it.
    """

    root: Path

    @property
    def bundle(self) -> Path:
        """The bundle, where it was moved to."""
        return self.root / "moved" / "promdrill-bundle.tar"

    @property
    def reports(self) -> Path:
        """Where the drill's results go."""
        return self.root / "reports"

    @property
    def places(self) -> Places:
        """Of the Docker in there."""
        return Places(self.root / "state/engine", self.root / "cache/engine", self.root / "state/engine/docker.sock")

    @property
    def sprung(self) -> Path:
        """What the traps write to."""
        return self.root / "sprung"

    def environment(self) -> dict[str, str]:
        """Empty cache and state, traps before all programs, and nothing that this process was given."""
        clean = {option.variable: "" for option in OPTIONS} | dict.fromkeys(("SCENARIO", "JOBS", "KEEP", "CLUSTER"), "")
        folders = {paths.CACHE_VARIABLE: str(self.root / "cache"), paths.STATE_VARIABLE: str(self.root / "state")}
        path = f"{self.root / 'traps'}{os.pathsep}{os.environ['PATH']}"
        return {**clean, **folders, "PATH": path, "COLUMNS": "120"}


def main() -> int:
    """Prove it; 0 when it was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", nargs="?", type=Path, help="a bundle that is there; one is made otherwise [$BUNDLE]")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.pop("DOCKER_HOST", None)
    try:
        named = arguments.bundle or (Path(os.environ["BUNDLE"]) if os.environ.get("BUNDLE") else None)
        return inside(Place(arguments.inside)) if arguments.inside else outside(named)
    except PromdrillError as error:
        say(f"FAILED: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted; everything of the proof is gone")
        return 130


def outside(bundle: Path | None) -> int:
    """Move a bundle to an empty folder, and run it without a network."""
    if os.geteuid() != 0:
        raise PromdrillError("namespaces and a Docker of one's own are root's", hint="sudo make test-bundle")
    if bundle is not None and not bundle.is_file():
        raise PromdrillError(f"{bundle}: no such file", hint="make bundle, or leave BUNDLE out")
    began = SYSTEM.monotonic()
    with folder() as place:
        if bundle is None:
            run([*PROGRAM, "bundle", "--file", str(place.bundle)], {})
        else:
            shutil.copyfile(bundle, place.bundle)
        size = place.bundle.stat().st_size
        say(f"the bundle, {size / 2**20:.0f} MiB, lies in an empty folder after {SYSTEM.monotonic() - began:.0f} s")
        argv = [
            "unshare",
            "--net",
            "--mount",
            sys.executable,
            "-m",
            "tests.bundle.offline",
            "--inside",
            str(place.root),
        ]
        run(argv, place.environment())
        check(place)
    say(f"proven in {SYSTEM.monotonic() - began:.0f} s: {SCENARIO} passed without a network, out of a bundle alone")
    return 0


@contextlib.contextmanager
def folder() -> Iterator[Place]:
    """An empty place; gone when the block is left, with the Docker in it."""
    place = Place(Path(tempfile.mkdtemp(prefix="promdrill-offline-")))
    try:
        place.bundle.parent.mkdir()
        (place.root / "traps").mkdir()
        for name in TRAPS:
            trap = place.root / "traps" / name
            trap.write_text(f"#!/bin/sh\necho '{name}' \"$@\" >>'{place.sprung}'\nexit 99\n", encoding="utf-8")
            trap.chmod(0o755)
        yield place
    finally:
        left = residue.processes(place.places.exec_root)
        if left:  # no dockerd.stop from out here: the packet filter and the bridges out here are not its own
            say(f"ending processes that were left: {left}")
            residue.end(left)
        shutil.rmtree(place.root, ignore_errors=True)


def check(place: Place) -> None:
    """What must be true afterwards."""
    files = {file.resolve() for file in place.reports.glob("*/" + store.RESULTS)}  # `latest` is a link
    found = [str(drill.verdict) for file in files for drill in store.read(file).drills]
    if found != ["passed"]:
        raise PromdrillError(f"the drill's verdict is {', '.join(found) or 'none'}")
    if place.sprung.exists():
        raise PromdrillError(f"something would have been fetched or built:\n{place.sprung.read_text(encoding='utf-8')}")
    if (place.root / "cache" / "go").exists():
        raise PromdrillError("Go's module cache was touched")
    left = residue.processes(place.places.exec_root)
    if left:
        raise PromdrillError(f"processes are left: {left}")


def run(argv: Iterable[str], env: Mapping[str, str], *, limit_s: float = DRILL_S) -> None:
    """Run a command, its lines shown with the seconds since it began; Ctrl-C reaches it, and is waited for.

    Raises:
        PromdrillError: It failed.
    """
    began = SYSTEM.monotonic()
    with shell.spawn(argv, env=env, cwd=paths.project_dir(), inherits_as="promdrill") as process:
        try:
            for raw in process.stdout or ():
                say(f"{SYSTEM.monotonic() - began:4.0f} s | {raw.decode('utf-8', 'replace').rstrip()}")
            code = process.wait(limit_s)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            process.wait(END_S)
            raise
    if code:
        raise PromdrillError(f"{' '.join(argv)} ended with exit code {code}")


def inside(place: Place) -> int:
    """In the namespaces: prove that nothing can be reached, then drill, then end the Docker."""
    shell.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], timeout_s=10)
    shell.run(["ip", "link", "set", "lo", "up"], timeout_s=10)
    if docker_target.DEFAULT_SOCKET.exists():
        raise PromdrillError(f"{docker_target.DEFAULT_SOCKET} can be reached from in here")
    interfaces = [name for _, name in socket.if_nameindex() if name not in _built_in()]
    if interfaces != ["lo"]:
        raise PromdrillError(f"there are network interfaces: {', '.join(interfaces)}")
    alone()
    say(f"no network: the interfaces are {', '.join(interfaces)}, a connection attempt fails at once")
    try:
        arguments = ("run", "--bundle", str(place.bundle), "--scenario", SCENARIO, "--reports", str(place.reports))
        run([*PROGRAM, *arguments], {})
        alone()
    finally:
        run([*PROGRAM, "clean"], {}, limit_s=END_S)
    return 0


def alone() -> None:
    """Refuse to go on where anything can be reached.

    Raises:
        PromdrillError: There is a route to somewhere.
    """
    began = SYSTEM.monotonic()
    try:
        socket.create_connection(NOWHERE, timeout=AT_ONCE_S).close()
    except OSError as error:
        if error.errno == errno.ENETUNREACH and SYSTEM.monotonic() - began < AT_ONCE_S:
            return
        raise PromdrillError(f"a connection attempt did not fail at once, but with: {error}") from error
    raise PromdrillError("a connection was made: this is no place without a network")


def _built_in() -> frozenset[str]:
    """Interfaces that the kernel puts into every new namespace for tunnels that nobody has made; they are down."""
    return frozenset(("sit0", "tunl0", "ip6tnl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "ip6gre0"))


if __name__ == "__main__":
    sys.exit(main())
