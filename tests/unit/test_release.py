"""What a release is checked for, and that each check fails when it should."""

from __future__ import annotations

import io
import json
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from promdrill.core.errors import PromdrillError, UsageError
from promdrill.supply.build import programs
from release import changelog, dry, elf, sbom

ROOT = Path(__file__).parents[2]

# --- the changelog -----------------------------------------------------------------------------------------------

LOG = """# Changelog

## [Unreleased]

## [1.2.0] - 2026-11-29

### Added

- A thing.

## [1.1.0]

- Older.

## [1.0.0] - 2026-01-02

[1.2.0]: https://example.org/1.2.0
"""


def test_the_section_of_a_version_is_its_text() -> None:
    assert changelog.newest(LOG) == "1.2.0"
    assert changelog.section(LOG, "1.2.0") == "### Added\n\n- A thing."


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("1.3.0", "no section of 1.3.0\nHint: ## .1.3.0. - YYYY-MM-DD"),
        ("1.1.0", "1.1.0. has no date"),
        ("1.0.0", "1.0.0. says nothing"),
        ("1.2", "no section of 1.2\n"),
    ],
)
def test_a_version_without_a_text_is_not_released(version: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        changelog.section(LOG, version)


def test_a_changelog_without_a_version_is_refused() -> None:
    with pytest.raises(UsageError, match="no section of a version"):
        changelog.newest("# Changelog\n\n## [Unreleased]\n")


def test_ours_has_a_section_of_its_newest_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    assert text.index("## [Unreleased]") == text.index("## [")
    assert changelog.section(text, changelog.newest(text))


# --- the tag -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tag", "version"), [("v1.2.3", "1.2.3"), ("v0.1.0rc1", "0.1.0rc1")])
def test_the_version_is_the_tags(tag: str, version: str) -> None:
    assert dry.version_of(tag) == version


@pytest.mark.parametrize("tag", ["1.2.3", "v1.2", "v1.2.3-1", "v1.2.3rc", "v1.2.3\n", "vx", '"; id'])
def test_another_tag_is_refused(tag: str) -> None:
    with pytest.raises(UsageError, match="no tag of a release"):
        dry.version_of(tag)


# --- ELF ---------------------------------------------------------------------------------------------------------


def program(machine: int = 62, kinds: tuple[int, ...] = (6, 1), *, bits: int = 2) -> bytes:
    ident = b"\x7fELF" + bytes([bits, 1, 1]) + bytes(9)
    header = struct.pack("<16sHHIQQQIHHHHHH", ident, 2, machine, 1, 0, 64, 0, 0, 64, 56, len(kinds), 0, 0, 0)
    return header + b"".join(struct.pack("<IIQQQQQQ", kind, 0, 0, 0, 0, 0, 0, 0) for kind in kinds)


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        (program(), elf.Elf("amd64", static=True)),
        (program(183), elf.Elf("arm64", static=True)),
        (program(kinds=(6, 3, 1)), elf.Elf("amd64", static=False)),
        (program(243), elf.Elf("243", static=True)),
    ],
)
def test_an_elf_file_tells_its_machine_and_whether_it_is_static(tmp_path: Path, content: bytes, seen: elf.Elf) -> None:
    (tmp_path / "x").write_bytes(content)
    assert elf.read(tmp_path / "x") == seen


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no 64-bit"),
        (b"#!/bin/sh\n", "no 64-bit"),
        (program(bits=1), "no 64-bit"),
        (program()[:40], "cut off"),
        (program()[:-8], "cut off"),
        (program(kinds=()), "no segments"),
    ],
)
def test_what_is_no_program_is_said(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        elf.read(tmp_path / "x")


# --- wheel and sdist ---------------------------------------------------------------------------------------------

MACHINES = {"amd64": 62, "arm64": 183}
PLACES = {
    f"promdrill/_data/programs/linux-{each}/{name}": program(MACHINES[each])
    for each in programs.ARCHITECTURES
    for name in programs.NAMES
}
ABOUT = """Metadata-Version: 2.4
Name: promdrill
Version: 1.2.0
Summary: Fire drills
Description-Content-Type: text/markdown

# promdrill
"""


def wheel(folder: Path, files: dict[str, bytes], *, about: str = ABOUT, name: str = "py3-none-any") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"promdrill-1.2.0-{name}.whl"
    with zipfile.ZipFile(path, "w") as file:
        for place, content in {**files, "promdrill-1.2.0.dist-info/METADATA": about.encode()}.items():
            file.writestr(zipfile.ZipInfo(place), content)
    return path


def sdist(folder: Path, about: str = ABOUT) -> Path:
    path = folder / "promdrill-1.2.0.tar.gz"
    with tarfile.open(path, "w:gz") as file:
        member = tarfile.TarInfo("promdrill-1.2.0/PKG-INFO")
        member.size = len(about)
        file.addfile(member, io.BytesIO(about.encode()))
    return path


def test_the_programs_of_a_wheel_are_taken_out(tmp_path: Path) -> None:
    found = dry.shipped(wheel(tmp_path, PLACES), tmp_path / "out")
    assert {name: path.read_bytes() for name, path in found.items()} == PLACES


FIRST = min(PLACES)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({key: value for key, value in PLACES.items() if key != FIRST}, "carries"),
        ({**PLACES, "promdrill/_data/programs/linux-riscv64/demo-app": b""}, "carries"),
        ({**PLACES, FIRST: program(183)}, r"linux-amd64.*architecture='arm64'"),
        ({**PLACES, FIRST: program(kinds=(3,))}, "static=False"),
        ({**PLACES, FIRST: b"MZ"}, "no 64-bit"),
    ],
)
def test_a_wheel_with_other_programs_is_wrong(tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    with pytest.raises(dry.Wrong, match=message):
        dry.shipped(wheel(tmp_path, files), tmp_path / "out")


def test_valid_metadata_pass(tmp_path: Path) -> None:
    dry.metadata(wheel(tmp_path, {}), sdist(tmp_path), "1.2.0")


@pytest.mark.parametrize(
    ("of_wheel", "of_sdist", "name", "message"),
    [
        (ABOUT.replace("1.2.0", "1.2.1"), ABOUT, "py3-none-any", "are of promdrill 1.2.1"),
        (ABOUT, ABOUT.replace("text/markdown", "text/x-rst"), "py3-none-any", "text/x-rst"),
        (ABOUT, ABOUT.replace("Fire drills", "Drills"), "py3-none-any", "same metadata"),
        (ABOUT.replace("Version: 1.2.0", "Version: one"), ABOUT, "py3-none-any", "'one' is invalid"),
        (ABOUT.replace("Name: promdrill\n", ""), ABOUT, "py3-none-any", "'name' is a required"),
        (ABOUT, ABOUT, "cp311-cp311-linux_x86_64", "not for every machine"),
    ],
)
def test_wrong_metadata_are_said(tmp_path: Path, of_wheel: str, of_sdist: str, name: str, message: str) -> None:
    with pytest.raises(dry.Wrong, match=message):
        dry.metadata(wheel(tmp_path, {}, about=of_wheel, name=name), sdist(tmp_path, of_sdist), "1.2.0")


def test_two_builds_that_differ_name_what_differs(tmp_path: Path) -> None:
    one = wheel(tmp_path / "a", {"x.py": b"1", "y.py": b"1"})
    dry.same(one, wheel(tmp_path / "b", {"x.py": b"1", "y.py": b"1"}))
    with pytest.raises(dry.Wrong, match=r"is not the same when it is built again: y.py, z.py$"):
        dry.same(one, wheel(tmp_path / "c", {"x.py": b"1", "y.py": b"2", "z.py": b""}))
    with pytest.raises(dry.Wrong, match="order, headers or doubles"):
        dry.same(one, wheel(tmp_path / "d", {"y.py": b"1", "x.py": b"1"}))
    with pytest.raises(dry.Wrong, match="PKG-INFO"):
        dry.same(sdist(tmp_path / "a"), sdist(tmp_path / "b", ABOUT + "more"))


# --- the bill of materials ---------------------------------------------------------------------------------------

EXPORTED: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.5",
    "version": 1,
    "serialNumber": "urn:uuid:b1bc3347-2cbd-420a-9502-274f127dbfb4",
    "metadata": {
        "timestamp": "2026-11-29T13:47:13Z",
        "component": {"type": "library", "bom-ref": "promdrill-1", "name": "promdrill"},
    },
    "components": [
        {
            "type": "library",
            "bom-ref": "rich-2@14",
            "name": "rich",
            "version": "14",
            "purl": "pkg:pypi/rich@14",
            "externalReferences": [{"type": "distribution", "url": "https://example.org/rich.whl"}],
        }
    ],
    "dependencies": [{"ref": "promdrill-1", "dependsOn": ["rich-2@14"]}, {"ref": "rich-2@14"}],
}
INFO = {"GoVersion": "go1.26.6", "Deps": [{"Path": "k8s.io/client-go", "Version": "v0.36.3", "Sum": "h1:abc="}]}
APP, AGENT = (sbom.Program(f"p/linux-amd64/{name}", "0.1.0", "ab" * 32, INFO) for name in ("demo-app", "volume-agent"))


def bill(*inside: sbom.Program, exported: dict[str, Any] = EXPORTED) -> str:
    return sbom.bill(exported, "1.2.0", inside, made_s=1_700_000_000)


def test_the_bill_has_the_packages_the_programs_and_what_is_linked_into_them() -> None:
    text = bill(APP, AGENT)
    assert text == bill(APP, AGENT), "the same bytes"
    assert sbom.check(text, 2) == 5
    said = json.loads(text)
    root = said["metadata"]["component"]
    assert (said["specVersion"], root["purl"], root["version"]) == ("1.6", "pkg:pypi/promdrill@1.2.0", "1.2.0")
    assert said["metadata"]["timestamp"] == "2023-11-14T22:13:20+00:00"
    module = "pkg:golang/k8s.io/client-go@v0.36.3"
    by_ref = {each["bom-ref"]: each for each in said["components"]}
    assert by_ref.keys() == {"rich-2@14", APP.place, AGENT.place, module, "pkg:golang/stdlib@1.26.6"}
    assert by_ref[module]["properties"] == [{"name": "go:sum", "value": "h1:abc="}]
    assert by_ref[APP.place]["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]
    needs = {each["ref"]: set(each.get("dependsOn", ())) for each in said["dependencies"]}
    assert needs["promdrill-1"] == {"rich-2@14", APP.place, AGENT.place}
    assert needs[APP.place] == {module, "pkg:golang/stdlib@1.26.6"}
    assert "example.org" not in text


def test_a_bill_that_is_not_whole_is_refused() -> None:
    with pytest.raises(PromdrillError, match="1 programs of 2"):
        sbom.check(bill(APP), 2)
    with pytest.raises(PromdrillError, match="'pypi': 0"):
        sbom.check(bill(APP, exported={**EXPORTED, "components": [], "dependencies": []}), 1)
    with pytest.raises(PromdrillError, match=r"no CycloneDX 1\.6"):
        sbom.check(bill(APP).replace('"type": "library"', '"type": "book"'), 1)
    with pytest.raises(PromdrillError, match="promdrill as its root"):
        bill(exported={**EXPORTED, "metadata": {}})
