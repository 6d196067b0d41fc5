"""``promdrill clean``: delete promdrill's clusters and stop its engine, or delete one cluster."""

from __future__ import annotations

import argparse

from promdrill.artefacts.cache import Cache
from promdrill.cli.parser import EXIT_FAILED, EXIT_OK, Subcommands, add_command, say
from promdrill.cluster import sweep
from promdrill.core import docker_target, paths, scratch
from promdrill.core.errors import PromdrillError, SupplyError
from promdrill.supply.engine import lifecycle


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    parser = add_command(
        commands,
        "clean",
        summary="delete the clusters that promdrill created and stop the engine that it started, or delete one cluster",
        example="promdrill clean\n  promdrill clean promdrill-2\n  promdrill clean disk-full",
        execute=_execute,
    )
    parser.add_argument(
        "name",
        nargs="?",
        metavar="CLUSTER|SCENARIO",
        help="delete only this cluster, the one in which this scenario was reproduced, or what a killed run left in "
        "this adopted one; the engine keeps running",
    )


def _execute(arguments: argparse.Namespace) -> int:
    if arguments.name:
        return _one(arguments.name)
    from promdrill.cluster import adoption  # noqa: PLC0415  slow to import, so only when needed

    engine = _engine()
    adopted = adoption.remove_left(engine=engine, say=say)
    swept = sweep.delete_clusters(engine=engine, say=say)
    refuse_while_in_use()
    scratch.sweep(scratch.place())
    stopped = lifecycle.stop(say=say)
    if stopped:
        say("stopped the container engine that promdrill had started")
    abandoned = Cache(paths.cache_dir()).sweep()
    if abandoned:
        say("deleted what killed runs had left in the cache")
    left = (*adopted.left, *swept.left)
    if not (adopted.deleted or swept.deleted or left or stopped or abandoned):
        say("nothing was running")
    return EXIT_FAILED if left else EXIT_OK


def _one(name: str) -> int:
    from promdrill.cluster import adoption  # noqa: PLC0415  slow to import, so only when needed
    from promdrill.incident import clusters  # noqa: PLC0415  likewise

    if name in adoption.recorded():
        refuse_while_in_use(name)
        swept = adoption.remove_left(engine=lifecycle.ask().engine is not None, say=say, only=name)
    else:
        found = clusters.find(name)
        swept = sweep.delete_cluster(found.name, engine=lifecycle.ask().engine is not None, say=say)
    return EXIT_FAILED if swept.left else EXIT_OK


def _engine() -> bool:
    """Whether a container engine answers. promdrill's own that hangs is started anew: what is in it has to go.

    Raises:
        SupplyError: Another one hangs.
        PromdrillError: Another run is using promdrill's own.
    """
    try:
        return lifecycle.ask().engine is not None
    except SupplyError:
        if not docker_target.ours():
            raise
    refuse_while_in_use()
    lifecycle.renew(say=say)
    return True


def refuse_while_in_use(only: str = "") -> None:
    """Stop if another run is using a cluster.

    Raises:
        PromdrillError: Another run is using one.
    """
    from promdrill.cluster import adoption  # noqa: PLC0415  as above

    for name, pid in (sweep.in_use() | adoption.in_use()).items():
        if only not in {"", name}:
            continue
        raise PromdrillError(f"cluster {name} is used by a run that is still going, process {pid}", hint=f"kill {pid}")
