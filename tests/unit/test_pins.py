"""The table of pins: ours is whole, a user's own comes first, and what is not pinned is refused with a way out."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.version import Version

from promdrill.artefacts import pins
from promdrill.artefacts.pins import Pin, Pins
from promdrill.artefacts.platforms import PLATFORMS, Platform
from promdrill.core.errors import SupplyError, UsageError
from promdrill.helm.source import find
from promdrill.supply import kubernetes
from promdrill.supply.pull import registry
from promdrill.supply.supplied import SupplyRequest

LINUX = Platform("linux", "amd64")
SUM = "a" * 64


def _ours() -> Pins:
    return Pins(tomllib.loads(Path(pins.__file__).with_name("pins.toml").read_text()))


def test_every_sum_in_our_table_is_one_and_none_stands_twice() -> None:
    text = Path(pins.__file__).with_name("pins.toml").read_text()
    sums = re.findall(r'^(?:digest|\w+-(?:amd64|arm64)) = "(.*)"$', text, re.MULTILINE)
    assert len(sums) == len(set(sums)) > 15
    assert all(re.fullmatch(r"[0-9a-f]{64}", found) for found in sums)


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("helm", ["4", "3"])
def test_our_table_has_what_a_run_needs_on_every_platform(platform: Platform, helm: str) -> None:
    table = _ours()
    for version in table.versions(kubernetes.NODE):
        plan = registry.plan(SupplyRequest(kubernetes=version, helm=helm), platform, table)
        assert (plan.kubernetes, plan.node.tag) == (version, f"v{version}")
        skew = Version(plan.kubectl.version).minor - Version(version).minor
        assert (plan.kubectl.version == version) or (skew == 1 and platform.system == "darwin")
        assert plan.kind.address.endswith(f"v{registry.KIND}/kind-{platform.key}")
        assert plan.kubectl.address.endswith(f"v{plan.kubectl.version}/bin/{platform}/kubectl")
        assert plan.helm.address.endswith(f"-{platform.key}.tar.gz")
        assert plan.helm.member == f"{platform.key}/helm"
        assert plan.crds.address.endswith("/v0.72.0/bundle.yaml")
        assert plan.provisioner.address.endswith("/v0.0.30/deploy/local-path-storage.yaml")
    assert table.digest(find.DEFAULT, find.DEFAULT_VERSION)


def test_no_pin_is_there_that_nothing_reaches() -> None:
    table = _ours()
    assert set(table.versions("kubectl")) == set(table.versions(kubernetes.NODE))
    assert table.versions("kind") == [registry.KIND]
    assert {version.partition(".")[0] for version in table.versions("helm")} == {"3", "4"}
    assert len(table.versions("helm")) == 2
    assert table.versions(registry.BUNDLE) == [registry.OPERATOR]
    assert table.versions(registry.PROVISIONER) == [registry.PROVISIONER_VERSION]


def test_the_newest_of_a_line_is_numerically_newest() -> None:
    table = Pins({"helm": {"3.9.0": {}, "3.19.5": {}, "30.1.0": {}, "4.3.0": {}}})
    assert table.newest("helm", "3") == "3.19.5"
    assert table.newest("helm", "3.9.0") == "3.9.0"
    assert table.versions("helm") == ["30.1.0", "4.3.0", "3.19.5", "3.9.0"]


def test_a_version_without_a_pin_is_refused_with_a_way_out() -> None:
    with pytest.raises(SupplyError, match=r"has no helm 4\.3\.1; it has 4\.3\.0, 3\.19\.5") as caught:
        _ours().newest("helm", "4.3.1")
    assert '[helm."4.3.1"]' in caught.value.hint
    assert pins.PINS_VARIABLE in caught.value.hint
    with pytest.raises(SupplyError, match=r"no SHA-256 is pinned for kind 0\.1\.0 on linux/riscv64") as caught:
        _ours().tool("kind", "0.1.0", Platform("linux", "riscv64"))
    assert '[kind."0.1.0"] linux-riscv64 = ' in caught.value.hint
    with pytest.raises(SupplyError, match=r"no SHA-256 is pinned for operator-bundle 0\.1\.0; refusing") as caught:
        _ours().file("operator-bundle", "0.1.0")
    assert '[operator-bundle."0.1.0"] digest = ' in caught.value.hint


def test_a_users_own_pins_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own.toml"
    own.write_text(f'address.helm = "https://m/{{version}}"\nhelm."4.3.1".linux-amd64 = "{SUM}"\nmember.helm = "h"\n')
    monkeypatch.setenv(pins.PINS_VARIABLE, str(own))
    table = Pins.load()
    assert table.tool("helm", "4.3.1", LINUX) == Pin("helm", "4.3.1", "https://m/4.3.1", SUM, "h")
    assert table.tool("helm", "4.3.0", LINUX).address == "https://m/4.3.0"
    assert table.newest("helm", "4") == "4.3.1"
    assert table.tool("kind", registry.KIND, LINUX) == _ours().tool("kind", registry.KIND, LINUX)


def test_a_users_own_pins_may_be_a_copy_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(pins.PINS_VARIABLE, str(Path(pins.__file__).with_name("pins.toml")))
    table = Pins.load()
    assert table.digest(pins.IMAGES, "docker.io/rancher/local-path-provisioner:v0.0.30")


@pytest.mark.parametrize(
    ("key", "said", "hint"),
    [
        ('kind."latest"', "kind.latest: not a version", '[kind."1.2.3"]'),
        ('image."A b"', "image: 'A b' is not an image reference", '[image."quay.io/prometheus/prometheus:v2.48.0"]'),
    ],
)
def test_a_key_of_a_users_file_that_names_nothing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, said: str, hint: str
) -> None:
    own = tmp_path / "own.toml"
    own.write_text(f'{key}.digest = "{SUM}"\n')
    monkeypatch.setenv(pins.PINS_VARIABLE, str(own))
    with pytest.raises(UsageError, match=said) as caught:
        Pins.load()
    assert caught.value.hint == hint


@pytest.mark.parametrize("content", [None, "not toml at all ["])
def test_a_users_file_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    own = tmp_path / "own.toml"
    if content is not None:
        own.write_text(content)
    monkeypatch.setenv(pins.PINS_VARIABLE, str(own))
    with pytest.raises(UsageError, match=r"cannot read PROMDRILL_PINS=|not TOML"):
        Pins.load()


def test_without_a_users_file_ours_is_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(pins.PINS_VARIABLE, raising=False)
    assert Pins.load().versions("node") == _ours().versions("node")


def test_a_pin_that_is_no_sum_is_refused() -> None:
    with pytest.raises(UsageError, match="is not a SHA-256: sha256:abc"):
        Pins({"node": {"1.36.4": {"digest": "sha256:abc"}}}).digest("node", "1.36.4")
    assert Pins().digest("node", "1.36.4") is None
