"""Collect the results of a matrix that runs as a Job: from the log of each pod, as soon as it has ended.

With ``kubectl``, which whoever created the Job has, and which knows every way to log in to a cluster. The kubeconfig
and the context are always named: nothing here looks for the user's own.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promdrill.core import records, shell
from promdrill.core.errors import CommandFailed, CommandTimeout, UsageError, shortened
from promdrill.matrix import handed_over, kept
from promdrill.matrix.cells import Cell
from promdrill.matrix.handed_over import NotWhole
from promdrill.matrix.kubernetes import CONTAINER, LIST
from promdrill.results.folder import CELL, write_atomically
from promdrill.results.summary import closing_line

POD = "pod.json"
"""In the folder of a cell: which pod it comes from, so that each is collected once."""

LOG = "pod.log"
"""Beside it: what the pod said before it handed over its results; all of it if they are not whole."""

CALL_S = 60.0
"""Seconds for one call of kubectl: a log of 10 MiB over a line of 2 megabits per second."""

WATCH_S = 600.0
"""Seconds after which a watch is begun anew: a connection that died unseen, or a Job that is gone, is noticed then."""

_STATUS = "|".join(
    f"{{.status.{field}}}"
    for field in ("completedIndexes", "failedIndexes", "active", "ready", 'conditions[?(@.status=="True")].type')
)
_LINE = re.compile(r"([0-9,-]*)\|([0-9,-]*)\|([0-9]*)\|([0-9]*)\|([A-Za-z ]*)")
_INDEX_LABEL = "batch.kubernetes.io/job-completion-index"
_IGNORED = "batch.kubernetes.io/job-index-ignored-failure-count"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # of a cell; it becomes the name of a folder
_ENDED = frozenset({"Complete", "Failed"})
_PROGRAM = "kubectl-login"  # of `promdrill.core.inherited`
_NAMES = "--job NAME, --namespace NAME, --context NAME as for the Job"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Status:
    """How far a Job is.

    Attributes:
        ended: Indexes that have ended for good.
        ready: Pods that run.
        active: Pods that run or wait.
        over: Whether the Job has ended.
    """

    ended: tuple[int, ...]
    ready: int
    active: int
    over: bool

    @classmethod
    def of(cls, line: str) -> Status | None:
        """From a line that `_STATUS` prints; None for any other line, such as a warning of kubectl's."""
        match = _LINE.fullmatch(line.strip())
        if match is None:
            return None
        completed, failed, active, ready, conditions = match.groups()
        ended = sorted({*_indexes(completed), *_indexes(failed)})
        return cls(tuple(ended), int(ready or 0), int(active or 0), bool(_ENDED & set(conditions.split())))


@dataclass(frozen=True, slots=True)
class Taken:
    """The record of a cell that was collected.

    Attributes:
        job: UID of the Job.
        pod: Name of the pod; empty if it was gone.
        exit_code: Exit code of its container; None if that did not run or end.
        reason: Why there is no result; empty if there is one.
    """

    job: str
    pod: str
    exit_code: int | None = None
    reason: str = ""

    def shortcoming(self, *, red: bool) -> str:
        """Why the cell is red, apart from what its results say; empty for no reason.

        Args:
            red: Whether they say that it is.
        """
        if self.reason:
            return f"no result: {self.reason}"
        return "" if red or self.exit_code == 0 else f"exit code {self.exit_code} though nothing in its results is red"


@dataclass(frozen=True, slots=True)
class Job:
    """A Job, in a cluster of the user's.

    Attributes:
        kubeconfig: The file that leads there.
        context: The context in it.
        namespace: The Job's.
        name: Its name.
        cache: Where kubectl keeps what it learns of the API, instead of in the user's home.
    """

    kubeconfig: Path
    context: str
    namespace: str
    name: str
    cache: Path

    def cells(self) -> tuple[str, ...]:
        """Ids of its cells, by index.

        Raises:
            UsageError: There is no such Job of promdrill's, or the cluster does not answer.
        """
        try:
            found = json.loads(self._kubectl("get", "configmap", self.name, "--output=json"))
            ids = tuple(str(found["data"][LIST]).split())
        except CommandFailed as error:
            raise UsageError(f"cannot read the cells of {self.said}: {error.cause}", hint=_NAMES) from error
        except (ValueError, KeyError, TypeError):
            ids = ()
        if not ids or not all(map(_ID.fullmatch, ids)):
            text = f"ConfigMap {self.name} has no list of cells: {self.said} is not one of a matrix"
            raise UsageError(text, hint=_NAMES)
        return ids

    def uid(self) -> str:
        """Its UID.

        Raises:
            CommandFailed: There is no such Job.
        """
        return self._kubectl("get", "job", self.name, "--output=jsonpath={.metadata.uid}").strip()

    @property
    def said(self) -> str:
        """Where it is, for messages."""
        return f"Job {self.name} in namespace {self.namespace} of context {self.context}"

    def follow(self, take: Callable[[Status], None]) -> None:
        """Call `take` with the Job's status now and whenever it changes, until the Job has ended.

        Raises:
            CommandFailed: There is no such Job, or the cluster no longer answers.
        """
        over = threading.Event()

        def on_line(line: str) -> None:
            status = Status.of(line)
            if status is not None:
                take(status)
                if status.over:
                    over.set()

        argv = self._argv("get", "job", self.name, "--watch", f'--output=jsonpath={_STATUS}{{"\\n"}}')
        while not over.is_set():
            with contextlib.suppress(CommandTimeout):  # the Job has ended, or it is time for a new watch
                shell.run(argv, timeout_s=WATCH_S, on_line=on_line, stop=over, inherits_as=_PROGRAM)

    def pod(self, index: int) -> dict[str, Any] | None:
        """The last pod of an index, raw; None if there is none any more."""
        selector = f"batch.kubernetes.io/job-name={self.name},{_INDEX_LABEL}={index}"
        found = json.loads(self._kubectl("get", "pods", f"--selector={selector}", "--output=json"))
        items: list[dict[str, Any]] = found["items"]
        return max(items, key=lambda each: str(each["metadata"]["creationTimestamp"]), default=None)

    def log(self, pod: str) -> str:
        """The log of a pod's container."""
        return self._kubectl("logs", pod, f"--container={CONTAINER}")

    def _kubectl(self, *words: str) -> str:
        return shell.run(self._argv(*words), timeout_s=CALL_S, inherits_as=_PROGRAM).stdout

    def _argv(self, *words: str) -> list[str]:
        cluster = (f"--kubeconfig={self.kubeconfig}", f"--context={self.context}", f"--cache-dir={self.cache}")
        return ["kubectl", *cluster, f"--namespace={self.namespace}", *words]


class Collector:
    """Collects the cells of a Job into their folders, each once.

    Args:
        job: The Job.
        folders: Where results go.
        say: Shows a line.

    Attributes:
        cells: Ids of the cells, by index.
        taken: What was collected of those that have ended, by id.

    Raises:
        UsageError: There is no such Job, or the cluster does not answer.
        CommandFailed: As above.
    """

    def __init__(self, job: Job, folders: kept.Folders, say: Say) -> None:
        self.cells = job.cells()
        self._job, self._folders, self._say = job, folders, say
        self._uid = job.uid()
        self.taken: dict[str, Taken] = {}
        self._done: set[int] = set()
        self._said = ""

    def run(self) -> None:
        """Collect each cell when it has ended, until the Job has.

        Raises:
            CommandFailed: The cluster no longer answers; what was collected stays.
            OSError: A folder cannot be written.
        """
        self._job.follow(self._take)

    def _take(self, status: Status) -> None:
        for index in status.ended:
            if index < len(self.cells) and index not in self._done:
                self._say(f"{self.cells[index]}: {self._one(index, self.cells[index])}")
                self._done.add(index)
        waiting = max(status.active - status.ready, 0)
        cells = "1 cell has" if len(self.cells) == 1 else f"{len(self.cells)} cells have"
        ended = f"{len(status.ended)} of {cells} ended"
        said = f"{ended}; pods: {status.ready} run, {waiting} wait"
        if said != self._said:
            self._say(said)
        self._said = said

    def _one(self, index: int, id_: str) -> str:
        """Collect one cell; returns what became of it, in words."""
        before = self._before(id_)
        if before is not None and before.job == self._uid and not before.reason:
            self.taken[id_] = before
            return "collected before"
        pod = self._job.pod(index)
        if pod is None:
            return self._without(id_, Taken(self._uid, "", reason="its pod is gone, and its log with it"), "")
        name, code = str(pod["metadata"]["name"]), _exit_code(pod)
        try:
            log = self._job.log(name)
        except CommandFailed as error:
            why = f"its log cannot be read: {error.cause}"
            return self._without(id_, Taken(self._uid, name, code, f"{_fate(pod)}{why}"), "")
        draft = self._draft()
        try:
            handed_over.unpack(log, id_, draft)
        except NotWhole as error:
            why = f"{_fate(pod)}{error.message}{handed_over.complaint(log)}"
            return self._without(id_, Taken(self._uid, name, code, why), log)
        self._keep(id_, draft, Taken(self._uid, name, code), handed_over.split(log)[0])
        return "; ".join(filter(None, [*self._words(id_, code), handed_over.remark(log), *_again(pod)]))

    def _words(self, id_: str, code: int | None) -> Iterator[str]:
        """How the drills of a cell ended, in words; its exit code, unless that is 0 and there is more to say."""
        last = self._folders.last(Cell(id_, id_, {}))
        run = last.run if last is not None else None
        if run is not None:
            yield closing_line(run.drills, run.skipped)
        if run is None or code != 0:
            yield f"exit code {code}"

    def _without(self, id_: str, taken: Taken, log: str) -> str:
        """A cell without results: older ones are moved away, or they would pass for new ones, and its log is kept."""
        self._keep(id_, self._draft(), taken, log)
        return f"no result: {taken.reason}"

    def _draft(self) -> Path:
        """An empty folder; merging ignores hidden ones, and no other matrix runs in these folders meanwhile."""
        draft = self._folders.matrix / ".collecting"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        return draft

    def _keep(self, id_: str, draft: Path, taken: Taken, log: str) -> None:
        (draft / LOG).write_text(log, encoding="utf-8")
        write_atomically(draft / POD, records.dumps(taken))
        folder, before = self._folders.matrix / id_, self._before(id_)
        if before is not None and before.reason:
            shutil.rmtree(folder)  # it holds a log without results
        elif done := self._folders.clear(_cell(draft, id_)):
            self._say(f"{id_}: {done.partition(';')[0]}")
        draft.rename(folder)
        self.taken[id_] = taken

    def _before(self, id_: str) -> Taken | None:
        """What was collected of a cell before, if anything was."""
        try:
            return records.load(Taken, records.read_file(self._folders.matrix / id_ / POD))
        except (UsageError, records.Misfit):
            return None


def _cell(folder: Path, id_: str) -> Cell:
    """The cell whose results a folder holds; only its id if it does not say more."""
    try:
        told = records.read_file(folder / CELL)
        return Cell(id_, str(told["title"]), dict(told["variables"]))
    except (UsageError, KeyError, TypeError, ValueError):
        return Cell(id_, id_, {})


def _state(pod: dict[str, Any]) -> dict[str, Any]:
    """How the pod's container is or ended, raw."""
    found = (pod.get("status") or {}).get("containerStatuses") or ()
    state = next((each.get("state") or {} for each in found if each.get("name") == CONTAINER), {})
    return state.get("terminated") or state.get("waiting") or {}


def _exit_code(pod: dict[str, Any]) -> int | None:
    code = _state(pod).get("exitCode")
    return code if isinstance(code, int) else None


def _fate(pod: dict[str, Any]) -> str:
    """What the cluster says of how a pod ended, before a reason of ours; empty for nothing."""
    status, code = pod.get("status") or {}, _exit_code(pod)
    words = [status.get("reason"), status.get("message"), _state(pod).get("reason")]
    words += [f"exit code {code}"] if code is not None else []
    return "".join(f"{shortened(str(word), 200)}: " for word in words if word and word not in {"Completed", "Error"})


def _again(pod: dict[str, Any]) -> Iterator[str]:
    """That the cluster took pods of this cell away before, in words."""
    times = str(pod["metadata"].get("annotations", {}).get(_IGNORED, "0"))
    if times.isdigit() and int(times):
        yield f"the cluster took {times} pod{'' if times == '1' else 's'} of it away before, without a verdict"


def _indexes(text: str) -> Iterable[int]:
    """The numbers in a list of a Job's status: ``0,2-5``."""
    for first, last in re.findall(r"(\d+)(?:-(\d+))?", text):
        yield from range(int(first), int(last or first) + 1)
