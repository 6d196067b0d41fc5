"""What a scenario can use, one line each, read from the code itself.

Sources: the keys of a runbook's front matter, and the public names of `promdrill.drill`, `promdrill.faults` and `promdrill.observe`, their signatures and their
docstrings; the table of markers; the table of log wordings; the catalogue of images.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, StrEnum
from types import ModuleType
from typing import Any

import promdrill.drill
import promdrill.faults
import promdrill.observe
from promdrill.core import paths
from promdrill.drill import Drill, Moments, Plan
from promdrill.faults import Fault, Replace, Set
from promdrill.observe import Condition, Server, dashboard
from promdrill.observe.log_patterns import TABLE
from promdrill.request import markers
from promdrill.runbook.front import KEYS, FrontMatter
from promdrill.supply.build import catalogue

PUBLIC: tuple[ModuleType, ...] = (promdrill.drill, promdrill.faults, promdrill.observe)
"""The modules that a scenario imports from; each lists its names in ``__all__``."""

_PLUMBING = ("registry.k8s.io/kube-", "registry.k8s.io/etcd", "registry.k8s.io/coredns", "registry.k8s.io/pause")
"""Images of Kubernetes itself, which scenarios do not run."""


class Kind(StrEnum):
    """What an entry is, in the order of the list."""

    DRILL = "drill"
    PLAN = "plan"
    FAULT = "fault"
    EDIT = "edit"
    CONDITION = "condition"
    NAME = "name"
    MOMENT = "moment"
    MARKER = "marker"
    WORDING = "wording"
    RUNBOOK = "runbook"
    IMAGE = "image"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a scenario may use.

    Attributes:
        kind: What it is.
        signature: How it is typed: ``ValuesEdit(path, value, proof)``, ``server.fresh(within_s)``, ``at.injected``.
        summary: What it is, the first paragraph of its docstring on one line.
        home: The module that it is imported from; empty if it is not imported.
    """

    kind: Kind
    signature: str
    summary: str
    home: str = ""

    @property
    def name(self) -> str:
        """The signature without its arguments."""
        return self.signature.partition("(")[0].rstrip(":")


def entries() -> tuple[Item, ...]:
    """All entries, by kind; within a kind by name, except the fields of a plan and the keys of a front matter.

    Raises:
        UsageError: The catalogue of images cannot be read.
    """
    found = [*_methods(Drill, "drill", Kind.DRILL), *_fields(Plan, Kind.PLAN), *_fields(Moments, Kind.MOMENT, "at.")]
    found += _methods(Server, "server", Kind.CONDITION)
    found += _methods(dashboard.Source, "source", Kind.CONDITION)
    found += [entry for module in PUBLIC for entry in _names(module)]
    found += _names(dashboard)
    found += [Item(Kind.MARKER, f"{each.name}({each.arguments})", each.meaning) for each in markers.ALL]
    found += _server_names()
    said = attributes(FrontMatter)
    found += [Item(Kind.RUNBOOK, f"{key}:", said[key]) for key in KEYS]
    found += _wordings()
    found += _images()
    in_order = sorted(found, key=lambda entry: "" if entry.kind in {Kind.PLAN, Kind.RUNBOOK} else entry.signature)
    return tuple(entry for kind in Kind for entry in in_order if entry.kind is kind)


def summary(thing: object) -> str:
    """The first paragraph of a docstring, on one line; empty without a docstring."""
    text = (inspect.getdoc(thing) or "").partition("\n\n")[0]
    return " ".join(text.split())


def attributes(documented: type) -> dict[str, str]:
    """The description of each attribute in a class's docstring, on one line each."""
    text = inspect.getdoc(documented) or ""
    _, _, listed = text.partition("\nAttributes:\n")
    block = re.split(r"\n\S", listed)[0]
    found = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", block, re.MULTILINE)
    return {name: " ".join(words.split()) for name, words in found}


def _names(module: ModuleType) -> Iterator[Item]:
    """The public functions and classes of a module."""
    for name in vars(module)["__all__"]:
        thing = vars(module)[name]
        if isinstance(thing, ModuleType):
            continue
        prefix = "dashboard." if module is dashboard else ""
        home = "promdrill.observe" if module is dashboard else module.__name__
        callable_ = inspect.isfunction(thing) or (inspect.isclass(thing) and not issubclass(thing, Enum))
        called = _called(thing) if callable_ else ""
        yield Item(_kind(thing), f"{prefix}{name}{called}", _said(module, name, thing), home)


def _kind(thing: Any) -> Kind:
    if inspect.isclass(thing):
        if thing in {Set, Replace}:
            return Kind.EDIT
        return Kind.FAULT if issubclass(thing, Fault) and thing is not Fault else Kind.OTHER
    return Kind.CONDITION if inspect.isfunction(thing) and _makes_condition(thing) else Kind.OTHER


def _methods(documented: type, called: str, kind: Kind) -> Iterator[Item]:
    """The public methods of a class of which a scenario has an instance."""
    for name, method in vars(documented).items():
        if name.startswith("_") or not inspect.isfunction(method):
            continue
        makes = _makes_condition(method)
        if kind is Kind.CONDITION and not makes:
            continue
        entry_kind = Kind.CONDITION if makes else kind
        yield Item(entry_kind, f"{called}.{name}{_called(method, bound=True)}", summary(method))


def _fields(documented: Any, kind: Kind, prefix: str = "") -> Iterator[Item]:
    """The fields of a dataclass, with their descriptions from its docstring."""
    said = attributes(documented)
    home = "promdrill.drill"
    for field in dataclasses.fields(documented):
        yield Item(kind, f"{prefix}{field.name}", said[field.name], home)


def _server_names() -> Iterator[Item]:
    """The names of the drilled Prometheus and its objects."""
    said = attributes(Server)
    for name in ("namespace", "release", "fullname", "container", "reloader", "port", "pod_port", "containers"):
        yield Item(Kind.NAME, f"server.{name}", said[name])
    for name in ("service", "claim"):
        yield Item(Kind.NAME, f"server.{name}", summary(getattr(Server, name)))


def _makes_condition(function: Callable[..., Any]) -> bool:
    return function.__annotations__.get("return") in {Condition, "Condition"}


def _called(thing: Any, *, bound: bool = False) -> str:
    """A signature without types."""
    shown: list[str] = []
    for at, parameter in enumerate(inspect.signature(thing).parameters.values()):
        if bound and at == 0:
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in shown and not any(s.startswith("*") for s in shown):
            shown.append("*")
        stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
        stars = "**" if parameter.kind is parameter.VAR_KEYWORD else stars
        default = "" if parameter.default is parameter.empty else f"={_default(parameter.default)}"
        shown.append(f"{stars}{parameter.name}{default}")
    return f"({', '.join(shown)})"


def _default(value: Any) -> str:
    plain = value is None or isinstance(value, str | int | float | bool | tuple)
    return repr(value) if plain else "..."


def _said(module: ModuleType, name: str, thing: Any) -> str:
    """A name's docstring; that of a constant is the string below it, in the module that defines it."""
    if inspect.isclass(thing) or inspect.isfunction(thing):
        return summary(thing)
    for node in ast.parse(inspect.getsource(module)).body:
        for alias in node.names if isinstance(node, ast.ImportFrom) else ():
            if name == (alias.asname or alias.name) and isinstance(node, ast.ImportFrom) and node.module:
                return _below(sys.modules[node.module], alias.name)
    return _below(module, name)


def _below(module: ModuleType, name: str) -> str:
    """The string below the assignment of a name."""
    for node, following in itertools.pairwise(ast.parse(inspect.getsource(module)).body):
        targets = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", ())
        match following:
            case ast.Expr(ast.Constant(str(text))) if name in {getattr(target, "id", "") for target in targets}:
                return " ".join(text.partition("\n\n")[0].split())
    return ""


def _wordings() -> Iterator[Item]:
    """The wordings that `Drill.wording` knows, and their versions of Prometheus."""
    for meaning in dict.fromkeys(row.meaning for row in TABLE):
        versions = ", ".join(str(row.versions) for row in TABLE if row.meaning == meaning)
        yield Item(Kind.WORDING, f'drill.wording("{meaning}")', f"in the log of Prometheus {versions}")


def _images() -> Iterator[Item]:
    """Images that the supply `source` can build. With a registry, a scenario may use any image."""
    built = catalogue.load(paths.images_dir())
    for family in built.families.values():
        for image in family.images:
            name = image.reference.replace("{version}", "<version>")
            yield Item(Kind.IMAGE, name, f"any version of {family.module} that the Go module proxy serves")
    for artefact in built.artefacts.values():
        for image in artefact.images:
            if not image.name.startswith(_PLUMBING):
                contents = ", ".join(image.entrypoint) or "no entrypoint"
                yield Item(Kind.IMAGE, image.reference, f"{artefact.name} {artefact.version}; runs {contents}")
