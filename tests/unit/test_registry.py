"""The registry supply: which versions, and whence the tools; programs are made up here."""

from pathlib import Path
from typing import Any

import pytest

from promdrill.errors import CommandFailed, SupplyError
from promdrill.shell import Completed
from promdrill.supply import fetch, registry
from promdrill.supply.cache import Cache
from promdrill.supply.choose import Registry
from promdrill.supply.engine import Engine
from promdrill.supply.pins import Pin, Pins
from promdrill.supply.pulled import Pulled
from promdrill.supply.reference import Reference
from promdrill.supply.supplied import SupplyRequest

DIGEST = "a" * 64
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


def test_the_node_image_is_pulled_by_digest_under_a_tag_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    pulled: list[tuple[Any, ...]] = []

    def pull(wanted: Reference, source: Registry, digest: str, engine: Engine, *, what: str, say: Any) -> Pulled:
        pulled.append((wanted, source, digest, what))
        say("asked")
        assert engine is docker
        return Pulled("m/kindest/node@sha256:x", digest)

    monkeypatch.setattr(registry, "pull", pull)
    docker = _Engine(image=_missing(), tag=None)
    mirror, said = Registry.of("m"), list[str]()
    assert registry.node_image("1.36.4", docker, PINS, mirror, say=said.append) == TAG
    wanted = Reference("docker.io", "kindest/node", "v1.36.4")
    assert pulled == [(wanted, mirror, DIGEST, "the node image")]
    assert _calls(docker)[1:] == [f"tag m/kindest/node@sha256:x {TAG}"]
    assert said == ["asked"]


def test_a_node_image_that_is_there_asks_nobody() -> None:
    engine = _Engine(image=None)
    nowhere = Registry("http://127.0.0.1:1", "127.0.0.1:1/")
    assert registry.node_image("1.36.4", engine, PINS, nowhere, say=pytest.fail) == TAG


def test_an_image_without_a_pin_is_refused() -> None:
    with pytest.raises(SupplyError, match=r"no digest is pinned for kindest/node v1\.30\.0"):
        registry.node_image("1.30.0", _Engine(), PINS, Registry.of("m"), say=pytest.fail)


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
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert registry.tool("kind", "0.34.0", "amd64", pins=pins, cache=cache, say=said.append) == found
    assert asked == 2 * [Pin("kind", "0.34.0", "https://m/0.34.0", "c" * 64, "")]
    assert said == [
        "kind 0.34.0 comes from https://m/0.34.0, for the one on PATH is 0.33.0.",
        "kind 0.34.0 comes from https://m/0.34.0.",
    ]


def test_a_newer_helm_on_the_path_is_used_once_it_is_pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = _put(tmp_path / "bin", "helm", "printf v4.3.1")
    monkeypatch.setenv("PATH", str(program.parent))
    ours, cache = {"helm": {"4.3.0": {"amd64": "c" * 64}}}, Cache(tmp_path)
    pins = Pins({"helm": {"4.3.1": {"amd64": "d" * 64}}}, ours)
    version = pins.newest("helm", "4")
    assert registry.tool("helm", version, "amd64", pins=pins, cache=cache, say=pytest.fail) == program
    assert Pins(ours).newest("helm", "4") == "4.3.0"  # without, the pinned one is downloaded


def _provided(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: SupplyRequest
) -> tuple[registry.Pieces, list[str]]:
    said: list[str] = []

    def tool(name: str, version: str, architecture: str, **_: Any) -> Path:
        return Path(f"/tools/{architecture}/{name}-{version}")

    def download(pin: Pin, _: Cache, *, progress: fetch.Progress) -> Path:
        assert callable(progress)
        assert pin == Pin("operator-bundle", "0.72.0", "https://m/v0.72.0/bundle.yaml", "c" * 64, "")
        return Path("/downloads/bundle.yaml")

    monkeypatch.setattr(registry, "tool", tool)
    monkeypatch.setattr(fetch, "tool", download)
    monkeypatch.setattr(registry, "node_image", lambda version, *_, **__: f"node:{version}")
    pieces = registry.provide_registry(
        request, _Engine(), Cache(tmp_path), "amd64", say=said.append, pins=PINS, registry=Registry.of("m")
    )
    return pieces, said


def test_everything_is_provided_at_versions_that_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces, said = _provided(monkeypatch, tmp_path, SupplyRequest(kubernetes="1.36.3", helm="4"))
    assert said == ["kind 0.33.0 has no image of Kubernetes 1.36.3; 1.36.4 is used."]
    assert (pieces.kubernetes, pieces.node_image) == ("1.36.4", "node:1.36.4")
    assert pieces.tools.kind == Path("/tools/amd64/kind-0.33.0")
    assert pieces.tools.kubectl == Path("/tools/amd64/kubectl-1.36.4")
    assert pieces.tools.helm == Path("/tools/amd64/helm-4.3.0")
    assert pieces.crds == Path("/downloads/bundle.yaml")


def test_a_version_that_is_pinned_is_used_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces, said = _provided(monkeypatch, tmp_path, SupplyRequest(kubernetes="1.34.11", helm="3"))
    assert said == []
    assert (pieces.kubernetes, pieces.tools.helm.name) == ("1.34.11", "helm-3.19.5")


def test_a_release_line_without_an_image_lists_those_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SupplyError, match=r"has no node 1\.30; it has 1\.36\.4, 1\.34\.11"):
        _provided(monkeypatch, tmp_path, SupplyRequest(kubernetes="1.30.2"))
