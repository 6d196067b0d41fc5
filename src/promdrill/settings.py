"""What a run was asked for: one meaning for pytest's options and make's variables, checked before anything starts."""

from __future__ import annotations

import difflib
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from promdrill import paths
from promdrill.cluster.kind import PROFILES
from promdrill.errors import UsageError
from promdrill.runbook.parse import parse
from promdrill.supply import catalogue
from promdrill.supply.choose import SUPPLIES, chosen
from promdrill.supply.supplied import DEFAULT_HELM, DEFAULT_KUBERNETES, SupplyRequest

__all__ = [
    "CONTROLS",
    "EVIDENCE",
    "PROFILES",
    "SUPPLIES",
    "VARIANTS",
    "Settings",
    "chart_metadata",
    "is_warm",
    "nearest",
    "one_of",
]

CONTROLS = ("no-fault", "no-remedy", "as-written")

VARIANTS = ("controls", "ablate")
"""What a session may run in place of each drill: both its controls, or the drill once without each Mitigation step."""

EVIDENCE = ("failure", "always")
"""When evidence is taken: of drills that did not end as they had to, or of all."""

_INSTEAD = {"controls": "all controls are run", "ablate": "one step after the other is left out"}

_CHART_FILE = "Chart.yaml"


@dataclass(frozen=True, slots=True)
class Settings:
    """The wishes of one run.

    Attributes:
        supply: `auto`, `source` or `registry`.
        kubernetes: Version of the cluster, without a leading v.
        helm: Major version of Helm.
        chart: Folder or .tgz of the chart; None for the supply's own.
        chart_version: Version that the chart must have; None for any.
        values: File with Helm values, layered over the scenario's own; None for none.
        control: `no-fault` or `no-remedy`; None for the drill itself.
        variants: `controls` or `ablate`; None for one run of each drill.
        runbook: A runbook to run in place of the scenario's own.
        profile: Kind configuration: `fast` or `as-shipped`.
        evidence: When evidence is taken: `failure` or `always`.
    """

    supply: str = "auto"
    kubernetes: str = DEFAULT_KUBERNETES
    helm: str = DEFAULT_HELM
    chart: Path | None = None
    chart_version: str | None = None
    values: Path | None = None
    control: str | None = None
    variants: str | None = None
    runbook: Path | None = None
    profile: str = "fast"
    evidence: str = "failure"

    def check(self) -> None:
        """Refuse what cannot work.

        Raises:
            UsageError: One setting is wrong: its name, what is wrong with it, and the nearest valid choice.
        """
        built = catalogue.load(paths.images_dir())
        one_of("SUPPLY", self.supply, SUPPLIES)
        one_of("KUBE_VERSION", self.kubernetes, built.kubernetes_versions())
        one_of("HELM_VERSION", self.helm, built.helm_versions())
        one_of("PROFILE", self.profile, PROFILES)
        if self.control is not None:
            one_of("CONTROL", self.control, CONTROLS)
        one_of("EVIDENCE", self.evidence, EVIDENCE)
        self._check_variants()
        self._check_chart()
        if self.values is not None:
            _check_values(self.values)
        if self.runbook is not None:
            _check_file("RUNBOOK", self.runbook)
            parse(self.runbook)

    def request(self) -> SupplyRequest:
        """What the supply is asked for."""
        return SupplyRequest(
            supply=self.supply,
            kubernetes=self.kubernetes,
            helm=self.helm,
            chart=self.chart,
            chart_version=self.chart_version,
        )

    def _check_variants(self) -> None:
        if self.variants is None:
            return
        one_of("VARIANTS", self.variants, VARIANTS)
        if self.control is not None:
            raise UsageError(f"CONTROL={self.control}: {_INSTEAD[self.variants]} instead", hint="leave CONTROL out")
        if self.variants == "controls" and self.runbook is not None:
            raise UsageError(f"RUNBOOK={self.runbook}: no control runs a runbook", hint="leave RUNBOOK out")

    def _check_chart(self) -> None:
        chart = self.chart
        if chart is None and self.chart_version is not None and chosen(self.supply).name == "source":
            chart = paths.manifests_dir() / "charts" / "prometheus"  # the supply's own default
        if chart is None:
            return
        found = chart_metadata(chart)
        if self.chart_version is not None and found["version"] != self.chart_version:
            raise UsageError(
                f"CHART_VERSION={self.chart_version}: {chart} is {found['name']} {found['version']}",
                hint=f"CHART_VERSION={found['version']}, or leave it out",
            )


def is_warm(kubernetes: str) -> bool:
    """Whether the largest builds for a cluster of that version lie in the cache, so that a run needs little disk."""
    return any((paths.cache_dir() / "artefacts" / f"kubernetes-{kubernetes}").glob("[!.]*"))


def one_of(name: str, value: str, valid: Iterable[str]) -> None:
    """Refuse a value that is not among the valid ones.

    Args:
        name: The setting, as make's variable.
        value: What was given.
        valid: What may be given.

    Raises:
        UsageError: With the nearest valid choice.
    """
    choices = list(valid)
    if value not in choices:
        hint = f"{name}={nearest(value, choices)}" if choices else ""
        raise UsageError(f"{name}={value}: not one of {', '.join(choices) or '(none)'}", hint=hint)


def nearest(value: str, choices: Iterable[str]) -> str:
    """The choice that looks most like the value; the first one when none looks like it."""
    options = list(choices)
    return (difflib.get_close_matches(value, options, n=1, cutoff=0.0) or options[:1])[0]


def chart_metadata(chart: Path) -> dict[str, Any]:
    """What Chart.yaml says: at least `name` and `version`.

    Args:
        chart: The chart's folder, or a .tgz of it.

    Raises:
        UsageError: There is no such folder or file, or it holds no chart.
    """
    if not chart.exists():
        raise UsageError(f"CHART={chart}: no such folder or .tgz file", hint=f"CHART={_near_chart(chart)}")
    try:
        text = _chart_file(chart)
        metadata = yaml.safe_load(text) if text is not None else None
    except (OSError, tarfile.TarError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"CHART={chart}: cannot be read: {_one_line(error)}") from error
    if not isinstance(metadata, dict) or not metadata.get("name") or not metadata.get("version"):
        raise UsageError(f"CHART={chart}: not a chart, no {_CHART_FILE} with a name and a version")
    return {**metadata, "version": str(metadata["version"])}


def _chart_file(chart: Path) -> str | None:
    if chart.is_dir():
        file = chart / _CHART_FILE
        return file.read_text(encoding="utf-8") if file.is_file() else None
    with tarfile.open(chart) as archive:
        for member in archive:
            if member.isfile() and Path(member.name).name == _CHART_FILE and len(Path(member.name).parts) == 2:  # noqa: PLR2004
                content = archive.extractfile(member)
                return content.read().decode("utf-8") if content else None
    return None


def _near_chart(wanted: Path) -> Path:
    """A chart beside the place that was named, else the one that promdrill ships."""
    folder = wanted.parent
    beside = (
        [path.name for path in folder.iterdir() if path.suffix == ".tgz" or (path / _CHART_FILE).is_file()]
        if folder.is_dir()
        else []
    )
    close = difflib.get_close_matches(wanted.name, beside, n=1)
    return folder / close[0] if close else paths.manifests_dir() / "charts" / "prometheus"


def _check_file(name: str, path: Path) -> None:
    if path.is_file():
        return
    beside = [entry.name for entry in path.parent.iterdir() if entry.is_file()] if path.parent.is_dir() else []
    close = difflib.get_close_matches(path.name, beside, n=1)
    raise UsageError(f"{name}={path}: no such file", hint=f"{name}={path.parent / close[0]}" if close else "")


def _check_values(path: Path) -> None:
    _check_file("VALUES", path)
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"VALUES={path}: not YAML: {_one_line(error)}") from error
    if values is not None and not isinstance(values, dict):
        raise UsageError(f"VALUES={path}: Helm values are a mapping, this is a {type(values).__name__}")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
