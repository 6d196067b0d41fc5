"""CHANGELOG.md, in the form of Keep a Changelog: the section of a version is the text of its release."""

from __future__ import annotations

import re

from promdrill.core.errors import UsageError

_HEADING = re.compile(r"^## \[(?P<version>[^\]]+)\](?: - (?P<day>\d{4}-\d{2}-\d{2}))?\s*$", re.MULTILINE)
_LINKS = re.compile(r"^\[[^\]]+\]: \S+\s*$", re.MULTILINE)


def section(text: str, version: str) -> str:
    """What the changelog says of a version, without its heading.

    Raises:
        UsageError: It has no section of that version, or one without a date or without a word.
    """
    for heading, said in _sections(text):
        if heading["version"] != version:
            continue
        if heading["day"] is None:
            raise UsageError(f"CHANGELOG.md: [{version}] has no date", hint=f"## [{version}] - YYYY-MM-DD")
        if not said:
            raise UsageError(f"CHANGELOG.md: [{version}] says nothing", hint="write what changed for whoever uses it")
        return said
    raise UsageError(
        f"CHANGELOG.md has no section of {version}", hint=f"## [{version}] - YYYY-MM-DD, below [Unreleased]"
    )


def newest(text: str) -> str:
    """The newest version that has a section: the first below ``[Unreleased]``.

    Raises:
        UsageError: None has.
    """
    for heading, _ in _sections(text):
        if heading["version"] != "Unreleased":
            return heading["version"]
    raise UsageError("CHANGELOG.md has no section of a version", hint="## [0.1.0] - YYYY-MM-DD, below [Unreleased]")


def _sections(text: str) -> list[tuple[re.Match[str], str]]:
    headings = list(_HEADING.finditer(text))
    ends = [heading.start() for heading in headings[1:]] + [len(text)]
    return [
        (heading, _LINKS.sub("", text[heading.end() : end]).strip())
        for heading, end in zip(headings, ends, strict=True)
    ]
