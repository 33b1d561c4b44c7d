"""Mismatch rejection sampling: which turns or episodes are too far from what the trained policy would sample.

Dr.Kernel, Eq. 6: with `d` the log-ratios of an episode's tokens over all its turns, `w = exp(mean d)`, the episode is
kept if w is within 0.999 and 1.001; a token with a ratio below 1e-4 drops what it is in.
"""

from dataclasses import dataclass
from math import log

from torch import Tensor

from kernelgym.errors import BadUsage
from policies.mismatch.ratios import Level, Segments, log_ratios


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectionBand:
    """What is kept; the defaults are those of the Dr.Kernel recipe.

    The same band is narrow for short answers and wide for long ones: the deviation of a mean falls with the root of the
    number of tokens. An engine that samples in another precision than training needs a wider one; `ratio_min` and
    `ratio_max` of the metrics say how wide.

    Raises:
        BadUsage: The band is empty, or a number or a level is out of range.
    """

    lower: float = 0.999
    """Least geometric mean of the ratios that is kept."""
    upper: float = 1.001
    """Greatest one."""
    level: Level = Level.EPISODE
    """What the mean is over, and is dropped with it: EPISODE or TURN."""
    veto: float | None = 1e-4
    """A token with a ratio below drops what it is in. None: no veto."""
    veto_level: Level = Level.TURN
    """What it drops: the TURN, as Dr.Kernel's implementation does, or the EPISODE, as the paper says."""

    def __post_init__(self) -> None:
        if not 0.0 < self.lower <= 1.0 <= self.upper:
            raise BadUsage(f"the band of ratios is {self.lower} to {self.upper}; give one above 0 with 1 in it")
        if self.veto is not None and not 0.0 < self.veto < 1.0:
            raise BadUsage(f"the veto is at a ratio of {self.veto}; give one between 0 and 1, or None for no veto")
        if Level.TOKEN in (self.level, self.veto_level):
            raise BadUsage("a band or a veto per token would train on torn actions; choose turn or episode")

    def holds(self, means: Tensor) -> Tensor:
        """Returns which mean log-ratios are in the band; NaN is in none."""
        return means.ge(log(self.lower)) & means.le(log(self.upper))


def keep_mask(
    train_logps: Tensor, sampling_logps: Tensor, mask: Tensor, turn_ids: Tensor, band: RejectionBand
) -> Tensor:
    """Returns which tokens are still learned from, bool `[B, T]`: those of the mask whose turn and episode are kept.

    Args:
        train_logps: `[B, T]`: natural log-probabilities of the sampled tokens by the policy that is trained.
        sampling_logps: `[B, T]`: by the one that sampled, of the distribution that was drawn from, so at the same
            temperature; NaN where unknown, which counts as no difference.
        mask: `[B, T]`, bool or 0 and 1: the tokens that would be learned from. A row may have none.
        turn_ids: `[B, T]`, integers: the turn of its row that a token of the mask belongs to; elsewhere anything.
        band: What is kept.
    """
    mask = mask.bool()
    ratios = log_ratios(train_logps, sampling_logps, mask)
    judged = Segments.of(mask, turn_ids, band.level)
    kept = mask & judged.shared(band.holds(judged.means(ratios)))
    if band.veto is None:
        return kept
    vetoing = Segments.of(mask, turn_ids, band.veto_level)
    return kept & ~vetoing.shared(vetoing.lowest(ratios) < log(band.veto))
