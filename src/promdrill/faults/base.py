"""What every fault has: a name, a blast radius, an act, its undo, and a proof that it worked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from promdrill.core.errors import PromdrillError
from promdrill.core.events import UndoKept, Undone
from promdrill.core.journal import Journal
from promdrill.install import Installation
from promdrill.kube.client import Kube
from promdrill.observe.conditions import Condition, several
from promdrill.observe.observer import Observer
from promdrill.observe.server import Server
from promdrill.observe.snapshot import name_of


class FaultNotTaken(PromdrillError):
    """The fault was applied and had no effect, so nothing can be learnt from the drill."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What a fault acts on.

    Attributes:
        kube: The API server.
        server: The names of the drilled Prometheus.
        installation: How it was installed, and the files that describe it.
        observer: The live snapshot of its namespace.
        journal: The drill's journal.
        nodes: Ids of the nodes' containers by the nodes' names.
        growth_s: Seconds that a fault which grows takes to its full effect; 0 for at once.
    """

    kube: Kube
    server: Server
    installation: Installation
    observer: Observer
    journal: Journal
    nodes: Mapping[str, str] = field(default_factory=dict)
    growth_s: float = 0.0

    def pod(self) -> dict[str, Any]:
        """The newest server pod that is not being deleted.

        Raises:
            FaultNotTaken: There is no such pod.
        """
        pods = self.server.pods(self.observer.snapshot())
        if not pods:
            raise FaultNotTaken(f"no pod of {self.server.fullname} in {self.server.namespace}")
        return pods[0]

    def run(self, script: str, *, timeout_s: float) -> tuple[int, str]:
        """Run a shell script in the server's container. Returns its exit code and output.

        Raises:
            FaultNotTaken: There is no server pod.
            ClusterError: The script could not be started, or did not end in time.
        """
        pod = name_of(self.pod())
        argv = ["sh", "-c", script]
        return self.kube.exec(self.server.namespace, pod, self.server.container, argv, timeout_s=timeout_s)


RELEASE = "the release"
"""What is removed together with the installation, see `Undo.register`."""

NAMESPACE = "the namespace"
"""What is removed together with the drill's namespace, such as files on its volumes."""


@dataclass(frozen=True, slots=True)
class _Act:
    what: str
    act: Callable[[], object]
    within: str
    ends: str


class Undo:
    """Takes back the drill's own acts, newest first; each one is registered before it is done.

    Attributes:
        failures: What could not be taken back, and why, in words.
    """

    def __init__(self, journal: Journal) -> None:
        self.failures: list[str] = []
        self._journal = journal
        self._acts: list[_Act] = []

    def register(self, what: str, act: Callable[[], object], *, within: str = "", ends: str = "") -> None:
        """Register how to take back what is about to be done.

        Args:
            what: The undo in words, for the journal: "remove /data/promdrill.fill".
            act: Does it; must be safe if the thing was never done. What it raises is written down and goes no further.
            within: What it belongs to: if that is removed as a whole soon after, this act is skipped.
            ends: What this act removes as a whole.
        """
        self._acts.append(_Act(what, act, within, ends))

    def run(self) -> BaseException | None:
        """Do every registered act once, newest first. An error is noted, also in `failures`, and the next act is done.

        Returns:
            The interruption (Ctrl-C, SIGTERM) that cut an act short, for the caller to raise again.
        """
        interruption: BaseException | None = None
        while self._acts:
            undo = self._acts.pop()
            what = undo.what
            if undo.within and any(later.ends == undo.within for later in self._acts):
                self._journal.write(Undone(what=f"{what}: goes with {undo.within}"))
                continue
            try:
                undo.act()
            except Exception as error:  # noqa: BLE001  the drill's own outcome must surface
                self._failed(what, f"{type(error).__name__}: {error}")
            except BaseException as error:  # noqa: BLE001  the other acts must still be done
                self._failed(what, f"interrupted: {type(error).__name__}")
                interruption = error
            else:
                self._journal.write(Undone(what=what))
        return interruption

    def _failed(self, what: str, why: str) -> None:
        self.failures.append(" ".join(f"{what}: {why}".split()))
        self._journal.write(Undone(what=what, error=why))

    def keep(self) -> None:
        """Forget every act: what was done stays."""
        for undo in self._acts:
            self._journal.write(UndoKept(what=undo.what))
        self._acts.clear()


class Fault(ABC):
    """A reversible change; subclasses are frozen dataclasses whose fields are its parameters.

    Attributes:
        grows: Whether it can take effect little by little, within `Ground.growth_s`. All others take effect at once.
    """

    grows: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Raise UsageError for a proof that is a single condition."""
        several(f"the proof of {type(self).__name__} is", getattr(self, "proof", ()))

    @property
    @abstractmethod
    def name(self) -> str:
        """The fault in words: "fill /data to the last byte"."""

    @property
    @abstractmethod
    def blast_radius(self) -> tuple[str, ...]:
        """Everything that it may touch, in words."""

    def here(self, _ground: Ground) -> Fault:
        """The same fault in the words of what is installed, whose settings may have other keys; see `Set.here`."""
        return self

    @abstractmethod
    def apply(self, ground: Ground, undo: Undo) -> tuple[Condition, ...]:
        """Make it happen, after registering its undo.

        Returns:
            The conditions that must hold, all at once, before the fault counts as injected.

        Raises:
            FaultNotTaken: It is clear at once that it had no effect.
        """
