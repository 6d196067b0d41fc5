"""The Helm release of a drill, and the one values file that faults and runbooks edit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promdrill.cluster.helm import Helm
from promdrill.faults import values as editing


@dataclass(frozen=True, slots=True)
class ChartRef:
    """The chart that is drilled.

    Attributes:
        path: Its folder or .tgz.
        name: From Chart.yaml.
        version: Likewise.
        app_version: Likewise: the version of Prometheus that it installs.
    """

    path: Path
    name: str
    version: str
    app_version: str


@dataclass(frozen=True, slots=True)
class Release:
    """One release, installed from one values file.

    Attributes:
        helm: Helm, pointed at the drill's cluster.
        name: The release.
        namespace: Its namespace.
        chart: Folder or .tgz of the chart.
        values: The writable values file; the runbook's $VALUES.
        timeout_s: For each Helm command; none of them waits for pods, but hooks may.
    """

    helm: Helm
    name: str
    namespace: str
    chart: Path
    values: Path
    timeout_s: float = 120.0

    def compose(self, layers: Sequence[Path | Mapping[str, Any]]) -> None:
        """Write the values file: the first layer's text as it is, the others laid over it in place.

        Raises:
            UsageError: A layer is not YAML, or cannot be laid over in place.
        """
        text = ""
        for layer in layers:
            if isinstance(layer, Path) and not text:
                text = layer.read_text(encoding="utf-8")
                editing.load(text)
                continue
            added = editing.load(layer.read_text(encoding="utf-8")) if isinstance(layer, Path) else layer
            text = editing.merge(text, added)
        self.write(text)

    def read(self) -> str:
        """The values file's text."""
        return self.values.read_text(encoding="utf-8")

    def write(self, text: str) -> None:
        """Replace the values file's text."""
        self.values.parent.mkdir(parents=True, exist_ok=True)
        self.values.write_text(text, encoding="utf-8")

    def value(self, path: str, default: Any) -> Any:
        """The value at a dotted path of the file; `default` where it says nothing."""
        return editing.lookup(editing.load(self.read()), path, default)

    def install(self) -> None:
        """``helm install`` with the values file.

        Raises:
            CommandFailed: Helm refused.
        """
        self.helm.install(self.name, self.chart, self.namespace, [self.values], timeout_s=self.timeout_s)

    def upgrade(self) -> None:
        """``helm upgrade`` with the values file as it is now.

        Raises:
            CommandFailed: Helm refused.
        """
        self.helm.upgrade(self.name, self.chart, self.namespace, [self.values], timeout_s=self.timeout_s)

    def uninstall(self) -> None:
        """``helm uninstall``; a release that is not there is fine."""
        self.helm.uninstall(self.name, self.namespace, missing_ok=True)
