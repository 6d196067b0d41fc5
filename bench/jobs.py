"""How the drills of a kept cluster get on with JOBS: the same few drills, with more and more of them at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench.cores import watching
from bench.plot import Drawn, chart
from bench.record import Growth, Point
from bench.runs import Kept
from promdrill.core.errors import ClusterError
from promdrill.results.table import NOTHING, Table

JOBS = (1, 2, 4, 8)

DRILLS = (
    *("service-port", "claim-mismatch", "quota", "rolling-lock"),
    *("permission-denied", "dashboard-no-data", "flag-repeated", "inodes-full"),
)
"""Short drills that share nothing, as many as the most of `JOBS`."""

PICTURE = "jobs.svg"

_HOUR_S = 3600


def measure(kept: Kept, build: Path, found: Callable[[Point], None], *, tell: Callable[[str], None]) -> None:
    """The drills with each of `JOBS`: seconds of the command, and processor time of everything on the machine.

    They are done once before, without counting: that loads their images into the cluster.

    Args:
        kept: The cluster.
        build: Gets the reports.
        found: Called with what each run took.
        tell: Called with a line about each run.

    Raises:
        ClusterError: A run left no results; or, once all are done, in some of them a drill did not pass. These are left
            out.
    """
    tell("to warm up")
    kept.drilled(build / "jobs-warm", DRILLS, f"--jobs={JOBS[-1]}", tell=lambda _line: None)
    missed = []
    for jobs in JOBS:
        with watching(f"JOBS={jobs}") as watched:
            ran = kept.drilled(build / f"jobs-{jobs}", DRILLS, f"--jobs={jobs}", tell=lambda _line: None)
        wall_s = ran.sample.wall_s
        if why := ran.not_passed:
            missed.append(f"JOBS={jobs}: {why}")
            tell(missed[-1])
            continue
        tell(f"JOBS={jobs}: {len(DRILLS)} drills in {wall_s:.0f} s")
        cpu_s = (watched.cores.busy_s,) if watched.cores is not None else ()
        found(Point(size=jobs, wall_s=(round(wall_s, 3),), cpu_s=cpu_s))
    if missed:
        raise ClusterError("; ".join(missed))


def growth(points: tuple[Point, ...]) -> Growth:
    """The points as a growth."""
    return Growth(id="jobs", what=f"{len(DRILLS)} drills in one kept cluster", of="drills at once, JOBS", points=points)


def table(found: Growth, cores: int) -> Table:
    """A row for each of `JOBS`.

    Args:
        found: At least one point.
        cores: Of the machine.
    """
    first = found.points[0]
    rows = []
    for point in found.points:
        wall_s = median(point.wall_s)
        busy = f"{100 * median(point.cpu_s) / (wall_s * cores):.0f}" if point.cpu_s else NOTHING
        times = _per_hour(point) / _per_hour(first)
        rows.append((str(point.size), f"{wall_s:.0f}", f"{_per_hour(point):.0f}", f"{times:.2f}", busy))
    head = ("JOBS", "seconds", "drills an hour", f"times JOBS={first.size}", "cores busy, %")
    return Table(head, rows, frozenset(range(len(head))))


def picture(found: Growth) -> str:
    """Drills an hour by JOBS; at least one point."""
    drawn = Drawn(
        title=found.what,
        about=f"{found.what}: drills an hour by number of {found.of}",
        across=found.of,
        up="drills an hour",
        unit="",
        points=[(point.size, [_per_hour(point)]) for point in found.points],
        ticks=[point.size for point in found.points],
    )
    return chart(drawn)


def _per_hour(point: Point) -> float:
    return len(DRILLS) * _HOUR_S / median(point.wall_s)
