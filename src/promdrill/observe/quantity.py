"""Quantities in Kubernetes' notation, and durations in Prometheus'."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from promdrill.core.errors import UsageError

_FORM = re.compile(r"([0-9.]+)(Ki|Mi|Gi|Ti|Pi|Ei|m|k|M|G|T|P|E)?")
_FACTORS = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    **{unit: Decimal(1000) ** n for n, unit in enumerate("kMGTPE", start=1)},
    **{f"{unit}i": Decimal(1024) ** n for n, unit in enumerate("KMGTPE", start=1)},
}
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def size_bytes(quantity: str) -> int:
    """A quantity such as ``1300Gi`` as bytes, rounded down.

    Raises:
        ValueError: It is not a quantity.
    """
    return int(amount(quantity))


def amount(quantity: str) -> Decimal:
    """A quantity such as ``100m`` or ``1300Gi`` as a number.

    Raises:
        ValueError: It is not a quantity.
    """
    found = _FORM.fullmatch(quantity)
    if found is None:
        raise ValueError(f"not a quantity: {quantity!r}")
    number, unit = found.groups(default="")
    try:
        return Decimal(number) * _FACTORS[unit]
    except InvalidOperation as error:
        raise ValueError(f"not a quantity: {quantity!r}") from error


def duration_s(text: str, where: str) -> float:
    """The seconds of a duration such as ``1m30s``.

    Raises:
        UsageError: It is not a duration; the message names `where` it was found.
    """
    parts = re.findall(r"(\d+)(ms|[smhd])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise UsageError(f"{where}: {text!r} is not a duration", hint="for example 15s")
    return sum(int(number) * _UNITS_S[unit] for number, unit in parts)
