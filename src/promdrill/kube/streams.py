"""Connections of `Kube`: credentials from one kubeconfig, and streams that another thread can end.

Streams are read with `http.client` and not with requests, because a log's response headers may arrive only with its
first line: to end a stream while it waits for them, its socket must be known before there is a response.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import http.client
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from promdrill.core import scratch
from promdrill.core.errors import ClusterError

CONNECT_TIMEOUT_S = 5.0
"""Seconds to connect: the API server is on this machine; if it takes longer, it is down."""

if sys.platform == "darwin":
    _KEEPALIVE_IDLE = socket.TCP_KEEPALIVE
else:
    _KEEPALIVE_IDLE = socket.TCP_KEEPIDLE

KEEPALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, _KEEPALIVE_IDLE, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)
"""Socket options that detect a vanished peer within 25 s, on streams that may be silent for hours."""


class StreamRefused(ClusterError):
    """The API server answered a stream request with an error; `status` is the HTTP status, `body` its text."""

    def __init__(self, status: int, body: str, path: str) -> None:
        self.status, self.body = status, body
        super().__init__(f"HTTP {status} for {path}: {body.strip()[:500]}")


class Credentials:
    """Address and credentials of a kubeconfig's current context, as the kubernetes package reads it.

    Attributes:
        server: Base address, without a trailing slash.
        ca_file: The cluster's CA certificates.
        cert_files: Client certificate and key; None if there are none.
        headers: Headers of every request.
        tls: A TLS context with the same, for connections that requests does not make.

    Raises:
        ClusterError: The file is missing, is not a kubeconfig, or has no server that can be trusted.
    """

    def __init__(self, kubeconfig: Path) -> None:
        from kubernetes import client, config  # noqa: PLC0415  takes a second: not before there is a cluster to talk to

        found = client.Configuration()
        try:
            load: Any = config.load_kube_config
            load(str(kubeconfig), client_configuration=found, persist_config=False, temp_file_path=str(_keys()))
        except (config.ConfigException, OSError, yaml.YAMLError, AttributeError, TypeError, ValueError) as error:
            raise ClusterError(f"{kubeconfig}: not a usable kubeconfig ({error})") from error
        self.server = str(found.host).rstrip("/")
        self.ca_file = found.ssl_ca_cert or ""
        self.cert_files = (found.cert_file, found.key_file) if found.cert_file and found.key_file else None
        token = found.get_api_key_with_prefix("BearerToken")
        self.headers = {"Authorization": token} if token else {}
        if not self.server.startswith("https://") or not self.ca_file or not (self.cert_files or self.headers):
            raise ClusterError(
                f"{kubeconfig}: its current context needs an https server, a CA, and a client certificate or token"
            )
        self.tls = ssl.create_default_context(cafile=self.ca_file)
        if self.cert_files:
            self.tls.load_cert_chain(*self.cert_files)


@functools.cache
def _keys() -> Path:
    """Where the kubernetes package writes this process' certificates and keys, each of them once.

    The folder goes with the process; if that is killed, with the next command.
    """
    held = contextlib.ExitStack()
    atexit.register(held.close)
    return held.enter_context(scratch.folder("keys"))


class Streams:
    """Open streams of lines, each bound to an event that ends it."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._lock = threading.Lock()
        self._open: dict[http.client.HTTPSConnection, threading.Event] = {}

    def lines(self, path: str, *, stop: threading.Event, silence_s: float | None) -> Iterator[bytes]:
        """The lines of a response as they arrive, including their line ends.

        Args:
            path: Path and query.
            stop: Ends the iteration, see `interrupt`.
            silence_s: Seconds without a byte after which the stream counts as broken; None for no limit.

        Raises:
            StreamRefused: The answer was not 200.
            ClusterError: The connection could not be made, or broke; a properly closed stream just ends.
        """
        connection = self._connection()
        with self._lock:
            self._open[connection] = stop
        try:
            yield from self._read(connection, path, stop, silence_s)
        except (OSError, http.client.HTTPException, ValueError) as error:
            if not stop.is_set():
                raise ClusterError(f"stream of {path} broke: {error or type(error).__name__}") from error
        finally:
            with self._lock:
                del self._open[connection]
            connection.close()

    def interrupt(self, stop: threading.Event) -> None:
        """Set `stop` and end every stream bound to it, even one that waits for its first byte."""
        stop.set()
        with self._lock:
            for connection in [c for c, bound in self._open.items() if bound is stop]:
                sock = connection.sock
                if sock is not None:
                    with contextlib.suppress(OSError):
                        socket.socket.shutdown(sock, socket.SHUT_RDWR)  # SSLSocket's would drop the TLS state

    def interrupt_all(self) -> None:
        """End every stream."""
        with self._lock:
            stops = list(self._open.values())
        for stop in stops:
            self.interrupt(stop)

    def _connection(self) -> http.client.HTTPSConnection:
        place = urlsplit(self._credentials.server)
        return http.client.HTTPSConnection(
            place.hostname or "", place.port or 443, timeout=CONNECT_TIMEOUT_S, context=self._credentials.tls
        )

    def _read(
        self, connection: http.client.HTTPSConnection, path: str, stop: threading.Event, silence_s: float | None
    ) -> Iterator[bytes]:
        connection.connect()
        for option in KEEPALIVE:
            connection.sock.setsockopt(*option)
        connection.sock.settimeout(silence_s)
        if stop.is_set():
            return
        connection.request("GET", path, headers=self._credentials.headers)
        response = connection.getresponse()
        if response.status != http.client.OK:
            raise StreamRefused(response.status, response.read(4096).decode("utf-8", "replace"), path)
        yield from _split(response)


def _split(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """The lines of a body as they arrive. `readline` would mistake a truncated body for a complete one."""
    rest = b""
    while data := response.read1():
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            yield line + b"\n"
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)
    if rest:
        yield rest
