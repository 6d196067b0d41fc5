"""What was typed and what was printed: prompts, output, continued lines, here-documents, languages."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.published_world import judged, remedy

from promdrill.runbook.published import scan
from promdrill.runbook.published.document import Code
from promdrill.runbook.published.judged import Status
from promdrill.runbook.published.prompts import typed


def texts(block: str, language: str = "", *, fenced: bool = True) -> list[str]:
    return [each.text for each in typed(Code(language, tuple(block.split("\n")), 1, fenced))]


@pytest.mark.parametrize("language", ["bash", "sh", "shell", "console", "", "zsh", "terminal"])
def test_commands_in_every_language_of_shells(language: str) -> None:
    assert texts("kubectl get pods\nkubectl get pvc", language) == ["kubectl get pods", "kubectl get pvc"]


@pytest.mark.parametrize("language", ["yaml", "json", "promql", "go", "diff"])
def test_what_is_only_read_has_no_commands(language: str) -> None:
    assert texts("kubectl get pods", language) == []


@pytest.mark.parametrize("prompt", ["$ ", "  $ ", "% ", "[me@host ~]$ ", "me@host:~/a$ ", " ~ "])
def test_prompts_are_stripped_and_what_follows_is_output(prompt: str) -> None:
    (first, second) = typed(
        Code(
            "console",
            (f"{prompt}kubectl get pods", "NAME  READY", "a  1/1", "", f"{prompt}kubectl version"),
            5,
            fenced=True,
        )
    )
    assert (first.text, first.line, first.output) == ("kubectl get pods", 5, ("NAME  READY", "a  1/1"))
    assert (second.text, second.line, second.output) == ("kubectl version", 9, ())


def test_a_hash_is_a_prompt_in_a_session_and_a_comment_in_a_script() -> None:
    assert texts("# kubectl get pods\nNAME", "console") == ["kubectl get pods"]
    assert texts("# kubectl get pods\nkubectl get pvc", "console") == ["kubectl get pvc"]
    assert texts("# kubectl get pods\ndate", "bash") == ["date"]
    assert texts("# see the pods\nkubectl get pods", "") == ["kubectl get pods"]


@pytest.mark.parametrize(
    "command",
    [
        "kubectl patch pvc a \\\n  --patch '{}'",
        "kubectl patch pvc a --patch '{\n  \"a\": 1\n}'",
        "cat <<EOF | kubectl apply -f -\nkind: A\n# b\nEOF",
        'for pod in a b; do\n  echo "$pod"\ndone',
        "if true; then\n  date\nfi",
        "kubectl get pods |\n  grep a",
        "kubectl get pods &&\n  date",
        'echo "$(kubectl get pods\n)"',
        "see() {\n  date\n}",
    ],
)
def test_a_command_goes_on_until_it_is_whole(command: str) -> None:
    assert texts(f"{command}\ndate", "bash") == [command, "date"]
    lines = command.split("\n")
    session = "\n".join([f"$ {lines[0]}", *(f"> {line}" for line in lines[1:]), "output", "$ date"])
    assert texts(session, "console") == [command, "date"]


def test_output_below_commands_without_prompts_is_no_command() -> None:
    assert texts("kubectl get pods\nNAME    READY\nweb-0   1/1\n\ndate", "bash") == ["kubectl get pods", "date"]
    assert texts("kubectl get pods\nweb-0 is well", "") == ["kubectl get pods"]
    assert texts("kubectl get pods\nkubectl get pvc", "bash") == ["kubectl get pods", "kubectl get pvc"]


@pytest.mark.parametrize(
    "block", ["level=error msg=x", "kind: Pod", "sum(rate(x[5m]))", "NAME  READY", "export it by hand, then"]
)
def test_an_untagged_block_that_is_something_else_has_no_commands(block: str) -> None:
    assert texts(block) in ([], [block] if block.startswith("export") else [])


@pytest.mark.parametrize("block", ["sum by (job) (up)", "topk(5, up)", 'up{job="a"}'])
def test_a_query_that_is_called_a_script_is_no_command(block: str) -> None:
    assert texts(block, "bash") == []


def test_an_untagged_block_may_begin_with_a_tool_that_nobody_knows() -> None:
    assert texts("# connect\nglue use prod\n\nkubectl get pods") == ["glue use prod", "kubectl get pods"]


def test_indented_code_is_run_if_it_is_a_command(tmp_path: Path) -> None:
    found = judged(tmp_path, "## Fix\n\nDo it:\n\n    kubectl delete pod <pod>\n\nand see\n\n    level=info done\n")
    assert [(each.line, each.text) for each in found.commands] == [(5, "kubectl delete pod <pod>")]


def test_a_quote_that_never_ends_takes_no_other_command_with_it(tmp_path: Path) -> None:
    first, second, third = remedy(tmp_path, "echo don't\ndate\nkubectl get pods")
    assert first.status is Status.NOT_RUNNABLE
    assert first.why.startswith("not a complete command")
    assert (second.status, third.status) == (Status.RUNNABLE, Status.RUNNABLE)


@pytest.mark.parametrize(
    ("text", "programs"),
    [
        ("a | b && c; d", ["a", "b", "c", "d"]),
        ("x \"$(a `b`)\" '$(no)'", ["b", "a", "x"]),
        ("A=1 B=2 a >x 2>&1 <y", ["a"]),
        ("if a; then b; fi", ["a", "b"]),
        ("while read -r x; do b; done", ["read", "b"]),
        ("for x in a b; do c; done", ["c"]),
        ("cat <<EOF | a\n$(no) no\nEOF\nb", ["cat", "a", "b"]),
        ("diff <(a) <(b)", ["a", "b", "diff"]),
        ("f() { a; }; f", ["a", "f"]),
        ("a # b", ["a"]),
        ("( a )", ["a"]),
    ],
)
def test_the_programs_that_a_text_starts(text: str, programs: list[str]) -> None:
    assert [each.program for each in scan.simples(text) if each.program] == programs


@pytest.mark.parametrize("text", ["$(" * 5000, "`" * 5001, "((((", "'", '"$(', "case x in", "<<A", "\\", "${", "a |"])
def test_any_text_can_be_read(text: str) -> None:
    scan.simples(text)
    assert not scan.whole(text)
