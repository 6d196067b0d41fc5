"""The versions of Kubernetes that a supply has, and the one that a requested version gets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from promdrill.core.choices import DEFAULT_KUBERNETES
from promdrill.core.errors import UsageError
from promdrill.request.request import Request
from promdrill.request.settings import Settings
from promdrill.supply import choose, kubernetes
from promdrill.supply.kubernetes import Offer

KIND = Offer(("1.37.0", "1.36.4", "1.34.11"), by_line=True)
BUILT = Offer(("1.36.3", "1.34.4"))


@pytest.mark.parametrize(("wanted", "true"), [("1.36.4", "1.36.4"), ("1.36.3", "1.36.4"), ("1.34.4", "1.34.11")])
def test_any_patch_stands_for_the_one_that_kind_has(wanted: str, true: str) -> None:
    assert KIND.true(wanted) == true


@pytest.mark.parametrize("wanted", ["1.35.1", "1.36", "v1.36.4", "1.36.4-rc.1", "", "latest"])
def test_what_there_is_not_is_refused_with_the_nearest(wanted: str) -> None:
    with pytest.raises(UsageError, match=r"not one of 1\.37\.0, 1\.36\.4, 1\.34\.11") as caught:
        KIND.true(wanted)
    assert caught.value.hint.startswith("KUBE_VERSION=1.")


def test_what_is_built_is_asked_for_exactly() -> None:
    assert BUILT.true("1.34.4") == "1.34.4"
    with pytest.raises(UsageError, match=r"KUBE_VERSION=1\.36\.4"):
        BUILT.true("1.36.4")


def test_each_supply_offers_its_own() -> None:
    assert kubernetes.offer("source").versions == ("1.36.3", "1.34.4")
    assert kubernetes.offer("registry").versions == ("1.37.0", "1.36.4", "1.35.8", "1.34.11")
    assert kubernetes.offer("registry").true(DEFAULT_KUBERNETES) == "1.36.4"
    both = kubernetes.offered_anywhere()
    assert both.versions[0] == "1.37.0"
    assert {"1.36.3", "1.35.8"} <= {*both.versions}


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def use(name: str) -> None:
        monkeypatch.setattr("promdrill.supply.choose.chosen", lambda *_: choose.Choice(name, ""))

    return use


def test_a_request_bears_the_true_version_and_says_so_first(chosen: Callable[[str], None]) -> None:
    said: list[str] = []
    chosen("registry")
    assert Request(Settings(kubernetes="1.36.3")).settled(say=said.append).settings.kubernetes == "1.36.4"
    assert said == ["Kubernetes 1.36.4 runs instead of 1.36.3: kind has an image of no other 1.36."]
    assert Request(Settings(kubernetes="1.35.8")).settled(say=pytest.fail).settings.kubernetes == "1.35.8"
    chosen("source")
    assert Request(Settings(kubernetes="1.36.3")).settled(say=pytest.fail).settings.kubernetes == "1.36.3"
    with pytest.raises(UsageError, match=r"KUBE_VERSION=1\.37\.0"):
        Request(Settings(kubernetes="1.37.0")).settled(say=pytest.fail)
