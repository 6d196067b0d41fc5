"""Text for a terminal: what a container logged or a stranger wrote must not act on it, nor give a secret away.

Everything that promdrill prints goes through here at the door out: `promdrill.cli.parser` for commands,
`promdrill.core.console` for tables and views, `promdrill.plugin.session` for what pytest shows.
"""

from __future__ import annotations

import re

from promdrill.core.redact import redact_lines

_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, the cursor
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)"  # OSC and its like: titles, links
)


def printable(text: str) -> str:
    """The text with nothing in it that acts on a terminal; its lines and tabs stay.

    Colours and titles go whole. Any other control character, one that changes the direction of the writing, and half of
    a surrogate pair become a space.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _SEQUENCE.sub("", text).replace("\r\n", "\n")
    return "".join(char if char.isprintable() or char in "\n\t" else " " for char in text)


def one_line(text: object) -> str:
    """The text as one printable line."""
    return " ".join(printable(str(text)).split())


def shown(text: str) -> str:
    """The text as it may be shown to anybody: printable, and without credentials."""
    return printable(redact_lines(text))
