"""Downloads from a server on this machine's own loopback: right, wrong, refused, cut off, hanging."""

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from promdrill.artefacts import fetch
from promdrill.artefacts.cache import TAG, Cache
from promdrill.artefacts.pins import Pin
from promdrill.artefacts.refusals import meaning
from promdrill.core.errors import CommandFailed, SupplyError

PROGRAM = b"#!/bin/sh\necho v1\n" * 40_000


def _archive() -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        member = tarfile.TarInfo("linux-amd64/helm")
        member.size = len(PROGRAM)
        tar.addfile(member, io.BytesIO(PROGRAM))
        folder = tarfile.TarInfo("linux-amd64/folder")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
    return raw.getvalue()


ARCHIVE = _archive()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []
        self.released = threading.Event()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.path.startswith("/status/"):
            self.send_error(int(self.path.rpartition("/")[2]))
            return
        if self.path == "/hang":
            self.server.released.wait(20)
            return
        body = ARCHIVE if self.path.endswith(".tar.gz") else PROGRAM
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.path == "/stall":
            self.wfile.write(body[:1000])
            self.server.released.wait(20)
        else:
            self.wfile.write(body[:1000] if self.path == "/cut" else body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with _Server() as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found
        found.released.set()
        found.shutdown()
        thread.join()


def _pin(server: _Server, path: str, body: bytes = PROGRAM, member: str = "") -> Pin:
    return Pin("helm", "4.3.0", server.root + path, hashlib.sha256(body).hexdigest(), member)


def test_a_program_is_downloaded_once_and_can_be_run(tmp_path: Path, server: _Server) -> None:
    cache = Cache(tmp_path)
    told: list[tuple[str, int, int | None]] = []
    path = fetch.tool(_pin(server, "/helm"), cache, progress=lambda *what: told.append(what))
    assert path.read_bytes() == PROGRAM
    assert path.stat().st_mode & 0o111
    assert told[-1] == ("helm", len(PROGRAM), len(PROGRAM))
    assert len(told) > 1
    assert fetch.tool(_pin(server, "/helm"), cache) == path
    assert server.asked == ["/helm"]


def test_a_damaged_program_is_downloaded_again(tmp_path: Path, server: _Server) -> None:
    cache = Cache(tmp_path)
    path = fetch.tool(_pin(server, "/helm"), cache)
    path.write_bytes(b"damaged")
    assert fetch.tool(_pin(server, "/helm"), cache).read_bytes() == PROGRAM
    assert server.asked == ["/helm", "/helm"]


def test_a_program_is_taken_out_of_its_archive(tmp_path: Path, server: _Server) -> None:
    pin = _pin(server, "/helm.tar.gz", ARCHIVE, "linux-amd64/helm")
    path = fetch.tool(pin, Cache(tmp_path))
    assert path.read_bytes() == PROGRAM
    assert [file.name for file in path.parent.iterdir()] == ["helm"]


@pytest.mark.parametrize("member", ["linux-amd64/none", "linux-amd64/folder"])
def test_an_archive_without_the_program_is_refused(tmp_path: Path, server: _Server, member: str) -> None:
    with pytest.raises(SupplyError, match=member):
        fetch.tool(_pin(server, "/helm.tar.gz", ARCHIVE, member), Cache(tmp_path))


def test_what_is_no_archive_is_refused(tmp_path: Path, server: _Server) -> None:
    with pytest.raises(SupplyError, match="does not contain linux-amd64/helm"):
        fetch.tool(_pin(server, "/helm", PROGRAM, "linux-amd64/helm"), Cache(tmp_path))


def test_a_wrong_sum_is_told_and_nothing_is_kept(tmp_path: Path, server: _Server) -> None:
    pin = replace(_pin(server, "/helm"), sha256="0" * 64)
    with pytest.raises(SupplyError, match=f"has SHA-256 {hashlib.sha256(PROGRAM).hexdigest()}, but 0000") as caught:
        fetch.tool(pin, Cache(tmp_path))
    assert "do not just change the pin" in caught.value.hint
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert [path.name for path in kept] == [TAG]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/status/401", "wants credentials"),
        ("/status/403", "refuses access"),
        ("/status/404", "does not have it"),
        ("/status/407", "proxy that wants credentials"),
        ("/status/429", "too many requests"),
        ("/status/503", "answers 503"),
        ("/cut", "ended the connection in the middle"),
    ],
)
def test_a_refusal_is_told_in_words(tmp_path: Path, server: _Server, path: str, words: str) -> None:
    with pytest.raises(SupplyError, match=rf"helm 4.3.0: {server.root}{path} .*{words}") as caught:
        fetch.tool(_pin(server, path), Cache(tmp_path))
    assert "PROMDRILL_PINS" in caught.value.hint


@pytest.mark.parametrize("path", ["/hang", "/stall"])
def test_a_server_that_hangs_is_given_up(tmp_path: Path, server: _Server, path: str) -> None:
    with pytest.raises(SupplyError, match="sent nothing for 0 s"):
        fetch.tool(_pin(server, path), Cache(tmp_path), silence_s=0.2)


def test_a_server_that_is_not_there_is_told(tmp_path: Path, server: _Server) -> None:
    pin = _pin(server, "/helm")
    server.shutdown()
    server.server_close()
    with pytest.raises(SupplyError, match=r"cannot be reached|sent nothing"):
        fetch.tool(pin, Cache(tmp_path), silence_s=0.2)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (requests.exceptions.SSLError("bad"), "no certificate that is trusted"),
        (requests.exceptions.ConnectionError("Read timed out."), "sent nothing"),
        (requests.exceptions.ProxyError("x"), "cannot be reached"),
    ],
)
def test_trouble_is_told_in_words(error: requests.RequestException, words: str) -> None:
    assert words in fetch.trouble("https://x", error, 3)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("Error response from daemon: unauthorized: authentication required", "wants credentials"),
        ("manifest for x@sha256:a404b not found: manifest unknown", "does not have it"),
        ("pull access denied for x", "refuses access"),
        ("Get https://x/v2/: net/http: TLS handshake timeout", "does not answer"),
        ("x509: certificate signed by unknown authority", "no certificate"),
        ("Error: failed to fetch https://x/index.yaml : 404 Not Found", "does not have it"),
        ("error pulling sha256:9403404401\n\n", "error pulling sha256:9403404401"),
        ("", "exit code 1"),
    ],
)
def test_what_docker_and_helm_say_is_put_into_words(said: str, words: str) -> None:
    assert words in meaning("https://x", CommandFailed(["docker", "pull"], 1, said))
