"""A shipped runbook with the names of the drilled Prometheus: what its reader is told to do, where his differ.

Shipped runbooks are written for the names that the chart gives: `prometheus-server`, `/data`, `2/2`, a Deployment. They
say what to write instead. Only their code blocks are changed, and no line more or less.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from promdrill.observe.server import Server

_FENCE = re.compile(r"^ *```")
_READY = re.compile(r"(?<![\w/.])([012])/2(?![\w/.])")

Change = Callable[[str], str]


def named(text: str, server: Server, usual: Server) -> str:
    """The text of a runbook with the names of this server in its code blocks.

    Args:
        text: The runbook.
        server: The server.
        usual: The names that the runbook is written for.
    """
    changes = list(_changes(server, usual))
    lines, inside = [], False
    for line in text.splitlines(keepends=True):
        if _FENCE.match(line):
            inside = not inside
        elif inside:
            for change in changes:
                line = change(line)  # noqa: PLW2901  one after the other
        lines.append(line)
    return "".join(lines)


def remarks(server: Server, usual: Server) -> tuple[str, ...]:
    """What is written instead of what, in a sentence; nothing where all names are the usual ones.

    Args:
        server: The server.
        usual: The names that the runbook is written for.
    """
    pairs = (
        (usual.container, server.container),
        (usual.reloader, server.reloader or "no reloader"),
        (usual.data, server.data),
        (usual.workload, server.workload),
        (f"component={usual.component}", f"component={server.component}"),
        ("2/2", f"{server.containers}/{server.containers}"),
        (_address(usual), _address(server)),
    )
    said = [f"{new} for {old}" for old, new in pairs if old != new]
    return (f"The scenario's runbook is run with your names: {', '.join(said)}.",) if said else ()


def _changes(server: Server, usual: Server) -> Iterator[Change]:
    if server.reloader and server.reloader != usual.reloader:
        yield _replacing(rf"\b{usual.reloader}\b", server.reloader)
    if server.container != usual.container:
        yield _replacing(rf"\b{usual.container}\b(?!-)", server.container)
    if server.component != usual.component:
        yield _replacing(rf"component={usual.component}\b", f"component={server.component}")
    if server.data != usual.data:
        yield _replacing(rf"(?<![\w.-]){usual.data}\b(?!-)", server.data)
    if server.workload != usual.workload:
        yield _on_selected(_replacing(rf"\b{usual.workload}\b", server.workload))
    if _address(server) != _address(usual):
        yield _replacing(re.escape(_address(usual)), _address(server))
        yield _replacing(rf":{usual.pod_port}/proxy/", f":{server.pod_port}/proxy{server.prefix}/")
    if server.containers != usual.containers:
        yield lambda line: _READY.sub(lambda found: _ready(int(found[1]), server.containers), line)


def _replacing(pattern: str, new: str) -> Change:
    return lambda line: re.sub(pattern, lambda _: new, line)


def _on_selected(change: Change) -> Change:
    """Only where the server's own selector is used, not another workload's name."""
    return lambda line: change(line) if '"$SELECTOR"' in line else line


def _ready(of_two: int, containers: int) -> str:
    """None, all, or all but one."""
    return f"{(0, containers - 1, containers)[of_two]}/{containers}"


def _address(server: Server) -> str:
    return f"http://localhost:{server.pod_port}{server.prefix}"
