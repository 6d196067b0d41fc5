"""Drills: phases, each proven before the next begins, and verdicts.

A scenario's test gets a `Drill` and calls its `run` once, with what `Plan` lists.
"""

from promdrill.drill.engine import Drill
from promdrill.drill.plan import Moments, Persistence, Plan, Stage
from promdrill.drill.site import Site
from promdrill.drill.verdicts import DrillNotPassed
from promdrill.install.manual import JOBS as MANUAL_JOBS
from promdrill.observe.log_patterns import NO_SPACE, PERMISSION_DENIED

__all__ = [
    "MANUAL_JOBS",
    "NO_SPACE",
    "PERMISSION_DENIED",
    "Drill",
    "DrillNotPassed",
    "Moments",
    "Persistence",
    "Plan",
    "Site",
    "Stage",
]
