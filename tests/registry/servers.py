"""Real servers on loopback: Debian's docker-registry, a web server, a proxy that records, a silent one."""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import re
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import requests

from promdrill.artefacts import machine
from promdrill.core import shell
from promdrill.core.clock import Deadline
from promdrill.core.errors import SupplyError
from promdrill.supply import host_changes, packages

PROGRAM = "docker-registry"
"""Program and Debian package."""

READY_S = 20.0
"""Seconds until a registry answers: 0.2 measured."""

CONNECT_S = 30.0
"""Seconds that a host has to take a connection."""

USER, PASSWORD = "drill", "drill"
_USERS = f"{USER}:$2y$05$promdrillpromdrillproeGzsmAWC1Oh0YiP1fpWsGB77N/cNVMXO\n"
"""An htpasswd file; docker-registry reads bcrypt alone, this is `crypt(3)` of the password with a fixed salt."""

_REQUEST = re.compile(r'"GET (/v2/\S+) HTTP/1.1" 200 .*"docker/')


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry that runs.

    Attributes:
        address: Host and port.
        log: What it says, a line for each request.
    """

    address: str
    log: Path

    def served_to_docker(self) -> list[str]:
        """Paths of the API that a Docker was given."""
        return _REQUEST.findall(self.log.read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Web:
    """A web server that runs.

    Attributes:
        address: Scheme, host and port.
        asked: Paths that it was asked for, in order.
    """

    address: str
    asked: list[str] = field(default_factory=list)


def program() -> Path:
    """docker-registry; installed from Debian when it is not there, its service not started.

    Raises:
        SupplyError: It is not there and could not be installed, as when we are not root on Debian.
    """
    found = machine.program(PROGRAM)
    if found is None:
        host = machine.examine()
        if not (host.root and host.debian):
            raise SupplyError(f"there is no {PROGRAM}", hint=f"sudo apt-get install {PROGRAM}, and stop its service")
        why = "The proof needs a registry"
        packages.install([PROGRAM], change=host_changes.BUILD_PACKAGES, why=why, say=print)
        found = machine.program(PROGRAM)
    if found is None:
        raise SupplyError(f"{PROGRAM} was installed and is not there")
    return found


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def registry(folder: Path, *, storage: Path, name: str, login: bool = False) -> Iterator[Registry]:
    """A registry of its own configuration, ended when the block is left; it dies with this process, too.

    Args:
        folder: Where configuration and log go.
        storage: Where images go; two registries may share it.
        name: Of configuration and log.
        login: Whether it wants `USER` and `PASSWORD`.

    Raises:
        SupplyError: It does not answer within `READY_S`.
    """
    address = f"127.0.0.1:{free_port()}"
    config: dict[str, object] = {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(storage)}},
        "http": {"addr": address},
    }
    if login:
        users = folder / "users"
        users.write_text(_USERS, encoding="utf-8")
        config["auth"] = {"htpasswd": {"realm": "drill", "path": str(users)}}
    file = folder / f"{name}.yml"
    file.write_text(json.dumps(config), encoding="utf-8")  # which is YAML
    made = Registry(address, folder / f"{name}.log")
    with shell.spawn([program(), "serve", file]) as process:
        thread = threading.Thread(target=_keep, args=(process.stdout or (), made.log))
        thread.start()
        try:
            _answers(made, lambda: process.poll() is not None)
            yield made
        finally:
            shell.end_group(process)
            thread.join()


@contextlib.contextmanager
def web(folder: Path) -> Iterator[Web]:
    """A web server of a folder's files."""
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:  # noqa: ARG002
            asked.append(self.path)

        def log_error(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
        thread.start()
        try:
            yield Web(f"http://127.0.0.1:{server.server_port}", asked)
        finally:
            server.shutdown()
            thread.join()


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that runs.

    Attributes:
        address: Scheme, host and port.
        asked: Hosts that it was asked to connect to, each time that it was.
    """

    address: str
    asked: list[str] = field(default_factory=list)


@contextlib.contextmanager
def proxy() -> Iterator[Proxy]:
    """A proxy for HTTPS that takes down every host that somebody connects to through it."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            host, _, port = self.path.rpartition(":")
            asked.append(host)
            try:
                far = socket.create_connection((host, int(port)), timeout=CONNECT_S)
            except OSError as error:
                self.send_error(http.HTTPStatus.BAD_GATEWAY, str(error))
                return
            with far:
                self.send_response(http.HTTPStatus.OK)
                self.end_headers()
                far.settimeout(None)
                back = threading.Thread(target=_copy, args=(far, self.connection), daemon=True)
                back.start()
                _copy(self.connection, far)
                back.join()

        def do_GET(self) -> None:  # plain HTTP is nobody's business here
            asked.append(self.path)
            self.send_error(http.HTTPStatus.FORBIDDEN)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

        def log_error(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
        thread.start()
        try:
            yield Proxy(f"http://127.0.0.1:{server.server_port}", asked)
        finally:
            server.shutdown()
            thread.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Pass on what comes, until one side ends."""
    with contextlib.suppress(OSError):
        while chunk := source.recv(1 << 16):
            target.sendall(chunk)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def silent() -> Iterator[str]:
    """Address of a server that takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def _keep(lines: Iterable[bytes], log: Path) -> None:
    with log.open("wb", buffering=0) as file:
        for line in lines:
            file.write(line)


def _answers(made: Registry, ended: Callable[[], bool]) -> None:
    deadline, pause = Deadline.after(READY_S), threading.Event()
    while not deadline.passed and not ended():
        with contextlib.suppress(requests.RequestException):
            requests.get(f"http://{made.address}/v2/", timeout=2)
            return
        pause.wait(0.05)
    text = made.log.read_text(encoding="utf-8", errors="replace") if made.log.exists() else ""
    raise SupplyError(f"{PROGRAM} does not answer at {made.address}\n{text[-2000:]}")
