"""Log-ratios of the sampled tokens, and their sums and minima over turns and episodes."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

import torch
from torch import Tensor

LARGEST: Final = 20.0
"""Log-ratios are clamped to this on both sides before `exp`: e^20 is 5e8."""


class Level(StrEnum):
    """What is judged or weighed as one."""

    TOKEN = "token"
    TURN = "turn"
    EPISODE = "episode"


def log_ratios(train_logps: Tensor, sampling_logps: Tensor, mask: Tensor) -> Tensor:
    """Returns `d = log p_train - log p_sampling`, float64 `[B, T]`: 0 outside the mask and where sampling is NaN.

    Args:
        train_logps: `[B, T]`, natural logarithm.
        sampling_logps: `[B, T]`; NaN where the sampler could not say.
        mask: `[B, T]`, bool.

    Returns:
        Without a gradient; NaN where training could not say or both are infinite, which is in no band.
    """
    difference = train_logps.detach().double() - sampling_logps.detach().double()
    return difference.where(mask & ~sampling_logps.isnan(), 0.0)


def clamped_exp(values: Tensor) -> Tensor:
    """Returns `exp` of log-ratios that are clamped to `LARGEST`."""
    return values.clamp(-LARGEST, LARGEST).exp()


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments:
    """Turns or episodes of a batch: tables `[B, K]` of one number each, K = 1 for episodes."""

    index: Tensor
    """`[B, T]`, int64: column of a token's segment; 0 outside the mask."""
    sizes: Tensor
    """`[B, K]`, float64: tokens of the mask."""
    mask: Tensor
    """`[B, T]`, bool."""

    @classmethod
    def of(cls, mask: Tensor, turn_ids: Tensor, level: Level) -> Self:
        """Returns the segments of the tokens in the mask.

        Raises:
            ValueError: A token of the mask belongs to no turn.
        """
        if (mask & (turn_ids < 0)).any():
            raise ValueError("a token to be learned from has a negative turn: the mask is not that of the turns")
        index = turn_ids.long().where(mask, 0) if level == Level.TURN else torch.zeros_like(turn_ids, dtype=torch.long)
        columns = int(index.max()) + 1 if index.numel() else 1
        sizes = mask.new_zeros(mask.shape[0], columns, dtype=torch.float64).scatter_add_(1, index, mask.double())
        return cls(index=index, sizes=sizes, mask=mask)

    @property
    def present(self) -> Tensor:
        """Which segments have a token, bool `[B, K]`."""
        return self.sizes > 0

    def sums(self, values: Tensor) -> Tensor:
        """Returns the sums, `[B, K]`, of values `[B, T]` that are 0 outside the mask."""
        return torch.zeros_like(self.sizes).scatter_add_(1, self.index, values)

    def means(self, values: Tensor) -> Tensor:
        """Returns the means, `[B, K]`, likewise; 0 where a segment has no token."""
        return self.sums(values) / self.sizes.clamp(min=1)

    def lowest(self, values: Tensor) -> Tensor:
        """Returns the minima, `[B, K]`, likewise; infinite where a segment has no token."""
        start = torch.full_like(self.sizes, torch.inf)
        return start.scatter_reduce_(1, self.index, values.where(self.mask, torch.inf), "amin")

    def shared(self, table: Tensor) -> Tensor:
        """Returns each token's entry, `[B, T]`, of a table `[B, K]`."""
        return table.gather(1, self.index)
