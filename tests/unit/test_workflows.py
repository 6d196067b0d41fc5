"""The workflows: every command is a make target, and nothing in them may do more than it needs, or go on for ever."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from promdrill.core import shell
from promdrill.supply.build import programs

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
FILES = sorted((ROOT / ".github/workflows").glob("*.yml"))
WORKFLOWS: dict[str, Any] = {file.stem: yaml.safe_load(file.read_text()) for file in FILES}
JOBS = {f"{name}/{key}": job for name, flow in WORKFLOWS.items() for key, job in flow["jobs"].items()}
STEPS = [(where, step) for where, job in JOBS.items() for step in job["steps"]]

TARGETS = set(re.findall(r"^\.PHONY: (\S+)$", MAKEFILE, re.MULTILINE))
VARIABLES = {name for line in re.findall(r"^\w+_VARIABLES := (.*)$", MAKEFILE, re.MULTILINE) for name in line.split()}

DRILLS = r"make (matrix|test-scenarios)\b(?!-)"
OWN = tuple(f"images/{name}/**" for name in programs.NAMES)
PINS = ("src/promdrill/artefacts/pins.toml", *OWN, "uv.lock")

# What a line may be: a target with variables; its output caught; a variable written to a file.
WORD = r'(?:"[^"`\\(]*"|[\w./,-]*)'
MAKE = rf"make (?P<target>[a-z-]+)(?P<given>(?: [A-Z_]+={WORD})*)"
LINE = re.compile(
    rf"{MAKE}|[a-z]+=\$\({MAKE.replace('<target>', '<caught>').replace('<given>', '<with>')}\)|echo {WORD} >>?{WORD}"
)


def foreign(run: str) -> list[str]:
    """The lines that are no make target of ours, or give it what it does not take."""
    return [line for line in run.splitlines() if not _ours(line.strip())]


def _ours(line: str) -> bool:
    found = LINE.fullmatch(line)
    if line.startswith("#"):
        return True
    if found is None or "${{" in line:
        return False
    target, given = found["target"] or found["caught"], found["given"] or found["with"] or ""
    return target is None or (target in TARGETS and set(re.findall(r" ([A-Z_]+)=", given)) <= VARIABLES)


@pytest.mark.parametrize(
    "line",
    [
        "make no-such-target",
        "make test NO_SUCH=1",
        "make test; rm -rf reports",
        "make test && make lint",
        "make test CELL=${{ matrix.id }}",
        "make test CELL=$(id)",
        'make test CELL="`id`"',
        ".venv/bin/promdrill run",
        "cells=$(id)",
        "curl example.org",
        "echo x | sh",
    ],
)
def test_another_command_would_be_seen(line: str) -> None:
    assert foreign(f"make test\n{line}") == [line]


@pytest.mark.parametrize(("where", "step"), [(where, step) for where, step in STEPS if "run" in step])
def test_every_command_is_a_make_target(where: str, step: dict[str, Any]) -> None:
    assert foreign(step["run"]) == [], where


def test_the_targets_are_the_promised_ones() -> None:
    runs = {
        name: "\n".join(step.get("run", "") for where, step in STEPS if where.startswith(name)) for name in WORKFLOWS
    }
    used = {name: set(re.findall(r"\bmake ([a-z-]+)", run)) for name, run in runs.items()}
    assert used == {
        "checks": {"test", "test-agent", "test-rules", "supply", "test-scenarios", "clean"},
        "nightly": {"environment", "matrix-cells", "matrix-supply", "matrix", "merge", "night-issue", "clean", "audit"},
        "release": {"release-dry", "github-release"},
    }


def test_every_action_is_pinned_by_commit_and_says_its_version() -> None:
    versions = set()
    for file in FILES:
        lines = re.findall(r"\buses: (?!\./$)(.*)", file.read_text(), re.MULTILINE)
        assert lines, file
        for line in lines:
            found = re.fullmatch(r"([\w-]+/[\w-]+)(?:/\w+)?(@[0-9a-f]{40} # v\d+\.\d+\.\d+)", line)
            assert found, line
            versions.add(found[1] + found[2])
    names = [line.partition("@")[0] for line in versions]
    assert len(names) == len(set(names)), "one version of each action"


def test_no_job_may_do_more_than_it_needs() -> None:
    assert {name: flow["permissions"] for name, flow in WORKFLOWS.items()} == {name: {} for name in WORKFLOWS}
    more = {where: job["permissions"] for where, job in JOBS.items() if job["permissions"] != {"contents": "read"}}
    assert more == {
        "nightly/issue": {"contents": "read", "issues": "write"},
        "release/publish": {"id-token": "write", "attestations": "write"},
        "release/github": {"contents": "write"},
    }
    assert not any("secrets." in file.read_text() for file in FILES)
    tokens = [where for where, step in STEPS if "github.token" in json.dumps(step)]
    assert tokens == ["nightly/issue", "release/github"]


@pytest.mark.parametrize("where", JOBS)
def test_every_job_and_drill_ends_in_time(where: str) -> None:
    job = JOBS[where]
    assert 0 < job["timeout-minutes"] <= 360, "what a runner of GitHub's allows"
    drilling = [step for step in job["steps"] if re.match(DRILLS, step.get("run", ""))]
    assert all(step["timeout-minutes"] <= job["timeout-minutes"] - 15 for step in drilling)
    assert bool(drilling) == (where in {"checks/drills", "nightly/cells"})


@pytest.mark.parametrize("name", WORKFLOWS)
def test_runs_do_not_pile_up(name: str) -> None:
    assert WORKFLOWS[name]["concurrency"]["group"] == f"{name}-${{{{ github.ref }}}}"


@pytest.mark.parametrize(("where", "step"), [(where, step) for where, step in STEPS if "uses" in step])
def test_no_credentials_stay_and_what_was_learnt_is_kept(where: str, step: dict[str, Any]) -> None:
    if step["uses"].startswith("actions/checkout@"):
        assert step["with"] == {"persist-credentials": False}, where
    if step["uses"].startswith("actions/upload-artifact@"):
        assert step.get("if") == (None if where == "release/build" else "${{ always() }}"), "a bad release is not kept"
        assert 0 < step["with"]["retention-days"] <= 90
        assert step["with"]["overwrite"] is True, "or the job cannot be run again"


@pytest.mark.parametrize("where", ["checks/drills", "nightly/cells"])
def test_a_job_that_drills_keeps_its_results_and_cleans_up(where: str) -> None:
    steps = [step for at, step in STEPS if at == where]
    drills = next(at for at, step in enumerate(steps) if re.match(DRILLS, step.get("run", "")))
    rest = steps[drills + 1 :]
    assert [step.get("if") for step in rest] == ["${{ always() }}"] * 2
    assert rest[0]["uses"].startswith("actions/upload-artifact@")
    assert rest[1]["run"] == "make clean"


@pytest.mark.parametrize("where", ["checks/drills", "nightly/cells"])
def test_a_job_that_drills_finds_its_supply_in_the_cis_cache(where: str) -> None:
    steps = [step for at, step in STEPS if at == where]
    restored = next(at for at, step in enumerate(steps) if step.get("uses", "").startswith("actions/cache/restore@"))
    drills = next(at for at, step in enumerate(steps) if re.match(DRILLS, step.get("run", "")))
    assert restored < drills
    key = steps[restored]["with"]["key"]
    assert "${{ runner.os }}-${{ runner.arch }}" in key
    assert all(f"'{file}'" in key for file in PINS), "a changed pin is another supply"
    assert all(list(ROOT.glob(pattern)) for pattern in re.findall(r"'([^']+)'", key.partition("hashFiles")[2]))
    assert set(steps[restored]["with"]["path"].split()) == {"~/.cache/promdrill", "~/.cache/uv"}


@pytest.mark.parametrize("name", ["checks", "nightly"])
def test_a_supply_is_kept_once_it_is_whole_whatever_becomes_of_the_drills(name: str) -> None:
    steps = [step for where, step in STEPS if where.startswith(f"{name}/")]
    paths, keys = set(), set()
    for at, step in enumerate(steps):
        if step.get("uses", "").startswith("actions/cache/"):
            paths.add(step["with"]["path"])
            keys.add(step["with"]["key"])
        if step.get("uses", "").startswith("actions/cache/save@"):
            assert re.match(r"make (matrix-)?supply\b", steps[at - 1]["run"]), (
                "not at the end, where a red job keeps nothing"
            )
    assert len(paths) == 1, "the CI's cache tells entries apart by their paths as well"
    computed = keys - {"${{ steps.cache.outputs.cache-primary-key }}"}
    assert len(computed) == 1
    assert len(keys) == 2


def test_the_action_is_tried_with_the_example() -> None:
    (asked,) = [step["with"] for where, step in STEPS if step.get("uses") == "./"]
    assert all((ROOT / asked[name]).exists() for name in ("scenarios", "values"))
    assert (ROOT / asked["scenarios"] / asked["scenario"]).is_dir()


def test_nothing_needs_root() -> None:
    assert not any(re.search(r"\bsudo\b|\bapt(-get)?\b|mmdebstrap", file.read_text()) for file in FILES)


def test_both_architectures_are_tested_and_drilled() -> None:
    checks = WORKFLOWS["checks"]["jobs"]
    assert checks["test"]["strategy"]["matrix"]["runner"] == ["ubuntu-24.04", "ubuntu-24.04-arm"]
    assert [each["runner"] for each in checks["drills"]["strategy"]["matrix"]["include"]] == [
        "ubuntu-24.04",
        "ubuntu-24.04-arm",
    ]


def test_a_red_cell_stops_no_other_and_a_red_night_is_told() -> None:
    cells, merge, issue = (WORKFLOWS["nightly"]["jobs"][name] for name in ("cells", "merge", "issue"))
    assert cells["strategy"]["fail-fast"] is False
    assert cells["strategy"]["matrix"] == "${{ fromJSON(needs.plan.outputs.cells) }}"
    assert "inputs.max-parallel" in cells["strategy"]["max-parallel"]
    assert merge["if"].startswith("${{ !cancelled() ")
    assert issue["if"].startswith("${{ !cancelled() && github.event_name == 'schedule' ")
    assert set(issue["needs"]) == {"plan", "cells", "merge"}


def test_a_release_is_published_after_all_was_checked_and_only_what_was() -> None:
    flow = WORKFLOWS["release"]
    assert flow[True] == {"push": {"tags": ["v*"]}}, "YAML 1.1 reads the key `on` so"
    build, publish, github = (flow["jobs"][name] for name in ("build", "publish", "github"))
    assert (publish["needs"], github["needs"]) == ("build", "publish")
    assert flow["concurrency"]["cancel-in-progress"] is False
    assert publish["environment"] == "pypi"
    assert not any("run" in step for step in publish["steps"]), "no command runs beside the right to publish"
    *_, made, kept = build["steps"]
    assert made["run"] == 'make release-dry TAG="$TAG"'
    assert made["env"] == {"TAG": "${{ github.ref_name }}"}
    assert kept["with"]["path"] == "dist/"
    fetched, provenance, materials, index = publish["steps"]
    assert fetched["with"] == {"name": kept["with"]["name"], "path": "dist"}
    assert provenance["with"] == {"subject-path": "dist/publish/*"}
    assert materials["with"] == {"subject-path": "dist/publish/*.whl", "sbom-path": "dist/release/promdrill.cdx.json"}
    assert index["uses"].startswith("pypa/gh-action-pypi-publish@")
    assert index["with"] == {"packages-dir": "dist/publish"}, "no password: a trusted publisher"


def test_lint_validates_all_that_a_ci_reads() -> None:
    recipe = MAKEFILE.partition("\nlint:")[2].partition("\n\n")[0]
    checked: dict[str, set[str]] = {}
    for schema, patterns in re.findall(r"--builtin-schema vendor\.([\w-]+) ([^-\n].*)$", recipe, re.MULTILINE):
        files = {str(file.relative_to(ROOT)) for pattern in patterns.split() for file in ROOT.glob(pattern)}
        checked.setdefault(schema, set()).update(files)
    there = {str(file.relative_to(ROOT)) for end in ("yml", "yaml") for file in ROOT.glob(f"examples/**/.*.{end}")}
    there |= {str(file.relative_to(ROOT)) for file in ROOT.glob("examples/gitlab/*.yml")}
    forms = {str(file.relative_to(ROOT)) for file in ROOT.glob(".github/ISSUE_TEMPLATE/*")}
    assert checked == {
        "github-workflows": {
            str(file.relative_to(ROOT)) for file in [*FILES, *ROOT.glob("examples/*/.github/workflows/*.yml")]
        },
        "github-actions": {"action.yml"},
        "dependabot": {".github/dependabot.yml"},
        "github-issue-config": {".github/ISSUE_TEMPLATE/config.yml"},
        "github-issue-forms": forms - {".github/ISSUE_TEMPLATE/config.yml"},
        "gitlab-ci": there,
    }
    assert "examples/gitlab/.gitlab-ci.yml" in there
    assert re.search(r"zizmor .*--offline --pedantic .*\.github action\.yml examples$", recipe, re.MULTILINE)


# --- make night-issue --------------------------------------------------------------------------------------------

FAKE_GH = r"""#!/usr/bin/env python3
import json, os, sys
from pathlib import Path
here = Path(__file__).parent
given = sys.argv[1:]
known = [["label", "create", "red-night"], ["issue", "list"], ["issue", "create"], ["issue", "comment"]]
if not any(given[:len(start)] == start for start in known) or os.environ.get("GH_TOKEN") != "t":
    sys.exit(f"unexpected: {given}")
body = Path(given[given.index("--body-file") + 1]).read_text() if "--body-file" in given else None
with (here / "calls").open("a") as calls:
    calls.write(json.dumps([given, body]) + "\n")
if given[:2] == ["issue", "list"]:
    print(os.environ.get("OPEN", ""))
if given[1] == os.environ.get("REFUSED"):
    sys.exit("HTTP 403")
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "Makefile").write_text(MAKEFILE)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/gh").write_text(FAKE_GH.replace("/usr/bin/env python3", sys.executable))
    (tmp_path / "bin/gh").chmod(0o755)
    return tmp_path


def night_issue(checkout: Path, ok: tuple[int, ...] = (0,), **env: str) -> Iterator[tuple[list[str], str | None]]:
    path = f"{checkout / 'bin'}{os.pathsep}{os.environ['PATH']}"
    given = {"GH_TOKEN": "t", "RUN_URL": "https://example.org/runs/7", "PATH": path, **env}
    clean = {"MAKEFLAGS": "", "MAKELEVEL": "0", "MAKEOVERRIDES": "", "MFLAGS": ""}
    shell.run(["make", "night-issue"], timeout_s=20, cwd=checkout, env={**clean, **given}, ok=ok)
    for line in (checkout / "bin/calls").read_text().splitlines():
        called, body = json.loads(line)
        yield called, body


def test_a_red_night_opens_an_issue_with_the_summary(checkout: Path) -> None:
    (checkout / "reports/matrix").mkdir(parents=True)
    (checkout / "reports/matrix/summary.md").write_text("## promdrill merge: 1 of 8 cells red\n")
    (label, _), (asked, _), (created, body) = night_issue(checkout)
    assert "--force" in label, "it is no error that the label is there"
    assert asked[asked.index("--state") + 1] == "open"
    assert asked[asked.index("--label") + 1] == "red-night"
    assert created[:2] == ["issue", "create"]
    assert created[created.index("--label") + 1] == "red-night"
    assert body == "## promdrill merge: 1 of 8 cells red\n\nThe run: https://example.org/runs/7\n"


def test_the_issue_that_is_open_gets_a_comment(checkout: Path) -> None:
    *_, (commented, body) = night_issue(checkout, OPEN="42")
    assert commented[:3] == ["issue", "comment", "42"]
    assert body == "The nightly run produced no report.\n\nThe run: https://example.org/runs/7\n"


@pytest.mark.parametrize("refused", ["list", "create"])
def test_an_issue_that_cannot_be_written_is_a_failure(checkout: Path, refused: str) -> None:
    calls = list(night_issue(checkout, (2,), REFUSED=refused))
    assert len(calls) == {"create": 1, "list": 2}[refused], "nothing more is tried"


# --- make github-release -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tag", "early"), [("v1.2.0", []), ("v1.2.0rc1", ["--prerelease"])])
def test_a_release_beside_the_tag_has_its_text_and_files(tmp_path: Path, tag: str, early: list[str]) -> None:
    files = [
        "dist/publish/a.whl",
        "dist/publish/b.tar.gz",
        "dist/release/promdrill.cdx.json",
        "dist/release/SHA256SUMS",
    ]
    for file in [*files, "dist/release/notes.md"]:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    (tmp_path / "Makefile").write_text(MAKEFILE)
    (tmp_path / "gh").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "gh").chmod(0o755)
    clean = {"MAKEFLAGS": "", "MAKELEVEL": "0", "MAKEOVERRIDES": "", "MFLAGS": ""}
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = shell.run(["make", "github-release", f"TAG={tag}"], timeout_s=20, cwd=tmp_path, env={**clean, "PATH": path})
    head = ["release", "create", tag, "--verify-tag", "--title", tag]
    assert done.stdout.split() == [*head, *early, "--notes-file", "dist/release/notes.md", *files]
