"""The evidence's folder: one budget, honest cuts, an index that can be checked."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from promdrill.evidence.store import LARGEST_BYTES, Artefact, Kept, Missing, Store, cut_in_the_middle


def on_disk(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_files_and_index_agree(tmp_path: Path) -> None:
    store = Store(tmp_path / "evidence")
    kept = store.put(Artefact("logs/pod/a.log", "zwölf\n"))
    store.miss("df", "it\n did not answer")
    index = json.loads(store.write_index(scenario="toy").read_text())
    data = (tmp_path / "evidence" / "logs" / "pod" / "a.log").read_bytes()
    assert data == "zwölf\n".encode()
    assert kept == Kept("logs/pod/a.log", 7, hashlib.sha256(data).hexdigest())
    assert index["scenario"] == "toy"
    assert index["artefacts"] == [{"path": "logs/pod/a.log", "size": 7, "sha256": kept.sha256, "left_out": 0}]
    assert index["missing"] == [{"collector": "df", "error": "it did not answer"}]
    assert index["size"] == 7
    assert [path.name for path in (tmp_path / "evidence").iterdir() if path.is_file()] == ["index.json"]


def test_the_budget_holds_for_everything_with_the_index(tmp_path: Path) -> None:
    budget = 256 * 1024
    store = Store(tmp_path / "evidence", budget_bytes=budget)
    for number in range(100):
        store.put(Artefact(f"logs/{number}.log", "a line\n" * 1000, cut=True))
    store.write_index()
    assert on_disk(tmp_path / "evidence") <= budget
    assert on_disk(tmp_path / "evidence") > budget * 3 / 5
    assert len(store.kept) + len(store.missing) == 100
    assert store.missing[0].collector.startswith("logs/")
    assert "did not fit: 7000 bytes" in store.missing[0].error


def test_what_has_structure_is_left_out_whole(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert isinstance(store.put(Artefact("events.yaml", "x" * (LARGEST_BYTES + 1))), Missing)
    assert not (tmp_path / "events.yaml").exists()
    assert isinstance(store.put(Artefact("a.yaml", "a: b\n")), Kept)


def test_logs_share_what_is_left(tmp_path: Path) -> None:
    store = Store(tmp_path, budget_bytes=165_000)
    sizes = [store.put(Artefact(f"{n}.log", "line\n" * 100_000, cut=True, share=4 - n)) for n in range(4)]
    kept = [found.size for found in sizes if isinstance(found, Kept)]
    assert len(kept) == 4
    assert min(kept) > 20_000


def test_a_cut_keeps_beginning_and_end_in_whole_lines() -> None:
    data = "".join(f"line {n} äöü\n" for n in range(10_000)).encode()
    cut, left_out = cut_in_the_middle(data, 5000)
    text = cut.decode()
    assert len(cut) <= 5000
    assert text.startswith("line 0 äöü\nline 1 ")
    assert text.endswith("line 9999 äöü\n")
    head, tail = text.split(f"\n[promdrill: {left_out} bytes left out here]\n")
    assert left_out == len(data) - len(head.encode()) - len(tail.encode())
    assert tail.startswith("line ")
    assert head.endswith("äöü\n")


@pytest.mark.parametrize("limit", [1024, 1025, 1026, 1027])
def test_a_cut_of_one_long_line_breaks_no_character(limit: int) -> None:
    cut, left_out = cut_in_the_middle("ä€".encode() * 5000, limit)
    assert 0 < len(cut) <= limit
    assert cut.decode().count("bytes left out") == 1
    assert left_out > 0
