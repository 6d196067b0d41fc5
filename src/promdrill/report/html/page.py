"""The whole page: load, summarise, draw, and fill the templates."""

from __future__ import annotations

import base64
import functools
import hashlib
import textwrap
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from promdrill.core import paths, workers
from promdrill.core.model import PhaseName, StepRecord
from promdrill.core.redact import redact_lines
from promdrill.report.html import detail, overview, runbook, warned
from promdrill.report.html.detail import Badge
from promdrill.report.html.limits import Limits, limits
from promdrill.report.html.load import Column, Drill, load, opened, previous
from promdrill.report.html.overview import Shown
from promdrill.results import words
from promdrill.results.folder import write_atomically
from promdrill.results.words import count

REPORT = "report.html"
"""Everything on one page that works offline: verdicts, timelines, charts, the runbook and its steps' output."""

REASON_CHARS = 280
"""Characters of a reason in the list of drills that did not end as expected."""

MOST_AT_ONCE = 50
"""Most drills whose details are on the page from the start; with more, the script makes each when it is opened."""

LEVEL = 5
"""zlib's, of packed details: two thirds of the time of level 9 for 1.3 % more bytes; level 4 makes 5 % more."""

MOST_WRONG = 30
"""Most drills in the list at the top of those that did not end as expected; the grid has all of them."""


def to_html(folders: Sequence[Path], *, beside: Path, earlier: Path | None = None) -> str:
    """The page of these runs.

    Args:
        folders: Each is a run, or holds runs.
        beside: The page's folder; links to evidence are relative to it.
        earlier: The run to show changes against; for a single run, by default the one before it.

    Raises:
        UsageError: A folder holds no run, or a results.json is not one.
    """
    columns = load(folders)
    if earlier is None and len(columns) == 1:
        earlier = previous(columns[0])
    return "".join(render(columns, beside=beside.resolve(), earlier=earlier))


def write(folder: Path) -> Path:
    """Write `REPORT` into a run's folder at the end of the run, and return its path.

    Raises:
        UsageError: As in `to_html`.
        OSError: It cannot be written.
    """
    write_atomically(folder / REPORT, to_html([folder], beside=folder))
    return folder / REPORT


def render(columns: Sequence[Column], *, beside: Path, earlier: Path | None = None) -> Iterator[str]:
    """The page in pieces.

    Args:
        columns: As from `promdrill.report.html.load.load`.
        beside: The page's folder.
        earlier: The run to show changes against.
    """
    shown = dict(enumerate(_numbered(columns)))
    everything = [each for drills in shown.values() for each in drills]
    names = {each.anchor: columns[at].name for at, drills in shown.items() for each in drills}
    changes = overview.changes(columns, earlier)
    most = limits(len(everything))
    lazy = len(everything) > MOST_AT_ONCE
    script = _file("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    yield from _template("page.html").generate(
        columns=columns,
        shown=everything,
        style=Markup(_file("page.css")),  # noqa: S704  ours
        script=Markup(script),  # noqa: S704  ours
        script_hash=digest,
        lazy=lazy,
        phases=_PHASES,
        headline=_headline(everything),
        tally=_tally(everything),
        wrong=_wrong(columns, shown),
        most_wrong=MOST_WRONG,
        grid=overview.grid(columns, shown),
        warned=warned.warned(columns, shown, many=lazy),
        recovery=overview.recovery(everything, changes.recovered if changes else {}),
        slowest=overview.slowest(everything if len(everything) > 1 else (), names if len(columns) > 1 else {}),
        changes=changes,
        details=_details(columns, shown, functools.partial(_body, beside=beside, most=most, lazy=lazy), lazy=lazy),
    )


def _numbered(columns: Sequence[Column]) -> Iterator[list[Shown]]:
    number = 0
    for column in columns:
        found = []
        for drill in column.drills:
            number += 1
            found.append(Shown(f"d{number}", drill, detail.badge(drill), detail.length_s(drill)))
        yield found


def _wrong(columns: Sequence[Column], shown: Mapping[int, Sequence[Shown]]) -> list[tuple[Shown, str, str]]:
    """(drill, column, why) of those that did not end as expected; those without a verdict last."""
    order = list(detail.MARKS)
    found = [(each, columns[at].name) for at, drills in shown.items() for each in drills if not each.badge.as_expected]
    found.sort(key=lambda pair: order.index(pair[0].badge.verdict))
    return [
        (
            each,
            column,
            redact_lines(textwrap.shorten(detail.said(each.drill), REASON_CHARS, placeholder=" …")),
        )
        for each, column in found
    ]


def _details(
    columns: Sequence[Column],
    shown: Mapping[int, Sequence[Shown]],
    body: Callable[[tuple[Drill, Column]], str],
    *,
    lazy: bool,
) -> Iterator[dict[str, object]]:
    """What the template needs for each drill, one after the other, by name and then by column."""
    pairs = [(each, at) for at, drills in shown.items() for each in drills]
    pairs.sort(key=lambda pair: (pair[0].drill.row, pair[1]))
    _templates()  # before there are processes, which would each read them
    bodies = (workers.in_order if lazy else map)(body, [(each.drill, columns[at]) for each, at in pairs])
    for (each, at), html in zip(pairs, bodies, strict=True):
        yield {
            "drill": each.drill,
            "column": columns[at],
            "badge": each.badge,
            "anchor": each.anchor,
            "length_s": each.length_s,
            "body": Markup(html),  # noqa: S704  escaped, or base64
        }


def _body(of: tuple[Drill, Column], *, beside: Path, most: Limits, lazy: bool) -> str:
    """The details of a drill; packed if only the script shows them."""
    drill = opened(of[0])
    found = detail.context(drill, of[1], beside=beside, most=most)
    html = _templates().body({**found, "runbook": _runbook(drill, most)}, _PHASES)
    return _packed(html) if lazy else str(html)


def _runbook(drill: Drill, most: Limits) -> runbook.Rendered:
    ran = {id(record): step for step, record in drill.timeline.ended_steps}
    steps = [record for _, record in drill.timeline.ended_steps]

    def shown(step: StepRecord) -> Markup:
        output = words.cut(redact_lines(step.output), most.output).rstrip("\n")
        lines, began_s = output.count("\n") + 1 if output else 0, ran[id(step)].began.s
        return _templates().outcome(step, began_s, output, lines)

    file = runbook.find(drill.folder, paths.scenarios_dir() / Path(drill.scenario).name, steps)
    return runbook.render(file, steps, shown)


_PHASES = [str(name) for name in PhaseName]

_ALL = {1: "The drill", 2: "Both drills"}


def _headline(shown: Sequence[Shown]) -> str:
    if not shown:
        return "No drill was run"
    wrong = sum(not each.badge.as_expected for each in shown)
    without = sum(each.drill.result is None for each in shown)
    if wrong and wrong == without:
        have = "has" if wrong == 1 else "have"
        return "The drill has no result" if len(shown) == 1 else f"{wrong} of {len(shown)} drills {have} no result"
    how = "ended as expected" if any(each.drill.control for each in shown) else "passed"
    if not wrong:
        return f"{_ALL.get(len(shown), f'All {len(shown)} drills')} {how}"
    how = "end as expected" if how == "ended as expected" else "pass"
    return f"The drill did not {how}" if len(shown) == 1 else f"{wrong} of {len(shown)} drills did not {how}"


def _tally(shown: Sequence[Shown]) -> list[tuple[Badge, int]]:
    """How many drills ended how, those not as expected first."""
    order = list(detail.MARKS)
    counts = Counter(each.badge for each in shown)
    return sorted(counts.items(), key=lambda item: (item[0].as_expected, order.index(item[0].verdict), item[0].colour))


class _Templates(NamedTuple):
    """The templates' macros that make the details of a drill, and the outcome of a step."""

    body: Callable[..., Markup]
    outcome: Callable[..., Markup]


@functools.cache
def _templates() -> _Templates:
    drill, step = (vars(_template(name).module) for name in ("drill.html", "step.html"))
    return _Templates(drill["body"], step["outcome"])


@functools.cache
def _template(name: str) -> Template:
    return _environment().get_template(name)


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("promdrill.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {"seconds": words.seconds, "offset": words.offset, "when": words.when, "count": count}
    environment.globals["between"] = words.between
    return environment


def _packed(html: str) -> str:
    """What the script unpacks: base64 of a zlib stream."""
    return base64.b64encode(zlib.compress(html.encode(), LEVEL)).decode()


def _file(name: str) -> str:
    return (resources.files("promdrill.report.html") / "templates" / name).read_text(encoding="utf-8")
