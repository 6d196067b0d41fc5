"""From a request to the site of a drill; nothing is started."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.unit.cluster_world import IDENTITY, Engine, engine

from promdrill.cluster import owners
from promdrill.core import paths, redact
from promdrill.core.errors import UsageError
from promdrill.core.login import Login
from promdrill.core.model import LeftOut, Variant
from promdrill.drill import Site
from promdrill.install import Manual, Operator
from promdrill.kube.expected import Expected
from promdrill.request import fulfil
from promdrill.request.request import Request
from promdrill.request.settings import Settings
from promdrill.results.run import Run
from promdrill.supply.supplied import Tools

__all__ = ["engine"]

CHART = "apiVersion: v2\nname: prometheus\nversion: 25.8.0\nappVersion: v2.48.0\n"


def site_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variant: Variant, *, install: str = "helm", **settings: Any
) -> Site:
    chart = tmp_path / "chart"
    chart.mkdir()
    (chart / "Chart.yaml").write_text(CHART)
    (tmp_path / "report").mkdir()
    before = object()

    def kube(path: Path, *, expected: Expected, on_node: Any, login: Login | None) -> Any:
        assert expected == IDENTITY.expected
        assert on_node.args == (IDENTITY.nodes,), "what an image has no program for runs on a node of promdrill's"
        return SimpleNamespace(path=path, close=lambda: None, require_expected=before, login=login)

    monkeypatch.setattr(fulfil, "Kube", kube)
    scenario = tmp_path / "disk-full"
    scenario.mkdir(exist_ok=True)
    (scenario / "values.yaml").write_text("server: {retention: 1d}\n")
    tools = Tools(Path("/opt/kind"), Path("/opt/kubectl"), Path("/opt/helm"))
    supplied = SimpleNamespace(
        name="source",
        why="",
        kubernetes="1.36.3",
        tools=tools,
        chart=chart,
        crds=tmp_path / "bundle.yaml",
        image_values={"server": {}},
        images=("docker.io/library/busybox:1.37.0",),
        app_version="2.55.1",
        remarks=("told",),
    )
    made = SimpleNamespace(name="mine", path=tmp_path, kubeconfig_path=tmp_path / "kubeconfig", recorded=IDENTITY)
    run = Run(tmp_path / "report", supply="auto", kubernetes="1.36.3", say=lambda _: None)
    with fulfil.drill(
        tmp_path / "disk-full",
        cast(Any, supplied),
        cast(Any, made),
        variant=variant,
        install=install,
        run=run,
        request=Request(Settings(**settings)),
    ) as drill:
        assert drill.site.cluster.helm._before is before, (
            "Helm changes nothing before it is known whose cluster answers"
        )
        return drill.site


def test_the_drill_itself_leaves_nothing_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = site_of(tmp_path, monkeypatch, Variant())
    assert (site.drilled.scenario, site.execution.variant) == ("disk-full", Variant())
    assert (site.execution.evidence, site.drilled.install, site.execution.runbook) == ("failure", "helm", None)
    assert site.folder == tmp_path / "report/disk-full"
    assert site.recording.journal.path == tmp_path / "report/disk-full/journal.jsonl"


@pytest.mark.parametrize("install", ["helm", "manual"])
def test_the_login_reaches_whoever_asks_and_the_charts_own_prometheus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, install: str
) -> None:
    monkeypatch.setattr(redact, "_KNOWN", {})
    (tmp_path / "login").write_text("drill:a b")
    site = site_of(tmp_path, monkeypatch, Variant(), install=install, login=tmp_path / "login")
    known: Any = site.kube
    assert known.login == Login("drill", "a b")
    assert site.drilled.login == (Login("drill", "a b") if install == "helm" else None), "no other asks for one"
    assert ("PROMETHEUS_LOGIN" in site.environment) == (install == "helm")


def test_a_login_whose_file_is_gone_by_then_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*/login: No such file"):
        site_of(tmp_path, monkeypatch, Variant(), login=tmp_path / "login")


def test_the_way_to_install_reaches_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = site_of(tmp_path, monkeypatch, Variant(), install="manual")
    assert site.installation == Manual(
        site.kube,
        "drill-disk-full",
        tmp_path / "report/disk-full/manifests",
        nodes=IDENTITY.nodes,
        app_version="2.55.1",
    )


def test_the_operators_install_is_given_kubectl_and_definitions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = site_of(tmp_path, monkeypatch, Variant(), install="operator")
    kubectl, kubeconfig, crds = Path("/opt/kubectl"), tmp_path / "kubeconfig", tmp_path / "bundle.yaml"
    folder = tmp_path / "report/disk-full/manifests"
    assert site.installation == Operator(
        site.kube, "drill-disk-full", folder, kubectl, kubeconfig, crds, app_version="2.55.1"
    )


def test_the_remedy_as_written_takes_the_place_of_every_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = tmp_path / "disk-full/runbook.as-written.md"
    written.parent.mkdir()
    written.touch()
    assert site_of(tmp_path, monkeypatch, Variant("as-written"), runbook=tmp_path / "mine.md").runbook_file == written


def test_a_scenario_without_a_remedy_as_written_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"disk-full has no runbook\.as-written\.md"):
        site_of(tmp_path, monkeypatch, Variant("as-written"))


def test_a_variant_reaches_the_engine_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left_out = LeftOut("runbook.md", 166, "sed", optional=False)
    variant = Variant("without:runbook.md:166", left_out, frozenset({4}))
    site = site_of(tmp_path, monkeypatch, variant, evidence="always", profile="as-shipped")
    assert site.execution.variant == variant
    assert (site.execution.evidence, site.execution.profile) == ("always", "as-shipped")
    assert site.folder == tmp_path / "report/disk-full.without-runbook.md-166"


def test_whatever_is_recorded_or_in_the_engine_keeps_its_name(engine: Engine) -> None:
    engine.record("promdrill", kept=True)
    engine.record("promdrill-2", kept=False)
    unreadable = paths.clusters_dir() / "promdrill-3"
    unreadable.mkdir()
    (unreadable / owners.FILE_NAME).write_text("{")
    engine.add("promdrill-4")
    engine.add("somebody-elses")
    assert fulfil._taken() == {"promdrill", "promdrill-2", "promdrill-3", "promdrill-4", "somebody-elses"}


def test_a_kept_cluster_that_is_gone_gives_its_name_back(engine: Engine) -> None:
    del engine.containers[engine.record("promdrill")]
    engine.record("promdrill-2")
    assert fulfil._taken() == {"promdrill-2"}
    assert [folder.name for folder in owners.recorded()] == ["promdrill-2"]
