"""The journal's events, from their dataclasses."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from promdrill.core import events
from promdrill_site.docstrings import attributes, summary
from promdrill_site.markdown import code, prose, sentence, table


def journal() -> str:
    """A section for each event, with its fields."""
    return "\n\n".join(part for kind in events.kinds().values() for part in _section(kind))


def _section(kind: type[Any]) -> Iterator[str]:
    yield f"## {kind.name}"
    yield prose(summary(kind))
    said = attributes(kind)
    rows = []
    for field in dataclasses.fields(kind):
        if field.name not in said:
            raise LookupError(f"{kind.__qualname__}: its docstring does not say what {field.name} is")
        rows.append((code(field.name), code(str(field.type)), sentence(prose(said[field.name]))))
    if rows:
        yield table(("field", "type", "meaning"), rows)
