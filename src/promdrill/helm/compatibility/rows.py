"""The rows of the table in `promdrill.helm.compatibility.table`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from packaging.specifiers import SpecifierSet


class Kind(Enum):
    """What a row means, and so how to read its `what` and `detail`."""

    MOVED = "moved"
    """The key `what` of 25.8.0, with everything below it, is called `detail` there; both are set."""
    SAID = "said"
    """`what` with that value (YAML after the key) is said by `detail` with its own there; `MOVED` says the others."""
    DEFAULT = "default"
    """`what` must be `detail` (YAML) there for drills to work as in 25.8.0; scenario and user may override it."""
    SCRAPES = "scrapes"
    """As `DEFAULT`, for a drill whose scrape jobs are the scenario's: nothing else may be scraped, or count twice."""
    NEED = "need"
    """`what` must stay `detail` (YAML; empty for the chart's own) in every drill: names, paths."""
    IMPLIED = "implied"
    """As `NEED`, where the user says `what`, a key with its value (YAML): `detail` is another key with its own."""
    ONE = "one"
    """As `NEED`, unless each replica has a volume of its own, as a StatefulSet's have: `what` is their number."""
    TOGETHER = "together"
    """As `NEED`, where there are several replicas: the drill's cluster has one node, and all of them run on it."""
    YIELD = "yield"
    """What a scenario sets for `what` only makes a drill quicker; the user's own value counts. `detail` is empty."""
    SWITCH = "switch"
    """`what` turns a component on or off; its other values are below `detail`."""
    FEATURE = "feature"
    """The feature `what` exists there; `detail` is the value key that needs it, or words where no key does."""


FIXED = frozenset({Kind.NEED, Kind.ONE, Kind.TOGETHER})
"""What a row of these kinds says is the drill's, whatever a user says, where the row applies."""


@dataclass(frozen=True, slots=True)
class Difference:
    r"""One row of the table.

    Attributes:
        chart: Name of the chart.
        versions: Versions of it that the row applies to.
        kind: How `what` and `detail` are read.
        what: A value key (dots within a name as ``\.``, as Helm's --set has it), or the name of a feature.
        detail: As `kind` says.
        source: How this is known.
    """

    chart: str
    versions: SpecifierSet
    kind: Kind
    what: str
    detail: str
    source: str


def row(versions: str, kind: Kind, what: str, detail: str, source: str, *, chart: str = "prometheus") -> Difference:
    """A row; `versions` is a specifier set of Python's packaging."""
    return Difference(chart, SpecifierSet(versions), kind, what, detail, source)
