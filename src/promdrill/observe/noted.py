"""What the journal records about pods and about some answers whenever they change, so that a report can draw them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from promdrill.core.events import ContainerState, Event, FreshnessAsked, PodChanged, PodGone, VolumeMeasured
from promdrill.observe import df
from promdrill.observe.probes import AGE_QUERY, ExecProbe, Probe, ProbeAnswer, QueryProbe
from promdrill.observe.snapshot import Object, container_statuses, is_leaving, name_of


class Notes:
    """Writes to the journal.

    Args:
        write: The journal's `Journal.write`.
    """

    def __init__(self, write: Callable[[Event], None]) -> None:
        self._write = write
        self._pods: dict[str, PodChanged] = {}
        self._volumes: dict[str, df.Space] = {}

    def pod(self, pod: Object) -> None:
        """A pod as it is now."""
        status, uid = pod.get("status") or {}, str(pod["metadata"].get("uid", ""))
        event = PodChanged(
            pod=name_of(pod),
            uid=uid,
            phase=status.get("phase"),
            reason=status.get("reason"),
            leaving=is_leaving(pod),
            containers=tuple(_container(s) for s in container_statuses(pod)),
        )
        if self._pods.get(uid) != event:
            self._pods[uid] = event
            self._write(event)

    def pods(self, pods: Iterable[Object]) -> None:
        """All existing pods; any other is gone."""
        there = set()
        for pod in pods:
            there.add(str(pod["metadata"].get("uid", "")))
            self.pod(pod)
        for uid in self._pods.keys() - there:
            self._forget(uid)

    def gone(self, pod: Object) -> None:
        """A pod that no longer exists."""
        self._forget(str(pod["metadata"].get("uid", "")))

    def _forget(self, uid: str) -> None:
        before = self._pods.pop(uid, None)
        if before is not None:
            self._write(PodGone(pod=before.pod, uid=uid))

    def answer(self, probe: Probe, answer: ProbeAnswer) -> None:
        """An answer that was just given."""
        if isinstance(probe, QueryProbe) and probe.promql == AGE_QUERY and probe.at_s is None:
            ages = answer.vector()
            self._write(FreshnessAsked(age_s=round(max(0.0, min(ages.values())), 3) if ages else None))
        elif isinstance(probe, ExecProbe) and probe.argv[:2] == df.BYTES and answer.status == 0:
            space, mount = df.read_space(answer.text), probe.argv[-1]
            if space is not None and self._volumes.get(mount) != space:
                self._volumes[mount] = space
                self._write(VolumeMeasured(path=mount, size_bytes=space.size_bytes, used_bytes=space.used_bytes))


def _container(status: Object) -> ContainerState:
    state, about = next(iter((status.get("state") or {}).items()), ("waiting", None))
    about = about or {}
    return ContainerState(
        name=status["name"],
        state=state,
        reason=about.get("reason"),
        exit_code=about.get("exitCode"),
        ready=bool(status.get("ready")),
        restarts=int(status.get("restartCount") or 0),
        image=status.get("image"),
    )
