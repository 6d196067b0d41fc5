"""What a session that joins another's cluster is given: a file, written by the parent for one child."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from promdrill.cluster.address import Address
from promdrill.core import files, records
from promdrill.request.request import Request
from promdrill.supply.supplied import Supplied

__all__ = ["Address", "Joined"]


@dataclass(frozen=True, slots=True)
class Joined:
    """What a child session is given.

    Attributes:
        request: The parent's request, which the child does not check again.
        supplied: What the supply provided to the parent.
        address: The address of the parent's cluster.
        reports: The parent's report folder, for journals and everything else that drills keep.
        outbox: The child's own folder, for what it tells the parent.
    """

    request: Request
    supplied: Supplied
    address: Address
    reports: Path
    outbox: Path

    def write(self) -> Path:
        """Create the outbox, write this into it, and return the file."""
        self.outbox.mkdir(parents=True)
        file = self.outbox / "join.json"
        return files.write(file, records.dumps(self))

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a file written by `write`.

        Raises:
            UsageError: The file does not exist, or was not written by `write`.
        """
        return records.read(
            cls, file, wrong=f"--join={file}: not written by a session with --jobs", hint="leave --join out"
        )
