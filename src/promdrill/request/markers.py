"""The markers of a scenario's test: one table, and how to read them from the test's text without running it."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from promdrill.core.errors import shortened
from promdrill.core.model import INSTALLS


@dataclass(frozen=True, slots=True)
class Marker:
    """One marker.

    Attributes:
        name: The name after ``pytest.mark.``.
        arguments: Its arguments, in words.
        meaning: What it says about the scenario.
        example: An example, as it is typed.
        several: Whether it takes more than one text.
        keyword: The keyword that it also takes; empty if it takes none.
    """

    name: str
    arguments: str
    meaning: str
    example: str
    several: bool = False
    keyword: str = ""

    @property
    def line(self) -> str:
        """Its line in ``pytest --markers``."""
        return f"{self.name}({self.arguments}): {self.meaning}"


DESCRIBING = (
    Marker(
        "touches",
        "what, ...",
        'what the fault and its remedy change, a word or two each: "volume", "claim"',
        '@pytest.mark.touches("volume", "claim")',
        several=True,
    ),
    Marker(
        "cluster_wide",
        "what, ...",
        "what the drill needs or changes outside its own namespace, a phrase each; --adopt refuses such a drill",
        '@pytest.mark.cluster_wide("its own storage class")',
        several=True,
    ),
    Marker(
        "charts",
        "range, stack=range",
        'versions of the charts prometheus (">=15,<30") and kube-prometheus-stack (default: any)',
        '@pytest.mark.charts(">=15,<30")',
        keyword="stack",
    ),
    Marker(
        "install",
        "kind",
        "how Prometheus is installed: helm (default), manual, operator",
        '@pytest.mark.install("manual")',
    ),
    Marker(
        "own_scrapes",
        "why",
        'the drill needs the scrape jobs of its values.yaml, for "why"; with --scrapes yours it is skipped',
        '@pytest.mark.own_scrapes("the fault edits a job")',
    ),
    Marker(
        "looks_like",
        "id",
        "another scenario whose incident looks similar; the control other-fault must not take it for this one",
        '@pytest.mark.looks_like("inodes-full")',
    ),
    Marker(
        "images",
        "name, ...",
        "images that a runbook or a fault runs, besides those in the manifests of its folder; with the supply source, "
        "only those that `promdrill reference image` lists",
        '@pytest.mark.images("docker.io/library/busybox:1.37.0")',
        several=True,
    ),
    Marker(
        "beside",
        "folder, ...",
        "folders of manifests/ to install beside Prometheus if their images are available: grafana",
        '@pytest.mark.beside("grafana")',
        several=True,
    ),
)
"""Markers that describe a scenario."""

SCHEDULING = (
    Marker(
        "alone",
        "why",
        'the drill changes something that drills share, named by "why"; with --jobs nothing runs beside it',
        '@pytest.mark.alone("all storage classes")',
    ),
    Marker(
        "exclusive",
        "what",
        'the drill uses "what", which the cluster has only once; with --jobs no two drills that name it run at once',
        '@pytest.mark.exclusive("custom metrics API")',
    ),
    Marker(
        "long",
        "why",
        'the drill takes more than a minute, waiting for "why"; with --jobs it starts early',
        '@pytest.mark.long("a window of a minute passes")',
    ),
)
"""Markers that say which drills may run at once, and which are started first."""

ALL = (*SCHEDULING, *DESCRIBING)

MARKERS = tuple(marker.line for marker in ALL)
"""The markers' lines in ``pytest --markers``."""

OF_PYTEST = frozenset({"filterwarnings", "parametrize", "skip", "skipif", "usefixtures", "xfail"})
"""Markers of pytest's own."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a file.

    Attributes:
        line: Where, counted from 1.
        what: What is wrong.
        hint: What to do; empty if that is obvious.
    """

    line: int
    what: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Marks:
    """The markers of one test.

    Attributes:
        texts: The texts of each, by its name; those of a keyword, by the keyword's name.
        lines: The line of each.
        unknown: Markers that are neither ours nor pytest's, and their lines.
        problems: What is wrong with them.
    """

    texts: Mapping[str, tuple[str, ...]]
    lines: Mapping[str, int]
    unknown: Mapping[str, int]
    problems: Sequence[Problem]


def read(test: ast.FunctionDef, of: Collection[Marker] = ALL) -> Marks:
    """The markers of a test that are in the table.

    Args:
        test: The test.
        of: The markers to read; all others are ignored.
    """
    known = {marker.name: marker for marker in of}
    texts: dict[str, tuple[str, ...]] = {}
    lines: dict[str, int] = {}
    unknown: dict[str, int] = {}
    problems: list[Problem] = []
    for decorator in test.decorator_list:
        call = decorator if isinstance(decorator, ast.Call) else ast.Call(decorator, [], [])
        match call.func:
            case ast.Attribute(ast.Attribute(attr="mark") | ast.Name("mark"), name):
                if name not in known:
                    unknown[name] = decorator.lineno
                    continue
                marker, said = known[name], _texts(call.args)
                named = _texts([keyword.value for keyword in call.keywords])
                fits = bool(said) and named is not None and (marker.several or len(said or ()) == 1)
                if not fits or any(each.arg != (marker.keyword or None) for each in call.keywords) or name in lines:
                    what = "one text or more" if marker.several else "one text"
                    rule = f"the marker {name} may appear only once and takes {what}, written as a literal"
                    problems.append(Problem(decorator.lineno, rule, marker.example))
                    continue
                lines[name] = decorator.lineno
                texts[name] = said or ()
                if named:
                    texts[marker.keyword], lines[marker.keyword] = named, decorator.lineno
    problems += _ranges(texts, lines)
    problems += _installs(texts, lines)
    for name in OF_PYTEST | {marker.name for marker in ALL}:
        unknown.pop(name, None)
    return Marks(texts, lines, unknown, problems)


def nearest(name: str) -> str:
    """The marker with the most similar name, as it is typed."""
    names = {marker.name: marker.example for marker in ALL}
    return names[difflib.get_close_matches(name, names, n=1, cutoff=0.0)[0]]


def _ranges(texts: Mapping[str, tuple[str, ...]], lines: Mapping[str, int]) -> list[Problem]:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415  the plugin reads no range

    found = []
    for name in ("charts", "stack"):
        for text in texts.get(name, ()):
            try:
                SpecifierSet(text).contains("1")  # only now a number of thousands of digits is read
            except (InvalidSpecifier, ValueError):
                rule = f"{name}: {shortened(text, 80)!r} is not a version range"
                found.append(Problem(lines[name], rule, '@pytest.mark.charts(">=15,<30")'))
    return found


def _installs(texts: Mapping[str, tuple[str, ...]], lines: Mapping[str, int]) -> list[Problem]:
    install = " ".join(texts.get("install", ()))
    if install and install not in INSTALLS:
        near = difflib.get_close_matches(install, INSTALLS, n=1, cutoff=0.0)[0]
        rule = f"install({install!r}): not one of {', '.join(INSTALLS)}"
        return [Problem(lines["install"], rule, f'@pytest.mark.install("{near}")')]
    if install not in {"", INSTALLS[0]} and "charts" in texts:
        return [
            Problem(lines["charts"], f"the marker charts has no meaning with install {install}", "leave charts out")
        ]
    return []


def _texts(found: Sequence[ast.expr]) -> tuple[str, ...] | None:
    """The texts, stripped; None if one is not a text, is empty, or has characters that do not show."""
    values = [each.value for each in found if isinstance(each, ast.Constant)]
    texts = tuple(value.strip() for value in values if isinstance(value, str))
    return texts if len(texts) == len(found) and all(text and text.isprintable() for text in texts) else None
