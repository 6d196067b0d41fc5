"""What speaks TLS behind the API server's proxy is asked by TLS, by way of a forwarded port, if it can be trusted.

The server is a real one, on loopback, behind the scripted API server's forwarded port.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.unit.api_server import PEM, ApiServer, api, kubeconfig, leads_to, says

from promdrill.core.clock import SYSTEM
from promdrill.core.errors import ClusterError, NotOurs
from promdrill.core.login import Login
from promdrill.kube.client import Kube, Untrusted
from promdrill.kube.expected import Expected
from promdrill.observe.poll import Poller
from promdrill.observe.probes import HttpProbe
from promdrill.observe.store import Store

__all__ = ["api"]

SPACE = "/api/v1/namespaces/n"
NOT_TLS = says(400, "Client sent an HTTP request to an HTTPS server.\n")
LOGIN = Login("drill", "Hunter2 x@Canary", PEM.read_text())
LONG = "x" * 200_000
"""More than one record of TLS, and than one frame."""


@dataclass
class Prometheus:
    """A server that speaks TLS and nothing else: what it was asked, and by whom."""

    asked: list[tuple[str, str, str, str]] = field(default_factory=list)
    port: int = 0
    login: str = ""
    cut: bool = False


@pytest.fixture
def server() -> Iterator[Prometheus]:
    """One on loopback, with the certificate of `PEM`."""
    made = Prometheus()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            login = self.headers.get("Authorization", "")
            made.asked.append((self.command, self.path, login, body))
            status = 401 if made.login != login else 200
            data = (LONG if self.path == "/long" else "{}").encode()
            self.send_response(status)
            if not made.cut:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            self.close_connection = True
            if made.cut:  # without TLS' own goodbye, as somebody in between would
                self.wfile.flush()
                self.connection.detach()

        do_GET = do_POST = answer  # noqa: N815  names of http.server

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  signature of http.server
            """Say nothing."""

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that does not trust it hangs up."""

    listening = Quiet(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    listening.socket = context.wrap_socket(listening.socket, server_side=True)
    made.port = listening.server_address[1]
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield made
    listening.shutdown()
    listening.server_close()
    thread.join()


Behind = Callable[..., str]


@pytest.fixture
def behind(api: ApiServer, server: Prometheus) -> Behind:
    """Puts the server behind a pod's proxy; returns the path there."""

    def put(asked: str = "/metrics", *, method: str = "GET", times: int = 1) -> str:
        path = f"{SPACE}/pods/prom-1:{server.port}/proxy{asked}"
        api.on(method, path, *[NOT_TLS] * times)
        api.on("GET", f"{SPACE}/pods/prom-1/portforward", *[leads_to(server.port)] * times)
        return path

    return put


@contextlib.contextmanager
def kube(api: ApiServer, folder: Path, login: Login | None) -> Iterator[Kube]:
    expected = Expected(f"https://127.0.0.1:{api.port}", api.uid)
    with Kube(kubeconfig(folder, api.port), expected=expected, login=login) as client:
        yield client


def test_it_is_asked_by_tls_with_its_login(api: ApiServer, tmp_path: Path, server: Prometheus, behind: Behind) -> None:
    server.login = LOGIN.header
    with kube(api, tmp_path, LOGIN) as client:
        said = client.request("GET", f"{behind()}?a=%7B")
    assert (said.status, said.text) == (200, "{}")
    assert server.asked == [("GET", "/metrics?a=%7B", LOGIN.header, "")]
    assert all(each.authorization is None for each in api.asked), "the API server gets no login"


def test_it_need_not_ask_for_a_login(api: ApiServer, tmp_path: Path, server: Prometheus, behind: Behind) -> None:
    with kube(api, tmp_path, Login(authority=LOGIN.authority)) as client:
        assert client.request("GET", behind("/long"), timeout_s=20).text == LONG
    assert server.asked == [("GET", "/long", "", "")]


def test_a_login_that_is_wrong_is_an_answer(api: ApiServer, tmp_path: Path, server: Prometheus, behind: Behind) -> None:
    server.login = "another"
    with kube(api, tmp_path, LOGIN) as client:
        assert client.request("GET", behind()).status == 401


def test_what_is_posted_is_posted_once(api: ApiServer, tmp_path: Path, server: Prometheus, behind: Behind) -> None:
    with kube(api, tmp_path, Login(authority=LOGIN.authority)) as client:
        assert client.request("POST", behind("/-/reload", method="POST"), body={"a": "é"}).status == 200
        api.uid = "another"
        with pytest.raises(NotOurs):
            client.request("POST", f"{SPACE}/pods/prom-1:{server.port}/proxy/-/reload")
    assert server.asked == [("POST", "/-/reload", "", '{"a": "\\u00e9"}')]


def other_authority() -> str:
    """Certificates of others: those that Python's requests trusts."""
    import certifi  # noqa: PLC0415  requests' own

    return Path(certifi.where()).read_text(encoding="utf-8")


def test_a_certificate_that_nobody_trusts_gets_neither_question_nor_login(
    api: ApiServer, tmp_path: Path, server: Prometheus, behind: Behind
) -> None:
    with (
        kube(api, tmp_path, Login("drill", "Hunter2", other_authority())) as client,
        pytest.raises(Untrusted, match="by TLS: its certificate is not signed by the authority that LOGIN=FILE names"),
    ):
        client.request("GET", behind())
    assert server.asked == []


@pytest.mark.parametrize("login", [None, Login("drill", "Hunter2")], ids=["no file", "no authority"])
def test_nobody_is_asked_by_tls_without_an_authority(
    api: ApiServer, tmp_path: Path, server: Prometheus, login: Login | None
) -> None:
    path = f"{SPACE}/pods/prom-1:{server.port}/proxy/metrics"
    api.on("GET", path, NOT_TLS)
    with kube(api, tmp_path, login) as client:
        assert client.request("GET", path).status == 400
    assert server.asked == []


@pytest.mark.parametrize(
    ("status", "text"), [(400, "bad_data"), (200, "Client sent an HTTP request to an HTTPS server."), (503, "")]
)
def test_every_other_answer_stays_as_it_is(api: ApiServer, tmp_path: Path, status: int, text: str) -> None:
    path = f"{SPACE}/pods/prom-1:9090/proxy/metrics"
    api.on("GET", path, says(status, text))
    with kube(api, tmp_path, LOGIN) as client:
        assert client.request("GET", path).status == status


def test_an_answer_that_is_cut_off_is_none(api: ApiServer, tmp_path: Path, server: Prometheus, behind: Behind) -> None:
    """Without a length, only TLS' own end says that it is whole."""
    server.cut = True
    with kube(api, tmp_path, Login(authority=LOGIN.authority)) as client, pytest.raises(ClusterError, match="by TLS"):
        client.request("GET", behind())


def test_what_waits_is_told_of_a_certificate_that_nobody_trusts(
    api: ApiServer, tmp_path: Path, server: Prometheus, behind: Behind
) -> None:
    probe = HttpProbe("prom", 80, "GET", "/metrics")
    api.on("GET", f"{SPACE}/services/prom:80/proxy/metrics", NOT_TLS)
    behind()
    api.on("GET", f"{SPACE}/services/prom", says(200, {"spec": {"ports": [{"port": 80}]}}))
    endpoint = {"conditions": {"ready": True}, "targetRef": {"kind": "Pod", "name": "prom-1"}}
    slices = {"items": [{"ports": [{"name": "", "port": server.port}], "endpoints": [endpoint]}]}
    api.on("GET", "/apis/discovery.k8s.io/v1/namespaces/n/endpointslices", says(200, slices))
    with kube(api, tmp_path, Login(authority=other_authority())) as client:
        store = Store("n", SYSTEM)
        poller = Poller(client, store, "n", threading.Event(), SYSTEM)
        with poller.asking([probe]):
            poller.turns()
            answer = store.snapshot(SYSTEM.utc()).answers[probe]
    assert (answer.untrusted, answer.refused, answer.status) == (True, False, None)
    assert "not signed by the authority" in answer.error
