"""What somebody typed, and what was printed: the logical commands of a block of code.

Prompts are taken off; what follows a command that had one is its output. A command goes on over continued lines, open
quotes, here-documents and compound statements (`promdrill.runbook.published.scan`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from promdrill.runbook.published import scan, tools
from promdrill.runbook.published.document import Code

SHELLS = frozenset({"bash", "sh", "shell", "zsh", "ksh", "dash", "ash"})
SESSIONS = frozenset(
    {"console", "shell-session", "sh-session", "shellsession", "bash-session", "terminal", "session", "cmd", "cli"}
)
TEXTS = frozenset({"text", "txt", "plain", "plaintext", "log", "logs", "output", "out", "stdout", "none", "raw"})

LONGEST_LINES = 80
"""Most lines of one command. A quote that is still open after so many was meant as an apostrophe."""

_IMPATIENT_LINES = 8  # where one command of a block never ended

_TAB = 4  # columns; CommonMark's

_PLACE = r"(?:\([\w .:-]+\)\s*)?(?:\[[^\]\n]{1,60}\]|[\w.-]+@[\w.-]+(?::\S*?)?|(?:ba)?sh-[\d.]+|/[\w./-]*)"
_CERTAIN = re.compile(
    rf"\s*(?P<place>{_PLACE})?\s?(?:[$%\u276f\u279c]|~(?=\s+(?:kubectl|oc|helm)\b))\s+(?P<typed>\S.*)"
)
_ROOT = re.compile(rf"\s*(?P<place>{_PLACE})?\s?#\s?(?P<typed>\S.*)")
_GOES_ON = re.compile(r"\s*>\s?")
_TABLE = re.compile(r"\s*[A-Z][A-Z()/ -]*[A-Z)](?:\s{2,}[A-Z()][A-Z()/ -]*)+\s*")
_FIRST = re.compile(r"\s*(?:[A-Za-z_]\w*=\S*\s+)*(?P<word>[^\s|;&()<>]+)")
_NAME = re.compile(r"[a-z][a-z0-9._+-]*|\./\S+")
_QUERY = re.compile(
    r"\s*(?:sum|avg|min|max|count|topk|bottomk|quantile|stddev|group|count_values|histogram_quantile|label_replace"
    r"|label_join|rate|irate|increase|delta|deriv|predict_linear|absent|changes|resets|time|sort_desc|round|floor)\b\s*"
    r"(?:\(|by\b|without\b)|\s*[a-z_:][a-z0-9_:]*\{"
)
_SETS = re.compile(r"\s*(?:export\s+[A-Za-z_]\w*=|[A-Za-z_]\w*=(?:[\"'$`].*|<[^>]*>\s*$|\S+\s*$))")


@dataclass(frozen=True, slots=True)
class Typed:
    """One command as somebody typed it.

    Attributes:
        text: The command, without prompts.
        line: Line of its beginning in the file.
        output: What the document shows below it.
        elsewhere: The prompt's own words, if it was typed in a shell that is not the reader's: ``sh-4.4``.
    """

    text: str
    line: int
    output: tuple[str, ...] = ()
    elsewhere: str = ""


def typed(code: Code) -> tuple[Typed, ...]:
    """The commands of a block of code; none if it is something to read."""
    language = code.language
    if language not in SHELLS | SESSIONS | TEXTS | {""}:
        return ()
    lines = list(enumerate(code.lines, code.line))
    prompted = _prompts(lines, language)
    if prompted:
        return tuple(_session(lines, prompted))
    if language in TEXTS:
        return ()
    if language in SHELLS:
        return tuple(_script(lines, sure=True))
    first = next((line for _, line in lines if line.strip() and not line.lstrip().startswith("#")), "")
    if begins(first):
        return tuple(_script(lines, sure=False))
    script = _may_be_one(first) and any(_ours(line) for _, line in lines)  # by a tool that is not known here
    return tuple(_script(lines, sure=True)) if script else ()


def begins(line: str) -> bool:
    """Whether a line begins like a command: with the name of a program, or by setting a variable."""
    found = _FIRST.match(line)
    word = found["word"].strip("\"'") if found else ""
    if word in {"for", "while", "if", "until", "function"}:
        return True
    if _QUERY.match(line):
        return False
    defines = re.match(r"\s*[\w-]+\s*\(\)\s*\{", line) is not None
    bare = (defines or tools.known(word)) and not re.match(rf"\s*{re.escape(word)}\s*[:=]", line)
    return bare or _SETS.match(line) is not None


def _prompts(lines: list[tuple[int, str]], language: str) -> dict[int, tuple[str, str]]:
    """By line: what was typed after a prompt, and the place in the prompt."""
    certain = {number: found for number, line in lines if (found := _CERTAIN.fullmatch(line))}
    sure = language in SHELLS | SESSIONS
    kept = {at: found for at, found in certain.items() if sure or begins(found["typed"])}
    if kept:
        return {at: (found["typed"], found["place"] or "") for at, found in kept.items()}
    root = {number: found for number, line in lines if (found := _ROOT.fullmatch(line)) and begins(found["typed"])}
    if language in SHELLS:  # there, # begins a comment, unless it is part of a prompt
        root = {at: found for at, found in root.items() if found["place"]}
    bare = [line for number, line in lines if number not in root and begins(line)]
    return {} if bare else {at: (found["typed"], found["place"] or "") for at, found in root.items()}


def _session(lines: list[tuple[int, str]], prompted: dict[int, tuple[str, str]]) -> Iterator[Typed]:
    """Commands after prompts, each with its output."""
    at, patience = 0, LONGEST_LINES
    while at < len(lines):
        number, line = lines[at]
        if number in prompted:
            first, place = prompted[number]
        elif _ours(line):
            first, place = line.strip(), ""
        else:
            at += 1
            continue
        text, at, patience = _on(first, lines, at + 1, stops=prompted, patience=patience)
        output = []
        while at < len(lines) and lines[at][0] not in prompted and not _ours(lines[at][1]):
            output.append(lines[at][1])
            at += 1
        while output and not output[-1].strip():
            output.pop()
        yield Typed(text, number, tuple(output), place)


def _script(lines: list[tuple[int, str]], *, sure: bool) -> Iterator[Typed]:
    """Commands without prompts.

    Directly below a command, a line that begins like none is output; where they are not sure to be all there is, so is
    every such line.
    """
    at, said, patience = 0, False, LONGEST_LINES
    functions: set[str] = set()
    while at < len(lines):
        number, line = lines[at]
        at += 1
        known = begins(line) or line.split()[:1] in [[name] for name in functions]
        if not line.strip():
            said = False
        elif line.lstrip().startswith("#"):
            continue
        elif _TABLE.fullmatch(line) or not (known or (sure and not said and _may_be_one(line))):
            said = True
        elif not said or _ours(line) or (sure and known):
            text, at, patience = _on(line, lines, at, stops=None, patience=patience)
            functions |= scan.functions(text)
            yield Typed(text, number)
            said = True


def _on(
    first: str, lines: list[tuple[int, str]], at: int, *, stops: dict[int, tuple[str, str]] | None, patience: int
) -> tuple[str, int, int]:
    """A command with the lines over which it goes on, the index of the line after it, and the patience that is left.

    Args:
        first: Its first line.
        lines: The lines of the block.
        at: Index of the line after the first.
        stops: Lines with prompts, which end it; None where there are no prompts.
        patience: Most lines to wait for its end.
    """
    text, begin = first, at
    while not scan.whole(text):
        if at >= len(lines) or at - begin >= patience or lines[at][0] in (stops or {}):
            if at - begin > 1 and not first.rstrip().endswith("\\"):
                return first, begin, min(patience, _IMPATIENT_LINES)  # bash shall say what is wrong with it
            break
        more = lines[at][1]
        text += "\n" + (_GOES_ON.sub("", more, count=1) if stops is not None and _GOES_ON.match(more) else more)
        at += 1
    return text, at, patience


def _may_be_one(line: str) -> bool:
    """Whether a line may begin with the name of a program that is not known here."""
    found = _FIRST.match(line)
    if line.lstrip().startswith(("$(", "`", "(", "{ ")):
        return True
    return found is not None and _NAME.fullmatch(found["word"]) is not None and not _QUERY.match(line)


def _ours(line: str) -> bool:
    found = _FIRST.match(line)
    return found is not None and found["word"] in tools.OURS and not line.expandtabs(_TAB).startswith(" " * 8)
