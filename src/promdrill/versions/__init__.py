"""What differs between versions of Prometheus and of its chart: tables, not branches."""

from promdrill.versions.wording import NO_SPACE, wording

__all__ = ["NO_SPACE", "wording"]
