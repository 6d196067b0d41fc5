"""What a run uses where nothing else is asked for."""

from __future__ import annotations

DEFAULT_KUBERNETES = "1.36.3"
"""The newest Kubernetes whose modules are served; images/catalogue.toml lists all."""

DEFAULT_HELM = "4"
"""Support of Helm 3 has ended; many still type it, and it works too."""
