"""The scenarios of settings: what each of them adds to the harness, and that its runbook takes its fault back."""

import os
import runpy
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from promdrill.core import paths
from promdrill.core.journal import Journal
from promdrill.drill import Drill
from promdrill.drill.plan import Moments, Stage, conditions_of
from promdrill.faults import Applied, DeleteServerPod, Edited, FaultNotTaken, Ground, InOrder, Set, Undo, ValuesEdit
from promdrill.faults.edits import Edit
from promdrill.helm.values import edit as values
from promdrill.observe.conditions import Condition, Kind, Seen
from promdrill.observe.log_patterns import wording
from promdrill.observe.server import Server
from promdrill.observe.server_pods import flag_given, no_server_pod, old_pod_beside_new
from promdrill.observe.snapshot import LogLine, Snapshot
from promdrill.runbook.parse import parse
from promdrill.runbook.run import opened

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SERVER = Server.of("drill-x", "prometheus")
EDITED = ("target-typo", "flag-repeated", "config-typo", "rolling-lock", "persistence-off")
ALL = (*EDITED, "quota")
FLAG = "storage.tsdb.retention.size"


def pod(
    name: str, *, ready: int = 2, age_s: int = 0, leaving: bool = False, args: tuple[str, ...] = ()
) -> dict[str, Any]:
    created = (NOW - timedelta(seconds=age_s)).strftime("%Y-%m-%dT%H:%M:%SZ")
    metadata = {
        "name": f"prometheus-server-{name}",
        "uid": name,
        "labels": {"app.kubernetes.io/instance": "prometheus", "app.kubernetes.io/component": "server"},
        "creationTimestamp": created,
        **({"deletionTimestamp": created} if leaving else {}),
    }
    containers: list[dict[str, Any]] = [
        {"name": SERVER.reloader, "args": ["--watched-dir=/etc/config"]},
        {"name": SERVER.container},
    ]
    if args:
        containers[1]["args"] = list(args)
    statuses = [{"name": c["name"], "ready": at < ready, "restartCount": 0} for at, c in enumerate(containers)]
    status = {"phase": "Running", "containerStatuses": statuses}
    return {"metadata": metadata, "spec": {"containers": containers}, "status": status}


def holds(condition: Condition, *pods: dict[str, Any]) -> bool:
    snapshot = Snapshot(at=0, utc=NOW, pods={p["metadata"]["name"]: p for p in pods})
    return condition.judge(snapshot).holds


@pytest.mark.parametrize(
    ("args", "times"),
    [
        ((), 0),
        (("--web.enable-lifecycle",), 1),
        (("--web.enable-lifecycle", "--web.enable-lifecycle=true"), 2),
        (("--web.enable-lifecycle-not", "--no-web.enable-lifecycle", "web.enable-lifecycle"), 0),
    ],
)
def test_a_flag_is_counted_with_and_without_value_and_no_other(args: tuple[str, ...], times: int) -> None:
    for count in range(4):
        assert holds(flag_given(SERVER, "web.enable-lifecycle", count), pod("a", args=args)) is (count == times)


def test_a_flag_is_counted_in_the_newest_pod_and_the_servers_container() -> None:
    old, new = pod("a", age_s=60, args=("--x", "--x")), pod("b", args=("--x",))
    assert holds(flag_given(SERVER, "x", 1), old, new)
    assert holds(flag_given(SERVER, "watched-dir", 0), new)
    assert not holds(flag_given(SERVER, "x", 0))


def test_no_pod_means_not_even_one_that_is_leaving() -> None:
    assert holds(no_server_pod(SERVER))
    assert not holds(no_server_pod(SERVER), pod("a"))
    assert not holds(no_server_pod(SERVER), pod("a", leaving=True))


@pytest.mark.parametrize(
    ("pods", "expected"),
    [
        ((pod("old", age_s=60), pod("new", ready=1)), True),
        ((pod("old", age_s=60), pod("new", ready=0)), True),
        ((pod("old", age_s=60), pod("new")), False),
        ((pod("old", age_s=60, ready=1), pod("new", ready=1)), False),
        ((pod("old", age_s=60, ready=1), pod("new")), False),
        ((pod("old", age_s=60, leaving=True), pod("new", ready=1)), False),
        ((pod("new", ready=1),), False),
        ((pod("old"),), False),
        ((pod("old", age_s=60), pod("older", age_s=90), pod("new", ready=1)), False),
        ((), False),
    ],
)
def test_an_old_pod_that_is_ready_beside_a_new_one_that_is_not(
    pods: tuple[dict[str, Any], ...], expected: bool
) -> None:
    assert holds(old_pod_beside_new(SERVER), *pods) is expected


@dataclass
class Place:
    """API server and observer in one, with these pods."""

    pods: tuple[dict[str, Any], ...]
    deleted: list[str] = field(default_factory=list)

    def snapshot(self) -> Snapshot:
        return Snapshot(at=0, utc=NOW, pods={p["metadata"]["name"]: p for p in self.pods})

    def delete(self, path: str) -> None:
        self.deleted.append(path)


def delete_in(place: Place, folder: Path) -> tuple[Condition, ...]:
    world = cast(Any, place)
    with Journal(folder / "journal.jsonl") as journal:
        undo = Undo(journal)
        proof = DeleteServerPod(PROOF).apply(Ground(world, SERVER, world, world, journal), undo)
        assert undo.run() is None
    return proof


PROOF = (Condition("gone", Kind.POD, lambda _: Seen(holds=True, text="gone")),)


def test_the_newest_pod_is_deleted_and_the_scenario_says_what_comes(tmp_path: Path) -> None:
    place = Place((pod("a", age_s=60), pod("b"), pod("c", leaving=True)))
    assert delete_in(place, tmp_path) == PROOF
    assert place.deleted == ["/api/v1/namespaces/drill-x/pods/prometheus-server-b"]
    fault = DeleteServerPod(PROOF)
    assert fault.name
    assert fault.blast_radius


def test_without_a_pod_there_is_none_to_delete(tmp_path: Path) -> None:
    place = Place((pod("c", leaving=True),))
    with pytest.raises(FaultNotTaken, match="no pod"):
        delete_in(place, tmp_path)
    assert place.deleted == []


ERRORS = (
    r'err="parsing YAML file /etc/config/prometheus.yml: yaml: unmarshal errors:\n  line 5: field srcrape_interval not'
)
LOADING = 'msg="Error loading config (--config.file=/etc/config/prometheus.yml)" file=/etc/config/prometheus.yml'
LOCKED = 'err="opening storage failed: lock DB directory: resource temporarily unavailable"'
SEEN = [
    ("flag-repeated", "2.9.2", f"Error parsing commandline arguments: flag '{FLAG}' cannot be repeated"),
    ("flag-repeated", "2.48.0", f"Error parsing command line arguments: flag '{FLAG}' cannot be repeated"),
    (
        "reload-refused",
        "2.48.0",
        'err="trigger reload: received non-200 response: 500 Internal Server Error; have you set',
    ),
    ("reload-refused", "2.39.1", "error: Received response code 500 , expected 200"),
    ("configuration-not-loaded", "2.48.0", f"ts=1 caller=main.go:487 level=error {LOADING} {ERRORS}"),
    ("configuration-not-loaded", "3.8.1", f"time=1 level=ERROR source=main.go:622 {LOADING} {ERRORS}"),
    ("storage-locked", "2.48.0", f"ts=1 caller=main.go:1164 level=error {LOCKED}"),
    ("storage-locked", "3.8.1", f'time=1 level=ERROR source=main.go:1324 msg="Fatal error" {LOCKED}'),
]
OTHERS = [
    ("flag-repeated", "Error parsing command line arguments: unexpected true"),
    ("reload-refused", "received non-200 response: 403 Forbidden; have you set"),
    ("configuration-not-loaded", f'msg="Error reloading config" {ERRORS}'),
    ("storage-locked", 'err="opening storage failed: lock DB directory: open /data/lock: no space left on device"'),
]


@pytest.mark.parametrize(("meaning", "version", "line"), SEEN)
def test_the_words_of_a_version(meaning: str, version: str, line: str) -> None:
    assert holds_in_log(wording(meaning, version), line)


@pytest.mark.parametrize(("meaning", "line"), OTHERS)
def test_the_words_of_another_incident(meaning: str, line: str) -> None:
    assert not holds_in_log(wording(meaning, "2.48.0"), line)


def holds_in_log(pattern: str, line: str) -> bool:
    logs = {("prometheus-server-a", SERVER.container): (LogLine(NOW, line),)}
    return SERVER.logs(pattern).judge(Snapshot(at=0, utc=NOW, logs=logs)).holds


class Stated:
    """A drill that is not run: it keeps what the scenario states."""

    def __init__(self) -> None:
        self.server = SERVER
        self.plan: dict[str, Any] = {}

    def wording(self, meaning: str) -> str:
        return wording(meaning, "2.48.0")

    def run(self, **plan: Any) -> None:
        assert not self.plan
        self.plan = plan


def plan_of(scenario: str) -> dict[str, Any]:
    name = f"test_{scenario.replace('-', '_')}"
    test: Callable[[Drill], None] = runpy.run_path(str(paths.scenarios_dir() / scenario / f"{name}.py"))[name]
    stated = Stated()
    test(cast(Drill, stated))
    return stated.plan


def edits_of(scenario: str) -> tuple[Edit, ...]:
    fault = plan_of(scenario)["fault"]
    return fault.edits if isinstance(fault, Edited) else (_as_edit(fault),)


def _as_edit(fault: ValuesEdit) -> Edit:
    assert isinstance(fault, ValuesEdit)
    return Set(fault.path, fault.value)


@pytest.mark.parametrize("scenario", ALL)
def test_nothing_holds_of_a_prometheus_of_which_nothing_is_known(scenario: str) -> None:
    plan = plan_of(scenario)
    at = Moments(began=NOW, baseline=NOW, injected=NOW, remediating=NOW, remediated=NOW)
    nothing = Snapshot(at=0, utc=NOW)
    stages: tuple[Stage, ...] = (*plan["signature"], *plan.get("afterwards", ()))
    for conditions in (plan["recovery"], *(stage.conditions for stage in stages)):
        made = conditions_of(conditions, at)
        assert len({condition.name for condition in made}) == len(made)
        assert not all(condition.judge(nothing).holds for condition in made)


def repaired(scenario: str, folder: Path, **variables: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The values as shipped, with the fault, and as the runbook's first step of mitigation leaves them."""
    shipped = (paths.scenarios_dir() / scenario / "values.yaml").read_text(encoding="utf-8")
    broken = shipped
    for edit in edits_of(scenario):
        changed = edit.changed(broken)
        assert changed != broken
        broken = changed
    file = folder / "values.yaml"
    file.write_text(broken, encoding="utf-8")
    book = parse(paths.scenarios_dir() / scenario / "runbook.md")
    first = next(at for at, step in enumerate(book.steps) if step.section == "Mitigation")
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), **book.variables, "VALUES": str(file), **variables}
    with opened(book, env=env, leaves_out=lambda at: at != first) as steps:
        assert len(steps.run(deadline_s=20)) == 1
    return values.load(shipped), values.load(broken), values.load(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("scenario", ["target-typo", "config-typo", "persistence-off"])
def test_the_runbook_takes_the_fault_back(scenario: str, tmp_path: Path) -> None:
    shipped, broken, mended = repaired(scenario, tmp_path)
    assert broken != shipped
    assert mended == shipped


def test_the_runbook_keeps_one_flag_and_the_newer_value(tmp_path: Path) -> None:
    shipped, broken, mended = repaired("flag-repeated", tmp_path, FLAG=FLAG)
    assert [FLAG in str(shipped["server"][key]) for key in ("extraFlags", "extraArgs")] == [True, False]
    assert [FLAG in str(broken["server"][key]) for key in ("extraFlags", "extraArgs")] == [True, True]
    assert (mended["server"]["extraFlags"], mended["server"]["extraArgs"]) == (
        ["web.enable-lifecycle"],
        {FLAG: "250MB"},
    )


def test_the_runbook_sets_another_strategy_and_leaves_the_change_that_was_wanted(tmp_path: Path) -> None:
    shipped, broken, mended = repaired("rolling-lock", tmp_path)
    assert shipped["server"]["strategy"] == broken["server"]["strategy"] == {"type": "RollingUpdate"}
    assert mended["server"]["strategy"] == {"type": "Recreate"}
    assert mended["server"]["podAnnotations"] == broken["server"]["podAnnotations"] != {}


def test_the_quota_is_below_the_need_and_the_runbooks_above() -> None:
    plan = plan_of("quota")
    assert isinstance(plan["fault"], InOrder)
    applied = plan["fault"].acts[0]
    assert isinstance(applied, Applied)
    text = (paths.scenarios_dir() / "quota" / "values.yaml").read_text(encoding="utf-8")
    parts = ("configmapReload.prometheus.resources.requests.memory", "server.resources.requests.memory")
    need = sum(int(str(values.lookup(values.load(text), part, "")).removesuffix("Mi")) for part in parts)
    hard = int(applied.obj["spec"]["hard"]["requests.memory"].removesuffix("Mi"))
    assert hard < need < int(plan["variables"]["NEW_HARD"].removesuffix("Mi"))
    assert parse(paths.scenarios_dir() / "quota" / "runbook.md").variables["NEW_HARD"] == plan["variables"]["NEW_HARD"]
