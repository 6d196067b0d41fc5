"""Watch the alerts of one drill, in the drilled Prometheus, in the witness and in Alertmanager.

Neither has a stream of its alerts, so they are looked at, each at most once a second; since when an expression is true,
their answers say themselves. Notifications come as they are sent, through the log of the receiver.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self

from promdrill.core.alerts import AlertState, Evaluator
from promdrill.core.clock import SYSTEM, Clock, Deadline
from promdrill.core.errors import ClusterError
from promdrill.core.events import AlertChanged, AlertMuted, AlertNotified, AlertsUnknown, Event
from promdrill.kube.client import StreamRefused
from promdrill.observe.server import Server
from promdrill.witness import answers
from promdrill.witness.answers import Seen
from promdrill.witness.place import NAMESPACE, RECEIVER, Witness

LOOK_S = 1.0
"""Seconds between two looks at the alerts of a Prometheus."""

_ANSWER_S = 5.0
_AGAIN_S = 0.5
_JOIN_S = 10.0

Muted = Callable[[Any, str], Iterable[tuple[Evaluator, str, Mapping[str, str], str]]]
"""Alerts of a drill that nobody is told of, from Alertmanager's answer: evaluator, rule, labels and why."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the alerts of an evaluator are looked at."""

    evaluator: Evaluator
    look: Callable[[], dict[tuple[str, ...], Seen] | None]


class Watching:
    """The alerts of one drill, from entering a ``with`` block to `close` or the block's end.

    Args:
        witness: The witness.
        server: The drilled Prometheus.
        inside: Whether the drilled Prometheus evaluates the rules, too.
        muted: Reads Alertmanager's answer.
        reaches: Whether a notification to the receiver of that name would have reached somebody.
        write: Told each event.
        clock: Where time comes from.
    """

    def __init__(
        self,
        witness: Witness,
        server: Server,
        *,
        inside: bool,
        muted: Muted,
        reaches: Callable[[str], bool],
        write: Callable[[Event], None],
        clock: Clock = SYSTEM,
    ) -> None:
        self._witness, self._server, self._muted_in, self._reaches = witness, server, muted, reaches
        self._write, self._clock = write, clock
        self._places: Sequence[_Place] = (
            _Place(Evaluator.WITNESS, self._of_witness),
            *([_Place(Evaluator.INSIDE, self._of_inside)] if inside else []),
        )
        self._known: dict[Evaluator, dict[tuple[str, ...], Seen]] = {place.evaluator: {} for place in self._places}
        self._muted: set[tuple[str, ...]] = set()
        self._lines: set[str] = set()
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        """Start looking."""
        self._start(self._look, "alerts")
        self._start(self._listen, "notifications")
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop looking. More than once is fine."""
        self._stop.set()
        self._witness.kube.interrupt(self._stop)
        for thread in self._threads:
            thread.join(_JOIN_S)
        self._threads.clear()

    @property
    def firing(self) -> frozenset[tuple[str, ...]]:
        """What fires now: evaluator, rule and labels."""
        return frozenset(
            (evaluator, *key)
            for evaluator, seen in self._known.items()
            for key, each in seen.items()
            if each.state is AlertState.FIRING
        )

    def settle(self, but: frozenset[tuple[str, ...]], timeout_s: float) -> bool:
        """Wait until nothing fires but these; returns whether that came in time.

        Args:
            but: As from `firing`.
            timeout_s: Seconds.
        """
        deadline = Deadline.after(timeout_s, self._clock)
        with self._changed:
            return self._changed.wait_for(lambda: self.firing <= but or self._stop.is_set(), deadline.remaining_s)

    def _look(self) -> None:
        while not self._stop.is_set():
            began_s = self._clock.monotonic()
            for place in self._places:
                if (found := place.look()) is not None:
                    self._compare(place.evaluator, found)
            self._see_muted()
            self._stop.wait(max(0.0, LOOK_S - (self._clock.monotonic() - began_s)))

    def _compare(self, evaluator: Evaluator, found: dict[tuple[str, ...], Seen]) -> None:
        known = self._known[evaluator]
        for key, each in found.items():
            before = known.get(key)
            if before is None or before.state is not each.state or before.active != each.active:
                self._tell(evaluator, each, each.state)
        for key in known.keys() - found.keys():
            self._tell(evaluator, known[key], AlertState.INACTIVE)
        with self._changed:
            self._known[evaluator] = found
            self._changed.notify_all()

    def _tell(self, evaluator: Evaluator, each: Seen, state: AlertState) -> None:
        gone = state is AlertState.INACTIVE
        self._write(
            AlertChanged(
                alert=each.alert,
                labels=dict(each.labels),
                evaluator=evaluator,
                state=state,
                active=None if gone else each.active,
                value="" if gone else each.value,
                summary=each.summary,
            )
        )

    def _of_witness(self) -> dict[tuple[str, ...], Seen] | None:
        """Its alerts; None if it does not answer, so that nothing is known."""
        try:
            return answers.alerts(self._witness.ask("prometheus", answers.ALERTS, _ANSWER_S), self._server.namespace)
        except ClusterError:
            return None

    def _of_inside(self) -> dict[tuple[str, ...], Seen] | None:
        """Its alerts; none while nothing runs there that could evaluate a rule, and None if it does not answer in time.

        The API server's proxy answers 503 for a Service without a pod, or one that refuses connections.
        """
        server = self._server
        page = f"{server.prefix}{answers.ALERTS}"
        path = f"/api/v1/namespaces/{server.namespace}/services/{server.query_service}:{server.port}/proxy{page}"
        try:
            answer = self._witness.kube.request("GET", path, timeout_s=_ANSWER_S, retry=False)
        except ClusterError:
            return None
        if answer.status != HTTPStatus.OK:
            return {}
        try:
            return answers.alerts(answer.json(), server.namespace)
        except (ValueError, KeyError, TypeError):
            return None

    def _see_muted(self) -> None:
        with contextlib.suppress(ClusterError):
            body = self._witness.ask("alertmanager", answers.GROUPS, _ANSWER_S)
            for evaluator, alert, labels, why in self._muted_in(body, self._server.namespace):
                key = (evaluator, alert, why, *(part for pair in sorted(labels.items()) for part in pair))
                if key not in self._muted:
                    self._muted.add(key)
                    self._write(AlertMuted(alert=alert, labels=dict(labels), evaluator=evaluator, why=why))

    def _listen(self) -> None:
        """Read what the receiver writes down, and open its log anew where the stream ends."""
        began = self._clock.utc().strftime("%Y-%m-%dT%H:%M:%SZ")
        while not self._stop.is_set():
            with contextlib.suppress(ClusterError, StreamRefused):
                pod = self._witness.pod()
                for line in self._witness.kube.follow_log(NAMESPACE, pod, RECEIVER, stop=self._stop, since_time=began):
                    self._heard(line)
            self._stop.wait(_AGAIN_S)

    def _heard(self, line: str) -> None:
        if line in self._lines:
            return
        self._lines.add(line)
        try:
            found = list(answers.notified(json.loads(line.partition(" ")[2]), self._server.namespace))
        except (ValueError, KeyError, TypeError):
            return  # not a notification: what the program says of itself
        for each in (each for each in found if self._reaches(each.receiver)):
            self._write(
                AlertNotified(
                    alert=each.alert,
                    labels=dict(each.labels),
                    evaluator=each.evaluator,
                    receiver=each.receiver,
                    resolved=each.resolved,
                    sent=each.sent,
                )
            )

    def _start(self, body: Callable[[], None], name: str) -> None:
        def guarded() -> None:
            try:
                body()
            except Exception as error:  # noqa: BLE001  a thread has nobody to raise to; the account says so
                self._write(AlertsUnknown(error=f"{name}: {type(error).__name__}: {error}"))

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()
