"""The versions of Prometheus that each way to install supports: rows of one table."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.specifiers import SpecifierSet


@dataclass(frozen=True, slots=True)
class Limit:
    """One row of the table.

    Attributes:
        install: As in `promdrill.core.model.INSTALLS`.
        apps: Versions of Prometheus that it supports.
        why: Why it does not support the others.
        source: How this is known.
    """

    install: str
    apps: SpecifierSet
    why: str
    source: str


TABLE = (
    Limit(
        "operator",
        SpecifierSet("<3"),
        "Prometheus operator 0.72.0 supports Prometheus up to version 2",
        "its pkg/prometheus: an unsupported major version is an error",
    ),
)


def refusal(install: str, app_version: str) -> str | None:
    """Why a way to install does not support a version of Prometheus; None if it does.

    Args:
        install: As in `promdrill.core.model.INSTALLS`; empty for the chart.
        app_version: Without a leading v; empty if unknown.
    """
    if not app_version:
        return None
    rows = (row for row in TABLE if row.install == install and not row.apps.contains(app_version, prereleases=True))
    return next((f"{row.why}, not {app_version}" for row in rows), None)
