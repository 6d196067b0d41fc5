"""One HTTP request to a port of a pod, over the API server's port-forward WebSocket (subprotocol v4.channel.k8s.io).

The API server's proxy removes the header ``Authorization`` from what it passes on; a forwarded port is only bytes.
Of a frame, the first byte is the channel: 0 has the data of the first port, 1 its error. Both begin with the port, in
two bytes, the lower one first (k8s.io/cri-streaming, portforward/websocket.go).
"""

from __future__ import annotations

import http.client
import io
from collections.abc import Mapping
from typing import Any

import websocket

from promdrill.core.clock import Deadline
from promdrill.core.errors import ClusterError
from promdrill.kube.streams import CONNECT_TIMEOUT_S, Credentials
from promdrill.kube.transport import Answer

_DATA, _ERROR = 0, 1  # first byte of each frame
_PORT_BYTES = 2
_FRAME_BYTES = 1 << 16


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

    Raises:
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
            connection.sock = forwarded
            data = None if body is None else body.encode()
            connection.request(method, asked, body=data, headers={**headers, "Connection": "close"})
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
        finally:
            channel.shutdown()  # type: ignore[no-untyped-call]  # as in exec_channel
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

    def sendall(self, data: bytes) -> None:
        """Send bytes to the port."""
        for at in range(0, len(data), _FRAME_BYTES):
            self._channel.settimeout(left_s(self._deadline))
            self._channel.send_binary(bytes([_DATA]) + data[at : at + _FRAME_BYTES])

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What the port sends, buffered."""
        return io.BufferedReader(_Coming(self))

    def close(self) -> None:
        """Nothing to do."""

    def beyond(self, read: int) -> bytes:
        """What came from the port after so many bytes, which is waited for; empty when the connection was closed."""
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


class _Coming(io.RawIOBase):
    """The bytes that a forwarded port sends."""

    def __init__(self, port: _Forwarded) -> None:
        super().__init__()
        self._port = port
        self._read = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, into: Any) -> int:
        """Wait for bytes; 0 when the connection was closed."""
        piece = self._port.beyond(self._read)[: len(into)]
        into[: len(piece)] = piece
        self._read += len(piece)
        return len(piece)
