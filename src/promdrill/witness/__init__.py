"""The witness: a Prometheus beside the drilled ones, which their faults do not touch, and an Alertmanager for all.

It runs once in a cluster, in a pod of its own, with what a cluster's monitoring has besides: kube-state-metrics, the
kubelet's metrics, a node exporter. Drills that run side by side share it; labels keep their series and alerts apart.
"""
