"""Find where a chart's values name an image: from the values themselves, not from the chart's name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from promdrill.core.merging import merged
from promdrill.helm.compatibility.table import at, nested
from promdrill.helm.values.images import Image
from promdrill.helm.values.user import Keys

GLOBAL_REGISTRY = ("global", "imageRegistry")
"""Key of a registry for all images of a chart and its subcharts, as several charts have it."""

_DIGESTS = ("digest", "sha")
_NAMES = ("repository", "name")


@dataclass(frozen=True, slots=True)
class Place:
    """One place in the values that names an image.

    Attributes:
        path: Path of the mapping, or of the text.
        names: Names that it may result in: with its own registry, with the common one, and with none.
        tag: Its tag; empty if the chart chooses.
        off: Whether a switch above it is off.
        whole: Whether it is one text with name and tag.
    """

    path: Keys
    names: tuple[str, ...]
    tag: str
    off: bool
    whole: bool = False


def places(values: Mapping[str, Any], image: Image) -> tuple[Place, ...]:
    """The places that name an image: those in use first, then those whose component is off.

    Args:
        values: The chart's values, the user's over its own.
        image: The image as rendered.
    """
    registry = at(values, GLOBAL_REGISTRY) or ""
    found = [place for place in _walk(values, str(registry)) if _names(place, image)]
    tagged = [place for place in found if place.tag in {"", image.tag}] or found
    return tuple([place for place in tagged if not place.off] or tagged)


def pointed(values: Mapping[str, Any], place: Place, image: Image, to: Image) -> dict[str, Any]:
    """Values that make a place name another image.

    Args:
        values: The chart's values, the user's over its own.
        place: One of `places`.
        image: Its current image.
        to: Its new image.
    """
    if place.whole:
        return nested(place.path, to.text)
    here = at(values, place.path)
    key = next(name for name in _NAMES if isinstance(here.get(name), str))
    host, _, path = to.name.partition("/")
    said: dict[str, Any] = {key: to.name}
    layer: dict[str, Any] = {}
    if "registry" in here:
        said = {"registry": host, key: path}
        if at(values, GLOBAL_REGISTRY):
            layer = nested(GLOBAL_REGISTRY, "")
    elif (prefix := _before(image, here[key])) and to.name.startswith(prefix):
        said = {key: to.name.removeprefix(prefix)}
    said["tag"] = to.tag
    said |= {digest: "" for digest in _DIGESTS if here.get(digest)}
    if here.get("distroless") and not to.tag.endswith("-distroless"):
        said["distroless"] = False
    return merged(layer, nested(place.path, said))


def switch_of(values: Mapping[str, Any], place: Place, conditions: Mapping[str, str]) -> str:
    """The key that turns off the component of a place; empty if there is none.

    Args:
        values: The chart's values, the user's over its own.
        place: One of `places`.
        conditions: Key of each subchart to its condition.
    """
    for depth in range(len(place.path) - 1, 0, -1):
        above = place.path[:depth]
        if isinstance(at(values, (*above, "enabled")), bool):
            return ".".join((*above, "enabled"))
    return conditions.get(place.path[0], "")


def _walk(values: Mapping[str, Any], registry: str, path: Keys = (), *, off: bool = False) -> Iterator[Place]:
    off = off or values.get("enabled") is False
    name = next((values[key] for key in _NAMES if isinstance(values.get(key), str) and values[key]), "")
    if name and ("repository" in values or (path and path[-1].lower().endswith("image") and "tag" in values)):
        own = str(values.get("registry") or "")
        names = (f"{own}/{name}" if own else "", f"{registry}/{name}" if registry else "", name)
        yield Place(path, tuple(_full(each) for each in names if each), str(values.get("tag") or ""), off)
    for key, value in values.items():
        below = (*path, str(key))
        if isinstance(value, Mapping):
            yield from _walk(value, registry, below, off=off)
        elif isinstance(value, str) and key not in _NAMES and (image := _one_text(str(key), value)) is not None:
            yield Place(below, (image.name,), image.tag, off, whole=True)


def _one_text(key: str, value: str) -> Image | None:
    """An image in one text: known by its key, or because the text has a path and a tag."""
    if not key.lower().endswith("image") and not ("/" in value and ":" in value.rpartition("/")[2]):
        return None
    return Image.of(value)


def _before(image: Image, name: str) -> str:
    """What a template puts before a name; empty for Docker Hub, which templates may omit."""
    prefix = image.name.removesuffix(name)
    return "" if prefix == image.name or prefix in {"docker.io/", "docker.io/library/"} else prefix


def _full(name: str) -> str:
    image = Image.of(name)
    return image.name if image else name


def _names(place: Place, image: Image) -> bool:
    if place.whole:
        return image.name in place.names and place.tag == image.tag
    if image.name in place.names:
        return True
    bare = place.names[-1].removeprefix("docker.io/").removeprefix("library/")
    return "/" in bare and image.name.endswith(f"/{bare}")  # a template that puts the registry before it
