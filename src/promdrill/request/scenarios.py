"""The scenarios on disk: folders that hold a test of the same name, and what the markers of that test say."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.specifiers import SpecifierSet

from promdrill.core import paths, reading
from promdrill.core.choices import YOURS, nearest
from promdrill.core.errors import PromdrillError, UsageError
from promdrill.core.model import INSTALLS, DrillResult, Verdict
from promdrill.helm.compatibility import installs, stack
from promdrill.request import markers
from promdrill.results import store
from promdrill.runbook.front import read_front
from promdrill.runbook.source import read

CHART = "prometheus"
"""Name of the chart whose versions `charts` means: prometheus-community's."""

ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
ID_RULE = "lower case letters and digits, words joined by dashes"
"""What a scenario's id looks like: it becomes a part of names in Kubernetes and Helm."""

LONGEST_SUFFIX = "-without-999"
"""Of a variant's name in the cluster: an ablation of a step below line 999; the controls' are shorter."""

_INSTALLS = {"manual": "manual install"}

_PLAINLY = re.compile(r"http://localhost:9090|:9090/proxy/")
"""How runbooks ask Prometheus: in its pod, or by way of the API server."""


Typed = Callable[[str, str], str]
"""Words a setting, given its variable and its value, as the user types it."""


def typed_in_make(variable: str, value: str) -> str:
    """A setting as make's variable: ``SCENARIO=oom``."""
    return f"{variable}={value}"


@dataclass(frozen=True, slots=True)
class ScenarioFolder:
    """One scenario as it lies on disk.

    Attributes:
        id: Its folder's name.
        folder: The folder.
    """

    id: str
    folder: Path

    @property
    def test(self) -> Path:
        """The file with the scenario's test."""
        return self.folder / f"test_{self.id.replace('-', '_')}.py"

    @property
    def runbook(self) -> Path:
        """The runbook as the scenario ships it."""
        return self.folder / "runbook.md"

    @property
    def stack_runbook(self) -> Path:
        """The runbook for kube-prometheus-stack, where its remedy is another; see `promdrill.drill.site`."""
        return self.folder / stack.RUNBOOK

    @property
    def as_written(self) -> Path:
        """The remedy as its source has it, if that does not work; most scenarios have no such file."""
        return self.folder / "runbook.as-written.md"

    @property
    def repairs(self) -> Path:
        """Repairs other than the runbook's: some that fix nothing, some that are as good."""
        return self.folder / "repairs.md"

    @property
    def title(self) -> str:
        """The runbook's title; empty when its front matter cannot be read."""
        try:
            return read_front(read(self.runbook)).title
        except PromdrillError:
            return ""


@dataclass(frozen=True, slots=True)
class Traits:
    """What the markers of a scenario's test say.

    Attributes:
        charts: Versions of the chart that it applies to, as a specifier set of Python's packaging; empty for any.
        install: What installs its Prometheus instead of the chart; empty for the chart.
        touches: What its fault and its remedy change, in words.
        stack: Versions of kube-prometheus-stack that it applies to; empty for none if `charts` names some.
        beside: Folders of manifests/ to install beside Prometheus if their images are available.
        images: Images that its runbook or its fault runs, besides those in the manifests of its folder.
        looks_like: Id of another scenario whose incident looks similar; empty if none is named.
        cluster_wide: What its drill needs or changes outside its own namespace, in words.
        own_scrapes: Why it needs the scrape jobs of its values.yaml; empty if any will do.
    """

    charts: str = ""
    install: str = ""
    touches: tuple[str, ...] = ()
    stack: str = ""
    beside: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    looks_like: str = ""
    cluster_wide: tuple[str, ...] = ()
    own_scrapes: str = ""

    @property
    def chart_range(self) -> str:
        """The charts in words: `>=15,<30`, `any`, `manual install`, `operator`."""
        return _INSTALLS.get(self.install, self.install) or self.charts or "any"


def find_all(root: Path | None = None, further: Sequence[Path] = ()) -> tuple[ScenarioFolder, ...]:
    """All scenarios in alphabetical order.

    Args:
        root: The folder that holds them; the one that promdrill ships by default.
        further: Folders with a user's own scenarios, as from `folders`.

    Raises:
        UsageError: A further folder has no scenarios, a folder's name is not an id, or two scenarios have the same id.
    """
    ours = (root or paths.scenarios_dir()).resolve()
    found: dict[str, ScenarioFolder] = {}
    for base in dict.fromkeys((ours, *(path.resolve() for path in further))):
        held = [each for each in _folders_in(base) if each.test.is_file()]
        if base != ours and not held:
            raise _empty(base)
        for each in held:
            if not ID.fullmatch(each.id):
                raise UsageError(f"{each.folder}: {each.id!r} is not an id: {ID_RULE}", hint="rename the folder")
            other = found.setdefault(each.id, each)
            if other is not each:
                message = f"two scenarios have the id {each.id}: {other.folder} and {each.folder}"
                raise UsageError(message, hint="give yours another id: its folder's name, its test's, its runbook's")
    return tuple(found[name] for name in sorted(found))


def select(
    ids: Iterable[str], root: Path | None = None, further: Sequence[Path] = (), *, typed: Typed = typed_in_make
) -> tuple[ScenarioFolder, ...]:
    """The scenarios of these ids, in alphabetical order and each once; all of them for no ids.

    Args:
        ids: Ids of scenarios.
        root: As in `find_all`.
        further: As in `find_all`.
        typed: Words a setting as the user types it.

    Raises:
        UsageError: There is no scenario of that id; names the nearest, and all. Also as `find_all`.
    """
    found = {scenario.id: scenario for scenario in find_all(root, further)}
    if not found:
        raise UsageError(f"no scenarios in {root or paths.scenarios_dir()}")
    wanted = set(ids)
    for name in sorted(wanted - found.keys()):
        for half in (each for base in further for each in _folders_in(base) if each.id == name):
            message = f"{typed('SCENARIO', name)}: {half.folder} has no {half.test.name}"
            raise UsageError(message, hint=f"ls {half.folder}")
        hint = typed("SCENARIO", nearest(name, found))
        if not further:
            hint = f"{hint}; or {typed('SCENARIOS', 'FOLDER')}, if it is one of your own"
        message = f"{typed('SCENARIO', name)}: no such scenario; the scenarios are {', '.join(found)}"
        raise UsageError(message, hint=hint)
    return tuple(scenario for name, scenario in found.items() if not wanted or name in wanted)


def folders(text: str | None) -> tuple[Path, ...]:
    """The folders that SCENARIOS or ``--scenarios`` names, absolute.

    Args:
        text: Paths, comma separated; None or empty for none.

    Raises:
        UsageError: A path is not a folder.
    """
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    named = [reading.path_of(name, said=f"SCENARIOS={reading.shown(name)}") for name in names]
    for path in named:
        if not path.is_dir():
            what = "a file, not a folder" if path.exists() else "no such folder"
            raise UsageError(f"SCENARIOS={path}: {what} of scenarios", hint=f"ls {path.parent}")
        reading.listed(path, said=f"SCENARIOS={path}")
    return tuple(path.absolute() for path in named)


def _folders_in(base: Path) -> list[ScenarioFolder]:
    found = [path for path in reading.listed(base) if path.is_dir()] if base.is_dir() else []
    return [ScenarioFolder(folder.name, folder) for folder in found]


def _empty(base: Path) -> UsageError:
    if ScenarioFolder(base.name, base).test.is_file():
        return UsageError(
            f"SCENARIOS={base}: this is a scenario; name the folder that holds it", hint=f"SCENARIOS={base.parent}"
        )
    message = f"SCENARIOS={base}: no scenarios; each is a folder <id> with a test_<id>.py (with _ for each -)"
    return UsageError(message, hint=f"{paths.program()} new my-incident --scenarios {base}")


def traits(test: Path) -> Traits:
    """Read a scenario's markers from the text of its test, without running it.

    Args:
        test: The file; `ScenarioFolder.test`.

    Raises:
        UsageError: It cannot be read, does not have exactly one test, or a marker is wrong.
    """
    found = markers.read(test_in(test), markers.DESCRIBING)
    for problem in found.problems:
        raise UsageError(f"{test}:{problem.line}: {problem.what}", hint=problem.hint)
    single = ("charts", "stack", "install", "looks_like", "own_scrapes")
    texts = {name: " ".join(found.texts.get(name, ())) for name in single}
    install = "" if texts["install"] == INSTALLS[0] else texts["install"]
    lists = {name: found.texts.get(name, ()) for name in ("beside", "images", "touches", "cluster_wide")}
    return Traits(
        texts["charts"],
        install,
        stack=texts["stack"],
        looks_like=texts["looks_like"],
        own_scrapes=texts["own_scrapes"],
        **lists,
    )


def look_alike(folder: Path) -> ScenarioFolder | None:
    """The scenario whose incident looks like this one's, for the control `other-fault`; None if none is named.

    Args:
        folder: The scenario's folder; the other one is beside it, or ships with promdrill.

    Raises:
        UsageError: There is no such scenario. Also as `traits`.
    """
    scenario = ScenarioFolder(folder.name, folder)
    name = traits(scenario.test).looks_like
    if not name:
        return None
    places = (ScenarioFolder(name, base / name) for base in (folder.parent, paths.scenarios_dir()))
    for other in places:
        if other.test.is_file() and name != folder.name:
            return other
    known = [each.id for each in find_all(further=[folder.parent]) if each.id != folder.name]
    message = f"{scenario.test}: looks_like({name!r}): not another scenario"
    raise UsageError(message, hint=f'@pytest.mark.looks_like("{nearest(name, known)}")' if known else "")


def test_in(file: Path) -> ast.FunctionDef:
    """The one test that a file holds.

    Raises:
        UsageError: It cannot be read, or does not have exactly one test.
    """
    try:
        tree = ast.parse(reading.text_of(file))
    except SyntaxError as error:
        raise UsageError(f"{file}:{error.lineno or 1}: not Python: {error.msg}", hint=f"python {file}") from error
    except (ValueError, RecursionError, MemoryError) as error:  # what the compiler's parser gives up on
        raise UsageError(
            f"{file}:1: not Python that can be read: {error or 'too deep'}", hint=f"python {file}"
        ) from error
    tests = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    if len(tests) != 1:
        raise UsageError(f"{file}: has {len(tests)} tests; a scenario has one", hint=f"def {file.stem}(drill: Drill)")
    return tests[0]


def applies(path: Path, chart_name: str, chart_version: str, app_version: str = "") -> str | None:
    """Why a scenario does not apply to a chart, or to a version of Prometheus; None when it does.

    Args:
        path: The scenario's folder, or its test.
        chart_name: Name and version as from `promdrill.helm.compatibility.table.followed`.
        chart_version: Its version, from the same source.
        app_version: Version of Prometheus, without a leading v; empty when it is not known.

    Raises:
        UsageError: As `traits`.
    """
    found = traits(ScenarioFolder(path.name, path).test if path.is_dir() else path)
    if found.install:
        return installs.refusal(found.install, app_version)
    if not found.charts:
        return None
    number = re.match(r"\d+(\.\d+)*", chart_version.lstrip("v"))  # packaging cannot read all suffixes that Helm allows
    ranges = {name: text for name, text in ((CHART, found.charts), (stack.CHART, found.stack)) if text}
    if number is not None and chart_name in ranges and SpecifierSet(ranges[chart_name]).contains(number[0]):
        return stack.refusal(number[0], app_version) if chart_name == stack.CHART else None
    named = " and ".join(f"{name} {text}" for name, text in ranges.items())
    return f"it applies to prometheus-community/{named}, not to {chart_name} {chart_version}"


def keeps_scrapes(path: Path) -> str | None:
    """Why a scenario cannot be drilled with the user's scrape jobs (SCRAPES=yours); None when it can.

    Args:
        path: As for `applies`.

    Raises:
        UsageError: As `traits`.
    """
    found = traits(ScenarioFolder(path.name, path).test if path.is_dir() else path)
    why = found.own_scrapes or (found.install and "its install has a configuration of its own")
    return f"SCRAPES={YOURS}: it needs its own scrape jobs: {why}" if why else None


def asks_plainly(path: Path, chart_name: str) -> str | None:
    """Why a scenario cannot be drilled with a Prometheus that speaks TLS; None when it can.

    The steps of its runbook would have to speak TLS too, and to know whom to trust.

    Args:
        path: As for `applies`.
        chart_name: As for `applies`.

    Raises:
        UsageError: As `traits`; or its runbook cannot be read.
    """
    scenario = ScenarioFolder(path.name, path) if path.is_dir() else ScenarioFolder(path.parent.name, path.parent)
    if traits(scenario.test).install:  # its Prometheus is not the user's
        return None
    on_stack = chart_name == stack.CHART and scenario.stack_runbook.is_file()
    text = reading.text_of(scenario.stack_runbook if on_stack else scenario.runbook)
    return "LOGIN has a ca: its runbook asks Prometheus without TLS" if _PLAINLY.search(text) else None


def last_took(reports: Path) -> dict[str, float]:
    """Seconds that each drill took when it last passed, by its name, as from `promdrill.core.model.drill_name`.

    Controls and ablations, which must not pass, count unless they were aborted. Files that cannot be read are left
    out: older versions may have written them.

    Args:
        reports: The folder that holds one folder for each run.
    """
    found: list[tuple[str, str, float]] = []
    for file in reports.glob(f"*/{store.RESULTS}"):
        if file.parent.is_symlink():
            continue
        try:
            run = store.read(file)
        except PromdrillError:
            continue
        found += [(run.started, drill.name, _took_s(drill)) for drill in run.drills if _counts(drill)]
    return {name: seconds for _, name, seconds in sorted(found, key=lambda each: each[0])}


def _counts(drill: DrillResult) -> bool:
    return drill.verdict is Verdict.PASSED or (drill.control is not None and drill.verdict is not Verdict.ABORTED)


def _took_s(drill: DrillResult) -> float:
    return float(sum(phase.took_s or 0.0 for phase in drill.phases))
