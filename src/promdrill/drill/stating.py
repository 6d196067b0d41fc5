"""Calling the test of a scenario, outside pytest, to learn what it states."""

from __future__ import annotations

import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType


def call_test(scenario: Path, drill: object) -> None:
    """Call a scenario's test with a drill. The code of the test is executed.

    Args:
        scenario: The scenario's folder.
        drill: What the test gets.

    Raises:
        Exception: Whatever the test raises.
    """
    name = f"test_{scenario.name.replace('-', '_')}"
    loader = SourceFileLoader(name, str(scenario / f"{name}.py"))
    module, before = ModuleType(name), sys.dont_write_bytecode
    module.__file__ = loader.path
    sys.dont_write_bytecode = True
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    getattr(module, name)(drill)
