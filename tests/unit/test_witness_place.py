"""The witness in a cluster: installed once, given files, asked."""

import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from promdrill.core import shell
from promdrill.core.errors import ClusterError
from promdrill.witness import place
from promdrill.witness.place import Witness

READY = {
    "metadata": {"generation": 2, "resourceVersion": "7"},
    "status": {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
}
STARTING = {"metadata": {"generation": 2, "resourceVersion": "7"}, "status": {"observedGeneration": 1, "replicas": 1}}


class Cluster:
    """An API server, and a node."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.files: dict[str, str | None] = {}
        self.deployment: Any = READY
        self.later: list[Any] = []
        self.pods: list[Any] = []
        self.answers: dict[str, tuple[int, str]] = {}
        self.says = ""
        self.logged = ""

    def apply(self, obj: Any) -> None:
        self.log.append(f"apply {obj['kind']}")

    def get(self, path: str) -> Any:
        return {"items": self.pods} if "/pods?" in path else self.deployment

    def watch(self, path: str, **_: Any) -> Iterator[Any]:
        assert path == f"/apis/apps/v1/namespaces/{place.NAMESPACE}/deployments"
        for each in self.later:
            yield {"type": "MODIFIED", "object": each}

    def request(self, method: str, path: str, **_: Any) -> Any:
        if "/log?" in path:
            return SimpleNamespace(status=200, text=self.logged)
        self.log.append(f"{method} {path.partition('/proxy')[0].rpartition(':')[2]}{path.partition('/proxy')[2]}")
        status, text = self.answers.get(path.partition("/proxy")[2], (200, "{}"))
        return SimpleNamespace(status=status, text=text)

    def run(self, argv: Any, *, timeout_s: float, stdin: str | None = None, **_: Any) -> Any:
        assert timeout_s > 0
        assert "node-1" in argv
        self.log.append(f"node: {argv[-1]}")
        if stdin is not None:
            assert "-i" in argv
            self.files[argv[-1].rpartition(" ")[2]] = stdin
        return SimpleNamespace(stdout=self.says)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster()
    monkeypatch.setattr(shell, "run", made.run)
    return made


def witness(cluster: Cluster) -> Witness:
    return Witness(cluster, "node-1")  # type: ignore[arg-type]


def test_its_files_are_there_before_it_is_made_and_read_when_it_is(cluster: Cluster) -> None:
    cluster.later = [STARTING, {"kind": "Status"}, READY]
    cluster.deployment = STARTING
    witness(cluster).install("p:1", {"prometheus.yml": "a: b"}, 30.0)
    assert cluster.files == {"/var/lib/promdrill/witness/prometheus.yml": "a: b"}
    first = next(number for number, line in enumerate(cluster.log) if line.startswith("apply"))
    assert cluster.log[0] == "node: mkdir -p /var/lib/promdrill/witness/drills"
    assert all(line.startswith("node: ") for line in cluster.log[:first])
    assert cluster.log[-2:] == ["POST 9090/-/reload", "POST 9093/-/reload"]


def test_a_file_is_there_whole_or_not_at_all(cluster: Cluster) -> None:
    witness(cluster).write({"drills/a.rules.yml": "groups: []"})
    target = "/var/lib/promdrill/witness/drills/a.rules.yml"
    assert cluster.log == [f"node: cat >{target}.new && mv {target}.new {target}"]


@pytest.mark.parametrize(("says", "left"), [("", False), ("\n", False), ("b.rules.yml\nb.scrape.yml\n", True)])
def test_files_that_are_taken_back_are_gone_and_those_of_others_are_known(
    cluster: Cluster, says: str, left: bool
) -> None:
    cluster.says = says
    assert witness(cluster).remove(["drills/a.scrape.yml", "drills/a.rules.yml"]) is left
    place_of = "/var/lib/promdrill/witness/drills"
    assert cluster.log == [f"node: rm -f {place_of}/a.scrape.yml {place_of}/a.rules.yml && ls {place_of}"]


def test_a_drills_files_are_prometheus_alone(cluster: Cluster) -> None:
    witness(cluster).reload()
    assert cluster.log == ["POST 9090/-/reload"], "Alertmanager would forget which notifications it was about to send"


def test_what_it_does_not_take_is_said_in_its_own_words(cluster: Cluster) -> None:
    """Prometheus' answer to a reload says only that something is wrong; its log says what."""
    cluster.answers["/-/reload"] = (500, "failed to reload config: one or more errors occurred\n")
    cluster.pods = [{"metadata": {"name": "witness-1", "creationTimestamp": "2026-01-01T00:00:00Z"}}]
    error = r'err="/x.yml: 60:11: rule 7, \"Full\": function \"rat\" not defined"'
    cluster.logged = (
        f'level=info msg="Loading"\nlevel=error msg="groups" {error}\nlevel=error err="error loading rules"\n'
    )
    said = r'prometheus refuses what it was given: /x\.yml: 60:11: rule 7, "Full": function "rat" not defined$'
    with pytest.raises(ClusterError) as caught:
        witness(cluster).reload()
    assert re.search(said, caught.value.message)
    assert caught.value.hint == "promtool check rules FILE"
    cluster.logged = ""
    with pytest.raises(ClusterError, match=r"refuses what it was given: failed to reload config: one or more"):
        witness(cluster).reload()


def test_a_witness_that_does_not_start_says_what_its_containers_wait_for(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "READY_S", 0.05)
    waiting = {"waiting": {"reason": "ErrImageNeverPull", "message": "no such image"}}
    statuses = [{"name": "receiver", "ready": False, "state": waiting}, {"name": "prometheus", "ready": True}]
    cluster.deployment, cluster.pods = STARTING, [{"status": {"containerStatuses": statuses}}]
    with pytest.raises(ClusterError, match=r"not ready after 0 s: receiver waiting ErrImageNeverPull no such image\n"):
        witness(cluster).install("p:1", {}, 30.0)


@pytest.mark.parametrize("answer", [(503, "no endpoints"), (200, "<html>")])
def test_an_answer_that_is_none_is_an_error(cluster: Cluster, answer: tuple[int, str]) -> None:
    cluster.answers["/api/v1/alerts"] = answer
    with pytest.raises(ClusterError, match=rf"answers /api/v1/alerts with HTTP {answer[0]}: {answer[1]}"):
        witness(cluster).ask("prometheus", "/api/v1/alerts", 1.0)


def test_its_pod_is_the_newest_that_stays(cluster: Cluster) -> None:
    def pod(name: str, created: str, **more: Any) -> Any:
        return {"metadata": {"name": name, "creationTimestamp": created, **more}}

    cluster.pods = [pod("old", "1"), pod("new", "2"), pod("leaving", "3", deletionTimestamp="4")]
    assert witness(cluster).pod() == "new"
    cluster.pods = []
    with pytest.raises(ClusterError, match="has no pod"):
        witness(cluster).pod()
