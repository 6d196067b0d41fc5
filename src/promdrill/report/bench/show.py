"""Where the seconds of runs go: as plain text for 80 columns, as Markdown, and as JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from promdrill.core.model import PhaseName
from promdrill.report.bench.detection import POLLS_S, Delays
from promdrill.report.bench.figures import BOUNDS, OBSERVED, USED, Bench, DrillSeconds, Ground, LeftOver
from promdrill.report.bench.run import Ran
from promdrill.results.table import NOTHING, Table, escape, wrap
from promdrill.results.words import count, delay, seconds, size, when

BENCH_SCHEMA = 1
"""Version of the JSON form; raised when a field changes its meaning or goes away."""

REASON_CHARS = 200
"""Characters of a reason: the figures matter here; the run's own report has the rest."""

PACKED = (
    "packed: the drills' seconds divided by the number of workers, and at least the longest drill; with several "
    "workers, which have others get ready or recover beside their incidents, the incidents' seconds divided by their "
    "number, and at least all seconds divided by twice that. rest: in all minus packed, the time that was not spent on "
    "drills: before the first one (supply, cluster), between (the first drills get ready, workers wait for one that "
    "is, beside one that runs alone, and while the last ones end), and after the last (deleting the cluster)."
)
ONE_KIND = "The runs had different drills or workers, so there are no figures over all of them."
MEDIANS = "Medians of the drills that passed, in seconds"
SPREAD = f"{MEDIANS}; in parentheses the longest minus the shortest, if there are several"

DELAYS = {
    "recorded": "the drill, as recorded",
    "streams": "what streams bring",
    "answers": "what is asked for",
    "with_questions": "the drill, in full",
    **{f"poll_{period_s:g}_s": f"a poll every {period_s:g} s" for period_s in POLLS_S},
}
"""The rows of the table of delays, in words."""

RECORDED = (
    "As recorded: measured from the moment of a log's line, from the arrival of a stream's message about an object, or "
    "from the arrival of an answer of Prometheus or df. In full: computed, from the change itself. What has to be "
    "asked for, twice a second or df every 5 s, changed at any moment since the last question, each as likely."
)
POLLED = (
    "A poll: computed, on the same changes, for one whose phase is random and that takes no time itself. With a period "
    "of T it sees a change that lasts d seconds after 0 to min(d, T) seconds, each as likely, so after T/2 on average; "
    "or never, with the probability 1 - d/T, if d is below T. What lasted until its wait ended counts as longer than T."
)

_BROKEN = {
    PhaseName.PROVISION: "provi\N{SOFT HYPHEN}sion",
    PhaseName.BASELINE: "base\N{SOFT HYPHEN}line",
    PhaseName.SIGNATURE: "signa\N{SOFT HYPHEN}ture",
    PhaseName.PERSISTENCE: "persis\N{SOFT HYPHEN}tence",
    PhaseName.REMEDIATE: "reme\N{SOFT HYPHEN}diate",
    PhaseName.RECOVERY: "reco\N{SOFT HYPHEN}very",
}
"""Heads that plain text breaks over two lines: ten columns then fit beside the longest id that we ship."""


@dataclass(frozen=True, slots=True)
class Part:
    """A table with its title and notes.

    Attributes:
        title: One line.
        table: The table.
        notes: Sentences below it.
    """

    title: str
    table: Table
    notes: tuple[str, ...] = ()


def to_text(bench: Bench) -> str:
    """All tables, for a terminal."""
    out = _wrap(_headline(bench))
    for part in _parts(bench):
        out += ["", *_wrap(part.title), *part.table.text(), *(line for note in part.notes for line in _wrap(note))]
    if bench.not_passed:
        out += ["", *_wrap(_not_passed_title(bench))]
        out += [line for each in bench.not_passed for line in _wrap(_not_passed(bench, each), 2)]
    return "\n".join(out)


def to_markdown(bench: Bench) -> str:
    """All tables, as Markdown; the drills' table has a column for each phase."""
    out = [f"## {escape(_headline(bench))}"]
    for part in _parts(bench):
        out += ["", f"{escape(part.title)}:", "", *part.table.markdown()]
        out += [line for note in part.notes for line in ("", escape(note))]
    if bench.not_passed:
        out += ["", escape(_not_passed_title(bench)), ""]
        out += [f"- {escape(_not_passed(bench, each))}" for each in bench.not_passed]
    return "\n".join(out)


def to_json(bench: Bench) -> str:
    """Every figure, under the names of the records in `promdrill.report.bench.figures`."""
    return json.dumps({"schema": BENCH_SCHEMA, "as_expected": bench.as_expected, **asdict(bench)}, indent=2)


def _parts(bench: Bench) -> Iterator[Part]:
    yield _runs(bench)
    if bench.rows:
        several = any(row.all_s.count > 1 for row in bench.rows)
        head = ("id", *(_BROKEN.get(name, str(name)) for name in PhaseName), "in all")
        rows = (*map(_drill, bench.rows), _sums(bench.rows))
        yield Part(SPREAD if several else MEDIANS, Table(head, rows, _figures(head), gap=" "))
    yield _outside(bench)
    if bench.observed:
        yield Part("How well each drill that passed was observed, and at what cost", observed(bench))
    if bench.delays:
        most = max(each.count for each in bench.delays.values())
        title = f"From a change in the cluster until it was known, {count(most, 'change')} of the drills that passed"
        yield Part(title, delays(bench.delays, DELAYS), (RECORDED, POLLED))


def _figures(head: Sequence[str]) -> frozenset[int]:
    """All columns but the first: they contain figures."""
    return frozenset(range(1, len(head)))


def _headline(bench: Bench) -> str:
    return f"{count(len(bench.runs), 'run')}: {_ground(bench.ground)}"


def _ground(ground: Ground) -> str:
    named = (
        ("", ground.chart),
        ("Prometheus ", ground.app_version),
        ("Kubernetes ", ground.kubernetes),
        ("profile ", ground.profile),
    )
    return ", ".join(f"{name}{value}" for name, value in named if value)


def _runs(bench: Bench) -> Part:
    head = ("run", "started (UTC)", "in all", "drills", "ended")
    rows = tuple(
        (str(number), _when(run), _long(run.took_s), str(run.drills), _ended(run))
        for number, run in enumerate(bench.runs, 1)
    )
    notes = []
    if bench.took_s is not None and len(bench.runs) > 1:
        least, middle, most = (_long(figure) for figure in (bench.took_s.least, bench.took_s.median, bench.took_s.most))
        notes.append(f"In all: {least} at least, {middle} median, {most} at most.")
    notes += [] if bench.alike else [ONE_KIND]
    notes += [
        f"Run {number} had the settings {', '.join(f'{name}={value}' for name, value in run.options.items())}."
        for number, run in enumerate(bench.runs, 1)
        if run.options
    ]
    return Part("Runs", Table(head, rows, right=frozenset({2, 3})), tuple(notes))


def _when(run: Ran) -> str:
    return when(run.started).removesuffix(" UTC")


def _ended(run: Ran) -> str:
    said = [f"{number} {verdict}" for verdict, number in run.verdicts.items()]
    said += [f"{run.skipped} skipped"] if run.skipped else []
    said += ["unfinished"] if run.took_s is None else []
    return ", ".join(said)


def _drill(row: DrillSeconds) -> tuple[str, ...]:
    spread = f" ({_whole(row.all_s.spread)})" if row.all_s.count > 1 else ""
    return (row.scenario, *map(_whole, row.phases_s.values()), f"{_whole(row.all_s.median)}{spread}")


def _sums(rows: Sequence[DrillSeconds]) -> tuple[str, ...]:
    """Sums of the figures before rounding."""
    phases = [sum(row.phases_s[name] or 0.0 for row in rows) for name in PhaseName]
    return ("sum", *map(_whole, phases), _whole(sum(row.all_s.median for row in rows)))


def _outside(bench: Bench) -> Part:
    head = ("run", "in all", "drilling", "workers", "packed", "rest", "before", "between", "after")
    rows = []
    for number, run in enumerate(bench.runs, 1):
        out = run.outside
        rest = (out.all_s, out.before_s, out.between_s, out.after_s) if out else (None,) * 4
        figures = (_whole(run.took_s), _whole(run.drilled_s), str(run.jobs), _whole(run.packed_s), *map(_whole, rest))
        rows.append((str(number), *figures))
    return Part("Seconds outside of drills", Table(head, rows, _figures(head)), (PACKED,))


def observed(bench: Bench) -> Table:
    """A row for each figure of how drills were observed, and of what that cost."""
    head = ("observation", "median", "most", "drills", "bound", "above")
    return Table(head, tuple(_observed(name, bench) for name in bench.observed), _figures(head))


def delays(found: Mapping[str, Delays], words: Mapping[str, str]) -> Table:
    """A row for each of several delays: within how many seconds how many of the changes were known.

    Args:
        found: By name.
        words: Each name, in words.
    """
    head = ("until known", "50 %", "95 %", "99 %", "all", "mean", "not seen")
    return Table(head, tuple((words[name], *_delays(each)) for name, each in found.items()), _figures(head))


def _observed(name: str, bench: Bench) -> tuple[str, ...]:
    middle, above = bench.observed[name], bench.above.get(name)
    figures = (_figure(name, middle.median), _figure(name, middle.most), str(middle.count))
    judged = (NOTHING, NOTHING) if above is None else (_figure(name, BOUNDS[name]), str(above))
    return ((OBSERVED | USED)[name], *figures, *judged)


def _figure(name: str, figure: float) -> str:
    if name.endswith("_s"):
        return delay(figure)
    if name.endswith("_bytes"):
        return size(figure)
    return f"{figure:.2g} %" if name.endswith("_percent") else f"{figure:g}"


def _delays(each: Delays) -> tuple[str, ...]:
    told = map(delay, (each.p50_s, each.p95_s, each.p99_s, each.worst_s, each.mean_s))
    return (*told, f"{100 * each.missed:.1f} %" if each.missed else NOTHING)


def _not_passed_title(bench: Bench) -> str:
    return f"{count(len(bench.not_passed), 'drill')} did not pass, and {_are(bench)} not in any median:"


def _are(bench: Bench) -> str:
    return "is" if len(bench.not_passed) == 1 else "are"


def _not_passed(bench: Bench, each: LeftOver) -> str:
    number = [run.started for run in bench.runs].index(each.started) + 1
    said = textwrap.shorten(each.said, REASON_CHARS, placeholder=" ...")
    return f"run {number}: {each.name}: {each.verdict}, {said}"


def _whole(figure: float | None) -> str:
    return NOTHING if figure is None else f"{figure:.0f}"


def _long(figure: float | None) -> str:
    return NOTHING if figure is None else seconds(figure)


def _wrap(text: str, indent: int = 0) -> list[str]:
    return wrap(text, first=indent, rest=indent + 2 if indent else 0)
