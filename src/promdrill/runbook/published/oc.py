"""``oc``, OpenShift's client: where it is kubectl under another name, and where it is not."""

from __future__ import annotations

from promdrill.runbook import facts

SAME = facts.words(
    "get describe logs delete apply patch scale exec edit create label annotate cp port-forward rollout "
    "explain events wait replace auth attach autoscale run diff kustomize api-resources api-versions "
    "cluster-info config proxy version set expose"
)
"""Commands that kubectl has too, with the same arguments."""

ADM = frozenset({"top", "cordon", "uncordon", "drain", "taint"})
"""Commands of ``oc adm`` that are kubectl's own without ``adm``."""

TOP = ADM
"""Those too: runbooks write ``oc top`` and ``oc uncordon``, which oc itself does not have."""

_WHY = {
    "adm": "an administrator's command of OpenShift",
    "rsh": "opens a shell",
    "debug": "opens a shell; kubectl debug is another command",
    "project": "changes the namespace of later commands",
    "projects": "lists OpenShift's projects",
    "login": "logs in to another cluster",
    "logout": "logs out",
    "whoami": "asks OpenShift who you are",
    "rsync": "copies with OpenShift's own program",
    "status": "is OpenShift's overview",
    "extract": "is OpenShift's own",
}
_INSTEAD = {
    "rsh": "kubectl exec POD -- COMMAND",
    "debug": "kubectl debug node/NODE --image=... --profile=sysadmin -- COMMAND",
    "project": "--namespace for each command",
    "projects": "kubectl get namespaces",
    "whoami": "kubectl auth whoami",
    "rsync": "kubectl cp",
    "status": "kubectl get all",
    "extract": "kubectl get secret NAME --output jsonpath=...",
}


def refusal(words: tuple[str, ...]) -> tuple[str, str]:
    """Why a command of oc is none of kubectl's, and what to write instead; empty if it is.

    Args:
        words: What is not an option among its arguments, in order: ``adm``, ``top``, ``pods``.
    """
    verb = words[0] if words else ""
    below = words[1] if len(words) > 1 else ""
    if verb in SAME or verb in TOP or (verb == "adm" and below in ADM):
        return "", ""
    named = f"oc {verb} {below}".rstrip() if verb == "adm" else f"oc {verb}".rstrip()
    return f"{named}: {_WHY.get(verb, 'is no command of kubectl')}", _INSTEAD.get(verb, "")
