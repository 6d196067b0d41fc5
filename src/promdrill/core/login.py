"""The login of a Prometheus that asks for one, and the authority of one that speaks TLS, from a file of the user's.

The login is HTTP's basic authentication. A file, because what is typed is seen in lists of processes, and recorded with
the settings of a run.
"""

from __future__ import annotations

import base64
import re
import ssl
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from promdrill.core import reading
from promdrill.core.errors import UsageError
from promdrill.core.redact import hide

LARGEST_BYTES = 4096
"""Size limit of the file: names and passwords of people are shorter, and so are made ones."""

VARIABLE = "PROMETHEUS_LOGIN"
"""Variable of a runbook's steps with the login as addresses take it: ``http://$PROMETHEUS_LOGIN@localhost:9090``."""


_AUTHORITY = re.compile(r"ca\s*=\s*(?P<file>\S.*?)\s*")
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")
_HINT = "user:password in one line, ca = FILE in another, or one of them"


@dataclass(frozen=True, slots=True)
class Login:
    """A user and a password, and whom to trust.

    Attributes:
        user: The user's name, which has no colon; empty where no login is asked for.
        password: The password.
        authority: Certificates in PEM, one of which has signed the server's; empty for one that does not speak TLS.
    """

    user: str = ""
    password: str = field(default="", repr=False)
    authority: str = field(default="", repr=False)

    @property
    def header(self) -> str:
        """The value of the header ``Authorization`` (RFC 7617), in UTF-8."""
        return f"Basic {base64.b64encode(f'{self.user}:{self.password}'.encode()).decode()}"

    @property
    def in_address(self) -> str:
        """``user:password`` as it stands in an address, percent-encoded (RFC 3986, 3.2.1)."""
        return f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"

    @property
    def variables(self) -> dict[str, str]:
        """What a runbook's steps get: `VARIABLE`, where there is a user."""
        return {VARIABLE: self.in_address} if self.user else {}

    @property
    def tls(self) -> ssl.SSLContext | None:
        """Trusts what the authority has signed, whatever its name is; None for a server that does not speak TLS.

        A drill's Service has another name than the user's, which its certificate is for. The authority may be the
        server's own certificate, and need not say that it is one, as self-made ones do not.

        Raises:
            ssl.SSLError: The authority is no certificate.
            ValueError: Likewise.
        """
        if not self.authority:
            return None
        context = ssl.create_default_context(cadata=self.authority)
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on
        return context


def read(file: Path) -> Login:
    """The login in a file. From then on no text that is shown or kept has its password.

    A line of it is ``user:password``, another ``ca = FILE``: a file with certificates in PEM, whose path is relative to
    this file's folder. One of the two may be missing.

    Raises:
        UsageError: It cannot be read, or says something else: names file and line, and never what stands there.
    """
    name = reading.shown(file)
    text = reading.text_of(file, limit_bytes=LARGEST_BYTES)
    found = Login()
    for number, line in enumerate(text.replace("\r\n", "\n").removesuffix("\n").split("\n"), 1):
        place = f"{name}:{number}"
        if authority := _AUTHORITY.fullmatch(line):
            if found.authority:
                raise UsageError(f"{place}: a second ca", hint=_HINT)
            found = replace(found, authority=_certificates(file.parent / authority["file"], place))
            continue
        if found.user:
            raise UsageError(f"{place}: a second line", hint=_HINT)
        user, password = _pair(line, place)
        found = replace(found, user=user, password=password)
        hide(line, found.in_address, found.header.partition(" ")[2])
    return found


def _pair(line: str, place: str) -> tuple[str, str]:
    """The user and the password of a line."""
    user, colon, password = line.partition(":")
    odd = next((at for at, character in enumerate(line) if not character.isprintable()), None)
    if odd is not None:
        raise UsageError(f"{place}:{odd + 1}: {line[odd]!a}, a character that does not show", hint=_HINT)
    if not line:
        raise UsageError(f"{place}: empty", hint=_HINT)
    if not colon:
        raise UsageError(f"{place}: no colon between user and password", hint=_HINT)
    if not user or not password:
        raise UsageError(f"{place}: no {'password' if user else 'user'}", hint=_HINT)
    return user, password


def _certificates(file: Path, place: str) -> str:
    """The certificates of a file, without what else it has, such as a key."""
    try:
        text = reading.text_of(file)
    except UsageError as error:
        raise UsageError(f"{place}: ca: {error.message}", hint=_HINT) from error
    found = "\n".join(_CERTIFICATE.findall(text))
    try:
        trusts = Login(authority=found).tls is not None
    except (ssl.SSLError, ValueError):
        trusts = False
    if not trusts:
        raise UsageError(f"{place}: ca: {reading.shown(file)} has no certificate in PEM", hint=_HINT)
    return found
