"""A shipped runbook with the names of the drilled Prometheus: what its reader is told to do, where his differ.

Shipped runbooks are written for the names that the chart gives: `prometheus-server`, `/data`, `2/2`, a Deployment. They
say what to write instead. Only their code blocks are changed, and no line more or less.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from promdrill.core.login import VARIABLE
from promdrill.observe.server import POD_NAME, Server
from promdrill.runbook.published import scan

_FENCE = re.compile(r"^ *```")
_STEP = re.compile(r"(?ms)^ *```sh\b[^\n]*\n(?P<step>.*?)^ *```")
_USUAL = Server("", "", "")
_READY = re.compile(r"(?<![\w/.])([012])/([12])(?![\w/.])")
_POD = re.compile(r'(\bkubectl (?:get|wait) pod\b.* --selector "\$SELECTOR)"')

Change = Callable[[str], str]


def named(text: str, server: Server, usual: Server = _USUAL) -> str:
    """The text of a runbook with the names of this server in its code blocks.

    Args:
        text: The text.
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


def remarks(server: Server, usual: Server = _USUAL, *, login: bool = False) -> tuple[str, ...]:
    """What is written instead of what, in a sentence; nothing where all names are the usual ones.

    Args:
        server: The server.
        usual: As in `named`.
        login: Whether it is given a login, see `with_login`.
    """
    pairs = (
        (usual.container, server.container),
        (usual.reloader, server.reloader or "no reloader"),
        (usual.data, server.data),
        (usual.workload, server.workload),
        (f"component={usual.component}", f"component={server.component}"),
        ("2/2", f"{server.containers}/{server.containers}"),
        (_address(usual), _given(server) if login else _address(server)),
    )
    said = [f"{new} for {old}" for old, new in pairs if old != new]
    names = (f"The scenario's runbook is run with your names: {', '.join(said)}.",) if said else ()
    if server.replicas == 1:
        return names
    pod = f"Of {server.replicas} replicas the last one, pod {server.pod_prefix}, is drilled: the runbook is run for it."
    return (*names, pod)


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
    if (server.containers, server.replicas) != (usual.containers, usual.replicas):
        yield lambda line: _READY.sub(lambda found: _ready(found, server), line)
    if server.replicas > 1:
        yield lambda line: _POD.sub(lambda found: f'{found[1]},{POD_NAME}={server.pod_prefix}"', line)


def _replacing(pattern: str, new: str) -> Change:
    return lambda line: re.sub(pattern, lambda _: new, line)


def _on_selected(change: Change) -> Change:
    """Only where the server's own selector is used, not another workload's name."""
    return lambda line: change(line) if '"$SELECTOR"' in line else line


def _ready(shown: re.Match[str], server: Server) -> str:
    """Of two containers none, all but one, or all of the pod's; of one replica all but one, or all of the set's."""
    ready, all_containers, replicas = int(shown[1]), server.containers, server.replicas
    if shown[2] == "1":
        return f"{replicas - 1 + ready}/{replicas}"
    return f"{(0, all_containers - 1, all_containers)[ready]}/{all_containers}"


def _address(server: Server) -> str:
    return f"http://localhost:{server.pod_port}{server.prefix}"


def _given(server: Server) -> str:
    return _address(server).replace("://", f"://${VARIABLE}@")
