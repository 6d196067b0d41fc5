"""What a kubectl command names: the kind and the name of each object."""

import re

import pytest

from promdrill.runbook.published import kubectl, options, scan


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
        ("kubectl get pods -na", "a", ["a"]),
        ("kubectl get pods -n=a", "a", ["a"]),
        ("kubectl get pods -na=b", "a=b", ["a=b"]),
        ("kubectl get pods -An a", "a", ["a"]),
        ("kubectl get pods -n", None, []),
        ("kubectl get pods -n=", None, []),
        ("kubectl get pods --namespace", None, []),
        ("kubectl get pods --namespace=", None, []),
        ("kubectl get pods '-na'", None, []),
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


@pytest.mark.parametrize("program", ["kubectl", "oc", "helm"])
def test_every_option_with_a_value_takes_the_next_word_and_leaves_the_rest(program: str) -> None:
    known = options.of(program)
    commands = {name: known.only_in.get(name, ("status",))[0] for name in known.valued}
    for name, command in commands.items():
        dashes = "-" * min(2, len(name))
        for given in (f"{dashes}{name} its", f"{dashes}{name}=its", *([f"-{name}its"] if dashes == "-" else [])):
            found = called(f"{program} {command} {given} rest")
            assert [word.plain for word in found.head] == [*command.split(), "rest"], given
            assert [word.raw for word in found.value_words(name)] == ["its"], given


@pytest.mark.parametrize(
    ("command", "head"),
    [
        ("kubectl logs -f a", "logs a"),
        ("kubectl logs -p a", "logs a"),
        ("kubectl logs --prefix a", "logs a"),
        ("kubectl set env --prefix X_ deploy/a", "set env deploy/a"),
        ("kubectl get -w pods", "get pods"),
        ("kubectl proxy -w /srv", "proxy"),
        ("kubectl top pod --containers a", "top pod a"),
        ("oc adm top pod --containers a", "adm top pod a"),
        ("kubectl set env --containers a deploy/b", "set env deploy/b"),
        ("kubectl config view --raw x", "config view x"),
        ("kubectl get --raw /healthz", "get"),
        ("kubectl run a --command date", "run a date"),
        ("kubectl apply --dry-run a", "apply a"),
        ("kubectl run -it a", "run a"),
        ("kubectl get pods -Aowide a", "get pods a"),
        ("helm --kube-context prod list", "list"),
        ("helm list -d prom", "list prom"),
        ("helm list -m 5", "list"),
        ("helm pull -d out chart", "pull chart"),
        ("helm search repo -l prom", "search repo prom"),
        ("helm list -l a=b", "list"),
        ("helm get values -a prom", "get values prom"),
        ("helm template -a v1 prom chart", "template prom chart"),
        ("helm install --server-side prom chart", "install prom chart"),
        ("helm upgrade --server-side auto prom chart", "upgrade prom chart"),
        ("helm upgrade --dry-run --wait prom chart", "upgrade prom chart"),
    ],
)
def test_an_option_takes_a_value_in_the_commands_that_have_it_so(command: str, head: str) -> None:
    assert " ".join(word.plain for word in called(command).head) == head


@pytest.mark.parametrize(
    ("command", "elsewhere"),
    [
        ("kubectl -s https://a get pods", ["-s https://a"]),
        ("kubectl --server=https://a --token b get pods", ["--server=https://a", "--token b"]),
        ("kubectl --insecure-skip-tls-verify get pods", ["--insecure-skip-tls-verify"]),
        ("kubectl create clusterrolebinding a --clusterrole=b --user=c", []),
        ("kubectl set subject rolebinding a --user c", []),
        ("helm --kube-apiserver https://a --kube-token b list", ["--kube-apiserver https://a", "--kube-token b"]),
        ("helm template -s templates/a.yaml prom chart", []),
        ("helm pull chart --username a --password b", []),
    ],
)
def test_options_that_lead_to_another_cluster(command: str, elsewhere: list[str]) -> None:
    assert [" ".join(word.raw for word in words) for words in called(command).elsewhere] == elsewhere


@pytest.mark.parametrize("program", ["kubectl", "helm"])
def test_every_known_option_is_a_whole_name(program: str) -> None:
    known = options.of(program)
    assert [
        name for name in known.valued | known.elsewhere if not re.fullmatch(r"[a-zA-Z]|[a-z]+(-[a-z]+)*", name)
    ] == []
    assert known.switch_in.keys() | known.only_in.keys() <= known.valued
    assert known.own_in.keys() <= known.elsewhere
