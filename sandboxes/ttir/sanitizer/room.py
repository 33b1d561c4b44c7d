"""Where the notes on a storage's elements lie: their memory grows with what a launch touches, not with the storage.

While all that is touched lies close together, notes are one window on the storage, so that strided accesses stay
strided. Beyond the allowance the window becomes pages, which follow in the order in which they are touched; when the
allowance is spent, elements of further pages have no notes, and nobody looks at them.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sandboxes.ttir.engine.values import expand_together
from sandboxes.ttir.memory.addressing import Layout, Request
from sandboxes.ttir.sanitizer.events import Event
from sandboxes.ttir.sanitizer.regions import Hull, hull_of

PAGE = 256
"""Elements of a page: small, so that touching one element here and there spends little of the allowance."""

SMALL = 2**22
"""Bytes of notes up to which a storage is noted as a whole."""


@dataclass(slots=True)
class Allowance:
    """Memory that notes may still take."""

    bytes: int

    def take(self, amount: int) -> bool:
        """Whether there is room, which is then taken."""
        if amount > self.bytes:
            return False
        self.bytes -= amount
        return True


class Room:
    """Which elements of a storage have notes, and at which position.

    Args:
        elements: of the storage.
        unit: bytes of all notes on one element.
        allowance: of the launch.
    """

    def __init__(self, elements: int, unit: int, allowance: Allowance) -> None:
        self._elements = elements
        self._unit = unit
        self._allowance = allowance
        self.low = 0
        """The first element of the window; page by page, positions go on behind it."""
        self.size = 0
        """Positions."""
        self._pages: Tensor | None = None
        """int32 number of each page, -1 if it has no notes; None while notes are a window."""
        self._used = 0

    def admit(self, event: Event) -> Event | None:
        """Makes room for an access (in bounds); returns what there is room for."""
        if self._pages is None:
            if self._widen(self._hull(event)):
                return event
            self._pages = torch.full((-(-self._elements // PAGE),), -1, dtype=torch.int32)
            self._used = self.size // PAGE
            self._pages[self.low // PAGE :][: self._used] = torch.arange(self._used, dtype=torch.int32)
        return self._admit_pages(event, self._pages)

    def positions(self, offsets: Tensor) -> Tensor:
        """Of the notes on elements that have been admitted; any for others."""
        if self._pages is None:
            return offsets - self.low if self.low else offsets
        inside = offsets.clamp(0, self._elements - 1)
        return self._pages[inside // PAGE].clamp(min=0).long() * PAGE + inside % PAGE

    def moved(self, request: Request, block: Layout | None) -> tuple[tuple[Tensor, ...], Layout | None]:
        """The terms and the layout of an admitted access, for positions instead of elements."""
        if self._pages is not None:
            return (self.positions(request.offsets()),), None
        if not self.low:
            return request.terms, block
        terms = sorted(request.terms, key=Tensor.numel)
        return (terms[0] - self.low, *terms[1:]), block and replace(block, start=block.start - self.low)

    def _hull(self, event: Event) -> Hull:
        """Of the elements that the access touches, as far as they exist."""
        request = event.request
        if event.block is not None:
            low, high = hull_of(event.block)
        else:
            ends = _active(request).aminmax()
            low, high = int(ends.min), int(ends.max)
        return max(low, 0), min(high, self._elements - 1)

    def _widen(self, hull: Hull) -> bool:
        """Widens the window to hold a hull, with some slack so that it is not widened at every step."""
        if not self.size:
            return (self._elements * self._unit <= SMALL and self._take((0, self._elements - 1))) or self._take(hull)
        last = self.low + self.size - 1
        low, high = min(hull[0], self.low), max(hull[1], last)
        if (low, high) == (self.low, last):
            return True
        slack = self.size // 2
        return self._take((low - slack * (low < self.low), high + slack * (high > last))) or self._take((low, high))

    def _take(self, hull: Hull) -> bool:
        low = max(0, hull[0]) // PAGE * PAGE
        size = -(-(min(hull[1] + 1, self._elements) - low) // PAGE) * PAGE
        if not self._allowance.take((size - self.size) * self._unit):
            return False
        self.low, self.size = low, size
        return True

    def _admit_pages(self, event: Event, pages: Tensor) -> Event | None:
        request = event.request
        touched = torch.unique(_active(request) // PAGE)
        missing = touched[pages[touched] < 0]
        if missing.numel():
            count = min(missing.numel(), self._reserve(missing.numel()))
            pages[missing[:count]] = torch.arange(self._used, self._used + count, dtype=torch.int32)
            self._used += count
        masks = request.masks
        if not bool((pages[touched] >= 0).all()):
            known = pages[request.offsets().clamp(0, self._elements - 1) // PAGE] >= 0
            masks = (*masks, known)
            request = Request(request.buffer, request.terms, masks, request.shape)
            mask = request.mask()
            if mask is None or not bool(mask.any()):
                return None
        return replace(event, request=request, block=None)

    def _reserve(self, wanted: int) -> int:
        """Pages that are free now, after an attempt to get as many as wanted."""
        cost, total = PAGE * self._unit, self.size // PAGE
        if total - self._used < wanted:
            more = min(max(wanted - (total - self._used), total // 2), self._allowance.bytes // cost)
            self._allowance.take(more * cost)
            self.size += more * PAGE
        return self.size // PAGE - self._used


def _active(request: Request) -> Tensor:
    """The offsets of the active lanes."""
    offsets, mask = request.offsets(), request.mask()
    if mask is None:
        return offsets.reshape(-1)
    offsets, mask = expand_together(offsets, mask)
    return offsets[mask]
