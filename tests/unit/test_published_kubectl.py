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
    ],
)
def test_what_a_command_names(command: str, named: list[tuple[str, str | None]]) -> None:
    (simple,) = scan.simples(command)
    found = kubectl.call(simple).target
    assert [(kind, None if name is None else name.plain) for kind, name in found] == named
