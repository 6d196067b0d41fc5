"""A scripted API server on the loopback interface: TLS, keep-alive, chunked streams, and the exec WebSocket.

Each route is scripted with the answers it gives, in order; one that nobody scripted is answered 599 and fails the test.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from promdrill.kube.expected import PLACE

PEM = Path(__file__).parent / "data" / "loopback.pem"

Script = Callable[["Handler"], None]


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, list[str]]
    body: str
    content_type: str | None
    authorization: str | None


@dataclass
class ApiServer:
    """What is scripted, what was asked, and what was asked without a script.

    Who it is, the UID of its namespace kube-system, is always answered, and counted in `checks` instead of `asked`.
    """

    scripts: dict[tuple[str, str], list[Script]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    uid: str = "uid-1"
    checks: int = 0
    release: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    def on(self, method: str, path: str, *scripts: Script) -> None:
        """The next requests for a path are answered by these, in order."""
        self.scripts.setdefault((method, path), []).extend(scripts)


class Handler(BaseHTTPRequestHandler):
    """Answers from the scripts of `api`."""

    protocol_version = "HTTP/1.1"
    api: ApiServer

    def answer(self, status: int, body: Any) -> None:
        """Send a whole answer."""
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def chunk(self, data: str) -> None:
        """Send one chunk of a stream."""
        raw = data.encode()
        self.wfile.write(f"{len(raw):x}\r\n".encode() + raw + b"\r\n")
        self.wfile.flush()

    def handle_one(self) -> None:
        """Look up and run the script."""
        place = urlsplit(self.path)
        if (self.command, place.path) == ("GET", PLACE):
            self.api.checks += 1
            self.answer(200, {"metadata": {"uid": self.api.uid}})
            return
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        asked = Asked(
            self.command,
            place.path,
            parse_qs(place.query, keep_blank_values=True),
            body,
            self.headers.get("Content-Type"),
            self.headers.get("Authorization"),
        )
        self.api.asked.append(asked)
        scripts = self.api.scripts.get((self.command, place.path))
        if not scripts:
            self.api.strange.append(f"{self.command} {self.path}")
            self.answer(599, "not scripted")
            return
        scripts.pop(0)(self)

    do_GET = do_POST = do_PATCH = do_DELETE = handle_one  # noqa: N815  names of http.server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  signature of http.server
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of many tests."""


def says(status: int, body: Any) -> Script:
    """A whole answer."""
    return lambda handler: handler.answer(status, body)


def hangs_up(handler: Handler) -> None:
    """Close the connection without an answer."""
    handler.close_connection = True


def streams(*chunks: str, ends: str = "properly") -> Script:
    """A chunked stream that then ends: properly, broken, or open (until the test is over)."""

    def script(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.flush()
        for data in chunks:
            handler.chunk(data)
        if ends == "open":
            handler.api.release.wait(20)
        if ends == "properly":
            handler.wfile.write(b"0\r\n\r\n")
        else:
            handler.close_connection = True

    return script


def silent(handler: Handler) -> None:
    """Not even response headers, until the test is over: the log of a container that has written nothing."""
    handler.api.release.wait(20)
    handler.close_connection = True


def executes(*frames: bytes, hold: bool = False) -> Script:
    """A WebSocket that sends binary frames and closes, or with `hold` stays open."""

    def script(handler: Handler) -> None:
        _opens(handler)
        _sends(handler, frames, hold=hold)

    return script


def forwards(*frames: bytes, heard: list[str], port: int = 9090, hold: bool = False) -> Script:
    """A forwarded port: both channels begin with the port, one HTTP request is heard, and then frames are sent.

    Args:
        frames: What is sent, each with its channel first; a whole HTTP answer may be cut anywhere.
        heard: Gets the request as it arrived at the port.
        port: The port.
        hold: Whether it stays open, and does not close.
    """

    def script(handler: Handler) -> None:
        _opens(handler)
        number = struct.pack("<H", port)
        for frame in (b"\x00" + number, b"\x01" + number):
            handler.wfile.write(_framed(frame))
        handler.wfile.flush()
        heard.append(_request_in(handler))
        _sends(handler, frames, hold=hold)

    return script


def leads_to(port: int) -> Script:
    """A forwarded port that is one of this machine, whose bytes go both ways."""

    def script(handler: Handler) -> None:
        _opens(handler)
        number = struct.pack("<H", port)
        for frame in (b"\x00" + number, b"\x01" + number):
            handler.wfile.write(_framed(frame))
        handler.wfile.flush()
        with socket.create_connection(("127.0.0.1", port), timeout=20) as there:
            back = threading.Thread(target=_brings_back, args=(handler, there), daemon=True)
            back.start()
            while data := _frame_in(handler):
                there.sendall(data)
            there.shutdown(socket.SHUT_RDWR)
            back.join(20)
        handler.close_connection = True

    return script


def _brings_back(handler: Handler, there: socket.socket) -> None:
    with contextlib.suppress(OSError):  # a client that hangs up
        while data := there.recv(100):
            handler.wfile.write(_framed(b"\x00" + data))
            handler.wfile.flush()
        handler.wfile.write(struct.pack("!BB", 0x88, 0))
        handler.wfile.flush()


def _opens(handler: Handler) -> None:
    key = handler.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()  # noqa: S324  RFC 6455
    handler.send_response(101)
    handler.send_header("Upgrade", "websocket")
    handler.send_header("Connection", "Upgrade")
    handler.send_header("Sec-WebSocket-Accept", accept)
    handler.send_header("Sec-WebSocket-Protocol", handler.headers["Sec-WebSocket-Protocol"])
    handler.end_headers()


def _sends(handler: Handler, frames: Sequence[bytes], *, hold: bool) -> None:
    for frame in frames:
        handler.wfile.write(_framed(frame))
    if hold:
        handler.wfile.flush()
        handler.api.release.wait(20)
    else:
        handler.wfile.write(struct.pack("!BB", 0x88, 0))
    handler.wfile.flush()
    handler.close_connection = True


def _framed(data: bytes) -> bytes:
    """An unmasked binary frame (RFC 6455, 5.2)."""
    short = len(data) < 126
    return (struct.pack("!BB", 0x82, len(data)) if short else struct.pack("!BBH", 0x82, 126, len(data))) + data


def _frame_in(handler: Handler) -> bytes:
    """What a client's masked frame of channel 0 holds; nothing at its end."""
    head = handler.rfile.read(2)
    if len(head) < 2 or head[0] & 0x0F == 8:
        return b""
    length = head[1] & 0x7F
    if length == 126:
        length = struct.unpack("!H", handler.rfile.read(2))[0]
    mask, data = handler.rfile.read(4), handler.rfile.read(length)
    plain = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
    assert plain[0] == 0, "the data channel"
    return plain[1:]


def _request_in(handler: Handler) -> str:
    """One HTTP request, taken out of a client's masked frames of channel 0."""
    came = b""
    while True:
        came += _frame_in(handler)
        head, ended, body = came.partition(b"\r\n\r\n")
        sizes = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        if ended and len(body) >= sum(int(line.partition(b":")[2]) for line in sizes):
            return came.decode()


@contextmanager
def api_server() -> Iterator[ApiServer]:
    """A running server; what was asked without a script fails at the end."""
    api = ApiServer()
    server = _Server(("127.0.0.1", 0), type("BoundHandler", (Handler,), {"api": api}))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    api.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield api
        assert not api.strange, api.strange
    finally:
        api.release.set()
        server.shutdown()
        server.server_close()
        thread.join()


def kubeconfig(folder: Path, port: int, *, user: dict[str, Any] | None = None) -> Path:
    """A kubeconfig for the server, with certificates inline as kind writes them."""
    pem = base64.b64encode(PEM.read_bytes()).decode()
    content = {
        "current-context": "kind-drill",
        "contexts": [{"name": "kind-drill", "context": {"cluster": "kind-drill", "user": "kind-drill"}}],
        "clusters": [
            {
                "name": "kind-drill",
                "cluster": {"server": f"https://127.0.0.1:{port}", "certificate-authority-data": pem},
            }
        ],
        "users": [
            {"name": "kind-drill", "user": user or {"client-certificate-data": pem, "client-key-data": pem}},
        ],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


@pytest.fixture
def api() -> Iterator[ApiServer]:
    """One for a test."""
    with api_server() as server:
        yield server
