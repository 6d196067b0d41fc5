"""Hatchling's hook for the wheel: it puts promdrill's own programs for the cluster in, compiled for each architecture.

An editable install gets none: a checkout compiles the one that it needs when it needs it. The programs are data to
Python (they run in containers, whatever machine the wheel is on), so the wheel stays ``py3-none-any``.
"""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

DATA = "promdrill/_data"


class Programs(BuildHookInterface[Any]):
    """Called by hatchling; pyproject.toml names this file, and what it needs besides hatchling."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Have the programs compiled, and name them as files of the wheel."""
        if version == "editable":
            return
        source = Path(self.root, "src")
        sys.path.insert(0, str(source))
        # Importing all of promdrill.supply would ask for all that promdrill depends on; a few of its modules do here.
        supply = types.ModuleType("promdrill.supply")
        supply.__path__ = [str(source / "promdrill" / "supply")]
        sys.modules[supply.__name__] = supply
        programs, cache, paths = (
            importlib.import_module(f"promdrill.{name}")
            for name in ("supply.build.programs", "artefacts.cache", "core.paths")
        )
        for path, place in programs.for_wheel(cache.Cache(paths.cache_dir()), self.app.display_info):
            build_data["force_include"][str(path)] = f"{DATA}/{place}"
