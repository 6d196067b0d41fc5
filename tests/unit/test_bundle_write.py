"""Writing a bundle: whole or not at all, each part with where it comes from."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.bundle_world import IN_NODE, NODE, PROMETHEUS, Docker, World, members
from tests.unit.charts_world import chart, helm, packed

import promdrill
from promdrill.core import paths
from promdrill.core.errors import CommandFailed, SupplyError, UsageError
from promdrill.supply.build import catalogue, debian
from promdrill.supply.bundle import pack, unpack, write
from promdrill.supply.bundle.manifest import Part
from promdrill.supply.bundle.origin import Origin, Origins, references


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _parts(world: World) -> dict[str, Part]:
    return {part.path: part for part in unpack.contents(world.file)[0].parts}


def test_what_each_part_is_and_whence(world: World) -> None:
    world.write()
    parts = _parts(world)
    said = {path: (part.what, part.version, part.origin) for path, part in parts.items()}
    kubernetes = "Go module k8s.io/kubernetes v1.36.3, built with go1.26.8"
    assert said["tools/kind"] == ("kind", "0.33.0", "Go module sigs.k8s.io/kind v0.33.0, built with go1.26.8")
    assert said["tools/kubectl"] == ("kubectl", "1.36.3", kubernetes)
    manifest = "Go module github.com/rancher/local-path-provisioner v0.0.30"
    assert said["local-path-storage.yaml"] == ("local-path-provisioner's manifest", "0.0.30", manifest)
    operator = "Go module github.com/prometheus-operator/prometheus-operator v0.72.0"
    assert said["bundle.yaml"] == ("the Prometheus operator's manifest", "0.72.0", operator)
    where = "prometheus-25.8.0.tgz on the machine where this was made"
    assert said["chart/prometheus-25.8.0.tgz"] == ("chart prometheus", "25.8.0", where)
    image = said["images/00-prometheus-v3.14.0.tar.gz"]
    assert image[:2] == (PROMETHEUS, "v3.14.0")
    assert image[2].startswith("Go module github.com/prometheus/prometheus v0.314.0; Debian trixie: busybox-static")
    assert parts["images/00-prometheus-v3.14.0.tar.gz"].images == (PROMETHEUS,)
    assert said["node.tar.gz"][0] == f"node image {NODE}"


def test_what_the_node_image_holds_is_listed(world: World) -> None:
    inside = {item.what: item.origin for item in world.write().inside}
    assert inside["containerd"] == "Go module github.com/containerd/containerd/v2 v2.2.9"
    assert inside["root file system"].startswith("Debian trixie: ")
    own = f"promdrill {promdrill.__version__}, images/volume-agent"
    assert inside["docker.io/promdrill/volume-agent:0.1.0"] == own
    assert "registry.k8s.io/coredns/coredns:v1.14.2" in inside
    wanted = catalogue.load(paths.images_dir()).artefact("node-1.36.3").node
    assert wanted is not None
    assert set(wanted.images) <= set(inside)


def test_the_node_image_does_not_claim_what_lies_in_the_archives(world: World) -> None:
    """`Supplied.images` are those of the cluster: of the node image, and of the archives."""
    found = world.write(world.supplied(images=(IN_NODE, PROMETHEUS)))
    assert {part.path: part.images for part in found.parts if part.images} == {
        "images/00-prometheus-v3.14.0.tar.gz": (PROMETHEUS,),
        "node.tar.gz": (IN_NODE,),
    }
    got = world.open()
    assert set(got.images) == set(got.available or ()) == {IN_NODE, PROMETHEUS}, "in every cluster, as before"


def test_node_image_that_was_pulled_tells_nothing_of_its_inside(world: World) -> None:
    found = world.write(world.supplied(name="registry"))
    assert found.inside == ()
    assert found.part("node.tar.gz").origin.startswith("kindest/node:v1.36.3, pulled by the digest")


def test_what_was_downloaded_or_pulled(world: World) -> None:
    origins = Origins(catalogue.load(paths.images_dir()), world.here)
    tool = world.entry("helm", "helm", b"x", version="4.3.0", address="https://get.example/helm", sha256="ab12")
    assert origins.tool("helm", tool).origin == "https://get.example/helm, SHA-256 ab12"
    tgz = world.entry("chart-prometheus", "p.tgz", b"x", version="25.8.0", address="https://c.example", sha256="cd")
    assert origins.chart(tgz, "25.8.0").origin == "https://c.example, SHA-256 cd"
    tagged = world.entry("pulled-a", "image.tar", b"x", reference="q.io/a:1", **{"from": "m/a:1", "digest": "sha256:e"})
    assert origins.archive(tagged, ("q.io/a:1",)).origin == "pulled from m/a:1, sha256:e"
    pinned = world.entry("pulled-b", "image.tar", b"x", **{"from": "m/b@sha256:f", "digest": "sha256:f"})
    assert origins.archive(pinned, ("q.io/b:1",)).origin == "pulled from m/b@sha256:f"
    copy = world.entry("chart-copy", "c.tgz", b"x", notes=["Chart x is used without its subcharts y."])
    assert origins.chart(copy, "1").origin.endswith("Chart x is used without its subcharts y.")
    assert (
        origins.chart(paths.own_chart(), "1").origin
        == f"promdrill {promdrill.__version__}, manifests/charts/prometheus"
    )
    assert origins.file(world.folder / "x.yaml").origin == "x.yaml on the machine where this was made"
    assert origins.image("q.io/strange:1") == "not in promdrill's catalogue"


def test_tool_on_path_tells_its_own_version(world: World) -> None:
    origins = Origins(catalogue.load(paths.images_dir()), world.here)
    tool = helm(world.folder / "bin", {"'version --template={{.Version}}'": "echo v4.3.1"})
    assert origins.tool("helm", tool) == Origin("4.3.1", "the program on PATH where this was made")


def test_packages_are_those_that_were_installed(world: World) -> None:
    origins = Origins(catalogue.load(paths.images_dir()), world.here)
    assert origins.artefact("busybox") == "Debian trixie: busybox-static"
    key = debian.key(origins.catalogue.artefact("busybox"))
    world.here.build("busybox", key, lambda _into: {"packages": ["busybox-static_1%3a1.37.0-6"]})
    assert origins.artefact("busybox") == "Debian trixie: busybox-static_1:1.37.0-6"


def test_whatever_is_built_has_an_origin(world: World) -> None:
    shipped = catalogue.load(paths.images_dir())
    origins = Origins(shipped, world.here)
    said = {each.name: origins.artefact(each.name) for each in shipped.artefacts.values() if each.node is None}
    known = ("Go module", "Debian", "promdrill ")
    assert [name for name, origin in said.items() if not origin.startswith(known)] == []


def test_chart_folder_is_packed_by_helm(world: World) -> None:
    folder = chart(world.folder / "own", version="1.2.3")
    tgz = packed(folder, world.folder / "ready.tgz")
    tool = helm(world.folder / "bin", {f"'package {folder}'": f'cp {tgz} "$4/prometheus-1.2.3.tgz"'})
    supplied = world.supplied(chart=folder)
    world.write(replace(supplied, tools=replace(supplied.tools, helm=tool)))
    assert dict(members(world.file))["chart/prometheus-1.2.3.tgz"] == tgz.read_bytes()
    assert _parts(world)["chart/prometheus-1.2.3.tgz"].origin == "own on the machine where this was made"


def test_bundle_before_stays_when_a_new_one_fails(world: World) -> None:
    world.write()
    before = world.file.read_bytes()

    def broken(_image: str, into: Callable[[bytes], None]) -> None:
        into(b"half of it")
        raise SupplyError("the engine is gone")

    with pytest.raises(SupplyError, match="the engine is gone"):
        world.write(save=broken)
    assert world.file.read_bytes() == before
    assert not list(world.folder.glob(".b.tar*"))
    assert not list((world.here.root / "scratch").iterdir())


def test_disk_that_fills_up_leaves_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pack, "_add", full)
    with pytest.raises(SupplyError, match=r"cannot write .*b\.tar: No space left on device"):
        world.write()
    assert not list(world.folder.glob("*b.tar*"))


def test_what_a_killed_promdrill_left_is_deleted(world: World) -> None:
    dead, alive = world.folder / ".b.tar.4194399", world.folder / f".b.tar.{os.getppid()}"
    for file in (dead, alive):
        file.touch()
    world.write()
    assert not dead.exists()
    assert alive.exists()


def test_disk_that_is_too_small_is_found_before_anything_is_saved(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(shutil, "disk_usage", lambda _place: usage)
    with pytest.raises(UsageError, match=r"disk: 0\.0 GiB free at .* GiB needed"):
        world.write(save=lambda *_: pytest.fail("it began"))


def test_places_where_no_file_can_be_written(world: World) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        write.check_place(world.folder)
    with pytest.raises(UsageError, match="cannot write a file to"):
        write.check_place(world.folder / "nowhere" / "b.tar")


def test_archive_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(b"x" * 2000)
    with pytest.raises(SupplyError, match="is not a docker archive"):
        references(tmp_path / "x.tar")


def _docker(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "docker"
    program.write_text(f'#!/bin/sh\n[ "$*" = "save {NODE}" ] || exit 9\n{script}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_image_is_streamed_out_of_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _docker(tmp_path, "head -c 3000000 /dev/zero", monkeypatch)
    got: list[int] = []
    pack.docker_save(NODE, lambda chunk: got.append(len(chunk)))
    assert sum(got) == 3_000_000
    assert len(got) > 1


def test_image_that_cannot_be_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _docker(tmp_path, "echo 'reference does not exist' >&2; exit 1", monkeypatch)
    with pytest.raises(SupplyError, match=f"cannot save node image {NODE}: reference does not exist"):
        pack.docker_save(NODE, lambda _chunk: None)


def test_image_that_takes_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _docker(tmp_path, "exec sleep 60", monkeypatch)
    with pytest.raises(SupplyError, match=r"cannot save node image .*: not within 0 s"):
        pack.docker_save(NODE, lambda _chunk: None, timeout_s=0.2)


def test_progress_is_told(world: World) -> None:
    seen: list[int] = []
    world.write(progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] > 100_000


def test_node_image_that_the_engine_does_not_have(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_self: Docker, *arguments: str, timeout_s: float) -> None:
        raise CommandFailed(list(arguments), 1, f"No such image within {timeout_s} s")

    monkeypatch.setattr(Docker, "docker", gone)
    with pytest.raises(SupplyError, match=f"the engine does not have node image {NODE}"):
        world.write()
    assert not world.file.exists()


def test_same_parts_give_the_same_bytes(world: World) -> None:
    supplied = world.supplied()
    world.write(supplied)
    first = world.file.read_bytes()
    world.write(supplied)
    assert world.file.read_bytes() == first
