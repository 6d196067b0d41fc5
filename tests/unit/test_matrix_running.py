"""The runner: cells by ground, each judged; clusters and children are strict fakes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cluster_world import IDENTITY
from tests.unit.matrix_world import cell, drill, ran, write

from promdrill.cluster.address import Address
from promdrill.core.errors import ClusterError, CommandFailed, PromdrillError, SupplyError, UsageError
from promdrill.core.model import RunResult, Skipped, Verdict
from promdrill.matrix import running
from promdrill.matrix.cells import Cell
from promdrill.matrix.child import Ended
from promdrill.matrix.kept import Folders
from promdrill.matrix.running import Means, Result, State
from promdrill.request.request import Request
from promdrill.request.settings import Settings

OLD, NEW = ("1.34.4", "fast"), ("1.36.3", "fast")
A, B, C = cell("1.36.3", "2.48.0"), cell("1.34.4", "2.48.0"), cell("1.36.3", "3.14.0")
ADDRESS = Address("mine", Path("/state"), Path("/state/config"), None, Path("/kind"), Path("/kubectl"), IDENTITY)


class World:
    """Children do as `children` says, by cell; each may be started once, in the cluster of its ground."""

    def __init__(self, folder: Path) -> None:
        self.folders = Folders(folder)
        self.children: dict[str, tuple[Ended, RunResult | None] | BaseException] = {}
        self.refused: dict[str, PromdrillError] = {}
        self.broken: dict[tuple[str, Any], BaseException] = {}
        self.silent: dict[str, str] = {}
        self.log: list[str] = []
        self.said: list[str] = []
        self._there: tuple[str, str] | None = None
        self._now_s = 0.0

    def monotonic(self) -> float:
        return self._now_s

    def utc(self) -> Any:
        raise AssertionError("nobody asks for the date")

    def request(self, of: Cell) -> Request:
        if of.id in self.refused:
            raise self.refused[of.id]
        return Request(Settings(app_version=of.variables["APP_VERSION"]))

    @contextlib.contextmanager
    def cluster(self, ground: tuple[str, str]) -> Iterator[Address]:
        assert self._there is None, "one cluster at a time"
        if ("make", ground) in self.broken:
            raise self.broken["make", ground]
        self.log.append(f"+{ground[0]}")
        self._there = ground
        try:
            yield ADDRESS
        finally:
            self._there = None
            self.log.append(f"-{ground[0]}")
        if ("delete", ground) in self.broken:
            raise self.broken["delete", ground]

    def child(self, of: Cell, request: Request, tell: Callable[[str], None]) -> Ended:
        folder = self.folders.of(of)
        asked = replace(self.request(of), joins=ADDRESS, reports=folder)
        assert (request, self._there) == (asked, of.ground)
        assert [path.name for path in folder.iterdir()] == ["cell.json"], "nothing old is left"
        self.log.append(of.id)
        self._now_s += 100.0
        tell("drilling")
        does = self.children.pop(of.id)
        if isinstance(does, BaseException):
            raise does
        ended, run = does
        if run is not None:
            write(folder, run)
        return ended

    def absent(self, request: Request) -> str:
        return self.silent.get(request.settings.app_version or "", "")

    def run(self, *cells: Cell, resume: bool = False) -> Result:
        means = Means(self.request, self.cluster, self.child, self.said.append, self, self.absent)
        result = running.run(cells, self.folders, means, resume=resume)
        assert self._there is None, "a cluster is left"
        return result


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def passed() -> tuple[Ended, RunResult]:
    return Ended(0, "1 passed"), ran(drill())


def states(result: Result) -> list[tuple[str, State, str | None]]:
    return [(each.cell.id, each.state, each.reason) for each in result.outcomes]


def test_cells_of_one_ground_share_a_cluster(world: World) -> None:
    world.children = {each.id: passed() for each in (A, B, C)}
    result = world.run(A, B, C)
    assert world.log == ["+1.36.3", A.id, C.id, "-1.36.3", "+1.34.4", B.id, "-1.34.4"]
    assert states(result) == [(each.id, State.DONE, None) for each in (A, C, B)]
    assert (result.red, result.interrupted, result.took_s) == (False, False, 300.0)
    assert [each.took_s for each in result.outcomes] == [100.0, 100.0, 100.0]
    assert world.said == [
        "Kubernetes 1.36.3, fast: a cluster for 2 cells",
        f"cell 1 of 3: {A.id}: {A.title}",
        f"{A.id}: drilling",
        f"{A.id}: 1 passed, 0 failed (100 s)",
        f"cell 2 of 3: {C.id}: {C.title}",
        f"{C.id}: drilling",
        f"{C.id}: 1 passed, 0 failed (100 s)",
        "Kubernetes 1.34.4, fast: a cluster for 1 cell",
        f"cell 3 of 3: {B.id}: {B.title}",
        f"{B.id}: drilling",
        f"{B.id}: 1 passed, 0 failed (100 s)",
    ]


def test_a_profile_is_a_ground_too(world: World) -> None:
    other = cell("1.36.3", "3.8.1", PROFILE="as-shipped")
    world.children = {A.id: passed(), other.id: passed()}
    world.run(A, other)
    assert world.log == ["+1.36.3", A.id, "-1.36.3", "+1.36.3", other.id, "-1.36.3"]


@pytest.mark.parametrize(
    ("code", "said", "run", "state", "reason", "red"),
    [
        (1, "1 failed", ran(drill(verdict=Verdict.FAILED)), State.DONE, None, True),
        (0, "", ran(skipped=(Skipped("oom", "why"),)), State.DONE, None, False),
        (0, "", ran(), State.DONE, "no scenario was drilled or skipped", True),
        (1, "bye", ran(drill()), State.DONE, "exit code 1 though all drills ended as expected: bye", True),
        (2, "CHART=x: no chart", None, State.REFUSED, "CHART=x: no chart", True),
        (0, "bye", None, State.DIED, "exit code 0: bye", True),
        (0, "bye", ran(drill(), finished=False), State.DIED, "exit code 0: bye", True),
        (-9, "bye", ran(drill()), State.DIED, "killed by SIGKILL: bye", True),
        (130, "interrupted", ran(drill(), finished=False), State.DIED, "exit code 130: interrupted", True),
    ],
)
def test_how_a_cell_is_judged_and_that_others_go_on(  # noqa: PLR0917
    world: World, code: int, said: str, run: RunResult | None, state: State, reason: str | None, red: bool
) -> None:
    world.children = {A.id: (Ended(code, said), run), C.id: passed()}
    result = world.run(A, C)
    assert states(result) == [(A.id, state, reason), (C.id, State.DONE, None)]
    assert [each.red for each in result.outcomes] == [red, False]
    assert result.red == red


def test_a_cell_that_cannot_be_started(world: World) -> None:
    world.children = {A.id: CommandFailed(["python"], 127, "", what="cannot start"), C.id: passed()}
    assert states(world.run(A, C)) == [(A.id, State.DIED, "cannot start: python"), (C.id, State.DONE, None)]


def test_no_cluster_is_made_for_cells_that_are_refused(world: World) -> None:
    world.refused[B.id] = UsageError("VALUES=x: no such file", hint="VALUES=y")
    world.children = {A.id: passed()}
    result = world.run(A, B)
    assert states(result) == [(A.id, State.DONE, None), (B.id, State.REFUSED, "VALUES=x: no such file\nHint: VALUES=y")]
    assert world.log == ["+1.36.3", A.id, "-1.36.3"]
    assert world.said[0] == f"{B.id}: refused: VALUES=x: no such file Hint: VALUES=y"


def test_a_ground_that_cannot_be_had_ends_only_its_cells(world: World) -> None:
    world.broken["make", NEW] = SupplyError("kubernetes 1.36.3 cannot be built")
    world.children = {B.id: passed()}
    result = world.run(A, B, C)
    because = "kubernetes 1.36.3 cannot be built"
    assert states(result) == [
        (A.id, State.NO_CLUSTER, because),
        (C.id, State.NO_CLUSTER, because),
        (B.id, State.DONE, None),
    ]
    assert result.red


def test_a_cluster_that_cannot_be_deleted_is_red_though_its_cells_are_not(world: World) -> None:
    world.broken["delete", NEW] = ClusterError("it hangs")
    world.children = {A.id: passed(), B.id: passed()}
    result = world.run(A, B)
    assert [each.red for each in result.outcomes] == [False, False]
    assert result.problems == ("the cluster of Kubernetes 1.36.3, fast: it hangs",)
    assert result.red


@pytest.mark.parametrize("how", ["ended in time", "at once", "too late to matter"])
def test_an_interruption_ends_all_and_deletes_the_cluster(world: World, how: str) -> None:
    unfinished = ran(drill(), finished=False)
    ends: dict[str, tuple[Ended, RunResult] | KeyboardInterrupt] = {
        "ended in time": (Ended(130, "interrupted", interrupted=True), unfinished),
        "at once": KeyboardInterrupt(),
        "too late to matter": (Ended(0, "", interrupted=True), ran(drill())),
    }
    world.children = {A.id: passed(), C.id: ends[how]}
    result = world.run(A, B, C)
    assert world.log == ["+1.36.3", A.id, C.id, "-1.36.3"]
    assert result.interrupted
    last = (
        (C.id, State.DONE, None) if how == "too late to matter" else (C.id, State.INTERRUPTED, "its run did not finish")
    )
    assert states(result) == [(A.id, State.DONE, None), last, (B.id, State.NOT_RUN, None)]
    if how == "ended in time":
        assert result.outcomes[1].run == unfinished


def test_a_second_interruption_before_the_cell_is_judged(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def last(_cell: Cell) -> None:
        if world.log:
            raise KeyboardInterrupt

    world.children = {A.id: (Ended(130, "interrupted", interrupted=True), ran(finished=False))}
    monkeypatch.setattr(world.folders, "last", last)
    assert states(world.run(A, C)) == [
        (A.id, State.INTERRUPTED, "its run did not finish"),
        (C.id, State.NOT_RUN, None),
    ]
    assert world.log == ["+1.36.3", A.id, "-1.36.3"]


def test_an_interruption_while_the_cluster_is_made(world: World) -> None:
    world.broken["make", NEW] = KeyboardInterrupt()
    result = world.run(A, B)
    assert result.interrupted
    assert states(result) == [(A.id, State.NOT_RUN, None), (B.id, State.NOT_RUN, None)]


def earlier(world: World, of: Cell, run: RunResult) -> None:
    write(world.folders.begin(of), run)


def test_resume_leaves_alone_what_came_to_its_end(world: World) -> None:
    red = ran(drill(verdict=Verdict.FAILED))
    earlier(world, A, red)
    earlier(world, B, ran(drill()))
    earlier(world, C, ran(drill(), finished=False))
    world.children = {C.id: passed()}
    result = world.run(A, B, C, resume=True)
    assert world.log == ["+1.36.3", C.id, "-1.36.3"]
    assert states(result) == [(A.id, State.KEPT, None), (C.id, State.DONE, None), (B.id, State.KEPT, None)]
    assert result.outcomes[0].run == red
    assert [each.red for each in result.outcomes] == [True, False, False]
    assert result.outcomes[0].took_s == 100.0
    assert world.said[:3] == [
        f"cell 1 of 3: {A.id}: kept from before: 0 passed, 1 failed",
        f"{C.id}: removed {world.folders.of(C)}: its run did not finish",
        f"cell 3 of 3: {B.id}: kept from before: 1 passed, 0 failed",
    ]


def test_resume_runs_a_cell_that_was_changed(world: World) -> None:
    earlier(world, A, ran(drill()))
    changed = cell("1.36.3", "2.48.0", VALUES="other.yaml")
    world.children = {A.id: passed()}
    assert states(world.run(changed, resume=True)) == [(A.id, State.DONE, None)]
    assert "they belong to another cell of that name" in world.said[0]


def test_without_resume_old_results_are_moved_before_anything_starts(world: World) -> None:
    earlier(world, A, ran(drill()))
    earlier(world, B, ran(drill()))
    world.broken["make", NEW] = KeyboardInterrupt()
    world.run(A, B)
    assert world.folders.last(A) is None
    assert world.folders.last(B) is None
    assert [line.partition(" to ")[0] for line in world.said[:2]] == [
        f"{A.id}: moved earlier results",
        f"{B.id}: moved earlier results",
    ]


def test_kept_results_that_say_nothing_are_red(world: World) -> None:
    earlier(world, A, ran())
    result = world.run(A, resume=True)
    assert states(result) == [(A.id, State.KEPT, "no scenario was drilled or skipped")]
    assert result.red
    assert world.log == []


def test_a_cell_whose_repository_does_not_answer_is_left_out(world: World) -> None:
    world.silent["3.14.0"] = "charts.example.org cannot be reached"
    world.children = {each.id: passed() for each in (A, B)}
    result = world.run(A, B, C)
    assert states(result) == [(A.id, State.DONE, None), (C.id, State.NOT_RUN, None), (B.id, State.DONE, None)]
    assert not result.red
    assert f"cell 2 of 3: {C.id}: not run: charts.example.org cannot be reached" in world.said


def test_a_matrix_of_which_no_cell_could_be_run_is_red(world: World) -> None:
    world.silent["3.14.0"] = "charts.example.org cannot be reached"
    result = world.run(C)
    assert states(result) == [(C.id, State.NOT_RUN, None)]
    assert (result.red, world.log) == (True, [])
