"""A drill of the user's own chart or values: what its objects need, found in what the chart renders to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import yaml

from promdrill.core.merging import merged
from promdrill.core.model import INSTALLS
from promdrill.drill import Site, own_names
from promdrill.drill.site import Drilled
from promdrill.helm.compatibility import stack
from promdrill.helm.compatibility.table import at, nested
from promdrill.helm.values import scrapes
from promdrill.helm.values.edit import read
from promdrill.helm.values.render import Renderer
from promdrill.helm.values.user import Own
from promdrill.install.found import server_of
from promdrill.install.needs import needs_of
from promdrill.install.replicas import one_of, with_service
from promdrill.observe.server import Server
from promdrill.request.planning import node

_PORT = 9090
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
    names = own_names.remarks(incident.server, site.installation.server) if incident.server is not None else ()
    remarks = (*site.recording.remarks, *incident.needs.remarks, *names)
    return replace(site, drilled=drilled, other=other, recording=replace(site.recording, remarks=remarks))


def _rendered(site: Site, drilled: Drilled, own: Own | None, kubernetes: str) -> Drilled:
    if drilled.install != INSTALLS[0]:
        return drilled
    chart = drilled.chart
    renderer = Renderer(site.cluster.tools.helm, chart.path, chart.name, own, kubernetes, {})
    values: Mapping[str, Any] = scrapes.without(
        read(drilled.scenario_dir / "values.yaml"), *map(tuple, drilled.dropped)
    )
    for layer in (*drilled.values, nested(_CLASS, site.namespace)):
        found = layer if isinstance(layer, Mapping) else yaml.safe_load(layer.read_text(encoding="utf-8"))
        values = merged(values, found)
    objects = renderer.objects(site.release_name, values)
    needs = needs_of(objects, chart.path, node(), site.release_name)
    if chart.name == stack.CHART:
        server = one_of(site.installation.server, objects)
        return replace(drilled, needs=with_service(needs, server), server=server if server.replicas > 1 else None)
    server = one_of(server_of(objects, site.installation.server), objects)
    if drilled.keeps_scrapes:
        layer = _itself_added(values, drilled.added_jobs, server)
    else:
        jobs = scraping_itself(at(values, scrapes.LISTED) or (), server)
        layer = nested(scrapes.LISTED, jobs) if jobs else {}
    over = (*drilled.values, *([layer] if layer else []))
    return replace(drilled, needs=with_service(needs, server), server=server, values=over)


def _itself_added(values: Mapping[str, Any], jobs: Sequence[scrapes.Job], server: Server) -> dict[str, Any]:
    """Of the jobs that are added to the user's, the one that scrapes Prometheus itself, at its own address."""
    changed, text = scraping_itself(jobs, server), str(at(values, scrapes.WRITTEN) or "")
    return nested(scrapes.WRITTEN, text.replace(scrapes.dumped(jobs), scrapes.dumped(changed))) if changed else {}


def scraping_itself(jobs: Sequence[Mapping[str, Any]], server: Server) -> list[Mapping[str, Any]]:
    """The scrape jobs of a scenario with the server's own address, where that is not the usual one; else nothing."""
    usual, address = f"localhost:{_PORT}", f"localhost:{server.pod_port}"
    if (server.prefix, address) == ("", usual):
        return []
    changed: list[Mapping[str, Any]] = []
    for job in jobs:
        groups = job.get("static_configs") or ()
        if any(usual in group.get("targets", ()) for group in groups):
            path = f"{server.prefix}{job.get('metrics_path', '/metrics')}"
            moved = [
                {**group, "targets": [address if each == usual else each for each in group["targets"]]}
                for group in groups
            ]
            changed.append({**job, "metrics_path": path, "static_configs": moved})
        else:
            changed.append(job)
    return changed
