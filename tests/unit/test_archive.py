"""Docker archives: the layout that containerd and Docker read, the same bytes each time."""

import hashlib
import json
import tarfile
from pathlib import Path

from promdrill.supply.build import archive


def _program(tmp_path: Path) -> Path:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return program


def test_a_layer_holds_files_with_their_mode_and_root_as_owner(tmp_path: Path) -> None:
    layer = archive.write_layer(tmp_path / "l.tar", {"/usr/bin/p": _program(tmp_path)}, {"/p": "usr/bin/p"})
    with tarfile.open(layer.path) as tar:
        members = {member.name: member for member in tar}
    assert set(members) == {"usr", "usr/bin", "usr/bin/p", "p"}
    assert (members["usr/bin/p"].mode, members["usr/bin/p"].uid) == (0o755, 0)
    assert members["p"].issym()
    assert members["usr"].isdir()


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    program = _program(tmp_path)
    one = archive.write_layer(tmp_path / "1.tar", {"/p": program})
    program.touch()
    two = archive.write_layer(tmp_path / "2.tar", {"/p": program})
    assert one.digest == two.digest == hashlib.sha256((tmp_path / "1.tar").read_bytes()).hexdigest()


def test_images_share_a_layer_and_say_what_they_are(tmp_path: Path) -> None:
    base = archive.write_layer(tmp_path / "base.tar", {"/b": _program(tmp_path)})
    own = archive.write_layer(tmp_path / "own.tar", {"/o": _program(tmp_path)})
    images = [
        archive.image("example/one:1", [base], architecture="arm64", entrypoint=["/b"]),
        archive.image(
            "example/two:2",
            [base, own],
            architecture="amd64",
            entrypoint=["/o", "-x"],
            user="65534:65534",
            workdir="/w",
        ),
    ]
    archive.write(tmp_path / "all.tar", images)
    with tarfile.open(tmp_path / "all.tar") as tar:
        names = tar.getnames()

        def read(name: str) -> bytes:
            file = tar.extractfile(name)
            assert file is not None
            return file.read()

        manifest = json.loads(read("manifest.json"))
        configs = {item["RepoTags"][0]: json.loads(read(item["Config"])) for item in manifest}
    assert names.count(f"{base.digest}.tar") == 1
    assert [item["Layers"] for item in manifest] == [
        [f"{base.digest}.tar"],
        [f"{base.digest}.tar", f"{own.digest}.tar"],
    ]
    two = configs["example/two:2"]
    assert (configs["example/one:1"]["architecture"], two["architecture"]) == ("arm64", "amd64")
    assert two["rootfs"]["diff_ids"] == [f"sha256:{base.digest}", f"sha256:{own.digest}"]
    assert (two["config"]["Entrypoint"], two["config"]["User"], two["config"]["WorkingDir"]) == (
        ["/o", "-x"],
        "65534:65534",
        "/w",
    )
