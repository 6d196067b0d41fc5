"""A KUBECONFIG of the user's that leads to a live cluster: nothing of promdrill's ever asks that cluster anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.api_server import ApiServer, api_server, kubeconfig, says
from tests.unit.drill_world import world
from tests.unit.incident_world import Machine, machine

from promdrill.cluster.kind import PinnedKindCluster
from promdrill.core import paths
from promdrill.core.errors import NotOurs
from promdrill.helm.command import Helm
from promdrill.kube.client import Kube
from promdrill.kube.expected import Expected
from promdrill.supply.engine import lifecycle

__all__ = ["machine", "world"]

CLIENT = """#!/bin/sh
# Says which cluster it was pointed at, as kubectl, kind and helm find it out: an argument before the variable.
for argument in "$@"; do case $argument in --kubeconfig=*) KUBECONFIG=${argument#--kubeconfig=};; esac; done
echo "$KUBECONFIG" >>"$0.asked"
printenv | grep -E '^(HELM_KUBE|KUBERNETES_)' >>"$0.asked"
exit 0
"""


@pytest.fixture
def rogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    """A live API server that the user's KUBECONFIG, and the one in the user's home, lead to."""
    with api_server() as server:
        theirs = tmp_path / "theirs"
        (theirs / ".kube").mkdir(parents=True)
        before = kubeconfig(theirs, server.port).rename(theirs / ".kube" / "config").read_bytes()
        monkeypatch.setenv("HOME", str(theirs))
        monkeypatch.setenv("KUBECONFIG", str(theirs / ".kube" / "config"))
        yield server
        assert (server.asked, server.checks, server.strange) == ([], 0, [])
        assert [path.name for path in (theirs / ".kube").iterdir()] == ["config"], "nothing is written beside it"
        assert (theirs / ".kube" / "config").read_bytes() == before


@pytest.mark.usefixtures("rogue")
def test_no_command_asks_it(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "ask", lambda: lifecycle.Answer(None, "not installed"))
    monkeypatch.setattr(lifecycle, "stop", lambda **_: False)
    assert machine.promdrill("list") == 0
    assert machine.promdrill("doctor") in {0, 1}
    assert machine.promdrill("reproduce", "--scenario=toy") == 0
    assert machine.promdrill("verify") == 1, "it is not repaired"
    assert machine.promdrill("remedy") == 0
    assert machine.promdrill("verify") == 0
    assert machine.promdrill("clean") == 1, "no engine answers"
    assert machine.promdrill("list") == 0


@pytest.mark.usefixtures("rogue")
def test_a_runs_own_clients_are_never_pointed_at_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(paths.STATE_VARIABLE, str(tmp_path / "state"))
    tool = tmp_path / "client"
    tool.write_text(CLIENT)
    tool.chmod(0o755)
    folder = paths.clusters_dir() / "promdrill"
    made = PinnedKindCluster("promdrill", folder=folder, image=None, kind_path=tool, kubectl_path=tool)
    made.create()
    assert made.existing() == []
    made.kubectl("get", "pods")
    made.apply("kind: X")
    helm = Helm(tool, made.kubeconfig_path, tmp_path / "home")
    helm.upgrade("r", tmp_path, "n", [], timeout_s=10)
    helm.uninstall("r", "n")
    asked = tool.with_name("client.asked").read_text().splitlines()
    assert asked == [str(folder / "kubeconfig")] * 6


@pytest.mark.usefixtures("rogue")
def test_a_kubeconfig_of_ours_that_was_switched_to_it_is_not_followed(tmp_path: Path, rogue: ApiServer) -> None:
    with api_server() as own:
        file = kubeconfig(tmp_path, own.port)
        with Kube(file, expected=Expected(f"https://127.0.0.1:{own.port}", own.uid)) as kube:
            path = "/api/v1/namespaces/x"
            own.on("DELETE", path, says(200, {}))
            kube.delete(path)
            helm = Helm(Path("/bin/false"), file, tmp_path / "home", before=kube.require_expected)
            kubeconfig(tmp_path, rogue.port)
            with pytest.raises(NotOurs, match=f"leads to https://127.0.0.1:{rogue.port}, and promdrill recorded"):
                kube.delete(path)
            with pytest.raises(NotOurs, match="leads to"):
                helm.uninstall("r", "n")
