"""Keys that no template reads: found by following templates, proven by rendering, and where they belong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit import charts_world

from promdrill.core import paths
from promdrill.core.errors import UsageError
from promdrill.helm.source import files
from promdrill.helm.templates.parse import NotParsed, parse
from promdrill.helm.templates.reads import reads_of
from promdrill.helm.values.dead import Dead, dead, refuse_another_charts
from promdrill.helm.values.user import Own, leaves


def chart(folder: Path, templates: Mapping[str, str], *, values: str = "", more: str = "", **subcharts: str) -> Path:
    charts_world.chart(folder, values=values, more=more)
    charts_world.write(folder, {f"templates/{name}": text for name, text in templates.items()})
    for name, text in subcharts.items():
        charts_world.chart(folder / f"charts/{name}", name)
        charts_world.write(folder, {f"charts/{name}/templates/a.yaml": text})
    return folder


def unread(folder: Path, own: str) -> set[str]:
    """The values of a user that a chart does not read."""
    values = yaml.safe_load(own)
    read = reads_of(folder, values)
    return {".".join(path) for path, _ in leaves(values) if not read.has(path)}


# A template, the values that it reads, and values that it does not.
FOLLOWED = {
    "a field": ("{{ .Values.a.b }}", "a: {b: 1}", "a: {c: 1}"),
    "all below what is shown": ("{{ toYaml .Values.a | nindent 2 }}", "a: {b: {c: 1}}", "b: 1"),
    "a condition alone": ("{{ if .Values.a }}x{{ end }}", "a: 1", "a: {b: 1}"),
    "both branches": (
        "{{- if .Values.a -}}{{ .Values.b }}{{- else if .Values.c }}{{ .Values.d }}{{ end }}",
        "d: 1",
        "e: 1",
    ),
    "with": ("{{ with .Values.a }}{{ .b }}{{ $.Values.c }}{{ end }}", "{a: {b: 1}, c: 1}", "a: {c: 1}"),
    "a variable": ("{{ $x := .Values.a }}{{ $x.b.c }}", "a: {b: {c: 1}}", "a: {b: {d: 1}}"),
    "range over a mapping": (
        "{{ range $k, $v := .Values.a }}{{ $k }}{{ $v.b }}{{ end }}",
        "a: {x: {b: 1}}",
        "a: {x: {c: 1}}",
    ),
    "range over a list": ("{{ range .Values.a }}{{ . }}{{ end }}", "a: [1]", "b: [1]"),
    "an include": ('{{ include "f" . }}{{ define "f" }}{{ .Values.a }}{{ end }}', "a: 1", "b: 1"),
    "an include of a part": ('{{ include "f" .Values.a }}{{ define "f" }}{{ .b }}{{ end }}', "a: {b: 1}", "a: {c: 1}"),
    "an include of a mapping": (
        '{{ include "f" (dict "root" $ "v" .Values.a) }}{{ define "f" }}{{ .root.Values.c }}{{ .v.b }}{{ end }}',
        "{a: {b: 1}, c: 1}",
        "a: {c: 1}",
    ),
    "an include of a list": (
        '{{ include "f" (list $ .Values.a) }}{{ define "f" }}{{ (index . 0).Values.c }}{{ (index . 1).b }}{{ end }}',
        "{a: {b: 1}, c: 1}",
        "{a: {c: 1}, b: 1}",
    ),
    "a name that is made up": (
        '{{ include (printf "%s" "f") . }}{{ define "f" }}{{ .Values.a }}{{ end }}',
        "a: 1",
        "b: 1",
    ),
    "index": (
        '{{ index .Values "a-b" "c" }}{{ (index .Values.d .Values.e).f }}',
        "{a-b: {c: 1}, d: {x: {f: 1}}}",
        "a-b: {d: 1}",
    ),
    "default and coalesce": ("{{ .Values.a | default .Values.b.c }}", "b: {c: {d: 1}}", "b: {d: 1}"),
    "hasKey": ('{{ if hasKey .Values.a "b" }}x{{ end }}', "a: {b: 1}", "a: {c: 1}"),
    "get and dig": ('{{ get .Values.a "b" }}{{ dig "c" "d" "" .Values.a }}', "a: {b: 1, c: {d: 1}}", "a: {c: {e: 1}}"),
    "merge": ("{{ $m := merge (dict) .Values.a .Values.b }}{{ $m.c }}", "b: {c: 1}", "b: {d: 1}"),
    "set": ('{{ $d := dict }}{{ $_ := set $d "x" .Values.a }}{{ $d.x.b }}', "a: {b: 1}", "a: {c: 1}"),
    "assigned in a branch": (
        "{{ $x := dict }}{{ if .Values.b }}{{ $x = .Values.a }}{{ end }}{{ $x.c }}",
        "a: {c: 1}",
        "a: {d: 1}",
    ),
    "assigned in a loop": (
        "{{ $x := .Values.a }}{{ range .Values.l }}{{ $x.c }}{{ $x = $.Values.b }}{{ end }}",
        "b: {c: 1}",
        "b: {d: 1}",
    ),
    "tpl": ("{{ tpl .Values.a . }}", "a: '{{ .Values.b.c }}'\nb: {c: 1}", "b: {c: 1}"),
    "quotes and comments": (
        '{{/* .Values.b }} */}}{{ printf "}}{{ .Values.c" }}{{ .Values.a }}',
        "a: 1",
        "{b: 1, c: 1}",
    ),
    "not in a note": ("{{ .Values.a }}", "a: 1", "note: 1"),
}


@pytest.mark.parametrize("what", FOLLOWED)
def test_what_a_template_reads(tmp_path: Path, what: str) -> None:
    template, read, other = FOLLOWED[what]
    made = chart(tmp_path, {"a.yaml": template, "NOTES.txt": "{{ .Values.note }}"})
    assert unread(made, read) == set()
    assert unread(made, other), "a check that finds nothing"


def test_what_subcharts_read(tmp_path: Path) -> None:
    more = """\
dependencies:
  - {name: exporter, version: 1, alias: exports, condition: exports.used}
  - {name: gone, version: 1}
"""
    made = chart(
        tmp_path, {"a.yaml": "{{ .Values.global.x }}"}, more=more, exporter="{{ .Values.a }}{{ .Values.global.y }}"
    )
    assert unread(made, "exports: {a: 1, used: false, global: {y: 1}}\nglobal: {x: 1, y: 2}\ngone: {any: 1}") == set()
    assert unread(made, "exports: {b: 1}\nexporter: {a: 1}\na: 1\nglobal: {z: 1}") == {
        "exports.b", "exporter.a", "a", "global.z"
    }  # fmt: skip


def test_what_cannot_be_followed_counts_as_read(tmp_path: Path) -> None:
    assert unread(chart(tmp_path / "1", {"a.yaml": "{{ if }}{{ .Values.a }}"}), "b: {c: 1}") == set()
    assert unread(chart(tmp_path / "2", {"a.yaml": "{{ .Values | unheardOf }}"}), "b: {c: 1}") == set()
    text = (
        '{{ include "f" (dict "x" (list .Values.a)) }}{{ define "f" }}{{ include "f" (dict "x" (list .x)) }}{{ end }}'
    )
    assert unread(chart(tmp_path / "3", {"a.yaml": text}), "a: {c: 1}") == set()


@pytest.mark.parametrize("text", ["{{ if }}", "{{ end }}", "{{ if .a }}", "{{ (.a }}", "{{ . | }}", "{{ ^ }}"])
def test_what_is_no_template(text: str) -> None:
    with pytest.raises(NotParsed):
        parse(text)


TEMPLATES = {
    "a.yaml": "{{ toYaml .Values.server.podLabels }}{{ .Values.server.nodeSelector }}{{ .Values.server.size }}"
}


def found(tmp_path: Path, own: str, **more: Any) -> list[tuple[str, str, str]]:
    made = chart(tmp_path / "chart", {**TEMPLATES, **more.pop("templates", {})}, values=more.pop("values", ""))
    file = tmp_path / "own.yaml"
    file.write_text(own, encoding="utf-8")
    return [(each.path, each.place.rpartition(":")[2], each.belongs) for each in dead(made, Own.read(file), **more)]


def test_where_dead_keys_belong(tmp_path: Path) -> None:
    own = """\
nodeSelector: {a: b}
server:
  labels: {a: b}
  nodeselector: {a: b}
  szie: 1
pushgateway: {enabled: true}
alertmanagerFiles: {alertmanager.yml: {route: {}}}
strange: 1
global: {x: 1}
"""
    assert found(tmp_path, own) == [
        ("nodeSelector", "1", "server.nodeSelector"),
        ("server.labels", "3", "server.podLabels"),
        ("server.nodeselector", "4", "server.nodeSelector"),
        ("server.szie", "5", "server.size"),
        ("pushgateway", "6", "prometheus-pushgateway"),
        ("alertmanagerFiles", "7", "alertmanager.config"),
        ("strange", "8", ""),
        ("global", "9", ""),
    ]


def test_a_name_that_repeats_the_one_above_it_was_meant(tmp_path: Path) -> None:
    templates = {"s.yaml": "{{ .Values.service.nodePort }}{{ .Values.service.servicePort }}"}
    assert found(tmp_path, "service: {port: 80}", templates=templates) == [("service.port", "1", "service.servicePort")]


def test_a_copy_of_the_charts_values_has_no_dead_key(tmp_path: Path) -> None:
    values = "server: {size: 1}\nlingers: {a: 1, b: 2}\n"
    assert found(tmp_path / "1", values, values=values) == []
    assert found(tmp_path / "2", "lingers: {a: 1, b: 3}", values=values) == [("lingers", "1", "")]
    ours = paths.own_chart()
    assert dead(ours, Own((), (), files.values(ours))) == ()


def test_a_key_that_makes_a_difference_is_not_dead(tmp_path: Path) -> None:
    seen: list[Mapping[str, Any]] = []

    def render(values: Mapping[str, Any]) -> object:
        seen.append(values)
        return values.get("b"), values["server"]

    own = "a: 1\nb: 2\nc: 3\nserver: {size: 1}\n"
    assert [path for path, *_ in found(tmp_path, own, render=render)] == ["a", "c"]
    assert {"server": {"size": 1}} in seen


def test_what_renders_anew_each_time_proves_nothing(tmp_path: Path) -> None:
    numbers = iter(range(100))
    assert [path for path, *_ in found(tmp_path / "1", "a: 1", render=lambda _values: next(numbers))] == ["a"]

    def refused(_values: Mapping[str, Any]) -> object:
        raise UsageError("it does not render")

    assert [path for path, *_ in found(tmp_path / "2", "a: 1", render=refused)] == ["a"]


def test_a_renamed_key_of_a_newer_chart(tmp_path: Path) -> None:
    made = charts_world.chart(tmp_path, version="15.18.0")
    own = Own((), (), {"prometheus-pushgateway": {"enabled": True}})
    assert dead(made, own) == (Dead("prometheus-pushgateway", "SET", "pushgateway"),)


STACKS = {"prometheus": {"prometheusSpec": {"retention": "1d"}}, "grafana": {"enabled": False}}


def dead_keys(*paths: str) -> list[Dead]:
    return [Dead(path, "VALUES=a.yaml:1", "") for path in paths]


@pytest.mark.parametrize(
    ("values", "found", "chart", "other"),
    [
        (STACKS, ("prometheus", "grafana"), "prometheus", "kube-prometheus-stack"),
        ({"server": {"retention": "1d"}}, ("server",), "kube-prometheus-stack", "prometheus"),
        ({"serverFiles": {"a.b": 1}}, (r"serverFiles.a\.b",), "kube-prometheus-stack", "prometheus"),
    ],
)
def test_values_of_another_chart_are_refused(
    values: dict[str, Any], found: tuple[str, ...], chart: str, other: str
) -> None:
    with pytest.raises(UsageError, match=f"values of the chart {other}; no template of {chart}") as told:
        refuse_another_charts(Own((), (), values), dead_keys(*found), chart)
    assert told.value.hint == f"CHART=.../{other}, or values for {chart}"


@pytest.mark.parametrize(
    ("values", "found", "chart"),
    [
        (STACKS, ("prometheus",), "prometheus"),
        (STACKS, ("prometheus.prometheusSpec.x", "grafana"), "kube-prometheus-stack"),
        ({"sever": {"retention": "1d"}}, ("sever",), "prometheus"),
        ({}, (), "prometheus"),
        ({"server": {}}, (), "kube-prometheus-stack"),
    ],
    ids=["some are read", "its own", "misspelt", "none", "empty"],
)
def test_values_that_are_only_partly_wrong_are_not(values: dict[str, Any], found: tuple[str, ...], chart: str) -> None:
    refuse_another_charts(Own((), (), values), dead_keys(*found), chart)
