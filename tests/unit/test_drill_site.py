"""The names of a drill in a cluster where others go on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from promdrill.core import paths
from promdrill.core.errors import UsageError
from promdrill.core.login import Login
from promdrill.core.model import INSTALLS, LeftOut, Variant
from promdrill.drill import Drill
from promdrill.drill.site import LONGEST_RELEASE, Cluster, Drilled, Execution, Recording, Site
from promdrill.install import Manual, Release
from promdrill.observe.server import Server

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


def private(folder: Path, scenario: Path, **fields: Any) -> Site:
    """A site whose private files are below a folder."""
    place = site("x", scenario_dir=scenario, **fields)
    return replace(place, cluster=replace(place.cluster, private=folder / "private"), recording=kept(place, folder))


def kept(place: Site, folder: Path) -> Recording:
    return replace(place.recording, folder=folder)


def mode(folder: Path) -> int:
    return folder.stat().st_mode & 0o777


RUN = "# \u00fcber prometheus-server\n\n```sh\nwget http://localhost:9090/\n```\n"
LOGIN = Login("drill", "secret")


def test_the_values_of_the_scenario_are_installed_without_what_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text("server:\n  size: small  # \u00fc\n  image: {tag: x}\nalertmanager: {}\n")
    assert private(tmp_path, tmp_path).scenario_values == tmp_path / "values.yaml"
    place = private(tmp_path, tmp_path, dropped={("server", "image"), ("alertmanager",)})
    for _ in range(2):
        copy = place.scenario_values
        assert copy == place.values_file.with_name("scenario.yaml")
        assert "size: small  # \u00fc" in copy.read_text()
        assert "image" not in copy.read_text()
        assert "alertmanager" not in copy.read_text()
    assert mode(copy.parent) == 0o700


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, "wget http://localhost:9090/"),
        ({"login": Login(authority="PEM")}, "wget http://localhost:9090/"),
        ({"login": LOGIN}, "wget http://$PROMETHEUS_LOGIN@localhost:9090/"),
        ({"server": "usual"}, "wget http://localhost:9090/"),
        ({"server": "other"}, "wget http://localhost:99/"),
        ({"server": "other", "login": LOGIN}, "wget http://$PROMETHEUS_LOGIN@localhost:99/"),
    ],
    ids=["as it is", "no user", "a login", "the usual names", "other names", "both"],
)
def test_the_runbook_that_is_run_has_the_names_and_the_login_of_the_prometheus(
    tmp_path: Path, fields: dict[str, Any], line: str
) -> None:
    (tmp_path / "runbook.md").write_text(RUN)
    (tmp_path / "values.yaml").write_text("")
    usual = private(tmp_path, tmp_path).installation.server
    servers = {"usual": usual, "other": replace(usual, pod_port=99), None: None}
    place = private(tmp_path, tmp_path, **{**fields, "server": servers[fields.get("server")]})
    for _ in range(2):
        found = place.runbook_file
        assert found.read_text() == RUN.replace("wget http://localhost:9090/", line)
    assert (found == tmp_path / "runbook.md") == (line in RUN)
    if line not in RUN:
        assert mode(found.parent) == 0o700


def test_a_users_own_runbook_is_run_as_it_is(tmp_path: Path) -> None:
    own = tmp_path / "mine" / "runbook.md"
    own.parent.mkdir()
    own.write_text(RUN)
    place = private(tmp_path, tmp_path, login=LOGIN, server=Server("n", "r", "f", pod_port=99))
    assert replace(place, execution=replace(place.execution, runbook=own)).runbook_file == own


def test_values_are_kept_whatever_bytes_they_have_and_where_there_are_none_nothing_is(tmp_path: Path) -> None:
    place = private(tmp_path, tmp_path)
    place.keep_values()
    assert not (tmp_path / "values.yaml").exists()
    place.values_file.parent.mkdir(parents=True)
    place.values_file.write_bytes(b"a: \xff\npassword: very-secret\n")
    place.keep_values()
    assert (tmp_path / "values.yaml").read_text() == "a: \ufffd\npassword: REDACTED\n"


def test_an_image_must_be_in_the_cluster(tmp_path: Path) -> None:
    place = private(tmp_path, tmp_path)
    place = replace(place, cluster=replace(place.cluster, images=("docker.io/library/busybox:1.37.0",)))
    drill = Drill(place)
    assert drill.image("busybox:1.37.0") == "busybox:1.37.0"
    with pytest.raises(UsageError, match=r"no step loads the image busybox:1\.36\.0 into the cluster"):
        drill.image("busybox:1.36.0")
    pods = [{"kind": "Pod", "spec": {"containers": [{"image": f"busybox:1.3{n}.0"}]}} for n in (7, 6)]
    place.require_images(pods[:1])
    with pytest.raises(UsageError, match=r"busybox:1\.36\.0"):
        place.require_images(pods)


def test_the_release_of_a_chart_can_be_uninstalled() -> None:
    kube: Any = object()
    place = site()
    installed = replace(place, cluster=replace(place.cluster, kube=kube)).installation
    assert isinstance(installed, Release)
    assert installed.kube is kube
