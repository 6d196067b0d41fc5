"""A drill and the same as a plain script: the order of the pairs, what is read of each, and the script itself."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import bare, record
from bench.bare import Bare, Pair, in_pairs, page, phases_of, phases_of_drill, tables
from bench.record import Machine
from bench.runs import SCENARIO
from promdrill.core import paths, records, shell
from promdrill.core.errors import ClusterError, CommandFailed
from promdrill.core.model import DrillResult, PhaseName, PhaseRecord, Verdict
from promdrill.faults import volume
from promdrill.request.scenarios import ScenarioFolder
from promdrill.runbook.parse import parse

MACHINE = Machine(cpu="A CPU", cores=2, memory_bytes=2**33, kernel="Linux 6.1", python="3.11.7", load=1.0)
FOLDER = paths.scenarios_dir() / SCENARIO
RUNBOOK = ScenarioFolder(SCENARIO, FOLDER).runbook


def took(all_s: float) -> dict[str, float]:
    """Seconds by phase that are so many together."""
    return {str(name): all_s / len(PhaseName) for name in PhaseName}


def found(*pairs: tuple[float, float]) -> Bare:
    made = tuple(Pair(promdrill=took(ours_s), bare=took(theirs_s)) for ours_s, theirs_s in pairs)
    return Bare(started="2026-11-30T12:00:00.000Z", commit="0123456789ab", machine=MACHINE, pairs=made)


# --- the driver --------------------------------------------------------------------------------------------------


def test_pairs_are_in_turn_and_the_one_that_begins_changes() -> None:
    order: list[str] = []

    def job(name: str) -> Callable[[], dict[str, float]]:
        def done() -> dict[str, float]:
            order.append(name)
            return took(8.0 * len(order))

        return done

    told: list[str] = []
    pairs = in_pairs({"a": job("a"), "b": job("b")}, 3, tell=told.append)
    assert order == ["a", "b", "a", "b", "b", "a", "a", "b"], "each to warm up, then the pairs"
    assert [{name: sum(each.values()) for name, each in pair.items()} for pair in pairs] == [
        {"a": 24, "b": 32},
        {"b": 40, "a": 48},
        {"a": 56, "b": 64},
    ]
    assert told[2] == "pair 1 of 3: a 24.0 s"


def test_the_script_tells_of_each_phase_once() -> None:
    lines = [f"phase: {name} {number}.250" for number, name in enumerate(PhaseName)]
    output = "\n".join(["NAME: prometheus-bench", *lines, ""])
    assert phases_of(output) == {str(name): number + 0.25 for number, name in enumerate(PhaseName)}
    with pytest.raises(ClusterError, match="did not tell of each phase"):
        phases_of("\n".join(lines[1:]))


def test_only_a_drill_that_passed_is_measured() -> None:
    phases = (PhaseRecord(PhaseName.PROVISION, "x", 1.5), PhaseRecord(PhaseName.BASELINE, "x", 15.0))
    drill = DrillResult("disk-full", None, None, None, "fast", None, Verdict.PASSED, None, phases)
    assert phases_of_drill(drill) == {"provision": 1.5, "baseline": 15.0}
    with pytest.raises(ClusterError, match="disk-full: failed: no recovery"):
        phases_of_drill(DrillResult("disk-full", None, None, None, "fast", None, Verdict.FAILED, "no recovery", phases))


def test_the_ratio_is_of_each_pair() -> None:
    by_pair, by_phase = tables(found((42, 40), (40, 40), (48, 40)))
    assert [row[1:] for row in by_pair.rows] == [
        ("42.0", "40.0", "1.050"),
        ("40.0", "40.0", "1.000"),
        ("48.0", "40.0", "1.200"),
        ("42.0", "40.0", "1.050"),
        ("-", "-", "1.000 to 1.200"),
    ]
    assert by_phase.rows[0] == ("provision", "5.25", "5.00", "+0.25")


def test_the_page_says_where_it_was_and_what_the_bound_is() -> None:
    text = page(found((42, 40)))
    assert "on 2 cores (A CPU), load 1. Median of the ratios: 1.050; the bound is 1.05." in text
    assert "| 1 | 42.0 | 40.0 | 1.050 |" in text
    assert "| undo | 5.25 | 5.00 | +0.25 |" in text


def test_samples_are_kept_as_they_are(tmp_path: Path) -> None:
    made = found((42, 40))
    (tmp_path / "bare.json").write_text(records.dumps(made), encoding="utf-8")
    assert records.read(Bare, tmp_path / "bare.json", wrong="x") == made


def test_a_cluster_that_is_none_starts_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(paths.STATE_VARIABLE, str(tmp_path))
    with pytest.raises(SystemExit, match="1"):
        bare.main(["--cluster", "promdrill-7"])
    assert "promdrill has no cluster named promdrill-7" in capsys.readouterr().err


# --- the script --------------------------------------------------------------------------------------------------


def script_function(name: str, *, runbook: Path = RUNBOOK) -> str:
    """What a function of the script prints."""
    source = f"source <(sed -n '/^{name}()/,/^}}/p' {shlex.quote(str(bare.SCRIPT))}); {name}"
    return shell.run(["bash", "-c", source], timeout_s=30, env={"runbook": str(runbook)}).stdout


def test_the_script_fills_the_volume_as_the_fault_does() -> None:
    inodes = volume._FILL_INODES.format(folder="/data/promdrill.fill.files")
    first = volume._INODES_FIRST.format(inodes=inodes)
    assert script_function("fill") == volume._FILL.format(file="/data/promdrill.fill", first=first)


def test_the_scripts_steps_are_the_runbooks() -> None:
    steps = parse(RUNBOOK).steps
    assert script_function("steps").splitlines() == [line for step in steps for line in step.command.splitlines()]


KUBECTL = """\
#!/bin/bash
echo "kubectl $*" >>"$LOG"
case "$*" in
  get*--ignore-not-found*) ;;
  *--raw*) echo '{"data":{"resultType":"vector","result":[{"metric":{},"value":[1,"1"]}]}}' ;;
  *--watch*)
    echo 'old|u1|2026-11-30T12:00:00Z|0||1|true'
    echo 'new|u2||0|||false'
    echo 'new|u2||0||1|false'
    echo 'new|u2||0||1|true'
    echo 'new|u2||1||1|true'
    echo "new|u2||$RESTARTS|CrashLoopBackOff||true"
    exec /bin/sleep 60
    ;;
  *--follow*) echo 'err="Scrape commit failed" err="write to WAL: no space left on device"'; exec /bin/sleep 60 ;;
  *--previous*) [[ $* == *" new "* ]] && echo 'opening storage failed: open /data/lock: no space left on device' ;;
  *"--output name"*) echo pod/old ;;
  *metadata.uid*) echo u1 ;;
  *"-- sh -c"*) echo "dd: $SAID" ;;
  create*|patch*) cat ;;
esac
"""

HELM = '#!/bin/bash\necho "helm $*" >>"$LOG"\n'

SLEEP = '#!/bin/bash\necho "sleep $*" >>"$LOG"\n'

STEPS = """\
# x

## Meaning

```sh
exit 9
```

## Mitigation

1. Do.

   ```sh timeout=300
   echo "step with $NEW_SIZE" >>"$LOG"
   ```

## Verification

```sh
DONE=1
```
"""


@pytest.fixture
def world(tmp_path: Path) -> dict[str, str]:
    """kubectl, Helm and sleep that write down how they are called; a runbook of two steps."""
    for name, text in (("kubectl", KUBECTL), ("helm", HELM), ("sleep", SLEEP)):
        file = tmp_path / "bin" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(0o755)
    (tmp_path / "runbook.md").write_text(STEPS, encoding="utf-8")
    path = os.pathsep.join([str(tmp_path / "bin"), os.environ["PATH"]])
    return {"PATH": path, "LOG": str(tmp_path / "log"), "RESTARTS": "2", "SAID": "No space left on device"}


def run_script(folder: Path, env: dict[str, str]) -> tuple[str, list[str]]:
    argv = [str(bare.SCRIPT), "chart", str(folder / "runbook.md"), str(FOLDER / "values.yaml"), str(folder)]
    output = shell.run(argv, timeout_s=60, env=env, cwd=record.ROOT).stdout
    return output, (folder / "log").read_text(encoding="utf-8").splitlines()


def test_the_script_goes_through_all_phases(tmp_path: Path, world: dict[str, str]) -> None:
    output, log = run_script(tmp_path, world)
    assert list(phases_of(output)) == list(PhaseName)
    assert [line for line in log if line.startswith("helm")] == [
        f"helm install prometheus-bench chart --namespace bench-disk-full --values {tmp_path}/values.yaml",
        "helm uninstall prometheus-bench --namespace bench-disk-full --ignore-not-found",
    ]
    assert [line for line in log if line.startswith(("sleep", "step"))] == ["sleep 3", "step with 450Mi", "sleep 3"]
    assert "kubectl delete --namespace bench-disk-full pod/old --wait=false" in log
    assert log[-1] == "kubectl delete namespace bench-disk-full --ignore-not-found --wait=false"


def test_the_script_gives_the_volume_the_drills_own_class(tmp_path: Path, world: dict[str, str]) -> None:
    run_script(tmp_path, world)
    text = (tmp_path / "values.yaml").read_text(encoding="utf-8")
    assert '    existingClaim: ""\n    storageClass: bench-disk-full\n' in text
    assert text.replace("    storageClass: bench-disk-full\n", "") == (FOLDER / "values.yaml").read_text("utf-8")


def test_a_fill_that_does_not_end_at_the_last_byte_ends_the_script_and_is_undone(
    tmp_path: Path, world: dict[str, str]
) -> None:
    with pytest.raises(CommandFailed):
        run_script(tmp_path, world | {"SAID": "100 bytes copied"})
    log = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert log[-1] == "kubectl delete namespace bench-disk-full --ignore-not-found --wait=false"
    assert not any("--follow" in line for line in log)


def test_the_script_says_how_it_is_used() -> None:
    with pytest.raises(CommandFailed, match="usage: KUBECONFIG="):
        shell.run([str(bare.SCRIPT), "chart"], timeout_s=30)
