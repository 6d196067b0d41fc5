"""The chart that is drilled."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ChartRef:
    """The chart that is drilled.

    Attributes:
        path: Its folder or .tgz.
        name: From Chart.yaml.
        version: Likewise.
        app_version: Likewise; the version of Prometheus that it installs.
        followed: Name and version of the chart that it imitates, values and manifests; None if it does not.
    """

    path: Path
    name: str
    version: str
    app_version: str
    followed: tuple[str, str] | None = None
