"""The matrix as an Indexed Job: objects that Kubernetes takes, a pod for each cell, no verdict that is tried again."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
import signal
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client
from tests.unit.matrix_world import cell

from promdrill.cli import main
from promdrill.cli.parser import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_SOFTWARE, EXIT_USAGE
from promdrill.core import choices, shell
from promdrill.core.errors import UsageError
from promdrill.matrix import kubernetes
from promdrill.matrix.kubernetes import LIST, MOST_BYTES, NAME, Asked, to_kubernetes
from promdrill.supply import choose
from promdrill.supply.choose import Choice

TEXT = 'app_version = ["2.48.0", "3.14.0"]\nscenarios = ["disk-full"]\n'
FIRST, SECOND = "k1.36.3-p2.48.0-h4-disk-full", "k1.36.3-p3.14.0-h4-disk-full"
IMAGE = "registry.example/promdrill:1"
SCRIPT = Path(kubernetes.__file__).with_name("cell.sh")
VARIABLES = ("CELL", "JOBS", "SUPPLY", "SCENARIOS", "REPORTS", "BUNDLE", "RULES", "ALERTMANAGER", "ALERTS", "EVIDENCE")
Captured = pytest.CaptureFixture[str]
Objects = Mapping[str, dict[str, Any]]


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in (*VARIABLES, "PROMDRILL_PINS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(choose, "chosen", lambda wanted, _mirror: Choice("source", choose.check(wanted)))
    (tmp_path / "mine.toml").write_text(TEXT)


def own_scenario(folder: Path) -> None:
    (folder / "drills/my-own").mkdir(parents=True)
    (folder / "drills/my-own/test_my_own.py").write_text("def test_my_own(drill): pass\n")


def printed(capsys: Captured, *arguments: str) -> str:
    assert main.main(["matrix", "--format=kubernetes", f"--image={IMAGE}", *arguments]) == 0
    return capsys.readouterr().out


def objects(text: str) -> Objects:
    return {each["kind"]: each for each in yaml.safe_load_all(text)}


def loaded(capsys: Captured, *arguments: str) -> Objects:
    return objects(printed(capsys, "--file=mine.toml", *arguments))


def pod_of(found: Objects) -> dict[str, Any]:
    pod: dict[str, Any] = found["Job"]["spec"]["template"]["spec"]
    return pod


def container_of(found: Objects) -> dict[str, Any]:
    (container,) = pod_of(found)["containers"]
    return dict(container)


def carried_in(found: Objects) -> list[str]:
    packed = base64.b64decode(found["Secret"]["data"]["files.tgz"])
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        return archive.getnames()


KINDS = {"Namespace": "V1Namespace", "ConfigMap": "V1ConfigMap", "Secret": "V1Secret", "Job": "V1Job"}


def test_kubernetes_own_types_take_the_objects(capsys: Captured) -> None:
    """Those of its client, which are made from the API's OpenAPI and refuse what they do not know."""
    found = loaded(capsys)
    assert list(found) == list(KINDS)
    for kind, obj in found.items():
        getattr(client, KINDS[kind]).model_validate(obj)
    slips: list[dict[str, Any]] = [
        {"backoffLimitPerindex": 0},
        {"completions": "2"},
        {"template": {"spec": {"containers": [{}]}}},
    ]
    for slip in slips:
        with pytest.raises(ValueError, match=next(iter(slip))):
            client.V1Job.model_validate({**found["Job"], "spec": found["Job"]["spec"] | slip})


def test_the_cell_of_a_pod_is_the_line_of_its_index(capsys: Captured) -> None:
    found = loaded(capsys)
    spec = found["Job"]["spec"]
    assert found["ConfigMap"]["data"][LIST].splitlines() == [FIRST, SECOND]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 2, 2)
    part = loaded(capsys, "--shard=2/2")
    assert (part["ConfigMap"]["data"][LIST], part["Job"]["spec"]["completions"]) == (f"{SECOND}\n", 1)


def test_the_longest_cells_begin_first(capsys: Captured, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('scenarios = [["oom"], ["oom", "quota"], "all", ["disk-full"]]\n')
    ids = loaded(capsys)["ConfigMap"]["data"][LIST].split()
    assert ids == [f"k1.36.3-h4{end}" for end in ("", "-2-scenarios", "-oom", "-disk-full")]


def test_a_verdict_is_never_tried_again(capsys: Captured) -> None:
    spec = loaded(capsys)["Job"]["spec"]
    said, taken_away = spec["podFailurePolicy"]["rules"]
    assert (spec["backoffLimitPerIndex"], spec["template"]["spec"]["restartPolicy"]) == (0, "Never")
    assert "maxFailedIndexes" not in spec, "a red cell ends no other"
    assert "backoffLimit" not in spec
    assert said["action"] == "FailIndex", "and it comes first: a verdict counts even if the node goes at that moment"
    codes = said["onExitCodes"]
    assert (codes["containerName"], codes["operator"]) == (container_of(loaded(capsys))["name"], "In")
    assert set(codes["values"]) == {EXIT_FAILED, EXIT_USAGE, EXIT_SOFTWARE}
    assert EXIT_INTERRUPTED not in codes["values"], "it came to no verdict"
    assert taken_away == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}


def test_a_pod_has_what_a_cluster_inside_it_takes(capsys: Captured) -> None:
    found = loaded(capsys, "--supply=source")
    pod, container = pod_of(found), container_of(found)
    assert container["securityContext"] == {"privileged": True}
    assert container["resources"]["requests"] == {"cpu": "2", "memory": "8Gi", "ephemeral-storage": "18Gi"}
    assert container["resources"]["limits"] == {"memory": "8Gi", "ephemeral-storage": "18Gi"}
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert set(mounts) == set(volumes)
    env = {entry["name"]: entry["value"] for entry in container["env"]}
    for place in (env["PROMDRILL_CACHE_DIR"], env["PROMDRILL_STATE_DIR"]):
        assert place.startswith(f"{mounts['work']}/"), "Docker's layers cannot lie on the container's own"
    assert volumes["work"] == {"name": "work", "emptyDir": {}}
    assert (pod["dnsPolicy"], pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (
        "Default",
        False,
        False,
    )
    assert found["Namespace"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"


def test_the_deadline_of_the_job_is_enough_for_all_rounds_of_its_cells() -> None:
    text = to_kubernetes([cell(app=f"3.0.{number}") for number in range(1000)], Asked(IMAGE, "registry", parallelism=7))
    spec = objects(text)["Job"]["spec"]
    pod = spec["template"]["spec"]
    assert spec["parallelism"] == 7
    assert spec["activeDeadlineSeconds"] == 143 * (pod["activeDeadlineSeconds"] + pod["terminationGracePeriodSeconds"])


def test_the_command_is_one_that_promdrill_takes(capsys: Captured, tmp_path: Path) -> None:
    own_scenario(tmp_path)
    container = container_of(loaded(capsys, "--scenarios=drills", "--jobs=3", "--supply=registry"))
    given, work, _ = container["command"][-3:]
    assert {mount["mountPath"] for mount in container["volumeMounts"]} >= {given, work}
    assert container["args"] == ["--supply=source", "--jobs=3", "--file=mine.toml", "--scenarios=drills"]
    main.build_parser().parse_args(["matrix", "--run", f"--cell={FIRST}", "--reports=reports", *container["args"]])


def test_what_the_user_names_is_carried(capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.toml").write_text(f'{TEXT}values = ["ours/prod.yaml"]\nchart = [{{chart = "charts/p"}}]\n')
    for name in (
        "ours/prod.yaml",
        "charts/p/Chart.yaml",
        "charts/p/templates/a.yaml",
        "charts/p/__pycache__/x",
        "other",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a: b\n")
    (tmp_path / "rules.yaml").write_text("groups: [{name: a, rules: [{alert: A, expr: up == 0}]}]\n")
    monkeypatch.setenv("RULES", "own, rules.yaml")
    monkeypatch.setenv("EVIDENCE", "always")
    found = loaded(capsys)
    wanted = ["charts/p/Chart.yaml", "charts/p/templates/a.yaml", "mine.toml", "ours/prod.yaml", "rules.yaml"]
    assert carried_in(found) == wanted
    env = {entry["name"]: entry["value"] for entry in container_of(found)["env"]}
    assert (env["RULES"], env["EVIDENCE"]) == ("own, rules.yaml", "always")
    assert printed(capsys, "--file=mine.toml") == printed(capsys, "--file=mine.toml"), "the same cells, the same text"


def test_nothing_in_a_setting_is_replaced_by_the_kubelet() -> None:
    text = to_kubernetes([cell()], Asked(IMAGE, "registry", variables={"RULES": "$(HOME)"}))
    assert "$$(HOME)" in [entry["value"] for entry in container_of(objects(text))["env"]]


def test_a_namespace_of_the_users_is_left_as_it_is(capsys: Captured) -> None:
    found = loaded(capsys, "--namespace=ci", "--job=nightly")
    assert "Namespace" not in found
    assert {(each["metadata"]["namespace"], each["metadata"]["name"]) for each in found.values()} == {("ci", "nightly")}


@pytest.mark.parametrize(
    ("arguments", "cells", "delete"),
    [
        ([], "2 cells, each in a privileged pod.", f"promdrill delete job,configmap,secret {NAME}"),
        (
            [f"--cell={SECOND}", "--namespace=ci", "--job=again"],
            "1 cell, in a privileged pod.",
            "ci delete job,configmap,secret again",
        ),
    ],
)
def test_the_head_says_how_to_delete_what_holds_the_users_files(
    capsys: Captured, arguments: list[str], cells: str, delete: str
) -> None:
    head = [line for line in printed(capsys, "--file=mine.toml", *arguments).splitlines() if line.startswith("# ")]
    assert head[0].endswith(cells)
    assert f"# kubectl --kubeconfig FILE --context NAME --namespace {delete}" in head


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--image="], "the pods need an image"),
        (["--image=Not An Image"], "--image: 'Not An Image' is not an image reference"),
        (["--parallelism=0"], "--parallelism=0: not a whole number from 1 to 10000"),
        (["--job=My_Job"], "--job=My_Job: not a name"),
        ([f"--job={'j' * 58}"], "not a name: lower-case letters, digits and -, at most 57"),
        (["--namespace=-"], "--namespace=-: not a name"),
        (["--jobs=0"], "JOBS=0: not a whole number"),
        (["--kubeconfig=x"], "--kubeconfig: only with --collect"),
        (["--cache=x"], "--cache: only with --format gitlab"),
        (["--shard=3/2"], "--shard=3/2: not a part and the number of parts"),
    ],
)
def test_bad_input_is_refused(capsys: Captured, arguments: list[str], message: str) -> None:
    assert main.main(["matrix", "--format=kubernetes", f"--image={IMAGE}", "--file=mine.toml", *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--image=x", "--parallelism=2", "--job=x", "--namespace=x", "--context=x"])
def test_an_option_without_effect_is_refused(capsys: Captured, option: str) -> None:
    assert main.main(["matrix", "--file=mine.toml", option]) == 2
    assert f"{option.partition('=')[0]}: only with" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("LOGIN=x", "LOGIN=x: not allowed with a matrix"),
        ("BUNDLE=x", "BUNDLE"),
        ("RULES=../rules.yaml", "rules.yaml"),
        ("SCENARIOS=~/drills", "SCENARIOS=~/drills: a path in a pod must be relative"),
    ],
)
def test_what_a_pod_would_not_have_is_refused(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, message: str
) -> None:
    own_scenario(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(*said.split("=", 1))
    assert main.main(["matrix", "--format=kubernetes", f"--image={IMAGE}", "--file=mine.toml"]) == 2
    assert message in capsys.readouterr().err


def test_a_values_file_that_is_not_there_is_one_error_and_not_a_thousand_red_cells(
    capsys: Captured, tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text(f'{TEXT}values = ["prod.yaml"]\n')
    assert main.main(["matrix", "--format=kubernetes", f"--image={IMAGE}", "--file=mine.toml"]) == 2
    assert "cannot read prod.yaml: No such file or directory" in capsys.readouterr().err


def test_more_than_an_object_holds_is_refused() -> None:
    with pytest.raises(UsageError, match="the files for the cells have 1,048,577 bytes packed; a Secret holds 1,048,5"):
        to_kubernetes([cell()], Asked(IMAGE, "registry", files=bytes(MOST_BYTES + 1)))
    many = [cell(app=f"3.0.{number:0200}") for number in range(5000)]
    with pytest.raises(UsageError, match="the ids of 5000 cells are more than a ConfigMap holds"):
        to_kubernetes(many, Asked(IMAGE, "registry"))
    assert len(objects(to_kubernetes(many[:4000], Asked(IMAGE, "registry")))["ConfigMap"]["data"]) == 3


def test_the_whole_of_a_large_matrix_fits(tmp_path: Path, capsys: Captured) -> None:
    versions = ", ".join(f'"3.0.{number}"' for number in range(1000))
    (tmp_path / "mine.toml").write_text(f"app_version = [{versions}]\n")
    found = loaded(capsys, "--parallelism=100")
    spec = found["Job"]["spec"]
    assert (spec["completions"], spec["parallelism"]) == (1000, 100)
    assert len(found["ConfigMap"]["data"][LIST].split()) == 1000


# The script of a pod, as bash runs it, with a promdrill that leaves what a test says


class Pod:
    """A pod of index 1, without a cluster.

    Args:
        folder: An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self.given, self.work, tools = folder / "given", folder / "work", folder / "bin"
        for made in (self.given, self.work, tools):
            made.mkdir()
        (self.given / LIST).write_text("other\nmine\nlast\n")
        (folder / "values.yaml").write_text("a: b\n")
        with tarfile.open(self.given / "files.tgz", "w:gz") as archive:
            archive.add(folder / "values.yaml", "values.yaml")
        self.promdrill = tools / "promdrill"
        self.env = {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "JOB_COMPLETION_INDEX": "1"}
        content = (self.given / LIST).read_bytes() + (self.given / "files.tgz").read_bytes()
        checksum = hashlib.sha256(content).hexdigest()
        self.argv = ["bash", str(SCRIPT), str(self.given), str(self.work), checksum, "--jobs=2"]

    def drills(self, script: str) -> None:
        self.promdrill.write_text(f"#!/bin/bash\n{script}\n")
        self.promdrill.chmod(0o755)

    def run(self, code: int, **env: str) -> str:
        return shell.run(self.argv, timeout_s=60, env=self.env | env, ok=(code,)).stdout


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    (tmp_path / "pod").mkdir()
    return Pod(tmp_path / "pod")


LEAVES = 'mkdir -p reports/matrix/mine/disk-full && echo "$@" >reports/matrix/mine/results.json && cat values.yaml'


def handed_over(log: str) -> bytes:
    found = re.search(
        r"^promdrill-results begin mine (\w+)\n(.*)\npromdrill-results end mine$", log, re.DOTALL | re.MULTILINE
    )
    assert found
    packed = base64.b64decode(found[2])
    assert hashlib.sha256(packed).hexdigest() == found[1]
    return packed


def names_in(packed: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        return sorted(entry.name for entry in archive if entry.isfile())


@pytest.mark.parametrize("code", [0, 1, 2, 70, 130])
def test_a_pod_runs_its_cell_hands_over_and_ends_as_it_did(pod: Pod, code: int) -> None:
    pod.drills(f"{LEAVES}\nexit {code}")
    log = pod.run(code)
    assert log.startswith("a: b\n"), "in a folder with the user's files"
    with tarfile.open(fileobj=io.BytesIO(handed_over(log))) as archive:
        asked = archive.extractfile("mine/results.json")
        assert asked
        assert asked.read() == b"matrix --run --cell=mine --reports=reports --jobs=2\n"


def test_a_cell_that_left_nothing_hands_nothing_over(pod: Pod) -> None:
    pod.drills("echo refused >&2; exit 2")
    assert pod.run(2) == ""


@pytest.mark.parametrize("name", [LIST, "files.tgz"])
def test_a_pod_with_the_list_or_the_files_of_an_earlier_job_drills_nothing(pod: Pod, name: str) -> None:
    """They stay when a Job is gone, and `kubectl create` makes the next Job although it refuses the rest."""
    pod.drills(LEAVES)
    with (pod.given / name).open("ab") as file:
        file.write(b"more\n")
    assert pod.run(2).startswith("promdrill: the ConfigMap and the Secret are those of an earlier Job; delete them")
    assert not (pod.work / "checkout").exists()


def test_a_pod_is_told_what_list_and_files_are_its_own(capsys: Captured) -> None:
    found = loaded(capsys)
    content = found["ConfigMap"]["data"][LIST].encode() + base64.b64decode(found["Secret"]["data"]["files.tgz"])
    assert container_of(found)["command"][-1] == hashlib.sha256(content).hexdigest()


def test_too_much_for_a_log_is_handed_over_without_evidence(pod: Pod) -> None:
    pod.drills(f"{LEAVES}\nhead -c 20000 /dev/urandom >reports/matrix/mine/disk-full/journal.jsonl; exit 1")
    assert names_in(handed_over(pod.run(1))) == ["mine/disk-full/journal.jsonl", "mine/results.json"]
    log = pod.run(1, MOST_BYTES="10000")
    assert "promdrill-results without evidence: packed, all files have 2" in log
    assert names_in(handed_over(log)) == ["mine/results.json"]


def test_a_cell_that_is_asked_to_end_still_hands_over(pod: Pod) -> None:
    """As tini does it: the signal goes to the script and to promdrill, which ends in its own time."""
    pod.drills(f"trap 'exit 130' TERM\n{LEAVES}\necho drilling\nwhile :; do read -rt 0.1 <> <(:) || :; done")
    lines: list[bytes] = []
    with shell.spawn(pod.argv, env=pod.env) as process:
        assert process.stdout
        for line in process.stdout:
            lines.append(line)
            if line == b"drilling\n":
                os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(30) == 130
    assert names_in(handed_over(b"".join(lines).decode())) == ["mine/results.json"]


def test_the_scripts_are_in_the_config_map_as_they_are(capsys: Captured) -> None:
    found = loaded(capsys)
    container = container_of(found)
    for word in container["command"]:
        if word.endswith(".sh"):
            name = Path(word).name
            assert found["ConfigMap"]["data"][name] == SCRIPT.with_name(name).read_text()
            shell.run(["bash", "-n", str(SCRIPT.with_name(name))], timeout_s=20)
    assert container["command"][:3] == ["tini", "-g", "--"], "the first process takes care of orphans and of signals"


def test_the_default_name_is_one() -> None:
    assert Asked(IMAGE, choices.SUPPLIES[1]).name == NAME
