# Runs in a container of the node's root file system, once, before the container becomes the node image.
# kind's own files are in place by then; here is what its Dockerfile does by hand, and what this host needs besides.
#
#   PAUSE        reference of the pause image that kubeadm names
#   RESTRICTED   1 where the host lacks CAP_SYS_RESOURCE, so that OOM scores below our own cannot be set
set -eu

chmod 755 /usr/local/bin/* /kind /kind/bin /kind/bin/*
ln -sf /usr/lib/systemd/systemd /sbin/init
mkdir -p /etc/kubernetes/manifests /etc/systemd/journald.conf.d

# no units but those that a node needs
cd /usr/lib/systemd/system
rm -rf multi-user.target.wants local-fs.target.wants basic.target.wants /etc/systemd/system/*.wants
rm -f sysinit.target.wants/systemd-tmpfiles-setup.service sockets.target.wants/systemd-udevd-* sockets.target.wants/*initctl*
printf '[Journal]\nReadKMsg=no\n' >/etc/systemd/journald.conf.d/kind.conf
systemctl enable kubelet containerd undo-mount-hacks
systemctl mask systemd-binfmt.service

# containerd: our pause image, and the CNI plugins where Debian puts them
config=/etc/containerd/config.toml
sed -i "s|sandbox_image = .*|sandbox_image = \"$PAUSE\"|" "$config"
printf '\n[plugins."io.containerd.grpc.v1.cri".cni]\n  bin_dir = "/usr/lib/cni"\n' >>"$config"
if [ "$RESTRICTED" = 1 ]; then
  sed -i 's/restrict_oom_score_adj = false/restrict_oom_score_adj = true/' "$config"
  mkdir -p /etc/systemd/system/containerd.service.d
  printf '[Service]\nOOMScoreAdjust=0\n' >/etc/systemd/system/containerd.service.d/10-no-sys-resource.conf
fi
grep -q "sandbox_image = \"$PAUSE\"" "$config"

ctr oci spec | jq 'del(.process.rlimits)' >/etc/containerd/cri-base.json
