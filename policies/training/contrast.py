"""Which rollouts of a group are worth an exact evaluation: those that differ most by a cheap one.

A group teaches by comparison, so of `n` rollouts the `m` are taken whose cheap returns vary most. This is the rule of
PODS (policy optimization with down-sampling, "max variance"). The price: the chosen ones are no fair sample of the
policy. Their mean is not the policy's, and a rollout is in the baseline or not by what it seems to be worth, so that
the gradient is biased, even where the cheap evaluator is right. `random_share` draws some or all of them fairly.
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
    random_share: float = 0.0
    """Share of them that is drawn fairly from the whole group, before the others are chosen. 1: all of them, which is
    the unbiased choice; in between, every rollout has a chance."""
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
        chosen = max_variance([values[index] for index in rest], self.keep - len(fair))
        return tuple(sorted(fair + [rest[place] for place in chosen]))


def max_variance(values: Sequence[float], count: int) -> tuple[int, ...]:
    """Returns the places of the `count` values with the largest variance.

    They are the `k` smallest and the `count - k` largest for some `k`: moving a chosen value away from the mean of the
    others never lowers the variance. All `k` are tried, with running sums: O(n log n).

    Of equal values the earlier ones are taken, and of equally good `k` the one nearest to a half, the smaller of two:
    shuffle, to have it drawn.

    Args:
        values: Finite numbers.
        count: From 0 to as many as there are.

    Raises:
        ValueError: `count` is out of range.

    Source:
        Xu, Savani, Fang, Kolter, "Not All Rollouts are Useful: Down-Sampling Rollouts in LLM Reinforcement Learning"
        (PODS), 2025: the max-variance rule and its algorithm.
    """
    if not 0 <= count <= len(values):
        raise ValueError(f"{count} of {len(values)} values can't be chosen")
    if not count:
        return ()
    order = sorted(range(len(values)), key=lambda index: values[index])
    high = sorted(range(len(values)), key=lambda index: -values[index])  # by itself: earlier ones first, here too
    centre = sum(values) / len(values)
    sums = [list(accumulate((values[i] - centre for i in side), initial=0.0)) for side in (order, high)]
    squares = [list(accumulate(((values[i] - centre) ** 2 for i in side), initial=0.0)) for side in (order, high)]

    def spread(low: int) -> float:
        total = sums[0][low] + sums[1][count - low]
        return squares[0][low] + squares[1][count - low] - total * total / count

    best = max(map(spread, range(count + 1)))
    slack = SAME * max(squares[0][-1], best)
    low = min((low for low in range(count + 1) if spread(low) >= best - slack), key=lambda low: abs(2 * low - count))
    chosen = order[:low]
    return tuple(chosen + [index for index in high if index not in chosen][: count - low])
