"""What becomes of the user's values: what was overridden, replaced, made and added, and what has no effect.

One row for each, with the file and line of the value and the reason; for `promdrill plan`, and once per run. What is
added is a short list by reasons, as it is much, and little of it is of interest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from promdrill.core.redact import redact
from promdrill.helm.compatibility.table import keys, text_of
from promdrill.helm.values import Dead, Why, nesting
from promdrill.helm.values.user import Own, shown
from promdrill.install.needs import Needs
from promdrill.request.planning import Planned
from promdrill.results.table import WIDTH, Table, wrap

_KIND = 10  # columns of the longest word for a kind
_NAMED = 3  # scenarios that a row names; with more it counts them


class Kind(Enum):
    """What happened."""

    NESTED = "nested"
    """The user's file is one of a GitOps tool or an umbrella chart, and the values are below this key."""
    OVERRIDDEN = "overridden"
    """The user's value is not used: the drill needs another one."""
    DEAD = "dead"
    """No template of the chart reads the user's key, or the same key follows further down."""
    REPLACED = "replaced"
    """Something else runs than the chart names."""
    MADE = "made"
    """Something that the values name, and nobody makes: promdrill does."""
    ADDED = "added"
    """The drill sets a value where the user sets none."""


STRICT = frozenset({Kind.OVERRIDDEN, Kind.DEAD})
"""What ``promdrill plan --strict`` does not accept."""


@dataclass(frozen=True, slots=True)
class Change:
    """One row.

    Attributes:
        kind: What happened.
        key: The key of the value, in the notation of Helm's ``--set``; empty for what has none.
        yours: The user's value in YAML; empty for none. What looks like a credential is not shown.
        drills: The drill's value likewise, or for a dead key the one that was probably meant.
        place: The file and line of the user's value; empty for none.
        why: The reason, in words.
        scenarios: The scenarios in whose drills it happens; empty for all.
    """

    kind: Kind
    key: str = ""
    yours: str = ""
    drills: str = ""
    place: str = ""
    why: str = ""
    scenarios: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """The row as data."""
        fields = ("key", "yours", "drills", "place", "why")
        said = {name: value for name in fields if (value := getattr(self, name))}
        return {"kind": self.kind.value, **said, "scenarios": list(self.scenarios)}


def changes(planned: Planned, own: Own | None) -> tuple[Change, ...]:
    """The rows of a plan, the most important first; none if no drill installs a chart.

    Args:
        planned: What the drills install.
        own: The user's values, for the places of what they name.
    """
    if planned.plan is None:
        return ()
    plan, every = planned.plan, frozenset(planned.plan.added)
    overridden = _grouped(
        {
            name: [
                Change(Kind.OVERRIDDEN, each.path, _value(each.path, each.theirs), each.drills, each.place, each.why)
                for each in conflicts
            ]
            for name, conflicts in plan.conflicts.items()
        },
        every,
    )
    added = _grouped(
        {
            name: [
                Change(Kind.ADDED, path, drills=_value(path, each.value), why=each.why.value)
                for path, each in values.items()
            ]
            for name, values in plan.added.items()
        },
        every,
    )
    dead = (Change(Kind.DEAD, each.path, drills=each.belongs, place=each.place, why=_dead(each)) for each in plan.dead)
    replaced = (Change(Kind.REPLACED, why=remark) for remark in plan.remarks)
    made = _grouped({name: list(_made(needs, own)) for name, needs in planned.needs.items()}, every)
    return (*nested(own), *overridden, *dead, *made, *replaced, *added)


def lines(found: Sequence[Change], width: int | None = None) -> list[str]:
    """The rows for a terminal: a table, or a paragraph for each where that is too wide; what is added comes last.

    Args:
        found: The rows.
        width: The terminal's width; None for no limit, as in a pipe.
    """
    rows = [_cells(each) for each in found if each.key and each.kind is not Kind.ADDED]
    table = Table(("", "key", "yours", "the drill's", "where", "why"), rows)
    if width is not None and table.width > width:
        shown = [line for row in rows for line in _paragraph(row, width)]
    else:
        shown = table.text() if rows else []
    said = [each.why for each in found if not each.key]
    if width is not None:
        said = [line for each in said for line in wrap(each, width)]
    return [*shown, *said, *_added([each for each in found if each.kind is Kind.ADDED], width or WIDTH)]


def counted(found: Sequence[Change]) -> str:
    """How many there are of each kind, in words."""
    counts = Counter(each.kind for each in found)
    said = [f"{counts[kind]} {kind.value}" for kind in Kind if counts[kind]]
    return ", ".join(said) or "The drills use your values as they are, and set none of their own."


def one_at_a_time(taken: Iterable[Collection[str]]) -> str | None:
    """Which drills cannot run at once, in a sentence; None where none is kept from it.

    Args:
        taken: For each drill what its install takes of the cluster, as `promdrill.install.shared.shared` says it.
    """
    counts = Counter(each for names in taken for each in names)
    found = [each for each, count in counts.items() if count > 1]
    if not found:
        return None
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return f"{max(counts.values())} drills run one after the other: each takes {found[0]}{more}, which there is once."


def _cells(each: Change) -> tuple[str, ...]:
    drills = each.drills if each.kind is not Kind.DEAD else ""
    place, why = each.place.removeprefix("VALUES="), f"{_scenarios(each.scenarios)}{each.why}"
    return (each.kind.value, each.key, each.yours, drills, place, why)


def _paragraph(cells: Sequence[str], width: int) -> list[str]:
    """A row as a line with its key, and below that all else."""
    kind, key, yours, drills, place, why = cells
    pairs = (("", place), ("yours: ", yours), ("the drill's: ", drills), ("", why))
    return [
        f"{kind:{_KIND}}  {key}",
        *wrap("; ".join(f"{name}{value}" for name, value in pairs if value), width, first=4),
    ]


def _added(found: Sequence[Change], width: int) -> Iterator[str]:
    """What is added, by the reasons, first what all drills set.

    Parts that are off are told by their names, all else as `above.{one, other}: value`.
    """
    if found:
        yield "added, where you set nothing:"
    for why in Why:
        rows = sorted((each for each in found if each.why == why.value), key=lambda each: bool(each.scenarios))
        if rows:
            yield f"  {'off, ' if why is Why.OFF else ''}as {why.value}:"
        if why is Why.OFF:
            names = (f"{text_of(keys(each.key)[:-1])}{_in(each.scenarios)}" for each in rows)
            yield from wrap(", ".join(names), width, first=4)
        else:
            for line in _together(rows):
                yield from wrap(line, width, first=4, rest=6)


def _together(rows: Iterable[Change]) -> Iterator[str]:
    """Lines of keys and values: keys beside each other that have the same value in the same scenarios, as one."""
    same: dict[tuple[str, str, Sequence[str]], list[str]] = {}
    for each in rows:
        path = keys(each.key)
        same.setdefault((text_of(path[:-1]), each.drills, each.scenarios), []).append(text_of(path[-1:]))
    for (above, value, scenarios), names in same.items():
        below = names[0] if len(names) == 1 else f"{{{', '.join(names)}}}"
        yield f"{above}.{below}: {value}{_in(scenarios)}".removeprefix(".")


def _in(names: Sequence[str]) -> str:
    return f" ({_scenarios(names).removesuffix(': ')})" if names else ""


def nested(own: Own | None) -> Iterator[Change]:
    """A row for each of the user's files of which only a part is meant."""
    for file in own.files if own is not None else ():
        if file.steps:
            place = f"{file.said}:{nesting.line_of(file.part)}"
            yield Change(Kind.NESTED, nesting.text_of(file.steps), place=place, why="your values are what is below it")


def _made(needs: Needs, own: Own | None) -> Iterable[Change]:
    for each in needs.made:
        yield Change(Kind.MADE, each.name, place=_named(own, str(each.body["metadata"]["name"])), why=each.why)
    for label, (value, why) in needs.labels.items():
        yield Change(Kind.MADE, f"node label {label}", drills=value, place=_named(own, value), why=why)


def _named(own: Own | None, value: str) -> str:
    return own.place_of(value) if own is not None else ""


def _grouped(found: Mapping[str, Sequence[Change]], every: frozenset[str]) -> Iterable[Change]:
    """Rows that are the same in several scenarios, once each."""
    scenarios: dict[Change, list[str]] = {}
    for name, rows in found.items():
        for row in rows:
            scenarios.setdefault(row, []).append(name)
    for row, names in scenarios.items():
        where = () if every == frozenset(names) else tuple(names)
        yield Change(row.kind, row.key, row.yours, row.drills, row.place, row.why, where)


def _scenarios(names: Sequence[str]) -> str:
    if not names:
        return ""
    return f"{', '.join(names)}: " if len(names) <= _NAMED else f"{len(names)} scenarios: "


def _dead(each: Dead) -> str:
    if each.again is not None:
        return f"line {each.again} has the same key, and counts"
    return f"no template reads it; did you mean {each.belongs}?" if each.belongs else "no template reads it"


def _value(path: str, value: Any) -> str:
    key = path.rpartition(".")[2]
    return shown(redact({key: value})[key])
