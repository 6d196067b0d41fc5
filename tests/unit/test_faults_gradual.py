"""Faults that grow: their scripts are run with a clock and a volume made up, their commands with words made up."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
from tests.unit.faults_world import Place, place, pod

from promdrill.core import shell
from promdrill.core.errors import ClusterError
from promdrill.faults import (
    FaultNotTaken,
    FillInodes,
    FillVolume,
    Ground,
    GrowVolume,
    InOrder,
    RestartServer,
    gradual,
    volume,
)

__all__ = ["place"]

NO_SPACE = "No space left on device"
NOW = 1_000
"""What the container's clock shows first."""

CONTAINER = """
# Functions, because a shell may have programs of its own and never look for others: a real df would fill a real disk.
ulimit -f 8192
date() { read -r _now <"$TOOLS/now"; echo "$_now"; }
sleep() { read -r _now <"$TOOLS/now"; echo $((_now + $1)) >"$TOOLS/now"; }
df() {
  left=$(_left "$@") || exit
  read -r _now <"$TOOLS/now"
  echo "$_now $left" >>"$TOOLS/seen"
  echo "Filesystem Whole Used Available Capacity Mounted on"
  echo "/dev/loop0 2000 $((2000 - left)) $left 50% /data"
}
"""

BYTES_LEFT = """
# A volume of 2,000 KiB; other files than the fill take what `others` says.
_left() {
  [ "$*" = "-kP $DATA" ] || { echo "df $*" >&2; exit 1; }
  read -r _others <"$TOOLS/others"
  _size=0
  [ ! -f "$FILL" ] || _size=$(wc -c <"$FILL")
  echo $((2000 - _others - _size / 1024))
}
"""

INODES_LEFT = """
# A volume of 2,000 inodes.
_left() {
  [ "$*" = "-iP $DATA" ] || { echo "df $*" >&2; exit 1; }
  echo $((2000 - $(ls "$FILL" | wc -l)))
}
"""


@dataclass
class Volume:
    """A container with a volume at /data: a folder of the test. Time passes only while somebody sleeps.

    Attributes:
        place: Where the fault is applied.
        fill: What takes the space.
        df: The function that says how much is left.
        before: Called before each command with its number.
        more: More functions.
    """

    place: Place
    fill: str
    df: str
    before: Callable[[int], None] = lambda _number: None
    more: str = ""

    def __post_init__(self) -> None:
        self.tools.mkdir()
        self.data.mkdir()
        self.put(now=NOW, others=0)

    @property
    def tools(self) -> Path:
        return self.place.folder / "tools"

    @property
    def data(self) -> Path:
        return self.place.folder / "data"

    def put(self, **figures: int) -> None:
        for name, figure in figures.items():
            (self.tools / name).write_text(f"{figure}\n")

    def run(self, script: str) -> tuple[int, str]:
        """Run what grows; what comes after it, which uses up the rest, is told that there is none."""
        self.before(len(self.place.done))
        if "date +%s" not in script:
            return 0, NO_SPACE
        script = script.replace("/data", str(self.data))
        env = {"TOOLS": str(self.tools), "DATA": str(self.data), "FILL": str(self.data / self.fill)}
        lines = [f"export {name}='{value}'" for name, value in env.items()]
        script = "\n".join([*lines, CONTAINER, self.df, self.more, script])
        done = shell.run(["sh", "-c", script], timeout_s=60, ok=range(256))
        return done.exit_code, done.stdout

    def inject(self, fault: FillVolume | FillInodes, growth_s: float) -> None:
        self.place.script = self.run
        ground(self.place, fault, growth_s)

    @property
    def looks(self) -> list[tuple[int, int]]:
        """Each look: the second, and how much was left."""
        lines = (self.tools / "seen").read_text().splitlines()
        return [(int(now), int(left)) for now, left in map(str.split, lines)]

    @property
    def seen(self) -> dict[int, int]:
        """How much was left, by the second; of several looks the last."""
        return dict(self.looks)


def ground(place: Place, fault: FillVolume | FillInodes, growth_s: float) -> tuple[Any, ...]:
    """Apply a fault that grows for so long."""
    world = cast(Any, place)
    made = Ground(world, place.server, place.release, world, place.journal, growth_s=growth_s)
    return fault.apply(made, place.undo)


def between(second: int, of: int, first: float = 400, keep: float = 0, off: float = 8) -> Any:
    """About what is left in that second: as the step of the second before, or as its own, left it."""
    ends = [keep + (first - keep) * (of - each) / of for each in (second, second - 1)]
    return pytest.approx(sum(ends) / 2, abs=(ends[1] - ends[0]) / 2 + off)


def events(place: Place, *names: str) -> list[dict[str, Any]]:
    lines = map(json.loads, place.journal.path.read_text().splitlines())
    return [line for line in lines if line["event"] in names]


def test_only_what_fills_a_volume_grows() -> None:
    assert FillVolume.grows
    assert FillInodes.grows
    assert not RestartServer.grows
    assert not GrowVolume.grows
    assert not InOrder((FillVolume(), RestartServer())).grows, "what comes after it may not bear a wait"


@pytest.mark.parametrize("inside", ["promdrill.fill", "a b/fill"])
def test_most_is_filled_at_once_and_the_rest_evenly(place: Place, inside: str) -> None:
    made = Volume(place, inside, BYTES_LEFT)
    made.inject(FillVolume(inside=inside), 20.0)
    seen = made.seen
    assert seen[NOW] == 2000, "this is what is free at the beginning"
    for second in (1, 2, 5, 10, 15, 19):
        assert seen[NOW + second] == between(second, 20)
    assert seen[NOW + 20] == pytest.approx(0, abs=4)
    assert max(seen) == NOW + 20
    assert (made.data / inside).stat().st_size == pytest.approx(2000 * 1024, abs=4096)
    assert set((made.data / inside).read_bytes()) == {0}


def test_what_others_write_or_delete_does_not_change_when_it_is_full(place: Place) -> None:
    made = Volume(place, "promdrill.fill", BYTES_LEFT)
    written = {3: 30, 6: 0}
    made.before = lambda number: made.put(others=written[number]) if number in written else None
    made.inject(FillVolume(), 20.0)
    seen = made.seen
    assert made.looks[5:7] == [(NOW + 2, 330), (NOW + 3, 330)], "it is ahead of its time, and waits"
    for second in (4, 9, 15):
        assert seen[NOW + second] == between(second, 20)
    assert seen[NOW + 20] == pytest.approx(0, abs=4)


def test_where_inodes_are_used_up_too_their_folder_has_room(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(volume, "INODES_NEED_KIB", 100)
    made = Volume(place, "promdrill.fill", BYTES_LEFT)
    made.inject(FillVolume(inodes=True), 10.0)
    assert made.seen[NOW + 5] == between(5, 10, keep=100)
    assert made.seen[NOW + 10] == pytest.approx(100, abs=4)
    assert "touch" in place.done[-1], "and then they are"


def test_a_volume_too_small_for_that_is_left_with_it_from_the_beginning(place: Place) -> None:
    assert volume.INODES_NEED_KIB == 2048
    made = Volume(place, "promdrill.fill", BYTES_LEFT)
    made.inject(FillVolume(inodes=True), 4.0)
    assert set(made.seen.values()) == {2000}


def test_inodes_are_used_up_in_the_same_way(place: Place) -> None:
    made = Volume(place, "a b", INODES_LEFT)
    made.inject(FillInodes(inside="a b"), 8.0)
    seen = made.seen
    assert made.looks[:3] == [(NOW, 2000), (NOW, 2000), (NOW + 1, 400)], "1,600 at once, in several batches"
    for second in (1, 4, 7):
        assert seen[NOW + second] == between(second, 8, off=0.5)
    assert (seen[NOW + 8], max(seen)) == (0, NOW + 8)
    assert len(list((made.data / "a b").iterdir())) == 2000
    assert not events(place, "volume"), "it shows bytes"


def test_a_growth_is_told_of_and_its_end(place: Place) -> None:
    made = Volume(place, "promdrill.fill", BYTES_LEFT)
    made.inject(FillVolume(), 20.0)
    told = events(place, "fault-grows")
    assert [each["left_s"] for each in told] == [*range(18, 0, -2)]
    assert [each["used"] for each in told[::4]] == pytest.approx([0.82, 0.9, 0.98], abs=0.005)
    assert {each["fault"] for each in told} == {"fill /data to the last byte"}
    shown = events(place, "volume")
    assert len(shown) == 10
    assert {(each["path"], each["size_bytes"]) for each in shown} == {("/data", 2000 * 1024)}
    assert shown[-1]["used_bytes"] == pytest.approx(2000 * 1024, abs=4096)
    (full,) = events(place, "fault-full")
    assert full["fault"] == "fill /data to the last byte"
    assert full["t"] >= shown[-1]["t"]


def test_at_once_nothing_is_said_of_a_growth(place: Place) -> None:
    for fault in (FillVolume(), FillInodes()):
        place.script = lambda _: (0, NO_SPACE)
        ground(place, fault, 0.0)
    assert len(place.done) == 2
    assert not any("date" in done for done in place.done)
    assert not events(place, "fault-grows", "fault-full", "volume")


# --- how long, and what goes wrong -----------------------------------------------------------------------------------


@dataclass
class Words:
    """A container in which each command says what it is told to; the last one uses up the rest."""

    place: Place
    said: list[str]
    deadlines: list[float] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)

    def inject(self, growth_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
        def run(_ground: Ground, script: str, *, timeout_s: float) -> tuple[int, str]:
            if "date" not in script:
                return 0, NO_SPACE
            self.deadlines.append(timeout_s)
            self.scripts.append(script)
            said = self.said.pop(0)
            return (0, said) if not said.startswith("!") else (int(said[1:]), "")

        monkeypatch.setattr(Ground, "run", run)
        ground(self.place, FillVolume(), growth_s)


def words(begin: int, *ends: int) -> list[str]:
    return [f"{begin} 2000 2000", *(f"{end} 2000 100" for end in ends)]


def test_a_command_has_half_a_minute_of_the_growth_and_the_time_to_fill(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Words(place, words(0, *range(30, 1201, 30)))
    made.inject(1200.0, monkeypatch)
    assert made.deadlines == [gradual.FILL_TIMEOUT_S, *[gradual.FILL_TIMEOUT_S + gradual.SLICE_S] * 40]
    assert (gradual.FILL_TIMEOUT_S, gradual.SLICE_S) == (120.0, 30)
    assert [each["left_s"] for each in events(place, "fault-grows")] == [*range(1080, 0, -120)]
    assert "stop=$(($(date +%s) + 30))" in made.scripts[-1]


@pytest.mark.parametrize(
    ("growth_s", "lasts_s", "slice_s"), [(0.2, 1, 1), (26.6, 27, 3), (40.0, 40, 4), (3600.0, 3600, 30)]
)
def test_a_growth_takes_whole_seconds(
    place: Place, monkeypatch: pytest.MonkeyPatch, growth_s: float, lasts_s: int, slice_s: int
) -> None:
    made = Words(place, words(500, 500 + lasts_s))
    made.inject(growth_s, monkeypatch)
    assert made.deadlines == [120.0, 120.0 + slice_s]
    assert f"({500 + lasts_s} - now) / {lasts_s}" in made.scripts[-1]
    assert "$4 - 0 - (400 - 0)" in made.scripts[-1]


def test_a_clock_that_stands_still_ends_it(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Words(place, words(0, *[0] * 100))
    with pytest.raises(FaultNotTaken, match="fill /data to the last byte: not done within 40 s by the container's"):
        made.inject(40.0, monkeypatch)
    assert len(made.scripts) == 1 + 10 + 1
    assert not events(place, "fault-grows", "fault-full")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("sh: can't create /data/promdrill.fill: Read-only file system", "sh: can't create .*: Read-only file system$"),
        ("/data/promdrill.fill is gone", "/data/promdrill.fill is gone$"),
        ("1 2", "1 2$"),
        ("1 2 x", "1 2 x$"),
        ("!137", "exit code 137$"),
        ("x" * 400, "x{300}$"),
    ],
)
@pytest.mark.parametrize("first", [True, False], ids=["at its beginning", "later"])
def test_a_growth_that_is_cut_short_is_no_fault(
    place: Place, monkeypatch: pytest.MonkeyPatch, said: str, why: str, *, first: bool
) -> None:
    made = Words(place, [said] if first else [*words(0, 4), said])
    with pytest.raises(FaultNotTaken, match=f"fill /data to the last byte: cut short: {why}"):
        made.inject(40.0, monkeypatch)
    assert not events(place, "fault-full")


def test_a_volume_that_does_not_count_is_no_fault(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FaultNotTaken, match="fill /data to the last byte: df shows nothing that could be used up"):
        Words(place, ["0 0 0"]).inject(40.0, monkeypatch)


def test_what_a_script_says_before_its_figures_does_not_matter(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Words(place, ["a warning\n0 2000 2000\n", "df: odd\n40 2000 0\n"])
    made.inject(40.0, monkeypatch)
    assert len(events(place, "fault-full")) == 1


@pytest.mark.parametrize("after", [pod("a", restarts=1), pod("b")], ids=["its container", "its pod"])
@pytest.mark.parametrize("broken", [False, True], ids=["between two commands", "during one"])
def test_a_server_that_is_restarted_meanwhile_ends_it(place: Place, after: dict[str, Any], *, broken: bool) -> None:
    def script(_text: str) -> tuple[int, str]:
        if len(place.done) == 3:
            place.pods = (after,)
            if broken:
                raise ClusterError("exec: closed before the exit code arrived")
        return 0, f"{len(place.done) - 1} 2000 2000"

    place.script = script
    with pytest.raises(FaultNotTaken, match="the server was restarted before its end: prometheus-server-") as caught:
        ground(place, FillVolume(), 40.0)
    assert isinstance(caught.value.__cause__, ClusterError) is broken
    assert len(place.done) == 3


def test_a_server_that_had_been_restarted_before_is_no_other(place: Place) -> None:
    place.pods = (pod("a", restarts=4),)
    Volume(place, "promdrill.fill", BYTES_LEFT).inject(FillVolume(), 3.0)
    assert len(events(place, "fault-full")) == 1
    bare = pod("a")
    bare["status"] = {}
    again = replace(place, folder=place.folder / "again", pods=(bare,), done=[])
    again.folder.mkdir()
    Volume(again, "promdrill.fill", BYTES_LEFT).inject(FillVolume(), 3.0)


def test_a_command_that_fails_says_so(place: Place) -> None:
    place.fails = "exec"
    with pytest.raises(ClusterError, match="exec was refused"):
        ground(place, FillVolume(), 40.0)


def test_once_it_is_undone_nothing_is_written_any_more(place: Place) -> None:
    made = Volume(place, "promdrill.fill", BYTES_LEFT)
    made.more = """sleep() {
      read -r _now <"$TOOLS/now"
      echo $((_now + 1)) >"$TOOLS/now"
      [ "$_now" -lt 1004 ] || rm -f "$FILL"
    }"""
    with pytest.raises(FaultNotTaken, match=r"promdrill\.fill is gone"):
        made.inject(FillVolume(), 20.0)
    assert list(made.data.iterdir()) == []
    assert [line.partition("exec ")[2] for line in place.undone()] != [], "and its undo was registered before"
