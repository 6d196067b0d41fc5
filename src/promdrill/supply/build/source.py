"""The source supply: everything is built from Go modules and Debian packages, and kept.

A request is traced back through images/catalogue.toml. What the cache or the engine already has is used, the rest
becomes a graph of tasks. Modules are downloaded ahead. The compiler comes to Kubernetes first, whose packages others
share. The node image, which holds Kubernetes alone, and the drills' images are packed as soon as their parts are there.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from promdrill.artefacts import machine
from promdrill.artefacts.cache import Cache, CacheEntry, key_of
from promdrill.core.errors import SupplyError
from promdrill.core.say import Say
from promdrill.helm.values.images import Stock
from promdrill.supply.build import archive, debian, node, schedule
from promdrill.supply.build import go as gobuild
from promdrill.supply.build.catalogue import Artefact, Catalogue, Image, NodeRecipe
from promdrill.supply.build.progress import BuildDisplay
from promdrill.supply.build.schedule import Lane, Task
from promdrill.supply.build.served import Served
from promdrill.supply.build.toolchain import Go
from promdrill.supply.engine.docker import Engine
from promdrill.supply.supplied import Supplied, SupplyRequest, Tools

DOWNLOADS_AT_ONCE = 4
"""Module downloads that run ahead of builds; they wait on the network more than on a core."""

PACKED_AT_ONCE = 2
"""Debian trees and images that are made at once, beside a compiler."""

CORES_PER_COMPILER = 4
"""Cores for which one build is too narrow: Helm's kept 1.93 of two busy."""

_BYTES_PER_COMPILER = 5 << 30
"""Memory to allow for one build; on two cores the whole machine never had more than 4.3 GiB in use."""

ARCHIVE = "image.tar"
"""Name of the one file of an image in the cache."""

ARCHITECTURE = "amd64"
"""The architecture that is built from source; Debian trees and the node image have been built for no other."""

COLD_MIN, COLD_BYTES, COLD_STAYS_BYTES = 15, 14_000_000_000, 4_000_000_000
"""A build from nothing on two cores: minutes, the most disk that it takes, and what stays. For the whole book 842 s,
13.9 GB and 3.4 GB were measured."""


@dataclass
class SourceSupply:
    """Builds what a request needs.

    Attributes:
        catalogue: What can be built.
        cache: Where it is kept.
        go: The toolchain.
        console: Where progress is shown.
        prepare: Prepares the host before the first build or node image (Debian's tools), and says what it changes.
        restricted: Whether the host lacks CAP_SYS_RESOURCE.
        say: Called with one sentence about what a build costs before it begins.
    """

    catalogue: Catalogue
    cache: Cache
    go: Go
    console: Console
    prepare: Callable[[Say], None] = debian.ensure_host_packages
    restricted: bool = field(default_factory=lambda: "CAP_SYS_RESOURCE" in machine.missing_capabilities())
    say: Callable[[str], None] = field(default=lambda _text: None)
    _keys: dict[str, str] = field(default_factory=dict)

    def provide(self, request: SupplyRequest, images: Sequence[str] = (), *, chart: Path, why: str) -> Supplied:
        """Everything for a cluster of the requested version and its drills.

        Args:
            request: What is asked for.
            images: References of the images that the drills run.
            chart: The chart to drill.
            why: Why this supply was chosen, in one sentence.

        Raises:
            SupplyError: Something could not be built, or no entry makes an image.
        """
        wanted, recipe = self._node(request.kubernetes)
        parts = {
            "kubectl": (recipe.kubernetes, "kubectl"),
            "kind": (recipe.kind, "kind"),
            "helm": (f"helm-{request.helm}", "helm"),
            "provisioner": ("local-path-provisioner", "local-path-storage.yaml"),
            "crds": ("prometheus-operator-crds", "bundle.yaml"),
        }
        image = self._reference(wanted)
        packed = [name for name in dict.fromkeys(images) if name not in recipe.images]
        needed = [name for name, file in parts.values() if self._find(name, only=[file]) is None]
        build_node = not node.present(image)
        if build_node:
            needed += [name for name in self._inputs(wanted) if self._find(name) is None]
        missing = [name for name in packed if self._archive(name) is None]
        needed += [part for name in missing for part in self._makers(name) if self._find(part) is None]
        self._build(needed, wanted if build_node else None, missing)
        files = {what: self._entry(name).files / file for what, (name, file) in parts.items()}
        return Supplied(
            name="source",
            why=why,
            tools=Tools(files["kind"], files["kubectl"], files["helm"]),
            kubernetes=request.kubernetes,
            node_image=image,
            chart=chart,
            provisioner=files["provisioner"],
            crds=files["crds"],
            archives=tuple(self._archive_place(name) for name in packed),
            kind_patch=kind_patch(restricted=self.restricted, cgroup_v2=machine.has_cgroup_v2()),
            images=(*recipe.images, *packed),
            available=self.stock().listed,
        )

    def stock(self) -> Stock:
        """The images that can be built; the Go module proxy is asked about those that have no entry of their own."""
        return Served(self.catalogue, self.go, lambda name: self._find(name, only=[]) is not None, self.say).stock()

    def helm(self, major: str, *, before: str = "") -> Path:
        """Helm of that major version, which tells what drills need.

        Args:
            major: The major version.
            before: The version of Kubernetes of the cluster that is made next: the modules of its parts are downloaded
                while Helm is compiled. Empty for no cluster.

        Raises:
            SupplyError: It could not be built.
        """
        name = f"helm-{major}"
        if self._find(name, only=["helm"]) is None:
            later = tuple(self._inputs(self._node(before)[0])) if before else ()
            self._build([name], ahead=[part for part in later if self._find(part, only=[]) is None])
        return self._entry(name).files / "helm"

    def image_archive(self, reference: str) -> Path:
        """A docker archive of one image of the catalogue.

        Raises:
            SupplyError: It could not be built, or no entry makes it.
        """
        if self._archive(reference) is None:
            self._build([name for name in self._makers(reference) if self._find(name) is None], images=[reference])
        return self._archive_place(reference)

    def key(self, name: str) -> str:
        """The cache key of an artefact."""
        if name not in self._keys:
            artefact = self.catalogue.artefact(name)
            if artefact.node is not None:
                inputs = {part: self.key(part) for part in self._inputs(artefact)}
                inputs |= {name: repr(self.catalogue.image(name)[1]) for name in artefact.node.images}
                self._keys[name] = node.key(artefact, inputs, restricted=self.restricted)
            else:
                self._keys[name] = gobuild.key(artefact, self.go) if artefact.of_go else debian.key(artefact)
        return self._keys[name]

    def _node(self, kubernetes: str) -> tuple[Artefact, NodeRecipe]:
        """The node image of a version of Kubernetes, and its recipe."""
        wanted = self.catalogue.artefact(f"node-{kubernetes}")
        if wanted.node is None:
            raise SupplyError(f"{wanted.name} is not a node image")
        return wanted, wanted.node

    def _reference(self, wanted: Artefact) -> str:
        return node.reference(wanted, self.key(wanted.name))

    def _inputs(self, artefact: Artefact) -> Iterator[str]:
        if artefact.node is None:
            return
        yield from (artefact.node.kubernetes, artefact.node.containerd, artefact.node.kind, artefact.node.rootfs)
        for reference in artefact.node.images:
            yield from self._makers(reference)

    def _makers(self, reference: str) -> tuple[str, ...]:
        """What an image is made of."""
        maker, image = self.catalogue.image(reference)
        return (*((maker.name,) if image.files else ()), *image.base)

    def _find(self, name: str, *, only: Sequence[str] | None = None) -> CacheEntry | None:
        return self.cache.find(name, self.key(name), only=only)

    def _entry(self, name: str) -> CacheEntry:
        return CacheEntry(name, self.key(name), self.cache.place(name, self.key(name)))

    def _packed(self, reference: str) -> tuple[str, str]:
        """Name and key of an image's archive in the cache."""
        maker, image = self.catalogue.image(reference)
        return f"image-{maker.name}", key_of([repr(image), [self.key(part) for part in self._makers(reference)]])

    def _archive(self, reference: str) -> CacheEntry | None:
        return self.cache.find(*self._packed(reference))

    def _archive_place(self, reference: str) -> Path:
        name, key = self._packed(reference)
        return CacheEntry(name, key, self.cache.place(name, key)).files / ARCHIVE

    def _build(
        self,
        needed: Sequence[str],
        wanted: Artefact | None = None,
        images: Sequence[str] = (),
        ahead: Sequence[str] = (),
    ) -> None:
        """Build what is missing, in that order.

        Args:
            needed: Names of artefacts.
            wanted: A node image that is made of artefacts.
            images: References of images that are made of artefacts, as archives.
            ahead: Names of artefacts that are built later: their modules are downloaded while the compiler is busy.
        """
        needed = list(dict.fromkeys(needed))
        if not needed and wanted is None and not images:
            return
        self.say(_cost(needed or ["the images" if wanted is None else "the node image"], ahead, self.cache.root))
        tasks = [Task("host", Lane.PACK, lambda _: self.prepare(self.say))] if self._needs_host(needed, wanted) else []
        for name in needed:
            tasks += self._tasks(self.catalogue.artefact(name))
        first = tuple(task.name for task in tasks if task.lane is Lane.DOWNLOAD)
        later = [each for each in map(self.catalogue.artefact, dict.fromkeys(ahead)) if each.of_go]
        tasks += [replace(self._download(each), needs=first) for each in later]
        there = {task.name for task in tasks}
        if wanted is not None:
            inputs = tuple(name for name in ("host", *self._inputs(wanted)) if name in there)
            tasks.append(Task(f"node image {wanted.version}", Lane.PACK, partial(self._assemble, wanted), inputs))
        for reference in images:
            makers = tuple(name for name in self._makers(reference) if name in there)
            tasks.append(Task(f"image {reference}", Lane.PACK, partial(self._pack, reference), makers))
        with self.cache.building_with_go(), BuildDisplay(self.console, len(tasks)) as display:
            widths = {Lane.DOWNLOAD: DOWNLOADS_AT_ONCE, Lane.COMPILE: compilers_at_once(), Lane.PACK: PACKED_AT_ONCE}
            schedule.run(tasks, widths=widths, report=display.report)

    def _needs_host(self, needed: Sequence[str], wanted: Artefact | None) -> bool:
        return wanted is not None or any(self.catalogue.artefact(name).debian for name in needed)

    def _tasks(self, artefact: Artefact) -> list[Task]:
        key = self.key(artefact.name)

        def make(stop: threading.Event) -> None:
            def fill(into: Path) -> dict[str, Any]:
                if artefact.of_go:
                    return gobuild.build(artefact, self.go, into, stop=stop)
                return debian.build(artefact, into, stop=stop)

            self.cache.build(artefact.name, key, fill)

        if not artefact.of_go:
            return [Task(artefact.name, Lane.PACK, make, ("host",))]
        download = self._download(artefact)
        return [download, Task(artefact.name, Lane.COMPILE, make, (download.name,))]

    def _download(self, artefact: Artefact) -> Task:
        def fetch(stop: threading.Event) -> None:
            gobuild.download(artefact, self.go, stop=stop)

        return Task(f"modules of {artefact.name}", Lane.DOWNLOAD, fetch)

    def _pack(self, reference: str, stop: threading.Event) -> None:
        del stop  # it takes seconds

        def fill(into: Path) -> dict[str, Any]:
            with self.cache.scratch() as scratch:
                archive.write(into / ARCHIVE, [self._image(reference, scratch)])
            return {"reference": reference}

        self.cache.build(*self._packed(reference), fill)

    def _assemble(self, wanted: Artefact, stop: threading.Event) -> None:
        recipe, image = wanted.node, self._reference(wanted)
        if recipe is None:
            raise SupplyError(f"{wanted.name} is not a node image")
        kubernetes, containerd = self._entry(recipe.kubernetes).files, self._entry(recipe.containerd).files
        binaries = {f"/usr/bin/{name}": kubernetes / name for name in ("kubeadm", "kubectl", "kubelet")}
        for name in self.catalogue.artefact(recipe.containerd).go.values():
            binaries[f"/usr/local/bin/{name}"] = containerd / name
        tag = image.rpartition(":")[2]
        with self.cache.lock(f"node-{tag}"), self.cache.scratch() as scratch:
            if node.present(image):
                return
            node.assemble(
                wanted,
                image,
                rootfs=self._entry(recipe.rootfs).files / debian.TREE,
                kind_files=self._entry(recipe.kind).files / "base",
                binaries=binaries,
                images=[self._image(reference, scratch) for reference in recipe.images],
                restricted=self.restricted,
                scratch=scratch,
                stop=stop,
            )

    def _image(self, reference: str, scratch: Path) -> archive.Built:
        artefact, image = self.catalogue.image(reference)
        layers = [archive.Layer.of(self._entry(base).files / debian.TREE) for base in image.base]
        if image.files:
            layers.append(self._own_layer(artefact, image, scratch))
        return archive.image(
            reference,
            layers,
            architecture=ARCHITECTURE,
            entrypoint=image.entrypoint,
            user=image.user,
            workdir=image.workdir,
        )

    def _own_layer(self, artefact: Artefact, image: Image, scratch: Path) -> archive.Layer:
        built = self._entry(artefact.name).files
        path = scratch / f"{image.name.replace('/', '_')}-{image.tag}.tar"
        return archive.write_layer(path, {target: built / source for target, source in image.files.items()})


def _cost(needed: Sequence[str], ahead: Sequence[str], cache: Path) -> str:
    """What will be built and, if that is nearly everything, how long it takes and how much disk it uses."""
    what = f"{len(needed)} artefacts" if len(needed) > 1 else "".join(needed)
    if not any(name.startswith("kubernetes-") for name in (*needed, *ahead)):
        return f"Building {what} from source."
    size = f"{COLD_BYTES / 1e9:.0f} GB below {cache}, of which {COLD_STAYS_BYTES / 1e9:.0f} GB stay"
    cost = f"about {COLD_MIN} minutes on two cores, {size}."
    if ahead:
        return f"Building {what} from source, which tells what the drills need; then Kubernetes and the rest: {cost}"
    return f"Building {what} from source, including Kubernetes: {cost}"


def compilers_at_once() -> int:
    """How many builds of Go programs run at once. One compiles as many packages as there are cores.

    Two that run beside each other would compile what they share twice: Go's cache does not know what is under way.
    """
    return max(1, min((os.cpu_count() or 1) // CORES_PER_COMPILER, machine.memory_bytes() // _BYTES_PER_COMPILER))


def engine_patch(running: Engine, *, own_network: bool) -> dict[str, Any]:
    """What a kind configuration needs on the host of that engine's containers.

    Args:
        running: The container engine.
        own_network: Whether the node image is promdrill's own, which has its own CNI configuration.
    """
    host = machine.examine()
    restricted = running.here(host) and "CAP_SYS_RESOURCE" in host.missing
    patch = kind_patch(restricted=restricted, cgroup_v2=running.cgroup_v2)
    if not own_network:
        del patch["networking"]
    return patch


def kind_patch(*, restricted: bool, cgroup_v2: bool) -> dict[str, Any]:
    """What a kind configuration needs with promdrill's node image on this host.

    The node image brings its own static CNI configuration. Kubernetes 1.35 and newer refuse a cgroup v1 host unless
    told otherwise. Without CAP_SYS_RESOURCE the kubelet cannot change certain limits, just as in a user namespace.
    """
    patch: dict[str, Any] = {"networking": {"disableDefaultCNI": True}}
    if restricted:
        patch["featureGates"] = {"KubeletInUserNamespace": True}
    if not cgroup_v2:
        patch["kubeadmConfigPatches"] = ["kind: KubeletConfiguration\nfailCgroupV1: false\n"]
    return patch
