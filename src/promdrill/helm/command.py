"""The Helm command, for one cluster and with its own folders."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from promdrill.core import shell
from promdrill.core.errors import CommandFailed

_NOISE = re.compile(r"(level|time)=|\w+\.go:\d+: |\d{4}/\d\d/\d\d |Use --debug flag|WARNING: ")

_NO_RELEASE = "release: not found"  # pkg/storage/driver: ErrReleaseNotFound, in Helm 3 and 4

CLIENT_TIMEOUT_S = 60.0
"""Seconds for Helm commands that wait for no pod: render, lint, read a chart, look up a release."""


class Helm:
    """One Helm binary for one cluster.

    Args:
        binary: Path of helm.
        kubeconfig: The cluster's private kubeconfig.
        home: Folder for Helm's cache, configuration and data; the user's own are never touched.
        before: Called before each command that changes the cluster; raises if it is not promdrill's own.
    """

    def __init__(
        self, binary: Path, kubeconfig: Path, home: Path, *, before: Callable[[], None] = lambda: None
    ) -> None:
        self._binary, self._kubeconfig, self._home, self._before = binary, kubeconfig, home, before

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
            NotOurs: Another cluster answers.
            CommandFailed: Helm refused; the message has its output.
        """
        self._change(["install", release, str(chart), "--namespace", namespace, *_files(values)], timeout_s)

    def upgrade(self, release: str, chart: Path, namespace: str, values: Sequence[Path], *, timeout_s: float) -> None:
        """Upgrade a release, without waiting for its pods.

        Raises:
            NotOurs: Another cluster answers.
            CommandFailed: Helm refused; the message has its output.
        """
        self._change(["upgrade", release, str(chart), "--namespace", namespace, *_files(values)], timeout_s)

    def uninstall(self, release: str, namespace: str, *, missing_ok: bool = True) -> None:
        """Uninstall a release and its objects, except claims that Helm keeps.

        Raises:
            NotOurs: Another cluster answers.
            CommandFailed: Helm refused; the message has its output.
        """
        missing = ["--ignore-not-found"] if missing_ok else []
        self._change(["uninstall", release, "--namespace", namespace, *missing], CLIENT_TIMEOUT_S)

    def hooks(self, release: str, namespace: str) -> list[dict[str, Any]]:
        """The objects of a release's hooks; none if there is no such release.

        Raises:
            CommandFailed: Helm refused; the message has its output.
        """
        argv = ["get", "hooks", release, "--namespace", namespace]
        try:
            found = self._run(argv, timeout_s=CLIENT_TIMEOUT_S)
        except CommandFailed as error:
            if error.refusal == _NO_RELEASE:
                return []
            raise
        return [item for item in yaml.safe_load_all(found) if item]

    def template(self, release: str, chart: Path, namespace: str, values: Sequence[Path]) -> list[dict[str, Any]]:
        """The objects that an install would create.

        Raises:
            CommandFailed: The chart does not render; the message has Helm's output.
        """
        argv = ["template", release, str(chart), "--namespace", namespace, *_files(values)]
        rendered = self._run(argv, timeout_s=CLIENT_TIMEOUT_S)
        return [item for item in yaml.safe_load_all(rendered) if item]

    def lint(self, chart: Path, values: Sequence[Path] = ()) -> str:
        """Run ``helm lint`` on a chart, with warnings as errors.

        Raises:
            CommandFailed: Helm found something; the message has its output.
        """
        return self._run(["lint", "--strict", str(chart), *_files(values)], timeout_s=CLIENT_TIMEOUT_S)

    def history(self, release: str, namespace: str) -> list[dict[str, Any]]:
        """The release's revisions, oldest first.

        Raises:
            CommandFailed: There is no such release.
        """
        argv = ["history", release, "--namespace", namespace, "--output", "json"]
        revisions: list[dict[str, Any]] = json.loads(self._run(argv, timeout_s=CLIENT_TIMEOUT_S))
        return revisions

    def _change(self, argv: list[str], timeout_s: float) -> None:
        self._before()
        self._run(argv, timeout_s=timeout_s)

    def _run(self, argv: list[str], *, timeout_s: float) -> str:
        try:
            return shell.run([self._binary, *argv], timeout_s=timeout_s, env=self.env).stdout
        except CommandFailed as error:
            error.refusal = " ".join(essential(error.output).split())
            raise


def essential(output: str) -> str:
    """Helm's output without warnings, advice and `Error:`."""
    lines = [line.rstrip() for line in output.splitlines() if line.strip() and not _NOISE.match(line.lstrip())]
    for number, line in enumerate(lines):
        if line.startswith("Error: "):
            return "\n".join([line.removeprefix("Error: "), *lines[number + 1 :]])
    return "\n".join(lines)


def _files(values: Sequence[Path]) -> list[str]:
    return [part for path in values for part in ("--values", str(path))]
