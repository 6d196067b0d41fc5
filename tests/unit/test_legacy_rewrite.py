"""The post-renderer: what it edits, what it leaves alone, what it refuses."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from promdrill.core import yaml_edit
from promdrill.helm.post_renderer import rewrite
from promdrill.helm.post_renderer.apis import OLD, TABLE
from promdrill.helm.post_renderer.rewrite import rewritten


@pytest.fixture(autouse=True, params=["CSafeLoader", "SafeLoader"])
def _each_parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both parsers have to give the same places in the text."""
    monkeypatch.setattr(yaml_edit, "LOADER", getattr(yaml, request.param))


def made(text: str) -> str:
    """The stream that comes out; nothing is refused."""
    result = rewritten(text)
    assert not result.refused
    return result.text


def only(text: str) -> Any:
    """The one object that comes out."""
    return yaml.safe_load(made(text))


def refusal(text: str) -> str:
    """The one reason why it is not rewritten."""
    (reason,) = rewritten(text).refused
    return reason


UNTOUCHED = (
    "",
    "\n",
    "---\n---\n\n---\n# only a comment\n",
    "apiVersion: apps/v1\nkind:   Deployment # as it is\nmetadata: {name: 'x'}\n\n\n",
    "---\r\n# Source: a.yaml\r\napiVersion: v1\r\nkind: ConfigMap\r\n---\r\n",
    "--- # first\napiVersion: v1\n--- {apiVersion: v1, kind: ConfigMap}\n...\n",
    "apiVersion: v1\nkind: ConfigMap\ndata:\n  a: |\n    ---\n    apiVersion: extensions/v1beta1\n    kind: Ingress\n",
    "apiVersion: v1\nkind: ConfigMap\ndata:\n\tbad: extensions/v1beta1\n",  # no YAML, and Helm's to judge
    "apiVersion: policy/v1beta1\nkind: Eviction\n",  # in no row
    "apiVersion: example.com/v1\nkind: Deployment\nnote: apps/v1beta1\n",
)


@pytest.mark.parametrize("text", UNTOUCHED)
def test_what_needs_no_change_is_left_byte_for_byte(text: str) -> None:
    assert rewritten(text) == (text, (), ())


def test_only_the_version_changes_where_nothing_else_has_to() -> None:
    text = (
        "---\r\n# Source: p/templates/a.yaml\r\n\r\napiVersion:   'extensions/v1beta1' # old\r\nkind: Deployment\r\n"
        'metadata: {name: größe-🙂}\r\nspec:\r\n  selector: {matchLabels: {app: "1e3"}}\r\n---\r\nkind: Other # 1e3\r\n'
    )
    assert rewritten(text) == (
        text.replace("extensions/v1beta1", "apps/v1"),
        ("Deployment größe-🙂: extensions/v1beta1 becomes apps/v1",),
        (),
    )


def test_a_block_scalar_with_document_marks_stays_whole() -> None:
    text = (
        "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata:\n  annotations:\n    a: |\n      x\n"
        "      ---\n      apiVersion: policy/v1beta1\n"
    )
    assert made(text) == text.replace("policy/v1beta1", "policy/v1", 1)


@pytest.mark.parametrize("old", ["extensions/v1beta1", "apps/v1beta1", "apps/v1beta2"])
@pytest.mark.parametrize("kind", ["Deployment", "DaemonSet", "ReplicaSet", "StatefulSet"])
def test_a_workload_gets_the_selector_that_it_lacks(kind: str, old: str) -> None:
    text = (
        f"apiVersion: {old}\nkind: {kind}\nmetadata:\n  name: x\nspec:\n  # how many\n  replicas: 1\n  template:\n"
        '    metadata:\n      labels:\n        app: "true"\n        release: x # its own\n'
    )
    before, after = yaml.safe_load(text), only(text)
    assert after == {
        **before,
        "apiVersion": "apps/v1",
        "spec": {**before["spec"], "selector": {"matchLabels": {"app": "true", "release": "x"}}},
    }
    assert "# how many\n" in made(text)
    assert "release: x # its own\n" in made(text)
    assert made(text.replace("\n", "\r\n")) == made(text).replace("\n", "\r\n")
    assert rewritten(text).said[0].endswith("becomes apps/v1; spec.selector is the template's labels")


@pytest.mark.parametrize("selector", ["selector:", "selector: {}", "selector: null # none"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_an_empty_selector_is_filled(selector: str, end: str) -> None:
    text = (
        f"apiVersion: apps/v1beta1\nkind: Deployment\nspec:\n  templateGeneration: 2\n  {selector}\n  template:\n"
        "    metadata:\n      labels: {a: b}\n"
    ).replace("\n", end)
    assert only(text)["spec"] == {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}},
    }
    assert made(text).count("\r\n") == made(text).count("\n") * (end == "\r\n")


def test_flow_style_and_json() -> None:
    text = (
        '{"apiVersion": "apps/v1beta1", "kind": "Deployment", '
        '"spec": {"template": {"metadata": {"labels": {"a": "b"}}}}}'
    )
    assert made(text) == (
        '{"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"selector": {"matchLabels": {"a": "b"}}, '
        '"template": {"metadata": {"labels": {"a": "b"}}}}}'
    )


def test_a_daemonset_loses_its_generation_wherever_it_stands() -> None:
    line = "  templateGeneration: 3 # set by the server\n"
    text = (
        f"apiVersion: extensions/v1beta1\nkind: DaemonSet\nspec:\n  selector: {{matchLabels: {{a: b}}}}\n{line}  x: 1\n"
    )
    assert made(text) == text.replace("extensions/v1beta1", "apps/v1").replace(line, "")


INGRESS = """\
apiVersion: {version}
kind: Ingress
metadata:
  name: x
spec:
  backend: {{serviceName: fallback, servicePort: "8080"}}
  rules:
    - host: a.example # ours
      http:
        paths:
          - path: /
            backend:
              serviceName: "web"
              # the port's name
              servicePort: http
          - backend:
              servicePort: 80 # first
              serviceName: web
            pathType: Prefix
            path: /b
    - host: b.example
    - http:
        paths:
          - backend:
              resource: {{apiGroup: k8s.example.com, kind: Bucket, name: x}}
"""


@pytest.mark.parametrize("version", ["extensions/v1beta1", "networking.k8s.io/v1beta1"])
def test_an_ingress_names_its_backends_another_way(version: str) -> None:
    text = INGRESS.format(version=version)
    web = {"name": "web", "port": {"name": "http"}}
    resource = {"apiGroup": "k8s.example.com", "kind": "Bucket", "name": "x"}
    assert only(text) == {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "x"},
        "spec": {
            "defaultBackend": {"service": {"name": "fallback", "port": {"number": 8080}}},
            "rules": [
                {
                    "host": "a.example",
                    "http": {
                        "paths": [
                            {"pathType": "ImplementationSpecific", "path": "/", "backend": {"service": web}},
                            {
                                "backend": {"service": {"name": "web", "port": {"number": 80}}},
                                "pathType": "Prefix",
                                "path": "/b",
                            },
                        ]
                    },
                },
                {"host": "b.example"},
                {"http": {"paths": [{"pathType": "ImplementationSpecific", "backend": {"resource": resource}}]}},
            ],
        },
    }
    assert "# ours\n" in made(text)
    assert "# the port's name\n" in made(text)


def test_anchors_that_two_paths_share_are_edited_once() -> None:
    text = (
        "apiVersion: extensions/v1beta1\nkind: Ingress\nspec:\n  rules:\n    - http:\n        paths:\n"
        "          - {path: /a, backend: &b {serviceName: web, servicePort: 80}}\n          - {path: /c, backend: *b}\n"
    )
    first, second = only(text)["spec"]["rules"][0]["http"]["paths"]
    assert first["backend"] == second["backend"] == {"service": {"name": "web", "port": {"number": 80}}}


def test_a_budget_whose_empty_selector_means_another_thing_is_told() -> None:
    text = "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nspec: {minAvailable: 1, selector: {}}\n"
    assert made(text) == text.replace("v1beta1", "v1")
    assert "matched no pod and now matches every pod" in rewritten(text).said[0]


def test_a_pod_security_policy_is_left_out_and_told() -> None:
    policy = "---\n# Source: p\napiVersion: policy/v1beta1\nkind: PodSecurityPolicy\nmetadata:\n  name: x\n"
    others = ("---\napiVersion: v1\n", "---\nkind: Secret\n")
    result = rewritten(f"{others[0]}{policy}{others[1]}")
    assert result.text == "".join(others)
    assert result.said == (
        "PodSecurityPolicy x: policy/v1beta1 was removed in Kubernetes 1.25 and has no successor; it is left out",
    )
    assert rewritten(policy.removeprefix("---\n")).text == ""


METRICS = [
    (
        "type: Resource\n      resource:\n        name: cpu\n        targetAverageUtilization: 50",
        {"resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}},
    ),
    (
        "type: Resource\n      resource: {name: memory, targetAverageValue: 100Mi}",
        {"resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "100Mi"}}},
    ),
    (
        "type: Pods\n      pods:\n        metricName: requests\n        targetAverageValue: 1e3",
        {"pods": {"metric": {"name": "requests"}, "target": {"type": "AverageValue", "averageValue": "1e3"}}},
    ),
    (
        "type: External\n      external: {metricName: queue, targetValue: 30}",
        {"external": {"metric": {"name": "queue"}, "target": {"type": "Value", "value": 30}}},
    ),
]


@pytest.mark.parametrize(("metric", "wanted"), METRICS)
def test_an_autoscaler_writes_its_metrics_another_way(metric: str, wanted: dict[str, Any]) -> None:
    text = f"apiVersion: autoscaling/v2beta1\nkind: HorizontalPodAutoscaler\nspec:\n  metrics:\n    - {metric}\n"
    after = only(text)
    assert after["apiVersion"] == "autoscaling/v2"
    (metric_after,) = after["spec"]["metrics"]
    assert metric_after.pop("type")
    assert metric_after == wanted


@pytest.mark.parametrize(("old", "new"), [("autoscaling/v2beta2", "autoscaling/v2"), ("autoscaling/v1",) * 2])
def test_what_an_autoscaler_scales_is_named_anew(old: str, new: str) -> None:
    text = (
        f"apiVersion: {old}\nkind: HorizontalPodAutoscaler\nmetadata: {{name: x}}\nspec:\n  scaleTargetRef:\n"
        "    apiVersion: extensions/v1beta1\n    kind: Deployment\n    name: x\n"
    )
    assert made(text) == text.replace(old, new).replace("extensions/v1beta1", "apps/v1")
    assert "its target's extensions/v1beta1 becomes apps/v1" in rewritten(text).said[0]


def test_objects_of_a_list() -> None:
    text = (
        "apiVersion: v1\nkind: List\nitems:\n  - apiVersion: batch/v1beta1\n    kind: CronJob\n    metadata: {}\n"
        "  - apiVersion: v1\n    kind: Secret\n  - kind: Role\n    apiVersion: rbac.authorization.k8s.io/v1beta1\n"
    )
    assert made(text) == text.replace("v1beta1", "v1")
    assert len(rewritten(text).said) == 2
    assert "cannot be left out of a List" in refusal(
        text.replace("batch", "policy").replace("CronJob", "PodSecurityPolicy")
    )


HEAD = "metadata: {name: x}\nspec:\n"
BACKEND = "apiVersion: extensions/v1beta1\nkind: Ingress\n" + HEAD + "  "
METRIC = "apiVersion: autoscaling/v2beta1\nkind: HorizontalPodAutoscaler\n" + HEAD + "  metrics:\n  - "


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("apiVersion: apiextensions.k8s.io/v1beta1\nkind: CustomResourceDefinition\n" + HEAD, "requires a schema"),
        ("apiVersion: admissionregistration.k8s.io/v1beta1\nkind: MutatingWebhookConfiguration\n", "sideEffects"),
        ("apiVersion: apps/v1beta1\nkind: Deployment\n" + HEAD + "  replicas: 1\n", "no labels to make it from"),
        ("apiVersion: apps/v1beta1\nkind: Deployment\nmetadata: {name: x}\n", "no labels to make it from"),
        (BACKEND + "backend: {serviceName: x}\n", "without serviceName and servicePort"),
        (BACKEND + "backend: none\n", "without serviceName and servicePort"),
        (BACKEND + "a: &a x\n  backend: {serviceName: *a, servicePort: 80}\n", "serviceName is an alias"),
        (BACKEND + "backend:\n    serviceName: |\n      x\n    servicePort: 80\n", "is not written on one line"),
        (BACKEND + "backend: {serviceName: &a x, servicePort: 80}\n  b: *a\n", "undefined alias"),
        (METRIC + "type: Object\n    object: {metricName: x}\n", "a metric of type object with metricName"),
        (METRIC + "type: Pods\n    pods: {metricName: x, selector: {}}\n", "a metric of type pods with selector"),
        ("apiVersion: policy/v1beta1\nkind: [\n", "not one YAML document"),
        ("apiVersion: policy/v1beta1\nkind: x\n...\nkind: y\n", "not one YAML document"),
    ],
)
def test_what_cannot_be_rewritten_is_refused_by_name(text: str, why: str) -> None:
    assert why in refusal(f"kind: Before\n---\n{text}---\nkind: After\n")


def test_every_refusal_is_said() -> None:
    one = "apiVersion: apiextensions.k8s.io/v1beta1\nkind: CustomResourceDefinition\nmetadata: {name: %s}\n"
    assert [reason.split(":")[0] for reason in rewritten(f"{one % 'a'}---\n{one % 'b'}").refused] == [
        "CustomResourceDefinition a",
        "CustomResourceDefinition b",
    ]


def test_the_table_holds_each_kind_and_version_once_and_leads_to_none_that_is_gone() -> None:
    keys = [(kind, old) for row in TABLE for kind in row.kinds for old in row.old]
    assert len(keys) == len(set(keys))
    assert not OLD & {row.new for row in TABLE}
    assert all(row.new is None or row.old[-1] != row.new for row in TABLE)


def run(monkeypatch: pytest.MonkeyPatch, data: bytes) -> tuple[int, bytes]:
    output = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=output))
    return rewrite.main(), output.getvalue()


def test_bytes_that_are_no_text_go_through(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv(rewrite.SAID_VARIABLE, raising=False)
    data = b"# \xff\xfe\r\nkind: Secret\r\n---\napiVersion: batch/v1beta1\nkind: CronJob\n"
    assert run(monkeypatch, data) == (0, data.replace(b"v1beta1", b"v1"))
    assert capsys.readouterr().err == "promdrill: CronJob : batch/v1beta1 becomes batch/v1\n"


def test_a_refusal_writes_no_manifests(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(rewrite.SAID_VARIABLE, str(tmp_path / "said"))
    text = b"apiVersion: batch/v1beta1\nkind: CronJob\n---\napiVersion: extensions/v1beta1\nkind: Deployment\n"
    assert run(monkeypatch, text) == (1, b"")
    said = (tmp_path / "said").read_text(encoding="utf-8")
    assert (
        "Deployment : extensions/v1beta1 was removed in Kubernetes 1.16 and cannot be rewritten: apps/v1 requires"
        in said
    )
    assert "CronJob" not in said
    assert capsys.readouterr().err == "", "once is enough"
