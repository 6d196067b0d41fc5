"""Where promdrill keeps things. Nothing outside these folders is written.

`cache_dir` holds what was built or downloaded (``make clean-cache`` empties it); `state_dir` holds what is
running: clusters, the engine that promdrill started, private kubeconfigs (``make clean`` empties it).
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

CACHE_VARIABLE = "PROMDRILL_CACHE_DIR"
STATE_VARIABLE = "PROMDRILL_STATE_DIR"


def cache_dir() -> Path:
    """The cache folder: ``$PROMDRILL_CACHE_DIR``, else promdrill in the user's cache folder."""
    return Path(os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_path("promdrill"))


def state_dir() -> Path:
    """The state folder: ``$PROMDRILL_STATE_DIR``, else promdrill in the user's state folder."""
    return Path(os.environ.get(STATE_VARIABLE) or platformdirs.user_state_path("promdrill"))


def project_dir() -> Path:
    """The folder that holds ``scenarios/``, ``manifests/`` and ``images/``: the checkout's root."""
    return Path(__file__).resolve().parents[2]


def images_dir() -> Path:
    """The image recipes and their catalogue."""
    return project_dir() / "images"


def manifests_dir() -> Path:
    """Kind configurations, storage, charts: data only."""
    return project_dir() / "manifests"


def own_chart() -> Path:
    """The chart that promdrill ships, the default of the source supply."""
    return manifests_dir() / "charts" / "prometheus"


def scenarios_dir() -> Path:
    """The scenarios that promdrill ships."""
    return project_dir() / "scenarios"
