"""The view of a run: a line about it, its drills as rows, and one drill in detail, fitted to the space available."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rich.console import Group
from rich.text import Text

from promdrill.core.model import Verdict
from promdrill.results.expected import as_expected
from promdrill.results.timeline.drill import Timeline
from promdrill.watch.detail import detail
from promdrill.watch.rows import DrillRow, Status, name_of, rows
from promdrill.watch.run import Ending, RunState
from promdrill.watch.text import Canvas, Marks, moment, passing

QUIET_S = 10.0
"""Seconds of silence after which the view mentions it."""

STAY_S = 8.0
"""Seconds for which the detail stays with a drill: with parallel drills it would change with every entry."""

_LEAST = 4
"""The fewest lines for a drill's detail; with less space it is left out. An empty line, a rule, and two of content."""

_STYLES = {
    Verdict.PASSED: "green",
    Verdict.FAILED: "red",
    Verdict.INVALID: "yellow",
    Verdict.ABORTED: "magenta",
}

_STATES = (
    (Status.RUNNING, "running", "cyan"),
    (Status.LOST, "cut short", "magenta"),
    (Status.WAITING, "waiting", "dim"),
)


@dataclass(slots=True)
class Focus:
    """Which drill to show in detail: the requested one, else a running one, the one that changed last.

    Attributes:
        asked: Name or folder of the requested drill; None if none was requested.
    """

    asked: str | None = None
    _folder: str = ""
    _since: datetime | None = None

    def pick(self, run: RunState, now: datetime) -> Timeline | None:
        """The drill to show; None if there is none yet."""
        if self.asked is not None:
            return next((d for d in run.drills.values() if self.asked in {d.folder, name_of(run, d)}), None)
        among = run.open or _unwell(run) or list(run.drills.values())
        stays = next((drill for drill in among if drill.folder == self._folder), None)
        if stays is not None and self._since is not None and (now - self._since).total_seconds() < STAY_S:
            return stays
        last = max(among, key=lambda drill: drill.last.at if drill.last else now, default=None)
        if last is not None and last.folder != self._folder:
            self._folder, self._since = last.folder, now
        return last


def _unwell(run: RunState) -> list[Timeline]:
    """Drills that did not end as expected, which matter most once a run is over."""
    return [drill for name, drill in run.drills.items() if (found := run.result(name)) and not as_expected(found)]


def view(run: RunState, now: datetime, canvas: Canvas, *, focus: Focus, beside_lines: bool = False) -> Group:
    """The view.

    Args:
        run: What is known.
        now: UTC.
        canvas: The space that it must fit.
        focus: Which drill to show in detail.
        beside_lines: Whether lines above it report what has ended; then only running drills have rows.
    """
    shown = focus.pick(run, now)
    listed = rows(run, now)
    counts = _counts(run, listed)
    head = [_joined(counts, _whole(run, now))] if beside_lines else [_title(run, now), counts, Text()]
    wanted, height = _wanted(listed, beside_lines=beside_lines), canvas.height
    told = _detail(run, shown, now, canvas)
    left = None
    if height is not None:
        room = height - len(head)
        told = _detail(run, shown, now, replace(canvas, height=max(room // 2, room - len(wanted))))
        left = max(1, room - len(told))
    lines = [*head, *_table(wanted, replace(canvas, height=left)), *told]
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    return Group(*(lines if height is None else lines[:height]))


def _title(run: RunState, now: datetime) -> Text:
    return _joined(Text(str(run.folder), "bold"), _whole(run, now))


def _joined(line: Text, words: str) -> Text:
    return Text.assemble(line, (f"  {words}", "dim")) if words else line


def _counts(run: RunState, listed: Sequence[DrillRow]) -> Text:
    """How many drills are in which state, and on what they run."""
    line = Text()
    verdicts = Counter(row.word for row in listed if row.status is Status.ENDED)
    parts = [(f"{verdicts[verdict]} {verdict}", _STYLES[verdict]) for verdict in Verdict if verdicts[verdict]]
    states = Counter(row.status for row in listed)
    for status, word, style in _STATES:
        parts += [(f"{states[status]} {word}", style)] if states[status] else []
    parts += [(f"{len(run.skipped)} skipped", "dim")] if run.skipped else []
    for text, style in parts or [("no drill has begun yet", "dim")]:
        line.append(", " if line.plain else "").append(text, style)
    return _joined(line, f"Kubernetes {run.results.kubernetes}, {run.results.supply}" if run.results else "")


def _whole(run: RunState, now: datetime) -> str:
    began = moment(run.results.started) if run.results is not None else None
    ending, ago = run.ending(now), f"last entry {passing(run.quiet_s(now))} ago"
    if ending is Ending.FINISHED:
        ended = moment(run.results.finished or "") if run.results is not None else None
        return f"finished after {passing((ended - began).total_seconds())}" if began and ended else "finished"
    if ending is Ending.CUT_SHORT:
        return f"cut short: {ago}"
    words = [f"for {passing((now - began).total_seconds())}"] if began else []
    return ", ".join([*words, ago] if run.quiet_s(now) >= QUIET_S else words)


def _wanted(listed: Sequence[DrillRow], *, beside_lines: bool) -> list[DrillRow]:
    return [row for row in listed if row.status is Status.RUNNING] if beside_lines else list(listed)


def _table(listed: Sequence[DrillRow], canvas: Canvas) -> list[Text]:
    """The rows; waiting drills share one, and so do those that do not fit."""
    to_come = [row for row in listed if row.status is Status.WAITING]
    told = [row for row in listed if row.status is not Status.WAITING]
    width, marks = canvas.width, canvas.marks
    room = None if canvas.height is None else max(0, canvas.height - bool(to_come))
    hidden: list[DrillRow] = []
    if room is not None and len(told) > room:
        first = sorted(range(len(told)), key=lambda at: (_rank(told[at]), -at))
        keep = set(first[: max(0, room - 1)])
        hidden = [row for at, row in enumerate(told) if at not in keep]
        told = [row for at, row in enumerate(told) if at in keep]
    longest = max((len(row.name) for row in told), default=0)
    wide = min(longest, 28 if width >= 70 else max(8, width - 26))  # noqa: PLR2004  columns
    lines = [_hidden(hidden, marks)] if hidden else []
    lines += [_line(row, wide, marks) for row in told]
    if to_come:
        names = ", ".join(row.name for row in to_come)
        lines.append(Text(f"{marks.waiting} {'waiting':<11} {names}", "dim"))
    return lines


def _rank(row: DrillRow) -> int:
    """What to show when not everything fits: lowest first."""
    if row.status is Status.RUNNING:
        return 0
    return 2 if row.good else 1


def _hidden(hidden: Sequence[DrillRow], marks: Marks) -> Text:
    counted = Counter(row.word for row in hidden)
    words = ", ".join(f"{number} {word}" for word, number in counted.items())
    return Text(f"{marks.waiting} and {words}", "dim")


def _line(row: DrillRow, wide: int, marks: Marks) -> Text:
    mark, style = _mark(row, marks)
    line = Text.assemble((f"{mark} {row.word:<11} ", style))
    name = Text(row.name, "bold" if row.status is Status.RUNNING else "")
    name.truncate(wide, overflow="ellipsis", pad=True)
    took = "" if row.took_s is None else f"{max(0.0, row.took_s):.0f} s"
    line.append_text(name).append(f" {took:>7}  ")
    return line.append(row.said, "" if row.status is Status.RUNNING or row.good is False else "dim")


def _mark(row: DrillRow, marks: Marks) -> tuple[str, str]:
    if row.status is Status.RUNNING:
        return marks.running, "cyan"
    if row.status is Status.LOST:
        return marks.ended, "magenta"
    if row.good:
        return marks.good, "green"
    signs = {Verdict.FAILED: marks.bad, Verdict.INVALID: marks.unsure, Verdict.PASSED: marks.bad}
    return next(
        ((sign, _STYLES[verdict]) for verdict, sign in signs.items() if verdict == row.word), (marks.ended, "magenta")
    )


def _detail(run: RunState, drill: Timeline | None, now: datetime, canvas: Canvas) -> list[Text]:
    """A rule with the drill's name, and below it the drill; one that no longer runs is shown in its last state."""
    if drill is None or (canvas.height is not None and canvas.height < _LEAST):
        return []
    goes_on = drill in run.open and run.ending(now) is Ending.RUNNING
    at = now if goes_on or drill.last is None else drill.last.at
    sign = canvas.marks.rule
    rule = Text.assemble((f"{sign * 2} ", "dim"), (name_of(run, drill), "bold"), (f" {sign * canvas.width}", "dim"))
    rule.truncate(canvas.width, overflow="crop")
    height = None if canvas.height is None else canvas.height - 2
    return [Text(), rule, *detail(drill, at, replace(canvas, height=height))]
