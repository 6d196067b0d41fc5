"""The alerts of one drill: rules given to the witness and taken back, and what its end shows of each."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import pytest
import yaml

from promdrill.core.alerts import AlertRule
from promdrill.core.clock import SYSTEM
from promdrill.core.errors import ClusterError
from promdrill.core.events import AlertRuleJudged, AlertRulesLoaded, AlertsUnknown, Event
from promdrill.core.journal import Journal
from promdrill.drill import alerts as drill_alerts
from promdrill.drill.alerts import AlertPlan, DrillAlerts
from promdrill.faults.base import Undo
from promdrill.observe.server import Server
from promdrill.results.alerts.expectations import Expectation
from promdrill.results.timeline.read import read
from promdrill.runbook.front import RunbookAlert
from promdrill.runbook.parse import Runbook

SERVER = Server.of("drill-x", "prometheus-x")
RULES = (AlertRule(alert="Full", place="rules.yaml:3"), AlertRule(alert="Typo"), AlertRule(alert="Broken"))


class Witness:
    """A witness that keeps what it is given."""

    def __init__(self, *others: str) -> None:
        self.files: dict[str, str] = dict.fromkeys(others, "")
        self.log: list[str] = []
        self.names: Any = {'="drill-x"': ["up", "disk_free"], '=""': ["node_load1"]}
        self.rules: Any = []

    def write(self, files: Any) -> None:
        self.files |= files

    def remove(self, names: Any) -> bool:
        for name in names:
            del self.files[name]
        return bool(self.files)

    def reload(self) -> None:
        self.log.append("reload")

    def ask(self, of: str, page: str, timeout_s: float) -> Any:
        assert (of, timeout_s > 0) == ("prometheus", True)
        if page.startswith("/api/v1/rules"):
            return {"data": {"groups": [{"rules": self.rules}]}}
        which = '=""' if "%3D%22%22%2C" in page else '="drill-x"'
        found = self.names[which]
        if isinstance(found, Exception):
            raise found
        return {"data": found}


class Watching:
    """In the place of what looks at alerts."""

    def __init__(self, *_: Any, inside: bool, **__: Any) -> None:
        self.inside, self.closed, self.waited = inside, False, list[Any]()
        self.firing = frozenset({("witness", "Watchdog")})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.closed = True

    def settle(self, but: Any, timeout_s: float) -> None:
        self.waited.append((but, timeout_s))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Watching]:
    found: list[Watching] = []

    def watching(*args: Any, **options: Any) -> Watching:
        found.append(Watching(*args, **options))
        return found[-1]

    monkeypatch.setattr(drill_alerts, "Watching", watching)
    return found


def plan(witness: Witness, **more: Any) -> AlertPlan:
    beside: Any = witness
    given: dict[str, Any] = {
        "witness": beside,
        "speed": 30.0,
        "interval_s": 1.0,
        "job": "prometheus",
        "rules": RULES,
        "rules_yml": "groups: []\n",
        "reads": {
            "Full": frozenset({"disk_free", "node_load1"}),
            "Typo": frozenset({"disk_fre", "up"}),
            "Broken": frozenset({"job:x:rate5m"}),
        },
        "recorded": frozenset({"job:x:rate5m"}),
        "muted": lambda *_: (),
        "reaches": lambda _: True,
        **more,
    }
    return AlertPlan(**given)


def events(file: Path, *kinds: type[Event]) -> list[Event]:
    (drill,) = read(file).drills
    return [event for _, event in drill.entries if isinstance(event, kinds)]


def test_how_long_an_incident_is_held_and_a_fault_grows_is_the_plans(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.jsonl") as journal:
        asked = DrillAlerts(plan(Witness(), hold_s=40.0, growth_s=80.0), SERVER, journal, SYSTEM)
        assert (asked.hold_s, asked.growth_s) == (40.0, 80.0)
        plain = DrillAlerts(plan(Witness()), SERVER, journal, SYSTEM)
        none = DrillAlerts(None, SERVER, journal, SYSTEM)
        assert {plain.hold_s, plain.growth_s, none.hold_s, none.growth_s} == {0.0}


def test_rules_are_given_before_the_look_and_taken_back(tmp_path: Path, made: list[Watching]) -> None:
    witness, file = Witness(), tmp_path / "journal.jsonl"
    with Journal(file) as journal, ExitStack() as closing:
        undo = Undo(journal)
        alerts = DrillAlerts(plan(witness), SERVER, journal, SYSTEM)
        alerts.begin(undo, closing)
        assert set(witness.files) == {"drills/drill-x.scrape.yml", "drills/drill-x.rules.yml"}
        assert yaml.safe_load(witness.files["drills/drill-x.scrape.yml"])["scrape_configs"]
        assert witness.log == ["reload"]
        undo.run()
        assert witness.files == {}
        assert witness.log == ["reload", "reload"]
    (watching,) = made
    assert watching.inside
    assert watching.closed, "at the drill's end, however it ends"
    (loaded,) = events(file, AlertRulesLoaded)
    assert loaded == AlertRulesLoaded(speed=30.0, off_by_s=2.0, rules=RULES)


def test_another_drill_is_told_of_undisturbed_while_rules_are_taken_back(tmp_path: Path, made: list[Watching]) -> None:
    witness = Witness("drills/drill-y.rules.yml")
    with Journal(tmp_path / "journal.jsonl") as journal, ExitStack() as closing:
        undo = Undo(journal)
        DrillAlerts(plan(witness), SERVER, journal, SYSTEM).begin(undo, closing)
        undo.run()
    assert list(witness.files) == ["drills/drill-y.rules.yml"]
    assert witness.log == ["reload"], "the one at its beginning"
    assert len(made) == 1


def book(*alerts: RunbookAlert) -> Runbook:
    """A runbook to which these alerts lead."""
    return Runbook(Path("folder/runbook.md"), "x", "X", {}, False, "", (), (), alerts=alerts)


def test_what_fired_before_the_incident_need_not_resolve_after_it(tmp_path: Path, made: list[Watching]) -> None:
    with Journal(tmp_path / "journal.jsonl") as journal, ExitStack() as closing:
        alerts = DrillAlerts(plan(Witness(), hold_s=40.0, not_inside="why"), SERVER, journal, SYSTEM)
        alerts.begin(Undo(journal), closing)
        alerts.incident_begins()
        alerts.settle("x", book())
        assert alerts.hold_s == 40.0
    assert not made[0].inside
    assert made[0].waited == [(frozenset({("witness", "Watchdog")}), drill_alerts.SETTLE_S)]


def test_the_end_tells_of_names_that_nothing_has_and_of_errors(tmp_path: Path, made: list[Watching]) -> None:
    witness, file = Witness(), tmp_path / "journal.jsonl"
    mine, other = {"promdrill_drill": "drill-x"}, {"promdrill_drill": "drill-y"}
    witness.rules = [
        {"name": "Broken", "labels": mine, "lastError": "many-to-many matching not allowed"},
        {"name": "Full", "labels": other, "lastError": "another drill's"},
        {"name": "Full", "labels": mine},
    ]
    with Journal(file) as journal, ExitStack() as closing:
        alerts = DrillAlerts(plan(witness), SERVER, journal, SYSTEM)
        alerts.begin(Undo(journal), closing)
        alerts.end()
        assert made[0].closed
        alerts.end()
    assert events(file, AlertRuleJudged, AlertsUnknown) == [
        AlertRuleJudged(alert="Typo", unknown_metrics=("disk_fre",)),
        AlertRuleJudged(alert="Broken", error="many-to-many matching not allowed"),
    ]


@pytest.mark.parametrize(
    ("names", "why"),
    [
        ({'="drill-x"': [], '=""': ["up"]}, "the witness has never scraped the Prometheus in drill-x"),
        ({'="drill-x"': ClusterError("it hangs"), '=""': []}, "it hangs"),
        ({'="drill-x"': ["up"], '=""': None}, "the witness does not list the names of its metrics"),
    ],
)
def test_a_witness_that_saw_nothing_or_does_not_say_is_no_proof(
    tmp_path: Path, made: list[Watching], names: Any, why: str
) -> None:
    witness, file = Witness(), tmp_path / "journal.jsonl"
    witness.names = names
    with Journal(file) as journal, ExitStack() as closing:
        alerts = DrillAlerts(plan(witness), SERVER, journal, SYSTEM)
        alerts.begin(Undo(journal), closing)
        alerts.end()
    assert events(file, AlertRuleJudged, AlertsUnknown) == [AlertsUnknown(error=why)]
    assert made[0].closed


def test_without_rules_nothing_is_done(tmp_path: Path, made: list[Watching]) -> None:
    file = tmp_path / "journal.jsonl"
    with Journal(file) as journal, ExitStack() as closing:
        alerts = DrillAlerts(None, SERVER, journal, SYSTEM)
        undo = Undo(journal)
        alerts.begin(undo, closing)
        alerts.incident_begins()
        alerts.settle("x", book(RunbookAlert("Full", 7, 300.0)))
        assert alerts.expected("x", book(RunbookAlert("Full", 7, 300.0))) == ()
        assert alerts.unheard_of(book(RunbookAlert("Ful", 7, 300.0))) == ()
        alerts.end()
        undo.run()
        assert alerts.hold_s == 0.0
    assert made == []
    assert read(file).drills == ()


# --- what is expected ------------------------------------------------------------------------------------------------


LATE = Expectation(scenario="x", alert="Full", resolve_within_s=1200.0, place="alerts.toml:1")
ELSEWHERE = Expectation(scenario="y", alert="Full", resolve_within_s=7200.0, place="alerts.toml:5")


def test_a_runbook_asks_that_its_alerts_are_resolved_if_they_fired(tmp_path: Path) -> None:
    named = book(RunbookAlert("Typo", 5), RunbookAlert("Full", 6, 300.0), RunbookAlert("Ful", 7, 60.0))
    asked = Expectation(scenario="x", alert="Full", resolve_within_s=300.0, only_if_fired=True, place="runbook.md:6")
    with Journal(tmp_path / "journal.jsonl") as journal:
        alerts = DrillAlerts(plan(Witness(), expectations=(LATE, ELSEWHERE)), SERVER, journal, SYSTEM)
        assert alerts.expected("x", named) == (LATE, asked)
        assert alerts.expected("z", book()) == ()


def test_an_alert_that_has_to_be_resolved_and_that_no_rule_has_is_named(tmp_path: Path) -> None:
    said = "its runbook asks that alerts are resolved that no rule has, so that nothing is asked of them: Ful, Tpyo"
    with Journal(tmp_path / "journal.jsonl") as journal:
        alerts = DrillAlerts(plan(Witness()), SERVER, journal, SYSTEM)
        assert alerts.unheard_of(book(RunbookAlert("Full", 6, 300.0), RunbookAlert("Ful", 7))) == ()
        assert alerts.unheard_of(book(RunbookAlert("Ful", 7, 60.0), RunbookAlert("Tpyo", 9, 0.0))) == (said,)


@pytest.mark.parametrize(
    ("alerts", "expectations", "waits_s"),
    [
        ((), (), drill_alerts.SETTLE_S),
        ((), (LATE, ELSEWHERE), 40.0),
        ((RunbookAlert("Full", 6, 300.0), RunbookAlert("Typo", 7)), (), drill_alerts.SETTLE_S),
        ((RunbookAlert("Full", 6, 1800.0),), (LATE,), 60.0),
        ((RunbookAlert("Ful", 6, 1800.0),), (), drill_alerts.SETTLE_S),
    ],
)
def test_a_drill_waits_for_as_long_as_an_alert_may_fire(
    tmp_path: Path,
    made: list[Watching],
    alerts: tuple[RunbookAlert, ...],
    expectations: tuple[Expectation, ...],
    waits_s: float,
) -> None:
    with Journal(tmp_path / "journal.jsonl") as journal, ExitStack() as closing:
        found = DrillAlerts(plan(Witness(), expectations=expectations), SERVER, journal, SYSTEM)
        found.begin(Undo(journal), closing)
        found.settle("x", book(*alerts))
    assert made[0].waited == [(frozenset(), waits_s)]
