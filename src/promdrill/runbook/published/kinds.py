"""Kinds of Kubernetes objects by the words that kubectl takes, and those that only other clusters have."""

from __future__ import annotations

_BUILTIN = {
    "Pod": "pod pods po",
    "Service": "service services svc",
    "PersistentVolumeClaim": "persistentvolumeclaim persistentvolumeclaims pvc pvcs",
    "PersistentVolume": "persistentvolume persistentvolumes pv pvs",
    "StorageClass": "storageclass storageclasses sc",
    "Deployment": "deployment deployments deploy",
    "StatefulSet": "statefulset statefulsets sts",
    "DaemonSet": "daemonset daemonsets ds",
    "ReplicaSet": "replicaset replicasets rs",
    "ReplicationController": "replicationcontroller replicationcontrollers rc",
    "ConfigMap": "configmap configmaps cm",
    "Secret": "secret secrets",
    "Namespace": "namespace namespaces ns",
    "Node": "node nodes no",
    "Event": "event events ev",
    "Endpoints": "endpoints endpoint ep",
    "EndpointSlice": "endpointslice endpointslices",
    "ServiceAccount": "serviceaccount serviceaccounts sa",
    "Role": "role roles",
    "RoleBinding": "rolebinding rolebindings",
    "ClusterRole": "clusterrole clusterroles",
    "ClusterRoleBinding": "clusterrolebinding clusterrolebindings",
    "ResourceQuota": "resourcequota resourcequotas quota",
    "LimitRange": "limitrange limitranges limits",
    "Job": "job jobs",
    "CronJob": "cronjob cronjobs cj",
    "Ingress": "ingress ingresses ing",
    "IngressClass": "ingressclass ingressclasses",
    "NetworkPolicy": "networkpolicy networkpolicies netpol",
    "PodDisruptionBudget": "poddisruptionbudget poddisruptionbudgets pdb",
    "HorizontalPodAutoscaler": "horizontalpodautoscaler horizontalpodautoscalers hpa",
    "PriorityClass": "priorityclass priorityclasses pc",
    "CustomResourceDefinition": "customresourcedefinition customresourcedefinitions crd crds",
    "APIService": "apiservice apiservices",
    "MutatingWebhookConfiguration": "mutatingwebhookconfiguration mutatingwebhookconfigurations",
    "ValidatingWebhookConfiguration": "validatingwebhookconfiguration validatingwebhookconfigurations",
    "CertificateSigningRequest": "certificatesigningrequest certificatesigningrequests csr",
    "VolumeAttachment": "volumeattachment volumeattachments",
    "VolumeSnapshot": "volumesnapshot volumesnapshots vs",
    "CSIDriver": "csidriver csidrivers",
    "CSINode": "csinode csinodes",
    "CSIStorageCapacity": "csistoragecapacity csistoragecapacities",
    "Lease": "lease leases",
    "RuntimeClass": "runtimeclass runtimeclasses",
    "ComponentStatus": "componentstatus componentstatuses cs",
    "ControllerRevision": "controllerrevision controllerrevisions",
    "FlowSchema": "flowschema flowschemas",
    "PriorityLevelConfiguration": "prioritylevelconfiguration prioritylevelconfigurations",
    "PodTemplate": "podtemplate podtemplates",
    "all": "all",
}
_OPERATOR = {
    "Prometheus": "prometheus prometheuses prom",
    "PrometheusAgent": "prometheusagent prometheusagents promagent",
    "Alertmanager": "alertmanager alertmanagers am",
    "AlertmanagerConfig": "alertmanagerconfig alertmanagerconfigs amcfg",
    "ServiceMonitor": "servicemonitor servicemonitors smon",
    "PodMonitor": "podmonitor podmonitors pmon",
    "Probe": "probe probes prb",
    "PrometheusRule": "prometheusrule prometheusrules promrule",
    "ScrapeConfig": "scrapeconfig scrapeconfigs scfg",
    "ThanosRuler": "thanosruler thanosrulers ruler",
}
_BY_WORD = {word: kind for table in (_BUILTIN, _OPERATOR) for kind, words in table.items() for word in words.split()}

DRILLS_OWN = frozenset(
    {"Pod", "Event", "PersistentVolume", "StorageClass", "Namespace", "Node", "ReplicaSet", "Job", "Lease"}
)
"""Kinds whose objects no chart renders, or under names that nobody knows before."""


def kind_of(word: str) -> str | None:
    """The kind that a word such as ``sts`` or ``statefulsets.apps`` names; None for one of another cluster."""
    return _BY_WORD.get(word.lower()) or _BY_WORD.get(word.lower().partition(".")[0])


def unknown(words: str) -> tuple[str, ...]:
    """Those of kubectl's comma separated words that name a kind which a drill's cluster does not have.

    Args:
        words: As in ``kubectl get pods,routes``.
    """
    return tuple(word for word in words.split(",") if word and kind_of(word) is None)
