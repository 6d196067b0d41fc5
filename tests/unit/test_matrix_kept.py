"""The cells' folders: what lies there, what is cleared away, and to where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.matrix_world import cell, drill, ran, write

from promdrill.core.errors import UsageError
from promdrill.matrix.kept import Folders, Last


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_cell_that_was_never_run(tmp_path: Path) -> None:
    folders = Folders(tmp_path / "reports")
    assert folders.last(cell()) is None
    assert folders.clear(cell()) is None
    assert not (tmp_path / "reports").exists()


def test_a_cell_is_begun_with_its_definition(tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    place = folders.begin(cell())
    assert place == tmp_path / "matrix/k1.36.3-p3.14.0"
    assert json.loads((place / "cell.json").read_text()) == {
        "schema": 1,
        "id": "k1.36.3-p3.14.0",
        "title": "Prometheus 3.14.0 on 1.36.3",
        "variables": cell().variables,
    }
    assert folders.last(cell()) == Last(None, same=True)
    write(place, ran(drill()))
    assert folders.last(cell()) == Last(ran(drill()), same=True)
    changed = cell(VALUES="other.yaml")
    assert folders.last(changed) == Last(ran(drill()), same=False)


@pytest.mark.parametrize("text", ["", "[]", '{"schema": 1, "drills": 3}', '{"schema": 1, "drills": [3]}'])
def test_results_that_are_none(tmp_path: Path, text: str) -> None:
    folders = Folders(tmp_path)
    (folders.begin(cell()) / "results.json").write_text(text)
    last = folders.last(cell())
    assert last == Last(None, same=True)
    assert last is not None
    assert not last.finished


def test_what_came_to_its_end_is_moved_and_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    for name in ("first", "second"):
        write(folders.begin(cell()), ran(drill()))
        (folders.of(cell()) / name).touch()
        told = folders.clear(cell())
        assert told == f"moved earlier results to {tmp_path}/matrix-before/k1.36.3-p3.14.0"
    assert files(tmp_path) == [
        f"matrix-before/k1.36.3-p3.14.0/{name}" for name in ("cell.json", "results.json", "second")
    ]


def test_that_it_was_another_cell_is_said(tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    write(folders.begin(cell()), ran(drill()))
    told = folders.clear(cell(VALUES="other.yaml"))
    assert told is not None
    assert told.endswith("matrix-before/k1.36.3-p3.14.0; they belong to another cell of that name")


def test_what_did_not_come_to_its_end_is_removed_and_the_one_before_stays(tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    write(tmp_path / "matrix-before/k1.36.3-p3.14.0", ran(drill()))
    write(folders.begin(cell()), ran(drill(), finished=False))
    assert folders.clear(cell()) == f"removed {tmp_path}/matrix/k1.36.3-p3.14.0: its run did not finish"
    assert files(tmp_path) == ["matrix-before/k1.36.3-p3.14.0/results.json"]


def test_what_is_not_ours_is_never_removed(tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    folders.of(cell()).mkdir(parents=True)
    (folders.of(cell()) / "thesis.odt").touch()
    folders.clear(cell())
    assert files(tmp_path) == ["matrix-before/k1.36.3-p3.14.0/thesis.odt"]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "matrix").touch()
    with pytest.raises(UsageError, match="cannot write to"):
        Folders(tmp_path).begin(cell())


def test_folders_of_no_cell(tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    assert folders.strangers([]) == []
    folders.begin(cell())
    folders.begin(cell("1.34.4"))
    (folders.matrix / "summary.md").touch()
    assert folders.strangers({cell().id}) == ["k1.34.4-p3.14.0"]


def test_one_matrix_at_a_time(tmp_path: Path) -> None:
    folders = Folders(tmp_path / "reports")
    other = Folders(tmp_path / "reports").mine()
    with folders.mine(), pytest.raises(UsageError, match=f"another matrix run is writing to {folders.matrix}"), other:
        pytest.fail("both had it")
    with folders.mine():
        pass
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot write to"), Folders(tmp_path / "file").mine():
        pytest.fail("a file is no folder")
