"""A drill of the user's own chart or values: what its objects need, found in what the chart renders to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from promdrill.core.login import Login
from promdrill.core.model import INSTALLS
from promdrill.drill import Site, own_names
from promdrill.drill.site import Drilled
from promdrill.helm.compatibility import stack
from promdrill.helm.compatibility.table import at, keys, nested
from promdrill.helm.values import scrapes
from promdrill.helm.values.render import Renderer
from promdrill.helm.values.user import Own
from promdrill.install import found, operated, release
from promdrill.install.itself import scraping_itself
from promdrill.install.needs import needs_of
from promdrill.install.replicas import one_of, with_service
from promdrill.observe.server import Server
from promdrill.request.planning import node


def of(site: Site, own: Own | None, *, kubernetes: str) -> Site:
    """The same site with what its chart's objects need.

    Args:
        site: The site.
        own: The user's values, for errors in them.
        kubernetes: Version of the cluster.

    Raises:
        UsageError: The chart does not render with these values, or gives the server a name that it cannot have.
    """
    drilled = _rendered(site, site.drilled, own, kubernetes)
    other = _rendered(site, site.other, own, kubernetes) if site.other is not None else None
    incident = other or drilled
    names = _names(replace(site, drilled=incident)) if incident.server is not None else ()
    remarks = (*site.recording.remarks, *incident.needs.remarks, *names)
    return replace(site, drilled=drilled, other=other, recording=replace(site.recording, remarks=remarks))


def _rendered(site: Site, drilled: Drilled, own: Own | None, kubernetes: str) -> Drilled:
    if drilled.install != INSTALLS[0]:
        return drilled
    chart = drilled.chart
    renderer = Renderer(site.cluster.tools.helm, chart.path, chart.name, own, kubernetes, {})
    here = replace(site, drilled=drilled, other=None)
    installed = release(chart, site.cluster.helm, site.release_name, site.namespace, site.values_file)
    values = installed.composed(here.scenario_values, drilled.values, site.namespace)
    objects = renderer.objects(site.release_name, values)
    needs = needs_of(objects, chart.path, node(), site.release_name)
    if chart.name == stack.CHART:
        server = one_of(operated.server_of(objects, installed.server), objects)
        listed, here_below = at(values, keys(stack.JOBS)) or (), replace(server, prefix="")  # they have its prefix
        jobs = scraping_itself(listed, here_below, drilled.login) if drilled.login is not None else []
        over = (*drilled.values, *([nested(keys(stack.JOBS), jobs)] if jobs else []))
        return replace(drilled, needs=with_service(needs, server), server=server, values=over)
    server = one_of(found.server_of(objects, installed.server), objects)
    if drilled.keeps_scrapes:
        layer = _itself_added(values, drilled.added_jobs, server, drilled.login)
    else:
        jobs = scraping_itself(at(values, scrapes.LISTED) or (), server, drilled.login)
        layer = nested(scrapes.LISTED, jobs) if jobs else {}
    over = (*drilled.values, *([layer] if layer else []))
    return replace(drilled, needs=with_service(needs, server), server=server, values=over)


def _itself_added(
    values: Mapping[str, Any], jobs: Sequence[scrapes.Job], server: Server, login: Login | None
) -> dict[str, Any]:
    """Of the jobs that are added to the user's, the one that scrapes Prometheus itself, at its own address."""
    changed, text = scraping_itself(jobs, server, login), str(at(values, scrapes.WRITTEN) or "")
    return nested(scrapes.WRITTEN, text.replace(scrapes.dumped(jobs), scrapes.dumped(changed))) if changed else {}


def _names(site: Site) -> tuple[str, ...]:
    """What the runbook says instead of the names that it is written for."""
    login = site.drilled.login
    return own_names.remarks(site.server, site.installation.server, login=login is not None and bool(login.user))
