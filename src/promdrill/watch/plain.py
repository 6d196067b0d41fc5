"""What happened as lines of plain text, for a pipe, a file or a dumb terminal: one for each event that matters."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence

from promdrill.report.html.journal import Entry
from promdrill.watch.rows import Row, Status
from promdrill.watch.text import clean, seconds

INDENT = " " * 9
"""Before what does not fit on a line, as in the summary of a run."""


def line_of(name: str, entry: Entry) -> str | None:
    """An entry of the drill `name` as a line; None for one that need not be told."""
    words = _WORDS.get(entry.event)
    said = words(entry) if words is not None else None
    return None if said is None else f"{clean(entry.at)[11:19]} {name}: {said}"


def wrapped(line: str, width: int) -> Iterator[str]:
    """The line in as many as it takes; a word that is longer than one stays whole, so that it can be copied."""
    yield from textwrap.wrap(
        line, max(20, width), subsequent_indent=INDENT, break_on_hyphens=False, break_long_words=False
    ) or [""]


def table(listed: Sequence[Row]) -> Iterator[str]:
    """The rows as lines, long as they come."""
    wide = max((len(row.name) for row in listed), default=0)
    for row in listed:
        took = "" if row.took_s is None else f"{row.took_s:.0f} s"
        mark = " (not as due)" if row.status is Status.ENDED and row.good is False and "[" in row.name else ""
        yield f"{row.word:<11} {row.name:<{wide}} {took:>7}  {row.said}{mark}".rstrip()


def _phase_end(entry: Entry) -> str:
    ended = clean(entry.text("ended"))
    return f"{clean(entry.text('phase')):<12} {seconds(entry.number('took_s')):>9}" + (
        "" if ended in {"done", ""} else f"  {ended}"
    )


def _step(entry: Entry) -> str:
    code = entry.fields.get("exit_code")
    ended = "ended at its deadline" if code is None else f"exit code {clean(code)}"
    where = f"{clean(entry.text('file'))}:{clean(entry.text('line'))} ({clean(entry.text('section'))})"
    return f"step {where}: {ended}, {seconds(entry.number('took_s'))}"


def _trouble(entry: Entry) -> str | None:
    error = clean(entry.text("error"))
    about = clean(entry.text("what") or entry.text("collector") or entry.text("thread"))
    return f"{entry.event}: {about}: {error}" if error else None


def _verdict(entry: Entry) -> str:
    reason = clean(entry.text("reason"))
    return clean(entry.text("verdict")) + (f": {reason}" if reason else "")


def _lost(entry: Entry) -> str:
    return f"a gap of {seconds(entry.number('gap_s'))} in job {clean(entry.text('job'))}"


_WORDS: Mapping[str, Callable[[Entry], str | None]] = {
    "drill-begin": lambda entry: f"begins, profile {clean(entry.text('profile'))}",
    "phase-end": _phase_end,
    "fault": lambda entry: f"fault: {clean(entry.text('fault'))}",
    "control": lambda entry: f"control {clean(entry.text('control'))}: without {clean(entry.text('left_out'))}",
    "stage-seen": lambda entry: f"seen: {clean(entry.text('stage'))}",
    "step": _step,
    "samples": _lost,
    "wait-timeout": lambda entry: (
        f"not seen in time: {', '.join(map(clean, entry.items('missing'))) or 'all, for so long'}"
    ),
    "wait-failed": lambda entry: f"{clean(entry.text('failure'))}: {clean(entry.text('text'))}",
    "undo": _trouble,
    "evidence-missing": _trouble,
    "observer-broken": _trouble,
    "verdict": _verdict,
}
