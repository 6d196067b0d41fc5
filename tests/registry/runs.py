"""`promdrill run` as a person starts it, and what it said."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from promdrill import paths, shell
from promdrill.cluster.kind import LABEL
from promdrill.errors import SupplyError
from promdrill.options import OPTIONS
from promdrill.report import results
from promdrill.supply import catalogue
from promdrill.supply.choose import MIRROR_VARIABLE
from promdrill.supply.pins import PINS_VARIABLE

DRILL_S = 900.0
"""Seconds for a drill with its cluster: 120 measured on two cores."""

END_S = 180.0
"""Seconds that an interrupted run has to delete its cluster: 5 measured."""

SCENARIO = "disk-full"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes:
        code: Its exit code.
        output: All that it said.
        verdicts: Of its drills.
    """

    code: int
    output: str
    verdicts: tuple[str, ...]

    @property
    def clusters(self) -> frozenset[str]:
        """Clusters that it made; others may run beside it."""
        return frozenset(re.findall(r"creating cluster (\S+)", self.output))


def environment(mirror: str, pins: Path, cache: Path, **more: str) -> dict[str, str]:
    """What a user of the mirrors exports; nothing that this process was given counts."""
    clean = {option.variable: "" for option in OPTIONS} | {"SCENARIO": SCENARIO, "JOBS": "1", "KEEP": ""}
    given = {"SUPPLY": "registry", MIRROR_VARIABLE: mirror, PINS_VARIABLE: str(pins), paths.CACHE_VARIABLE: str(cache)}
    return {**clean, **given, "NO_PROXY": "127.0.0.1", "COLUMNS": "120", **more}


def drill(env: Mapping[str, str], folder: Path, *, show: Say, timeout_s: float = DRILL_S) -> Outcome:
    """Run the drill to its end; Ctrl-C reaches it, and is waited for.

    Args:
        env: As `environment` makes it.
        folder: Where its report goes.
        show: Told each line.
        timeout_s: Seconds after which it is interrupted.
    """
    program = Path(sys.executable).with_name("promdrill")
    lines: list[str] = []
    with shell.spawn([program, "run", "--reports", folder], env=env, cwd=paths.project_dir()) as process:
        end = threading.Timer(timeout_s, lambda: os.killpg(process.pid, signal.SIGINT))
        end.start()
        try:
            for raw in process.stdout or ():
                lines.append(raw.decode("utf-8", "replace").rstrip())
                show(lines[-1])
        except KeyboardInterrupt:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(END_S)
            raise
        finally:
            end.cancel()
        process.wait(END_S)
    found = [path for path in folder.glob(f"*/{results.RESULTS}") if not path.parent.is_symlink()]
    verdicts = tuple(str(item.verdict) for file in found for item in results.read(file).drills)
    return Outcome(process.returncode, "\n".join(lines), verdicts)


def clusters() -> set[str]:
    """Names of all kind clusters."""
    argv = ["docker", "ps", "--all", "--filter", f"label={LABEL}", "--format", f'{{{{.Label "{LABEL}"}}}}']
    return set(shell.run(argv, timeout_s=30).stdout.split())


@contextlib.contextmanager
def cache(folder: Path) -> Iterator[Path]:
    """A cache that has what is built whatever the supply, and nothing that is pulled or downloaded.

    What is built is linked from the user's own cache: building it is not what is proven here.
    """
    mine = paths.cache_dir()
    place = Path(tempfile.mkdtemp(prefix="cache-", dir=folder))
    (place / "artefacts").mkdir()
    built = [name for name in catalogue.load(paths.images_dir()).artefacts if name != "kind"]
    images = [path.name for path in (mine / "artefacts").glob("image-*")]
    for name in [*built, *images, "go-toolchain"]:
        if (mine / "artefacts" / name).is_dir():
            (place / "artefacts" / name).symlink_to(mine / "artefacts" / name)
    for name in ("go", "locks"):  # with the locks, two that build the same still know of each other
        (mine / name).mkdir(parents=True, exist_ok=True)
        (place / name).symlink_to(mine / name)
    yield place


def entry(cache: Path, name: str) -> list[Path]:
    """Entries of an artefact in a cache."""
    return [path for path in (cache / "artefacts" / name).glob("[!.]*") if (path / "manifest.json").is_file()]


def refusal(outcome: Outcome, wanted: str) -> str:
    """The line of its output in which a run was refused, in certain words and before it had made a cluster.

    Raises:
        SupplyError: It was not refused, or not so.
    """
    lines = [line for line in outcome.output.splitlines() if re.search(wanted, line)]
    trouble = ""
    if outcome.code == 0 or "passed" in outcome.verdicts:
        trouble = "it passed"
    elif outcome.clusters:
        trouble = f"it made a cluster: {', '.join(sorted(outcome.clusters))}"
    elif not lines:
        trouble = f"it did not say {wanted!r}"
    if trouble:
        raise SupplyError(f"not refused as it must be: {trouble}\n{outcome.output}")
    return lines[0].strip()
