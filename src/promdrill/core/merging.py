"""Merge mappings as Helm, kind and Kubernetes do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merged(
    low: Mapping[str, Any], high: Mapping[str, Any], *, null_removes: bool = False, lists_grow: bool = False
) -> dict[str, Any]:
    """One mapping merged over another: mappings are merged at every depth, anything else is replaced.

    Args:
        low: The lower mapping. It is not changed.
        high: The upper mapping, which wins.
        null_removes: A null removes the key, as it does for a chart's own values
            (https://helm.sh/docs/chart_template_guide/values_files/). Otherwise null is a value like any other.
        lists_grow: If both have a list, the items of `high` follow those of `low`.
    """
    found = dict(low)
    for key, value in high.items():
        below = found.get(key)
        if value is None and null_removes:
            found.pop(key, None)
        elif isinstance(value, Mapping) and (isinstance(below, Mapping) or null_removes):
            beneath = below if isinstance(below, Mapping) else {}
            found[key] = merged(beneath, value, null_removes=null_removes, lists_grow=lists_grow)
        elif lists_grow and isinstance(value, list) and isinstance(below, list):
            found[key] = [*below, *value]
        else:
            found[key] = value
    return found
