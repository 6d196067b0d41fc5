"""``promdrill matrix``: the cells of matrix.toml are listed, printed for a CI or a cluster, run, or collected."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from promdrill import doctor
from promdrill.cli import matrix_job
from promdrill.cli.parser import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, Subcommands, add_command, complain, say
from promdrill.cli.supply import VARIABLES as OF_SUPPLY
from promdrill.cli.supply import say_key
from promdrill.core import paths
from promdrill.core.choices import SUPPLIES, jobs, one_of
from promdrill.core.errors import PromdrillError, UsageError
from promdrill.core.reading import path_of, shown
from promdrill.doctor import Cached
from promdrill.matrix import carried, child, ground, running, table
from promdrill.matrix.cells import VARIABLES, Cell, Matrix, expand, select, shard, to_github
from promdrill.matrix.gitlab import CiCache, to_gitlab
from promdrill.matrix.kept import Folders
from promdrill.matrix.reading import FILE_NAME, Known, read
from promdrill.request import built, cache_key, scenarios
from promdrill.supply import choose, kubernetes, settle
from promdrill.supply.build import catalogue
from promdrill.supply.choose import Choice

DEFAULT = paths.project_dir() / FILE_NAME
"""The matrix file that promdrill ships."""

OPTIONS = {
    "JOBS": "drills that run in parallel in a cell, 1 to 16 (default: 1)",
    "RESUME": "1 resumes an interrupted matrix: cells that have finished are not run again",
    "SUPPLY": "where everything comes from, as for `promdrill run`",
    "SCENARIOS": "folders with your own scenarios, comma separated, in addition to promdrill's",
    "REPORTS": "folder of all reports (default: reports)",
}
"""Options that can also be set by a variable of the environment; CELL is another."""

_NEXT = ("CELL", "JOBS", "SUPPLY", "SCENARIOS", "REPORTS")  # repeated in the command that resumes


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    parser = add_command(
        commands,
        "matrix",
        summary=f"list the cells of {FILE_NAME}, or run them",
        example=(
            "promdrill matrix\n  promdrill matrix --run --cell k1.36.3-p3.14.0-h4 --jobs 2\n"
            "  promdrill matrix --file matrix.toml --jobs 2 --format gitlab >cells.yml\n"
            "  promdrill matrix --format kubernetes --image registry.example/promdrill:1 >job.yml\n"
            "  promdrill matrix --collect --kubeconfig ci.kubeconfig --context ci"
        ),
        execute=_execute,
    )
    parser.add_argument(
        "--file", type=path_of, default=DEFAULT, help=f"the matrix (default: promdrill's own {FILE_NAME})"
    )
    parser.add_argument(
        "--cell",
        action="append",
        metavar="ID",
        help="cells, comma separated (default: all); may be given more than once [$CELL]",
    )
    parser.add_argument(
        "--shard",
        metavar="K/N",
        help="only the Kth of N parts of these cells, each with its share of long ones",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--format", choices=_CHOICES, default="text", help="output format of the list (default: text)")
    what.add_argument("--run", action="store_true", help="run the cells, each in its own process")
    what.add_argument("--fetch", action="store_true", help="fetch everything they need, without running them")
    what.add_argument(
        "--key",
        action="store_true",
        help="only print the key and the path for the cache of a CI, as key=... and path=...",
    )
    what.add_argument(
        "--collect",
        action="store_true",
        help="collect the results of a Job that --format kubernetes printed, until it has ended, and merge them",
    )
    for name, meaning in OPTIONS.items():
        parser.add_argument(f"--{name.lower()}", metavar=name, help=f"{meaning} [${name}]")
    parser.add_argument(
        "--cache",
        metavar="FOLDER",
        help="with --format gitlab: keep what the cells need in GitLab's cache, in this folder of the checkout",
    )
    matrix_job.add_options(parser)
    codes = (
        "Exit codes of --run and --collect: 0 all cells green; 1 a cell is red; 2 bad input, nothing was started; "
        "130 interrupted."
    )
    parser.epilog = f"{parser.epilog}\n\n{codes}"


def _execute(arguments: argparse.Namespace) -> int:
    _refuse_vain(arguments)
    folders = Folders(_reports(arguments))
    if arguments.collect:
        return matrix_job.collect(arguments, folders)
    choice = _choice(arguments)
    known = _known(_asked(arguments, "SCENARIOS"), choice.name if choice is not None else "source")
    matrix = expand(read(arguments.file, known))
    cells = select(matrix.cells, _ids(arguments))
    if arguments.shard:
        cells = shard(cells, arguments.shard)
    for remark in matrix.remarks:
        complain(PromdrillError(remark))
    if arguments.run:
        return _run(arguments, matrix, cells, folders, choice=choice)
    if arguments.fetch:
        return _fetch(arguments, cells, choice)
    if arguments.key:
        return say_key(*_deciding(arguments, cells))
    if arguments.format == KUBERNETES:
        _refuse_foreign(arguments)
        text = matrix_job.printed(arguments, lambda name: _asked(arguments, name), cells, choice)
        sys.stdout.write(f"{text}\n")  # as it is: `say` would redact the Secret
        return EXIT_OK
    for line in _FORMATS[arguments.format](arguments, cells, folders):
        say(line)
    return EXIT_OK


def _refuse_vain(arguments: argparse.Namespace) -> None:
    """Refuse options that would have no effect.

    Raises:
        UsageError: There is one.
    """
    needs = {
        "cache": (arguments.format == "gitlab", "--format gitlab"),
        **dict.fromkeys(matrix_job.PRINTED, (arguments.format == KUBERNETES, f"--format {KUBERNETES}")),
        **dict.fromkeys(matrix_job.COLLECTED, (arguments.collect, "--collect")),
        **dict.fromkeys(
            ("job", "namespace"),
            (arguments.collect or arguments.format == KUBERNETES, f"--format {KUBERNETES} or --collect"),
        ),
        **dict.fromkeys(("cell", "shard"), (not arguments.collect, "anything but --collect, which knows its cells")),
    }
    for name, (useful, where) in needs.items():
        if getattr(arguments, name) is not None and not useful:
            raise UsageError(f"--{name}: only with {where}", hint=f"leave --{name} out")


def _deciding(arguments: argparse.Namespace, cells: Sequence[Cell]) -> tuple[list[dict[str, str | None]], list[Path]]:
    """What decides what the cells need: the settings of each, and the folders of the scenarios."""
    general = {name: _asked(arguments, name) for name in (*OF_SUPPLY, "SCENARIOS")}
    found = scenarios.find_all(further=scenarios.folders(general["SCENARIOS"]))
    drilled = {name for cell in cells for name in cell.scenarios or [each.id for each in found]}
    return [general | dict(cell.variables) for cell in cells], [each.folder for each in found if each.id in drilled]


def _fetch(arguments: argparse.Namespace, cells: Sequence[Cell], choice: Choice | None) -> int:
    _require(arguments, cells, choice)
    for number, cell in enumerate(cells, 1):
        say(f"cell {number} of {len(cells)}: {cell.id}: {cell.title}")
        ground.fetch(cell, lambda name: _asked(arguments, name), choice, say)
    settle(on_event=say)
    say(f"everything is ready for {len(cells)} cells")
    return EXIT_OK


def _require(arguments: argparse.Namespace, cells: Sequence[Cell], choice: Choice | None) -> None:
    """Refuse what cannot work before anything is started.

    Raises:
        UsageError: A variable is wrong or not allowed here, or this machine lacks something.
    """
    _refuse_foreign(arguments)
    try:
        general = ground.general(lambda name: _asked(arguments, name), choice)
        doctor.require(supply=general.supply_name(), cached=_cached(arguments, cells, choice))
    except PromdrillError as error:
        raise UsageError(error.message, hint=error.hint) from error  # whatever the error, nothing was started


def _cached(arguments: argparse.Namespace, cells: Sequence[Cell], choice: Choice | None) -> Cached:
    """How much of what every cell needs is in the cache."""
    levels: dict[object, Cached] = {}
    for cell in cells:
        with contextlib.suppress(PromdrillError):  # a cell that is wrong says so in its turn
            found = ground.request(cell, lambda name: _asked(arguments, name), choice)
            alike = built.deciding(found.settings, found.scenarios)
            levels[alike] = levels[alike] if alike in levels else found.cached()
    return min(levels.values(), default=Cached.NOTHING)


def _refuse_foreign(arguments: argparse.Namespace) -> None:
    foreign = (*VARIABLES, "SET", "LOGIN", "KEEP", "CLUSTER", "ADOPT", "CONTROL", "RUNBOOK", "BIND")
    ground.refuse_foreign(lambda name: _asked(arguments, name), foreign, arguments.file)


def _run(
    arguments: argparse.Namespace, matrix: Matrix, cells: Sequence[Cell], folders: Folders, *, choice: Choice | None
) -> int:
    def asked(name: str) -> str | None:
        return _asked(arguments, name)

    jobs(asked("JOBS") or "1")  # or every cell would fail on it
    resume = asked("RESUME") or "0"
    one_of("RESUME", resume, ("0", "1"))
    _require(arguments, cells, choice)
    means = running.Means(
        request=lambda cell: ground.request(cell, asked, choice),
        cluster=lambda on: ground.cluster(on, asked, choice, say),
        child=lambda _cell, request, tell: child.run(child.command(request), tell),
        say=say,
        absent=ground.absent if not _ids(arguments) else lambda _request: "",  # a cell that is named is run
    )
    with folders.mine():
        for name in folders.strangers({cell.id for cell in matrix.cells}):
            say(f"left {folders.matrix / name} alone: it is not a cell of {arguments.file}")
        result = running.run(cells, folders, means, resume=resume == "1")
    for line in table.summary(result):
        say(line)
    if result.interrupted:
        complain(PromdrillError("interrupted", hint=_going_on(arguments)))
        return EXIT_INTERRUPTED
    settle(on_event=say)
    return EXIT_FAILED if result.red else EXIT_OK


def _known(own: str | None, supply: str) -> Known:
    built = catalogue.load(paths.images_dir())
    ids = tuple(scenario.id for scenario in scenarios.find_all(further=scenarios.folders(own)))
    return Known(kubernetes.offer(supply), built.helm_versions(), ids)


def _choice(arguments: argparse.Namespace) -> Choice | None:
    """The supply for the cells, which decides their versions of Kubernetes; None for a bundle."""
    if _asked(arguments, "BUNDLE"):
        return None
    return choose.chosen(_asked(arguments, "SUPPLY") or "auto", _asked(arguments, "REGISTRY_MIRROR"))


def _text(_arguments: argparse.Namespace, cells: Sequence[Cell], folders: Folders) -> list[str]:
    return list(table.listing(cells, {cell.id: folders.last(cell) for cell in cells}))


def _json(_arguments: argparse.Namespace, cells: Sequence[Cell], folders: Folders) -> list[str]:
    entries = [{**cell.to_json(), "last": table.told(folders.last(cell))} for cell in cells]
    return [json.dumps(entries, indent=2)]


def _github(_arguments: argparse.Namespace, cells: Sequence[Cell], _folders: Folders) -> list[str]:
    return [to_github(cells)]


def _gitlab(arguments: argparse.Namespace, cells: Sequence[Cell], _folders: Folders) -> list[str]:
    reports = _in_checkout("REPORTS", _asked(arguments, "REPORTS") or "reports")
    width = jobs(_asked(arguments, "JOBS") or "1")
    supply, own = _asked(arguments, "SUPPLY"), _asked(arguments, "SCENARIOS")
    if supply:
        one_of("SUPPLY", supply, SUPPLIES)
    listing = [] if arguments.file == DEFAULT else [f"--file={_in_checkout('--file', str(arguments.file))}"]
    if own:
        folders = [_in_checkout("SCENARIOS", folder.strip()) for folder in own.split(",") if folder.strip()]
        listing.append(f"--scenarios={','.join(folders)}")
    listing += [f"--supply={supply}"] if supply else []
    running = [f"--jobs={width}", f"--reports={reports}"]
    cache = None
    if arguments.cache:
        folder = _in_checkout("--cache", arguments.cache)
        cache = CiCache(cache_key.of(*_deciding(arguments, cells)), folder)
    return [to_gitlab(cells, listing=listing, running=running, reports=reports, cache=cache)]


def _in_checkout(name: str, text: str) -> str:
    return carried.relative(name, text, to="GitLab")


_FORMATS = {"text": _text, "json": _json, "github": _github, "gitlab": _gitlab}

KUBERNETES = "kubernetes"

_CHOICES = (*_FORMATS, KUBERNETES)


def _ids(arguments: argparse.Namespace) -> list[str]:
    given = arguments.cell or [os.environ.get("CELL", "")]
    return [name.strip() for text in given for name in text.split(",") if name.strip()]


def _going_on(arguments: argparse.Namespace) -> str:
    """The command that resumes with the cells that are left."""
    said = {name: _asked(arguments, name) for name in _NEXT} | {"CELL": ",".join(_ids(arguments))}
    shard = ["--shard", arguments.shard] if arguments.shard else []
    if arguments.file == DEFAULT and not shard:
        return paths.command("matrix", RESUME=1, **said)
    words = ["RESUME=1", *(f"{name}={shlex.quote(text)}" for name, text in said.items() if text)]
    return " ".join([*words, shlex.join([sys.argv[0], "matrix", "--run", "--file", str(arguments.file), *shard])])


def _asked(arguments: argparse.Namespace, name: str) -> str | None:
    """The option, else the variable of the environment; empty means unset."""
    given = getattr(arguments, name.lower(), None) if name in OPTIONS else None
    return given or os.environ.get(name) or None


def _reports(arguments: argparse.Namespace) -> Path:
    text = _asked(arguments, "REPORTS") or "reports"
    return path_of(text, said=f"REPORTS={shown(text)}")
