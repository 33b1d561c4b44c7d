"""How far a group's baseline is pulled towards what is usual at its turn over all prompts.

A mean of few rollouts is a noisy baseline. Empirical Bayes: if the means of prompts scatter around `mu` with the
variance `tau^2`, and returns within a prompt scatter with `sigma^2`, then the best guess of a prompt's mean from m of
its returns is

    (1 - s) * local mean + s * mu,   s = (sigma^2 / m) / (sigma^2 / m + tau^2)

(normal-normal model, Efron and Morris 1973). This is the idea of EBPO (Han et al. 2026, arXiv 2602.05165): group means
shrunk, by the ratio of the variance within groups to that between them, to global statistics kept by Welford's online
algorithm, so that a group whose rollouts all failed still gets a signal, `-s * mu`.

What is ours, not the paper's: the local mean leaves the own return out (m = N - 1) and neither s nor `mu` depends on a
return of the own group, so that the estimator stays unbiased; statistics are kept per turn, as later turns have less
left to earn; the variances are estimated as in an analysis of variance with unequal groups; nothing is divided by a
standard deviation. Without a prior of earlier batches the other prompts of the batch serve, as in the shrinkage
baselines of Zeng et al. 2025 (arXiv 2511.03710).
"""

from dataclasses import astuple
from typing import Final

from torch import Tensor

from policies.advantages.groups import Groups
from policies.advantages.prior import Prior, TurnPrior

NEGLIGIBLE: Final = 1e-12
"""Variance within groups, relative to 1 plus the squared mean, that counts as none."""


def group_moments(groups: Groups, returns: Tensor, members: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Returns sizes, means, and sums of squared deviations from them by group and turn.

    Args:
        groups: Q groups of R rollouts.
        returns: `[R, K]`, float, 0 outside the members.
        members: `[R, K]`, bool: who is in a group.

    Returns:
        Three tables `[Q, K]` of the dtype of the returns; zeros where a group has no member.
    """
    sizes = groups.total(members.to(returns.dtype))
    means = groups.total(returns) / sizes.clamp(min=1)
    deviations = (returns - groups.shared(means)).where(members, 0.0)
    return sizes, means, groups.total(deviations * deviations)


def pull(groups: Groups, returns: Tensor, members: Tensor, prior: Prior | None) -> tuple[Tensor, Tensor]:
    """Returns, by group and turn, how far baselines are pulled and to where.

    Args:
        groups: Q groups of R rollouts.
        returns: `[R, K]`, float64, 0 outside the members.
        members: `[R, K]`, bool.
        prior: Of earlier batches; None takes the other groups of this one.

    Returns:
        s and `mu`, `[Q, K]`; s is 0 where fewer than two groups (others, without a prior) have shown their means, or
        none of them how its returns scatter.
    """
    sizes, means, within = group_moments(groups, returns, members)
    if prior is None:
        some = (sizes > 0).to(returns.dtype)
        centre = means.sum(0) / some.sum(0).clamp(min=1)  # sums of squares around it do not cancel
        shifted = (means - centre) * some
        number = some.sum(0) - some
        mean = (shifted.sum(0) - shifted) / number.clamp(min=1)
        squares = ((shifted**2).sum(0) - shifted**2 - number * mean**2).clamp(min=0)
        spare = (sizes - 1).clamp(min=0)
        freedom, inner = spare.sum(0) - spare, (within.sum(0) - within).clamp(min=0)
        inverse = some / sizes.clamp(min=1)
        inverses = inverse.sum(0) - inverse
        mean = mean + centre
    else:
        turns = returns.shape[1]
        rows = [astuple(turn) for turn in (*prior.turns, *[TurnPrior()] * turns)[:turns]]
        columns = returns.new_tensor(rows).reshape(turns, 6).T[:, None, :].expand(6, *sizes.shape)
        number, mean, squares, freedom, inner, inverses = columns.unbind()
    noise = inner / freedom.clamp(min=1)
    # returns that are all equal leave rounding, not variance: 0 / 0 must not be decided by it
    noise = noise.where(noise > NEGLIGIBLE * (1.0 + mean * mean), 0.0)
    between = (squares / (number - 1).clamp(min=1) - noise * inverses / number.clamp(min=1)).clamp(min=0)
    others = (sizes - 1).clamp(min=0)
    total = noise + others * between
    # sigma^2 / (sigma^2 + m tau^2): the same s without a division by m, which is 0 for a rollout that is alone
    shrinkage = (noise / total).where(total > 0, (others == 0).to(returns.dtype))
    known = (number >= 2) & (freedom >= 1)
    return shrinkage.where(known, 0.0), mean


def observed(prior: Prior, groups: Groups, returns: Tensor, members: Tensor) -> Prior:
    """Returns the prior after one more batch; the arguments are those of `pull`."""
    sizes, means, within = group_moments(groups, returns, members)
    some = sizes > 0
    number = some.sum(0)
    centre = means.sum(0) / number.clamp(min=1)
    columns = (
        number,
        centre,
        ((means - centre) ** 2).where(some, 0.0).sum(0),
        (sizes - 1.0).clamp(min=0).sum(0),
        within.sum(0),
        (1.0 / sizes.clamp(min=1)).where(some, 0.0).sum(0),
    )
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return prior.merged(Prior.restored([list(row) for row in rows]))
