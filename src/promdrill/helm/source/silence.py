"""Whether a chart repository answers."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable

import requests

from promdrill.helm.source.repositories import shown

ASK_S = 6.0
"""Seconds that a repository has to begin an answer."""


def silence(repo: str, *, get: Callable[..., requests.Response] = requests.get, within_s: float = ASK_S) -> str:
    """What happened when a repository was asked for its index; empty if it answers. A registry is not asked.

    Args:
        repo: As in `promdrill.helm.source.repositories.pull`.
        get: Sends the request, as ``requests.get``.
        within_s: Seconds that it has to answer, including the DNS lookup.
    """
    if repo.startswith("oci://"):
        return ""
    said: queue.Queue[str] = queue.Queue()

    def ask() -> None:
        try:
            with get(f"{repo.rstrip('/')}/index.yaml", timeout=within_s, stream=True) as answer:
                said.put("" if answer.ok else f"{shown(repo)} answered {answer.status_code}")
        except requests.RequestException:
            said.put(f"{shown(repo)} cannot be reached")

    # a thread, because a DNS lookup has no deadline; one that hangs is left behind
    threading.Thread(target=ask, name="ask-repository", daemon=True).start()
    with contextlib.suppress(queue.Empty):
        return said.get(timeout=within_s)
    return f"{shown(repo)} did not answer within {within_s:g} s"
