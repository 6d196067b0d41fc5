"""The chart that a runbook is checked against, rendered without a cluster."""

from __future__ import annotations

from collections.abc import Mapping

from promdrill.cli.parser import aside
from promdrill.helm.source import files
from promdrill.helm.values.render import Renderer
from promdrill.request import request
from promdrill.runbook.published.against import Rendered
from promdrill.supply.provide import chart as chart_of
from promdrill.supply.provide import helm as helm_of


def rendered(given: Mapping[str, str | None], *, release: str, namespace: str) -> Rendered:
    """A chart as an install of this release would create it.

    Args:
        given: CHART, CHART_VERSION, REPO, VALUES and APP_VERSION; None for what was not typed.
        release: Name of the release.
        namespace: Its namespace.

    Raises:
        UsageError: There is no such chart, or it does not render with these values.
        SupplyError: Helm or the chart is not available.
    """
    asked = request.make(given).with_supply()
    helm = helm_of(asked.of_supply(), on_event=aside)
    chart = chart_of(asked.of_supply(), helm, on_event=aside)
    about, named, own = files.metadata(chart), files.dependencies(chart), asked.values
    called = {item.name: item.called for item in named}
    renderer = Renderer(helm, chart, about["name"], own, asked.settings.kubernetes, called)
    return Rendered(
        name=f"{about['name']} {about['version']}",
        namespace=namespace,
        objects=renderer.objects(release, own.values if own is not None else {}),
        values=files.values(chart),
        app_version=(asked.settings.app_version or str(about.get("appVersion", ""))).removeprefix("v"),
        subcharts=frozenset(called.values()) | {"global"},
    )
