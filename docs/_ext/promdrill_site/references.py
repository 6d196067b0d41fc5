"""Names in docstrings that have no page: shown as code, where a promise of a page was never made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from docutils import nodes

_NO_PYTHON = re.compile(r"<[^<>]*>")
"""A default as ``<factory>``, with which Sphinx cannot read a signature."""

if TYPE_CHECKING:
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment


def resolve(
    _app: Sphinx, _env: BuildEnvironment, node: pending_xref, shown: nodes.TextElement
) -> nodes.TextElement | None:
    """A name in backticks in a docstring, or a type in a signature, may be one that the site does not describe.

    What is written as a link in Markdown is none of these, and stays an error.
    """
    in_docstring = node.get("refdomain") == "py" and node.get("reftype") in {"obj", "class", "data", "exc"}
    return shown if in_docstring else None


def signature(
    _app: Sphinx, _what: str, _name: str, _documented: object, _options: object, shown: str | None, result: str | None
) -> tuple[str | None, str | None]:
    """A signature whose defaults can all be read as Python."""
    return _NO_PYTHON.sub("...", shown) if shown else shown, result
