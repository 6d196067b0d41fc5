"""Time intervals of Alertmanager: when a route tells nobody, or when alone it tells somebody.

They are about the clock and the calendar, so they cannot be made faster. The fields and their limits are those of
timeinterval/timeinterval.go. Names of time zones are not checked: this machine may not have the zones that
Alertmanager has.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from promdrill.alerts.strict import Part

_FIELDS = ("times", "weekdays", "days_of_month", "months", "years", "location")
_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00")
_NUMBER = re.compile(r"-?[0-9]{1,9}")
_LAST_DAY = 31
_SHORTEST_MONTH = 28


def read(part: Part) -> tuple[str, dict[str, Any]]:
    """The name of an item of `time_intervals`, and the item as it is written for Alertmanager.

    Raises:
        UsageError: Alertmanager would refuse it.
    """
    fields = part.fields(("name", "time_intervals"))
    if "name" not in fields:
        raise part.wrong("a time interval without a name", "name: nights")
    name = fields["name"].text()
    intervals = fields["time_intervals"].items("a time interval") if "time_intervals" in fields else []
    return name, {"name": name, "time_intervals": [_interval(each) for each in intervals]}


def _interval(part: Part) -> dict[str, Any]:
    fields = part.fields(_FIELDS)
    found: dict[str, Any] = {}
    if "times" in fields:
        found["times"] = [_times(each) for each in fields["times"].items("an item of times")]
    for name, (member, check) in _RANGES.items():
        if name in fields:
            items = fields[name].items(f"an item of {name}")
            found[name] = [_range(each, member, check) for each in items]
    if "location" in fields:
        found["location"] = fields["location"].text()
    return found


def _times(part: Part) -> dict[str, str]:
    fields = part.fields(("start_time", "end_time"))
    if len(fields) < len(("start_time", "end_time")):
        raise part.wrong("an item of times needs start_time and end_time", '{start_time: "09:00", end_time: "17:00"}')
    found = {}
    for name, each in fields.items():
        found[name] = each.text()
        if not _TIME.fullmatch(found[name]):
            raise each.mistaken("not a time of the day", '"09:00", up to "24:00"')
    if found["start_time"] >= found["end_time"]:
        what = f"{found['end_time']} is not after {found['start_time']}"
        raise part.wrong(what, "make two items of it: one ends at 24:00, the next begins at 00:00")
    return found


def _range(part: Part, member: Callable[[str], int | None], check: Callable[[int, int], str]) -> str:
    text = part.text()
    ends = [member(each) for each in text.lower().split(":")]
    first, last = ends[0], ends[-1]
    if len(ends) > len(("first", "last")) or first is None or last is None:
        raise part.mistaken("neither one nor a range, such as first:last", "monday:friday, 1:15 or january")
    if wrong := check(first, last):
        raise part.mistaken(wrong, "the first one comes first")
    return text


def _number(text: str) -> int | None:
    return int(text) if _NUMBER.fullmatch(text) else None


def _day(text: str) -> int | None:
    return _DAYS.index(text) if text in _DAYS else None


def _month(text: str) -> int | None:
    return _MONTHS.index(text) + 1 if text in _MONTHS else _number(text)


def _in_order(first: int, last: int) -> str:
    return "" if first <= last else "the end is before the beginning"


def _days_of_month(first: int, last: int) -> str:
    if not all(1 <= abs(day) <= _LAST_DAY for day in (first, last)):
        return "a day of the month is 1 to 31, or -1 to -31 from its end"
    if first < 0 < last:
        return "an end that counts from the beginning, after a beginning that counts from the end"
    first, last = (day if day > 0 else _SHORTEST_MONTH + day for day in (first, last))
    return _in_order(first, last)


_RANGES: dict[str, tuple[Callable[[str], int | None], Callable[[int, int], str]]] = {
    "weekdays": (_day, _in_order),
    "days_of_month": (_number, _days_of_month),
    "months": (_month, _in_order),
    "years": (_number, _in_order),
}
