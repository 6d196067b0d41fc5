"""``promdrill bundle``: pack everything a run needs into one file, for use without a network, or list such a file."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from promdrill.artefacts.cache import Cache
from promdrill.cli import supply
from promdrill.cli.parser import EXIT_OK, Subcommands, add_command, say
from promdrill.core import paths
from promdrill.core.console import Console
from promdrill.core.reading import path_of
from promdrill.supply.bundle import unpack
from promdrill.supply.bundle.manifest import Manifest
from promdrill.supply.bundle.write import check_place
from promdrill.supply.engine import lifecycle

FILE_NAME = "promdrill-bundle.tar"
"""Where a bundle is written by default."""

_SHOWN = 3  # packages of a Debian tree that are named without --all
_MIB = 1 << 20


def add(commands: Subcommands) -> None:
    """Add the subcommand."""
    parser = add_command(
        commands,
        "bundle",
        summary="pack everything a run needs into one file, for a machine without a network",
        example="promdrill bundle --file promdrill-bundle.tar\n"
        "  promdrill bundle --list promdrill-bundle.tar\n"
        "  promdrill run --bundle promdrill-bundle.tar",
        execute=_execute,
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--file", type=path_of, metavar="BUNDLE", help=f"output file (default: {FILE_NAME}) [$BUNDLE]")
    what.add_argument("--list", type=path_of, metavar="FILE", help="list a bundle's contents and where each came from")
    parser.add_argument("--all", action="store_true", help="with --list: every package and whole checksums")
    supply.add_options(parser)
    supply.add_controls(parser)
    parser.epilog = f"{parser.epilog}\n\nVALUES decides which images are needed; give the run the same VALUES."


def _execute(arguments: argparse.Namespace) -> int:
    if arguments.list:
        found, sha256 = unpack.contents(arguments.list)
        show(found, sha256, Console(highlight=False), everything=arguments.all)
        return EXIT_OK
    return _write(arguments)


def _write(arguments: argparse.Namespace) -> int:
    from promdrill.request import fulfil  # noqa: PLC0415  slow to import, so only when needed

    file = arguments.file or path_of(os.environ.get("BUNDLE") or FILE_NAME)
    check_place(file)
    request, found = fulfil.prepare(supply.asked(arguments), say=say)
    supplied = fulfil.provide(request, request.needed(request.scenarios), say=say, found=found)
    with _bar() as progress:
        manifest = unpack.write(
            supplied,
            request.of_supply(),
            file,
            cache=Cache(paths.cache_dir()),
            engine=lifecycle.ensure(say=say),
            say=say,
            progress=progress,
        )
    say(f"{file}: {file.stat().st_size / _MIB:.0f} MiB, {len(manifest.parts)} parts")
    say(f"to run it: {paths.command('test-scenarios', BUNDLE=file)}")
    return EXIT_OK


@contextmanager
def _bar() -> Iterator[Callable[[int], None]]:
    """A progress bar for the one slow part, on a terminal; elsewhere its announcement has to do."""
    console = Console(stderr=True)
    columns = (TextColumn("node image"), BarColumn(), DownloadColumn(binary_units=True), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as display:
        task = display.add_task("node image", total=None)
        yield lambda done_bytes: display.update(task, completed=done_bytes)


def show(found: Manifest, sha256: str, console: Console, *, everything: bool = False) -> None:
    """Print what is in a bundle and where each part came from.

    Args:
        found: The bundle's manifest.
        sha256: SHA-256 of the manifest itself.
        console: Where to print.
        everything: Whether to show whole checksums and all packages.
    """
    heads = {
        "made": f"{found.made} by promdrill {found.promdrill}, SUPPLY={found.supply}, for {found.architecture}",
        "for": f"Kubernetes {found.kubernetes}, Helm {found.helm}, chart {found.chart} {found.chart_version}, "
        f"Prometheus {found.app_version or 'of an unknown version'}",
        "manifest.json": f"SHA-256 {sha256}",
    }
    for name, text in heads.items():
        console.print(f"[bold]{name}[/] {escape(text)}", soft_wrap=True)
    for part in found.parts:
        digest = part.sha256 if everything else part.sha256[:12]
        console.print(
            f"\n[bold]{escape(part.path)}[/]  {part.size_bytes / _MIB:.1f} MiB  SHA-256 {digest}", soft_wrap=True
        )
        what = f"{part.what} {part.version}" if part.version and part.version not in part.what else part.what
        _line(console, what, part.origin, everything=everything)
    for inside in found.inside:
        _line(console, inside.what, inside.origin, everything=everything)
    if found.remarks:
        console.print()
    for remark in found.remarks:
        console.print(escape(remark), soft_wrap=True)


def _line(console: Console, what: str, origin: str, *, everything: bool) -> None:
    said = origin if everything else "; ".join(_short(piece) for piece in origin.split("; "))
    console.print(Padding(f"[cyan]{escape(what)}[/]: {escape(said)}", (0, 0, 0, 4)))


def _short(origin: str) -> str:
    listed = origin.split(", ")
    if not origin.startswith("Debian") or len(listed) <= _SHOWN + 1:
        return origin
    return f"{', '.join(listed[:_SHOWN])} and {len(listed) - _SHOWN} more packages"
