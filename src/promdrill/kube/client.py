"""A small client of the API server: raw JSON in, raw JSON out, every request counted.

ClusterError                the API server cannot be reached
+-- NotOurs                 another cluster answers than the expected one: nothing was changed
+-- Untrusted               what speaks TLS shows a certificate that nobody trusts: nothing was asked
+-- ApiError                it refused; `status` and `reason` say how
    +-- NotFound            ... because there is no such object
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias
from urllib.parse import quote, urlencode

from promdrill.core.clock import Deadline
from promdrill.core.errors import ClusterError, NotOurs
from promdrill.core.login import Login
from promdrill.kube import exec_channel, port_forward
from promdrill.kube.answer import Answer, speaks_tls
from promdrill.kube.expected import Expected
from promdrill.kube.port_forward import Untrusted
from promdrill.kube.streams import Credentials, StreamRefused, Streams

__all__ = ["MANAGED_BY", "Answer", "ApiError", "Kube", "NotFound", "StreamRefused", "Untrusted", "object_path"]

FIELD_MANAGER = "promdrill"
"""Field manager of `Kube.apply`."""

MANAGED_BY = {"app.kubernetes.io/managed-by": "promdrill"}
"""Label of every object that promdrill creates. Without it, promdrill removes nothing."""

TRANSIENT = frozenset({429, 502, 503, 504})
"""HTTP statuses of an API server that is starting, stopping or busy: the request is worth another try."""

OnNode: TypeAlias = Callable[[Mapping[str, Any], str, Sequence[str], float], tuple[int, str]]
"""Runs a command on the node of a container whose image has no such program: given its pod, its name, the command and
the seconds that it may take. Returns the exit code and the output; raises ClusterError."""

CALL_TIMEOUT_S = 10.0
"""Seconds for one call with its retries; it takes milliseconds, or seconds while an API server starts."""

_PROXIED = re.compile(
    r"(?P<space>/api/v1/namespaces/(?P<namespace>[^/]+))"
    r"/(?:services/(?P<service>[^/:]+):(?P<port>[^/:]+)|pods/(?P<pod>[^/:]+):(?P<pod_port>\d+))/proxy(?P<asked>/.*)"
)
"""A request that the API server passes on to a port of a Service or a pod."""

PATCH_TYPES = {
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "json": "application/json-patch+json",
}
"""Content types by kind of patch."""


class ApiError(ClusterError):
    """The API server refused.

    Attributes:
        what: The request.
        status: HTTP status.
        said: The server's own sentence.
        reason: The API's own word, such as `AlreadyExists`; empty if it gave none.
    """

    def __init__(self, what: str, status: int, text: str) -> None:
        body = _json_object(text)
        self.what, self.status = what, status
        self.said = str(body.get("message") or text.strip()[:500])
        self.reason = str(body.get("reason", ""))
        super().__init__(f"{what}: HTTP {status}: {self.said}")


class NotFound(ApiError):
    """There is no such object."""


class Kube:
    """One API server, as the current context of one kubeconfig. Safe to use from several threads.

    Every change is preceded by `require_expected`, which is counted apart.

    Args:
        kubeconfig: The file; all other configuration, environment variables and proxies are ignored.
        expected: The API server that it must be; without one, nothing can be changed.
        on_node: Runs what a container's image has no program for; None to refuse it.
        login: Given to what asks for one behind the API server's proxy; None to take its answer as it is.

    Raises:
        ClusterError: The file is not a usable kubeconfig.
    """

    def __init__(
        self,
        kubeconfig: Path,
        *,
        expected: Expected | None = None,
        on_node: OnNode | None = None,
        login: Login | None = None,
    ) -> None:
        from promdrill.kube.transport import Transport  # noqa: PLC0415  requests: not before there is a cluster to ask

        self._kubeconfig, self._expected, self._on_node, self._login = kubeconfig, expected, on_node, login
        self._tls = login.tls if login is not None else None
        self._lacking: set[tuple[str, str, str, str]] = set()
        self._credentials = Credentials(kubeconfig)
        self._streams = Streams(self._credentials)
        self._transport = Transport(self._credentials)

    @property
    def requests_made(self) -> int:
        """Requests to the API server itself so far, without watches, log streams, proxied requests and checks of it."""
        return self._transport.requests_made

    @property
    def checks_made(self) -> int:
        """Requests so far that asked which API server it is."""
        return self._transport.checks_made

    @property
    def questions_asked(self) -> int:
        """Requests so far that the API server only passed on to a service or a pod."""
        return self._transport.questions_asked

    def require_expected(self) -> None:
        """Make sure that the expected API server answers, before something is done to its cluster.

        Raises:
            NotOurs: Another one answers, the kubeconfig leads elsewhere by now, or none is expected.
            ClusterError: Nobody answers.
        """
        if self._expected is None:
            raise NotOurs(f"nothing says which cluster {self._kubeconfig} must lead to, so nothing is changed there")
        self._expected.require(self._kubeconfig, self.get)

    def close(self) -> None:
        """End every stream, close connections and delete private key files. May be called more than once."""
        self._streams.interrupt_all()
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        content_type: str = "application/json",
        timeout_s: float = 10,
        retry: bool = True,
    ) -> Answer:
        """Send one request; any HTTP status is an answer.

        A Service or a pod that answers 401 through the API server's proxy is asked again, once, with the login, and one
        that speaks TLS by TLS; either answer means that nothing was done. The proxy removes such a header, and trusts
        any certificate, so that request goes to a forwarded port.

        Args:
            method: HTTP method.
            path: Path and query.
            body: Sent as JSON unless None.
            content_type: The body's.
            timeout_s: Seconds for all attempts together, and for each.
            retry: Try again if the connection fails; a POST is never sent twice, because it may have arrived.

        Raises:
            NotOurs: It would change something, and another cluster answers.
            Untrusted: What speaks TLS shows a certificate that the login's authority has not signed.
            ClusterError: Nobody answered.
        """
        deadline = Deadline.after(timeout_s)
        if method != "GET":
            self.require_expected()
        answer = self._transport.send(
            method, path, body=body, content_type=content_type, timeout_s=timeout_s, retry=retry
        )
        proxied, login = _PROXIED.fullmatch(path), self._login
        if login is None or proxied is None:
            return answer
        tls = self._tls if speaks_tls(answer.status, answer.text) else None
        if tls is None and not (login.user and _asks_for_login(answer)):
            return answer
        headers = {"Authorization": login.header} if login.user else {}
        headers |= {} if body is None else {"Content-Type": content_type}
        what = f"{method} {path.partition('?')[0]}, {'with the login' if tls is None else 'by TLS'}"
        pod, port = proxied["pod"], proxied["pod_port"]
        if pod is None:
            pod, port = self._pod_behind(proxied, what, deadline)
        to = port_forward.path_of(proxied["namespace"], pod, int(port))
        self._transport.count(to)
        return port_forward.send(
            self._credentials,
            to,
            method,
            proxied["asked"],
            headers=headers,
            body=None if body is None else json.dumps(body),
            what=what,
            deadline=deadline,
            tls=tls,
        )

    def get(self, path: str, *, timeout_s: float = CALL_TIMEOUT_S) -> dict[str, Any]:
        """The object, or list, at `path`; tried for `timeout_s` seconds.

        Raises:
            NotFound: There is no such object.
            ApiError: The API server refused.
            ClusterError: Nobody answered.
        """
        return self._call("GET", path, timeout_s=timeout_s)

    def apply(self, obj: Mapping[str, Any]) -> dict[str, Any]:
        """Server-side apply, forced; returns the new object. Errors as in `get`."""
        path = f"{object_path(obj)}?{urlencode({'fieldManager': FIELD_MANAGER, 'force': 'true'})}"
        return self._call("PATCH", path, obj, "application/apply-patch+yaml")

    def create(self, obj: Mapping[str, Any]) -> dict[str, Any]:
        """Create the object; `ApiError` with status 409 when it exists. Errors as in `get`."""
        return self._call("POST", object_path(obj).rpartition("/")[0], obj)

    def patch(self, path: str, patch: Any, *, kind: Literal["merge", "strategic", "json"] = "merge") -> dict[str, Any]:
        """Patch the object at `path`; returns the new object. Errors as in `get`."""
        return self._call("PATCH", path, patch, PATCH_TYPES[kind])

    def delete(self, path: str, *, missing_ok: bool = True, grace_s: int | None = None, uid: str = "") -> None:
        """Request deletion of the object, and of its dependents in the background, without waiting for it.

        Args:
            path: Of the object.
            missing_ok: Whether a missing object is not an error.
            grace_s: Seconds that a pod gets to stop; None for its own setting.
            uid: UID that the object must have, or the API server refuses; empty for any.

        Raises:
            NotFound: There is none, and `missing_ok` is false.
            ApiError: The API server refused.
            ClusterError: Nobody answered.
        """
        options: dict[str, Any] = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
        if grace_s is not None:
            options["gracePeriodSeconds"] = grace_s
        if uid:
            options["preconditions"] = {"uid": uid}
        try:
            self._call("DELETE", path, options)
        except NotFound:
            if not missing_ok:
                raise

    def watch(
        self,
        path: str,
        *,
        resource_version: str,
        stop: threading.Event,
        timeout_s: float = 300,
        params: Mapping[str, str] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Raw watch events, bookmarks included.

        Ends when the server closes the stream or `stop` is passed to `interrupt`. A refusal, such as 410, arrives as an
        ERROR event, as it does in the middle of a stream.

        Args:
            path: The collection's path.
            resource_version: Where to start: the list's version.
            stop: See `interrupt`.
            timeout_s: Seconds after which the server closes the stream.
            params: More query parameters.

        Raises:
            ClusterError: The connection could not be made, or broke.
        """
        asked = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(int(timeout_s)),
            **(params or {}),
        }
        try:
            for line in self._streams.lines(f"{path}?{urlencode(asked)}", stop=stop, silence_s=timeout_s + 30):
                yield json.loads(line)
        except StreamRefused as refused:
            status = {"kind": "Status", "code": refused.status, "message": refused.body, **_json_object(refused.body)}
            yield {"type": "ERROR", "object": status}

    def follow_log(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        stop: threading.Event,
        previous: bool = False,
        since_time: str | None = None,
        follow: bool = True,
    ) -> Iterator[str]:
        """Raw log lines, each beginning with its timestamp and a space, without their ends.

        Ends when the container ends, or without `follow` at the current end of the log.

        Args:
            namespace: The pod's.
            pod: Its name.
            container: The container's.
            stop: See `interrupt`.
            previous: Read the container before the current one, without following.
            since_time: RFC 3339, whole seconds: older lines are left out.
            follow: Continue with new lines as they are written.

        Raises:
            StreamRefused: There is no such log (yet).
            ClusterError: The connection could not be made, or broke.
        """
        asked = {"container": container, "timestamps": "true"}
        asked |= {"previous": "true"} if previous else {"follow": "true"} if follow else {}
        if since_time:
            asked["sinceTime"] = since_time
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log?{urlencode(asked)}"
        for line in self._streams.lines(path, stop=stop, silence_s=None):
            yield line.decode("utf-8", "replace").rstrip("\n")

    def interrupt(self, stop: threading.Event) -> None:
        """Set `stop`, and immediately end every watch and log stream that was opened with it."""
        self._streams.interrupt(stop)

    def exec(
        self, namespace: str, pod: str, container: str, argv: Sequence[str], *, timeout_s: float, reads: bool = False
    ) -> tuple[int, str]:
        """Run a command in a container; returns its exit code, and its output including standard error.

        Where its image has no such program, the node's own is run on its files.

        Args:
            namespace: The pod's.
            pod: Its name.
            container: The container's.
            argv: The command.
            timeout_s: Seconds that it may take.
            reads: Whether it changes nothing.

        Raises:
            NotOurs: It may change something, and another cluster answers.
            ClusterError: It could not be started, or did not end within `timeout_s` seconds (it is then left running).
        """
        if not reads:
            self.require_expected()
        asked = [
            ("container", container),
            ("stdout", "true"),
            ("stderr", "true"),
            *(("command", part) for part in argv),
        ]
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/exec?{urlencode(asked, quote_via=quote)}"
        what = f"exec in {namespace}/{pod}/{container}: {' '.join(argv)}"
        lacking = (namespace, pod, container, argv[0])
        if self._on_node is None or lacking not in self._lacking:
            self._transport.count(path)
            try:
                return exec_channel.run(self._credentials, path, what=what, timeout_s=timeout_s)
            except exec_channel.NoProgram:
                if self._on_node is None:
                    raise
                self._lacking.add(lacking)
        return self._on_node(self.get(f"/api/v1/namespaces/{namespace}/pods/{pod}"), container, argv, timeout_s)

    def _pod_behind(self, proxied: re.Match[str], what: str, deadline: Deadline) -> tuple[str, int]:
        """A ready pod of a Service that a proxied request goes to, and its port.

        Raises:
            ClusterError: There is none, or the API server did not say.
        """
        name, asked = proxied["service"], proxied["port"]
        service = self.get(f"{proxied['space']}/services/{name}", timeout_s=port_forward.left_s(deadline))
        named = [port.get("name", "") for port in service["spec"]["ports"] if asked in _called(port)]
        selector = urlencode({"labelSelector": f"kubernetes.io/service-name={name}"})
        slices = f"/apis/discovery.k8s.io/v1/namespaces/{proxied['namespace']}/endpointslices?{selector}"
        for each in self.get(slices, timeout_s=port_forward.left_s(deadline))["items"]:
            numbers = [port["port"] for port in each.get("ports") or () if (port.get("name") or "") in named]
            for endpoint in each.get("endpoints") or ():
                pod = endpoint.get("targetRef") or {}
                ready = (endpoint.get("conditions") or {}).get("ready") is not False
                if numbers and ready and pod.get("kind") == "Pod":
                    return str(pod["name"]), int(numbers[0])
        raise ClusterError(f"{what}: no ready pod is behind port {asked} of the Service {name}")

    def _call(
        self,
        method: str,
        path: str,
        body: Any = None,
        content_type: str = "application/json",
        timeout_s: float = CALL_TIMEOUT_S,
    ) -> dict[str, Any]:
        if method != "GET":
            self.require_expected()
        answer = self._transport.send(
            method, path, body=body, content_type=content_type, timeout_s=timeout_s, again=TRANSIENT
        )
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            what = f"{method} {path.partition('?')[0]}"
            raise (NotFound if answer.status == HTTPStatus.NOT_FOUND else ApiError)(what, answer.status, answer.text)
        return _json_object(answer.text)


def _asks_for_login(answer: Answer) -> bool:
    """Whether what was asked refused for want of a login, and not the API server itself."""
    return answer.status == HTTPStatus.UNAUTHORIZED and _json_object(answer.text).get("kind") != "Status"


def _called(port: Mapping[str, Any]) -> set[str]:
    """By what the API server's proxy knows a Service's port: its number, and its name if it has one."""
    return {str(port["port"]), *filter(None, [port.get("name")])}


def object_path(obj: Mapping[str, Any]) -> str:
    """API path of an object, from its apiVersion, kind, name and namespace (empty: it is cluster-wide)."""
    version, kind, about = str(obj["apiVersion"]), str(obj["kind"]).lower(), obj["metadata"]
    plural = f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}es" if kind.endswith("s") else f"{kind}s"
    group = f"/apis/{version}" if "/" in version else f"/api/{version}"
    scope = f"/namespaces/{about['namespace']}" if about.get("namespace") else ""
    return f"{group}{scope}/{plural}/{about['name']}"


def _json_object(text: str) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
