"""dashboard-no-data: a dashboard from elsewhere replaces ours; Prometheus is healthy, every panel is empty."""

import json

import pytest

from promdrill.drill import Drill, Persistence, Stage
from promdrill.faults import Patched
from promdrill.observe import dashboard, object_shows

DASHBOARD, FILE = "pods-dashboard", "pods.json"
DATA_SOURCE_INTERVAL_S = 1.0  # the shortest scrape interval of values.yaml


@pytest.mark.charts(">=16", stack=">=57")
@pytest.mark.beside("grafana")
@pytest.mark.touches("a dashboard")
@pytest.mark.cluster_wide("ClusterRoles, to scrape the nodes and for kube-state-metrics")
@pytest.mark.own_scrapes("the dashboard asks for their metrics")
@pytest.mark.looks_like("target-typo")
def test_dashboard_no_data(drill: Drill) -> None:
    """The imported dashboard's queries find nothing; the runbook corrects them one cause after the other."""
    server, kube = drill.server, drill.site.kube
    source = dashboard.Source.of(server, grafana=drill.site.has_image(dashboard.GRAFANA_IMAGE))
    path = f"/api/v1/namespaces/{server.namespace}/configmaps/{DASHBOARD}"
    ours = dashboard.shipped(FILE)
    imported = (drill.site.scenario_dir / "imported.json").read_text(encoding="utf-8")

    def queries(text: str) -> tuple[dashboard.Panel, ...]:
        return dashboard.panels(json.loads(text), scrape_interval_s=DATA_SOURCE_INTERVAL_S)

    plain = source.each_answers(queries(ours), "ours")
    is_imported = object_shows(
        path, lambda found: dashboard.provisioned(found) == json.loads(imported), "the imported one"
    )
    drill.run(
        fault=Patched(
            "replace the dashboard with an imported one",
            path,
            {"data": {FILE: imported}},
            proof=(is_imported,),
        ),
        signature=(
            Stage(
                "Prometheus is healthy, and no panel has data",
                (
                    server.ready(),
                    server.fresh(within_s=3 * DATA_SOURCE_INTERVAL_S),
                    server.targets_up(),
                    plain,
                    is_imported,
                    source.none_answers(queries(imported), DASHBOARD),
                ),
            ),
        ),
        persistence=Persistence(hold_s=3.0),
        recovery=lambda _: (
            source.dashboard_answers(
                kube.get(path),
                scrape_interval_s=DATA_SOURCE_INTERVAL_S,
                at_least=len(queries(imported)) - 1,  # one panel's metric does not exist
            ),
        ),
        jobs=("prometheus", "kube-state-metrics", "node-exporter", "kubernetes-nodes-cadvisor"),
        variables={"DASHBOARD": DASHBOARD, "RATE_INTERVAL": "4s"},
        beside=[dashboard.config_map(DASHBOARD, FILE, ours), *source.objects(server)],
        beside_ready=(plain, *source.ready),
        remarks=(source.remark,),
    )
