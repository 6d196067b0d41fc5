"""Drills: phases, each proven before the next begins, and verdicts. A scenario's test needs what is named here."""

from promdrill.drill.engine import Drill
from promdrill.drill.plan import Moments, Persistence, Stage
from promdrill.drill.site import Site
from promdrill.drill.verdicts import DrillNotPassed

__all__ = ["Drill", "DrillNotPassed", "Moments", "Persistence", "Site", "Stage"]
