"""Edits of the files that describe Prometheus: what they change, what they refuse, and how they are taken back."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml
from tests.unit.faults_world import PROOF

from promdrill.core.errors import UsageError
from promdrill.faults import (
    Edited,
    Fault,
    FaultNotTaken,
    Ground,
    InOrder,
    Reinstall,
    Replace,
    RestartServer,
    Set,
    ValuesEdit,
)
from promdrill.faults.edits import Edit, edited, read, write

FIRST = "# mine\nserver:\n  size: small\n"
SECOND = "kind: Service\nport: 8080\nsize: small\n"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, ...]:
    """Two files, in this order."""
    places = (tmp_path / "b.yaml", tmp_path / "a.yaml")
    for place, text in zip(places, (FIRST, SECOND), strict=True):
        place.write_text(text)
    return places


def ground(files: tuple[Path, ...]) -> Ground:
    """Nothing but the files may be used."""
    none: Any = None
    return Ground(none, none, cast(Any, SimpleNamespace(files=files)), none, none)


def change(files: tuple[Path, ...], edits: list[Edit]) -> None:
    """Edit and write, as every fault does."""
    write(edited(read(ground(files)), edits))


def texts(files: tuple[Path, ...]) -> tuple[str, ...]:
    return tuple(file.read_text() for file in files)


def test_a_value_is_set_in_the_first_file(files: tuple[Path, ...]) -> None:
    change(files, [Set("server.size", "large")])
    assert texts(files) == ("# mine\nserver:\n  size: large\n", SECOND)


def test_keys_with_dots_are_given_one_by_one() -> None:
    edit = Set(("serverFiles", "prometheus.yml"), 1)
    assert edit.keys == ("serverFiles", "prometheus.yml")
    assert str(edit) == "set serverFiles.prometheus.yml to 1"
    assert edit.changed("{}\n") == "serverFiles:\n  prometheus.yml: 1\n"
    assert Set("a.b", 1).keys == ("a", "b")


def test_a_piece_of_text_is_replaced_where_it_stands(files: tuple[Path, ...]) -> None:
    edit = Replace("port: 8080", "prot: 8080")
    assert str(edit) == "replace 'port: 8080' with 'prot: 8080'"
    change(files, [edit])
    assert texts(files) == (FIRST, SECOND.replace("port", "prot"))


def test_an_edit_sees_what_those_before_it_wrote(files: tuple[Path, ...]) -> None:
    change(files, [Replace("8080", "9090"), Replace("9090", "9091")])
    assert texts(files)[1] == SECOND.replace("8080", "9091")


def test_the_former_text_is_brought_back_whatever_was_written_since(files: tuple[Path, ...]) -> None:
    before = read(ground(files))
    change(files, [Set("server.size", "large"), Replace("8080", "9090")])
    files[0].write_text("a runbook's")
    write(before)
    assert texts(files) == (FIRST, SECOND)


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        (Set("server.size", "small"), r"set server\.size to 'small': b\.yaml already says so"),
        (Replace("port: 1", "port: 2"), r"found 0 times in b\.yaml, a\.yaml"),
        (Replace("size: small", "size: large"), "found 2 times"),
        (Replace("80", "90"), "found 2 times"),
        (Replace("8080", "8080"), r"a\.yaml already says so"),
    ],
    ids=["set already", "nowhere", "in two files", "twice in one", "no change"],
)
def test_an_edit_that_changes_nothing_or_too_much_is_refused(
    files: tuple[Path, ...], edit: Edit, complaint: str
) -> None:
    with pytest.raises(FaultNotTaken, match=complaint):
        change(files, [Set("server.name", "x"), edit])
    assert texts(files) == (FIRST, SECOND), "all of the edits are made, or none"


def test_a_file_in_which_nothing_can_be_set_is_refused(files: tuple[Path, ...]) -> None:
    files[0].write_text("- a list\n")
    with pytest.raises(UsageError, match="not a mapping"):
        change(files, [Set("server.size", "large")])


JOBS = """# mine
serverFiles:
  prometheus.yml:
    scrape_configs:
      - job_name: prometheus
        scrape_interval: 1s
      - job_name: nodes
server:
  extraFlags: [web.enable-lifecycle]
"""


@pytest.mark.parametrize(
    ("edit", "told", "line", "shown"),
    [
        (
            Set(("serverFiles", "prometheus.yml", "scrape_configs", "0", "job_name"), "x"),
            "serverFiles.prometheus.yml.scrape_configs is a list",
            5,
            "- job_name: prometheus",
        ),
        (Set("server.extraFlags.0", "x"), "server.extraFlags is a list", 9, "extraFlags: [web.enable-lifecycle]"),
        (Set("server.extraFlags.name", "x"), "server.extraFlags is a list", 9, "extraFlags: [web.enable-lifecycle]"),
        (Set("server.extraFlags", {"0": "x"}), "server.extraFlags is a list", 9, "extraFlags: [web.enable-lifecycle]"),
        (Set("server.extraFlags", "x"), "server.extraFlags is a list", 9, "extraFlags: [web.enable-lifecycle]"),
    ],
    ids=["a number", "a number in a flow list", "a name", "a map in its place", "a text in its place"],
)
def test_nothing_inside_a_list_is_set(files: tuple[Path, ...], edit: Set, told: str, line: int, shown: str) -> None:
    files[0].write_text(JOBS)
    with pytest.raises(UsageError) as caught:
        change(files, [edit])
    assert caught.value.message == f"{files[0]}:{line}: {edit}: {told}, and Helm replaces lists as a whole"
    path = told.partition(" ")[0]
    assert caught.value.hint == f"Replace({shown!r}, ...) changes that line, Set({path!r}, [...]) the whole list"
    assert files[0].read_text() == JOBS


@pytest.mark.parametrize("value", [[], ["a", "b"], None])
def test_a_whole_list_is_replaced_by_another_or_taken_out(files: tuple[Path, ...], value: object) -> None:
    files[0].write_text(JOBS)
    change(files, [Set("server.extraFlags", value)])
    assert yaml.safe_load(files[0].read_text())["server"]["extraFlags"] == value


def test_a_line_of_a_list_is_replaced(files: tuple[Path, ...]) -> None:
    files[0].write_text(JOBS)
    change(files, [Replace("- job_name: nodes", "- job_name: nodse")])
    assert yaml.safe_load(files[0].read_text())["serverFiles"]["prometheus.yml"]["scrape_configs"][1] == {
        "job_name": "nodse"
    }


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (ValuesEdit("server.size", 1, PROOF), "set spec.storage to 1"),
        (Edited((Set("server.size", 1), Replace("a", "b")), PROOF), "set spec.storage to 1, replace 'a' with 'b'"),
        (Reinstall((Set("server.size", 1),)), "install again: set spec.storage to 1"),
        (Reinstall(acts=(ValuesEdit("server.size", 1, PROOF),)), "install again: set spec.storage to 1"),
        (InOrder((RestartServer(), ValuesEdit("server.size", 1, PROOF))), ", then set spec.storage to 1"),
        (RestartServer(), RestartServer().name),
    ],
)
def test_a_fault_says_what_it_changes_in_the_keys_of_what_is_installed(fault: Fault, name: str) -> None:
    """Scenarios name those of one chart; another may have others."""
    moved = {("server", "size"): ("spec", "storage")}
    installed = SimpleNamespace(setting=lambda path, value: (moved.get(path, path), value))
    none: Any = None
    here = fault.here(Ground(none, none, cast(Any, installed), none, none))
    assert here.name.endswith(name)
    assert type(here) is type(fault)
    assert here.here(Ground(none, none, cast(Any, installed), none, none)) == here, "once is enough"
