"""References of images: read as Docker reads them, found in a mirror by their path, and found in manifests."""

import pytest
import yaml

from promdrill.artefacts.reference import Reference, engine_name, named_in, source_of
from promdrill.artefacts.registries import Registry
from promdrill.core.errors import SupplyError

NAME = "quay.io/prometheus/prometheus:v2.48.0"
OTHER = "b" * 64


@pytest.mark.parametrize(
    ("text", "host", "repository", "tag"),
    [
        ("quay.io/prometheus/prometheus:v2.48.0", "quay.io", "prometheus/prometheus", "v2.48.0"),
        ("busybox", "docker.io", "library/busybox", "latest"),
        ("docker.io/nginx:1.29", "docker.io", "library/nginx", "1.29"),
        ("grafana/grafana:10.4.0", "docker.io", "grafana/grafana", "10.4.0"),
        ("127.0.0.1:5000/a/b/c_d:x", "127.0.0.1:5000", "a/b/c_d", "x"),
        ("localhost/a", "localhost", "a", "latest"),
        ("mirror:5000/a-b", "mirror:5000", "a-b", "latest"),
    ],
)
def test_a_reference_is_read_as_docker_reads_it(text: str, host: str, repository: str, tag: str) -> None:
    found = Reference.of(text)
    assert found == Reference(host, repository, tag)
    assert found.name == f"{host}/{repository}:{tag}"
    assert Reference.of(f"{text}@sha256:{OTHER}") == Reference(host, repository, tag, OTHER)


@pytest.mark.parametrize("text", ["", "UPPER/case", "a:b:c", "a@sha256:1", "http://quay.io/a", "a b", "-a", "a/:x"])
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(SupplyError, match="is not an image reference"):
        Reference.of(text)


@pytest.mark.parametrize(
    ("mirror", "image", "name"),
    [
        ("docker.io", NAME, "quay.io/prometheus/prometheus"),
        ("docker.io", "nginx", "nginx"),
        ("docker.io", "grafana/grafana:10.4.0", "grafana/grafana"),
        ("mirror.example:5000", NAME, "mirror.example:5000/prometheus/prometheus"),
        ("mirror.example/all/of", "registry.k8s.io/a/b:c", "mirror.example/all/of/a/b"),
        ("mirror.example", "nginx", "mirror.example/library/nginx"),
    ],
)
def test_a_mirror_has_an_image_by_its_path(mirror: str, image: str, name: str) -> None:
    wanted = Reference.of(image)
    assert engine_name(wanted, source_of(wanted, Registry.of(mirror))) == name


def test_without_a_mirror_the_registry_of_the_name_is_asked() -> None:
    assert source_of(Reference.of(NAME), Registry.of("docker.io")).api == "https://quay.io"
    assert source_of(Reference.of("nginx"), Registry.of("docker.io")).api == "https://registry-1.docker.io"


def test_the_images_of_a_manifest_are_found_wherever_its_pod_is() -> None:
    text = """
kind: Pod
spec: {initContainers: [{name: a, image: busybox}], containers: [{name: b, image: "quay.io/x/y:1", args: [image]}]}
---
kind: CronJob
spec: {jobTemplate: {spec: {template: {spec: {containers: [{image: "quay.io/x/y:1", name: c}]}}}}}
---
kind: ConfigMap
data: {image: not-one, pod.yaml: "image: nor-this"}
"""
    assert named_in(yaml.safe_load_all(text)) == ("busybox", "quay.io/x/y:1")
    assert named_in([]) == ()


def test_what_the_operator_will_run_is_found_too() -> None:
    text = """
kind: Deployment
spec:
  template:
    spec:
      containers:
      - {image: "quay.io/o/operator:1", args: [--web, "--prometheus-config-reloader=quay.io/o/reloader:1"]}
---
{apiVersion: monitoring.coreos.com/v1, kind: Prometheus, spec: {image: "quay.io/p/prometheus:2"}}
---
{apiVersion: monitoring.coreos.com/v1, kind: Alertmanager, spec: {version: v0.27.0}}
---
{apiVersion: monitoring.coreos.com/v1, kind: ServiceMonitor, spec: {endpoints: []}}
"""
    assert named_in(yaml.safe_load_all(text)) == (
        "quay.io/o/operator:1",
        "quay.io/o/reloader:1",
        "quay.io/p/prometheus:2",
        "quay.io/prometheus/alertmanager:v0.27.0",
    )


@pytest.mark.parametrize(
    ("thanos", "found"),
    [("{image: quay.io/t/thanos:2}", ["quay.io/t/thanos:2"]), ("{}", ["quay.io/t/thanos:1"]), ("null", [])],
)
def test_the_sidecar_of_thanos_runs_only_where_a_resource_has_it(thanos: str, found: list[str]) -> None:
    operator = "quay.io/o/operator:1"
    text = f"""
kind: Deployment
spec: {{template: {{spec: {{containers: [
  {{image: "{operator}", args: ["--thanos-default-base-image=quay.io/t/thanos:1"]}}]}}}}}}
---
{{apiVersion: monitoring.coreos.com/v1, kind: Prometheus, spec: {{thanos: {thanos}}}}}
"""
    assert list(named_in(yaml.safe_load_all(text))) == [operator, *found]
