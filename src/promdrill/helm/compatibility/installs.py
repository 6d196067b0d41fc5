"""Which versions of Prometheus each way to install takes: rows of one table."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.specifiers import SpecifierSet


@dataclass(frozen=True, slots=True)
class Limit:
    """One row of the table.

    Attributes:
        install: As in `promdrill.core.model.INSTALLS`.
        apps: Versions of Prometheus that it takes.
        why: What refuses the others.
        source: Where this is known from.
    """

    install: str
    apps: SpecifierSet
    why: str
    source: str


TABLE = (
    Limit(
        "operator",
        SpecifierSet("<3"),
        "Prometheus operator 0.72.0 knows Prometheus up to version 2",
        "its pkg/prometheus: an unsupported major version is an error",
    ),
)


def refusal(install: str, app_version: str) -> str | None:
    """Why a way to install cannot take a version of Prometheus; None when it can.

    Args:
        install: As in `promdrill.core.model.INSTALLS`; empty for the chart.
        app_version: Without a leading v; empty when it is not known.
    """
    if not app_version:
        return None
    rows = (row for row in TABLE if row.install == install and not row.apps.contains(app_version, prereleases=True))
    return next((f"{row.why}, not {app_version}" for row in rows), None)
