"""A drill whose engine, node or API server is gone: known as soon as nothing answers, not at the deadline of a wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from promdrill.core.errors import ClusterError
from promdrill.observe.conditions import Failure, Kind, Seen
from promdrill.observe.snapshot import Snapshot

SILENT_S = 20.0
"""Seconds without an answer after which it is asked why: an API server that starts again is back within ten."""


class GroundLost(ClusterError):
    """What the drill runs on is gone; the message says what."""


@dataclass(slots=True)
class Silence:
    """How long the API server has answered nothing.

    Attributes:
        trouble: What became of what the drill runs on, in one sentence; empty if all is well. Asked at most every
            `SILENT_S` seconds of silence.
    """

    trouble: Callable[[], str]
    _answered_s: float = field(default=-1.0, init=False)

    @property
    def failure(self) -> Failure:
        """Ends a wait, by raising `GroundLost`, once nothing was answered for `SILENT_S` seconds and there is a reason.

        Conditions that ask nothing do not notice: they see what the streams showed last.
        """
        return Failure("nothing answers", Kind.HTTP, self._judge)

    def _judge(self, snapshot: Snapshot) -> Seen:
        answers = snapshot.answers.values()
        if self._answered_s < 0 or not answers or not all(answer.refused for answer in answers):
            self._answered_s = snapshot.at
        silent_s = snapshot.at - self._answered_s
        if silent_s >= SILENT_S:
            if said := self.trouble():
                raise GroundLost(said)
            self._answered_s = snapshot.at
        return Seen(holds=False, text=f"no answer for {silent_s:.0f} s")
