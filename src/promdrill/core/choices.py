"""The valid values of a run's settings, their defaults, and the error for any other value.

Everything here is a constant or a small function, and of promdrill only the errors are imported: the pytest plugin,
which every pytest session in the environment loads, needs these values for the help of its options.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from promdrill.core.errors import UsageError, shortened

SUPPLIES = ("auto", "source", "registry")
"""Values of SUPPLY: where everything comes from."""

PROFILES = ("fast", "as-shipped")
"""kind configurations in manifests/kind/; a *-objects.yaml beside one has objects to merge over kubeadm's own."""

SUBCHARTS = ("on", "off")
IMAGES = ("nearest", "exact")

RULES = ("chart", "own")
"""What RULES may say besides files and folders: the rules of the drilled chart, and promdrill's."""

FASTEST_ALERTS = 86_400.0
"""The largest ALERT_SPEED: a day in a second."""

YOURS = "yours"
SCRAPES = ("drill", YOURS)
"""Values of SCRAPES: whose scrape jobs and intervals a drill has, those of its scenario or those of the user."""

EVIDENCE = ("failure", "always")
"""When evidence is collected: for drills that did not end as expected, or for all."""

NO_FAULT, NO_REMEDY, OTHER_FAULT, AS_WRITTEN = "no-fault", "no-remedy", "other-fault", "as-written"
CONTROLS = (NO_FAULT, NO_REMEDY, OTHER_FAULT, AS_WRITTEN)
"""What a drill may leave out or exchange on purpose, so that it must not pass."""

REFUSED, ACCEPTED = "refused:", "accepted:"
"""What the variant of a drill with another repair than its runbook's begins with; the repair's name follows."""

VARIANTS = ("controls", "ablate", "repairs")
"""What a session may run instead of each drill: its controls, the drill once without each Mitigation step, or the drill
once with each repair of its repairs.md instead."""

DEFAULT_KUBERNETES = "1.36.3"
"""The newest Kubernetes whose modules are served (images/catalogue.toml lists all)."""

DEFAULT_HELM = "4"
"""Helm 3 is no longer supported upstream; many still use it, and it works too."""

MOST_REPEATS = 100
"""Most runs of each drill in one session; a larger number is probably a mistake."""

MOST_JOBS = 16
"""Most drills at once. Each has a Prometheus, a pytest process and a Helm; more would starve each other anywhere."""

_COMPARED = 200  # characters: the time to compare grows with the square of them

VERSION = re.compile(r"[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}(-[0-9A-Za-z.-]{1,60})?")
"""A whole version without a leading v: ``3.14.0``, ``3.0.0-rc.1``."""


def one_of(name: str, value: str, valid: Iterable[str]) -> None:
    """Refuse a value that is not one of the valid ones.

    Args:
        name: The setting, as make's variable.
        value: The given value.
        valid: The valid values.

    Raises:
        UsageError: It is not valid; the hint is the nearest valid choice.
    """
    choices = list(valid)
    if value not in choices:
        hint = f"{name}={nearest(value, choices)}" if choices else ""
        raise UsageError(f"{name}={shortened(value, 80)}: not one of {', '.join(choices) or '(none)'}", hint=hint)


def jobs(text: str) -> int:
    """How many drills may run at once, as typed after JOBS= or --jobs=.

    Raises:
        UsageError: It is not a whole number from 1 to `MOST_JOBS`.
    """
    return _number("JOBS", text, MOST_JOBS, hint="JOBS=2")


def repeats(text: str) -> int:
    """How often each drill is run, as typed after REPEAT= or --repeat=.

    Raises:
        UsageError: It is not a whole number from 1 to `MOST_REPEATS`.
    """
    return _number("REPEAT", text, MOST_REPEATS, hint="REPEAT=5")


def nearest(value: str, choices: Iterable[str]) -> str:
    """The choice most similar to the value; the first one if none is similar."""
    options = list(choices)
    return (difflib.get_close_matches(value[:_COMPARED], options, n=1, cutoff=0.0) or options[:1])[0]


def _number(name: str, text: str, most: int, *, hint: str) -> int:
    if not (re.fullmatch(r"[0-9]{1,9}", text) and 1 <= int(text) <= most):
        raise UsageError(f"{name}={shortened(text, 40)}: not a whole number from 1 to {most}", hint=hint)
    return int(text)
