"""The configuration of Alertmanager: read strictly; our receiver for his, timings divided, no credential left."""

from __future__ import annotations

import base64
import gzip
import itertools
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.alertmanager_world import GOOD, WRITTEN, alert, group
from yaml.error import Mark
from yaml.nodes import ScalarNode

from promdrill.alerts import matchers, untold
from promdrill.alerts.alertmanager import (
    SENDS_RESOLVED,
    SHORTEST_S,
    TIMINGS_S,
    WEBHOOK,
    Configuration,
    Muting,
    Receiver,
    read,
    read_text,
)
from promdrill.alerts.strict import Part
from promdrill.core import durations
from promdrill.core.alerts import OWN_LABELS
from promdrill.core.errors import UsageError

LEAST = "route: {receiver: a}\nreceivers: [{name: a}]\n"


def of(text: str, speed: float = 60) -> Configuration:
    return read_text(text, said="config.yaml", speed=speed)


def refused(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        of(text)
    return str(caught.value)


# What is written


def test_everything_becomes_what_a_drill_needs() -> None:
    assert of(GOOD).written == WRITTEN


def test_what_is_written_is_what_alertmanager_reads() -> None:
    assert yaml.safe_load(of(GOOD).text()) == WRITTEN


def test_no_credential_is_left() -> None:
    found = of(GOOD)
    assert GOOD.count("sEcReT") == 5
    for said in (found.text(), *found.unscaled, *found.left_out, repr(found.receivers)):
        assert "sEcReT" not in said
        assert "slack.test" not in said


def test_what_is_left_out_is_named() -> None:
    assert of(GOOD).left_out == (
        "config.yaml:1: of global: http_config, slack_api_url, smtp_auth_password.",
        "config.yaml:6: templates.",
        "config.yaml:49: the 3 integrations of 2 receivers: promdrill's own receiver is told.",
    )
    assert of(LEAST).left_out == ()
    one = of("route: {receiver: a}\nreceivers: [{name: a, sns_configs: [{}]}]\ntracing: {}\n")
    assert one.left_out == (
        "config.yaml:3: tracing.",
        "config.yaml:2: the integration of receiver a: promdrill's own receiver is told.",
    )


def test_what_counts_as_it_is_is_named() -> None:
    assert of(GOOD).unscaled == (
        "config.yaml:36: the time interval nights is about the clock, and counts as it is.",
        "config.yaml:41: the time interval office hours is about the clock, and counts as it is.",
    )


def test_receivers_keep_their_names_and_say_whom_they_would_tell() -> None:
    found = of(GOOD)
    assert found.receivers == (
        Receiver("team", ("slack", "email"), sends_resolved=False, place="config.yaml:49"),
        Receiver("pager / night", ("pagerduty",), sends_resolved=False, place="config.yaml:56"),
        Receiver("null", place="config.yaml:60"),
    )
    assert [each.tells_nobody for each in found.receivers] == [False, False, True]
    assert [found.reaches_somebody(name) for name in ("team", "null", "nowhere")] == [True, False, False]


@pytest.mark.parametrize("kind", SENDS_RESOLVED)
def test_every_integration_is_known_with_its_own_default(kind: str) -> None:
    for said, sends in {"": SENDS_RESOLVED[kind], "send_resolved: yes": True, "send_resolved: false": False}.items():
        (found,) = of(f"route: {{receiver: a}}\nreceivers: [{{name: a, {kind}_configs: [{{{said}}}]}}]").receivers
        assert (found.integrations, found.sends_resolved) == ((kind,), sends)


def test_a_configuration_that_says_little_gets_alertmanagers_own_timings() -> None:
    for speed, wanted in {60: ("500ms", "5s", "4m", "5s"), 1: ("30s", "5m", "4h", "5m")}.items():
        written = of(LEAST, speed).written
        timings = (*(written["route"][name] for name in TIMINGS_S), written["global"]["resolve_timeout"])
        assert timings == wanted
        assert written["route"]["group_by"] == list(OWN_LABELS)


def test_a_timing_has_a_floor_and_says_so() -> None:
    found = of(
        "route: {receiver: a, group_wait: 0s, group_interval: 1s, repeat_interval: 50ms}\nreceivers: [{name: a}]"
    )
    assert [found.written["route"][name] for name in TIMINGS_S] == ["0s", "100ms", "50ms"]
    assert found.unscaled == ("config.yaml:1: group_interval 1s becomes 100ms, the shortest that a drill has.",)


def test_without_a_file_each_alert_is_told_by_itself() -> None:
    found = read(None, speed=60)
    assert found.written == {
        "global": {"resolve_timeout": "5s"},
        "route": {
            "receiver": "default",
            "group_by": ["..."],
            "group_wait": "500ms",
            "group_interval": "5s",
            "repeat_interval": "4m",
        },
        "receivers": [
            {"name": "default", "webhook_configs": [{"url": f"{WEBHOOK}/default", "send_resolved": True}]},
        ],
    }
    assert found.reaches_somebody("default")


def test_a_file_is_called_by_its_name_in_places_and_by_its_path_in_errors(tmp_path: Path) -> None:
    file = tmp_path / "am.yml"
    file.write_text(GOOD)
    assert read(file, speed=1).receivers[0].place == "am.yml:49"
    file.write_text("route: {}")
    with pytest.raises(UsageError, match=rf"^ALERTMANAGER={re.escape(str(file))}:1:1: the first route has no receiver"):
        read(file, speed=1)
    with pytest.raises(UsageError, match=r"cannot read ALERTMANAGER=.*none\.yml"):
        read(tmp_path / "none.yml", speed=1)


def test_routes_with_time_intervals_are_known_by_their_matchers() -> None:
    assert of(GOOD).mutings == (
        Muting("pager / night", '{team="db", severity=~"critical|page"}', ("nights",), (), "config.yaml:15"),
        Muting("team", '{team="db", env!~"dev.*"}', (), ("office hours",), "config.yaml:22"),
    )


def test_texts_are_texts_whatever_yaml_would_make_of_them() -> None:
    found = of(
        "route: {receiver: 1, routes: [{receiver: null, match: {a: yes, b: 2024-01-01, c: null}}, {receiver: ''}]}\n"
        "receivers: [{name: 1}]\n"
    )
    assert found.written["route"]["routes"] == [{"match": {"a": "yes", "b": "2024-01-01", "c": ""}}, {}]
    assert yaml.safe_load(found.text()) == found.written


def test_aliases_and_merged_mappings_are_followed() -> None:
    found = of(
        "x: &x {group_wait: 1m, receiver: a}\n".replace("x: &x", "route: &x")
        + "receivers: [{name: a}, {name: b}]\n"
        + "inhibit_rules: [&r {source_match: {a: b}}, *r, {<<: [*r, {equal: [z]}], target_match: {c: d}}]\n"
    )
    assert found.written["inhibit_rules"][2] == {
        "source_match": {"a": "b"},
        "target_match": {"c": "d"},
        "equal": ["z", *OWN_LABELS],
    }
    assert found.written["inhibit_rules"][0] == found.written["inhibit_rules"][1]


# Where it may be


def kept(
    text: str, *, kind: str = "Secret", key: str = "alertmanager.yaml", field: str = "data", more: str = ""
) -> str:
    return f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: x}}\n{field}:\n  {key}: {text}\n{more}"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def literal(text: str) -> str:
    return "|\n" + "".join(f"    {line}\n" for line in text.splitlines())


PLACES = {
    "a Secret": kept(encoded(GOOD)),
    "in lines of 76": kept("|\n    " + encoded(GOOD)[:76] + "\n    " + encoded(GOOD)[76:] + "\n"),
    "stringData": kept(literal(GOOD), field="stringData"),
    "a ConfigMap": kept(literal(GOOD), kind="ConfigMap", key="alertmanager.yml"),
    "its binaryData": kept(encoded(GOOD), kind="ConfigMap", key="config.yml", field="binaryData"),
    "packed": kept(base64.b64encode(gzip.compress(GOOD.encode())).decode(), key="alertmanager.yaml.gz"),
    "beside others": "---\n" + kept("{}", kind="Deployment") + "---\n" + kept(encoded(GOOD)) + "---\n",
    "in a List": "apiVersion: v1\nkind: List\nitems:\n- " + kept(encoded(GOOD)).replace("\n", "\n  "),
    "with a mark": "---\n" + GOOD + "...\n---\n# nothing\n",
    "with a mark inside": kept(literal("---\n" + GOOD), field="stringData"),
}


@pytest.mark.parametrize("place", PLACES)
def test_it_is_read_wherever_people_keep_it(place: str) -> None:
    assert of(PLACES[place]).written == WRITTEN


def test_places_in_a_literal_text_are_those_of_the_file() -> None:
    text = kept(literal("\nroute:\n  receiver: b\nreceivers: []\n"), field="stringData")
    line, column = next((n, line.index(": b") + 3) for n, line in enumerate(text.splitlines(), 1) if ": b" in line)
    assert refused(text).startswith(f"config.yaml:{line}:{column}: receiver: b: there is no receiver of that name\n")
    assert of(kept(literal(GOOD), field="stringData")).receivers[0].place == "config.yaml:54"


def test_places_in_what_is_encoded_are_those_of_its_text() -> None:
    said = refused(kept(encoded("route:\n  receiver: b\n")))
    assert said.startswith("config.yaml: alertmanager.yaml:2:13: receiver: b: there is no receiver of that name\n")
    assert of(kept(encoded(GOOD))).receivers[0].place == "config.yaml: alertmanager.yaml:49"


# What is refused

ROUTE = "receivers: [{name: a}]\nroute:\n  receiver: a\n"
BELOW = f"{ROUTE}  routes:\n"
RULE = f"{ROUTE}inhibit_rules:\n"
INTERVAL = f"{ROUTE}time_intervals:\n- name: n\n  time_intervals:\n"

GENERATED = "give what the operator made of it: kubectl get secret alertmanager-NAME-generated -o yaml >config.yaml"

MISTAKES: tuple[tuple[str, str], ...] = (
    # No configuration at all
    ("", "1: there is nothing in it\nHint: route: {receiver: team}"),
    ("# nothing\n---\n", "1: there is nothing in it\nHint: route: {receiver: team}"),
    ("hello", "1:1: not a configuration of Alertmanager\nHint: it begins with route:"),
    ("- a", "1:1: not a configuration of Alertmanager\nHint: it begins with route:"),
    ("a: [", "2:1: not YAML: did not find expected node content\nHint: correct it; a text may need quotes"),
    (
        f"{LEAST}---\n{LEAST}",
        "4:1: a second document, which Alertmanager does not read\nHint: give a file that has only the configuration",
    ),
    ("receivers: []", "1:1: there is no route\nHint: route: {receiver: team}"),
    ("route:", "1:1: there is no route\nHint: route: {receiver: team}"),
    # Something else
    (
        "apiVersion: monitoring.coreos.com/v1alpha1\nkind: AlertmanagerConfig\nspec: {route: {receiver: a}}\n",
        (
            "2:7: an AlertmanagerConfig is not Alertmanager's configuration, but a part of what becomes it\n"
            f"Hint: {GENERATED}"
        ),
    ),
    (
        "apiVersion: monitoring.coreos.com/v1\nkind: Alertmanager\nspec: {replicas: 1}\n",
        (f"2:7: an Alertmanager of the operator has no configuration in it\nHint: {GENERATED}"),
    ),
    (
        kept("x", key="other.yaml"),
        (
            "2:7: Secret: no object that holds Alertmanager's configuration\n"
            "Hint: give a Secret or a ConfigMap that has alertmanager.yaml"
        ),
    ),
    (
        kept(encoded(LEAST)) + "---\n" + kept(encoded(LEAST)),
        "11:22: alertmanager.yaml is a second configuration, after config.yaml:5\nHint: remove one of them",
    ),
    (
        kept("hello!"),
        (
            "5:22: alertmanager.yaml is not what kubectl prints: Only base64 data is allowed\n"
            "Hint: kubectl get secret NAME -o yaml"
        ),
    ),
    (
        kept(encoded(GOOD), key="alertmanager.yaml.gz"),
        (
            "5:25: alertmanager.yaml.gz is not what kubectl prints: Not a gzipped file (b'gl')\n"
            "Hint: kubectl get secret NAME -o yaml"
        ),
    ),
    (
        kept(base64.b64encode(b"\xff").decode()),
        "5:22: alertmanager.yaml is not UTF-8 once it is decoded\nHint: save it as UTF-8",
    ),
    (
        kept(base64.b64encode(gzip.compress(bytes(1 << 20))).decode(), key="alertmanager.yaml.gz"),
        "5:25: alertmanager.yaml.gz is larger than 512 KiB\nHint: give a smaller one",
    ),
    (
        kept("[1]"),
        "5:3: alertmanager.yaml must be a text, not a list\nHint: put it in quotes",
    ),
    (
        "alertmanager:\n  enabled: true\n  config:\n    route: {receiver: a}\n    receivers: []\n",
        (
            "1:1: the configuration is below alertmanager.config, as in Helm values\n"
            "Hint: put it into a file of its own, which begins with route:"
        ),
    ),
    (
        "alertmanager_config: |\n  route: {receiver: a}\n  receivers: []\n",
        (
            "1:1: the configuration is below alertmanager_config, as in Helm values\n"
            "Hint: put it into a file of its own, which begins with route:"
        ),
    ),
    ("groups: []", "1:1: a file of rules, not of Alertmanager\nHint: give it as RULES"),
    (
        "global: {}\nscrape_configs: []\n",
        (
            "2:1: the configuration of Prometheus, not of Alertmanager\n"
            "Hint: give Alertmanager's own, which begins with route:"
        ),
    ),
    # Templates that nobody rendered
    (
        "route:\n  receiver: {{ .Values.x }}\n",
        "2:3: receiver is a template that nobody rendered\nHint: render it first, such as with helm template",
    ),
    (
        "route:\n{{- if .Values.x }}\n  receiver: a\n{{- end }}\n",
        "2: a template that nobody rendered\nHint: render it first, such as with helm template",
    ),
    (
        "route:\n  {% if x %}\n  receiver: a\n",
        "2: a template that nobody rendered\nHint: render it first, such as with helm template",
    ),
    (
        f"{ROUTE}  group_by: ['{{{{ x }}}}']\n",
        (
            "4:14: a label in group_by: {{ x }} is a template that nobody rendered\n"
            "Hint: render it first, such as with helm template"
        ),
    ),
    (
        f"{ROUTE}  group_wait: ${{WAIT}}\n",
        (
            "4:15: group_wait: ${WAIT}: not a duration, such as 30s, 5m or 1h30m\n"
            "Hint: render it first, such as with helm template"
        ),
    ),
    # Keys and kinds
    (
        f"{LEAST}inhibit_rule: []\n",
        "3:1: inhibit_rule is not a key of the configuration\nHint: inhibit_rules",
    ),
    (
        f"{LEAST}colour: red\n",
        (
            "3:1: colour is not a key of the configuration\nHint: known are event_recorder, global, inhibit_rules, "
            "mute_time_intervals, receivers, route, templates, time_intervals, tracing"
        ),
    ),
    (f"{LEAST}global: {{resolve_timout: 5m}}", "3:10: resolve_timout is not a key of global\nHint: resolve_timeout"),
    (f"{ROUTE}  receiver: b\n", "4:3: receiver is twice in route\nHint: remove one of them"),
    (f"{ROUTE}  ? [a]\n  : b\n", "4:5: a key of route must be a text, not a list\nHint: put it in quotes"),
    ("route: a\n", "1:8: route must be a mapping, not a text\nHint: key: value"),
    ("route: []\nreceivers: {}", "2:1: receivers must be a list, not a mapping\nHint: - item"),
    (f"{BELOW}  - [a]\n", "5:5: a route must be a mapping\nHint: receiver: team"),
    (f"{BELOW}  -\n", "5:4: a route must be a mapping\nHint: receiver: team"),
    # Receivers
    (f"{LEAST}receivers: []", "3:1: receivers is twice in the configuration\nHint: remove one of them"),
    ("route: {receiver: a}\nreceivers: [{}]", "2:13: a receiver without a name\nHint: name: team"),
    ("route: {receiver: a}\nreceivers: [{name: ''}]", "2:20: name is empty\nHint: say it, or remove it"),
    (
        "route: {receiver: a}\nreceivers: [{name: a}, {name: a}]",
        "2:24: the receiver a is also at config.yaml:2\nHint: give each a name of its own",
    ),
    (
        "route: {receiver: a}\nreceivers: [{name: a, slack_config: []}]",
        "2:23: slack_config is not a key of a receiver\nHint: slack_configs",
    ),
    (
        "route: {receiver: a}\nreceivers: [{name: a, slack_configs: {}}]",
        "2:23: slack_configs must be a list, not a mapping\nHint: - item",
    ),
    (
        "route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [null]}]",
        "2:41: an item of webhook_configs must be a mapping\nHint: remove it, or say what webhook needs",
    ),
    (
        "route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{send_resolved: maybe}]}]",
        "2:57: send_resolved: maybe is neither true nor false\nHint: true or false",
    ),
    # Routes
    ("route: {}\nreceivers: []", "1:1: the first route has no receiver\nHint: receiver: team"),
    ("route: {receiver: a}\n", "1:19: receiver: a: there is no receiver of that name\nHint: there is none; write it"),
    (
        f"{BELOW}  - receiver: b\n",
        "5:15: receiver: b: there is no receiver of that name\nHint: there are a",
    ),
    (
        f"{ROUTE}  matchers: [a=b]\n",
        "4:3: the first route must not have matchers\nHint: put it into a route below routes:",
    ),
    (
        f"{ROUTE}  mute_time_intervals: [n]\n",
        "4:3: the first route must not have mute_time_intervals\nHint: put it into a route below routes:",
    ),
    (f"{ROUTE}  continue: true\n", "4:13: the first route must not continue\nHint: remove it"),
    (
        f"{BELOW}  - active_time_intervals: [n]\n",
        "5:29: a time interval: n: there is no time interval of that name\nHint: there is none; write it",
    ),
    (f"{ROUTE}  group_by: [a, b, a]\n", "4:3: a is twice in group_by\nHint: remove one of them"),
    (
        f"{ROUTE}  group_by: [..., a]\n",
        "4:3: group_by has ..., which is all labels, and others\nHint: ['...'] alone",
    ),
    (f"{ROUTE}  group_by: a\n", "4:13: group_by must be a list, not a text\nHint: - item"),
    (
        f"{ROUTE}  group_wait: 30\n",
        "4:15: group_wait: 30: not a duration, such as 30s, 5m or 1h30m\nHint: 30s, 5m or 1h30m",
    ),
    (
        f"{ROUTE}  group_wait: ''\n",
        "4:15: group_wait: an empty text: not a duration, such as 30s, 5m or 1h30m\nHint: 30s, 5m or 1h30m",
    ),
    (
        f"{ROUTE}  group_interval: 0s\n",
        "4:19: group_interval cannot be zero\nHint: 1s is the shortest that makes sense",
    ),
    (
        f"{ROUTE}  repeat_interval: 300y\n",
        "4:20: repeat_interval: 300y: longer than Prometheus can count (292 years)\nHint: 30s, 5m or 1h30m",
    ),
    # Matchers
    (
        f"{BELOW}  - matchers: severity=critical\n",
        "5:15: matchers must be a list, not a text\nHint: - item",
    ),
    (
        f"{BELOW}  - matchers: [severity]\n",
        '5:16: a matcher: severity: not a matcher, such as severity="critical"\nHint: - severity="critical"',
    ),
    (
        f"{BELOW}  - matchers: [{{name: severity, value: critical}}]\n",
        "5:16: a matcher must be a text, not a mapping\nHint: put it in quotes",
    ),
    (
        f"{BELOW}  - matchers: ['a=~\"(b\"']\n",
        (
            '5:16: a matcher: a=~"(b": not a regular expression: missing ), unterminated subpattern at position 0\n'
            'Hint: - severity="critical"'
        ),
    ),
    (
        f"{BELOW}  - match_re: {{a: 'x(?!y)'}}\n",
        "5:19: a: x(?!y): (?! is not in Go's regular expressions\nHint: match_re: {severity: critical}",
    ),
    (
        f"{BELOW}  - match: {{a-b: c}}\n",
        "5:18: a-b: c: not the name of a label\nHint: match: {severity: critical}",
    ),
    (
        f"{RULE}- source_match_re:\n    a:\n",
        "6:7: a has no pattern\nHint: source_match_re: {severity: critical}",
    ),
    (f"{BELOW}  - match: {{a: [b]}}\n", "5:13: a must be a text, not a list\nHint: put it in quotes"),
    # Inhibitions
    (f"{RULE}- a\n", "5:3: an inhibit rule must be a mapping\nHint: source_matchers: [severity=critical]"),
    (f"{RULE}- {{source: a}}\n", "5:4: source is not a key of an inhibit rule\nHint: source_match"),
    (f"{RULE}- {{equal: namespace}}\n", "5:11: equal must be a list, not a text\nHint: - item"),
    (
        f"{RULE}- {{source_matchers: ['a']}}\n",
        '5:22: a matcher: a: not a matcher, such as severity="critical"\nHint: - severity="critical"',
    ),
    # Time intervals
    (f"{ROUTE}time_intervals: [{{}}]", "4:18: a time interval without a name\nHint: name: nights"),
    (
        f"{ROUTE}mute_time_intervals: [{{name: n}}]\ntime_intervals: [{{name: n}}]",
        "5:18: the time interval n is also at config.yaml:4\nHint: give each a name of its own",
    ),
    (f"{INTERVAL}  - {{day: x}}\n", "7:6: day is not a key of a time interval\nHint: "),
    (
        f"{INTERVAL}  - times: [{{start_time: '09:00'}}]\n",
        '7:13: an item of times needs start_time and end_time\nHint: {start_time: "09:00", end_time: "17:00"}',
    ),
    (
        f"{INTERVAL}  - times: [{{start_time: '9:00', end_time: '10:00'}}]\n",
        '7:26: start_time: 9:00: not a time of the day\nHint: "09:00", up to "24:00"',
    ),
    (
        f"{INTERVAL}  - times: [{{start_time: '22:00', end_time: '06:00'}}]\n",
        "7:13: 06:00 is not after 22:00\nHint: make two items of it: one ends at 24:00, the next begins at 00:00",
    ),
    (
        f"{INTERVAL}  - weekdays: ['sat:sun']\n",
        (
            "7:16: an item of weekdays: sat:sun: neither one nor a range, such as first:last\n"
            "Hint: monday:friday, 1:15 or january"
        ),
    ),
    (
        f"{INTERVAL}  - weekdays: ['saturday:sunday']\n",
        "7:16: an item of weekdays: saturday:sunday: the end is before the beginning\nHint: the first one comes first",
    ),
    (
        f"{INTERVAL}  - days_of_month: ['0']\n",
        (
            "7:21: an item of days_of_month: 0: a day of the month is 1 to 31, or -1 to -31 from its end\n"
            "Hint: the first one comes first"
        ),
    ),
    (
        f"{INTERVAL}  - days_of_month: ['-5:5']\n",
        (
            "7:21: an item of days_of_month: -5:5: an end that counts from the beginning, after a beginning that "
            "counts from the end\nHint: the first one comes first"
        ),
    ),
    (
        f"{INTERVAL}  - months: ['may:april']\n",
        "7:14: an item of months: may:april: the end is before the beginning\nHint: the first one comes first",
    ),
)


@pytest.mark.parametrize(("text", "wanted"), MISTAKES, ids=range(len(MISTAKES)))
def test_a_mistake_is_one_sentence_with_its_place(text: str, wanted: str) -> None:
    said = refused(text)
    assert said.startswith(f"config.yaml:{wanted}"), said
    if not wanted.endswith("Hint: "):
        assert said == f"config.yaml:{wanted}"


def test_half_of_a_character_is_refused_where_yaml_lets_it_pass() -> None:
    place = Mark("", 0, 1, 2, "", 0)
    part = Part(ScalarNode("tag:yaml.org,2002:str", "\ud800", place, place), "config.yaml", "name")
    with pytest.raises(UsageError, match=r"^config\.yaml:2:3: name has half of a character"):
        part.text()


# Matchers

READ_AS: dict[str, list[tuple[str, str, str]]] = {
    "severity=critical": [("severity", "=", "critical")],
    'severity = "critical"': [("severity", "=", "critical")],
    '{a="b", c!="d",}': [("a", "=", "b"), ("c", "!=", "d")],
    'a=~"x,y|\\"z\\"", b!~c.*': [("a", "=~", 'x,y|"z"'), ("b", "!~", "c.*")],
    "alertname=~Info.*|Watch dog": [("alertname", "=~", "Info.*|Watch dog")],
    '"a label"="b"': [("a label", "=", "b")],
    "é=b": [("é", "=", "b")],
    "a-b=c": [("a-b", "=", "c")],
    'a="\\d"': [("a", "=", "\\d")],
    "a=": [("a", "=", "")],
    "": [],
    "{}": [],
    'a="b\nc"': [("a", "=", "b\nc")],
    "a={b}": [("a", "=", "{b")],
    "a=b=c": [("a", "=", "b=c")],
}


@pytest.mark.parametrize("text", READ_AS)
def test_matchers_are_read_as_alertmanager_reads_them(text: str) -> None:
    assert [(each.name, each.operator, each.value) for each in matchers.parse(text)] == READ_AS[text]


@pytest.mark.parametrize("text", ["a", "=b", "a=b,,c=d", 'a="b', 'a=b"', '"=b', "{a=b", ",", 'a="b"c"'])
def test_what_is_no_matcher_is_refused(text: str) -> None:
    if text == "{a=b":
        assert matchers.parse(text)  # the older grammar takes away one brace
        return
    with pytest.raises(ValueError, match="not a matcher"):
        matchers.parse(text)


@pytest.mark.parametrize(
    "pattern", ["", "a|b", "(?i)a", "a(?i)b", r"\pL+\z", r"\Qa.b\E", "(?P<n>a)", "[[:alpha:]]", "a{2,3}?"]
)
def test_patterns_of_go_are_taken(pattern: str) -> None:
    matchers.check_pattern(pattern)


@pytest.mark.parametrize("pattern", ["(", "a**", "[a", "a{3,2}", "(?=a)", r"(a)\1", "(?<!a)b", "a++", "*"])
def test_other_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="regular expression"):
        matchers.check_pattern(pattern)


# Whatever comes

NAMES = st.text(min_size=1, max_size=12).filter(lambda text: not re.search(r"\{\{|\{%|<%|[\ud800-\udfff]", text))
SECONDS = st.integers(0, 10**7)


@settings(max_examples=40, deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=4, unique=True), SECONDS, st.floats(1, 5000), st.lists(NAMES, unique=True))
def test_names_survive_and_timings_are_divided(names: list[str], wait_s: int, speed: float, labels: list[str]) -> None:
    given_ = {
        "route": {"receiver": names[0], "group_wait": f"{wait_s}s", "group_by": [f"l{each}" for each in labels]},
        "receivers": [{"name": name} for name in names],
    }
    found = of(yaml.safe_dump(given_), speed)
    assert yaml.safe_load(found.text()) == found.written
    for each, name in zip(found.written["receivers"], names, strict=True):
        url = each["webhook_configs"][0]["url"]
        assert each["name"] == name
        assert re.fullmatch(r"[!-~]+", url)
        assert unquote(urlsplit(url).path) == f"/{name}"
    route = found.written["route"]
    assert route["group_by"] == [*(f"l{each}" for each in labels), *OWN_LABELS]
    seconds = durations.parse(route["group_wait"])
    assert seconds == pytest.approx(max(wait_s / speed, min(wait_s, SHORTEST_S)), abs=0.0006)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(NAMES, st.sampled_from(matchers.OPERATORS), NAMES), min_size=1, max_size=3))
def test_a_matcher_is_read_as_it_was_written(parts: list[tuple[str, str, str]]) -> None:
    wanted = [matchers.Matcher(f"n{number}", "=" if "~" in operator else operator, value)
              for number, (_, operator, value) in enumerate(parts)]  # fmt: skip
    assert list(matchers.parse(", ".join(map(str, wanted)))) == wanted


# Why nobody was told

STATUS = {"inhibited": {"inhibitedBy": ["f0"]}, "gone": {"inhibitedBy": ["f9"]}, "silenced": {"silencedBy": ["s-1"]}}
SOURCE = alert("f0", "team", alertname="NodeDown", node="a", severity="critical")


def why(answer: list[dict[str, Any]], fingerprint: str = "f1") -> tuple[str, ...]:
    found = {each["fingerprint"]: each for each in itertools.chain(*(each.get("alerts", [each]) for each in answer))}
    routed = untold.routed(answer, of(GOOD))
    assert [each.labels for each in routed] == [each["labels"] for each in found.values()]
    return routed[list(found).index(fingerprint)].untold


@pytest.mark.parametrize("grouped", [True, False])
@pytest.mark.parametrize(
    ("status", "wanted"),
    [
        (None, ()),
        ("inhibited", ('inhibited by NodeDown{node="a", severity="critical"}',)),
        ("gone", ("inhibited by an alert that is gone (f9)",)),
        ("silenced", ("silenced by s-1",)),
    ],
)
def test_an_alert_that_is_held_back(status: str | None, wanted: tuple[str, ...], *, grouped: bool) -> None:
    held = alert("f1", "team", alertname="PodDown", status=STATUS[status] if status else None)
    assert why([group("team", SOURCE, held)] if grouped else [SOURCE, held]) == wanted


def test_an_older_alertmanager_has_no_field_for_time_intervals() -> None:
    old = alert("f1", "null", alertname="X")
    del old["status"]["mutedBy"]
    assert why([old]) == ("its receiver 'null' tells nobody",)


def test_a_time_interval_is_named_with_its_route() -> None:
    night = alert("f1", "pager / night", alertname="X", status={"mutedBy": ["nights"]})
    assert why([group("pager / night", night)]) == (
        'muted by time interval \'nights\' at route {team="db", severity=~"critical|page"} (config.yaml:15)',
    )
    day = alert("f1", "team", alertname="X", status={"mutedBy": ["office hours"]})
    assert why([group("team", day)]) == (
        (
            'not within time interval \'office hours\', when alone route {team="db", env!~"dev.*"} (config.yaml:22) '
            "tells somebody"
        ),
    )
    strange = alert("f1", "team", alertname="X", status={"mutedBy": ["holidays", "holidays"]})
    assert why([group("team", strange)]) == ("muted by time interval 'holidays'",)


def test_all_ways_must_be_blocked() -> None:
    everywhere = ("team", "null", "pager / night")
    told = alert("f1", *everywhere, alertname="X")
    muted = alert("f1", *everywhere, alertname="X", status={"mutedBy": ["nights"]})
    off = alert("f1", *everywhere, alertname="X", status={"mutedBy": ["office hours"]})
    assert why([group("null", told), group("team", told), group("pager / night", muted)]) == ()
    reasons = why([group("null", told), group("team", off), group("pager / night", muted)])
    assert [each.split(" '")[0] for each in reasons] == [
        "its receiver",
        "not within time interval",
        "muted by time interval",
    ]


def test_receivers_are_those_of_the_routes() -> None:
    told = alert("f1", "team", "null", alertname="X", zone="z")
    (found,) = untold.routed([group("team", told), group("null", told), group("team", told)], of(GOOD))
    assert found.receivers == ("team", "null")
    assert untold.said(found.labels) == 'X{zone="z"}'
    assert untold.routed([], of(GOOD)) == ()
