"""Which rollouts of a group are worth an exact evaluation: those that differ most by a cheap one.

A group teaches by comparison, so of `n` rollouts the `m` are taken whose cheap returns vary most. This is the rule of
PODS (policy optimization with down-sampling, "max variance"). The price: the chosen ones are no fair sample of the
policy. Their mean is not the policy's, and a rollout is in the baseline or not by what it seems to be worth, so that
the gradient is biased, even where the cheap evaluator is right. `random_share` draws some or all of them fairly.

By itself the rule spends everything on the ends of the cheap scale. Where wrong programs have the best prices, those
are what it finds there, again and again: by default half of the rollouts are drawn (docs/training.md has the numbers).
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from kernelgym.errors import BadUsage

SAME = 1e-9
"""Relative difference of two variances that is rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContrastiveSelection:
    """How many rollouts of a group are chosen, and how.

    Raises:
        BadUsage: A number is out of range.
    """

    keep: int
    """Rollouts per group, at least 2: one alone can't be compared. All of a smaller group."""
    random_share: float = 0.5
    """Share of them that is drawn fairly from the whole group, before the others are chosen to differ from them and
    each other. 1: all of them, which is the unbiased choice; 0: only extremes; in between, everyone has a chance."""
    seed: int = 0
    """Of the draws."""

    def __post_init__(self) -> None:
        if self.keep < 2:
            raise BadUsage(f"keep is {self.keep}; choose at least 2 rollouts, one alone can't be compared")
        if not 0 <= self.random_share <= 1:
            raise BadUsage(f"random_share is {self.random_share}; give a share between 0 and 1")

    def choose(self, values: Sequence[float], group: str) -> tuple[int, ...]:
        """Returns which members are chosen, in ascending order.

        Args:
            values: Cheap return of each.
            group: Names the group; the same values, group and seed always give the same answer.
        """
        draws = random.Random(f"{self.seed} {group}")
        order = list(range(len(values)))
        draws.shuffle(order)
        if len(values) <= self.keep:
            return tuple(sorted(order))
        fair = order[: round(self.keep * self.random_share)]
        rest = [index for index in order if index not in fair]
        beside = [values[index] for index in fair]
        chosen = max_variance([values[index] for index in rest], self.keep - len(fair), beside)
        return tuple(sorted(fair + [rest[place] for place in chosen]))


def max_variance(values: Sequence[float], count: int, beside: Sequence[float] = ()) -> tuple[int, ...]:
    """Returns the places of the `count` values that have the largest variance, together with some that are given.

    They are the `k` smallest and the `count - k` largest for some `k`: moving a chosen value away from the mean of the
    others never lowers the variance. All `k` are tried, with running sums: O(n log n).

    Of equal values the earlier ones are taken, and of equally good `k` the one nearest to a half, the smaller of two:
    shuffle, to have it drawn.

    Args:
        values: Finite numbers.
        count: From 0 to as many as there are.
        beside: What is in the subset already.

    Raises:
        ValueError: `count` is out of range.

    Source:
        Xu, Savani, Fang, Kolter, "Not All Rollouts are Useful: Down-Sampling Rollouts in LLM Reinforcement Learning"
        (PODS), 2025: the max-variance rule and its algorithm, without `beside`.
    """
    if not 0 <= count <= len(values):
        raise ValueError(f"{count} of {len(values)} values can't be chosen")
    if not count:
        return ()
    order = sorted(range(len(values)), key=lambda index: values[index])
    high = sorted(range(len(values)), key=lambda index: -values[index])  # by itself: earlier ones first, here too
    centre = sum(values) / len(values)
    low_sums, high_sums = (list(accumulate((values[i] - centre for i in side), initial=0.0)) for side in (order, high))
    low_squares, high_squares = (
        list(accumulate(((values[i] - centre) ** 2 for i in side), initial=0.0)) for side in (order, high)
    )
    given = [value - centre for value in beside]
    given_sum, given_squares = sum(given), sum(value * value for value in given)

    def spread(low: int) -> float:
        """Returns the variance times the size of the subset, up to rounding."""
        total = given_sum + low_sums[low] + high_sums[count - low]
        squares = given_squares + low_squares[low] + high_squares[count - low]
        return squares - total * total / (count + len(given))

    spreads = [spread(low) for low in range(count + 1)]
    slack = SAME * (low_squares[-1] + given_squares)
    good = [low for low in range(count + 1) if spreads[low] >= max(spreads) - slack]
    lowest = order[: min(good, key=lambda low: abs(2 * low - count))]
    highest = [index for index in high if index not in lowest]
    return tuple(lowest + highest[: count - len(lowest)])
