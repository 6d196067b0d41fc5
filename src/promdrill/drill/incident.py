"""The record of an incident that was left standing, so that a later process can judge a repair as the drill would.

It is one JSON file in the cluster's state folder. It has no conditions: the scenario's own test makes them again from
the recorded moments. It does not say how to undo the drill either: the cluster is deleted as a whole.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from promdrill.cluster import owners
from promdrill.core import files, paths, records
from promdrill.core.errors import UsageError
from promdrill.drill.baseline import Memory
from promdrill.drill.plan import Moments

SCHEMA = 4
"""Version of the file's format; raised when a field is added, removed or changes its meaning."""

FILE = "incident.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An incident that was reproduced, proven, and left standing.

    Attributes:
        scenario: The scenario's id.
        scenario_dir: Its folder.
        title: The runbook's title.
        folder: The drill's folder in the reports, with its journal, and its values or manifests.
        runbook: The runbook.
        own_runbook: Whether the user gave it instead of the scenario's.
        bound: Values for its placeholders, by name.
        profile: Kind configuration of the cluster.
        chart: Name and version of the chart.
        app_version: Version of Prometheus according to its build info; None when unknown.
        environment: Variables of the runbook's steps: its own, and those that name the drilled Prometheus.
        server: Names that commands need: `namespace`, `container`, `service`, `port`.
        signature: What was last seen of each condition, by stage and by the condition's name.
        moments: The drill's moments so far; `remediating` is when the incident was left to be repaired.
        memory: What the baseline showed.
    """

    scenario: str
    scenario_dir: Path
    title: str
    folder: Path
    runbook: Path
    own_runbook: bool
    bound: Mapping[str, str]
    profile: str
    chart: str
    app_version: str | None
    environment: Mapping[str, str]
    server: Mapping[str, str]
    signature: Mapping[str, Mapping[str, str]]
    moments: Moments
    memory: Memory

    def write(self, folder: Path) -> Path:
        """Write the record into a folder, which is created if missing. A crash leaves all of it or nothing.

        Returns:
            The file.
        """
        folder.mkdir(parents=True, exist_ok=True)
        return files.write(folder / FILE, records.dumps({"schema": SCHEMA, **records.dump(self)}))

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read what `write` wrote.

        Raises:
            UsageError: It does not exist, is damaged, or was written by another version of promdrill.
        """
        file = folder / FILE
        try:
            data = records.parse(file.read_bytes())
            schema = data.pop("schema")
            if schema == SCHEMA:
                return records.load(cls, data)
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            text = " ".join(str(error).split())
            message = f"{file}: cannot be read as the record of an incident: {text}"
            raise UsageError(message, hint=f"{paths.program()} clean {folder.parent.name}") from error
        raise UsageError(
            f"{file}: written by another version of promdrill (schema {schema}, this one reads {SCHEMA})",
            hint=f"use the version that wrote it, or {paths.program()} clean {folder.parent.name}",
        )


def refuse_again(cluster: Path, scenarios: Collection[str]) -> None:
    """Refuse to drill a scenario in a cluster where its incident stands: a drill begins by emptying its namespace.

    Args:
        cluster: The cluster's folder.
        scenarios: Ids of the scenarios to drill.

    Raises:
        UsageError: The incident of one of them stands there, or the record of the incident there cannot be read.
    """
    folder = cluster / owners.INCIDENT
    if not (folder / FILE).is_file():
        return
    found = Incident.read(folder)
    if found.scenario in scenarios:
        message = f"the incident of {found.scenario} stands in cluster {cluster.name}, and its drill would remove it"
        raise UsageError(message, hint=f"other scenarios, or {paths.program()} clean {cluster.name}")
