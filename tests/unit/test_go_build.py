"""How Go is called to build what is not a module of promdrill's own."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from promdrill.supply.build import go, release
from promdrill.supply.build.catalogue import Artefact, Release
from promdrill.supply.build.toolchain import Go


def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of: Release | None) -> list[str]:
    """The command that builds an artefact."""
    commands: list[list[str]] = []

    @contextlib.contextmanager
    def place(*_: Any) -> Iterator[release.Place]:
        yield release.Place(tmp_path, (), {})

    def run(_target: Go, argv: list[str], _artefact: Artefact, **_options: Any) -> str:
        commands.append(argv)
        Path(argv[argv.index("-o") + 1], "prometheus").touch()
        return ""

    monkeypatch.setattr(go, "_place", place)
    monkeypatch.setattr(go, "_go", run)
    artefact = Artefact("x-1", "1", tmp_path, go={"./cmd/prometheus": "prometheus"}, stamps={"v": "1"}, release=of)
    into = tmp_path / "into"
    into.mkdir()
    go.build(artefact, Go(Path("go"), "go1.26.8", {}), into)
    (command,) = commands
    return command


@pytest.mark.parametrize("of", [None, Release("github.com/prometheus/prometheus", "v0.35.0")])
def test_an_old_release_is_linked_as_its_own_go_did_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of: Release | None
) -> None:
    """Prometheus 2.35.0 brings a golang.org/x/net whose names Go's linker refuses from 1.23 on."""
    command = built(tmp_path, monkeypatch, of)
    flags = command[command.index("-ldflags") + 1].split()
    assert ("-checklinkname=0" in flags) == (of is not None)
    assert flags[-2:] == ["-X", "v=1"]


def test_another_module_of_files_alone_is_another_entry_and_programs_keep_their_keys(tmp_path: Path) -> None:
    toolchain = Go(Path("go"), "go1.26.8", {})
    crds = Artefact("crds", "1", tmp_path, module="example.org/o", module_files={"crds.yaml": "bundle.yaml"})
    assert go.key(replace(crds, module="example.org/p"), toolchain) != go.key(crds, toolchain)
    programs = replace(crds, go={"example.org/o": "o"})
    assert "module" not in go.recipe(programs, toolchain), "what was built before modules counted is still found"


def test_of_a_module_without_programs_its_files_are_taken_and_nothing_is_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []
    module, into = tmp_path / "module", tmp_path / "into"
    for folder in (module, into):
        folder.mkdir()
    (module / "bundle.yaml").write_text("a: b\n")

    def run(_target: Go, argv: list[str], _artefact: Artefact, **_options: Any) -> str:
        commands.append(argv)
        return json.dumps({"Dir": str(module)})

    monkeypatch.setattr(go, "_go", run)
    artefact = Artefact("crds", "1", tmp_path, module="example.org/o", module_files={"crds.yaml": "bundle.yaml"})
    toolchain = Go(Path("go"), "go1.26.8", {})
    go.download(artefact, toolchain)
    go.build(artefact, toolchain, into)
    assert commands == [["mod", "download", "example.org/o"], ["list", "-m", "-json", "example.org/o"]]
    assert [file.name for file in into.iterdir()] == ["crds.yaml"]
    assert artefact.of_go
