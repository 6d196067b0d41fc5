"""Charts that render API versions which Kubernetes has removed, and the Helm that they need.

Such a chart is installed as it is: promdrill's post-renderer converts its objects to today's API versions
(`promdrill.helm.post_renderer.rewrite`), for a drill's own commands and for those of a runbook.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from packaging.specifiers import SpecifierSet

from promdrill.core.choices import VERSION
from promdrill.helm.chart import ChartRef
from promdrill.helm.post_renderer.wrapper import wrapped


@dataclass(frozen=True, slots=True)
class Legacy:
    """One row of the table.

    Attributes:
        chart: The chart's name.
        versions: Its versions that render removed API versions.
        renders: The removed API versions that it renders with its default values.
    """

    chart: str
    versions: SpecifierSet
    renders: str


TABLE = (
    # helm/charts stable/prometheus 8.11.4 at bf41b539b3 renders them, prometheus-community 11.16.9 at 4346bfad3b does
    # not. Which version dropped them is unknown, so the post-renderer, which changes nothing else, is used up to 11.
    Legacy("prometheus", SpecifierSet("<11.0.0"), "extensions/v1beta1 and rbac.authorization.k8s.io/v1beta1"),
)


def row_of(chart: ChartRef) -> Legacy | None:
    """The row of a chart that needs the post-renderer; None for any other."""
    name, number = chart.followed or (chart.name, chart.version)
    version = VERSION.match(number.removeprefix("v"))
    release = version[0].partition("-")[0] if version else None
    rows = (row for row in TABLE if release and row.chart == name and row.versions.contains(release))
    return next(rows, None)


def helm_for(chart: ChartRef, helm: Path, folder: Path) -> Path:
    """The `helm` to install a chart with: the given one, or one that adds the post-renderer.

    Args:
        chart: The chart.
        helm: The pinned Helm.
        folder: Where to write the other one; it must stay as long as that is used.

    Raises:
        CommandFailed: `helm` does not run.
        UsageError: It is neither 3 nor 4.
    """
    return helm if row_of(chart) is None else wrapped(helm, folder)


def remarks(chart: ChartRef) -> tuple[str, ...]:
    """Remarks for a reader of the result; none for a chart that needs no post-renderer."""
    row = row_of(chart)
    if row is None:
        return ()
    what = f"Chart {chart.name} {chart.version} renders {row.renders}, which Kubernetes has removed"
    return (f"{what}: promdrill's post-renderer rewrites them in helm install, upgrade and template.",)
