"""What was measured, on which machine: the form of bench.json. Seconds end in `_s`, bytes in `_bytes`."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

import psutil

from promdrill.core import records, shell
from promdrill.core.clock import SYSTEM, iso
from promdrill.core.errors import UsageError
from promdrill.core.records import Misfit

SCHEMA = 1
"""Version of bench.json; increased when a field changes its meaning or is removed."""

ROOT = Path(__file__).resolve().parents[1]
"""The checkout."""

QUIET = 0.5
"""Load per core up to which a machine counts as quiet: beyond it, commands wait for each other."""

_GIT_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where it was measured.

    Attributes:
        cpu: The processor's model; empty if unknown.
        cores: Logical processors.
        memory_bytes: All memory.
        kernel: Name and release of the system's kernel.
        python: Version of Python.
        load: Processes that ran or wanted to, on average over the minute before; the benchmark itself is not in it.
    """

    cpu: str
    cores: int
    memory_bytes: int
    kernel: str
    python: str
    load: float

    @property
    def quiet(self) -> bool:
        """Whether little else was running."""
        return self.load <= QUIET * self.cores


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """A command that was run several times. All samples are there, in the order in which they were taken.

    Attributes:
        id: Its name.
        what: What it does, for people.
        command: The command for a person to type.
        wall_s: Seconds from its start to its end.
        cpu_s: Seconds of processor time, its own and its children's.
        peak_bytes: The most memory that it had at once; empty if that was not measured.
        bound_s: The most seconds that it should take; None for none.
        bound_bytes: The most memory that it should need; None for none.
        against: Id of the command that was run in turn with it, to which it is compared; empty for none.
    """

    id: str
    what: str
    command: str
    wall_s: tuple[float, ...]
    cpu_s: tuple[float, ...]
    peak_bytes: tuple[int, ...] = ()
    bound_s: float | None = None
    bound_bytes: int | None = None
    against: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """An input of one size, with the samples of the work that was done on it.

    Attributes:
        size: How many.
        wall_s: As in `Timed`.
        cpu_s: As in `Timed`.
    """

    size: int
    wall_s: tuple[float, ...]
    cpu_s: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """Work on inputs of growing size.

    Attributes:
        id: Its name.
        what: The work, for people.
        of: What grows: ``cells``.
        points: By size.
        floor: Id of the command that does nothing but start, whose time is not the work's; empty for work without a
            start of its own.
    """

    id: str
    what: str
    of: str
    points: tuple[Point, ...]
    floor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """bench.json as a whole.

    Attributes:
        schema: `SCHEMA`.
        started: UTC, ISO 8601.
        took_s: Seconds.
        commit: The commit that was measured; ends in ``-dirty`` if files differed from it.
        machine: Where.
        timed: Commands.
        growths: How the time grows with the input.
    """

    schema: int
    started: str
    took_s: float
    commit: str
    machine: Machine
    timed: tuple[Timed, ...]
    growths: tuple[Growth, ...]

    def named(self, name: str) -> Timed:
        """The command with that id.

        Raises:
            KeyError: There is none.
        """
        return {each.id: each for each in self.timed}[name]


def write(file: Path, bench: Bench) -> None:
    """Write bench.json."""
    file.write_text(records.dumps(bench), encoding="utf-8")


def read(file: Path) -> Bench:
    """Read bench.json.

    Raises:
        UsageError: It cannot be read, is something else, or has another schema.
    """
    hint = "make bench-quick"
    if not file.is_file():
        raise UsageError(f"{file} does not exist: nothing was measured yet", hint=hint)
    data = records.read_file(file, hint=hint)
    try:
        bench = records.load(Bench, data, exact=True)
    except Misfit as error:
        raise UsageError(f"{file} is not what `python -m bench --quick` writes: {error}", hint=hint) from error
    if bench.schema != SCHEMA:
        raise UsageError(f"{file} has schema {bench.schema}; this is {SCHEMA}", hint=hint)
    return bench


def machine() -> Machine:
    """This machine, as busy as it is now."""
    return Machine(
        cpu=_cpu_model(Path("/proc/cpuinfo")),
        cores=os.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        kernel=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        load=round(os.getloadavg()[0], 2),
    )


def commit() -> str:
    """The commit that is checked out; empty where there is no checkout, as in a source archive."""
    if not (ROOT / ".git").exists():
        return ""
    argv = ["git", "describe", "--always", "--abbrev=12", "--dirty", "--exclude=*"]
    return shell.run(argv, timeout_s=_GIT_TIMEOUT_S, cwd=ROOT).stdout.strip()


def now() -> str:
    """The moment, as in `Bench.started`."""
    return iso(SYSTEM.utc())


def _cpu_model(file: Path) -> str:
    """The model as Linux has it; a system without that file says less."""
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else platform.processor()
