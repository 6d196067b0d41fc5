#!/bin/bash
# Run a command in a control group tree of this container's own.
#
# On cgroup v2 a privileged container of a pod sees its node's whole tree, and an engine in it puts its containers at
# the root, where the pod's limits do not hold them. So this container's group becomes the root that the command sees.
# All processes go to a leaf of it, for a group that passes controllers on may have none. cgroup v1 needs none of that.
set -euo pipefail
groups=/sys/fs/cgroup

if [ ! -e "$groups/cgroup.controllers" ]; then
    exec "$@"
fi
if [ "${1-}" != --inside ]; then
    exec unshare --cgroup --mount -- bash "$0" --inside "$@"
fi
shift
mount -t cgroup2 cgroup2 "$groups"
mkdir -p "$groups/drill"
while read -r pid; do
    echo "$pid" >"$groups/drill/cgroup.procs" || true # it has ended meanwhile
done <"$groups/cgroup.procs"
sed 's/[^ ]*/+&/g' "$groups/cgroup.controllers" >"$groups/cgroup.subtree_control"
exec "$@"
