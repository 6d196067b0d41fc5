"""results.json as a JSON Schema, and as tables: both from the dataclasses that it is written from."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from promdrill.core import alerts, model
from promdrill_site.docstrings import attributes
from promdrill_site.markdown import code, prose, table

if TYPE_CHECKING:
    from sphinx.application import Sphinx

FILE = "results.schema.json"
"""Where the site has the schema, beside the page that shows it."""

_FOLDER = "reference"


def results() -> dict[str, Any]:
    """The schema of results.json.

    Raises:
        LookupError: A field has no meaning in its class's docstring.
    """
    made = msgspec.json.schema(model.RunResult)
    definitions: dict[str, Any] = made["$defs"]
    for name, definition in definitions.items():
        kind = getattr(model, name, None) or getattr(alerts, name)
        definition["description"] = re.sub(
            r"\bNone\b", "null", inspect.cleandoc(kind.__doc__ or "").partition("\n\n")[0]
        )
        said = attributes(kind)
        for field, form in definition.get("properties", {}).items():
            if field not in said:
                raise LookupError(f"{name}: its docstring does not say what {field} is")
            definition["properties"][field] = _with_meaning(form, said[field])
        definition.pop("default", None)
    run = definitions["RunResult"]
    number = {"const": model.RESULTS_SCHEMA, "description": "Version of this form; raised when a field changes."}
    run["properties"] = {"schema": number, **run["properties"]}
    run["required"] = ["schema", *run["required"]]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "results.json", **made}


def readable() -> str:
    """A table for each object of results.json, and a link to the schema."""
    definitions = results()["$defs"]
    parts = [f'<a href="{FILE}" download>{FILE}</a> is the same as a JSON Schema.']
    for name in sorted(definitions, key=_depth(definitions).__getitem__):
        if "properties" in definitions[name]:
            parts.extend(_object(name, definitions[name], definitions))
    return "\n\n".join(parts)


def publish(app: Sphinx, exception: Exception | None) -> None:
    """Put the schema beside its page."""
    if exception is None and app.builder.format == "html":
        folder = Path(app.outdir) / _FOLDER
        folder.mkdir(exist_ok=True)
        (folder / FILE).write_text(json.dumps(results(), indent=2) + "\n", encoding="utf-8")


def _with_meaning(form: dict[str, Any], meaning: str) -> dict[str, Any]:
    return {"description": re.sub(r"\bNone\b", "null", meaning), **form}


def _object(name: str, definition: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {name}"
    yield prose(definition["description"])
    needed = set(definition.get("required", ()))
    rows = [
        (
            code(field),
            ", ".join(_types(form, definitions)) + ("" if field in needed else ", optional"),
            prose(form["description"]),
        )
        for field, form in definition["properties"].items()
    ]
    yield table(("field", "type", "meaning"), rows)


def _types(form: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[str]:
    if "const" in form:
        yield code(str(form["const"]))
    elif "anyOf" in form:
        for each in form["anyOf"]:
            yield from _types(each, definitions)
    elif "$ref" in form:
        name = form["$ref"].rpartition("/")[2]
        values = definitions[name].get("enum")
        yield " or ".join(map(code, values)) if values else f"[{name}](#{name.lower()})"
    elif form.get("type") == "array":
        yield f"list of {', '.join(_types(form['items'], definitions))}"
    elif form.get("type") == "object":
        yield f"object of {', '.join(_types(form['additionalProperties'], definitions))}"
    else:
        yield str(form["type"])


def _depth(definitions: Mapping[str, Any]) -> dict[str, int]:
    """How far each definition is from the whole."""
    depth = {"RunResult": 0}
    waiting = ["RunResult"]
    for name in waiting:
        for other in definitions:
            if other not in depth and f'"#/$defs/{other}"' in json.dumps(definitions[name]):
                depth[other] = depth[name] + 1
                waiting.append(other)
    return depth
