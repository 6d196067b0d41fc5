"""The registry supply, end to end on loopback: ``python -m tests.registry.drill``, from the checkout's folder.

Debian's docker-registry as REGISTRY_MIRROR, filled by us; our chart pushed to it (``oci://``) and in a repository with
an index.yaml; tools on that repository's web server. Then what must be refused is refused, and drills are run. Nothing
of it stays: registries end, tags and folders go, on Ctrl-C too.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from tests.registry import runs, servers, stock

from promdrill import paths, supply
from promdrill.clock import SYSTEM
from promdrill.errors import PromdrillError, SupplyError
from promdrill.supply import catalogue, choose, debian, engine, pulled, registry, toolchain
from promdrill.supply.cache import Cache
from promdrill.supply.pins import Pins
from promdrill.supply.provide import OWN_IMAGES
from promdrill.supply.source import Source
from promdrill.supply.supplied import Supplied, SupplyRequest

WRONG = "0" * 64


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
        web: Charts and tools.
        proven: What was proven, a sentence each.
    """

    folder: Path
    supplied: Supplied
    stock: stock.Stock
    mirror: servers.Registry
    guarded: servers.Registry
    silent: str
    web: servers.Web
    proven: list[str] = field(default_factory=list)

    def pins(self, name: str, **options: object) -> Path:
        """A file of pins."""
        path = self.folder / f"{name}.toml"
        text = stock.pins(self.stock, self.web, operator=registry.OPERATOR, **options)  # type: ignore[arg-type]
        path.write_text(text, encoding="utf-8")
        return path

    def environment(self, pins: Path, cache: Path, **more: str) -> dict[str, str]:
        """As a user of the mirrors exports it, with the chart of the repository."""
        chart = {"REPO": self.web.address, "CHART_VERSION": self.stock.chart[1]}
        return runs.environment(self.mirror.address, pins, cache, **{**chart, **more})


def say(text: str) -> None:
    """A line for whoever watches."""
    print(text, flush=True)  # noqa: T201


def main() -> int:
    """Run everything; 0 when all of it was proven."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = SYSTEM.monotonic()
    try:
        with rig() as made:
            refusals(made)
            login(made)
            drills(made)
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
    """All servers, filled; gone when the block is left."""
    supplied, archives = build()
    with contextlib.ExitStack() as undo:
        folder = Path(tempfile.mkdtemp(prefix="promdrill-registry-"))
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        served = folder / "served"
        served.mkdir()
        storage = folder / "storage"
        mirror = undo.enter_context(servers.registry(folder, storage=storage, name="mirror"))
        guarded = undo.enter_context(servers.registry(folder, storage=storage, name="guarded", login=True))
        web = undo.enter_context(servers.web(served))
        silent = undo.enter_context(servers.silent())
        say(f"registries: {mirror.address}, {guarded.address} (login), {silent} (silent); web server: {web.address}")
        undo.callback(stock.forget, [mirror.address, guarded.address], [])
        lies = fill(supplied, archives, mirror, web, folder)
        ours = f"promdrill/node:v{lies.kubernetes}-{lies.node[:12]}"
        undo.callback(stock.forget, [], [ours])
        yield Rig(folder, supplied, lies, mirror, guarded, silent, web)
        say("ending the registries, deleting what the rig put into the engine")


def build() -> tuple[Supplied, Mapping[str, Path]]:
    """What our registry is filled with, by the source supply: tools and node image, and each image's archive."""
    say("building what is not there yet")
    engine.ensure(say=say)
    servers.program()
    supplied = supply.provide(SupplyRequest(supply="source"), on_event=say)
    cache = Cache(paths.cache_dir())
    source = Source(
        catalogue.load(paths.images_dir()),
        cache,
        toolchain.find(cache),
        Console(stderr=True),
        prepare=debian.ensure_host_packages,
    )
    for reference in OWN_IMAGES:
        source.image_archive(reference)
    values = paths.scenarios_dir() / runs.SCENARIO / "values.yaml"
    wanted = stock.wanted_images(supplied.tools, paths.own_chart(), values, supplied.provisioner)
    return supplied, {reference: source.image_archive(reference) for reference in wanted}


def fill(
    supplied: Supplied, archives: Mapping[str, Path], mirror: servers.Registry, web: servers.Web, folder: Path
) -> stock.Stock:
    """Push everything, and say what was pushed."""
    images = {}
    for reference, archive in archives.items():
        images[reference] = stock.push_image(archive, reference, mirror, folder)
        say(f"pushed {reference} as sha256:{images[reference]}")
    say("taking the drills' images out of a copy of the node image, and pushing it: about a minute")
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


def refusals(made: Rig) -> None:
    """What is wrong with a registry, a pin, a chart or a tool is said, and nothing is started."""
    chart, version = made.stock.chart
    image, tool = made.stock.prometheus, made.stock.tools["kubectl"]
    with runs.cache(made.folder) as cache:
        right = made.pins("right")
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
                {"PROMDRILL_PINS": made.pins("wrong-tool", kubectl={tool: {"amd64": WRONG}})},
                f"{WRONG} is pinned",
            ),
            "an image that the mirror does not have (404)": (
                {"REGISTRY_MIRROR": f"{made.mirror.address}/nowhere"},
                r"does not have it \(404\)",
            ),
            "a registry that wants a login (401)": ({"REGISTRY_MIRROR": made.guarded.address}, "credentials"),
            "a registry that hangs": ({"REGISTRY_MIRROR": made.silent}, "sent nothing for 20 s"),
            "a chart version that is not there": ({"CHART_VERSION": "9.9.9"}, r"9\.9\.9"),
        }
        for number, (title, (given, wanted)) in enumerate(cases.items()):
            more = {name: str(value) for name, value in given.items()}
            env = made.environment(right, cache) | more
            outcome = runs.drill(env, made.folder / f"refused-{number}", show=lambda _: None)
            say(f"{title}: exit code {outcome.code}\n  {runs.refusal(outcome, wanted)}")
    made.proven.append(f"{len(cases)} refusals, each with its message, no cluster made: {'; '.join(cases)}")


def login(made: Rig) -> None:
    """With ``docker login``, a registry that wants one is as good as any."""
    name = made.stock.prometheus
    config = made.folder / "docker"
    config.mkdir()
    former = os.environ.get("DOCKER_CONFIG")
    os.environ["DOCKER_CONFIG"] = str(config)
    try:
        running = engine.ensure(say=say)
        argv = ["login", "--username", servers.USER, "--password-stdin", made.guarded.address]
        running.docker(*argv, timeout_s=60, stdin=servers.PASSWORD)
        pulled.archive(
            name,
            running,
            Cache(made.folder / "cache-login"),
            registry=choose.Registry.of(made.guarded.address),
            pins=Pins({"image": {name: {"digest": made.stock.images[name]}}}),
            say=say,
        )
    finally:
        os.environ.pop("DOCKER_CONFIG")
        if former is not None:
            os.environ["DOCKER_CONFIG"] = former
    made.proven.append("after docker login, the registry that refused gives its image")


def drills(made: Rig) -> None:
    """The drill passes: all pinned and downloaded, then nothing but the node image pinned and the tools from PATH."""
    first = made.pins("drill")
    with runs.cache(made.folder) as cache:
        say(f"\n{runs.SCENARIO} with REGISTRY_MIRROR={made.mirror.address} REPO={made.web.address}")
        passed(made, made.environment(first, cache), "drill-1")
        came_from_mirror(made, cache)
        for path in ("kind", "kubectl", "helm"):
            if not any(asked.startswith(f"/{path}-") for asked in made.web.asked):
                raise SupplyError(f"{path} was not downloaded")
    made.proven.append(
        f"{runs.SCENARIO} passed: node image and {len(made.stock.images)} images pulled from the mirror by pinned "
        "digest, tools and the operator's manifest downloaded by pinned sum, the chart from a repository with an index"
    )
    second = made.pins("drill-oci", images=False, tools="nowhere/")
    programs = made.folder / "bin"
    programs.mkdir()
    for name in ("kind", "kubectl", "helm"):
        (programs / name).symlink_to(getattr(made.supplied.tools, name))
    chart = f"oci://{made.mirror.address}/charts/{made.stock.chart[0]}"
    with runs.cache(made.folder) as cache:
        say(f"\n{runs.SCENARIO} with REGISTRY_MIRROR={made.mirror.address} CHART={chart}, tools on PATH")
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        passed(made, made.environment(second, cache, REPO="", CHART=chart, PATH=path), "drill-2")
        came_from_mirror(made, cache)
    tools = ", ".join(f"{name} {version}" for name, version in made.stock.tools.items())
    made.proven.append(
        f"{runs.SCENARIO} passed: images without a pin, by the digests that the registry gave for their tags, the "
        f"chart from oci://, the tools from PATH ({tools})"
    )


def passed(made: Rig, env: Mapping[str, str], name: str) -> None:
    """Run the drill, which must pass and leave no cluster behind."""
    outcome = runs.drill(env, made.folder / name, show=lambda line: say(f"  | {line}"))
    if outcome.code != 0 or outcome.verdicts != ("passed",):
        raise SupplyError(f"the drill ended with exit code {outcome.code}, {outcome.verdicts or 'no verdict'}")
    if not outcome.clusters or outcome.clusters & runs.clusters():
        raise SupplyError(f"it made and left {', '.join(outcome.clusters) or 'no cluster'}")


def came_from_mirror(made: Rig, cache: Path) -> None:
    """Check in the registry's own log that the engine pulled each image by its digest, and that each was kept."""
    served = made.mirror.served_to_docker()
    everything = {f"docker.io/kindest/node:v{made.stock.kubernetes}": made.stock.node, **made.stock.images}
    for reference, digest in everything.items():
        repository = reference.partition("/")[2].rpartition(":")[0]
        if f"/v2/{repository}/manifests/sha256:{digest}" not in served:
            raise SupplyError(f"the registry did not serve {repository} by its digest {digest}")
        kept = runs.entry(cache, f"pulled-{repository.replace('/', '-')}")
        if not kept and repository != "kindest/node":
            raise SupplyError(f"there is no archive of {reference}")


if __name__ == "__main__":
    sys.exit(main())
