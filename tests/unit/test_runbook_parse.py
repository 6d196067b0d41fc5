"""Runbooks: what is a step, and every rule with the place where it is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from promdrill.core.errors import UsageError
from promdrill.runbook.front import RunbookAlert
from promdrill.runbook.lint import lint
from promdrill.runbook.parse import Runbook, parse
from promdrill.runbook.source import SourceText

FRONT = "---\nid: full\ntitle: A title\n---\n"
GOOD = FRONT + (
    "# A title\n\n## Meaning\n\n## Impact\n\n## Diagnosis\n\n"
    "```sh\n# look\n\necho one\necho two\n```\n\n```console\none\n...\n```\n\n"
    "## Mitigation\n\n```sh name=mend timeout=300\necho mended\n```\n\n```yaml\nkey: value\n```\n\n"
    "## Verification\n\n- A list:\n\n  ~~~sh\n  echo well\n  ~~~\n"
)


def read(tmp_path: Path, text: str | bytes) -> Runbook:
    file = tmp_path / "runbook.md"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return parse(file)


def test_steps_know_their_place_and_their_expected_output(tmp_path: Path) -> None:
    book = read(tmp_path, GOOD)
    look, mend, verify = book.steps
    assert (book.id, book.title, book.data_loss, dict(book.variables)) == ("full", "A title", False, {})
    assert (look.section, look.line, look.column, look.command) == ("Diagnosis", 16, 1, "echo one\necho two")
    assert (look.expected, look.expected_line) == (("one", "..."), 21)
    assert (mend.section, mend.line, mend.name, mend.timeout_s) == ("Mitigation", 28, "mend", 300)
    assert (mend.expected, mend.optional) == (None, False)
    assert (verify.section, verify.line, verify.column, verify.command) == ("Verification", 40, 3, "echo well")


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_line_ends_of_other_systems_make_no_difference(tmp_path: Path, newline: str) -> None:
    assert read(tmp_path, "\ufeff" + GOOD.replace("\n", newline)).steps == read(tmp_path, GOOD).steps


def test_tabs_are_kept_in_commands(tmp_path: Path) -> None:
    text = GOOD.replace("echo mended", "cat <<-END\n\tinside\n\tEND")
    assert read(tmp_path, text).steps[1].command == "cat <<-END\n\tinside\n\tEND"


def test_front_matter_in_full(tmp_path: Path) -> None:
    front = (
        "---\nid: full\ntitle: 'A: title'\nvariables:\n  NEW_SIZE: 450Mi\n  COUNT: 010\n  EMPTY: ''\n"
        "data_loss: the last\n  two hours\noptional: [mend]\n---\n"
    )
    front = front.replace("optional", "fails_because: it is\n  wrong\nfails_with: 'no.*'\noptional")
    book = read(tmp_path, GOOD.replace(FRONT, front))
    assert (book.fails_because, book.fails_with) == ("it is wrong", "no.*")
    assert dict(book.variables) == {"NEW_SIZE": "450Mi", "COUNT": "010", "EMPTY": ""}
    assert (book.data_loss, book.data_loss_reason) == (True, "the last two hours")
    assert book.optional == ("mend",)
    assert [step.optional for step in book.steps] == [False, True, False]


@pytest.mark.parametrize(
    ("value", "alerts"),
    [
        ("[]", ()),
        ("[Full, 'It is full']", (RunbookAlert("Full", 3), RunbookAlert("It is full", 3))),
        (
            "\n  - alert: Full\n    must_resolve: 1h30m\n  - {must_resolve: 0, alert: Late}\n  - Loops",
            (RunbookAlert("Full", 4, 5400.0), RunbookAlert("Late", 6, 0.0), RunbookAlert("Loops", 7)),
        ),
    ],
)
def test_alerts_that_lead_to_it(tmp_path: Path, value: str, alerts: tuple[RunbookAlert, ...]) -> None:
    assert read(tmp_path, GOOD.replace("title: A title\n", f"alerts: {value}\ntitle: A title\n")).alerts == alerts
    assert read(tmp_path, GOOD).alerts == ()


@pytest.mark.parametrize(("value", "lost"), [("true", True), ("false", False)])
def test_data_loss_as_a_truth_value(tmp_path: Path, value: str, lost: bool) -> None:
    assert read(tmp_path, GOOD.replace("title: A title\n", f"title: A\ndata_loss: {value}\n")).data_loss is lost


def test_free_prose_may_be_anything(tmp_path: Path) -> None:
    text = GOOD.replace(
        "## Impact\n", "## Impact\n\n```sh\nexit 1\n```\n\n```console\nx\n```\n\n```cobol\nx\n```\n\n    x\n"
    )
    text = text.replace("# A title\n", "# A title\n\n```sh\nexport A=1\n```\n") + "\n## References\n\n<b>none</b>\n"
    assert [step.command for step in read(tmp_path, text).steps] == ["echo one\necho two", "echo mended", "echo well"]


def test_a_code_block_above_a_fence_and_an_empty_fence_are_prose(tmp_path: Path) -> None:
    text = GOOD.replace("## Impact\n", "## Impact\n\n    x\n```cobol\nx\n```\n\n```\n```\n")
    assert len(read(tmp_path, text).steps) == 3


@pytest.mark.parametrize("heading", ["### Details", "- ## In a list", "> # In a quotation"])
def test_which_headings_begin_no_section(tmp_path: Path, heading: str) -> None:
    assert len(read(tmp_path, GOOD.replace("```sh name", f"{heading}\n\n```sh name")).steps) == 3


@pytest.mark.parametrize("heading", ["# Another title", "## References"])
def test_which_headings_end_a_section(tmp_path: Path, heading: str) -> None:
    assert len(read(tmp_path, GOOD.replace("- A list", f"{heading}\n\n- A list")).steps) == 2


def test_a_step_may_take_a_day(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD.replace("timeout=300", "timeout=86400")).steps[1].timeout_s == 86400


def test_expected_output_may_be_none(tmp_path: Path) -> None:
    book = read(tmp_path, GOOD.replace("```console\none\n...\n```", "```console\n```"))
    assert (book.steps[0].expected, book.steps[0].expected_line) == ((), 21)


def test_columns_of_a_text() -> None:
    source = SourceText(Path("a.md"), ("", "  a", "  "))
    assert [source.column(line) for line in (0, 1, 2, 3, 4)] == [1, 1, 3, 1, 1]
    error = source.wrong(2, 3, "it is wrong")
    assert (error.message, error.hint.endswith("runbook check a.md")) == ("a.md:2:3: it is wrong", True)
    assert source.wrong(2, 3, "it is wrong", hint="mend it").hint == "mend it"


def replaced(old: str, new: str) -> str:
    assert old in GOOD, old
    return GOOD.replace(old, new, 1)


WRONG = {
    "no front matter": (replaced("---\n", ""), "1:1: a runbook must begin with front matter"),
    "empty": ("", "1:1: a runbook must begin with front matter"),
    "front matter open": ("---\nid: x\n", "1:1: front matter has no closing ---"),
    "no id": (replaced("id: full\n", ""), "1:1: front matter lacks id"),
    "empty front": ("---\n---\n", "1:1: front matter lacks id"),
    "not yaml": (replaced("id: full", "id: [full"), "3:6: not YAML: "),
    "tab in yaml": (replaced("title: A", "variables:\n\tA: b\ntitle: A"), "4:1: not YAML: "),
    "deep yaml": (replaced("id: full", "id: " + "[" * 5000), "2:104: not YAML: nested more than 100 levels deep"),
    "list": ("---\n- id\n---\n", "2:1: front matter must be a mapping"),
    "key": (replaced("title:", "titel:"), "3:1: unknown key titel in the front matter"),
    "double": (replaced("title:", "id: x\ntitle:"), "3:1: id appears twice in front matter"),
    "bad id": (replaced("id: full", "id: Disk Full"), "2:5: id must be lower case letters"),
    "number": (replaced("title: A title", "title: 403"), "3:8: title must be text"),
    "no title": (replaced("title: A title\n", ""), "1:1: front matter lacks title"),
    "empty title": (replaced("title: A title", "title: ' '"), "3:8: title is empty"),
    "key that is a list": (replaced("title: A", "? [a]\n: b\ntitle: A"), "3:3: a key of front matter must be text"),
    "two lines": (
        replaced("title: A", 'variables: {A: "x\\ny"}\ntitle: A'),
        "3:16: the default of A must be one line",
    ),
    "empty why": (
        replaced("title: A", "fails_because: ' '\nfails_with: x\ntitle: A"),
        "3:16: fails_because is empty",
    ),
    "no data_loss": (replaced("title: A", "data_loss:\ntitle: A"), "3:11: data_loss must be true, false, or text"),
    "numbers": (replaced("title: A", "optional: [1]\ntitle: A"), "3:12: a step's name must be text"),
    "expected after prose": (
        replaced("key: value\n```\n", "key: value\n```\n\n```console\nx\n```\n"),
        "35:1: expected output (console) without a step",
    ),
    "variables": (replaced("title: A", "variables: [A]\ntitle: A"), "3:12: variables must be a mapping"),
    "bool": (replaced("title: A", "variables: {A: yes}\ntitle: A"), "3:16: the default of A must be text"),
    "name": (replaced("title: A", "variables: {A-B: x}\ntitle: A"), "3:13: A-B is not a valid name"),
    "taken": (replaced("title: A", "variables: {KUBECONFIG: x}\ntitle: A"), "3:13: KUBECONFIG is reserved"),
    "why without how": (replaced("title: A", "fails_because: x\ntitle: A"), "3:16: fails_because needs fails_with too"),
    "how without why": (replaced("title: A", "fails_with: x\ntitle: A"), "3:13: fails_with needs fails_because too"),
    "no pattern": (
        replaced("title: A", "fails_because: x\nfails_with: '('\ntitle: A"),
        "4:13: fails_with is not a regular expression: missing )",
    ),
    "empty pattern": (
        replaced("title: A", "fails_because: x\nfails_with: ' '\ntitle: A"),
        "4:13: fails_with is empty",
    ),
    "data_loss": (replaced("title: A", "data_loss: 'no'\ntitle: A"), "3:12: data_loss must be true, false, or text"),
    "optional": (replaced("title: A", "optional: mend\ntitle: A"), "3:11: optional must be a list"),
    **{
        f"alerts {value}": (replaced("title: A", f"alerts: {value}\ntitle: A"), why)
        for value, why in {
            "Full": "3:9: alerts must be a list of names of alerts",
            "{Full: 5m}": "3:9: alerts must be a list of names of alerts",
            "[403]": "3:10: an alert's name must be text",
            "[[Full]]": "3:10: an alert's name must be text",
            "[' ']": "3:10: that is not the name of an alert",
            '["Fu\\nll"]': "3:10: that is not the name of an alert",
            "[Full, Full]": "3:16: Full appears twice in alerts",
            "[Full, {alert: Full, must_resolve: 5m}]": "3:16: Full appears twice in alerts",
            "[{alert: Full}]": "3:10: an alert lacks must_resolve",
            "[{must_resolve: 5m}]": "3:10: an alert lacks alert",
            "[{alert: Full, must_resolv: 5m}]": "3:24: unknown key must_resolv of an alert",
            "[{alert: Full, alert: Full}]": "3:24: alert appears twice in an alert",
            "[{alert: 403, must_resolve: 5m}]": "3:18: an alert's name must be text",
            "[{alert: '', must_resolve: 5m}]": "3:18: that is not the name of an alert",
            "[{alert: Full, must_resolve: soon}]": "3:38: must_resolve: not a duration, such as 30s, 5m or 1h30m",
            "[{alert: Full, must_resolve: 300}]": "3:38: must_resolve: not a duration, such as 30s, 5m or 1h30m",
            "[{alert: Full, must_resolve: true}]": "3:38: must_resolve must be text",
        }.items()
    },
    "no such": (replaced("title: A", "optional: [mends]\ntitle: A"), "3:12: no step has the name mends"),
    "unnamed": (replaced("title: A", "optional: ['']\ntitle: A"), "3:12: no step has the name"),
    "misspelt": (replaced("## Mitigation", "## Mitgation"), "25:1: heading Mitgation must be ## Mitigation"),
    "level": (replaced("## Meaning", "### Meaning"), "7:1: heading Meaning must be ## Meaning"),
    "missing": (replaced("## Impact\n", ""), "10:1: no heading ## Impact before this line"),
    "last missing": (replaced("## Verification", ""), "42:1: no heading ## Verification"),
    "twice": (replaced("## Impact", "## Meaning"), "9:1: heading Meaning appears twice"),
    "order": (
        replaced("## Meaning", "## X").replace("## Impact", "## Meaning").replace("## X", "## Impact"),
        "7:1: Impact must come after Meaning",
    ),
    "nested": (replaced("## Meaning", "- ## Meaning"), "7:1: heading Meaning must be ## Meaning"),
    "no step": (replaced("```sh name=mend timeout=300", "```yaml"), "25:1: no step under Mitigation"),
    "empty step": (replaced("echo mended", "# nothing"), "27:1: this step has no command"),
    "bash": (replaced("```sh name", "```bash name"), "27:1: this fence has the unknown language bash"),
    "bare": (replaced("```yaml", "```"), "31:1: this fence has no language"),
    "attribute": (replaced("timeout=300", "optional"), "27:17: a step has no attribute optional"),
    "attribute twice": (replaced("timeout=300", "name=b"), "27:17: name appears twice"),
    "timeout": (replaced("timeout=300", "timeout=5m"), "27:17: timeout must be whole seconds"),
    "long timeout": (replaced("timeout=300", "timeout=86401"), "27:17: timeout must be whole seconds"),
    "no timeout": (replaced("timeout=300", "timeout=0"), "27:17: timeout must be whole seconds"),
    "step name": (replaced("name=mend", "name=Mend"), "27:7: a step's name must be lower case"),
    "same name": (replaced("~~~sh", "~~~sh name=mend"), "39:3: two steps are named mend"),
    "expected alone": (
        replaced("```sh name", "```text\nx\n```\n\n```sh name"),
        "27:1: expected output (text) without a step",
    ),
    "expected later": (replaced("```console", "So:\n\n```console"), "22:1: expected output (console) without a step"),
    "unclosed": (GOOD.removesuffix("  ~~~\n"), "39:3: this fence is not closed"),
    "unclosed at the end": (GOOD + "```sh", "42:1: this fence is not closed"),
    "bare at the end": (GOOD + "```", "42:1: this fence is not closed"),
    "swallowed": (replaced("echo mended\n```\n", "echo mended\n"), "30:1: a fence begins inside another one"),
    "indented at the end": (GOOD + "\n      ```sh\n", "43:7: a fence indented by four or more"),
    "indented": (replaced("- A list:\n\n  ~~~sh", "      ~~~sh"), "37:7: a fence indented by four or more"),
    "quote": (replaced("echo two", "echo 'two"), "17:1: not a complete command: unexpected EOF"),
    "here": (replaced("echo mended", "cat <<END\nmended"), "29:1: not a complete command: here-document at line 28"),
    "done": (replaced("  echo well", "  echo well\n    done"), "41:5: not a complete command: syntax error near"),
    "nul": (replaced("echo two", "echo \0two"), "17:6: a NUL character"),
}


@pytest.mark.parametrize("case", WRONG)
def test_each_rule_names_the_place(tmp_path: Path, case: str) -> None:
    text, wanted = WRONG[case]
    with pytest.raises(UsageError) as caught:
        lint(read(tmp_path, text))
    assert str(caught.value).startswith(f"{tmp_path / 'runbook.md'}:{wanted}")


@pytest.mark.parametrize(("language", "likely"), [("output", "console"), ("bash", "sh"), ("rust", "yaml")])
def test_a_language_that_means_nothing_here_has_a_likely_meaning(tmp_path: Path, language: str, likely: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, GOOD.replace("```sh name=mend timeout=300", f"```{language}"))
    assert f"Hint: ```{likely}; sh is run" in str(caught.value)


def test_bytes_that_are_not_text(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"runbook\.md:17:6: not UTF-8"):
        read(tmp_path, GOOD.encode().replace(b"echo two", b"echo \xfftwo"))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*nowhere\.md: No such file"):
        parse(tmp_path / "nowhere.md")
    with pytest.raises(UsageError, match="it is a folder, not a file"):
        parse(tmp_path)
    (tmp_path / "big.md").write_bytes(b"x" * (2 << 20))
    with pytest.raises(UsageError, match="larger than 256 KiB"):
        parse(tmp_path / "big.md")
