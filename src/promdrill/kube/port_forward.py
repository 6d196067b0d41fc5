"""One HTTP request to a port of a pod, over the API server's port-forward WebSocket (subprotocol v4.channel.k8s.io).

The API server's proxy removes the header ``Authorization`` from what it passes on, and trusts any certificate; a
forwarded port is only bytes.
Of a frame, the first byte is the channel: 0 has the data of the first port, 1 its error. Both begin with the port, in
two bytes, the lower one first (k8s.io/cri-streaming, portforward/websocket.go).
"""

from __future__ import annotations

import http.client
import io
import ssl
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import websocket

from promdrill.core.clock import Deadline
from promdrill.core.errors import ClusterError
from promdrill.kube.answer import Answer
from promdrill.kube.streams import CONNECT_TIMEOUT_S, Credentials

UNTRUSTED = "its certificate is not signed by the authority that LOGIN=FILE names"
"""What is said of a certificate that the user's authority (`ca = FILE`) has not signed."""

_DATA, _ERROR = 0, 1  # first byte of each frame
_PORT_BYTES = 2
_FRAME_BYTES = 1 << 16
_Result = TypeVar("_Result")


class Untrusted(ClusterError):
    """The server's certificate is not signed by the authority that the user trusts: nothing was asked."""


def path_of(namespace: str, pod: str, port: int) -> str:
    """Path and query of the WebSocket to a port of a pod."""
    return f"/api/v1/namespaces/{namespace}/pods/{pod}/portforward?ports={port}"


def send(
    credentials: Credentials,
    path: str,
    method: str,
    asked: str,
    *,
    headers: Mapping[str, str],
    body: str | None,
    what: str,
    deadline: Deadline,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """Send one request to the port that `path` names; any HTTP status is an answer.

    Args:
        credentials: Of the API server.
        path: As from `path_of`.
        method: HTTP method.
        asked: Path and query, as the pod sees them.
        headers: The request's headers; they are in no error.
        body: The request's body; None for none.
        what: Says in errors what was asked.
        deadline: For all that is being asked.
        tls: Trusts the server, which speaks TLS; None for one that does not.

    Raises:
        Untrusted: The server shows another certificate.
        ClusterError: The port could not be reached, or what is there did not answer before the deadline.
    """
    began = deadline.elapsed_s
    try:
        channel = websocket.create_connection(
            f"wss{credentials.server.removeprefix('https')}{path}",
            timeout=min(CONNECT_TIMEOUT_S, left_s(deadline)),
            header=credentials.headers,
            subprotocols=["v4.channel.k8s.io"],
            sslopt={"context": credentials.tls},
            http_no_proxy=["*"],
        )
        try:
            connection = http.client.HTTPConnection("localhost")
            forwarded: Any = _Forwarded(channel, deadline)
            connection.sock = forwarded if tls is None else _Secured(forwarded, tls)
            data = None if body is None else body.encode()
            connection.request(method, asked, body=data, headers={**headers, "Connection": "close"})
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
        finally:
            channel.shutdown()  # type: ignore[no-untyped-call]  # as in exec_channel
    except ssl.SSLCertVerificationError as error:
        raise Untrusted(f"{what}: {UNTRUSTED} ({error.verify_message})") from error
    except (OSError, http.client.HTTPException, websocket.WebSocketException) as error:
        reason = f"not done within {deadline.budget_s:.0f} s" if deadline.passed else str(error) or type(error).__name__
        raise ClusterError(f"{what}: {reason}") from error
    return Answer(response.status, text, deadline.elapsed_s - began)


def left_s(deadline: Deadline) -> float:
    """Seconds left for one request or frame; zero would be taken for no limit, or refused."""
    return max(0.001, deadline.remaining_s)


class _Forwarded:
    """The forwarded port, as far as http.client uses a socket; closing the channel is the caller's.

    Raises:
        WebSocketException: The error channel says something, the connection was lost, or the deadline passed.
        OSError: The connection broke.
    """

    def __init__(self, channel: websocket.WebSocket, deadline: Deadline) -> None:
        self._channel = channel
        self._deadline = deadline
        self._came = {_DATA: bytearray(), _ERROR: bytearray()}
        self._read = 0

    def sendall(self, data: bytes) -> None:
        """Send bytes to the port."""
        for at in range(0, len(data), _FRAME_BYTES):
            self._channel.settimeout(left_s(self._deadline))
            self._channel.send_binary(bytes([_DATA]) + data[at : at + _FRAME_BYTES])

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What the port sends, buffered."""
        return io.BufferedReader(_Coming(self.receive))

    def close(self) -> None:
        """Nothing to do."""

    def receive(self, most_bytes: int) -> bytes:
        """The next bytes from the port, which are waited for; empty when the connection was closed."""
        piece = self._beyond(self._read)[:most_bytes]
        self._read += len(piece)
        return piece

    def _beyond(self, read: int) -> bytes:
        data = self._came[_DATA]
        while len(data) <= _PORT_BYTES + read:
            self._channel.settimeout(left_s(self._deadline))
            frame = self._channel.recv()
            taken = frame if isinstance(frame, bytes) else frame.encode()
            if not taken:  # a close frame
                return b""
            if taken[0] in self._came:
                self._came[taken[0]] += taken[1:]
            if said := self._came[_ERROR][_PORT_BYTES:]:
                raise websocket.WebSocketException(said.decode("utf-8", "replace").strip())
        return bytes(data[_PORT_BYTES + read :])


class _Secured:
    """A forwarded port behind TLS, as far as http.client uses a socket.

    Raises:
        SSLCertVerificationError: The server's certificate is not trusted.
        SSLError: The connection was cut off, or broken.
        WebSocketException: As `_Forwarded`; OSError likewise.
    """

    def __init__(self, port: _Forwarded, tls: ssl.SSLContext) -> None:
        self._port = port
        self._came, self._goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = tls.wrap_bio(self._came, self._goes)
        self._done(self._tls.do_handshake)

    def sendall(self, data: bytes) -> None:
        """Send bytes to the server."""
        self._done(lambda: self._tls.write(data))

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What the server sends, buffered."""
        return io.BufferedReader(_Coming(lambda most_bytes: self._done(lambda: self._tls.read(most_bytes))))

    def close(self) -> None:
        """Nothing to do."""

    def _done(self, act: Callable[[], _Result]) -> _Result:
        """The result of an act of TLS, which may have to send and receive first."""
        while True:
            try:
                result = act()
            except ssl.SSLWantReadError:
                self._send()
                piece = self._port.receive(_FRAME_BYTES)
                if piece:
                    self._came.write(piece)
                else:
                    self._came.write_eof()
            else:
                self._send()
                return result

    def _send(self) -> None:
        if data := self._goes.read():
            self._port.sendall(data)


class _Coming(io.RawIOBase):
    """The bytes that a server sends."""

    def __init__(self, receive: Callable[[int], bytes]) -> None:
        super().__init__()
        self._receive = receive

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, into: Any) -> int:
        """Wait for bytes; 0 when the connection was closed."""
        piece = self._receive(len(into))
        into[: len(piece)] = piece
        return len(piece)
