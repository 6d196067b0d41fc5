"""promdrill runbook check, try and import, with runbooks as others publish them."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
from tests.unit.published_world import DISK, judged, written

from promdrill.cli import main, tried
from promdrill.core.errors import UsageError
from promdrill.runbook import load
from promdrill.runbook.published.judged import Outcome, Status
from promdrill.runbook.published.roles import Role

Capture = pytest.CaptureFixture[str]


def check(*words: str | Path) -> int:
    return main.main(["runbook", "check", *map(str, words)])


def test_one_that_a_drill_runs_as_it_stands(tmp_path: Path, capsys: Capture) -> None:
    file = written(tmp_path, DISK)
    assert check(file) == 0
    out = capsys.readouterr().out
    assert f"{file}:17: Diagnosis: runnable: kubectl -n <your-namespace> get pvc <pvc-name>" in out
    assert "    <pvc-name> is {claim}\n" in out
    assert f"{file}:27: Mitigation: runnable: " in out
    assert f"{file}:31: Mitigation: runnable: kubectl -n <your-namespace> delete pod <pod>" in out
    assert f"{file}: read as published; 3 commands: 3 runnable" in out
    assert out.endswith(f"{file}: can be drilled\n")


def test_findings_line_by_line(tmp_path: Path, capsys: Capture) -> None:
    text = (
        DISK
        + "\nAlso try `kubectl -n <ns> get events` now.\n\n```\nkubectl edit pvc <pvc>\nkubectl get pod <which>\n```\n"
    )
    file = written(tmp_path, text)
    assert check(file) == 1
    out = capsys.readouterr().out
    assert f"{file}:33: Mitigation: prose only: in a sentence" in out
    assert f"{file}:36: Mitigation: not runnable: kubectl edit: waits for a person in an editor" in out
    assert "[answers] 36 = '''kubectl patch pvc {claim}" in out
    assert f"{file}:37: Mitigation: needs a value: nothing says what <which> is" in out
    assert "cannot be drilled (not runnable): line 33: in a sentence" in out
    assert check(file, "--bind", "which=web-0") == 1
    assert "needs a value" not in capsys.readouterr().out


def test_json(tmp_path: Path, capsys: Capture) -> None:
    assert check(written(tmp_path, DISK), "--json") == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["form"], found["outcome"], len(found["commands"])) == ("published", "runnable", 3)
    assert found["commands"][0]["line"] == 17
    assert found["commands"][0]["runs"] == "kubectl -n {namespace} get pvc {claim}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"%PDF-1.7\n1 0 obj\n", "it is a PDF, and a runbook is Markdown"),
        (b"PK\x03\x04docx", "it is an archive or an office document"),
        (b"<!DOCTYPE html>\n<p>Fix", "it is HTML"),
        (b"\xff\xfe\x00x", "not UTF-8"),
        (b"a\x00b", "a NUL character"),
    ],
)
@pytest.mark.parametrize("command", [["runbook", "check"], ["runbook", "import"], ["run", "--runbook"]])
def test_what_is_no_markdown_is_one_clear_message(
    tmp_path: Path, capsys: Capture, content: bytes, message: str, command: list[str]
) -> None:
    file = tmp_path / "any.md"
    file.write_bytes(content)
    assert main.main([*command, str(file)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 2


@pytest.mark.parametrize(("text", "message"), [("", "it is empty"), ("---\na: b\n---\n\n", "nothing but front matter")])
def test_nothing_is_one_clear_message(tmp_path: Path, capsys: Capture, text: str, message: str) -> None:
    assert check(written(tmp_path, text)) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        (DISK, Outcome.RUNNABLE),
        (DISK.replace("kubectl -n <your-namespace> get pvc", "oc adm inspect"), Outcome.RUNNABLE_IN_PART),
        (DISK.replace("<pod>", "<which>"), Outcome.NEEDS_VALUES),
        (DISK.replace("delete pod <pod>", "edit pvc <pvc>"), Outcome.NOT_RUNNABLE),
        ("## Fix\n\nType `kubectl delete pod <pod>` and wait.\n", Outcome.PROSE),
        ("## Chapter\n\n```sh\ndate\n```\n", Outcome.NO_SECTION),
        ("## Diagnosis\n\n```sh\ndate\n```\n\n## Fix\n\nCall somebody.\n", Outcome.NO_REMEDY),
        ("## Fix\n\nCall somebody.\n", Outcome.NO_COMMANDS),
    ],
)
def test_the_outcome_as_a_whole(tmp_path: Path, capsys: Capture, text: str, outcome: Outcome) -> None:
    file = written(tmp_path, text)
    assert judged(tmp_path, text).outcome is outcome
    assert check(file) == (0 if outcome is Outcome.RUNNABLE else 1)
    drilled = outcome in {Outcome.RUNNABLE, Outcome.RUNNABLE_IN_PART}
    assert ("can be drilled" in capsys.readouterr().out) is drilled
    if drilled:
        load.load(file)
    else:
        with pytest.raises(UsageError, match=r"any\.md"):
            load.load(file)


# --- the file beside it ----------------------------------------------------------------------------------------------


def test_sections_by_heading_and_by_line(tmp_path: Path) -> None:
    text = (
        "## Chapter One\n\n```sh\ndate\n```\n\n## Two\n\n```sh\nkubectl get pods\n```\n\n## Fix\n\n```sh\ntrue\n```\n"
    )
    said = '[sections]\n"Chapter one" = "remedy"\n"9-11" = "diagnosis"\n"Fix" = "not run"\n'
    found = judged(tmp_path, text, said)
    assert [each.role for each in found.commands] == [Role.REMEDY, Role.DIAGNOSIS, Role.NOT_RUN]
    assert found.outcome is Outcome.RUNNABLE


def test_lines_that_are_skipped_and_answered(tmp_path: Path) -> None:
    text = "## Fix\n\n```sh\ndate\nkubectl edit pvc <pvc>\nssh a\nssh b\n```\n"
    found = judged(tmp_path, text, "skip = [4, \"6-7\"]\n[answers]\n5 = 'kubectl label pvc {claim} a=b'\n")
    assert [each.status for each in found.commands] == [
        Status.LEFT_OUT,
        Status.RUNNABLE,
        Status.LEFT_OUT,
        Status.LEFT_OUT,
    ]
    assert found.commands[1].command == "kubectl label pvc ⟦claim⟧ a=b"


def test_a_sentence_can_be_answered_too(tmp_path: Path) -> None:
    found = judged(
        tmp_path, "## Fix\n\nType `kubectl edit pvc <pvc>` now.\n", '[answers]\n3 = "kubectl get pvc {claim}"\n'
    )
    assert [each.command for each in found.commands] == ["kubectl get pvc ⟦claim⟧"]


def test_other_names(tmp_path: Path) -> None:
    text = "## Fix\n\n```sh\nkubectl -n infra delete pod prom-0 prom-00\n```\n"
    found = judged(tmp_path, text, '[words]\ninfra = "{namespace}"\nprom-0 = "{pod}"\n')
    assert found.commands[0].command == "kubectl -n ⟦namespace⟧ delete pod ⟦pod⟧ prom-00"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("skips = [1]", r"drill\.toml:1: unknown key skips"),
        ('\n[sections]\nFix = "cure"', r"drill\.toml:3: sections: 'cure' is not one of"),
        ('[answers]\nfix = "a"', r"drill\.toml:2: answers: 'fix' is not the number of a line"),
        ('[answers]\n99 = "a"', "no command of .* begins in line 99"),
        ("skip = [99]", "no command of .* begins in line 99"),
        ('skip = ["9-1"]', "neither a line nor a range"),
        ("skip = 3", "skip must be a list"),
        ("values = 3", "values must be a table"),
        ("[values]\npvc = ''", "the value of pvc must be a text"),
        ("[values\n", r"drill\.toml:1: not TOML"),
    ],
)
def test_what_can_be_wrong_with_it(tmp_path: Path, said: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        judged(tmp_path, "## Fix\n\n```sh\ndate\n```\n", said)


# --- import ----------------------------------------------------------------------------------------------------------


def imported(tmp_path: Path, text: str) -> tuple[int, Path]:
    output = tmp_path / "mine.md"
    code = main.main(["runbook", "import", str(written(tmp_path, text)), "--output", str(output)])
    return code, output


def test_what_is_complete_passes_the_strict_check(tmp_path: Path, capsys: Capture) -> None:
    code, output = imported(tmp_path, DISK + "\n## Impact\n\nNo alerts.\n")
    assert code == 0, output.read_text()
    assert check(output) == 0, capsys.readouterr().err
    text = output.read_text()
    assert text.startswith("---\nid: any\ntitle: Disk of Prometheus is full\nvariables:\n  NAMESPACE: monitoring\n")
    assert "The volume has no byte left." in text
    assert "CLAIM=$(kubectl get pod " in text
    assert """kubectl -n "$NAMESPACE" patch pvc "$CLAIM" --type=merge""" in text
    assert """{"storage": "'"$NEW_SIZE"'"}""" in text
    assert "TODO" not in text


def test_what_is_missing_is_marked(tmp_path: Path, capsys: Capture) -> None:
    code, output = imported(tmp_path, DISK + "\n```sh\nkubectl edit pvc <pvc>\nkubectl delete pod <which>\n```\n")
    assert code == 1
    text = output.read_text()
    assert "TODO (line 34, not runnable): kubectl edit: waits for a person in an editor." in text
    assert "  WHICH: TODO\n" in text
    assert 'kubectl delete pod "$WHICH"' in text
    assert "TODO: say what it does to users." in text
    assert f"{text.count('TODO')} places are marked TODO" in capsys.readouterr().out
    assert check(output) == 0


def test_one_without_a_remedy_says_so_and_does_not_pass(tmp_path: Path, capsys: Capture) -> None:
    code, output = imported(tmp_path, "## Fix\n\nCall somebody.\n")
    assert code == 1
    assert "TODO: write the remedy" in output.read_text()
    assert check(output) == 1
    assert "no step under Mitigation" in capsys.readouterr().err


def test_import_overwrites_nothing(tmp_path: Path, capsys: Capture) -> None:
    written(tmp_path, "mine", "mine.md")
    assert imported(tmp_path, DISK)[0] == 2
    assert "it exists" in capsys.readouterr().err
    assert (tmp_path / "mine.md").read_text() == "mine"


# --- try -------------------------------------------------------------------------------------------------------------


def test_one_that_cannot_be_executed_starts_nothing(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("promdrill.cli.run.run", lambda _: pytest.fail("a drill was started"))
    file = written(tmp_path, "## Fix\n\n```sh\nkubectl edit pvc <pvc>\n```\n")
    assert main.main(["runbook", "try", str(file), "--scenario", "disk-full"]) == 2
    said = capsys.readouterr()
    assert f"{file}: cannot be executed: 4: kubectl edit: waits for a person" in said.out
    assert "kubectl edit" in said.err


def test_scenarios_are_tried_one_at_a_time(tmp_path: Path, capsys: Capture) -> None:
    file = written(tmp_path, DISK)
    assert main.main(["runbook", "try", str(file), "--scenario", "disk-full,oom"]) == 2
    assert "one at a time" in capsys.readouterr().err


def test_try_runs_the_drill_and_says_what_it_shows(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.unit.test_published_outcome import LOST, result  # noqa: PLC0415

    from promdrill.core.events import EndedEarly  # noqa: PLC0415
    from promdrill.core.journal import Journal  # noqa: PLC0415
    from promdrill.core.model import PhaseName, Verdict  # noqa: PLC0415
    from promdrill.results import folder  # noqa: PLC0415
    from promdrill.results.store import Results  # noqa: PLC0415

    ended = result(Verdict.FAILED, PhaseName.RECOVERY, "no recovery: ...")
    asked: list[argparse.Namespace] = []

    def run(arguments: argparse.Namespace) -> int:
        asked.append(arguments)
        place: Path = arguments.report_dir
        place.mkdir()
        Results(place, supply="source", kubernetes="1.36.3").add(ended)
        with Journal(place / folder.of_result(ended) / "journal.jsonl") as journal:
            journal.write(EndedEarly(verdict=Verdict.FAILED, reason="cut", detail=f"not seen: {LOST}"))
        return 1

    monkeypatch.setattr("promdrill.cli.run.run", run)
    file = written(tmp_path, DISK)
    words = ["runbook", "try", str(file), "--scenario", "disk-full", "--report-dir", str(tmp_path / "report")]
    assert main.main([*words, "--bind", "a=b"]) == 1
    assert capsys.readouterr().out.endswith(f"{file}: harmful: it loses data: {LOST}\n")
    assert (asked[0].runbook, asked[0].scenario, asked[0].bind) == (str(file), "disk-full", "a=b")
    assert tried.judged(ended, tmp_path / "report").tried == "harmful"
