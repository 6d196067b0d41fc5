"""Events in words: a line on a terminal, a row of a log."""

from __future__ import annotations

from dataclasses import dataclass

from promdrill.core import events
from promdrill.core.alerts import AlertState
from promdrill.core.events import Ending, Event
from promdrill.core.model import StepRecord
from promdrill.results.words import count, seconds, span


def phase_line(event: events.PhaseEnded) -> str:
    """``inject           1.1 s``, and how it ended if it was cut short."""
    cut_short = "" if event.ended is Ending.DONE else f"  {event.ended}"
    return f"{event.phase:<12} {seconds(event.took_s):>9}{cut_short}"


def growth_line(event: events.FaultGrows) -> str:
    """``fill /data to the last byte: 91 % used, full in 12 min``."""
    return f"{event.fault}: {event.used * 100:.0f} % used, full in {span(event.left_s)}"


def line_of(event: Event) -> str | None:  # noqa: C901, PLR0911, PLR0912  a case for each event
    """An event as a line; None for one that is not shown."""
    match event:
        case events.DrillBegan():
            return f"begins, profile {event.profile}"
        case events.PhaseEnded():
            return phase_line(event)
        case events.FaultApplied():
            return f"fault: {event.fault}"
        case events.FaultGrows():
            return growth_line(event)
        case events.FaultFull():
            return f"full effect: {event.fault}"
        case events.ControlApplied():
            return f"control {event.control}: without {event.left_out}"
        case events.StageSeen():
            return f"seen: {event.stage}"
        case events.StepEnded():
            return _step_line(event.step)
        case events.SamplesCounted():
            return f"a gap of {seconds(event.samples.gap_s)} in job {event.samples.job}"
        case events.WaitTimedOut():
            return f"not seen in time: {', '.join(event.missing) or 'all, for as long as wanted'}"
        case events.FailureSeen():
            return f"{event.failure}: {event.text}"
        case events.TurnCame():
            return f"its turn came after {seconds(event.waited_s)}"
        case events.Undone():
            return f"{event.name}: {event.what}: {event.error}" if event.error else None
        case events.EvidenceMissing():
            return f"{event.name}: {event.collector}: {event.error}"
        case events.ObserverBroke():
            return f"{event.name}: {event.thread}: {event.error}"
        case events.AlertRulesLoaded():
            return f"{count(len(event.rules), 'alerting rule')} loaded{_speed(event.speed)}"
        case events.AlertChanged():
            return f"alert {event.alert} ({event.evaluator}) fires" if event.state is AlertState.FIRING else None
        case events.AlertNotified():
            return f"alert {event.alert} ({event.evaluator}): {_notified(event)}"
        case events.AlertMuted():
            return f"alert {event.alert} ({event.evaluator}): nobody is notified: {event.why}"
        case events.AlertsUnknown():
            return f"alerts can no longer be watched: {event.error}"
        case events.VerdictReached():
            return f"{event.verdict}: {event.reason}" if event.reason else str(event.verdict)
        case _:
            return None


def _speed(speed: float) -> str:
    return "" if speed == 1 else f", {speed:g} times as fast"


def _notified(event: events.AlertNotified) -> str:
    return f"{event.receiver} notified{' that it is resolved' if event.resolved else ''}"


def _step_line(step: StepRecord) -> str:
    ended = "ended at its deadline" if step.exit_code is None else f"exit code {step.exit_code}"
    return f"step {step.file}:{step.line} ({step.section}): {ended}, {seconds(step.took_s)}"


@dataclass(frozen=True, slots=True)
class LogRow:
    """An event in a log.

    Attributes:
        kind: A word for the kind of event.
        what: What it concerns.
        detail: More about it; may be empty or long.
        late_s: Seconds from the change in the cluster until the drill knew of it; None if unknown.
    """

    kind: str
    what: str
    detail: str = ""
    late_s: float | None = None


def row_of(event: Event) -> LogRow | None:  # noqa: C901, PLR0911, PLR0912  a case for each event
    """An event as a row: what was done, or what changed; None for what only machines need."""
    match event:
        case events.AlertChanged():
            return LogRow("alert", f"{event.alert} ({event.evaluator}): {event.state}", _labelled(event))
        case events.AlertMuted():
            return LogRow("muted", f"{event.alert} ({event.evaluator})", event.why)
        case events.AlertNotified():
            return LogRow("notified", f"{event.alert} ({event.evaluator})", _notified(event))
        case events.AlertRuleJudged():
            return LogRow("rule", event.alert, said) if (said := _rule_words(event)) else None
        case events.AlertRulesLoaded():
            return LogRow("rules", f"{count(len(event.rules), 'alerting rule')}{_speed(event.speed)}", event.not_inside)
        case events.AlertsUnknown():
            return LogRow("alerts", event.error)
        case events.ConditionChanged():
            return _condition_row(event)
        case events.ControlApplied():
            return LogRow("control", event.control, event.left_out)
        case events.EndedEarly():
            return LogRow("end", event.verdict, event.reason or "")
        case events.EvidenceMissing():
            return LogRow("no evidence", event.collector, event.error)
        case events.FaultApplied():
            return LogRow("fault", event.fault, ", ".join(event.blast_radius))
        case events.FaultConfirmed():
            return LogRow("confirmed", event.fault, ", ".join(event.by))
        case events.FaultFull():
            return LogRow("full effect", event.fault)
        case events.FaultGrows():
            return LogRow("grows", growth_line(event))
        case events.LeftoverFound():
            return LogRow("leftover", event.namespace)
        case events.ObserverBroke():
            return LogRow("observer", event.thread, event.error)
        case events.PhaseBegan():
            return LogRow("phase", event.phase)
        case events.SamplesUnknown():
            return LogRow("samples", event.error)
        case events.StageBegan():
            return LogRow("stage", event.stage)
        case events.StageSeen():
            return LogRow("seen", event.stage)
        case events.StepEnded():
            return _step_row(event.step)
        case events.TurnCame():
            return LogRow("turn", f"came after {seconds(event.waited_s)}")
        case events.Undone():
            return LogRow("undo", event.what, event.error or "")
        case events.VerdictReached():
            return LogRow("verdict", event.verdict, event.reason or "")
        case events.FailureSeen():
            return LogRow("failed", event.failure, event.text)
        case events.WaitTimedOut():
            return LogRow("timeout", ", ".join(event.missing), event.last_seen)
        case _:
            return None


def _labelled(event: events.AlertChanged) -> str:
    """What an alert says, and its labels."""
    labels = ", ".join(f'{name}="{value}"' for name, value in event.labels.items())
    return "  ".join(filter(None, (event.summary, f"{{{labels}}}" if labels else "")))


def _rule_words(event: events.AlertRuleJudged) -> str:
    """What is wrong with a rule."""
    unknown = f"reads {', '.join(event.unknown_metrics)}, of which nothing is stored" if event.unknown_metrics else ""
    return "; ".join(filter(None, (event.error, unknown)))


def _condition_row(event: events.ConditionChanged) -> LogRow | None:
    """A condition that merely does not hold yet is left out."""
    if not event.holds and event.changed is None:
        return None
    return LogRow("holds" if event.holds else "ceased", event.condition, event.text, event.detected_after_s)


def _step_row(step: StepRecord) -> LogRow:
    first = step.command.split("\n", 1)[0]
    return LogRow("step", f"line {step.line}: {first}", _code(step))


def _code(step: StepRecord) -> str:
    return "deadline" if step.exit_code is None else f"exit code {step.exit_code}"
