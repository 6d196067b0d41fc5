"""manifests/manual: every name that one object says of another is there, and a second install fits beside the first.

The checks of `tests.unit.manual_checks` are asked of the files as they are, of the same under another name, and of the
files with one mistake, which they have to find.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from tests.unit.manual_checks import (
    FITTING,
    FOLDER,
    MISTAKES,
    OF_THE_CLUSTER,
    SHIPPED,
    WORD,
    Texts,
    clashing,
    config,
    objects,
    of_kind,
    renamed,
    server,
    workloads,
)

from promdrill.core.paths import images_dir, scenarios_dir
from promdrill.install.manifests import APP_VERSION
from promdrill.install.manual import JOBS
from promdrill.observe.quantity import size_bytes
from promdrill.request import needed_images
from promdrill.supply.build import catalogue

README = (FOLDER / "README.md").read_text(encoding="utf-8")
NODE = "promdrill-control-plane"
PART_OF = ("app.kubernetes.io/part-of", "promdrill-manual")


@pytest.mark.parametrize("name", [WORD, "drill-permission-denied"])
@pytest.mark.parametrize("check", FITTING)
def test_everything_fits(check: Callable[[Texts], Iterator[str]], name: str) -> None:
    assert list(check(renamed(SHIPPED, name))) == []


def test_two_installs_fit_into_one_cluster() -> None:
    assert list(clashing(SHIPPED)) == []


@pytest.mark.parametrize(("check", "number", "right", "wrong", "problem"), MISTAKES)
def test_a_mistake_is_found(
    check: Callable[[Texts], Iterator[str]], number: str, right: str, wrong: str, problem: str
) -> None:
    (file,) = (each for each in SHIPPED if each.startswith(number))
    assert SHIPPED[file].count(right) == 1
    problems = list(check({**SHIPPED, file: SHIPPED[file].replace(right, wrong)}))
    assert any(problem in each for each in problems), problems


def places(value: Any, path: str = "") -> Iterator[str]:
    """Where the word stands, as the path to it and the text around it."""
    if isinstance(value, dict):
        assert WORD not in str(list(value)), path
        for key, below in value.items():
            yield from places(yaml.safe_load(below) if path == ".data" else below, f"{path}.{key}")
    elif isinstance(value, list):
        for below in value:
            yield from places(below, path)
    elif WORD in str(value):
        yield f"{path}={value}"


def test_the_word_to_replace_stands_for_the_namespace_and_for_what_a_cluster_has_once() -> None:
    found = {(each["kind"], place) for each in objects(SHIPPED) for place in places(each)}
    own = {f".metadata.namespace={WORD}", f".subjects.namespace={WORD}"}
    assert {(kind, place) for kind, place in found if place not in own} == {
        ("Namespace", ".metadata.name=monitoring"),
        *((kind, ".metadata.name=prometheus-monitoring") for kind in OF_THE_CLUSTER - {"Namespace"}),
        *((kind, ".metadata.name=kube-state-metrics-monitoring") for kind in ("ClusterRole", "ClusterRoleBinding")),
        *((kind, ".roleRef.name=prometheus-monitoring") for kind in ("ClusterRoleBinding",)),
        *((kind, ".roleRef.name=kube-state-metrics-monitoring") for kind in ("ClusterRoleBinding",)),
        ("PersistentVolume", ".spec.storageClassName=manual-monitoring"),
        ("PersistentVolume", ".spec.hostPath.path=/opt/prometheus/monitoring"),
        ("PersistentVolumeClaim", ".spec.storageClassName=manual-monitoring"),
        (
            "ConfigMap",
            ".data.prometheus.yml.scrape_configs.static_configs.targets=kube-state-metrics.monitoring.svc:8080",
        ),
        ("ConfigMap", ".data.prometheus.yml.scrape_configs.kubernetes_sd_configs.namespaces.names=monitoring"),
        ("Deployment", ".spec.template.spec.containers.args=--namespaces=monitoring"),
    }


def test_no_comment_has_the_word_and_it_is_spelt_in_one_way() -> None:
    text = "\n".join(SHIPPED.values())
    assert not re.search(rf"(^|\s)#.*{WORD}", text, re.IGNORECASE | re.MULTILINE)
    assert set(re.findall(WORD, text, re.IGNORECASE)) == {WORD}


def test_what_the_harness_replaces_stands_there_once() -> None:
    lines = [line.strip() for text in SHIPPED.values() for line in text.splitlines()]
    assert [line for line in lines if NODE in line] == [f"- {NODE} # your node: kubectl get nodes"]
    common = ["scrape_interval: 10s", "scrape_timeout: 10s", "evaluation_interval: 10s"]
    large = ["scrape_interval: 30s", "scrape_timeout: 20s"]  # one entry in a scenario's values does for all of them
    times = [line for line in lines if re.search(r"(interval|timeout):", line)]
    assert times == common + 3 * large
    settings = config(objects(SHIPPED))[1]
    assert {f"{key}: {value}" for key, value in settings["global"].items()} == set(common)
    assert [job["job_name"] for job in settings["scrape_configs"] if "scrape_interval" in job] == [
        "kubernetes-apiservers",
        "kubernetes-nodes",
        "kubernetes-nodes-cadvisor",
    ]


def test_the_server_is_what_the_incident_had() -> None:
    found = objects(SHIPPED)
    pod, container = server(found)
    (deployment,) = (each for each in of_kind(found, "Deployment") if each["metadata"]["name"] == "prometheus")
    assert (deployment["spec"]["replicas"], deployment["spec"]["strategy"]) == (1, {"type": "Recreate"})
    assert [each["metadata"]["name"] for each in of_kind(found, "PersistentVolumeClaim")] == ["prometheus"]
    nobody = {"runAsUser": 65534, "runAsGroup": 65534, "runAsNonRoot": True, "fsGroup": 65534}
    assert (pod["securityContext"], pod["terminationGracePeriodSeconds"]) == (nobody, 30)
    assert (container["name"], container["image"]) == ("prometheus", "quay.io/prometheus/prometheus:v2.48.0")
    assert {"--web.enable-lifecycle", "--storage.tsdb.path=/prometheus"} <= set(container["args"])
    assert [container[probe]["httpGet"]["path"] for probe in ("readinessProbe", "livenessProbe")] == [
        "/-/ready",
        "/-/healthy",
    ]
    (service,) = (
        each["spec"] for each in of_kind(found, "Service") if each["metadata"]["name"] == "prometheus-service"
    )
    assert (service["type"], service["ports"]) == ("NodePort", [{"name": "http", "port": 8080, "targetPort": 9090}])
    assert tuple(job["job_name"] for job in config(found)[1]["scrape_configs"]) == JOBS


def test_size_retention_is_at_most_85_percent_of_the_claim() -> None:
    found = objects(SHIPPED)
    (flag,) = (arg for arg in server(found)[1]["args"] if "retention.size" in arg)
    (claim,) = of_kind(found, "PersistentVolumeClaim")
    kept_bytes = size_bytes(flag.partition("=")[2].replace("GB", "Gi"))  # Prometheus counts in powers of two
    assert kept_bytes <= 0.85 * size_bytes(claim["spec"]["resources"]["requests"]["storage"])


def test_every_scraped_service_is_annotated_and_no_other_is_scraped_twice() -> None:
    annotated = {
        each["metadata"]["name"]: each["metadata"]["annotations"]
        for each in of_kind(objects(SHIPPED), "Service")
        if "annotations" in each["metadata"]
    }
    assert annotated == {"node-exporter": {"prometheus.io/scrape": "true"}}


def test_every_object_and_pod_is_labelled_and_has_requests_without_limits() -> None:
    found = objects(SHIPPED)
    for each in (*found, *(template for _, template, _ in workloads(found))):
        assert PART_OF in each["metadata"]["labels"].items()
    for _, _, container in workloads(found):
        assert container["resources"].keys() == {"requests"}


def test_every_image_is_made_by_the_catalogue_and_is_loaded() -> None:
    loaded = catalogue.load(images_dir())
    images = {container["image"] for _, _, container in workloads(objects(SHIPPED))}
    assert len(images) == 3
    assert images <= set(needed_images.drilled_images([scenarios_dir() / "permission-denied"], APP_VERSION))
    assert images <= set(loaded.references())
    assert {loaded.image(image)[1].reference for image in images} == images


def test_rules_are_whole() -> None:
    groups = yaml.safe_load(config(objects(SHIPPED))[0]["prometheus.rules"])["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert all(("record" in rule) != ("alert" in rule) and rule["expr"] for rule in rules)
    assert all("summary" in rule["annotations"] for rule in rules if "alert" in rule)
    assert "job:up:sum" in {rule.get("record") for rule in rules}


def test_readme_names_every_file_and_the_folder_as_it_is() -> None:
    assert re.findall(r"^\| `(\d\d-[a-z-]+\.yaml)` \|", README, re.MULTILINE) == list(SHIPPED)
    (volume,) = of_kind(objects(SHIPPED), "PersistentVolume")
    path, user = volume["spec"]["hostPath"]["path"], server(objects(SHIPPED))[0]["securityContext"]["runAsUser"]
    for line in (f"mkdir -p {path}", f"chown {user}:{user} {path}", f"chmod 0750 {path}", f"rm -r {path}"):
        assert re.search(rf"^ *{re.escape(line)}$", README, re.MULTILINE), line
    assert NODE in README
