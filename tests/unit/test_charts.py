"""Charts by a Helm made up here: checked against their pin, kept once, and the user's own Helm left alone."""

import hashlib
from pathlib import Path

import pytest

from promdrill.errors import SupplyError
from promdrill.supply import charts
from promdrill.supply.cache import Cache
from promdrill.supply.pins import Pins

SUM = hashlib.sha256(b"chart").hexdigest()


def _helm(folder: Path, script: str = 'printf chart > "$7/$2-$6.tgz"') -> Path:
    helm = folder / "helm"
    helm.write_text(f'#!/bin/sh\necho "$*" >> {folder}/calls\n{script}\n')
    helm.chmod(0o755)
    return helm


def _pull(helm: Path, tmp_path: Path, said: list[str], *, pinned: str | None = SUM, repo: str = "https://r/x") -> Path:
    pins = Pins({"prometheus": {"25.8.0": {"digest": pinned}} if pinned else {}})
    return charts.pull(helm, "prometheus", "25.8.0", repo, pins=pins, cache=Cache(tmp_path / "c"), say=said.append)


PUT = 'for last; do :; done; printf chart > "$last/prometheus-25.8.0.tgz"'


def test_a_chart_is_pulled_once_and_checked(tmp_path: Path) -> None:
    helm = _helm(tmp_path, PUT)
    said: list[str] = []
    chart = _pull(helm, tmp_path, said)
    assert chart.read_bytes() == b"chart"
    assert _pull(helm, tmp_path, said) == chart
    assert said == []
    (call,) = (tmp_path / "calls").read_text().splitlines()
    assert call.startswith("pull prometheus --repo https://r/x --version 25.8.0 --destination ")


def test_a_registry_of_charts_is_named_in_one_piece(tmp_path: Path) -> None:
    _pull(_helm(tmp_path, PUT), tmp_path, [], repo="oci://127.0.0.1:5000/charts/")
    assert (tmp_path / "calls").read_text().startswith("pull oci://127.0.0.1:5000/charts/prometheus --version 25.8.0")


def test_a_chart_that_is_not_what_is_pinned_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(SupplyError, match=f"has SHA-256 {SUM}, but dddd") as caught:
        _pull(_helm(tmp_path, PUT), tmp_path, [], pinned="d" * 64)
    assert "PROMDRILL_PINS" in caught.value.hint
    assert list((tmp_path / "c").rglob("*.tgz")) == []


def test_a_chart_without_a_pin_is_used_and_its_sum_said(tmp_path: Path) -> None:
    said: list[str] = []
    _pull(_helm(tmp_path, PUT), tmp_path, said, pinned=None)
    assert said == [f"No digest is pinned for chart prometheus 25.8.0; https://r/x gave {SUM}."]


def test_the_users_own_helm_is_left_alone(tmp_path: Path) -> None:
    helm = _helm(tmp_path, f'echo "$HELM_CACHE_HOME $HELM_CONFIG_HOME $HELM_DATA_HOME" > {tmp_path}/homes; {PUT}')
    _pull(helm, tmp_path, [])
    homes = (tmp_path / "homes").read_text().split()
    assert len(homes) == 3
    assert not any(Path(home).exists() or home.startswith(str(Path.home())) for home in homes)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (
            "echo 'Error: failed to fetch https://r/x/index.yaml : 404 Not Found' >&2; exit 1",
            "https://r/x does not have it",
        ),
        ("echo 'Error: failed to fetch https://r/x/index.yaml : 401 Unauthorized' >&2; exit 1", "wants credentials"),
        (
            'echo \'Error: chart "prometheus" version "25.8.0" not found in https://r/x\' >&2; exit 1',
            "does not have it",
        ),
        ("exec sleep 20", r"did not answer within 0 s"),
        ("true", "left 0 archives"),
    ],
)
def test_a_repository_that_fails_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, words: str
) -> None:
    monkeypatch.setattr(charts, "CHART_S", 0.4)
    with pytest.raises(SupplyError, match=words) as caught:
        _pull(_helm(tmp_path, script), tmp_path, [])
    assert "REPO=" in caught.value.hint
