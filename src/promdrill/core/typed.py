"""JSON that reads back as the dataclasses that it was written from, checked field by field against their types."""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

D = TypeVar("D")


def dumps(value: Any) -> str:
    """A dataclass as JSON text that ends with a newline; what lies in it may be what `loads` reads."""
    return json.dumps(dataclasses.asdict(value), default=_plain, indent=2) + "\n"


def line(value: Any) -> str:
    """As `dumps`, on one line."""
    return json.dumps(dataclasses.asdict(value), default=_plain) + "\n"


def loads(kind: type[D], text: str | bytes) -> D:
    """The dataclass that `dumps` wrote.

    Its fields may be dataclasses, enumerations, paths, text, numbers, booleans, tuples and frozen sets of one type,
    mappings with text as keys, and any of them or None.

    Args:
        kind: The dataclass.
        text: The JSON.

    Raises:
        ValueError: It is not JSON, or not of that type; says which field.
    """
    found: D = _read(kind, json.loads(text), kind.__name__)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _read(kind: Any, data: Any, where: str) -> Any:
    if kind is Any:
        return data
    inner = get_args(kind)
    if get_origin(kind) in {Union, types.UnionType}:
        (known,) = (each for each in inner if each is not type(None))
        return None if data is None else _read(known, data, where)
    if inner:
        return _several(get_origin(kind), inner, data, where)
    if dataclasses.is_dataclass(kind) and isinstance(data, dict):
        return _dataclass(kind, data, where)
    return _one(kind, data, where)


def _several(kind: Any, inner: tuple[Any, ...], data: Any, where: str) -> Any:
    if kind in {tuple, frozenset} and isinstance(data, list):
        return kind(_read(inner[0], each, f"{where}[{at}]") for at, each in enumerate(data))
    if issubclass(kind, Mapping) and isinstance(data, dict):
        return {name: _read(inner[1], each, f"{where}.{name}") for name, each in data.items()}
    raise _not(kind, data, where)


def _one(kind: Any, data: Any, where: str) -> Any:
    if issubclass(kind, Path | Enum) and isinstance(data, str):
        return kind(data)
    if kind is float and type(data) is int:
        return float(data)
    if type(data) is kind:
        return data
    raise _not(kind, data, where)


def _not(kind: type[Any], data: Any, where: str) -> ValueError:
    return ValueError(f"{where}: not a {kind.__name__}: {json.dumps(data)[:60]}")


def _dataclass(kind: Any, data: Mapping[str, Any], where: str) -> Any:
    hints = get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    if strange := sorted(data.keys() - fields.keys()):
        raise ValueError(f"{where}: has no {', '.join(strange)}")
    for name, field in fields.items():
        bare = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if bare and name not in data:
            raise ValueError(f"{where}.{name}: missing")
    return kind(**{name: _read(hints[name], each, f"{where}.{name}") for name, each in data.items()})
