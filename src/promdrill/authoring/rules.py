"""The rules for a scenario: each finds what is wrong in its files, and where."""

from __future__ import annotations

import ast
import difflib
import html
import importlib
import importlib.util
import re
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import yaml

from promdrill.authoring.stated import MOMENTS, NOW, Stated, Unanswerable, stated
from promdrill.core import scratch
from promdrill.core.choices import nearest
from promdrill.core.errors import PromdrillError, UsageError, shortened
from promdrill.drill.baseline import Baseline
from promdrill.drill.plan import Plan, conditions_of
from promdrill.drill.site import LONGEST_RELEASE
from promdrill.faults import Edited, Fault, FaultNotTaken, InOrder, Reinstall, Set, TouchConfig, ValuesEdit
from promdrill.faults.edits import Edit, Texts, edited
from promdrill.faults.settings import MARK
from promdrill.observe.conditions import Condition
from promdrill.request import markers, scenarios
from promdrill.request.markers import Problem
from promdrill.request.scenarios import ScenarioFolder
from promdrill.runbook import repairs, unset
from promdrill.runbook.front import read_front
from promdrill.runbook.lint import lint
from promdrill.runbook.parse import Runbook, parse
from promdrill.runbook.published import document
from promdrill.runbook.source import read

LONGEST_TOUCHES = 37
"""Characters, so that `promdrill list` fits 80 columns beside an id of 18, "manual install" and "107 s"."""

LONGEST_ID = LONGEST_RELEASE - len("prometheus-") - len(scenarios.LONGEST_SUFFIX)
"""Characters of a scenario's id: Helm limits release names to `LONGEST_RELEASE`."""

LEFT = "still to be written: "
"""The beginning of every finding about an unfinished scenario."""

PUBLIC = ("promdrill.drill", "promdrill.faults", "promdrill.observe")
"""The modules that a scenario imports from; everything else may move between releases."""

_PLACE = re.compile(r"^(?:.*?):(\d+):(?:\d+:)? (.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with a scenario.

    Attributes:
        file: The file.
        problem: The line, what is wrong there, and what to do.
    """

    file: Path
    problem: Problem


Rule = Callable[[ScenarioFolder], Iterator[Finding]]


def python(scenario: ScenarioFolder) -> Iterator[Finding]:
    """The test: its name, its docstrings, its markers, its imports, and that it uses `drill`."""
    test = scenario.test
    for other in sorted(scenario.folder.glob("test_*.py")):
        if other != test:
            yield Finding(
                other, Problem(1, f"the test of {scenario.id} is {test.name}", f"mv {other.name} {test.name}")
            )
    if not test.is_file():
        yield Finding(test, Problem(1, "no such file", f"def {test.stem}(drill: Drill) -> None"))
        return
    try:
        function = scenarios.test_in(test)
    except PromdrillError as error:
        yield from _from_error(test, error)
        return
    tree = ast.parse(test.read_text(encoding="utf-8"))
    for problem in (
        *_docstrings(scenario, tree, function),
        *_uses_drill(function),
        *_marked(function),
        *_alike(scenario, function),
        *_imports(tree),
    ):
        yield Finding(test, problem)


def _docstrings(scenario: ScenarioFolder, tree: ast.Module, function: ast.FunctionDef) -> Iterator[Problem]:
    start = f"{scenario.id}: "
    if not (ast.get_docstring(tree) or "").startswith(start):
        yield Problem(1, f"the file's docstring does not begin with {start.strip()!r}", f'"""{start}what is broken."""')
    if not ast.get_docstring(function):
        hint = '"""What the fault does; what the runbook does about it."""'
        yield Problem(function.lineno, "the test has no docstring", hint)
    if function.name != scenario.test.stem:
        yield Problem(
            function.lineno, f"the test is {function.name}", f"def {scenario.test.stem}(drill: Drill) -> None"
        )


def _uses_drill(function: ast.FunctionDef) -> Iterator[Problem]:
    if "drill" not in {argument.arg for argument in function.args.args}:
        yield Problem(
            function.lineno,
            "the test has no argument drill, so it drills nothing",
            f"def {function.name}(drill: Drill)",
        )
        return
    calls = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
    if not any(isinstance(each, ast.Attribute) and each.attr == "run" and _is_drill(each.value) for each in calls):
        yield Problem(
            function.lineno, "the test never calls drill.run, so it drills nothing", "drill.run(fault=..., ...)"
        )


def _is_drill(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "drill"


def _marked(function: ast.FunctionDef) -> Iterator[Problem]:
    found = markers.read(function)
    yield from found.problems
    for name, line in found.unknown.items():
        yield Problem(line, f"unknown marker {name}", markers.nearest(name))
    touches = ", ".join(found.texts.get("touches", ()))
    example = '@pytest.mark.touches("volume", "claim")'
    if not touches and not any("touches" in problem.what for problem in found.problems):
        yield Problem(function.lineno, "no marker says what the fault and the remedy change", example)
    if len(touches) > LONGEST_TOUCHES:
        what = f"touches has {len(touches)} characters, but the limit is {LONGEST_TOUCHES}: {touches}"
        yield Problem(found.lines["touches"], what, "use a word or two for each, and only the most important")


def _alike(scenario: ScenarioFolder, function: ast.FunctionDef) -> Iterator[Problem]:
    """The scenario that the control `other-fault` must not take for this one."""
    found = markers.read(function)
    if found.problems:  # which are told already, and keep the markers from being read
        return
    if "looks_like" not in found.texts:
        what = "no marker names a scenario whose incident looks like this one, for the control other-fault"
        yield Problem(function.lineno, what, '@pytest.mark.looks_like("disk-full"); `promdrill list` has them all')
        return
    line = found.lines["looks_like"]
    try:
        other = scenarios.look_alike(scenario.folder)
        theirs = markers.read(scenarios.test_in(other.test)) if other is not None else found
    except PromdrillError as error:
        yield Problem(line, error.message.removeprefix(f"{scenario.test}: "), error.hint)
        return
    own, needed = (" ".join(each.texts.get("exclusive", ())) for each in (found, theirs))
    if own and needed and own != needed and "alone" not in {*found.texts, *theirs.texts}:
        what = (
            f"the drill needs {own!r} for itself, the scenario that looks like it {needed!r}: it cannot wait for both"
        )
        yield Problem(line, what, "name another scenario, or mark this one alone")


def _imports(tree: ast.Module) -> Iterator[Problem]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module in PUBLIC:
            module = importlib.import_module(node.module)
            listed = vars(module)["__all__"]
            missing = [each.name for each in node.names if not _exists(module, each.name)]
            for name in missing:
                yield Problem(
                    node.lineno, f"{node.module} has no {name}", f"from {node.module} import {nearest(name, listed)}"
                )
            inside = [alias.name for alias in node.names if alias.name not in {*listed, *missing}]
            names = [f"{node.module}.{name}" for name in inside]
        else:
            names = [str(node.module)] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            if name.partition(".")[0] == "promdrill" and name not in PUBLIC:
                what = f"{name} is not public: it may move between releases"
                yield Problem(getattr(node, "lineno", 1), what, f"from {' or '.join(PUBLIC)} import ...")


def _exists(module: ModuleType, name: str) -> bool:
    return name == "*" or hasattr(module, name) or importlib.util.find_spec(f"{module.__name__}.{name}") is not None


def identity(scenario: ScenarioFolder) -> Iterator[Finding]:
    """The folder's name, which is the scenario's id."""
    if not scenarios.ID.fullmatch(scenario.id):
        yield Finding(
            scenario.folder, Problem(1, f"{scenario.id!r} is not an id: {scenarios.ID_RULE}", "rename the folder")
        )
    if len(scenario.id) > LONGEST_ID:
        what = f"the id has {len(scenario.id)} characters; the limit is {LONGEST_ID}, as Helm limits names to {LONGEST_RELEASE}"
        yield Finding(scenario.folder, Problem(1, what, "use a shorter name for the folder"))


def unfinished(scenario: ScenarioFolder) -> Iterator[Finding]:
    """The TODOs that ``promdrill new`` left."""
    for file in sorted(path for path in scenario.folder.iterdir() if path.is_file()):
        for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if "TODO" in line:
                yield Finding(file, Problem(number, f"{LEFT}{shortened(line, 80)}"))


def runbooks(scenario: ScenarioFolder) -> Iterator[Finding]:
    """The runbook, that for kube-prometheus-stack, and the one that is kept because it does not work as written."""
    if not scenario.runbook.is_file():
        yield Finding(scenario.runbook, Problem(1, "no such file", "write a runbook"))
    for file in (scenario.runbook, scenario.stack_runbook, scenario.as_written):
        if file.is_file():
            try:
                runbook = parse(file)
                lint(runbook)
                unset.check(runbook)
            except PromdrillError as error:
                yield from _from_error(file, error)
            else:
                for problem in _told(scenario, runbook):
                    yield Finding(file, problem)


def other_repairs(scenario: ScenarioFolder) -> Iterator[Finding]:
    """The other repairs, each as it would be carried out: after the Diagnosis of the runbook."""
    file = scenario.repairs
    if not file.is_file():
        return
    try:
        found = repairs.repairs(file)
    except PromdrillError as error:
        yield from _from_error(file, error)
        return
    text = file.read_text(encoding="utf-8")
    if read_front(read(file)).id != scenario.id:
        yield Finding(file, Problem(_line(text, "id:"), "the id is not the folder's name", f"id: {scenario.id}"))
    try:
        runbook = parse(scenario.runbook)
    except PromdrillError:
        return  # `runbooks` says so
    for repair in found:
        try:
            lint(repair.instead(runbook))
            unset.check(repair.instead(runbook))
        except PromdrillError as error:
            yield from _from_error(file, error)


def _told(scenario: ScenarioFolder, runbook: Runbook) -> Iterator[Problem]:
    """What a runbook's front matter says must match what it tells its reader."""
    text = runbook.path.read_text(encoding="utf-8")
    if runbook.id != scenario.id:
        yield Problem(_line(text, "id:"), f"the id is {runbook.id}, the folder {scenario.id}", f"id: {scenario.id}")
    title = html.escape(runbook.title, quote=False)
    first = next((each for each in document.read(read(runbook.path)).headings if each.level == 1), None)
    if first is None or first.text != title:
        yield Problem(first.line if first else 1, "the first heading is not the title", f"# {title}")
    pasted = re.findall(r"^export (\w+)=(.*)$", text.partition("\n## Meaning")[0], re.MULTILINE)
    if pasted != list(runbook.variables.items()):
        wanted = "; ".join(f"export {name}={value}" for name, value in runbook.variables.items())
        what = "the variables of the front matter must be exported, in the same order, in a block before ## Meaning"
        yield Problem(_line(text, "export "), what, wanted or "no export")
    kept = runbook.path == scenario.as_written
    if kept and not runbook.fails_because:
        hint = "fails_because: a sentence; fails_with: a pattern of the output that shows it"
        yield Problem(1, "a runbook that is kept because it does not work must say why, and how that shows", hint)
    if not kept and runbook.fails_because:
        what = "fails_because is for a runbook that does not work"
        yield Problem(_line(text, "fails_because:"), what, f"rename this runbook to {scenario.as_written.name}")


def yaml_files(scenario: ScenarioFolder) -> Iterator[Finding]:
    """The Helm values, and every other YAML file."""
    values = scenario.folder / "values.yaml"
    if not values.is_file():
        yield Finding(values, Problem(1, "no such file", "write Helm values, or {} for none"))
    for file in sorted(scenario.folder.glob("*.yaml")):
        try:
            documents = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            mark = getattr(error, "problem_mark", None)
            told = getattr(error, "problem", None) or getattr(error, "reason", None) or error
            yield Finding(file, Problem(mark.line + 1 if mark else 1, f"not YAML: {told}"))
            continue
        if file == values and not (len(documents) <= 1 and isinstance((documents or [{}])[0] or {}, dict)):
            yield Finding(file, Problem(1, "Helm values must be one mapping", "key: value"))


def plan(scenario: ScenarioFolder, note: Callable[[str], None]) -> Iterator[Finding]:
    """The plan in the test, found by calling the test with a drill that runs nothing.

    Args:
        scenario: A scenario without other problems.
        note: Called with what could not be checked, and why.
    """
    test = scenario.test
    calls = (node for node in ast.walk(scenarios.test_in(test)) if isinstance(node, ast.Call))
    line = next((call.lineno for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "run"), 1)
    try:
        drill = stated(scenario)
        problems = [Problem(line, what, hint) for what, hint in _stated(drill, scenario)]
        problems += _edits(drill, scenario, line)
    except Unanswerable as error:
        note(f"{scenario.id}: the plan in the test was not checked: {error}")
        return
    except Exception as error:  # noqa: BLE001  whatever a test raises is a finding
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == test]
        said = error.message if isinstance(error, PromdrillError) else f"{type(error).__name__}: {error}"
        hint = error.hint if isinstance(error, PromdrillError) else ""
        what = " ".join(said.split())
        yield Finding(test, Problem((frames[-1].lineno if frames else None) or line, what, hint))
        return
    for problem in problems:
        yield Finding(test, problem)


def _stated(drill: Stated, scenario: ScenarioFolder) -> Iterator[tuple[str, str]]:
    """What is wrong with a plan, and what to do about it."""
    stated_plan = drill.plan
    for what, conditions in _waits(drill, stated_plan):
        names = [condition.name for condition in conditions]
        if not names:
            yield f"{what} has no conditions", "add conditions that name what must be seen"
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"{what} has two conditions named {name!r}", "use another text for one of them"
    seen = [c for stage in stated_plan.signature for c in conditions_of(stage.conditions, MOMENTS)]
    if not stated_plan.signature:
        yield "the signature is empty", "add stages with what must be seen while the incident lasts"
    elif len({condition.kind for condition in seen}) == 1:
        what = f"the signature looks from one side only: all its conditions are about the {seen[0].kind}"
        yield what, "add one of another kind: the pod, a log, a metric, an event, what HTTP answers"
    yield from _lists(stated_plan, scenario)
    known = parse(scenario.runbook).variables if scenario.runbook.is_file() else {}
    for name in sorted(set(stated_plan.variables) - set(known)):
        yield f"the runbook has no variable {name}", f"{name}: under variables, in {scenario.runbook.name}"


def _lists(stated_plan: Plan, scenario: ScenarioFolder) -> Iterator[tuple[str, str]]:
    """Edits that would turn a list of the values into something else."""
    acts: list[Fault | None] = [stated_plan.fault]
    acts += [stage.before for stage in (*stated_plan.signature, *stated_plan.afterwards)]
    text = (scenario.folder / "values.yaml").read_text(encoding="utf-8")
    for edit in (edit for act in acts if act is not None for edit in _sets(act)):
        try:
            edited({scenario.folder / "values.yaml": text}, (edit,))
        except FaultNotTaken:  # the values during the drill are not known here
            continue
        except UsageError as error:
            yield error.message.removeprefix(f"{scenario.folder}/"), error.hint


def _edits(drill: Stated, scenario: ScenarioFolder, line: int) -> Iterator[Problem]:
    """Edits that would find nothing to change, or more than one place; they are made in copies of the files.

    Only the acts before the runbook are judged: after it, the files are not known here.

    Args:
        drill: The drill, after the test has called its `run`.
        scenario: Its scenario.
        line: The line to report if the edit's own cannot be told.
    """
    stated_plan = drill.plan
    acts = [stated_plan.fault, *(stage.before for stage in stated_plan.signature)]
    made = list(_made(act for act in acts if act is not None))
    if not made:
        return
    with scratch.folder("check") as folder:
        recording = replace(drill.site.recording, folder=folder)
        cluster = replace(drill.site.cluster, private=folder)
        installation = replace(drill.site, cluster=cluster, recording=recording).installation
        installation.compose(scenario.folder / "values.yaml", (), drill.site.namespace)
        texts: Texts = {file: file.read_text(encoding="utf-8") for file in installation.files}
    for edit, kind in made:
        try:
            texts = edited(texts, (edit,))
        except FaultNotTaken as error:
            yield Problem(_line_of(edit, kind, scenario) or line, error.message, _instead(edit, texts))
        except UsageError:  # a list, which `_lists` reports
            continue


def _made(acts: Iterable[Fault]) -> Iterator[tuple[Edit, str]]:
    """The edits that faults make, in order, and the name of what states each; up to a fault that we do not know."""
    for act in acts:
        if not type(act).__module__.startswith("promdrill."):
            return
        if isinstance(act, ValuesEdit):
            yield Set(act.path, act.value), type(act).__name__
        if isinstance(act, (Edited, Reinstall)):
            yield from ((edit, type(edit).__name__) for edit in act.edits)
        if isinstance(act, TouchConfig):
            yield Set(f"server.global.external_labels.{MARK}", act.value), type(act).__name__
        if isinstance(act, (InOrder, Reinstall)):
            yield from _made(act.acts)


def _line_of(edit: Edit, kind: str, scenario: ScenarioFolder) -> int:
    """The line of the test that states an edit; 0 if several might."""
    calls = [node for node in ast.walk(scenarios.test_in(scenario.test)) if isinstance(node, ast.Call)]
    stating = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == kind]
    first = edit.path if isinstance(edit, Set) else edit.old
    exact = [call for call in stating if call.args and ast.unparse(call.args[0]) == repr(first)]
    found = exact or stating
    return found[0].lineno if len(found) == 1 else 0


def _instead(edit: Edit, texts: Texts) -> str:
    """What to do about an edit that cannot be made."""
    if isinstance(edit, Set):
        return "set a value that the file does not have"
    if any(edit.old in text for text in texts.values()):
        return "use a longer text that only one place has"
    lines = [line.strip() for text in texts.values() for line in text.splitlines()]
    close = difflib.get_close_matches(edit.old, lines, n=1)
    return f"the nearest line is {close[0]!r}" if close else "use a text that the file has"


def _sets(act: Fault) -> Iterator[Set]:
    """The values that a fault sets, including those of the faults within it."""
    if isinstance(act, ValuesEdit):
        yield Set(act.path, act.value)
    yield from (edit for edit in getattr(act, "edits", ()) if isinstance(edit, Set))
    for within in getattr(act, "acts", ()):
        yield from _sets(within)


def _waits(drill: Stated, stated_plan: Plan) -> Iterator[tuple[str, list[Condition]]]:
    """Conditions that are waited for together, and a name for each group."""
    baseline = Baseline(drill.server, 1.0, dict.fromkeys(stated_plan.jobs, 1)).conditions(since=NOW)
    recovery = conditions_of(stated_plan.recovery, MOMENTS)
    yield "recovery, with the baseline's own,", [*baseline, *stated_plan.beside_ready, *recovery]
    for stage in (*stated_plan.signature, *stated_plan.afterwards):
        yield f"the stage {stage.name!r}", list(conditions_of(stage.conditions, MOMENTS))


def _from_error(file: Path, error: PromdrillError) -> Iterator[Finding]:
    """The findings in an error: one per line, with the position if it names one."""
    for told in error.message.splitlines() if _PLACE.match(error.message) else [error.message]:
        placed = _PLACE.match(told)
        line, what = (int(placed[1]), placed[2]) if placed else (1, told.removeprefix(f"{file}: "))
        yield Finding(file, Problem(line, " ".join(what.split()), error.hint))


def _line(text: str, start: str) -> int:
    """The first line that begins with `start`; 1 if there is none."""
    return next((number for number, line in enumerate(text.splitlines(), 1) if line.startswith(start)), 1)


STATIC: tuple[Rule, ...] = (identity, python, runbooks, other_repairs, yaml_files, unfinished)
"""Rules that only read files."""
