"""What oom, cpu-throttled, restarts-metric and dashboard-no-data have of their own: dashboards, restarts, edits."""

import json
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.observe_world import NAMESPACE, NOW, answered, container, pod, said, snapshot, stamp

from promdrill.core import paths, shell
from promdrill.core.errors import ClusterError, UsageError
from promdrill.helm.values import edit as values
from promdrill.observe.conditions import Condition, Seen, negate
from promdrill.observe.dashboard import (
    DATA_SOURCE,
    GRAFANA_IMAGE,
    LABEL,
    Panel,
    Source,
    config_map,
    panels,
    provisioned,
    shipped,
)
from promdrill.observe.others import says
from promdrill.observe.probes import ProbeAnswer, QueryProbe
from promdrill.observe.restarts import not_restarted, restart_counted
from promdrill.observe.server import Server
from promdrill.observe.snapshot import LogLine, Snapshot
from promdrill.runbook.parse import parse

SERVER = Server.of(NAMESPACE, "prometheus-x")
ITSELF, GRAFANA = Source.of(SERVER, grafana=False), Source.of(SERVER, grafana=True)
TWO = (Panel("Restarts", "a"), Panel("Memory", "b"))
NGINX = {"app": "nginx"}
IMPORTED = (paths.scenarios_dir() / "dashboard-no-data" / "imported.json").read_text(encoding="utf-8")


def vector(*found: float) -> ProbeAnswer:
    result = [{"metric": {"pod": f"p{n}"}, "value": [0, str(v)]} for n, v in enumerate(found)]
    return said(200, json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}))


def asked(source: Source, **answers: ProbeAnswer) -> Snapshot:
    return answered({QueryProbe(source.service, source.port, q, prefix=source.prefix): a for q, a in answers.items()})


def steps(scenario: str, section: str) -> list[str]:
    runbook = parse(paths.scenarios_dir() / scenario / "runbook.md")
    return [step.command for step in runbook.steps if step.section == section]


def bash(script: Sequence[str], **env: str) -> str:
    return shell.run(["bash", "-euo", "pipefail", "-c", "\n".join(script)], timeout_s=20, env=env).stdout


# --- dashboards ----------------------------------------------------------------------------------------------------


def board(*exprs: Any, variables: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    found = [{"title": f"t{n}", "targets": [e if isinstance(e, dict) else {"expr": e}]} for n, e in enumerate(exprs)]
    return {"title": "x", "panels": found, "templating": {"list": list(variables)}}


@pytest.mark.parametrize(
    ("expr", "filled"),
    [
        ("rate(a[$__rate_interval])", "rate(a[4s])"),
        ("rate(a[${__rate_interval}]) + rate(a[[[__interval]]])", "rate(a[4s]) + rate(a[1s])"),
        ('a{b="$b", c=~"${c:regex}"}', 'a{b="one", c=~"(x|y)"}'),
        ('a{cluster="$cluster"}', 'a{cluster="$cluster"}'),
        ('a{b="$"}', 'a{b="$"}'),
    ],
)
def test_variables_are_filled_in_as_grafana_does(expr: str, filled: str) -> None:
    variables = [
        {"name": "b", "current": {"value": "one"}},
        {"name": "c", "current": {"value": ["x", "y"]}},
    ]
    assert panels(board(expr, variables=variables), scrape_interval_s=1.0) == (Panel("t0", filled),)


def test_an_interval_below_a_second_is_given_in_milliseconds() -> None:
    assert panels(board("a[$__rate_interval]"), scrape_interval_s=0.3)[0].promql == "a[1200ms]"


def test_panels_in_rows_count_and_hidden_queries_do_not() -> None:
    row = {"type": "row", "title": "row", "panels": board("inside")["panels"]}
    dashboard = board("first", {"expr": "hidden", "hide": True}, {"expr": ""}, {"rawSql": "x"})
    dashboard["panels"].append(row)
    assert [p.promql for p in panels(dashboard, scrape_interval_s=1)] == ["first", "inside"]


@pytest.mark.parametrize("dashboard", [{}, board(), board({"expr": "a", "hide": True})])
def test_a_dashboard_without_queries_proves_nothing(dashboard: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="no panel with a query"):
        panels(dashboard, scrape_interval_s=1)


def test_a_condition_over_no_panels_is_refused() -> None:
    with pytest.raises(ValueError, match="always, or never"):
        ITSELF.each_answers((), "x")


@pytest.mark.parametrize("source", [ITSELF, GRAFANA], ids=["itself", "grafana"])
@pytest.mark.parametrize(
    ("a", "b", "each", "none"),
    [
        (vector(0), vector(1, 2), True, False),
        (vector(), vector(1), False, False),
        (vector(), vector(), False, True),
        (vector(), said(503, "no"), False, False),
        (vector(1), said(503, "no"), False, False),
    ],
)
def test_panels_with_data_and_without(
    source: Source, a: ProbeAnswer, b: ProbeAnswer, *, each: bool, none: bool
) -> None:
    shown = asked(source, a=a, b=b)
    assert source.each_answers(TWO, "x").judge(shown).holds is each
    assert source.none_answers(TWO, "x").judge(shown).holds is none


def test_panels_are_known_while_one_of_those_that_are_not_as_wanted_is_known() -> None:
    for b in (vector(), vector(1), said(503, "no")):
        assert ITSELF.none_answers(TWO, "x").judge(asked(ITSELF, a=vector(1), b=b)).known
    assert ITSELF.each_answers(TWO, "x").judge(asked(ITSELF, a=vector(1), b=vector(1))).known
    assert not ITSELF.each_answers(TWO, "x").judge(asked(ITSELF, a=vector(1), b=said(503, "no"))).known


def test_what_nobody_answered_is_not_known() -> None:
    for condition in (ITSELF.each_answers(TWO, "x"), ITSELF.none_answers(TWO, "x")):
        assert not condition.judge(asked(ITSELF, a=said(503), b=said(503))).known
        assert not negate(condition, "not").judge(snapshot()).holds


def test_the_empty_panel_is_named() -> None:
    seen = ITSELF.each_answers(TWO, "x").judge(asked(ITSELF, a=vector(1), b=vector()))
    assert seen.text == "Memory: empty"


def test_whom_the_queries_ask() -> None:
    [probe] = ITSELF.query("a", bool, "x").probes
    assert (ITSELF.service, ITSELF.port, ITSELF.remark) == (SERVER.service, 80, "panel queries asked Prometheus itself")
    assert isinstance(probe, QueryProbe)
    assert probe.path == "/api/v1/query?query=a"
    [probe] = GRAFANA.query("a", bool, "x").probes
    assert isinstance(probe, QueryProbe)
    assert (probe.service, probe.port) == ("grafana", 3000)
    assert probe.path == f"/api/datasources/proxy/uid/{DATA_SOURCE}/api/v1/query?query=a"
    assert "Grafana" in GRAFANA.remark


def test_grafana_asks_the_drilled_prometheus_and_has_to_be_ready() -> None:
    assert ITSELF.objects(SERVER) == []
    assert ITSELF.ready == ()
    objects = {(obj["kind"], obj["metadata"]["name"]): obj for obj in GRAFANA.objects(SERVER)}
    sources = yaml.safe_load(objects["ConfigMap", "grafana-data-sources"]["data"]["prometheus.yaml"])["datasources"]
    assert [(s["uid"], s["url"]) for s in sources] == [(DATA_SOURCE, f"http://{SERVER.service}:80")]
    [port] = objects["Service", "grafana"]["spec"]["ports"]
    assert port["port"] == GRAFANA.port
    template = objects["Deployment", "grafana"]["spec"]["template"]
    assert [c["image"] for c in template["spec"]["containers"]] == [GRAFANA_IMAGE]
    [ready] = GRAFANA.ready
    grafana = pod("grafana-1", container("grafana"), labels=template["metadata"]["labels"])
    assert ready.judge(snapshot(grafana)).holds
    assert not ready.judge(snapshot()).holds


def test_a_dashboard_comes_back_from_its_config_map() -> None:
    made = config_map("x", "x.json", '{"a": 1}')
    assert made["metadata"]["labels"] == LABEL == {"grafana_dashboard": "1"}
    assert provisioned(made) == {"a": 1}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "0 dashboards"),
        ({"a.json": "{}", "b.json": "{}"}, "2 dashboards"),
        ({"a.json": "{"}, "not JSON"),
        ({"a.json": "[]"}, "not an object"),
    ],
)
def test_a_config_map_without_one_dashboard(data: dict[str, str], words: str) -> None:
    with pytest.raises(ClusterError, match=words):
        provisioned({"metadata": {"name": "x"}, "data": data})


@pytest.mark.parametrize(
    ("text", "answer", "holds", "words"),
    [
        (json.dumps(board("a", "a")), vector(1), True, "t0"),
        (json.dumps(board("a", "a")), vector(), False, "t0: empty"),
        (json.dumps(board("a")), vector(1), False, "only 1 panels, not 2"),
        (json.dumps(board()), vector(1), False, "no panel with a query"),
        ("{", vector(1), False, "not JSON"),
    ],
)
def test_a_dashboard_in_its_config_map(text: str, answer: ProbeAnswer, words: str, *, holds: bool) -> None:
    condition = ITSELF.dashboard_answers(config_map("x", "x.json", text), scrape_interval_s=1, at_least=2)
    seen = condition.judge(asked(ITSELF, a=answer))
    assert seen.holds is holds
    assert words in seen.text
    assert condition.name == "data in each panel of x"


def test_our_dashboard_asks_for_nothing_that_may_not_be_there() -> None:
    dashboard = json.loads(shipped("pods.json"))
    found = panels(dashboard, scrape_interval_s=1)
    assert 4 <= len(found) <= 6
    assert not [p for p in found if re.search(r"\$|cluster|> *0", p.promql)]
    assert {p["datasource"]["uid"] for p in dashboard["panels"]} == {DATA_SOURCE}
    assert len({p["id"] for p in dashboard["panels"]}) == len({p.title for p in found}) == len(found)


def test_the_runbook_corrects_the_imported_dashboard_one_cause_after_the_other(tmp_path: Path) -> None:
    file = tmp_path / "pods.json"
    file.write_text(IMPORTED, encoding="utf-8")
    *edits, apply = steps("dashboard-no-data", "Mitigation")
    assert "kubectl" in apply
    causes = (r'cluster="\$cluster"', r"\$__rate_interval", "container_cpu_cfs_throttled_seconds_total")

    def left() -> list[bool]:
        raw = file.read_text(encoding="utf-8").replace('\\"', '"')
        return [re.search(cause, raw) is not None for cause in causes]

    assert left() == [True, True, True]
    states = []
    for edit in edits:
        bash(["queries() { :; }", edit], FILE=str(file), MISSING=causes[-1])
        states.append(left())
    assert states == [[False, True, True], [False, False, True], [False, False, False]]
    corrected = panels(json.loads(file.read_text(encoding="utf-8")), scrape_interval_s=1)
    ours = {re.sub(r"\{\}", "", p.promql) for p in panels(json.loads(shipped("pods.json")), scrape_interval_s=1)}
    assert {re.sub(r"\{\}", "", p.promql) for p in corrected} < ours
    assert len(corrected) == len(ours) - 1


def test_the_runbook_reads_queries_out_of_the_json(tmp_path: Path) -> None:
    file = tmp_path / "pods.json"
    file.write_text(IMPORTED, encoding="utf-8")
    [read] = [s for s in steps("dashboard-no-data", "Diagnosis") if "queries()" in s]
    functions = read[read.index("queries()") : read.index("# Reads queries")]
    lines = bash([functions, "queries"], FILE=str(file)).splitlines()
    assert lines == [p["targets"][0]["expr"] for p in json.loads(IMPORTED)["panels"]]


# --- restarts ------------------------------------------------------------------------------------------------------


def samples(*at_and_value: tuple[float, float], of: str = "nginx-1") -> ProbeAnswer:
    found = [[NOW.timestamp() + at_s, str(value)] for at_s, value in at_and_value]
    other = {"metric": {"pod": "other"}, "values": [[NOW.timestamp(), "9"]]}
    result = [other, {"metric": {"pod": of}, "values": found}]
    return said(200, json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}))


def nginx(*, restarts: int = 1, ready: str = "True", state: dict[str, Any] | None = None) -> dict[str, Any]:
    """A pod whose container was started and called ready within the second that begins now."""
    conditions = [
        {"type": "Initialized", "status": "True", "lastTransitionTime": stamp(-30)},
        {"type": "Ready", "status": ready, "lastTransitionTime": stamp(0)},
    ]
    running = {"running": {"startedAt": stamp(0)}} if state is None else state
    return pod("nginx-1", container("nginx", restarts=restarts, state=running), labels=NGINX, conditions=conditions)


def seen_of(answer: ProbeAnswer, found: dict[str, Any] | None = None, *, since_s: float = -5) -> Seen:
    counted = restart_counted(SERVER, NGINX, "nginx", since=NOW + timedelta(seconds=since_s), scrapes=2)
    [probe] = counted.probes
    return counted.judge(snapshot(nginx() if found is None else found, answers={probe: answer}))


@pytest.mark.parametrize(
    ("answer", "holds", "text"),
    [
        (samples((-1, 0), (0.4, 1), (1.4, 1)), True, "within the second"),
        (samples((0.4, 0), (1.4, 1)), True, "by sample 1 "),
        (samples((0.4, 0), (1.0, 1)), True, "by sample 1 "),
        (samples((0.4, 0), (1.4, 0), (2.4, 1)), True, "by sample 2 "),
        (samples((0.4, 0), (1.4, 0), (2.4, 0), (3.4, 1)), False, "by sample 3 "),
        (samples((0.4, 0), (1.4, 0)), False, "not yet counted by 1 samples"),
        (samples((0.4, 1), of="nginx-0"), False, "not yet counted by 0 samples"),
        (said(503, "no"), False, "not yet counted"),
        (said(422, '{"status": "error"}'), False, "not yet counted"),
    ],
)
def test_a_restart_is_counted_within_two_scrapes(answer: ProbeAnswer, *, holds: bool, text: str) -> None:
    seen = seen_of(answer)
    assert seen.holds is holds
    assert text in seen.text


@pytest.mark.parametrize(
    "found",
    [
        nginx(restarts=0),
        nginx(ready="False"),
        nginx(state={"terminated": {"exitCode": 0}}),
        pod("nginx-1", container("other"), labels=NGINX),
        pod("other-1"),
    ],
    ids=["not restarted", "not ready", "not running", "another container", "another pod"],
)
def test_without_a_restart_that_is_over_nothing_is_counted(found: dict[str, Any]) -> None:
    assert seen_of(samples((0.4, 1)), nginx()).holds
    seen = seen_of(samples((0.4, 1)), found)
    assert (seen.holds, seen.known) == (False, True)


def test_a_status_that_does_not_count_restarts_has_none() -> None:
    never = nginx()
    del never["status"]["containerStatuses"][0]["restartCount"]
    seen = seen_of(samples((0.4, 1)), never)
    assert (seen.holds, seen.known) == (False, True)


def test_a_restart_of_before_does_not_count() -> None:
    assert seen_of(samples((0.4, 1)), since_s=0.9).holds  # within the second that Kubernetes tells
    assert not seen_of(samples((0.4, 1)), since_s=1).holds


def test_not_restarted_since() -> None:
    condition = not_restarted(NGINX, "nginx", since=NOW + timedelta(seconds=0.5))
    assert condition.judge(snapshot(nginx())).holds
    assert not not_restarted(NGINX, "nginx", since=NOW).judge(snapshot(nginx())).holds
    assert not condition.judge(snapshot(nginx(state={"terminated": {"exitCode": 0}}))).holds
    assert condition.judge(snapshot()).text == "no such pod"
    assert not condition.judge(snapshot()).holds


def test_restarts_are_those_of_the_newest_pod() -> None:
    older = pod("nginx-0", container("nginx", state={}), labels=NGINX, created_s=-99)
    assert not_restarted(NGINX, "nginx", since=NOW + timedelta(seconds=0.5)).judge(snapshot(older, nginx())).holds
    counted = restart_counted(SERVER, NGINX, "nginx", since=NOW, scrapes=2)
    [probe] = counted.probes
    assert counted.judge(snapshot(older, nginx(), answers={probe: samples((0.4, 1))})).holds


# --- logs of other pods --------------------------------------------------------------------------------------------


def test_what_another_pod_says() -> None:
    lines = (LogLine(NOW, "took 9.0 s"), LogLine(NOW.replace(second=30), "took 1.1 s"))
    shown = snapshot(logs={("busy-1", "busy"): lines, ("other-1", "busy"): (LogLine(NOW, "took 5.0 s"),)})

    def holds(condition: Condition) -> bool:
        return condition.judge(shown).holds

    assert holds(says("busy-", "busy", r"took 9\.\d s"))
    assert not holds(says("busy-", "busy", r"took 5\.\d s"))
    assert not holds(says("busy-", "main", r"took 9\.\d s"))
    assert not holds(says("busy-", "busy", r"took 9\.\d s", since=NOW.replace(second=1)))
    assert holds(says("busy-", "busy", r"took 1\.\d s", since=NOW.replace(second=1)))


# --- edits ---------------------------------------------------------------------------------------------------------


def test_the_runbook_of_oom_raises_the_limit_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    before = (paths.scenarios_dir() / "oom" / "values.yaml").read_text(encoding="utf-8")
    file.write_text(values.set_value(before, ("server", "resources", "limits", "memory"), "16Mi"), encoding="utf-8")
    raise_limit, _ = steps("oom", "Mitigation")
    assert "memory: 9Gi" in bash([raise_limit], VALUES=str(file), NEW_LIMIT="9Gi")
    wanted = values.set_value(before, ("server", "resources", "limits", "memory"), "9Gi")
    assert values.load(file.read_text(encoding="utf-8")) == values.load(wanted)


def test_the_runbook_of_oom_leaves_a_request_and_other_containers_alone(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(
        "server:\n  resources:\n    requests:\n      memory: 1Gi\n    limits:\n      cpu: 1\n      memory: 1Gi\n"
        "other:\n  limits:\n    memory: 1Gi\n",
        encoding="utf-8",
    )
    raise_limit, _ = steps("oom", "Mitigation")
    assert bash([raise_limit], VALUES=str(file), NEW_LIMIT="9Gi") == "7:      memory: 9Gi\n"
    text = file.read_text(encoding="utf-8")
    assert [line.split()[-1] for line in text.splitlines() if "memory" in line] == ["1Gi", "9Gi", "1Gi"]
