"""Expected output: what the wildcard takes, and where a mismatch is told."""

from __future__ import annotations

import pytest

from promdrill.runbook.expect import Mismatch, mismatch


@pytest.mark.parametrize(
    ("expected", "output"),
    [
        ([], ""),
        ([], "\n \n"),
        (["a", "b"], "a  \r\nb\n\n"),
        (["NAME  READY"], "NAME          READY   \n"),
        (["..."], ""),
        (["..."], "a\nb\n"),
        (["...", "b"], "b\n"),
        (["a", "...", "b"], "a\nx\nb\ny\nb\n"),
        (["a", "...", "...", "b", "..."], "a\nb\n"),
        (["pod/... is 1/2 ..."], "pod/x-1 is 1/2 CrashLoopBackOff 6\n"),
        (["...(403)..."], "(403)"),
        (["  ...", "a"], "x\na\n"),
        (["a.c"], "a.c"),
    ],
)
def test_as_expected(expected: list[str], output: str) -> None:
    assert mismatch(expected, output) is None


@pytest.mark.parametrize(
    ("expected", "output", "found"),
    [
        ([], "a\n", Mismatch(0, "a")),
        (["a"], "", Mismatch(0, None)),
        (["a"], "a\nb\n", Mismatch(1, "b")),
        (["a", "b"], "b\na\n", Mismatch(0, "b")),
        (["a.c"], "abc\n", Mismatch(0, "abc")),
        (["a b"], "ab\n", Mismatch(0, "ab")),
        (["a", "", "b"], "a\nb\n", Mismatch(1, "b")),
        (["...", "b", "c"], "a\nb\nd\n", Mismatch(1, None)),
        (["a", "...", "b"], "a\nx\n", Mismatch(2, None)),
        (["... 2/2 ..."], "x 1/2 y\n", Mismatch(0, "x 1/2 y")),
    ],
)
def test_not_as_expected(expected: list[str], output: str, found: Mismatch) -> None:
    assert mismatch(expected, output) == found
