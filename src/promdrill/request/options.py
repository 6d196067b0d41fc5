"""What a person may say of a run: one table behind make's variables, the options of `promdrill run` and of pytest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promdrill.core import paths
from promdrill.core.defaults import DEFAULT_HELM, DEFAULT_KUBERNETES
from promdrill.core.errors import UsageError
from promdrill.request.settings import (
    CONTROLS,
    EVIDENCE,
    IMAGES,
    PROFILES,
    SUBCHARTS,
    SUPPLIES,
    Settings,
)
from promdrill.supply.bundle.read import defaults

MOST_REPEATS = 100
"""Runs of each drill in one session: beyond it a mistake is likelier than a wish."""

LOOKS_LIKE_FILES = ("values", "runbook", "bundle")
"""Fields of `Settings` that are paths."""


@dataclass(frozen=True, slots=True)
class Option:
    """One thing that can be said.

    Attributes:
        variable: Make's variable, also read from the environment.
        field: The field of `Settings` that it becomes.
        meaning: For a person, without a period.
    """

    variable: str
    field: str
    meaning: str

    @property
    def flag(self) -> str:
        """The option of a command line: ``--kube-version``."""
        return f"--{self.variable.lower().replace('_', '-')}"

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
"""All that become a `Settings`; SCENARIO, KEEP and JOBS are the session's, not the drills'."""

FLAGS: Mapping[str, str] = {option.name: option.flag for option in OPTIONS}


def settings(get: Callable[[Option], str | None], *, folder: Path = Path(), variants: str | None = None) -> Settings:
    """The wishes of a run; nothing but their form is checked here.

    Args:
        get: What was said of an option; None or empty for nothing.
        folder: What relative paths of files are relative to.
        variants: As in `Settings`.

    Raises:
        UsageError: REPEAT is no number.
    """
    said = {option: text for option in OPTIONS if (text := get(option))}
    fields = {option.field: _value(option, text, folder) for option, text in said.items()}
    if "bundle" in fields:  # what it holds is what is meant where nothing was said
        fields = {**defaults(fields["bundle"]), **fields}
    return Settings(variants=variants, **fields)


def said(wishes: Settings) -> dict[str, str]:
    """What was asked for otherwise than by default, by make's variables."""
    usual = Settings()
    values = {option.variable: (getattr(wishes, option.field), getattr(usual, option.field)) for option in OPTIONS}
    return {name: str(value) for name, (value, default) in values.items() if value != default}


def _value(option: Option, text: str, folder: Path) -> Any:
    if option.field in LOOKS_LIKE_FILES:
        return folder / Path(text).expanduser()
    if option.field == "repeat":
        if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= MOST_REPEATS):
            raise UsageError(f"REPEAT={text}: not a whole number from 1 to {MOST_REPEATS}", hint="REPEAT=5")
        return int(text)
    return text
