"""The map of the architecture: the layers that import-linter enforces, drawn."""

from __future__ import annotations

import ast
import tomllib
from html import escape
from pathlib import Path
from typing import Any

import promdrill
from promdrill.core import paths
from promdrill_site.markdown import code, prose, table

WIDTH = 400
"""Units of the drawing: pixels where there is room for it, a little less on a phone."""

_BOX, _GAP, _LABEL, _PAD = 34, 12, 14, 10
_CHAR = 7.4  # pixels of a character of the label, at its size


def layers() -> list[list[str]]:
    """Modules of each layer, the highest layer first; what stands beside each other does not import each other.

    Raises:
        LookupError: pyproject.toml has no such contract.
    """
    data: dict[str, Any] = tomllib.loads((paths.project_dir() / "pyproject.toml").read_text(encoding="utf-8"))
    for contract in data["tool"]["importlinter"]["contracts"]:
        if contract["type"] == "layers" and contract.get("containers") == ["promdrill"]:
            rows = [str(layer).replace("|", ":").split(":") for layer in contract["layers"]]
            return [[name.strip(" ()") for name in row] for row in rows]
    raise LookupError("pyproject.toml: no layers of promdrill in [tool.importlinter]")


def packages() -> str:
    """What each package is: the first sentence of its own docstring, from the highest layer to the lowest.

    Raises:
        LookupError: One has no docstring.
    """
    rows = [(code(name), prose(_said(name))) for row in layers() for name in row]
    return table(("package", "what it is"), rows)


def _said(name: str) -> str:
    path = Path(promdrill.__file__).parent / name
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    said = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    if not said:
        raise LookupError(f"{file} has no docstring")
    return " ".join(said.partition("\n\n")[0].split())


def drawing() -> str:
    """The map as an SVG whose colours are the page's, with the same in words for who cannot see it."""
    rows = layers()
    shapes: list[str] = []
    top = 2.0
    for row in rows:
        top = _row(shapes, row, top)
    words = "; ".join(", ".join(row) for row in rows)
    body = "\n".join(shapes)
    return (
        '<div class="layers">\n'
        f'<svg viewBox="0 0 {WIDTH} {top:.0f}" role="img" aria-labelledby="layers-title layers-words">\n'
        '<title id="layers-title">The layers of promdrill</title>\n'
        f'<desc id="layers-words">From the highest to the lowest: {escape(words)}</desc>\n'
        f"{body}\n</svg>\n</div>"
    )


def _row(shapes: list[str], names: list[str], top: float) -> float:
    """Draw one layer; a layer that is too wide takes several lines. Returns where the next one begins."""
    lines: list[list[str]] = [[]]
    for name in names:
        if lines[-1] and _width([*lines[-1], name]) > WIDTH - 2 * _PAD:
            lines.append([])
        lines[-1].append(name)
    height = len(lines) * (_BOX + _PAD) + _PAD
    shapes.append(f'<rect class="layer" x="1" y="{top:.0f}" width="{WIDTH - 2}" height="{height}" rx="8"/>')
    for number, line in enumerate(lines):
        y = top + _PAD + number * (_BOX + _PAD)
        x = (WIDTH - _width(line)) / 2
        for name in line:
            width = _box(name)
            shapes.append(
                f'<rect class="module" x="{x:.1f}" y="{y:.0f}" width="{width:.1f}" height="{_BOX}" rx="5"/>'
                f'<text x="{x + width / 2:.1f}" y="{y + _BOX / 2 + _LABEL / 3:.1f}">{escape(name)}</text>'
            )
            x += width + _GAP
    return top + height + _GAP


def _box(name: str) -> float:
    return len(name) * _CHAR + 28


def _width(names: list[str]) -> float:
    return sum(map(_box, names)) + _GAP * (len(names) - 1)
