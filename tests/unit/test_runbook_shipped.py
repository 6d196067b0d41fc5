"""The shipped runbooks against a stand-in for the cluster that knows nothing but what they should ask."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from promdrill.core import paths
from promdrill.helm.compatibility.stack import RUNBOOK
from promdrill.runbook.environment import environment
from promdrill.runbook.parse import Runbook, parse
from promdrill.runbook.run import StepFailed, StepResult, opened
from promdrill.supply.supplied import Tools

KUBECTL = r"""#!/bin/bash
# State of the cluster: files in $HOME/cluster. Anything that is not listed is refused.
cd "$HOME/cluster" || exit 98
NEW="-l app.kubernetes.io/instance=prometheus-x,app.kubernetes.io/component=server"
OLD="-l release=prometheus-x,component=server"
LABELS=$(cat labels)
asked="$*"
asked=${asked//--namespace drill-x/-n}
asked=${asked//--selector /-l }
asked=${asked//--output /-o }
asked=${asked//--container prometheus-/-c }
ready="$(cat ready)"
pod_table() { printf 'NAME     READY   STATUS   RESTARTS   AGE\nserver   %s   7 (2s ago)   1m\n' "$ready"; }
size=$(cat size)
pvc_table() {
  printf 'NAME  STATUS  VOLUME  CAPACITY  ACCESS MODES\ndata  Bound  pv-1  %s  RWO\n' "$size"
}
pv_table() {
  printf 'NAME  CAPACITY  ACCESS MODES  RECLAIM POLICY  STATUS  CLAIM\npv-1  %s  RWO  Delete  Bound  x\n' "$size"
}
case "$asked" in
  "get pod -n $NEW -o name" | "get pod -n $NEW --sort-by .metadata.creationTimestamp -o name")
    [ "$LABELS" != new ] || echo pod/server ;;
  "get pod -n $OLD -o name" | "get pod -n $OLD --sort-by .metadata.creationTimestamp -o name")
    [ "$LABELS" != old ] || echo pod/server ;;
  "get pod -n $NEW" | "get pod -n $OLD")
    if [ "$LABELS" = none ]; then echo "No resources found in drill-x namespace."; else pod_table; fi ;;
  "get -n pod/server") pod_table ;;
  "logs -n pod/server -c server --previous") cat server.log ;;
  "logs -n pod/server -c server") cat server.log ;;
  "logs -n pod/server -c server-configmap-reload") cat reloader.log ;;
  "get -n pod/server -o jsonpath={.spec.volumes[*].persistentVolumeClaim.claimName}") echo -n data ;;
  "get -n pod/server -o jsonpath={range .spec.containers[?(@.name==\"prometheus-server\")].args[*]}{@}{\"\n\"}{end}")
    echo --config.file=/etc/config/prometheus.yml; cat flags ;;
  "get pvc -n data -o jsonpath={.spec.volumeName}") echo -n pv-1 ;;
  "get pvc -n data -o jsonpath={.spec.storageClassName}") echo -n standard ;;
  "get pvc -n data") pvc_table ;;
  "get pv pv-1") pv_table ;;
  "get storageclass") printf 'NAME  PROVISIONER  RECLAIMPOLICY\nstandard  rancher.io/local-path  Delete\n' ;;
  "describe storageclass standard")
    printf 'Name:  standard\nAllowVolumeExpansion:  %s\nEvents:  <none>\n' "$(cat grows)" ;;
  'patch storageclass standard --patch {"allowVolumeExpansion": true}')
    echo True >grows; echo "storageclass.storage.k8s.io/standard patched" ;;
  "wait -n pvc/data --for=jsonpath={.status.capacity.storage}=$size --timeout=600s")
    echo "persistentvolumeclaim/data condition met" ;;
  "wait pv/pv-1 --for=jsonpath={.spec.capacity.storage}=$size --timeout=60s")
    echo "persistentvolume/pv-1 condition met" ;;
  "wait -n pvc/data --for="*) echo "error: timed out waiting for the condition" >&2; exit 1 ;;
  "rollout status deployment -n -l "*" --timeout=600s") echo 'deployment "server" successfully rolled out' ;;
  "wait pod -n -l "*" --for=condition=Ready --timeout=30s") echo 'pod/server condition met' ;;
  "wait -n pod/server --for=condition=Ready --timeout=30s") echo 'pod/server condition met' ;;
  "exec -n pod/server -c server -- df -hT /data")
    printf 'Filesystem  Type  Size  Used Available Use%% Mounted on\n/dev/loop0  xfs  386M  236M  150M  61%% /data\n' ;;
  "debug -n pod/server --copy-to="*"-volume-helper --same-node "*) ;;
  "wait -n pod/"*"-volume-helper --for=condition=Ready --timeout=60s") ;;
  "exec -n "*"-volume-helper "*" -- df -kP /data")
    printf 'Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/loop0 1 1 1 %s%% /data\n' "$(cat used)" ;;
  "delete pod -n "*"-volume-helper --now") ;;
  "exec -n pod/server -c server -- df -P /data")
    printf 'Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/loop0 1 1 1 %s%% /data\n' "$(cat used)" ;;
  "exec -n pod/server -c server -- wget --post-data= -qO- http://localhost:9090/-/reload")
    grep -q lifecycle flags && exit 0
    echo "wget: server returned error: HTTP/1.1 403 Forbidden"
    echo "command terminated with exit code 1" >&2
    exit 1 ;;
  *) echo "unexpected: kubectl $asked" >&2; exit 99 ;;
esac
"""

HELM = r"""#!/bin/bash
[ "$*" = "upgrade prometheus-x $HOME/chart --namespace drill-x --values $HOME/values.yaml" ] || exit 99
cd "$HOME/cluster" || exit 98
size=$(sed -n 's/^ *size: //p' "$HOME/values.yaml")
[ "$(cat grows)" = True ] && [ "$size" != "$(cat size)" ] && echo "$size" >size && echo 61 >used && : >server.log
if grep -q 'extraFlags:.*web.enable-lifecycle' "$HOME/values.yaml"; then
  sed -n 's/^ *extraFlags: \[\(.*\)\]$/\1/p' "$HOME/values.yaml" | tr -d ' ' | tr , '\n' | sed 's/^/--/' >flags
  : >reloader.log
  printf 'msg="%s"\n' "Loading configuration file" "other" "Completed loading of configuration file" >server.log
fi
[ -s reloader.log ] || [ "$(cat used)" = 100 ] || echo '2/2 Running' >ready
echo 'Release "prometheus-x" has been upgraded. Happy Helming!'
"""


class Incident:
    """A stand-in for a cluster with an incident, and the operator's files.

    Args:
        tmp_path: Where all of it lies.
        scenario: Whose runbook is run.
        state: What differs from the full volume.
    """

    def __init__(self, tmp_path: Path, scenario: str, **state: str) -> None:
        self.book: Runbook = parse(paths.scenarios_dir() / scenario / "runbook.md")
        shipped = (paths.scenarios_dir() / scenario / "values.yaml").read_text(encoding="utf-8")
        self.home = tmp_path / "home"
        self.values = self.home / "values.yaml"
        cluster = {
            "labels": "new",
            "ready": "1/2 CrashLoopBackOff",
            "size": "300Mi",
            "grows": "<unset>",
            "used": "100",
            "flags": "",
            "server.log": 'err="opening storage failed: open /data/lock: no space left on device"',
            "reloader.log": "",
            **{name.replace("_log", ".log"): value for name, value in state.items()},
        }
        (self.home / "cluster").mkdir(parents=True)
        for name, value in cluster.items():
            (self.home / "cluster" / name).write_text(value + "\n" if value else "", encoding="utf-8")
        emptied = re.sub(r"extraFlags:.*", "extraFlags: []", shipped)
        self.values.write_text(emptied, encoding="utf-8")
        tools = {}
        for name, text in (("kubectl", KUBECTL), ("helm", HELM), ("kind", "")):
            tools[name] = tmp_path / name
            tools[name].write_text(text, encoding="utf-8")
            tools[name].chmod(0o755)
        self.tools = Tools(**tools)

    def remedy(self, *left_out: int) -> tuple[StepResult, ...]:
        env = environment(
            tools=self.tools,
            kubeconfig=self.home / "kubeconfig",
            given={
                "NAMESPACE": "drill-x",
                "RELEASE": "prometheus-x",
                "CHART": str(self.home / "chart"),
                "VALUES": str(self.values),
            },
            home=self.home,
            variables=self.book.variables,
        )
        with opened(self.book, env=env, leaves_out=left_out.__contains__) as steps:
            return steps.run(deadline_s=30)

    def mitigation(self) -> list[int]:
        return [at for at, step in enumerate(self.book.steps) if step.section == "Mitigation"]


LIFECYCLE = {
    "ready": "2/2 Running",
    "used": "10",
    "server_log": "",
    "reloader_log": 'err="trigger reload: received non-200 response: 403 Forbidden; have you set"',
}


@pytest.mark.parametrize("labels", ["new", "old"])
def test_disk_full_is_remedied(tmp_path: Path, labels: str) -> None:
    incident = Incident(tmp_path, "disk-full", labels=labels)
    before = incident.values.read_text(encoding="utf-8")
    incident.remedy()
    assert incident.values.read_text(encoding="utf-8") == before.replace("size: 300Mi", "size: 450Mi")


def test_every_step_of_disk_full_is_needed(tmp_path: Path) -> None:
    for at in Incident(tmp_path / "x", "disk-full").mitigation():
        with pytest.raises(StepFailed) as caught:
            Incident(tmp_path / str(at), "disk-full").remedy(at)
        assert "unexpected" not in str(caught.value)


@pytest.mark.parametrize(
    ("state", "section", "line"),
    [
        ({"server_log": "all is well"}, "Diagnosis", "no space left"),
        ({"ready": "2/2 Running"}, "Diagnosis", "SELECTOR="),
        ({"labels": "none"}, "Diagnosis", "SELECTOR="),
        ({"used": "99", "size": "200Mi"}, "Verification", "used"),
    ],
)
def test_disk_full_stops_where_it_does_not_fit(tmp_path: Path, state: dict[str, str], section: str, line: str) -> None:
    incident = Incident(tmp_path, "disk-full", **state)
    if section == "Verification":
        helm = incident.tools.helm
        helm.write_text(HELM.replace("echo 61 >used", "true"), encoding="utf-8")
    with pytest.raises(StepFailed) as caught:
        incident.remedy()
    assert caught.value.result.step.section == section
    assert line in caught.value.result.step.command


def test_lifecycle_flag_is_remedied(tmp_path: Path) -> None:
    incident = Incident(tmp_path, "lifecycle-flag", **LIFECYCLE)
    incident.remedy()
    text = incident.values.read_text(encoding="utf-8")
    assert "\n  extraFlags: [web.enable-lifecycle, storage.tsdb.wal-compression]\n" in text


def test_only_the_optional_steps_of_lifecycle_flag_can_be_left_out(tmp_path: Path) -> None:
    names = []
    for at in Incident(tmp_path / "x", "lifecycle-flag", **LIFECYCLE).mitigation():
        incident = Incident(tmp_path / str(at), "lifecycle-flag", **LIFECYCLE)
        step = incident.book.steps[at]
        if step.optional:
            incident.remedy(at)
            names.append(step.name)
        else:
            with pytest.raises(StepFailed) as caught:
                incident.remedy(at)
            assert "unexpected" not in str(caught.value)
    assert names == ["wal-compression", "reload-now"]


def test_lifecycle_flag_stops_where_the_flag_is_set(tmp_path: Path) -> None:
    incident = Incident(tmp_path, "lifecycle-flag", **LIFECYCLE, flags="--web.enable-lifecycle")
    with pytest.raises(StepFailed) as caught:
        incident.remedy()
    assert caught.value.result.step.section == "Diagnosis"


REPLACED = re.compile(r"kubectl (rollout status|wait .*--for=condition=Available)")


SHIPPED = sorted(file for name in ("runbook.md", RUNBOOK) for file in paths.scenarios_dir().glob(f"*/{name}"))


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_a_pod_that_was_replaced_is_waited_for_before_it_is_shown_ready(file: Path) -> None:
    waiting = ""
    for step in parse(file).steps:
        if step.section not in {"Mitigation", "Verification"}:
            continue
        for line in step.command.replace("\\\n", " ").splitlines():
            if REPLACED.search(line):
                waiting = line
            if "--for=condition=Ready" in line:
                waiting = ""
            shown = re.search(r"kubectl get (pod|.*\"\$POD\"$)", line) and "--output" not in line
            assert not (waiting and shown), f"{line.strip()} may show the pod before it is ready"


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_the_log_of_the_previous_run_is_read_after_the_current_one(file: Path) -> None:
    """Of a container that crashes again and again, the kubelet deletes what is older than the last two runs.

    Read first, the previous run may be one that is gone just then; by the time the current one is read, that may be a
    run which has written nothing yet. In the other order, at least one of the two is there and has its end.
    """
    for step in parse(file).steps:
        read = [line for line in step.command.replace("\\\n", " ").splitlines() if "kubectl logs" in line]
        previous = [at for at, line in enumerate(read) if "--previous" in line]
        current = [at for at, line in enumerate(read) if "--previous" not in line]
        assert not (previous and current) or max(current) < min(previous), f"{file}:{step.line}"
