"""promdrill as a person starts it, who is not root, and what it said."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.registry.user import User

from promdrill.artefacts.pins import PINS_VARIABLE
from promdrill.artefacts.registries import MIRROR_VARIABLE
from promdrill.core import paths, shell
from promdrill.core.errors import SupplyError
from promdrill.results import store

DRILL_S, BOOK_S, SUPPLY_S = 900.0, 2400.0, 900.0
"""Seconds for a drill with its cluster (120 measured on two cores), for the whole book, and for all that it needs."""

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
        verdicts: Each drill's.
    """

    code: int
    output: str
    verdicts: Mapping[str, str]

    @property
    def clusters(self) -> frozenset[str]:
        """Clusters that it made; others may run beside it."""
        return frozenset(re.findall(r"creating cluster (\S+)", self.output))

    @property
    def passed(self) -> bool:
        """Whether there were drills, and all of them passed."""
        return self.code == 0 and {*self.verdicts.values()} == {"passed"}


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs promdrill for the user.

    Attributes:
        user: Whom for.
        folder: Where commands are typed.
        mirror: Address of the registry.
        repo: Address of the chart repository; empty for none.
        chart_version: Version of the chart there; empty for any.
    """

    user: User
    folder: Path
    mirror: str
    repo: str
    chart_version: str

    def environment(self, pins: Path, cache: Path, **more: str) -> dict[str, str]:
        """What a user of the mirrors exports."""
        given = {MIRROR_VARIABLE: self.mirror, PINS_VARIABLE: str(pins), paths.CACHE_VARIABLE: str(cache)}
        chart = {"REPO": self.repo, "CHART_VERSION": self.chart_version}
        return {**given, **chart, "NO_PROXY": "127.0.0.1,localhost", "COLUMNS": "120", **more}

    def run(self, *command: str | Path, env: Mapping[str, str], show: Say, timeout_s: float = DRILL_S) -> Outcome:
        """Run a command to its end; Ctrl-C reaches it, and is waited for.

        Args:
            command: What is typed.
            env: As `environment` makes it.
            show: Told each line.
            timeout_s: Seconds after which it is interrupted.
        """
        lines: list[str] = []
        before = self._reports()
        with shell.spawn(self.user.argv(*command, env=env, cwd=self.folder)) as process:
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
        found = [item for path in sorted(self._reports() - before) for item in store.read(path).drills]
        return Outcome(process.returncode, "\n".join(lines), {item.name: str(item.verdict) for item in found})

    def _reports(self) -> set[Path]:
        found = self.folder.glob(f"reports/*/{store.RESULTS}")
        return {path for path in found if not path.parent.is_symlink()}


@contextlib.contextmanager
def cut_off(uid: int) -> Iterator[None]:
    """Within the block, a user's processes reach this machine alone; what they ask of others is refused."""
    rule = ["OUTPUT", "--match", "owner", "--uid-owner", str(uid), "!", "--out-interface", "lo", "--jump", "REJECT"]
    with contextlib.ExitStack() as undo:
        for program in ("iptables", "ip6tables"):
            undo.callback(shell.run, [program, "--wait", "--delete", *rule], timeout_s=30, ok=(0, 1, 2, 3, 4))
            shell.run([program, "--wait", "--insert", *rule], timeout_s=30)
        yield


def kept_images(cache: Path) -> set[str]:
    """References of the images that were pulled, and whose archives lie in a cache."""
    notes = (
        json.loads(file.read_text(encoding="utf-8")) for file in cache.glob("artefacts/pulled-*/[!.]*/manifest.json")
    )
    return {str(each["reference"]) for each in notes}


def refusal(outcome: Outcome, wanted: str) -> str:
    """The line of its output in which a run was refused, in certain words and before it had made a cluster.

    Raises:
        SupplyError: It was not refused, or not so.
    """
    lines = [line for line in outcome.output.splitlines() if re.search(wanted, line)]
    trouble = ""
    if outcome.code == 0 or "passed" in outcome.verdicts.values():
        trouble = "it passed"
    elif outcome.clusters:
        trouble = f"it made a cluster: {', '.join(sorted(outcome.clusters))}"
    elif "Traceback" in outcome.output:
        trouble = "it ended in a traceback"
    elif not lines:
        trouble = f"it did not say {wanted!r}"
    if trouble:
        raise SupplyError(f"not refused as it must be: {trouble}\n{outcome.output}")
    return lines[0].strip()
