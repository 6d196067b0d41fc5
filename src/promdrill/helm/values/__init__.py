"""Any chart, with anyone's values: what is laid over it for a drill, what it renders to, and the images of that."""

from promdrill.helm.values.layers import Layered, layers
from promdrill.helm.values.plan import Case, Plan, plan
from promdrill.helm.values.user import Conflict

__all__ = ["Case", "Conflict", "Layered", "Plan", "layers", "plan"]
