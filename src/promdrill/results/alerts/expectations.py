"""Reads alerts.toml: which alerts have to tell of an incident, and when; and which must not fire.

    [[expect]]
    scenario = "disk-full"
    alert = "KubePersistentVolumeFillingUp"
    within = "2m"
    after = "fault"

Durations are the operator's time, in Prometheus' notation. `promdrill.results.alerts.judge` judges.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, NoReturn

from promdrill.core import durations, reading, toml_read
from promdrill.core.alerts import Evaluator
from promdrill.core.choices import nearest
from promdrill.core.errors import UsageError, shortened
from promdrill.core.toml_lines import Lines
from promdrill.results.alerts.marks import Mark

FILE_NAME = "alerts.toml"

TABLE = "expect"
"""Name of the tables, one for each expectation."""

ANY = "*"
"""Stands for every scenario."""

KEYS = ("scenario", "alert", "within", "before", "after", "seen_by", "must_not_fire", "must_resolve", "notify")
"""The keys of an expectation."""

_FIRING = ("within", "before", "after", "must_resolve", "notify")
"""Keys that ask for an alert that fires."""

_SHOWN = 80  # characters of a value in a message
_DURATION = '"2m"'


class SeenBy(StrEnum):
    """Which Prometheus has to see an alert fire; `EITHER`: one of the two is enough."""

    INSIDE = "inside"
    WITNESS = "witness"
    EITHER = "either"

    @property
    def evaluators(self) -> tuple[Evaluator, ...]:
        """Those whose word counts."""
        return tuple(Evaluator) if self is SeenBy.EITHER else (Evaluator(self.value),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One ``[[expect]]``. Durations are seconds of the operator's.

    Attributes:
        scenario: Id of the scenario, or `ANY`.
        alert: The alert's name.
        within_s: At the latest so long before or after `mark`; None where it only has to fire.
        mark: The moment that `within_s` is relative to; None for none.
        before: Whether the alert has to fire before that moment.
        seen_by: Which Prometheus has to see it.
        must_not_fire: Whether it must not fire at all, neither before the fault nor after it.
        resolve_within_s: How long after recovery it must be resolved; None for no matter.
        notify: Name of the receiver that must be notified; empty for none.
        only_if_fired: Whether it asks nothing of an alert that did not fire: so do runbooks, and not alerts.toml.
        place: Where it is written: ``alerts.toml:7``.
    """

    scenario: str
    alert: str
    within_s: float | None = None
    mark: Mark | None = None
    before: bool = False
    seen_by: SeenBy = SeenBy.EITHER
    must_not_fire: bool = False
    resolve_within_s: float | None = None
    notify: str = ""
    only_if_fired: bool = False
    place: str = ""

    def about(self, scenario: str) -> bool:
        """Whether it is about this scenario."""
        return self.scenario in {ANY, scenario}


def read(file: Path) -> tuple[Expectation, ...]:
    """Read alerts.toml.

    Args:
        file: The file.

    Raises:
        UsageError: It cannot be read or is wrong: names file and line, what is wrong, and what would be right.
    """
    text = reading.text_of(file)
    return _Reader(file, Lines(text)).expectations(toml_read.value_of(text, said=str(file)))


def require_known(
    expectations: Iterable[Expectation], *, alerts: Collection[str] = (), scenarios: Collection[str] = ()
) -> None:
    """Refuse an expectation that nothing can meet or break: one of an alert that no rule has, or of no scenario.

    Args:
        expectations: What is expected.
        alerts: Names of all alerting rules; empty if they are not known.
        scenarios: Ids of all scenarios; empty if they are not known.

    Raises:
        UsageError: Names the line and the nearest name.
    """
    for each in expectations:
        if alerts and each.alert not in alerts:
            text = f"{each.place}: no rule has the alert {shortened(each.alert, _SHOWN)}"
            raise UsageError(text, hint=f"alert = {_toml(nearest(each.alert, sorted(alerts)))}")
        if scenarios and each.scenario not in {ANY, *scenarios}:
            text = f"{each.place}: no scenario is called {shortened(each.scenario, _SHOWN)}"
            raise UsageError(text, hint=f"scenario = {_toml(nearest(each.scenario, sorted(scenarios)))}")


class _Reader:
    def __init__(self, file: Path, lines: Lines) -> None:
        self._file = file
        self._lines = lines

    def expectations(self, data: Mapping[str, Any]) -> tuple[Expectation, ...]:
        for key in data:
            if key != TABLE:
                line = self._lines.of(key)
                raise UsageError(f"{self._file}:{line}: {shortened(key, _SHOWN)}: not a key", hint=f"[[{TABLE}]]")
        tables = data.get(TABLE, [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            line = self._lines.of(TABLE)
            raise UsageError(f"{self._file}:{line}: {TABLE}: each one needs its own header", hint=f"[[{TABLE}]]")
        if not tables:
            raise UsageError(f"{self._file}:1: has no [[{TABLE}]]", hint="promdrill alerts propose")
        seen: dict[Expectation, str] = {}
        for number, table in enumerate(tables):
            found = self._expectation(number, table)
            bare = replace(found, place="")
            if bare in seen:
                raise UsageError(f"{found.place}: the same as {seen[bare]}", hint="remove one")
            seen[bare] = found.place
        return tuple(replace(each, place=place) for each, place in seen.items())

    def _expectation(self, number: int, table: Mapping[str, Any]) -> Expectation:
        for key in table:
            if key not in KEYS:
                self._fail(number, key, f"not a key of [[{TABLE}]]", nearest(key, KEYS))
        must_not_fire = self._flag(number, table, "must_not_fire")
        if must_not_fire:
            for key in _FIRING:
                if key in table:
                    self._fail(number, key, "asks for an alert that fires, and must_not_fire for none", f"no {key}")
        mark, before = self._mark(number, table)
        within_s = self._duration(number, table, "within")
        if mark is None and within_s is not None:
            self._fail(number, "within", "says no moment", 'after = "fault"')
        if mark is not None and within_s is None and not before:
            self._fail(number, "after", "does not say how long after it", f"within = {_DURATION}")
        return Expectation(
            scenario=self._text(number, table, "scenario"),
            alert=self._text(number, table, "alert"),
            within_s=0.0 if before and within_s is None else within_s,
            mark=mark,
            before=before,
            seen_by=SeenBy(self._one_of(number, table, "seen_by", SeenBy, SeenBy.EITHER)),
            must_not_fire=must_not_fire,
            resolve_within_s=self._duration(number, table, "must_resolve"),
            notify=self._text(number, table, "notify") if "notify" in table else "",
            place=f"{self._file}:{self._lines.of(None, TABLE, number)}",
        )

    def _mark(self, number: int, table: Mapping[str, Any]) -> tuple[Mark | None, bool]:
        """The moment that an alert is judged by, and whether it has to come before it."""
        if "before" in table and "after" in table:
            self._fail(number, "after", "there is a before too", "one of the two")
        for key in ("before", "after"):
            if key in table:
                return Mark(self._one_of(number, table, key, Mark, Mark.FAULT)), key == "before"
        return None, False

    def _text(self, number: int, table: Mapping[str, Any], key: str) -> str:
        value = table.get(key)
        if value is None:
            self._fail(number, None, f"{key} is missing", f'{key} = "..."')
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            self._fail(number, key, f"{_toml(value)}: not a name", f'{key} = "..."')
        return value

    def _flag(self, number: int, table: Mapping[str, Any], key: str) -> bool:
        value = table.get(key, False)
        if not isinstance(value, bool):
            self._fail(number, key, f"{_toml(value)}: neither true nor false", f"{key} = true")
        return value

    def _one_of(self, number: int, table: Mapping[str, Any], key: str, valid: Iterable[str], default: str) -> str:
        value, choices = table.get(key, default), list(valid)
        if value not in choices:
            near = nearest(value, choices) if isinstance(value, str) else choices[0]
            self._fail(number, key, f"{_toml(value)}: not one of {', '.join(choices)}", f"{key} = {_toml(near)}")
        return str(value)

    def _duration(self, number: int, table: Mapping[str, Any], key: str) -> float | None:
        if key not in table:
            return None
        value = table[key]
        hint = f"{key} = {_DURATION}"
        if not isinstance(value, str):
            self._fail(number, key, f"{_toml(value)}: not a duration, which is a text", hint)
        try:
            return durations.parse(value)
        except ValueError as error:
            self._fail(number, key, f"{_toml(value)}: {error}", hint)

    def _fail(self, number: int, key: str | None, what: str, hint: str) -> NoReturn:
        line = self._lines.of(key, TABLE, number)
        where = f"{shortened(key, _SHOWN)}: " if key else ""
        raise UsageError(f"{self._file}:{line}: {where}{what}", hint=hint)


def _toml(value: Any) -> str:
    """A value as it is probably written."""
    if isinstance(value, bool):
        return str(value).lower()
    return shortened(f'"{value}"' if isinstance(value, str) else str(value), _SHOWN)
