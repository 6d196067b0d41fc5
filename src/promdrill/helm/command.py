"""Helm, against one cluster and with folders of its own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from promdrill.core import shell
from promdrill.core.errors import CommandFailed, UsageError

CLIENT_TIMEOUT_S = 60.0
"""For what Helm does without waiting for a pod: render, lint, read a chart, ask for a release."""


class Helm:
    """One Helm binary, one cluster.

    Args:
        binary: Path of helm.
        kubeconfig: The cluster's private kubeconfig.
        home: Folder for Helm's cache, configuration and data; the user's own are never touched.
    """

    def __init__(self, binary: Path, kubeconfig: Path, home: Path) -> None:
        self._binary, self._kubeconfig, self._home = binary, kubeconfig, home

    @property
    def env(self) -> dict[str, str]:
        """Variables that keep Helm within its own folders."""
        return {
            "HOME": str(self._home),
            "KUBECONFIG": str(self._kubeconfig),
            "KUBECACHEDIR": str(self._home / "kube-cache"),
            "HELM_CACHE_HOME": str(self._home / "cache"),
            "HELM_CONFIG_HOME": str(self._home / "config"),
            "HELM_DATA_HOME": str(self._home / "data"),
        }

    def install(self, release: str, chart: Path, namespace: str, values: Sequence[Path], *, timeout_s: float) -> None:
        """Install a release, without waiting for its pods.

        Raises:
            CommandFailed: Helm refused, with what it said.
        """
        self._run(["install", release, str(chart), "--namespace", namespace, *_files(values)], timeout_s=timeout_s)

    def upgrade(self, release: str, chart: Path, namespace: str, values: Sequence[Path], *, timeout_s: float) -> None:
        """Upgrade a release, without waiting for its pods.

        Raises:
            CommandFailed: Helm refused, with what it said.
        """
        self._run(["upgrade", release, str(chart), "--namespace", namespace, *_files(values)], timeout_s=timeout_s)

    def uninstall(self, release: str, namespace: str, *, missing_ok: bool = True) -> None:
        """Remove a release and what belongs to it; claims that Helm keeps stay.

        Raises:
            CommandFailed: Helm refused, with what it said.
        """
        missing = ["--ignore-not-found"] if missing_ok else []
        self._run(["uninstall", release, "--namespace", namespace, *missing], timeout_s=CLIENT_TIMEOUT_S)

    def template(self, release: str, chart: Path, namespace: str, values: Sequence[Path]) -> list[dict[str, Any]]:
        """The objects that an installation would create.

        Raises:
            CommandFailed: The chart does not render, with what Helm said.
        """
        argv = ["template", release, str(chart), "--namespace", namespace, *_files(values)]
        rendered = self._run(argv, timeout_s=CLIENT_TIMEOUT_S)
        return [item for item in yaml.safe_load_all(rendered) if item]

    def lint(self, chart: Path, values: Sequence[Path] = ()) -> str:
        """Helm's own check of a chart, warnings counted as errors.

        Raises:
            CommandFailed: With what Helm found.
        """
        return self._run(["lint", "--strict", str(chart), *_files(values)], timeout_s=CLIENT_TIMEOUT_S)

    def show_chart(self, chart: Path) -> dict[str, Any]:
        """A chart's own description: name, version, appVersion and so on.

        Raises:
            UsageError: There is no chart there.
        """
        try:
            described = yaml.safe_load(self._run(["show", "chart", str(chart)], timeout_s=CLIENT_TIMEOUT_S))
        except CommandFailed as error:
            raise UsageError(f"{chart} is not a Helm chart: {error.output.strip()}") from error
        return dict(described)

    def history(self, release: str, namespace: str) -> list[dict[str, Any]]:
        """The release's revisions, oldest first.

        Raises:
            CommandFailed: There is no such release.
        """
        argv = ["history", release, "--namespace", namespace, "--output", "json"]
        revisions: list[dict[str, Any]] = json.loads(self._run(argv, timeout_s=CLIENT_TIMEOUT_S))
        return revisions

    def _run(self, argv: list[str], *, timeout_s: float) -> str:
        return shell.run([self._binary, *argv], timeout_s=timeout_s, env=self.env).stdout


def _files(values: Sequence[Path]) -> list[str]:
    return [part for path in values for part in ("--values", str(path))]
