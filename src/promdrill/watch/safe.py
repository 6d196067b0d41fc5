"""Events without terminal control characters: a line that a container has logged must not move the cursor."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from promdrill.core.events import Event, StepBegan, StepEnded
from promdrill.core.terminal import one_line

T = TypeVar("T")


def safe(event: Event) -> Event:
    """The event with each of its texts on one printable line; only the first of a step's commands, and no output."""
    if isinstance(event, StepBegan):
        event = replace(event, command=_first(event.command))
    elif isinstance(event, StepEnded):
        event = replace(event, step=replace(event.step, command=_first(event.step.command), output=""))
    return _cleaned(event)


def _first(command: str) -> str:
    return next((line for line in command.splitlines() if line.strip()), "")


def _cleaned(value: T) -> T:
    """Texts cleaned, wherever they are."""
    made: Any = value
    if type(made) is str:
        made = one_line(made)
    elif isinstance(made, tuple):
        made = tuple(map(_cleaned, made))
    elif is_dataclass(made) and not isinstance(made, type):
        made = replace(made, **{item.name: _cleaned(getattr(made, item.name)) for item in fields(made)})
    return made  # type: ignore[no-any-return]
