"""The API client against a scripted server on the loopback interface."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.api_server import ApiServer, api, executes, hangs_up, kubeconfig, says, silent, streams

from promdrill.core.errors import ClusterError, NotOurs
from promdrill.kube import exec_channel
from promdrill.kube.client import ApiError, Kube, NotFound, StreamRefused, object_path
from promdrill.kube.expected import Expected, server_of

__all__ = ["api"]

POD = "/api/v1/namespaces/n/pods/p"
LOG = f"{POD}/log"
PODS = "/api/v1/namespaces/n/pods"
CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "n"}}
STATUS_OK = b"\x03" + json.dumps({"status": "Success"}).encode()


def failure(message: str) -> bytes:
    """The status of a command that could not be started."""
    return b"\x03" + json.dumps({"status": "Failure", "message": message}).encode()


@pytest.fixture
def kube(api: ApiServer, tmp_path: Path) -> Iterator[Kube]:
    expected = Expected(f"https://127.0.0.1:{api.port}", api.uid)
    with Kube(kubeconfig(tmp_path, api.port), expected=expected) as client:
        yield client


CHANGES: dict[str, Callable[[Kube], object]] = {
    "apply": lambda kube: kube.apply(CONFIG_MAP),
    "create": lambda kube: kube.create(CONFIG_MAP),
    "patch": lambda kube: kube.patch(POD, {}),
    "delete": lambda kube: kube.delete(POD),
    "request": lambda kube: kube.request("POST", POD),
    "exec": lambda kube: kube.exec("n", "p", "c", ["rm", "x"], timeout_s=5),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_nothing_is_changed_in_another_cluster_that_answers_at_the_address(
    api: ApiServer, kube: Kube, change: Callable[[Kube], object]
) -> None:
    api.uid = "another"
    with pytest.raises(NotOurs, match=r"namespace kube-system has UID another, and that .* is uid-1; nothing was done"):
        change(kube)
    assert (api.asked, api.checks) == ([], 1)


def test_a_cluster_without_a_uid_is_none_that_was_expected(api: ApiServer, tmp_path: Path) -> None:
    api.uid = ""
    expected = Expected(f"https://127.0.0.1:{api.port}", "")
    with Kube(kubeconfig(tmp_path, api.port), expected=expected) as kube, pytest.raises(NotOurs, match="has UID none"):
        kube.delete(POD)
    assert api.asked == []


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_nothing_is_changed_where_no_cluster_is_expected(
    api: ApiServer, tmp_path: Path, change: Callable[[Kube], object]
) -> None:
    with Kube(kubeconfig(tmp_path, api.port)) as kube, pytest.raises(NotOurs, match="nothing says which cluster"):
        change(kube)
    assert (api.asked, api.checks) == ([], 0)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_nothing_is_changed_once_the_kubeconfig_leads_elsewhere(
    api: ApiServer, kube: Kube, tmp_path: Path, change: Callable[[Kube], object]
) -> None:
    kubeconfig(tmp_path, 1)
    with pytest.raises(NotOurs, match=r"kubeconfig leads to https://127\.0\.0\.1:1, and promdrill recorded"):
        change(kube)
    assert (api.asked, api.checks) == ([], 0)


def test_reading_is_not_preceded_by_a_check_and_checks_are_counted_apart(api: ApiServer, kube: Kube) -> None:
    api.on("GET", POD, says(200, {}))
    kube.get(POD)
    api.on("GET", f"{POD}/exec", executes(STATUS_OK))
    kube.exec("n", "p", "c", ["df"], timeout_s=5, reads=True)
    assert api.checks == 0
    api.on("DELETE", POD, says(200, {}))
    kube.delete(POD)
    assert (api.checks, kube.checks_made, kube.requests_made) == (1, 1, 3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda content: content["contexts"].append(content["contexts"][0]), "not the private kubeconfig of one"),
        (lambda content: content["users"].clear(), "not the private kubeconfig of one"),
        (lambda content: content.update({"current-context": "production"}), "current context is not its only one"),
        (lambda content: content.update({"contexts": None}), "not the private kubeconfig of one"),
    ],
)
def test_a_kubeconfig_that_may_lead_elsewhere_leads_nowhere(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    file = kubeconfig(tmp_path, 1)
    content = yaml.safe_load(file.read_text())
    change(content)
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(ClusterError, match=said):
        server_of(file)


def test_gets_an_object_and_counts_the_request(api: ApiServer, kube: Kube) -> None:
    api.on("GET", POD, says(200, {"kind": "Pod"}))
    assert kube.get(POD) == {"kind": "Pod"}
    assert (kube.requests_made, kube.questions_asked) == (1, 0)


def test_proxied_questions_are_counted_apart_and_503_is_an_answer(api: ApiServer, kube: Kube) -> None:
    path = "/api/v1/namespaces/n/services/s:80/proxy/-/ready"
    api.on("GET", path, says(503, "no endpoints available for service"))
    answer = kube.request("GET", path)
    assert (answer.status, answer.text) == (503, "no endpoints available for service")
    assert (kube.requests_made, kube.questions_asked) == (0, 1)


def test_not_found_and_refusal_say_what_the_api_said(api: ApiServer, kube: Kube) -> None:
    api.on("GET", POD, says(404, {"reason": "NotFound", "message": 'pods "p" not found'}), says(403, "no"))
    with pytest.raises(NotFound, match=r'GET .*/pods/p: HTTP 404: pods "p" not found'):
        kube.get(POD)
    with pytest.raises(ApiError, match="HTTP 403: no") as refused:
        kube.get(POD)
    assert (refused.value.status, refused.value.reason) == (403, "")


def test_transient_answers_and_lost_connections_are_tried_again(api: ApiServer, kube: Kube) -> None:
    api.on("GET", POD, says(503, "starting"), hangs_up, says(200, {"ok": 1}))
    assert kube.get(POD) == {"ok": 1}
    assert kube.requests_made == 3


def test_a_transient_answer_that_stays_is_reported_in_time(api: ApiServer, kube: Kube) -> None:
    api.on("GET", POD, *[says(503, "starting")] * 20)
    with pytest.raises(ApiError, match="HTTP 503: starting"):
        kube.get(POD, timeout_s=0.4)
    assert kube.requests_made < 10


def test_a_post_is_never_sent_twice(api: ApiServer, kube: Kube) -> None:
    api.on("POST", PODS, hangs_up, says(201, {}))
    with pytest.raises(ClusterError, match="does not answer: POST"):
        kube.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n"}})
    assert len(api.asked) == 1


def test_nobody_there_is_a_cluster_error_at_once_without_retry(tmp_path: Path) -> None:
    with Kube(kubeconfig(tmp_path, 1)) as client:
        with pytest.raises(ClusterError, match="does not answer: GET /x"):
            client.request("GET", "/x?y", retry=False)
        assert client.requests_made == 1


def test_apply_is_a_forced_server_side_apply(api: ApiServer, kube: Kube) -> None:
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "n"}, "data": {"a": "b"}}
    path = "/api/v1/namespaces/n/configmaps/c"
    api.on("PATCH", path, says(200, obj))
    assert kube.apply(obj) == obj
    [asked] = api.asked
    assert asked.query == {"fieldManager": ["promdrill"], "force": ["true"]}
    assert (json.loads(asked.body), asked.content_type) == (obj, "application/apply-patch+yaml")


def test_patches_carry_their_kind(api: ApiServer, kube: Kube) -> None:
    api.on("PATCH", POD, *[says(200, {})] * 3)
    kube.patch(POD, {"a": None})
    kube.patch(POD, {"a": None}, kind="strategic")
    kube.patch(POD, [{"op": "remove", "path": "/a"}], kind="json")
    assert [a.content_type for a in api.asked] == [
        "application/merge-patch+json",
        "application/strategic-merge-patch+json",
        "application/json-patch+json",
    ]


def test_delete_gives_the_grace_and_forgives_what_is_gone(api: ApiServer, kube: Kube) -> None:
    api.on("DELETE", POD, says(200, {}), says(404, {}), says(404, {}))
    kube.delete(POD, grace_s=0)
    assert json.loads(api.asked[0].body)["gracePeriodSeconds"] == 0
    kube.delete(POD)
    assert "gracePeriodSeconds" not in json.loads(api.asked[1].body)
    with pytest.raises(NotFound):
        kube.delete(POD, missing_ok=False)


def test_watch_gives_events_as_they_come_and_ends_with_the_stream(api: ApiServer, kube: Kube) -> None:
    api.on("GET", PODS, streams('{"type":"ADDED",', '"object":{}}\n{"type":"BOOKMARK","object":{}}\n'))
    events = list(kube.watch(PODS, resource_version="7", stop=threading.Event(), params={"fieldSelector": "a=b"}))
    assert [e["type"] for e in events] == ["ADDED", "BOOKMARK"]
    assert api.asked[0].query == {
        "watch": ["true"],
        "allowWatchBookmarks": ["true"],
        "resourceVersion": ["7"],
        "timeoutSeconds": ["300"],
        "fieldSelector": ["a=b"],
    }
    assert kube.requests_made == 0


def test_watch_refused_with_410_is_an_error_event(api: ApiServer, kube: Kube) -> None:
    api.on("GET", PODS, says(410, {"kind": "Status", "code": 410, "message": "too old resource version"}))
    [event] = kube.watch(PODS, resource_version="1", stop=threading.Event())
    assert event["type"] == "ERROR"
    assert (event["object"]["code"], event["object"]["message"]) == (410, "too old resource version")


def test_a_broken_stream_is_an_error_and_not_an_end(api: ApiServer, kube: Kube) -> None:
    api.on("GET", PODS, streams('{"type":"ADDED","object":{}}\n', ends="broken"))
    events = kube.watch(PODS, resource_version="1", stop=threading.Event())
    assert next(events)["type"] == "ADDED"
    with pytest.raises(ClusterError, match="broke"):
        next(events)


def test_log_lines_keep_carriage_returns_and_bad_bytes(api: ApiServer, kube: Kube) -> None:
    api.on("GET", LOG, streams("t1 one\rstill ", "one\n\nt2 two\u2028\n", "t3 no end"))
    lines = list(kube.follow_log("n", "p", "c", stop=threading.Event(), since_time="2026-01-01T00:00:00Z"))
    assert lines == ["t1 one\rstill one", "", "t2 two\u2028", "t3 no end"]
    assert api.asked[0].query == {
        "container": ["c"],
        "timestamps": ["true"],
        "follow": ["true"],
        "sinceTime": ["2026-01-01T00:00:00Z"],
    }


def test_logs_of_the_previous_container_and_of_the_present_are_not_followed(api: ApiServer, kube: Kube) -> None:
    api.on("GET", LOG, streams("t old\n"), streams("t new\n"), says(400, "previous terminated container not found"))
    stop = threading.Event()
    assert list(kube.follow_log("n", "p", "c", stop=stop, previous=True)) == ["t old"]
    assert list(kube.follow_log("n", "p", "c", stop=stop, follow=False)) == ["t new"]
    assert [("follow" in a.query, "previous" in a.query) for a in api.asked] == [(False, True), (False, False)]
    with pytest.raises(StreamRefused) as refused:
        list(kube.follow_log("n", "p", "c", stop=stop, previous=True))
    assert refused.value.status == 400


@pytest.mark.parametrize("script", [silent, streams("t one\n", ends="open")], ids=["before headers", "in the middle"])
def test_interrupt_ends_a_waiting_stream_at_once(api: ApiServer, kube: Kube, script: object) -> None:
    api.on("GET", LOG, script)  # type: ignore[arg-type]
    stop, other = threading.Event(), threading.Event()
    lines: list[str] = []
    thread = threading.Thread(target=lambda: lines.extend(kube.follow_log("n", "p", "c", stop=stop)))
    thread.start()
    while not api.asked:
        thread.join(0.01)
    kube.interrupt(other)
    thread.join(0.05)
    assert thread.is_alive(), "another's interrupt must not end it"
    kube.interrupt(stop)
    thread.join(2)
    assert not thread.is_alive()
    assert lines in ([], ["t one"])


def test_an_interrupted_client_opens_no_stream(api: ApiServer, kube: Kube) -> None:
    stop = threading.Event()
    stop.set()
    assert list(kube.follow_log("n", "p", "c", stop=stop)) == []
    assert api.asked == []


def test_exec_gives_exit_code_and_merged_output(api: ApiServer, kube: Kube) -> None:
    success = b'\x03{"status":"Success"}'
    failure = b'\x03{"status":"Failure","details":{"causes":[{"reason":"ExitCode","message":"3"}]}}'
    api.on("GET", f"{POD}/exec", executes(b"\x01", b"\x01out ", b"\x02err", success), executes(b"\x02bad\n", failure))
    assert kube.exec("n", "p", "c", ["df", "-hT", "a b&c"], timeout_s=2) == (0, "out err")
    assert api.asked[0].query["command"] == ["df", "-hT", "a b&c"]
    assert kube.exec("n", "p", "c", ["false"], timeout_s=2) == (3, "bad\n")
    assert kube.requests_made == 2


def test_what_an_image_has_no_program_for_runs_on_the_node(api: ApiServer, tmp_path: Path) -> None:
    """The container is asked once for each program; what it has is run in it."""
    missing = failure('OCI runtime exec failed: exec: "df": executable file not found in $PATH: unknown')
    api.on("GET", f"{POD}/exec", executes(missing), executes(b"\x01in it", STATUS_OK))
    there = says(200, {"metadata": {"name": "p"}})
    api.on("GET", POD, there, there)
    asked: list[Any] = []

    def on_node(pod: Any, container: str, argv: Any, timeout_s: float) -> tuple[int, str]:
        asked.append((pod["metadata"]["name"], container, *argv, timeout_s))
        return 0, "on the node"

    with Kube(kubeconfig(tmp_path, api.port), expected=None, on_node=on_node) as kube:
        said = [kube.exec("n", "p", "c", argv, timeout_s=2, reads=True)[1] for argv in (["df"], ["df"], ["promtool"])]
    assert said == ["on the node", "on the node", "in it"]
    assert asked == [("p", "c", "df", 2)] * 2


def test_without_a_node_a_missing_program_is_an_error_that_says_so(api: ApiServer, kube: Kube) -> None:
    missing = failure('exec: "/bin/sh": stat /bin/sh: no such file or directory')
    api.on("GET", f"{POD}/exec", executes(missing))
    with pytest.raises(exec_channel.NoProgram, match=r"exec in n/p/c: /bin/sh: .*no such file"):
        kube.exec("n", "p", "c", ["/bin/sh"], timeout_s=2)


def test_exec_that_cannot_start_or_end_is_a_cluster_error(api: ApiServer, kube: Kube) -> None:
    missing = b'\x03{"status":"Failure","message":"no such file: df"}'
    api.on("GET", f"{POD}/exec", executes(missing), says(404, "gone"), executes(b"\x01x"), executes(hold=True))
    for why in ("no such file: df", "404", "closed before the exit code"):
        with pytest.raises(ClusterError, match=why):
            kube.exec("n", "p", "c", ["df"], timeout_s=10)
    with pytest.raises(ClusterError, match=r"not done within 0\.?"):
        kube.exec("n", "p", "c", ["df"], timeout_s=0.3)


def test_a_token_is_sent(api: ApiServer, tmp_path: Path) -> None:
    api.on("GET", "/version", says(200, {}))
    with Kube(kubeconfig(tmp_path, api.port, user={"token": "secret"})) as client:
        client.get("/version")
    assert api.asked[0].authorization == "Bearer secret"


@pytest.mark.parametrize(
    "content", ["", "current-context: x\n", "current-context: x\ncontexts: [{name: y}]\n", "{", "[]"]
)
def test_what_is_no_kubeconfig_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config"
    path.write_text(content)
    with pytest.raises(ClusterError, match="not a usable kubeconfig"):
        Kube(path)
    with pytest.raises(ClusterError, match="not a usable kubeconfig"):
        Kube(tmp_path / "missing")


def test_a_kubeconfig_without_identity_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="client certificate or token"):
        Kube(kubeconfig(tmp_path, 6443, user={"exec": {"command": "aws"}}))


@pytest.mark.parametrize(
    ("version", "kind", "namespace", "path"),
    [
        ("v1", "Pod", "n", "/api/v1/namespaces/n/pods/x"),
        ("v1", "Namespace", None, "/api/v1/namespaces/x"),
        ("storage.k8s.io/v1", "StorageClass", None, "/apis/storage.k8s.io/v1/storageclasses/x"),
        ("networking.k8s.io/v1", "NetworkPolicy", "n", "/apis/networking.k8s.io/v1/namespaces/n/networkpolicies/x"),
        ("apps/v1", "DaemonSet", "n", "/apis/apps/v1/namespaces/n/daemonsets/x"),
    ],
)
def test_object_paths(version: str, kind: str, namespace: str | None, path: str) -> None:
    metadata = {"name": "x", **({"namespace": namespace} if namespace else {})}
    assert object_path({"apiVersion": version, "kind": kind, "metadata": metadata}) == path
