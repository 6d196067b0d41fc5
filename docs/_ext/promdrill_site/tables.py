"""Tables of what is said once in the code: variables, exit codes, verdicts, environment, files of a report."""

from __future__ import annotations

import re
from pathlib import Path

import promdrill
from promdrill.cli import parser
from promdrill.cli.run import OPTIONS
from promdrill.core import model
from promdrill_site.docstrings import constant, text_constants
from promdrill_site.markdown import code, prose, sentence, table

PACKAGE = Path(promdrill.__file__).parent

OWN = re.compile(r"PROMDRILL_[A-Z_]+")
SET_BY_US = "Set by promdrill"
"""How the docstring of a variable begins that a person reads and does not set."""

FILES = ("report.html", "results.json", "junit.xml")
DRILL_FILES = ("journal.jsonl", "evidence")
"""Of a run, and of each drill in it; what each holds is said where its name is."""


def variables() -> str:
    """Make's variables and the options that they are."""
    rows = [
        (code(name), code(f"--{name.lower().replace('_', '-')}"), sentence(prose(meaning)))
        for name, meaning in OPTIONS.items()
    ]
    return table(("variable", "option", "meaning"), rows)


def exit_codes() -> str:
    """What the process ends with."""
    names = [name for name in vars(parser) if name.startswith("EXIT_")]
    rows = sorted((getattr(parser, name), prose(constant(parser, name))) for name in names)
    return table(("code", "meaning"), [(code(str(number)), meaning) for number, meaning in rows])


def verdicts() -> str:
    """How a drill can end."""
    said = dict(re.findall(r"`([A-Z]+)`: (.*(?:\n(?!`).+)*)", (model.Verdict.__doc__ or "").replace("    ", "")))
    return table(("verdict", "meaning"), [(code(each.value), prose(_said(said, each))) for each in model.Verdict])


def _said(said: dict[str, str], verdict: model.Verdict) -> str:
    if verdict.name not in said:
        raise LookupError(f"the docstring of Verdict does not say what {verdict.name} means")
    return said[verdict.name]


def phases() -> str:
    """The phases of a drill, in order."""
    return ", ".join(f"*{name}*" for name in model.PhaseName)


def environment() -> str:
    """The variables that begin with PROMDRILL_: those that a person sets, then those that promdrill sets."""
    found = list(text_constants(PACKAGE, OWN))
    read = [(code(name), prose(doc)) for name, doc, _ in found if not doc.startswith(SET_BY_US)]
    ours = [(code(name), prose(doc)) for name, doc, _ in found if doc.startswith(SET_BY_US)]
    head = ("variable", "meaning")
    return f"{table(head, read)}\n\n## What promdrill sets itself\n\n{table(head, ours)}"


def report_files() -> str:
    """The files of a run's folder, then those of each drill in it."""
    wanted = re.compile("|".join(map(re.escape, (*FILES, *DRILL_FILES))))
    said = {name: doc for name, doc, _ in text_constants(PACKAGE, wanted)}
    missing = [name for name in (*FILES, *DRILL_FILES) if name not in said]
    if missing:
        raise LookupError(f"no constant is {missing[0]!r}")
    rows = [(code(name), prose(said[name])) for name in FILES]
    rows += [(code(f"<drill>/{name}"), prose(said[name])) for name in DRILL_FILES]
    return table(("file", "what it holds"), rows)
