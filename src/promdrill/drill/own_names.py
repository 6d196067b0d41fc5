"""A shipped runbook with the names of the drilled Prometheus: what its reader is told to do, where his differ.

Shipped runbooks are written for the names that the chart gives: `prometheus-server`, `/data`, `2/2`, a Deployment. They
say what to write instead. Only their code blocks are changed, and no line more or less.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from promdrill.core.login import VARIABLE
from promdrill.observe.server import Server
from promdrill.runbook.published import scan

_FENCE = re.compile(r"^ *```")
_STEP = re.compile(r"(?ms)^ *```sh\b[^\n]*\n(?P<step>.*?)^ *```")
_USUAL = Server("", "", "")
_READY = re.compile(r"(?<![\w/.])([012])/2(?![\w/.])")

Change = Callable[[str], str]


def named(text: str, server: Server) -> str:
    """The text of a runbook with the names of this server in its code blocks."""
    changes = list(_changes(server))
    lines, inside = [], False
    for line in text.splitlines(keepends=True):
        if _FENCE.match(line):
            inside = not inside
        elif inside:
            for change in changes:
                line = change(line)  # noqa: PLW2901  one after the other
        lines.append(line)
    return "".join(lines)


def with_login(text: str, server: Server) -> str:
    """The text of a runbook whose steps give a login to this server, named by the variable that they have for it.

    What is in single quotes stays: no shell puts a variable's value there.
    """
    address, given = _address(server), _given(server)

    def step(found: re.Match[str]) -> str:
        quotes = list(scan.quoting(found["step"]))

        def asked(place: re.Match[str]) -> str:
            return place[0] if quotes[place.start()] == "'" else given

        begin = found.start("step") - found.start()
        changed = re.sub(re.escape(address) + r"(?!\d)", asked, found["step"])
        return found[0][:begin] + changed + found[0][begin + len(found["step"]) :]

    return _STEP.sub(step, text)


def remarks(server: Server, *, login: bool = False) -> tuple[str, ...]:
    """What is written instead of what, in a sentence; nothing where all names are the usual ones.

    Args:
        server: The names of the server.
        login: Whether it is given a login, see `with_login`.
    """
    pairs = (
        (_USUAL.container, server.container),
        (_USUAL.reloader, server.reloader or "no reloader"),
        (_USUAL.data, server.data),
        (_USUAL.workload, server.workload),
        (f"component={_USUAL.component}", f"component={server.component}"),
        ("2/2", f"{server.containers}/{server.containers}"),
        (_address(_USUAL), _given(server) if login else _address(server)),
    )
    said = [f"{new} for {old}" for old, new in pairs if old != new]
    return (f"The scenario's runbook is run with your names: {', '.join(said)}.",) if said else ()


def _changes(server: Server) -> Iterator[Change]:
    if server.reloader and server.reloader != _USUAL.reloader:
        yield _replacing(rf"\b{_USUAL.reloader}\b", server.reloader)
    if server.container != _USUAL.container:
        yield _replacing(rf"\b{_USUAL.container}\b(?!-)", server.container)
    if server.component != _USUAL.component:
        yield _replacing(rf"component={_USUAL.component}\b", f"component={server.component}")
    if server.data != _USUAL.data:
        yield _replacing(rf"(?<![\w.-]){_USUAL.data}\b(?!-)", server.data)
    if server.workload != _USUAL.workload:
        yield _on_selected(_replacing(rf"\b{_USUAL.workload}\b", server.workload))
    if _address(server) != _address(_USUAL):
        yield _replacing(re.escape(_address(_USUAL)), _address(server))
        yield _replacing(rf":{_USUAL.pod_port}/proxy/", f":{server.pod_port}/proxy{server.prefix}/")
    if server.containers != _USUAL.containers:
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


def _given(server: Server) -> str:
    return _address(server).replace("://", f"://${VARIABLE}@", 1)
