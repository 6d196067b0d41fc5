"""Drills in a cluster that promdrill did not make: which of them may run there, and with which settings.

What a scenario needs outside its namespace its marker `cluster_wide` says; what its chart would install there shows
when it is rendered. Both are refused before anything starts. `promdrill.cluster.rights` holds a drill to that later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from promdrill.cluster import rights
from promdrill.core.errors import UsageError
from promdrill.core.model import INSTALLS
from promdrill.helm.values.render import NAMESPACE
from promdrill.install.needs import Needs
from promdrill.request.scenarios import ScenarioFolder, find_all, traits

PROFILE = "as-shipped"
"""The profile of an adopted cluster: its kubelet waits as long as a kubelet usually does."""

VALUES: Mapping[str, Any] = {"rbac": {"create": False}}
"""Values over all others: no ClusterRole for Prometheus, which then can ask the API server nothing."""

_INSTALLS = {
    "manual": "its install has a PersistentVolume, ClusterRoles and a folder on the node",
    "operator": "its install has custom resource definitions and ClusterRoles",
}


def needs(scenario: Path) -> tuple[str, ...]:
    """What a scenario needs outside its namespace, in words; empty for nothing.

    Args:
        scenario: Its folder.

    Raises:
        UsageError: Its test cannot be read.
    """
    told = traits(ScenarioFolder(scenario.name, scenario).test)
    installs = (_INSTALLS[told.install],) if told.install and told.install != INSTALLS[0] else ()
    return (*installs, *told.cluster_wide)


def refuse(scenarios: Sequence[Path]) -> None:
    """Refuse scenarios that need anything outside their namespace.

    Args:
        scenarios: Their folders.

    Raises:
        UsageError: One does: names each, with the reason.
    """
    found = {each.name: needs(each) for each in scenarios}
    lines = [f"  {name}: {'; '.join(why)}" for name, why in found.items() if why]
    if not lines:
        return
    fit = [name for name, why in found.items() if not why] or [each.id for each in find_all() if not needs(each.folder)]
    raise UsageError(
        "\n".join(["ADOPT=1: these drills need something that the whole cluster shares:", *lines]),
        hint=f"SCENARIO={','.join(fit)}",
    )


def refuse_needs(found: Mapping[str, Needs]) -> None:
    """Refuse values that name what the whole cluster would have to get: labels of a node, classes, kinds of others.

    Args:
        found: What each scenario's objects need.

    Raises:
        UsageError: Some need that: names all of it.
    """
    made = (each.name for need in found.values() for each in need.made if each.shared)
    labels = (f"the node label {label}" for need in found.values() for label in need.labels)
    if wanted := [*dict.fromkeys((*made, *labels))]:
        what = f"ADOPT=1: the values name what promdrill would have to make in the cluster: {', '.join(wanted)}"
        raise UsageError(what, hint="values that leave it out, in VALUES or SET")


def inspect(scenario: str, objects: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a chart that would install anything outside the namespace of its drill.

    Args:
        scenario: The scenario's id.
        objects: What the chart renders to.

    Raises:
        UsageError: It would: names all of it.
    """
    found = [said for said in (rights.outside(obj, NAMESPACE) for obj in objects) if said]
    if found:
        raise UsageError(
            f"ADOPT=1: {scenario} would install what is not in its namespace alone: {'; '.join(found)}",
            hint="values that leave it out, in VALUES; or another scenario",
        )
