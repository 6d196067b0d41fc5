"""Write a published runbook in promdrill's own form. What only a person can say is marked TODO.

Facts of a drill become variables that a first step of Diagnosis looks up, as somebody on call would; placeholders that
nothing binds become variables of the front matter, to be filled in.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from itertools import zip_longest

import yaml

from promdrill.runbook.published import document, scan
from promdrill.runbook.published.judged import Assessment, Judged, Status
from promdrill.runbook.published.places import find
from promdrill.runbook.published.roles import SECTION_OF, Headed, Role, cleaned
from promdrill.runbook.published.steps import slug
from promdrill.runbook.source import SourceText

TODO = "TODO"

_DEFAULTS = {
    "namespace": ("NAMESPACE", "monitoring"),
    "release": ("RELEASE", "prometheus"),
    "chart": ("CHART", "prometheus-community/prometheus"),
    "values": ("VALUES", "values.yaml"),
    "manifests": ("MANIFESTS", "manifests"),
    "container": ("CONTAINER", "prometheus-server"),
    "port": ("PORT", "80"),
    "new_size": ("NEW_SIZE", "450Mi"),
}
"""Facts that are variables of the front matter: their names, and the defaults."""

_BY_SELECTOR = (
    'kubectl get {kind} --namespace "$NAMESPACE" --selector "$SELECTOR" --output jsonpath=\'{{.items[0].{path}}}\''
)
_BY_CLAIM = 'kubectl get pvc --namespace "$NAMESPACE" "$CLAIM" --output jsonpath=\'{{{path}}}\''
_LOOKED_UP = {
    "pod": ("POD", _BY_SELECTOR.format(kind="pod", path="metadata.name")),
    "node": ("NODE", _BY_SELECTOR.format(kind="pod", path="spec.nodeName")),
    "workload": ("WORKLOAD", _BY_SELECTOR.format(kind="deployment,statefulset", path="metadata.name")),
    "service": ("SERVICE", _BY_SELECTOR.format(kind="service", path="metadata.name")),
    "claim": ("CLAIM", _BY_SELECTOR.format(kind="pod", path="spec.volumes[*].persistentVolumeClaim.claimName")),
    "volume": ("VOLUME", _BY_CLAIM.format(path=".spec.volumeName")),
    "class": ("CLASS", _BY_CLAIM.format(path=".spec.storageClassName")),
    "size": ("SIZE", _BY_CLAIM.format(path=".spec.resources.requests.storage")),
}
"""Facts that a step looks up, in this order: their variables, and how."""

_NEEDS = {"volume": "claim", "class": "claim", "size": "claim"}
_SELECTOR = 'SELECTOR="app.kubernetes.io/instance=$RELEASE,app.kubernetes.io/component=server"'
_FACT = re.compile("⟦([a-z_]+)⟧")
_NEED = frozenset({Status.NEEDS_VALUE})
_LEFT = frozenset({Status.NOT_RUNNABLE, Status.PROSE, Status.NOT_PLACED})
_KUBECTL_TABLE = re.compile(r"[A-Z][A-Z()-]+(?:\s{2,}[A-Z()][A-Z()/ -]*)+\s*")


def write(source: SourceText, found: Assessment) -> tuple[str, int]:
    """The runbook in promdrill's own form, and the number of places that are marked TODO.

    Args:
        source: Its text.
        found: The same, judged.
    """
    writer = _Writer(source, found)
    text = "\n".join(writer.lines()).rstrip("\n") + "\n"
    return text, text.count(TODO)


class _Writer:
    """Writes one runbook."""

    def __init__(self, source: SourceText, found: Assessment) -> None:
        self._source = source
        self._found = found
        self._asked: dict[str, None] = {}
        self._unbound: dict[str, str] = {}

    def lines(self) -> Iterator[str]:
        found = self._found
        sections = {role: list(self._section(role)) for role in SECTION_OF}
        title = " ".join(found.title.replace("`", "").split())
        looked = [
            fact for fact in _LOOKED_UP if fact in self._asked or fact in {_NEEDS.get(each) for each in self._asked}
        ]
        variables = {
            name: default
            for fact, (name, default) in _DEFAULTS.items()
            if fact in self._asked or (looked and fact in {"namespace", "release"})
        }
        variables |= dict.fromkeys(self._unbound, TODO)
        front = {
            "id": slug(found.path.stem),
            "title": title,
            **({"variables": variables} if variables else {}),
            "data_loss": False,
        }
        yield from (
            "---",
            *yaml.safe_dump(front, sort_keys=False, allow_unicode=True, width=math.inf).splitlines(),
            "---",
            "",
        )
        yield from (f"# {title}", "")
        for name in ("Meaning", "Impact"):
            yield from (f"## {name}", "", self._prose(name), "")
        yield from ("## Diagnosis", "")
        if looked:
            yield from ("Find what the steps below name.", "", "```sh", _SELECTOR)
            yield from (f"{_LOOKED_UP[fact][0]}=$({_LOOKED_UP[fact][1]})" for fact in looked)
            yield from ("```", "")
        yield from sections[Role.DIAGNOSIS]
        yield from ("## Mitigation", "", *sections[Role.REMEDY])
        if not found.of(Status.RUNNABLE, Status.NEEDS_VALUE, role=Role.REMEDY):
            yield from (f"{TODO}: write the remedy as `sh` blocks; nothing in the runbook could be taken over.", "")
        yield from ("## Verification", "", *sections[Role.PROOF])
        if not found.of(Status.RUNNABLE, Status.NEEDS_VALUE, role=Role.PROOF):
            yield from ("Nothing was said about how to see that it is over; a drill judges recovery by itself.", "")

    def _section(self, role: Role) -> Iterator[str]:
        heading = ""
        mine = [
            each
            for each in self._found.commands
            if each.role is role or (role is Role.REMEDY and each.status is Status.NOT_PLACED)
        ]
        for each in mine:
            if each.status is Status.LEFT_OUT:
                continue
            if each.heading != heading and cleaned(each.heading) != cleaned(SECTION_OF[role]):
                heading = each.heading
                yield from (f"### {heading}", "")
            yield from self._command(each)

    def _command(self, each: Judged) -> Iterator[str]:
        if each.status in _LEFT:
            yield from (f"{TODO} (line {each.line}, {each.status}): {each.why}.", "")
            if each.instead:
                yield from (f"Write instead: `{each.instead}`", "")
            yield from ("```yaml", *(f"# {line}" for line in each.text.split("\n")), "```", "")
            return
        if each.status in _NEED:
            yield from (f"{TODO} (line {each.line}): {each.why}.", "")
        yield from ("```sh", self._shell(each.command or each.text), "```", "")
        if each.output and _KUBECTL_TABLE.fullmatch(each.output[0]) and each.role is not Role.DIAGNOSIS:
            yield from ("```console", f"{each.output[0].split()[0]}...", "...", "```", "")

    def _shell(self, command: str) -> str:
        """A command with variables for facts, and for the placeholders that nothing binds."""
        text = command
        for place in reversed(find(command, known=self._set_names())):
            if place.replaceable:
                name = _variable(place.name)
                self._unbound.setdefault(name, place.raw)
                text = _put(text, place.start, place.end, name)
        while (fact := _FACT.search(text)) is not None:
            self._asked[fact[1]] = None
            text = _put(text, fact.start(), fact.end(), _names()[fact[1]])
        return text

    def _set_names(self) -> frozenset[str]:
        from_commands = " ".join(each.command for each in self._found.commands)
        return frozenset(re.findall(r"([A-Za-z_]\w*)\+?=", from_commands)) | frozenset(
            re.findall(r"(?:for|read)\s+([A-Za-z_]\w*)", from_commands)
        )

    def _prose(self, name: str) -> str:
        """The first paragraph under a heading of that name, as one text; a TODO if there is none."""
        read = document.read(self._source)
        headings = [block for block in read.blocks if isinstance(block, Headed) and block.level]
        for heading, following in zip_longest(headings, headings[1:]):
            if cleaned(heading.text) in {name.lower(), *_ALSO[name]}:
                end = following.line - 1 if following else len(self._source.lines)
                text = document.prose(self._source, heading.line, end)
                if text:
                    return text
        return f"{TODO}: say what {'this means' if name == 'Meaning' else 'it does to users'}."


_ALSO: Mapping[str, frozenset[str]] = {
    "Meaning": frozenset(
        {"overview", "summary", "description", "alert description", "bedeutung", "의미", "개요", "background"}
    ),
    "Impact": frozenset({"severity", "auswirkung", "auswirkungen", "영향"}),
}


def _names() -> dict[str, str]:
    return {fact: name for fact, (name, _) in (*_DEFAULTS.items(), *_LOOKED_UP.items())}


def _variable(name: str) -> str:
    word = re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_") or "VALUE"
    return f"N{word}" if word[0].isdigit() else word


def _put(text: str, start: int, end: int, name: str) -> str:
    """The text with a variable in the place of a part of it, quoted so that bash expands it as one word."""
    quote = list(scan.quoting(text))[start]
    put = {"'": f"'\"${name}\"'", '"': f"${{{name}}}"}.get(quote, f'"${name}"')
    return text[:start] + put + text[end:]
