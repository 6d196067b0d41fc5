"""Evidence: what was there when a drill did not pass, taken before anything is undone.

`gather` runs the collectors in order, each with its own deadline, and writes what they find to one folder with an
index. It adds to a drill's outcome and never changes it: a collector that fails is noted, and the next one runs.
"""

from promdrill.evidence.gather import Evidence, gather
from promdrill.evidence.sources import Subject

__all__ = ["ALWAYS", "FAILURE", "POLICIES", "Evidence", "Subject", "gather"]

FAILURE, ALWAYS = POLICIES = ("failure", "always")
"""When evidence is taken: of drills that did not end as a drill should, or of every one."""
