"""The node image: put together in an unprivileged container, and nothing of it is left when a step fails."""

import tarfile
from pathlib import Path

import pytest
from tests.unit.fake_shell import FakeShell, install

from promdrill.core import paths
from promdrill.core.errors import CommandFailed, SupplyError
from promdrill.supply.build import archive, catalogue, node

IMAGE = "promdrill/node:v1.36.3-abc"


@pytest.fixture
def parts(tmp_path: Path) -> dict[str, object]:
    kind_files = tmp_path / "base"
    (kind_files / "kind").mkdir(parents=True)
    (kind_files / "kind" / "README").write_text("x")
    program = tmp_path / "kubelet"
    program.write_text("elf")
    layer = archive.write_layer(tmp_path / "layer.tar", {"/kubelet": program})
    return {
        "rootfs": tmp_path / "rootfs.tar",
        "kind_files": kind_files,
        "binaries": {"/usr/bin/kubelet": program},
        "images": [archive.image("example/a:1", [layer], architecture="amd64")],
        "restricted": True,
        "scratch": tmp_path,
    }


def _artefact() -> catalogue.Artefact:
    return catalogue.load(paths.images_dir()).artefact("node-1.36.3")


def _expect(fake: FakeShell, *, until: str = "") -> None:
    steps = {
        "import": ("docker", "import", "promdrill/node-rootfs:v1.36.3-abc"),
        "left": ("docker", "rm", "--force", "--volumes", "promdrill-assembly-abc"),
        "run": ("docker", "run", "--detach", "--network", "none", "--stop-signal", "SIGRTMIN+3"),
        "files": ("docker", "cp", "-", "promdrill-assembly-abc:/"),
        "setup": ("docker", "exec", "-i", "PAUSE=registry.k8s.io/pause:3.10.2", "RESTRICTED=1", "sh", "-s"),
        "script": ("docker", "cp", "promdrill-assembly-abc:/kind/import.sh"),
        "images": ("docker", "exec", "-i", "bash", "/kind/import.sh"),
        "clean": ("docker", "exec", "rm", "/kind/import.sh"),
        "commit": ("docker", "commit", IMAGE),
    }
    for name, words in steps.items():
        failed = CommandFailed(["docker"], 1, "no") if name == until else ""
        fake.expect(*words, answer=failed)
        if failed:
            break
    fake.expect("docker", "rm", "--force", "--volumes", "promdrill-assembly-abc")
    fake.expect("docker", "image", "rm", "--force", "promdrill/node-rootfs:v1.36.3-abc")


def test_the_image_is_committed_and_older_ones_go(monkeypatch: pytest.MonkeyPatch, parts: dict[str, object]) -> None:
    fake = install(monkeypatch)
    _expect(fake)
    fake.expect("docker", "image", "ls", answer=f"{IMAGE}\npromdrill/node:v1.36.3-old\npromdrill/node:v1.34.4-x\n")
    fake.expect("docker", "image", "rm", "promdrill/node:v1.36.3-old")
    node.assemble(_artefact(), IMAGE, **parts)  # type: ignore[arg-type]
    fake.done()
    assert not any("--privileged" in argv for argv, _ in fake.calls)
    assert fake.calls[-1][0][3:] == ["promdrill/node:v1.36.3-old"]
    with tarfile.open(Path(str(parts["scratch"])) / "files.tar") as tar:
        names = tar.getnames()
        version = tar.extractfile("kind/version")
        assert version is not None
        assert version.read() == b"v1.36.3\n"
        assert tar.getmember("usr/bin/kubelet").mode == 0o755
    assert {"kind/README", "etc/cni/net.d/10-static.conflist"} <= set(names)


@pytest.mark.parametrize("step", ["run", "setup", "images", "commit"])
def test_a_failing_step_leaves_nothing(monkeypatch: pytest.MonkeyPatch, parts: dict[str, object], step: str) -> None:
    fake = install(monkeypatch)
    _expect(fake, until=step)
    with pytest.raises(SupplyError, match="cannot build the node image"):
        node.assemble(_artefact(), IMAGE, **parts)  # type: ignore[arg-type]
    fake.done()


def test_presence_is_what_the_engine_says(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = install(monkeypatch)
    fake.expect("image", "inspect", IMAGE, answer="sha256:1\n")
    fake.expect("image", "inspect", IMAGE, exit_code=1)
    assert [node.present(IMAGE), node.present(IMAGE)] == [True, False]
