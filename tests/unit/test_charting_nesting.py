"""Files of GitOps tools and of umbrella charts as VALUES: which values are meant, and where each is."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from promdrill.core.errors import UsageError
from promdrill.helm.values import nesting
from promdrill.helm.values.dead import dead
from promdrill.helm.values.user import Own
from promdrill.request import changes, planning
from promdrill.request.changes import Change, Kind
from promdrill.request.request import Request

KEPT = ("server", "retention")

# Each has the retention 30d, in a line of its own that says so, and nothing else of the chart.
FILES = {
    "spec.values": """\
        apiVersion: source.toolkit.fluxcd.io/v1
        kind: OCIRepository
        spec: {url: oci://charts.example/prometheus}
        ---
        apiVersion: helm.toolkit.fluxcd.io/v2
        kind: HelmRelease
        metadata: {name: &name prometheus}
        spec:
          values:
            server:
              retention: 30d
              fullnameOverride: *name
        """,
    "spec.source.helm.valuesObject": """\
        apiVersion: argoproj.io/v1alpha1
        kind: Application
        spec:
          source:
            chart: prometheus
            helm:
              valuesObject: {server: {
                  retention: 30d
              }}
        """,
    "spec.sources[1].helm.values": """\
        apiVersion: argoproj.io/v1alpha1
        kind: Application
        spec:
          sources:
            - ref: other
              helm: {values: "grafana: {}"}
            - chart: prometheus
              helm:
                values: |

                  # a comment
                  server:
                    retention: 30d
        """,
    "spec.template.spec.source.helm.values": """\
        apiVersion: argoproj.io/v1alpha1
        kind: ApplicationSet
        spec:
          template:
            spec:
              source:
                helm:
                  values: "server: {retention: 30d}"
        """,
    "spec.valuesContent": """\
        apiVersion: helm.cattle.io/v1
        kind: HelmChart
        spec:
          valuesContent: |-
            server:
              retention: 30d
        """,
    "helmCharts[0].valuesInline": """\
        apiVersion: kustomize.config.k8s.io/v1beta1
        kind: Kustomization
        helmCharts:
          - name: prometheus
            valuesInline:
              server:
                retention: 30d
        """,
    "prometheus": """\
        grafana: {enabled: true}
        prometheus:
          server:
            retention: 30d
        """,
    "kube-prometheus-stack": """\
        server: {of: the umbrella chart}
        kube-prometheus-stack:
          server:
            retention: 30d
        """,
    "spec.source.helm.values.prometheus": """\
        apiVersion: argoproj.io/v1alpha1
        kind: Application
        spec:
          source:
            helm:
              values: |
                prometheus:
                  server:
                    retention: 30d
        """,
    "": """\
        server:
          retention: 30d
        prometheus: {server: {retention: 1d}}
        """,
}


def written(folder: Path, text: str, name: str = "own.yaml") -> Path:
    file = folder / name
    file.write_text(dedent(text), encoding="utf-8")
    return file


@pytest.mark.parametrize("way", FILES)
def test_values_are_found_in_a_file_as_it_is(way: str, tmp_path: Path) -> None:
    file = written(tmp_path, FILES[way])
    own = Own.read(file)
    assert own.values["server"]["retention"] == "30d"
    line = next(n for n, text in enumerate(file.read_text().splitlines(), 1) if "30d" in text)
    assert own.place(KEPT) == f"VALUES={file}:{line}"
    assert own.place_of("30d") == f"VALUES={file}:{line}"
    assert nesting.text_of(own.files[0].steps) == way
    assert [row.key for row in changes.nested(own)] == ([way] if way else [])
    saved = Request(values=own).write(tmp_path / "request.json")
    assert Request.read(saved).values == own, "another process has the same"


def test_the_row_says_where_the_values_begin(tmp_path: Path) -> None:
    file = written(tmp_path, FILES["prometheus"])
    [row] = changes.nested(Own.read(file))
    why = "your values are what is below it"
    assert row == Change(Kind.NESTED, "prometheus", place=f"VALUES={file}:3", why=why)


@pytest.mark.parametrize("alias", ["stack", "kube-prometheus-stack", "prometheus"])
def test_the_operators_chart_is_found_by_any_name(alias: str, tmp_path: Path) -> None:
    file = written(tmp_path, f"gateway: {{}}\n{alias}: {{prometheus: {{prometheusSpec: {{retention: 30d}}}}}}\n")
    assert Own.read(file).values == {"prometheus": {"prometheusSpec": {"retention": "30d"}}}


def test_one_file_shows_the_key_for_all(tmp_path: Path) -> None:
    """Beside the file of all clusters, one for a cluster says so little that it alone would not show whose it is."""
    little = written(tmp_path, "prometheus: {alertmanager: {enabled: false}}\nother: 1\n", "little.yaml")
    flat = written(tmp_path, "server: {replicaCount: 2}\n", "flat.yaml")
    assert Own.read(little).values == {"prometheus": {"alertmanager": {"enabled": False}}, "other": 1}
    both = Own.read(written(tmp_path, FILES["prometheus"]), little, flat)
    assert both.values == {"server": {"retention": "30d", "replicaCount": 2}, "alertmanager": {"enabled": False}}


@pytest.mark.parametrize(
    "text",
    [
        "prometheus: {prometheusSpec: {retention: 30d}}\ngrafana: {enabled: true}\n",
        "grafana: {enabled: true}\nalertmanager: {enabled: true}\n",
        "prometheus: {enabled: true}\n",
        "one: {prometheus: {prometheusSpec: {}}}\ntwo: {prometheus: {prometheusSpec: {}}}\n",
        "kind: none\n",
        "",
    ],
)
def test_a_charts_own_values_stay_as_they_are(text: str, tmp_path: Path) -> None:
    assert Own.read(written(tmp_path, text)).files[0].steps == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "# mine\napiVersion: argoproj.io/v1alpha1\nkind: Application\nspec: {source: {helm: {valueFiles: [a]}}}\n",
            r"own\.yaml:2: this is a Kubernetes object \(Application\), and it has no values of a chart",
        ),
        (
            "apiVersion: v1\nkind: Secret\n---\napiVersion: v1\nkind: ConfigMap\n",
            r"own\.yaml:1: this is a Kubernetes object \(Secret, ConfigMap\)",
        ),
        (
            "apiVersion: any/v1\nkind: Kustomization\nhelmCharts:\n- valuesInline: {a: 1}\n- valuesInline: {b: 1}\n",
            r"values of several charts: helmCharts\[0\]\.valuesInline \(VALUES=.*own\.yaml:4\) and helmCharts\[1\]",
        ),
        (
            "apiVersion: helm.cattle.io/v1\nkind: HelmChart\nspec:\n  valuesContent: |\n    a: 1\n    b: [\n",
            r"own\.yaml:7:1: not YAML",
        ),
        (
            "apiVersion: helm.cattle.io/v1\nkind: HelmChart\nspec:\n  valuesContent: |\n    - a\n",
            r"own\.yaml:5: must be a mapping of Helm values, not a list",
        ),
    ],
)
def test_objects_without_values_of_one_chart_are_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        Own.read(written(tmp_path, text))
    assert caught.value.hint


def test_of_a_key_that_appears_twice_the_last_one_counts_and_the_plan_says_so(tmp_path: Path) -> None:
    """As in Helm 4.3.1, which says nothing of it."""
    text = "prometheus:\n  server:\n    retention: 1d\n    size: 3\n    retention: 30d\n  server:\n    retention: 40d\n"
    file = written(tmp_path, text)
    own = Own.read(file)
    assert own.values == {"server": {"retention": "40d"}}
    assert own.place(KEPT) == f"VALUES={file}:7"
    made = written(tmp_path, "name: prometheus\nversion: 25.8.0\n", "Chart.yaml").parent
    (made / "templates").mkdir()
    written(made / "templates", "{{ .Values.server.retention }}", "a.yaml")
    assert [(each.path, each.place, each.again) for each in dead(made, own)] == [("server", f"VALUES={file}:2", 6)]


@pytest.mark.parametrize("inside", ["prometheus", "kube-prometheus-stack"])
def test_an_umbrella_chart_is_refused_with_the_chart_in_it(inside: str, tmp_path: Path) -> None:
    text = "name: {}\nversion: 1.0.0\ndependencies: [{{name: {}, version: 25.8.0, alias: any}}]\n"
    written(tmp_path, text.format("monitoring", inside), "Chart.yaml")
    with pytest.raises(UsageError, match=f"CHART={tmp_path}: an umbrella chart; {inside}, the chart in it") as caught:
        planning.refuse_umbrella(tmp_path)
    assert f"CHART=prometheus-community/{inside} CHART_VERSION=25.8.0" in caught.value.hint
    written(tmp_path, text.format(inside, "alertmanager"), "Chart.yaml")
    planning.refuse_umbrella(tmp_path)
