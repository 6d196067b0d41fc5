"""Variables that a runbook's steps read and nothing sets."""

from __future__ import annotations

from pathlib import Path

import pytest

from promdrill.cli import main
from promdrill.core.errors import UsageError
from promdrill.runbook import unset
from promdrill.runbook.parse import parse

ROOT = Path(__file__).parents[2]
RUNBOOK = """---
id: toy
title: Toy
variables:
  SIZE: 1Gi
data_loss: false
---
# Toy

## Meaning

Words.

## Impact

Words.

## Diagnosis

1. Look:

   ```sh
{step}
   ```

## Mitigation

1. Mend:

   ```sh
   LATER=1
   ```

## Verification

1. See:

   ```sh
   echo "$LATER"
   ```
"""


def found_in(tmp_path: Path, step: str) -> list[str]:
    """What is found, without the path."""
    file = tmp_path / "runbook.md"
    file.write_text(RUNBOOK.format(step="\n".join(f"   {line}" for line in step.splitlines())))
    try:
        unset.check(parse(file))
    except UsageError as error:
        return [line.removeprefix(f"{file}:") for line in error.message.splitlines()]
    return []


@pytest.mark.parametrize(
    ("step", "places"),
    [
        ('grep -F "$WRNG" "$VALUES"', ["23:13: nothing sets $WRNG"]),
        ("echo ok\n  echo $WRNG", ["24:11: nothing sets $WRNG"]),
        ("  echo $WRNG", ["23:11: nothing sets $WRNG"]),
        ("echo ${WRNG}", ["23:9: nothing sets $WRNG"]),
        ('echo "${#WRNG}" "${WRNG%x}"', ["23:10: nothing sets $WRNG", "23:21: nothing sets $WRNG"]),
        ('echo "$(grep \'$ONE\' "$WRNG")"', ["23:25: nothing sets $WRNG"]),
        ('echo "it\'s $WRNG"', ["23:15: nothing sets $WRNG"]),
        ('echo "it\'s" $WRNG "it\'s"', ["23:16: nothing sets $WRNG"]),
        ('echo "$SIZE" "$WRNG"', ["23:18: nothing sets $WRNG"]),
        ("case $x in a) ;; esac\n```\n\n```sh\necho $WRNG", ["27:9: nothing sets $WRNG"]),
        ("(echo 'a' | awk '{ print $1 }'); echo $WRNG", ["23:42: nothing sets $WRNG"]),
        ("cat <<END\nit's $WRNG\nEND", ["24:9: nothing sets $WRNG"]),
        ("echo $LATER", ["23:9: nothing sets $LATER"]),
    ],
)
def test_what_nothing_sets_is_found_with_its_place(tmp_path: Path, step: str, places: list[str]) -> None:
    assert found_in(tmp_path, step) == places


@pytest.mark.parametrize(
    "step",
    [
        "echo $SIZE $NAMESPACE $RELEASE $CHART $VALUES $MANIFESTS $KUBECONFIG $HOME $PATH $HELM_CACHE_HOME",
        'echo $RANDOM ${BASH_SOURCE[0]} "${PIPESTATUS[0]}" $? $! $$ $1 $@ $# $_',
        'A=1; echo "$A"',
        'A=$(date); echo "$A"',
        "export A; echo $A",
        'for A in 1 2; do echo "$A"; done',
        'while read -r A B; do echo "$A$B"; done <<<"x y"',
        'mapfile -t A < <(seq 3); echo "${A[@]}"',
        'printf -v A %s x; echo "$A"',
        "f() { local A=$1; echo $A; }; f x",
        "((A = 1)); echo $((A + 1)) $A",
        'echo "${A:-x}" "${A-x}" "${A:+x}" "${A:?no}"',
        ': "${A:=x}"; echo "$A"',
        "awk '{ print $1, $NF, $x }'",
        'sed \'s/$x/y/\' | grep "a\\$" | grep "\\$x"',
        "echo $'it\\'s $x'",
        "echo ok # $x is not read",
        "cat <<'END'\n$x\nEND",
        'cat <<"END"\n$x\nEND',
        "cat <<-\\END\n$x\nEND",
        "cat <<-'END'\n$x\n\t\tEND\ndate",
        "cat <<-'END'\n$x\n END\n$x\nEND",
        "cat <<'END'\n$x\n\tEND\n$x\nEND",
        "cat <<END\n\\$x $(awk '{ print $x }')\nEND",
        "echo \"$(awk '{ print $x }')\" '$y'",
        "echo \"`awk '{ print $x }'`\"",
        "case $x in a) echo $x ;; esac",
        ". ./settings; echo $x",
        "source ./settings\necho $x",
        'eval "$(tool env)"; echo $TOOL_HOME',
    ],
)
def test_what_may_be_set_is_no_finding(tmp_path: Path, step: str) -> None:
    assert found_in(tmp_path, step) == []


def test_the_shipped_runbooks_set_what_they_read() -> None:
    files = [*ROOT.glob("scenarios/*/runbook*.md"), *ROOT.glob("examples/*/drills/*/runbook.md")]
    assert len(files) > 20
    for file in files:
        unset.check(parse(file))


def test_runbook_check_names_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "runbook.md"
    file.write_text(RUNBOOK.format(step="   echo $WRNG"))
    assert main.main(["runbook", "check", str(file)]) == 1
    assert capsys.readouterr().err == (
        f"promdrill: {file}:23:9: nothing sets $WRNG\n"
        "Hint: correct the name, or declare it under variables in the front matter\n"
    )
