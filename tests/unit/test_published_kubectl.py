"""What a kubectl command names: the kind and the name of each object."""

import pytest

from promdrill.runbook.published import kubectl, scan


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("kubectl delete pod a b", [("pod", "a"), ("pod", "b")]),
        ("kubectl label node a b disk=ssd old-", [("node", "a"), ("node", "b")]),
        ("kubectl get pods", [("pods", None)]),
        ("kubectl rollout restart deploy/a sts/b", [("deploy", "a"), ("sts", "b")]),
        ("kubectl get", []),
        ("kubectl logs a -c prometheus", [("pod", "a")]),
        ("kubectl exec deploy/a -- df", [("deploy", "a")]),
        ("kubectl port-forward svc/a 9090", [("svc", "a")]),
        ("kubectl cp a:/data .", []),
        ("kubectl logs -l app=a", []),
        ("kubectl apply -f a.yaml", []),
        ("kubectl cluster-info", []),
        ("kubectl wait-for something else", []),
        ("kubectl drain a", []),
        ("kubectl config view a", []),
        ("kubectl rollout status", []),
    ],
)
def test_what_a_command_names(command: str, named: list[tuple[str, str | None]]) -> None:
    (simple,) = scan.simples(command)
    found = kubectl.call(simple).target
    assert [(kind, None if name is None else name.plain) for kind, name in found] == named


def called(command: str) -> kubectl.Call:
    (simple,) = scan.simples(command)
    return kubectl.call(simple)


@pytest.mark.parametrize(
    ("command", "verb", "rest"),
    [
        ("kubectl", "", []),
        ("kubectl get pods a", "get", ["pods", "a"]),
        ("kubectl rollout", "rollout", []),
        ("kubectl rollout restart deploy", "rollout restart", ["deploy"]),
        ("kubectl set image deploy", "set image", ["deploy"]),
        ("kubectl auth can-i get", "auth can-i", ["get"]),
        ("kubectl config view", "config view", []),
        ("oc adm top pods", "adm top", ["pods"]),
        ("kubectl create configmap a", "create", ["configmap", "a"]),
        ("kubectl cp - a:/x", "cp", ["-", "a:/x"]),
        ("kubectl logs -p a", "logs", ["a"]),
        ("kubectl logs a -p -c b", "logs", ["a"]),
        ("kubectl logs -f a", "logs", ["a"]),
        ("kubectl patch pvc a -p {}", "patch", ["pvc", "a"]),
        ("kubectl -f a.yaml apply", "apply", []),
        ("kubectl exec a -- df -h", "exec", ["a"]),
    ],
)
def test_the_verb_and_what_is_no_option(command: str, verb: str, rest: list[str]) -> None:
    found = called(command)
    assert (found.verb, [word.plain for word in found.rest]) == (verb, rest)


def test_what_follows_two_dashes_is_run_inside() -> None:
    assert [word.plain for word in called("kubectl exec -it a -- df -h").inside] == ["df", "-h"]
    assert list(called("kubectl exec -it a -- df -h").options) == ["it"]
    assert called("kubectl exec a").inside == ()


@pytest.mark.parametrize(
    ("command", "value", "words"),
    [
        ("kubectl get pods -n a", "a", ["a"]),
        ("kubectl get pods --namespace a -n b", "b", ["b", "a"]),
        ("kubectl get pods --namespace=a=b", "a=b", ["a=b"]),
        ("kubectl get pods --namespace a --namespace b", "a", ["a", "b"]),
        ("kubectl get pods -na", "", ["a"]),
        ("kubectl get pods -n", "", []),
        ("kubectl get pods --namespace", "", []),
        ("kubectl get pods", None, []),
    ],
)
def test_the_value_of_an_option(command: str, value: str | None, words: list[str]) -> None:
    found = called(command)
    assert found.value("n", "namespace") == value
    given = found.value_words("n", "namespace")
    assert [word.raw for word in given] == words
    assert [command[word.start : word.end] for word in given] == words


def test_oc_adm_is_kubectl_without_adm() -> None:
    found = kubectl.without_adm(called("oc adm drain a"))
    assert (found.verb, [word.plain for word in found.head]) == ("drain", ["drain", "a"])
    assert kubectl.without_adm(called("oc get pods")) == called("oc get pods")
