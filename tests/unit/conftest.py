"""For all unit tests: nothing of the user's is touched."""

from pathlib import Path

import pytest

from promdrill.core import paths


@pytest.fixture(autouse=True)
def _own_state(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder for each test; a test that needs it elsewhere says so itself."""
    folder: Path = tmp_path_factory.mktemp("state")
    monkeypatch.setenv(paths.STATE_VARIABLE, str(folder))
    return folder
