"""What a turn is worth with all that follows from it."""

from collections.abc import Sequence
from math import isfinite


def returns_to_go(rewards: Sequence[float | None], gamma: float) -> tuple[float | None, ...]:
    """Returns the discounted return of every turn of an episode, `G_t = sum over t' >= t of gamma^(t' - t) R_t'`.

    A turn without a reward (lost to the infrastructure) has no return, and puts nothing into those of others. It keeps
    its place: what comes after it is as far away as if it had been judged.

    Args:
        rewards: One per turn, the first turn first.
        gamma: Discount from 0 (a turn is worth its own reward) to 1 (all later ones count in full).

    Raises:
        ValueError: `gamma` is out of range, or a reward is not finite.

    Source:
        Dr.Kernel, Eq. 2; its recipe has gamma 1, Kevin's 0.4.
    """
    if not 0 <= gamma <= 1:
        raise ValueError(f"gamma is {gamma}; give a discount between 0 and 1")
    found: list[float | None] = []
    ahead = 0.0
    for number, reward in zip(range(len(rewards), 0, -1), reversed(rewards), strict=True):
        if reward is not None and not isfinite(reward):
            raise ValueError(f"the reward of turn {number} is {reward}; give a finite number, or None if it was lost")
        ahead = (reward or 0.0) + gamma * ahead
        found.append(None if reward is None else ahead)
    return tuple(reversed(found))
