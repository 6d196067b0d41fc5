"""The names of a drilled Prometheus, and the conditions on it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from promdrill.observe import judges
from promdrill.observe.conditions import Condition, Kind, Seen
from promdrill.observe.probes import AGE_QUERY, HttpProbe, MetricsProbe, QueryProbe, Vector
from promdrill.observe.snapshot import EPOCH, Object, Snapshot, container_status
from promdrill.observe.targets import ACTIVE, Demand, of_drill

POD_NAME = "statefulset.kubernetes.io/pod-name"
"""Label of a StatefulSet's pod with the pod's own name (Kubernetes' documentation of StatefulSets, Pod Name Label)."""


@dataclass(frozen=True, slots=True)
class Server:
    """The Prometheus server of one release, with the names that prometheus-community/prometheus uses.

    Attributes:
        namespace: The drill's namespace.
        release: Name of the Helm release.
        fullname: Name of the workload, and of the Service and the claim unless they have their own.
        container: Name of Prometheus' container.
        reloader: Name of the config reloader's container; empty where there is none.
        port: Port of the service.
        pod_port: Port of Prometheus in the pod.
        service_name: Name of the Service, if it is not `fullname`.
        claim_name: Name of the PersistentVolumeClaim, if it is not `fullname`. In ``drill.server`` it is the name that
            a StatefulSet gives it, if the values have ``server.statefulSet.enabled``.
        containers: Number of containers in a pod, all of which have to be ready.
        labels: Labels of its pods, if they are not those of the chart.
        prefix: Path below which it answers, without a slash at its end; empty where it has none.
        data: Path in the container where its volume is mounted.
        workload: The kind of the workload, in lower case.
        component: What the chart's labels call the server.
        ready_after_s: Seconds that its readiness probe waits before it asks for the first time.
        replicas: Number of its pods. Where there are several, all else here is of the drilled one, see `one_of`.
        own_service: Name of the drill's own Service that leads to the drilled replica alone; empty where there is none.
    """

    namespace: str
    release: str
    fullname: str
    container: str = "prometheus-server"
    reloader: str = "prometheus-server-configmap-reload"
    port: int = 80
    pod_port: int = 9090
    service_name: str = ""
    claim_name: str = ""
    containers: int = 2
    labels: tuple[tuple[str, str], ...] = ()
    prefix: str = ""
    data: str = "/data"
    workload: str = "deployment"
    component: str = "server"
    ready_after_s: float = 0.0
    replicas: int = 1
    own_service: str = ""

    @classmethod
    def of(cls, namespace: str, release: str) -> Server:
        """The names that the chart gives; `prometheus` is not repeated if the release's name contains it."""
        chart = release if "prometheus" in release else f"{release}-prometheus"
        return cls(namespace, release, f"{chart}-server")

    @property
    def service(self) -> str:
        """Name of the Service."""
        return self.service_name or self.fullname

    @property
    def query_service(self) -> str:
        """Name of the Service that the drill's own questions go to: `service`, or the drill's own. Both have `port`."""
        return self.own_service or self.service

    @property
    def claim(self) -> str:
        """Name of the PersistentVolumeClaim; a StatefulSet's is ``storage-volume-<fullname>-0``, see `claim_name`."""
        return self.claim_name or self.fullname

    @property
    def selector(self) -> dict[str, str]:
        """The labels of its pods; charts before 21.0.0 have others."""
        usual = {"app.kubernetes.io/instance": self.release, "app.kubernetes.io/component": "server"}
        return dict(self.labels) or usual

    @property
    def pod_prefix(self) -> str:
        """What the names of its pods begin with; of several replicas, that of the drilled one."""
        return dict(self.labels).get(POD_NAME) or f"{self.fullname}-"

    @property
    def whole(self) -> Server:
        """The same with the labels that all replicas have: its pods are those of the whole workload."""
        return replace(self, labels=tuple((key, value) for key, value in self.labels if key != POD_NAME))

    @property
    def each(self) -> tuple[Server, ...]:
        """The same with the labels of each replica, the first one first: its pods are that replica's alone."""
        if self.replicas == 1:
            return (self,)
        shared = self.whole.labels
        pods = (f"{self.fullname}-{number}" for number in range(self.replicas))
        return tuple(replace(self, labels=(*shared, (POD_NAME, pod))) for pod in pods)

    @property
    def claims(self) -> tuple[str, ...]:
        """Names of the PersistentVolumeClaims of all replicas."""
        drilled = f"-{self.replicas - 1}"
        if self.replicas == 1 or not self.claim.endswith(drilled):
            return (self.claim,)
        return tuple(f"{self.claim.removesuffix(drilled)}-{number}" for number in range(self.replicas))

    def pods(self, snapshot: Snapshot, *, leaving: bool = False) -> tuple[Object, ...]:
        """The server's pods, newest first; with `leaving` also those that are being deleted."""
        found = snapshot.select(self.selector, leaving=leaving)
        if self.labels or found:
            return found
        charts_to_19 = {"release": self.release, "app": "prometheus", "component": "server"}
        return snapshot.select(charts_to_19, leaving=leaving)

    def ready(self, n: int | None = None) -> Condition:
        """One server pod and no other, Running, with exactly `n` of its containers ready; by default all."""
        of = self.containers
        wanted = of if n is None else n
        return Condition(
            f"server pod {wanted}/{of}",
            Kind.POD,
            lambda snapshot: judges.readiness(self.pods(snapshot, leaving=True), wanted, of),
        )

    def replicas_ready(self) -> Condition:
        """All replicas and no other pods of the workload run, with all of their containers ready."""
        whole, of = self.whole, self.containers

        def judge(snapshot: Snapshot) -> Seen:
            pods = whole.pods(snapshot, leaving=True)
            ready = sum(judges.readiness((pod,), of, of).holds for pod in pods)
            text = "; ".join(judges.pod_words(pod) for pod in pods) or "no server pod"
            return Seen(holds=ready == len(pods) == self.replicas, text=text)

        return Condition(f"all {self.replicas} replicas {of}/{of}", Kind.POD, judge)

    def crash_looping(self) -> Condition:
        """The server's container waits in CrashLoopBackOff, or has just crashed, while the pod's others are ready."""
        return Condition(
            "server crash looping", Kind.POD, lambda snapshot: judges.crash_loop(self.pods(snapshot), self.container)
        )

    def restarts_at_least(self, n: int) -> Condition:
        """The server's container has been restarted at least `n` times in its current pod."""

        def judge(snapshot: Snapshot) -> Seen:
            _, count = self._run(snapshot, self.container)
            return Seen(holds=count >= n, text=f"{count} restarts")

        return Condition(f"at least {n} restarts of the server", Kind.POD, judge)

    def logs(
        self,
        pattern: str,
        *,
        container: str | None = None,
        since: datetime | None = None,
        this_restart: bool = False,
    ) -> Condition:
        """A log line matches the pattern.

        Args:
            pattern: Regular expression, searched in each line.
            container: Whose log; the server's by default.
            since: Only lines from then on.
            this_restart: Only lines of the container's current run.
        """
        judge = self._line_judge(pattern, container or self.container, since or EPOCH, this_restart=this_restart)
        return Condition(f"log of {container or self.container} has /{pattern}/", Kind.LOG, judge)

    def no_logs(
        self,
        pattern: str,
        *,
        container: str | None = None,
        since: datetime | None = None,
        this_restart: bool = False,
    ) -> Condition:
        """The log was read up to now, and no line of it matches the pattern. Arguments as in `logs`."""
        name = container or self.container
        found = self._line_judge(pattern, name, since or EPOCH, this_restart=this_restart)

        def judge(snapshot: Snapshot) -> Seen:
            pods = self.pods(snapshot)
            return judges.no_log_line(snapshot, pods, name, found(snapshot), lines_wanted=this_restart)

        return Condition(f"log of {name} has no /{pattern}/", Kind.LOG, judge)

    def http(self, method: str, path: str, status: int) -> Condition:
        """The service answers a request with that status. A POST is really sent, twice a second, while waited for."""
        probe = HttpProbe(self.query_service, self.port, method, f"{self.prefix}{path}")
        return Condition(
            f"{method} {path} answers {status}",
            Kind.HTTP,
            lambda snapshot: judges.http_status(snapshot, probe, status),
            (probe,),
        )

    def json(
        self,
        path: str,
        predicate: Callable[[Any], bool],
        text: str,
        *,
        show: Callable[[Any], str] | None = None,
    ) -> Condition:
        """GET `path` answers 200 with JSON for which `predicate` holds.

        Args:
            path: Path and query, as in ``/api/v1/rules``.
            predicate: What is asked of the whole body.
            text: The condition's name.
            show: Puts the body into words; by default, the parts that the predicate read are shown.
        """
        probe = HttpProbe(self.query_service, self.port, "GET", f"{self.prefix}{path}")
        return Condition(text, Kind.HTTP, lambda snapshot: judges.http_json(snapshot, probe, predicate, show), (probe,))

    def flag(self, name: str, value: str) -> Condition:
        """The running server's command-line flag has the value."""
        return self.json(
            "/api/v1/status/flags",
            lambda body: body["data"].get(name) == value,
            f"flag {name} is {value}",
            show=lambda body: f"{name} is {body['data'].get(name)}",
        )

    def config_has(self, pattern: str) -> Condition:
        """The running configuration, as Prometheus prints it, matches the pattern (regular expression, multi-line)."""
        found = re.compile(pattern, re.MULTILINE)
        return self.json(
            "/api/v1/status/config",
            lambda body: found.search(body["data"]["yaml"]) is not None,
            f"running configuration has /{pattern}/",
            show=lambda body: f"{len(body['data']['yaml'].splitlines())} lines of configuration",
        )

    def stale(self, for_s: float) -> Condition:
        """No sample was stored for `for_s` seconds, none is visible, or Prometheus does not answer."""

        def judge(snapshot: Snapshot) -> Seen:
            seconds, seen = judges.age(snapshot, self._age)
            holds = seen.known and (seconds is None or seconds >= for_s)
            return Seen(holds=holds, text=seen.text, known=seen.known)

        return Condition(f"no sample stored for {for_s:g} s", Kind.METRIC, judge, (self._age,))

    def fresh(self, within_s: float) -> Condition:
        """The newest stored sample is younger than `within_s` seconds."""

        def judge(snapshot: Snapshot) -> Seen:
            seconds, seen = judges.age(snapshot, self._age)
            return Seen(holds=seconds is not None and seconds < within_s, text=seen.text, known=seen.known)

        return Condition(f"newest sample younger than {within_s:g} s", Kind.METRIC, judge, (self._age,))

    def targets_up(self, jobs: Sequence[str] | Mapping[str, int] = (), *, demand: Demand = Demand.ALL) -> Condition:
        """Every active target is up; with `jobs`, every target of those jobs, and none of them has too few.

        Args:
            jobs: The jobs, each with the least number of targets that it must have; 1 where no number is given.
            demand: What is demanded of the targets; of all but `Demand.ALL`, the least numbers are of those up.
        """
        least = dict(jobs) if isinstance(jobs, Mapping) else dict.fromkeys(jobs, 1)

        def judged(body: Any) -> tuple[bool, str]:
            listed = of_drill(body["data"]["activeTargets"], self.namespace)
            active = [t for t in listed if not least or demand is Demand.TRIED or t["labels"].get("job") in least]
            up = [t for t in active if t["health"] == "up"]
            down = [_down(t) for t in active if t["health"] != "up"]
            new = [_down(t) for t in active if t["health"] == "unknown"]
            found = Counter(t["labels"].get("job") for t in (active if demand is Demand.ALL else up))
            lost = [_too_few(job, found[job], number) for job, number in sorted(least.items()) if found[job] < number]
            wrong = {Demand.ALL: down, Demand.TRIED: new, Demand.LEAST: []}[demand]
            parts = [f"{len(up)}/{len(active)} targets up", *(down if lost else wrong), *lost]
            return bool(active) and not wrong and not lost, "; ".join(parts)

        named = ", ".join(least) or "all"
        text = {
            Demand.ALL: f"targets up ({named})",
            Demand.TRIED: f"every target was scraped, and some are up ({named})",
            Demand.LEAST: f"as many targets up as before ({named})",
        }
        return self.json(ACTIVE, lambda body: judged(body)[0], text[demand], show=lambda body: judged(body)[1])

    def query(
        self, promql: str, predicate: Callable[[Vector], bool], text: str, *, at_s: float | None = None
    ) -> Condition:
        """`predicate` holds for the result, even an empty one, of an instant query at Unix second `at_s`, or now."""
        probe = QueryProbe(self.query_service, self.port, promql, at_s, self.prefix)
        return Condition(text, Kind.METRIC, lambda snapshot: judges.vector_of(snapshot, probe, predicate), (probe,))

    def metric(self, name: str, predicate: Callable[[float], bool], text: str, **labels: str) -> Condition:
        """`predicate` holds for the sum of a metric, read from the pod's own /metrics: ready or not, storing or not."""
        probe = self.metrics_probe(frozenset({name}))
        return Condition(
            text, Kind.METRIC, lambda snapshot: judges.metric_value(snapshot, probe, name, predicate, labels), (probe,)
        )

    def not_rising(self, name: str, for_s: float, **labels: str) -> Condition:
        """A counter exists and did not rise over the last `for_s` seconds, read from the pod's own /metrics.

        A missing counter proves nothing, and neither does one that was not watched for that long yet, or that started
        again with another process. `negate` turns this into a counter that rises.

        Args:
            name: The counter; the sum of its samples is taken.
            for_s: Seconds over which it must stand still.
            labels: Labels that its samples must carry.
        """
        probe = self.metrics_probe(frozenset({name, judges.STARTED}))
        shown = f"{name}{{{', '.join(f'{key}={value}' for key, value in labels.items())}}}" if labels else name
        return Condition(
            f"{shown} not rising for {for_s:g} s",
            Kind.METRIC,
            lambda snapshot: judges.stands_still(snapshot, probe, name, labels, for_s),
            (probe,),
        )

    def metrics_probe(self, names: frozenset[str]) -> MetricsProbe:
        """The probe for metrics of those names, sent to the newest server pod itself."""
        path, pod = f"{self.prefix}/metrics", self.pod_prefix
        return MetricsProbe(self.query_service, self.port, path, names=names, pod=pod, pod_port=self.pod_port)

    def claim_size(self, at_least: str) -> Condition:
        """The claim is bound, and its status shows at least that capacity (a quantity such as ``1Gi``)."""

        def judge(snapshot: Snapshot) -> Seen:
            claim = snapshot.claims.get(self.claim)
            status = (claim or {}).get("status") or {}
            return judges.capacity(claim, (status.get("capacity") or {}).get("storage"), status.get("phase"), at_least)

        return Condition(f"claim of at least {at_least}", Kind.VOLUME, judge)

    def volume_size(self, at_least: str) -> Condition:
        """The volume that is bound to the claim has at least that capacity."""

        def judge(snapshot: Snapshot) -> Seen:
            wanted = {"namespace": self.namespace, "name": self.claim}
            refs = ((v, (v.get("spec") or {})) for v in snapshot.volumes.values())
            found = next((v for v, spec in refs if wanted.items() <= (spec.get("claimRef") or {}).items()), None)
            held = (((found or {}).get("spec") or {}).get("capacity") or {}).get("storage")
            return judges.capacity(found, held, ((found or {}).get("status") or {}).get("phase"), at_least)

        return Condition(f"volume of at least {at_least}", Kind.VOLUME, judge)

    def event(
        self, reason: str, about_prefix: str, text: str | None = None, *, since: datetime | None = None
    ) -> Condition:
        """An event since `since` has that reason, is about a name with that prefix, and its message matches `text`."""
        return Condition(
            f"event {reason} about {about_prefix}*{f' with /{text}/' if text else ''}",
            Kind.EVENT,
            lambda snapshot: judges.event_seen(snapshot, reason, about_prefix, text, since or EPOCH),
        )

    @property
    def _age(self) -> QueryProbe:
        return QueryProbe(self.query_service, self.port, AGE_QUERY, prefix=self.prefix)

    def _run(self, snapshot: Snapshot, container: str) -> tuple[str, int]:
        """Pod UID and restart count of a container's current run; ("", -1) if there is none."""
        for pod in self.pods(snapshot):
            status = container_status(pod, container)
            if status is not None:
                return str(pod["metadata"].get("uid", "")), int(status.get("restartCount", 0))
        return "", -1

    def _line_judge(
        self, pattern: str, container: str, since: datetime, *, this_restart: bool
    ) -> Callable[[Snapshot], Seen]:
        found = re.compile(pattern)

        def judge(snapshot: Snapshot) -> Seen:
            restart = self._run(snapshot, container) if this_restart else None
            return judges.log_line(
                snapshot,
                self.pod_prefix,
                container,
                lambda text: found.search(text) is not None,
                since=since,
                restart=restart,
            )

        return judge


def _down(target: Mapping[str, Any]) -> str:
    labels = target["labels"]
    return f"{labels.get('job')} {target['scrapeUrl']}: {target['health']} {target['lastError']}".strip()


def _too_few(job: str, found: int, number: int) -> str:
    return f"{found} of {number} targets of job {job}" if found else f"no target of job {job}"
