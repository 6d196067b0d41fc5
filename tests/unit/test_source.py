"""The source supply: what is there is used, what is missing is built, a node image names all that went into it."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from promdrill.artefacts import machine
from promdrill.artefacts.cache import Cache
from promdrill.core import paths
from promdrill.core.errors import SupplyError
from promdrill.request import needed_images
from promdrill.supply.build import catalogue, debian, node, source, toolchain
from promdrill.supply.build import go as gobuild
from promdrill.supply.build.toolchain import Go
from promdrill.supply.bundle import origin
from promdrill.supply.provide import OWN_IMAGES
from promdrill.supply.supplied import Supplied, SupplyRequest

CATALOGUE = """
[kind]
version = "0.33.0"
go = { "example.org/kind" = "kind" }
[helm-4]
version = "4.3.1"
go = { "example.org/helm" = "helm" }
["kubernetes-1.36.3"]
version = "1.36.3"
go = { "example.org/kubectl" = "kubectl", "example.org/kubelet" = "kubelet", "example.org/kubeadm" = "kubeadm" }
images = [{ name = "example/proxy", tag = "v{version}", base = ["netfilter"], files = { "/proxy" = "kubelet" } }]
[containerd]
version = "2.2.9"
go = { "example.org/containerd" = "containerd" }
[netfilter]
version = "1"
debian = "extract"
[rootfs]
version = "1"
debian = "minbase"
[unrelated]
version = "1"
debian = "extract"
[local-path-provisioner]
version = "0.0.30"
go = { "example.org/lpp" = "lpp" }
module_files = { "local-path-storage.yaml" = "deploy/x.yaml" }
[prometheus-operator-crds]
version = "0.72.0"
module = "example.org/operator"
module_files = { "bundle.yaml" = "bundle.yaml" }
[prometheus]
version = "3.0.0"
go = { "example.org/prometheus" = "prometheus" }
images = [{ name = "example/prometheus", tag = "v{version}", base = ["shell"], files = { "/x" = "prometheus" } }]
[shell]
version = "1"
debian = "extract"
["node-1.36.3"]
version = "1.36.3"
folder = "node"
["node-1.36.3".node]
rootfs = "rootfs"
kind = "kind"
kubernetes = "kubernetes-1.36.3"
containerd = "containerd"
pause = "example/proxy:v1.36.3"
images = ["example/proxy:v1.36.3"]
"""

FOLDERS = ["kind", "helm-4", "kubernetes-1.36.3", "containerd", "netfilter", "rootfs", "node"]
OF_DRILLS = ["prometheus", "shell"]
WITH_MANIFESTS = ["local-path-provisioner", "prometheus-operator-crds"]
PROMETHEUS = "example/prometheus:v3.0.0"


class World:
    """A tiny catalogue, an empty cache, and builds that only write what they would have built."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.images = tmp_path / "images"
        for name in [*FOLDERS, *OF_DRILLS, *WITH_MANIFESTS, "unrelated"]:
            (self.images / name).mkdir(parents=True)
            (self.images / name / "packages.txt").write_text("# none\nbash\n")
        (self.images / catalogue.FILE_NAME).write_text(CATALOGUE)
        self.cache = Cache(tmp_path / "cache")
        self.built: list[str] = []
        self.downloaded: list[str] = []
        self.assembled: list[dict[str, Any]] = []
        self.in_engine: set[str] = set()
        self.said: list[str] = []
        monkeypatch.setattr(gobuild, "download", lambda artefact, *_, **__: self.downloaded.append(artefact.name))
        monkeypatch.setattr(gobuild, "build", self._go)
        monkeypatch.setattr(debian, "build", self._debian)
        monkeypatch.setattr(node, "present", lambda image: image in self.in_engine)
        monkeypatch.setattr(node, "assemble", self._assemble)

    def supply(self, prepare: Callable[[], None] = lambda: None) -> source.SourceSupply:
        go = Go(Path("go"), "go1.26.6", {})
        return source.SourceSupply(
            catalogue.load(self.images),
            self.cache,
            go,
            Console(quiet=True),
            prepare=lambda _: prepare(),
            restricted=True,
            say=self.said.append,
        )

    def provide(self, prepare: Callable[[], None] = lambda: None, images: Sequence[str] = ()) -> Supplied:
        return self.supply(prepare).provide(SupplyRequest(), images, chart=Path("chart"), why="test")

    def _go(self, artefact: Any, go: Any, into: Path, *, stop: threading.Event) -> dict[str, Any]:
        del go, stop
        self.built.append(artefact.name)
        for name in [*artefact.go.values(), *artefact.module_files]:
            (into / name).write_text(f"{artefact.name} {name}")
        return {}

    def _debian(self, artefact: Any, into: Path, *, stop: threading.Event) -> dict[str, Any]:
        del stop
        self.built.append(artefact.name)
        (into / debian.TREE).write_text(artefact.name)
        return {}

    def _assemble(self, wanted: Any, image: str, **parts: Any) -> None:
        self.assembled.append({"name": wanted.name, "image": image, **parts})
        self.in_engine.add(image)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def test_everything_needed_is_built_and_nothing_else(world: World) -> None:
    supplied = world.provide()
    assert sorted(world.built) == sorted({*FOLDERS, *WITH_MANIFESTS} - {"node"})
    assert supplied.tools.kubectl.read_text() == "kubernetes-1.36.3 kubectl"
    assert supplied.provisioner.read_text() == "local-path-provisioner local-path-storage.yaml"
    assert supplied.crds.read_text() == "prometheus-operator-crds bundle.yaml"
    (assembled,) = world.assembled
    assert assembled["image"] == supplied.node_image
    assert set(assembled["binaries"]) == {f"/usr/bin/{n}" for n in ("kubeadm", "kubectl", "kubelet")} | {
        "/usr/local/bin/containerd"
    }
    assert [image.reference for image in assembled["images"]] == ["example/proxy:v1.36.3"]
    assert len(assembled["images"][0].layers) == 2, "the Debian tree beneath, the program above"
    assert supplied.kind_patch["featureGates"] == {"KubeletInUserNamespace": True}


def test_the_images_of_drills_are_archives_that_no_node_image_holds(world: World) -> None:
    plain = world.provide()
    world.built.clear()
    world.assembled.clear()
    supplied = world.provide(images=[PROMETHEUS, "example/proxy:v1.36.3"])
    assert sorted(world.built) == ["prometheus", "shell"]
    assert world.assembled == []
    assert (supplied.node_image, plain.archives) == (plain.node_image, ())
    assert supplied.images == ("example/proxy:v1.36.3", PROMETHEUS)
    (packed,) = supplied.archives
    assert origin.references(packed) == (PROMETHEUS,)
    world.built.clear()
    assert world.provide(images=[PROMETHEUS]).archives == (packed,)
    packed.write_bytes(b"cut")
    assert origin.references(*world.provide(images=[PROMETHEUS]).archives) == (PROMETHEUS,)
    assert world.built == [], "only what is damaged is packed again"


def test_helm_comes_first_and_the_modules_of_the_cluster_meanwhile(world: World) -> None:
    helm = world.supply().helm("4", before="1.36.3")
    assert helm.read_text() == "helm-4 helm"
    assert (world.built, world.assembled) == (["helm-4"], [])
    assert set(world.downloaded) == {"helm-4", "kind", "kubernetes-1.36.3", "containerd"}
    assert "Building helm-4 from source, which tells what the drills need; then Kubernetes" in world.said[0]
    world.provide()
    world.downloaded.clear()
    helm.write_text("cut")
    world.supply().helm("4", before="1.36.3")
    assert world.downloaded == ["helm-4"], "a cluster has all that it needs"


def test_helm_alone_looks_at_a_chart(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_engine(_image: str) -> bool:
        raise AssertionError("no engine is needed for that")

    monkeypatch.setattr(node, "present", no_engine)
    world.supply().helm("4")
    assert (world.built, world.downloaded) == (["helm-4"], ["helm-4"])
    assert world.said[0] == "Building helm-4 from source."


def test_what_is_there_is_not_built_again(world: World) -> None:
    first = world.provide()
    world.built.clear()
    world.assembled.clear()

    def refuse() -> None:
        raise AssertionError("the host was readied although nothing is to be built")

    assert world.provide(refuse) == first
    assert (world.built, world.assembled) == ([], [])


def test_a_damaged_tool_is_built_again_and_the_node_image_is_not(world: World) -> None:
    helm = world.provide().tools.helm
    world.built.clear()
    world.assembled.clear()
    helm.write_text("cut")
    assert world.provide().tools.helm.read_text() == "helm-4 helm"
    assert (world.built, world.assembled) == (["helm-4"], [])


def test_a_node_image_that_the_engine_lost_is_put_together_from_the_cache(world: World) -> None:
    world.provide()
    world.built.clear()
    world.in_engine.clear()
    world.provide()
    assert world.built == []
    assert len(world.assembled) == 2


@pytest.mark.parametrize(
    ("file", "text", "rebuilt"),
    [
        ("netfilter/packages.txt", "iptables\n", ["netfilter"]),
        ("node/setup.sh", "true\n", []),
        ("kind/go.mod", "module x\n", ["kind"]),
    ],
)
def test_a_changed_recipe_makes_another_node_image(world: World, file: str, text: str, rebuilt: list[str]) -> None:
    before = world.provide().node_image
    world.built.clear()
    (world.images / file).write_text(text)
    assert world.provide().node_image != before
    assert world.built == rebuilt


def test_a_changed_image_entry_makes_another_node_image(world: World) -> None:
    before = world.provide().node_image
    catalogue_file = world.images / catalogue.FILE_NAME
    catalogue_file.write_text(CATALOGUE.replace('"/proxy"', '"/usr/bin/proxy"'))
    assert world.provide().node_image != before


def test_a_failing_build_is_the_error_and_the_rest_is_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(artefact: Any, into: Path, *, stop: threading.Event) -> dict[str, Any]:
        del artefact, into, stop
        raise SupplyError("the Debian tree could not be made")

    with monkeypatch.context() as broken:
        broken.setattr(debian, "build", fail)
        with pytest.raises(SupplyError, match="could not be made"):
            world.provide()
    assert world.assembled == []
    kept = list(world.built)
    world.provide()
    assert all(world.built.count(name) == 1 for name in kept), "what was built before the failure was built again"


def test_a_node_image_holds_what_every_cluster_needs_and_nothing_else() -> None:
    shipped = catalogue.load(paths.images_dir())
    for version in shipped.kubernetes_versions():
        recipe = shipped.artefact(f"node-{version}").node
        assert recipe is not None
        assert set(needed_images.storage_images(None)) <= set(recipe.images)
        assert not [image for image in recipe.images if "prometheus" in image or "alert" in image]


def test_the_images_that_no_registry_has_are_made_by_the_catalogue() -> None:
    shipped = catalogue.load(paths.images_dir())
    assert [shipped.image(reference)[1].reference for reference in OWN_IMAGES] == list(OWN_IMAGES)


def test_a_build_says_what_it_costs_before_it_begins(tmp_path: Path) -> None:
    whole = source._cost(["kind", "kubernetes-1.36.3"], [], tmp_path)
    cost = f"about {source.COLD_MIN} minutes on two cores, {source.COLD_BYTES / 1e9:.0f} GB below {tmp_path}"
    assert whole.startswith(f"Building 2 artefacts from source, including Kubernetes: {cost}, of which ")
    assert cost in source._cost(["helm-4"], ["kubernetes-1.36.3"], tmp_path)
    assert source._cost(["busybox"], [], tmp_path) == "Building busybox from source."
    assert source._cost(["the images"], [], tmp_path) == "Building the images from source."


@pytest.mark.parametrize(("cores", "gib", "compilers"), [(2, 24, 1), (8, 24, 2), (16, 64, 4), (16, 8, 1), (1, 1, 1)])
def test_a_compiler_has_four_cores_and_five_gib(
    cores: int, gib: int, compilers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    monkeypatch.setattr(machine, "memory_bytes", lambda: gib << 30)
    assert source.compilers_at_once() == compilers


@pytest.mark.parametrize(("cores", "gib", "collects"), [(2, 24, "off"), (2, 8, "off"), (8, 8, "200"), (32, 64, "200")])
def test_compilers_collect_garbage_where_memory_is_short(
    cores: int, gib: int, collects: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    monkeypatch.setattr(machine, "memory_bytes", lambda: gib << 30)
    env = toolchain.expected(Cache(tmp_path)).env
    assert (env["GOGC"], "GOMEMLIMIT" in env) == (collects, collects == "off")
