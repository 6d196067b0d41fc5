"""Commands for containers whose images have no programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from promdrill.cluster import on_node
from promdrill.core import shell
from promdrill.core.errors import ClusterError, CommandFailed, CommandTimeout
from promdrill.core.shell import Completed

NODES = {"node-1": "c0ffee"}


def pod(*, node: str = "node-1", state: str = "running") -> dict[str, Any]:
    """A pod with one container."""
    status = {"name": "prometheus", "state": {state: {}}, "containerID": f"containerd://{'ab' * 32}"}
    return {"metadata": {"name": "p-0"}, "spec": {"nodeName": node}, "status": {"containerStatuses": [status]}}


def ran(monkeypatch: pytest.MonkeyPatch, answer: Completed | CommandFailed) -> list[list[str]]:
    """What was run, each answered so."""
    commands: list[list[str]] = []

    def run(argv: Any, *, timeout_s: float, ok: Any) -> Completed:
        assert timeout_s == 2
        assert set(ok) == set(range(256))
        commands.append([str(each) for each in argv])
        if isinstance(answer, CommandFailed):
            raise answer
        return answer

    monkeypatch.setattr(shell, "run", run)
    return commands


@pytest.mark.parametrize("code", [0, 1, 127])
def test_a_command_runs_on_the_node_for_the_container(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    commands = ran(monkeypatch, Completed((), code, "said", "", 0.1))
    assert on_node.run(NODES, pod(), "prometheus", ["df", "-kP", "/data"], 2) == (code, "said")
    (command,) = commands
    assert command[:4] == ["docker", "exec", "c0ffee", "sh"], "by the node's id"
    assert command[-4:] == ["ab" * 32, "df", "-kP", "/data"]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (pod(state="waiting"), "df for p-0/prometheus: the container does not run"),
        (pod(node="elsewhere"), "its image has no such program, and elsewhere is no node of promdrill's"),
        ({"metadata": {"name": "p-0"}}, "the container does not run"),
    ],
)
def test_nothing_is_run_where_it_cannot_be_for_that_container(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], why: str
) -> None:
    commands = ran(monkeypatch, Completed((), 0, "", "", 0.1))
    with pytest.raises(ClusterError, match=why):
        on_node.run(NODES, given, "prometheus", ["df"], 2)
    assert commands == []


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Completed((), on_node.NOT_RUN, "no process of container abab runs on the node\n", "", 0.1), "no process of"),
        (Completed((), on_node.NOT_RUN, "", "", 0.1), "could not be run on the node"),
        (CommandTimeout(["docker"], -9, ""), "on the node: "),
    ],
)
def test_what_could_not_be_run_is_an_error_and_no_answer(
    monkeypatch: pytest.MonkeyPatch, answer: Completed | CommandFailed, why: str
) -> None:
    ran(monkeypatch, answer)
    with pytest.raises(ClusterError, match=why):
        on_node.run(NODES, pod(), "prometheus", ["df"], 2)


def test_the_script_says_when_no_process_is_of_the_container(tmp_path: Path) -> None:
    """The rest of it is seen with an image without a shell: scenarios on kube-prometheus-stack 85 and newer."""
    script = ["sh", "-c", on_node.SCRIPT, "promdrill", f"no-such-container-{tmp_path.name}", "true"]
    done = shell.run(script, timeout_s=60, ok=(on_node.NOT_RUN,))
    assert "no process of container no-such-container" in done.stdout
