"""Judge a published runbook: which of its commands a drill runs, and why not the others.

Nothing of the runbook is run, and no process but bash is started. Placeholders get what is bound by name: by
``--bind``, by the file beside it, or by what a drill knows (`promdrill.runbook.facts`), in this order.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from promdrill.core.errors import UsageError
from promdrill.runbook import facts, lint
from promdrill.runbook.published import beside, document, places, prompts, scan, tools
from promdrill.runbook.published.beside import Beside
from promdrill.runbook.published.document import Code, Document, Quoted
from promdrill.runbook.published.judged import Assessment, Judged, Status
from promdrill.runbook.published.places import Place
from promdrill.runbook.published.prompts import Typed
from promdrill.runbook.published.roles import SECTION_OF, Headed, Role, roles
from promdrill.runbook.published.translate import Translated, changed_files, translated
from promdrill.runbook.source import SourceText
from promdrill.runbook.step import Step

_EXAMPLES = frozenset({"namespace", "release", "chart", "values", "workload", "service", "pod", "node", "claim",
                       "volume", "class", "new_size"})  # fmt: skip
"""Facts for which a plain word, assigned to a variable of that name, is an example: ``NAMESPACE=monitoring``."""

_EXAMPLE = re.compile(
    r"(?P<head>\s*(?:export\s+)?(?P<name>[A-Za-z_]\w*)=)(?P<quote>[\"']?)(?P<value>[\w./:@-]+)(?P=quote)\s*;?\s*"
)
_QUERIES = frozenset({"promql", "prometheus"})
_INSIDE = re.compile(r"(?:ba)?sh-[\d.]+|/[\w./-]*")
_TYPESET = re.compile("[\u201c\u201d\u2018\u2019\u2013]")
_LEAVES = frozenset({"exit", "logout"})


def assess(source: SourceText, said: Beside, bound: Mapping[str, str]) -> Assessment:
    """Judge a runbook.

    Args:
        source: Its text.
        said: What the file beside it says.
        bound: Values of placeholders that were typed, by name.

    Raises:
        UsageError: It is empty; or the file beside it names a line in which no command begins.
        CommandFailed: bash is missing.
    """
    read = document.read(source)
    if not any(line.strip() for line in source.lines[document.front_length(source) :]):
        what = "nothing but front matter" if document.front_length(source) else "nothing: it is empty"
        raise UsageError(f"{source.path}: it holds {what}", hint="name a runbook in Markdown")
    judge = _Judge(read, said, bound)
    found = judge.all()
    _all_used(source.path, said, found)
    title = read.title or source.path.stem
    return Assessment(source.path, title, tuple(_complete(found)), tuple(judge.queries))


@dataclass
class _Judge:
    read: Document
    said: Beside
    bound: Mapping[str, str]
    known: set[str] = field(default_factory=set)
    made: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    queries: list[tuple[int, str]] = field(default_factory=list)

    def all(self) -> list[Judged]:
        said = roles(self.read.headings, dict(self.said.headings))
        role, heading, found = Role.UNKNOWN, "", []
        for block in self.read.blocks:
            if isinstance(block, Headed):
                if block.level:
                    role, heading = said[block.line], block.text
            elif isinstance(block, Code):
                if block.language in _QUERIES:
                    self.queries.append((block.line, "\n".join(block.lines)))
                found += [dataclasses.replace(each, heading=heading) for each in self._code(block, role, heading)]
            else:
                found += [dataclasses.replace(each, heading=heading) for each in self._quoted(block, role)]
        return found

    def _code(self, code: Code, role: Role, heading: str) -> Iterator[Judged]:
        opened = 0
        for typed in prompts.typed(code):
            own = self.said.role(typed.line) or role
            ours = typed.text.partition(" ")[0] in tools.OURS
            if opened or (_INSIDE.fullmatch(typed.elsewhere) and not ours):
                left = typed.text.strip() in _LEAVES
                where = f"line {opened}" if opened else "a line above"
                why = f"typed in the shell that {where} opens"
                if left:
                    opened = 0
                elif typed.line in self.said.answers or self.said.skips(typed.line):
                    yield self._typed(typed, own, code.prose)[0]
                elif own in SECTION_OF:
                    instead = "kubectl exec POD -- COMMAND"
                    hint = self._answer(typed.line, instead)
                    yield Judged(typed.line, typed.text, own, Status.NOT_RUNNABLE, why, hint, instead)
                continue
            if own is Role.UNKNOWN and typed.line not in self.said.answers:
                key = f'"{heading}"' if heading else f'"{typed.line}"'
                why = f"no heading says what it is for: {heading}" if heading else "no heading says what it is for"
                hint = f'[sections] {key} = "remedy" in {self._file}'
                yield Judged(typed.line, typed.text, own, Status.NOT_PLACED, why, hint)
                continue
            if own is Role.NOT_RUN:
                yield Judged(typed.line, typed.text, own, Status.LEFT_OUT, f"under {heading}, which is not run")
                continue
            judged, opens = self._typed(typed, own, code.prose)
            opened = typed.line if opens else 0
            yield judged

    def _quoted(self, quoted: Quoted, role: Role) -> Iterator[Judged]:
        own = self.said.role(quoted.line) or role
        first = quoted.text.removeprefix("$ ").partition(" ")[0]
        if (
            own not in SECTION_OF
            or " " not in quoted.text
            or not tools.known(first)
            or not prompts.begins(quoted.text.removeprefix("$ "))
        ):
            return
        typed = Typed(quoted.text.removeprefix("$ "), quoted.line)
        if quoted.alone or quoted.line in self.said.answers or self.said.skips(quoted.line):
            yield self._typed(typed, own, "")[0]
        else:
            why = "in a sentence: only a person can tell when to run it"
            hint = self._answer(quoted.line, f"{first} ...")
            yield Judged(quoted.line, quoted.text, own, Status.PROSE, why, hint)

    def _typed(self, typed: Typed, role: Role, prose: str) -> tuple[Judged, bool]:
        """Judge one command. Returns it, and whether it opens a shell in which the next ones are typed."""
        judged = Judged(typed.line, typed.text, role, Status.RUNNABLE, output=typed.output)
        if self.said.skips(typed.line):
            why = f"skipped by {self.said.path.name if self.said.path else 'the user'}"
            return dataclasses.replace(judged, status=Status.LEFT_OUT, why=why), False
        answer = self.said.answers.get(typed.line)
        text, changed = self._words(typed.text if answer is None else facts.referring(answer))
        text, masked, unbound, bound = self._placed(text)
        allowed = self.said.tools | self.functions | scan.functions(masked)
        became = translated(text, masked, prose=prose, allowed=allowed, made=self.made)
        status, why, hint = self._status(typed.line, became, unbound)
        if status is Status.RUNNABLE:
            self.known |= places.sets(became.text)
            self.functions |= scan.functions(became.text)
            self.made |= set(changed_files(became.text))
        notes = [*([] if answer is None else ["answered"]), *changed, *bound, *became.notes]
        judged = dataclasses.replace(
            judged,
            status=status,
            why=why,
            hint=hint,
            instead=became.instead,
            notes=tuple(dict.fromkeys(notes)),
            unbound=tuple(place.name for place in unbound) or ((became.strange,) if became.strange else ()),
            command=became.text if status is Status.RUNNABLE else "",
        )
        return judged, became.opens

    def _status(self, line: int, became: Translated, unbound: list[Place]) -> tuple[Status, str, str]:
        """What becomes of a command, why, and what to do about it."""
        if became.skipped:
            return Status.LEFT_OUT, became.skipped, ""
        if became.refused:
            return Status.NOT_RUNNABLE, became.refused, self._answer(line, became.instead)
        if _TYPESET.search(became.text):
            why = "has typographic quotes or dashes, which no shell takes"
            return Status.NOT_RUNNABLE, why, self._answer(line, "")
        if became.strange:
            hint = f'[words] {became.strange} = "{{namespace}}" in {self._file}'
            return Status.NEEDS_VALUE, f"namespace {became.strange} is none that a drill has", hint
        if unbound:
            raw = ", ".join(dict.fromkeys(place.raw for place in unbound))
            name = re.sub(r"[\s,=]+", "-", unbound[0].name) or "name"
            simple = all(place.replaceable for place in unbound)
            hint = f"--bind {name}=VALUE" if simple else self._answer(line, "")
            return Status.NEEDS_VALUE, f"nothing says what {raw} is", hint
        return Status.RUNNABLE, "", ""

    @property
    def _file(self) -> str:
        return beside.of(self.read.source.path).name

    def _answer(self, line: int, command: str) -> str:
        """What to write into the file beside the runbook, so that another command is run, or none."""
        return f"[answers] {line} = '''{command or '...'}''' or skip = [{line}] in {self._file}"

    def _words(self, text: str) -> tuple[str, list[str]]:
        """Put the drill's names in the place of others that the file beside it lists."""
        notes = []
        for word, meant in self.said.words.items():
            whole = re.compile(rf"(?<![\w.-]){re.escape(word)}(?![\w-])")
            if whole.search(text):
                text = whole.sub(lambda _, meant=meant: facts.referring(meant), text)  # type: ignore[misc]
                notes.append(f"{word} is {meant}")
        return text, notes

    def _placed(self, text: str) -> tuple[str, str, list[Place], list[str]]:
        """The command with what is bound, the same with the rest masked, what is not bound, and what was, in words."""
        example = _EXAMPLE.fullmatch(text)
        if example is not None:
            fact = facts.named(example["name"])
            value = self._given(example["name"], example["name"]) or (
                facts.reference(fact) if fact in _EXAMPLES else None
            )
            if value is not None:
                new = f"{example['head']}{example['quote']}{value}{example['quote']}"
                return new, new, [], [f"{example['value']} is an example: {example['name']} is {facts.readable(value)}"]
        made, masked, at, unbound, notes = "", "", 0, [], []
        for place in places.find(text, known=self.known):
            value = self._value(place)
            between = text[at : place.start]
            made, masked = made + between, masked + between
            if value is None:
                unbound.append(place)
            else:
                notes.append(f"{place.raw} is {facts.readable(value)}")
            made += value if value is not None else text[place.start : place.end]
            masked += value if value is not None else "x" * (place.end - place.start)
            at = place.end
        return made + text[at:], masked + text[at:], unbound, notes

    def _value(self, place: Place) -> str | None:
        if not place.replaceable:
            return None
        given = self._given(place.name, place.raw)
        if given is not None:
            return given
        fact = facts.named(place.name)
        return facts.reference(fact) if fact else None

    def _given(self, name: str, raw: str) -> str | None:
        wanted = {_squeezed(name), _squeezed(raw)}
        for values in (self.bound, self.said.values):
            for key, value in values.items():
                if _squeezed(key) in wanted:
                    return facts.referring(value)
        return None


def _squeezed(name: str) -> str:
    return re.sub(r"[^\w]+", " ", name.lower()).strip().replace("_", " ")


def _complete(found: list[Judged]) -> Iterator[Judged]:
    """The same commands, without those that bash cannot parse."""
    runnable = [each for each in found if each.status is Status.RUNNABLE]
    steps = [Step("Mitigation", each.line, 1, facts.plain(each.command)) for each in runnable]
    complaints = iter(lint.complaints(steps) if steps else ())
    for each in found:
        complaint = next(complaints) if each.status is Status.RUNNABLE else ""
        if complaint:
            why = f"not a complete command: {complaint}"
            yield dataclasses.replace(
                each, status=Status.NOT_RUNNABLE, command="", why=why, hint=f'[answers] {each.line} = "..."'
            )
        else:
            yield each


def _all_used(path: Path, said: Beside, found: list[Judged]) -> None:
    lines = sorted({each.line for each in found})
    for line in said.answers:
        if line not in lines:
            near = min(lines, key=lambda each: abs(each - line), default=0)
            hint = f"a command begins in line {near}" if near else "the runbook has no commands"
            raise UsageError(f"{said.path}: answers: no command of {path} begins in line {line}", hint=hint)
    for first, last in said.skipped:
        if not any(first <= line <= last for line in lines):
            raise UsageError(f"{said.path}: skip: no command of {path} begins in line {first}", hint="leave it out")
