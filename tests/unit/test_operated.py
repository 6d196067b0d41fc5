"""The names of a Prometheus that an operator makes, and the runbooks for it with these names."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from promdrill.core import paths
from promdrill.core.errors import UsageError
from promdrill.drill import own_names
from promdrill.helm.compatibility import stack
from promdrill.install import Stack
from promdrill.install.operated import LONGEST_NAME, prefix_of, server_of
from promdrill.observe.server import Server
from promdrill.request import scenarios

USUAL = Stack(cast(Any, None), "prometheus-x", "drill-x", Path(), Path()).server
DRILLED = [found for found in scenarios.find_all() if scenarios.traits(found.test).stack]
ITS_OWN = [found for found in DRILLED if found.stack_runbook.is_file()]


def prometheus(name: str = "prometheus-x-prometheus", release: str = "prometheus-x", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "Prometheus",
        "metadata": {"name": name, "labels": {"release": release}},
        "spec": {"portName": "http-web", "routePrefix": "/", **spec},
    }


def service(name: str, of: str, *, selector: dict[str, str] | None = None, **port: Any) -> dict[str, Any]:
    found = selector or {"app.kubernetes.io/name": "prometheus", "operator.prometheus.io/name": of}
    ports = [{"name": "reloader-web", "port": 8080, "targetPort": "reloader-web"}, {"port": 9090, **port}]
    return {"kind": "Service", "metadata": {"name": name}, "spec": {"selector": found, "ports": ports}}


def found(*objects: dict[str, Any]) -> Server:
    return server_of(objects, USUAL)


def test_where_values_change_nothing_the_names_are_the_usual_ones() -> None:
    of = "prometheus-x-prometheus"
    assert found(service("other", "other"), prometheus(), service(of, of, targetPort=9090)) == USUAL
    assert found(service("other", "other")) == USUAL
    another = {**prometheus("mon"), "apiVersion": "example.org/v1"}
    assert found(another) == USUAL


def test_the_names_are_those_that_the_operator_makes_of_the_objects_name() -> None:
    server = found(prometheus("mon"), service("mon-prometheus", "mon", port=80, targetPort=9090))
    assert (server.fullname, server.workload) == ("prometheus-mon", "statefulset")
    assert server.claim == "prometheus-mon-db-prometheus-mon-0"
    assert server.selector == {"operator.prometheus.io/name": "mon"}
    assert (server.service, server.port, server.pod_port) == ("mon-prometheus", 80, 9090)


def test_of_several_it_is_that_of_the_release() -> None:
    assert found(prometheus("theirs", "another"), prometheus("mon")).fullname == "prometheus-mon"


@pytest.mark.parametrize("target", [9090, "9090", "http-web"])
def test_the_service_is_one_that_leads_to_its_port(target: Any) -> None:
    server = found(
        prometheus("mon"),
        service("reloader", "mon", targetPort=8080),
        service("of-another", "", selector={"app.kubernetes.io/name": "prometheus", "team": "b"}, targetPort=target),
        service("front", "mon", port=8443, targetPort=target),
    )
    assert (server.service, server.port) == ("front", 8443)


def test_a_service_may_select_the_users_own_labels() -> None:
    labels = {"team": "b"}
    server = found(
        prometheus("mon", podMetadata={"labels": labels}), service("front", "", selector=labels, targetPort=9090)
    )
    assert server.service == "front"


@pytest.mark.parametrize(("spec", "name"), [({}, "prometheus-operated"), ({"serviceName": "governs"}, "governs")])
def test_where_the_charts_service_leads_to_a_sidecar_it_is_the_operators(spec: dict[str, str], name: str) -> None:
    server = found(prometheus("mon", **spec), service("mon-prometheus", "mon", port=80, targetPort=4180))
    assert (server.service, server.port) == (name, 9090)


@pytest.mark.parametrize(
    ("spec", "containers"),
    [
        ({}, 2),
        ({"containers": []}, 2),
        ({"containers": [{"name": "sidecar"}]}, 3),
        ({"containers": [{"name": "prometheus"}, {"name": "config-reloader"}, {"name": "a"}, {"name": "b"}]}, 4),
        ({"thanos": {}}, 3),
        ({"thanos": None}, 2),
        ({"thanos": {}, "containers": [{"name": "thanos-sidecar"}]}, 3),
        ({"initContainers": [{"name": "init"}]}, 2),
    ],
)
def test_all_containers_of_the_pod_have_to_be_ready(spec: dict[str, Any], containers: int) -> None:
    assert found(prometheus(**spec)).containers == containers


def test_a_claims_template_may_have_a_name() -> None:
    template = {"metadata": {"name": "data"}, "spec": {}}
    server = found(prometheus("mon", storage={"volumeClaimTemplate": template}))
    assert server.claim == "data-prometheus-mon-0"


@pytest.mark.parametrize(
    ("route", "prefix"),
    [(None, ""), ("", ""), ("/", ""), ("/prom", "/prom"), ("/prom/", "/prom"), ("prom", "/prom"), ("/a/b", "/a/b")],
)
def test_the_prefix_is_as_prometheus_reads_it(route: str | None, prefix: str) -> None:
    assert prefix_of(route) == prefix
    assert found(prometheus(routePrefix=route, externalUrl="https://x.example/other")).prefix == prefix


def test_a_name_that_the_operator_cannot_use_is_refused() -> None:
    assert found(prometheus("m" * LONGEST_NAME)).fullname == f"prometheus-{'m' * LONGEST_NAME}"
    with pytest.raises(UsageError, match=rf"^the name of the Prometheus object m+ has {LONGEST_NAME + 1} characters"):
        found(prometheus("m" * (LONGEST_NAME + 1)))


def test_what_the_chart_calls_it_is_never_too_long() -> None:
    assert stack.LONGEST_FULLNAME + len("-prometheus") <= LONGEST_NAME


# --- runbooks -------------------------------------------------------------------------------------------------------

OWN = replace(USUAL, fullname="prometheus-mon", service_name="mon-prometheus", port=80, prefix="/prom", containers=3)


def code_of(text: str) -> list[str]:
    """The lines in code blocks."""
    lines, inside = [], False
    for line in text.splitlines():
        if line.strip().startswith("```"):
            inside = not inside
        elif inside:
            lines.append(line)
    return lines


def test_there_are_runbooks_for_it() -> None:
    assert len(ITS_OWN) >= 12


@pytest.mark.parametrize("scenario", DRILLED, ids=lambda each: each.id)
def test_a_runbook_is_run_with_the_users_names(scenario: scenarios.ScenarioFolder) -> None:
    """What it says of ports, paths and containers changes with them; names of objects it finds itself."""
    file = scenario.stack_runbook if scenario in ITS_OWN else scenario.runbook
    text = file.read_text(encoding="utf-8")
    assert own_names.named(text, USUAL, USUAL) == text
    code = code_of(own_names.named(text, OWN, USUAL))
    assert len(code) == len(code_of(text))
    for line in code:
        assert not re.search(r"/services/(?!\$RELEASE-kube-state-metrics)", line), (
            "the Service may have another name and port than the object"
        )
        assert not re.search(r"(?<![\w/.])[012]/2(?![\w/.])", line), "all containers are counted"
        if "9090" in line and not re.search(r"export (WRONG|RIGHT)=", line):
            assert re.search(r"http://localhost:9090/prom\b|:9090/proxy/prom/", line), line
        assert not re.search(r"prometheus-x|statefulset/prometheus-(?!\$)", line), "it finds the name"


def test_a_result_says_which_names() -> None:
    (said,) = own_names.remarks(OWN, USUAL)
    assert said.endswith("3/3 for 2/2, http://localhost:9090/prom for http://localhost:9090.")
    assert own_names.remarks(USUAL, USUAL) == ()


def test_no_scenario_takes_the_service_for_the_prometheus_object() -> None:
    for test in paths.scenarios_dir().glob("*/test_*.py"):
        assert not re.search(r"prometheuses/\{server\.service\}", test.read_text(encoding="utf-8")), test
