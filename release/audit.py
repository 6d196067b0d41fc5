"""``make audit``: every dependency and artefact of promdrill with version, source, licence, checksum and known flaws.

    build/audit/promdrill.cdx.json   the list as CycloneDX 1.6
    build/audit/audit.md             the same as a table, with what was asked, what is unknown and what is wrong

Wrong, and so exit code 1: a part without version or checksum; a denied licence, or a known vulnerability, that
release/audit.toml does not accept. What could not be found out is listed as unknown, and is never taken for "none".
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from promdrill.artefacts.cache import Cache
from promdrill.core import files, paths
from promdrill.core.errors import CommandFailed, PromdrillError, UsageError
from promdrill.supply.build import catalogue, toolchain
from promdrill.supply.build.toolchain import Go
from release import licences, parts, sbom, vulnerabilities
from release.parts import Part
from release.vulnerabilities import Vulnerability

UNKNOWN = "NOASSERTION"
SETTINGS = "release/audit.toml"

_HASHES = {"sha256": HashAlgorithm.SHA_256, "sha1": HashAlgorithm.SHA_1}
_TYPES = {
    "image": ComponentType.CONTAINER,
    "download": ComponentType.APPLICATION,
    "recipe": ComponentType.APPLICATION,
}


def say(text: str) -> None:
    """A line for whoever watches."""
    print(text, flush=True)  # noqa: T201


@dataclass(frozen=True, slots=True)
class Settings:
    """release/audit.toml.

    Attributes:
        licences: Those that no file at hand states, by the part's name.
        accepted: The reason for each denied licence (by the part's name) and vulnerability (by id or alias, or all of
            an artefact's by its name) that may stay.
    """

    licences: Mapping[str, str]
    accepted: Mapping[str, str]


def settings(text: str) -> Settings:
    """The settings in a text.

    Raises:
        UsageError: It is not TOML, or an entry lacks its reason or its date.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{SETTINGS}: {error}") from error
    for each in table.get("accepted", ()):
        if not each.get("what") or not each.get("reason") or not isinstance(each.get("date"), date):
            raise UsageError(f"{SETTINGS}: {each}: what, reason and date are needed")
    accepted = {each["what"]: f"{each['reason']} ({each['date']})" for each in table.get("accepted", ())}
    return Settings(table.get("licences", {}), accepted)


@dataclass(slots=True)
class Report:
    """What was found.

    Attributes:
        parts: All of them.
        licences: Their licences, by source; without those that are unknown.
        flaws: Known vulnerabilities.
        notes: What was not found out.
        asked: Which databases were asked for vulnerabilities, and what came of it where nothing did.
    """

    parts: Sequence[Part]
    licences: dict[str, str] = field(default_factory=dict)
    flaws: list[Vulnerability] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def ask(self, line: str) -> None:
        """Keep, and say, a line about a question to a database."""
        say(line)
        self.asked.append(line)

    def wrong(self, accepted: Iterable[str]) -> list[str]:
        """What makes the audit fail, each in a line."""
        known = set(accepted)
        lines = []
        for part in self.parts:
            missing = [what for what in ("version", "checksums") if not getattr(part, what)]
            lines += [f"{part}: no {what.removesuffix('s')} ({', '.join(sorted(part.used_by))})" for what in missing]
            licence = self.licences.get(part.source, "")
            if licences.DENIED.search(licence) and part.name not in known:
                lines.append(f"{part}: its licence is denied: {licence}")
        unaccepted: dict[tuple[str, str, str], list[str]] = {}
        for flaw in self.flaws:
            if known.isdisjoint({flaw.id, *flaw.aliases, flaw.used_by}):
                unaccepted.setdefault((flaw.part, flaw.id, flaw.summary), []).append(flaw.used_by or "uv.lock")
        lines += [f"{part}: {id_}: {text} ({', '.join(by)})" for (part, id_, text), by in sorted(unaccepted.items())]
        return lines

    def unknown(self) -> list[Part]:
        """The parts whose licence is not known."""
        return [part for part in self.parts if part.source not in self.licences]


def collect(uv: str, root: Path, cache: Cache, go: Go) -> tuple[list[Part], dict[str, list[Path]], list[str]]:
    """All parts, the built Go programs by artefact, and what was not found out.

    Raises:
        PromdrillError: A file that pins parts cannot be read.
    """
    pins = tomllib.loads((root / "src/promdrill/artefacts/pins.toml").read_text(encoding="utf-8"))
    found = [*parts.python(uv, root), *parts.pinned(pins), parts.go_toolchain(), parts.uv_itself(root)]
    programs: dict[str, list[Path]] = {}
    notes: list[str] = []
    for artefact in catalogue.load(root / "images").artefacts.values():
        found.append(parts.recipe(artefact, root))
        entry = parts.built(artefact, cache, go)
        if artefact.go and entry:
            programs[artefact.name] = [entry.files / name for name in artefact.go.values()]
            for binary in programs[artefact.name]:
                found += parts.linked(binary, go, artefact.name)
        elif artefact.of_go:
            found += parts.required(artefact.folder, go, artefact.name)
        elif artefact.debian and entry:
            found += parts.unpacked(entry)
        elif artefact.debian:
            notes.append(f"{artefact.name} is not built, so the versions of its Debian packages are not known")
    found += parts.required(root / parts.GO_FOLDER, go, "make audit")
    for file in sorted([*root.glob(".github/**/*.yml"), *root.glob("examples/**/*.yml"), root / "action.yml"]):
        found += parts.actions(file.read_text(encoding="utf-8"), file.relative_to(root).as_posix())
    return parts.merged(found), programs, notes


def licensed(found: Sequence[Part], known: Mapping[str, str], go: Go, root: Path, notes: list[str]) -> dict[str, str]:
    """The licences of parts, by source: stated by the publisher or the settings, or recognised."""
    stated, texts = licences.of_python()
    by_source = {}
    to_read: dict[str, list[Path]] = {}
    for part in found:
        licence = known.get(part.name, "")
        if part.kind == "python":
            licence = licence or stated.get(part.name, "")
            to_read[part.source] = [] if licence else texts.get(part.name, [])
        elif part.kind == "go":
            to_read[part.source] = licences.of_module(Path(go.env["GOMODCACHE"]), part.name, part.version)
        elif part.kind == "recipe":
            licence = "Apache-2.0"  # promdrill's own; what it builds has its own line
        if licence:
            by_source[part.source] = licence
    try:
        return licences.recognised(to_read, go, root / parts.GO_FOLDER) | by_source
    except CommandFailed as error:
        notes.append(f"licence files were not read: {str(error).splitlines()[0]}")
        return by_source


def bill(report: Report) -> str:
    """The list as CycloneDX 1.6.

    Raises:
        PromdrillError: It is no valid one.
    """
    factory = LicenseFactory()
    bom = Bom()
    root = bom.metadata.component = Component(name="promdrill", type=ComponentType.APPLICATION)
    for part in report.parts:
        sums = [each.split(":", 1) for each in sorted(part.checksums)]
        properties = [Property(name=f"promdrill:checksum:{name}", value=value) for name, value in sums]
        hashes = (
            [HashType(alg=_HASHES[sums[0][0]], content=sums[0][1])] if len(sums) == 1 and sums[0][0] in _HASHES else []
        )
        licence = report.licences.get(part.source)
        component = Component(
            name=part.name,
            version=part.version,
            type=_TYPES.get(part.kind, ComponentType.LIBRARY),
            bom_ref=part.source,
            purl=PackageURL.from_string(part.source),
            hashes=hashes,
            licenses=[factory.make_from_string(licence)] if licence else [],
            properties=[*([] if hashes else properties), *_used(part)],
        )
        bom.components.add(component)
    bom.register_dependency(root, bom.components)
    text = make_outputter(bom, OutputFormat.JSON, sbom.SCHEMA).output_as_string(indent=1) + "\n"
    wrong = JsonStrictValidator(sbom.SCHEMA).validate_str(text)
    if wrong is not None:
        raise PromdrillError(f"the bill of materials is no CycloneDX 1.6: {wrong}")
    return text


def _used(part: Part) -> list[Property]:
    return [Property(name="promdrill:used-by", value=each) for each in sorted(part.used_by)]


def page(report: Report, wrong: Sequence[str], accepted: Mapping[str, str]) -> str:
    """The list as Markdown."""
    rows = ["| kind | name | version | licence | checksum | used by | source |", "|---|---|---|---|---|---|---|"]
    for part in report.parts:
        sums = sorted(part.checksums)
        shown = sums[0] + (f" and {len(sums) - 1} more" if sums[1:] else "") if sums else "none"
        cells = (part.kind, part.name, part.version, report.licences.get(part.source, UNKNOWN), shown)
        rows.append(f"| {' | '.join([*cells, ', '.join(sorted(part.used_by)), part.source])} |")
    sections = {
        "Wrong": wrong,
        "Asked about vulnerabilities": report.asked,
        "Not found out": report.notes,
        "Accepted": [f"{what}: {reason}" for what, reason in accepted.items()],
        "Licence unknown": [str(part) for part in report.unknown()],
    }
    told = [
        f"## {title}\n\n" + ("\n".join(f"- {each}" for each in lines) or "Nothing.")
        for title, lines in sections.items()
    ]
    return "\n\n".join(["# What promdrill is made of", *told, "## Parts", "\n".join(rows)]) + "\n"


def summary(report: Report) -> str:
    """A line for each kind of parts."""
    kinds = Counter(part.kind for part in report.parts)
    unknown = Counter(part.kind for part in report.unknown())
    head = f"{'kind':10} {'parts':>6} {'licence unknown':>16}"
    return "\n".join([head, *(f"{kind:10} {number:6} {unknown[kind]:16}" for kind, number in sorted(kinds.items()))])


def audit(uv: str, root: Path) -> int:
    """All of it, into build/audit.

    Returns:
        The exit code.

    Raises:
        PromdrillError: A file that pins parts cannot be read, or a tool failed.
    """
    wanted = settings((root / SETTINGS).read_text(encoding="utf-8"))
    cache = Cache(paths.cache_dir())
    go = toolchain.find(cache)
    found, programs, notes = collect(uv, root, cache, go)
    say("Reading licence files (licensecheck, from the module proxy at the first use).")
    report = Report(found, licensed(found, wanted.licences, go, root, notes), notes=notes)
    with tempfile.TemporaryDirectory(prefix="promdrill-audit-") as scratch:
        for what, known in (
            ("the Python packages", vulnerabilities.of_python(uv, root, report.ask)),
            ("the Go modules", vulnerabilities.of_go(programs, go, root / parts.GO_FOLDER, Path(scratch), report.ask)),
        ):
            report.flaws += known or []
            if known is None:
                notes.append(f"vulnerabilities of {what}: unknown, no database was asked with success")
    notes.append("vulnerabilities of images, downloads, Debian packages and actions: unknown, nothing asks for them")
    wrong = report.wrong(wanted.accepted)
    folder = root / "build" / "audit"
    files.make_folder(folder)
    files.write(folder / "promdrill.cdx.json", bill(report))
    files.write(folder / "audit.md", page(report, wrong, wanted.accepted))
    say(f"\n{summary(report)}\n")
    for note in notes:
        say(f"not found out: {note}")
    for line in wrong:
        say(f"wrong: {line}")
    flaws = len({(each.part, each.id) for each in report.flaws})
    say(f"\n{len(found)} parts, {flaws} known vulnerabilities, {len(wrong)} things wrong: {folder / 'audit.md'}")
    return 1 if wrong else 0


def main(argv: Sequence[str] | None = None) -> int:
    """List and check; 0 when nothing is wrong, 2 when it could not be listed."""
    parser = argparse.ArgumentParser(prog="make audit", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--uv", default="uv", help="the uv to ask")
    arguments = parser.parse_args(argv)
    try:
        return audit(arguments.uv, paths.project_dir())
    except PromdrillError as error:
        say(f"promdrill: {error}")
        return 2


if __name__ == "__main__":
    sys.exit(main())
