"""The names of a drill in a cluster where others go on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from promdrill.core import paths
from promdrill.core.errors import UsageError
from promdrill.core.model import INSTALLS, LeftOut, Variant
from promdrill.drill.site import LONGEST_RELEASE, Cluster, Drilled, Execution, Recording, Site
from promdrill.install import Manual, Release

LAST_LINE = LeftOut("runbook.md", 9999, "true", optional=False)
PLAIN, ABLATION = Variant(), Variant("without:runbook.md:9999", LAST_LINE)


def site(scenario: str = "disk-full", variant: Variant = PLAIN, **fields: Any) -> Site:
    none: Any = None
    chart: Any = type("Chart", (), {"path": Path("chart"), "name": "prometheus", "app_version": "3.14.0"})
    drilled = {"scenario_dir": Path("scenarios") / scenario, **fields}
    return Site(
        cluster=Cluster(kube=none, helm=none, kubeconfig=Path("kubeconfig"), private=Path("private"), tools=none),
        drilled=Drilled(scenario=scenario, chart=chart, **drilled),
        execution=Execution(profile="fast", variant=variant),
        recording=Recording(folder=Path("reports"), journal=none),
    )


@pytest.mark.parametrize(
    ("variant", "name"),
    [
        (PLAIN, "disk-full"),
        (Variant("no-fault"), "disk-full-no-fault"),
        (Variant("no-remedy"), "disk-full-no-remedy"),
        (ABLATION, "disk-full-without-9999"),
    ],
)
def test_every_drill_has_names_of_its_own(variant: Variant, name: str) -> None:
    place = site(variant=variant)
    assert place.name == name
    assert place.namespace == place.installation.namespace == place.server.namespace == f"drill-{name}"
    assert place.release_name == place.installation.name == place.server.release == f"prometheus-{name}"
    assert place.server.fullname == f"prometheus-{name}-server", (
        "the release has the chart's name, so it is not repeated"
    )


def test_a_name_that_helm_does_not_take_is_refused_with_the_folder_to_rename() -> None:
    fits = LONGEST_RELEASE - len("prometheus-")
    assert len(site("x" * fits).release_name) == LONGEST_RELEASE
    with pytest.raises(UsageError, match="would have 54 characters, Helm takes 53") as caught:
        assert site("x" * (fits + 1)).server
    assert caught.value.hint.endswith("x" * (fits + 1))


def test_helm_is_the_default() -> None:
    place = site()
    assert place.drilled.install == INSTALLS[0] == "helm"
    installed = place.installation
    assert isinstance(installed, Release)
    assert (installed.chart, installed.files) == (Path("chart"), (place.values_file,))


def test_a_manual_install_has_its_manifests_beside_the_journal() -> None:
    installed = site(install="manual", variant=Variant("no-fault")).installation
    assert isinstance(installed, Manual)
    assert (installed.namespace, installed.folder) == ("drill-disk-full-no-fault", Path("reports/manifests"))
    assert site(install="manual").server == site(install="manual").installation.server


def test_the_namespace_of_a_manual_install_is_all_that_has_to_be_its_own() -> None:
    assert site("x" * LONGEST_RELEASE, install="manual").server.fullname == "prometheus"


@pytest.mark.parametrize(
    ("chart", "install", "written", "found"),
    [
        ("kube-prometheus-stack", "helm", True, "runbook.stack.md"),
        ("kube-prometheus-stack", "helm", False, "runbook.md"),
        ("kube-prometheus-stack", "manual", True, "runbook.md"),
        ("prometheus", "helm", True, "runbook.md"),
    ],
)
def test_the_stacks_own_runbook_is_run_on_the_stack(
    tmp_path: Path, chart: str, install: str, written: bool, found: str
) -> None:
    if written:
        (tmp_path / "runbook.stack.md").touch()
    drilled = site(install=install, scenario_dir=tmp_path).drilled
    named: Any = type("Chart", (), {"path": Path("chart"), "name": chart, "app_version": "3.14.0"})
    assert replace(drilled, chart=named).runbook == tmp_path / found


def test_a_way_to_install_that_there_is_not_is_refused() -> None:
    with pytest.raises(
        UsageError, match=r"scenarios/disk-full: install\('by-hand'\): not one of helm, manual, operator"
    ):
        assert site(install="by-hand").installation


@pytest.mark.parametrize("scenario", sorted(path.parent.name for path in paths.scenarios_dir().glob("*/runbook.md")))
def test_shipped_scenarios_have_names_that_fit_in_every_variant(scenario: str) -> None:
    for variant in (PLAIN, Variant("no-remedy"), ABLATION):
        assert site(scenario, variant).release_name


@pytest.mark.parametrize(
    ("text", "layers", "claim"),
    [
        ("server: {}\n", (), "prometheus-x-server"),
        ("server: {statefulSet: {enabled: true}}\n", (), "storage-volume-prometheus-x-server-0"),
        ("server: {statefulSet: {enabled: true}}\n", ({"server": {"statefulSet": {"enabled": False}}},), None),
        ("", ({"server": {"statefulSet": {"enabled": True}}},), "storage-volume-prometheus-x-server-0"),
        (
            "server: {statefulSet: {enabled: true}, persistentVolume: {statefulSetNameOverride: data}}\n",
            (),
            "data-prometheus-x-server-0",
        ),
    ],
)
def test_the_claim_of_a_stateful_set_is_found(
    tmp_path: Path, text: str, layers: tuple[dict[str, Any], ...], claim: str | None
) -> None:
    (tmp_path / "values.yaml").write_text(text)
    place = site("x", values=layers, scenario_dir=tmp_path)
    assert place.server.claim == (claim or "prometheus-x-server")
    assert place.server.service == "prometheus-x-server"


def test_a_layer_that_is_a_file_counts_too_and_one_that_is_not_there_does_not(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("server: {statefulSet: {enabled: true}}\n")
    place = site("x", values=(tmp_path / "own.yaml",), scenario_dir=tmp_path)
    assert place.server.claim == "storage-volume-prometheus-x-server-0"


def test_another_install_has_the_claim_that_it_names(tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text("server: {statefulSet: {enabled: true}}\n")
    place = site("x", install="manual", scenario_dir=tmp_path)
    assert place.server == place.installation.server
