"""Each command of a published runbook, judged: its heading, its notes, its value, and where it was typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.published_world import judged, only, remedy

from promdrill.core.errors import UsageError
from promdrill.runbook.published.judged import Judged, Status
from promdrill.runbook.published.roles import Role


def test_all_that_is_known_of_a_command(tmp_path: Path) -> None:
    text = "# Disk\n\n## Fix\n\n```console\n$ oc -n <ns> delete pod <pod>\ngone\n```\n"
    found = judged(tmp_path, text)
    assert (found.path, found.title, found.queries) == (tmp_path / "any.md", "Disk", ())
    assert found.commands == (
        Judged(
            6,
            "oc -n <ns> delete pod <pod>",
            Role.REMEDY,
            Status.RUNNABLE,
            notes=("<ns> is {namespace}", "<pod> is {pod}", "oc is kubectl here"),
            command="kubectl -n ⟦namespace⟧ delete pod ⟦pod⟧",
            output=("gone",),
            heading="Fix",
        ),
    )


def test_queries_are_kept_with_their_lines_and_none_is_a_command(tmp_path: Path) -> None:
    found = judged(tmp_path, "```promql\nup\n\nsum(up)\n```\n")
    assert (found.title, found.queries, found.commands) == ("any", ((2, "up\n\nsum(up)"),), ())


def test_what_no_heading_places_has_a_hint(tmp_path: Path) -> None:
    text = "```sh\ndate\n```\n\n## Chapter\n\n```sh\ndate -u\n```\n"
    first, second = judged(tmp_path, text).commands
    assert (first.why, first.hint) == (
        "no heading says what it is for",
        '[sections] "2" = "remedy" in any.drill.toml',
    )
    assert (second.why, second.hint) == (
        "no heading says what it is for: Chapter",
        '[sections] "Chapter" = "remedy" in any.drill.toml',
    )
    answered, _ = judged(tmp_path, text, "[answers]\n2 = 'date -R'\n").commands
    assert (answered.status, answered.command, answered.notes) == (Status.RUNNABLE, "date -R", ("answered",))


@pytest.mark.parametrize(
    ("prose", "status"),
    [
        ("`kubectl get pods`", Status.RUNNABLE),
        ("`$ kubectl get pods`", Status.RUNNABLE),
        ("Type `kubectl get pods` now.", Status.PROSE),
        ("`kubectl`", None),
        ("`glue use prod`", None),
        ("`date : x`", None),
    ],
)
def test_commands_in_prose(tmp_path: Path, prose: str, status: Status | None) -> None:
    found = judged(tmp_path, f"## Fix\n\n{prose}\n").commands
    assert [(each.line, each.status, each.heading) for each in found] == ([(3, status, "Fix")] if status else [])
    assert judged(tmp_path, f"## Impact\n\n{prose}\n").commands == ()


def test_a_command_in_a_sentence_has_a_hint_and_may_be_skipped(tmp_path: Path) -> None:
    text = "## Fix\n\nType `kubectl get pods` now.\n"
    (found,) = judged(tmp_path, text).commands
    assert found.hint == "[answers] 3 = '''kubectl ...''' or skip = [3] in any.drill.toml"
    (found,) = judged(tmp_path, text, "skip = [3]\n").commands
    assert (found.status, found.why) == (Status.LEFT_OUT, "skipped by any.drill.toml")


INSIDE = "$ oc rsh <pod>\n$ df\n$ rm x\n$ exit\n$ date"


def test_what_is_typed_in_another_shell_may_be_answered_or_skipped(tmp_path: Path) -> None:
    found = remedy(tmp_path, INSIDE, "skip = [4, 6]\n[answers]\n5 = 'date -u'\n", language="console")
    assert [each.status for each in found] == [
        Status.LEFT_OUT,
        Status.RUNNABLE,
        Status.LEFT_OUT,
        Status.LEFT_OUT,
        Status.RUNNABLE,
    ]
    found = remedy(tmp_path, INSIDE, "skip = [6]\n[answers]\n5 = 'date -u'\n", language="console")
    assert [(each.line, each.status) for each in found] == [
        (4, Status.NOT_RUNNABLE),
        (5, Status.RUNNABLE),
        (6, Status.LEFT_OUT),
        (8, Status.RUNNABLE),
    ]


def test_of_another_shell_where_nothing_is_run_nothing_is_said(tmp_path: Path) -> None:
    found = judged(tmp_path, "## Chapter\n\n```console\nsh-4.4$ rm x\n```\n")
    assert found.commands == ()
    (found_inside,) = remedy(tmp_path, "sh-4.4$ rm x", language="console")
    assert found_inside.why == "typed in the shell that a line above opens"
    assert found_inside.instead == "kubectl exec POD -- COMMAND"


def test_only_a_value_that_can_be_put_there_is_asked_for(tmp_path: Path) -> None:
    found = only(tmp_path, "echo <vm name> ${COLOUR%x} <vm name>")
    assert (found.why, found.unbound) == (
        "nothing says what <vm name>, ${COLOUR...} is",
        ("vm name", "COLOUR", "vm name"),
    )
    assert found.hint.startswith("[answers] 4 = ")
    assert only(tmp_path, "echo <vm name> <host>").hint == "--bind vm-name=VALUE"


def test_an_example_is_what_is_bound_and_a_port_is_none(tmp_path: Path) -> None:
    found = only(tmp_path, "NAMESPACE=monitoring", namespace="mine")
    assert (found.command, found.notes) == (
        "NAMESPACE=mine",
        ("monitoring is an example: NAMESPACE is mine",),
    )
    assert only(tmp_path, "PORT=9090").command == "PORT=9090"


def test_names_that_are_written_otherwise_are_the_same(tmp_path: Path) -> None:
    assert only(tmp_path, "echo <vm-name>", VM_NAME="a").command == "echo a"


@pytest.mark.parametrize(
    ("said", "message", "hint"),
    [
        ("[answers]\n8 = 'a'\n", "begins in line 8", "a command begins in line 9"),
        ("[answers]\n5 = 'a'\n", "begins in line 5", "a command begins in line 4"),
        ("skip = ['5-8']\n", "begins in line 5", "leave it out"),
    ],
)
def test_a_line_in_which_no_command_begins_is_an_error(tmp_path: Path, said: str, message: str, hint: str) -> None:
    text = "## Fix\n\n```sh\ndate\n```\n\n```sh\n# now\ndate\n```\n"
    with pytest.raises(UsageError, match=message) as caught:
        judged(tmp_path, text, said)
    assert caught.value.hint == hint
    judged(tmp_path, text, "skip = ['4-8', '5-9']\n")


def test_answers_to_a_runbook_without_commands(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        judged(tmp_path, "## Fix\n\nCall somebody.\n", "[answers]\n3 = 'a'\n")
    assert caught.value.hint == "the runbook has no commands"


def test_each_command_has_its_own_complaint(tmp_path: Path) -> None:
    found = remedy(tmp_path, "date\nssh a\ndate )\ndate -u")
    assert [each.status for each in found] == [
        Status.RUNNABLE,
        Status.NOT_RUNNABLE,
        Status.NOT_RUNNABLE,
        Status.RUNNABLE,
    ]
    assert found[2].why.startswith("not a complete command: ")
