"""What ruff and mypy find in scenarios, if they are installed beside promdrill."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from promdrill.artefacts.cache import claim
from promdrill.authoring.rules import Finding
from promdrill.core import paths, shell
from promdrill.core.errors import PromdrillError, cause_in
from promdrill.request.markers import Problem

RUFF, MYPY = "ruff", "mypy"

MISSING = "pip install 'promdrill[check]'"
"""Installs both."""

_TIMEOUT_S = 300.0  # the first mypy reads all of promdrill, a minute on a busy machine
_OURS = Path(__file__).parent
_TYPED = re.compile(r"^(?P<file>.+?):(?P<line>\d+): error: (?P<what>.*)$", re.MULTILINE)


def command(tool: str) -> list[str] | None:
    """How to call a tool: as a module of our own Python, else from PATH; None if it is not installed."""
    if importlib.util.find_spec(tool) is not None:
        return [sys.executable, "-m", tool]
    return [tool] if shutil.which(tool) else None


def style(ruff: Sequence[str], tests: Sequence[Path]) -> list[Finding]:
    """What ruff finds, by the rules of ruff.toml beside this module: mistakes, not taste.

    Raises:
        PromdrillError: It could not be run.
    """
    options = ["check", "--config", str(_OURS / "ruff.toml"), "--no-cache", "--output-format", "json"]
    told = shell.run([*ruff, *options, *map(str, tests)], ok=(0, 1, 2), timeout_s=_TIMEOUT_S)
    if told.exit_code not in {0, 1}:
        raise PromdrillError(f"ruff could not check: {cause_in(told.stderr)}", hint=MISSING)
    return [
        Finding(Path(each["filename"]), Problem(each["location"]["row"], f"{each['message']} ({each['code']})"))
        for each in json.loads(told.stdout)
    ]


def types(mypy: Sequence[str], tests: Sequence[Path]) -> list[Finding]:
    """What mypy finds, by the settings of mypy.ini beside this module.

    Raises:
        PromdrillError: It could not be run.
    """
    claim(paths.cache_dir())
    cache = paths.cache_dir() / MYPY
    options = ["--config-file", str(_OURS / "mypy.ini"), "--cache-dir", str(cache), "--no-error-summary", "--no-pretty"]
    argv = [*mypy, *options, "--hide-error-context", *map(str, tests)]
    told = shell.run(argv, ok=(0, 1, 2), timeout_s=_TIMEOUT_S)
    found = [Finding(Path(m["file"]), Problem(int(m["line"]), m["what"])) for m in _TYPED.finditer(told.stdout)]
    if told.exit_code and not found:
        raise PromdrillError(f"mypy could not check: {cause_in(told.stdout + told.stderr)}", hint=MISSING)
    return found
