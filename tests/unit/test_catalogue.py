"""The catalogue that is shipped, and what it says of one that is wrong."""

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
OF_THE_MATRIX = {
    PROMETHEUS: ("v2.48.0", "v2.55.1", "v3.8.1", "v3.14.0"),
    RELOADER: ("v0.69.1", "v0.78.2", "v0.87.1", "v0.93.1"),
}
"""What issue 6 names; the first of each is the one in the node images."""

VERSIONED = [(name, tag) for name, tags in OF_THE_MATRIX.items() for tag in tags]


@pytest.mark.parametrize(("name", "tag"), VERSIONED)
def test_the_versions_of_the_matrix_are_made_alike(shipped: catalogue.Catalogue, name: str, tag: str) -> None:
    artefact, image = shipped.image(f"{name}:{tag}")
    first, its_image = shipped.image(f"{name}:{OF_THE_MATRIX[name][0]}")
    assert f"v{artefact.version}" == tag
    assert replace(image, tag=its_image.tag) == its_image
    assert (artefact.go, artefact.stamps.keys()) == (first.go, first.stamps.keys())
    assert artefact.stamps["github.com/prometheus/common/version.Version"] == artefact.version


@pytest.mark.parametrize(("name", "tag"), VERSIONED)
def test_the_versions_of_the_matrix_are_pinned(shipped: catalogue.Catalogue, name: str, tag: str) -> None:
    folder = shipped.image(f"{name}:{tag}")[0].folder
    major, minor, patch = tag.removeprefix("v").split(".")
    if name == PROMETHEUS:  # Prometheus 3.8.1 is the module's v0.308.1, 2.48.0 its v0.48.0
        module, wanted = "github.com/prometheus/prometheus", f"v0.{'3' * (major == '3')}{minor:0>2}.{patch}"
    else:
        module, wanted = "github.com/prometheus-operator/prometheus-operator", tag
    assert f"require {module} {wanted}\n" in (folder / "go.mod").read_text()
    sums = (folder / "go.sum").read_text()
    assert f"{module} {wanted} h1:" in sums
    assert f"{module} {wanted}/go.mod h1:" in sums


def test_the_later_versions_are_built_only_when_asked_for(shipped: catalogue.Catalogue) -> None:
    later = {f"{name}:{tag}" for name, tags in OF_THE_MATRIX.items() for tag in tags[1:]}
    for version in shipped.kubernetes_versions():
        node = shipped.artefact(f"node-{version}").node
        assert node is not None
        assert not later & set(node.images), version
        assert f"{PROMETHEUS}:{OF_THE_MATRIX[PROMETHEUS][0]}" in node.images, version


def test_tags_leave_kubernetes_discovery_in(shipped: catalogue.Catalogue) -> None:
    tagged = [a for a in shipped.artefacts.values() if "remove_all_sd" in a.tags.split()]
    assert [a.name for a in tagged] == ["prometheus-3.14"]  # older versions do not know the tag
    assert "enable_kubernetes_sd" in tagged[0].tags.split()


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
