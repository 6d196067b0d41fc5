"""A remedy that no longer works is found: ``python -m tests.charts.broken.prove``, from the checkout.

Two cells, our chart and the copy of it by make.py in which a larger volume is asked for in vain, are drilled as a
matrix. Only disk-full on the copy must be red, because it does not recover or its verification fails; everything
else as expected. `promdrill compare` of the two cells, across charts, must then call exactly that a worse verdict, with
exit code 1. It takes some 20 minutes, ten of which the runbook waits for the volume to grow. The folder is removed,
unless the proof fails: then it stays and is named. SUPPLY, JOBS, REGISTRY_MIRROR and BUNDLE are respected.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.charts.broken.make import VERSION, make

from promdrill.core import shell
from promdrill.core.clock import SYSTEM
from promdrill.core.errors import PromdrillError
from promdrill.core.model import DrillResult, RunResult, Verdict
from promdrill.matrix import child
from promdrill.matrix.kept import Folders
from promdrill.results import store
from promdrill.results.expected import as_expected
from promdrill.results.folder import CELL

HERE = Path(__file__).resolve().parent
COPY = "charts/broken"
"""Where the copy lies, as matrix.toml has it."""

BROKEN = "disk-full"
SCENARIOS = ("disk-full", "lifecycle-flag")
REASONS = ("no recovery: ", "the runbook did not get through: ")
"""How the reason of a drill begins that failed at recovery, or in a runbook's step (`promdrill.drill.verdicts`)."""

PROGRAM = (sys.executable, "-m", "promdrill.cli.main")
MATRIX_S = 3600.0
"""Seconds for both cells. The longest step waits for 690; a cluster and the other three drills take about 400."""

COMPARE_S = 60.0
"""Seconds for reading two files: below one second, but the machine may be busy."""


def say(text: str) -> None:
    """A line for whoever watches."""
    print(text, flush=True)  # noqa: T201


def main() -> int:
    """Prove it; 0 when it was."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = SYSTEM.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="promdrill-broken-chart-"))
    try:
        prove(folder)
    except PromdrillError as error:
        say(f"FAILED: {error}\nWhat there is stays in {folder}")
        return 1
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, KeyboardInterrupt):
            say("interrupted; everything of the proof is gone")
            return 130
        raise
    shutil.rmtree(folder, ignore_errors=True)
    took_s = SYSTEM.monotonic() - began
    say(f"proven in {took_s:.0f} s: the matrix is red in {BROKEN} on the broken chart alone, and compare says so")
    return 0


def prove(folder: Path) -> None:
    """All of it, in a folder that is empty.

    Raises:
        PromdrillError: It is not so.
        KeyboardInterrupt: Interrupted; what was begun has been ended.
    """
    make(folder / COPY)
    shutil.copyfile(HERE / "matrix.toml", folder / "matrix.toml")
    with contextlib.chdir(folder):
        run_matrix(os.environ)
        old, new = cells(Folders(Path("reports")).matrix)
        judge(store.read(old), store.read(new))
        run_compare(old, new)


def run_matrix(environ: Mapping[str, str]) -> None:
    """Run the matrix in the working folder, its lines shown with the seconds since it began.

    Raises:
        PromdrillError: It did not end with exit code 1, a red cell.
        KeyboardInterrupt: It was interrupted.
    """
    began = SYSTEM.monotonic()
    asked = [f"--{name.lower()}={environ[name]}" for name in ("SUPPLY", "JOBS") if environ.get(name)]
    for name in ("CELL", "RESUME", "REPEAT", "EVIDENCE"):  # they would make it another matrix
        os.environ.pop(name, None)
    argv = [*PROGRAM, "matrix", "--run", "--file=matrix.toml", "--reports=reports", *asked]
    ended = child.run(argv, lambda line: say(f"{SYSTEM.monotonic() - began:4.0f} s | {line}"), timeout_s=MATRIX_S)
    if ended.interrupted:
        raise KeyboardInterrupt
    if ended.code != 1:
        raise PromdrillError(f"the matrix ended with exit code {ended.code}, not 1 for a red cell: {ended.said}")


def cells(matrix: Path) -> tuple[Path, Path]:
    """The folders of the two cells: our chart's, the copy's.

    Raises:
        PromdrillError: There are others, or not both.
    """
    found = {
        json.loads(file.read_text("utf-8"))["variables"]["CHART"]: file.parent for file in matrix.glob(f"*/{CELL}")
    }
    if set(found) != {"", COPY}:
        raise PromdrillError(f"there are cells of the charts {sorted(found)}, not of the default one and of {COPY}")
    return found[""], found[COPY]


def judge(old: RunResult, new: RunResult) -> None:
    """Refuse results but these: all as expected, except for `BROKEN` on the copy.

    Raises:
        PromdrillError: Says all that is otherwise.
    """
    wrong = [*_unlike("our chart", old, red=None), *_unlike("the broken copy", new, red=BROKEN)]
    if {drill.chart_version for drill in new.drills} != {VERSION}:
        wrong.append(f"the broken copy: not all drills are of chart version {VERSION}")
    if VERSION in {drill.chart_version for drill in old.drills}:
        wrong.append(f"our chart: a drill is of chart version {VERSION}")
    if wrong:
        raise PromdrillError("\n".join(wrong))


def _unlike(name: str, run: RunResult, *, red: str | None) -> Iterable[str]:
    if sorted(drill.scenario for drill in run.drills) != sorted(SCENARIOS) or run.finished is None:
        yield f"{name}: not {' and '.join(SCENARIOS)} to their end, but {_told(run.drills)}"
    for drill in run.drills:
        if drill.scenario == red and not _remedy_failed(drill):
            yield f"{name}: {red} did not fail for want of recovery or in verification: {_told([drill])}"
        if drill.scenario != red and not as_expected(drill):
            yield f"{name}: {_told([drill])}"


def _remedy_failed(drill: DrillResult) -> bool:
    """Whether the remedy was carried out and found not to have worked: a step before that is another failure."""
    recovery, step = (str(drill.reason).startswith(begin) for begin in REASONS)
    return drill.verdict is Verdict.FAILED and (recovery or (step and ": Verification: " in str(drill.reason)))


def _told(drills: Iterable[DrillResult]) -> str:
    return "; ".join(f"{each.name} {each.verdict}: {each.reason}" for each in drills) or "nothing"


def run_compare(old: Path, new: Path) -> None:
    """Show the comparison, and refuse one that does not call exactly `BROKEN` a worse verdict, with exit code 1.

    Raises:
        PromdrillError: It does not.
    """
    argv = [*PROGRAM, "compare", str(old), str(new), "--across", "chart"]
    said = shell.run(argv, timeout_s=COMPARE_S, ok=(1,)).stdout
    say(f"\n$ promdrill {shlex.join(argv[len(PROGRAM) :])}\n{said}")
    found = json.loads(shell.run([*argv, "--format=json"], timeout_s=COMPARE_S, ok=(1,)).stdout)
    worse = [cell["scenario"] for cell in found["cells"] if cell["verdict"] == "worse"]
    compared = sorted(cell["scenario"] for cell in found["cells"] if cell["verdict"] is not None)
    if worse != [BROKEN] or compared != sorted(SCENARIOS) or f"\n  {BROKEN}\n" not in said:
        raise PromdrillError(f"compare calls {worse or 'none'} of {compared or 'none'} worse, not {BROKEN}")


if __name__ == "__main__":
    sys.exit(main())
