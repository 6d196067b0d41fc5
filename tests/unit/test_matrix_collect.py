"""Collecting a Job: what its pods handed over is unpacked whole or not at all, and nothing of before is lost."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.matrix_world import cell, drill, ran, write

from promdrill.cli import main
from promdrill.core.model import Verdict
from promdrill.matrix import collect, handed_over
from promdrill.matrix.collect import Collector, Status
from promdrill.matrix.handed_over import NotWhole

CELLS = [replace(cell(app=f"3.0.{number}"), title=f"Prometheus 3.0.{number}") for number in range(3)]
IDS = [each.id for each in CELLS]
FLAGS = ["--kubeconfig=ci.kubeconfig", "--context=ci"]
Captured = pytest.CaptureFixture[str]


def files_of(index: int, verdict: Verdict = Verdict.PASSED) -> dict[str, str]:
    run = json.dumps(ran(drill(verdict=verdict)).to_json())
    return {"cell.json": json.dumps(CELLS[index].to_json()), "results.json": run, "disk-full/journal.jsonl": "{}\n"}


def packed(id_: str, files: Mapping[str, str]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"{id_}/{name}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return stream.getvalue()


def block(id_: str, content: bytes) -> str:
    lines = base64.encodebytes(content).decode()
    return f"promdrill-results begin {id_} {hashlib.sha256(content).hexdigest()}\n{lines}promdrill-results end {id_}\n"


def log_of(index: int, verdict: Verdict = Verdict.PASSED) -> str:
    return f"drilling\n{block(IDS[index], packed(IDS[index], files_of(index, verdict)))}"


# What a log holds


def test_what_was_handed_over_is_there_as_it_was(tmp_path: Path) -> None:
    handed_over.unpack(log_of(0), IDS[0], tmp_path)
    there = {path.relative_to(tmp_path).as_posix(): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert there == files_of(0)
    assert handed_over.split(log_of(0))[0] == "drilling\n"
    assert handed_over.split("drilling\n") == ("drilling\n", "")


def test_a_log_with_the_line_ends_of_a_terminal_is_as_good(tmp_path: Path) -> None:
    begin, rest = log_of(0).split("\n", 2)[1:]
    handed_over.unpack(f"{begin}\n{rest}".replace("A\n", "A\r\n"), IDS[0], tmp_path)
    assert (tmp_path / "results.json").is_file()


def cut(log: str) -> str:
    return log[: len(log) // 2]


def flipped(log: str) -> str:
    at = log.index("\n", log.index("begin")) + 20
    return log[:at] + ("A" if log[at] != "A" else "B") + log[at + 1 :]


@pytest.mark.parametrize(
    ("log", "message"),
    [
        ("", "its log has no results"),
        ("drilling\n", "its log has no results"),
        (cut(log_of(0)), "have no end: the log was cut off"),
        (flipped(log_of(0)), "are damaged: their SHA-256 is another one"),
        (log_of(0).replace("\npromdrill-results end", "$\npromdrill-results end"), "are damaged: "),
        (log_of(1), "its log has the results of another cell, k1.36.3-p3.0.1"),
        (block(IDS[0], b"no archive"), "cannot be unpacked: "),
        (block(IDS[0], packed(IDS[0], files_of(0))[:99]), "cannot be unpacked: "),
        (block(IDS[0], packed(IDS[1], files_of(1))), "k1.36.3-p3.0.1/cell.json is not in the folder of its cell"),
        (block(IDS[0], packed(IDS[0], {"../../x": "y"})), "is not in the folder of its cell"),
    ],
)
def test_what_is_not_whole_is_one_error_and_writes_nothing(tmp_path: Path, log: str, message: str) -> None:
    with pytest.raises(NotWhole, match=message):
        handed_over.unpack(log, IDS[0], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_would_fill_the_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handed_over, "MOST_BYTES", 1000)
    log = block(IDS[0], packed(IDS[0], {"journal.jsonl": "0" * 1001}))
    with pytest.raises(NotWhole, match="its files have more than 1,000 bytes"):
        handed_over.unpack(log, IDS[0], tmp_path)


def test_links_are_left_out(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with gzip.open(stream, "wb") as zipped, tarfile.open(fileobj=zipped, mode="w") as archive:
        entry = tarfile.TarInfo(f"{IDS[0]}/link")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(entry)
    handed_over.unpack(block(IDS[0], stream.getvalue()), IDS[0], tmp_path)
    assert list(tmp_path.iterdir()) == []


# How far a Job is


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("||||", Status((), 0, 0, over=False)),
        ("||3|1|", Status((), 1, 3, over=False)),
        ("0,2-4|1|2|2|", Status((0, 1, 2, 3, 4), 2, 2, over=False)),
        ("0|||1|FailureTarget", Status((0,), 1, 0, over=False)),
        ("0-1||||SuccessCriteriaMet Complete", Status((0, 1), 0, 0, over=True)),
        ("|0-1|||FailureTarget Failed", Status((0, 1), 0, 0, over=True)),
        ("Warning: 3 things will be removed in 1.40|", None),
        ("", None),
    ],
)
def test_the_status_of_a_job_is_read(line: str, status: Status | None) -> None:
    assert Status.of(line) == status


# The command, with a kubectl that knows a Job

KUBECTL = """\
import json, pathlib, signal, sys
place = pathlib.Path(__file__).parent
told = json.loads((place / "cluster.json").read_text())
words = sys.argv[1:]
with (place / "asked.txt").open("a") as file:
    file.write(json.dumps(words) + "\\n")
options = dict(word[2:].partition("=")[::2] for word in words if word.startswith("--"))
verb, *names = [word for word in words if not word.startswith("--")]
if told.get("away"):
    sys.exit(told["away"])
if verb == "logs":
    sys.exit(told["logs"][names[0]]) if names[0] not in told["logs"] else sys.stdout.write(told["logs"][names[0]])
elif names[0] == "configmap":
    print(json.dumps({"data": {"cells": told["cells"]}}))
elif names[0] == "pods":
    index = options["selector"].rpartition("=")[2]
    print(json.dumps({"items": told["pods"].get(index, [])}))
elif "watch" in options:
    for line in told["watched"]:
        print(line, flush=True)
    if told.get("hangs"):
        signal.pause()
else:
    print(told["uid"], end="")
"""


def pod(index: int, name: str = "", code: int = 0, **status: Any) -> dict[str, Any]:
    ended = {"exitCode": code, "reason": "Error" if code else "Completed"}
    metadata = {"name": name or f"job-{index}", "creationTimestamp": "2026-11-30T00:00:00Z"}
    containers = [{"name": "cell", "state": {"terminated": ended}}]
    return {"metadata": metadata, "status": {"phase": "Succeeded", "containerStatuses": containers, **status}}


class Cluster:
    """The cluster of a Job of three cells that has ended, all of them green."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "kubectl").write_text(f"#!{sys.executable} -S\n{KUBECTL}")
        (folder / "kubectl").chmod(0o755)
        self.told: dict[str, Any] = {
            "uid": "one",
            "cells": "".join(f"{id_}\n" for id_ in IDS),
            "watched": ["||2|1|", "0||2|2|", "0-2||||Complete"],
            "pods": {str(index): [pod(index)] for index in range(3)},
            "logs": {f"job-{index}": log_of(index) for index in range(3)},
        }

    def collect(self, *arguments: str) -> int:
        (self.folder / "cluster.json").write_text(json.dumps(self.told))
        (self.folder / "asked.txt").write_text("")
        return main.main(["matrix", "--collect", *FLAGS, *arguments])

    @property
    def asked(self) -> list[list[str]]:
        return [json.loads(line) for line in (self.folder / "asked.txt").read_text().splitlines()]


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    for variable in ("CELL", "REPORTS", "KUBECONFIG"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "bin").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return Cluster(tmp_path / "bin")


def results_of(index: int, folder: str = "matrix") -> Any:
    return json.loads((Path("reports") / folder / IDS[index] / "results.json").read_text())


def test_a_green_job_is_collected_and_merged(cluster: Cluster, capsys: Captured) -> None:
    assert cluster.collect() == 0
    out = capsys.readouterr().out
    assert "0 of 3 cells have ended; pods: 1 run, 1 wait" in out
    assert f"{IDS[1]}: 1 passed, 0 failed\n" in out
    assert "0 of 3 cells red: 3 passed, 0 failed" in " ".join(out.split())
    assert [results_of(index)["drills"][0]["verdict"] for index in range(3)] == ["passed"] * 3
    assert (Path("reports/matrix") / IDS[0] / "pod.log").read_text() == "drilling\n"
    assert Path("reports/matrix/summary.md").is_file()
    assert not Path("reports/matrix/.collecting").exists()


def test_only_the_cluster_that_was_named_is_asked(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/elsewhere")
    assert cluster.collect("--job=nightly", "--namespace=drills") == 0
    for words in cluster.asked:
        assert {"--kubeconfig=ci.kubeconfig", "--context=ci", "--namespace=drills"} < set(words)
        (cache,) = [word for word in words if word.startswith("--cache-dir=")]
        assert not Path(cache.partition("=")[2]).exists(), "what kubectl keeps is removed"
        assert {words[4], words[5]} & {"get", "logs"}, "it only reads"


@pytest.mark.parametrize("left", FLAGS)
def test_without_a_kubeconfig_or_a_context_nothing_is_asked(cluster: Cluster, capsys: Captured, left: str) -> None:
    given = [flag for flag in FLAGS if flag != left]
    assert main.main(["matrix", "--collect", *given]) == 2
    assert f"{left.partition('=')[0]} is missing; the current one is never taken" in capsys.readouterr().err
    assert not (cluster.folder / "asked.txt").exists()


def test_a_red_cell_is_red(cluster: Cluster, capsys: Captured) -> None:
    cluster.told["logs"]["job-1"] = log_of(1, Verdict.FAILED)
    cluster.told["pods"]["1"] = [pod(1, code=1)]
    cluster.told["watched"] = ["0,2|1|||Failed"]
    assert cluster.collect() == 1
    out = " ".join(capsys.readouterr().out.split())
    assert f"{IDS[1]}: 0 passed, 1 failed; exit code 1" in out
    assert "1 of 3 cells red: 2 passed, 1 failed" in out


def test_a_log_that_was_cut_off_is_told_and_kept_and_hides_no_other_cell(cluster: Cluster, capsys: Captured) -> None:
    cluster.told["logs"]["job-1"] = log = cut(log_of(1))
    assert cluster.collect() == 1
    out = " ".join(capsys.readouterr().out.split())
    assert f"{IDS[1]}: no result: exit code 0: the results in its log have no end: the log was cut off" in out
    assert "1 of 3 cells red: 2 passed, 0 failed" in out
    assert (Path("reports/matrix") / IDS[1] / "pod.log").read_text() == log
    assert not (Path("reports/matrix") / IDS[1] / "results.json").exists()


LATE = {str(index): [pod(index, reason="DeadlineExceeded", message="Too long.")] for index in range(3)}
SILENT = {f"job-{index}": "drilling\n" for index in range(3)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pods": {}}, "no result: its pod is gone, and its log with it"),
        ({"logs": {}}, "no result: exit code 0: its log cannot be read: "),
        ({"logs": SILENT, "pods": LATE}, "DeadlineExceeded: Too long.: exit code 0: its log has no results"),
    ],
)
def test_a_pod_that_left_no_log_is_a_red_cell(
    cluster: Cluster, capsys: Captured, change: dict[str, Any], message: str
) -> None:
    cluster.told |= change
    assert cluster.collect() == 1
    assert message in " ".join(capsys.readouterr().out.split())


def test_what_a_cell_complained_of_is_told(cluster: Cluster, capsys: Captured) -> None:
    cluster.told["logs"]["job-1"] = "promdrill: starting\npromdrill: CELL=x: no such cell\nHint: CELL=y\n"
    cluster.told["pods"]["1"] = [pod(1, code=2)]
    assert cluster.collect() == 1
    out = " ".join(capsys.readouterr().out.split())
    assert f"{IDS[1]}: no result: exit code 2: its log has no results: CELL=x: no such cell" in out


@pytest.mark.parametrize("again", [False, True])
def test_a_pod_that_failed_is_red_even_if_its_drills_all_passed(
    cluster: Cluster, capsys: Captured, again: bool
) -> None:
    """Such as when the cluster inside could not be deleted."""
    cluster.told["pods"]["1"] = [pod(1, code=1)]
    if again:
        assert cluster.collect() == 1
        capsys.readouterr()
    assert cluster.collect() == 1
    out = " ".join(capsys.readouterr().out.split())
    assert f"{IDS[1]}: exit code 1 though nothing in its results is red" in out
    assert "1 of 3 cells red: 3 passed, 0 failed" in out


def test_a_cell_that_handed_over_no_verdicts_is_told_with_its_exit_code(cluster: Cluster, capsys: Captured) -> None:
    """Such as when no cluster could be made for it."""
    files = {"cell.json": json.dumps(CELLS[1].to_json())}
    cluster.told["logs"]["job-1"] = block(IDS[1], packed(IDS[1], files))
    cluster.told["pods"]["1"] = [pod(1, code=1)]
    assert cluster.collect() == 1
    assert f"{IDS[1]}: exit code 1\n" in capsys.readouterr().out


def test_one_cell_is_counted_in_the_singular(cluster: Cluster, capsys: Captured) -> None:
    cluster.told |= {"cells": f"{IDS[0]}\n", "watched": ["||1|1|", "0||||Complete"]}
    assert cluster.collect() == 0
    assert "0 of 1 cell has ended; pods: 1 run, 0 wait" in capsys.readouterr().out


def test_a_cell_that_never_ran_is_red(cluster: Cluster, capsys: Captured) -> None:
    cluster.told["watched"] = ["0-1||||Failed"]
    assert cluster.collect() == 1
    assert f"{IDS[2]}: no result: its folder does not exist" in " ".join(capsys.readouterr().out.split())


def test_that_a_pod_was_made_again_is_said(cluster: Cluster, capsys: Captured) -> None:
    again = pod(0, name="job-0-b")
    again["metadata"] |= {
        "creationTimestamp": "2026-11-30T00:10:00Z",
        "annotations": {"batch.kubernetes.io/job-index-ignored-failure-count": "1"},
    }
    cluster.told["pods"]["0"] = [again, pod(0, name="job-0-a", code=130)]
    cluster.told["logs"]["job-0-b"] = cluster.told["logs"].pop("job-0")
    assert cluster.collect() == 0
    assert f"{IDS[0]}: 1 passed, 0 failed; the cluster took 1 pod of it away before" in capsys.readouterr().out


def test_that_evidence_was_too_large_is_said(cluster: Cluster, capsys: Captured) -> None:
    cluster.told["logs"]["job-0"] = f"promdrill-results without evidence: packed, 9 bytes\n{log_of(0)}"
    assert cluster.collect() == 0
    assert f"{IDS[0]}: 1 passed, 0 failed; without evidence: packed, 9 bytes" in capsys.readouterr().out


def test_earlier_results_are_kept_aside_and_never_pass_for_new_ones(cluster: Cluster, capsys: Captured) -> None:
    for index in range(2):
        write(Path("reports/matrix") / IDS[index], ran(drill("oom")))
    cluster.told["logs"]["job-1"] = "drilling\n"
    assert cluster.collect() == 1
    assert f"{IDS[0]}: moved earlier results to reports/matrix-before/{IDS[0]}" in capsys.readouterr().out
    assert [results_of(index, "matrix-before")["drills"][0]["scenario"] for index in range(2)] == ["oom", "oom"]
    assert results_of(0)["drills"][0]["scenario"] == "disk-full"
    assert not (Path("reports/matrix") / IDS[1] / "results.json").exists()


def test_a_second_time_only_what_was_not_whole_is_asked_for_again(cluster: Cluster, capsys: Captured) -> None:
    write(Path("reports/matrix") / IDS[1], ran(drill("oom")))
    whole = cluster.told["logs"]["job-1"]
    cluster.told["logs"]["job-1"] = cut(whole)
    assert cluster.collect() == 1
    cluster.told["logs"] = {"job-1": whole}
    cluster.told["pods"] = {"1": cluster.told["pods"]["1"]}
    assert cluster.collect() == 0
    out = capsys.readouterr().out
    assert f"{IDS[0]}: collected before" in out
    assert [words[-2] for words in cluster.asked if "logs" in words] == ["job-1"], "no other log"
    assert results_of(1)["drills"][0]["scenario"] == "disk-full"
    assert results_of(1, "matrix-before")["drills"][0]["scenario"] == "oom", "the last whole ones"


def test_the_same_cells_of_another_job_are_collected_anew(cluster: Cluster) -> None:
    assert cluster.collect() == 0
    cluster.told |= {"uid": "two", "logs": {f"job-{index}": log_of(index, Verdict.FAILED) for index in range(3)}}
    assert cluster.collect() == 1
    assert results_of(0)["drills"][0]["verdict"] == "failed"
    assert results_of(0, "matrix-before")["drills"][0]["verdict"] == "passed"


def test_cells_of_other_runs_are_not_in_the_report(cluster: Cluster) -> None:
    write(Path("reports/matrix/k1-another"), ran(drill(verdict=Verdict.FAILED)))
    assert cluster.collect() == 0
    assert Path("reports/matrix/k1-another/results.json").is_file()


def test_a_watch_that_says_nothing_more_is_begun_anew(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Job goes on meanwhile, and the first watch does not notice."""
    cluster.told |= {"watched": ["0||2|2|"], "hangs": True}
    take = Collector._take

    def end(self: Collector, status: Status) -> None:
        take(self, status)
        (cluster.folder / "cluster.json").write_text(json.dumps(cluster.told | {"watched": ["0-2||||Complete"]}))

    monkeypatch.setattr(collect, "WATCH_S", 2.0)
    monkeypatch.setattr(Collector, "_take", end)
    assert cluster.collect() == 0
    assert len([words for words in cluster.asked if "--watch" in words]) > 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"away": "Unable to connect to the server: refused"}, "cannot read the cells of Job promdrill-matrix in"),
        ({"cells": ""}, "ConfigMap promdrill-matrix has no list of cells"),
        ({"cells": "../../x\n"}, "ConfigMap promdrill-matrix has no list of cells"),
    ],
)
def test_what_is_no_job_of_a_matrix_is_refused(
    cluster: Cluster, capsys: Captured, change: dict[str, Any], message: str
) -> None:
    cluster.told |= change
    assert cluster.collect() == 2
    assert message in capsys.readouterr().err
    assert not Path("reports/matrix").exists()


def test_without_kubectl_that_is_said(cluster: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setenv("PATH", str(cluster.folder / "nothing"))
    assert cluster.collect() == 2
    assert "there is no kubectl on PATH" in capsys.readouterr().err


def test_cells_cannot_be_named(cluster: Cluster, capsys: Captured) -> None:
    assert cluster.collect("--cell=x") == 2
    assert "--cell: only with anything but --collect" in capsys.readouterr().err
