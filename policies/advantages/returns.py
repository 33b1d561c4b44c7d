"""Returns-to-go: what a turn has earned, itself and by what it made possible."""

import torch
from torch import Tensor


def returns_to_go(rewards: Tensor, present: Tensor, gamma: float = 1.0) -> Tensor:
    """Returns `G_{i,t}`, the sum over `t' >= t` of `gamma^(t' - t) R_{i,t'}` (Dr.Kernel, Eq. 2).

    Args:
        rewards: `[R, K]`, per rollout and turn.
        present: `[R, K]`, bool. Rewards elsewhere count as 0, whatever stands there, NaN too.
        gamma: Discount per turn.

    Returns:
        `[R, K]`, float32, or float64 if the rewards are. Where a turn is not present: what follows it, discounted.
    """
    kept = rewards.to(torch.promote_types(rewards.dtype, torch.float32)).where(present, 0.0)
    if gamma == 1.0:
        return kept.flip(1).cumsum(1).flip(1)
    returns = kept.clone()
    for turn in range(kept.shape[1] - 2, -1, -1):
        returns[:, turn] += gamma * returns[:, turn + 1]
    return returns
