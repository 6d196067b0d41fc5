"""A bundle, from where it is written to where nothing else is."""

import gzip
import hashlib
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.bundle_world import IN_NODE, NODE, NODE_BYTES, PROMETHEUS, Docker, World, forge, members

from promdrill.artefacts import machine
from promdrill.core.errors import SupplyError, UsageError
from promdrill.helm.source.find import ChartRequest as Asked
from promdrill.request.request import make
from promdrill.supply.bundle import unpack
from promdrill.supply.bundle.manifest import MANIFEST, SUMS
from promdrill.supply.engine import lifecycle
from promdrill.supply.engine.lifecycle import Answer, Engine, Trouble
from promdrill.supply.supplied import SupplyRequest


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_what_was_put_in_comes_out(world: World) -> None:
    put = world.supplied()
    world.write(put)
    docker = Docker()
    got = world.open(engine=docker)
    assert got.name == "bundle"
    for name in ("kind", "kubectl", "helm"):
        tool: Path = getattr(got.tools, name)
        assert tool.read_bytes() == getattr(put.tools, name).read_bytes()
        assert stat.S_IMODE(tool.stat().st_mode) == 0o755
    assert got.chart.read_bytes() == put.chart.read_bytes()
    assert (got.provisioner.read_text(), got.crds.read_text()) == ("a: b\n", "c: d\n")
    assert [path.read_bytes() for path in got.archives] == [path.read_bytes() for path in put.archives]
    assert (got.kubernetes, got.node_image, got.app_version) == ("1.36.3", NODE, "3.14.0")
    assert (got.image_values, got.remarks) == (put.image_values, put.remarks)
    assert set(got.images or ()) == set(got.available or ()) == {IN_NODE, PROMETHEUS}
    assert docker.taken == [NODE_BYTES]
    everything = [got.tools.kind, got.chart, got.provisioner, *got.archives]
    assert all(path.is_relative_to(world.there.root) for path in everything)
    assert not list(world.there.root.rglob("node.tar*")), "the node image is in the engine, and not kept twice"


def test_second_time_nothing_is_unpacked_or_loaded(world: World) -> None:
    world.write()
    docker = Docker()
    first = world.open(engine=docker)
    world.said.clear()
    before = first.tools.kind.stat().st_mtime_ns
    again = world.open(engine=docker)
    assert again == first
    assert (world.said, again.tools.kind.stat().st_mtime_ns, len(docker.taken)) == ([], before, 1)


def test_node_image_that_the_engine_lost_is_loaded_again(world: World) -> None:
    world.write()
    world.open()
    world.said.clear()
    anew = Docker()
    world.open(engine=anew)
    assert anew.taken == [NODE_BYTES]
    assert len(world.said) == 1


def test_node_image_that_the_engine_has_stays(world: World) -> None:
    world.write()
    docker = Docker(NODE)
    world.open(engine=docker)
    assert docker.taken == []


def test_file_that_is_gone_from_the_cache_is_unpacked_again(world: World) -> None:
    world.write()
    helm = world.open().tools.helm
    helm.unlink()
    assert world.open().tools.helm == helm
    assert helm.read_text() == "#!helm"


def test_node_image_of_another_name_is_an_error(world: World) -> None:
    world.write()
    with pytest.raises(SupplyError, match=r"node.tar.gz does not contain promdrill/node"):
        world.open(engine=Docker(gives="promdrill/node:other"))


def test_kind_patch_is_of_the_system_that_runs_the_containers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    host = replace(machine.examine(), system="linux", kernel="6.1", hostname="here", missing=("CAP_SYS_RESOURCE",))
    monkeypatch.setattr(machine, "examine", lambda: host)
    world.write()
    here = {"kernel": "6.1", "hostname": "here"}
    old = world.open(engine=Docker(cgroup_v2=False, **here)).kind_patch
    assert set(old) == {"networking", "featureGates", "kubeadmConfigPatches"}
    assert set(world.open(engine=Docker(cgroup_v2=True, **here)).kind_patch) == {"networking", "featureGates"}
    elsewhere = Docker(cgroup_v2=True, kernel="6.1", hostname="docker-desktop")
    assert set(world.open(engine=elsewhere).kind_patch) == {"networking"}


def test_network_of_a_stock_node_image_is_left_to_it(world: World) -> None:
    world.write(world.supplied(name="registry", kind_patch={}, images=()))
    got = world.open()
    assert "networking" not in got.kind_patch
    assert got.images == (PROMETHEUS,), "without a network the cluster can run only what is in the bundle"


def test_list_comes_first_and_its_sums_hold(world: World) -> None:
    world.write()
    content = members(world.file)
    assert [name for name, _ in content][:2] == [MANIFEST, SUMS]
    assert content[-1][0] == "node.tar.gz"
    assert gzip.decompress(content[-1][1]) == NODE_BYTES
    files = dict(content)
    lines = files.pop(SUMS).decode().splitlines()
    assert lines == [f"{hashlib.sha256(text).hexdigest()}  {name}" for name, text in files.items()]


def test_engine_is_not_asked_for_before_the_bundle_is_known_to_be_good(world: World) -> None:
    world.write()
    forge(world.file, lambda table: table.update(architecture="s390x"))

    def never(**_: object) -> Engine:
        raise AssertionError("an engine was started")

    with pytest.raises(UsageError, match="made for s390x; this machine is"):
        unpack.open_(world.file, SupplyRequest(), cache=world.there, say=print, ensure=never)


def test_nothing_is_installed_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "ask", lambda: Answer(None, "the docker command is not installed"))
    monkeypatch.setattr(lifecycle, "obstacle", lambda *_: None)
    monkeypatch.setattr(lifecycle, "ensure", lambda **_: pytest.fail("it went on"))
    monkeypatch.setattr(machine, "program", lambda name: None if name == "dockerd" else Path("/bin/true"))
    with pytest.raises(UsageError, match=r"docker\.io cannot be installed without a network") as caught:
        unpack.ensure_engine(say=print)
    assert caught.value.hint.startswith("apt-get install --no-install-recommends docker.io,")


def test_engine_that_may_not_be_started_is_refused_as_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "ask", lambda: Answer(None, "permission denied", Trouble.NO_PERMISSION))
    monkeypatch.setattr(lifecycle, "ensure", lambda **_: pytest.fail("it went on"))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    with pytest.raises(UsageError, match="you may not use it"):
        unpack.ensure_engine(say=print)


def test_engine_that_answers_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    docker = Docker()
    monkeypatch.setattr(lifecycle, "ask", lambda: Answer(docker))
    monkeypatch.setattr(lifecycle, "ensure", lambda **_: docker)
    assert unpack.ensure_engine(say=print) is docker


def test_settings_that_a_bundle_decides(world: World) -> None:
    world.file.write_text("hello")
    with pytest.raises(UsageError, match="not a promdrill bundle"):
        make({"BUNDLE": str(world.file)})
    world.write(world.supplied(kubernetes="1.34.4"), SupplyRequest(kubernetes="1.34.4", helm="3"))
    made = make({"BUNDLE": str(world.file)})
    assert (made.settings.kubernetes, made.settings.helm) == ("1.34.4", "3")
    assert made.bundle == unpack.Listed.read(world.file)
    assert make({"BUNDLE": str(world.file), "HELM_VERSION": "4"}).settings.helm == "4", "what is said goes first"


ASKED = Asked("prometheus-community/prometheus", "25.8.0", None)


@pytest.mark.parametrize(
    "request_",
    [
        SupplyRequest(chart=Asked(None, None, None)),
        SupplyRequest(chart=ASKED),
        SupplyRequest(chart=Asked(None, "25.8.0", None)),
        SupplyRequest(chart=Asked("prometheus-community/prometheus", None, None)),
        SupplyRequest(supply="registry", mirror="mirror.example:5000"),
    ],
    ids=lambda request: str(request.chart),
)
def test_requests_that_the_bundle_meets(world: World, request_: SupplyRequest) -> None:
    world.write(request=SupplyRequest(chart=ASKED))
    assert unpack.unpacked(world.file, request_, cache=world.there, say=print).manifest.chart == "prometheus"


@pytest.mark.parametrize(
    ("request_", "app_version", "wanted"),
    [
        (SupplyRequest(kubernetes="1.34.4"), None, "KUBE_VERSION=1.34.4: .* holds Kubernetes 1.36.3, Helm 4"),
        (SupplyRequest(helm="3"), None, "HELM_VERSION=3: .* Helm 4"),
        (SupplyRequest(), "2.55.1", r"APP_VERSION=2.55.1: .* Prometheus 3\.14\.0"),
        (
            SupplyRequest(chart=Asked(None, "27.52.0", None)),
            None,
            "CHART_VERSION=27.52.0: .* chart prometheus 25.8.0",
        ),
        (
            SupplyRequest(chart=Asked("stable/prometheus", None, None)),
            None,
            "CHART=stable/prometheus: .* 25.8.0",
        ),
        (
            SupplyRequest(chart=Asked("prometheus", None, "https://c.example")),
            None,
            "REPO=https://c.example: .* 25.8.0",
        ),
        (
            SupplyRequest(chart=Asked("oci://c.example/prometheus:1.0.0", None, None)),
            None,
            "chart prometheus 25.8.0",
        ),
    ],
)
def test_requests_that_it_does_not_meet(
    world: World, request_: SupplyRequest, app_version: str | None, wanted: str
) -> None:
    world.write()
    with pytest.raises(UsageError, match=wanted):
        world.open(request_, app_version=app_version)
    assert not world.there.root.exists(), "nothing was unpacked"


def test_tag_of_a_registry_is_a_version(world: World) -> None:
    world.write(request=SupplyRequest(chart=Asked("oci://c.example/prometheus:25.8.0", None, None)))
    world.open(SupplyRequest(chart=Asked("oci://c.example/prometheus", "25.8.0", None)))
    with pytest.raises(UsageError, match="not the chart in the bundle"):
        world.open(SupplyRequest(chart=Asked("oci://c.example/prometheus:1.0.0", None, None)))


def test_chart_of_ones_own_must_be_the_very_same(world: World) -> None:
    folder = world.folder / "chart"
    supplied = world.supplied()
    world.write(supplied, SupplyRequest(chart=Asked(str(folder), None, None)))
    assert world.open(SupplyRequest(chart=Asked(str(folder), "25.8.0", None))).chart.name == "prometheus-25.8.0.tgz"
    assert world.open(SupplyRequest(chart=Asked(str(supplied.chart), None, None))).chart.name == "prometheus-25.8.0.tgz"
    (folder / "values.yaml").write_text("changed: true\n")
    with pytest.raises(UsageError, match="not the chart in the bundle"):
        world.open(SupplyRequest(chart=Asked(str(folder), "25.8.0", None)))


def test_version_that_was_asked_for_counts_beside_the_one_that_was_the_nearest(world: World) -> None:
    world.write(world.supplied(name="registry", kubernetes="1.36.4"), SupplyRequest(kubernetes="1.36.3"))
    assert world.open(SupplyRequest(kubernetes="1.36.3")).kubernetes == "1.36.4"
    assert world.open(SupplyRequest(kubernetes="1.36.4")).kubernetes == "1.36.4"


def test_app_version_may_be_said_with_a_v(world: World) -> None:
    world.write()
    assert world.open(app_version="v3.14.0").app_version == "3.14.0"


def test_machine_that_lacks_what_the_node_image_needs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "missing_capabilities", lambda **_: ())
    world.write()
    assert world.open().name == "bundle"
    monkeypatch.setattr(machine, "missing_capabilities", lambda **_: ("CAP_SYS_RESOURCE",))
    with pytest.raises(UsageError, match="its node image needs CAP_SYS_RESOURCE"):
        world.open()
