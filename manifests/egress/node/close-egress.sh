#!/bin/sh
# Lets the pods of this node open no connection to anything outside the cluster, but for DNS. Values may name a remote
# write, an Alertmanager or a bucket in production, and nothing of a drill may get there.
#
# What pods send leaves the node through its uplink; what the node itself sends is not forwarded. Connections that were
# opened from outside, to a port of the node, are answered. It may be run any number of times.
set -eu
uplink=$(ip -o -4 route show default | sed -n 's/.* dev \([^ ]*\).*/\1/p' | head -n 1)
[ -n "$uplink" ] || { echo "this node has no default route" >&2; exit 1; }
chain=PROMDRILL-EGRESS

iptables -w -N "$chain" 2>/dev/null || iptables -w -F "$chain"
iptables -w -A "$chain" -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN
for protocol in udp tcp; do
    iptables -w -A "$chain" -p "$protocol" --dport 53 -j RETURN
done
iptables -w -A "$chain" -j REJECT

# First in the list, also where kube-proxy has put its own chains before it meanwhile.
while iptables -w -D FORWARD ! -i "$uplink" -o "$uplink" -j "$chain" 2>/dev/null; do :; done
iptables -w -I FORWARD 1 ! -i "$uplink" -o "$uplink" -j "$chain"
