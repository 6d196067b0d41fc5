"""The scrape jobs with which a Prometheus scrapes itself, at an address of its own or with its login."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from promdrill.core.login import Login
from promdrill.observe.server import Server

_PORT = 9090


def scraping_itself(
    jobs: Sequence[Mapping[str, Any]], server: Server, login: Login | None = None
) -> list[Mapping[str, Any]]:
    """The scrape jobs with the server's own address and its login; nothing where it has the usual one and no login.

    Args:
        jobs: Scrape jobs in Prometheus' own format.
        server: The server.
        login: The login that it asks for, which the job of its own then has; None for none. If it has an authority,
            the server speaks TLS: the job does not check whom it scrapes, which is the server itself, by a name that no
            certificate of the user's has.
    """
    usual, address = f"localhost:{_PORT}", f"localhost:{server.pod_port}"
    if (server.prefix, address, login) == ("", usual, None):
        return []
    known: dict[str, Any] = {}
    if login is not None and login.user:
        known["basic_auth"] = {"username": login.user, "password": login.password}
    if login is not None and login.authority:
        known |= {"scheme": "https", "tls_config": {"insecure_skip_verify": True}}
    changed: list[Mapping[str, Any]] = []
    for job in jobs:
        groups = job.get("static_configs") or ()
        if any(usual in group.get("targets", ()) for group in groups):
            path = f"{server.prefix}{job.get('metrics_path', '/metrics')}"
            moved = [
                {**group, "targets": [address if each == usual else each for each in group["targets"]]}
                for group in groups
            ]
            changed.append({**known, **job, "metrics_path": path, "static_configs": moved})
        else:
            changed.append(job)
    return changed
