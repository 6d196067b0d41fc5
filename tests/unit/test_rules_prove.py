"""promtool out of an image, and what tests/rules/prove.py has it check."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import pytest
from tests.rules import prove

from promdrill import supply
from promdrill.core import paths
from promdrill.core.errors import CommandFailed, SupplyError
from promdrill.supply.build import archive
from promdrill.supply.supplied import SupplyRequest

SAYS = '#!/bin/sh\necho "$@"\nfor last; do :; done\ntest -f "$last"\n'
"""A promtool that repeats its arguments, and fails where the last one is no file."""


def packed(folder: Path, **programs: str) -> Path:
    """A docker archive with two layers: a file, then these programs, by their folder."""
    (folder / "other").write_text("promtool is not here")
    layers = [archive.write_layer(folder / "1.tar", {"/promtool": folder / "other"})]
    for number, (place, text) in enumerate(programs.items(), 2):
        program = folder / f"program-{number}"
        program.write_text(text)
        layers.append(archive.write_layer(folder / f"{number}.tar", {f"/{place}/promtool": program}))
    made = folder / "image.tar"
    archive.write(made, [archive.image(prove.IMAGE, layers, architecture="amd64")])
    return made


@pytest.mark.parametrize("place", ["bin", "usr/bin"])
def test_promtool_is_taken_out_of_the_layer_that_has_it(tmp_path: Path, place: str) -> None:
    found = prove.unpacked(packed(tmp_path, **{place: SAYS}), tmp_path)
    assert found.read_text() == SAYS
    assert found.stat().st_mode & 0o777 == 0o700


def test_an_image_without_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SupplyError, match=r"prometheus:v2\.48\.0 has no promtool"):
        prove.unpacked(packed(tmp_path), tmp_path)


def test_a_name_that_is_no_file_is_refused(tmp_path: Path) -> None:
    made = tmp_path / "folders.tar"
    with tarfile.open(made, "w") as tar:
        folder = tarfile.TarInfo("manifest.json")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
    with pytest.raises(SupplyError, match=r"manifest\.json is not a file"):
        prove.unpacked(made, tmp_path)


@pytest.mark.parametrize(
    ("given", "asked"),
    [({}, ("auto", None)), ({"SUPPLY": "source", "REGISTRY_MIRROR": "r:1"}, ("source", "r:1"))],
)
def test_our_rules_and_our_unit_tests_are_what_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], given: Any, asked: Any
) -> None:
    seen: list[tuple[SupplyRequest, list[str]]] = []

    def archives(request: SupplyRequest, references: list[str], **_: Any) -> tuple[Path, ...]:
        seen.append((request, references))
        return (packed(tmp_path, bin=SAYS),)

    monkeypatch.setattr(supply, "archives", archives)
    for name in ("SUPPLY", "REGISTRY_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert prove.main() == 0
    ((request, references),) = seen
    assert (request.supply, request.mirror) == asked
    assert references == [prove.IMAGE]
    said = capsys.readouterr().out.splitlines()
    linted, tested = said
    assert linted == f"check rules --lint=all --lint-fatal {paths.rules_file()}"
    asked_of, own, failed = tested.rsplit(" ", 2)
    assert (asked_of, own) == ("test rules", str(paths.project_dir() / "tests" / "rules" / "own.yaml"))
    assert failed.endswith("failed-scrapes.yaml")


def test_what_promtool_finds_wrong_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing = "#!/bin/sh\necho FAILED\nexit 1\n"
    with pytest.raises(CommandFailed, match="FAILED"):
        prove.check(prove.unpacked(packed(tmp_path, bin=failing), tmp_path), Path("rules.yaml"), [])
    monkeypatch.setattr(supply, "archives", lambda *_, **__: (packed(tmp_path, bin=failing),))
    assert prove.main() == 1
    assert "FAILED: " in capsys.readouterr().out
