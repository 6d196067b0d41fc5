"""What headings say about the commands under them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.published_world import judged

from promdrill.runbook.published.roles import Headed, Role, roles

D, R, P, N, U = Role.DIAGNOSIS, Role.REMEDY, Role.PROOF, Role.NOT_RUN, Role.UNKNOWN


def said(*headings: str) -> list[Role]:
    """The roles of headings, each with its level in front: ``## Fix``."""
    found = [Headed(text.lstrip("# "), text.index(" "), at) for at, text in enumerate(headings, 1)]
    return list(roles(found, {}).values())


@pytest.mark.parametrize(
    ("heading", "role"),
    [
        ("Diagnosis", D),
        ("Troubleshooting", D),
        ("Troubleshooting steps", D),
        ("Diagnostic steps", D),
        ("Investigation", D),
        ("Possible causes", D),
        ("Mitigation", R),
        ("**Remediation:**", R),
        ("3. Resolution steps", R),
        ("Fix", R),
        ("How to fix it", R),
        ("Solutions", R),
        ("Steps to resolve", R),
        ("Steps", R),
        ("Diagnosis and mitigation", R),
        ("Recommended actions", R),
        ("Verification", P),
        ("Validation", P),
        ("Verify the fix", P),
        ("Post-checks", P),
        ("Check the pods", D),
        ("조치", R),
        ("조치 방법", R),
        ("해결", R),
        ("진단", D),
        ("원인", D),
        ("확인", D),
        ("Maßnahmen", R),
        ("Lösung", R),
        ("Behebung", R),
        ("Fehlersuche", D),
        ("Ursache", D),
        ("Verifizierung", P),
        ("Résolution", R),
        ("Solución", R),
        ("対処", R),
        ("Impact", N),
        ("Overview", N),
        ("Escalation", N),
        ("References", N),
        ("Chapter four", U),
        ("Chapter verification", P),
        ("Data to confirm", P),
        ("Response to symptoms", D),
        ("Fix for symptoms", R),
        ("Impact of this", N),
        ("Of the impact", U),
        ("장애 복구 확인 보기", P),
        ("장애 원인 보기", D),
        ("장애 해결 보기", R),
        ("상태 확인 보기", D),
        ("서비스 영향 보기", U),
        ("의미", N),
    ],
)
def test_headings_in_common_use(heading: str, role: Role) -> None:
    assert said(f"## {heading}") == [role]


@pytest.mark.parametrize("word", ["확인", "Checks", "Überprüfung"])
def test_a_check_before_the_remedy_is_diagnosis_and_after_it_proof(word: str) -> None:
    assert said(f"## {word}", "## Mitigation", f"## {word}") == [D, R, P]


def test_what_a_heading_says_holds_for_those_below_it_unless_one_is_a_section_by_itself() -> None:
    headings = ("## Mitigation", "### Data retention", "### Verify the certificates", "#### Verification", "### Other")
    assert said(*headings) == [R, R, R, P, R]


def test_a_section_ends_where_the_next_one_of_its_level_begins() -> None:
    assert said("## Fix", "### Now", "## Chapter four") == [R, R, U]


def test_a_title_speaks_only_where_no_other_heading_does() -> None:
    assert said("# How to fix a full disk", "## First", "## Then") == [R, R, R]
    assert said("# How to fix a full disk", "## Troubleshooting", "## Then") == [U, D, U]


def test_below_what_is_not_run_a_phrase_says_nothing_and_a_section_by_itself_does() -> None:
    assert said("## Impact", "### How to fix it today", "### Fix") == [N, N, R]


def test_checks_below_proof_are_proof() -> None:
    assert said("## Verification", "### Checks") == [P, P]


def test_of_two_titles_each_says_what_it_says() -> None:
    assert said("# How to fix it", "# Chapter") == [R, U]
    assert said("# How to fix it", "## First", "# Chapter") == [R, R, U]


def test_a_title_says_nothing_of_what_another_heading_says() -> None:
    assert said("# How to fix it", "## Impact", "## First") == [R, N, R]


def test_what_the_user_says_of_a_heading_comes_first() -> None:
    headings = [Headed("How to fix it", 1, 1), Headed("1. Fix", 2, 2), Headed("Other", 0, 3), Headed("More", 2, 4)]
    assert roles(headings, {"how to fix it": P}) == {1: P, 2: R, 3: R, 4: P}
    assert roles(headings, {"fix": N}) == {1: R, 2: N, 3: N, 4: R}


def test_a_heading_within_a_list_begins_no_section(tmp_path: Path) -> None:
    found = judged(tmp_path, "## Fix\n\n- # Impact\n\n```sh\nkubectl get pods\n```\n")
    assert [each.role for each in found.commands] == [R]
