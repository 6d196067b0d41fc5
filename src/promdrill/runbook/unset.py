"""Find variables that a runbook's steps read and nothing sets: bash takes them for empty, so a mistyped name passes.

Nothing is reported that might be set after all. A name counts as set once a step up to this one mentions it other than
by reading it, whatever the command (``read``, ``for``, ``printf -v``); a default (``${NAME:-x}``) is no finding. A step
is left out if it has what is not followed here (``case``, backquotes), and so is all that follows ``source`` or
``eval``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from promdrill.core.errors import UsageError
from promdrill.core.login import VARIABLE
from promdrill.runbook.environment import NAMES
from promdrill.runbook.parse import Runbook

_GIVEN = frozenset({"NAMESPACE", "RELEASE", "CHART", "VALUES", "MANIFESTS", VARIABLE})
"""Names that the installations, and a drill with a login, give to the steps."""

_BASH = re.compile(
    r"_|BASH\w*|COLUMNS|COPROC|DIRSTACK|EPOCHREALTIME|EPOCHSECONDS|EUID|FUNCNAME|GROUPS|HISTCMD|HOSTNAME|HOSTTYPE|IFS"
    r"|LINENO|LINES|MACHTYPE|MAPFILE|OLDPWD|OPTARG|OPTERR|OPTIND|OSTYPE|PIPESTATUS|PPID|PS4|PWD|RANDOM|REPLY|SECONDS"
    r"|SHELL|SHELLOPTS|SHLVL|SRANDOM|TIMEFORMAT|UID"
)
"""Names that bash itself sets."""

_EXPANDED = (
    r"\\.|\$\{[#!]?\w+:?[-=+?]|\$\{[#!]?(?P<braced>[A-Za-z_]\w*)|\$(?P<plain>[A-Za-z_]\w*)|(?P<open>\$\()|(?P<quote>\")"
)
_QUOTED = re.compile(_EXPANDED, re.DOTALL)
"""What counts between double quotes."""

_OPEN = re.compile(
    r"'[^']*'|\$'(?:[^'\\]|\\.)*'|(?:(?<=[\s;&|()])|\A)#[^\n]*|(?P<bracket>\()|(?P<close>\))|" + _EXPANDED, re.DOTALL
)
"""What counts outside of them."""

_HERE = re.compile(
    r"(?P<head>(?<!<)<<(?P<tabs>-)?[ \t]*(?P<mark>['\"\\]?)(?P<word>\w+)[^\n]*\n)(?P<body>.*?)^(?(tabs)\t*)(?P=word)$",
    re.MULTILINE | re.DOTALL,
)
"""A here-document; ``<<-`` takes the tabs off its lines, and nothing else."""

_OPAQUE = re.compile(r"`|\bcase\b")
_MENTIONED = re.compile(r"(?<![\w$])(?<!\$\{)(?<!\$\{[#!])([A-Za-z_]\w*)|\$\{([A-Za-z_]\w*):?=")
"""A name that stands anywhere without a $ before it, or that gets its value by ``${NAME:=x}``."""

_ANYTHING = re.compile(r"(?:^|[\s;&|(])(?:source|\.|eval)\s", re.MULTILINE)


def check(runbook: Runbook) -> None:
    """Refuse a runbook with a step that reads a variable that nothing sets.

    Raises:
        UsageError: ``file:line:column: what`` for each such place.
    """
    known = {*runbook.variables, *NAMES, *_GIVEN}
    found: list[str] = []
    for step in runbook.steps:
        if _ANYTHING.search(step.command + "\n"):
            break
        known.update(name for pair in _MENTIONED.findall(step.command) for name in pair)
        if _OPAQUE.search(step.command):
            continue
        first = step.column - (len(step.command) - len(step.command.lstrip(" \t")))
        for name, at in reads(step.command):
            if name in known or of_bash(name):
                continue
            before = step.command[:at]
            line, start = before.count("\n"), before.rfind("\n") + 1
            found.append(f"{runbook.file_of(step)}:{step.line + line}:{first + at - start}: nothing sets ${name}")
    if found:
        raise UsageError("\n".join(found), hint="correct the name, or declare it under variables in the front matter")


def of_bash(name: str) -> bool:
    """Whether bash itself sets a variable of this name."""
    return _BASH.fullmatch(name) is not None


def reads(text: str) -> Iterator[tuple[str, int]]:
    """The names that bash would expand in a script, and where their ``$`` is; not those with a default."""
    text = _HERE.sub(_plain, text)
    at, within = 0, [""]  # what is open around: a double quote, a bracket
    while found := (_QUOTED if within[-1] == '"' else _OPEN).search(text, at):
        at = found.end()
        kind = found.lastgroup
        if kind in {"braced", "plain"}:
            yield found[kind], found.start()
        elif kind in {"open", "bracket"}:
            within.append("(")
        elif kind == "quote" and within[-1] != '"':
            within.append('"')
        elif kind == "quote" or (kind == "close" and within[-1] == "("):
            within.pop()


def _plain(here: re.Match[str]) -> str:
    """A here-document of the same length: empty if bash does not expand it, else without what would count outside."""
    kept = not here["mark"] and "$(" not in here["body"]
    body = re.sub(r"['\"#()]" if kept else r"[^\n]", " ", here["body"])
    return f"{here['head']}{body}{here[0][len(here['head']) + len(body) :]}"
