"""Several replicas: which one is drilled, how it is asked, what is demanded of the others, and a runbook for it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from tests.unit import observe_world as seen
from tests.unit.drill_toy import drill_in, run_toy
from tests.unit.drill_world import POD, World, world
from tests.unit.faults_world import PROOF, Place, place
from tests.unit.faults_world import SERVER as FAULTY
from tests.unit.faults_world import pod as faulty_pod
from tests.unit.test_found import rendered

from promdrill.core import paths
from promdrill.core.errors import WaitTimeout
from promdrill.core.model import DrillResult, Verdict
from promdrill.drill import Drill, DrillNotPassed, own_names
from promdrill.drill.running import crashed_after_s, running_for
from promdrill.faults import Reinstall
from promdrill.helm.compatibility import stack
from promdrill.helm.values.layers import layered
from promdrill.helm.values.user import Own
from promdrill.install.found import server_of
from promdrill.install.needs import Needs
from promdrill.install.replicas import OWN_SERVICE, one_of, with_service
from promdrill.install.stack import Stack
from promdrill.observe.probes import HttpProbe, MetricsProbe, QueryProbe
from promdrill.observe.server import POD_NAME, Server
from promdrill.observe.snapshot import LogLine, Object

__all__ = ["place", "world"]

LAST = f"{seen.SERVER}-1"
DRILLED = replace(
    Server.of(seen.NAMESPACE, "prometheus"),
    labels=(*seen.LABELS.items(), (POD_NAME, LAST)),
    replicas=2,
    workload="statefulset",
    claim_name=f"storage-volume-{LAST}",
    own_service=OWN_SERVICE,
)


def stateful(replicas: object = 2, **options: Any) -> list[dict[str, Any]]:
    objects = rendered(kind="StatefulSet", **options)
    objects[1]["spec"]["replicas"] = replicas
    return objects


def replica(number: int, *containers: Object, **options: Any) -> Object:
    name = f"{seen.SERVER}-{number}"
    return seen.pod(name, *containers, labels={**seen.LABELS, POD_NAME: name}, uid=f"u{number}", **options)


def not_ready() -> tuple[Object, Object]:
    crashing = seen.container(ready=False, state=seen.waiting("CrashLoopBackOff"), last=seen.ended(2, -5))
    return crashing, seen.container(seen.RELOADER)


# --- which one --------------------------------------------------------------------------------------------------------


def test_the_last_replica_of_a_stateful_set_is_drilled() -> None:
    objects = stateful(3)
    server = one_of(server_of(objects, Server.of("drill-x", "prom-x")), objects)
    assert dict(server.selector)[POD_NAME] == server.pod_prefix == "prom-x-server-2"
    assert dict(server.selector)["app.kubernetes.io/instance"] == "prom-x"
    assert (server.replicas, server.claim) == (3, "vol-prom-x-server-2")
    assert server.claims == tuple(f"vol-prom-x-server-{number}" for number in range(3))
    assert (server.service, server.query_service, server.port) == ("front", OWN_SERVICE, 9191)
    assert POD_NAME not in server.whole.selector
    assert server.ready_after_s == 3 * 800, "one starts once the one before it is ready"


def test_so_is_that_of_the_operators() -> None:
    named = Stack(cast(Any, None), "prom-x", "drill-x", Path(), Path()).server
    server = one_of(named, [{"kind": "Prometheus", "metadata": {"name": "x"}, "spec": {"replicas": 2}}])
    last = "prometheus-prom-x-prometheus-1"
    assert server.selector == {"operator.prometheus.io/name": "prom-x-prometheus", POD_NAME: last}
    assert server.claim == f"prometheus-prom-x-prometheus-db-{last}"
    assert (server.service, server.query_service) == ("prom-x-prometheus", OWN_SERVICE)


@pytest.mark.parametrize("replicas", [None, 0, 1, "1"])
def test_one_replica_is_asked_as_ever(replicas: object) -> None:
    objects = stateful(replicas)
    server = server_of(objects, Server.of("drill-x", "prom-x"))
    assert one_of(server, objects) == server
    assert with_service(Needs(), server) == Needs()
    assert (server.query_service, server.claims, server.pod_prefix) == ("front", (server.claim,), "prom-x-server-")


def test_the_replicas_of_a_deployment_share_a_volume() -> None:
    objects = rendered()
    objects[1]["spec"]["replicas"] = 2
    server = server_of(objects, Server.of("drill-x", "prom-x"))
    assert one_of(server, objects) == server


def test_a_service_that_leads_to_one_replica_is_the_servers_too() -> None:
    objects = stateful()
    for each in objects[2:]:
        each["spec"]["selector"] = {**each["spec"]["selector"], POD_NAME: "prom-x-server-0"}
    server = server_of(objects, Server.of("drill-x", "prom-x"))
    assert (server.service, server.port) == ("front", 9191)


# --- how it is asked --------------------------------------------------------------------------------------------------


def test_the_drills_own_service_leads_to_the_drilled_replica_alone() -> None:
    objects = stateful(args="--web.listen-address=:9999")
    objects[4]["spec"]["ports"] = [{"port": 81, "targetPort": 9999}]
    server = one_of(server_of(objects, Server.of("drill-x", "prom-x")), objects)
    (made,) = with_service(Needs(), server).made
    assert (made.name, made.shared) == (f"Service {OWN_SERVICE}", False)
    assert made.body["spec"]["selector"] == server.selector
    assert made.body["spec"]["ports"] == [{"name": "http", "port": 81, "targetPort": 9999}]
    assert "the last of 2 replicas" in made.why


def test_every_question_goes_there() -> None:
    asked = [
        DRILLED.http("GET", "/", 200),
        DRILLED.json("/", bool, "x"),
        DRILLED.fresh(1),
        DRILLED.query("up", bool, "x"),
        DRILLED.metric("x", bool, "x"),
        DRILLED.not_rising("x", 1),
    ]
    for condition in asked:
        (probe,) = condition.probes
        assert isinstance(probe, HttpProbe | QueryProbe | MetricsProbe)
        assert probe.service == OWN_SERVICE
        if isinstance(probe, MetricsProbe):
            assert probe.pod == LAST


def test_its_log_is_not_that_of_the_others() -> None:
    logs = {(f"{seen.SERVER}-{number}", seen.SERVER): (LogLine(seen.NOW, f"says {number}"),) for number in (0, 1)}
    found = seen.snapshot(replica(0), replica(1), logs=logs)
    assert [DRILLED.logs(f"says {number}").judge(found).holds for number in (0, 1)] == [False, True]
    assert DRILLED.ready().judge(found).holds


# --- what is demanded of the others -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pods", "holds"),
    [
        ((replica(0), replica(1)), True),
        ((replica(0, *not_ready()), replica(1)), False),
        ((replica(0), replica(1, *not_ready())), False),
        ((replica(0, leaving=True), replica(1)), False),
        ((replica(1),), False),
        ((replica(0), replica(1), replica(2)), False),
        ((), False),
    ],
    ids=["both", "the other is not", "the drilled one is not", "leaving", "one", "three", "none"],
)
def test_all_replicas_are_ready(pods: tuple[Object, ...], *, holds: bool) -> None:
    found = DRILLED.replicas_ready().judge(seen.snapshot(*pods))
    assert found.holds == holds
    assert found.text


def began(number: int, ago_s: float) -> Object:
    state = {"running": {"startedAt": seen.stamp(-ago_s)}}
    return replica(number, seen.container(state=state), seen.container(seen.RELOADER))


def test_all_replicas_have_run_for_long_enough() -> None:
    condition = running_for(DRILLED, 10)
    assert condition.judge(seen.snapshot(began(0, 60), began(1, 60))).holds
    for pods in ((began(0, 8), began(1, 60)), (began(0, 60), began(1, 8))):
        assert not condition.judge(seen.snapshot(*pods)).holds


def test_a_crash_of_any_replica_counts() -> None:
    run = {"exitCode": 2, "startedAt": seen.stamp(-30), "finishedAt": seen.stamp(-20)}
    crashed = replica(0, seen.container(last={"terminated": run}), seen.container(seen.RELOADER))
    assert crashed_after_s(DRILLED, seen.snapshot(crashed, replica(1))) == 11


def two_replicas(world: World) -> Drill:
    """A drill of the toy; the world's pod is the drilled replica, and `world.another` has the other."""
    drill = drill_in(world)
    site = drill.site
    usual = Server.of(world.namespace, world.release)
    labels = (*usual.selector.items(), (POD_NAME, POD))
    server = replace(usual, fullname="prometheus-server", replicas=2, labels=labels, own_service=OWN_SERVICE)
    world.beside = (OWN_SERVICE,)
    return Drill(replace(site, drilled=replace(site.drilled, server=server, needs=with_service(Needs(), server))))


def other(world: World, *, ready: bool = True, restarts: int = 0) -> tuple[dict[str, Any], ...]:
    if world.installed_at is None:
        return ()
    pod = world._pod()
    pod["metadata"]["name"] = pod["metadata"]["labels"][POD_NAME] = "prometheus-server-1"
    server = pod["status"]["containerStatuses"][1]
    state = {"running": {"startedAt": pod["metadata"]["creationTimestamp"]}}
    server |= {"ready": ready, "restartCount": restarts, "state": state}
    return (pod,)


def test_a_drill_of_one_of_two_replicas_passes(world: World) -> None:
    drill = two_replicas(world)
    world.another = lambda: other(world)
    assert run_toy(drill, world).verdict is Verdict.PASSED
    assert f"apply Service {OWN_SERVICE}" in world.done
    assert world.done.index(f"apply Service {OWN_SERVICE}") < world.done.index("install")


def not_passed(drill: Drill, world: World) -> DrillResult:
    with pytest.raises(DrillNotPassed) as caught:
        run_toy(drill, world)
    return caught.value.result


def test_a_remedy_that_breaks_the_other_replica_fails(world: World) -> None:
    drill = two_replicas(world)
    world.another = lambda: other(world, ready=world.broken_at is None or world.ill)
    result = not_passed(drill, world)
    assert result.verdict is Verdict.FAILED
    assert "all 2 replicas" in str(result.reason)


def test_a_restart_of_the_other_replica_after_the_remedy_fails(world: World) -> None:
    drill = two_replicas(world)
    remedied: list[float] = []

    def another() -> tuple[dict[str, Any], ...]:
        if world.broken_at is not None and not world.ill:
            remedied.append(world.clock.now)
        return other(world, restarts=int(bool(remedied) and world.clock.now > remedied[0] + 1))

    world.another = another
    result = not_passed(drill, world)
    assert result.verdict is Verdict.FAILED
    assert "nothing restarted since the remedy in prometheus-server-1" in str(result.reason)


def test_without_the_other_replica_there_is_no_baseline(world: World) -> None:
    result = not_passed(two_replicas(world), world)
    assert result.verdict is Verdict.INVALID
    assert "all 2 replicas" in str(result.reason)


# --- faults -----------------------------------------------------------------------------------------------------------


def test_installing_anew_waits_for_all_pods_and_deletes_all_claims(place: Place) -> None:
    place.server = replace(
        FAULTY,
        replicas=2,
        labels=(*FAULTY.selector.items(), (POD_NAME, "prometheus-server-1")),
        claim_name="data-prometheus-server-1",
    )
    place.claims = ("data-prometheus-server-0",)
    place.pods = (faulty_pod("0"),)  # not the drilled one
    with pytest.raises(WaitTimeout, match="the old Prometheus is gone"):
        place.inject(Reinstall(proof=PROOF))
    place.pods = ()
    with pytest.raises(WaitTimeout, match="data-prometheus-server-0"):
        place.inject(Reinstall(proof=PROOF))
    place.claims, place.done = (), []
    place.inject(Reinstall(proof=PROOF))
    deleted = [each.rpartition("/")[2] for each in place.done if each.startswith("delete")]
    assert deleted == ["data-prometheus-server-0", "data-prometheus-server-1"]


# --- values -----------------------------------------------------------------------------------------------------------


def conflicts(chart: tuple[str, str], own: str, scenario: str = "server: {retention: 1d}") -> list[str]:
    found = layered(chart, yaml.safe_load(scenario), Own((), (), yaml.safe_load(own)), {})
    return [f"{each.path}: {each.drills}" for each in found.conflicts]


COMMUNITY, STACK = ("prometheus", "25.8.0"), (stack.CHART, "57.1.0")
APART = "podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname}]}"
REQUIRED = "podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution"


@pytest.mark.parametrize(
    ("chart", "own", "said"),
    [
        (COMMUNITY, "server: {replicaCount: 2}", ["server.replicaCount: 1"]),
        (COMMUNITY, "server: {replicaCount: 2, statefulSet: {enabled: false}}", ["server.replicaCount: 1"]),
        (COMMUNITY, "server: {replicaCount: 0, statefulSet: {enabled: true}}", ["server.replicaCount: 1"]),
        (COMMUNITY, "server: {replicaCount: 2, statefulSet: {enabled: true}}", []),
        (COMMUNITY, f"server: {{replicaCount: 1, statefulSet: {{enabled: true}}, affinity: {{{APART}}}}}", []),
        (
            COMMUNITY,
            f"server: {{replicaCount: 2, statefulSet: {{enabled: true}}, affinity: {{{APART}}}}}",
            [f"server.affinity.{REQUIRED}: []"],
        ),
        (STACK, "prometheus: {prometheusSpec: {replicas: 2}}", []),
        (STACK, "prometheus: {prometheusSpec: {replicas: 0}}", [f"{stack.SPEC}.replicas: 1"]),
        (STACK, "prometheus: {prometheusSpec: {podAntiAffinity: hard}}", []),
        (STACK, "prometheus: {prometheusSpec: {replicas: 2, podAntiAffinity: soft}}", []),
        (
            STACK,
            f"prometheus: {{prometheusSpec: {{replicas: 2, podAntiAffinity: hard, affinity: {{{APART}}}}}}}",
            [f"{stack.SPEC}.podAntiAffinity: soft", f"{stack.SPEC}.affinity.{REQUIRED}: []"],
        ),
    ],
)
def test_replicas_with_a_volume_each_are_not_overridden(chart: tuple[str, str], own: str, said: list[str]) -> None:
    assert conflicts(chart, own) == said


def test_a_scenario_that_needs_a_deployment_has_one_replica() -> None:
    own = "server: {replicaCount: 2, statefulSet: {enabled: true}}"
    said = conflicts(COMMUNITY, own, "server: {statefulSet: {enabled: false}}")
    assert said == ["server.replicaCount: 1", "server.statefulSet.enabled: false"]


# --- a runbook --------------------------------------------------------------------------------------------------------

ONE_POD = f'"$SELECTOR,{POD_NAME}={LAST}"'


@pytest.mark.parametrize(
    ("written", "run"),
    [
        ('P=$(kubectl get pod --selector "$SELECTOR" -o name)', f"P=$(kubectl get pod --selector {ONE_POD} -o name)"),
        ('kubectl wait pod -n n --selector "$SELECTOR" --for=x', f"kubectl wait pod -n n --selector {ONE_POD} --for=x"),
        ('kubectl delete pod --selector "$SELECTOR"', None),
        ('kubectl get pvc --selector "$SELECTOR"', None),
        ('kubectl rollout status statefulset --selector "$SELECTOR"', None),
        ("x   1/2   Running", None),
        ("x   0/1   3d", "x   1/2   3d"),
        ("x   1/1   3d", "x   2/2   3d"),
    ],
)
def test_a_runbooks_commands_about_pods_are_for_the_drilled_one(written: str, run: str | None) -> None:
    usual = replace(Server.of("", ""), workload="statefulset")
    text = f"`{written}`\n```sh\n{written}\n```\n"
    assert own_names.named(text, DRILLED, usual) == f"`{written}`\n```sh\n{run or written}\n```\n"


def test_without_a_reloader_replicas_and_containers_are_not_taken_for_each_other() -> None:
    server = replace(DRILLED, containers=1, replicas=3)
    assert own_names.named("```\n1/2 2/2 0/1 1/1\n```\n", server) == "```\n0/1 1/1 2/3 3/3\n```\n"


def test_the_result_says_which_replica_it_was() -> None:
    usual = replace(Server.of("", ""), workload="statefulset")
    (said,) = own_names.remarks(DRILLED, usual)
    assert said == f"Of 2 replicas the last one, pod {LAST}, is drilled: the runbook is run for it."


@pytest.mark.parametrize("file", sorted(paths.scenarios_dir().glob("*/runbook*.md")), ids=lambda file: file.parent.name)
def test_every_shipped_runbook_finds_one_pod_of_several(file: Path) -> None:
    """What lists or waits for pods by the server's labels is narrowed, and nothing else is."""
    text = file.read_text(encoding="utf-8")
    server = replace(DRILLED, workload="deployment", labels=(*DRILLED.labels[:-1], (POD_NAME, "the-pod")))
    before, after = text.splitlines(), own_names.named(text, server).splitlines()
    assert len(before) == len(after)
    by_label = f",{POD_NAME}=the-pod"
    for old, new in zip(before, after, strict=True):
        assert new.replace(by_label, "") == old or re.search(r"\b[01]/1\b", old), (old, new)
    blocks = "\n".join(re.findall(r"^ *```sh.*?^ *```", "\n".join(after), re.MULTILINE | re.DOTALL))
    assert re.findall(r'kubectl (?:get|wait|logs|exec) pods?\b[^|;&\n]*"\$SELECTOR"', blocks.replace("\\\n", " ")) == []
