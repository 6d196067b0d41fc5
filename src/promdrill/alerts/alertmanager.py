"""The configuration of the Alertmanager that drills have: the user's own, with its timings divided and nobody to tell.

Routes, inhibitions and time intervals are the user's. Each receiver keeps its name, and has one webhook instead of its
integrations: promdrill's alert receiver, which takes down what it is told. No credential, address or template of the
user's is written. The fields are those of Alertmanager 0.33 (config/config.go); what only releases after 0.24 know is
not written, so that any of them reads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from promdrill.alerts import config_file, matchers, time_intervals
from promdrill.alerts.strict import Part
from promdrill.core import durations, reading
from promdrill.core.alerts import OWN_LABELS

WEBHOOK = "http://127.0.0.1:9096"
"""Where promdrill's alert receiver listens, in Alertmanager's own pod."""

DEFAULT_RECEIVER = "default"
"""The only receiver where the user gives no configuration."""

TIMINGS_S = {"group_wait": 30.0, "group_interval": 300.0, "repeat_interval": 4 * 3600.0}
"""Alertmanager's own timings of a route that says nothing, in seconds (dispatch/route.go)."""

RESOLVE_TIMEOUT_S = 300.0
"""Alertmanager's own `resolve_timeout` in seconds."""

SHORTEST_S = 0.1
"""No timing is made shorter than this many seconds, unless it is none: Alertmanager takes a millisecond, and would then
look at every group a thousand times a second."""

ALL_LABELS = "..."
"""In `group_by`: every alert is a group of its own."""

SENDS_RESOLVED = {
    "discord": True,
    "email": False,
    "incidentio": True,
    "jira": True,
    "mattermost": True,
    "msteams": True,
    "msteamsv2": True,
    "opsgenie": True,
    "pagerduty": True,
    "pushover": True,
    "rocketchat": False,
    "slack": False,
    "sns": True,
    "telegram": True,
    "victorops": True,
    "webex": True,
    "webhook": True,
    "wechat": False,
}
"""Alertmanager's integrations, and whether each tells of a resolved alert if its `send_resolved` is not said."""

_TOP = (
    *("global", "route", "inhibit_rules", "receivers", "templates", "mute_time_intervals", "time_intervals"),
    *("tracing", "event_recorder"),
)
_GLOBAL = (
    *("resolve_timeout", "http_config", "jira_api_url", "smtp_from", "smtp_hello", "smtp_smarthost"),
    *("smtp_auth_username", "smtp_auth_password", "smtp_auth_password_file", "smtp_auth_secret"),
    *("smtp_auth_secret_file", "smtp_auth_identity", "smtp_require_tls", "smtp_tls_config", "smtp_force_implicit_tls"),
    *("slack_api_url", "slack_api_url_file", "slack_app_token", "slack_app_token_file", "slack_app_url"),
    *("pagerduty_url", "opsgenie_api_url", "opsgenie_api_key", "opsgenie_api_key_file", "wechat_api_url"),
    *("wechat_api_secret", "wechat_api_secret_file", "wechat_api_corp_id", "victorops_api_url", "victorops_api_key"),
    *("victorops_api_key_file", "telegram_api_url", "telegram_bot_token", "telegram_bot_token_file", "webex_api_url"),
    *("rocketchat_api_url", "rocketchat_token", "rocketchat_token_file", "rocketchat_token_id"),
    *("rocketchat_token_id_file", "mattermost_webhook_url", "mattermost_webhook_url_file"),
)
_ROUTE = (
    *("receiver", "group_by", "match", "match_re", "matchers", "mute_time_intervals", "active_time_intervals"),
    *("continue", "routes", *TIMINGS_S),
)
_MATCHING = ("match", "match_re", "matchers")
_SILENT = ("mute_time_intervals", "active_time_intervals")
_INHIBIT = (
    *("name", "equal", "source_match", "source_match_re", "source_matchers"),
    *("target_match", "target_match_re", "target_matchers"),
)
_INTEGRATION = "_configs"


@dataclass(frozen=True, slots=True)
class Receiver:
    """A receiver of the user's.

    Attributes:
        name: Its name.
        integrations: What it tells, by kind: ``slack``, ``email``; each as often as it is there.
        sends_resolved: Whether one of them tells that an alert is resolved.
        place: Where it is written: ``config.yaml:12``; empty for promdrill's own.
    """

    name: str
    integrations: tuple[str, ...] = ()
    sends_resolved: bool = False
    place: str = ""

    @property
    def tells_nobody(self) -> bool:
        """Whether it has no integration, as the usual ``null``: it is there so that alerts end in it."""
        return not self.integrations


@dataclass(frozen=True, slots=True)
class Muting:
    """A route that tells nobody at some time of the day.

    Attributes:
        receiver: Its receiver, which may be that of a route above it.
        route: Its matchers in words: ``{team="db"}``.
        mute: Names of the time intervals in which it tells nobody.
        active: Names of those in which alone it tells somebody; none for always.
        place: Where it is written.
    """

    receiver: str
    route: str
    mute: tuple[str, ...]
    active: tuple[str, ...]
    place: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """The configuration for a drill's Alertmanager, and what is to be known of it.

    Attributes:
        written: It, as plain data.
        receivers: The user's receivers.
        mutings: Routes with time intervals.
        unscaled: What is not as much faster as the rest, and why, a sentence each.
        left_out: What of the user's is not in it, a sentence each; without any value.
    """

    written: Mapping[str, Any] = field(hash=False)
    receivers: tuple[Receiver, ...]
    mutings: tuple[Muting, ...] = ()
    unscaled: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def text(self) -> str:
        """It in YAML, as Alertmanager reads it; whatever is not ASCII is escaped."""
        return yaml.safe_dump(self.written, sort_keys=False, width=1000)

    def reaches_somebody(self, receiver: str) -> bool:
        """Whether a notification to the receiver of that name would have reached somebody."""
        return any(each.name == receiver and not each.tells_nobody for each in self.receivers)


def read(path: Path | None, *, speed: float) -> Configuration:
    """The configuration for a drill's Alertmanager, of the user's file.

    The file has Alertmanager's configuration, or is a Secret or a ConfigMap that has. Without one each alert is told by
    itself, to one receiver, after Alertmanager's own group_wait.

    Args:
        path: The file; None for none.
        speed: How many seconds of the user's one second of the drill stands for, at least 1.

    Raises:
        UsageError: It cannot be read, or Alertmanager would refuse it; with file, line and column.
    """
    if path is None:
        return _default(speed)
    said = f"ALERTMANAGER={reading.shown(path)}"
    text = reading.text_of(path, said=said)
    return read_text(text, said=said, called=path.name, speed=speed)


def read_text(text: str, *, said: str, called: str = "", speed: float) -> Configuration:
    """As `read`, of a text.

    Args:
        text: The text of the file.
        said: What messages call the file.
        called: What places in the configuration call it; empty for the same.
        speed: As for `read`.

    Raises:
        UsageError: As `read`.
    """
    return _Reader(speed, said, called or said).read(config_file.configuration(text, said=said, known=_TOP))


def _default(speed: float) -> Configuration:
    written = {
        "global": {"resolve_timeout": _scaled(RESOLVE_TIMEOUT_S, speed)},
        "route": {
            "receiver": DEFAULT_RECEIVER,
            "group_by": [ALL_LABELS],
            **{name: _scaled(each_s, speed) for name, each_s in TIMINGS_S.items()},
        },
        "receivers": [_told(DEFAULT_RECEIVER)],
    }
    return Configuration(written, (Receiver(DEFAULT_RECEIVER, ("webhook",), sends_resolved=True),))


def _told(name: str) -> dict[str, Any]:
    """A receiver that tells promdrill's alert receiver."""
    url = f"{WEBHOOK}/{quote(name, safe='')}"
    return {"name": name, "webhook_configs": [{"url": url, "send_resolved": True}]}


def _scaled(seconds: float, speed: float) -> str:
    return durations.write(max(min(seconds, SHORTEST_S), seconds / speed))


class _Reader:
    """Reads one configuration, and gathers what is to be known of it."""

    def __init__(self, speed: float, said: str, called: str) -> None:
        self._speed, self._said, self._called = speed, said, called
        self._intervals: dict[str, Part] = {}
        self._receivers: dict[str, Receiver] = {}
        self._mutings: list[Muting] = []
        self._unscaled: list[str] = []
        self._left_out: list[str] = []

    def read(self, document: Part) -> Configuration:
        """The configuration of a document."""
        parts = document.fields(_TOP)
        written: dict[str, Any] = {"global": self._global(parts.get("global"))}
        intervals = {
            name: self._time_intervals(parts[name]) for name in _TOP if name.endswith("intervals") and name in parts
        }
        self._read_receivers(parts.get("receivers"))
        if "route" not in parts:
            raise document.wrong("there is no route", "route: {receiver: team}")
        written["route"] = self._root(parts["route"])
        if "inhibit_rules" in parts:
            rules = parts["inhibit_rules"].items("an inhibit rule")
            written["inhibit_rules"] = [self._inhibition(each) for each in rules]
        written |= intervals
        written["receivers"] = [_told(name) for name in self._receivers]
        self._leave_out(parts)
        return Configuration(
            written, tuple(self._receivers.values()), tuple(self._mutings), tuple(self._unscaled), tuple(self._left_out)
        )

    def _place(self, part: Part) -> str:
        return self._called + part.place.removeprefix(self._said)

    def _global(self, part: Part | None) -> dict[str, str]:
        fields = part.fields(_GLOBAL) if part else {}
        timeout = fields.pop("resolve_timeout", None)
        if part and fields:
            names = ", ".join(sorted(fields))
            self._left_out.append(f"{self._place(part)}: of global: {names}.")
        if timeout is not None:
            return {"resolve_timeout": self._timing(timeout)}
        return {"resolve_timeout": _scaled(RESOLVE_TIMEOUT_S, self._speed)}

    def _leave_out(self, parts: Mapping[str, Part]) -> None:
        for name in ("templates", "tracing", "event_recorder"):
            if name in parts:
                self._left_out.append(f"{self._place(parts[name])}: {name}.")
        telling = [each for each in self._receivers.values() if not each.tells_nobody]
        if telling:
            count = sum(len(each.integrations) for each in telling)
            what = "integration" if count == 1 else f"{count} integrations"
            whose = f"receiver {telling[0].name}" if len(telling) == 1 else f"{len(telling)} receivers"
            self._left_out.append(f"{telling[0].place}: the {what} of {whose}: promdrill's own receiver is told.")

    def _time_intervals(self, part: Part) -> list[dict[str, Any]]:
        written = []
        for each in part.items("a time interval"):
            name, interval = time_intervals.read(each)
            if name in self._intervals:
                first = self._place(self._intervals[name])
                raise each.wrong(f"the time interval {name} is also at {first}", "give each a name of its own")
            self._intervals[name] = each
            self._unscaled.append(
                f"{self._place(each)}: the time interval {name} is about the clock, and counts as it is."
            )
            written.append(interval)
        return written

    def _read_receivers(self, part: Part | None) -> None:
        known = ("name", "labels", *(f"{kind}{_INTEGRATION}" for kind in SENDS_RESOLVED))
        for each in part.items("a receiver") if part else ():
            fields = each.fields(known)
            if "name" not in fields:
                raise each.wrong("a receiver without a name", "name: team")
            name = fields["name"].text()
            if name in self._receivers:
                first = self._receivers[name].place
                raise each.wrong(f"the receiver {name} is also at {first}", "give each a name of its own")
            told = [*_integrations(fields)]
            resolved = any(sends for _, sends in told)
            self._receivers[name] = Receiver(name, tuple(kind for kind, _ in told), resolved, self._place(each))

    def _root(self, part: Part) -> dict[str, Any]:
        fields = part.fields(_ROUTE)
        for name in (*_MATCHING, *_SILENT):
            if name in fields and fields[name].node.value:
                raise fields[name].wrong(f"the first route must not have {name}", "put it into a route below routes:")
        if "receiver" not in fields or not fields["receiver"].value():
            raise part.wrong("the first route has no receiver", "receiver: team")
        if "continue" in fields and fields["continue"].flag():
            raise fields["continue"].wrong("the first route must not continue", "remove it")
        route = self._route(part, "")
        silent = {name: _scaled(each_s, self._speed) for name, each_s in TIMINGS_S.items()}
        return {"group_by": list(OWN_LABELS), **silent, **route}

    def _route(self, part: Part, inherited: str) -> dict[str, Any]:
        """A route as it is written.

        Args:
            part: The route.
            inherited: The receiver of the route above.
        """
        if not part.is_mapping:
            raise part.wrong("a route must be a mapping", "receiver: team")
        fields = part.fields(_ROUTE)
        written: dict[str, Any] = {}
        if "receiver" in fields and fields["receiver"].value():
            inherited = written["receiver"] = self._known_receiver(fields["receiver"])
        written |= {name: _match(fields[name]) for name in _MATCHING if name in fields}
        if "group_by" in fields:
            written["group_by"] = _group_by(fields["group_by"])
        written |= {name: self._timing(fields[name]) for name in TIMINGS_S if name in fields}
        self._muting(part, fields, written, inherited)
        if "continue" in fields:
            written["continue"] = fields["continue"].flag()
        if "routes" in fields:
            written["routes"] = [self._route(each, inherited) for each in fields["routes"].items("a route")]
        return written

    def _muting(self, part: Part, fields: Mapping[str, Part], written: dict[str, Any], receiver: str) -> None:
        mute, active = (self._interval_names(fields.get(key)) for key in _SILENT)
        written |= {key: list(names) for key, names in zip(_SILENT, (mute, active), strict=True) if names}
        if mute or active:
            self._mutings.append(Muting(receiver, _words(written), mute, active, self._place(part)))

    def _interval_names(self, part: Part | None) -> tuple[str, ...]:
        items = part.items("a time interval") if part else []
        for each in items:
            if each.text() not in self._intervals:
                raise each.mistaken("there is no time interval of that name", _known(self._intervals))
        return tuple(each.text() for each in items)

    def _known_receiver(self, part: Part) -> str:
        name = part.text()
        if name not in self._receivers:
            raise part.mistaken("there is no receiver of that name", _known(self._receivers))
        return name

    def _timing(self, part: Part) -> str:
        try:
            seconds = durations.parse(part.value())
        except ValueError as error:
            raise part.mistaken(str(error), "30s, 5m or 1h30m") from error
        if not seconds and part.name in {"group_interval", "repeat_interval"}:
            raise part.wrong(f"{part.name} cannot be zero", "1s is the shortest that makes sense")
        if seconds / self._speed < SHORTEST_S and seconds > SHORTEST_S:
            shortest = durations.write(SHORTEST_S)
            what = f"{part.name} {part.value()} becomes {shortest}, the shortest that a drill has"
            self._unscaled.append(f"{self._place(part)}: {what}.")
        return _scaled(seconds, self._speed)

    def _inhibition(self, part: Part) -> dict[str, Any]:
        if not part.is_mapping:
            raise part.wrong("an inhibit rule must be a mapping", "source_matchers: [severity=critical]")
        fields = part.fields(_INHIBIT)
        written = {name: _match(fields[name]) for name in _INHIBIT if "match" in name and name in fields}
        equal = fields["equal"].texts("a label in equal") if "equal" in fields else []
        return {**written, "equal": [*dict.fromkeys((*equal, *OWN_LABELS))]}


def _integrations(fields: Mapping[str, Part]) -> Iterator[tuple[str, bool]]:
    """The integrations of a receiver, by kind, and whether each tells that an alert is resolved."""
    for key, part in fields.items():
        if not key.endswith(_INTEGRATION):
            continue
        kind = key.removesuffix(_INTEGRATION)
        for each in part.items(f"an item of {key}"):
            if not each.is_mapping:
                raise each.wrong(f"an item of {key} must be a mapping", f"remove it, or say what {kind} needs")
            sends = each.pairs().get("send_resolved")
            yield kind, SENDS_RESOLVED[kind] if sends is None or sends.is_null else sends.flag()


def _match(part: Part) -> Any:
    """Matchers, or a mapping of labels to values, as they are written."""
    if part.name.endswith("matchers"):
        return [_checked(each, each.text()) for each in part.items("a matcher")]
    found = {}
    for name, each in part.pairs().items():
        if each.is_null and part.name.endswith("_re"):
            raise each.wrong(f"{name} has no pattern", f"{part.name}: {{severity: critical}}")
        try:
            matchers.check_name(name)
            if part.name.endswith("_re"):
                matchers.check_pattern(each.value())
        except ValueError as error:
            raise each.mistaken(str(error), f"{part.name}: {{severity: critical}}") from error
        found[name] = each.value()
    return found


def _checked(part: Part, text: str) -> str:
    try:
        matchers.parse(text)
    except ValueError as error:
        raise part.mistaken(str(error), '- severity="critical"') from error
    return text


def _group_by(part: Part) -> list[str]:
    labels = part.texts("a label in group_by")
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        raise part.wrong(f"{twice} is twice in group_by", "remove one of them")
    if ALL_LABELS in labels:
        if len(labels) > 1:
            raise part.wrong(f"group_by has {ALL_LABELS}, which is all labels, and others", f"['{ALL_LABELS}'] alone")
        return labels
    return [*dict.fromkeys((*labels, *OWN_LABELS))]


def _words(route: Mapping[str, Any]) -> str:
    """The matchers of a written route."""
    found = [f'{name}="{value}"' for name, value in route.get("match", {}).items()]
    found += [f'{name}=~"{value}"' for name, value in route.get("match_re", {}).items()]
    found += [str(each) for text in route.get("matchers", ()) for each in matchers.parse(text)]
    return f"{{{', '.join(found)}}}"


def _known(names: Mapping[str, Any]) -> str:
    return f"there are {', '.join(names)}" if names else "there is none; write it"
