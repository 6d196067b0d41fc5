"""What a predicate looked at in an object, so that an observation shows that part and not the whole object."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from promdrill.core.errors import shortened
from promdrill.observe.conditions import Seen, unknown

LONGEST_SHOWN = 80
"""Characters of an observation that has no words of its own."""


def judged(predicate: Callable[[Any], bool], body: Any, show: Callable[[Any], str] | None) -> Seen:
    """Whether the predicate holds, and the observation in words.

    Where the body lacks a part that the predicate takes for granted, as a repair has removed it or it is not there yet,
    nothing is known: neither the condition holds then nor its opposite.

    Args:
        predicate: What is asked.
        body: JSON.
        show: Puts the body into words; without it, the values that the predicate read are shown, by their paths.
    """
    reads: dict[str, Any] = {}
    try:
        if show is not None:
            return Seen(holds=bool(predicate(body)), text=show(body))
        holds = bool(predicate(_watched(body, "", reads)))
    except LookupError as missing:
        lacks = isinstance(missing, KeyError)
        return unknown(f"it has no {missing.args[0]}" if lacks else f"it is not shaped as expected: {missing}")
    leaves = {path: value for path, value in reads.items() if not any(_below(path, other) for other in reads)}
    words = ", ".join(f"{path} is {_words(value)}" for path, value in leaves.items())
    return Seen(holds=holds, text=shortened(words or str(body), LONGEST_SHOWN))


def _below(path: str, other: str) -> bool:
    return other.startswith((f"{path}.", f"{path}["))


def _words(value: Any) -> str:
    if isinstance(value, dict | list):
        return f"{len(value)} {'fields' if isinstance(value, dict) else 'items'}"
    return "not there" if value is None else str(value)


def _watched(value: Any, path: str, reads: dict[str, Any]) -> Any:
    if path:
        reads[path] = value
    if isinstance(value, dict):
        return _Mapping(value, path, reads)
    return _List(value, path, reads) if isinstance(value, list) else value


class _Mapping(dict[str, Any]):
    """An object that records which of its fields are read."""

    def __init__(self, values: dict[str, Any], path: str, reads: dict[str, Any]) -> None:
        super().__init__(values)
        self._path = path
        self._reads = reads

    def _read(self, key: str, value: Any) -> Any:
        return _watched(value, f"{self._path}.{key}" if self._path else str(key), self._reads)

    def __getitem__(self, key: str) -> Any:
        return self._read(key, super().__getitem__(key))

    def __contains__(self, key: object) -> bool:
        self._read(str(key), super().get(str(key)))
        return super().__contains__(key)

    def get(self, key: str, default: Any = None) -> Any:
        if super().__contains__(key):
            return self[key]
        self._read(key, None)
        return default

    def items(self) -> Any:
        return [(key, self[key]) for key in self]

    def values(self) -> Any:
        return [self[key] for key in self]


class _List(list[Any]):
    """A list that records which of its items are read."""

    def __init__(self, values: list[Any], path: str, reads: dict[str, Any]) -> None:
        super().__init__(values)
        self._path = path
        self._reads = reads

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        if isinstance(at, slice):
            return _List(found, self._path, self._reads)
        return _watched(found, f"{self._path}[{at}]", self._reads)

    def __iter__(self) -> Iterator[Any]:
        return (self[at] for at in range(len(self)))
