"""The public API is documented: every name, every method, every attribute and every parameter of it.

ruff asks for docstrings, but cannot see what `dataclasses` makes, constants, or whether an attribute is described.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import sys
from collections.abc import Iterator
from enum import Enum
from types import ModuleType
from typing import TYPE_CHECKING, Any

from sphinx.util import logging

import promdrill.drill
import promdrill.faults
import promdrill.observe
from promdrill_site import docstrings

if TYPE_CHECKING:
    from sphinx.application import Sphinx

LOGGER = logging.getLogger(__name__)

MODULES: tuple[ModuleType, ...] = (promdrill.drill, promdrill.faults, promdrill.observe)
"""What a scenario imports from; each lists its public names in ``__all__``."""


def check(_app: Sphinx) -> None:
    """Warn of each name that is not documented, which is an error in `make docs`."""
    for module in MODULES:
        for line in undocumented(module):
            LOGGER.warning("%s", line)


def undocumented(module: ModuleType) -> Iterator[str]:
    """What a module's public names do not say, a line each."""
    for name in getattr(module, "__all__", ()):
        thing = getattr(module, name)
        shown = f"{module.__name__}.{name}"
        if inspect.isclass(thing):
            yield from _class(shown, thing)
        elif inspect.isfunction(thing):
            yield from _function(shown, thing)
        elif not isinstance(thing, ModuleType) and not _constant(module, name):
            yield f"{shown} has no docstring below it"


def _class(shown: str, kind: type[Any]) -> Iterator[str]:
    if not docstrings.own(kind):
        yield f"{shown} has no docstring"
    fields = dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ()
    if fields:
        said = docstrings.attributes(kind)
        for field in fields:
            if not field.name.startswith("_") and field.init and field.name not in said:
                yield f"{shown}: its docstring does not say what {field.name} is"
    if issubclass(kind, Enum):
        return
    for name, member in vars(kind).items():
        documented = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
        a_default = name in {field.name for field in fields}
        if not name.startswith("_") and inspect.isfunction(documented) and not a_default:
            yield from _function(f"{shown}.{name}", documented, inherited=_inherited(kind, name))


def _function(shown: str, function: Any, inherited: str = "") -> Iterator[str]:
    text = inspect.cleandoc(function.__doc__ or "")
    if not text and not inherited:
        yield f"{shown} has no docstring"
    said = docstrings.fields(text, "Args")
    for name in inspect.signature(function).parameters:
        if said and name not in said and name not in {"self", "cls"}:
            yield f"{shown}: its docstring does not say what {name} is"


def _inherited(kind: type[Any], name: str) -> str:
    """The docstring of the method that this one takes the place of."""
    above = (getattr(vars(base).get(name), "__doc__", None) for base in kind.__mro__[1:])
    return next((text for text in above if text), "")


def _constant(module: ModuleType, name: str) -> str:
    """A constant's docstring, where it is made: a module may import it, under another name too, and hand it on."""
    try:
        return docstrings.constant(module, name)
    except LookupError:
        for node in ast.parse(inspect.getsource(module)).body:
            match node:
                case ast.ImportFrom(module=str(home), names=names):
                    for alias in names:
                        if name == (alias.asname or alias.name):
                            return _constant(sys.modules[home], alias.name)
        return ""
