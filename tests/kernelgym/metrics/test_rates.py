"""Metrics against numbers worked out by hand."""

import pytest

from kernelgym.metrics import (
    Baseline,
    View,
    best_speedup,
    compile_rate,
    correct_rate,
    counted,
    fast_rate,
    hack_rate,
    loss_rate,
    mean_coverage,
    mean_reward,
    mean_speedup,
    summarize,
)
from kernelgym.runs.record import EpisodeRecord, Loss
from sandboxes.contracts import Outcome
from tests.kernelgym.metrics.variants import confirmed, over_compile, unverified
from tests.policies.episodes import episode

WRONG, HACK, LOST = Outcome.INCORRECT, Outcome.HACK, Outcome.INFRASTRUCTURE


@pytest.fixture
def episodes() -> list[EpisodeRecord]:
    """Six that count, two that do not."""
    return [
        episode(WRONG, 0.5, 1.2, sample=0),
        episode(2.0, WRONG, HACK, sample=1),
        episode(1.5, sample=2),  # ended early
        episode(WRONG, WRONG, WRONG, sample=3),
        episode(3.0, LOST, 3.0, sample=4),
        episode(3.0, error=Loss.POLICY, sample=5),  # nothing at turns 2 and 3
        episode(error=Loss.SKIPPED, sample=6),
        episode(error=Loss.POLICY, sample=7),
    ]


def test_a_policy_that_fails_after_a_lost_turn_may_have_been_misled_and_is_not_counted() -> None:
    assert counted([episode(LOST, 2.0, error=Loss.POLICY)]) == []


def test_what_was_lost_to_others_is_in_no_denominator_but_an_error_of_the_policy_is(
    episodes: list[EpisodeRecord],
) -> None:
    assert [record.sample for record in counted(episodes)] == [0, 1, 2, 3, 5, 7]
    assert [loss_rate(episodes, reason) for reason in Loss] == [1 / 8, 2 / 8, 1 / 8]
    assert loss_rate([], Loss.POLICY) is None


def test_the_correct_rate_of_a_turn_counts_every_counted_episode(episodes: list[EpisodeRecord]) -> None:
    assert [correct_rate(episodes, turn) for turn in (1, 2, 3)] == [3 / 6, 2 / 6, 2 / 6]
    assert [correct_rate(episodes, turn, View.BEST) for turn in (1, 2, 3)] == [3 / 6, 4 / 6, 4 / 6]


def test_a_policy_that_fails_midway_does_not_raise_the_rates_of_later_turns() -> None:
    steady = [episode(WRONG, WRONG, sample=0), episode(2.0, 2.0, sample=1)]
    overflown = [episode(WRONG, error=Loss.POLICY, sample=0), episode(2.0, 2.0, sample=1)]
    assert correct_rate(overflown, 2) == correct_rate(steady, 2) == 0.5
    assert mean_reward(overflown, 2) == mean_reward(steady, 2)


def test_a_policy_that_fails_is_paid_like_no_code_from_then_on_also_below_zero() -> None:
    midway, never = episode(2.0, error=Loss.POLICY, forfeit=-1.0), episode(error=Loss.POLICY, forfeit=-1.0, sample=1)
    assert [mean_reward([midway], turn) for turn in (1, 2)] == [pytest.approx(3.8), -1.0]
    assert mean_reward([midway], 2, View.BEST) == pytest.approx(3.8)
    assert [mean_reward([never], 2, view) for view in View] == [-1.0, -1.0]
    summary = summarize([confirmed(midway, 2.0), never], 2)
    assert summary.confirmed is not None
    assert summary.confirmed.confirmed.reward.value == pytest.approx((3.8 - 1.0) / 2)


def test_what_a_policy_had_before_it_failed_is_its_best_but_not_its_last() -> None:
    overflown = [episode(2.0, error=Loss.POLICY)]
    assert (correct_rate(overflown, 1), correct_rate(overflown, 2)) == (1.0, 0.0)
    assert correct_rate(overflown, 2, View.BEST) == 1.0


@pytest.mark.parametrize(
    ("threshold", "last", "best"),
    [(0.0, 2 / 6, 4 / 6), (0.5, 2 / 6, 4 / 6), (1.0, 2 / 6, 4 / 6), (1.2, 2 / 6, 4 / 6), (1.21, 1 / 6, 3 / 6),
     (1.5, 1 / 6, 3 / 6), (2.0, 0 / 6, 2 / 6), (2.1, 0.0, 1 / 6), (3.1, 0.0, 0.0)],
)  # fmt: skip
def test_fast_p_counts_correct_candidates_that_are_at_least_p_times_as_fast(
    episodes: list[EpisodeRecord], threshold: float, last: float, best: float
) -> None:
    assert fast_rate(episodes, threshold, 3) == last
    assert fast_rate(episodes, threshold, 3, View.BEST) == best


def test_fast_p_of_the_first_turn_does_not_know_the_later_ones(episodes: list[EpisodeRecord]) -> None:
    assert fast_rate(episodes, 1.2, 1, View.BEST) == 3 / 6


def test_a_correct_candidate_without_a_speedup_is_not_fast() -> None:
    record = unverified(episode(1.0))
    assert (correct_rate([record], 1), fast_rate([record], 0.0, 1), mean_speedup([record], 1)) == (1.0, 0.0, None)


def test_the_mean_reward_of_a_turn_uses_the_last_turn_of_what_ended_early(episodes: list[EpisodeRecord]) -> None:
    # 1 + min(speedup, 3) + coverage of 0.8, and 0 for what is not correct
    assert mean_reward(episodes, 1) == pytest.approx((0 + 3.8 + 3.3 + 0 + 4.8 + 0) / 6)
    assert mean_reward(episodes, 3) == pytest.approx((3.0 + 0 + 3.3 + 0 + 0 + 0) / 6)
    assert mean_reward(episodes, 3, View.BEST) == pytest.approx((3.0 + 3.8 + 3.3 + 0 + 4.8 + 0) / 6)


def test_an_error_of_the_policy_does_not_improve_a_best_reward_below_zero() -> None:
    record = episode(WRONG, error=Loss.POLICY)
    punished = record.model_copy(update={"turns": (record.turns[0].model_copy(update={"reward": -1.0}),)})
    assert mean_reward([punished], 2, View.BEST) == -1.0


def test_the_mean_speedup_is_geometric_and_of_correct_candidates(episodes: list[EpisodeRecord]) -> None:
    assert mean_speedup(episodes, 3) == pytest.approx((1.2 * 1.5) ** (1 / 2))
    assert mean_speedup(episodes, 3, View.BEST) == pytest.approx((1.2 * 2.0 * 1.5 * 3.0) ** (1 / 4))
    assert mean_speedup([episode(WRONG)], 1) is None


def test_hacks_are_counted_at_their_turn_or_ever(episodes: list[EpisodeRecord]) -> None:
    assert [hack_rate(episodes, turn) for turn in (1, 2, 3)] == [0.0, 0.0, 1 / 6]
    assert hack_rate([episode(HACK, 2.0)], 2, View.BEST) == 1.0


def test_coverage_is_that_of_the_fastest_turn_among_correct_ones() -> None:
    record = episode(1.5, 2.0, WRONG, 1.2)
    shares = iter((0.25, 0.5, None, 0.75))
    turns = []
    for turn, share in zip(record.turns, shares, strict=True):
        profile = turn.report.profile
        changed = None if profile is None else profile.model_copy(update={"coverage": share})
        turns.append(turn.model_copy(update={"report": turn.report.model_copy(update={"profile": changed})}))
    record = record.model_copy(update={"turns": tuple(turns)})
    assert [mean_coverage([record], turn) for turn in (1, 2, 3, 4)] == [0.25, 0.5, None, 0.75]
    assert [mean_coverage([record], turn, View.BEST) for turn in (1, 2, 3, 4)] == [0.25, 0.5, 0.5, 0.5]


def test_the_best_speedup_is_that_of_a_counted_episode(episodes: list[EpisodeRecord]) -> None:
    assert best_speedup([*episodes, episode(9.0, LOST, sample=8)]) == 3.0
    assert best_speedup([episode(WRONG)]) is None


def test_against_torch_compile_the_compiled_reference_is_the_measure() -> None:
    fast = over_compile(episode(2.0, problem="a"), ratio=0.5)  # torch.compile needs half the time of eager
    assert fast_rate([fast], 1.0, 1, baseline=Baseline.COMPILE) == 1.0
    assert fast_rate([fast], 1.2, 1, baseline=Baseline.COMPILE) == 0.0
    assert mean_speedup([fast], 1, baseline=Baseline.COMPILE) == pytest.approx(1.0)


def test_problems_that_torch_compile_was_not_timed_on_are_in_no_rate_against_it() -> None:
    timed = over_compile(episode(4.0, problem="a"), ratio=0.5)
    failed, untimed = episode(WRONG, problem="b"), episode(9.0, problem="c")
    assert fast_rate([timed, failed, untimed], 1.5, 1, baseline=Baseline.COMPILE) == 1 / 2
    assert fast_rate([failed, untimed], 0.0, 1, baseline=Baseline.COMPILE) is None
    assert fast_rate([timed, failed, untimed], 1.5, 1) == 2 / 3


def test_without_a_counted_episode_there_are_no_rates() -> None:
    nothing = [episode(error=Loss.SKIPPED)]
    assert [measure(nothing, 2) for measure in (correct_rate, compile_rate, hack_rate, mean_reward)] == [None] * 4
    assert fast_rate(nothing, 1.0, 2) is None


def test_a_turn_measured_again_without_torch_compile_leaves_its_problem_out_of_rates_against_it() -> None:
    timed = over_compile(episode(2.0, problem="a"), ratio=0.5)
    again = confirmed(timed, 2.0)
    assert fast_rate([timed], 1.0, 1, baseline=Baseline.COMPILE) == 1.0
    assert fast_rate([again], 1.0, 1, baseline=Baseline.COMPILE) is None
