"""A pod in words, from a journal's ``pod`` entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from promdrill.report.html.journal import Entry
from promdrill.watch.text import clean, count


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod as it was last journalled; `text` as ``kubectl get pods`` would say it, `ready` if all containers are."""

    name: str
    text: str
    ready: bool
    at: datetime


def pod_of(entry: Entry, at: datetime) -> Pod | None:
    """The pod that the entry tells of; None when it is gone."""
    if entry.fields.get("gone") is True:
        return None
    containers = [item for item in entry.items("containers") if isinstance(item, dict)]
    ready = sum(item.get("ready") is True for item in containers)
    leaving = entry.fields.get("leaving") is True
    phase = "being deleted" if leaving else clean(entry.text("reason") or entry.text("phase"))
    words = [f"{ready}/{len(containers)} {phase}".rstrip()]
    words += [said for item in containers if (said := _container(item))]
    name = clean(entry.text("pod"))
    return Pod(name, ", ".join(words), bool(containers) and ready == len(containers) and not leaving, at)


def _container(item: Mapping[str, Any]) -> str:
    """What is not as it should be with a container; empty when it is ready and was never started anew."""
    state, restarts = str(item.get("state") or "waiting"), item.get("restarts")
    again = f" ({count(restarts, 'restart')})" if isinstance(restarts, int) and restarts else ""
    if item.get("ready") is True and not again:
        return ""
    reason = clean(item.get("reason") or "")
    if state == "terminated":
        words = f"ended with exit code {item.get('exit_code')}" + (f" ({reason})" if reason else "")
    elif state == "running":
        words = "ready" if item.get("ready") is True else "running, not ready"
    else:
        words = reason or state
    return f"{clean(item.get('name') or '?')} {words}{again}"
