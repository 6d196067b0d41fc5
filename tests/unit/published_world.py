"""Published runbooks for tests, written here: nothing is copied from anybody's."""

from __future__ import annotations

from pathlib import Path

from promdrill.runbook import load
from promdrill.runbook.published.judged import Assessment, Judged

DISK = """---
title: Disk of Prometheus is full
weight: 7
---

# Disk of Prometheus is full

## Overview

The volume has no byte left.

## Troubleshooting

Look at the claim:

```console
$ kubectl -n <your-namespace> get pvc <pvc-name>
NAME   STATUS   VOLUME   CAPACITY
data   Bound    pv-1     1Gi
```

## Resolution

Ask for more:

```bash
kubectl -n <your-namespace> patch pvc <pvc-name> --type=merge \\
  -p '{"spec": {"resources": {"requests": {"storage": "<new-size>"}}}}'
```

- `kubectl -n <your-namespace> delete pod <pod>`
"""
"""One that a drill runs as it stands."""


def written(folder: Path, text: str, name: str = "any.md") -> Path:
    """A runbook in a file."""
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def judged(folder: Path, text: str, beside: str = "", **bound: str) -> Assessment:
    """A runbook, judged; with a file beside it if there is text for one."""
    file = written(folder, text)
    if beside:
        written(folder, beside, "any.drill.toml")
    return load.assessed(load.text_of(file), bound)


def remedy(folder: Path, commands: str, beside: str = "", language: str = "sh", **bound: str) -> tuple[Judged, ...]:
    """The judged commands of a runbook that has nothing but one block under Mitigation."""
    return judged(folder, f"## Mitigation\n\n```{language}\n{commands}\n```\n", beside, **bound).commands


def only(folder: Path, command: str, beside: str = "", language: str = "sh", **bound: str) -> Judged:
    """The one command of such a runbook."""
    (found,) = remedy(folder, command, beside, language, **bound)
    return found
