"""promdrill's own programs: shipped in a wheel, compiled once per architecture in a checkout. Go is a stand-in."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from promdrill.artefacts.cache import Cache
from promdrill.core import paths
from promdrill.core.errors import SupplyError
from promdrill.supply.build import catalogue, programs, toolchain
from promdrill.supply.build import go as gobuild
from promdrill.supply.build.toolchain import Go

NAMES, ARCHITECTURES = programs.NAMES, programs.ARCHITECTURES

FAKE_GO = """#!{python}
import json, os, sys
from pathlib import Path
if sys.argv[1] == "version":
    print("go version go{version} linux/amd64")
    sys.exit()
if {broken}:
    sys.exit("main.go:1: undefined: x")
where = Path(sys.argv[sys.argv.index("-o") + 1])
target = {{name: os.environ[name] for name in ("GOOS", "GOARCH", "GOAMD64", "GOARM64", "CGO_ENABLED")}}
(where / Path.cwd().name).write_text(json.dumps([sys.argv[1:], target]))
"""

TABLE = """[NAME]
version = "1.2"
go = { "promdrill.example/NAME" = "NAME" }
stamps = { "main.v" = "{version}" }
"""


class World:
    """A checkout's images, a cache, and the Go on PATH."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch, self.bin = monkeypatch, tmp_path / "bin"
        self.cache = Cache(tmp_path / "cache")
        self.said: list[str] = []
        self.images = tmp_path / "images"
        self.bin.mkdir()
        monkeypatch.setenv("PATH", str(self.bin))
        monkeypatch.setattr(paths, "images_dir", lambda: self.images)
        monkeypatch.setattr(paths, "in_checkout", lambda: True)
        for name in NAMES:
            (self.images / name).mkdir(parents=True)
            (self.images / name / "main.go").write_text("package main\n")
        (self.images / catalogue.FILE_NAME).write_text("".join(TABLE.replace("NAME", name) for name in NAMES))

    def go(self, version: str, *, broken: bool = False) -> None:
        program = self.bin / "go"
        program.write_text(FAKE_GO.format(python=sys.executable, version=version, broken=broken))
        program.chmod(0o755)

    def get(self, name: str = "demo-app", architecture: str = "arm64") -> Path:
        return programs.program(name, architecture, cache=self.cache, say=self.said.append)

    def present(self, architecture: str = "arm64") -> bool:
        return programs.present(architecture, cache=self.cache)

    def wheel(self, tmp_path: Path) -> Path:
        """What runs is a wheel with that folder of data."""
        self.monkeypatch.setattr(paths, "in_checkout", lambda: False)
        self.monkeypatch.setattr(paths, "project_dir", lambda: tmp_path / "_data")
        return tmp_path / "_data"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", NAMES)
def test_a_checkout_compiles_it_for_the_architecture_that_was_asked_for(
    world: World, name: str, architecture: str
) -> None:
    world.go("1.26.8")
    argv, target = json.loads(world.get(name, architecture).read_text())
    assert argv[0] == "build"
    assert argv[-1] == f"promdrill.example/{name}"
    assert argv[argv.index("-ldflags") + 1] == "-s -w -X main.v=1.2"
    assert "-trimpath" in argv
    assert target.pop("GOARCH") == architecture
    assert target == {"GOOS": "linux", "CGO_ENABLED": "0", "GOAMD64": "v1", "GOARM64": "v8.0"}
    assert world.said == [
        f"Compiling {name} for linux/{architecture} with go1.26.8, once; about a minute on two cores."
    ]


def test_it_is_compiled_once_and_again_when_anything_that_goes_in_changes(world: World) -> None:
    world.go("1.26.8")
    first = world.get()
    assert world.get() == first
    assert len(world.said) == 1
    others = {world.get("demo-app", "amd64"), world.get("volume-agent")}
    world.go("1.26.9")
    others.add(world.get())
    (world.images / "demo-app" / "main.go").write_text("package main // changed\n")
    others.add(world.get())
    text = (world.images / catalogue.FILE_NAME).read_text()
    (world.images / catalogue.FILE_NAME).write_text(text.replace("main.v", "main.version"))
    others.add(world.get())
    assert len({*others, first}) == 6
    assert len(world.said) == 6


def test_what_the_compiler_says_is_in_the_error(world: World) -> None:
    world.go("1.26.8", broken=True)
    with pytest.raises(SupplyError, match=r"building demo-app failed(.|\n)*undefined: x"):
        world.get()
    world.go("1.26.8")
    assert world.get().is_file(), "a failed build is not kept"


def test_present_says_whether_anything_would_be_compiled_and_installs_nothing(world: World) -> None:
    world.go("1.26.8")
    assert not world.present()
    for name in NAMES:
        assert not world.present(), f"without {name}"
        world.get(name)
    assert world.present()
    assert not world.present("amd64")
    (world.bin / "go").unlink()
    assert not world.present(), "the pinned toolchain would make others"
    assert not (world.cache.root / "artefacts" / "go-toolchain").exists()


def test_present_without_go_on_path_is_of_the_pinned_toolchain(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, version = toolchain.WHEEL.partition("==")
    world.go(version)
    for name in NAMES:
        world.get(name)
    (world.bin / "go").rename(world.bin / "pinned")
    monkeypatch.setattr(toolchain, "_from_wheel", lambda _: world.bin / "pinned")
    world.said.clear()
    assert world.present()
    assert [world.get(name).name for name in NAMES] == list(NAMES)
    assert world.said == []


def test_an_older_go_on_path_is_not_used(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.go("1.26.6")
    (world.bin / "go").rename(world.bin / "pinned")
    world.go("1.24.0", broken=True)
    monkeypatch.setattr(toolchain, "_from_wheel", lambda _: world.bin / "pinned")
    assert world.get().is_file()


def test_a_wheel_has_it_and_compiles_nothing(world: World, tmp_path: Path) -> None:
    shipped = world.wheel(tmp_path) / "programs" / "linux-arm64" / "demo-app"
    assert not world.present()
    with pytest.raises(SupplyError, match=r"linux-arm64/demo-app is missing\nHint: reinstall promdrill"):
        world.get()
    shipped.parent.mkdir(parents=True)
    shipped.write_bytes(b"\x7fELF")
    assert world.get() == shipped
    for name in NAMES:
        assert not world.present()
        (shipped.parent / name).write_bytes(b"\x7fELF")
    assert world.present()
    assert not world.present("amd64")
    assert world.said == []


@pytest.mark.parametrize(
    ("name", "architecture", "message"),
    [
        ("demo", "amd64", "'demo' is not one of promdrill's programs: volume-agent, demo-app, alert-receiver"),
        ("demo-app", "riscv64", r"not built for linux/riscv64\nHint: .*amd64 or arm64"),
    ],
)
@pytest.mark.parametrize("installed", [True, False])
def test_what_there_is_not_is_refused(
    world: World, tmp_path: Path, name: str, architecture: str, message: str, *, installed: bool
) -> None:
    if installed:
        world.wheel(tmp_path)
    with pytest.raises(SupplyError, match=message):
        world.get(name, architecture)
    assert not world.present("riscv64")


def test_a_wheel_is_made_with_the_pinned_toolchain(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.go("1.26.6")
    (world.bin / "go").rename(world.bin / "pinned")
    world.go("1.26.8", broken=True)
    monkeypatch.setattr(toolchain, "_from_wheel", lambda _: world.bin / "pinned")
    made = {place: path for path, place in programs.for_wheel(world.cache, world.said.append)}
    assert set(made) == {f"programs/linux-{each}/{name}" for each in ARCHITECTURES for name in NAMES}
    for place, path in made.items():
        assert json.loads(path.read_text())[1]["GOARCH"] == place.split("/")[1].removeprefix("linux-")


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (lambda a, go: gobuild.key(a, go, "amd64"), True),
        (lambda a, go: gobuild.key(a, go, "arm64"), False),
    ],
)
def test_the_keys_of_what_was_built_before_are_what_they_were(
    change: Callable[[catalogue.Artefact, Go], str], *, same: bool
) -> None:
    artefact = catalogue.Artefact("x", "1", Path(__file__).parent / "data", go={"m": "x"})
    go = Go(Path("go"), "go1.26.8", {})
    assert "architecture" not in gobuild.recipe(artefact, go)
    assert (change(artefact, go) == gobuild.key(artefact, go)) is same


def test_the_catalogue_has_the_programs() -> None:
    shelf = catalogue.load(paths.images_dir())
    for name in NAMES:
        artefact = shelf.artefact(name)
        assert list(artefact.go.values()) == [name]
        assert artefact.stamps == {"main.version": artefact.version}
