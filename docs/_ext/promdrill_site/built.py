"""A site as it was built: every link leads to a page and an anchor that are there, and nothing comes from elsewhere.

Sphinx warns of most dead links while it reads. This looks at what a browser gets, however it was made.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from sphinx.util import logging

if TYPE_CHECKING:
    from sphinx.application import Sphinx

LOGGER = logging.getLogger(__name__)

LOADED = {"script": "src", "img": "src", "source": "src", "iframe": "src", "link": "href", "use": "href"}
"""Attributes whose address a browser asks for by itself."""

_IMPORTED = re.compile(r"@import[^;]*|url\(\s*['\"]?([^'\")]+)")


@dataclass
class Page(HTMLParser):
    """What one page links to, loads, and offers as anchors."""

    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take down what one tag says."""
        said = {name: value or "" for name, value in attrs}
        self.anchors |= {said[name] for name in ("id", "name") if said.get(name)}
        if tag == "a" and said.get("href"):
            self.links.append(said["href"])
        wanted = LOADED.get(tag)
        if wanted and said.get(wanted) and said.get("rel") not in {"search", "next", "prev", "index", "canonical"}:
            self.loads.append(said[wanted])


def problems(site: Path) -> Iterator[str]:
    """Dead links and foreign parts, a line each: page, then what is wrong.

    Args:
        site: The folder with the built pages.
    """
    pages = {path: _read(path) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        shown = path.relative_to(site)
        for link in page.links:
            wrong = _dead(path, link, pages)
            if wrong:
                yield f"{shown}: {wrong}: {link}"
        for part in page.loads:
            parts = urlsplit(part)
            if parts.scheme not in {"", "data"} or parts.netloc:
                yield f"{shown}: is loaded from elsewhere: {part}"
            elif parts.path and not parts.scheme and not _target(path, parts.path).exists():
                yield f"{shown}: is not there: {part}"
    for path in sorted(site.rglob("*.css")):
        for address in _IMPORTED.findall(path.read_text(encoding="utf-8")):
            if urlsplit(address).netloc:
                yield f"{path.relative_to(site)}: is loaded from elsewhere: {address}"


def check(app: Sphinx, exception: Exception | None) -> None:
    """Warn of each, which is an error in `make docs`."""
    if exception is None and app.builder.format == "html":
        for line in problems(Path(app.outdir)):
            LOGGER.warning("%s", line)


def _read(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def _dead(path: Path, link: str, pages: dict[Path, Page]) -> str | None:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    target = _target(path, parts.path)
    if not target.exists():
        return "no such page"
    anchor = unquote(parts.fragment)
    if anchor and target in pages and anchor not in pages[target].anchors:
        return "no such anchor"
    return None


def _target(path: Path, relative: str) -> Path:
    target = (path.parent / unquote(relative)).resolve() if relative else path
    return target / "index.html" if target.is_dir() else target


if __name__ == "__main__":
    lines = list(problems(Path(sys.argv[1]).resolve()))
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    raise SystemExit(bool(lines))
