"""The record of an incident that was left standing, so that a later process can judge a repair as the drill would.

It is one JSON file in the cluster's state folder. It has no conditions: the scenario's own test makes them again from
the recorded moments. It does not say how to undo the drill either: the cluster is deleted as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from promdrill.cluster import owners
from promdrill.core import files, paths
from promdrill.core.errors import UsageError
from promdrill.drill.baseline import Memory
from promdrill.drill.plan import Moments
from promdrill.observe.prometheus import Remembered

SCHEMA = 1
"""Version of the file's format; raised when a field is added, removed or changes its meaning."""

FILE = "incident.json"

_NO_TIMES = frozenset({"pod", "pod_uid", "restarts"})
"""Fields of `Moments` that are not times."""


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
        text = json.dumps({"schema": SCHEMA, **asdict(self)}, default=_plain, indent=2) + "\n"
        return files.write(folder / FILE, text)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read what `write` wrote.

        Raises:
            UsageError: It does not exist, is damaged, or was written by another version of promdrill.
        """
        file = folder / FILE
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
            schema = data.pop("schema")
            if schema == SCHEMA:
                return cls(**_restored(data))
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            text = " ".join(str(error).split()) or type(error).__name__
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


def _plain(value: object) -> Any:
    """A JSON form of a value that JSON does not know."""
    if isinstance(value, datetime):
        return _iso(value)
    if isinstance(value, frozenset):  # labels of a series, or the answer to a query
        return [list(item) for item in sorted(value, key=repr)]
    return str(value)


def _iso(moment: datetime) -> str:
    """A UTC moment to the microsecond: `promdrill.core.clock.iso` rounds, and conditions compare moments."""
    return moment.astimezone(UTC).isoformat()


def _restored(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields, each of its own type; KeyError, TypeError or ValueError if that fails."""
    places = {name: Path(data[name]) for name in ("scenario_dir", "folder", "runbook")}
    moments: dict[str, Any] = {
        name: value if value is None or name in _NO_TIMES else _moment(value) for name, value in data["moments"].items()
    }
    found = data["memory"]
    memory = Memory(
        float(found["interval_s"]), _moment(found["began"]), tuple(found["jobs"]), tuple(map(_early, found["early"]))
    )
    maps = {name: dict(data[name]) for name in ("environment", "server", "signature")}
    return {**data, **places, **maps, "moments": Moments(**moments), "memory": memory}


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return moment


def _early(data: Mapping[str, Any]) -> Remembered:
    result = {(frozenset((str(k), str(v)) for k, v in labels), float(value)) for labels, value in data["result"]}
    return Remembered(str(data["promql"]), float(data["at_s"]), frozenset(result))
