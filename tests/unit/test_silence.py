"""Whether a chart repository answers, asked on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from promdrill.helm.source import find, repositories
from promdrill.helm.source.find import ChartRequest
from promdrill.helm.source.silence import silence


class _Index(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/charts/index.yaml" else 404)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Index)
    threading.Thread(target=server.serve_forever).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_repository_that_answers(address: str) -> None:
    assert not silence(f"{address}/charts/")
    assert not silence("oci://127.0.0.1:1/charts"), "a registry is not asked"


def test_a_repository_that_does_not(address: str) -> None:
    assert silence(f"{address}/other") == f"{address}/other answered 404"
    login = "http://me:secret@127.0.0.1:1"
    assert silence(login) == "http://127.0.0.1:1 cannot be reached"


def test_a_lookup_that_hangs_has_an_end() -> None:
    hangs = threading.Event()

    def get(*_: Any, **__: Any) -> Any:
        hangs.wait()
        raise requests.ConnectionError

    assert silence("http://x", get=get, within_s=0.1) == "http://x did not answer within 0.1 s"
    hangs.set()


@pytest.mark.parametrize(
    ("asked", "address"),
    [
        (ChartRequest(), None),
        (ChartRequest("./charts"), None),
        (ChartRequest("prometheus-community/prometheus", "29.27.0"), repositories.KNOWN["prometheus-community"]),
        (ChartRequest("prometheus", repo="https://charts.example.org"), "https://charts.example.org"),
    ],
)
def test_where_a_chart_is_pulled_from(asked: ChartRequest, address: str | None) -> None:
    assert find.repository(asked) == address
