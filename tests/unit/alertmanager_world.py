"""A configuration of Alertmanager with everything that a reader looks at, and answers of its API."""

from __future__ import annotations

from typing import Any

GOOD = """\
global:
  resolve_timeout: 10m
  slack_api_url: https://hooks.slack.test/services/T0/B0/sEcReT-1
  smtp_auth_password: sEcReT-2
  http_config: {basic_auth: {username: me, password: sEcReT-3}}
templates: [/etc/alertmanager/*.tmpl]
route:
  receiver: team
  group_by: [namespace]
  group_wait: 1m
  repeat_interval: 12h
  routes:
  - receiver: "null"
    matchers: [alertname =~ "Watchdog|InfoInhibitor"]
  - match: {team: db}
    match_re: {severity: "critical|page"}
    receiver: pager / night
    group_by: [...]
    group_interval: 10s
    mute_time_intervals: [nights]
    continue: true
  - matchers: ['{team="db",env!~"dev.*"}']
    active_time_intervals: [office hours]
    group_by: []
    routes:
    - receiver: team
      matchers: [severity=info]
inhibit_rules:
- name: less noise
  source_matchers: [severity="critical"]
  target_match_re: {severity: warning|info}
  equal: [namespace, promdrill_drill]
- source_match: {alertname: InfoInhibitor}
  target_matchers: ["severity = info"]
mute_time_intervals:
- name: nights
  time_intervals:
  - times: [{start_time: "22:00", end_time: "24:00"}, {start_time: 00:00, end_time: 06:00}]
    location: Europe/Berlin
time_intervals:
- name: office hours
  time_intervals:
  - weekdays: ["monday:friday"]
    months: ["1:3", december]
    days_of_month: ["1:15", "-3:-1"]
    years: ["2020:2030"]
    times: [{start_time: "09:00", end_time: "17:00"}]
receivers:
- name: team
  slack_configs:
  - channel: "#team"
    title: "{{ .CommonLabels.alertname }}"
  email_configs:
  - to: team@example.test
    auth_password: sEcReT-4
- name: pager / night
  pagerduty_configs:
  - routing_key_file: /etc/sEcReT-5
    send_resolved: false
- name: "null"
"""

WRITTEN: dict[str, Any] = {
    "global": {"resolve_timeout": "10s"},
    "route": {
        "group_by": ["namespace", "promdrill_drill", "promdrill_evaluator"],
        "group_wait": "1s",
        "group_interval": "5s",
        "repeat_interval": "12m",
        "receiver": "team",
        "routes": [
            {"receiver": "null", "matchers": ['alertname =~ "Watchdog|InfoInhibitor"']},
            {
                "receiver": "pager / night",
                "match": {"team": "db"},
                "match_re": {"severity": "critical|page"},
                "group_by": ["..."],
                "group_interval": "167ms",
                "mute_time_intervals": ["nights"],
                "continue": True,
            },
            {
                "matchers": ['{team="db",env!~"dev.*"}'],
                "group_by": ["promdrill_drill", "promdrill_evaluator"],
                "active_time_intervals": ["office hours"],
                "routes": [{"receiver": "team", "matchers": ["severity=info"]}],
            },
        ],
    },
    "inhibit_rules": [
        {
            "source_matchers": ['severity="critical"'],
            "target_match_re": {"severity": "warning|info"},
            "equal": ["namespace", "promdrill_drill", "promdrill_evaluator"],
        },
        {
            "source_match": {"alertname": "InfoInhibitor"},
            "target_matchers": ["severity = info"],
            "equal": ["promdrill_drill", "promdrill_evaluator"],
        },
    ],
    "mute_time_intervals": [
        {
            "name": "nights",
            "time_intervals": [
                {
                    "times": [
                        {"start_time": "22:00", "end_time": "24:00"},
                        {"start_time": "00:00", "end_time": "06:00"},
                    ],
                    "location": "Europe/Berlin",
                }
            ],
        }
    ],
    "time_intervals": [
        {
            "name": "office hours",
            "time_intervals": [
                {
                    "times": [{"start_time": "09:00", "end_time": "17:00"}],
                    "weekdays": ["monday:friday"],
                    "days_of_month": ["1:15", "-3:-1"],
                    "months": ["1:3", "december"],
                    "years": ["2020:2030"],
                }
            ],
        }
    ],
    "receivers": [
        {
            "name": "team",
            "webhook_configs": [{"url": "http://127.0.0.1:9096/team", "send_resolved": True}],
        },
        {
            "name": "pager / night",
            "webhook_configs": [{"url": "http://127.0.0.1:9096/pager%20%2F%20night", "send_resolved": True}],
        },
        {
            "name": "null",
            "webhook_configs": [{"url": "http://127.0.0.1:9096/null", "send_resolved": True}],
        },
    ],
}
"""What becomes of `GOOD` at speed 60."""


def alert(fingerprint: str, *receivers: str, status: dict[str, Any] | None = None, **labels: str) -> dict[str, Any]:
    """An alert as Alertmanager's API has it; without `status`, one that is told."""
    told = {"state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": []}
    return {
        "annotations": {"summary": "it is full"},
        "endsAt": "2026-11-30T10:05:00.000Z",
        "fingerprint": fingerprint,
        "receivers": [{"name": name} for name in receivers],
        "startsAt": "2026-11-30T10:00:00.000Z",
        "status": {**told, **({"state": "suppressed", **status} if status else {})},
        "updatedAt": "2026-11-30T10:01:00.000Z",
        "generatorURL": "http://prometheus/graph",
        "labels": {"promdrill_drill": "d-1", "promdrill_evaluator": "witness", **labels},
    }


def group(receiver: str, *alerts: dict[str, Any]) -> dict[str, Any]:
    """A group of alerts as `/api/v2/alerts/groups` has it."""
    return {"alerts": list(alerts), "labels": {"namespace": "x"}, "receiver": {"name": receiver}}
