"""Records as JSON: frozen dataclasses written and read by their types, in the same way for every file of promdrill's.

`dump` turns a record into plain data, `load` turns plain data into a record and refuses what does not fit: a missing
field without a default, a value of another type, a moment without a time zone, NaN. Unknown fields are
ignored. `parse` and `read_file` do the same from a text and from a file.

Types that a record may use: str, int, float, bool, None, tuple, list, frozenset, dict and Mapping, StrEnum, Path,
`Moment`, further records, and unions of these with None.
"""

from __future__ import annotations

import json
import math
import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeAlias, TypeVar

import msgspec

from promdrill.core.errors import UsageError

T = TypeVar("T")

Moment: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
"""A point in time; in JSON ISO 8601 with its time zone."""


class Misfit(ValueError):
    """Data does not fit a record. The message says where, and what was expected there."""


def dump(record: object) -> Any:
    """A record as plain data: dicts, lists, texts, numbers. Anything that JSON cannot represent becomes its ``str``."""
    return msgspec.to_builtins(record, enc_hook=str)


def dumps(record: object, *, indent: int | None = 2) -> str:
    """A record as JSON text that ends with a newline.

    Args:
        record: As for `dump`.
        indent: Spaces per level; None for a single line.
    """
    return json.dumps(dump(record), indent=indent) + "\n"


def loads(kind: type[T], text: str | bytes, *, exact: bool = False) -> T:
    """The record that JSON text describes.

    Args:
        kind: As for `load`.
        text: The JSON.
        exact: Refuse fields that the record does not have, which `load` ignores.

    Raises:
        Misfit: It is not JSON, or does not fit.
    """
    data = parse(text)
    record = load(kind, data)
    if exact:
        _refuse_surplus(data, dump(record), "")
    return record


def load(kind: type[T], data: object) -> T:
    """The record that plain data describes.

    Args:
        kind: A dataclass, or any other type that a record may use.
        data: As from `dump` or `parse`.

    Raises:
        Misfit: It does not fit.
    """
    try:
        return msgspec.convert(data, kind, dec_hook=_decoded)
    except msgspec.ValidationError as error:
        raise Misfit(_words(str(error))) from error
    except RecursionError as error:
        raise Misfit("is nested too deeply") from error


def parse(text: str | bytes) -> Any:
    """Plain data from JSON.

    Raises:
        Misfit: It is not JSON, is nested too deeply, or contains NaN or Infinity.
    """
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError as error:
        raise Misfit("is nested too deeply") from error
    except ValueError as error:
        raise error if isinstance(error, Misfit) else Misfit(f"is not JSON: {error}") from error


def read_file(file: Path, *, hint: str = "") -> Any:
    """Plain data from a JSON file, for `load`.

    Raises:
        UsageError: The file cannot be read, or is not JSON; the message names it.
    """
    try:
        return parse(file.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}", hint=hint) from error
    except ValueError as error:
        raise UsageError(f"{file} {error}", hint=hint) from error


def read(kind: type[T], file: Path, *, wrong: str, hint: str = "") -> T:
    """The record in a file that `dumps` wrote, with no field too many.

    Args:
        kind: As for `load`.
        file: The file.
        wrong: Begins the error's message: which file it is, and what it is not.
        hint: The error's.

    Raises:
        UsageError: The file cannot be read, or does not hold such a record.
    """
    try:
        return loads(kind, file.read_bytes(), exact=True)
    except OSError as error:
        raise UsageError(f"{wrong}: {error.strerror}", hint=hint) from error
    except Misfit as error:
        raise UsageError(f"{wrong}: {error}", hint=hint) from error


def _decoded(kind: type[Any], data: object) -> Any:
    if kind is Path and isinstance(data, str):
        return Path(data)
    raise Misfit(f"expected {kind.__name__}, got {data!r}")


def _refuse_surplus(data: Any, known: Any, place: str) -> None:
    if isinstance(data, dict) and isinstance(known, dict):
        for name, value in data.items():
            if name not in known:
                raise Misfit(f"{place}{name}: there is no such field")
            _refuse_surplus(value, known[name], f"{place}{name}.")
    elif isinstance(data, list) and isinstance(known, list | tuple):
        for number, (value, item) in enumerate(zip(data, known, strict=False)):
            _refuse_surplus(value, item, f"{place.removesuffix('.')}[{number}].")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse(digits)


def _refuse(constant: str) -> NoReturn:
    raise Misfit(f"has {constant} instead of a number")


def _words(said: str) -> str:
    """The library's message, with the path first: ``drills[0].verdict: expected str, got int``."""
    found = re.fullmatch(r"(?P<what>.*?) - at `(?:key in )?\$\.?(?P<place>.*)`", said, re.DOTALL)
    what, place = (found["what"], found["place"]) if found else (said, "")
    missing = re.fullmatch(r"Object missing required field `(\w+)`", what)
    if missing:
        return f"{place}.{missing[1]} is missing".removeprefix(".")
    what = what[:1].lower() + what[1:].replace("`", "")
    return f"{place}: {what}" if place else what
