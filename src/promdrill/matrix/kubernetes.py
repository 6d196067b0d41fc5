"""The matrix as an Indexed Job of Kubernetes: each cell is drilled in a kind cluster inside a privileged pod.

The Job runs in a cluster of the user's. promdrill only prints it: whoever creates it decides where. Three objects carry
it: a ConfigMap with the list of cells and the scripts, a Secret with the user's files (values and Alertmanager's
configuration may hold credentials), and the Job. Without a namespace of the user's there is a Namespace too.

A verdict is never retried, or a second try would hide a drill that fails now and then. Only a pod that the cluster
itself took away (a preemption, a drained node) is made again, because its run came to no verdict.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from promdrill.artefacts.reference import Reference
from promdrill.core import paths
from promdrill.core.errors import SupplyError, UsageError, shortened
from promdrill.doctor import COLD, CPUS, MEMORY_BYTES
from promdrill.matrix.cells import Cell

NAME = "promdrill-matrix"
"""Name of the Job, the ConfigMap and the Secret, unless the user names them."""

NAMESPACE = "promdrill"
"""The namespace, unless the user names one; only this one is made."""

CONTAINER = "cell"
"""Name of the pod's container."""

LIST = "cells"
"""Key of the ConfigMap: ids of the cells, one a line, in the order of the pods' indexes."""

MOST_BYTES = 1 << 20
"""The most that a ConfigMap holds, and a Secret ("1 MiB" in kubernetes.io/docs/concepts/configuration)."""

PARALLELISM = 10
"""Pods that run at once, unless the user says otherwise."""

MOST_AT_ONCE = 10_000
"""The most pods at once: as many as a matrix has cells."""

LONGEST_NAME = 57
"""Characters of a Job's name: with an index below 10,000 it is the host name of a pod, which has 63 at most."""

CELL_S = 3 * 3600
"""Seconds for one cell, as on GitLab: the whole book takes ten minutes; this ends what hangs in spite of deadlines."""

END_S = 180
"""Seconds for a cell that is asked to end: its drills collect evidence and undo their faults, then it hands over."""

KEPT_S = 7 * 24 * 3600
"""Seconds for which the Job and its pods stay after its end, to be collected."""

SAME_AGAIN = (1, 2, 70)
"""Exit codes of a cell that had its say: red, bad input, an error in promdrill. See `promdrill.cli.parser`."""

_GIVEN, _WORK, _SCRIPTS = "/promdrill/given", "/var/lib/promdrill", ("own_cgroup.sh", "cell.sh")
_LABELS = {"app.kubernetes.io/name": "promdrill"}
_PRIVILEGED = {"pod-security.kubernetes.io/enforce": "privileged"}
_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user says of the Job.

    Attributes:
        image: The image of the pods, with promdrill, Docker and tini in it.
        supply: `source` or `registry`, where each pod gets everything from.
        options: Further options of ``promdrill matrix --run``.
        variables: Variables of the environment for it, such as RULES.
        files: The user's files, as from `promdrill.matrix.carried.pack`.
        parallelism: Pods that run at once.
        name: Name of the Job.
        namespace: Where it runs; None for `NAMESPACE`, which is made.

    Raises:
        UsageError: The image or a name is not one.
    """

    image: str
    supply: str
    options: Sequence[str] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    files: bytes = b""
    parallelism: int = PARALLELISM
    name: str = NAME
    namespace: str | None = None

    def __post_init__(self) -> None:
        """Refuse what Kubernetes would refuse, or only notice when the first pod is made."""
        try:
            Reference.of(self.image)
        except SupplyError as error:
            raise UsageError(f"--image: {error.message}", hint="--image registry.example/promdrill:1") from error
        require_name("--job", self.name)
        if self.namespace is not None:
            require_name("--namespace", self.namespace)


def require_name(option: str, text: str) -> None:
    """Refuse a name that a Job, a namespace or a pod's host cannot have.

    Raises:
        UsageError: It is not one.
    """
    if len(text) > LONGEST_NAME or not re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", text):
        raise UsageError(
            f"{option}={shortened(text, 80)}: not a name: lower-case letters, digits and -, at most {LONGEST_NAME}",
            hint=f"{option} {NAME}",
        )


def to_kubernetes(cells: Sequence[Cell], asked: Asked) -> str:
    """The objects as YAML; the same cells give the same text.

    Args:
        cells: The cells, in the order of the pods' indexes, which is the order in which pods are made.
        asked: What the user says of the Job.

    Raises:
        UsageError: The cells, or the user's files, are too many for an object of Kubernetes.
    """
    scripts = {name: Path(__file__).with_name(name).read_text(encoding="utf-8") for name in _SCRIPTS}
    given = {LIST: "".join(f"{cell.id}\n" for cell in cells), **scripts}
    if sum(len(text.encode()) for text in given.values()) > MOST_BYTES:
        raise UsageError(f"the ids of {len(cells)} cells are more than a ConfigMap holds", hint="--shard 1/2, then 2/2")
    if len(asked.files) > MOST_BYTES:
        raise UsageError(
            f"the files for the cells have {len(asked.files):,} bytes packed; a Secret holds {MOST_BYTES:,}",
            hint="put large charts into a repository, and name that",
        )
    checksum = hashlib.sha256(given[LIST].encode() + asked.files).hexdigest()
    objects = [
        *_namespace(asked),
        _object("v1", "ConfigMap", asked, data=given),
        _object("v1", "Secret", asked, data={"files.tgz": base64.b64encode(asked.files).decode()}),
        _object("batch/v1", "Job", asked, spec=_job(len(cells), checksum, asked)),
    ]
    lines = "".join(f"# {line}\n" for line in _head(len(cells), asked))
    return lines + yaml.dump_all(objects, Dumper=_Dumper, sort_keys=False, width=1_000_000).rstrip("\n")


def _head(count: int, asked: Asked) -> Iterator[str]:
    cluster = "--kubeconfig FILE --context NAME"
    collect = f"promdrill matrix --collect --job {asked.name} {cluster}"
    cells = "1 cell, in a privileged pod" if count == 1 else f"{count} cells, each in a privileged pod"
    yield f"Made by `promdrill matrix --format kubernetes`: {cells}."
    yield "Needs Kubernetes 1.29 or newer. Start it with `kubectl create --filename`; collect the results with"
    yield collect + (f" --namespace {asked.namespace}" if asked.namespace is not None else "")
    yield "The Secret with your files stays when the Job is gone. Delete all of it with"
    yield f"kubectl {cluster} --namespace {asked.namespace or NAMESPACE} delete job,configmap,secret {asked.name}"


def _namespace(asked: Asked) -> Iterator[dict[str, Any]]:
    if asked.namespace is None:
        metadata = {"name": NAMESPACE, "labels": _LABELS | _PRIVILEGED}
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def _object(version: str, kind: str, asked: Asked, **content: Any) -> dict[str, Any]:
    metadata = {"name": asked.name, "namespace": asked.namespace or NAMESPACE, "labels": _LABELS}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **content}


def _job(count: int, checksum: str, asked: Asked) -> dict[str, Any]:
    at_once = min(asked.parallelism, count)
    rounds = -(-count // at_once)
    verdict = {"containerName": CONTAINER, "operator": "In", "values": list(SAME_AGAIN)}
    return {
        "completionMode": "Indexed",
        "completions": count,
        "parallelism": at_once,
        "backoffLimitPerIndex": 0,  # no cell is tried again, and none ends the others
        "podReplacementPolicy": "Failed",
        "podFailurePolicy": {
            "rules": [
                {"action": "FailIndex", "onExitCodes": verdict},
                {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]},
            ]
        },
        "activeDeadlineSeconds": rounds * (CELL_S + END_S),
        "ttlSecondsAfterFinished": KEPT_S,
        "template": {"metadata": {"labels": _LABELS}, "spec": _pod(checksum, asked)},
    }


def _pod(checksum: str, asked: Asked) -> dict[str, Any]:
    space = COLD[asked.supply]
    size = {
        "memory": f"{MEMORY_BYTES[asked.supply] // _GIB}Gi",
        "ephemeral-storage": f"{(space.cache + space.docker) // _GIB}Gi",
    }
    places = {paths.CACHE_VARIABLE: f"{_WORK}/cache", paths.STATE_VARIABLE: f"{_WORK}/state"}
    wrapper, script = (f"{_GIVEN}/{name}" for name in _SCRIPTS)
    container = {
        "name": CONTAINER,
        "image": asked.image,
        "command": ["tini", "-g", "--", "bash", wrapper, "bash", script, _GIVEN, _WORK, checksum],
        "args": [_literal(option) for option in (f"--supply={asked.supply}", *asked.options)],
        "env": [{"name": name, "value": _literal(text)} for name, text in {**places, **asked.variables}.items()],
        "securityContext": {"privileged": True},
        "resources": {"requests": {"cpu": str(CPUS), **size}, "limits": size},
        "volumeMounts": [
            {"name": "given", "mountPath": _GIVEN, "readOnly": True},
            {"name": "work", "mountPath": _WORK},
            {"name": "modules", "mountPath": "/lib/modules", "readOnly": True},
        ],
    }
    sources = [{"configMap": {"name": asked.name}}, {"secret": {"name": asked.name}}]
    return {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": CELL_S,
        "terminationGracePeriodSeconds": END_S,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "dnsPolicy": "Default",  # the cluster's DNS has the address of that in the cluster inside
        "containers": [container],
        "volumes": [
            {"name": "given", "projected": {"sources": sources}},
            {"name": "work", "emptyDir": {}},  # Docker's layers cannot lie on those of the container
            {"name": "modules", "hostPath": {"path": "/lib/modules", "type": "DirectoryOrCreate"}},
        ],
    }


def _literal(text: str) -> str:
    """A text in which the kubelet replaces no ``$(NAME)``."""
    return text.replace("$(", "$$(")


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks, so that the scripts can be read; no anchors."""

    def ignore_aliases(self, _: object) -> bool:
        """Write everything where it is used."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
