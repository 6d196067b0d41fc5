"""What a run was asked for: one meaning for pytest's options and make's variables, checked before anything starts."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from promdrill.cluster.kind import PROFILES
from promdrill.core import paths
from promdrill.core.defaults import DEFAULT_HELM, DEFAULT_KUBERNETES
from promdrill.core.errors import UsageError
from promdrill.helm.source import find
from promdrill.runbook.lint import lint
from promdrill.runbook.parse import parse
from promdrill.supply import kubernetes
from promdrill.supply.build import catalogue
from promdrill.supply.choose import SUPPLIES, chosen
from promdrill.supply.supplied import SupplyRequest

__all__ = [
    "CONTROLS",
    "EVIDENCE",
    "IMAGES",
    "PROFILES",
    "SUBCHARTS",
    "SUPPLIES",
    "VARIANTS",
    "Settings",
    "is_warm",
    "nearest",
    "one_of",
]

CONTROLS = ("no-fault", "no-remedy", "as-written")

VARIANTS = ("controls", "ablate")
"""What a session may run in place of each drill: both its controls, or the drill once without each Mitigation step."""

SUBCHARTS = ("on", "off")
IMAGES = ("nearest", "exact")

EVIDENCE = ("failure", "always")
"""When evidence is taken: of drills that did not end as they had to, or of all."""

_INSTEAD = {"controls": "all controls are run", "ablate": "one step after the other is left out"}

_VERSION = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?")


@dataclass(frozen=True, slots=True)
class Settings:
    """The wishes of one run.

    Attributes:
        supply: `auto`, `source` or `registry`.
        kubernetes: Version of the cluster, without a leading v.
        helm: Major version of Helm.
        chart: The chart as it was typed, see `promdrill.helm.source.find.Wish`; None for the supply's own.
        chart_version: Version that the chart must have; None for any.
        repo: Address of the chart repository; None for the known one.
        subcharts: `on`, or `off` to take out those that no drill needs.
        app_version: Version of Prometheus in place of the chart's; None for the chart's.
        images: Whether images other than Prometheus' own may be of another version: `nearest` or `exact`.
        mirror: Image registry in place of the public ones; None for those, or what the environment names.
        bundle: File of ``make bundle`` that everything comes from; None for the supply.
        repeat: Runs of each drill.
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
    chart: str | None = None
    chart_version: str | None = None
    repo: str | None = None
    subcharts: str = "on"
    values: Path | None = None
    app_version: str | None = None
    images: str = "nearest"
    mirror: str | None = None
    bundle: Path | None = None
    control: str | None = None
    variants: str | None = None
    runbook: Path | None = None
    profile: str = "fast"
    evidence: str = "failure"
    repeat: int = 1

    def check(self) -> None:
        """Refuse what cannot work.

        Raises:
            UsageError: One setting is wrong: its name, what is wrong with it, and the nearest valid choice.
        """
        built = catalogue.load(paths.images_dir())
        one_of("SUPPLY", self.supply, SUPPLIES)
        if self.bundle is None:  # it holds the one version that there is
            kubernetes.offered_anywhere().true(self.kubernetes)
        one_of("HELM_VERSION", self.helm, built.helm_versions())
        for name, value, valid in (
            ("PROFILE", self.profile, PROFILES),
            ("EVIDENCE", self.evidence, EVIDENCE),
            ("SUBCHARTS", self.subcharts, SUBCHARTS),
            ("IMAGES", self.images, IMAGES),
        ):
            one_of(name, value, valid)
        if self.control is not None:
            one_of("CONTROL", self.control, CONTROLS)
        if self.app_version is not None and not _VERSION.fullmatch(self.app_version):
            raise UsageError(f"APP_VERSION={self.app_version}: not a version of Prometheus", hint="APP_VERSION=3.14.0")
        self._check_variants()
        self._check_chart()
        if self.values is not None:
            _check_values(self.values)
        if self.bundle is not None:
            _check_file("BUNDLE", self.bundle)
        if self.runbook is not None:
            _check_file("RUNBOOK", self.runbook)
            lint(parse(self.runbook))

    def supply_name(self) -> str:
        """`source`, `registry` or `bundle`; to tell, a registry may be asked."""
        return "bundle" if self.bundle is not None else chosen(self.supply, self.mirror).name

    def settled(self, *, say: Callable[[str], None]) -> Settings:
        """The same for the supply that was chosen: with the version of Kubernetes that it really has.

        Args:
            say: Told, in one sentence, when that is another than the one asked for.

        Raises:
            UsageError: The supply has no such version.
        """
        supply = self.supply_name()
        if supply == "bundle":
            return self
        true = kubernetes.offer(supply).true(self.kubernetes)
        if true != self.kubernetes:
            say(kubernetes.remark(self.kubernetes, true))
        return replace(self, kubernetes=true)

    def request(self) -> SupplyRequest:
        """What the supply is asked for."""
        return SupplyRequest(
            supply=self.supply,
            kubernetes=self.kubernetes,
            helm=self.helm,
            chart=find.Wish(self.chart, self.chart_version, self.repo),
            subcharts=self.subcharts,
            mirror=self.mirror,
            bundle=self.bundle,
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
        if find.local(find.Wish(self.chart, self.chart_version, self.repo)) is not None:
            return
        if self.chart is None and self.repo is None and self.chart_version and self.supply_name() == "source":
            find.local(find.Wish(str(paths.own_chart()), self.chart_version, None))  # the supply's own default


def is_warm(kubernetes: str, supply: str) -> bool:
    """Whether what takes most room lies in the cache, so that a run needs little disk.

    Args:
        kubernetes: Version of the cluster.
        supply: `source`, `registry` or `bundle`.
    """
    largest = {"source": f"kubernetes-{kubernetes}", "registry": "pulled-prometheus-prometheus"}
    return supply in largest and any((paths.cache_dir() / "artefacts" / largest[supply]).glob("[!.]*"))


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
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UsageError(f"VALUES={path}{line}: not YAML: {_one_line(error.problem or error)}") from error
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"VALUES={path}: not YAML: {_one_line(error)}") from error
    if values is not None and not isinstance(values, dict):
        raise UsageError(f"VALUES={path}: Helm values are a mapping, this is a {type(values).__name__}")


def _one_line(error: object) -> str:
    return " ".join(str(error).split())
