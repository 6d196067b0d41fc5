"""What cells stand on: what they need, and the cluster that those of one Kubernetes version and profile share."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from promdrill.cluster.address import Address
from promdrill.core import paths
from promdrill.core.errors import UsageError
from promdrill.matrix.cells import Cell
from promdrill.request.options import OPTIONS
from promdrill.request.request import Request, make
from promdrill.request.scenarios import folders, select
from promdrill.supply.choose import Choice

Asked = Callable[[str], str | None]
"""What was asked for by a variable of `promdrill run` beside the cell's own, as SUPPLY; None for nothing."""

_OF_A_CLUSTER = ("SUPPLY", "REGISTRY_MIRROR", "BUNDLE")


def request(cell: Cell, asked: Asked, choice: Choice | None) -> Request:
    """What a cell asks for, with what was asked of the whole matrix.

    Args:
        cell: The cell.
        asked: What was asked of the whole matrix.
        choice: The supply that was chosen for it; None for a bundle.

    Raises:
        UsageError: A file is not there, a chart is none, and their like.
    """
    given = {name: asked(name) for name in _variables("SCENARIOS", "JOBS")} | dict(cell.variables)
    drilled = select(cell.scenarios, further=folders(given["SCENARIOS"]))
    return make(given, drilled=drilled, choice=choice)


def general(asked: Asked, choice: Choice | None) -> Request:
    """What was asked of the whole matrix.

    Args:
        asked: The same, by variable.
        choice: The supply that was chosen for it; None for a bundle.

    Raises:
        UsageError: It cannot be had, whatever the cell.
    """
    return make({name: asked(name) for name in _variables()}, choice=choice)


def fetch(cell: Cell, asked: Asked, choice: Choice | None, say: Callable[[str], None]) -> None:
    """Get all that a cell needs, so that its run waits for no download or build.

    Args:
        cell: The cell.
        asked: What was asked of the whole matrix.
        choice: The supply that was chosen for it; None for a bundle.
        say: Told what happens.

    Raises:
        PromdrillError: The cell cannot be run as it is, or something could not be fetched or built.
    """
    from promdrill.request import fulfil  # noqa: PLC0415  a listing does not pay for its modules

    wanted = request(cell, asked, choice)
    found = fulfil.preflight(wanted, say=say)
    fulfil.provide(wanted, wanted.scenarios, say=say, found=found)


@contextlib.contextmanager
def cluster(
    ground: tuple[str, str], asked: Asked, choice: Choice | None, say: Callable[[str], None]
) -> Iterator[Address]:
    """A ready cluster, deleted when the block is left; yields its address.

    It is made of what the default chart needs: each cell brings what it needs besides.

    Args:
        ground: As `promdrill.matrix.cells.Cell.ground`.
        asked: What was asked of the whole matrix.
        choice: The supply that was chosen for it; None for a bundle.
        say: Told what happens.

    Raises:
        PromdrillError: It could not be supplied, made or deleted.
    """
    from promdrill.request import fulfil  # noqa: PLC0415  as above

    kubernetes, profile = ground
    given = {name: asked(name) for name in _OF_A_CLUSTER} | {"KUBE_VERSION": kubernetes, "PROFILE": profile}
    wanted = make(given, choice=choice)
    supplied = fulfil.provide(wanted, [], say=say)
    with fulfil.cluster(supplied, wanted.cluster, profile=profile, say=say) as made:
        yield Address.of(made)


def _variables(*session: str) -> tuple[str, ...]:
    return (*(option.variable for option in OPTIONS), *session)


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
