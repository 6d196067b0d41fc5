"""The user's own scrape configuration in a drill (SCRAPES=yours), and his rules in every drill.

His jobs and intervals then count, or the chart's own where he sets none. Of the scenario's jobs those are added that
his configuration does not have by name; of its rules, all groups: a drill looks at what they record.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from promdrill.core.errors import UsageError
from promdrill.core.merging import merged
from promdrill.helm.compatibility import stack, table
from promdrill.helm.compatibility.table import at, keys, nested

Keys = tuple[str, ...]
Job = Mapping[str, Any]

WRITTEN: Keys = ("extraScrapeConfigs",)
"""Jobs as a text in which templates are filled in; all charts named prometheus have it."""

LISTED: Keys = ("serverFiles", "prometheus.yml", "scrape_configs")
"""Jobs as a list."""

BY_NAME: Keys = ("scrapeConfigs",)
"""Jobs by their names, from 28.0.0 on."""

_GLOBAL: Keys = ("server", "global")
_INTERVALS = ("scrape_interval", "scrape_timeout", "evaluation_interval")
_RULES = ("recording_rules.yml", "alerting_rules.yml", "rules", "alerts")  # the last two: before 9.4.0
_NAMED = re.compile(r"""\bjob_name:\s*["']?([^"'\s]+)""")


@dataclass(frozen=True, slots=True)
class Kept:
    """What stays as the user has it.

    Attributes:
        keys: What the scenario sets and the drill does not need from it, by the keys of 25.8.0.
        layer: Values over the user's: the scenario's own, joined to his.
        jobs: The scenario's jobs that are added to his.
    """

    keys: frozenset[Keys] = frozenset()
    layer: Mapping[str, Any] = field(default_factory=dict)
    jobs: tuple[Job, ...] = ()


def kept_scrapes(
    followed: tuple[str, str], scenario: Mapping[str, Any], own: Mapping[str, Any], defaults: Mapping[str, Any]
) -> Kept:
    """The scrape configuration of the user, or else of the chart, with the scenario's jobs that it does not have.

    Args:
        followed: Name and version of the chart whose keys are meant, as from `table.followed`.
        scenario: The scenario's values, in the keys of 25.8.0.
        own: The user's values.
        defaults: The chart's own values.

    Raises:
        UsageError: The scenario's jobs cannot be read.
    """
    theirs = merged(defaults, own)
    dropped: list[Keys] = [(*_GLOBAL, name) for name in _INTERVALS]
    layer: dict[str, Any] = {}
    for path in (table.renamed(path, None, *followed)[0] for path in dropped):
        if at(theirs, path):  # the drill reads it from the values, and the chart's own are not among them
            layer = merged(layer, nested(path, at(theirs, path)))
    if followed[0] == stack.CHART:  # its install joins the jobs
        return Kept(frozenset(dropped), layer, _missing(scenario, _names(at(theirs, keys(stack.JOBS)))))
    jobs = _missing(scenario, {*_listed(theirs), *_by_name(theirs), *_named(theirs)})
    text = at(theirs, WRITTEN)
    if jobs and isinstance(text, str | None):  # of anything else Helm says what is wrong with it
        layer = merged(layer, nested(WRITTEN, written(text or "", jobs)))
    return Kept(frozenset((*dropped, LISTED, BY_NAME, WRITTEN)), layer, jobs)


def kept_rules(needed: Mapping[str, Any], own: Mapping[str, Any]) -> Kept:
    """The user's groups of rules before the scenario's, in each file of which both have some.

    A group of his that has the name of one of the scenario's is not kept: a file may have each name only once.

    Args:
        needed: The scenario's values, also under the chart's own keys.
        own: The user's values.
    """
    found: dict[Keys, list[Any]] = {}
    for file in _RULES:
        path: Keys = ("serverFiles", file, "groups")
        ours, theirs = at(needed, path), at(own, path)
        if isinstance(ours, list) and isinstance(theirs, list) and not _group_names(ours) & _group_names(theirs):
            found[path] = [*theirs, *ours]
    layer: dict[str, Any] = {}
    for path, groups in found.items():
        layer = merged(layer, nested(path, groups))
    return Kept(frozenset(found), layer)


def written(theirs: str, jobs: Sequence[Job]) -> str:
    """The text of `WRITTEN`: the user's own, and these jobs after it."""
    return "\n".join(part for part in (theirs.rstrip(), dumped(jobs)) if part)


def dumped(jobs: Sequence[Job]) -> str:
    """Jobs as text; templates in them stay as they are."""
    return yaml.safe_dump([dict(job) for job in jobs], sort_keys=False, allow_unicode=True) if jobs else ""


def without(values: Mapping[str, Any], *paths: Keys) -> dict[str, Any]:
    """Values without what is at these paths; a mapping of which nothing is left stays, empty."""
    here = dict(values)
    for path in paths:
        below = here.get(path[0])
        if len(path) == 1:
            here.pop(path[0], None)
        elif isinstance(below, Mapping):
            here[path[0]] = without(below, path[1:])
    return here


def _missing(scenario: Mapping[str, Any], names: set[str]) -> tuple[Job, ...]:
    """The scenario's jobs of other names."""
    text = at(scenario, WRITTEN)
    try:
        more = yaml.safe_load(str(text)) if text else []
    except yaml.YAMLError as error:
        hint = "put each template in quotes"
        raise UsageError(f"{'.'.join(WRITTEN)}: not YAML before its templates are filled in", hint=hint) from error
    jobs = [*(at(scenario, LISTED) or ()), *(more or ())]
    return tuple(job for job in jobs if job.get("job_name") not in names)


def _names(jobs: Any) -> set[str]:
    return {str(job.get("job_name")) for job in jobs or () if isinstance(job, Mapping)}


def _listed(values: Mapping[str, Any]) -> set[str]:
    return _names(at(values, LISTED))


def _by_name(values: Mapping[str, Any]) -> Iterator[str]:
    found = at(values, BY_NAME)
    for name, job in found.items() if isinstance(found, Mapping) else ():
        if isinstance(job, Mapping) and job.get("enabled", True):
            yield str(job.get("job_name") or name)


def _named(values: Mapping[str, Any]) -> list[str]:
    return _NAMED.findall(str(at(values, WRITTEN) or ""))


def _group_names(groups: Sequence[Any]) -> set[str]:
    return {str(group.get("name")) for group in groups if isinstance(group, Mapping)}
