"""What the programs of one launch do to one storage: regions while programs provably keep apart, elements after.

Recording a region costs a few operations on one number per program. An access is proven harmless if its programs keep
apart from each other (stores) and if it lies beside everything other programs did that could matter: in front of or
behind it, or, for programs that run together, because each program keeps to an interval of its own.
"""

import math
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from sandboxes.ttir.engine.machine import Machine
from sandboxes.ttir.sanitizer.disputes import Dispute
from sandboxes.ttir.sanitizer.elements import ID, Collision, Elements, changes, check_event
from sandboxes.ttir.sanitizer.events import OPPONENTS, Event, Kind
from sandboxes.ttir.sanitizer.regions import Hull, Region, apart, programs_apart, region
from sandboxes.ttir.sanitizer.room import Allowance

MAX_REGIONS = 256
"""Regions that are remembered before notes are taken on every element."""

MAX_MASK_BYTES = 2**24
"""Memory of the regions' masks before notes are taken on every element."""

_FAR = 2**62


@dataclass(slots=True, eq=False)
class _Chunk:
    """The programs that run together: from where to where each of them has reached so far."""

    first: Tensor
    last: Tensor
    waiting: list[Region] = field(default_factory=list)
    """Regions that are not in these numbers yet: most storages never need them."""

    def apart_with(self, latest: Region) -> bool:
        """Whether all programs keep to intervals of their own, this region included."""
        for item in (*self.waiting, latest):
            self.first[item.slots] = torch.minimum(self.first[item.slots], item.first)
            self.last[item.slots] = torch.maximum(self.last[item.slots], item.last)
        self.waiting.clear()
        touched = self.last >= self.first
        return apart(self.first[touched], self.last[touched])


class Track:
    """The accesses of one launch to one storage.

    Args:
        loads: whether the kernel loads from it.
        atomics: whether it updates it atomically.
        allowance: of the launch.
    """

    def __init__(self, *, loads: bool, atomics: bool, allowance: Allowance) -> None:
        self._matters = {Kind.LOAD: loads, Kind.STORE: True, Kind.ATOMIC: atomics}
        self._allowance = allowance
        self._regions: list[tuple[Kind, Region]] = []
        self._past: dict[Kind, Hull] = {}
        self._present: dict[Kind, Hull] = {}
        self._chunk: _Chunk | None = None
        self._mask_bytes = 0
        self._size = 0
        self._programs = 0
        self._views: dict[int, Track] = {}
        self.elements: Elements | None = None
        self.lines: dict[Kind, set[int]] = {kind: set() for kind in Kind}

    def begin(self, programs: int) -> None:
        """The next programs of the launch follow."""
        for kind, hull in self._present.items():
            self._past[kind] = _joined(self._past.get(kind), hull)
        self._present.clear()
        self._programs, self._chunk = programs, None
        if self.elements is None:
            self._chunk = _Chunk(torch.full((programs,), _FAR), torch.full((programs,), -_FAR))
        for view in self._views.values():
            view.begin(programs)

    def add(self, machine: Machine, event: Event) -> Collision | None:
        """Takes note of an access; returns where it meets another program's."""
        if not self._matters[event.kind] or math.prod(machine.grid) >= ID:
            return None
        size = event.request.buffer.data.element_size()
        self._size = self._size or size
        if size != self._size:
            return self._view(size).add(machine, event)
        if len(self.lines[event.kind]) < 4:
            self.lines[event.kind].add(event.location.user_line())
        if self.elements is None and event.block is not None:
            latest = region(event.request, event.block, event.ids, machine.frame.slots)
            if self._harmless(event, latest):
                self._keep(event.kind, self._compared(machine, event, latest))
                return None
        if self.elements is None:
            self.elements = self._look_closer(machine, event)
        return self.elements.meet(machine, event)

    def _view(self, size: int) -> "Track":
        """The same storage as elements of another size, whose accesses are compared with each other only."""
        if size not in self._views:
            view = Track(loads=self._matters[Kind.LOAD], atomics=self._matters[Kind.ATOMIC], allowance=self._allowance)
            view.lines = self.lines
            view.begin(self._programs)
            self._views[size] = view
        return self._views[size]

    def dispute(self) -> Dispute | None:
        """An element about which programs disagree when the launch is over."""
        own = self.elements.disputes.open() if self.elements is not None else None
        return own or next(filter(None, (view.dispute() for view in self._views.values())), None)

    def _harmless(self, event: Event, latest: Region) -> bool:
        """Whether the access provably meets no other program's."""
        if len(self._regions) >= MAX_REGIONS or self._mask_bytes + latest.mask_bytes > MAX_MASK_BYTES:
            return False
        assert event.block is not None
        if event.kind is Kind.STORE and not programs_apart(event.block, event.ids.numel()):
            return False
        opponents = OPPONENTS[event.kind]
        if any(_overlap(self._past.get(kind), latest.hull) for kind in opponents):
            return False
        if not any(_overlap(self._present.get(kind), latest.hull) for kind in opponents):
            return True
        assert self._chunk is not None
        return latest.ids.numel() == 1 == self._chunk.first.numel() or self._chunk.apart_with(latest)

    def _compared(self, machine: Machine, event: Event, latest: Region) -> Region:
        """With where a store changes bits, if loads may depend on that: later, what it overwrites is gone."""
        if event.kind is not Kind.STORE or not self._matters[Kind.LOAD]:
            return latest
        check_event(machine, event)
        changed = changes(machine, event)
        mask = event.request.mask()
        if bool((changed if mask is None else changed | ~mask).all()):
            changed = torch.ones([1] * changed.dim(), dtype=torch.bool)
        return replace(latest, changed=changed, mask_bytes=latest.mask_bytes + changed.numel())

    def _keep(self, kind: Kind, latest: Region) -> None:
        self._regions.append((kind, latest))
        self._mask_bytes += latest.mask_bytes
        self._present[kind] = _joined(self._present.get(kind), latest.hull)
        assert self._chunk is not None
        self._chunk.waiting.append(latest)

    def _look_closer(self, machine: Machine, event: Event) -> Elements:
        """Notes on every element from now on, with what has been kept until now."""
        numel = event.request.buffer.data.numel()
        elements = Elements(
            numel, loads=self._matters[Kind.LOAD], atomics=self._matters[Kind.ATOMIC], allowance=self._allowance
        )
        for kind, known in self._regions:
            elements.recall(machine, kind, known)
        self._regions.clear()
        self._chunk = None
        return elements


def _joined(one: Hull | None, other: Hull) -> Hull:
    return other if one is None else (min(one[0], other[0]), max(one[1], other[1]))


def _overlap(one: Hull | None, other: Hull) -> bool:
    return one is not None and one[0] <= other[1] and other[0] <= one[1]
