"""What a scenario's author can write, a line each: the pages of the list that `promdrill reference` prints."""

from __future__ import annotations

from collections.abc import Sequence

from promdrill.authoring.reference import Item, entries
from promdrill_site.markdown import code, prose, sentence, table


def drill() -> str:
    """What a test is handed, and what `Drill.run` takes."""
    return f"{_table('drill', 'call')}\n\n## What `drill.run` takes\n\n{_table('plan', 'argument')}"


def faults() -> str:
    """The faults, then the edits that some of them are made of."""
    return f"{_table('fault', 'fault')}\n\n## Edits\n\n{_table('edit', 'edit')}"


def conditions() -> str:
    """Conditions on the server, which a scenario has as `drill.server`, then all others."""
    found = _entries("condition")
    server = [entry for entry in found if entry.signature.startswith(("server.", "drill."))]
    others = [entry for entry in found if entry not in server]
    return (
        f"## On the server\n\n{_rows('condition', server)}\n\n"
        f"## On anything else, and of other conditions\n\n{_rows('condition', others)}"
    )


def markers() -> str:
    """The markers of a scenario's test."""
    return _table("marker", "marker", before="@pytest.mark.")


def moments() -> str:
    """What ``at`` knows in ``lambda at: (...)``."""
    return _table("moment", "moment")


def wordings() -> str:
    """What Prometheus logs in which version."""
    return _table("wording", "wording")


def images() -> str:
    """Images that can be had without an image registry."""
    return _table("image", "image")


def _table(kind: str, head: str, before: str = "") -> str:
    return _rows(head, _entries(kind), before)


def _rows(head: str, listed: Sequence[Item], before: str = "") -> str:
    shown = [(code(f"{before}{entry.signature}"), sentence(prose(entry.summary))) for entry in listed]
    return table((head, "what it is"), shown)


def _entries(kind: str) -> list[Item]:
    """Entries of one kind.

    Raises:
        LookupError: One has no docstring.
    """
    found = [entry for entry in entries() if entry.kind == kind]
    bare = [entry.signature for entry in found if not entry.summary]
    if bare:
        raise LookupError(f"{bare[0]} has no docstring")
    return found
