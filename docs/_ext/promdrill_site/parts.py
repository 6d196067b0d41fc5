"""What a page says of the code is made of the code: the fence ``from-code`` names a part, and becomes its Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from sphinx.util import logging

from promdrill_site import benchmarks, commands, events, incidents, layers, own_alerts, schema, tables, vocabulary

if TYPE_CHECKING:
    from sphinx.application import Sphinx

LOGGER = logging.getLogger(__name__)

PARTS: Mapping[str, Callable[[], str]] = {
    "bare": benchmarks.bare,
    "benchmarks": benchmarks.book,
    "commands": commands.all_commands,
    "conditions": vocabulary.conditions,
    "cores": benchmarks.cores,
    "drill": vocabulary.drill,
    "drills": benchmarks.drills,
    "environment": tables.environment,
    "events": events.journal,
    "exit-codes": tables.exit_codes,
    "faults": vocabulary.faults,
    "fleet": benchmarks.fleet,
    "harness": benchmarks.harness,
    "images": vocabulary.images,
    "incidents": incidents.index,
    "jobs": benchmarks.jobs,
    "layers": layers.drawing,
    "markers": vocabulary.markers,
    "moments": vocabulary.moments,
    "own-alerts": own_alerts.entries,
    "packages": layers.packages,
    "phases": tables.phases,
    "report-files": tables.report_files,
    "results": schema.readable,
    "variables": tables.variables,
    "verdicts": tables.verdicts,
    "warm": benchmarks.warm,
    "wordings": vocabulary.wordings,
}
"""What can be asked for, and what makes it."""

FENCE = re.compile(r"^```\{from-code\} *(\S*)\n```$", re.MULTILINE)


def fill_in(app: Sphinx, page: str, source: list[str]) -> None:
    """Put the parts that a page asks for into its text, before it is parsed."""

    def part(found: re.Match[str]) -> str:
        app.env.note_reread()  # what it is made of is no file that Sphinx looks at
        try:
            return made(found[1])
        except LookupError as error:
            LOGGER.warning("%s", error, location=page)
            return ""

    source[0] = FENCE.sub(part, source[0])


def made(name: str) -> str:
    """One part, in Markdown.

    Raises:
        LookupError: There is no such part, or the code does not say what the part needs.
    """
    if name not in PARTS:
        raise LookupError(f"no part is called {name!r}; there are {', '.join(PARTS)}")
    return PARTS[name]()
