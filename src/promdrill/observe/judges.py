"""The judgements behind `Server`'s conditions: pure functions from a snapshot to what was seen."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any

from promdrill.observe.conditions import Seen, unknown
from promdrill.observe.failures import about, event_time
from promdrill.observe.looked import judged
from promdrill.observe.probes import (
    LOGIN_WANTED,
    TLS_WANTED,
    HttpProbe,
    MetricsProbe,
    Probe,
    ProbeAnswer,
    QueryProbe,
    Vector,
)
from promdrill.observe.quantity import size_bytes
from promdrill.observe.snapshot import EPOCH, Object, Snapshot, container_status, name_of

STARTED = "process_start_time_seconds"
"""Start of the process: separates readings of one process from those of the next, whose counters start again at 0."""


LONGEST_QUOTE = 200
"""Characters of a log line or body that an observation repeats."""


def pod_words(pod: Object) -> str:
    """A pod as `kubectl get pod` shows it, and what those of its containers do that are not ready."""
    status = pod.get("status") or {}
    containers = status.get("containerStatuses") or ()
    ready = sum(1 for c in containers if c.get("ready"))
    total = len((pod.get("spec") or {}).get("containers") or ()) or len(containers)
    phase = "Terminating" if pod["metadata"].get("deletionTimestamp") else status.get("phase", "?")
    rest = [f"{c['name']} {state_words(c)}" for c in containers if not c.get("ready")]
    return ", ".join([f"{name_of(pod)} {ready}/{total} {phase}", *rest])


def state_words(status: Object) -> str:
    """A container's state and restarts."""
    state = status.get("state") or {}
    if waiting := state.get("waiting"):
        words = str(waiting.get("reason", "waiting"))
    elif ended := state.get("terminated"):
        words = f"ended with exit code {ended.get('exitCode')}"
    else:
        words = "running, not ready" if "running" in state else "not started"
    return f"{words} ({status.get('restartCount', 0)} restarts)"


def readiness(pods: Sequence[Object], n: int, of: int) -> Seen:
    """Whether there is exactly one pod, those being deleted included, and it runs with `n` of `of` containers ready."""
    text = "; ".join(pod_words(pod) for pod in pods) or "no server pod"
    match pods:
        case [pod]:
            return Seen(holds=_runs_with(pod, n, of), text=text)
    return Seen(holds=False, text=text)


def _runs_with(pod: Object, n: int, of: int) -> bool:
    status = pod.get("status") or {}
    ready = sum(1 for c in status.get("containerStatuses") or () if c.get("ready"))
    total = len((pod.get("spec") or {}).get("containers") or ())
    stays = not pod["metadata"].get("deletionTimestamp")
    return stays and status.get("phase") == "Running" and (ready, total) == (n, of)


def crash_loop(pods: Sequence[Object], container: str) -> Seen:
    """Whether one pod's container crashes again and again while that pod's other containers are ready."""
    for pod in pods:
        status = container_status(pod, container)
        if status is None or not _crashed(status):
            continue
        others = [c for c in (pod.get("status") or {}).get("containerStatuses") or () if c["name"] != container]
        if all(c.get("ready") for c in others):
            return Seen(holds=True, text=pod_words(pod))
    return Seen(holds=False, text="; ".join(pod_words(pod) for pod in pods) or "no server pod")


def _crashed(status: Object) -> bool:
    state = status.get("state") or {}
    if (state.get("waiting") or {}).get("reason") == "CrashLoopBackOff":
        return True
    return bool((state.get("terminated") or {}).get("exitCode", 0))


def log_line(
    snapshot: Snapshot,
    prefix: str,
    container: str,
    found: Callable[[str], bool],
    *,
    since: datetime,
    restart: tuple[str, int] | None,
) -> Seen:
    """Whether a line matches; `restart` narrows to one run: pod UID and restart count."""
    count = 0
    for pod, line in snapshot.lines(prefix, container):
        if line.at >= since and restart in (None, (line.uid, line.restart)):
            count += 1
            if found(line.text):
                text = f"{pod}/{container} (restart {line.restart}): {line.text[:LONGEST_QUOTE]}"
                return Seen(holds=True, text=text, changed=line.shown, quotes=True)
    return Seen(holds=False, text=f"no such line among {count} of {container}", known=count > 0)


def no_log_line(snapshot: Snapshot, pods: Sequence[Object], container: str, seen: Seen, *, lines_wanted: bool) -> Seen:
    """The opposite of `log_line`. It must not hold merely because the log could not be read.

    Args:
        snapshot: The snapshot.
        pods: The server's pods.
        container: Whose log.
        seen: What `log_line` saw.
        lines_wanted: Whether an empty log proves nothing.
    """
    if seen.holds:
        return Seen(holds=False, text=f"there is {seen.text}", changed=seen.changed)
    unread = [name_of(pod) for pod in pods if (name_of(pod), container) not in snapshot.read]
    if unread or not pods:
        return unknown(f"the log of {container} has not been read to its end ({', '.join(unread) or 'no server pod'})")
    if lines_wanted and not seen.known:
        return unknown(f"{container} has written nothing since its restart")
    return Seen(holds=True, text=seen.text)


def answer_of(snapshot: Snapshot, probe: Probe) -> ProbeAnswer | Seen:
    """The answer to a probe in this wait, or why there is none."""
    answer = snapshot.answers.get(probe)
    if answer is None:
        return unknown("not asked yet")
    if answer.refused:
        return unknown(f"the API server could not be asked: {answer.error}")
    return answer


def http_status(snapshot: Snapshot, probe: HttpProbe, status: int) -> Seen:
    """Whether the answer has that status."""
    answer = answer_of(snapshot, probe)
    return answer if isinstance(answer, Seen) else Seen(holds=answer.status == status, text=status_words(answer))


def http_json(
    snapshot: Snapshot, probe: HttpProbe, predicate: Callable[[Any], bool], show: Callable[[Any], str] | None
) -> Seen:
    """Whether the predicate holds for the JSON answer; any status but 200 proves nothing."""
    answer = answer_of(snapshot, probe)
    if isinstance(answer, Seen):
        return answer
    body = answer.json()
    if answer.status != HTTPStatus.OK or body is None:
        return unknown(status_words(answer))
    return judged(predicate, body, show)


def vector_of(snapshot: Snapshot, probe: QueryProbe, predicate: Callable[[Vector], bool]) -> Seen:
    """Whether the predicate holds for the query's result."""
    answer = answer_of(snapshot, probe)
    if isinstance(answer, Seen):
        return answer
    vector = answer.vector()
    if vector is None:
        return unknown(f"not answered: {status_words(answer)}")
    return Seen(holds=predicate(vector), text=vector_words(vector))


def age(snapshot: Snapshot, probe: QueryProbe) -> tuple[float | None, Seen]:
    """Age of the newest stored sample in seconds (None if there is none, or no answer), and what was seen."""
    answer = answer_of(snapshot, probe)
    if isinstance(answer, Seen):
        return None, answer
    vector = answer.vector()
    if vector is None:
        return None, Seen(holds=False, text=f"no answer from Prometheus: {status_words(answer)}")
    if not vector:
        return None, Seen(holds=False, text="no sample within the lookback (5 minutes)")
    seconds = max(0.0, min(vector.values()))
    return seconds, Seen(holds=False, text=f"newest sample is {seconds:.1f} s old")


def metric_value(
    snapshot: Snapshot, probe: MetricsProbe, name: str, predicate: Callable[[float], bool], labels: dict[str, str]
) -> Seen:
    """Whether the predicate holds for a metric's sum."""
    answer = answer_of(snapshot, probe)
    if isinstance(answer, Seen):
        return answer
    if answer.metrics is None:
        return unknown(f"/metrics does not answer: {status_words(answer)}")
    value = answer.total(name, **labels)
    if value is None:
        return unknown(f"no metric {name}")
    return Seen(holds=predicate(value), text=f"{name} is {value:g}")


def stands_still(snapshot: Snapshot, probe: MetricsProbe, name: str, labels: dict[str, str], for_s: float) -> Seen:
    """Whether a metric's sum did not rise over the last `for_s` seconds of one process."""
    answer = answer_of(snapshot, probe)
    if isinstance(answer, Seen):
        return answer
    if answer.metrics is None:
        return unknown(f"/metrics does not answer: {status_words(answer)}")
    value = answer.total(name, **labels)
    if value is None:
        return unknown(f"no metric {name}")
    before = [
        (answer.sent_s - each.sent_s, then)
        for each in snapshot.history.get(probe, ())
        if each.total(STARTED) == answer.total(STARTED) and (then := each.total(name, **labels)) is not None
    ]
    enough = [(ago_s, then) for ago_s, then in before if ago_s >= for_s]
    since_s, then = enough[-1] if enough else max(before)
    if value > then:
        return Seen(holds=False, text=f"{name} rose by {value - then:g} in {since_s:.1f} s")
    if not enough:
        return unknown(f"{name} is {value:g}; watched for {since_s:.1f} of {for_s:g} s")
    return Seen(holds=True, text=f"{name} is {value:g}, and was so {since_s:.1f} s before")


def capacity(obj: Object | None, held: str | None, phase: str | None, at_least: str) -> Seen:
    """Whether a claim or volume is bound and has at least that capacity."""
    if obj is None:
        return Seen(holds=False, text="does not exist")
    text = f"{name_of(obj)} {phase or 'without phase'}, {held or 'no capacity'}"
    return Seen(holds=phase == "Bound" and held is not None and size_bytes(held) >= size_bytes(at_least), text=text)


def event_seen(snapshot: Snapshot, reason: str, prefix: str, text: str | None, since: datetime) -> Seen:
    """Whether such an event was seen at or after `since`."""
    others = []
    for event in snapshot.events.values():
        if event.get("reason") != reason or not str((event.get("involvedObject") or {}).get("name")).startswith(prefix):
            continue
        words = f"{about(event)}: {reason}: {event.get('message', '')}"
        at = event_time(event)
        if (at or EPOCH) >= since.replace(microsecond=0) and re.search(text or "", str(event.get("message", ""))):
            return Seen(holds=True, text=words, quotes=True)
        others.append(words)
    return Seen(holds=False, text=f"only {others[-1]}" if others else f"no event {reason} about {prefix}*")


def status_words(answer: ProbeAnswer) -> str:
    """An HTTP answer in words: an error of the API server or of Prometheus without the JSON around it."""
    if answer.status is None:
        return answer.error
    body = answer.json()
    message = None
    if isinstance(body, dict):
        message = body.get("message") if answer.from_no_pod else body.get("error")
    said = message if isinstance(message, str) else answer.text
    wanted = f"; {LOGIN_WANTED}" if answer.wants_login else f"; {TLS_WANTED}" if answer.wants_tls else ""
    return f"HTTP {answer.status} {' '.join(said.split())[:LONGEST_QUOTE]}{answer.error}".rstrip() + wanted


def vector_words(vector: Vector) -> str:
    """A query's result in words: the first few values."""
    shown = [f"{{{', '.join(f'{k}={v}' for k, v in sorted(labels))}}} {value:g}" for labels, value in vector.items()]
    return f"{', '.join(shown[:3])}{f' and {len(shown) - 3} more' if len(shown) > 3 else ''}" if shown else "empty"  # noqa: PLR2004
