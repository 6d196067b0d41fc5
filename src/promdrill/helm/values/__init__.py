"""Any chart with any user's values: the values of a drill, what the chart renders to, and its images."""

from promdrill.helm.values.dead import Dead
from promdrill.helm.values.layers import Layered, layers
from promdrill.helm.values.plan import Added, Case, ChartPlan, Why, plan
from promdrill.helm.values.user import Conflict

__all__ = ["Added", "Case", "ChartPlan", "Conflict", "Dead", "Layered", "Why", "layers", "plan"]
