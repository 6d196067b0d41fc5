"""From a session's wishes to the site of a drill; nothing is started."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from promdrill import drilling
from promdrill.drill import Site
from promdrill.model import LeftOut, Variant
from promdrill.report.run import Run
from promdrill.settings import Settings

CHART = "apiVersion: v2\nname: prometheus\nversion: 25.8.0\nappVersion: v2.48.0\n"


def site_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variant: Variant, **wishes: Any) -> Site:
    chart = tmp_path / "chart"
    chart.mkdir()
    (chart / "Chart.yaml").write_text(CHART)
    (tmp_path / "report").mkdir()
    monkeypatch.setattr(drilling, "Kube", lambda path: SimpleNamespace(path=path, close=lambda: None))
    tools = SimpleNamespace(helm=Path("/opt/helm"), kubectl=Path("/opt/kubectl"))
    supplied = SimpleNamespace(
        name="source", why="", kubernetes="1.36.3", tools=tools, chart=chart, image_values={"server": {}}
    )
    made = SimpleNamespace(kubeconfig_path=tmp_path / "kubeconfig")
    run = Run(tmp_path / "report", supply="auto", kubernetes="1.36.3", say=lambda _: None)
    with drilling.drill(
        tmp_path / "disk-full",
        cast(Any, supplied),
        cast(Any, made),
        variant=variant,
        run=run,
        wishes=Settings(**wishes),
        keep=False,
    ) as drill:
        return drill.site


def test_the_drill_itself_leaves_nothing_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = site_of(tmp_path, monkeypatch, Variant())
    assert (site.scenario, site.control, site.skip_steps, site.left_out) == ("disk-full", None, frozenset(), None)
    assert site.evidence == "failure"
    assert site.folder == tmp_path / "report/disk-full"
    assert site.journal.path == tmp_path / "report/disk-full/journal.jsonl"


def test_a_variant_reaches_the_engine_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left_out = LeftOut("runbook.md", 166, "sed", optional=False)
    variant = Variant("without:runbook.md:166", left_out, frozenset({4}))
    site = site_of(tmp_path, monkeypatch, variant, evidence="always", profile="as-shipped")
    assert (site.control, site.skip_steps, site.left_out) == (variant.control, frozenset({4}), left_out)
    assert (site.evidence, site.profile) == ("always", "as-shipped")
    assert site.folder == tmp_path / "report/disk-full.without-runbook.md-166"
