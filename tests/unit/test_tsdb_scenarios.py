"""The drills of damaged data and of size retention: what their faults do to files, and what they look for."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.observe_world import NOW, answered, container, ended, pod, said, snapshot
from tests.unit.test_drill_scenarios import IMAGES, MOMENTS, NONE, stated

from promdrill.core import paths, shell
from promdrill.core.errors import CommandFailed
from promdrill.drill.plan import conditions_of
from promdrill.faults import Patched, RunIn, volume_below
from promdrill.helm.values.edit import load, lookup
from promdrill.install import Release
from promdrill.observe.conditions import Condition
from promdrill.observe.log_patterns import wording
from promdrill.observe.others import http_answer
from promdrill.observe.probes import ExecProbe, HttpProbe, MetricsProbe, Probe, ProbeAnswer, QueryProbe
from promdrill.observe.server import Server
from promdrill.observe.snapshot import Snapshot
from promdrill.runbook.parse import parse

SERVER = Server.of("drill-toy", "prometheus")
BLOCK = "01M816SYCSQY34PGZ28WKW96VV"
AFTER = "samples after that block"
HEADER, TOC = b"\xba\xaa\xd7\x00\x02", struct.Struct(">6QI")


def run(script: str, data: Path, *, ok: Sequence[int] = (0,)) -> str:
    """A fault's script, with a folder in place of /data and without its pauses."""
    script = re.sub(r"^sleep \d+$", ":", script.replace("/data", str(data)), flags=re.MULTILINE)
    return shell.run(["sh", "-c", script], timeout_s=30, ok=tuple(ok)).stdout


def script(scenario: str) -> str:
    fault = stated(scenario).plan.fault
    assert isinstance(fault, RunIn)
    assert fault.exit_codes == (0,)
    return fault.script


def index(postings: int, behind: int) -> bytes:
    """A block's index: something up to the postings, something behind them, and the table of contents."""
    body = HEADER + b"\x01" * (postings - len(HEADER)) + b"\x02" * behind
    return body + TOC.pack(5, 1000, 2000, 3000, postings, postings + 50, 0xC0FFEE)


def block(data: Path, name: str, content: bytes) -> Path:
    folder = data / name
    folder.mkdir(parents=True)
    (folder / "index").write_bytes(content)
    return folder / "index"


def vector(*values: float) -> str:
    result = [{"metric": {"n": str(at)}, "value": [0, str(value)]} for at, value in enumerate(values)]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}})


def seen(answers: Mapping[Probe, ProbeAnswer], *pods: Any) -> Snapshot:
    return replace(snapshot(*(pods or (pod(),))), answers=answers)


def named(conditions: Sequence[Condition], name: str) -> Condition:
    [found] = [condition for condition in conditions if condition.name == name]
    return found


def metric(condition: Condition, **values: float) -> bool:
    """Whether a condition on the pod's own metrics holds for these."""
    [probe] = condition.probes
    assert isinstance(probe, MetricsProbe)
    assert set(probe.names) == set(values), condition.name
    metrics = {(name, frozenset[tuple[str, str]]()): value for name, value in values.items()}
    return condition.judge(answered(probe, said(200, metrics=metrics))).holds


def query(condition: Condition, *values: float, status: int = 200) -> bool:
    [probe] = condition.probes
    assert isinstance(probe, QueryProbe)
    return condition.judge(answered(probe, said(status, vector(*values)))).holds


# --- block-corrupt ---


def test_only_what_lies_before_the_postings_of_the_oldest_block_is_zeroed(tmp_path: Path) -> None:
    oldest = block(tmp_path, BLOCK, index(40_000, 9_000))
    newer = block(tmp_path, BLOCK.replace("VV", "VW"), index(40_000, 9_000))
    for other in ("wal", "chunks_head", f"{BLOCK}.tmp-for-creation", "lost+found"):
        (tmp_path / other).mkdir()
    run(script("block-corrupt"), tmp_path)
    assert oldest.read_bytes() == bytes(40_000) + index(40_000, 9_000)[40_000:]
    assert newer.read_bytes() == index(40_000, 9_000)


@pytest.mark.parametrize("content", [b"", index(4_096, 9_000), b"no index at all " * 4], ids=["empty", "tiny", "text"])
def test_an_index_that_is_none_is_left_alone_and_said_so(tmp_path: Path, content: bytes) -> None:
    file = block(tmp_path, BLOCK, content)
    with pytest.raises(CommandFailed):
        run(script("block-corrupt"), tmp_path)
    assert file.read_bytes() == content


def test_without_a_block_nothing_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "index").write_bytes(index(40_000, 9_000))
    with pytest.raises(CommandFailed):
        run(script("block-corrupt"), tmp_path)
    assert (tmp_path / "index").read_bytes() == index(40_000, 9_000)


def test_the_runbook_finds_the_corrupted_blocks_in_the_log() -> None:
    other = "01BX5ZZKBKACTAV9WEVGEMMVRZ"
    log = f"""
level=info msg="write block" ulid=01ARZ3NDEKTSV4RRFFQ69G5FAV
level=error err="opening storage failed: reloadBlocks: corrupted block {BLOCK}: invalid magic number 0"
level=error err="opening storage failed: reloadBlocks: 2 errors: corrupted block {BLOCK}: x; corrupted block {other}: x"
"""
    runbook = parse(paths.scenarios_dir() / "block-corrupt" / "runbook.md")
    [step] = [step for step in runbook.steps if step.command.startswith("BLOCKS=")]
    found = shell.run(["bash", "-c", step.command], env={"LOG": log, "PATH": "/usr/bin:/bin"}, timeout_s=10).stdout
    assert found.split() == ["named:", *sorted([BLOCK, other])]
    unnamed = 'level=ERROR msg="Fatal error" err="opening storage failed: invalid magic number 0"'
    none = shell.run(["bash", "-ec", step.command], env={"LOG": unnamed, "PATH": "/usr/bin:/bin"}, timeout_s=10).stdout
    assert none.split() == ["named:", "none"], "the copy of the pod tells it then"


def test_a_block_that_cannot_be_opened_in_the_words_of_each_version() -> None:
    new = f'level=error err="opening storage failed: reloadBlocks: corrupted block {BLOCK}: invalid magic number 0"'
    old = f'err="opening storage failed: unexpected corrupted block:map[{BLOCK}:invalid magic number 0]"'
    assert re.search(wording("block-not-opened", "2.48.0"), new)
    assert re.search(wording("block-not-opened", "3.8.1"), new.replace("level=error", 'msg="Fatal error"'))
    assert re.search(wording("block-not-opened", "2.15.0"), old)
    unnamed = 'level=ERROR msg="Fatal error" err="opening storage failed: invalid magic number 0"'
    assert re.search(wording("block-not-opened", "3.8.1"), unnamed)
    elsewhere = 'level=warn msg="Found corrupted block, but replaced by compacted one so it\'s safe to delete"'
    assert not re.search(wording("block-not-opened", "2.48.0"), elsewhere)


def test_the_first_stage_of_block_corrupt_wants_the_error_of_that_block_and_answers_otherwise() -> None:
    plan = stated("block-corrupt").plan
    first = conditions_of(plan.signature[0].conditions, MOMENTS)
    fails, now, behind = (named(first, name) for name in ("a query of all fails", "a query of now is answered", AFTER))
    [probe] = fails.probes
    damaged = '{"status":"error","errorType":"execution","error":"block: 01M8: read series: invalid size"}'
    assert fails.judge(answered(probe, said(422, damaged))).holds
    assert not fails.judge(answered(probe, said(200, vector(12)))).holds
    assert not fails.judge(answered(probe, said(422, '{"error":"query processing would load too many samples"}'))).holds
    assert query(now, 1.0)
    assert not query(now)
    assert not query(now, 0.0)
    assert query(behind, 3)
    assert not query(behind)


def test_the_second_stage_of_block_corrupt_wants_a_crash_loop_and_its_reason() -> None:
    plan = stated("block-corrupt").plan
    looping, log = conditions_of(plan.signature[1].conditions, MOMENTS)
    crashed = pod("prometheus-x-server-1", container(ready=False, state=ended(1)), container("reloader"))
    crashed["metadata"]["labels"] = {
        "app.kubernetes.io/instance": "prometheus-block-corrupt",
        "app.kubernetes.io/component": "server",
    }
    assert looping.judge(seen({}, crashed)).holds
    assert "corrupted block" in log.name
    assert not log.judge(seen({}, crashed)).holds


def test_block_corrupt_is_recovered_when_all_times_are_answered_again() -> None:
    recovery = conditions_of(stated("block-corrupt").plan.recovery, MOMENTS)
    everything = named(recovery, "a query of all is answered")
    assert query(everything, 40)
    assert not query(everything)
    assert not query(everything, 40, status=422)


# --- wal-corrupt ---


def wal(data: Path, segments: Mapping[str, bytes]) -> Path:
    folder = data / "wal"
    folder.mkdir()
    (folder / "checkpoint.00000001").mkdir()
    for name, content in segments.items():
        (folder / name).write_bytes(content)
    return folder


def test_the_newest_segment_is_damaged_behind_what_it_held_and_is_not_cut(tmp_path: Path) -> None:
    folder = wal(tmp_path, {"00000002": b"a" * 3000, "00000010": b"b" * 1000})
    meanwhile = f"head -c 4000 /dev/zero >>{folder}/00000010"
    spoil = re.sub(r"^sleep \d+$", meanwhile, script("wal-corrupt"), flags=re.MULTILINE)
    run(spoil, tmp_path)
    assert (folder / "00000002").read_bytes() == b"a" * 3000
    assert (folder / "00000010").read_bytes() == b"b" * 1000 + b"y\n" * 256 + bytes(4000 - 512)


def test_a_segment_into_which_nothing_more_is_written_is_left_alone_and_said_so(tmp_path: Path) -> None:
    folder = wal(tmp_path, {"00000010": b"b" * 1000})
    with pytest.raises(CommandFailed):
        run(script("wal-corrupt"), tmp_path)
    assert (folder / "00000010").read_bytes() == b"b" * 1000


def test_wal_corrupt_counts_the_loss_and_the_corruption() -> None:
    plan = stated("wal-corrupt").plan
    assert isinstance(plan.fault, RunIn)
    [stored] = plan.fault.proof
    assert query(stored, 3)
    assert not query(stored)
    [stage] = plan.signature
    signature, recovery = conditions_of(stage.conditions, MOMENTS), conditions_of(plan.recovery, MOMENTS)
    lost = named(signature, "samples that were stored before the restart are gone")
    assert query(lost)
    assert not query(lost, 1)
    counted = {"prometheus_tsdb_wal_corruptions_total": 1.0}
    assert metric(named(signature, "corruptions counted: 1"), **counted)
    assert not metric(named(recovery, "corruptions counted: 0"), **counted)
    kept = named(recovery, "samples from before the damage are kept")
    assert query(kept, 3)
    assert not query(kept)


def test_a_damaged_wal_in_the_words_of_each_version() -> None:
    damage = 'err="read records: corruption in segment /data/wal/00000000 at 25087: unexpected checksum 1, expected 2"'
    for version, words in (
        ("2.9.2", "encountered WAL error, attempting repair"),
        ("2.48.0", "Encountered WAL read error, attempting repair"),
        ("3.8.1", "Encountered WAL read error, attempting repair"),
    ):
        assert re.search(wording("wal-read-error", version), f'level=warn msg="{words}" {damage}')
    other = 'level=warn msg="Encountered WBL read error, attempting repair"'
    assert not re.search(wording("wal-read-error", "2.48.0"), other)


# --- retention-size ---


def test_the_application_of_retention_size_gets_the_series_and_the_runbook_the_line(tmp_path: Path) -> None:
    plan = stated("retention-size").plan
    fault = plan.fault
    assert isinstance(fault, Patched)
    [deployment] = [obj for obj in plan.beside if obj["kind"] == "Deployment"]
    [before] = deployment["spec"]["template"]["spec"]["containers"]
    [after] = fault.patch["spec"]["template"]["spec"]["containers"]
    assert (before["name"], before["args"]) == (after["name"], ["-series=0"])
    assert after["args"] == ["-series=12000"]
    assert fault.path.endswith(f"/namespaces/drill-retention-size/deployments/{deployment['metadata']['name']}")
    release = Release(NONE, "prometheus", "drill-x", tmp_path, tmp_path / "values.yaml")
    release.compose(paths.scenarios_dir() / "retention-size" / "values.yaml", [IMAGES], "drill-x")
    runbook = parse(paths.scenarios_dir() / "retention-size" / "runbook.md")
    [step] = [step for step in runbook.steps if step.command.startswith("sed")]
    env = {"VOLUME": "24", "VALUES": str(tmp_path / "values.yaml"), "PATH": "/usr/bin:/bin"}
    shown = shell.run(["bash", "-ec", step.command], env=env, timeout_s=10).stdout
    assert re.fullmatch(r"\d+: *retentionSize: 19MB\n", shown)
    assert lookup(load(release.read()), "server.retentionSize", None) == "19MB"


def test_retention_size_is_full_only_when_retention_has_deleted_nothing() -> None:
    first, second = stated("retention-size").plan.signature
    deleted = named(conditions_of(first.conditions, MOMENTS), "no size retention")
    assert metric(deleted, prometheus_tsdb_size_retentions_total=0)
    assert not metric(deleted, prometheus_tsdb_size_retentions_total=1)
    assert any("df" in c.name for c in conditions_of(first.conditions, MOMENTS))
    assert any("no sample stored for 6 s" in c.name for c in conditions_of(second.conditions, MOMENTS))


def test_retention_size_is_recovered_with_a_limit_below_the_volume_that_is_kept_under_load() -> None:
    plan = stated("retention-size").plan
    recovery = conditions_of(plan.recovery, MOMENTS)
    limit = named(recovery, "the limit is below the volume")
    assert metric(limit, prometheus_tsdb_retention_limit_bytes=19 * 2**20)
    assert not metric(limit, prometheus_tsdb_retention_limit_bytes=0), "no limit at all"
    assert not metric(limit, prometheus_tsdb_retention_limit_bytes=24 * 2**20)
    assert metric(named(recovery, "the new series are stored"), prometheus_tsdb_head_series=20_500)
    assert not metric(named(recovery, "the new series are stored"), prometheus_tsdb_head_series=500)
    assert plan.recovery_hold_s >= 10


# --- the conditions that are new with these ---


def test_df_below_a_share() -> None:
    below = volume_below(SERVER, "p", "/data", 0.95)
    [probe] = below.probes
    assert probe == ExecProbe("p", SERVER.container, ("df", "-kP", "/data"))

    def holds(left: int) -> bool:
        text = f"Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/loop0 25844 1 {left} 1% /data\n"
        return below.judge(answered(probe, said(0, text))).holds

    assert holds(1293)
    assert not holds(1292)
    assert not holds(0)
    judged = below.judge(answered(probe, said(None, error="no pod")))
    assert (judged.holds, judged.known) == (False, False)


def test_an_answer_with_another_status_or_body_is_not_the_one() -> None:
    wanted = http_answer("prometheus-server", 80, "/x", 422, pattern="invalid (size|checksum)", text="it fails")
    [probe] = wanted.probes
    assert probe == HttpProbe("prometheus-server", 80, "GET", "/x")
    assert wanted.judge(answered(probe, said(422, "read series: invalid checksum"))).holds
    for other in (said(422, "timeout"), said(200, "invalid size"), said(None, error="refused")):
        judged = wanted.judge(answered(probe, other))
        assert not judged.holds
    assert not wanted.judge(answered(probe, said(None, error="x", refused=True))).known
    assert not wanted.judge(snapshot()).known


def test_the_moment_that_is_asked_for_is_the_baseline_one() -> None:
    late = replace(MOMENTS, baseline=NOW)
    for scenario in ("wal-corrupt", "block-corrupt"):
        asked = [p for c in conditions_of(stated(scenario).plan.recovery, late) for p in c.probes]
        assert NOW.timestamp() in [p.at_s for p in asked if isinstance(p, QueryProbe)]
