"""The clusters that promdrill has recorded, to delete one or to run drills in one again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from promdrill.cluster import lease, owners, sweep
from promdrill.cluster.owners import Owner
from promdrill.core import paths
from promdrill.core.errors import UsageError
from promdrill.drill.incident import refuse_again
from promdrill.incident import record


@dataclass(frozen=True, slots=True)
class Cluster:
    """A recorded cluster.

    Attributes:
        name: Its name.
        owner: The process that made it or works on it; None when its record cannot be read.
        scenario: The scenario whose incident is standing in it; None for no incident, empty if its record is damaged.
    """

    name: str
    owner: Owner | None
    scenario: str | None

    @property
    def words(self) -> str:
        """Its name, and what it is for."""
        if self.scenario is not None:
            return f"{self.name} ({self.scenario or 'an incident that cannot be read'}, reproduced)"
        if self.owner is not None and self.owner.kept:
            return f"{self.name} (kept)"
        if self.owner is None:
            return f"{self.name} (nobody knows whose: its record cannot be read)"
        return f"{self.name} ({'in use' if self.owner.alive else 'left by a killed run'})"


def recorded() -> list[Cluster]:
    """All recorded clusters that still exist; the records of the others are removed."""
    standing, _ = record.survey()
    scenarios = {each.cluster: each.scenario for each in standing}
    return [Cluster(folder.name, owner, scenarios.get(folder.name)) for folder, owner in owners.recorded().items()]


def find(name: str) -> Cluster:
    """The cluster of that name, or the one in which that scenario was reproduced.

    Raises:
        UsageError: There is none, or there are several; lists the candidates.
    """
    there = recorded()
    fits = [each for each in there if each.name == name] or [each for each in there if each.scenario == name]
    if not fits:
        raise UsageError(f"no cluster or standing incident {name}; {_listed(there)}", hint=_hint(there))
    if len(fits) > 1:
        raise UsageError(f"{name} was reproduced in {len(fits)} clusters; {_listed(fits)}", hint=_hint(fits))
    return fits[0]


def require_kept(name: str, scenarios: Collection[str]) -> None:
    """Make sure that drills can run again in a kept cluster.

    Args:
        name: The cluster's name.
        scenarios: Ids of the scenarios to drill in it.

    Raises:
        UsageError: promdrill has not kept it, a run uses it, it is gone, an earlier drill could not take back what it
            did there, or an incident of one of the scenarios is standing in it.
    """
    gone = sweep.forget_gone()
    there = recorded()
    said, hint = f"CLUSTER={name}", "leave CLUSTER out for a new cluster"
    found = next((each for each in there if each.name == name), None)
    if found is None:
        what = "it is gone, and its record was removed" if name in gone else "promdrill has no cluster of that name"
        if sweep.is_somebodys(name):
            what, hint = (
                "promdrill did not make this cluster",
                "ADOPT=1 beside it drills there, in own namespaces",
            )
        raise UsageError(f"{said}: {what}; {_listed(there)}", hint=hint)
    try:
        with lease.this_name(name):
            pass
    except UsageError as error:
        raise UsageError(f"{said}: in use by another run; {_listed(there)}", hint=hint) from error
    if found.owner is None:
        raise UsageError(f"{said}: its record cannot be read; {_listed(there)}", hint=hint)
    if not found.owner.kept:
        raise UsageError(f"{said}: left by a killed run, not kept; {_listed(there)}", hint=hint)
    if left := owners.not_undone(paths.clusters_dir() / name):
        what = f"{said}: it is not as it was; an earlier drill could not undo: {'; '.join(left)}"
        raise UsageError(what, hint=f"{paths.program()} clean {name}, then leave CLUSTER out")
    refuse_again(paths.clusters_dir() / name, scenarios)


def _listed(there: Sequence[Cluster]) -> str:
    if not there:
        return "there are no clusters"
    listed = ", ".join(each.words for each in there)
    return f"the only cluster is {listed}" if len(there) == 1 else f"the clusters are {listed}"


def _hint(there: Sequence[Cluster]) -> str:
    return f"{paths.program()} clean {there[0].name}" if there else ""
