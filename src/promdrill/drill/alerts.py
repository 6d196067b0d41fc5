"""The alerts of a drill: its rules are given to the witness, watched from the baseline on, and summed up at its end.

Alerts have no influence on a drill's course, but for the time that its fault takes to grow, that the incident is held,
and that they get to resolve.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from urllib.parse import urlencode

from promdrill.core.alerts import DRILL_LABEL, AlertRule, rules_named
from promdrill.core.clock import Clock
from promdrill.core.errors import ClusterError, PromdrillError
from promdrill.core.events import AlertRuleJudged, AlertRulesLoaded, AlertsUnknown
from promdrill.core.journal import Journal
from promdrill.faults.base import Undo
from promdrill.observe.server import Server
from promdrill.results.alerts.expectations import Expectation
from promdrill.runbook.front import RunbookAlert
from promdrill.runbook.parse import Runbook
from promdrill.witness import answers
from promdrill.witness.files import scrape_yml
from promdrill.witness.place import Witness
from promdrill.witness.watching import LOOK_S, Muted, Watching

SETTLE_S = 30.0
"""The most seconds, as measured, that a drill waits after its recovery for alerts to resolve, unless more is asked."""

_ANSWER_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPlan:
    """What a drill is given for its alerts.

    Attributes:
        witness: The witness of its cluster.
        speed: As in `promdrill.core.alerts.AlertAccount`.
        interval_s: Seconds between two scrapes, and two evaluations, of the witness.
        job: The job under which the witness scrapes the drilled Prometheus: the one that the rules know it by.
        rules: The alerting rules, as they are loaded.
        rules_yml: The rules as the witness gets them: scaled, and kept to this drill's series.
        reads: Names of the metrics that each rule reads, by the rule's name.
        recorded: Names of the metrics that the rules record themselves.
        not_inside: As in `promdrill.core.alerts.AlertAccount`.
        muted: Reads Alertmanager's answer.
        reaches: Whether a notification to the receiver of that name would have reached somebody.
        hold_s: Seconds, as measured, for which the incident is held before it is repaired.
        growth_s: Seconds, as measured, that a fault which grows takes to its full effect; 0 for at once.
        expectations: What alerts.toml expects, of the alerts of any drill.
    """

    witness: Witness
    speed: float
    interval_s: float
    job: str
    rules: tuple[AlertRule, ...]
    rules_yml: str
    reads: Mapping[str, frozenset[str]] = field(default_factory=dict)
    recorded: frozenset[str] = frozenset()
    not_inside: str = ""
    muted: Muted
    reaches: Callable[[str], bool]
    hold_s: float = 0.0
    growth_s: float = 0.0
    expectations: tuple[Expectation, ...] = ()

    @property
    def off_by_s(self) -> float:
        """How far off a moment may be, as measured: one evaluation, and the time between two looks."""
        return self.interval_s + LOOK_S


class DrillAlerts:
    """The alerts of one drill; does nothing where there is no plan.

    Args:
        plan: What was given; None where no rules were.
        server: The drilled Prometheus.
        journal: The drill's.
        clock: Where time comes from.
    """

    def __init__(self, plan: AlertPlan | None, server: Server, journal: Journal, clock: Clock) -> None:
        self._plan, self._server, self._journal, self._clock = plan, server, journal, clock
        self._watching: Watching | None = None
        self._before: frozenset[tuple[str, ...]] = frozenset()

    @property
    def hold_s(self) -> float:
        """Seconds for which the incident is held before it is repaired."""
        return 0.0 if self._plan is None else self._plan.hold_s

    @property
    def growth_s(self) -> float:
        """Seconds that a fault which grows takes to its full effect; 0 for at once."""
        return 0.0 if self._plan is None else self._plan.growth_s

    def begin(self, undo: Undo, closing: ExitStack) -> None:
        """Give the rules to the witness, and look from then on.

        Args:
            undo: Learns how to take the rules back.
            closing: Ends the looking.

        Raises:
            ClusterError: The witness does not take them.
            CommandFailed: Its node refused.
        """
        plan, server = self._plan, self._server
        if plan is None:
            return
        names = (f"drills/{server.namespace}.scrape.yml", f"drills/{server.namespace}.rules.yml")
        undo.register("take the rules back from the witness", lambda: _take_back(plan.witness, names))
        texts = (scrape_yml(server, plan.job, plan.interval_s), plan.rules_yml)
        plan.witness.write(dict(zip(names, texts, strict=True)))
        plan.witness.reload()
        self._journal.write(
            AlertRulesLoaded(speed=plan.speed, off_by_s=plan.off_by_s, rules=plan.rules, not_inside=plan.not_inside)
        )
        watching = Watching(
            plan.witness,
            server,
            inside=not plan.not_inside,
            muted=plan.muted,
            reaches=plan.reaches,
            write=self._journal.write,
            clock=self._clock,
        )
        self._watching = closing.enter_context(watching)

    def incident_begins(self) -> None:
        """Note what fires already: it need not resolve after the recovery."""
        if self._watching is not None:
            self._before = self._watching.firing

    def expected(self, scenario: str, runbook: Runbook) -> tuple[Expectation, ...]:
        """What is expected of the alerts, by alerts.toml and by the runbook's front matter; nothing without a plan.

        Args:
            scenario: The scenario that is drilled.
            runbook: Its runbook.
        """
        if self._plan is None:
            return ()
        stated = tuple(each for each in self._plan.expectations if each.about(scenario))
        return (*stated, *_answered(runbook, scenario, self._plan.rules))

    def unheard_of(self, runbook: Runbook) -> tuple[str, ...]:
        """A remark on the alerts that have to be resolved as the front matter says, and that no rule has; or none."""
        if self._plan is None:
            return ()
        absent = [each.name for each in _resolving(runbook) if not rules_named(self._plan.rules, each.name)]
        what = "its runbook asks that alerts are resolved that no rule has, so that nothing is asked of them"
        return (f"{what}: {', '.join(absent)}",) if absent else ()

    def settle(self, scenario: str, runbook: Runbook) -> None:
        """Wait for alerts of the incident to resolve; those that do not in time are still firing in the account.

        It waits for at most `SETTLE_S`, or as long as what is expected lets an alert fire. Arguments as in `expected`.
        """
        if self._plan is None or self._watching is None:
            return
        given = (each.resolve_within_s for each in self.expected(scenario, runbook))
        given_s = max((each / self._plan.speed for each in given if each is not None), default=0.0)
        self._watching.settle(self._before, max(SETTLE_S, given_s))

    def end(self) -> None:
        """Stop looking, and note what the drill showed of each rule. Raises nothing: the drill's outcome is known."""
        plan, watching = self._plan, self._watching
        if plan is None or watching is None:
            return
        watching.close()
        self._watching = None
        try:
            known = self._names(plan)
            failed = answers.errors(plan.witness.ask("prometheus", answers.RULES, _ANSWER_S), self._server.namespace)
        except PromdrillError as error:
            self._journal.write(AlertsUnknown(error=error.message))
            return
        for rule in plan.rules:
            unknown = tuple(sorted(plan.reads.get(rule.alert, frozenset()) - known - plan.recorded))
            refused = failed.get(rule.alert, "")
            if unknown or refused:
                self._journal.write(AlertRuleJudged(alert=rule.alert, unknown_metrics=unknown, error=refused))

    def _names(self, plan: AlertPlan) -> frozenset[str]:
        """Names of all metrics that the witness has of this drill, and of what drills share.

        Raises:
            ClusterError: It does not say, or has none of this drill.
        """
        own, shared = (self._listed(plan, match) for match in (f'="{self._server.namespace}"', '=""'))
        if not own:
            raise ClusterError(f"the witness has never scraped the Prometheus in {self._server.namespace}")
        return own | shared

    def _listed(self, plan: AlertPlan, match: str) -> frozenset[str]:
        asked = urlencode({"match[]": f'{{{DRILL_LABEL}{match},__name__!=""}}'})
        body = plan.witness.ask("prometheus", f"/api/v1/label/__name__/values?{asked}", _ANSWER_S)
        try:
            return frozenset(map(str, body["data"]))
        except (KeyError, TypeError) as error:
            raise ClusterError("the witness does not list the names of its metrics") from error


def _resolving(runbook: Runbook) -> tuple[RunbookAlert, ...]:
    """The alerts that have to be resolved after recovery, as a runbook's front matter says."""
    return tuple(each for each in runbook.alerts if each.must_resolve_s is not None)


def _answered(runbook: Runbook, scenario: str, rules: Sequence[AlertRule]) -> tuple[Expectation, ...]:
    """What a runbook expects of its alerts, as far as there is a rule: that those that fired are resolved."""
    return tuple(
        Expectation(
            scenario=scenario,
            alert=each.name,
            resolve_within_s=each.must_resolve_s,
            only_if_fired=True,
            place=f"{runbook.path.name}:{each.line}",
        )
        for each in _resolving(runbook)
        if rules_named(rules, each.name)
    )


def _take_back(witness: Witness, names: tuple[str, ...]) -> None:
    """Remove a drill's files; while others drill, the reload that forgets them is left to the next drill."""
    if not witness.remove(names):
        witness.reload()
