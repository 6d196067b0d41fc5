"""Install from manifests: files that a person can use by hand, rewritten with the drill's own names."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from promdrill.core.errors import UsageError
from promdrill.helm.values import edit as editing
from promdrill.kube.client import Kube

APP_VERSION = "2.48.0"
"""The version of Prometheus in manifests/manual and manifests/operator."""

PROMETHEUS = "quay.io/prometheus/prometheus"
"""The image in these, without a tag."""

_NAMED = re.compile(rf"^( *(?:image: {re.escape(PROMETHEUS)}:|version: ))v{re.escape(APP_VERSION)}$", re.MULTILINE)
"""Where they name the version."""


@dataclass(frozen=True)
class Manifests(ABC):
    """One Prometheus, described by manifests.

    Attributes:
        kube: The API server.
        namespace: Its namespace.
        folder: The folder of its manifests; the runbook's $MANIFESTS.
        app_version: Version of Prometheus to use instead of the manifests' own, without a leading v; empty for theirs.
    """

    kube: Kube
    namespace: str
    folder: Path
    app_version: str = field(default="", kw_only=True)

    @property
    def files(self) -> tuple[Path, ...]:
        """The manifests, in the order to apply them."""
        return tuple(sorted(self.folder.glob("*.yaml")))

    @property
    def environment(self) -> Mapping[str, str]:
        """The folder of the manifests."""
        return {"MANIFESTS": str(self.folder.absolute()), "NAMESPACE": self.namespace}

    def setting(self, path: tuple[str, ...], value: Any) -> tuple[tuple[str, ...], Any]:
        """The same: manifests have keys of their own, which scenarios name."""
        return path, value

    def compose(self, values: Path, _layers: Sequence[Path | Mapping[str, Any]], storage_class: str) -> None:
        """Write the manifests with the drill's names, and with the replacements under `replace` in values.yaml.

        Raises:
            UsageError: values.yaml replaces something that no manifest has, or names manifests that do not exist.
        """
        names = self._names(storage_class)
        wanted = editing.load(values.read_text(encoding="utf-8"))
        shipped = self._shipped(wanted, values)
        texts = {path.name: self._of_version(path.read_text(encoding="utf-8")) for path in shipped}
        for old, new in ((str(key), str(value)) for key, value in (wanted.get("replace") or {}).items()):
            if not any(old in text for text in texts.values()):
                raise UsageError(f"{values}: replace: {old!r} is not in any of {shipped[0].parent}/*.yaml")
            texts = {name: text.replace(old, new) for name, text in texts.items()}
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            named = text
            for word, own in names.items():
                named = named.replace(word, own)
            (self.folder / name).write_text(named, encoding="utf-8")

    def _of_version(self, text: str) -> str:
        return _NAMED.sub(rf"\g<1>v{self.app_version}", text) if self.app_version else text

    def objects(self) -> list[dict[str, Any]]:
        """The objects of all files except the namespace, which the drill makes itself."""
        found = (obj for path in self.files for obj in yaml.safe_load_all(path.read_text(encoding="utf-8")) if obj)
        return [obj for obj in found if obj["kind"] != "Namespace"]

    @abstractmethod
    def _shipped(self, wanted: Mapping[str, Any], values: Path) -> Sequence[Path]:
        """The shipped manifests that a scenario's values select; `values` is the file of these values."""

    @abstractmethod
    def _names(self, storage_class: str) -> Mapping[str, str]:
        """Words in the shipped manifests, and what replaces them in the drill's."""
