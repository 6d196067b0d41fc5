"""The registry supply, end to end on loopback: ``python -m tests.registry.drill``, as root, from the checkout's folder.

Debian's docker-registry as REGISTRY_MIRROR, filled by us under the stock names; our chart pushed to it (``oci://``) and
in a repository with an index.yaml; tools and manifests on that repository's web server. A user is made who is not root
and only in the group docker, with an empty home, without Debian's tools. In a fresh clone he gets all that drills need,
through a proxy that records, and runs the whole book, cut off from everything but this machine; then what must be
refused is refused; then the wheel drills in an empty environment, without Go. Nothing of it stays: registries end,
tags, folders and the user go, on Ctrl-C too.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pwd
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from tests.registry import engines, runs, servers, stock
from tests.registry.runs import Outcome, Runner
from tests.registry.user import GROUP, NAME, User, give, user
from tests.wheel import proof

from promdrill import supply
from promdrill.artefacts import registries
from promdrill.artefacts.cache import Cache
from promdrill.artefacts.pins import Pins
from promdrill.artefacts.platforms import Platform
from promdrill.cluster import kind
from promdrill.core import paths, shell
from promdrill.core.clock import SYSTEM
from promdrill.core.errors import PromdrillError, SupplyError
from promdrill.install.manifests import APP_VERSION
from promdrill.request import needed_images, planning, scenarios
from promdrill.request.request import Request
from promdrill.request.settings import Settings
from promdrill.supply import OWN_IMAGES
from promdrill.supply.build import catalogue, debian, toolchain
from promdrill.supply.build.source import SourceSupply
from promdrill.supply.engine import lifecycle
from promdrill.supply.pull import images as pulled
from promdrill.supply.pull import registry
from promdrill.supply.supplied import Supplied, SupplyRequest

WRONG = "0" * 64

PROGRAM = Path(".venv/bin/promdrill")
"""Where a checkout has it."""

NODE = "kindest/node"

LEAST = 3
"""Images that any drill needs: the provisioner's, Prometheus' and its reloader's."""

OWN_PROGRAM = "volume-agent"
"""The one of promdrill's programs that every cluster needs."""

INSTALL_S = 600.0
"""Seconds to install the wheel with its dependencies: 10 measured."""


@dataclass
class Rig:
    """Everything that runs.

    Attributes:
        folder: Where all files of the rig are.
        supplied: What the source supply gave: tools, node image, manifests.
        stock: What lies in the registry and on the web server.
        mirror: The registry.
        guarded: The same images behind a login.
        silent: Address of a server that never answers.
        web: Charts, tools and manifests.
        proxy: What the user fetches through.
        user: The user.
        clone: His clone of the checkout.
        proven: What was proven, a sentence each.
    """

    folder: Path
    supplied: Supplied
    stock: stock.Stock
    mirror: servers.Registry
    guarded: servers.Registry
    silent: str
    web: servers.Web
    proxy: servers.Proxy
    user: User
    clone: Path
    proven: list[str] = field(default_factory=list)

    def pins(self, name: str, **options: object) -> Path:
        """A file of pins."""
        path = self.folder / f"{name}.toml"
        versions = {"operator": registry.OPERATOR, "provisioner": registry.PROVISIONER_VERSION}
        text = stock.pins(self.stock, self.web, **versions, **options)  # type: ignore[arg-type]
        path.write_text(text, encoding="utf-8")
        return path

    def runner(self, folder: Path | None = None) -> Runner:
        """Runs commands for the user; in the clone by default."""
        return Runner(self.user, folder or self.clone, self.mirror.address, self.web.address, self.stock.chart[1])

    def cache(self, name: str) -> Path:
        """A cache folder of the user's own."""
        return self.user.home / ".cache" / name


def say(text: str) -> None:
    """A line for whoever watches."""
    print(text, flush=True)  # noqa: T201


def main() -> int:
    """Run everything; 0 when all of it was proven."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scenario", default="", help="ids of the drills in the clone, comma separated (default: all)")
    asked = parser.parse_args().scenario
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = SYSTEM.monotonic()
    try:
        if os.geteuid() != 0:
            raise SupplyError("the rig makes a user, so it is run by root", hint="sudo make test-registry")
        with rig() as made:
            book(made, asked)
            refusals(made)
            engines_refused(made)
            login(made)
            by_path(made)
            wheel(made)
    except PromdrillError as error:
        say(f"FAILED: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted; everything of the rig is gone")
        return 130
    say(f"\nproven in {SYSTEM.monotonic() - began:.0f} s:")
    for sentence in made.proven:
        say(f"  {sentence}")
    return 0


@contextlib.contextmanager
def rig() -> Iterator[Rig]:
    """All servers, filled, and the user; gone when the block is left."""
    supplied, archives = build()
    with contextlib.ExitStack() as undo:
        folder = Path(tempfile.mkdtemp(prefix="promdrill-registry-"))
        folder.chmod(0o755)  # the user has to get there
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        undo.enter_context(engines.where_users_find_it(GROUP))
        served = folder / "served"
        served.mkdir()
        storage = folder / "storage"
        mirror = undo.enter_context(servers.registry(folder, storage=storage, name="mirror"))
        guarded = undo.enter_context(servers.registry(folder, storage=storage, name="guarded", login=True))
        web = undo.enter_context(servers.web(served))
        silent = undo.enter_context(servers.silent())
        proxy = undo.enter_context(servers.proxy())
        say(f"registries: {mirror.address}, {guarded.address} (login), {silent} (silent); web server: {web.address}")
        undo.callback(stock.forget, [mirror.address, guarded.address], [])
        lies = fill(supplied, archives, mirror, web, folder)
        ours = f"promdrill/node:v{lies.kubernetes}-{lies.node[:12]}"
        undo.callback(stock.forget, [], [ours])
        go = shutil.which("go")
        person = undo.enter_context(user(folder, go=Path(go) if go else None))
        clone = folder / "clone"
        shell.run(["git", "clone", "--quiet", "--no-hardlinks", paths.project_dir(), clone], timeout_s=120)
        give(clone)
        undo.enter_context(runs.cut_off(pwd.getpwnam(NAME).pw_uid))
        yield Rig(folder, supplied, lies, mirror, guarded, silent, web, proxy, person, clone)
        say("ending the registries, deleting the user and what the rig put into the engine")


def build() -> tuple[Supplied, Mapping[str, Path]]:
    """What our registry is filled with, by the source supply: tools and node image, and each image's archive."""
    say("building what is not there yet")
    lifecycle.ensure(say=say)
    servers.program()
    supplied = supply.provide(SupplyRequest(supply="source"), on_event=say)
    cache = Cache(paths.cache_dir())
    built = catalogue.load(paths.images_dir())
    source = SourceSupply(
        built, cache, toolchain.find(cache), Console(stderr=True), prepare=debian.ensure_host_packages, say=say
    )
    folders = tuple(each.folder for each in scenarios.find_all())
    asked = Request(Settings(supply="source"))
    plan = planning.plan_of(asked, folders, supplied.tools.helm, paths.own_chart(), built.references()).plan
    rendered = plan.references if plan is not None else ()
    wanted = (
        *needed_images.storage_images(supplied.provisioner),
        *needed_images.drilled_images(folders, APP_VERSION),
        *rendered,
    )
    stocked = [name for name in dict.fromkeys(wanted) if name not in OWN_IMAGES]
    return supplied, {reference: source.image_archive(reference) for reference in stocked}


def fill(
    supplied: Supplied, archives: Mapping[str, Path], mirror: servers.Registry, web: servers.Web, folder: Path
) -> stock.Stock:
    """Push everything, and say what was pushed."""
    images = {}
    for reference, archive in archives.items():
        images[reference] = stock.push_image(archive, reference, mirror, folder)
        say(f"pushed {reference} as sha256:{images[reference]}")
    say("taking storage's images out of a copy of the node image, and pushing it: about a minute")
    node = stock.push_node(supplied, mirror, folder)
    say(f"pushed kindest/node:v{supplied.kubernetes} as sha256:{node}")
    served = folder / "served"
    name, version, digest = stock.push_chart(supplied.tools, paths.own_chart(), mirror, served, web.address)
    say(f"pushed chart {name} {version} to oci://{mirror.address}/charts, and to a repository at {web.address}")
    versions = {}
    for tool in ("kind", "kubectl", "helm"):
        found = registry.version_of(tool, getattr(supplied.tools, tool))
        if found is None:
            raise SupplyError(f"{tool} does not tell its version")
        versions[tool] = found
    files = stock.lay_out(supplied, served, versions)
    return stock.Stock(supplied.kubernetes, node, images, (name, version), digest, versions, files)


def book(made: Rig, asked: str) -> None:
    """All is got through a proxy that records, then drilled without any network; every drill passes."""
    runner, env = made.runner(), made.runner().environment(made.pins("drill"), made.cache("promdrill"), SCENARIO=asked)
    through = {"HTTPS_PROXY": made.proxy.address, "HTTP_PROXY": made.proxy.address}
    say(f"\nas {NAME}, in a fresh clone: make supply")
    got = timed(made, "make supply", runner, ["make", "supply"], env={**env, **through}, limit_s=runs.SUPPLY_S)
    if got.code != 0:
        raise SupplyError(f"make supply ended with exit code {got.code}")
    fetched(made)
    came_from_mirror(made, made.cache("promdrill"), least=LEAST if asked else len(made.stock.images))
    say(f"\nas {NAME}, cut off from all but this machine: make test-scenarios JOBS=2")
    ran = timed(made, "make test-scenarios", runner, ["make", "test-scenarios", "JOBS=2"], env=env, limit_s=runs.BOOK_S)
    ended(ran)
    made.proven.append(
        f"{len(ran.verdicts)} drills passed, as {NAME} ({identity(made)}), JOBS=2, in a fresh clone with an empty home "
        f"and cache: node image and {len(made.stock.images)} images pulled from the mirror by pinned digest, tools and "
        "manifests downloaded by pinned sum, the chart from a repository with an index; nothing was pulled in a drill"
    )


def fetched(made: Rig) -> None:
    """Check that the user's programs connected to nothing but loopback and where Python's and Go's packages are."""
    lock = (paths.project_dir() / "uv.lock").read_text(encoding="utf-8")
    go = shell.run(["go", "env", "GOPROXY", "GOSUMDB"], timeout_s=30).stdout if shutil.which("go") else ""
    expected = {*re.findall(r"https?://([^/\s\",]+)", f"{lock}\n{go}"), *go.split()}
    asked = {host: made.proxy.asked.count(host) for host in sorted({*made.proxy.asked})}
    say("fetched from elsewhere than loopback: " + ", ".join(f"{host} ({count})" for host, count in asked.items()))
    if strange := asked.keys() - expected:
        raise SupplyError(f"something was fetched from {', '.join(sorted(strange))}")
    made.proven.append(
        f"fetched from elsewhere than loopback: Python's and Go's packages alone, {sum(asked.values())} connections"
    )


def identity(made: Rig) -> str:
    """What ``id`` says of the user."""
    return made.user.run("id", timeout_s=30, cwd=made.user.home).strip()


def refusals(made: Rig) -> None:
    """What is wrong with a registry, a pin, a chart or a tool is said, and nothing is started."""
    chart, version = made.stock.chart
    image, tool, here = made.stock.prometheus, made.stock.tools["kubectl"], Platform.here().key
    right, runner = made.pins("right"), made.runner()
    cases: dict[str, tuple[dict[str, object], str]] = {
        "a wrong digest of the node image": (
            {"PROMDRILL_PINS": made.pins("wrong-node", node={made.stock.kubernetes: {"digest": WRONG}})},
            f"has SHA-256 {made.stock.node}, but {WRONG} is pinned",
        ),
        "a wrong digest of an image": (
            {"PROMDRILL_PINS": made.pins("wrong-image", image={image: {"digest": WRONG}})},
            f"image {image}: .* has SHA-256 {made.stock.images[image]}, but {WRONG} is pinned",
        ),
        "a wrong digest of a chart": (
            {"PROMDRILL_PINS": made.pins("wrong-chart", **{chart: {version: {"digest": WRONG}}})},
            f"SHA-256 {made.stock.chart_digest}, but {WRONG} is pinned",
        ),
        "a wrong sum of a tool": (
            {"PROMDRILL_PINS": made.pins("wrong-tool", kubectl={tool: {here: WRONG}})},
            f"{WRONG} is pinned",
        ),
        "an image that the mirror does not have (404)": (
            {"REGISTRY_MIRROR": f"{made.mirror.address}/nowhere"},
            r"does not have it \(404\)",
        ),
        "a registry that wants a login (401)": ({"REGISTRY_MIRROR": made.guarded.address}, "credentials"),
        "a registry that hangs": ({"REGISTRY_MIRROR": made.silent, "SUPPLY": "registry"}, "sent nothing for 20 s"),
        "a chart version that is not there": ({"CHART_VERSION": "9.9.9"}, r"9\.9\.9"),
        "a Kubernetes that kind has no image of": ({"KUBE_VERSION": "1.20.0"}, r"KUBE_VERSION=1\.20\.0: not one of"),
    }
    for number, (title, (given, wanted)) in enumerate(cases.items()):
        more = {name: str(value) for name, value in given.items()}
        cache = made.cache(f"refused-{number}")
        compiled = Path("artefacts", OWN_PROGRAM)  # it is the user's own, from before; that he compiles is proven there
        shutil.copytree(made.cache("promdrill") / compiled, cache / compiled, symlinks=True)
        give(cache)
        env = runner.environment(right, cache) | {"SCENARIO": runs.SCENARIO} | more
        outcome = runner.run(PROGRAM, "run", env=env, show=lambda _: None)
        say(f"{title}: exit code {outcome.code}\n  {runs.refusal(outcome, wanted)}")
    made.proven.append(f"{len(cases)} refusals, each with its message, no cluster made: {'; '.join(cases)}")


def engines_refused(made: Rig) -> None:
    """An engine, a context, a group or a disk that will not do: one message, the same from doctor and run."""
    titles = engines.prove(made.runner(), made.pins("engines"), made.cache("promdrill"), made.folder / "engines", say)
    made.proven.append(f"doctor and run refuse in the same words: {'; '.join(titles)}")


def login(made: Rig) -> None:
    """With ``docker login``, a registry that wants one is as good as any."""
    name = made.stock.prometheus
    config = made.folder / "docker"
    config.mkdir()
    former = os.environ.get("DOCKER_CONFIG")
    os.environ["DOCKER_CONFIG"] = str(config)
    try:
        running = lifecycle.ensure(say=say)
        argv = ["login", "--username", servers.USER, "--password-stdin", made.guarded.address]
        running.docker(*argv, timeout_s=60, stdin=servers.PASSWORD)
        pulled.archive(
            name,
            running,
            Cache(made.folder / "cache-login"),
            registry=registries.Registry.of(made.guarded.address),
            pins=Pins({"image": {name: {"digest": made.stock.images[name]}}}),
            say=say,
        )
    finally:
        os.environ.pop("DOCKER_CONFIG")
        if former is not None:
            os.environ["DOCKER_CONFIG"] = former
    made.proven.append("after docker login, the registry that refused gives its image")


def by_path(made: Rig) -> None:
    """A drill passes with the chart from ``oci://`` and the tools that are on PATH."""
    pins = made.pins("drill-oci", tools="nowhere/")
    for name in ("kind", "kubectl", "helm"):
        program = made.user.programs / name
        program.unlink(missing_ok=True)
        shutil.copy(getattr(made.supplied.tools, name), program)
    chart = f"oci://{made.mirror.address}/charts/{made.stock.chart[0]}"
    runner = made.runner()
    env = runner.environment(pins, made.cache("promdrill"), REPO="", CHART=chart, SCENARIO=runs.SCENARIO)
    say(f"\n{runs.SCENARIO} with CHART={chart}, tools on PATH")
    ended(timed(made, runs.SCENARIO, runner, [PROGRAM, "run"], env=env, limit_s=runs.DRILL_S))
    for name in ("kind", "kubectl", "helm"):
        (made.user.programs / name).unlink()
    tools = ", ".join(f"{name} {version}" for name, version in made.stock.tools.items())
    made.proven.append(f"{runs.SCENARIO} passed with the chart from oci:// and the tools on PATH ({tools})")


def wheel(made: Rig) -> None:
    """A drill passes from the wheel, in an empty environment with an empty cache, without Go on PATH."""
    (made.user.programs / "go").unlink(missing_ok=True)
    built = proof.build(paths.project_dir(), made.folder / "dist")
    folder = made.user.home / "elsewhere"
    folder.mkdir()
    give(folder)
    through = {"HTTPS_PROXY": made.proxy.address, "HTTP_PROXY": made.proxy.address}
    made.user.run("python3", "-m", "venv", "environment", timeout_s=INSTALL_S, cwd=folder)
    install = ["environment/bin/python", "-m", "pip", "install", "--quiet", str(built)]
    made.user.run(*install, timeout_s=INSTALL_S, cwd=folder, env=through)
    runner = made.runner(folder)
    env = runner.environment(made.pins("drill-wheel"), made.cache("promdrill-wheel"), SCENARIO=runs.SCENARIO)
    say(f"\n{runs.SCENARIO} from the wheel, cut off, without Go")
    ended(
        timed(
            made,
            f"{runs.SCENARIO} from the wheel",
            runner,
            ["environment/bin/promdrill", "run"],
            env=env,
            limit_s=runs.DRILL_S,
        )
    )
    if list((made.cache("promdrill-wheel") / "go").glob("*")):
        raise SupplyError("the wheel compiled something")
    came_from_mirror(made, made.cache("promdrill-wheel"), least=LEAST)
    made.proven.append(f"{runs.SCENARIO} passed from the wheel in an empty environment with an empty cache, without Go")


def timed(
    made: Rig, what: str, runner: Runner, command: list[str | Path], *, env: Mapping[str, str], limit_s: float
) -> Outcome:
    """Run a command, show what it says, and keep how long it took."""
    began = SYSTEM.monotonic()
    outcome = runner.run(*command, env=env, show=lambda line: say(f"  | {line}"), timeout_s=limit_s)
    made.proven.append(f"{what} took {SYSTEM.monotonic() - began:.0f} s")
    return outcome


def ended(outcome: Outcome) -> None:
    """Check that drills ran, all passed, and left no cluster."""
    if not outcome.passed:
        raise SupplyError(f"exit code {outcome.code}, {outcome.verdicts or 'no verdict'}")
    if not outcome.clusters or outcome.clusters & kind.names():
        raise SupplyError(f"it made and left {', '.join(outcome.clusters) or 'no cluster'}")


def came_from_mirror(made: Rig, cache: Path, *, least: int) -> None:
    """Check in the registry's own log that the engine pulled each image that was kept by its pinned digest.

    Args:
        made: The rig.
        cache: Where they were kept.
        least: How many images must be there.
    """
    served = made.mirror.served_to_docker()
    kept = runs.kept_images(cache) & made.stock.images.keys()
    pulled_by_digest = {name: made.stock.images[name] for name in kept}
    for reference, digest in {f"docker.io/{NODE}:v0": made.stock.node, **pulled_by_digest}.items():
        repository = reference.partition("/")[2].rpartition(":")[0]
        if f"/v2/{repository}/manifests/sha256:{digest}" not in served:
            raise SupplyError(f"the registry did not serve {repository} by its digest {digest}")
    if len(kept) < least:
        raise SupplyError(f"there are archives of {len(kept)} images, and {least} are needed")


if __name__ == "__main__":
    sys.exit(main())
