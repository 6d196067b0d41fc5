"""Follow values through templates without running them: which are looked at, and which are used with all below them.

Both branches of every condition are followed. Where it cannot be told what becomes of a value, all below it counts as
used: what is not found here, no template reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from promdrill.helm.templates.parse import Action, Operand, Pipe

Keys = tuple[str, ...]

ANY = "*"
"""Stands for every key of a mapping, and for every item of a list."""

_DEEPEST = 40
"""Calls within calls; a template that calls itself with something new each time ends here."""

_ROUNDS = 3
"""Times round a loop: what one time assigns the next may read."""


@dataclass(frozen=True, slots=True)
class At:
    """The value at a path of the outermost chart's values."""

    path: Keys


@dataclass(frozen=True, slots=True)
class Root:
    """What a chart's templates begin with: `.Values` and all beside it. `prefix` is where its values are."""

    prefix: Keys


@dataclass(frozen=True, slots=True)
class Word:
    """A text or a number that is written in a template."""

    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list that a template makes. One whose length is not known has one item, which stands for all."""

    of: tuple[Value, ...]


@dataclass(eq=False, slots=True)
class Made:
    """A mapping that a template makes; `set` may add to it. Under `ANY` is what has a name that is not known."""

    entries: dict[str, Value] = field(default_factory=dict)


Value: TypeAlias = frozenset[At | Root | Word | Items | Made]
"""All that an expression may stand for."""

NOTHING: Value = frozenset()

_LOOKS = frozenset({"not", "empty", "kindIs", "kindOf", "typeIs", "typeOf", "typeIsLike", "len"})
"""Functions whose result says nothing of what is below their argument."""

_HANDS_ON = frozenset(
    {
        *("default", "coalesce", "ternary", "and", "or", "merge", "mergeOverwrite", "mustMerge", "mustMergeOverwrite"),
        *("deepCopy", "mustDeepCopy", "omit", "pick", "unset", "required"),
    }
)
"""Functions whose result is made of their arguments."""

_EMPTY = frozenset({"dict", "list", "tuple"})
"""Functions that make something of no argument."""

_LISTS = frozenset(
    {
        *("rest", "mustRest", "initial", "mustInitial", "reverse", "mustReverse", "uniq", "mustUniq", "compact"),
        *("mustCompact", "concat", "without", "mustWithout", "slice", "mustSlice"),
    }
)
"""Functions whose result is a list of some items of their arguments."""


class Reads:
    """What was read, as a tree of keys.

    Attributes:
        below: What was read below each key.
        whole: Whether all below here was used.
    """

    __slots__ = ("below", "whole")

    def __init__(self) -> None:
        self.below: dict[str, Reads] = {}
        self.whole = False

    def note(self, path: Keys, *, whole: bool = False) -> None:
        """Note that the value at a path was read; with `whole`, all below it too."""
        here = self
        for key in path:
            here = here.below.setdefault(key, Reads())
        here.whole = here.whole or whole

    def has(self, path: Keys) -> bool:
        """Whether anything at the path, below it, or all above it was read."""
        here = [self]
        for key in path:
            if any(each.whole for each in here):
                return True
            here = [found for each in here for name in {key, ANY} if (found := each.below.get(name)) is not None]
        return bool(here)

    def paths(self, above: Keys = ()) -> Iterable[Keys]:
        """Every path that was read, without those below a key that is not known."""
        for key, found in self.below.items():
            if key != ANY:
                yield (*above, key)
                yield from found.paths((*above, key))


class Follower:
    """Follows the templates of a chart and of its subcharts, which share their named templates.

    Args:
        defined: The named templates.
        prefixes: Where the values of each chart are.
    """

    def __init__(self, defined: Mapping[str, list[Action]], prefixes: Iterable[Keys]) -> None:
        self.reads = Reads()
        self._defined = defined
        self._prefixes = frozenset(prefixes)
        self._done: set[tuple[str, object]] = set()
        self._depth = 0
        self._functions: Mapping[str, Callable[[Sequence[Value]], Value]] = {
            "include": self._include,
            "tpl": self._tpl,
            "dict": self._dict,
            "set": self._set,
            "list": lambda given: frozenset({Items(tuple(given))}),
            "tuple": lambda given: frozenset({Items(tuple(given))}),
            **dict.fromkeys(("append", "mustAppend", "prepend", "mustPrepend"), self._append),
            "index": self._index,
            "get": self._index,
            "hasKey": lambda given: self._index(given) and NOTHING,
            "dig": lambda given: self._index([given[-1], *given[:-2]]) | given[-2] if len(given) > 1 else NOTHING,
            "pluck": lambda given: _list(_any(self._index([each, given[0]]) for each in given[1:])),
            "keys": lambda given: self._elements(_any(given)) and NOTHING,
            "values": lambda given: _list(self._elements(_any(given))),
            "first": lambda given: self._elements(_any(given)),
            "mustFirst": lambda given: self._elements(_any(given)),
            "last": lambda given: self._elements(_any(given)),
            "lookup": lambda _given: NOTHING,
        }

    def file(self, actions: Sequence[Action], prefix: Keys) -> None:
        """Follow a file of the chart whose values are there."""
        root: Value = frozenset({Root(prefix)})
        self._block(actions, root, {"$": root})

    def use(self, value: Value) -> None:
        """All that a value stands for is used, with everything below it."""
        for path in _places(value):
            self._note(path, whole=True)

    def _note(self, path: Keys, *, whole: bool = False) -> None:
        self.reads.note(path, whole=whole)
        for depth, key in enumerate(path):  # a subchart's `global` is the whole release's
            if key == "global" and path[:depth] in self._prefixes:
                self.reads.note(path[depth:], whole=whole)

    # --- what is in a template ----------------------------------------------------------------------------------

    def _block(self, actions: Sequence[Action], dot: Value, variables: dict[str, Value]) -> None:
        for action in actions:
            if action.kind == "template":
                self._call(action.name, NOTHING if action.pipe is None else self._pipe(action.pipe, dot, variables))
            elif action.pipe is not None:
                self._action(action, action.pipe, dot, variables)

    def _action(self, action: Action, pipe: Pipe, dot: Value, variables: dict[str, Value]) -> None:
        if action.kind == "show":
            found = self._pipe(pipe, dot, variables)
            if not pipe.variables:
                self.use(found)
            return
        inner = dict(variables)
        found = self._pipe(pipe, dot, inner)
        if action.kind == "range":
            self._range(action, pipe, found, inner)
        else:
            self._block(action.body, found if action.kind == "with" else dot, inner)
        _leave(inner, variables)
        other = dict(variables)
        self._block(action.otherwise, dot, other)
        _leave(other, variables)

    def _range(self, action: Action, pipe: Pipe, over: Value, variables: dict[str, Value]) -> None:
        elements = self._elements(over)
        if pipe.variables:
            variables.update(dict.fromkeys(pipe.variables, NOTHING))
            variables[pipe.variables[-1]] = elements
        for _ in range(_ROUNDS):
            before = dict(variables)
            self._block(action.body, elements, variables)
            if before == variables:
                return

    def _pipe(self, pipe: Pipe, dot: Value, variables: dict[str, Value]) -> Value:
        found: Value | None = None
        for command in pipe.commands:
            found = self._command(command, found, dot, variables)
        found = NOTHING if found is None else found
        for name in pipe.variables:
            variables[name] = found if pipe.declares else found | variables.get(name, NOTHING)
        return found

    def _command(
        self, command: Sequence[Operand], piped: Value | None, dot: Value, variables: dict[str, Value]
    ) -> Value:
        first = command[0]
        further = [self._operand(each, dot, variables) for each in command[1:]]
        given = [*further, *([] if piped is None else [piped])]
        if first.kind == "function":
            return self._fields(self._function(first.name, given), first.fields)
        for each in given:  # arguments of a method
            self.use(each)
        return self._operand(first, dot, variables)

    def _operand(self, operand: Operand, dot: Value, variables: dict[str, Value]) -> Value:
        match operand.kind:
            case "dot":
                found = dot
            case "variable":
                found = variables.get(operand.name, NOTHING)
            case "text":
                found = frozenset({Word(operand.name)})
            case "pipe" if operand.pipe is not None:
                found = self._pipe(operand.pipe, dot, variables)
            case "function":
                found = self._function(operand.name, ())
            case _:
                found = NOTHING
        return self._fields(found, operand.fields)

    def _fields(self, value: Value, names: Iterable[str]) -> Value:
        for name in names:
            value = _any(self._field(each, name) for each in value)
        return value

    def _field(self, value: At | Root | Word | Items | Made, name: str) -> Value:
        match value:
            case At(path):
                self._note((*path, name))
                return frozenset({At((*path, name))})
            case Root(prefix) if name == "Values":
                return frozenset({At(prefix)})
            case Root(prefix) if name == "Subcharts":
                below = [each for each in self._prefixes if each and each[:-1] == prefix]
                return frozenset({Made({each[-1]: frozenset({Root(each)}) for each in below})})
            case Made(entries):
                return entries.get(name, NOTHING) | entries.get(ANY, NOTHING)
            case _:
                return NOTHING

    def _elements(self, value: Value) -> Value:
        found: list[Value] = []
        for each in value:
            match each:
                case At(path):
                    self._note((*path, ANY))
                    found.append(frozenset({At((*path, ANY))}))
                case Items(of):
                    found += of
                case Made(entries):
                    found += entries.values()
        return _any(found)

    # --- functions ----------------------------------------------------------------------------------------------

    def _function(self, name: str, given: Sequence[Value]) -> Value:
        known = self._functions.get(name)
        if known is not None and (given or name in _EMPTY):
            return known(given)
        if name in _HANDS_ON:
            return _any(given)
        if name in _LISTS:
            return _list(self._elements(_any(given)))
        if name not in _LOOKS:
            for each in given:
                self.use(each)
        return NOTHING

    def _include(self, given: Sequence[Value]) -> Value:
        names = [each.text for each in given[0] if isinstance(each, Word)]
        passed = given[1] if len(given) > 1 else NOTHING
        if not names:  # the name is made up: it may be any of them
            names = list(self._defined)
        for name in names:
            self._call(name, passed)
        return NOTHING

    def _tpl(self, given: Sequence[Value]) -> Value:
        self.use(given[0])  # its text is followed where the values are read, from the root that is usual
        for path in _places(_any(given[1:])):
            if path not in self._prefixes:
                self._note(path, whole=True)
        return NOTHING

    def _call(self, name: str, passed: Value) -> None:
        body = self._defined.get(name)
        key = (name, _form(passed))
        if body is None or key in self._done:
            return
        if self._depth >= _DEEPEST:
            self.use(passed)
            return
        self._done.add(key)
        self._depth += 1
        self._block(body, passed, {"$": passed})
        self._depth -= 1

    def _dict(self, given: Sequence[Value]) -> Value:
        made = Made()
        for name, value in zip(given[::2], given[1::2], strict=False):
            _put(made, name, value)
        return frozenset({made})

    def _set(self, given: Sequence[Value]) -> Value:
        target, name, value = (*given, NOTHING, NOTHING)[:3]
        for each in target:
            if isinstance(each, Made):
                _put(each, name, value)
            else:
                self.use(value)
        return target

    def _append(self, given: Sequence[Value]) -> Value:
        return _list(self._elements(given[0]) | _any(given[1:]))

    def _index(self, given: Sequence[Value]) -> Value:
        found = given[0]
        for key in given[1:]:
            names = [each.text for each in key if isinstance(each, Word)]
            self.use(key)
            items = _any(_item(each, names) for each in found if isinstance(each, Items))
            others: Value = frozenset(each for each in found if not isinstance(each, Items))
            found = items | (_any(self._fields(others, (name,)) for name in names) if names else self._elements(others))
        return found


def _list(item: Value) -> Value:
    """A list whose every item may be any of these."""
    return frozenset({Items((item,))})


def _item(items: Items, names: Sequence[str]) -> Value:
    """The item at one of these numbers; any of them where the number is not known, or not one of the list's."""
    numbers = [int(name) for name in names if name.isdecimal()]
    known = numbers and all(number < len(items.of) for number in numbers)
    return _any(items.of[number] for number in numbers) if known else _any(items.of)


def _put(made: Made, name: Value, value: Value) -> None:
    for key in [each.text for each in name if isinstance(each, Word)] or [ANY]:
        made.entries[key] = made.entries.get(key, NOTHING) | value


def _places(value: Value) -> set[Keys]:
    """The paths of all values that one may stand for or contain."""
    found: set[Keys] = set()
    seen: set[object] = set()
    left = list(value)
    while left:
        each = left.pop()
        if each in seen:
            continue
        seen.add(each)
        match each:
            case At(path) | Root(path):
                found.add(path)
            case Items(of):
                left += _any(of)
            case Made(entries):
                left += _any(entries.values())
    return found


def _form(value: Value, depth: int = 0) -> object:
    """What a value is made of, to compare it with another one."""
    parts: set[object] = set()
    for each in value:
        match each:
            case Made(entries) if depth < _DEEPEST:
                parts.add(frozenset((key, _form(below, depth + 1)) for key, below in entries.items()))
            case Items(of) if depth < _DEEPEST:
                parts.add(tuple(_form(item, depth + 1) for item in of))
            case _:
                parts.add(each)
    return frozenset(parts)


def _leave(inner: Mapping[str, Value], outer: dict[str, Value]) -> None:
    """What a block did to the variables around it; what it declared is gone."""
    for name in outer:
        if name != "$":
            outer[name] |= inner[name]


def _any(values: Iterable[Value]) -> Value:
    found: Value = NOTHING
    for value in values:
        found |= value
    return found
