"""HTTP answers, of the API server and of what is asked through it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

_NOT_TLS = "Client sent an HTTP request to an HTTPS server."


def speaks_tls(status: int | None, text: str) -> bool:
    """Whether an answer is that of a server that speaks TLS, and was asked without: it has done nothing else.

    Go's net/http answers so (Server.Serve), and so does Prometheus.

    Args:
        status: HTTP status.
        text: The body.
    """
    return status == HTTPStatus.BAD_REQUEST and text.strip() == _NOT_TLS


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer.

    Attributes:
        status: HTTP status.
        text: The body.
        took_s: Seconds.
    """

    status: int
    text: str
    took_s: float

    def json(self) -> Any:
        """The body as JSON; raises ValueError if it is not JSON."""
        return json.loads(self.text)
