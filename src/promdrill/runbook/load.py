"""Read any runbook: one in promdrill's own form strictly, any other as it was published.

A file is in promdrill's form if its front matter has an ``id`` and no ``.drill.toml`` lies beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from promdrill.core import reading
from promdrill.core.errors import UsageError
from promdrill.core.reading import Unreadable
from promdrill.runbook.lint import lint
from promdrill.runbook.parse import Runbook, parse
from promdrill.runbook.published import beside, steps
from promdrill.runbook.published.assess import assess
from promdrill.runbook.published.document import front_length
from promdrill.runbook.published.judged import Assessment
from promdrill.runbook.source import LIMIT_BYTES, SourceText, read

_OWN = re.compile(r"""(?:id|"id"|'id')\s*:""")
_FORMATS = (
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "an archive or an office document"),
    (b"\xd0\xcf\x11\xe0", "an office document"),
    (b"{\\rtf", "rich text"),
    (b"\x89PNG", "a picture"),
    (b"\x1f\x8b", "a compressed file"),
    (b"<!DOCTYPE", "HTML"),
    (b"<!doctype", "HTML"),
    (b"<html", "HTML"),
)


def load(path: Path, bound: Mapping[str, str] | None = None) -> Runbook:
    """A runbook that can be run, checked down to the syntax of its commands. Nothing of it is run.

    Args:
        path: The file.
        bound: Values for placeholders, by name; only of one that is read as published.

    Raises:
        UsageError: ``file:line: what`` for what is wrong with it, or what of its remedy cannot be run.
        CommandFailed: bash is missing.
    """
    source = text_of(path)
    if is_own(source):
        if bound:
            what = f"BIND: {path} is in promdrill's own form, which has variables instead of placeholders"
            raise UsageError(what, hint="leave BIND out, and set its variables")
        return strictly(path)
    return steps.runbook(assessed(source, bound or {}))


def strictly(path: Path) -> Runbook:
    """A runbook that must be in promdrill's own form, such as a scenario's, with the syntax of its steps checked.

    Raises:
        UsageError: ``file:line:column: rule`` for what is wrong with it.
        CommandFailed: bash is missing.
    """
    found = parse(path)
    lint(found)
    return found


def assessed(source: SourceText, bound: Mapping[str, str]) -> Assessment:
    """A published runbook, judged command by command.

    Raises:
        UsageError: It is empty, or the file beside it is wrong.
        CommandFailed: bash is missing.
    """
    return assess(source, beside.read(source.path), bound)


def is_own(source: SourceText) -> bool:
    """Whether a runbook is in promdrill's own form."""
    if source.lines[0].rstrip() != "---" or beside.of(source.path).is_file():
        return False
    front = source.lines[: front_length(source) or len(source.lines)]
    return any(_OWN.match(line) for line in front)


def text_of(path: Path) -> SourceText:
    """The text of a runbook.

    Raises:
        Unreadable: It cannot be read, is too large, or is no text but a PDF or the like.
    """
    content = reading.bytes_of(path, limit_bytes=LIMIT_BYTES)
    for magic, what in _FORMATS:
        if content.startswith(magic):
            why = f"it is {what}, and a runbook is Markdown"
            raise Unreadable(reading.shown(path), why, hint="export it as Markdown, or paste its text into a .md file")
    return read(path)
