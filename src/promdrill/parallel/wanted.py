"""What the markers ask for: which drills must not run at once, and which start first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import pytest

from promdrill.core.choices import OTHER_FAULT
from promdrill.core.errors import UsageError
from promdrill.core.model import Variant
from promdrill.request import markers, scenarios

D = TypeVar("D")


def alone(item: pytest.Item) -> str | None:
    """Why nothing may run beside this drill; None if it has no such marker.

    Raises:
        UsageError: The marker does not say why.
    """
    return _text(item, "alone", "what the drill changes that others share", '@pytest.mark.alone("all storage classes")')


def exclusive(item: pytest.Item) -> str | None:
    """What this drill needs for itself, so that no other drill that needs it may run at once; None if nothing.

    Raises:
        UsageError: The marker does not say what.
    """
    return _text(item, "exclusive", "what the drill uses", '@pytest.mark.exclusive("custom metrics API")')


def taken(item: pytest.Item, variant: Variant, shared: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """What this drill's install takes of the cluster, so that no other drill that takes it may run at once.

    Args:
        item: The drill.
        variant: Its variant; in the control `other-fault` the other scenario's Prometheus is installed.
        shared: As `promdrill.supply.supplied.Supplied.shared`.

    Raises:
        UsageError: The test names a scenario that does not exist.
    """
    other = scenarios.look_alike(item.path.parent) if variant.control == OTHER_FAULT else None
    return shared.get(other.id if other is not None else item.path.parent.name, ())


def long(item: pytest.Item) -> str | None:
    """What this drill waits for, so that it takes more than a minute; None if it has no such marker.

    Raises:
        UsageError: The marker does not say what.
    """
    return _text(item, "long", "what the drill waits for", '@pytest.mark.long("a window of a minute passes")')


def of_other(test: pytest.Item, variant: Variant) -> list[pytest.MarkDecorator]:
    """What the other scenario's fault needs in the control `other-fault`, as markers, unless the test has them itself.

    Raises:
        UsageError: The test names a scenario that does not exist.
    """
    other = scenarios.look_alike(test.path.parent) if variant.control == OTHER_FAULT else None
    if other is None:
        return []
    asked = markers.read(scenarios.test_in(other.test), markers.SCHEDULING).texts
    own = {mark.name for mark in test.iter_markers()}
    return [getattr(pytest.mark, name)(*texts) for name, texts in asked.items() if name not in own]


def longest_first(drills: Iterable[D], took_s: Callable[[D], float | None], long: Callable[[D], bool]) -> list[D]:
    """The order in which drills start, so that no long one is left for the end, where nothing runs beside it.

    Args:
        drills: The drills; those that rank the same keep their order.
        took_s: Seconds that a drill took last; None if unknown, in which case it starts first.
        long: Whether a drill is marked as long; among the unknown ones, these start first.
    """

    def known(drill: D) -> tuple[float, bool]:
        seconds = took_s(drill)
        return (float("inf"), long(drill)) if seconds is None else (seconds, False)

    return sorted(drills, key=known, reverse=True)


def _text(item: pytest.Item, name: str, meaning: str, example: str) -> str | None:
    """The one text of a marker, with single blanks; None if the test has no such marker."""
    marks = list(item.iter_markers(name))
    if not marks:
        return None
    args = [arg for mark in marks for arg in mark.args]
    text = " ".join(args[0].split()) if len(args) == 1 and isinstance(args[0], str) else ""
    if not text or len(marks) != 1 or marks[0].kwargs:
        raise UsageError(f"{item.nodeid}: the marker {name} takes one text, {meaning}", hint=example)
    return text
