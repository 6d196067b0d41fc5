"""What is measured: the start of commands, the page of many drills, and how work grows with its input."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import record, synthetic
from bench.measure import Sample, in_turn, of_call, of_command
from bench.record import Bench, Growth, Point, Timed
from promdrill.authoring.check import check
from promdrill.cli.main import main
from promdrill.cli.parser import EXIT_OK
from promdrill.core import paths
from promdrill.core.choices import DEFAULT_KUBERNETES
from promdrill.core.clock import SYSTEM
from promdrill.core.errors import PromdrillError
from promdrill.matrix.cells import expand, to_github
from promdrill.matrix.reading import Known, read
from promdrill.matrix.table import listing
from promdrill.request.scenarios import find_all
from promdrill.results.timeline import read as journals
from promdrill.supply.kubernetes import Offer
from promdrill.watch.data import to_json
from promdrill.watch.run import Follower

HELP_S, LIST_S, COLLECT_S, PAGE_S = 0.2, 0.4, 1.0, 5.0
"""The most seconds that each should take on two cores."""

PAGE_BYTES = 300 * 2**20
"""The most memory that the page of 1,000 drills should need."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured.

    Attributes:
        starts: Samples of each command that starts.
        pages: Samples of each page.
        works: Samples of each size of a growth.
        drills: Drills of a page.
        cells: Cells of a matrix, powers of 4.
        hours: Hours of a journal.
        copies: Copies of each scenario of the book, beside the book.
    """

    starts: int = 10
    pages: int = 3
    works: int = 3
    drills: int = 1000
    cells: tuple[int, ...] = (1, 4, 16, 64, 256)
    hours: tuple[int, ...] = (1, 4, 24)
    copies: tuple[int, ...] = (0, 2, 9)


QUICK = Sizes()
"""What takes at most five minutes on two quiet cores."""


def measure(sizes: Sizes, work: Path, tell: Tell) -> Bench:
    """Measure everything.

    Args:
        sizes: How much.
        work: An empty folder for inputs.
        tell: Called with each step, before it is done.
    """
    machine, started, began_s = record.machine(), record.now(), SYSTEM.monotonic()
    measuring = _Measuring(sizes, work, tell)
    timed = (*measuring.starts(), *measuring.pages())
    growths = tuple(measuring.growths())
    return Bench(
        schema=record.SCHEMA,
        started=started,
        took_s=round(SYSTEM.monotonic() - began_s, 1),
        commit=record.commit(),
        machine=machine,
        timed=timed,
        growths=growths,
    )


class _Measuring:
    def __init__(self, sizes: Sizes, work: Path, tell: Tell) -> None:
        self._sizes, self._work, self._tell = sizes, work, tell
        self._book = find_all()
        self._reports = work / "reports"
        self._reports.mkdir()
        self._env = {
            paths.CACHE_VARIABLE: str(work / "cache"),
            paths.STATE_VARIABLE: str(work / "state"),
            "SCENARIOS": "",
            "PYTEST_ADDOPTS": "",
            "PYTHONDONTWRITEBYTECODE": "",  # a command finds its modules compiled, as it does from the second time on
        }
        (work / "test_nothing.py").write_text("def test_nothing(): pass\n", encoding="utf-8")
        self._copies = {copies: self._copied(copies) for copies in sizes.copies}

    def _copied(self, copies: int) -> list[Path]:
        """The folders of the book, and of so many copies of it."""
        folder = self._work / f"copies-{copies}"
        synthetic.write_copies(folder, self._book, copies)
        return [paths.scenarios_dir(), folder] if copies else [paths.scenarios_dir()]

    # Commands

    def starts(self) -> tuple[Timed, ...]:
        """Commands that do next to nothing but start, and Python and pytest doing nothing."""
        self._tell(f"commands that start, {self._sizes.starts} times each")
        program = str(Path(sys.executable).with_name("promdrill"))
        commands = {
            "python": [sys.executable, "-c", "pass"],
            "help": [program, "--help"],
            "list": [program, "list", "--reports", str(self._reports)],
            "pytest": _collect([self._work / "test_nothing.py"]),
            "collect": _collect([paths.scenarios_dir()]),
        }
        jobs = {name: self._command(argv) for name, argv in commands.items()}
        found = in_turn(jobs, self._sizes.starts, warm=jobs)
        collecting = "pytest --collect-only -q -c src/promdrill/drills.ini"
        return (
            _timed("python", "Python doing nothing", "python -c pass", found),
            _timed("help", "promdrill --help", "promdrill --help", found, bound_s=HELP_S, against="python"),
            _timed("list", "promdrill list", "promdrill list", found, bound_s=LIST_S, against="python"),
            _timed("pytest", "pytest collecting one empty test", f"{collecting} test_nothing.py", found),
            _timed(
                "collect",
                "pytest collecting the book",
                f"{collecting} scenarios",
                found,
                bound_s=COLLECT_S,
                against="pytest",
            ),
        )

    def pages(self) -> tuple[Timed, ...]:
        """The page of many drills, without and with alerts."""
        jobs, timed = {}, {}
        for name, alerts in (("page", False), ("page-alerts", True)):
            self._tell(f"making {self._sizes.drills} drills{' with alerts' if alerts else ''}")
            runs = self._work / name
            book = [synthetic.drilled(scenario, alerts=alerts) for scenario in self._book]
            synthetic.write_runs(runs, self._sizes.drills, book)
            argv = [sys.executable, "-m", "bench.peak", "report", str(runs), "--output", str(self._work / "page.html")]
            jobs[name] = self._command(argv, tells_peak=True)
            timed[name] = f"page of {self._sizes.drills:,} drills{' with alerts' if alerts else ''}"
        self._tell(f"pages, {self._sizes.pages} times each")
        found = in_turn(jobs, self._sizes.pages)
        return tuple(
            _timed(name, what, "promdrill report RUNS", found, bound_s=PAGE_S, bound_bytes=PAGE_BYTES)
            for name, what in timed.items()
        )

    # Growth

    def growths(self) -> Iterator[Growth]:
        """How work grows with its input."""
        yield self._matrix()
        yield self._merge()
        yield from self._journals()
        yield from self._scenarios()

    def _matrix(self) -> Growth:
        known = Known(Offer((DEFAULT_KUBERNETES,)), ("4",), tuple(scenario.id for scenario in self._book))
        files = {cells: self._work / f"matrix-{cells}.toml" for cells in self._sizes.cells}
        for cells, file in files.items():
            file.write_text(synthetic.matrix(cells), encoding="utf-8")

        def plan(file: Path) -> None:
            cells = expand(read(file, known)).cells
            to_github(cells)
            list(listing(cells, dict.fromkeys(cell.id for cell in cells)))

        jobs = {cells: lambda file=file: plan(file) for cells, file in files.items()}
        return self._growth("matrix", "Planning a matrix", "cells", jobs)

    def _merge(self) -> Growth:
        book = [synthetic.drilled(scenario, alerts=True) for scenario in self._book]
        jobs = {}
        for cells in self._sizes.cells:
            folder = self._work / f"cells-{cells}"
            synthetic.write_runs(folder, cells * len(book), book, journals=False)
            jobs[cells] = lambda folder=folder: _quietly("merge", str(folder))
        return self._growth("merge", "Merging the results of a matrix, the whole book in each cell", "cells", jobs)

    def _journals(self) -> Iterator[Growth]:
        files = {hours: synthetic.write_hours(self._work / f"hours-{hours}", hours) for hours in self._sizes.hours}
        reading = {hours: lambda file=file: journals.read(file) for hours, file in files.items()}
        yield self._growth("journal", "Reading a journal", "hours", reading)

        def follow(file: Path) -> None:
            follower = Follower(file.parents[1])
            while follower.look():
                to_json(follower.run, SYSTEM.utc())

        following = {hours: lambda file=file: follow(file) for hours, file in files.items()}
        yield self._growth("follow", "Following a journal", "hours", following)

    def _scenarios(self) -> Iterator[Growth]:
        folders = {len(self._book) * (copies + 1): self._copies[copies] for copies in self._sizes.copies}
        reports = ["--reports", str(self._reports)]
        lists = {
            number: lambda own=own[1:]: _quietly("list", *reports, *(["--scenarios", str(own[0])] if own else []))
            for number, own in folders.items()
        }
        yield self._growth("list-growth", "Listing scenarios", "scenarios", lists)
        checks = {number: lambda own=own: _sound(own) for number, own in folders.items()}
        yield self._growth("check-growth", "Checking scenarios, without ruff and mypy", "scenarios", checks)
        jobs = {str(number): self._command(_collect(own)) for number, own in folders.items()}
        yield self._grown("collect-growth", "Collecting scenarios with pytest", "scenarios", jobs, floor="pytest")

    def _growth(self, name: str, what: str, of: str, jobs: Mapping[int, Callable[[], object]]) -> Growth:
        sampled = {str(size): lambda job=job: of_call(job) for size, job in jobs.items()}
        return self._grown(name, what, of, sampled)

    def _grown(
        self, name: str, what: str, of: str, jobs: Mapping[str, Callable[[], Sample]], floor: str = ""
    ) -> Growth:
        self._tell(f"{what}: {', '.join(jobs)} {of}, {self._sizes.works} times each")
        found = in_turn(jobs, self._sizes.works, warm=list(jobs)[:1])
        points = tuple(
            Point(
                size=int(size),
                wall_s=_seconds(each.wall_s for each in samples),
                cpu_s=_seconds(each.cpu_s for each in samples),
            )
            for size, samples in found.items()
        )
        return Growth(id=name, what=what, of=of, points=points, floor=floor)

    def _command(self, argv: Sequence[str], *, tells_peak: bool = False) -> Callable[[], Sample]:
        return lambda: of_command(argv, env=self._env, tells_peak=tells_peak)


def _collect(folders: Sequence[Path]) -> list[str]:
    """The command that collects the tests in these folders, configured as for drills."""
    options = ["--collect-only", "-q", f"--config-file={paths.pytest_config()}", "-p", "no:cacheprovider"]
    return [sys.executable, "-m", "pytest", *options, *map(str, folders)]


def _timed(
    name: str,
    what: str,
    command: str,
    found: Mapping[str, Sequence[Sample]],
    *,
    bound_s: float | None = None,
    bound_bytes: int | None = None,
    against: str = "",
) -> Timed:
    samples = found[name]
    return Timed(
        id=name,
        what=what,
        command=command,
        wall_s=_seconds(each.wall_s for each in samples),
        cpu_s=_seconds(each.cpu_s for each in samples),
        peak_bytes=tuple(each.peak_bytes for each in samples if each.peak_bytes is not None),
        bound_s=bound_s,
        bound_bytes=bound_bytes,
        against=against,
    )


def _seconds(figures: Iterable[float]) -> tuple[float, ...]:
    """Rounded to microseconds."""
    return tuple(round(figure, 6) for figure in figures)


def _quietly(*words: str) -> None:
    """A command of promdrill's in this process, without its output.

    Raises:
        PromdrillError: It failed.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        code = main(words)
    if code != EXIT_OK:
        raise PromdrillError(f"promdrill {' '.join(words)} ended with {code}")


def _sound(folders: Sequence[Path]) -> None:
    """Check scenarios.

    Raises:
        PromdrillError: One is not sound, so that not everything of it was checked.
    """
    for finding in check(folders, note=lambda _text: None, with_tools=False):
        raise PromdrillError(f"{finding.file}:{finding.problem.line}: {finding.problem.what}")
