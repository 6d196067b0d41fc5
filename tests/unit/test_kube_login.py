"""What asks for a login behind the API server's proxy is asked again, with it, by way of a forwarded port."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.api_server import ApiServer, Script, api, executes, forwards, kubeconfig, says

from promdrill.core.errors import ClusterError, NotOurs
from promdrill.core.login import Login
from promdrill.kube.client import Kube
from promdrill.kube.expected import Expected

__all__ = ["api"]

LOGIN = Login("drill", "Hunter2 x@Canary")
SECRETS = ("Hunter2", LOGIN.header.partition(" ")[2], LOGIN.in_address)
SPACE = "/api/v1/namespaces/n"
ASKED = f"{SPACE}/services/prom:80/proxy/api/v1/query"
FORWARD = f"{SPACE}/pods/prom-1/portforward"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/n/endpointslices"
UNAUTHORIZED = says(401, "Unauthorized\n")
REFUSED = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 401, "message": "Unauthorized"}
SERVICE = {"spec": {"ports": [{"name": "web", "port": 81}, {"name": "http", "port": 80}]}}


def endpoint(name: str, *, ready: bool | None = True, kind: str = "Pod") -> dict[str, Any]:
    return {"conditions": {"ready": ready}, "targetRef": {"kind": kind, "name": name}}


def slices(*endpoints: dict[str, Any], port: str | None = "http", number: int = 9090) -> Script:
    """The Service's EndpointSlices: the first is for another port."""
    other = {"ports": [{"name": "web", "port": 1}], "endpoints": [endpoint("other")]}
    ports = [{"name": port, "port": number}]
    return says(200, {"items": [other, {"ports": ports, "endpoints": list(endpoints)}, {"endpoints": None}]})


def answer(status: str, body: str, *headers: str) -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""])
    return b"\x00" + (head + body).encode()


OK = answer("200 OK", '{"status": "success"}', "Content-Length: 21")


@pytest.fixture
def kube(api: ApiServer, tmp_path: Path) -> Iterator[Kube]:
    expected = Expected(f"https://127.0.0.1:{api.port}", api.uid)
    with Kube(kubeconfig(tmp_path, api.port), expected=expected, login=LOGIN) as client:
        yield client


def behind(api: ApiServer, *scripts: Script, method: str = "GET") -> None:
    """A Service with one ready pod, which asks for a login; its forwarded port answers by these scripts."""
    api.on(method, ASKED, *[UNAUTHORIZED] * len(scripts))
    api.on("GET", f"{SPACE}/services/prom", *[says(200, SERVICE)] * len(scripts))
    api.on("GET", SLICES, *[slices(endpoint("old", ready=False), endpoint("prom-1"))] * len(scripts))
    api.on("GET", FORWARD, *scripts)


def test_a_service_that_asks_for_a_login_is_asked_again_with_it(api: ApiServer, kube: Kube) -> None:
    heard: list[str] = []
    behind(api, forwards(OK, heard=heard))
    said = kube.request("GET", f"{ASKED}?query=up%7Bx%3D%22y%22%7D&time=1")
    assert (said.status, said.json()) == (200, {"status": "success"})
    line, *headers = heard[0].split("\r\n")
    assert line == "GET /api/v1/query?query=up%7Bx%3D%22y%22%7D&time=1 HTTP/1.1"
    assert {f"Authorization: {LOGIN.header}", "Connection: close"} <= set(headers)
    assert any(header.startswith("Host: ") for header in headers)
    assert [(each.method, each.path) for each in api.asked] == [
        ("GET", ASKED), ("GET", f"{SPACE}/services/prom"), ("GET", SLICES), ("GET", FORWARD),
    ]  # fmt: skip
    assert api.asked[2].query == {"labelSelector": ["kubernetes.io/service-name=prom"]}
    assert api.asked[3].query == {"ports": ["9090"]}
    assert (kube.questions_asked, kube.requests_made) == (2, 2)
    assert all(secret not in str(api.asked) for secret in SECRETS), "the API server gets no login"


def test_a_service_port_may_be_asked_by_its_name_or_have_none(api: ApiServer, kube: Kube) -> None:
    heard: list[str] = []
    named = ASKED.replace("prom:80", "prom:http")
    api.on("GET", named, UNAUTHORIZED)
    api.on("GET", ASKED, UNAUTHORIZED)
    api.on("GET", f"{SPACE}/services/prom", says(200, SERVICE), says(200, {"spec": {"ports": [{"port": 80}]}}))
    api.on("GET", SLICES, slices(endpoint("prom-1")), slices(endpoint("prom-1", ready=None), port=None, number=99))
    api.on("GET", FORWARD, forwards(OK, heard=heard), forwards(OK, heard=heard, port=99))
    assert [kube.request("GET", path).status for path in (named, ASKED)] == [200, 200]
    assert [each.query["ports"] for each in api.asked if each.path == FORWARD] == [["9090"], ["99"]]


def test_a_pod_is_asked_again_itself(api: ApiServer, kube: Kube) -> None:
    heard: list[str] = []
    api.on("GET", f"{SPACE}/pods/prom-1:9090/proxy/metrics", UNAUTHORIZED)
    api.on("GET", FORWARD, forwards(OK, heard=heard))
    assert kube.request("GET", f"{SPACE}/pods/prom-1:9090/proxy/metrics").status == 200
    assert heard[0].startswith("GET /metrics HTTP/1.1\r\n")


def test_an_answer_may_come_in_chunks_cut_anywhere_and_with_empty_frames(api: ApiServer, kube: Kube) -> None:
    text = "".join(f"metric_{number} {number}\n" for number in range(40))
    size = f"{len(text):x}\r\n{text}\r\n0\r\n\r\n"
    whole = answer("200 OK", size, "Transfer-Encoding: chunked")[1:]
    pieces = [b"\x00" + whole[at : at + 7] for at in range(0, len(whole), 7)]
    behind(api, forwards(b"\x00", *pieces, b"\x01", heard=[], hold=True))
    assert kube.request("GET", ASKED, timeout_s=5).text == text, "without waiting for the end of the connection"


def test_an_answer_without_a_length_ends_with_the_connection(api: ApiServer, kube: Kube) -> None:
    behind(api, forwards(answer("200 OK", "all of it"), heard=[]))
    assert kube.request("GET", ASKED).text == "all of it"


def test_a_post_that_was_refused_was_not_carried_out_and_is_sent_again_once(api: ApiServer, kube: Kube) -> None:
    heard: list[str] = []
    behind(api, forwards(answer("200 OK", "", "Content-Length: 0"), heard=heard), method="POST")
    assert kube.request("POST", ASKED, body={"a": "é"}).status == 200
    head, _, body = heard[0].partition("\r\n\r\n")
    assert (head.splitlines()[0], body) == ("POST /api/v1/query HTTP/1.1", '{"a": "\\u00e9"}')
    assert {"Content-Type: application/json", "Content-Length: 15"} <= set(head.split("\r\n"))
    assert [each.path for each in api.asked].count(ASKED) == 1


def test_a_post_to_another_cluster_is_not_sent_with_a_login_either(api: ApiServer, kube: Kube) -> None:
    api.uid = "another"
    with pytest.raises(NotOurs):
        kube.request("POST", ASKED)
    assert api.asked == []


def test_a_login_that_is_wrong_is_an_answer(api: ApiServer, kube: Kube) -> None:
    behind(api, forwards(answer("401 Unauthorized", "Unauthorized\n", "Content-Length: 13"), heard=[]))
    said = kube.request("GET", ASKED)
    assert (said.status, said.text) == (401, "Unauthorized\n")


@pytest.mark.parametrize(
    ("path", "first"),
    [
        (ASKED, says(503, {"kind": "Status", "message": 'no endpoints available for service "prom"'})),
        (ASKED, says(403, "Forbidden")),
        (ASKED, says(200, "x")),
        (ASKED, says(401, REFUSED)),
        (f"{SPACE}/services/prom", UNAUTHORIZED),
    ],
    ids=["no endpoints", "forbidden", "fine", "the API server's own", "no proxy"],
)
def test_every_other_answer_stays_as_it_is(api: ApiServer, kube: Kube, path: str, first: Script) -> None:
    api.on("GET", path, first)
    kube.request("GET", path)
    assert len(api.asked) == 1


def test_without_a_login_a_401_is_an_answer(api: ApiServer, tmp_path: Path) -> None:
    api.on("GET", ASKED, UNAUTHORIZED)
    with Kube(kubeconfig(tmp_path, api.port)) as kube:
        assert kube.request("GET", ASKED).status == 401


BROKEN = {
    "closed": (forwards(heard=[]), "closed connection without response"),
    "cut off": (forwards(answer("200 OK", "abc", "Content-Length: 9"), heard=[]), "IncompleteRead"),
    "error": (forwards(b"\x01connect: connection refused\n", heard=[]), "connect: connection refused"),
    "no HTTP": (forwards(b"\x00SSH-2.0\r\n", heard=[]), "SSH-2.0"),
    "no upgrade": (says(404, "no such pod"), "404"),
    "silent": (forwards(heard=[], hold=True), "not done within 1 s"),
    "not even the port": (executes(hold=True), "not done within 1 s"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_port_that_does_not_answer_is_a_cluster_error_that_says_what_was_asked(
    api: ApiServer, kube: Kube, name: str
) -> None:
    script, words = BROKEN[name]
    behind(api, script)
    with pytest.raises(ClusterError) as caught:
        kube.request("GET", f"{ASKED}?query=up", timeout_s=1)
    assert words in caught.value.message
    assert f"GET {ASKED}, with the login: " in caught.value.message
    assert all(secret not in caught.value.message for secret in SECRETS)


@pytest.mark.parametrize(
    "endpoints",
    [(), (endpoint("a", ready=False),), (endpoint("a", kind="Node"),), ({"addresses": ["10.0.0.1"]},)],
    ids=["none", "not ready", "no pod", "an address"],
)
def test_without_a_ready_pod_nobody_can_be_asked(api: ApiServer, kube: Kube, endpoints: Any) -> None:
    api.on("GET", ASKED, UNAUTHORIZED)
    api.on("GET", f"{SPACE}/services/prom", says(200, SERVICE))
    api.on("GET", SLICES, slices(*endpoints))
    with pytest.raises(ClusterError, match="no ready pod is behind port 80 of the Service prom"):
        kube.request("GET", ASKED)
