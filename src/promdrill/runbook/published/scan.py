"""Read shell text as far as it takes to know which programs it starts: no expansion, no execution.

`simples` finds the simple commands, also those inside ``$(...)``, backquotes and pipelines; `whole` says whether a text
could end here. ``case`` is not followed: it counts as a program, and no drill starts one of that name. bash's own
parser has the last word (`lint`).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass

_BEFORE = frozenset({"if", "then", "else", "elif", "do", "while", "until", "!", "{", "time"})
"""Words after which a command begins."""

_OPENS = {"if": "fi", "while": "done", "until": "done", "for": "done", "select": "done", "{": "}", "case": "esac"}
_CLOSES = frozenset(_OPENS.values())
_ASSIGNED = re.compile(r"([A-Za-z_]\w*)(?:\[[^]]*\])?\+?=")
_REDIRECTS = re.compile(r"\d*(?:&>>?|>>|>\||[<>]&|<<<|<<-?|<>|[<>])")
_FUNCTION = re.compile(r"\(\s*\)\s*")
_GOES_ON = re.compile(r"(?:\|&?|&&)[ \t]*(?:#.*)?$")
_CONTINUED = re.compile(r"(?<!\\)(?:\\\\)*\\$")


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a command.

    Attributes:
        raw: As it is written, with its quotes.
        start: Where it begins in the text.
        end: Where it ends.
    """

    raw: str
    start: int
    end: int

    @property
    def plain(self) -> str:
        """Without quotes and backslashes; expansions stay as they are written."""
        return re.sub(r"""\\(.)|['"]""", lambda found: found[1] or "", self.raw, flags=re.DOTALL)


@dataclass(frozen=True, slots=True)
class Simple:
    """A simple command.

    Attributes:
        words: The program and its arguments.
        assigned: Names that it assigns before the program, or instead of one.
        fed: Whether something is piped or redirected into it.
        written: Files that its output goes to, as written.
        background: Whether the shell goes on without waiting for it: the list that it is in ends with ``&``.
    """

    words: tuple[Word, ...]
    assigned: tuple[str, ...]
    fed: bool
    written: tuple[str, ...]
    background: bool = False

    @property
    def program(self) -> str:
        """What is started; empty if nothing is."""
        return self.words[0].plain if self.words else ""

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments without quotes."""
        return tuple(word.plain for word in self.words[1:])


def simples(text: str) -> tuple[Simple, ...]:
    """The simple commands of a text, in the order in which they end."""
    return tuple(_read(text).found)


def functions(text: str) -> frozenset[str]:
    """Names of the functions that a text defines."""
    return frozenset(_read(text).functions)


def whole(text: str) -> bool:
    """Whether a text could be all of a command: nothing is open, and nothing must follow."""
    reader = _read(text)
    last = text.rstrip("\n").rpartition("\n")[2]
    return not (reader.open or _CONTINUED.search(last) or _GOES_ON.search(last))


def _read(text: str) -> _Reader:
    reader = _Reader(text)
    try:
        reader.read(0, "")
    except RecursionError:  # thousands of $( in each other: nobody types that
        reader.open = True
    return reader


@dataclass
class _Building:
    """The simple command that is being read."""

    words: list[Word] = dataclasses.field(default_factory=list)
    assigned: list[str] = dataclasses.field(default_factory=list)
    written: list[str] = dataclasses.field(default_factory=list)
    fed: bool = False
    listing: bool = False  # the words of `for x in a b`, which start nothing
    naming: bool = False  # the name after `function`
    joined: bool = False  # to the command before it, with && or the like

    @property
    def awaited(self) -> bool:
        """Whether it must still begin, in this line or in a later one."""
        return self.joined and not self.words and not self.assigned


class _Reader:
    """Reads one text, once, from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.found: list[Simple] = []
        self.functions: set[str] = set()
        self.open = False
        self._here: list[tuple[str, bool]] = []

    def read(self, at: int, closer: str) -> int:  # noqa: C901  one branch for each thing that bash tells apart
        """Read commands up to the closer. Returns where it ends; the end of the text, with `open` set, without one."""
        text, now = self.text, _Building()
        begins = [len(self.found)]  # where in `found` the list begins, after those around the compound command
        while at < len(text):
            char = text[at]
            if closer and char == closer:
                self._end(now)
                return at + 1
            if char == "\n":
                now = now if now.awaited else self._end_list(now, begins)
                at = self._skip_here(at + 1)
            elif char in " \t\r)":
                at += 1
            elif char == "#":
                at = self._to(at, "\n")
            elif text.startswith("\\\n", at):
                at += 2
            elif not text.startswith(("<(", ">("), at) and (found := _REDIRECTS.match(text, at)) is not None:
                at = self._redirect(now, found)
            elif char in ";&|":
                now, at = self._separated(now, at, begins)
            elif len(now.words) == 1 and (made := _FUNCTION.match(text, at)) is not None:
                self.functions.add(now.words[0].plain)
                now, at = _Building(), made.end()
            elif char == "(":
                at = self.read(at + 1, ")") if not now.words else self._skip_brackets(at)
            else:
                word, at = self._word(at, closer)
                self._take(now, word, begins)
        self._end(now)
        self.open = self.open or len(begins) > 1 or bool(closer) or bool(self._here)
        return at

    def _take(self, now: _Building, word: Word, begins: list[int]) -> None:
        """Add a word to a command; one that opens or closes a compound command nests what follows."""
        if now.naming:
            self.functions.add(word.plain)
            now.naming = False
        elif now.words and not now.listing:
            now.words.append(word)
        elif word.raw in _CLOSES and not now.listing:
            del begins[max(1, len(begins) - 1) :]
        elif not now.listing:
            now.naming = word.raw == "function"
            now.listing = word.raw in {"for", "select"}
            name = _ASSIGNED.match(word.raw)
            if name is not None:
                now.assigned.append(name[1])
            elif not (now.naming or now.listing or word.raw in _BEFORE):
                now.words.append(word)
            if word.raw in _OPENS:
                begins.append(len(self.found))

    def _end(self, now: _Building) -> _Building:
        if now.words or now.assigned:
            self.found.append(Simple(tuple(now.words), tuple(now.assigned), now.fed, tuple(now.written)))
        return _Building()

    def _separated(self, now: _Building, at: int, begins: list[int]) -> tuple[_Building, int]:
        """Past a ``;``, ``&`` or ``|``, single or double: it ends a command, and where it does not join two, a list."""
        text = self.text
        end = at + 1 + (text[at : at + 2] in {"||", "&&", ";;", "|&"})
        if text[at] == "|" or text.startswith("&&", at):
            after = self._end(now)
            after.joined, after.fed = True, text[at] == "|" and not text.startswith("||", at)
            return after, end
        return self._end_list(now, begins, background=text[at] == "&"), end

    def _end_list(self, now: _Building, begins: list[int], *, background: bool = False) -> _Building:
        after, begin = self._end(now), begins[-1]
        if background:
            self.found[begin:] = [dataclasses.replace(each, background=True) for each in self.found[begin:]]
        begins[-1] = len(self.found)
        return after

    def _redirect(self, now: _Building, found: re.Match[str]) -> int:
        operator = found[0].lstrip("0123456789")
        at = found.end()
        while at < len(self.text) and self.text[at] in " \t":
            at += 1
        word, at = self._word(at, "") if at < len(self.text) and self.text[at] not in "\n;&|()" else (None, at)
        if word is None:
            return at
        if operator in {"<<", "<<-"}:
            self._here.append((word.plain, operator == "<<-"))
        now.fed = now.fed or operator.startswith("<")
        if operator.startswith((">", "&>")):
            now.written.append(word.plain)
        return at

    def _word(self, at: int, closer: str) -> tuple[Word, int]:
        text, start = self.text, at
        while at < len(text):
            char = text[at]
            if char == "\\":
                at += 2
            elif char == "'":
                at = self._past(at + 1, "'")
            elif char == '"':
                at = self._quoted(at + 1)
            elif text.startswith("$((", at):
                at = self._skip_brackets(at + 1)
            elif text.startswith(("$(", "<(", ">("), at):
                at = self.read(at + 2, ")")
            elif text.startswith("${", at):
                at = self._past(at + 2, "}")
            elif char == "`" and closer != "`":
                at = self.read(at + 1, "`")
            elif char in " \t\r\n;&|()<>" or char == closer:
                break
            else:
                at += 1
        at = min(max(at, start + 1), len(text))
        return Word(text[start:at], start, at), at

    def _quoted(self, at: int) -> int:
        """Past the end of a double quote that begins before here."""
        text = self.text
        while at < len(text):
            if text[at] == '"':
                return at + 1
            if text[at] == "\\":
                at += 2
            elif text.startswith("$(", at) and not text.startswith("$((", at):
                at = self.read(at + 2, ")")
            elif text[at] == "`":
                at = self.read(at + 1, "`")
            else:
                at += 1
        self.open = True
        return at

    def _past(self, at: int, mark: str) -> int:
        end = self.text.find(mark, at)
        if end == -1:
            self.open = True
            return len(self.text)
        return end + 1

    def _to(self, at: int, mark: str) -> int:
        end = self.text.find(mark, at)
        return len(self.text) if end == -1 else end

    def _skip_brackets(self, at: int) -> int:
        depth = 0
        for place in range(at, len(self.text)):
            depth += {"(": 1, ")": -1}.get(self.text[place], 0)
            if depth == 0:
                return place + 1
        self.open = True
        return len(self.text)

    def _skip_here(self, at: int) -> int:
        """Past the here-documents that begin in this line."""
        for mark, tabs in self._here:
            while at < len(self.text):
                end = self._to(at, "\n")
                line = self.text[at:end]
                at = min(end + 1, len(self.text))
                if (line.lstrip("\t") if tabs else line) == mark:
                    break
            else:
                self.open = True
        self._here = []
        return at


def quoting(text: str) -> Iterator[str]:
    """For each character of a text how it is quoted: ``'``, ``"``, or nothing."""
    within, at = "", 0
    while at < len(text):
        char = text[at]
        if char == "\\" and within != "'" and at + 1 < len(text):
            yield within
            yield within
            at += 2
            continue
        yield within
        if char in "'\"" and within in {"", char}:
            within = "" if within else char
        at += 1
