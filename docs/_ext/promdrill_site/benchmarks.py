"""How long drills take: from one data file, which both the page of benchmarks and each incident's page show.

What the harness itself takes is a page that ``python -m bench`` made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promdrill.core.model import PhaseName
from promdrill.results.words import count
from promdrill_site.markdown import table

FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "book.json"
"""What ``promdrill bench --format json`` wrote of whole runs of the book."""

HARNESS = FILE.with_name("harness.md")
"""What ``make bench-docs`` wrote, pictures beside it."""

FLEET = FILE.with_name("fleet.md")
"""What ``make bench-fleet`` wrote."""

DRILLS = FILE.with_name("drills.md")
"""The same of runs of drills."""

BARE = FILE.with_name("bare.md")
"""What ``make bench-bare DOCS=1`` wrote."""

CORES, WARM, JOBS = (FILE.with_name(name) for name in ("cores.md", "warm.md", "jobs.md"))
"""What ``make bench DOCS=1`` wrote."""

UNKNOWN = "-"


def measured() -> Mapping[str, Mapping[str, Any]]:
    """The row of each scenario, by its id.

    Raises:
        LookupError: The file has a form that is not known here.
    """
    data = _data()
    return {row["scenario"]: row for row in data["rows"]}


def phase_row(row: Mapping[str, Any]) -> list[str]:
    """Whole seconds of each phase, then of all."""
    cells = [row["phases_s"].get(name) for name in PhaseName]
    return [_whole(each) for each in (*cells, row["all_s"]["median"])]


def book() -> str:
    """The medians of all scenarios, and what the runs as a whole took."""
    data = _data()
    rows = [[f"[{row['scenario']}](incidents/{row['scenario']}.md)", *phase_row(row)] for row in data["rows"]]
    sums = [sum(row["phases_s"].get(name) or 0 for row in data["rows"]) for name in PhaseName]
    sums.append(sum(row["all_s"]["median"] for row in data["rows"]))
    took = data["took_s"]
    lead = (
        f"Medians in seconds, over {count(took['count'], 'whole run')} of all {len(data['rows'])} drills on Kubernetes "
        f"{data['ground']['kubernetes']} with the profile `{data['ground']['profile']}`. The fastest took "
        f"{_minutes(took['least'])}, the slowest {_minutes(took['most'])}."
    )
    head = ("id", *map(str, PhaseName), "in\N{NO-BREAK SPACE}all")
    return f"{lead}\n\n{table(head, [*rows, ['sum', *map(_whole, sums)]], figures=True)}"


def fleet() -> str:
    """How long many cells take on many runners, as simulated."""
    return FLEET.read_text(encoding="utf-8").partition("-->\n\n")[2]


def harness() -> str:
    """What the harness takes without a cluster."""
    return _part(HARNESS)


def drills() -> str:
    """How soon drills know of changes, and what observing costs."""
    return _part(DRILLS)


def bare() -> str:
    """What a drill takes of what the same takes as a plain script."""
    return _part(BARE)


def cores() -> str:
    """What the cores do during the book."""
    return _part(CORES)


def warm() -> str:
    """What one drill takes from nothing, and again."""
    return _part(WARM)


def jobs() -> str:
    """How many drills an hour JOBS gives."""
    return _part(JOBS)


def _part(page: Path) -> str:
    """A page as a part of another one: headings are one level lower than its own."""
    if not page.is_file():
        return "Not measured yet."
    _, _, text = page.read_text(encoding="utf-8").partition("-->\n\n")
    lower = re.sub(r"^#", "##", text, flags=re.MULTILINE)
    return re.sub(r"^(!\[.*\]\()", rf"\1{page.parent.name}/", lower, flags=re.MULTILINE)


def _data() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    if data.get("schema") != 1:
        raise LookupError(f"{FILE.name}: schema {data.get('schema')} is not known")
    return data


def _whole(seconds: float | None) -> str:
    return UNKNOWN if seconds is None else f"{seconds:.0f}"


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"
