"""What was measured, for people: tables, as text for a terminal and as a page of the documentation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from bench.fit import Fit, fit, work
from bench.record import Bench, Growth, Machine, Timed
from promdrill.results.table import NOTHING, Table

ABOVE = "above the bound"

COMMAND = "make bench-quick"
"""The command that measures all of it."""

RECORD = "harness.json"
"""The samples behind the page, beside it."""

MADE = f"<!-- Made by `make bench-docs` from {RECORD}; do not edit. -->"

LEAD = f"""\
What promdrill costs without a cluster: how long it takes to start, and to make the page of 1,000 drills, and how its
work grows. `{COMMAND}` shows these figures; `docs/benchmarks/{RECORD}` has every sample."""

ON_COMMANDS = """\
Wall and processor time are medians, with the least and the most. The factor compares a command with another one that
took turns with it. What each row is, in a shell, is listed below."""

ON_GROWTH = """\
Medians of processor time, by size. The exponent is the slope where both axes are logarithmic: 1 is linear. The first
is fitted to all sizes, the second to the two largest."""

_MIB = 2**20


def page(bench: Bench) -> str:
    """The page of the documentation; its pictures are beside it, by the growths' ids."""
    listed = "\n".join(f"- {each.what}: `{each.command}`" for each in bench.timed)
    parts = [
        f"# The harness itself\n\n{MADE}\n\n{LEAD}",
        where(commit=bench.commit, started=bench.started, took_s=bench.took_s, machine=bench.machine),
        f"## Commands\n\n{ON_COMMANDS}\n\n{_markdown(commands(bench.timed))}\n\n{listed}",
        f"## Growth\n\n{ON_GROWTH}",
        *(_growth(bench, each) for each in bench.growths),
    ]
    return "\n\n".join(parts) + "\n"


def commands(timed: Sequence[Timed]) -> Table:
    """A row for each command."""
    named = {each.id: each for each in timed}
    head = ("what", "wall, s", "processor, s", "factor", "memory, MiB", "bound", "runs")
    rows = [
        (
            each.what,
            spread(each.wall_s),
            spread(each.cpu_s),
            _factor(named, each),
            spread([peak / _MIB for peak in each.peak_bytes]),
            _bound(each),
            str(len(each.wall_s)),
        )
        for each in timed
    ]
    return Table(head, rows, frozenset({1, 2, 3, 4, 6}))


def growth(bench: Bench, found: Growth) -> Table:
    """A row for each size of one growth."""
    rows = [
        (f"{size:,}", _short(took_s) if took_s > 0 else NOTHING, str(len(point.cpu_s)))
        for (size, took_s), point in zip(work(found, floor_s(bench, found)), found.points, strict=True)
    ]
    return Table((found.of, "processor, s", "runs"), rows, frozenset({0, 1, 2}))


def judged(found: Fit | None) -> str:
    """Whether a growth is linear or better, in a sentence."""
    if found is None:
        return "It took too little time to tell how it grows."
    word = "linear or better" if found.linear else "worse than linear"
    return f"Exponent {found.overall:.2f}, between the two largest {found.last:.2f}: {word}."


def floor_s(bench: Bench, found: Growth) -> float:
    """Seconds of processor time that the growth's command takes to start; 0 for none."""
    return median(bench.named(found.floor).cpu_s) if found.floor else 0.0


def text(bench: Bench) -> Iterator[str]:
    """Everything, as lines for a terminal."""
    yield from commands(bench.timed).text()
    for each in bench.growths:
        yield ""
        yield f"{each.what}. {judged(fit(work(each, floor_s(bench, each))))}"
        yield from growth(bench, each).text()


def spread(samples: Sequence[float]) -> str:
    """Median, least and most: ``0.15 (0.14 to 0.19)``; `NOTHING` without samples."""
    if not samples:
        return NOTHING
    return f"{_short(median(samples))} ({_short(min(samples))} to {_short(max(samples))})"


def _growth(bench: Bench, found: Growth) -> str:
    told = fit(work(found, floor_s(bench, found)))
    floor = f" Without the start: that is `{bench.named(found.floor).command}`." if found.floor else ""
    image = [f"![{found.what}: processor time by number of {found.of}]({found.id}.svg)"] if told else []
    return "\n\n".join([f"### {found.what}", f"{judged(told)}{floor}", _markdown(growth(bench, found)), *image])


def where(*, commit: str, started: str, took_s: float, machine: Machine) -> str:
    """Of what, when, and on which machine figures were measured; arguments as in `Bench`."""
    busy = "" if machine.quiet else f" **{_busy(machine)}**"
    at = f"Commit {commit}, " if commit else ""
    return (
        f"{at}{started[:10]}, in {took_s:.0f} s, on {machine.cores} cores "
        f"({machine.cpu or 'model unknown'}) with {machine.memory_bytes / 2**30:.1f} GiB, {machine.kernel}, "
        f"Python {machine.python}.{busy}"
    )


def _busy(machine: Machine) -> str:
    return f"The machine was busy (load {machine.load:g} on {machine.cores} cores), so all seconds are too many."


def _factor(named: Mapping[str, Timed], each: Timed) -> str:
    if not each.against:
        return NOTHING
    other = named[each.against]
    pairs = [ours_s / theirs_s for ours_s, theirs_s in zip(each.wall_s, other.wall_s, strict=True)]
    return f"{spread(pairs)} of {other.what}"


def _bound(each: Timed) -> str:
    told = []
    if each.bound_s is not None:
        above = f", {ABOVE}" if median(each.wall_s) > each.bound_s else ""
        told.append(f"{each.bound_s:g} s{above}")
    if each.bound_bytes is not None and each.peak_bytes:
        above = f", {ABOVE}" if median(each.peak_bytes) > each.bound_bytes else ""
        told.append(f"{each.bound_bytes / _MIB:g} MiB{above}")
    return "; ".join(told) or NOTHING


def _short(figure: float) -> str:
    """Two significant digits, more only before the point."""
    return f"{figure:.2g}" if abs(figure) < 10 else f"{figure:.0f}"  # noqa: PLR2004  two digits


def _markdown(table: Table) -> str:
    return "\n".join(table.markdown())
