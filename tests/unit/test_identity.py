"""A drill acts only on the cluster that was made for it: its steps, its Helm, its scripts on nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from tests.unit.drill_toy import drill_in, run_toy
from tests.unit.drill_world import World, world
from tests.unit.fake_shell import install

from promdrill.core.errors import CommandFailed, NotOurs
from promdrill.core.model import Verdict
from promdrill.drill import DrillNotPassed
from promdrill.faults.base import Ground, Undo
from promdrill.faults.commands import OnNode
from promdrill.helm.command import Helm
from promdrill.install.manual import Manual

__all__ = ["world"]

ELSEWHERE = NotOurs("at https://127.0.0.1:1 another cluster answers; nothing was done")


def test_before_each_step_the_cluster_is_asked_once_whether_it_is_still_the_drills(world: World) -> None:
    result = run_toy(drill_in(world), world)
    assert result.verdict is Verdict.PASSED
    assert world.checks == len(result.steps) == 3


def test_no_step_runs_once_another_cluster_answers_and_the_drill_is_aborted(world: World, tmp_path: Path) -> None:
    world.not_ours = ELSEWHERE
    drill = drill_in(world, remedy=f"touch {tmp_path}/ran", verification=f"touch {tmp_path}/ran")
    with pytest.raises(DrillNotPassed) as caught:
        run_toy(drill, world)
    result = caught.value.result
    assert result.verdict is Verdict.ABORTED
    assert str(result.reason).startswith("the harness failed during remediate: at https://127.0.0.1:1 another cluster")
    assert result.steps == ()
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda helm: helm.install("r", Path("chart"), "n", [], timeout_s=1),
        lambda helm: helm.upgrade("r", Path("chart"), "n", [], timeout_s=1),
        lambda helm: helm.uninstall("r", "n"),
    ],
    ids=["install", "upgrade", "uninstall"],
)
def test_helm_changes_nothing_once_another_cluster_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Any
) -> None:
    shell = install(monkeypatch)

    def before() -> None:
        raise ELSEWHERE

    with pytest.raises(NotOurs, match="another cluster answers"):
        change(Helm(tmp_path / "helm", tmp_path / "kubeconfig", tmp_path, before=before))
    assert shell.calls == []


class _Nodes:
    """An API server, or an observer, of a cluster with a node that promdrill did not make."""

    def get(self, path: str) -> dict[str, Any]:
        assert path == "/api/v1/nodes"
        return {"items": [{"metadata": {"name": "their-node"}}]}


def test_no_script_runs_on_a_node_that_promdrill_did_not_make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = install(monkeypatch)
    none = cast(Any, None)

    class OfAPod(Ground):
        def pod(self) -> dict[str, Any]:
            return {"spec": {"nodeName": "their-node"}}

    fault = OnNode("spoil it", "rm x", "touch x")
    undo = Undo(cast(Any, type("Journal", (), {"write": lambda *_: None})()))
    with pytest.raises(NotOurs, match="node their-node is none that promdrill made"):
        fault.apply(OfAPod(none, none, none, none, none, {"our-node": "c0ffee"}), undo)
    undo.run()
    with pytest.raises(NotOurs, match="node their-node is none that promdrill made"):
        Manual(cast(Any, _Nodes()), "drill-x", tmp_path, nodes={"our-node": "c0ffee"})._on_node("rm x")
    assert shell.calls == []


def test_a_script_on_a_node_names_the_container_by_its_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = install(monkeypatch)
    shell.expect("docker", "exec", "c0ffee", answer=CommandFailed(["docker"], 1, "No such container: c0ffee"))
    with pytest.raises(CommandFailed, match="No such container"):
        Manual(cast(Any, _Nodes()), "drill-x", tmp_path, nodes={"their-node": "c0ffee"})._on_node("rm x")
    shell.done()
