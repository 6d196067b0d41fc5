"""The cache of what was built: one folder per artefact and recipe, written whole or not at all.

    <cache>/artefacts/<name>/<key>/files/...     what was built
    <cache>/artefacts/<name>/<key>/manifest.json size and SHA-256 of every file, and notes on how it was built
    <cache>/locks/<name>-<key>.lock              held by the one process that builds it
    <cache>/go/{mod,build}                       Go's own caches, so an interrupted build continues where it stopped;
                                                 deleted once everything is built
    <cache>/CACHEDIR.TAG                         promdrill's mark: what promdrill made here may be deleted

The key is a hash of the recipe's content, so a changed recipe gets a new entry. If the size or checksum of any file
does not match the manifest, the entry is damaged: it is deleted and built again.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock

from promdrill.core import background, files, paths, scratch
from promdrill.core.errors import SupplyError, UsageError

TAG = "CACHEDIR.TAG"
"""Marks a folder that promdrill created, or found empty; backup programs leave out folders with a file of this name."""

TAG_TEXT = """\
Signature: 8a477f597d28d172789f06886806bc55
# This folder is a cache of promdrill. `promdrill clean-cache` deletes what promdrill made in it.
"""

CHILDREN = ("artefacts", "engine", "go", "locks", "matplotlib", "mypy", "scratch")
"""Everything that promdrill makes in its cache folder, or has made there: `matplotlib` is from 0.1."""

KEEP_BUILD = "KEEP_BUILD"
"""The variable that keeps Go's caches when it is 1: for who builds again and again."""


def keeps_go() -> bool:
    """Whether Go's caches are kept.

    Raises:
        UsageError: The variable is neither 0 nor 1.
    """
    said = os.environ.get(KEEP_BUILD) or "0"
    if said not in {"0", "1"}:
        raise UsageError(f"{KEEP_BUILD}={said}: not one of 0, 1", hint=f"{KEEP_BUILD}=1 keeps Go's caches")
    return said == "1"


DELETING = "the deletion of what only builds need"
"""What goes on in the background once Go's caches have been moved away."""

_OF_THE_DISK = "lost+found"
_HINT = f"{paths.CACHE_VARIABLE}=FOLDER ..., a new or an empty one"


def require_own(root: Path) -> None:
    """Refuse a folder that is no cache of promdrill's, so that nothing of anybody else's is written over or deleted.

    A cache from before there were marks is known by its content: there is nothing in it but what promdrill makes.

    Raises:
        UsageError: It holds something else, and promdrill did not mark it.
    """
    try:
        there = {path.name for path in root.iterdir()}
        marked = TAG in there and (root / TAG).read_text(encoding="utf-8", errors="replace") == TAG_TEXT
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"{root}: cannot be used as a cache: {error.strerror}", hint=_HINT) from error
    drafts = {name for name in there if name.startswith(f".{TAG}.")}  # another promdrill is marking it just now
    others = sorted(there - drafts - {*CHILDREN, _OF_THE_DISK})
    if others and not marked:
        seen = ", ".join(others[:3]) + (", ..." if others[3:] else "")
        raise UsageError(f"{root} is no cache of promdrill's: it holds {seen}, and has no mark", hint=_HINT)


def claim(root: Path) -> None:
    """Create a cache folder if there is none, and mark it as promdrill's.

    Raises:
        UsageError: It is somebody else's.
    """
    require_own(root)
    if not (root / TAG).is_file():
        files.make_folder(root)
        files.write(root / TAG, TAG_TEXT)


def digest_of(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def key_of(recipe: Any) -> str:
    """A short, stable key of a recipe: anything that JSON holds."""
    text = json.dumps(recipe, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def tree_digest(folder: Path) -> str:
    """One hash over the names, modes and contents of all files below a folder."""
    summary = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        executable = "x" if path.stat().st_mode & 0o100 else "-"
        summary.update(f"{path.relative_to(folder)}\0{executable}\0{digest_of(path)}\n".encode())
    return summary.hexdigest()


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """An artefact in the cache.

    Attributes:
        name: The artefact's name.
        key: The recipe's key.
        folder: The entry's folder.
    """

    name: str
    key: str
    folder: Path

    @property
    def files(self) -> Path:
        """The folder with what was built."""
        return self.folder / "files"

    @property
    def manifest(self) -> dict[str, Any]:
        """The entry's manifest.

        Raises:
            SupplyError: It cannot be read; `Cache.find` never returns such an entry.
        """
        try:
            loaded: dict[str, Any] = json.loads((self.folder / "manifest.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise SupplyError(f"cache entry {self.name} has no readable manifest: {error}") from error
        return loaded

    def damage(self, only: Iterable[str] | None = None) -> str | None:
        """What is wrong with the entry's files; None if nothing is.

        Args:
            only: Files to check, relative to `files`; all by default.
        """
        try:
            recorded: dict[str, list[Any]] = self.manifest["files"]
        except (SupplyError, KeyError) as error:
            return f"no manifest ({error})"
        for name in only if only is not None else recorded:
            path = self.files / name
            if name not in recorded or not path.is_file():
                return f"{name} is missing"
            size, digest = recorded[name]
            if path.stat().st_size != size or digest_of(path) != digest:
                return f"{name} does not match the manifest"
        return None


class Cache:
    """The artefact cache below one folder.

    Args:
        root: The folder; created when something is stored.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def go_mod(self) -> Path:
        """Go's module cache."""
        return self.root / "go" / "mod"

    @property
    def go_build(self) -> Path:
        """Go's build cache."""
        return self.root / "go" / "build"

    def lock(self, name: str) -> filelock.BaseFileLock:
        """A lock of that name, shared by every promdrill process that uses this cache.

        Raises:
            UsageError: The folder is somebody else's.
        """
        claim(self.root)
        folder = self.root / "locks"
        folder.mkdir(exist_ok=True)
        return filelock.FileLock(folder / f"{name}.lock")

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """A temporary folder beside the artefacts, removed when the block is left.

        Raises:
            UsageError: The folder is somebody else's.
        """
        claim(self.root)
        with scratch.folder("work", within=self._temporary) as folder:
            yield folder

    @contextlib.contextmanager
    def building_with_go(self) -> Iterator[None]:
        """Keep Go's caches during the block: no other process deletes them.

        Raises:
            UsageError: The folder is somebody else's.
        """
        with self._go_lock(fcntl.LOCK_SH):
            yield

    @contextlib.contextmanager
    def without_builds(self) -> Iterator[None]:
        """Keep Go's caches unused during the block: nobody begins to build with them.

        Raises:
            BlockingIOError: Another process is building with them.
            UsageError: The folder is somebody else's.
        """
        with self._go_lock(fcntl.LOCK_EX | fcntl.LOCK_NB):
            yield

    def drop_go(self) -> bool:
        """Delete Go's caches: several GB that only further builds would use. Returns whether there were any.

        They stay while another process builds with them, which deletes them when it is done, and where the environment
        has `KEEP_BUILD`. They are moved to the temporary folders. What is left there is deleted in the background, as
        it takes half a minute: these caches, and what killed processes have left.

        Raises:
            UsageError: As in `keeps_go`.
            OSError: They could not be moved out of the way.
        """
        dropped = not keeps_go() and (self.root / "go").is_dir() and self._move_go()
        if any(path.is_dir() for path in self._temporary.glob("*")):
            background.begin(DELETING, self.sweep)
        return dropped

    def _move_go(self) -> bool:
        """Make Go's caches a temporary folder that nobody holds; returns False while anybody builds with them."""
        self._temporary.mkdir(parents=True, exist_ok=True)
        try:
            with self.without_builds():
                (self.root / "go").rename(self._temporary / f"go-{secrets.token_hex(4)}")
        except BlockingIOError:
            return False
        return True

    def sweep(self) -> int:
        """Delete the temporary folders whose makers have ended; returns how many there were.

        Raises:
            UsageError: The folder is somebody else's.
        """
        require_own(self.root)
        return scratch.sweep(self._temporary)

    @property
    def _temporary(self) -> Path:
        return self.root / "scratch"

    @contextlib.contextmanager
    def _go_lock(self, operation: int) -> Iterator[None]:
        claim(self.root)
        folder = self.root / "locks"
        folder.mkdir(exist_ok=True)
        with (folder / "go").open("ab") as file:
            fcntl.flock(file, operation)
            yield

    def find(self, name: str, key: str, *, only: Iterable[str] | None = None) -> CacheEntry | None:
        """The entry, if it exists and is not damaged.

        Args:
            name: The artefact's name.
            key: Its recipe's key.
            only: Files to check; all by default.
        """
        entry = CacheEntry(name, key, self.place(name, key))
        return entry if entry.folder.is_dir() and entry.damage(only) is None else None

    def build(
        self,
        name: str,
        key: str,
        make: Callable[[Path], dict[str, Any]],
        *,
        waiting: Callable[[], None] = lambda: None,
    ) -> CacheEntry:
        """The entry, built by `make` if it is missing; two processes at the same time build it once.

        Args:
            name: The artefact's name.
            key: Its recipe's key.
            make: Fills the given folder and returns notes for the manifest.
            waiting: Called once when another process is building the same thing.
        """
        lock = self.lock(f"{name}-{key}")
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            waiting()
            lock.acquire()
        try:
            return self.find(name, key) or self._store(name, key, make)
        finally:
            lock.release()

    def _store(self, name: str, key: str, make: Callable[[Path], dict[str, Any]]) -> CacheEntry:
        place = self.place(name, key)
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists():  # damaged, or it would have been found
            shutil.rmtree(place)
        for stale in place.parent.glob(f".{key}-*"):  # left by a killed build, because we hold the lock
            shutil.rmtree(stale)
        work = Path(tempfile.mkdtemp(prefix=f".{key}-", dir=place.parent))
        try:
            files = work / "files"
            files.mkdir()
            notes = make(files)
            recorded = {
                str(path.relative_to(files)): [path.stat().st_size, digest_of(path)]
                for path in sorted(files.rglob("*"))
                if path.is_file()
            }
            manifest = {"name": name, "key": key, "files": recorded, **notes}
            (work / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
            work.rename(place)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise
        return CacheEntry(name, key, place)

    def place(self, name: str, key: str) -> Path:
        """The folder of an entry, whether it exists or not."""
        return self.root / "artefacts" / name / key
