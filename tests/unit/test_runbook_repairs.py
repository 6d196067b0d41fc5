"""repairs.md: what it must look like, what is carried out, and that what the shipped ones quote can be said."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.unit.observe_world import pod, said, snapshot

from promdrill.authoring.stated import MOMENTS, NOW, stated
from promdrill.core.errors import UsageError
from promdrill.drill.baseline import Baseline
from promdrill.drill.plan import conditions_of
from promdrill.observe.conditions import Condition
from promdrill.observe.probes import ExecProbe, HttpProbe, MetricsProbe, ObjectProbe, Probe, ProbeAnswer, QueryProbe
from promdrill.observe.prometheus import Remembered
from promdrill.request import scenarios
from promdrill.request.scenarios import ScenarioFolder
from promdrill.runbook import repairs, unset
from promdrill.runbook.lint import lint
from promdrill.runbook.parse import parse

SHIPPED = scenarios.find_all()
QUOTED = [(each, repair) for each in SHIPPED for repair in repairs.repairs(each.repairs) if not repair.accepted]
EARLY = Remembered("count_over_time(up[5s])", 123.0, frozenset({(frozenset({("job", "prometheus")}), 5.0)}))

FRONT = "---\nid: toy\ntitle: Other repairs\nvariables:\n  WORD: hello\n---\n\n# Other repairs\n\nProse.\n\n"
BAD = (
    "## Refused: it is emptied\n\nAll is gone.\n\n```sh name=emptied timeout=9\n# now\nrm all\n```\n\n"
    "> samples ..., are\n> there\n\n"
)
GOOD = "## Accepted: by hand\n\n```sh name=by-hand\necho $WORD\n```\n\n```console\nhello\n```\n\n```sh\ntrue\n```\n"

RUNBOOK = """---
id: toy
title: it is small
variables:
  SIZE: large
data_loss: what was there
---

## Meaning

## Impact

## Diagnosis

```sh
look
```

## Mitigation

```sh
mend
```

## Verification

```sh
check
```
"""


def read(folder: Path, text: str) -> tuple[repairs.Repair, ...]:
    file = folder / "repairs.md"
    file.write_text(text)
    return repairs.repairs(file)


def test_what_is_read(tmp_path: Path) -> None:
    bad, good = read(tmp_path, FRONT + BAD + GOOD)
    assert (bad.name, bad.what, bad.accepted, bad.missing) == (
        "emptied",
        "it is emptied",
        False,
        "samples ..., are there",
    )
    assert (good.name, good.what, good.accepted, good.missing) == ("by-hand", "by hand", True, "")
    assert [(step.command, step.timeout_s, step.expected) for step in bad.steps] == [("rm all", 9.0, None)]
    assert [(step.command, step.expected) for step in good.steps] == [("echo $WORD", ("hello",)), ("true", None)]
    lines = (tmp_path / "repairs.md").read_text().splitlines()
    assert lines[bad.line - 1] == "rm all"
    assert repairs.at_line(tmp_path / "repairs.md", good.line) == good


def test_what_recovery_misses_is_found_whatever_differs(tmp_path: Path) -> None:
    bad, _ = read(tmp_path, FRONT + BAD + GOOD)
    assert re.search(bad.pattern, "last seen: samples from before,\n up to 9, are  there: none")
    assert not re.search(bad.pattern, "samples are there")


def test_a_repair_is_carried_out_between_diagnosis_and_recovery(tmp_path: Path) -> None:
    (tmp_path / "runbook.md").write_text(RUNBOOK)
    bad, good = read(tmp_path, FRONT + BAD + GOOD)
    runbook = parse(tmp_path / "runbook.md")
    done = bad.instead(runbook)
    assert [(step.section, step.command) for step in done.steps] == [("Diagnosis", "look"), ("Mitigation", "rm all")]
    assert [done.file_of(step).name for step in done.steps] == ["runbook.md", "repairs.md"]
    assert (done.variables, done.data_loss) == ({"SIZE": "large", "WORD": "hello"}, True)
    assert (done.fails_because, done.fails_with) == ("it is emptied", bad.pattern)
    assert (good.instead(runbook).fails_because, good.instead(runbook).fails_with) == ("", "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FRONT, "no repair"),
        (FRONT + "## Emptied\n", "heading 'Emptied' says neither Refused: nor Accepted:"),
        (FRONT + "## Refused:\n", "heading 'Refused:' says neither Refused: nor Accepted:"),
        (FRONT + "## Refused: x\n\n> y\n", "no step under this heading"),
        (FRONT + BAD.replace(" name=emptied", ""), "the first step of a repair needs a name"),
        (FRONT + BAD + BAD, "two repairs are named emptied"),
        (FRONT + BAD.partition(">")[0], "needs one quotation of what recovery misses, and has 0"),
        (FRONT + BAD + "> and more\n", "needs one quotation of what recovery misses, and has 2"),
        (FRONT + BAD.partition(">")[0] + "> ... ...\n", "the quotation of what recovery misses matches anything"),
        (FRONT + GOOD + "\n> samples\n", "what is accepted misses nothing"),
        (FRONT + BAD + "```console\nx\n```\n", "expected output without a step directly before it"),
        (FRONT + GOOD.replace("```console", "```yaml\na: b\n```\n\n```console"), "expected output without a step"),
        (FRONT + GOOD.replace("```console", "So:\n\n```console"), "expected output without a step directly before"),
        (FRONT + BAD.replace("```sh name", "```bash name"), "this fence has the unknown language bash"),
        (FRONT + BAD.replace("```sh name", "```sh nam"), "a step has no attribute nam=emptied"),
        (FRONT + "## Refused: x\n\n    ```sh name=x\n    y\n    ```\n", "a fence indented by four or more columns"),
        (FRONT.replace("title:", "data_loss: true\ntitle:") + BAD, "data_loss is for runbooks"),
        (FRONT.replace("title:", "alerts: [Full]\ntitle:") + BAD, "alerts is for runbooks"),
        (FRONT.replace("title:", "titel:") + BAD, "unknown key titel"),
    ],
)
def test_each_mistake_is_one_error_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=rf"^\S+repairs.md:\d+:\d+: .*{re.escape(said)}"):
        read(tmp_path, text)


def test_what_is_only_read_is_no_repair(tmp_path: Path) -> None:
    prose = "### Why\n\n- > in a list\n\n```yaml\na: b\n```\n\n# Another title\n\n> said\n\n```sh\nnothing\n```\n"
    bad, good = read(tmp_path, FRONT + BAD + prose + GOOD)
    assert (bad.missing, [step.command for step in bad.steps]) == ("samples ..., are there", ["rm all"])
    assert [step.command for step in good.steps] == ["echo $WORD", "true"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (FRONT + "## Emptied\n", "12:1"),
        (FRONT + "## Refused: x\n\n> y\n", "12:1"),
        (FRONT + BAD.replace(" name=emptied", ""), "16:1"),
        (FRONT + BAD + BAD, "28:1"),
        (FRONT.replace("title:", "data_loss: true\ntitle:") + BAD, "3:1"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, place: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    assert caught.value.message.startswith(f"{tmp_path / 'repairs.md'}:{place}: ")


def test_a_line_without_a_repair_is_refused(tmp_path: Path) -> None:
    read(tmp_path, FRONT + BAD)
    with pytest.raises(UsageError, match=r"repairs.md:3:1: no repair begins here"):
        repairs.at_line(tmp_path / "repairs.md", 3)


@pytest.mark.parametrize("scenario", SHIPPED, ids=lambda each: each.id)
def test_each_scenario_lists_repairs_that_are_none(scenario: ScenarioFolder) -> None:
    found = repairs.repairs(scenario.repairs)
    assert any(not repair.accepted for repair in found)
    for repair in found:
        lint(repair.instead(parse(scenario.runbook)))
        unset.check(repair.instead(parse(scenario.runbook)))


@pytest.mark.parametrize(("scenario", "repair"), QUOTED, ids=[f"{each.id}-{repair.name}" for each, repair in QUOTED])
def test_recovery_refuses_what_only_looks_well(scenario: ScenarioFolder, repair: repairs.Repair) -> None:
    """The judge, in a toy world as the repair leaves it: it knows that what is quoted does not hold, and says so."""
    condition = quoted(scenario, repair)
    answers = {probe: answer_to(probe, scenario.id) for probe in condition.probes}
    server_pods = () if repair.name == "scaled-to-zero" else (pod(),)
    seen = condition.judge(snapshot(*server_pods, answers=answers, history={p: (a,) for p, a in answers.items()}))
    assert (seen.holds, seen.known) == (False, True)
    assert re.search(repair.pattern, f"{condition.name}: {seen.text}")


def quoted(scenario: ScenarioFolder, repair: repairs.Repair) -> Condition:
    """The condition of recovery that a quotation begins with the name of: the longest such name."""
    drill = stated(scenario)
    baseline = Baseline(drill.server, 1.0, dict.fromkeys(drill.plan.jobs, 1), (EARLY,))
    conditions = (
        *baseline.conditions(since=NOW, data_loss=parse(scenario.runbook).data_loss),
        *drill.plan.beside_ready,
        *conditions_of(drill.plan.recovery, MOMENTS),
        *(each for stage in drill.plan.afterwards for each in conditions_of(stage.conditions, MOMENTS)),
    )
    words = repair.missing.split(": ")
    for most in range(len(words), 0, -1):
        name = ".*".join(re.escape(part) for part in ": ".join(words[:most]).split("..."))
        found = [each for each in conditions if re.match(name, each.name)]
        if found:
            return found[0]
    raise AssertionError(f"{repair.missing} is none of {[each.name for each in conditions]}")


def answer_to(probe: Probe, scenario: str) -> ProbeAnswer:
    """What a Prometheus answers that has lost its samples, flags and targets; and objects without their limits."""
    match probe:
        case QueryProbe():
            return said(200, json.dumps({"status": "success", "data": {"resultType": "vector", "result": []}}))
        case MetricsProbe():
            return said(200, metrics={("prometheus_tsdb_retention_limit_bytes", frozenset()): 10e9})
        case ExecProbe():
            return said(0, "0:0")
        case ObjectProbe():
            found = {"quota": None, "restarts-metric": NO_PROBE, "rolling-lock": {"spec": {"strategy": ROLLING}}}[
                scenario
            ]
            return said(404, "not found") if found is None else said(200, json.dumps(found))
        case HttpProbe():
            page = {
                "activeTargets": [TARGET],
                "storage.tsdb.retention.size": "0B",
                "yaml": "global:\n  scrape_interval: 1s\n",
            }
            return said(200, json.dumps({"status": "success", "data": page}))


ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}
NO_PROBE = {"spec": {"template": {"spec": {"containers": [{"name": "nginx"}]}}}}
TARGET = {"labels": {"job": "nothing"}, "health": "up", "scrapeUrl": "u", "lastError": "", "discoveredLabels": {}}
