"""A published command as a drill runs it, or why it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.published_world import only, remedy

from promdrill.runbook.published.judged import Status
from promdrill.runbook.published.translate import changed_files, translated


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
        ("'kubectl' get pods", "'kubectl' get pods"),
        ("if true; then\n  kubectl get pods -w\nfi", "if true; then\n  kubectl get pods\nfi"),
        ("kubectl get pods --watch; date", "kubectl get pods ; date"),
        ("kubectl get pods --watch-only", "kubectl get pods"),
        ("kubectl logs --follow <pod>", "kubectl logs ⟦pod⟧"),
        ("cat x | kubectl apply -f -", "cat x | kubectl apply -f -"),
        ("kubectl apply -f <manifests>", "kubectl apply -f ⟦manifests⟧"),
        ("for f in a b; do kubectl apply -f $f; done", "for f in a b; do kubectl apply -f $f; done"),
        ("kubectl explain routes", "kubectl explain routes"),
        ("kubectl get cm prometheus-server", "kubectl get cm prometheus-server"),
        ("kubectl get svc prometheus-server", "kubectl get svc ⟦service⟧"),
        ("kubectl get sts prometheus-server", "kubectl get sts ⟦workload⟧"),
        ("kubectl exec <pod> df -h", "kubectl exec ⟦pod⟧ df -h"),
        ("kubectl exec <pod> -- sh -c 'date'", "kubectl exec ⟦pod⟧ -- sh -c 'date'"),
        ("kubectl run a --image=b", "kubectl run a --image=b"),
        ("kubectl run a --image=b -- sh", "kubectl run a --image=b -- sh"),
        ("date | kubectl run -i a --image=b", "date | kubectl run -i a --image=b"),
        ("kubectl debug <pod> --image=b", "kubectl debug ⟦pod⟧ --image=b"),
        ("kubectl debug --image=b", "kubectl debug --image=b"),
        ("kubectl debug node/a --image=b -- df", "kubectl debug node/a --image=b -- df"),
        ("timeout 5 oc get pods", "timeout 5 kubectl get pods"),
        ("timeout 5 kubectl exec -it <pod> -- sh", "timeout 5 kubectl exec -i ⟦pod⟧ -- sh"),
        ("kubectl port-forward svc/a \\\n  9090:80 &", "kubectl port-forward svc/a \\\n  9090:80 &"),
        ("kubectl port-forward svc/a 9090:80 >log 2>&1 & date", "kubectl port-forward svc/a 9090:80 >log 2>&1 & date"),
        ("kubectl port-forward svc/a 80 &>log & date", "kubectl port-forward svc/a 80 &>log & date"),
        ("(kubectl port-forward svc/a 80) & date", "(kubectl port-forward svc/a 80) & date"),
        ("nohup kubectl port-forward svc/a 80 &", "nohup kubectl port-forward svc/a 80 &"),
        ("date | read x", "date | read x"),
        ("exit 1", "exit 1"),
        ("tail x", "tail x"),
        ("grep -f x y", "grep -f x y"),
        ("helm repo update; date", "helm repo update; date"),
        ("helm list", "helm list"),
        ("helm --kube-context=prod list", "helm list"),
        ("helm --kube-context prod list", "helm list"),
        (
            "helm --kube-apiserver https://a --kube-token b status prom -n monitoring",
            "helm status ⟦release⟧ -n ⟦namespace⟧",
        ),
        ("kubectl --client-key a --user b get pods", "kubectl get pods"),
        ("helm show values prometheus-community/prometheus", "helm show values prometheus-community/prometheus"),
        ("helm template prom prometheus-community/prometheus", "helm template ⟦release⟧ ⟦chart⟧"),
        ("helm status prom -n monitoring", "helm status ⟦release⟧ -n ⟦namespace⟧"),
        ("helm upgrade prom somechart", "helm upgrade ⟦release⟧ --namespace ⟦namespace⟧ ⟦chart⟧"),
        ("helm upgrade prom repo/<chart>", "helm upgrade ⟦release⟧ --namespace ⟦namespace⟧ repo/⟦chart⟧"),
        ("helm lint prometheus-community/prometheus x", "helm lint prometheus-community/prometheus x"),
        ("for r in a; do helm status $r; done", "for r in a; do helm status $r --namespace ⟦namespace⟧; done"),
        ("helm status `cat r`", "helm status `cat r` --namespace ⟦namespace⟧"),
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
        ("kubectl exec a -- sh", "kubectl exec: opens a shell"),
        ("kubectl exec a -- top", "top: waits for a person at a terminal"),
        ("kubectl run -it a --image=b", "kubectl run: opens a shell"),
        ("kubectl run -it a --image=b -- sh", "kubectl run: opens a shell"),
        ("kubectl delete pvc a -i", "kubectl delete -i: asks a person"),
        ("kubectl proxy", "kubectl proxy: runs until it is interrupted"),
        ("kubectl port-forward svc/a 9090:80; date &", "kubectl port-forward: runs until it is interrupted"),
        ("kubectl debug -it a --image=b", "kubectl debug: opens a shell"),
        ("kubectl debug node/a --image=b", "kubectl debug: opens a shell"),
        ("kubectl port-forward svc/a 9090:80", "kubectl port-forward: runs until it is interrupted"),
        ("kubectl port-forward svc/a 80 && date", "kubectl port-forward: runs until it is interrupted"),
        ("kubectl port-forward svc/a 80 &>log", "kubectl port-forward: runs until it is interrupted"),
        ("kubectl port-forward svc/a 80 2>&1", "kubectl port-forward: runs until it is interrupted"),
        ("kubectl port-forward svc/a 80 # &", "kubectl port-forward: runs until it is interrupted"),
        ("kubectl port-forward svc/a 80 |& tee log", "kubectl port-forward: runs until it is interrupted"),
        ("kubectl proxy '&'", "kubectl proxy: runs until it is interrupted"),
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
        ("case a in a) date ;; esac", "case: a program that a drill does not know"),
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


@pytest.mark.parametrize(
    ("command", "notes"),
    [
        ("kubectl get pods", ()),
        ("kubectl logs a", ()),
        ("kubectl exec a -- df", ()),
        ("oc get pods; oc get pvc", ("oc is kubectl here",)),
        ("kubectl --context a get pods", ("the option that names a cluster is dropped: there is only the drill's",)),
        ("kubectl exec -it a -- df", ("the terminal (-it) is dropped",)),
        ("kubectl logs -f a", ("the log is read, not followed",)),
        ("kubectl get pods -w", ("it is looked at once, not watched",)),
        ("kubectl -n monitoring get pods", ("namespace monitoring is the drill's",)),
        ("kubectl get pvc prometheus-server", ("prometheus-server is the drill's claim",)),
        ("helm status prom", ("prom is the drill's release",)),
    ],
)
def test_what_is_changed_is_said_once(command: str, notes: tuple[str, ...]) -> None:
    assert tuple(translated(command, command).notes) == notes


@pytest.mark.parametrize(
    ("first", "opens"),
    [
        ("oc rsh a", True),
        ("oc debug node/a", True),
        ("kubectl rsh a", True),
        ("kubectl exec -it a", True),
        ("kubectl exec -it a -- bash", True),
        ("kubectl debug node/a --image=b", True),
        ("oc rsh a -- df", False),
        ("oc login a", False),
        ("kubectl frobnicate a", False),
        ("kubectl edit pvc a", False),
        ("kubectl get pods", False),
    ],
)
def test_which_commands_open_a_shell(first: str, opens: bool) -> None:
    assert translated(first, first).opens is opens


@pytest.mark.parametrize(
    ("command", "instead"),
    [
        ("kubectl edit", """kubectl patch KIND NAME --type=merge --patch '{"spec": {"FIELD": "VALUE"}}'"""),
        ("kubectl edit pvc a", """kubectl patch pvc a --type=merge --patch '{"spec": {"FIELD": "VALUE"}}'"""),
        ("kubectl exec a", "kubectl exec POD -- COMMAND"),
        ("kubectl exec a -- bash", "kubectl exec ... -- bash -c 'COMMAND'"),
        ("kubectl run -it a --image=b", "kubectl run ... -- COMMAND"),
        ("kubectl port-forward svc/a 80", "kubectl port-forward ... & in the same line as what uses it"),
        ("oc rsh a", "kubectl exec POD -- COMMAND"),
        ("kubectl apply -f a.yaml", "write it with a here-document"),
        ("kubectl rsh a", ""),
    ],
)
def test_what_to_write_instead(command: str, instead: str) -> None:
    assert translated(command, command).instead == instead


def test_the_patch_may_be_of_any_field() -> None:
    command = "kubectl edit deploy a"
    found = translated(command, command, prose="Set `spec.replicas` to one.")
    assert found.instead == """kubectl patch deploy a --type=merge --patch '{"spec": {"replicas": "VALUE"}}'"""


def test_the_first_reason_and_the_first_strange_namespace_are_kept() -> None:
    command = "kubectl -n a get pods; kubectl -n b get pods"
    assert translated(command, command).strange == "a"
    command = "kubectl edit -n a routes"
    assert translated(command, command).refused == "kubectl edit: waits for a person in an editor"
    assert translated("oc rsh a; oc get pods", "oc rsh a; oc get pods").text == "oc rsh a; oc get pods"


def test_a_namespace_that_is_still_to_be_filled_in_is_not_strange(tmp_path: Path) -> None:
    found = only(tmp_path, "kubectl -n <somewhere> get pods")
    assert (found.status, found.why) == (Status.NEEDS_VALUE, "nothing says what <somewhere> is")
    assert translated("helm list -n infra", "helm list -n infra").strange == "infra"


def test_values_that_an_earlier_command_writes_are_kept(tmp_path: Path) -> None:
    _, second = remedy(
        tmp_path, "helm get values prom > my.yaml\nhelm upgrade prom prometheus -n monitoring -f my.yaml"
    )
    assert second.command == "helm upgrade ⟦release⟧ ⟦chart⟧ -n ⟦namespace⟧ -f my.yaml"


@pytest.mark.parametrize(
    ("command", "files"),
    [
        ("date > a", ["a"]),
        ("date | tee b", ["b"]),
        ("cp a c", ["c"]),
        ("touch", []),
        ("cat a", []),
        ("kubectl create namespace infra", ["namespace/infra"]),
        ("kubectl create ns infra --dry-run", ["namespace/infra"]),
        ("kubectl create namespace", []),
        ("kubectl delete namespace infra", []),
    ],
)
def test_what_a_command_makes(command: str, files: list[str]) -> None:
    assert list(changed_files(command)) == files
