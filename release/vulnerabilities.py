"""Known vulnerabilities, asked of others' tools: ``uv audit`` for Python (OSV), ``govulncheck`` for built Go programs.

A database that does not answer leaves its question open: the answer is then None, never "nothing known".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promdrill.core import shell
from promdrill.core.errors import CommandFailed, CommandTimeout
from promdrill.core.say import Say
from promdrill.supply.build.toolchain import Go

ASK_S = 120.0
"""Seconds for one question. uv gives up after three attempts by itself."""

FETCH_S = 600.0
"""Seconds to fetch and compile what makes an index of the Go database, at the first use."""

DATABASE = "golang.org/x/vulndb"
"""The Go vulnerability database as a module, for where its own server is not reached but a module proxy is."""


@dataclass(frozen=True, slots=True, order=True)
class Vulnerability:
    """A known one.

    Attributes:
        part: Name and version of what has it.
        id: Its id in the database.
        aliases: Other ids of it.
        summary: What it is, in a line.
        used_by: The artefact that has the part; empty for Python packages.
    """

    part: str
    id: str
    aliases: tuple[str, ...]
    summary: str
    used_by: str = ""


def of_python(uv: str, root: Path, say: Say) -> list[Vulnerability] | None:
    """Those of the packages in uv.lock; None if the database was not reached."""
    say("Asking OSV about the packages of uv.lock (uv audit).")
    features = ("--preview-features", "audit-command,json-output", "--output-format", "json")
    argv = [uv, "audit", "--locked", "--quiet", *features, "--project", str(root)]
    try:
        answer = shell.run(argv, timeout_s=ASK_S, ok=(0, 1)).stdout
        found = json.loads(answer)["vulnerabilities"]
    except (CommandFailed, ValueError, KeyError) as error:
        say(f"OSV was not reached, so nothing is known of the Python packages: {_reason(error)}")
        return None
    return [_of_uv(each) for each in found]


def of_go(
    programs: Mapping[str, Iterable[Path]], go: Go, folder: Path, scratch: Path, say: Say
) -> list[Vulnerability] | None:
    """Those of the modules that are linked into programs; None if there are none, or no database was reached.

    Args:
        programs: Programs, by the artefact that they belong to.
        go: The toolchain that runs govulncheck.
        folder: The Go module that pins govulncheck.
        scratch: A folder for a copy of the database.
        say: Told what is asked.

    Raises:
        CommandFailed: govulncheck failed with a database at hand.
    """
    asked = [(name, binary) for name, binaries in programs.items() for binary in binaries]
    if not asked:
        say("No Go program is built, so nothing is known of the Go modules. Hint: SUPPLY=source make supply")
        return None
    say(f"Asking the Go vulnerability database about {len(asked)} built programs (govulncheck).")
    where: list[str] = []
    found: set[Vulnerability] = set()
    for name, binary in asked:
        try:
            found |= set(_govulncheck(name, binary, go, folder, where))
        except CommandFailed as error:
            if where:
                raise
            say(f"The database's server was not reached ({_reason(error)}); asking the module proxy for {DATABASE}.")
            try:
                where = ["-db", _index(go, scratch).as_uri()]
            except CommandFailed as second:
                say(f"Nor was the module proxy, so nothing is known of the Go modules: {_reason(second)}")
                return None
            found |= set(_govulncheck(name, binary, go, folder, where))
    return sorted(found)


def _govulncheck(name: str, binary: Path, go: Go, folder: Path, where: Iterable[str]) -> Iterator[Vulnerability]:
    argv: list[str | Path] = [
        go.binary,
        "tool",
        "govulncheck",
        "-mode=binary",
        "-scan=module",
        "-format=json",
        *where,
        binary,
    ]
    told = list(values(shell.run(argv, timeout_s=ASK_S, env=go.env, cwd=folder).stdout))
    known = {each["osv"]["id"]: each["osv"] for each in told if "osv" in each}
    for each in told:
        if "finding" in each:
            entry, place = known[each["finding"]["osv"]], each["finding"]["trace"][0]
            part = f"{place['module']} {place.get('version', '')}".strip()
            yield Vulnerability(part, entry["id"], tuple(entry.get("aliases", ())), entry.get("summary", ""), name)


def values(text: str) -> Iterator[dict[str, Any]]:
    """The JSON values in a text, one after the other."""
    decoder, position, end = json.JSONDecoder(), 0, len(text.rstrip())
    while position < end:
        value, position = decoder.raw_decode(text, position)
        yield value
        while position < end and text[position].isspace():
            position += 1


def _index(go: Go, scratch: Path) -> Path:
    """The database, as govulncheck reads it from a folder; made by the database's own program."""
    argv: list[str | Path] = [go.binary, "mod", "download", "-json", f"{DATABASE}@latest"]
    module = json.loads(shell.run(argv, timeout_s=FETCH_S, env=go.env, cwd=scratch).stdout)
    into, entries = scratch / "vulndb", Path(module["Dir"], "data", "osv")
    program = f"{DATABASE}/cmd/indexdb@{module['Version']}"
    argv = [go.binary, "run", program, "-out", into, "-vulns", entries]
    shell.run(argv, timeout_s=FETCH_S, env=go.env, cwd=scratch)
    return into


def _of_uv(found: Mapping[str, Any]) -> Vulnerability:
    part = f"{found['dependency']['name']} {found['dependency']['version']}"
    return Vulnerability(part, found["id"], tuple(found.get("aliases") or ()), found.get("summary") or "")


def _reason(error: Exception) -> str:
    """The line that says why: the first for a deadline, else the last, which is the tool's own."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0 if isinstance(error, CommandTimeout) else -1].strip()
