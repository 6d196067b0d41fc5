"""Every image that a shipped drill runs is known before anything starts, from the manifests that are applied."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from promdrill.artefacts import pins
from promdrill.artefacts.reference import Reference, named_in
from promdrill.core import paths
from promdrill.core.errors import UsageError
from promdrill.request import needed_images
from promdrill.request.scenarios import find_all
from promdrill.supply import OWN_IMAGES
from promdrill.witness.place import objects as witness_objects

AGENT, DEMO, RECEIVER = OWN_IMAGES
BUSYBOX, NGINX = "docker.io/library/busybox:1.37.0", "docker.io/library/nginx:1.26.3"
GRAFANA = "docker.io/grafana/grafana:10.4.0"
PROVISIONER = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: local-path-provisioner, namespace: local-path-storage}
spec: {template: {spec: {containers: [{name: p, image: "rancher/local-path-provisioner:v0.0.30"}]}}}
"""
STORAGE = {"docker.io/rancher/local-path-provisioner:v0.0.30", AGENT}


@pytest.fixture
def provisioner(tmp_path: Path) -> Path:
    file = tmp_path / "local-path-storage.yaml"
    file.write_text(PROVISIONER)
    return file


def _folders(*ids: str) -> list[Path]:
    return [paths.scenarios_dir() / name for name in ids]


def test_storage_is_in_every_cluster(provisioner: Path) -> None:
    assert {*needed_images.storage_images(provisioner)} == STORAGE


@pytest.mark.parametrize(
    ("scenario", "wanted"),
    [
        ("target-typo", set()),
        ("disk-full", {BUSYBOX}),
        ("cpu-throttled", {BUSYBOX}),
        ("retention-size", {BUSYBOX, DEMO}),
        ("restarts-metric", {NGINX}),
        ("dashboard-no-data", set()),
        (
            "permission-denied",
            {
                BUSYBOX,
                "quay.io/prometheus/prometheus:v2.55.1",
                "quay.io/prometheus/node-exporter:v1.9.1",
                "registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.20.0",
            },
        ),
        (
            "hpa-custom-metric",
            {
                BUSYBOX,
                DEMO,
                "quay.io/prometheus-operator/prometheus-config-reloader:v0.72.0",
                "quay.io/prometheus-operator/prometheus-operator:v0.72.0",
                "quay.io/prometheus/prometheus:v2.55.1",
                "registry.k8s.io/prometheus-adapter/prometheus-adapter:v0.12.0",
            },
        ),
    ],
)
def test_what_a_scenario_brings(scenario: str, wanted: set[str]) -> None:
    assert {*needed_images.drilled_images(_folders(scenario), "2.55.1")} == wanted


def test_the_alert_receiver_comes_with_rules_alone(provisioner: Path) -> None:
    shipped = [each.folder for each in find_all()]
    assert RECEIVER not in {
        *needed_images.storage_images(provisioner),
        *needed_images.drilled_images(shipped, "2.48.0"),
        *needed_images.optional_images(shipped),
    }


def test_a_drill_can_do_without_grafana() -> None:
    assert needed_images.optional_images(_folders("disk-full")) == ()
    assert needed_images.optional_images(_folders("dashboard-no-data", "restarts-metric")) == (GRAFANA,)


def test_no_shipped_manifest_runs_an_image_that_no_scenario_brings(provisioner: Path) -> None:
    shipped = [each.folder for each in find_all()]
    planned = {
        *needed_images.storage_images(provisioner),
        *needed_images.drilled_images(shipped, "2.48.0"),
        *needed_images.optional_images(shipped),
    }
    planned |= {Reference.of(text).name for text in named_in(witness_objects("quay.io/prometheus/prometheus:v2.48.0"))}
    folders = [paths.manifests_dir(), paths.scenarios_dir()]
    files = [file for folder in folders for file in folder.rglob("*.yaml") if "charts" not in file.parts]
    objects = [each for file in files for each in yaml.safe_load_all(file.read_text()) if isinstance(each, dict)]
    named = {Reference.of(text).name for text in named_in(objects)}
    assert len(named) > 8
    assert named <= planned


def test_every_image_of_a_shipped_drill_is_pinned_by_digest_or_ours(provisioner: Path) -> None:
    table, shipped = pins.Pins.load(), [each.folder for each in find_all()]
    for image in (
        *needed_images.storage_images(provisioner),
        *needed_images.drilled_images(shipped, "2.48.0"),
        *needed_images.optional_images(shipped),
    ):
        assert image in OWN_IMAGES or table.digest("image", image), image


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "test_mine.py").write_text("@pytest.mark.beside('grafan')\ndef test_mine(drill): ...\n")
    with pytest.raises(UsageError, match="no manifests in manifests/grafan"):
        needed_images.optional_images([folder])


def test_a_file_of_a_scenario_that_is_no_yaml_has_no_images(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "test_mine.py").write_text("@pytest.mark.images('a/b:1')\ndef test_mine(drill): ...\n")
    (folder / "broken.yaml").write_text("a: [")
    (folder / "list.yaml").write_text("[1]")
    assert {*needed_images.drilled_images([folder], "2.48.0")} == {"docker.io/a/b:1"}
