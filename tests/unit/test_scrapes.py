"""SCRAPES=yours: the user's scrape jobs and intervals stay, and what a scenario needs is added. All rules stay."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml

from promdrill.core import paths
from promdrill.core.errors import UsageError
from promdrill.core.merging import merged
from promdrill.core.model import Variant
from promdrill.helm.compatibility import stack
from promdrill.helm.compatibility.table import at, keys
from promdrill.helm.values import edit
from promdrill.helm.values.layers import defaults, layered
from promdrill.helm.values.scrapes import LISTED, WRITTEN, kept_rules, kept_scrapes, without
from promdrill.helm.values.user import Own
from promdrill.plugin.session import DrillSession
from promdrill.request.scenarios import ScenarioFolder, find_all
from promdrill.request.settings import Settings

SCENARIO = yaml.safe_load("""
server: {global: {scrape_interval: 1s, scrape_timeout: 1s}, retention: 1d}
serverFiles:
  prometheus.yml:
    scrape_configs:
      - {job_name: prometheus, static_configs: [{targets: ["localhost:9090"]}]}
      - {job_name: nodes}
  recording_rules.yml: {groups: [{name: drill, rules: [{record: a, expr: up}]}]}
extraScrapeConfigs: |
  - job_name: exporter
    static_configs: [{targets: ["{{ .Release.Name }}-exporter:8080"]}]
scrapeConfigs: null
""")
CHART = yaml.safe_load("""
server: {global: {scrape_interval: 1m, scrape_timeout: 10s}}
serverFiles: {prometheus.yml: {scrape_configs: [{job_name: prometheus}]}}
extraScrapeConfigs: ""
""")


def names(text: str) -> list[str]:
    return [job["job_name"] for job in yaml.safe_load(text) or ()]


def composed(own: dict[str, Any], charts: dict[str, Any] = CHART, version: str = "25.8.0") -> dict[str, Any]:
    """The chart's own values, with those that Helm gets over them."""
    found = layered(("prometheus", version), SCENARIO, Own((), (), own), {}, keeping=charts)
    assert found.conflicts == ()
    values = without(SCENARIO, *found.dropped)
    for layer in found.layers:
        values = merged(values, layer)
    return merged(charts, values)


def test_the_users_jobs_and_intervals_are_used() -> None:
    own = {
        "server": {"global": {"scrape_interval": "30s"}},
        "serverFiles": {"prometheus.yml": {"scrape_configs": [{"job_name": "mine"}]}},
        "extraScrapeConfigs": "- job_name: nodes\n  static_configs: [{targets: ['{{ .Values.x }}:1']}]\n",
    }
    values = composed(own)
    assert values["server"]["global"] == {"scrape_interval": "30s", "scrape_timeout": "10s"}
    assert values["server"]["retention"] == "1d", "it has nothing to do with scrapes"
    assert at(values, LISTED) == [{"job_name": "mine"}]
    assert values["extraScrapeConfigs"].startswith(own["extraScrapeConfigs"])
    assert names(values["extraScrapeConfigs"]) == ["nodes", "prometheus", "exporter"]
    assert "{{ .Release.Name }}-exporter:8080" in values["extraScrapeConfigs"], "a template stays one"


def test_without_any_they_are_the_charts() -> None:
    values = composed({})
    assert at(values, LISTED) == [{"job_name": "prometheus"}]
    assert values["server"]["global"] == CHART["server"]["global"]
    assert names(values["extraScrapeConfigs"]) == ["nodes", "exporter"], "prometheus is the chart's"


def test_jobs_by_name_count_if_they_are_on() -> None:
    """From 28.0.0 on; a job may have another name than its key."""
    jobs = {"prometheus": {"enabled": True}, "n": {"job_name": "nodes"}, "exporter": {"enabled": True}}
    charts = {"scrapeConfigs": jobs, "extraScrapeConfigs": None}
    values = composed({"scrapeConfigs": {"exporter": {"enabled": False}}}, charts, "29.27.0")
    assert values["scrapeConfigs"] == merged(jobs, {"exporter": {"enabled": False}})
    assert names(values["extraScrapeConfigs"]) == ["exporter"]
    assert at(values, LISTED) is None, "the chart has none, and its schema takes no null: not set"
    assert "scrape_configs" not in at(values, LISTED[:-1])


def test_what_no_chart_takes_is_left_to_helm() -> None:
    own = {"extraScrapeConfigs": [{"job_name": "mine"}]}
    assert composed(own)["extraScrapeConfigs"] == own["extraScrapeConfigs"]


def test_jobs_that_cannot_be_read_are_an_error() -> None:
    scenario = {**SCENARIO, "extraScrapeConfigs": "- job_name: {{ .Release.Name }}\n"}
    with pytest.raises(UsageError, match="extraScrapeConfigs: not YAML before its templates are filled in"):
        kept_scrapes(("prometheus", "25.8.0"), scenario, {}, CHART)


def test_without_being_asked_the_drills_are_used() -> None:
    own = {"serverFiles": {"prometheus.yml": {"scrape_configs": [{"job_name": "mine"}]}}}
    found = layered(("prometheus", "25.8.0"), SCENARIO, Own((), (), own), {})
    assert [each.path for each in found.conflicts] == [r"serverFiles.prometheus\.yml.scrape_configs"]
    assert found.jobs == ()


@pytest.mark.parametrize("keeping", [None, CHART], ids=["drill", "yours"])
def test_the_users_rules_come_before_the_scenarios(keeping: dict[str, Any] | None) -> None:
    mine = {"name": "mine", "rules": []}
    own = {"serverFiles": {"recording_rules.yml": {"groups": [mine]}}}
    found = layered(("prometheus", "25.8.0"), SCENARIO, Own((), (), own), {}, keeping=keeping)
    assert found.conflicts == ()
    groups = at(merged(*found.layers[-2:]), ("serverFiles", "recording_rules.yml", "groups"))
    assert [each["name"] for each in groups] == ["mine", "drill"]


def test_a_group_of_the_same_name_is_a_conflict() -> None:
    """Prometheus refuses a file with two of one name."""
    own = {"serverFiles": {"recording_rules.yml": {"groups": [{"name": "drill", "rules": []}]}}}
    assert kept_rules(SCENARIO, own).layer == {}
    (conflict,) = layered(("prometheus", "25.8.0"), SCENARIO, Own((), (), own), {}).conflicts
    assert conflict.path == r"serverFiles.recording_rules\.yml.groups"


def test_a_path_is_left_out_and_nothing_else() -> None:
    values = {"a": {"b": 1, "c": 2}, "d": 3}
    assert without(values, ("a", "b")) == {"a": {"c": 2}, "d": 3}
    assert without(values, ("d", "x")) == without(values, ("x", "y")) == without(values, ("x",)) == values
    assert values == {"a": {"b": 1, "c": 2}, "d": 3}
    assert without(values, ("a", "b"), ("a", "c"), ("d",)) == {"a": {}}


STACK = (stack.CHART, "88.5.3")
SPEC = {"scrapeInterval": "", "additionalScrapeConfigs": []}


def test_on_the_stack_its_own_monitors_stay() -> None:
    own = {"prometheus": {"prometheusSpec": {"additionalScrapeConfigs": [{"job_name": "nodes"}]}}}
    charts = {"prometheus": {"prometheusSpec": SPEC}}
    found = layered(STACK, SCENARIO, Own((), (), own), {}, keeping=charts)
    assert found.conflicts == ()
    assert [job["job_name"] for job in found.jobs] == ["prometheus", "exporter"]
    values: dict[str, Any] = {}
    for layer in found.layers:
        values = merged(values, layer)
    assert at(values, keys(stack.JOBS)) == [{"job_name": "nodes"}]
    assert at(values, keys(f"{stack.SPEC}.scrapeInterval")) is None, "the chart's own counts"
    assert at(values, WRITTEN) is None
    assert "coreDns" not in values
    assert at(defaults(SCENARIO, *STACK), ("coreDns", "enabled")) is False, "which it is where the jobs are the drill's"


@pytest.mark.parametrize("scenario", find_all(), ids=lambda found: found.id)
def test_what_does_not_count_is_taken_out_of_a_scenarios_text(scenario: ScenarioFolder) -> None:
    """Its comments stay, as the runbook edits the text; so does `server: {}`, as null would remove the chart's own."""
    text = (scenario.folder / "values.yaml").read_text()
    before = edit.load(text)
    dropped = kept_scrapes(("prometheus", "25.8.0"), before, {}, CHART).keys
    after = edit.remove(text, *sorted(dropped))
    assert edit.load(after) == without(before, *dropped)
    assert edit.remove(after, *sorted(dropped)) == after
    if before.get("server"):
        assert "# " in after


@pytest.mark.parametrize(
    ("text", "path", "after"),
    [
        ("a: 1\nb:\n  c: 2\n  # why\n  d: [1,\n    2]\ne: 3\n", ("b", "d"), "a: 1\nb:\n  c: 2\n  # why\ne: 3\n"),
        ("a: 1\nb:\n  # why\n  c: 2\nd: 3\n", ("b", "c"), "a: 1\nb: {}\nd: 3\n"),
        ("a: {b: 1, c: 2}\n", ("a", "b"), "a: {c: 2}\n"),
        ("a: |\n  x\n  y\nb: 1\n", ("a",), "b: 1\n"),
        ("b: 1\na: |\n  x", ("a",), "b: 1\n"),
        ("a: 1\n", ("b",), "a: 1\n"),
        ("a: 1\n", ("a", "b"), "a: 1\n"),
    ],
)
def test_a_value_is_removed_in_place(text: str, path: tuple[str, ...], after: str) -> None:
    assert edit.remove(text, path) == after


def skipped(scenario: str, scrapes: str, variant: Variant = Variant()) -> str | None:  # noqa: B008  frozen
    """Why a session does not run a drill of a shipped scenario on promdrill's own chart."""
    session = object.__new__(DrillSession)
    session.request = cast(Any, SimpleNamespace(settings=Settings(scrapes=scrapes)))
    folder = paths.scenarios_dir() / scenario
    test = ScenarioFolder(scenario, folder).test
    item: Any = SimpleNamespace(path=test, callspec=SimpleNamespace(params={"drill": variant}))
    return session._skip_reason(item, cast(Any, SimpleNamespace(chart=paths.own_chart(), app_version="2.48.0")))


def test_a_scenario_made_of_its_own_jobs_is_skipped_with_the_reason() -> None:
    why = "SCRAPES=yours: it needs its own scrape jobs: the fault misspells a target of one"
    assert skipped("target-typo", "yours") == why
    assert str(skipped("service-port", "yours")).endswith("its install has a configuration of its own")
    assert skipped("disk-full", "yours") is skipped("target-typo", "drill") is None


def test_so_is_a_control_with_the_incident_of_such_a_scenario() -> None:
    """lifecycle-flag is tried against target-typo."""
    assert skipped("lifecycle-flag", "yours") is None
    assert str(skipped("lifecycle-flag", "yours", Variant("other-fault"))).startswith("other-fault: SCRAPES=yours: ")
    assert skipped("lifecycle-flag", "drill", Variant("other-fault")) is None
