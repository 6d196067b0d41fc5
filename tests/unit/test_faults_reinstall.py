"""Installing anew, and faults one after the other: the order of what is done, and what is waited for in between."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from tests.unit.faults_world import PROOF, SERVER, VALUES, Place, place, pod

from promdrill.core.errors import ClusterError, WaitTimeout
from promdrill.faults import Fault, FaultNotTaken, Ground, InOrder, Reinstall, Set, Undo
from promdrill.faults.reinstall import GONE_S
from promdrill.observe.conditions import Condition, Kind, Seen

__all__ = ["place"]

CLAIM = f"delete /api/v1/namespaces/drill-x/persistentvolumeclaims/{SERVER.claim}"
INSTALL = f"install with {VALUES!r}"
LARGE = VALUES.replace("[web.enable-lifecycle]", "[]")
EDIT = Set("server.extraFlags", [])
NEVER = (Condition("never", Kind.POD, lambda _: Seen(holds=False, text="not so")),)


@dataclass(frozen=True)
class Act(Fault):
    """Takes itself down."""

    place: Place
    word: str
    proof: tuple[Condition, ...] = ()

    @property
    def name(self) -> str:
        return self.word

    @property
    def blast_radius(self) -> tuple[str, ...]:
        return (f"the {self.word[0]}",)

    def apply(self, ground: Ground, undo: Undo) -> tuple[Condition, ...]:
        assert ground.server is SERVER
        undo.register(f"take {self.word} back", lambda: self.place.act(f"{self.word} back"))
        self.place.act(self.word)
        return self.proof


def going(place: Place, *, claim: bool = True) -> None:
    """The pod goes after two looks, the claim, where it goes, after another two."""
    place.claims = (SERVER.claim, "another's")

    def step(what: str, **fields: tuple[object, ...]) -> None:
        place.act(what)
        for name, value in fields.items():
            setattr(place, name, value)

    leaving = pod("a")
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    place.later = [lambda: step("pod leaves", pods=(leaving,)), lambda: step("pod gone", pods=())]
    if claim:
        place.later += [lambda: step("still there"), lambda: step("claim gone", claims=("another's",))]


def proven(place: Place, word: str) -> tuple[Condition, ...]:
    """What holds from the second look on; both are taken down."""
    looks: list[int] = []

    def judge(_: object) -> Seen:
        looks.append(1)
        place.act(f"{word} seen" if len(looks) > 1 else f"{word} not seen")
        return Seen(holds=len(looks) > 1, text="")

    return (Condition(word, Kind.POD, judge),)


def test_everything_is_gone_before_it_is_installed_again(place: Place) -> None:
    going(place)
    assert place.inject(Reinstall((EDIT,), (Act(place, "one"), Act(place, "two")), proof=PROOF)) == PROOF
    removed = ["uninstall", CLAIM, "pod leaves", "pod gone", "still there", "claim gone"]
    assert place.done == [*removed, "one", "two", f"install with {LARGE!r}"]
    assert place.undone() == ["two back", "one back", "uninstall"]
    assert place.release.read() == VALUES, "what was changed in between is changed back"


def test_a_kept_claim_is_neither_deleted_nor_waited_for(place: Place) -> None:
    going(place, claim=False)
    place.inject(Reinstall(keep_claim=True))
    assert place.done == ["uninstall", "pod leaves", "pod gone", INSTALL]


def test_the_claim_is_waited_for_where_it_is_not_kept(place: Place) -> None:
    going(place, claim=False)
    with pytest.raises(WaitTimeout, match="no claim prometheus-server"):
        place.inject(Reinstall((EDIT,)))
    assert place.done[:2] == ["uninstall", CLAIM]
    assert place.release.read() == VALUES, "nothing is changed as long as the old Prometheus is there"
    assert place.undone() == ["uninstall"]


def test_acts_in_between_are_proven_before_the_installation(place: Place) -> None:
    place.pods = ()
    place.inject(Reinstall(acts=(Act(place, "one", proven(place, "it")), Act(place, "two"))))
    assert place.done == ["uninstall", CLAIM, "one", "it not seen", "it seen", "two", INSTALL]


def test_an_act_in_between_that_is_not_proven_ends_it(place: Place) -> None:
    place.pods = ()
    with pytest.raises(WaitTimeout, match=f"{GONE_S:g} s"):
        place.inject(Reinstall(acts=(Act(place, "one", NEVER),)))
    assert place.done == ["uninstall", CLAIM, "one"]


def test_an_edit_in_between_that_changes_nothing_is_noticed(place: Place) -> None:
    place.pods = ()
    with pytest.raises(FaultNotTaken, match="already says so"):
        place.inject(Reinstall((Set("server.extraFlags", ["web.enable-lifecycle"]),)))
    assert place.done == ["uninstall", CLAIM]


@pytest.mark.parametrize(("fails", "changed"), [("uninstall", False), ("delete", False), ("install", True)])
def test_a_step_that_is_refused_is_taken_back_all_the_same(place: Place, fails: str, *, changed: bool) -> None:
    place.pods, place.fails = (), fails
    with pytest.raises(ClusterError):
        place.inject(Reinstall((EDIT,)))
    assert (place.release.read() != VALUES) == changed
    assert place.undone() == ["uninstall"]
    assert place.release.read() == VALUES


def test_an_installation_anew_says_what_it_changes(place: Place) -> None:
    assert Reinstall().name == "install again: no change"
    fault = Reinstall((EDIT,), (Act(place, "one"),), keep_claim=True)
    assert fault.name == "install again, the claim kept: set server.extraFlags to [], one"
    assert fault.blast_radius == ("the Prometheus that is drilled", "the o")


def test_each_fault_is_observed_before_the_next(place: Place) -> None:
    last = Act(place, "three", NEVER)
    acts = (Act(place, "one", proven(place, "it")), Act(place, "two"), last)
    assert place.inject(InOrder(acts)) == NEVER, "the last one's proof is the engine's to wait for"
    assert place.done == ["one", "it not seen", "it seen", "two", "three"]
    assert place.undone() == ["three back", "two back", "one back"]


def test_a_fault_that_is_not_observed_ends_the_row(place: Place) -> None:
    with pytest.raises(WaitTimeout, match="7 s") as caught:
        place.inject(InOrder((Act(place, "one", NEVER), Act(place, "two")), timeout_s=7))
    assert (place.done, caught.value.waited_s) == (["one"], 7)
    assert place.undone() == ["one back"]


def test_a_row_of_faults_names_each_and_every_object_once(place: Place) -> None:
    acts = (Act(place, "two"), Act(place, "one"), Act(place, "three"))
    fault = InOrder(acts)
    assert (fault.name, fault.blast_radius) == ("two, then one, then three", ("the t", "the o"))
    assert replace(fault, acts=acts[:1]).name == "two"


def test_the_pods_of_others_are_not_waited_for(place: Place) -> None:
    place.pods = (pod("b", name="grafana"),)
    place.inject(Reinstall())
    assert place.done == ["uninstall", CLAIM, INSTALL]


def test_a_pod_that_can_never_start_ends_no_wait_in_between(place: Place) -> None:
    """Here or beside it: what is broken on purpose is what these faults are made of."""
    broken = pod("b", name="grafana")
    broken["status"]["containerStatuses"][0]["state"] = {"waiting": {"reason": "ErrImageNeverPull"}}
    place.pods = (pod("a"), broken)
    place.later = [lambda: None, lambda: setattr(place, "pods", (broken,)), lambda: setattr(place, "claims", ())]
    place.inject(Reinstall(acts=(Act(place, "one", proven(place, "it")),)))
    place.inject(InOrder((Act(place, "two", proven(place, "this")), Act(place, "three"))))
    assert place.done[-4:] == ["two", "this not seen", "this seen", "three"]


def test_a_fault_in_a_row_has_a_minute_and_a_half(place: Place) -> None:
    with pytest.raises(WaitTimeout) as caught:
        place.inject(InOrder((Act(place, "one", NEVER), Act(place, "two"))))
    assert caught.value.waited_s == 90
