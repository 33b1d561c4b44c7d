import itertools
import time
from dataclasses import replace

import numpy as np
import pytest

from sandboxes.devices.cuda.timing.statistics import (
    Numbers,
    Rounds,
    estimate,
    look_at,
    median_interval,
    spread,
    student,
    symmetric_interval,
)


def rounds(candidate: Numbers, reference: Numbers, slots: int = 4, seed: int = 0) -> Rounds:
    generator = np.random.default_rng(seed)
    first = generator.integers(0, slots, candidate.shape[:-1])
    second = (first + generator.integers(1, slots, candidate.shape[:-1])) % slots
    return Rounds(candidate_us=candidate, reference_us=reference, slots=np.stack([first, second], axis=-1))


def test_the_ends_of_an_interval_are_what_counting_all_signs_gives() -> None:
    values = np.array([0.3, -0.1, 0.7, 1.1, 0.2, 0.9, 0.4, 0.55])
    tail = 0.05
    low, middle, high = symmetric_interval(values, tail)

    def positive_ranks(shifted: Numbers) -> float:
        ranks = np.abs(shifted).argsort().argsort() + 1
        return float(ranks[shifted > 0].sum())

    signs = np.array(list(itertools.product([-1, 1], repeat=len(values))))
    for center, accepted in ((low + 1e-9, True), (low - 1e-9, False), (high - 1e-9, True), (high + 1e-9, False)):
        shifted = values - center
        by_chance = np.array([positive_ranks(np.abs(shifted) * sign) for sign in signs])
        seen = positive_ranks(shifted)
        chance = min((by_chance >= seen).mean(), (by_chance <= seen).mean())
        assert (chance > tail) == accepted
    assert low < middle < high


def test_an_interval_holds_the_truth_as_often_as_it_says() -> None:
    generator = np.random.default_rng(1)
    noise = np.exp(generator.standard_t(3, (4000, 24, 4)) * 0.01)
    found = estimate(rounds(100 / 1.07 * noise[..., :2], 100 * noise[..., 2:]), 0.01)
    assert (found.low > 1.07).mean() <= 0.015
    assert (found.high < 1.07).mean() <= 0.015
    assert (found.low > 1.0).mean() > 0.9


def test_drift_within_and_between_rounds_does_not_move_a_speedup() -> None:
    clock = np.exp(-0.3 * np.linspace(0, 1, 64 * 4).reshape(64, 4))  # gets faster all the time
    abba = np.random.default_rng(2).random(64) < 0.5
    outer, inner = clock[:, [0, 3]], clock[:, [1, 2]]
    candidate = 10 * np.where(abba[:, None], outer, inner)
    reference = 15 * np.where(abba[:, None], inner, outer)
    found = estimate(rounds(candidate, reference))
    assert float(found.speedup) == pytest.approx(1.5, rel=1e-4)
    assert float(found.width) < 1e-3 + 0.01


def test_outliers_do_not_move_a_speedup() -> None:
    generator = np.random.default_rng(3)
    times = 20 * np.exp(generator.normal(0, 0.003, (64, 4)))
    plain = estimate(rounds(times[:, :2], times[:, 2:]))
    times[5, 0], times[17, 1], times[40, 2] = 500.0, 90.0, 1000.0
    disturbed = estimate(rounds(times[:, :2], times[:, 2:]))
    assert float(disturbed.speedup) == pytest.approx(float(plain.speedup), rel=1e-3)


def test_work_that_is_put_off_to_some_rounds_is_charged() -> None:
    fast = np.random.default_rng(4).random(256) < 0.6
    candidate = np.where(fast, 5.0, 20.0)[:, None].repeat(2, 1)
    found = estimate(rounds(candidate, np.full((256, 2), 10.0)))
    assert float(found.speedup) < 1.2
    assert 10.0 / float(np.median(candidate)) == 2.0


def on_slots(times: Numbers, rounds: Rounds, effects: list[float]) -> Numbers:
    moved: Numbers = times * np.exp(np.array(effects)[rounds.slots])
    return moved


def test_addresses_that_matter_to_both_sides_cancel() -> None:
    plain = rounds(*(50 * np.exp(np.random.default_rng(5).normal(0, 0.002, (2, 64, 2)))))
    effects = [0.0, 0.05, -0.05, 0.02]
    moved = replace(
        plain,
        candidate_us=on_slots(plain.candidate_us, plain, effects),
        reference_us=on_slots(plain.reference_us, plain, effects),
    )
    assert float(estimate(moved).width) < 1.5 * float(estimate(plain).width)


def test_addresses_that_matter_to_one_side_widen_the_interval() -> None:
    plain = rounds(*(50 * np.exp(np.random.default_rng(5).normal(0, 0.002, (2, 64, 2)))))
    moved = replace(plain, candidate_us=on_slots(plain.candidate_us, plain, [0.0, 0.02, -0.02, 0.01]))
    assert float(estimate(plain).width) < 0.01 < float(estimate(moved).width)


def test_times_that_are_all_equal_may_be_almost_a_step_of_the_clock_apart() -> None:
    found = estimate(rounds(np.full((16, 2), 5.0), np.full((16, 2), 5.5)))
    assert float(found.low) < 1.1 * 0.97
    assert float(found.high) > 1.1 * 1.03


def test_a_coarse_clock_moves_no_speedup() -> None:
    generator = np.random.default_rng(6)
    begin = generator.random((2, 256, 2)) * 0.5
    truth = np.array([5.12, 5.41])[:, None, None]
    ticks = np.floor((begin + truth) / 0.5) * 0.5
    found = estimate(rounds(ticks[0], ticks[1]))
    assert float(found.low) < 5.41 / 5.12 < float(found.high)
    assert float(found.width) < 0.06


def test_too_few_rounds_have_a_wide_interval() -> None:
    generator = np.random.default_rng(7)
    few = rounds(*(50 * np.exp(generator.normal(0, 0.002, (2, 3, 2)))))
    found = estimate(few)
    assert float(found.width) > 0.05
    assert float(found.low) < 1 < float(found.high)


def test_looks_double() -> None:
    assert [count for count in range(1, 5000) if look_at(count) is not None] == [16 * 2**power for power in range(9)]


def test_student_is_what_tables_say() -> None:
    assert student(1, 0.001) == pytest.approx(318.31, abs=0.01)
    assert student(4, 0.001) == pytest.approx(7.173, abs=0.001)
    assert student(30, 0.025) == pytest.approx(2.0423, abs=0.0001)


def test_the_interval_of_a_median_is_wider_if_values_depend_on_each_other() -> None:
    generator = np.random.default_rng(8)
    white = generator.normal(0, 1, 1000)
    slow = np.zeros(1000)
    for index in range(1, 1000):
        slow[index] = 0.95 * slow[index - 1] + white[index] * np.sqrt(1 - 0.95**2)
    (low, high), (slow_low, slow_high) = median_interval(white), median_interval(slow)
    assert low < 0 < high
    assert slow_high - slow_low > 2 * (high - low)


def test_a_spread_ignores_rare_outliers() -> None:
    values = np.random.default_rng(9).normal(100, 2, 1000)
    values[:20] = 1e6
    assert spread(values) == pytest.approx(0.02, rel=0.15)


def test_five_hundred_rounds_take_milliseconds() -> None:
    generator = np.random.default_rng(10)
    many = rounds(*(50 * np.exp(generator.normal(0, 0.002, (2, 500, 2)))))
    taken = []
    for _ in range(5):
        begin = time.perf_counter()
        estimate(many)
        taken.append(time.perf_counter() - begin)
    assert min(taken) < 0.02
