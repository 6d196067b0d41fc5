"""A strict stand-in for the subprocess gateway: it answers what it was told to expect and refuses the rest."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from promdrill.core import shell
from promdrill.core.shell import Completed


@dataclass
class Expected:
    """One expected command: words that its argv must hold in that order, and what it answers."""

    words: tuple[str, ...]
    answer: str | Exception = ""
    exit_code: int = 0


@dataclass
class FakeShell:
    """Replays `expected`; each call is kept in `calls` with its keyword arguments."""

    expected: list[Expected] = field(default_factory=list)
    calls: list[tuple[list[str], dict[str, Any]]] = field(default_factory=list)

    def expect(self, *words: str, answer: str | Exception = "", exit_code: int = 0) -> None:
        self.expected.append(Expected(words, answer, exit_code))

    def run(self, argv: Sequence[str | os.PathLike[str]], **options: Any) -> Completed:
        args = [os.fspath(part) for part in argv]
        source = options.get("stdin")
        if source is not None and not isinstance(source, str):
            options["stdin"] = source.read()
        self.calls.append((args, options))
        assert self.expected, f"nothing more was expected, got {args}"
        wanted = self.expected.pop(0)
        position = 0
        for word in wanted.words:
            assert word in args[position:], f"expected {wanted.words}, got {args}"
            position = args.index(word, position) + 1
        assert options.get("timeout_s", 0) > 0, "every command has a deadline"
        if isinstance(wanted.answer, Exception):
            raise wanted.answer
        assert wanted.exit_code in options.get("ok", (0,)), "this exit code is an error to the caller"
        return Completed(tuple(args), wanted.exit_code, wanted.answer, "", 0.0)

    def done(self) -> None:
        assert not self.expected, f"never called: {[item.words for item in self.expected]}"


def install(monkeypatch: pytest.MonkeyPatch) -> FakeShell:
    """Put a fake in the gateway's place for one test."""
    fake = FakeShell()
    monkeypatch.setattr(shell, "run", fake.run)
    return fake
