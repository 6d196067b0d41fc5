"""The command that repeats a drill."""

from __future__ import annotations

from pathlib import PurePath

from promdrill.core import paths
from promdrill.core.choices import ACCEPTED, REFUSED
from promdrill.core.redact import without_login
from promdrill.report.html.load import Column, Drill

_OF_RESULTS = ("SCENARIO", "KUBE_VERSION", "SUPPLY", "PROFILE", "CONTROL")
"""Variables that come from a result; all others are the settings of the run, if they are known."""

_TARGETS = {"without:": "ablate", REFUSED: "repairs", ACCEPTED: "repairs"}
"""The target that runs a variant with others of its kind, by what the variant begins with."""

_SUPPLIES = frozenset({"source", "registry"})


def reproduce(drill: Drill, column: Column) -> str:
    """A line to paste: a make target with its variables, or the subcommand if there is no checkout."""
    result = drill.result
    control = drill.control
    variants = next((target for begin, target in _TARGETS.items() if (control or "").startswith(begin)), None)
    known = {name: value for name, value in column.options.items() if name not in {*_OF_RESULTS, "JOBS", "REPEAT"}}
    said = {name: without_login(value) for name, value in known.items()}
    if column.run is not None:
        said["KUBE_VERSION"] = column.run.kubernetes
        said["SUPPLY"] = column.run.supply if column.run.supply in _SUPPLIES else ""
    if result is not None and result.profile == "as-shipped":
        said["PROFILE"] = result.profile
    if result is not None:  # a user's own runbook has an absolute path
        own = (step.file for step in result.steps if PurePath(step.file).is_absolute())
        said.setdefault("RUNBOOK", next(own, ""))
    if control is not None and variants is None:
        said["CONTROL"] = control
    return paths.command(variants or "test-scenarios", SCENARIO=drill.scenario, **dict(sorted(said.items())))
