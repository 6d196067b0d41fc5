"""The runbook on the page: its text, and behind each step what it printed."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup
from tests.unit.html_world import GROW, LOOK, RUNBOOK, Page

from promdrill.core.model import StepRecord
from promdrill.report.html import runbook


def ran(line: int, command: str, **fields: str) -> StepRecord:
    """A step that went well."""
    about = {"file": "runbook.md", "section": "Diagnosis", "output": "", **fields}
    return StepRecord(line=line, command=command, exit_code=0, took_s=1.0, **about)


def shown(step: StepRecord) -> Markup:
    return Markup("<p>ran line {}</p>").format(step.line)


LOOKED, GREW = ran(LOOK, "df -h"), ran(GROW, 'grow "$CLAIM"', section="Mitigation")


def written(folder: Path, text: str = RUNBOOK) -> Path:
    (folder / "runbook.md").write_text(text, encoding="utf-8")
    return folder / "runbook.md"


def test_each_step_is_followed_by_its_outcome(tmp_path: Path) -> None:
    found = runbook.render(written(tmp_path), [LOOKED, GREW], shown)
    html = str(found.html)
    assert found.note == ""
    assert html.index("df -h") < html.index("ran line 14") < html.index("what the runbook expects")
    assert html.index("grow &#34;$CLAIM&#34;") < html.index("ran line 24")
    Page(html)


def test_markup_in_a_runbook_is_words_and_headings_stand_below_the_drill(tmp_path: Path) -> None:
    text = RUNBOOK + "\n![x](https://example.org/x.png) [y](javascript:alert(1)) [z](https://example.org)\n"
    page = Page(str(runbook.render(written(tmp_path, text), [], shown).html))
    assert "<b>no markup</b>" in page.text
    assert set(page.headings) == {5}
    assert "A title" not in page.text
    assert page.tags["img"] == page.tags["b"] == page.tags["script"] == 0
    assert page.addresses == ["https://example.org/x.png", "https://example.org"]


def test_a_runbook_that_was_not_run_says_so(tmp_path: Path) -> None:
    assert runbook.render(written(tmp_path), [], shown).note == "None of its steps was run."


def test_a_runbook_that_has_changed_since_is_not_mixed_with_its_steps(tmp_path: Path) -> None:
    for changed in (RUNBOOK.replace("df -h", "df -k"), RUNBOOK.replace("Text with", "\n\n\n\n\n\nText with")):
        found = runbook.render(written(tmp_path, changed), [LOOKED, GREW], shown)
        assert "has changed since" in found.note
        assert "Text with" not in found.html
        assert [part in found.html for part in ("df -h", "ran line 14", "<h5>Mitigation</h5>")] == [True] * 3


def test_a_runbook_that_is_gone_leaves_its_steps(tmp_path: Path) -> None:
    found = runbook.render(None, [LOOKED], shown)
    assert "no longer exists" in found.note
    assert "ran line 14" in found.html
    (tmp_path / "runbook.md").write_bytes(b"\xff\xfe")
    assert runbook.render(tmp_path / "runbook.md", [], shown).html == ""


def test_steps_of_two_files_are_shown_without_the_text_of_either(tmp_path: Path) -> None:
    found = runbook.render(written(tmp_path), [LOOKED, ran(9, "rm all", file="repairs.md")], shown)
    assert found.note == "The steps of runbook.md and of repairs.md, as they were run."
    assert ("rm all" in found.html, "Text with" in found.html) == (True, False)


def test_the_copy_in_the_drills_folder_goes_first(tmp_path: Path) -> None:
    drill, scenario = tmp_path / "drill", tmp_path / "scenario"
    drill.mkdir()
    scenario.mkdir()
    assert runbook.find(drill, scenario, []) is None
    written(scenario)
    assert runbook.find(drill, scenario, [LOOKED]) == scenario / "runbook.md"
    written(drill)
    assert runbook.find(drill, scenario, [LOOKED]) == drill / "runbook.md"
    assert runbook.find(drill, scenario, [ran(1, "x", file="../../etc/other.md")]) is None


def test_a_published_runbook_is_shown_by_its_steps(tmp_path: Path) -> None:
    """Its commands were run without prompts and with the drill's own values, so they are not in its text."""
    text = "## Fix\n\n```console\n$ df -h <claim>\n```\n"
    found = runbook.render(written(tmp_path, text), [LOOKED, GREW], shown)
    assert "was run as it was published" in found.note
    assert "ran line 14" in found.html
