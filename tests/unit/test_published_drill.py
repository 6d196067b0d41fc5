"""A drill with a published runbook: its placeholders, its diagnosis, its missing Verification."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.unit.drill_toy import drill_in, run_toy
from tests.unit.drill_world import POD, World, world
from tests.unit.published_world import DISK, written

from promdrill.core.errors import UsageError
from promdrill.core.model import DrillResult, Verdict
from promdrill.drill import Drill
from promdrill.drill.known import known
from promdrill.drill.variants import ablations
from promdrill.drill.verdicts import DrillNotPassed
from promdrill.observe.server import Server
from promdrill.request.request import make
from promdrill.runbook import load

__all__ = ["world"]

CURE = """# It is small

## Troubleshooting

```sh
$ grep "no such line" <values>
$ echo "pod <pod-name> in <ns>"
pod web-0 in monitoring
```

## Fix

```console
$ sed -i 's/small/large/' {{ values }}
$ echo <colour>
```
"""


def ended(drill: Drill, world: World) -> DrillResult:
    """The result of a drill that does not pass."""
    with pytest.raises(DrillNotPassed) as caught:
        run_toy(drill, world)
    return caught.value.result


def test_it_is_run_as_published_and_recovery_judges(world: World, tmp_path: Path) -> None:
    file = written(tmp_path, CURE)
    drill = drill_in(world, runbook=file, bound={"colour": "red"})
    result = run_toy(drill, world)
    assert result.verdict is Verdict.PASSED, result.reason
    looked, named, mended, bound = result.steps
    assert (looked.section, looked.line, looked.exit_code) == ("Diagnosis", 6, 0)  # grep found nothing: only noted
    assert looked.command == f'grep "no such line" {world.values}'
    assert named.output == f"pod {POD} in {world.namespace}\n"
    assert (mended.section, mended.line, mended.exit_code) == ("Mitigation", 14, 0)
    assert bound.output == "red\n"


def test_its_remedy_is_judged(world: World, tmp_path: Path) -> None:
    text = CURE.replace("sed -i", "false; sed -i")
    result = ended(drill_in(world, runbook=written(tmp_path, text), bound={"colour": "red"}), world)
    assert result.verdict is Verdict.FAILED
    assert "any.md:14: Mitigation: exit code 1" in str(result.reason)


def test_what_a_drill_does_not_have_ends_it_with_one_sentence(world: World, tmp_path: Path) -> None:
    text = CURE.replace("echo <colour>", "echo <node>")
    result = ended(drill_in(world, runbook=written(tmp_path, text)), world)
    assert result.verdict is Verdict.ABORTED
    assert "this drill has no node" in str(result.reason)


def test_steps_that_can_be_left_out_are_those_of_the_remedy(tmp_path: Path) -> None:
    found = ablations(load.load(written(tmp_path, CURE), {"colour": "red"}))
    assert [variant.left_out.line for variant in found if variant.left_out] == [14, 15]
    assert found[0].left_out is not None
    assert found[0].left_out.command == "sed -i 's/small/large/' {values}"


def test_a_request_refuses_a_placeholder_that_nothing_binds(tmp_path: Path) -> None:
    file = written(tmp_path, CURE)
    with pytest.raises(UsageError, match=r"any\.md:15: nothing says what <colour> is: echo <colour>") as caught:
        make({"RUNBOOK": str(file)})
    assert "--bind colour=VALUE" in caught.value.hint
    assert make({"RUNBOOK": str(file), "BIND": "colour=red"}).settings.bound == {"colour": "red"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"BIND": "a=b"}, "there is no RUNBOOK whose placeholders"),
        ({"BIND": "a", "RUNBOOK": "any.md"}, "BIND a: not name=value"),
        ({"BIND": "a=b", "RUNBOOK": "own.md"}, "has variables instead of placeholders"),
    ],
)
def test_what_is_bound_must_mean_something(tmp_path: Path, given: dict[str, str], message: str) -> None:
    written(tmp_path, CURE)
    written(tmp_path, "---\nid: a\n---\n", "own.md")
    with pytest.raises(UsageError, match=message):
        make(given, folder=tmp_path)


def test_what_a_drill_knows(tmp_path: Path) -> None:
    """Names from the install, the rest from what was last seen."""
    (tmp_path / "runbook.md").write_text("")
    claim = {
        "metadata": {"name": "prometheus-toy-server"},
        "spec": {"volumeName": "pv-1", "storageClassName": "fast", "resources": {"requests": {"storage": "300Mi"}}},
    }
    pod = {"metadata": {"name": "web-0"}, "spec": {"nodeName": "node-1"}}
    snapshot = SimpleNamespace(claims={"prometheus-toy-server": claim}, select=lambda *_, **__: (pod,))
    environment = {"RELEASE": "prometheus-toy", "VALUES": "/v", "CHART": "/c", "NAMESPACE": "drill-toy"}
    site = SimpleNamespace(
        server=Server.of("drill-toy", "prometheus-toy"),
        installation=SimpleNamespace(environment=environment),
        drilled=SimpleNamespace(runbook=tmp_path / "runbook.md"),
    )
    scene = SimpleNamespace(ground=SimpleNamespace(observer=SimpleNamespace(snapshot=lambda: snapshot)))
    plan = SimpleNamespace(variables={})
    found = known(cast(Any, site), cast(Any, plan), cast(Any, scene))
    assert found == {
        "namespace": "drill-toy",
        "release": "prometheus-toy",
        "chart": "/c",
        "values": "/v",
        "workload": "prometheus-toy-server",
        "service": "prometheus-toy-server",
        "port": "80",
        "pod": "web-0",
        "container": "prometheus-server",
        "node": "node-1",
        "claim": "prometheus-toy-server",
        "volume": "pv-1",
        "class": "fast",
        "size": "300Mi",
        "new_size": "600Mi",
    }


def test_the_new_size_is_that_of_the_scenarios_own_runbook() -> None:
    from promdrill.core import paths  # noqa: PLC0415
    from promdrill.drill.known import _of_scenario  # noqa: PLC0415

    site = SimpleNamespace(drilled=SimpleNamespace(runbook=paths.scenarios_dir() / "disk-full/runbook.md"))
    assert _of_scenario(cast(Any, site), cast(Any, SimpleNamespace(variables={}))) == "450Mi"
    assert _of_scenario(cast(Any, site), cast(Any, SimpleNamespace(variables={"NEW_SIZE": "1Gi"}))) == "1Gi"


def test_which_reader_a_file_gets(tmp_path: Path) -> None:
    def own(text: str) -> bool:
        return load.is_own(load.text_of(written(tmp_path, text)))

    assert own("---\nid: a\ntitle: b\n---\n")
    assert own("---\ntitle: b\nid: [broken\n")
    assert not own(DISK)
    assert not own("## Fix\n\nid: a\n")
    assert not own("---\ntitle: b\n---\nid: a\n")
    written(tmp_path, "", "any.drill.toml")
    assert not own("---\nid: a\ntitle: b\n---\n")


def test_a_scenarios_own_runbook_is_still_read_strictly(world: World) -> None:
    drill = drill_in(world)
    file = drill.site.runbook_file
    file.write_text(file.read_text().replace("id: toy\n", ""))
    result = ended(drill, world)
    assert result.verdict is Verdict.ABORTED
    assert "front matter lacks id" in str(result.reason)
