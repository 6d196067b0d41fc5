"""Names of clusters: one process each."""

from __future__ import annotations

from pathlib import Path

import pytest

from promdrill.cluster import lease
from promdrill.core.errors import UsageError


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMDRILL_STATE_DIR", str(tmp_path))


def test_two_runs_at_once_have_two_names() -> None:
    with lease.any_name() as first:
        with lease.any_name() as second:
            assert (first, second) == ("promdrill", "promdrill-2")
        with lease.any_name() as third:
            assert third == "promdrill-2"


def test_a_name_is_free_again_afterwards() -> None:
    for _ in range(2):
        with lease.any_name() as name:
            assert name == "promdrill"


def test_a_kept_cluster_keeps_its_name() -> None:
    with lease.any_name({"promdrill", "promdrill-2"}) as name:
        assert name == "promdrill-3"


def test_a_name_that_was_asked_for_is_had_or_refused() -> None:
    with (
        lease.this_name("mine") as name,
        pytest.raises(UsageError, match="cluster mine is in use by another run"),
        lease.this_name("mine"),
    ):
        pytest.fail("leased twice")
    assert name == "mine"
    with lease.this_name("mine"):
        pass


def test_a_run_that_dies_lets_go() -> None:
    with pytest.raises(KeyboardInterrupt), lease.any_name():
        raise KeyboardInterrupt
    with lease.any_name() as name:
        assert name == "promdrill"
