"""What cells need, and the cluster that cells with the same Kubernetes version and profile share."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path

from promdrill.cluster.address import Address
from promdrill.core import paths
from promdrill.core.errors import UsageError
from promdrill.helm.source import find
from promdrill.helm.source.silence import silence
from promdrill.matrix.cells import VARIABLES, Cell
from promdrill.request.options import OPTIONS
from promdrill.request.request import Request, make
from promdrill.request.scenarios import folders, select
from promdrill.supply.choose import Choice

Asked = Callable[[str], str | None]
"""The value of a variable of `promdrill run` for the whole matrix, such as SUPPLY; None means unset."""

_OF_A_CLUSTER = ("SUPPLY", "REGISTRY_MIRROR", "BUNDLE")


def request(cell: Cell, asked: Asked, choice: Choice | None) -> Request:
    """The request of a cell, with the settings of the whole matrix.

    Args:
        cell: The cell.
        asked: The settings of the whole matrix, by variable.
        choice: The supply that was chosen; None for a bundle.

    Raises:
        UsageError: A setting of the cell is wrong, such as a missing file.
    """
    given = {name: asked(name) for name in _variables("SCENARIOS", "JOBS")} | dict(cell.variables)
    drilled = select(cell.scenarios, further=folders(given["SCENARIOS"]))
    return make(given, drilled=drilled, choice=choice)


def absent(wanted: Request) -> str:
    """Why a cell that is right cannot be run here: its chart's repository does not answer. Empty if it can.

    A repository is asked once.
    """
    repo = find.repository(wanted.of_supply().chart) if wanted.settings.bundle is None else None
    return _silence(repo) if repo is not None else ""


_silence = functools.cache(silence)


def general(asked: Asked, choice: Choice | None) -> Request:
    """A request with the settings of the whole matrix only.

    Args:
        asked: The settings of the whole matrix, by variable.
        choice: The supply that was chosen; None for a bundle.

    Raises:
        UsageError: A setting is wrong for every cell.
    """
    return make({name: asked(name) for name in _variables()}, choice=choice)


def fetch(cell: Cell, asked: Asked, choice: Choice | None, say: Callable[[str], None]) -> None:
    """Fetch everything that a cell needs, so that its run waits for no download or build.

    What only builds need stays, for other cells: see `promdrill.supply.settle`.

    Args:
        cell: The cell.
        asked: The settings of the whole matrix, by variable.
        choice: The supply that was chosen; None for a bundle.
        say: Called with a line about each thing that happens.

    Raises:
        PromdrillError: The cell cannot be run as it is, or something could not be fetched or built.
    """
    from promdrill.request import fulfil  # noqa: PLC0415  slow to import, so not for a listing

    wanted = request(cell, asked, choice)
    found = fulfil.preflight(wanted, say=say)
    fulfil.provide(wanted, wanted.scenarios, say=say, found=found, more_follows=True)


@contextlib.contextmanager
def cluster(
    ground: tuple[str, str], asked: Asked, choice: Choice | None, say: Callable[[str], None]
) -> Iterator[Address]:
    """A ready cluster, deleted when the block is left; yields its address.

    It is a cluster alone; each cell adds the images that its drills run. What only builds need stays, as in `fetch`.

    Args:
        ground: As `promdrill.matrix.cells.Cell.ground`.
        asked: The settings of the whole matrix, by variable.
        choice: The supply that was chosen; None for a bundle.
        say: Called with a line about each thing that happens.

    Raises:
        PromdrillError: It could not be supplied, made or deleted.
    """
    from promdrill.request import fulfil  # noqa: PLC0415  as above

    kubernetes, profile = ground
    given = {name: asked(name) for name in _OF_A_CLUSTER} | {"KUBE_VERSION": kubernetes, "PROFILE": profile}
    wanted = make(given, choice=choice)
    supplied = fulfil.provide(wanted, [], say=say, more_follows=True)
    with fulfil.cluster(supplied, wanted.cluster, profile=profile, say=say) as made:
        yield Address.of(made)


def _variables(*session: str) -> tuple[str, ...]:
    return (*(option.variable for option in OPTIONS), *session)


def refuse_foreign(asked: Asked, names: tuple[str, ...], file: Path) -> None:
    """Refuse variables that would have no effect: the cells set them, or a matrix does not use them.

    Raises:
        UsageError: One of them is set.
    """
    for name in names:
        if asked(name):
            whole = name in {"KEEP", "CLUSTER", "ADOPT"}
            hint = paths.command("test-scenarios", **{name: asked(name)}) if whole else f"a cell in {file}, or CELL=..."
            why = "the cells set it" if name in VARIABLES else "it is for `promdrill run`"
            raise UsageError(f"{name}={asked(name)}: not allowed with a matrix: {why}", hint=hint)
