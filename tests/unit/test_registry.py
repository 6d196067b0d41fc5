"""The registry supply: pinned images and tools, from a registry on loopback and from programs made up here."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from promdrill.errors import CommandFailed, CommandTimeout, SupplyError
from promdrill.shell import Completed
from promdrill.supply import charts, fetch, registry
from promdrill.supply.cache import Cache
from promdrill.supply.choose import Registry
from promdrill.supply.engine import Engine
from promdrill.supply.pins import Pin, Pins
from promdrill.supply.supplied import SupplyRequest

MANIFEST = b'{"schemaVersion": 2}'
DIGEST = hashlib.sha256(MANIFEST).hexdigest()
TAG = f"promdrill/node:v1.36.4-{DIGEST[:12]}"
PINS = Pins(
    {
        "node": {"1.36.4": {"digest": DIGEST}, "1.34.11": {"digest": "b" * 64}},
        "helm": {"4.3.0": {}, "3.19.5": {}},
        "operator-bundle": {"0.72.0": {"digest": "c" * 64}},
        "address": {"operator-bundle": "https://m/v{version}/bundle.yaml"},
    }
)


class _Engine(Engine):
    """A Docker that knows the commands it is given beforehand, and no others."""

    def __init__(self, **answers: Exception | None) -> None:
        super().__init__("28", ours=False)
        object.__setattr__(self, "answers", answers)
        object.__setattr__(self, "calls", [])

    def docker(self, *arguments: Any, timeout_s: float, **options: Any) -> Completed:
        assert timeout_s > 0
        assert not options
        self.calls.append(" ".join(str(argument) for argument in arguments))  # type: ignore[attr-defined]
        answer = self.answers[arguments[0]]  # type: ignore[attr-defined]
        if answer is not None:
            raise answer
        return Completed((), 0, "", "", 0.0)


def _calls(engine: Engine) -> list[str]:
    return list(engine.calls)  # type: ignore[attr-defined]


def _missing() -> CommandFailed:
    return CommandFailed(["docker", "image", "inspect"], 1, "No such image")


class _Handler(BaseHTTPRequestHandler):
    answers: dict[str, tuple[int, dict[str, str], bytes]]
    released: threading.Event

    def do_GET(self) -> None:
        if "hang" in self.path:
            self.released.wait(20)
            return
        status, headers, body = self.answers[self.path]
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Registry, dict[str, Any]]]:
    """A registry on loopback, and what it answers by path."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    answers: dict[str, Any] = {}
    handler = type("_Bound", (_Handler,), {"answers": answers, "released": threading.Event()})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Registry.of(f"127.0.0.1:{server.server_port}/hub"), answers
        handler.released.set()  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()


MANIFEST_PATH = f"/v2/hub/kindest/node/manifests/sha256:{DIGEST}"


def test_the_node_image_is_pulled_by_digest_under_a_tag_of_ours(served: tuple[Registry, dict[str, Any]]) -> None:
    found, answers = served
    answers[MANIFEST_PATH] = (200, {}, MANIFEST)
    engine = _Engine(image=_missing(), pull=None, tag=None)
    said: list[str] = []
    assert registry.node_image("1.36.4", engine, PINS, found, say=said.append) == TAG
    reference = f"{found.prefix}kindest/node@sha256:{DIGEST}"
    assert _calls(engine)[1:] == [f"pull --quiet {reference}", f"tag {reference} {TAG}"]
    assert said == [f"The node image comes from {reference}."]


def test_a_node_image_that_is_there_asks_nobody() -> None:
    engine = _Engine(image=None)
    nowhere = Registry("http://127.0.0.1:1", "127.0.0.1:1/")
    assert registry.node_image("1.36.4", engine, PINS, nowhere, say=pytest.fail) == TAG


def test_an_image_without_a_pin_is_refused() -> None:
    with pytest.raises(SupplyError, match=r"no digest is pinned for kindest/node v1\.30\.0"):
        registry.node_image("1.30.0", _Engine(), PINS, Registry.of("m"), say=pytest.fail)


@pytest.mark.parametrize(
    ("answer", "words", "hint"),
    [
        ((200, {}, b"something else"), f"but {DIGEST} is pinned", "REGISTRY_MIRROR"),
        ((404, {}, b""), "does not have it", "REGISTRY_MIRROR"),
        ((403, {}, b""), "does not let us have it", "REGISTRY_MIRROR"),
        ((500, {}, b""), "answers 500", "REGISTRY_MIRROR"),
        ((401, {"WWW-Authenticate": 'Basic realm="x"'}, b""), "wants credentials", "docker login 127.0.0.1:"),
    ],
)
def test_a_registry_that_is_wrong_is_told_before_anything_is_pulled(
    served: tuple[Registry, dict[str, Any]], answer: Any, words: str, hint: str
) -> None:
    found, answers = served
    answers[MANIFEST_PATH] = answer
    with pytest.raises(SupplyError, match=words) as caught:
        registry.node_image("1.36.4", _Engine(image=_missing()), PINS, found, say=pytest.fail)
    assert hint in caught.value.hint


def test_a_registry_that_hands_out_tokens_is_left_to_docker(served: tuple[Registry, dict[str, Any]]) -> None:
    found, answers = served
    answers[MANIFEST_PATH] = (401, {"WWW-Authenticate": 'Bearer realm="x"'}, b"")
    refused = CommandFailed(["docker", "pull"], 1, "Error: unauthorized: authentication required")
    with pytest.raises(SupplyError, match="wants credentials") as caught:
        registry.node_image("1.36.4", _Engine(image=_missing(), pull=refused), PINS, found, say=lambda _: None)
    assert "docker login" in caught.value.hint


def test_a_registry_that_hangs_is_given_up(served: tuple[Registry, dict[str, Any]]) -> None:
    with pytest.raises(SupplyError, match="sent nothing for 0 s"):
        registry.check_manifest(served[0], "hang", DIGEST, silence_s=0.1)


def test_a_pull_that_takes_too_long_is_told(served: tuple[Registry, dict[str, Any]]) -> None:
    found, answers = served
    answers[MANIFEST_PATH] = (200, {}, MANIFEST)
    slow = CommandTimeout(["docker", "pull"], -9, "")
    with pytest.raises(SupplyError, match="was not there within 900 s"):
        registry.node_image("1.36.4", _Engine(image=_missing(), pull=slow), PINS, found, say=lambda _: None)


def _put(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    ("name", "script", "version"),
    [
        ("kind", '[ "$*" = "version --quiet" ] && echo 0.33.0', "0.33.0"),
        ("helm", '[ "$*" = "version --template={{.Version}}" ] && printf v4.3.0', "4.3.0"),
        ("kubectl", 'echo \'{"clientVersion": {"gitVersion": "v1.36.4"}}\'', "1.36.4"),
        ("kubectl", 'echo \'{"clientVersion": {"gitVersion": "v1.36.4-dispatcher"}}\'', "1.36.4-dispatcher"),
        ("kubectl", "echo Client Version: v1.36.4", None),
        ("kubectl", "echo null", None),
        ("helm", "exit 1", None),
        ("helm", "", None),
    ],
)
def test_a_tool_tells_its_version(tmp_path: Path, name: str, script: str, version: str | None) -> None:
    assert registry.version_of(name, _put(tmp_path, name, script)) == version


def test_an_equal_version_on_the_path_is_used_and_another_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = _put(tmp_path / "bin", "kind", "echo 0.33.0")
    monkeypatch.setenv("PATH", str(program.parent))
    asked: list[Pin] = []

    def download(pin: Pin, _: Cache, *, progress: fetch.Progress) -> Path:
        assert callable(progress)
        asked.append(pin)
        return tmp_path / "downloaded"

    monkeypatch.setattr(fetch, "tool", download)
    pins = Pins({"kind": {"0.34.0": {"amd64": "c" * 64}}, "address": {"kind": "https://m/{version}"}})
    cache = Cache(tmp_path)
    assert registry.tool("kind", "0.33.0", "amd64", pins=pins, cache=cache, say=pytest.fail) == program
    said: list[str] = []
    found = registry.tool("kind", "0.34.0", "amd64", pins=pins, cache=cache, say=said.append)
    assert found == tmp_path / "downloaded"
    assert asked == [Pin("kind", "0.34.0", "https://m/0.34.0", "c" * 64, "")]
    assert said == ["kind 0.34.0 comes from https://m/0.34.0."]


def _provided(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: SupplyRequest
) -> tuple[registry.Pieces, list[str]]:
    said: list[str] = []

    def tool(name: str, version: str, architecture: str, **_: Any) -> Path:
        return Path(f"/tools/{architecture}/{name}-{version}")

    def pull(helm: Path, name: str, version: str, repo: str, **_: Any) -> Path:
        assert helm.name.startswith("helm-")
        return Path(f"/charts/{repo.rpartition('/')[2]}/{name}-{version}.tgz")

    def download(pin: Pin, _: Cache, *, progress: fetch.Progress) -> Path:
        assert callable(progress)
        assert pin == Pin("operator-bundle", "0.72.0", "https://m/v0.72.0/bundle.yaml", "c" * 64, "")
        return Path("/downloads/bundle.yaml")

    monkeypatch.setattr(registry, "tool", tool)
    monkeypatch.setattr(fetch, "tool", download)
    monkeypatch.setattr(registry, "node_image", lambda version, *_, **__: f"node:{version}")
    monkeypatch.setattr(charts, "pull", pull)
    pieces = registry.provide_registry(
        request, _Engine(), Cache(tmp_path), "amd64", say=said.append, pins=PINS, registry=Registry.of("m")
    )
    return pieces, said


def test_everything_is_provided_at_versions_that_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(charts.REPO_VARIABLE, raising=False)
    pieces, said = _provided(monkeypatch, tmp_path, SupplyRequest(kubernetes="1.36.3", helm="4"))
    assert said == ["kind 0.33.0 has no image of Kubernetes 1.36.3; 1.36.4 is used."]
    assert (pieces.kubernetes, pieces.node_image) == ("1.36.4", "node:1.36.4")
    assert pieces.tools.kind == Path("/tools/amd64/kind-0.33.0")
    assert pieces.tools.kubectl == Path("/tools/amd64/kubectl-1.36.4")
    assert pieces.tools.helm == Path("/tools/amd64/helm-4.3.0")
    assert pieces.chart == Path("/charts/helm-charts/prometheus-25.8.0.tgz")
    assert pieces.crds == Path("/downloads/bundle.yaml")


def test_a_users_repository_and_versions_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(charts.REPO_VARIABLE, "https://mirror.example/ours")
    request = SupplyRequest(kubernetes="1.34.11", helm="3", chart_version="1.2.3")
    pieces, said = _provided(monkeypatch, tmp_path, request)
    assert said == []
    assert pieces.tools.helm.name == "helm-3.19.5"
    assert pieces.chart == Path("/charts/ours/prometheus-1.2.3.tgz")


def test_a_users_own_chart_is_not_pulled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces, _ = _provided(monkeypatch, tmp_path, SupplyRequest(kubernetes="1.36.4", chart=Path("/my/chart")))
    assert pieces.chart == Path("/my/chart")


def test_a_release_line_without_an_image_lists_those_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SupplyError, match=r"has no node 1\.30; it has 1\.36\.4, 1\.34\.11"):
        _provided(monkeypatch, tmp_path, SupplyRequest(kubernetes="1.30.2"))
