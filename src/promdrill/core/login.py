"""The login of a Prometheus that asks for one: HTTP's basic authentication, from a file of the user's.

A file, because what is typed is seen in lists of processes, and recorded with the settings of a run.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from promdrill.core import reading
from promdrill.core.errors import UsageError
from promdrill.core.redact import hide

LARGEST_BYTES = 4096
"""Size limit of the file: names and passwords of people are shorter, and so are made ones."""

VARIABLE = "PROMETHEUS_LOGIN"
"""Variable of a runbook's steps with the login as addresses take it: ``http://$PROMETHEUS_LOGIN@localhost:9090``."""


@dataclass(frozen=True, slots=True)
class Login:
    """A user and a password.

    Attributes:
        user: The user's name, which has no colon.
        password: The password.
    """

    user: str
    password: str = field(repr=False)

    @property
    def header(self) -> str:
        """The value of the header ``Authorization`` (RFC 7617), in UTF-8."""
        return f"Basic {base64.b64encode(f'{self.user}:{self.password}'.encode()).decode()}"

    @property
    def in_address(self) -> str:
        """``user:password`` as it stands in an address, percent-encoded (RFC 3986, 3.2.1)."""
        return f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"


def read(file: Path) -> Login:
    """The login in a file whose only line is ``user:password``. From then on no text that is shown or kept has it.

    Raises:
        UsageError: It cannot be read, or says something else: names file and line, and never what stands there.
    """
    name, hint = reading.shown(file), "its only line is user:password"
    text = reading.text_of(file, limit_bytes=LARGEST_BYTES)
    line, *rest = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    user, colon, password = line.partition(":")
    odd = next((at for at, character in enumerate(line) if not character.isprintable()), None)
    if rest:
        raise UsageError(f"{name}:2: a second line", hint=hint)
    if odd is not None:
        raise UsageError(f"{name}:1:{odd + 1}: {line[odd]!a}, a character that does not show", hint=hint)
    if not line:
        raise UsageError(f"{name}:1: empty", hint=hint)
    if not colon:
        raise UsageError(f"{name}:1: no colon between user and password", hint=hint)
    if not user or not password:
        raise UsageError(f"{name}:1: no {'password' if user else 'user'}", hint=hint)
    found = Login(user, password)
    hide(line, found.in_address, found.header.partition(" ")[2])
    return found
