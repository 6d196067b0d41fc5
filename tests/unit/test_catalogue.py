"""The catalogue that is shipped, and what it says of one that is wrong."""

from pathlib import Path

import pytest

from promdrill import paths
from promdrill.errors import SupplyError, UsageError
from promdrill.supply import catalogue


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
        ('[other]\nversion = "1"\n', "there is no folder"),
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
