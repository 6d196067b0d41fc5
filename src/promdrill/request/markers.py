"""The markers of a scenario's test, as ``pytest --markers`` lists them."""

from __future__ import annotations

OF_SCENARIOS = (
    'charts(range, stack=range): versions of prometheus (">=15,<30") and kube-prometheus-stack; any by default',
    "images(name, ...): images that a runbook or a fault runs besides those in the manifests of its folder",
    "install(kind): how Prometheus is installed: helm (default), manual, operator",
    "beside(folder, ...): folders of manifests/ that stand beside Prometheus where their images can be had: grafana",
    'touches(what, ...): what the fault and its remedy change, a word or two each: "volume", "claim"',
)
"""What `promdrill.request.scenarios` reads from the text of a test."""

OF_JOBS = (
    'alone(why): the drill changes what drills share, named by "why"; with --jobs nothing runs beside it',
    'exclusive(what): the drill uses "what", of which the cluster has one; with --jobs no two that name it run at once',
    'long(why): the drill takes more than a minute, waiting for "why"; with --jobs it is among the first',
)
"""What `promdrill.parallel.wanted` asks of a test that was collected."""

MARKERS = (*OF_JOBS, *OF_SCENARIOS)
