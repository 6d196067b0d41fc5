"""The directive ``from-code``: what a page says of the code is made of the code, while the site is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from promdrill_site import benchmarks, commands, events, incidents, layers, schema, tables, vocabulary

PARTS: Mapping[str, Callable[[], str]] = {
    "benchmarks": benchmarks.book,
    "commands": commands.all_commands,
    "conditions": vocabulary.conditions,
    "environment": tables.environment,
    "exit-codes": tables.exit_codes,
    "faults": vocabulary.faults,
    "events": events.journal,
    "incidents": incidents.index,
    "layers": layers.drawing,
    "markers": vocabulary.markers,
    "moments": vocabulary.moments,
    "phases": tables.phases,
    "report-files": tables.report_files,
    "results": schema.readable,
    "variables": tables.variables,
    "verdicts": tables.verdicts,
}
"""What can be asked for, and the Markdown that it becomes."""


class FromCode(SphinxDirective):
    """One part of `PARTS`, in place of the directive."""

    required_arguments = 1
    option_spec: ClassVar = {}

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        if name not in PARTS:
            raise self.error(f"nothing is called {name!r}; there are {', '.join(PARTS)}")
        try:
            text = PARTS[name]()
        except LookupError as error:
            raise self.error(f"{name}: {error}") from error
        self.env.note_reread()  # what it is made of is no file that Sphinx looks at
        return self.parse_text_to_nodes(text, allow_section_headings=True)
