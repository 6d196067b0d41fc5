"""Commands in containers over the API server's exec WebSocket (subprotocol v4.channel.k8s.io).

Uses websocket-client directly: the exec of the `kubernetes` package connects without a deadline, and has no error for
a command that could not be started.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import websocket

from promdrill.core.clock import Deadline
from promdrill.core.errors import ClusterError
from promdrill.kube.streams import CONNECT_TIMEOUT_S, Credentials


class NoProgram(ClusterError):
    """The container's image has no such program."""


_NO_PROGRAM = re.compile(r"executable file not found|exec: \"[^\"]*\": stat [^ ]+: no such file or directory")
"""What runc says of it (libcontainer's errors of exec.LookPath)."""

_STDOUT, _STDERR, _STATUS = 1, 2, 3  # first byte of each frame


def run(credentials: Credentials, path: str, *, what: str, timeout_s: float) -> tuple[int, str]:
    """Run the command that `path` names; returns its exit code, and its output including standard error.

    Raises:
        NoProgram: There is no such program in the container's image.
        ClusterError: It could not be started, or did not end within `timeout_s` seconds (it is then left running).
    """
    deadline = Deadline.after(timeout_s)
    try:
        channel = websocket.create_connection(
            f"wss{credentials.server.removeprefix('https')}{path}",
            timeout=min(CONNECT_TIMEOUT_S, timeout_s),
            header=credentials.headers,
            subprotocols=["v4.channel.k8s.io"],
            sslopt={"context": credentials.tls},
            http_no_proxy=["*"],
        )
        try:
            return _collect(channel, deadline)
        finally:
            channel.shutdown()  # type: ignore[no-untyped-call]  # `close` does not close a socket that the peer closed
    except (OSError, websocket.WebSocketException) as error:
        reason = f"not done within {timeout_s:.0f} s" if deadline.passed else str(error)
        kind = NoProgram if _NO_PROGRAM.search(reason) else ClusterError
        raise kind(f"{what}: {reason}") from error


def _collect(channel: websocket.WebSocket, deadline: Deadline) -> tuple[int, str]:
    output = bytearray()
    while True:
        channel.settimeout(max(0.001, deadline.remaining_s))
        frame = channel.recv()
        data = frame if isinstance(frame, bytes) else frame.encode()
        if not data:  # a close frame
            raise websocket.WebSocketException("closed before the exit code arrived")
        if data[:1] in (bytes([_STDOUT]), bytes([_STDERR])):
            output += data[1:]
        elif data[:1] == bytes([_STATUS]):
            return _exit_code(json.loads(data[1:])), output.decode("utf-8", "replace")


def _exit_code(status: Mapping[str, Any]) -> int:
    if status.get("status") == "Success":
        return 0
    for cause in (status.get("details") or {}).get("causes") or ():
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise websocket.WebSocketException(str(status.get("message") or status))
