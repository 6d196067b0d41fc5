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
    for link in list(doctree.findall(addnodes.download_reference)):
        _to_repository(page, link)
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
    if parts.scheme in {"", "mailto"}:
        return None
    if parts.scheme not in {"http", "https"}:
        return "an address that is neither http nor https"
    if parts.hostname in {"localhost", "127.0.0.1"}:
        return None
    if parts.scheme == "http":
        return "an address without https"
    if not _HOST.fullmatch(parts.hostname or ""):
        return "an address without a full host name"
    if re.search(r"\s|[<>\"]|[.,;:]$", address):
        return "an address with a blank, a quote, or a full stop at its end"
    return None


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


def _to_repository(page: Path, link: addnodes.download_reference) -> None:
    """Turn a link to a file outside docs/ into one to the repository: the site does not carry such files."""
    docs = paths.project_dir() / "docs"
    file = (page.parent / link["reftarget"].partition("#")[0]).resolve()
    if file.is_relative_to(docs):
        return
    try:
        address = in_repository(file)
    except LookupError as error:
        LOGGER.warning("%s", error, location=link)
        return
    link.replace_self(nodes.reference("", "", *link.children, refuri=address, internal=False))
