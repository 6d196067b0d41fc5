"""What scenarios say of themselves, and how long they took: read from files, whatever is in them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from promdrill.core import paths
from promdrill.core.errors import UsageError
from promdrill.core.model import DrillResult, PhaseName, PhaseRecord, RunResult, Verdict
from promdrill.helm.compatibility.table import followed
from promdrill.helm.source.files import metadata
from promdrill.request import scenarios
from promdrill.request.markers import MARKERS
from promdrill.request.scenarios import Traits, applies, last_took, traits

OUR_CHART = paths.manifests_dir() / "charts/prometheus"
TOOK_WORDS = (
    b"""{"scenario": "flag", "verdict": "passed", "phases": [{"name": "undo", "started": "", "took_s": "long"}]}"""
)


def written(folder: Path, *marks: str, body: str = "def test_it(drill): pass\n") -> Path:
    """A test with these decorators, which would not survive being run."""
    test = folder / "test_it.py"
    lines = "".join(f"@{mark}\n" for mark in marks)
    test.write_text(f"import pytest\nraise RuntimeError\n{lines}{body}")
    return test


@pytest.mark.parametrize("scenario", scenarios.find_all(), ids=lambda scenario: scenario.id)
def test_a_shipped_scenario_applies_to_our_own_chart(scenario: scenarios.ScenarioFolder) -> None:
    assert scenario.title
    assert applies(scenario.folder, *followed(metadata(OUR_CHART))) is None, "our own chart is what CI drills"


@pytest.mark.parametrize(
    ("marks", "found", "chart_range"),
    [
        ((), Traits(), "any"),
        (("pytest.mark.charts('>=15,<30')",), Traits(charts=">=15,<30"), ">=15,<30"),
        (("mark.touches(' volume', 'claim')",), Traits(touches=("volume", "claim")), "any"),
        (("pytest.mark.install('manual')", "pytest.mark.alone('x')"), Traits(install="manual"), "manual install"),
        (("pytest.mark.install('operator')",), Traits(install="operator"), "operator"),
        (("pytest.mark.install('helm')", "pytest.mark.charts('>=15')"), Traits(charts=">=15"), ">=15"),
        (("pytest.mark.usefixtures(NAME)", "other.charts(1)", "touches"), Traits(), "any"),
        (("mark.charts('>=15', stack=' >=57,<58')",), Traits(charts=">=15", stack=">=57,<58"), ">=15"),
    ],
)
def test_markers_are_read_and_nothing_is_run(
    tmp_path: Path, marks: tuple[str, ...], found: Traits, chart_range: str
) -> None:
    assert traits(written(tmp_path, *marks)) == found
    assert found.chart_range == chart_range


@pytest.mark.parametrize(
    "mark",
    [
        *(
            "charts",
            "charts()",
            "charts('')",
            "charts(15)",
            "charts('>=15', '<30')",
            "charts(RANGE)",
            "charts(f'>={X}')",
        ),
        *("charts(range='>=15')", "touches", "touches()", "touches('volume', ' ')", "touches('a', 1)", "touches(*ALL)"),
        *("install()", "install('manual', 'operator')", "install('manual', stack='>=57')"),
        *("charts('>=15', stack='')", "charts('>=15', stack=57)", "charts(stack='>=57')", "charts('>=15', **MORE)"),
    ],
)
def test_a_marker_that_says_nothing_is_named_with_its_line(tmp_path: Path, mark: str) -> None:
    test = written(tmp_path, f"pytest.mark.{mark}")
    with pytest.raises(UsageError) as caught:
        traits(test)
    name = mark.partition("(")[0]
    assert caught.value.message.startswith(f"{test}:3: the marker {name} may appear only once and takes one text")
    assert caught.value.hint.startswith(f"@pytest.mark.{name}(")


@pytest.mark.parametrize("text", ["15", ">=x", "~15", ">= 15 <30", "25.x"])
def test_a_range_that_is_none(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="is not a version range"):
        traits(written(tmp_path, f"pytest.mark.charts({text!r})"))


@pytest.mark.parametrize(
    ("marks", "body", "complaint"),
    [
        (("pytest.mark.charts('>=15')",) * 2, "def test_it(drill): pass\n", "charts may appear only once"),
        (("mark.install('manual')", "mark.charts('>1')"), "def test_it(drill): pass\n", "charts has no meaning with"),
        (
            ("mark.install('manul')",),
            "def test_it(drill): pass\n",
            r"install\('manul'\): not one of helm, manual, operator",
        ),
        ((), "def test_it(drill): pass\ndef test_too(drill): pass\n", "has 2 tests; a scenario has one"),
        ((), "def helper(drill): pass\n", "has 0 tests"),
        ((), "def test_it(drill) pass\n", r"test_it.py:3: not Python: "),
        ((), "\0\n", "a NUL character"),
    ],
)
def test_what_cannot_be_read_is_one_clear_error(
    tmp_path: Path, marks: tuple[str, ...], body: str, complaint: str
) -> None:
    with pytest.raises(UsageError, match=complaint):
        traits(written(tmp_path, *marks, body=body))


def test_a_test_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        traits(tmp_path / "test_it.py")


@pytest.mark.parametrize(
    ("mark", "name", "version", "fits"),
    [
        ("touches('x')", "prometheus", "1.0.0", True),
        ("touches('x')", "kube-prometheus-stack", "87.0.0", True),
        ("install('manual')", "prometheus", "1.0.0", True),
        ("charts('>=15,<30')", "prometheus", "15.0.0", True),
        ("charts('>=15,<30')", "prometheus", "v29.27.0", True),
        ("charts('>=15,<30')", "prometheus", "25.8.0-mine.3+build", True),
        ("charts('>=15,<30')", "prometheus", "30.0.0", False),
        ("charts('>=15,<30')", "prometheus", "14.12.0", False),
        ("charts('>=15,<30')", "prometheus", "newest", False),
        ("charts('>=15,<30')", "kube-prometheus-stack", "20.0.0", False),
    ],
)
def test_which_charts_a_scenario_applies_to(tmp_path: Path, mark: str, name: str, version: str, *, fits: bool) -> None:
    folder = tmp_path / "it"
    folder.mkdir()
    test = written(folder, f"pytest.mark.{mark}")
    why = applies(folder, name, version)
    assert applies(test, name, version) == why
    assert (why is None) == fits
    if why is not None:
        assert why == f"it applies to prometheus-community/prometheus >=15,<30, not to {name} {version}"


@pytest.mark.parametrize(
    ("name", "version", "app_version", "said"),
    [
        ("kube-prometheus-stack", "57.1.0", "2.51.0", None),
        ("kube-prometheus-stack", "57.1.0", "", None),
        (
            "kube-prometheus-stack",
            "57.1.0",
            "3.14.0",
            "operator of kube-prometheus-stack 57.1.0 supports .*, not 3.14.0",
        ),
        ("kube-prometheus-stack", "64.0.0", "3.0.0", "supports Prometheus up to version 2, not 3.0.0"),
        ("kube-prometheus-stack", "65.0.0", "3.0.0", None),
        ("kube-prometheus-stack", "65.0.0", "2.55.1", None),
        ("kube-prometheus-stack", "v88.5.3-ours_1", "3.14.0", None),
        ("kube-prometheus-stack", "88.5.3", "3.14.0-distroless", None),
        ("kube-prometheus-stack", "56.21.4", "2.50.1", "prometheus >=15 and kube-prometheus-stack >=57, not to"),
        ("prometheus", "15.18.0", "3.14.0", None),
        ("prometheus", "57.1.0", "", None),
        ("prometheus", "14.0.0", "", "not to prometheus 14.0.0"),
    ],
)
def test_a_scenario_for_two_charts(tmp_path: Path, name: str, version: str, app_version: str, said: str | None) -> None:
    test = written(tmp_path, "pytest.mark.charts('>=15', stack='>=57')")
    why = applies(test, name, version, app_version)
    assert (why is None) == (said is None)
    assert said is None or re.search(said, str(why))


def test_a_range_of_the_other_chart_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"stack: '57' is not a version range"):
        traits(written(tmp_path, "pytest.mark.charts('>=15', stack='57')"))


def test_our_own_chart_follows_another(tmp_path: Path) -> None:
    assert followed(metadata(OUR_CHART)) == ("prometheus", "25.8.0")
    (tmp_path / "Chart.yaml").write_text("name: prometheus\nversion: 28.1.0\nannotations:\n")
    assert followed(metadata(tmp_path)) == ("prometheus", "28.1.0")


def test_an_install_that_takes_not_every_prometheus(tmp_path: Path) -> None:
    test = written(tmp_path, 'pytest.mark.install("operator")')
    assert applies(test, "prometheus", "25.8.0", "2.55.1") is None
    assert applies(test, "prometheus", "25.8.0") is None, "the version is not known yet"
    assert "not 3.14.0" in str(applies(test, "prometheus", "25.8.0", "3.14.0"))


def test_pytest_knows_the_markers(pytester: pytest.Pytester) -> None:
    shown = pytester.runpytest_inprocess("--markers").stdout.str()
    for line in MARKERS:
        assert f"@pytest.mark.{line}\n" in shown


def drill(scenario: str, took_s: float | None, control: str | None = None, verdict: str = "passed") -> DrillResult:
    phases = tuple(PhaseRecord(name, "", took_s) for name in (PhaseName.PROVISION, PhaseName.UNDO))
    return DrillResult(scenario, None, None, None, "fast", control, Verdict(verdict), None, phases)


def ran(reports: Path, folder: str, started: str, *drills: DrillResult) -> dict[str, Any]:
    """A run's results, as they lie in its folder."""
    data = RunResult(started, None, "source", "1.36.3", drills).to_json()
    (reports / folder).mkdir(parents=True)
    (reports / folder / "results.json").write_text(json.dumps(data))
    return data


def test_how_long_each_took_when_it_last_passed(tmp_path: Path) -> None:
    ran(tmp_path, "b", "2026-01-01", drill("disk-full", 1.0), drill("flag", 7.5), drill("oom", 9.0, verdict="failed"))
    ran(tmp_path, "a", "2026-01-02", drill("disk-full", 20.0), drill("flag", 3.0, verdict="invalid"))
    ran(tmp_path, "c", "2026-01-03", drill("disk-full", 1.0, "no-fault", "invalid"), drill("cold", None))
    ran(tmp_path, "d", "2026-01-04", drill("disk-full", 9.0, "no-fault", "aborted"))
    (tmp_path / "latest").symlink_to("b")
    assert last_took(tmp_path) == {"disk-full": 40.0, "flag": 15.0, "disk-full[no-fault]": 2.0, "cold": 0.0}


@pytest.mark.parametrize(
    "broken",
    [
        *(b"", b"{", b"\xff", b"[]", b'{"schema": 99}'),
        b'{"schema": 1, "started": "2027", "supply": "source", "kubernetes": "1", "drills": [[]]}',
        b'{"schema": 1, "started": "2027", "supply": "source", "kubernetes": "1", "drills": 7}',
        b'{"schema": 1, "started": "2027", "supply": "source", "kubernetes": "1", "drills": [%s]}' % TOOK_WORDS,
    ],
)
def test_a_broken_file_is_of_the_past(tmp_path: Path, broken: bytes) -> None:
    ran(tmp_path, "good", "2026-01-01", drill("flag", 1.0))
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/results.json").write_bytes(broken)
    (tmp_path / "empty").mkdir()
    assert last_took(tmp_path) == {"flag": 2.0}


def test_no_reports_at_all(tmp_path: Path) -> None:
    assert last_took(tmp_path / "none") == {}


def test_a_file_without_what_has_a_default_counts(tmp_path: Path) -> None:
    data = ran(tmp_path, "old", "2026-01-01", drill("flag", 1.0))
    del data["skipped"], data["drills"][0]["steps"], data["drills"][0]["observer"]
    (tmp_path / "old/results.json").write_text(json.dumps(data))
    assert last_took(tmp_path) == {"flag": 2.0}
