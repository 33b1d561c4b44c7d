"""Monte-Carlo: what the estimators' gradients are in expectation (Dr.Kernel, Eq. 4 and appendix A).

The policy is one coin per turn, heads with probability p = sigmoid(theta); the reward of a turn is its coin. The score
of a flip `a` is `a - p`, and the true gradient of the expected return with respect to the theta of a turn is p (1 - p).
"""

import pytest
import torch

from policies.advantages import AdvantageOptions, Alone, Ended, Estimator, advantages

P = 0.3
TRUE = P * (1.0 - P)
SIGMAS = 4.5  # 7 in a million for a normal; seeds are fixed, so a test that passes keeps passing


def flips(groups, size, turns, seed):
    """Returns coins `[groups * size, turns]` and the labels of their groups."""
    generator = torch.Generator().manual_seed(seed)
    coins = (torch.rand(groups * size, turns, generator=generator) < P).float()
    return coins, torch.arange(groups).repeat_interleave(size)


def gradient(values, coins, turn, rows, groups):
    """Returns mean and standard error, over independent groups, of value times score, as a multiple of the truth."""
    terms = (values[:, turn] * (coins[:, turn] - P) / TRUE).where(rows, 0.0).double()
    count = int(groups.max()) + 1
    sums = torch.zeros(count, dtype=torch.float64).index_add_(0, groups, terms)
    sizes = torch.zeros(count, dtype=torch.float64).index_add_(0, groups, rows.double())
    ratio = sums.sum() / sizes.sum()
    error = (sums - ratio * sizes).square().sum().sqrt() / sizes.sum()  # of a ratio of two sums
    return float(ratio), float(error)


def agree(measured, expected):
    ratio, error = measured
    assert error < 0.01, "too few groups to tell"
    assert abs(ratio - expected) < SIGMAS * error, f"{ratio:.4f} is not {expected:.4f} (error {error:.4f})"


@pytest.mark.parametrize("size", [2, 4, 8])
def test_the_group_mean_is_short_by_one_over_n_and_leave_one_out_is_not(size):
    coins, groups = flips(80_000 // size, size, 2, seed=size)
    everyone = torch.ones_like(coins, dtype=torch.bool)
    for estimator, expected in (
        (Estimator.TRLOO, 1.0),
        (Estimator.TURN_GRPO, 1.0 - 1.0 / size),
        (Estimator.RLOO, 1.0),
        (Estimator.GRPO, 1.0 - 1.0 / size),
    ):
        values = advantages(coins, everyone, groups, AdvantageOptions(estimator=estimator)).values
        for turn in (0, 1):
            agree(gradient(values, coins, turn, everyone[:, turn], groups), expected)


@pytest.mark.parametrize("ended", list(Ended))
def test_where_group_sizes_vary_the_group_mean_undervalues_the_small_ones_and_leave_one_out_does_not(ended):
    coins, groups = flips(60_000, 4, 2, seed=3)
    generator = torch.Generator().manual_seed(4)
    counted = torch.ones_like(coins, dtype=torch.bool)
    counted[:, 1] = torch.rand(len(coins), generator=generator) < 0.6  # whatever was earned
    coins = coins.where(counted, float("nan"))
    result = {
        estimator: advantages(coins, counted, groups, AdvantageOptions(estimator=estimator, ended=ended))
        for estimator in (Estimator.TRLOO, Estimator.TURN_GRPO)
    }
    sizes = result[Estimator.TRLOO].group_sizes[:, 1]
    assert sizes[counted[:, 1]].unique().tolist() == ([1, 2, 3, 4] if ended == Ended.ABSENT else [4])
    for size in (2, 3, 4):
        rows = counted[:, 1] & (sizes == size)
        if rows.any():
            agree(gradient(result[Estimator.TRLOO].values, coins, 1, rows, groups), 1.0)
            agree(gradient(result[Estimator.TURN_GRPO].values, coins, 1, rows, groups), 1.0 - 1.0 / size)
    for turn in (0, 1):
        rows = counted[:, turn] & (result[Estimator.TRLOO].group_sizes[:, turn] > 1)
        agree(gradient(result[Estimator.TRLOO].values, coins, turn, rows, groups), 1.0)


def test_one_that_is_alone_with_its_return_is_unbiased_too():
    coins, _ = flips(60_000, 1, 1, seed=5)
    alone = torch.arange(len(coins))
    everyone = torch.ones_like(coins, dtype=torch.bool)
    values = advantages(coins, everyone, alone, AdvantageOptions(alone=Alone.RAW)).values
    agree(gradient(values, coins, 0, everyone[:, 0], alone), 1.0)


def test_the_shrunk_baseline_is_unbiased_although_it_looks_at_other_prompts():
    batches, prompts, size = 2_000, 8, 4
    options = AdvantageOptions(estimator=Estimator.EBPO, gamma=0.0)
    coins, _ = flips(batches * prompts, size, 1, seed=6)
    rows = coins.reshape(batches, prompts * size)
    prompt = torch.arange(prompts).repeat_interleave(size)
    # One batch per column: turns share nothing where gamma is 0, so one call computes all batches.
    everyone = torch.ones_like(rows.T, dtype=torch.bool)
    values = advantages(rows.T, everyone, prompt, options).values
    whole = values.T.reshape(-1, 1)
    batch = torch.arange(batches).repeat_interleave(prompts * size)
    agree(gradient(whole, coins, 0, torch.ones(len(coins), dtype=torch.bool), batch), 1.0)
