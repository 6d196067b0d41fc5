"""What the cores do: processor time by kind, from a fake /proc. No test asserts a time."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bench import cores
from bench.cores import Process, Sampler, table, watching
from promdrill.core import shell
from promdrill.core.clock import SYSTEM

TICKS = 10
"""In a second."""


class Proc:
    """A fake /proc.

    Args:
        folder: Where it is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.total()
        self.run(1, "systemd", parent=0)

    def run(
        self,
        pid: int,
        name: str,
        *,
        parent: int = 1,
        own: tuple[int, int] = (0, 0),
        children: tuple[int, int] = (0, 0),
        born: int = 0,
        words: str = "",
    ) -> None:
        """A process, or what has become of it; its command line as words."""
        folder = self.folder / str(pid)
        folder.mkdir(parents=True, exist_ok=True)
        fields = ["S", parent, *[0] * 9, *own, *children, 20, 0, 1, 0, born, 4096, 10]
        (folder / "stat").write_text(f"{pid} ({name}) {' '.join(map(str, fields))}\n", encoding="utf-8")
        (folder / "cmdline").write_text("\0".join([*words.split(), ""]), encoding="utf-8")

    def end(self, pid: int) -> None:
        for file in (self.folder / str(pid)).iterdir():
            file.unlink()
        (self.folder / str(pid)).rmdir()

    def total(self, *, busy: int = 0, idle: int = 0, waited: int = 0, stolen: int = 0) -> None:
        """The times of all cores; those of interrupts are part of what they did."""
        fields = [busy // 2, 0, busy - busy // 2, idle, waited, 0, 0, stolen, 0, 0]
        self.folder.mkdir(exist_ok=True)
        (self.folder / "stat").write_text(f"cpu  {' '.join(map(str, fields))}\ncpu0 1 2 3\n", encoding="utf-8")


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    return Proc(tmp_path / "proc")


def sampler(proc: Proc) -> Sampler:
    return Sampler(proc.folder, ticks=TICKS)


def used(made: Sampler) -> dict[str, float]:
    """Seconds by kind, without what was not attributed."""
    return {each.kind: each.cpu_s for each in made.cores("x", 10.0, 2).used if each.kind != cores.UNKNOWN}


# --- a process ---------------------------------------------------------------------------------------------------


def test_a_name_may_have_spaces_and_brackets() -> None:
    stat = "42 (a) S (b) R 7 " + " ".join(["0"] * 9) + " 3 4 50 60 20 0 1 0 99 4096 10"
    assert Process.parse(stat) == Process(pid=42, name="a) S (b", parent=7, own=7, children=110, born=99)


def test_this_process_is_read_as_the_system_shows_it() -> None:
    if not cores.PROC.is_dir():
        pytest.skip("this system has no /proc")
    found = Process.parse((cores.PROC / "self" / "stat").read_text(encoding="utf-8"))
    assert (found.pid, found.parent) == (os.getpid(), os.getppid())


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("kube-apiserver", "API server"),
        ("etcd", "etcd"),
        ("kubelet", "kubelet"),
        ("containerd-shim", cores.CONTAINERS),
        ("runc:[2:INIT]", cores.CONTAINERS),
        ("kube-controller", "controller manager"),
        ("kube-scheduler", "scheduler"),
        ("kube-proxy", "kube-proxy"),
        ("coredns", "CoreDNS"),
        ("prometheus", "Prometheus, the drilled ones"),
        ("prometheus-conf", "their config reloaders"),
        ("configmap-reloa", "their config reloaders"),
        ("dockerd", "Docker"),
        ("helm", "Helm"),
        ("kubectl", "kubectl"),
        ("bash", cores.REST),
    ],
)
def test_the_kind_follows_from_the_name_as_linux_cuts_it(proc: Proc, name: str, kind: str) -> None:
    made = sampler(proc)
    proc.run(10, name, own=(7, 3))
    made.look()
    assert used(made) == {kind: 1.0}


@pytest.mark.parametrize(
    ("name", "words", "kind"),
    [
        ("python3.11", "/src/promdrill/.venv/bin/python -m pytest -q --join=/x/join.json test_oom.py", cores.DRILLS),
        ("promdrill", ".venv/bin/python .venv/bin/promdrill run", cores.HARNESS),
        ("python", "/src/promdrill/.venv/bin/python -m promdrill.cli.main bench --runs=1", cores.HARNESS),
        ("python", "python -P -m promdrill.core.guardian 1f", cores.HARNESS),
        ("python", "/src/promdrill/.venv/bin/python -m bench --all", cores.BENCHMARK),
        ("python3", "/src/promdrill/.venv/bin/python /usr/bin/something", cores.REST),
    ],
)
def test_pythons_processes_are_told_apart_by_their_arguments(proc: Proc, name: str, words: str, kind: str) -> None:
    made = sampler(proc)
    proc.run(10, name, own=(5, 5), words=words)
    made.look()
    assert used(made) == {kind: 1.0}


def test_a_name_of_no_kind_counts_with_what_it_is_part_of(proc: Proc) -> None:
    made = sampler(proc)
    proc.run(2, "kthreadd", parent=0)
    proc.run(9, "kworker/0:1", parent=2, own=(0, 10))
    proc.run(20, "python3", words="python -m pytest --join=x")
    proc.run(21, "bash", parent=20, own=(10, 0))
    proc.run(22, "sed", parent=21, own=(10, 0))
    proc.run(23, "kubectl", parent=21, own=(30, 0))
    proc.run(30, "containerd-shim")
    proc.run(31, "systemd", parent=30, own=(10, 0))
    proc.run(32, "kubelet", parent=31, own=(40, 0))
    proc.run(33, "mount", parent=32, own=(10, 0))
    made.look()
    assert used(made) == {
        cores.KERNEL: 1.0,
        cores.COMMANDS: 2.0,
        "kubectl": 3.0,
        cores.CLUSTER: 1.0,
        "kubelet": 5.0,
    }


# --- from look to look -------------------------------------------------------------------------------------------


def test_only_what_was_used_since_the_first_look_counts(proc: Proc) -> None:
    proc.run(10, "etcd", own=(1000, 1000), children=(500, 0))
    made = sampler(proc)
    proc.run(10, "etcd", own=(1005, 1005), children=(500, 0))
    made.look()
    proc.run(10, "etcd", own=(1015, 1005), children=(500, 0))
    made.look()
    assert used(made) == {"etcd": 2.0}


def test_another_process_with_the_same_id_begins_at_nothing(proc: Proc) -> None:
    proc.run(10, "etcd", own=(50, 0), born=1)
    made = sampler(proc)
    proc.run(10, "helm", own=(60, 0), born=9)
    made.look()
    assert used(made) == {"Helm": 6.0}


def test_what_came_and_went_between_two_looks_counts_with_its_parent(proc: Proc) -> None:
    proc.run(10, "containerd-shim")
    proc.run(20, "python3", words="python -m pytest --join=x")
    made = sampler(proc)
    proc.run(10, "containerd-shim", children=(10, 10))
    proc.run(20, "python3", children=(30, 0), words="python -m pytest --join=x")
    made.look()
    assert used(made) == {cores.CONTAINERS: 2.0, cores.COMMANDS: 3.0}


def test_of_a_process_that_ended_only_the_rest_counts_with_its_parent(proc: Proc) -> None:
    proc.run(20, "python3", words="python -m pytest --join=x")
    made = sampler(proc)
    proc.run(21, "helm", parent=20, own=(40, 0))
    made.look()
    proc.end(21)
    proc.run(20, "python3", children=(50, 0), words="python -m pytest --join=x")
    made.look()
    assert used(made) == {"Helm": 4.0, cores.COMMANDS: 1.0}


def test_what_ended_with_its_parent_is_in_the_next_one_above(proc: Proc) -> None:
    proc.run(20, "promdrill", words="python promdrill run")
    proc.run(21, "python3", parent=20, own=(20, 0), words="python -m pytest --join=x")
    proc.run(22, "kubectl", parent=21, own=(10, 0))
    made = sampler(proc)
    proc.end(21)
    proc.end(22)
    proc.run(20, "promdrill", children=(35, 0), words="python promdrill run")
    made.look()
    assert used(made) == {cores.COMMANDS: 0.5}


def test_an_orphan_that_another_process_has_waited_for_counts_once(proc: Proc) -> None:
    proc.run(20, "promdrill", words="python promdrill run")
    proc.run(21, "bash", parent=20, own=(10, 0))
    proc.run(22, "helm", parent=21, own=(20, 0))
    made = sampler(proc)
    proc.end(21)
    proc.end(22)
    proc.run(20, "promdrill", children=(10, 0), words="python promdrill run")
    proc.run(1, "systemd", parent=0, children=(25, 0))
    made.look()
    assert used(made) == {cores.REST: 0.5}


def test_what_nobody_has_waited_for_is_not_attributed(proc: Proc) -> None:
    proc.run(10, "etcd")
    proc.total(busy=1000, idle=5000, waited=100, stolen=10)
    made = sampler(proc)
    proc.run(10, "etcd", own=(30, 20))
    proc.total(busy=1080, idle=5110, waited=108, stolen=12)
    made.look()
    found = made.cores("a run", 10.0, 2)
    assert [(each.kind, each.cpu_s) for each in found.used] == [("etcd", 5.0), (cores.UNKNOWN, 3.0)]
    assert (found.busy_s, found.idle_s, found.waited_s, found.stolen_s) == (8.0, 11.0, 0.8, 0.2)
    assert (found.of, found.busy_percent) == ("a run", 40.0)
    assert [list(row) for row in table(found).rows] == [
        ["etcd", "5.0", "50.0", "25.0"],
        ["not attributed", "3.0", "30.0", "15.0"],
        ["all processes", "8.0", "80.0", "40.0"],
        ["idle", "11.0", "110.0", "55.0"],
        ["idle, waiting for a disk", "0.8", "8.0", "4.0"],
        ["taken by the host", "0.2", "2.0", "1.0"],
    ]


def test_more_than_the_system_counted_leaves_nothing_unattributed(proc: Proc) -> None:
    made = sampler(proc)
    proc.run(10, "etcd", own=(30, 0))
    proc.total(busy=20)
    made.look()
    assert made.cores("x", 1.0, 2).used[-1].cpu_s == 0


def test_a_process_that_ends_while_it_is_read_is_left_out(proc: Proc) -> None:
    (proc.folder / "77").mkdir()
    (proc.folder / "self").mkdir()
    made = sampler(proc)
    made.look()
    assert used(made) == {}


# --- while something runs ----------------------------------------------------------------------------------------


def test_what_runs_is_seen_to_its_end(proc: Proc) -> None:
    with watching("a run", proc=proc.folder, every_s=3600) as watched:
        assert watched.cores is None
        proc.run(10, "etcd", own=(50, 0))
    assert watched.cores is not None
    assert [each.kind for each in watched.cores.used] == ["etcd", cores.UNKNOWN]


def test_what_ends_with_an_error_was_seen_too(proc: Proc) -> None:
    with pytest.raises(ValueError, match="so"), watching("a run", proc=proc.folder) as watched:  # noqa: PT012
        proc.run(10, "etcd", own=(50, 0))
        raise ValueError("so")
    assert watched.cores is not None


def test_a_look_that_fails_is_an_error(proc: Proc) -> None:
    with pytest.raises(FileNotFoundError), watching("a run", proc=proc.folder, every_s=3600):
        (proc.folder / "stat").unlink()


def test_where_there_is_no_proc_nothing_is_seen(tmp_path: Path) -> None:
    with watching("a run", proc=tmp_path) as watched:
        pass
    assert watched.cores is None


def test_a_real_process_is_seen() -> None:
    if not cores.PROC.is_dir():
        pytest.skip("this system has no /proc")
    busy = "import time\nwhile time.process_time() < 0.2: pass"
    with watching("a run", every_s=0.02) as watched:
        began_s = SYSTEM.monotonic()
        shell.run([sys.executable, "-c", busy], timeout_s=60)
        took_s = SYSTEM.monotonic() - began_s
    assert watched.cores is not None
    assert watched.cores.took_s >= took_s
    assert sum(each.cpu_s for each in watched.cores.used) >= 0.1
