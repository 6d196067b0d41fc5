"""``python -m bench --all``: everything that can be measured on one machine within an hour, step by step.

A step that fails is named, and the others go on. What a step measured is written when it is done, and bench.json with
the pages that are made of it at the end.
"""

from __future__ import annotations

import os
import shutil
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench import bare, cores, drills, fleet, harness, jobs, quick, record, runs, show
from bench.cores import Cores, watching
from bench.measure import Sample
from bench.record import Growth, Machine, Point, Timed
from promdrill.core import records
from promdrill.core.clock import SYSTEM, Clock
from promdrill.core.errors import ClusterError, CommandFailed, PromdrillError, UsageError
from promdrill.drill.verdicts import of_command
from promdrill.report.bench import show as bench_shown
from promdrill.report.bench.figures import bench
from promdrill.report.compare.read import read_placed
from promdrill.request import options
from promdrill.results.table import Table

SCHEMA = 1
"""Version of bench.json; increased when a field changes its meaning or is removed."""

RECORD = "bench.json"

BOOK, JOBS_PAGE, WARM_PAGE = "book.json", "jobs.md", "warm.md"

BOOK_JOBS = 2
"""Drills at once in the book: the documented times are for so many."""

BOOK_S = 3600.0
"""Seconds for a book: six times what it takes."""

NEW_S, AGAIN_S = 50.0, 35.0
"""The most seconds until the verdict of `bench.runs.SCENARIO`: from nothing running, and in a cluster that was kept."""

AGAIN = 2
"""How often it is drilled again."""

MADE = f"<!-- Made by `make bench DOCS=1` from {RECORD}; do not edit. -->"

ON_CORES = """\
Processor time of all processes of the machine while the whole book ran, by what they are for. 100 % of a core is one
core that did nothing else. Every process is looked at once a second: what one used after the last look at it, and one
that came and went between two looks, counts with what its parent is for; what no parent has waited for is not
attributed."""

ON_WARM = """\
`make test-scenarios` from typing it to its verdict, with the container engine up and everything supplied. Processor
time is that of the command and of those that it starts, without the cluster."""

ON_JOBS = f"""\
The same drills ({", ".join(jobs.DRILLS)}), with more and more of them at once. A drill mostly waits, so several at
once take little more than one, until the cores are busy. The last column says how busy, with all processes of the
machine. From there on more at once gain nothing: on two cores the line has to flatten. All were drilled once before,
without counting, so that their images were there."""

Tell = Callable[[str], None]
Work = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Step:
    """A step.

    Attributes:
        what: What it measured, in words.
        took_s: Seconds.
        failed: Why it failed; empty if it did not.
    """

    what: str
    took_s: float
    failed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """bench.json as a whole: what has no file of its own, and how the steps went.

    Attributes:
        schema: `SCHEMA`.
        started: As in `bench.record.Bench`, as the next three.
        took_s: Seconds.
        commit: The commit.
        machine: Where.
        steps: In their order.
        cores: What the cores did during the book; None if that was not measured.
        warm: One drill, from nothing and again.
        jobs: Drills in one cluster by JOBS; None if that was not measured.
    """

    schema: int
    started: str
    took_s: float
    commit: str
    machine: Machine
    steps: tuple[Step, ...]
    cores: Cores | None
    warm: tuple[Timed, ...]
    jobs: Growth | None

    @property
    def failed(self) -> bool:
        """Whether a step failed."""
        return any(step.failed for step in self.steps)


def refuse_variables(environ: Mapping[str, str] = os.environ) -> None:
    """Make sure that the drills are those of the defaults, so that figures compare.

    Raises:
        UsageError: A variable of `promdrill run` is set.
    """
    for name in (option.variable for option in (*options.SESSION, *options.OPTIONS)):
        if environ.get(name):
            what = f"{name}={environ[name]}: not allowed here, because the benchmarks are those of the defaults"
            raise UsageError(what, hint=f"leave {name} out; promdrill bench takes {options.flag(name)}")


def in_order(steps: Mapping[str, Work], *, tell: Tell, clock: Clock = SYSTEM) -> Iterator[Step]:
    """Do one step after the other, also when one fails.

    Args:
        steps: Each by what it measures.
        tell: Called with a line when a step begins, and one when it ends.
        clock: Where time comes from.
    """
    for what, work in steps.items():
        tell(f"{what}: begins")
        began_s, failed = clock.monotonic(), ""
        try:
            work()
        except PromdrillError as error:
            failed = _first_line(of_command(error) if isinstance(error, CommandFailed) else str(error))
            tell(str(error))
        except Exception as error:  # noqa: BLE001  a mistake in one step; the others do not need it
            failed = _first_line(f"{type(error).__name__}: {error}")
            tell(traceback.format_exc())
        took_s = round(clock.monotonic() - began_s, 1)
        tell(f"{what}: FAILED after {took_s:.0f} s: {failed}" if failed else f"{what}: done in {took_s:.0f} s")
        yield Step(what, took_s, failed)


def _first_line(text: str) -> str:
    """Of an error, without the path of the checkout: it goes into the documentation."""
    return text.partition("\n")[0].replace(f"{record.ROOT}/", "")


def measure(books: int, folders: Sequence[Path], *, tell: Tell, sizes: quick.Sizes = quick.QUICK) -> Whole:
    """Measure everything, and write it.

    Args:
        books: How often the whole book is run.
        folders: Each gets the figures, pages and pictures; the first one the reports, too.
        tell: Called with a line about what happens.
        sizes: How much of the harness is measured.
    """
    started, began_s = record.now(), SYSTEM.monotonic()
    machine, commit = record.machine(), record.commit()
    measuring = _Measuring(books, folders, tell=tell, sizes=sizes, machine=machine, commit=commit)
    steps = list(in_order({"the book": measuring.book}, tell=tell))
    try:
        steps += in_order(measuring.in_cluster(), tell=tell)
    finally:
        steps += in_order({"the kept cluster is deleted": measuring.delete}, tell=tell)
    steps += in_order({"the harness": measuring.harness, "the fleet": measuring.fleet}, tell=tell)
    whole = Whole(
        schema=SCHEMA,
        started=started,
        took_s=round(SYSTEM.monotonic() - began_s, 1),
        commit=commit,
        machine=machine,
        steps=tuple(steps),
        cores=measuring.cores,
        warm=tuple(measuring.warm()),
        jobs=jobs.growth(tuple(measuring.points)) if measuring.points else None,
    )
    for folder in folders:
        write(whole, folder)
    return whole


class _Measuring:
    """The steps, and what those of the cluster have measured.

    Attributes:
        cores: As in `Whole`.
        points: As in `Whole.jobs`.
    """

    def __init__(
        self, books: int, folders: Sequence[Path], *, tell: Tell, sizes: quick.Sizes, machine: Machine, commit: str
    ) -> None:
        self._books, self._folders, self._tell, self._sizes = books, folders, tell, sizes
        # As they were before the first step: steps keep the machine busy, and write into the checkout.
        self._machine, self._commit = machine, commit
        self._build = folders[0]
        self._runs = self._build / "runs"
        shutil.rmtree(self._runs, ignore_errors=True)
        self._runs.mkdir(parents=True)
        self._cluster = ""
        self._kept: runs.Kept | None = None
        self._new: list[Sample] = []
        self._again: list[Sample] = []
        self.cores: Cores | None = None
        self.points: list[Point] = []

    def book(self) -> None:
        """The whole book, and what the cores do meanwhile."""
        reports = self._runs / "book"
        words = ["bench", f"--runs={self._books}", f"--jobs={BOOK_JOBS}", f"--reports={reports}"]
        with watching(f"the book, JOBS={BOOK_JOBS}") as watched:
            _, code = runs.command(words, tell=self._tell, timeout_s=self._books * BOOK_S)
        self.cores = watched.cores
        if code:
            raise ClusterError(f"promdrill {' '.join(words)} ended with {code}", hint=f"ls {reports}")
        placed = read_placed(reports)
        for folder in self._folders:
            (folder / BOOK).write_text(bench_shown.to_json(bench(placed)) + "\n", encoding="utf-8")
            drills.write(placed, folder, commit=self._commit)

    def in_cluster(self) -> Mapping[str, Work]:
        """The steps that share a cluster; the first one makes it."""
        return {
            f"{runs.SCENARIO} from nothing running": self.new,
            f"{runs.SCENARIO} again": self.again,
            "growth over JOBS": self.jobs,
            "the bare script": self.bare,
        }

    def new(self) -> None:
        """A drill in a new cluster, which is kept."""

        def heard(line: str) -> None:
            self._cluster = runs.kept_in(line) or self._cluster
            self._tell(line)

        self._new.append(_passed(runs.drilled(self._runs / "new", [runs.SCENARIO], "--keep=1", tell=heard)))

    def again(self) -> None:
        """The same in the kept cluster."""
        kept = self._of_cluster()
        for number in range(1, AGAIN + 1):
            ran = kept.drilled(self._runs / f"again-{number}", [runs.SCENARIO], tell=self._tell)
            self._again.append(_passed(ran))

    def jobs(self) -> None:
        """The same drills with more and more at once."""
        jobs.measure(self._of_cluster(), self._runs, self.points.append, tell=self._tell)

    def bare(self) -> None:
        """A drill beside a plain script."""
        found = bare.measure(self._require_cluster(), build=self._runs / "bare", tell=self._tell)
        found = replace(found, machine=self._machine, commit=self._commit)
        for folder in self._folders:
            bare.write(found, folder)

    def delete(self) -> None:
        """Delete the cluster, if there is one."""
        if self._cluster:
            _, code = runs.command(["clean", self._cluster], tell=self._tell)
            if code:
                raise ClusterError(
                    f"cluster {self._cluster} is not deleted", hint=f"make clean CLUSTER={self._cluster}"
                )

    def harness(self) -> None:
        """What needs no cluster."""
        found = harness.measured(self._sizes, self._build, self._tell)
        found = replace(found, machine=self._machine, commit=self._commit)
        for folder in self._folders:
            harness.write(found, folder)

    def fleet(self) -> None:
        """A thousand cells, simulated from the documented times; those are this book's, if it is written there."""
        text = fleet.page(fleet.load())
        for folder in self._folders:
            (folder / fleet.PAGE).write_text(text, encoding="utf-8")

    def warm(self) -> Iterator[Timed]:
        """What the first two steps in the cluster measured."""
        made = f"make test-scenarios SCENARIO={runs.SCENARIO}"
        kinds = (
            ("new", "from nothing running", f"{made} KEEP=1", self._new, NEW_S),
            ("again", "again in the cluster that was kept", f"{made} CLUSTER=NAME", self._again, AGAIN_S),
        )
        for name, what, command, samples, bound_s in kinds:
            if samples:
                wall_s, cpu_s = (tuple(round(figure, 3) for figure in each) for each in _both(samples))
                said = f"{runs.SCENARIO}, {what}"
                yield Timed(id=name, what=said, command=command, wall_s=wall_s, cpu_s=cpu_s, bound_s=bound_s)

    def _of_cluster(self) -> runs.Kept:
        if self._kept is None:
            self._kept = runs.Kept(self._require_cluster(), self._runs / "home", tell=self._tell)
        return self._kept

    def _require_cluster(self) -> str:
        if not self._cluster:
            raise ClusterError("there is no cluster, because the step that makes it failed")
        return self._cluster


def _passed(ran: runs.Ran) -> Sample:
    """What a run took, if its drills passed."""
    if why := ran.not_passed:
        raise ClusterError(why)
    return ran.sample


def _both(samples: Sequence[Sample]) -> tuple[list[float], list[float]]:
    return [each.wall_s for each in samples], [each.cpu_s for each in samples]


def write(whole: Whole, folder: Path) -> None:
    """Write bench.json, and a page of each part that was measured, with its picture."""
    (folder / RECORD).write_text(records.dumps(whole), encoding="utf-8")
    for name, text in pages(whole).items():
        (folder / name).write_text(text, encoding="utf-8")
    if whole.jobs is not None:
        (folder / jobs.PICTURE).write_text(jobs.picture(whole.jobs), encoding="utf-8")


def pages(whole: Whole) -> dict[str, str]:
    """The pages of the documentation, by their files' names: those whose part was measured."""
    found: dict[str, str] = {}
    if whole.cores is not None:
        found[cores.PAGE] = _page(whole, "What the cores do", ON_CORES, cores.table(whole.cores))
    if whole.warm:
        found[WARM_PAGE] = _page(whole, "A warm start", ON_WARM, show.commands(whole.warm))
    if whole.jobs is not None:
        image = f"![{whole.jobs.what}: drills an hour by JOBS]({jobs.PICTURE})"
        found[JOBS_PAGE] = _page(whole, "JOBS", ON_JOBS, jobs.table(whole.jobs, whole.machine.cores), image)
    return found


def text(whole: Whole) -> Iterator[str]:
    """The steps, and what is in bench.json, as lines for a terminal."""
    rows = [(step.what, f"{step.took_s:.0f}", step.failed or "done") for step in whole.steps]
    yield from Table(("step", "seconds", "how"), rows, frozenset({1})).text()
    parts = {"processor time": cores.table(whole.cores) if whole.cores else None}
    parts["warm"] = show.commands(whole.warm) if whole.warm else None
    parts["JOBS"] = jobs.table(whole.jobs, whole.machine.cores) if whole.jobs else None
    for name, table in parts.items():
        yield ""
        yield name if table else f"{name}: not measured"
        yield from table.text() if table else ()


def _page(whole: Whole, title: str, lead: str, table: Table, *further: str) -> str:
    at = show.where(commit=whole.commit, started=whole.started, took_s=whole.took_s, machine=whole.machine)
    return "\n\n".join([f"# {title}\n\n{MADE}\n\n{lead}", at, "\n".join(table.markdown()), *further]) + "\n"
