"""What was seen of pods, of the volume and of the samples: from entries made for it, else from conditions' words.

Journals of now have ``pod``, ``volume`` and ``freshness`` entries, and ``samples`` with the runs of stored samples.
Older ones have none of them; there the words of conditions say at single moments what was so, and it is told as that.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from promdrill.report.html.journal import Entry
from promdrill.report.html.story import Story

_POD = re.compile(r"^(?P<pod>[a-z0-9.-]+) (?P<ready>\d+)/(?P<of>\d+) (?P<phase>[A-Z][A-Za-z]+)(?:, (?P<rest>.*))?$")
_DF = re.compile(r"^(?P<size>\d+) MiB, (?P<left>\d+) KiB left$")
_AGE = re.compile(r"^newest sample is (?P<age>\d+(?:\.\d+)?) s old$")

BAD = re.compile(
    r"BackOff|Err[A-Z]|Error|OOMKilled|Evicted|Failed|Invalid|ContainerCannotRun|ContainerStatusUnknown|exit code [1-9]"
)
"""Reasons that mean trouble, not only that something has not come yet."""


@dataclass(slots=True)
class PodLane:
    """A container of a pod over time; the whole pod where that is all that is known.

    Attributes:
        pod: The pod's name.
        container: The container's; empty for the pod as a whole.
        spans: (start, end, state, words); states are ``ready``, ``up`` (runs, not ready), ``wait``, ``bad``, ``off``.
        restarts: Those of the container while it was watched.
        exact: Whether every change was journalled; else a span has no length, it is a moment at which it was so.
    """

    pod: str
    container: str
    spans: list[tuple[float, float, str, str]] = field(default_factory=list)
    restarts: int = 0
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Fill:
    """How full a volume was: seconds since the drill began, bytes used, bytes in all."""

    t: float
    used_bytes: float
    size_bytes: float


@dataclass(frozen=True, slots=True)
class Gap:
    """A time for which a scrape job has no samples.

    Attributes:
        job: Its name; empty where the gap is taken from the newest sample's age.
        start_s: The last sample before it.
        end_s: The first one after it.
        exact: Whether the times are those of stored samples.
    """

    job: str
    start_s: float
    end_s: float
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Samples:
    """What is known of the samples' freshness.

    Attributes:
        ages: (seconds since the drill began, age of the newest sample in seconds).
        gaps: Times without samples.
        runs: By job: (first, last) of each stretch of stored samples without a gap.
        exact: Whether ages were journalled as they were asked for, and not only where a condition changed.
    """

    ages: tuple[tuple[float, float], ...] = ()
    gaps: tuple[Gap, ...] = ()
    runs: tuple[tuple[str, tuple[tuple[float, float], ...]], ...] = ()
    exact: bool = False


def pods(story: Story) -> list[PodLane]:
    """The lanes of all containers, in the order in which their pods were seen."""
    told = [entry for entry in story.entries if entry.event == "pod"]
    return _told_pods(story, told) if told else _worded_pods(story)


def images(story: Story) -> dict[str, str]:
    """The image of each container, where ``pod`` entries say it."""
    found = {}
    for entry in story.entries:
        if entry.event == "pod":
            for item in entry.items("containers"):
                if isinstance(item, dict) and item.get("image"):
                    found[str(item.get("name"))] = str(item["image"])
    return found


def volume(story: Story) -> tuple[list[Fill], bool]:
    """How full the volume was, and whether that was journalled as such."""
    told = []
    for entry in story.entries:
        if entry.event == "volume":
            used, size = entry.number("used_bytes"), entry.number("size_bytes")
            if used is not None and size:
                told.append(Fill(story.time(entry), used, size))
    if told:
        return told, True
    return [fill for entry in story.entries if (fill := _worded_fill(story, entry))], False


def samples(story: Story) -> Samples:
    """What is known of freshness and gaps."""
    ages = tuple(
        (story.time(entry), age)
        for entry in story.entries
        if entry.event == "freshness" and (age := entry.number("age_s")) is not None
    )
    worded = tuple(
        (story.time(entry), float(match["age"]))
        for entry in story.entries
        if entry.event == "condition" and (match := _AGE.match(entry.text("text")))
    )
    runs = tuple(_runs(story))
    gaps = tuple(
        Gap(job, before[1], after[0]) for job, stretches in runs for before, after in itertools.pairwise(stretches)
    )
    if not gaps and not runs:
        gaps = _placed(story, ages or worded)
    return Samples(ages or worded, gaps, runs, bool(ages))


def _told_pods(story: Story, told: Sequence[Entry]) -> list[PodLane]:
    lanes: dict[tuple[str, str, str], PodLane] = {}
    now_so: dict[tuple[str, str, str], tuple[float, str, str]] = {}

    def close(key: tuple[str, str, str], now: float) -> None:
        if key in now_so:
            since, state, words = now_so.pop(key)
            lanes[key].spans.append((since, now, state, words))

    for entry in told:
        now, pod, uid = story.time(entry), entry.text("pod"), entry.text("uid")
        if entry.fields.get("gone") is True:
            for key in [key for key in now_so if key[:2] == (pod, uid)]:
                close(key, now)
            continue
        containers = [item for item in entry.items("containers") if isinstance(item, dict)]
        for item in containers or [{"name": ""}]:
            key = (pod, uid, str(item.get("name") or ""))
            lane = lanes.setdefault(key, PodLane(pod, key[2]))
            restarts = item.get("restarts")
            lane.restarts = max(lane.restarts, restarts if isinstance(restarts, int) else 0)
            state, words = _container_state(entry, item)
            if now_so.get(key, (0.0, "", ""))[1:] != (state, words):
                close(key, now)
                now_so[key] = (now, state, words)
    for key in list(now_so):
        close(key, story.length_s)
    with_containers = {key[:2] for key in lanes if key[2]}
    return [lane for key, lane in lanes.items() if key[2] or key[:2] not in with_containers]


def _container_state(entry: Entry, item: dict[str, object]) -> tuple[str, str]:
    """State and words of a container in a ``pod`` entry; of the whole pod where no container has a status yet."""
    state, reason = str(item.get("state") or ""), str(item.get("reason") or entry.fields.get("reason") or "")
    if entry.fields.get("leaving") is True and state != "terminated":
        return "off", "being deleted"
    if state == "running":
        return ("ready", "ready") if item.get("ready") is True else ("up", "running, not ready")
    if state == "terminated":
        code = item.get("exit_code")
        words = " ".join(filter(None, (reason, f"exit code {code}")))
        return ("off" if code == 0 else "bad"), words
    words = reason or entry.text("phase") or "waiting"
    return ("bad" if BAD.search(words) else "wait"), words


def _worded_pods(story: Story) -> list[PodLane]:
    lanes: dict[str, PodLane] = {}
    for entry in story.entries:
        match = _POD.match(entry.text("text")) if entry.event == "condition" and entry.text("kind") == "pod" else None
        if match is None:
            continue
        lane = lanes.setdefault(match["pod"], PodLane(match["pod"], "", exact=False))
        now, rest = story.time(entry), match["rest"] or ""
        words = f"{match['ready']}/{match['of']} {match['phase']}" + (f", {rest}" if rest else "")
        if match["ready"] == match["of"]:
            state = "ready"
        elif BAD.search(words):
            state = "bad"
        else:
            state = "up" if "running" in rest else "wait"
        restarts = re.search(r"\((\d+) restarts?\)", rest)
        lane.restarts = max(lane.restarts, int(restarts[1]) if restarts else 0)
        lane.spans.append((now, now, state, words))
    return list(lanes.values())


def _worded_fill(story: Story, entry: Entry) -> Fill | None:
    match = _DF.match(entry.text("text")) if entry.event == "condition" else None
    if match is None:
        return None
    size, left = int(match["size"]) * 2**20, int(match["left"]) * 2**10
    return Fill(story.time(entry), max(0, size - left), size)


def _runs(story: Story) -> list[tuple[str, tuple[tuple[float, float], ...]]]:
    began = _moment(story.began)
    if began is None:
        return []
    found = []
    for entry in story.entries:
        stretches = []
        for item in entry.items("runs") if entry.event == "samples" else ():
            ends = [_moment(str(end)) for end in item] if isinstance(item, list) else []
            if len(ends) == 2 and ends[0] and ends[1]:  # noqa: PLR2004  first and last
                stretches.append(((ends[0] - began).total_seconds(), (ends[1] - began).total_seconds()))
        if stretches:
            found.append((entry.text("job"), tuple(sorted(stretches))))
    return found


def _placed(story: Story, ages: Sequence[tuple[float, float]]) -> tuple[Gap, ...]:
    """The longest gap, placed where the greatest age seen after the fault puts its beginning, if it fits there."""
    longest = max((entry.number("gap_s") or 0.0 for entry in story.entries if entry.event == "samples"), default=0.0)
    fault_s = story.faults[0].start_s if story.faults else story.length_s
    after = [(age, now) for now, age in ages if now > fault_s]
    if not longest or not after:
        return ()
    age, now = max(after)
    start_s = now - age
    if age < 3.0 or start_s + longest < now or start_s + longest > story.length_s:  # noqa: PLR2004  a normal age is 1 s
        return ()
    return (Gap("", start_s, start_s + longest, exact=False),)


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
