"""A server on a unix socket that answers /_ping, /version and /info as engines of several kinds do."""

from __future__ import annotations

import contextlib
import json
import socketserver
import tempfile
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

DOCKER_VERSION: Mapping[str, Any] = {
    "Platform": {"Name": "Docker Engine - Community"},
    "Components": [{"Name": "Engine", "Version": "28.2.2", "Details": {"ApiVersion": "1.50"}}],
    "Version": "28.2.2",
    "ApiVersion": "1.50",
    "MinAPIVersion": "1.24",
    "Os": "linux",
    "Arch": "arm64",
}

DOCKER_INFO: Mapping[str, Any] = {
    "ServerVersion": "28.2.2",
    "OperatingSystem": "Docker Desktop",
    "OSType": "linux",
    "Architecture": "aarch64",
    "KernelVersion": "6.10.14-linuxkit",
    "Name": "docker-desktop",
    "NCPU": 8,
    "MemTotal": 8217018368,
    "DockerRootDir": "/var/lib/docker",
    "DefaultRuntime": "runc",
    "CgroupVersion": "2",
    "SecurityOptions": ["name=seccomp,profile=unconfined", "name=cgroupns"],
}

PODMAN_VERSION: Mapping[str, Any] = {
    "Platform": {"Name": "linux/amd64/fedora-41"},
    "Components": [
        {"Name": "Podman Engine", "Version": "5.3.1", "Details": {"APIVersion": "5.3.1", "MinAPIVersion": "4.0.0"}},
        {"Name": "Conmon", "Version": "conmon version 2.1.12"},
        {"Name": "OCI Runtime (crun)", "Version": "crun version 1.19"},
    ],
    "Version": "5.3.1",
    "ApiVersion": "1.41",
    "MinAPIVersion": "1.24",
    "Os": "linux",
    "Arch": "amd64",
}

PODMAN_INFO: Mapping[str, Any] = {
    "ServerVersion": "5.3.1",
    "OperatingSystem": "fedora",
    "OSType": "linux",
    "Architecture": "amd64",
    "KernelVersion": "6.11.4-301.fc41.x86_64",
    "Name": "laptop",
    "NCPU": 8,
    "MemTotal": 33285996544,
    "DockerRootDir": "/home/a/.local/share/containers/storage",
    "DefaultRuntime": "crun",
    "SecurityOptions": ["name=seccomp,profile=default", "name=rootless"],
}


@contextlib.contextmanager
def serving(version: Mapping[str, Any], info: Mapping[str, Any], *, status: int = 200) -> Iterator[str]:
    """Its address, as DOCKER_HOST takes it. The socket lies in a short path: one may have 103 characters on macOS."""
    answers = {"_ping": "OK", "version": dict(version), "info": dict(info)}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer = answers.get(self.path.partition("?")[0].rpartition("/")[2])
            code = status if answer is not None else 404
            body = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
            self.send_response(code)
            self.send_header("Api-Version", str(version.get("ApiVersion", "1.41")))
            self.send_header("Ostype", str(version.get("Os", "linux")))
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815  as http.server names it

        def address_string(self) -> str:
            return "a unix socket"

        def log_message(self, *_: object) -> None:
            """It says nothing."""

    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True

    with tempfile.TemporaryDirectory(prefix="pd-") as folder:
        path = Path(folder, "docker.sock")
        with Server(str(path), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            try:
                yield f"unix://{path}"
            finally:
                server.shutdown()
                thread.join()
