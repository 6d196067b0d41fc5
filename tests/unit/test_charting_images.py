"""Images that are rendered, the best that can be had for each, and the values that name them."""

from collections.abc import Mapping
from typing import Any

import pytest

from promdrill.artefacts import reference
from promdrill.core.merging import merged
from promdrill.helm.values import image_keys, images
from promdrill.helm.values.images import Image, choose, collect

RELOADER = images.RELOADER
AVAILABLE = (
    f"{reference.PROMETHEUS}:v2.48.0",
    f"{reference.PROMETHEUS}:v3.14.0",
    *(f"{RELOADER}:v{version}" for version in ("0.72.0", "0.69.1", "0.93.1")),
    "registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.20.0",
    "quay.io/prometheus/node-exporter:v1.9.1",
    "docker.io/library/busybox:1.37.0",
)


def image(text: str) -> Image:
    found = Image.of(text)
    assert found is not None
    return found


def test_images_are_found_wherever_pods_are() -> None:
    pod = {"spec": {"initContainers": [{"image": "init:1"}], "containers": [{"image": "main:1"}, {"name": "none"}]}}
    objects: list[Mapping[str, Any]] = [
        {"kind": "Deployment", "spec": {"template": pod}},
        {
            "kind": "CronJob",
            "spec": {"jobTemplate": {"spec": {"template": {"spec": {"containers": [{"image": "job:1"}]}}}}},
        },
        {"kind": "List", "items": [{"kind": "Pod", "spec": {"containers": [{"image": "listed:1"}]}}]},
        {"kind": "ConfigMap", "data": {"containers": [{"image": "no:1"}]}},
        {"kind": "CustomResourceDefinition", "spec": {"containers": [{"image": "no:2"}]}},
        {"kind": "Service", "spec": {"image": "no:3"}},
    ]
    assert [each.text for each in collect(objects)] == ["init:1", "main:1", "job:1", "listed:1"]


def test_images_of_the_operator() -> None:
    api = "monitoring.coreos.com/v1"
    args = ["--x=y", "--prometheus-config-reloader=quay.io/a/reloader:v1"]
    objects: list[Mapping[str, Any]] = [
        {"kind": "Deployment", "spec": {"template": {"spec": {"containers": [{"image": "op:1", "args": args}]}}}},
        {"apiVersion": api, "kind": "Prometheus", "spec": {"image": "quay.io/prometheus/prometheus:v2.51.1"}},
        {"apiVersion": api, "kind": "Alertmanager", "spec": {"version": "v0.27.0"}},
        {"apiVersion": api, "kind": "ServiceMonitor", "spec": {}},
    ]
    assert [each.text for each in collect(objects)] == [
        "op:1",
        "quay.io/a/reloader:v1",
        "quay.io/prometheus/prometheus:v2.51.1",
        "quay.io/prometheus/alertmanager:v0.27.0",
    ]


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ("quay.io/prometheus/prometheus:v2.48.0", "quay.io/prometheus/prometheus:v2.48.0"),
        ("prom/prometheus:2.48.0", "quay.io/prometheus/prometheus:v2.48.0"),
        ("docker.io/prom/prometheus:v2.48.0", "quay.io/prometheus/prometheus:v2.48.0"),
        ("mirror.example/prometheus/prometheus:v2.48.0", "quay.io/prometheus/prometheus:v2.48.0"),
        ("mirror.example/x/quay.io/prometheus/prometheus:v2.48.0", "quay.io/prometheus/prometheus:v2.48.0"),
        ("mirror.example/prom/prometheus:v2.48.0", "quay.io/prometheus/prometheus:v2.48.0"),
        ("mirror.example/quay/prometheus/prometheus:v2.48.0", "quay.io/prometheus/prometheus:v2.48.0"),
        ("mirror.example/mine/prometheus:v2.48.0", None),
        ("mirror.example/my-prom/prometheus:v2.48.0", None),
        ("quay.io/prometheus/prometheus:v3.14.0-distroless", "quay.io/prometheus/prometheus:v3.14.0"),
        ("quay.io/prometheus/prometheus:v2.48.1", None),
        ("quay.io/prometheus/prometheus:latest", "quay.io/prometheus/prometheus:v3.14.0"),
        ("quay.io/prometheus/prometheus", "quay.io/prometheus/prometheus:v3.14.0"),
        ("quay.io/prometheus/prometheus:main", None),
        ("quay.io/prometheus/alertmanager:v0.26.0", None),
        ("jimmidyson/configmap-reload:v0.8.0", None),
        ("docker.io/other/prometheus-operator:v0.69.1", None),
        (f"{RELOADER}:v0.67.0", f"{RELOADER}:v0.69.1"),  # the next newer
        (f"{RELOADER}:v0.72.3", f"{RELOADER}:v0.72.0"),  # the same minor
        (f"{RELOADER}:v0.80.0", f"{RELOADER}:v0.93.1"),
        (f"{RELOADER}:v1.0.0", f"{RELOADER}:v0.93.1"),  # the newest of all
        ("quay.io/coreos/kube-state-metrics:v1.6.0", "registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.20.0"),
        ("prom/node-exporter:v1.12.1", "quay.io/prometheus/node-exporter:v1.9.1"),
        ("busybox", "docker.io/library/busybox:1.37.0"),
    ],
)
def test_the_best_that_can_be_had(wanted: str, chosen: str | None) -> None:
    found = choose(image(wanted), AVAILABLE)
    assert (found.chosen.text if found.chosen else None) == chosen
    assert choose(image(wanted), None).chosen == image(wanted)


STAND_IN = "docker.io/promdrill/configmap-reload:0.1.0"


def test_a_stand_in_takes_the_place_of_what_cannot_be_had() -> None:
    wanted, there = image("jimmidyson/configmap-reload:v0.8.0"), (*AVAILABLE, STAND_IN)
    found = choose(wanted, there)
    assert found.chosen == image(STAND_IN)
    assert found.remark == (
        "jimmidyson/configmap-reload:v0.8.0 cannot be built; docker.io/promdrill/configmap-reload:0.1.0, "
        "promdrill's program with its options, runs instead."
    )
    assert choose(wanted, there, "exact").chosen is None
    assert choose(wanted, (*there, "docker.io/jimmidyson/configmap-reload:v0.9.0"), "exact").chosen is None
    other = choose(wanted, (*there, "docker.io/jimmidyson/configmap-reload:v0.9.0")).chosen
    assert other == image("docker.io/jimmidyson/configmap-reload:v0.9.0")


@pytest.mark.parametrize(
    "wanted",
    [
        "registry.k8s.io/ingress-nginx/kube-webhook-certgen:v20221220-controller-v1.5.1-58-g787ea74b6",
        "ghcr.io/jkroepke/kube-webhook-certgen:1.8.7",
        "mirror.example/ingress-nginx/kube-webhook-certgen:v1",  # a registry for all images
        "mirror.example/ghcr.io/jkroepke/kube-webhook-certgen:1.8.7@sha256:" + "0" * 64,
    ],
)
def test_a_stand_in_for_several_projects_and_their_mirrors(wanted: str) -> None:
    there = "docker.io/promdrill/kube-webhook-certgen:0.1.0"
    found = choose(image(wanted), (*AVAILABLE, STAND_IN, there))
    assert found.chosen == image(there)
    assert found.remark == f"{wanted} cannot be built; {there}, promdrill's program with its options, runs instead."
    assert choose(image(wanted), (*AVAILABLE, there), "exact").chosen is None
    assert choose(image("quay.io/other/kube-webhook-certgen:v1"), (*AVAILABLE, there)).chosen is None


class Proxy:
    """A stock whose proxy serves some versions of Prometheus and of the reloader, of which some cannot be built."""

    def __init__(self, *served: str, broken: tuple[str, ...] = ()) -> None:
        self.served, self.broken, self.asked = served, broken, 0
        self.fetched: list[str] = []
        self.stock = images.Stock(AVAILABLE, self.made, self.obstacle)

    def made(self, wanted: Image) -> tuple[tuple[str, ...], str]:
        self.asked += 1
        there = tuple(each for each in self.served if images.is_of(wanted, image(each).repository))
        return there, "" if any(image(each).version == wanted.version for each in there) else "it is not served"

    def obstacle(self, reference: str) -> str:
        self.fetched.append(reference)
        return "a module is missing" if reference in self.broken else ""


PROMETHEUS = reference.PROMETHEUS


@pytest.mark.parametrize("named", ["v2.51.0", "2.51.0", "v2.51.0-distroless", f"v2.51.0@sha256:{'a' * 64}"])
def test_a_version_that_is_served_is_taken(named: str) -> None:
    proxy = Proxy(f"{PROMETHEUS}:v2.51.0", f"{PROMETHEUS}:v2.51.2")
    for policy in images.POLICIES:
        found = choose(image(f"prom/prometheus:{named}"), proxy.stock, policy)
        assert found.chosen == image(f"{PROMETHEUS}:v2.51.0")
    assert proxy.fetched == [f"{PROMETHEUS}:v2.51.0"] * 2


def test_the_proxy_is_not_asked_about_what_is_listed() -> None:
    proxy = Proxy()
    assert choose(image("prom/prometheus:v2.48.0"), proxy.stock).chosen == image(AVAILABLE[0])
    assert not proxy.asked
    assert not proxy.fetched


def test_prometheus_is_not_replaced_and_its_neighbours_are_named() -> None:
    proxy = Proxy(*(f"{PROMETHEUS}:v2.{minor}.0" for minor in (35, 37, 42, 44)))
    found = choose(image(f"{PROMETHEUS}:v2.9.2"), proxy.stock)
    assert (found.chosen, found.why, found.next_best) == (None, "it is not served", "v2.35.0")
    assert found.neighbours == "v2.35.0, v2.37.0, v2.42.0, v2.44.0, v2.48.0, v3.14.0"
    assert choose(image(f"{PROMETHEUS}:v2.43.9"), proxy.stock).next_best == "v2.44.0"


def test_a_version_that_cannot_be_built_gives_way_to_the_next() -> None:
    served = [f"{RELOADER}:v0.{minor}.0" for minor in (74, 75, 76)]
    proxy = Proxy(*served, broken=(served[0], served[1]))
    found = choose(image(served[0]), proxy.stock)
    assert found.chosen == image(served[2])
    assert proxy.fetched == served
    said = (
        "prometheus-config-reloader v0.74.0 cannot be built: a module is missing; the nearest, v0.76.0, runs instead."
    )
    assert found.remark == said
    assert choose(image(served[0]), proxy.stock, "exact").chosen is None


def test_latest_is_the_newest_that_can_be_built() -> None:
    proxy = Proxy(f"{PROMETHEUS}:v3.15.1", f"{PROMETHEUS}:v3.16.0", broken=(f"{PROMETHEUS}:v3.16.0",))
    for text, title in ((f"{PROMETHEUS}:latest", "latest"), (PROMETHEUS, "without a tag")):
        found = choose(image(text), proxy.stock)
        assert found.chosen == image(f"{PROMETHEUS}:v3.15.1")
        assert found.remark == f"prometheus {title} is taken as v3.15.1, the newest version that can be had."


def test_exact_takes_no_other_version() -> None:
    assert choose(image(f"{RELOADER}:v0.67.0"), AVAILABLE, "exact").chosen is None
    assert choose(image(f"{RELOADER}:v0.67.0"), AVAILABLE, "exact").had == ("v0.69.1", "v0.72.0", "v0.93.1")
    assert choose(image(f"{RELOADER}:0.69.1"), AVAILABLE, "exact").chosen == image(f"{RELOADER}:v0.69.1")


@pytest.mark.parametrize(
    ("wanted", "remark"),
    [
        (
            f"{RELOADER}:v0.67.0",
            "prometheus-config-reloader v0.67.0 is not in the catalogue; the nearest, v0.69.1, runs instead.",
        ),
        (
            f"{RELOADER}:v0.69.1@sha256:{'a' * 64}",
            "prometheus-config-reloader v0.69.1 is named by digest; what runs is built from source and has another.",
        ),
        (
            "prom/prometheus:v2.48.0",
            f"prom/prometheus:v2.48.0 is not in the catalogue; {AVAILABLE[0]}, of the same version, runs instead.",
        ),
        (f"{RELOADER}:v0.69.1", ""),
    ],
)
def test_what_is_said(wanted: str, remark: str) -> None:
    assert choose(image(wanted), AVAILABLE).remark == remark


def test_what_is_no_image() -> None:
    assert Image.of("not an image") is None
    assert Image.of("") is None


PROM = {"registry": "quay.io", "repository": "prometheus/prometheus"}


@pytest.mark.parametrize(
    ("values", "now", "changed"),
    [
        (
            {"server": {"image": {"repository": "quay.io/prometheus/prometheus", "tag": "", "digest": "sha256:x"}}},
            "quay.io/prometheus/prometheus:v2.1.0",
            {"server": {"image": {"repository": "quay.io/prometheus/prometheus", "tag": "v3.14.0", "digest": ""}}},
        ),
        (
            {"p": {"image": {**PROM, "tag": "v2.1.0", "sha": ""}}},
            "quay.io/prometheus/prometheus:v2.1.0",
            {"p": {"image": {**PROM, "tag": "v3.14.0"}}},
        ),
        (
            {"p": {"image": {**PROM, "tag": ""}}, "global": {"imageRegistry": "m.example"}},
            "m.example/prometheus/prometheus:v2.1.0",
            {"p": {"image": {**PROM, "tag": "v3.14.0"}}, "global": {"imageRegistry": ""}},
        ),
        (
            {"image": {"repository": "prom/prometheus", "tag": "v2.1.0", "distroless": True}},
            "prom/prometheus:v2.1.0-distroless",
            {"image": {"repository": "quay.io/prometheus/prometheus", "tag": "v3.14.0", "distroless": False}},
        ),
        (
            {"image": {"repository": "prometheus/prometheus", "tag": ""}},
            "quay.io/prometheus/prometheus:v2.1.0",
            {"image": {"repository": "prometheus/prometheus", "tag": "v3.14.0"}},
        ),
        (
            {"a": {"serverImage": "prom/prometheus:v2.1.0", "other": "prom/other:v2.1.0"}},
            "prom/prometheus:v2.1.0",
            {"a": {"serverImage": "quay.io/prometheus/prometheus:v3.14.0"}},
        ),
        (
            {"image": {"name": "prom/prometheus", "tag": "v2.1.0"}, "container": {"name": "prom/prometheus"}},
            "prom/prometheus:v2.1.0",
            {"image": {"name": "quay.io/prometheus/prometheus", "tag": "v3.14.0"}},
        ),
    ],
)
def test_values_that_name_an_image_are_pointed_elsewhere(
    values: dict[str, Any], now: str, changed: dict[str, Any]
) -> None:
    to, seen = image("quay.io/prometheus/prometheus:v3.14.0"), image(now)
    found: dict[str, Any] = {}
    for place in image_keys.places(values, seen):
        found = merged(found, image_keys.pointed(values, place, seen, to))
    assert found == changed


def test_of_several_places_those_in_use() -> None:
    proxy = {"registry": "quay.io", "repository": "a/proxy", "tag": "v1"}
    values = {"one": {"enabled": False, "image": proxy}, "two": {"enabled": True, "image": proxy}}
    assert [place.path for place in image_keys.places(values, image("quay.io/a/proxy:v1"))] == [("two", "image")]
    values["two"] = {"image": {**proxy, "tag": "v2"}}
    assert [place.path for place in image_keys.places(values, image("quay.io/a/proxy:v1"))] == [("one", "image")]
    assert image_keys.places(values, image("quay.io/b/proxy:v1")) == ()


def test_the_switch_of_a_component() -> None:
    values = {"am": {"enabled": True, "spec": {"image": {"repository": "x/am", "tag": "1"}}}, "ksm": {}}
    values["ksm"] = {"image": {"repository": "x/ksm", "tag": "1"}}
    (am,) = image_keys.places(values, image("x/am:1"))
    (ksm,) = image_keys.places(values, image("x/ksm:1"))
    conditions = {"ksm": "kubeStateMetrics.enabled"}
    assert image_keys.switch_of(values, am, conditions) == "am.enabled"
    assert image_keys.switch_of(values, ksm, conditions) == "kubeStateMetrics.enabled"
    assert image_keys.switch_of(values, ksm, {}) == ""
