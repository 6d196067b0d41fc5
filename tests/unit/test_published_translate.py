"""A published command as a drill runs it, or why it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.published_world import only, remedy

from promdrill.runbook.published.judged import Status


@pytest.mark.parametrize(
    ("command", "run"),
    [
        ("oc get pods", "kubectl get pods"),
        ("oc adm top pods", "kubectl top pods"),
        ("oc adm drain <node> --ignore-daemonsets", "kubectl drain ⟦node⟧ --ignore-daemonsets"),
        ("k get pods", "kubectl get pods"),
        ("kubectl exec -it <pod> -- df -h", "kubectl exec ⟦pod⟧ -- df -h"),
        ("kubectl exec -ti <pod> -- df -h", "kubectl exec ⟦pod⟧ -- df -h"),
        ("kubectl exec -i -t <pod> -- df -h", "kubectl exec ⟦pod⟧ -- df -h"),
        ("kubectl exec --stdin --tty <pod> -- df -h", "kubectl exec ⟦pod⟧ -- df -h"),
        ("cat x | kubectl exec -it <pod> -- sh", "cat x | kubectl exec -i ⟦pod⟧ -- sh"),
        ("kubectl run a -it --rm --image=b -- date", "kubectl run a -i --rm --image=b -- date"),
        ("kubectl logs -f <pod>", "kubectl logs ⟦pod⟧"),
        ("kubectl get pods -w", "kubectl get pods"),
        ("kubectl --context prod get pods", "kubectl get pods"),
        ("kubectl -n monitoring get pods", "kubectl -n ⟦namespace⟧ get pods"),
        ("kubectl --namespace=monitoring get pods", "kubectl --namespace=⟦namespace⟧ get pods"),
        ("kubectl -nmonitoring get pods", "kubectl -n⟦namespace⟧ get pods"),
        ("kubectl rollout restart deploy/prometheus-server", "kubectl rollout restart deploy/⟦workload⟧"),
        ("kubectl get pvc prometheus-server", "kubectl get pvc ⟦claim⟧"),
        ("kubectl logs <pod> -c prometheus-server", "kubectl logs ⟦pod⟧ -c prometheus-server"),
        (
            "helm upgrade prom prometheus-community/prometheus -n monitoring -f my.yaml --set a=b",
            "helm upgrade ⟦release⟧ ⟦chart⟧ -n ⟦namespace⟧ -f ⟦values⟧ --set a=b",
        ),
        ("helm rollback prom 1", "helm rollback ⟦release⟧ --namespace ⟦namespace⟧ 1"),
        ("helm get values prom", "helm get values ⟦release⟧ --namespace ⟦namespace⟧"),
        ("x=$(oc get pods | grep a)", "x=$(kubectl get pods | grep a)"),
        ("kubectl port-forward svc/a 9090:80 &", "kubectl port-forward svc/a 9090:80 &"),
        ("kubectl -n kube-system get pods", "kubectl -n kube-system get pods"),
        ("rm -f values.new", "rm -f values.new"),
    ],
)
def test_what_is_run_instead(tmp_path: Path, command: str, run: str) -> None:
    found = only(tmp_path, command)
    assert (found.status, found.command, found.why) == (Status.RUNNABLE, run, "")


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("kubectl edit pvc a", "kubectl edit: waits for a person in an editor"),
        ("oc adm must-gather", "oc adm must-gather: an administrator's command of OpenShift"),
        ("oc project a", "oc project: changes the namespace"),
        ("oc rsh a", "oc rsh: opens a shell"),
        ("oc login a", "oc login: logs in to another cluster"),
        ("oc debug node/a", "oc debug: opens a shell"),
        ("kubectl rsh a", "kubectl rsh: is no command of kubectl"),
        ("kubectl exec -it a -- bash", "kubectl exec: opens a shell"),
        ("kubectl exec -it a", "kubectl exec: names no command"),
        ("kubectl debug -it a --image=b", "kubectl debug: opens a shell"),
        ("kubectl debug node/a --image=b", "kubectl debug: opens a shell"),
        ("kubectl port-forward svc/a 9090:80", "kubectl port-forward: runs until it is interrupted"),
        ("kubectl apply -f pvc.yaml", "pvc.yaml: a file that comes with no command"),
        ("kubectl apply -f https://x/y.yaml", "https://x/y.yaml: is fetched from the network"),
        ("kubectl get routes", "routes: a kind of object that a drill's cluster does not have"),
        ("kubectl config use-context a", "kubectl config use-context: changes which cluster is meant"),
        ("kubectl attach a", "kubectl attach: waits for a person"),
        ("helm upgrade a other/chart", "other/chart: another chart than the drill's"),
        ("aws s3 ls", "aws: asks a cloud"),
        ("ssh node", "ssh: acts on a machine"),
        ("sudo systemctl restart kubelet", "sudo: acts on a machine"),
        ("kubectl get pods | xargs ssh", "ssh: acts on a machine"),
        ("$(ssh a)", "ssh: acts on a machine"),
        ("virtctl stop a", "virtctl: is another tool"),
        ("made-up --now", "made-up: a program that a drill does not know"),
        ("./fix.sh", "./fix.sh: a program that comes with the runbook"),
        ("rm -rf /var/lib/prometheus", "rm /var/lib/prometheus: outside of the drill's own folder"),
        ("rm -rf ../x", "rm ../x: outside of the drill's own folder"),
        ("rm -rf ~/x", "rm ~/x: outside of the drill's own folder"),
        ("echo x > /etc/hosts", "writes /etc/hosts: outside of the drill's own folder"),
        ("curl https://x/y", "curl: asks the network"),
        ("curl x | bash", "curl: asks the network"),
        ("echo x | bash", "bash: runs a program that the runbook does not show"),
        ("vi a", "vi: waits for a person at a terminal"),
        ("watch kubectl get pods", "watch: waits for a person at a terminal"),
        ("tail -f x", "tail -f: never ends"),
        ("tail -f x >/etc/passwd", "tail -f: never ends"),
        ("cat /proc/mdstat", "cat /proc/mdstat: outside of the drill's own folder"),
        ("read answer", "read: waits for a person at a terminal"),
        ("kubectl patch pvc a -p \u2018{}\u2019", "has typographic quotes"),
        ("if true; then", "not a complete command"),
    ],
)
def test_what_is_not_run(tmp_path: Path, command: str, why: str) -> None:
    found = only(tmp_path, command)
    assert found.status is Status.NOT_RUNNABLE
    assert found.why.startswith(why)
    assert found.command == ""
    assert found.hint.startswith("[answers] 4 = ")


@pytest.mark.parametrize("command", ["helm repo add a https://x", "helm repo update", "exit"])
def test_what_a_drill_does_not_miss_is_left_out(tmp_path: Path, command: str) -> None:
    assert only(tmp_path, command).status is Status.LEFT_OUT


def test_jq_is_run_where_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "bin" / "jq"
    tool.parent.mkdir()
    monkeypatch.setattr("shutil.which", lambda name: str(tool) if name == "jq" and tool.exists() else None)
    assert only(tmp_path, "jq . x").why == "jq: another tool, which is not installed here"
    tool.touch()
    assert only(tmp_path, "jq . x").status is Status.RUNNABLE


def test_a_tool_that_the_user_allows_is_run(tmp_path: Path) -> None:
    assert only(tmp_path, "amtool silence", 'tools = ["amtool"]\n').status is Status.RUNNABLE


def test_a_namespace_that_a_drill_does_not_have_needs_a_value(tmp_path: Path) -> None:
    found = only(tmp_path, "kubectl -n infra get pods")
    assert (found.status, found.why) == (Status.NEEDS_VALUE, "namespace infra is none that a drill has")
    assert only(tmp_path, "kubectl -n infra get pods", '[words]\ninfra = "{namespace}"\n').status is Status.RUNNABLE
    assert remedy(tmp_path, "kubectl create namespace infra\nkubectl -n infra get pods")[1].status is Status.RUNNABLE


def test_the_patch_to_write_instead_of_an_edit_is_of_the_field_that_is_described(tmp_path: Path) -> None:
    text = "kubectl -n <ns> edit pvc <pvc>\n```\n\nSet `.spec.resources.requests.storage` to more.\n\n```yaml"
    found = only(tmp_path, text)
    patch = '{"spec": {"resources": {"requests": {"storage": "{new_size}"}}}}'
    assert found.instead == f"kubectl patch pvc {{claim}} --namespace {{namespace}} --type=merge --patch '{patch}'"
    again = only(tmp_path, text, f"[answers]\n4 = '''{found.instead}'''\n")
    assert again.status is Status.RUNNABLE
    assert again.command.endswith("""--patch '{"spec": {"resources": {"requests": {"storage": "⟦new_size⟧"}}}}'""")


def test_what_is_typed_in_a_shell_that_a_command_opens_is_not_run_here(tmp_path: Path) -> None:
    block = "$ oc rsh <pod>\n$ rm -rf /data/wal\n$ exit\n$ kubectl get pods"
    found = remedy(tmp_path, block, language="console")
    assert [(each.line, each.status) for each in found] == [
        (4, Status.NOT_RUNNABLE),
        (5, Status.NOT_RUNNABLE),
        (7, Status.RUNNABLE),
    ]
    assert found[1].why == "typed in the shell that line 4 opens"
    assert only(tmp_path, "sh-4.4# rm -rf /data", language="console").why.startswith("typed in the shell")
    assert only(tmp_path, "/data $ rm -rf wal", language="console").why.startswith("typed in the shell")
    assert only(tmp_path, "/home/me $ kubectl get pods", language="console").status is Status.RUNNABLE


def test_a_file_that_an_earlier_command_writes_is_there(tmp_path: Path) -> None:
    _, second = remedy(tmp_path, "cat <<EOF > pvc.yaml\nkind: x\nEOF\nkubectl apply -f pvc.yaml")
    assert second.status is Status.RUNNABLE


def test_a_function_of_the_runbook_is_a_program(tmp_path: Path) -> None:
    _, second = remedy(tmp_path, "see() {\n  date\n}\nsee")
    assert second.status is Status.RUNNABLE
