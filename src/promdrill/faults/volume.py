"""Faults of volumes: using up their bytes, or their inodes."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from promdrill.core.events import FaultFull, UndoLeft
from promdrill.faults.base import NAMESPACE, Fault, FaultNotTaken, Ground, Undo
from promdrill.faults.df import inodes_full, no_inode, volume_full
from promdrill.faults.gradual import FILL_TIMEOUT_S, Filling
from promdrill.observe import df
from promdrill.observe.conditions import Condition
from promdrill.observe.snapshot import name_of

INODES_NEED_KIB = 2048
"""KiB that a growth leaves for the folders of the files that then use up the inodes. 3,000 of them need some 100."""

# Ever smaller blocks, so that no byte is left for any file. Each dd has to end in ENOSPC; the last one's message is the
# proof. The shell appends because busybox' dd has no oflag.
_FILL = """
f={file}
mkdir -p "$(dirname "$f")"
{first}
for bs in 1048576 4096 512 1; do
  said=$(dd if=/dev/zero bs=$bs 2>&1 >>"$f")
done
echo "$said"
"""

# What comes first if no inode may be left: the file's own, then the rest.
_INODES_FIRST = """
: >>"$f"
({inodes}) >/dev/null
"""

# touch takes many names at once; the last batch ends in ENOSPC, and so does a single file after it. sed makes the names
# because busybox' seq has no format option.
_FILL_INODES = """
f={folder}
mkdir -p "$f" && cd "$f" || exit
n=0
while touch $(seq 500 | sed "s/^/$n./") 2>/dev/null; do n=$((n + 1)); done
until ! touch "last.$n" 2>/dev/null; do n=$((n + 1)); done
touch "last.$n" 2>&1
"""

# One step of a growth. Neither $now nor $more is the same again, so the names are new.
_SOME_BYTES = "dd if=/dev/zero bs=4096 count=$((more / 4)) 2>/dev/null >>{file}"
_SOME_INODES = """(
  cd {folder} || exit
  while [ "$more" -gt 0 ]; do
    some=$((more < 500 ? more : 500))
    touch $(seq "$some" | sed "s/^/grown.$now.$more./") 2>/dev/null || exit
    more=$((more - some))
  done
)"""

_NO_SPACE = "No space left on device"

FEW_INODES: Mapping[str, Any] = {"metadata": {"annotations": {"promdrill.io/inodes": "3000"}}}
"""The patch that gives a StorageClass's volumes few inodes, which are soon used up."""


@dataclass(frozen=True)
class FillVolume(Fault):
    """Fills a volume of the server to the last byte with one file, written from inside its container.

    It can grow: bytes then go little by little, and the inodes at the end, while their folder still finds room.

    A full xfs takes no new file. A full ext4 still takes empty ones, so a server that needs nothing else starts on it
    (and stores nothing); to keep it from starting, the inodes have to be used up too.

    Attributes:
        mount: Where the volume is mounted.
        inside: Path of the file that takes the space, below `mount`; its folders are created.
        inodes: Whether every inode is used up too, by empty files beside that file. Choose a volume with few, as for
            `FillInodes`.
    """

    grows: ClassVar[bool] = True

    mount: str = "/data"
    inside: str = "promdrill.fill"
    inodes: bool = False

    @property
    def file(self) -> str:
        """The file that takes the space."""
        return f"{self.mount}/{self.inside}"

    @property
    def folder(self) -> str:
        """The folder of the files that take the inodes."""
        return f"{self.file}.files"

    @property
    def made(self) -> tuple[str, ...]:
        """What is created on the volume."""
        return (self.file, self.folder) if self.inodes else (self.file,)

    @property
    def name(self) -> str:
        return f"fill {self.mount} to the last byte{' and inode' if self.inodes else ''}"

    @property
    def blast_radius(self) -> tuple[str, ...]:
        return tuple(f"{path} on the volume of the drilled server" for path in self.made)

    def apply(self, ground: Ground, undo: Undo) -> tuple[Condition, ...]:
        for path in self.made:
            undo.register(f"remove {path}", partial(_remove, ground, path), within=NAMESPACE)
        use_inodes = _FILL_INODES.format(folder=shlex.quote(self.folder))
        first = _INODES_FIRST.format(inodes=use_inodes) if self.inodes else ""
        script = _FILL.format(file=shlex.quote(self.file), first=first)
        _use_up(ground, self._filling(), script, f"filling {self.mount}")
        full = volume_full(ground.server, name_of(ground.pod()), self.mount)
        return (full, no_inode(ground.server, name_of(ground.pod()), self.mount)) if self.inodes else (full,)

    def _filling(self) -> Filling:
        file = shlex.quote(self.file)
        return Filling(
            fault=self.name,
            mount=self.mount,
            df=df.BYTES,
            made=self.file,
            make=f'mkdir -p "$(dirname {file})" && : >>{file}',
            use=_SOME_BYTES.format(file=file),
            keep=INODES_NEED_KIB if self.inodes else 0,
        )


@dataclass(frozen=True)
class FillInodes(Fault):
    """Uses every inode of a volume of the server for an empty file; bytes stay free. It can grow.

    Choose a volume with few inodes: with `FEW_INODES` in its class, ext4 has 3,040 on 300 MiB, and xfs 6,144.

    Attributes:
        mount: Where the volume is mounted.
        inside: Folder of the files, below `mount`.
    """

    grows: ClassVar[bool] = True

    mount: str = "/data"
    inside: str = "promdrill.inodes"

    @property
    def folder(self) -> str:
        """The folder of the files."""
        return f"{self.mount}/{self.inside}"

    @property
    def name(self) -> str:
        return f"use every inode of {self.mount}"

    @property
    def blast_radius(self) -> tuple[str, ...]:
        return (f"{self.folder} on the volume of the drilled server",)

    def apply(self, ground: Ground, undo: Undo) -> tuple[Condition, ...]:
        undo.register(f"remove {self.folder}", lambda: _remove(ground, self.folder), within=NAMESPACE)
        script = _FILL_INODES.format(folder=shlex.quote(self.folder))
        _use_up(ground, self._filling(), script, f"using up {self.mount}'s inodes")
        return (inodes_full(ground.server, name_of(ground.pod()), self.mount),)

    def _filling(self) -> Filling:
        folder = shlex.quote(self.folder)
        return Filling(
            fault=self.name,
            mount=self.mount,
            df=df.INODES,
            made=self.folder,
            make=f"mkdir -p {folder}",
            use=_SOME_INODES.format(folder=folder),
        )


def _use_up(ground: Ground, filling: Filling, script: str, doing: str) -> None:
    """Use up a volume to its end, little by little if the fault is to grow; notes when that had its full effect.

    Args:
        ground: The ground.
        filling: How it grows.
        script: Uses up what is left; it has to end in ENOSPC.
        doing: What that is, in words.

    Raises:
        FaultNotTaken: It did not end so.
    """
    if ground.growth_s > 0:
        filling.grow(ground)
    _, output = ground.run(script, timeout_s=FILL_TIMEOUT_S)
    if _NO_SPACE not in output:
        raise FaultNotTaken(f"{doing} did not end with {_NO_SPACE!r}: {output.strip()[-300:]}")
    if ground.growth_s > 0:
        ground.journal.write(FaultFull(fault=filling.fault))


def _remove(ground: Ground, what: str) -> None:
    """Remove a file or folder if a server container runs; otherwise it goes with the volume."""
    if not ground.server.pods(ground.observer.snapshot()):
        ground.journal.write(UndoLeft(what=what, why="no server pod; it goes with the volume"))
        return
    ground.run(f"rm -rf {shlex.quote(what)}", timeout_s=60)
