"""What a person may ask of a run: one table behind make's variables and the options of `promdrill run` and of pytest.

The table imports nothing that takes time: the pytest plugin, which is loaded in every pytest session of its
environment, makes its options from it. `promdrill.request.request` makes a request of what was given.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from promdrill.core import paths
from promdrill.core.choices import (
    CONTROLS,
    DEFAULT_HELM,
    DEFAULT_KUBERNETES,
    EVIDENCE,
    IMAGES,
    MOST_JOBS,
    MOST_REPEATS,
    PROFILES,
    SUBCHARTS,
    SUPPLIES,
)

PLUGIN = "promdrill-session"
"""Name under which pytest's plugin manager knows a session's `promdrill.plugin.session.DrillSession`."""

Given = Mapping[str, str | None]
"""What was given, by make's variable; None, empty or missing for nothing."""


@dataclass(frozen=True, slots=True)
class Option:
    """One thing that can be asked for.

    Attributes:
        variable: Make's variable, also read from the environment.
        field: The field of `promdrill.request.settings.Settings` that it becomes; empty where it is the session's.
        meaning: For a person, without a period.
    """

    variable: str
    field: str
    meaning: str

    @property
    def flag(self) -> str:
        """The option of a command line: ``--kube-version``."""
        return flag(self.variable)

    @property
    def name(self) -> str:
        """As argparse and pytest name its value."""
        return self.variable.lower()


OPTIONS = (
    Option("CHART", "chart", "folder, .tgz, folder of .tgz files, repo/name or oci://... (default: the supply's own)"),
    Option("CHART_VERSION", "chart_version", "version of the chart"),
    Option("REPO", "repo", "address of the chart repository"),
    Option("SUBCHARTS", "subcharts", f"{', '.join(SUBCHARTS)}: off takes out all that no drill needs (default: on)"),
    Option("VALUES", "values", "file with Helm values, layered over the scenario's own"),
    Option("APP_VERSION", "app_version", "version of Prometheus in place of the chart's"),
    Option("IMAGES", "images", f"{', '.join(IMAGES)}: whether other images must be the chart's too (default: nearest)"),
    Option("KUBE_VERSION", "kubernetes", f"version of the cluster (default: {DEFAULT_KUBERNETES})"),
    Option("HELM_VERSION", "helm", f"major version of Helm (default: {DEFAULT_HELM})"),
    Option("PROFILE", "profile", f"kind configuration: {', '.join(PROFILES)} (default: fast)"),
    Option("SUPPLY", "supply", f"where things come from: {', '.join(SUPPLIES)} (default: auto)"),
    Option("REGISTRY_MIRROR", "mirror", "image registry in place of the public ones"),
    Option("BUNDLE", "bundle", f"file of `{paths.command('bundle')}` that everything comes from, without a network"),
    Option("CONTROL", "control", f"leave something out on purpose: {', '.join(CONTROLS)}"),
    Option("RUNBOOK", "runbook", "a runbook of your own, run in place of the scenario's"),
    Option("REPEAT", "repeat", f"runs of each drill, 1 to {MOST_REPEATS} (default: 1)"),
    Option("EVIDENCE", "evidence", f"when evidence is taken: {', '.join(EVIDENCE)} (default: failure)"),
)
"""All that become a `promdrill.request.settings.Settings`."""

SESSION = (
    Option("SCENARIO", "", "ids, comma separated (default: all)"),
    Option("SCENARIOS", "", "folders with scenarios of your own, comma separated, beside promdrill's"),
    Option("KEEP", "", "1 keeps the cluster afterwards, until `promdrill clean`"),
    Option("CLUSTER", "", "a kept cluster to run in; it stays kept (default: a new cluster)"),
    Option("JOBS", "", f"drills side by side in the one cluster, 1 to {MOST_JOBS} (default: 1)"),
)
"""What `promdrill run` takes for the session as a whole; pytest has its own ways to collect and to name clusters."""


def flag(variable: str) -> str:
    """The option of a command line for a variable: ``--kube-version``."""
    return f"--{variable.lower().replace('_', '-')}"


def given(arguments: argparse.Namespace, variables: Iterable[str]) -> dict[str, str | None]:
    """What a command line says of these variables, or the environment where that says nothing; empty means unset."""
    return {name: getattr(arguments, name.lower(), None) or os.environ.get(name) or None for name in variables}
