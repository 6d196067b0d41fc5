"""Kubernetes quantities."""

from __future__ import annotations

import re
from decimal import Decimal

_FORM = re.compile(r"([0-9.]+)(Ki|Mi|Gi|Ti|Pi|Ei|m|k|M|G|T|P|E)?")
_FACTORS = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    **{unit: Decimal(1000) ** n for n, unit in enumerate("kMGTPE", start=1)},
    **{f"{unit}i": Decimal(1024) ** n for n, unit in enumerate("KMGTPE", start=1)},
}


def size_bytes(quantity: str) -> int:
    """A quantity such as ``1300Gi`` as bytes, rounded down.

    Raises:
        ValueError: It is not a quantity.
    """
    found = _FORM.fullmatch(quantity)
    if found is None:
        raise ValueError(f"not a quantity: {quantity!r}")
    number, unit = found.groups(default="")
    return int(Decimal(number) * _FACTORS[unit])
