"""How many at once, which of them apart, in what order, and what a child is told."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import pytest
from tests.unit.cluster_world import IDENTITY

from promdrill.cluster import owners
from promdrill.cluster.address import Address
from promdrill.core import choices, paths
from promdrill.core.errors import UsageError
from promdrill.helm.values.assignments import Assignment
from promdrill.helm.values.user import Own, ValuesFile
from promdrill.parallel import wanted
from promdrill.parallel.joining import Joined
from promdrill.request.request import KindOptions, Request
from promdrill.request.settings import Settings
from promdrill.supply.bundle.manifest import Asked, Inside, Manifest, Part
from promdrill.supply.bundle.read import Listed
from promdrill.supply.choose import Choice
from promdrill.supply.supplied import Supplied, Tools


@pytest.mark.parametrize(("typed", "meant"), [("1", 1), ("2", 2), ("16", 16), ("03", 3)])
def test_width(typed: str, meant: int) -> None:
    assert choices.jobs(typed) == meant


@pytest.mark.parametrize("typed", ["0", "17", "-1", "+1", "two", "1.5", " 2", "", "²", "٣", "1_0"])
def test_no_width(typed: str) -> None:
    with pytest.raises(UsageError) as caught:
        choices.jobs(typed)
    assert caught.value.message == f"JOBS={typed.strip()}: not a whole number from 1 to 16"
    assert caught.value.hint == "JOBS=2"


@pytest.mark.parametrize("name", ["alone", "exclusive", "long"])
@pytest.mark.parametrize("arguments", ["", "()", "('  ')", "('a', 'b')", "(why='a')", "(3)", "('a', why='b')"])
def test_a_marker_takes_one_text(pytester: pytest.Pytester, name: str, arguments: str) -> None:
    item = pytester.getitem(f"import pytest\n@pytest.mark.{name}{arguments}\ndef test_func(): pass\n")
    with pytest.raises(UsageError, match=f"test_func: the marker {name} takes one text") as caught:
        getattr(wanted, name)(item)
    assert caught.value.hint.startswith(f"@pytest.mark.{name}(")


@pytest.mark.parametrize("name", ["alone", "exclusive", "long"])
def test_a_second_marker_of_the_same_name_is_not_lost(pytester: pytest.Pytester, name: str) -> None:
    marks = f"@pytest.mark.{name}('a')\n@pytest.mark.{name}('b')\n"
    item = pytester.getitem(f"import pytest\n{marks}def test_func(): pass\n")
    with pytest.raises(UsageError, match="takes one text"):
        getattr(wanted, name)(item)


def test_alone_and_exclusive(pytester: pytest.Pytester) -> None:
    item = pytester.getitem("import pytest\n@pytest.mark.alone('default class')\ndef test_func(): pass\n")
    assert (wanted.alone(item), wanted.exclusive(item)) == ("default class", None)


def test_blanks_do_not_make_two_names_of_one(pytester: pytest.Pytester) -> None:
    item = pytester.getitem("import pytest\n@pytest.mark.exclusive(' the\\n  API ')\ndef test_func(): pass\n")
    assert (wanted.alone(item), wanted.exclusive(item)) == (None, "the API")


def test_neither(pytester: pytest.Pytester) -> None:
    item = pytester.getitem("def test_func(): pass\n")
    assert (wanted.alone(item), wanted.exclusive(item)) == (None, None)


def test_the_longest_are_first_and_the_unknown_before_them() -> None:
    took_s = {"a": 5.0, "b": 40.0, "d": 5.0, "f": 0.0}
    none_long = "".__contains__
    assert wanted.longest_first("abcdef", took_s.get, none_long) == list("cebadf")
    assert wanted.longest_first("fedcba", took_s.get, none_long) == list("ecbdaf")
    assert wanted.longest_first("", took_s.get, none_long) == []


def test_of_the_unknown_those_said_to_be_long_are_first() -> None:
    took_s = {"a": 5.0, "b": 40.0}
    assert wanted.longest_first("abcdef", took_s.get, "adf".__contains__) == list("dfceba")
    assert wanted.longest_first("abcdef", lambda _drill: None, "df".__contains__) == list("dfabce")


MANIFEST = Manifest(
    promdrill="1",
    made="2026-11-22T12:00:00Z",
    architecture="amd64",
    supply="source",
    restricted=True,
    own_network=True,
    kubernetes="1.34.4",
    helm="3",
    node_image="node:1",
    chart="prometheus",
    chart_version="25.8.0",
    chart_digests=("0" * 64,),
    app_version="3.14.0",
    asked=Asked("any/prometheus", None, None, "1.34.4"),
    image_values={"server": {}},
    images=("a/b:1",),
    remarks=("told",),
    inside=(Inside("a/b:1", "there"),),
    parts=(Part("tools/kind", 1, "0" * 64, 1, "kind", images=("a/b:1",)),),
)


def joined(folder: Path) -> Joined:
    """With a value of its own in every field."""
    return Joined(
        request=Request(
            Settings(
                supply="registry",
                kubernetes="1.34.4",
                helm="3",
                chart="any/prometheus",
                chart_version="25.8.0",
                repo="https://charts.example",
                subcharts="off",
                values=(folder / "own.yaml", folder / "more.yaml"),
                assigned="b.c=2",
                scrapes="yours",
                login=folder / "login.txt",
                app_version="3.14.0",
                images="exact",
                mirror="mirror.example:5000",
                bundle=folder / "bundle.tar",
                control="no-fault",
                runbook=folder / "mine.md",
                bind="claim=data",
                profile="as-shipped",
                evidence="always",
                repeat=2,
                rules="own",
                alertmanager=folder / "am.yaml",
                alert_speed=30.0,
                hold_s=1200.0,
                growth_s=2400.0,
                expectations=folder / "alerts.toml",
            ),
            scenarios=(folder / "disk-full",),
            variants="controls",
            jobs=3,
            cluster=KindOptions(
                name="mine",
                keep=True,
                kubeconfig=folder / "config",
                image="node:1",
                kind=folder / "kind",
                kubectl=folder / "kubectl",
                adopt=True,
            ),
            joins=Address("theirs", folder, folder / "config", None, folder / "kind", folder / "kubectl", IDENTITY),
            reports=folder / "reports",
            values=Own((ValuesFile(folder / "own.yaml", "a: 1"),), (Assignment(("b", "c"), 2, "b.c=2"),), {"a": 1}),
            bundle=Listed(MANIFEST, "0" * 64),
            choice=Choice("registry", "It answers."),
        ),
        supplied=Supplied(
            name="source",
            why="asked for",
            tools=Tools(folder / "kind", folder / "kubectl", folder / "helm"),
            kubernetes="1.36.3",
            node_image="node:1",
            chart=folder / "chart",
            provisioner=folder / "provisioner.yaml",
            crds=folder / "bundle.yaml",
            archives=(folder / "a.tar", folder / "b.tar"),
            image_values={"server": {"image": {"tag": "v1"}}},
            kind_patch={"nodes": [{"role": "worker"}]},
            images=("docker.io/library/nginx:1.26.3",),
            app_version="2.48.0",
            available=("quay.io/prometheus/prometheus:v2.48.0",),
            drilled=("quay.io/prometheus/prometheus:v2.48.0",),
            remarks=("told",),
            shared={"disk-full": ("ClusterRole mon",)},
        ),
        address=Address(
            "mine",
            paths.clusters_dir() / "mine",
            paths.clusters_dir() / "mine" / "kubeconfig",
            "node:1",
            folder / "kind-2",
            folder / "kubectl-2",
            IDENTITY,
        ),
        reports=folder / "reports",
        outbox=folder / "outbox",
    )


def test_a_child_is_told_all_that_the_parent_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(paths.STATE_VARIABLE, str(tmp_path / "state"))
    owners.claim(paths.clusters_dir() / "mine", kept=False, identity=IDENTITY)
    told = joined(tmp_path)
    defaults = {item.name for item in fields(Supplied) if not getattr(told.supplied, item.name)}
    for found in (told.request, told.request.settings, told.request.cluster):
        usual = type(found)()
        defaults |= {item.name for item in fields(found) if getattr(found, item.name) == getattr(usual, item.name)}
    assert not defaults, "this test is to notice a field that is forgotten"
    assert Joined.read(told.write()) == told
    made = told.address.cluster()
    assert Address.of(made) == told.address


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"supplied": 1, "address": {}}'])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "join.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UsageError, match="not written by a session with --jobs"):
        Joined.read(file)


def test_a_field_too_many_is_refused(tmp_path: Path) -> None:
    file = joined(tmp_path).write()
    data = json.loads(file.read_text())
    data["supplied"]["colour"] = "red"
    file.write_text(json.dumps(data))
    with pytest.raises(UsageError, match="colour"):
        Joined.read(file)
