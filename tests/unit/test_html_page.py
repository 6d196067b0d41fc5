"""The page: well-formed, self-contained, escaped, the same every time, and telling whatever state a run was left in."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
from tests.unit.html_world import GROW, RUNBOOK, Page, Told, a_drill, a_journal, a_run, condition, result, step

from promdrill.cli import report as command
from promdrill.cli.parser import Parser
from promdrill.core import shell
from promdrill.core.errors import UsageError
from promdrill.core.events import FaultApplied, Undone, WaitBegan
from promdrill.core.model import SampleAccount, Skipped, Verdict
from promdrill.report.html import detail, page
from promdrill.report.html.load import Drill, load
from promdrill.report.html.page import to_html

EVIL = '<script>alert("x")</script><img src=https://example.org/x> & "quoted" \'too\''


def html_of(*folders: Path, earlier: Path | None = None) -> str:
    return to_html(folders, beside=folders[0], earlier=earlier)


def one(tmp_path: Path, told: Told | None = None, **fields: object) -> Path:
    """A run with one drill, its runbook beside its journal."""
    place = a_run(tmp_path / "run", result(**fields), journals=[("disk-full", told or a_drill())])
    (place / "disk-full" / "runbook.md").write_text(RUNBOOK, encoding="utf-8")
    return place


def bodies(html: str) -> list[str]:
    """The bodies that the script unpacks."""
    found = re.findall(r'<script type="text/plain">([^<]*)</script>', html)
    return [zlib.decompress(base64.b64decode(text)).decode() for text in found]


def test_a_page_is_well_formed_and_its_links_lead_somewhere(tmp_path: Path) -> None:
    found = Page(html_of(one(tmp_path)))
    assert len(found.ids) == len(set(found.ids))
    inside = [address[1:] for address in found.addresses if address.startswith("#")]
    assert inside
    assert set(inside) <= set(found.ids)
    assert found.tags["h1"] == found.tags["main"] == found.tags["nav"] == found.tags["header"] == 1
    assert all(later - earlier <= 1 for earlier, later in zip(found.headings, found.headings[1:], strict=False))
    assert found.tags["table"] == found.tags["caption"]
    assert found.tags["svg"] == found.tags["title"]  # each snapshot, the page, less the brand's


def test_a_page_asks_nothing_of_a_network(tmp_path: Path) -> None:
    html = html_of(one(tmp_path))
    found = Page(html)
    outside = [address for address in found.addresses if not address.startswith("#") and ":" in address]
    assert outside == ["data:,"]
    assert not re.search(r"url\(|@import|//[a-z]", html)


def test_only_its_own_script_may_run(tmp_path: Path) -> None:
    html = html_of(one(tmp_path))
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src &#39;sha256-{digest}&#39;" in html or f"script-src 'sha256-{digest}'" in html
    assert "default-src 'none'" in html


def test_the_page_is_the_same_every_time(tmp_path: Path) -> None:
    place = one(tmp_path)
    (place / "disk-full" / "values.yaml").write_text("server:\n  image: {repository: p, tag: 1}\n", encoding="utf-8")
    assert html_of(place) == html_of(place)


def test_what_comes_from_outside_is_words(tmp_path: Path) -> None:
    told = a_drill().tell(FaultApplied(fault=EVIL, blast_radius=(EVIL,))).tell(Undone(what=EVIL, error=EVIL))
    told.tell(WaitBegan(wanted=(EVIL,), timeout_s=9.0))
    told.tell(condition(EVIL, EVIL, kind=EVIL, holds=True, late_s=1.0))
    told.tell(step(GROW, 'grow "$CLAIM"', output=EVIL)[1], 60.0)
    place = one(tmp_path, told, verdict=Verdict.FAILED, reason=EVIL, remarks=(EVIL,), chart=EVIL)
    (place / "disk-full" / "values.yaml").write_text(EVIL, encoding="utf-8")
    (place / "disk-full" / "evidence").mkdir()
    (place / "disk-full" / "evidence" / 'a" onclick="x').write_text("", encoding="utf-8")
    html = html_of(place)
    found = Page(html)
    assert (found.tags["script"], found.tags["img"]) == (1, 0)
    assert found.text.count("<script>alert") >= 8
    assert "disk-full/evidence/a%22%20onclick%3D%22x" in found.addresses


def test_a_drill_shows_what_it_was(tmp_path: Path) -> None:
    place = one(tmp_path)
    (place / "disk-full" / "values.yaml").write_text(
        "server:\n  image: {repository: quay.io/p, tag: v2}\noff:\n  enabled: false\n  image: {repository: q, tag: 1}\n"
        "password: hunter2\n",
        encoding="utf-8",
    )
    text = Page(html_of(place)).text
    for words in (
        "The drill passed",
        "recovered in 12.0 s",
        "Supply source: no registry",
        "Chart prometheus 25.8.0",
        "exit code 0 · 0.5 s · at 0:13.0 · 1 line",
        "make test-scenarios SCENARIO=disk-full KUBE_VERSION=1.36.3 SUPPLY=source",
        "quay.io/p:v2",
        "gap 14.0 s",
    ):
        assert words in text
    assert "q:1" not in text
    assert "hunter2" not in text


def test_long_outputs_are_cut_and_say_so(tmp_path: Path) -> None:
    told = a_drill()
    told.tell(step(GROW, 'grow "$CLAIM"', output="long line\n" * 9000)[1], 0.5)
    html = html_of(one(tmp_path, told))
    assert "characters left out; journal.jsonl has them" in html
    assert len(html) < 150_000


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.97])
def test_a_killed_run_says_how_far_it_came(tmp_path: Path, kept: float) -> None:
    place = a_run(tmp_path / "run", finished=False)
    text = a_drill().text()
    a_journal(place / "disk-full", text[: int(len(text) * kept)])
    found = Page(html_of(place))
    assert "did not finish" in found.text
    assert "The drill has no result" in found.text
    assert "The journal ends" in found.text
    assert "could not be read" in found.text


def test_a_run_that_had_not_begun_says_so(tmp_path: Path) -> None:
    assert "No drill was run" in Page(html_of(a_run(tmp_path / "run", finished=False))).text
    a_journal(tmp_path / "bare" / "disk-full", "")
    assert "No drill was run" in Page(html_of(tmp_path / "bare")).text


def test_results_without_journals_are_shown(tmp_path: Path) -> None:
    text = Page(html_of(a_run(tmp_path / "run", result(), result(scenario="oom", recovered_after_s=30.0)))).text
    assert "Both drills passed" in text
    assert "There is no journal" in text


def test_what_is_not_due_comes_first_and_controls_that_are_due_are_well(tmp_path: Path) -> None:
    wrong = result(scenario="oom", verdict=Verdict.FAILED, reason="no recovery: 1/2", recovered_after_s=None)
    control = result(control="as-written", verdict=Verdict.FAILED, reason="x", recovered_after_s=None)
    text = Page(html_of(a_run(tmp_path / "run", result(), wrong, control))).text
    assert "1 of 3 drills did not end as expected" in text
    assert text.index("no recovery: 1/2") < text.index("Each drill with its verdict")
    assert "✗ 1 failed ✓ 1 passed ✗ 1 failed, as expected" in text or "✗ 1 failed, as expected" in text


def test_runs_are_columns_and_a_drill_of_several_stands_in_its_row(tmp_path: Path) -> None:
    a_run(tmp_path / "a", result(repetition=1), result(repetition=2), kubernetes="1.34.4")
    a_run(tmp_path / "b", result(scenario="oom"), kubernetes="1.36.3")
    found = Page(html_of(tmp_path))
    assert "scenario Kubernetes 1.34.4 Kubernetes 1.36.3" in found.text
    assert found.text.count("no result") == 2
    assert "2 drills, 12.0 to 12.0 s" in found.text


def test_skipped_scenarios_have_their_reason(tmp_path: Path) -> None:
    place = a_run(tmp_path / "run", result())
    (columns,) = load([place])
    assert columns.run is not None
    from dataclasses import replace  # noqa: PLC0415  only here

    run = replace(columns.run, skipped=(Skipped("oom", "needs chart 20"),))
    text = Page("".join(page.render([replace(columns, run=run)], beside=place))).text
    assert "skipped needs chart 20" in text


def test_changes_are_told_against_the_run_before(tmp_path: Path) -> None:
    a_run(tmp_path / "1", result(recovered_after_s=12.0), result(scenario="other"), started="2026-01-01")
    later = a_run(tmp_path / "2", result(recovered_after_s=40.0), started="2026-01-02")
    text = Page(html_of(later)).text
    assert "1 regression. 1 other cell of that run was not part of this one." in text
    assert "12.0 s → 40.0 s" in text
    assert "Changed since" not in Page(html_of(tmp_path / "1")).text


def test_of_new_drills_there_is_only_the_number(tmp_path: Path) -> None:
    a_run(tmp_path / "1", result(recovered_after_s=12.0), started="2026-01-01")
    new = (result(scenario="oom"), result(scenario="quota"))
    later = a_run(tmp_path / "2", result(recovered_after_s=40.0), *new, started="2026-01-02")
    html = html_of(later)
    assert "1 regression, 2 new." in Page(html).text
    assert (html.count('class="badge f-regression"'), html.count('class="badge f-new"')) == (1, 0)


def test_many_drills_are_unpacked_when_they_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MOST_AT_ONCE", 10)
    results = [result(repetition=number) for number in range(1, 12)]
    place = a_run(tmp_path / "run", *results, journals=[("disk-full.1", a_drill())])
    html = html_of(place)
    found = bodies(html)
    assert len(found) == len(results)
    assert "Timeline" in Page(found[0]).text
    assert "Timeline" not in Page(html).text
    assert bodies(html_of(one(tmp_path / "small"))) == []


def test_many_drills_make_the_same_page_in_any_number_of_processes(tmp_path: Path) -> None:
    results = [result(repetition=number) for number in range(1, 12)]
    told = a_drill()
    place = a_run(tmp_path / "run", *results, journals=[(f"disk-full.{number}", told) for number in range(1, 11)])
    script = """
import os, sys
from pathlib import Path
from promdrill.report.html import detail, page
os.cpu_count, page.MOST_AT_ONCE = lambda: int(sys.argv[2]), 10
sys.stdout.write(page.to_html([Path(sys.argv[1])], beside=Path(sys.argv[1])))
"""
    made = [
        shell.run([sys.executable, "-c", script, str(place), str(number)], timeout_s=60).stdout for number in (1, 3)
    ]
    assert made[0] == made[1]
    assert ["Timeline" in body for body in bodies(made[0])] == [True] * 10 + [False]


@pytest.mark.parametrize("at_once", [1, 50])
def test_what_is_wrong_with_one_of_many_drills_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    def context(drill: Drill, *_: object, **_more: object) -> dict[str, Any]:
        raise UsageError(f"{drill.name} cannot be shown", hint="make test")

    monkeypatch.setattr(page, "MOST_AT_ONCE", at_once)
    monkeypatch.setattr(detail, "context", context)
    place = a_run(tmp_path / "run", *(result(repetition=number) for number in (1, 2)))
    with pytest.raises(UsageError, match=r"^disk-full\[1\] cannot be shown\nHint: make test$"):
        html_of(place)


def test_many_drills_stay_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MOST_AT_ONCE", 3)
    noisy = a_drill()
    for number in range(200):
        noisy.tell(Undone(what=f"step {number} of many " * 9), 0.1)
    place = a_run(tmp_path / "run", *(result(repetition=number) for number in range(1, 5)))
    for number in range(1, 5):
        a_journal(place / f"disk-full.{number}", noisy.text())
    alone = len(html_of(a_run(tmp_path / "empty")))
    assert len(html_of(place)) - alone < 4 * 25_000


def test_links_are_relative_to_the_page(tmp_path: Path) -> None:
    place = one(tmp_path)
    (place / "disk-full" / "evidence").mkdir()
    (place / "disk-full" / "evidence" / "pods.yaml").write_text("", encoding="utf-8")
    inside = Page(to_html([place], beside=place)).addresses
    beside = Page(to_html([place], beside=tmp_path)).addresses
    assert "disk-full/evidence/pods.yaml" in inside
    assert "run/disk-full/evidence/pods.yaml" in beside


def test_the_end_of_a_run_writes_its_page(tmp_path: Path) -> None:
    place = one(tmp_path)
    assert page.write(place) == place / "report.html"
    assert (place / "report.html").read_text(encoding="utf-8") == to_html([place], beside=place)


def parsed(*words: str) -> int:
    parser = Parser(prog="promdrill")
    command.add(parser.add_subparsers(parser_class=Parser))
    arguments = parser.parse_args(["report", *words])
    code: int = arguments.execute(arguments)
    return code


def test_the_command_writes_beside_the_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = one(tmp_path)
    assert parsed(str(place)) == 0
    assert capsys.readouterr().out == f"report: {place / 'report.html'}\n"
    assert (place / "report.html").is_file()


def test_the_command_writes_where_it_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = one(tmp_path)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(place, tmp_path / "second")
    assert parsed(str(place), "second", "--previous", "second") == 0
    assert "Changed since" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert parsed(str(place), "--format", "markdown", "--output", "-") == 0
    assert capsys.readouterr().out.endswith("| disk-full | ✅ passed | \N{EN DASH} | 12.0 s | 14.0 s | 14 |\n")
    assert parsed(str(place), "--output", "new/page.html") == 0
    assert (tmp_path / "new" / "page.html").is_file()


def test_samples_unknown_are_a_dash(tmp_path: Path) -> None:
    text = Page(html_of(one(tmp_path, samples=SampleAccount()))).text
    assert "Longest gap \N{EN DASH} Samples lost \N{EN DASH}" in text
