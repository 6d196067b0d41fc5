"""What was last seen of pods, volumes and samples, as text."""

from __future__ import annotations

from promdrill.core.events import ContainerState, PodChanged
from promdrill.core.model import JobSamples
from promdrill.results.timeline.drill import Age, Fill, Sighting, Trouble
from promdrill.results.words import count, seconds


def is_ready(pod: PodChanged) -> bool:
    """Whether all of its containers are ready, and it is not being deleted."""
    return bool(pod.containers) and all(container.ready for container in pod.containers) and not pod.leaving


def pod_words(pod: PodChanged) -> str:
    """As ``kubectl get pods`` shows it: ``2/2 Running``, and the containers that are not ready or restarted."""
    ready = sum(container.ready for container in pod.containers)
    phase = "being deleted" if pod.leaving else pod.reason or pod.phase or ""
    words = [f"{ready}/{len(pod.containers)} {phase}".rstrip()]
    words += [said for container in pod.containers if (said := _container(container))]
    return ", ".join(words)


def volume_words(seen: Sighting | Fill) -> str:
    """What was last seen of a claim or a volume."""
    if isinstance(seen, Sighting):
        return seen.text
    left = max(0, seen.size_bytes - seen.used_bytes)
    return f"{seen.used_bytes / 2**20:.0f} of {seen.size_bytes / 2**20:.0f} MiB, {left / 2**10:.0f} KiB left"


def age_words(age: Age) -> str:
    """What was last known of the newest sample."""
    return "no sample" if age.age_s is None else f"newest sample is {seconds(age.age_s)} old"


def gap_words(job: JobSamples) -> str:
    """What the incident cost a job."""
    return f"{job.job}: a gap of {seconds(job.gap_s)}, {job.lost} samples lost"


def trouble_words(trouble: Trouble) -> str:
    """What went wrong beside the drill."""
    return f"{trouble.event}: {trouble.about}: {trouble.error}"


def _container(found: ContainerState) -> str:
    """What is wrong with a container; empty if it is ready and never restarted."""
    again = f" ({count(found.restarts, 'restart')})" if found.restarts else ""
    if found.ready and not again:
        return ""
    if found.state == "terminated":
        words = f"ended with exit code {found.exit_code}" + (f" ({found.reason})" if found.reason else "")
    elif found.state == "running":
        words = "ready" if found.ready else "running, not ready"
    else:
        words = found.reason or found.state
    return f"{found.name or '?'} {words}{again}"
