"""Records as JSON: frozen dataclasses written and read by their types, in the same way for every file of promdrill's.

`dump` turns a record into plain data, `load` turns plain data into a record and refuses what does not fit: a missing
field without a default, a value of another type, a moment without a time zone, a number that JSON's readers do not
agree on. Unknown fields are ignored. `parse` and `read_file` do the same from a text and from a file.

Types that a record may use: str, int, float, bool, None, tuple, list, frozenset, dict and Mapping, StrEnum, Path,
`Moment`, further records, and unions of these with None.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeAlias, TypeVar

import msgspec

from promdrill.core import reading
from promdrill.core.errors import UsageError, shortened
from promdrill.core.reading import Unreadable

T = TypeVar("T")

Moment: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
"""A point in time; in JSON ISO 8601 with its time zone."""


LARGEST = 2**53
"""Largest number: every whole one up to it is exact for every reader of JSON (RFC 8259), and none overflows a date."""

_LONGEST = 20  # digits, with a sign: a longer number is beyond it

DEEPEST = 100
"""Most levels of lists and objects in each other: a Kubernetes object has some twenty."""


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


def is_plain(text: bytes) -> bool:
    """Whether `quick` judges this JSON as `loads` does: it is ASCII, not deep, and has no number beyond `LARGEST`."""
    shape = text.translate(_SHAPE)
    beyond = _LONG in shape or _POWER.search(shape)
    return text.isascii() and not beyond and text.count(b"[") + text.count(b"{") <= DEEPEST


def quick(kind: type[T], text: bytes) -> T | None:
    """The record that plain JSON describes, in a third of the time of `loads`; None if it does not fit.

    Args:
        kind: As for `load`.
        text: JSON that `is_plain`. Where this finds nothing, `loads` says why.
    """
    try:
        decoder = _DECODERS.get(kind) or _DECODERS.setdefault(kind, msgspec.json.Decoder(kind, dec_hook=_decoded))
        found: T = decoder.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return None
    return found


def loads(kind: type[T], text: str | bytes, *, exact: bool = False) -> T:
    """The record that JSON text describes.

    Args:
        kind: As for `load`.
        text: The JSON.
        exact: As for `load`.

    Raises:
        Misfit: It is not JSON, or does not fit.
    """
    return load(kind, parse(text), exact=exact)


def load(kind: type[T], data: object, *, exact: bool = False) -> T:
    """The record that plain data describes.

    Args:
        kind: A dataclass, or any other type that a record may use.
        data: As from `dump` or `parse`.
        exact: Refuse fields that the record does not have, which are ignored otherwise.

    Raises:
        Misfit: It does not fit.
    """
    try:
        record = msgspec.convert(data, kind, dec_hook=_decoded)
    except msgspec.ValidationError as error:
        raise Misfit(_words(str(error))) from error
    if exact:
        _refuse_surplus(data, dump(record), "")
    return record


def parse(text: str | bytes) -> Any:
    """Plain data from JSON.

    Raises:
        Misfit: It is not JSON, is nested too deeply, or contains NaN, Infinity, a number beyond `LARGEST`, or half of a
            surrogate pair, which is no character.
    """
    content = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if content.isascii() and _LONG not in content.translate(_SHAPE):
        with contextlib.suppress(msgspec.MsgspecError, RecursionError):  # what is wrong is found again below
            data = _ANY.decode(content)
            if content.count(b"[") + content.count(b"{") <= DEEPEST or not _deep(data):
                return data
    try:
        plain = text if isinstance(text, str) else text.decode("utf-8-sig")
        data = _JSON.decode(plain)
    except RecursionError as error:
        raise Misfit("is nested too deeply") from error
    except ValueError as error:
        raise error if isinstance(error, Misfit) else Misfit(f"is not JSON: {error}") from error
    if plain.count("[") + plain.count("{") > DEEPEST and _deep(data):
        raise Misfit("is nested too deeply")
    if "\\u" in plain or not plain.isascii():
        try:
            json.dumps(data, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise Misfit(f"has {error.object[error.start]!r}, which is not a character") from error
    return data


def read_file(file: Path, *, hint: str = "") -> Any:
    """Plain data from a JSON file, for `load`.

    Raises:
        UsageError: The file cannot be read, or is not JSON; the message names it.
    """
    content = reading.bytes_of(file, limit_bytes=reading.LARGEST_RECORD_BYTES)
    try:
        return parse(content)
    except Misfit as error:
        raise UsageError(f"{file} {error}", hint=hint or f"cat {file}") from error


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
        return loads(kind, reading.bytes_of(file, limit_bytes=reading.LARGEST_RECORD_BYTES), exact=True)
    except (Unreadable, Misfit) as error:
        why = error.why if isinstance(error, Unreadable) else str(error)
        raise UsageError(f"{wrong}: {why}", hint=hint or f"ls -l {file}") from error


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


def _number(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        _refuse(digits)
    return _bounded(number, digits)


def _whole(digits: str) -> int:
    if len(digits) > _LONGEST:  # before int, which refuses thousands of digits in its own way
        _bounded(float(digits), digits)
    number = int(digits)
    _bounded(number, digits)
    return number


def _bounded(number: float, digits: str) -> float:
    if abs(number) > LARGEST:
        raise Misfit(f"has {shortened(digits, 40)}, a number beyond {LARGEST}")
    return number


def _refuse(constant: str) -> NoReturn:
    raise Misfit(f"has {constant} instead of a number")


_JSON = json.JSONDecoder(parse_constant=_refuse, parse_float=_number, parse_int=_whole)
"""Made once: `json.loads` would make one for each line of a journal, which takes as long as reading the line."""

_ANY = msgspec.json.Decoder(float_hook=_number)
"""Twice as fast as `_JSON`, and as strict with a text that is ASCII, is not deep, and has no `_LONG` number."""

_DECODERS: dict[type[Any], msgspec.json.Decoder[Any]] = {}
"""One for each type that `quick` was asked for."""

_SHAPE = bytes.maketrans(b"123456789.+E:,[{-\t\r\n", b"00000000000e        ")
"""Translates JSON so that a number that may be beyond `LARGEST` is found fast; so are a few others, and some texts."""

_LONG, _POWER = b"0" * 16, re.compile(b" 0+e0")
"""In that shape, as many digits as `LARGEST` has, and a number with an exponent that is not negative."""


def _deep(data: Any) -> bool:
    level = [data]
    for _ in range(DEEPEST):
        below = [item for each in level for item in (each.values() if isinstance(each, dict) else each)]
        level = [item for item in below if isinstance(item, dict | list)]
        if not level:
            return False
    return True


def _words(said: str) -> str:
    """The library's message, with the path first: ``drills[0].verdict: expected str, got int``."""
    found = re.fullmatch(r"(?P<what>.*?) - at `(?:key in )?\$\.?(?P<place>.*)`", said, re.DOTALL)
    what, place = (found["what"], found["place"]) if found else (said, "")
    missing = re.fullmatch(r"Object missing required field `(\w+)`", what)
    if missing:
        return f"{place}.{missing[1]} is missing".removeprefix(".")
    what = what[:1].lower() + what[1:].replace("`", "")
    return f"{place}: {what}" if place else what
