"""What Helm knows about the release: values, manifest, history."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from promdrill.core.clock import Deadline
from promdrill.core.redact import redact_lines, redact_yaml
from promdrill.evidence.sources import Collector, Sources
from promdrill.evidence.store import Artefact

HELM_S = 10.0
"""Seconds for one command: it takes half a second on an idle machine."""

_YAML = ("--output", "yaml")


def collectors() -> tuple[Collector, ...]:
    """One collector per command. YAML is redacted as YAML, and is not kept if that fails."""
    return (
        _command("values.yaml", redact_yaml, "get", "values", options=_YAML),
        _command("values-all.yaml", redact_yaml, "get", "values", options=("--all", *_YAML)),
        _command("manifest.yaml", redact_yaml, "get", "manifest"),
        _command("history.txt", redact_lines, "history"),
    )


def _command(file: str, clean: Callable[[str], str], *argv: str, options: tuple[str, ...] = ()) -> Collector:
    def gather(sources: Sources, deadline: Deadline) -> Iterable[Artefact]:
        said = sources.helm(*argv, sources.server.release, *options, deadline=deadline)
        return [Artefact(f"helm/{file}", clean(said), cut=clean is redact_lines)]

    return Collector(f"helm/{file.partition('.')[0]}", HELM_S, gather)
