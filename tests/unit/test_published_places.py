"""Placeholders: found in all the ways in which they are written, and bound by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.published_world import only, remedy

from promdrill.core.errors import UsageError
from promdrill.runbook import facts
from promdrill.runbook.published.judged import Status
from promdrill.runbook.published.places import Place, find, sets, unsaid


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("kubectl delete pod <pod-name>", ["pod-name"]),
        ("kubectl -n <namespace label from alert> get pods", ["namespace label from alert"]),
        ("kubectl logs {{ pod }} -n {{namespace}}", ["pod", "namespace"]),
        ("helm upgrade {{ .Release.Name }} x", ["release"]),
        ("kubectl get pod {{ $labels.pod }}", ["pod"]),
        ("kubectl -n $NS logs ${POD}", ["NS", "POD"]),
        ("kubectl -n YOUR_NAMESPACE get pods", ["NAMESPACE"]),
        ("kubectl -n your-namespace get pvc my-pvc", ["namespace", "pvc"]),
        ("kubectl get pod POD_NAME", ["POD_NAME"]),
        ("kubectl get pod [pod-name]", ["pod-name"]),
        ("kubectl delete pod web-xxxxx", ["web-xxxxx"]),
        ("kubectl get pod/<pod>", ["pod"]),
        ("curl node:<port>/x", ["port"]),
        ("kubectl -n ... get pods", ["..."]),
        ("""jq '.a=="<my-pvc>"'""", ["my-pvc"]),
        ("kubectl get pod {{ pod }}{{ ns }}", ["pod", "ns"]),
        ("kubectl get vm [vm-name] [pod]", ["vm-name", "pod"]),
        ("kubectl get x MY_THING your-thing", ["THING", "thing"]),
        ("{{ .Release.Namespace }} {{ thing }}", ["namespace", "thing"]),
        ("cat <<   POD", ["POD"]),
    ],
)
def test_placeholders(command: str, names: list[str]) -> None:
    assert [place.name for place in find(command)] == names


@pytest.mark.parametrize(
    "command",
    [
        "promtool check rules < rules.yaml",
        "sort <in.txt >out.txt",
        "cat <<EOF\nx\nEOF",
        "grep '<none>' x",
        "kubectl get pods -o go-template='{{range .items}}{{.metadata.name}}{{end}}'",
        "kubectl get pods -o jsonpath='{.items[0].metadata.name}'",
        "grep '[a-z]' x",
        "[ -f x ] && [[ a == b ]]",
        "curl -X POST x",
        "echo '$NS'",
        "for x in 1; do echo $x; done",
        'NS=a; echo "$NS"',
        "echo $HOME ${X:-1} $?",
        "kubectl get pods -o custom-columns=NODE:.spec.nodeName",
        "awk '{ print $1 }' x",
        "cat <<  POD",
        "echo 'POD' 'a ... b'",
        "grep '<1>' x",
        "kubectl get x my-app",
        "echo {{ .Values.x }} {{ range }}",
        "echo $RANDOM",
    ],
)
def test_what_is_no_placeholder(command: str) -> None:
    assert find(command) == ()


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("prometheus-pod-name", "pod"),
        ("PVC_NAME", "claim"),
        ("persistentvolumeclaim label from alert", "claim"),
        ("value of namespace label from alert", "namespace"),
        ("podName", "pod"),
        ("podname", "pod"),
        ("storage-class-name", "class"),
        ("new size", "new_size"),
        ("alertmanager-pod", None),
        ("vm-name", None),
        ("containerID", None),
        ("name", None),
        ("virt-operator-pod", None),
    ],
)
def test_what_a_name_asks_for(name: str, fact: str | None) -> None:
    assert facts.named(name) == fact


def test_a_drill_puts_its_own_values_there_whatever_the_quotes(tmp_path: Path) -> None:
    found = only(tmp_path, """kubectl -n $NS get pvc -o json | jq '.x=="<pvc>"' "{{ pod }}\"""")
    assert found.status is Status.RUNNABLE
    known = {"namespace": "drill", "claim": "data", "pod": "web-0"}
    assert facts.filled(found.command, known) == """kubectl -n drill get pvc -o json | jq '.x=="data"' "web-0\""""
    assert facts.asked(found.command) == ("namespace", "claim", "pod")


def test_what_nothing_binds_is_listed_with_its_line(tmp_path: Path) -> None:
    first, second = remedy(tmp_path, "date\nkubectl delete vm <vm-name> -n $SOMEWHERE", beside='[words]\nvm = "pod"\n')
    assert (first.status, second.status, second.line) == (Status.RUNNABLE, Status.NEEDS_VALUE, 5)
    assert second.unbound == ("vm-name", "SOMEWHERE")
    assert second.hint == "--bind vm-name=VALUE"


def test_values_come_from_the_command_line_then_from_the_file_then_from_the_drill(tmp_path: Path) -> None:
    command, file = "kubectl get pod <pod> -n <ns> --context <x>", '[values]\npod = "filed"\n"<x>" = "{node}"\n'
    assert only(tmp_path, command, file, pod="bound").command == "kubectl get pod bound -n ⟦namespace⟧"
    assert only(tmp_path, command, file).command == "kubectl get pod filed -n ⟦namespace⟧"


def test_a_variable_that_the_runbook_sets_is_no_placeholder(tmp_path: Path) -> None:
    _, second = remedy(tmp_path, "POD=$(kubectl get pods -o name | head -n 1)\nkubectl delete $POD")
    assert second.command == "kubectl delete $POD"


def test_one_that_is_set_only_by_what_is_not_run_is_one(tmp_path: Path) -> None:
    first, second = remedy(tmp_path, "POD=$(ssh host cat pod)\nkubectl delete pod $POD")
    assert (first.status, second.command) == (Status.NOT_RUNNABLE, "kubectl delete pod ⟦pod⟧")


def test_a_word_that_is_assigned_to_such_a_name_is_an_example(tmp_path: Path) -> None:
    first, second, third = remedy(tmp_path, "export NAMESPACE=monitoring\nPOD='web-0'\nCOLOUR=red")
    assert (first.command, second.command) == ("export NAMESPACE=⟦namespace⟧", "POD='⟦pod⟧'")
    assert third.command == "COLOUR=red"


def test_a_part_of_a_variable_cannot_be_replaced(tmp_path: Path) -> None:
    found = only(tmp_path, "echo ${POD%-*}")
    assert (found.status, found.unbound) == (Status.NEEDS_VALUE, ("POD",))
    assert found.hint.startswith("[answers] 4 = ")


def test_what_a_drill_does_not_have_is_one_error() -> None:
    with pytest.raises(UsageError, match="this drill has no claim"):
        facts.filled("kubectl get pvc ⟦claim⟧", {})


def test_a_placeholder_knows_its_place() -> None:
    assert find("echo ${POD%-*} ${NS} <pvc>") == (
        Place("${POD...}", "POD", 5, 10, replaceable=False),
        Place("${NS}", "NS", 15, 20),
        Place("<pvc>", "pvc", 21, 26),
    )
    assert find("echo $NS", known={"NS"}) == ()


def test_the_variables_that_a_command_sets() -> None:
    text = "export A=1; B+=2 x; for C in a; do read -r D E; printf -v F x; done; echo ${G:=1} $H"
    assert sets(text) == set("ABCDEFG")


def test_what_is_not_said_yet_is_marked() -> None:
    assert unsaid("kubectl -n <ns> get pvc <pvc> x") == "kubectl -n ⟦x⟧ get pvc ⟦x⟧ x"


def test_facts_in_commands() -> None:
    command = facts.referring("a {pod} {colour} {new_size}")
    assert command == "a ⟦pod⟧ {colour} ⟦new_size⟧"
    assert facts.asked(command + command) == ("pod", "new_size")
    assert facts.plain(command) == "a pod {colour} new-size"
    assert facts.readable(command) == "a {pod} {colour} {new_size}"
    with pytest.raises(UsageError, match="this drill has no new size") as caught:
        facts.filled(command, {"pod": "web-0", "new_size": ""})
    assert caught.value.hint.startswith("--bind new_size=VALUE")
