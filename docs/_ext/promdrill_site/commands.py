"""The commands, from the parsers that read them."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator

from promdrill.cli.main import COMMANDS
from promdrill_site.markdown import code, escape, sentence, table

WIDTH = 78
"""Of a usage line, in characters."""


def all_commands() -> str:
    """A section for each command, in the order of ``promdrill --help``."""
    return "\n\n".join(
        part for command in COMMANDS for parser in _commands(command.parser()) for part in _section(parser)
    )


def _commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The commands below a command; itself where it has none."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]  # noqa: SLF001
    if not below:
        yield parser
    for action in below:
        for child in action.choices.values():
            yield from _commands(child)


def _section(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield f"## {parser.prog}"
    yield escape(parser.description or "")
    yield f"```text\n{_usage(parser)}\n```"
    rows = [_option(parser, action) for action in parser._actions if action.help != argparse.SUPPRESS]  # noqa: SLF001
    yield table(("option", "meaning"), rows)
    yield from _epilog(parser.epilog or "")


def _usage(parser: argparse.ArgumentParser) -> str:
    formatter = argparse.HelpFormatter(parser.prog, width=WIDTH)
    groups = parser._mutually_exclusive_groups  # noqa: SLF001
    formatter.add_usage(parser.usage, parser._actions, groups, prefix="")  # noqa: SLF001
    return formatter.format_help().strip()


def _option(parser: argparse.ArgumentParser, action: argparse.Action) -> tuple[str, str]:
    if action.option_strings:
        value = "" if action.nargs == 0 else f" {_value(action)}"
        shown = ", ".join(code(f"{flag}{value}") for flag in action.option_strings)
    else:
        shown = code(_value(action))
    meaning = (action.help or "") % {**vars(action), "prog": parser.prog}
    return shown, sentence(_meaning(meaning))


def _value(action: argparse.Action) -> str:
    if action.metavar:
        return action.metavar if isinstance(action.metavar, str) else " ".join(action.metavar)
    if action.choices:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return action.dest.upper() if action.option_strings else action.dest


def _meaning(text: str) -> str:
    pieces = re.split(r"`([^`]+)`|\[(\$[A-Z_]+)\]", text)
    plain, quoted, variables = pieces[::3], pieces[1::3], pieces[2::3]
    out = escape(plain[0])
    for name, variable, rest in zip(quoted, variables, plain[1:], strict=True):
        out += (code(name) if name else f"Make's variable: {code(variable[1:])}") + escape(rest)
    return out.replace(" Make's variable", ". Make's variable")


def _epilog(text: str) -> Iterator[str]:
    for paragraph in text.split("\n\n"):
        head, *rest = paragraph.splitlines()
        indented = [line.strip() for line in rest if line.startswith("  ")]
        if indented and len(indented) == len(rest):
            yield f"{escape(head)}\n\n```sh\n" + "\n".join(indented) + "\n```"
        elif paragraph.strip():
            yield escape(" ".join(paragraph.split()))
