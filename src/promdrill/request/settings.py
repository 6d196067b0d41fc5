"""The settings of a run: how each drill goes, however it is started. Only data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from promdrill.core import durations, login
from promdrill.core.choices import DEFAULT_HELM, DEFAULT_KUBERNETES, SCRAPES, YOURS
from promdrill.core.redact import redact_lines, without_login
from promdrill.request.options import OPTIONS
from promdrill.runbook.published.beside import bindings

DURATIONS = ("hold_s", "growth_s")
"""Fields of `Settings` that are durations."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one run.

    Attributes:
        supply: `auto`, `source` or `registry`.
        kubernetes: Version of the cluster, without a leading v.
        helm: Major version of Helm.
        chart: The chart as it was typed, see `promdrill.helm.source.find.ChartRequest`; None for the supply's own.
        chart_version: Version that the chart must have; None for any.
        repo: Address of the chart repository; None for the known one.
        subcharts: `on`, or `off` to remove the subcharts that no drill needs.
        app_version: Version of Prometheus instead of the chart's; None for the chart's.
        images: Whether images other than Prometheus may be of the nearest version, `nearest`, or not, `exact`.
        mirror: Image registry to use instead of the public ones; None for those, or the one in the environment.
        bundle: File of ``make bundle`` that everything comes from; None for the supply.
        repeat: Runs of each drill.
        values: Files with Helm values, the later over the earlier, layered over the scenario's own.
        assigned: Helm values over those, as Helm's ``--set`` takes them; None for none.
        scrapes: Whose scrape jobs and intervals: `drill`, the scenario's, or `yours`, those of the values or the chart.
        login: File with the login of a Prometheus that asks for one; None for none.
        control: One of `promdrill.core.choices.CONTROLS`; None for the drill itself.
        runbook: A runbook to run instead of the scenario's own; None for the scenario's own.
        bind: Values for placeholders of that runbook as typed, ``name=value,...``; None for none.
        profile: How patient the cluster is: `fast` or `as-shipped`.
        evidence: When evidence is collected: `failure` or `always`.
        rules: Alert rules, as typed: files and folders, `chart`, `own`; None for none.
        alertmanager: File with Alertmanager's configuration; None for one receiver.
        alert_speed: By how much durations of rules are divided; None for the operator's scrape interval by the drill's.
        hold_s: Seconds, of the operator's time, for which an incident is held before it is repaired.
        growth_s: Seconds, of the operator's time, that a fault which grows takes to its full effect; 0 for at once.
        expectations: File with what is expected of the alerts; None for none.
    """

    supply: str = "auto"
    kubernetes: str = DEFAULT_KUBERNETES
    helm: str = DEFAULT_HELM
    chart: str | None = None
    chart_version: str | None = None
    repo: str | None = None
    subcharts: str = "on"
    values: tuple[Path, ...] = ()
    assigned: str | None = None
    scrapes: str = SCRAPES[0]
    login: Path | None = None
    app_version: str | None = None
    images: str = "nearest"
    mirror: str | None = None
    bundle: Path | None = None
    control: str | None = None
    runbook: Path | None = None
    bind: str | None = None
    profile: str = "fast"
    evidence: str = "failure"
    rules: str | None = None
    alertmanager: Path | None = None
    alert_speed: float | None = None
    hold_s: float = 0.0
    growth_s: float = 0.0
    expectations: Path | None = None
    repeat: int = 1

    @property
    def keeps_scrapes(self) -> bool:
        """Whether the scrape jobs and intervals are the user's, or else the chart's."""
        return self.scrapes == YOURS

    @property
    def by_tls(self) -> bool:
        """Whether the drilled Prometheus speaks TLS, as the file of `login` says.

        Raises:
            UsageError: The file cannot be read.
        """
        return self.login is not None and bool(login.read(self.login).authority)

    @property
    def bound(self) -> dict[str, str]:
        """Values for placeholders of the runbook, by name.

        Raises:
            UsageError: They are not ``name=value``.
        """
        return bindings([self.bind] if self.bind else [], said="BIND")

    def changed(self) -> dict[str, str]:
        """The settings that differ from the defaults, by make's variables, as they may be recorded."""
        usual = Settings()
        values = {option.variable: (_typed(self, option.field), _typed(usual, option.field)) for option in OPTIONS}
        return {name: _recorded(value) for name, (value, default) in values.items() if value != default}


def _typed(settings: Settings, field: str) -> object:
    """The value of a field; of a duration, as it may be typed."""
    value = getattr(settings, field)
    return durations.write(value) if field in DURATIONS else value


def _recorded(value: object) -> str:
    text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return redact_lines(without_login(text))
