"""The whole page: load, summarise, draw, and fill the templates."""

from __future__ import annotations

import base64
import functools
import hashlib
import textwrap
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from promdrill.core import paths
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
    environment = _environment()
    script = _file("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    yield from environment.get_template("page.html").generate(
        columns=columns,
        shown=everything,
        style=Markup(_file("page.css")),  # noqa: S704  ours
        script=Markup(script),  # noqa: S704  ours
        script_hash=digest,
        lazy=len(everything) > MOST_AT_ONCE,
        phases=[str(name) for name in PhaseName],
        headline=_headline(everything),
        tally=_tally(everything),
        wrong=_wrong(columns, shown),
        most_wrong=MOST_WRONG,
        grid=overview.grid(columns, shown),
        warned=warned.warned(columns, shown),
        recovery=overview.recovery(everything, changes.recovered if changes else {}),
        slowest=overview.slowest(everything if len(everything) > 1 else (), names if len(columns) > 1 else {}),
        changes=changes,
        details=_details(columns, shown, beside, most),
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
    columns: Sequence[Column], shown: Mapping[int, Sequence[Shown]], beside: Path, most: Limits
) -> Iterator[dict[str, object]]:
    """What the template needs for each drill, one after the other, by name and then by column."""
    pairs = [(each, at) for at, drills in shown.items() for each in drills]
    for each, at in sorted(pairs, key=lambda pair: (pair[0].drill.row, pair[1])):
        drill = opened(each.drill)
        found = detail.context(drill, columns[at], beside=beside, most=most)
        yield {**found, "anchor": each.anchor, "runbook": _runbook(drill, most)}


def _runbook(drill: Drill, most: Limits) -> runbook.Rendered:
    template = _environment().get_template("step.html")

    ran = {id(record): step for step, record in drill.timeline.ended_steps}
    steps = [record for _, record in drill.timeline.ended_steps]

    def shown(step: StepRecord) -> Markup:
        output = words.cut(redact_lines(step.output), most.output).rstrip("\n")
        lines, began_s = output.count("\n") + 1 if output else 0, ran[id(step)].began.s
        return Markup(template.render(step=step, began_s=began_s, output=output, lines=lines))  # noqa: S704  escaped

    file = runbook.find(drill.folder, paths.scenarios_dir() / Path(drill.scenario).name, steps)
    return runbook.render(file, steps, shown)


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


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("promdrill.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "seconds": words.seconds,
        "offset": words.offset,
        "when": words.when,
        "count": count,
        "packed": _packed,
    }
    environment.globals["between"] = words.between
    return environment


def _packed(html: Markup) -> Markup:
    """What the script unpacks: base64 of a zlib stream."""
    return Markup(base64.b64encode(zlib.compress(str(html).encode(), 9)).decode())  # noqa: S704  base64


def _file(name: str) -> str:
    return (resources.files("promdrill.report.html") / "templates" / name).read_text(encoding="utf-8")
