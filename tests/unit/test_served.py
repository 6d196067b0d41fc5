"""Releases of families, against a Go module proxy in a folder: which can be built, why the others cannot, and how."""

from __future__ import annotations

import io
import json
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from promdrill.artefacts.cache import Cache
from promdrill.core import shell
from promdrill.core.errors import SupplyError, UsageError
from promdrill.core.shell import Completed
from promdrill.helm.values import images
from promdrill.helm.values.image_layer import ImageRules
from promdrill.helm.values.images import Image
from promdrill.supply.build import catalogue, release, toolchain
from promdrill.supply.build import go as gobuild
from promdrill.supply.build.source import SourceSupply

pytestmark = pytest.mark.skipif(shutil.which("go") is None, reason="PATH has no Go")

CATALOGUE = """
[pinned]
version = "2.48.0"
go = { "example.test/prometheus/cmd" = "prometheus" }
images = [{ name = "quay.io/prometheus/prometheus", tag = "v{version}", files = { "/prometheus" = "prometheus" } }]

[any.prometheus]
module = "example.test/prometheus"
numbers = { "2." = "v0.{minor}.{patch}", "3." = "v0.3{minor:02}.{patch}" }
go = { "./cmd" = "prometheus" }
stamps = { "main.version" = "{version}" }
image = { name = "quay.io/prometheus/prometheus", tag = "v{version}", files = { "/prometheus" = "prometheus" } }

[any.operator]
module = "example.test/operator"
go = { "." = "operator" }
stubs = ["ui/dist/index.html", "ui/there.html"]
image = { name = "quay.io/prometheus-operator/operator", tag = "v{version}", files = { "/operator" = "operator" } }
"""

MAIN = "package main\n\nimport _ {imports}\n\nfunc main() {{}}\n"


class World:
    """A proxy's folder, the catalogue above, and an empty cache."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.proxy, recipes = tmp_path / "proxy", tmp_path / "images"
        (recipes / "pinned").mkdir(parents=True)
        (recipes / catalogue.FILE_NAME).write_text(CATALOGUE)
        monkeypatch.setenv("GOPROXY", self.proxy.as_uri())
        monkeypatch.setenv("GOSUMDB", "off")
        monkeypatch.setenv("PROMDRILL_STATE_DIR", str(tmp_path / "state"))
        self.cache, self.said = Cache(tmp_path / "cache"), list[str]()
        self.catalogue = catalogue.load(recipes)
        self.supply = SourceSupply(
            self.catalogue, self.cache, toolchain.expected(self.cache), Console(quiet=True), say=self.said.append
        )
        self.serve("example.test/lib", "v1.0.0", {"lib.go": "package lib\n"})

    def serve(self, module: str, version: str, sources: dict[str, str], mod: str = "", *, listed: bool = True) -> None:
        """Serve a version of a module; an empty `mod` names the module and nothing else."""
        place = self.proxy / module / "@v"
        place.mkdir(parents=True, exist_ok=True)
        mod = mod or f"module {module}\n\ngo 1.21\n"
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name, text in {"go.mod": mod, **sources}.items():
                archive.writestr(f"{module}@{version}/{name}", text)
        (place / f"{version}.zip").write_bytes(packed.getvalue())
        (place / f"{version}.mod").write_text(mod)
        (place / f"{version}.info").write_text(json.dumps({"Version": version}))
        with (place / "list").open("a") as file:
            file.write(f"{version}\n" if listed else "")

    def prometheus(self, version: str, *, needs: str = "v1.0.0", go: str = "1.21", listed: bool = True) -> None:
        mod = f"module example.test/prometheus\n\ngo {go}\n\nrequire example.test/lib {needs}\n"
        sums = "".join(
            f"example.test/lib {needs}{what} h1:{'A' * 43}=\n" for what in ("", "/go.mod")
        )  # wrong; see `honest`
        sources = {"cmd/main.go": MAIN.format(imports='"example.test/lib"'), "go.sum": sums}
        self.serve("example.test/prometheus", version, sources, mod, listed=listed)

    def operator(self, version: str, mod: str, *imports: str) -> None:
        text = "package main\n\nimport (\n" + "".join(f'_ "{each}"\n' for each in imports) + ")\n\nfunc main() {}\n"
        sources = {"main.go": text, "go.sum": "", "ui/there.html": "there"}
        self.serve("example.test/operator", version, sources, f"module example.test/operator\n\ngo 1.21\n\n{mod}")

    def choose(self, text: str, policy: str = "nearest") -> images.Choice:
        wanted = Image.of(text)
        assert wanted is not None
        return images.choose(wanted, self.supply.stock(), policy)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def honest(world: World, *versions: str) -> None:
    """Serve versions of Prometheus whose go.sum is right."""
    reply = shell.run(
        ["go", "mod", "download", "-json", "example.test/lib@v1.0.0"],
        timeout_s=60,
        env=world.supply.go.env,
        cwd=world.proxy,
    )
    found = json.loads(reply.stdout)
    sums = f"example.test/lib v1.0.0 {found['Sum']}\nexample.test/lib v1.0.0/go.mod {found['GoModSum']}\n"
    mod = "module example.test/prometheus\n\ngo 1.21\n\nrequire example.test/lib v1.0.0\n"
    for version in versions:
        sources = {"cmd/main.go": MAIN.format(imports='"example.test/lib"'), "go.sum": sums}
        world.serve("example.test/prometheus", version, sources, mod, listed=version != "v0.39.1")


PROMETHEUS = "quay.io/prometheus/prometheus"


def test_a_release_is_found_though_the_proxy_does_not_list_it(world: World) -> None:
    honest(world, "v0.39.1", "v0.42.0")
    for text in ("prom/prometheus:v2.39.1", "mirror.example/prometheus/prometheus:v2.39.1", f"{PROMETHEUS}:v2.39.1"):
        chosen = world.choose(text, "exact").chosen
        assert chosen is not None
        assert chosen.text == f"{PROMETHEUS}:v2.39.1"
    fetching = "Fetching the modules of prometheus-2.39.1, to see whether all that it needs is served."
    unchecked = "example.test/prometheus@v0.39.1 is not checked: Go's settings name no checksum database for it."
    assert world.said == [fetching, unchecked] * 3  # for each stock


def test_what_is_not_served_is_said_with_its_neighbours(world: World) -> None:
    honest(world, "v0.39.1", "v0.42.0", "v0.304.1", "v0.305.0-rc.0")
    found = world.choose(f"{PROMETHEUS}:v2.9.2")
    assert found.chosen is None
    assert re.fullmatch(r"the Go module proxy does not serve example.test/prometheus@v0.9.2 \(.+\)", found.why)
    assert str(world.proxy) not in found.why
    assert found.had == ("v2.42.0", "v2.48.0", "v3.4.1")
    rules = ImageRules(world.supply.stock(), "nearest", "2.9.2")
    wanted = Image.of(f"{PROMETHEUS}:v2.48.0")
    assert wanted is not None
    with pytest.raises(
        UsageError, match=r"APP_VERSION=2\.9\.2: .*v0\.9\.2 .*; available: 2\.42\.0, 2\.48\.0"
    ) as caught:
        rules.choose(wanted)
    assert caught.value.hint == "APP_VERSION=2.42.0 or SUPPLY=registry, which pulls it"


def test_a_dependency_that_is_not_served_is_found_before_anything_is_built(world: World) -> None:
    world.prometheus("v0.316.0", needs="v1.9.0")
    found = world.choose(f"{PROMETHEUS}:v3.16.0")
    assert found.chosen is None
    assert "example.test/lib@v1.9.0" in found.why


def test_a_dependency_that_is_not_what_go_sum_says_is_refused(world: World) -> None:
    world.prometheus("v0.42.0")
    found = world.choose(f"{PROMETHEUS}:v2.42.0")
    assert found.chosen is None
    assert "checksum mismatch" in found.why or "SECURITY ERROR" in found.why


def test_a_release_for_a_newer_go_is_said(world: World) -> None:
    world.prometheus("v0.399.0", go="1.99.0")
    found = world.choose(f"{PROMETHEUS}:v3.99.0")
    assert found.chosen is None
    assert found.why == f"example.test/prometheus@v0.399.0 needs Go 1.99.0; this is {world.supply.go.version}"


def test_a_release_from_before_modules_is_not_taken_for_another(world: World) -> None:
    world.serve("example.test/prometheus", "v0.9.2", {}, "module example.test/prometheus\n")  # as proxies make one up
    assert world.choose(f"{PROMETHEUS}:v2.9.2").why == "example.test/prometheus@v0.9.2 has no go.mod of its own"


def test_latest_is_the_newest_release(world: World) -> None:
    honest(world, "v0.42.0", "v0.304.1", "v0.305.0-rc.0")
    world.prometheus("v0.304.2", needs="v1.9.0")
    found = world.choose(f"{PROMETHEUS}:latest")
    assert found.remark == "prometheus latest is taken as v3.4.1, the newest version that can be had."


def test_an_image_of_no_family_is_not_asked_about(world: World) -> None:
    assert world.supply.stock().made(Image("x:v1", "docker.io/library/x", "v1")) == ((), "")


def test_what_is_built_is_not_asked_about_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    artefact, _ = world.catalogue.image(f"{PROMETHEUS}:v2.39.1")
    world.cache.build(artefact.name, world.supply.key(artefact.name), lambda into: _touched(into / "prometheus"))
    monkeypatch.setenv("GOPROXY", "off")
    assert world.choose(f"{PROMETHEUS}:v2.39.1").chosen == Image.of(f"{PROMETHEUS}:v2.39.1")
    assert not world.said


def _touched(file: Path) -> dict[str, Any]:
    file.touch()
    return {}


REPLACED = """require example.test/operator/pkg v0.1.0

replace example.test/operator/pkg => ./pkg
"""


def test_what_stands_in_the_way_of_a_build_is_set_right(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("v0.1.0", "v0.2.0"):
        world.serve("example.test/operator/pkg", version, {"pkg.go": f"package pkg // {version}\n"})
    world.operator("v0.2.0", REPLACED, "example.test/operator/pkg")
    artefact = world.catalogue.image("quay.io/prometheus-operator/operator:v0.2.0")[0]
    seen: list[str] = []
    real = shell.run

    def run(argv: Any, **called: Any) -> Completed:
        words = [str(word) for word in argv]
        if words[1] != "build":
            return real(argv, **called)
        folder = called["cwd"]
        options = [word for word in words if word.startswith(("-modfile", "-mod="))]
        shape = "{{with .Module}}{{.Path}} {{.Version}}{{end}}"
        asked = [words[0], "list", *options, "-deps", "-f", shape, "."]
        seen.extend(real(asked, timeout_s=60, env=called["env"], cwd=folder).stdout.split("\n"))
        assert {each: (folder / "ui" / each).read_text() for each in ("dist/index.html", "there.html")} == {
            "dist/index.html": "",
            "there.html": "there",
        }
        (Path(words[words.index("-o") + 1]) / "operator").write_text("built")
        return Completed(tuple(words), 0, "", "", 0.0)

    monkeypatch.setattr(shell, "run", run)
    built = world.cache.build("x", "y", lambda into: gobuild.build(artefact, world.supply.go, into))
    assert "example.test/operator/pkg v0.2.0" in seen
    assert (built.files / "operator").read_text() == "built"
    assert built.manifest["module"] == "example.test/operator@v0.2.0"
    assert built.manifest["sum"].startswith("h1:")
    assert built.manifest["checked"] == ""  # GOSUMDB=off


def test_a_release_without_sums_is_refused(world: World) -> None:
    world.serve("example.test/prometheus", "v0.42.0", {"cmd/main.go": "package main\n\nfunc main() {}\n"})
    artefact = world.catalogue.image(f"{PROMETHEUS}:v2.42.0")[0]
    with pytest.raises(SupplyError, match=r"prometheus@v0\.42\.0 has no go\.sum of its own"):
        gobuild.download(artefact, world.supply.go)


@pytest.mark.parametrize(
    ("settings", "database"),
    [
        ({"GOSUMDB": "sum.example.test"}, "sum.example.test"),
        ({"GOSUMDB": "sum.example.test", "GONOSUMDB": "other.test,example.test/oper*"}, "sum.example.test"),
        ({"GOSUMDB": "sum.example.test", "GONOSUMDB": "example.test/prom*"}, ""),
        ({"GOSUMDB": "sum.example.test", "GONOSUMDB": "example.test"}, ""),
        ({"GOSUMDB": "off"}, ""),
    ],
)
def test_which_database_checks_a_release(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: dict[str, str], database: str
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    wanted = world.catalogue.image(f"{PROMETHEUS}:v2.42.0")[0].release
    assert wanted is not None
    go = world.supply.go

    def run(argv: Any, folder: Path) -> str:
        return shell.run([go.binary, *argv], timeout_s=60, env=go.env, cwd=folder).stdout

    assert release.checked_by(wanted, tmp_path, run) == database


def test_the_key_of_a_release_is_what_decides_its_bytes(world: World) -> None:
    keys = {
        gobuild.key(world.catalogue.image(f"{PROMETHEUS}:v{version}")[0], world.supply.go)
        for version in ("2.42.0", "2.42.1", "3.4.1")
    }
    assert len(keys) == 3
    artefact = world.catalogue.image(f"{PROMETHEUS}:v2.42.0")[0]
    assert gobuild.key(artefact, world.supply.go) in keys
    assert "folder" not in gobuild.recipe(artefact, world.supply.go)
