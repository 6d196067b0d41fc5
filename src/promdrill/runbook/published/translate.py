"""A published command as a drill can run it, or why it cannot: oc, terminals, editors, what never ends, usual names."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from promdrill.runbook import facts
from promdrill.runbook.published import kinds, kubectl, oc, scan, tools
from promdrill.runbook.published.kubectl import Call
from promdrill.runbook.published.scan import Simple, Word

USUAL_NAMESPACES = frozenset(
    {"monitoring", "prometheus", "observability", "openshift-monitoring", "prometheus-system", "kube-prometheus"}
)
"""Namespaces in which runbooks have their Prometheus: in a drill that is the drill's."""

_SHELL = frozenset({"sh", "bash", "ash", "zsh", "/bin/sh", "/bin/bash", "/bin/ash", "/usr/bin/bash"})
_TTY = re.compile(r"-(?:it|ti|i|t|tty|stdin)(?:=true)?|--(?:tty|stdin)(?:=true)?")
_VOLUME_PATH = re.compile(r"`?(\.?(?:spec|data|metadata|server|template)(?:\.[A-Za-z][\w-]*)+)`?")
_URL = re.compile(r"https?://")
_SERVER = "prometheus-server"
_FACT_OF = {
    "Deployment": "workload",
    "StatefulSet": "workload",
    "Service": "service",
    "PersistentVolumeClaim": "claim",
}


@dataclass
class Translated:
    """What became of one command.

    Attributes:
        text: The command that a drill runs, if it runs it.
        refused: Why it does not; empty if it does.
        hint: What to write instead.
        notes: What was changed, in words.
        skipped: Why it is left out without being missed; empty if it is not.
        opens: Whether it opens a shell, in which what follows is typed.
    """

    text: str
    refused: str = ""
    hint: str = ""
    notes: list[str] = field(default_factory=list)
    skipped: str = ""
    opens: bool = False


@dataclass
class _Edits:
    """Changes to a text, by where they are."""

    made: list[tuple[int, int, str]] = field(default_factory=list)

    def replace(self, word: Word, text: str) -> None:
        self.made.append((word.start, word.end, text))

    def drop(self, words: tuple[Word, ...]) -> None:
        self.made += [(word.start, word.end, "") for word in words]

    def applied(self, text: str) -> str:
        changed = text
        for start, end, new in sorted(self.made, reverse=True):
            kept = changed[:start]
            cut = not new and kept.endswith(" ") and changed[end : end + 1] in {" ", "", "\n"}
            changed = (kept[:-1] if cut else kept) + new + changed[end:]
        return changed


def translated(
    text: str, masked: str, *, prose: str = "", allowed: frozenset[str] = frozenset(), made: frozenset[str] | set[str] = frozenset()
) -> Translated:
    """A command as a drill runs it.

    Args:
        text: The command.
        masked: The same with a word of the same length for each placeholder that has no value.
        prose: The paragraph after it, which may say what to edit.
        allowed: Programs that the user lets run.
        made: Files that earlier commands wrote.
    """
    result, edits = Translated(text), _Edits()
    found = scan.simples(masked)
    for simple in found:
        one = _One(simple, edits, result, prose, allowed, frozenset(made))
        one.look()
        if result.refused:
            return dataclasses.replace(result, text=text)
    if result.skipped and len(found) > 1:
        result.skipped = ""
    result.text = edits.applied(text)
    result.notes = list(dict.fromkeys(result.notes))
    return result


@dataclass
class _One:
    simple: Simple
    edits: _Edits
    result: Translated
    prose: str
    allowed: frozenset[str]
    made: frozenset[str]

    def look(self) -> None:
        """Judge one simple command, and note what to change."""
        simple = self.simple
        if simple.program in {"xargs", "time", "timeout", "nohup", "exec", "env"}:
            self._inner()
            simple = self.simple
        if simple.program in {"oc", "kubectl", "k"}:
            self._kubectl(kubectl.call(simple))
        elif simple.program == "helm":
            self._helm()
        elif simple.program == "read" and not simple.fed:
            self._refuse("read: waits for a person at a terminal")
        else:
            arguments = simple.arguments
            self._refuse(tools.refusal(simple.program, arguments, fed=simple.fed, allowed=self.allowed))
            if simple.program == "tail" and any(word in {"-f", "-F", "--follow"} for word in arguments):
                self._refuse("tail -f: never ends")
        away = next((name for name in simple.written if tools.refusal("cp", (name,), fed=False, allowed=frozenset())), "")
        if away:
            self._refuse(f"writes {away}: outside of the drill's own folder")

    def _inner(self) -> None:
        """Look at the program that xargs or the like starts."""
        words = self.simple.words
        at = next((at for at, word in enumerate(words[1:], 1) if tools.known(word.plain)), 0)
        if at:
            self.simple = dataclasses.replace(self.simple, words=words[at:], fed=True)

    def _refuse(self, why: str, hint: str = "", *, opens: bool = False) -> None:
        if why and not self.result.refused:
            self.result.refused, self.result.hint, self.result.opens = why, hint, opens

    # --- kubectl ------------------------------------------------------------------------------------------------

    def _kubectl(self, found: Call) -> None:
        program = self.simple.words[0]
        if program.plain == "oc":
            why, hint = oc.refusal(tuple(word.plain for word in found.head))
            if why:
                self._refuse(why, hint, opens=found.verb in {"rsh", "debug"} and not found.inside)
                return
            if found.verb.startswith("adm "):
                self.edits.drop(found.head[:1])
                found = kubectl.without_adm(found)
            self.result.notes.append("oc is kubectl here")
        if program.plain != "kubectl":
            self.edits.replace(program, "kubectl")
        for judge in (self._interactive, self._endless, self._files, self._kinds):
            judge(found)
        if found.elsewhere:
            for words in found.elsewhere:
                self.edits.drop(words)
            self.result.notes.append("the option that names a cluster is dropped: there is only the drill's")
        if found.verb.startswith("config "):
            self._refuse(f"kubectl {found.verb}: changes which cluster is meant; a drill has its own")
        self._usual(found)

    def _interactive(self, found: Call) -> None:
        verb = found.verb
        if verb == "edit":
            self._refuse("kubectl edit: waits for a person in an editor", _patch(found, self.prose))
        elif verb == "attach":
            self._refuse("kubectl attach: waits for a person at a terminal")
        inside = _plain(found.inside) or (_plain(found.rest[1:]) if verb == "exec" else ())
        terminal = [words for name in ("it", "ti", "i", "t", "tty", "stdin") for words in found.options.get(name, ()) if _TTY.fullmatch(words[0].plain)]
        opens = (verb == "exec" and bool(inside) and inside[0] in _SHELL and len(inside) == 1) or (
            verb in {"run", "debug"} and bool(terminal) and (not inside or (inside[0] in _SHELL and len(inside) == 1))
        )
        if opens and not self.simple.fed:
            end = f"{' '.join(inside)} -c 'COMMAND'" if inside else "COMMAND"
            self._refuse(f"kubectl {verb}: opens a shell", f"kubectl {verb} ... -- {end}", opens=True)
        elif terminal and not (verb == "delete"):
            keep = self.simple.fed or verb in {"run", "debug"}
            for at, words in enumerate(terminal):
                if keep and at == 0:
                    self.edits.replace(words[0], "-i")
                else:
                    self.edits.drop(words)
            self.result.notes.append("the terminal (-it) is dropped")
        elif verb == "delete" and found.has("i", "interactive"):
            self._refuse("kubectl delete -i: asks a person", "leave -i out")
        if inside and inside[0] in {"vi", "vim", "nano", "top", "htop", "less", "more", "watch"}:
            self._refuse(f"{inside[0]}: waits for a person at a terminal")

    def _endless(self, found: Call) -> None:
        if found.verb == "logs" and found.has("f", "follow"):
            for words in (*found.options.get("f", ()), *found.options.get("follow", ())):
                self.edits.drop(words)
            self.result.notes.append("the log is read, not followed")
        elif found.verb == "get" and found.has("w", "watch", "watch-only"):
            for name in ("w", "watch", "watch-only"):
                for words in found.options.get(name, ()):
                    self.edits.drop(words)
            self.result.notes.append("it is looked at once, not watched")
        elif found.verb in {"port-forward", "proxy"} and not self._in_background():
            self._refuse(f"kubectl {found.verb}: runs until it is interrupted", f"kubectl {found.verb} ... & in the same line as what uses it")

    def _in_background(self) -> bool:
        end = self.simple.words[-1].end
        return re.match(r"[^\n;|]*?(?:>\s*\S+\s*)?(?:2>&1\s*)?&(?!&)", self.result.text[end:]) is not None

    def _files(self, found: Call) -> None:
        for word in found.value_words("f", "filename", "k", "kustomize", "patch-file"):
            name = word.plain
            if name == "-" or found.verb == "logs" or name in self.made or "⟦" in name or "$" in name:
                continue
            if _URL.match(name):
                self._refuse(f"{name}: is fetched from the network")
            else:
                self._refuse(f"{name}: a file that comes with no command of the runbook", "write it with a here-document")

    def _kinds(self, found: Call) -> None:
        words = [kind for kind, _ in found.target if not kind.startswith(("x", "⟦", "$", "-", "`"))]
        strange = [word for kind in words for word in kinds.unknown(kind) if re.fullmatch(r"[A-Za-z][\w.-]*", word)]
        if strange and found.verb != "explain":
            self._refuse(f"{strange[0]}: a kind of object that a drill's cluster does not have")

    def _usual(self, found: Call) -> None:
        for word in found.value_words("n", "namespace"):
            if word.plain in USUAL_NAMESPACES:
                self.edits.replace(word, facts.reference("namespace"))
                self.result.notes.append(f"namespace {word.plain} is the drill's")
        for kind, name in found.target:
            fact = _FACT_OF.get(kinds.kind_of(kind) or "")
            if name is not None and name.plain == _SERVER and fact:
                self.edits.replace(name, facts.reference(fact))
                self.result.notes.append(f"{_SERVER} is the drill's {fact}")

    # --- Helm ---------------------------------------------------------------------------------------------------

    def _helm(self) -> None:
        found = kubectl.call(self.simple)
        verb = found.head[0].plain if found.head else ""
        if verb in {"repo", "dependency", "plugin", "registry", "search", "pull", "version"}:
            self.result.skipped = f"helm {verb}: the drill has its chart"
            return
        if found.elsewhere:
            for words in found.elsewhere:
                self.edits.drop(words)
        if verb == "get" and len(found.head) > 1:
            names = found.head[2:3]
        else:
            names = found.head[1:2] if verb in {"upgrade", "install", "rollback", "status", "history", "uninstall", "delete", "test"} else ()
        for word in names:
            self._named(word, "release")
        if verb in {"upgrade", "install", "template"}:
            for word in found.head[2:3]:
                self._named(word, "chart")
            for word in found.value_words("f", "values"):
                if word.plain not in self.made:
                    self._named(word, "values")
        if verb == "template":
            return
        for word in found.value_words("n", "namespace"):
            if word.plain in USUAL_NAMESPACES:
                self._named(word, "namespace")
        if verb in {"upgrade", "install", "rollback", "status", "history", "uninstall", "get"} and not found.has("n", "namespace"):
            last = names[-1] if names else self.simple.words[-1]
            self.edits.made.append((last.end, last.end, f" --namespace {facts.reference('namespace')}"))

    def _named(self, word: Word, fact: str) -> None:
        if "⟦" in word.raw or "$" in word.raw or "`" in word.raw:
            return
        self.edits.replace(word, facts.reference(fact))
        self.result.notes.append(f"{word.plain} is the drill's {fact}")


def _plain(words: tuple[Word, ...]) -> tuple[str, ...]:
    return tuple(word.plain for word in words)


def _patch(found: Call, prose: str) -> str:
    """The patch to write instead of an edit: of the field that the paragraph after it names, if it does."""
    path = _VOLUME_PATH.search(prose)
    keys = path[1].strip(".").split(".") if path else ["spec", "FIELD"]
    change = '"VALUE"'
    for key in reversed(keys):
        change = f'{{"{key}": {change}}}'
    namespace = found.value("n", "namespace")
    place = f" --namespace {namespace}" if namespace else ""
    what = " ".join(word.plain for word in found.rest) or "KIND NAME"
    return f"kubectl patch {facts.readable(what)}{facts.readable(place)} --type=merge --patch '{change}'"


def changed_files(text: str, masked: str) -> Iterator[str]:
    """Files that a command writes into the drill's folder."""
    for simple in scan.simples(masked):
        yield from simple.written
        if simple.program in {"tee", "touch", "cp", "mv"} and simple.arguments:
            yield simple.arguments[-1]


