"""A drill of the user's own chart or values takes names and needs from what the chart renders to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit import charts_world
from tests.unit.drill_toy import drill_in
from tests.unit.drill_world import World, world
from tests.unit.test_found import rendered

from promdrill.core.login import Login
from promdrill.drill import Site
from promdrill.drill.site import Drilled
from promdrill.helm.compatibility import stack
from promdrill.helm.compatibility.table import at, keys, nested
from promdrill.helm.values import scrapes
from promdrill.helm.values.render import Renderer
from promdrill.request import as_rendered

__all__ = ["world"]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What was rendered, and what that gave."""
    told: dict[str, Any] = {"objects": rendered(args="--web.route-prefix=/p", mount="/prom", claim="theirs")}

    def objects(renderer: Renderer, release: str, values: Mapping[str, Any]) -> Any:
        told.update(release=release, values=values, kubernetes=renderer.kubernetes)
        return told["objects"]

    monkeypatch.setattr(Renderer, "objects", objects)
    return told


SUBPATH = nested(keys(f"{stack.SPEC}.routePrefix"), "/prom")


def site_of(world: World, *layers: Mapping[str, Any], **drilled: Any) -> Site:
    charts_world.chart(world.folder)
    site = drill_in(world).site
    site.recording.journal.close()
    (site.scenario_dir / "runbook.md").write_text("```sh\nprometheus-server /data\n```\n")
    return replace(site, drilled=replace(site.drilled, values=layers, **drilled))


def test_names_needs_and_jobs_are_those_of_the_objects(world: World, seen: dict[str, Any]) -> None:
    jobs = [{"job_name": "prometheus", "static_configs": [{"targets": ["localhost:9090"]}]}]
    layer = {"server": {"size": "mine"}, "serverFiles": {"prometheus.yml": {"scrape_configs": jobs}}}
    found = as_rendered.of(site_of(world, layer), None, kubernetes="1.36.3")
    assert (seen["release"], seen["kubernetes"]) == ("prometheus-toy", "1.36.3")
    assert seen["values"]["server"] == {
        "size": "mine",
        "global": {"scrape_interval": "1s"},
        "persistentVolume": {"storageClass": "drill-toy"},
    }
    assert (found.server.container, found.server.data, found.server.prefix) == ("mon-server", "/prom", "/p")
    assert sorted(each.name for each in found.drilled.needs.made) == ["ConfigMap c", "PersistentVolumeClaim theirs"]
    (added,) = found.drilled.values[1:]
    assert isinstance(added, Mapping)
    assert added["serverFiles"]["prometheus.yml"]["scrape_configs"][0]["metrics_path"] == "/p/metrics"
    assert any("PersistentVolumeClaim theirs is made" in each for each in found.recording.remarks)
    assert any("mon-server for prometheus-server" in each for each in found.recording.remarks)


def test_the_scenarios_runbook_is_run_with_these_names(world: World, seen: dict[str, Any]) -> None:
    before = site_of(world)
    assert before.runbook_file == before.scenario_dir / "runbook.md"
    found = as_rendered.of(before, None, kubernetes="1.36.3")
    assert found.runbook_file.read_text() == "```sh\nmon-server /prom\n```\n"
    assert found.runbook_file.name == "runbook.md"
    assert before.scenario_dir not in found.runbook_file.parents
    theirs = world.folder / "theirs.md"
    theirs.write_text((before.scenario_dir / "runbook.md").read_text())
    own = replace(found, execution=replace(found.execution, runbook=theirs))
    assert own.runbook_file == theirs, "the user's own is run as it is"
    assert seen["release"]


def test_with_a_login_the_server_scrapes_itself_with_it_and_the_runbook_gives_it(
    world: World, seen: dict[str, Any]
) -> None:
    jobs = [
        {"job_name": "prometheus", "static_configs": [{"targets": ["localhost:9090"]}]},
        {"job_name": "shop", "static_configs": [{"targets": ["shop:80"]}]},
    ]
    layer = {"serverFiles": {"prometheus.yml": {"scrape_configs": jobs}}}
    site = site_of(world, layer, login=Login("drill", "a b"))
    (site.scenario_dir / "runbook.md").write_text("```sh\nwget http://localhost:9090/metrics # /data\n```\n")
    found = as_rendered.of(site, None, kubernetes="1.36.3")
    added = found.drilled.values[-1]
    assert isinstance(added, Mapping)
    own, shop = added["serverFiles"]["prometheus.yml"]["scrape_configs"]
    assert own["basic_auth"] == {"username": "drill", "password": "a b"}
    assert (own["metrics_path"], shop) == ("/p/metrics", jobs[1])
    given = "http://$PROMETHEUS_LOGIN@localhost:9090/p"
    assert found.runbook_file.read_text() == f"```sh\nwget {given}/metrics # /prom\n```\n"
    assert any(f"{given} for http://localhost:9090" in each for each in found.recording.remarks)
    assert found.environment == {**found.installation.environment, "PROMETHEUS_LOGIN": "drill:a%20b"}
    assert seen["release"]


def test_the_job_that_is_added_to_the_users_has_the_login_too(seen: dict[str, Any], world: World) -> None:
    job = {"job_name": "prometheus", "static_configs": [{"targets": ["localhost:9090"]}]}
    layer = {"extraScrapeConfigs": "- job_name: mine\n" + scrapes.dumped([job])}
    site = site_of(world, layer, keeps_scrapes=True, added_jobs=(job,), login=Login("drill", "a b"))
    added = as_rendered.of(site, None, kubernetes="1.36.3").drilled.values[-1]
    assert isinstance(added, Mapping)
    mine, own = yaml.safe_load(added["extraScrapeConfigs"])
    assert (mine, own["basic_auth"]) == ({"job_name": "mine"}, {"username": "drill", "password": "a b"})
    assert seen["release"]


def test_a_server_that_speaks_tls_scrapes_itself_by_it_and_its_runbook_has_no_login(
    world: World, seen: dict[str, Any]
) -> None:
    """No certificate of the user's is for localhost; where there is no user, no step has a login."""
    jobs = [{"job_name": "prometheus", "static_configs": [{"targets": ["localhost:9090"]}]}]
    layer = {"serverFiles": {"prometheus.yml": {"scrape_configs": jobs}}}
    site = site_of(world, layer, login=Login(authority="PEM"))
    (site.scenario_dir / "runbook.md").write_text("```sh\necho http://localhost:9090\n```\n")
    found = as_rendered.of(site, None, kubernetes="1.36.3")
    added = found.drilled.values[-1]
    assert isinstance(added, Mapping)
    (own,) = added["serverFiles"]["prometheus.yml"]["scrape_configs"]
    assert (own["scheme"], own["tls_config"]) == ("https", {"insecure_skip_verify": True})
    assert "basic_auth" not in own
    assert found.environment == found.installation.environment
    assert found.runbook_file.read_text() == "```sh\necho http://localhost:9090/p\n```\n"
    assert seen["release"]


def test_no_login_is_shown_where_a_site_is(world: World) -> None:
    drilled: Drilled = site_of(world, login=Login("drill", "hunter2")).drilled
    assert "hunter2" not in repr(drilled)


def test_what_brings_its_own_manifests_is_not_rendered(world: World, seen: dict[str, Any]) -> None:
    site = site_of(world, install="manual")
    assert as_rendered.of(site, None, kubernetes="1.36.3").drilled == site.drilled
    assert "release" not in seen


def test_on_the_stack_the_names_are_those_of_the_object_that_the_operator_reads(
    world: World, seen: dict[str, Any]
) -> None:
    site = site_of(world, {"fullnameOverride": "mon"})
    chart = replace(site.drilled.chart, name="kube-prometheus-stack")
    seen["objects"] = [
        *seen["objects"],
        {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "Prometheus",
            "metadata": {"name": "mon-prometheus"},
            "spec": {"routePrefix": "/prom", "containers": [{"name": "sidecar"}]},
        },
    ]
    found = as_rendered.of(replace(site, drilled=replace(site.drilled, chart=chart)), None, kubernetes="1.36.3")
    assert seen["values"]["fullnameOverride"] == "mon", "what is rendered is what the drill installs"
    assert seen["values"]["prometheus"]["prometheusSpec"]["storageSpec"], "with its class"
    assert found.server.claim == "prometheus-mon-prometheus-db-prometheus-mon-prometheus-0"
    assert (found.server.prefix, found.server.containers, found.server.container) == ("/prom", 3, "prometheus")
    assert found.drilled.needs.made
    assert Path(found.drilled.chart.path) == world.folder
    assert "with your names: 3/3 for 2/2, http://localhost:9090/prom for" in found.recording.remarks[-1]
    (found.scenario_dir / "runbook.stack.md").write_text("```sh\nprometheus 2/2 http://localhost:9090\n```\n")
    assert found.runbook_file.read_text() == "```sh\nprometheus 3/3 http://localhost:9090/prom\n```\n"
    layer = nested(keys(stack.JOBS), [{"job_name": "mine"}])
    jobs = "[{job_name: prometheus, static_configs: [{targets: ['localhost:9090']}]}]"
    values = f"server: {{}}\nserverFiles: {{prometheus.yml: {{scrape_configs: {jobs}}}}}\n"
    (site.scenario_dir / "values.yaml").write_text(values)
    by_tls = replace(site.drilled, chart=chart, values=(SUBPATH, layer), login=Login(authority="PEM"))
    over = as_rendered.of(replace(site, drilled=by_tls), None, kubernetes="1.36.3").drilled.values[-1]
    assert isinstance(over, Mapping)
    mine, own = at(over, keys(stack.JOBS))
    assert (mine, own["scheme"], own["metrics_path"]) == ({"job_name": "mine"}, "https", "/prom/metrics")
    usual = replace(site, drilled=replace(site.drilled, chart=chart, values=()))
    as_rendered.of(usual, None, kubernetes="1.36.3")
    assert seen["values"]["fullnameOverride"] == "prometheus-toy", "a name of the drill's own where the user has none"
