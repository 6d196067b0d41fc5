"""The unit tests of our alerts once more, each time with one scrape that fails.

A scrape that fails ends each series of its target until the next one, and `up` is 0. On a busy machine that happens
now and then, and an alert must neither end nor begin its ``for`` anew because of it. So wherever a unit test has an
alert fire, it has to fire as well whichever one of the last scrapes failed; what its annotations say may differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from promdrill.core import durations

STALE = "stale"
"""promtool's word for a series that has ended."""

LAST = 6
"""How many scrapes until an alert fires are taken in turn: what is asked at one moment, and each ``for`` but the
longest, reach no further back."""


def unit_tests(given: Mapping[str, Any], rules: str) -> dict[str, Any]:
    """Unit tests for promtool, from those of another file.

    Args:
        given: The content of that file. Its cases have the intervals of its `evaluation_interval`.
        rules: The rule file, as promtool is to find it.
    """
    return {
        "rule_files": [rules],
        "evaluation_interval": given["evaluation_interval"],
        "tests": [failed for case in given["tests"] for failed in _with_one_failed(case)],
    }


def _with_one_failed(case: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    interval_s = durations.parse(case["interval"])
    firing = {
        round(durations.parse(each["eval_time"]) / interval_s): each
        for each in case["alert_rule_test"]
        if each["exp_alerts"]
    }
    last = max(firing, default=-1)
    for number in range(max(0, last + 1 - LAST), last + 1):
        yield {
            "name": f"{case['name']}; scrape {number} fails",
            "interval": case["interval"],
            "input_series": [_failed(each, number) for each in case["input_series"]],
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertname="{each["alertname"]}",alertstate="firing"}})',
                    "eval_time": each["eval_time"],
                    "exp_samples": [{"labels": "{}", "value": len(each["exp_alerts"])}],
                }
                for at, each in firing.items()
                if number <= at
            ],
        }


def _failed(given: Mapping[str, str], number: int) -> dict[str, str]:
    """A series in which that scrape fails, if there is one."""
    values = expanded(given["values"])
    if number < len(values) and values[number] != "_":
        values[number] = "0" if given["series"].startswith("up{") else STALE
    return {"series": given["series"], "values": " ".join(values)}


def expanded(written: str) -> list[str]:
    """The samples that promtool reads in its short form, one by one: ``1+2x2`` is 1, 3, 5.

    Only what our tests use: nothing that begins below zero.
    """
    found: list[str] = []
    for each in written.split():
        value, times, count = each.partition("x")
        if not times:
            found.append(value)
        elif value == "_":
            found.extend(value for _ in range(int(count)))
        else:
            sign = "-" if "-" in value[1:] else "+"
            first, _, step = value.partition(sign)
            by = float(f"{sign}{step or 0}")
            found.extend(f"{float(first) + by * number:.10g}" for number in range(int(count) + 1))
    return found
