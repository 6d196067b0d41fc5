"""`promdrill merge`: what makes a cell red, what the report says, and how the command ends."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.compare_world import aborted, drill, failed, no_fault, run

from promdrill.cli import main
from promdrill.core.errors import UsageError
from promdrill.core.model import DrillResult, RunResult, Skipped, Verdict
from promdrill.report.cells import show
from promdrill.report.cells.merge import CellReport, Night, expected, gather

TOO_OLD = Skipped("oom", "applies to chart >=25; this is 15.18.0")
TIMES = ("2026-01-01T00:00:00.000Z", "2026-01-01T00:11:30.000Z")


def timed(*drills: DrillResult, skipped: tuple[Skipped, ...] = ()) -> RunResult:
    return replace(run(*drills, started=TIMES[0]), finished=TIMES[1], skipped=skipped)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "matrix"
    made.mkdir()
    return made


def put(folder: Path, name: str, result: RunResult | None = None, **told: str) -> Path:
    """A cell's folder as `make matrix` leaves it."""
    place = folder / name
    place.mkdir(parents=True)
    if result is not None:
        (place / "results.json").write_text(json.dumps(result.to_json()))
    if told:
        (place / "cell.json").write_text(json.dumps(told))
    return place


def only(folder: Path) -> CellReport:
    (cell,) = gather(folder).cells
    return cell


@pytest.mark.parametrize(
    "result",
    [
        timed(drill()),
        timed(drill(), no_fault()),
        timed(drill(), skipped=(TOO_OLD,)),
        timed(skipped=(TOO_OLD,)),
        timed(drill(repetition=1), drill(repetition=2)),
    ],
    ids=["passed", "control as expected", "and skipped", "skipped alone", "repeated"],
)
def test_a_cell_is_green(folder: Path, result: RunResult) -> None:
    put(folder, "a", result)
    cell = only(folder)
    assert (cell.problems, cell.red, cell.runs) == ((), False, (result,))


@pytest.mark.parametrize(
    "result",
    [
        timed(drill(), failed("oom")),
        timed(drill(), aborted("oom")),
        timed(drill(), drill("oom", None, verdict=Verdict.INVALID, reason="no baseline")),
        timed(no_fault(verdict=Verdict.PASSED, reason=None)),
        timed(drill(repetition=1), failed(repetition=2)),
    ],
    ids=["failed", "aborted", "invalid", "control not as expected", "one repetition"],
)
def test_a_drill_makes_its_cell_red(folder: Path, result: RunResult) -> None:
    put(folder, "a", result)
    assert (only(folder).problems, only(folder).red) == ((), True)


@pytest.mark.parametrize(
    ("result", "problem"),
    [
        (None, "no result"),
        (run(drill(), finished=False), "no finished result: the run of 2026-01-01 was interrupted"),
        (timed(), "no result: the run of 2026-01-01T00:00:00.000Z neither ran nor skipped anything"),
    ],
)
def test_without_a_finished_result_a_cell_is_red(folder: Path, result: RunResult | None, problem: str) -> None:
    put(folder, "a", result)
    assert (only(folder).problems, only(folder).red) == ((problem,), True)


@pytest.mark.parametrize("text", ["{", "[]", '{"schema": 99}', '{"schema": 1, "drills": 7}'])
def test_a_broken_result_is_one_red_cell_and_hides_no_other(folder: Path, text: str) -> None:
    (put(folder, "a") / "results.json").write_text(text)
    put(folder, "b", timed(drill()))
    broken, whole = gather(folder).cells
    assert broken.red
    assert broken.problems[0].startswith(f"no result: {folder / 'a' / 'results.json'} ")
    assert not whole.red


def test_cell_json_names_the_cell(folder: Path) -> None:
    put(folder, "a", timed(drill()), id="chart-25", title="Chart 25.8.0")
    assert (only(folder).id, only(folder).title) == ("chart-25", "Chart 25.8.0")


@pytest.mark.parametrize("text", ["{", "[]", '{"id": 7}', '{"id": "a", "title": []}'])
def test_a_broken_cell_json_is_said(folder: Path, text: str) -> None:
    (put(folder, "a", timed(drill())) / "cell.json").write_text(text)
    assert only(folder).id == "a"
    assert only(folder).problems[0].startswith("cell.json cannot be read: ")


def test_results_lie_at_any_depth(folder: Path) -> None:
    put(folder, "unpacked/a", timed(drill()))
    put(folder, "unpacked/b", timed(failed()))
    put(folder, "c", id="c")
    put(folder, "c/first", timed(drill()))
    put(folder, "c/second", timed(failed()))
    night = gather(folder)
    assert [(cell.id, len(cell.drills)) for cell in night.cells] == [("c", 2), ("unpacked/a", 1), ("unpacked/b", 1)]


def test_two_folders_of_one_cell_are_one_cell_and_the_worse_counts(folder: Path) -> None:
    put(folder, "1", timed(drill()), id="a")
    put(folder, "2", id="a")
    assert (len(only(folder).drills), only(folder).problems) == (1, ("no result",))


def test_links_hidden_folders_and_files_are_no_cells(folder: Path) -> None:
    put(folder, "a", timed(drill()))
    put(folder, ".draft")
    (folder / "latest").symlink_to("a")
    (folder / "summary.md").write_text("of the night before")
    assert [cell.id for cell in gather(folder).cells] == ["a"]


def test_what_was_expected_comes_first_and_is_missed_where_it_is_not_there(folder: Path, tmp_path: Path) -> None:
    put(folder, "a", timed(drill()))
    put(folder, "b", timed(drill()))
    file = tmp_path / "cells.json"
    file.write_text(json.dumps({"include": [{"id": "gone", "chart": "x"}, {"id": "b", "title": "The b"}]}))
    night = gather(folder, expected(file))
    assert [(cell.id, cell.title, cell.red) for cell in night.cells] == [
        ("gone", "", True),
        ("b", "The b", False),
        ("a", "", False),
    ]
    (gone,) = night.red
    assert gone.problems == ("no result: its folder does not exist",)


def test_the_cells_may_be_expected_as_json(tmp_path: Path) -> None:
    file = tmp_path / "cells.json"
    file.write_text(json.dumps([{"id": "a", "title": "The a", "last": None}, {"id": "b", "title": "The b"}]))
    assert expected(file) == {"a": "The a", "b": "The b"}


@pytest.mark.parametrize(
    "text",
    ["[]", "[7]", "{}", '{"include": 7}', '{"include": []}', '{"include": [{}]}', '{"include": [{"id": 7}]}'],
)
def test_an_expectation_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "cells.json"
    file.write_text(text)
    with pytest.raises(UsageError, match="is not what `promdrill matrix --format json` prints"):
        expected(file)
    file.write_text("")
    with pytest.raises(UsageError, match=r"cells\.json is not JSON"):
        expected(file)


def test_what_is_no_folder_of_cells_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="no cell in"):
        gather(folder)
    with pytest.raises(UsageError, match="cannot read"):
        gather(folder / "none")
    put(folder, "a", timed(drill()))
    with pytest.raises(UsageError, match="is a single run") as refused:
        gather(folder / "a")
    assert refused.value.hint == f"promdrill merge {folder}"


SAID = 'no recovery: log says "no space" | <twice>'
SHOWN = Night(
    (
        CellReport("a", "Chart 15", (timed(drill(), failed("wal", SAID), no_fault(), skipped=(TOO_OLD,)),), ()),
        CellReport("b", "", (timed(drill("oom", repetition=1), failed("oom", repetition=2), failed("wal")),), ()),
        CellReport("c", "Chart 29", (), ("no result",)),
    )
)

TEXT = """\
#1  a, Chart 15: red: 2 passed, 1 failed, 1 skipped; Kubernetes 1.36.3, 11.5 min
#2  b: red: 1 passed, 2 failed; Kubernetes 1.36.3, 11.5 min
#3  c, Chart 29: red: no result

scenario             #1                    #2                  #3
disk-full            passed                -                   no result
disk-full[no-fault]  invalid, as expected  -                   no result
oom                  skipped [1]           1 passed, 1 failed  no result
wal                  failed                failed              no result

[1] applies to chart >=25; this is 15.18.0

red: a: wal: failed: no recovery: log says "no space" | <twice>
red: b: oom[2]: failed: no recovery: 1/2
red: b: wal: failed: no recovery: 1/2
red: c: no result

3 of 3 cells red: 3 passed, 3 failed, 1 skipped"""


def test_text() -> None:
    assert show.to_text(SHOWN) == TEXT
    assert max(map(len, TEXT.splitlines())) <= 80


MARKDOWN = """\
## promdrill merge: 3 of 3 cells red: 3 passed, 3 failed, 1 skipped

### Red

- a: wal: failed: no recovery: log says "no space" \\| &lt;twice&gt;
- b: oom\\[2\\]: failed: no recovery: 1/2
- b: wal: failed: no recovery: 1/2
- c: no result

### Scenario by cell

| scenario | a | b | c |
| --- | --- | --- | --- |
| disk-full | passed | - | **no result** |
| disk-full\\[no-fault\\] | invalid, as expected | - | **no result** |
| oom | skipped \\[1\\] | **1 passed, 1 failed** | **no result** |
| wal | **failed** | **failed** | **no result** |

- \\[1\\] applies to chart &gt;=25; this is 15.18.0

### Cells

| cell | what it is | Kubernetes | minutes | result |
| --- | --- | --- | --- | --- |
| a | Chart 15 | 1.36.3 | 11.5 | red: 2 passed, 1 failed, 1 skipped |
| b |  | 1.36.3 | 11.5 | red: 1 passed, 2 failed |
| c | Chart 29 | - | - | red: no result |"""


def test_markdown() -> None:
    assert show.to_markdown(SHOWN) == MARKDOWN


def test_a_green_night_names_nothing_red() -> None:
    green = Night((CellReport("a", "", (timed(drill()),), ()),))
    assert "### Red" not in show.to_markdown(green)
    assert "**" not in show.to_markdown(green)
    assert show.to_text(green).splitlines()[-1] == "0 of 1 cell red: 1 passed, 0 failed"


def test_a_wide_night_is_shown_in_blocks() -> None:
    wide = Night(tuple(CellReport(f"cell-{number}", "", (timed(drill()),), ()) for number in range(20)))
    lines = show.to_text(wide).splitlines()
    assert max(map(len, lines)) <= 80
    heads = [line.split()[1:] for line in lines if line.startswith("scenario")]
    assert len(heads) > 1
    assert [head for part in heads for head in part] == [f"#{number}" for number in range(1, 21)]


def test_markdown_fits_an_issue() -> None:
    huge = Night(
        tuple(CellReport(f"cell-{number}", "", (timed(failed(reason="no word " * 30)),), ()) for number in range(999))
    )
    text = show.to_markdown(huge)
    assert show.LONGEST - 1000 < len(text) <= show.LONGEST
    assert text.endswith(show.CUT)
    assert text.removesuffix(show.CUT).splitlines()[-1].startswith("- cell-"), "cut between lines"


def typed(*arguments: object) -> int:
    return main.main(["merge", *map(str, arguments)])


def test_the_command_writes_both_files_and_adds_to_the_page(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(folder, "a", timed(drill(), skipped=(TOO_OLD,)), id="a", title="Chart 15")
    page = tmp_path / "page"
    page.write_text("before\n")
    assert typed(folder, "--summary", page) == 0
    markdown = (folder / "summary.md").read_text()
    assert page.read_text() == f"before\n{markdown}"
    assert markdown.startswith("## promdrill merge: 0 of 1 cell red")
    data = json.loads((folder / "summary.json").read_text())
    assert data["counts"] == {"cells": 1, "red_cells": 0, "passed": 1, "failed": 0, "skipped": 1}
    assert data["cells"][0] == {
        "id": "a",
        "title": "Chart 15",
        "red": False,
        "problems": [],
        "kubernetes": ["1.36.3"],
        "took_s": 690.0,
        "drills": [
            {
                "scenario": "disk-full",
                "control": None,
                "repetition": None,
                "verdict": "passed",
                "as_expected": True,
                "said": "",
                "recovered_after_s": 12.0,
            }
        ],
        "skipped": [{"scenario": "oom", "reason": TOO_OLD.reason}],
    }
    assert capsys.readouterr().out.splitlines()[-1] == "0 of 1 cell red: 1 passed, 0 failed, 1 skipped"


def test_the_command_ends_with_1_for_a_red_night_and_2_for_bad_input(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(folder) == 2
    put(folder, "a", timed(drill()))
    assert typed(folder) == 0
    assert typed(folder) == 0, "what it wrote is no cell"
    assert typed(folder, "--summary", tmp_path) == 2
    assert "promdrill: cannot write" in capsys.readouterr().err
    put(folder, "b", timed(failed()))
    assert typed(folder) == 1


def test_not_a_single_cell_came_back(tmp_path: Path) -> None:
    cells = tmp_path / "cells.json"
    cells.write_text('{"include": [{"id": "a"}]}')
    assert typed(tmp_path / "none", "--expect", cells) == 1
    assert "a: no result" in (tmp_path / "none/summary.md").read_text()


def test_the_name_that_it_had_before_still_works_and_is_not_listed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["stitch", str(folder)]) == main.main(["merge", str(folder)])
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main.main(["--help"])
    listed = capsys.readouterr().out
    assert "merge" in listed
    assert "stitch" not in listed
