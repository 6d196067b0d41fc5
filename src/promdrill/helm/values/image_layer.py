"""The topmost layer of values: the one with which all drills' images can be had.

Where an image is not there, the values that name it are looked up and pointed at the best there is. Then everything is
rendered again, which proves that these were the values.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from promdrill.artefacts.reference import PROMETHEUS
from promdrill.core.errors import UsageError
from promdrill.helm.compatibility import table
from promdrill.helm.values import image_keys, images
from promdrill.helm.values.images import RELOADER, Choice, Image
from promdrill.helm.values.render import Renderer
from promdrill.helm.values.user import Conflict, over

ROUNDS = 2
"""How often values are pointed elsewhere: the second time for what came into sight, or lost a common registry."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One drill's values, put together but for the topmost layer.

    Attributes:
        scenario: The scenario's id.
        release: Name of its release.
        needed: What the scenario sets, in the chart's own keys too.
        values: All values but the chart's own.
        conflicts: Values of the user's that are not among them.
    """

    scenario: str
    release: str
    needed: Mapping[str, Any]
    values: Mapping[str, Any]
    conflicts: tuple[Conflict, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """What was found.

    Attributes:
        values: The topmost layer.
        images: All images that are rendered with it.
        remarks: What runs in place of what, a sentence each.
    """

    values: Mapping[str, Any]
    images: tuple[Image, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """What is asked of a chart here.

    Attributes:
        renderer: Renders it.
        defaults: Its own values, its subcharts' among them.
        conditions: Key of each subchart to the key that turns it on or off.
        fixed: Keys that every drill needs as they are.
    """

    renderer: Renderer
    defaults: Mapping[str, Any]
    conditions: Mapping[str, str]
    fixed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of images.

    Attributes:
        available: References that can be had; None when all can.
        policy: One of `images.POLICIES`.
        app_version: Version of Prometheus in place of the chart's; None for the chart's.
    """

    available: Sequence[str] | None
    policy: str
    app_version: str | None

    def choose(self, image: Image) -> Choice:
        """What is to run in the place of an image."""
        if self.app_version is None:
            return images.choose(image, self.available, self.policy)
        if images.is_of(image, PROMETHEUS):
            wanted = self._tagged(image, self.app_version)
            found = images.choose(wanted, self.available, "exact")
            if found.chosen is None:
                said = f"APP_VERSION={self.app_version}: {wanted.text} cannot be had here"
                there = [tag.removeprefix("v") for tag in found.had]
                raise UsageError(f"{said}; there is {', '.join(there) or 'none'}", hint=_versions(there))
            return Choice(image, found.chosen, found.had)
        if images.is_of(image, RELOADER):
            of_its_time = self._tagged(image, table.reloader_of(self.app_version))
            found = images.choose(of_its_time, self.available, "exact")
            if found.chosen is not None:
                return Choice(image, found.chosen, found.had)
        return images.choose(image, self.available, self.policy)

    def remark(self, choice: Choice) -> str:
        """What there is to say of a choice."""
        chosen = choice.chosen
        if self.app_version is None or chosen is None:
            return choice.remark
        charts_own = choice.wanted.tag or choice.wanted.text
        if chosen.repository == PROMETHEUS:
            return f"{chosen.title} {chosen.tag} runs in place of the chart's {charts_own}, as APP_VERSION says."
        of_its_time = table.number(table.reloader_of(self.app_version))
        if chosen.repository == RELOADER and chosen.version == of_its_time:
            return f"{chosen.title} {chosen.tag}, of its time, runs in place of the chart's {charts_own}."
        return choice.remark

    @staticmethod
    def _tagged(image: Image, version: str) -> Image:
        tag = f"v{version}"
        return replace(image, text=f"{image.name}:{tag}", tag=tag, digest="")


def settle(chart: Chart, layouts: Sequence[Layout], top: Mapping[str, Any], wish: Wish) -> Settled:
    """Find values with which every image that is rendered can be had.

    Args:
        chart: The chart.
        layouts: The drills.
        top: The topmost layer to begin with.
        wish: What images may be.

    Raises:
        UsageError: Images cannot be had, or no value names them: all of them, and what helps.
    """
    remarks: dict[str, str] = {}
    for round_number in range(ROUNDS + 1):
        rendered = _render(chart.renderer, layouts, top)
        choices = [wish.choose(image) for image in rendered]
        missing = [choice for choice in choices if choice.chosen is None]
        if missing:
            raise _missing(chart, rendered, missing, wish)
        left = {
            each.wanted: each.chosen for each in choices if each.chosen and not images.same(each.wanted, each.chosen)
        }
        if not left:
            return Settled(top, tuple(rendered), tuple(dict.fromkeys(remarks.values())))
        remarks |= {each.wanted.text: wish.remark(each) for each in choices if each.wanted in left}
        changed: Mapping[str, Any] = top
        for image, to in left.items():
            values = coalesced(chart.defaults, rendered[image])
            for place in image_keys.places(values, image):
                changed = over(changed, image_keys.pointed(values, place, image, to))
        if changed == top or round_number == ROUNDS:
            break
        top = changed
    lines = "\n".join(f"  {image.text}, {to.text} could run in its place" for image, to in left.items())
    said = f"CHART={chart.renderer.chart}: no value was found that names these images:\n{lines}"
    raise UsageError(said, hint="point the chart at them in VALUES; or SUPPLY=registry, which pulls what it names")


def _versions(there: Sequence[str]) -> str:
    return " or ".join([*(f"APP_VERSION={version}" for version in there[-1:]), "SUPPLY=registry, which pulls it"])


def coalesced(defaults: Mapping[str, Any], higher: Mapping[str, Any]) -> dict[str, Any]:
    """Values over a chart's own as Helm has them in the end: null takes the default away."""
    found = dict(defaults)
    for key, value in higher.items():
        below = found.get(key)
        if value is None:
            found.pop(key, None)
        elif isinstance(value, Mapping):
            found[key] = coalesced(below if isinstance(below, Mapping) else {}, value)
        else:
            found[key] = value
    return found


def _render(renderer: Renderer, layouts: Iterable[Layout], top: Mapping[str, Any]) -> dict[Image, Mapping[str, Any]]:
    """All images, each with all values of a drill that has it; drills with the same values are rendered once."""
    apart: dict[str, tuple[str, dict[str, Any]]] = {}
    for layout in layouts:
        values = over(layout.values, top)
        apart.setdefault(json.dumps(values, sort_keys=True, default=str), (layout.release, values))
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        found = list(pool.map(lambda each: images.collect(renderer.objects(*each)), apart.values()))
    with_values: dict[Image, Mapping[str, Any]] = {}
    for seen, (_, values) in zip(found, apart.values(), strict=True):
        for image in seen:
            with_values.setdefault(image, values)
    return with_values


def _missing(
    chart: Chart, rendered: Mapping[Image, Mapping[str, Any]], missing: Iterable[Choice], wish: Wish
) -> UsageError:
    lines: list[str] = []
    hints = ["SUPPLY=registry, which pulls them"]
    for choice in missing:
        image = choice.wanted
        values = coalesced(chart.defaults, rendered[image])
        found = image_keys.places(values, image)
        said = [image.text]
        if choice.had:
            said.append(f"there is {', '.join(choice.had)}")
        if found:
            switch = image_keys.switch_of(values, found[0], chart.conditions)
            if switch and switch not in chart.fixed:
                said.append(f"{switch}: false turns it off")
                hints.append("SUBCHARTS=off, which takes out all that the drills do not need")
            said.append(f"{'.'.join(found[0].path)} names it")
        lines.append("  " + "; ".join(said))
        if images.is_of(image, PROMETHEUS):
            hints += [f"APP_VERSION={tag.removeprefix('v')}" for tag in choice.had[-1:]]
        elif choice.had and wish.policy == "exact":
            hints.append("IMAGES=nearest")
    text = f"CHART={chart.renderer.chart}: images that cannot be had here:\n" + "\n".join(lines)
    return UsageError(text, hint="; or ".join(dict.fromkeys(hints)))
