"""How far sampling and training are apart, and how much was dropped for it."""

from math import log
from typing import Final

import torch
from torch import Tensor

from policies.mismatch.ratios import LARGEST, Level, Segments, clamped_exp, log_ratios
from policies.mismatch.rejection import RejectionBand

CATASTROPHIC: Final = 1e-4
"""Below this ratio a token is told as catastrophic where no veto says what is."""
METRICS: Final = (
    "kl",
    "k3",
    "train_perplexity",
    "sampling_perplexity",
    "log_perplexity_difference",
    "perplexity_ratio",
    "chi_square_token",
    "chi_square_episode",
    "weight_mean",
    "weight_min",
    "weight_max",
    "ratio_mean",
    "ratio_min",
    "ratio_max",
    "outside_band",
    "vetoed",
    "masked_tokens",
    "masked_episodes",
    "catastrophic_tokens",
    "unknown_tokens",
)
"""Names of what is told."""


def mismatch_metrics(
    train_logps: Tensor, sampling_logps: Tensor, mask: Tensor, turn_ids: Tensor, kept: Tensor, band: RejectionBand
) -> dict[str, float]:
    """Returns the numbers below; all are 0 if the mask is empty.

    Args:
        train_logps: As for `keep_mask`.
        sampling_logps: As for `keep_mask`.
        mask: As for `keep_mask`.
        turn_ids: As for `keep_mask`.
        kept: What `keep_mask` returned.
        band: What it was called with.

    Returns:
        By name:
        `kl`, `k3`: KL(sampling || train) per token, as the mean of `-d` and of `exp(d) - d - 1` (never negative).
        `train_perplexity`, `sampling_perplexity`, `log_perplexity_difference` (train minus sampling) and
        `perplexity_ratio`: means over episodes.
        `chi_square_token`, `chi_square_episode`: mean squared ratio of tokens and of whole episodes, minus 1.
        `weight_mean`, `weight_min`, `weight_max`: ratios of tokens, not truncated.
        `ratio_mean`, `ratio_min`, `ratio_max`: geometric means over the segments that the band judges.
        `outside_band`, `vetoed`: fractions of the segments that each judges.
        `masked_tokens`, `masked_episodes`: fractions of tokens that are not kept, and of episodes of which none is.
        `catastrophic_tokens`: fraction below the ratio of the veto.
        `unknown_tokens`: fraction whose log-probability sampling could not tell.
    """
    mask = mask.bool()
    if not mask.any():
        return dict.fromkeys(METRICS, 0.0)
    ratios = log_ratios(train_logps, sampling_logps, mask)
    tokens = ratios[mask]
    weights = clamped_exp(tokens)
    episodes = Segments.of(mask, turn_ids, Level.EPISODE)
    with_tokens = episodes.present
    judged = Segments.of(mask, turn_ids, band.level)
    means = judged.means(ratios)[judged.present]
    vetoing = Segments.of(mask, turn_ids, band.veto_level)
    lowest = vetoing.lowest(ratios)[vetoing.present]
    train = train_logps.detach().double().where(mask, 0.0)
    train_entropy = -episodes.means(train)[with_tokens]
    sampling_entropy = -episodes.means(train - ratios)[with_tokens]  # where unknown, that of training
    difference = train_entropy - sampling_entropy
    geometric = clamped_exp(means)
    threshold = log(CATASTROPHIC if band.veto is None else band.veto)
    values = {
        "kl": -tokens.mean(),
        "k3": (weights - tokens.clamp(-LARGEST, LARGEST) - 1.0).mean(),
        "train_perplexity": train_entropy.exp().mean(),
        "sampling_perplexity": sampling_entropy.exp().mean(),
        "log_perplexity_difference": difference.mean(),
        "perplexity_ratio": clamped_exp(difference).mean(),
        "chi_square_token": weights.square().mean() - 1.0,
        "chi_square_episode": clamped_exp(episodes.sums(ratios)[with_tokens]).square().mean() - 1.0,
        "weight_mean": weights.mean(),
        "weight_min": weights.min(),
        "weight_max": weights.max(),
        "ratio_mean": geometric.mean(),
        "ratio_min": geometric.min(),
        "ratio_max": geometric.max(),
        "outside_band": (~band.holds(means)).double().mean(),
        "vetoed": (lowest < threshold).double().mean() * (band.veto is not None),
        "masked_tokens": (~kept.bool()[mask]).double().mean(),
        "masked_episodes": (episodes.sums((kept.bool() & mask).double())[with_tokens] == 0).double().mean(),
        "catastrophic_tokens": (tokens < threshold).double().mean(),
        "unknown_tokens": sampling_logps.isnan()[mask].double().mean(),
    }
    return dict(zip(values, torch.stack(list(values.values())).tolist(), strict=True))
