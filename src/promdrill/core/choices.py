"""What the settings of a run may say: the words, their defaults, and the error for any other word.

Everything here is a constant or a small function, and nothing of promdrill but its errors is imported: the pytest
plugin, which every pytest session in the environment loads, needs these words for the help of its options.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from promdrill.core.errors import UsageError

SUPPLIES = ("auto", "source", "registry")
"""Values of SUPPLY: where everything comes from."""

PROFILES = ("fast", "as-shipped")
"""Kind configurations in manifests/kind/; beside one, objects that are laid over kubeadm's own, as *-objects.yaml."""

SUBCHARTS = ("on", "off")
IMAGES = ("nearest", "exact")

EVIDENCE = ("failure", "always")
"""When evidence is taken: of drills that did not end as expected, or of all."""

NO_FAULT, NO_REMEDY, AS_WRITTEN = "no-fault", "no-remedy", "as-written"
CONTROLS = (NO_FAULT, NO_REMEDY, AS_WRITTEN)
"""What a drill may leave out on purpose, so that it must not pass."""

VARIANTS = ("controls", "ablate")
"""What a session may run in place of each drill: its controls, or the drill once without each Mitigation step."""

DEFAULT_KUBERNETES = "1.36.3"
"""The newest Kubernetes whose modules are served (images/catalogue.toml lists all)."""

DEFAULT_HELM = "4"
"""Helm 3's support has ended; 3 is what many still type, and works too."""

MOST_REPEATS = 100
"""Runs of each drill in one session; a larger number is likelier to be a mistake."""

MOST_JOBS = 16
"""Drills at once. Each has a Prometheus, a pytest process and a Helm; more than this starve each other anywhere."""

VERSION = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?")
"""A whole version without a leading v: ``3.14.0``, ``3.0.0-rc.1``."""


def one_of(name: str, value: str, valid: Iterable[str]) -> None:
    """Refuse a value that is not among the valid ones.

    Args:
        name: The setting, as make's variable.
        value: What was given.
        valid: What may be given.

    Raises:
        UsageError: With the nearest valid choice.
    """
    choices = list(valid)
    if value not in choices:
        hint = f"{name}={nearest(value, choices)}" if choices else ""
        raise UsageError(f"{name}={value}: not one of {', '.join(choices) or '(none)'}", hint=hint)


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
    """The choice that looks most like the value; the first one when none looks like it."""
    options = list(choices)
    return (difflib.get_close_matches(value, options, n=1, cutoff=0.0) or options[:1])[0]


def _number(name: str, text: str, most: int, *, hint: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= most):
        raise UsageError(f"{name}={text}: not a whole number from 1 to {most}", hint=hint)
    return int(text)
