"""What every way of installing Prometheus has in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from promdrill.observe.server import Server

DEFAULT_SCRAPE_INTERVAL = "1m"
"""The default of the chart and of Prometheus itself."""


class Installation(Protocol):
    """One Prometheus in one namespace, described by files that faults and runbooks edit."""

    @property
    def name(self) -> str:
        """Its name: the Helm release, or the Deployment."""
        ...

    @property
    def namespace(self) -> str:
        """Its namespace, which is created before it and deleted after it."""
        ...

    @property
    def server(self) -> Server:
        """The names of its objects."""
        ...

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that describe it, once `compose` has written them."""
        ...

    @property
    def scrape_interval_s(self) -> float:
        """Seconds between two scrapes, as the files say.

        Raises:
            UsageError: They contain something that is not a duration.
        """
        ...

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables that tell a runbook's steps where it is."""
        ...

    def setting(self, path: tuple[str, ...], value: Any) -> tuple[tuple[str, ...], Any]:
        """The keys and the value of a setting here.

        Args:
            path: Its keys in prometheus-community/prometheus 25.8.0, which scenarios are written for.
            value: Its value there.
        """
        ...

    def compose(self, values: Path, layers: Sequence[Path | Mapping[str, Any]], storage_class: str) -> None:
        """Write the files.

        Args:
            values: The scenario's values.yaml.
            layers: Helm values over it, lowest first; only charts use them.
            storage_class: The drill's own StorageClass.

        Raises:
            UsageError: They cannot be combined.
        """
        ...

    def install(self) -> None:
        """Create everything, without waiting for pods; leftovers of a killed drill are replaced."""
        ...

    def upgrade(self) -> None:
        """Bring the cluster to the current state of the files, without waiting for pods."""
        ...

    def uninstall(self) -> None:
        """Request deletion of everything, and of claims if the tool does so; missing objects are not an error."""
        ...
