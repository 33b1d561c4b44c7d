"""Elements that two programs gave different values: a race, unless both end up storing the same value there.

Programs that do redundant work overwrite each other's intermediate results in any order, which is harmless as long as
the last store of each leaves the same value. So the verdict waits until the launch is over.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from sandboxes.ttir.ir import Location

MAX_DISPUTES = 64
"""Elements under observation; the first are as good as any."""

MAX_PROGRAMS = 64
"""Programs per element under observation."""

_INTEGERS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def bits(values: Tensor) -> Tensor:
    """The values' bits as integers."""
    return values.contiguous().view(_INTEGERS[values.element_size()])


def differ(left: Tensor, right: Tensor) -> Tensor:
    """Where values differ by more than what recomputing them at another place of a tensor may change.

    A GPU gives programs that compute the same thing the same bits. This executor may not: vectorised functions and
    matrix products round by the position of an element. So numbers of 32 bits may differ by 1e-4 (64 bits: 1e-10),
    relative to the element, and those of 16 bits by one step; where terms cancel, by a tenth of 1e-4 relative to what
    is small among the others. Floats of 8 bits are too coarse to forgive a step.
    """
    different = bits(left) != bits(right)
    if not left.is_floating_point() or not bool(different.any()):
        return different
    a, b = left.double(), right.double()
    different &= ~((a.isnan() & b.isnan()) | (a == b))
    if left.element_size() == 1:
        return different
    tolerance = 1e-10 if left.dtype == torch.float64 else 1e-4
    size = torch.maximum(a.abs(), b.abs())
    distance = (a - b).abs()
    if left.element_size() == 2:
        different &= (_steps(left) - _steps(right)).abs() > 1
    else:
        different &= ~(size.isfinite() & (distance <= tolerance * size))
    if bool(different.any()):
        different &= ~(size.isfinite() & (distance <= 0.1 * tolerance * _small(size)))
    return different


def _steps(values: Tensor) -> Tensor:
    """Which float it is, counted from zero."""
    magnitude = bits(values).long() & (1 << 8 * values.element_size() - 1) - 1
    return torch.where(torch.signbit(values), -magnitude, magnitude)


def _small(sizes: Tensor) -> float:
    """The size that a tenth of the numbers (zeros aside) stay below: a few huge ones say nothing about the others."""
    sizes = sizes[sizes.isfinite() & (sizes > 0)]
    return float(torch.kthvalue(sizes, 1 + sizes.numel() // 10).values) if sizes.numel() else 0.0


@dataclass(slots=True, eq=False)
class Dispute:
    """One element, and what each program stored there last."""

    offset: int
    first: int
    """Linear program id plus one of the earlier program."""
    second: int
    lane: int
    location: Location
    argument: int
    """Index of the buffer through which the second program stored."""
    values: dict[int, Tensor]
    """One element by program."""

    def settled(self) -> bool:
        """Whether all programs agree by now."""
        values = list(self.values.values())
        return not any(bool(differ(values[0], value).any()) for value in values[1:])


class Disputes:
    """The disputed elements of one storage."""

    def __init__(self) -> None:
        self._by_offset: dict[int, Dispute] = {}

    def __bool__(self) -> bool:
        return bool(self._by_offset)

    def add(self, dispute: Dispute) -> None:
        """Observes an element (another pair of programs at the same element adds nothing)."""
        if len(self._by_offset) < MAX_DISPUTES:
            self._by_offset.setdefault(dispute.offset, dispute)

    def offsets(self) -> Tensor:
        """The elements under observation."""
        return torch.tensor(sorted(self._by_offset), dtype=torch.int64)

    def stored(self, offsets: Tensor, ids: Tensor, values: Tensor) -> None:
        """Programs stored values: what they stored before does not count any more."""
        known = self.offsets()
        for position in torch.nonzero(torch.isin(offsets, known)).flatten()[: MAX_DISPUTES * MAX_PROGRAMS].tolist():
            seen = self._by_offset[int(offsets[position])].values
            if len(seen) < MAX_PROGRAMS or int(ids[position]) in seen:
                seen[int(ids[position])] = values[position : position + 1].clone()

    def open(self) -> Dispute | None:
        """The first element about which programs still disagree."""
        return next((d for _, d in sorted(self._by_offset.items()) if not d.settled()), None)
