"""Which programs have stored to an element: asked only where several have, so pairs in sorted order do."""

from typing import Final

import torch
from torch import Tensor

ID_BITS: Final = 27
"""Linear program ids plus one that pairs and notes can hold."""

MAX_PAIRS: Final = 2**22
"""Pairs of element and program; beyond that every program counts as one that has stored, which accuses nobody."""


class Owners:
    """Pairs of an element and a program that has stored there."""

    def __init__(self) -> None:
        self._runs: list[Tensor] = []
        """Sorted int64 keys, in runs that are at least twice as long as the next."""
        self._full = False

    def add(self, offsets: Tensor, ids: Tensor) -> None:
        """Programs (as linear ids plus one) store to elements, pair by pair."""
        keys = torch.unique(_keys(offsets, ids))
        keys = keys[~self._known(keys)]
        if self._full or not keys.numel():
            return
        if sum(run.numel() for run in self._runs) + keys.numel() > MAX_PAIRS:
            self._full = True
            return
        while self._runs and self._runs[-1].numel() < 2 * keys.numel():
            keys = torch.cat([self._runs.pop(), keys]).sort().values
        self._runs.append(keys)

    def have(self, offsets: Tensor, ids: Tensor) -> Tensor:
        """Whether the programs have stored to the elements, pair by pair."""
        if self._full:
            return torch.ones(offsets.shape, dtype=torch.bool)
        return self._known(_keys(offsets, ids))

    def of(self, offset: int, limit: int) -> list[int]:
        """Programs that have stored to an element, at most so many."""
        bounds = torch.tensor([offset << ID_BITS, (offset + 1) << ID_BITS])
        found: list[int] = []
        for run in self._runs:
            first, last = torch.searchsorted(run, bounds).tolist()
            found += (run[first : min(last, first + limit)] - bounds[0]).tolist()
        return found[:limit]

    def another(self, offset: int, program: int) -> int | None:
        """A program, other than this one, that has stored to an element."""
        return next((other for other in self.of(offset, 2) if other != program), None)

    def _known(self, keys: Tensor) -> Tensor:
        known = torch.zeros(keys.shape, dtype=torch.bool)
        for run in self._runs:
            at = torch.searchsorted(run, keys).clamp_(max=run.numel() - 1)
            known |= run[at] == keys
        return known


def _keys(offsets: Tensor, ids: Tensor) -> Tensor:
    return (offsets << ID_BITS) | ids.to(torch.int64)
