"""What a drill knows, and the words by which published runbooks ask for it.

A command refers to a fact by ``⟦claim⟧``, which no shell text has; `filled` puts the drill's own value there just
before the command is run. Which pod or node it is, is known only then.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from promdrill.core.errors import UsageError


def words(text: str) -> frozenset[str]:
    """A set of words, written as one text."""
    return frozenset(text.split())


FACTS: Mapping[str, str] = {
    "namespace": "the drill's namespace",
    "release": "name of the Helm release",
    "chart": "the chart: a folder or a .tgz",
    "values": "the values file of the release",
    "manifests": "the folder of the manifests, where there is no chart",
    "workload": "the Deployment or StatefulSet of the Prometheus server",
    "service": "its Service",
    "port": "the Service's port",
    "pod": "its pod, the newest at that moment",
    "container": "the container in which Prometheus runs",
    "node": "the node of that pod",
    "claim": "its PersistentVolumeClaim",
    "volume": "the PersistentVolume of that claim",
    "class": "the StorageClass of that claim",
    "size": "what the claim asks for",
    "new_size": "NEW_SIZE of the scenario's own runbook, else twice what the claim asks for",
}
"""Name of each fact, and what it is."""

_SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "namespace": ("namespace", "ns"),
    "release": ("release", "helm release"),
    "chart": ("chart", "helm chart"),
    "values": ("values", "values file", "values yaml", "helm values"),
    "manifests": ("manifests",),
    "workload": ("workload", "deployment", "deploy", "statefulset", "stateful set", "sts"),
    "service": ("service", "svc"),
    "port": ("port", "service port"),
    "pod": ("pod", "pods", "podname", "mypod"),
    "container": ("container", "containers"),
    "node": ("node", "nodename", "host", "hostname", "worker node"),
    "claim": (
        "claim", "pvc", "pvcs", "pvcname", "mypvc", "persistentvolumeclaim", "persistent volume claim", "volume claim",
    ),
    "volume": ("pv", "persistentvolume", "persistent volume"),
    "class": ("class", "storageclass", "storage class", "sc"),
    "size": ("size", "old size"),
    "new_size": (
        "new size", "newsize", "new storage size", "new volume size", "new pvc size", "new capacity", "new storage",
        "larger size", "bigger size", "desired size", "desired storage size", "increased size", "size gi",
        "pvc size", "storage size", "volume size", "new disk size",
    ),
}  # fmt: skip

_NOISE = words(
    "a actual affected alert an any at correct current example failing for from full here insert its "
    "label my name of our prometheus relevant replace server specific target that the this to used value "
    "with you your"
)
_BY_WORDS = {words: fact for fact, synonyms in _SYNONYMS.items() for words in synonyms}
_REFERENCE = re.compile("⟦([a-z_]+)⟧")
_IN_BRACES = re.compile(r"\{(" + "|".join(FACTS) + r")\}")


def named(text: str) -> str | None:
    """The fact that a placeholder asks for; None if its words are of something else, or of nothing.

    ``<prometheus-pod-name>``, ``YOUR_NAMESPACE`` and ``<namespace label from alert>`` ask for what the drill has;
    ``<alertmanager-pod>`` does not.
    """
    apart = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", text)
    words = [word for word in re.split(r"[^a-z0-9]+", apart.lower()) if word and word not in _NOISE]
    return _BY_WORDS.get(" ".join(words)) or _BY_WORDS.get("".join(words))


def reference(fact: str) -> str:
    """How a command refers to a fact."""
    return f"⟦{fact}⟧"


def referring(text: str) -> str:
    """A user's text in which ``{claim}`` is what the drill knows by that name."""
    return _IN_BRACES.sub(lambda found: reference(found[1]), text)


def asked(command: str) -> tuple[str, ...]:
    """The facts that a command refers to, in order, each once."""
    return tuple(dict.fromkeys(found[1] for found in _REFERENCE.finditer(command)))


def filled(command: str, known: Mapping[str, str]) -> str:
    """A command with the drill's own values.

    Raises:
        UsageError: The drill has no such thing, such as a claim where there is no volume.
    """

    def value(found: re.Match[str]) -> str:
        fact = found[1]
        if not known.get(fact):
            what = (
                f"this drill has no {fact.replace('_', ' ')} ({FACTS.get(fact, 'unknown')}), which the runbook asks for"
            )
            raise UsageError(what, hint=f"--bind {fact}=VALUE, or a value for it in the runbook's .drill.toml")
        return known[fact]

    return _REFERENCE.sub(value, command)


def plain(command: str) -> str:
    """A command with a harmless word for each fact, for who reads its syntax."""
    return _REFERENCE.sub(lambda found: found[1].replace("_", "-"), command)


def readable(command: str) -> str:
    """A command as a person reads it: ``{claim}`` for what the drill puts there."""
    return _REFERENCE.sub(r"{\1}", command)
