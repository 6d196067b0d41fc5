"""Fire drills for Prometheus on Kubernetes."""

__version__ = "0.1.0"
