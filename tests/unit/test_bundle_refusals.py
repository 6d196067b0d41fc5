"""Files that are no bundles, or no longer what was written, or never were: one message each, and nothing unpacked."""

import gzip
import shutil
import tarfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.unit.bundle_world import Docker, World, forge, members, rewrite

from promdrill.core.errors import SupplyError, UsageError
from promdrill.supply.bundle import unpack
from promdrill.supply.bundle.manifest import MANIFEST, SUMS
from promdrill.supply.supplied import SupplyRequest

PARTS = (
    *("tools/kind", "tools/kubectl", "tools/helm", "local-path-storage.yaml", "bundle.yaml"),
    *("chart/prometheus-25.8.0.tgz", "images/00-prometheus-v3.14.0.tar.gz", "node.tar.gz"),
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _refused(world: World, wanted: str) -> UsageError:
    docker = Docker()
    with pytest.raises(UsageError, match=wanted) as caught:
        world.open(engine=docker)
    assert docker.taken == []
    assert not list(world.there.root.glob("artefacts/bundle/*")), "something was left in the cache"
    assert str(world.file) in caught.value.message
    assert caught.value.hint
    return caught.value


def test_parts_are_these(world: World) -> None:
    assert tuple(part.path for part in world.write().parts) == PARTS


@pytest.mark.parametrize("name", PARTS)
def test_one_byte_that_changed(world: World, name: str) -> None:
    world.write()
    content = dict(members(world.file))
    middle = len(content[name]) // 2
    content[name] = content[name][:middle] + bytes([content[name][middle] ^ 1]) + content[name][middle + 1 :]
    rewrite(world.file, list(content.items()))
    _refused(world, f"damaged: {name} does not match the manifest")


def test_one_byte_of_the_list(world: World) -> None:
    world.write()
    content = dict(members(world.file))
    content[MANIFEST] = content[MANIFEST].replace(b"v3.14.0", b"v3.14.1", 1)
    rewrite(world.file, list(content.items()))
    _refused(world, f"damaged: {MANIFEST} does not match {SUMS}")


@pytest.mark.parametrize("kept", [0.3, 0.7, 0.99])
def test_file_that_was_cut_off(world: World, kept: float) -> None:
    world.write(save=lambda _image, into: into(bytes(range(256)) * 4000))
    whole = world.file.read_bytes().rstrip(b"\0")
    world.file.write_bytes(whole[: int(len(whole) * kept)])
    _refused(world, "truncated: |damaged|not a promdrill bundle")


def test_file_that_was_cut_off_in_its_last_part_is_found_at_once(world: World) -> None:
    world.write()
    size = world.file.stat().st_size
    world.file.write_bytes(world.file.read_bytes().rstrip(b"\0")[:-600])
    with pytest.raises(UsageError, match=r"truncated: \d+ of at least \d+ bytes"):
        unpack.contents(world.file)
    assert world.file.stat().st_size < size


@pytest.mark.parametrize("content", [b"", b"hello\n", b"\x1f\x8b" + bytes(2000), b"{}" * 1000])
def test_files_that_are_something_else(world: World, content: bytes) -> None:
    world.file.write_bytes(content)
    _refused(world, "not a promdrill bundle")


def test_no_file_at_all(world: World) -> None:
    _refused(world, "cannot read BUNDLE=.*: No such file or directory")


def test_folder(world: World) -> None:
    world.file.mkdir()
    _refused(world, "it is a folder, not a file")


def test_other_archives(world: World) -> None:
    rewrite(world.file, [("README", b"x")])
    _refused(world, f"its first file is not {MANIFEST}")
    rewrite(world.file, [(MANIFEST, b'[{"Config": "x.json"}]')])  # a docker archive
    _refused(world, f"its {MANIFEST} is not a manifest")
    rewrite(world.file, [(MANIFEST, b"not JSON")])
    _refused(world, f"its {MANIFEST} is not JSON")


def test_form_of_a_later_promdrill(world: World) -> None:
    world.write()
    forge(world.file, lambda table: table.update({"promdrill-bundle": 2, "promdrill": "9.0", "news": 1}))
    _refused(world, "bundle format 2, written by promdrill 9.0; this version reads format 1")


def _path(path: str) -> Any:
    return lambda table: table["parts"][0].update(path=path)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (_path("../../evil"), r"'../../evil' is not a valid part name"),
        (_path("/etc/passwd"), "is not a valid part name"),
        (_path("tools/../../evil"), "is not a valid part name"),
        (_path("tools/helm"), "listed twice"),
        (_path("chart/x.tgz"), "it does not list tools/kind"),
        (lambda table: table["parts"].pop(), "it does not list node.tar.gz"),
        (lambda table: table["parts"][0].update(sha256="0" * 63), "tools/kind has no valid SHA-256"),
        (lambda table: table["parts"][0].update(size_bytes="1"), r"parts\[0\]\.size_bytes: expected int, got str"),
        (lambda table: table["parts"][0].update(size_bytes=-1), "tools/kind has no valid size"),
        (lambda table: table.pop("kubernetes"), "is not valid"),
        (lambda table: table.update(parts=None), "is not valid"),
        (lambda table: table.update(command="rm"), "command: there is no such field"),
    ],
)
def test_lists_that_cannot_be_true(world: World, change: Any, wanted: str) -> None:
    world.write()
    forge(world.file, change)
    _refused(world, wanted)


def test_member_out_of_its_place(world: World) -> None:
    world.write()
    content = members(world.file)
    content[2], content[3] = content[3], content[2]
    rewrite(world.file, content)
    _refused(world, "damaged: found 'tools/kubectl', expected tools/kind")


def test_member_that_the_list_does_not_name(world: World) -> None:
    world.write()
    rewrite(world.file, [*members(world.file), ("../../evil", b"x" * 4096)])
    _refused(world, r"contains '../../evil', which is not in its manifest")
    assert not (world.folder.parent / "evil").exists()


def test_link_in_place_of_a_part(world: World) -> None:
    world.write()
    content = members(world.file)
    link = tarfile.TarInfo(content[-1][0])
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    padding = [(MANIFEST, content[0][1]), *content[1:-1]]
    rewrite(world.file, padding, also=link)
    with world.file.open("ab") as end:  # or it would be too short
        end.write(bytes(1 << 20))
    _refused(world, "damaged: found 'node.tar.gz', expected node.tar.gz")


def test_image_that_unpacks_to_more_than_the_list_says(world: World) -> None:
    world.write()
    bomb = gzip.compress(bytes(50 << 20))
    name = PARTS[-2]

    def swap(table: dict[str, Any]) -> None:
        part = next(part for part in table["parts"] if part["path"] == name)
        part.update(sha256=sha256(bomb).hexdigest(), size_bytes=len(bomb), unpacked_bytes=10240)

    forge(world.file, swap, parts={name: bomb})
    _refused(world, f"damaged: {name}")


def test_image_that_does_not_unpack(world: World) -> None:
    world.write()
    noise, name = b"not gzip" * 100, PARTS[-2]

    def swap(table: dict[str, Any]) -> None:
        part = next(part for part in table["parts"] if part["path"] == name)
        part.update(sha256=sha256(noise).hexdigest(), size_bytes=len(noise))

    forge(world.file, swap, parts={name: noise})
    _refused(world, f"damaged: {name}")


def test_disk_that_is_too_small(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.write()
    world.said.clear()
    usage = type("Usage", (), {"free": 100})
    monkeypatch.setattr(shutil, "disk_usage", lambda _place: usage)
    _refused(world, "0.0 GiB free at .* GiB needed to unpack it")
    assert world.said == []


def test_disk_that_fills_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.write()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(unpack, "copy", full)
    with pytest.raises(SupplyError, match=r"cannot be unpacked: .*No space left"):
        unpack.unpacked(world.file, SupplyRequest(), cache=world.there, say=print)
    assert not list(world.there.root.glob("artefacts/bundle/*"))
