"""What was typed and what was printed: prompts, output, continued lines, here-documents, languages."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.published_world import judged, remedy

from promdrill.runbook.published import scan
from promdrill.runbook.published.document import Code
from promdrill.runbook.published.judged import Status
from promdrill.runbook.published.prompts import LONGEST_LINES, begins, typed


def texts(block: str, language: str = "") -> list[str]:
    return [each.text for each in typed(Code(language, tuple(block.split("\n")), 1))]


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


@pytest.mark.parametrize(
    ("block", "language", "commands"),
    [
        ("$ kubectl get pods", "text", ["kubectl get pods"]),
        ("kubectl get pods", "text", []),
        ("\nkubectl get pods", "", ["kubectl get pods"]),
        ("NAME  READY\nkubectl get pods", "", []),
        ("\tkubectl get pods", "bash", ["\tkubectl get pods"]),
        ("\tkubectl get pods\n\tkubectl get pvc", "", ["\tkubectl get pods", "\tkubectl get pvc"]),
        ("cat <<-EOF\n\ta\n\tEOF\ndate", "bash", ["cat <<-EOF\n\ta\n\tEOF", "date"]),
        ("\tcat <<-EOF\n\t\ta\n\t\tEOF\n\tdate", "bash", ["\tcat <<-EOF\n\t\ta\n\t\tEOF", "\tdate"]),
        ("$ cat <<-EOF\n> \ta\n> \tEOF\n$ date", "console", ["cat <<-EOF\n\ta\n\tEOF", "date"]),
        ("$ date\n\t\tkubectl get pods", "console", ["date"]),
        ("$(date)", "bash", ["$(date)"]),
        ("date\n# why\ndate -u", "bash", ["date", "date -u"]),
        ("see() {\n  date\n}\nsee a", "bash", ["see() {\n  date\n}", "see a"]),
        ("kubectl get pods\nNAME  READY\n\ndate", "", ["kubectl get pods", "date"]),
        ("kubectl get pods\ndate", "", ["kubectl get pods"]),
        ("kubectl get pods\nkubectl get pvc", "", ["kubectl get pods", "kubectl get pvc"]),
        ("$ glue use prod", "console", ["glue use prod"]),
        ("$ glue use prod", "", []),
        ("[root@host ~]# kubectl get pods", "bash", ["kubectl get pods"]),
        ("NAME\n$ date", "console", ["date"]),
        ("$ date\nMonday\nkubectl get pods", "console", ["date", "kubectl get pods"]),
        ("$ date\n       kubectl get pods", "console", ["date", "kubectl get pods"]),
        ("$ date\n        kubectl get pods", "console", ["date"]),
        ("$ cat <<EOF\n> a > b\n> EOF", "console", ["cat <<EOF\na > b\nEOF"]),
        ("cat <<EOF\n> a\nEOF", "bash", ["cat <<EOF\n> a\nEOF"]),
        ("$ echo 'a\n$ date", "console", ["echo 'a", "date"]),
        ("echo 'a\nb", "bash", ["echo 'a\nb"]),
        ("echo 'a\nb\nc", "bash", ["echo 'a"]),
        ("date \\\n  -u \\\n  -R \\", "bash", ["date \\\n  -u \\\n  -R \\"]),
    ],
)
def test_what_is_a_command_of_a_block(block: str, language: str, commands: list[str]) -> None:
    assert texts(block, language) == commands


def test_a_command_has_at_most_so_many_lines() -> None:
    longest = "\n".join(["echo 'a", *["b"] * (LONGEST_LINES - 1), "c'"])
    assert LONGEST_LINES == 80
    assert texts(longest, "bash") == [longest]
    assert texts(longest.replace("c'", "b\nc'"), "bash") == ["echo 'a"]


def test_after_one_that_never_ends_less_is_waited_for() -> None:
    whole = "\n".join(["cat <<EOF", *["x"] * 7, "EOF"])
    assert texts(f"echo don't\n{whole}", "bash") == ["echo don't", whole]
    longer = whole.replace("x", "x\nx", 1)
    assert texts(f"echo don't\n{longer}", "bash") == ["echo don't", "cat <<EOF"]


def test_the_place_in_a_prompt_is_kept_and_blank_lines_below_output_are_not() -> None:
    first, second = typed(Code("console", ("sh-4.4$ date", "Monday", "", " ", "/data $ date"), 3))
    assert (first.elsewhere, first.output, second.elsewhere, second.line) == ("sh-4.4", ("Monday",), "/data", 7)


@pytest.mark.parametrize(
    "line", ["for x in a", "x=1", "export A=b", "see() {", '"kubectl" get pods', "A=b kubectl get"]
)
def test_what_a_command_begins_with(line: str) -> None:
    assert begins(line)


@pytest.mark.parametrize("line", ["", "date: today", "kubectl = x", "sum(up)", "NAME  READY", "glue use prod"])
def test_what_no_command_begins_with(line: str) -> None:
    assert not begins(line)


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
