"""The choice of a supply: two tries, more than one registry asked, and no mirror but the user's."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import requests

from promdrill.artefacts import registries
from promdrill.artefacts.registries import Registry
from promdrill.core.errors import UsageError
from promdrill.supply import choose
from promdrill.supply.choose import Choice

HUB, MIRROR = Registry.of("docker.io"), Registry.of("mirror.example")


class _Registry:
    """Stands in for ``requests.get``; answers once."""

    def __init__(self, answer: int | Exception) -> None:
        self.answer = answer
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, address: str, **options: Any) -> requests.Response:
        self.asked.append((address, options))
        if isinstance(self.answer, Exception):
            raise self.answer
        response = requests.Response()
        response.status_code = self.answer
        return response


def _by_host(answers: Mapping[str, list[int | Exception]]) -> Callable[..., requests.Response]:
    """Each registry's answers, one for each time that it is asked."""
    left = {host: list(given) for host, given in answers.items()}

    def get(address: str, **options: Any) -> requests.Response:
        host = next(host for host in left if host in address)
        return _Registry(left[host].pop(0))(address, **options)

    return get


@pytest.mark.parametrize("status", [200, 401, 429])
def test_a_mirror_that_answers_is_used(status: int) -> None:
    get = _Registry(status)
    choice = choose.choose("auto", registry=MIRROR, get=get)
    assert choice == Choice("registry", "The image registry at https://mirror.example answers.")
    assert get.asked == [(f"{MIRROR.api}/v2/", {"timeout": choose.ASK_S[0], "allow_redirects": False})]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (403, "answered 403"),
        (302, "answered 302"),
        (503, "answered 503"),
        (requests.ConnectionError("refused"), "cannot be reached"),
        (requests.ConnectTimeout("x"), "did not answer within 6 s"),
    ],
)
def test_otherwise_everything_is_built(answer: int | Exception, words: str) -> None:
    get = _Registry(answer)
    choice = choose.choose("auto", registry=HUB, get=get)
    assert choice.name == "source"
    assert f"Docker Hub {words}" in choice.why
    assert f"Quay {words}" in choice.why
    assert "(asked 2 times)" in choice.why
    assert len(get.asked) == len(choose.ASK_S) * len(registries.PUBLIC)


def test_one_slow_answer_sends_nobody_into_a_build() -> None:
    slow = requests.ConnectTimeout("x")
    second_try = _by_host({"registry-1.docker.io": [slow, 401], "quay.io": [slow, slow]})
    assert choose.choose("auto", registry=HUB, get=second_try) == Choice("registry", "Docker Hub answers.")
    other = _by_host({"registry-1.docker.io": [slow, slow], "quay.io": [200]})
    assert choose.choose("auto", registry=HUB, get=other) == Choice("registry", "Quay answers.")


def test_a_mirror_is_asked_alone() -> None:
    get = _Registry(503)
    assert choose.choose("auto", registry=MIRROR, get=get).name == "source"
    assert {address for address, _ in get.asked} == {f"{MIRROR.api}/v2/"}


def test_a_question_that_hangs_is_given_up_and_holds_up_no_other() -> None:
    go_on = threading.Event()

    def hang(address: str, **options: Any) -> requests.Response:
        if "quay.io" not in address:
            go_on.wait(20)
        return _Registry(200)(address, **options)

    other = Registry.of("quay.io")
    try:
        assert choose.ask([HUB], get=hang, within_s=0.05) == {HUB: "did not answer within 0.05 s"}
        assert choose.ask([HUB, other], get=hang, within_s=60.0)[other] is None
    finally:
        go_on.set()


@pytest.mark.parametrize("wanted", ["source", "registry"])
def test_a_forced_supply_asks_nobody(wanted: str) -> None:
    get = _Registry(200)
    assert choose.choose(wanted, registry=HUB, get=get) == Choice(wanted, f"SUPPLY={wanted} was requested.")
    assert get.asked == []


@pytest.mark.parametrize(
    ("wanted", "near"), [("sorce", "source"), ("Registry", "registry"), ("regstry", "registry"), ("moon", "auto")]
)
def test_a_supply_that_is_none_names_the_nearest(wanted: str, near: str) -> None:
    with pytest.raises(UsageError, match=f"SUPPLY={wanted}: not one of auto, source, registry") as caught:
        choose.choose(wanted, registry=HUB, get=_Registry(200))
    assert caught.value.hint == f"SUPPLY={near}"


@pytest.mark.parametrize(
    ("address", "api", "prefix", "path"),
    [
        ("docker.io", "https://registry-1.docker.io", "", ""),
        ("mirror.example", "https://mirror.example", "mirror.example/", ""),
        ("mirror.example:5000/", "https://mirror.example:5000", "mirror.example:5000/", ""),
        ("https://harbor.example/hub/all", "https://harbor.example", "harbor.example/hub/all/", "hub/all/"),
        ("http://mirror.example", "http://mirror.example", "mirror.example/", ""),
        ("127.0.0.1:5000", "http://127.0.0.1:5000", "127.0.0.1:5000/", ""),
        ("localhost:5000", "http://localhost:5000", "localhost:5000/", ""),
        ("[::1]:5000", "http://[::1]:5000", "[::1]:5000/", ""),
    ],
)
def test_an_address_is_taken_as_docker_takes_it(address: str, api: str, prefix: str, path: str) -> None:
    registry = Registry.of(address)
    assert (registry.api, registry.prefix, registry.path) == (api, prefix, path)


@pytest.mark.parametrize("address", ["ftp://x", "a b", "http://", "x:port", "user@host"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="is not the address of a registry"):
        Registry.of(address)


def test_the_mirror_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(registries.MIRROR_VARIABLE, raising=False)
    assert registries.mirror() == HUB
    monkeypatch.setenv(registries.MIRROR_VARIABLE, "mirror.example")
    assert registries.mirror() == Registry.of("mirror.example")
