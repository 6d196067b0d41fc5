"""Alert rules: each form is read, what is wrong is one error with its place, and what is written reads back equal."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from promdrill.alerts.expressions import Number, write
from promdrill.alerts.parser import parse
from promdrill.alerts.rules import Group, Rule, read, read_text
from promdrill.alerts.write import write as written
from promdrill.core.errors import UsageError

GOOD = """\
groups:
  - name: mine
    interval: 30s
    query_offset: 1m
    limit: 10
    labels: {team: a}
    rules:
      - alert: Down
        expr: up == 0
        for: 1h30m
        keep_firing_for: 5m
        labels:
          severity: critical
          level: 1
        annotations:
          summary: "{{ $labels.instance }} {{ if gt $value 1.0 -}} is down{{ end }}"
      - record: job:up:sum
        expr: |
          # how many
          sum by (job) (up)
"""
OBJECT = f"""\
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {{name: x}}
spec:
{indent(GOOD.replace("level: 1", "level: '1'"), "  ")}"""
OTHER = "apiVersion: v1\nkind: Service\nmetadata: {name: x}\n"


def said(text: str, *, name: str = "f.yaml") -> str:
    """The error for a text."""
    with pytest.raises(UsageError) as caught:
        read_text(text, said=name)
    assert caught.value.hint
    return caught.value.message


def rule(fields: str) -> str:
    """A file with one group, whose only rule has these fields; they begin in line 4, column 7."""
    return f"groups:\n- name: a\n  rules:\n    - {indent(dedent(fields), '      ').lstrip()}\n"


# --- forms ---


def test_every_field_is_read() -> None:
    (group,) = read_text(GOOD, said="f.yaml")
    assert (group.name, group.interval_s, group.query_offset_s, group.limit, group.labels) == (
        *("mine", 30.0, 60.0, 10),
        {"team": "a"},
    )
    alert, record = group.rules
    assert alert == Rule(
        name="Down",
        is_alert=True,
        expr=parse("up == 0"),
        for_s=5400.0,
        keep_firing_for_s=300.0,
        labels={"severity": "critical", "level": "1"},
        annotations={"summary": "{{ $labels.instance }} {{ if gt $value 1.0 -}} is down{{ end }}"},
    )
    assert record == Rule("job:up:sum", is_alert=False, expr=parse("sum by (job) (up)"))
    assert [str(each.place) for each in (group, alert, record)] == ["f.yaml:2", "f.yaml:8", "f.yaml:17"]


def test_objects_are_read_as_files_are() -> None:
    plain = read_text(GOOD, said="f.yaml")
    item = yaml.safe_load(OBJECT)
    lists = [
        {"apiVersion": "v1", "kind": "List", "items": [item, yaml.safe_load(OTHER)]},
        {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRuleList", "items": [item]},
    ]
    for text in (OBJECT, f"{OTHER}---\n{OBJECT}", *map(yaml.safe_dump, lists)):
        assert read_text(text, said="f.yaml") == plain
    assert read_text(f"---\n{OBJECT}---\n# nothing\n---\n{GOOD}", said="f.yaml") == plain * 2
    assert read_text(yaml.safe_dump(item) + "...\n", said="f.yaml")[0].name == "mine"


def test_a_groups_field_of_thanos_is_left_out() -> None:
    text = OBJECT.replace("    interval: 30s", "    partial_response_strategy: warn\n      interval: 30s")
    assert "warn" in text
    assert read_text(text, said="f.yaml") == read_text(GOOD, said="f.yaml")
    assert "a group has no partial_response_strategy" in said(
        GOOD.replace("limit: 10", "partial_response_strategy: warn")
    )


def test_the_rule_files_of_a_config_map_are_read_with_their_places_in_the_file() -> None:
    text = "\n".join(
        [
            "apiVersion: v1",
            "kind: ConfigMap",
            "metadata: {name: prometheus-server}",
            "data:",
            "  alerting_rules.yml: |",
            indent(GOOD, "    ").rstrip(),
            "  prometheus.yml: |",
            "    global: {}",
            "  recording_rules.yml: |",
            "    {}",
            "",
        ]
    )
    (group,) = read_text(text, said="all.yaml")
    assert (group,) == read_text(GOOD, said="f.yaml")
    places = [group.place, *(each.place for each in group.rules)]
    assert list(map(str, places)) == ["all.yaml:7", "all.yaml:13", "all.yaml:22"]
    wrong = text.replace("sum by (job) (up)", "sum by (job) up")
    assert said(wrong).startswith("f.yaml:25:28: expr of job:up:sum is not PromQL: ")


def test_what_is_merged_counts_where_nothing_else_is_said() -> None:
    text = """\
    groups:
    - name: a
      rules:
      - &first {alert: A, expr: up, for: 5m, labels: {a: b}}
      - {<<: *first, alert: B}
      - <<: [{for: 1m}, *first]
        alert: C
    """
    rules = read_text(dedent(text), said="f.yaml")[0].rules
    assert [(each.name, each.for_s, each.labels) for each in rules] == [
        ("A", 300, {"a": "b"}),
        ("B", 300, {"a": "b"}),
        ("C", 60, {"a": "b"}),
    ]


def test_numbers_are_taken_as_they_are_written() -> None:
    (group,) = read_text(rule("alert: 1.50\nexpr: 1\nfor: 0\nlabels: {a: 010, b: yes, c: , d: 2024-01-01}"), said="f")
    (only,) = group.rules
    assert (only.name, only.expr, only.for_s) == ("1.50", Number(1.0), 0.0)
    assert only.labels == {"a": "010", "b": "yes", "c": "", "d": "2024-01-01"}


def test_a_folder_is_read_by_name_and_with_its_folders(tmp_path: Path) -> None:
    for name in ("b.yml", "a.yaml", "sub/c.json", "sub/d.rules", ".hidden.yaml", "sub/.git/x.yaml", "readme.md"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(GOOD.replace("mine", name))
    (tmp_path / "other.yaml").write_text(OTHER)
    assert [group.name for group in read(tmp_path)] == ["a.yaml", "b.yml", "sub/c.json", "sub/d.rules"]
    assert [group.name for group in read(tmp_path / "readme.md")] == ["readme.md"]


# --- mistakes ---

WRONG = (
    ("groups: [", "f.yaml:2:1: not YAML: "),
    ("- a", "f.yaml:1:1: not a rule file: no groups"),
    ("global: {}\nrule_files: []", "f.yaml:1:1: not a rule file: it has global, rule_files and no groups"),
    ("groups: {}", "f.yaml:1:9: groups must be a list"),
    ("groups: []\nnamespace: x", "f.yaml:2:1: a rule file has no namespace"),
    ("groups: [a]", "f.yaml:1:10: a group must be a mapping, key: value"),
    ("groups: [{rules: []}]", "f.yaml:1:10: a group without a name"),
    ("groups: [{name: , rules: []}]", "f.yaml:1:10: a group without a name"),
    ("groups: [{name: a, rule: []}]", "f.yaml:1:20: a group has no rule"),
    ("groups:\n- name: a\n- name: a", "f.yaml:3:9: the group a is there twice; first at f.yaml:2"),
    ("groups: [{name: a, interval: 60}]", "f.yaml:1:30: interval is not a duration, such as 30s, 5m or 1h30m: '60'"),
    ("groups: [{name: a, limit: -1}]", "f.yaml:1:27: limit is not a whole number: '-1'"),
    ("groups: [{name: a, rules: up}]", "f.yaml:1:27: rules must be a list"),
    ("groups: [{name: [a]}]", "f.yaml:1:17: name must be text"),
    ("groups: [{name: a, ? [b] : c}]", "f.yaml:1:22: a key of a group must be text"),
    ("groups: [{name: a, name: b}]", "f.yaml:1:20: the key name appears twice"),
    ("groups: [{name: !mine a}]", "f.yaml:1:17: name must be text"),
    (rule("expr: up"), "f.yaml:4:7: a rule without alert or record"),
    (rule("alert: A\nrecord: b\nexpr: up"), "f.yaml:4:7: a rule with alert and record"),
    (rule("alert: A"), "f.yaml:4:7: A has no expr"),
    (rule("alert: A\nexpr:"), "f.yaml:4:7: A has no expr"),
    (rule("alert: ''\nexpr: up"), "f.yaml:4:14: alert is not a name: ''"),
    (rule("record: up{a='b'}\nexpr: up"), "f.yaml:4:15: record is not a name: \"up{a='b'}\""),
    (rule("record: a\nexpr: up\nfor: 5m"), "f.yaml:6:12: for in a recording rule"),
    (rule("record: a\nexpr: up\nannotations: {a: b}"), "f.yaml:6:20: annotations in a recording rule"),
    (
        rule("alert: A\nexpr: up\nfor: 5 minutes"),
        "f.yaml:6:12: for is not a duration, such as 30s, 5m or 1h30m: '5 minutes'",
    ),
    (rule("alert: A\nexpr: up\nfor: 300y"), "f.yaml:6:12: for is longer than Prometheus can count (292 years): '300y'"),
    (rule("alert: A\nexpr: up\nexprs: up"), "f.yaml:6:7: a rule has no exprs"),
    (rule("alert: A\nexpr: up\n<<: {exprs: up}"), "f.yaml:6:12: a rule has no exprs"),
    (rule("alert: A\nexpr: up\n<<: [a]"), "f.yaml:6:12: what << names must be a mapping, key: value"),
    (rule("alert: A\nexpr: up\nlabels: [a]"), "f.yaml:6:15: labels must be a mapping, key: value"),
    (rule("alert: A\nexpr: up\nlabels: {a: [b]}"), "f.yaml:6:19: labels.a must be text"),
    (rule("alert: A\nexpr: up\nlabels: {__name__: b}"), "f.yaml:6:26: labels has __name__"),
    (rule("alert: A\nexpr: up\nlabels: {a: b, a: c}"), "f.yaml:6:22: the key a appears twice"),
    (rule("alert: A\nexpr: [up]"), "f.yaml:5:13: expr must be text"),
    # an expression that is wrong, in each way of writing it
    (rule("alert: A\nexpr: up == 0 for"), "f.yaml:5:21: expr of A is not PromQL: invalid promql query, at for"),
    (rule("alert: A\nexpr: up ==\n  0\n  for"), "f.yaml:7:9: expr of A is not PromQL: invalid promql query, at for"),
    (rule("alert: A\nexpr: 'up{a=''b''} for'"), "f.yaml:5:26: expr of A is not PromQL: invalid promql query, at for"),
    (rule('alert: A\nexpr: "up{a=\\"b\\"} for"'), "f.yaml:5:26: expr of A is not PromQL: invalid promql query, at for"),
    (
        rule("alert: A\nexpr: |\n  up\n    == 0\n\n  for"),
        "f.yaml:9:9: expr of A is not PromQL: invalid promql query, at for",
    ),
    (
        rule("alert: A\nexpr: >-\n  up\n  == 0\n\n  for"),
        "f.yaml:9:9: expr of A is not PromQL: invalid promql query, at for",
    ),
    (rule("alert: A\nexpr: |\n  sum(up"), "f.yaml:6:15: expr of A is not PromQL: unclosed left parenthesis"),
    (rule("alert: A\nexpr: x{a=~`\\d+`, b=~'('}"), "f.yaml:5:13: expr of A is not PromQL: illegal regex for (, at x"),
    # templates that nobody rendered
    (
        rule("alert: A\nexpr: up > {{ .Values.limit }}"),
        "f.yaml:5:18: a template that nobody rendered: {{ .Values.limit }}",
    ),
    (rule("alert: A\nexpr: up > {{ limit }}"), "f.yaml:5:18: a template that nobody rendered: {{ limit }}"),
    (rule("alert: A\nexpr: up\nfor: x {{ limit }}"), "f.yaml:6:14: a template that nobody rendered: {{ limit }}"),
    (
        rule("alert: A\nexpr: up\nfor: {{ .Values.for }}"),
        "f.yaml:6:12: a template that nobody rendered: {{ .Values.for }}",
    ),
    (
        rule("alert: A\nexpr: up\nannotations:\n  a: '{{`{{`}} $value {{`}}`}}'"),
        "f.yaml:7:13: a template that nobody rendered: {{`{{`}} $value {{`}}`}}",
    ),
    (
        rule("alert: A\nexpr: up\nannotations:\n  a: '{% raw %}{{ $value }}{% endraw %}'"),
        "f.yaml:7:13: a template that nobody rendered: {% raw %}{{ $value }}{% endraw %}",
    ),
    (
        "{{- if .Values.rules }}\ngroups: []\n{{- end }}\n",
        "f.yaml:1:1: a template that nobody rendered: {{- if .Values.rules }}",
    ),
    ("groups:\n  {{ rules }}\n", "f.yaml:2:3: a template that nobody rendered: {{ rules }}"),
    # objects
    (f"{OBJECT}  group: []", "f.yaml:25:3: spec has no group"),
    ("apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule", "f.yaml:2:7: a PrometheusRule without spec"),
    (
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nspec: []",
        "f.yaml:3:7: spec must be a mapping, key: value",
    ),
    (
        OBJECT.replace("level: '1'", "level: 1"),
        "f.yaml:18:20: labels.level must be text: the API server takes no number or truth value for text",
    ),
)


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_a_mistake_is_one_error_with_its_place(text: str, message: str) -> None:
    assert said(text).startswith(message)


def test_a_file_that_is_not_there_or_has_no_rules_is_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty.yaml"
    for text in ("", "# nothing", "groups: []", "groups: [{name: a}]", OTHER):
        empty.write_text(text)
        with pytest.raises(UsageError, match=r"empty\.yaml: no rule in it"):
            read(empty)
    with pytest.raises(UsageError, match=r"no \.yaml, \.yml, \.json or \.rules with rules in it"):
        read(tmp_path)
    with pytest.raises(UsageError, match="No such file"):
        read(tmp_path / "none.yaml")


def test_folders_without_end_are_refused(tmp_path: Path) -> None:
    (tmp_path / "again").symlink_to(tmp_path)
    with pytest.raises(UsageError, match="folders deep"):
        read(tmp_path)


# --- written back ---

PLAIN = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t"), min_size=1, max_size=20)
TEMPLATES = PLAIN.filter(lambda text: "{{" not in text and "{%" not in text)
LABELS = st.dictionaries(PLAIN.filter(lambda text: text != "__name__"), TEMPLATES, max_size=3)
LENGTHS = st.integers(0, 10**9).map(lambda ms: ms / 1000)
EXPRESSIONS = st.sampled_from(
    [
        "up",
        'x{a="\\n"} > 1',
        f"{'x' * 60} / {'y' * 60} > 3",
        "rate(x[5m:]) offset 1h".replace(") offset 1h", " offset 1h)"),
    ]
).map(parse)
ALERTS = st.builds(
    Rule,
    name=TEMPLATES.filter(str.strip),
    is_alert=st.just(True),
    expr=EXPRESSIONS,
    for_s=LENGTHS,
    keep_firing_for_s=LENGTHS,
    labels=LABELS,
    annotations=LABELS,
)
RECORDS = st.builds(
    Rule, name=st.sampled_from(["a:b:rate5m", "é"]), is_alert=st.just(False), expr=EXPRESSIONS, labels=LABELS
)
GROUPS = st.lists(
    st.builds(
        Group,
        name=TEMPLATES,
        rules=st.lists(ALERTS | RECORDS, max_size=3).map(tuple),
        interval_s=st.none() | LENGTHS,
        query_offset_s=st.none() | LENGTHS,
        limit=st.integers(0, 1000),
        labels=LABELS,
    ),
    max_size=3,
    unique_by=lambda group: group.name,
).map(tuple)


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(GROUPS)
def test_what_is_written_reads_back_equal(groups: tuple[Group, ...]) -> None:
    assert read_text(written(groups), said="f.yaml") == groups


def test_groups_of_one_name_are_told_apart_in_one_file() -> None:
    groups = read_text(GOOD, said="a.yaml") * 2 + read_text(GOOD.replace("mine", "mine (2)"), said="b.yaml")
    assert [group.name for group in read_text(written(groups), said="f")] == ["mine", "mine (2)", "mine (2) (2)"]


def test_a_long_expression_is_written_over_several_lines() -> None:
    long = parse(f"{'x' * 60} / {'y' * 60} > 3")
    text = written([Group("a", (Rule("A", is_alert=True, expr=long),))])
    assert indent(write(long), " " * 6) in text
