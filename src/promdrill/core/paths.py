"""Where promdrill keeps its files, and the commands that it tells people to type. It writes to no other folders.

`cache_dir` holds what was built or downloaded (``make clean-cache`` empties it); `state_dir` holds what is running:
clusters, the engine that promdrill started, private kubeconfigs (``make clean`` empties it).

Scenarios, manifests and image recipes are in the checkout or, if promdrill was installed from a wheel, in a folder of
the package. Nothing is written there: it may be read-only, and the next version replaces it as a whole.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from platformdirs.unix import Unix

CACHE_VARIABLE = "PROMDRILL_CACHE_DIR"
"""Names the cache folder: everything downloaded or built, which can be recreated. Default: ``~/.cache/promdrill``."""

STATE_VARIABLE = "PROMDRILL_STATE_DIR"
"""Names the state folder: records of clusters and of a container engine. Default: ``~/.local/state/promdrill``."""

_USUAL = Unix("promdrill")  # on macOS too: its own folders have spaces in their names, which break some tools

_PACKAGE = Path(__file__).resolve().parents[1]

_DATA = "_data"  # as in pyproject.toml, which maps the wheel's files

_SUBCOMMANDS = {
    "test-scenarios": "run",
    "matrix": "matrix --run",
    "matrix-cells": "matrix --format github",
    "matrix-supply": "matrix --fetch",
}
"""make's targets whose subcommand has another name."""


def cache_dir() -> Path:
    """The cache folder: ``$PROMDRILL_CACHE_DIR``, else promdrill in the user's cache folder."""
    return Path(os.environ.get(CACHE_VARIABLE) or _USUAL.user_cache_path)


def state_dir() -> Path:
    """The state folder: ``$PROMDRILL_STATE_DIR``, else promdrill in the user's state folder."""
    return Path(os.environ.get(STATE_VARIABLE) or _USUAL.user_state_path)


def clusters_dir() -> Path:
    """The folder with one folder for each cluster of ours."""
    return state_dir() / "clusters"


def in_checkout() -> bool:
    """Whether promdrill runs from a checkout, which has make's targets, and not from a wheel."""
    return not (_PACKAGE / _DATA).is_dir()


def project_dir() -> Path:
    """The folder that holds ``scenarios/``, ``manifests/``, ``images/``, ``rules/`` and ``matrix.toml``.

    The checkout's root, or the wheel's copy of them, which must not be written to.
    """
    return _PACKAGE.parents[1] if in_checkout() else _PACKAGE / _DATA


def reports_dir() -> Path:
    """The default folder of all reports: the checkout's, else ``reports`` in the current folder."""
    return project_dir() / "reports" if in_checkout() else Path("reports")


def rules_file() -> Path:
    """Promdrill's own alert rules."""
    return project_dir() / "rules" / "promdrill.yaml"


def pytest_config() -> Path:
    """Pytest's configuration file for drills, wherever they are; the user's own files have no effect on them."""
    return _PACKAGE / "drills.ini"


def program() -> str:
    """How to call promdrill: a checkout has it in its own environment, elsewhere it is on PATH."""
    return ".venv/bin/promdrill" if in_checkout() else "promdrill"


def command(target: str, **variables: object) -> str:
    """The command for a person to type: a target of make in a checkout, elsewhere the equivalent subcommand.

    ``command("test-scenarios", SCENARIO="oom")`` is ``make test-scenarios SCENARIO=oom`` or
    ``promdrill run --scenario oom``.

    Args:
        target: A target of the Makefile that calls promdrill with no arguments but options.
        variables: make's variables; those that are None or empty are left out.
    """
    said = [(name, str(value)) for name, value in variables.items() if value not in (None, "")]
    if in_checkout():
        return shlex.join(["make", target, *(f"{name}={value}" for name, value in said)])
    options = [word for name, value in said for word in (f"--{name.lower().replace('_', '-')}", value)]
    return " ".join(["promdrill", _SUBCOMMANDS.get(target, target), *map(shlex.quote, options)])


def images_dir() -> Path:
    """The image recipes and their catalogue."""
    return project_dir() / "images"


def manifests_dir() -> Path:
    """Kind configurations, storage, charts: data only."""
    return project_dir() / "manifests"


def own_chart() -> Path:
    """The chart that promdrill ships, the source supply's default."""
    return manifests_dir() / "charts" / "prometheus"


def scenarios_dir() -> Path:
    """The scenarios that promdrill ships."""
    return project_dir() / "scenarios"
