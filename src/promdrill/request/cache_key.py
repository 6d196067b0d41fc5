"""The key of a CI's cache: it changes with everything that decides what drills fetch or build.

It may change when it need not, which costs one night's downloads; it never stays the same when what is pinned changes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path

from promdrill.artefacts import machine
from promdrill.artefacts.pins import PINS_VARIABLE
from promdrill.core import paths

_PINS = Path(machine.__file__).with_name("pins.toml")
_SKIPPED = frozenset({"__pycache__"})


def of(settings: Iterable[Mapping[str, str | None]], scenarios: Iterable[Path]) -> str:
    """The key for what some runs need: ``promdrill-linux-amd64-`` and 32 hexadecimal digits.

    Args:
        settings: Of each run, by make's variables. Of a file or a folder that one names, the content counts.
        scenarios: The folders of the scenarios to drill.

    Raises:
        OSError: A file cannot be read.
    """
    digest = hashlib.sha256(metadata.version("promdrill").encode())
    given = sorted({f"{name}={value}" for run in settings for name, value in run.items() if value})
    own = sorted({place for text in given for place in _places(text.partition("=")[2])})
    pins = os.environ.get(PINS_VARIABLE)
    for text in given:
        digest.update(f"\0{text}".encode())
    for place in (_PINS, *([Path(pins)] if pins else []), paths.images_dir(), paths.manifests_dir(), *scenarios, *own):
        for file in _files(place):
            name = file.relative_to(place.parent).as_posix()
            digest.update(f"\0{name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}".encode())
    host = machine.examine()
    return f"promdrill-{host.platform.replace('/', '-')}-{digest.hexdigest()[:32]}"


def _places(value: str) -> Iterator[Path]:
    """The files and folders that a setting names; most name none."""
    return (Path(text) for text in map(str.strip, value.split(",")) if text and os.path.exists(text))  # noqa: PTH110


def _files(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    found = (path for path in place.rglob("*") if path.is_file())
    return sorted(path for path in found if not _SKIPPED & set(path.parts))
