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

DRILLS_NAMESPACES = frozenset({"default", "kube-system", "kube-public", "kube-node-lease"})
"""The namespaces that a drill's cluster has besides the drill's."""

_VERBS = facts.words(
    "get describe logs delete apply patch scale exec edit create label annotate cp port-forward rollout "
    "explain events wait replace auth attach autoscale run diff kustomize api-resources api-versions "
    "cluster-info config proxy version set expose debug top cordon uncordon drain taint certificate "
    "plugin completion options kuberc"
)

_SHELL = frozenset({"sh", "bash", "ash", "zsh", "/bin/sh", "/bin/bash", "/bin/ash", "/usr/bin/bash"})
_TERMINAL = ("it", "ti", "i", "t", "tty", "stdin")
_SCREENS = frozenset({"vi", "vim", "nano", "top", "htop", "less", "more", "watch"})
_VOLUME_PATH = re.compile(r"`?(\.?(?:spec|data|metadata|server|template)(?:\.[A-Za-z][\w-]*)+)`?")
_URL = re.compile(r"https?://")
_SERVER = "prometheus-server"
_CHART = re.compile(r"(?:^|/)(?:(?:kube-)?prometheus(?:-stack|-operator)?)(?:[-_.]v?\d\S*)?/?$")
_REPOSITORIES = frozenset({"repo", "dependency", "plugin", "registry", "search", "pull", "version"})
_OF_RELEASE = frozenset({"upgrade", "install", "rollback", "status", "history", "uninstall", "delete", "test"})
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
        instead: A command to write instead; empty if none is known.
        notes: What was changed, in words.
        skipped: Why it is left out without being missed; empty if it is not.
        opens: Whether it opens a shell, in which what follows is typed.
        strange: A namespace that a drill does not have; empty for none.
    """

    text: str
    refused: str = ""
    instead: str = ""
    notes: list[str] = field(default_factory=list)
    skipped: str = ""
    opens: bool = False
    strange: str = ""


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
    text: str,
    masked: str,
    *,
    prose: str = "",
    allowed: frozenset[str] = frozenset(),
    made: frozenset[str] | set[str] = frozenset(),
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
            return result
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
            if simple.program == "exit" and self.result.text.strip() == "exit":
                self.result.skipped = "exit: no shell is open that it could leave"
                return
            self._refuse(tools.refusal(simple.program, arguments, fed=simple.fed, allowed=self.allowed))
            if simple.program == "tail" and any(word in {"-f", "-F", "--follow"} for word in arguments):
                self._refuse("tail -f: never ends")
        away = next(
            (name for name in simple.written if tools.refusal("cp", (name,), fed=False, allowed=frozenset())), ""
        )
        if away:
            self._refuse(f"writes {away}: outside of the drill's own folder")

    def _inner(self) -> None:
        """Look at the program that xargs or the like starts."""
        words = self.simple.words
        at = next((at for at, word in enumerate(words[1:], 1) if tools.known(word.plain)), 0)
        self.simple = dataclasses.replace(self.simple, words=words[at:], fed=True)

    def _refuse(self, why: str, instead: str = "", *, opens: bool = False) -> None:
        if why and not self.result.refused:
            self.result.refused, self.result.instead, self.result.opens = why, instead, opens

    # --- kubectl ------------------------------------------------------------------------------------------------

    def _kubectl(self, found: Call) -> None:
        program = self.simple.words[0]
        if program.plain == "oc":
            why, instead = oc.refusal(tuple(word.plain for word in found.head))
            if why:
                self._refuse(why, instead, opens=found.verb in {"rsh", "debug"} and not found.inside)
                return
            if found.verb.startswith("adm "):
                self.edits.drop(found.head[:1])
                found = kubectl.without_adm(found)
            self.result.notes.append("oc is kubectl here")
        if program.plain != "kubectl":
            self.edits.replace(program, "kubectl")
        verb = found.verb.partition(" ")[0]
        if verb and verb not in _VERBS and re.fullmatch(r"[a-z-]+", verb):
            self._refuse(f"kubectl {verb}: is no command of kubectl", opens=verb in {"rsh", "ssh"})
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
        elif verb == "delete" and found.has("i", "interactive"):
            self._refuse("kubectl delete -i: asks a person")
        elif verb in {"exec", "run", "debug"}:
            self._terminal(found)

    def _terminal(self, found: Call) -> None:
        """Refuse a shell that waits for a person, and take the terminal off what does not need one."""
        verb = found.verb
        inside = _plain(found.inside) or (_plain(found.rest[1:]) if verb == "exec" else ())
        given = [words for name in _TERMINAL for words in found.options.get(name, ())]
        shell = len(inside) == 1 and inside[0] in _SHELL
        node = verb == "debug" and bool(found.rest) and found.rest[0].plain.startswith("node/")
        if verb == "exec" and not inside:
            instead = "kubectl exec POD -- COMMAND"
            self._refuse("kubectl exec: names no command to run in the container", instead, opens=True)
        elif not self.simple.fed and (
            (node and not inside) or (shell and verb == "exec") or (given and verb != "exec" and (shell or not inside))
        ):
            end = f"{inside[0]} -c 'COMMAND'" if inside else "COMMAND"
            self._refuse(f"kubectl {verb}: opens a shell", f"kubectl {verb} ... -- {end}", opens=True)
        elif inside and inside[0] in _SCREENS:
            self._refuse(f"{inside[0]}: waits for a person at a terminal")
        elif given:
            keeps = self.simple.fed or verb != "exec"
            if keeps:
                self.edits.replace(given[0][0], "-i")
            for words in given[keeps:]:
                self.edits.drop(words)
            self.result.notes.append("the terminal (-it) is dropped")

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
        elif found.verb in {"port-forward", "proxy"} and not self.simple.background:
            self._refuse(
                f"kubectl {found.verb}: runs until it is interrupted",
                f"kubectl {found.verb} ... & in the same line as what uses it",
            )

    def _files(self, found: Call) -> None:
        for word in found.value_words("f", "filename", "k", "kustomize", "patch-file"):
            name = word.plain
            if name == "-" or found.verb == "logs" or name in self.made or "⟦" in name or "$" in name:
                continue
            if _URL.match(name):
                self._refuse(f"{name}: is fetched from the network")
            else:
                self._refuse(
                    f"{name}: a file that comes with no command of the runbook", "write it with a here-document"
                )

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
            else:
                self._in_namespace(word.plain)
        for kind, name in found.target:
            fact = _FACT_OF.get(kinds.kind_of(kind) or "")
            if name is not None and name.plain == _SERVER and fact:
                self.edits.replace(name, facts.reference(fact))
                self.result.notes.append(f"{_SERVER} is the drill's {fact}")

    def _in_namespace(self, name: str) -> None:
        literal = re.fullmatch(r"[a-z0-9][a-z0-9-]*", name) and set(name) != {"x"}
        if literal and name not in DRILLS_NAMESPACES and f"namespace/{name}" not in self.made:
            self.result.strange = self.result.strange or name

    # --- Helm ---------------------------------------------------------------------------------------------------

    def _helm(self) -> None:
        found = kubectl.call(self.simple)
        verb = found.head[0].plain if found.head else ""
        if verb in _REPOSITORIES:
            self.result.skipped = f"helm {verb}: the drill has its chart"
            return
        for words in found.elsewhere:
            self.edits.drop(words)
        self._helm_names(found, verb)
        for word in found.value_words("n", "namespace"):
            if word.plain in USUAL_NAMESPACES:
                self._named(word, "namespace")
            else:
                self._in_namespace(word.plain)

    def _helm_names(self, found: Call, verb: str) -> None:
        """Put the drill's release, chart, values and namespace in the place of the runbook's."""
        at = {"get": 2, "template": 1}.get(verb, 1 if verb in _OF_RELEASE else len(found.head))
        release = found.head[at : at + 1]
        for word in release:
            self._named(word, "release")
        if verb in {"upgrade", "install", "template"}:
            for word in found.head[2:3]:
                self._chart(word)
            for word in found.value_words("f", "values"):
                if word.plain not in self.made:
                    self._named(word, "values")
        if release and verb != "template" and not found.has("n", "namespace"):
            end = release[0].end
            self.edits.made.append((end, end, f" --namespace {facts.reference('namespace')}"))

    def _chart(self, word: Word) -> None:
        if re.search(r"[/:]", word.plain) and not _CHART.search(word.plain) and "⟦" not in word.raw:
            self._refuse(f"{word.plain}: another chart than the drill's")
        self._named(word, "chart")

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
    change = '"{new_size}"' if keys[-1] == "storage" else '"VALUE"'
    for key in reversed(keys):
        change = f'{{"{key}": {change}}}'
    namespace = found.value("n", "namespace")
    place = f" --namespace {namespace}" if namespace else ""
    what = " ".join(word.plain for word in found.rest) or "KIND NAME"
    return f"kubectl patch {facts.readable(what)}{facts.readable(place)} --type=merge --patch '{change}'"


def changed_files(masked: str) -> Iterator[str]:
    """Files that a command writes into the drill's folder."""
    for simple in scan.simples(masked):
        yield from simple.written
        if simple.program in {"tee", "touch", "cp", "mv"} and simple.arguments:
            yield simple.arguments[-1]
        if simple.arguments[:2] in {("create", "namespace"), ("create", "ns")} and len(simple.arguments) > 2:  # noqa: PLR2004
            yield f"namespace/{simple.arguments[2]}"
