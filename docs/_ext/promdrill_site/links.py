"""Links of a page: files of the checkout become addresses, and addresses of other sites are checked for their form."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from docutils import nodes
from sphinx import addnodes
from sphinx.util import logging

from promdrill.core import paths

if TYPE_CHECKING:
    from sphinx.application import Sphinx

REPOSITORY = "https://github.com/promdrill/promdrill"

LOGGER = logging.getLogger(__name__)

_HOST = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}")


def check(app: Sphinx, doctree: nodes.document) -> None:
    """Go through the links of a page that has been read."""
    page = Path(app.env.doc2path(app.env.current_document.docname))
    for link in [*doctree.findall(addnodes.download_reference), *doctree.findall(addnodes.pending_xref)]:
        file = _outside(app, page, link)
        if file is not None:
            link.replace_self(nodes.reference("", "", *link.children, refuri=in_repository(file), internal=False))
    for reference in doctree.findall(nodes.reference):
        wrong = malformed(reference.get("refuri", ""))
        if wrong:
            LOGGER.warning("%s: %s", wrong, reference["refuri"], location=reference)


def malformed(address: str) -> str | None:
    """What is wrong with the form of an address on another site; None for nothing, and for what is no such address."""
    try:
        parts = urlsplit(address)
    except ValueError as error:
        return f"not an address ({error})"
    if parts.scheme in {"", "mailto"} or parts.hostname in {"localhost", "127.0.0.1"}:
        return None
    rules = {
        "an address without https": parts.scheme == "https",
        "an address without a full host name": _HOST.fullmatch(parts.hostname or ""),
        "an address with a blank, a quote, or a full stop at its end": not re.search(r"[\s<>\"]|[.,;:]$", address),
    }
    return next((wrong for wrong, kept in rules.items() if not kept), None)


def in_repository(file: Path) -> str:
    """The address of a file or folder of the checkout.

    Raises:
        LookupError: There is no such file.
    """
    root = paths.project_dir().resolve()
    found = file.resolve()
    if not found.exists() or not found.is_relative_to(root):
        raise LookupError(f"no such file in the repository: {file}")
    kind = "tree" if found.is_dir() else "blob"
    return f"{REPOSITORY}/{kind}/main/{found.relative_to(root).as_posix()}"


def _outside(app: Sphinx, page: Path, link: nodes.Element) -> Path | None:
    """The file or folder of the checkout that a link leads to; None for one of the site, and for one that is dead."""
    target = str(link["reftarget"]).partition("#")[0]
    if link.get("refdomain") == "doc":  # MyST's name of a page, absolute where it is no page of the site
        target += ".md"
    elif isinstance(link, addnodes.pending_xref) and link.get("reftype") != "myst":
        return None
    docs, root = Path(app.srcdir), paths.project_dir().resolve()
    file = (page.parent / target).resolve()
    outside = target and file.exists() and file.is_relative_to(root) and not file.is_relative_to(docs)
    return file if outside else None
