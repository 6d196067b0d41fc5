"""A copy of our chart in which the documented remedy of disk-full no longer works.

    .venv/bin/python -m tests.charts.broken.make FOLDER

FOLDER, which must not exist, becomes the chart, at `VERSION`. It is as a maintainer may well have made it: Kubernetes
refuses a claim that shrinks, so somebody let the chart take a claim's size from the claim that is there. A first
installation is as ever; an upgrade with a larger `server.persistentVolume.size` succeeds, and changes nothing. In a
StatefulSet, whose claims have other names, and with `helm template`, which asks no cluster, it is as our chart.

The texts that are replaced have to be there exactly once: when the chart changes, this fails rather than that it makes
a copy that is not broken.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from promdrill.core import paths
from promdrill.core.errors import PromdrillError, UsageError

VERSION = "0.1.1"


@dataclass(frozen=True, slots=True)
class Change:
    """One text in a file of the chart, and what takes its place."""

    file: str
    before: str
    after: str


CHANGES = (
    Change("Chart.yaml", "\nversion: 0.1.0\n", f"\nversion: {VERSION}\n"),
    Change(
        "templates/_pod.tpl",
        """\
resources:
  requests:
    storage: {{ .size | quote }}
{{- with .selector }}
""",
        """\
{{- $claim := lookup "v1" "PersistentVolumeClaim" $.Release.Namespace (include "prometheus.server.fullname" $) }}
resources:
  requests:
    storage: {{ dig "spec" "resources" "requests" "storage" .size $claim | quote }}
{{- with .selector }}
""",
    ),
)


def make(folder: Path, *, chart: Path | None = None) -> None:
    """Write the copy.

    Args:
        folder: Becomes the chart; its parents are made.
        chart: What is copied; our own by default.

    Raises:
        UsageError: The folder is there, or cannot be written.
        PromdrillError: The chart is no longer as the changes expect it; nothing is written.
    """
    source = chart or paths.own_chart()
    changed = {change.file: _changed(source, change) for change in CHANGES}
    try:
        shutil.copytree(source, folder)
        for name, text in changed.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {folder}: {error.strerror}", hint="a folder that is not there") from error


def _changed(source: Path, change: Change) -> str:
    text = (source / change.file).read_text(encoding="utf-8")
    found = text.count(change.before)
    if found != 1:
        raise PromdrillError(
            f"{change.file} of {source} has this {found} times, not once:\n{change.before}",
            hint=f"bring CHANGES in {Path(__file__).name} up to the chart",
        )
    return text.replace(change.before, change.after)


def main() -> int:
    """Write the copy to the folder that is named."""
    parser = argparse.ArgumentParser(description="Write a copy of our chart whose remedy of disk-full is broken.")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="becomes the chart; must not be there")
    try:
        make(parser.parse_args().folder)
    except PromdrillError as error:
        print(f"FAILED: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
