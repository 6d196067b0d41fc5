"""What a scenario's author can write: faults, conditions, markers and moments, a line each."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from typing import Any

import promdrill.faults
from promdrill.drill import Moments
from promdrill.faults import Fault
from promdrill.observe import conditions as combining
from promdrill.observe import others
from promdrill.observe.server import Server
from promdrill.parallel import wanted
from promdrill.request import scenarios
from promdrill_site.docstrings import attributes, summary
from promdrill_site.markdown import code, prose, table

HEAD = ("what is written", "what it is")


def faults() -> str:
    """The faults, then what they are made of."""
    named = [getattr(promdrill.faults, name) for name in promdrill.faults.__all__]
    kinds = [each for each in named if inspect.isclass(each)]
    does = [each for each in kinds if issubclass(each, Fault) and each is not Fault]
    helpers = [each for each in kinds if each not in does and not issubclass(each, Exception)]
    return f"{_table(does)}\n\n## What faults are made of\n\n{_table(helpers)}"


def conditions() -> str:
    """Conditions on the server, on anything else, and what combines them."""
    on_server = [member for _, member in _own(Server) if _gives_condition(member)]
    elsewhere = [member for _, member in _own(others) if _gives_condition(member)]
    in_volume = [getattr(promdrill.faults, name) for name in promdrill.faults.__all__]
    elsewhere += [each for each in in_volume if inspect.isfunction(each) and _gives_condition(each)]
    combined = [member for _, member in _own(combining) if _gives_condition(member)]
    return "\n\n".join(
        (
            "## On the server\n\n`server = drill.server`, then:",
            _table(on_server, prefix="server."),
            "## On anything else",
            _table(elsewhere),
            "## Made of other conditions",
            _table(combined),
        )
    )


def markers() -> str:
    """The markers of a scenario's test, as ``pytest --markers`` says them."""
    lines = sorted({*scenarios.MARKERS, *wanted.MARKERS})
    parts = [re.fullmatch(r"(\w+\(.*?\)): (.*)", line, re.DOTALL) for line in lines]
    return table(HEAD, [(code(f"@pytest.mark.{found[1]}"), prose(found[2])) for found in parts if found])


def moments() -> str:
    """What ``at`` knows in ``lambda at: (...)``."""
    return table(HEAD, [(code(f"at.{name}"), prose(meaning)) for name, meaning in attributes(Moments).items()])


def signature(documented: Callable[..., Any]) -> str:
    """A call as an author writes it: names and defaults, without types."""
    plain = []
    for parameter in inspect.signature(documented).parameters.values():
        if parameter.name == "self" or parameter.name.startswith("_"):
            continue
        default = parameter.default
        if default is not inspect.Parameter.empty and not isinstance(default, str | int | float | bool | None | tuple):
            default = ...
        plain.append(parameter.replace(annotation=inspect.Parameter.empty, default=default))
    return f"{documented.__name__}{inspect.Signature(plain)}".replace("Ellipsis", "...")


def _table(documented: Iterable[Callable[..., Any]], prefix: str = "") -> str:
    return table(HEAD, [(code(f"{prefix}{signature(each)}"), prose(summary(each))) for each in documented])


def _own(holder: Any) -> list[tuple[str, Any]]:
    """Public functions, in the order in which they are written."""
    module = getattr(holder, "__module__", None) or holder.__name__
    found = [
        (name, each)
        for name, each in vars(holder).items()
        if not name.startswith("_") and inspect.isfunction(each) and each.__module__ == module
    ]
    return sorted(found, key=lambda each: each[1].__code__.co_firstlineno)


def _gives_condition(member: Any) -> bool:
    return str(inspect.signature(member).return_annotation) in {"Condition", "<class 'Condition'>"}
