"""A published runbook in promdrill's own form, to the letter."""

from __future__ import annotations

from pathlib import Path

import pytest

from promdrill.runbook.published import imported
from promdrill.runbook.published.judged import Assessment, Judged, Status
from promdrill.runbook.published.roles import Role
from promdrill.runbook.source import SourceText

TABLE = ("NAME   READY", "web-0  1/1")
TEXT = "# `Disk`\n\n## Overview\n\n<p>\nIt is full.\n# It is.\n\nMore.\n\n## Severity\n\n<b>\n\nHigh.\nVery.\n"

COMMANDS = (
    Judged(1, "a", Role.NOT_RUN, Status.LEFT_OUT, heading="Note"),
    Judged(2, "a", Role.DIAGNOSIS, Status.RUNNABLE, command="a ⟦pod⟧ ⟦size⟧", output=TABLE, heading="1. Diagnosis"),
    Judged(3, "b", Role.REMEDY, Status.RUNNABLE, command="b '⟦new_size⟧' \"⟦pod⟧\"", output=TABLE, heading="Grow"),
    Judged(4, "c", Role.REMEDY, Status.LEFT_OUT, "skipped", heading="Skipped"),
    Judged(5, "d <VM name> ${X%y} <9>", Role.REMEDY, Status.NEEDS_VALUE, "nothing says", heading="Grow"),
    Judged(6, "e\nf", Role.REMEDY, Status.NOT_RUNNABLE, "it waits", instead="g", heading="Wait"),
    Judged(7, "h", Role.UNKNOWN, Status.NOT_PLACED, "no heading", heading="Wait"),
    Judged(8, "true", Role.PROOF, Status.RUNNABLE, command="true", output=("well",), heading="Proof"),
)

WRITTEN = r"""---
id: disk
title: Disk is full
variables:
  NAMESPACE: monitoring
  RELEASE: prometheus
  NEW_SIZE: 450Mi
  VM_NAME: TODO
data_loss: false
---

# Disk is full

## Meaning

It is full.

## Impact

High.
Very.

## Diagnosis

Find what the steps below name.

```sh
SELECTOR="app.kubernetes.io/instance=$RELEASE,app.kubernetes.io/component=server"
POD=$(kubectl get pod --namespace "$NAMESPACE" --selector "$SELECTOR" --output jsonpath='{.items[0].metadata.name}')
CLAIM=$(kubectl get pod --namespace "$NAMESPACE" --selector "$SELECTOR" --output \
jsonpath='{.items[0].spec.volumes[*].persistentVolumeClaim.claimName}')
SIZE=$(kubectl get pvc --namespace "$NAMESPACE" "$CLAIM" --output jsonpath='{.spec.resources.requests.storage}')
```

```sh
a "$POD" "$SIZE"
```

## Mitigation

### Grow

```sh
b ''"$NEW_SIZE"'' "${POD}"
```

```console
NAME...
...
```

TODO (line 5): nothing says.

```sh
d "$VM_NAME" ${X%y} <9>
```

### Wait

TODO (line 6, not runnable): it waits.

Write instead: `g`

```yaml
# e
# f
```

TODO (line 7, no section): no heading.

```yaml
# h
```

## Verification

### Proof

```sh
true
```
"""


def write(text: str, *commands: Judged) -> str:
    file = Path("disk.md")
    found = Assessment(file, "`Disk`  is full", commands)
    written, todos = imported.write(SourceText(file, tuple(text.split("\n"))), found)
    assert todos == written.count("TODO")
    return written


def test_what_is_written() -> None:
    assert write(TEXT, *COMMANDS) == WRITTEN.replace("\\\n", "")


def test_a_long_title_of_any_language_is_one_line() -> None:
    title = "디스크 " * 40
    written, _ = imported.write(SourceText(Path("disk.md"), ("",)), Assessment(Path("disk.md"), title, ()))
    assert f"\ntitle: {title.strip()}\n" in written


def test_what_a_section_says_ends_at_the_next_heading() -> None:
    assert "## Meaning\n\nTODO: " in write("## Overview\n## Severity\nHigh.")
    assert "## Meaning\n\nFull.\n\n## Impact\n\nHigh.\n" in write("## Overview\nFull.\n## Severity\nHigh.")


@pytest.mark.parametrize(
    "before",
    [
        "```sh\nkubectl get pods\n\ndate\n```\n",
        "```\nNo prose.\n```\n\n",
        "~~~ text\n```\nNo prose.\n~~~\n",
        "    No prose.\n\n",
        "- ```\n  No prose.\n  ```\n\n",
        "<!-- one\nNo prose.\n-->\n",
        "<pre>\nNo prose.\n\nNone.\n</pre>\n",
        "[link]: https://x.invalid\n\n",
        "---\n",
        "",
    ],
)
def test_the_first_paragraph_is_no_line_of_code(before: str) -> None:
    text = write(f"## Meaning\n\n{before}It is\n  full.\n\nMore.\n\n## Impact\n\n- None\n- yet\n\n- or more\n")
    assert "## Meaning\n\nIt is\nfull.\n\n## Impact\n\n- None\n- yet\n\n## Diagnosis" in text


@pytest.mark.parametrize("code", ["```\nNo prose.\n```", "~~~\nNo prose.", "    No prose.", "<!--\nNo prose.\n-->"])
def test_a_section_of_code_says_nothing(code: str) -> None:
    assert "## Meaning\n\nTODO: say what this means.\n" in write(f"## Meaning\n\n{code}\n")


def test_of_a_list_what_is_before_its_code_is_taken() -> None:
    text = write("## Meaning\n\n> - It is full:\n>   ```\n>   No prose.\n>   ```\n> - More.\n")
    assert "## Meaning\n\n> - It is full:\n\n## Impact" in text


def test_of_nothing_there_is_a_form_to_fill_in() -> None:
    text = write("# Disk\n\n## Meaning\n")
    assert "variables" not in text
    assert "SELECTOR" not in text
    assert "## Meaning\n\nTODO: say what this means.\n" in text
    assert "## Impact\n\nTODO: say what it does to users.\n" in text
    assert (
        "## Mitigation\n\nTODO: write the remedy as `sh` blocks; nothing in the runbook could be taken over.\n" in text
    )
    assert text.endswith(
        "## Verification\n\nNothing was said about how to see that it is over; a drill judges recovery by itself.\n"
    )


def test_a_variable_that_a_command_sets_is_none_of_the_front_matter() -> None:
    sets = [
        Judged(1, text, Role.REMEDY, Status.RUNNABLE, command=text)
        for text in ("A=1", "B+=1", "for C in 1; do date; done", "read D")
    ]
    text = write("", *sets, Judged(9, "", Role.REMEDY, Status.RUNNABLE, command="x $A $B $C $D $E"))
    assert 'x $A $B $C $D "$E"' in text
    assert "variables:\n  E: TODO\n" in text


@pytest.mark.parametrize(("name", "variable"), [("pvc-name", "PVC_NAME"), ("9 lives", "N9_LIVES"), ("...", "VALUE")])
def test_the_variable_of_a_placeholder(name: str, variable: str) -> None:
    assert imported._variable(name) == variable


def test_the_namespace_alone_needs_no_look_up() -> None:
    text = write("", Judged(1, "", Role.REMEDY, Status.RUNNABLE, command="x ⟦namespace⟧ ⟦port⟧"))
    assert "variables:\n  NAMESPACE: monitoring\n  PORT: '80'\n" in text
    assert "RELEASE" not in text
    assert "SELECTOR" not in text
