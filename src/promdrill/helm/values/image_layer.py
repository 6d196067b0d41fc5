"""The topmost layer of values: the one that makes all drills' images available.

If an image is not available, the values that name it are found and changed to the best available one. Then everything
is rendered again, which proves that these were the right values.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from promdrill.artefacts.reference import PROMETHEUS
from promdrill.core.errors import UsageError
from promdrill.core.merging import merged
from promdrill.helm.compatibility import table
from promdrill.helm.compatibility.table import at, keys, nested
from promdrill.helm.values import image_keys, images
from promdrill.helm.values.images import RELOADER, Available, Choice, Image
from promdrill.helm.values.render import Renderer
from promdrill.helm.values.user import Conflict, Keys

Objects = tuple[dict[str, Any], ...]
"""What a chart renders to."""

ROUNDS = 2
"""Rounds of changing values: the second is for images that appeared, or lost a common registry, in the first."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One drill's values, complete except for the topmost layer.

    Attributes:
        scenario: The scenario's id.
        release: Name of its release.
        needed: What the scenario sets, also under the chart's own keys.
        values: All values except the chart's own.
        conflicts: The user's values that are not among them.
        jobs: The scenario's scrape jobs that are added to the user's.
    """

    scenario: str
    release: str
    needed: Mapping[str, Any]
    values: Mapping[str, Any]
    conflicts: tuple[Conflict, ...]
    jobs: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Settled:
    """The topmost layer, and what it leads to.

    Attributes:
        values: The topmost layer.
        images: All images that are rendered with it.
        remarks: What runs instead of what, a sentence each.
        rendered: Scenario to the objects that its drill installs.
    """

    values: Mapping[str, Any]
    images: tuple[Image, ...]
    remarks: tuple[str, ...]
    rendered: Mapping[str, Objects]


@dataclass(frozen=True, slots=True)
class Chart:
    """What this module needs to know about a chart.

    Attributes:
        renderer: Renders it.
        defaults: Its own values, including its subcharts'.
        conditions: Key of each subchart to the key that turns it on or off.
        fixed: Keys that no drill may change.
        switches: Key that turns a component on or off to the keys below which its values are.
        after: Key that must be off where another one is, to that one.
    """

    renderer: Renderer
    defaults: Mapping[str, Any]
    conditions: Mapping[str, str]
    fixed: frozenset[str] = frozenset()
    switches: Mapping[str, Keys] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImageRules:
    """The rules for images.

    Attributes:
        available: The available images; None if all are.
        policy: One of `images.POLICIES`.
        app_version: Version of Prometheus to use instead of the chart's; None for the chart's.
    """

    available: Available | None
    policy: str
    app_version: str | None

    def choose(self, image: Image) -> Choice:
        """What to run instead of an image."""
        if self.app_version is None:
            return images.choose(image, self.available, self.policy)
        if images.is_of(image, PROMETHEUS):
            wanted = self._tagged(image, self.app_version)
            found = images.choose(wanted, self.available, "exact")
            if found.chosen is None:
                said = f"APP_VERSION={self.app_version}: {wanted.text} is not available here"
                said += f": {found.why}" if found.why else ""
                raise UsageError(f"{said}; available: {_bare(found.neighbours) or 'none'}", hint=_versions(found))
            return Choice(image, found.chosen, found.had)
        if images.is_of(image, RELOADER):
            of_its_time = self._tagged(image, table.reloader_of(self.app_version))
            found = images.choose(of_its_time, self.available, "exact")
            if found.chosen is not None:
                return Choice(image, found.chosen, found.had)
        return images.choose(image, self.available, self.policy)

    def remark(self, choice: Choice) -> str:
        """The remark about a choice."""
        chosen = choice.chosen
        if self.app_version is None or chosen is None:
            return choice.remark
        charts_own = choice.wanted.tag or choice.wanted.text
        if chosen.repository == PROMETHEUS:
            return f"{chosen.title} {chosen.tag} runs instead of the chart's {charts_own}, as APP_VERSION says."
        of_its_time = table.number(table.reloader_of(self.app_version))
        if chosen.repository == RELOADER and chosen.version == of_its_time:
            return f"{chosen.title} {chosen.tag}, which belongs to it, runs instead of the chart's {charts_own}."
        return choice.remark

    @staticmethod
    def _tagged(image: Image, version: str) -> Image:
        tag = f"v{version}"
        return replace(image, text=f"{image.name}:{tag}", tag=tag, digest="")


def settle(chart: Chart, layouts: Sequence[Layout], top: Mapping[str, Any], rules: ImageRules) -> Settled:
    """Find values with which every rendered image is available.

    A component whose image is not is turned off, if no drill needs it: who copies a chart's values has it on.

    Args:
        chart: The chart.
        layouts: The drills.
        top: The topmost layer to start from.
        rules: The rules for images.

    Raises:
        UsageError: Images are not available, or no value names them: lists them all, and what helps.
    """
    remarks: dict[str, str] = {}
    rounds = 0
    while True:
        rendered, objects = _render(chart.renderer, layouts, top)
        choices = [rules.choose(image) for image in rendered]
        missing = [choice for choice in choices if choice.chosen is None]
        if missing:
            off = _off(chart, layouts, rendered, missing) if rules.policy == "nearest" else {}
            without = merged(top, _all_false(off.values(), chart))
            if without == top:
                raise _missing(chart, rendered, missing, rules)
            top = without
            remarks |= {image.text: _off_remark(image, switch) for image, switch in off.items()}
            continue
        left = {
            each.wanted: each.chosen for each in choices if each.chosen and not images.same(each.wanted, each.chosen)
        }
        if not left:
            return Settled(top, tuple(rendered), tuple(dict.fromkeys(remarks.values())), objects)
        remarks |= {each.wanted.text: rules.remark(each) for each in choices if each.wanted in left}
        changed: Mapping[str, Any] = top
        for image, to in left.items():
            values = merged(chart.defaults, rendered[image], null_removes=True)
            for place in image_keys.places(values, image):
                changed = merged(changed, image_keys.pointed(values, place, image, to))
        if changed == top or rounds == ROUNDS:
            break
        top, rounds = changed, rounds + 1
    lines = "\n".join(f"  {image.text}, {to.text} could run instead" for image, to in left.items())
    said = f"CHART={chart.renderer.chart}: found no value that names these images:\n{lines}"
    raise UsageError(said, hint="set these images in VALUES; or SUPPLY=registry, which pulls them")


def uses(values: Mapping[str, Any], place: Keys, switch: Keys) -> bool:
    """Whether values have more of a component than whether it is on.

    Args:
        values: The values.
        place: The keys below which the component's are.
        switch: The key that turns it on or off.
    """
    component = at(values, place)
    return isinstance(component, Mapping) and any((*place, key) != switch and key != "enabled" for key in component)


def _off(
    chart: Chart, layouts: Sequence[Layout], rendered: Mapping[Image, Mapping[str, Any]], missing: Iterable[Choice]
) -> dict[Image, str]:
    """For each missing image the switch of its component; none at all if some drill needs one of them."""
    found: dict[Image, str] = {}
    for image in (choice.wanted for choice in missing):
        values = merged(chart.defaults, rendered[image], null_removes=True)
        paths = [place.path for place in image_keys.places(values, image)]
        for switch, below in chart.switches.items():
            needed = any(at(each.needed, keys(switch)) or uses(each.needed, below, keys(switch)) for each in layouts)
            if paths and paths[0][: len(below)] == below and not needed:
                found[image] = switch
        if image not in found:
            return {}
    return found


def _all_false(switches: Iterable[str], chart: Chart) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for switch in switches:
        for key in (switch, *(what for what, other in chart.after.items() if other == switch)):
            found = merged(found, nested(keys(key), value=False))
    return found


def _off_remark(image: Image, switch: str) -> str:
    return f"{switch} is false: {image.text} is not available here, and no drill needs it."


def _versions(choice: Choice) -> str:
    nearest = [f"APP_VERSION={_bare(choice.next_best)}"] if choice.had else []
    return " or ".join([*nearest, "SUPPLY=registry, which pulls it"])


def _bare(tags: str) -> str:
    return ", ".join(tag.removeprefix("v") for tag in tags.split(", "))


def _render(
    renderer: Renderer, layouts: Iterable[Layout], top: Mapping[str, Any]
) -> tuple[dict[Image, Mapping[str, Any]], dict[str, Objects]]:
    """All images, each with all values of a drill that uses it, and all objects by their scenario.

    Drills with the same values are rendered once.
    """
    apart: dict[str, tuple[str, dict[str, Any]]] = {}
    same: dict[str, list[str]] = {}
    for layout in layouts:
        values = merged(layout.values, top)
        key = json.dumps(values, sort_keys=True, default=str)
        apart.setdefault(key, (layout.release, values))
        same.setdefault(key, []).append(layout.scenario)
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        found = list(pool.map(lambda each: renderer.objects(*each), apart.values()))
    with_values: dict[Image, Mapping[str, Any]] = {}
    for objects, (_, values) in zip(found, apart.values(), strict=True):
        for image in images.collect(objects):
            with_values.setdefault(image, values)
    return with_values, {name: objects for objects, names in zip(found, same.values(), strict=True) for name in names}


def _missing(
    chart: Chart, rendered: Mapping[Image, Mapping[str, Any]], missing: Iterable[Choice], rules: ImageRules
) -> UsageError:
    lines: list[str] = []
    hints = ["SUPPLY=registry, which pulls them"]
    for choice in missing:
        image = choice.wanted
        values = merged(chart.defaults, rendered[image], null_removes=True)
        found = image_keys.places(values, image)
        said = [image.text]
        if choice.why:
            said.append(choice.why)
        if choice.had:
            said.append(f"available: {choice.neighbours}")
        if found:
            switch = image_keys.switch_of(values, found[0], chart.conditions)
            if switch and switch not in chart.fixed:
                said.append(f"{switch}: false turns it off")
                hints.append("SUBCHARTS=off, which removes the subcharts that no drill needs")
            said.append(f"{'.'.join(found[0].path)} names it")
        lines.append("  " + "; ".join(said))
        if images.is_of(image, PROMETHEUS):
            hints += [f"APP_VERSION={_bare(choice.next_best)}"] if choice.had else []
        elif rules.policy == "exact" and (choice.had or images.stand_in(image)):
            hints.append("IMAGES=nearest")
    text = f"CHART={chart.renderer.chart}: images that are not available here:\n" + "\n".join(lines)
    return UsageError(text, hint="; or ".join(dict.fromkeys(hints)))
