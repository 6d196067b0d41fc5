"""Drills in a cluster that promdrill did not make: what is refused before anything starts, how the rest is drilled."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.unit.adopted_world import NAME, SPACES, Theirs, engine, theirs
from tests.unit.charts_world import chart, helm
from tests.unit.cluster_world import Engine
from tests.unit.drill_toy import drill_in, run_toy
from tests.unit.drill_world import World, world

from promdrill.authoring.stated import MOMENTS, stated
from promdrill.cli import main
from promdrill.cluster import adoption
from promdrill.core import paths
from promdrill.core.errors import NotOurs, UsageError
from promdrill.core.model import Variant, Verdict
from promdrill.drill import Drill, DrillNotPassed, Persistence
from promdrill.drill.plan import conditions_of
from promdrill.drill.provision import prepare_adopted
from promdrill.faults import OnNode
from promdrill.faults.base import Ground, Undo
from promdrill.helm.values import Case, plan
from promdrill.install.needs import Made, Needs
from promdrill.kube.expected import Expected
from promdrill.observe.conditions import Condition
from promdrill.observe.server import Server
from promdrill.plugin.session import DrillSession
from promdrill.request import adopting, fulfil, options, scenarios
from promdrill.request.request import KindOptions, Request, make
from promdrill.request.scenarios import ScenarioFolder
from promdrill.results.run import Run
from promdrill.supply.build import archive
from promdrill.supply.engine import lifecycle
from promdrill.supply.supplied import Tools

__all__ = ["engine", "theirs", "world"]

FIT = ("config-typo", "flag-repeated", "quota", "rolling-lock", "wal-corrupt")
"""The shipped scenarios of which nothing is outside their namespace."""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for option in (*options.OPTIONS, *options.SESSION):
        monkeypatch.delenv(option.variable, raising=False)
    monkeypatch.setenv("PROMDRILL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def folders(*ids: str) -> list[Path]:
    return [each.folder for each in scenarios.select(ids)]


# --- settings -------------------------------------------------------------------------------------------------------


def test_a_cluster_is_adopted_by_name_and_by_saying_so() -> None:
    request = make({"CLUSTER": NAME, "ADOPT": "1"})
    assert (request.cluster.name, request.cluster.adopt) == (NAME, True)
    assert request.settings.profile == "as-shipped", "promdrill did not set up its kubelet"
    assert not make({"CLUSTER": NAME}).cluster.adopt
    assert make({"CLUSTER": NAME, "ADOPT": "0"}).settings.profile == "fast"


@pytest.mark.parametrize(
    ("given", "said", "hint"),
    [
        ({"ADOPT": "1", "CLUSTER": ""}, "ADOPT=1: CLUSTER is not set", "CLUSTER=NAME ADOPT=1"),
        ({"ADOPT": "yes"}, "ADOPT=yes: not one of 0, 1", ""),
        ({"KEEP": "1"}, "KEEP=1: not with ADOPT=1", "leave KEEP out"),
        ({"JOBS": "2"}, "JOBS=2: not with ADOPT=1", "leave JOBS out"),
        ({"KUBE_VERSION": "1.36.3"}, "KUBE_VERSION: not with ADOPT=1", "leave KUBE_VERSION out"),
        ({"PROFILE": "fast"}, "PROFILE=fast: not with ADOPT=1", "leave PROFILE out"),
    ],
)
def test_settings_that_cannot_be_kept_there_are_refused(given: dict[str, str], said: str, hint: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)) as caught:
        make({"CLUSTER": NAME, "ADOPT": "1", **given})
    assert caught.value.hint == hint or not hint


@pytest.mark.parametrize("more", [{"kubeconfig": Path("copy")}, {"image": "node:1"}])
def test_so_are_those_of_pytest_kind(more: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="not with ADOPT=1"):
        make({"ADOPT": "1"}, cluster=KindOptions(name=NAME, **more))


# --- scenarios ------------------------------------------------------------------------------------------------------


def test_those_that_need_more_than_their_namespace_are_refused_each_with_the_reason() -> None:
    with pytest.raises(UsageError) as caught:
        adopting.refuse(folders())
    refused = dict(line.strip().split(": ", 1) for line in caught.value.message.splitlines()[1:])
    assert set(refused) | set(FIT) == {each.id for each in scenarios.find_all()}
    assert not set(refused) & set(FIT)
    assert "ClusterRole, to scrape the nodes" in refused["target-typo"]
    assert "PersistentVolume" in refused["claim-mismatch"]
    assert "custom resource definitions" in refused["hpa-custom-metric"]
    assert all(len(why) > 20 for why in refused.values())
    assert caught.value.hint == f"SCENARIO={','.join(FIT)}"
    adopting.refuse(folders(*FIT))


def test_where_none_of_those_asked_for_fits_the_hint_names_those_that_do() -> None:
    with pytest.raises(UsageError, match="disk-full: its own storage class") as caught:
        adopting.refuse(folders("disk-full"))
    assert caught.value.hint == f"SCENARIO={','.join(FIT)}"


def test_one_whose_look_alike_does_not_fit_has_no_third_control_there() -> None:
    asked = Request(scenarios=tuple(folders("config-typo")), variants="controls", cluster=KindOptions(NAME, adopt=True))
    with pytest.raises(UsageError, match="lifecycle-flag: a ClusterRole"):
        fulfil.prepare(asked, say=lambda _: None)


def texts(found: object) -> Iterator[str]:
    """All texts in a record, and in the functions that it holds."""
    match found:
        case str():
            yield found
        case Mapping():
            yield from (text for pair in found.items() for each in pair for text in texts(each))
        case list() | tuple() | set() | frozenset():
            yield from (text for each in found for text in texts(each))
        case _ if dataclasses.is_dataclass(found):
            yield from (text for field in dataclasses.fields(found) for text in texts(getattr(found, field.name)))
        case _ if closure := getattr(found, "__closure__", None):
            yield from (text for cell in closure for text in texts(cell.cell_contents))


OF_KUBERNETES = re.compile(r"/api/v1/(?!status|query|targets)|/apis/")
CLUSTER_WIDE = re.compile(
    r"kubectl (get|describe|patch|delete|annotate|label|create)\b[^|\n]*?"
    r"\b(pv|persistentvolumes?|storageclass(es)?|nodes?|node/|clusterroles?|apiservices?|crds?|all-namespaces)\b"
    r"|--all-namespaces|--profile=(general|sysadmin)"
)


@pytest.mark.parametrize("name", FIT)
def test_nothing_that_a_fitting_scenario_states_is_outside_its_namespace(name: str) -> None:
    scenario = ScenarioFolder(name, paths.scenarios_dir() / name)
    drill = stated(scenario)
    asked = drill.plan
    assert not asked.storage, "a class of its own"
    conditions: list[Condition] = [*conditions_of(asked.recovery, MOMENTS), *asked.beside_ready]
    for stage in (*asked.signature, *asked.afterwards):
        conditions += conditions_of(stage.conditions, MOMENTS)
    for text in texts([asked.fault, asked.beside, [(each.name, each.probes, each.judge) for each in conditions]]):
        assert not OF_KUBERNETES.match(text) or "/namespaces/drill-" in text, text
    assert not any("volume" in each.name for each in conditions), "volumes are not seen"
    steps = "\n".join(re.findall(r"```sh.*?```", scenario.runbook.read_text(), re.DOTALL))
    assert CLUSTER_WIDE.search(steps) is None
    values = (scenario.folder / "values.yaml").read_text()
    assert "kubernetes_sd_configs" not in values


def test_a_chart_that_would_install_more_is_refused_with_all_of_it(tmp_path: Path) -> None:
    made = chart(tmp_path / "chart", more="appVersion: v2.48.0\n")
    rendered = tmp_path / "rendered.yaml"
    program = helm(tmp_path / "bin", {"template*": f'echo "$*" >> {tmp_path}/asked; cat {rendered}'})
    (tmp_path / "values.yaml").write_text("server: {}\n")
    deployment = """
kind: Deployment
apiVersion: apps/v1
metadata: {name: server}
spec: {template: {spec: {containers: [{name: c, image: "quay.io/prometheus/prometheus:v2.48.0"}]}}}
"""
    cases = [Case("mine", tmp_path / "values.yaml", "prometheus-mine")]

    def planned() -> Any:
        return plan(program, made, cases, extra=adopting.VALUES, kubernetes="1.36.3", look=adopting.inspect)

    rendered.write_text(deployment)
    assert planned().values == {"rbac": {"create": False}}
    assert "--include-crds" in (tmp_path / "asked").read_text()
    role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: reader}\n"
    hook = "apiVersion: v1\nkind: Service\nmetadata: {name: dns, namespace: kube-system}\n"
    rendered.write_text(f"{deployment}---\n{role}---\n{hook}")
    with pytest.raises(UsageError) as caught:
        planned()
    said = "mine would install what is not in its namespace alone: ClusterRole reader; Service dns in namespace kube-sy"
    assert said in caught.value.message


def test_values_that_name_what_the_whole_cluster_would_get_are_refused() -> None:
    own = Made({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}, "x")
    adopting.refuse_needs({"mine": Needs((own,))})
    urgent = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "p"}}
    found = Needs((own, Made(urgent, "x", shared=True)), {"disk": ("ssd", "x")})
    with pytest.raises(UsageError, match="would have to make in the cluster: PriorityClass p, the node label disk"):
        adopting.refuse_needs({"mine": found, "other": found})


# --- a drill there --------------------------------------------------------------------------------------------------


def adopted_toy(world: World, **more: Any) -> Drill:
    """The toy drill, in a namespace that was made for it."""
    drill = drill_in(world, **more)
    cluster = replace(drill.site.cluster, leave=lambda: world.done.append("left"))
    return Drill(replace(drill.site, cluster=cluster))


def test_a_drill_makes_no_namespace_and_no_class_and_takes_the_default_one(world: World) -> None:
    assert run_toy(adopted_toy(world), world).verdict is Verdict.PASSED
    assert not [each for each in world.done if "amespace" in each or "torage" in each]
    assert world.done[0] == "install"
    assert world.done.index("uninstall") < world.done.index("left")
    assert "storageClass: ''" in world.values.read_text().replace('""', "''")
    assert not world.watches_volumes


def test_what_values_name_is_made_in_the_namespace_with_the_default_class() -> None:
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"}, "spec": {"a": 1}}
    made: list[dict[str, Any]] = []
    kube = SimpleNamespace(apply=made.append)
    needs = Needs((Made(claim, "x"),))
    undo = Undo(cast(Any, None))
    prepare_adopted(
        cast(Any, kube), "drill-x", undo, storage={}, beside=(), needs=needs, leave=lambda: None, timeout_s=5.0
    )
    (obj,) = made
    assert (obj["metadata"]["namespace"], obj["spec"]) == ("drill-x", {"a": 1})


def test_in_promdrills_own_clusters_all_is_as_before(world: World) -> None:
    assert run_toy(drill_in(world), world).verdict is Verdict.PASSED
    assert "apply StorageClass" in world.done
    assert world.watches_volumes


def test_a_class_of_its_own_is_refused_even_if_no_marker_says_so(world: World) -> None:
    with pytest.raises(DrillNotPassed, match="needs a storage class of its own") as caught:
        run_toy(adopted_toy(world), world, storage={"allowVolumeExpansion": True}, persistence=Persistence(hold_s=1))
    assert "install" not in world.done
    assert "left" in world.done
    assert caught.value.result.verdict is not Verdict.PASSED


def test_a_fault_on_a_node_finds_none_of_promdrills() -> None:
    observer = cast(Any, SimpleNamespace(snapshot=SimpleNamespace))
    server = cast(Server, SimpleNamespace(pods=lambda _: [{"spec": {"nodeName": "theirs-control-plane"}}]))
    ground = Ground(cast(Any, None), server, cast(Any, None), observer, cast(Any, None))
    with pytest.raises(NotOurs, match="node theirs-control-plane is none that promdrill made"):
        OnNode("harm it", "rm -rf /").apply(ground, cast(Undo, None))


def test_it_is_reached_as_an_account_of_its_own_namespace(
    theirs: Theirs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Path, Expected]] = []

    def kube(path: Path, *, expected: Expected, on_node: Any, login: None) -> Any:
        assert login is None
        assert on_node.args == ({},), "no node is promdrill's there, so nothing runs on one"
        asked.append((path, expected))
        return SimpleNamespace(close=lambda: None, require_expected=lambda: None)

    monkeypatch.setattr(fulfil, "Kube", kube)
    scenario = paths.scenarios_dir() / "quota"
    (tmp_path / "report").mkdir()
    supplied = SimpleNamespace(
        name="source", why="", kubernetes="1.36.3", tools=Tools(Path("/kind"), Path("/kubectl"), Path("/helm")),
        chart=paths.own_chart(), crds=tmp_path, image_values=adopting.VALUES, images=(), app_version="2.48.0",
        remarks=(), drilled=(), archives=(),
    )  # fmt: skip
    run = Run(tmp_path / "report", supply="auto", kubernetes="1.36.3", say=lambda _: None)
    said: list[str] = []
    name = KindOptions(NAME, adopt=True)
    with (
        fulfil.adopted(cast(Any, supplied), name, say=said.append) as made,
        fulfil.drill(scenario, cast(Any, supplied), made, variant=Variant("no-fault"), install="helm", run=run,
                     request=Request(cluster=name)) as drill,
    ):  # fmt: skip
        site = drill.site
        ((kubeconfig, expected),) = asked
        assert site.namespace == "drill-quota-no-fault"
        assert expected.place == f"{SPACES}/drill-quota-no-fault"
        assert site.cluster.kubeconfig == kubeconfig != made.kubeconfig_path
        assert "promdrill/token" in kubeconfig.read_text()
        assert site.cluster.helm.env["KUBECONFIG"] == str(kubeconfig)
        assert site.cluster.nodes == {}
        assert site.cluster.leave is not None
        assert '"kubernetes":"1.33.1"' in site.recording.journal.path.read_text().replace(": ", ":"), "its own version"
        site.cluster.leave()
        assert theirs.namespaces() == {"kube-system", "shop"}
    assert theirs.namespaces() == {"kube-system", "shop"}


def test_the_images_that_its_nodes_lack_are_named_with_the_archives_that_were_made_of_them(
    theirs: Theirs, tmp_path: Path
) -> None:
    file = tmp_path / "image.tar"
    layer = archive.write_layer(tmp_path / "layer.tar", {"/bin/busybox": Path(__file__)})
    archive.write(file, [archive.image("docker.io/library/busybox:1", [layer], architecture="amd64")])
    tools = Tools(Path("/kind"), Path("/kubectl"), Path("/helm"))
    supplied = SimpleNamespace(tools=tools, drilled=("docker.io/library/busybox:1",), archives=(file,))
    with (
        pytest.raises(UsageError, match=r"does not have docker.io/library/busybox:1") as no,
        fulfil.adopted(cast(Any, supplied), KindOptions(NAME, adopt=True), say=lambda _: None),
    ):
        pass
    assert no.value.hint == f"kind load image-archive --name={NAME} {file}"
    assert theirs.done == []


# --- the command line -----------------------------------------------------------------------------------------------


def test_without_the_option_it_is_refused_and_the_option_is_named(
    theirs: Theirs, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["run", f"--cluster={NAME}", "--scenario=quota"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"promdrill: CLUSTER={NAME}: promdrill did not make this cluster; ")
    assert "Hint: ADOPT=1" in said
    assert theirs.done == []


def test_with_it_the_session_adopts(theirs: Theirs, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Request] = []

    def session(_arguments: list[str], plugins: list[Any]) -> pytest.ExitCode:
        assert isinstance(plugins[0], DrillSession)
        asked.append(plugins[0].request)
        return pytest.ExitCode.OK

    monkeypatch.setattr(pytest, "main", session)
    monkeypatch.setattr(fulfil, "preflight", lambda *_, **__: fulfil.Preflight())
    monkeypatch.setattr(Request, "require_machine", lambda _: None)
    argv = ["run", f"--cluster={NAME}", "--adopt=1", "--scenario=quota", "--supply=source"]
    assert main.main(argv) == 0
    assert asked[0].cluster == KindOptions(NAME, adopt=True)
    assert theirs.done == [], "not yet"


@pytest.mark.usefixtures("theirs")
@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([f"--cluster={NAME}", "--scenario=quota,oom"], "oom: a ClusterRole, for kube-state-metrics"),
        (["--cluster=nobodys", "--scenario=quota"], "CLUSTER=nobodys: the container engine that answers has no kind"),
        (["--scenario=quota"], "ADOPT=1: CLUSTER is not set"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_starts(
    capsys: pytest.CaptureFixture[str], argv: list[str], said: str
) -> None:
    assert main.main(["run", "--adopt=1", *argv]) == 2
    assert said in capsys.readouterr().err
    assert not Path("reports").exists()


def test_clean_removes_what_is_left_there_and_says_so(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers: list[bool] = []

    def left(*, engine: bool, say: Any) -> Any:
        answers.append(engine)
        say("looked")
        return SimpleNamespace(deleted=(), left=(NAME,) if len(answers) > 1 else ())

    monkeypatch.setattr(lifecycle, "ask", lambda: lifecycle.Answer(cast(Any, "an engine")))
    monkeypatch.setattr(lifecycle, "stop", lambda **_: False)
    monkeypatch.setattr(adoption, "remove_left", left)
    assert main.main(["clean"]) == 0
    assert main.main(["clean"]) == 1
    assert capsys.readouterr().out == "looked\nnothing was running\nlooked\n"
    monkeypatch.setattr(adoption, "in_use", lambda: {NAME: 4711})
    assert main.main(["clean"]) == 1
    assert f"cluster {NAME} is used by a run that is still going, process 4711" in capsys.readouterr().err
    assert engine.done == []
