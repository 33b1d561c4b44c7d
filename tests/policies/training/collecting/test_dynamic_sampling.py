"""When a group is tied: exactly where the estimator finds nothing to learn."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kernelgym.errors import BadUsage
from policies.advantages import AdvantageOptions, Alone, Ended, Estimator, advantages
from policies.training.collecting.dynamic_sampling import Comparison, DynamicSampling, Judged, all_lost


def episode(*rewards: float | None) -> Judged:
    """An episode of these rewards; one with a None was lost."""
    counted = None not in rewards
    return Judged(rewards, (counted,) * len(rewards), counted or None)


def test_a_group_is_tied_only_if_its_returns_are_alike_at_every_turn() -> None:
    rule = DynamicSampling()
    assert rule.tied([episode(0.0, 1.0), episode(0.0, 1.0)])
    assert not rule.tied([episode(0.0, 1.0), episode(0.5, 1.0)]), "the last turns are alike, the first are not"
    assert not rule.tied([episode(1.0, 0.0), episode(0.0, 1.0)]), "both earn 1, but at other turns"
    assert rule.tied([episode(0.0), episode(0.0, 0.0)]), "one that ended is not compared with later turns"


def test_the_discount_is_that_of_the_estimator() -> None:
    group = [episode(1.0, 0.0), episode(0.5, 1.0), episode(0.5, 1.0)]
    assert not DynamicSampling().tied(group)
    assert not DynamicSampling(compared=Comparison(gamma=0.0)).tied(group)
    assert DynamicSampling(compared=Comparison(gamma=0.5, per_turn=False)).tied(group)


def test_what_was_lost_is_not_compared() -> None:
    rule = DynamicSampling()
    assert rule.tied([episode(1.0), episode(1.0), episode(None)])
    assert rule.tied([episode(1.0), episode(None)]), "one that is left has none to be compared with"
    assert all_lost([episode(None), episode(1.0, None)])
    assert not all_lost([episode(None), episode(1.0)])


def test_differences_within_the_noise_of_the_reward_are_none() -> None:
    group = [episode(1.0), episode(1.01)]
    assert not DynamicSampling().tied(group)
    assert DynamicSampling(tolerance=0.05).tied(group)


REWARDS = st.lists(st.sampled_from([0.0, 0.0, 0.5, 1.0]), min_size=1, max_size=3)


@settings(deadline=None)
@given(
    group=st.lists(st.tuples(REWARDS, st.sampled_from([True, True, True, False])), min_size=1, max_size=4),
    estimator=st.sampled_from([estimator for estimator in Estimator if estimator is not Estimator.EBPO]),
    gamma=st.sampled_from([0.0, 0.5, 1.0]),
    ended=st.sampled_from(Ended),
    alone=st.sampled_from(Alone),
)
def test_a_group_is_tied_exactly_if_all_its_advantages_are_zero(
    group: list[tuple[list[float], bool]], estimator: Estimator, gamma: float, ended: Ended, alone: Alone
) -> None:
    options = AdvantageOptions(estimator=estimator, gamma=gamma, ended=ended, alone=alone)
    judged = [Judged(tuple(rewards), (counted,) * len(rewards), counted or None) for rewards, counted in group]
    rewards = torch.tensor([[*values, *[0.0] * (3 - len(values))] for values, _ in group])
    counted = torch.tensor([[counted and turn < len(values) for turn in range(3)] for values, counted in group])
    values = advantages(rewards, counted, torch.zeros(len(group), dtype=torch.long), options).values
    assert DynamicSampling(compared=Comparison.of(options)).tied(judged) == bool((values.abs() < 1e-6).all())


def test_numbers_out_of_range_are_refused() -> None:
    with pytest.raises(BadUsage, match=r"rounds is 0; give at least 1"):
        DynamicSampling(rounds=0)
    with pytest.raises(BadUsage, match=r"tolerance is -1"):
        DynamicSampling(tolerance=-1.0)
