"""The catalogue that is shipped, and what it says of one that is wrong."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from promdrill.core import paths
from promdrill.core.errors import SupplyError, UsageError
from promdrill.supply.build import catalogue


@pytest.fixture(scope="module")
def shipped() -> catalogue.Catalogue:
    return catalogue.load(paths.images_dir())


def test_every_folder_is_in_the_catalogue_and_back(shipped: catalogue.Catalogue) -> None:
    folders = {path for path in paths.images_dir().iterdir() if path.is_dir()}
    assert {artefact.folder for artefact in shipped.artefacts.values()} == folders


def test_every_go_artefact_pins_its_version(shipped: catalogue.Catalogue) -> None:
    for artefact in shipped.artefacts.values():
        if not artefact.go:
            continue
        requires = "require" in (artefact.folder / "go.mod").read_text()  # the standard library alone has no sums
        assert (artefact.folder / "go.sum").is_file() == requires, artefact.name
        sources = [path.read_text() for path in artefact.folder.glob("*.go")]
        own = [package for package in artefact.go if package.startswith("promdrill.example/")]
        assert own or all(f'"{package}"' in "".join(sources) for package in artefact.go), artefact.name


KUBERNETES = "kubernetes-1.36.3"
HELM = "helm-4"
SHARE_KUBERNETES = ("local-path-provisioner", "volume-agent", "kind", "node-exporter", "etcd-3.6.8")
SHARE_HELM = ("kube-state-metrics", "coredns-1.14.2", "containerd")
"""Their own go.mod asks for newer golang.org/x than Kubernetes selects. Helm has newer still, and is built first."""
NEWER_THAN_HELM = {
    "dario.cat/mergo",
    "github.com/cpuguy83/go-md2man/v2",
    "github.com/prometheus/client_golang",
    "github.com/prometheus/common",
    "github.com/spf13/cast",
}
"""Their own go.mod asks for newer ones than Helm, which keeps those of its release: few packages depend on them."""


def _versions(name: str) -> dict[str, str]:
    """The version of each module in an artefact's go.mod, after its replacements."""
    text = (paths.images_dir() / name / "go.mod").read_text()
    required = dict(re.findall(r"^(?:require |\t)([^\s=]+) (v\S+)(?: // indirect)?$", text, re.MULTILINE))
    return required | dict(re.findall(r"^\t?(\S+) => \1 (v\S+)$", text, re.MULTILINE))


@pytest.mark.parametrize(
    ("name", "first"), [*((name, KUBERNETES) for name in SHARE_KUBERNETES), *((name, HELM) for name in SHARE_HELM)]
)
def test_what_is_compiled_first_is_not_compiled_again(name: str, first: str) -> None:
    theirs, own = _versions(first), _versions(name)
    shared = theirs.keys() & own.keys() - (NEWER_THAN_HELM if first == HELM else set())
    assert shared
    assert {module: own[module] for module in shared} == {module: theirs[module] for module in shared}


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("coredns-1.14.2", "kube-state-metrics"),
        ("containerd", "kube-state-metrics"),
        ("config-reloader-0.69", "prometheus-operator-0.72"),
        ("prometheus-2.48", "prometheus-operator-0.72"),
    ],
)
def test_what_cannot_have_all_that_kubernetes_has_agrees_with_another(name: str, first: str) -> None:
    theirs, own = _versions(first), _versions(name)
    shared = {module for module in theirs.keys() & own.keys() if module.startswith(("k8s.io/", "golang.org/x/"))}
    assert shared
    assert {module: own[module] for module in shared} == {module: theirs[module] for module in shared}


def test_every_image_of_a_node_can_be_made(shipped: catalogue.Catalogue) -> None:
    assert shipped.kubernetes_versions() == ("1.36.3", "1.34.4")
    assert shipped.helm_versions() == ("4", "3")
    for version in shipped.kubernetes_versions():
        node = shipped.artefact(f"node-{version}").node
        assert node is not None
        for reference in (*node.images, node.pause):
            artefact, image = shipped.image(reference)
            assert image.files or image.base, reference
            assert set(image.files.values()) <= set(artefact.go.values()) | set(artefact.module_files), reference
            assert all(shipped.artefact(base).debian for base in image.base), reference
        for part in (node.rootfs, node.kind, node.kubernetes, node.containerd):
            shipped.artefact(part)


PROMETHEUS = "quay.io/prometheus/prometheus"
RELOADER = "quay.io/prometheus-operator/prometheus-config-reloader"
OPERATOR = "quay.io/prometheus-operator/prometheus-operator"
ALERTMANAGER = "quay.io/prometheus/alertmanager"
KSM = "registry.k8s.io/kube-state-metrics/kube-state-metrics"
EXPORTER = "quay.io/prometheus/node-exporter"
MODULES = {
    f"{PROMETHEUS}:v2.35.0": "github.com/prometheus/prometheus@v0.35.0",
    f"{PROMETHEUS}:v2.39.1": "github.com/prometheus/prometheus@v0.39.1",
    f"{PROMETHEUS}:v3.0.1": "github.com/prometheus/prometheus@v0.300.1",
    f"{PROMETHEUS}:v3.14.0": "github.com/prometheus/prometheus@v0.314.0",
    f"{PROMETHEUS}:v3.5.0-rc.1": "github.com/prometheus/prometheus@v0.305.0-rc.1",
    f"{PROMETHEUS}:v3.14.0-distroless": "github.com/prometheus/prometheus@v0.314.0",
    f"{RELOADER}:v0.93.1": "github.com/prometheus-operator/prometheus-operator@v0.93.1",
    f"{OPERATOR}:v0.85.0": "github.com/prometheus-operator/prometheus-operator@v0.85.0",
    f"{ALERTMANAGER}:v0.27.0": "github.com/prometheus/alertmanager@v0.27.0",
    f"{KSM}:v2.10.1": "k8s.io/kube-state-metrics/v2@v2.10.1",
    f"{EXPORTER}:v1.12.1": "github.com/prometheus/node_exporter@v1.12.1",
}


@pytest.mark.parametrize("reference", MODULES)
def test_any_version_of_a_family_is_a_release_of_its_module(shipped: catalogue.Catalogue, reference: str) -> None:
    artefact, image = shipped.image(reference)
    assert artefact.release is not None
    assert artefact.release.name == MODULES[reference]
    assert image.reference == reference
    assert image.tag in {f"v{artefact.version}", f"v{artefact.version}-distroless"}
    assert artefact.version in artefact.stamps["github.com/prometheus/common/version.Version"]
    assert set(image.files.values()) == set(artefact.go.values())
    assert shipped.artefact(artefact.name) == artefact
    family = next(each for each in shipped.families.values() if each.version_of(reference))
    assert family.version(artefact.release.version) == artefact.version
    assert family.reference(artefact.version, image.tag) == reference


def test_the_image_without_a_shell_is_of_the_same_programs(shipped: catalogue.Catalogue) -> None:
    artefact, image = shipped.image(f"{PROMETHEUS}:v3.14.0-distroless")
    usual = shipped.image(f"{PROMETHEUS}:v3.14.0")
    assert usual[0] == artefact
    assert (image.base, usual[1].base) == ((), ("busybox",))
    assert set(image.files.values()) == set(usual[1].files.values())


def test_a_family_makes_images_as_its_pinned_versions_do(shipped: catalogue.Catalogue) -> None:
    pinned = [shipped.image(reference) for reference in shipped.references()]
    for family in shipped.families.values():
        for artefact, image in pinned:
            if image.name == family.image.name:
                assert replace(family.image, tag=image.tag) == image
                of_family = family.artefact(artefact.version, shipped.folder)
                assert of_family.stamps.items() <= artefact.stamps.items()


@pytest.mark.parametrize(
    "reference", [f"{PROMETHEUS}:latest", f"{PROMETHEUS}:v3", f"{PROMETHEUS}:3.5.0", f"{PROMETHEUS}:v3.5.0-debug"]
)
def test_what_is_no_release_is_no_image_of_a_family(shipped: catalogue.Catalogue, reference: str) -> None:
    with pytest.raises(SupplyError, match="makes no image"):
        shipped.image(reference)


@pytest.mark.parametrize("version", ["v1.8.2-0.20211105201321-411021ada9ab", "v1.8.2", "v0.400.0"])
def test_what_is_no_release_has_no_version(shipped: catalogue.Catalogue, version: str) -> None:
    assert shipped.families["prometheus"].version(version) is None


def test_a_pinned_version_is_not_built_as_a_release(shipped: catalogue.Catalogue) -> None:
    for reference in (f"{PROMETHEUS}:v2.48.0", f"{OPERATOR}:v0.72.0", f"{RELOADER}:v0.72.0", f"{KSM}:v2.20.0"):
        assert shipped.image(reference)[0].release is None


def test_tags_leave_kubernetes_discovery_in(shipped: catalogue.Catalogue) -> None:
    tags = shipped.families["prometheus"].tags.split()
    assert {"remove_all_sd", "enable_kubernetes_sd"} <= set(tags)


def _load(tmp_path: Path, text: str) -> catalogue.Catalogue:
    (tmp_path / "thing").mkdir()
    (tmp_path / catalogue.FILE_NAME).write_text(text)
    return catalogue.load(tmp_path)


def test_version_is_filled_in(tmp_path: Path) -> None:
    loaded = _load(tmp_path, '[thing]\nversion = "1.2.3"\nstamps = { v = "{major}.{minor}/{version}" }\n')
    assert loaded.artefact("thing").stamps == {"v": "1.2/1.2.3"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[thing", "catalogue.toml"),
        ('[thing]\nversion = "1"\nstamp = {}\n', "unknown key 'stamp'"),
        ('[other]\nversion = "1"\n', "no such folder"),
        ("[thing]\n", r"\[thing\]: 'version' is missing"),
        ('[thing]\nversion = "1"\nimages = [{ name = "x" }]\n', r"\[thing.images\]: 'tag' is missing"),
        ('[thing]\nversion = "1"\nrelease = "v1"\n', "unknown key 'release'"),
        ('[any.x]\nmodule = "m"\ngo = {}\n', r"\[any.x\]: 'image' is missing"),
        ('[any.x]\nmodule = "m"\ngo = {}\nimage = { name = "i" }\n', r"\[any.x.images\]: 'tag' is missing"),
        (
            '[any.x]\nmodule = "m"\ngo = {}\nimage = { name = "i", tag = "v1" }\n',
            "'v1' does not contain {version} once",
        ),
        ('[any.x]\nmodule = "m"\ngo = {}\nimage = { name = "i", tag = "{version}" }\nstub = []\n', "key 'stub'"),
    ],
)
def test_a_wrong_catalogue_is_one_clear_error(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        _load(tmp_path, text)


def test_an_unknown_artefact_names_the_nearest(shipped: catalogue.Catalogue) -> None:
    with pytest.raises(SupplyError, match=r"no artefact 'helm-44'(.|\n)*helm-4"):
        shipped.artefact("helm-44")
    with pytest.raises(SupplyError, match="makes no image example/none:1"):
        shipped.image("example/none:1")
