"""Plain requests to the API server: counted, and retried where that is safe."""

from __future__ import annotations

import json
import threading
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from tenacity import Retrying, retry_if_exception, retry_if_result, stop_before_delay, wait_exponential
from tenacity.nap import sleep_using_event

from promdrill.core.clock import SYSTEM
from promdrill.core.errors import ClusterError
from promdrill.kube.answer import Answer
from promdrill.kube.expected import PLACE
from promdrill.kube.streams import CONNECT_TIMEOUT_S, Credentials


class Transport:
    """A session of requests with one set of credentials. Environment variables, proxies and netrc are ignored.

    Attributes:
        requests_made: Requests to the API server itself.
        questions_asked: Requests that it only forwarded (paths with ``/proxy/`` or ``/portforward``).
        checks_made: Requests that asked which API server it is.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._server = credentials.server
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = credentials.ca_file
        self._session.cert = credentials.cert_files
        self._session.headers.update({**credentials.headers, "Accept": "*/*"})
        self._session.mount("https://", HTTPAdapter(pool_maxsize=8))
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self.requests_made = 0
        self.questions_asked = 0
        self.checks_made = 0

    def close(self) -> None:
        """Close connections, and end the pauses between attempts."""
        self._closed.set()
        self._session.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        body: Any,
        content_type: str,
        timeout_s: float,
        again: frozenset[int] = frozenset(),
        retry: bool = True,
    ) -> Answer:
        """Send one request; retry on a failed connection or a status in `again`, as long as `timeout_s` allows.

        A POST may have arrived even without an answer, and is never sent twice.

        Raises:
            ClusterError: Nobody answered.
        """
        retry = retry and method != "POST"
        retrying = Retrying(
            stop=stop_before_delay(timeout_s if retry else 0),
            wait=wait_exponential(multiplier=0.1, max=1),
            sleep=sleep_using_event(self._closed),
            retry=retry_if_exception(lambda e: retry and isinstance(e, requests.ConnectionError | requests.Timeout))
            | retry_if_result(lambda answer: retry and answer.status in again),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )
        data = None if body is None else json.dumps(body)
        try:
            answer: Answer = retrying(self._once, method, path, data, content_type, timeout_s)
        except requests.RequestException as error:
            raise ClusterError(f"the API server does not answer: {method} {path.partition('?')[0]}: {error}") from error
        return answer

    def count(self, path: str) -> None:
        """Count a request that is made elsewhere."""
        with self._lock:
            if "/proxy/" in path or "/portforward" in path:
                self.questions_asked += 1
            elif path == PLACE:
                self.checks_made += 1
            else:
                self.requests_made += 1

    def _once(self, method: str, path: str, data: str | None, content_type: str, timeout_s: float) -> Answer:
        self.count(path)
        began = SYSTEM.monotonic()
        response = self._session.request(
            method,
            f"{self._server}{path}",
            data=data,
            headers={"Content-Type": content_type} if data is not None else {},
            timeout=(min(CONNECT_TIMEOUT_S, timeout_s), timeout_s),
            allow_redirects=False,
        )
        return Answer(response.status_code, response.content.decode("utf-8", "replace"), SYSTEM.monotonic() - began)
