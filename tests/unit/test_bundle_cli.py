"""`promdrill bundle`: what it asks for, where it writes to, and what it shows of a bundle."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.unit.bundle_world import NODE, Docker, World

import promdrill
from promdrill import doctor
from promdrill.cli import bundle as command
from promdrill.cli import supply
from promdrill.cli.parser import EXIT_OK, Parser
from promdrill.core.errors import UsageError
from promdrill.request import fulfil
from promdrill.request.request import Request
from promdrill.supply.bundle import unpack
from promdrill.supply.bundle.manifest import Manifest
from promdrill.supply.engine import lifecycle
from promdrill.supply.supplied import Supplied


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _run(*argv: str) -> int:
    parser = Parser()
    command.add(parser.add_subparsers(parser_class=Parser))
    arguments = parser.parse_args(["bundle", *argv])
    code: int = arguments.execute(arguments)
    return code


@pytest.fixture
def asked(world: World, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A command that supplies nothing and writes nothing; what it was asked for."""
    seen: list[Any] = []
    supplied = world.supplied()
    written = world.write(supplied)

    def provide(request: Request, scenarios: Sequence[Path], *, say: Any, found: Any) -> Supplied:
        assert found == fulfil.Preflight()
        seen.extend([request.settings, [folder.name for folder in scenarios]])
        assert say
        return supplied

    def preflight(_request: Request, *, say: Any) -> fulfil.Preflight:
        assert say
        seen.append("preflight")
        return fulfil.Preflight()

    def write(found: Supplied, request: Any, file: Path, **options: Any) -> Manifest:
        assert set(options) == {"cache", "engine", "say", "progress"}
        options["progress"](10)
        seen.append((found, request, file))
        return written

    for name in supply.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SUPPLY", "source")
    monkeypatch.setenv("BUNDLE", str(world.file))
    monkeypatch.setattr(fulfil, "provide", provide)
    monkeypatch.setattr(fulfil, "preflight", preflight)
    monkeypatch.setattr(doctor, "require", lambda **_: seen.append("doctor"))
    monkeypatch.setattr(lifecycle, "ensure", lambda **_: Docker(NODE))
    monkeypatch.setattr(unpack, "write", write)
    return seen


def test_variables_decide_what_goes_in(
    asked: list[Any], world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("APP_VERSION", "2.55.1")
    assert _run("--kube-version", "1.34.4", "--scenario", "disk-full, oom") == EXIT_OK
    doctored, looked, settings, scenarios, (_, request, file) = asked
    assert (doctored, looked) == ("doctor", "preflight")
    assert (settings.kubernetes, settings.app_version, settings.supply) == ("1.34.4", "2.55.1", "source")
    assert settings.bundle is None, "$BUNDLE is where to, and not origin"
    assert scenarios == ["disk-full", "oom"]
    assert (request.kubernetes, file) == ("1.34.4", world.file)
    assert f"make test-scenarios BUNDLE={world.file}" in capsys.readouterr().out


def test_what_controls_need_goes_in_where_it_is_asked_for(asked: list[Any]) -> None:
    assert _run("--scenario", "cpu-throttled", "--controls") == EXIT_OK
    assert asked[3] == ["cpu-throttled", "restarts-metric"], "and what looks like it"


def test_file_comes_before_the_variable(asked: list[Any], world: World) -> None:
    other = world.folder / "c.tar"
    other.touch()
    assert _run("--file", str(other)) == EXIT_OK
    assert asked[-1][2] == other


def test_place_is_looked_at_first(asked: list[Any], world: World) -> None:
    with pytest.raises(UsageError, match="cannot write a file to"):
        _run("--file", str(world.folder / "nowhere" / "b.tar"))
    assert asked == []


def test_wrong_variable_is_refused_before_anything(asked: list[Any]) -> None:
    with pytest.raises(UsageError, match=r"KUBE_VERSION=1\.0\.0"):
        _run("--kube-version", "1.0.0")
    with pytest.raises(UsageError, match="no-such"):
        _run("--scenario", "no-such")
    assert asked == []


def test_list_says_what_and_whence(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    found = world.write()
    assert _run("--list", str(world.file)) == EXIT_OK
    out = " ".join(capsys.readouterr().out.split())
    assert f"made 2026-11-22T12:00:00Z by promdrill {promdrill.__version__}, SUPPLY=source" in out
    assert "Kubernetes 1.36.3, Helm 4, chart prometheus 25.8.0, Prometheus 3.14.0" in out
    for part in found.parts:
        assert part.path in out
        assert f"SHA-256 {part.sha256[:12]}" in out
        assert part.sha256 not in out
    assert "kind 0.33.0: Go module sigs.k8s.io/kind v0.33.0, built with go1.26.8" in out
    assert "registry.k8s.io/etcd:3.6.8-0: Go module go.etcd.io/etcd/server/v3 v3.6.8" in out
    assert "more packages" in out
    assert "The nearest runs instead." in out


def test_list_of_all_shortens_nothing(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    found = world.write()
    assert _run("--list", str(world.file), "--all") == EXIT_OK
    out = capsys.readouterr().out
    assert all(part.sha256 in out for part in found.parts)
    assert "more packages" not in out


def test_list_of_something_else(world: World) -> None:
    world.file.write_text("hello")
    with pytest.raises(UsageError, match="not a promdrill bundle"):
        _run("--list", str(world.file))
