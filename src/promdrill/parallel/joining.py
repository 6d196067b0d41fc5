"""What a session is told that joins the cluster of another: a file, written by the parent for one child."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from promdrill.cluster.address import Address
from promdrill.core import files, records
from promdrill.core.errors import UsageError
from promdrill.request.request import Request
from promdrill.supply.supplied import Supplied

__all__ = ["Address", "Joined"]


@dataclass(frozen=True, slots=True)
class Joined:
    """What a child session is given.

    Attributes:
        request: What the parent was asked for, which the child does not check again.
        supplied: What the parent was supplied with.
        address: Where the parent's cluster is.
        reports: The parent's report folder, for journals and all else that drills keep.
        outbox: A folder of the child's own, for what it tells the parent.
    """

    request: Request
    supplied: Supplied
    address: Address
    reports: Path
    outbox: Path

    def write(self) -> Path:
        """Write this into the outbox, which is made, and return the file."""
        self.outbox.mkdir(parents=True)
        file = self.outbox / "join.json"
        return files.write(file, records.dumps(self))

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read what `write` wrote.

        Raises:
            UsageError: The file is not there, or was not written by `write`.
        """
        try:
            return records.loads(cls, file.read_text(encoding="utf-8"), exact=True)
        except (OSError, ValueError) as error:
            raise UsageError(
                f"--join={file}: not written by a session with --jobs ({error})", hint="leave --join out"
            ) from error
