"""Calling the test of a scenario, outside pytest, to learn what it states."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path


def call_test(scenario: Path, drill: object) -> None:
    """Call a scenario's test with a drill. The code of the test is executed.

    Args:
        scenario: The scenario's folder.
        drill: What the test gets.

    Raises:
        Exception: Whatever the test raises.
    """
    name = f"test_{scenario.name.replace('-', '_')}"
    file = scenario / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is not a module")
    module, before = importlib.util.module_from_spec(spec), sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    getattr(module, name)(drill)
