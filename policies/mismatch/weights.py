"""Truncated importance weights: everything is kept, and counts by how likely the trained policy would sample it.

Yao et al. 2025, "Your Efficient RL Framework Secretly Brings You Off-Policy RL Training": the weight of a sample is
`min(C, p_train / p_sampling)`, with C = 2; the cut bounds the variance for a bias towards the sampling policy.
"""

from torch import Tensor

from kernelgym.errors import BadUsage
from policies.mismatch.ratios import Level, Segments, clamped_exp, log_ratios


def truncated_weights(
    train_logps: Tensor,
    sampling_logps: Tensor,
    mask: Tensor,
    turn_ids: Tensor,
    level: Level = Level.TOKEN,
    upper: float = 2.0,
    lower: float | None = None,
) -> Tensor:
    """Returns importance weights, float32 `[B, T]`, without a gradient and 0 outside the mask.

    Args:
        train_logps: As for `keep_mask`.
        sampling_logps: As for `keep_mask`.
        mask: As for `keep_mask`.
        turn_ids: As for `keep_mask`.
        level: Whose probabilities: those of the token, or their product over its turn or episode, which is the exact
            ratio but of high variance.
        upper: Greatest weight.
        lower: Least weight; None for no bound.

    Raises:
        BadUsage: 1 is not between the bounds.
    """
    if not (upper >= 1.0 and (lower is None or 0.0 <= lower <= 1.0)):
        raise BadUsage(f"importance weights are to be {lower} to {upper}; give bounds with 1 between them")
    mask = mask.bool()
    ratios = log_ratios(train_logps, sampling_logps, mask)
    if level != Level.TOKEN:
        segments = Segments.of(mask, turn_ids, level)
        ratios = segments.shared(segments.sums(ratios))
    return clamped_exp(ratios).clamp(min=lower, max=upper).where(mask, 0.0).float()
