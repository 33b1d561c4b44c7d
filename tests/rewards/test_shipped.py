"""Each reward by the numbers of its source; and what holds of all of them."""

from math import isfinite, log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards import EXCLUDED, NamedReward, exploration, get_reward, graded, kevin, list_rewards, log2_speedup
from rewards.shipped import SHIPPED
from sandboxes.contracts import Outcome, Report
from tests.reports import failed_report, ok_report, unjudged_report
from tests.rewards.timed import changed, timed

FAILURES = sorted(set(Outcome) - {Outcome.OK, Outcome.INFRASTRUCTURE})
everyone = pytest.mark.parametrize("reward", SHIPPED, ids=lambda reward: reward.name)


def value(name: str, report: Report, history: tuple[Report, ...] = ()) -> float:
    found = get_reward(name)(report, history).value
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("speedup", "coverage", "expected"),
    [
        (2.0, 0.8, 1.9), (1.0, 1.0, 1.5), (0.5, 1.0, 1.25), (3.0, 1.0, 2.5), (100.0, 1.0, 2.5), (2.0, 0.0, 1.5),
        (0.5, 0.0, 0.75),  # half as fast still earns 0.25 for its speed
    ],
)  # fmt: skip
def test_the_released_recipe_pays_half_of_the_papers_sum(speedup: float, coverage: float, expected: float) -> None:
    assert value("drkernel_released", timed(speedup, coverage=coverage)) == pytest.approx(expected)
    assert value("drkernel_paper", timed(speedup, coverage=coverage)) == pytest.approx(2 * expected)


@given(speedup=st.floats(min_value=0, max_value=1e9), coverage=st.floats(min_value=0, max_value=1))
def test_the_released_recipe_is_its_formula_for_all_speedups(speedup: float, coverage: float) -> None:
    report = timed(speedup, coverage=coverage)
    assert report.speedup is not None
    assert report.coverage is not None
    formula = 0.5 * 1 + 0.5 * min(report.speedup, 3.0) + 0.5 * report.coverage
    assert value("drkernel_released", report) == pytest.approx(formula)


@pytest.mark.parametrize(("speedup", "expected"), [(0.5, 0.5), (1.0, 0.5), (1.009, 0.5), (1.011, 1.0), (9.0, 1.0)])
def test_the_released_default_pays_for_a_hundredth_more_speed(speedup: float, expected: float) -> None:
    assert value("drkernel_weighted", timed(speedup)) == expected


@pytest.mark.parametrize(
    ("speedup", "expected"),
    [
        (0.99, -0.1), (1.01, 0.2), (1.19, 0.2), (1.21, 0.4), (1.51, 0.6), (1.99, 0.6), (2.01, 0.8), (3.01, 1.0),
        (50.0, 1.0),
    ],
)  # fmt: skip
def test_the_released_steps_of_speed(speedup: float, expected: float) -> None:
    assert value("drkernel_like_kernel", timed(speedup)) == expected


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome.HACK, -1), (Outcome.TIMEOUT, -1), (Outcome.NO_CODE, -1), (Outcome.UNSUPPORTED, -1),
        (Outcome.SYNTAX_ERROR, -0.5), (Outcome.COMPILE_ERROR, -0.5), (Outcome.MEMORY_ERROR, -0.5),
        (Outcome.INCORRECT, -0.3),
    ],
)  # fmt: skip
def test_the_released_steps_of_failure(outcome: Outcome, expected: float) -> None:
    assert value("drkernel_like_kernel", failed_report(outcome)) == expected


@pytest.mark.parametrize(("speedup", "expected"), [(0.5, 0.8), (1.0, 1.3), (12.0, 12.3)])
def test_kevin_has_no_cap(speedup: float, expected: float) -> None:
    assert value("kevin", timed(speedup)) == pytest.approx(expected)
    assert isfinite(kevin(changed(timed(1.0), time_us=1e-300, reference_time_us=1e300)).value or 0.0)


@pytest.mark.parametrize(("speedup", "expected"), [(0.9, 0.0), (0.999, 0.0), (1.0, 1.0), (7.0, 1.0)])
def test_fast_1_asks_for_the_references_speed(speedup: float, expected: float) -> None:
    assert value("fast_p", timed(speedup)) == expected


@pytest.mark.parametrize(
    ("speedup", "expected"),
    [
        (0.1, 0.5), (0.5, 0.5), (2**-0.5, 0.75), (1.0, 1.0), (1.019, 1.0), (2.04, 1.5), (4.08, 2.0), (99.0, 2.0),
    ],
)  # fmt: skip
def test_log2_speedup_pays_what_exceeds_the_noise(speedup: float, expected: float) -> None:
    assert value("log2_speedup", timed(speedup)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("interval", "expected"),
    [((0.9, 3.0), 1.0), ((1.0, 1.6), 1.0), ((1.2, 1.4), 1 + 0.5 * log2(1.2)), ((1.3, 1.3), 1 + 0.5 * log2(1.3))],
)
def test_there_is_no_gain_inside_a_measured_interval(interval: tuple[float, float], expected: float) -> None:
    report = changed(timed(1.3), speedup_interval=interval)
    assert value("log2_speedup", report) == pytest.approx(expected)
    term = log2_speedup(report).breakdown[1]
    assert f"interval {interval[0]:.3g} to {interval[1]:.3g}" in term.note


def test_a_failure_is_graded_by_how_far_it_got() -> None:
    stations = [
        [Outcome.HACK, Outcome.UNSUPPORTED, Outcome.UNJUDGED, Outcome.NO_CODE], [Outcome.SYNTAX_ERROR],
        [Outcome.IMPORT_ERROR],
        [Outcome.TRACE_ERROR, Outcome.UNTRACEABLE, Outcome.TIMEOUT], [Outcome.COMPILE_ERROR],
        [Outcome.LAUNCH_ERROR, Outcome.MEMORY_ERROR], [Outcome.INCORRECT],
    ]  # fmt: skip
    assert sorted(outcome for station in stations for outcome in station) == FAILURES
    values = [{value("graded", failed_report(outcome)) for outcome in station} for station in stations]
    assert all(len(each) == 1 for each in values)
    flat = [each.pop() for each in values]
    assert flat == sorted(set(flat))
    assert flat[0] == 0


@given(speedup=st.floats(min_value=0, max_value=10), coverage=st.floats(min_value=0, max_value=1))
def test_no_failure_is_graded_above_any_correct_candidate(speedup: float, coverage: float) -> None:
    worst = value("graded", timed(speedup, coverage=coverage, verified=False))
    assert all(value("graded", failed_report(outcome)) < worst for outcome in FAILURES)
    assert value("graded", timed(speedup, coverage=coverage)) >= worst


def test_improvement_is_what_a_turn_adds_to_the_best_before_it() -> None:
    slow, fast, failed = timed(0.5), timed(2.0), failed_report(Outcome.INCORRECT)
    lost = failed_report(Outcome.INFRASTRUCTURE)
    assert value("improvement", slow) == 1.5
    assert value("improvement", fast, (failed, slow, lost)) == 1.5
    assert value("improvement", slow, (fast,)) == 0.0
    assert value("improvement", failed, (fast,)) == 0.0
    assert value("improvement", timed(50.0), (fast,)) == pytest.approx(1.0)


@everyone
def test_a_lost_evaluation_has_no_reward(reward: NamedReward) -> None:
    assert reward(failed_report(Outcome.INFRASTRUCTURE), (ok_report(),)) == EXCLUDED


@everyone
@pytest.mark.parametrize("outcome", FAILURES)
def test_no_failure_beats_the_slowest_correct_candidate(reward: NamedReward, outcome: Outcome) -> None:
    if (reward, outcome) != (exploration, Outcome.UNJUDGED):  # that is what it is for, and the only one
        assert value(reward.name, failed_report(outcome)) <= value(reward.name, timed(0.001, coverage=0.0))


@everyone
@pytest.mark.parametrize("outcome", FAILURES)
def test_a_hack_earns_no_more_than_any_other_failure(reward: NamedReward, outcome: Outcome) -> None:
    assert value(reward.name, failed_report(Outcome.HACK)) <= value(reward.name, failed_report(outcome))


@pytest.mark.parametrize("name", sorted(set(list_rewards()) - {"drkernel_like_kernel"}))
def test_what_this_device_cannot_judge_earns_nothing(name: str) -> None:
    assert value(name, failed_report(Outcome.UNSUPPORTED)) == 0


@everyone
def test_it_is_pure_and_explains_itself(reward: NamedReward) -> None:
    report, history = timed(1.5, coverage=0.6), (timed(0.7), failed_report(Outcome.INCORRECT))
    before = report.model_dump_json(), [each.model_dump_json() for each in history]
    first, again = reward(report, history), reward(Report.model_validate_json(before[0]), history)
    assert first == again
    assert (report.model_dump_json(), [each.model_dump_json() for each in history]) == before
    assert all(term.note for term in first.breakdown)
    assert reward.summary.endswith(".")
    assert len(reward.summary) < 120


@everyone
@given(
    time=st.floats(min_value=0, max_value=1e300), reference=st.floats(min_value=0, max_value=1e300),
    coverage=st.floats(min_value=0, max_value=1), verified=st.booleans(),
)  # fmt: skip
def test_it_is_finite_whatever_the_times(
    reward: NamedReward, time: float, reference: float, coverage: float, verified: bool
) -> None:
    report = ok_report(time_us=time, reference_time_us=reference, coverage=coverage, verified=verified)
    assert isfinite(value(reward.name, report))


@everyone
def test_times_that_are_no_numbers_earn_no_speedup(reward: NamedReward) -> None:
    broken = changed(timed(2.0), time_us=float("inf"), reference_time_us=float("inf"))
    assert value(reward.name, broken) <= value(reward.name, timed(0.001, coverage=1.0))


def test_graded_is_the_default_for_whatever_is_correct() -> None:
    for report in (timed(0.4, coverage=0.3), timed(5.0), timed(2.0, verified=False)):
        assert graded(report).value == get_reward()(report).value


@pytest.mark.parametrize("reward", [each for each in SHIPPED if each is not exploration], ids=lambda each: each.name)
@given(time_us=st.floats(min_value=1e-3, max_value=1e3))
def test_what_was_only_priced_earns_nothing_however_fast_it_is(reward: NamedReward, time_us: float) -> None:
    found = reward(unjudged_report(time_us=time_us)).value
    assert found is not None
    assert found <= 0


def test_exploration_ranks_what_was_priced_above_what_failed_and_by_its_estimate() -> None:
    fast, slow = unjudged_report(time_us=10.0), unjudged_report(time_us=1000.0)
    assert value("exploration", fast) == pytest.approx(2.3)
    assert value("exploration", slow) == pytest.approx(0.32)
    assert value("exploration", failed_report(Outcome.COMPILE_ERROR)) < value("exploration", slow)
    assert value("exploration", timed(2.0)) == pytest.approx(3.0)
    assert value("exploration", timed(2.0, verified=False)) == pytest.approx(1.0)
    assert "nobody compared" in get_reward("exploration")(fast).breakdown[-1].note
