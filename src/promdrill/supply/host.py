"""What this host's kernel grants, as far as a node image or a kind configuration depends on it."""

from __future__ import annotations

from pathlib import Path

CAP_SYS_RESOURCE = 24  # linux/capability.h


def has_sys_resource() -> bool:
    """Whether containers here can be granted CAP_SYS_RESOURCE (raising limits, lowering OOM scores)."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("CapBnd:"):
            return bool(int(line.split()[1], 16) >> CAP_SYS_RESOURCE & 1)
    return True


def has_cgroup_v2() -> bool:
    """Whether the host runs cgroup v2 alone; a v1 or mixed host counts as v1, as the kubelet sees it."""
    return Path("/sys/fs/cgroup/cgroup.controllers").exists()
