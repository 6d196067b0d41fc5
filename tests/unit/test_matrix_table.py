"""What a person sees of a matrix, within 80 columns."""

from __future__ import annotations

from tests.unit.matrix_world import cell, drill, ran

from promdrill.core.model import RunResult, Skipped, Verdict
from promdrill.matrix import table
from promdrill.matrix.kept import Last
from promdrill.matrix.running import Outcome, Result, State

WHY = "it applies to prometheus-community/prometheus >=15,<30, not to prometheus 8.11.4"


def shown(*outcomes: Outcome, problems: tuple[str, ...] = ()) -> list[str]:
    lines = list(table.summary(Result(outcomes, problems, interrupted=False, took_s=321.4)))
    assert max(map(len, lines)) <= 80
    return lines


def done(app: str, run: RunResult | None, state: State = State.DONE, reason: str | None = None) -> Outcome:
    return Outcome(cell(app=app), state, run, reason, None if run is None else 99.6)


def test_scenario_by_cell_in_words() -> None:
    green = ran(drill("oom"), skipped=(Skipped("quota", WHY), Skipped("stale-claim", WHY)))
    red = ran(drill("oom", Verdict.FAILED), drill("quota", Verdict.INVALID), drill("stale-claim", Verdict.ABORTED))
    assert shown(done("2.48.0", green), done("3.14.0", red), done("3.8.1", None, State.REFUSED, "no\nchart")) == [
        "",
        " 1 k1.36.3-p2.48.0    100 s  1 passed, 0 failed, 2 skipped",
        " 2 k1.36.3-p3.14.0    100 s  red: 0 passed, 3 failed",
        " 3 k1.36.3-p3.8.1         -  red: refused",
        "",
        "scenario     1            2        3",
        "oom          passed       FAILED   -",
        "quota        skipped [1]  invalid  -",
        "stale-claim  skipped [1]  aborted  -",
        "",
        "[1] it applies to prometheus-community/prometheus >=15,<30, not to prometheus",
        "    8.11.4",
        "",
        "red:",
        "  2 k1.36.3-p3.14.0: oom: FAILED: not seen within 90 s",
        "  2 k1.36.3-p3.14.0: quota: invalid: not seen within 90 s",
        "  2 k1.36.3-p3.14.0: stale-claim: aborted: not seen within 90 s",
        "  3 k1.36.3-p3.8.1: refused: no chart",
        "",
        "3 cells, 2 red: 1 passed, 3 failed, 2 skipped; 321 s in all",
    ]


def test_many_cells_are_shown_in_letters_and_as_many_beside_each_other_as_fit() -> None:
    name = "disk-full-cooldown"
    verdicts = [Verdict.PASSED, Verdict.FAILED, Verdict.INVALID, Verdict.ABORTED] * 5
    outcomes = [done(f"3.{number}.0", ran(drill(name, verdict))) for number, verdict in enumerate(verdicts)]
    outcomes += [done("9.0.0", ran(skipped=(Skipped(name, WHY),))), done("9.0.1", None, State.NOT_RUN)]
    lines = shown(*outcomes)
    heads = [line for line in lines if line.startswith("scenario")]
    assert [number for head in heads for number in head.split()[1:]] == [str(number) for number in range(1, 23)]
    rows = [line for line in lines if line.startswith(f"{name} ")]
    assert " ".join(rows).replace(name, "").split() == [*("pFia" * 5), "s1", "-"]
    assert table._KEY in lines


def test_repeats_show_the_worst_and_its_share() -> None:
    repeats = [drill("oom", Verdict.PASSED if number else Verdict.FAILED, repetition=number + 1) for number in range(3)]
    lines = shown(done("3.14.0", ran(*repeats)))
    assert "oom       FAILED 1/3" in lines
    assert "  1 k1.36.3-p3.14.0: oom[1]: FAILED: not seen within 90 s" in lines


def test_what_is_wrong_with_a_cluster_is_red() -> None:
    lines = shown(done("3.14.0", ran(drill())), problems=("the cluster of Kubernetes 1.36.3, fast: it hangs",))
    assert lines[-4:-2] == ["red:", "  the cluster of Kubernetes 1.36.3, fast: it hangs"]
    assert lines[-1] == "1 cell, 0 red: 1 passed, 0 failed; 321 s in all"


def test_no_red_no_list_of_it() -> None:
    assert "red:" not in shown(done("3.14.0", ran(drill())))


def test_the_list_of_cells() -> None:
    one, two = cell(app="2.48.0"), cell(SCENARIO="disk-full,oom")
    last = {one.id: Last(ran(drill()), same=True), two.id: None}
    assert list(table.listing([one], last)) == [
        "id               scenarios  last                what",
        "k1.36.3-p2.48.0  all        1 passed, 0 failed  Prometheus 2.48.0 on 1.36.3",
    ]
    wide = Last(ran(drill(), drill(verdict=Verdict.FAILED), finished=False), same=False)
    lines = list(table.listing([one, two], {one.id: last[one.id], two.id: wide}))
    assert max(map(len, lines)) <= 80
    assert lines[-2:] == [
        "k1.36.3-p3.14.0  2          changed since: did not finish: 1 passed, 1 failed",
        "  Prometheus 3.14.0 on 1.36.3",
    ]


def test_what_a_folder_holds_in_words() -> None:
    assert table.told(None) is None
    assert table.told(Last(None, same=True)) == "no result"
    assert table.told(Last(ran(drill()), same=True)) == "1 passed, 0 failed"
    assert table.told(Last(ran(drill(), finished=False), same=True)) == "did not finish: 1 passed, 0 failed"
    assert table.told(Last(ran(drill()), same=False)) == "changed since: 1 passed, 0 failed"
