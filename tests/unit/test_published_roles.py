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


def test_a_heading_within_a_list_begins_no_section(tmp_path: Path) -> None:
    found = judged(tmp_path, "## Fix\n\n- # Impact\n\n```sh\nkubectl get pods\n```\n")
    assert [each.role for each in found.commands] == [R]
