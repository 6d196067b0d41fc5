"""junit.xml from a run's results: written whenever they are, so that it survives a kill too."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from promdrill.core.alerts import AlertAccount
from promdrill.core.model import DrillResult, RunResult, Verdict
from promdrill.results.alerts.coverage import incident
from promdrill.results.alerts.judge import shortfall
from promdrill.results.expected import as_expected, outcome

_FAILURE, _ERROR = "failure", "error"


def to_junit(run: RunResult) -> str:
    """The run as JUnit XML: a test case per drill.

    Aborted drills are errors; others that did not end as expected are failures. Everything else that results.json says
    about a drill is in the case's properties, as text; what is unknown is left out.
    """
    tags = [_tag(drill) for drill in run.drills]
    root = ET.Element("testsuites", name="promdrill")
    suite = ET.SubElement(
        root,
        "testsuite",
        name="promdrill",
        timestamp=run.started,
        tests=str(len(run.drills) + len(run.skipped)),
        failures=str(tags.count(_FAILURE)),
        errors=str(tags.count(_ERROR)),
        skipped=str(len(run.skipped)),
        time=f"{sum(_took_s(drill) for drill in run.drills):.3f}",
    )
    _properties(suite, {"supply": run.supply, "kubernetes": run.kubernetes, "finished": run.finished})
    for drill in run.drills:
        _case(suite, drill)
    for skipped in run.skipped:
        case = ET.SubElement(suite, "testcase", classname="scenarios", name=_clean(skipped.scenario), time="0.000")
        ET.SubElement(case, "skipped", message=_clean(skipped.reason))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def properties(drill: DrillResult) -> dict[str, object]:
    """The properties of a drill's test case; None if unknown."""
    return {
        "verdict": str(drill.verdict),
        "reason": drill.reason,
        "chart": drill.chart,
        "chart_version": drill.chart_version,
        "app_version": drill.app_version,
        "profile": drill.profile,
        "control": drill.control,
        "detected_after_s": drill.detected_after_s,
        "recovered_after_s": drill.recovered_after_s,
        "gap_s": drill.samples.gap_s,
        "lost": drill.samples.lost,
        "remarks": " ".join(drill.remarks) or None,
        "not_undone": "; ".join(drill.not_undone) or None,
        "detect_p95_s": drill.observer and drill.observer.detect_p95_s,
        **({} if drill.alerts is None else _of_alerts(drill.alerts)),
    }


def _of_alerts(account: AlertAccount) -> dict[str, object]:
    """What the alerts of a drill amount to; times are the operator's, as in `promdrill.results.alerts.coverage`."""
    found = incident("", "", account)
    first = found.first
    told = {
        "first_alert": first and first.alert,
        "first_alert_from": first and str(first.evaluator),
        "first_alert_after_s": first and first.fired_s,
        "first_told_after_s": found.told_s,
        "alerts_off_by_s": found.off_s,
    }
    leads = {f"lead_{mark.replace('-', '_')}_s": lead_s for mark, lead_s in (first.lead_s if first else {}).items()}
    return {**told, **leads, "alerts_not_as_expected": shortfall(account.expected)}


def _case(suite: ET.Element, drill: DrillResult) -> None:
    case = ET.SubElement(
        suite, "testcase", classname="scenarios", name=_clean(drill.name), time=f"{_took_s(drill):.3f}"
    )
    _properties(case, properties(drill))
    tag = _tag(drill)
    if tag is not None:
        reason = _clean(outcome(drill))
        ET.SubElement(case, tag, type=str(drill.verdict), message=reason).text = reason


def _tag(drill: DrillResult) -> str | None:
    if as_expected(drill):
        return None
    return _ERROR if drill.verdict is Verdict.ABORTED else _FAILURE


def _properties(parent: ET.Element, values: dict[str, object]) -> None:
    holder = ET.SubElement(parent, "properties")
    for name, value in values.items():
        if value is not None:
            ET.SubElement(holder, "property", name=name, value=_clean(str(value)))


def _took_s(drill: DrillResult) -> float:
    return sum(phase.took_s or 0.0 for phase in drill.phases)


def _clean(text: str) -> str:
    """The text without the control characters that XML 1.0 cannot hold in any form."""
    return "".join(c if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff") else "?" for c in text)
