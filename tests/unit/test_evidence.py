"""Gathering evidence, against a scripted API server."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.api_server import Handler, api_server, forwards, hangs_up, says, silent
from tests.unit.drill_world import FakeClock
from tests.unit.evidence_world import APPS, DIRECT, NAMESPACE, PAGES, PASSWORD, POD, SERVICE, SPACE, EvidenceWorld, ok
from tests.unit.fake_shell import install

from promdrill.core import shell
from promdrill.core.clock import SYSTEM
from promdrill.core.errors import CommandFailed, CommandTimeout
from promdrill.core.login import Login
from promdrill.evidence import store

KINDS = ["configmaps", "daemonsets", "deployments", "endpointslices", "persistentvolumeclaims", "persistentvolumes"]
KINDS += ["pods", "replicasets", "secrets", "services", "statefulsets", "storageclass", "events"]
LOGS = [f"logs/{POD}/{name}.log" for name in ("prometheus-server", "prometheus-server.previous", "reloader")]
DESCRIBED = ["describe-pods.txt", "describe-persistentvolumeclaims.txt", "describe-persistentvolumes.txt"]
STATUS = ["buildinfo.json", "runtimeinfo.json", "targets.json", "rules.json", "config.yaml", "flags.json", "tsdb.json"]
HELM = ["helm/values.yaml", "helm/values-all.yaml", "helm/manifest.yaml", "helm/history.txt"]
ALL = sorted(
    [*(f"{kind}.yaml" for kind in KINDS), "events.txt", *DESCRIBED, f"df/{POD}.txt", *LOGS, *HELM]
    + [f"prometheus/{page}" for page in STATUS]
)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EvidenceWorld]:
    """A good world; what nobody expected to be asked, or what was expected and not asked, fails."""
    monkeypatch.setattr(Handler, "disable_nagle_algorithm", True)  # 40 ms less for each of the requests
    with api_server() as api:
        made = EvidenceWorld(api, install(monkeypatch), tmp_path)
        made.good()
        yield made


def all_was_asked(world: EvidenceWorld) -> bool:
    world.shell.done()
    return not any(world.api.scripts.values())


def test_everything_is_there_and_the_index_and_the_journal_agree(world: EvidenceWorld) -> None:
    taken = world.gather()
    assert taken.missing == ()
    assert sorted(kept.path for kept in taken.kept) == ALL
    index = json.loads(world.read("index.json"))
    assert (index["scenario"], index["missing"]) == ("toy", [])
    for entry in index["artefacts"]:
        data = (taken.folder / entry["path"]).read_bytes()
        assert (entry["size"], entry["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    noted = {(e["path"], e["size_bytes"], e["sha256"]) for e in world.journal("evidence")}
    assert noted == {(f"evidence/{e['path']}", e["size"], e["sha256"]) for e in index["artefacts"]}
    assert len(world.journal("evidence-index")) == 1
    assert all_was_asked(world)


def test_no_credential_is_in_any_file_or_in_the_journal(world: EvidenceWorld) -> None:
    world.gather()
    assert PASSWORD not in world.everything()
    assert yaml.safe_load(world.read("secrets.yaml"))["data"] == {"anything": "REDACTED"}
    assert yaml.safe_load(world.read("helm/manifest.yaml"))["stringData"] == {"any": "REDACTED"}
    assert world.read("helm/values.yaml") == "adminPassword: REDACTED\n"
    assert world.read("prometheus/config.yaml") == "x: 1\npassword: REDACTED\n"
    assert world.read("helm/values-all.yaml") == "a: b # kept\n"


def test_objects_are_complete_yaml_of_this_namespace(world: EvidenceWorld) -> None:
    world.gather()
    pod = yaml.safe_load(world.read("pods.yaml"))
    assert (pod["apiVersion"], pod["kind"], pod["metadata"]["name"]) == ("v1", "Pod", POD)
    assert "managedFields" not in world.everything()
    assert yaml.safe_load(world.read("persistentvolumes.yaml"))["metadata"]["name"] == "pv-1"
    assert yaml.safe_load(world.read("storageclass.yaml"))["metadata"]["name"] == NAMESPACE
    assert world.read("services.yaml") == "# none\n"
    assert len(list(yaml.safe_load_all(world.read("events.yaml")))) == 2


def test_events_are_a_table_in_the_order_of_time(world: EvidenceWorld) -> None:
    world.gather()
    first, second = world.read("events.txt").splitlines()
    assert first.split() == ["2026-01-01T00:00:01.000000Z", "Normal", "Pulled", f"Pod/{POD}", "x1", "there"]
    assert second.endswith("x3  Back-off restarting failed container")


def test_logs_are_those_of_runs_that_there_were(world: EvidenceWorld) -> None:
    world.gather()
    assert [world.read(path) for path in LOGS] == ["now\n", "before\n", "reloads\n"]
    asked = [a.query for a in world.api.asked if a.path.endswith("/log")]
    assert [(q["container"], "previous" in q) for q in asked] == [
        (["prometheus-server"], False),
        (["prometheus-server"], True),
        (["reloader"], False),
    ]


def test_df_shows_space_and_inodes(world: EvidenceWorld) -> None:
    world.gather()
    assert world.read(f"df/{POD}.txt") == (
        "$ df -kP  # exit code 0\nFilesystem 1 2 3 100% /data\n\n$ df -iP  # exit code 0\ninodes\n"
    )


def test_a_pod_that_is_not_ready_is_asked_past_its_service(world: EvidenceWorld) -> None:
    for page in PAGES:
        world.drop("GET", f"{SERVICE}/api/v1/{page}")
        world.api.on("GET", f"{DIRECT}/api/v1/{page}", ok({"page": page}))
    world.drop("GET", f"{SERVICE}/api/v1/status/buildinfo", says(503, "no endpoints available"))
    taken = world.gather()
    assert taken.missing == ()
    assert json.loads(world.read("prometheus/targets.json")) == {"page": "targets"}


def test_pages_of_a_server_that_asks_for_a_login_are_read_with_it(world: EvidenceWorld) -> None:
    world.login = Login("drill", PASSWORD)
    body = json.dumps({"status": "success", "data": {"page": "targets"}})
    whole = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    heard: list[str] = []
    for page in PAGES:
        world.drop("GET", f"{SERVICE}/api/v1/{page}", says(503, "no endpoints available"))
        world.api.on("GET", f"{DIRECT}/api/v1/{page}", says(401, "Unauthorized"))
        world.api.on("GET", f"{SPACE}/pods/{POD}/portforward", forwards(b"\x00" + whole, heard=heard))
    taken = world.gather()
    assert taken.missing == ()
    assert json.loads(world.read("prometheus/targets.json")) == {"page": "targets"}
    assert all(world.login.header in request for request in heard)
    assert len(heard) == len(PAGES)
    assert PASSWORD not in world.everything()


def test_pages_that_nobody_serves_are_named_one_by_one(world: EvidenceWorld) -> None:
    for page in ("targets", "rules"):
        world.drop("GET", f"{SERVICE}/api/v1/{page}", says(503, "Service Unavailable"))
        world.api.on("GET", f"{DIRECT}/api/v1/{page}", says(502, "refused"))
    taken = world.gather()
    assert [m.collector for m in taken.missing] == ["prometheus/targets", "prometheus/rules"]
    assert "services/prometheus-server:80: HTTP 503: Service Unavailable" in taken.missing[0].error
    assert f"pods/{POD}:9090: HTTP 502: refused" in taken.missing[0].error


def test_collectors_that_fail_are_noted_and_the_others_run(world: EvidenceWorld) -> None:
    world.drop("GET", f"{SPACE}/configmaps", says(403, {"message": "forbidden"}))
    world.drop("GET", f"{SPACE}/pods/{POD}/exec", hangs_up)
    world.drop("GET", f"{SPACE}/pods/{POD}/log", says(200, "now\n"), says(400, "not found"), says(200, "reloads\n"))
    world.drop("GET", f"{APPS}/daemonsets", says(200, {"items": [{"kind": "odd"}]}))
    world.shell.expected[0].answer = CommandTimeout(["kubectl", "describe"], -9, "half", what="not done within 10 s")
    world.shell.expected[-1].answer = CommandFailed(["helm", "history", "x"], 1, f"Error: password={PASSWORD}")
    taken = world.gather()
    missing = {m.collector: m.error for m in taken.missing}
    broken = {"configmaps", f"df/{POD}", LOGS[1], "daemonsets", "describe-pods", "helm/history"}
    assert set(missing) == broken
    assert "forbidden" in missing["configmaps"]
    assert "KeyError" in missing["daemonsets"]
    assert missing["describe-pods"] == "not done within 10 s: describe: half"
    assert missing["helm/history"] == "exit code 1: history x: Error: password=REDACTED"
    assert json.loads(world.read("index.json"))["missing"] == [
        {"collector": m.collector, "error": m.error} for m in taken.missing
    ]
    assert [(e["collector"], e["error"]) for e in world.journal("evidence-missing")] == list(missing.items())
    lost = {"configmaps.yaml", f"df/{POD}.txt", LOGS[1], "daemonsets.yaml", "describe-pods.txt", "helm/history.txt"}
    assert {kept.path for kept in taken.kept} == set(ALL) - lost


def test_what_helm_says_is_not_kept_where_it_cannot_be_redacted(world: EvidenceWorld) -> None:
    world.shell.expected[-2].answer = f"kind: Secret: {PASSWORD}\n"
    taken = world.gather()
    assert [m.collector for m in taken.missing] == ["helm/manifest"]
    assert "cannot be redacted" in taken.missing[0].error
    assert PASSWORD not in world.everything()


def test_tools_run_with_the_drills_own_folders_and_cluster(world: EvidenceWorld) -> None:
    world.gather()
    assert len(world.shell.calls) == 7
    for argv, options in world.shell.calls:
        assert options["env"] == world.subject().helm.env
        assert argv[argv.index("--kubeconfig") + 1] == str(world.folder / "kubeconfig")
        assert argv[argv.index("--namespace") + 1] == NAMESPACE
        assert options["timeout_s"] <= 10


def test_a_large_log_is_cut_and_small_ones_are_not(world: EvidenceWorld) -> None:
    large = "a line of a log\n" * 200_000
    world.drop("GET", f"{SPACE}/pods/{POD}/log", says(200, large), says(200, "before\n"), says(200, "reloads\n"))
    taken = world.gather()
    by_path = {kept.path: kept for kept in taken.kept}
    assert store.LARGEST_BYTES * 0.9 < by_path[LOGS[0]].size <= store.LARGEST_BYTES
    assert f"[promdrill: {by_path[LOGS[0]].left_out} bytes left out here]" in world.read(LOGS[0])
    assert by_path[LOGS[1]].left_out == 0


def test_the_budget_is_kept_and_what_did_not_fit_is_named(world: EvidenceWorld) -> None:
    world.drop("GET", f"{SPACE}/pods/{POD}/log", *(says(200, "x\n" * 50_000) for _ in range(3)))
    world.drop("GET", f"{SPACE}/services", says(200, {"kind": "ServiceList", "items": [service_of(60_000)]}))
    taken = world.gather(budget_bytes=110_000)
    files = [path for path in taken.folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 110_000
    assert [m.collector for m in taken.missing] == ["services.yaml"]
    assert "did not fit: 6" in taken.missing[0].error
    assert [e["collector"] for e in world.journal("evidence-missing")] == ["services.yaml"]
    assert all(kept.left_out > 0 for kept in taken.kept if kept.path in LOGS)


def service_of(size: int) -> dict[str, object]:
    return {"metadata": {"name": "x", "annotations": {"long": "a" * size}}}


def test_after_the_overall_deadline_nothing_more_is_asked(
    world: EvidenceWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    asked = shell.run

    def slow(argv: list[str], **options: Any) -> shell.Completed:
        clock.now += 31
        return asked(argv, **options)

    monkeypatch.setattr(shell, "run", slow)
    taken = world.gather(clock=clock)
    assert len(world.shell.calls) == 2  # describe-pods and describe-persistentvolumeclaims
    assert [m.collector for m in taken.missing][-6:] == [
        "describe-persistentvolumes",
        *("helm/values", "helm/values-all", "helm/manifest", "helm/history"),
        "logs",
    ]
    assert {m.error for m in taken.missing} == {"no time was left after 60 s"}
    assert json.loads(world.read("index.json"))["took_s"] == 62


def test_each_collector_has_a_deadline_of_its_own(world: EvidenceWorld) -> None:
    world.drop("GET", f"{SPACE}/pods", silent)
    began = SYSTEM.monotonic()
    taken = world.gather(overall_s=0.5)
    assert SYSTEM.monotonic() - began < 5
    assert "does not answer" in taken.missing[0].error
    assert all(options["timeout_s"] <= 0.5 for _, options in world.shell.calls)
    world.api.scripts.clear()


def test_an_interruption_is_given_back_and_loses_nothing(world: EvidenceWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = shell.run

    def interrupted(argv: list[str], **options: Any) -> shell.Completed:
        if "persistentvolumeclaims" in argv:
            raise KeyboardInterrupt
        return asked(argv, **options)

    monkeypatch.setattr(shell, "run", interrupted)
    taken = world.gather()
    assert isinstance(taken.interruption, KeyboardInterrupt)
    assert [m.collector for m in taken.missing] == ["evidence"]
    assert "cut short in describe-persistentvolumeclaims: KeyboardInterrupt" in taken.missing[0].error
    index = json.loads(world.read("index.json"))
    assert [entry["path"] for entry in index["artefacts"]] == [kept.path for kept in taken.kept]
    assert "describe-pods.txt" in world.read("index.json")


def test_without_a_cluster_everything_is_noted_and_there_is_nothing_to_see(world: EvidenceWorld) -> None:
    for expected in world.shell.expected:
        expected.answer = CommandFailed(["kubectl"], 1, "refused")
    del world.shell.expected[2]  # volumes that are not known are not described
    world.broken_kubeconfig = True
    taken = world.gather()
    assert taken.kept == ()
    assert taken.hint == ""
    assert "not a usable kubeconfig" in next(m.error for m in taken.missing if m.collector == "pods")
    assert {m.collector for m in taken.missing} >= {"df", "prometheus/targets", "pods", "helm/values", "logs"}
    world.api.scripts.clear()


def test_a_folder_that_cannot_be_written_is_noted(world: EvidenceWorld) -> None:
    (world.folder / "report").mkdir()
    (world.folder / "report" / "evidence").symlink_to(world.folder / "nowhere" / "at" / "all")
    taken = world.gather()
    assert taken.folder.name == "evidence"
    assert taken.kept == ()
    assert {m.collector for m in taken.missing} >= {"pods", "logs", "index"}


def test_evidence_of_an_earlier_drill_stays(world: EvidenceWorld) -> None:
    (world.folder / "report" / "evidence").mkdir(parents=True)
    taken = world.gather()
    assert taken.folder.name == "evidence-2"
    assert world.journal("evidence")[0]["path"].startswith("evidence-2/")


def test_the_hint_is_relative_to_where_one_is(world: EvidenceWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = world.gather()
    assert taken.hint == f"see {world.folder}/report/evidence/"
    monkeypatch.chdir(world.folder)
    assert taken.hint == "see report/evidence/"
