"""What a predicate looked at: that part is shown, and what the predicate finds is as without being watched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from promdrill.observe.conditions import Seen, unknown
from promdrill.observe.looked import LONGEST_SHOWN, judged

BODY: dict[str, Any] = {
    "metadata": {"name": "x", "labels": {"app": "busy"}},
    "spec": {"size": "1Gi", "classes": ["a", "b"], "other": None},
    "items": [{"name": "one", "ok": True}, {"name": "two", "ok": False}],
    "text": "t" * 999,
}


@pytest.mark.parametrize(
    ("predicate", "holds", "shown"),
    [
        (lambda found: found["spec"]["size"] == "1Gi", True, "spec.size is 1Gi"),
        (lambda found: found["spec"].get("class") == "a", False, "spec.class is not there"),
        (lambda found: (found.get("status") or {}).get("phase") == "Bound", False, "status is not there"),
        (lambda found: "app" in found["metadata"]["labels"], True, "metadata.labels.app is busy"),
        (lambda found: "tier" in found["metadata"]["labels"], False, "metadata.labels.tier is not there"),
        (lambda found: not found["items"], False, "items is 2 items"),
        (lambda found: found["spec"] == {}, False, "spec is 3 fields"),
        (lambda found: found["items"][1]["ok"], False, "items[1].ok is False"),
        (lambda found: found["items"][-1]["name"] == "two", True, "items[-1].name is two"),
        (lambda found: all(each["ok"] for each in found["items"]), False, "items[0].ok is True, items[1].ok is False"),
        (lambda found: any(each["ok"] for each in found["items"][1:]), False, "items[0].ok is False"),
        (lambda found: len(found["text"]) > 9, True, f"text is {'t' * 43}...{'t' * 26}"),
        (lambda found: [v for k, v in found["spec"].items() if k == "size"] == ["1Gi"], True, None),
        (lambda found: {**found["metadata"]["labels"]} == {"app": "busy"}, True, None),
        (lambda found: found == BODY, True, None),
        (lambda found: found.get("status", "none") == "none", True, "status is not there"),
        (lambda found: isinstance(found["spec"], dict) and isinstance(found["items"], list), True, None),
        (lambda found: list(found["spec"]["classes"]) == ["a", "b"], True, None),
        (lambda found: sorted(found["metadata"]["labels"].values()) == ["busy"], True, "metadata.labels.app is busy"),
    ],
)
def test_what_was_read_is_shown(predicate: Callable[[Any], bool], holds: bool, shown: str | None) -> None:
    seen = judged(predicate, BODY, None)
    assert seen.holds is holds is bool(predicate(BODY)), "the same as without being watched"
    assert len(seen.text) <= LONGEST_SHOWN
    assert shown in {None, seen.text}


def test_words_of_its_own_are_taken_as_they_are() -> None:
    seen = judged(lambda found: found["text"] != "", BODY, lambda found: f"size {found['spec']['size']}")
    assert seen == Seen(holds=True, text="size 1Gi")


def test_what_reads_nothing_shows_the_beginning_and_the_end() -> None:
    assert judged(lambda _: False, [1, 2], None) == Seen(holds=False, text="[1, 2]")
    assert judged(bool, {}, None) == Seen(holds=False, text="{}")


@pytest.mark.parametrize(
    ("predicate", "show", "said"),
    [
        (lambda found: found["spec"]["nothing"] == 1, None, "it has no nothing"),
        (lambda found: found["spec"]["nothing"] == 1, str, "it has no nothing"),
        (lambda _: True, lambda found: found["spec"]["nothing"], "it has no nothing"),
        (lambda found: found["items"][2], None, "it is not shaped as expected: list index out of range"),
    ],
)
def test_of_a_part_that_is_not_there_nothing_is_known(
    predicate: Callable[[Any], bool], show: Callable[[Any], str] | None, said: str
) -> None:
    """A repair may have removed it: neither the condition holds then nor its opposite."""
    assert judged(predicate, BODY, show) == unknown(said)


def test_any_other_error_of_the_predicate_is_its_own() -> None:
    with pytest.raises(ZeroDivisionError):
        judged(lambda _: bool(1 / 0), BODY, None)
