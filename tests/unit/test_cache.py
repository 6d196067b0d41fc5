"""The artefact cache: whole or not at all, once per recipe, never silently damaged."""

import multiprocessing
import threading
from pathlib import Path
from typing import Any

import pytest

from promdrill.artefacts.cache import KEEP_BUILD, TAG, TAG_TEXT, Cache, claim, key_of, tree_digest
from promdrill.core import background
from promdrill.core.errors import UsageError


def _fill(content: str = "one") -> Any:
    def make(into: Path) -> dict[str, Any]:
        (into / "bin").mkdir()
        (into / "bin" / "tool").write_text(content)
        (into / "notes").write_text("n")
        return {"version": "1"}

    return make


def _refuse(_: Path) -> dict[str, Any]:
    raise AssertionError("built a second time")


def test_an_entry_is_built_once_and_found_again(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert cache.find("a", "k") is None
    built = cache.build("a", "k", _fill())
    assert built.manifest["version"] == "1"
    assert set(built.manifest["files"]) == {"bin/tool", "notes"}
    assert cache.find("a", "k") == built
    assert cache.build("a", "k", _refuse) == built
    assert cache.find("a", "another key") is None


@pytest.mark.parametrize("harm", ["change", "cut", "remove", "manifest"])
def test_a_damaged_entry_is_not_found_and_is_built_again(tmp_path: Path, harm: str) -> None:
    cache = Cache(tmp_path)
    tool = cache.build("a", "k", _fill()).files / "bin" / "tool"
    if harm == "change":
        tool.write_text("two")
    elif harm == "cut":
        tool.write_text("")
    elif harm == "remove":
        tool.unlink()
    else:
        (tool.parents[2] / "manifest.json").write_text("{")
    assert cache.find("a", "k") is None
    rebuilt = cache.build("a", "k", _fill())
    assert (rebuilt.files / "bin" / "tool").read_text() == "one"
    assert cache.find("a", "k") == rebuilt


def test_only_the_named_files_are_summed_when_asked(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    entry = cache.build("a", "k", _fill())
    (entry.files / "notes").write_text("changed")
    assert cache.find("a", "k", only=["bin/tool"]) == entry
    assert cache.find("a", "k", only=["notes"]) is None
    assert cache.find("a", "k", only=["never built"]) is None


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    def fail(into: Path) -> dict[str, Any]:
        (into / "half").write_text("half")
        raise RuntimeError("compiler")

    cache = Cache(tmp_path)
    with pytest.raises(RuntimeError, match="compiler"):
        cache.build("a", "k", fail)
    assert list((tmp_path / "artefacts" / "a").iterdir()) == []


def test_what_a_killed_build_left_is_cleared_by_the_next(tmp_path: Path) -> None:
    left = tmp_path / "artefacts" / "a" / ".k-left"
    left.mkdir(parents=True)
    (left / "half").write_text("half")
    Cache(tmp_path).build("a", "k", _fill())
    assert not left.exists()


def _build_slowly(root: Path, log: Path, go: Any) -> None:
    def make(into: Path) -> dict[str, Any]:
        with log.open("a") as file:
            file.write("built\n")
        (into / "x").write_text("x")
        threading.Event().wait(0.2)
        return {}

    go.wait()
    Cache(root).build("a", "k", make)


def test_two_processes_build_it_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    go = context.Event()
    log = tmp_path / "log"
    workers = [context.Process(target=_build_slowly, args=(tmp_path / "c", log, go)) for _ in range(2)]
    for worker in workers:
        worker.start()
    go.set()
    for worker in workers:
        worker.join(20)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert log.read_text() == "built\n"


def test_a_folder_that_another_promdrill_is_marking_just_now_is_no_strangers(tmp_path: Path) -> None:
    (tmp_path / f".{TAG}.draft").touch()
    (tmp_path / "locks").mkdir()
    claim(tmp_path)
    assert (tmp_path / TAG).read_text() == TAG_TEXT


def test_keys_and_digests_follow_content(tmp_path: Path) -> None:
    assert key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1})
    assert key_of({"a": 1}) != key_of({"a": 2})
    (tmp_path / "f").write_text("1")
    before = tree_digest(tmp_path)
    (tmp_path / "f").chmod(0o755)
    executable = tree_digest(tmp_path)
    (tmp_path / "f").rename(tmp_path / "g")
    assert len({before, executable, tree_digest(tmp_path)}) == 3


def with_go(root: Path) -> Cache:
    """A cache with something in Go's caches."""
    cache = Cache(root)
    claim(root)
    for folder in (cache.go_mod, cache.go_build):
        folder.mkdir(parents=True)
        (folder / "a").write_text("a")
    return cache


def test_gos_caches_are_deleted_and_nothing_else(tmp_path: Path) -> None:
    cache = with_go(tmp_path)
    entry = cache.build("a", "k", _fill())
    assert cache.drop_go()
    assert not (tmp_path / "go").exists()
    background.wait()
    assert not list((tmp_path / "scratch").iterdir())
    assert cache.find("a", "k") == entry
    assert not cache.drop_go(), "there are none any more"


def test_gos_caches_stay_where_they_are_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = with_go(tmp_path)
    monkeypatch.setenv(KEEP_BUILD, "1")
    assert not cache.drop_go()
    assert (cache.go_mod / "a").is_file()
    monkeypatch.setenv(KEEP_BUILD, "0")
    assert cache.drop_go()


def test_a_slip_in_what_keeps_them_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = with_go(tmp_path)
    monkeypatch.setenv(KEEP_BUILD, "yes")
    with pytest.raises(UsageError, match="KEEP_BUILD=yes: not one of 0, 1"):
        cache.drop_go()
    assert (cache.go_mod / "a").is_file()


def test_gos_caches_that_cannot_be_moved_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = with_go(tmp_path)

    def refuse(*_: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(PermissionError, match="read-only"):
        cache.drop_go()


def test_gos_caches_stay_while_anybody_builds(tmp_path: Path) -> None:
    cache = with_go(tmp_path)
    with Cache(tmp_path).building_with_go(), Cache(tmp_path).building_with_go():
        assert not cache.drop_go()
        assert (cache.go_build / "a").is_file()
    assert cache.drop_go()


def test_what_a_killed_deletion_left_is_deleted_by_the_next_run_though_it_builds_nothing(tmp_path: Path) -> None:
    cache = with_go(tmp_path)
    (tmp_path / "scratch").mkdir()
    left = (tmp_path / "go").rename(tmp_path / "scratch" / "go-0a1b")
    with cache.scratch() as held:
        left.mkdir(exist_ok=True)  # opening a temporary folder has swept
        assert not cache.drop_go()
        background.wait()
        assert not left.exists()
        assert held.is_dir(), "somebody uses it"


def test_a_temporary_folder_of_somebody_elses_is_not_swept(tmp_path: Path) -> None:
    (tmp_path / "scratch" / "theirs").mkdir(parents=True)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UsageError, match="is no cache of promdrill's"):
        Cache(tmp_path).sweep()
    assert (tmp_path / "scratch" / "theirs").is_dir()
