"""Commands for a container whose image has no programs: run on its node, with the node's, on the container's files.

Images without a shell are common. A drill that fills a volume, or looks how full it is, then does so from the node:
what it runs has the container's user, its mounts at their places, and its cgroup. The container and its pod stay as
they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from promdrill.core import shell
from promdrill.core.errors import ClusterError, CommandFailed

NOT_RUN = 125
"""Exit code of `SCRIPT` for a command that it could not run."""

# The container is known by its id, which names its cgroup. Its mounts are in another mount namespace, from which
# nothing can be bound; each is found again on the node, as the same place of the same device (proc_pid_mountinfo(5)).
SCRIPT = r"""
exec 2>&1
id=$1; shift
for each in /proc/[0-9]*/cgroup; do
  if grep -q "$id" "$each" 2>/dev/null; then pid=${each#/proc/}; pid=${pid%/cgroup}; break; fi
done
[ -n "$pid" ] || { echo "no process of container $id runs on the node"; exit 125; }
exec unshare --mount sh -c '
pid=$1; shift
root=/mnt
mount -t tmpfs -o size=1m promdrill "$root" || exit 125
for each in bin sbin lib lib32 lib64 usr; do
  if [ -L "/$each" ]; then cp -P "/$each" "$root"
  elif [ -d "/$each" ]; then mkdir "$root/$each" && mount --rbind "/$each" "$root/$each"; fi
done
mkdir -p "$root/proc" "$root/dev" "$root/tmp" "$root/sys/fs/cgroup"
mount --rbind /proc "$root/proc" && mount --rbind /dev "$root/dev" && chmod 1777 "$root/tmp" || exit 125
while IFS=: read -r _ controllers path; do
  if [ -z "$controllers" ] && [ -f /sys/fs/cgroup/cgroup.controllers ]; then
    mount --bind "/sys/fs/cgroup$path" "$root/sys/fs/cgroup"
  elif [ "$controllers" = memory ]; then
    mkdir "$root/sys/fs/cgroup/memory" && mount --bind "/sys/fs/cgroup/memory$path" "$root/sys/fs/cgroup/memory"
  fi
done <"/proc/$pid/cgroup"
while read -r _ _ device inside place _; do
  case $place in / | /proc* | /sys* | /dev*) continue ;; esac
  [ -d "/proc/$pid/root$place" ] || continue
  found="" length=-1
  while read -r _ _ other top mounted _; do
    [ "$other" = "$device" ] || continue
    [ "$top" = / ] && top=""
    case $inside in "$top" | "$top"/*) ;; *) continue ;; esac
    if [ "${#top}" -gt "$length" ]; then
      [ "$mounted" = / ] && mounted=""
      length=${#top} found=$mounted${inside#"$top"}
    fi
  done </proc/self/mountinfo
  if [ -n "$found" ] && [ -d "$found" ]; then
    mkdir -p "$root$place" && mount --bind "$found" "$root$place" || exit 125
  fi
done <"/proc/$pid/mountinfo"
while read -r key _ effective rest; do
  case $key in Uid:) user=$effective ;; Gid:) group=$effective ;; esac
done <"/proc/$pid/status"
groups=$(sed -n "s/^Groups:[[:space:]]*//p" "/proc/$pid/status" | tr -s " " , | sed "s/,$//")
exec chroot --userspec="$user:$group" --groups="${groups:-$group}" "$root" "$@"
' promdrill "$pid" "$@"
"""
"""What runs on the node: given the container's id and the command."""


def run(
    nodes: Mapping[str, str], pod: Mapping[str, Any], container: str, argv: Sequence[str], timeout_s: float
) -> tuple[int, str]:
    """Run a command on a container's node; returns its exit code, and its output including standard error.

    Args:
        nodes: Ids of the nodes' containers by the nodes' names.
        pod: The pod.
        container: The container's name.
        argv: The command.
        timeout_s: Seconds that it may take.

    Raises:
        ClusterError: The container does not run, its node is none of these, or the command could not be run in time.
    """
    name, node = pod["metadata"]["name"], (pod.get("spec") or {}).get("nodeName", "")
    what = f"{argv[0]} for {name}/{container}"
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    running = [each for each in statuses if each["name"] == container and "running" in (each.get("state") or {})]
    if not running:
        raise ClusterError(f"{what}: the container does not run")
    if node not in nodes:
        raise ClusterError(f"{what}: its image has no such program, and {node or 'its node'} is no node of promdrill's")
    container_id = str(running[0].get("containerID", "")).rpartition("//")[2]
    command = ["docker", "exec", nodes[node], "sh", "-c", SCRIPT, "promdrill", container_id, *argv]
    try:
        done = shell.run(command, timeout_s=timeout_s, ok=range(256))
    except CommandFailed as error:
        raise ClusterError(f"{what}, on the node: {error.outcome}") from error
    if done.exit_code == NOT_RUN:
        raise ClusterError(f"{what}: {done.stdout.strip()[-300:] or 'it could not be run on the node'}")
    return done.exit_code, done.stdout
