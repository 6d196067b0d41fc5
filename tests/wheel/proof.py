"""The wheel works where there is no checkout: ``python -m tests.wheel.proof [--drill]``, from the checkout.

It is built (by way of the sdist, so that is complete too) and installed with its dependencies in a new environment, in
a temporary folder that looks like somebody's own repository, whose pytest configuration is of no use to drills. There
all commands that need no cluster are run, and its own scenario and tests collected. ``--drill`` runs two drills on a
cluster as well: a shipped one, and the same as a scenario of that repository. Needs uv and a Python package index.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from promdrill.artefacts import machine
from promdrill.artefacts.cache import digest_of
from promdrill.cli.main import COMMANDS
from promdrill.core import paths, shell
from promdrill.core.clock import SYSTEM
from promdrill.core.errors import CommandTimeout, PromdrillError
from promdrill.matrix.cells import VARIABLES
from promdrill.request.options import OPTIONS
from promdrill.request.scenarios import find_all
from promdrill.results import store
from promdrill.supply.build import catalogue, programs
from promdrill.supply.build.catalogue import Catalogue
from release import elf

BUILD_S, INSTALL_S, COMMAND_S, DRILL_S = 1800.0, 600.0, 120.0, 1200.0
"""Far beyond what was measured on two busy cores: 700 (nothing compiled before), 10 (uv had the dependencies), 6 and
200."""

START_S = 20.0
"""For a program to start; it takes milliseconds."""

DATA = ("scenarios", "manifests", "images")
NOT_SHIPPED = ("__pycache__", "ci")
"""Folders of the checkout's data that are no data: caches, and the chart's own checks."""

PROGRAMS = {f"linux-{each}/{name}": each for each in programs.ARCHITECTURES for name in programs.NAMES}
"""What only the wheel has, below its folder of programs, and the architecture of each."""

FINDS = """import pathlib
from promdrill.core import paths
from promdrill.artefacts import cache
from promdrill.supply.build import programs
nowhere = cache.Cache(pathlib.Path("no-cache"))
for each in programs.ARCHITECTURES:
    assert programs.present(each, cache=nowhere), each
    for name in programs.NAMES:
        print(programs.program(name, each, cache=nowhere, say=print))
"""

SHIPPED, OWN = "target-typo", "my-typo"
"""The drills of --drill; the second is a copy of the first under an id of its own."""

HOSTILE = "[pytest]\naddopts = --no-such-option\n"
"""A configuration with which pytest does not even start: a drill that heeds it cannot run."""

STRICT = "[pytest]\naddopts = --strict-markers --strict-config\nfilterwarnings = error\n"

USES_FIXTURES = """import pytest


@pytest.mark.charts(">=15")
def test_with_a_cluster(kind_cluster, supplied):
    assert kind_cluster.kubectl("get", "nodes")
"""


def say(text: str) -> None:
    """A line for whoever watches."""
    print(text, flush=True)  # noqa: T201


class Wrong(PromdrillError):
    """The wheel is not as it has to be."""


@dataclass(frozen=True, slots=True)
class World:
    """Somebody's repository, with promdrill in an environment of its own.

    Attributes:
        root: Folder of everything.
        source: The checkout that the wheel was built from.
    """

    root: Path
    source: Path

    @property
    def repository(self) -> Path:
        """Where commands are typed."""
        return self.root / "repository"

    @property
    def environment(self) -> Path:
        """The environment, inside the repository as most have it: pytest finds the repository's settings above it."""
        return self.repository / ".venv"

    @property
    def package(self) -> Path:
        """The package as it was installed."""
        (found,) = self.environment.glob("lib/python3*/site-packages/promdrill")
        return found

    @property
    def data(self) -> Path:
        """The wheel's copy of the checkout's data."""
        return self.package / "_data"

    @property
    def targets(self) -> list[str]:
        """Targets of make: nobody here can type them."""
        return re.findall(r"^\.PHONY: (\S+)$", (self.source / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)

    @property
    def variables(self) -> Mapping[str, str]:
        """A shell that knows of no checkout and of no settings."""
        unset = {option.variable: "" for option in OPTIONS} | dict.fromkeys(VARIABLES, "")
        ours = dict.fromkeys(
            ("PYTHONPATH", "VIRTUAL_ENV", "SCENARIO", "SCENARIOS", "KEEP", "CLUSTER", "JOBS", "PYTEST_ADDOPTS"), ""
        )
        found = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return {**unset, **ours, "PATH": f"{self.environment / 'bin'}:{found}", "COLUMNS": "200"}

    def type(
        self, *argv: str, code: int | None = 0, limit_s: float = COMMAND_S, env: Mapping[str, str] | None = None
    ) -> str:
        """What a command says, both streams; it must end so (None: in any way), and name nothing of the checkout.

        Raises:
            Wrong: It does otherwise.
        """
        typed = [str(self.environment / "bin" / argv[0]), *argv[1:]]
        done = shell.run(
            typed,
            timeout_s=limit_s,
            env={**self.variables, **(env or {})},
            cwd=self.repository,
            ok=range(-64, 256),
            inherits_as="promdrill",
        )
        said = done.stdout + done.stderr
        if code is not None and done.exit_code != code:
            raise Wrong(f"{' '.join(argv)} ended with {done.exit_code} and not {code}\n{said}")
        wrong = [
            word for word in (str(self.source), str(paths.project_dir()), ".venv/bin/", "Traceback") if word in said
        ]
        wrong += re.findall(rf"\bmake (?:{'|'.join(self.targets)})\b", said)
        if wrong:
            raise Wrong(f"{' '.join(argv)} says {wrong}\n{said}")
        return said

    def says(self, expected: Sequence[str], *argv: str, code: int = 0, env: Mapping[str, str] | None = None) -> str:
        """As `type`, and all these words are in what it says."""
        said = self.type(*argv, code=code, env=env)
        missing = [words for words in expected if words not in said]
        if missing:
            raise Wrong(f"{' '.join(argv)} does not say {missing}\n{said}")
        return said


def uv(source: Path) -> str:
    """The uv on PATH, else the one that make put into the checkout."""
    own = source / ".venv-uv" / "bin" / "uv"
    found = shutil.which("uv") or (str(own) if own.is_file() else None)
    if found is None:
        raise Wrong("no uv", hint="make environment")
    return found


def build(source: Path, into: Path) -> Path:
    """The wheel, built from the sdist that is built from the checkout."""
    shell.run([uv(paths.project_dir()), "build", "--quiet", "--out-dir", into, source], timeout_s=BUILD_S)
    (wheel,) = into.glob("*.whl")
    (sdist,) = into.glob("*.tar.gz")
    say(f"wheel {wheel.stat().st_size / 1e6:.2f} MB, sdist {sdist.stat().st_size / 1e6:.2f} MB")
    return wheel


def install(world: World, wheel: Path) -> None:
    """The wheel and its dependencies, in an environment that has nothing else."""
    program = uv(paths.project_dir())
    shell.run([program, "venv", "--quiet", "--python", sys.executable, world.environment], timeout_s=INSTALL_S)
    python = str(world.environment / "bin" / "python")
    argv = [program, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, str(wheel)]
    shell.run(argv, timeout_s=INSTALL_S)


def tree(folder: Path) -> dict[str, tuple[str, bool]]:
    """Sum of each file below a folder, and whether it can be executed; caches left out."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    kept = (path for path in files if not {*path.relative_to(folder).parts[:-1]} & {*NOT_SHIPPED})
    return {str(path.relative_to(folder)): (digest_of(path), bool(path.stat().st_mode & 0o100)) for path in kept}


def same_data(world: World) -> None:
    """Every file is there, nothing else is, and each is the checkout's, as is its mode: caches have keys of both."""
    for name in DATA:
        ours, theirs = tree(world.source / name), tree(world.data / name)
        odd = sorted(path for path in ours.keys() | theirs.keys() if ours.get(path) != theirs.get(path))
        if odd or not ours:
            raise Wrong(f"{name} of the wheel is not that of the checkout: {', '.join(odd) or 'empty'}")
    if digest_of(world.source / "matrix.toml") != digest_of(world.data / "matrix.toml"):
        raise Wrong("matrix.toml of the wheel is not that of the checkout")
    there = {path.name for path in world.data.iterdir()}
    if there != {*DATA, "matrix.toml", programs.FOLDER}:
        raise Wrong(f"the wheel's data are {sorted(there)}")


def its_programs(world: World) -> None:
    """Both programs are there for both architectures, static; they are found without Go, and this machine's run."""
    folder = world.data / programs.FOLDER
    found = tree(folder)
    if found.keys() != PROGRAMS.keys():
        raise Wrong(f"the wheel's programs are {sorted(found)}")
    for place, architecture in PROGRAMS.items():
        try:
            seen = elf.read(folder / place)
        except ValueError as error:
            raise Wrong(str(error)) from error
        if seen != elf.Elf(architecture, static=True) or not found[place][1]:
            raise Wrong(f"{place}: {seen}, executable: {found[place][1]}")
    no_go = {"PATH": str(world.environment / "bin")}
    if shutil.which("go", path=no_go["PATH"]):
        raise Wrong("the new environment has Go")
    said = world.type("python", "-c", FINDS, env=no_go)
    if said.split() != [str(folder / place) for place in PROGRAMS]:
        raise Wrong(f"promdrill finds other programs:\n{said}")
    runs(folder / f"linux-{machine.examine().architecture}", catalogue.load(world.data / "images"))


def runs(folder: Path, shelf: Catalogue) -> None:
    """The agent and the alert receiver tell their versions, and the demo app starts and tells its own.

    Raises:
        Wrong: One does not.
    """
    app = shelf.artefact("demo-app").version
    for name, ask in {"volume-agent": "version", "alert-receiver": "--version"}.items():
        told = shell.run([folder / name, ask], timeout_s=START_S).stdout
        if told != f"{shelf.artefact(name).version}\n":
            raise Wrong(f"{name} says {told!r} and not {shelf.artefact(name).version}")
    said: list[str] = []
    heard = threading.Event()

    def hear(line: str) -> None:
        said.append(line)
        heard.set()

    with contextlib.suppress(CommandTimeout):  # it is ended once it has said something
        shell.run([folder / "demo-app", "-listen", "127.0.0.1:0"], timeout_s=START_S, on_line=hear, stop=heard)
    if not any("demo-app listens" in line and f"version={app}" in line for line in said):
        raise Wrong(f"demo-app does not start: {said}")


def its_own(world: World) -> None:
    """What is imported is the wheel's, by no way the checkout's."""
    said = world.type("python", "-c", "from promdrill.core import paths; print(paths.__file__, paths.project_dir())")
    if said.split() != [str(world.package / "core" / "paths.py"), str(world.data)]:
        raise Wrong(f"imported from elsewhere: {said}")


def helps(world: World) -> None:
    """Each command says what it can do."""
    said = world.says(["usage: promdrill", "promdrill run --scenario disk-full"], "promdrill", "--help")
    named = [line.split()[0] for line in said.splitlines() if line.startswith("    ") and line[4] != " "]
    if len(named) < len(COMMANDS):
        raise Wrong(f"promdrill --help names {named}")
    for name in named:
        world.says(["usage: promdrill"], "promdrill", name, "--help")


def lists(world: World) -> None:
    """All scenarios and all cells are there."""
    ids = [each.id for each in find_all(world.source / "scenarios")]
    rows = json.loads(world.type("promdrill", "list", "--json"))
    if [row["id"] for row in rows] != ids or not all(row["title"] and row["touches"] for row in rows):
        raise Wrong(f"promdrill list knows {rows}")
    books = [str(path) for path in sorted(world.data.glob("scenarios/*/runbook*.md"))]
    if world.type("promdrill", "runbook", "check", *books).count(": ok\n") != len(books):
        raise Wrong("not every runbook is ok")
    cells = json.loads(world.type("promdrill", "matrix", "--format", "github"))["include"]
    world.type("promdrill", "doctor", code=None)  # it looks at the machine
    if not cells or world.type("promdrill", "matrix").count("\n") < len(cells):
        raise Wrong(f"cells: {cells}")


def refuses(world: World) -> None:
    """Bad input is one message, and starts nothing."""
    near = f"Hint: --scenario {SHIPPED}"
    world.says(["--scenario target-typ: no such", near], "promdrill", "run", "--scenario", "target-typ", code=2)
    world.says(["Hint: KUBE_VERSION="], "promdrill", "run", "--kube-version", "1.36.9", code=2)
    world.says(["SCENARIOS=nowhere: no such"], "promdrill", "run", "--scenarios", "nowhere", code=2)
    world.says(["a folder for your own", "promdrill new mine --scenarios drills"], "promdrill", "new", "mine", code=2)
    if (world.repository / "reports").exists():
        raise Wrong("a run that was refused wrote a report")


def own_scenario(world: World) -> None:
    """A scenario of one's own is begun, listed and checked beside those shipped; an id that is taken is refused."""
    next_line = "  promdrill run --scenario mine --scenarios drills --keep 1\n"
    world.says(["created drills/mine", next_line], "promdrill", "new", "mine", "--scenarios", "drills")
    world.says(["drills/mine/runbook.md: ok"], "promdrill", "runbook", "check", "drills/mine/runbook.md")
    left = ["drills/mine/runbook.md:3: still to be written: ", "style was not checked: ruff is not installed"]
    world.says(left, "promdrill", "check", "drills", code=1)
    world.says(["  server.ready(n=None)\n"], "promdrill", "reference", "condition")
    for how in (("--scenarios", "drills"), ()):
        world.says(["\nmine ", f"\n{SHIPPED} "], "promdrill", "list", *how, env={"SCENARIOS": "" if how else "drills"})
    world.says(["drills/mine already exists"], "promdrill", "new", "mine", "--scenarios", "drills", code=2)
    world.says([f"{SHIPPED} already exists"], "promdrill", "new", SHIPPED, "--scenarios", "drills", code=2)
    world.says(["this is a scenario"], "promdrill", "list", "--scenarios", "drills/mine", code=2)
    both = world.repository / "more" / "mine"
    shutil.copytree(world.repository / "drills" / "mine", both)
    places = ["two scenarios have the id mine", str(both), str(world.repository / "drills" / "mine")]
    world.says(places, "promdrill", "run", "--scenarios", "drills,more", code=2)


def fixtures(world: World) -> None:
    """Plain pytest in the repository has the fixtures and the markers, under the strictest settings."""
    (world.repository / "pytest.ini").write_text(STRICT)
    (world.repository / "test_mine.py").write_text(USES_FIXTURES)
    found = ["test_mine.py::test_with_a_cluster", "drills/mine/test_mine.py::test_mine"]
    mode = "--import-mode=importlib"  # two files of one name; what projects without __init__.py files use
    world.says([*found, "2 tests collected"], "pytest", "--collect-only", "-q", mode, "test_mine.py", "drills")
    world.says(["drill -- ", "kind_cluster ", "supplied "], "pytest", "--fixtures", "-q", mode, "test_mine.py")
    ids = [each.test.name for each in find_all(world.source / "scenarios")]
    world.says([*ids, f"{len(ids)} tests"], "pytest", "--collect-only", "-q", str(world.data / "scenarios"))


def collected_by_run(world: World) -> None:
    """`promdrill run` hands both kinds of scenario to pytest, and heeds no settings of the repository."""
    (world.repository / "pytest.ini").write_text(HOSTILE)
    argv = ("promdrill", "run", "--supply", "source", "--scenarios", "drills", "--scenario", f"mine,{SHIPPED}")
    found = ["drills/mine/test_mine.py::test_mine", "test_target_typo.py::test_target_typo", "2 tests collected"]
    world.says(found, *argv, env={"PYTEST_ADDOPTS": "--collect-only"})
    world.says(found, *argv, "--jobs", "2", env={"PYTEST_ADDOPTS": "--collect-only"})


def drills(world: World) -> None:
    """A shipped scenario and one of the repository's own pass on a cluster."""
    copy = world.repository / "drills" / OWN
    copy.mkdir()
    for file in (world.data / "scenarios" / SHIPPED).iterdir():
        if file.is_file():
            text = file.read_text(encoding="utf-8").replace(SHIPPED, OWN).replace("target_typo", "my_typo")
            (copy / file.name.replace("target_typo", "my_typo")).write_text(text, encoding="utf-8")
    ids = f"{OWN},{SHIPPED}"
    argv = ("promdrill", "run", "--supply", "source", "--scenarios", "drills", "--scenario", ids)
    say(world.type(*argv, limit_s=DRILL_S))
    run = store.read(world.repository / "reports" / "latest")
    if sorted((drill.scenario, str(drill.verdict)) for drill in run.drills) != [(OWN, "passed"), (SHIPPED, "passed")]:
        raise Wrong(f"not both passed: {run.drills}")


def checks(*, drill: bool) -> Iterator[Callable[[World], None]]:
    """What is proven, in order: later ones use what earlier ones made."""
    yield from (same_data, its_own, its_programs, helps, lists, refuses, own_scenario, fixtures, collected_by_run)
    if drill:
        yield drills


def prove(world: World, wheel: Path, *, drill: bool) -> None:
    """Install the wheel and go through all checks; afterwards the package is as it was installed.

    Raises:
        Wrong: One does not hold.
    """
    world.repository.mkdir()
    began = SYSTEM.monotonic()
    install(world, wheel)
    before = tree(world.package)
    size_bytes = sum(path.stat().st_size for path in world.data.rglob("*") if path.is_file())
    took_s = SYSTEM.monotonic() - began
    say(f"installed in {took_s:.0f} s; {len(before)} files of promdrill, of these {size_bytes / 1e6:.1f} MB of data")
    for check in checks(drill=drill):
        began = SYSTEM.monotonic()
        check(world)
        say(f"{SYSTEM.monotonic() - began:5.1f} s  {(check.__doc__ or '').splitlines()[0]}")
    changed = dict(tree(world.package).items() ^ before.items())
    if changed:
        raise Wrong(f"written beside the data: {', '.join(sorted(changed))}")
    say("nothing was written beside the data")


def main() -> int:
    """Build, install, prove; 0 when all holds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--drill", action="store_true", help="also run two drills on a cluster (some 3 minutes)")
    parser.add_argument(
        "--source", type=Path, default=paths.project_dir(), help="the checkout to build (default: this)"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="promdrill-wheel-") as folder:
        world = World(Path(folder).resolve(), arguments.source.resolve())
        try:
            prove(world, build(world.source, world.root / "dist"), drill=arguments.drill)
        except PromdrillError as error:
            say(f"promdrill: {error}")
            return 1
    say("the wheel works without a checkout")
    return 0


if __name__ == "__main__":
    sys.exit(main())
