"""Advantages per turn from rewards, in a handful of tensor operations whatever the number of rollouts."""

from dataclasses import dataclass

import torch
from torch import Tensor

from policies.advantages.groups import Groups
from policies.advantages.options import AdvantageOptions, Alone, Ended, Estimator
from policies.advantages.prior import Prior
from policies.advantages.returns import returns_to_go
from policies.advantages.shrinkage import observed, pull


@dataclass(frozen=True, slots=True, kw_only=True)
class Advantages:
    """What a batch's turns are worth."""

    values: Tensor
    """`[R, K]`, float32, in units of the reward (multiples of the group's deviation for the estimators that divide); 0
    where a turn is not counted."""
    returns: Tensor
    """`[R, K]`, float32: returns-to-go; 0 where a turn is not counted."""
    group_sizes: Tensor
    """`[R, K]`, int64: how many returns the entry was compared with, itself included; 0 where it is not counted."""


def advantages(rewards: Tensor, counted: Tensor, groups: Tensor, options: AdvantageOptions | None = None) -> Advantages:
    """Returns how much better each turn was than its baseline.

    Who is compared with whom follows from `counted` and `groups` alone, never from a reward: otherwise the estimators
    would be biased. With `G` the return-to-go, `N` the members of a group and `S` the sum of their returns:

        leave-one-out (TRLOO, Dr.Kernel Eq. 5; RLOO)   (N G - S) / (N - 1)  =  N / (N - 1) (G - S / N)
        group mean (Dr.Kernel Eq. 3)                   G - S / N
        mean and deviation (GRPO)                      (G - S / N) / (std + epsilon), std with N - 1
        shrunk (EBPO)                                  (1 - s) leave-one-out + s (G - mu), see `shrinkage`

    Args:
        rewards: `[R, K]`, any float: per rollout and turn; of shorter rollouts, only the first turns are counted.
        counted: `[R, K]`, bool. False: the turn is in no baseline, its value is 0, and its reward is read by nothing. A
            rollout that was lost to the infrastructure has no turn counted.
        groups: `[R]`, integers: rollouts of one prompt have the same.
        options: The estimator and its conventions; None for TRLOO as it comes.

    Raises:
        ValueError: Shapes or types do not fit, or a counted reward is not finite.
    """
    options = options or AdvantageOptions()
    _check(rewards, counted, groups)
    # float64, as the leave-one-out difference cancels; float32 goes out, which is what a loss takes
    returns = returns_to_go(rewards.double(), counted, options.gamma)
    if options.estimator.per_turn:
        compared, members = returns, _members(counted, options.ended)
    else:
        compared, members = returns[:, :1], counted.any(1, keepdim=True)
    values, sizes = _compared(compared.where(members, 0.0), members, Groups.of(groups), options)
    return Advantages(
        values=values.where(counted, 0.0).float(),
        returns=returns.where(counted, 0.0).float(),
        group_sizes=sizes.where(counted, 0.0).long(),
    )


def updated_prior(rewards: Tensor, counted: Tensor, groups: Tensor, options: AdvantageOptions | None = None) -> Prior:
    """Returns the prior of the options after one more batch, for the `advantages` of the next.

    A batch must not be in its own prior, so call it after the batch's advantages. No prior in the options is an empty
    one, their estimator may be any, and the arguments are those of `advantages`.
    """
    options = options or AdvantageOptions()
    _check(rewards, counted, groups)
    members = _members(counted, options.ended)
    returns = returns_to_go(rewards.double(), counted, options.gamma).where(members, 0.0)
    return observed(options.prior or Prior(), Groups.of(groups), returns, members)


def _members(counted: Tensor, ended: Ended) -> Tensor:
    """Returns who is in the baseline of a turn, bool `[R, K]`."""
    if ended == Ended.ABSENT:
        return counted
    going = counted.flip(1).cumsum(1).flip(1) > 0  # plays this turn or a later one
    return counted | (~going & counted.any(1, keepdim=True))


def _compared(returns: Tensor, members: Tensor, groups: Groups, options: AdvantageOptions) -> tuple[Tensor, Tensor]:
    """Returns values and group sizes, both `[R, K]` float64, of returns `[R, K]` that are 0 outside the members."""
    # Relative to the least return of the group, so that equal returns have a value of exactly 0.
    least = groups.shared(groups.lowest(returns.where(members, torch.inf)))
    above = (returns - least).where(members, 0.0)
    sizes = groups.shared(groups.total(members.double()))
    sums = groups.shared(groups.total(above))
    lonely = returns if options.alone == Alone.RAW else torch.zeros_like(returns)
    match options.estimator:
        case Estimator.TRLOO | Estimator.RLOO | Estimator.EBPO:
            values = (sizes * above - sums) / (sizes - 1.0).clamp(min=1)
        case Estimator.TURN_GRPO | Estimator.GRPO:
            values = above - sums / sizes.clamp(min=1)
        case Estimator.TURN_GRPO_STD | Estimator.GRPO_STD:
            values = (above - sums / sizes.clamp(min=1)).where(members, 0.0)
            variance = groups.shared(groups.total(values * values)) / (sizes - 1.0).clamp(min=1)
            values = values / (variance.sqrt() + options.epsilon)
    values = values.where(sizes > 1, lonely)
    if options.estimator == Estimator.EBPO:
        shrinkage, usual = (groups.shared(table) for table in pull(groups, returns, members, options.prior))
        values = (1.0 - shrinkage) * values + shrinkage * (returns - usual)
    return values, sizes.expand_as(values)


def _check(rewards: Tensor, counted: Tensor, groups: Tensor) -> None:
    """Raises ValueError for what would be computed wrongly without a word."""
    if rewards.ndim != 2 or not rewards.is_floating_point():
        raise ValueError(f"rewards are {rewards.dtype} of shape {tuple(rewards.shape)}; give floats [rollouts, turns]")
    if counted.shape != rewards.shape or counted.dtype != torch.bool:
        raise ValueError(
            f"counted is {counted.dtype} of shape {tuple(counted.shape)}; give bool {tuple(rewards.shape)}"
        )
    if groups.shape != rewards.shape[:1] or groups.is_floating_point():
        raise ValueError(f"groups are {groups.dtype} of shape {tuple(groups.shape)}; give {len(rewards)} integers")
    if not rewards.isfinite().logical_or(~counted).all():
        row, turn = (~rewards.isfinite() & counted).nonzero()[0].tolist()
        raise ValueError(
            f"turn {turn} of rollout {row} is counted, but its reward is {rewards[row, turn].item()}; "
            "do not count turns whose reward is not known"
        )
