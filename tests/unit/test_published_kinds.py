"""Words that name kinds of objects, commands of oc, and programs."""

from __future__ import annotations

import pytest

from promdrill.runbook.published import kinds, oc, tools


@pytest.mark.parametrize(
    ("word", "kind"),
    [("sts", "StatefulSet"), ("STS", "StatefulSet"), ("statefulsets.apps", "StatefulSet"), ("routes", None)],
)
def test_the_kind_that_a_word_names(word: str, kind: str | None) -> None:
    assert kinds.kind_of(word) == kind


def test_kinds_that_a_drill_does_not_have() -> None:
    assert kinds.unknown("pods,routes,,vm") == ("routes", "vm")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), ("oc: is no command of kubectl", "")),
        (("get",), ("", "")),
        (("get", "pods"), ("", "")),
        (("uncordon", "a"), ("", "")),
        (("adm", "top"), ("", "")),
        (("adm",), ("oc adm: an administrator's command of OpenShift", "")),
        (("adm", "inspect"), ("oc adm inspect: an administrator's command of OpenShift", "")),
        (("rsh", "a"), ("oc rsh: opens a shell", "kubectl exec POD -- COMMAND")),
    ],
)
def test_commands_of_oc(words: tuple[str, ...], said: tuple[str, str]) -> None:
    assert oc.refusal(words) == said


@pytest.mark.parametrize("word", ["oc", "cd", "awk", "mkdir", "ssh"])
def test_names_of_programs(word: str) -> None:
    assert tools.known(word)
    assert not tools.known(f"{word}-x")


@pytest.mark.parametrize(
    ("program", "arguments", "fed", "said"),
    [
        ("", (), False, ""),
        ("kubectl", ("/etc/x",), False, ""),
        ("cd", ("/etc",), False, ""),
        ("grep", ("/etc/x",), True, ""),
        ("cat", ("a", "b"), False, ""),
        ("cat", ("a", "/dev/null"), False, ""),
        ("cat", ("a", "/etc/b"), False, "cat /etc/b: outside of the drill's own folder"),
        ("less", ("a",), True, ""),
        ("less", ("a",), False, "less: waits for a person at a terminal"),
        ("more", (), False, "more: waits for a person at a terminal"),
        ("curl", ("-s", "http://localhost:9090/x"), False, ""),
        ("wget", ("127.0.0.1/x",), False, ""),
        ("curl", ("http://localhost.example/x",), False, "curl: asks the network"),
        ("ssh", ("localhost",), False, "ssh: acts on a machine, not on the drill's cluster"),
        ("~/fix", (), False, "~/fix: a program that comes with the runbook"),
        ("fix", (), False, "fix: a program that a drill does not know"),
    ],
)
def test_what_a_drill_starts(
    program: str, arguments: tuple[str, ...], fed: bool, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    assert tools.refusal(program, arguments, fed=fed, allowed=frozenset()) == said


def test_what_the_user_allows_may_leave_the_folder() -> None:
    for program in ("rm", "made-up"):
        assert tools.refusal(program, ("/etc/x",), fed=False, allowed=frozenset({program})) == ""
