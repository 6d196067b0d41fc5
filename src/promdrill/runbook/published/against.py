"""A runbook against a rendered chart: what its commands name that the chart does not make."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from promdrill.core.choices import nearest
from promdrill.runbook import facts
from promdrill.runbook.published import kinds, kubectl, scan
from promdrill.runbook.published.scan import Simple
from promdrill.runbook.published.translate import DRILLS_NAMESPACES


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that a command names and the chart does not make.

    Attributes:
        line: The command's line in the file.
        what: What is named, and where it should be.
        hint: The nearest that there is; may be empty.
    """

    line: int
    what: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A chart as Helm renders it.

    Attributes:
        name: Name and version of the chart.
        namespace: The namespace that it was rendered for.
        objects: What an install would create.
        values: The chart's own values.yaml.
        app_version: Version of Prometheus, without a leading v; empty if unknown.
        subcharts: Keys under which values of subcharts stand.
    """

    name: str
    namespace: str
    objects: Sequence[Mapping[str, Any]]
    values: Mapping[str, Any]
    app_version: str = ""
    subcharts: frozenset[str] = frozenset()
    names: Mapping[str, frozenset[str]] = field(init=False)
    containers: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Find the names."""
        found: dict[str, set[str]] = {}
        inside: set[str] = set()
        for item in self.objects:
            kind, name = str(item.get("kind", "")), str((item.get("metadata") or {}).get("name", ""))
            found.setdefault(kind, set()).add(name)
            inside |= {str(each.get("name")) for each in _containers(item)}
            for template in (item.get("spec") or {}).get("volumeClaimTemplates") or ():
                found.setdefault("PersistentVolumeClaim", set()).add(f"{template['metadata']['name']}-{name}-0")
            if kind in _MADE:
                _by_operator(kind, name, found, inside)
        object.__setattr__(self, "names", {kind: frozenset(names) for kind, names in found.items()})
        object.__setattr__(self, "containers", frozenset(inside))


_MADE = {"Prometheus": "prometheus", "Alertmanager": "alertmanager", "ThanosRuler": "thanos-ruler"}
_INSIDE = ("config-reloader", "init-config-reloader", "thanos-sidecar")

_FLAG = re.compile(
    r"--((?:config|web|storage|rules|alertmanager|query|scrape|log|discovery)\.[a-z][a-z.-]*[a-z])(?![\w.])"
)
FLAGS = facts.words(
    "config.file config.auto-reload config.auto-reload-interval web.listen-address web.config.file web.read-timeout "
    "web.max-connections "
    "web.max-notifications-subscribers web.external-url web.route-prefix web.user-assets "
    "web.enable-lifecycle web.enable-admin-api web.enable-remote-write-receiver web.enable-otlp-receiver "
    "web.console.templates web.console.libraries web.page-title web.cors.origin storage.tsdb.path "
    "storage.tsdb.retention storage.tsdb.retention.time storage.tsdb.retention.size storage.tsdb.no-lockfile "
    "storage.tsdb.allow-overlapping-blocks storage.tsdb.allow-overlapping-compaction "
    "storage.tsdb.wal-compression storage.tsdb.wal-compression-type storage.tsdb.head-chunks-write-queue-size "
    "storage.tsdb.min-block-duration storage.tsdb.max-block-duration storage.tsdb.max-block-chunk-segment-size "
    "storage.tsdb.wal-segment-size storage.tsdb.samples-per-chunk storage.agent.path "
    "storage.agent.wal-segment-size storage.agent.wal-compression storage.agent.wal-compression-type "
    "storage.agent.wal-truncate-frequency storage.agent.retention.min-time storage.agent.retention.max-time "
    "storage.agent.no-lockfile storage.agent.checkpoint-batch-size "
    "storage.agent.checkpoint-from-in-memory-series storage.tsdb.delay-compact-file.path "
    "web.remote-write-receiver.accepted-protobuf-messages web.search.max-limit "
    "storage.remote.flush-deadline storage.remote.read-sample-limit "
    "storage.remote.read-concurrent-limit storage.remote.read-max-bytes-in-frame rules.alert.for-outage-tolerance "
    "rules.alert.for-grace-period rules.alert.resend-delay rules.max-concurrent-evals "
    "alertmanager.notification-queue-capacity alertmanager.notification-batch-size alertmanager.timeout "
    "alertmanager.drain-notification-queue-on-shutdown query.lookback-delta query.timeout query.max-concurrency "
    "query.max-samples scrape.adjust-timestamps scrape.timestamp-tolerance scrape.discovery-reload-interval "
    "scrape.name-escaping-scheme log.level log.format"
)
"""Flags of Prometheus 2 and 3 with a dot in their names: docs/command-line/prometheus.md of 2.47 to 3.16, and those
that cmd/prometheus/main.go hides."""

_GONE = {"storage.tsdb.retention": "storage.tsdb.retention.time", "storage.tsdb.allow-overlapping-blocks": "",
         "alertmanager.timeout": ""}  # fmt: skip
"""Flags that version 3 no longer has, and what to write instead."""

_METRIC = re.compile(
    r"(?<![\w.:/-])((?:kube|node|container|kubelet|alertmanager|pushgateway|cadvisor)_[a-z0-9_]+)(?![\w.-])"
)
_QUERIES = re.compile(r"\bquery\b|promtool|\bexpr\b|api/v1/")
_COMPONENTS = {
    "kube": ("kube-state-metrics", "kube-state-metrics"),
    "node": ("node-exporter", "node-exporter"),
    "alertmanager": ("alertmanager", "alertmanager"),
    "pushgateway": ("pushgateway", "pushgateway"),
    "container": ("a scrape of cAdvisor", "cadvisor"),
    "cadvisor": ("a scrape of cAdvisor", "cadvisor"),
    "kubelet": ("a scrape of kubelets", "kubelet|kubernetes-nodes"),
}
_NOT_METRICS = frozenset({"node_name", "node_port", "container_name", "node_modules", "kube_config", "container_id"})


def missing(
    commands: Sequence[tuple[int, str]], queries: Sequence[tuple[int, str]], chart: Rendered
) -> tuple[Missing, ...]:
    """What the commands and queries of a runbook name that a rendered chart does not make, in order, each once.

    Args:
        commands: Commands with their lines; what is left to a drill stands in ``⟦⟧``, and is never missing.
        queries: Blocks of PromQL with their lines.
        chart: The chart.
    """
    found: list[Missing] = []
    made: set[str] = set()
    for line, command in commands:
        for simple in scan.simples(command):
            if simple.program in {"kubectl", "oc"}:
                call = kubectl.call(simple)
                if call.verb == "create":
                    made |= {word.plain for word in call.rest}
                found += _named(line, call, chart, made)
            elif simple.program == "helm":
                found += _keys(line, simple, chart)
        found += _flags(line, command, chart)
        if _QUERIES.search(command):
            found += _metrics(line, command, chart)
    for line, query in queries:
        found += _metrics(line, query, chart)
    return tuple(dict.fromkeys(sorted(found, key=lambda each: each.line)))


def _named(line: int, call: kubectl.Call, chart: Rendered, made: set[str]) -> Iterator[Missing]:
    places = DRILLS_NAMESPACES | {chart.namespace} | chart.names.get("Namespace", frozenset()) | made
    namespace = call.value("n", "namespace")
    if namespace and _literal(namespace) and namespace not in places:
        yield Missing(line, f"namespace {namespace}: {chart.name} is in {chart.namespace}")
    elsewhere = namespace in DRILLS_NAMESPACES
    for word, name in call.target:
        kind = kinds.kind_of(word)
        if kind is None or name is None or kind in kinds.DRILLS_OWN or elsewhere or call.verb == "exec":
            continue
        there = chart.names.get(kind, frozenset())
        if _literal(name.plain) and name.plain not in there | made:
            hint = f"it makes {nearest(name.plain, there)}" if there else f"it makes no {kind}"
            yield Missing(line, f"{kind} {name.plain}: {chart.name} makes none of that name", hint)
    container = call.value("c", "container")
    if (
        container
        and _literal(container)
        and not elsewhere
        and container not in chart.containers
        and call.verb in {"logs", "exec"}
    ):
        hint = f"it has {', '.join(sorted(chart.containers)[:8])}"
        yield Missing(line, f"container {container}: no pod of {chart.name} has one of that name", hint)


def _keys(line: int, simple: Simple, chart: Rendered) -> Iterator[Missing]:
    """Keys of ``--set`` that the chart's values.yaml does not have."""
    call = kubectl.call(simple)
    words = [word.plain for word in simple.words]
    texts = [words[at + 1] for at, word in enumerate(words[:-1]) if word in {"--set", "--set-string", "--set-json"}]
    texts += [word.partition("=")[2] for word in words if re.match(r"--set(?:-string|-json)?=", word)]
    if not texts or not call.head:
        return
    for text in texts:
        for part in re.split(r"(?<!\\),(?=[\w.\\-]+(?:\[\d+\])?=)", text):
            path = re.split(r"(?<!\\)\.", part.partition("=")[0])
            wrong = _dead(path, chart)
            if wrong:
                yield Missing(line, f"value {'.'.join(path)}: values.yaml of {chart.name} has no such key", wrong)


def _dead(path: Sequence[str], chart: Rendered) -> str:
    """The nearest key, if a path leads to none; empty if it does, or may."""
    here: Any = chart.values
    for depth, part in enumerate(path):
        key = re.sub(r"\[\d+\]$", "", part).replace("\\", "")
        if not isinstance(here, Mapping) or not here or key in chart.subcharts:
            return ""
        if key not in here:
            return ".".join([*path[:depth], nearest(key, (str(each) for each in here))])
        here = here[key]
    return ""


def _flags(line: int, command: str, chart: Rendered) -> Iterator[Missing]:
    third = chart.app_version.partition(".")[0].isdigit() and int(chart.app_version.partition(".")[0]) > 2  # noqa: PLR2004
    for flag in dict.fromkeys(_FLAG.findall(command)):
        if flag not in FLAGS:
            yield Missing(line, f"flag --{flag}: Prometheus has none of that name", f"--{nearest(flag, sorted(FLAGS))}")
        elif third and flag in _GONE:
            yield Missing(
                line,
                f"flag --{flag}: Prometheus {chart.app_version} no longer has it",
                _GONE[flag] and f"--{_GONE[flag]}",
            )


def _metrics(line: int, text: str, chart: Rendered) -> Iterator[Missing]:
    everything = None
    for metric in dict.fromkeys(_METRIC.findall(text)):
        what, words = _COMPONENTS[metric.partition("_")[0]]
        everything = everything or repr(list(chart.objects)).lower()
        if metric not in _NOT_METRICS and not re.search(words, everything):
            yield Missing(line, f"metric {metric}: it comes from {what}, which {chart.name} does not have as rendered")


def _containers(item: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    spec = item.get("spec") or {}
    pod = (
        (spec.get("template") or {})
        if item.get("kind") != "CronJob"
        else ((spec.get("jobTemplate") or {}).get("spec") or {}).get("template") or {}
    ).get("spec") or {}
    yield from (*(pod.get("containers") or ()), *(pod.get("initContainers") or ()))


def _by_operator(kind: str, name: str, found: dict[str, set[str]], inside: set[str]) -> None:
    """What the Prometheus operator makes of one of its objects."""
    word = _MADE[kind]
    found.setdefault("StatefulSet", set()).add(f"{word}-{name}")
    found.setdefault("Service", set()).add(f"{word}-operated")
    found.setdefault("Secret", set()).add(f"{word}-{name}")
    found.setdefault("PersistentVolumeClaim", set()).add(f"{word}-{name}-db-{word}-{name}-0")
    inside |= {word, *_INSIDE}


def _literal(word: str) -> bool:
    """Whether a word is a name as it stands: nothing in it is expanded or left to a drill."""
    return re.fullmatch(r"[a-z0-9][a-z0-9.-]*", word) is not None
