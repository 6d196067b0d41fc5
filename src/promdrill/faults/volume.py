"""Faults of volumes: filling them."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from promdrill.faults.base import Fault, FaultNotTaken, Ground, Undo
from promdrill.faults.df import volume_full
from promdrill.observe.conditions import Condition
from promdrill.observe.picture import name_of

FILL_TIMEOUT_S = 120.0
"""For the whole fill: 1 GiB of zeros at 10 MB/s, the slowest disk worth drilling on."""

# Ever smaller blocks, so that no byte is left that a file could have. Each dd is to end in ENOSPC; the last one's
# words are the proof. The shell appends because busybox' dd knows no oflag.
_FILL = """
f={file}
for bs in 1048576 4096 512 1; do
  said=$(dd if=/dev/zero bs=$bs 2>&1 >>"$f")
done
echo "$said"
"""

_NO_SPACE = "No space left on device"


@dataclass(frozen=True)
class FillVolume(Fault):
    """A volume of the server is filled to the last byte by one file, written from inside its container.

    Attributes:
        mount: Where the volume is mounted.
    """

    mount: str = "/data"

    @property
    def file(self) -> str:
        """The file that takes the room."""
        return f"{self.mount}/promdrill.fill"

    @property
    def name(self) -> str:
        return f"fill {self.mount} to the last byte"

    @property
    def blast_radius(self) -> tuple[str, ...]:
        return (f"{self.file} on the volume of the drilled server",)

    def apply(self, ground: Ground, undo: Undo) -> tuple[Condition, ...]:
        undo.register(f"remove {self.file}", lambda: self._remove(ground))
        _, output = ground.run(_FILL.format(file=shlex.quote(self.file)), timeout_s=FILL_TIMEOUT_S)
        if _NO_SPACE not in output:
            raise FaultNotTaken(f"filling {self.mount} did not end in {_NO_SPACE!r} but said: {output.strip()[-300:]}")
        return (volume_full(ground.server, name_of(ground.pod()), self.mount),)

    def _remove(self, ground: Ground) -> None:
        """Remove the file where a server container runs; otherwise it goes with the volume."""
        if not ground.server.pods(ground.observer.picture()):
            ground.journal.note("undo-left", what=self.file, why="no server pod; it goes with the volume")
            return
        ground.run(f"rm -f {shlex.quote(self.file)}", timeout_s=10)
