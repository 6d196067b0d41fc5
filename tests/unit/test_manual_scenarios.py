"""The drills of the manual install: what their faults write, what their runbooks make of it, and what they look for."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from tests.unit.manual_checks import FITTING, Texts, config, objects, of_kind, server
from tests.unit.observe_world import answered, container, event, named, pod, said, snapshot, waiting
from tests.unit.test_drill_scenarios import MOMENTS, Stated, stated

from promdrill.core import paths, shell
from promdrill.drill.plan import conditions_of
from promdrill.faults import Deleted, Edited, Fault, InOrder, OnNode, Replace, RestartServer
from promdrill.helm.values.edit import load
from promdrill.install.manifests import APP_VERSION
from promdrill.install.manual import JOBS, Manual
from promdrill.observe.conditions import Condition
from promdrill.observe.log_patterns import wording
from promdrill.observe.others import no_volume
from promdrill.observe.probes import ExecProbe, QueryProbe
from promdrill.observe.snapshot import Object, Snapshot
from promdrill.request import needed_images
from promdrill.runbook.parse import parse

SCENARIOS = ("claim-mismatch", "permission-denied", "service-port")
NS = "drill-x"
REFUSED = "wget: can't connect to remote host (10.0.0.1): Connection refused\n"
DENIED = (
    'ts=2026-11-22T08:44:51.476Z caller=query_logger.go:93 level=error component=activeQueryTracker msg="Error opening '
    'query log file" file=/prometheus/queries.active err="open /prometheus/queries.active: permission denied"'
)


class Nodes:
    """An API server that is asked for its nodes only."""

    def get(self, path: str) -> dict[str, Any]:
        assert path == "/api/v1/nodes"
        return {"items": [{"metadata": {"name": "node-1"}}]}


def manifests(scenario: str, folder: Path) -> Texts:
    """The files of the scenario's install."""
    install = Manual(cast(Any, Nodes()), NS, folder)
    install.compose(paths.scenarios_dir() / scenario / "values.yaml", [], NS)
    return {file.name: file.read_text(encoding="utf-8") for file in install.files}


def edited(texts: Texts, fault: Fault) -> Texts:
    """The files as the one edit of a fault leaves them."""
    if isinstance(fault, InOrder):
        fault = fault.acts[-1]
    assert isinstance(fault, Edited)
    (slip,) = fault.edits
    assert isinstance(slip, Replace)
    assert sum(text.count(slip.old) for text in texts.values()) == 1
    return {name: slip.changed(text) for name, text in texts.items()}


def problems(texts: Texts) -> list[str]:
    """What all checks of the manifests find."""
    return [problem for check in FITTING for problem in check(texts)]


def holding(conditions: tuple[Condition, ...], seen: Snapshot) -> list[bool]:
    """Which of the conditions hold."""
    return [condition.judge(seen).holds for condition in conditions]


def mitigated(scenario: str, tmp_path: Path, texts: Texts, kubectl: str, env: Mapping[str, str]) -> Texts:
    """The files after the first step of Mitigation, with a kubectl that answers what the shell script says."""
    folder, tools = tmp_path / "edited", tmp_path / "bin"
    for place in (folder, tools):
        place.mkdir()
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    (tools / "kubectl").write_text(f'#!/bin/sh\ncase "$*" in\n{kubectl}\n*) exit 9 ;;\nesac\n', encoding="utf-8")
    (tools / "kubectl").chmod(0o755)
    runbook = parse(paths.scenarios_dir() / scenario / "runbook.md")
    step = next(step for step in runbook.steps if step.section == "Mitigation")
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    given = {"PATH": path, "MANIFESTS": str(folder), "NAMESPACE": NS, **env}
    shell.run(["bash", "-euo", "pipefail", "-c", step.command], timeout_s=10, env=given)
    return {file.name: file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.yaml"))}


def test_all_of_them_drill_the_same_quick_install(tmp_path: Path) -> None:
    values = [load((paths.scenarios_dir() / each / "values.yaml").read_text()) for each in SCENARIOS]
    assert values[0].keys() == {"replace"}
    assert values[1:] == values[:1] * 2
    texts = manifests(SCENARIOS[0], tmp_path)
    assert problems(texts) == []
    settings = config(objects(texts))[1]
    assert settings["global"] == dict.fromkeys(("scrape_interval", "scrape_timeout", "evaluation_interval"), "1s")
    own = [job for job in settings["scrape_configs"] if "scrape_interval" in job]
    assert [(job["scrape_interval"], job["scrape_timeout"]) for job in own] == [("3s", "3s")] * 3
    assert not re.search(r"(10|20|30)s\b", texts["30-config.yaml"])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_job_is_asked_for(scenario: str) -> None:
    drill = stated(scenario)
    assert drill.plan.jobs == JOBS
    assert drill.site.drilled.install == "manual"


# service-port


def test_the_slip_in_the_service_is_the_only_one_and_its_runbook_mends_it(tmp_path: Path) -> None:
    texts = manifests("service-port", tmp_path / "manifests")
    wrong = edited(texts, stated("service-port").plan.fault)
    assert problems(wrong) == [f"('Service', '{NS}', 'prometheus-service'): targetPort"]
    assert mitigated("service-port", tmp_path, wrong, "", {"PORT": "9090"}) == texts


def knocks(drill: Stated, answer: tuple[int, str]) -> tuple[list[bool], list[bool]]:
    """Whether the port refuses, as the signature has it, and whether it answers, as recovery has it."""
    refuses = conditions_of(drill.plan.signature[0].conditions, MOMENTS)[-1]
    answers = conditions_of(drill.plan.recovery, MOMENTS)[0]
    argv = ("wget", "-T", "3", "-qO-", "http://10.0.0.1:30080/-/ready")
    probe = ExecProbe(MOMENTS.pod, "prometheus", argv)
    assert refuses.probes == answers.probes == (probe,)
    seen = answered(probe, said(*answer))
    return holding((refuses,), seen), holding((answers,), seen)


@pytest.mark.parametrize(
    ("answer", "refuses", "answers"),
    [
        ((1, REFUSED), True, False),
        ((0, "Prometheus Server is Ready.\n"), False, True),
        ((1, "wget: download timed out\n"), False, False),
        ((1, "Prometheus Server is Ready.\n"), False, False),
        ((0, "Hello\n"), False, False),
    ],
)
def test_a_port_refuses_or_answers(answer: tuple[int, str], *, refuses: bool, answers: bool) -> None:
    assert knocks(stated("service-port"), answer) == ([refuses], [answers])


@pytest.mark.parametrize(("counts", "enough"), [([40], True), ([32], True), ([31], False), ([], False)])
def test_the_samples_of_the_incident_are_counted(counts: list[int], *, enough: bool) -> None:
    began = datetime(2026, 1, 1, tzinfo=UTC)
    ended = began + timedelta(seconds=40.9)
    at = type(MOMENTS)(began=ended, injected=began, remediating=ended, pod="p")
    stored = conditions_of(stated("service-port").plan.recovery, at)[-1]
    probe = QueryProbe("prometheus-service", 8080, 'count_over_time(up{job="prometheus"}[40s])', ended.timestamp())
    assert stored.probes == (probe,)
    result = [{"metric": {}, "value": [0, str(count)]} for count in counts]
    body = {"status": "success", "data": {"resultType": "vector", "result": result}}
    assert holding((stored,), answered(probe, said(200, json.dumps(body)))) == [enough]


def test_a_refused_service_is_an_incident_only_while_the_pod_is_well() -> None:
    unanswered, *well = conditions_of(stated("service-port").plan.signature[1].conditions, MOMENTS)
    assert [each.name for each in well] == [
        "server pod 1/1",
        "the same pod, not restarted",
        f"log of prometheus has no /{wording('warning-or-error', '3.14.0')}/",
    ]
    (probe,) = unanswered.probes
    assert holding((unanswered,), answered(probe, said(503))) == [True]
    assert holding((unanswered,), answered(probe, said(200))) == [False]


# claim-mismatch


def test_the_slip_in_the_claim_is_the_only_one(tmp_path: Path) -> None:
    fault = stated("claim-mismatch").plan.fault
    assert isinstance(fault, InOrder)
    assert [act.path for act in fault.acts if isinstance(act, Deleted)] == [
        "/apis/apps/v1/namespaces/drill-claim-mismatch/deployments/prometheus",
        "/api/v1/namespaces/drill-claim-mismatch/persistentvolumeclaims/prometheus",
        "/api/v1/persistentvolumes/prometheus-drill-claim-mismatch",
    ]
    assert problems(edited(manifests("claim-mismatch", tmp_path), fault)) == ["label"]


KUBECTL = """
"get --filename "*" --output jsonpath="*PersistentVolume*) echo the-volume ;;
"get pv the-volume "*storageClassName*) printf manual-drill-x ;;
"get pv the-volume "*labels.volume*) printf prometheus-data ;;
"get pv the-volume "*capacity.storage*) printf 5Gi ;;
"""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("volume: prometheus-data # as", "volume: prometheus # as"),
        (f"manual-{NS} # as", "local-storage # as"),
        (f"manual-{NS} # as", '"" # as'),
        ("storage: 5Gi # at most", "storage: 1Ti # at most"),
    ],
)
def test_the_runbook_makes_any_claim_fit_and_leaves_the_volume_alone(right: str, wrong: str, tmp_path: Path) -> None:
    texts = manifests("claim-mismatch", tmp_path / "manifests")
    slipped = edited(texts, Edited((Replace(right, wrong),), proof=()))
    assert len(problems(slipped)) == 1
    assert mitigated("claim-mismatch", tmp_path, slipped, KUBECTL, {}) == texts


PENDING = pod("prometheus-1", container("prometheus"), labels={"app": "prometheus-server"}, phase="Pending")
NOT_FOUND = event("ProvisioningFailed", "prometheus", 'storageclass "manual-drill-claim-mismatch" not found')
UNBOUND = event("FailedScheduling", "prometheus-1", "pod has unbound immediate PersistentVolumeClaims", at_s=86400)


def waits(**changes: Any) -> list[bool]:
    """Which conditions of claim-mismatch's signature hold in a snapshot with these differences."""
    is_ = {"claim": "Pending", "volume": "Available", "pods": (PENDING,), "events": (NOT_FOUND, UNBOUND), **changes}
    conditions = conditions_of(stated("claim-mismatch").plan.signature[0].conditions, MOMENTS)
    (probe,) = (probe for condition in conditions for probe in condition.probes)
    claim = {"metadata": {"name": "prometheus"}, "status": {"phase": is_["claim"]}}
    answer = said(200, json.dumps({"status": {"phase": is_["volume"]}}))
    seen = snapshot(
        *is_["pods"],
        claims=named(claim),
        events=named(*is_["events"]),
        answers={probe: answer},
        history={probe: (answer,)},
    )
    return holding(conditions, seen)


TAKEN: Object = {**PENDING, "spec": {**PENDING["spec"], "nodeName": "node-1"}}
OTHER = event("ProvisioningFailed", "prometheus", 'storageclass "standard" not found')
EARLIER = event(
    "FailedScheduling", "prometheus-1", "pod has unbound immediate PersistentVolumeClaims", at_s=-86400 * 365
)


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({}, None),
        ({"claim": "Bound"}, 0),
        ({"volume": "Released"}, 1),
        ({"events": (OTHER, UNBOUND)}, 2),
        ({"pods": (TAKEN,)}, 3),
        ({"pods": ()}, 3),
        ({"events": (NOT_FOUND,)}, 4),
        ({"events": (NOT_FOUND, EARLIER)}, 4),
    ],
)
def test_the_claim_waits_beside_a_free_volume(changes: dict[str, Any], missing: int | None) -> None:
    assert waits(**changes) == [at != missing for at in range(5)]


def test_a_volume_is_gone_when_no_volume_has_its_name() -> None:
    gone = no_volume("v")
    left: Object = {"metadata": {"name": "v", "deletionTimestamp": "now"}}
    assert holding((gone,), snapshot(volumes=named(left))) == [False]
    assert holding((gone,), snapshot(volumes=named({"metadata": {"name": "v-2"}}))) == [True]
    assert gone.judge(snapshot()).text == "no volumes"


# permission-denied


def test_the_fault_takes_the_drills_own_folder_and_nothing_else(tmp_path: Path) -> None:
    drill = stated("permission-denied")
    fault, (stage,) = drill.plan.fault, drill.plan.signature
    assert isinstance(fault, OnNode)
    assert isinstance(stage.before, RestartServer)
    (volume,) = of_kind(objects(manifests("permission-denied", tmp_path)), "PersistentVolume")
    folder = volume["spec"]["hostPath"]["path"].replace(NS, drill.site.namespace)
    assert re.findall(r"/\S+", fault.script) == [folder, folder]


def test_the_server_crashes_with_the_kernels_words(tmp_path: Path) -> None:
    drill = stated("permission-denied")
    looping, log = conditions_of(drill.plan.signature[0].conditions, MOMENTS)
    labels = dict(drill.server.labels)
    crashed = pod(
        "prometheus-1", container("prometheus", ready=False, state=waiting("CrashLoopBackOff")), labels=labels
    )
    assert holding((looping,), snapshot(crashed)) == [True]
    assert holding((looping,), snapshot(pod("prometheus-1", container("prometheus"), labels=labels))) == [False]
    pattern = re.compile(log.name.removeprefix("log of prometheus has /").removesuffix("/"))
    assert pattern.search(DENIED)
    assert not pattern.search(DENIED.replace("permission denied", "no space left on device"))
    pod_spec, _ = server(objects(manifests("permission-denied", tmp_path)))
    owner = "{runAsUser}:{runAsGroup}".format(**pod_spec["securityContext"])
    own, _, helper = conditions_of(drill.plan.recovery, MOMENTS)
    (probe,) = own.probes
    assert holding((own,), answered(probe, said(0, f"{owner}\n"))) == [True]
    assert holding((own,), answered(probe, said(0, "0:0\n"))) == [False]
    assert holding(
        (helper,), snapshot(pod("node-debugger-1", labels={"app.kubernetes.io/managed-by": "kubectl-debug"}))
    ) == [False]


def test_the_helpers_image_is_loaded() -> None:
    image = stated("permission-denied").plan.variables["DEBUG_IMAGE"]
    assert image in needed_images.drilled_images([paths.scenarios_dir() / "permission-denied"], APP_VERSION)
