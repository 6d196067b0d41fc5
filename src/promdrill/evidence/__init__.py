"""Evidence: the state of the cluster when a drill did not pass, collected before anything is undone.

`gather` runs the collectors in order, each with its own deadline, and writes what they find to one folder with an
index. It never changes a drill's outcome: a collector that fails is recorded, and the next one runs.
"""

from promdrill.evidence.gather import Evidence, gather
from promdrill.evidence.sources import Subject

__all__ = ["ALWAYS", "FAILURE", "POLICIES", "Evidence", "Subject", "gather"]

FAILURE, ALWAYS = POLICIES = ("failure", "always")
"""When evidence is collected: if a drill did not end as a drill should, or always."""
