"""The storage manifests, the agent's image and the agent's own words fit together."""

import json
import re
from typing import Any

import yaml

from promdrill.cluster import storage
from promdrill.core import paths
from promdrill.faults import FEW_INODES
from promdrill.supply.build import catalogue

FOLDER = paths.manifests_dir() / "storage"
AGENT = paths.images_dir() / "volume-agent"
IMAGE = "docker.io/promdrill/volume-agent:0.1.0"


def config() -> dict[str, Any]:
    """What the ConfigMap that replaces the provisioner's holds."""
    data = yaml.safe_load((FOLDER / "provisioner-config.yaml").read_text())["data"]
    assert isinstance(data, dict)
    return data


def helper_pod() -> dict[str, Any]:
    """The template of the pod that makes a volume."""
    pod = yaml.safe_load(config()["helperPod.yaml"])
    assert isinstance(pod, dict)
    return pod


def test_the_agents_image_is_one_program_which_the_provisioner_starts_without_a_shell() -> None:
    image = catalogue.load(paths.images_dir()).image(IMAGE)[1]
    (program,) = image.files
    assert image.base == ()
    settings = json.loads(config()["config.json"])
    assert settings["setupCommand"] == settings["teardownCommand"] == program
    assert not {"setup", "teardown"} & set(config()), "a script would not be run"
    agent = next(item for item in _agent() if item["kind"] == "DaemonSet")
    (container,) = agent["spec"]["template"]["spec"]["containers"]
    assert container["command"] == [program]
    (helper,) = helper_pod()["spec"]["containers"]
    assert {f"docker.io/{each['image']}" for each in (container, helper)} == {IMAGE}


def test_the_helper_pod_can_run_the_nodes_mkfs() -> None:
    spec = helper_pod()["spec"]
    (helper,) = spec["containers"]
    (variable,) = re.findall(r'nodeRootVariable = "(\w+)"', (AGENT / "task.go").read_text())
    assert helper["env"] == [{"name": variable, "value": "/proc/1/root"}]
    assert (spec["hostPID"], helper["securityContext"]["privileged"]) == (True, True)
    # A path of the node's in the pod would hold on to the mounts of volumes while these are deleted.
    assert "volumes" not in spec
    assert helper["volumeMounts"] == [{"name": "data", "mountPropagation": "Bidirectional"}]


def test_every_annotation_is_the_agents_and_described() -> None:
    keys = set(re.findall(r'"(promdrill\.io/[\w-]+)"', (AGENT / "settings.go").read_text()))
    assert set(re.findall(r"promdrill\.io/[\w-]+", (FOLDER / "README.md").read_text())) == keys
    used = {key for test in paths.scenarios_dir().glob("*/test_*.py") for key in _annotations(test.read_text())}
    assert used | set(FEW_INODES["metadata"]["annotations"]) <= keys
    assert "promdrill.io/mkfs-options" not in used, "they mean something else on the other file system"


def test_the_root_of_the_volumes_is_the_same_everywhere() -> None:
    (root,) = json.loads(config()["config.json"])["nodePathMap"][0]["paths"]
    assert f"root=${{1:-{root}}}" in (FOLDER / "node/restore-volumes.sh").read_text()
    assert f'"root", "{root}"' in (AGENT / "main.go").read_text()
    assert storage.AGENT == "volume-agent"


def _agent() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((FOLDER / "agent.yaml").read_text()))


def _annotations(text: str) -> list[str]:
    return re.findall(r"promdrill\.io/[\w-]+", text)
