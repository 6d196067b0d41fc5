#!/bin/bash
# The incident disk-full as a plain script: what scenarios/disk-full and its runbook do, and what they wait for, with no
# proof. It runs in a cluster that promdrill keeps, whose volumes are really full and really grow.
#
#   KUBECONFIG=... bench/disk-full.sh CHART RUNBOOK VALUES FOLDER
#
# CHART is a chart's folder or .tgz; RUNBOOK and VALUES are the scenario's; FOLDER gets the values file that the runbook
# edits. kubectl and helm are on PATH. The last lines say how many seconds each phase took.
set -euo pipefail
shopt -s inherit_errexit

if [ $# -ne 4 ]; then
  echo "usage: KUBECONFIG=... $0 CHART RUNBOOK VALUES FOLDER" >&2
  exit 2
fi

# What the runbook's steps find set, as a drill sets it.
export NAMESPACE=bench-disk-full RELEASE=prometheus-bench CHART=$1 VALUES=$4/values.yaml NEW_SIZE=450Mi
runbook=$2 own_values=$3
selector="app.kubernetes.io/instance=$RELEASE,app.kubernetes.io/component=server"
stale_s=5    # five scrapes of the scenario
hold_s=3     # of the profile fast, at the baseline and at recovery
deadline_s=180

# --- waits ------------------------------------------------------------------------------------------------------------

# `timeout` leads a process group, which is ended as a whole: alone, and at once, it could leave its command running.

# Read a watch of the server's pod until a function says that it is enough; it finds the fields in variables. Which pod
# that was is in `pod`.
until_pod() { # FUNCTION ARGUMENTS...
  local status='{.status.containerStatuses[?(@.name=="prometheus-server")]'
  local fields="{.metadata.name}|{.metadata.uid}|{.metadata.deletionTimestamp}|$status.restartCount}"
  fields+="|$status.state.waiting.reason}|$status.state.terminated.exitCode}"
  fields+='|{.status.containerStatuses[?(@.name!="prometheus-server")].ready}{"\n"}'
  local watch uid leaving restarts waiting exit_code beside
  exec {watch}< <(exec timeout "$deadline_s" kubectl get pod --namespace "$NAMESPACE" --selector "$selector" \
    --watch --output "jsonpath=$fields")
  local process=$!
  while IFS='|' read -r pod uid leaving restarts waiting exit_code beside; do
    if "$@"; then
      kill -- "-$process" || true
      exec {watch}<&-
      return
    fi
  done <&"$watch"
  echo "not seen of the pod within $deadline_s s: $*" >&2
  return 1
}

# Another pod than that one crashes, and has been restarted as often, while the container beside it is ready.
crashes() { # UID RESTARTS
  [[ -n $uid && $uid != "$1" && -z $leaving && ${restarts:-0} -ge $2 && $beside == true ]] &&
    [[ $waiting == CrashLoopBackOff || ${exit_code:-0} -ne 0 ]]
}

# A log has a line, or gets it.
until_logged() { # POD PATTERN
  local log
  exec {log}< <(exec timeout "$deadline_s" kubectl logs --namespace "$NAMESPACE" "$1" --container prometheus-server \
    --follow)
  local process=$!
  grep --max-count=1 "$2" <&"$log"
  kill -- "-$process" || true
  exec {log}<&-
}

# Prometheus has no watch: it is asked twice a second, as a drill asks it.
until_answered() { # QUERY
  local path="/api/v1/namespaces/$NAMESPACE/services/$RELEASE-server:80/proxy/api/v1/query?query=$1"
  local deadline=$((SECONDS + deadline_s))
  until kubectl get --raw "$path" 2>/dev/null | grep '"result":\[{'; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      echo "not answered within $deadline_s s: $1" >&2
      return 1
    fi
    sleep 0.5
  done
}

# So many targets of these jobs are up, by samples younger than 3 s; again at the end of the hold.
until_samples_are_stored() { # JOBS NUMBER
  local up="up%7Bjob=~%22$1%22%7D"
  local query="count($up==1%20and%20time()-timestamp($up)%3C3)==$2"
  until_answered "$query"
  sleep "$hold_s"
  until_answered "$query"
}

# --- the phases of a drill --------------------------------------------------------------------------------------------

provision() {
  kubectl create namespace "$NAMESPACE"
  # Volumes of a fixed size with few inodes, as the scenario's test says; the class has the namespace's name.
  kubectl get storageclass standard --output json |
    kubectl patch --local --filename - --type merge --output json --patch '{
      "metadata": {"name": "'"$NAMESPACE"'", "uid": null, "resourceVersion": null, "annotations": {
        "storageclass.kubernetes.io/is-default-class": null, "promdrill.io/inodes": "3000"}},
      "allowVolumeExpansion": false}' |
    kubectl create --filename -
  sed "s/^\( *\)existingClaim:.*/&\n\1storageClass: $NAMESPACE/" "$own_values" >"$VALUES"
  helm install "$RELEASE" "$CHART" --namespace "$NAMESPACE" --values "$VALUES"
}

baseline() {
  kubectl rollout status deployment --namespace "$NAMESPACE" --selector "$selector" --timeout="${deadline_s}s"
  until_samples_are_stored prometheus 1
}

# What the fault runs in the container, word for word.
fill() {
  cat <<'FILL'

f=/data/promdrill.fill
mkdir -p "$(dirname "$f")"

: >>"$f"
(
f=/data/promdrill.fill.files
mkdir -p "$f" && cd "$f" || exit
n=0
while touch $(seq 500 | sed "s/^/$n./") 2>/dev/null; do n=$((n + 1)); done
until ! touch "last.$n" 2>/dev/null; do n=$((n + 1)); done
touch "last.$n" 2>&1
) >/dev/null

for bs in 1048576 4096 512 1; do
  said=$(dd if=/dev/zero bs=$bs 2>&1 >>"$f")
done
echo "$said"
FILL
}

inject() {
  kubectl exec --namespace "$NAMESPACE" "deployment/$RELEASE-server" --container prometheus-server -- \
    sh -c "$(fill)" | grep 'No space left on device'
}

signature() {
  local server
  server=$(kubectl get pod --namespace "$NAMESPACE" --selector "$selector" --output name)
  broken=$(kubectl get --namespace "$NAMESPACE" "$server" --output 'jsonpath={.metadata.uid}')
  until_logged "$server" 'Scrape commit failed.*no space left on device'
  until_answered "time()-max(timestamp(up))%3E$stale_s"
  kubectl delete --namespace "$NAMESPACE" "$server" --wait=false
  until_it_does_not_start 0
}

until_it_does_not_start() { # RESTARTS
  until_pod crashes "$broken" "$1"
  # One of its runs has ended. Its words are in the log of the last run or, once it was started again, of the one before.
  local deadline=$((SECONDS + deadline_s))
  until {
    kubectl logs --namespace "$NAMESPACE" "$pod" --container prometheus-server --previous || true
    kubectl logs --namespace "$NAMESPACE" "$pod" --container prometheus-server || true
  } 2>/dev/null | grep 'opening storage failed: .*no space left on device'; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      echo "not logged within $deadline_s s: opening storage failed" >&2
      return 1
    fi
    sleep 0.5
  done
}

persistence() {
  until_it_does_not_start 2
}

# The runbook's steps, word for word, in this shell.
steps() {
  awk '/^## / { section = $2 }
    /^ *```$/ { inside = 0 }
    inside { print substr($0, indent + 1) }
    section ~ /^(Diagnosis|Mitigation|Verification)$/ && /^ *```sh/ { inside = 1; match($0, /^ */); indent = RLENGTH }
  ' "$runbook"
}

remediate() {
  # shellcheck source=/dev/null
  source <(steps) </dev/null
}

recovery() {
  until_samples_are_stored 'prometheus%7Ckubernetes-nodes' 2
}

undo() {
  helm uninstall "$RELEASE" --namespace "$NAMESPACE" --ignore-not-found
  kubectl delete storageclass "$NAMESPACE" --ignore-not-found
  kubectl delete namespace "$NAMESPACE" --ignore-not-found --wait=false
}

# --- all of them ------------------------------------------------------------------------------------------------------

ended=
trap '[ -n "$ended" ] || undo' EXIT
if [ -n "$(kubectl get namespace "$NAMESPACE" --ignore-not-found --output name)" ]; then
  kubectl wait --for=delete "namespace/$NAMESPACE" --timeout=90s # of the run before; no phase has this time
fi
took=() began=$EPOCHREALTIME
for phase in provision baseline inject signature persistence remediate recovery undo; do
  "$phase"
  now=$EPOCHREALTIME
  took+=("phase: $phase $(awk -v from="$began" -v to="$now" 'BEGIN { printf "%.3f", to - from }')")
  began=$now
done
ended=1
printf '%s\n' "${took[@]}"
