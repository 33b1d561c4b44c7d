"""One ratio of policies per turn, GSPO's idea for conversations.

GSPO replaces the ratios of tokens by one per sequence, their geometric mean, because the reward is the sequence's. In
an episode the reward is the turn's. One ratio for all its turns would give each the mean advantage of the episode, so
that the credit of turns would be lost; one per turn keeps it.

Source:
    Group Sequence Policy Optimization, arXiv 2507.18071, equations 7 and 14 (GSPO-token), for y_i a turn.
"""

import torch
from torch import Tensor


def turn_means(values: Tensor, mask: Tensor, turn_ids: Tensor) -> Tensor:
    """Returns for each token the mean over its turn's tokens.

    Args:
        values: [B, T], float.
        mask: [B, T]: 1 for the tokens that are in the mean.
        turn_ids: [B, T] int64, -1 where there is no turn.

    Returns:
        [B, T]; 0 where there is no turn, or nothing of it is in the mask.
    """
    inside = mask.bool() & (turn_ids >= 0)
    places = turn_ids.clamp(min=0)
    turns = int(places.max()) + 1 if places.numel() else 1
    sums = values.new_zeros(values.size(0), turns).scatter_add(1, places, torch.where(inside, values, 0.0))
    counts = values.new_zeros(values.size(0), turns).scatter_add(1, places, inside.to(values.dtype))
    return (sums / counts.clamp(min=1.0)).gather(1, places) * (turn_ids >= 0)


def anchored(logps: Tensor, old: Tensor, mask: Tensor, turn_ids: Tensor) -> Tensor:
    """Returns old log-probabilities that make a ratio per token the ratio of its turn.

    With `s` the ratio of the turn, `exp(logp - anchored)` has the value `s` and the gradient `s * grad logp` at every
    token: equation 14 of the paper.

    Args:
        logps: [B, T], the current policy's.
        old: [B, T], of the policy that the ratio compares with.
        mask: [B, T]: 1 for the tokens of the loss.
        turn_ids: [B, T] int64, -1 where there is no turn.

    Returns:
        [B, T], without a gradient; `old` where there is no turn.
    """
    logps = logps.detach()
    return torch.where(turn_ids >= 0, logps - turn_means(logps - old, mask, turn_ids), old)
