"""Any chart, with anyone's values: what is laid over it for a drill, what it renders to, and the images of that."""

from promdrill.charting.layering import Conflict
from promdrill.charting.layers import Layered, layers
from promdrill.charting.plan import Case, Plan, plan

__all__ = ["Case", "Conflict", "Layered", "Plan", "layers", "plan"]
