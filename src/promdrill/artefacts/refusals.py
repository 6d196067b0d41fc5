"""What Docker and Helm say when they get nothing from a server, put into words."""

from __future__ import annotations

import re

from promdrill.core.errors import CommandFailed

_REFUSALS = (  # what Docker and Helm say, in lower case, and what it means
    ("unauthorized", "wants credentials"),
    ("no basic auth credentials", "wants credentials"),
    ("authentication required", "wants credentials"),
    ("401", "wants credentials (401)"),
    ("denied", "refuses access"),
    ("403", "refuses access (403)"),
    ("manifest unknown", "does not have it"),
    ("not found", "does not have it"),
    ("404", "does not have it (404)"),
    ("toomanyrequests", "has had too many requests from this network"),
    ("timeout", "does not answer"),
    ("deadline exceeded", "does not answer"),
    ("x509", "has no certificate that is trusted here"),
    ("connection refused", "cannot be reached"),
    ("no such host", "cannot be reached: no such host"),
)


def meaning(address: str, error: CommandFailed) -> str:
    """What a failed pull means, in words; the command's own last line if the failure is not a known one."""
    said = error.output.lower()
    for needle, words in _REFUSALS:
        if re.search(rf"\b{needle}\b", said):  # a digest may contain any digits, but not as a word
            return f"{address} {words}"
    lines = [line for line in error.output.splitlines() if line.strip()]
    return lines[-1].strip() if lines else error.outcome
