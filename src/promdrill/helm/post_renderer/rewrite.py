"""The post-renderer: reads manifests of a chart from before Kubernetes 1.25, and writes them for today's API server.

    helm template x ./chart | python -m promdrill.helm.post_renderer.rewrite

A document without a removed API version passes through byte for byte; in the others only what must change is edited,
see `promdrill.helm.post_renderer.apis`. What was rewritten or left out is reported on standard error, one line per
object; or, because Helm hides a post-renderer's standard error, in the file that `SAID_VARIABLE` names.
Helm 3 does not pass hooks to a post-renderer, Helm 4 does. If something cannot be rewritten, the exit code is 1 and
only the reasons are written.
"""

from __future__ import annotations

import itertools
import os
import re
import sys
from typing import NamedTuple

from yaml.nodes import Node

from promdrill.core.yaml_edit import Document, Refused, find, items, text_of
from promdrill.helm.post_renderer.apis import OLD, Dropped, rewrite

SAID_VARIABLE = "PROMDRILL_POST_RENDERER_SAID"
"""Set by promdrill for Helm's post-renderer: the file that gets the messages instead of standard error."""

_START = re.compile(r"^---(?=\s|\Z)", re.MULTILINE)
"""The start of a document. Lines of a block scalar are indented, so a ``---`` there does not match."""

_VERSION = re.compile(r"^apiVersion:\s*[\"']?(" + "|".join(map(re.escape, sorted(OLD))) + r")\b", re.MULTILINE)


class Rewritten(NamedTuple):
    """A rewritten stream of manifests.

    Attributes:
        text: The stream.
        said: What was rewritten or left out, one line per object.
        refused: What could not be rewritten, likewise; if there is any, `text` must not be used.
    """

    text: str
    said: tuple[str, ...]
    refused: tuple[str, ...]


def rewritten(text: str) -> Rewritten:
    """Rewrite a stream of manifests so that no removed API version is left."""
    starts = [match.start() for match in _START.finditer(text)]
    edges = [*([0] if starts[:1] != [0] else []), *starts, len(text)]
    kept: list[str] = []
    said: list[str] = []
    refused: list[str] = []
    for start, end in itertools.pairwise(edges):
        part = text[start:end]
        try:
            part, what = _document(part)
            said += what
        except Dropped as reason:
            said.append(f"{reason}; it is left out")
            continue
        except Refused as reason:
            refused.append(str(reason))
        kept.append(part)
    return Rewritten("".join(kept), tuple(said), tuple(refused))


def _document(text: str) -> tuple[str, list[str]]:
    if not any(version in text for version in OLD):
        return text, []
    try:
        document = Document(text)
    except Refused:
        if _VERSION.search(text):
            raise
        return text, []  # Helm's parser may accept it, and the removed version is only mentioned in it
    said = _objects(document, document.root)
    return (document.edited() if said else text), said


def _objects(document: Document, body: Node | None) -> list[str]:
    if body is None:
        return []
    if text_of(find(body, "kind")) == "List":
        said = []
        for item in items(find(body, "items")):
            try:
                said += _objects(document, item)
            except Dropped as reason:
                raise Refused(f"{reason}, and it cannot be left out of a List") from reason
        return said
    name = f"{text_of(find(body, 'kind'))} {text_of(find(body, 'metadata', 'name'))}"
    try:
        what = rewrite(document, body)
    except (Dropped, Refused) as reason:
        raise type(reason)(f"{name}: {reason}") from reason
    return [f"{name}: {what}"] if what else []


def main() -> int:
    """Rewrite standard input to standard output; returns 1 if something cannot be rewritten."""
    result = rewritten(sys.stdin.buffer.read().decode("utf-8", "surrogateescape"))
    lines = "".join(f"promdrill: {line}\n" for line in result.refused or result.said)
    path = os.environ.get(SAID_VARIABLE)
    if path:
        with open(path, "a", encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123  pathlib costs 10 ms
            file.write(lines)
    else:
        sys.stderr.write(lines)
    if result.refused:
        return 1
    sys.stdout.buffer.write(result.text.encode("utf-8", "surrogateescape"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
