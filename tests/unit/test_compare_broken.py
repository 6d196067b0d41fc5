"""The chart whose remedy is broken: what differs in the copy, and when its proof holds."""

from __future__ import annotations

import filecmp
import json
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.charts.broken import make as maker
from tests.charts.broken import prove as proof
from tests.unit.compare_world import drill, failed, run
from tests.unit.fake_shell import install

from promdrill.core import paths
from promdrill.core.errors import PromdrillError, UsageError
from promdrill.core.model import RunResult, Skipped, Verdict
from promdrill.matrix import child
from promdrill.matrix.cells import expand
from promdrill.matrix.child import Ended
from promdrill.matrix.reading import Known, read
from promdrill.supply.kubernetes import Offer

LOOKUP = (
    '{{- $claim := lookup "v1" "PersistentVolumeClaim" $.Release.Namespace (include "prometheus.server.fullname" $) }}'
)
WAITED = "the runbook did not get through: disk-full/runbook.md:190: Verification: exit code 1: kubectl wait"
OURS: dict[str, Any] = {"chart_version": "0.1.0"}
COPY: dict[str, Any] = {"chart_version": maker.VERSION}


def ours(*more: Any) -> RunResult:
    return run(*(more or (drill(**OURS), drill("lifecycle-flag", **OURS))))


def copys(reason: str | None = WAITED, **fields: Any) -> RunResult:
    return run(failed(**{"reason": reason, **COPY, **fields}), drill("lifecycle-flag", **COPY))


def test_the_copy_differs_only_where_it_is_meant_to(tmp_path: Path) -> None:
    made, chart = tmp_path / "a/b", paths.own_chart()
    maker.make(made)
    files = sorted(str(file.relative_to(chart)) for file in chart.rglob("*") if file.is_file())
    assert sorted(str(file.relative_to(made)) for file in made.rglob("*") if file.is_file()) == files
    _, other, odd = filecmp.cmpfiles(chart, made, files, shallow=False)
    assert (sorted(other), odd) == (["Chart.yaml", "templates/_pod.tpl"], [])
    for name, taken, put in (
        ("Chart.yaml", ["version: 0.1.0"], ["version: 0.1.1"]),
        (
            "templates/_pod.tpl",
            ["    storage: {{ .size | quote }}"],
            [
                LOOKUP,
                '    storage: {{ dig "spec" "resources" "requests" "storage" .size $claim | quote }}',
            ],
        ),
    ):
        before, after = ((folder / name).read_text().splitlines() for folder in (chart, made))
        assert [line for line in before if line not in after] == taken
        assert [line for line in after if line not in before] == put
        assert len(after) - len(before) == len(put) - len(taken)


@pytest.mark.parametrize("change", maker.CHANGES, ids=lambda change: change.file)
@pytest.mark.parametrize("times", [0, 2])
def test_a_chart_that_changed_is_refused(change: maker.Change, times: int, tmp_path: Path) -> None:
    chart = shutil.copytree(paths.own_chart(), tmp_path / "chart")
    file = chart / change.file
    file.write_text(file.read_text().replace(change.before, change.before * times))
    with pytest.raises(PromdrillError, match=rf"{change.file} of .* has this {times} times, not once"):
        maker.make(tmp_path / "made", chart=chart)
    assert not (tmp_path / "made").exists()


def test_a_folder_that_is_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"cannot write {tmp_path}: File exists"):
        maker.make(tmp_path)


def test_the_matrix_is_our_chart_and_the_copy() -> None:
    file = Path(proof.__file__).with_name("matrix.toml")
    matrix = expand(read(file, Known(Offer(("1.36.3",)), ("4",), ("disk-full", "lifecycle-flag"))))
    assert [(cell.id, cell.variables["CHART"]) for cell in matrix.cells] == [
        ("k1.36.3-h4-2-scenarios", ""),
        ("k1.36.3-broken-h4-2-scenarios", proof.COPY),
    ]
    assert {cell.scenarios for cell in matrix.cells} == {proof.SCENARIOS}
    assert matrix.remarks == ()


@pytest.mark.parametrize("reason", [WAITED, "no recovery: not seen within 60 s: claim has 450Mi"])
def test_what_proves_it(reason: str) -> None:
    proof.judge(ours(), copys(reason))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (ours(), copys(verdict=Verdict.PASSED, reason=None), "disk-full did not fail for want of recovery"),
        (ours(), copys(verdict=Verdict.INVALID), "disk-full did not fail for want of recovery"),
        (ours(), copys(WAITED.replace("Verification", "Mitigation")), "disk-full did not fail for want of recovery"),
        (ours(), copys(None), "disk-full did not fail for want of recovery"),
        (ours(failed(**OURS), drill("lifecycle-flag", **OURS)), copys(), "our chart: disk-full failed: no recovery"),
        (ours(), run(*copys().drills[:1], failed("lifecycle-flag", **COPY)), "broken copy: lifecycle-flag failed"),
        (ours(drill(**OURS)), copys(), "our chart: not disk-full and lifecycle-flag to their end, but disk-full pas"),
        (run(), copys(), "our chart: not disk-full and lifecycle-flag to their end, but nothing"),
        (replace(ours(), finished=None), copys(), "our chart: not disk-full and lifecycle-flag to their end"),
        (ours(), run(drill("lifecycle-flag", **COPY)), "the broken copy: not disk-full and lifecycle-flag"),
        (ours(), copys(**OURS), "the broken copy: not all drills are of chart version 0.1.1"),
        (ours(drill(**COPY), drill("lifecycle-flag", **OURS)), copys(), "our chart: a drill is of chart version 0.1.1"),
        (
            replace(ours(drill(**OURS)), skipped=(Skipped("lifecycle-flag", "x"),)),
            copys(),
            "our chart: not disk-full and lifecycle-flag",
        ),
    ],
)
def test_what_does_not(old: RunResult, new: RunResult, said: str) -> None:
    with pytest.raises(PromdrillError) as caught:
        proof.judge(old, new)
    assert said in caught.value.message


class Matrix:
    """Stands in for the matrix: writes the cells' folders into the working folder, and ends as it is told."""

    def __init__(self, old: RunResult, new: RunResult, ended: Ended) -> None:
        self.cells = {"ours": ("", old), "broken": (proof.COPY, new)}
        self.ended = ended
        self.folder = Path()
        self.argv: list[str] = []

    def run(self, argv: list[str], on_line: Callable[[str], None], *, timeout_s: float) -> Ended:
        self.folder, self.argv = Path.cwd(), argv
        assert timeout_s > 690 + 400
        assert (Path(proof.COPY) / "Chart.yaml").is_file()
        assert Path("matrix.toml").is_file()
        assert not {"CELL", "RESUME", "REPEAT", "EVIDENCE"} & set(os.environ)
        for name, (chart, result) in self.cells.items():
            folder = Path("reports/matrix", name)
            folder.mkdir(parents=True)
            (folder / "cell.json").write_text(json.dumps({"variables": {"CHART": chart}}))
            (folder / "results.json").write_text(json.dumps(result.to_json()))
        on_line("2 cells, 1 red")
        return self.ended


@pytest.fixture
def matrix(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Matrix]:
    """Makes the stand-in; the comparison is the real one, in a process of its own."""
    for name in ("CELL", "RESUME", "REPEAT", "EVIDENCE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("SUPPLY", "source")
    monkeypatch.delenv("JOBS", raising=False)
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    def make(old: RunResult, new: RunResult, ended: Ended | None = None) -> Matrix:
        fake = Matrix(old, new, ended or Ended(1, "1 red"))
        monkeypatch.setattr(child, "run", fake.run)
        return fake

    return make


def test_the_whole_proof(matrix: Callable[..., Matrix], capsys: pytest.CaptureFixture[str]) -> None:
    fake = matrix(ours(), copys())
    assert proof.main() == 0, capsys.readouterr().out
    out = capsys.readouterr().out
    assert "   0 s | 2 cells, 1 red\n" in out
    assert "$ promdrill compare reports/matrix/ours reports/matrix/broken --across chart\nOLD: " in out
    assert "1 regression\n  disk-full\n    prometheus 0.1.0 -> 0.1.1, " in out
    assert out.splitlines()[-1].startswith("proven in ")
    assert fake.argv[3:] == ["matrix", "--run", "--file=matrix.toml", "--reports=reports", "--supply=source"]
    assert not fake.folder.exists()


@pytest.mark.parametrize(
    ("new", "ended", "said"),
    [
        (copys(), Ended(0, "all is well"), "FAILED: the matrix ended with exit code 0, not 1 for a red cell: all is"),
        (copys(), Ended(2, "no chart"), "FAILED: the matrix ended with exit code 2"),
        (copys(verdict=Verdict.PASSED, reason=None), None, "FAILED: the broken copy: disk-full did not fail"),
    ],
)
def test_a_proof_that_fails_leaves_what_there_is(
    new: RunResult, ended: Ended | None, said: str, matrix: Callable[..., Matrix], capsys: pytest.CaptureFixture[str]
) -> None:
    fake = matrix(ours(), new, ended)
    assert proof.main() == 1
    out = capsys.readouterr().out
    assert said in out
    assert out.splitlines()[-1] == f"What there is stays in {fake.folder}"
    shutil.rmtree(fake.folder)


def test_an_interrupted_proof_leaves_nothing(matrix: Callable[..., Matrix], capsys: pytest.CaptureFixture[str]) -> None:
    fake = matrix(ours(), copys(), Ended(130, "", interrupted=True))
    assert proof.main() == 130
    assert "interrupted" in capsys.readouterr().out
    assert not fake.folder.exists()


def test_cells_of_other_charts_are_refused(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one/cell.json").write_text('{"variables": {"CHART": "x"}}')
    with pytest.raises(PromdrillError, match=r"there are cells of the charts \['x'\], not of the default one"):
        proof.cells(tmp_path)


SAID = "1 regression\n  disk-full\n"


@pytest.mark.parametrize(
    ("text", "verdicts"),
    [
        (SAID, {"disk-full": "worse", "lifecycle-flag": "worse"}),
        (SAID, {"disk-full": "same", "lifecycle-flag": "same"}),
        (SAID, {"disk-full": "worse", "lifecycle-flag": None}),
        (SAID, {"disk-full": "worse"}),
        ("1 regression\n  oom\n", {"disk-full": "worse", "lifecycle-flag": "same"}),
    ],
)
def test_a_comparison_that_says_something_else(
    text: str, verdicts: dict[str, str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = install(monkeypatch)
    cells = [{"scenario": name, "verdict": verdict} for name, verdict in verdicts.items()]
    fake.expect("compare", "a", "b", "--across", "chart", answer=text, exit_code=1)
    fake.expect(
        "compare", "a", "b", "--across", "chart", "--format=json", answer=json.dumps({"cells": cells}), exit_code=1
    )
    with pytest.raises(PromdrillError, match="compare calls"):
        proof.run_compare(Path("a"), Path("b"))
    fake.done()
