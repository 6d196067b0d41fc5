"""Faults of volumes: using up their bytes, or their inodes."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from promdrill.faults.base import Fault, FaultNotTaken, Ground, Undo
from promdrill.faults.df import inodes_full, volume_full
from promdrill.observe.conditions import Condition
from promdrill.observe.picture import name_of

FILL_TIMEOUT_S = 120.0
"""For the whole fill: 1 GiB of zeros at 10 MB/s, the slowest disk worth drilling on."""

# Ever smaller blocks, so that no byte is left that a file could have. Each dd is to end in ENOSPC; the last one's
# words are the proof. The shell appends because busybox' dd knows no oflag.
_FILL = """
f={file}
mkdir -p "$(dirname "$f")"
for bs in 1048576 4096 512 1; do
  said=$(dd if=/dev/zero bs=$bs 2>&1 >>"$f")
done
echo "$said"
"""

# touch takes many names at once; the last batch ends in ENOSPC, and so does a single file after it. sed makes the names
# because busybox' seq knows no format.
_FILL_INODES = """
f={folder}
mkdir -p "$f" && cd "$f" || exit
n=0
while touch $(seq 500 | sed "s/^/$n./") 2>/dev/null; do n=$((n + 1)); done
until ! touch "last.$n" 2>/dev/null; do n=$((n + 1)); done
touch "last.$n" 2>&1
"""

_NO_SPACE = "No space left on device"


@dataclass(frozen=True)
class FillVolume(Fault):
    """A volume of the server is filled to the last byte by one file, written from inside its container.

    Attributes:
        mount: Where the volume is mounted.
        inside: Path of the file that takes the room, below `mount`; its folders are made.
    """

    mount: str = "/data"
    inside: str = "promdrill.fill"

    @property
    def file(self) -> str:
        """The file that takes the room."""
        return f"{self.mount}/{self.inside}"

    @property
    def name(self) -> str:
        return f"fill {self.mount} to the last byte"

    @property
    def blast_radius(self) -> tuple[str, ...]:
        return (f"{self.file} on the volume of the drilled server",)

    def apply(self, ground: Ground, undo: Undo) -> tuple[Condition, ...]:
        undo.register(f"remove {self.file}", lambda: _remove(ground, self.file))
        _, output = ground.run(_FILL.format(file=shlex.quote(self.file)), timeout_s=FILL_TIMEOUT_S)
        if _NO_SPACE not in output:
            raise FaultNotTaken(f"filling {self.mount} did not end in {_NO_SPACE!r} but said: {output.strip()[-300:]}")
        return (volume_full(ground.server, name_of(ground.pod()), self.mount),)


@dataclass(frozen=True)
class FillInodes(Fault):
    """Every inode of a volume of the server is used by an empty file; bytes stay free.

    The volume is best one with few inodes, as from ``promdrill.io/mkfs-options: "-i maxpct=1"``: 3,000 on 300 MiB.

    Attributes:
        mount: Where the volume is mounted.
        inside: Folder of the files, below `mount`.
    """

    mount: str = "/data"
    inside: str = "promdrill.inodes"

    @property
    def folder(self) -> str:
        """Where the files are."""
        return f"{self.mount}/{self.inside}"

    @property
    def name(self) -> str:
        return f"use every inode of {self.mount}"

    @property
    def blast_radius(self) -> tuple[str, ...]:
        return (f"{self.folder} on the volume of the drilled server",)

    def apply(self, ground: Ground, undo: Undo) -> tuple[Condition, ...]:
        undo.register(f"remove {self.folder}", lambda: _remove(ground, self.folder))
        _, output = ground.run(_FILL_INODES.format(folder=shlex.quote(self.folder)), timeout_s=FILL_TIMEOUT_S)
        if _NO_SPACE not in output:
            raise FaultNotTaken(f"using up {self.mount}'s inodes did not end in {_NO_SPACE!r}: {output.strip()[-300:]}")
        return (inodes_full(ground.server, name_of(ground.pod()), self.mount),)


def _remove(ground: Ground, what: str) -> None:
    """Remove a file or folder where a server container runs; otherwise it goes with the volume."""
    if not ground.server.pods(ground.observer.picture()):
        ground.journal.note("undo-left", what=what, why="no server pod; it goes with the volume")
        return
    ground.run(f"rm -rf {shlex.quote(what)}", timeout_s=60)
