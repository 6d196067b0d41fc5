"""The matrix as a child pipeline of GitLab: a job for each cell, and a report that comes whatever becomes of them."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.matrix_world import cell, cells_of

from promdrill.cli import main
from promdrill.core import shell
from promdrill.core.errors import UsageError
from promdrill.matrix.gitlab import FETCH, MERGE, MOST_JOBS, CiCache, to_gitlab
from promdrill.supply import choose
from promdrill.supply.choose import Choice

TEXT = 'app_version = ["2.48.0", "3.14.0"]\nscenarios = ["disk-full"]\n'
FIRST, SECOND = "k1.36.3-p2.48.0-h4-disk-full", "k1.36.3-p3.14.0-h4-disk-full"
KEYWORDS = {"image", "services", "stages", "types", "before_script", "after_script", "variables", "cache", "include"}
LONGEST_NAME = 255
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in ("CELL", "JOBS", "SUPPLY", "SCENARIOS", "REPORTS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(choose, "chosen", lambda wanted, _mirror: Choice("source", choose.check(wanted)))
    (tmp_path / "mine.toml").write_text(TEXT)


def own_scenario(folder: Path) -> None:
    (folder / "my-own").mkdir(parents=True)
    (folder / "my-own/test_my_own.py").write_text("def test_my_own(drill): pass\n")


def printed(capsys: Captured, *arguments: str) -> str:
    assert main.main(["matrix", "--format=gitlab", *arguments]) == 0
    return capsys.readouterr().out


def loaded(capsys: Captured, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(printed(capsys, "--file=mine.toml", *arguments))
    return found


def cells_in(pipeline: Mapping[str, Any]) -> dict[str, Any]:
    return {name: job for name, job in pipeline.items() if name not in {"stages", ".cell", MERGE}}


def options(line: str) -> list[str]:
    """The arguments of promdrill in a line of a script, which its own parser takes."""
    program, *arguments = shlex.split(line.partition(" >")[0])
    assert program == "promdrill"
    main.build_parser().parse_args(arguments)
    return arguments


def test_each_cell_is_one_job(capsys: Captured) -> None:
    pipeline = loaded(capsys)
    assert list(cells_in(pipeline)) == [FIRST, SECOND]
    assert [options(line) for job in cells_in(pipeline).values() for line in job["script"]] == [
        ["matrix", "--run", f"--cell={id_}", "--file=mine.toml", "--jobs=1", "--reports=reports"]
        for id_ in (FIRST, SECOND)
    ]


def test_what_was_learnt_is_kept_when_a_job_fails(capsys: Captured) -> None:
    pipeline = loaded(capsys, "--reports=out")
    for name, job in cells_in(pipeline).items():
        assert job["artifacts"]["when"] == "always"
        assert job["artifacts"]["paths"] == [f"out/matrix/{name}/"]
        assert job["artifacts"]["reports"] == {"junit": f"out/matrix/{name}/junit.xml"}
        assert job["extends"] == ".cell"
    hours, minutes = pipeline[".cell"]["timeout"], pipeline[".cell"]["variables"]["RUNNER_SCRIPT_TIMEOUT"]
    assert int(minutes.removesuffix("m")) <= 60 * int(hours.removesuffix("h")) - 15


def test_the_report_comes_last_and_misses_no_cell(capsys: Captured) -> None:
    pipeline = loaded(capsys)
    merge = pipeline[MERGE]
    assert pipeline["stages"] == [pipeline[".cell"]["stage"], merge["stage"]]
    assert (merge["when"], merge["artifacts"]["when"]) == ("always", "always")
    assert "needs" not in merge, "of these GitLab takes 50"
    assert "dependencies" not in merge, "it gets the artifacts of all cells"
    listed, merged = merge["script"]
    assert options(listed) == ["matrix", "--format=json", f"--cell={FIRST},{SECOND}", "--file=mine.toml"]
    assert listed.endswith(" >cells.json")
    assert options(merged) == ["merge", "reports/matrix", "--expect=cells.json"]


def test_the_report_is_made_of_what_the_jobs_leave(capsys: Captured, tmp_path: Path) -> None:
    """The script of the last job, as a shell runs it, in a checkout where no cell left anything."""
    merge = loaded(capsys)[MERGE]
    program = f"{shlex.quote(sys.executable)} -m promdrill.cli.main"
    script = "\n".join(line.replace("promdrill", program, 1) for line in merge["script"])
    done = shell.run(["bash", "-e", "-c", script], timeout_s=60, cwd=tmp_path, ok=(1,))
    assert f"{FIRST}: no result" in " ".join(done.stdout.split())
    assert (tmp_path / "reports/matrix/summary.md").is_file()


def test_what_was_asked_of_the_matrix_is_asked_of_its_jobs(capsys: Captured, tmp_path: Path) -> None:
    own_scenario(tmp_path / "drills")
    asked = ("--supply=source", "--scenarios=./drills", "--jobs=3", f"--cell={SECOND}")
    pipeline = loaded(capsys, *asked)
    assert list(cells_in(pipeline)) == [SECOND]
    (line,) = pipeline[SECOND]["script"]
    assert {"--supply=source", "--scenarios=drills", "--jobs=3"} <= set(options(line))
    assert {"--supply=source", "--scenarios=drills"} <= set(options(pipeline[MERGE]["script"][0]))


def test_the_shipped_matrix_needs_no_file(capsys: Captured) -> None:
    text = printed(capsys)
    assert "--file" not in text
    assert len(cells_in(yaml.safe_load(text))) == 51


def test_the_same_cells_give_the_same_text(capsys: Captured) -> None:
    assert printed(capsys) == printed(capsys)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--file=../mine.toml"], "--file=../mine.toml: not inside this folder"),
        (["--scenarios=../drills"], "SCENARIOS=../drills: not inside this folder"),
        (["--reports=/elsewhere"], "REPORTS=/elsewhere: not inside this folder"),
        (["--reports=$HOME"], "REPORTS=$HOME: GitLab's jobs accept only letters, digits and . _ - / in paths"),
        (["--reports=my reports"], "REPORTS=my reports: GitLab's jobs accept only"),
        (["--jobs=0"], "JOBS=0: not a whole number"),
        (["--supply=moon"], "SUPPLY=moon: not one of"),
    ],
)
def test_what_jobs_in_other_checkouts_could_not_do_is_refused(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    own_scenario(tmp_path / "drills")
    (tmp_path / "inside").mkdir()
    monkeypatch.chdir(tmp_path / "inside")
    assert main.main(["matrix", "--format=gitlab", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_more_jobs_than_gitlab_takes_are_refused() -> None:
    fits = [cell(app=f"3.0.{number}") for number in range(MOST_JOBS - 1)]
    assert len(cells_in(yaml.safe_load(to_gitlab(fits, listing=[], running=[], reports="r")))) == MOST_JOBS - 1
    with pytest.raises(UsageError, match="500 cells and a report; GitLab accepts at most 500 jobs in one pipeline"):
        to_gitlab([*fits, cell(app="3.1.0")], listing=[], running=[], reports="r")


def test_ids_are_names_of_jobs(tmp_path: Path) -> None:
    text = f"""
    chart = [{{chart = "oci://example.org/{"c" * 200}", version = "25.8.0-{"x" * 100}"}}, {{chart = "my (2).tgz"}}]
    values = ["deep/{"v" * 200}.yaml"]
    kube_version = ["1.34.4"]
    scenarios = ["disk-full", "all"]
    subcharts = ["off"]
    images = ["exact"]
    profile = ["as-shipped"]
    """
    for found in cells_of(tmp_path, text):
        assert re.fullmatch(r"k[A-Za-z0-9._-]+", found.id)
        assert len(found.id) <= LONGEST_NAME
        assert found.id not in KEYWORDS | {MERGE}


def test_what_the_cells_need_is_fetched_once_and_handed_to_each(capsys: Captured) -> None:
    pipeline = loaded(capsys, "--cache=.promdrill", "--supply=registry")
    fetch, cell_ = pipeline[FETCH], pipeline[".cell"]
    assert pipeline["stages"] == [fetch["stage"], cell_["stage"], pipeline[MERGE]["stage"]]
    assert [options(line) for line in fetch["script"]] == [
        ["matrix", "--fetch", f"--cell={FIRST},{SECOND}", "--file=mine.toml", "--supply=registry"]
    ]
    assert fetch["allow_failure"] is True, "a cell then fetches what it needs"
    kept, used = fetch["cache"], cell_["cache"]
    assert (kept["policy"], used["policy"]) == ("pull-push", "pull")
    assert kept["key"] == used["key"]
    assert re.fullmatch(r"promdrill-linux-[a-z0-9]+-[0-9a-f]{32}", kept["key"])
    assert kept["paths"] == used["paths"] == [".promdrill/"]
    for job in (fetch, cell_):
        assert job["variables"]["PROMDRILL_CACHE_DIR"] == "$CI_PROJECT_DIR/.promdrill"
    assert list(cells_in({name: job for name, job in pipeline.items() if name != FETCH})) == [FIRST, SECOND]
    assert "cache" not in loaded(capsys)[".cell"]


def test_the_job_that_fetches_counts_too() -> None:
    cells = [cell(app=f"3.0.{number}") for number in range(MOST_JOBS - 1)]
    cache = CiCache("key", "folder")
    with pytest.raises(UsageError, match="499 cells and two jobs beside them; GitLab accepts at most 500") as refused:
        to_gitlab(cells, listing=[], running=[], reports="r", cache=cache)
    assert refused.value.hint == "--shard 1/2 for the first of that many"
    assert to_gitlab(cells[1:], listing=[], running=[], reports="r", cache=cache)


def test_a_cache_outside_the_checkout_is_refused(capsys: Captured) -> None:
    assert main.main(["matrix", "--format=gitlab", "--file=mine.toml", "--cache=/var/cache"]) == 2
    assert "--cache=/var/cache: not inside this folder" in capsys.readouterr().err
