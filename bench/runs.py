"""Runs of drills for benchmarks, by promdrill's own command in a process of its own; and the cluster that one kept."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Sample, of_call
from promdrill.cli import supply
from promdrill.core import paths, shell
from promdrill.core.errors import ClusterError, UsageError
from promdrill.core.model import RunResult, Variant, Verdict
from promdrill.drill.site import namespace_of
from promdrill.matrix import child
from promdrill.request import fulfil
from promdrill.request.request import Request
from promdrill.results import store
from promdrill.runbook.environment import environment
from promdrill.supply.supplied import Supplied

SCENARIO = "disk-full"
"""The drill that is measured alone."""

TIMEOUT_S = 900.0
"""Seconds for a run: three times what the longest takes."""

GONE_S = 90.0
"""Seconds until the namespaces of the run before are gone."""

Tell = Callable[[str], None]

_KEPT = re.compile(r"cluster (\S+) is kept: ")
"""What `promdrill run` says of a new cluster that it keeps."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A run of drills.

    Attributes:
        asked: Ids of the scenarios.
        result: Its results.
        sample: What the command took, with its children.
    """

    asked: tuple[str, ...]
    result: RunResult
    sample: Sample

    @property
    def not_passed(self) -> str:
        """The drills that did not pass or did not take place, and why; empty if all passed."""
        drills = self.result.drills
        missed = [
            *(f"{each.name}: {each.verdict}: {each.reason}" for each in drills if each.verdict is not Verdict.PASSED),
            *(f"{name}: not drilled" for name in self.asked if name not in {each.scenario for each in drills}),
        ]
        return "; ".join(missed)


def command(words: Sequence[str], *, tell: Tell, timeout_s: float = TIMEOUT_S) -> tuple[Sample, int]:
    """A command of promdrill's, to its end: what it took, and its exit code.

    Args:
        words: Its arguments.
        tell: Called with each line of its output.
        timeout_s: Seconds until it is asked to end.

    Raises:
        KeyboardInterrupt: It was interrupted, and has undone what it did.
    """
    ended: list[child.Ended] = []
    argv = [sys.executable, "-m", "promdrill.cli.main", *words]
    sample = of_call(lambda: ended.append(child.run(argv, tell, timeout_s=timeout_s)))
    if ended[0].interrupted:
        raise KeyboardInterrupt
    return sample, ended[0].code


def drilled(report: Path, scenarios: Sequence[str], *options: str, tell: Tell) -> Ran:
    """Run drills, whatever their verdicts.

    Args:
        report: Gets the run's report; it must not exist.
        scenarios: Their ids.
        options: Further options of `promdrill run`.
        tell: As for `command`.

    Raises:
        ClusterError: The run left no results.
        KeyboardInterrupt: As for `command`.
    """
    lines: list[str] = []

    def heard(line: str) -> None:
        lines.append(line)
        tell(line)

    words = ["run", f"--scenario={','.join(scenarios)}", f"--report-dir={report}", *options]
    sample, code = command(words, tell=heard)
    if not (report / store.RESULTS).is_file():
        raise ClusterError(f"promdrill {' '.join(words)} ended with {code}: {lines[-1] if lines else 'no output'}")
    return Ran(tuple(scenarios), store.read(report), sample)


def kept_in(line: str) -> str | None:
    """The new cluster that a run keeps, if this line of its output names it."""
    found = _KEPT.search(line)
    return found[1] if found else None


class Kept:
    """A cluster that was kept, with all that the drill `SCENARIO` needs.

    Args:
        name: Its name.
        home: Gets a home folder for kubectl and Helm.
        tell: Called with a line about what is fetched.

    Raises:
        UsageError: promdrill has no cluster of that name.
        SupplyError: Something could not be fetched or built.
    """

    def __init__(self, name: str, home: Path, *, tell: Tell) -> None:
        kubeconfig = paths.clusters_dir() / name / "kubeconfig"
        if not kubeconfig.is_file():
            hint = f"make test-scenarios SCENARIO=persistence-off KEEP=1; ls {paths.clusters_dir()}"
            raise UsageError(f"promdrill has no cluster named {name}", hint=hint)
        parser = argparse.ArgumentParser()
        supply.add_options(parser)
        self.name = name
        self.request: Request
        self.request, preflight = fulfil.prepare(supply.asked(parser.parse_args([f"--scenario={SCENARIO}"])), say=tell)
        self.supplied: Supplied = fulfil.provide(self.request, self.request.scenarios, say=tell, found=preflight)
        self.env: Mapping[str, str] = environment(
            tools=self.supplied.tools, kubeconfig=kubeconfig, given={}, home=home, variables={}
        )

    def drilled(self, report: Path, scenarios: Sequence[str], *options: str, tell: Tell) -> Ran:
        """Run drills in it, once the namespaces of drills before are gone: they would wait for that, and count it.

        A namespace that was kept is deleted. Arguments and errors are as for `drilled` above.

        Raises:
            CommandFailed: The API server does not answer, or a namespace stays.
        """
        named = [namespace_of(each, Variant()) for each in scenarios]
        delete = [str(self.supplied.tools.kubectl), "delete", "namespace", *named, "--ignore-not-found"]
        shell.run([*delete, "--wait", f"--timeout={GONE_S:.0f}s"], timeout_s=2 * GONE_S, env=self.env)
        return drilled(report, scenarios, f"--cluster={self.name}", *options, tell=tell)
