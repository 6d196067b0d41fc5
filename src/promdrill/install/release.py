"""Install with Helm: the release of a drill, and the one values file that faults and runbooks edit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promdrill.core import files
from promdrill.core.merging import merged
from promdrill.helm.command import Helm
from promdrill.helm.compatibility import table
from promdrill.helm.source.files import metadata
from promdrill.helm.values import edit as editing
from promdrill.install.base import DEFAULT_SCRAPE_INTERVAL
from promdrill.install.shared import outside
from promdrill.kube.client import Kube, object_path
from promdrill.observe.quantity import duration_s
from promdrill.observe.server import Server


@dataclass(frozen=True, slots=True)
class Release:
    """One release with one values file.

    Attributes:
        helm: Helm, pointed at the drill's cluster.
        name: The release.
        namespace: Its namespace.
        chart: Folder or .tgz of the chart.
        values: The writable values file; the runbook's $VALUES.
        timeout_s: Seconds for each Helm command; none of them waits for pods, but hooks may.
        kube: The API server, to delete what hooks leave; None to leave it.
    """

    helm: Helm
    name: str
    namespace: str
    chart: Path
    values: Path
    timeout_s: float = 120.0
    kube: Kube | None = None

    @property
    def server(self) -> Server:
        """The names that the chart gives."""
        return Server.of(self.namespace, self.name)

    @property
    def files(self) -> tuple[Path, ...]:
        """The values file."""
        return (self.values,)

    @property
    def scrape_interval_s(self) -> float:
        """Seconds between two scrapes, from the values.

        Raises:
            UsageError: They contain something that is not a duration.
        """
        where = "server.global.scrape_interval"
        return duration_s(str(self.value(where, None) or DEFAULT_SCRAPE_INTERVAL), where)

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables to type Helm commands with."""
        return {
            "NAMESPACE": self.namespace,
            "RELEASE": self.name,
            "CHART": str(self.chart.absolute()),
            "VALUES": str(self.values.absolute()),
        }

    def setting(self, path: tuple[str, ...], value: Any) -> tuple[tuple[str, ...], Any]:
        """The keys and the value by which this version of the chart says so; see `Installation.setting`.

        Raises:
            UsageError: The chart cannot be read.
        """
        return table.renamed(path, value, *table.followed(metadata(self.chart)))

    def composed(self, values: Path, layers: Sequence[Path | Mapping[str, Any]], storage_class: str) -> dict[str, Any]:
        """What `compose` writes, as data.

        Raises:
            UsageError: A file is not YAML.
        """
        found: dict[str, Any] = editing.read(values)
        for layer in (*layers, _class(storage_class)):
            found = merged(found, editing.read(layer) if isinstance(layer, Path) else layer)
        return found

    def compose(self, values: Path, layers: Sequence[Path | Mapping[str, Any]], storage_class: str) -> None:
        """Write the values file: the scenario's text, with the layers and the drill's class merged into it in place.

        Raises:
            UsageError: A layer is not YAML, or cannot be merged in place.
        """
        text = values.read_text(encoding="utf-8")
        editing.load(text)
        for layer in (*layers, _class(storage_class)):
            added = editing.load(layer.read_text(encoding="utf-8")) if isinstance(layer, Path) else layer
            text = editing.merge(text, added)
        self.write(text)

    def read(self) -> str:
        """The values file's text."""
        return self.values.read_text(encoding="utf-8")

    def write(self, text: str) -> None:
        """Replace the values file's text; only its owner can read it, for it may hold credentials."""
        self.values.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.write(self.values, text)

    def value(self, path: str, default: Any) -> Any:
        """The value at a dotted path of the file; `default` if it is not set."""
        return editing.lookup(editing.load(self.read()), path, default)

    def install(self) -> None:
        """``helm install`` with the values file.

        Raises:
            CommandFailed: Helm refused.
        """
        self.helm.install(self.name, self.chart, self.namespace, [self.values], timeout_s=self.timeout_s)

    def upgrade(self) -> None:
        """``helm upgrade`` with the current values file.

        Raises:
            CommandFailed: Helm refused.
        """
        self.helm.upgrade(self.name, self.chart, self.namespace, [self.values], timeout_s=self.timeout_s)

    def uninstall(self) -> None:
        """``helm uninstall``, and what its hooks left outside its namespace; a missing release is not an error.

        Helm deletes a hook's objects when all has gone well, or before it makes them again. Those of one that failed
        or was interrupted outlive the release, such as the ClusterRole of a job.

        Raises:
            CommandFailed: Helm refused.
            ClusterError: The API server refused, or did not answer.
        """
        hooks = self.helm.hooks(self.name, self.namespace) if self.kube is not None else ()
        self.helm.uninstall(self.name, self.namespace, missing_ok=True)
        for each in hooks:
            if self.kube is not None and (left := outside(each, self.namespace)) is not None:
                self.kube.delete(object_path(left))


def _class(name: str) -> dict[str, Any]:
    """The values that give the server's volume a storage class."""
    return {"server": {"persistentVolume": {"storageClass": name}}}
