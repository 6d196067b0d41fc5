"""A request: made once, of whatever source; and what is found out of it before a run is carried into the run."""

from __future__ import annotations

import argparse
import importlib
import os
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import pytest
from tests.unit.bundle_world import World
from tests.unit.cluster_world import IDENTITY

from promdrill import doctor, supply
from promdrill.cluster.address import Address
from promdrill.core import paths, reading
from promdrill.core.errors import UsageError
from promdrill.helm.values import ChartPlan
from promdrill.helm.values.user import Own, ValuesFile
from promdrill.request import fulfil, needed_images, options, planning
from promdrill.request.fulfil import Preflight
from promdrill.request.options import OPTIONS
from promdrill.request.planning import Planned
from promdrill.request.request import KindOptions, Request, ids_of, make, scenarios_of
from promdrill.request.settings import Settings
from promdrill.supply import choose
from promdrill.supply.bundle import read as bundle_read
from promdrill.supply.bundle import unpack
from promdrill.supply.choose import Choice
from promdrill.supply.engine import lifecycle
from promdrill.supply.supplied import Supplied, SupplyRequest, Tools


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for variable in (*options.OPTIONS, *options.SESSION):
        monkeypatch.delenv(variable.variable, raising=False)
    monkeypatch.setenv("PROMDRILL_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path


def test_every_setting_has_one_row_in_the_table() -> None:
    fields = [option.field for option in OPTIONS]
    assert sorted(fields) == sorted(Settings.__dataclass_fields__)
    assert {option.field for option in options.SESSION} == {""}


@pytest.mark.parametrize("name", ["/etc", "../x", "Mine", ""])
def test_a_name_that_kind_would_not_take_is_refused_before_anything_is_provided(name: str) -> None:
    with pytest.raises(UsageError, match=f"--cluster-name={name}: a cluster's name has at most 50 of"):
        KindOptions(name=name)


def test_the_session_is_asked_for_beside_the_settings(place: Path) -> None:
    address = Address("mine", place, place / "config", None, place / "kind", place / "kubectl", IDENTITY)
    request = make(
        {"KEEP": "1", "JOBS": "3", "REPEAT": "2"},
        joins=address.write(place / "cluster.json"),
        reports=place / "reports",
        cluster=KindOptions(name="mine"),
    )
    assert (request.jobs, request.settings.repeat) == (3, 2)
    assert request.cluster == KindOptions(name="mine", keep=True)
    assert (request.joins, request.reports) == (address, place / "reports")
    assert request.changed() == {"REPEAT": "2", "JOBS": "3"}


def test_an_option_goes_before_the_environment_and_empty_means_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPPLY", "registry")
    monkeypatch.setenv("REPO", "")
    monkeypatch.setenv("PROFILE", "as-shipped")
    typed = argparse.Namespace(supply="source", profile="", chart=None)
    assert options.given(typed, ("SUPPLY", "REPO", "PROFILE", "CHART")) == {
        "SUPPLY": "source",
        "REPO": None,
        "PROFILE": "as-shipped",
        "CHART": None,
    }


def test_scenarios_are_named_by_ids() -> None:
    given = {"SCENARIO": " disk-full ,oom"}
    assert ids_of(given) == ["disk-full", "oom"]
    assert [each.id for each in scenarios_of(given)] == ["disk-full", "oom"]
    assert len(scenarios_of({})) > 20


def test_values_are_read_once(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "own.yaml").write_text("server: {retention: 1d}\n")
    read: list[Path] = []
    kept = reading.opened

    def counted(path: Path, **options: Any) -> BinaryIO:
        read.extend([path] if path.name == "own.yaml" else [])
        return kept(path, **options)

    monkeypatch.setattr(reading, "opened", counted)
    request = make({"VALUES": "own.yaml"}, folder=place)
    assert request.values == Own(
        (ValuesFile(place / "own.yaml", "server: {retention: 1d}\n"),), (), {"server": {"retention": "1d"}}
    )
    assert read == [place / "own.yaml"]
    (place / "own.yaml").unlink()
    assert Request.read(request.write(place / "request.json")) == request, "and never by the process that is given it"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [\n", r"VALUES=own\.yaml:2:1: not YAML: "),
        ("- a", r"VALUES=own\.yaml:1: must be a mapping of Helm values, not a list"),
        ("word", r"VALUES=own\.yaml:1: must be a mapping of Helm values, not a text"),
    ],
)
def test_values_that_are_none_are_refused_with_their_place(place: Path, text: str, message: str) -> None:
    (place / "own.yaml").write_text(text)
    with pytest.raises(UsageError, match=message):
        make({"VALUES": "own.yaml"})


def test_a_file_that_holds_no_request_is_refused(place: Path) -> None:
    (place / "request.json").write_text('{"settings": {"supply": 1}}')
    for name, why in (("request.json", "settings.supply: expected str, got int"), ("nowhere.json", "No such file")):
        with pytest.raises(UsageError, match=f"--request={name}: not a request that promdrill wrote: {why}"):
            Request.read(Path(name))


@pytest.fixture
def world(place: Path) -> World:
    return World(place)


def test_a_bundle_is_opened_once_from_the_request_to_the_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.write()
    opened: list[Path] = []
    contents = bundle_read.contents

    def counted(file: Path) -> Any:
        opened.append(file)
        return contents(file)

    unpacked = unpack.unpacked
    unpackings: list[Path] = []

    def once(file: Path, *args: Any, **options: Any) -> Any:
        unpackings.append(file)
        return unpacked(file, *args, **options)

    monkeypatch.setattr(bundle_read, "contents", counted)
    monkeypatch.setattr(unpack, "unpacked", once)
    monkeypatch.setattr(doctor, "require", lambda **_: None)
    handed: list[Any] = []

    def provide(_request: Any, *, on_event: Any, opened: Any) -> Supplied:
        assert on_event
        handed.append(opened)
        return world.supplied()

    monkeypatch.setattr(supply, "provide", provide)
    monkeypatch.setattr(planning, "plan_of", lambda *_, **__: Planned(Path("chart"), None))
    monkeypatch.setattr(needed_images, "storage_images", lambda *_: ())
    monkeypatch.setattr(needed_images, "optional_images", lambda _: ())
    monkeypatch.setattr(supply, "completed", lambda found, *_, **__: found)
    request, found = fulfil.prepare(make({"BUNDLE": str(world.file)}), say=world.said.append)
    fulfil.provide(request, [], say=world.said.append, found=found)
    assert (opened, unpackings) == ([world.file], [world.file])
    assert handed == [found.bundle]
    assert found.bundle is not None
    fulfil.provide(request, [], say=world.said.append)
    assert opened == [world.file], "nor does a session that looked at nothing before"


def test_a_plan_is_made_once(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is built or started but Helm; never twice."""
    tools = Tools(place / "kind", place / "kubectl", place / "helm")
    chart_there, provisioner, crds = (place / name for name in ("chart", "p.yaml", "bundle.yaml"))
    supplied = Supplied("source", "told", tools, "1.36.3", "node:1", chart_there, provisioner, crds)
    plan = ChartPlan("3.14.0", {"server": {"image": {"tag": "v3.14.0"}}}, (), ("The nearest runs.",))
    log: list[str] = []

    def plan_of(*_: Any, **__: Any) -> Planned:
        log.append("planned")
        return Planned(place / "usable", plan)

    def chart(*_: Any, **__: Any) -> Path:
        log.append("chart")
        return place / "chart"

    def provide(*_: Any, **__: Any) -> Supplied:
        log.append("supplied")
        return supplied

    monkeypatch.setattr(choose, "chosen", lambda *_: Choice("source", ""))
    monkeypatch.setattr(planning, "plan_of", plan_of)
    for name in ("storage_images", "optional_images"):
        monkeypatch.setattr(needed_images, name, lambda *_: ())
    fakes = SimpleNamespace(
        helm=lambda *_, **__: tools.helm, chart=chart, provide=provide, available=lambda *_, **__: None
    )
    for name, fake in vars(fakes).items():
        monkeypatch.setattr(supply, name, fake)
    monkeypatch.setattr(supply, "completed", lambda found, *_, **__: found)
    own, said = make({"APP_VERSION": "3.14.0"}), list[str]()
    found = fulfil.preflight(own, say=said.append)
    assert log == ["chart", "planned"]
    made = fulfil.provide(own, [], say=said.append, found=found)
    assert log == ["chart", "planned", "supplied"]
    assert (made.chart, made.app_version, made.remarks) == (place / "usable", "3.14.0", ("The nearest runs.",))
    log.clear()
    assert fulfil.preflight(Request(), say=said.append) == Preflight()
    fulfil.provide(Request(), [], say=said.append)
    assert log == ["chart", "planned", "supplied"]


@pytest.fixture
def bundled(world: World, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What is asked of a bundle whose Prometheus is 3.14.0, besides what storage needs."""
    seen: list[tuple[str, ...]] = []

    def completed(found: Supplied, _request: Any, images: Sequence[str], **_: Any) -> Supplied:
        seen.append(tuple(images))
        return found

    monkeypatch.setattr(supply, "provide", lambda *_, **__: world.supplied())
    monkeypatch.setattr(supply, "completed", completed)
    monkeypatch.setattr(supply, "settle", lambda **_: seen.append(("settled",)))
    monkeypatch.setattr(planning, "plan_of", lambda *_, **__: Planned(Path("chart"), None))
    monkeypatch.setattr(needed_images, "storage_images", lambda *_: ())
    monkeypatch.setattr(needed_images, "optional_images", lambda _: ())
    return seen


def test_a_cluster_alone_needs_no_image_of_a_drill(world: World, bundled: list[tuple[str, ...]]) -> None:
    world.write()
    fulfil.provide(make({"BUNDLE": str(world.file)}), [], say=world.said.append)
    assert bundled == [(), ("settled",)]


def test_what_is_installed_by_hand_runs_the_bundles_prometheus(world: World, bundled: list[tuple[str, ...]]) -> None:
    world.write()
    folder = paths.scenarios_dir() / "claim-mismatch"
    fulfil.provide(make({"BUNDLE": str(world.file)}), [folder], say=world.said.append)
    assert "quay.io/prometheus/prometheus:v3.14.0" in bundled[0]
    assert "quay.io/prometheus/prometheus:v2.48.0" not in bundled[0]


def test_what_builds_need_stays_until_the_last(world: World, bundled: list[tuple[str, ...]]) -> None:
    world.write()
    fulfil.provide(make({"BUNDLE": str(world.file)}), [], say=world.said.append, more_follows=True)
    assert ("settled",) not in bundled


def test_before_a_cluster_an_engine_is_made_sure_of_before_anything_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []
    provide = importlib.import_module("promdrill.supply.provide")  # the package has a function of that name
    built = SimpleNamespace(helm=lambda major, *, before: log.append(f"helm-{major} before {before}"))
    monkeypatch.setattr(provide, "_source", lambda *_: built)
    monkeypatch.setattr(lifecycle, "ensure", lambda **_: log.append("engine"))
    asked = SupplyRequest(choice=Choice("source", ""))
    provide.helm(asked, on_event=log.append, before_cluster=True)
    provide.helm(asked, on_event=log.append)
    assert log == ["engine", f"helm-4 before {asked.kubernetes}", "helm-4 before "]


def test_a_supply_is_chosen_once(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def chosen(wanted: str, _mirror: str | None) -> Choice:
        asked.append(wanted)
        return Choice("registry", "It answers.")

    monkeypatch.setattr(choose, "chosen", chosen)
    monkeypatch.setattr(doctor, "require", lambda **_: None)
    request = make({"CHART_VERSION": "25.8.0"})
    assert asked == ["auto"], "whether the supply's own chart has that version"
    monkeypatch.setattr(fulfil, "preflight", lambda *_, **__: Preflight())
    request, _ = fulfil.prepare(request, say=print)
    assert (request.of_supply().chosen, request.settings.kubernetes) == (Choice("registry", "It answers."), "1.36.4")
    Request.read(request.write(place / "request.json")).require_machine()
    assert asked == ["auto"], "nor does the process that is given it ask"
    make({}), make({"BUNDLE": ""}), Request(Settings(bundle=Path("b.tar"))).with_supply()
    assert asked == ["auto"], "nor where nobody has to know"


@pytest.mark.parametrize(
    ("given", "cores", "ahead"),
    [
        ({"JOBS": "2"}, 2, 2),
        ({"JOBS": "3"}, 2, 2),
        ({"JOBS": "4"}, 8, 4),
        ({"JOBS": "4", "RULES": "own"}, 8, 2),
        ({"JOBS": "3", "CHART": "prometheus-community/kube-prometheus-stack"}, 8, 2),
        ({}, 2, 1),
    ],
)
def test_as_many_get_ready_as_the_machine_has_room_for(
    given: dict[str, str], cores: int, ahead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert make(given).ahead == ahead
