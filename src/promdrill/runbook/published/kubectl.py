"""The arguments of kubectl: what it does, to what, and with which options."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from promdrill.runbook import facts
from promdrill.runbook.published.scan import Simple, Word

_WITH_VALUE = facts.words(
    "-n --namespace -c --container -l --selector -o --output -f --filename -p --patch --patch-file --type "
    "--replicas --current-replicas --context --cluster --user --kubeconfig -s --server --field-selector "
    "--sort-by --tail --since --since-time --timeout --for --image --to --to-revision --revision --as "
    "--template -k --kustomize --limits --requests --from-literal --from-file --env -e --grace-period "
    "--overrides --restart --request-timeout -L --label-columns --type --copy-to --profile --target "
    "--port --target-port --name --min --max --cpu-percent --field-manager --pod-running-timeout --max- "
    "log-requests --limit-bytes --verb --resource --subresource -v --chunk-size --raw --token --pod- "
    "selector --docker-server --image-pull-policy"
)
_CLUSTERED = frozenset({"context", "cluster", "user", "kubeconfig", "server", "s", "token", "kube-context"})
"""Options that lead to another cluster."""

TYPED = frozenset(
    {
        "get",
        "describe",
        "delete",
        "patch",
        "edit",
        "scale",
        "annotate",
        "label",
        "wait",
        "expose",
        "autoscale",
        "explain",
    }
)
"""Commands whose first argument is a kind."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of kubectl or oc.

    Attributes:
        verb: ``get``, ``rollout restart``, ``top``; empty if there is none.
        rest: The arguments after it that are no options.
        options: Option without dashes to its words: the option itself and, if it has one apart, its value.
        inside: What follows ``--``: a command in a container.
        head: All arguments that are no options, the verb's words among them, up to ``--``.
    """

    verb: str
    rest: tuple[Word, ...]
    options: dict[str, list[tuple[Word, ...]]]
    inside: tuple[Word, ...]
    head: tuple[Word, ...] = ()

    def value(self, *names: str) -> str | None:
        """The value of the first of these options that is given; None if none is."""
        for name in names:
            for words in self.options.get(name, ()):
                return words[-1].plain.partition("=")[2] if len(words) == 1 else words[1].plain
        return None

    def value_words(self, *names: str) -> list[Word]:
        """The words that hold the values of these options, cut to the value itself."""
        found = []
        for name in names:
            for words in self.options.get(name, ()):
                if len(words) > 1:
                    found.append(words[1])
                elif "=" in words[0].raw:
                    skip = words[0].raw.index("=") + 1
                    found.append(Word(words[0].raw[skip:], words[0].start + skip, words[0].end))
                elif not words[0].raw.startswith("--") and len(words[0].raw) > 2:  # noqa: PLR2004  -nmonitoring
                    found.append(Word(words[0].raw[2:], words[0].start + 2, words[0].end))
        return found

    def has(self, *names: str) -> bool:
        """Whether one of these options is given."""
        return any(name in self.options for name in names)

    @property
    def elsewhere(self) -> tuple[tuple[Word, ...], ...]:
        """Options that lead to another cluster."""
        return tuple(words for name, given in self.options.items() if name in _CLUSTERED for words in given)

    @property
    def target(self) -> tuple[tuple[str, Word | None], ...]:
        """Kind and name of each object that it names; None for a kind without a name."""
        rest = self.rest
        if self.verb.startswith("rollout") or self.verb in TYPED:
            if not rest:
                return ()
            if any("/" in word.plain for word in rest):
                return tuple(_split(word) for word in rest if "/" in word.plain)
            names = [word for word in rest[1:] if "=" not in word.plain and not word.plain.endswith("-")]
            return tuple((rest[0].plain, name) for name in names) or ((rest[0].plain, None),)
        if self.verb in {"logs", "exec", "port-forward", "attach", "debug", "cp"} and rest:
            first = rest[0]
            if self.verb == "cp":
                return ()
            return (_split(first) if "/" in first.plain else ("pod", first),)
        return ()


def call(simple: Simple) -> Call:
    """What a simple command asks of kubectl or oc."""
    head: list[Word] = []
    options: dict[str, list[tuple[Word, ...]]] = {}
    words, at = simple.words[1:], 0
    while at < len(words):
        word = words[at]
        text = word.plain
        at += 1
        if text == "--":
            break
        if not text.startswith("-") or text == "-":
            head.append(word)
            continue
        name = text.lstrip("-").partition("=")[0]
        given: tuple[Word, ...] = (word,)
        if "=" not in text and text in _WITH_VALUE and not _follows(text, head) and at < len(words):
            given, at = (word, words[at]), at + 1
        elif text[:2] in {"-n", "-o", "-l", "-c"}:  # -nmonitoring
            name = text[1]
        options.setdefault(name, []).append(given)
    plain = [word.plain for word in head]
    length = 2 if plain[:1] in (["rollout"], ["set"], ["auth"], ["config"], ["adm"]) else 1
    return Call(" ".join(plain[:length]), tuple(head[length:]), options, tuple(words[at:]), tuple(head))


def without_adm(found: Call) -> Call:
    """``oc adm drain`` as ``kubectl drain``."""
    if found.verb.partition(" ")[0] != "adm":
        return found
    return dataclasses.replace(found, verb=found.verb.partition(" ")[2], head=found.head[1:])


def _follows(text: str, head: list[Word]) -> bool:
    """Whether ``-f`` means to follow a log."""
    return (text == "-f" and bool(head) and head[0].plain == "logs") or (
        text == "-p" and any(word.plain == "logs" for word in head)
    )


def _split(word: Word) -> tuple[str, Word | None]:
    kind = word.plain.partition("/")[0]
    skip = word.raw.index("/") + 1
    return kind, Word(word.raw[skip:], word.start + skip, word.end)
