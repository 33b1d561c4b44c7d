"""The numbers of Dr.Kernel's equations, by hand."""

import pytest
import torch

from kernelgym.errors import BadUsage
from policies.advantages import (
    AdvantageOptions,
    Alone,
    Ended,
    Estimator,
    advantages,
    returns_to_go,
)

ONE_SUCCESS = [[3.0], [0.0], [0.0], [0.0]]
TWO_ROLLOUTS = [[0.0, 1.0, 2.0], [0.0, 0.0, 1.0]]


def valued(rewards, counted=None, groups=None, **options):
    rewards = torch.tensor(rewards)
    counted = torch.ones_like(rewards, dtype=torch.bool) if counted is None else torch.tensor(counted).bool()
    groups = torch.zeros(len(rewards), dtype=torch.long) if groups is None else torch.tensor(groups)
    return advantages(rewards, counted, groups, AdvantageOptions(**options))


@pytest.mark.parametrize("estimator", [Estimator.TRLOO, Estimator.RLOO])
def test_leave_one_out_does_not_let_a_rare_success_dampen_itself(estimator):
    assert valued(ONE_SUCCESS, estimator=estimator).values.tolist() == [[3.0], [-1.0], [-1.0], [-1.0]]


@pytest.mark.parametrize("estimator", [Estimator.TURN_GRPO, Estimator.GRPO])
def test_the_group_mean_does_by_n_minus_1_over_n(estimator):
    assert valued(ONE_SUCCESS, estimator=estimator).values.tolist() == [[2.25], [-0.75], [-0.75], [-0.75]]


@pytest.mark.parametrize("estimator", [Estimator.TURN_GRPO_STD, Estimator.GRPO_STD])
def test_the_deviation_is_that_of_a_sample_and_epsilon_is_added_to_it(estimator):
    values = valued(ONE_SUCCESS, estimator=estimator, epsilon=0.5).values
    assert torch.allclose(values, torch.tensor([[1.125], [-0.375], [-0.375], [-0.375]]))


def test_returns_to_go_are_sums_of_what_follows():
    present = torch.ones(2, 3, dtype=torch.bool)
    assert returns_to_go(torch.tensor(TWO_ROLLOUTS), present).tolist() == [[3, 3, 2], [1, 1, 1]]
    assert returns_to_go(torch.tensor(TWO_ROLLOUTS), present, 0.5).tolist() == [[1, 2, 2], [0.25, 0.5, 1]]


def test_each_turn_is_compared_with_the_same_turn_of_the_others():
    assert valued(TWO_ROLLOUTS).values.tolist() == [[2, 2, 1], [-2, -2, -1]]
    assert valued(TWO_ROLLOUTS, estimator=Estimator.TURN_GRPO).values.tolist() == [[1, 1, 0.5], [-1, -1, -0.5]]


def test_an_estimator_of_episodes_gives_all_turns_the_value_of_the_episode():
    assert valued(TWO_ROLLOUTS, estimator=Estimator.RLOO).values.tolist() == [[2, 2, 2], [-2, -2, -2]]
    assert valued(TWO_ROLLOUTS, estimator=Estimator.GRPO).values.tolist() == [[1, 1, 1], [-1, -1, -1]]


def test_a_short_rollout_is_compared_at_the_turns_that_it_played():
    result = valued([[0.0, 1.0, 2.0], [0.0, 3.0, 99.0], [0.0, 0.0, 1.0]], [[1, 1, 1], [1, 1, 0], [1, 1, 1]])
    assert result.returns.tolist() == [[3, 3, 2], [3, 3, 0], [1, 1, 1]]
    assert result.values.tolist() == [[1, 1, 1], [1, 1, 0], [-2, -2, -1]]
    assert result.group_sizes.tolist() == [[3, 3, 2], [3, 3, 0], [3, 3, 2]]


def test_rollouts_that_ended_may_stay_in_the_baseline_with_nothing_more_to_earn():
    rewards, counted = [[0.0, 2.0], [1.0, 9.0], [5.0, 5.0]], [[1, 1], [1, 0], [0, 0]]
    absent = valued(rewards, counted, alone=Alone.RAW)
    assert (absent.values[0, 1], absent.group_sizes[0, 1]) == (2.0, 1)
    zero = valued(rewards, counted, ended=Ended.ZERO)
    assert (zero.values[0, 1], zero.group_sizes[0, 1]) == (2.0, 2)  # the lost third is no member
    assert zero.values[1, 1] == 0.0


def test_a_turn_that_is_not_counted_is_in_no_baseline_and_earns_nothing_for_turns_before_it():
    result = valued([[1.0, 50.0], [2.0, 1.0], [4.0, 3.0]], [[1, 0], [1, 1], [1, 1]])
    assert result.returns.tolist() == [[1, 0], [3, 1], [7, 3]]
    assert result.values.tolist() == [[-4, 0], [-1, -2], [5, 2]]


def test_a_lost_rollout_takes_part_in_nothing():
    nan = float("nan")
    result = valued([[1.0, 2.0], [nan, nan], [0.0, 0.0]], [[1, 1], [0, 0], [1, 1]])
    assert result.values.tolist() == [[3, 2], [0, 0], [-3, -2]]
    assert result.group_sizes.tolist() == [[2, 2], [0, 0], [2, 2]]


@pytest.mark.parametrize("estimator", list(Estimator))
def test_one_that_is_alone_gets_nothing_or_its_return(estimator):
    assert valued([[2.0]], estimator=estimator).values.tolist() == [[0.0]]
    assert valued([[2.0]], estimator=estimator, alone=Alone.RAW).values.tolist() == [[2.0]]


@pytest.mark.parametrize("estimator", [each for each in Estimator if each != Estimator.EBPO])
def test_a_group_of_equals_has_values_of_exactly_zero(estimator):
    values = valued([[0.1, 0.7]] * 3 + [[1 / 3, 1e6]] * 7, groups=[0] * 3 + [1] * 7, estimator=estimator).values
    assert values.abs().max() == 0.0


def test_large_rewards_leave_small_differences_intact():
    values = valued([[1e6 + 0.5], [1e6]]).values
    assert values.tolist() == [[0.5], [-0.5]]


def test_groups_may_have_any_integers_for_names():
    values = valued([[1.0], [5.0], [3.0], [9.0]], groups=[-7, 10**12, -7, 10**12]).values
    assert values.tolist() == [[-2], [-4], [2], [4]]


def test_a_batch_without_rollouts_has_no_values():
    empty = torch.zeros(0, 3)
    result = advantages(empty, empty.bool(), torch.zeros(0, dtype=torch.long))
    assert result.values.shape == (0, 3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_values_are_float32_whatever_the_rewards_are(dtype):
    rewards = torch.tensor(ONE_SUCCESS, dtype=dtype)
    result = advantages(rewards, torch.ones(4, 1, dtype=torch.bool), torch.zeros(4, dtype=torch.int32))
    assert (result.values.dtype, result.returns.dtype, result.group_sizes.dtype) == (
        torch.float32,
        torch.float32,
        torch.int64,
    )
    assert result.values.tolist() == [[3.0], [-1.0], [-1.0], [-1.0]]


def test_arguments_are_left_as_they_were():
    rewards, counted = torch.tensor(TWO_ROLLOUTS), torch.tensor([[True, True, False], [True, True, True]])
    groups = torch.zeros(2, dtype=torch.long)
    before = rewards.clone(), counted.clone(), groups.clone()
    advantages(rewards, counted, groups, AdvantageOptions(gamma=0.5))
    assert all(torch.equal(old, new) for old, new in zip(before, (rewards, counted, groups), strict=True))


def test_a_counted_reward_that_is_not_known_is_refused_with_its_place():
    with pytest.raises(ValueError, match="turn 1 of rollout 0 is counted, but its reward is nan"):
        valued([[0.0, float("nan")]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rewards": torch.zeros(4)}, "rewards are"),
        ({"rewards": torch.zeros(2, 3, dtype=torch.long)}, "rewards are torch.int64"),
        ({"counted": torch.ones(2, 3)}, "counted is torch.float32"),
        ({"counted": torch.ones(2, 2, dtype=torch.bool)}, r"counted is torch.bool of shape \(2, 2\)"),
        ({"groups": torch.zeros(3, dtype=torch.long)}, "give 2 integers"),
        ({"groups": torch.zeros(2)}, "groups are torch.float32"),
    ],
)
def test_shapes_and_types_that_do_not_fit_are_refused(change, message):
    arguments = {
        "rewards": torch.zeros(2, 3),
        "counted": torch.ones(2, 3, dtype=torch.bool),
        "groups": torch.zeros(2, dtype=torch.long),
    }
    with pytest.raises(ValueError, match=message):
        advantages(**{**arguments, **change})


@pytest.mark.parametrize("options", [{"gamma": 1.5}, {"gamma": float("nan")}, {"epsilon": 0.0}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(BadUsage, match=next(iter(options))):
        AdvantageOptions(**options)
