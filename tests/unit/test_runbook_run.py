"""Steps in a real bash: what lasts, what fails, and that nothing is left running."""

from __future__ import annotations

import os
import selectors
import threading
from pathlib import Path

import pytest

from promdrill.core import processes
from promdrill.core.clock import SYSTEM
from promdrill.runbook import bash
from promdrill.runbook.parse import Runbook, parse
from promdrill.runbook.run import StepFailed, StepResult, opened
from promdrill.runbook.step import STEP_SECTIONS

HEAD = "---\nid: x\ntitle: X\n---\n## Meaning\n## Impact\n## Diagnosis\n## Mitigation\n"
FIRST_LINE = 10
"""Where the first step's first line is in the files that `book` writes."""


def book(tmp_path: Path, *steps: str) -> Runbook:
    blocks = [step if step.startswith("```") else f"```sh\n{step}\n```" for step in steps]
    file = tmp_path / "runbook.md"
    file.write_text(HEAD + "\n".join(blocks) + "\n## Verification\n", encoding="utf-8")
    return parse(file)


def run(tmp_path: Path, *steps: str, **options: object) -> list[str]:
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    how = {"deadline_s": options.pop("deadline_s", 20), "sections": options.pop("sections", STEP_SECTIONS)}
    with opened(book(tmp_path, *steps), **{"env": env, **options}) as opened_steps:  # type: ignore[arg-type]
        return [result.output for result in opened_steps.run(**how)]  # type: ignore[arg-type]


def failure(tmp_path: Path, *steps: str, **options: object) -> StepFailed:
    with pytest.raises(StepFailed) as caught:
        run(tmp_path, *steps, **options)
    return caught.value


def test_variables_functions_and_folder_last(tmp_path: Path) -> None:
    steps = [
        "POD='a b'; say() { echo \"<$1>\"; }",
        'cd /; say "$POD"',
        "pwd; declare -A map=([k]=v)",
        'echo "${map[k]}"',
    ]
    assert run(tmp_path, *steps) == ["", "<a b>\n", "/\n", "v\n"]


def test_output_is_merged_in_order_and_told_by_step(tmp_path: Path) -> None:
    assert run(tmp_path, "echo a; echo b >&2; bash -c 'echo c >&2; echo d'", "printf 'no newline'", "echo e") == [
        "a\nb\nc\nd\n",
        "no newline",
        "e\n",
    ]


def test_environment_is_exactly_what_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OF_THE_USER", "1")
    names = {line.partition("=")[0] for line in run(tmp_path, "env")[0].splitlines()}
    assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {"PATH", "HOME", "LC_ALL", processes.MARK}


def test_standard_input_is_empty(tmp_path: Path) -> None:
    assert run(tmp_path, "cat; read -r line || echo none", "echo on") == ["none\n", "on\n"]


@pytest.mark.parametrize(
    ("step", "code", "line"),
    [
        ("echo a\nfalse\necho never", 1, 1),
        ("(exit 3) | cat\necho never", 3, 0),
        ("set +e\n(exit 4)\necho never", 4, 1),
        ("set +e; set +o pipefail\ntrue\n(exit 5)", 5, 2),
        ("f() {\n  set +e\n  (exit 6)\n  true\n}\nf\necho never", 6, 2),
        ("x=$((exit 7); true)\necho never", 7, 0),
        ("kubctl get pod\necho never", 127, 0),
        ("(false; true)\necho never", 1, 0),
        ("if true; then\n  false\nfi\necho never", 1, 1),
        ("set +e\n. /dev/stdin <<< 'false'\necho never", 1, 0),
    ],
)
def test_first_failing_command_ends_the_step(tmp_path: Path, step: str, code: int, line: int) -> None:
    error = failure(tmp_path, step, "echo never")
    assert error.result.exit_code == code
    assert "never" not in error.result.output
    assert error.reason.startswith(f"{tmp_path}/runbook.md:{FIRST_LINE + line}: Mitigation: ")
    assert f"exit code {code}: " in error.reason


@pytest.mark.parametrize(
    "step", ["false || true", "if false; then :; fi", "! true", "x=$(false; echo a) || true", "set -u"]
)
def test_what_a_person_may_write(tmp_path: Path, step: str) -> None:
    assert run(tmp_path, step, "echo on")[1] == "on\n"


@pytest.mark.parametrize(
    ("step", "what"),
    [
        ("echo a; exit 0; echo b", "the shell ended, exit code 0"),
        ("exit 3", "the shell ended, exit code 3"),
        ("exec true", "the shell ended, exit code 0"),
        ("sleep 20 &\nexec true", "the shell ended, exit code 0"),  # its child still holds the output
        ("echo ${nothing?unset}", "the shell ended, exit code 1"),
        ("set -u; echo $nothing", "the shell ended, exit code 1"),
        ("kill -9 $$", "the shell ended, killed by SIGKILL"),
        ("return 0\nfalse", "the step returned before its last line"),
    ],
)
def test_a_step_cannot_end_early_and_pass(tmp_path: Path, step: str, what: str) -> None:
    assert what in failure(tmp_path, step).reason


def test_a_failure_shows_where_what_and_why(tmp_path: Path) -> None:
    error = failure(tmp_path, "echo fine", "echo before\nkubctl get pv")
    assert str(error).split("\n") == [
        f"{tmp_path}/runbook.md:14: Mitigation: kubctl: command not found (exit code 127: kubctl get pv)",
        "  echo before",
        "  kubctl get pv",
        "  before",
        f"  {tmp_path}/runbook.md: line 14: kubctl: command not found",
        "Hint: is its name right?",
    ]


def test_of_a_long_output_the_end_is_shown(tmp_path: Path) -> None:
    step = book(tmp_path, "echo a").steps[0]
    for lines, dots in ((30, []), (31, ["  ..."])):
        output = "".join(f"{number}\n" for number in range(lines))
        said = str(StepFailed("why", StepResult(step, 1, 0.1, output)))
        assert said.split("\n")[2:] == [*dots, *(f"  {number}" for number in range(lines - 30, lines))]
    assert str(StepFailed("why", StepResult(step, 1, 0.1, " \n"))).endswith("\n  (no output)")


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (
            "echo one; echo 'error: unknown command \"gett\"' >&2; printf '\\nDid you mean this?\\n\\tget\\n'; false",
            'error: unknown command "gett" (exit code 1: false)',
        ),
        ("echo a; false", "exit code 1: false; it last said: a"),
        ("false", "exit code 1: false"),
        ("echo 'it failed'; exit 3", "it failed (the shell ended, exit code 3: echo 'it failed'; exit 3)"),
    ],
)
def test_the_cause_comes_before_the_command(tmp_path: Path, step: str, told: str) -> None:
    assert failure(tmp_path, step).reason == f"{tmp_path}/runbook.md:{FIRST_LINE}: Mitigation: {told}"


@pytest.mark.parametrize(
    ("step", "hint"),
    [("kubctl", "is its name right?"), ("exit 127", "steps share one shell"), ("return", "a step must not return")],
)
def test_what_to_do_about_it(tmp_path: Path, step: str, hint: str) -> None:
    assert failure(tmp_path, step).hint.startswith(hint)
    assert failure(tmp_path, "false").hint == ""


def test_a_function_of_an_earlier_step_is_told_by_its_own_line(tmp_path: Path) -> None:
    assert f":{FIRST_LINE + 1}: " in failure(tmp_path, "f() {\n  false\n}", "f").reason


def test_unexpected_output_names_the_line_that_was_wanted(tmp_path: Path) -> None:
    error = failure(tmp_path, "echo a\necho c", "```console\na\nb\n```")
    wanted = "wanted 'b', but the output says 'c' (output of line 10: echo a)"
    assert str(error).split("\n")[0] == f"{tmp_path}/runbook.md:15: Mitigation: {wanted}"
    assert error.result.exit_code == 0
    assert ":13: Mitigation: wanted the end of the output" in str(failure(tmp_path, "echo a", "```text\n```"))
    assert "the output ended" in str(failure(tmp_path, "echo a", "```text\na\nb\n```"))
    assert "wanted the end of the output" in str(failure(tmp_path, "echo a\necho b", "```text\na\n```"))
    assert run(tmp_path, "echo a; echo c", "```text\na\n...\n```", "echo on")[1] == "on\n"


def alive(tmp_path: Path, marker: str) -> list[str]:
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and f"{tmp_path}/{marker}".encode() in (process / "cmdline").read_bytes():
                found.append(process.name)
        except OSError:
            continue
    return found


HANGING = (
    "timeout 300 bash -c 'sleep 300; :' $HOME/stray &\n"
    "setsid bash -c 'sleep 300; :' $HOME/stray &\n"
    "bash -c 'trap \"\" HUP; sleep 300; :' $HOME/stray"
)


def test_a_hanging_step_is_ended_with_all_its_children(tmp_path: Path) -> None:
    began = SYSTEM.monotonic()
    error = failure(tmp_path, f"echo hangs\n{HANGING}", step_timeout_s=2.0)
    assert SYSTEM.monotonic() - began < 60
    assert error.result.exit_code is None
    assert error.result.output == "hangs\n"
    assert "not done within 2 s" in error.reason
    assert alive(tmp_path, "stray") == []


@pytest.mark.parametrize("hides", ["setsid {} &", "(env -i setsid {} >/dev/null 2>&1 &)"])
def test_nothing_is_left_after_the_last_step(tmp_path: Path, hides: str) -> None:
    seen: list[list[str]] = []
    background = hides.format("bash -c 'touch ${0%/*}/up; sleep 300; :' $HOME/stray")
    started = "until [ -e $HOME/up ]; do sleep 0.02; done"
    run(tmp_path, background, started, on_step=lambda _: seen.append(alive(tmp_path, "stray")))
    assert seen[1]  # one, or two for as long as it becomes what it runs
    assert alive(tmp_path, "stray") == []


def test_a_fence_may_state_its_own_deadline(tmp_path: Path) -> None:
    assert run(tmp_path, "```sh timeout=5\nsleep 0.3; echo done\n```", step_timeout_s=0.1) == ["done\n"]
    assert "not done within 1 s" in failure(tmp_path, "```sh timeout=1\nsleep 9\n```").reason


def test_all_steps_together_have_a_deadline(tmp_path: Path) -> None:
    error = failure(tmp_path, "```sh timeout=9\nsleep 9\n```", deadline_s=0.6)
    assert error.result.took_s < 3
    assert "not done within 0.6 s" in error.reason


def test_a_stop_request_ends_the_step(tmp_path: Path) -> None:
    stop = threading.Event()
    timer = threading.Timer(0.3, stop.set)
    timer.start()
    assert "ended on request" in failure(tmp_path, "sleep 3600", stop=stop, deadline_s=3600).reason
    timer.join()


def test_steps_may_be_left_out(tmp_path: Path) -> None:
    seen: list[StepResult] = []
    said = run(tmp_path, "echo a", "echo b", "echo c", leaves_out=lambda at: at == 1, on_step=seen.append)
    assert said == ["a\n", "c\n"]
    assert [result.step.line for result in seen] == [10, 16]
    assert run(tmp_path, "echo a", sections=("Diagnosis",)) == []


def test_a_failed_step_is_reported_too_and_none_after_it(tmp_path: Path) -> None:
    seen: list[StepResult] = []
    failure(tmp_path, "echo a", "false", "echo c", on_step=seen.append)
    assert [result.exit_code for result in seen] == [0, 1]


def test_output_without_end_is_cut_in_the_middle(tmp_path: Path) -> None:
    output = run(tmp_path, "echo first; head -c 5000000 /dev/zero | tr '\\0' 'x'; echo; echo last", "echo on")
    assert output[0].startswith("first\n")
    assert output[0].endswith("x\nlast\n")
    assert "\n... output cut ...\n" in output[0]
    assert len(output[0]) < 3 * bash.KEPT_BYTES
    assert output[1] == "on\n"


def test_a_steps_own_cleanup_runs(tmp_path: Path) -> None:
    failure(tmp_path, "trap 'touch $HOME/cleaned' EXIT; false")
    assert (tmp_path / "cleaned").exists()


def test_each_step_is_told_before_it_is_run(tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    run(
        tmp_path,
        "echo a",
        "echo b",
        step_timeout_s=7.0,
        on_begin=lambda step, budget_s: told.append((f"begins {step.command}", budget_s)),
        on_step=lambda result: told.append((f"ended {result.step.command}", 0.0)),
    )
    assert [name for name, _ in told] == ["begins echo a", "ended echo a", "begins echo b", "ended echo b"]
    assert told[0][1] == 7.0


def test_a_shell_that_closes_its_output_is_waited_for_without_spinning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    selects: list[float | None] = []
    select = selectors.DefaultSelector.select

    def counted(self: object, timeout: float | None = None) -> object:
        selects.append(timeout)
        return select(self, timeout)  # type: ignore[arg-type]

    monkeypatch.setattr(selectors.DefaultSelector, "select", counted)
    ended = failure(tmp_path, 'eval "exec $__pd_out>&-"; exec >&- 2>&-; sleep 20', deadline_s=1)
    assert ended.result.exit_code is None, "it was given up at its deadline"
    assert len(selects) < 20
