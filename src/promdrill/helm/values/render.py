"""Render a chart with Helm, and turn Helm's errors into one sentence that names the key."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from promdrill.core import shell
from promdrill.core.errors import CommandFailed, CommandTimeout, UsageError
from promdrill.helm.command import Helm, essential
from promdrill.helm.compatibility.table import at
from promdrill.helm.values.user import Own

TEMPLATE_S = 60.0
"""Seconds for one ``helm template``; promdrill's own chart takes 0.1 with both cores busy."""

NAMESPACE = "promdrill"
"""The namespace for templates; no image depends on it."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml, if PyYAML was built with it: ten times as fast

# Helm 4, and 3 from 3.18 on: - at '/server/extraFlags': got string, want array
_POINTER = re.compile(r"^\s*- at '(?P<pointer>[^']*)': (?P<what>.+)$")
# Helm 3 before that: - server.extraFlags: Invalid type. Expected: array, given: string
_DOTTED = re.compile(r"^- (?P<path>[^\s:]+): (?P<what>.+)$")
_GOT = re.compile(r"got (?P<got>[^,]+), want (?P<want>.+)")
_GIVEN = re.compile(r"Invalid type\. Expected: (?P<want>.+), given: (?P<got>.+)")
_SCHEMA = "values don't meet the specifications of the schema"
_MISSING = re.compile(r"found in Chart\.yaml, but missing in charts/ directory: (?P<names>.+)")
_REFUSED = re.compile(r"execution error at \((?P<at>[^):]+(?::\d+)?)[^)]*\): (?P<what>.+)", re.DOTALL)
# One line from Helm 3, three from Helm 4; in nested calls the last one is the cause.
_BROKEN = re.compile(r"(?P<at>[\w./-]+:\d+):\d+:?\s+executing .*?at <(?P<code>.*?)>:\s+(?P<what>[^\n]+)", re.DOTALL)
_VALUE = re.compile(r"\.Values\.(?P<path>[\w.]+)")
_MISMATCH = re.compile(r"type mismatch on (?P<path>[\w.-]+): ")
_TROUBLE_SHOWN = 400


@dataclass(frozen=True, slots=True)
class Renderer:
    """Renders one chart.

    Attributes:
        helm: Path of Helm, 3 or 4.
        chart: The chart's folder or .tgz.
        name: The chart's own name.
        own: The user's values, for errors in them.
        kubernetes: The version to tell templates; a Helm that promdrill built has no default for it.
        called: Name of each subchart to the key of its values.
    """

    helm: Path
    chart: Path
    name: str
    own: Own | None
    kubernetes: str
    called: Mapping[str, str]

    def objects(self, release: str, values: Mapping[str, Any], *, crds: bool = False) -> tuple[dict[str, Any], ...]:
        """The objects that an install would create, without tests.

        Args:
            release: The release's name.
            values: All values except the chart's own.
            crds: With the custom resource definitions that lie beside the chart's templates.

        Raises:
            UsageError: Helm refuses; the message is the cause in Helm's output.
        """
        with tempfile.TemporaryDirectory(prefix="promdrill-helm-") as folder:
            home = Path(folder)
            file = home / "values.yaml"
            file.write_text(yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True), encoding="utf-8")
            argv: list[str | Path] = [self.helm, "template", release, self.chart.absolute(), "--values", file]
            argv += ["--namespace", NAMESPACE, "--kube-version", self.kubernetes, "--skip-tests"]
            argv += ["--include-crds"] if crds else []
            env = Helm(self.helm, home / "no-kubeconfig", home).env
            try:
                text = shell.run(argv, timeout_s=TEMPLATE_S, env=env).stdout
            except CommandTimeout as error:
                raise UsageError(f"CHART={self.chart}: not rendered within {TEMPLATE_S:.0f} s") from error
            except CommandFailed as error:
                raise self.refusal(error.output) from error
        try:
            found = list(yaml.load_all(text, Loader=_LOADER))
        except yaml.YAMLError as error:
            raise UsageError(f"CHART={self.chart}: it does not render to YAML: {_line(str(error))}") from error
        return tuple(item for item in found if isinstance(item, dict))

    def refusal(self, output: str) -> UsageError:
        """Helm's output as an error that names the chart or the user's file, and the key.

        Args:
            output: Standard output and standard error of Helm.
        """
        text = essential(output)
        if _SCHEMA in text:
            return self._schema(text)
        if match := _MISSING.search(text):
            hint = "SUBCHARTS=off removes the subcharts that no drill needs"
            return UsageError(f"CHART={self.chart}: subcharts missing in its charts/: {match['names']}", hint=hint)
        if match := _REFUSED.search(text):
            return self._said(f"{match['at']}: {_line(match['what'])}", _keys_in(match["what"]))
        if found := list(_BROKEN.finditer(text)):
            last = found[-1]
            read = [match["path"].split(".") for match in _VALUE.finditer(last["code"])]
            return self._said(f"{last['at']}: <{_line(last['code'])}>: {_line(last['what'])}", read)
        if match := _MISMATCH.search(text):
            path = match["path"].split(".")
            return self._said(f"{match['path']}: Helm expects a mapping there", [path])
        return UsageError(f"CHART={self.chart}: {_line(text)}")

    def _schema(self, text: str) -> UsageError:
        above: list[str] = []
        found: list[tuple[list[str], str]] = []
        for line in text.splitlines():
            if match := re.fullmatch(r"([\w.-]+):", line):
                above = [] if match[1] == self.name else [self.called.get(match[1], match[1])]
            elif match := _POINTER.match(line):
                parts = [part.replace("~1", "/").replace("~0", "~") for part in match["pointer"].split("/")[1:]]
                found.append(([*above, *parts], match["what"]))
            elif match := _DOTTED.match(line):
                found.append(
                    ([*above, *(part for part in match["path"].split(".") if part != "(root)")], match["what"])
                )
        where = [f"{self._place([path])}: {'.'.join(path) or 'values'}: {_expected(what)}" for path, what in found]
        lines = sorted(dict.fromkeys(where)) or [f"CHART={self.chart}: {_line(text)}"]
        hint = "write it as the chart's own values.yaml has it: helm show values"
        return UsageError("\n".join(lines), hint=hint)

    def _said(self, what: str, paths: Iterable[list[str]]) -> UsageError:
        place = self._place(list(paths))
        chart = f"chart {self.name}: " if place.startswith("VALUES") else ""
        return UsageError(f"{place}: {chart}{what}", hint="the chart does not render with these values")

    def _place(self, paths: Iterable[list[str]]) -> str:
        """The user's file and line, if it sets one of the keys or a key above it; else the chart."""
        for path in paths:
            for depth in range(len(path), 0, -1):
                if self.own is not None and path and at(self.own.values, tuple(path[:depth]), _NOTHING) is not _NOTHING:
                    found = at(self.own.values, tuple(path[:depth]))
                    if depth == len(path) or not isinstance(found, Mapping):
                        return self.own.place(tuple(path[:depth]))
        return f"CHART={self.chart}"


_NOTHING = object()


def _expected(what: str) -> str:
    match = _GOT.search(what) or _GIVEN.search(what)
    return f"is of type {match['got']}, Helm expects {match['want']}" if match else what


def _keys_in(text: str) -> list[list[str]]:
    """Words of a chart's own message that look like keys, joined by dots."""
    return [word.split(".") for word in re.findall(r"[A-Za-z][\w-]*(?:\.[\w-]+)+|[A-Za-z][\w-]+(?=:)", text)]


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _TROUBLE_SHOWN else f"{line[:_TROUBLE_SHOWN]}..."
