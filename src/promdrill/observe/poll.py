"""Ask probes from one thread, each at most twice a second, and only those that a wait needs.

A wait may have them asked once more at a moment of its own: at the end of a hold.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus

from promdrill.core.clock import Clock
from promdrill.core.errors import ClusterError
from promdrill.kube.client import Kube, Untrusted
from promdrill.observe.probes import ExecProbe, Labels, MetricsProbe, ObjectProbe, Probe, ProbeAnswer, QueryProbe
from promdrill.observe.snapshot import EPOCH, name_of
from promdrill.observe.store import Store

PERIOD_S = 0.5
"""Seconds between two requests of one probe: often enough to see a change at once, too rarely to be a load."""

EXEC_PERIOD_S = 5.0
"""The same for commands in containers within one wait: each one starts a process and opens a WebSocket."""

ANSWER_TIMEOUT_S = 5.0
"""Seconds for one answer. Prometheus answers in milliseconds; one that hangs must not hold up the other probes long."""


@dataclass(slots=True)
class _Need:
    """How many waits need a probe, and from when (monotonic seconds) answers count for the latest of them."""

    waits: int
    since: float


class Poller:
    """Asks until `stop` is set; probes that need the same request share it.

    Args:
        kube: The API server.
        store: Where answers go.
        namespace: The namespace of the services and pods that are asked.
        stop: Ends `run`; set `wake` too.
        clock: Times the questions.
        told: Called with each answer that counts.
    """

    def __init__(
        self,
        kube: Kube,
        store: Store,
        namespace: str,
        stop: threading.Event,
        clock: Clock,
        *,
        told: Callable[[Probe, ProbeAnswer], None] = lambda _probe, _answer: None,
    ) -> None:
        self._told = told
        self._kube, self._store, self._namespace, self._stop, self._clock = kube, store, namespace, stop, clock
        self._lock = threading.Lock()
        self._needs: dict[Probe, _Need] = {}
        self._asked_at: dict[tuple[str, ...], float] = {}
        self.wake = threading.Event()

    @contextmanager
    def asking(self, probes: Sequence[Probe]) -> Iterator[None]:
        """Ask `probes` while the block runs; earlier answers are forgotten."""
        wanted = set(probes)
        with self._lock:
            for probe in wanted:
                before = self._needs.get(probe)
                self._needs[probe] = _Need(before.waits + 1 if before else 1, self._clock.monotonic())
                self._store.forget_answer(probe)
                if isinstance(probe, ExecProbe):  # a new wait does not sit out the long period of the last one
                    self._asked_at.pop(self._request_of(probe), None)
        self.wake.set()
        try:
            yield
        finally:
            with self._lock:
                for probe in wanted:
                    self._needs[probe].waits -= 1
                    if not self._needs[probe].waits:
                        del self._needs[probe]

    def ask_anew(self, probes: Iterable[Probe]) -> None:
        """Ask these as soon as possible, however short ago they were asked."""
        with self._lock:
            for probe in probes:
                self._asked_at.pop(self._request_of(probe), None)
        self.wake.set()

    def run(self) -> None:
        """Ask each probe at its time, until `stop` is set."""
        while not self._stop.is_set():
            self.wake.clear()
            self.wake.wait(min(self.turns(), default=None))

    def turns(self) -> list[float]:
        """Ask every probe whose time has come. Returns the seconds until each probe's next time."""
        with self._lock:
            needed = tuple(self._needs)
        return [self._turn(request, group) for request, group in self._grouped(needed).items()]

    def _grouped(self, probes: Sequence[Probe]) -> Mapping[tuple[str, ...], list[Probe]]:
        groups: dict[tuple[str, ...], list[Probe]] = {}
        for probe in probes:
            groups.setdefault(self._request_of(probe), []).append(probe)
        return groups

    def _request_of(self, probe: Probe) -> tuple[str, ...]:
        """What is sent: ("exec", pod, container, *argv) or (method, path); the path is empty when there is no pod."""
        if isinstance(probe, ExecProbe):
            return ("exec", probe.pod, probe.container, *probe.argv)
        if isinstance(probe, ObjectProbe):
            return ("GET", probe.path)
        method = "GET" if isinstance(probe, QueryProbe | MetricsProbe) else probe.method
        target = f"services/{probe.service}:{probe.port}"
        if not isinstance(probe, QueryProbe) and probe.pod:
            pod = self._store.snapshot(EPOCH).pod(probe.pod)
            if pod is None:
                return (method, "", probe.pod)
            target = f"pods/{name_of(pod)}:{probe.pod_port}"
        return (method, f"/api/v1/namespaces/{self._namespace}/{target}/proxy{probe.path}")

    def _turn(self, request: tuple[str, ...], group: Sequence[Probe]) -> float:
        """Ask if its time has come. Returns the seconds until its next time."""
        now = self._clock.monotonic()
        due = self._asked_at.get(request, now)
        if due > now:
            return due - now
        every_s = max(map(period_s, group))
        self._asked_at[request] = now + every_s
        answer = self._ask(request)
        for probe in group:
            with self._lock:
                need = self._needs.get(probe)
                counts = need is not None and need.since <= answer.sent_s
            if counts:
                self._store.answer(probe, read_metrics(answer, probe) if isinstance(probe, MetricsProbe) else answer)
                self._told(probe, answer)
        return max(0.0, now + every_s - self._clock.monotonic())

    def _ask(self, request: tuple[str, ...]) -> ProbeAnswer:
        asked = self._clock.monotonic()

        def answered(status: int | None, text: str = "") -> ProbeAnswer:
            clock = self._clock
            return ProbeAnswer(asked, clock.monotonic(), clock.utc(), status, text)

        try:
            if request[0] == "exec":
                _, pod, container, *argv = request
                code, output = self._kube.exec(
                    self._namespace, pod, container, argv, timeout_s=ANSWER_TIMEOUT_S, reads=True
                )
                return answered(code, output)
            if not request[1]:
                return replace(answered(None), error=f"no pod {request[2]}*")
            answer = self._kube.request(request[0], request[1], timeout_s=ANSWER_TIMEOUT_S, retry=False)
        except Untrusted as error:
            return replace(answered(None), error=error.message, untrusted=True)
        except ClusterError as error:
            return replace(answered(None), error=error.message, refused=True)
        return answered(answer.status, answer.text)


def period_s(probe: Probe) -> float:
    """Seconds between two requests of a probe."""
    return EXEC_PERIOD_S if isinstance(probe, ExecProbe) else PERIOD_S


def read_metrics(answer: ProbeAnswer, probe: MetricsProbe) -> ProbeAnswer:
    """The answer with its metrics read, or with the reason why they cannot be."""
    if answer.status != HTTPStatus.OK:
        return answer
    try:
        metrics = parse_metrics(answer.text, probe.names)
    except ValueError as error:
        return ProbeAnswer(answer.sent_s, answer.answered_s, answer.utc, answer.status, error=f"not metrics: {error}")
    return ProbeAnswer(answer.sent_s, answer.answered_s, answer.utc, answer.status, metrics=metrics)


def parse_metrics(text: str, names: frozenset[str] = frozenset()) -> dict[tuple[str, Labels], float]:
    """Values of a /metrics page by (sample name, labels), those of `names` only unless it is empty.

    Raises:
        ValueError: It is not a /metrics page.
    """
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415  it comes with an HTTP server

    if names:
        text = "".join(f"{line}\n" for line in text.splitlines() if line.partition("{")[0].split(" ")[0] in names)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
