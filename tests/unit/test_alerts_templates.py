"""Templates of alerts: what Prometheus refuses is refused, and nothing that it takes."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from promdrill.alerts import templates
from promdrill.alerts.rules import read_text
from promdrill.alerts.templates import FUNCTIONS, NotTemplate, check
from promdrill.core.errors import UsageError


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no template, { and } and }}",
        "{{ $labels.instance }} of {{ .Labels.job }}: {{ $value | humanizePercentage }}",
        '{{ printf "%.2f" $value }}',
        "{{- $value -}}",
        "{{$value}}{{-3}}{{ +0x1F }}{{ .5 }}{{ 1e-3 }}",
        "{{ $externalLabels.cluster }}{{ $externalURL }}{{ $ }}",
        '{{ "}}" }}{{ `}}\n"` }}{{ \'"\' }}{{ "a \\" b" }}',
        "{{/* humanise }} */}}{{- /* {{ */ -}}",
        "{{ if gt $value 1.0 }}a{{ else if .x }}b{{ else with .y }}c{{ else }}d{{ end }}",
        '{{ range $i, $e := query "up" }}{{ $e.Labels.a }}{{ $i }}{{ break }}{{ continue }}{{ end }}',
        "{{ with query (printf \"up{a='%s'}\" .Labels.b) }}{{ . | first | value }}{{ else }}none{{ end }}",
        "{{ with $x := 1 }}{{ $x = 2 }}{{ $x }}{{ end }}",
        '{{ define "a" }}{{ . }}{{ end }}{{ template "a" $value }}{{ block "b" . }}{{ end }}',
        "{{ (index .Labels `a`).b }}{{ len (slice .Labels.a 1 2) }}",
        "{{ and true (not nil) (or false .) }}",
        "{{\n  $value |\n  humanize\n}}",
        "{{ $value ; }}{{ humanise }}",  # what is not known here is left to Prometheus, with all that follows
    ],
)
def test_what_prometheus_takes_is_taken(text: str) -> None:
    check(text)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_of_some_version_is_known(name: str) -> None:
    check(f"{{{{ {name} }}}}{{{{ $value | {name} }}}}")
    with pytest.raises(NotTemplate, match=f"there is no function {name}x") as caught:
        check(f"a {{{{ $value | {name}x }}}}")
    assert (caught.value.at, caught.value.unknown) == (len("a {{ $value | "), f"{name}x")


@pytest.mark.parametrize(
    ("text", "why", "at"),
    [
        ("{{ humanise $value }}", "there is no function humanise", 3),
        ("{{ ($value | humanise) }}", "there is no function humanise", 13),
        ('{{ tmpl "a" . }}', "there is no function tmpl", 3),
        ("a {{ $value", "{{ has no }}", 2),
        ("a {{ $value }", "} is there once", 12),
        ("a {{", "{{ has no }}", 2),
        ("{{ $value -}", "- means nothing here: templates do not calculate", 10),
        ("a {{ }}", "there is nothing between {{ and }}", 2),
        ("{{}}", "there is nothing between {{ and }}", 0),
        ('{{ "a }}', '" is not closed', 3),
        ('{{ "a\n" }}', '" is not closed', 3),
        ("{{ `a }}", "` is not closed", 3),
        ("{{ 'a }}", "' is not closed", 3),
        ("a {{/* b }}", "the comment has no */", 2),
        ("a {{/* b */ $value }}", "a comment is an action of its own: {{/* */}}", 2),
        ("{{ ($value }}", "( without )", 3),
        ("{{ (($value) }}", "( without )", 3),
        ("{{ $value) }}", ") without (", 9),
        ("{{ $labels.kube-pod }}", "'-' after .kube", 15),
        ("{{ $value/2 }}", "'/' after $value", 9),
        ("{{ $value * 100 }}", "* means nothing here: templates do not calculate", 10),
        ("{{ $vaule }}", "nothing sets $vaule", 3),
        ("{{ $x = 1 }}", "nothing sets $x", 3),
        ("{{ if .a }}{{ $value }}", "{{ if }} has no {{ end }}", 0),
        ("{{ if .a }}{{ range .b }}{{ end }}", "{{ if }} has no {{ end }}", 0),
        ("a {{ end }}", "{{ end }} without {{ if }}, {{ range }} or {{ with }}", 2),
        ("a {{ else }}", "{{ else }} without {{ if }}, {{ range }} or {{ with }}", 2),
        ("{{ if .a }}{{ else }}{{ else }}{{ end }}", "{{ else }} where {{ if }} has to end", 21),
        ("{{ if .a }}{{ else }}{{ else if .b }}{{ end }}", "{{ else }} where {{ if }} has to end", 21),
        ('{{ define "a" }}{{ else }}{{ end }}', "{{ else }} where {{ define }} has to end", 16),
        ('{{ block "a" . }}{{ else }}{{ end }}', "{{ else }} where {{ block }} has to end", 17),
    ],
)
def test_what_prometheus_refuses_is_refused_with_its_place(text: str, why: str, at: int) -> None:
    with pytest.raises(NotTemplate) as caught:
        check(text)
    assert (caught.value.why, caught.value.at) == (why, at)


# --- properties ---

steadily = settings(
    max_examples=100, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)

TEXTS = st.text(st.characters(blacklist_characters="{"), max_size=8)
RAW = st.text(st.characters(blacklist_characters="`"), max_size=8).map("`{}`".format)
QUOTED = st.one_of(TEXTS.map(json.dumps), RAW)
OPERANDS = st.one_of(
    st.sampled_from([".", "$value", "$labels.a", ".Labels.b.c", "1", "-2.5", "true", "nil", "pathPrefix"]), QUOTED
)


def piped(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    function = st.sampled_from(sorted(FUNCTIONS))
    called = st.builds("{} {}".format, function, inner)
    return st.one_of(called, inner.map("({})".format), st.builds("{} | {}".format, inner, function))


PIPES = st.recursive(OPERANDS, piped, max_leaves=3)
OPEN = st.sampled_from(["{{", "{{ ", "{{- "])
CLOSE = st.sampled_from([" }}", " -}}", "\n}}"])


def nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    block = st.builds(
        "{}{} {}{}{}{{{{ else }}}}{}{{{{end}}}}".format,
        OPEN,
        st.sampled_from(["if", "with", "range", "range $i, $e :="]),
        PIPES,
        CLOSE,
        inner,
        inner,
    )
    return st.one_of(block, st.builds("{}{}".format, inner, inner))


TEMPLATES = st.recursive(st.one_of(TEXTS, st.builds("{}{}{}".format, OPEN, PIPES, CLOSE)), nested, max_leaves=4)


@steadily
@given(TEMPLATES)
def test_no_template_that_is_right_is_refused(text: str) -> None:
    check(text)


@steadily
@given(TEMPLATES, TEMPLATES)
def test_a_slip_in_the_midst_is_found_where_it_is(before: str, after: str) -> None:
    with pytest.raises(NotTemplate, match="there is no function humanise") as caught:
        check(f"{before}{{{{ humanise }}}}{after}")
    assert caught.value.at == len(before) + 3


@steadily
@given(st.text(st.sampled_from("{}- $.a|\"`'()/*:=,1%\n\\é")))
def test_any_text_is_taken_or_refused_at_a_place_in_it(text: str) -> None:
    assert 0 <= place(text) <= len(text)


def place(text: str) -> int:
    """Where a text is refused; 0 where it is taken."""
    try:
        check(text)
    except NotTemplate as error:
        return error.at
    return 0


# --- in rules ---


def said(fields: str) -> tuple[str, str]:
    with pytest.raises(UsageError) as caught:
        read_text(f"groups:\n- name: a\n  rules:\n  - alert: A\n    expr: up\n    {fields}\n", said="f.yaml")
    return caught.value.message, caught.value.hint or ""


@pytest.mark.parametrize("where", ["labels", "annotations"])
def test_a_rule_with_a_slip_is_refused_with_file_line_and_column(where: str) -> None:
    message, hint = said(f"{where}: {{a: 'x {{{{ $value | humanise }}}}'}}")
    column = len(f"    {where}: {{a: 'x {{{{ $value | ") + 1
    assert message == f"f.yaml:6:{column}: {where}.a is no template: there is no function humanise"
    assert hint.startswith("humanize; ")


def test_a_slip_in_the_third_line_of_a_text_is_there() -> None:
    message, hint = said("annotations:\n      a: |-\n        one\n        two\n        {{ $value }")
    assert message == "f.yaml:10:19: annotations.a is no template: } is there once"
    assert hint == "Prometheus' documentation, page Template reference, and text/template of Go have the rules"


def test_only_the_texts_of_alerts_are_templates() -> None:
    text = "groups:\n- name: a\n  labels: {b: '{{ x }}'}\n  rules: [{record: a, expr: up, labels: {c: '{{ y }}'}}]\n"
    (group,) = read_text(text, said="f.yaml")
    assert (group.labels, group.rules[0].labels) == ({"b": "{{ x }}"}, {"c": "{{ y }}"})


def test_what_is_only_for_consoles_is_no_function_of_alerts() -> None:
    assert "tmpl" not in templates.FUNCTIONS
