"""The toy scenario: a server that is too small, in the fake world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from tests.unit.drill_world import DOWN, POD, World

from promdrill.core.journal import Journal
from promdrill.core.model import DrillResult, Variant
from promdrill.drill import Drill, Persistence, Site, Stage
from promdrill.drill.site import Cluster, Drilled, Execution, Recording
from promdrill.faults import Fault, Ground, Undo
from promdrill.helm.chart import ChartRef
from promdrill.observe.conditions import Condition
from promdrill.supply.supplied import Tools

RUNBOOK = """---
id: toy
title: it is small
data_loss: {data_loss}
---

## Meaning

It is small.

## Impact

None.

## Diagnosis

```sh
grep "size: small" "$VALUES"
```

## Mitigation

```sh
{remedy}
```

## Verification

```sh
{verification}
```
"""

RIVAL: dict[str, Any] = {}
"""What the test of another scenario states, for `RIVAL_TEST`."""

RIVAL_TEST = """from tests.unit.drill_toy import RIVAL


def test_rival(drill):
    drill.run(**RIVAL)
"""


@dataclass(frozen=True)
class Break(Fault):
    """Breaks the world's Prometheus; `then` runs after that."""

    world: World
    proof: tuple[Condition, ...] = ()
    then: Callable[[Undo], None] = lambda _undo: None

    @property
    def name(self) -> str:
        return "break it"

    @property
    def blast_radius(self) -> tuple[str, ...]:
        return ("the toy",)

    def apply(self, ground: Ground, undo: Undo) -> tuple[Condition, ...]:
        assert ground.pod()["metadata"]["name"] == POD
        undo.register("mend it", lambda: self.world.done.append("mended"))
        self.world.done.append("broken")
        self.world.broken_at = self.world.clock.now
        self.then(undo)
        return self.proof


def drill_in(
    world: World,
    *,
    remedy: str = "sed -i 's/small/large/' \"$VALUES\"",
    verification: str = "true",
    data_loss: bool = False,
    variant: Variant = Variant(),  # noqa: B008  frozen
    **execution: Any,
) -> Drill:
    """A drill of the toy scenario in that world."""
    scenario = world.folder / "toy"
    scenario.mkdir()
    (world.folder / "Chart.yaml").write_text("name: prometheus\nversion: 25.8.0\n")
    (scenario / "values.yaml").write_text("server:\n  size: small\n  global: {scrape_interval: 1s}\n")
    text = RUNBOOK.format(remedy=remedy, verification=verification, data_loss=str(data_loss).lower())
    (scenario / "runbook.md").write_text(text)
    drill = Drill(
        Site(
            cluster=Cluster(
                kube=cast(Any, world),
                helm=cast(Any, world),
                kubeconfig=world.folder / "kubeconfig",
                private=world.folder / "private",
                tools=Tools(kind=Path("/bin/true"), kubectl=Path("/bin/true"), helm=Path("/bin/true")),
                trouble=world.trouble,
            ),
            drilled=Drilled(
                scenario="toy",
                scenario_dir=scenario,
                chart=ChartRef(world.folder, "prometheus", "0.1.0", "2.48.0"),
            ),
            execution=Execution(profile="fast", variant=variant, **execution),
            recording=Recording(
                folder=world.folder / "report",
                journal=Journal(world.folder / "report" / "journal.jsonl"),
                on_result=world.results.append,
                clock=world.clock,
            ),
        )
    )
    world.name = drill.site.name
    return drill


def run_toy(drill: Drill, world: World, **plan: Any) -> DrillResult:
    """Run the toy scenario, changed by `plan`; its journal is closed afterwards."""
    scenario: dict[str, Any] = {
        "fault": Break(world),
        "signature": (Stage("it is down", (DOWN,)),),
        "persistence": Persistence(more_restarts=2),
    }
    try:
        return drill.run(**scenario | plan)
    finally:
        drill.site.recording.journal.close()
