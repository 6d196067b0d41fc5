"""The arguments of kubectl, or of Helm: what it does, to what, and with which options."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass

from promdrill.runbook.published import options
from promdrill.runbook.published.scan import Simple, Word

TYPED = frozenset(
    {
        "get",
        "describe",
        "delete",
        "patch",
        "edit",
        "scale",
        "annotate",
        "label",
        "wait",
        "expose",
        "autoscale",
        "explain",
    }
)
"""Commands whose first argument is a kind."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of kubectl, oc or Helm.

    Attributes:
        verb: ``get``, ``rollout restart``, ``top``; empty if there is none.
        rest: The arguments after it that are no options.
        options: Option without dashes to its words: the option itself and, if it has one apart, its value. Switches of
            one letter that are written as one word are one option: ``it``.
        inside: What follows ``--``: a command in a container.
        head: All arguments that are no options, the verb's words among them, up to ``--``.
        elsewhere: Options that lead to another cluster.
    """

    verb: str
    rest: tuple[Word, ...]
    options: dict[str, list[tuple[Word, ...]]]
    inside: tuple[Word, ...]
    head: tuple[Word, ...] = ()
    elsewhere: tuple[tuple[Word, ...], ...] = ()

    def value(self, *names: str) -> str | None:
        """The value of the first of these options that is given; None if none is."""
        return next((word.plain for word in self.value_words(*names)), None)

    def value_words(self, *names: str) -> list[Word]:
        """The words that hold the values of these options, cut to the value itself."""
        return [word for name in names for words in self.options.get(name, ()) for word in _values(words)]

    def has(self, *names: str) -> bool:
        """Whether one of these options is given."""
        return any(name in self.options for name in names)

    @property
    def target(self) -> tuple[tuple[str, Word | None], ...]:
        """Kind and name of each object that it names; None for a kind without a name."""
        rest = self.rest
        if self.verb.startswith("rollout") or self.verb in TYPED:
            if not rest:
                return ()
            if any("/" in word.plain for word in rest):
                return tuple(_split(word) for word in rest if "/" in word.plain)
            names = [word for word in rest[1:] if "=" not in word.plain and not word.plain.endswith("-")]
            return tuple((rest[0].plain, name) for name in names) or ((rest[0].plain, None),)
        if self.verb in {"logs", "exec", "port-forward", "attach", "debug", "cp"} and rest:
            first = rest[0]
            if self.verb == "cp":
                return ()
            return (_split(first) if "/" in first.plain else ("pod", first),)
        return ()


def call(simple: Simple) -> Call:
    """What a simple command asks of kubectl, oc or Helm."""
    known = options.of(simple.program)
    head: list[Word] = []
    given: dict[str, list[tuple[Word, ...]]] = {}
    words, at = simple.words[1:], 0
    while at < len(words):
        word = words[at]
        text = word.plain
        at += 1
        if text == "--":
            break
        if not text.startswith("-") or text == "-":
            head.append(word)
            continue
        name, apart = _option(text, known, _command(head))
        taken = words[at : at + 1] if apart else ()
        at += len(taken)
        given.setdefault(name, []).append((word, *taken))
    plain = _plain(head)
    length = 2 if plain[:1] in (["rollout"], ["set"], ["auth"], ["config"], ["adm"]) else 1
    return Call(
        " ".join(plain[:length]),
        tuple(head[length:]),
        given,
        tuple(words[at:]),
        tuple(head),
        tuple(each for name in given if known.leads_elsewhere(name, _command(head)) for each in given[name]),
    )


def _option(text: str, known: options.Options, command: list[str]) -> tuple[str, bool]:
    """An option's name, and whether the word after it is its value.

    Of letters in one word (``-it``, ``-nmonitoring``, ``-An``), the first that takes a value has all that follows it,
    or the next word.
    """
    name, equals, _ = text.lstrip("-").partition("=")
    if text.startswith("--"):
        return name, not equals and known.takes_value(name, command)
    at = next((at for at, letter in enumerate(name) if known.takes_value(letter, command)), None)
    if at is None:
        return name, False
    ends = at == len(name) - 1
    return (name[at], ends and not equals) if ends or at == 0 else (name, False)


def _values(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """The word that holds the value of an option, cut to the value itself; none if it has none."""
    first, *apart = words
    if apart or not first.raw.startswith("-"):  # in quotes as a whole, which nobody writes
        return tuple(apart)
    glued = re.match(r"--[^=]*=" if first.raw.startswith("--") else r"-\w=?", first.raw)
    if glued is None or glued.end() == len(first.raw):
        return ()
    return (Word(first.raw[glued.end() :], first.start + glued.end(), first.end),)


def _command(head: list[Word]) -> list[str]:
    """The words of a command as kubectl has them, without oc's ``adm``."""
    plain = _plain(head)
    return plain[1:] if plain[:1] == ["adm"] else plain


def _plain(words: list[Word]) -> list[str]:
    return [word.plain for word in words]


def without_adm(found: Call) -> Call:
    """``oc adm drain`` as ``kubectl drain``."""
    if found.verb.partition(" ")[0] != "adm":
        return found
    return dataclasses.replace(found, verb=found.verb.partition(" ")[2], head=found.head[1:])


def _split(word: Word) -> tuple[str, Word | None]:
    kind = word.plain.partition("/")[0]
    skip = word.raw.index("/") + 1
    return kind, Word(word.raw[skip:], word.start + skip, word.end)
