"""A matrix as a Job of Kubernetes: what ``promdrill matrix`` prints for one, and how it collects its results."""

from __future__ import annotations

import argparse
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from promdrill.artefacts.pins import PINS_VARIABLE
from promdrill.cli import merge as merging
from promdrill.cli.parser import say
from promdrill.core import paths, scratch
from promdrill.core.choices import RULES, jobs
from promdrill.core.errors import UsageError, shortened
from promdrill.core.reading import path_of
from promdrill.matrix import carried, ground
from promdrill.matrix.cells import VARIABLES, Cell, longest_first
from promdrill.matrix.collect import Collector
from promdrill.matrix.collect import Job as RunningJob
from promdrill.matrix.kept import Folders
from promdrill.matrix.kubernetes import MOST_AT_ONCE, NAME, NAMESPACE, PARALLELISM, Asked, require_name, to_kubernetes
from promdrill.matrix.reading import FILE_NAME
from promdrill.report.cells import merge
from promdrill.report.cells.merge import Night
from promdrill.request.options import OPTIONS
from promdrill.supply.choose import Choice

PRINTED = ("image", "parallelism")
"""Options that only ``--format kubernetes`` takes."""

COLLECTED = ("kubeconfig", "context")
"""Options that only ``--collect`` takes."""

_FILES = ("ALERTMANAGER", "ALERTS", PINS_VARIABLE)
_ASIDE = frozenset({"JOBS", "SUPPLY", *VARIABLES})

AskedFor = Callable[[str], str | None]
"""The value of a variable of `promdrill run`; None means unset."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for a Job."""
    parser.add_argument("--image", help="with --format kubernetes: image of the pods; see examples/kubernetes")
    parser.add_argument(
        "--parallelism",
        metavar="N",
        help=f"with --format kubernetes: pods that run at once, 1 to {MOST_AT_ONCE} (default: {PARALLELISM})",
    )
    parser.add_argument(
        "--job", metavar="NAME", help=f"with --format kubernetes or --collect: name of the Job (default: {NAME})"
    )
    parser.add_argument(
        "--namespace",
        help=f"with --format kubernetes or --collect: where it runs (default: {NAMESPACE}, which is made)",
    )
    parser.add_argument("--kubeconfig", type=path_of, metavar="FILE", help="with --collect: leads to the Job's cluster")
    parser.add_argument("--context", metavar="NAME", help="with --collect: the context in it")


def printed(arguments: argparse.Namespace, asked: AskedFor, cells: Sequence[Cell], choice: Choice | None) -> str:
    """The objects of a Job for these cells, as YAML.

    Args:
        arguments: Of the command.
        asked: Its settings, by variable.
        cells: The cells.
        choice: The supply that was chosen.

    Raises:
        UsageError: Something is wrong or missing, or too large for an object of Kubernetes.
    """
    if choice is None:
        raise UsageError("BUNDLE: a pod has only what its image brings", hint="--supply registry")
    if not arguments.image:
        raise UsageError("--format kubernetes: the pods need an image", hint="--image IMAGE; see examples/kubernetes")
    listing, files = _listing(arguments, asked, cells)
    return to_kubernetes(
        longest_first(cells),
        Asked(
            image=arguments.image,
            supply=choice.name,
            options=[f"--jobs={jobs(asked('JOBS') or '1')}", *listing],
            variables={name: text for name in _variables() if (text := asked(name))},
            files=carried.pack(files),
            parallelism=_parallelism(arguments.parallelism),
            name=arguments.job or NAME,
            namespace=arguments.namespace,
        ),
    )


def _listing(arguments: argparse.Namespace, asked: AskedFor, cells: Sequence[Cell]) -> tuple[list[str], list[str]]:
    """The options with which a pod finds its cell, and the user's files that it needs."""
    general = ground.general(asked, None)
    listing, named = [], []
    if arguments.file != paths.project_dir() / FILE_NAME:
        listing.append(f"--file={_inside('--file', str(arguments.file))}")
        named.append(_inside("--file", str(arguments.file)))
    if own := asked("SCENARIOS"):
        folders = [_inside("SCENARIOS", text) for text in _parts(own)]
        listing.append(f"--scenarios={','.join(folders)}")
        named += folders
    if general.settings.rules:
        named += [_inside("RULES", text) for text in _parts(general.settings.rules) if text not in RULES]
    named += [_inside(name, text) for name in _FILES if (text := asked(name))]
    for cell in cells:
        named += [_inside("values", text) for text in _parts(cell.variables["VALUES"])]
        chart = cell.variables["CHART"]
        named += [_inside("chart", chart)] if chart and Path(chart).exists() else []
    return listing, list(dict.fromkeys(named))


def _inside(name: str, text: str) -> str:
    """A path that is the same in a pod, whose folder has only what is carried there."""
    if Path(text).is_absolute() or text.startswith("~"):
        raise UsageError(f"{name}={text}: a path in a pod must be relative to this folder")
    return carried.relative(name, text, to="Kubernetes")


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _variables() -> list[str]:
    """The variables of a run that hold for the whole matrix."""
    return [*(option.variable for option in OPTIONS if option.variable not in _ASIDE), PINS_VARIABLE]


def _parallelism(text: str | None) -> int:
    if text is None:
        return PARALLELISM
    if not (re.fullmatch(r"[0-9]{1,6}", text) and 1 <= int(text) <= MOST_AT_ONCE):
        raise UsageError(
            f"--parallelism={shortened(text, 40)}: not a whole number from 1 to {MOST_AT_ONCE}", hint="--parallelism 10"
        )
    return int(text)


def collect(arguments: argparse.Namespace, folders: Folders) -> int:
    """Collect the results of a Job until it has ended, and report on its cells; returns the exit code.

    Args:
        arguments: Of the command.
        folders: Where results go.

    Raises:
        UsageError: Something is missing, or there is no such Job, or a folder cannot be written.
        CommandFailed: The cluster no longer answers; what was collected stays.
    """
    for name in COLLECTED:
        if not getattr(arguments, name):
            raise UsageError(f"--collect: --{name} is missing; the current one is never taken", hint=f"--{name} ...")
    if shutil.which("kubectl") is None:
        raise UsageError("--collect: there is no kubectl on PATH", hint="https://kubernetes.io/docs/tasks/tools/")
    name, namespace = arguments.job or NAME, arguments.namespace or NAMESPACE
    require_name("--job", name)
    require_name("--namespace", namespace)
    with folders.mine(), scratch.folder("kubectl") as cache:
        try:
            job = RunningJob(arguments.kubeconfig, arguments.context, namespace, name, cache)
            collector = Collector(job, folders, say)
            collector.run()
        except OSError as error:
            raise UsageError(f"cannot write {error.filename}: {error.strerror}", hint="--reports FOLDER") from error
    found = merge.gather(folders.matrix, dict.fromkeys(collector.cells, ""))
    reports = {cell.id: cell for cell in found.cells}
    for id_, taken in collector.taken.items():
        if why := taken.shortcoming(red=not taken.reason and reports[id_].red):
            reports[id_] = replace(reports[id_], problems=(why,))
    return merging.tell(folders.matrix, Night(tuple(reports[id_] for id_ in collector.cells)))
