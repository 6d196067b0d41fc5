"""The scrape jobs with which a Prometheus scrapes itself, where it does not answer at the usual address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from promdrill.observe.server import Server

_PORT = 9090


def scraping_itself(jobs: Sequence[Mapping[str, Any]], server: Server) -> list[Mapping[str, Any]]:
    """The scrape jobs with the server's own address, where that is not the usual one; else nothing.

    Args:
        jobs: Scrape jobs in Prometheus' own format.
        server: The server.
    """
    usual, address = f"localhost:{_PORT}", f"localhost:{server.pod_port}"
    if (server.prefix, address) == ("", usual):
        return []
    changed: list[Mapping[str, Any]] = []
    for job in jobs:
        groups = job.get("static_configs") or ()
        if any(usual in group.get("targets", ()) for group in groups):
            path = f"{server.prefix}{job.get('metrics_path', '/metrics')}"
            moved = [
                {**group, "targets": [address if each == usual else each for each in group["targets"]]}
                for group in groups
            ]
            changed.append({**job, "metrics_path": path, "static_configs": moved})
        else:
            changed.append(job)
    return changed
