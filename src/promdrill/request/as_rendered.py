"""A drill of the user's own chart or values: what its objects need, found in what the chart renders to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import yaml

from promdrill.core.merging import merged
from promdrill.core.model import INSTALLS
from promdrill.drill import Site
from promdrill.drill.site import Drilled
from promdrill.helm.compatibility.table import nested
from promdrill.helm.values.edit import read
from promdrill.helm.values.render import Renderer
from promdrill.helm.values.user import Own
from promdrill.install.needs import needs_of
from promdrill.request.planning import node

_CLASS = ("server", "persistentVolume", "storageClass")


def of(site: Site, own: Own | None, *, kubernetes: str) -> Site:
    """The same site with what its chart's objects need.

    Args:
        site: The site.
        own: The user's values, for errors in them.
        kubernetes: Version of the cluster.

    Raises:
        UsageError: The chart does not render with these values.
    """
    drilled = _rendered(site, site.drilled, own, kubernetes)
    other = _rendered(site, site.other, own, kubernetes) if site.other is not None else None
    incident = other or drilled
    remarks = (*site.recording.remarks, *incident.needs.remarks)
    return replace(site, drilled=drilled, other=other, recording=replace(site.recording, remarks=remarks))


def _rendered(site: Site, drilled: Drilled, own: Own | None, kubernetes: str) -> Drilled:
    if drilled.install != INSTALLS[0]:
        return drilled
    chart = drilled.chart
    renderer = Renderer(site.cluster.tools.helm, chart.path, chart.name, own, kubernetes, {})
    values: Mapping[str, Any] = read(drilled.scenario_dir / "values.yaml")
    for layer in (*drilled.values, nested(_CLASS, site.namespace)):
        found = layer if isinstance(layer, Mapping) else yaml.safe_load(layer.read_text(encoding="utf-8"))
        values = merged(values, found)
    objects = renderer.objects(site.release_name, values)
    return replace(drilled, needs=needs_of(objects, chart.path, node(), site.release_name))
