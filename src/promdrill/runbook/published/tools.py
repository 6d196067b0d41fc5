"""The programs that published runbooks start: which of them a drill runs, and why not the others.

A drill runs a stranger's commands on this machine, so what it runs is listed, not what it refuses: kubectl and Helm,
which are pointed at the drill's cluster, filters, and what changes files in the drill's own folder.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping

from promdrill.runbook.facts import words

CLUSTER = frozenset({"kubectl", "helm"})

OURS = frozenset({"kubectl", "helm", "oc", "k"})
"""What begins a command wherever it stands: prose and output do not begin like this."""

_BUILTINS = words(
    ": [ [[ alias break cd command continue declare echo eval exit export false getopts hash jobs local "
    "mapfile popd printf pushd pwd read readarray return set shift source . test trap true type typeset "
    "ulimit unset wait let (("
)
_FILTERS = words(
    "awk base64 basename bc cat column comm cut date diff dirname egrep env expr fgrep fold gawk grep "
    "gunzip gzip head jq join less md5sum more nl numfmt od paste promtool rev sed seq sha256sum sleep "
    "sort strings tail tee timeout tr uniq wc which xargs xxd yq zcat zgrep"
)
_READERS = frozenset({"cat", "head", "tail", "less", "more", "wc", "strings"})
_FILES = words("cp ln mkdir mktemp mv rm rmdir tar touch chmod ls find stat du")

_OUTSIDE_OF: Mapping[str, str] = {
    "acts on a machine, not on the drill's cluster": (
        "ssh scp rsync sshpass sudo su systemctl service journalctl sysctl reboot shutdown mount umount "
        "modprobe dmesg mdadm lsblk fdisk resize2fs xfs_growfs fsck e2fsck smartctl chronyc ntpq "
        "timedatectl ip iptables ethtool lsof top htop ps kill pkill killall df free uptime iostat vmstat "
        "netstat ss tcpdump nsenter chroot chown dd truncate fallocate rpm-ostree yum dnf apt apt-get "
        "hostname nmcli uname ping traceroute nc telnet toolbox sosreport sync getfattr virsh passwd "
        "crontab id"
    ),
    "is another tool, which a drill does not have": (
        "docker podman crictl ctr nerdctl skopeo buildah kind minikube k3s kubeadm kubelet etcdctl "
        "etcdutl calicoctl cilium istioctl velero argocd flux kustomize skaffold terraform ansible "
        "ansible-playbook vault consul thanos mimirtool cortextool amtool logcli virtctl subctl odf ceph "
        "rbd rados radosgw-admin noobaa subscription-manager openshift-install operator-sdk cmctl kubectx "
        "kubens k9s stern hcp coreos-installer fio"
    ),
    "asks a cloud, which a drill does not have": (
        "aws gcloud gsutil az doctl ibmcloud oci eksctl s3cmd rclone openstack govc hcloud"
    ),
    "asks the network": ("curl wget http https grpcurl dig nslookup openssl git"),
    "runs a program that the runbook does not show": ("python python3 perl ruby node bash sh zsh ksh go make npm pip"),
    "waits for a person at a terminal": ("vi vim nano emacs watch man tmux screen"),
    "asks a database that a drill does not have": ("psql mysql mongo mongosh redis-cli kafka-topics.sh"),
}
_OUTSIDE = {name: why for why, names in _OUTSIDE_OF.items() for name in words(names)}

_LOCAL = re.compile(r"(?:https?://)?(?:localhost|127\.0\.0\.1|\[::1\])(?:[:/]|$)")
_AWAY = re.compile(r"(?:/(?!tmp/|dev/(?:null|stdin|stdout|stderr)$)|~|\.\.(?:/|$))")


def known(word: str) -> bool:
    """Whether a word is the name of a program that runbooks start."""
    return word in OURS or word in _BUILTINS or word in _FILTERS or word in _FILES or word in _OUTSIDE


def refusal(program: str, arguments: tuple[str, ...], *, fed: bool, allowed: frozenset[str]) -> str:
    """Why a drill does not start a program; empty if it does.

    Args:
        program: Its name.
        arguments: Its arguments.
        fed: Whether something is piped into it.
        allowed: Programs that the user lets run all the same.
    """
    away = next((word for word in arguments if _AWAY.match(word)), "") if program in _FILES | _READERS else ""
    if away and program not in allowed:
        return f"{program} {away}: outside of the drill's own folder"
    if program in CLUSTER | _BUILTINS | _FILES | allowed or not program:
        return ""
    if program in {"less", "more"} and not fed:
        return f"{program}: waits for a person at a terminal"
    local = program in {"curl", "wget"} and any(_LOCAL.match(word) for word in arguments)
    if program in _FILTERS or local:
        return "" if shutil.which(program) else f"{program}: another tool, which is not installed here"
    comes = program.startswith(("./", "/", "~"))
    unknown = "a program that comes with the runbook" if comes else "a program that a drill does not know"
    return f"{program}: {_OUTSIDE.get(program, unknown)}"
