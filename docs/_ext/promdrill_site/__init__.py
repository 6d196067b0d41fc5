"""The site's own Sphinx extension: reference and incident pages are made of the code when the site is built.

Nothing that it generates is committed, so nothing can be out of date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from promdrill_site import built, incidents, links, parts, public, references, schema

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, Any]:
    """Register everything, as Sphinx asks every extension to."""
    app.connect("builder-inited", incidents.write_pages)
    app.connect("builder-inited", public.check)
    app.connect("source-read", parts.fill_in)
    app.connect("autodoc-process-signature", references.signature)
    app.connect("doctree-read", links.check, priority=400)  # before Sphinx collects files to copy
    app.connect("missing-reference", references.resolve)
    app.connect("build-finished", schema.publish, priority=400)
    app.connect("build-finished", built.check, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
