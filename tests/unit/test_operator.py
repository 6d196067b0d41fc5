"""manifests/operator: what one object says of another is there, and a second install fits beside the first.

Each check is a function from the files' texts to what is wrong. It is asked of the files as they are, of the same
under another name, and of the files with one mistake, which it has to find.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from promdrill.core.paths import images_dir, manifests_dir, scenarios_dir
from promdrill.install.manifests import APP_VERSION
from promdrill.request import needed_images
from promdrill.supply.build import catalogue

Texts = dict[str, str]
Object = dict[str, Any]

FOLDER = manifests_dir() / "operator"
FILES = [*sorted(FOLDER.glob("*.yaml")), *sorted(FOLDER.glob("*/*.yaml"))]
SHIPPED: Texts = {str(path.relative_to(FOLDER)): path.read_text(encoding="utf-8") for path in FILES}
README = (FOLDER / "README.md").read_text(encoding="utf-8")
WORD = "observability"
PART_OF = ("app.kubernetes.io/part-of", "promdrill-operator")
OF_THE_CLUSTER = {"Namespace", "ClusterRole", "ClusterRoleBinding", "APIService"}
KUBERNETES_OWN = {
    ("ClusterRole", "", "system:auth-delegator"),
    ("Role", "kube-system", "extension-apiserver-authentication-reader"),
    ("ServiceAccount", "kube-system", "horizontal-pod-autoscaler"),
}
SHARED = ("APIService", "", "v1beta1.custom.metrics.k8s.io")
MADE_BY_THE_OPERATOR = {"app.kubernetes.io/name": "prometheus", "operator.prometheus.io/name": "main"}


def renamed(texts: Texts, name: str) -> Texts:
    """The same install under another name."""
    return {file: text.replace(WORD, name) for file, text in texts.items()}


def objects(texts: Texts) -> list[Object]:
    """Every object, in the order in which kubectl applies them."""
    return [each for text in texts.values() for each in yaml.safe_load_all(text)]


def of_kind(found: list[Object], *kinds: str) -> list[Object]:
    """The objects of these kinds."""
    return [each for each in found if each["kind"] in kinds]


def named(found: list[Object], kind: str, name: str) -> Object:
    """The object of that kind and name."""
    (one,) = (each for each in of_kind(found, kind) if each["metadata"]["name"] == name)
    return one


def identity(kind: str, name: str, namespace: str | None) -> tuple[str, str, str]:
    """What no two objects of a cluster may share."""
    return (kind, "" if kind in OF_THE_CLUSTER else str(namespace), name)


def of(each: Object) -> tuple[str, str, str]:
    """The identity of an object."""
    return identity(each["kind"], each["metadata"]["name"], each["metadata"].get("namespace"))


def wanted_by(each: Object) -> Iterator[tuple[str, str, str]]:
    """The objects that an object names."""
    namespace, spec = each["metadata"].get("namespace"), each.get("spec", {})
    if namespace not in (None, "kube-system"):
        yield identity("Namespace", namespace, None)
    if "roleRef" in each:
        yield identity(each["roleRef"]["kind"], each["roleRef"]["name"], namespace)
        yield from (identity(who["kind"], who["name"], who["namespace"]) for who in each["subjects"])
    pod = spec.get("template", {}).get("spec", {}) if each["kind"] != "Prometheus" else spec
    if "serviceAccountName" in pod:
        yield identity("ServiceAccount", pod["serviceAccountName"], namespace)
    for volume in pod.get("volumes", ()):
        if "configMap" in volume:
            yield identity("ConfigMap", volume["configMap"]["name"], namespace)
    if "scaleTargetRef" in spec:
        yield identity(spec["scaleTargetRef"]["kind"], spec["scaleTargetRef"]["name"], namespace)
    if each["kind"] == "APIService":
        yield identity("Service", spec["service"]["name"], spec["service"]["namespace"])


def unresolved(texts: Texts) -> Iterator[str]:
    """References to objects that are not there, or not before."""
    there = set(KUBERNETES_OWN)
    for each in objects(texts):
        yield from (f"{of(each)} needs {wanted}" for wanted in wanted_by(each) if wanted not in there)
        there.add(of(each))


def pods(found: list[Object]) -> Iterator[tuple[dict[str, str], Object, Object]]:
    """Labels, spec and the one container of each Deployment's pods."""
    for each in of_kind(found, "Deployment"):
        template = each["spec"]["template"]
        (container,) = template["spec"]["containers"]
        yield template["metadata"]["labels"], template["spec"], container


def ports_behind(found: list[Object], service: Object) -> list[set[str]]:
    """Names of the ports of each kind of pod that a Service selects."""
    made = [(labels, {port["name"] for port in container.get("ports", ())}) for labels, _, container in pods(found)]
    made.append((MADE_BY_THE_OPERATOR, {"web"}))
    return [names for labels, names in made if service["spec"]["selector"].items() <= labels.items()]


def unfit_pods(texts: Texts) -> Iterator[str]:
    """Selectors, mounts, probes, services and monitors that do not fit."""
    found = objects(texts)
    for each in of_kind(found, "Deployment"):
        spec = each["spec"]
        if not spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items():
            yield f"{of(each)}: selector"
    for _, spec, container in pods(found):
        name = container["name"]
        if {each["name"] for each in spec.get("volumes", ())} != {
            each["name"] for each in container.get("volumeMounts", ())
        }:
            yield f"{name}: volumes"
        if container["readinessProbe"]["httpGet"]["port"] not in {each["name"] for each in container["ports"]}:
            yield f"{name}: probe"
    for service in of_kind(found, "Service"):
        chosen = ports_behind(found, service)
        if len(chosen) != 1 or not {port["targetPort"] for port in service["spec"]["ports"]} <= chosen[0]:
            yield f"{of(service)}: {chosen}"
    for monitor in of_kind(found, "ServiceMonitor"):
        labels = monitor["spec"]["selector"]["matchLabels"].items()
        behind = [each for each in of_kind(found, "Service") if labels <= each["metadata"]["labels"].items()]
        names = {port["name"] for each in behind for port in each["spec"]["ports"]}
        if len(behind) != 1 or {each["port"] for each in monitor["spec"]["endpoints"]} != names:
            yield f"{of(monitor)}: {len(behind)} services, ports {names}"


def broken_chain(texts: Texts) -> Iterator[str]:
    """Links between the application's counter and the autoscaler that do not hold."""
    found = objects(texts)
    (own,) = (each["metadata"]["name"] for each in of_kind(found, "Namespace"))
    (rule,) = yaml.safe_load(named(found, "ConfigMap", "prometheus-adapter")["data"]["config.yaml"])["rules"]
    counter = rule["seriesQuery"].partition("{")[0]
    served = re.sub(rule["name"]["matches"], rule["name"]["as"].replace("${1}", r"\1"), counter)
    autoscaler = named(found, "HorizontalPodAutoscaler", "demo-app")["spec"]
    if [each["pods"]["metric"]["name"] for each in autoscaler["metrics"]] != [served]:
        yield f"the adapter serves {served}"
    if counter != "demo_requests_total" or set(rule["resources"]["overrides"]) != {"namespace", "pod"}:
        yield f"series {counter}"
    labels = re.findall(r'(\w+)!=""', rule["seriesQuery"])
    if labels != ["namespace", "pod"]:
        yield f"labels {labels}"
    (adapter,) = (container for _, _, container in pods(found) if container["name"] == "prometheus-adapter")
    flags = dict(arg.removeprefix("--").partition("=")[::2] for arg in adapter["args"])
    if flags["prometheus-url"] != f"http://prometheus-operated.{own}.svc:9090/":
        yield "address of Prometheus"
    mounts = {each["mountPath"] for each in adapter["volumeMounts"]}
    if not {flags["config"].rpartition("/")[0], flags["cert-dir"], "/tmp"} <= mounts:  # noqa: S108  a mount in a pod
        yield "mounts of the adapter"
    if adapter["ports"][0]["containerPort"] != int(flags["secure-port"]):
        yield "port of the adapter"
    api = named(found, "APIService", SHARED[2])["spec"]
    service = named(found, "Service", api["service"]["name"])["spec"]
    if (f"{api['version']}.{api['group']}", api["service"]["port"]) != (SHARED[2], service["ports"][0]["port"]):
        yield "API"
    if "replicas" in named(found, "Deployment", "demo-app")["spec"]:
        yield "replicas are the autoscaler's"


def meddling(texts: Texts) -> Iterator[str]:
    """Where an operator, or a server of it, looks beyond its own namespace."""
    found = objects(texts)
    (own,) = (each["metadata"]["name"] for each in of_kind(found, "Namespace"))
    (operator,) = (container for _, _, container in pods(found) if container["name"] == "prometheus-operator")
    if f"--namespaces={own}" not in operator["args"]:
        yield "namespaces of the operator"
    spec = named(found, "Prometheus", "main")["spec"]
    if any("NamespaceSelector" in key for key in spec) or spec["serviceMonitorSelector"] != {}:
        yield "what the server selects"
    for role in of_kind(found, "ClusterRole"):
        verbs = {verb for rule in role["rules"] for verb in rule["verbs"] if rule["resources"] != ["events"]}
        if not verbs <= {"get", "list", "watch"}:
            yield f"{of(role)} may {verbs}"


def clashing(texts: Texts) -> Iterator[str]:
    """What two installs in one cluster would both want, beside the API that a cluster has once."""
    one, other = ({of(each) for each in objects(renamed(texts, name))} for name in ("drill-a", "drill-b"))
    yield from (f"both have {each}" for each in (one & other) - {SHARED})
    text = yaml.safe_dump_all(objects(texts))  # without the comments
    yield from (key for key in ("hostPort", "hostNetwork", "hostPath", "nodePort") if f"{key}:" in text)


FITTING = (unresolved, unfit_pods, broken_chain, meddling)

MISTAKES: list[tuple[Callable[[Texts], Iterator[str]], str, str, str, str]] = [
    (unresolved, "00", "name: observability", "name: other", "Namespace"),
    (unresolved, "10", "serviceAccountName: prometheus-operator", "serviceAccountName: p", "ServiceAccount"),
    (unresolved, "10", "kind: ClusterRole\n  name: p", "kind: ClusterRole\n  name: q", "needs ('ClusterRole'"),
    (unresolved, "20", "kind: Role\n  name: prometheus", "kind: Role\n  name: p", "needs ('Role'"),
    (unresolved, "20", "serviceAccountName: prometheus", "serviceAccountName: p", "ServiceAccount"),
    (unresolved, "60", "name: extension-apiserver", "name: extension-server", "needs ('Role', 'kube-system'"),
    (unresolved, "60", "name: system:auth-delegator", "name: system:delegator", "needs ('ClusterRole'"),
    (unresolved, "60", "name: horizontal-pod-autoscaler", "name: autoscaler", "needs ('ServiceAccount'"),
    (unresolved, "60", "configMap:\n          name: p", "configMap:\n          name: q", "ConfigMap"),
    (unresolved, "70", "kind: Deployment\n    name: demo-app", "kind: Deployment\n    name: demo", "Deployment"),
    (unresolved, "80", "    name: prometheus-adapter", "    name: adapter", "needs ('Service'"),
    (unfit_pods, "10", "matchLabels:\n      app: p", "matchLabels:\n      app: q", "selector"),
    (unfit_pods, "20", "operator.prometheus.io/name: main", "operator.prometheus.io/name: other", "prometheus'): []"),
    (unfit_pods, "20", "targetPort: web", "targetPort: http", "Service"),
    (unfit_pods, "20", "- port: web", "- port: 9090", "ServiceMonitor"),
    (unfit_pods, "50", "app: demo-app # the Service's", "app: demo # the Service's", "demo-app'): 0 services"),
    (unfit_pods, "50", "- port: http #", "- port: web #", "demo-app'): 1 services"),
    (unfit_pods, "50", "port: http\n          periodSeconds", "port: web\n          periodSeconds", "demo-app: probe"),
    (unfit_pods, "60", "- name: tmp\n          mountPath", "- name: temp\n          mountPath", "volumes"),
    (broken_chain, "60", "seriesQuery: demo_requests_total", "seriesQuery: demo_requests", "series demo_requests"),
    (broken_chain, "60", "as: ${1}_per_second", "as: ${1}_rate", "the adapter serves demo_requests_rate"),
    (broken_chain, "60", 'namespace!="",pod!=""', 'namespace!=""', "labels ['namespace']"),
    (broken_chain, "60", "operated.observability.svc", "operated.kube-system.svc", "address of Prometheus"),
    (broken_chain, "60", "- --secure-port=6443", "- --secure-port=443", "port of the adapter"),
    (broken_chain, "60", "mountPath: /tmp", "mountPath: /var/tmp", "mounts of the adapter"),
    (broken_chain, "70", "name: demo_requests_per_second", "name: demo_requests_total", "the adapter serves"),
    (broken_chain, "80", "  version: v1beta1", "  version: v1beta2", "API"),
    (broken_chain, "50", "spec:\n  # No replicas", "spec:\n  replicas: 1\n  # No replicas", "replicas"),
    (meddling, "10", "- --namespaces=observability", "- --namespaces=default", "namespaces of the operator"),
    (meddling, "10", "verbs: [get, list, watch]", "verbs: [get, list, watch, delete]", "may"),
    (meddling, "20", "serviceMonitorSelector: {}", "serviceMonitorSelector: {a: b}", "what the server selects"),
    (meddling, "20", "ruleSelector: {}", "ruleNamespaceSelector: {}", "what the server selects"),
    (
        clashing,
        "60",
        "name: prometheus-adapter-observability\n  namespace",
        "name: p\n  namespace",
        "both have ('RoleB",
    ),
    (clashing, "50", "containerPort: 8080", "containerPort: 8080\n          hostPort: 8080", "hostPort"),
]
"""Check, file, what it says, what it must not say, and what the check then says."""


@pytest.mark.parametrize("name", [WORD, "drill-hpa-custom-metric"])
@pytest.mark.parametrize("check", FITTING)
def test_everything_fits(check: Callable[[Texts], Iterator[str]], name: str) -> None:
    assert list(check(renamed(SHIPPED, name))) == []


def test_two_installs_fit_into_one_cluster() -> None:
    assert list(clashing(SHIPPED)) == []


@pytest.mark.parametrize(("check", "number", "right", "wrong", "problem"), MISTAKES)
def test_a_mistake_is_found(
    check: Callable[[Texts], Iterator[str]], number: str, right: str, wrong: str, problem: str
) -> None:
    (file,) = (each for each in SHIPPED if each.rpartition("/")[2].startswith(number))
    assert SHIPPED[file].count(right) == 1
    problems = list(check({**SHIPPED, file: SHIPPED[file].replace(right, wrong)}))
    assert any(problem in each for each in problems), problems


def test_no_comment_has_the_word_and_it_stands_alone_or_at_a_names_end() -> None:
    text = "\n".join(SHIPPED.values())
    assert not re.search(rf"(^|\s)#.*{WORD}", text, re.IGNORECASE | re.MULTILINE)
    lines = {re.sub(r"prometheus-(operator|adapter)-", "", line.strip()) for line in text.splitlines() if WORD in line}
    assert lines == {
        f"name: {WORD}",
        f"namespace: {WORD}",
        f"- --namespaces={WORD}",
        f"- --prometheus-url=http://prometheus-operated.{WORD}.svc:9090/",
    }


def test_what_the_harness_replaces_stands_there_once() -> None:
    lines = [line.strip() for text in SHIPPED.values() for line in text.splitlines()]
    assert [line for line in lines if line.startswith("storageClassName")] == [
        "storageClassName: standard # your class: kubectl get storageclass"
    ]
    assert sum(line.startswith("app: demo-app # the Service's") for line in lines) == 1


def test_every_object_and_pod_is_labelled_and_has_requests_without_limits() -> None:
    found = objects(SHIPPED)
    assert all(PART_OF in each["metadata"]["labels"].items() for each in found)
    for labels, _, container in pods(found):
        assert PART_OF in labels.items()
        assert container["resources"].keys() == {"requests"}


def test_every_image_is_made_by_the_catalogue_and_is_loaded() -> None:
    loaded, found = catalogue.load(images_dir()), objects(SHIPPED)
    load = yaml.safe_load((scenarios_dir() / "hpa-custom-metric/load.yaml").read_text(encoding="utf-8"))
    images = {container["image"] for _, _, container in pods([*found, load])}
    images.add(named(found, "Prometheus", "main")["spec"]["image"])
    images |= set(re.findall(r"--prometheus-config-reloader=(\S+)", "".join(SHIPPED.values())))
    assert len(images) == 6
    assert images <= set(needed_images.drilled_images([scenarios_dir() / "hpa-custom-metric"], APP_VERSION))
    assert images <= set(loaded.references())
    server = named(found, "Prometheus", "main")["spec"]
    assert server["image"].endswith(f":{server['version']}")


def test_the_reloader_is_not_throttled_and_sees_every_change() -> None:
    found = objects(SHIPPED)
    (operator,) = (container for _, _, container in pods(found) if container["name"] == "prometheus-operator")
    assert "--config-reloader-cpu-limit=0" in operator["args"]
    containers = {each["name"]: each for each in named(found, "Prometheus", "main")["spec"]["containers"]}
    command = ["/bin/prometheus-config-reloader", "--watched-dir=/etc/prometheus/config"]
    assert containers["config-reloader"]["command"] == command
    assert containers["prometheus"]["readinessProbe"] == {"periodSeconds": 1}
    assert containers["prometheus"]["startupProbe"] == {"periodSeconds": 1, "failureThreshold": 900}


def test_readme_names_every_file_and_takes_the_api_away_first() -> None:
    assert re.findall(r"^\| `((?:custom-metrics/)?\d\d-[a-z-]+\.yaml)` \|", README, re.MULTILINE) == list(SHIPPED)
    away = README.partition("## Remove it")[2]
    assert 0 < away.index("80-api.yaml") < away.index("-f manifests/operator/custom-metrics/ ")
