"""Every setting of a run: one table behind make's variables and the options of `promdrill run` and of pytest.

The module is quick to import, because the pytest plugin, which every pytest session of its environment loads, makes
its options from the table. `promdrill.request.request` turns the given values into a request.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

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
    SCRAPES,
    SUBCHARTS,
    SUPPLIES,
)
from promdrill.core.errors import UsageError, shortened

PLUGIN = "promdrill-session"
"""Name under which pytest's plugin manager knows a session's `promdrill.plugin.session.DrillSession`."""

Given = Mapping[str, str | None]
"""The given values, by make's variable; None, empty or missing means unset."""


@dataclass(frozen=True, slots=True)
class Option:
    """One setting.

    Attributes:
        variable: Make's variable, also read from the environment.
        field: The field of `promdrill.request.settings.Settings` that it sets; empty for settings of the session.
        meaning: The help text, without a period.
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
        """The name under which argparse and pytest store its value."""
        return self.variable.lower()


OPTIONS = (
    Option("CHART", "chart", "folder, .tgz, folder of .tgz files, repo/name or oci://... (default: the supply's own)"),
    Option("CHART_VERSION", "chart_version", "version of the chart"),
    Option("REPO", "repo", "address of the chart repository"),
    Option(
        "SUBCHARTS", "subcharts", f"{', '.join(SUBCHARTS)}: off removes the subcharts that no drill needs (default: on)"
    ),
    Option("VALUES", "values", "files with Helm values, comma separated, the last one counts; over the scenario's own"),
    Option("SET", "assigned", "single Helm values over those of VALUES, in the syntax of Helm's --set"),
    Option(
        "SCRAPES",
        "scrapes",
        f"whose scrape jobs and intervals: {', '.join(SCRAPES)}, those of VALUES or the chart (default: drill)",
    ),
    Option(
        "LOGIN",
        "login",
        "file with the lines user:password and ca = FILE, or one, for a Prometheus with a login or TLS",
    ),
    Option("APP_VERSION", "app_version", "version of Prometheus instead of the chart's"),
    Option(
        "IMAGES",
        "images",
        f"{', '.join(IMAGES)}: when an image other than Prometheus is unavailable,"
        " use the nearest version or refuse (default: nearest)",
    ),
    Option("KUBE_VERSION", "kubernetes", f"version of Kubernetes (default: {DEFAULT_KUBERNETES})"),
    Option("HELM_VERSION", "helm", f"major version of Helm (default: {DEFAULT_HELM})"),
    Option("PROFILE", "profile", f"how patient the cluster is: {', '.join(PROFILES)} (default: fast)"),
    Option("SUPPLY", "supply", f"where everything comes from: {', '.join(SUPPLIES)} (default: auto)"),
    Option("REGISTRY_MIRROR", "mirror", "image registry to use instead of the public ones"),
    Option(
        "BUNDLE", "bundle", f"file made by `{paths.command('bundle')}`; everything comes from it, without a network"
    ),
    Option(
        "CONTROL", "control", f"leave something out on purpose, to see that the drill notices: {', '.join(CONTROLS)}"
    ),
    Option("RUNBOOK", "runbook", "a runbook of your own, run instead of the scenario's"),
    Option("BIND", "bind", "values for placeholders of a published RUNBOOK: pvc=data,new-size=2Gi"),
    Option(
        "RULES",
        "rules",
        "alert rules to watch in each drill: files and folders, comma separated; chart for those of the drilled chart,"
        " own for promdrill's",
    ),
    Option("ALERTMANAGER", "alertmanager", "Alertmanager's configuration for RULES (default: one receiver for all)"),
    Option(
        "ALERT_SPEED",
        "alert_speed",
        "by what durations in RULES are divided, 1 for not at all (default: your scrape interval by the drill's)",
    ),
    Option(
        "HOLD", "hold_s", "with RULES: how long the incident stands before it is repaired, in your time (default: 0s)"
    ),
    Option(
        "GROWTH",
        "growth_s",
        "with RULES: how long a fault that grows takes from its beginning to its full effect, in your time"
        " (default: at once)",
    ),
    Option("ALERTS", "expectations", "file with what is expected of the alerts, see `promdrill alerts propose`"),
    Option("REPEAT", "repeat", f"runs of each drill, 1 to {MOST_REPEATS} (default: 1)"),
    Option("EVIDENCE", "evidence", f"when evidence is collected: {', '.join(EVIDENCE)} (default: failure)"),
)
"""The options that make up a `promdrill.request.settings.Settings`."""

SESSION = (
    Option("SCENARIO", "", "ids of scenarios, comma separated (default: all)"),
    Option("SCENARIOS", "", "folders with your own scenarios, comma separated, in addition to promdrill's"),
    Option("KEEP", "", "1 keeps the cluster after the run, until `promdrill clean`"),
    Option("CLUSTER", "", "kept cluster to run in; it stays kept (default: a new cluster)"),
    Option("ADOPT", "", "1 takes a CLUSTER that promdrill did not make; drills keep to namespaces of their own"),
    Option("JOBS", "", f"drills that run in parallel in the cluster, 1 to {MOST_JOBS} (default: 1)"),
)
"""What `promdrill run` takes for the session as a whole; pytest has its own ways to collect and to name clusters."""


SEVERAL = frozenset({"VALUES", "SET"})
"""Variables whose option may be given several times; commas join the values."""

LONGEST = 1 << 16
"""Most characters of a value: ids of a thousand scenarios."""


def check(given: Given) -> None:
    """Refuse a value that nobody can have meant: not text, with characters that do not show, or endless.

    Raises:
        UsageError: There is one; names its variable.
    """
    for name, text in given.items():
        if text is not None and len(text) > LONGEST:
            hint = f"{name}=... with at most {LONGEST}"
            raise UsageError(f"{name}={shortened(text, 80)}: {len(text)} characters", hint=hint)
        odd = next((character for character in text or "" if not character.isprintable()), None)
        if text is not None and odd is not None:
            seen = shortened(ascii(text)[1:-1], 80)
            hint = f"{name}=... without it"
            raise UsageError(f"{name}={seen}: has {odd!a}, a character that does not show", hint=hint)


def flag(variable: str) -> str:
    """The option of a command line for a variable: ``--kube-version``."""
    return f"--{variable.lower().replace('_', '-')}"


def action(variable: str) -> Literal["append", "store"]:
    """What argparse and pytest do with a variable's option."""
    return "append" if variable in SEVERAL else "store"


def joined(value: str | Sequence[str] | None) -> str | None:
    """The value of an option that may have been given several times; None if it was not given."""
    return value if isinstance(value, str | None) else ",".join(value) or None


def given(arguments: argparse.Namespace, variables: Iterable[str]) -> dict[str, str | None]:
    """The values of these variables from the command line, else from the environment; empty means unset."""
    return {name: joined(getattr(arguments, name.lower(), None)) or os.environ.get(name) or None for name in variables}
