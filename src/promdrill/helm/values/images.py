"""The images that rendered objects name, and the best available one for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from packaging.version import Version

from promdrill.artefacts.reference import ALERTMANAGER, PROMETHEUS, Reference, named_in
from promdrill.core.errors import SupplyError
from promdrill.helm.compatibility.table import number
from promdrill.helm.source import versions

RELOADER = "quay.io/prometheus-operator/prometheus-config-reloader"

ALIASES = {
    "docker.io/prom/prometheus": PROMETHEUS,
    "docker.io/prom/node-exporter": "quay.io/prometheus/node-exporter",
    "docker.io/prom/alertmanager": ALERTMANAGER,
    "docker.io/prom/pushgateway": "quay.io/prometheus/pushgateway",
    "quay.io/coreos/prometheus-config-reloader": RELOADER,
    "quay.io/coreos/prometheus-operator": "quay.io/prometheus-operator/prometheus-operator",
    "quay.io/coreos/kube-state-metrics": "registry.k8s.io/kube-state-metrics/kube-state-metrics",
    "k8s.gcr.io/kube-state-metrics/kube-state-metrics": "registry.k8s.io/kube-state-metrics/kube-state-metrics",
    "quay.io/prometheus/busybox": "docker.io/library/busybox",
}
"""Repositories with the same images as another one: names of a project's images before it moved."""

STAND_INS = {
    "docker.io/jimmidyson/configmap-reload": "docker.io/promdrill/configmap-reload",
    "registry.k8s.io/ingress-nginx/kube-webhook-certgen": "docker.io/promdrill/kube-webhook-certgen",
    "ghcr.io/jkroepke/kube-webhook-certgen": "docker.io/promdrill/kube-webhook-certgen",
}
"""Repositories of which no version can be had, to the one of promdrill's own program that takes the same options."""

POLICIES = ("nearest", "exact")
"""Values of IMAGES: whether another version may replace an image that is not available."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image that something names.

    Attributes:
        text: Its reference as written.
        name: Its repository with the registry, including `docker.io/library/`.
        tag: Its tag; empty if none was written.
        digest: Its digest in hexadecimal; empty for none.
    """

    text: str
    name: str
    tag: str
    digest: str = ""

    @classmethod
    def of(cls, text: str) -> Image | None:
        """The image that a text names; None if it is not a reference."""
        try:
            found = Reference.of(text.strip())
        except SupplyError:
            return None
        last = text.partition("@")[0].rpartition("/")[2]
        return cls(text.strip(), f"{found.host}/{found.repository}", found.tag if ":" in last else "", found.digest)

    @property
    def repository(self) -> str:
        """Its repository, under one name for all of its names."""
        return ALIASES.get(self.name, self.name)

    @property
    def version(self) -> Version | None:
        """The version at the beginning of its tag."""
        return number(self.tag)

    @property
    def names_newest(self) -> bool:
        """Whether it names no version but the newest: by the tag `latest`, or without a tag."""
        return self.tag in {"", "latest"} and not self.digest

    @property
    def title(self) -> str:
        """The last part of its name."""
        return self.name.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Stock:
    """Images that can be had: those of a list, and those that are made when they are asked for.

    Attributes:
        listed: References of the images on the list.
        made: References of all images that may be made in place of one, itself among them, or why it is not.
        obstacle: Why an image that `made` named cannot be made after all; empty if it can. Asked last: it takes time.
    """

    listed: tuple[str, ...]
    made: Callable[[Image], tuple[tuple[str, ...], str]] = field(compare=False)
    obstacle: Callable[[str], str] = field(compare=False)

    def __contains__(self, reference: object) -> bool:
        return reference in self.listed


Available = Stock | Sequence[str]
"""The available images: a stock, or the references of all there are."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What runs instead of an image.

    Attributes:
        wanted: The image that the chart names.
        chosen: The best available image; None if there is none.
        had: Available tags of the same repository.
        why: Why the wanted image is not available, where that is known.
    """

    wanted: Image
    chosen: Image | None
    had: tuple[str, ...] = ()
    why: str = ""

    @property
    def next_best(self) -> str:
        """The tag of the version that is nearest to the wanted one; empty if there is none."""
        there = [image for tag in self.had if (image := Image.of(f"{self.wanted.name}:{tag}")) is not None]
        return nearest(self.wanted.version, there).tag if there else ""

    @property
    def neighbours(self) -> str:
        """The available tags around the wanted version, for a message; empty if there are none."""
        near = versions.near(self.wanted.tag, self.had)
        return ", ".join([*reversed(near), *(["..."] if len(self.had) > len(near) else [])])

    @property
    def remark(self) -> str:
        """The remark about it; empty if it is the wanted image itself."""
        wanted, chosen = self.wanted, self.chosen
        if chosen is None or same(wanted, chosen):
            return ""
        if wanted.digest and (wanted.name, wanted.tag) == (chosen.name, chosen.tag):
            return f"{wanted.title} {wanted.tag} is named by digest; what runs is built from source and has another."
        if wanted.repository == chosen.repository:
            return self._other_version(chosen)
        if stand_in(wanted) == chosen.repository:
            return f"{wanted.text} cannot be built; {chosen.text}, promdrill's program with its options, runs instead."
        return f"{wanted.text} is not in the catalogue; {chosen.text} runs instead."

    def _other_version(self, chosen: Image) -> str:
        wanted, title = self.wanted, f"{chosen.title} {self.wanted.tag or 'without a tag'}"
        if wanted.names_newest:
            return f"{title} is taken as {chosen.tag}, the newest version that can be had."
        if wanted.version is not None and wanted.version == chosen.version:
            return f"{wanted.text} is not in the catalogue; {chosen.text}, of the same version, runs instead."
        missing = f"cannot be built: {self.why}" if self.why else "is not in the catalogue"
        return f"{title} {missing}; the nearest, {chosen.tag}, runs instead."


def same(one: Image, other: Image) -> bool:
    """Whether two references name the same image, however they are written."""
    return (one.name, one.tag or "latest", one.digest) == (other.name, other.tag or "latest", other.digest)


def collect(objects: Iterable[Mapping[str, Any]]) -> tuple[Image, ...]:
    """All images that will run: those of any workload's containers, of the operator's resources and its arguments.

    Args:
        objects: The objects that a chart renders to.
    """
    return tuple(image for text in named_in(objects) if (image := Image.of(text)) is not None)


def choose(wanted: Image, available: Available | None, policy: str = "nearest") -> Choice:
    """The best available image for a wanted one.

    First the same reference. Else the same version from the same repository, under any name that it has had. Else the
    newest version, if that is what it names. Else, unless it is Prometheus, the nearest version: one of the same minor
    version, if possible a newer one; else the oldest newer one; else the newest of all. If versions cannot be compared,
    the last one by name. Else promdrill's stand-in for its repository.

    Args:
        wanted: The image that the chart names.
        available: The available images; None if all are.
        policy: One of `POLICIES`; `exact` accepts no other version.
    """
    if available is None:
        return Choice(wanted, wanted)
    if not isinstance(available, Stock):
        return _choose(wanted, available, policy)
    made, why = ((), "") if any(_is(wanted, text) for text in available.listed) else available.made(wanted)
    while True:
        found = replace(_choose(wanted, (*available.listed, *made), policy), why=why)
        if found.chosen is None or found.chosen.text not in made:
            return found
        obstacle = available.obstacle(found.chosen.text)
        if not obstacle:
            return found
        made = tuple(reference for reference in made if reference != found.chosen.text)
        why = why or obstacle


def _choose(wanted: Image, references: Sequence[str], policy: str) -> Choice:
    there = [image for text in references if (image := Image.of(text)) is not None]
    for image in there:
        if same(wanted, image):
            return Choice(wanted, image)
    alike = [image for image in there if is_of(wanted, image.repository)]
    had = tuple(dict.fromkeys(image.tag for image in sorted(alike, key=_order)))
    equal = [image for image in alike if _equal(wanted, image)]
    if equal:
        return Choice(wanted, equal[-1], had)
    if policy == "exact":
        return Choice(wanted, None, had)
    if not alike:
        alike = [image for image in there if image.repository == stand_in(wanted)]
    if not alike or (alike[0].repository == PROMETHEUS and not wanted.names_newest):
        return Choice(wanted, None, had)
    return Choice(wanted, nearest(wanted.version, alike), had)


def _is(wanted: Image, text: str) -> bool:
    image = Image.of(text)
    return image is not None and (same(wanted, image) or (is_of(wanted, image.repository) and _equal(wanted, image)))


def nearest(version: Version | None, images: Sequence[Image]) -> Image:
    """The image with the nearest version, among those of one repository, by the rules of `choose`."""
    ordered = sorted(images, key=_order)
    numbered = [(image.version, image) for image in ordered if image.version is not None]
    if version is None or not numbered:
        return ordered[-1]
    minor = [pair for pair in numbered if pair[0].release[:2] == (*version.release, 0)[:2]]
    for among in (minor, numbered):
        newer = [image for found, image in among if found >= version]
        if newer:
            return newer[0]
        if among is minor and minor:
            return minor[-1][1]
    return numbered[-1][1]


def is_of(image: Image, repository: str) -> bool:
    """Whether an image is of a repository, or of its mirror: another registry, or project of one, before its path."""
    paths = [
        name.partition("/")[2] for name in (repository, *(old for old, new in ALIASES.items() if new == repository))
    ]
    mirrored = any(f"/{image.name}".endswith(f"/{path}") for path in paths)
    return image.repository == repository or mirrored


def stand_in(image: Image) -> str | None:
    """The repository of promdrill's own program that can take an image's place; None if there is none."""
    return next((ours for theirs, ours in STAND_INS.items() if is_of(image, theirs)), None)


def _equal(wanted: Image, image: Image) -> bool:
    if wanted.version is None or image.version is None:
        return bool(wanted.tag) and wanted.tag == image.tag
    return wanted.version == image.version


def _order(image: Image) -> tuple[Version, str]:
    return (image.version or Version("0"), image.tag)
