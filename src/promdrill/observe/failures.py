"""What ends a wait early: failures that waiting does not fix."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from promdrill.observe.conditions import Failure, Kind, Seen
from promdrill.observe.probes import LOGIN_WANTED, TLS_WANTED
from promdrill.observe.snapshot import Object, Snapshot, container_statuses, is_leaving, moment, name_of

IMAGE_REASONS = {
    "ErrImagePull": "ErrImagePull, soon ImagePullBackOff",
    "ImagePullBackOff": "ImagePullBackOff",
    "InvalidImageName": "InvalidImageName",
    "ErrImageNeverPull": "ErrImageNeverPull",
}
"""The kubelet's waiting reasons for an image that is not available, and what to say about them."""

GRACE = timedelta(seconds=15)
"""How long a pod may be unschedulable, or a mount may fail, before it counts. A claim is bound, a volume provisioned
and a ConfigMap seen by the kubelet within some seconds of the pod's creation; until then both happen to healthy pods
too."""


NOT_YET_KNOWN = re.compile(r"object .* not registered|failed to sync .* cache")
"""What a kubelet says of a ConfigMap or Secret that it has not read yet, on a busy host for longer than `GRACE`; it
tries again (Kubernetes 1.36, pkg/kubelet/util/manager/watch_based_manager.go)."""

NOT_STARTED, NOT_STARTED_AGAIN = "StartError", 2
"""The runtime could not start the process at all. On a busy host with cgroup v1, runc sometimes cannot freeze a new
cgroup ("unable to freeze"); the kubelet tries again and it works. A process that can never start keeps failing, so it
counts from the second restart on."""


def event_time(event: Object) -> datetime | None:
    """When the event was last seen."""
    series = event.get("series") or {}
    last = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return moment(last or event["metadata"].get("creationTimestamp"))


def about(event: Object) -> str:
    """Kind and name of what the event is about."""
    target = event.get("involvedObject") or {}
    return f"{target.get('kind', '?')} {target.get('name', '?')}"


def without(failures: Sequence[Failure], *names: str) -> tuple[Failure, ...]:
    """`failures` without those of the given names.

    Raises:
        ValueError: No failure has one of the names.
    """
    if strange := set(names) - {f.name for f in failures}:
        raise ValueError(
            f"no such failure: {', '.join(sorted(strange))}; known failures: {', '.join(f.name for f in failures)}"
        )
    return tuple(f for f in failures if f.name not in names)


def _hit(found: Iterator[str]) -> Seen:
    text = next(found, "")
    return Seen(holds=bool(text), text=text or "none seen")


def _image_pull(snapshot: Snapshot) -> Seen:
    return _hit(
        f"pod {name_of(pod)}, container {status['name']}: {IMAGE_REASONS[waiting['reason']]}:"
        f" {waiting.get('message', '')}"
        for pod in snapshot.pods.values()
        if not is_leaving(pod)
        for status in container_statuses(pod)
        if (waiting := (status.get("state") or {}).get("waiting")) and waiting.get("reason") in IMAGE_REASONS
    )


def _failed_scheduling(snapshot: Snapshot) -> Seen:
    return _hit(
        f"pod {name_of(pod)}: FailedScheduling: {condition.get('message', '')}"
        for pod in snapshot.pods.values()
        if not is_leaving(pod)
        for condition in (pod.get("status") or {}).get("conditions") or ()
        if condition.get("reason") == "Unschedulable" and _is_old(moment(condition.get("lastTransitionTime")), snapshot)
    )


def _failed_mount(snapshot: Snapshot) -> Seen:
    return _hit(
        f"pod {name_of(pod)}: {event['reason']}: {event.get('message', '')}"
        for event in snapshot.events.values()
        if event.get("reason") in ("FailedMount", "FailedAttachVolume") and _is_new(event_time(event), snapshot)
        if not NOT_YET_KNOWN.search(event.get("message", ""))
        for pod in snapshot.pods.values()
        if (event.get("involvedObject") or {}).get("uid") == pod["metadata"].get("uid")
        and not is_leaving(pod)
        and (pod.get("status") or {}).get("phase") == "Pending"
        and _is_old(moment(pod["metadata"].get("creationTimestamp")), snapshot)
    )


def _unexpected_crash(snapshot: Snapshot) -> Seen:
    return _hit(
        f"pod {name_of(pod)}, container {status['name']}: ended with exit code {ended.get('exitCode')}"
        f" ({ended.get('reason', '?')}), {status.get('restartCount', 0)} restarts"
        for pod in snapshot.pods.values()
        if not is_leaving(pod)
        for status in container_statuses(pod)
        for state in (status.get("state"), status.get("lastState"))
        if (ended := (state or {}).get("terminated"))
        and ended.get("exitCode") != 0
        and not (ended.get("reason") == NOT_STARTED and status.get("restartCount", 0) < NOT_STARTED_AGAIN)
        and _is_new(moment(ended.get("finishedAt")), snapshot)
    )


def _quota_exceeded(snapshot: Snapshot) -> Seen:
    return _hit(
        f"{about(event)}: {event.get('message', '')}"
        for event in snapshot.events.values()
        if "exceeded quota" in (event.get("message") or "") and _is_new(event_time(event), snapshot)
    )


def _job_failed(snapshot: Snapshot) -> Seen:
    return _hit(
        f"pod {name_of(pod)} of job {owner['name']} failed"
        for pod in snapshot.pods.values()
        if (pod.get("status") or {}).get("phase") == "Failed"
        for owner in pod["metadata"].get("ownerReferences") or ()
        if owner.get("kind") == "Job"
    )


def _login_wanted(snapshot: Snapshot) -> Seen:
    return _hit(
        f"Prometheus answers HTTP {answer.status}; {LOGIN_WANTED}"
        for answer in snapshot.answers.values()
        if answer.wants_login
    )


def _tls_wanted(snapshot: Snapshot) -> Seen:
    return _hit(
        answer.error if answer.untrusted else f"Prometheus answers HTTP {answer.status}; {TLS_WANTED}"
        for answer in snapshot.answers.values()
        if answer.untrusted or answer.wants_tls
    )


def _is_new(at: datetime | None, snapshot: Snapshot) -> bool:
    """Whether it happened during this wait; a time in whole seconds counts if that second began during it."""
    return at is not None and at >= snapshot.since


def _is_old(at: datetime | None, snapshot: Snapshot) -> bool:
    return at is not None and snapshot.utc - at > GRACE


DEFAULT_FAILURES: tuple[Failure, ...] = (
    Failure("image_pull", Kind.POD, _image_pull),
    Failure("failed_scheduling", Kind.POD, _failed_scheduling),
    Failure("failed_mount", Kind.EVENT, _failed_mount),
    Failure("unexpected_crash", Kind.POD, _unexpected_crash),
    Failure("quota_exceeded", Kind.EVENT, _quota_exceeded),
    Failure("job_failed", Kind.POD, _job_failed),
    Failure("login_wanted", Kind.HTTP, _login_wanted),
    Failure("tls_wanted", Kind.HTTP, _tls_wanted),
)
"""An image that does not exist, a pod that fits nowhere, a volume that cannot be mounted, an unexpected crash, an
exceeded quota, a failed job (a Helm hook), a Prometheus that asks for a login that nobody gave, or speaks TLS with a
certificate that nobody trusts."""
