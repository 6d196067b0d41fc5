"""What Google-style docstrings say, and constants' docstrings, which Python itself does not keep."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

from sphinx.pycode import ModuleAnalyzer


def summary(documented: object) -> str:
    """The first paragraph of a docstring, on one line.

    Raises:
        LookupError: There is none, or it is the one that `dataclasses` makes.
    """
    text = own(documented)
    if not text:
        raise LookupError(f"{getattr(documented, '__qualname__', documented)} has no docstring")
    return " ".join(text.partition("\n\n")[0].split())


def own(documented: object) -> str:
    """A docstring that somebody wrote: not the signature that `dataclasses` writes in its place."""
    text = inspect.getdoc(documented) or ""
    name = getattr(documented, "__name__", "")
    return "" if name and text.startswith(f"{name}(") and "\n" not in text else text


def fields(text: str, *sections: str) -> dict[str, str]:
    """Names and meanings in a docstring's sections ``Attributes:`` or ``Args:``, in their order.

    Args:
        text: The docstring, without its indentation.
        sections: Their titles; `Attributes` and `Args` by default.
    """
    found: dict[str, str] = {}
    for title in sections or ("Attributes", "Args"):
        for body in re.findall(rf"^{title}:\n((?:[ ]+.*\n?|\n)+)", text, re.MULTILINE):
            entries = textwrap.dedent(body).rstrip()
            for name, meaning in re.findall(
                r"^\*{0,2}(\w+)(?: \([^)]*\))?: (.*(?:\n(?: .*)?)*)", entries, re.MULTILINE
            ):
                found[name] = " ".join(meaning.split())
    return found


def constant(module: ModuleType, name: str) -> str:
    """The docstring below a module's constant.

    Raises:
        LookupError: There is none.
    """
    lines = ModuleAnalyzer.for_module(module.__name__).find_attr_docs().get(("", name), [])
    text = " ".join(" ".join(lines).split())
    if not text:
        raise LookupError(f"{module.__name__}.{name} has no docstring below it")
    return text


def text_constants(package: Path, pattern: re.Pattern[str]) -> Iterator[tuple[str, str, str]]:
    """Value, docstring and place of each constant of a package whose value is a text that matches.

    Args:
        package: Its folder.
        pattern: Of the whole value.

    Raises:
        LookupError: One has no docstring.
    """
    for path in sorted(package.rglob("*.py")):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        for node, following in zip(body, [*body[1:], None], strict=True):
            match node:
                case ast.Assign(value=ast.Constant(value=str(value))) if pattern.fullmatch(value):
                    match following:
                        case ast.Expr(ast.Constant(value=str(doc))):
                            yield value, " ".join(doc.split()), f"{path.name}:{node.lineno}"
                        case _:
                            raise LookupError(f"{path}:{node.lineno}: {value} has no docstring below it")


def attributes(kind: type) -> Mapping[str, str]:
    """Meanings of a dataclass's fields, those of its bases too."""
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        found |= fields(inspect.cleandoc(each.__doc__ or ""))
    return found
