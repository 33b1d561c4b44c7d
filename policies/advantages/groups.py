"""The rollouts of one prompt as one row of a table: sums by group, handed back to the members, without loops."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """Which rollout belongs to which of Q groups."""

    index: Tensor
    """`[R]`, int64: row of a table for each rollout."""
    count: int
    """Q, the number of rows of a table."""

    @classmethod
    def of(cls, labels: Tensor) -> Self:
        """Returns the groups of rollouts whose labels, `[R]` of any integers in any order, are equal."""
        distinct, index = torch.unique(labels, return_inverse=True)
        return cls(index=index, count=len(distinct))

    def total(self, values: Tensor) -> Tensor:
        """Returns the sums by group, `[Q, K]`, of values `[R, K]`."""
        return values.new_zeros(self.count, values.shape[1]).index_add_(0, self.index, values)

    def lowest(self, values: Tensor) -> Tensor:
        """Returns the minima by group, `[Q, K]`, of values `[R, K]`; 0 where all are infinite."""
        start = values.new_full((self.count, values.shape[1]), torch.inf)
        least = start.scatter_reduce_(0, self.index[:, None].expand_as(values), values, "amin")
        return least.where(least.isfinite(), 0.0)

    def shared(self, table: Tensor) -> Tensor:
        """Returns each rollout's row, `[R, K]`, of a table `[Q, K]`."""
        return table[self.index]
