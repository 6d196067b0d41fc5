"""What a drill stands on: the first thing that is gone is named, and nothing is named while all is well."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.fake_shell import FakeShell, install

from promdrill.cluster import vitals
from promdrill.core.errors import ClusterError, CommandFailed
from promdrill.kube.client import ApiError

BEGAN = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


class Server:
    """An API server that answers, or raises."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    def get(self, path: str, *, timeout_s: float) -> dict[str, Any]:
        assert (path, timeout_s > 0) == ("/version", True)
        if self._error is not None:
            raise self._error
        return {}


@pytest.fixture
def shell_(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeShell]:
    fake = install(monkeypatch)
    yield fake
    fake.done()


def _node(fake: FakeShell, **state: Any) -> None:
    node = {"Name": "/drill-control-plane", "State": {"Status": "running", "StartedAt": "2026-01-01T11:59:00.1Z"}}
    node["State"] = {"ExitCode": 0, "FinishedAt": "0001-01-01T00:00:00Z"} | node["State"] | state  # type: ignore[operator]
    fake.expect("docker", "ps", "--all", answer="4f2a drill-control-plane drill\nb0b0 theirs theirs\n")
    fake.expect("docker", "inspect", "4f2a", answer=json.dumps([node]))


def _trouble(tmp_path: Path, error: Exception | None = None) -> str:
    server: Any = Server(error)
    return vitals.trouble("drill", server, [tmp_path], since=BEGAN)


def test_nothing_is_said_while_all_is_well(shell_: FakeShell, tmp_path: Path) -> None:
    _node(shell_)
    assert _trouble(tmp_path) == ""


def test_a_full_disk_is_named_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=3, f_frsize=4096))
    assert _trouble(tmp_path) == f"no space left on the disk of {tmp_path}"


def test_a_folder_that_is_gone_is_named(tmp_path: Path) -> None:
    server: Any = Server()
    said = vitals.trouble("drill", server, [tmp_path / "gone"], since=BEGAN)
    assert said == f"{tmp_path / 'gone'} cannot be read: No such file or directory"


def test_an_engine_that_does_not_answer_is_named(shell_: FakeShell, tmp_path: Path) -> None:
    words = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock"
    shell_.expect("docker", "ps", answer=CommandFailed(["docker", "ps"], 1, words))
    assert _trouble(tmp_path) == f"the container engine does not answer: {words}"


def test_a_node_that_is_gone_is_named(shell_: FakeShell, tmp_path: Path) -> None:
    shell_.expect("docker", "ps", answer="b0b0 theirs theirs\n")
    assert _trouble(tmp_path) == "the container engine has no node of cluster drill any more"


def test_a_killed_node_is_named(shell_: FakeShell, tmp_path: Path) -> None:
    _node(shell_, Status="exited", ExitCode=137, FinishedAt="2026-01-01T12:00:30.5Z")
    assert _trouble(tmp_path) == (
        "node container drill-control-plane is exited, exit code 137, since 2026-01-01T12:00:30Z"
    )


def test_a_node_that_was_started_again_is_named(shell_: FakeShell, tmp_path: Path) -> None:
    _node(shell_, StartedAt="2026-01-01T12:00:40.25Z")
    assert _trouble(tmp_path) == (
        "node container drill-control-plane was started again at 2026-01-01T12:00:40Z, during the drill"
    )


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ClusterError("connection refused"), "the API server does not answer: connection refused"),
        (ApiError("GET /version", 401, ""), "the API server refuses: GET /version: HTTP 401: "),
    ],
)
def test_an_api_server_that_does_not_answer_is_named(
    shell_: FakeShell, tmp_path: Path, error: Exception, said: str
) -> None:
    _node(shell_)
    assert _trouble(tmp_path, error) == said
