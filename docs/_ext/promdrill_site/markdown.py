"""Markdown that is put together by hand: tables, and text from docstrings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, figures: bool = False) -> str:
    """A table.

    Args:
        head: Names of the columns.
        rows: Their cells, in Markdown.
        figures: Whether all columns but the first hold figures, which are aligned to the right.
    """
    rule = ["---", *(("--:" if figures else "---") for _ in head[1:])]
    return "\n".join(_row(cells) for cells in (head, rule, *rows))


def code(text: str) -> str:
    """Text as code, whatever backticks it holds."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def prose(text: str) -> str:
    """A docstring's text as Markdown: code in double backticks has single ones, and nothing else is markup."""
    pieces = re.split(r"``(.+?)``|`(.+?)`", " ".join(text.split()))
    plain, double, single = pieces[::3], pieces[1::3], pieces[2::3]
    out = escape(plain[0])
    for first, second, rest in zip(double, single, plain[1:], strict=True):
        out += code(first or second) + escape(rest)
    return out


def escape(text: str) -> str:
    """Plain text, so that no character of it is markup."""
    return re.sub(r"([\\*_<>\[\]{}$])", r"\\\1", text)


def sentence(text: str) -> str:
    """A meaning, with a capital and a period."""
    text = text.strip()
    return text if not text else f"{text[0].upper()}{text[1:]}{'' if text.endswith(('.', '?', '!', ':')) else '.'}"


def _row(cells: Sequence[str]) -> str:
    shown = [cell.replace("|", r"\|") for cell in cells]
    return f"| {' | '.join(shown)} |"
