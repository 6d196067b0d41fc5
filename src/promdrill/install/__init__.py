"""Install the drilled Prometheus: with Helm, by hand from manifests, or with the Prometheus operator."""

from promdrill.helm.chart import ChartRef
from promdrill.install.base import Installation
from promdrill.install.manual import Manual
from promdrill.install.operator import Operator
from promdrill.install.release import Release
from promdrill.install.stack import Stack, release

__all__ = ["ChartRef", "Installation", "Manual", "Operator", "Release", "Stack", "release"]
