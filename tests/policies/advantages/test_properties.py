"""What holds for every estimator and option, on random batches."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.advantages import AdvantageOptions, Alone, Ended, Estimator, advantages, returns_to_go
from tests.policies.advantages.naive import naive_advantages, naive_members, naive_returns

REWARDS = st.one_of(st.sampled_from([0.0, 0.0, 0.5, 1.0]), st.floats(-2, 4, width=32))
GARBAGE = st.sampled_from([float("nan"), float("inf"), -float("inf"), 1e30, 0.0])


@st.composite
def options(draw):
    return AdvantageOptions(
        estimator=draw(st.sampled_from(Estimator)),
        gamma=draw(st.sampled_from([0.0, 0.5, 1.0])),
        alone=draw(st.sampled_from(Alone)),
        ended=draw(st.sampled_from(Ended)),
    )


@st.composite
def batches(draw):
    """Draws rewards, counted and groups; most rollouts are prefixes, some have holes, some are lost."""
    rollouts, turns = draw(st.integers(1, 9)), draw(st.integers(1, 4))
    rewards = [draw(st.lists(REWARDS, min_size=turns, max_size=turns)) for _ in range(rollouts)]
    prefix = st.integers(0, turns).map(lambda length: [turn < length for turn in range(turns)])
    flags = st.one_of(prefix, prefix, st.lists(st.booleans(), min_size=turns, max_size=turns))
    counted = [draw(flags) for _ in range(rollouts)]
    groups = draw(st.lists(st.integers(0, 3), min_size=rollouts, max_size=rollouts))
    return rewards, counted, groups


def computed(batch, chosen):
    rewards, counted, groups = batch
    return advantages(torch.tensor(rewards), torch.tensor(counted), torch.tensor(groups), chosen)


@settings(max_examples=200, deadline=None)
@given(batches(), options())
def test_every_value_is_that_of_the_definition(batch, chosen):
    expected = naive_advantages(*batch, chosen)
    torch.testing.assert_close(computed(batch, chosen).values, torch.tensor(expected), rtol=1e-4, atol=2e-4)


@settings(max_examples=50, deadline=None)
@given(batches(), st.sampled_from([0.0, 0.5, 1.0]))
def test_returns_are_the_sums_of_what_follows(batch, gamma):
    rewards, counted, _ = batch
    result = returns_to_go(torch.tensor(rewards), torch.tensor(counted), gamma)
    expected = torch.tensor(naive_returns(rewards, counted, gamma), dtype=torch.float32)
    torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-5)


@settings(max_examples=100, deadline=None)
@given(batches(), options(), st.data())
def test_what_stands_where_nothing_is_counted_changes_nothing(batch, chosen, data):
    rewards, counted, groups = batch
    changed = [
        [reward if flag else data.draw(GARBAGE) for reward, flag in zip(*pair, strict=True)]
        for pair in zip(rewards, counted, strict=True)
    ]
    before, after = computed(batch, chosen), computed((changed, counted, groups), chosen)
    assert torch.equal(before.values, after.values)
    assert torch.equal(before.returns, after.returns)
    assert torch.equal(before.group_sizes, after.group_sizes)


@settings(max_examples=50, deadline=None)
@given(batches(), options(), st.data())
def test_who_is_compared_does_not_depend_on_any_reward(batch, chosen, data):
    rewards, counted, groups = batch
    others = [[data.draw(REWARDS) for _ in row] for row in rewards]
    assert torch.equal(computed(batch, chosen).group_sizes, computed((others, counted, groups), chosen).group_sizes)


@settings(max_examples=50, deadline=None)
@given(batches(), st.sampled_from(Ended))
def test_group_sizes_count_who_is_compared(batch, ended):
    _, counted, groups = batch
    sizes = computed(batch, AdvantageOptions(ended=ended)).group_sizes
    for row, turn in torch.tensor(counted).nonzero().tolist():
        members = [
            other
            for other in range(len(groups))
            if groups[other] == groups[row] and naive_members(counted, ended, other, turn)
        ]
        assert sizes[row, turn] == len(members)
    assert sizes.where(torch.tensor(counted), 0).equal(sizes)


@settings(max_examples=100, deadline=None)
@given(batches(), options(), st.data())
def test_values_follow_their_rollouts_through_any_order(batch, chosen, data):
    order = data.draw(st.permutations(range(len(batch[0]))))
    shuffled = tuple([part[place] for place in order] for part in batch)
    torch.testing.assert_close(
        computed(batch, chosen).values[order], computed(shuffled, chosen).values, rtol=1e-5, atol=1e-5
    )


@settings(max_examples=50, deadline=None)
@given(batches(), st.sampled_from([Estimator.TRLOO, Estimator.TURN_GRPO, Estimator.TURN_GRPO_STD]))
def test_values_of_a_group_sum_to_zero(batch, estimator):
    values = computed(batch, AdvantageOptions(estimator=estimator)).values
    for group in set(batch[2]):
        of_group = values[torch.tensor(batch[2]) == group]
        torch.testing.assert_close(of_group.sum(0), torch.zeros(values.shape[1]), rtol=0, atol=1e-4)


@settings(max_examples=50, deadline=None)
@given(batches())
def test_leave_one_out_is_the_group_mean_times_n_over_n_minus_1(batch):
    one_out = computed(batch, AdvantageOptions(estimator=Estimator.TRLOO))
    mean = computed(batch, AdvantageOptions(estimator=Estimator.TURN_GRPO))
    sizes = one_out.group_sizes.clamp(min=2)
    torch.testing.assert_close(one_out.values, mean.values * sizes / (sizes - 1), rtol=1e-5, atol=1e-5)
