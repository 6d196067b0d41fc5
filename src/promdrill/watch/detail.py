"""One drill in detail, as lines for a terminal; each line fits its width, each section says how much it matters."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.text import Text

from promdrill.core.events import Ending
from promdrill.results.timeline.drill import Instant, StepSpan, Timeline, Wait, WaitEnd
from promdrill.watch.rows import holding
from promdrill.watch.text import Canvas, Marks, count, passing, seconds
from promdrill.watch.words import age_words, gap_words, pod_words, trouble_words, volume_words

LABEL = 10
"""Columns of the labels before the lines."""

_BAR = 20
_QUOTE_LINES = 2
_FRESH_S = 1.0
_FEW = 4
_CONDITIONS = 3
"""Rank of the conditions: of many, most are dropped early, a few stay long."""


@dataclass(frozen=True, slots=True)
class Section:
    """Lines that belong together; if not everything fits, the highest `rank` is dropped first."""

    rank: int
    lines: list[Text]


def detail(drill: Timeline, now: datetime, canvas: Canvas) -> list[Text]:
    """The drill's lines.

    Args:
        drill: The drill.
        now: UTC; for a drill that no longer runs, the moment of its last entry.
        canvas: The space that they must fit.
    """
    width, marks = canvas.width, canvas.marks
    sections = [
        Section(1, _phases(drill, now, width)),
        Section(7, _pairs("fault", _faults(drill), width)),
        Section(6, _pairs("stage", [stage.name for stage in drill.stages[-1:]] if not drill.verdict else [], width)),
        Section(0, _ending(drill, width)),
        Section(2, _deadline(drill, now, width, marks)),
        Section(_CONDITIONS, _conditions(drill, width, marks)),
        Section(4, _step(drill, width)),
        Section(5, _pairs("pods", [f"{pod.pod} {pod_words(pod)}" for pod in drill.pods.values()][-4:], width)),
        Section(
            6, _seen("volume", [(volume_words(seen), seen.when) for seen in drill.volume.values()][-2:], now, width)
        ),
        Section(7, _samples(drill, now, width)),
        Section(8, _quotes(drill, width)),
        Section(5, _pairs("trouble", map(trouble_words, drill.trouble[-2:]), width, style="yellow")),
    ]
    if canvas.height is not None:
        _fit(sections, canvas.height)
    return [line for section in sections for line in section.lines]


def _fit(sections: list[Section], height: int) -> None:
    """Drop lines until all fit: sections by their rank; of many conditions, most are dropped early."""
    for rank in (8, 7, 6, _CONDITIONS, 5, 4, _CONDITIONS, 2, 1, 0):
        for section in reversed(sections):
            over = sum(len(each.lines) for each in sections) - height
            if section.rank != rank or over <= 0:
                continue
            if rank == _CONDITIONS and len(section.lines) > _FEW:
                _shorten(section, max(_FEW, len(section.lines) - over))
            else:
                section.lines.clear()


def _shorten(section: Section, keep: int) -> None:
    """Keep the first conditions, and show in the last line how many more there are."""
    hidden = len(section.lines) - keep + 1
    section.lines[keep - 1 :] = [Text(f"    and {count(hidden, 'more condition')}", "dim")]


def _phases(drill: Timeline, now: datetime, width: int) -> list[Text]:
    parts = []
    for phase in drill.phases:
        if phase.how is None:
            took = passing((now - phase.began.at).total_seconds())
            parts.append(Text(f"{phase.name} {took}", "cyan" if not drill.verdict else ""))
        else:
            cut = "" if phase.how is Ending.DONE else f" ({phase.how})"
            parts.append(Text(f"{phase.name} {seconds(phase.took_s)}{cut}", "yellow" if cut else ""))
    return _flow("phases", parts, width)


def _flow(label: str, parts: Sequence[Text], width: int) -> list[Text]:
    """Parts side by side, without breaking any of them."""
    lines: list[Text] = []
    for part in parts:
        room = bool(lines) and lines[-1].cell_len + 2 + part.cell_len <= width
        if room:
            lines[-1].append("  ").append_text(part)
        else:
            lines.append(_labelled(label if not lines else "", part))
    return lines


def _faults(drill: Timeline) -> list[str]:
    return [f"{fault.name}{'' if fault.ended else ', not confirmed yet'}" for fault in drill.faults]


def _ending(drill: Timeline, width: int) -> list[Text]:
    """Why the drill ended as it did, in full."""
    if not drill.reason:
        return []
    wrapped = textwrap.wrap(drill.reason, max(20, width - LABEL), break_on_hyphens=False)
    return [_labelled("because" if not number else "", Text(line)) for number, line in enumerate(wrapped)]


def _deadline(drill: Timeline, now: datetime, width: int, marks: Marks) -> list[Text]:
    wait, step = drill.waiting, drill.step
    if wait is not None:
        began, limit_s = wait.began.at, wait.timeout_s
    elif step is not None and step.ended is None and step.timeout_s is not None:
        began, limit_s = step.began.at, step.timeout_s
    else:
        return []
    spent_s = max(0.0, (now - began).total_seconds())
    left_s = limit_s - spent_s
    text = f"{passing(left_s)} left of {limit_s:g} s" if left_s >= 0 else f"{limit_s:g} s, over"
    line = Text(f"{text:<21} ")
    if width >= LABEL + 22 + _BAR:
        full = min(_BAR, round(_BAR * spent_s / limit_s)) if limit_s else _BAR
        line.append(marks.bar * full, "yellow" if left_s < limit_s / 4 else "cyan")
        line.append(marks.rule * (_BAR - full), "bright_black")
    if wait is not None and not wait.missing and wait.wanted:
        line.append(f"  {holding(wait, now)}", "green")
    return [_labelled("deadline", line)]


def _conditions(drill: Timeline, width: int, marks: Marks) -> list[Text]:
    """The conditions waited for, missing ones first; also those that were missing when a wait ended early."""
    wait = drill.wait
    if wait is None or wait.ended is WaitEnd.DONE or (drill.verdict and not drill.reason):
        return []
    names = [*wait.missing, *(name for name in wait.wanted if name not in wait.missing)]
    longest = max((len(name) for name in names), default=0)
    wide = min(longest, max(12, (width - 2) * 9 // 20))
    lines = [_condition(wait, name, wide, marks) for name in names]
    if wait.why:
        lines.insert(0, _labelled("ended by", Text(wait.why, "red")))
    return lines


def _condition(wait: Wait, name: str, wide: int, marks: Marks) -> Text:
    seen = wait.seen.get(name)
    holds = seen is not None and seen.holds
    given_up = wait.ended is not None
    mark, style = (marks.good, "green") if holds else (marks.bad, "red") if given_up else (marks.waiting, "yellow")
    line = Text.assemble((f"  {mark} ", style))
    label = Text(name)
    label.truncate(wide, overflow="ellipsis", pad=True)
    if holds:
        label.stylize("dim")
    return line.append_text(label).append(f"  {seen.text if seen else 'not judged yet'}", "dim" if holds else "")


def _step(drill: Timeline, width: int) -> list[Text]:
    step = drill.step
    if step is None or (drill.verdict and not drill.reason):
        return []
    where = f"{step.file}:{step.line} {step.section}, "
    lines = [_labelled("step", Text(where).append_text(_step_end(step)))]
    if step.command and (step.record is None or step.record.exit_code != 0) and width > LABEL:
        lines.append(_labelled("", Text(f"$ {step.command}", "dim")))
    return lines


def _step_end(step: StepSpan) -> Text:
    found = step.record
    if found is None:
        return Text("runs", "cyan")
    if found.exit_code is None:
        return Text(f"ended at its deadline after {seconds(found.took_s)}", "red")
    return Text(f"exit code {found.exit_code} after {seconds(found.took_s)}", "" if found.exit_code == 0 else "red")


def _samples(drill: Timeline, now: datetime, width: int) -> list[Text]:
    """The newest sample's age while the drill runs, then what was lost."""
    if drill.samples:
        return _pairs("samples", map(gap_words, drill.samples), width)
    return _seen("sample", [(age_words(age), age.when) for age in drill.ages[-1:]], now, width)


def _quotes(drill: Timeline, width: int) -> list[Text]:
    """The last line of a log or an event that matters, on two lines of the terminal at most."""
    lines: list[Text] = []
    for quote in drill.quotes[-1:]:
        wrapped = textwrap.wrap(quote.text, max(20, width - LABEL), max_lines=_QUOTE_LINES, placeholder=" …")
        lines += [_labelled(quote.kind if not number else "", Text(text)) for number, text in enumerate(wrapped)]
    return lines


def _seen(label: str, sightings: Sequence[tuple[str, Instant]], now: datetime, width: int) -> list[Text]:
    """What was seen, and how long ago: conditions are journalled when they change, not each time they are judged."""
    lines = []
    for number, (text, when) in enumerate(sightings):
        ago_s = (now - when.at).total_seconds()
        ago = f"  ({passing(ago_s)} ago)" if ago_s >= _FRESH_S else ""
        line = Text(text)
        line.truncate(max(8, width - LABEL - len(ago)), overflow="ellipsis")
        lines.append(_labelled(label if not number else "", line.append(ago, "dim")))
    return lines


def _pairs(label: str, texts: Iterable[str], width: int, *, style: str = "") -> list[Text]:
    room = max(8, width - LABEL)
    lines = []
    for number, text in enumerate(texts):
        line = Text(text, style)
        line.truncate(room, overflow="ellipsis")
        lines.append(_labelled(label if not number else "", line))
    return lines


def _labelled(label: str, text: Text) -> Text:
    return Text.assemble((f"{label:<{LABEL}}", "dim"), text)
