"""Read a template of a chart: Go's text/template, as far as it says which values are used.

Text between actions is dropped. https://pkg.go.dev/text/template has the grammar.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field


class NotParsed(Exception):
    """A text that is not a template."""


@dataclass(frozen=True, slots=True)
class Operand:
    """One word of a command.

    Attributes:
        kind: `dot`, `variable`, `function`, `text`, `pipe`, or `other` for nil, true and false.
        name: The variable, the function, or the text; a number is a text too.
        pipe: What is in the parentheses.
        fields: The fields after it: `a` and `b` of ``.a.b``.
    """

    kind: str
    name: str = ""
    pipe: Pipe | None = None
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pipe:
    """A pipeline: commands, each of which gets the result of the one before it.

    Attributes:
        variables: Variables that are set to its result.
        declares: Whether they are new: ``:=``, not ``=``.
        commands: The commands.
    """

    variables: tuple[str, ...]
    declares: bool
    commands: tuple[tuple[Operand, ...], ...]


@dataclass(slots=True)
class Action:
    """One action with everything up to its end.

    Attributes:
        kind: `show`, `if`, `with`, `range` or `template`.
        pipe: Its pipeline; for `template` what is passed on.
        name: The template that is called.
        body: What is between it and its `else` or `end`.
        otherwise: What is between `else` and `end`.
    """

    kind: str
    pipe: Pipe | None
    name: str = ""
    body: list[Action] = field(default_factory=list)
    otherwise: list[Action] = field(default_factory=list)


@dataclass(slots=True)
class Template:
    """A file.

    Attributes:
        body: Its actions.
        defined: The templates that it defines, by name.
    """

    body: list[Action] = field(default_factory=list)
    defined: dict[str, list[Action]] = field(default_factory=dict)


_QUOTED = r'"(?:\\.|[^"\\\n])*"|`[^`]*`' + r"|'(?:\\.|[^'\\\n])*'"
_ACTION = re.compile(r"\{\{-?\s*(?:/\*.*?\*/\s*-?\}\}|((?:" + _QUOTED + r"|[^\"'`}]|\}(?!\}))*?)\s*-?\}\})", re.DOTALL)
_WORD = re.compile(
    r"(?P<space>\s*)(?:(?P<quoted>" + _QUOTED + r")|(?P<variable>\$\w*)|(?P<fields>(?:\.\w+)+)|(?P<dot>\.)"
    r"|(?P<number>[-+]?\d[\w.+-]*)|(?P<name>\w+)|(?P<sign>:=|=|[()|,]))"
)
_CLOSING = frozenset({"end", "else"})
_OPENING = frozenset({"if", "with", "range"})


def parse(text: str) -> Template:
    """The actions of a template.

    Raises:
        NotParsed: It has no valid syntax.
    """
    return _Parser(text).template()


class _Words:
    """The words of one action."""

    def __init__(self, text: str) -> None:
        self._words: list[tuple[str, str, bool]] = []
        place, end = 0, len(text.rstrip())
        while place < end:
            match = _WORD.match(text, place)
            if match is None:
                raise NotParsed(text)
            kind = match.lastgroup or ""
            self._words.append((kind, match[kind], bool(match["space"])))
            place = match.end()
        self._next = 0

    def peek(self, ahead: int = 0) -> tuple[str, str, bool]:
        place = self._next + ahead
        return self._words[place] if place < len(self._words) else ("", "", True)

    def take(self) -> tuple[str, str, bool]:
        found = self.peek()
        self._next += 1
        return found

    def pipe(self) -> Pipe:
        """A pipeline, with its variables."""
        variables, declares = self._variables()
        commands = [self._command()]
        while self.peek()[1] == "|":
            self.take()
            commands.append(self._command())
        return Pipe(variables, declares, tuple(commands))

    def _variables(self) -> tuple[tuple[str, ...], bool]:
        names: list[str] = []
        ahead = 0
        while self.peek(ahead)[0] == "variable":
            names.append(self.peek(ahead)[1])
            kind, sign, _ = self.peek(ahead + 1)
            if kind != "sign" or sign not in {",", ":=", "="}:
                return (), False
            ahead += 2
            if sign != ",":
                self._next += ahead
                return tuple(names), sign == ":="
        return (), False

    def _command(self) -> tuple[Operand, ...]:
        found: list[Operand] = []
        while (kind := self.peek()[0]) and not (kind == "sign" and self.peek()[1] != "("):
            found.append(self._operand())
        if not found:
            raise NotParsed("an empty command")
        return tuple(found)

    def _operand(self) -> Operand:
        kind, text, _ = self.take()
        if kind == "fields":
            return Operand("dot", fields=tuple(text[1:].split(".")))
        if kind == "quoted":
            return Operand("text", _text(text))
        if kind == "number":
            return Operand("text", text)
        if kind == "name" and text in {"true", "false", "nil"}:
            return Operand("other")
        pipe = None
        if kind == "sign":
            kind, pipe = "pipe", self.pipe()
            if self.take()[1] != ")":
                raise NotParsed("a parenthesis is not closed")
        fields: tuple[str, ...] = ()
        if self.peek()[0] == "fields" and not self.peek()[2]:
            fields = tuple(self.take()[1][1:].split("."))
        return Operand("function" if kind == "name" else kind, text, pipe, fields)


class _Parser:
    """The actions of one text, one after the other."""

    def __init__(self, text: str) -> None:
        self._actions = iter([match[1] for match in _ACTION.finditer(text) if match[1] is not None])
        self._found = Template()

    def template(self) -> Template:
        body, closing = self._block()
        if closing is not None:
            raise NotParsed("an end without a beginning")
        self._found.body = body
        return self._found

    def _block(self) -> tuple[list[Action], _Words | None]:
        """The actions up to `else` or `end`, and that one with the words after it."""
        found: list[Action] = []
        for text in self._actions:
            words = _Words(text)
            kind, name, _ = words.peek()
            keyword = name if kind == "name" else ""
            if keyword in _CLOSING:
                return found, words
            if keyword in {"define", "block"}:
                words.take()
                called = _text(words.take()[1])
                pipe = words.pipe() if keyword == "block" else None
                self._found.defined[called] = self._closed()
                if pipe is not None:
                    found.append(Action("template", pipe, called))
            elif keyword in _OPENING:
                words.take()
                found.append(self._opened(keyword, words))
            elif keyword == "template":
                words.take()
                called = _text(words.take()[1])
                found.append(Action("template", words.pipe() if words.peek()[0] else None, called))
            elif keyword not in {"break", "continue"} and kind:
                found.append(Action("show", words.pipe()))
        return found, None

    def _opened(self, keyword: str, words: _Words) -> Action:
        action = Action(keyword, words.pipe())
        action.body, closing = self._block()
        if closing is None:
            raise NotParsed(f"{keyword} without an end")
        if closing.take()[1] == "else":
            following = closing.peek()[1]
            if following in _OPENING:  # else if: one `end` closes both
                closing.take()
                action.otherwise = [self._opened(following, closing)]
            else:
                action.otherwise = self._closed()
        return action

    def _closed(self) -> list[Action]:
        body, closing = self._block()
        if closing is None or closing.take()[1] != "end":
            raise NotParsed("no end")
        return body


def _text(quoted: str) -> str:
    if quoted.startswith('"'):
        try:
            return str(json.loads(quoted))
        except ValueError:
            return quoted[1:-1]
    return quoted[1:-1]
