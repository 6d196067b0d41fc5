"""What an incident cost in samples: each clause of docs/explanation/valid-metrics.md, "Gap and loss"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from promdrill.core.model import JobSamples, SampleAccount
from promdrill.drill.samples import Series, account, total
from promdrill.observe.probes import Labels
from promdrill.observe.targets import Target

END_S = 60.4
"""Each baseline begins at 0; the scrape at 60 is stored, the next one is not due."""


def labels_of(job: str, instance: str) -> Labels:
    return frozenset({("job", job), ("instance", instance)})


def target(job: str = "a", instance: str = "1", *, every_s: float = 1.0, first_s: float | None = 0.0) -> Target:
    return Target(labels_of(job, instance), every_s, first_s)


def stored(times: Iterable[float], job: str = "a", instance: str = "1") -> Series:
    """Samples of one target, under the name that a range query gives them."""
    return {labels_of(job, instance) | {("__name__", "up")}: [(at_s, 1.0) for at_s in times]}


def every(interval_s: float, begin_s: float = 0.0, end_s: float = 60.0) -> list[float]:
    return [begin_s + n * interval_s for n in range(round((end_s - begin_s) / interval_s) + 1)]


def without(begin_s: float, end_s: float, times: Sequence[float]) -> list[float]:
    return [at_s for at_s in times if not begin_s < at_s < end_s]


def one(targets: Sequence[Target], series: Series, end_s: float = END_S) -> JobSamples:
    (job,) = account(targets, series, end_s=end_s)
    return job


def test_without_a_gap_nothing_is_lost() -> None:
    assert one([target()], stored(every(1))) == JobSamples("a", 0.0, 61, 61, 0)


def test_a_gap_is_from_the_last_sample_to_the_first() -> None:
    job = one([target()], stored(without(20, 35, every(1))))
    assert job == JobSamples("a", 15.0, 61, 47, 14, "1970-01-01T00:00:20.000Z")
    assert total((job,)) == SampleAccount(15, 14, (job,))


def test_each_of_several_gaps_counts() -> None:
    job = one([target()], stored(without(40, 44, without(20, 35, every(1)))))
    assert (job.gap_s, job.lost, job.gap_began) == (15, 14 + 3, "1970-01-01T00:00:20.000Z")


def test_late_scrapes_are_no_gap() -> None:
    times = every(1)
    times[30] = 30.4
    job = one([target()], stored(times))
    assert (job.gap_s, job.lost) == (0, 0)


def test_a_failed_scrape_is_no_sample() -> None:
    """A target that was down for 30 s: `up` is written all the while, and nothing of the target is."""
    (labels, points), *_ = stored(every(1)).items()
    down = {labels: [(at_s, 0.0 if 20 < at_s <= 50 else value) for at_s, value in points]}
    job = one([target()], down)
    assert (job.gap_s, job.stored, job.lost) == (31, 31, 30)


def test_targets_have_intervals_of_their_own() -> None:
    series = {**stored(without(20, 30, every(1))), **stored(without(20, 34, every(2)), "nodes")}
    prometheus, nodes = account([target(), target("nodes", every_s=2)], series, end_s=END_S)
    assert (nodes.job, nodes.gap_s, nodes.lost) == ("nodes", 14, 6)
    assert (prometheus.gap_s, prometheus.lost) == (10, 9)
    assert total((prometheus, nodes)) == SampleAccount(14, 15, (prometheus, nodes))


def test_the_interval_is_that_of_the_baseline_whatever_it_becomes() -> None:
    doubled = one([target()], stored([*every(1, end_s=20), *every(2, 22)]))
    assert (doubled.gap_s, doubled.lost) == (2, 20), "every second sample from 20 s on"
    few = one([target(every_s=5)], stored([0.0, *every(1, 20)]))
    assert (few.gap_s, few.lost) == (20, 3), "one sample before the fault is enough to know"


def test_a_surplus_makes_up_for_no_loss_of_the_same_series() -> None:
    halved = one([target()], stored([*every(1, end_s=20), *every(0.5, 35)]))
    assert (halved.gap_s, halved.lost) == (15, 14)


def test_a_surplus_of_one_series_makes_up_for_no_loss_of_another() -> None:
    series = {**stored(every(0.5)), **stored(without(20, 35, every(1)), instance="2")}
    assert one([target(), target(instance="2")], series).lost == 14
    beside = {**stored(without(20, 35, every(1))), **stored(every(0.5, 10), instance="new")}
    assert one([target()], beside).lost == 14


def test_a_target_that_was_never_scraped_hides_no_other() -> None:
    """It has no account, and all others have theirs."""
    job = one([target("b", first_s=None), target()], stored(without(20, 35, every(1))))
    assert (job.job, job.lost) == ("a", 14)


def test_a_job_that_is_gone_for_ever_is_lost_to_the_end() -> None:
    series = {**stored(every(1)), **stored(every(1, end_s=20), "gone")}
    _, gone = account([target(), target("gone")], series, end_s=END_S)
    assert gone == JobSamples("gone", 40.4, 21 + 39, 21, 39, "1970-01-01T00:00:20.000Z")


def test_a_target_that_is_gone_counts_though_its_job_goes_on() -> None:
    series = {**stored(every(1)), **stored(every(1, end_s=20), instance="2")}
    assert one([target(), target(instance="2")], series).lost == 39


def test_a_scrape_that_is_under_way_is_not_lost() -> None:
    assert one([target()], stored(every(1, end_s=59)), 60.9).lost == 0
    assert one([target()], stored(every(1, end_s=58)), 60.9).lost == 1


def test_a_lost_beginning_counts() -> None:
    """As when the oldest block is taken away."""
    job = one([target()], stored(every(1, 15)))
    assert job == JobSamples("a", 15.0, 61, 46, 15, "1970-01-01T00:00:00.000Z")


def test_when_all_is_lost_the_number_says_so() -> None:
    job = one([target()], {})
    assert job == JobSamples("a", 60.4, 60, 0, 60, "1970-01-01T00:00:00.000Z")
    assert total((job,)).lost == 60


def test_when_all_from_before_is_lost_the_number_says_so() -> None:
    """As when persistence is off: the same target, in a new database."""
    assert one([target()], stored(every(1, 50))).lost == 50


def test_a_replaced_target_is_continued_by_the_one_that_began_after_it() -> None:
    series = {
        **stored(every(1, end_s=20)),
        **stored(every(1, 30, 40), instance="2"),
        **stored(every(1, 44), instance="3"),
        **stored(every(1), job="b"),
    }
    job = one([target()], series)
    assert (job.gap_s, job.lost) == (10, 9 + 3)


def test_a_target_that_was_there_all_along_continues_no_other() -> None:
    series = {**stored(every(1, end_s=20)), **stored(every(1, 10), instance="2")}
    assert one([target()], series).lost == 39


def test_one_successor_continues_one_target() -> None:
    series = {
        **stored(every(1, end_s=20)),
        **stored(every(1, end_s=20), instance="2"),
        **stored(every(1, 30), instance="new"),
    }
    assert one([target(), target(instance="2")], series).lost == 9 + 39


def test_a_successor_in_another_job_continues_nothing() -> None:
    series = {**stored(every(1, end_s=20)), **stored(every(1, 30), job="b")}
    assert one([target()], series).lost == 39


@pytest.mark.parametrize("targets", [(), (target(first_s=None),)])
def test_without_samples_at_the_baseline_nothing_is_known(targets: tuple[Target, ...]) -> None:
    assert account(targets, stored(every(1)), end_s=END_S) == ()
    assert total(()) == SampleAccount(None, None)


def test_half_an_interval_late_is_late_and_no_gap() -> None:
    times = every(1)
    times[30] = 30.5
    assert one([target()], stored(times)).lost == 0


def test_a_scrape_that_is_late_at_the_end_makes_no_gap() -> None:
    assert one([target()], stored(every(1, end_s=59)), 60.9) == JobSamples("a", 0.0, 60, 60, 0)


def test_samples_from_before_the_baseline_do_not_count() -> None:
    assert one([target(first_s=10.0)], stored(every(1))).stored == 51


def test_a_gap_is_told_to_the_millisecond() -> None:
    job = one([target()], stored([*every(1, end_s=20), *every(1, 35.12345)]))
    assert job.gap_s == 15.123


@pytest.mark.parametrize(
    ("newest_s", "end_s", "continued"),
    [(57.0, 60.0, False), (56.0, 60.0, True), (55.0, 60.0, True)],
    ids=["a scrape may be under way", "two intervals", "longer"],
)
def test_a_target_ended_when_two_of_its_scrapes_are_missing(newest_s: float, end_s: float, *, continued: bool) -> None:
    """One scrape each 2 s; another target of its job begins a second later, and has one sample."""
    series = {
        **stored(every(2, newest_s % 2, newest_s)),
        **stored([newest_s + 1], instance="new"),
    }
    job = one([target(every_s=2, first_s=newest_s % 2)], series, end_s)
    assert job.stored - len(every(2, newest_s % 2, newest_s)) == continued


def test_the_first_that_began_after_it_continues_a_target() -> None:
    """Whichever Prometheus names first, and whichever goes on for longest."""
    series = {
        **stored(every(1, end_s=20)),
        **stored(every(1, 35, 40), instance="short"),
        **stored(every(1, 30), instance="long"),
    }
    assert one([target()], series).gap_s == 10


def test_the_target_that_ended_first_is_continued_first() -> None:
    series = {
        **stored(every(1, end_s=30)),
        **stored(every(1, end_s=20), instance="2"),
        **stored(every(1, 40), instance="new"),
    }
    job = one([target(), target(instance="2")], series)
    assert (job.gap_s, job.lost) == (30.4, 29 + 19)


def test_a_target_of_which_nothing_is_left_ended_before_all_others() -> None:
    series = {**stored(every(1, end_s=20)), **stored(every(1, 30), instance="new")}
    job = one([target(), target(instance="lost")], series)
    assert (job.gap_s, job.lost) == (40.4, 39 + 30)
