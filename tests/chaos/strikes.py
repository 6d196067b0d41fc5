"""What strikes a run: each kind, whom it hits, how it is taken back, and what an aborted drill must say of it."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from promdrill.cluster.identity import LABEL
from promdrill.core import paths, shell
from promdrill.core.errors import CommandFailed
from promdrill.supply.engine.dockerd import Places

STRIKE_S = 60.0
"""Seconds for one command of a strike; it takes less than one."""

SMALL_BYTES = 96 << 20
"""Size of the file systems that the full disk fills; a run writes some 2 MiB to each of them."""


class Missed(Exception):
    """There was nothing to hit."""


@dataclass(frozen=True, slots=True)
class Target:
    """A run of promdrill.

    Attributes:
        process: Its first process.
        folders: Where it writes: file systems of their own, small enough to be filled.
        random: Chooses among equals.
    """

    process: psutil.Process
    folders: Sequence[Path]
    random: random.Random

    def node(self) -> str:
        """Id of its node's container.

        Raises:
            Missed: There is none yet, or the engine does not answer.
        """
        try:
            found = _docker("ps", "--no-trunc", "--filter", f"label={LABEL}", "--format", "{{.ID}}").split()
        except CommandFailed as error:
            raise Missed("no engine") from error
        if not found:
            raise Missed("no node")
        return found[0]


@dataclass(slots=True)
class Strike(ABC):
    """Something that happens to a run."""

    name = ""
    cause = ""
    """A regular expression: what an aborted drill, or a run that never drilled, must say."""

    ends_run = False
    """Whether the run can end without a word: its first process was killed."""

    needs_node = False

    mended_by_hand = False
    """Whether somebody must mend it before any command can work: a full disk, a broken network."""

    @abstractmethod
    def hit(self, target: Target) -> str:
        """Strike; returns what was hit.

        Raises:
            Missed: There was nothing to hit.
        """

    def take_back(self) -> None:  # noqa: B027  most strikes leave nothing
        """Take back what outlasts the run."""


@dataclass(slots=True)
class Interrupt(Strike):
    """Ctrl-C."""

    name = "SIGINT"
    cause = "interrupted"

    def hit(self, target: Target) -> str:
        return _signal(target.process, signal.SIGINT)


@dataclass(slots=True)
class Terminate(Strike):
    """What a CI job gets that is cancelled."""

    name = "SIGTERM"
    cause = "interrupted"

    def hit(self, target: Target) -> str:
        return _signal(target.process, signal.SIGTERM)


@dataclass(slots=True)
class Kill(Strike):
    """The run's first process is killed."""

    name = "SIGKILL of the parent"
    ends_run = True

    def hit(self, target: Target) -> str:
        return _signal(target.process, signal.SIGKILL)


@dataclass(slots=True)
class KillChild(Strike):
    """One of its processes is killed: a tool, a step, the guardian."""

    name = "SIGKILL of a child"
    cause = r"signal|SIGKILL|-9|137|exit code|guardian|killed|the container engine does not answer"

    def hit(self, target: Target) -> str:
        with contextlib.suppress(psutil.Error):
            children = target.process.children(recursive=True)
            if children:
                return _signal(target.random.choice(children), signal.SIGKILL)
        raise Missed("no child")


@dataclass(slots=True)
class KillNode(Strike):
    """``docker kill`` of the node."""

    name = "docker kill of the node"
    cause = r"node container \S+ is (exited|dead)|no node of cluster|is not running|could not create cluster"
    needs_node = True

    def hit(self, target: Target) -> str:
        node = target.node()
        _docker("kill", node)
        return f"container {node[:12]}"


@dataclass(slots=True)
class RestartEngine(Strike):
    """The engine is killed and started again, with the same words."""

    name = "engine restart"
    cause = r"engine|node container|Docker|docker|could not create cluster"
    needs_node = True
    _started: list[int] = field(default_factory=list)

    def hit(self, target: Target) -> str:
        target.node()
        record = json.loads(Places.usual().record.read_text(encoding="utf-8"))
        engine = psutil.Process(record["pid"])
        argv, environment = engine.cmdline(), engine.environ()
        engine.kill()
        with contextlib.suppress(psutil.Error):
            engine.wait(STRIKE_S)
        (Places.usual().exec_root / "dockerd.pid").unlink(missing_ok=True)
        environment.pop("NOTIFY_SOCKET", None)
        log = Places.usual().state / "restarted.log"
        self._started.append(shell.start_daemon(argv, log=log, env=environment))
        return f"dockerd {record['pid']}, now {self._started[-1]}"

    def take_back(self) -> None:
        for pid in self._started:
            with contextlib.suppress(psutil.Error):
                engine = psutil.Process(pid)
                engine.terminate()
                engine.wait(STRIKE_S)
        (Places.usual().state / "restarted.log").unlink(missing_ok=True)


@dataclass(slots=True)
class StopServer(Strike):
    """SIGSTOP of the API server: connections open, nobody answers."""

    name = "SIGSTOP of the API server"
    cause = r"API server does not answer|could not create cluster|not (nodes ready|DNS available)|not \S+ within"
    needs_node = True
    _stopped: list[psutil.Process] = field(default_factory=list)

    def hit(self, target: Target) -> str:
        node = target.node()
        found = [each for each in _in_container(node) if each.name() == "kube-apiserver"]
        if not found:
            raise Missed("no API server")
        self._stopped.append(found[0])
        return _signal(found[0], signal.SIGSTOP)

    def take_back(self) -> None:
        for process in self._stopped:
            with contextlib.suppress(psutil.Error):
                process.resume()


@dataclass(slots=True)
class FillDisk(Strike):
    """The disks of state, scratch folder and reports are full."""

    name = "full disk"
    mended_by_hand = True
    cause = r"[Nn]o space left|ENOSPC"
    _filled: list[Path] = field(default_factory=list)

    def hit(self, target: Target) -> str:
        for folder in target.folders:
            file = folder / "full"
            self._filled.append(file)
            with contextlib.suppress(OSError), file.open("wb") as out:
                for size in (1 << 20, 1 << 12, 1):
                    with contextlib.suppress(OSError):
                        while True:
                            out.write(bytes(size))
                            out.flush()
        return ", ".join(folder.name for folder in target.folders)

    def take_back(self) -> None:
        for file in self._filled:
            file.unlink(missing_ok=True)


@dataclass(slots=True)
class CutOff(Strike):
    """Packets to the node vanish."""

    name = "broken network to the node"
    cause = r"API server does not answer|could not create cluster|not \S+ within|timed out"
    needs_node = mended_by_hand = True
    _rules: list[list[str]] = field(default_factory=list)

    def hit(self, target: Target) -> str:
        networks = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"
        address = _docker("inspect", "--format", networks, target.node()).split()
        if not address:
            raise Missed("no address")
        for chain, side in (("OUTPUT", "--destination"), ("INPUT", "--source")):
            rule = [chain, side, address[0], "--jump", "DROP"]
            self._rules.append(rule)
            shell.run(["iptables", "--wait", "--insert", *rule], timeout_s=STRIKE_S)
        return address[0]

    def take_back(self) -> None:
        for rule in self._rules:
            shell.run(["iptables", "--wait", "--delete", *rule], timeout_s=STRIKE_S, ok=(0, 1, 2, 4))


KINDS: tuple[type[Strike], ...] = (
    Interrupt,
    Terminate,
    Kill,
    KillChild,
    KillNode,
    RestartEngine,
    StopServer,
    FillDisk,
    CutOff,
)
"""All kinds; each is tried as often as every other."""


@contextlib.contextmanager
def small_disks(folders: Sequence[Path]) -> Iterator[None]:
    """Within the block, each of these folders is a small file system of its own, in memory."""
    with contextlib.ExitStack() as undo:
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
            undo.callback(shell.run, ["umount", "--lazy", folder], timeout_s=STRIKE_S)
            shell.run(
                ["mount", "-t", "tmpfs", "-o", f"size={SMALL_BYTES}", "promdrill-chaos", folder], timeout_s=STRIKE_S
            )
        yield


def written_folders(reports: Path) -> tuple[Path, ...]:
    """Where a run writes while it drills."""
    return (paths.clusters_dir(), paths.cache_dir() / "scratch", reports)


def _docker(*argv: str) -> str:
    return shell.run(["docker", *argv], timeout_s=STRIKE_S).stdout


def _signal(process: psutil.Process, number: signal.Signals) -> str:
    try:
        said = f"process {process.pid}, {' '.join(process.cmdline())[:60] or process.name()}"
        process.send_signal(number)
    except psutil.Error as error:
        raise Missed("it had ended") from error
    return said


def _in_container(container: str) -> Iterator[psutil.Process]:
    """Processes whose control group names a container."""
    for process in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.Error):
            text = Path(f"/proc/{process.pid}/cgroup").read_text(encoding="utf-8")
            if re.search(rf"\b{container}\b", text) and process.pid != os.getpid():
                yield process
