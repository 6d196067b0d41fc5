"""Run the collectors one after the other, whether or not they succeed."""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import dataclass
from pathlib import Path

from promdrill.core.clock import SYSTEM, Clock, Deadline, iso
from promdrill.core.events import EvidenceIndexed, EvidenceMissing, EvidenceTaken
from promdrill.core.journal import Journal
from promdrill.core.redact import redact_lines
from promdrill.evidence import helm, logs, objects, prometheus
from promdrill.evidence.sources import Collector, Sources, Subject, words
from promdrill.evidence.store import BUDGET_BYTES, Artefact, Kept, Missing, Store

OVERALL_S = 60.0
"""Seconds for all collectors together: they take about five on an idle machine, and longer if something hangs."""

FOLDER = "evidence"
"""For a drill that did not end as expected: objects, logs, Prometheus' status, Helm's history; Secrets redacted."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The result of a collection.

    Attributes:
        folder: The evidence folder, with its index.json.
        kept: The files in it.
        missing: What could not be collected.
        interruption: What cut the collection short (Ctrl-C, SIGTERM), for the caller to raise again; None if nothing.
    """

    folder: Path
    kept: tuple[Kept, ...]
    missing: tuple[Missing, ...]
    interruption: BaseException | None = None

    @property
    def hint(self) -> str:
        """Where to look, relative to the working folder if it is inside; empty if there is nothing to see."""
        here = Path.cwd()
        folder = self.folder.absolute()
        shown = folder.relative_to(here) if folder.is_relative_to(here) else folder
        return f"see {shown}/" if self.kept else ""


def collectors() -> tuple[Collector, ...]:
    """All collectors in the order in which they run: the most telling and quickest first, what may be large last."""
    return (*prometheus.collectors(), *objects.collectors(), *helm.collectors(), *logs.collectors())


def gather(
    subject: Subject,
    report: Path,
    journal: Journal,
    *,
    overall_s: float = OVERALL_S,
    budget_bytes: int = BUDGET_BYTES,
    clock: Clock = SYSTEM,
) -> Evidence:
    """Run every collector once and write what they find to `report`/evidence. Errors are recorded, not raised.

    Args:
        subject: What to collect evidence of.
        report: The drill's folder. Existing evidence stays: the next folder is evidence-2, and so on.
        journal: Gets a line for each file and for everything that could not be collected.
        overall_s: Seconds after which no further collector is started.
        budget_bytes: Size limit for everything that is written.
        clock: Where time comes from.
    """
    gathering = _Gathering(Store(_free(report), budget_bytes=budget_bytes), journal)
    deadline = Deadline.after(overall_s, clock)
    taken = iso(clock.utc())
    interruption: BaseException | None = None
    try:
        with contextlib.closing(Sources(subject)) as sources:
            for collector in collectors():
                gathering.run(collector, sources, deadline)
    except BaseException as error:  # noqa: BLE001  the drill's own outcome must surface; interruptions are given back
        gathering.miss("evidence", f"cut short in {gathering.current or 'its beginning'}: {words(error)}")
        interruption = None if isinstance(error, Exception) else error
    gathering.finish(scenario=subject.scenario, taken=taken, took_s=round(deadline.elapsed_s, 3))
    store = gathering.store
    return Evidence(store.folder, tuple(store.kept), tuple(store.missing), interruption)


class _Gathering:
    """Writes what is collected to the store and the journal; `current` is the running collector."""

    def __init__(self, store: Store, journal: Journal) -> None:
        self.store = store
        self.current = ""
        self._journal = journal

    def run(self, collector: Collector, sources: Sources, overall: Deadline) -> None:
        """Run one collector; if it fails, what it found before is kept."""
        self.current = collector.name
        if overall.passed:
            self.miss(collector.name, f"no time was left after {overall.budget_s:.0f} s")
            return
        deadline = Deadline.after(min(collector.timeout_s, overall.remaining_s), overall.clock)
        try:
            for found in collector.gather(sources, deadline):
                self._take(collector, found)
        except Exception as error:  # noqa: BLE001  the drill's own outcome must surface, and the next collector run
            self.miss(collector.name, words(error))

    def miss(self, collector: str, error: str) -> None:
        """Record what could not be collected."""
        self._note(self.store.miss(collector, redact_lines(error)))

    def finish(self, *, scenario: str, taken: str, took_s: float) -> None:
        """Write the index."""
        try:
            path = self.store.write_index(scenario=scenario, taken=taken, took_s=took_s)
        except OSError as error:
            self.miss("index", words(error))
        else:
            self._journal.write(EvidenceIndexed(path=str(path), took_s=took_s))

    def _take(self, collector: Collector, found: Artefact | Missing) -> None:
        if isinstance(found, Missing):
            self.miss(found.collector, found.error)
            return
        kept = self.store.put(found)
        if isinstance(kept, Missing):
            self._note(kept)
        else:
            self._journal.write(
                EvidenceTaken(
                    collector=collector.name,
                    path=f"{self.store.folder.name}/{kept.path}",
                    size_bytes=kept.size,
                    sha256=kept.sha256,
                    left_out_bytes=kept.left_out,
                )
            )

    def _note(self, missing: Missing) -> None:
        self._journal.write(EvidenceMissing(collector=missing.collector, error=missing.error))


def _free(report: Path) -> Path:
    """The first folder of that name that does not exist yet."""
    names = itertools.chain([FOLDER], (f"{FOLDER}-{number}" for number in itertools.count(2)))
    return next(report / name for name in names if not (report / name).exists())
