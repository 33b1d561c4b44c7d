"""The paper's reward, against the paper's numbers and for every possible report."""

from itertools import pairwise
from math import inf, isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards import drkernel_paper
from sandboxes.contracts import Outcome
from tests.reports import failed_report, ok_report

times = st.floats(min_value=0, max_value=1e12)
shares = st.floats(min_value=0, max_value=1)


def value(**knobs: float) -> float:
    reward = drkernel_paper(ok_report(**knobs)).value
    assert reward is not None
    return reward


@pytest.mark.parametrize(
    ("speedup", "coverage", "expected"),
    [
        (2.0, 0.8, 1 + 2 + 0.8),
        (1.0, 1.0, 3.0),
        (0.5, 1.0, 2.5),  # linear below 1: a slower kernel still earns half of its speed
        (3.0, 1.0, 5.0),
        (100.0, 1.0, 5.0),  # the cap of Eq. 1
        (2.0, 0.0, 3.0),  # Eq. 1 alone
    ],
)
def test_it_is_equation_8_with_the_cap_of_equation_1(speedup: float, coverage: float, expected: float) -> None:
    assert value(time_us=10.0, reference_time_us=10.0 * speedup, coverage=coverage) == pytest.approx(expected)


@given(speedup=st.floats(min_value=0, max_value=100), coverage=shares)
def test_it_is_twice_what_the_released_recipe_pays(speedup: float, coverage: float) -> None:
    recipe = 0.5 * (1 + min(speedup, 3.0) + coverage)
    assert value(time_us=1.0, reference_time_us=speedup, coverage=coverage) == pytest.approx(2 * recipe)


def test_the_breakdown_names_each_term_and_adds_up() -> None:
    reward = drkernel_paper(ok_report(time_us=10.0, reference_time_us=20.0, coverage=0.8))
    assert {term.name: term.value for term in reward.breakdown} == {
        "correctness": 1.0, "speedup": pytest.approx(2.0), "coverage": 0.8,
    }  # fmt: skip
    assert reward.value == pytest.approx(sum(term.value for term in reward.breakdown))
    assert all(term.note for term in reward.breakdown)


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - {Outcome.OK, Outcome.INFRASTRUCTURE}))
def test_a_candidate_that_fails_earns_zero_in_every_term(outcome: Outcome) -> None:
    reward = drkernel_paper(failed_report(outcome))
    assert reward.value == 0
    assert [term.value for term in reward.breakdown] == [0, 0, 0]
    assert outcome in reward.breakdown[0].note


def test_an_evaluation_lost_to_the_infrastructure_has_no_reward_rather_than_zero() -> None:
    reward = drkernel_paper(failed_report(Outcome.INFRASTRUCTURE))
    assert reward.value is None
    assert reward.breakdown == ()


def test_a_program_that_was_not_verified_at_the_bench_shape_is_paid_for_being_correct_only() -> None:
    assert value(time_us=1.0, reference_time_us=50.0, coverage=1.0, verified=False) == pytest.approx(1.0)


@given(time=times, reference=times, coverage=shares, verified=st.booleans())
def test_it_is_always_a_number_between_zero_and_five(
    time: float, reference: float, coverage: float, verified: bool
) -> None:
    reward = value(time_us=time, reference_time_us=reference, coverage=coverage, verified=verified)
    assert isfinite(reward)
    assert 0 <= reward <= 5


def test_times_that_are_not_numbers_earn_no_speedup() -> None:
    report = ok_report(time_us=1.0)
    assert report.profile is not None
    broken = report.profile.model_copy(update={"time_us": inf, "reference_time_us": inf})
    reward = drkernel_paper(report.model_copy(update={"profile": broken}))
    assert [term.value for term in reward.breakdown] == [1, 0, pytest.approx(0.8)]


@given(st.lists(st.floats(min_value=0, max_value=50), min_size=2, max_size=8))
def test_it_grows_with_the_speedup_up_to_the_cap_and_not_beyond(speedups: list[float]) -> None:
    rewards = [value(time_us=1.0, reference_time_us=s, coverage=0.5) for s in sorted(speedups)]
    assert all(low <= high for low, high in pairwise(rewards))
    assert value(time_us=1.0, reference_time_us=3.0) == value(time_us=1.0, reference_time_us=4.0)
