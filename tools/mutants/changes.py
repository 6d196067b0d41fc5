"""The changes that can be made to a file.

Operators come from cosmic-ray where it has them; those for whole statements, arguments, guards and enumerations are our
own. What is left out is decided here and nowhere else.
"""

from __future__ import annotations

import ast
import importlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import TypeVar

from promdrill.core import model

SHIPPED = {
    "comparison": (
        "comparison_operator_replacement",
        tuple(
            f"ReplaceComparisonOperator_{change}"
            for change in ("Eq_NotEq", "NotEq_Eq", "Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Is_IsNot", "IsNot_Is")
        ),
    ),
    "arithmetic": (
        "binary_operator_replacement",
        tuple(f"ReplaceBinaryOperator_{change}" for change in ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul")),
    ),
    "unary": (
        "unary_operator_replacement",
        ("ReplaceUnaryOperator_Delete_Not", "ReplaceUnaryOperator_Delete_USub"),
    ),
    "not": ("boolean_replacer", ("AddNot",)),
    "and, or": ("boolean_replacer", ("ReplaceAndWithOr", "ReplaceOrWithAnd")),
    "boolean": ("boolean_replacer", ("ReplaceTrueWithFalse", "ReplaceFalseWithTrue")),
    "break": ("break_continue", ("ReplaceBreakWithContinue", "ReplaceContinueWithBreak")),
    "number": ("number_replacer", ("NumberReplacer",)),
    "no loop": ("zero_iteration_for_loop", ("ZeroIterationForLoop",)),
}
"""cosmic-ray's operators: of each kind, the module in `cosmic_ray.operators` and the classes."""

MESSAGE_ARGUMENTS = frozenset({"hint", "message", "reason", "text", "what", "why"})
"""Keyword arguments that hold words for people. What they say is not a change of meaning."""

BUDGET_ARGUMENTS = frozenset({"timeout_s"})
"""Keyword arguments that only bound how long something may take."""

LINTED_ARGUMENTS = frozenset({"encoding"})
"""Keyword arguments that ruff wants (PLW1514). Tests run where UTF-8 is the default, and cannot miss it."""

BUDGET_ENDINGS = ("_S", "_BYTES", "_CHARS", "_KEPT")
"""Ends of the names of constants whose number is a choice: one more or less is no mistake."""

_SWAPPED = {"min": "max", "max": "min", "any": "all", "all": "any"}

_ENUMERATIONS = {
    name: list(each.__members__)
    for name, each in vars(model).items()
    if isinstance(each, type) and issubclass(each, Enum) and len(each) > 1
}

Node = TypeVar("Node", bound=ast.AST)

_Node = ast.expr | ast.stmt | ast.keyword

Position = tuple[int, int]
"""A line, counted from 1, and a column in characters, counted from 0."""


@dataclass(frozen=True)
class Change:
    """One change that can be made to a file.

    Attributes:
        kind: Of operator.
        start: Where the changed code begins.
        nth: Tells apart the changes of one kind at one place.
        make: The file's text after the change; None if the operator gives up.
    """

    kind: str
    start: Position
    nth: int
    make: Callable[[], str | None] = field(compare=False, repr=False)


@dataclass(frozen=True)
class _Edit:
    """Replaces the code from `start` to `end`."""

    kind: str
    start: Position
    end: Position
    put: str


class Source:
    """A file's text, and its tree with positions in characters."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree = ast.parse(text)
        self._lines = text.splitlines(keepends=True)

    def start(self, node: _Node) -> Position:
        """Where a node begins."""
        return node.lineno, self._column(node.lineno, node.col_offset)

    def end(self, node: _Node) -> Position:
        """Where a node ends."""
        line = node.end_lineno or node.lineno
        return line, self._column(line, node.end_col_offset or 0)

    def code(self, start: Position, end: Position) -> str:
        """The text between two positions."""
        return self.text[self._offset(start) : self._offset(end)]

    def with_edit(self, edit: _Edit) -> str:
        """The text after an edit."""
        return self.text[: self._offset(edit.start)] + edit.put + self.text[self._offset(edit.end) :]

    def _column(self, line: int, column_bytes: int) -> int:
        return len(self._lines[line - 1].encode()[:column_bytes].decode())

    def _offset(self, position: Position) -> int:
        line, column = position
        return sum(len(each) for each in self._lines[: line - 1]) + column


def changes(text: str) -> list[Change]:
    """All changes that can be made to a file's text, in their order in the file."""
    return sorted([*shipped(text), *own(text)], key=lambda each: (each.start, each.kind, each.nth))


def shipped(text: str) -> Iterator[Change]:
    """The changes of cosmic-ray's operators."""
    from cosmic_ray.ast import ast_nodes, get_ast  # noqa: PLC0415  it is there for `make mutants` only
    from cosmic_ray.mutating import mutate_code  # noqa: PLC0415

    nodes = list(ast_nodes(get_ast(text)))
    source = Source(text)
    counts, calculates = _counting(source), _calculating(source)
    for kind, (module, names) in SHIPPED.items():
        found = vars(importlib.import_module(f"cosmic_ray.operators.{module}"))
        for name in names:
            operator = found[name]()
            places = [place for node in nodes for place in operator.mutation_positions(node)]
            for nth, (start, end) in enumerate(places):
                if counts(start, end) and (kind != "arithmetic" or calculates(start)):
                    yield Change(kind, start, nth, partial(mutate_code, text, operator, nth))


def own(text: str) -> Iterator[Change]:
    """The changes of our own operators."""
    source = Source(text)
    counts = _counting(source)
    for operator in (_statements, _arguments, _returns, _guards, _handlers, _swaps, _memberships, _members):
        for nth, edit in enumerate(operator(source)):
            if counts(edit.start, edit.end):
                yield Change(edit.kind, edit.start, nth, partial(source.with_edit, edit))


def is_change(before: str, after: str | None) -> bool:
    """Whether the changed text is another program, and one at all."""
    if after is None:
        return False
    try:
        return ast.dump(ast.parse(after)) != ast.dump(ast.parse(before))
    except SyntaxError:
        return False


def statement_lines(text: str, line: int) -> range:
    """The lines of the innermost statement at a line; of a statement with a body, those before the body."""
    found = range(line, line + 1)
    smallest = None
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.stmt):
            continue
        body = getattr(node, "body", None)
        last = max(node.lineno, body[0].lineno - 1) if body else (node.end_lineno or node.lineno)
        if node.lineno <= line <= last and (smallest is None or last - node.lineno < smallest):
            found, smallest = range(node.lineno, last + 1), last - node.lineno
    return found


def _nodes(source: Source, kind: type[Node]) -> Iterator[Node]:
    return (node for node in ast.walk(source.tree) if isinstance(node, kind))


def _statements(source: Source) -> Iterator[_Edit]:
    """A call whose result nobody uses, or an assignment to an attribute or item, is dropped."""
    for node in _nodes(source, ast.stmt):
        match node:
            case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
                yield _Edit("statement", source.start(node), source.end(node), "pass")


def _arguments(source: Source) -> Iterator[_Edit]:
    """A keyword argument is dropped."""
    for node in _nodes(source, ast.Call):
        arguments: list[_Node] = [*node.args, *node.keywords]
        arguments.sort(key=source.start)
        for before, each, after in zip([None, *arguments], arguments, [*arguments[1:], None], strict=False):
            if isinstance(each, ast.keyword) and _says_something(node, each):
                start = source.end(before) if before else source.start(each)
                end = source.start(after) if after and not before else source.end(each)
                yield _Edit("argument", start, end, "")


def _says_something(call: ast.Call, each: ast.keyword) -> bool:
    """Whether a keyword argument changes what a call does where the tests run."""
    named = each.arg and each.arg not in MESSAGE_ARGUMENTS | BUDGET_ARGUMENTS | LINTED_ARGUMENTS
    return bool(named) and each not in _strictness(call)


def _strictness(node: ast.AST) -> Sequence[ast.keyword]:
    """``strict=True`` of a ``zip``: ruff wants it (B905), also of what is always of the same length."""
    match node:
        case ast.Call(func=ast.Name(id="zip")):
            return [each for each in node.keywords if each.arg == "strict" and ast.unparse(each.value) == "True"]
    return []


def _returns(source: Source) -> Iterator[_Edit]:
    """A function returns the opposite if it answers yes or no, and None otherwise."""
    for node in _nodes(source, ast.FunctionDef):
        yes_or_no = isinstance(node.returns, ast.Name) and node.returns.id == "bool"
        for each in ast.walk(node):
            if isinstance(each, ast.Return) and each.value and not _is_none(each.value):
                start, end = source.start(each.value), source.end(each.value)
                put = f"not ({source.code(start, end)})" if yes_or_no else "None"
                yield _Edit("return", start, end, put)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _guards(source: Source) -> Iterator[_Edit]:
    """An `if` never happens, or always; so does the filter of a comprehension."""
    tests = [node.test for node in _nodes(source, ast.If)]
    tests += [test for node in _nodes(source, ast.comprehension) for test in node.ifs]
    for test, put in itertools.product(tests, ("False", "True")):
        yield _Edit("guard", source.start(test), source.end(test), put)


def _handlers(source: Source) -> Iterator[_Edit]:
    """An `except` catches nothing."""
    for node in _nodes(source, ast.ExceptHandler):
        if node.type:
            yield _Edit("except", source.start(node.type), source.end(node.type), "()")


def _swaps(source: Source) -> Iterator[_Edit]:
    """`min` and `max` are swapped, and `any` and `all`."""
    for node in _nodes(source, ast.Call):
        if isinstance(node.func, ast.Name) and node.func.id in _SWAPPED:
            yield _Edit("swap", source.start(node.func), source.end(node.func), _SWAPPED[node.func.id])


def _memberships(source: Source) -> Iterator[_Edit]:
    """`in` and `not in` are swapped."""
    for node in _nodes(source, ast.Compare):
        if len(node.ops) == 1 and isinstance(node.ops[0], ast.In | ast.NotIn):
            left, right = source.end(node.left), source.start(node.comparators[0])
            old, new = ("in", "not in") if isinstance(node.ops[0], ast.In) else ("not in", "in")
            yield _Edit("membership", left, right, source.code(left, right).replace(old, new))


def _members(source: Source) -> Iterator[_Edit]:
    """A member of one of the model's enumerations becomes the next one."""
    for node in _nodes(source, ast.Attribute):
        if isinstance(node.value, ast.Name) and node.attr in (members := _ENUMERATIONS.get(node.value.id, [])):
            put = members[(members.index(node.attr) + 1) % len(members)]
            yield _Edit("member", source.start(node), source.end(node), f"{node.value.id}.{put}")


def _counting(source: Source) -> Callable[[Position, Position], bool]:
    """Whether the code between two positions counts: not types, words for people or budgets."""
    rules = (_types, _words, _budgets, _strictness)
    parts = [part for node in ast.walk(source.tree) for rule in rules for part in rule(node)]
    left_out = [(source.start(part), source.end(part)) for part in parts]
    return lambda start, end: not any(first <= start and end <= last for first, last in left_out)


def _calculating(source: Source) -> Callable[[Position], bool]:
    """Whether an operator stands in a calculation.

    The ``*`` of a signature does not, and no caller that obeys mypy would see it become ``/``.
    """
    calculations = [(source.start(node), source.end(node)) for node in _nodes(source, ast.BinOp)]
    return lambda start: any(first <= start < last for first, last in calculations)


def _types(node: ast.AST) -> Sequence[_Node]:
    """Annotations, what mypy alone reads, and what a decorator or base class makes of a definition."""
    match node:
        case ast.FunctionDef(args=given):
            arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
            annotations = [each.annotation for each in arguments if each]
            return [*(each for each in (*annotations, node.returns) if each), *node.decorator_list]
        case ast.ClassDef():
            return [*node.decorator_list, *node.bases]
        case ast.AnnAssign():
            return [node.annotation]
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return [node]
    return []


def _words(node: ast.AST) -> Sequence[_Node]:
    """Messages; which class of error is raised is not changed either."""
    match node:
        case ast.Raise(exc=ast.expr() as part) | ast.Assert(msg=ast.expr() as part):
            return [part]
        case ast.JoinedStr():
            return [node]
        case ast.keyword() if node.arg in MESSAGE_ARGUMENTS:
            return [node]
    return []


def _budgets(node: ast.AST) -> Sequence[_Node]:
    """Arguments and constants that only bound something, and `__all__`."""
    match node:
        case ast.keyword() if node.arg in BUDGET_ARGUMENTS:
            return [node]
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if name.isupper() or name == "__all__":
            return [value] if name == "__all__" or name.endswith(BUDGET_ENDINGS) else []
    return []
