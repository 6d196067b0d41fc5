"""The journal's events, from their dataclasses."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
from collections.abc import Iterator
from typing import Any

from promdrill_site.docstrings import attributes, summary
from promdrill_site.markdown import code, prose, sentence, table

NOT_YET = "This version has no typed events."

HOMES = ("promdrill.core.events", "promdrill.events")
"""Where the events are defined: the first of these that there is."""


def journal() -> str:
    """A section for each event, with its fields."""
    module = _module()
    if module is None:
        return NOT_YET
    return "\n\n".join(part for kind in module.kinds().values() for part in _section(kind))


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


def _module() -> Any:
    for name in HOMES:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError:
            continue
    return None
