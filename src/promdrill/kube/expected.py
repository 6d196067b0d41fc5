"""Which API server a kubeconfig must lead to: the one that promdrill recorded, and no other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from promdrill.core.errors import ClusterError, NotOurs

PLACE = "/api/v1/namespaces/kube-system"
"""Path of the namespace that every cluster has from its first moment to its last, and whose UID so identifies it."""

ANSWER_S = 5.0
"""Seconds for an API server to say its UID: it takes milliseconds, or seconds while it is busy."""


@dataclass(frozen=True, slots=True)
class Expected:
    """An API server.

    Attributes:
        server: Its address.
        uid: UID of a namespace that it has.
        place: Path of that namespace: of kube-system, or of the only one that the kubeconfig's user may see.
    """

    server: str
    uid: str
    place: str = PLACE

    def require(self, kubeconfig: Path, get: Callable[..., Mapping[str, Any]]) -> None:
        """Make sure that a kubeconfig still leads to this API server, and that this one answers: one GET.

        Args:
            kubeconfig: The cluster's private kubeconfig.
            get: `promdrill.kube.client.Kube.get` of that kubeconfig.

        Raises:
            NotOurs: It leads elsewhere, or another cluster answers.
            ClusterError: Nobody answers.
        """
        leads_to = server_of(kubeconfig)
        if leads_to != self.server:
            raise NotOurs(
                f"{kubeconfig} leads to {leads_to}, and promdrill recorded {self.server}; nothing was done",
                hint=f"less {kubeconfig}",
            )
        answers = str(get(self.place, timeout_s=ANSWER_S).get("metadata", {}).get("uid", ""))
        if not answers or answers != self.uid:
            name = self.place.rpartition("/")[2]
            raise NotOurs(
                f"at {self.server} another cluster answers: its namespace {name} has UID {answers or 'none'}, "
                f"and that of the recorded cluster is {self.uid}; nothing was done",
                hint=f"kubectl --kubeconfig={kubeconfig} get namespace {name} -o yaml",
            )


def server_of(kubeconfig: Path) -> str:
    """The address to which a private kubeconfig leads: it has one cluster, one user and one context.

    Raises:
        ClusterError: It is no such file.
    """
    try:
        content = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        (context,), (cluster,), (_,) = content["contexts"], content["clusters"], content["users"]
        if content["current-context"] != context["name"] or context["context"]["cluster"] != cluster["name"]:
            raise ClusterError(f"{kubeconfig}: its current context is not its only one", hint=f"less {kubeconfig}")
        return str(cluster["cluster"]["server"])
    except OSError as error:
        raise ClusterError(f"cannot read {kubeconfig}: {error.strerror}") from error
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise ClusterError(
            f"{kubeconfig} is not the private kubeconfig of one cluster, with one context",
            hint=f"less {kubeconfig}",
        ) from error
