"""The registry supply: which versions, and origin the tools; programs are made up here."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from promdrill.artefacts import fetch
from promdrill.artefacts.cache import Cache
from promdrill.artefacts.pins import Pin, Pins
from promdrill.artefacts.platforms import PLATFORMS, Platform
from promdrill.artefacts.reference import Reference
from promdrill.artefacts.registries import Registry
from promdrill.core.errors import CommandFailed, SupplyError, UsageError
from promdrill.core.shell import Completed
from promdrill.supply.engine.lifecycle import Engine
from promdrill.supply.pull import registry
from promdrill.supply.pull.images import Pulled
from promdrill.supply.supplied import SupplyRequest, Tools

DIGEST = "a" * 64
TAG = f"promdrill/node:v1.36.4-{DIGEST[:12]}"
NODE = Reference("docker.io", "kindest/node", "v1.36.4", DIGEST)
LINUX, MAC = Platform("linux", "amd64"), Platform("darwin", "arm64")
TOOL = {platform.key: "d" * 64 for platform in PLATFORMS}
PINS = Pins(
    {
        "node": {"1.36.4": {"digest": DIGEST}, "1.34.11": {"digest": "b" * 64}},
        "kind": {registry.KIND: TOOL},
        "kubectl": {"1.36.4": TOOL, "1.34.11": TOOL},
        "helm": {"4.3.0": TOOL, "3.19.5": TOOL},
        "operator-bundle": {registry.OPERATOR: {"digest": "c" * 64}},
        registry.PROVISIONER: {registry.PROVISIONER_VERSION: {"digest": "e" * 64}},
        "address": {
            **dict.fromkeys(("kind", "kubectl", "helm"), "https://m/{system}/{architecture}/{version}"),
            "operator-bundle": "https://m/v{version}/bundle.yaml",
        },
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
    assert registry.node_image(NODE, docker, mirror, say=said.append) == TAG
    assert pulled == [(NODE, mirror, DIGEST, "the node image")]
    assert _calls(docker)[1:] == [f"tag m/kindest/node@sha256:x {TAG}"]
    assert said == ["asked"]


def test_a_node_image_that_is_there_asks_nobody() -> None:
    engine = _Engine(image=None)
    nowhere = Registry("http://127.0.0.1:1", "127.0.0.1:1/")
    assert registry.node_image(NODE, engine, nowhere, say=pytest.fail) == TAG


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
    pin, cache = Pin("kind", "0.34.0", "https://m/0.34.0", "c" * 64, ""), Cache(tmp_path)
    assert registry.tool(replace(pin, version="0.33.0"), cache=cache, say=pytest.fail) == program
    said: list[str] = []
    assert registry.tool(pin, cache=cache, say=said.append) == tmp_path / "downloaded"
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert registry.tool(pin, cache=cache, say=said.append) == tmp_path / "downloaded"
    assert asked == [pin, pin]
    assert said == [
        "kind 0.34.0 comes from https://m/0.34.0, because the one on PATH is 0.33.0.",
        "kind 0.34.0 comes from https://m/0.34.0.",
    ]


def test_a_newer_helm_is_planned_once_it_is_pinned() -> None:
    newer = Pins({"helm": {"4.3.1": TOOL}}, *PINS._tables)
    assert registry.plan(SupplyRequest(), LINUX, newer).helm.version == "4.3.1"
    assert registry.plan(SupplyRequest(), LINUX, PINS).helm.version == "4.3.0"


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_plan_names_only_what_is_for_its_platform(platform: Platform) -> None:
    planned = registry.plan(SupplyRequest(kubernetes="1.36.3", helm="3"), platform, PINS)
    for pin, version in ((planned.kind, registry.KIND), (planned.kubectl, "1.36.4"), (planned.helm, "3.19.5")):
        assert pin.address == f"https://m/{platform}/{version}"
    assert (planned.kubernetes, planned.node) == ("1.36.4", NODE)
    assert planned.crds.address == f"https://m/v{registry.OPERATOR}/bundle.yaml"


def test_a_platform_without_a_pin_is_refused_by_name() -> None:
    lacking = Pins({"kind": {registry.KIND: {"linux-amd64": "d" * 64}}}, {**PINS._tables[0], "kind": {}})
    assert registry.plan(SupplyRequest(), LINUX, lacking).kind.version == registry.KIND
    with pytest.raises(SupplyError, match=r"no SHA-256 is pinned for kind 0\.33\.0 on darwin/arm64"):
        registry.plan(SupplyRequest(), MAC, lacking)


def test_a_release_line_without_an_image_lists_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"KUBE_VERSION=1\.30\.2: not one of 1\.36\.4, 1\.34\.11"):
        registry.plan(SupplyRequest(kubernetes="1.30.2"), LINUX, PINS)


def test_just_what_was_planned_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def tool(pin: Pin, **_: Any) -> Path:
        return Path(f"/tools/{pin.name}-{pin.version}")

    def file(pin: Pin, _: Cache, *, progress: fetch.Progress) -> Path:
        assert callable(progress)
        return Path(f"/files/{pin.name}-{pin.version}")

    monkeypatch.setattr(registry, "tool", tool)
    monkeypatch.setattr(fetch, "file", file)
    monkeypatch.setattr(registry, "node_image", lambda wanted, *_, **__: f"node:{wanted.tag}")
    planned = registry.plan(SupplyRequest(kubernetes="1.34.11", helm="4"), MAC, PINS)
    pieces = registry.provide(planned, _Engine(), Cache(tmp_path), registry=Registry.of("m"), say=pytest.fail)
    assert (pieces.kubernetes, pieces.node_image) == ("1.34.11", "node:v1.34.11")
    assert pieces.tools == Tools(Path("/tools/kind-0.33.0"), Path("/tools/kubectl-1.34.11"), Path("/tools/helm-4.3.0"))
    assert pieces.provisioner == Path("/files/local-path-provisioner-0.0.30")
    assert pieces.crds == Path("/files/operator-bundle-0.72.0")
