"""What cells stand on: what they need, and the cluster that those of one Kubernetes version and profile share."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from promdrill.core import paths
from promdrill.core.errors import UsageError
from promdrill.matrix.cells import Cell
from promdrill.parallel.joining import Address
from promdrill.request import options
from promdrill.request.scenarios import folders, select
from promdrill.request.settings import Settings

Asked = Callable[[str], str | None]
"""What was said of a variable of `promdrill run` beside the cell's own, as SUPPLY; None for nothing."""


def settings(cell: Cell, asked: Asked) -> Settings:
    """What a cell asks for, with what was asked of the whole matrix."""
    return options.settings(lambda option: cell.variables.get(option.variable, asked(option.variable)))


def general(asked: Asked) -> Settings:
    """What was asked of the whole matrix.

    Raises:
        UsageError: It cannot be had, whatever the cell.
    """
    found = options.settings(lambda option: asked(option.variable))
    found.check()
    return found


def check(cell: Cell, asked: Asked) -> None:
    """Refuse a cell that cannot be run, as far as that is known without doing anything.

    Raises:
        UsageError: A file is not there, a chart is none, and their like.
    """
    settings(cell, asked).check()


def fetch(cell: Cell, asked: Asked, say: Callable[[str], None]) -> None:
    """Get all that a cell needs, so that its run waits for no download or build.

    Args:
        cell: The cell.
        asked: What was asked of the whole matrix.
        say: Told what happens.

    Raises:
        PromdrillError: The cell cannot be run as it is, or something could not be had.
    """
    from promdrill.request import fulfil  # noqa: PLC0415  a listing does not pay for its modules

    wishes = settings(cell, asked)
    wishes.check()
    drilled = [scenario.folder for scenario in select(cell.scenarios, further=folders(asked("SCENARIOS")))]
    fulfil.preflight(wishes, drilled, say=say)
    fulfil.provide(wishes, drilled, say=say)


@contextlib.contextmanager
def cluster(ground: tuple[str, str], asked: Asked, say: Callable[[str], None]) -> Iterator[Path]:
    """A ready cluster, deleted when the block is left; yields the file with its address.

    It is made of what the default chart needs: each cell brings what it needs besides.

    Args:
        ground: As `promdrill.matrix.cells.Cell.ground`.
        asked: What was asked of the whole matrix.
        say: Told what happens.

    Raises:
        PromdrillError: It could not be supplied, made or deleted.
    """
    from promdrill.request import fulfil  # noqa: PLC0415  a listing does not pay for its modules

    kubernetes, profile = ground
    mine = {"KUBE_VERSION": kubernetes, "PROFILE": profile}
    general = ("SUPPLY", "REGISTRY_MIRROR", "BUNDLE")
    names = {name: asked(name) for name in general}
    wishes = options.settings(lambda option: mine.get(option.variable, names.get(option.variable)))
    supplied = fulfil.provide(wishes, [], say=say)
    with (
        fulfil.cluster(supplied, fulfil.KindOptions(), profile=profile, say=say) as made,
        tempfile.TemporaryDirectory(prefix="promdrill-matrix-") as folder,
    ):
        yield Address.of(made).write(Path(folder) / "cluster.json")


def refuse_foreign(asked: Asked, names: tuple[str, ...], file: Path) -> None:
    """Refuse variables that would be set in vain: a cell says them itself, or a matrix has no use for them.

    Raises:
        UsageError: One is set.
    """
    for name in names:
        if asked(name):
            whole = name in {"KEEP", "CLUSTER"}
            hint = paths.command("test-scenarios", **{name: asked(name)}) if whole else f"a cell in {file}, or CELL=..."
            raise UsageError(f"{name}={asked(name)}: a matrix takes it from its cells, or not at all", hint=hint)
