"""Journals and folders of runs, as the page reads them: whole, old, and cut short."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.html_world import Told, a_drill, a_journal, a_run, result

from promdrill.core.errors import UsageError
from promdrill.core.events import SupplyChosen, encode
from promdrill.core.model import Verdict
from promdrill.report.html.load import load, opened, previous
from promdrill.results.timeline import read as journals
from promdrill.results.timeline.read import Skipped


def test_a_whole_journal_is_read(tmp_path: Path) -> None:
    found = journals.read(a_journal(tmp_path, a_drill().text()) / "journal.jsonl")
    assert (len(found.drills), found.skipped) == (1, Skipped())
    assert isinstance(found.drills[0].entries[0][1], SupplyChosen)
    assert found.drills[0].verdict is Verdict.PASSED


def test_half_a_last_line_is_counted_and_left_out(tmp_path: Path) -> None:
    text = a_drill().text()
    found = journals.read(a_journal(tmp_path, text[:-20]) / "journal.jsonl")
    assert found.skipped == Skipped(broken=1)
    assert len(found.drills[0].entries) == text.count("\n") - 1


@pytest.mark.parametrize(
    "line",
    [
        *("[]", '"x"', "{}", '{"t": "1", "event": "alone"}', '{"t": 1}', '{"t": NaN, "event": "alone"}'),
        '{"t": 1, "at": "2026-01-02T03:04:05Z", "event": "phase-begin", "phase": "lunch"}',
    ],
)
def test_what_is_no_entry_is_left_out(tmp_path: Path, line: str) -> None:
    found = journals.read(a_journal(tmp_path, line + "\n") / "journal.jsonl")
    assert (found.drills, found.skipped) == ((), Skipped(broken=1))


def test_an_event_that_is_not_known_is_left_out_and_counted(tmp_path: Path) -> None:
    line = '{"t": 1, "at": "2026-01-02T03:04:05Z", "event": "lunch"}\n'
    found = journals.read(a_journal(tmp_path, Told().text() + line) / "journal.jsonl")
    assert (len(found.drills[0].entries), found.skipped) == (2, Skipped(unknown=1))


def test_no_journal_is_an_empty_one(tmp_path: Path) -> None:
    assert journals.read(tmp_path / "journal.jsonl") == journals.Journal()


def test_a_journal_that_was_added_to_has_several_drills(tmp_path: Path) -> None:
    found = journals.read(a_journal(tmp_path, a_drill().text() * 2 + Told().text()) / "journal.jsonl")
    assert [len(drill.entries) for drill in found.drills][2] == 2
    assert all(drill.announced for drill in found.drills)


def test_results_get_their_journals(tmp_path: Path) -> None:
    second = result(repetition=2)
    place = a_run(
        tmp_path / "run",
        result(repetition=1),
        second,
        journals=[("disk-full.1", a_drill()), ("disk-full.2", a_drill()), ("oom", a_drill(scenario="oom"))],
    )
    (column,) = load([place])
    drills = list(map(opened, column.drills))
    assert [(drill.name, drill.result is not None, bool(drill.timeline.entries)) for drill in drills] == [
        ("disk-full[1]", True, True),
        ("disk-full[2]", True, True),
        ("oom", False, True),
    ]
    assert {drill.row for drill in column.drills} == {"disk-full", "oom"}


def test_the_journal_of_a_drill_with_a_result_is_read_when_it_is_opened(tmp_path: Path) -> None:
    place = a_run(tmp_path / "run", result())
    file = a_journal(place / "disk-full", a_drill().text() + "half a li") / "journal.jsonl"
    ((drill,),) = (column.drills for column in load([place]))
    assert (drill.timeline.entries, drill.skipped, drill.unread) == ([], Skipped(), file)
    whole = opened(drill)
    assert (len(whole.timeline.entries), whole.skipped, whole.unread) == (
        len(a_drill().entries),
        Skipped(broken=1),
        None,
    )
    assert opened(whole) is whole
    file.unlink()
    assert opened(drill) == replace(drill, unread=None)


def test_a_journal_in_which_another_drill_begins_is_read_at_once(tmp_path: Path) -> None:
    """As `Timeline.ends_before` has it: a drill begins with how it was supplied, or else with its own beginning."""
    supplied, began = (encode(entry) + "\n" for entry in Told().entries)
    for number, text in enumerate((supplied + began + supplied, began + supplied, began + began, supplied + supplied)):
        place = a_run(tmp_path / str(number), result())
        a_journal(place / "disk-full", text)
        drills = load([place])[0].drills
        assert [drill.unread for drill in drills] == [None, None]
        assert [bool(drill.timeline.entries) for drill in drills] == [True, True]


def test_a_drill_that_was_run_twice_takes_both_parts_of_its_journal(tmp_path: Path) -> None:
    place = a_run(tmp_path / "run", result(), result())
    a_journal(place / "disk-full", a_drill().text() + Told().text())
    (column,) = load([place])
    assert [len(drill.timeline.entries) for drill in column.drills] == [len(a_drill().entries), 2]


@pytest.mark.parametrize(
    ("control", "repetition", "name"),
    [
        (None, None, "disk-full"),
        (None, 2, "disk-full[2]"),
        ("no-fault", None, "disk-full[no-fault]"),
        ("no-fault", 3, "disk-full[no-fault,3]"),
        ("without:runbook.md:42", None, "disk-full[without:runbook.md:42]"),
    ],
)
def test_a_drill_without_a_result_is_named_by_its_journal(
    tmp_path: Path, control: str | None, repetition: int | None, name: str
) -> None:
    told = Told(control=control, repetition=repetition)
    place = a_run(tmp_path / "run", journals=[("of-any-name", told)], finished=False)
    assert [drill.name for drill in load([place])[0].drills] == [name]


def test_a_run_without_results_is_what_its_journals_tell(tmp_path: Path) -> None:
    a_journal(tmp_path / "run" / "disk-full", Told().text())
    (column,) = load([tmp_path])
    assert (column.name, column.run, column.finished, len(column.drills)) == ("run", None, False, 1)


def test_a_result_never_leads_out_of_its_folder(tmp_path: Path) -> None:
    a_journal(tmp_path / "other", Told().text())
    place = a_run(tmp_path / "run", result(scenario="../other"))
    (column,) = load([place])
    assert [drill.timeline.entries for drill in column.drills] == [[]]
    assert column.drills[0].folder.parent == place


def test_columns_are_named_by_what_they_differ_in(tmp_path: Path) -> None:
    for at, (kubernetes, app) in enumerate([("1.34.4", "2.48.0"), ("1.36.3", "2.48.0"), ("1.36.3", "2.55.1")]):
        a_run(tmp_path / f"cell-{at}", result(app_version=app), kubernetes=kubernetes)
    assert [column.name for column in load([tmp_path])] == [
        "Prometheus 2.48.0, Kubernetes 1.34.4",
        "Prometheus 2.48.0, Kubernetes 1.36.3",
        "Prometheus 2.55.1, Kubernetes 1.36.3",
    ]


def test_equal_columns_are_named_by_their_folders_and_cells_by_their_titles(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        a_run(tmp_path / name, result())
    (tmp_path / "c" / "cell.json").write_text(json.dumps({"id": "k", "title": "Kubernetes next"}), encoding="utf-8")
    assert [column.name for column in load([tmp_path])] == ["a", "b", "Kubernetes next"]


def test_no_two_columns_have_one_name(tmp_path: Path) -> None:
    for name in ("one/run", "two/run"):
        a_run(tmp_path / name, result())
    names = [column.name for column in load([tmp_path / "one", tmp_path / "two"])]
    assert len(set(names)) == 2


def test_a_folder_that_is_given_twice_is_one_column(tmp_path: Path) -> None:
    place = a_run(tmp_path / "run", result())
    (tmp_path / "latest").symlink_to(place)
    assert len(load([place, tmp_path / "latest", tmp_path])) == 1


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run in"):
        load([tmp_path])
    with pytest.raises(UsageError, match="not the folder of a run"):
        load([tmp_path / "nowhere"])


@pytest.mark.parametrize("field", [{"control": "no-such"}, {"recovered_after_s": "soon"}])
def test_results_of_another_kind_are_refused(tmp_path: Path, field: dict[str, str]) -> None:
    place = a_run(tmp_path / "run", result())
    data = json.loads((place / "results.json").read_text(encoding="utf-8"))
    data["drills"][0].update(field)
    (place / "results.json").write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(UsageError, match="does not follow the schema"):
        load([place])


def test_the_previous_run_is_the_last_one_with_a_scenario_in_common(tmp_path: Path) -> None:
    a_run(tmp_path / "2026-01-01", result(), started="2026-01-01")
    a_run(tmp_path / "2026-01-02", result(), started="2026-01-02")
    a_run(tmp_path / "2026-01-03", result(scenario="oom"), started="2026-01-03")
    (tmp_path / "2026-01-03-b").mkdir()
    a_run(tmp_path / "2026-01-04", result(), started="2026-01-04")
    a_run(tmp_path / "2026-01-05", result(), started="2026-01-05")
    (column,) = load([tmp_path / "2026-01-04"])
    assert previous(column) == tmp_path / "2026-01-02"
    (first,) = load([tmp_path / "2026-01-01"])
    assert previous(first) is None
