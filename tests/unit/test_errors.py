"""What an error says of its cause."""

from __future__ import annotations

import pytest

from promdrill.core.errors import LONGEST_CAUSE, CommandFailed, cause_in, ending, shortened


@pytest.mark.parametrize(
    ("output", "cause"),
    [
        ("", ""),
        ("\n \n", ""),
        ("one\ntwo\n", "two"),
        ('error: unknown command "gett" for "kubectl"\n\nDid you mean this?\n\tget\n', None),
        ("Error: UPGRADE FAILED: x is\tinvalid\nUse --debug for more\n", "Error: UPGRADE FAILED: x is invalid"),
        ("error: one\nerror: two\nadvice", "error: two"),
    ],
)
def test_the_line_that_says_why(output: str, cause: str | None) -> None:
    assert cause_in(output) == ('error: unknown command "gett" for "kubectl"' if cause is None else cause)


def test_a_complaint_or_nothing() -> None:
    assert cause_in("all is well", complaint=True) == ""
    assert cause_in("permission denied\nwell", complaint=True) == "permission denied"


def test_both_ends_of_a_long_text_are_kept() -> None:
    cause = cause_in(f"Error: the beginning {'x' * 1000} the end")
    assert len(cause) == LONGEST_CAUSE
    assert cause.startswith("Error: the beginning xxx")
    assert cause.endswith("xxx the end")
    assert "x...x" in cause
    assert shortened("a  b\n c", 80) == "a b c"


@pytest.mark.parametrize(
    ("code", "how"),
    [(0, "exit code 0"), (137, "exit code 137"), (-9, "killed by SIGKILL"), (-64, "killed by SIGRTMAX")],
)
def test_how_a_process_ended(code: int, how: str) -> None:
    assert ending(code) == how
    assert ending(-99) == "killed by signal 99"


@pytest.mark.parametrize(
    ("code", "output", "cause"),
    [
        (1, "Creating cluster\nERROR: failed to create cluster: boom\n", "ERROR: failed to create cluster: boom"),
        (1, "", "exit code 1"),
        (-9, "Creating cluster ...\nStarting control-plane ...\n", "killed by SIGKILL"),
    ],
)
def test_why_a_command_failed(code: int, output: str, cause: str) -> None:
    """What a killed command said last is not why it ended."""
    assert CommandFailed(["kind"], code, output).cause == cause
